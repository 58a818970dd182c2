/*
 * places.h - where a job's inputs, lookups and outputs are: the job's own places, or those of --from and --to.
 */
#ifndef PLACES_H
#define PLACES_H

#include <kinds.h>
#include <operators/look_up.h>
#include <operators/output.h>
#include <plan/plan.h>

typedef struct input_place {
    const source_kind *kind;
    const char *target; /* "" when the URI is the bare word */
} input_place;

typedef struct places {
    input_place inputs[PLAN_NODES_MAX]; /* by node */
    struct {
        const lookup_kind *kind;
        const char *target;
    } lookups[PLAN_NODES_MAX];
    output_places outputs[PLAN_NODES_MAX]; /* only at[] and count are filled */
    output_places dead_letters;
} places;

typedef struct places_spec {
    const sl_plan *plan;
    const settings *settings;
    const char *dead; /* the default place of dead letters */
    bool memory;      /* tests: what the options do not name is in memory */
} places_spec;

/* Reads --from, --to and --topic. A name or a kind that does not exist is USAGE and names the nearest. */
sl_result places_find(const places_spec *spec, places *places, failure *failure);

#endif
