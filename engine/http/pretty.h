/*
 * http/pretty.h - JSON laid out as Spark's REST lays it out (Jackson's default printer), for clients that compare texts.
 *
 *     [ {
 *       "id" : "listens",
 *       "attempts" : [ {
 *         "duration" : 0
 *       } ]
 *     } ]
 */
#ifndef HTTP_PRETTY_H
#define HTTP_PRETTY_H

#include <base/buffer.h>

enum { PRETTY_DEPTH_MAX = 8 };

typedef struct pretty {
    buffer *out;
    unsigned depth, objects;       /* open ones: of both kinds, and objects */
    bool filled[PRETTY_DEPTH_MAX]; /* something stands in it */
} pretty;

/* In an object each value has a name; in an array, and at the top, it is NULL. */
void pretty_object(pretty *pretty, const char *name);
void pretty_object_end(pretty *pretty);
void pretty_array(pretty *pretty, const char *name);
void pretty_array_end(pretty *pretty);
void pretty_text(pretty *pretty, const char *name, const char *value);
void pretty_number(pretty *pretty, const char *name, int64_t value);
void pretty_real(pretty *pretty, const char *name, double value); /* as Java prints a double */
void pretty_flag(pretty *pretty, const char *name, bool value);
void pretty_date(pretty *pretty, const char *name, int64_t ms); /* "2015-05-06T13:03:00.893GMT" */

#endif
