/*
 * base/settings_print.c - settings told to people: --help, --explain, and what must not be told.
 *
 *     Batches:
 *       --interval DURATION             time between batches
 *                                       (default 2s; 1ms to 1d; batch.interval, SLUICE_BATCH_INTERVAL)
 */
#include <base/settings_rows.h>

enum { HELP_COLUMN = 34, HELP_END = 120 };

static void group_print(const settings *settings, const char *title, FILE *out);
static void row_print(const setting *row, FILE *out);
static void help_print(const char *help, FILE *out);
static void head_print(buffer *out, const setting *row);
static void facts_print(buffer *out, const setting *row);
static const char *value_word(const setting *row);
static void value_print(void *argument, const char *name, const char *value, const char *origin);
static bool row_is_secret(const setting *row);
static bool text_holds(const char *text, const char *word);

/* Titles in the order in which they came first; the built-in ones, which were first of all, come last. Where no row has a
 * key there is nothing for them to set. */
void settings_help(const settings *settings, FILE *out)
{
    for (size_t i = 0; i < settings->count; i++) {
        const char *title = settings->entries[i].title;
        bool repeats = strcmp(title, settings->entries[0].title) == 0;
        for (size_t k = 0; k < i && !repeats; k++)
            repeats = strcmp(title, settings->entries[k].title) == 0;
        if (!repeats)
            group_print(settings, title, out);
    }
    for (size_t i = 0; i < settings->count; i++)
        if (settings->entries[i].row.key) {
            group_print(settings, settings->entries[0].title, out);
            return;
        }
}

void settings_list(const settings *settings, settings_row *each, void *argument)
{
    for (size_t i = 0; i < settings->count; i++) {
        const setting_entry *entry = &settings->entries[i];
        const char *name = entry->row.key ? entry->row.key : entry->row.flag;
        bool is_setting = entry->row.key || (entry->row.kind != SETTING_FLAG && entry->count);
        if (!is_setting && entry->origin == NULL)
            continue; /* --help, --conf and the like */
        if (entry->count == 0)
            each(argument, name, "-", "default");
        for (size_t k = 0; k < entry->count; k++)
            each(argument, name, row_is_secret(&entry->row) ? NULL : entry->values[k],
                 entry->origin ? entry->origin : "default");
    }
    for (size_t i = 0; i < settings->passed_count; i++) {
        const passed_value *passed = &settings->passed[i];
        each(argument, passed->key, settings_is_secret(passed->key) ? NULL : passed->value, passed->origin);
    }
}

void settings_explain(const settings *settings, FILE *out)
{
    settings_list(settings, value_print, out);
}

/* Rather a harmless value too many than a secret. "key" and "pem" count as whole parts of a name: "ssl.key.location". */
bool settings_is_secret(const char *key)
{
    static const char *const words[] = {
        "password",  "passphrase",         "passwd", "secret", "token", "jaas", "credential", "sasl.username",
        "user.info", "oauthbearer.config", "apikey"
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (text_holds(key, words[i]))
            return true;
    while (*key) {
        size_t size = strcspn(key, ".-_");
        if (size == 3 && (strncasecmp(key, "key", 3) == 0 || strncasecmp(key, "pem", 3) == 0))
            return true;
        key += size + strspn(key + size, ".-_");
    }
    return false;
}

/*
 * A password may hold any byte, written wrongly even '/' and '@': hidden is all up to the last '@' before a blank or the
 * next URL. A path with an '@' loses its host by that, which does no harm.
 */
void settings_hide(buffer *out, const char *text)
{
    const char *scheme = strstr(text, "://");
    while (scheme) {
        const char *from = scheme + 3, *next = strstr(from, "://"), *end = from, *at = NULL;
        for (; *end && end != next && !strchr(" \t\r\n\"'<>", *end); end++)
            at = *end == '@' ? end : at;
        buffer_append(out, text, (size_t)(from - text));
        if (at)
            buffer_text(out, "[hidden]");
        text = at ? at : from;
        scheme = next;
    }
    buffer_text(out, text);
}

static void group_print(const settings *settings, const char *title, FILE *out)
{
    fprintf(out, "%s:\n", title);
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->entries[i].title, title) == 0)
            row_print(&settings->entries[i].row, out);
    fputc('\n', out);
}

