/*
 * sources/file/parts.c - which files an input has.
 */
#include <base/clock.h>
#include <base/log.h>
#include <base/memory.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <sources/file/parts.h>
#include <stdlib.h>
#include <unistd.h>

static bool is_pattern(const char *target)
{
    return strpbrk(target, "*?[") != NULL;
}

/* ---- Names ---- */

/* The greatest number of a path so far; -1: none. */
static int32_t number_last(const file_source *source, const char *path)
{
    const file_entry *known = (const file_entry *)(const void *)source->known.at;
    int32_t last = -1;
    for (size_t i = 0; i < source->known.size / sizeof *known; i++)
        if (strcmp(known[i].path, path) == 0 && known[i].number > last)
            last = known[i].number;
    for (size_t i = 0; i < source->count; i++)
        if (strcmp(source->partitions[i].topic, path) == 0 && source->partitions[i].partition > last)
            last = source->partitions[i].partition;
    return last;
}

/* The part with this name, or `count`. */
static size_t part_named(const file_source *source, const char *path, int32_t number)
{
    size_t i = 0;
    while (i < source->count &&
           (source->partitions[i].partition != number || strcmp(source->partitions[i].topic, path) != 0))
        i++;
    return i;
}

/* Under which name an earlier run read the file: the newest, where it was copied and truncated. */
static const file_entry *entry_find(const file_source *source, int file, const struct stat *status)
{
    const file_entry *known = (const file_entry *)(const void *)source->known.at, *found = NULL;
    for (size_t i = 0; i < source->known.size / sizeof *known; i++)
        if ((found == NULL || known[i].number > found->number) &&
            part_named(source, known[i].path, known[i].number) == source->count &&
            identity_is(&known[i].identity, file, status))
            found = &known[i];
    return found;
}

/* The newest name of a path is kept, so that its number does not come again. */
static void entries_save(file_source *source)
{
    const file_entry *known = (const file_entry *)(const void *)source->known.at;
    buffer lines = { 0 };
    for (size_t i = 0; i < source->known.size / sizeof *known; i++)
        if (known[i].number == number_last(source, known[i].path) &&
            part_named(source, known[i].path, known[i].number) == source->count)
            entry_print(&known[i], &lines);
    for (size_t i = 0; i < source->count; i++) {
        const source_partition *name = &source->partitions[i];
        char *path = memory_text(name->topic);
        if (!source->parts[i].over || name->partition == number_last(source, path))
            entry_print(&(file_entry){ path, name->partition, source->parts[i].identity }, &lines);
        free(path);
    }
    failure_clear(&source->trouble);
    source->unsaved =
        entries_write(source->spec.work_dir, source->spec.name, &lines, &source->trouble) != SL_OK;
    buffer_done(&lines);
}

/* ---- Finding ---- */

static void part_add(file_source *source, const char *path, int32_t number, int file)
{
    size_t i = source->count++;
    source->parts = memory_resize(source->parts, source->count * sizeof *source->parts);
    source->partitions = memory_resize(source->partitions, source->count * sizeof *source->partitions);
    source->partitions[i] = (source_partition){ .topic = memory_text(path),
                                                .partition = number,
                                                .offset = source->follows ? 0 : -1 };
    source->parts[i] = (file_part){ .file = file, .stop = INT64_MAX, .idle_size = -1 };
    source->parts[i].chain.spare = &source->spare;
    source->parts[i].watched = growth_file(&source->growth, file);
    source->parts[i].quiet_ns = clock_ns(&clock_system);
    source->unsaved = true;
}

/* A file at a path of the pattern that no part has. */
static sl_result file_add(file_source *source, const char *path, failure *failure)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0) {
        if (file >= 0)
            close(file);
        return fail(failure, SL_USAGE, "input %s: opening %s: %s", source->spec.name, path, strerror(errno));
    }
    const file_entry *entry = entry_find(source, file, &status);
    part_add(source, entry ? entry->path : path, entry ? entry->number : number_last(source, path) + 1, file);
    source->parts[source->count - 1].identity = identity_of(file, &status);
    source->parts[source->count - 1].here = true;
    if (source->follows)
        log_info("file", "input %s: reads %s from its begin", source->spec.name, path);
    return SL_OK;
}

