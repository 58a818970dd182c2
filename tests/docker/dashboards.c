/*
 * tests/docker/dashboards.c - docker/kibana and docker/elasticsearch among themselves: what a panel asks for is a field of
 * its index' template, of a type that can be asked so, and each file is whole. What the panels answer on real documents is
 * tested in tests/system/dashboards.c.
 */
#include <docker/panels.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- Saved objects ----------------------------------------------------------------------------------------------- */

static bool has_object(const panels *all, const char *type, const char *id)
{
    for (size_t i = 0; i < all->kept_count; i++)
        if (strcmp(json_text_at(all->kept[i], "type"), type) == 0 &&
            strcmp(json_text_at(all->kept[i], "id"), id) == 0)
            return true;
    return false;
}

static void references_lead(void *argument, const char *path)
{
    panels file = { 0 };
    size_t objects = 0;
    (void)argument;
    panels_read(&file, path);
    for (size_t i = 0; i < file.kept_count; i++) {
        json_object *references = json_at(file.kept[i], "references");
        objects += json_at(file.kept[i], "id") != NULL && json_at(file.kept[i], "attributes") != NULL;
        for (size_t j = 0; references && j < json_object_array_length(references); j++) {
            json_object *reference = json_object_array_get_idx(references, j);
            if (!has_object(&file, json_text_at(reference, "type"), json_text_at(reference, "id")))
                fail_msg("%s: %s refers to %s, which is not in the file", path,
                         json_text_at(file.kept[i], "attributes.title"), json_text_at(reference, "id"));
        }
        if (json_at(file.kept[i], "exportedCount"))
            assert_int_equal(json_object_get_int(json_at(file.kept[i], "exportedCount")), objects);
    }
    panels_done(&file);
}

static void every_reference_leads_to_an_object_of_its_file(void **state)
{
    (void)state;
    docker_files("kibana", ".ndjson", references_lead, NULL);
}

/* Places of a dashboard: 48 columns, none over another. */
static void panels_have_room(void *argument, const char *path)
{
    panels file = { 0 };
    (void)argument;
    panels_read(&file, path);
    for (size_t i = 0; i < file.kept_count; i++) {
        const char *text = json_text_at(file.kept[i], "attributes.panelsJSON");
        json_object *placed = *text ? json_tokener_parse(text) : NULL;
        bool taken[100][48] = { 0 };
        for (size_t j = 0; placed && j < json_object_array_length(placed); j++) {
            json_object *grid = json_at(json_object_array_get_idx(placed, j), "gridData");
            int x = json_object_get_int(json_at(grid, "x")), y = json_object_get_int(json_at(grid, "y"));
            int right = x + json_object_get_int(json_at(grid, "w"));
            int bottom = y + json_object_get_int(json_at(grid, "h"));
            assert_true(x >= 0 && y >= 0 && right <= 48 && bottom <= 100);
            for (int row = y; row < bottom; row++)
                for (int column = x; column < right; column++) {
                    assert_false(taken[row][column]);
                    taken[row][column] = true;
                }
        }
        json_object_put(placed);
    }
    panels_done(&file);
}

static void no_panel_lies_over_another(void **state)
{
    (void)state;
    docker_files("kibana", ".ndjson", panels_have_room, NULL);
}

/* ---- Fields ------------------------------------------------------------------------------------------------------ */

/* The type of "gender" or "gender.keyword"; "" when there is no such field. */
static const char *field_type(json_object *properties, const char *field)
{
    char path[200], name[100];
    if (strcmp(field, "@timestamp") == 0 || strchr(field, '.') == NULL)
        snprintf(path, sizeof path, "%s.type", field);
    else {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(field, "."), field);
        snprintf(path, sizeof path, "%s.fields.%s.type", name, strchr(field, '.') + 1);
    }
    return json_text_at(properties, path);
}

static bool can_be_asked(const char *aggregation, const char *type)
{
    static const char *const numbers = "range sum avg max min";
    bool is_number = strcmp(type, "long") == 0 || strcmp(type, "double") == 0;
    if (strcmp(aggregation, "date_histogram") == 0)
        return strcmp(type, "date") == 0;
    if (strcmp(aggregation, "terms") == 0 || strcmp(aggregation, "cardinality") == 0)
        return is_number || strcmp(type, "keyword") == 0 || strcmp(type, "date") == 0;
    return strstr(numbers, aggregation) && (is_number || strcmp(type, "date") == 0);
}

static void every_field_of_a_panel_has_a_type_that_can_be_asked(void **state)
{
    (void)state;
    panels all = { 0 };
    panels_read_all(&all);
    assert_true(all.count > 0);
    for (size_t i = 0; i < all.count; i++) {
        json_object *whole = NULL, *properties = template_read(all.at[i].index, &whole);
        if (properties == NULL)
            fail_msg("%s: docker/elasticsearch has no template of its index \"%s\"", all.at[i].title,
                     all.at[i].index);
        for (size_t j = 0; j < json_object_array_length(all.at[i].aggs); j++) {
            json_object *agg = json_object_array_get_idx(all.at[i].aggs, j);
            const char *kind = json_text_at(agg, "type"), *field = json_text_at(agg, "params.field");
            if (strcmp(kind, "count") != 0 && !can_be_asked(kind, field_type(properties, field)))
                fail_msg("%s: %s of %s, which is \"%s\" in the template of %s", all.at[i].title, kind, field,
                         field_type(properties, field), all.at[i].index);
        }
        json_object_put(whole);
    }
    panels_done(&all);
}

static void pattern_is_name(void *argument, const char *path)
{
    (void)argument;
    char name[100];
    json_object *whole = json_object_from_file(path);
    if (whole == NULL)
        fail_msg("%s: no JSON", path);
    const char *file = strrchr(path, '/') + 1;
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - strlen(".json")), file);
    json_object *patterns = json_at(whole, "index_patterns");
    assert_int_equal(json_object_array_length(patterns), 1);
    /* Of indices that have a day in their names: with a star. */
    const char *pattern = json_object_get_string(json_object_array_get_idx(patterns, 0));
    assert_int_equal(strncmp(pattern, name, strlen(name)), 0);
    assert_true(pattern[strlen(name)] == '\0' || strcmp(pattern + strlen(name), "*") == 0);
    assert_string_equal(json_text_at(whole, "template.mappings.properties.@timestamp.type"), "date");
    json_object_put(whole);
}

static void a_template_is_for_the_index_of_its_name(void **state)
{
    (void)state;
    docker_files("elasticsearch", ".json", pattern_is_name, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reference_leads_to_an_object_of_its_file),
        cmocka_unit_test(no_panel_lies_over_another),
        cmocka_unit_test(every_field_of_a_panel_has_a_type_that_can_be_asked),
        cmocka_unit_test(a_template_is_for_the_index_of_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
