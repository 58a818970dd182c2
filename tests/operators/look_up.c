/*
 * tests/operators/look_up.c - rows linked to what a lookup knows: how often is counted, how long an answer holds, and that a
 * chunk which waits for answers leaves no traces of its first run.
 */
#include <base/buffer.h>
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <support/random.h>
#include <support/recount.h>

#include <cmocka.h>

#define PERSON_FIELDS(F) F(text, name) F(maybe_i64, age) F(maybe_i64, visits)
SL_RECORD(person, PERSON_FIELDS);

#define TOWN_FIELDS(F) F(text, town)
SL_RECORD(town, TOWN_FIELDS);

#define VISIT_FIELDS(F)                                                                                      \
    F(origin, origin) F(text, who) F(text, where) F(link(person), person) F(link(town), town)
SL_RECORD(visit, VISIT_FIELDS);

/* who|where; a line that begins with '!' is rejected, one with '#' is dropped. */
static bool take(sl_task *task, const sl_message *in, visit *out)
{
    const char *at = in->value.at, *cut = memchr(at, '|', in->value.size);
    if (*at == '!')
        return sl_reject(task, &in->origin, "bad_line", "line");
    out->origin = in->origin;
    out->who = (sl_text){ at, (size_t)(cut - at) };
    out->where = (sl_text){ cut + 1, in->value.size - out->who.size - 1 };
    return *at != '#';
}
SL_STAGE(take, sl_message, visit);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream visits =
        sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_stage);
    visits = sl_look_up(visits, &(sl_lookup){ .name = "people",
                                              .from = "memory",
                                              .key = SL_FIELDS(visit, who),
                                              .into = SL_FIELDS(visit, person) });
    visits = sl_look_up(visits, &(sl_lookup){ .name = "towns",
                                              .from = "memory",
                                              .key = SL_FIELDS(visit, where),
                                              .into = SL_FIELDS(visit, town) });
    sl_to(visits, &(sl_output){ .name = "documents", .to = { "memory" }, .id = SL_FIELDS(visit, origin) });
}

static const sl_job visiting = { .name = "visiting", .about = "who was where", .draw = draw };

static sl_test *opened(void)
{
    sl_test *test = sl_test_open(&visiting, "--interval 1s");
    sl_test_known(test, "towns", "t", "{\"town\":\"T\"}");
    return test;
}

static int64_t counter(sl_test *test, const char *name)
{
    const sl_batch_info *account = sl_test_account(test);
    for (size_t i = 0; i < account->counter_count; i++)
        if (strcmp(account->counters[i].name, name) == 0)
            return account->counters[i].value;
    return -1;
}

static bool wrote(sl_test *test, const char *part)
{
    return strstr(sl_test_wrote(test, "documents"), part) != NULL;
}

/* ---- Counts ---- */

static void a_row_shows_what_its_key_links(void **state)
{
    (void)state;
    sl_test *test = opened();
    sl_test_known(test, "people", "9", "{\"name\":\"Ann\",\"age\":\"-23\",\"other\":\"x\"}");
    sl_test_send(test, "lines", "9|t");
    sl_test_batch(test);
    assert_string_equal(
        sl_test_wrote(test, "documents"),
        "{\"_id\":\"lines-0-0\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"who\":\"9\",\"where\":\"t\","
        "\"name\":\"Ann\",\"age\":-23,\"town\":\"T\"}\n");
    assert_int_equal(sl_test_account(test)->lookup_missed, 0);
    sl_test_close(test);
}

static void every_row_of_an_unknown_key_counts(void **state)
{
    (void)state;
    sl_test *test = opened();
    for (int i = 0; i < 3; i++)
        sl_test_send(test, "lines", "nobody|t");
    sl_test_send(test, "lines", "nobody|nowhere");
    sl_test_batch(test);
    assert_int_equal(sl_test_account(test)->lookup_missed, 5);
    assert_int_equal(sl_test_account(test)->written, 4);
    assert_false(wrote(test, "name"));
    sl_test_close(test);
}

