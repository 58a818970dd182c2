/*
 * plan/check.c - is the drawing whole? What the compiler cannot see: kinds of fields, names, what may follow what.
 */
#include <plan/plan.h>
#include <records/document.h>
#include <records/fill.h>
#include <records/key.h>
#include <string.h>

static sl_result node_fails(sl_plan *plan, const plan_node *node, const char *what)
{
    return fail(&plan->failure, SL_USAGE, "%s \"%s\": %s", plan_kind_name(node->kind),
                node->name ? node->name : "", what);
}

/* Another node of a kind with this name. */
static bool name_is_taken(const sl_plan *plan, const plan_node *node, plan_kind kind)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (&plan->nodes[i] != node && plan->nodes[i].kind == kind && plan->nodes[i].name &&
            !strcmp(plan->nodes[i].name, node->name))
            return true;
    return false;
}

/* Fields of another record would be read at the wrong places. */
static sl_result check_fields_of(sl_plan *plan, const plan_node *node, const sl_fields *fields,
                                 const sl_schema *schema)
{
    if (fields->count && fields->of() != schema)
        return fail(&plan->failure, SL_USAGE, "%s \"%s\": its records are %s, but it names fields of %s",
                    plan_kind_name(node->kind), node->name ? node->name : "", schema->name,
                    fields->of()->name);
    return SL_OK;
}

static sl_result check_fields(sl_plan *plan, const plan_node *node, const sl_fields *const *fields)
{
    for (; *fields; fields++)
        SL_TRY(check_fields_of(plan, node, *fields, node->schema));
    return SL_OK;
}

static bool field_is(const sl_fields *fields, size_t i, sl_kind kind)
{
    return i < fields->count && schema_field_at(fields->of(), fields->offset[i])->kind == kind;
}

/* Names go into documents as they stand. */
static sl_result check_names(sl_plan *plan, const plan_node *node, const sl_schema *schema)
{
    for (size_t i = 0; i < schema->count; i++)
        for (const char *at = schema->fields[i].name; *at; at++)
            if ((unsigned char)*at < 0x20 || *at == '"' || *at == '\\')
                return fail(
                    &plan->failure, SL_USAGE,
                    "%s \"%s\": field %zu of record %s has a quote, a backslash or a control character "
                    "in its name outside: choose one without",
                    plan_kind_name(node->kind), node->name, i + 1, schema->name);
    return SL_OK;
}

static sl_result check_source(sl_plan *plan, const plan_node *node)
{
    if (node->name == NULL || node->as.from.from == NULL)
        return node_fails(plan, node, "an input needs a name and a place");
    if (name_is_taken(plan, node, PLAN_SOURCE) || name_is_taken(plan, node, PLAN_LOOK_UP))
        return node_fails(plan, node, "another input or lookup has this name");
    return SL_OK;
}

static sl_result check_linked(sl_plan *plan, const plan_node *node)
{
    const sl_fields *into = &node->as.look_up.into;
    const sl_schema *linked = schema_field_at(into->of(), into->offset[0])->linked();
    SL_TRY(check_names(plan, node, linked));
    for (size_t i = 0; i < linked->count; i++)
        if (!field_can_fill(&linked->fields[i]))
            return fail(
                &plan->failure, SL_USAGE,
                "look up \"%s\": field \"%s\" of record %s is %s, which no lookup can fill: it can fill "
                "text, i32, i64, f64, flag, time and maybe_i64",
                node->name, linked->fields[i].name, linked->name,
                linked->fields[i].kind == SL_KIND_origin ? "an origin" : "a link");
    return SL_OK;
}

