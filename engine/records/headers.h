/*
 * records/headers.h - the headers of a message, in the form that Kafka gives them: how many there are, then for each the size
 * of its name, the name, the size of its value (-1: null), the value. Numbers are varints, zigzag. Jobs read them with sl_header().
 */
#ifndef RECORDS_HEADERS_H
#define RECORDS_HEADERS_H

#include <base/buffer.h>
#include <sluice/job.h>

/* Do whole headers stand there, and nothing behind them? Any bytes may be given; all other functions trust them. */
bool headers_are_whole(const char *at, const char *end);
size_t headers_size(const char *at);

/* The count, then each. */
void headers_begin(buffer *out, size_t count);
void headers_add(buffer *out, sl_text name, sl_text value);

#endif
