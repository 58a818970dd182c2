/*
 * profiles.c - what each customer listens to, over all listens so far.
 *
 *   realtime -> parse_play -> profile of the customer -> describe -> profile:<customer_id>, ba_profiles
 *
 * A batch writes the customers that it brought. Days and parts of the day are those of the listen's own `datetime`.
 */
#include "records/play.h"
#include <sluice/job.h>

enum { TRACKS, DAYS };

/* What is remembered of a customer, beside the sets of his tracks and of his days. */
#define TALLY_FIELDS(F)                                                                                      \
    F(text, customer_id)                                                                                     \
    F(i64, plays)                                                                                            \
    F(i64, mobile_plays)                                                                                     \
    F(i64, unique_tracks)                                                                                    \
    F(i64, morning)                                                                                          \
    F(i64, afternoon)                                                                                        \
    F(i64, evening)                                                                                          \
    F(i64, night)                                                                                            \
    F(i64, active_days)                                                                                      \
    F(time, since)
SL_RECORD(tally, TALLY_FIELDS);

#define PROFILE_FIELDS(F)                                                                                    \
    F(text, customer_id)                                                                                     \
    F(i64, plays)                                                                                            \
    F(i64, mobile_plays)                                                                                     \
    F(i64, unique_tracks)                                                                                    \
    F(i64, morning)                                                                                          \
    F(i64, afternoon)                                                                                        \
    F(i64, evening)                                                                                          \
    F(i64, night)                                                                                            \
    F(text, favourite)                                                                                       \
    F(i64, active_days)                                                                                      \
    F(f64, morning_avg)                                                                                      \
    F(f64, afternoon_avg)                                                                                    \
    F(f64, evening_avg)                                                                                      \
    F(f64, night_avg)                                                                                        \
    F(time, since)
SL_RECORD(profile, PROFILE_FIELDS);

SL_STAGE(parse_play, sl_message, play);

static int digits(const char *at, size_t count)
{
    int number = 0;
    for (size_t i = 0; i < count; i++)
        number = number * 10 + (at[i] - '0');
    return number;
}

/* "2014-10-23 03:26:20" as ms since 1970. Days are counted from the first of March: so a leap day is the last of its year. */
static int64_t datetime_ms(sl_text datetime)
{
    const char *at = datetime.at;
    int month = digits(at + 5, 2), shifted = (month + 9) % 12;
    int64_t year = digits(at, 4) - (month <= 2);
    int64_t days =
        year * 365 + year / 4 - year / 100 + year / 400 + (shifted * 153 + 2) / 5 + digits(at + 8, 2) - 1;
    int64_t seconds = digits(at + 11, 2) * 3600 + digits(at + 14, 2) * 60 + digits(at + 17, 2);
    return ((days - 719468) * 86400 + seconds) * 1000;
}

static int64_t *part_of_day(tally *known, sl_text datetime)
{
    int hour = digits(datetime.at + 11, 2);
    if (hour < 5 || hour >= 22)
        return &known->night;
    return hour < 12 ? &known->morning : hour < 17 ? &known->afternoon : &known->evening;
}

static bool note_play(sl_task *task, const play *in, tally *known, sl_key *key)
{
    (void)task;
    if (key->timing_out)
        return false;
    if (key->is_new)
        known->since = datetime_ms(in->datetime);
    known->plays++;
    known->mobile_plays += in->ismobile;
    known->unique_tracks += sl_set_add(key, TRACKS, in->track_id);
    known->active_days += sl_set_add(key, DAYS, (sl_text){ in->datetime.at, 10 });
    ++*part_of_day(known, in->datetime);
    return true;
}
SL_UPDATE(note_play, play, tally);

/* The first in the order of the day when several have most. */
static sl_text favourite_of(const tally *known)
{
    const struct {
        sl_text name;
        int64_t plays;
    } parts[] = { { SL_TEXT("morning"), known->morning },
                  { SL_TEXT("afternoon"), known->afternoon },
                  { SL_TEXT("evening"), known->evening },
                  { SL_TEXT("night"), known->night } };
    size_t most = 0;
    for (size_t i = 1; i < 4; i++)
        most = parts[i].plays > parts[most].plays ? i : most;
    return parts[most].name;
}

/* Takes over a field. */
#define TAKE(type, member) out->member = in->member;

static bool describe(sl_task *task, const tally *in, profile *out)
{
    double days = (double)in->active_days;
    (void)task;
    TALLY_FIELDS(TAKE)
    out->favourite = favourite_of(in);
    out->morning_avg = (double)in->morning / days;
    out->afternoon_avg = (double)in->afternoon / days;
    out->evening_avg = (double)in->evening / days;
    out->night_avg = (double)in->night / days;
    return true;
}
SL_STAGE(describe, tally, profile);

typedef struct options {
    sl_duration profile_timeout;
} options;

static const sl_option option_table[] = { SL_OPTION(options, profile_timeout, NULL, "1ms", "3650d",
                                                    "forget customers who were idle so long; default: never"),
                                          { 0 } };

static void draw(sl_plan *plan, const void *filled)
{
    const options *set = filled;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
    sl_stream tallies = sl_update_by(sl_through(lines, &parse_play_stage), &note_play_update,
                                     &(sl_update){ .name = "customers",
                                                   .key = SL_FIELDS(play, customer_id),
                                                   .into = SL_FIELDS(tally, customer_id),
                                                   .sets = { "tracks", "days" },
                                                   .timeout = set->profile_timeout });
    sl_to(sl_through(tallies, &describe_stage),
          &(sl_output){ .name = "profiles",
                        .to = { "redis", "elastic" },
                        .index = "ba_profiles",
                        .id = SL_FIELDS(profile, customer_id),
                        .redis = { SL_HASH, .prefix = "profile:", .key = SL_FIELDS(profile, customer_id),
                                   .key_inside = true } });
}

const sl_job job = {
    .name = "profiles",
    .about = "what each customer listens to, when, and how much",
    .options = option_table,
    .options_bytes = sizeof(options),
    .draw = draw,
};
