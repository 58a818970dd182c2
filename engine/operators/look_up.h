/*
 * operators/look_up.h - where a lookup finds its answers.
 */
#ifndef OPERATORS_LOOK_UP_H
#define OPERATORS_LOOK_UP_H

#include <lookups/lookup.h>

typedef struct lookup_place {
    const lookup_kind *kind;
    void *self;
} lookup_place;

#endif
