/*
 * tests/operators/gathering.c - rows that several workers wrote down, chunk by chunk in any order, come back shard by shard in the order of the
 * input, each with its key.
 */
#include <operators/gathering.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <support/random.h>

#include <cmocka.h>

enum { WORKERS = 3, CHUNKS = 40, NAMES = 60 };

#define HIT_FIELDS(F) F(text, name) F(text, area) F(i64, number)
SL_RECORD(hit, HIT_FIELDS);

static char names[NAMES][60];
static hit hits[CHUNKS][CHUNK_ROWS];
static size_t counts[CHUNKS];
static gathering all;
static sl_task tasks[WORKERS];

static void hits_draw(dice *dice)
{
    int64_t number = 0;
    for (size_t i = 0; i < NAMES; i++)
        snprintf(names[i], sizeof names[i], i % 3 ? "%zu" : "a name that is too long for a short key %zu", i);
    for (size_t c = 0; c < CHUNKS; c++) {
        counts[c] = dice_below(dice, 4) ? dice_below(dice, CHUNK_ROWS) + 1 : dice_below(dice, 3);
        for (size_t i = 0; i < counts[c]; i++) {
            const char *name = names[dice_below(dice, NAMES)];
            hits[c][i] = (hit){ { name, strlen(name) }, SL_TEXT("area"), number++ };
        }
    }
}

/* A chunk comes as a whole, or in two parts as from a flat stage. */
static void chunk_send(size_t chunk, unsigned worker, bool in_parts)
{
    char *places[CHUNK_ROWS];
    tasks[worker].sequence = chunk * 2 / 3 * 2 + chunk; /* some follow each other, others do not */
    size_t first = in_parts ? counts[chunk] / 2 : counts[chunk];
    for (size_t from = 0, until = first; from < counts[chunk]; from = until, until = counts[chunk]) {
        sl_rows in = { .at = &hits[chunk][from], .count = until - from };
        if (in.count == 0)
            continue;
        gathering_chunk(&all, &tasks[worker], &in, places);
        for (size_t i = 0; i < in.count && all.form.row_bytes; i++)
            memcpy(places[i], &hits[chunk][from + i].number, sizeof(int64_t));
    }
}

/* In the order in which workers take chunks: each takes some that follow each other; now and then one is left for later. */
static void chunks_send(dice *dice)
{
    size_t later[CHUNKS], late = 0;
    unsigned worker = 0;
    for (size_t c = 0; c < CHUNKS; c++) {
        worker = dice_below(dice, 3) ? worker : (unsigned)dice_below(dice, WORKERS);
        if (dice_below(dice, 6) == 0)
            later[late++] = c;
        else
            chunk_send(c, worker, dice_below(dice, 2));
    }
    while (late)
        chunk_send(later[--late], (unsigned)dice_below(dice, WORKERS), false);
}

static row_key key_at(const hit *row, arena *memory)
{
    return key_of_row(&all.form.key, row, memory);
}

/* The rows of the shard in the order of the input, against all runs one after another. */
static void shard_check(unsigned shard, arena *memory)
{
    gathering_order order = { 0 };
    size_t count, run = 0, at = 0, rows = 0;
    gathered_run *const *runs = gathering_sort(&all, shard, &order, &count);
    for (size_t c = 0; c < CHUNKS; c++)
        for (size_t i = 0; i < counts[c]; i++) {
            row_key key = key_at(&hits[c][i], memory);
            if (store_shard_of(key_hash(key)) != shard)
                continue;
            assert_true(run < count);
            if (all.form.row_bytes)
                assert_memory_equal(runs[run]->rows + at * sizeof(int64_t), &hits[c][i].number,
                                    sizeof(int64_t));
            if (all.form.with_keys)
                assert_true(key_equal(runs[run]->keys[at], key));
            rows++;
            if (++at == runs[run]->count)
                run++, at = 0;
        }
    assert_int_equal(run, count);
    assert_int_equal(gathering_rows(&all, shard), rows);
    gathering_order_done(&order);
}

static void rows_come_back_in_the_order_of_the_input(void **state)
{
    static const gathering_form forms[] = {
        { { hit_schema, 1, { offsetof(hit, name) } }, sizeof(hit), sizeof(int64_t), true },
        { { hit_schema, 2, { offsetof(hit, name), offsetof(hit, area) } },
          sizeof(hit),
          sizeof(int64_t),
          false },
        { { hit_schema, 2, { offsetof(hit, number), offsetof(hit, name) } }, sizeof(hit), 0, true },
    };
    dice dice = { 41 };
    arena memory = { 0 };
    (void)state;
    for (size_t form = 0; form < sizeof forms / sizeof forms[0]; form++) {
        gathering_open(&all, &forms[form], WORKERS);
        for (int batch = 0; batch < 20; batch++) {
            gathering_begin(&all);
            hits_draw(&dice);
            chunks_send(&dice);
            for (unsigned shard = 0; shard < STORE_SHARDS; shard++)
                shard_check(shard, &memory);
            arena_reset(&memory);
        }
        gathering_close(&all);
    }
    for (unsigned w = 0; w < WORKERS; w++)
        arena_done(&tasks[w].memory);
    arena_done(&memory);
}

static void chunks_that_follow_each_other_are_one_run(void **state)
{
    static const gathering_form form = { { 0 }, sizeof(hit), sizeof(int64_t), false };
    gathering_order order = { 0 };
    size_t count;
    (void)state;
    gathering_open(&all, &form, WORKERS);
    for (uint64_t sequence = 7; sequence < 12; sequence++) { /* 7 8 _ 10 11 */
        tasks[1].sequence = sequence;
        if (sequence != 9)
            gathering_take(&all, &tasks[1], 5, 3);
    }
    gathered_run *const *runs = gathering_sort(&all, 5, &order, &count);
    assert_int_equal(count, 2);
    assert_int_equal(runs[0]->count, 6);
    assert_int_equal(runs[1]->count, 6);
    assert_int_equal(runs[1]->sequence, 10);
    gathering_order_done(&order);
    gathering_close(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_in_the_order_of_the_input),
        cmocka_unit_test(chunks_that_follow_each_other_are_one_run),
    };
    for (unsigned w = 0; w < WORKERS; w++)
        tasks[w].worker = w;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
