/*
 * plan/explain.c - the plan as a tree, for --explain.
 */
#include <inttypes.h>
#include <plan/plan.h>
#include <records/document.h>

static void explain_fields(buffer *out, const sl_fields *fields)
{
    for (size_t i = 0; i < fields->count; i++)
        buffer_print(out, "%s%s", i ? ", " : "", schema_field_at(fields->of(), fields->offset[i])->name);
}

static void explain_duration(buffer *out, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" }, { 1, "ms" } };
    size_t i = 0;
    while (i < 4 && (ms == 0 || ms % units[i].ms))
        i++;
    buffer_print(out, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
}

static void explain_keyed(buffer *out, const sl_fields *key, const sl_window *window)
{
    if (key->count) {
        buffer_text(out, " (");
        explain_fields(out, key);
        buffer_text(out, ")");
    }
    if (window->length.ms == SL_EVER_MS)
        buffer_text(out, " for ever");
    else if (window->length.ms) {
        buffer_text(out, " in ");
        explain_duration(out, window->length.ms);
    }
    if (window->slide.ms) {
        buffer_text(out, " every ");
        explain_duration(out, window->slide.ms);
    }
}

static void explain_count(buffer *out, const sl_count *count)
{
    explain_keyed(out, &count->key, &count->window);
    if (count->at_least > 1)
        buffer_print(out, ", at least %" PRId64, count->at_least);
    if (count->touched_only)
        buffer_text(out, ", keys of the batch only");
}

static void explain_reduce(buffer *out, const sl_reduce *reduce)
{
    explain_keyed(out, &reduce->key, &reduce->window);
    buffer_text(out, reduce->add ? ", add by " : ", sum of ");
    if (reduce->add)
        buffer_text(out, reduce->add->name);
    explain_fields(out, &reduce->sum);
    if (reduce->remove)
        buffer_print(out, ", remove by %s", reduce->remove->name);
    if (reduce->touched_only)
        buffer_text(out, ", keys of the batch only");
}

static void explain_about(buffer *out, const sl_about *about)
{
    explain_keyed(out, &about->key, &about->window);
    buffer_text(out, ", different ");
    explain_fields(out, &about->of);
}

static void explain_group(buffer *out, const sl_group *group)
{
    explain_keyed(out, &group->key, &group->window);
    if (group->each)
        buffer_print(out, ", each by %s", group->each->name);
}

static void explain_join(buffer *out, const sl_join *join)
{
    static const char *const kinds[] = { "inner", "left", "right", "full" };
    explain_keyed(out, &join->left, &join->window);
    buffer_print(out, ", %s, by %s", kinds[join->kind], join->pair->name);
}

static void explain_top(buffer *out, const sl_top *top)
{
    buffer_print(out, " %" PRId64, top->count);
    if (top->per.count) {
        buffer_text(out, " per ");
        explain_fields(out, &top->per);
    }
    buffer_text(out, ", most ");
    explain_fields(out, &top->most);
    if (top->then.count) {
        buffer_text(out, ", then ");
        explain_fields(out, &top->then);
    }
}

static void explain_update(buffer *out, const sl_update *update)
{
    buffer_text(out, " (");
    explain_fields(out, &update->key);
    buffer_text(out, ")");
    for (size_t s = 0; s < SL_SETS_MAX && update->sets[s]; s++)
        buffer_print(out, "%s%s", s ? ", " : ", sets ", update->sets[s]);
    if (update->timeout.ms) {
        buffer_text(out, ", forgotten after ");
        explain_duration(out, update->timeout.ms);
    }
    if (update->tell == SL_TELL_CALLS)
        buffer_text(out, ", each call");
}

static void explain_output(buffer *out, const sl_output *output)
{
    for (size_t i = 0; i < 4 && output->to[i]; i++)
        buffer_print(out, "%s %s", i ? "," : " ->", output->to[i]);
    if (output->index)
        buffer_print(out, ", index %s", output->index);
    if (output->id.count) {
        buffer_text(out, ", id ");
        explain_fields(out, &output->id);
    }
    if (output->whole.count) {
        buffer_text(out, ", whole per ");
        explain_fields(out, &output->whole);
    }
}

/* A node that two others feed is told below the first; the second points to it. */
static void explain_node(buffer *out, const sl_plan *plan, uint32_t at, unsigned depth, uint32_t from)
{
    const plan_node *node = &plan->nodes[at];
    if (plan->nodes[at].second == from && from != at) {
        buffer_print(out, "%*s-> %s %s\n", (int)(depth * 4), "", plan_kind_name(node->kind), node->name);
        return;
    }
    buffer_print(out, "%*s%s %s", (int)(depth * 4), "", plan_kind_name(node->kind), node->name);
    switch (node->kind) {
    case PLAN_SOURCE: buffer_print(out, " <- %s", node->as.from.from); break;
    case PLAN_LOOK_UP:
        buffer_print(out, " <- %s by ", node->as.look_up.from);
        explain_fields(out, &node->as.look_up.key);
        break;
    case PLAN_COUNT: explain_count(out, &node->as.count); break;
    case PLAN_REDUCE: explain_reduce(out, &node->as.reduce); break;
    case PLAN_DISTINCT: explain_keyed(out, &node->as.distinct.key, &node->as.distinct.window); break;
    case PLAN_ABOUT: explain_about(out, &node->as.about); break;
    case PLAN_GROUP: explain_group(out, &node->as.group); break;
    case PLAN_JOIN: explain_join(out, &node->as.join); break;
    case PLAN_TOP: explain_top(out, &node->as.top); break;
    case PLAN_UPDATE: explain_update(out, &node->as.update.drawn); break;
    case PLAN_SNAPSHOTS:
        buffer_text(out, " every ");
        if (node->as.snapshots_every.ms)
            explain_duration(out, node->as.snapshots_every.ms);
        else
            buffer_text(out, "batch");
        break;
    case PLAN_OUTPUT: explain_output(out, &node->as.output); break;
    case PLAN_UNION: break;
    case PLAN_STAGE: buffer_print(out, ": %s -> %s", node->as.stage->in()->name, node->schema->name); break;
    }
    buffer_byte(out, '\n');
    for (uint32_t c = 0; c < node->child_count; c++)
        explain_node(out, plan, node->children[c], depth + 1, at);
}

void plan_explain(const sl_plan *plan, buffer *out)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->nodes[i].kind == PLAN_SOURCE)
            explain_node(out, plan, i, 0, i);
}
