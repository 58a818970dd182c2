/*
 * tests/docker/panels.c - reads saved objects. A visualization keeps what it asks as JSON in a string, and its index as a
 * reference to an index pattern of the same file.
 */
#include <docker/panels.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_object *keep(panels *panels, json_object *object);
static const char *index_of(const panels *panels, size_t first, json_object *visualization);

void panels_read(panels *panels, const char *path)
{
    size_t first = panels->kept_count, room = 0;
    char *line = NULL;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (getline(&line, &room, file) > 0) {
        json_object *object = json_tokener_parse(line);
        if (object == NULL)
            fail_msg("%s: no JSON: %.60s", path, line);
        keep(panels, object);
    }
    free(line);
    fclose(file);
    size_t last = panels->kept_count;
    for (size_t i = first; i < last; i++) {
        json_object *object = panels->kept[i];
        if (strcmp(json_text_at(object, "type"), "visualization") != 0)
            continue;
        json_object *state = keep(panels, json_tokener_parse(json_text_at(object, "attributes.visState")));
        json_object *search = keep(panels, json_tokener_parse(json_text_at(
                                               object, "attributes.kibanaSavedObjectMeta.searchSourceJSON")));
        assert_true(panels->count < PANELS_MAX);
        panels->at[panels->count++] = (panel){ .title = json_text_at(object, "attributes.title"),
                                               .index = index_of(panels, first, object),
                                               .query = json_text_at(search, "query.query"),
                                               .aggs = json_at(state, "aggs") };
    }
}

static void one_read(void *argument, const char *path)
{
    panels_read(argument, path);
}

void panels_read_all(panels *panels)
{
    docker_files("kibana", ".ndjson", one_read, panels);
}

void panels_done(panels *panels)
{
    for (size_t i = 0; i < panels->kept_count; i++)
        json_object_put(panels->kept[i]);
    *panels = (struct panels){ 0 };
}

void docker_files(const char *folder, const char *ending, void (*each)(void *argument, const char *path),
                  void *argument)
{
    char pattern[200];
    glob_t found;
    snprintf(pattern, sizeof pattern, "docker/%s/*%s", folder, ending);
    if (glob(pattern, 0, NULL, &found) != 0)
        fail_msg("there is no %s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++)
        each(argument, found.gl_pathv[i]);
    globfree(&found);
}

json_object *template_read(const char *index, json_object **whole)
{
    char path[200];
    snprintf(path, sizeof path, "docker/elasticsearch/%.*s.json", (int)strcspn(index, "*"), index);
    *whole = json_object_from_file(path);
    return json_at(*whole, "template.mappings.properties");
}

json_object *json_at(json_object *object, const char *path)
{
    while (object && *path) {
        char name[80];
        size_t size = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)size, path);
        if (!json_object_is_type(object, json_type_object) ||
            !json_object_object_get_ex(object, name, &object))
            return NULL;
        path += size + (path[size] == '.');
    }
    return object;
}

const char *json_text_at(json_object *object, const char *path)
{
    json_object *found = json_at(object, path);
    return found ? json_object_get_string(found) : "";
}

static json_object *keep(panels *panels, json_object *object)
{
    assert_non_null(object);
    assert_true(panels->kept_count < sizeof panels->kept / sizeof *panels->kept);
    return panels->kept[panels->kept_count++] = object;
}

/* The title of the index pattern that it refers to; "" when it refers to none. */
static const char *index_of(const panels *panels, size_t first, json_object *visualization)
{
    json_object *references = json_at(visualization, "references");
    for (size_t i = 0; i < json_object_array_length(references); i++) {
        json_object *reference = json_object_array_get_idx(references, i);
        for (size_t j = first; j < panels->kept_count; j++)
            if (strcmp(json_text_at(panels->kept[j], "type"), "index-pattern") == 0 &&
                strcmp(json_text_at(panels->kept[j], "id"), json_text_at(reference, "id")) == 0)
                return json_text_at(panels->kept[j], "attributes.title");
    }
    return "";
}
