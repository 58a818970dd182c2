/*
 * cli/flow/collect.h - asks all parts of the flow: jobs of this machine at their sockets and pages, the broker's exporter, Redis,
 * Elasticsearch. Where the latter two are the jobs' settings say, unless it is given.
 */
#ifndef CLI_FLOW_COLLECT_H
#define CLI_FLOW_COLLECT_H

#include <base/failure.h>
#include <cli/flow/flow.h>

typedef struct collector collector;

typedef struct collector_spec { /* borrowed */
    const char *const *names;   /* of jobs; none: all that run */
    size_t name_count;
    const char *exporter, *redis, *elastic; /* URLs; NULL: none, and as the jobs' settings say */
    const char *token;                      /* of the jobs' pages; NULL: none */
} collector_spec;

collector *collector_new(const collector_spec *spec);
void collector_free(collector *collector);
/* One look; rates are known from the second on. SL_USAGE: a name that no job has. */
sl_result collector_look(collector *collector, flow *flow, failure *failure);

#endif
