/*
 * tests/operators/top_feed.c - tops behind all that keeps rows by key, against a recount from the definition: amounts that fall and rise as
 * panes leave, keys that go and come back, fractions, times, lists over all groups.
 */
#include <base/buffer.h>
#include <base/memory.h>
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>

#include <cmocka.h>

#define SALE_FIELDS(F)                                                                                       \
    F(text, area) F(text, name) F(i64, amount) F(i32, small) F(f64, share) F(time, when) F(i64, rank)
SL_RECORD(sale, SALE_FIELDS);

/* area|name|amount */
static bool take(sl_task *task, const sl_message *in, sale *out)
{
    (void)task;
    char text[64];
    char *rest = text;
    snprintf(text, sizeof text, "%.*s", (int)in->value.size, in->value.at);
    size_t area = strlen(strsep(&rest, "|")), name = strlen(strsep(&rest, "|"));
    out->area = (sl_text){ in->value.at, area };
    out->name = (sl_text){ in->value.at + area + 1, name };
    out->amount = atoll(rest);
    out->small = (int32_t)out->amount;
    out->share = (double)out->amount / 8;
    out->when = out->amount;
    return true;
}
SL_STAGE(take, sl_message, sale);

static void larger(sale *into, const sale *from)
{
    if (from->amount > into->amount)
        *into = *from;
}
SL_COMBINE(larger, sale);

/* The last sale counts; one of 0 ends it. */
static bool note_sale(sl_task *task, const sale *in, sale *state, sl_key *key)
{
    (void)task;
    state->amount = in->amount;
    key->remove = in->amount == 0;
    return false;
}
SL_UPDATE(note_sale, sale, sale);

typedef enum way { SUMS, FRACTIONS, LARGEST, LARGEST_TIME, LAST, LONGEST_NAME, WAYS } way;

static struct setup {
    way way;
    int64_t panes; /* 0: the batch; -1: for ever */
    bool over_all;
} setup;

static sl_window window(void)
{
    if (setup.panes < 0)
        return (sl_window){ .length = SL_EVER };
    return setup.panes ? (sl_window){ .length = { setup.panes * 1000 }, .pane = { 1000 } } : (sl_window){ 0 };
}

static sl_stream kept(sl_stream sales)
{
    sl_reduce reduce = { .name = "kept", .key = SL_FIELDS(sale, area, name), .window = window() };
    switch (setup.way) {
    case SUMS: reduce.sum = SL_FIELDS(sale, amount, small); break;
    case FRACTIONS: reduce.sum = SL_FIELDS(sale, amount, share); break;
    case LARGEST:
    case LARGEST_TIME: reduce.add = &larger_combine; break;
    case LONGEST_NAME:
        return sl_distinct_by(
            sales,
            &(sl_distinct){ .name = "kept", .key = SL_FIELDS(sale, area, name, amount), .window = window() });
    default:
        return sl_update_by(sales, &note_sale_update,
                            &(sl_update){ .name = "kept",
                                          .key = SL_FIELDS(sale, area, name),
                                          .into = SL_FIELDS(sale, area, name) });
    }
    return sl_reduce_by(sales, &reduce);
}

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream sales =
        sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_stage);
    sl_top top = { .per = setup.over_all ? (sl_fields){ 0 } : SL_FIELDS(sale, area),
                   .most = SL_FIELDS(sale, amount),
                   .then = SL_FIELDS(sale, name),
                   .rank = SL_FIELDS(sale, rank),
                   .count = 3 };
    if (setup.way == SUMS)
        top.most = SL_FIELDS(sale, small);
    else if (setup.way == FRACTIONS)
        top.most = SL_FIELDS(sale, share);
    else if (setup.way == LARGEST_TIME)
        top.most = SL_FIELDS(sale, when);
    sl_to(sl_top_by(kept(sales), &top),
          &(sl_output){ .name = "top", .to = { "memory" }, .id = SL_FIELDS(sale, area, rank) });
}

static const sl_job sales_job = { .name = "sales", .about = "the best of all kinds", .draw = draw };

/* ---- The recount: names are few, so all is looked at again for each list ---- */

enum { AREAS = 3, NAMES = 150, BATCHES = 25, SOLD_MAX = 60 * BATCHES };

typedef struct sold {
    int64_t batch, amount;
    int area, name;
} sold;

static sold history[SOLD_MAX];
static size_t sold_count;

/* Names differ in all areas, so that no two rows are equal in amount and name. */
typedef struct ranked {
    int area, name;
    int64_t amount;
    bool there;
} ranked;

static void ranked_add(ranked *to, const sold *one)
{
    bool first = !to->there;
    to->there = true;
    switch (setup.way) {
    case SUMS:
    case FRACTIONS: to->amount += one->amount; break;
    case LAST:
        to->amount = one->amount;
        to->there = one->amount != 0;
        break;
    default: to->amount = first || one->amount > to->amount ? one->amount : to->amount; break;
    }
}

static int ranked_compare(const void *a, const void *b)
{
    const ranked *left = a, *right = b;
    char names[2][16];
    if (!setup.over_all && left->area != right->area)
        return left->area - right->area;
    if (left->amount != right->amount)
        return left->amount < right->amount ? 1 : -1;
    snprintf(names[0], sizeof names[0], "n%d.%d", left->name, left->area);
    snprintf(names[1], sizeof names[1], "n%d.%d", right->name, right->area);
    return strcmp(names[0], names[1]);
}

