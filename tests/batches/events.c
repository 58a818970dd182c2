/*
 * tests/batches/events.c - listeners that keep up, that do not, and that refuse.
 */
#include <base/folder.h>
#include <base/log.h>
#include <batches/events.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { HELD_MAX = 1000, TOLD_MAX = 6000 };

/* What a listener heard. While its gate is shut it stays in its hook. */
typedef struct ear {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool shut;
    size_t inside; /* calls of hooks that began */
    int64_t ids[TOLD_MAX];
    size_t count;
    char last[2048]; /* the newest account */
    bool closed;
} ear;

static ear *slow, *quick;

static ear *ear_new(bool shut)
{
    ear *made = calloc(1, sizeof *made);
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->shut = shut;
    return made;
}

static void ear_free(ear *ear)
{
    pthread_mutex_destroy(&ear->mutex);
    pthread_cond_destroy(&ear->changed);
    free(ear);
}

static void hear(void *self, const sl_batch_info *batch)
{
    ear *ear = self;
    pthread_mutex_lock(&ear->mutex);
    ear->inside++;
    pthread_cond_broadcast(&ear->changed);
    while (ear->shut)
        pthread_cond_wait(&ear->changed, &ear->mutex);
    ear->ids[ear->count++] = batch->batch_id;
    sl_batch_json(batch, ear->last, sizeof ear->last);
    pthread_mutex_unlock(&ear->mutex);
}

static void wait_until_inside(ear *ear)
{
    pthread_mutex_lock(&ear->mutex);
    while (ear->inside == 0)
        pthread_cond_wait(&ear->changed, &ear->mutex);
    pthread_mutex_unlock(&ear->mutex);
}

static void gate_open(ear *ear)
{
    pthread_mutex_lock(&ear->mutex);
    ear->shut = false;
    pthread_cond_broadcast(&ear->changed);
    pthread_mutex_unlock(&ear->mutex);
}

static void *slow_open(const sl_listener_place *place, char *error)
{
    (void)place, (void)error;
    return slow;
}

static void *quick_open(const sl_listener_place *place, char *error)
{
    (void)place, (void)error;
    return quick;
}

static void ear_closed(void *self)
{
    ((ear *)self)->closed = true;
}

static const sl_listener slow_listener = {
    .name = "slow", .open = slow_open, .close = ear_closed, .on_batch_completed = hear
};
static const sl_listener lossless_listener = {
    .name = "lossless", .lossless = true, .open = quick_open, .close = ear_closed, .on_batch_completed = hear
};

static events *events_with(const sl_listener *listener)
{
    failure failure = { 0 };
    events *made = events_new();
    assert_int_equal(events_add(made, listener, &(sl_listener_place){ "job", NULL, NULL }, &failure), SL_OK);
    return made;
}

static void tell(events *events, int64_t from, int64_t until)
{
    for (int64_t id = from; id < until; id++)
        events_tell(events, &(sl_batch_info){ .job = "job", .batch_id = id, .state = SL_BATCH_COMPLETED });
}

