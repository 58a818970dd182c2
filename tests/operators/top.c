/*
 * tests/operators/top.c - the names with the most hits of each group, against a recount and a full sort: ties, groups that
 * empty, thousands of keys per group, windows that forget what was on top. A list is written only when it changed.
 */
#include <base/disk.h>
#include <base/folder.h>
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

#define PLACE_FIELDS(F) F(text, area) F(i64, rank) F(text, name) F(i64, times) F(time, start) F(time, end)
SL_RECORD(place, PLACE_FIELDS);

/* area|name */
static bool take(sl_task *task, const sl_message *in, place *out)
{
    (void)task;
    const char *at = in->value.at, *end = at + in->value.size, *cut = memchr(at, '|', in->value.size);
    out->area = (sl_text){ at, (size_t)(cut - at) };
    out->name = (sl_text){ cut + 1, (size_t)(end - cut - 1) };
    return true;
}
SL_STAGE(take, sl_message, place);

static struct setup {
    sl_window window;
    int64_t at_least, count;
} setup;

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_count count = { .name = "hits", .key = SL_FIELDS(place, area, name), .into = SL_FIELDS(place, times) };
    count.window = setup.window;
    count.window.start = SL_FIELDS(place, start);
    count.window.end = SL_FIELDS(place, end);
    count.at_least = setup.at_least;
    sl_top top = { .per = SL_FIELDS(place, area), .most = SL_FIELDS(place, times), .count = setup.count };
    top.then = SL_FIELDS(place, name);
    top.rank = SL_FIELDS(place, rank);
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" });
    sl_to(sl_top_by(sl_count_by(sl_through(lines, &take_stage), &count), &top),
          &(sl_output){ .name = "top",
                        .to = { "memory" },
                        .id = SL_FIELDS(place, area, rank),
                        .whole = SL_FIELDS(place, area) });
}

static const sl_job ranking = { .name = "ranking", .about = "the most frequent hits", .draw = draw };

/* ---- Names, most of them long enough for every form of a key ---- */

enum { NAMES_MAX = 9000, AREAS = 4 };

typedef struct known_name {
    char name[48];
    size_t area;
} known_name;

static known_name names[NAMES_MAX];
static const char *const areas[AREAS] = { "0", "1", "an area with a long name", "" };

static void names_make(dice *dice, size_t count, size_t area_count)
{
    static const char *const tails[] = { "", "", "x", "-long enough",
                                         "-which is much too long for a short key" };
    for (size_t i = 0; i < count; i++) {
        snprintf(names[i].name, sizeof names[i].name, "%zu%s", i, tails[dice_below(dice, 5)]);
        names[i].area = dice_below(dice, area_count);
    }
}

/* ---- What must come out ---- */

typedef struct ranked {
    size_t name;
    uint64_t times;
} ranked;

static int ranked_compare(const void *a, const void *b)
{
    const ranked *left = a, *right = b;
    int order = strcmp(areas[names[left->name].area], areas[names[right->name].area]);
    if (order == 0)
        order = (left->times < right->times) - (left->times > right->times);
    return order ? order : strcmp(names[left->name].name, names[right->name].name);
}

/* The whole list at an end: without times of windows as what is compared with the one before, with them as documents. */
static void list_print(const recount *recount, int64_t end_ms, buffer *plain, buffer *documents)
{
    static uint64_t totals[NAMES_MAX];
    static ranked all[NAMES_MAX];
    size_t count = 0;
    char now[25], start[25], end[25];
    recount_window(recount, end_ms, totals);
    for (size_t i = 0; i < recount->keys; i++)
        if (totals[i] && (int64_t)totals[i] >= setup.at_least)
            all[count++] = (ranked){ i, totals[i] };
    if (count)
        qsort(all, count, sizeof all[0], ranked_compare);
    iso_print(recount->time_ms, now);
    iso_print(recount_start(recount, end_ms), start);
    iso_print(end_ms, end);
    int64_t rank = 0;
    for (size_t i = 0; i < count; i++) {
        const known_name *name = &names[all[i].name];
        rank = i && name->area == names[all[i - 1].name].area ? rank + 1 : 1;
        if (rank > setup.count)
            continue;
        size_t before = plain->size;
        buffer_print(plain, "\"area\":\"%s\",\"rank\":%lld,\"name\":\"%s\",\"times\":%llu", areas[name->area],
                     (long long)rank, name->name, (unsigned long long)all[i].times);
        buffer_text(documents, "{\"_id\":\"");
        for (const char *at = areas[name->area]; *at; at++)
            *at == ' ' ? buffer_text(documents, "%20") : buffer_byte(documents, *at);
        buffer_print(documents, "-%lld\",\"@timestamp\":\"%s\",", (long long)rank, now);
        buffer_append(documents, plain->at + before, plain->size - before);
        buffer_print(documents, ",\"start\":\"%s\",\"end\":\"%s\"}\n", start, end);
    }
}

