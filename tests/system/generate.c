/*
 * tests/system/generate.c - the job `generate` as a process: its lines are recomputed here from the law that it tells, by other
 * means (powers by logarithms, ranks by search), and whatever happens to the process, a seed gives these bytes and no others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/folder.h>
#include <math.h>
#include <servers/kafka.h>
#include <servers/topic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <time.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { LISTENS = 6000, CUSTOMERS = 700, TRACKS = 90, SEED = 7 };
#define MADE "--available-now --count 6000 --customers 700 --tracks 90 --seed 7 --skew 1.2 --rate 100000 "

/* With these words, in the folder, with the work folder `work`; 128 + N: signal N. What it says is in the file "said". */
static int generate(const char *fault, const char *work, const char *words)
{
    return shell("SLUICE_FAULT=%s $B/jobs/generate --work-dir %s %s >said 2>log", fault, work, words);
}

/* ---- The same lines by other means ---- */

static uint64_t scrambled(uint64_t number, unsigned choice)
{
    uint64_t bits = SEED * UINT64_C(11400714819323198485) + number * 8 + choice;
    for (int round = 0; round < 2; round++) {
        bits += UINT64_C(11400714819323198485);
        bits ^= bits / (UINT64_C(1) << 30);
        bits *= UINT64_C(13787848793156543929);
        bits ^= bits / (UINT64_C(1) << 27);
        bits *= UINT64_C(10723151780598845931);
        bits ^= bits / (UINT64_C(1) << 31);
    }
    return bits;
}

/* The integral of x^-skew from 1 to x, as a share of that to `top`. */
static long double integral(long double x, long double top, long double skew)
{
    return expm1l((1 - skew) * logl(x)) / expm1l((1 - skew) * logl(top));
}

static int rank_searched(uint64_t number, unsigned choice, int count, long double skew)
{
    long double share = ldexpl((long double)(scrambled(number, choice) >> 11), -53);
    int low = 0, high = count;
    while (high - low > 1) { /* the first rank begins at x = 1 */
        int middle = (low + high) / 2;
        if (integral(middle + 1, count + 1, skew) <= share)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void line_expected(uint64_t number, char line[120])
{
    time_t time = 1412121600 + (time_t)(number % (92 * 86400)); /* 2014-10-01 */
    struct tm date;
    char text[32];
    gmtime_r(&time, &date);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &date);
    snprintf(line, 120, "%llu,%d,%d,\"%s\",%d,\"%05d\"", (unsigned long long)number,
             rank_searched(number, 0, CUSTOMERS, 1.2L), rank_searched(number, 1, TRACKS, 1.2L), text,
             scrambled(number, 2) % 100 < 61, (int)(scrambled(number, 3) % 100000));
}

static void a_seed_gives_the_lines_of_the_law_it_tells(void **state)
{
    (void)state;
    char expected[120];
    uint64_t number = 0;
    assert_int_equal(generate("", "one", "--cores 2 --to listens=file:one.csv " MADE), 0);
    char *all = strdup(folder_read("one.csv")), *text = strdup(all), *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && *line; number++) {
        line_expected(number, expected);
        assert_string_equal(line, expected);
    }
    assert_int_equal(number, LISTENS);
    assert_string_equal(folder_read("said"), "listens: 6000\n");
    assert_int_equal(generate("", "two", "--cores 1 --interval 7ms --to listens=file:two.csv " MADE), 0);
    assert_string_equal(folder_read("two.csv"), all);
    free(text);
    free(all);
}

static int text_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* As topic_read() gives them. */
static char *lines_expected(void)
{
    static char lines[LISTENS][120];
    char *order[LISTENS], *all = calloc(LISTENS, 130), *at = all;
    for (int i = 0; i < LISTENS; i++) {
        line_expected((uint64_t)i, lines[i]);
        order[i] = lines[i];
    }
    qsort(order, LISTENS, sizeof *order, text_order);
    for (int i = 0; i < LISTENS; i++)
        at += sprintf(at, "~=%s\n", order[i]);
    return all;
}

static void straight_to_kafka_it_is_the_same_whatever_dies(void **state)
{
    (void)state;
    char words[2000];
    setenv("PARTITIONS", "2", 1);
    kafka_server *kafka = kafka_server_start(NULL);
    if (kafka == NULL)
        skip();
    topic_send(kafka_server_address(kafka), "made", NULL, 0); /* nothing: makes the topic */
    snprintf(words, sizeof words,
             "--exactly-once --max-rate-per-partition 10000 --conf kafka.bootstrap.servers=%s "
             "--to listens=kafka:made " MADE,
             kafka_server_address(kafka));
    assert_int_equal(generate("after_transaction:2", "kafka", words), 128 + 9);
    assert_int_equal(generate("before_transaction:1", "kafka", words), 128 + 9);
    assert_int_equal(generate("", "kafka", words), 0);
    char *read = topic_read(kafka_server_address(kafka), "made"), *expected = lines_expected();
    assert_string_equal(read, expected);
    free(expected);
    free(read);
    kafka_server_stop(kafka);
}

