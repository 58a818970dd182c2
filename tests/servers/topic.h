/*
 * tests/servers/topic.h - a Kafka topic as a test sees it: messages are put in and read back with plain clients of their
 * own, so that the source and the sink are not tested with themselves.
 */
#ifndef SERVERS_TOPIC_H
#define SERVERS_TOPIC_H

#include <base/buffer.h>
#include <base/settings.h>
#include <clients/kafka_mock.h>
#include <sluice/types.h>

typedef struct topic_message {
    int32_t partition; /* -1: by key */
    const char *key, *value;
    int64_t time_ms; /* 0: now */
} topic_message;

/* Returns when all are stored. */
void topic_send(const char *servers, const char *topic, const topic_message *messages, size_t count);
/* One with headers: a name, its value, a name, ...; a NULL behind the last. */
void topic_send_headers(const char *servers, const char *topic, const topic_message *message,
                        const char *const *headers);
/* `count` messages "<partition>:<number>", number from `first` on, to one partition. */
void topic_fill(const char *servers, const char *topic, int32_t partition, int64_t first, int64_t count);

/*
 * What is in the topic until its present end: a line "KEY=VALUE" for each message, sorted; "~" stands for NULL. Free it.
 */
char *topic_read(const char *servers, const char *topic);
char *topic_lines_sorted(buffer *lines); /* of others, to compare; `lines` is done with */
int64_t topic_committed(const char *servers, const char *group, const char *topic, int32_t partition);

/* With a real broker. Return when it tells so to whoever asks. `settings`: pairs of name and value, then NULL; or NULL. */
void topic_make(const char *servers, const char *topic, int32_t partitions, const char *const *settings);
void topic_grow(const char *servers, const char *topic, int32_t partitions);
void topic_delete(const char *servers, const char *topic);

/* Settings with the rows of Kafka, the servers, and "kafka." passed on. */
settings *topic_settings(const char *servers);
bool topic_is_fetched(void); /* not by librdkafka: SLUICE_KAFKA_READER says */

#endif
