/*
 * tests/batches/generator.c - batch times on the grid of the interval whatever the clock does, what is told of a cut, how
 * many cuts wait, and the end of a bounded job.
 */
#include <base/disk.h>
#include <base/folder.h>
#include <batches/generator.h>
#include <batches/inputs.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { HELD_MAX = 2, HEARD_MAX = 64 };

/* A listener that notes what was submitted. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t count;
    int64_t ids[HEARD_MAX], times[HEARD_MAX];
    bool catch_up[HEARD_MAX];
} heard = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

typedef struct trial {
    inputs inputs;
    sl_clock clock;
    events *events;
    journal *journal;
    generator *generator;
    generator_spec spec;
    failure failure;
} trial;

static void hear(void *self, const sl_batch_info *batch)
{
    (void)self;
    pthread_mutex_lock(&heard.mutex);
    if (heard.count < HEARD_MAX) {
        heard.ids[heard.count] = batch->batch_id;
        heard.times[heard.count] = batch->batch_time_ms;
        heard.catch_up[heard.count] = batch->catch_up;
        heard.count++;
    }
    pthread_cond_broadcast(&heard.changed);
    pthread_mutex_unlock(&heard.mutex);
}

static const sl_listener hearing = { .name = "hearing", .lossless = true, .on_batch_submitted = hear };

static void heard_wait(size_t count)
{
    pthread_mutex_lock(&heard.mutex);
    while (heard.count < count)
        pthread_cond_wait(&heard.changed, &heard.mutex);
    pthread_mutex_unlock(&heard.mutex);
}

static void wake(void *argument)
{
    trial *trial = argument;
    if (trial->generator)
        generator_wake(trial->generator);
}

/* A generator with an interval of 1 s on a manual clock; `trial->spec` may be changed before. */
static void open_generator(trial *trial, const char *options)
{
    inputs_wake_by(&trial->inputs, wake, trial);
    inputs_open(&trial->inputs, options);
    inputs_start(&trial->inputs);
    trial->spec.job = "trial";
    trial->spec.intake = &trial->inputs.intake;
    trial->spec.events = trial->events;
    trial->spec.journal = trial->journal;
    trial->spec.clock = trial->spec.clock ? trial->spec.clock : &trial->clock;
    trial->spec.interval_ms = trial->spec.interval_ms ? trial->spec.interval_ms : 1000;
    trial->spec.held_max = HELD_MAX;
    trial->spec.back_to_back = trial->inputs.spec.available_now;
    trial->generator = generator_new(&trial->spec);
}

/* T of the batch that is cut when the clock shows this. */
static int64_t tick_at(trial *trial, int64_t wall_ms)
{
    trial->clock.manual_ms = wall_ms;
    batch *made = generator_tick(trial->generator, &trial->failure);
    assert_non_null(made);
    int64_t time_ms = made->time_ms;
    generator_give_back(trial->generator, made);
    return time_ms;
}

static void batch_times_lie_on_the_grid_of_the_interval(void **state)
{
    trial *trial = *state;
    open_generator(trial, "");
    assert_int_equal(tick_at(trial, 5000), 5000);
    assert_int_equal(tick_at(trial, 6003), 6000);
    assert_int_equal(tick_at(trial, 7999), 7000);
    assert_int_equal(tick_at(trial, 12345), 12000); /* ticks that were missed give no batches */
}

static void a_clock_set_back_repeats_no_batch_time(void **state)
{
    trial *trial = *state;
    open_generator(trial, "");
    assert_int_equal(tick_at(trial, 3600000), 3600000);
    assert_int_equal(tick_at(trial, 1000), 3601000);
    assert_int_equal(tick_at(trial, 1000), 3602000);
    assert_int_equal(tick_at(trial, 3600500), 3603000);
    assert_int_equal(tick_at(trial, 3700000), 3700000);
}

