/*
 * clients/kafka.h - librdkafka set up the way Sluice uses it, for the source and the sink.
 *
 * Offsets belong to the job's checkpoint: nothing is committed or reset behind its back, and settings that would do so are
 * refused. Everything else that librdkafka knows is passed on: kafka.<property> to every client, kafka.consumer.<property>
 * and kafka.producer.<property> to clients of that role, which win. Its log lines go to base/log.h. Of connections that
 * fail it would tell again and again: the owner is told instead, or the log once in a while.
 */
#ifndef CLIENTS_KAFKA_H
#define CLIENTS_KAFKA_H

#include <base/buffer.h>
#include <base/settings.h>
#include <librdkafka/rdkafka.h>

/* kafka.bootstrap.servers, kafka.group.id; keys in no table need settings_pass(settings, "kafka."). */
extern const setting kafka_settings[];

typedef enum kafka_role {
    KAFKA_CONSUMER, /* fetches; has the group id */
    KAFKA_PLANNER,  /* asks for metadata and offsets, so that answers never queue behind a long poll */
    KAFKA_PRODUCER  /* idempotent */
} kafka_role;

typedef struct kafka_client_spec {
    kafka_role role;
    const settings *settings;
    const char *job;
    size_t bytes_max;             /* consumer: what the job gathers at most; the client queues a part of it */
    int64_t timeout_ms;           /* producer: a message that is not safe by then has failed; 0: 30 s */
    const char *transactional_id; /* producer; NULL: it has no transactions */
    void (*delivered)(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque); /* producer */
    /* Trouble with a broker or with all; from rd_kafka_poll(). NULL: the log is told what is news of it. */
    void (*troubled)(rd_kafka_t *client, int error, const char *reason, void *opaque);
    /* Each second, from rd_kafka_poll(): the library's statistics, which it frees when 0 is returned. NULL: none. */
    int (*measured)(rd_kafka_t *client, char *json, size_t size, void *opaque);
    void *opaque;
} kafka_client_spec;

/* What such a client would be opened with, defaults included, for who reads it back; rd_kafka_conf_destroy() it. */
sl_result kafka_client_conf(const kafka_client_spec *spec, rd_kafka_conf_t **conf, failure *failure);
/* SL_USAGE: a setting that librdkafka does not know or accept. Does not wait for a connection. */
sl_result kafka_client_open(const kafka_client_spec *spec, rd_kafka_t **client, failure *failure);
/* False: it took longer and was left behind, to end when it can. NULL is fine. */
bool kafka_client_close(rd_kafka_t *client, int64_t most_ms);

const char *kafka_servers(const settings *settings);
void kafka_group(const settings *settings, const char *job, buffer *out); /* with a NUL at the end */

/* SL_RETRY: no server answers within the time, or the topic does not exist. */
sl_result kafka_topic_count(rd_kafka_t *client, const char *topic, int timeout_ms, int32_t *count,
                            failure *failure);

/* Does a broker answer within the time? On a client that fetches, the question waits behind its long poll. */
bool kafka_answers(rd_kafka_t *client, int timeout_ms);
/* How much of a trouble's text is its reason; how often and when it was so follows. */
size_t kafka_reason_size(const char *reason);
/* Of troubles that any client tells: worth a line? See base/outage.h; after minutes without any the next one is news. */
bool kafka_trouble_is_news(const char *reason);
/* How long a question may wait: until the deadline (clock_ns(); 0: none), at most the usual time. */
int kafka_patience_ms(int64_t deadline_ns, int usual_ms);

rd_kafka_conf_t *kafka_conf_new(void); /* defaults, with the log going to base/log.h */

#endif
