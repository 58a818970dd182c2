/*
 * http/rest.h - Spark's REST under /api/v1, as its Streaming part answers: paths, fields, their order, dates, and the texts of
 * what is not found. A client written for Spark reads it unchanged.
 *
 *     /api/v1/applications                        [/ID]
 *     /api/v1/applications/ID/streaming           /statistics, /receivers[/N], /batches[?status=COMPLETED], /batches/TIME,
 *                                                 /batches/TIME/operations[/N]
 *
 * The application's id is the job's name. A batch's id is its batch time, as in Spark. An input has no receiver, as Kafka's
 * direct stream: each topic is a stream without one.
 */
#ifndef HTTP_REST_H
#define HTTP_REST_H

#include <http/recent.h>

typedef struct rest_query {
    const char *path;            /* what stands behind "/api/v1" */
    const char *const *statuses; /* of ?status=, as given */
    size_t status_count;
    const char *user, *version; /* whose process it is; of Sluice */
    int64_t now_ms;
} rest_query;

/* The HTTP status: 200, or 404 with the text that Spark sends. */
unsigned rest_answer(const recent_view *view, const rest_query *query, buffer *body);

#endif
