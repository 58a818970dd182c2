/*
 * sluice/text.h - small functions over borrowed text, inline because stages call them once or more per row.
 *
 *     int64_t id;
 *     if (!sl_to_i64(sl_trim(field[0]), &id))
 *         return sl_reject(task, &in->origin, "bad_number", "event_id");
 */
#ifndef SLUICE_TEXT_H
#define SLUICE_TEXT_H

#include <sluice/types.h>
#include <string.h>

/* SL_TEXT("literal") */
#define SL_TEXT(literal) ((sl_text){ "" literal, sizeof(literal) - 1 })

static inline bool sl_text_equal(sl_text a, sl_text b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.at, b.at, a.size) == 0);
}

/* Bytes as unsigned numbers; a text that begins another comes first. <0, 0, >0 like memcmp. */
static inline int sl_text_compare(sl_text a, sl_text b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size ? memcmp(a.at, b.at, size) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Without the blanks (space, tab) at both ends. */
static inline sl_text sl_trim(sl_text text)
{
    if (text.size && (unsigned char)text.at[0] > ' ' && (unsigned char)text.at[text.size - 1] > ' ')
        return text; /* nearly all */
    while (text.size && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.size--;
    }
    while (text.size && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Four to eight ASCII digits, two loads that overlap; false when a byte is none. */
static inline bool sl_to_i64_8_(sl_text text, int64_t *value)
{
    uint32_t first, last;
    memcpy(&first, text.at, 4);
    memcpy(&last, text.at + text.size - 4, 4);
    unsigned missing = 8 * (8 - (unsigned)text.size); /* bits, zeros before the first digit */
    uint64_t sum = (first | (uint64_t)last << (32 - missing)) ^ (0x3030303030303030u >> missing);
    if (((sum + 0x7676767676767676u) | sum) & 0x8080808080808080u)
        return false;
    sum <<= missing;
    sum = (sum * 10 + (sum >> 8)) & 0x00FF00FF00FF00FFu;
    sum = (sum * 100 + (sum >> 16)) & 0x0000FFFF0000FFFFu;
    *value = (int64_t)((sum * 10000 + (sum >> 32)) & 0xFFFFFFFFu);
    return true;
}

/* ASCII digits only, 0 .. 2^63-1; leading zeros are allowed. *value is untouched when the answer is false. */
static inline bool sl_to_i64(sl_text text, int64_t *value)
{
    uint64_t sum = 0;
    if (text.size >= 4 && text.size <= 8)
        return sl_to_i64_8_(text, value);
    if (text.size == 0)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = (unsigned char)text.at[i] - (unsigned)'0';
        if (digit > 9 || sum > (uint64_t)INT64_MAX / 10)
            return false;
        sum = sum * 10 + digit;
    }
    if (sum > (uint64_t)INT64_MAX)
        return false;
    *value = (int64_t)sum;
    return true;
}

/*
 * Eight bytes against a pattern of digits ('0') and separators. The answer holds at byte i the number that the digits i and
 * i + 1 make; *wrong gets bits where a byte does not fit: a separator must differ by 0, a digit by at most 9 from '0'. What
 * is added lets anything more reach the high bit: 0x7F to a separator's difference, 0x76 to a digit's.
 */
static inline uint64_t sl_digit_pairs_(const char *at, uint64_t pattern, uint64_t limits, uint64_t *wrong)
{
    uint64_t value;
    memcpy(&value, at, 8);
    value ^= pattern;
    *wrong |= ((value + limits) | value) & 0x8080808080808080u;
    return value * 10 + (value >> 8);
}

/* How many days a month (1-12) has in the Gregorian calendar. */
static inline unsigned sl_days_of_month(unsigned year, unsigned month)
{
    static const unsigned char days[13] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (month != 2 || year % 4)
        return days[month];
    return year % 100 == 0 && year % 400 ? 28 : 29;
}

/* "YYYY-MM-DD HH:MM:SS": a real date of the years 1-9999 and a real time of day (no leap second). */
static inline bool sl_is_datetime(sl_text text)
{
    if (text.size != 19)
        return false;
    /* "0000-00-", "00 00:00" and "00:00:00", little-endian */
    uint64_t wrong = 0;
    uint64_t date = sl_digit_pairs_(text.at, 0x2D30302D30303030u, 0x7F76767F76767676u, &wrong);
    uint64_t middle = sl_digit_pairs_(text.at + 8, 0x30303A3030203030u, 0x76767F76767F7676u, &wrong);
    uint64_t time = sl_digit_pairs_(text.at + 11, 0x30303A30303A3030u, 0x76767F76767F7676u, &wrong);
    if (wrong)
        return false;
    unsigned year = (unsigned)(date & 0xFF) * 100 + (unsigned)(date >> 16 & 0xFF),
             month = (unsigned)(date >> 40 & 0xFF);
    unsigned day = (unsigned)(middle & 0xFF);
    if (year == 0 || month - 1 > 11)
        return false;
    /* Second, minute and hour at once: what is added lets 60, 60 and 24 reach the high bit. */
    bool is_time = (((time & 0x00FF0000FF0000FFu) + 0x0044000044000068u) & 0x0080000080000080u) == 0;
    return is_time && day - 1 < sl_days_of_month(year, month);
}

#endif
