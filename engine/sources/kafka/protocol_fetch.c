/*
 * sources/kafka/protocol_fetch.c - Fetch: record sets, handed on while they arrive.
 *
 *     answer:    throttle, error, | topic: | partition: ..., aborted, records, tags | ... | tags | ...
 *
 * The records of a partition stand before its tagged fields. So who is told of a partition before its records are received
 * cannot know what the tags say; but brokers tag only those that come without records.
 */
#include <librdkafka/rdkafka.h>
#include <sources/kafka/codec.h>

enum { WITH_IDS = 13, TAG_DIVERGING = 0, TAG_LEADER = 1 };

static const connection_api fetch_api = { 1, "Fetch", 4, WITH_IDS, 12 };

static void part_write(const wire_writer *writer, int16_t version, const fetch_part *part);
static sl_result answer_end(fetch_answer *answer, failure *failure);
static void part_end(fetch_answer *answer);
static bool topic_begin(fetch_answer *answer);
static void part_begin(fetch_answer *answer, fetch_slice *slice);
static void part_tags(wire_reader *reader, fetch_slice *slice);

/* ---- The request ---- */

sl_result fetch_send(connection *connection, const fetch_ask *ask, failure *failure)
{
    const kafka_spec *spec = connection_spec(connection);
    int16_t version = 0;
    SL_TRY(connection_version(connection, &fetch_api, &version, failure));
    version = fetch_version(version, ask);
    wire_writer writer = connection_request(connection, &fetch_api, version);
    fetch_write(&writer, version, ask, &(fetch_manner){ spec->rack, spec->read_committed });
    return connection_send(connection, failure);
}

int16_t fetch_version(int16_t version, const fetch_ask *ask)
{
    for (size_t i = 0; i < ask->count && version >= WITH_IDS; i++)
        if (!wire_uuid_is(&ask->parts[i].topic->id))
            version = WITH_IDS - 1;
    return version;
}

/* How many parts from i on are of the same topic. */
static size_t parts_together(const fetch_ask *ask, size_t i)
{
    size_t from = i;
    while (i < ask->count && ask->parts[i].topic == ask->parts[from].topic)
        i++;
    return i - from;
}

void fetch_write(const wire_writer *writer, int16_t version, const fetch_ask *ask, const fetch_manner *manner)
{
    int64_t topics = 0;
    for (size_t i = 0; i < ask->count; i += parts_together(ask, i))
        topics++;
    wire_put_i32(writer, -1); /* we are no replica */
    wire_put_i32(writer, ask->wait_ms);
    wire_put_i32(writer, ask->bytes_min);
    wire_put_i32(writer, ask->bytes_max);
    wire_put_i8(writer, manner->read_committed);
    if (version >= 7) {
        wire_put_i32(writer, 0);  /* no session, */
        wire_put_i32(writer, -1); /* and none wanted */
    }
    wire_put_count(writer, topics);
    for (size_t i = 0, next; i < ask->count; i = next) {
        const protocol_topic *topic = ask->parts[i].topic;
        next = i + parts_together(ask, i);
        if (version >= WITH_IDS)
            wire_put_uuid(writer, &topic->id);
        else
            wire_put_text(writer, topic->name);
        wire_put_count(writer, (int64_t)(next - i));
        for (const fetch_part *part = &ask->parts[i]; part < &ask->parts[next]; part++)
            part_write(writer, version, part);
        wire_put_no_tags(writer);
    }
    if (version >= 7)
        wire_put_count(writer, 0); /* of a session: what to leave out from now on */
    if (version >= 11)
        wire_put_text(writer, manner->rack);
    wire_put_no_tags(writer);
}

