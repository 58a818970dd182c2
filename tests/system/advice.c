/*
 * tests/system/advice.c - the smallest interval that the page names is the smallest one, give or take a fifth: a job whose batches
 * take 100 ms and 1 ms for each record, at 500 records a second, runs with 1.2 of it, and falls behind with 0.8 of it. What a
 * batch takes is waited for, not computed: so it is the same on a busy machine.
 */
#include <base/clock.h>
#include <base/folder.h>
#include <clients/http.h>
#include <engine_parts.h>
#include <settings.h>
#include <signal.h>
#include <sluice/listener.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/shell.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { BATCH_MS = 100, ROWS = 10, ROWS_MS = 10, BEGIN_MS = 300 };    /* ROWS records take ROWS_MS */
enum { PULSE_MS = 20, FEW = 2, MANY = 18, PULSES = 18 };             /* on average 10 lines in 20 ms */
enum { BATCHES = 24, LAST = 6, KEPT_MOST = 1000, PATIENCE_S = 120 }; /* of each interval */

/* ---- The job ----------------------------------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t told, never;
    struct {
        int64_t interval_ms;
        double waited_ms;
    } done[KEPT_MOST];
    size_t count;
    atomic_bool over;
    pthread_t lines, driver;
    engine *engine;
    settings *settings;
} self;

static void pass(int64_t ms)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    int64_t until_ns = clock_ns(&clock_system) + ms * 1000000;
    pthread_mutex_lock(&mutex);
    while (clock_wait(&clock_system, &self.never, &mutex, until_ns))
        ;
    pthread_mutex_unlock(&mutex);
}

#define LINE_FIELDS(F) F(text, line)
SL_RECORD(line, LINE_FIELDS);

/* With one worker: it may remember. */
static bool take(sl_task *task, const sl_message *in, line *out)
{
    static int64_t batch_ms;
    static unsigned rows;
    if (sl_batch_time_ms(task) != batch_ms)
        pass(BATCH_MS);
    batch_ms = sl_batch_time_ms(task);
    if (++rows % ROWS == 0)
        pass(ROWS_MS);
    out->line = in->value;
    return true;
}
SL_STAGE(take, sl_message, line);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "file:lines" });
    sl_to(sl_through(lines, &take_stage),
          &(sl_output){ .name = "out", .to = { "null" }, .index = "out", .id = SL_FIELDS(line, line) });
}

static void completed(void *unused, const sl_batch_info *batch)
{
    (void)unused;
    pthread_mutex_lock(&self.mutex);
    if (self.count < KEPT_MOST) {
        self.done[self.count].interval_ms = batch->interval_ms;
        self.done[self.count++].waited_ms = batch->scheduling_delay_ms;
    }
    pthread_cond_signal(&self.told);
    pthread_mutex_unlock(&self.mutex);
}

static const sl_listener heard = { .name = "heard", .about = "", .on_batch_completed = completed };
static const sl_job costly = {
    .name = "costly", .about = "", .draw = draw, .listeners = (const sl_listener *const[]){ &heard, NULL }
};

/* ---- Its life ---------------------------------------------------------------------------------------------------- */

/* Few lines for a while, then many: batches differ. */
static void *lines_run(void *argument)
{
    FILE *lines = argument;
    for (unsigned pulse = 0; !atomic_load(&self.over); pulse++) {
        for (int i = 0; i < (pulse / PULSES % 2 ? FEW : MANY); i++)
            fprintf(lines, "line %u %d\n", pulse, i);
        fflush(lines);
        pass(PULSE_MS);
    }
    fclose(lines);
    return NULL;
}

static void *driver_run(void *argument)
{
    failure *failure = argument;
    engine_run(self.engine, failure);
    return NULL;
}

