/*
 * tests/sources/file.c - lines of files that are there, that grow, appear, are rotated in every way, and vanish.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <sluice/text.h>
#include <sources/file/identity.h>
#include <sources/shared/wakes.h>
#include <sources/source.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const source_kind source_file;

typedef struct trial {
    char folder[64], path[128], old[160], work_dir[128];
    settings *settings;
    source_spec spec;
    wakes wakes;
    void *self;
    source_partition *partitions;
    size_t count;
} trial;

static int make_folder(void **state)
{
    trial *trial = calloc(1, sizeof *trial);
    snprintf(trial->folder, sizeof trial->folder, "%s/sluice-file-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(trial->folder) == NULL)
        return -1;
    snprintf(trial->path, sizeof trial->path, "%s/lines", trial->folder);
    snprintf(trial->old, sizeof trial->old, "%s.1", trial->path);
    snprintf(trial->work_dir, sizeof trial->work_dir, "%s/work", trial->folder);
    if (mkdir(trial->work_dir, 0700) != 0)
        return -1;
    wakes_init(&trial->wakes);
    trial->settings = settings_new();
    settings_add(trial->settings, "file", source_file.settings);
    trial->spec = (source_spec){ .name = "lines",
                                 .target = trial->path,
                                 .settings = trial->settings,
                                 .work_dir = trial->work_dir,
                                 .bytes_max = 1 << 20,
                                 .wake = wakes_add,
                                 .wake_argument = &trial->wakes };
    *state = trial;
    return 0;
}

static int remove_folder(void **state)
{
    trial *trial = *state;
    char command[100];
    source_file.close(trial->self);
    snprintf(command, sizeof command, "rm -r '%s'", trial->folder);
    int status = system(command);
    settings_free(trial->settings);
    free(trial);
    return status;
}

static void append(const char *path, const char *bytes, size_t size)
{
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    close(file);
}

static void append_text(const char *path, const char *text)
{
    append(path, text, strlen(text));
}

static sl_result start_at(trial *trial, int64_t offset, failure *failure)
{
    sl_result result = source_file.open(&trial->spec, &trial->self, failure);
    if (result != SL_OK)
        return result;
    trial->count = source_file.partitions(trial->self, &trial->partitions);
    for (size_t i = 0; i < trial->count; i++)
        trial->partitions[i].offset = offset;
    return source_file.start(trial->self, trial->partitions, trial->count, failure);
}

static void started_at(trial *trial, int64_t offset)
{
    failure failure = { 0 };
    assert_int_equal(start_at(trial, offset, &failure), SL_OK);
}

static source_view looked(trial *trial, uint32_t i, int64_t from, int64_t records_max, size_t bytes_max)
{
    source_view view = { 0 };
    failure failure = { 0 };
    assert_int_equal(
        source_file.look(trial->self, &(source_wish){ i, from, records_max, bytes_max }, &view, &failure),
        SL_OK);
    return view;
}

/* The messages of a range, "OFFSET:VALUE|" each, into `out`. */
static void read_text(trial *trial, uint32_t i, int64_t from, int64_t until, buffer *out)
{
    buffer blocks = { 0 };
    failure failure = { 0 };
    out->size = 0;
    source_file.take(trial->self, i, from, until, &blocks);
    const source_block *block = (const void *)blocks.at;
    for (size_t k = 0; k < blocks.size / sizeof *block; k++) {
        source_reading reading = { 0 };
        sl_message messages[100];
        source_messages read = { messages, 100, 1 };
        while (read.count) {
            assert_int_equal(source_file.read(trial->self, &block[k], &reading, &read, &failure), SL_OK);
            for (size_t m = 0; m < read.count; m++)
                buffer_print(out, "%lld:%.*s|", (long long)messages[m].origin.offset,
                             (int)messages[m].value.size, messages[m].value.at);
        }
    }
    buffer_byte(out, '\0');
    buffer_done(&blocks);
}