/* A chunk on its way to a lookup may be given up and come again: each node there sees it once, and gives a row for a row. */
static sl_result check_probing(sl_plan *plan, const plan_node *node)
{
    if (node->merged)
        return node_fails(plan, node, "a lookup behind a count is not supported; look up before counting");
    for (uint32_t i = 0; i < plan->count; i++) {
        const plan_node *before = &plan->nodes[i];
        if (!(node->above >> i & 1))
            continue;
        if (before->kind == PLAN_STAGE && before->as.stage->flat)
            return node_fails(plan, node,
                              "a lookup behind a flat or chunk stage is not supported; look up before it");
        if (before->kind == PLAN_UNION &&
            plan->nodes[before->input].above & plan->nodes[before->second].above)
            return node_fails(plan, node,
                              "a lookup behind a union of streams of one input is not supported; look up "
                              "before they part");
    }
    return SL_OK;
}

static sl_result check_look_up(sl_plan *plan, const plan_node *node)
{
    const sl_lookup *lookup = &node->as.look_up;
    if (lookup->name == NULL || lookup->from == NULL)
        return node_fails(plan, node, "a lookup needs a name and a place");
    if (name_is_taken(plan, node, PLAN_LOOK_UP))
        return node_fails(plan, node, "two lookups have this name");
    if (lookup->key.count != 1 || !field_is(&lookup->key, 0, SL_KIND_text))
        return node_fails(plan, node, "the key must be one text field");
    if (lookup->into.count != 1 || !field_is(&lookup->into, 0, SL_KIND_linked))
        return node_fails(plan, node, "into must be one link field");
    SL_TRY(check_linked(plan, node));
    if (lookup->plain && schema_field_at(lookup->into.of(), lookup->into.offset[0])->linked()->count != 1)
        return node_fails(plan, node, "a plain value fills one field: the linked record must have just one");
    return check_probing(plan, node);
}

static sl_result check_window(sl_plan *plan, const plan_node *node, bool of_batch)
{
    const sl_window *window = plan_window(node);
    const sl_fields *const fields[] = { &window->start, &window->end, NULL };
    SL_TRY(check_fields(plan, node, fields));
    if (window->start.count && !field_is(&window->start, 0, SL_KIND_time))
        return node_fails(plan, node, "window.start must be a time field");
    if (window->end.count && !field_is(&window->end, 0, SL_KIND_time))
        return node_fails(plan, node, "window.end must be a time field");
    if (window->length.ms == SL_EVER_MS && window->pane.ms)
        return node_fails(plan, node, "what is kept for ever has no pane");
    if (window->slide.ms && of_batch)
        return node_fails(plan, node, "touched_only tells of every batch: it goes with no slide");
    return SL_OK;
}

/* A name that no other state has, and fields that can be a key. */
static sl_result check_keyed(sl_plan *plan, const plan_node *node, const sl_fields *key, const sl_schema *of)
{
    if (node->name == NULL || !*node->name)
        return node_fails(plan, node, "it needs a name: the checkpoint finds its state by it");
    for (uint32_t i = 0; i < plan->count; i++)
        if (&plan->nodes[i] != node && plan_keeps(&plan->nodes[i]) && plan->nodes[i].name &&
            !strcmp(plan->nodes[i].name, node->name))
            return node_fails(plan, node, "another state has this name");
    SL_TRY(check_fields_of(plan, node, key, of));
    for (size_t i = 0; i < key->count; i++)
        if (!key_can_be_of(schema_field_at(key->of(), key->offset[i])->kind))
            return node_fails(plan, node, "an origin or a link cannot be part of a key");
    return SL_OK;
}

static sl_result check_count(sl_plan *plan, const plan_node *node)
{
    const sl_count *count = &node->as.count;
    const sl_fields *const fields[] = { &count->into, NULL };
    SL_TRY(check_keyed(plan, node, &count->key, node->schema));
    SL_TRY(check_fields(plan, node, fields));
    if (count->key.count == 0)
        return node_fails(plan, node, "a count needs a key");
    if (count->into.count != 1 || !field_is(&count->into, 0, SL_KIND_i64))
        return node_fails(plan, node, "into must be one i64 field");
    return check_window(plan, node, count->touched_only);
}