typedef struct checker {
    recount recount;
    buffer written; /* the list as it was last written */
    size_t changes;
} checker;

static char story[200];

static void check_batch(sl_test *test, checker *checker)
{
    static int64_t ends[RECOUNT_ENDS_MAX];
    buffer plain = { 0 }, documents = { 0 };
    size_t count = recount_ends(&checker->recount, ends);
    if (count)
        list_print(&checker->recount, ends[count - 1], &plain, &documents);
    bool same = plain.size == checker->written.size &&
                (plain.size == 0 || memcmp(plain.at, checker->written.at, plain.size) == 0);
    if (count == 0 || same)
        documents.size = 0;
    if (count && !same) {
        checker->written.size = 0;
        buffer_append(&checker->written, plain.at, plain.size);
        checker->changes++;
    }
    lines_sort(&documents);
    buffer_byte(&documents, '\0');
    if (strcmp(sl_test_wrote(test, "top"), documents.at) != 0)
        print_message("%s, T %lld\n", story, (long long)checker->recount.time_ms);
    assert_string_equal(sl_test_wrote(test, "top"), documents.at);
    buffer_done(&plain);
    buffer_done(&documents);
}

/* ---- Rounds ---- */

typedef struct round {
    uint64_t seed;
    size_t names, areas, hits_most; /* of a batch */
    int batches;
    size_t places_most; /* of a list; 0: 12 */
    bool drifts;        /* what is hit moves on: names rise, fall and leave */
} round;

static size_t name_draw(const round *round, dice *dice, int batch)
{
    size_t among = 1 + dice_below(dice, round->names), from = 0;
    if (round->drifts) {
        among = 1 + dice_below(dice, 1 + round->names / 4);
        from = round->names * (size_t)batch / (size_t)round->batches;
    }
    return (from + dice_below(dice, among)) % round->names;
}

static void hits_draw(sl_test *test, checker *checker, const round *round, dice *dice, int batch)
{
    uint32_t *times = recount_batch(&checker->recount);
    size_t hits = dice_below(dice, 5) ? dice_below(dice, round->hits_most) : 0;
    for (; hits; hits--) {
        size_t name = name_draw(round, dice, batch);
        char line[128];
        int size = snprintf(line, sizeof line, "%s|%s", areas[names[name].area], names[name].name);
        sl_message message = { .origin = { .time_ms = -1 }, .value = { line, (size_t)size } };
        sl_test_send_message(test, "lines", (uint32_t)dice_below(dice, 3), &message);
        times[name]++;
    }
    sl_test_batch(test);
}

static size_t round_run(const round *round)
{
    dice dice = { round->seed };
    checker checker = { .recount = { .interval_ms = 100, .keys = round->names } };
    recount *recount = &checker.recount;
    recount->pane_ms = 50 * (int64_t)(1 + dice_below(&dice, 6));
    recount->length_ms = recount->pane_ms * (int64_t)(1 + dice_below(&dice, 12));
    recount->slide_ms = dice_below(&dice, 3) ? 0 : 1 + (int64_t)dice_below(&dice, 700);
    setup =
        (struct setup){ .at_least = (int64_t)dice_below(&dice, 3),
                        .count =
                            (int64_t)(1 + dice_below(&dice, round->places_most ? round->places_most : 12)) };
    setup.window =
        (sl_window){ { recount->length_ms }, { recount->slide_ms }, { recount->pane_ms }, { 0 }, { 0 } };
    snprintf(story, sizeof story, "seed %llu: length %lld, slide %lld, pane %lld, %lld of %zu names",
             (unsigned long long)round->seed, (long long)recount->length_ms, (long long)recount->slide_ms,
             (long long)recount->pane_ms, (long long)setup.count, round->names);
    names_make(&dice, round->names, round->areas);
    sl_test *test =
        sl_test_open(&ranking, round->seed % 2 ? "--interval 100ms --cores 3" : "--interval 100ms");
    for (int batch = 0; batch < round->batches; batch++) {
        if (dice_below(&dice, 10) == 0) {
            int64_t gap = (int64_t)dice_below(&dice, 2000);
            sl_test_pass(test, gap);
            recount_pass(recount, gap);
        }
        hits_draw(test, &checker, round, &dice, batch);
        check_batch(test, &checker);
    }
    sl_test_close(test);
    buffer_done(&checker.written);
    recount_done(recount);
    return checker.changes;
}

