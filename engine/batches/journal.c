/*
 * batches/journal.c - appending, reading back, starting anew.
 */
#include <base/counted.h>
#include <base/log.h>
#include <base/memory.h>
#include <base/sort.h>
#include <batches/frames.h>
#include <batches/journal.h>
#include <batches/positions.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { ANEW_BYTES = 256 * 1024 };

struct journal {
    disk_file *file;
    const origins *origins;
    int64_t written; /* the newest entry's id */
    atomic_int_least64_t done;
    buffer entry;
    buffer replays; /* of batch *, until they are handed over */
    bool hole_is_done;
    pthread_mutex_t
        mutex; /* the generator writes cuts, the driver batches without input that turn out to write */
};

static void entry_write(buffer *out, const batch *batch, const origins *origins)
{
    size_t count, start;
    const batch_range *ranges = batch_ranges(batch, &count);
    frame_begin(out, &start);
    put_i64(out, batch->id);
    put_i64(out, batch->time_ms);
    put_i64(out, batch->interval_ms);
    put_i64(out, batch->catch_up);
    put_i64(out, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        const origin_name *name = &origins->at[ranges[i].partition];
        put_text(out, (sl_text){ name->name, strlen(name->name) });
        put_i64(out, name->partition);
        put_i64(out, ranges[i].from);
        put_i64(out, ranges[i].until);
        put_i64(out, ranges[i].end);
    }
    frame_end(out, start);
}

static bool range_read(frame_reader *reader, intake *intake, batch *batch, failure *failure)
{
    position_past past = { .name = get_text(reader), .batch_id = batch->id };
    batch_range range = { 0 };
    int64_t number = -1;
    past.partition = (int32_t)get_i64(reader);
    range.from = get_i64(reader);
    past.until = range.until = get_i64(reader);
    range.end = get_i64(reader);
    if (!reader->damaged && position_of_cut(intake, &past, &number, failure) != SL_OK)
        return false;
    range.partition = (uint32_t)number;
    if (number >= 0)
        buffer_append(&batch->ranges, &range, sizeof range);
    return true;
}

static sl_result entry_read(journal *self, intake *intake, sl_text payload, failure *failure)
{
    frame_reader reader = { payload.at, payload.at + payload.size, false };
    batch *read = memory_new(sizeof *read);
    *read = (batch){ .id = get_i64(&reader), .journaled = true };
    read->time_ms = get_i64(&reader);
    read->interval_ms = get_i64(&reader);
    read->catch_up = get_i64(&reader);
    int64_t count = get_i64(&reader);
    bool wanted = read->id > atomic_load(&self->done), known = true;
    self->hole_is_done |= !wanted && count > 0;
    for (; wanted && known && count > 0 && !reader.damaged; count--)
        known = range_read(&reader, intake, read, failure);
    if (reader.damaged)
        fail(failure, SL_FAILED, "an entry of the journal, of batch %lld, is not what this version writes",
             (long long)read->id);
    if (wanted && failure->result == SL_OK)
        buffer_append(&self->replays, &read, sizeof read);
    else
        batch_free(read);
    return failure->result;
}

/* A hole in the file is of no consequence if a cut behind it is done: cuts are written in their order, and what the driver
 * writes has been cut before. */
static sl_result hole_judge(journal *self, const char *path, size_t at, failure *failure)
{
    if (self->hole_is_done) {
        log_warn("journal", "%s is damaged at byte %zu, among batches that are done: nothing is lost", path,
                 at);
        return SL_OK;
    }
    long long done = (long long)atomic_load(&self->done);
    return fail(
        failure, SL_FAILED,
        "%s is damaged at byte %zu: which records a batch after batch %lld had begun with is lost. Put back a "
        "copy of the work folder, or start anew with sluice reset. To go on all the same, remove the file: "
        "records behind batch %lld are cut anew, and places that cannot tell hold some of them twice",
        path, at, done, done);
}

