/*
 * sinks/elastic/reply.h - reading answers of Elasticsearch and OpenSearch.
 *
 *     {"took":3,"errors":true,"items":[{"create":{"status":201}},
 *         {"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"..."}}}]}
 *     {"error":{"type":"...","reason":"..."},"status":403}
 */
#ifndef SINKS_ELASTIC_REPLY_H
#define SINKS_ELASTIC_REPLY_H

#include <sluice/types.h>

/* Of a bulk request: what keeps the status of every item, since without it their positions would be lost. */
#define REPLY_FILTER "filter_path=took,errors,items.*.status,items.*.error.type,items.*.error.reason"

typedef struct reply reply; /* of a bulk request */

typedef struct reply_item {
    int status;
    const char *type, *reason; /* "" when there is none; live as long as the reply */
} reply_item;

bool reply_is_all_fine(sl_text body); /* quick: without parsing the items */

/* NULL when it is no whole answer about `count` items. */
reply *reply_parse(sl_text body, size_t count);
reply_item reply_item_at(const reply *reply, size_t i);
void reply_free(reply *reply); /* NULL is fine */

/* Why a request as a whole failed, "type: reason", in `size` bytes; the beginning of the body when it says it otherwise. */
void reply_why(sl_text body, char *text, size_t size);
/* The same for one item. */
void reply_item_why(const reply_item *item, char *text, size_t size);

#endif
