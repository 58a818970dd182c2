/*
 * base/bytes.h - what was written one behind the other, read back. What is not there any more is told, and nothing is read.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <sluice/types.h>
#include <string.h>

typedef struct bytes_reader {
    const char *at, *end;
} bytes_reader;

/* The next bytes where they lie. */
static inline bool bytes_skip(bytes_reader *reader, size_t size, sl_text *skipped)
{
    if ((size_t)(reader->end - reader->at) < size)
        return false;
    *skipped = (sl_text){ reader->at, size };
    reader->at += size;
    return true;
}

static inline bool bytes_read(bytes_reader *reader, void *to, size_t size)
{
    sl_text read;
    if (!bytes_skip(reader, size, &read))
        return false;
    memcpy(to, read.at, size);
    return true;
}

#endif
