/*
 * cli/flow/view.h - the flow for people, for the page, and for Elasticsearch.
 */
#ifndef CLI_FLOW_VIEW_H
#define CLI_FLOW_VIEW_H

#include <cli/flow/bottleneck.h>

void flow_text(const flow *flow, const bottleneck *bottleneck,
               buffer *out); /* a table, the lag, the sentence */
void flow_json(const flow *flow, const bottleneck *bottleneck, buffer *out); /* one line */

/* The list of the pipeline's JMX collector under its names, and what it did not have under ours. */
typedef void flow_metric(void *argument, const char *path, double value);
void flow_metrics(const flow *flow, flow_metric *each, void *argument);

#endif