static void assert_range(trial *trial, int64_t from, int64_t until, const char *expected)
{
    buffer out = { 0 };
    read_text(trial, 0, from, until, &out);
    assert_string_equal(out.at, expected);
    buffer_done(&out);
}

static void lines_are_messages_at_their_first_byte(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\ntwo\r\n\nfour\n");
    started_at(trial, -1);
    source_view view = looked(trial, 0, 0, INT64_MAX, SIZE_MAX);
    assert_int_equal(view.until, 15);
    assert_int_equal(view.end, 15);
    assert_int_equal(view.goal, 15);
    assert_false(view.finished);
    assert_range(trial, 0, 15, "0:one|4:two\r|9:|10:four|");
    assert_range(trial, 4, 10, "4:two\r|9:|");
}

static void a_line_without_its_end_waits(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\ntw");
    started_at(trial, -1);
    assert_int_equal(looked(trial, 0, 0, INT64_MAX, SIZE_MAX).until, 4);
    assert_int_equal(looked(trial, 0, 4, INT64_MAX, SIZE_MAX).until, 4);
    append_text(trial->path, "o\nthree");
    assert_int_equal(looked(trial, 0, 4, INT64_MAX, SIZE_MAX).until, 8);
    assert_range(trial, 4, 8, "4:two|");
}

static void a_bounded_job_gets_the_last_line_without_its_end(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\nlast");
    trial->spec.available_now = true;
    started_at(trial, -1);
    append_text(trial->path, " and more\n"); /* after the start: not this job's */
    source_view view = looked(trial, 0, 0, 1, SIZE_MAX);
    assert_int_equal(view.until, 4);
    assert_int_equal(view.goal, 8);
    assert_false(view.finished);
    view = looked(trial, 0, 4, INT64_MAX, SIZE_MAX);
    assert_int_equal(view.until, 8);
    assert_int_equal(view.end, 8);
    assert_true(view.finished);
    assert_range(trial, 4, 8, "4:last|");
}

static void an_empty_file_is_finished_at_once(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "");
    trial->spec.available_now = true;
    started_at(trial, -1);
    source_view view = looked(trial, 0, 0, INT64_MAX, SIZE_MAX);
    assert_int_equal(view.until, 0);
    assert_true(view.finished);
}

static void latest_is_the_end_of_the_file(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "old\n");
    trial->spec.start = SOURCE_LATEST;
    started_at(trial, -1);
    assert_int_equal(trial->partitions[0].offset, 4);
    append_text(trial->path, "new\n");
    assert_int_equal(looked(trial, 0, 4, INT64_MAX, SIZE_MAX).until, 8);
    assert_range(trial, 4, 8, "4:new|");
}

static void growth_wakes(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\n");
    started_at(trial, 4);
    unsigned seen = wakes_count(&trial->wakes);
    append_text(trial->path, "two\n");
    assert_true(wakes_wait(&trial->wakes, seen));
    assert_int_equal(looked(trial, 0, 4, INT64_MAX, SIZE_MAX).until, 8);
}

static void a_glob_makes_a_partition_of_each_file(void **state)
{
    trial *trial = *state;
    char pattern[160], second[160];
    snprintf(pattern, sizeof pattern, "%s*", trial->path);
    snprintf(second, sizeof second, "%s2", trial->path);
    append_text(trial->path, "a\n");
    append_text(second, "bb\n");
    trial->spec.target = pattern;
    started_at(trial, -1);
    assert_int_equal(trial->count, 2);
    assert_string_equal(trial->partitions[0].topic, trial->path);
    assert_string_equal(trial->partitions[1].topic, second);
    assert_int_equal(looked(trial, 0, 0, INT64_MAX, SIZE_MAX).until, 2);
    assert_int_equal(looked(trial, 1, 0, INT64_MAX, SIZE_MAX).until, 3);
}

