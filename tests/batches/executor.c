/*
 * tests/batches/executor.c - a batch through a plan: what became of every record, however many workers there are and
 * wherever a sink fails. The sinks are scripted here.
 */
#include "../../jobs/listens.c"
#include <base/memory.h>
#include <batches/executor.h>
#include <batches/inputs.h>
#include <batches/job_run.h>
#include <kinds.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- A plan: words that are rejected, filtered, written ---- */

#define WORD_FIELDS(F) F(origin, origin) F(text, word) F(i64, times)
SL_RECORD(word, WORD_FIELDS);

static bool take_word(sl_task *task, const sl_message *in, word *out)
{
    if (in->value.size == 0)
        return sl_reject(task, &in->origin, "empty", "line");
    if (sl_text_equal(in->value, SL_TEXT("skip")))
        return false;
    *out = (word){ in->origin, in->value, 0 };
    return true;
}
SL_STAGE(take_word, sl_message, word);

static bool without_skipped(sl_task *task, const word *in, word *out)
{
    (void)task;
    *out = *in;
    return !sl_text_equal(in->word, SL_TEXT("second skip"));
}
SL_STAGE(without_skipped, word, word);

static void draw_words(sl_plan *plan, const void *unused)
{
    (void)unused;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" });
    sl_stream words = sl_through(sl_through(lines, &take_word_stage), &without_skipped_stage);
    sl_to(words, &(sl_output){ .name = "words", .to = { "memory" }, .id = SL_FIELDS(word, origin) });
    sl_stream counts = sl_count_by(words, &(sl_count){ .name = "times",
                                                       .key = SL_FIELDS(word, word),
                                                       .into = SL_FIELDS(word, times),
                                                       .window = { .length = { 10000 }, .pane = { 1000 } },
                                                       .touched_only = true });
    sl_to(counts, &(sl_output){ .name = "counts", .to = { "memory" }, .id = SL_FIELDS(word, word) });
}

static const sl_job words_job = { .name = "trial", .about = "words", .draw = draw_words };

/* ---- A sink that does what its script says; the target is the number of its script ---- */

typedef struct script {
    const char *refused, *present;                 /* words that it refuses, or has already; NULL: none */
    atomic_int bad_rows, bad_flushes, bad_commits; /* so many calls fail, by whichever worker they are made */
    const sink_batch *batch;
    atomic_int rows, commits;
} script;

static script scripts[2];

static sl_result script_open(const sink_spec *spec, void **self, failure *failure)
{
    (void)failure;
    *self = &scripts[*spec->target - '0'];
    return SL_OK;
}

static void script_close(void *self)
{
    (void)self;
}

static sl_result script_begin(void *self, const sink_batch *batch, failure *failure)
{
    (void)failure;
    ((script *)self)->batch = batch;
    atomic_store(&((script *)self)->rows, 0);
    return SL_OK;
}

/* In brackets, since cmocka has a macro of that name. */
static sl_result fail_if(atomic_int *left, const char *call, failure *failure)
{
    int before = atomic_load(left);
    while (before > 0 && !atomic_compare_exchange_weak(left, &before, before - 1))
        ;
    return before > 0 ? (fail)(failure, SL_RETRY, "%s: not now", call) : SL_OK;
}

static sl_result script_rows(void *self, unsigned writer, const sink_rows *rows, failure *failure)
{
    script *script = self;
    SL_TRY(fail_if(&script->bad_rows, "rows", failure));
    for (size_t i = 0; i < rows->count; i++) {
        const word *row = (const word *)rows->at + i;
        bool refused = script->refused &&
                       sl_text_equal(row->word, (sl_text){ script->refused, strlen(script->refused) });
        bool present = script->present &&
                       sl_text_equal(row->word, (sl_text){ script->present, strlen(script->present) });
        sink_exception exception = { row->origin, refused, "it says no" };
        if (refused || present)
            sink_note(script->batch, writer, &exception);
    }
    atomic_fetch_add(&script->rows, (int)rows->count);
    return SL_OK;
}

static sl_result script_flush(void *self, unsigned writer, failure *failure)
{
    (void)writer;
    return fail_if(&((script *)self)->bad_flushes, "flush", failure);
}

