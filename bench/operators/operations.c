/*
 * bench/operators/operations.c - what is drawn for each operation, and the table of them.
 */
#include "operations.h"

static bool read_visit(sl_task *task, const sl_message *in, visit *out)
{
    (void)task;
    out->user = in->value;
    return true;
}
SL_STAGE(read_visit, sl_message, visit);

static bool read_guest(sl_task *task, const sl_message *in, guest *out)
{
    (void)task;
    out->user = in->value;
    return true;
}
SL_STAGE(read_guest, sl_message, guest);

static sl_stream visits(sl_plan *plan, const char *name)
{
    return sl_through(sl_from(plan, &(sl_input){ .name = name, .from = "memory" }), &read_visit_stage);
}

static void end(sl_stream rows)
{
    sl_to(rows, &(sl_output){ .name = "out", .to = { "null" } });
}

/* ---- Rows for rows ---- */

static bool in_cents(sl_task *task, const visit *in, visit *out)
{
    (void)task;
    *out = *in;
    out->cents *= 100;
    return true;
}
SL_STAGE(in_cents, visit, visit);

static bool is_dear(sl_task *task, const visit *in, visit *out)
{
    (void)task;
    *out = *in;
    return visit_is_dear(in);
}
SL_STAGE(is_dear, visit, visit);

static void in_two(sl_task *task, const visit *in, sl_rows *out)
{
    (void)task;
    for (int64_t part = 0; part < 2; part++) {
        visit *row = sl_row(out, visit);
        *row = *in;
        row->most = part;
    }
}
SL_FLAT_STAGE(in_two, visit, visit);

static void sum_chunk(sl_task *task, const visit *rows, size_t count, sl_rows *out)
{
    (void)task;
    visit *sum = sl_row(out, visit);
    *sum = rows[0];
    for (size_t i = 1; i < count; i++)
        sum->cents += rows[i].cents;
}
SL_CHUNK_STAGE(sum_chunk, visit, visit);

#define DRAWING(name, stream)                                                                                \
    static void draw_##name(sl_plan *plan, const void *options)                                              \
    {                                                                                                        \
        (void)options;                                                                                       \
        end(stream);                                                                                         \
    }

DRAWING(map, sl_through(visits(plan, "lines"), &in_cents_stage))
DRAWING(filter, sl_through(visits(plan, "lines"), &is_dear_stage))
DRAWING(flat_map, sl_through(visits(plan, "lines"), &in_two_stage))
DRAWING(chunk, sl_through(visits(plan, "lines"), &sum_chunk_stage))

/* ---- Keys ---- */

static void largest(visit *into, const visit *from)
{
    into->cents += from->cents;
    into->most = into->most > from->most ? into->most : from->most;
}
SL_COMBINE(largest, visit);

#define BY_USER .key = { visit_schema, 1, { offsetof(visit, user) } }
#define LAST    .window = { .length = { WINDOW_PANES * 1000 }, .pane = { 1000 } }
#define EVER    .window = { .length = { SL_EVER_MS } }
#define INTO    .into = { visit_schema, 1, { offsetof(visit, cents) } }
#define CENTS   .sum = { visit_schema, 1, { offsetof(visit, cents) } }

static const sl_fields user = { visit_schema, 1, { offsetof(visit, user) } };
static const sl_count in_batch = { .name = "kept", BY_USER, INTO },
                      in_window = { .name = "kept", BY_USER, INTO, LAST };
static const sl_reduce sums = { .name = "kept", BY_USER, CENTS },
                       sums_in = { .name = "kept", BY_USER, CENTS, LAST },
                       sum_all = { .name = "kept", CENTS },
                       most = { .name = "kept", BY_USER, .add = &largest_combine };
static const sl_distinct users = { .name = "kept", BY_USER }, users_ever = { .name = "kept", BY_USER, EVER };
static const sl_about about = { .name = "kept", .of = { visit_schema, 1, { offsetof(visit, user) } }, INTO };
static const sl_top best = { .most = { visit_schema, 1, { offsetof(visit, cents) } },
                             .then = { visit_schema, 1, { offsetof(visit, user) } },
                             .rank = { visit_schema, 1, { offsetof(visit, rank) } },
                             .count = TOP };

