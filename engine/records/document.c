/*
 * records/document.c - JSON documents: an id and a timestamp around the fields, which the record's own printer writes (see
 * <sluice/print.h>). json-c takes twenty times as long.
 */
#include <base/clock.h>
#include <base/memory.h>
#include <inttypes.h>
#include <records/document.h>
#include <records/text_json.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMESTAMP_SIZE = 39, ID_ROOM = 64, BRACE = 1 };

struct document {
    const sl_schema *schema;
    sl_fields id;
    const origins *origins;
    const sl_field *id_fields[4];
    bool by_origin, bare;
};

document *document_new(const sl_schema *schema, const sl_fields *id, const origins *origins)
{
    document *made = memory_new(sizeof *made);
    *made = (document){ .schema = schema, .origins = origins };
    if (id)
        made->id = *id;
    for (size_t i = 0; i < made->id.count; i++)
        made->id_fields[i] = schema_field_at(schema, made->id.offset[i]);
    made->by_origin = made->id.count && made->id_fields[0]->kind == SL_KIND_origin;
    return made;
}

void document_free(document *document)
{
    free(document);
}

void document_make_bare(document *document)
{
    document->bare = true;
}

bool document_has_id(const document *document)
{
    return document->id.count > 0;
}

const sl_origin *document_origin(const document *document, const void *row)
{
    return document->by_origin ? (const sl_origin *)(const void *)((const char *)row + document->id.offset[0])
                               : NULL;
}

const sl_field *schema_field_at(const sl_schema *schema, size_t offset)
{
    for (size_t i = 0; i < schema->count; i++)
        if (schema->fields[i].offset == offset)
            return &schema->fields[i];
    return NULL;
}

void fields_print(const sl_schema *schema, const void *row, buffer *out)
{
    char *at = buffer_reserve(out, schema->room(row));
    out->size = (size_t)(schema->print(row, at) - out->at);
}

/* Documents of a chunk mostly share their second: the date is worked out once for it, on each thread. */
static char *timestamp_write(char *at, int64_t ms)
{
    static _Thread_local int64_t second = INT64_MIN, last = INT64_MIN;
    static _Thread_local char text[64];
    if (ms != last) {
        int64_t of = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
        if (of != second) {
            char iso[25];
            clock_iso(of * 1000, iso);
            snprintf(text, sizeof text, "\"@timestamp\":\"%.20s000Z\"", iso);
            second = of;
        }
        unsigned rest = (unsigned)(ms - of * 1000);
        text[34] = (char)('0' + rest / 100);
        text[35] = (char)('0' + rest / 10 % 10);
        text[36] = (char)('0' + rest % 10);
        last = ms;
    }
    memcpy(at, text, TIMESTAMP_SIZE);
    return at + TIMESTAMP_SIZE;
}

static size_t body_room(const document *document, const void *row)
{
    return 2 * TIMESTAMP_SIZE + document->schema->room(row) + BRACE;
}

/* From the timestamp to the closing brace; there is body_room(). */
static char *body_write(const document *document, const void *row, int64_t batch_ms, char *at)
{
    const sl_origin *origin = document_origin(document, row);
    at = timestamp_write(at, origin ? origin->time_ms : batch_ms);
    at = document->schema->print(row, at);
    *at++ = '}';
    return at;
}

void document_print(const document *document, const void *row, int64_t batch_ms, buffer *out)
{
    size_t start = out->size;
    buffer_byte(out, '{');
    if (!document->bare) {
        char *at = buffer_reserve(out, body_room(document, row));
        out->size = (size_t)(body_write(document, row, batch_ms, at) - out->at);
        return;
    }
    fields_print(document->schema, row, out);
    buffer_byte(out, '}');
    if (out->size > start + 2) { /* the first field brought its comma */
        memmove(out->at + start + 1, out->at + start + 2, out->size - start - 2);
        out->size--;
    }
}

/* An id that JSON does not take as it is is rare, and only then written again: a part from a server may even be no UTF-8. */
static void id_escape(buffer *out, size_t start)
{
    sl_text id = { out->at + start, out->size - start };
    char *copy = memory_new(id.size + 1);
    memcpy(copy, id.at, id.size);
    out->size = start;
    char *at = buffer_reserve(out, json_text_room(id));
    out->size = (size_t)(sl_print_text_slowly_(at, (sl_text){ copy, id.size }) - out->at) - 1; /* no quote */
    free(copy);
}

/* -1 at each byte that an id shows encoded, or that JSON does not take as it is. */
static sl_vector_ id_special(sl_vector_ bytes)
{
    return (bytes < 0x21) | (bytes == '-') | (bytes == '%') | (bytes == '"') | (bytes == '\\');
}

