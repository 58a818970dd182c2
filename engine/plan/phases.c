/*
 * plan/phases.c - which nodes run when.
 *
 *     chunk of messages -> probing nodes -> all keys known? -> the other nodes      (a chunk with unknown keys is given
 *                                                                                    up and comes again: no effect yet)
 *     all chunks        -> merges of level 0, shard by shard -> merged nodes, which gather for level 1
 *                       -> merges of level 1 -> ...
 *
 * A level is as many merges as lie before one: the count of a count's rows merges when all shards of the first are done.
 */
#include <plan/plan.h>

bool plan_merges(const plan_node *node)
{
    return plan_window(node) || node->kind == PLAN_UPDATE || node->kind == PLAN_SNAPSHOTS;
}

bool plan_keeps(const plan_node *node)
{
    return plan_merges(node) && node->kind != PLAN_SNAPSHOTS;
}

bool plan_is_above(const sl_plan *plan, uint32_t above, uint32_t node)
{
    return plan->nodes[node].above >> above & 1;
}

static void link_input(sl_plan *plan, uint32_t i, uint32_t from)
{
    plan_node *node = &plan->nodes[i], *input = &plan->nodes[from];
    uint32_t level = input->level + plan_merges(input);
    input->children[input->child_count++] = i;
    node->above |= input->above;
    node->merged |= input->merged || plan_merges(input) || input->kind == PLAN_TOP;
    node->level = level > node->level ? level : node->level;
}

static void plan_link(sl_plan *plan)
{
    plan->levels = 1;
    for (uint32_t i = 0; i < plan->count; i++)
        plan->nodes[i].child_count = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        plan->nodes[i].merged = false;
        plan->nodes[i].level = 0;
        plan->nodes[i].above = (uint64_t)1 << i;
        if (plan->nodes[i].kind != PLAN_SOURCE)
            link_input(plan, i, plan->nodes[i].input);
        if (plan->nodes[i].second != i)
            link_input(plan, i, plan->nodes[i].second);
        if (plan->nodes[i].level + 1 > plan->levels)
            plan->levels = plan->nodes[i].level + 1;
    }
}

static void plan_find_probing(sl_plan *plan)
{
    for (uint32_t i = plan->count; i-- > 0;) {
        plan_node *node = &plan->nodes[i];
        node->probing = node->kind == PLAN_LOOK_UP;
        for (uint32_t c = 0; c < node->child_count; c++)
            node->probing |= plan->nodes[node->children[c]].probing;
    }
}

static uint32_t plan_find_trunk(const sl_plan *plan, uint32_t at)
{
    while (plan->nodes[at].child_count == 1) {
        const plan_node *next = &plan->nodes[plan->nodes[at].children[0]];
        bool passes = next->kind == PLAN_LOOK_UP || next->kind == PLAN_UNION ||
                      (next->kind == PLAN_STAGE && !next->as.stage->flat);
        if (!passes)
            break;
        at = plan->nodes[at].children[0];
    }
    return at;
}

void plan_cut(sl_plan *plan)
{
    plan_link(plan);
    plan_find_probing(plan);
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->nodes[i].kind == PLAN_SOURCE)
            plan->nodes[i].trunk = plan_find_trunk(plan, i);
}
