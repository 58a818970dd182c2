/*
 * tests/http/pretty.c - the layout of Jackson's default printer, and numbers as Java prints them.
 */
#include <http/pretty.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static buffer out;

static const char *printed(void)
{
    buffer_byte(&out, '\0');
    out.size = 0;
    return out.at;
}

static void objects_have_lines_and_arrays_have_not(void **state)
{
    (void)state;
    pretty pretty = { .out = &out };
    pretty_array(&pretty, NULL);
    pretty_object(&pretty, NULL);
    pretty_text(&pretty, "id", "a \"b\"");
    pretty_array(&pretty, "attempts");
    pretty_object(&pretty, NULL);
    pretty_number(&pretty, "duration", 0);
    pretty_flag(&pretty, "completed", false);
    pretty_object_end(&pretty);
    pretty_array_end(&pretty);
    pretty_array(&pretty, "none");
    pretty_array_end(&pretty);
    pretty_object(&pretty, "empty");
    pretty_object_end(&pretty);
    pretty_object_end(&pretty);
    pretty_object(&pretty, NULL);
    pretty_date(&pretty, "at", 1430917380893);
    pretty_object_end(&pretty);
    pretty_array_end(&pretty);
    assert_string_equal(printed(), "[ {\n"
                                   "  \"id\" : \"a \\\"b\\\"\",\n"
                                   "  \"attempts\" : [ {\n"
                                   "    \"duration\" : 0,\n"
                                   "    \"completed\" : false\n"
                                   "  } ],\n"
                                   "  \"none\" : [ ],\n"
                                   "  \"empty\" : { }\n"
                                   "}, {\n"
                                   "  \"at\" : \"2015-05-06T13:03:00.893GMT\"\n"
                                   "} ]");
}

static void reals_are_the_shortest_that_mean_the_same(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } reals[] = { { 0, "0.0" },
                  { 149, "149.0" },
                  { 0.1, "0.1" },
                  { 1.0 / 3, "0.3333333333333333" },
                  { 120000, "120000.0" },
                  { 2.5e-4, "2.5E-4" },
                  { 15000000, "1.5E7" },
                  { 1e7, "1.0E7" },
                  { 1234567.5, "1234567.5" } };
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        pretty pretty = { .out = &out };
        pretty_real(&pretty, NULL, reals[i].value);
        assert_string_equal(printed(), reals[i].text);
    }
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_have_lines_and_arrays_have_not),
        cmocka_unit_test(reals_are_the_shortest_that_mean_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
