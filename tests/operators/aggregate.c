/*
 * tests/operators/aggregate.c - reduce, distinct and count_about against a recount from the definition: in windows of any shape, for ever,
 * and in the batch; however the rows were spread over workers, and whenever the state went through a checkpoint.
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

#define SALE_FIELDS(F)                                                                                       \
    F(text, shop) F(i64, items) F(i32, few) F(f64, share) F(flag, some) F(time, start) F(time, end)
SL_RECORD(sale, SALE_FIELDS);

static bool take(sl_task *task, const sl_message *in, sale *out)
{
    (void)task;
    out->shop = in->value;
    return true;
}
SL_STAGE(take, sl_message, sale);

static void larger(sale *into, const sale *from)
{
    assert_true(into->shop.at == NULL && from->shop.at == NULL && from->end == 0);
    into->items = into->items > from->items ? into->items : from->items;
    into->few = 0;
    into->share = 0;
}
SL_COMBINE(larger, sale);

static void both(sale *into, const sale *from)
{
    into->items += from->items;
    into->few ^= from->few;
}
static void back(sale *into, const sale *from)
{
    into->items -= from->items;
    into->few ^= from->few;
}
SL_COMBINE(both, sale);
SL_COMBINE(back, sale);

typedef enum way { SUMS, SUMS_OF_FRACTIONS, LARGEST, BOTH_WAYS, DISTINCT, ABOUT, WAYS } way;

static struct setup {
    way way;
    sl_window window;
    bool touched_only, keyless;
} setup;

static sl_stream reduce(sl_stream in)
{
    sl_reduce reduce = { .name = "kept", .window = setup.window, .touched_only = setup.touched_only };
    if (!setup.keyless)
        reduce.key = SL_FIELDS(sale, shop);
    reduce.even_if_empty = setup.keyless && !setup.touched_only;
    switch (setup.way) {
    case SUMS: reduce.sum = SL_FIELDS(sale, items, few); break;
    case SUMS_OF_FRACTIONS: reduce.sum = SL_FIELDS(sale, items, share); break;
    case LARGEST: reduce.add = &larger_combine; break;
    default: reduce.add = &both_combine, reduce.remove = &back_combine; break;
    }
    return sl_reduce_by(in, &reduce);
}

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream in = sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_stage);
    if (setup.way == DISTINCT)
        in = sl_distinct_by(in, &(sl_distinct){ "kept", SL_FIELDS(sale, shop), setup.window });
    else if (setup.way == ABOUT)
        in = sl_count_about(in, &(sl_about){ .name = "kept",
                                             .key = setup.keyless ? (sl_fields){ 0 } : SL_FIELDS(sale, few),
                                             .of = SL_FIELDS(sale, shop),
                                             .into = SL_FIELDS(sale, items),
                                             .bits = 11,
                                             .window = setup.window });
    else
        in = reduce(in);
    sl_to(in, &(sl_output){ .name = "out", .to = { "memory" }, .id = SL_FIELDS(sale, shop) });
}

/* ---- An operator without an engine around it ---- */

enum { NODE = 2, WORKERS = 3, SHOPS = 120, ROWS_MAX = 700 };

typedef struct trial {
    const operator_kind *kind;
    void *self;
    batch_frame frame;
    sl_task tasks[WORKERS];
    buffer lines, saved;
} trial;

static sl_plan plan;
static char shops[SHOPS][40];

static void note_rows(void *executor, sl_task *task, uint32_t node, const void *rows, size_t count)
{
    trial *trial = executor;
    assert_true(node == NODE && count > 0 && count <= CHUNK_ROWS);
    for (size_t i = 0; i < count; i++) {
        const sale *row = (const sale *)rows + i;
        assert_true(setup.window.end.count == 0 || row->end == task->report_ms);
        buffer_print(&trial->lines, "%.*s %lld %d %.17g %lld %lld\n", (int)row->shop.size,
                     row->shop.at ? row->shop.at : "", (long long)row->items, row->few, row->share,
                     (long long)row->start, (long long)row->end);
    }
}

