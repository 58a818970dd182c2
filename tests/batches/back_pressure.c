/*
 * tests/batches/back_pressure.c - Spark's estimator against tables worked out by hand, and shares by lag.
 */
#include <batches/back_pressure.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct step {
    back_pressure_batch batch;
    double rate; /* 0: none is published */
} step;

static void assert_steps(const back_pressure_gains *gains, const step *steps, size_t count)
{
    back_pressure pressure;
    back_pressure_init(&pressure, gains);
    for (size_t i = 0; i < count; i++) {
        double rate = 0;
        bool told = back_pressure_update(&pressure, &steps[i].batch, &rate);
        assert_int_equal(told, steps[i].rate != 0);
        if (rate < steps[i].rate - 1e-9 || rate > steps[i].rate + 1e-9)
            fail_msg("step %zu: %.12f, not %.12f", i, rate, steps[i].rate);
    }
}

/*
 * Interval 2 s; proportional 1, integral 0.2, derived 0: rate = achieved - 0.2 * scheduling * achieved / 2000.
 *     achieved   backlog                    rate
 *     2000       first: nothing
 *     1000       0                          1000
 *     1000       500 * 1000 / 2000 = 250    1000 - 50 = 950
 *     4000       0                          4000
 *     800        4000 * 800 / 2000 = 1600   800 - 320 = 480
 *     150        2000 * 150 / 2000 = 150    150 - 30 = 120
 *     50         0                          50, but 100 at least
 */
static void the_usual_gains_give_what_was_worked_out(void **state)
{
    (void)state;
    static const back_pressure_gains usual = { 1.0, 0.2, 0.0, 100 };
    static const step steps[] = {
        { { 2000, 4000, 2000, 0, 2000 }, 0 },      { { 4000, 4000, 4000, 0, 2000 }, 1000 },
        { { 6000, 2000, 2000, 500, 2000 }, 950 },  { { 8000, 4000, 1000, 0, 2000 }, 4000 },
        { { 10000, 800, 1000, 4000, 2000 }, 480 }, { { 12000, 300, 2000, 2000, 2000 }, 120 },
        { { 14000, 100, 2000, 0, 2000 }, 100 },
    };
    assert_steps(&usual, steps, sizeof steps / sizeof steps[0]);
}

/*
 * proportional 0.5, integral 0.1, derived 0.25, least 10.
 *     latest 1000 (first); then achieved 500 after 2 s, waiting 1 s of an interval of 1 s:
 *         error 500, backlog 500, change (500 - 0) / 2 = 250
 *         1000 - 250 - 50 - 62.5 = 637.5
 *     achieved 800 after 4 s, nothing waits: error -162.5, change (-162.5 - 500) / 4 = -165.625
 *         637.5 + 81.25 + 41.40625 = 760.15625
 */
static void each_gain_has_its_part(void **state)
{
    (void)state;
    static const back_pressure_gains gains = { 0.5, 0.1, 0.25, 10 };
    static const step steps[] = {
        { { 1000, 1000, 1000, 0, 1000 }, 0 },
        { { 3000, 500, 1000, 1000, 1000 }, 637.5 },
        { { 7000, 400, 500, 0, 1000 }, 760.15625 },
    };
    assert_steps(&gains, steps, sizeof steps / sizeof steps[0]);
}

static void batches_that_tell_nothing_change_nothing(void **state)
{
    (void)state;
    static const back_pressure_gains usual = { 1.0, 0.2, 0.0, 100 };
    static const step steps[] = {
        { { 1000, 0, 5, 0, 1000 }, 0 },        { { 2000, 1000, 1000, 0, 1000 }, 0 },
        { { 3000, 0, 10, 0, 1000 }, 0 },       { { 4000, 10, 0, 0, 1000 }, 0 },
        { { 2000, 500, 1000, 0, 1000 }, 0 }, /* the clock was set back */
        { { 5000, 600, 1000, 0, 1000 }, 600 },
    };
    assert_steps(&usual, steps, sizeof steps / sizeof steps[0]);
}

static void a_partition_takes_its_share_of_the_lag(void **state)
{
    (void)state;
    assert_int_equal(back_pressure_share(1000, 30, 100, 0, 2000), 600);
    assert_int_equal(back_pressure_share(1000, 70, 100, 0, 2000), 1400);
    assert_int_equal(back_pressure_share(1000, 70, 100, 500, 2000), 1000);
    assert_int_equal(back_pressure_share(1000, 100, 100, 0, 250), 250);
}

/* Spark takes nothing for no limit, and its least is of a batch where it promises one of a second. */
static void a_limit_is_never_rounded_to_none(void **state)
{
    (void)state;
    assert_int_equal(back_pressure_share(100, 0, 1000000, 0, 2000), 2);
    assert_int_equal(back_pressure_share(100, 1, 1000000, 0, 250), 1);
    assert_int_equal(back_pressure_share(100, 0, 0, 0, 1000), 100);
    assert_int_equal(back_pressure_share(1e30, 1, 1, 0, 1000), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_gains_give_what_was_worked_out),
        cmocka_unit_test(each_gain_has_its_part),
        cmocka_unit_test(batches_that_tell_nothing_change_nothing),
        cmocka_unit_test(a_partition_takes_its_share_of_the_lag),
        cmocka_unit_test(a_limit_is_never_rounded_to_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
