/*
 * generate.c - made-up listens, to Kafka or a file, as many and as fast as is wanted.
 *
 *     ticks (rate:) -> make_listen -> listens (kafka:realtime)
 *
 *     0,48,453,"2014-10-23 03:26:20",0,"72132"
 *
 * With --replay FILE (and --loop) the listens are the lines of a file, in their order, at the same --rate; with --bad some of
 * them give way to malformed ones. With --count N the job ends after that many.
 *
 * A listen is a function of the seed and its number (the tick's offset) alone, so the same seed gives the same bytes,
 * whatever the rate, the workers, or a crash in between.
 *
 * Popularity follows a power law: the customer or track of rank k (0, 1, 2, ...) is drawn about in proportion to
 * 1 / (k + 1)^skew. A rank is the inverse of the law's integral at a random u in [0, 1), which needs no table:
 *
 *     x = (n + 1)^u                                          skew 1
 *     x = (1 + u * ((n + 1)^(1 - skew) - 1))^(1 / (1 - skew))  else;      rank = floor(x) - 1
 *
 * so that with skew 1 rank k has the share log(1 + 1 / (k + 1)) / log(n + 1): a little less for the first ranks than the
 * sum of a Zipf law would give, and the same further on.
 */
#include <math.h>
#include <sluice/job.h>
#include <stdio.h>

#define GENERATED_FIELDS(F) F(origin, origin) F(text, line)
SL_RECORD(generated, GENERATED_FIELDS);

typedef struct options {
    int64_t customers, tracks, seed;
    double skew, bad;
} options;

static const sl_option option_table[] = {
    SL_OPTION(options, customers, "5000", "1", "1000000000", "how many customers listen"),
    SL_OPTION(options, tracks, "1200", "1", "1000000000", "how many tracks there are"),
    SL_OPTION(options, skew, "1.0", "0", "4",
              "how uneven customers and tracks are: 0 not at all, 1 as in Zipf's law"),
    SL_OPTION(options, seed, "1", "0", NULL, "another seed gives other listens"),
    SL_OPTION(options, bad, "0", "0", "1", "the share of malformed lines"),
    { 0 },
};

/* What is drawn for a listen, each from random bits of its own. */
typedef enum choice {
    CHOICE_CUSTOMER,
    CHOICE_TRACK,
    CHOICE_MOBILE,
    CHOICE_ZIP,
    CHOICE_BAD,
    CHOICE_BAD_KIND
} choice;

/* Malformed lines, by the rule that they break. */
#define BAD_KINDS(K)                                                                                         \
    K(not_utf8)                                                                                              \
    K(bad_quote) K(field_count) K(bad_number) K(empty_field) K(too_long) K(bad_datetime) K(bad_flag)
typedef enum bad_kind {
#define BAD_KIND_CODE(name) BAD_##name,
    BAD_KINDS(BAD_KIND_CODE)
#undef BAD_KIND_CODE
        BAD_KIND_COUNT,
    NOT_BAD = BAD_KIND_COUNT
} bad_kind;
static const char *const bad_names[BAD_KIND_COUNT] = {
#define BAD_KIND_NAME(name) #name,
    BAD_KINDS(BAD_KIND_NAME)
#undef BAD_KIND_NAME
};

enum { LINE_ROOM = 192, DATE_ROOM = 40, MOBILE_PER_CENT = 61, DAY_SECONDS = 86400, DAYS = 92 };

/* SplitMix64's finisher over seed, number and choice. */
static uint64_t draw_bits(const options *set, int64_t number, choice choice)
{
    uint64_t bits = (uint64_t)set->seed * 0x9e3779b97f4a7c15u + (uint64_t)number * 8 + (uint64_t)choice;
    for (int round = 0; round < 2; round++) {
        bits += 0x9e3779b97f4a7c15u;
        bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
        bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
        bits ^= bits >> 31;
    }
    return bits;
}

/* In [0, 1), with all the bits that a double has. */
static double draw_share(const options *set, int64_t number, choice choice)
{
    return (double)(draw_bits(set, number, choice) >> 11) * 0x1p-53;
}

static int64_t rank_of(double share, int64_t count, double skew)
{
    double top = (double)count + 1, rest = 1 - skew;
    double x = fabs(rest) < 1e-9 ? pow(top, share) : pow(1 + share * (pow(top, rest) - 1), 1 / rest);
    int64_t rank = (int64_t)x - 1;
    return rank < 0 ? 0 : rank < count ? rank : count - 1; /* rounding at the ends */
}

static bad_kind bad_kind_of(const options *set, int64_t number)
{
    if (draw_share(set, number, CHOICE_BAD) >= set->bad)
        return NOT_BAD;
    return (bad_kind)(draw_bits(set, number, CHOICE_BAD_KIND) % BAD_KIND_COUNT);
}

