/*
 * plan/plan.c - the drawing functions of <sluice/job.h>.
 */
#include <plan/plan.h>

#define MESSAGE_FIELDS(F) F(origin, origin) F(text, key) F(text, value)

SL_DESCRIBE_RECORD_(sl_message, MESSAGE_FIELDS, )

uint32_t plan_source(const sl_plan *plan, uint32_t number)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->nodes[i].kind == PLAN_SOURCE && number-- == 0)
            return i;
    return 0;
}

const sl_window *plan_window(const plan_node *node)
{
    switch (node->kind) {
    case PLAN_COUNT: return &node->as.count.window;
    case PLAN_REDUCE: return &node->as.reduce.window;
    case PLAN_DISTINCT: return &node->as.distinct.window;
    case PLAN_ABOUT: return &node->as.about.window;
    case PLAN_GROUP: return &node->as.group.window;
    case PLAN_JOIN: return &node->as.join.window;
    default: return NULL;
    }
}

const char *plan_kind_name(plan_kind kind)
{
    static const char *const names[] = { "from",      "through",     "union",        "look up",  "count by",
                                         "reduce by", "distinct by", "count about",  "group by", "join",
                                         "top by",    "update by",   "snapshots of", "to" };
    return names[kind];
}

sl_stream plan_add(sl_stream in, const plan_node *node)
{
    sl_plan *plan = in.plan;
    if (plan->count == PLAN_NODES_MAX)
        fail(&plan->failure, SL_USAGE, "the plan has more than %d nodes at \"%s\"", PLAN_NODES_MAX,
             node->name);
    if (plan->failure.result != SL_OK)
        return (sl_stream){ plan, 0 };
    plan->nodes[plan->count] = *node;
    plan->nodes[plan->count].input = node->kind == PLAN_SOURCE ? plan->count : in.node;
    plan->nodes[plan->count].second = plan->count;
    return (sl_stream){ plan, plan->count++ };
}

/* A record of the wrong type would be read as another: caught here, with both names. */
bool plan_takes(sl_stream in, plan_kind kind, const char *name, sl_schema_of *schema)
{
    sl_plan *plan = in.plan;
    if (plan->failure.result != SL_OK)
        return false;
    const sl_schema *given = plan->nodes[in.node].schema;
    if (schema && schema() != given)
        fail(&plan->failure, SL_USAGE, "%s \"%s\" takes records of %s, but \"%s\" gives %s",
             plan_kind_name(kind), name ? name : "", schema()->name, plan->nodes[in.node].name, given->name);
    return plan->failure.result == SL_OK;
}

static const sl_schema *given_by(sl_stream in)
{
    return in.plan->nodes[in.node].schema;
}

sl_stream sl_from(sl_plan *plan, const sl_input *input)
{
    plan_node node = {
        .kind = PLAN_SOURCE, .name = input->name, .schema = sl_message_schema(), .as.from = *input
    };
    return plan_add((sl_stream){ plan, 0 }, &node);
}

sl_stream sl_through(sl_stream in, const sl_stage *stage)
{
    if (!plan_takes(in, PLAN_STAGE, stage->name, stage->in))
        return in;
    plan_node node = { .kind = PLAN_STAGE, .name = stage->name, .schema = stage->out(), .as.stage = stage };
    return plan_add(in, &node);
}

sl_stream sl_union(sl_stream in, sl_stream with)
{
    sl_plan *plan = in.plan;
    if (plan->failure.result != SL_OK)
        return in;
    const plan_node *left = &plan->nodes[in.node], *right = &plan->nodes[with.node];
    if (left->schema != right->schema)
        fail(&plan->failure, SL_USAGE, "union: \"%s\" gives records of %s, but \"%s\" gives %s", left->name,
             left->schema->name, right->name, right->schema->name);
    plan_node node = { .kind = PLAN_UNION, .name = right->name, .schema = left->schema };
    sl_stream made = plan_add(in, &node);
    if (plan->failure.result == SL_OK)
        plan->nodes[made.node].second = with.node;
    return made;
}

sl_stream sl_look_up(sl_stream in, const sl_lookup *lookup)
{
    if (!plan_takes(in, PLAN_LOOK_UP, lookup->name, lookup->key.of) ||
        !plan_takes(in, PLAN_LOOK_UP, lookup->name, lookup->into.of))
        return in;
    plan_node node = {
        .kind = PLAN_LOOK_UP, .name = lookup->name, .schema = given_by(in), .as.look_up = *lookup
    };
    return plan_add(in, &node);
}

sl_stream sl_count_by(sl_stream in, const sl_count *count)
{
    if (!plan_takes(in, PLAN_COUNT, count->name, count->key.of) ||
        !plan_takes(in, PLAN_COUNT, count->name, count->into.of))
        return in;
    plan_node node = { .kind = PLAN_COUNT, .name = count->name, .schema = given_by(in), .as.count = *count };
    return plan_add(in, &node);
}

