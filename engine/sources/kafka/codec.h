/*
 * sources/kafka/codec.h - requests and answers of protocol.h as bytes, in each version, without a connection: for its own
 * parts, for tests, and for fuzzing. A reader stands behind the answer's header; whether it went bad is seen there.
 */
#ifndef SOURCES_KAFKA_CODEC_H
#define SOURCES_KAFKA_CODEC_H

#include <sources/kafka/protocol.h>

typedef struct codec_answer {
    wire_reader *reader;
    int16_t version;
} codec_answer;

void metadata_write(const wire_writer *writer, int16_t version, const metadata_ask *ask);
void metadata_read(const codec_answer *answer, const metadata_ask *ask, arena *arena, metadata *metadata);

typedef struct offsets_list {
    offsets_part *parts;
    size_t count;
    bool read_committed;
    int32_t throttle_ms; /* answered */
} offsets_list;

void offsets_write(const wire_writer *writer, int16_t version, const offsets_list *list);
void offsets_read(const codec_answer *answer, offsets_list *list);

typedef struct fetch_manner { /* what of a Fetch request comes from the settings */
    const char *rack;
    bool read_committed;
} fetch_manner;

/* The highest version up to `version` in which all topics can be named: with names only, that is 12. */
int16_t fetch_version(int16_t version, const fetch_ask *ask);
void fetch_write(const wire_writer *writer, int16_t version, const fetch_ask *ask,
                 const fetch_manner *manner);
/* The beginning of an answer; then fetch_next() and fetch_records() go on, without a connection. */
void fetch_read(const codec_answer *from, const fetch_ask *ask, fetch_answer *answer);

#endif