static sl_result path_meet(file_source *source, const char *path, failure *failure)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return fail(failure, SL_USAGE, "input %s: opening %s: %s", source->spec.name, path, strerror(errno));
    if (!S_ISREG(status.st_mode) && is_pattern(source->spec.target))
        return SL_OK;
    if (!S_ISREG(status.st_mode))
        return fail(failure, SL_USAGE, "input %s: %s is no regular file", source->spec.name, path);
    for (size_t i = 0; i < source->count; i++) {
        file_part *part = &source->parts[i];
        if (part->file < 0 || part->identity.inode != status.st_ino || part->identity.device != status.st_dev)
            continue;
        part->here = true;
        return SL_OK;
    }
    return file_add(source, path, failure);
}

/* What an earlier run had begun with and the pattern does not find: it was renamed. */
static void renamed_open(file_source *source)
{
    const file_entry *known = (const file_entry *)(const void *)source->known.at;
    for (size_t i = 0; i < source->known.size / sizeof *known; i++) {
        struct stat status;
        if (part_named(source, known[i].path, known[i].number) < source->count)
            continue;
        int file = identity_search(&known[i].identity, known[i].path, &status);
        if (file < 0)
            continue;
        part_add(source, known[i].path, known[i].number, file);
        source->parts[source->count - 1].identity = identity_of(file, &status);
    }
}

/* What the work folder does not know, since it is older than what a place keeps, or new. */
static void entries_add(file_source *source)
{
    for (size_t i = 0; i < source->spec.known_count; i++) {
        const origin_reach *reach = &source->spec.known[i];
        const file_entry *known = (const file_entry *)(const void *)source->known.at;
        file_entry entry = { .number = reach->partition };
        size_t k = 0, count = source->known.size / sizeof *known;
        while (k < count && (known[k].number != reach->partition || strcmp(known[k].path, reach->topic) != 0))
            k++;
        if (k < count || reach->note == NULL || !identity_parse(reach->note, &entry.identity))
            continue;
        entry.path = memory_text(reach->topic);
        buffer_append(&source->known, &entry, sizeof entry);
    }
}

/* An empty pattern may be filled later; a name that leads nowhere is rather a mistake. */
static bool may_be_empty(const file_source *source)
{
    return is_pattern(source->spec.target) && !source->spec.available_now;
}

/* Then what was saved before serves until there is room on the disk: of some files it knows fewer bytes. */
static bool all_are_known(const file_source *source)
{
    const file_entry *known = (const file_entry *)(const void *)source->known.at;
    size_t found = 0;
    for (size_t i = 0; i < source->known.size / sizeof *known; i++)
        found += part_named(source, known[i].path, known[i].number) < source->count;
    return found == source->count;
}

sl_result parts_open(file_source *source, failure *failure)
{
    glob_t found = { 0 };
    SL_TRY(entries_read(source->spec.work_dir, source->spec.name, &source->known, failure));
    entries_add(source);
    int status = glob(source->spec.target, GLOB_ERR, NULL, &found);
    if (status != 0 && !(status == GLOB_NOMATCH && may_be_empty(source)))
        return fail(failure, SL_RETRY, "input %s: %s: %s", source->spec.name, source->spec.target,
                    status == GLOB_NOMATCH ? "there is no such file" : "cannot be searched");
    sl_result result = SL_OK;
    for (size_t i = 0; status == 0 && i < found.gl_pathc && result == SL_OK; i++)
        result = path_meet(source, found.gl_pathv[i], failure);
    globfree(&found);
    SL_TRY(result);
    renamed_open(source);
    entries_save(source);
    if (source->unsaved && !(sl_is_retriable(source->trouble.result) && all_are_known(source)))
        return fail(failure, source->trouble.result, "%s", source->trouble.text);
    source->announced = source->count;
    return SL_OK;
}

static void names_look(file_source *source)
{
    glob_t found = { 0 };
    growth_folders(&source->growth, source->spec.target); /* first: what appears from now on is told */
    bool *were = memory_new(source->count + 1);
    size_t count = source->count;
    for (size_t i = 0; i < count; i++) {
        were[i] = source->parts[i].here;
        source->parts[i].here = false;
    }
    if (glob(source->spec.target, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            failure ignored = { 0 }; /* it is gone again, or not ours to read */
            path_meet(source, found.gl_pathv[i], &ignored);
        }
        globfree(&found);
    }
    for (size_t i = 0; i < count; i++)
        if (were[i] && !source->parts[i].here)
            source->parts[i].quiet_ns = clock_ns(&clock_system);
    free(were);
}

