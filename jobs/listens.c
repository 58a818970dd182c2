/*
 * listens.c - who listens to what, and what is hot right now.
 *
 *   realtime -> parse_play -> customer -+-> documents                                  -> ba_realtime2
 *                                       +-> count (gender, track) 30 h, top 10 each    -> top_tracks, ba_top_tracks
 *                                       +-> count (customer, track) 30 min, 3 or more  -> interest, ba_interest
 */
#include "records/play.h"
#include <sluice/job.h>

#define TOP_TRACK_FIELDS(F)                                                                                  \
    F(text, gender)                                                                                          \
    F(i64, rank)                                                                                             \
    F(text, track_id)                                                                                        \
    F(i64, plays)                                                                                            \
    F(time, window_start)                                                                                    \
    F(time, window_end)
SL_RECORD(top_track, TOP_TRACK_FIELDS);

#define INTEREST_FIELDS(F)                                                                                   \
    F(text, customer_id)                                                                                     \
    F(text, track_id)                                                                                        \
    F(i64, plays)
SL_RECORD(interest, INTEREST_FIELDS);

SL_STAGE(parse_play, sl_message, play);

/* Only a customer whom we know has a gender to count for. */
static bool play_by_gender(sl_task *task, const play *in, top_track *out)
{
    (void)task;
    if (in->customer == NULL || in->customer->gender.at == NULL)
        return false;
    out->gender = in->customer->gender;
    out->track_id = in->track_id;
    return true;
}
SL_STAGE(play_by_gender, play, top_track);

static bool play_by_customer(sl_task *task, const play *in, interest *out)
{
    (void)task;
    out->customer_id = in->customer_id;
    out->track_id = in->track_id;
    return true;
}
SL_STAGE(play_by_customer, play, interest);

typedef struct options {
    sl_duration top_window, top_slide, top_pane, interest_window, interest_pane;
    int64_t top_count, interest_plays;
} options;

static const sl_option option_table[] = {
    SL_OPTION(options, top_window, "30h", "1ms", "365d", "how far back the top tracks look"),
    SL_OPTION(options, top_slide, NULL, "1ms", "365d",
              "how often the top tracks are told; default: every batch"),
    SL_OPTION(options, top_pane, NULL, "1ms", "365d",
              "how finely the top tracks forget; default: 1/1800 of the window or coarser"),
    SL_OPTION(options, top_count, "10", "1", "10000", "how many top tracks each gender has"),
    SL_OPTION(options, interest_window, "30min", "1ms", "365d", "how far back plays make an interest"),
    SL_OPTION(options, interest_pane, NULL, "1ms", "365d",
              "how finely interests forget; default: 1/1800 of the window or coarser"),
    SL_OPTION(options, interest_plays, "3", "1", NULL, "how many plays make an interest"),
    { 0 }
};

static void draw_top_tracks(sl_stream listens, const options *set)
{
    sl_window window = { .length = set->top_window, .slide = set->top_slide, .pane = set->top_pane };
    window.start = SL_FIELDS(top_track, window_start);
    window.end = SL_FIELDS(top_track, window_end);
    sl_stream plays = sl_count_by(sl_through(listens, &play_by_gender_stage),
                                  &(sl_count){ .name = "plays_by_gender",
                                               .key = SL_FIELDS(top_track, gender, track_id),
                                               .into = SL_FIELDS(top_track, plays),
                                               .window = window });
    sl_stream top = sl_top_by(plays, &(sl_top){ .per = SL_FIELDS(top_track, gender),
                                                .count = set->top_count,
                                                .most = SL_FIELDS(top_track, plays),
                                                .then = SL_FIELDS(top_track, track_id),
                                                .rank = SL_FIELDS(top_track, rank) });
    sl_to(top,
          &(sl_output){
              .name = "top_tracks",
              .to = { "redis", "elastic" },
              .index = "ba_top_tracks",
              .id = SL_FIELDS(top_track, gender, rank),
              .whole = SL_FIELDS(top_track, gender),
              .redis = { SL_SORTED_SET, .prefix = "top_tracks:", .key = SL_FIELDS(top_track, gender),
                         .member = SL_FIELDS(top_track, track_id), .score = SL_FIELDS(top_track, plays) } });
}

static void draw_interests(sl_stream listens, const options *set)
{
    sl_window window = { .length = set->interest_window, .pane = set->interest_pane };
    sl_stream interests = sl_count_by(sl_through(listens, &play_by_customer_stage),
                                      &(sl_count){ .name = "plays_by_customer",
                                                   .key = SL_FIELDS(interest, customer_id, track_id),
                                                   .into = SL_FIELDS(interest, plays),
                                                   .at_least = set->interest_plays,
                                                   .touched_only = true,
                                                   .window = window });
    sl_to(interests, &(sl_output){ .name = "interests",
                                   .to = { "redis", "elastic" },
                                   .index = "ba_interest",
                                   .id = SL_FIELDS(interest, customer_id, track_id),
                                   .redis = { SL_SORTED_SET,
                                              .prefix = "interest:", .key = SL_FIELDS(interest, customer_id),
                                              .member = SL_FIELDS(interest, track_id) } });
}

static void draw(sl_plan *plan, const void *filled)
{
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
    sl_stream listens =
        sl_look_up(sl_through(lines, &parse_play_stage), &(sl_lookup){ .name = "customers",
                                                                       .from = "redis",
                                                                       .key = SL_FIELDS(play, customer_id),
                                                                       .into = SL_FIELDS(play, customer) });
    sl_to(listens, &(sl_output){ .name = "documents",
                                 .to = { "elastic" },
                                 .index = "ba_realtime2",
                                 .id = SL_FIELDS(play, origin),
                                 .keywords = SL_FIELDS(play, datetime) });
    draw_top_tracks(listens, filled);
    draw_interests(listens, filled);
}

const sl_job job = {
    .name = "listens",
    .about = "who listens to what, and what is hot right now",
    .options = option_table,
    .options_bytes = sizeof(options),
    .draw = draw,
};
