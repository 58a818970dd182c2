/*
 * tests/system/dashboards.c - the dashboards of docker/kibana before a real search server with what `listens` wrote there:
 * each panel's search is made as Kibana makes it, and each bucket and figure of the answer compared with a recount from
 * what was sent. And the index templates beside the indices that the jobs make by themselves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <docker/panels.h>
#include <servers/search_server.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <system/shared/recount.h>
#include <time.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { LISTENS = 900, DATES_MS = 1000 };

static search_server *search; /* NULL: it cannot be had */

static int server_start(void **state)
{
    (void)state;
    search = search_server_start(NULL);
    return 0;
}

static int server_stop(void **state)
{
    (void)state;
    search_server_stop(search);
    return 0;
}

static trial *begun(void **state)
{
    trial *trial = *state;
    if (search == NULL || !trial_begin(trial, NULL, "realtime", 4))
        skip();
    trial->elastic = search_server_url(search);
    trial_import(trial);
    trial_send(trial, LISTENS);
    return trial;
}

/* ---- A panel's search, as Kibana makes it ------------------------------------------------------------------------ */

static const char *type_of(json_object *agg)
{
    return json_text_at(agg, "type");
}

static bool is_metric(json_object *agg)
{
    return strcmp(json_text_at(agg, "schema"), "metric") == 0;
}

static json_object *field_is(const char *field)
{
    json_object *object = json_object_new_object();
    json_object_object_add(object, "field", json_object_new_string(field));
    return object;
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
static json_object *search_of(const panel *panel, size_t from)
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
            json_object_object_add(made, "aggs", search_of(panel, i + 1));
        }
        json_object_object_add(aggs, json_text_at(agg, "id"), made);
    }
    return aggs;
}

static json_object *panel_ask(const panel *panel)
{
    char path[200];
    snprintf(path, sizeof path, "/%s/_search", panel->index);
    json_object *body = json_object_new_object();
    json_object_object_add(body, "size", json_object_new_int(0));
    json_object_object_add(body, "aggs", search_of(panel, 0));
    json_object *answer =
        json_tokener_parse(search_server_ask(search, "POST", path, json_object_to_json_string(body)));
    json_object_put(body);
    if (json_at(answer, "aggregations") == NULL)
        fail_msg("%s: %s", panel->title, json_object_to_json_string(answer));
    return answer;
}

/* ---- The recount ------------------------------------------------------------------------------------------------- */

typedef struct documents {
    json_object *at[LISTENS * 2];
    size_t count;
} documents;

static documents *documents_of(const char *lines)
{
    documents *all = calloc(1, sizeof *all);
    while (*lines) {
        size_t size = strcspn(lines, "\n");
        char *line = strndup(lines, size);
        assert_true(all->count < sizeof all->at / sizeof *all->at);
        all->at[all->count] = json_tokener_parse(line);
        assert_non_null(all->at[all->count++]);
        free(line);
        lines += size + (lines[size] == '\n');
    }
    return all;
}

static void documents_free(documents *all)
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

static void metric_assert(const panel *panel, json_object *agg, json_object *bucket, const documents *of)
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

static size_t distinct_values(json_object *agg, const documents *of)
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

static void answer_assert(const panel *panel, size_t from, json_object *answer, const documents *of);