static void part_write(const wire_writer *writer, int16_t version, const fetch_part *part)
{
    wire_put_i32(writer, part->partition);
    if (version >= 9)
        wire_put_i32(writer, part->leader_epoch);
    wire_put_i64(writer, part->offset);
    if (version >= 12)
        wire_put_i32(writer, part->last_epoch);
    if (version >= 5)
        wire_put_i64(writer, -1); /* where the log of a replica begins */
    wire_put_i32(writer, part->bytes_max);
    wire_put_no_tags(writer);
}

/* ---- The answer ---- */

sl_result fetch_begin(connection *connection, const fetch_ask *ask, fetch_answer *answer, failure *failure)
{
    wire_reader *reader = connection_answer(connection, ask->wait_ms, failure);
    if (reader == NULL)
        return failure->result;
    codec_answer from = { reader, connection_answer_version(connection) };
    answer->connection = connection;
    fetch_read(&from, ask, answer);
    return reader->bad ? answer_end(answer, failure) : SL_OK;
}

void fetch_read(const codec_answer *from, const fetch_ask *ask, fetch_answer *answer)
{
    *answer = (fetch_answer){ .reader = from->reader,
                              .version = from->version,
                              .ask = ask,
                              .connection = answer->connection,
                              .aborted = answer->aborted,
                              .seen = answer->seen };
    memset(buffer_reserve(&answer->seen, ask->count + 1), 0, ask->count + 1);
    answer->throttle_ms = wire_get_i32(from->reader);
    if (from->version >= 7) {
        answer->error = wire_get_i16(from->reader);
        wire_get_i32(from->reader); /* the session: none */
    }
    from->reader->part = "the number of topics";
    answer->topics_left = wire_get_count(from->reader, 3);
}

sl_result fetch_next(fetch_answer *answer, fetch_slice *slice, failure *failure)
{
    wire_reader *reader = answer->reader;
    slice->part = NULL;
    part_end(answer);
    while (answer->parts_left == 0 && !reader->bad) {
        if (answer->in_topic)
            wire_skip_tags(reader);
        answer->in_topic = false;
        if (answer->topics_left == 0) {
            wire_skip_tags(reader);
            return answer_end(answer, failure);
        }
        topic_begin(answer);
    }
    if (!reader->bad)
        part_begin(answer, slice);
    return reader->bad ? answer_end(answer, failure) : SL_OK;
}

sl_result fetch_records(fetch_answer *answer, void *to, size_t size, failure *failure)
{
    sl_expect(size <= answer->records_left);
    if (!wire_get_raw(answer->reader, to, size))
        return answer_end(answer, failure);
    answer->records_left -= size;
    return SL_OK;
}

void fetch_answer_done(fetch_answer *answer)
{
    buffer_done(&answer->aborted);
    buffer_done(&answer->seen);
}

/* Also when it went bad. Without a connection, in tests, the reader alone is asked. */
static sl_result answer_end(fetch_answer *answer, failure *failure)
{
    if (answer->connection)
        return connection_answered(answer->connection, failure);
    if (!answer->reader->bad)
        return SL_OK;
    buffer text = { 0 };
    wire_explain(answer->reader, &text);
    buffer_byte(&text, '\0');
    fail(failure, SL_RETRY, "%s", text.at);
    buffer_done(&text);
    return failure->result;
}

/* ---- Topics and partitions ---- */

static void part_end(fetch_answer *answer)
{
    if (!answer->in_part)
        return;
    wire_skip(answer->reader, answer->records_left);
    wire_skip_tags(answer->reader);
    answer->records_left = 0;
    answer->in_part = false;
}

static bool topic_is(const protocol_topic *topic, const wire_uuid *id, sl_text name)
{
    if (id)
        return memcmp(&topic->id, id, sizeof *id) == 0;
    return name.at && strlen(topic->name) == name.size && memcmp(topic->name, name.at, name.size) == 0;
}

