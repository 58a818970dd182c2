/*
 * tests/sources/kafka/incarnation.c - which topic of its name it is: by its id, across runs, by a file in the work folder.
 */
#include <base/disk.h>
#include <base/folder.h>
#include <sources/kafka/incarnation.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const wire_uuid none, first = { { 1 } }, second = { { 2 } }, third = { { 3 } };

static int end(void **state)
{
    (void)state;
    disk_break(NULL);
    folder_close();
    return 0;
}

static int32_t number_of(const char *topic, const wire_uuid *id)
{
    int32_t number = 0;
    failure failure = { 0 };
    incarnation_ask ask = { folder_path("."), topic, id };
    if (incarnation_find(&ask, &number, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    return number;
}

static void each_id_is_one_more_and_stays_what_it_was(void **state)
{
    (void)state;
    assert_int_equal(number_of("realtime", &first), 1);
    assert_int_equal(number_of("realtime", &first), 1);
    assert_int_equal(number_of("realtime", &second), 2);
    assert_int_equal(number_of("realtime", &second), 2);
    assert_int_equal(number_of("realtime", &first), 1); /* a wrong cluster, for a while */
    assert_int_equal(number_of("realtime", &third), 3);
}

static void topics_are_counted_each_by_itself(void **state)
{
    (void)state;
    assert_int_equal(number_of("realtime", &first), 1);
    assert_int_equal(number_of("real", &second), 1);
    assert_int_equal(number_of("realtime", &third), 2);
    assert_int_equal(number_of("real", &second), 1);
}

static void without_an_id_it_is_the_last_that_is_known(void **state)
{
    (void)state;
    assert_int_equal(number_of("realtime", &none), 1);
    assert_false(folder_has("topics"));
    number_of("realtime", &first);
    number_of("realtime", &second);
    assert_int_equal(number_of("realtime", &none), 2);
}

static void without_a_work_folder_it_is_the_first(void **state)
{
    (void)state;
    int32_t number = 0;
    failure failure = { 0 };
    incarnation_ask ask = { NULL, "realtime", &second };
    assert_int_equal(incarnation_find(&ask, &number, &failure), SL_OK);
    assert_int_equal(number, 1);
}

/* By `base64 -w0 | tr +/ -_` of the bytes, as Kafka prints them. */
static void an_id_is_written_as_kafkas_tools_write_it(void **state)
{
    (void)state;
    static const wire_uuid id = { { 0xfb, 0xff, 0xbf, 0x00, 0x10, 0x83, 0x10, 0x51, 0x87, 0x20, 0x92, 0x8b,
                                    0x30, 0xd3, 0x8f, 0x41 } };
    char text[INCARNATION_ID_ROOM];
    incarnation_id(&id, text);
    assert_string_equal(text, "-_-_ABCDEFGHIJKLMNOPQQ");
}

static void a_damaged_list_is_told_and_a_new_one_waits_for_room(void **state)
{
    (void)state;
    int32_t number;
    failure failure = { 0 };
    incarnation_ask ask = { folder_path("."), "realtime", &first };
    assert_true(disk_break("write:ENOSPC"));
    assert_int_equal(incarnation_find(&ask, &number, &failure), SL_RETRY);
    disk_break(NULL);
    static const char *const damaged[] = { "realtime",         "realtime 1 AAA", "realtime x AAA\n",
                                           "realtime 0 AAA\n", " 1 AAA\n",       "\n" };
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        folder_write("topics", damaged[i]);
        failure_clear(&failure);
        assert_int_equal(incarnation_find(&ask, &number, &failure), SL_FAILED);
        assert_non_null(strstr(failure.text, "topics, which says what topic is which, is damaged"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_id_is_one_more_and_stays_what_it_was, folder_start, end),
        cmocka_unit_test_setup_teardown(topics_are_counted_each_by_itself, folder_start, end),
        cmocka_unit_test_setup_teardown(without_an_id_it_is_the_last_that_is_known, folder_start, end),
        cmocka_unit_test_setup_teardown(without_a_work_folder_it_is_the_first, folder_start, end),
        cmocka_unit_test(an_id_is_written_as_kafkas_tools_write_it),
        cmocka_unit_test_setup_teardown(a_damaged_list_is_told_and_a_new_one_waits_for_room, folder_start,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
