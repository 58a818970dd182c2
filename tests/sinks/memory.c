/*
 * tests/sinks/memory.c - the last committed batch, sorted.
 */
#include <setjmp.h>
#include <sinks/shared/place.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

extern const sink_kind sink_memory;

static sl_output plays;

static void assert_wrote(place *place, const char *tracks, int64_t time_ms)
{
    char wanted[1024] = "";
    for (; *tracks; tracks++)
        strcat(wanted, place_line(*tracks, time_ms));
    assert_string_equal(sink_memory.wrote(place->sink), wanted);
}

static void lines_are_sorted_by_id(void **state)
{
    (void)state;
    place place = place_open(&sink_memory, (sink_spec){ .output = &plays });
    assert_wrote(&place, "", 0);
    place_begin(&place, 1500);
    place_add(&place, 1, 0, "db");
    place_add(&place, 0, 1, "ca");
    assert_wrote(&place, "", 0); /* not before the commit */
    assert_int_equal(place_end(&place), SL_OK);
    assert_wrote(&place, "abcd", 1500);
    place_close(&place);
}

static void only_the_last_committed_batch_is_kept(void **state)
{
    (void)state;
    place place = place_open(&sink_memory, (sink_spec){ .output = &plays });
    place_begin(&place, 1000);
    place_add(&place, 0, 0, "a");
    assert_int_equal(place_end(&place), SL_OK);
    place_begin(&place, 2000);
    place_add(&place, 0, 0, "b");
    assert_wrote(&place, "a", 1000);
    place_begin(&place, 2000); /* the attempt before failed */
    place_add(&place, 2, 0, "c");
    assert_int_equal(place_end(&place), SL_OK);
    assert_wrote(&place, "c", 2000);
    place_begin(&place, 3000);
    assert_int_equal(place_end(&place), SL_OK);
    assert_wrote(&place, "", 3000);
    place_close(&place);
}

static void all_groups_are_news_when_one_changed(void **state)
{
    (void)state;
    place place = place_open(&sink_memory, (sink_spec){ .output = &plays });
    place_begin(&place, 1000);
    place_replace(&place, "ab", false, "c", true);
    assert_int_equal(place_end(&place), SL_OK);
    assert_wrote(&place, "abc", 1000);
    place_begin(&place, 2000);
    place_replace(&place, "ab", false, "c", false);
    assert_int_equal(place_end(&place), SL_OK);
    assert_wrote(&place, "", 2000);
    place_close(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_sorted_by_id),
        cmocka_unit_test(only_the_last_committed_batch_is_kept),
        cmocka_unit_test(all_groups_are_news_when_one_changed),
    };
    plays = (sl_output){ .name = "plays", .id = SL_FIELDS(play, track) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
