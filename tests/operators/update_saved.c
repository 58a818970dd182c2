/*
 * tests/operators/update_saved.c - a job that starts again has its states as if it had never stopped; a changed one has them
 * when fields were only added, and is refused otherwise; one that comes to its limit says so.
 */
#include <base/folder.h>
#include <base/memory.h>
#include <batches/job_run.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>

#include <cmocka.h>

#define WORD_FIELDS(F) F(text, word) F(i64, size)
SL_RECORD(word, WORD_FIELDS);

static bool take(sl_task *task, const sl_message *in, word *out)
{
    (void)task;
    out->word = (sl_text){ in->value.at, in->value.size > 2 ? 2 : in->value.size };
    out->size = (int64_t)in->value.size;
    return true;
}
SL_STAGE(take, sl_message, word);

/* ---- Three versions of a job ---- */

#define FIRST_FIELDS(F) F(text, word) F(i64, times) F(i64, chain)
SL_RECORD(first, FIRST_FIELDS);

static bool count_first(sl_task *task, const word *in, first *state, sl_key *key)
{
    (void)task;
    state->times += !key->timing_out;
    state->chain = state->chain * 7 % 1000003 + (in ? in->size : 1);
    return true;
}
SL_UPDATE(count_first, word, first);

#define SECOND_FIELDS(F) F(i64, longest) F(text, word) F(i64, chain) F(i64, times) F(i64, sizes)
SL_RECORD(second, SECOND_FIELDS);

static bool count_second(sl_task *task, const word *in, second *state, sl_key *key)
{
    char size[24];
    (void)task;
    state->times++;
    state->longest = in->size > state->longest ? in->size : state->longest;
    snprintf(size, sizeof size, "%lld", (long long)in->size);
    state->sizes += sl_set_add(key, 0, (sl_text){ size, strlen(size) });
    return true;
}
SL_UPDATE(count_second, word, second);

#define THIRD_FIELDS(F) F(text, word) F(f64, times) F(i64, chain)
SL_RECORD(third, THIRD_FIELDS);

static bool count_third(sl_task *task, const word *in, third *state, sl_key *key)
{
    (void)task, (void)in, (void)key, (void)state;
    return true;
}
SL_UPDATE(count_third, word, third);

static sl_stream words(sl_plan *plan)
{
    return sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_stage);
}

static int64_t timeout_ms;

static void draw_first(sl_plan *plan, const void *options)
{
    (void)options;
    sl_update update = { .name = "words", .key = SL_FIELDS(word, word), .into = SL_FIELDS(first, word) };
    update.timeout.ms = timeout_ms;
    sl_to(sl_update_by(words(plan), &count_first_update, &update),
          &(sl_output){ .name = "told", .to = { "memory" }, .id = SL_FIELDS(first, word) });
}

static void draw_second(sl_plan *plan, const void *options)
{
    (void)options;
    sl_update update = { .name = "words", .key = SL_FIELDS(word, word), .into = SL_FIELDS(second, word) };
    update.sets[0] = "sizes";
    sl_to(sl_update_by(words(plan), &count_second_update, &update),
          &(sl_output){ .name = "told", .to = { "memory" }, .id = SL_FIELDS(second, word) });
}

static void draw_third(sl_plan *plan, const void *options)
{
    (void)options;
    sl_update update = { .name = "words", .key = SL_FIELDS(word, word), .into = SL_FIELDS(third, word) };
    sl_to(sl_update_by(words(plan), &count_third_update, &update),
          &(sl_output){ .name = "told", .to = { "memory" }, .id = SL_FIELDS(third, word) });
}

static const sl_job first_job = { .name = "words", .about = "words", .draw = draw_first },
                    second_job = { .name = "words", .about = "words", .draw = draw_second },
                    third_job = { .name = "words", .about = "words", .draw = draw_third };

/* ---- Runs ---- */

static job_run run;

static sl_result start(const sl_job *job, const char *folder, const char *options)
{
    char all[512];
    snprintf(all, sizeof all, "--interval 1s %s --work-dir %s", options, folder_path(folder));
    return job_run_open(&run, job, all);
}

static void assert_starts(const sl_job *job, const char *folder)
{
    if (start(job, folder, "") != SL_OK)
        fail_msg("%s", run.failure.text);
}

static void assert_refused(const sl_job *job, const char *because)
{
    assert_int_equal(start(job, "work", ""), SL_USAGE);
    if (strstr(run.failure.text, because) == NULL)
        fail_msg("<%s> does not say <%s>", run.failure.text, because);
    job_run_close(&run);
}

