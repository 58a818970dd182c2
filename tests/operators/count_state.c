/*
 * tests/operators/count_state.c - a count that goes on from a checkpoint gives the same rows as the one that wrote it,
 * whether from everything or from a whole and the changes after it, whenever it stops.
 */
#include <base/memory.h>
#include <operators/count_state.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>
#include <support/recount.h>

#include <cmocka.h>

#define HIT_FIELDS(F) F(text, name) F(i64, times)
SL_RECORD(hit, HIT_FIELDS);

static bool take(sl_task *task, const sl_message *in, hit *out)
{
    (void)task;
    out->name = in->value;
    return true;
}
SL_STAGE(take, sl_message, hit);

static sl_window drawn;

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" });
    sl_stream hits = sl_count_by(sl_through(lines, &take_stage), &(sl_count){ .name = "hits",
                                                                              .key = SL_FIELDS(hit, name),
                                                                              .into = SL_FIELDS(hit, times),
                                                                              .window = drawn });
    sl_to(hits, &(sl_output){ .name = "counts", .to = { "memory" }, .id = SL_FIELDS(hit, name) });
}

/* ---- A count without an engine around it ---- */

enum { COUNT = 2, OUTPUT = 3, WORKERS = 2, NAMES = 400 };

typedef struct counter {
    operator nodes[4], *by_number[4];
    int64_t last_ms;
    buffer rows; /* "name times\n" of the last merge */
} counter;

static sl_plan plan;
static char names[NAMES][40];

/* In no order that a count may rely on. */
static void each_run(void *executor, operator_work *work, void *argument, unsigned count)
{
    (void)executor;
    while (count)
        work(argument, --count);
}

static void note_rows(void *executor, sl_task *task, uint32_t node, const void *rows, size_t count)
{
    counter *counter = executor;
    (void)task, (void)node;
    for (size_t i = 0; i < count; i++) {
        const hit *hit = (const struct hit *)rows + i;
        buffer_print(&counter->rows, "%.*s %lld\n", (int)hit->name.size, hit->name.at, (long long)hit->times);
    }
}

static void counter_open(counter *counter)
{
    failure failure = { 0 };
    *counter = (struct counter){ 0 };
    for (size_t i = 0; i < 4; i++)
        counter->by_number[i] = &counter->nodes[i];
    counter->nodes[OUTPUT].kind = &operator_output;
    operator_spec spec = { .node = &plan.nodes[COUNT], .number = COUNT, .workers = WORKERS, .saves = true };
    spec.operators = counter->by_number;
    spec.executor = counter;
    spec.emit = note_rows;
    spec.each = each_run;
    assert_int_equal(operator_count.open(&spec, &counter->nodes[COUNT].self, &failure), SL_OK);
}

static void counter_close(counter *counter)
{
    operator_count.close(counter->nodes[COUNT].self);
    buffer_done(&counter->rows);
}

/* Each name as often as `times` says, spread over the workers. */
static void counter_batch(counter *counter, int64_t time_ms, const uint32_t *times)
{
    void *self = counter->nodes[COUNT].self;
    failure failure = { 0 };
    batch_frame frame = { .time_ms = time_ms, .last_time_ms = counter->last_ms, .attempt = 1 };
    sl_task task = { .batch = &frame };
    static hit rows[CHUNK_ROWS];
    size_t count = 0;
    sl_rows none = { 0 };
    counter->rows.size = 0;
    assert_int_equal(operator_count.begin(self, &frame, &failure), SL_OK);
    for (size_t i = 0; i < NAMES; i++) {
        for (uint32_t n = 0; n < times[i]; n++) {
            rows[count++].name = (sl_text){ names[i], strlen(names[i]) };
            if (count < CHUNK_ROWS)
                continue;
            operator_count.rows(self, &task, &(sl_rows){ .at = rows, .count = count, .room = count }, &none);
            task.worker = (task.worker + 1) % WORKERS;
            count = 0;
        }
    }
    operator_count.rows(self, &task, &(sl_rows){ .at = rows, .count = count, .room = count }, &none);
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
        operator_count.merge(self, &task, shard);
    counter->last_ms = time_ms;
    lines_sort(&counter->rows);
    arena_done(&task.memory);
}

static void counter_save(counter *counter, bool all, buffer *out)
{
    operator_count.save(counter->nodes[COUNT].self, all, out);
}

static void counter_load(counter *counter, const buffer *saved, int64_t last_ms)
{
    failure failure = { 0 };
    sl_text bytes = { saved->at, saved->size };
    assert_int_equal(operator_count.load(counter->nodes[COUNT].self, bytes, &failure), SL_OK);
    counter->last_ms = last_ms;
}

static void setup(int64_t length_ms, int64_t pane_ms)
{
    drawn = (sl_window){ .length = { length_ms }, .pane = { pane_ms } };
    assert_int_equal(plan_draw(&plan, &(sl_job){ .name = "counting", .draw = draw }, NULL), SL_OK);
    for (size_t i = 0; i < NAMES; i++)
        snprintf(names[i], sizeof names[i], i % 3 ? "%zu" : "%zu with a name that is long", i);
}

