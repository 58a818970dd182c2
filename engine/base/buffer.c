/*
 * base/buffer.c - the slow parts of buffers.
 */
#include <base/buffer.h>
#include <base/memory.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buffer_grow(buffer *buffer, size_t more)
{
    size_t room = buffer->room ? buffer->room * 2 : 256;
    if (room < buffer->size + more)
        room = buffer->size + more;
    buffer->at = memory_resize(buffer->at, room);
    buffer->room = room;
}

void buffer_done(buffer *buffer)
{
    free(buffer->at);
    *buffer = (struct buffer){ 0 };
}

void buffer_print(buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    char *at = buffer_reserve(buffer, 128);
    int size = vsnprintf(at, 128, format, arguments);
    if (size >= 128) {
        at = buffer_reserve(buffer, (size_t)size + 1);
        vsnprintf(at, (size_t)size + 1, format, again);
    }
    buffer->size += size > 0 ? (size_t)size : 0;
    va_end(again);
    va_end(arguments);
}
