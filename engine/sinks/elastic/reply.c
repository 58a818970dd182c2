/*
 * sinks/elastic/reply.c - answers are read with json-c, except the usual one, which says that nothing went wrong: it is
 * recognized by its bytes. Answers that do not hold what they should count as cut short: nobody knows then what was done.
 */
#include <json-c/json.h>
#include <limits.h>
#include <sinks/elastic/reply.h>
#include <stdio.h>
#include <string.h>

static struct json_object *body_parse(sl_text body);
static struct json_object *member(struct json_object *of, const char *name, enum json_type type);
static struct json_object *item_result(struct json_object *items, size_t i);
static void why_print(char *text, size_t size, const char *type, const char *reason);
static void text_cut(char *text);

/* Inside a JSON string the quotes would be escaped: these bytes can only be the member itself. */
bool reply_is_all_fine(sl_text body)
{
    static const char fine[] = "\"errors\":false";
    while (body.size && strchr(" \r\n", body.at[body.size - 1]))
        body.size--;
    return body.size && body.at[body.size - 1] == '}' && memmem(body.at, body.size, fine, sizeof fine - 1);
}

reply *reply_parse(sl_text body, size_t count)
{
    struct json_object *root = body_parse(body);
    struct json_object *items = member(root, "items", json_type_array);
    bool whole = items && json_object_array_length(items) == count;
    for (size_t i = 0; whole && i < count; i++)
        whole = member(item_result(items, i), "status", json_type_int) != NULL;
    if (whole)
        return (reply *)root;
    json_object_put(root);
    return NULL;
}

void reply_free(reply *reply)
{
    json_object_put((struct json_object *)reply);
}

static const char *member_text(struct json_object *of, const char *name)
{
    struct json_object *text = member(of, name, json_type_string);
    return text ? json_object_get_string(text) : "";
}

reply_item reply_item_at(const reply *reply, size_t i)
{
    struct json_object *root = (struct json_object *)(uintptr_t)reply;
    struct json_object *result = item_result(member(root, "items", json_type_array), i);
    struct json_object *error = member(result, "error", json_type_object);
    return (reply_item){ .status = json_object_get_int(member(result, "status", json_type_int)),
                         .type = member_text(error, "type"),
                         .reason = member_text(error, "reason") };
}

void reply_item_why(const reply_item *item, char *text, size_t size)
{
    if (item->type[0])
        why_print(text, size, item->type, item->reason);
    else
        snprintf(text, size, "status %d", item->status);
}

void reply_why(sl_text body, char *text, size_t size)
{
    struct json_object *root = body_parse(body);
    struct json_object *error = member(root, "error", json_type_object);
    if (error)
        why_print(text, size, member_text(error, "type"), member_text(error, "reason"));
    else if (member(root, "error", json_type_string))
        snprintf(text, size, "%s", member_text(root, "error"));
    else
        snprintf(text, size, "%.*s", body.size > 120 ? 120 : (int)body.size, body.at);
    text_cut(text);
    if (text[0] == '\0')
        snprintf(text, size, "no reason given");
    json_object_put(root);
}

/* ---- Helpers ----------------------------------------------------------------------------------------------------- */

static struct json_object *body_parse(sl_text body)
{
    if (body.size == 0 || body.size > INT_MAX)
        return NULL;
    struct json_tokener *tokener = json_tokener_new();
    if (tokener == NULL)
        return NULL;
    struct json_object *root = json_tokener_parse_ex(tokener, body.at, (int)body.size);
    json_tokener_free(tokener);
    return root;
}

static struct json_object *member(struct json_object *of, const char *name, enum json_type type)
{
    struct json_object *found = NULL;
    if (!json_object_is_type(of, json_type_object) || !json_object_object_get_ex(of, name, &found))
        return NULL;
    return json_object_is_type(found, type) ? found : NULL;
}

/* An item is an object of one member, named after its action. */
static struct json_object *item_result(struct json_object *items, size_t i)
{
    struct json_object *item = json_object_array_get_idx(items, i);
    if (!json_object_is_type(item, json_type_object) || json_object_object_length(item) != 1)
        return NULL;
    struct json_object_iterator first = json_object_iter_begin(item);
    return json_object_iter_peek_value(&first);
}

static void why_print(char *text, size_t size, const char *type, const char *reason)
{
    int used = snprintf(text, size, "%s: %s", type, reason);
    if (used >= 0 && (size_t)used >= size)
        text_cut(text);
}

/* A character that was cut through at the end of a full text goes. */
static void text_cut(char *text)
{
    size_t size = strlen(text), start = size;
    while (start && size - start < 4 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)text[start - 1] < 0xC0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t whole = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (size - (start - 1) < whole)
        text[start - 1] = '\0';
}
