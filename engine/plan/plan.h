/*
 * plan/plan.h - what a job drew: a tree of nodes, each fed by one other, roots first. The first mistake is kept and told
 * with the names of node and record; later calls on the same plan do nothing.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <base/buffer.h>
#include <base/failure.h>
#include <sluice/job.h>

enum { PLAN_NODES_MAX = 64 };

typedef enum plan_kind {
    PLAN_SOURCE,
    PLAN_STAGE,
    PLAN_UNION,
    PLAN_LOOK_UP,
    PLAN_COUNT,
    PLAN_REDUCE,
    PLAN_DISTINCT,
    PLAN_ABOUT, /* sl_count_about() */
    PLAN_GROUP, /* sl_exchange_by() and sl_rows_in() too */
    PLAN_JOIN,
    PLAN_TOP,
    PLAN_UPDATE,
    PLAN_SNAPSHOTS,
    PLAN_OUTPUT
} plan_kind;

typedef struct plan_node {
    plan_kind kind;
    uint32_t input;  /* the node that feeds it; its own number for a source */
    uint32_t second; /* the other one that feeds it; its own number when there is none */
    const char *name;
    const sl_schema *schema; /* of the rows that it gives; of an output: that it takes */
    const sl_schema *taken;  /* of group and join: of the rows that come by `input` */
    union {
        sl_input from;
        const sl_stage *stage;
        sl_lookup look_up;
        sl_count count;
        sl_reduce reduce;
        sl_distinct distinct;
        sl_about about;
        sl_group group;
        sl_join join;
        sl_top top;
        struct {
            sl_update drawn;
            const sl_updater *updater;
        } update;
        sl_duration snapshots_every;
        sl_output output;
    } as;

    /* Set by plan_cut(), see plan/phases.c. */
    bool probing;   /* a lookup or on the way to one: runs before anything of its chunk has an effect */
    bool merged;    /* fed by what a merge gives, not by chunks of input alone */
    uint32_t level; /* how many merges lie before it, one behind the other */
    uint64_t above; /* a bit for each node that its rows may have passed, its own too */
    uint32_t children[2 * PLAN_NODES_MAX];
    uint32_t child_count;
    uint32_t
        trunk; /* of a source: the last node that all its records pass; what does not reach it was filtered */
} plan_node;

struct sl_plan {
    plan_node nodes[PLAN_NODES_MAX];
    uint32_t count;
    uint32_t levels; /* of merges, at least 1; see plan/phases.c */
    failure failure;
};

/* Draws the job and checks the drawing; the failure is the plan's own. */
sl_result plan_draw(sl_plan *plan, const sl_job *job, const void *options);
sl_result plan_check(sl_plan *plan);
void plan_cut(sl_plan *plan);
void plan_explain(const sl_plan *plan, buffer *out);
uint32_t plan_source(const sl_plan *plan, uint32_t number); /* the node of the plan's n-th input */
const char *plan_kind_name(plan_kind kind);                 /* "from", "through", "look up", ... */
bool plan_merges(const plan_node *node);                    /* gathers rows by key, and has a merge */
bool plan_keeps(const plan_node *node);                     /* has a state of its own, under its name */
bool plan_is_above(const sl_plan *plan, uint32_t above,
                   uint32_t node);                   /* rows of the one reach the other; a node itself */
const sl_window *plan_window(const plan_node *node); /* NULL: it has none */

/* Drawing: adds a node behind `in`. Does `in` give records of this schema (NULL: any)? False: a failure is noted. */
sl_stream plan_add(sl_stream in, const plan_node *node);
bool plan_takes(sl_stream in, plan_kind kind, const char *name, sl_schema_of *schema);
sl_result plan_check_update(sl_plan *plan, const plan_node *node); /* plan/keyed.c */
sl_result plan_check_snapshots(sl_plan *plan, const plan_node *node);

#endif
