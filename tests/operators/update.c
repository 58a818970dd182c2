/*
 * tests/operators/update.c - states by key against a naive table: rows of many chunks that workers took in any order, keys
 * that are removed and come again, timeouts, sets; told as keys and as calls, told again, and gone on with from what was saved.
 */
#include <base/memory.h>
#include <operators/operator.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>
#include <support/recount.h>

#include <cmocka.h>

#define EVENT_FIELDS(F) F(i64, value) F(i32, part) F(text, name)
SL_RECORD(event, EVENT_FIELDS);

#define TALLY_FIELDS(F)                                                                                      \
    F(text, name)                                                                                            \
    F(flag, odd)                                                                                             \
    F(i64, calls) F(i64, chain) F(i32, part) F(i32, members) F(maybe_i64, best) F(f64, sum) F(time, since)
SL_RECORD(tally, TALLY_FIELDS);

enum { SEEN, ODD };

/* What comes out depends on the order of the rows: `chain` does. */
static void tally_value(tally *state, int64_t value, int64_t time_ms, bool is_new)
{
    if (is_new)
        state->since = time_ms;
    state->calls++;
    state->chain = (int64_t)((uint64_t)state->chain * 31 + (uint64_t)value);
    state->odd = value % 2;
    state->sum += (double)value / 4;
    if (!state->best.known || value > state->best.value)
        state->best = (sl_maybe_i64){ value, true };
}

static bool is_removed(int64_t value)
{
    return value % 23 == 0;
}

static bool is_told(int64_t value)
{
    return value % 3 != 0;
}

static void member_print(int64_t value, char text[64])
{
    snprintf(text, 64, value % 5 ? "%lld" : "member %lld with a name that is long", (long long)value % 40);
}

static bool count_event(sl_task *task, const event *in, tally *state, sl_key *key)
{
    char member[64];
    assert_int_equal(key->is_new, state->calls == 0);
    assert_int_equal(key->timing_out, in == NULL);
    assert_int_equal(key->is_new, key->last_ms == 0);
    if (key->timing_out) {
        state->since = -key->last_ms;
        return state->calls % 2;
    }
    assert_true(sl_text_equal(in->name, state->name) && in->part == state->part);
    tally_value(state, in->value, sl_batch_time_ms(task), key->is_new);
    member_print(in->value, member);
    state->members += sl_set_add(key, in->value % 2 ? ODD : SEEN, (sl_text){ member, strlen(member) });
    state->part = -7; /* key fields are not the function's */
    key->remove = is_removed(in->value);
    return is_told(in->value);
}
SL_UPDATE(count_event, event, tally);

static bool take(sl_task *task, const sl_message *in, event *out)
{
    (void)task;
    out->name = in->value;
    return true;
}
SL_STAGE(take, sl_message, event);

static struct setup {
    int64_t timeout_ms;
    sl_tell tell;
} setup;

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" });
    sl_stream tallies = sl_update_by(sl_through(lines, &take_stage), &count_event_update,
                                     &(sl_update){ .name = "tallies",
                                                   .key = SL_FIELDS(event, name, part),
                                                   .into = SL_FIELDS(tally, name, part),
                                                   .sets = { "seen", "odd" },
                                                   .timeout = { setup.timeout_ms },
                                                   .tell = setup.tell });
    sl_to(tallies, &(sl_output){ .name = "rows", .to = { "memory" }, .id = SL_FIELDS(tally, name, part) });
}

/* ---- The operator without an engine around it ---- */

enum { UPDATE = 2, WORKERS = 3, KEYS = 60, EVENTS_MAX = 900, CHUNKS_MAX = 40 };

typedef struct updater {
    void *self;
    buffer rows; /* lines of the last merge */
} updater;

static sl_plan plan;
static char names[KEYS][48];

static void state_print(const tally *state, buffer *out)
{
    buffer_print(out, "%.*s/%d %lld %lld %d %d %lld %.2f %lld\n", (int)state->name.size, state->name.at,
                 state->part, (long long)state->calls, (long long)state->chain, state->members, state->odd,
                 state->best.known ? (long long)state->best.value : -1, state->sum, (long long)state->since);
}

static void note_rows(void *executor, sl_task *task, uint32_t node, const void *rows, size_t count)
{
    (void)task, (void)node;
    for (size_t i = 0; i < count; i++)
        state_print((const tally *)rows + i, &((updater *)executor)->rows);
}

