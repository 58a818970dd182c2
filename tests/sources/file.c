/*
 * tests/sources/file.c - lines of files that are there, that grow, and that are cut short.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <fcntl.h>
#include <sluice/text.h>
#include <sources/shared/wakes.h>
#include <sources/source.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const source_kind source_file;

typedef struct trial {
    char folder[64], path[128];
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
    wakes_init(&trial->wakes);
    trial->spec = (source_spec){ .name = "lines",
                                 .target = trial->path,
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

static void a_file_cut_short_is_data_loss(void **state)
{
    trial *trial = *state;
    append_text(trial->path, "one\ntwo\n");
    started_at(trial, -1);
    assert_int_equal(looked(trial, 0, 0, INT64_MAX, SIZE_MAX).until, 8);
    assert_int_equal(truncate(trial->path, 3), 0);
    source_view view;
    failure failure = { 0 };
    assert_int_equal(source_file.look(trial->self, &(source_wish){ 0, 8, 10, SIZE_MAX }, &view, &failure),
                     SL_DATA_LOSS);
    assert_non_null(strstr(failure.text, trial->path));
}

static void a_position_behind_the_end_is_data_loss(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    append_text(trial->path, "one\n");
    assert_int_equal(start_at(trial, 5, &failure), SL_DATA_LOSS);
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
        in_a_folder(a_file_cut_short_is_data_loss),
        in_a_folder(a_position_behind_the_end_is_data_loss),
        in_a_folder(a_missing_file_may_still_come),
        in_a_folder(a_folder_is_no_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
