/*
 * records/play.h - one listen of the topic `realtime`, and how its line is read. Jobs that read listens share it.
 */
#ifndef RECORDS_PLAY_H
#define RECORDS_PLAY_H

#include "customer.h"
#include <sluice/job.h>

#define PLAY_FIELDS(F)                                                                                       \
    F(origin, origin)                                                                                        \
    F(i64, event_id)                                                                                         \
    F(text, customer_id)                                                                                     \
    F(text, track_id)                                                                                        \
    F(text, datetime)                                                                                        \
    F(i64, ismobile)                                                                                         \
    F(text, listening_zip_code)                                                                              \
    F(link(customer), customer)
SL_RECORD(play, PLAY_FIELDS);

static inline const char *id_fault(sl_text id)
{
    return id.size == 0 ? "empty_field" : id.size > 64 ? "too_long" : NULL;
}

/* event_id,customer_id,track_id,"datetime",ismobile,"listening_zip_code": the first broken rule counts. */
static inline bool parse_play(sl_task *task, const sl_message *in, play *out)
{
    sl_text field[6];
    const char *fault = sl_csv_split(task, in->value, field, 6);
    if (fault)
        return sl_reject(task, &in->origin, fault, "line");

    sl_text flag = sl_trim(field[4]);
    out->origin = in->origin;
    out->customer_id = sl_trim(field[1]);
    out->track_id = sl_trim(field[2]);
    out->datetime = field[3];
    out->listening_zip_code = field[5];
    if (!sl_to_i64(sl_trim(field[0]), &out->event_id))
        return sl_reject(task, &in->origin, "bad_number", "event_id");
    if ((fault = id_fault(out->customer_id)))
        return sl_reject(task, &in->origin, fault, "customer_id");
    if ((fault = id_fault(out->track_id)))
        return sl_reject(task, &in->origin, fault, "track_id");
    if (!sl_is_datetime(out->datetime))
        return sl_reject(task, &in->origin, "bad_datetime", "datetime");
    if (flag.size != 1 || (*flag.at != '0' && *flag.at != '1'))
        return sl_reject(task, &in->origin, "bad_flag", "ismobile");
    if (out->listening_zip_code.size > 16)
        return sl_reject(task, &in->origin, "too_long", "listening_zip_code");
    out->ismobile = *flag.at - '0';
    return true;
}

#endif