/* Nothing of a chunk reaches the lookup: what it counted in the one before is not counted again. */
static void a_chunk_without_rows_counts_nothing(void **state)
{
    (void)state;
    sl_test *test = opened();
    sl_test_known(test, "people", "9", "{\"age\":\"old\"}");
    sl_test_send(test, "lines", "nobody|t");
    sl_test_send(test, "lines", "9|t");
    sl_test_batch(test);
    assert_int_equal(sl_test_account(test)->lookup_missed, 1);
    assert_int_equal(counter(test, "bad_age"), 1);
    sl_test_send(test, "lines", "!");
    sl_test_batch(test);
    assert_int_equal(sl_test_account(test)->lookup_missed, 0);
    assert_int_equal(counter(test, "bad_age"), 0);
    for (int i = 0; i < 512; i++)
        sl_test_send(test, "lines", "nobody|t");
    for (int i = 0; i < 1024; i++)
        sl_test_send(test, "lines", i % 2 ? "!" : "#|");
    sl_test_batch(test);
    assert_int_equal(sl_test_account(test)->lookup_missed, 512);
    assert_int_equal(sl_test_account(test)->dead_letters, 512);
    assert_int_equal(sl_test_account(test)->filtered, 512);
    sl_test_close(test);
}

static void a_number_that_is_none_is_left_out_and_counted_by_row(void **state)
{
    (void)state;
    sl_test *test = opened();
    static const char *const bad[] = { "12x", "", " 7", "1.5", "-", "+3", "9223372036854775808", "--1" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char key[8], json[80], line[16];
        snprintf(key, sizeof key, "b%zu", i);
        snprintf(json, sizeof json, "{\"name\":\"N\",\"age\":\"%s\",\"visits\":\"007\"}", bad[i]);
        snprintf(line, sizeof line, "%s|t", key);
        sl_test_known(test, "people", key, json);
        sl_test_send(test, "lines", line);
        sl_test_send(test, "lines", line);
    }
    sl_test_batch(test);
    assert_int_equal(counter(test, "bad_age"), 2 * sizeof bad / sizeof bad[0]);
    assert_int_equal(counter(test, "bad_visits"), 0);
    assert_int_equal(sl_test_account(test)->lookup_missed, 0);
    assert_false(wrote(test, "\"age\""));
    assert_true(wrote(test, "\"visits\":7"));
    sl_test_batch(test);
    assert_int_equal(counter(test, "bad_age"), 0);
    sl_test_close(test);
}

/* A record of all kinds that a lookup can fill. */
#define HOUSE_FIELDS(F) F(text, name) F(i32, floors) F(i64, people) F(f64, height) F(flag, lit) F(time, built)
SL_RECORD(house, HOUSE_FIELDS);

#define CALL_FIELDS(F) F(origin, origin) F(text, at) F(link(house), house)
SL_RECORD(call, CALL_FIELDS);

static bool take_call(sl_task *task, const sl_message *in, call *out)
{
    (void)task;
    out->origin = in->origin;
    out->at = in->value;
    return true;
}
SL_STAGE(take_call, sl_message, call);

static void draw_calls(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream calls =
        sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_call_stage);
    calls = sl_look_up(calls, &(sl_lookup){ .name = "houses",
                                            .from = "memory",
                                            .key = SL_FIELDS(call, at),
                                            .into = SL_FIELDS(call, house) });
    sl_to(calls, &(sl_output){ .name = "documents", .to = { "memory" }, .id = SL_FIELDS(call, origin) });
}

static const sl_job calling = { .name = "calling", .about = "who was called on", .draw = draw_calls };

static void fields_of_all_kinds_are_filled(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&calling, "--interval 1s");
    sl_test_known(test, "houses", "a",
                  "{\"name\":\"A\",\"floors\":\"-2\",\"people\":\"-9000000000\",\"height\":\"-0.125\","
                  "\"lit\":\"true\",\"built\":\"1903-05-06T07:08:09.010Z\"}");
    sl_test_send(test, "lines", "a");
    sl_test_batch(test);
    assert_true(wrote(test,
                      "\"name\":\"A\",\"floors\":-2,\"people\":-9000000000,\"height\":-0.125,\"lit\":true,"
                      "\"built\":\"1903-05-06T07:08:09.010Z\""));
    assert_int_equal(counter(test, "bad_floors"), 0);
    sl_test_close(test);
}

static void what_is_no_value_of_its_kind_is_counted_by_row(void **state)
{
    (void)state;
    static const char *const fields[] = { "floors", "people", "height", "lit", "built" };
    sl_test *test = sl_test_open(&calling, "--interval 1s");
    sl_test_known(
        test, "houses", "b",
        "{\"name\":\"B\",\"floors\":\"2147483648\",\"people\":\"many\",\"height\":\"nan\",\"lit\":\"no\","
        "\"built\":\"1903-02-30T00:00:00Z\"}");
    sl_test_known(test, "houses", "c", "{\"name\":\"C\"}"); /* what is not there is not bad */
    sl_test_send(test, "lines", "b");
    sl_test_send(test, "lines", "b");
    sl_test_send(test, "lines", "c");
    sl_test_batch(test);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        char name[32];
        snprintf(name, sizeof name, "bad_%s", fields[i]);
        assert_int_equal(counter(test, name), 2);
    }
    for (size_t i = 0; i < 2; i++) {
        char zeros[200];
        snprintf(zeros, sizeof zeros,
                 "\"name\":\"%c\",\"floors\":0,\"people\":0,\"height\":0,\"lit\":false,"
                 "\"built\":\"1970-01-01T00:00:00.000Z\"",
                 "BC"[i]);
        assert_true(wrote(test, zeros));
    }
    sl_test_close(test);
}

