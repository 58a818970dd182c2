/*
 * cli/json.h - what an object of JSON holds under a name, and what stands for it when it is not there.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <base/buffer.h>
#include <json-c/json.h>
#include <stdint.h>

int64_t json_number(json_object *object, const char *name, int64_t usual);
double json_fraction(json_object *object, const char *name); /* 0: not there */
const char *json_words(json_object *object,
                       const char *name); /* "": not there; lives as long as the object */
json_object *json_member(json_object *object, const char *name); /* NULL: not there; the object's */

/* The object that the bytes are, or NULL; json_object_put() it. */
json_object *json_read(const char *at, size_t size);

#endif
