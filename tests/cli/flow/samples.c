/*
 * tests/cli/flow/samples.c - Prometheus' text is read by name and label, whatever stands in the values.
 */
#include <cli/flow/samples.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static samples read_text(const char *text)
{
    samples samples = { 0 };
    samples_read(&samples, (sl_text){ text, strlen(text) });
    return samples;
}

static void names_and_labels_choose(void **state)
{
    (void)state;
    char value[20];
    samples samples = read_text("# HELP a_total what it is\n# TYPE a_total counter\n"
                                "a_total{job=\"x\",server=\"redis\"} 3\n"
                                "a_total{job=\"x\",server=\"elastic\"} 4.5 1795402680000\n"
                                "a_total_more{server=\"redis\"} 100\n"
                                "bare 1e3\n");
    assert_int_equal(samples.count, 4);
    assert_true(samples_sum(&samples, "a_total", NULL) == 7.5);
    assert_true(samples_sum(&samples, "a_total", "\"redis\"") == 3);
    assert_true(samples_most(&samples, "a_total", NULL) == 4.5);
    assert_true(samples_sum(&samples, "bare", NULL) == 1000);
    assert_true(samples_sum(&samples, "none", NULL) == 0);
    assert_true(samples_have(&samples, "a_total", "server=\"elastic\""));
    assert_false(samples_have(&samples, "a_total", "kafka"));
    assert_string_equal(sample_label(samples_at(&samples, 1), "server", value, sizeof value), "elastic");
    assert_string_equal(sample_label(samples_at(&samples, 3), "server", value, sizeof value), "");
    samples_done(&samples);
}

static void a_brace_in_a_value_ends_no_labels(void **state)
{
    (void)state;
    samples samples = read_text("a{topic=\"odd } \\\" name\"} 5\nb{torn=\"\nc 2\n\nno number\n{} 3\n");
    assert_int_equal(samples.count, 2);
    assert_true(samples_sum(&samples, "a", "odd }") == 5);
    assert_true(samples_sum(&samples, "c", NULL) == 2);
    samples_done(&samples);
}

static void a_new_text_replaces_the_old_one(void **state)
{
    (void)state;
    samples samples = read_text("a 1\nb 2\n");
    samples_read(&samples, (sl_text){ "a 7", 3 });
    assert_int_equal(samples.count, 1);
    assert_true(samples_sum(&samples, "a", NULL) == 7);
    samples_done(&samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_labels_choose),
        cmocka_unit_test(a_brace_in_a_value_ends_no_labels),
        cmocka_unit_test(a_new_text_replaces_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
