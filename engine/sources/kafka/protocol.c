/*
 * sources/kafka/protocol.c - the brokers' error numbers in words. What is asked stands in protocol_*.c, one file an API.
 */
#include <librdkafka/rdkafka.h>
#include <sources/kafka/protocol.h>

typedef struct error_row {
    int16_t error;
    const char *name, *text;
} error_row;

static const error_row *newer_errors(void);

static const error_row *row_of(int16_t error)
{
    const error_row *row = newer_errors();
    while (row->name && row->error != error)
        row++;
    return row->name ? row : NULL;
}

const char *protocol_error_name(int16_t error)
{
    const error_row *row = row_of(error);
    return row ? row->name : rd_kafka_err2name((rd_kafka_resp_err_t)error);
}

const char *protocol_error_text(int16_t error)
{
    const error_row *row = row_of(error);
    return row ? row->text : rd_kafka_err2str((rd_kafka_resp_err_t)error);
}

/* Those that a reader may meet and that not every librdkafka has words for. */
static const error_row *newer_errors(void)
{
    static const error_row rows[] = {
        { PROTOCOL_UNKNOWN_TOPIC_ID, "UNKNOWN_TOPIC_ID", "Broker: Unknown topic id" },
        { PROTOCOL_INCONSISTENT_TOPIC_ID, "INCONSISTENT_TOPIC_ID",
          "Broker: The topic has another id than the request says" },
        { PROTOCOL_FETCH_SESSION_TOPIC_ID, "FETCH_SESSION_TOPIC_ID_ERROR",
          "Broker: The fetch session met a topic id that it did not expect" },
        { PROTOCOL_OFFSET_IN_TIERED_STORAGE, "OFFSET_MOVED_TO_TIERED_STORAGE",
          "Broker: The offset lies in tiered storage" },
        { 0 },
    };
    return rows;
}
