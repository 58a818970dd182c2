/*
 * batches/crashes.c - counting deaths, and noting one's own from a signal handler.
 */
#include <base/counted.h>
#include <base/disk.h>
#include <base/log.h>
#include <base/memory.h>
#include <batches/crashes.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <records/document.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct crashes {
    char *path, *poison;
    int file;
    const batch *first; /* the one that runs first; NULL: none is journaled */
    int64_t count;      /* of its deaths */
    int signal;         /* of the last one */
    bool any;           /* the files hold something */
};

/* What the handler may look at. */
static _Atomic int64_t at_work;
static atomic_int noting = -1;

static const int deadly[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS };

static sl_result lines_read(crashes *self, failure *failure);
static void line_write(int file, int64_t batch_id, int number);
static void death_note(int number);
static void poison_print(const crashes *self, bool held, const origins *origins, buffer *out);

static char *path_of(const char *work_dir, const char *file)
{
    buffer path = { 0 };
    buffer_print(&path, "%s/%s", work_dir, file);
    buffer_byte(&path, '\0');
    return path.at;
}

sl_result crashes_open(const char *work_dir, const batch *first, bool killed, crashes **opened,
                       failure *failure)
{
    crashes *self = memory_new(sizeof *self);
    self->path = path_of(work_dir, CRASHES_FILE);
    self->poison = path_of(work_dir, POISON_FILE);
    self->first = first;
    self->file = open(self->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (self->file < 0)
        fail(failure, SL_FAILED, "opening %s: %s", self->path, strerror(errno));
    else if (killed && first)
        line_write(self->file, first->id, SIGKILL);
    if (failure->result != SL_OK || lines_read(self, failure) != SL_OK) {
        crashes_close(self);
        return failure->result;
    }
    *opened = self;
    return SL_OK;
}

void crashes_close(crashes *self)
{
    if (self == NULL)
        return;
    if (atomic_load(&noting) == self->file)
        atomic_store(&noting, -1);
    if (self->file >= 0)
        close(self->file);
    free(self->path);
    free(self->poison);
    free(self);
}

sl_result crashes_check(crashes *self, const char *job, int64_t most, const origins *origins,
                        failure *failure)
{
    char time[25];
    buffer text = { 0 };
    if (self->count == 0)
        return SL_OK;
    bool held = most > 0 && self->count >= most;
    poison_print(self, held, origins, &text);
    sl_result result = disk_replace(self->poison, text.at, text.size, failure);
    buffer_done(&text);
    SL_TRY(result);
    clock_iso(self->first->time_ms, time);
    if (held)
        return fail(
            failure, SL_REPEATED,
            "batch %" PRId64 " (%s) has killed the process %s, at last by signal %d (%s): it is held. "
            "`sluice batches %s --poison` tells its records; when the cause is gone, `sluice batches %s "
            "--poison --release` lets it run again",
            self->first->id, time, counted(self->count, "time", "times").at, self->signal,
            strsignal(self->signal), job, job);
    log_warn("crashes", "batch %" PRId64 " (%s) has killed the process %s, at last by signal %d (%s)",
             self->first->id, time, counted(self->count, "time", "times").at, self->signal,
             strsignal(self->signal));
    return SL_OK;
}

void crashes_watch(crashes *self)
{
    struct sigaction action = { .sa_handler = death_note, .sa_flags = (int)SA_RESETHAND | SA_NODEFER },
                     before;
    atomic_store(&noting, self->file);
    for (size_t i = 0; i < sizeof deadly / sizeof deadly[0]; i++)
        if (sigaction(deadly[i], NULL, &before) == 0 &&
            before.sa_handler == SIG_DFL) /* a sanitizer's stays */
            sigaction(deadly[i], &action, NULL);
}

void crashes_begin(crashes *self, int64_t batch_id)
{
    (void)self;
    atomic_store_explicit(&at_work, batch_id, memory_order_relaxed);
}

void crashes_end(crashes *self)
{
    failure failure = { 0 };
    atomic_store_explicit(&at_work, 0, memory_order_relaxed);
    if (!self->any)
        return;
    self->any = false;
    if (ftruncate(self->file, 0) != 0)
        fail(&failure, SL_FAILED, "emptying %s: %s", self->path, strerror(errno));
    if (failure.result != SL_OK || disk_remove(self->poison, &failure) != SL_OK)
        log_warn("crashes", "%s; the batch is done all the same", failure.text);
}

/* ---- The files ---- */

/* Lines of other batches are old: those were done. */
static sl_result lines_read(crashes *self, failure *failure)
{
    buffer text = { 0 };
    sl_result result = disk_read(self->path, &text, failure);
    self->any = text.size > 0;
    buffer_byte(&text, '\0');
    for (const char *at = text.at; self->first && *at; at += strcspn(at, "\n"), at += *at == '\n') {
        char *end;
        if (strtoll(at, &end, 10) != self->first->id)
            continue;
        self->count++;
        self->signal = (int)strtol(end, NULL, 10);
    }
    buffer_done(&text);
    return result;
}

static void poison_print(const crashes *self, bool held, const origins *origins, buffer *out)
{
    size_t count;
    const batch_range *ranges = batch_ranges(self->first, &count);
    buffer_print(out, "{\"batch_id\":%" PRId64 ",\"batch_time\":%" PRId64 ",\"crashes\":%" PRId64,
                 self->first->id, self->first->time_ms, self->count);
    buffer_print(out, ",\"signal\":%d,\"held\":%s,\"ranges\":[", self->signal, held ? "true" : "false");
    for (size_t i = 0; i < count; i++) {
        const origin_name *name = &origins->at[ranges[i].partition];
        buffer_text(out, i ? ",{\"topic\":" : "{\"topic\":");
        json_string(out, (sl_text){ name->topic, strlen(name->topic) });
        buffer_print(out, ",\"partition\":%" PRId32 ",\"from\":%" PRId64 ",\"until\":%" PRId64 "}",
                     name->partition, ranges[i].from, ranges[i].until);
    }
    buffer_text(out, "]}\n");
}

/* ---- In the handler: only what may be called there ---- */

static size_t digits_print(char *at, int64_t number)
{
    char reversed[24];
    size_t size = 0;
    for (; number > 0 || size == 0; number /= 10)
        reversed[size++] = (char)('0' + number % 10);
    for (size_t i = 0; i < size; i++)
        at[i] = reversed[size - 1 - i];
    return size;
}

static void line_write(int file, int64_t batch_id, int number)
{
    char line[64];
    size_t size = digits_print(line, batch_id);
    line[size++] = ' ';
    size += digits_print(line + size, number);
    line[size++] = '\n';
    ssize_t written = write(file, line, size);
    (void)written; /* a full disk: this death is not counted */
}

static void death_note(int number)
{
    int64_t batch_id = atomic_load(&at_work);
    int file = atomic_load(&noting);
    if (batch_id > 0 && file >= 0)
        line_write(file, batch_id, number);
    raise(number); /* the handler is gone: now in earnest */
}
