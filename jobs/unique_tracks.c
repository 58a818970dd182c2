/*
 * unique_tracks.c - every track that was ever played, and every one that was played on a mobile.
 *
 *   realtime -> parse_play -> by_scope -> distinct (scope, track), for ever -+-> all tracks: tracks             -> set unique_tracks
 *                                                                            +-> those on a mobile: mobile_tracks -> set unique_tracks:mobile
 *                                                                            +-> sum by scope: totals           -> ba_unique_tracks
 *
 * Only what is new is written: tracks in the batch that brought them first, a total when it grew.
 */
#include "records/play.h"
#include <sluice/job.h>

#define UNIQUE_TRACK_FIELDS(F)                                                                               \
    F(text, scope)                                                                                           \
    F(text, track_id)                                                                                        \
    F(i64, tracks)
SL_RECORD(unique_track, UNIQUE_TRACK_FIELDS);

#define TRACK_ID_FIELDS(F) F(text, track_id)
SL_RECORD(track, TRACK_ID_FIELDS);

#define TOTAL_FIELDS(F)                                                                                      \
    F(text, scope)                                                                                           \
    F(i64, tracks)
SL_RECORD(total, TOTAL_FIELDS);

SL_STAGE(parse_play, sl_message, play);

static void by_scope(sl_task *task, const play *in, sl_rows *out)
{
    (void)task;
    unique_track *any = sl_row(out, unique_track);
    any->scope = SL_TEXT("all");
    any->track_id = in->track_id;
    if (!in->ismobile)
        return;
    unique_track *mobile = sl_row(out, unique_track);
    mobile->scope = SL_TEXT("mobile");
    mobile->track_id = in->track_id;
}
SL_FLAT_STAGE(by_scope, play, unique_track);

static bool of_any(sl_task *task, const unique_track *in, track *out)
{
    (void)task;
    out->track_id = in->track_id;
    return sl_text_equal(in->scope, SL_TEXT("all"));
}
SL_STAGE(of_any, unique_track, track);

static bool of_mobile(sl_task *task, const unique_track *in, track *out)
{
    (void)task;
    out->track_id = in->track_id;
    return sl_text_equal(in->scope, SL_TEXT("mobile"));
}
SL_STAGE(of_mobile, unique_track, track);

static bool one_more(sl_task *task, const unique_track *in, total *out)
{
    (void)task;
    out->scope = in->scope;
    out->tracks = 1;
    return true;
}
SL_STAGE(one_more, unique_track, total);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
    sl_stream scoped = sl_through(sl_through(lines, &parse_play_stage), &by_scope_stage);
    sl_stream fresh = sl_distinct_by(scoped, &(sl_distinct){ .name = "tracks_seen",
                                                             .key = SL_FIELDS(unique_track, scope, track_id),
                                                             .window = { .length = SL_EVER } });
    sl_to(
        sl_through(fresh, &of_any_stage),
        &(sl_output){ .name = "tracks",
                      .to = { "redis" },
                      .id = SL_FIELDS(track, track_id),
                      .redis = { SL_SET, .prefix = "unique_tracks", .member = SL_FIELDS(track, track_id) } });
    sl_to(sl_through(fresh, &of_mobile_stage),
          &(sl_output){
              .name = "mobile_tracks",
              .to = { "redis" },
              .id = SL_FIELDS(track, track_id),
              .redis = { SL_SET, .prefix = "unique_tracks:mobile", .member = SL_FIELDS(track, track_id) } });
    sl_stream totals =
        sl_reduce_by(sl_through(fresh, &one_more_stage), &(sl_reduce){ .name = "tracks_by_scope",
                                                                       .key = SL_FIELDS(total, scope),
                                                                       .sum = SL_FIELDS(total, tracks),
                                                                       .window = { .length = SL_EVER },
                                                                       .touched_only = true });
    sl_to(totals, &(sl_output){ .name = "totals",
                                .to = { "elastic" },
                                .index = "ba_unique_tracks",
                                .id = SL_FIELDS(total, scope) });
}

const sl_job job = {
    .name = "unique_tracks",
    .about = "every track ever played, and every track played on a mobile",
    .draw = draw,
};