/* ---- Keys ---- */

static void keys_may_be_long(void **state)
{
    (void)state;
    sl_test *test = opened();
    static const size_t sizes[] = { 1, 13, 14, 15, 16, 40, 252, 253, 254, 255, 256, 4000 };
    char key[4001], line[4010], json[40];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(key, 'k', sizes[i]);
        key[sizes[i]] = '\0';
        snprintf(json, sizeof json, "{\"name\":\"of %zu\"}", sizes[i]);
        sl_test_known(test, "people", key, json);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(key, 'k', sizes[i]);
        key[sizes[i]] = '\0';
        snprintf(line, sizeof line, "%s|t", key);
        sl_test_send(test, "lines", line);
        snprintf(line, sizeof line, "%sx|t", key);
        sl_test_send(test, "lines", line);
        sl_test_batch(test);
        snprintf(json, sizeof json, "\"name\":\"of %zu\"", sizes[i]);
        assert_true(wrote(test, json));
        assert_int_equal(sl_test_account(test)->lookup_missed, 1);
    }
    sl_test_close(test);
}

/* ---- How long an answer holds ---- */

enum { MANY = 200 };

static void know_many(sl_test *test, const char *name)
{
    char key[16], json[40];
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "k%d", i);
        snprintf(json, sizeof json, "{\"name\":\"%s\"}", name);
        sl_test_known(test, "people", key, name ? json : NULL);
    }
}

/* A batch with each key once, `ms` after the one before; how many had the name. */
static int ask_many(sl_test *test, int64_t ms, const char *name)
{
    char line[16], wanted[40];
    int count = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(line, sizeof line, "k%d|t", i);
        sl_test_send(test, "lines", line);
    }
    sl_test_pass(test, ms - 1000);
    sl_test_batch(test);
    snprintf(wanted, sizeof wanted, "\"name\":\"%s\"", name);
    for (const char *at = sl_test_wrote(test, "documents"); (at = strstr(at, wanted)); at++)
        count++;
    return count;
}

static void a_change_is_seen_within_a_minute_and_asked_for_late(void **state)
{
    (void)state;
    sl_test *test = opened();
    know_many(test, "old");
    assert_int_equal(ask_many(test, 1000, "old"), MANY);
    know_many(test, "new");
    assert_int_equal(ask_many(test, 52000, "old"), MANY);
    int changed = ask_many(test, 4000, "new"); /* not all at once */
    assert_true(changed > 0 && changed < MANY);
    assert_int_equal(ask_many(test, 4000, "new"), MANY);
    sl_test_close(test);
}

static void a_key_that_was_unknown_is_asked_for_after_five_seconds(void **state)
{
    (void)state;
    sl_test *test = opened();
    assert_int_equal(ask_many(test, 1000, "new"), 0);
    assert_int_equal(sl_test_account(test)->lookup_missed, MANY);
    know_many(test, "new");
    assert_int_equal(ask_many(test, 4000, "new"), 0);
    assert_int_equal(sl_test_account(test)->lookup_missed, MANY);
    assert_int_equal(ask_many(test, 1000, "new"), MANY);
    assert_int_equal(sl_test_account(test)->lookup_missed, 0);
    know_many(test, NULL);
    assert_int_equal(ask_many(test, 60000, "new"), 0);
    assert_int_equal(sl_test_account(test)->lookup_missed, MANY);
    sl_test_close(test);
}

static void a_cache_that_is_too_small_changes_no_result(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&visiting, "--interval 1s --conf lookup.cache.entries=3");
    know_many(test, "old");
    for (int i = 0; i < 5; i++)
        assert_int_equal(ask_many(test, 1000, "old"), MANY);
    sl_test_close(test);
}

static void answers_may_hold_for_one_batch_only(void **state)
{
    (void)state;
    sl_test *test =
        sl_test_open(&visiting, "--interval 1s --conf redis.cache.ttl=0s --conf redis.cache.missing_ttl=0s");
    assert_int_equal(ask_many(test, 1000, "old"), 0);
    know_many(test, "old");
    assert_int_equal(ask_many(test, 1000, "old"), MANY);
    know_many(test, "new");
    assert_int_equal(ask_many(test, 1000, "new"), MANY);
    sl_test_close(test);
}

