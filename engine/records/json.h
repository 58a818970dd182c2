/*
 * records/json.h - JSON that is read rather than printed: small objects, off the way of records.
 */
#ifndef RECORDS_JSON_H
#define RECORDS_JSON_H

#include <sluice/types.h>

/*
 * Hands out the fields of an object, numbers as they are written, in order; a null is no field. False, without any call,
 * when the text is no object or one of its values is no text, number or null. Texts are gone when `each` returns.
 */
bool json_fields(const char *json, void (*each)(void *argument, sl_text name, sl_text value), void *argument);

/*
 * Hands out the numbers of an object of objects, as {"realtime":{"0":23,"1":-2}}: names of both, and the whole number. False,
 * without any call, when the text is anything else.
 */
typedef void json_each_number(void *argument, const char *outer, const char *inner, int64_t number);
bool json_numbers(const char *json, json_each_number *each, void *argument);

#endif
