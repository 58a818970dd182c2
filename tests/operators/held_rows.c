/*
 * tests/operators/held_rows.c - group, exchange, rows in a window, and joins against a recount from the definition; however the rows were
 * spread over workers, and whenever the state went through a checkpoint.
 */
#include <base/memory.h>
#include <operators/operator.h>
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>
#include <support/recount.h>

#include <cmocka.h>

#define LEFT_FIELDS(F) F(text, name) F(i64, number) F(text, note)
SL_RECORD(left, LEFT_FIELDS);

#define RIGHT_FIELDS(F) F(i64, number) F(text, name)
SL_RECORD(right, RIGHT_FIELDS);

#define BOTH_FIELDS(F) F(text, name) F(i64, left) F(i64, right) F(text, note)
SL_RECORD(both, BOTH_FIELDS);

static bool take_left(sl_task *task, const sl_message *in, left *out)
{
    (void)task;
    out->name = in->value;
    return true;
}
SL_STAGE(take_left, sl_message, left);

static bool take_right(sl_task *task, const sl_message *in, right *out)
{
    (void)task;
    out->name = in->value;
    return true;
}
SL_STAGE(take_right, sl_message, right);

static bool pass(sl_task *task, const left *in, both *out)
{
    (void)task;
    *out = (both){ .name = in->name, .left = in->number, .note = in->note };
    return true;
}
SL_STAGE(pass, left, both);

/* A number that only this order of rows gives. */
static void chain(sl_task *task, const left *rows, size_t count, sl_rows *out)
{
    (void)task;
    both *row = sl_row(out, both);
    row->name = rows[0].name;
    row->note = rows[count - 1].note;
    row->right = (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        assert_true(sl_text_equal(rows[i].name, rows[0].name));
        row->left = (row->left * 31 + rows[i].number) % 1000003;
    }
}
SL_CHUNK_STAGE(chain, left, both);

/* Pairs whose numbers are both 13 are no rows. */
static bool meet(sl_task *task, const left *one, const right *other, both *out)
{
    (void)task;
    out->name = one ? one->name : other->name;
    out->left = one ? one->number : -1;
    out->right = other ? other->number : -1;
    out->note = one ? one->note : (sl_text){ 0 };
    return out->left != 13 || out->right != 13;
}
SL_PAIR(meet, left, right, both);

static void gather(sl_task *task, const left *lefts, size_t left_count, const right *rights,
                   size_t right_count, sl_rows *out)
{
    (void)task;
    both *row = sl_row(out, both);
    row->name = left_count ? lefts[0].name : rights[0].name;
    for (size_t i = 0; i < left_count; i++)
        row->left = (row->left * 31 + lefts[i].number) % 1000003;
    for (size_t i = 0; i < right_count; i++)
        row->right = (row->right * 31 + rights[i].number) % 1000003;
}
SL_COGROUP(gather, left, right, both);

typedef enum way { GROUP, EXCHANGE, ROWS, JOIN, COGROUP, WAYS } way;

static struct setup {
    way way;
    sl_join_kind kind;
    sl_window window;
} setup;

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" });
    sl_stream lefts = sl_through(lines, &take_left_stage), rights = sl_through(lines, &take_right_stage);
    sl_fields name = SL_FIELDS(left, name);
    sl_stream made;
    switch (setup.way) {
    case GROUP: made = sl_group_by(lefts, &(sl_group){ "kept", name, setup.window, &chain_stage }); break;
    case EXCHANGE: made = sl_through(sl_exchange_by(lefts, &name), &pass_stage); break;
    case ROWS: made = sl_through(sl_rows_in(lefts, "kept", &setup.window), &pass_stage); break;
    default:
        made = sl_join_by(lefts, rights,
                          &(sl_join){ .name = "kept",
                                      .left = name,
                                      .right = SL_FIELDS(right, name),
                                      .pair = setup.way == JOIN ? &meet_pair : &gather_pair,
                                      .kind = setup.kind,
                                      .window = setup.window });
    }
    sl_to(made, &(sl_output){ .name = "out", .to = { "memory" }, .id = SL_FIELDS(both, name) });
}

/* ---- An operator without an engine around it ---- */

enum { LEFTS = 1, RIGHTS = 2, NODE = 3, WORKERS = 3, NAMES = 40, ROWS_MAX = 600 };

typedef struct trial {
    void *self;
    batch_frame frame;
    sl_task tasks[WORKERS];
    buffer lines, saved;
} trial;

static sl_plan plan;
static char names[NAMES][40];

static void line_print(const both *row, buffer *out)
{
    buffer_print(out, "%.*s %lld %lld %.*s\n", (int)row->name.size, row->name.at, (long long)row->left,
                 (long long)row->right, (int)row->note.size, row->note.at ? row->note.at : "");
}

