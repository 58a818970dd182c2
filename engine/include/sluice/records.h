/*
 * sluice/records.h - a record read from a CSV line or a JSON object by its description alone: what a parsing stage often is.
 *
 *     static bool read_play(sl_task *task, const sl_message *in, play *out)
 *     {
 *         return sl_csv_read(task, in, play_schema(), out);
 *     }
 *     SL_STAGE(read_play, sl_message, play);
 *
 * An origin is the message's; links stay NULL. All other fields are read, strictly. What does not fit is rejected: false is
 * returned, and the dead letter's reason and detail tell the rule, the field and the value: bad_number `plays: "many"`.
 *
 *                   CSV: fields in their order, as many as there are           JSON: members by the names outside, in any order
 *     text          the field; empty is an empty text                          a string; absent or null is a missing text
 *     i32 i64 f64   digits, a minus; f64 as in JSON                            a number; whole and in range for i32 and i64
 *     maybe_i64     the same; empty is unknown                                 the same; absent or null is unknown
 *     flag          0, 1, false, true                                          false, true
 *     time          2026-11-23T10:00:00.123Z                                   such a string, or ms since 1970
 *
 * Reasons: missing_field (empty, absent or null where a value has to be), bad_text, bad_number, bad_flag, bad_time; and of the
 * whole line null_value (a tombstone) and those of sluice/csv.h, or bad_json (no object, or not UTF-8). Blanks around numbers, flags
 * and times of a CSV line are no part of them. Members that the record does not have are passed over.
 *
 * The other way, outputs in CSV, is a setting of where they go: file.format=csv (batch-<T>.csv, the names of the columns in its
 * first line), kafka.format=csv (a line a message, without such a line), console.format=csv. The columns are those of the JSON
 * document in its order (_id, @timestamp, the fields), quoted by RFC 4180; what is missing is an empty field, an empty text "".
 * Elasticsearch and Redis have forms of their own; raw outputs and dead letters stay as they are.
 */
#ifndef SLUICE_RECORDS_H
#define SLUICE_RECORDS_H

#include <sluice/job.h>

enum { SL_FIELDS_READ_MAX = 128 }; /* of one record */

/* `row` comes zeroed, as a stage's *out does. Its texts live as long as the batch. */
bool sl_csv_read(sl_task *task, const sl_message *in, const sl_schema *schema, void *row);
bool sl_json_read(sl_task *task, const sl_message *in, const sl_schema *schema, void *row);

#endif