DRAWING(exchange, sl_exchange_by(visits(plan, "lines"), &user))
DRAWING(count, sl_count_by(visits(plan, "lines"), &in_batch))
DRAWING(count_window, sl_count_by(visits(plan, "lines"), &in_window))
DRAWING(sum, sl_reduce_by(visits(plan, "lines"), &sums))
DRAWING(sum_window, sl_reduce_by(visits(plan, "lines"), &sums_in))
DRAWING(sum_all, sl_reduce_by(visits(plan, "lines"), &sum_all))
DRAWING(combine, sl_reduce_by(visits(plan, "lines"), &most))
DRAWING(distinct, sl_distinct_by(visits(plan, "lines"), &users))
DRAWING(distinct_ever, sl_distinct_by(visits(plan, "lines"), &users_ever))
DRAWING(about, sl_count_about(visits(plan, "lines"), &about))
DRAWING(top, sl_top_by(sl_count_by(visits(plan, "lines"), &in_window), &best))

static bool visit_user(sl_task *task, const visit *in, visit *state, sl_key *key)
{
    (void)task, (void)key;
    visit_state(state, in->cents);
    return true;
}
SL_UPDATE(visit_user, visit, visit);

DRAWING(update, sl_update_by(visits(plan, "lines"), &visit_user_update,
                             &(sl_update){ .name = "kept", BY_USER, .into = user }))

/* ---- Rows together ---- */

static void each_user(sl_task *task, const visit *rows, size_t count, sl_rows *out)
{
    (void)task;
    *sl_row(out, visit) = visit_of_group(rows, count);
}
SL_CHUNK_STAGE(each_user, visit, visit);

static bool join_user(sl_task *task, const visit *left, const visit *right, visit *out)
{
    (void)task;
    *out = *left;
    out->most = right->cents;
    return true;
}
SL_PAIR(join_user, visit, visit, visit);

DRAWING(group,
        sl_group_by(visits(plan, "lines"), &(sl_group){ .name = "kept", BY_USER, .each = &each_user_stage }))
DRAWING(rows, sl_rows_in(visits(plan, "lines"), "kept",
                         &(sl_window){ .length = { KEPT_PANES * 1000 }, .pane = { 1000 } }))
DRAWING(join, sl_join_by(visits(plan, "lines"), visits(plan, "rights"),
                         &(sl_join){ .name = "kept", .left = user, .right = user, .pair = &join_user_pair }))

static void draw_look_up(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream guests =
        sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &read_guest_stage);
    end(sl_look_up(guests, &(sl_lookup){ .name = "persons",
                                         .from = "memory",
                                         .key = SL_FIELDS(guest, user),
                                         .into = SL_FIELDS(guest, person) }));
}

const operation operations[] = {
    { "map", draw_map, &operator_stage, NULL, 2, loop_map, 0, false, false, false },
    { "filter", draw_filter, &operator_stage, NULL, 2, loop_filter, 0, false, false, false },
    { "flat_map", draw_flat_map, &operator_stage, NULL, 2, loop_flat_map, 0, false, false, false },
    { "map_chunks", draw_chunk, &operator_stage, NULL, 2, loop_chunk, 0, false, false, false },
    { "look_up", draw_look_up, &operator_look_up, NULL, 2, loop_look_up, 0, false, true, false },
    { "exchange", draw_exchange, &operator_group, NULL, 2, loop_exchange, 0, false, false, false },
    { "count_by", draw_count, &operator_count, NULL, 2, loop_count, 0, false, false, false },
    { "count_by_window", draw_count_window, &operator_count, NULL, 2, loop_count_window, WINDOW_PANES, false,
      false, false },
    { "top", draw_top, &operator_count, &operator_top, 2, loop_top, WINDOW_PANES, false, false, false },
    { "reduce", draw_sum_all, &operator_reduce, NULL, 2, loop_sum_all, 0, false, false, false },
    { "reduce_by", draw_sum, &operator_reduce, NULL, 2, loop_sum, 0, false, false, false },
    { "reduce_by_function", draw_combine, &operator_reduce, NULL, 2, loop_combine, 0, false, false, false },
    { "reduce_by_window", draw_sum_window, &operator_reduce, NULL, 2, loop_sum_window, WINDOW_PANES, false,
      false, false },
    { "distinct", draw_distinct, &operator_distinct, NULL, 2, loop_distinct, 0, false, false, false },
    { "distinct_ever", draw_distinct_ever, &operator_distinct, NULL, 2, loop_distinct_ever, 0, false, false,
      false },
    { "count_about", draw_about, &operator_count_about, NULL, 2, loop_about, 0, false, false, true },
    { "update", draw_update, &operator_update, NULL, 2, loop_update, 0, false, false, false },
    { "group_by", draw_group, &operator_group, NULL, 2, loop_group, 0, false, false, false },
    { "rows_in", draw_rows, &operator_group, NULL, 2, loop_rows, KEPT_PANES, false, false, false },
    { "join", draw_join, &operator_join, NULL, 4, loop_join, 0, true, false, false },
};
const size_t operation_count = sizeof operations / sizeof operations[0];
