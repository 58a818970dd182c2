/*
 * clients/kafka_traffic.h - what a producer of librdkafka exchanges with its servers, out of the statistics that it tells
 * every second: base/traffic.h gets what is new.
 */
#ifndef CLIENTS_KAFKA_TRAFFIC_H
#define CLIENTS_KAFKA_TRAFFIC_H

#include <base/traffic.h>

/* From one statistics text to the next of the same producer. `before` is kept with the producer, zeroed at first. */
void kafka_traffic_add(const char *json, traffic *before);

#endif
