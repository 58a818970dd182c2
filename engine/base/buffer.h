/*
 * base/buffer.h - bytes that grow at the end and keep their room when emptied, so that a warm batch allocates nothing.
 * A zeroed buffer is ready. Running out of memory ends the process: limits are checked before, by their settings.
 *
 *     char *at = buffer_reserve(out, 64);      // room for 64 bytes more
 *     out->size += encode(at);
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <sluice/types.h>
#include <string.h>

typedef struct buffer {
    char *at;
    size_t size, room;
} buffer;

void buffer_grow(buffer *buffer, size_t more); /* slow part of buffer_reserve */
void buffer_done(buffer *buffer);
__attribute__((format(printf, 2, 3))) void buffer_print(buffer *buffer, const char *format, ...);

/* Room for `more` bytes at the end, whose address is returned; add what was used to size. */
static inline char *buffer_reserve(buffer *buffer, size_t more)
{
    if (buffer->room - buffer->size < more)
        buffer_grow(buffer, more);
    return buffer->at + buffer->size;
}

static inline void buffer_append(buffer *buffer, const void *bytes, size_t size)
{
    if (size)
        memcpy(buffer_reserve(buffer, size), bytes, size);
    buffer->size += size;
}

static inline void buffer_text(buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

static inline void buffer_byte(buffer *buffer, char byte)
{
    *buffer_reserve(buffer, 1) = byte;
    buffer->size++;
}

#endif
