/*
 * records/key.c - keys written, read back, and kept.
 */
#include <base/memory.h>
#include <math.h>
#include <records/document.h>
#include <records/key.h>
#include <stdlib.h>

/* How a text's size is written: one byte up to 253, 254 and four bytes above, 255 for a missing text. */
enum { SIZE_FOLLOWS = 254, SIZE_MISSING = 255 };

bool key_equal_long(row_key a, row_key b)
{
    return a.low == b.low && sl_text_equal(key_bytes(&a), key_bytes(&b));
}

static row_key key_short(const char *at, size_t size)
{
    char bytes[16] = { 0 };
    row_key key;
    memcpy(bytes, at, size);
    bytes[15] = (char)size;
    memcpy(&key, bytes, sizeof key);
    return key;
}

static row_key key_long(uint64_t hash, const char *at)
{
    return (row_key){ hash, (uint64_t)(uintptr_t)at | (uint64_t)KEY_LONG << 56 };
}

static char *long_bytes(char *to, const char *at, size_t size)
{
    uint32_t size_32 = (uint32_t)size;
    memcpy(to, &size_32, sizeof size_32);
    memcpy(to + sizeof size_32, at, size);
    return to;
}

row_key key_of_bytes(const char *at, size_t size, arena *memory)
{
    if (size <= KEY_SHORT_MAX)
        return key_short(at, size);
    return key_long(hash_bytes(at, size), long_bytes(arena_take(memory, size + 4), at, size));
}

row_key key_keep(row_key key)
{
    if (!key_is_long(key))
        return key;
    sl_text bytes = key_bytes(&key);
    return key_long(key.low, long_bytes(memory_new(bytes.size + 4), bytes.at, bytes.size));
}

void key_release(row_key key)
{
    if (key_is_long(key))
        free((void *)(uintptr_t)key_address(key));
}

static size_t text_room(sl_text text)
{
    return text.at == NULL ? 1 : text.size + (text.size < SIZE_FOLLOWS ? 1 : 5);
}

static char *text_write(char *at, sl_text text)
{
    if (text.at == NULL) {
        *at = (char)SIZE_MISSING;
        return at + 1;
    }
    if (text.size < SIZE_FOLLOWS) {
        *at++ = (char)text.size;
        memcpy(at, text.at, text.size);
        return at + text.size;
    }
    uint32_t size = (uint32_t)text.size;
    *at++ = (char)SIZE_FOLLOWS;
    memcpy(at, &size, sizeof size);
    memcpy(at + sizeof size, text.at, text.size);
    return at + sizeof size + text.size;
}

static sl_kind kind_of(const sl_fields *fields, size_t i)
{
    return schema_field_at(fields->of(), fields->offset[i])->kind;
}

/* Of all kinds but text. */
static size_t written_size(sl_kind kind)
{
    switch (kind) {
    case SL_KIND_flag: return 1;
    case SL_KIND_i32: return sizeof(int32_t);
    case SL_KIND_maybe_i64: return 1 + sizeof(int64_t);
    default: return sizeof(int64_t);
    }
}

/* Equal numbers are one key: 0 and -0 are, and so are all that are no number. */
static double number_of(const char *field)
{
    double number;
    memcpy(&number, field, sizeof number);
    return isnan(number) ? (double)NAN : number + 0.0;
}

static char *value_write(char *at, sl_kind kind, const char *field)
{
    if (kind == SL_KIND_maybe_i64) {
        sl_maybe_i64 maybe;
        memcpy(&maybe, field, sizeof maybe);
        int64_t value = maybe.known ? maybe.value : 0;
        *at = maybe.known;
        memcpy(at + 1, &value, sizeof value);
    } else if (kind == SL_KIND_f64) {
        double number = number_of(field);
        memcpy(at, &number, sizeof number);
    } else {
        memcpy(at, field, written_size(kind));
    }
    return at + written_size(kind);
}

static const char *value_read(const char *at, sl_kind kind, char *field)
{
    if (kind == SL_KIND_maybe_i64) {
        sl_maybe_i64 maybe = { .known = *at };
        memcpy(&maybe.value, at + 1, sizeof maybe.value);
        memcpy(field, &maybe, sizeof maybe);
    } else {
        memcpy(field, at, written_size(kind));
    }
    return at + written_size(kind);
}

static sl_text row_text(const sl_fields *fields, const void *row, size_t i)
{
    sl_text text;
    memcpy(&text, (const char *)row + fields->offset[i], sizeof text);
    return text;
}

row_key key_of_row(const sl_fields *fields, const void *row, arena *memory)
{
    size_t room = 0;
    sl_kind kinds[4];
    for (size_t i = 0; i < fields->count; i++) {
        kinds[i] = kind_of(fields, i);
        room += kinds[i] == SL_KIND_text ? text_room(row_text(fields, row, i)) : written_size(kinds[i]);
    }
    char few[256], *bytes = room <= sizeof few ? few : arena_take(memory, room), *at = bytes;
    for (size_t i = 0; i < fields->count; i++)
        at = kinds[i] == SL_KIND_text ? text_write(at, row_text(fields, row, i))
                                      : value_write(at, kinds[i], (const char *)row + fields->offset[i]);
    return key_of_bytes(bytes, room, memory);
}

bool key_is_of_texts(const sl_fields *fields)
{
    bool texts = fields->count == 1 || fields->count == 2;
    for (size_t i = 0; texts && i < fields->count; i++)
        texts = kind_of(fields, i) == SL_KIND_text;
    return texts;
}

static const char *text_read(const char *at, sl_text *text)
{
    unsigned char size = (unsigned char)*at++;
    if (size == SIZE_MISSING) {
        *text = (sl_text){ 0 };
        return at;
    }
    *text = (sl_text){ at, size };
    if (size == SIZE_FOLLOWS) {
        uint32_t long_size;
        memcpy(&long_size, at, sizeof long_size);
        *text = (sl_text){ at + sizeof long_size, long_size };
    }
    return text->at + text->size;
}

sl_text key_first_text(const row_key *key)
{
    sl_text text;
    text_read(key_bytes(key).at, &text);
    return text;
}

void key_fill(const sl_fields *fields, const row_key *key, void *row)
{
    const char *at = key_bytes(key).at;
    for (size_t i = 0; i < fields->count; i++) {
        char *field = (char *)row + fields->offset[i];
        sl_kind kind = kind_of(fields, i);
        if (kind == SL_KIND_text) {
            sl_text text;
            at = text_read(at, &text);
            memcpy(field, &text, sizeof text);
        } else {
            at = value_read(at, kind, field);
        }
    }
}