static const operator_kind *kind_now(void)
{
    return setup.way == DISTINCT ? &operator_distinct
           : setup.way == ABOUT  ? &operator_count_about
                                 : &operator_reduce;
}

static void trial_open(trial *trial)
{
    failure failure = { 0 };
    operator_spec spec = { .node = &plan.nodes[NODE], .number = NODE, .workers = WORKERS, .saves = true };
    static operator nodes[PLAN_NODES_MAX], *operators[PLAN_NODES_MAX];
    for (size_t i = 0; i < PLAN_NODES_MAX; i++)
        operators[i] = &nodes[i]; /* of none of them anything is asked */
    spec.operators = operators;
    spec.executor = trial;
    spec.emit = note_rows;
    trial->kind = kind_now();
    assert_int_equal(trial->kind->open(&spec, &trial->self, &failure), SL_OK);
    for (unsigned w = 0; w < WORKERS; w++)
        trial->tasks[w] = (sl_task){ .worker = w, .batch = &trial->frame };
}

static void trial_close(trial *trial)
{
    trial->kind->close(trial->self);
    for (unsigned w = 0; w < WORKERS; w++)
        arena_done(&trial->tasks[w].memory);
}

/* Another process goes on with what this one wrote: a whole, or the changes since the last one. */
static void trial_restart(trial *trial)
{
    failure failure = { 0 };
    trial_close(trial);
    trial_open(trial);
    size_t cut = trial->saved.size;
    assert_int_equal(trial->kind->load(trial->self, (sl_text){ trial->saved.at, cut }, &failure), SL_OK);
}

static void merge(trial *trial)
{
    trial->lines.size = 0;
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
        trial->kind->merge(trial->self, &trial->tasks[shard % WORKERS], shard);
    lines_sort(&trial->lines);
    buffer_byte(&trial->lines, '\0');
}

/* The rows in chunks of some size, the chunks on some worker, in the order in which a worker takes them. */
static void trial_batch(trial *trial, int64_t last_ms, int64_t time_ms, const sale *rows, size_t count,
                        dice *dice)
{
    failure failure = { 0 };
    sl_rows none = { 0 };
    trial->frame = (batch_frame){ .id = 1, .time_ms = time_ms, .last_time_ms = last_ms, .attempt = 1 };
    for (unsigned w = 0; w < WORKERS; w++)
        arena_reset(&trial->tasks[w].memory);
    assert_int_equal(trial->kind->begin(trial->self, &trial->frame, &failure), SL_OK);
    size_t chunk = dice ? 1 + dice_below(dice, CHUNK_ROWS) : CHUNK_ROWS, chunks = (count + chunk - 1) / chunk;
    for (size_t i = 0; i < chunks; i++) {
        size_t nth = dice ? chunks - 1 - i : i,
               from = nth * chunk; /* parked chunks come late, and in any order */
        sl_task *task = &trial->tasks[dice ? dice_below(dice, WORKERS) : 0];
        task->sequence = nth;
        sl_rows in = { .at = (void *)(uintptr_t)(rows + from),
                       .count = count - from < chunk ? count - from : chunk };
        trial->kind->rows(trial->self, task, &in, &none);
    }
    merge(trial);
}

static void trial_save(trial *trial, dice *dice)
{
    if (dice_below(dice, 4) == 0) {
        trial->saved.size = 0;
        trial->kind->save(trial->self, true, &trial->saved);
    } else {
        trial->kind->save(trial->self, false, &trial->saved);
    }
}

/* The attempt fails after the merge: the next one finds the batch in the state and gives the same rows. */
static void attempt_again(trial *trial)
{
    failure failure = { 0 };
    char *before = memory_text(trial->lines.at);
    sl_rows none = { 0 };
    trial->frame.merged = true;
    trial->frame.attempt++;
    assert_int_equal(trial->kind->begin(trial->self, &trial->frame, &failure), SL_OK);
    sale row = { .shop = SL_TEXT("again"), .items = 1000000 };
    trial->kind->rows(trial->self, &trial->tasks[1], &(sl_rows){ .at = &row, .count = 1 }, &none);
    merge(trial);
    assert_string_equal(trial->lines.at, before);
    free(before);
}