static void job_start(failure *failure)
{
    static char from[300], work_dir[300]; /* the engine keeps them */
    int used;
    FILE *lines = fopen(folder_path("lines"), "w");
    assert_non_null(lines);
    snprintf(from, sizeof from, "lines=file:%s", folder_path("lines"));
    snprintf(work_dir, sizeof work_dir, "%s", folder_path("work"));
    char *words[] = { (char[]){ "costly" },
                      (char[]){ "--from" },
                      from,
                      (char[]){ "--work-dir" },
                      work_dir,
                      (char[]){ "--interval" },
                      (char[]){ "300ms" },
                      (char[]){ "--cores" },
                      (char[]){ "1" },
                      (char[]){ "--http" },
                      (char[]){ "127.0.0.1:0" } };
    self.settings = settings_for(&costly);
    assert_int_equal(settings_arguments(self.settings, sizeof words / sizeof *words, words, &used, failure),
                     SL_OK);
    engine_spec spec = { .job = &costly,
                         .settings = self.settings,
                         .clock = &clock_system,
                         .name = "costly",
                         .work_dir = work_dir };
    if (engine_open(&spec, &self.engine, failure) != SL_OK)
        fail_msg("%s", failure->text);
    assert_int_equal(pthread_create(&self.lines, NULL, lines_run, lines), 0);
    assert_int_equal(pthread_create(&self.driver, NULL, driver_run, failure), 0);
}

static void job_stop(void)
{
    atomic_store(&self.over, true);
    engine_stop(self.engine);
    pthread_join(self.driver, NULL);
    pthread_join(self.lines, NULL);
    engine_close(self.engine);
    settings_free(self.settings);
}

/* When there are enough batches of this interval: the least that one of the last of them has waited. */
static double least_wait(int64_t interval_ms)
{
    int64_t until_ns = clock_ns(&clock_system) + PATIENCE_S * INT64_C(1000000000);
    double waits[KEPT_MOST], least = 1e9;
    size_t count = 0;
    pthread_mutex_lock(&self.mutex);
    for (bool waits_on = true; waits_on && count < BATCHES;) {
        count = 0;
        for (size_t i = 0; i < self.count; i++)
            if (self.done[i].interval_ms == interval_ms)
                waits[count++] = self.done[i].waited_ms;
        if (count < BATCHES)
            waits_on = clock_wait(&clock_system, &self.told, &self.mutex, until_ns);
    }
    pthread_mutex_unlock(&self.mutex);
    assert_true(count >= BATCHES);
    for (size_t i = count - LAST; i < count; i++)
        least = waits[i] < least ? waits[i] : least;
    return least;
}

static double least_interval(void)
{
    http *page = NULL;
    http_reply reply;
    failure failure = { 0 };
    http_options options = { .url = site_url(self.engine->site), .setting = "the page" };
    assert_int_equal(http_new(&options, &page, &failure), SL_OK);
    assert_int_equal(http_send(page, &(http_request){ .method = "GET", .path = "/advice" }, &reply, &failure),
                     SL_OK);
    print_message("%.*s", (int)reply.body.size, reply.body.at);
    char *text = strndup(reply.body.at, reply.body.size), *at = strstr(text, "\"least_interval_ms\":");
    assert_non_null(at);
    double found = strtod(strchr(at, ':') + 1, NULL);
    free(text);
    http_free(page);
    return found;
}

static void tune(int64_t interval_ms)
{
    assert_int_equal(shell("$B/sluice tune --work-dir work --interval %lldms", (long long)interval_ms), 0);
}

static void the_interval_that_would_do_does_and_a_shorter_one_does_not(void **state)
{
    (void)state;
    failure failure = { 0 };
    job_start(&failure);
    least_wait(BEGIN_MS);
    double found = least_interval();
    int64_t longer_ms = (int64_t)(1.2 * found), shorter_ms = (int64_t)(0.8 * found);
    tune(longer_ms);
    double waited_ms = least_wait(longer_ms);
    print_message("at %lld ms one of the last batches waited %.1f ms\n", (long long)longer_ms, waited_ms);
    assert_true(waited_ms < (double)longer_ms);
    tune(shorter_ms);
    double behind_ms = least_wait(shorter_ms);
    print_message("at %lld ms the last batches all waited %.1f ms or more\n", (long long)shorter_ms,
                  behind_ms);
    assert_true(behind_ms > (double)shorter_ms);
    job_stop();
    assert_string_equal(failure.text, "");
}

static int start(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&self.mutex, NULL);
    clock_condition(&self.told);
    clock_condition(&self.never);
    return folder_start(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interval_that_would_do_does_and_a_shorter_one_does_not),
    };
    return cmocka_run_group_tests(tests, start, folder_stop);
}