/* 40,000 lines in many chunks, cut by records and by bytes, released as they go. */
static void a_large_file_comes_piece_by_piece(void **state)
{
    trial *trial = *state;
    enum { COUNT = 40000 };
    buffer text = { 0 };
    for (int i = 0; i < COUNT; i++)
        buffer_print(&text, "line %d of a file that is larger than what may be held\n", i);
    append(trial->path, text.at, text.size);
    trial->spec.available_now = true;
    trial->spec.bytes_max = 300000;
    started_at(trial, -1);
    int64_t at = 0;
    buffer out = { 0 };
    source_view view = { 0 };
    for (int round = 0; !view.finished; round++) {
        view = looked(trial, 0, at, 1500, 100000);
        assert_true(view.until > at);
        read_text(trial, 0, at, view.until, &out);
        for (const char *message = out.at; *message; message = strchr(message, '|') + 1) {
            const char *value = strchr(message, ':') + 1;
            size_t size = strcspn(value, "|");
            assert_memory_equal(text.at + at, value, size); /* what stands at its offset */
            assert_int_equal(text.at[at + (int64_t)size], '\n');
            assert_int_equal(strtoll(message, NULL, 10), at);
            at += (int64_t)size + 1;
        }
        assert_int_equal(at, view.until);
        source_file.release(trial->self, 0, at);
    }
    assert_int_equal(at, text.size);
    buffer_done(&text);
    buffer_done(&out);
}

static void a_line_longer_than_a_chunk_is_read_and_one_longer_than_the_limit_fails(void **state)
{
    trial *trial = *state;
    size_t size = 700000;
    char *line = malloc(size);
    memset(line, 'x', size);
    line[size - 1] = '\n';
    append(trial->path, line, size);
    started_at(trial, -1);
    assert_int_equal(looked(trial, 0, 0, INT64_MAX, SIZE_MAX).until, size);
    source_file.release(trial->self, 0, (int64_t)size);
    line[size - 1] = 'x';
    append(trial->path, line, size);
    append(trial->path, line, size);
    free(line);
    source_view view;
    failure failure = { 0 };
    assert_int_equal(
        source_file.look(trial->self, &(source_wish){ 0, (int64_t)size, 10, SIZE_MAX }, &view, &failure),
        SL_FAILED);
    assert_non_null(strstr(failure.text, "byte 700000"));
}

/* ---- Files that come and go -------------------------------------------------------------------------------------- */

/* The input's own number of a file; -1: it has none such. */
static int64_t part_of(trial *trial, const char *path, int32_t number)
{
    trial->count = source_file.partitions(trial->self, &trial->partitions);
    for (size_t i = 0; i < trial->count; i++)
        if (strcmp(trial->partitions[i].topic, path) == 0 && trial->partitions[i].partition == number)
            return (int64_t)i;
    return -1;
}

/* Until the input has found a file. */
static void wait_for(trial *trial, const char *path, int32_t number)
{
    for (;;) {
        unsigned seen = wakes_count(&trial->wakes);
        if (part_of(trial, path, number) >= 0)
            return;
        assert_true(wakes_wait(&trial->wakes, seen));
    }
}

/* Everything of a file from an offset on, "OFFSET:VALUE|" each; lets it go when `released`. Lives until the next call. */
static const char *all_of(trial *trial, const char *path, int32_t number, int64_t from, bool released)
{
    static buffer out;
    int64_t i = part_of(trial, path, number);
    if (i < 0)
        return "no such file";
    source_view view = looked(trial, (uint32_t)i, from, INT64_MAX, SIZE_MAX);
    read_text(trial, (uint32_t)i, from, view.until, &out);
    if (released)
        source_file.release(trial->self, (uint32_t)i, view.until);
    return out.at;
}

/* As the next start of the job finds it: the files of the path, by number, have `count` positions; later ones none. */
static void start_from(trial *trial, const int64_t *positions, int32_t count)
{
    failure failure = { 0 };
    source_file.close(trial->self);
    trial->self = NULL;
    assert_int_equal(source_file.open(&trial->spec, &trial->self, &failure), SL_OK);
    trial->count = source_file.partitions(trial->self, &trial->partitions);
    for (size_t i = 0; i < trial->count; i++) {
        source_partition *part = &trial->partitions[i];
        part->offset = part->partition < count ? positions[part->partition] : SOURCE_BEGIN;
    }
    assert_int_equal(source_file.start(trial->self, trial->partitions, trial->count, &failure), SL_OK);
}

