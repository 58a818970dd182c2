/*
 * cli/flow/series.h - the last looks at one part of the flow: differences between the newest and the oldest are its rates.
 */
#ifndef CLI_FLOW_SERIES_H
#define CLI_FLOW_SERIES_H

#include <cli/flow/samples.h>

enum { SERIES_LOOKS = 6 };

typedef struct series { /* a zeroed one is ready */
    samples looks[SERIES_LOOKS];
    int64_t times_ns[SERIES_LOOKS];
    size_t count; /* of all looks; the newest is count - 1 */
} series;

void series_add(series *series, sl_text text, int64_t now_ns);
void series_forget(series *series); /* another process answers: its counters begin anew */
void series_done(series *series);

const samples *series_now(const series *series); /* there is one look at least */
double series_seconds(const series *series);     /* between the two; 0: there is one look only */
double series_rise(const series *series, const char *name, const char *label); /* at least 0 */
double series_change(const series *series, const char *name, const char *label);
double series_rate(const series *series, const char *name, const char *label); /* rise a second */

#endif
