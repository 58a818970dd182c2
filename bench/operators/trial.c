/*
 * bench/operators/trial.c - the engine's part: one operator and its neighbours, on one worker; see operations.h.
 */
#include "../shared/measure.h"
#include "operations.h"
#include <base/memory.h>
#include <operators/look_up.h>
#include <settings.h>
#include <stdlib.h>

/* ---- Where rows end ---- */

uint64_t taken_sum, taken_rows;

__attribute__((noinline)) void visits_take(const void *rows, size_t count)
{
    const visit *at = rows;
    for (size_t i = 0; i < count; i++)
        taken_sum += ((uint64_t)at[i].cents * 3 + (uint64_t)at[i].most * 5 + (uint64_t)at[i].rank) *
                     (at[i].user.at ? at[i].user.size + (unsigned char)at[i].user.at[0] : 7);
    taken_rows += count;
}

__attribute__((noinline)) void guests_take(const void *rows, size_t count)
{
    const guest *at = rows;
    for (size_t i = 0; i < count; i++)
        taken_sum += (uint64_t)(at[i].person ? at[i].person->age + 1 : 0) * at[i].user.size;
    taken_rows += count;
}

/* ---- The engine's part: one operator and its neighbours ---- */

struct trial {
    const operation *of;
    sl_plan plan;
    operator nodes[PLAN_NODES_MAX];
    operator* operators[PLAN_NODES_MAX];
    sl_task task;
    batch_frame frame;
    lookup_place place;
    settings *settings;
    sl_clock clock;
    void *room;
};

extern const lookup_kind lookup_memory;

static void emitted(void *executor, sl_task *task, uint32_t node, const void *rows, size_t count)
{
    (void)executor, (void)task, (void)node;
    visits_take(rows, count);
}

static void handed_on(sl_rows *rows)
{
    visits_take(rows->at, rows->count);
    rows->count = 0;
}

static void lookup_fill(trial *trial, const input *input)
{
    static const char *const names[] = { "name", "age" };
    lookup_spec spec = { .name = "persons", .target = "", .prefix = "", .names = names, .name_count = 2 };
    failure failure = { 0 };
    trial->place.kind = &lookup_memory;
    if (lookup_memory.open(&spec, &trial->place.self, &failure) != SL_OK)
        give_up(failure.text);
    for (size_t i = 0; i < input->users; i++) {
        char json[100], key[32];
        snprintf(key, sizeof key, "%.*s", (int)input->rights[i].user.size, input->rights[i].user.at);
        snprintf(json, sizeof json, "{\"name\":\"%s\",\"age\":\"%s\"}", key, key);
        lookup_memory.know(trial->place.self, key, json);
    }
}

static void node_open(trial *trial, uint32_t number, const operator_kind *kind)
{
    failure failure = { 0 };
    operator_spec spec = { .node = &trial->plan.nodes[number],
                           .number = number,
                           .workers = 1,
                           .settings = trial->settings,
                           .clock = &trial->clock,
                           .operators = trial->operators,
                           .executor = trial,
                           .emit = emitted,
                           .place = &trial->place };
    if (kind->open(&spec, &trial->nodes[number].self, &failure) != SL_OK)
        give_up(failure.text);
    trial->nodes[number].kind = kind;
}

trial *trial_open(const operation *of, const input *input)
{
    trial *made = memory_new(sizeof *made);
    made->of = of;
    made->settings = settings_for(&(sl_job){ .name = "operators", .about = "" });
    made->clock = (sl_clock){ .manual = true };
    made->task.batch = &made->frame;
    made->frame.time_ms = 1000000;
    made->room = memory_new((CHUNK_ROWS + 1) * sizeof(visit));
    if (plan_draw(&made->plan, &(sl_job){ .name = "operators", .draw = of->draw }, NULL) != SL_OK)
        give_up(made->plan.failure.text);
    for (uint32_t i = 0; i < PLAN_NODES_MAX; i++)
        made->operators[i] = &made->nodes[i];
    if (of->links)
        lookup_fill(made, input);
    node_open(made, of->node, of->kind);
    if (of->behind)
        node_open(made, of->node + 1, of->behind);
    return made;
}

