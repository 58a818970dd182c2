/*
 * tests/clients/redis_address.c - redis.url taken apart.
 */
#include <clients/redis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void an_address_has_a_usual_port_and_database(void **state)
{
    (void)state;
    redis_address address;
    failure failure = { 0 };
    assert_int_equal(redis_address_parse("redis://example.net", &address, &failure), SL_OK);
    assert_string_equal(address.host, "example.net");
    assert_int_equal(address.port, 6379);
    assert_int_equal(address.database, 0);
    assert_null(address.user);
    assert_null(address.password);
    redis_address_done(&address);
}

static void an_address_may_say_everything(void **state)
{
    (void)state;
    redis_address address;
    failure failure = { 0 };
    assert_int_equal(redis_address_parse("redis://ann:p%40ss:w@rd@h:7000/3", &address, &failure), SL_OK);
    assert_string_equal(address.user, "ann");
    assert_string_equal(address.password, "p@ss:w@rd");
    assert_string_equal(address.host, "h");
    assert_int_equal(address.port, 7000);
    assert_int_equal(address.database, 3);
    redis_address_done(&address);
    assert_int_equal(redis_address_parse("redis://:secret@[::1]:7000/", &address, &failure), SL_OK);
    assert_null(address.user);
    assert_string_equal(address.password, "secret");
    assert_string_equal(address.host, "::1");
    assert_int_equal(address.port, 7000);
    redis_address_done(&address);
    assert_int_equal(redis_address_parse("unix:///run/redis.sock", &address, &failure), SL_OK);
    assert_string_equal(address.path, "/run/redis.sock");
    redis_address_done(&address);
}

static void a_wrong_address_is_refused_without_showing_the_password(void **state)
{
    (void)state;
    static const char *const wrong[] = { "localhost:6379",    "redis://",         "redis://h:x",
                                         "redis://h:70000",   "redis://h/one",    "redis://me:pw@",
                                         "unix://",           "unix:///",         "http://h",
                                         "redis://[::1:6379", "redis://me:pw@:1", "" };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        redis_address address;
        failure failure = { 0 };
        assert_int_equal(redis_address_parse(wrong[i], &address, &failure), SL_USAGE);
        assert_non_null(strstr(failure.text, "redis.url"));
        assert_null(strstr(failure.text, "pw@"));
    }
}

static void tls_is_refused_with_advice(void **state)
{
    (void)state;
    redis_address address;
    failure failure = { 0 };
    assert_int_equal(redis_address_parse("rediss://h", &address, &failure), SL_USAGE);
    assert_non_null(strstr(failure.text, "TLS"));
    assert_non_null(strstr(failure.text, "stunnel"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_a_usual_port_and_database),
        cmocka_unit_test(an_address_may_say_everything),
        cmocka_unit_test(a_wrong_address_is_refused_without_showing_the_password),
        cmocka_unit_test(tls_is_refused_with_advice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
