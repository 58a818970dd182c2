/*
 * tests/sinks/elastic/reply.c - answers read: whole ones, and those that were cut anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sinks/elastic/reply.h>
#include <sluice/text.h>

#include <cmocka.h>
#include <string.h>

static sl_text text_of(const char *text)
{
    return (sl_text){ text, strlen(text) };
}

static void an_answer_without_errors_is_seen_without_parsing(void **state)
{
    (void)state;
    assert_true(reply_is_all_fine(
        text_of("{\"took\":1,\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]}\n")));
    assert_false(reply_is_all_fine(text_of("{\"took\":1,\"errors\":false,\"items\":[{\"create\"")));
    assert_false(reply_is_all_fine(text_of("{\"took\":1,\"errors\":true,\"items\":[]}")));
    assert_false(reply_is_all_fine(text_of("")));
}

static void a_reason_that_quotes_the_document_is_not_taken_for_the_answer(void **state)
{
    (void)state;
    assert_false(reply_is_all_fine(text_of(
        "{\"errors\":true,\"items\":[{\"create\":{\"status\":400,\"error\":{\"type\":\"t\",\"reason\":"
        "\"failed to parse {\\\"errors\\\":false}\"}}}]}")));
}

static const char mixed[] =
    "{\"took\":3,\"errors\":true,\"items\":[{\"create\":{\"status\":201}},{\"index\":{\"status\":"
    "400,\"error\":{\"type\":\"mapper_parsing_exception\",\"reason\":\"no \\\"number\\\"\"}}}]}";

static void items_are_read_in_their_order(void **state)
{
    (void)state;
    reply *reply = reply_parse(text_of(mixed), 2);
    assert_non_null(reply);
    reply_item first = reply_item_at(reply, 0), second = reply_item_at(reply, 1);
    assert_int_equal(first.status, 201);
    assert_string_equal(first.type, "");
    assert_int_equal(second.status, 400);
    assert_string_equal(second.type, "mapper_parsing_exception");
    assert_string_equal(second.reason, "no \"number\"");
    reply_free(reply);
}

static void an_answer_that_is_cut_anywhere_is_none(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof mixed - 1; size++)
        assert_null(reply_parse((sl_text){ mixed, size }, 2));
}

static void an_answer_about_another_number_of_items_is_none(void **state)
{
    (void)state;
    assert_null(reply_parse(text_of(mixed), 1));
    assert_null(reply_parse(text_of(mixed), 3));
    assert_null(reply_parse(text_of("{\"errors\":true,\"items\":[{\"create\":{}}]}"), 1));
    assert_null(reply_parse(text_of("{\"errors\":true,\"items\":[{\"create\":{\"status\":\"201\"}}]}"), 1));
    assert_null(reply_parse(text_of("{\"errors\":true,\"items\":[null]}"), 1));
    assert_null(reply_parse(text_of("[1]"), 1));
    assert_null(reply_parse(text_of("<html>"), 1));
}

static void the_reason_of_a_whole_refusal_is_found(void **state)
{
    (void)state;
    char why[60];
    reply_why(text_of("{\"error\":{\"type\":\"security_exception\",\"reason\":\"no\"},\"status\":401}"), why,
              sizeof why);
    assert_string_equal(why, "security_exception: no");
    reply_why(text_of("{\"error\":\"Incorrect HTTP method\",\"status\":405}"), why, sizeof why);
    assert_string_equal(why, "Incorrect HTTP method");
    reply_why(text_of("<html>Bad gateway</html>"), why, sizeof why);
    assert_string_equal(why, "<html>Bad gateway</html>");
    reply_why(text_of(""), why, sizeof why);
    assert_string_equal(why, "no reason given");
    reply_why(text_of("\xF0"), why, sizeof why); /* nothing is left of it */
    assert_string_equal(why, "no reason given");
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    reply_item item = { .status = 400, .type = "t", .reason = "ab\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xb5" };
    const char whole[] = "t: ab\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xb5";
    /* how much of it is kept when there is room for so many bytes: never a part of a character */
    static const size_t kept[] = { 0, 1, 2, 3, 4, 5, 5, 7, 7, 7, 10, 10, 10, 10, 14 };
    for (size_t room = 0; room < sizeof kept / sizeof *kept; room++) {
        char why[sizeof whole];
        reply_item_why(&item, why, room + 1);
        assert_int_equal(strlen(why), kept[room]);
        assert_memory_equal(why, whole, kept[room]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_without_errors_is_seen_without_parsing),
        cmocka_unit_test(a_reason_that_quotes_the_document_is_not_taken_for_the_answer),
        cmocka_unit_test(items_are_read_in_their_order),
        cmocka_unit_test(an_answer_that_is_cut_anywhere_is_none),
        cmocka_unit_test(an_answer_about_another_number_of_items_is_none),
        cmocka_unit_test(the_reason_of_a_whole_refusal_is_found),
        cmocka_unit_test(a_long_reason_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
