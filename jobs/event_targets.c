/*
 * event_targets.c - who gets the one-day offer: listeners whom the prediction flags, told while they listen.
 *
 *   realtime -> parse_play -> customer -> prediction -> decide -+-> documents                    -> ba_realtime3
 *                                                               +-> those flagged: event_users   -> set 1_day_event_users
 *
 * The prediction of a customer is the string pred_event:<customer_id> in Redis, "1" or "0"; another program brings it up to
 * date, so it is seen at most redis.cache.ttl later. Without one, or with one that is no number, there is no offer.
 */
#include "records/play.h"
#include <sluice/job.h>

#define PREDICTION_FIELDS(F) F(maybe_i64, flag)
SL_RECORD(prediction, PREDICTION_FIELDS);

#define CANDIDATE_FIELDS(F)                                                                                  \
    PLAY_FIELDS(F)                                                                                           \
    F(link(prediction), prediction)
SL_RECORD(candidate, CANDIDATE_FIELDS);

#define TARGET_FIELDS(F)                                                                                     \
    PLAY_FIELDS(F)                                                                                           \
    F(i64, send_event, "SendEvent")
SL_RECORD(target, TARGET_FIELDS);

#define EVENT_USER_FIELDS(F) F(text, customer_id)
SL_RECORD(event_user, EVENT_USER_FIELDS);

SL_STAGE(parse_play, sl_message, play);

/* Takes over a field of the listen. */
#define TAKE(type, member) out->member = in->member;

static bool ask_prediction(sl_task *task, const play *in, candidate *out)
{
    (void)task;
    PLAY_FIELDS(TAKE)
    return true;
}
SL_STAGE(ask_prediction, play, candidate);

static bool decide(sl_task *task, const candidate *in, target *out)
{
    (void)task;
    PLAY_FIELDS(TAKE)
    out->send_event = in->prediction && in->prediction->flag.known && in->prediction->flag.value == 1;
    return true;
}
SL_STAGE(decide, candidate, target);

static bool take_user(sl_task *task, const target *in, event_user *out)
{
    (void)task;
    out->customer_id = in->customer_id;
    return in->send_event == 1;
}
SL_STAGE(take_user, target, event_user);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
    sl_stream listens =
        sl_look_up(sl_through(lines, &parse_play_stage), &(sl_lookup){ .name = "customers",
                                                                       .from = "redis",
                                                                       .key = SL_FIELDS(play, customer_id),
                                                                       .into = SL_FIELDS(play, customer) });
    sl_stream predicted = sl_look_up(sl_through(listens, &ask_prediction_stage),
                                     &(sl_lookup){ .name = "predictions",
                                                   .from = "redis",
                                                   .prefix = "pred_event:",
                                                   .key = SL_FIELDS(candidate, customer_id),
                                                   .into = SL_FIELDS(candidate, prediction),
                                                   .plain = true });
    sl_stream targets = sl_through(predicted, &decide_stage);
    sl_to(targets, &(sl_output){ .name = "documents",
                                 .to = { "elastic" },
                                 .index = "ba_realtime3",
                                 .id = SL_FIELDS(target, origin),
                                 .keywords = SL_FIELDS(target, datetime) });
    sl_to(sl_through(targets, &take_user_stage),
          &(sl_output){ .name = "event_users",
                        .to = { "redis" },
                        .index = "1_day_event_users",
                        .id = SL_FIELDS(event_user, customer_id),
                        .redis = { SL_SET, .prefix = "1_day_event_users",
                                   .member = SL_FIELDS(event_user, customer_id) } });
}

const sl_job job = { .name = "event_targets",
                     .about = "which listeners get the one-day offer",
                     .draw = draw };