static void note_rows(void *executor, sl_task *task, uint32_t node, const void *rows, size_t count)
{
    trial *trial = executor;
    assert_true(node == NODE && count > 0 && count <= CHUNK_ROWS);
    (void)task;
    for (size_t i = 0; i < count; i++) {
        both made;
        if (setup.way == EXCHANGE || setup.way == ROWS)
            pass(NULL, (const left *)rows + i, &made);
        else
            made = ((const both *)rows)[i];
        line_print(&made, &trial->lines);
    }
}

static const operator_kind *kind_now(void)
{
    return setup.way >= JOIN ? &operator_join : &operator_group;
}

static void trial_open(trial *trial)
{
    failure failure = { 0 };
    operator_spec spec = { .node = &plan.nodes[NODE], .number = NODE, .workers = WORKERS, .saves = true };
    spec.executor = trial;
    spec.emit = note_rows;
    assert_int_equal(kind_now()->open(&spec, &trial->self, &failure), SL_OK);
    for (unsigned w = 0; w < WORKERS; w++)
        trial->tasks[w] = (sl_task){ .worker = w, .batch = &trial->frame };
}

static void trial_close(trial *trial)
{
    kind_now()->close(trial->self);
    for (unsigned w = 0; w < WORKERS; w++)
        arena_done(&trial->tasks[w].memory);
}

static void trial_restart(trial *trial)
{
    failure failure = { 0 };
    trial_close(trial);
    trial_open(trial);
    sl_text saved = { trial->saved.at, trial->saved.size };
    assert_int_equal(kind_now()->load(trial->self, saved, &failure), SL_OK);
}

static void merge(trial *trial)
{
    trial->lines.size = 0;
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
        kind_now()->merge(trial->self, &trial->tasks[shard % WORKERS], shard);
    lines_sort(&trial->lines);
    buffer_byte(&trial->lines, '\0');
}

/* ---- The recount ---- */

typedef struct row {
    int64_t time_ms, number;
    uint32_t name, side;
} row;

static buffer history; /* of row */

static const row *row_of(size_t i)
{
    return (const row *)(const void *)history.at + i;
}

static bool counts(size_t i, uint32_t side, uint32_t name, int64_t start_ms, int64_t end_ms)
{
    const row *one = row_of(i);
    return one->side == side && one->name == name && one->time_ms > start_ms && one->time_ms <= end_ms;
}

static void row_print(uint32_t name, int64_t of_left, int64_t of_right, const char *note, buffer *out)
{
    buffer_print(out, "%s %lld %lld %s\n", names[name], (long long)of_left, (long long)of_right, note);
}

static const char *note_of(const row *one)
{
    return one->number % 2 ? "odd" : "";
}

static void meet_print(uint32_t name, const row *one, const row *other, buffer *out)
{
    int64_t of_left = one ? one->number : -1, of_right = other ? other->number : -1;
    if (of_left != 13 || of_right != 13)
        row_print(name, of_left, of_right, one ? note_of(one) : "", out);
}

static void expect_name(uint32_t name, int64_t start_ms, int64_t end_ms, buffer *out)
{
    size_t all = history.size / sizeof(row), sides[2] = { 0 };
    int64_t chains[2] = { 0 };
    const char *last = "";
    for (size_t i = 0; i < all; i++) {
        uint32_t side = row_of(i)->side;
        if (!counts(i, side, name, start_ms, end_ms))
            continue;
        sides[side]++;
        chains[side] = (chains[side] * 31 + row_of(i)->number) % 1000003;
        last = side == 0 ? note_of(row_of(i)) : last;
        if (setup.way == EXCHANGE || setup.way == ROWS)
            row_print(name, row_of(i)->number, 0, note_of(row_of(i)), out);
        for (size_t j = 0; j < all && setup.way == JOIN && side == 0; j++)
            if (counts(j, 1, name, start_ms, end_ms))
                meet_print(name, row_of(i), row_of(j), out);
    }
    if (setup.way == GROUP && sides[0])
        row_print(name, chains[0], (int64_t)sides[0], last, out);
    if (setup.way == COGROUP && sides[0] + sides[1])
        row_print(name, chains[0], chains[1], "", out);
    bool lefts = setup.kind == SL_LEFT || setup.kind == SL_FULL,
         rights = setup.kind == SL_RIGHT || setup.kind == SL_FULL;
    for (size_t i = 0; i < all && setup.way == JOIN; i++) {
        if (lefts && sides[1] == 0 && counts(i, 0, name, start_ms, end_ms))
            meet_print(name, row_of(i), NULL, out);
        if (rights && sides[0] == 0 && counts(i, 1, name, start_ms, end_ms))
            meet_print(name, NULL, row_of(i), out);
    }
}