static void updater_open(updater *updater)
{
    failure failure = { 0 };
    operator_spec spec = { .node = &plan.nodes[UPDATE], .number = UPDATE, .workers = WORKERS, .saves = true };
    static operator nodes[PLAN_NODES_MAX], *operators[PLAN_NODES_MAX];
    for (size_t i = 0; i < PLAN_NODES_MAX; i++)
        operators[i] = &nodes[i]; /* of none of them anything is asked */
    spec.operators = operators;
    spec.executor = updater;
    spec.emit = note_rows;
    assert_int_equal(operator_update.open(&spec, &updater->self, &failure), SL_OK);
}

/* ---- The naive table ---- */

typedef struct known {
    tally state; /* calls 0: nothing is known */
    int64_t last_ms;
    bool members[2][200];
    tally shown; /* as it is to be told */
    bool told;
} known;

static known table[KEYS];
static event events[EVENTS_MAX];
static size_t event_keys[EVENTS_MAX], event_count;

static void known_tell(known *known, bool told, buffer *calls)
{
    known->told |= told;
    if (told)
        state_print(&known->state, calls);
}

static void known_forget(known *known)
{
    known->shown = known->state;
    memset(&known->state, 0, sizeof known->state);
    memset(known->members, 0, sizeof known->members);
    known->last_ms = 0;
}

static void known_event(known *known, const event *event, int64_t time_ms, buffer *calls)
{
    known->state.name = event->name;
    known->state.part = event->part;
    tally_value(&known->state, event->value, time_ms, known->state.calls == 0);
    bool *member = &known->members[event->value % 2][event->value % 40 + (event->value % 5 ? 0 : 100)];
    known->state.members += !*member;
    *member = true;
    known->last_ms = time_ms;
    known_tell(known, is_told(event->value), calls);
    known->shown = known->state;
    if (is_removed(event->value))
        known_forget(known);
}

/* The lines that must come. */
static void table_batch(int64_t time_ms, buffer *wanted)
{
    buffer calls = { 0 };
    for (size_t k = 0; k < KEYS; k++) {
        table[k].told = false;
        if (setup.timeout_ms == 0 || table[k].last_ms == 0 || table[k].last_ms > time_ms - setup.timeout_ms)
            continue;
        bool told = table[k].state.calls % 2;
        table[k].state.since = -table[k].last_ms;
        known_tell(&table[k], told, &calls);
        known_forget(&table[k]);
    }
    for (size_t i = 0; i < event_count; i++)
        known_event(&table[event_keys[i]], &events[i], time_ms, &calls);
    for (size_t k = 0; k < KEYS && setup.tell == SL_TELL_KEYS; k++)
        if (table[k].told)
            state_print(&table[k].shown, wanted);
    if (setup.tell == SL_TELL_CALLS)
        buffer_append(wanted, calls.at, calls.size);
    lines_sort(wanted);
    buffer_done(&calls);
}

/* ---- Batches ---- */

static void events_draw(dice *dice)
{
    event_count = dice_below(dice, dice_below(dice, 4) ? EVENTS_MAX : 3);
    for (size_t i = 0; i < event_count; i++) {
        size_t k = dice_below(dice, dice_below(dice, 3) ? KEYS : 4); /* a few come often */
        event_keys[i] = k;
        events[i] =
            (event){ (int64_t)dice_below(dice, 200), (int32_t)(k % 3) - 1, { names[k], strlen(names[k]) } };
    }
}

typedef struct chunk {
    size_t from, count;
    uint64_t sequence;
} chunk;

/* Chunks in the order in which they are taken, by a worker that the dice choose: any. */
static void chunks_run(updater *updater, const batch_frame *frame, dice *dice)
{
    static sl_task tasks[WORKERS];
    chunk chunks[CHUNKS_MAX];
    size_t count = 0;
    sl_rows none = { 0 };
    for (size_t from = 0; from < event_count; count++) {
        size_t most = count + 1 < CHUNKS_MAX ? dice_below(dice, CHUNK_ROWS) + 1 : event_count;
        size_t size = event_count - from < most ? event_count - from : most;
        chunks[count] = (chunk){ from, size, (count / 3) << 24 | count % 3 };
        from += size;
    }
    for (unsigned w = 0; w < WORKERS; w++) {
        tasks[w].worker = w;
        tasks[w].batch = frame;
        arena_reset(&tasks[w].memory);
    }
    for (size_t left = count; left > 0; left--) {
        chunk *next = &chunks[dice_below(dice, left)];
        sl_task *task = &tasks[dice_below(dice, WORKERS)];
        task->sequence = next->sequence;
        operator_update.rows(
            updater->self, task,
            &(sl_rows){ .at = events + next->from, .count = next->count, .room = next->count }, &none);
        *next = chunks[left - 1];
    }
    updater->rows.size = 0;
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
        operator_update.merge(updater->self, &tasks[shard % WORKERS], shard);
    lines_sort(&updater->rows);
    for (unsigned w = 0; w < WORKERS && frame->merged; w++) /* the last attempt */
        arena_done(&tasks[w].memory);
}