static bool is_among(const sl_fields *fields, size_t offset)
{
    for (size_t i = 0; i < fields->count; i++)
        if (fields->offset[i] == offset)
            return true;
    return false;
}

/* Functions get rows that outlive their batch. */
static sl_result check_kept_fields(sl_plan *plan, const plan_node *node)
{
    for (size_t i = 0; i < node->schema->count; i++) {
        const sl_field *field = &node->schema->fields[i];
        bool keeps =
            field->kind != SL_KIND_text && field->kind != SL_KIND_origin && field->kind != SL_KIND_linked;
        if (!keeps && !is_among(&node->as.reduce.key, field->offset))
            return fail(
                &plan->failure, SL_USAGE,
                "reduce by \"%s\": field \"%s\" of record %s is a text, origin or link and not part of the "
                "key: only numbers, flags and times are kept from batch to batch",
                node->name, field->name, node->schema->name);
    }
    return SL_OK;
}

static sl_result check_sum(sl_plan *plan, const plan_node *node)
{
    const sl_fields *sum = &node->as.reduce.sum;
    const sl_fields *const fields[] = { sum, NULL };
    SL_TRY(check_fields(plan, node, fields));
    for (size_t i = 0; i < sum->count; i++)
        if (!field_is(sum, i, SL_KIND_i64) && !field_is(sum, i, SL_KIND_i32) &&
            !field_is(sum, i, SL_KIND_f64))
            return node_fails(plan, node, "sum must be i64, i32 or f64 fields");
    return SL_OK;
}

static sl_result check_reduce(sl_plan *plan, const plan_node *node)
{
    const sl_reduce *reduce = &node->as.reduce;
    SL_TRY(check_keyed(plan, node, &reduce->key, node->schema));
    if ((reduce->sum.count > 0) == (reduce->add != NULL))
        return node_fails(plan, node, "it needs fields to sum or a function to add with, one of both");
    if (reduce->remove && reduce->add == NULL)
        return node_fails(plan, node, "remove goes with add: sums are taken back without it");
    if ((reduce->add && reduce->add->of() != node->schema) ||
        (reduce->remove && reduce->remove->of() != node->schema))
        return fail(&plan->failure, SL_USAGE,
                    "reduce by \"%s\": its records are %s, but its functions are of %s", node->name,
                    node->schema->name,
                    (reduce->add->of() != node->schema ? reduce->add : reduce->remove)->of()->name);
    if (reduce->even_if_empty && (reduce->key.count || reduce->touched_only))
        return node_fails(plan, node,
                          "even_if_empty goes without key and touched_only: of which key would it tell?");
    SL_TRY(reduce->add ? check_kept_fields(plan, node) : check_sum(plan, node));
    return check_window(plan, node, reduce->touched_only);
}

static sl_result check_distinct(sl_plan *plan, const plan_node *node)
{
    SL_TRY(check_keyed(plan, node, &node->as.distinct.key, node->schema));
    if (node->as.distinct.key.count == 0)
        return node_fails(plan, node, "it needs a key: the fields by which rows differ");
    if (node->as.distinct.window.length.ms == SL_EVER_MS && node->as.distinct.window.slide.ms)
        return node_fails(plan, node, "for ever, each key is told once, when it comes: there is no slide");
    return check_window(plan, node, false);
}

static sl_result check_about(sl_plan *plan, const plan_node *node)
{
    const sl_about *about = &node->as.about;
    const sl_fields *const fields[] = { &about->of, &about->into, NULL };
    SL_TRY(check_keyed(plan, node, &about->key, node->schema));
    SL_TRY(check_keyed(plan, node, &about->of, node->schema));
    SL_TRY(check_fields(plan, node, fields));
    if (about->of.count == 0)
        return node_fails(plan, node, "of is missing: the fields by which rows differ");
    if (about->into.count != 1 || !field_is(&about->into, 0, SL_KIND_i64))
        return node_fails(plan, node, "into must be one i64 field");
    if (about->bits && (about->bits < 4 || about->bits > 16))
        return node_fails(plan, node, "bits must be 4 to 16");
    return check_window(plan, node, false);
}

