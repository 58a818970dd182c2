/*
 * sources/kafka/wire.h - how Kafka writes numbers, texts and arrays, in both of its ways: the old one with fixed sizes, and
 * the "flexible" one of newer versions with varints and tagged fields.
 *
 * A reader reads one answer. Its bytes lie in memory (tests, fuzzing) or come from a connection, a stage at a time; it never
 * goes past the answer's end. Nothing that it reads is trusted: a size or count is compared with what is left before anybody
 * uses it. The first mistake makes it bad for good: from then on every call gives 0, so callers look once, at the end.
 */
#ifndef SOURCES_KAFKA_WIRE_H
#define SOURCES_KAFKA_WIRE_H

#include <base/buffer.h>
#include <sluice/types.h>

typedef struct wire_uuid { /* all zero: none */
    uint8_t at[16];
} wire_uuid;

static inline bool wire_uuid_is(const wire_uuid *uuid)
{
    static const wire_uuid none;
    return memcmp(uuid, &none, sizeof none) != 0;
}

/* ---- Writing ---- */

typedef struct wire_writer {
    buffer *out;
    bool flexible;
} wire_writer;

void wire_put_i8(const wire_writer *writer, int8_t number);
void wire_put_i16(const wire_writer *writer, int16_t number);
void wire_put_i32(const wire_writer *writer, int32_t number);
void wire_put_i64(const wire_writer *writer, int64_t number);
void wire_put_uuid(const wire_writer *writer, const wire_uuid *uuid);
void wire_put_text(const wire_writer *writer, const char *text); /* NULL: null */
void wire_put_bytes(const wire_writer *writer, sl_text bytes);   /* at NULL: null */
void wire_put_count(const wire_writer *writer, int64_t count);   /* of an array; -1: null */
void wire_put_no_tags(const wire_writer *writer);                /* ends a flexible struct, else nothing */

/* ---- Reading ---- */

typedef struct wire_reader wire_reader;

/* Where a reader gets what is not in memory. Both answer false when the source failed; then the reader is bad. */
typedef struct wire_source {
    bool (*fill)(wire_reader *reader, size_t least); /* at least so many bytes at reader->at, in one piece */
    bool (*receive)(wire_reader *reader, char *to, size_t size); /* straight to there */
} wire_source;

enum { WIRE_STAGE_BYTES = 64 * 1024, WIRE_TEXT_BYTES_MAX = 32767 };

struct wire_reader {
    const char *at, *end; /* what is here */
    size_t rest;          /* of the answer, behind `end`: not received yet */
    size_t size;          /* of the answer */
    bool flexible, bad;
    const char *part;  /* what is being read, for the message: "a partition" */
    const char *fault; /* of the first mistake; NULL when the source failed */
    const char *fault_part;
    size_t fault_at;           /* byte of the answer */
    int64_t fault_value;       /* the number that is wrong */
    const wire_source *source; /* NULL: all is in memory */
    void *source_self;
};

typedef struct wire_tags { /* the tagged fields of one struct, while they are gone through */
    uint32_t left;
    size_t next; /* bytes that must be left where the next tag begins */
} wire_tags;

void wire_reader_init(wire_reader *reader, const void *bytes, size_t size, bool flexible);

static inline size_t wire_left(const wire_reader *reader)
{
    return (size_t)(reader->end - reader->at) + reader->rest;
}

int8_t wire_get_i8(wire_reader *reader);
int16_t wire_get_i16(wire_reader *reader);
int32_t wire_get_i32(wire_reader *reader);
int64_t wire_get_i64(wire_reader *reader);
uint32_t wire_get_varint(wire_reader *reader);
wire_uuid wire_get_uuid(wire_reader *reader);
/* Lives until the next call; at NULL: null. Longer ones than WIRE_TEXT_BYTES_MAX are mistakes. */
sl_text wire_get_text(wire_reader *reader);
sl_text wire_get_bytes(wire_reader *reader);
/* Of an array whose elements have at least `least` bytes each; null is 0. */
size_t wire_get_count(wire_reader *reader, size_t least);
/* Of bytes that follow, which are then read by wire_get_raw() or skipped; null is 0. */
size_t wire_get_size(wire_reader *reader);
bool wire_get_raw(wire_reader *reader, void *to, size_t size);
void wire_skip(wire_reader *reader, size_t size);
void wire_skip_tags(wire_reader *reader); /* of a flexible struct, else nothing */

/*
 *     wire_tags tags = wire_tags_begin(reader);
 *     for (uint32_t tag; wire_tags_next(reader, &tags, &tag);)
 *         if (tag == 1) ...                        // what is not read is skipped
 */
wire_tags wire_tags_begin(wire_reader *reader);
bool wire_tags_next(wire_reader *reader, wire_tags *tags, uint32_t *tag);

/* A mistake that the caller found in what it read. */
void wire_fault(wire_reader *reader, const char *fault, int64_t value);
/* "in a partition, at byte 71 of 4096: a text longer than the answer (9999)" */
void wire_explain(const wire_reader *reader, buffer *out);

#endif