static void a_fast_succession_runs_ahead_of_the_clock(void **state)
{
    trial *trial = *state;
    open_generator(trial, "");
    for (int64_t i = 0; i < 5; i++)
        assert_int_equal(tick_at(trial, 10000), 10000 + i * 1000);
}

static void the_last_time_of_the_checkpoint_is_passed(void **state)
{
    trial *trial = *state;
    trial->spec.last_id = 41;
    trial->spec.last_time_ms = 900000;
    open_generator(trial, "");
    assert_int_equal(tick_at(trial, 5000), 901000);
    events_free(trial->events);
    trial->events = NULL;
    assert_int_equal(heard.ids[0], 42);
    assert_true(heard.catch_up[0]); /* the first after a restart */
}

/* 10,500 was a batch of the interval before; 3 s: the smallest multiple of 3,000 above it. */
static void another_interval_takes_the_next_of_its_own_multiples(void **state)
{
    trial *trial = *state;
    trial->spec.last_id = 1;
    trial->spec.last_time_ms = 10500;
    trial->spec.interval_ms = 3000;
    open_generator(trial, "");
    assert_int_equal(tick_at(trial, 10600), 12000);
    assert_int_equal(tick_at(trial, 13000), 15000);
    assert_int_equal(tick_at(trial, 21001), 21000);
}

static void a_clock_that_leaps_ahead_cuts_nothing_until_it_is_right_again(void **state)
{
    trial *trial = *state;
    open_generator(trial, "");
    inputs_send_many(&trial->inputs, 0, 2);
    trial->clock.manual_ms = 1000;
    trial->clock.manual_ahead_ms = 3600001;
    assert_null(generator_tick(trial->generator, &trial->failure));
    assert_int_equal(trial->failure.result, SL_RETRY);
    assert_non_null(strstr(trial->failure.text, "forward by 60 min"));
    failure_clear(&trial->failure);
    trial->clock.manual_ahead_ms = 3600000; /* an hour may be summer time set by hand */
    batch *made = generator_tick(trial->generator, &trial->failure);
    assert_true(made->time_ms == 3601000 && inputs_one_range(made, 0, 0, 2));
    generator_give_back(trial->generator, made);
    trial->clock.manual_ahead_ms = 0;
    assert_int_equal(tick_at(trial, 2000), 3602000);
}

/* A new start takes the clock as it is. */
static void a_leap_while_the_job_was_down_is_none(void **state)
{
    trial *trial = *state;
    trial->spec.last_id = 1;
    trial->spec.last_time_ms = 1000;
    trial->clock.manual_ahead_ms = 86400000;
    open_generator(trial, "");
    assert_int_equal(tick_at(trial, 2000), 86402000);
}

static void ids_count_up_by_one(void **state)
{
    trial *trial = *state;
    open_generator(trial, "");
    for (int64_t i = 0; i < 4; i++)
        tick_at(trial, 1000 * i);
    events_free(trial->events);
    trial->events = NULL;
    for (int64_t i = 0; i < 4; i++)
        assert_int_equal(heard.ids[i], i + 1);
}

static void a_batch_that_cannot_be_journaled_is_not_cut(void **state)
{
    trial *trial = *state;
    inputs journaled = { 0 };
    inputs_open(&journaled, "");
    assert_int_equal(journal_open(folder_path(""), &journaled.intake, 0, &trial->journal, &trial->failure),
                     SL_OK);
    open_generator(trial, "");
    inputs_send_many(&trial->inputs, 0, 3);
    assert_true(disk_break("write:ENOSPC:journal"));
    trial->clock.manual_ms = 1000;
    assert_null(generator_tick(trial->generator, &trial->failure));
    assert_int_equal(trial->failure.result, SL_RETRY);
    disk_break(NULL);
    failure_clear(&trial->failure);
    trial->clock.manual_ms = 2000;
    batch *made = generator_tick(trial->generator, &trial->failure);
    assert_true(made->id == 1 && made->time_ms == 2000 && made->journaled && inputs_one_range(made, 0, 0, 3));
    generator_give_back(trial->generator, made);
    inputs_close(&journaled);
}

