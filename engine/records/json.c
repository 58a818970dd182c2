/*
 * records/json.c - the only place among the records that knows json-c.
 */
#include <json-c/json.h>
#include <records/json.h>
#include <string.h>

static json_object *object_parse(const char *json)
{
    json_tokener *tokener = json_tokener_new();
    if (tokener == NULL)
        return NULL;
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json_object *parsed = json_tokener_parse_ex(tokener, json, -1);
    bool whole = json_tokener_get_error(tokener) == json_tokener_success &&
                 json_object_is_type(parsed, json_type_object);
    json_tokener_free(tokener);
    if (whole)
        return parsed;
    json_object_put(parsed);
    return NULL;
}

static bool value_is_plain(json_object *value)
{
    json_type type = json_object_get_type(value);
    return type == json_type_string || type == json_type_int || type == json_type_double ||
           type == json_type_null;
}

static sl_text value_text(json_object *value)
{
    const char *text = json_object_get_string(value);
    bool string = json_object_is_type(value, json_type_string);
    return (sl_text){ text, string ? (size_t)json_object_get_string_len(value) : strlen(text) };
}

bool json_fields(const char *json, void (*each)(void *argument, sl_text name, sl_text value), void *argument)
{
    json_object *object = object_parse(json);
    bool plain = object != NULL;
    if (plain) {
        json_object_object_foreach(object, name, value)
        {
            (void)name;
            plain = plain && value_is_plain(value);
        }
    }
    if (plain) {
        json_object_object_foreach(object, key, field)
        {
            if (field)
                each(argument, (sl_text){ key, strlen(key) }, value_text(field));
        }
    }
    json_object_put(object);
    return plain;
}

static bool value_is_numbers(json_object *value)
{
    bool plain = json_object_is_type(value, json_type_object);
    if (plain) {
        json_object_object_foreach(value, name, number)
        {
            (void)name;
            plain = plain && json_object_is_type(number, json_type_int);
        }
    }
    return plain;
}

bool json_numbers(const char *json, json_each_number *each, void *argument)
{
    json_object *object = object_parse(json);
    bool plain = object != NULL;
    if (plain) {
        json_object_object_foreach(object, name, value)
        {
            (void)name;
            plain = plain && value_is_numbers(value);
        }
    }
    if (plain) {
        json_object_object_foreach(object, outer, numbers)
        {
            json_object_object_foreach(numbers, inner, number)
            {
                each(argument, outer, inner, json_object_get_int64(number));
            }
        }
    }
    json_object_put(object);
    return plain;
}
