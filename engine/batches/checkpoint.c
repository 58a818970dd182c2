/*
 * batches/checkpoint.c - writing frames of state, and reading the newest back.
 */
#include <base/counted.h>
#include <base/faults.h>
#include <base/log.h>
#include <base/memory.h>
#include <batches/checkpoint.h>
#include <batches/frames.h>
#include <batches/positions.h>
#include <inttypes.h>
#include <plan/window.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHANGES_LEAST = 64 << 20, FILES_KEPT = 2, RECALLED_MOST = 1024 };

typedef struct recalled {
    int64_t batch_id;
    char *account;
} recalled;

struct checkpoint {
    char *work_dir;
    const sl_plan *plan;
    intake *intake;
    executor *executor;
    checkpoint_head head; /* as it was read */
    bool anew;            /* the file begins with a reset: what stands in older ones is forgotten */
    disk_file *file;
    bool loose;                       /* frames at its end are not synced */
    size_t whole_bytes, change_bytes; /* of the current file */
    buffer frame, read, positions;
    sl_text last_positions; /* in `read` */
    buffer states;          /* of sl_text payloads in `read` */
    buffer accounts;        /* of recalled */
};

static void path_print(const checkpoint *self, const char *name, buffer *path)
{
    path->size = 0;
    buffer_print(path, "%s/%s", self->work_dir, name);
    buffer_byte(path, '\0');
}

/* ---- Writing ---- */

/* A partition that was added since has no position, -1, until a batch has read of it: then the next start begins with its
 * first record, too. How many there are. */
static size_t positions_advance(checkpoint *self, const batch *batch)
{
    size_t count;
    const batch_range *ranges = batch_ranges(batch, &count);
    for (size_t i = 0; i < count; i++) {
        while (self->positions.size / sizeof(int64_t) <= ranges[i].partition)
            put_i64(&self->positions, -1);
        ((int64_t *)(void *)self->positions.at)[ranges[i].partition] = ranges[i].until;
    }
    return self->positions.size / sizeof(int64_t);
}

/* Those of partitions that are over are forgotten. */
static void put_positions(checkpoint *self, const batch *batch, buffer *out)
{
    size_t known = positions_advance(self, batch), put = 0;
    int64_t *next = (int64_t *)(void *)self->positions.at;
    for (size_t i = 0; i < known; i++) {
        next[i] = atomic_load(&self->intake->origins.at[i].over) ? -1 : next[i];
        put += next[i] >= 0;
    }
    put_i64(out, (int64_t)put);
    for (size_t i = 0; i < known; i++) {
        const origin_name *name = &self->intake->origins.at[i];
        if (next[i] < 0)
            continue;
        put_text(out, (sl_text){ name->name, strlen(name->name) });
        put_i64(out, name->partition);
        put_i64(out, next[i]);
    }
}

static void put_windows(const checkpoint *self, buffer *out)
{
    failure ignored = { 0 }; /* refused at the start, if at all */
    int64_t count = 0;
    for (uint32_t i = 0; i < self->plan->count; i++)
        count += plan_window(&self->plan->nodes[i]) != NULL;
    put_i64(out, count);
    for (uint32_t i = 0; i < self->plan->count; i++) {
        const plan_node *node = &self->plan->nodes[i];
        const sl_window *drawn = plan_window(node);
        window window = { 0 };
        if (drawn == NULL)
            continue;
        window_of(drawn, node->name, &window, &ignored);
        put_text(out, (sl_text){ node->name, strlen(node->name) });
        put_i64(out, drawn->length.ms);
        put_i64(out, window.pane_ms);
    }
}

static void put_state(void *argument, const char *name, sl_text bytes)
{
    buffer *out = argument;
    put_text(out, (sl_text){ name, strlen(name) });
    put_text(out, bytes);
}

static void frame_fill(checkpoint *self, const batch *batch, const char *account, bool all)
{
    buffer *out = &self->frame;
    size_t start;
    out->size = 0;
    frame_begin(out, &start);
    put_i64(out, batch->id);
    put_i64(out, batch->time_ms);
    put_i64(out, batch->interval_ms);
    put_positions(self, batch, out);
    put_windows(self, out);
    put_text(out, (sl_text){ account, strlen(account) });
    executor_save(self->executor, all, put_state, out);
    frame_end(out, start);
}

static void old_files_remove(checkpoint *self)
{
    char **names = NULL;
    size_t count = 0;
    failure ignored = { 0 }; /* an old file that stays costs space only */
    buffer path = { 0 };
    if (disk_list(self->work_dir, "checkpoint-", &names, &count, &ignored) != SL_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        if (i + FILES_KEPT < count) {
            path_print(self, names[i], &path);
            disk_remove(path.at, &ignored);
        }
        free(names[i]);
    }
    free(names);
    buffer_done(&path);
}

