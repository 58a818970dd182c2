/*
 * base/settings.c - the rows and their values: added, looked up, set, read.
 *
 * A value is checked when it is set, defaults when their row is added, so that reading one cannot fail. Reading a setting
 * that is in no table, or as another kind, is a bug and ends the process.
 */
#include <base/memory.h>
#include <base/settings_rows.h>
#include <stdlib.h>

static void entry_add(settings *settings, const char *title, const setting *row);
static const char *text_keep(settings *settings, const char *text);
static bool flag_is_named(const char *flags, const char *name);
static sl_result name_unknown(const settings *settings, const char *name, failure *failure);
static const char *name_nearest(const settings *settings, const char *name, bool flags);
static bool key_is_passed(const settings *settings, const char *key);
static passed_value *passed_find(const settings *settings, const char *key);
static void passed_set(settings *settings, const char *key, const char *value, const char *origin);
static const setting_entry *entry_get(const settings *settings, const char *key);
static const setting_entry *entry_of_kind(const settings *settings, const char *key, setting_kind kind);
static void *array_room(void *at, size_t count, size_t *room, size_t size);

static const setting built_in[] = {
    { NULL, SETTINGS_CONF, SETTING_LIST, NULL, NULL, NULL, "KEY=VALUE", "sets any setting by its key" },
    { NULL, SETTINGS_FILE, SETTING_LIST, NULL, NULL, NULL, "FILE", "reads settings, a \"key value\" a line" },
    { 0 }
};

settings *settings_new(void)
{
    settings *settings = memory_new(sizeof *settings);
    settings_add(settings, "Settings", built_in);
    return settings;
}

void settings_free(settings *settings)
{
    if (settings == NULL)
        return;
    for (size_t i = 0; i < settings->count; i++)
        free(settings->entries[i].values);
    free(settings->entries);
    free(settings->passed);
    free(settings->prefixes);
    arena_done(&settings->texts);
    free(settings);
}

void settings_add(settings *settings, const char *title, const setting *rows)
{
    const char *kept = text_keep(settings, title);
    for (; rows->key || rows->flag; rows++)
        entry_add(settings, kept, rows);
}

void settings_pass(settings *settings, const char *prefix)
{
    settings->prefixes =
        array_room(settings->prefixes, settings->prefix_count, &settings->prefix_room, sizeof(char *));
    settings->prefixes[settings->prefix_count++] = text_keep(settings, prefix);
}

sl_result settings_set(settings *settings, const char *name, const char *value, const char *origin,
                       failure *failure)
{
    struct failure why = { 0 };
    setting_entry *entry = settings_find(settings, name);
    if (settings->fault.result != SL_OK)
        return fail(failure, settings->fault.result, "%s", settings->fault.text);
    if (entry == NULL && key_is_passed(settings, name)) {
        passed_set(settings, name, value, origin);
        return SL_OK;
    }
    if (entry == NULL)
        return name_unknown(settings, name, failure);
    if (entry_set(settings, entry, value, origin, &why) != SL_OK)
        return fail(failure, why.result, "%s: %s", name, why.text);
    return SL_OK;
}

/* A list grows as long as its values come from one origin; one of another origin replaces them all. */
sl_result entry_set(settings *settings, setting_entry *entry, const char *value, const char *origin,
                    failure *failure)
{
    SL_TRY(value_check(&entry->row, value, &entry->number, failure));
    bool goes_on = entry->row.kind == SETTING_LIST && entry->origin && strcmp(entry->origin, origin) == 0;
    if (!goes_on)
        entry->count = 0;
    entry->values = array_room(entry->values, entry->count, &entry->room, sizeof(char *));
    entry->values[entry->count++] = text_keep(settings, value);
    entry->origin = text_keep(settings, origin);
    return SL_OK;
}

setting_entry *settings_find(const settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->count; i++) {
        const setting *row = &settings->entries[i].row;
        if (name[0] == '-' ? flag_is_named(row->flag, name) : row->key && strcmp(row->key, name) == 0)
            return &settings->entries[i];
    }
    return NULL;
}

bool settings_given(const settings *settings, const char *key)
{
    if (settings_find(settings, key) == NULL && key_is_passed(settings, key))
        return passed_find(settings, key) != NULL;
    return entry_get(settings, key)->origin != NULL;
}

/* Of a list the last value. */
const char *settings_text(const settings *settings, const char *key)
{
    const setting_entry *entry = settings_find(settings, key);
    const passed_value *passed = passed_find(settings, key);
    if (entry == NULL && key_is_passed(settings, key))
        return passed ? passed->value : NULL;
    entry = entry_get(settings, key);
    return entry->count ? entry->values[entry->count - 1] : NULL;
}

int64_t settings_i64(const settings *settings, const char *key)
{
    return entry_of_kind(settings, key, SETTING_I64)->number.i64;
}

double settings_f64(const settings *settings, const char *key)
{
    return entry_of_kind(settings, key, SETTING_F64)->number.f64;
}

bool settings_flag(const settings *settings, const char *key)
{
    return entry_of_kind(settings, key, SETTING_FLAG)->number.i64 != 0;
}

int64_t settings_ms(const settings *settings, const char *key)
{
    return entry_of_kind(settings, key, SETTING_DURATION)->number.i64;
}

size_t settings_bytes(const settings *settings, const char *key)
{
    return (size_t)entry_of_kind(settings, key, SETTING_SIZE)->number.i64;
}