/* Links and places in the input do not outlive their batch. */
static sl_result check_kept_rows(sl_plan *plan, const plan_node *node, const sl_schema *schema)
{
    for (size_t i = 0; plan_window(node)->length.ms && i < schema->count; i++)
        if (schema->fields[i].kind == SL_KIND_linked || schema->fields[i].kind == SL_KIND_origin)
            return fail(
                &plan->failure, SL_USAGE,
                "%s \"%s\": field \"%s\" of record %s is %s, which does not outlive its batch: take what is "
                "needed of it into other fields before",
                plan_kind_name(node->kind), node->name, schema->fields[i].name, schema->name,
                schema->fields[i].kind == SL_KIND_linked ? "a link" : "an origin");
    return SL_OK;
}

static sl_result check_group(sl_plan *plan, const plan_node *node)
{
    const sl_group *group = &node->as.group;
    bool exchange = group->each == NULL && group->key.count;
    if (!exchange && group->window.length.ms == 0 && group->each == NULL)
        return node_fails(plan, node,
                          "it needs the length of its window: the batch's rows are the stream itself");
    if (group->each && group->key.count == 0)
        return node_fails(plan, node, "it needs a key");
    if (group->window.start.count || group->window.end.count)
        return node_fails(plan, node,
                          "rows are passed on as they came: there are no window.start and window.end");
    if (exchange)
        return SL_OK;
    SL_TRY(check_keyed(plan, node, &group->key, node->taken));
    SL_TRY(check_kept_rows(plan, node, node->taken));
    return check_window(plan, node, false);
}

static sl_result check_join(sl_plan *plan, const plan_node *node)
{
    const sl_join *join = &node->as.join;
    if (node->input == node->second)
        return node_fails(plan, node, "a stream is joined with itself: put a stage before one of the two");
    SL_TRY(check_keyed(plan, node, &join->left, node->taken));
    SL_TRY(check_keyed(plan, node, &join->right, join->pair->right()));
    if (join->left.count == 0 || join->left.count != join->right.count)
        return node_fails(plan, node, "left and right are keys of as many fields");
    for (size_t i = 0; i < join->left.count; i++)
        if (!field_is(&join->right, i, schema_field_at(join->left.of(), join->left.offset[i])->kind))
            return node_fails(plan, node, "the fields of left and right must be of the same kinds, in order");
    if (join->window.start.count || join->window.end.count)
        return node_fails(plan, node,
                          "there are no window.start and window.end: the function makes the rows");
    SL_TRY(check_kept_rows(plan, node, node->taken));
    SL_TRY(check_kept_rows(plan, node, join->pair->right()));
    return check_window(plan, node, false);
}

/* Tops read what is kept, not the rows that go out. */
static bool keeps_all_keys(const plan_node *node)
{
    return (node->kind == PLAN_COUNT && !node->as.count.touched_only) ||
           (node->kind == PLAN_REDUCE && !node->as.reduce.touched_only) || node->kind == PLAN_DISTINCT ||
           node->kind == PLAN_ABOUT || node->kind == PLAN_UPDATE;
}

