/*
 * operators/held_rows_saved.c - held rows in the checkpoint: pieces of one form, whether they tell the rows of a batch or all.
 *
 *     piece   pane: 8 bytes | shape: 8 | shard: 8 | size: 8 | entry | entry | ...
 *     entry   size, side: 4 each | row, its texts by where they lie in the entry | texts ...        size is a multiple of 8
 */
#include <operators/held_rows.h>

typedef struct piece_head {
    int64_t pane;
    uint64_t shape, shard, size;
} piece_head;

typedef struct entry_head {
    uint32_t size, side; /* of all of it */
} entry_head;

static size_t in_eights(size_t bytes)
{
    return (bytes + 7) & ~(size_t)7;
}

/* ---- Writing ---- */

static void pad(buffer *out, size_t start)
{
    static const char zeros[8] = { 0 };
    size_t size = out->size - start;
    buffer_append(out, zeros, in_eights(size) - size);
}

static void entry_put(const held_texts *texts, uint32_t side, const char *row, size_t row_bytes, buffer *out)
{
    size_t start = out->size;
    entry_head head = { 0, side };
    buffer_append(out, &head, sizeof head);
    buffer_append(out, row, row_bytes);
    pad(out, start);
    for (size_t i = 0; i < texts->count; i++) {
        sl_text text;
        memcpy(&text, row + texts->offsets[i], sizeof text);
        if (text.at == NULL)
            continue;
        uintptr_t where = out->size - start;
        buffer_append(out, text.at, text.size);
        memcpy(out->at + start + sizeof head + texts->offsets[i] + offsetof(sl_text, at), &where,
               sizeof where);
    }
    pad(out, start);
    head.size = (uint32_t)(out->size - start);
    memcpy(out->at + start, &head, sizeof head);
}

/* A pane's rows of each side, from a place on. */
static void pane_put(const held *self, size_t shard, const held_pane *pane, const size_t *from, buffer *out)
{
    piece_head head = { pane->number, self->shape, shard, 0 };
    size_t start = out->size;
    buffer_append(out, &head, sizeof head);
    for (uint32_t side = 0; side < self->spec.side_count; side++) {
        const buffer *rows = &pane->kept.rows[side];
        for (size_t at = from[side]; at < rows->size; at += held_row_bytes(self, side))
            entry_put(&self->texts[side], side, rows->at + at, held_row_bytes(self, side), out);
    }
    head.size = out->size - start - sizeof head;
    memcpy(out->at + start, &head, sizeof head);
    if (head.size == 0)
        out->size = start;
}

void held_save(void *opened, bool all, buffer *out)
{
    static const size_t begin[HELD_SIDES];
    const held *self = opened;
    for (unsigned s = 0; s < STORE_SHARDS && !self->window.batch_only; s++) {
        const held_shard *shard = &self->shards[s];
        for (size_t i = 0; i < held_pane_count(shard); i++) {
            const held_pane *pane = held_pane_nth(shard, i);
            if (all)
                pane_put(self, s, pane, begin, out);
            else if (i + 1 == held_pane_count(shard) && self->batch &&
                     pane->number == window_pane(&self->window, self->batch->time_ms))
                pane_put(self, s, pane, shard->batch_from, out);
        }
    }
}

/* ---- Reading ---- */

/* The row, its texts as they lie in the entry. False: damaged. */
static bool entry_get(const held_texts *texts, const char *entry, size_t size, size_t row_bytes, char *row)
{
    memcpy(row, entry + sizeof(entry_head), row_bytes);
    for (size_t i = 0; i < texts->count; i++) {
        sl_text *text = (sl_text *)(void *)(row + texts->offsets[i]);
        uintptr_t where = (uintptr_t)text->at;
        if (where == 0)
            continue;
        if (where > size || text->size > size - where)
            return false;
        text->at = entry + where;
    }
    return true;
}

typedef struct loading {
    held *self;
    arena memory; /* of one entry */
} loading;

/* Each row to its shard, which follows from its key; without one, to where it was. The size of the entry; 0: it is damaged. */
static size_t entry_load(loading *to, const piece_head *piece, const char *at, size_t left)
{
    held *self = to->self;
    entry_head head;
    if (left < sizeof head)
        return 0;
    memcpy(&head, at, sizeof head);
    if (head.side >= self->spec.side_count || head.size % 8 || head.size > left ||
        head.size < sizeof head + held_row_bytes(self, head.side))
        return 0;
    arena_reset(&to->memory);
    char *row = arena_take(&to->memory, held_row_bytes(self, head.side));
    if (!entry_get(&self->texts[head.side], at, head.size, held_row_bytes(self, head.side), row))
        return 0;
    unsigned shard = self->spec.sides[head.side].key.count
                         ? store_shard_of(key_hash(held_key_of(self, head.side, row, &to->memory)))
                         : (unsigned)piece->shard;
    held_keep(self, &held_pane_of(&self->shards[shard], piece->pane)->kept, head.side, row, 1);
    return head.size;
}

static bool piece_load(loading *to, const piece_head *piece, const char *at)
{
    size_t left = piece->shard < STORE_SHARDS ? piece->size : 0;
    for (size_t size; left && (size = entry_load(to, piece, at, left)) > 0; left -= size)
        at += size;
    return left == 0 && piece->shard < STORE_SHARDS;
}

sl_result held_load(void *opened, sl_text saved, failure *failure)
{
    held *self = opened;
    loading loading = { .self = self };
    bool whole = true, same = true;
    for (size_t at = 0; at < saved.size && whole && same;) {
        piece_head head = { 0 };
        whole = saved.size - at >= sizeof head;
        if (whole)
            memcpy(&head, saved.at + at, sizeof head);
        at += sizeof head;
        same = !whole || head.shape == self->shape;
        whole = whole && head.size <= saved.size - at;
        if (whole && same)
            whole = piece_load(&loading, &head, saved.at + at);
        at += head.size;
    }
    arena_done(&loading.memory);
    if (!same)
        return fail(
            failure, SL_USAGE,
            "the rows of \"%s\" in the checkpoint have other fields than the job's have now: give it a new "
            "name, or forget the state with sluice reset",
            self->spec.name);
    return whole ? SL_OK
                 : fail(failure, SL_FAILED, "the rows of \"%s\" in the checkpoint are damaged",
                        self->spec.name);
}
