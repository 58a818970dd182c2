/*
 * records/csv_print.h - rows printed as CSV lines (RFC 4180): the columns of the JSON document, in its order.
 *
 *     _id,@timestamp,customer_id,plays
 *     9,2026-11-23T10:00:00.123Z,9,3
 *
 * What is missing is an empty field, an empty text is "", so that both can be told apart. A field is quoted when it has a comma,
 * a quote, an end of line, or a blank at an end; quotes in it are doubled. Fields of a linked row stand where the link does,
 * empty when nothing was found. No line end is written.
 */
#ifndef RECORDS_CSV_PRINT_H
#define RECORDS_CSV_PRINT_H

#include <records/document.h>

typedef struct csv_columns {
    const sl_schema *schema;
    const document *document; /* of the same rows: their ids and times */
    bool with_id;             /* where they have one */
} csv_columns;

void csv_print_header(const csv_columns *columns, buffer *out);
void csv_print(const csv_columns *columns, const void *row, int64_t batch_ms, buffer *out);

#endif
