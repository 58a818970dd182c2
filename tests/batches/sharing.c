/*
 * tests/batches/sharing.c - all workers have work: a single partition is read by several of them, and while one of them is
 * busy with a key that has most of the rows, the others do all other keys' part. What waits here waits for the other worker, so
 * if work were not shared, it would wait to its end and say so.
 */
#include <batches/job_run.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { LINES = 40000, KEYS = 1000, PATIENCE_SECONDS = 60 };

#define WORD_FIELDS(F) F(text, word) F(i64, times)
SL_RECORD(word, WORD_FIELDS);

/* ---- Who waits for whom ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int64_t seen, wanted; /* until `seen` has come to it, one waits */
static bool in_vain;

static void seen_add(void)
{
    pthread_mutex_lock(&mutex);
    if (++seen >= wanted)
        pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void wait_for_others(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_SECONDS;
    pthread_mutex_lock(&mutex);
    while (seen < wanted && !in_vain)
        in_vain = pthread_cond_timedwait(&changed, &mutex, &until) != 0;
    pthread_mutex_unlock(&mutex);
}

static void begin(int64_t until)
{
    seen = 0;
    wanted = until;
    in_vain = false;
}

/* ---- The job: each of the two tests waits at another place ---- */

static bool waits_in_stage;
static _Thread_local bool came; /* this thread has been counted */

static bool take(sl_task *task, const sl_message *in, word *out)
{
    (void)task;
    out->word = in->value;
    if (waits_in_stage && !came) {
        came = true;
        seen_add();
        wait_for_others();
    }
    return true;
}
SL_STAGE(take, sl_message, word);

static bool count_word(sl_task *task, const word *in, word *state, sl_key *key)
{
    (void)task;
    state->times++;
    if (waits_in_stage || !key->is_new)
        return true;
    if (sl_text_equal(in->word, SL_TEXT("hot")))
        wait_for_others();
    else
        seen_add();
    return true;
}
SL_UPDATE(count_word, word, word);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream words =
        sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_stage);
    sl_stream states = sl_update_by(
        words, &count_word_update,
        &(sl_update){ .name = "words", .key = SL_FIELDS(word, word), .into = SL_FIELDS(word, word) });
    sl_to(states, &(sl_output){ .name = "told", .to = { "memory" }, .id = SL_FIELDS(word, word) });
}

static const sl_job words_job = { .name = "words", .about = "words", .draw = draw };

/* Nine of ten rows are the hot key's; all come in one partition. */
static void batch_run(void)
{
    job_run run = { 0 };
    char text[80], line[200];
    if (job_run_open(&run, &words_job, "--interval 1s") != SL_OK)
        fail_msg("%s", run.failure.text);
    for (int i = 0; i < LINES; i++) {
        snprintf(text, sizeof text, i % 10 ? "hot" : "key %05d that has some bytes more than the hot one",
                 i / 10 % KEYS);
        job_run_send(&run, 0, text);
    }
    assert_int_equal(job_run_batch(&run), SL_OK);
    assert_int_equal(job_run_account(&run)->records, LINES);
    snprintf(line, sizeof line, "\"word\":\"hot\",\"times\":%d}", LINES / 10 * 9);
    assert_non_null(strstr(job_run_wrote(&run, "told"), line));
    job_run_close(&run);
    assert_false(in_vain);
}

static void a_single_partition_is_read_by_all_workers(void **state)
{
    (void)state;
    waits_in_stage = true;
    begin(2);
    batch_run();
}

/* Those of the hot key's own shard, one in sixteen, come after it. */
static void one_hot_key_does_not_stop_the_others(void **state)
{
    (void)state;
    waits_in_stage = false;
    begin(KEYS * 8 / 10);
    batch_run();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_partition_is_read_by_all_workers),
        cmocka_unit_test(one_hot_key_does_not_stop_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
