/*
 * cli/json.c - members of JSON objects by name.
 */
#include <cli/json.h>

json_object *json_member(json_object *object, const char *name)
{
    json_object *value = NULL;
    if (json_object_is_type(object, json_type_object))
        json_object_object_get_ex(object, name, &value);
    return value;
}

int64_t json_number(json_object *object, const char *name, int64_t usual)
{
    json_object *value = json_member(object, name);
    return value ? json_object_get_int64(value) : usual;
}

double json_fraction(json_object *object, const char *name)
{
    json_object *value = json_member(object, name);
    return value ? json_object_get_double(value) : 0;
}

const char *json_words(json_object *object, const char *name)
{
    json_object *value = json_member(object, name);
    return value ? json_object_get_string(value) : "";
}

json_object *json_read(const char *at, size_t size)
{
    json_tokener *tokener = json_tokener_new();
    json_object *object = tokener && size < INT32_MAX ? json_tokener_parse_ex(tokener, at, (int)size) : NULL;
    json_tokener_free(tokener);
    if (json_object_is_type(object, json_type_object))
        return object;
    json_object_put(object);
    return NULL;
}
