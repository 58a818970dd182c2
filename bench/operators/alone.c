/*
 * bench/operators/alone.c - what bench/engine/windows.c and keys.c ask of listens, of operations alone: does a long window cost more than a short one,
 * do many keys cost more than few, and what does a key take? One worker, rows ready in memory, rows out counted.
 *
 *     GOAL window_length_<name> <CPU time a record with 1,800 panes / with 30> x goal <=1.1     both full, the same keys
 *     GOAL key_count_<name> <rate among many keys / among 100,000> x goal >=0.9                  drawn evenly
 *     GOAL bytes_per_key_<name> <what the process grew by for each key> B goal <=40              update: beside a state of 24 bytes
 *
 *     alone [million keys, default 10]
 */
#include "../shared/measure.h"
#include "operations.h"
#include <stdlib.h>

enum {
    RECORDS = 20000,
    WINDOW_USERS = 20000,
    MANY_RECORDS = 250000,
    FEW_USERS = 100000,
    ROUNDS = 7,
    MINUTE_MS = 60000,
    NEVER_MS = 1000000000
};

static void draw_none(sl_plan *plan, const void *options)
{
    (void)plan, (void)options;
}
const sl_job job = { .name = "alone", .about = "one operation", .draw = draw_none };

static int64_t
    minutes; /* of windows; 0: for ever. Nothing is told while it is measured: among many keys there would be more to tell */

static bool read_visit(sl_task *task, const sl_message *in, visit *out)
{
    (void)task;
    out->user = in->value;
    return true;
}
SL_STAGE(read_visit, sl_message, visit);

static bool visit_user(sl_task *task, const visit *in, visit *state, sl_key *key)
{
    (void)task, (void)key;
    visit_state(state, in->cents);
    return false;
}
SL_UPDATE(visit_user, visit, visit);

static sl_stream visits(sl_plan *plan)
{
    return sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &read_visit_stage);
}

static void end(sl_stream rows)
{
    sl_to(rows, &(sl_output){ .name = "out", .to = { "null" } });
}

static sl_window window(void)
{
    sl_window made = { .length = { minutes * MINUTE_MS }, .slide = { NEVER_MS }, .pane = { MINUTE_MS } };
    return minutes ? made : (sl_window){ .length = SL_EVER, .slide = { NEVER_MS } };
}

static void draw_count(sl_plan *plan, const void *options)
{
    (void)options;
    end(sl_count_by(visits(plan), &(sl_count){ .name = "kept",
                                               .key = SL_FIELDS(visit, user),
                                               .into = SL_FIELDS(visit, cents),
                                               .window = window() }));
}

static void draw_sum(sl_plan *plan, const void *options)
{
    (void)options;
    end(sl_reduce_by(visits(plan), &(sl_reduce){ .name = "kept",
                                                 .key = SL_FIELDS(visit, user),
                                                 .sum = SL_FIELDS(visit, cents),
                                                 .window = window() }));
}

static void draw_distinct(sl_plan *plan, const void *options)
{
    (void)options;
    sl_window drawn = window();
    drawn.slide.ms =
        minutes ? NEVER_MS : 0; /* for ever each is told once: when it comes, before anything is measured */
    end(sl_distinct_by(visits(plan),
                       &(sl_distinct){ .name = "kept", .key = SL_FIELDS(visit, user), .window = drawn }));
}

static void draw_update(sl_plan *plan, const void *options)
{
    (void)options;
    end(sl_update_by(
        visits(plan), &visit_user_update,
        &(sl_update){ .name = "kept", .key = SL_FIELDS(visit, user), .into = SL_FIELDS(visit, user) }));
}

static const operation alone[] = {
    { .name = "count_by", .draw = draw_count, .kind = &operator_count, .node = 2 },
    { .name = "reduce_by", .draw = draw_sum, .kind = &operator_reduce, .node = 2 },
    { .name = "distinct",
      .draw = draw_distinct,
      .kind = &operator_distinct,
      .node = 2,
      .loop = loop_distinct_ever },
    { .name = "update", .draw = draw_update, .kind = &operator_update, .node = 2, .loop = loop_update },
};
enum { ALONE = sizeof alone / sizeof alone[0] };

static double batch_ns(trial *trial, const input *input, int64_t pass_ms)
{
    double began = thread_s();
    trial_batch(trial, input, pass_ms);
    return (thread_s() - began) * 1e9 / (double)input->count;
}

static void told(const char *goal_name, const operation *of, double value, const char *unit, goal_sense sense,
                 double bound)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s", goal_name, of->name);
    goal(name, value, unit, sense, bound);
}

static trial *window_open(const operation *of, const input *input, int64_t length)
{
    minutes = length;
    trial *made = trial_open(of, input);
    for (int64_t i = 0; i < length + 2; i++)
        trial_batch(made, input, MINUTE_MS);
    return made;
}

