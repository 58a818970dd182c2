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
    while (text.size && (text.at[0] == ' ' || text.at[0] == '\t')) {
        text.at++;
        text.size--;
    }
    while (text.size && (text.at[text.size - 1] == ' ' || text.at[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* ASCII digits only, 0 .. 2^63-1; leading zeros are allowed. *value is untouched when the answer is false. */
static inline bool sl_to_i64(sl_text text, int64_t *value)
{
    uint64_t sum = 0;
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

static inline unsigned sl_two_digits_(const char *at)
{
    unsigned tens = (unsigned char)at[0] - (unsigned)'0', ones = (unsigned char)at[1] - (unsigned)'0';
    return tens > 9 || ones > 9 ? 1000 : tens * 10 + ones;
}

/* How many days a month (1-12) has in the Gregorian calendar. */
static inline unsigned sl_days_of_month(unsigned year, unsigned month)
{
    static const unsigned char days[13] = { 0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29u : days[month];
}

/* "YYYY-MM-DD HH:MM:SS": a real date of the years 1-9999 and a real time of day (no leap second). */
static inline bool sl_is_datetime(sl_text text)
{
    const char *at = text.at;
    if (text.size != 19 || at[4] != '-' || at[7] != '-' || at[10] != ' ' || at[13] != ':' || at[16] != ':')
        return false;
    unsigned century = sl_two_digits_(at), year = sl_two_digits_(at + 2);
    unsigned month = sl_two_digits_(at + 5), day = sl_two_digits_(at + 8);
    unsigned hour = sl_two_digits_(at + 11), minute = sl_two_digits_(at + 14), second = sl_two_digits_(at + 17);
    if (century > 99 || year > 99 || century + year == 0 || month - 1 > 11)
        return false;
    return day - 1 < sl_days_of_month(century * 100 + year, month) && hour < 24 && minute < 60 && second < 60;
}

#endif
