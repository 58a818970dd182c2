/*
 * base/settings.h - the mechanism of settings: rows of tables, gathered from every room, and the values that defaults, a
 * properties file, the environment and the command line give them, in this order of precedence (the last wins).
 *
 *     const setting redis_settings[] = {
 *         { "redis.url", NULL, SETTING_TEXT, "redis://127.0.0.1:6379", NULL, NULL, "URL", "where Redis answers" },
 *         { "batch.interval", "--interval", SETTING_DURATION, "2s", "1ms", "1d", "DURATION", "time between batches" },
 *         { 0 }
 *     };
 *
 * Parsing, --help, the man page, completion and --explain come from the rows. An unknown name or a bad value names the
 * nearest right one. Texts returned live as long as the settings. Written on one thread, then read from any.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <base/buffer.h>
#include <base/failure.h>
#include <stdio.h>

typedef enum setting_kind {
    SETTING_TEXT,
    SETTING_I64,
    SETTING_F64,
    SETTING_FLAG,     /* true|false; on the command line the bare flag means true */
    SETTING_DURATION, /* "250ms"; a bare number is an error */
    SETTING_SIZE,     /* "128mb", "64k"; a bare number is bytes */
    SETTING_CHOICE,   /* `least` holds the choices: "text|json" */
    SETTING_LIST      /* may be given several times; every value is kept, in order */
} setting_kind;

typedef struct setting {
    const char
        *key; /* "batch.interval", for files, --conf and SLUICE_BATCH_INTERVAL; NULL: command line only */
    const char
        *flag; /* "--interval" or "-v, --verbose"; NULL: only by --conf. One of key and flag is there */
    setting_kind kind;
    const char *usual, *least, *most; /* as a user writes them; NULL: none */
    const char *value;                /* what the value is called in --help: "DURATION" */
    const char *help;                 /* half a sentence */
} setting;

typedef struct settings settings;

settings *settings_new(void);
void settings_free(settings *settings); /* NULL is fine */

/*
 * Rows up to one without key and flag; title heads them in --help. All is copied. A wrong row (its default is not in its
 * range, its name is taken) is told by the next call that can fail.
 */
void settings_add(settings *settings, const char *title, const setting *rows);

/* Keys that begin with `prefix` and are in no table are kept as they are: "kafka." for librdkafka. */
void settings_pass(settings *settings, const char *prefix);

/* One value. `origin` says where it came from, for --explain: "command line". Name: a key, or a flag with its dashes. */
sl_result settings_set(settings *settings, const char *name, const char *value, const char *origin,
                       failure *failure);

/* "key value", "key=value" or "key: value" a line, '#' comments (spark-defaults.conf). */
sl_result settings_file(settings *settings, const char *path, failure *failure);

/* SLUICE_REDIS_URL is redis.url. Variables of that prefix that name no key are left alone. */
sl_result settings_environment(settings *settings, char **environment, failure *failure);

/*
 * Options from argv[1] on: --flag VALUE, --flag=VALUE, --conf key=value, --properties-file FILE. Files are read first,
 * then the environment, then the other options, whatever their order; before all, flags without a key (--help), so that
 * they are known when something else is wrong. Stops at the first word that is no option, or after "--"; *used is the
 * index where it stopped.
 */
sl_result settings_arguments(settings *settings, int argc, char **argv, int *used, failure *failure);

/* Is --help among the words before "--"? It is never a value, so whoever writes it wants it, whatever else is wrong. */
bool settings_help_asked(int argc, char *const *argv);

bool settings_given(const settings *settings, const char *key);       /* not its default */
const char *settings_text(const settings *settings, const char *key); /* NULL: no value and no default */
int64_t settings_i64(const settings *settings, const char *key);
double settings_f64(const settings *settings, const char *key);
bool settings_flag(const settings *settings, const char *key);
int64_t settings_ms(const settings *settings, const char *key);
size_t settings_bytes(const settings *settings, const char *key);
size_t settings_count(const settings *settings, const char *key); /* of a list */
const char *settings_item(const settings *settings, const char *key, size_t i);
/* (a row without a key is read by its flag: settings_flag(settings, "--detach")) */

/* Every key kept by settings_pass() that begins with `prefix`. */
void settings_each(const settings *settings, const char *prefix,
                   void (*each)(void *argument, const char *key, const char *value), void *argument);

void settings_help(const settings *settings, FILE *out);    /* a line or more per row, under its title */
void settings_explain(const settings *settings, FILE *out); /* key, value (secrets hidden), origin */
/* Each setting with each of its values, in the order of the tables; a secret's value is NULL. URLs may hold passwords: settings_hide(). */
typedef void settings_row(void *argument, const char *name, const char *value, const char *origin);
void settings_list(const settings *settings, settings_row *each, void *argument);
bool settings_is_secret(const char *key); /* password, secret, key, token, ... */
/* The text with "[hidden]" for what stands before the '@' of its URLs; for messages that tell of an address. */
void settings_hide(buffer *out, const char *text);

/* Parsing of single values, also used by option tables. *value is untouched when the answer is not SL_OK. */
sl_result duration_parse(const char *text, int64_t *ms, failure *failure);
sl_result bytes_parse(const char *text, size_t *bytes, failure *failure);
/* An ISO 8601 UTC time, "2026-11-23T10:00:00Z", with or without a fraction. */
sl_result time_parse(const char *text, int64_t *ms, failure *failure);

/* The nearest of the words by edit distance, or NULL when none is near. */
const char *nearest_word(const char *word, const char *const *words, size_t count);

#endif
