/*
 * tests/records/csv.c - three cutters over the same lines: the fast one, the slow one, and a naive one written here, a byte
 * at a time; then the rules of a listen's line in the order in which they are checked.
 */
#include "../../jobs/records/play.h"
#include <plan/task.h>
#include <setjmp.h>
#include <sluice/csv.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>
#include <time.h>

#include <cmocka.h>

enum { FIELDS_MAX = 40, LINE_MAX = 200 };

typedef struct cut_line {
    char bytes[FIELDS_MAX][LINE_MAX];
    size_t sizes[FIELDS_MAX], count;
} cut_line;

/* ---- The naive cutter: an automaton over the bytes ---- */

static bool ascii(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)at[i] >= 0x80)
            return false;
    return true;
}

/* All that is no ASCII in these lines: letters of C3 and one byte more, and faults. */
static bool accents_only(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)at[i] < 0x80)
            continue;
        if (at[i] != '\xC3' || ++i == size || (unsigned char)at[i] >> 6 != 2)
            return false;
    }
    return true;
}

static void byte_add(cut_line *cut, char byte)
{
    if (cut->count < FIELDS_MAX)
        cut->bytes[cut->count][cut->sizes[cut->count]++] = byte;
}

static const char *cut_naive(const char *at, size_t size, size_t wanted, cut_line *cut)
{
    enum { START, PLAIN, QUOTED, CLOSED } where = START;
    memset(cut, 0, sizeof *cut);
    if (!ascii(at, size) && !accents_only(at, size))
        return "not_utf8";
    if (size && at[size - 1] == '\n')
        size--;
    if (size && at[size - 1] == '\r')
        size--;
    for (size_t i = 0; i < size; i++) {
        if (where == QUOTED) {
            if (at[i] == '"')
                where = CLOSED;
            else
                byte_add(cut, at[i]);
        } else if (at[i] == ',') {
            cut->count++;
            where = START;
        } else if (at[i] == '"' && where == START) {
            where = QUOTED;
        } else if (at[i] == '"' && where == CLOSED) {
            byte_add(cut, '"');
            where = QUOTED;
        } else if (at[i] == '"' || where == CLOSED) {
            return "bad_quote";
        } else {
            byte_add(cut, at[i]);
            where = PLAIN;
        }
    }
    if (where == QUOTED)
        return "bad_quote";
    cut->count++;
    return cut->count == wanted ? NULL : "field_count";
}

static void compare(const char *line, size_t size, size_t wanted)
{
    typedef const char *cutter(sl_task * task, sl_text line, sl_text * field, size_t count);
    static cutter *const cutters[] = { sl_csv_split_slowly, sl_csv_split };
    static cut_line naive;
    sl_text field[FIELDS_MAX] = { 0 };
    sl_task task = { 0 };
    const char *fault = cut_naive(line, size, wanted, &naive);
    for (size_t c = 0; c < 2; c++) {
        const char *found = cutters[c](&task, (sl_text){ line, size }, field, wanted);
        if ((found == NULL) != (fault == NULL) || (fault && strcmp(found, fault) != 0))
            fail_msg("cutter %zu of <%.*s> says %s, not %s", c, (int)size, line, found ? found : "fine",
                     fault ? fault : "fine");
        for (size_t i = 0; fault == NULL && i < wanted; i++)
            if (field[i].at == NULL || field[i].size != naive.sizes[i] ||
                memcmp(field[i].at, naive.bytes[i], field[i].size) != 0)
                fail_msg("cutter %zu of <%.*s>: field %zu is <%.*s>", c, (int)size, line, i,
                         (int)field[i].size, field[i].at);
    }
    arena_done(&task.memory);
}

/* ---- Lines ---- */

/* As a sanitizer sees it: a copy of exactly this size, at any address. */
static void compare_copy(const char *line, size_t size, size_t wanted, size_t shift)
{
    char *room = malloc(size + shift + 1);
    memcpy(room + shift, line, size);
    room = realloc(room, size + shift ? size + shift : 1);
    compare(room + shift, size, wanted);
    free(room);
}

static size_t end_add(dice *dice, char *line, size_t size)
{
    static const char *const ends[] = { "", "", "", "\n", "\r\n", "\r", "\n\r", "\n\n", "\r\n\n" };
    const char *end = ends[dice_below(dice, 9)];
    memcpy(line + size, end, strlen(end));
    return size + strlen(end);
}

