/*
 * state/kept.c - writing and reading the form, and what may change between two versions of a job.
 */
#include <base/varint.h>
#include <inttypes.h>
#include <state/kept.h>

static const char magic[4] = { 'S', 'L', 'K', '1' };

static const char *const kind_names[] = { "text", "i32",       "i64",    "f64", "flag",
                                          "time", "maybe_i64", "origin", "link" };
enum { KINDS = sizeof kind_names / sizeof kind_names[0] };

/* ---- Shapes ---- */

size_t kept_kind_size(sl_kind kind)
{
    switch (kind) {
    case SL_KIND_flag: return sizeof(bool);
    case SL_KIND_i32: return sizeof(int32_t);
    case SL_KIND_i64:
    case SL_KIND_f64:
    case SL_KIND_time: return sizeof(int64_t);
    case SL_KIND_maybe_i64: return sizeof(sl_maybe_i64);
    default: return 0;
    }
}

/* As bytes: what lies between a maybe's members is no part of it. */
static size_t written_size(sl_kind kind)
{
    return kind == SL_KIND_maybe_i64 ? 1 + sizeof(int64_t) : kept_kind_size(kind);
}

static bool is_in(const sl_fields *fields, size_t offset)
{
    for (size_t i = 0; i < fields->count; i++)
        if (fields->offset[i] == offset)
            return true;
    return false;
}

static sl_text text_of(const char *text)
{
    return (sl_text){ text, strlen(text) };
}

void kept_shape_of(const sl_schema *state, const sl_update *update, kept_shape *shape)
{
    *shape = (kept_shape){ .version = update->version, .key_count = update->into.count };
    for (size_t i = 0; i < state->count; i++) {
        const sl_field *field = &state->fields[i];
        for (size_t k = 0; k < update->into.count; k++)
            if (update->into.offset[k] == field->offset)
                shape->key[k] = field->kind;
        if (!is_in(&update->into, field->offset))
            shape->fields[shape->field_count++] =
                (kept_field){ text_of(field->name), field->kind, field->offset };
    }
    for (; shape->set_count < SL_SETS_MAX && update->sets[shape->set_count]; shape->set_count++)
        shape->sets[shape->set_count] = text_of(update->sets[shape->set_count]);
}

#define WAY_OUT "; or forget the state with sluice reset"

static sl_result key_fits(const kept_shape *was, const kept_shape *now, const char *name, failure *failure)
{
    if (was->key_count != now->key_count)
        return fail(
            failure, SL_USAGE,
            "the state of \"%s\" was kept by a key of %zu fields, now the key has %zu: keep the old key, "
            "or give the new state a name of its own" WAY_OUT,
            name, was->key_count, now->key_count);
    for (size_t k = 0; k < now->key_count; k++)
        if (was->key[k] != now->key[k])
            return fail(
                failure, SL_USAGE,
                "the state of \"%s\" was kept by a key whose field %zu was %s, now it is %s: keep the old "
                "kind, or give the new state a name of its own" WAY_OUT,
                name, k + 1, kind_names[was->key[k]], kind_names[now->key[k]]);
    return SL_OK;
}

static sl_result field_fits(kept_field *field, const kept_shape *now, const char *name, failure *failure)
{
    for (size_t i = 0; i < now->field_count; i++) {
        if (!sl_text_equal(now->fields[i].name, field->name))
            continue;
        field->offset = now->fields[i].offset;
        if (now->fields[i].kind == field->kind)
            return SL_OK;
        return fail(
            failure, SL_USAGE,
            "the state of \"%s\" was kept with the field \"%.*s\" as %s, now it is %s: keep the old kind and "
            "add a field of another name" WAY_OUT,
            name, (int)field->name.size, field->name.at, kind_names[field->kind],
            kind_names[now->fields[i].kind]);
    }
    return fail(
        failure, SL_USAGE,
        "the state of \"%s\" was kept with the field \"%.*s\" (%s), which record and job no longer have: put "
        "it back" WAY_OUT,
        name, (int)field->name.size, field->name.at, kind_names[field->kind]);
}

