/*
 * tests/sinks/file.c - a file per batch, in a temporary folder.
 */
#include <base/disk.h>
#include <base/memory.h>
#include <ftw.h>
#include <setjmp.h>
#include <sinks/shared/place.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

extern const sink_kind sink_file;

static sl_output plays, indexed, raw;
static char folder[64];

static int start(void **state)
{
    (void)state;
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/file-XXXXXX", temporary ? temporary : P_tmpdir);
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static int stop(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static place opened(const sl_output *output, const char *target)
{
    char path[160];
    snprintf(path, sizeof path, "%s", path_of(target));
    return place_open(&sink_file, (sink_spec){ .output = output, .target = path });
}

static void assert_file(const char *name, const char *wanted)
{
    failure failure = { 0 };
    buffer content = { 0 };
    assert_int_equal(access(path_of(name), F_OK), 0);
    assert_int_equal(disk_read(path_of(name), &content, &failure), SL_OK);
    buffer_byte(&content, '\0');
    assert_string_equal(content.at, wanted);
    buffer_done(&content);
}

static void assert_no_file(const char *name)
{
    assert_int_equal(access(path_of(name), F_OK), -1);
}

static void lines_stand_in_the_order_of_chunks_whoever_wrote_them(void **state)
{
    (void)state;
    char wanted[1024] = "";
    place place = opened(&plays, "order");
    place_begin(&place, 2500);
    place_add(&place, 1, 2, "e");
    place_add(&place, 0, 0, "ab");
    place_add(&place, 2, 1, "d");
    place_add(&place, 0, 3, "f");
    place_add(&place, 2, 4, "");
    assert_no_file("order/plays/batch-2500.ndjson");
    assert_int_equal(place_end(&place), SL_OK);
    for (const char *track = "abdef"; *track; track++)
        strcat(wanted, place_line(*track, 2500));
    assert_file("order/plays/batch-2500.ndjson", wanted);
    place_close(&place);
}

static void an_index_names_the_folder(void **state)
{
    (void)state;
    place place = opened(&indexed, "indexed/deep/");
    place_begin(&place, 1000);
    place_add(&place, 0, 0, "a");
    assert_int_equal(place_end(&place), SL_OK);
    assert_file("indexed/deep/ba_plays/batch-1000.ndjson", place_line('a', 1000));
    place_close(&place);
}

static void a_repeated_batch_replaces_its_own_file_and_no_other(void **state)
{
    (void)state;
    place place = opened(&plays, "repeated");
    for (int i = 0; i < 2; i++) {
        place_begin(&place, 1000 + 1000 * i);
        place_add(&place, 0, 0, i ? "b" : "a");
        assert_int_equal(place_end(&place), SL_OK);
    }
    place_close(&place);
    place = opened(&plays, "repeated"); /* a restart */
    place_begin(&place, 2000);
    place_add(&place, 0, 0, "x");
    place_begin(&place, 2000);
    place_add(&place, 0, 0, "c");
    assert_int_equal(place_end(&place), SL_OK);
    assert_file("repeated/plays/batch-1000.ndjson", place_line('a', 1000));
    assert_file("repeated/plays/batch-2000.ndjson", place_line('c', 2000));
    place_begin(&place, 2000);
    assert_int_equal(place_end(&place), SL_OK);
    assert_no_file("repeated/plays/batch-2000.ndjson");
    place_begin(&place, 3000);
    assert_int_equal(place_end(&place), SL_OK);
    assert_no_file("repeated/plays/batch-3000.ndjson");
    place_close(&place);
}

static void all_groups_are_written_when_one_changed(void **state)
{
    (void)state;
    char wanted[1024] = "";
    place place = opened(&plays, "whole");
    place_begin(&place, 1000);
    place_replace(&place, "ba", true, "c", false);
    assert_int_equal(place_end(&place), SL_OK);
    for (const char *track = "bac"; *track; track++)
        strcat(wanted, place_line(*track, 1000));
    assert_file("whole/plays/batch-1000.ndjson", wanted);
    place_begin(&place, 2000);
    place_replace(&place, "ba", false, "c", false);
    assert_int_equal(place_end(&place), SL_OK);
    assert_no_file("whole/plays/batch-2000.ndjson");
    place_begin(&place, 3000);
    place_replace(&place, "", true, "", true);
    assert_int_equal(place_end(&place), SL_OK);
    assert_file("whole/plays/batch-3000.ndjson", "");
    place_close(&place);
}

static void raw_lines_grow_one_file(void **state)
{
    (void)state;
    place place = opened(&raw, "raw/lines.csv");
    for (int i = 0; i < 2; i++) {
        place_begin(&place, 1000 + 1000 * i);
        place_add(&place, 1, 1, i ? "d" : "b");
        place_add(&place, 0, 0, i ? "c" : "a");
        assert_int_equal(place_end(&place), SL_OK);
    }
    place_begin(&place, 3000);
    assert_int_equal(place_end(&place), SL_OK);
    assert_file("raw/lines.csv", "a\nb\nc\nd\n");
    place_close(&place);
}

static void raw_lines_in_a_folder_are_a_file_per_batch(void **state)
{
    (void)state;
    place place = opened(&raw, "raw_folder/");
    place_begin(&place, 1000);
    place_add(&place, 0, 0, "ab");
    assert_int_equal(place_end(&place), SL_OK);
    assert_file("raw_folder/raw/batch-1000.ndjson", "a\nb\n");
    place_close(&place);
}

static void a_bare_document_has_no_id(void **state)
{
    (void)state;
    char path[160];
    snprintf(path, sizeof path, "%s", path_of("bare"));
    place place = place_open(&sink_file, (sink_spec){ .output = &plays, .target = path, .bare = true });
    place_begin(&place, 1000);
    place_add(&place, 0, 0, "a");
    assert_int_equal(place_end(&place), SL_OK);
    assert_file("bare/plays/batch-1000.ndjson",
                "{\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"track\":\"a\",\"plays\":1}\n");
    place_close(&place);
}

#define HEADER "_id,@timestamp,track,plays\n"

static void csv_has_a_header_where_a_file_begins(void **state)
{
    (void)state;
    settings *csv = place_csv(&sink_file);
    char path[160];
    snprintf(path, sizeof path, "%s", path_of("csv"));
    place place = place_open(&sink_file, (sink_spec){ .output = &plays, .target = path, .settings = csv });
    place_begin(&place, 1000);
    place_add(&place, 1, 1, ",");
    place_add(&place, 0, 0, "ab");
    assert_int_equal(place_end(&place), SL_OK);
    assert_file("csv/plays/batch-1000.csv", HEADER "a,1970-01-01T00:00:01.000Z,a,1\n"
                                                   "b,1970-01-01T00:00:01.000Z,b,1\n"
                                                   "\",\",1970-01-01T00:00:01.000Z,\",\",1\n");
    place_begin(&place, 2000);
    assert_int_equal(place_end(&place), SL_OK);
    assert_no_file("csv/plays/batch-2000.csv");
    place_begin(&place, 3000); /* an emptied list is a file without rows */
    place_replace(&place, "", true, "", true);
    assert_int_equal(place_end(&place), SL_OK);
    assert_file("csv/plays/batch-3000.csv", HEADER);
    place_close(&place);
    settings_free(csv);
}

static void a_batch_that_comes_again_in_the_other_format_leaves_one_file(void **state)
{
    (void)state;
    settings *csv = place_csv(&sink_file);
    char path[160];
    snprintf(path, sizeof path, "%s", path_of("changed"));
    for (int i = 0; i < 3; i++) {
        place place = place_open(
            &sink_file, (sink_spec){ .output = &plays, .target = path, .settings = i == 1 ? csv : NULL });
        place_begin(&place, 1000);
        place_add(&place, 0, 0, "a");
        assert_int_equal(place_end(&place), SL_OK);
        assert_int_equal(access(path_of("changed/plays/batch-1000.csv"), F_OK), i == 1 ? 0 : -1);
        assert_int_equal(access(path_of("changed/plays/batch-1000.ndjson"), F_OK), i == 1 ? -1 : 0);
        place_close(&place);
    }
    settings_free(csv);
}

static void raw_lines_and_dead_letters_stay_what_they_are(void **state)
{
    (void)state;
    settings *csv = place_csv(&sink_file);
    char path[160];
    snprintf(path, sizeof path, "%s", path_of("stay.csv"));
    place place = place_open(&sink_file, (sink_spec){ .output = &raw, .target = path, .settings = csv });
    place_begin(&place, 1000);
    place_add(&place, 0, 0, "ab");
    assert_int_equal(place_end(&place), SL_OK);
    assert_file("stay.csv", "a\nb\n");
    place_close(&place);
    snprintf(path, sizeof path, "%s", path_of("stay"));
    place = place_open(&sink_file,
                       (sink_spec){ .output = &plays, .target = path, .settings = csv, .bare = true });
    place_begin(&place, 1000);
    place_add(&place, 0, 0, "a");
    assert_int_equal(place_end(&place), SL_OK);
    assert_file("stay/plays/batch-1000.ndjson",
                "{\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"track\":\"a\",\"plays\":1}\n");
    place_close(&place);
    settings_free(csv);
}

static void a_place_that_cannot_be_made_is_refused(void **state)
{
    (void)state;
    place place;
    failure failure = { 0 };
    assert_int_equal(place_try(&sink_file, (sink_spec){ .output = &plays }, &place), SL_USAGE);
    assert_non_null(strstr(place.failure.text, "plays"));
    document_free(place.document);
    char path[160];
    snprintf(path, sizeof path, "%s", path_of("taken"));
    assert_int_equal(disk_replace(path, "x", 1, &failure), SL_OK);
    assert_int_not_equal(place_try(&sink_file, (sink_spec){ .output = &plays, .target = path }, &place),
                         SL_OK);
    assert_non_null(strstr(place.failure.text, path));
    document_free(place.document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_stand_in_the_order_of_chunks_whoever_wrote_them),
        cmocka_unit_test(an_index_names_the_folder),
        cmocka_unit_test(a_repeated_batch_replaces_its_own_file_and_no_other),
        cmocka_unit_test(all_groups_are_written_when_one_changed),
        cmocka_unit_test(raw_lines_grow_one_file),
        cmocka_unit_test(raw_lines_in_a_folder_are_a_file_per_batch),
        cmocka_unit_test(a_bare_document_has_no_id),
        cmocka_unit_test(csv_has_a_header_where_a_file_begins),
        cmocka_unit_test(a_batch_that_comes_again_in_the_other_format_leaves_one_file),
        cmocka_unit_test(raw_lines_and_dead_letters_stay_what_they_are),
        cmocka_unit_test(a_place_that_cannot_be_made_is_refused),
    };
    plays = (sl_output){ .name = "plays", .id = SL_FIELDS(play, track) };
    indexed = (sl_output){ .name = "plays", .index = "ba_plays", .id = SL_FIELDS(play, track) };
    raw = (sl_output){ .name = "raw", .raw = SL_FIELDS(play, track) };
    return cmocka_run_group_tests(tests, start, stop);
}