void checkpoint_name(int64_t batch_id, char name[CHECKPOINT_NAME_ROOM])
{
    snprintf(name, CHECKPOINT_NAME_ROOM, "checkpoint-%018" PRId64, batch_id);
}

static sl_result file_begin(checkpoint *self, int64_t id, failure *failure)
{
    char name[CHECKPOINT_NAME_ROOM];
    buffer path = { 0 };
    checkpoint_name(id, name);
    path_print(self, name, &path);
    sl_result result = disk_replace(path.at, self->frame.at, self->frame.size, failure);
    disk_file *file = NULL;
    if (result == SL_OK)
        result = disk_open(path.at, &file, failure);
    buffer_done(&path);
    if (result != SL_OK)
        return result;
    disk_close(self->file);
    self->file = file;
    self->loose = false;
    self->whole_bytes = self->frame.size;
    self->change_bytes = 0;
    old_files_remove(self);
    return SL_OK;
}

sl_result checkpoint_write(checkpoint *self, const batch *batch, const char *account, bool sync,
                           failure *failure)
{
    bool all = self->file == NULL ||
               (self->change_bytes > CHANGES_LEAST && self->change_bytes > 2 * self->whole_bytes);
    frame_fill(self, batch, account, all);
    if (all)
        return file_begin(self, batch->id, failure);
    if (sync && self->loose) /* or this frame may be on the disk, and those before it not */
        SL_TRY(disk_sync(self->file, failure));
    if (!sync)
        frame_loosen(&self->frame, 0);
    self->loose = !sync;
    int64_t before = disk_size(self->file);
    sl_result result = disk_append(self->file, self->frame.at, self->frame.size, failure);
    fault_point("before_checkpoint_sync");
    if (result == SL_OK && sync)
        result = disk_sync(self->file, failure);
    if (result == SL_OK) {
        self->change_bytes += self->frame.size;
        return SL_OK;
    }
    struct failure ignored = { 0 };
    disk_cut(self->file, before, &ignored);
    return result;
}

/* ---- Reading ---- */

static sl_result window_read(checkpoint *self, frame_reader *reader, failure *failure)
{
    sl_text name = get_text(reader);
    int64_t length_ms = get_i64(reader), pane_ms = get_i64(reader);
    for (uint32_t i = 0; i < self->plan->count; i++) {
        const plan_node *node = &self->plan->nodes[i];
        const sl_window *drawn = plan_window(node);
        window window;
        if (drawn == NULL || !sl_text_equal(name, (sl_text){ node->name, strlen(node->name) }))
            continue;
        SL_TRY(window_of(drawn, node->name, &window, failure));
        if (drawn->length.ms != length_ms || window.pane_ms != pane_ms)
            return fail(failure, SL_USAGE,
                        "the state of \"%s\" was counted in a window of %" PRId64 "ms with panes of %" PRId64
                        "ms, now it is %" PRId64 "ms and %" PRId64
                        "ms: keep the old values, or forget the state with sluice reset",
                        node->name, length_ms, pane_ms, drawn->length.ms, window.pane_ms);
    }
    return SL_OK;
}

static void account_note(checkpoint *self, int64_t batch_id, sl_text account)
{
    recalled *all = (recalled *)(void *)self->accounts.at;
    if (self->accounts.size >= 2 * RECALLED_MOST * sizeof *all) {
        for (size_t i = 0; i < RECALLED_MOST; i++)
            free(all[i].account);
        memmove(all, all + RECALLED_MOST, RECALLED_MOST * sizeof *all);
        self->accounts.size -= RECALLED_MOST * sizeof *all;
    }
    recalled one = { batch_id, memory_new(account.size + 1) };
    memcpy(one.account, account.at, account.size);
    buffer_append(&self->accounts, &one, sizeof one);
}

static sl_result frame_take(checkpoint *self, sl_text payload, failure *failure)
{
    checkpoint_head *head = &self->head;
    frame_reader reader = { payload.at, payload.at + payload.size, false };
    head->batch_id = get_i64(&reader);
    head->time_ms = get_i64(&reader);
    head->interval_ms = get_i64(&reader);
    self->last_positions = positions_read(self->intake, &reader);
    for (int64_t count = get_i64(&reader); count > 0 && !reader.damaged; count--)
        SL_TRY(window_read(self, &reader, failure));
    sl_text account = get_text(&reader);
    mark_raise(&head->newest, (batch_mark){ head->batch_id, head->time_ms });
    if (account.size == 0)
        *head = (checkpoint_head){ .newest = head->newest }; /* reset */
    else if (!reader.damaged)
        account_note(self, head->batch_id, account);
    self->anew = self->anew || account.size == 0;
    sl_text states = { reader.at, (size_t)(reader.end - reader.at) };
    buffer_append(&self->states, &states, sizeof states);
    return reader.damaged ? fail(failure, SL_FAILED, "a frame of the checkpoint is damaged") : SL_OK;
}

