/*
 * tests/support/raw_fetch.h - one Fetch request (version 4, which every broker from Kafka 0.11 on answers), written by hand:
 * the bytes of a partition as the broker has them stored.
 */
#ifndef TESTS_SUPPORT_RAW_FETCH_H
#define TESTS_SUPPORT_RAW_FETCH_H

#include <base/buffer.h>

/* Replaces `out` with the batches from the one that holds `offset` on, 8 MiB at most; waits half a second where there are
 * none. The partition's error code; what else goes wrong ends the program. `server`: "127.0.0.1:port", the partition's leader. */
int raw_fetch(const char *server, const char *topic, int32_t partition, int64_t offset, buffer *out);

#endif