/* ---- Many chunks, two workers ---- */

enum { KEYS = 1200 };

typedef struct tally {
    int64_t records, rejected, dropped, missed;
    buffer documents;
} tally;

/* Two of three people and every other town are known. */
static void line_draw(sl_test *test, dice *dice, tally *tally)
{
    static int64_t offsets[4];
    char line[80];
    size_t who = dice_below(dice, KEYS), where = dice_below(dice, KEYS), kind = dice_below(dice, 20);
    uint32_t partition = (uint32_t)dice_below(dice, 3);
    if (tally->records++ == 0)
        memset(offsets, 0, sizeof offsets);
    int size = snprintf(line, sizeof line, "%s%zu|in %zu which is far away",
                        kind == 0   ? "!"
                        : kind == 1 ? "#"
                                    : "",
                        who, where);
    sl_message message = { .origin = { .time_ms = -1 }, .value = { line, (size_t)size } };
    sl_test_send_message(test, "lines", partition, &message);
    int64_t offset = offsets[partition]++;
    tally->rejected += kind == 0;
    tally->dropped += kind == 1;
    if (kind < 2)
        return;
    tally->missed += (who % 3 == 0) + (where % 2 == 0);
    buffer_print(
        &tally->documents,
        "{\"_id\":\"lines-%u-%lld\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"who\":\"%zu\",\"where\":\"in %zu which is far away\"",
        partition, (long long)offset, who, where);
    if (who % 3)
        buffer_print(&tally->documents, ",\"name\":\"N%zu\",\"age\":%zu", who, who);
    if (where % 2)
        buffer_print(&tally->documents, ",\"town\":\"T%zu\"", where);
    buffer_text(&tally->documents, "}\n");
}

static void know_some(sl_test *test)
{
    char key[40], json[60];
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "%zu", i);
        snprintf(json, sizeof json, "{\"name\":\"N%zu\",\"age\":%zu}", i, i);
        if (i % 3)
            sl_test_known(test, "people", key, json);
        snprintf(key, sizeof key, "in %zu which is far away", i);
        snprintf(json, sizeof json, "{\"town\":\"T%zu\"}", i);
        if (i % 2)
            sl_test_known(test, "towns", key, json);
    }
}

static size_t lines_count(const char *text)
{
    size_t count = 0;
    for (; (text = strchr(text, '\n')); text++)
        count++;
    return count;
}

static void a_chunk_that_waited_is_counted_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        dice dice = { seed };
        tally tally = { 0 };
        sl_test *test = sl_test_open(&visiting, "--interval 1s");
        know_some(test);
        for (size_t i = 0; i < (seed == 1 ? 600 : 7000); i++)
            line_draw(test, &dice, &tally);
        sl_test_batch(test);
        const sl_batch_info *account = sl_test_account(test);
        assert_int_equal(account->records, tally.records);
        assert_int_equal(account->dead_letters, tally.rejected);
        assert_int_equal(account->filtered, tally.dropped);
        assert_int_equal(account->lookup_missed, tally.missed);
        assert_int_equal(account->written, tally.records - tally.rejected - tally.dropped);
        assert_int_equal(lines_count(sl_test_wrote(test, "dead_letters")), tally.rejected);
        lines_sort(&tally.documents);
        buffer_byte(&tally.documents, '\0');
        assert_true(strcmp(sl_test_wrote(test, "documents"), tally.documents.at) == 0);
        buffer_done(&tally.documents);
        sl_test_close(test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_shows_what_its_key_links),
        cmocka_unit_test(every_row_of_an_unknown_key_counts),
        cmocka_unit_test(a_chunk_without_rows_counts_nothing),
        cmocka_unit_test(a_number_that_is_none_is_left_out_and_counted_by_row),
        cmocka_unit_test(fields_of_all_kinds_are_filled),
        cmocka_unit_test(what_is_no_value_of_its_kind_is_counted_by_row),
        cmocka_unit_test(keys_may_be_long),
        cmocka_unit_test(a_change_is_seen_within_a_minute_and_asked_for_late),
        cmocka_unit_test(a_key_that_was_unknown_is_asked_for_after_five_seconds),
        cmocka_unit_test(a_cache_that_is_too_small_changes_no_result),
        cmocka_unit_test(answers_may_hold_for_one_batch_only),
        cmocka_unit_test(a_chunk_that_waited_is_counted_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
