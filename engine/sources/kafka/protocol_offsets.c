/*
 * sources/kafka/protocol_offsets.c - ListOffsets: where partitions begin and end, and which offset belongs to a time.
 */
#include <librdkafka/rdkafka.h>
#include <sources/kafka/codec.h>

/* Newer versions tell the epoch, which nobody asks for; the mock cluster of librdkafka 2.0 puts a field too many into them. */
static const connection_api offsets_api = { 2, "ListOffsets", 2, 3, 6 };

static void topic_read(const codec_answer *answer, offsets_list *list);

sl_result offsets_get(connection *connection, offsets_part *parts, size_t count, int32_t *throttle_ms,
                      failure *failure)
{
    offsets_list list = { parts, count, connection_spec(connection)->read_committed, 0 };
    int16_t version = 0;
    SL_TRY(connection_version(connection, &offsets_api, &version, failure));
    wire_writer writer = connection_request(connection, &offsets_api, version);
    offsets_write(&writer, version, &list);
    SL_TRY(connection_send(connection, failure));
    wire_reader *reader = connection_answer(connection, 0, failure);
    if (reader == NULL)
        return failure->result;
    codec_answer answer = { reader, version };
    offsets_read(&answer, &list);
    *throttle_ms = list.throttle_ms;
    return connection_answered(connection, failure);
}

/* How many parts from i on are of the same topic. */
static size_t parts_together(const offsets_list *list, size_t i)
{
    size_t from = i;
    while (i < list->count && list->parts[i].topic == list->parts[from].topic)
        i++;
    return i - from;
}

void offsets_write(const wire_writer *writer, int16_t version, const offsets_list *list)
{
    int64_t topics = 0;
    for (size_t i = 0; i < list->count; i += parts_together(list, i))
        topics++;
    wire_put_i32(writer, -1); /* we are no replica */
    wire_put_i8(writer, list->read_committed);
    wire_put_count(writer, topics);
    for (size_t i = 0, next; i < list->count; i = next) {
        next = i + parts_together(list, i);
        wire_put_text(writer, list->parts[i].topic->name);
        wire_put_count(writer, (int64_t)(next - i));
        for (const offsets_part *part = &list->parts[i]; part < &list->parts[next]; part++) {
            wire_put_i32(writer, part->partition);
            if (version >= 4)
                wire_put_i32(writer, part->leader_epoch);
            wire_put_i64(writer, part->time_ms);
            wire_put_no_tags(writer);
        }
        wire_put_no_tags(writer);
    }
    wire_put_no_tags(writer);
}

void offsets_read(const codec_answer *answer, offsets_list *list)
{
    wire_reader *reader = answer->reader;
    for (size_t i = 0; i < list->count; i++) {
        list->parts[i].error = RD_KAFKA_RESP_ERR_UNKNOWN;
        list->parts[i].offset = list->parts[i].offset_epoch = -1;
    }
    list->throttle_ms = wire_get_i32(reader);
    reader->part = "the number of topics";
    size_t topics = wire_get_count(reader, 3);
    for (size_t i = 0; i < topics && !reader->bad; i++)
        topic_read(answer, list);
    wire_skip_tags(reader);
}

/* The first part of the topic, or NULL. */
static const protocol_topic *topic_named(const offsets_list *list, sl_text name)
{
    for (size_t i = 0; i < list->count; i += parts_together(list, i)) {
        const protocol_topic *topic = list->parts[i].topic;
        if (strlen(topic->name) == name.size &&
            (name.size == 0 || memcmp(topic->name, name.at, name.size) == 0))
            return topic;
    }
    return NULL;
}

/* Partitions mostly come as they were asked: the search goes on behind the one before. */
static offsets_part *part_of(const offsets_list *list, const protocol_topic *topic, int32_t partition,
                             size_t *next)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t at = (*next + i) % list->count;
        if (list->parts[at].topic != topic || list->parts[at].partition != partition)
            continue;
        *next = at + 1;
        return &list->parts[at];
    }
    return NULL;
}

static void topic_read(const codec_answer *answer, offsets_list *list)
{
    wire_reader *reader = answer->reader;
    reader->part = "a topic";
    const protocol_topic *topic = topic_named(list, wire_get_text(reader));
    size_t count = wire_get_count(reader, 22), next = 0;
    reader->part = "a partition";
    for (size_t i = 0; i < count && !reader->bad; i++) {
        int32_t partition = wire_get_i32(reader);
        offsets_part told = { .error = wire_get_i16(reader) };
        wire_get_i64(reader); /* the record's time */
        told.offset = wire_get_i64(reader);
        told.offset_epoch = answer->version >= 4 ? wire_get_i32(reader) : -1;
        wire_skip_tags(reader);
        offsets_part *part = topic && !reader->bad ? part_of(list, topic, partition, &next) : NULL;
        if (part == NULL) {
            wire_fault(reader, "a partition that nobody asked for", partition);
            continue;
        }
        part->error = told.error;
        part->offset = told.offset;
        part->offset_epoch = told.offset_epoch;
    }
    wire_skip_tags(reader);
}
