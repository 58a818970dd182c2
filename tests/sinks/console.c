/*
 * tests/sinks/console.c - what is printed on standard output, caught in a file.
 */
#include <setjmp.h>
#include <sinks/shared/place.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

extern const sink_kind sink_console;

static sl_output plays, nameless;
static const char dashes[] = "-------------------------------------------\n";

/* Commits with standard output in a temporary file; what was written there is appended to `out`. */
static void commit_caught(place *place, char out[1024])
{
    FILE *file = tmpfile();
    int before = dup(STDOUT_FILENO);
    assert_non_null(file);
    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    sl_result result = place_end(place);
    dup2(before, STDOUT_FILENO);
    close(before);
    rewind(file);
    out[fread(out, 1, 1023, file)] = '\0';
    fclose(file);
    assert_int_equal(result, SL_OK);
}

static void a_batch_has_a_heading_and_its_lines_in_order_of_chunks(void **state)
{
    (void)state;
    char out[1024], wanted[1024];
    place place = place_open(&sink_console, (sink_spec){ .output = &plays });
    place_begin(&place, 2000);
    place_add(&place, 0, 4, "a");
    place_add(&place, 2, 0, "cb");
    commit_caught(&place, out);
    snprintf(wanted, sizeof wanted, "%sTime: 2000 ms\n%s%s%s%s\n", dashes, dashes, place_line('c', 2000),
             place_line('b', 2000), place_line('a', 2000));
    assert_string_equal(out, wanted);
    place_close(&place);
}

static void a_batch_without_lines_has_a_heading(void **state)
{
    (void)state;
    char out[1024], wanted[1024];
    place place = place_open(&sink_console, (sink_spec){ .output = &plays });
    place_begin(&place, 3000);
    place_replace(&place, "a", false, "b", false);
    commit_caught(&place, out);
    snprintf(wanted, sizeof wanted, "%sTime: 3000 ms\n%s\n", dashes, dashes);
    assert_string_equal(out, wanted);
    place_close(&place);
}

static void a_document_without_an_id_is_printed_without(void **state)
{
    (void)state;
    char out[1024];
    place place = place_open(&sink_console, (sink_spec){ .output = &nameless });
    place_begin(&place, 3000);
    place_add(&place, 0, 0, "a");
    commit_caught(&place, out);
    assert_null(strstr(out, "_id"));
    assert_non_null(
        strstr(out, "\n{\"@timestamp\":\"1970-01-01T00:00:03.000Z\",\"track\":\"a\",\"plays\":1}\n\n"));
    place_close(&place);
}

static void csv_has_its_columns_above_the_lines_if_there_are_any(void **state)
{
    (void)state;
    char out[1024], wanted[1024];
    settings *csv = place_csv(&sink_console);
    place place = place_open(&sink_console, (sink_spec){ .output = &nameless, .settings = csv });
    place_begin(&place, 3000);
    place_add(&place, 0, 0, "ab");
    commit_caught(&place, out);
    snprintf(wanted, sizeof wanted,
             "%sTime: 3000 ms\n%s@timestamp,track,plays\n1970-01-01T00:00:03.000Z,a,1\n"
             "1970-01-01T00:00:03.000Z,b,1\n\n",
             dashes, dashes);
    assert_string_equal(out, wanted);
    place_begin(&place, 4000);
    commit_caught(&place, out);
    snprintf(wanted, sizeof wanted, "%sTime: 4000 ms\n%s\n", dashes, dashes);
    assert_string_equal(out, wanted);
    place_close(&place);
    settings_free(csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_has_a_heading_and_its_lines_in_order_of_chunks),
        cmocka_unit_test(a_batch_without_lines_has_a_heading),
        cmocka_unit_test(a_document_without_an_id_is_printed_without),
        cmocka_unit_test(csv_has_its_columns_above_the_lines_if_there_are_any),
    };
    plays = (sl_output){ .name = "plays", .id = SL_FIELDS(play, track) };
    nameless = (sl_output){ .name = "nameless" };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
