/*
 * clients/documents.h - numbers as documents in Elasticsearch or OpenSearch, in an index per day, with the fields of the
 * pipeline's JMX collector, so that what was drawn over them goes on working:
 *
 *     kafka_mon-2026.11.23
 *     {"@timestamp":"2026-11-23T10:00:00.500Z","@version":"1","host":"here","path":"listens","type":"jmx",
 *      "metric_path":"sluice.listens.batches_total.completed","metric_value_number":17}
 *
 *     documents_begin(documents, now_ms);
 *     documents_add(documents, "sluice.listens.batches_total.completed", 17);
 *     documents_send(documents);
 *
 * A server that is gone is told once in the log and left alone for 5 s; what was for it is dropped and counted.
 */
#ifndef CLIENTS_DOCUMENTS_H
#define CLIENTS_DOCUMENTS_H

#include <base/failure.h>

typedef struct documents documents;

typedef struct documents_spec { /* borrowed for documents_new() alone, but for setting */
    const char *url, *setting;  /* where the user gave it: a literal, for messages */
    const char *path;           /* who tells: the job's name */
} documents_spec;

sl_result documents_new(const documents_spec *spec, documents **made, failure *failure);
void documents_free(documents *documents); /* NULL is fine; says in the log how often nothing could be sent */

void documents_begin(documents *documents, int64_t now_ms); /* ms since the epoch, of all that follow */
void documents_add(documents *documents, const char *metric_path, double value);
bool documents_send(documents *documents);
unsigned long long documents_dropped(const documents *documents); /* how often nothing could be sent */

#endif