/* Bytes by lot, of few kinds: nearly all are faulty. */
static void lines_of_any_bytes_are_cut_alike(void **state)
{
    (void)state;
    dice dice = { 71 };
    char line[LINE_MAX];
    for (int round = 0; round < 400000; round++) {
        size_t size = 0, wanted = dice_below(&dice, 100), few = 2 + dice_below(&dice, 40);
        while (size < wanted) {
            size_t lot = dice_below(&dice, few);
            line[size++] = lot == 0                                 ? '"'
                           : lot == 1                               ? ','
                           : lot == 2 && dice_below(&dice, 30) == 0 ? "\n\r\xC3\xA9"[dice_below(&dice, 4)]
                                                                    : 'x';
        }
        size = end_add(&dice, line, size);
        compare_copy(line, size, 1 + dice_below(&dice, 8), dice_below(&dice, 16));
    }
}

static size_t field_draw(dice *dice, char *at, size_t most)
{
    static const char *const inner[] = { "x", "7", " ", "\"\"", ",", "\n", "\r", "\xC3\xA9", "-", ":" };
    size_t size = 0, parts = dice_below(dice, most + 1);
    bool quoted = dice_below(dice, 2), rare = dice_below(dice, 8) == 0;
    if (quoted)
        at[size++] = '"';
    for (; parts; parts--) {
        size_t lot = dice_below(dice, rare ? 10 : 3);
        const char *part = inner[quoted || (lot != 3 && lot != 4) ? lot : 0];
        memcpy(at + size, part, strlen(part));
        size += strlen(part);
    }
    if (quoted)
        at[size++] = '"';
    return size;
}

/* Well-formed lines of six fields, of 10 to 120 bytes; some with one byte changed, lost or doubled. */
static void lines_like_real_ones_are_cut_alike(void **state)
{
    (void)state;
    dice dice = { 72 };
    char line[8 * 70];
    for (int round = 0; round < 400000; round++) {
        size_t size = 0, fields = dice_below(&dice, 12) ? 6 : 5 + dice_below(&dice, 3),
               most = 1 + dice_below(&dice, 14);
        for (size_t i = 0; i < fields; i++) {
            if (i)
                line[size++] = ',';
            size += field_draw(&dice, line + size, most);
        }
        size = end_add(&dice, line, size);
        if (size && dice_below(&dice, 4) == 0)
            line[dice_below(&dice, size)] = "\",x\n\r\x80"[dice_below(&dice, 6)];
        if (size < LINE_MAX)
            compare_copy(line, size, 6, dice_below(&dice, 16));
    }
}

/* Around 18 and 64 bytes the cutters hand over; a quote, a comma and a byte of no ASCII at each place of each size. */
static void every_place_of_every_size_is_cut_alike(void **state)
{
    (void)state;
    char line[LINE_MAX];
    for (size_t size = 0; size <= 80; size++) {
        for (size_t place = 0; place < size; place++) {
            for (const char *mark = "\",\n\r\x80"; *mark; mark++) {
                for (size_t every = 3; every <= 13; every += 5) {
                    for (size_t i = 0; i < size; i++)
                        line[i] = i % every == 0 ? ',' : 'x';
                    line[place] = *mark;
                    compare_copy(line, size, 1 + (size - 1) / every, 0);
                }
            }
        }
    }
}

/* ---- What comes before cutting ---- */

static const char *split_six(sl_text line)
{
    sl_text field[6];
    return sl_csv_split(NULL, line, field, 6);
}

static void a_line_may_have_64_kib_with_its_end(void **state)
{
    (void)state;
    size_t most = 64 * 1024;
    char *line = malloc(most + 1);
    memset(line, 'x', most + 1);
    memcpy(line, ",,,,,", 5);
    line[most - 1] = '\n';
    assert_null(split_six((sl_text){ line, most }));
    line[most - 1] = 'x';
    line[most] = '\n';
    assert_string_equal(split_six((sl_text){ line, most + 1 }), "too_large");
    line[100] = '\xFF';
    assert_string_equal(split_six((sl_text){ line, most + 1 }), "too_large");
    line[200] = '"';
    assert_string_equal(split_six((sl_text){ line, most }), "not_utf8");
    line[100] = 'x';
    assert_string_equal(split_six((sl_text){ line, most }), "bad_quote");
    line[200] = 'x';
    line[300] = ',';
    assert_string_equal(split_six((sl_text){ line, most }), "field_count");
    free(line);
}