static sl_result script_commit(void *self, failure *failure)
{
    SL_TRY(fail_if(&((script *)self)->bad_commits, "commit", failure));
    atomic_fetch_add(&((script *)self)->commits, 1);
    return SL_OK;
}

static const sink_kind scripted = {
    .name = "scripted",
    .open = script_open,
    .close = script_close,
    .begin = script_begin,
    .rows = script_rows,
    .flush = script_flush,
    .commit = script_commit,
};

/* ---- An executor of that plan ---- */

typedef struct trial {
    inputs inputs;
    sl_plan plan;
    sl_clock clock;
    output_places words, counts, dead;
    const void *places[PLAN_NODES_MAX];
    dead_letters *dead_letters;
    executor *executor;
    executor_spec spec;
    batch batch;
    batch_frame frame;
    executor_result result;
    failure failure;
    buffer scratch;
} trial;

static const sink_kind *in_memory(void)
{
    size_t i = 0;
    while (strcmp(sink_kinds[i]->name, "memory") != 0)
        i++;
    return sink_kinds[i];
}

static output_places places_of(trial *trial, const sink_kind *kind, size_t count)
{
    static const char *const targets[] = { "0", "1" };
    output_places made = { .count = count, .origins = &trial->inputs.intake.origins, .job = "trial" };
    for (size_t i = 0; i < count; i++)
        made.at[i] = (output_place){ kind, "trial", targets[i] };
    return made;
}

static void open_executor(trial *trial, size_t places, unsigned workers)
{
    inputs_open(&trial->inputs, "");
    inputs_start(&trial->inputs);
    trial->clock.manual = true;
    assert_int_equal(plan_draw(&trial->plan, &words_job, NULL), SL_OK);
    trial->words = places_of(trial, &scripted, places);
    trial->counts = places_of(trial, in_memory(), 1);
    trial->dead = places_of(trial, in_memory(), 1);
    trial->dead.bare = true;
    for (uint32_t i = 0; i < trial->plan.count; i++)
        if (trial->plan.nodes[i].kind == PLAN_OUTPUT)
            trial->places[i] = !strcmp(trial->plan.nodes[i].name, "words") ? &trial->words : &trial->counts;
    assert_int_equal(dead_letters_open(&trial->dead, trial->inputs.settings, &trial->clock,
                                       &trial->dead_letters, &trial->failure),
                     SL_OK);
    trial->spec.plan = &trial->plan;
    trial->spec.places = trial->places;
    trial->spec.settings = trial->inputs.settings;
    trial->spec.clock = &trial->clock;
    trial->spec.intake = &trial->inputs.intake;
    trial->spec.dead_letters = trial->dead_letters;
    trial->spec.workers = workers;
    trial->spec.state_max = trial->spec.state_max ? trial->spec.state_max : (size_t)1 << 30;
    assert_int_equal(executor_open(&trial->spec, &trial->executor, &trial->failure), SL_OK);
}

static void cut(trial *trial)
{
    bool finished;
    trial->frame = (batch_frame){ .id = trial->frame.id + 1, .last_time_ms = trial->frame.time_ms };
    trial->frame.time_ms = trial->frame.id * 1000;
    trial->batch.interval_ms = 1000;
    assert_int_equal(intake_cut(&trial->inputs.intake, &trial->batch, &finished, &trial->failure), SL_OK);
}

static sl_result attempt(trial *trial)
{
    trial->frame.attempt++;
    failure_clear(&trial->failure);
    sl_result result =
        executor_run(trial->executor, &trial->batch, &trial->frame, &trial->result, &trial->failure);
    const executor_result *became = &trial->result;
    if (result == SL_OK) {
        assert_int_equal(became->records,
                         became->written + became->duplicates + became->filtered + became->dead_letters);
        executor_settle(trial->executor);
        intake_release(&trial->inputs.intake, &trial->batch);
    }
    return result;
}

static const char *counts(trial *trial)
{
    return output_wrote(executor_output(trial->executor, "counts"), 0);
}