static void row_print(const setting *row, FILE *out)
{
    buffer head = { 0 }, facts = { 0 };
    head_print(&head, row);
    facts_print(&facts, row);
    fprintf(out, "  %.*s", (int)head.size, head.at);
    if (head.size + 4 > HELP_COLUMN)
        fprintf(out, "\n%*s", HELP_COLUMN, "");
    else
        fprintf(out, "%*s", HELP_COLUMN - 2 - (int)head.size, "");
    help_print(row->help ? row->help : "", out);
    if (facts.size)
        fprintf(out, "%*s(%.*s)\n", HELP_COLUMN, "", (int)facts.size, facts.at);
    buffer_done(&head);
    buffer_done(&facts);
}

/* Lines that end before HELP_END, where there is a blank to break them at. */
static void help_print(const char *help, FILE *out)
{
    while (strlen(help) > HELP_END - HELP_COLUMN) {
        const char *blank = help + HELP_END - HELP_COLUMN;
        while (blank > help && *blank != ' ')
            blank--;
        if (blank == help)
            break;
        fprintf(out, "%.*s\n%*s", (int)(blank - help), help, HELP_COLUMN, "");
        help = blank + 1;
    }
    fprintf(out, "%s\n", help);
}

static void head_print(buffer *out, const setting *row)
{
    if (row->flag && row->kind == SETTING_FLAG)
        buffer_text(out, row->flag);
    else if (row->flag)
        buffer_print(out, "%s %s", row->flag, value_word(row));
    else
        buffer_print(out, SETTINGS_CONF " %s=%s", row->key, value_word(row));
}

/* Facts that there are, parted by "; ". */
static void facts_print(buffer *out, const setting *row)
{
    bool tells_usual = row->usual && !(row->kind == SETTING_FLAG && strcmp(row->usual, "false") == 0);
    if (tells_usual)
        buffer_print(out, "default %s; ", row->usual);
    size_t before = out->size;
    range_print(out, row);
    if (out->size > before)
        buffer_text(out, "; ");
    if (row->kind == SETTING_LIST)
        buffer_text(out, "may be repeated; ");
    if (row->key) {
        buffer_print(out, "%s, ", row->key);
        variable_name(out, row->key);
    } else if (out->size) {
        out->size -= 2;
    }
}

static const char *value_word(const setting *row)
{
    static const char *const words[] = { [SETTING_TEXT] = "TEXT",         [SETTING_I64] = "N",
                                         [SETTING_F64] = "NUMBER",        [SETTING_FLAG] = "true|false",
                                         [SETTING_DURATION] = "DURATION", [SETTING_SIZE] = "SIZE",
                                         [SETTING_CHOICE] = "CHOICE",     [SETTING_LIST] = "TEXT" };
    return row->value ? row->value : words[row->kind];
}

/* A NULL value is a secret. */
static void value_print(void *argument, const char *name, const char *value, const char *origin)
{
    buffer shown = { 0 };
    settings_hide(&shown, value ? value : "[hidden]");
    buffer_byte(&shown, '\0');
    fprintf((FILE *)argument, "%-32s  %-32s  %s\n", name, shown.at, origin);
    buffer_done(&shown);
}

/* A number tells nothing: "token.ttl 5min" may be shown. */
static bool row_is_secret(const setting *row)
{
    bool tells = row->kind == SETTING_TEXT || row->kind == SETTING_LIST;
    return tells &&
           ((row->key && settings_is_secret(row->key)) || (row->flag && settings_is_secret(row->flag)));
}

static bool text_holds(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}