/* By itself, as soon as there is room; and whoever asks meanwhile is told. */
static void on_a_full_disk_it_waits_and_goes_on(void **state)
{
    trial *trial = *state;
    char why[300];
    inputs journaled = { 0 };
    inputs_open(&journaled, "");
    assert_int_equal(journal_open(folder_path(""), &journaled.intake, 0, &trial->journal, &trial->failure),
                     SL_OK);
    trial->spec.clock = &clock_system;
    trial->spec.interval_ms = 1;
    open_generator(trial, "");
    assert_false(generator_waits(trial->generator, why, sizeof why));
    assert_true(disk_break("write:ENOSPC:journal"));
    inputs_send_many(&trial->inputs, 0, 3);
    assert_int_equal(generator_start(trial->generator, &trial->failure), SL_OK);
    while (!generator_waits(trial->generator, why, sizeof why))
        sched_yield();
    assert_non_null(strstr(why, "journal: the disk is full"));
    disk_break(NULL);
    batch *made = generator_take(trial->generator, &trial->failure);
    assert_true(made->id == 1 && made->journaled && inputs_one_range(made, 0, 0, 3));
    assert_false(generator_waits(trial->generator, why, sizeof why));
    generator_give_back(trial->generator, made);
    generator_join(trial->generator);
    inputs_close(&journaled);
}

static batch *journaled_batch(int64_t id, int64_t time_ms, int64_t from, int64_t until)
{
    batch *made = calloc(1, sizeof *made);
    *made = (batch){ .id = id, .time_ms = time_ms, .interval_ms = 1000, .journaled = true };
    batch_range range = { 0, from, until, until };
    buffer_append(&made->ranges, &range, sizeof range);
    return made;
}

static void journaled_batches_come_first_with_their_own_times(void **state)
{
    trial *trial = *state;
    batch *replays[] = { journaled_batch(8, 7000, 0, 2), journaled_batch(9, 8000, 2, 5) };
    trial->spec.last_id = 7;
    trial->spec.last_time_ms = 6000;
    trial->spec.replays = replays;
    trial->spec.replay_count = 2;
    open_generator(trial, "");
    trial->clock.manual_ms = 3000;                                  /* the clock was set back, too */
    assert_null(generator_tick(trial->generator, &trial->failure)); /* their input is not here yet */
    assert_int_equal(trial->failure.result, SL_OK);
    inputs_send_many(&trial->inputs, 0, 6);
    batch *first = generator_tick(trial->generator, &trial->failure);
    assert_true(first->id == 8 && first->time_ms == 7000 && first->catch_up &&
                inputs_one_range(first, 0, 0, 2));
    assert_true(first->submitted_ms == 3000 &&
                first->unread == -1); /* the cut of that time knew, not the journal */
    batch *second = generator_tick(trial->generator, &trial->failure);
    assert_true(second->id == 9 && second->time_ms == 8000 && inputs_one_range(second, 0, 2, 5));
    batch *third = generator_tick(trial->generator, &trial->failure);
    assert_true(third->id == 10 && third->time_ms == 9000 && inputs_one_range(third, 0, 5, 6));
    generator_give_back(trial->generator, first);
    generator_give_back(trial->generator, second);
    generator_give_back(trial->generator, third);
}

static void available_now_cuts_back_to_back_and_ends(void **state)
{
    trial *trial = *state;
    open_generator(trial, "--available-now --max-rate-per-partition 10");
    inputs_send_many(&trial->inputs, 0, 25);
    trial->clock.manual_ms = 50000;
    assert_int_equal(generator_start(trial->generator, &trial->failure), SL_OK);
    for (int64_t i = 0; i < 3; i++) {
        batch *taken = generator_take(trial->generator, &trial->failure);
        assert_non_null(taken);
        assert_int_equal(taken->time_ms, 50000 + i * 1000);
        assert_true(inputs_one_range(taken, 0, i * 10, i < 2 ? i * 10 + 10 : 25));
        assert_int_equal(taken->unread, i < 2 ? 15 - i * 10 : 0);
        assert_int_equal(taken->submitted_ms, 50000);
        generator_give_back(trial->generator, taken);
    }
    assert_null(generator_take(trial->generator, &trial->failure));
    assert_int_equal(trial->failure.result, SL_OK);
}

