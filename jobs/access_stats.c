/*
 * access_stats.c - how much was listened to in the last half hour, by whom, told every five minutes.
 *
 *   realtime -> parse_play -> customer -+-> tally: plays, mobile, genders, ages    in the window -+
 *                                       +-> distinct customers                     in the window -+-> sum by window -+-> windows -> ba_access_stats
 *                                       +-> distinct tracks                        in the window -+                  +-> latest  -> hash access_stats
 *
 * A window in which nobody listened is told too, with zeros, so that a chart falls to zero instead of ending. The same window written again, after a crash,
 * is the same document. After a pause the windows that were missed are told at once, and `latest` is the last of them.
 *
 * A listener whom Redis does not know counts in gender_unknown and age_unknown. age_20 are plays of those from 20 to 29, age_90 of those of
 * 90 and more.
 */
#include "records/play.h"
#include <sluice/job.h>

#define COUNTS(F)                                                                                            \
    F(i64, plays)                                                                                            \
    F(i64, customers)                                                                                        \
    F(i64, tracks)                                                                                           \
    F(i64, mobile_plays)                                                                                     \
    F(i64, gender_0)                                                                                         \
    F(i64, gender_1)                                                                                         \
    F(i64, gender_unknown)                                                                                   \
    F(i64, age_0)                                                                                            \
    F(i64, age_10)                                                                                           \
    F(i64, age_20)                                                                                           \
    F(i64, age_30)                                                                                           \
    F(i64, age_40)                                                                                           \
    F(i64, age_50)                                                                                           \
    F(i64, age_60)                                                                                           \
    F(i64, age_70)                                                                                           \
    F(i64, age_80)                                                                                           \
    F(i64, age_90)                                                                                           \
    F(i64, age_unknown)

#define ACCESS_FIELDS(F)                                                                                     \
    F(time, window_start)                                                                                    \
    F(time, window_end)                                                                                      \
    COUNTS(F)
SL_RECORD(access, ACCESS_FIELDS);

#define SEEN_FIELDS(F)                                                                                       \
    F(text, id)                                                                                              \
    F(time, window_start)                                                                                    \
    F(time, window_end)
SL_RECORD(seen, SEEN_FIELDS);

SL_STAGE(parse_play, sl_message, play);

/* The play's place in the row of its listener's decade. */
static int64_t *age_of(const play *in, access *out)
{
    int64_t *const decades[] = { &out->age_0,  &out->age_10, &out->age_20, &out->age_30, &out->age_40,
                                 &out->age_50, &out->age_60, &out->age_70, &out->age_80, &out->age_90 };
    if (in->customer == NULL || !in->customer->age.known || in->customer->age.value < 0)
        return &out->age_unknown;
    return decades[in->customer->age.value < 90 ? in->customer->age.value / 10 : 9];
}

static bool tally(sl_task *task, const play *in, access *out)
{
    (void)task;
    sl_text gender = in->customer ? in->customer->gender : (sl_text){ 0 };
    out->plays = 1;
    out->mobile_plays = in->ismobile;
    out->gender_0 = sl_text_equal(gender, SL_TEXT("0"));
    out->gender_1 = sl_text_equal(gender, SL_TEXT("1"));
    out->gender_unknown = !out->gender_0 && !out->gender_1;
    *age_of(in, out) = 1;
    return true;
}
SL_STAGE(tally, play, access);

static bool take_customer(sl_task *task, const play *in, seen *out)
{
    (void)task;
    out->id = in->customer_id;
    return true;
}
SL_STAGE(take_customer, play, seen);

static bool take_track(sl_task *task, const play *in, seen *out)
{
    (void)task;
    out->id = in->track_id;
    return true;
}
SL_STAGE(take_track, play, seen);

static bool one_customer(sl_task *task, const seen *in, access *out)
{
    (void)task;
    *out = (access){ .window_start = in->window_start, .window_end = in->window_end, .customers = 1 };
    return true;
}
SL_STAGE(one_customer, seen, access);

