/*
 * operators/whole.c - groups of rows compared with what was last written.
 *
 * Saved, it is the complete list each time it changed; the last one counts:
 *     groups: 4 bytes | key size: 4 | key | digest: 8 | ids: 4 | size: 4, bytes | ...
 */
#include <base/bytes.h>
#include <base/memory.h>
#include <base/sort.h>
#include <operators/whole.h>
#include <records/key.h>
#include <stdlib.h>

/* A group as it was last written. */
typedef struct written {
    row_key key;
    uint64_t digest;
    buffer ids; /* uint32_t size, bytes, ... */
    uint32_t id_count;
} written;

/* In order of the keys' bytes. A list that is emptied keeps its memory for the next report. */
typedef struct list {
    written *at;
    size_t count, room;
} list;

struct whole {
    const sl_output *output;
    const sl_schema *schema;
    const document *document;
    list last, next;
    bool reported, differs, closed;
    int64_t end_ms;
    buffer rows;   /* of const char *: copies in `memory` */
    buffer groups; /* of sink_group */
    buffer scratch;
    arena memory;
};

whole *whole_new(const sl_output *output, const sl_schema *schema, const document *document)
{
    whole *made = memory_new(sizeof *made);
    made->output = output;
    made->schema = schema;
    made->document = document;
    return made;
}

static void list_clear(list *list)
{
    for (size_t i = 0; i < list->count; i++)
        key_release(list->at[i].key);
    list->count = 0;
}

static void list_done(list *list)
{
    list_clear(list);
    for (size_t i = 0; i < list->room; i++)
        buffer_done(&list->at[i].ids);
    free(list->at);
}

static written *list_add(list *list, row_key key)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 8;
        list->at = memory_resize(list->at, room * sizeof(written));
        memset(list->at + list->room, 0, (room - list->room) * sizeof(written));
        list->room = room;
    }
    written *added = &list->at[list->count++];
    *added = (written){ .key = key_keep(key), .ids = added->ids };
    added->ids.size = 0;
    return added;
}

void whole_free(whole *whole)
{
    if (whole == NULL)
        return;
    list_done(&whole->last);
    list_done(&whole->next);
    buffer_done(&whole->rows);
    buffer_done(&whole->groups);
    buffer_done(&whole->scratch);
    arena_done(&whole->memory);
    free(whole);
}

static void whole_forget(whole *whole)
{
    whole->rows.size = whole->groups.size = 0;
    arena_reset(&whole->memory);
}

void whole_begin(whole *whole)
{
    whole->reported = whole->differs = whole->closed = false;
    list_clear(&whole->next);
    whole_forget(whole);
}

void whole_add(whole *whole, int64_t end_ms, const sl_rows *rows)
{
    if (!whole->reported || whole->end_ms != end_ms)
        whole_forget(whole);
    whole->reported = true;
    whole->end_ms = end_ms;
    for (size_t i = 0; i < rows->count; i++) {
        char *row = arena_copy(&whole->memory, (const char *)rows->at + i * whole->schema->row_bytes,
                               whole->schema->row_bytes);
        for (size_t f = 0; f < whole->schema->count; f++) {
            sl_text *text = (sl_text *)(void *)(row + whole->schema->fields[f].offset);
            if (whole->schema->fields[f].kind == SL_KIND_text && text->at)
                text->at = arena_copy(&whole->memory, text->at, text->size);
        }
        buffer_append(&whole->rows, &row, sizeof row);
    }
}

/* ---- Groups ---- */

static uint64_t row_digest(whole *whole, const char *row)
{
    buffer *text = &whole->scratch;
    text->size = 0;
    for (size_t f = 0; f < whole->schema->count; f++) {
        const sl_field *field = &whole->schema->fields[f];
        if (field->kind == SL_KIND_time || field->kind == SL_KIND_origin)
            continue;
        size_t start = text->size;
        buffer_append(text, "\0\0\0\0", 4);
        bool there = field_text(field, row, text);
        uint32_t size = there ? (uint32_t)(text->size - start) : 0;
        memcpy(text->at + start, &size, sizeof size);
    }
    return hash_bytes(text->at, text->size);
}

static void id_add(written *group, const char *id, size_t size)
{
    uint32_t size_32 = (uint32_t)size;
    buffer_append(&group->ids, &size_32, sizeof size_32);
    buffer_append(&group->ids, id, size);
    group->id_count++;
}

