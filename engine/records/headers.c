/*
 * records/headers.c - headers are few and short: whoever wants one walks over those before it.
 */
#include <base/varint.h>
#include <records/headers.h>
#include <sluice/text.h>

/* Below, `end` NULL: what stands there is known to be whole. */

static bool number_read(const char **at, const char *end, int64_t *number)
{
    uint64_t bits = 0;
    for (unsigned shift = 0; *at != end && shift < 35; shift += 7) {
        unsigned char byte = (unsigned char)*(*at)++;
        bits |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *number = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return true;
        }
    }
    return false;
}

static bool text_read(const char **at, const char *end, sl_text *text)
{
    int64_t size;
    if (!number_read(at, end, &size) || size < -1 || (end && size > end - *at))
        return false;
    *text = (sl_text){ size < 0 ? NULL : *at, size < 0 ? 0 : (size_t)size };
    *at += text->size;
    return true;
}

/* Over all of them; false: they are not whole. */
static bool headers_pass(const char **at, const char *end)
{
    sl_text name, value;
    int64_t count;
    if (!number_read(at, end, &count) || count < 0)
        return false;
    for (; count > 0; count--)
        if (!text_read(at, end, &name) || name.at == NULL || !text_read(at, end, &value))
            return false;
    return true;
}

bool headers_are_whole(const char *at, const char *end)
{
    return headers_pass(&at, end) && at == end;
}

size_t headers_size(const char *at)
{
    const char *end = at;
    headers_pass(&end, NULL);
    return (size_t)(end - at);
}

static void number_add(buffer *out, int64_t number)
{
    char *at = buffer_reserve(out, VARINT_MAX);
    out->size += (size_t)(varint_write(at, (uint64_t)number << 1 ^ (uint64_t)(number >> 63)) - at);
}

static void text_add(buffer *out, sl_text text)
{
    number_add(out, text.at ? (int64_t)text.size : -1);
    buffer_append(out, text.at, text.size);
}

void headers_begin(buffer *out, size_t count)
{
    number_add(out, (int64_t)count);
}

void headers_add(buffer *out, sl_text name, sl_text value)
{
    text_add(out, name);
    text_add(out, value);
}

bool sl_header_at(const sl_message *message, size_t i, sl_text *name, sl_text *value)
{
    const char *at = message->headers;
    int64_t count;
    if (at == NULL || !number_read(&at, NULL, &count) || (int64_t)i >= count)
        return false;
    for (size_t passed = 0; passed <= i; passed++)
        if (!text_read(&at, NULL, name) || !text_read(&at, NULL, value))
            return false;
    return true;
}

sl_text sl_header(const sl_message *message, sl_text name)
{
    sl_text found = { 0 }, other, value;
    for (size_t i = 0; sl_header_at(message, i, &other, &value); i++)
        if (sl_text_equal(other, name))
            found = value;
    return found;
}
