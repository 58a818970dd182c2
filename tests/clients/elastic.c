/*
 * tests/clients/elastic.c - each setting of the server reaches the option that it is for, and none is there unless it was given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <clients/elastic.h>
#include <cmocka.h>
#include <sinks/sink.h>

extern const sink_kind sink_elastic;

static void what_is_set_is_where_it_belongs(void **state)
{
    (void)state;
    failure failure = { 0 };
    settings *settings = settings_new();
    settings_add(settings, "Elasticsearch", sink_elastic.settings);
    http_options before = elastic_server(settings);
    assert_string_equal(before.url, "http://127.0.0.1:9200");
    assert_null(before.user);
    assert_null(before.password);
    assert_null(before.api_key);
    assert_null(before.ca);

    static const char *const given[][2] = { { "elastic.url", "https://search:9243" },
                                            { "elastic.user", "me" },
                                            { "elastic.password", "word" },
                                            { "elastic.api_key", "key" },
                                            { "elastic.ca", "/its.pem" } };
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++)
        assert_int_equal(settings_set(settings, given[i][0], given[i][1], "test", &failure), SL_OK);
    http_options after = elastic_server(settings);
    assert_string_equal(after.setting, "elastic.url");
    assert_string_equal(after.url, "https://search:9243");
    assert_string_equal(after.user, "me");
    assert_string_equal(after.password, "word");
    assert_string_equal(after.api_key, "key");
    assert_string_equal(after.ca, "/its.pem");
    settings_free(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_set_is_where_it_belongs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
