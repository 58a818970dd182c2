/*
 * sources/kafka/wire.c - writing into a buffer, and reading what nobody has checked.
 *
 * Everything that is read goes through reader_has(), which knows the end of the answer, so nothing else has to.
 */
#include <base/failure.h>
#include <inttypes.h>
#include <sources/kafka/wire.h>

static bool reader_has(wire_reader *reader, size_t size);

/* ---- Writing ---- */

static void put_number(const wire_writer *writer, uint64_t number, size_t size)
{
    char *at = buffer_reserve(writer->out, size);
    for (size_t i = 0; i < size; i++)
        at[i] = (char)(number >> (8 * (size - 1 - i)));
    writer->out->size += size;
}

static void put_varint(const wire_writer *writer, uint32_t number)
{
    for (; number >= 0x80; number >>= 7)
        buffer_byte(writer->out, (char)(number | 0x80));
    buffer_byte(writer->out, (char)number);
}

void wire_put_i8(const wire_writer *writer, int8_t number)
{
    put_number(writer, (uint64_t)number, 1);
}

void wire_put_i16(const wire_writer *writer, int16_t number)
{
    put_number(writer, (uint64_t)number, 2);
}

void wire_put_i32(const wire_writer *writer, int32_t number)
{
    put_number(writer, (uint64_t)number, 4);
}

void wire_put_i64(const wire_writer *writer, int64_t number)
{
    put_number(writer, (uint64_t)number, 8);
}

void wire_put_uuid(const wire_writer *writer, const wire_uuid *uuid)
{
    buffer_append(writer->out, uuid->at, sizeof uuid->at);
}

/* A text that is too long for the protocol is cut; the broker will not know its name. */
void wire_put_text(const wire_writer *writer, const char *text)
{
    size_t size = text ? strlen(text) : 0;
    if (size > WIRE_TEXT_BYTES_MAX)
        size = WIRE_TEXT_BYTES_MAX;
    if (writer->flexible)
        put_varint(writer, text ? (uint32_t)size + 1 : 0);
    else
        wire_put_i16(writer, text ? (int16_t)size : -1);
    buffer_append(writer->out, text, size);
}

void wire_put_bytes(const wire_writer *writer, sl_text bytes)
{
    sl_expect(bytes.size <= INT32_MAX);
    wire_put_count(writer, bytes.at ? (int64_t)bytes.size : -1);
    buffer_append(writer->out, bytes.at, bytes.size);
}

void wire_put_count(const wire_writer *writer, int64_t count)
{
    sl_expect(count >= -1 && count <= INT32_MAX);
    if (writer->flexible)
        put_varint(writer, (uint32_t)(count + 1));
    else
        wire_put_i32(writer, (int32_t)count);
}

void wire_put_no_tags(const wire_writer *writer)
{
    if (writer->flexible)
        put_varint(writer, 0);
}

/* ---- Reading: numbers ---- */

void wire_reader_init(wire_reader *reader, const void *bytes, size_t size, bool flexible)
{
    *reader = (wire_reader){ .at = bytes, .end = bytes, .size = size, .flexible = flexible };
    if (size)
        reader->end += size;
}

static uint64_t get_number(wire_reader *reader, size_t size)
{
    if (!reader_has(reader, size))
        return 0;
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | (unsigned char)reader->at[i];
    reader->at += size;
    return number;
}

int8_t wire_get_i8(wire_reader *reader)
{
    return (int8_t)get_number(reader, 1);
}

int16_t wire_get_i16(wire_reader *reader)
{
    return (int16_t)get_number(reader, 2);
}

int32_t wire_get_i32(wire_reader *reader)
{
    return (int32_t)get_number(reader, 4);
}

int64_t wire_get_i64(wire_reader *reader)
{
    return (int64_t)get_number(reader, 8);
}

uint32_t wire_get_varint(wire_reader *reader)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint64_t byte = get_number(reader, 1);
        number |= (byte & 0x7f) << shift;
        if ((byte & 0x80) == 0 && number <= UINT32_MAX)
            return reader->bad ? 0 : (uint32_t)number;
    }
    wire_fault(reader, "a varint with more than 32 bits", (int64_t)number);
    return 0;
}

wire_uuid wire_get_uuid(wire_reader *reader)
{
    wire_uuid uuid = { 0 };
    wire_get_raw(reader, &uuid, sizeof uuid);
    return uuid;
}

/* ---- Reading: what has a size ---- */

/* A size or count that stands before something, -1 for null; `fixed`: how many bytes the old way gives it. */
static int64_t get_length(wire_reader *reader, size_t fixed)
{
    if (reader->flexible)
        return (int64_t)wire_get_varint(reader) - 1;
    return fixed == 2 ? wire_get_i16(reader) : wire_get_i32(reader);
}

