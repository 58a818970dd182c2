/*
 * batches/saved.c - frames of a checkpoint, taken apart.
 */
#include <base/hash.h>
#include <base/memory.h>
#include <base/varint.h>
#include <batches/saved.h>
#include <plan/window.h>
#include <state/kept.h>
#include <stdlib.h>

static bool frame_take(saved *self, sl_text payload);
static void amount_count(const saved *saved, saved_amount *amount);

sl_result saved_read(const char *path, saved *self, failure *failure)
{
    sl_text payload;
    *self = (saved){ 0 };
    SL_TRY(disk_read(path, &self->bytes, failure));
    sl_text file = { self->bytes.at, self->bytes.size };
    for (size_t at = 0; frame_read(file, &at, &payload) && frame_take(self, payload); self->whole = at)
        self->frames++;
    return self->frames ? SL_OK : fail(failure, SL_FAILED, "%s does not begin with a whole frame", path);
}

sl_result saved_newest(const char *work_dir, saved *self, failure *failure)
{
    char **names = NULL;
    size_t count = 0;
    buffer path = { 0 };
    bool found = false;
    SL_TRY(disk_list(work_dir, "checkpoint-", &names, &count, failure));
    for (size_t i = count; i-- > 0;) {
        struct failure unusable = { 0 };
        path.size = 0;
        buffer_print(&path, "%s/%s", work_dir, names[i]);
        buffer_byte(&path, '\0');
        if (!found && !(found = saved_read(path.at, self, &unusable) == SL_OK))
            saved_done(self);
        free(names[i]);
    }
    free(names);
    buffer_done(&path);
    return found ? SL_OK
                 : fail(failure, SL_USAGE,
                        "there is no checkpoint in %s that can be read: the job has done no batch", work_dir);
}

void saved_done(saved *self)
{
    buffer_done(&self->bytes);
    buffer_done(&self->positions);
    buffer_done(&self->windows);
    buffer_done(&self->parts);
    buffer_done(&self->accounts);
    *self = (saved){ 0 };
}

saved_validity saved_judge(const saved *self)
{
    sl_text file = { self->bytes.at, self->bytes.size };
    if (self->frames == 0)
        return SAVED_USELESS;
    if (self->whole == file.size)
        return SAVED_WHOLE;
    return frame_find(file, self->whole) < file.size ? SAVED_DAMAGED : SAVED_TORN;
}

sl_result saved_write(const saved *self, const char *path, const batch_mark *mark, bool with_state,
                      failure *failure)
{
    buffer frame = { 0 };
    size_t start, count = self->positions.size / sizeof(saved_position);
    const saved_position *positions = (const saved_position *)(const void *)self->positions.at;
    const saved_window *windows = (const saved_window *)(const void *)self->windows.at;
    const saved_part *parts = (const saved_part *)(const void *)self->parts.at;
    frame_begin(&frame, &start);
    put_i64(&frame, mark->id);
    put_i64(&frame, mark->time_ms);
    put_i64(&frame, self->interval_ms);
    put_i64(&frame, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        put_text(&frame, positions[i].topic);
        put_i64(&frame, positions[i].partition);
        put_i64(&frame, positions[i].next);
    }
    count = with_state ? self->windows.size / sizeof *windows : 0;
    put_i64(&frame, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        put_text(&frame, windows[i].name);
        put_i64(&frame, windows[i].length_ms);
        put_i64(&frame, windows[i].pane_ms);
    }
    put_text(&frame, with_state ? self->account : (sl_text){ 0 }); /* an empty one: the job has forgotten */
    for (size_t i = 0; with_state && i < self->parts.size / sizeof *parts; i++) {
        put_text(&frame, parts[i].name);
        put_text(&frame, parts[i].bytes);
    }
    frame_end(&frame, start);
    sl_result result = disk_replace(path, frame.at, frame.size, failure);
    buffer_done(&frame);
    return result;
}

sl_result saved_begin_anew(const char *work_dir, const batch_mark *newest, failure *failure)
{
    char name[CHECKPOINT_NAME_ROOM];
    size_t start;
    buffer path = { 0 }, frame = { 0 };
    frame_begin(&frame, &start);
    put_i64(&frame, newest->id);
    put_i64(&frame, newest->time_ms);
    for (int i = 0; i < 3; i++) /* interval, positions, windows */
        put_i64(&frame, 0);
    put_text(&frame, (sl_text){ 0 }); /* account */
    frame_end(&frame, start);
    checkpoint_name(newest->id, name);
    buffer_print(&path, "%s/%s", work_dir, name);
    buffer_byte(&path, '\0');
    sl_result result = disk_replace(path.at, frame.at, frame.size, failure);
    buffer_done(&path);
    buffer_done(&frame);
    return result;
}

static bool frame_take(saved *self, sl_text payload)
{
    frame_reader reader = { payload.at, payload.at + payload.size, false };
    self->positions.size = self->windows.size = 0;
    self->batch_id = get_i64(&reader);
    self->time_ms = get_i64(&reader);
    self->interval_ms = get_i64(&reader);
    for (int64_t count = get_i64(&reader); count > 0 && !reader.damaged; count--) {
        saved_position position = { .topic = get_text(&reader) };
        position.partition = get_i64(&reader);
        position.next = get_i64(&reader);
        buffer_append(&self->positions, &position, sizeof position);
    }
    for (int64_t count = get_i64(&reader); count > 0 && !reader.damaged; count--) {
        saved_window window = { .name = get_text(&reader) };
        window.length_ms = get_i64(&reader);
        window.pane_ms = get_i64(&reader);
        buffer_append(&self->windows, &window, sizeof window);
    }
    self->account = get_text(&reader);
    if (self->account.size)
        buffer_append(&self->accounts, &self->account, sizeof self->account);
    while (reader.at < reader.end && !reader.damaged) {
        saved_part part = { .name = get_text(&reader) };
        part.bytes = get_text(&reader);
        buffer_append(&self->parts, &part, sizeof part);
    }
    return !reader.damaged;
}