/* The last quarter of 2014, a second per listen, over and over. */
static void datetime_print(int64_t number, bool broken, char at[DATE_ROOM])
{
    int64_t second = number % ((int64_t)DAYS * DAY_SECONDS);
    unsigned day = (unsigned)(second / DAY_SECONDS), time = (unsigned)(second % DAY_SECONDS), month = 10;
    for (; day >= sl_days_of_month(2014, month); month++)
        day -= sl_days_of_month(2014, month);
    snprintf(at, DATE_ROOM, "2014-%02u-%02u %02u:%02u:%02u", broken ? 13 : month, day + 1, time / 3600,
             time / 60 % 60, time % 60);
}

/* The ids as they stand in the line. Room is for the longest that is wrong. */
static void ids_print(const options *set, int64_t number, bad_kind bad, char customer[72], char track[72])
{
    int64_t customer_id = rank_of(draw_share(set, number, CHOICE_CUSTOMER), set->customers, set->skew);
    int64_t track_id = rank_of(draw_share(set, number, CHOICE_TRACK), set->tracks, set->skew);
    snprintf(customer, 72, bad == BAD_not_utf8 ? "\xff%lld" : "%lld", (long long)customer_id);
    snprintf(track, 72, bad == BAD_too_long ? "%065lld" : "%lld", (long long)track_id);
    if (bad == BAD_empty_field)
        customer[0] = '\0';
}

/* Returns the line's size. */
static size_t listen_print(const options *set, int64_t number, char at[LINE_ROOM])
{
    bad_kind bad = bad_kind_of(set, number);
    char datetime[DATE_ROOM], customer[72], track[72];
    datetime_print(number, bad == BAD_bad_datetime, datetime);
    ids_print(set, number, bad, customer, track);
    bool mobile = draw_bits(set, number, CHOICE_MOBILE) % 100 < MOBILE_PER_CENT;
    int size =
        snprintf(at, LINE_ROOM, "%lld%s,%s,%s,\"%s\",%d", (long long)number, bad == BAD_bad_number ? "x" : "",
                 customer, track, datetime, bad == BAD_bad_flag ? 2 : mobile);
    if (bad != BAD_field_count)
        size += snprintf(at + size, LINE_ROOM - (size_t)size, ",\"%05u\"%s",
                         (unsigned)(draw_bits(set, number, CHOICE_ZIP) % 100000),
                         bad == BAD_bad_quote ? "?" : "");
    return (size_t)size;
}

static bool make_listen(sl_task *task, const sl_message *in, generated *out)
{
    out->origin = in->origin;
    const options *set = sl_options(task);
    bool is_real = in->value.size > 0; /* --replay */
    if (is_real && (set->bad <= 0 || bad_kind_of(set, in->origin.offset) == NOT_BAD)) {
        out->line = in->value;
        return true;
    }
    char *line = sl_batch_memory(task, LINE_ROOM);
    out->line = (sl_text){ line, listen_print(set, in->origin.offset, line) };
    return true;
}
SL_STAGE(make_listen, sl_message, generated);

static void draw(sl_plan *plan, const void *filled)
{
    (void)filled;
    sl_stream ticks = sl_from(plan, &(sl_input){ .name = "ticks", .from = "rate:" });
    sl_to(sl_through(ticks, &make_listen_stage), &(sl_output){ .name = "listens",
                                                               .to = { "kafka:realtime" },
                                                               .index = "realtime",
                                                               .id = SL_FIELDS(generated, origin),
                                                               .raw = SL_FIELDS(generated, line) });
}

/* Counted anew from the numbers: stages keep nothing. All of them, also those of runs before this one. */
static const char *summary(const void *filled, const sl_totals *totals)
{
    const options *set = filled;
    int64_t counts[BAD_KIND_COUNT + 1] = { 0 };
    printf("listens: %lld\n", (long long)totals->written);
    if (set->bad <= 0)
        return NULL;
    for (int64_t number = 0; number < totals->next; number++)
        counts[bad_kind_of(set, number)]++;
    printf("malformed among the first %lld:", (long long)totals->next);
    for (size_t kind = 0; kind < BAD_KIND_COUNT; kind++)
        printf(" %s=%lld", bad_names[kind], (long long)counts[kind]);
    putchar('\n');
    return NULL;
}

const sl_job job = { .name = "generate",
                     .about = "made-up listens, to Kafka or a file",
                     .options = option_table,
                     .options_bytes = sizeof(options),
                     .draw = draw,
                     .interval = "100ms",
                     .summary = summary };
