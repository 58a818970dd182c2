/*
 * tests/jobs/unique_tracks.c - on a manual clock: tracks come out once, in the batch that brought them, and totals when they grow.
 */
#include "../../jobs/unique_tracks.c"
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <support/random.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { TRACKS = 300 };

static void play_send(sl_test *test, size_t track, bool mobile, uint32_t partition)
{
    char line[80];
    int size = snprintf(line, sizeof line, "0,7,%zu,\"2014-10-23 03:26:20\",%d,\"72132\"", track, mobile);
    sl_test_send_message(test, "lines", partition,
                         &(sl_message){ .origin = { .time_ms = -1 }, .value = { line, (size_t)size } });
}

static size_t lines_of(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static void each_track_is_told_once_for_each_scope(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&job, "--interval 1s");
    play_send(test, 5, false, 0);
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "tracks"),
                        "{\"_id\":\"5\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"track_id\":\"5\"}\n");
    assert_string_equal(sl_test_wrote(test, "mobile_tracks"), "");
    assert_string_equal(sl_test_wrote(test, "totals"),
                        "{\"_id\":\"all\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\","
                        "\"scope\":\"all\",\"tracks\":1}\n");
    play_send(test, 5, true, 0);
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "tracks"), "");
    assert_string_equal(sl_test_wrote(test, "mobile_tracks"),
                        "{\"_id\":\"5\",\"@timestamp\":\"1970-01-01T00:00:02.000Z\",\"track_id\":\"5\"}\n");
    assert_string_equal(sl_test_wrote(test, "totals"),
                        "{\"_id\":\"mobile\",\"@timestamp\":\"1970-01-01T00:00:02.000Z\","
                        "\"scope\":\"mobile\",\"tracks\":1}\n");
    play_send(test, 5, true, 0);
    sl_test_send(test, "lines", "no listen");
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "totals"), "");
    assert_int_equal(sl_test_account(test)->dead_letters, 1);
    sl_test_close(test);
}

static void check_total(sl_test *test, const char *scope, size_t tracks, bool grew)
{
    char wanted[80];
    snprintf(wanted, sizeof wanted, "\"scope\":\"%s\",\"tracks\":%zu}", scope, tracks);
    assert_int_equal(strstr(sl_test_wrote(test, "totals"), wanted) != NULL, grew);
}

static void totals_are_those_of_a_recount(void **state)
{
    (void)state;
    dice dice = { 12 };
    bool seen[2][TRACKS] = { { 0 } };
    size_t tracks[2] = { 0 };
    sl_test *test = sl_test_open(&job, "--interval 1s --cores 3");
    for (int batch = 0; batch < 12; batch++) {
        size_t fresh[2] = { 0 };
        for (size_t left = batch % 3 ? dice_below(&dice, 40) : 4000; left; left--) {
            size_t track = dice_below(&dice, (size_t)(batch + 1) * TRACKS / 12);
            bool mobile = dice_below(&dice, 5) == 0;
            play_send(test, track, mobile, (uint32_t)dice_below(&dice, 4));
            for (int scope = 0; scope <= mobile; scope++) {
                fresh[scope] += !seen[scope][track];
                seen[scope][track] = true;
            }
        }
        sl_test_batch(test);
        assert_int_equal(lines_of(sl_test_wrote(test, "tracks")), fresh[0]);
        assert_int_equal(lines_of(sl_test_wrote(test, "mobile_tracks")), fresh[1]);
        tracks[0] += fresh[0], tracks[1] += fresh[1];
        check_total(test, "all", tracks[0], fresh[0] > 0);
        check_total(test, "mobile", tracks[1], fresh[1] > 0);
    }
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_track_is_told_once_for_each_scope),
        cmocka_unit_test(totals_are_those_of_a_recount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