static sl_result entries_read(journal *self, const char *path, sl_text file, intake *intake, failure *failure)
{
    size_t at = 0, hole = 0;
    bool holed = false;
    sl_text payload;
    sl_result result = SL_OK;
    for (size_t next = 0; result == SL_OK && next < file.size; next = frame_find(file, at)) {
        if (next > at) {
            hole = at;
            holed = true;
            self->hole_is_done = false;
        }
        for (at = next; result == SL_OK && frame_read(file, &at, &payload);)
            result = entry_read(self, intake, payload, failure);
    }
    if (result == SL_OK && holed)
        result = hole_judge(self, path, hole, failure);
    if (result == SL_OK && at < file.size) {
        log_warn("journal", "%s: cut off %s of an entry that was not finished", path,
                 counted((int64_t)(file.size - at), "byte", "bytes").at);
        result = disk_cut(self->file, (int64_t)at, failure);
    }
    return result;
}

static int batch_order(const void *a, const void *b, const void *unused)
{
    int64_t left = ((const batch *)a)->id, right = ((const batch *)b)->id;
    (void)unused;
    return (left > right) - (left < right);
}

sl_result journal_open(const char *work_dir, intake *intake, int64_t done, journal **opened, failure *failure)
{
    journal *self = memory_new(sizeof *self);
    buffer path = { 0 }, bytes = { 0 };
    buffer_print(&path, "%s/journal", work_dir);
    buffer_byte(&path, '\0');
    self->origins = &intake->origins;
    pthread_mutex_init(&self->mutex, NULL);
    atomic_store(&self->done, done);
    /* Read before it is opened: the disk may have less than the system shows until then, and so may end sooner. */
    sl_result result = disk_read_back(path.at, &bytes, failure);
    if (result == SL_OK)
        result = disk_open(path.at, &self->file, failure);
    if (result == SL_OK)
        result = entries_read(self, path.at, (sl_text){ bytes.at, bytes.size }, intake, failure);
    if (result == SL_OK) /* a process may have died before it synced the last entry, which runs again now */
        result = disk_settle(self->file, failure);
    size_t count = self->replays.size / sizeof(batch *);
    batch **replays = (batch **)(void *)self->replays.at;
    sort_pointers((void **)replays, count, batch_order, NULL);
    self->written = count ? replays[count - 1]->id : done;
    buffer_done(&path);
    buffer_done(&bytes);
    if (result != SL_OK)
        journal_close(self);
    else
        *opened = self;
    return result;
}

batch **journal_replays(journal *self, size_t *count)
{
    batch **replays = (batch **)(void *)self->replays.at;
    *count = self->replays.size / sizeof *replays;
    self->replays = (buffer){ 0 };
    return replays;
}

void journal_close(journal *self)
{
    if (self == NULL)
        return;
    size_t count;
    batch **replays = journal_replays(self, &count);
    for (size_t i = 0; i < count; i++)
        batch_free(replays[i]);
    free(replays);
    disk_close(self->file);
    buffer_done(&self->entry);
    pthread_mutex_destroy(&self->mutex);
    free(self);
}

static sl_result entry_append(journal *self, const batch *batch, failure *failure)
{
    if (disk_size(self->file) > ANEW_BYTES && atomic_load(&self->done) >= self->written)
        SL_TRY(disk_cut(self->file, 0, failure));
    int64_t before = disk_size(self->file);
    self->entry.size = 0;
    entry_write(&self->entry, batch, self->origins);
    sl_result result = disk_append(self->file, self->entry.at, self->entry.size, failure);
    if (result == SL_OK)
        result = disk_sync(self->file, failure);
    if (result == SL_OK) {
        self->written = batch->id > self->written ? batch->id : self->written;
    } else {
        struct failure ignored = { 0 }; /* the first failure is told; half an entry would hide the next one */
        disk_cut(self->file, before, &ignored);
    }
    return result;
}

sl_result journal_write(journal *self, const batch *batch, failure *failure)
{
    pthread_mutex_lock(&self->mutex);
    sl_result result = entry_append(self, batch, failure);
    pthread_mutex_unlock(&self->mutex);
    return result;
}

sl_result journal_leave(const char *work_dir, const batch *batch, const origins *origins, failure *failure)
{
    buffer path = { 0 }, entry = { 0 };
    buffer_print(&path, "%s/journal", work_dir);
    buffer_byte(&path, '\0');
    entry_write(&entry, batch, origins);
    sl_result result = disk_replace(path.at, entry.at, entry.size, failure);
    buffer_done(&path);
    buffer_done(&entry);
    return result;
}

void journal_forget(journal *self, int64_t id)
{
    atomic_store(&self->done, id);
}