/* The list of a batch as area|name|rank lines. With a distinct, each amount of a name is a row of its own: the largest is the first. */
static void list_print(int64_t batch, buffer *out)
{
    static ranked all[AREAS * NAMES];
    size_t count = 0;
    memset(all, 0, sizeof all);
    for (size_t i = 0; i < sold_count; i++) {
        bool inside = setup.way == LAST || setup.panes < 0 || history[i].batch == batch ||
                      history[i].batch > batch - setup.panes;
        if (inside)
            ranked_add(&all[history[i].area * NAMES + history[i].name], &history[i]);
    }
    for (int i = 0; i < AREAS * NAMES; i++)
        if (all[i].there)
            all[count++] = (ranked){ i / NAMES, i % NAMES, all[i].amount, true };
    if (count)
        qsort(all, count, sizeof all[0], ranked_compare);
    for (size_t i = 0, rank = 1; i < count; i++, rank++) {
        rank = i && !setup.over_all && all[i].area != all[i - 1].area ? 1 : rank;
        if (rank <= 3)
            buffer_print(out, "a%d|n%d.%d|%zu\n", all[i].area, all[i].name, all[i].area, rank);
    }
    buffer_byte(out, '\0');
}

static sl_text text_between(const char *at, const char *before, const char *end)
{
    const char *from = strstr(at, before);
    assert_non_null(from);
    from += strlen(before);
    return (sl_text){ from, (size_t)(strpbrk(from, end) - from) };
}

static int line_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* What was written, in the same form, both sorted: documents come in the order of their ids. */
static void assert_list(sl_test *test, int64_t batch)
{
    buffer wanted = { 0 }, found = { 0 };
    char *lines[2][AREAS * 3 + 1];
    size_t counts[2] = { 0, 0 };
    list_print(batch, &wanted);
    for (const char *at = sl_test_wrote(test, "top"); *at; at = strchr(at, '\n') + 1) {
        sl_text area = text_between(at, "\"area\":\"", "\""), name = text_between(at, "\"name\":\"", "\""),
                rank = text_between(at, "\"rank\":", ",}");
        buffer_print(&found, "%.*s|%.*s|%.*s\n", (int)area.size, area.at, (int)name.size, name.at,
                     (int)rank.size, rank.at);
    }
    buffer_byte(&found, '\0');
    char *rests[2] = { wanted.at, found.at };
    for (int i = 0; i < 2; i++) {
        for (char *line; (line = strsep(&rests[i], "\n")) && *line;)
            lines[i][counts[i]++] = line;
        qsort(lines[i], counts[i], sizeof(char *), line_compare);
    }
    assert_int_equal(counts[1], counts[0]);
    for (size_t i = 0; i < counts[0]; i++)
        assert_string_equal(lines[1][i], lines[0][i]);
    buffer_done(&wanted);
    buffer_done(&found);
}

static void run(uint64_t seed)
{
    static const int64_t windows[] = { 0, 1, 3, 8, -1 };
    dice dice = { seed };
    setup = (struct setup){ .way = (way)(seed % WAYS), .panes = windows[dice_below(&dice, 5)] };
    setup.over_all = dice_below(&dice, 2);
    sold_count = 0;
    sl_test *test = sl_test_open(&sales_job, "--interval 1s");
    for (int64_t batch = 1; batch <= BATCHES; batch++) {
        for (size_t i = dice_below(&dice, 60); i > 0; i--) {
            sold *one = &history[sold_count++];
            *one = (sold){ .batch = batch, .amount = (int64_t)dice_below(&dice, 400) - 200 };
            one->amount = dice_below(&dice, 10) ? one->amount : 0;
            one->area = (int)dice_below(&dice, AREAS);
            one->name = (int)dice_below(&dice, seed % 2 ? NAMES : 12);
            char text[64];
            snprintf(text, sizeof text, "a%d|n%d.%d|%lld", one->area, one->name, one->area,
                     (long long)one->amount);
            sl_test_send(test, "lines", text);
        }
        sl_test_batch(test);
        assert_list(test, batch);
    }
    sl_test_close(test);
}

static void lists_are_those_of_a_recount(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 90; seed++)
        if (seed % WAYS != LONGEST_NAME)
            run(seed);
}

static void different_amounts_of_a_name_are_rows_of_their_own(void **state)
{
    (void)state;
    setup = (struct setup){ .way = LONGEST_NAME, .panes = 2, .over_all = true };
    sl_test *test = sl_test_open(&sales_job, "--interval 1s");
    static const char *const sent[] = { "a1|n1|5", "a1|n1|7", "a1|n1|7", "a2|n2|6", "a2|n2|-1" };
    for (size_t i = 0; i < 5; i++)
        sl_test_send(test, "lines", sent[i]);
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "top"),
        "{\"_id\":\"a1-1\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"area\":\"a1\",\"name\":\"n1\","
        "\"amount\":7,\"small\":0,\"share\":0,\"when\":\"1970-01-01T00:00:00.000Z\",\"rank\":1}\n"
        "{\"_id\":\"a1-3\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"area\":\"a1\",\"name\":\"n1\","
        "\"amount\":5,\"small\":0,\"share\":0,\"when\":\"1970-01-01T00:00:00.000Z\",\"rank\":3}\n"
        "{\"_id\":\"a2-2\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"area\":\"a2\",\"name\":\"n2\","
        "\"amount\":6,\"small\":0,\"share\":0,\"when\":\"1970-01-01T00:00:00.000Z\",\"rank\":2}\n");
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_those_of_a_recount),
        cmocka_unit_test(different_amounts_of_a_name_are_rows_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