static void buckets_assert(const panel *panel, size_t place, json_object *buckets, const documents *of)
{
    json_object *agg = json_object_array_get_idx(panel->aggs, place);
    size_t count = json_object_array_length(buckets), told = 0;
    for (size_t i = 0; i < count; i++) {
        json_object *bucket = json_object_array_get_idx(buckets, i);
        documents *in = calloc(1, sizeof *in);
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

static void answer_assert(const panel *panel, size_t from, json_object *answer, const documents *of)
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

static void panels_assert(const char *index, const char *lines)
{
    panels all = { 0 };
    documents *sent = documents_of(lines);
    size_t asked = 0;
    assert_true(sent->count > 0);
    assert_int_equal(search_server_documents(search, index), sent->count);
    panels_read_all(&all);
    for (size_t i = 0; i < all.count; i++) {
        if (strcmp(all.at[i].index, index) != 0)
            continue;
        json_object *answer = panel_ask(&all.at[i]);
        answer_assert(&all.at[i], 0, json_at(answer, "aggregations"), sent);
        json_object_put(answer);
        asked++;
    }
    assert_true(asked >= 2);
    panels_done(&all);
    documents_free(sent);
}

static void what_the_panels_show_equals_a_recount(void **state)
{
    trial *trial = begun(state);
    trial_finish(trial);
    recount *recount = recount_assert(trial, &recount_usual);
    panels_assert("ba_realtime2", recount_documents(recount));
    panels_assert("ba_top_tracks", recount_top_tracks(recount));
    panels_assert("ba_interest", recount_interests(recount));
    recount_free(recount);
}

/* ---- The templates ----------------------------------------------------------------------------------------------- */

static json_object *properties_of(const char *index)
{
    char path[200], place[200];
    snprintf(path, sizeof path, "/%s/_mapping", index);
    json_object *answer = json_tokener_parse(search_server_ask(search, "GET", path, NULL));
    snprintf(place, sizeof place, "%s.mappings.properties", index);
    json_object *found = json_object_get(json_at(answer, place));
    if (found == NULL)
        fail_msg("%s: %s", index, json_object_to_json_string(answer));
    json_object_put(answer);
    return found;
}

static void index_delete(const char *index)
{
    char path[200];
    snprintf(path, sizeof path, "/%s", index);
    search_server_ask(search, "DELETE", path, NULL);
}

static void templates_send(void)
{
    char command[300];
    snprintf(command, sizeof command, "docker/setup.sh templates %s", search_server_url(search));
    setenv("CURL_OPTIONS", "--noproxy 127.0.0.1", 1);
    assert_int_equal(system(command), 0);
}

/* The index as its job made it, and made anew from the template alone. */
static void template_assert(const char *index, json_object *made)
{
    char path[200];
    snprintf(path, sizeof path, "/%s", index);
    search_server_ask(search, "PUT", path, NULL);
    json_object *from_template = properties_of(index);
    if (!json_object_equal(made, from_template))
        fail_msg("%s: the job makes %s, the template %s", index, json_object_to_json_string(made),
                 json_object_to_json_string(from_template));
    json_object_put(made);
    json_object_put(from_template);
}

/* Another job than `listens`, over what was sent, with its own places. */
static void job_run(trial *trial, const char *job)
{
    char brokers[100], redis[100], elastic[100], work_dir[TRIAL_PATH + 40], program[100];
    snprintf(brokers, sizeof brokers, "kafka.bootstrap.servers=%s", trial->servers);
    snprintf(redis, sizeof redis, "redis.url=%s", redis_server_url(trial->redis));
    snprintf(elastic, sizeof elastic, "elastic.url=%s", search_server_url(search));
    snprintf(work_dir, sizeof work_dir, "%s/work-%s", trial->folder, job);
    snprintf(program, sizeof program, "jobs/%s", job);
    const char *const words[] = { trial_program(program),
                                  "--available-now",
                                  "--conf",
                                  brokers,
                                  "--conf",
                                  redis,
                                  "--conf",
                                  elastic,
                                  "--topic",
                                  "realtime",
                                  "--work-dir",
                                  work_dir,
                                  NULL };
    int status = trial_run(trial, words);
    if (status != 0)
        fail_msg("%s ends with %d", job, status);
}

/* The last test: the templates stay. */
static void a_template_makes_the_index_that_its_job_makes(void **state)
{
    trial *trial = begun(state);
    trial_finish(trial);
    job_run(trial, "event_targets");
    job_run(trial, "profiles");
    job_run(trial, "access_stats");
    job_run(trial, "unique_tracks");
    static const char *const indices[] = { "ba_realtime2",    "ba_top_tracks", "ba_interest",
                                           "ba_realtime3",    "ba_profiles",   "ba_access_stats",
                                           "ba_unique_tracks" };
    enum { INDICES = sizeof indices / sizeof indices[0] };
    json_object *made[INDICES];
    for (size_t i = 0; i < INDICES; i++) {
        made[i] = properties_of(indices[i]);
        index_delete(indices[i]);
    }
    templates_send();
    for (size_t i = 0; i < INDICES; i++)
        template_assert(indices[i], made[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, trial_make, trial_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_panels_show_equals_a_recount),
        TEST(a_template_makes_the_index_that_its_job_makes),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