static void window_measure(const operation *of, const input *input)
{
    double ratios[ROUNDS], longs[ROUNDS], shorts[ROUNDS];
    trial *long_one = window_open(of, input, 1800), *short_one = window_open(of, input, 30);
    for (int round = 0; round < ROUNDS; round++) {
        longs[round] = batch_ns(long_one, input, MINUTE_MS);
        shorts[round] = batch_ns(short_one, input, MINUTE_MS);
        ratios[round] = longs[round] / shorts[round];
    }
    printf("%s, windows of 30 h: %.1f ns a record; of 30 min: %.1f ns\n", of->name, median(longs, ROUNDS),
           median(shorts, ROUNDS));
    told("window_length", of, median(ratios, ROUNDS), "x", GOAL_MOST, 1.1);
    trial_close(long_one);
    trial_close(short_one);
}

static double resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1)
        give_up("/proc/self/statm cannot be read");
    fclose(file);
    return (double)pages * 4096;
}

/* Every user once, in batches as large as those that are measured. `hand` NULL: through the engine. */
static void users_fill(const operation *of, trial *trial, hand *hand, const input *all)
{
    for (size_t from = 0; from < all->users; from += all->count) {
        input some = *all;
        some.visits = all->rights + from;
        some.count = all->users - from < all->count ? all->users - from : all->count;
        if (hand)
            of->loop(hand, &some);
        else
            trial_batch(trial, &some, 1);
    }
}

static double loop_ns(const operation *of, hand *hand, const input *input)
{
    double began = thread_s();
    of->loop(hand, input);
    return (thread_s() - began) * 1e9 / (double)input->count;
}

/* What the loop by hand, with one table and nothing else, loses by many keys: no operation can lose less. */
static void loop_measure(const operation *of, const input *few, const input *many)
{
    double few_ns[ROUNDS], many_ns[ROUNDS];
    hand *few_keys = hand_open(), *many_keys = hand_open();
    users_fill(of, NULL, few_keys, few);
    users_fill(of, NULL, many_keys, many);
    for (int round = 0; round < ROUNDS; round++) {
        few_ns[round] = loop_ns(of, few_keys, few);
        many_ns[round] = loop_ns(of, many_keys, many);
    }
    printf("%s by hand: %.1f ns; %.1f ns\n", of->name, median(many_ns, ROUNDS), median(few_ns, ROUNDS));
    hand_close(few_keys);
    hand_close(many_keys);
}

static void keys_measure(const operation *of, const input *few, const input *many)
{
    double ratios[ROUNDS], few_ns[ROUNDS], many_ns[ROUNDS];
    minutes = 0;
    trial *few_keys = trial_open(of, few), *many_keys = trial_open(of, many);
    users_fill(of, few_keys, NULL, few);
    for (int i = 0; i < 3; i++) { /* all that does not grow with keys is there */
        batch_ns(few_keys, few, 1);
        batch_ns(many_keys, few, 1);
    }
    double before = resident_bytes();
    users_fill(of, many_keys, NULL, many);
    double bytes = (resident_bytes() - before) / (double)(many->users - few->users);
    for (int round = 0; round < ROUNDS; round++) {
        few_ns[round] = batch_ns(few_keys, few, 1);
        many_ns[round] = batch_ns(many_keys, many, 1);
        ratios[round] = few_ns[round] / many_ns[round];
    }
    printf("%s, among %.1f M keys: %.1f ns a record; among %.1f M: %.1f ns\n", of->name,
           (double)many->users / 1e6, median(many_ns, ROUNDS), (double)few->users / 1e6,
           median(few_ns, ROUNDS));
    told("key_count", of, median(ratios, ROUNDS), "x", GOAL_LEAST, 0.9);
    told("bytes_per_key", of, bytes, "B", GOAL_MOST, 40);
    trial_close(few_keys);
    trial_close(many_keys);
}

int main(int argc, char **argv)
{
    double millions = argc > 1 ? strtod(argv[1], NULL) : 10;
    input visits, few, many;
    input_make(&visits, RECORDS, WINDOW_USERS, false);
    input_make(&few, MANY_RECORDS, FEW_USERS, true);
    input_make(&many, MANY_RECORDS, (size_t)(millions * 1e6), true);
    for (size_t i = 0; i < ALONE; i++) {
        if (alone[i].kind != &operator_update)
            window_measure(&alone[i], &visits);
        keys_measure(&alone[i], &few, &many);
        if (alone[i].loop)
            loop_measure(&alone[i], &few, &many);
    }
    input_done(&visits);
    input_done(&few);
    input_done(&many);
    return 0;
}
