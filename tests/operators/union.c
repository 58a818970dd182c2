/*
 * tests/operators/union.c - two streams as one, of two inputs, of one input by two ways, and of rows and counts; and counts of counts,
 * each level when all shards of the one before are done.
 */
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <support/random.h>

#include <cmocka.h>

#define NAME_FIELDS(F) F(text, name) F(i64, times) F(i64, names)
SL_RECORD(name, NAME_FIELDS);

static bool take(sl_task *task, const sl_message *in, name *out)
{
    (void)task;
    out->name = in->value;
    return true;
}
SL_STAGE(take, sl_message, name);

static bool long_only(sl_task *task, const name *in, name *out)
{
    (void)task;
    *out = *in;
    return in->name.size > 3;
}
SL_STAGE(long_only, name, name);

static bool anew(sl_task *task, const name *in, name *out)
{
    (void)task;
    out->name = in->name;
    return true;
}
SL_STAGE(anew, name, name);

static sl_stream count(sl_stream in, const char *named)
{
    return sl_count_by(
        in, &(sl_count){ .name = named, .key = SL_FIELDS(name, name), .into = SL_FIELDS(name, times) });
}

static void write(sl_stream in, const char *named)
{
    sl_to(in, &(sl_output){ .name = named, .to = { "memory" }, .id = SL_FIELDS(name, name, times) });
}

static sl_stream from(sl_plan *plan, const char *named)
{
    return sl_through(sl_from(plan, &(sl_input){ .name = named, .from = "memory" }), &take_stage);
}

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream left = from(plan, "left"), right = from(plan, "right");
    write(count(sl_union(left, right), "both"), "both");
    write(count(sl_union(left, sl_through(left, &long_only_stage)), "twice"), "twice");
    sl_stream first = count(right, "first");
    write(count(sl_union(left, sl_through(first, &anew_stage)), "mixed"), "mixed");
    sl_stream often = sl_count_by(
        first, &(sl_count){ .name = "often", .key = SL_FIELDS(name, times), .into = SL_FIELDS(name, names) });
    sl_to(often, &(sl_output){ .name = "often", .to = { "memory" }, .id = SL_FIELDS(name, times) });
}

static const sl_job uniting = { .name = "uniting", .about = "two as one", .draw = draw };

enum { NAMES = 200 };

static void name_print(size_t i, char at[32])
{
    snprintf(at, 32, i % 3 ? "n%zu" : "a name that is long %zu", i);
}

static void send(sl_test *test, const char *input, size_t i, dice *dice)
{
    char text[32];
    name_print(i, text);
    sl_test_send_message(test, input, (uint32_t)dice_below(dice, 3),
                         &(sl_message){ .origin = { .time_ms = -1 }, .value = { text, strlen(text) } });
}

/* Of an output's lines: how often it says that the name came. */
static int64_t times_of(const char *wrote, size_t i)
{
    char text[32], wanted[64];
    long long times = 0;
    name_print(i, text);
    snprintf(wanted, sizeof wanted, "\"name\":\"%s\",\"times\":", text);
    const char *at = strstr(wrote, wanted);
    if (at)
        sscanf(at + strlen(wanted), "%lld", &times);
    return times;
}

static int64_t names_of(const char *wrote, int64_t times)
{
    char wanted[64];
    long long names = 0;
    snprintf(wanted, sizeof wanted, "\"times\":%lld,\"names\":", (long long)times);
    const char *at = strstr(wrote, wanted);
    if (at)
        sscanf(at + strlen(wanted), "%lld", &names);
    return names;
}

static void check(sl_test *test, const int64_t *left, const int64_t *right)
{
    int64_t often[4000] = { 0 };
    for (size_t i = 0; i < NAMES; i++) {
        char text[32];
        name_print(i, text);
        assert_int_equal(times_of(sl_test_wrote(test, "both"), i), left[i] + right[i]);
        assert_int_equal(times_of(sl_test_wrote(test, "twice"), i), left[i] * (strlen(text) > 3 ? 2 : 1));
        assert_int_equal(times_of(sl_test_wrote(test, "mixed"), i), left[i] + (right[i] > 0));
        often[right[i]]++;
    }
    for (int64_t times = 1; times < 4000; times++)
        assert_int_equal(names_of(sl_test_wrote(test, "often"), times), often[times]);
}

static void run(const char *arguments, size_t most)
{
    dice dice = { 7 + most };
    sl_test *test = sl_test_open(&uniting, arguments);
    for (int batch = 0; batch < 6; batch++) {
        int64_t left[NAMES] = { 0 }, right[NAMES] = { 0 };
        for (size_t some = dice_below(&dice, most); some; some--) {
            size_t i = dice_below(&dice, NAMES), j = dice_below(&dice, 1 + dice_below(&dice, NAMES));
            left[i]++, right[j]++;
            send(test, "left", i, &dice);
            send(test, "right", j, &dice);
        }
        sl_test_batch(test);
        check(test, left, right);
    }
    sl_test_close(test);
}

static void rows_of_both_streams_are_counted_and_counts_are_counted_again(void **state)
{
    (void)state;
    run("--interval 1s", 50);
    run("--interval 1s --cores 4", 8000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_both_streams_are_counted_and_counts_are_counted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
