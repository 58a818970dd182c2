/*
 * bench/operators/operators.c - what each operation costs a record, against a loop by hand that does the same: see operations.h. One worker, rows
 * ready in memory, no input, no output: nothing but the operation. Rounds of engine and loop alternate; the value is the median of their ratios.
 *
 *     GOAL op_<name> <engine's ns / loop's ns> x goal <=1.5
 *
 *     operators [records a batch (200000) [rounds (9) [name]]]
 */
#include "../shared/measure.h"
#include "operations.h"
#include <stdlib.h>

enum { USERS = 20000, ROUNDS_MAX = 99, WARM = 3, DEFAULT_RECORDS = 200000 };

/* memory_job.c wants a job; this program draws its own. */
static void draw_none(sl_plan *plan, const void *options)
{
    (void)plan, (void)options;
}
const sl_job job = { .name = "operators", .about = "one operation", .draw = draw_none };

/* ---- Measuring ---- */

typedef struct side {
    double ns;
    uint64_t sum, rows;
} side;

static side engine_run(trial *trial, const input *input)
{
    taken_sum = taken_rows = 0;
    double began = thread_s();
    trial_batch(trial, input, 1000);
    return (side){ (thread_s() - began) * 1e9 / (double)input->count, taken_sum, taken_rows };
}

static side loop_run(const operation *of, hand *hand, const input *input)
{
    taken_sum = taken_rows = 0;
    double began = thread_s();
    of->loop(hand, input);
    return (side){ (thread_s() - began) * 1e9 / (double)input->count, taken_sum, taken_rows };
}

static void measure(const operation *of, const input *input, size_t rounds)
{
    double ratios[ROUNDS_MAX], engine_ns[ROUNDS_MAX], loop_ns[ROUNDS_MAX];
    trial *trial = trial_open(of, input);
    hand *hand = hand_open();
    char name[64];
    for (size_t i = 0; i < WARM + (size_t)of->panes + rounds; i++) {
        side engine = { 0 }, loop = { 0 };
        if (i % 2)
            loop = loop_run(of, hand, input);
        engine = engine_run(trial, input);
        if (i % 2 == 0)
            loop = loop_run(of, hand, input);
        if (!of->estimates && (engine.sum != loop.sum || engine.rows != loop.rows) && (i || !of->links))
            give_up(of->name);
        size_t round = i < rounds ? i : i % rounds; /* the last ones stay */
        engine_ns[round] = engine.ns;
        loop_ns[round] = loop.ns;
        ratios[round] = engine.ns / loop.ns;
    }
    printf("%-20s %7.1f ns a record, by hand %7.1f\n", of->name, median(engine_ns, rounds),
           median(loop_ns, rounds));
    snprintf(name, sizeof name, "op_%s", of->name);
    goal(name, median(ratios, rounds), "x", GOAL_MOST, 1.5);
    trial_close(trial);
    hand_close(hand);
}

int main(int argc, char **argv)
{
    input input;
    size_t count = argc > 1 ? (size_t)atoll(argv[1]) : DEFAULT_RECORDS,
           rounds = argc > 2 ? (size_t)atoll(argv[2]) : 9;
    if (rounds < 1 || rounds > ROUNDS_MAX)
        give_up("1 to 99 rounds");
    input_make(&input, count, USERS, false);
    for (size_t i = 0; i < operation_count; i++)
        if (argc < 4 || strcmp(argv[3], operations[i].name) == 0)
            measure(&operations[i], &input, rounds);
    input_done(&input);
    return 0;
}