sl_stream sl_reduce_by(sl_stream in, const sl_reduce *reduce)
{
    if (!plan_takes(in, PLAN_REDUCE, reduce->name, reduce->key.of) ||
        !plan_takes(in, PLAN_REDUCE, reduce->name, reduce->sum.of))
        return in;
    plan_node node = {
        .kind = PLAN_REDUCE, .name = reduce->name, .schema = given_by(in), .as.reduce = *reduce
    };
    return plan_add(in, &node);
}

sl_stream sl_distinct_by(sl_stream in, const sl_distinct *distinct)
{
    if (!plan_takes(in, PLAN_DISTINCT, distinct->name, distinct->key.of))
        return in;
    plan_node node = {
        .kind = PLAN_DISTINCT, .name = distinct->name, .schema = given_by(in), .as.distinct = *distinct
    };
    return plan_add(in, &node);
}

sl_stream sl_count_about(sl_stream in, const sl_about *about)
{
    if (!plan_takes(in, PLAN_ABOUT, about->name, about->of.of) ||
        !plan_takes(in, PLAN_ABOUT, about->name, about->into.of))
        return in;
    plan_node node = { .kind = PLAN_ABOUT, .name = about->name, .schema = given_by(in), .as.about = *about };
    return plan_add(in, &node);
}

static sl_stream add_group(sl_stream in, const sl_group *group, const sl_schema *gives)
{
    plan_node node = {
        .kind = PLAN_GROUP, .name = group->name, .schema = gives, .taken = given_by(in), .as.group = *group
    };
    return plan_add(in, &node);
}

sl_stream sl_group_by(sl_stream in, const sl_group *group)
{
    if (group->each == NULL) {
        fail(&in.plan->failure, SL_USAGE, "group by \"%s\": each, the stage for each key's rows, is missing",
             group->name ? group->name : "");
        return in;
    }
    if (!plan_takes(in, PLAN_GROUP, group->name, group->key.of) ||
        !plan_takes(in, PLAN_GROUP, group->name, group->each->in))
        return in;
    return add_group(in, group, group->each->out());
}

sl_stream sl_exchange_by(sl_stream in, const sl_fields *key)
{
    if (!plan_takes(in, PLAN_GROUP, "exchange", key->of))
        return in;
    return add_group(in, &(sl_group){ .name = "exchange", .key = *key }, given_by(in));
}

sl_stream sl_rows_in(sl_stream in, const char *name, const sl_window *window)
{
    if (!plan_takes(in, PLAN_GROUP, name, NULL))
        return in;
    return add_group(in, &(sl_group){ .name = name, .window = *window }, given_by(in));
}

sl_stream sl_join_by(sl_stream left, sl_stream right, const sl_join *join)
{
    sl_plan *plan = left.plan;
    if (join->pair == NULL)
        fail(&plan->failure, SL_USAGE, "join \"%s\": pair, which makes rows of rows, is missing",
             join->name ? join->name : "");
    if (plan->failure.result != SL_OK || !plan_takes(left, PLAN_JOIN, join->name, join->left.of) ||
        !plan_takes(left, PLAN_JOIN, join->name, join->pair->left) ||
        !plan_takes(right, PLAN_JOIN, join->name, join->right.of) ||
        !plan_takes(right, PLAN_JOIN, join->name, join->pair->right))
        return left;
    plan_node node = { .kind = PLAN_JOIN,
                       .name = join->name,
                       .schema = join->pair->out(),
                       .taken = given_by(left),
                       .as.join = *join };
    sl_stream made = plan_add(left, &node);
    if (plan->failure.result == SL_OK)
        plan->nodes[made.node].second = right.node;
    return made;
}

sl_stream sl_top_by(sl_stream in, const sl_top *top)
{
    if (!plan_takes(in, PLAN_TOP, "top", top->per.of) || !plan_takes(in, PLAN_TOP, "top", top->most.of))
        return in;
    plan_node node = { .kind = PLAN_TOP, .name = "top", .schema = given_by(in), .as.top = *top };
    return plan_add(in, &node);
}

void sl_to(sl_stream in, const sl_output *output)
{
    if (!plan_takes(in, PLAN_OUTPUT, output->name, output->id.of))
        return;
    plan_node node = {
        .kind = PLAN_OUTPUT, .name = output->name, .schema = given_by(in), .as.output = *output
    };
    plan_add(in, &node);
}

sl_result plan_draw(sl_plan *plan, const sl_job *job, const void *options)
{
    *plan = (sl_plan){ 0 };
    job->draw(plan, options);
    SL_TRY(plan->failure.result);
    plan_cut(plan);
    return plan_check(plan);
}