static void check(const trial *trial, const recount *recount)
{
    static int64_t ends[RECOUNT_ENDS_MAX];
    buffer wanted = { 0 };
    size_t count = recount_ends(recount, ends);
    for (size_t i = 0; i < count; i++)
        for (uint32_t name = 0; name < NAMES; name++)
            expect_name(name, recount_start(recount, ends[i]), ends[i], &wanted);
    lines_sort(&wanted);
    buffer_byte(&wanted, '\0');
    assert_string_equal(trial->lines.at, wanted.at);
    buffer_done(&wanted);
}

/* ---- Rounds ---- */

static void side_send(trial *trial, uint32_t side, const row *rows, size_t count, dice *dice)
{
    static left lefts[ROWS_MAX];
    static right rights[ROWS_MAX];
    sl_rows none = { 0 };
    size_t chunk = 1 + dice_below(dice, CHUNK_ROWS), chunks = (count + chunk - 1) / chunk;
    for (size_t i = 0; i < count; i++) {
        sl_text name = { names[rows[i].name], strlen(names[rows[i].name]) };
        lefts[i] = (left){ name, rows[i].number, SL_TEXT("odd") };
        if (rows[i].number % 2 == 0)
            lefts[i].note = (sl_text){ 0 };
        rights[i] = (right){ rows[i].number, name };
    }
    for (size_t nth = chunks; nth-- > 0;) {
        sl_task *task = &trial->tasks[dice_below(dice, WORKERS)];
        size_t from = nth * chunk;
        task->sequence = nth;
        task->feeder = side ? RIGHTS : LEFTS;
        sl_rows in = { .at = side ? (void *)(rights + from) : (void *)(lefts + from) };
        in.count = count - from < chunk ? count - from : chunk;
        kind_now()->rows(trial->self, task, &in, &none);
    }
    memset(lefts, 0xAB, sizeof lefts); /* they were borrowed */
    memset(rights, 0xAB, sizeof rights);
}

static void batch_run(trial *trial, const recount *recount, dice *dice)
{
    static const size_t sizes[] = { 0, 1, 3, 30, 200 };
    static row rows[ROWS_MAX];
    failure failure = { 0 };
    size_t most = setup.way == JOIN ? 3 : 5;
    trial->frame =
        (batch_frame){ .time_ms = recount->time_ms, .last_time_ms = recount->last_ms, .attempt = 1 };
    for (unsigned w = 0; w < WORKERS; w++)
        arena_reset(&trial->tasks[w].memory);
    assert_int_equal(kind_now()->begin(trial->self, &trial->frame, &failure), SL_OK);
    for (uint32_t side = 0; side < (setup.way >= JOIN ? 2 : 1); side++) {
        size_t count = sizes[dice_below(dice, most)];
        for (size_t i = 0; i < count; i++) {
            rows[i] = (row){ recount->time_ms, (int64_t)dice_below(dice, 20),
                             (uint32_t)dice_below(dice, NAMES), side };
            buffer_append(&history, &rows[i], sizeof(row));
        }
        side_send(trial, side, rows, count, dice);
    }
    merge(trial);
}

/* The attempt fails after the merge: the next one brings the same rows in other chunks, and gives the same. */
static void attempt_again(trial *trial, dice *dice)
{
    static row rows[ROWS_MAX];
    failure failure = { 0 };
    char *before = memory_text(trial->lines.at);
    trial->frame.merged = true;
    for (unsigned w = 0; w < WORKERS; w++)
        arena_reset(&trial->tasks[w].memory);
    assert_int_equal(kind_now()->begin(trial->self, &trial->frame, &failure), SL_OK);
    for (uint32_t side = 0; side < 2; side++) {
        size_t count = 0;
        for (size_t i = 0; i < history.size / sizeof(row); i++)
            if (row_of(i)->time_ms == trial->frame.time_ms && row_of(i)->side == side)
                rows[count++] = *row_of(i);
        side_send(trial, side, rows, count, dice);
    }
    merge(trial);
    assert_string_equal(trial->lines.at, before);
    free(before);
}

static recount draw_lots(dice *dice)
{
    recount made = { .interval_ms = 100, .keys = 1 };
    static const int64_t panes[] = { 100, 250, 33 };
    setup = (struct setup){ .way = (way)dice_below(dice, WAYS), .kind = (sl_join_kind)dice_below(dice, 4) };
    if (setup.way == ROWS || (setup.way != EXCHANGE && dice_below(dice, 4))) {
        made.pane_ms = panes[dice_below(dice, 3)];
        made.length_ms = made.pane_ms * (int64_t)(1 + dice_below(dice, 8));
        made.slide_ms = dice_below(dice, 2) ? 1 + (int64_t)dice_below(dice, 600) : 0;
    }
    setup.window =
        (sl_window){ .length = { made.length_ms }, .slide = { made.slide_ms }, .pane = { made.pane_ms } };
    return made;
}

