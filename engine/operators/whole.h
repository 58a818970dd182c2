/*
 * operators/whole.h - lists that are replaced as a whole: the rows of one report by group, what was last written of each
 * group, and whether it differs. Fields of type time do not count as a difference: a window moves at every batch.
 * Runs on: driver, at one time one thread.
 */
#ifndef OPERATORS_WHOLE_H
#define OPERATORS_WHOLE_H

#include <base/buffer.h>
#include <base/failure.h>
#include <sinks/sink.h>

typedef struct whole whole;

whole *whole_new(const sl_output *output, const sl_schema *schema, const document *document);
void whole_free(whole *whole); /* NULL is fine */
void whole_begin(whole *whole);
/* Rows of the report that ends at end_ms; a later report takes the place of an earlier one. None is a report too. */
void whole_add(whole *whole, int64_t end_ms, const sl_rows *rows);
/* True when there was a report and some group differs: all groups, in order of their keys, until whole_begin(). May be
 * asked again. */
bool whole_close(whole *whole, const sink_group **groups, size_t *count);
void whole_settle(whole *whole); /* what whole_close gave is what was last written */
void whole_save(const whole *whole, bool all, buffer *out);
sl_result whole_load(whole *whole, sl_text saved, failure *failure);

#endif