/* ---- Against a recount, with restarts ---- */

static void check(const counter *counter, const recount *recount)
{
    static uint64_t totals[NAMES];
    buffer wanted = { 0 };
    recount_window(recount, recount->time_ms, totals);
    for (size_t i = 0; i < NAMES; i++)
        if (totals[i])
            buffer_print(&wanted, "%s %llu\n", names[i], (unsigned long long)totals[i]);
    lines_sort(&wanted);
    assert_int_equal(counter->rows.size, wanted.size);
    assert_memory_equal(counter->rows.at ? counter->rows.at : "", wanted.at ? wanted.at : "", wanted.size);
    buffer_done(&wanted);
}

typedef struct saved { /* the way of a checkpoint: a whole, then changes */
    buffer whole, changes;
} saved;

static void save(counter *counter, saved *saved, bool whole)
{
    if (!whole) {
        counter_save(counter, false, &saved->changes);
        return;
    }
    saved->whole.size = saved->changes.size = 0;
    counter_save(counter, true, &saved->whole);
}

static void restart(counter *counter, const saved *saved)
{
    int64_t last_ms = counter->last_ms;
    counter_close(counter);
    counter_open(counter);
    counter_load(counter, &saved->whole, last_ms);
    counter_load(counter, &saved->changes, last_ms);
}

static void run(uint64_t seed)
{
    dice dice = { seed };
    recount recount = { .interval_ms = 100, .keys = NAMES };
    counter counter;
    saved saved = { 0 };
    recount.pane_ms = (int64_t[]){ 1, 100, 250, 1000 }[dice_below(&dice, 4)];
    recount.length_ms = dice_below(&dice, 5) ? recount.pane_ms * (int64_t)(1 + dice_below(&dice, 12)) : 0;
    if (dice_below(&dice, 6) == 0)
        recount.length_ms = recount.pane_ms = SL_EVER_MS;
    setup(recount.length_ms, recount.length_ms == SL_EVER_MS ? 0 : recount.pane_ms);
    counter_open(&counter);
    for (int batch = 0; batch < 120; batch++) {
        if (dice_below(&dice, 6) == 0)
            recount_pass(&recount, (int64_t)dice_below(&dice, 1500));
        uint32_t *times = recount_batch(&recount);
        size_t few = 1 + dice_below(&dice, NAMES);
        for (size_t n = dice_below(&dice, 4) ? dice_below(&dice, 300) : 0; n; n--)
            times[dice_below(&dice, few)]++;
        counter_batch(&counter, recount.time_ms, times);
        check(&counter, &recount);
        save(&counter, &saved, dice_below(&dice, 8) == 0);
        if (dice_below(&dice, 5) == 0)
            restart(&counter, &saved);
    }
    counter_close(&counter);
    buffer_done(&saved.whole);
    buffer_done(&saved.changes);
    recount_done(&recount);
}

static void a_count_goes_on_from_its_checkpoint(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 25; seed++)
        run(seed);
}

/* More of one key in one pane than the open pane's number holds. */
static void a_pane_holds_more_than_its_counter(void **state)
{
    (void)state;
    static uint32_t times[NAMES];
    enum { EACH = 1500000, BATCHES = 12 };
    counter counter;
    saved saved = { 0 };
    char wanted[80];
    setup(20000, 10000);
    counter_open(&counter);
    times[1] = EACH;
    for (int i = 1; i <= BATCHES; i++)
        counter_batch(&counter, i * 100, times);
    int size = snprintf(wanted, sizeof wanted, "1 %d\n", EACH * BATCHES);
    assert_true((unsigned)(EACH * BATCHES) > COUNT_PANE_MAX);
    assert_int_equal(counter.rows.size, size);
    assert_memory_equal(counter.rows.at, wanted, (size_t)size);
    save(&counter, &saved, true);
    restart(&counter, &saved);
    times[1] = 1;
    counter_batch(&counter, 20000, times);
    size = snprintf(wanted, sizeof wanted, "1 %d\n", EACH * BATCHES + 1);
    assert_int_equal(counter.rows.size, size);
    assert_memory_equal(counter.rows.at, wanted, (size_t)size);
    counter_batch(&counter, 30000, times); /* the full pane is gone */
    assert_int_equal(counter.rows.size, 4);
    assert_memory_equal(counter.rows.at, "1 2\n", 4);
    counter_close(&counter);
    buffer_done(&saved.whole);
}

/* ---- A batch that comes again ---- */

static buffer rows_again(counter *counter, int64_t time_ms, int64_t last_ms)
{
    void *self = counter->nodes[COUNT].self;
    failure failure = { 0 };
    batch_frame frame = { .time_ms = time_ms, .last_time_ms = last_ms, .attempt = 2, .merged = true };
    sl_task task = { .batch = &frame };
    buffer first = counter->rows;
    counter->rows = (buffer){ 0 };
    assert_int_equal(operator_count.begin(self, &frame, &failure), SL_OK);
    for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
        operator_count.merge(self, &task, shard);
    lines_sort(&counter->rows);
    arena_done(&task.memory);
    return first;
}

