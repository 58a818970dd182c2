/*
 * records/json_read.c - JSON objects as records, member by member. json-c builds the object; a parser of its own for each
 * thread spares it from being made for every record.
 */
#include <base/failure.h>
#include <json-c/json.h>
#include <math.h>
#include <pthread.h>
#include <records/fill.h>
#include <records/read.h>

static pthread_key_t tokeners; /* by thread */
static pthread_once_t tokeners_once = PTHREAD_ONCE_INIT;

static void tokener_free(void *tokener)
{
    json_tokener_free(tokener);
}

static void tokeners_begin(void)
{
    sl_expect(pthread_key_create(&tokeners, tokener_free) == 0);
}

static json_tokener *tokener_own(void)
{
    pthread_once(&tokeners_once, tokeners_begin);
    json_tokener *tokener = pthread_getspecific(tokeners);
    if (tokener)
        return tokener;
    tokener = json_tokener_new();
    sl_expect(tokener);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    pthread_setspecific(tokeners, tokener);
    return tokener;
}

/* NULL: the text is no object and nothing else. */
static json_object *object_read(sl_text text)
{
    json_tokener *tokener = tokener_own();
    json_tokener_reset(tokener);
    if (text.size > INT32_MAX)
        return NULL;
    json_object *object = json_tokener_parse_ex(tokener, text.at, (int)text.size);
    bool whole = json_tokener_get_error(tokener) == json_tokener_success &&
                 json_object_is_type(object, json_type_object);
    size_t end = json_tokener_get_parse_end(tokener);
    while (end < text.size && strchr(" \t\r\n", text.at[end]) && text.at[end])
        end++;
    if (whole && end == text.size)
        return object;
    json_object_put(object);
    return NULL;
}

/* Of the text that was read last. */
static const char *object_fault(void)
{
    enum json_tokener_error error = json_tokener_get_error(tokener_own());
    if (error == json_tokener_success)
        return "no object, or more than one";
    return error == json_tokener_continue ? "the text ends too early" : json_tokener_error_desc(error);
}

static bool text_take(sl_task *task, json_object *value, sl_text *text)
{
    if (!json_object_is_type(value, json_type_string))
        return false;
    size_t size = (size_t)json_object_get_string_len(value);
    char *copy = sl_batch_memory(task, size + 1);
    memcpy(copy, json_object_get_string(value), size);
    *text = (sl_text){ copy, size };
    return true;
}

static bool whole_take(const sl_field *field, json_object *value, void *row)
{
    int64_t number = json_object_get_int64(value);
    bool fits = json_object_is_type(value, json_type_int) &&
                (number < INT64_MAX || json_object_get_uint64(value) == INT64_MAX);
    char *at = (char *)row + field->offset;
    if (!fits || (field->kind == SL_KIND_i32 && (number < INT32_MIN || number > INT32_MAX)))
        return false;
    if (field->kind == SL_KIND_i32)
        memcpy(at, &(int32_t){ (int32_t)number }, sizeof(int32_t));
    else if (field->kind == SL_KIND_maybe_i64)
        memcpy(at, &(sl_maybe_i64){ number, true }, sizeof(sl_maybe_i64));
    else
        memcpy(at, &number, sizeof number);
    return true;
}

static bool fraction_take(json_object *value, double *number)
{
    *number = json_object_get_double(value);
    return (json_object_is_type(value, json_type_double) || json_object_is_type(value, json_type_int)) &&
           isfinite(*number);
}

static bool time_take(const sl_field *field, json_object *value, void *row)
{
    if (!json_object_is_type(value, json_type_string))
        return whole_take(field, value, row);
    return field_fill(
        field, (sl_text){ json_object_get_string(value), (size_t)json_object_get_string_len(value) }, row);
}

static bool member_take(sl_task *task, const sl_field *field, json_object *value, void *row)
{
    void *at = (char *)row + field->offset;
    switch (field->kind) {
    case SL_KIND_text: return text_take(task, value, at);
    case SL_KIND_f64: return fraction_take(value, at);
    case SL_KIND_time: return time_take(field, value, row);
    case SL_KIND_flag:
        *(bool *)at = json_object_get_boolean(value);
        return json_object_is_type(value, json_type_boolean);
    default: return whole_take(field, value, row);
    }
}

static bool members_take(sl_task *task, const sl_message *in, const sl_schema *schema, json_object *object,
                         void *row)
{
    for (size_t i = 0; i < schema->count; i++) {
        const sl_field *field = &schema->fields[i];
        json_object *value = NULL;
        bool may_miss = field->kind == SL_KIND_text || field->kind == SL_KIND_maybe_i64;
        if (!field_can_fill(field)) {
            read_origin(in, field, row);
            continue;
        }
        json_object_object_get_ex(object, field->name, &value);
        if (value == NULL && may_miss)
            continue;
        if (value == NULL)
            return read_refuse(task, in, "missing_field", field, SL_TEXT("null"));
        if (member_take(task, field, value, row))
            continue;
        const char *text =
            json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
        return read_refuse(task, in, read_reason(field), field, (sl_text){ text, strlen(text) });
    }
    return true;
}

bool sl_json_read(sl_task *task, const sl_message *in, const sl_schema *schema, void *row)
{
    if (in->value.at == NULL)
        return sl_reject(task, &in->origin, "null_value", "value");
    json_object *object = object_read(in->value);
    if (object == NULL)
        return sl_reject(task, &in->origin, "bad_json", object_fault());
    bool taken = members_take(task, in, schema, object, row);
    json_object_put(object);
    return taken;
}