static void the_first_broken_rule_counts(void **state)
{
    (void)state;
    assert_string_equal(split_six((sl_text){ NULL, 0 }), "null_value");
    assert_string_equal(split_six(SL_TEXT("")), "field_count");
    assert_string_equal(split_six(SL_TEXT("\xFF\"a,b")), "not_utf8");
    assert_string_equal(split_six(SL_TEXT("a\"b,c")), "bad_quote");
    assert_string_equal(split_six(SL_TEXT("a,b,c,d,e,f,g\"")), "bad_quote");
    assert_string_equal(split_six(SL_TEXT("0,48,453,\"2014-10-23 03:26:20\",0, \"72132\"")), "bad_quote");
    assert_string_equal(split_six(SL_TEXT("0,48,453,\"2014-10-23 03:26:20\" ,0,\"72132\"")), "bad_quote");
    assert_string_equal(split_six(SL_TEXT("0,48,453,\"2014-10-23 03:26:20\",0")), "field_count");
}

/* ---- A listen's line ---- */

typedef struct judged {
    const char *line, *reason, *detail;
} judged;

#define SIXTEEN    "1234567890123456"
#define SIXTY_FOUR SIXTEEN SIXTEEN SIXTEEN SIXTEEN
#define DAY        "\"2014-10-23 03:26:20\""

static const judged judgements[] = {
    { "0,48,453," DAY ",0,\"72132\"", NULL, NULL },
    { "0,48,453," DAY ",0,\"72132\"\r\n", NULL, NULL },
    { "9223372036854775807,48,453,2014-10-23 03:26:20,1,", NULL, NULL },
    { "0009223372036854775807,48,453," DAY ",1,\"\"", NULL, NULL },
    { " 7\t,\t48 ,\" 453\t\"," DAY ",\" 1 \",\"72132\"", NULL, NULL },
    { "0," SIXTY_FOUR "," SIXTY_FOUR "," DAY ",0," SIXTEEN, NULL, NULL },
    { "0, " SIXTY_FOUR " , " SIXTY_FOUR " ," DAY ",0,\"" SIXTEEN "\"", NULL, NULL },
    { "0,4\"\"8,453," DAY ",0,1", "bad_quote", "line" },
    { "0,\"4\"\"8\",453," DAY ",0,1", NULL, NULL },
    { "", "field_count", "line" },
    { "\n", "field_count", "line" },
    { "0,48,453," DAY ",0,1,", "field_count", "line" },
    { "9223372036854775808,,,x,2," SIXTEEN "7", "bad_number", "event_id" },
    { "-1,48,453," DAY ",0,1", "bad_number", "event_id" },
    { "+1,48,453," DAY ",0,1", "bad_number", "event_id" },
    { ",48,453," DAY ",0,1", "bad_number", "event_id" },
    { "1 2,48,453," DAY ",0,1", "bad_number", "event_id" },
    { "0x1,48,453," DAY ",0,1", "bad_number", "event_id" },
    { "99999999999999999999999,48,453," DAY ",0,1", "bad_number", "event_id" },
    { "0, \t ,,x,2," SIXTEEN "7", "empty_field", "customer_id" },
    { "0,\"\",," DAY ",0,1", "empty_field", "customer_id" },
    { "0," SIXTY_FOUR "5,," DAY ",0,1", "too_long", "customer_id" },
    { "0,48, ,x,2,1", "empty_field", "track_id" },
    { "0,48," SIXTY_FOUR "5,x,2,1", "too_long", "track_id" },
    { "0,48,453,2014-10-23T03:26:20,2,1", "bad_datetime", "datetime" },
    { "0,48,453, 2014-10-23 03:26:20,2,1", "bad_datetime", "datetime" },
    { "0,48,453,2014-10-23 03:26:20 ,2,1", "bad_datetime", "datetime" },
    { "0,48,453,,2," SIXTEEN "7", "bad_datetime", "datetime" },
    { "0,48,453," DAY ",2," SIXTEEN "7", "bad_flag", "ismobile" },
    { "0,48,453," DAY ",,1", "bad_flag", "ismobile" },
    { "0,48,453," DAY ",00,1", "bad_flag", "ismobile" },
    { "0,48,453," DAY ",true,1", "bad_flag", "ismobile" },
    { "0,48,453," DAY ",1," SIXTEEN "7", "too_long", "listening_zip_code" },
    { "0,48,453," DAY ",1, " SIXTEEN, "too_long", "listening_zip_code" },
};

static void a_line_is_judged_by_the_first_rule_that_it_breaks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof judgements / sizeof judgements[0]; i++) {
        const judged *judged = &judgements[i];
        sl_task task = { 0 };
        sl_message message = { .value = { judged->line, strlen(judged->line) } };
        play play = { 0 };
        bool taken = parse_play(&task, &message, &play);
        const reject *reject = (const void *)task.rejects.at;
        if (taken != (judged->reason == NULL))
            fail_msg("%s", judged->line);
        assert_int_equal(task.rejects.size, taken ? 0 : sizeof *reject);
        if (!taken) {
            if (strcmp(reject->reason, judged->reason) != 0 || strcmp(reject->detail, judged->detail) != 0)
                fail_msg("%s: %s of %s", judged->line, reject->reason, reject->detail);
        }
        buffer_done(&task.rejects);
        arena_done(&task.memory);
    }
}