/* ---- The recount ---- */

typedef struct sold {
    int64_t time_ms;
    uint32_t shop;
    int64_t items;
    int32_t few;
    double share;
} sold;

static buffer history; /* of sold */

static bool same_group(const sold *a, uint32_t group)
{
    return setup.keyless || (setup.way == ABOUT ? (uint32_t)a->few : a->shop) == group;
}

static void line_print(uint32_t group, const sale *sum, int64_t start_ms, int64_t end_ms, buffer *out)
{
    bool named = !setup.keyless && setup.way != ABOUT;
    buffer_print(out, "%s %lld %d %.17g %lld %lld\n", named ? shops[group] : "", (long long)sum->items,
                 sum->few, sum->share, (long long)start_ms, (long long)end_ms);
}

static void sold_add(sale *sum, const sold *one, bool first)
{
    switch (setup.way) {
    case SUMS: sum->items += one->items, sum->few += one->few; break;
    case SUMS_OF_FRACTIONS: sum->items += one->items, sum->share += one->share; break;
    case LARGEST: sum->items = first || one->items > sum->items ? one->items : sum->items; break;
    case BOTH_WAYS: sum->items += one->items, sum->few ^= one->few; break;
    default: break;
    }
}

static void expect_group(uint32_t group, int64_t start_ms, int64_t end_ms, int64_t batch_ms, buffer *out)
{
    sale sum = { 0 };
    bool seen[SHOPS] = { 0 }, touched = false, old = false;
    size_t rows = 0, count = history.size / sizeof(sold);
    for (size_t i = 0; i < count; i++) {
        const sold *one = (const sold *)(const void *)history.at + i;
        if (!same_group(one, group) || one->time_ms <= start_ms || one->time_ms > end_ms)
            continue;
        sold_add(&sum, one, rows++ == 0);
        touched |= one->time_ms == batch_ms;
        old |= one->time_ms != batch_ms;
        sum.items += setup.way == ABOUT && !seen[one->shop];
        sum.few = setup.way == ABOUT && !setup.keyless ? (int32_t)group : sum.few;
        seen[one->shop] = true;
    }
    bool once = setup.way == DISTINCT && setup.window.length.ms == SL_EVER_MS;
    bool empty = setup.keyless && setup.way != ABOUT && !setup.touched_only && rows == 0;
    if ((rows && (touched || !setup.touched_only) && !(once && (old || !touched))) || empty)
        line_print(group, &sum, setup.window.start.count ? start_ms : 0, setup.window.end.count ? end_ms : 0,
                   out);
}

static void check(const trial *trial, const recount *recount)
{
    static int64_t ends[RECOUNT_ENDS_MAX];
    buffer wanted = { 0 };
    size_t count = recount_ends(recount, ends);
    for (size_t i = 0; i < count; i++)
        for (uint32_t group = 0; group < (setup.keyless ? 1 : SHOPS); group++)
            expect_group(group, recount_start(recount, ends[i]), ends[i], recount->time_ms, &wanted);
    lines_sort(&wanted);
    buffer_byte(&wanted, '\0');
    assert_string_equal(trial->lines.at, wanted.at);
    buffer_done(&wanted);
}

/* ---- Rounds ---- */

/* One row of LARGEST goes through untouched: it must look as if it had been joined. Shares are exact in binary. */
static size_t rows_draw(int64_t time_ms, sale *rows, dice *dice)
{
    static const size_t sizes[] = { 0, 0, 1, 2, 30, 300, ROWS_MAX };
    size_t count = sizes[dice_below(dice, 7)], some = 1 + dice_below(dice, SHOPS);
    for (size_t i = 0; i < count; i++) {
        sold one = { .time_ms = time_ms, .shop = (uint32_t)dice_below(dice, some) };
        one.items = (int64_t)dice_below(dice, 1000) - 500;
        one.few = setup.way == LARGEST ? 0 : (int32_t)dice_below(dice, 5);
        one.share = setup.way == SUMS_OF_FRACTIONS ? (double)dice_below(dice, 4096) / 256 : 0;
        buffer_append(&history, &one, sizeof one);
        rows[i] = (sale){ .shop = { shops[one.shop], strlen(shops[one.shop]) },
                          .items = one.items,
                          .few = one.few,
                          .share = one.share };
    }
    return count;
}