static sl_result set_fits(kept_shape *was, size_t s, const kept_shape *now, const char *name,
                          failure *failure)
{
    for (unsigned i = 0; i < now->set_count; i++)
        if (sl_text_equal(now->sets[i], was->sets[s])) {
            was->set_number[s] = i;
            return SL_OK;
        }
    return fail(
        failure, SL_USAGE,
        "the state of \"%s\" was kept with the set \"%.*s\", which the job no longer has: put it back" WAY_OUT,
        name, (int)was->sets[s].size, was->sets[s].at);
}

sl_result kept_shape_fits(kept_shape *was, const kept_shape *now, const char *name, failure *failure)
{
    if (was->version != now->version)
        return fail(failure, SL_USAGE,
                    "the state of \"%s\" was kept by version %" PRId64
                    " of its struct, the job has version %" PRId64
                    ": go on with a job of the old version" WAY_OUT,
                    name, was->version, now->version);
    SL_TRY(key_fits(was, now, name, failure));
    for (size_t i = 0; i < was->field_count; i++)
        SL_TRY(field_fits(&was->fields[i], now, name, failure));
    for (size_t s = 0; s < was->set_count; s++)
        SL_TRY(set_fits(was, s, now, name, failure));
    return SL_OK;
}

/* ---- Writing ---- */

static void put_varint(buffer *out, uint64_t value)
{
    char *at = buffer_reserve(out, VARINT_MAX);
    out->size = (size_t)(varint_write(at, value) - out->at);
}

static void put_text(buffer *out, sl_text text)
{
    put_varint(out, text.size);
    buffer_append(out, text.at, text.size);
}

void kept_begin(const kept_shape *shape, buffer *out)
{
    buffer bytes = { 0 };
    buffer_append(&bytes, &shape->version, sizeof shape->version);
    buffer_byte(&bytes, (char)shape->key_count);
    for (size_t k = 0; k < shape->key_count; k++)
        buffer_byte(&bytes, (char)shape->key[k]);
    put_varint(&bytes, shape->field_count);
    for (size_t i = 0; i < shape->field_count; i++) {
        buffer_byte(&bytes, (char)shape->fields[i].kind);
        put_text(&bytes, shape->fields[i].name);
    }
    put_varint(&bytes, shape->set_count);
    for (size_t s = 0; s < shape->set_count; s++)
        put_text(&bytes, shape->sets[s]);
    buffer_append(out, magic, sizeof magic);
    put_text(out, (sl_text){ bytes.at, bytes.size });
    buffer_done(&bytes);
}

static void put_value(sl_kind kind, const char *field, buffer *out)
{
    if (kind == SL_KIND_maybe_i64) {
        sl_maybe_i64 maybe;
        memcpy(&maybe, field, sizeof maybe);
        buffer_byte(out, maybe.known);
        buffer_append(out, &maybe.value, sizeof maybe.value);
    } else {
        buffer_append(out, field, kept_kind_size(kind));
    }
}

void kept_put(const kept_shape *shape, const kept_entry *entry, const void *state, buffer *out)
{
    put_text(out, entry->key);
    buffer_byte(out, (char)entry->flags);
    if (entry->flags & KEPT_GONE)
        return;
    buffer_append(out, &entry->last_ms, sizeof entry->last_ms);
    for (size_t i = 0; i < shape->field_count; i++)
        put_value(shape->fields[i].kind, (const char *)state + shape->fields[i].offset, out);
    put_varint(out, entry->members);
}

void kept_put_member(unsigned set, sl_text member, buffer *out)
{
    buffer_byte(out, (char)set);
    put_text(out, member);
}

/* ---- Reading ---- */

/* `size` bytes, or NULL. */
static const char *get_bytes(kept_reader *reader, uint64_t size)
{
    if (reader->damaged || size > (uint64_t)(reader->end - reader->at)) {
        reader->damaged = true;
        return NULL;
    }
    const char *at = reader->at;
    reader->at += size;
    return at;
}

static unsigned get_byte(kept_reader *reader)
{
    const char *at = get_bytes(reader, 1);
    return at ? (unsigned char)*at : 0;
}

static uint64_t get_varint(kept_reader *reader)
{
    uint64_t value = 0;
    reader->damaged = reader->damaged || !varint_read(&reader->at, reader->end, &value);
    return reader->damaged ? 0 : value;
}