/* Behind the last whole frame: a frame that was not finished is cut off, and so are those behind it that were not synced. If a
 * synced one follows, the job must not go on. */
static sl_result rest_cut(checkpoint *self, const char *path, size_t at, failure *failure)
{
    sl_text file = { self->read.at, self->read.size };
    batch_mark last = { 0 };
    int64_t whole = self->head.batch_id;
    frames_mark(file, at, &last);
    if (frame_is_behind(file, at))
        return fail(
            failure, SL_FAILED,
            "%s is damaged at byte %zu: batches up to %" PRId64 " are whole, what batches %" PRId64
            " to %" PRId64
            " left behind them cannot be used. Put back a copy of the work folder, or start anew with "
            "sluice reset. To go on after batch %" PRId64
            " all the same, cut the file with truncate -s %zu: later "
            "batches run again, and places that cannot tell hold their records twice",
            path, at, whole, whole + 1, last.id, whole, at);
    log_warn("checkpoint", "%s: cut off %s of a frame that was not finished", path,
             counted((int64_t)(file.size - at), "byte", "bytes").at);
    return disk_cut(self->file, (int64_t)at, failure);
}

/* The file's frames; *whole becomes true when it begins with one. */
static sl_result file_read(checkpoint *self, const char *name, bool *whole, failure *failure)
{
    buffer path = { 0 };
    size_t at = 0;
    sl_text payload;
    path_print(self, name, &path);
    self->read.size = self->states.size = 0;
    sl_result result = disk_read_back(path.at, &self->read, failure);
    sl_text file = { self->read.at, self->read.size };
    *whole = false;
    while (result == SL_OK && frame_read(file, &at, &payload)) {
        result = frame_take(self, payload, failure);
        self->whole_bytes = *whole ? self->whole_bytes : at;
        *whole = true;
    }
    self->change_bytes = at - self->whole_bytes;
    if (result == SL_OK && *whole)
        result = disk_open(path.at, &self->file, failure);
    if (result == SL_OK && *whole && at < file.size)
        result = rest_cut(self, path.at, at, failure);
    if (result == SL_OK &&
        *whole) /* a process may have died before it synced the last frame, or the file's name */
        result = disk_settle(self->file, failure);
    buffer_done(&path);
    return result;
}

/* A file that does not begin with a whole frame is set aside under another name, never passed over in silence. */
static sl_result set_aside(checkpoint *self, const char *name, failure *failure)
{
    buffer from = { 0 }, to = { 0 };
    path_print(self, name, &from);
    buffer_print(&to, "%s/damaged-%s", self->work_dir, name);
    buffer_byte(&to, '\0');
    log_error("checkpoint", "%s is damaged at its begin: set aside as %s", from.at, to.at);
    sl_result result = disk_rename(from.at, to.at, failure);
    buffer_done(&from);
    buffer_done(&to);
    return result;
}

/* When a file was just begun, the newest accounts stand in the one before. */
static void older_accounts_read(checkpoint *self, const char *name)
{
    buffer newest = self->accounts, path = { 0 }, bytes = { 0 };
    failure ignored = { 0 }; /* an account that is not found is missed in the history, nowhere else */
    size_t at = 0;
    sl_text payload;
    self->accounts = (buffer){ 0 };
    path_print(self, name, &path);
    sl_result result = disk_read(path.at, &bytes, &ignored);
    while (result == SL_OK && frame_read((sl_text){ bytes.at, bytes.size }, &at, &payload)) {
        frame_reader reader = { payload.at, payload.at + payload.size, false };
        int64_t batch_id = get_i64(&reader);
        get_i64(&reader), get_i64(&reader);
        for (int list = 0; list < 2; list++) /* positions and windows: a text and two numbers each */
            for (int64_t count = get_i64(&reader); count > 0 && !reader.damaged; count--)
                get_text(&reader), get_i64(&reader), get_i64(&reader);
        sl_text account = get_text(&reader);
        if (!reader.damaged)
            account_note(self, batch_id, account);
    }
    buffer_append(&self->accounts, newest.at, newest.size);
    buffer_done(&newest);
    buffer_done(&path);
    buffer_done(&bytes);
}