/* Only this file has a position. */
static void start_again(trial *trial, int32_t number, int64_t offset)
{
    int64_t positions[4] = { SOURCE_BEGIN, SOURCE_BEGIN, SOURCE_BEGIN, SOURCE_BEGIN };
    positions[number] = offset;
    start_from(trial, positions, number + 1);
}

static void set(trial *trial, const char *key, const char *value)
{
    failure failure = { 0 };
    assert_int_equal(settings_set(trial->settings, key, value, "test", &failure), SL_OK);
}

static void a_file_rotated_by_rename_is_read_to_its_end_beside_the_new_one(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\n");
    started_at(trial, -1);
    assert_string_equal(all_of(trial, trial->path, 0, 0, true), "0:one|");
    assert_int_equal(rename(trial->path, trial->old), 0);
    append_text(trial->path, "new\n");
    wait_for(trial, trial->path, 1);
    append_text(trial->old, "two\nthr"); /* whoever writes has it open still */
    assert_string_equal(all_of(trial, trial->path, 1, 0, true), "0:new|");
    assert_string_equal(all_of(trial, trial->path, 0, 4, true), "4:two|");
    append_text(trial->old, "ee\n");
    append_text(trial->path, "newer\n");
    assert_string_equal(all_of(trial, trial->path, 0, 8, true), "8:three|");
    assert_string_equal(all_of(trial, trial->path, 1, 4, true), "4:newer|");
    assert_int_equal(trial->count, 2);
}

static void a_file_rotated_while_the_job_was_down_goes_on_where_it_stopped(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\ntwo\n");
    started_at(trial, -1);
    append_text(trial->path, "three\n");
    source_file.close(trial->self);
    trial->self = NULL;
    assert_int_equal(rename(trial->path, trial->old), 0);
    append_text(trial->path, "one\nother\n");
    start_again(trial, 0, 4);
    assert_string_equal(all_of(trial, trial->path, 0, 4, true), "4:two|8:three|");
    assert_string_equal(all_of(trial, trial->path, 1, 0, true), "0:one|4:other|");
    assert_int_equal(trial->count, 2);
    start_again(trial, 1, 4); /* the numbers stay */
    assert_string_equal(all_of(trial, trial->path, 1, 4, false), "4:other|");
}

static void a_file_that_is_copied_and_truncated_begins_anew(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\ntwo\n");
    started_at(trial, -1);
    assert_string_equal(all_of(trial, trial->path, 0, 0, false), "0:one|4:two|");
    unsigned seen = wakes_count(&trial->wakes);
    assert_int_equal(truncate(trial->path, 0), 0);
    append_text(trial->path, "x\n");
    assert_true(wakes_wait(&trial->wakes, seen));
    assert_string_equal(all_of(trial, trial->path, 0, 4, false), "4:two|"); /* what was read is there */
    assert_string_equal(all_of(trial, trial->path, 1, 0, false), "0:x|");
    append_text(trial->path, "y\n");
    assert_string_equal(all_of(trial, trial->path, 1, 2, true), "2:y|");
    assert_int_equal(trial->count, 2);
}

static void a_truncated_file_that_has_grown_past_its_old_size_is_recognised(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\n");
    started_at(trial, -1);
    assert_string_equal(all_of(trial, trial->path, 0, 0, true), "0:one|");
    assert_int_equal(truncate(trial->path, 0), 0);
    append_text(trial->path, "another one\n");
    assert_string_equal(all_of(trial, trial->path, 0, 4, true), "");
    assert_string_equal(all_of(trial, trial->path, 1, 0, true), "0:another one|");
    source_file.close(trial->self);
    trial->self = NULL;
    assert_int_equal(truncate(trial->path, 0), 0); /* the same, while the job is down */
    append_text(trial->path, "and one more of them\n");
    start_again(trial, 1, 12);
    assert_string_equal(all_of(trial, trial->path, 2, 0, true), "0:and one more of them|");
}

