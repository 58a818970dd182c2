/*
 * tests/docker/metrics.c - every metric of ours that a Grafana dashboard or an alert of docker/ asks for is one that jobs tell
 * (listeners/shared/metrics.c), and every dashboard is one that Grafana can load: an id of its own for each panel, no panel over
 * another.
 */
#include <ctype.h>
#include <docker/panels.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text_read(const char *path)
{
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t room = 0;
    if (file == NULL)
        return NULL;
    if (getdelim(&text, &room, '\0', file) < 0)
        fail_msg("%s: is empty", path);
    fclose(file);
    return text;
}

/* Is "name" told, as it is or as a part of a histogram? */
static bool is_told(const char *told, const char *name, size_t size)
{
    static const char *const parts[] = { "", "_bucket", "_sum", "_count" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char quoted[120];
        size_t part = strlen(parts[i]);
        if (part >= size || strncmp(name + size - part, parts[i], part) != 0)
            continue;
        snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)(size - part), name);
        if (strstr(told, quoted))
            return true;
    }
    return false;
}

static size_t names_assert(const char *told, const char *path)
{
    size_t count = 0;
    char *text = text_read(path);
    assert_non_null(text);
    for (const char *at = text; (at = strstr(at, "sluice_")); count++) {
        size_t size = 0;
        while (isalnum((unsigned char)at[size]) || at[size] == '_')
            size++;
        if (!is_told(told, at, size))
            fail_msg("%s: jobs tell no %.*s", path, (int)size, at);
        at += size;
    }
    free(text);
    return count;
}

static void names_of_dashboard(void *argument, const char *path)
{
    names_assert(argument, path);
}

static void every_metric_that_is_asked_for_is_told(void **state)
{
    (void)state;
    char *told = text_read("listeners/shared/metrics.c");
    if (told == NULL)
        skip();
    docker_files("grafana/dashboards", ".json", names_of_dashboard, told);
    assert_true(names_assert(told, "docker/prometheus/alerts.yaml") > 0);
    assert_true(names_assert(told, "docker/grafana/dashboards/sluice.json") > 0);
    free(told);
}

static void dashboard_assert(void *argument, const char *path)
{
    (void)argument;
    bool ids[100] = { 0 }, taken[100][24] = { 0 };
    json_object *board = json_object_from_file(path), *panels = json_at(board, "panels");
    assert_true(json_object_array_length(panels) > 0);
    assert_true(*json_text_at(board, "uid"));
    for (size_t i = 0; i < json_object_array_length(panels); i++) {
        json_object *one = json_object_array_get_idx(panels, i), *grid = json_at(one, "gridPos");
        int id = json_object_get_int(json_at(one, "id"));
        assert_in_range(id, 1, 99);
        assert_false(ids[id]);
        ids[id] = true;
        int x = json_object_get_int(json_at(grid, "x")), y = json_object_get_int(json_at(grid, "y"));
        int right = x + json_object_get_int(json_at(grid, "w"));
        int bottom = y + json_object_get_int(json_at(grid, "h"));
        assert_true(x >= 0 && y >= 0 && right <= 24 && bottom <= 100);
        for (int row = y; row < bottom; row++)
            for (int column = x; column < right; column++) {
                assert_false(taken[row][column]);
                taken[row][column] = true;
            }
    }
    json_object_put(board);
}

static void every_dashboard_can_be_loaded(void **state)
{
    (void)state;
    docker_files("grafana/dashboards", ".json", dashboard_assert, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_that_is_asked_for_is_told),
        cmocka_unit_test(every_dashboard_can_be_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
