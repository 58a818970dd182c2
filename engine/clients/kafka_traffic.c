/*
 * clients/kafka_traffic.c - the library's totals, and the round trips of each server since the text before.
 */
#include <clients/kafka_traffic.h>
#include <json-c/json.h>

static int64_t number(json_object *object, const char *name)
{
    return json_object_get_int64(json_object_object_get(object, name));
}

/* Of the answers in the window that the text tells of; microseconds. */
static int64_t latency_ns(json_object *statistics)
{
    int64_t sum_us = 0;
    json_object *brokers = json_object_object_get(statistics, "brokers");
    if (!json_object_is_type(brokers, json_type_object))
        return 0;
    json_object_object_foreach(brokers, name, broker)
    {
        (void)name;
        json_object *trips = json_object_object_get(broker, "rtt");
        sum_us += json_object_is_type(trips, json_type_object) ? number(trips, "sum") : 0;
    }
    return sum_us * 1000;
}

void kafka_traffic_add(const char *json, traffic *before)
{
    json_object *statistics = json_tokener_parse(json);
    if (!json_object_is_type(statistics, json_type_object)) {
        json_object_put(statistics);
        return;
    }
    traffic now = { .requests = number(statistics, "tx"),
                    .answers = number(statistics, "rx"),
                    .bytes_out = number(statistics, "tx_bytes"),
                    .bytes_in = number(statistics, "rx_bytes"),
                    .records = number(statistics, "txmsgs") };
    traffic added = { .requests = now.requests - before->requests,
                      .answers = now.answers - before->answers,
                      .bytes_out = now.bytes_out - before->bytes_out,
                      .bytes_in = now.bytes_in - before->bytes_in,
                      .records = now.records - before->records,
                      .latency_ns = latency_ns(statistics) };
    traffic_add(TRAFFIC_KAFKA_OUT, &added);
    *before = now;
    json_object_put(statistics);
}