/* False: JSON may not take it as it is. */
static bool id_part(buffer *out, sl_text part)
{
    static const char hex[] = "0123456789ABCDEF";
    char *at = buffer_reserve(out, part.size * 3 + SL_VECTOR_BYTES_);
    if (part.size <= SL_VECTOR_BYTES_) {
        sl_vector_ bytes = sl_vector_load_(part);
        memcpy(at, &bytes, sizeof bytes);
        if (!(sl_vector_bits_(id_special(bytes)) & ((1u << part.size) - 1))) {
            out->size += part.size;
            return true;
        }
    }
    for (size_t i = 0; i < part.size; i++) {
        unsigned char byte = (unsigned char)part.at[i];
        if (byte >= 0x21 && byte != '-' && byte != '%') {
            *at++ = (char)byte;
        } else {
            *at++ = '%';
            *at++ = hex[byte >> 4];
            *at++ = hex[byte & 15];
        }
    }
    out->size = (size_t)(at - out->at);
    return false;
}

static bool id_print(const document *document, const void *row, buffer *out)
{
    bool plain = true;
    for (size_t i = 0; i < document->id.count; i++) {
        const sl_field *field = document->id_fields[i];
        if (i)
            buffer_byte(out, '-');
        if (field->kind == SL_KIND_text)
            plain &= id_part(out, *(const sl_text *)(const void *)((const char *)row + field->offset));
        else
            field_text(field, row, out);
    }
    return plain;
}

static char *id_copy(char *at, sl_text id)
{
    if (id.size > SL_VECTOR_BYTES_)
        return json_copy(at, id);
    sl_vector_ bytes = sl_vector_load_(id);
    memcpy(at, &bytes, sizeof bytes);
    return at + id.size;
}

/* There is room for the name and ID_ROOM. */
static char *origin_write(const document *document, const sl_origin *origin, char *at)
{
    const origin_name *name = &document->origins->at[origin->partition];
    return json_number(id_copy(at, (sl_text){ name->id, name->id_size }), origin->offset);
}

void document_print_with_id(const document *document, const void *row, int64_t batch_ms, buffer *out)
{
    if (document->bare || !document_has_id(document)) {
        document_print(document, row, batch_ms, out);
        return;
    }
    const sl_origin *origin = document_origin(document, row);
    if (origin) { /* topic names need no escaping */
        size_t id_size = document->origins->at[origin->partition].id_size;
        char *at = buffer_reserve(out, body_room(document, row) + id_size + ID_ROOM);
        at = origin_write(document, origin, json_copy(at, SL_TEXT("{\"_id\":\"")));
        at = body_write(document, row, batch_ms, json_copy(at, SL_TEXT("\",")));
        out->size = (size_t)(at - out->at);
        return;
    }
    buffer_append(out, "{\"_id\":\"", 8);
    size_t start = out->size;
    if (!id_print(document, row, out))
        id_escape(out, start);
    char *at = json_copy(buffer_reserve(out, body_room(document, row) + 2), SL_TEXT("\","));
    out->size = (size_t)(body_write(document, row, batch_ms, at) - out->at);
}

void document_id(const document *document, const void *row, buffer *out)
{
    const sl_origin *origin = document_origin(document, row);
    if (origin == NULL) {
        id_print(document, row, out);
        return;
    }
    char *at = buffer_reserve(out, document->origins->at[origin->partition].id_size + ID_ROOM);
    out->size = (size_t)(origin_write(document, origin, at) - out->at);
}

bool field_text(const sl_field *field, const void *row, buffer *out)
{
    const void *value = (const char *)row + field->offset;
    const sl_text *text = value;
    const sl_maybe_i64 *maybe = value;
    int64_t number = 0;
    switch (field->kind) {
    case SL_KIND_text: buffer_append(out, text->at, text->size); return text->at != NULL;
    case SL_KIND_i32: number = *(const int32_t *)value; break;
    case SL_KIND_flag: number = *(const bool *)value; break;
    case SL_KIND_f64: buffer_print(out, "%.17g", *(const double *)value); return true;
    case SL_KIND_maybe_i64:
        if (!maybe->known)
            return false;
        number = maybe->value;
        break;
    case SL_KIND_time: {
        char iso[25];
        clock_iso(*(const sl_time *)value, iso);
        buffer_text(out, iso);
        return true;
    }
    case SL_KIND_origin:
    case SL_KIND_linked: return false;
    default: number = *(const int64_t *)value;
    }
    char *at = buffer_reserve(out, JSON_NUMBER_MAX);
    out->size = (size_t)(json_number(at, number) - out->at);
    return true;
}