static bool topic_begin(fetch_answer *answer)
{
    wire_reader *reader = answer->reader;
    const fetch_ask *ask = answer->ask;
    wire_uuid id = { 0 };
    sl_text name = { 0 };
    reader->part = "a topic";
    if (answer->version >= WITH_IDS)
        id = wire_get_uuid(reader);
    else
        name = wire_get_text(reader);
    answer->topic = NULL;
    for (size_t i = 0; i < ask->count && !reader->bad && answer->topic == NULL; i += parts_together(ask, i))
        if (topic_is(ask->parts[i].topic, answer->version >= WITH_IDS ? &id : NULL, name))
            answer->topic = ask->parts[i].topic;
    if (answer->topic == NULL)
        wire_fault(reader, "a topic that nobody asked for", (int64_t)name.size);
    answer->parts_left = wire_get_count(reader, 30);
    answer->topics_left--;
    answer->in_topic = true;
    return !reader->bad;
}

/* Parts mostly come as they were asked: the search goes on behind the one before. */
static const fetch_part *part_of(fetch_answer *answer, int32_t partition)
{
    const fetch_ask *ask = answer->ask;
    for (size_t i = 0; i < ask->count; i++) {
        size_t at = (answer->next_part + i) % ask->count;
        if (ask->parts[at].topic != answer->topic || ask->parts[at].partition != partition ||
            answer->seen.at[at])
            continue;
        answer->next_part = at + 1;
        answer->seen.at[at] = 1;
        return &ask->parts[at];
    }
    return NULL;
}

static void aborted_read(fetch_answer *answer, fetch_slice *slice)
{
    wire_reader *reader = answer->reader;
    reader->part = "the aborted transactions of a partition";
    size_t count = wire_get_count(reader, sizeof(fetch_aborted));
    answer->aborted.size = 0;
    fetch_aborted *list = (void *)buffer_reserve(&answer->aborted, (count + 1) * sizeof *list);
    for (size_t i = 0; i < count && !reader->bad; i++) {
        int64_t producer = wire_get_i64(reader);
        list[i] = (fetch_aborted){ producer, wire_get_i64(reader) };
        wire_skip_tags(reader);
    }
    slice->aborted = list;
    slice->aborted_count = count;
}

static void part_begin(fetch_answer *answer, fetch_slice *slice)
{
    wire_reader *reader = answer->reader;
    *slice = (fetch_slice){ .log_start = -1,
                            .preferred_replica = -1,
                            .diverging_epoch = -1,
                            .diverging_offset = -1,
                            .leader = -1,
                            .leader_epoch = -1 };
    reader->part = "a partition";
    answer->parts_left--;
    int32_t partition = wire_get_i32(reader);
    const fetch_part *part = part_of(answer, partition);
    if (part == NULL)
        wire_fault(reader, "a partition that nobody asked for, or that came already", partition);
    slice->error = wire_get_i16(reader);
    slice->high_watermark = wire_get_i64(reader);
    slice->last_stable = wire_get_i64(reader);
    if (answer->version >= 5)
        slice->log_start = wire_get_i64(reader);
    aborted_read(answer, slice);
    reader->part = "the records of a partition";
    if (answer->version >= 11)
        slice->preferred_replica = wire_get_i32(reader);
    slice->bytes = answer->records_left = wire_get_size(reader);
    answer->in_part = slice->bytes > 0;
    if (!answer->in_part)
        part_tags(reader, slice);
    if (!reader->bad)
        slice->part = part;
}

static void part_tags(wire_reader *reader, fetch_slice *slice)
{
    reader->part = "the tags of a partition";
    wire_tags tags = wire_tags_begin(reader);
    for (uint32_t tag = 0; wire_tags_next(reader, &tags, &tag);) {
        if (tag == TAG_DIVERGING) {
            slice->diverging_epoch = wire_get_i32(reader);
            slice->diverging_offset = wire_get_i64(reader);
        } else if (tag == TAG_LEADER) {
            slice->leader = wire_get_i32(reader);
            slice->leader_epoch = wire_get_i32(reader);
        }
    }
}