/* The rule that a line breaks, found by how it looks; NULL: none. */
static const char *fault_of(const char *line)
{
    size_t commas = 0;
    const char *third = NULL, *second = NULL;
    for (const char *at = line; (at = strchr(at, ',')); at++) {
        commas++;
        second = commas == 2 ? at : second;
        third = commas == 3 ? at : third;
    }
    if (commas == 4)
        return "field_count";
    return strchr(line, '\xff')                  ? "not_utf8"
           : line[strlen(line) - 1] == '?'       ? "bad_quote"
           : line[strcspn(line, ",") - 1] == 'x' ? "bad_number"
           : strstr(line, ",,")                  ? "empty_field"
           : third - second > 60                 ? "too_long"
           : strstr(line, "\"2014-13-")          ? "bad_datetime"
           : strstr(line, "\",2,")               ? "bad_flag"
                                                 : NULL;
}

enum { KINDS = 8 };
static const char *const names[KINDS] = { "not_utf8",    "bad_quote", "field_count",  "bad_number",
                                          "empty_field", "too_long",  "bad_datetime", "bad_flag" };

/* What the last run says of `made` lines, and of the kinds of all that there are. */
static void assert_told(int made, int all, const int counts[KINDS])
{
    char said[300];
    int size = snprintf(said, sizeof said, "listens: %d\nmalformed among the first %d:", made, all);
    for (int i = 0; i < KINDS; i++)
        size += snprintf(said + size, sizeof said - (size_t)size, " %s=%d", names[i], counts[i]);
    snprintf(said + size, sizeof said - (size_t)size, "\n");
    assert_string_equal(folder_read("said"), said);
}

/* How many of each kind are in the file; the good lines are those that `good` prints. Returns how many are malformed. */
static int kinds_count(const char *name, int lines, void good(uint64_t number, char line[120]),
                       int counts[KINDS])
{
    char *text = strdup(folder_read(name)), *rest = text, expected[120];
    uint64_t number = 0;
    int bad = 0;
    for (char *line; (line = strsep(&rest, "\n")) && *line; number++) {
        const char *fault = fault_of(line);
        for (int i = 0; i < KINDS; i++)
            counts[i] += fault && strcmp(fault, names[i]) == 0;
        bad += fault != NULL;
        good(number, expected);
        assert_true(fault || strcmp(line, expected) == 0);
    }
    assert_int_equal(number, lines);
    free(text);
    return bad;
}

static void what_is_malformed_is_told_by_kind(void **state)
{
    (void)state;
    int counts[KINDS] = { 0 };
    assert_int_equal(generate("", "bad", "--bad 0.05 --to listens=file:bad.csv " MADE), 0);
    /* The good ones are as they would be without the bad. */
    int bad = kinds_count("bad.csv", LISTENS, line_expected, counts);
    assert_in_range(bad, LISTENS / 20 - 80, LISTENS / 20 + 80);
    assert_told(LISTENS, LISTENS, counts);
    assert_int_equal(generate("", "parts", MADE "--count 2500 --bad 0.05 --to listens=file:parts.csv"), 0);
    assert_int_equal(generate("", "parts", MADE "--bad 0.05 --to listens=file:parts.csv"), 0);
    assert_told(LISTENS - 2500, LISTENS, counts); /* of the runs before it, too */
    char *all = strdup(folder_read("bad.csv"));
    assert_string_equal(folder_read("parts.csv"), all);
    free(all);
}

static void line_replayed(uint64_t number, char line[120])
{
    snprintf(line, 120, "%d,48,453,\"2014-10-23 03:26:20\",0,\"72132\"", 10 * (int)(number % 700));
}

static void a_file_is_replayed_in_its_order_once_or_over_and_over(void **state)
{
    (void)state;
    FILE *file = fopen(folder_path("real.csv"), "w");
    for (int i = 0; i < 700; i++)
        fprintf(file, "%d,48,453,\"2014-10-23 03:26:20\",0,\"72132\"\n", 10 * i);
    fclose(file);
    assert_int_equal(generate("", "once", "--replay real.csv --rate 100000 --to listens=file:once.csv"), 0);
    char *real = strdup(folder_read("real.csv"));
    assert_string_equal(folder_read("once.csv"), real);
    free(real);
    int counts[KINDS] = { 0 };
#define LOOP "--replay real.csv --loop --count 1500 --rate 100000 "
    assert_int_equal(generate("", "loop", LOOP "--to listens=file:loop.csv"), 0);
    assert_int_equal(kinds_count("loop.csv", 1500, line_replayed, counts), 0);
    assert_int_equal(generate("", "mixed", LOOP "--bad 0.1 --to listens=file:mixed.csv"), 0);
    assert_in_range(kinds_count("mixed.csv", 1500, line_replayed, counts), 90, 210);
    assert_told(1500, 1500, counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_the_lines_of_the_law_it_tells),
        cmocka_unit_test(straight_to_kafka_it_is_the_same_whatever_dies),
        cmocka_unit_test(what_is_malformed_is_told_by_kind),
        cmocka_unit_test(a_file_is_replayed_in_its_order_once_or_over_and_over),
    };
    return cmocka_run_group_tests(tests, folder_start, folder_stop);
}