static sl_text get_piece(wire_reader *reader, size_t fixed)
{
    int64_t size = get_length(reader, fixed);
    if (reader->bad || size == -1)
        return (sl_text){ 0 };
    if (size < 0 || size > WIRE_TEXT_BYTES_MAX || (size_t)size > wire_left(reader)) {
        wire_fault(reader, "a text that is longer than it can be", size);
        return (sl_text){ 0 };
    }
    if (!reader_has(reader, (size_t)size))
        return (sl_text){ 0 };
    sl_text piece = { size ? reader->at : "", (size_t)size };
    reader->at += size;
    return piece;
}

sl_text wire_get_text(wire_reader *reader)
{
    return get_piece(reader, 2);
}

sl_text wire_get_bytes(wire_reader *reader)
{
    return get_piece(reader, 4);
}

size_t wire_get_count(wire_reader *reader, size_t least)
{
    int64_t count = get_length(reader, 4);
    if (reader->bad || count == -1)
        return 0;
    if (count >= 0 && (uint64_t)count <= wire_left(reader) / least)
        return (size_t)count;
    wire_fault(reader, "more elements than can follow", count);
    return 0;
}

size_t wire_get_size(wire_reader *reader)
{
    return wire_get_count(reader, 1);
}

bool wire_get_raw(wire_reader *reader, void *to, size_t size)
{
    if (reader->bad || wire_left(reader) < size)
        return reader_has(reader, size);
    size_t here = (size_t)(reader->end - reader->at);
    size_t copied = size < here ? size : here;
    if (copied)
        memcpy(to, reader->at, copied);
    reader->at += copied;
    if (copied == size)
        return true;
    if (reader->source->receive(reader, (char *)to + copied, size - copied))
        return true;
    wire_fault(reader, NULL, 0);
    return false;
}

void wire_skip(wire_reader *reader, size_t size)
{
    if (wire_left(reader) < size)
        reader_has(reader, size);
    while (size && !reader->bad) {
        size_t here = (size_t)(reader->end - reader->at);
        size_t skipped = size < here ? size : here;
        reader->at += skipped;
        size -= skipped;
        if (size)
            reader_has(reader, 1);
    }
}

/* ---- Reading: tagged fields ---- */

wire_tags wire_tags_begin(wire_reader *reader)
{
    wire_tags tags = { reader->flexible ? wire_get_varint(reader) : 0, 0 };
    tags.next = wire_left(reader);
    if (tags.left > tags.next / 2)
        wire_fault(reader, "more tagged fields than can follow", tags.left);
    return tags;
}

bool wire_tags_next(wire_reader *reader, wire_tags *tags, uint32_t *tag)
{
    if (!reader->bad && wire_left(reader) < tags->next)
        wire_fault(reader, "a tagged field that is longer than it says", tags->left);
    if (!reader->bad)
        wire_skip(reader, wire_left(reader) - tags->next);
    if (reader->bad || tags->left == 0)
        return false;
    tags->left--;
    *tag = wire_get_varint(reader);
    uint32_t size = wire_get_varint(reader);
    if (!reader->bad && size > wire_left(reader))
        wire_fault(reader, "a tagged field that is longer than what follows", size);
    tags->next = reader->bad ? 0 : wire_left(reader) - size;
    return !reader->bad;
}

void wire_skip_tags(wire_reader *reader)
{
    wire_tags tags = wire_tags_begin(reader);
    for (uint32_t tag = 0; wire_tags_next(reader, &tags, &tag);)
        ;
}

/* ---- Mistakes ---- */

/* Whether so many bytes are at reader->at; fetches them when they are not. */
static bool reader_has(wire_reader *reader, size_t size)
{
    if ((size_t)(reader->end - reader->at) >= size)
        return true;
    if (reader->bad)
        return false;
    if (wire_left(reader) < size)
        wire_fault(reader, "the end, where more must follow", (int64_t)size);
    else if (!reader->source->fill(reader, size))
        wire_fault(reader, NULL, 0);
    return !reader->bad;
}

void wire_fault(wire_reader *reader, const char *fault, int64_t value)
{
    if (reader->bad)
        return;
    reader->bad = true;
    reader->fault = fault;
    reader->fault_part = reader->part;
    reader->fault_value = value;
    reader->fault_at = reader->size - wire_left(reader);
    reader->at = reader->end;
    reader->rest = 0;
}

void wire_explain(const wire_reader *reader, buffer *out)
{
    if (reader->fault_part)
        buffer_print(out, "in %s, ", reader->fault_part);
    buffer_print(out, "byte %zu of %zu: %s (%" PRId64 ")", reader->fault_at, reader->size,
                 reader->fault ? reader->fault : "the connection failed", reader->fault_value);
}