static void assert_heard(const ear *ear, int64_t from, size_t count)
{
    assert_int_equal(ear->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(ear->ids[i], from + (int64_t)i);
}

/* events_tell() returns though the listener stays in its hook: else this test would not end. */
static void a_listener_that_blocks_loses_its_own_newest_events_only(void **state)
{
    (void)state;
    failure failure = { 0 };
    settings *settings = settings_new();
    settings_add(settings, "log", log_settings);
    folder_open();
    assert_int_equal(log_open(settings, folder_path("log"), &failure), SL_OK);
    slow = ear_new(true);
    quick = ear_new(false);
    events *events = events_with(&slow_listener);
    assert_int_equal(
        events_add(events, &lossless_listener, &(sl_listener_place){ "job", NULL, NULL }, &failure), SL_OK);
    tell(events, 0, 1);
    wait_until_inside(slow);
    tell(events, 1, 1 + HELD_MAX + 50);
    gate_open(slow);
    events_free(events);
    log_close();
    assert_heard(slow, 0, 1 + HELD_MAX);
    assert_heard(quick, 0, 1 + HELD_MAX + 50);
    assert_true(slow->closed && quick->closed);
    assert_non_null(strstr(folder_read("log"), "listener slow lost 50 events"));
    assert_null(strstr(folder_read("log"), "lossless"));
    settings_free(settings);
    ear_free(slow);
    ear_free(quick);
    folder_close();
}

/* It is in its first hook; three events wait for it. Another listener is told all, and closed. */
static void a_listener_that_hangs_does_not_hold_up_the_end(void **state)
{
    (void)state;
    failure failure = { 0 };
    settings *settings = settings_new();
    settings_add(settings, "log", log_settings);
    folder_open();
    assert_int_equal(log_open(settings, folder_path("log"), &failure), SL_OK);
    static ear *hung; /* its thread is still there when this ends */
    slow = hung = ear_new(true);
    quick = ear_new(false);
    events *events = events_with(&slow_listener);
    assert_int_equal(
        events_add(events, &lossless_listener, &(sl_listener_place){ "job", NULL, NULL }, &failure), SL_OK);
    events_patience(events, 300);
    tell(events, 0, 1);
    wait_until_inside(slow);
    tell(events, 1, 4);
    events_free(events);
    log_close();
    assert_false(slow->closed);
    assert_heard(quick, 0, 4);
    assert_true(quick->closed);
    assert_non_null(
        strstr(folder_read("log"), "listener slow hangs: the job ends without it, and it has lost 3 events"));
    gate_open(slow);
    settings_free(settings);
    ear_free(quick);
    folder_close();
}

static void a_lossless_listener_hears_all_in_order(void **state)
{
    (void)state;
    quick = ear_new(true);
    events *events = events_with(&lossless_listener);
    tell(events, 0, TOLD_MAX);
    gate_open(quick);
    events_free(events);
    assert_heard(quick, 0, TOLD_MAX);
    ear_free(quick);
}

static void told_directly_a_hook_has_run_when_the_call_returns(void **state)
{
    (void)state;
    failure failure = { 0 };
    quick = ear_new(false);
    events *events = events_new();
    events_direct(events);
    assert_int_equal(
        events_add(events, &lossless_listener, &(sl_listener_place){ "job", NULL, NULL }, &failure), SL_OK);
    for (int64_t i = 0; i < 3; i++) {
        tell(events, i, i + 1);
        assert_heard(quick, 0, (size_t)i + 1);
    }
    events_free(events);
    assert_true(quick->closed);
    ear_free(quick);
}

static void what_was_told_is_a_copy(void **state)
{
    (void)state;
    char job[] = "listens", error[] = "no \"room\"", topic[] = "realtime", counter[] = "bad_age",
         wanted[2048];
    sl_range ranges[] = { { topic, 3, 10, 20, 25, 0 } };
    sl_counter counters[] = { { counter, 5 } };
    sl_batch_info batch = { .job = job, .batch_id = 8, .state = SL_BATCH_COMPLETED, .error = error };
    batch.ranges = ranges;
    batch.range_count = 1;
    batch.counters = counters;
    batch.counter_count = 1;
    sl_batch_json(&batch, wanted, sizeof wanted);
    quick = ear_new(true);
    events *events = events_with(&lossless_listener);
    events_tell(events, &batch);
    memset(job, 'x', strlen(job));
    memset(error, 'x', strlen(error));
    memset(topic, 'x', strlen(topic));
    memset(counter, 'x', strlen(counter));
    ranges[0].from = counters[0].value = -1;
    gate_open(quick);
    events_free(events);
    assert_string_equal(quick->last, wanted);
    ear_free(quick);
}

static size_t hooks[4];

static void submitted(void *self, const sl_batch_info *batch)
{
    (void)self;
    assert_int_equal(batch->state, SL_BATCH_SUBMITTED);
    hooks[0]++;
}

static void failed(void *self, const sl_batch_info *batch)
{
    (void)self;
    assert_int_equal(batch->state, SL_BATCH_FAILED);
    hooks[3]++;
}

static void the_hook_follows_from_the_state_and_may_be_absent(void **state)
{
    (void)state;
    const sl_listener listener = { .name = "two",
                                   .on_batch_submitted = submitted,
                                   .on_batch_failed = failed };
    events *events = events_with(&listener);
    for (int one = SL_BATCH_SUBMITTED; one <= SL_BATCH_FAILED; one++)
        events_tell(events, &(sl_batch_info){ .job = "job", .state = (sl_batch_state)one });
    events_free(events);
    assert_int_equal(hooks[0], 1);
    assert_int_equal(hooks[3], 1);
}

static void *refuse(const sl_listener_place *place, char *error)
{
    snprintf(error, 256, "no place for %s", place->argument);
    return NULL;
}

static void a_listener_that_refuses_says_why(void **state)
{
    (void)state;
    const sl_listener listener = { .name = "picky", .open = refuse };
    failure failure = { 0 };
    events *events = events_new();
    assert_int_equal(events_add(events, &listener, &(sl_listener_place){ "job", NULL, "this" }, &failure),
                     SL_FAILED);
    assert_string_equal(failure.text, "listener picky: no place for this");
    events_free(events);
}

/* ---- Everything else that is told -------------------------------------------------------------------------------- */

static char told[2000];

static void note(const char *what, const char *text, double number)
{
    char line[200];
    snprintf(line, sizeof line, "%s %s %.0f\n", what, text ? text : "-", number);
    assert_true(strlen(told) + strlen(line) < sizeof told);
    strcat(told, line);
}

static void note_start(void *self, const sl_start_info *start)
{
    (void)self;
    assert_int_equal(start->output_count, 2);
    assert_string_equal(start->outputs[1].description, "file:out");
    note("start", start->job, (double)start->time_ms);
}

static void note_output_started(void *self, const sl_output_info *output)
{
    (void)self;
    note("output started", output->name, output->id);
}

static void note_output_completed(void *self, const sl_output_info *output)
{
    (void)self;
    note("output completed", output->error, output->id);
}

static void note_lookup(void *self, const sl_lookup_info *lookup)
{
    (void)self;
    note("lookup", lookup->name, (double)lookup->asked);
}

static void note_error(void *self, const sl_error_info *error)
{
    (void)self;
    assert_string_equal(error->place, "redis");
    note("error", error->text, (double)error->time_ms);
}

static void note_paused(void *self, const sl_pause_info *pause)
{
    (void)self;
    note("paused", pause->text, (double)pause->since_ms);
}

static void note_resumed(void *self, const sl_pause_info *pause)
{
    (void)self;
    assert_null(pause->text);
    note("resumed", pause->place, (double)pause->until_ms);
}

static void note_rate(void *self, const sl_rate_info *rate)
{
    (void)self;
    note("rate", rate->reason, rate->records_per_second);
}

/* Copies: what was handed over is overwritten before it is heard. */
static void tell_changing(events *events, event_kind kind, void *info, size_t size, char *text)
{
    events_tell_of(events, kind, info);
    memset(info, 0, size);
    memset(text, 'x', strlen(text));
}

static void every_event_reaches_its_hook_in_order_and_as_a_copy(void **state)
{
    (void)state;
    static const sl_listener all = { .name = "all",
                                     .on_streaming_started = note_start,
                                     .on_output_started = note_output_started,
                                     .on_output_completed = note_output_completed,
                                     .on_lookup = note_lookup,
                                     .on_error = note_error,
                                     .on_paused = note_paused,
                                     .on_resumed = note_resumed,
                                     .on_rate_changed = note_rate };
    char job[] = "listens", name[] = "tops", places[] = "file:out", why[] = "no room",
         lookup_name[] = "people", reason[] = "no answer", pause_reason[] = "away", rate_reason[] = "slower",
         kafka[] = "kafka";
    sl_output_info outputs[] = { { .name = "a", .description = "null" },
                                 { .id = 1, .name = name, .description = places } };
    sl_start_info start = { .job = job, .time_ms = 5, .outputs = outputs, .output_count = 2 };
    sl_output_info output = { .id = 1, .name = name, .error = why };
    sl_lookup_info lookup = { .name = lookup_name, .asked = 7 };
    sl_error_info error = { "j", 8, 0, "redis", reason };
    sl_pause_info pause = { "j", 9, 0, NULL, pause_reason }, resumed = { "j", 9, 10, kafka, NULL };
    sl_rate_info rate = { "j", 11, 0, 250, rate_reason };
    told[0] = '\0';
    events *events = events_with(&all);
    tell_changing(events, EVENT_STREAMING_STARTED, &start, sizeof start, job);
    events_tell_of(events, EVENT_OUTPUT_STARTED, &outputs[0]);
    tell_changing(events, EVENT_OUTPUT_COMPLETED, &output, sizeof output, why);
    memset(outputs, 0, sizeof outputs);
    memset(places, 'x', strlen(places));
    tell_changing(events, EVENT_LOOKUP, &lookup, sizeof lookup, lookup_name);
    tell_changing(events, EVENT_ERROR, &error, sizeof error, reason);
    tell_changing(events, EVENT_PAUSED, &pause, sizeof pause, pause_reason);
    tell_changing(events, EVENT_RESUMED, &resumed, sizeof resumed, kafka);
    tell_changing(events, EVENT_RATE_CHANGED, &rate, sizeof rate, rate_reason);
    events_free(events);
    assert_string_equal(told,
                        "start listens 5\noutput started a 0\noutput completed no room 1\nlookup people 7\n"
                        "error no answer 8\npaused away 9\nresumed kafka 10\nrate slower 250\n");
}

/* It would have to be woken for nothing. */
static void a_listener_without_the_hook_gets_no_copy(void **state)
{
    (void)state;
    events_listener heard[4];
    quick = ear_new(true);
    events *events = events_with(&lossless_listener);
    events_tell_of(events, EVENT_RATE_CHANGED, &(sl_rate_info){ .job = "job" });
    events_tell(events, &(sl_batch_info){ .job = "job", .state = SL_BATCH_STARTED });
    assert_int_equal(events_listeners(events, heard, 4), 1);
    assert_int_equal(heard[0].waiting, 0);
    tell(events, 0, 3);
    wait_until_inside(quick);
    assert_int_equal(events_listeners(events, heard, 4), 1);
    assert_int_equal(heard[0].waiting, 2);
    assert_string_equal(heard[0].listener->name, "lossless");
    gate_open(quick);
    events_end(events);
    assert_true(quick->closed);
    assert_int_equal(events_listeners(events, heard, 4), 0);
    events_free(events);
    ear_free(quick);
}

static void what_a_listener_lost_can_be_asked(void **state)
{
    (void)state;
    events_listener heard[1];
    slow = ear_new(true);
    events *events = events_with(&slow_listener);
    tell(events, 0, 1);
    wait_until_inside(slow);
    tell(events, 1, 1 + HELD_MAX + 7);
    assert_int_equal(events_listeners(events, heard, 1), 1);
    assert_int_equal(heard[0].lost, 7);
    assert_int_equal(heard[0].waiting, HELD_MAX);
    gate_open(slow);
    events_free(events);
    ear_free(slow);
}

static void without_listeners_telling_does_nothing(void **state)
{
    (void)state;
    events *events = events_new();
    tell(events, 0, 3);
    events_free(events);
    events_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_that_blocks_loses_its_own_newest_events_only),
        cmocka_unit_test(a_listener_that_hangs_does_not_hold_up_the_end),
        cmocka_unit_test(a_lossless_listener_hears_all_in_order),
        cmocka_unit_test(told_directly_a_hook_has_run_when_the_call_returns),
        cmocka_unit_test(what_was_told_is_a_copy),
        cmocka_unit_test(the_hook_follows_from_the_state_and_may_be_absent),
        cmocka_unit_test(a_listener_that_refuses_says_why),
        cmocka_unit_test(every_event_reaches_its_hook_in_order_and_as_a_copy),
        cmocka_unit_test(a_listener_without_the_hook_gets_no_copy),
        cmocka_unit_test(what_a_listener_lost_can_be_asked),
        cmocka_unit_test(without_listeners_telling_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
