/*
 * tests/listeners/elastic.c - the documents as a server of the test gets them, and one that is gone.
 */
#include "../../listeners/elastic.c"
#include <listeners/measured.h>
#include <servers/fake_http.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>
#include <string.h>

static fake_http *server;

static int start(void **state)
{
    (void)state;
    server = fake_http_start();
    fake_http_usual(server, &(fake_answer){ .body = "{\"errors\":false}" });
    return server == NULL;
}

static int stop(void **state)
{
    (void)state;
    fake_http_stop(server);
    return 0;
}

static void *opened(void)
{
    char error[256] = "";
    sl_start_info begun = measured_start();
    void *self = listener_elastic.open(
        &(sl_listener_place){ .job = "my.job", .argument = fake_http_url(server) }, error);
    if (self == NULL)
        fail_msg("%s", error);
    listener_elastic.on_streaming_started(self, &begun);
    return self;
}

static void batch_end(void *self, int64_t end_ms)
{
    sl_batch_info batch = measured_batch(SL_BATCH_COMPLETED);
    batch.processing_end_time_ms = end_ms;
    listener_elastic.on_batch_completed(self, &batch);
}

/* Each second line is a document of the collector's shape; the value of the one at the path. */
static double value_at(char *lines, const char *path)
{
    double found = -1;
    char *line;
    for (size_t i = 0; (line = strsep(&lines, "\n")) && *line; i++) {
        json_object *read = json_tokener_parse(line), *field;
        assert_non_null(read);
        if (i % 2 == 0) {
            assert_true(json_object_object_get_ex(json_object_object_get(read, "create"), "_index", &field));
            assert_string_equal(json_object_get_string(field), "kafka_mon-2026.11.23");
        } else {
            assert_string_equal(json_object_get_string(json_object_object_get(read, "@timestamp")),
                                "2026-11-23T02:58:00.500Z");
            assert_string_equal(json_object_get_string(json_object_object_get(read, "type")), "jmx");
            assert_true(json_object_object_get_ex(read, "host", &field));
            if (strcmp(json_object_get_string(json_object_object_get(read, "metric_path")), path) == 0)
                found = json_object_get_double(json_object_object_get(read, "metric_value_number"));
        }
        json_object_put(read);
    }
    return found;
}

static void each_metric_is_a_document_of_the_collectors_shape(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        double value;
    } wanted[] = { { "sluice.my_job.batches_total.completed", 1 },
                   { "sluice.my_job.batch_processing_seconds", 0.0032 },
                   { "kafka-consumer.Consumer.RecordsLagMax.records-lag-max", 50 },
                   { "kafka-consumer.Consumer.RecordsConsumed.records-consumed-rate", 120 } };
    void *self = opened();
    batch_end(self, 1795402680500);
    const fake_request *request = fake_http_request(server, 0);
    assert_non_null(request);
    assert_string_equal(request->path, "/_bulk?filter_path=errors");
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        char *copy = strdup(request->body);
        assert_true(value_at(copy, wanted[i].path) == wanted[i].value);
        free(copy);
    }
    listener_elastic.close(self);
}

/* Time is that of batches: 5 s after a failure it is tried again, and not before. */
static void a_server_that_fails_is_left_alone_for_a_while(void **state)
{
    (void)state;
    void *self = opened();
    fake_http_add(server, &(fake_answer){ .status = 503 });
    fake_http_add(server, &(fake_answer){ .body = "{\"errors\":true}" });
    batch_end(self, 1795402680000);
    assert_int_equal(fake_http_count(server), 1);
    batch_end(self, 1795402682000);
    batch_end(self, 1795402684999);
    assert_int_equal(fake_http_count(server), 1);
    batch_end(self, 1795402685000);
    assert_int_equal(fake_http_count(server), 2);
    batch_end(self, 1795402690000);
    batch_end(self, 1795402692000);
    assert_int_equal(fake_http_count(server), 4);
    assert_int_equal(documents_dropped(((elastic *)self)->documents), 4);
    listener_elastic.close(self);
}

static void a_wrong_url_is_refused_without_its_password(void **state)
{
    (void)state;
    char error[256] = "";
    assert_null(
        listener_elastic.open(&(sl_listener_place){ .job = "j", .argument = "ftp://me:s3cret@host" }, error));
    assert_true(strlen(error) > 0);
    assert_null(strstr(error, "s3cret"));
}

#define ELASTIC_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ELASTIC_TEST(each_metric_is_a_document_of_the_collectors_shape),
        ELASTIC_TEST(a_server_that_fails_is_left_alone_for_a_while),
        ELASTIC_TEST(a_wrong_url_is_refused_without_its_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