static const char *letters(trial *trial)
{
    return dead_letters_wrote(trial->dead_letters, &trial->scratch);
}

static void send(trial *trial, const char *words)
{
    char *copy = memory_text(words), *rest = copy, *one;
    while ((one = strsep(&rest, ",")))
        inputs_send(&trial->inputs, 0, one);
    free(copy);
}

static void assert_became(const trial *trial, int64_t written, int64_t duplicates, int64_t filtered,
                          int64_t dead)
{
    assert_int_equal(trial->result.written, written);
    assert_int_equal(trial->result.duplicates, duplicates);
    assert_int_equal(trial->result.filtered, filtered);
    assert_int_equal(trial->result.dead_letters, dead);
}

static void every_record_becomes_one_of_four(void **state)
{
    trial *trial = *state;
    scripts[0].refused = "no";
    scripts[0].present = "old";
    open_executor(trial, 1, 2);
    send(trial, "a,skip,old,,no,second skip,a,old");
    cut(trial);
    assert_int_equal(attempt(trial), SL_OK);
    assert_int_equal(trial->result.records, 8);
    assert_became(trial, 2, 2, 2, 2);
}

static void a_refused_record_is_a_dead_letter_with_its_bytes(void **state)
{
    trial *trial = *state;
    scripts[0].refused = "no";
    open_executor(trial, 1, 2);
    for (int i = 0; i < 600; i++) /* more than a chunk before it */
        inputs_send(&trial->inputs, 1, "a");
    inputs_send(&trial->inputs, 1, "no");
    cut(trial);
    assert_int_equal(attempt(trial), SL_OK);
    assert_string_equal(
        letters(trial),
        "{\"topic\":\"lines\",\"partition\":1,\"offset\":600,\"timestamp\":1000,\"job\":\"trial\","
        "\"stage\":\"words\",\"reason\":\"refused\",\"detail\":\"it says no\",\"value\":\"no\"}\n");
    assert_became(trial, 600, 0, 0, 1);
}

/* jobs.md, 7: dead letter if any place refused it, else written if any took it anew, else duplicate. */
static void with_several_places_a_record_counts_once(void **state)
{
    trial *trial = *state;
    scripts[0] = (script){ .refused = "x", .present = "both" };
    scripts[1] = (script){ .refused = "y", .present = "both" };
    open_executor(trial, 2, 2);
    send(trial, "x,y,both,a,both,");
    cut(trial);
    assert_int_equal(attempt(trial), SL_OK);
    assert_became(trial, 1, 2, 0, 3);
    scripts[0] = (script){ .present = "one" }; /* the other place takes it anew */
    scripts[1] = (script){ .refused = "old" };
    send(trial, "one,old,old");
    scripts[0].present = "one";
    cut(trial);
    assert_int_equal(attempt(trial), SL_OK);
    assert_became(trial, 1, 0, 0, 2);
}

static void a_place_that_fails_before_the_merge_leaves_the_state_alone(void **state)
{
    trial *trial = *state;
    scripts[0].bad_rows = 1;
    open_executor(trial, 1, 2);
    send(trial, "a,a,b");
    cut(trial);
    assert_int_equal(attempt(trial), SL_RETRY);
    assert_string_equal(trial->failure.text, "rows: not now");
    assert_false(trial->frame.merged);
    assert_int_equal(attempt(trial), SL_OK);
    assert_non_null(strstr(counts(trial), "\"word\":\"a\",\"times\":2}"));
}

static void a_place_that_fails_after_the_merge_does_not_count_twice(void **state)
{
    trial *trial = *state;
    scripts[0].bad_flushes = 1;
    scripts[0].bad_commits = 1;
    open_executor(trial, 1, 2);
    send(trial, "a,a,b,");
    cut(trial);
    assert_int_equal(attempt(trial), SL_RETRY);
    assert_string_equal(trial->failure.text, "flush: not now");
    assert_true(trial->frame.merged);
    assert_int_equal(attempt(trial), SL_RETRY);
    assert_string_equal(trial->failure.text, "commit: not now");
    assert_int_equal(attempt(trial), SL_OK);
    assert_non_null(strstr(counts(trial), "\"word\":\"a\",\"times\":2}"));
    assert_non_null(strstr(counts(trial), "\"word\":\"b\",\"times\":1}"));
    assert_became(trial, 3, 0, 0, 1);
    assert_int_equal(atomic_load(&scripts[0].commits), 1);
    send(trial, "a");
    cut(trial);
    assert_int_equal(attempt(trial), SL_OK);
    assert_non_null(strstr(counts(trial), "\"word\":\"a\",\"times\":3}"));
    assert_null(strstr(counts(trial), "\"word\":\"b\""));
}

