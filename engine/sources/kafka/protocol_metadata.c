/*
 * sources/kafka/protocol_metadata.c - Metadata: the brokers, and who leads which partition.
 *
 * Up to version 3 a topic that is named is made when the broker is set up to make topics; then all topics are asked for, and
 * those that nobody wanted are skipped. (Only the mock broker of old librdkafkas is met there: Kafka 0.11 has version 4.)
 */
#include <librdkafka/rdkafka.h>
#include <sources/kafka/codec.h>

static const connection_api metadata_api = { 3, "Metadata", 1, 12, 9 };

typedef struct reading {
    wire_reader *reader;
    int16_t version;
    const metadata_ask *ask;
    arena *arena;
} reading;

static void brokers_read(const reading *reading, metadata *metadata);
static void topic_read(const reading *reading, metadata *metadata);

sl_result metadata_get(connection *connection, const metadata_ask *ask, arena *arena, metadata *metadata,
                       failure *failure)
{
    int16_t version = 0;
    SL_TRY(connection_version(connection, &metadata_api, &version, failure));
    wire_writer writer = connection_request(connection, &metadata_api, version);
    metadata_write(&writer, version, ask);
    SL_TRY(connection_send(connection, failure));
    wire_reader *reader = connection_answer(connection, 0, failure);
    if (reader == NULL)
        return failure->result;
    codec_answer answer = { reader, version };
    metadata_read(&answer, ask, arena, metadata);
    return connection_answered(connection, failure);
}

void metadata_write(const wire_writer *writer, int16_t version, const metadata_ask *ask)
{
    static const wire_uuid none;
    bool by_name = version >= 4;
    wire_put_count(writer, by_name ? (int64_t)ask->count : -1);
    for (size_t i = 0; i < ask->count && by_name; i++) {
        if (version >= 10)
            wire_put_uuid(writer, &none);
        wire_put_text(writer, ask->topics[i]);
        wire_put_no_tags(writer);
    }
    if (version >= 4)
        wire_put_i8(writer, 0); /* make none */
    if (version >= 8 && version <= 10)
        wire_put_i8(writer, 0); /* what may be done to the cluster: not asked */
    if (version >= 8)
        wire_put_i8(writer, 0); /* to the topics: neither */
    wire_put_no_tags(writer);
}

void metadata_read(const codec_answer *answer, const metadata_ask *ask, arena *arena, metadata *metadata)
{
    wire_reader *reader = answer->reader;
    reading reading = { reader, answer->version, ask, arena };
    *metadata = (struct metadata){ .topic_count = ask->count };
    metadata->topics = arena_take(arena, (ask->count + 1) * sizeof *metadata->topics);
    for (size_t i = 0; i < ask->count; i++)
        metadata->topics[i] =
            (metadata_topic){ .name = ask->topics[i], .error = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART };
    if (answer->version >= 3)
        metadata->throttle_ms = wire_get_i32(reader);
    brokers_read(&reading, metadata);
    if (answer->version >= 2)
        wire_get_text(reader); /* the cluster's id */
    wire_get_i32(reader);      /* the controller */
    reader->part = "the number of topics";
    size_t count = wire_get_count(reader, 6);
    for (size_t i = 0; i < count && !reader->bad; i++)
        topic_read(&reading, metadata);
    if (answer->version >= 8 && answer->version <= 10)
        wire_get_i32(reader); /* what may be done to the cluster */
    wire_skip_tags(reader);
}

static const char *text_keep(const reading *reading, sl_text text)
{
    if (text.at == NULL)
        return NULL;
    char *copy = arena_take(reading->arena, text.size + 1);
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    return copy;
}

static void brokers_read(const reading *reading, metadata *metadata)
{
    wire_reader *reader = reading->reader;
    reader->part = "the brokers";
    size_t count = wire_get_count(reader, 10);
    metadata->brokers = arena_take(reading->arena, (count + 1) * sizeof *metadata->brokers);
    for (; metadata->broker_count < count && !reader->bad; metadata->broker_count++) {
        metadata_broker *broker = &metadata->brokers[metadata->broker_count];
        broker->id = wire_get_i32(reader);
        broker->host = text_keep(reading, wire_get_text(reader));
        broker->port = wire_get_i32(reader);
        broker->rack = text_keep(reading, wire_get_text(reader));
        wire_skip_tags(reader);
        if (!reader->bad && (broker->host == NULL || broker->port < 0 || broker->port > 65535))
            wire_fault(reader, "a broker without host or port", broker->port);
    }
}

static void numbers_skip(wire_reader *reader)
{
    wire_skip(reader, wire_get_count(reader, sizeof(int32_t)) * sizeof(int32_t));
}

static metadata_partition partition_read(const reading *reading)
{
    wire_reader *reader = reading->reader;
    metadata_partition partition;
    partition.error = wire_get_i16(reader);
    partition.index = wire_get_i32(reader);
    partition.leader = wire_get_i32(reader);
    partition.leader_epoch = reading->version >= 7 ? wire_get_i32(reader) : -1;
    numbers_skip(reader); /* replicas */
    numbers_skip(reader); /* those in sync */
    if (reading->version >= 5)
        numbers_skip(reader); /* those that are offline */
    wire_skip_tags(reader);
    return partition;
}

/* The one that was asked for, or one that nobody looks at. */
static metadata_topic *topic_named(const reading *reading, metadata *metadata, sl_text name,
                                   metadata_topic *other)
{
    for (size_t i = 0; i < reading->ask->count; i++)
        if (name.at && strlen(reading->ask->topics[i]) == name.size &&
            memcmp(reading->ask->topics[i], name.at, name.size) == 0)
            return &metadata->topics[i];
    return other;
}

static void topic_read(const reading *reading, metadata *metadata)
{
    wire_reader *reader = reading->reader;
    metadata_topic other = { 0 };
    reader->part = "a topic";
    int16_t error = wire_get_i16(reader);
    metadata_topic *topic = topic_named(reading, metadata, wire_get_text(reader), &other);
    topic->error = error;
    if (reading->version >= 10)
        topic->id = wire_get_uuid(reader);
    wire_get_i8(reader); /* whether it is an internal one */
    reader->part = "the partitions of a topic";
    size_t count = wire_get_count(reader, 15);
    topic->count = 0;
    topic->partitions =
        topic == &other ? NULL : arena_take(reading->arena, (count + 1) * sizeof *topic->partitions);
    for (size_t i = 0; i < count && !reader->bad; i++) {
        metadata_partition partition = partition_read(reading);
        if (topic->partitions && !reader->bad)
            topic->partitions[topic->count++] = partition;
    }
    if (reading->version >= 8)
        wire_get_i32(reader); /* what may be done to the topic */
    wire_skip_tags(reader);
}