static void written_add(whole *whole, written *group, const char *row)
{
    uint64_t pair[2] = { group->digest, row_digest(whole, row) };
    group->digest = hash_bytes(pair, sizeof pair);
    whole->scratch.size = 0;
    document_id(whole->document, row, &whole->scratch);
    id_add(group, whole->scratch.at, whole->scratch.size);
}

/* The ids of a group, in the order in which they were added. */
static sl_text *ids_list(const written *group, arena *memory)
{
    sl_text *ids = arena_take(memory, group->id_count * sizeof *ids + 1);
    const char *at = group->ids.at;
    for (uint32_t i = 0, size; i < group->id_count; i++, at += size) {
        memcpy(&size, at, sizeof size);
        at += sizeof size;
        ids[i] = (sl_text){ at, size };
    }
    return ids;
}

static int id_order(const void *a, const void *b, const void *unused)
{
    (void)unused;
    return sl_text_compare(*(const sl_text *)a, *(const sl_text *)b);
}

static const sl_text **ids_sorted(sl_text *ids, size_t count, arena *memory)
{
    const sl_text **sorted = arena_take(memory, count * sizeof(sl_text *) + 1);
    for (size_t i = 0; i < count; i++)
        sorted[i] = &ids[i];
    sort_pointers((void **)(void *)sorted, count, id_order, NULL);
    return sorted;
}

static bool id_is_in(const sl_text *const *sorted, size_t count, sl_text id)
{
    for (size_t from = 0; from < count;) {
        size_t middle = from + (count - from) / 2;
        int order = sl_text_compare(id, *sorted[middle]);
        if (order == 0)
            return true;
        from = order > 0 ? middle + 1 : from;
        count = order > 0 ? count : middle;
    }
    return false;
}

/* The ids of `last` that `next` has no more. Mostly each stands where it stood, as ranks do. */
static const sl_text *find_fallen(whole *whole, const written *last, const written *next, size_t *count)
{
    arena *memory = &whole->memory;
    size_t next_count = next ? next->id_count : 0;
    sl_text *were = ids_list(last, memory), *are = next ? ids_list(next, memory) : NULL;
    sl_text *fallen = arena_take(memory, last->id_count * sizeof *fallen + 1);
    const sl_text **sorted = NULL;
    *count = 0;
    for (size_t i = 0; i < last->id_count; i++) {
        if (i < next_count && sl_text_equal(were[i], are[i]))
            continue;
        if (sorted == NULL && next_count)
            sorted = ids_sorted(are, next_count, memory);
        if (!id_is_in(sorted, next_count, were[i]))
            fallen[(*count)++] = (sl_text){ arena_copy(memory, were[i].at, were[i].size), were[i].size };
    }
    return fallen;
}

static int key_order(row_key a, row_key b)
{
    return key_equal(a, b) ? 0 : sl_text_compare(key_bytes(&a), key_bytes(&b));
}

static const written *list_find(const list *list, row_key key)
{
    for (size_t from = 0, until = list->count; from < until;) {
        size_t middle = from + (until - from) / 2;
        int order = key_order(key, list->at[middle].key);
        if (order == 0)
            return &list->at[middle];
        from = order > 0 ? middle + 1 : from;
        until = order > 0 ? until : middle;
    }
    return NULL;
}

static void group_add(whole *whole, row_key key, const char *rows, size_t count)
{
    const written *last = list_find(&whole->last, key), *next = count ? list_find(&whole->next, key) : NULL;
    char *key_row = arena_take(&whole->memory, whole->schema->row_bytes);
    row_key *kept = arena_take(&whole->memory, sizeof *kept);
    *kept = next ? next->key : last->key;
    memset(key_row, 0, whole->schema->row_bytes);
    key_fill(&whole->output->whole, kept, key_row);
    sink_group group = { .key_row = key_row, .rows = rows, .count = count };
    group.changed = last == NULL || next == NULL || last->digest != next->digest;
    if (last)
        group.fallen = find_fallen(whole, last, next, &group.fallen_count);
    whole->differs |= group.changed;
    buffer_append(&whole->groups, &group, sizeof group);
}

/* A row with its group's key, which is made once. */
typedef struct grouped {
    row_key key;
    const char *row;
} grouped;

/* Of two rows of one group the one that came first. */
static int grouped_order(const void *a, const void *b, const void *unused)
{
    const grouped *left = a, *right = b;
    (void)unused;
    int order = key_order(left->key, right->key);
    return order ? order : (left > right) - (left < right);
}