size_t settings_count(const settings *settings, const char *key)
{
    return entry_of_kind(settings, key, SETTING_LIST)->count;
}

const char *settings_item(const settings *settings, const char *key, size_t i)
{
    const setting_entry *entry = entry_of_kind(settings, key, SETTING_LIST);
    sl_expect(i < entry->count);
    return entry->values[i];
}

void settings_each(const settings *settings, const char *prefix,
                   void (*each)(void *argument, const char *key, const char *value), void *argument)
{
    for (size_t i = 0; i < settings->passed_count; i++)
        if (strncmp(settings->passed[i].key, prefix, strlen(prefix)) == 0)
            each(argument, settings->passed[i].key, settings->passed[i].value);
}

static void entry_add(settings *settings, const char *title, const setting *row)
{
    struct failure why = { 0 };
    const char *name = row->flag ? row->flag : row->key;
    bool taken =
        (row->key && settings_find(settings, row->key)) || (row->flag && settings_find(settings, row->flag));
    settings->entries =
        array_room(settings->entries, settings->count, &settings->room, sizeof(setting_entry));
    setting_entry *entry = &settings->entries[settings->count++];
    *entry = (setting_entry){ .title = title, .row = *row };
    const char **texts[] = { &entry->row.key,  &entry->row.flag,  &entry->row.usual, &entry->row.least,
                             &entry->row.most, &entry->row.value, &entry->row.help };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = text_keep(settings, *texts[i]);
    if (taken)
        fail(&settings->fault, SL_USAGE, "two settings are called %s; rename that of \"%s\"", name, title);
    if (row->usual && entry_set(settings, entry, row->usual, "default", &why) != SL_OK)
        fail(&settings->fault, SL_USAGE, "the default of %s: %s", name, why.text);
    entry->origin = NULL;
}

static const char *text_keep(settings *settings, const char *text)
{
    return text ? arena_copy(&settings->texts, text, strlen(text) + 1) : NULL;
}

/* Flags are one name or several: "-v, --verbose". */
static bool flag_is_named(const char *flags, const char *name)
{
    while (flags && *flags) {
        size_t size = strcspn(flags, ", ");
        if (strlen(name) == size && memcmp(flags, name, size) == 0)
            return true;
        flags += size + strspn(flags + size, ", ");
    }
    return false;
}

static sl_result name_unknown(const settings *settings, const char *name, failure *failure)
{
    bool flag = name[0] == '-';
    const char *what = flag ? "option" : "setting", *nearest = name_nearest(settings, name, flag);
    if (nearest)
        return fail(failure, SL_USAGE, "unknown %s %s; did you mean %s?", what, name, nearest);
    nearest = flag ? name_nearest(settings, name + strspn(name, "-"), false) : NULL;
    if (nearest)
        return fail(failure, SL_USAGE, "unknown option %s; did you mean " SETTINGS_CONF " %s=VALUE?", name,
                    nearest);
    return fail(failure, SL_USAGE, "unknown %s %s; --help lists them all", what, name);
}

/* Among the flags or the keys. */
static const char *name_nearest(const settings *settings, const char *name, bool flags)
{
    size_t count = 0;
    const char **names = memory_new((settings->count + 1) * sizeof *names);
    for (size_t i = 0; i < settings->count; i++) {
        const setting *row = &settings->entries[i].row;
        const char *last = row->flag ? strrchr(row->flag, ' ') : NULL; /* of "-v, --verbose" the long one */
        const char *candidate = !flags ? row->key : last ? last + 1 : row->flag;
        if (candidate)
            names[count++] = candidate;
    }
    const char *nearest = nearest_word(name, names, count);
    free(names);
    return nearest;
}

static bool key_is_passed(const settings *settings, const char *key)
{
    for (size_t i = 0; i < settings->prefix_count; i++)
        if (strncmp(key, settings->prefixes[i], strlen(settings->prefixes[i])) == 0)
            return true;
    return false;
}

static passed_value *passed_find(const settings *settings, const char *key)
{
    for (size_t i = 0; i < settings->passed_count; i++)
        if (strcmp(settings->passed[i].key, key) == 0)
            return &settings->passed[i];
    return NULL;
}

static void passed_set(settings *settings, const char *key, const char *value, const char *origin)
{
    passed_value *passed = passed_find(settings, key);
    if (passed == NULL) {
        settings->passed =
            array_room(settings->passed, settings->passed_count, &settings->passed_room, sizeof *passed);
        passed = &settings->passed[settings->passed_count++];
        passed->key = text_keep(settings, key);
    }
    passed->value = text_keep(settings, value);
    passed->origin = text_keep(settings, origin);
}

static const setting_entry *entry_get(const settings *settings, const char *key)
{
    const setting_entry *entry = settings_find(settings, key);
    if (entry == NULL) {
        fprintf(stderr, "sluice: no table has the setting %s\n", key);
        sl_expect(entry != NULL);
    }
    return entry;
}

static const setting_entry *entry_of_kind(const settings *settings, const char *key, setting_kind kind)
{
    const setting_entry *entry = entry_get(settings, key);
    if (entry->row.kind != kind) {
        fprintf(stderr, "sluice: the setting %s is of another kind\n", key);
        sl_expect(entry->row.kind == kind);
    }
    return entry;
}

/* Makes room for one more of `size` bytes. */
static void *array_room(void *at, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return at;
    *room = *room ? *room * 2 : 8;
    return memory_resize(at, *room * size);
}
