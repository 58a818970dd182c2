/*
 * operators/group.c - the rows of a key together: handed to a function of the job, or passed on as they are, which is an exchange by key
 * or a window of rows. See held_rows.h.
 */
#include <operators/held_rows.h>

static void group_give(const plan_node *node, sl_task *task, const held_group *group, sl_rows *out)
{
    node->as.group.each->run(task, group->rows[0], group->counts[0], out);
}

static sl_result group_open(const operator_spec *spec, void **opened, failure *failure)
{
    const sl_group *drawn = &spec->node->as.group;
    held_spec made = {
        .name = drawn->name,
        .window = &drawn->window,
        .sides = { { spec->node->input, spec->node->taken, drawn->key } },
        .side_count = 1,
        .give = drawn->each ? group_give : NULL,
    };
    return held_open(spec, &made, opened, failure);
}

const operator_kind operator_group = {
    .name = "group",
    .open = group_open,
    .close = held_close,
    .begin = held_begin,
    .rows = held_rows,
    .merge = held_merge,
    .save = held_save,
    .load = held_load,
    .bytes = held_bytes,
    .account = held_account,
};