static sl_text get_text(kept_reader *reader)
{
    uint64_t size = get_varint(reader);
    const char *at = get_bytes(reader, size);
    return at ? (sl_text){ at, size } : (sl_text){ "", 0 };
}

static int64_t get_i64(kept_reader *reader)
{
    int64_t value = 0;
    const char *at = get_bytes(reader, sizeof value);
    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

static sl_kind get_kind(kept_reader *reader)
{
    unsigned kind = get_byte(reader);
    reader->damaged = reader->damaged || kind >= KINDS;
    return reader->damaged ? SL_KIND_text : (sl_kind)kind;
}

static size_t get_count(kept_reader *reader, size_t most)
{
    uint64_t count = get_varint(reader);
    reader->damaged = reader->damaged || count > most;
    return reader->damaged ? 0 : count;
}

bool kept_is(sl_text bytes)
{
    return bytes.size >= sizeof magic && memcmp(bytes.at, magic, sizeof magic) == 0;
}

static void shape_read(kept_reader *reader, kept_shape *shape)
{
    *shape = (kept_shape){ .version = get_i64(reader), .key_count = get_byte(reader) };
    reader->damaged = reader->damaged || shape->key_count > 4;
    for (size_t k = 0; k < shape->key_count && !reader->damaged; k++)
        shape->key[k] = get_kind(reader);
    shape->field_count = get_count(reader, KEPT_FIELDS_MAX);
    for (size_t i = 0; i < shape->field_count; i++) {
        shape->fields[i].kind = get_kind(reader);
        shape->fields[i].name = get_text(reader);
    }
    shape->set_count = get_count(reader, SL_SETS_MAX);
    for (size_t s = 0; s < shape->set_count; s++)
        shape->sets[s] = get_text(reader);
}

bool kept_open(kept_reader *reader, sl_text bytes, kept_shape *shape)
{
    *reader = (kept_reader){ .at = bytes.at, .end = bytes.at + bytes.size };
    if (!kept_is(bytes))
        return false;
    reader->at += sizeof magic;
    uint64_t size = get_varint(reader);
    const char *at = get_bytes(reader, size);
    kept_reader inside = { .at = at, .end = at + (at ? size : 0) };
    if (at == NULL)
        return false;
    shape_read(&inside, shape);
    for (size_t i = 0; i < shape->field_count; i++) {
        inside.damaged = inside.damaged || written_size(shape->fields[i].kind) == 0;
        reader->values_bytes += written_size(shape->fields[i].kind);
    }
    return !inside.damaged;
}

bool kept_next(kept_reader *reader, kept_entry *entry)
{
    unsigned set;
    sl_text member;
    while (reader->members && kept_member(reader, &set, &member)) /* those that the caller did not want */
        ;
    if (reader->at == reader->end || reader->damaged)
        return false;
    *entry = (kept_entry){ .key = get_text(reader) };
    entry->flags = get_byte(reader);
    if (entry->flags & KEPT_GONE)
        return !reader->damaged;
    entry->last_ms = get_i64(reader);
    entry->values = get_bytes(reader, reader->values_bytes);
    entry->members = reader->members = get_varint(reader);
    return !reader->damaged;
}

bool kept_member(kept_reader *reader, unsigned *set, sl_text *member)
{
    if (reader->members == 0)
        return false;
    reader->members--;
    *set = get_byte(reader);
    *member = get_text(reader);
    if (reader->damaged)
        reader->members = 0;
    return !reader->damaged;
}

void kept_fill(const kept_shape *was, const kept_entry *entry, void *row)
{
    const char *at = entry->values;
    for (size_t i = 0; i < was->field_count; i++) {
        char *field = (char *)row + was->fields[i].offset;
        sl_maybe_i64 maybe = { .known = false };
        if (was->fields[i].kind == SL_KIND_maybe_i64) {
            maybe.known = *at != 0;
            memcpy(&maybe.value, at + 1, sizeof maybe.value);
            memcpy(field, &maybe, sizeof maybe);
        } else if (was->fields[i].kind == SL_KIND_flag) {
            *(bool *)field = *at != 0;
        } else {
            memcpy(field, at, kept_kind_size(was->fields[i].kind));
        }
        at += written_size(was->fields[i].kind);
    }
}