static void few_names_come_and_go(void **state)
{
    (void)state;
    size_t changes = 0;
    for (uint64_t seed = 1; seed <= 60; seed++)
        changes += round_run(&(round){ seed, 40, AREAS, 30, 60, .drifts = seed % 2 });
    assert_true(changes > 500);
}

/* Each of 16 shards keeps at most 128 candidates of a group: thousands of names make it cut, and find new ones. */
static void thousands_of_names_share_few_places(void **state)
{
    (void)state;
    for (uint64_t seed = 100; seed < 106; seed++)
        round_run(&(round){ seed, NAMES_MAX, 2, 6000, 25, .drifts = seed % 2 });
}

static void one_group_may_hold_everything(void **state)
{
    (void)state;
    for (uint64_t seed = 200; seed < 203; seed++)
        round_run(&(round){ seed, 4000, 1, 9000, 20, .drifts = true });
}

static void lists_may_have_thousands_of_places(void **state)
{
    (void)state;
    for (uint64_t seed = 300; seed < 304; seed++)
        round_run(&(round){ seed, NAMES_MAX, AREAS, 9000, 12, .places_most = 4000, .drifts = seed % 2 });
}

/* ---- By hand ---- */

static void open_small(sl_test **test)
{
    setup = (struct setup){ .count = 2, .window = { .length = { 3000 }, .pane = { 1000 } } };
    *test = sl_test_open(&ranking, "--interval 1s");
}

static void equal_ones_stand_in_the_order_of_their_names(void **state)
{
    (void)state;
    sl_test *test;
    open_small(&test);
    sl_test_send(test, "lines", "0|b");
    sl_test_send(test, "lines", "0|a");
    sl_test_send(test, "lines", "0|c");
    sl_test_batch(test);
    const char *wrote = sl_test_wrote(test, "top");
    assert_non_null(strstr(wrote, "\"rank\":1,\"name\":\"a\",\"times\":1"));
    assert_non_null(strstr(wrote, "\"rank\":2,\"name\":\"b\",\"times\":1"));
    assert_null(strstr(wrote, "\"c\""));
    sl_test_close(test);
}

static void a_list_comes_again_after_it_was_empty(void **state)
{
    (void)state;
    sl_test *test;
    open_small(&test);
    sl_test_send(test, "lines", "0|a");
    sl_test_batch(test);
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "top"), ""); /* as before */
    sl_test_batch(test);
    sl_test_batch(test); /* the play left the window: the list is empty now */
    sl_test_send(test, "lines", "0|a");
    sl_test_batch(test);
    assert_non_null(strstr(sl_test_wrote(test, "top"), "\"rank\":1,\"name\":\"a\",\"times\":1"));
    sl_test_close(test);
}

/* The same as without it: an attempt that failed leaves what was found for the next one. */
static void a_list_that_could_not_be_written_is_written_at_the_next_attempt(void **state)
{
    (void)state;
    char options[2][400];
    folder_open();
    for (int i = 0; i < 2; i++) {
        snprintf(options[i], sizeof options[i], "--interval 1s --to top=file:%s", folder_path(i ? "b" : "a"));
        setup = (struct setup){ .count = 3 };
        sl_test *test = sl_test_open(&ranking, options[i]);
        for (int n = 0; n < 40; n++) {
            char line[32];
            snprintf(line, sizeof line, "%d|name %d", n % 2, n * n % 17);
            sl_test_send(test, "lines", line);
        }
        assert_true(disk_break(i ? "write:ENOSPC:/b/:1:1" : NULL));
        sl_test_batch(test);
        assert_int_equal(sl_test_account(test)->attempt, 1 + i);
        disk_break(NULL);
        sl_test_close(test);
    }
    char *first = memory_text(folder_read("a/top/batch-1000.ndjson"));
    assert_non_null(strstr(first, "\"rank\":3"));
    assert_string_equal(folder_read("b/top/batch-1000.ndjson"), first);
    free(first);
    folder_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_names_come_and_go),
        cmocka_unit_test(thousands_of_names_share_few_places),
        cmocka_unit_test(one_group_may_hold_everything),
        cmocka_unit_test(lists_may_have_thousands_of_places),
        cmocka_unit_test(a_list_that_could_not_be_written_is_written_at_the_next_attempt),
        cmocka_unit_test(equal_ones_stand_in_the_order_of_their_names),
        cmocka_unit_test(a_list_comes_again_after_it_was_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
