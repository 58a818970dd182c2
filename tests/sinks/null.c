/*
 * tests/sinks/null.c - takes everything, keeps nothing.
 */
#include <setjmp.h>
#include <sinks/shared/place.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const sink_kind sink_null;

static sl_output plays;

static void rows_of_all_writers_are_taken(void **state)
{
    (void)state;
    place place = place_open(&sink_null, (sink_spec){ .output = &plays });
    for (int64_t time_ms = 1000; time_ms < 4000; time_ms += 1000) {
        place_begin(&place, time_ms);
        for (unsigned writer = 0; writer < PLACE_WRITERS; writer++)
            for (uint64_t sequence = 0; sequence < 100; sequence++)
                place_add(&place, writer, sequence * PLACE_WRITERS + writer, "abcdefgh");
        place_replace(&place, "ab", true, "", true);
        assert_int_equal(place_end(&place), SL_OK);
    }
    for (unsigned writer = 0; writer < PLACE_WRITERS; writer++)
        assert_int_equal(place.exceptions[writer].size, 0);
    place_close(&place);
}

static void nothing_can_be_read_back(void **state)
{
    (void)state;
    assert_null(sink_null.wrote);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_all_writers_are_taken),
        cmocka_unit_test(nothing_can_be_read_back),
    };
    plays = (sl_output){ .name = "plays", .id = SL_FIELDS(play, track) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
