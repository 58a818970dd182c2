/*
 * sinks/shared/entries.c - rows turned into what a Redis command takes.
 */
#include <sinks/shared/entries.h>

static bool entry_key(const entries *entries, const void *row, buffer *out);
static void entry_member(const entries *entries, const void *row, buffer *out, uint32_t *words);

void entries_row(const entries *entries, const void *row, buffer *out)
{
    size_t start = out->size;
    uint32_t words = 1;
    buffer_append(out, &words, sizeof words);
    if (!entry_key(entries, row, out))
        return;
    entry_member(entries, row, out, &words);
    if (words == 1)
        out->size = start;
    else
        memcpy(out->at + start, &words, sizeof words);
}

void entries_group(const entries *entries, const sink_group *group, buffer *out)
{
    size_t start = out->size;
    uint32_t words = 1;
    buffer_append(out, &words, sizeof words);
    if (!entry_key(entries, group->key_row, out))
        return;
    for (size_t i = 0; i < group->count; i++)
        entry_member(entries, (const char *)group->rows + i * entries->schema->row_bytes, out, &words);
    memcpy(out->at + start, &words, sizeof words);
}

uint32_t entries_count(const char **at)
{
    uint32_t number;
    memcpy(&number, *at, sizeof number);
    *at += sizeof number;
    return number;
}

sl_text entries_word(const char **at)
{
    uint32_t size = entries_count(at);
    sl_text word = { *at, size };
    *at += size;
    return word;
}

static size_t word_begin(buffer *out)
{
    uint32_t size = 0;
    buffer_append(out, &size, sizeof size);
    return out->size;
}

static void word_end(buffer *out, size_t start)
{
    uint32_t size = (uint32_t)(out->size - start);
    memcpy(out->at + start - sizeof size, &size, sizeof size);
}

static void word_add(buffer *out, const char *text)
{
    size_t start = word_begin(out);
    buffer_text(out, text);
    word_end(out, start);
}

static bool fields_join(const entries *entries, const sl_fields *fields, const void *row, buffer *out)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (i)
            buffer_byte(out, '-');
        if (!field_text(schema_field_at(entries->schema, fields->offset[i]), row, out))
            return false;
    }
    return true;
}

/* A word of joined fields; takes itself back when one of them is missing. */
static bool word_join(const entries *entries, const sl_fields *fields, const void *row, buffer *out)
{
    size_t start = word_begin(out);
    if (!fields_join(entries, fields, row, out)) {
        out->size = start - sizeof(uint32_t);
        return false;
    }
    word_end(out, start);
    return true;
}

/* The key as the first word of an entry whose number of words was just begun; takes both back without a key. */
static bool entry_key(const entries *entries, const void *row, buffer *out)
{
    size_t start = word_begin(out);
    buffer_text(out, entries->prefix);
    if (!fields_join(entries, &entries->output->redis.key, row, out)) {
        out->size = start - 2 * sizeof(uint32_t);
        return false;
    }
    word_end(out, start);
    return true;
}

static bool is_key(const entries *entries, const sl_schema *schema, const sl_field *field)
{
    const sl_fields *key = &entries->output->redis.key;
    bool apart = schema == entries->schema && !entries->output->redis.key_inside;
    for (size_t i = 0; apart && i < key->count; i++)
        if (key->offset[i] == field->offset)
            return true;
    return false;
}

/* All fields that are there, those of links too; the key's fields are the key, unless they are wanted inside. */
static void entry_fields(const entries *entries, const sl_schema *schema, const void *row, buffer *out,
                         uint32_t *words)
{
    for (size_t i = 0; i < schema->count; i++) {
        const sl_field *field = &schema->fields[i];
        size_t start = out->size;
        if (field->kind == SL_KIND_linked) {
            const void *linked;
            memcpy(&linked, (const char *)row + field->offset, sizeof linked);
            if (linked)
                entry_fields(entries, field->linked(), linked, out, words);
        }
        if (field->kind == SL_KIND_linked || field->kind == SL_KIND_origin || is_key(entries, schema, field))
            continue;
        word_add(out, field->name);
        size_t value = word_begin(out);
        if (field_text(field, row, out)) {
            word_end(out, value);
            *words += 2;
        } else {
            out->size = start;
        }
    }
}

static void entry_member(const entries *entries, const void *row, buffer *out, uint32_t *words)
{
    const sl_redis_shape *redis = &entries->output->redis;
    size_t start = out->size;
    uint32_t more = 1;
    if (redis->shape == SL_HASH) {
        entry_fields(entries, entries->schema, row, out, words);
        return;
    }
    bool whole = true;
    if (redis->shape == SL_SORTED_SET && redis->score.count == 0)
        word_add(out, entries->time);
    else if (redis->shape == SL_SORTED_SET)
        whole = word_join(entries, &redis->score, row, out);
    more += redis->shape == SL_SORTED_SET;
    if (whole && word_join(entries, &redis->member, row, out))
        *words += more;
    else
        out->size = start;
}