/* Whatever failed after the merge, the rows come again: those of the batch's own end and those of ends before it. */
static void a_merged_batch_gives_its_rows_again(void **state)
{
    (void)state;
    dice dice = { 151 };
    static uint32_t times[NAMES];
    for (int round = 0; round < 30; round++) {
        counter counter;
        size_t given = 0;
        int64_t time_ms = 0, last_ms = 0;
        setup(2000, 100);
        plan.nodes[COUNT].as.count.window.slide.ms = (int64_t[]){ 0, 100, 330, 1000 }[round % 4];
        counter_open(&counter);
        for (int batch = 0; batch < 40; batch++) {
            last_ms = time_ms;
            time_ms += 200 * (int64_t)(1 + dice_below(&dice, 4));
            for (size_t i = 0; i < NAMES; i++)
                times[i] = dice_below(&dice, 6) == 0;
            counter_batch(&counter, time_ms, times);
            for (int attempt = 0; attempt < 2; attempt++) {
                buffer first = rows_again(&counter, time_ms, last_ms);
                assert_int_equal(counter.rows.size, first.size);
                assert_memory_equal(counter.rows.at ? counter.rows.at : "", first.at ? first.at : "",
                                    first.size);
                given += first.size > 0;
                buffer_done(&first);
            }
        }
        assert_true(given > 20);
        counter_close(&counter);
    }
}

/* A count with two names, of one shard each, as a checkpoint holds it. */
static saved two_names_saved(void)
{
    static uint32_t times[NAMES];
    counter counter;
    saved saved = { 0 };
    setup(20000, 10000);
    counter_open(&counter);
    times[1] = times[3] = 5;
    counter_batch(&counter, 100, times);
    save(&counter, &saved, true);
    counter_close(&counter);
    return saved;
}

static void a_damaged_state_is_refused(void **state)
{
    (void)state;
    counter counter;
    saved saved = two_names_saved();
    size_t unseen = 0;
    for (size_t size = 1; size < saved.whole.size; size++) {
        failure failure = { 0 };
        char *cut = memory_new(size);
        memcpy(cut, saved.whole.at, size);
        counter_open(&counter);
        sl_result result = operator_count.load(counter.nodes[COUNT].self, (sl_text){ cut, size }, &failure);
        if (result == SL_OK) {
            unseen++;
        } else {
            assert_int_equal(result, SL_FAILED);
            assert_non_null(strstr(failure.text, "\"hits\""));
        }
        counter_close(&counter);
        free(cut);
    }
    assert_int_equal(unseen, 1); /* between the pieces of two shards: the checkpoint's checksums see it */
    buffer_done(&saved.whole);
}

typedef struct piece {
    int64_t pane;
    uint64_t bytes;
    char entries[50];
} piece;

static void pieces_are_refused(const piece *pieces, size_t count)
{
    buffer bytes = { 0 };
    failure failure = { 0 };
    counter counter;
    for (size_t i = 0; i < count; i++)
        buffer_append(&bytes, &pieces[i], offsetof(piece, entries) + pieces[i].bytes);
    counter_open(&counter);
    sl_text all = { bytes.at, bytes.size };
    assert_int_equal(operator_count.load(counter.nodes[COUNT].self, all, &failure), SL_FAILED);
    counter_close(&counter);
    buffer_done(&bytes);
}

/* What has the checksum of a whole piece and yet is none. */
static void pieces_that_no_count_writes_are_refused(void **state)
{
    (void)state;
    saved saved = two_names_saved();
    piece two[2] = { 0 };
    const char *at = saved.whole.at;
    for (int i = 0; i < 2; i++) {
        memcpy(&two[i], at, offsetof(piece, entries));
        memcpy(two[i].entries, at + offsetof(piece, entries), two[i].bytes);
        at += offsetof(piece, entries) + two[i].bytes;
    }
    assert_ptr_equal(at, saved.whole.at + saved.whole.size);

    piece older[2] = { two[0], two[0] };
    older[1].pane--;
    pieces_are_refused(older, 2);
    piece both = two[0]; /* keys of two shards */
    memcpy(both.entries + both.bytes, two[1].entries, two[1].bytes);
    both.bytes += two[1].bytes;
    pieces_are_refused(&both, 1);
    piece often = two[0]; /* 2^41 times: seven bits a byte, the lowest first */
    memcpy(often.entries + often.bytes - 1, "\x80\x80\x80\x80\x80\x40", 6);
    often.bytes += 5;
    pieces_are_refused(&often, 1);
    piece none = { .pane = 1 };
    pieces_are_refused(&none, 1);
    buffer_done(&saved.whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_count_goes_on_from_its_checkpoint),
        cmocka_unit_test(a_pane_holds_more_than_its_counter),
        cmocka_unit_test(a_merged_batch_gives_its_rows_again),
        cmocka_unit_test(a_damaged_state_is_refused),
        cmocka_unit_test(pieces_that_no_count_writes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