static void batch_run(void)
{
    if (job_run_batch(&run) != SL_OK)
        fail_msg("%s", run.failure.text);
}

/* All that batches tell, of runs that stop after every `every` batches. */
static void note_run(const char *folder, int every, buffer *out)
{
    dice dice = { 5 };
    run = (job_run){ 0 };
    assert_starts(&first_job, folder);
    for (int batch = 1; batch <= 16; batch++) {
        for (size_t i = dice_below(&dice, 60); i > 0; i--) {
            char text[32];
            snprintf(text, sizeof text, "%02zu%.*s", dice_below(&dice, 30), (int)dice_below(&dice, 20),
                     "abcdefghijklmnopqrst");
            job_run_send(&run, (uint32_t)dice_below(&dice, 3), text);
        }
        batch_run();
        buffer_text(out, job_run_wrote(&run, "told"));
        if (batch % every == 0) {
            job_run_close(&run);
            assert_starts(&first_job, folder);
        }
    }
    job_run_close(&run);
    buffer_byte(out, '\0');
}

static void a_job_goes_on_as_if_it_had_never_stopped(void **state)
{
    (void)state;
    for (timeout_ms = 0; timeout_ms <= 2000; timeout_ms += 2000) {
        buffer undisturbed = { 0 };
        note_run(timeout_ms ? "long-idle" : "long", 100, &undisturbed);
        for (int every = 1; every <= 5; every += 4) {
            char folder[32];
            buffer disturbed = { 0 };
            snprintf(folder, sizeof folder, "every-%d-%lld", every, (long long)timeout_ms);
            note_run(folder, every, &disturbed);
            assert_string_equal(disturbed.at, undisturbed.at);
            buffer_done(&disturbed);
        }
        assert_non_null(strstr(undisturbed.at, "\"times\":4"));
        buffer_done(&undisturbed);
    }
    timeout_ms = 0;
}

static void a_changed_job_finds_its_state_or_says_why_not(void **state)
{
    (void)state;
    run = (job_run){ 0 };
    assert_starts(&first_job, "work");
    job_run_send(&run, 0, "ab123");
    job_run_send(&run, 0, "ab1");
    batch_run();
    job_run_close(&run);
    assert_refused(&third_job,
                   "the state of \"words\" was kept with the field \"times\" as i64, now it is f64");
    assert_starts(&second_job, "work");
    job_run_send(&run, 0, "ab12");
    batch_run();
    assert_string_equal(
        job_run_wrote(&run, "told"),
        "{\"_id\":\"ab\",\"@timestamp\":\"1970-01-01T00:00:02.000Z\",\"longest\":4,\"word\":\"ab\","
        "\"chain\":38,\"times\":3,\"sizes\":1}\n");
    job_run_close(&run);
    assert_starts(&second_job, "work"); /* both forms stand in the file now */
    job_run_send(&run, 0, "ab12");
    batch_run();
    assert_non_null(strstr(job_run_wrote(&run, "told"),
                           "\"longest\":4,\"word\":\"ab\",\"chain\":38,\"times\":4,\"sizes\":1}"));
    job_run_close(&run);
    assert_refused(&first_job,
                   "was kept with the field \"longest\" (i64), which record and job no longer have");
}

static void a_batch_that_does_not_fit_says_what_is_too_large(void **state)
{
    (void)state;
    char text[32];
    run = (job_run){ 0 };
    assert_int_equal(start(&first_job, "small", "--conf memory.state=1mb --max-batch-failures 1"), SL_OK);
    job_run_send(&run, 0, "ab");
    batch_run();
    for (int i = 0; i < 60000; i++) {
        snprintf(text, sizeof text, "%c%c%d", 'a' + i % 26, 'a' + i / 26 % 26, i);
        job_run_send(&run, (uint32_t)i % 3, text);
    }
    assert_int_equal(job_run_batch(&run), SL_REPEATED);
    assert_non_null(strstr(run.failure.text, "memory.state allows 1 MB"));
    assert_non_null(strstr(run.failure.text, "\"words\""));
    job_run_close(&run);
}

#define FOLDER_TEST(function) cmocka_unit_test_setup_teardown(function, folder_start, folder_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_job_goes_on_as_if_it_had_never_stopped),
        FOLDER_TEST(a_changed_job_finds_its_state_or_says_why_not),
        FOLDER_TEST(a_batch_that_does_not_fit_says_what_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
