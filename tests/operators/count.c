/*
 * tests/operators/count.c - counts by key, in windows of any shape, against a recount from the definition: whatever the
 * length, slide, pane and interval, however irregular the batches.
 */
#include <base/memory.h>
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>
#include <support/recount.h>

#include <cmocka.h>

#define HIT_FIELDS(F) F(text, area) F(text, name) F(i64, number) F(i64, times) F(time, start) F(time, end)
SL_RECORD(hit, HIT_FIELDS);

/* area|name|number; the area "~" is none. */
static bool take(sl_task *task, const sl_message *in, hit *out)
{
    (void)task;
    const char *at = in->value.at, *end = at + in->value.size;
    const char *first = memchr(at, '|', (size_t)(end - at)),
               *second = memchr(first + 1, '|', (size_t)(end - first - 1));
    if (*at != '~')
        out->area = (sl_text){ at, (size_t)(first - at) };
    out->name = (sl_text){ first + 1, (size_t)(second - first - 1) };
    return sl_to_i64((sl_text){ second + 1, (size_t)(end - second - 1) }, &out->number);
}
SL_STAGE(take, sl_message, hit);

typedef enum shape { BY_NAME, BY_AREA_AND_NAME, BY_AREA_AND_NUMBER, BY_NUMBER, BY_ALL, SHAPES } shape;

/* What draw() draws. */
static struct setup {
    shape shape;
    sl_window window;
    int64_t at_least;
    bool touched_only;
} setup;

static sl_fields key_of_shape(void)
{
    switch (setup.shape) {
    case BY_NAME: return SL_FIELDS(hit, name);
    case BY_AREA_AND_NAME: return SL_FIELDS(hit, area, name);
    case BY_AREA_AND_NUMBER: return SL_FIELDS(hit, area, number);
    case BY_NUMBER: return SL_FIELDS(hit, number);
    default: return SL_FIELDS(hit, area, name, number);
    }
}

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_count count = {
        .name = "hits", .key = key_of_shape(), .into = SL_FIELDS(hit, times), .window = setup.window
    };
    count.window.start = SL_FIELDS(hit, start);
    count.window.end = SL_FIELDS(hit, end);
    count.at_least = setup.at_least;
    count.touched_only = setup.touched_only;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" });
    sl_to(sl_count_by(sl_through(lines, &take_stage), &count),
          &(sl_output){ .name = "counts", .to = { "memory" }, .id = SL_FIELDS(hit, name) });
}

static const sl_job counting = { .name = "counting", .about = "counts hits", .draw = draw };

/* ---- Hits of which many share a key, whatever the shape ---- */

enum { HITS = 150, NAME_MAX_BYTES = 300 };

typedef struct known_hit {
    char area[24], name[NAME_MAX_BYTES + 1];
    int number;
    size_t class; /* the first hit with the same key */
} known_hit;

static known_hit hits[HITS];

static bool same_key(const known_hit *a, const known_hit *b)
{
    bool area = strcmp(a->area, b->area) == 0, name = strcmp(a->name, b->name) == 0,
         number = a->number == b->number;
    switch (setup.shape) {
    case BY_NAME: return name;
    case BY_AREA_AND_NAME: return area && name;
    case BY_AREA_AND_NUMBER: return area && number;
    case BY_NUMBER: return number;
    default: return area && name && number;
    }
}

/* Sizes around 15 bytes, where keys stop being short, and around 254, where sizes do. */
static void hits_make(dice *dice)
{
    static const char *const areas[] = { "~", "", "a", "north", "an area with a name" };
    static const size_t sizes[] = {
        0, 1, 2, 3, 5, 8, 9, 12, 13, 14, 15, 16, 17, 30, 252, 253, 254, 255, 299
    };
    for (size_t i = 0; i < HITS; i++) {
        known_hit *hit = &hits[i];
        size_t size = sizes[dice_below(dice, sizeof sizes / sizeof sizes[0])];
        snprintf(hit->area, sizeof hit->area, "%s", areas[dice_below(dice, 5)]);
        memset(hit->name, 'x', size);
        if (size)
            hit->name[dice_below(dice, size)] = (char)('a' + dice_below(dice, 3));
        hit->name[size] = '\0';
        hit->number = (int)dice_below(dice, 40);
        for (hit->class = 0; !same_key(&hits[hit->class], hit); hit->class ++)
            ;
    }
}

static void hit_send(sl_test *test, size_t i, uint32_t partition)
{
    char line[NAME_MAX_BYTES + 64];
    int size = snprintf(line, sizeof line, "%s|%s|%d", hits[i].area, hits[i].name, hits[i].number);
    sl_message message = { .origin = { .time_ms = -1 }, .value = { line, (size_t)size } };
    sl_test_send_message(test, "lines", partition, &message);
}

/* ---- What must come out ---- */

static void row_print(const recount *recount, size_t class, uint64_t times, int64_t end_ms, buffer *out)
{
    char now[25], start[25], end[25];
    const known_hit *hit = &hits[class];
    bool area = setup.shape != BY_NAME && setup.shape != BY_NUMBER && hit->area[0] != '~';
    bool name = setup.shape != BY_AREA_AND_NUMBER && setup.shape != BY_NUMBER;
    bool number = setup.shape != BY_NAME && setup.shape != BY_AREA_AND_NAME;
    iso_print(recount->time_ms, now);
    iso_print(recount_start(recount, end_ms), start);
    iso_print(end_ms, end);
    buffer_print(out, "{\"_id\":\"%s\",\"@timestamp\":\"%s\"", name ? hit->name : "", now);
    if (area)
        buffer_print(out, ",\"area\":\"%s\"", hit->area);
    if (name)
        buffer_print(out, ",\"name\":\"%s\"", hit->name);
    buffer_print(out, ",\"number\":%d,\"times\":%llu,\"start\":\"%s\",\"end\":\"%s\"}\n",
                 number ? hit->number : 0, (unsigned long long)times, start, end);
}