void parts_find(file_source *source)
{
    for (uint32_t i = 0, count = (uint32_t)source->count; i < count; i++)
        if (source->parts[i].cut)
            part_begin_anew(source, i);
    if (source->follows && growth_moved(&source->growth))
        names_look(source);
    if (source->unsaved)
        entries_save(source);
    if (!source->unsaved)
        source->announced = source->count;
}

/* ---- One file ---- */

void part_begin_anew(file_source *source, uint32_t i)
{
    int file = source->parts[i].file, watched = source->parts[i].watched;
    char *path = memory_text(source->partitions[i].topic);
    struct stat status = { 0 };
    fstat(file, &status);
    part_add(source, path, number_last(source, path) + 1, file);
    free(path);
    file_part *old = &source->parts[i], *anew = &source->parts[source->count - 1];
    old->file = old->watched = -1;
    old->cut = false;
    old->stop = old->chain.next;
    anew->identity = identity_of(file, &status);
    anew->here = old->here;
    anew->watched = watched >= 0 ? watched : anew->watched;
    anew->size = status.st_size;
    source->partitions[source->count - 1].offset = 0;
    if (source->spec.available_now)
        anew->stop = anew->size;
    log_info("file", "%s was cut short: it is read again from its begin", source->partitions[i].topic);
}

/* The first bytes tell more the more they are. */
static void identity_grow(file_source *source, file_part *part, const struct stat *status)
{
    size_t bytes = part->identity.bytes;
    bool more = status->st_size >= IDENTITY_BYTES || (size_t)status->st_size >= 2 * bytes;
    if (bytes == IDENTITY_BYTES || status->st_size == 0 || !more)
        return;
    part->identity = identity_of(part->file, status);
    source->unsaved = true;
}

sl_result part_see(file_source *source, uint32_t i, failure *failure)
{
    file_part *part = &source->parts[i];
    const char *path = source->partitions[i].topic;
    struct stat status;
    if (part->file < 0 || part->cut)
        return SL_OK;
    if (fstat(part->file, &status) != 0)
        return fail(failure, SL_FAILED, "%s: %s", path, strerror(errno));
    bool changed = status.st_size != part->size;
    bool anew =
        status.st_size < part->chain.next || (changed && !identity_begins(&part->identity, part->file));
    if (anew && source->spec.available_now)
        return fail(failure, SL_DATA_LOSS,
                    "%s ends at byte %" PRId64 ", but the job stands at byte %" PRId64
                    ": it was cut short or replaced",
                    path, (int64_t)status.st_size, part->chain.next);
    if (anew) {
        part_begin_anew(source, i);
        return SL_OK;
    }
    part->size = status.st_size;
    identity_grow(source, part, &status);
    int64_t now_ns = clock_ns(&clock_system);
    part->quiet_ns = changed ? now_ns : part->quiet_ns;
    if (source->follows && !part->here && now_ns - part->quiet_ns >= source->rotated_ns)
        part->stop = part->size;
    return SL_OK;
}

void part_let_go(file_source *source, uint32_t i)
{
    file_part *part = &source->parts[i];
    if (part->over || part->cut || source->spec.available_now || part->chain.next < part->stop ||
        part->chain.first)
        return;
    part->over = source->unsaved = true;
    growth_forget(&source->growth, part->watched);
    if (part->file >= 0)
        close(part->file);
    part->file = part->watched = -1;
}

void parts_close(file_source *source)
{
    file_entry *known = (file_entry *)(void *)source->known.at;
    growth_stop(&source->growth);
    if (source->unsaved && source->announced)
        entries_save(source); /* if it cannot be, the next start finds out again */
    for (size_t i = 0; i < source->count; i++) {
        if (source->parts[i].file >= 0)
            close(source->parts[i].file);
        segment_done(&source->parts[i].chain);
        free((void *)(uintptr_t)source->partitions[i].topic);
    }
    for (size_t i = 0; i < source->known.size / sizeof *known; i++)
        free(known[i].path);
    buffer_done(&source->known);
    buffer_done(&source->chunk);
    free(source->partitions);
    free(source->parts);
}