static recount draw_lots(dice *dice)
{
    static const int64_t intervals[] = { 1, 7, 100, 1000 };
    recount made = { .interval_ms = intervals[dice_below(dice, 4)], .keys = 1 };
    int64_t panes[] = { made.interval_ms, made.interval_ms * 3, made.interval_ms / 2 + 1, 1, 333 };
    setup = (struct setup){ .way = (way)dice_below(dice, WAYS) };
    setup.keyless = dice_below(dice, 4) == 0 && (setup.way <= SUMS_OF_FRACTIONS || setup.way == ABOUT);
    switch (dice_below(dice, 6)) {
    case 0: break;
    case 1: made.length_ms = made.pane_ms = SL_EVER_MS; break;
    default:
        made.pane_ms = panes[dice_below(dice, 5)];
        made.length_ms = made.pane_ms * (int64_t)(1 + dice_below(dice, 12));
    }
    bool once = setup.way == DISTINCT && made.length_ms == SL_EVER_MS;
    if (setup.way < DISTINCT && dice_below(dice, 3) == 0)
        setup.touched_only = true;
    else if (made.length_ms && !once && dice_below(dice, 2))
        made.slide_ms = 1 + (int64_t)dice_below(dice, (size_t)made.interval_ms * 12);
    int64_t pane_ms = made.length_ms == SL_EVER_MS ? 0 : made.pane_ms;
    setup.window =
        (sl_window){ .length = { made.length_ms }, .slide = { made.slide_ms }, .pane = { pane_ms } };
    if (dice_below(dice, 2)) {
        setup.window.start = SL_FIELDS(sale, start);
        setup.window.end = SL_FIELDS(sale, end);
    }
    return made;
}

static void plan_make(void)
{
    if (plan_draw(&plan, &(sl_job){ .name = "aggregate", .draw = draw }, NULL) != SL_OK)
        fail_msg("%s", plan.failure.text);
}

static void run(uint64_t seed)
{
    static sale rows[ROWS_MAX];
    dice dice = { seed };
    recount recount = draw_lots(&dice);
    trial plain = { 0 }, spread = { 0 };
    history.size = 0;
    plan_make();
    trial_open(&plain);
    trial_open(&spread);
    for (int batch = 0; batch < 40; batch++) {
        if (dice_below(&dice, 8) == 0)
            recount_pass(&recount, (int64_t)dice_below(&dice, (size_t)recount.interval_ms * 30));
        recount_batch(&recount);
        size_t count = rows_draw(recount.time_ms, rows, &dice);
        trial_batch(&plain, recount.last_ms, recount.time_ms, rows, count, NULL);
        trial_batch(&spread, recount.last_ms, recount.time_ms, rows, count, &dice);
        assert_string_equal(spread.lines.at, plain.lines.at);
        if (setup.way != ABOUT)
            check(&spread, &recount);
        if (dice_below(&dice, 3) == 0)
            attempt_again(&spread);
        trial_save(&spread, &dice);
        if (dice_below(&dice, 5) == 0)
            trial_restart(&spread);
    }
    trial_close(&plain);
    trial_close(&spread);
    buffer_done(&plain.lines);
    buffer_done(&spread.lines);
    buffer_done(&spread.saved);
    recount_done(&recount);
}

static void any_window_holds_what_its_definition_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < SHOPS; i++)
        snprintf(shops[i], sizeof shops[i], i % 3 ? "%zu" : "a shop with a long name %zu", i);
    for (uint64_t seed = 1; seed <= 60; seed++)
        run(seed);
    buffer_done(&history);
}

/* ---- By hand ---- */

