/*
 * cli/flow/flow.h - the flow as numbers: shipper -> Kafka -> engine -> Redis / Elasticsearch, a plain struct for each.
 *
 * Rates and shares are those of the time between two looks, `seconds` apart. A number that is not known is 0.
 */
#ifndef CLI_FLOW_FLOW_H
#define CLI_FLOW_FLOW_H

#include <base/buffer.h>

enum { FLOW_JOBS_MAX = 8, FLOW_PARTITIONS_MAX = 64, FLOW_TEXT = 120 };

typedef enum flow_stage {
    FLOW_NONE,
    FLOW_SHIPPER,
    FLOW_KAFKA,
    FLOW_ENGINE,
    FLOW_REDIS,
    FLOW_ELASTIC
} flow_stage;

/* What a job exchanges with servers of a kind, a second. */
typedef struct flow_traffic {
    double requests, answers, bytes_out, bytes_in, records;
    double latency_ms; /* of an answer, on average */
    double waited;     /* share of the time that threads of the job stood and waited */
} flow_traffic;

typedef struct flow_partition { /* lag as its operator knows it */
    char topic[FLOW_TEXT];
    int partition;
    double records, seconds; /* behind; when its newest record's batch was done, that was so old */
} flow_partition;

typedef struct flow_job {
    char name[FLOW_TEXT], group[FLOW_TEXT];
    char state[300];  /* what it says of itself; "" : it did not answer */
    flow_stage waits; /* what it says that it waits for */
    bool ships;       /* reads something else than Kafka, and writes to Kafka */
    int workers;
    double interval_s; /* from batch to batch */
    double rate;       /* records read */
    double busy;       /* share of the time in which it processed batches */
    double waiting_s;  /* batches, for those before them, on average */
    double batches, queued;
    double lag, lag_growth; /* records, or bytes of files, behind; and a second */
    double lag_s;
    double limit;     /* records a second that it may read; 0: none */
    double errors;    /* dead letters and failed attempts */
    double cpu;       /* cores */
    double own, disk; /* shares of its working time, which add up to 1 with those of the servers: */
    double on_kafka, on_redis, on_elastic;
    char step[FLOW_TEXT]; /* of its own work the one that costs most */
    flow_traffic kafka_in, kafka_out, redis, elastic;
    flow_partition partitions[FLOW_PARTITIONS_MAX];
    size_t partition_count;
} flow_job;

typedef struct flow_server {
    bool asked, answers; /* has an address; told something */
    char place[FLOW_TEXT], trouble[300];
    double rate;       /* messages, commands, documents */
    double queue;      /* requests, blocked clients, bulks that wait */
    double latency_ms; /* by its own account */
    double errors;     /* refused */
    double cpu;        /* cores; of Elasticsearch and the broker a share of their machine */
} flow_server;

typedef struct flow_broker {
    flow_server server;
    /* As its JMX beans have them: rates of a minute, means since it began. */
    double messages_in, bytes_in, bytes_out, under_replicated, produce_ms, fetch_ms;
} flow_broker;

typedef struct flow {
    int64_t time_ms;
    double seconds;
    double cpu; /* share of this machine */
    flow_job jobs[FLOW_JOBS_MAX];
    size_t job_count;
    flow_broker broker;
    flow_server redis, elastic;
} flow;

const char *flow_stage_name(flow_stage stage); /* "Kafka" */

#endif
