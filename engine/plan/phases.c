/*
 * plan/phases.c - which nodes run when.
 *
 *     chunk of messages -> probing nodes -> all keys known? -> the other nodes      (a chunk with unknown keys is given
 *                                                                                    up and comes again: no effect yet)
 *     all chunks        -> merges, shard by shard -> merged nodes
 */
#include <plan/plan.h>

static void plan_link(sl_plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++)
        plan->nodes[i].child_count = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        plan_node *node = &plan->nodes[i], *input = &plan->nodes[node->input];
        if (node->kind == PLAN_SOURCE)
            continue;
        input->children[input->child_count++] = i;
        node->merged = input->merged || input->kind == PLAN_COUNT || input->kind == PLAN_TOP;
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
        if (next->kind != PLAN_STAGE && next->kind != PLAN_LOOK_UP)
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