static void attempt(updater *updater, batch_frame *frame, dice *dice, const buffer *wanted)
{
    failure failure = { 0 };
    assert_int_equal(operator_update.begin(updater->self, frame, &failure), SL_OK);
    chunks_run(updater, frame, dice);
    buffer_byte(&updater->rows, '\0');
    updater->rows.size--;
    assert_string_equal(updater->rows.at, wanted->at);
}

static void batch_run(updater *updater, int64_t time_ms, dice *dice)
{
    buffer wanted = { 0 };
    batch_frame frame = { .time_ms = time_ms, .attempt = 1 };
    failure failure = { 0 };
    events_draw(dice);
    table_batch(time_ms, &wanted);
    buffer_byte(&wanted, '\0');
    if (dice_below(dice, 3) == 0) /* an attempt that comes to no merge leaves nothing */
        assert_int_equal(operator_update.begin(updater->self, &frame, &failure), SL_OK);
    attempt(updater, &frame, dice, &wanted);
    frame.merged = true;
    attempt(updater, &frame, dice, &wanted);
    buffer_done(&wanted);
}

typedef struct saved { /* as in a checkpoint: pieces in their order */
    buffer pieces[64];
    size_t count;
} saved;

static void saved_add(saved *saved, updater *updater, bool whole)
{
    if (whole || saved->count == 64) {
        while (saved->count)
            buffer_done(&saved->pieces[--saved->count]);
        whole = true;
    }
    operator_update.save(updater->self, whole, &saved->pieces[saved->count]);
    saved->count += saved->pieces[saved->count].size > 0;
}

static void updater_restart(updater *updater, const saved *saved)
{
    failure failure = { 0 };
    operator_update.close(updater->self);
    updater_open(updater);
    for (size_t i = 0; i < saved->count; i++)
        if (operator_update.load(updater->self, (sl_text){ saved->pieces[i].at, saved->pieces[i].size },
                                 &failure))
            fail_msg("%s", failure.text);
}

/* Batches at uneven times, so that keys idle for less, exactly as long as, and longer than the timeout. */
static void round_run(uint64_t seed, int64_t timeout_ms, sl_tell tell)
{
    dice dice = { seed };
    updater updater = { 0 };
    saved saved = { 0 };
    setup = (struct setup){ timeout_ms, tell };
    memset(table, 0, sizeof table);
    assert_int_equal(plan_draw(&plan, &(sl_job){ .name = "updating", .draw = draw }, NULL), SL_OK);
    for (size_t k = 0; k < KEYS; k++)
        snprintf(names[k], sizeof names[k], k % 3 ? "%zu" : "%zu with a name that is long", k);
    updater_open(&updater);
    int64_t time_ms = 0;
    for (size_t batch = 0; batch < 60; batch++) {
        time_ms += 1000 * (int64_t)(1 + dice_below(&dice, dice_below(&dice, 4) ? 2 : 8));
        batch_run(&updater, time_ms, &dice);
        saved_add(&saved, &updater, batch == 0 || dice_below(&dice, 15) == 0);
        if (dice_below(&dice, 6) == 0)
            updater_restart(&updater, &saved);
    }
    while (saved.count)
        buffer_done(&saved.pieces[--saved.count]);
    operator_update.close(updater.self);
    buffer_done(&updater.rows);
}

static void states_are_those_of_a_naive_table(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 6; seed++)
        round_run(seed, 0, seed % 2 ? SL_TELL_CALLS : SL_TELL_KEYS);
}

static void keys_that_were_idle_too_long_time_out_once(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 106; seed++)
        round_run(seed, 1000 * (int64_t)(1 + seed % 4), seed % 2 ? SL_TELL_CALLS : SL_TELL_KEYS);
}

static void a_function_is_tested_without_an_engine(void **state)
{
    (void)state;
    tally tallied = { .name = SL_TEXT("a"), .part = 1 };
    event in = { .value = 4, .part = 1, .name = SL_TEXT("a") };
    sl_key key = { .is_new = true };
    assert_true(count_event(NULL, &in, &tallied, &key));
    assert_int_equal(tallied.members, 1);
    assert_false(key.remove);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_are_those_of_a_naive_table),
        cmocka_unit_test(keys_that_were_idle_too_long_time_out_once),
        cmocka_unit_test(a_function_is_tested_without_an_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
