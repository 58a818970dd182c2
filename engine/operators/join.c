/*
 * operators/join.c - the rows of two streams that have the same key, in the batch or in a window. See held_rows.h.
 */
#include <operators/held_rows.h>

static void join_give(const plan_node *node, sl_task *task, const held_group *group, sl_rows *out)
{
    const sl_join *drawn = &node->as.join;
    sl_joined joined = { drawn->kind, group->rows[0], group->rows[1], group->counts[0], group->counts[1] };
    drawn->pair->run(task, &joined, out);
}

static sl_result join_open(const operator_spec *spec, void **opened, failure *failure)
{
    const plan_node *node = spec->node;
    const sl_join *drawn = &node->as.join;
    held_spec made = {
        .name = drawn->name,
        .window = &drawn->window,
        .sides = { { node->input, node->taken, drawn->left },
                   { node->second, drawn->pair->right(), drawn->right } },
        .side_count = 2,
        .give = join_give,
    };
    return held_open(spec, &made, opened, failure);
}

const operator_kind operator_join = {
    .name = "join",
    .open = join_open,
    .close = held_close,
    .begin = held_begin,
    .rows = held_rows,
    .merge = held_merge,
    .save = held_save,
    .load = held_load,
    .bytes = held_bytes,
    .account = held_account,
};