void trial_close(trial *trial)
{
    if (trial->of->behind)
        trial->of->behind->close(trial->nodes[trial->of->node + 1].self);
    trial->of->kind->close(trial->nodes[trial->of->node].self);
    if (trial->place.kind)
        trial->place.kind->close(trial->place.self);
    settings_free(trial->settings);
    arena_done(&trial->task.memory);
    free(trial->room);
    free(trial);
}

/* Chunk by chunk, as a worker would. `at`: rows of `bytes` each. */
static void rows_run(trial *trial, uint32_t feeder, const void *at, size_t bytes, size_t count)
{
    const operation *of = trial->of;
    bool flat = of->kind == &operator_stage && trial->plan.nodes[of->node].as.stage->flat;
    trial->task.feeder = feeder;
    for (size_t from = 0; from < count; from += CHUNK_ROWS, trial->task.sequence++) {
        size_t some = count - from < CHUNK_ROWS ? count - from : CHUNK_ROWS;
        sl_rows in = { .at = (char *)(uintptr_t)at + from * bytes, .count = some, .room = some },
                out = { .at = trial->room, .room = flat ? CHUNK_ROWS : CHUNK_ROWS + 1 };
        if (flat) {
            out.of = trial->plan.nodes[of->node].schema;
            out.full = handed_on;
        }
        trial->task.missing = false;
        of->kind->rows(trial->nodes[of->node].self, &trial->task, &in, &out);
        if (out.count && of->links)
            guests_take(out.at, out.count);
        else if (out.count)
            visits_take(out.at, out.count);
    }
}

void trial_batch(trial *trial, const input *input, int64_t pass_ms)
{
    const operation *of = trial->of;
    operator* self = & trial->nodes[of->node], *behind = &trial->nodes[of->node + 1];
    failure failure = { 0 };
    trial->frame.last_time_ms = trial->frame.time_ms;
    trial->frame.time_ms += pass_ms;
    trial->task.sequence = 0;
    arena_reset(&trial->task.memory);
    if (self->kind->begin)
        self->kind->begin(self->self, &trial->frame, &failure);
    if (of->behind && of->behind->begin)
        of->behind->begin(behind->self, &trial->frame, &failure);
    const plan_node *node = &trial->plan.nodes[of->node];
    rows_run(trial, node->input, of->links ? (const void *)input->guests : input->visits,
             of->links ? sizeof(guest) : sizeof(visit), input->count);
    if (of->joins)
        rows_run(trial, node->second, input->rights, sizeof(visit), input->users);
    if (self->kind->resolve)
        self->kind->resolve(self->self, &failure);
    for (unsigned shard = 0; self->kind->merge && shard < STORE_SHARDS; shard++)
        self->kind->merge(self->self, &trial->task, shard);
    if (of->behind)
        of->behind->finish(behind->self, &trial->task);
}

/* ---- Input ---- */

void input_make(input *input, size_t count, size_t users, bool evenly)
{
    uint64_t state = 1;
    *input =
        (struct input){ .count = count, .users = users, .names = memory_new(users * sizeof *input->names) };
    input->visits = memory_new(count * sizeof(visit));
    input->guests = memory_new(count * sizeof(guest));
    input->rights = memory_new(users * sizeof(visit));
    for (size_t i = 0; i < users; i++) {
        int size = snprintf(input->names[i], sizeof input->names[i], "%zu", i);
        input->rights[i] = (visit){ { input->names[i], (size_t)size }, (int64_t)i, 0, 0 };
    }
    for (size_t i = 0; i < count; i++) {
        size_t user = evenly ? random_next(&state) % users : zipf_next(&state, (unsigned)users);
        int64_t cents = (int64_t)(random_next(&state) % 1000);
        input->visits[i] = (visit){ input->rights[user].user, cents, cents, 0 };
        input->guests[i].user = input->rights[user].user;
    }
}

void input_done(input *input)
{
    free(input->visits);
    free(input->guests);
    free(input->rights);
    free(input->names);
}