static void a_file_cut_short_while_the_job_was_down_begins_anew(void **state)
{
    trial *trial = *state;
    enum { LINES = 200, LINE_BYTES = 10 };
    for (int i = 0; i < LINES; i++)
        append_text(trial->path, "a line...\n");
    started_at(trial, -1);
    source_file.close(trial->self);
    trial->self = NULL;
    assert_int_equal(truncate(trial->path, LINES / 2 * LINE_BYTES + IDENTITY_BYTES / 2), 0);
    start_again(trial, 0, LINES * LINE_BYTES);
    source_view view = looked(trial, 0, LINES * LINE_BYTES, INT64_MAX, SIZE_MAX);
    assert_int_equal(view.until, LINES * LINE_BYTES);
    assert_true(view.over); /* a batch that wants more of it would wait for ever */
    assert_int_equal(strncmp(all_of(trial, trial->path, 1, 0, true), "0:a line...|10:a line...|", 25), 0);
    source_file.close(trial->self);
    trial->self = NULL;
    assert_int_equal(truncate(trial->path, 10), 0); /* so short that it cannot be told from another file */
    start_again(trial, 1, LINES * LINE_BYTES);
    assert_int_equal(part_of(trial, trial->path, 1), -1);
    assert_string_equal(all_of(trial, trial->path, 2, 0, true), "0:a line...|");
}

static void a_bounded_run_ends_when_a_file_is_cut_short_under_it(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\ntwo\n");
    trial->spec.available_now = true;
    started_at(trial, -1);
    assert_int_equal(looked(trial, 0, 0, INT64_MAX, SIZE_MAX).until, 8);
    assert_int_equal(truncate(trial->path, 3), 0);
    source_view view;
    failure failure = { 0 };
    assert_int_equal(source_file.look(trial->self, &(source_wish){ 0, 8, 10, SIZE_MAX }, &view, &failure),
                     SL_DATA_LOSS);
    assert_non_null(strstr(failure.text, trial->path));
}

static void new_files_of_a_pattern_are_told_and_read_from_their_begin(void **state)
{
    trial *trial = *state;
    char pattern[160], folder[160], file[200];
    snprintf(pattern, sizeof pattern, "%s/day-*/log-*", trial->folder);
    snprintf(folder, sizeof folder, "%s/day-1", trial->folder);
    snprintf(file, sizeof file, "%s/log-a", folder);
    trial->spec.target = pattern;
    trial->spec.start = SOURCE_LATEST;
    started_at(trial, -1);
    assert_int_equal(trial->count, 0);
    assert_int_equal(part_of(trial, file, 0), -1); /* as the first cut: folders are watched now */
    unsigned seen = wakes_count(&trial->wakes);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_true(wakes_wait(&trial->wakes, seen));
    assert_int_equal(part_of(trial, file, 0), -1);
    append_text(file, "first\n");
    wait_for(trial, file, 0);
    assert_string_equal(all_of(trial, file, 0, 0, true), "0:first|");
    assert_int_equal(trial->partitions[0].offset, 0);
}

