/*
 * base/settings_read.c - settings from a properties file, the environment and the command line. An empty variable counts
 * as none: service files often pass on what nobody has set.
 */
#include <base/disk.h>
#include <base/settings_rows.h>
#include <errno.h>
#include <unistd.h>

typedef struct option {
    setting_entry *entry;
    const char *name, *value;
} option;

typedef struct arguments {
    int count, at;
    char **words;
} arguments;

static sl_result line_set(settings *settings, char *line, const char *path, failure *failure);
static sl_result options_take(settings *settings, arguments *arguments, bool early, failure *failure);
static sl_result option_read(settings *settings, arguments *arguments, option *option, failure *failure);
static sl_result option_set(settings *settings, const option *option, failure *failure);
static bool option_is_early(const setting_entry *entry);
static sl_result conf_set(settings *settings, const char *text, failure *failure);
static const char *variable_find(char **environment, const char *name);

static const char *const blanks = " \t\r\f\v";

sl_result settings_file(settings *settings, const char *path, failure *failure)
{
    buffer text = { 0 };
    struct failure why = { 0 };
    if (access(path, R_OK) < 0)
        return fail(failure, SL_USAGE, "reading settings from %s: %s", path, strerror(errno));
    if (disk_read(path, &text, &why) != SL_OK) {
        buffer_done(&text);
        return fail(failure, SL_USAGE, "%s", why.text);
    }
    buffer_byte(&text, '\0');
    sl_result result = SL_OK;
    char *line = text.at + (strncmp(text.at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
    if (strlen(text.at) + 1 != text.size)
        result = fail(failure, SL_USAGE, "%s is no text: it holds a zero byte", path);
    for (size_t number = 1; line && result == SL_OK; number++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (line_set(settings, line, path, &why) != SL_OK)
            result = fail(failure, why.result, "%s, line %zu: %s", path, number, why.text);
        line = end ? end + 1 : NULL;
    }
    buffer_done(&text);
    return result;
}

sl_result settings_environment(settings *settings, char **environment, failure *failure)
{
    struct failure why = { 0 };
    buffer name = { 0 };
    sl_result result = SL_OK;
    for (size_t i = 0; i < settings->count && result == SL_OK; i++) {
        setting_entry *entry = &settings->entries[i];
        if (entry->row.key == NULL)
            continue;
        name.size = 0;
        variable_name(&name, entry->row.key);
        buffer_byte(&name, '\0');
        const char *value = variable_find(environment, name.at);
        if (value && *value && entry_set(settings, entry, value, "environment", &why) != SL_OK)
            result = fail(failure, why.result, "%s in the environment: %s", name.at, why.text);
    }
    buffer_done(&name);
    return result;
}

sl_result settings_arguments(settings *settings, int argc, char **argv, int *used, failure *failure)
{
    if (settings->fault.result != SL_OK)
        return fail(failure, settings->fault.result, "%s", settings->fault.text);
    arguments early = { .count = argc, .at = 1, .words = argv }, late = early;
    sl_result result = options_take(settings, &early, true, failure);
    *used = early.at;
    SL_TRY(result);
    SL_TRY(settings_environment(settings, environ, failure));
    return options_take(settings, &late, false, failure);
}

bool settings_help_asked(int argc, char *const *argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

void variable_name(buffer *out, const char *key)
{
    buffer_text(out, "SLUICE_");
    for (; *key; key++) {
        bool small = *key >= 'a' && *key <= 'z';
        buffer_byte(out, small ? (char)(*key - ('a' - 'A')) : *key == '.' || *key == '-' ? '_' : *key);
    }
}

/* "key value", "key=value", "key: value"; what follows the key's end is all value, '#' too. */
static sl_result line_set(settings *settings, char *line, const char *path, failure *failure)
{
    line += strspn(line, blanks);
    if (*line == '\0' || *line == '#')
        return SL_OK;
    char *end = line + strlen(line);
    while (strchr(blanks, end[-1]))
        *--end = '\0';
    size_t size = strcspn(line, " \t\r\f\v=:");
    char *value = line + size + strspn(line + size, blanks);
    bool marked = *value == '=' || *value == ':';
    value += marked;
    value += strspn(value, blanks);
    if (size == 0)
        return fail(failure, SL_USAGE, "the line begins with no key; write: key value");
    line[size] = '\0';
    if (*value == '\0' && !marked)
        return fail(failure, SL_USAGE, "%s has no value; write: %s VALUE", line, line);
    if (*line == '-')
        return fail(failure, SL_USAGE, "%s is an option for the command line; write its key", line);
    return settings_set(settings, line, value, path, failure);
}

static sl_result options_take(settings *settings, arguments *arguments, bool early, failure *failure)
{
    while (arguments->at < arguments->count) {
        const char *word = arguments->words[arguments->at];
        option option = { 0 };
        if (word[0] != '-' || word[1] == '\0')
            break;
        arguments->at++;
        if (strcmp(word, "--") == 0)
            break;
        SL_TRY(option_read(settings, arguments, &option, failure));
        if (option_is_early(option.entry) == early)
            SL_TRY(option_set(settings, &option, failure));
    }
    return SL_OK;
}

/* The option whose first word was just passed. What follows '=' may be a secret: it is in no message. */
static sl_result option_read(settings *settings, arguments *arguments, option *option, failure *failure)
{
    const char *word = arguments->words[arguments->at - 1], *equals = strchr(word, '=');
    char *name = arena_copy(&settings->texts, word, strlen(word) + 1);
    if (equals)
        name[equals - word] = '\0';
    option->name = name;
    option->entry = settings_find(settings, name);
    option->value = equals ? equals + 1 : NULL;
    if (option->entry == NULL)
        return settings_set(settings, name, "", "", failure); /* says what was meant */
    if (equals)
        return SL_OK;
    const setting *row = &option->entry->row;
    const char *next = arguments->at < arguments->count ? arguments->words[arguments->at] : NULL;
    if (row->kind == SETTING_FLAG) {
        option->value = "true";
        return SL_OK;
    }
    if (next == NULL || strncmp(next, "--", 2) == 0)
        return fail(failure, SL_USAGE, "%s needs a value: %s %s", name, name,
                    row->value ? row->value : "VALUE");
    option->value = next;
    arguments->at++;
    return SL_OK;
}

static sl_result option_set(settings *settings, const option *option, failure *failure)
{
    if (strcmp(option->name, SETTINGS_CONF) == 0)
        return conf_set(settings, option->value, failure);
    if (strcmp(option->name, SETTINGS_FILE) == 0)
        return settings_file(settings, option->value, failure);
    return settings_set(settings, option->name, option->value, "command line", failure);
}

static bool option_is_early(const setting_entry *entry)
{
    const setting *row = &entry->row;
    return row->key == NULL && (row->kind == SETTING_FLAG || strcmp(row->flag, SETTINGS_FILE) == 0);
}

static sl_result conf_set(settings *settings, const char *text, failure *failure)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || *text == '-')
        return fail(failure, SL_USAGE, SETTINGS_CONF " takes key=value, as in batch.interval=2s");
    char *key = arena_copy(&settings->texts, text, strlen(text) + 1);
    key[equals - text] = '\0';
    return settings_set(settings, key, equals + 1, "command line", failure);
}

static const char *variable_find(char **environment, const char *name)
{
    size_t size = strlen(name);
    for (; environment && *environment; environment++)
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    return NULL;
}
