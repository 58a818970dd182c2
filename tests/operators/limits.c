/*
 * tests/operators/limits.c - memory.state: a batch whose keys might not fit fails with a text that names the operation, and nothing of it is lost: with
 * more memory the same batch runs, and every key is there. Each operation in turn; the account tells its keys and bytes.
 */
#include <base/folder.h>
#include <batches/job_run.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LINES = 60000, KEYS = 20000 };

#define WORD_FIELDS(F) F(text, word) F(i64, times)
SL_RECORD(word, WORD_FIELDS);

static bool take(sl_task *task, const sl_message *in, word *out)
{
    (void)task;
    *out = (word){ in->value, 1 };
    return true;
}
SL_STAGE(take, sl_message, word);

static void add(word *into, const word *from)
{
    into->times += from->times;
}
SL_COMBINE(add, word);

static bool note(sl_task *task, const word *in, word *state, sl_key *key)
{
    (void)task, (void)in, (void)key;
    state->times++;
    return true;
}
SL_UPDATE(note, word, word);

static void count_rows(sl_task *task, const word *rows, size_t count, sl_rows *out)
{
    (void)task;
    *sl_row(out, word) = (word){ rows[0].word, (int64_t)count };
}
SL_CHUNK_STAGE(count_rows, word, word);

static bool both(sl_task *task, const word *left, const word *right, word *out)
{
    (void)task;
    *out = (word){ left->word, left->times + right->times };
    return true;
}
SL_PAIR(both, word, word, word);

typedef enum way { COUNT, SUM, COMBINE, DISTINCT, ABOUT, UPDATE, GROUP, ROWS, JOIN } way;
static way drawn;

#define HOUR_LONG                                                                                            \
    {                                                                                                        \
        .length = { 3600000 }, .slide = { 3600000 }                                                          \
    }
#define HOUR  .window = HOUR_LONG
#define WORDS .name = "words", .key = SL_FIELDS(word, word)

static sl_stream draw_kept(sl_stream words, sl_stream others)
{
    switch (drawn) {
    case COUNT: return sl_count_by(words, &(sl_count){ WORDS, .into = SL_FIELDS(word, times), HOUR });
    case SUM: return sl_reduce_by(words, &(sl_reduce){ WORDS, .sum = SL_FIELDS(word, times), HOUR });
    case COMBINE: return sl_reduce_by(words, &(sl_reduce){ WORDS, .add = &add_combine, HOUR });
    case DISTINCT: return sl_distinct_by(words, &(sl_distinct){ WORDS, HOUR });
    case ABOUT:
        return sl_count_about(words, &(sl_about){ WORDS, .of = SL_FIELDS(word, times),
                                                  .into = SL_FIELDS(word, times), .bits = 4, HOUR });
    case ROWS: return sl_rows_in(words, "words", &(sl_window)HOUR_LONG);
    case UPDATE:
        return sl_update_by(words, &note_update, &(sl_update){ WORDS, .into = SL_FIELDS(word, word) });
    case GROUP: return sl_group_by(words, &(sl_group){ WORDS, .each = &count_rows_stage, HOUR });
    default:
        return sl_join_by(words, others,
                          &(sl_join){ .name = "words",
                                      .left = SL_FIELDS(word, word),
                                      .right = SL_FIELDS(word, word),
                                      .pair = &both_pair,
                                      HOUR });
    }
}

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream words =
        sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_stage);
    sl_stream others =
        sl_through(sl_from(plan, &(sl_input){ .name = "others", .from = "memory" }), &take_stage);
    sl_to(draw_kept(words, others),
          &(sl_output){ .name = "out", .to = { "memory" }, .id = SL_FIELDS(word, word) });
    if (drawn != JOIN)
        sl_to(others, &(sl_output){ .name = "rest", .to = { "memory" } });
}

static const sl_job words_job = { .name = "words", .about = "words", .draw = draw };

static job_run run;

static sl_result start(const char *memory)
{
    char options[600];
    snprintf(options, sizeof options,
             "--interval 1s --work-dir %s --from lines=file:%s --max-batch-failures 1 --conf memory.state=%s",
             folder_path("work"), folder_path("lines"), memory);
    return job_run_open(&run, &words_job, options);
}

static void lines_write(void)
{
    FILE *file = fopen(folder_path("lines"), "w");
    for (int i = 0; i < LINES; i++)
        fprintf(file, "word number %d of all\n", i % KEYS);
    fclose(file);
}

static void operation_run(void)
{
    lines_write();
    run = (job_run){ 0 };
    if (start("1mb") != SL_OK)
        fail_msg("%s", run.failure.text);
    assert_int_equal(job_run_batch(&run), SL_REPEATED);
    assert_non_null(strstr(run.failure.text, "memory.state allows"));
    assert_non_null(strstr(run.failure.text, "\"words\""));
    assert_non_null(strstr(run.failure.text, "raise it, shorten a window"));
    job_run_close(&run);
    if (start("64mb") != SL_OK)
        fail_msg("%s", run.failure.text);
    if (job_run_batch(&run) != SL_OK)
        fail_msg("%s", run.failure.text);
    const sl_batch_info *account = job_run_account(&run);
    assert_int_equal(account->records, LINES);
    assert_true(job_run_adds_up(account));
    assert_int_equal(account->state_count, 1);
    assert_string_equal(account->states[0].name, "words");
    if (drawn != GROUP && drawn != ROWS &&
        drawn != JOIN) /* these keep rows, and know keys while they report */
        assert_int_equal(account->states[0].keys, KEYS);
    assert_in_range(account->states[0].bytes, KEYS * 16, 64 << 20);
    job_run_close(&run);
}

#define LIMIT_TEST(way, name)                                                                                \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        drawn = way;                                                                                         \
        operation_run();                                                                                     \
    }
LIMIT_TEST(COUNT, a_count_that_does_not_fit_loses_nothing)
LIMIT_TEST(SUM, a_sum_that_does_not_fit_loses_nothing)
LIMIT_TEST(COMBINE, a_reduce_that_does_not_fit_loses_nothing)
LIMIT_TEST(DISTINCT, a_distinct_that_does_not_fit_loses_nothing)
LIMIT_TEST(ABOUT, a_count_about_that_does_not_fit_loses_nothing)
LIMIT_TEST(UPDATE, an_update_that_does_not_fit_loses_nothing)
LIMIT_TEST(GROUP, a_group_that_does_not_fit_loses_nothing)
LIMIT_TEST(ROWS, rows_of_a_window_that_do_not_fit_are_not_lost)
LIMIT_TEST(JOIN, a_join_that_does_not_fit_loses_nothing)

#define FOLDER_TEST(function) cmocka_unit_test_setup_teardown(function, folder_start, folder_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_count_that_does_not_fit_loses_nothing),
        FOLDER_TEST(a_sum_that_does_not_fit_loses_nothing),
        FOLDER_TEST(a_reduce_that_does_not_fit_loses_nothing),
        FOLDER_TEST(a_distinct_that_does_not_fit_loses_nothing),
        FOLDER_TEST(a_count_about_that_does_not_fit_loses_nothing),
        FOLDER_TEST(an_update_that_does_not_fit_loses_nothing),
        FOLDER_TEST(a_group_that_does_not_fit_loses_nothing),
        FOLDER_TEST(rows_of_a_window_that_do_not_fit_are_not_lost),
        FOLDER_TEST(a_join_that_does_not_fit_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