/* By an earlier start, which was refused: so is this one, or a supervisor that tries again would start the job anew. */
static bool was_set_aside(const checkpoint *self)
{
    char **names = NULL;
    size_t count = 0;
    failure ignored = { 0 };
    if (disk_list(self->work_dir, "damaged-checkpoint-", &names, &count, &ignored) != SL_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return count > 0;
}

static sl_result newest_read(checkpoint *self, failure *failure)
{
    char **names = NULL;
    size_t count = 0;
    bool whole = false;
    SL_TRY(disk_list(self->work_dir, "checkpoint-", &names, &count, failure));
    sl_result result = SL_OK;
    for (size_t i = count; i-- > 0 && !whole && result == SL_OK;) {
        result = file_read(self, names[i], &whole, failure);
        if (result == SL_OK && !whole) {
            frames_mark((sl_text){ self->read.at, self->read.size }, 0, &self->head.newest);
            result = set_aside(self, names[i], failure);
        } else if (result == SL_OK && i + 1 < count)
            log_warn("checkpoint",
                     "going on with the file before, %s/%s, after batch %" PRId64 ": later batches run again",
                     self->work_dir, names[i], self->head.batch_id);
        if (whole && !self->anew && i > 0 && self->accounts.size < RECALLED_MOST * sizeof(recalled))
            older_accounts_read(self, names[i - 1]);
    }
    if (result == SL_OK && !whole && (count || was_set_aside(self)))
        fail(failure, SL_FAILED,
             "no checkpoint in %s is whole; the damaged ones are set aside. Start anew with sluice reset, "
             "or put back a copy of the folder",
             self->work_dir);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
    return failure->result;
}

sl_result checkpoint_open(const char *work_dir, const sl_plan *plan, intake *intake, checkpoint **opened,
                          failure *failure)
{
    checkpoint *self = memory_new(sizeof *self);
    self->work_dir = memory_text(work_dir);
    self->plan = plan;
    self->intake = intake;
    sl_result result = newest_read(self, failure);
    if (result == SL_OK)
        result = positions_restore(self->intake, self->last_positions, failure);
    if (result != SL_OK) {
        checkpoint_close(self);
        return result;
    }
    *opened = self;
    return SL_OK;
}

checkpoint_head checkpoint_last(const checkpoint *self)
{
    return self->head;
}

sl_result checkpoint_load(checkpoint *self, executor *executor, failure *failure)
{
    self->executor = executor;
    const sl_text *states = (const sl_text *)(const void *)self->states.at;
    for (size_t i = 0; i < self->states.size / sizeof *states; i++) {
        frame_reader reader = { states[i].at, states[i].at + states[i].size, false };
        while (reader.at < reader.end && !reader.damaged) {
            sl_text name = get_text(&reader), bytes = { 0 };
            char text[256];
            bytes = get_text(&reader);
            snprintf(text, sizeof text, "%.*s", (int)name.size, name.at);
            SL_TRY(executor_load(executor, text, bytes, failure));
        }
    }
    buffer_done(&self->read);
    self->states.size = 0;
    /* What was read so far of each partition, for the positions of the next frames. */
    for (size_t i = 0; i < self->intake->origins.count; i++)
        put_i64(&self->positions, self->intake->positions[i].next);
    return SL_OK;
}

sl_text checkpoint_account(const checkpoint *self)
{
    size_t count = self->accounts.size / sizeof(recalled);
    const recalled *all = (const recalled *)(const void *)self->accounts.at;
    return count ? (sl_text){ all[count - 1].account, strlen(all[count - 1].account) } : (sl_text){ 0 };
}

static void accounts_forget(checkpoint *self)
{
    const recalled *all = (const recalled *)(const void *)self->accounts.at;
    for (size_t i = 0; i < self->accounts.size / sizeof *all; i++)
        free(all[i].account);
    buffer_done(&self->accounts);
}

void checkpoint_recall(checkpoint *self, checkpoint_recalled *recalled_one, void *argument)
{
    const recalled *all = (const recalled *)(const void *)self->accounts.at;
    for (size_t i = 0; i < self->accounts.size / sizeof *all; i++)
        recalled_one(argument, all[i].batch_id, all[i].account);
    accounts_forget(self);
}

void checkpoint_close(checkpoint *self)
{
    if (self == NULL)
        return;
    disk_close(self->file);
    buffer_done(&self->frame);
    buffer_done(&self->read);
    accounts_forget(self);
    buffer_done(&self->positions);
    buffer_done(&self->states);
    free(self->work_dir);
    free(self);
}