static void assert_text(sl_text text, const char *wanted)
{
    assert_int_equal(text.size, strlen(wanted));
    assert_memory_equal(text.at, wanted, text.size);
}

static void blanks_are_trimmed_where_they_may_be(void **state)
{
    (void)state;
    sl_message message = { .value = SL_TEXT("\" 7\",\t48 ,\" 4 53\t\"," DAY ",\" 1 \",\" 72132 \"") };
    play play = { 0 };
    assert_true(parse_play(NULL, &message, &play));
    assert_int_equal(play.event_id, 7);
    assert_text(play.customer_id, "48");
    assert_text(play.track_id, "4 53");
    assert_text(play.datetime, "2014-10-23 03:26:20");
    assert_int_equal(play.ismobile, 1);
    assert_text(play.listening_zip_code, " 72132 ");
}

/* ---- Dates ---- */

/* The C library's calendar: a day that it does not move is real. */
static bool day_is_real(int year, int month, int day)
{
    struct tm tm = { .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
    time_t when = timegm(&tm);
    (void)when;
    return month >= 1 && month <= 12 && day >= 1 && tm.tm_mon == month - 1 && tm.tm_mday == day;
}

static void every_day_of_the_calendar_and_no_other_is_a_date(void **state)
{
    (void)state;
    char text[40];
    for (int year = 0; year <= 9999; year += year < 2500 ? 1 : 97) {
        for (int month = 0; month <= 13; month++) {
            for (int day = 0; day <= 32; day++) {
                snprintf(text, sizeof text, "%04d-%02d-%02d 23:59:59", year, month, day);
                if (sl_is_datetime((sl_text){ text, 19 }) != (year > 0 && day_is_real(year, month, day)))
                    fail_msg("%s", text);
            }
        }
    }
}

static void every_time_of_the_day_and_no_other_is_a_time(void **state)
{
    (void)state;
    char text[40];
    for (int hour = 0; hour < 100; hour++) {
        for (int minute = 0; minute < 100; minute++) {
            for (int second = 0; second < 100; second += minute % 10 ? 7 : 1) {
                snprintf(text, sizeof text, "2016-02-29 %02d:%02d:%02d", hour, minute, second);
                if (sl_is_datetime((sl_text){ text, 19 }) != (hour < 24 && minute < 60 && second < 60))
                    fail_msg("%s", text);
            }
        }
    }
}

/* Any byte at any place, alone and two at once: only a digit in the place of a digit leaves a date. */
static void any_other_byte_at_any_place_makes_it_none(void **state)
{
    (void)state;
    static const char good[] = "2011-11-11 11:11:11";
    char text[20];
    dice dice = { 73 };
    for (size_t place = 0; place < 19; place++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(text, good, 20);
            text[place] = (char)byte;
            bool digit = byte >= '0' && byte <= '9', stays = byte == good[place];
            bool fits = sl_is_datetime((sl_text){ text, 19 });
            if (fits ? !digit && !stays : stays)
                fail_msg("byte %d at %zu", byte, place);
            size_t other = dice_below(&dice, 19);
            text[other] =
                (char)(good[other] >= '0' && good[other] <= '9' ? 0x80 + dice_below(&dice, 128) : '0');
            assert_false(sl_is_datetime((sl_text){ text, 19 }));
        }
    }
    assert_false(sl_is_datetime((sl_text){ good, 18 }));
    assert_false(sl_is_datetime(SL_TEXT("2011-11-11 11:11:11 ")));
    assert_false(sl_is_datetime((sl_text){ NULL, 0 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_any_bytes_are_cut_alike),
        cmocka_unit_test(lines_like_real_ones_are_cut_alike),
        cmocka_unit_test(every_place_of_every_size_is_cut_alike),
        cmocka_unit_test(a_line_may_have_64_kib_with_its_end),
        cmocka_unit_test(the_first_broken_rule_counts),
        cmocka_unit_test(a_line_is_judged_by_the_first_rule_that_it_breaks),
        cmocka_unit_test(blanks_are_trimmed_where_they_may_be),
        cmocka_unit_test(every_day_of_the_calendar_and_no_other_is_a_date),
        cmocka_unit_test(every_time_of_the_day_and_no_other_is_a_time),
        cmocka_unit_test(any_other_byte_at_any_place_makes_it_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