/* Ticks pass much faster than batches are taken. */
static void no_more_cuts_wait_than_may(void **state)
{
    trial *trial = *state;
    int64_t next = 0, last_ms = 0;
    trial->spec.clock = &clock_system;
    trial->spec.interval_ms = 1;
    open_generator(trial, "");
    assert_int_equal(generator_start(trial->generator, &trial->failure), SL_OK);
    for (size_t taken = 0; taken < 20; taken++) {
        size_t count;
        inputs_send_many(&trial->inputs, 0, 1);
        heard_wait(taken + HELD_MAX);
        pthread_mutex_lock(&heard.mutex);
        assert_int_equal(heard.count, taken + HELD_MAX);
        pthread_mutex_unlock(&heard.mutex);
        batch *batch = generator_take(trial->generator, &trial->failure);
        assert_int_equal(batch->id, taken + 1);
        assert_true(batch->time_ms > last_ms);
        last_ms = batch->time_ms;
        const batch_range *range = batch_ranges(batch, &count);
        assert_true(count == 0 || range->from == next);
        next = count ? range->until : next;
        generator_give_back(trial->generator, batch);
    }
}

static void after_a_stop_nothing_is_taken(void **state)
{
    trial *trial = *state;
    trial->spec.clock = &clock_system;
    trial->spec.interval_ms = 1;
    open_generator(trial, "");
    assert_int_equal(generator_start(trial->generator, &trial->failure), SL_OK);
    heard_wait(1);
    generator_stop(trial->generator);
    assert_null(generator_take(trial->generator, &trial->failure));
}

static int open_trial(void **state)
{
    failure failure = { 0 };
    trial *trial = calloc(1, sizeof *trial);
    folder_open();
    heard.count = 0;
    trial->clock.manual = true;
    trial->events = events_new();
    *state = trial;
    return events_add(trial->events, &hearing, &(sl_listener_place){ "trial", NULL, NULL }, &failure) == SL_OK
               ? 0
               : -1;
}

static int close_trial(void **state)
{
    trial *trial = *state;
    disk_break(NULL);
    generator_free(trial->generator);
    events_free(trial->events);
    journal_close(trial->journal);
    inputs_close(&trial->inputs);
    free(trial);
    folder_close();
    return 0;
}

#define GENERATOR_TEST(test) cmocka_unit_test_setup_teardown(test, open_trial, close_trial)

int main(void)
{
    const struct CMUnitTest tests[] = {
        GENERATOR_TEST(batch_times_lie_on_the_grid_of_the_interval),
        GENERATOR_TEST(a_clock_set_back_repeats_no_batch_time),
        GENERATOR_TEST(a_fast_succession_runs_ahead_of_the_clock),
        GENERATOR_TEST(the_last_time_of_the_checkpoint_is_passed),
        GENERATOR_TEST(another_interval_takes_the_next_of_its_own_multiples),
        GENERATOR_TEST(a_clock_that_leaps_ahead_cuts_nothing_until_it_is_right_again),
        GENERATOR_TEST(a_leap_while_the_job_was_down_is_none),
        GENERATOR_TEST(ids_count_up_by_one),
        GENERATOR_TEST(a_batch_that_cannot_be_journaled_is_not_cut),
        GENERATOR_TEST(on_a_full_disk_it_waits_and_goes_on),
        GENERATOR_TEST(journaled_batches_come_first_with_their_own_times),
        GENERATOR_TEST(available_now_cuts_back_to_back_and_ends),
        GENERATOR_TEST(no_more_cuts_wait_than_may),
        GENERATOR_TEST(after_a_stop_nothing_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