static void nothing_is_committed_when_a_place_fails(void **state)
{
    trial *trial = *state;
    scripts[1].bad_flushes = 1;
    open_executor(trial, 2, 2);
    send(trial, "a");
    cut(trial);
    assert_int_equal(attempt(trial), SL_RETRY);
    assert_int_equal(atomic_load(&scripts[0].commits), 0);
    assert_int_equal(atomic_load(&scripts[1].commits), 0);
    assert_string_equal(letters(trial), "");
}

static void a_state_that_would_not_fit_is_told_before_it_grows(void **state)
{
    trial *trial = *state;
    trial->spec.state_max = 1;
    open_executor(trial, 1, 2);
    send(trial, "a,b");
    cut(trial);
    assert_int_equal(attempt(trial), SL_LIMIT);
    assert_false(trial->frame.merged);
    assert_non_null(strstr(trial->failure.text, "memory.state"));
}

/* ---- Workers that stand by ---- */

enum { LARGE = 20000 }; /* more than one worker's share */

static void send_large(trial *trial)
{
    for (int i = 0; i < LARGE; i++)
        inputs_send(&trial->inputs, (uint32_t)(i / 100) % 2, i % 4 ? "often" : "seldom");
}

static sl_result batches_of_all_sizes(void *argument, failure *failure)
{
    trial *trial = argument;
    for (int64_t batch = 1; batch <= 8; batch++) {
        if (batch % 4)
            send_large(trial);
        else
            send(trial, "often");
        scripts[0].bad_flushes = batch % 3 == 0;
        cut(trial);
        if (batch % 3 == 0)
            assert_int_equal(attempt(trial), SL_RETRY);
        assert_int_equal(attempt(trial), SL_OK);
        assert_became(trial, batch % 4 ? LARGE : 1, 0, 0, 0);
    }
    return (fail)(failure, SL_DATA_LOSS, "it ends with this");
}

static void workers_stand_by_from_batch_to_batch(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    open_executor(trial, 1, 3);
    assert_int_equal(executor_stand_by(trial->executor, batches_of_all_sizes, trial, &failure), SL_DATA_LOSS);
    assert_string_equal(failure.text, "it ends with this");
    assert_non_null(strstr(counts(trial), "\"word\":\"often\",\"times\":"));
    send_large(trial); /* and without them */
    cut(trial);
    assert_int_equal(attempt(trial), SL_OK);
    assert_became(trial, LARGE, 0, 0, 0);
}

static sl_result batches_that_do_not_fit(void *argument, failure *failure)
{
    trial *trial = argument;
    send_large(trial);
    cut(trial);
    for (int tries = 0; tries < 200; tries++)
        assert_int_equal(attempt(trial), SL_LIMIT);
    return failure->result;
}

static void workers_that_stand_by_agree_on_a_state_that_would_not_fit(void **state)
{
    trial *trial = *state;
    failure failure = { 0 };
    trial->spec.state_max = 1;
    open_executor(trial, 1, 3);
    assert_int_equal(executor_stand_by(trial->executor, batches_that_do_not_fit, trial, &failure), SL_OK);
    assert_false(trial->frame.merged);
}

static void an_empty_batch_is_a_batch(void **state)
{
    trial *trial = *state;
    open_executor(trial, 1, 2);
    cut(trial);
    assert_int_equal(attempt(trial), SL_OK);
    assert_int_equal(trial->result.records, 0);
    assert_string_equal(counts(trial), "");
    assert_int_equal(atomic_load(&scripts[0].commits), 1);
}

