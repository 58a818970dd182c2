/*
 * records/document.h - rows printed as JSON documents. Made once per output.
 *
 *     {"@timestamp":"2026-11-23T10:00:00.123Z","event_id":0,...,"name":"...","age":23}
 *
 * Runs on: worker; a document is only read after it was made. `batch_ms` is T.
 */
#ifndef RECORDS_DOCUMENT_H
#define RECORDS_DOCUMENT_H

#include <base/buffer.h>
#include <records/origins.h>
#include <sluice/job.h>

typedef struct document document;

/* `id`: an origin, or up to four fields joined by '-', or none. The origins may be filled later. */
document *document_new(const sl_schema *schema, const sl_fields *id, const origins *origins);
void document_free(document *document); /* NULL is fine */

void document_print(const document *document, const void *row, int64_t batch_ms, buffer *out);
/* The same with "_id" as its first field. */
void document_print_with_id(const document *document, const void *row, int64_t batch_ms, buffer *out);
/* The id as plain bytes: '-', '%' and bytes below 0x21 inside its parts percent-encoded. */
void document_id(const document *document, const void *row, buffer *out);
/* Only the fields, each with a comma before it: the part of a linked row. */
void fields_print(const sl_schema *schema, const void *row, buffer *out);
/* From now on without @timestamp and _id. */
void document_make_bare(document *document);
bool document_has_id(const document *document);
/* The origin that gives the id; NULL when the id is made of other fields, or there is none. */
const sl_origin *document_origin(const document *document, const void *row);

/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void json_string(buffer *out, sl_text text);
/* One field as plain text, as it stands in ids, Redis members and scores; false when it is missing. */
bool field_text(const sl_field *field, const void *row, buffer *out);
const sl_field *schema_field_at(const sl_schema *schema, size_t offset);

#endif