static int64_t estimate(int bits, size_t different)
{
    setup = (struct setup){ .way = ABOUT, .keyless = true };
    plan_make();
    plan.nodes[NODE].as.about.bits = bits;
    trial trial = { 0 };
    trial_open(&trial);
    sale *rows = memory_new(2 * different * sizeof *rows);
    char(*names)[24] = memory_new(different * sizeof *names);
    for (size_t i = 0; i < 2 * different; i++) {
        size_t n = i % different;
        int size = snprintf(names[n], sizeof names[n], "visitor %zu", n);
        rows[i].shop = (sl_text){ names[n], (size_t)size };
    }
    trial_batch(&trial, 0, 1000, rows, 2 * different, NULL);
    int64_t items = atoll(trial.lines.at + 1);
    trial_close(&trial);
    buffer_done(&trial.lines);
    free(rows);
    free(names);
    return items;
}

/* Four standard errors of 1.04 / sqrt(2^bits); the hash is the same in every run. */
static void a_count_about_is_as_near_as_it_says(void **state)
{
    (void)state;
    static const struct {
        int bits;
        size_t different;
        double off;
    } cases[] = { { 0, 1, 0 },         { 0, 10, 0 },         { 0, 200, 0.065 },    { 0, 5000, 0.065 },
                  { 0, 12000, 0.065 }, { 0, 200000, 0.065 }, { 16, 1000, 0.0163 }, { 16, 100000, 0.0163 },
                  { 4, 50, 1.04 },     { 8, 3000, 0.26 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double told = (double)estimate(cases[i].bits, cases[i].different), is = (double)cases[i].different;
        if (told > is * (1 + cases[i].off) || told < is * (1 - cases[i].off))
            fail_msg("%d bits tell %.0f of %.0f", cases[i].bits, told, is);
    }
}

static void fractions_leave_no_trace_when_they_are_gone(void **state)
{
    (void)state;
    dice dice = { 5 };
    setup = (struct setup){ .way = SUMS_OF_FRACTIONS, .window = { .length = { 3000 }, .pane = { 1000 } } };
    snprintf(shops[0], sizeof shops[0], "a");
    plan_make();
    trial trial = { 0 };
    trial_open(&trial);
    sale large = { .shop = { "a", 1 }, .share = 1e17 }, small = { .shop = { "a", 1 }, .share = 0.1 };
    for (int64_t time = 1000; time <= 5000; time += 1000)
        trial_batch(&trial, time - 1000, time, time == 1000 ? &large : &small, 1, &dice);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "a 0 0 %.17g 0 0\n", 0.1 + 0.1 + 0.1);
    assert_string_equal(trial.lines.at, wanted);
    trial_close(&trial);
    buffer_done(&trial.lines);
}

static void a_state_of_other_fields_is_refused(void **state)
{
    (void)state;
    failure failure = { 0 };
    trial trial = { 0 };
    sale row = { .shop = { "a", 1 }, .items = 1 };
    setup = (struct setup){ .way = SUMS, .window = { .length = SL_EVER } };
    plan_make();
    trial_open(&trial);
    trial_batch(&trial, 0, 1000, &row, 1, NULL);
    trial.kind->save(trial.self, true, &trial.saved);
    trial_close(&trial);
    setup.way = SUMS_OF_FRACTIONS;
    plan_make();
    trial_open(&trial);
    sl_text saved = { trial.saved.at, trial.saved.size };
    assert_int_equal(trial.kind->load(trial.self, saved, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, "\"kept\" in the checkpoint has other fields"));
    failure_clear(&failure);
    setup.way = SUMS;
    plan_make();
    for (size_t cut = 1; cut < saved.size; cut++) {
        trial_close(&trial);
        trial_open(&trial);
        assert_int_equal(trial.kind->load(trial.self, (sl_text){ saved.at, cut }, &failure), SL_FAILED);
        failure_clear(&failure);
    }
    trial_close(&trial);
    buffer_done(&trial.lines);
    buffer_done(&trial.saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_window_holds_what_its_definition_says),
        cmocka_unit_test(a_count_about_is_as_near_as_it_says),
        cmocka_unit_test(fractions_leave_no_trace_when_they_are_gone),
        cmocka_unit_test(a_state_of_other_fields_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
