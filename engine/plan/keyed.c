/*
 * plan/keyed.c - the drawing functions of <sluice/state.h>, and what the compiler cannot see in them.
 */
#include <plan/plan.h>
#include <records/document.h>
#include <records/key.h>
#include <string.h>

enum { STATE_FIELDS_MAX = 64 };

sl_stream sl_update_by(sl_stream in, const sl_updater *updater, const sl_update *update)
{
    if (!plan_takes(in, PLAN_UPDATE, update->name, updater->in))
        return in;
    plan_node node = { .kind = PLAN_UPDATE, .name = update->name, .schema = updater->state() };
    node.as.update.drawn = *update;
    node.as.update.updater = updater;
    return plan_add(in, &node);
}

sl_stream sl_snapshots(sl_stream of, sl_duration every)
{
    if (!plan_takes(of, PLAN_SNAPSHOTS, NULL, NULL))
        return of;
    const plan_node *from = &of.plan->nodes[of.node];
    plan_node node = { .kind = PLAN_SNAPSHOTS, .name = from->name, .schema = from->schema };
    node.as.snapshots_every = every;
    return plan_add(of, &node);
}

static sl_result node_fails(sl_plan *plan, const plan_node *node, const char *what, const char *name)
{
    return fail(&plan->failure, SL_USAGE, "%s \"%s\": %s%s%s%s", plan_kind_name(node->kind),
                node->name ? node->name : "", what, name ? " \"" : "", name ? name : "", name ? "\"" : "");
}

/* All that is saved is found by its name. */
static bool name_is_taken(const sl_plan *plan, const plan_node *node)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        const plan_node *other = &plan->nodes[i];
        bool saves = plan_keeps(other) || other->kind == PLAN_OUTPUT;
        if (other != node && saves && other->name && strcmp(other->name, node->name) == 0)
            return true;
    }
    return false;
}

/* What a top gives comes when all merges are done. */
static bool is_behind_top(const sl_plan *plan, const plan_node *node)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->nodes[i].kind == PLAN_TOP && node->above >> i & 1)
            return true;
    return false;
}

static sl_result check_key(sl_plan *plan, const plan_node *node)
{
    const sl_update *update = &node->as.update.drawn;
    const sl_updater *updater = node->as.update.updater;
    if (update->key.count == 0 || update->key.count != update->into.count)
        return node_fails(plan, node, "key and into must have the same number of fields, one or more", NULL);
    if (update->key.of() != updater->in())
        return node_fails(plan, node, "key must be fields of the record that the function takes,",
                          updater->in()->name);
    if (update->into.of() != updater->state())
        return node_fails(plan, node, "into must be fields of the state,", updater->state()->name);
    for (size_t i = 0; i < update->key.count; i++) {
        const sl_field *from = schema_field_at(updater->in(), update->key.offset[i]),
                       *to = schema_field_at(updater->state(), update->into.offset[i]);
        if (!key_can_be_of(from->kind))
            return node_fails(plan, node, "an origin or a link cannot be part of a key:", from->name);
        if (from->kind != to->kind)
            return node_fails(plan, node, "key and into are of different kinds at", to->name);
    }
    return SL_OK;
}

static sl_result check_state(sl_plan *plan, const plan_node *node)
{
    const sl_update *update = &node->as.update.drawn;
    const sl_schema *state = node->as.update.updater->state();
    for (size_t i = 0; i < state->count; i++) {
        const sl_field *field = &state->fields[i];
        bool is_key = false;
        for (size_t k = 0; k < update->into.count; k++)
            is_key |= update->into.offset[k] == field->offset;
        if (!is_key && field->kind == SL_KIND_text)
            return node_fails(
                plan, node,
                "a text cannot be kept unless it is part of the key or a member of a set:", field->name);
        if (!is_key && !key_can_be_of(field->kind))
            return node_fails(plan, node, "an origin or a link cannot be kept:", field->name);
    }
    if (state->count > STATE_FIELDS_MAX)
        return node_fails(plan, node, "a state has at most 64 fields", NULL);
    for (size_t s = 0; s < SL_SETS_MAX; s++)
        for (size_t other = 0; update->sets[s] && other < s; other++)
            if (update->sets[other] == NULL || strcmp(update->sets[s], update->sets[other]) == 0)
                return node_fails(plan, node, "sets need names that differ, without a gap:", update->sets[s]);
    return SL_OK;
}

sl_result plan_check_update(sl_plan *plan, const plan_node *node)
{
    if (node->name == NULL || !*node->name)
        return node_fails(plan, node, "it needs a name: the checkpoint finds its state by it", NULL);
    if (name_is_taken(plan, node))
        return node_fails(plan, node, "another state or output has this name", NULL);
    if (is_behind_top(plan, node))
        return node_fails(plan, node, "it cannot stand behind a top: lists come when all states are done",
                          NULL);
    if (node->as.update.drawn.timeout.ms < 0)
        return node_fails(plan, node, "timeout must not be negative", NULL);
    SL_TRY(check_key(plan, node));
    return check_state(plan, node);
}

sl_result plan_check_snapshots(sl_plan *plan, const plan_node *node)
{
    plan_kind of = plan->nodes[node->input].kind;
    if (of != PLAN_UPDATE && of != PLAN_COUNT && of != PLAN_REDUCE && of != PLAN_DISTINCT && of != PLAN_ABOUT)
        return node_fails(plan, node,
                          "only sl_update_by(), sl_count_by(), sl_reduce_by(), sl_distinct_by() and "
                          "sl_count_about() have keys to show",
                          NULL);
    if (node->as.snapshots_every.ms < 0)
        return node_fails(plan, node, "every must not be negative", NULL);
    return SL_OK;
}
