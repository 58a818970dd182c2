/*
 * sinks/elastic/elastic.h - what the parts of the Elasticsearch sink share.
 *
 *     elastic.c         the kind: settings, rows of a batch
 *     elastic/index.c   at the start: is the server there, is the index there
 *     elastic/bulk.c    documents gathered and sent, again where that helps
 *     elastic/settle.c  what the answer about each document means
 *     elastic/reply.c   the answer's JSON
 */
#ifndef SINKS_ELASTIC_ELASTIC_H
#define SINKS_ELASTIC_ELASTIC_H

#include <clients/http.h>
#include <sinks/sink.h>

typedef enum bulk_action {
    BULK_CREATE, /* a record's document: written once, never again */
    BULK_INDEX,  /* an aggregate: a later batch wins */
    BULK_DELETE
} bulk_action;

typedef struct bulk_item {
    bulk_action action;
    bool repeated;    /* an earlier request with it may have been carried out */
    size_t size;      /* bytes in the body */
    sl_origin origin; /* of BULK_CREATE */
} bulk_item;

typedef struct elastic elastic;

/* One worker's documents on their way, in order: the items lie in `body` one after another. */
typedef struct elastic_writer {
    elastic *of;
    unsigned number;
    http *server;
    buffer body, items;  /* items: of bulk_item */
    buffer id;           /* scratch */
    size_t bytes_most;   /* of one request: elastic.bulk.bytes, or less once the server refused that much */
    int64_t patience_ns; /* of sink.timeout, what troubles of this attempt have left */
    char apart[64];      /* keeps neighbours out of one cache line */
} elastic_writer;

struct elastic {
    const sl_output *output;
    const sl_schema *schema;
    const document *document;
    const atomic_bool *stop;
    char *index, *bulk_path;
    int64_t timeout_ms, replicas; /* replicas < 0: the server's default */
    bool bare;
    const sink_batch *batch;
    atomic_bool warned; /* of duplicates in a first attempt */
    unsigned writer_count;
    elastic_writer *writers;
};

/* index.c: SL_RETRY when the server is not there (yet). */
sl_result index_open(const elastic *elastic, http *server, failure *failure);

/* bulk.c: sends what is gathered when it is enough for a request. */
sl_result bulk_row(elastic_writer *writer, const void *row, failure *failure);
sl_result bulk_delete(elastic_writer *writer, sl_text id, failure *failure);
/* Returns when everything that is gathered was acknowledged or refused. */
sl_result bulk_send(elastic_writer *writer, failure *failure);
void bulk_drop(elastic_writer *writer);

/* settle.c: of the first `count` items, those that are to be sent again stay. */
typedef struct settled {
    bool again;
    char why[380]; /* when again */
} settled;
sl_result bulk_settle(elastic_writer *writer, size_t count, sl_text answer, settled *settled,
                      failure *failure);
/* A document that will never be taken: a dead letter, or the failure of the batch. */
sl_result item_refused(elastic_writer *writer, size_t i, const char *why, failure *failure);
void items_drop(elastic_writer *writer, size_t count);

static inline bulk_item *writer_items(const elastic_writer *writer)
{
    return (bulk_item *)(void *)writer->items.at;
}

static inline size_t writer_count(const elastic_writer *writer)
{
    return writer->items.size / sizeof(bulk_item);
}

#endif
