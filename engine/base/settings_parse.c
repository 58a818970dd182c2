/*
 * base/settings_parse.c - single values: durations, sizes, times, numbers, choices; and the word that was meant. Every
 * refusal says what is expected, with an example.
 */
#include <base/memory.h>
#include <base/settings_rows.h>
#include <errno.h>
#include <sluice/text.h>
#include <stdlib.h>

typedef struct unit {
    const char *name;
    int64_t size;
} unit;

enum { WORD_MOST = 64 }; /* longer words are not compared */

static sl_result scaled_parse(const char *text, const unit *units, int64_t *value);
static sl_result number_parse(const setting *row, const char *text, setting_number *number, failure *failure);
static sl_result i64_parse(const char *text, int64_t *value, failure *failure);
static sl_result f64_parse(const char *text, double *value, failure *failure);
static sl_result choice_check(const setting *row, const char *text, failure *failure);
static sl_result range_check(const setting *row, const char *text, setting_number number, failure *failure);
static sl_result fail_with_range(const setting *row, const failure *why, failure *failure);
static int number_order(setting_kind kind, setting_number a, setting_number b);
static int64_t days_before(unsigned year, unsigned month, unsigned day);
static size_t edit_distance(const char *a, const char *b);
static char lower(char byte);

#define KIBI ((int64_t)1024)
static const unit duration_units[] = { { "ms", 1 },    { "s", 1000 },    { "min", 60000 },
                                       { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
                                       { 0 } };

static const unit size_units[] = {
    { "", 1 },
    { "b", 1 },
    { "k", KIBI },
    { "kb", KIBI },
    { "kib", KIBI },
    { "m", KIBI *KIBI },
    { "mb", KIBI *KIBI },
    { "mib", KIBI *KIBI },
    { "g", KIBI *KIBI *KIBI },
    { "gb", KIBI *KIBI *KIBI },
    { "gib", KIBI *KIBI *KIBI },
    { "t", KIBI *KIBI *KIBI *KIBI },
    { "tb", KIBI *KIBI *KIBI *KIBI },
    { "tib", KIBI *KIBI *KIBI *KIBI },
    { 0 },
};

sl_result duration_parse(const char *text, int64_t *ms, failure *failure)
{
    const char *expected = "write a whole number and ms, s, min, h or d, as in 250ms, 2s, 5min, 30h or 1d";
    sl_result result = scaled_parse(text, duration_units, ms);
    if (result == SL_USAGE && *text && text[strspn(text, "0123456789")] == '\0')
        return fail(failure, SL_USAGE, "\"%s\" has no unit: write %sms, %ss, %smin, %sh or %sd", text, text,
                    text, text, text, text);
    if (result == SL_LIMIT)
        return fail(failure, SL_USAGE, "\"%s\" is longer than any clock runs: %s", text, expected);
    return result == SL_OK ? SL_OK : fail(failure, SL_USAGE, "\"%s\" is no duration: %s", text, expected);
}

sl_result bytes_parse(const char *text, size_t *bytes, failure *failure)
{
    int64_t size = 0;
    sl_result result = scaled_parse(text, size_units, &size);
    if (result != SL_OK)
        return fail(failure, SL_USAGE,
                    "\"%s\" is no size: write a whole number and k, mb, gb or tb, as in 64k or 128mb", text);
    *bytes = (size_t)size;
    return SL_OK;
}

sl_result time_parse(const char *text, int64_t *ms, failure *failure)
{
    char time[20] = "";
    int64_t fraction = 0;
    if (strlen(text) >= 20 && text[10] == 'T') {
        memcpy(time, text, 19);
        time[10] = ' ';
    }
    const char *at = text + (*time ? 19 : 0);
    if (*at == '.' && at[1] >= '0' && at[1] <= '9')
        for (int64_t scale = 100; *++at >= '0' && *at <= '9'; scale /= 10)
            fraction += (*at - '0') * scale;
    if (!sl_is_datetime((sl_text){ time, strlen(time) }) || strcmp(at, "Z") != 0)
        return fail(failure, SL_USAGE, "\"%s\" is no time: write it in UTC, as in 2026-11-23T10:00:00Z",
                    text);
    unsigned part[6];
    static const unsigned char places[] = { 0, 5, 8, 11, 14, 17 };
    for (size_t i = 0; i < 6; i++)
        part[i] = (unsigned)strtoul(time + places[i], NULL, 10);
    int64_t seconds =
        days_before(part[0], part[1], part[2]) * 86400 + part[3] * 3600 + part[4] * 60 + part[5];
    *ms = seconds * 1000 + fraction;
    return SL_OK;
}

/* Near is one change in three letters, or one in fewer; the first of equally near words is taken. */
const char *nearest_word(const char *word, const char *const *words, size_t count)
{
    size_t letters = strlen(word + strspn(word, "-"));
    size_t least = letters < 6 ? 2 : letters / 3 + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, words[i]);
        if (distance < least && distance < strlen(words[i])) {
            least = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

sl_result value_check(const setting *row, const char *value, setting_number *number, failure *failure)
{
    bool yes = strcmp(value, "true") == 0;
    switch (row->kind) {
    case SETTING_TEXT:
    case SETTING_LIST: return SL_OK;
    case SETTING_CHOICE: return choice_check(row, value, failure);
    case SETTING_FLAG:
        if (!yes && strcmp(value, "false") != 0)
            return fail(failure, SL_USAGE, "\"%s\" is neither true nor false", value);
        number->i64 = yes;
        return SL_OK;
    default: break;
    }
    struct failure why = { 0 };
    setting_number parsed = { 0 };
    if (number_parse(row, value, &parsed, &why) != SL_OK)
        return fail_with_range(row, &why, failure);
    SL_TRY(range_check(row, value, parsed, failure));
    *number = parsed;
    return SL_OK;
}

void range_print(buffer *out, const setting *row)
{
    if (row->kind == SETTING_CHOICE)
        buffer_text(out, row->least);
    else if (row->least && row->most)
        buffer_print(out, "%s to %s", row->least, row->most);
    else if (row->least)
        buffer_print(out, "at least %s", row->least);
    else if (row->most)
        buffer_print(out, "at most %s", row->most);
}

/* SL_USAGE: not of this form; SL_LIMIT: too large. */
static sl_result scaled_parse(const char *text, const unit *units, int64_t *value)
{
    size_t digits = strspn(text, "0123456789");
    const char *name = text + digits + strspn(text + digits, " ");
    int64_t number = 0;
    if (digits == 0)
        return SL_USAGE;
    while (units->name && strcasecmp(units->name, name) != 0)
        units++;
    if (units->name == NULL)
        return SL_USAGE;
    if (!sl_to_i64((sl_text){ text, digits }, &number) ||
        __builtin_mul_overflow(number, units->size, &number))
        return SL_LIMIT;
    *value = number;
    return SL_OK;
}

static sl_result number_parse(const setting *row, const char *text, setting_number *number, failure *failure)
{
    size_t bytes = 0;
    switch (row->kind) {
    case SETTING_I64: return i64_parse(text, &number->i64, failure);
    case SETTING_F64: return f64_parse(text, &number->f64, failure);
    case SETTING_DURATION: return duration_parse(text, &number->i64, failure);
    default:
        SL_TRY(bytes_parse(text, &bytes, failure));
        number->i64 = (int64_t)bytes;
        return SL_OK;
    }
}

static sl_result i64_parse(const char *text, int64_t *value, failure *failure)
{
    bool negative = *text == '-';
    int64_t number = 0;
    if (!sl_to_i64((sl_text){ text + negative, strlen(text + negative) }, &number))
        return fail(failure, SL_USAGE, "\"%s\" is no whole number", text);
    *value = negative ? -number : number;
    return SL_OK;
}

/* The letters keep out what strtod() takes beside plain numbers: hexadecimal ones, infinity, nan. */
static sl_result f64_parse(const char *text, double *value, failure *failure)
{
    char *end = NULL;
    errno = 0;
    double number = strtod(text, &end);
    if (end == text || *end || text[strspn(text, "0123456789.eE+-")] || errno == ERANGE)
        return fail(failure, SL_USAGE, "\"%s\" is no number", text);
    *value = number;
    return SL_OK;
}

static sl_result choice_check(const setting *row, const char *text, failure *failure)
{
    const char *words[32], *meant;
    size_t count = 0;
    char *choices = memory_text(row->least);
    bool known = false;
    for (char *word = choices, *end; count < 32; word = end + 1) {
        end = strchr(word, '|');
        if (end)
            *end = '\0';
        known = known || strcmp(word, text) == 0;
        words[count++] = word;
        if (end == NULL)
            break;
    }
    if (!known && count == 1)
        fail(failure, SL_USAGE, "\"%s\" cannot be had: it is always %s", text, row->least);
    else if (!known) {
        meant = nearest_word(text, words, count);
        fail(failure, SL_USAGE, "\"%s\" is none of %s%s%s%s", text, row->least,
             meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
    }
    free(choices);
    return known ? SL_OK : failure->result;
}

static sl_result range_check(const setting *row, const char *text, setting_number number, failure *failure)
{
    setting_number bound = { 0 };
    struct failure why = { 0 };
    const char *beyond = NULL, *nearest = NULL;
    if (row->least && number_parse(row, row->least, &bound, &why) == SL_OK &&
        number_order(row->kind, number, bound) < 0) {
        beyond = "less";
        nearest = row->least;
    }
    if (row->most && number_parse(row, row->most, &bound, &why) == SL_OK &&
        number_order(row->kind, number, bound) > 0) {
        beyond = "more";
        nearest = row->most;
    }
    if (why.result != SL_OK)
        return fail(failure, SL_USAGE, "its own range is wrong: %s", why.text);
    if (beyond == NULL)
        return SL_OK;
    fail(&why, SL_USAGE, "%s is %s than allowed; the nearest that is allowed is %s", text, beyond, nearest);
    return fail_with_range(row, &why, failure);
}

static sl_result fail_with_range(const setting *row, const failure *why, failure *failure)
{
    buffer range = { 0 };
    range_print(&range, row);
    bool any = range.size > 0;
    buffer_byte(&range, '\0');
    fail(failure, SL_USAGE, "%s%s%s%s", why->text, any ? " (" : "", range.at, any ? ")" : "");
    buffer_done(&range);
    return failure->result;
}

static int number_order(setting_kind kind, setting_number a, setting_number b)
{
    if (kind == SETTING_F64)
        return (a.f64 > b.f64) - (a.f64 < b.f64);
    return (a.i64 > b.i64) - (a.i64 < b.i64);
}

/* Days from 1970-01-01 in the Gregorian calendar; the year is 1 or later. */
static int64_t days_before(unsigned year, unsigned month, unsigned day)
{
    int64_t past = year - 1, days = past * 365 + past / 4 - past / 100 + past / 400;
    for (unsigned i = 1; i < month; i++)
        days += sl_days_of_month(year, i);
    return days + day - 1 - 719162;
}

/* Letters to insert, leave out, replace or swap with their neighbour; upper case is lower case. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MOST + 1], a_size = strlen(a), b_size = strlen(b);
    if (a_size > WORD_MOST || b_size > WORD_MOST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *now = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t least = before[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));
            least = before[j] + 1 < least ? before[j] + 1 : least;
            least = now[j - 1] + 1 < least ? now[j - 1] + 1 : least;
            bool swapped =
                i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            now[j] = swapped && earlier[j - 2] + 1 < least ? earlier[j - 2] + 1 : least;
        }
    }
    return rows[a_size % 3][b_size];
}

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte;
}
