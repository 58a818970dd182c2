/*
 * tests/sinks/elastic/index.c - the sink's start: servers that are not there, that do not let us in, and indices that are
 * missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sinks/elastic/fixture.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <stdio.h>

static void answer_missing_index(fixture *fixture)
{
    fake_http_add(fixture->server, &(fake_answer){ .body = "{\"status\":\"green\"}" });
    fake_http_add(fixture->server, &(fake_answer){ .status = 404 });
}

static void assert_mapping(struct json_object *properties, const char *field, const char *expected)
{
    struct json_object *mapping = NULL;
    assert_true(json_object_object_get_ex(properties, field, &mapping));
    assert_string_equal(json_object_to_json_string_ext(mapping, JSON_C_TO_STRING_PLAIN), expected);
}

static struct json_object *properties_of(struct json_object *body)
{
    struct json_object *mappings = NULL, *properties = NULL;
    assert_true(json_object_object_get_ex(body, "mappings", &mappings));
    assert_true(json_object_object_get_ex(mappings, "properties", &properties));
    return properties;
}

static void a_missing_index_is_made_with_the_mapping_of_its_record(void **state)
{
    fixture *fixture = *state;
    answer_missing_index(fixture);
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_OK);
    assert_string_equal(fake_http_request(fixture->server, 1)->method, "HEAD");
    const fake_request *made = fake_http_request(fixture->server, 2);
    assert_string_equal(made->method, "PUT");
    assert_string_equal(made->path, "/ba_realtime2");
    struct json_object *body = json_tokener_parse(made->body), *settings = NULL;
    struct json_object *properties = properties_of(body);
    const char *text =
        "{\"type\":\"text\",\"fields\":{\"keyword\":{\"type\":\"keyword\",\"ignore_above\":256}}}";
    assert_mapping(properties, "@timestamp", "{\"type\":\"date\"}");
    assert_mapping(properties, "event_id", "{\"type\":\"long\"}");
    assert_mapping(properties, "track_id", text);
    assert_mapping(properties, "datetime", "{\"type\":\"keyword\"}");
    assert_mapping(properties, "mobile", "{\"type\":\"long\"}");
    assert_mapping(properties, "name", text); /* of the linked row */
    assert_mapping(properties, "age", "{\"type\":\"long\"}");
    assert_int_equal(json_object_object_length(properties), 7);
    assert_false(json_object_object_get_ex(body, "settings", &settings));
    json_object_put(body);
}

static void every_kind_of_field_has_its_type(void **state)
{
    fixture *fixture = *state;
    answer_missing_index(fixture);
    fixture_set(fixture, "elastic.replicas", "0");
    assert_int_equal(fixture_try_open(fixture, &ranks_output), SL_OK);
    struct json_object *body = json_tokener_parse(fake_http_request(fixture->server, 2)->body),
                       *settings = NULL;
    struct json_object *properties = properties_of(body);
    assert_mapping(properties, "share", "{\"type\":\"double\"}");
    assert_mapping(properties, "is_new", "{\"type\":\"boolean\"}");
    assert_mapping(properties, "since", "{\"type\":\"date\"}");
    assert_true(json_object_object_get_ex(body, "settings", &settings));
    assert_string_equal(json_object_to_json_string_ext(settings, JSON_C_TO_STRING_PLAIN),
                        "{\"number_of_replicas\":0}");
    json_object_put(body);
}

static void an_index_that_is_there_is_left_alone(void **state)
{
    fixture *fixture = *state;
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_OK);
    assert_int_equal(fake_http_count(fixture->server), 2);
    assert_string_equal(fake_http_request(fixture->server, 0)->method, "GET");
    assert_string_equal(fake_http_request(fixture->server, 1)->method, "HEAD");
}

static void an_index_that_another_job_makes_at_the_same_time_is_fine(void **state)
{
    fixture *fixture = *state;
    answer_missing_index(fixture);
    fake_http_add(
        fixture->server,
        &(fake_answer){
            .status = 400,
            .body = "{\"error\":{\"type\":\"resource_already_exists_exception\",\"reason\":\"x\"}}" });
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_OK);
}

static void an_index_that_cannot_be_made_stops_the_job(void **state)
{
    fixture *fixture = *state;
    answer_missing_index(fixture);
    fake_http_add(fixture->server,
                  &(fake_answer){
                      .status = 400,
                      .body = "{\"error\":{\"type\":\"validation_exception\",\"reason\":\"1000 shards\"}}" });
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_FAILED);
    assert_true(says(fixture, "validation_exception: 1000 shards"));
    assert_true(says(fixture, "ba_realtime2"));
    assert_null(fixture->sink);
}

static void a_bad_login_stops_the_job_with_advice(void **state)
{
    fixture *fixture = *state;
    fake_http_add(fixture->server, &(fake_answer){ .status = 401 });
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_FAILED);
    assert_true(says(fixture, "elastic.password"));
    assert_true(says(fixture, fake_http_url(fixture->server)));
}

static void a_forbidden_index_stops_the_job_with_advice(void **state)
{
    fixture *fixture = *state;
    fake_http_add(fixture->server, &(fake_answer){ 0 });
    fake_http_add(fixture->server, &(fake_answer){ .status = 403 });
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_FAILED);
    assert_true(says(fixture, "the right to"));
}

static void a_user_who_may_write_need_not_see_the_clusters_health(void **state)
{
    fixture *fixture = *state;
    fake_http_add(fixture->server, &(fake_answer){ .status = 403 });
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_OK);
}

static void a_server_that_is_not_ready_is_asked_again_later(void **state)
{
    fixture *fixture = *state;
    static const int statuses[] = { 503, 429, 408, 500, 302, 404 };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        fake_http_add(fixture->server, &(fake_answer){ .status = statuses[i] });
        assert_int_equal(fixture_try_open(fixture, &plays_output), SL_RETRY);
    }
    answer_missing_index(fixture);
    fake_http_add(fixture->server, &(fake_answer){ .status = 503 });
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_RETRY);
    assert_null(fixture->sink);
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_OK);
}

static void a_server_that_is_not_there_may_come_yet(void **state)
{
    fixture *fixture = *state;
    fake_http *gone = fake_http_start();
    char url[64];
    snprintf(url, sizeof url, "%s", fake_http_url(gone));
    fake_http_stop(gone);
    fixture_set(fixture, "elastic.url", url);
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_RETRY);
    assert_true(says(fixture, url));
    assert_true(says(fixture, "elastic.url"));
}

static void a_wrong_url_is_wrong_usage(void **state)
{
    fixture *fixture = *state;
    fixture_set(fixture, "elastic.url", "http://u:secret@a:9200,http://b:9200");
    assert_int_equal(fixture_try_open(fixture, &plays_output), SL_USAGE);
    assert_true(says(fixture, "elastic.url"));
    assert_null(strstr(fixture->failure.text, "secret"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_start, fixture_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_missing_index_is_made_with_the_mapping_of_its_record),
        TEST(every_kind_of_field_has_its_type),
        TEST(an_index_that_is_there_is_left_alone),
        TEST(an_index_that_another_job_makes_at_the_same_time_is_fine),
        TEST(an_index_that_cannot_be_made_stops_the_job),
        TEST(a_bad_login_stops_the_job_with_advice),
        TEST(a_forbidden_index_stops_the_job_with_advice),
        TEST(a_user_who_may_write_need_not_see_the_clusters_health),
        TEST(a_server_that_is_not_ready_is_asked_again_later),
        TEST(a_server_that_is_not_there_may_come_yet),
        TEST(a_wrong_url_is_wrong_usage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