/* Rows of one group lie together, groups in order; within a group the order in which they came stays. */
static grouped **rows_gather(whole *whole, size_t *count)
{
    const char *const *rows = (const char *const *)(const void *)whole->rows.at;
    *count = whole->rows.size / sizeof *rows;
    grouped *all = arena_take(&whole->memory, *count * sizeof *all + 1);
    grouped **sorted = arena_take(&whole->memory, *count * sizeof *sorted + 1);
    bool in_order = true;
    for (size_t i = 0; i < *count; i++) {
        all[i] = (grouped){ key_of_row(&whole->output->whole, rows[i], &whole->memory), rows[i] };
        sorted[i] = &all[i];
        in_order = in_order && (i == 0 || grouped_order(sorted[i - 1], sorted[i], NULL) < 0);
    }
    if (!in_order)
        sort_pointers((void **)sorted, *count, grouped_order, NULL);
    return sorted;
}

static void groups_make(whole *whole)
{
    size_t count, bytes = whole->schema->row_bytes;
    grouped *const *rows = rows_gather(whole, &count);
    for (size_t from = 0, until; from < count; from = until) {
        row_key key = rows[from]->key;
        for (until = from + 1; until < count && key_equal(rows[until]->key, key); until++)
            ;
        char *together = arena_take(&whole->memory, (until - from) * bytes);
        written *group = list_add(&whole->next, key);
        for (size_t i = from; i < until; i++) {
            memcpy(together + (i - from) * bytes, rows[i]->row, bytes);
            written_add(whole, group, rows[i]->row);
        }
        group_add(whole, key, together, until - from);
    }
}

static void groups_close(whole *whole)
{
    groups_make(whole);
    for (size_t i = 0; i < whole->last.count; i++)
        if (list_find(&whole->next, whole->last.at[i].key) == NULL)
            group_add(whole, whole->last.at[i].key, NULL, 0);
    whole->closed = true;
}

bool whole_close(whole *whole, const sink_group **groups, size_t *count)
{
    if (!whole->reported)
        return false;
    if (!whole->closed)
        groups_close(whole);
    *groups = (const sink_group *)(const void *)whole->groups.at;
    *count = whole->groups.size / sizeof **groups;
    return whole->differs;
}

void whole_settle(whole *whole)
{
    if (!whole->closed)
        return;
    list emptied = whole->last;
    list_clear(&emptied);
    whole->last = whole->next;
    whole->next = emptied;
    whole->closed = false;
}

/* ---- Checkpoint ---- */

/* Called before the batch settles: `next` is what will have been written. */
void whole_save(const whole *whole, bool all, buffer *out)
{
    const list *list = whole->closed ? &whole->next : &whole->last;
    if (!all && !(whole->closed && whole->differs))
        return;
    uint32_t count = (uint32_t)list->count;
    buffer_append(out, &count, sizeof count);
    for (size_t i = 0; i < list->count; i++) {
        const written *group = &list->at[i];
        sl_text key = key_bytes(&group->key);
        uint32_t size = (uint32_t)key.size;
        buffer_append(out, &size, sizeof size);
        buffer_append(out, key.at, key.size);
        buffer_append(out, &group->digest, sizeof group->digest);
        buffer_append(out, &group->id_count, sizeof group->id_count);
        buffer_append(out, group->ids.at, group->ids.size);
    }
}

static bool load_group(whole *whole, bytes_reader *reader)
{
    uint32_t size, ids;
    sl_text bytes;
    if (!bytes_read(reader, &size, sizeof size) || !bytes_skip(reader, size, &bytes))
        return false;
    written *group = list_add(&whole->last, key_of_bytes(bytes.at, bytes.size, &whole->memory));
    if (!bytes_read(reader, &group->digest, sizeof group->digest) || !bytes_read(reader, &ids, sizeof ids))
        return false;
    for (; ids; ids--) {
        if (!bytes_read(reader, &size, sizeof size) || !bytes_skip(reader, size, &bytes))
            return false;
        id_add(group, bytes.at, (uint32_t)bytes.size);
    }
    return true;
}

/* The lists one after another; false when the last one is not whole. */
static bool load_lists(whole *whole, bytes_reader *reader)
{
    uint32_t count;
    while (reader->at < reader->end) {
        if (!bytes_read(reader, &count, sizeof count))
            return false;
        list_clear(&whole->last);
        for (; count; count--)
            if (!load_group(whole, reader))
                return false;
    }
    return true;
}

sl_result whole_load(whole *whole, sl_text saved, failure *failure)
{
    bytes_reader reader = { saved.at, saved.at + saved.size };
    if (load_lists(whole, &reader))
        return SL_OK;
    return fail(failure, SL_FAILED, "what was last written to \"%s\" is damaged in the checkpoint",
                whole->output->name);
}
