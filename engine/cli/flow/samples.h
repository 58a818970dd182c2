/*
 * cli/flow/samples.h - metrics in Prometheus' text format, as jobs and the broker's exporter tell them, by name and label.
 */
#ifndef CLI_FLOW_SAMPLES_H
#define CLI_FLOW_SAMPLES_H

#include <base/buffer.h>

typedef struct sample { /* texts point into the samples' own */
    const char *name;
    const char *labels; /* what stands between the braces; "" */
    double value;
} sample;

typedef struct samples { /* a zeroed one is ready */
    buffer text, list;
    size_t count;
} samples;

/* Instead of what they held. Lines that are no sample are passed over. */
void samples_read(samples *samples, sl_text text);
void samples_done(samples *samples);
const sample *samples_at(const samples *samples, size_t i);

/* Of all with this name whose labels hold `label`, as in "server=\"redis\""; NULL: any. 0 when there is none. */
double samples_sum(const samples *samples, const char *name, const char *label);
double samples_most(const samples *samples, const char *name, const char *label);
bool samples_have(const samples *samples, const char *name, const char *label);
/* A label's value; "" when there is none. Returns `at`. */
const char *sample_label(const sample *sample, const char *label, char *at, size_t room);

#endif
