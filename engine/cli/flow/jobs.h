/*
 * cli/flow/jobs.h - one job of the flow: asked for its state at its socket, for settings and metrics at its pages.
 */
#ifndef CLI_FLOW_JOBS_H
#define CLI_FLOW_JOBS_H

#include <cli/flow/flow.h>
#include <cli/flow/series.h>
#include <clients/http.h>

typedef struct asked_job {
    char name[FLOW_TEXT], url[FLOW_TEXT];
    char group[FLOW_TEXT], redis[300], elastic[300]; /* of its settings */
    double limit;                                    /* that it was given, for all its partitions; 0: none */
    long pid;
    http *pages;
    series series;
    buffer scratch;
} asked_job;

void asked_job_look(asked_job *job, const char *folder, const char *token, flow_job *out);
void asked_job_gone(asked_job *job, flow_job *out);
void asked_job_done(asked_job *job);

#endif
