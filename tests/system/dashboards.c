/*
 * tests/system/dashboards.c - the dashboards of docker/kibana before a real search server with what jobs wrote there:
 * each panel's search is made as Kibana makes it, and each bucket and figure of the answer compared with a recount from
 * what was sent. And the index templates beside the indices that the jobs make by themselves. The server goes by the settings of
 * docker/elasticsearch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/buffer.h>
#include <docker/panel_recount.h>
#include <docker/service_settings.h>
#include <servers/search_server.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <system/shared/recount.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { LISTENS = 900 };

static search_server *search; /* NULL: it cannot be had */
static service_settings node; /* docker/'s, which it was started with */

/* xpack is Elasticsearch's alone; the type of discovery is what every search server here is given. */
static int server_start(void **state)
{
    (void)state;
    service_settings_read(&node, "docker/elasticsearch/elasticsearch.yml",
                          " network.host discovery.type xpack.security.enabled ");
    search = search_server_start(service_settings_words(&node, "-E"));
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

static void the_search_server_goes_by_its_settings(void **state)
{
    (void)state;
    if (search == NULL)
        skip();
    const char *told = search_server_ask(search, "GET", "/_nodes/settings?flat_settings=true", NULL);
    for (size_t i = 0; i < node.count; i++) {
        char wanted[200];
        snprintf(wanted, sizeof wanted, "\"%s\":\"%s\"", node.key[i], node.value[i]);
        if (strstr(told, wanted) == NULL)
            fail_msg("the node does not tell %s: %s", wanted, told);
    }
}

/* ---- Panels ------------------------------------------------------------------------------------------------------ */

static json_object *panel_ask(const panel *panel)
{
    char path[200];
    snprintf(path, sizeof path, "/%s/_search", panel->index);
    json_object *body = panel_search(panel);
    json_object *answer =
        json_tokener_parse(search_server_ask(search, "POST", path, json_object_to_json_string(body)));
    json_object_put(body);
    if (json_at(answer, "aggregations") == NULL)
        fail_msg("%s: %s", panel->title, json_object_to_json_string(answer));
    return answer;
}

static void panels_assert(const char *index, const char *lines)
{
    panels all = { 0 };
    panel_documents *sent = panel_documents_of(lines);
    size_t asked = 0;
    assert_true(sent->count > 0);
    assert_int_equal(search_server_documents(search, index), sent->count);
    panels_read_all(&all);
    for (size_t i = 0; i < all.count; i++) {
        if (strcmp(all.at[i].index, index) != 0)
            continue;
        json_object *answer = panel_ask(&all.at[i]);
        assert_true(panel_recount(&all.at[i], answer, sent) > 0);
        json_object_put(answer);
        asked++;
    }
    assert_true(asked >= 1);
    panels_done(&all);
    panel_documents_free(sent);
}

/* ---- Other jobs -------------------------------------------------------------------------------------------------- */

/* Over what was sent, to its own places; `more` ends with NULL. */
static void job_run(trial *trial, const char *job, const char *const *more)
{
    char brokers[100], redis[100], elastic[100], work_dir[TRIAL_PATH + 40], program[100];
    snprintf(brokers, sizeof brokers, "kafka.bootstrap.servers=%s", trial->servers);
    snprintf(redis, sizeof redis, "redis.url=%s", redis_server_url(trial->redis));
    snprintf(elastic, sizeof elastic, "elastic.url=%s", search_server_url(search));
    snprintf(work_dir, sizeof work_dir, "%s/work-%s", trial->folder, job);
    snprintf(program, sizeof program, "jobs/%s", job);
    const char *words[40] = {
        build_path(program), "--available-now", "--conf",     brokers, "--conf", redis, "--conf", elastic,
        "--topic",           "realtime",        "--work-dir", work_dir
    };
    size_t count = 12;
    while (*more)
        words[count++] = *more++;
    int status = trial_run(trial, words);
    if (status != 0)
        fail_msg("%s ends with %d", job, status);
}

/* What an index should hold: the job wrote each document to a file as well, and writes none of them twice. */
static char *documents_written(trial *trial, const char *index)
{
    char command[TRIAL_PATH + 100];
    snprintf(command, sizeof command, "cat %s/also/%s/batch-*.ndjson", trial->folder, index);
    return trial_output((const char *const[]){ "/bin/sh", "-c", command, NULL });
}

/* One batch of all: so a customer, a scope, a window is one document. */
static void panels_of_job_assert(trial *trial, const char *job, const char *output, const char *index)
{
    char to_server[100], to_file[TRIAL_PATH + 100];
    snprintf(to_server, sizeof to_server, "%s=elastic", output);
    snprintf(to_file, sizeof to_file, "%s=file:%s/also", output, trial->folder);
    bool has_windows = strcmp(job, "access_stats") == 0;
    job_run(trial, job,
            (const char *const[]){ "--to", to_server, "--to", to_file, has_windows ? "--slide" : NULL, "1s",
                                   "--pane", "1s", "--window", "1min", NULL });
    char *lines = documents_written(trial, index);
    panels_assert(index, lines);
    free(lines);
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
    panels_of_job_assert(trial, "profiles", "profiles", "ba_profiles");
    panels_of_job_assert(trial, "unique_tracks", "totals", "ba_unique_tracks");
    panels_of_job_assert(trial, "access_stats", "windows", "ba_access_stats");
}

/* ---- The flow ---------------------------------------------------------------------------------------------------- */

static void templates_send(void)
{
    char command[300];
    snprintf(command, sizeof command, "docker/setup.sh templates %s", search_server_url(search));
    setenv("CURL_OPTIONS", "--noproxy 127.0.0.1", 1);
    assert_int_equal(system(command), 0);
}

/* All of an index, a line each. */
static buffer documents_there(const char *index)
{
    char path[100];
    buffer lines = { 0 };
    assert_in_range(search_server_documents(search, index), 1, 10000);
    snprintf(path, sizeof path, "/%s/_search?size=10000", index);
    json_object *answer = json_tokener_parse(search_server_ask(search, "GET", path, NULL));
    json_object *hits = json_at(answer, "hits.hits");
    for (size_t i = 0; i < json_object_array_length(hits); i++) {
        json_object *document = json_at(json_object_array_get_idx(hits, i), "_source");
        buffer_print(&lines, "%s\n", json_object_to_json_string_ext(document, JSON_C_TO_STRING_PLAIN));
    }
    buffer_byte(&lines, '\0');
    json_object_put(answer);
    return lines;
}

/* Of one job and metric; the last one, by time, goes to *last. */
static double values_summed(const panel_documents *all, const char *job, const char *metric, double *last)
{
    double sum = 0;
    const char *time = "";
    for (size_t i = 0; i < all->count; i++) {
        const char *when = json_text_at(all->at[i], "@timestamp");
        if (strcmp(json_text_at(all->at[i], "path"), job) != 0 ||
            strcmp(json_text_at(all->at[i], "metric_path"), metric) != 0)
            continue;
        double value = json_object_get_double(json_at(all->at[i], "metric_value_number"));
        sum += value;
        if (strcmp(when, time) >= 0) {
            time = when;
            *last = value;
        }
    }
    return sum;
}

/* What it is told is what was sent: a batch's rate is its records in a second. */
static void flow_assert(const panel_documents *all, const char *job)
{
    double last = -1;
    assert_true(values_summed(all, job, "kafka-consumer.Consumer.RecordsConsumed.records-consumed-rate",
                              &last) == LISTENS);
    values_summed(all, job, "kafka-consumer.Consumer.RecordsLagMax.records-lag-max", &last);
    assert_true(last == 0);
}

static void the_flow_shows_jobs_beside_each_other(void **state)
{
    trial *trial = begun(state);
    char listener[100];
    snprintf(listener, sizeof listener, "elastic:%s", search_server_url(search));
    const char *const options[] = { "--listen", listener, "--interval", "1s", "--max-rate-per-partition",
                                    "100",      NULL };
    templates_send();
    job_run(trial, "profiles", options);
    job_run(trial, "unique_tracks", options);
    buffer lines = documents_there("kafka_mon*");
    panels_assert("kafka_mon*", lines.at);
    panel_documents *all = panel_documents_of(lines.at);
    flow_assert(all, "profiles");
    flow_assert(all, "unique_tracks");
    panel_documents_free(all);
    buffer_done(&lines);
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

static void a_template_makes_the_index_that_its_job_makes(void **state)
{
    trial *trial = begun(state);
    trial_finish(trial);
    static const char *const none[] = { NULL };
    job_run(trial, "event_targets", none);
    job_run(trial, "profiles", none);
    job_run(trial, "access_stats", none);
    job_run(trial, "unique_tracks", none);
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
        cmocka_unit_test(the_search_server_goes_by_its_settings), TEST(what_the_panels_show_equals_a_recount),
        TEST(a_template_makes_the_index_that_its_job_makes),
        TEST(the_flow_shows_jobs_beside_each_other), /* with the templates, which stay */
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
