/*
 * tests/docker/panel_recount.c - searches as Kibana makes them out of a visualization's aggregations and its query, and the same
 * counted with loops.
 */
#include <docker/panel_recount.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { DATES_MS = 1000 };

/* ---- A panel's search, as Kibana makes it ------------------------------------------------------------------------ */

static const char *type_of(json_object *agg)
{
    return json_text_at(agg, "type");
}

static bool is_metric(json_object *agg)
{
    return strcmp(json_text_at(agg, "schema"), "metric") == 0;
}

static json_object *object_of(const char *name, json_object *value)
{
    json_object *object = json_object_new_object();
    json_object_object_add(object, name, value);
    return object;
}

static json_object *field_is(const char *field)
{
    return object_of("field", json_object_new_string(field));
}

/* "1": that metric, which is the count when it is of that type. */
static const char *order_of(const panel *panel, json_object *agg)
{
    const char *by = json_text_at(agg, "params.orderBy");
    for (size_t i = 0; i < json_object_array_length(panel->aggs); i++) {
        json_object *other = json_object_array_get_idx(panel->aggs, i);
        if (strcmp(json_text_at(other, "id"), by) == 0)
            return strcmp(type_of(other), "count") == 0 ? "_count" : by;
    }
    assert_string_equal(by, "_key");
    return by;
}

static json_object *inner_of(const panel *panel, json_object *agg)
{
    json_object *inner = field_is(json_text_at(agg, "params.field"));
    if (strcmp(type_of(agg), "terms") == 0) {
        json_object *order = json_object_new_object();
        json_object_object_add(order, order_of(panel, agg),
                               json_object_new_string(json_text_at(agg, "params.order")));
        json_object_object_add(inner, "order", order);
        json_object_object_add(inner, "size", json_object_get(json_at(agg, "params.size")));
    } else if (strcmp(type_of(agg), "range") == 0) {
        json_object_object_add(inner, "ranges", json_object_get(json_at(agg, "params.ranges")));
    } else if (strcmp(type_of(agg), "date_histogram") == 0) {
        json_object_object_add(inner, "fixed_interval", json_object_new_string("1s"));
        json_object_object_add(inner, "min_doc_count", json_object_new_int(1));
    }
    return inner;
}

/* The buckets in their order, one in the other, each with all metrics. */
static json_object *aggregations_of(const panel *panel, size_t from)
{
    json_object *aggs = json_object_new_object();
    bool has_bucket = false;
    for (size_t i = 0; i < json_object_array_length(panel->aggs); i++) {
        json_object *agg = json_object_array_get_idx(panel->aggs, i);
        if (strcmp(type_of(agg), "count") == 0 || (!is_metric(agg) && (has_bucket || i < from)))
            continue;
        json_object *made = json_object_new_object();
        json_object_object_add(made, type_of(agg), inner_of(panel, agg));
        if (!is_metric(agg)) {
            has_bucket = true;
            json_object_object_add(made, "aggs", aggregations_of(panel, i + 1));
        }
        json_object_object_add(aggs, json_text_at(agg, "id"), made);
    }
    return aggs;
}

/* KQL of one comparison: `field : "this"` or `field : such.*.ones`. False: there is none. */
static bool query_read(const panel *panel, char *field, char *value, bool *is_pattern)
{
    if (*panel->query == '\0')
        return false;
    if (sscanf(panel->query, "%99s : %199s", field, value) != 2)
        fail_msg("%s: the query %s is not known here", panel->title, panel->query);
    *is_pattern = value[0] != '"';
    if (!*is_pattern) {
        memmove(value, value + 1, strlen(value));
        value[strcspn(value, "\"")] = '\0';
    }
    return true;
}

json_object *panel_search(const panel *panel)
{
    char field[100], value[200];
    bool is_pattern;
    json_object *body = object_of("size", json_object_new_int(0));
    json_object_object_add(body, "aggs", aggregations_of(panel, 0));
    if (!query_read(panel, field, value, &is_pattern))
        return body;
    json_object *query = object_of(is_pattern ? "query" : field, json_object_new_string(value));
    if (is_pattern) {
        json_object *fields = json_object_new_array();
        json_object_array_add(fields, json_object_new_string(field));
        json_object_object_add(query, "fields", fields);
    }
    json_object_object_add(body, "query", object_of(is_pattern ? "query_string" : "match_phrase", query));
    return body;
}