static void a_file_that_vanishes_is_read_to_its_end(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\n");
    started_at(trial, -1);
    int file = open(trial->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(unlink(trial->path), 0);
    assert_int_equal(write(file, "two\n", 4), 4);
    close(file);
    assert_string_equal(all_of(trial, trial->path, 0, 0, true), "0:one|4:two|");
}

static void a_rotated_file_that_is_done_is_let_go_with_its_last_line(void **state)
{
    trial *trial = *state;
    set(trial, "file.rotated_timeout", "0s");
    append_text(trial->path, "one\ntwo");
    started_at(trial, -1);
    assert_string_equal(all_of(trial, trial->path, 0, 0, true), "0:one|");
    assert_int_equal(rename(trial->path, trial->old), 0);
    append_text(trial->path, "new\n");
    wait_for(trial, trial->path, 1);
    assert_string_equal(all_of(trial, trial->path, 0, 4, false),
                        "4:two|"); /* nothing comes behind it any more */
    int64_t old = part_of(trial, trial->path, 0);
    assert_false(looked(trial, (uint32_t)old, 7, INT64_MAX, SIZE_MAX).over);
    source_file.release(trial->self, (uint32_t)old, 7);
    assert_false(
        looked(trial, (uint32_t)old, 7, INT64_MAX, SIZE_MAX).over); /* the work folder does not know yet */
    part_of(trial, trial->path, 0);
    assert_true(looked(trial, (uint32_t)old, 7, INT64_MAX, SIZE_MAX).over);
    assert_false(looked(trial, (uint32_t)old, 7, INT64_MAX, SIZE_MAX).finished); /* the job goes on */
    start_again(trial, 1, 0);
    assert_int_equal(part_of(trial, trial->path, 0), -1); /* and it does not come again */
    assert_string_equal(all_of(trial, trial->path, 1, 0, true), "0:new|");
}

static void many_rotations_under_load_lose_and_repeat_nothing(void **state)
{
    trial *trial = *state;
    int64_t next[40] = { 0 };
    int written = 0, files = 1;
    buffer read = { 0 }, all = { 0 };
    append_text(trial->path, "");
    started_at(trial, -1);
    for (int round = 0; round < 200; round++) {
        char line[40], old[180];
        snprintf(line, sizeof line, "line %d\n", written);
        buffer_print(&all, "line %d|", written++);
        append_text(trial->path, line);
        if (round % 7 == 3) { /* rotated by rename, each time to another name */
            snprintf(old, sizeof old, "%s.%d", trial->path, files++);
            assert_int_equal(rename(trial->path, old), 0);
            append_text(trial->path, "");
            wait_for(trial, trial->path, files - 1);
        }
        if (round == 100)
            start_from(trial, next, files);
        for (int32_t i = 0; round % 5 == 0 || round == 199 ? i < files : false; i++) {
            int64_t part = part_of(trial, trial->path, i);
            assert_true(part >= 0);
            source_view view = looked(trial, (uint32_t)part, next[i], INT64_MAX, SIZE_MAX);
            read_text(trial, (uint32_t)part, next[i], view.until, &read);
            next[i] = view.until;
            for (char *at = read.at; *at; at = strchr(at, '|') + 1) {
                char *value = strchr(at, ':') + 1;
                char text[60];
                snprintf(text, sizeof text, "%.*s|", (int)strcspn(value, "|"), value);
                char *found = memmem(all.at, all.size, text, strlen(text));
                assert_non_null(found); /* once */
                memset(found, '.', strlen(text));
            }
        }
    }
    for (size_t i = 0; i < all.size; i++)
        assert_int_equal(all.at[i], '.');
    buffer_done(&read);
    buffer_done(&all);
}

static void bytes_of_any_kind_are_lines(void **state)
{
    trial *trial = *state;
    static const char bytes[] = "a\0b\n\0\n\xff\xfe\n";
    buffer blocks = { 0 };
    failure failure = { 0 };
    sl_message messages[4];
    source_messages read = { .at = messages, .room = 4 };
    source_reading reading = { 0 };
    append(trial->path, bytes, sizeof bytes - 1);
    started_at(trial, -1);
    source_view view = looked(trial, 0, 0, INT64_MAX, SIZE_MAX);
    assert_int_equal(view.until, sizeof bytes - 1);
    source_file.take(trial->self, 0, 0, view.until, &blocks);
    assert_int_equal(source_file.read(trial->self, (const void *)blocks.at, &reading, &read, &failure),
                     SL_OK);
    assert_int_equal(read.count, 3);
    assert_int_equal(messages[0].value.size, 3);
    assert_memory_equal(messages[0].value.at, "a\0b", 3);
    assert_int_equal(messages[1].value.size, 1);
    assert_memory_equal(messages[2].value.at, "\xff\xfe", 2);
    buffer_done(&blocks);
}

static void what_is_known_of_files_must_be_whole(void **state)
{
    trial *trial = *state;
    char known[160];
    failure failure = { 0 };
    append_text(trial->path, "one\n");
    started_at(trial, -1);
    source_file.close(trial->self);
    trial->self = NULL;
    snprintf(known, sizeof known, "%s/files-lines", trial->work_dir);
    append_text(known, "0 1 2 x\n");
    assert_int_equal(source_file.open(&trial->spec, &trial->self, &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, known));
}

static void a_missing_file_may_still_come(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    assert_int_equal(start_at(trial, -1, &failure), SL_RETRY);
    assert_non_null(strstr(failure.text, trial->path));
}

static void a_folder_is_no_input(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    trial->spec.target = trial->folder;
    assert_int_equal(start_at(trial, -1, &failure), SL_USAGE);
}

static void a_line_has_its_number_also_where_reading_goes_on(void **state)
{
    trial *trial = *state;
    buffer blocks = { 0 };
    failure failure = { 0 };
    sl_message messages[4];
    source_messages read = { .at = messages, .room = 4 };
    source_reading reading = { 0 };
    append_text(trial->path, "one\ntwo\n\nfour\nfive\n");
    started_at(trial, 9); /* "four" */
    source_view view = looked(trial, 0, 9, INT64_MAX, 1 << 20);
    source_file.take(trial->self, 0, 9, view.until, &blocks);
    assert_int_equal(source_file.read(trial->self, (const void *)blocks.at, &reading, &read, &failure),
                     SL_OK);
    assert_int_equal(read.count, 2);
    assert_true(sl_text_equal(messages[0].key, SL_TEXT("4")) &&
                sl_text_equal(messages[0].value, SL_TEXT("four")));
    assert_true(sl_text_equal(messages[1].key, SL_TEXT("5")));
    buffer_done(&blocks);
}

#define in_a_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_a_folder(a_line_has_its_number_also_where_reading_goes_on),
        in_a_folder(lines_are_messages_at_their_first_byte),
        in_a_folder(a_line_without_its_end_waits),
        in_a_folder(a_bounded_job_gets_the_last_line_without_its_end),
        in_a_folder(an_empty_file_is_finished_at_once),
        in_a_folder(latest_is_the_end_of_the_file),
        in_a_folder(growth_wakes),
        in_a_folder(a_glob_makes_a_partition_of_each_file),
        in_a_folder(a_large_file_comes_piece_by_piece),
        in_a_folder(a_line_longer_than_a_chunk_is_read_and_one_longer_than_the_limit_fails),
        in_a_folder(a_file_rotated_by_rename_is_read_to_its_end_beside_the_new_one),
        in_a_folder(a_file_rotated_while_the_job_was_down_goes_on_where_it_stopped),
        in_a_folder(a_file_that_is_copied_and_truncated_begins_anew),
        in_a_folder(a_truncated_file_that_has_grown_past_its_old_size_is_recognised),
        in_a_folder(a_file_cut_short_while_the_job_was_down_begins_anew),
        in_a_folder(a_bounded_run_ends_when_a_file_is_cut_short_under_it),
        in_a_folder(new_files_of_a_pattern_are_told_and_read_from_their_begin),
        in_a_folder(a_file_that_vanishes_is_read_to_its_end),
        in_a_folder(a_rotated_file_that_is_done_is_let_go_with_its_last_line),
        in_a_folder(many_rotations_under_load_lose_and_repeat_nothing),
        in_a_folder(bytes_of_any_kind_are_lines),
        in_a_folder(what_is_known_of_files_must_be_whole),
        in_a_folder(a_missing_file_may_still_come),
        in_a_folder(a_folder_is_no_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
