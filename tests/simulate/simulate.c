/*
 * tests/simulate/simulate.c - thousands of histories of crashes, power cuts, full disks and broken networks, each from a seed,
 * through the engine as it is, without a server and without waiting. How: world.h, life.c, judge.c.
 *
 *     make simulate SEEDS=100000            the first that goes wrong is told, with how to repeat it
 *     make simulate SEED=4711 VERBOSE=1     that one, with each of its steps
 */
#include <setjmp.h>
#include <simulate/world.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { SEEDS_USUAL = 150 };

static uint64_t number_of(const char *name, uint64_t usual)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : usual;
}

static double seconds(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return (double)now.tv_sec + (double)now.tv_usec / 1e6;
}

static void whatever_dies_the_outcome_is_that_of_an_undisturbed_run(void **state)
{
    (void)state;
    uint64_t first = number_of("SEED", 1), seeds = number_of("SEEDS", getenv("SEED") ? 1 : SEEDS_USUAL),
             lives = 0;
    double begin = seconds();
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        if (!history_run(seed))
            fail_msg("seed %llu, life %u: %s\nrepeat it with: make simulate SEED=%llu VERBOSE=1",
                     (unsigned long long)seed, the_world->life, the_world->told, (unsigned long long)seed);
        lives += the_world->life;
        if ((seed - first + 1) % 10000 == 0)
            print_message("%llu histories, %.0f a minute\n", (unsigned long long)(seed - first + 1),
                          (double)(seed - first + 1) / (seconds() - begin) * 60);
    }
    print_message("%llu histories from seed %llu on, %.0f a minute: as an undisturbed run\n",
                  (unsigned long long)seeds, (unsigned long long)first,
                  (double)seeds / (seconds() - begin) * 60);
}

static void the_same_seed_does_the_same_to_every_step(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        assert_true(history_run(seed));
        uint64_t trace = the_world->trace;
        assert_true(history_run(seed));
        assert_true(trace == the_world->trace);
        assert_true(history_run(seed + 1));
        assert_true(trace != the_world->trace);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_does_the_same_to_every_step),
        cmocka_unit_test(whatever_dies_the_outcome_is_that_of_an_undisturbed_run),
    };
    const struct CMUnitTest wanted[] = {
        cmocka_unit_test(whatever_dies_the_outcome_is_that_of_an_undisturbed_run),
    };
    world_make();
    the_world->verbose = number_of("VERBOSE", 0) > 0;
    return getenv("SEEDS") || getenv("SEED") ? cmocka_run_group_tests_name("simulate", wanted, NULL, NULL)
                                             : cmocka_run_group_tests_name("simulate", tests, NULL, NULL);
}
