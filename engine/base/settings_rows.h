/*
 * base/settings_rows.h - what the files settings*.c share: the rows and their values. Nobody else includes it.
 */
#ifndef BASE_SETTINGS_ROWS_H
#define BASE_SETTINGS_ROWS_H

#include <base/arena.h>
#include <base/settings.h>

typedef struct setting_number {
    int64_t i64; /* of flags, durations and sizes too */
    double f64;
} setting_number;

typedef struct setting_entry {
    setting row;
    const char *title;
    const char *origin;  /* NULL: the values are the default's */
    const char **values; /* as they were written; a list has any number, the others at most one */
    size_t count, room;
    setting_number number; /* of the value */
} setting_entry;

typedef struct passed_value { /* of a key that is in no table */
    const char *key, *value, *origin;
} passed_value;

struct settings {
    arena texts; /* every text: values that were replaced live on too */
    setting_entry *entries;
    size_t count, room;
    passed_value *passed;
    size_t passed_count, passed_room;
    const char **prefixes;
    size_t prefix_count, prefix_room;
    failure fault; /* of the tables: the first wrong row */
};

#define SETTINGS_CONF "--conf"
#define SETTINGS_FILE "--properties-file"

/* By key, by one of its flags; NULL: no such row. */
setting_entry *settings_find(const settings *settings, const char *name);

/* The failure does not say of which setting. */
sl_result entry_set(settings *settings, setting_entry *entry, const char *value, const char *origin,
                    failure *failure);

/* settings_parse.c: a value against its row's kind and range. */
sl_result value_check(const setting *row, const char *value, setting_number *number, failure *failure);
void range_print(buffer *out, const setting *row); /* "1ms to 1d", "at least 1", or nothing */

/* "SLUICE_BATCH_INTERVAL" of "batch.interval". */
void variable_name(buffer *out, const char *key);

#endif