static bool one_track(sl_task *task, const seen *in, access *out)
{
    (void)task;
    *out = (access){ .window_start = in->window_start, .window_end = in->window_end, .tracks = 1 };
    return true;
}
SL_STAGE(one_track, seen, access);

#define ADD(type, member)    into->member += from->member;
#define REMOVE(type, member) into->member -= from->member;

static void add_counts(access *into, const access *from){ COUNTS(ADD) } SL_COMBINE(add_counts, access);

static void remove_counts(access *into, const access *from){ COUNTS(REMOVE) } SL_COMBINE(remove_counts,
                                                                                         access);

static void take_later(access *into, const access *from)
{
    if (from->window_end > into->window_end)
        *into = *from;
}
SL_COMBINE(take_later, access);

typedef struct options {
    sl_duration window, slide, pane;
} options;

static const sl_option option_table[] = {
    SL_OPTION(options, window, "30min", "1ms", "365d", "how far back the statistics look"),
    SL_OPTION(options, slide, "5min", "1ms", "365d", "how often they are told"),
    SL_OPTION(options, pane, NULL, "1ms", "365d",
              "how finely they forget; default: 1/1800 of the window or coarser"),
    { 0 }
};

/* How many different ones each window has, a row for each. */
static sl_stream draw_different(sl_stream in, const char *name, const sl_stage *one, sl_window window)
{
    window.start = SL_FIELDS(seen, window_start);
    window.end = SL_FIELDS(seen, window_end);
    return sl_through(sl_distinct_by(in, &(sl_distinct){ name, SL_FIELDS(seen, id), window }), one);
}

static sl_stream draw_parts(sl_stream listens, const options *set)
{
    sl_window window = { .length = set->window, .slide = set->slide, .pane = set->pane }, told = window;
    told.start = SL_FIELDS(access, window_start);
    told.end = SL_FIELDS(access, window_end);
    sl_stream tallied =
        sl_reduce_by(sl_through(listens, &tally_stage), &(sl_reduce){ .name = "plays_in_window",
                                                                      .add = &add_counts_combine,
                                                                      .remove = &remove_counts_combine,
                                                                      .window = told,
                                                                      .even_if_empty = true });
    sl_stream customers = draw_different(sl_through(listens, &take_customer_stage), "customers_in_window",
                                         &one_customer_stage, window);
    sl_stream tracks =
        draw_different(sl_through(listens, &take_track_stage), "tracks_in_window", &one_track_stage, window);
    return sl_union(sl_union(tallied, customers), tracks);
}

static void draw(sl_plan *plan, const void *filled)
{
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
    sl_stream listens =
        sl_look_up(sl_through(lines, &parse_play_stage), &(sl_lookup){ .name = "customers",
                                                                       .from = "redis",
                                                                       .key = SL_FIELDS(play, customer_id),
                                                                       .into = SL_FIELDS(play, customer) });
    sl_stream windows = sl_reduce_by(draw_parts(listens, filled),
                                     &(sl_reduce){ .name = "windows_together",
                                                   .key = SL_FIELDS(access, window_start, window_end),
                                                   .add = &add_counts_combine });
    sl_to(windows, &(sl_output){ .name = "windows",
                                 .to = { "elastic" },
                                 .index = "ba_access_stats",
                                 .id = SL_FIELDS(access, window_end) });
    sl_stream latest =
        sl_reduce_by(windows, &(sl_reduce){ .name = "latest_window", .add = &take_later_combine });
    sl_to(latest, &(sl_output){ .name = "latest",
                                .to = { "redis" },
                                .id = SL_FIELDS(access, window_end),
                                .redis = { SL_HASH, .prefix = "access_stats" } });
}

const sl_job job = {
    .name = "access_stats",
    .about = "plays, listeners and tracks of the last half hour, every five minutes",
    .options = option_table,
    .options_bytes = sizeof(options),
    .draw = draw,
};