static void report_print(const recount *recount, int64_t end_ms, buffer *out)
{
    static uint64_t totals[HITS];
    const uint32_t *newest = recount_newest(recount);
    recount_window(recount, end_ms, totals);
    for (size_t i = 0; i < HITS; i++)
        if (totals[i] && (int64_t)totals[i] >= setup.at_least && (newest[i] || !setup.touched_only))
            row_print(recount, i, totals[i], end_ms, out);
}

static char story[200]; /* of the round, told when it goes wrong */

static void check_batch(sl_test *test, const recount *recount)
{
    static int64_t ends[RECOUNT_ENDS_MAX];
    buffer wanted = { 0 };
    size_t count = recount_ends(recount, ends);
    for (size_t i = 0; i < count; i++)
        report_print(recount, ends[i], &wanted);
    lines_sort(&wanted);
    buffer_byte(&wanted, '\0');
    assert_int_equal(sl_test_account(test)->batch_time_ms, recount->time_ms);
    if (strcmp(sl_test_wrote(test, "counts"), wanted.at) != 0)
        print_message("%s", story);
    assert_string_equal(sl_test_wrote(test, "counts"), wanted.at);
    buffer_done(&wanted);
}

/* ---- Windows that are drawn by lot ---- */

static recount draw_lots(dice *dice)
{
    static const int64_t intervals[] = { 1, 7, 100, 250, 1000 };
    recount made = { .interval_ms = intervals[dice_below(dice, 5)], .keys = HITS };
    int64_t panes[] = { made.interval_ms, made.interval_ms * 3, made.interval_ms / 2 + 1, 1, 333, 1000 };
    setup = (struct setup){ .shape = (shape)dice_below(dice, SHAPES) };
    if (dice_below(dice, 6)) {
        made.pane_ms = panes[dice_below(dice, 6)];
        made.length_ms = made.pane_ms * (int64_t)(1 + dice_below(dice, 24));
    }
    if (dice_below(dice, 3) == 0)
        setup.touched_only = true;
    else if (made.length_ms && dice_below(dice, 2))
        made.slide_ms = 1 + (int64_t)dice_below(dice, (size_t)made.length_ms * 2);
    setup.at_least = (int64_t)dice_below(dice, 5);
    setup.window =
        (sl_window){ .length = { made.length_ms }, .slide = { made.slide_ms }, .pane = { made.pane_ms } };
    return made;
}

static size_t batch_size(dice *dice)
{
    switch (dice_below(dice, 12)) {
    case 0:
    case 1: return 0;
    case 2: return 1;
    case 3: return 2500; /* enough for two workers */
    default: return dice_below(dice, 60);
    }
}

static void batch_draw(sl_test *test, recount *recount, dice *dice)
{
    uint32_t *times = recount_batch(recount);
    size_t few = 1 + dice_below(dice, HITS); /* so that keys come and go */
    for (size_t left = batch_size(dice); left; left--) {
        size_t hit = dice_below(dice, few);
        times[hits[hit].class]++;
        hit_send(test, hit, (uint32_t)dice_below(dice, 3));
    }
    sl_test_batch(test);
}

static void run(uint64_t seed, int batches)
{
    char arguments[64];
    dice dice = { seed };
    recount recount = draw_lots(&dice);
    hits_make(&dice);
    snprintf(arguments, sizeof arguments, "--interval %lldms --cores %d", (long long)recount.interval_ms,
             1 + (int)(seed % 4));
    snprintf(story, sizeof story, "seed %llu: interval %lld, length %lld, slide %lld, pane %lld, by %d\n",
             (unsigned long long)seed, (long long)recount.interval_ms, (long long)recount.length_ms,
             (long long)recount.slide_ms, (long long)recount.pane_ms, (int)setup.shape);
    sl_test *test = sl_test_open(&counting, arguments);
    for (int i = 0; i < batches; i++) {
        if (dice_below(&dice, 8) == 0) {
            int64_t gap =
                (int64_t)dice_below(&dice, (size_t)(recount.length_ms * 2 + recount.interval_ms * 3));
            sl_test_pass(test, gap);
            recount_pass(&recount, gap);
        }
        batch_draw(test, &recount, &dice);
        check_batch(test, &recount);
    }
    sl_test_close(test);
    recount_done(&recount);
}

static void any_window_holds_what_its_definition_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++)
        run(seed, 50);
}

/* ---- By hand ---- */

static void a_row_tells_the_window_that_it_counts(void **state)
{
    (void)state;
    setup = (struct setup){ .shape = BY_NAME, .window = { .length = { 6000 }, .pane = { 2000 } } };
    sl_test *test = sl_test_open(&counting, "--interval 1s");
    sl_test_send(test, "lines", "~|a|1");
    sl_test_batch(test);
    sl_test_send(test, "lines", "~|a|2");
    sl_test_batch(test);
    sl_test_pass(test, 4000);
    sl_test_send(test, "lines", "~|a|3");
    sl_test_batch(test); /* T = 7 s in pane (6, 8]: the window is (2 s, 7 s] */
    assert_string_equal(
        sl_test_wrote(test, "counts"),
        "{\"_id\":\"a\",\"@timestamp\":\"1970-01-01T00:00:07.000Z\",\"name\":\"a\",\"number\":0,\"times\":1,"
        "\"start\":\"1970-01-01T00:00:02.000Z\",\"end\":\"1970-01-01T00:00:07.000Z\"}\n");
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_window_holds_what_its_definition_says),
        cmocka_unit_test(a_row_tells_the_window_that_it_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
