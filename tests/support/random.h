/*
 * tests/support/random.h - numbers that look random and are the same at every run (SplitMix64), for tests that draw their
 * cases. A test prints the seed of a round that went wrong.
 */
#ifndef TESTS_SUPPORT_RANDOM_H
#define TESTS_SUPPORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct dice {
    uint64_t seed;
} dice;

static inline uint64_t dice_next(dice *dice)
{
    uint64_t mixed = dice->seed += 0x9E3779B97F4A7C15u;
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
    return mixed ^ mixed >> 31;
}

/* 0 .. most - 1 */
static inline size_t dice_below(dice *dice, size_t most)
{
    return (size_t)(dice_next(dice) % most);
}

#endif