/* ---- The recount ------------------------------------------------------------------------------------------------- */

static panel_documents *documents_made(size_t most)
{
    panel_documents *all = calloc(1, sizeof *all + most * sizeof(json_object *));
    assert_non_null(all);
    return all;
}

panel_documents *panel_documents_of(const char *lines)
{
    size_t most = 0;
    for (const char *at = lines; *at; at++)
        most += *at == '\n' || at[1] == '\0';
    panel_documents *all = documents_made(most);
    while (*lines) {
        size_t size = strcspn(lines, "\n");
        char *line = strndup(lines, size);
        all->at[all->count] = json_tokener_parse(line);
        assert_non_null(all->at[all->count++]);
        free(line);
        lines += size + (lines[size] == '\n');
    }
    return all;
}

void panel_documents_free(panel_documents *all)
{
    for (size_t i = 0; i < all->count; i++)
        json_object_put(all->at[i]);
    free(all);
}

/* Of "gender.keyword" the member "gender"; NULL when the document has none. */
static json_object *value_of(json_object *document, json_object *agg)
{
    char name[80];
    const char *field = json_text_at(agg, "params.field");
    json_object *value = NULL;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(field, "."), field);
    json_object_object_get_ex(document, name, &value);
    return value;
}

/* A number, or of a time its ms. */
static double number_of(json_object *value)
{
    struct tm tm = { 0 };
    int ms;
    if (json_object_is_type(value, json_type_string) &&
        sscanf(json_object_get_string(value), "%d-%d-%dT%d:%d:%d.%dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &ms) == 7) {
        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        return (double)timegm(&tm) * 1000 + ms;
    }
    return json_object_get_double(value);
}

static bool is_in_bucket(json_object *document, json_object *agg, json_object *bucket)
{
    json_object *value = value_of(document, agg), *edge;
    if (value == NULL)
        return false;
    if (strcmp(type_of(agg), "terms") == 0)
        return strcmp(json_object_get_string(value), json_text_at(bucket, "key")) == 0;
    if (strcmp(type_of(agg), "date_histogram") == 0) {
        double from = json_object_get_double(json_at(bucket, "key"));
        return number_of(value) >= from && number_of(value) < from + DATES_MS;
    }
    if ((edge = json_at(bucket, "from")) && number_of(value) < json_object_get_double(edge))
        return false;
    return (edge = json_at(bucket, "to")) == NULL || number_of(value) < json_object_get_double(edge);
}

static void metric_assert(const panel *panel, json_object *agg, json_object *bucket,
                          const panel_documents *of)
{
    double most = 0, sum = 0;
    for (size_t i = 0; i < of->count; i++) {
        json_object *value = value_of(of->at[i], agg);
        double number = value ? number_of(value) : 0;
        sum += number;
        most = value && (i == 0 || number > most) ? number : most;
    }
    json_object *told = json_at(json_at(bucket, json_text_at(agg, "id")), "value");
    double expected = strcmp(type_of(agg), "max") == 0 ? most : sum;
    if (strcmp(type_of(agg), "max") != 0 && strcmp(type_of(agg), "sum") != 0)
        fail_msg("%s: %s is not recounted here", panel->title, type_of(agg));
    if (of->count && json_object_get_double(told) != expected)
        fail_msg("%s: %s of %s is %s, and by the recount %f", panel->title, type_of(agg),
                 json_text_at(agg, "params.field"), json_object_get_string(told), expected);
}

static size_t distinct_values(json_object *agg, const panel_documents *of)
{
    size_t count = 0;
    for (size_t i = 0; i < of->count; i++) {
        json_object *value = value_of(of->at[i], agg);
        bool is_new = value != NULL;
        for (size_t j = 0; is_new && j < i; j++) {
            json_object *other = value_of(of->at[j], agg);
            is_new = !other || strcmp(json_object_get_string(other), json_object_get_string(value)) != 0;
        }
        count += is_new;
    }
    return count;
}

/* What buckets are ordered by: numbers, or keys that are texts. */
static int order_compare(json_object *left, json_object *right)
{
    if (json_object_is_type(left, json_type_string))
        return strcmp(json_object_get_string(left), json_object_get_string(right));
    double a = json_object_get_double(left), b = json_object_get_double(right);
    return (a > b) - (a < b);
}

/* Were the first ones taken? What it is ordered by neither grows nor, ordered upwards, falls. */
static void order_assert(const panel *panel, json_object *agg, json_object *buckets)
{
    const char *by = order_of(panel, agg);
    bool is_upwards = strcmp(json_text_at(agg, "params.order"), "asc") == 0;
    json_object *before = NULL;
    for (size_t i = 0; i < json_object_array_length(buckets); i++) {
        json_object *bucket = json_object_array_get_idx(buckets, i);
        json_object *value = strcmp(by, "_count") == 0 ? json_at(bucket, "doc_count")
                             : strcmp(by, "_key") == 0 ? json_at(bucket, "key")
                                                       : json_at(json_at(bucket, by), "value");
        int step = before ? order_compare(value, before) : 0;
        if (is_upwards ? step < 0 : step > 0)
            fail_msg("%s: terms of %s: %s stands after %s", panel->title, json_text_at(agg, "params.field"),
                     json_object_get_string(value), json_object_get_string(before));
        before = value;
    }
}

static void answer_assert(const panel *panel, size_t from, json_object *answer, const panel_documents *of);

static void buckets_assert(const panel *panel, size_t place, json_object *buckets, const panel_documents *of)
{
    json_object *agg = json_object_array_get_idx(panel->aggs, place);
    size_t count = json_object_array_length(buckets), told = 0;
    for (size_t i = 0; i < count; i++) {
        json_object *bucket = json_object_array_get_idx(buckets, i);
        panel_documents *in = documents_made(of->count);
        for (size_t j = 0; j < of->count; j++)
            if (is_in_bucket(of->at[j], agg, bucket))
                in->at[in->count++] = of->at[j];
        if (json_object_get_uint64(json_at(bucket, "doc_count")) != in->count)
            fail_msg("%s: bucket %s holds %s, and by the recount %zu", panel->title,
                     json_text_at(bucket, "key"), json_text_at(bucket, "doc_count"), in->count);
        told += in->count;
        answer_assert(panel, place + 1, bucket, in);
        free(in);
    }
    if (strcmp(type_of(agg), "terms") == 0) {
        size_t most = json_object_get_uint64(json_at(agg, "params.size")), there = distinct_values(agg, of);
        assert_int_equal(count, there < most ? there : most);
        order_assert(panel, agg, buckets);
    } else if (strcmp(type_of(agg), "range") == 0) {
        assert_int_equal(count, json_object_array_length(json_at(agg, "params.ranges")));
    } else {
        assert_int_equal(told, of->count);
    }
}

static void answer_assert(const panel *panel, size_t from, json_object *answer, const panel_documents *of)
{
    for (size_t i = 0; i < json_object_array_length(panel->aggs); i++) {
        json_object *agg = json_object_array_get_idx(panel->aggs, i);
        if (is_metric(agg) && strcmp(type_of(agg), "count") != 0)
            metric_assert(panel, agg, answer, of);
    }
    for (size_t i = from; i < json_object_array_length(panel->aggs); i++) {
        json_object *agg = json_object_array_get_idx(panel->aggs, i);
        if (!is_metric(agg)) {
            buckets_assert(panel, i, json_at(json_at(answer, json_text_at(agg, "id")), "buckets"), of);
            return;
        }
    }
}

static bool is_asked(const panel *panel, json_object *document)
{
    char field[100], value[200];
    bool is_pattern;
    if (!query_read(panel, field, value, &is_pattern))
        return true;
    field[strcspn(field, ".")] = '\0';
    const char *text = json_text_at(document, field);
    return is_pattern ? fnmatch(value, text, 0) == 0 : strcmp(value, text) == 0;
}

size_t panel_recount(const panel *panel, json_object *answer, const panel_documents *all)
{
    panel_documents *of = documents_made(all->count);
    for (size_t i = 0; i < all->count; i++)
        if (is_asked(panel, all->at[i]))
            of->at[of->count++] = all->at[i];
    size_t count = of->count;
    answer_assert(panel, 0, json_at(answer, "aggregations"), of);
    free(of);
    return count;
}
