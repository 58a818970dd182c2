/*
 * tests/docker/panels.h - the panels of docker/kibana: each visualization with its index and what it asks of it, out of the
 * saved objects as Kibana reads them.
 */
#ifndef TESTS_DOCKER_PANELS_H
#define TESTS_DOCKER_PANELS_H

#include <json-c/json.h>
#include <stddef.h>

enum { PANELS_MAX = 64 };

typedef struct panel {
    const char *title, *index, *query; /* query: KQL, "" for none */
    json_object *aggs;                 /* an array; of each "id", "type", "schema" and "params" */
} panel;

typedef struct panels {
    panel at[PANELS_MAX];
    size_t count;
    json_object *kept[PANELS_MAX * 4]; /* what they point into */
    size_t kept_count;
} panels;

/* Of one file; asserts that it can be read. */
void panels_read(panels *panels, const char *path);
void panels_read_all(panels *panels);
void panels_done(panels *panels);

/* Calls `each` for the files NAME.json (or another ending) of a folder, in order of name; asserts that there are any. */
void docker_files(const char *folder, const char *ending, void (*each)(void *argument, const char *path),
                  void *argument);

/* "properties" of the template of an index, from docker/elasticsearch; NULL when there is none. Put the whole away. */
json_object *template_read(const char *index, json_object **whole);

/* The member at a path "a.b.c", NULL when one is missing. */
json_object *json_at(json_object *object, const char *path);
const char *json_text_at(json_object *object, const char *path); /* "" when missing */

#endif