static sl_result check_top(sl_plan *plan, const plan_node *node)
{
    const sl_top *top = &node->as.top;
    const plan_node *before = &plan->nodes[node->input];
    const sl_fields *const fields[] = { &top->per, &top->most, &top->then, &top->rank, NULL };
    SL_TRY(check_fields(plan, node, fields));
    if (!keeps_all_keys(before))
        return node_fails(plan, node,
                          "it must follow what keeps rows by key and passes on all its keys: sl_count_by(), "
                          "sl_reduce_by(), sl_distinct_by(), sl_count_about() or sl_update_by()");
    if (top->most.count != 1 ||
        (before->kind == PLAN_COUNT && top->most.offset[0] != before->as.count.into.offset[0]))
        return node_fails(plan, node, "most must be the field that the count fills");
    if (!field_is(&top->most, 0, SL_KIND_i64) && !field_is(&top->most, 0, SL_KIND_i32) &&
        !field_is(&top->most, 0, SL_KIND_f64) && !field_is(&top->most, 0, SL_KIND_time))
        return node_fails(plan, node, "most must be one i64, i32, f64 or time field");
    if (top->per.count > 1 || (top->per.count && !field_is(&top->per, 0, SL_KIND_text)))
        return node_fails(plan, node, "per must be one text field, or none");
    if (top->then.count && !field_is(&top->then, 0, SL_KIND_text))
        return node_fails(plan, node, "then must be one text field");
    if (top->rank.count && !field_is(&top->rank, 0, SL_KIND_i64))
        return node_fails(plan, node, "rank must be one i64 field");
    if (top->count < 1)
        return node_fails(plan, node, "count must be 1 or more");
    return SL_OK;
}

/* Only a top knows all groups at once, and tells of a list that became empty. */
static bool follows_top(const sl_plan *plan, const plan_node *node)
{
    uint32_t at = node->input;
    while (plan->nodes[at].kind == PLAN_STAGE)
        at = plan->nodes[at].input;
    return plan->nodes[at].kind == PLAN_TOP;
}

static sl_result check_output(sl_plan *plan, const plan_node *node)
{
    const sl_output *output = &node->as.output;
    if (output->name == NULL || output->to[0] == NULL)
        return node_fails(plan, node, "an output needs a name and a place");
    if (name_is_taken(plan, node, PLAN_OUTPUT))
        return node_fails(plan, node, "two outputs have this name");
    const sl_redis_shape *redis = &output->redis;
    const sl_fields *const fields[] = { &output->id, &output->whole, &output->keywords, &output->raw,
                                        &redis->key, &redis->member, &redis->score,     NULL };
    SL_TRY(check_fields(plan, node, fields));
    SL_TRY(check_names(plan, node, node->schema));
    if (output->whole.count && !follows_top(plan, node))
        return node_fails(plan, node, "only what sl_top_by() gives can be replaced as a whole");
    if (output->raw.count && !field_is(&output->raw, 0, SL_KIND_text))
        return node_fails(plan, node, "raw must be one text field");
    if (redis->shape != SL_NO_SHAPE && redis->key.count == 0 && (redis->prefix == NULL || !*redis->prefix))
        return node_fails(plan, node, "redis.key is missing, and there is no prefix to be the whole key");
    return SL_OK;
}

static sl_result check_node(sl_plan *plan, const plan_node *node)
{
    switch (node->kind) {
    case PLAN_SOURCE: return check_source(plan, node);
    case PLAN_LOOK_UP: return check_look_up(plan, node);
    case PLAN_COUNT: return check_count(plan, node);
    case PLAN_REDUCE: return check_reduce(plan, node);
    case PLAN_DISTINCT: return check_distinct(plan, node);
    case PLAN_ABOUT: return check_about(plan, node);
    case PLAN_GROUP: return check_group(plan, node);
    case PLAN_JOIN: return check_join(plan, node);
    case PLAN_TOP: return check_top(plan, node);
    case PLAN_UPDATE: return plan_check_update(plan, node);
    case PLAN_SNAPSHOTS: return plan_check_snapshots(plan, node);
    case PLAN_OUTPUT: return check_output(plan, node);
    default: return SL_OK;
    }
}

sl_result plan_check(sl_plan *plan)
{
    if (plan->count == 0)
        return fail(&plan->failure, SL_USAGE, "the job draws nothing: begin with sl_from()");
    for (uint32_t i = 0; i < plan->count; i++)
        SL_TRY(check_node(plan, &plan->nodes[i]));
    return SL_OK;
}