static void run(uint64_t seed)
{
    dice dice = { seed };
    recount recount = draw_lots(&dice);
    trial trial = { 0 };
    history.size = 0;
    if (plan_draw(&plan, &(sl_job){ .name = "kept", .draw = draw }, NULL) != SL_OK)
        fail_msg("%s", plan.failure.text);
    trial_open(&trial);
    for (int batch = 0; batch < 30; batch++) {
        if (dice_below(&dice, 8) == 0)
            recount_pass(&recount, (int64_t)dice_below(&dice, 1500));
        recount_batch(&recount);
        batch_run(&trial, &recount, &dice);
        check(&trial, &recount);
        if (dice_below(&dice, 3) == 0)
            attempt_again(&trial, &dice);
        bool all = dice_below(&dice, 4) == 0;
        if (all)
            trial.saved.size = 0;
        kind_now()->save(trial.self, all, &trial.saved);
        if (dice_below(&dice, 5) == 0)
            trial_restart(&trial);
    }
    trial_close(&trial);
    buffer_done(&trial.lines);
    buffer_done(&trial.saved);
    recount_done(&recount);
}

static void any_window_holds_the_rows_that_its_definition_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < NAMES; i++)
        snprintf(names[i], sizeof names[i], i % 3 ? "%zu" : "a name that is long %zu", i);
    for (uint64_t seed = 1; seed <= 80; seed++)
        run(seed);
    buffer_done(&history);
}

/* ---- In a job ---- */

static bool counted(sl_task *task, const left *in, left *out)
{
    (void)task;
    *out = (left){ .name = in->name, .number = in->number * 100 };
    return true;
}
SL_STAGE(counted, left, left);

/* Names of the one input with how often they came, joined with the messages of the other. */
static void draw_job(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lefts =
        sl_through(sl_from(plan, &(sl_input){ .name = "lefts", .from = "memory" }), &take_left_stage);
    sl_stream rights =
        sl_through(sl_from(plan, &(sl_input){ .name = "rights", .from = "memory" }), &take_right_stage);
    sl_stream times = sl_count_by(
        lefts, &(sl_count){ .name = "times", .key = SL_FIELDS(left, name), .into = SL_FIELDS(left, number) });
    sl_stream joined = sl_join_by(sl_through(times, &counted_stage), rights,
                                  &(sl_join){ .name = "joined",
                                              .left = SL_FIELDS(left, name),
                                              .right = SL_FIELDS(right, name),
                                              .pair = &meet_pair,
                                              .kind = SL_FULL });
    sl_to(joined,
          &(sl_output){ .name = "joined", .to = { "memory" }, .id = SL_FIELDS(both, name, left, right) });
    sl_to(sl_through(sl_exchange_by(lefts, &SL_FIELDS(left, name)), &pass_stage),
          &(sl_output){ .name = "exchanged", .to = { "memory" }, .id = SL_FIELDS(both, name) });
}

static size_t lines_of(const char *text, const char *words)
{
    size_t found = 0;
    for (; (text = strstr(text, words)); text++)
        found++;
    return found;
}

static void counts_of_one_input_meet_the_rows_of_another(void **state)
{
    (void)state;
    static const sl_job joining = { .name = "joining", .about = "joins", .draw = draw_job };
    sl_test *test = sl_test_open(&joining, "--interval 1s --cores 4");
    for (int batch = 0; batch < 3; batch++) {
        for (uint32_t i = 0; i < 6000; i++) {
            char text[40];
            int size = snprintf(text, sizeof text, "a name of some length %u", i % 30);
            sl_message message = { .origin = { .time_ms = -1 }, .value = { text, (size_t)size } };
            if (i % 30 < 20)
                sl_test_send_message(test, "lefts", i % 3, &message);
            if (i % 30 >= 10 && i < 60)
                sl_test_send_message(test, "rights", i % 2, &message);
        }
        sl_test_batch(test);
        const char *wrote = sl_test_wrote(test, "joined");
        assert_int_equal(lines_of(wrote, "\n"), 10 + 20 + 20);
        assert_int_equal(lines_of(wrote, "\"left\":20000,\"right\":-1"), 10);
        assert_int_equal(lines_of(wrote, "\"left\":20000,\"right\":0"), 20);
        assert_int_equal(lines_of(wrote, "\"left\":-1,\"right\":0"), 20);
        assert_int_equal(lines_of(sl_test_wrote(test, "exchanged"), "\n"), 4000);
    }
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_window_holds_the_rows_that_its_definition_says),
        cmocka_unit_test(counts_of_one_input_meet_the_rows_of_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
