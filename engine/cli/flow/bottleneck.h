/*
 * cli/flow/bottleneck.h - numbers in, one sentence out: where the flow is stuck, and what to do.
 *
 * A job that works all the time is at its limit; what most of its working time goes into is the bottleneck: a server that
 * it waits for, or itself. A job that falls behind although it has time is held by a limit, or gets too little.
 */
#ifndef CLI_FLOW_BOTTLENECK_H
#define CLI_FLOW_BOTTLENECK_H

#include <cli/flow/flow.h>

typedef struct bottleneck {
    flow_stage stage; /* FLOW_NONE: nothing holds the flow up */
    char sentence[600];
} bottleneck;

void bottleneck_find(const flow *flow, bottleneck *found);

#endif