/* ---- Workers: the whole main job, with lookups ---- */

enum { MANY = 6000 };

static void listens_send(job_run *run, int batch)
{
    static char padding[200];
    memset(padding, ' ', sizeof padding - 1);
    for (int i = 0; i < MANY; i++) {
        char line[400];
        snprintf(line, sizeof line,
                 i % 97 ? "%d,%s%d,%d,\"2014-10-23 03:26:20\",0,\"72132\"" : "bad %d%s%d%d", i, padding,
                 i * 7 % 400, (i + batch) % 11);
        job_run_send(run, (uint32_t)(i / 50) % 4, line);
    }
}

static void note_workers(const char *options, buffer *out)
{
    static const char *const outputs[] = { "documents", "top_tracks", "interests", "dead_letters" };
    job_run run = { 0 };
    assert_int_equal(job_run_open(&run, &job, options), SL_OK);
    for (int i = 0; i < 400; i += 2) {
        char id[8], json[64];
        snprintf(id, sizeof id, "%d", i);
        snprintf(json, sizeof json, "{\"gender\":\"%d\",\"age\":\"%s\"}", i % 3, i % 5 ? "20" : "old");
        engine_know(run.engine, "customers", id, json);
    }
    for (int batch = 0; batch < 3; batch++) {
        listens_send(&run, batch);
        assert_int_equal(job_run_batch(&run), SL_OK);
        const sl_batch_info *account = job_run_account(&run);
        assert_true(job_run_adds_up(account));
        assert_int_equal(account->records, MANY);
        assert_int_equal(account->dead_letters, (MANY + 96) / 97);
        buffer_print(out, "missed %d bad_age %d\n", (int)account->lookup_missed,
                     (int)account->counters[0].value);
        for (size_t i = 0; i < 4; i++)
            buffer_text(out, job_run_wrote(&run, outputs[i]));
    }
    buffer_byte(out, '\0');
    job_run_close(&run);
}

static void results_do_not_depend_on_the_number_of_workers(void **state)
{
    (void)state;
    buffer one = { 0 }, many = { 0 };
    note_workers("--interval 1s --cores 1", &one);
    assert_non_null(strstr(one.at, "\"rank\":10"));
    for (int cores = 2; cores <= 8; cores *= 2) {
        char options[64];
        snprintf(options, sizeof options, "--interval 1s --cores %d", cores);
        many.size = 0;
        note_workers(options, &many);
        assert_int_equal(many.size, one.size);
        assert_memory_equal(many.at, one.at, one.size);
    }
    buffer_done(&one);
    buffer_done(&many);
}

static int open_trial(void **state)
{
    memset(scripts, 0, sizeof scripts);
    *state = calloc(1, sizeof(trial));
    return 0;
}

static int close_trial(void **state)
{
    trial *trial = *state;
    executor_close(trial->executor);
    dead_letters_close(trial->dead_letters);
    buffer_done(&trial->batch.ranges);
    buffer_done(&trial->scratch);
    inputs_close(&trial->inputs);
    free(trial);
    return 0;
}

#define EXECUTOR_TEST(test) cmocka_unit_test_setup_teardown(test, open_trial, close_trial)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXECUTOR_TEST(every_record_becomes_one_of_four),
        EXECUTOR_TEST(a_refused_record_is_a_dead_letter_with_its_bytes),
        EXECUTOR_TEST(with_several_places_a_record_counts_once),
        EXECUTOR_TEST(a_place_that_fails_before_the_merge_leaves_the_state_alone),
        EXECUTOR_TEST(a_place_that_fails_after_the_merge_does_not_count_twice),
        EXECUTOR_TEST(nothing_is_committed_when_a_place_fails),
        EXECUTOR_TEST(a_state_that_would_not_fit_is_told_before_it_grows),
        EXECUTOR_TEST(an_empty_batch_is_a_batch),
        EXECUTOR_TEST(workers_stand_by_from_batch_to_batch),
        EXECUTOR_TEST(workers_that_stand_by_agree_on_a_state_that_would_not_fit),
        cmocka_unit_test(results_do_not_depend_on_the_number_of_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