/* ---- How much ---- */

size_t saved_amounts(const saved *self, saved_amount **amounts)
{
    const saved_part *parts = (const saved_part *)(const void *)self->parts.at;
    const saved_window *windows = (const saved_window *)(const void *)self->windows.at;
    size_t count = 0, part_count = self->parts.size / sizeof *parts;
    saved_amount *made = memory_new((part_count + 1) * sizeof *made);
    for (size_t i = 0; i < part_count; i++) {
        size_t at = 0;
        while (at < count && !sl_text_equal(made[at].name, parts[i].name))
            at++;
        made[at].name = parts[i].name;
        made[at].bytes += parts[i].bytes.size;
        count += at == count;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t w = 0; w < self->windows.size / sizeof *windows; w++)
            if (sl_text_equal(windows[w].name, made[i].name))
                made[i].window = &windows[w];
        amount_count(self, &made[i]);
    }
    *amounts = made;
    return count;
}

/* The keys of a count's pieces (see operators/count_saved.c) whose pane is still in the window, by their hashes. */
static void keys_gather(sl_text bytes, int64_t gone, buffer *hashes)
{
    const char *at = bytes.at, *end = at + bytes.size;
    uint64_t left, size, times;
    int64_t pane;
    while ((size_t)(end - at) >= sizeof pane + sizeof left) {
        memcpy(&pane, at, sizeof pane);
        memcpy(&left, at + sizeof pane, sizeof left);
        at += sizeof pane + sizeof left;
        const char *next = left <= (uint64_t)(end - at) ? at + left : end;
        while (at < next) {
            if (!varint_read(&at, next, &size) || size > (uint64_t)(next - at))
                return;
            uint64_t hash = hash_bytes(at, size);
            at += size;
            if (!varint_read(&at, next, &times))
                return;
            if (pane > gone)
                buffer_append(hashes, &hash, sizeof hash);
        }
    }
}

static int hash_order(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static int64_t distinct(buffer *hashes)
{
    uint64_t *at = (uint64_t *)(void *)hashes->at;
    size_t count = hashes->size / sizeof *at;
    int64_t found = count > 0;
    if (count)
        qsort(at, count, sizeof *at, hash_order);
    for (size_t i = 1; i < count; i++)
        found += at[i] != at[i - 1];
    return found;
}

/* The pane before the window's first: all of a count without a window is of its own batch. */
static int64_t pane_gone(const saved *self, const saved_window *saved)
{
    window window = { .pane_ms = saved->pane_ms, .panes = saved->length_ms / saved->pane_ms };
    return window_gone(&window, self->time_ms);
}

/* A key in one of an update's pieces; the last one that has it says whether it is gone. */
typedef struct kept_key {
    uint64_t hash, number;
    bool gone;
} kept_key;

static int kept_order(const void *left, const void *right)
{
    const kept_key *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

static void kept_gather(sl_text bytes, buffer *keys)
{
    kept_shape shape;
    kept_reader reader;
    kept_entry entry;
    if (!kept_open(&reader, bytes, &shape))
        return;
    while (kept_next(&reader, &entry)) {
        kept_key key = { hash_bytes(entry.key.at, entry.key.size), keys->size,
                         (entry.flags & KEPT_GONE) != 0 };
        buffer_append(keys, &key, sizeof key);
    }
}

static int64_t kept_count(buffer *keys)
{
    kept_key *at = (kept_key *)(void *)keys->at;
    size_t count = keys->size / sizeof *at;
    int64_t found = 0;
    if (count)
        qsort(at, count, sizeof *at, kept_order);
    for (size_t i = 0; i < count; i++)
        found += !at[i].gone && (i + 1 == count || at[i + 1].hash != at[i].hash);
    return found;
}

static void amount_count(const saved *self, saved_amount *amount)
{
    const saved_part *parts = (const saved_part *)(const void *)self->parts.at;
    buffer hashes = { 0 };
    bool is_count = amount->window && amount->window->pane_ms > 0 && amount->window->length_ms > 0;
    for (size_t i = 0; i < self->parts.size / sizeof *parts; i++) {
        uint32_t lists = 0;
        if (!sl_text_equal(parts[i].name, amount->name))
            continue;
        amount->states = !is_count && kept_is(parts[i].bytes);
        if (is_count)
            keys_gather(parts[i].bytes, pane_gone(self, amount->window), &hashes);
        else if (amount->states)
            kept_gather(parts[i].bytes, &hashes);
        else if (parts[i].bytes.size >= sizeof lists) { /* each part has all the lists: the last one counts */
            memcpy(&lists, parts[i].bytes.at, sizeof lists);
            amount->keys = lists;
        }
    }
    if (is_count)
        amount->keys = distinct(&hashes);
    if (amount->states)
        amount->keys = kept_count(&hashes);
    buffer_done(&hashes);
}
