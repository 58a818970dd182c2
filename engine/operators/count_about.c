/*
 * operators/count_about.c - about how many different values there were: HyperLogLog. A value's hash chooses one of 2^bits registers and
 * offers it the place of its first 1 bit; the largest counts. See <sluice/operations.h> for the sources of the formulas.
 *
 *     hash:  bits choose the register | 0 0 0 1 ...     rank 4
 */
#include <base/memory.h>
#include <math.h>
#include <operators/aggregate.h>
#include <stdlib.h>

enum { BITS_USUAL = 12 };

typedef struct about {
    sl_fields of;
    size_t into, row_bytes;
    bool texts_only;
    unsigned bits;
} about;

static void about_take(const void *counting, const void *rows, size_t count, char *const *parts,
                       arena *memory)
{
    const about *self = counting;
    for (size_t i = 0; i < count; i++) {
        row_key key =
            key_of_fields(&self->of, self->texts_only, (const char *)rows + i * self->row_bytes, memory);
        sl_text bytes = key_bytes(&key);
        uint64_t hash =
            hash_bytes(bytes.at, bytes.size); /* the same after a restart: registers go to the checkpoint */
        memcpy(parts[i], &hash, sizeof hash);
    }
}

static void about_add(const void *counting, const parts *parts)
{
    const about *self = counting;
    for (size_t i = 0; i < parts->count; i++) {
        uint8_t *registers = parts->values[i];
        uint64_t hash;
        memcpy(&hash, parts->at + i * parts->stride, sizeof hash);
        uint64_t rest = hash << self->bits;
        uint8_t rank = (uint8_t)(rest ? __builtin_clzll(rest) + 1 : 64 - (int)self->bits + 1);
        uint8_t *chosen = &registers[hash >> (64 - self->bits)];
        *chosen = *chosen > rank ? *chosen : rank;
    }
}

static void about_join(const void *counting, void *value, const void *from, bool first)
{
    const about *self = counting;
    uint8_t *into = value;
    const uint8_t *registers = from;
    if (first)
        memcpy(into, registers, (size_t)1 << self->bits);
    for (size_t i = 0; i < (size_t)1 << self->bits && !first; i++)
        into[i] = into[i] > registers[i] ? into[i] : registers[i];
}

/* Sums of Ertl's estimator: over all ranks below and above those that were seen. */
static double sigma(double x)
{
    double power = 1, sum = x, before;
    if (x == 1.0)
        return (double)INFINITY;
    do {
        x *= x;
        before = sum;
        sum += x * power;
        power += power;
    } while (sum > before);
    return sum;
}

static double tau(double x)
{
    double power = 1, sum = 1 - x, before;
    if (x <= 0.0 || x >= 1.0)
        return 0;
    do {
        x = sqrt(x);
        before = sum;
        power *= 0.5;
        sum -= (1 - x) * (1 - x) * power;
    } while (sum < before);
    return sum / 3;
}

static void about_give(const void *counting, const void *value, void *row)
{
    const about *self = counting;
    const uint8_t *registers = value;
    unsigned ranks[66] = { 0 }, most = 64 - self->bits;
    double all = (double)((size_t)1 << self->bits);
    for (size_t i = 0; i < (size_t)1 << self->bits; i++)
        ranks[registers[i]]++;
    double sum = all * tau(1 - ranks[most + 1] / all);
    for (unsigned rank = most; rank >= 1; rank--)
        sum = 0.5 * (sum + ranks[rank]);
    sum += all * sigma(ranks[0] / all);
    int64_t estimate = (int64_t)(all * all / (2 * log(2) * sum) + 0.5);
    memcpy((char *)row + self->into, &estimate, sizeof estimate);
}

static sl_result about_open(const operator_spec *spec, void **opened, failure *failure)
{
    static const aggregate_kind kind = { about_take, about_add, about_join, NULL, about_give, NULL };
    const sl_about *drawn = &spec->node->as.about;
    about *self = memory_new(sizeof *self);
    self->of = drawn->of;
    self->into = drawn->into.offset[0];
    self->row_bytes = spec->node->schema->row_bytes;
    self->texts_only = key_is_of_texts(&drawn->of);
    self->bits = drawn->bits ? (unsigned)drawn->bits : BITS_USUAL;
    aggregate_spec made = {
        .kind = &kind,
        .self = self,
        .name = drawn->name,
        .key = drawn->key,
        .window = drawn->window,
        .part_bytes = sizeof(uint64_t),
        .value_bytes = (size_t)1 << self->bits,
        .shape = self->bits,
    };
    return aggregate_open(spec, &made, opened, failure);
}

const operator_kind operator_count_about = AGGREGATE_KIND("count_about", about_open);
