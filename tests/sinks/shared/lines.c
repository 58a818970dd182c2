/*
 * tests/sinks/shared/lines.c - what stands in a line, and which rows become lines.
 */
#include <setjmp.h>
#include <sinks/shared/lines.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define WORD_FIELDS(F) F(i64, number) F(text, word)
SL_RECORD(word, WORD_FIELDS);

static const word words[] = { { .word = { "a\n", 2 }, .number = 1 },
                              { .number = 2 },
                              { .word = { "", 0 }, .number = 3 } };

static void assert_printed(sl_output output, bool bare, const char *wanted)
{
    buffer out = { 0 };
    document *printer = document_new(word_schema(), &output.id, NULL);
    sink_spec spec = {
        .output = &output, .schema = word_schema(), .document = printer, .bare = bare, .writers = 1
    };
    lines_format format = lines_format_of(&spec, NULL);
    lines_print(&format, words, 3, 1000, &out);
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, wanted);
    buffer_done(&out);
    document_free(printer);
}

static void a_document_with_an_id_shows_it(void **state)
{
    (void)state;
    assert_printed(
        (sl_output){ .id = SL_FIELDS(word, number) }, false,
        "{\"_id\":\"1\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"number\":1,\"word\":\"a\\n\"}\n"
        "{\"_id\":\"2\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"number\":2}\n"
        "{\"_id\":\"3\",\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"number\":3,\"word\":\"\"}\n");
}

static void a_document_without_an_id_or_a_bare_one_shows_none(void **state)
{
    (void)state;
    static const char wanted[] =
        "{\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"number\":1,\"word\":\"a\\n\"}\n"
        "{\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"number\":2}\n"
        "{\"@timestamp\":\"1970-01-01T00:00:01.000Z\",\"number\":3,\"word\":\"\"}\n";
    assert_printed((sl_output){ .name = "no id" }, false, wanted);
    assert_printed((sl_output){ .id = SL_FIELDS(word, number) }, true, wanted);
}

static void a_raw_line_is_the_bytes_and_a_missing_text_no_line(void **state)
{
    (void)state;
    assert_printed((sl_output){ .raw = SL_FIELDS(word, word) }, false, "a\n\n\n");
}

static void groups_are_told_whole_or_not_at_all(void **state)
{
    (void)state;
    sl_output output = { .raw = SL_FIELDS(word, word) };
    sink_spec spec = { .output = &output, .schema = word_schema(), .writers = 1 };
    sink_batch batch = { .time_ms = 1000 };
    sink_group groups[] = { { .rows = &words[2], .count = 1 }, { .rows = words, .count = 1 } };
    lines all;
    buffer out = { 0 };
    lines_init(&all, &spec, NULL);
    lines_begin(&all, &batch);
    lines_replace(&all, groups, 2);
    assert_false(all.any);
    ordered_merge(&all.gathered, &out);
    assert_int_equal(out.size, 0);
    groups[1].changed = true;
    lines_begin(&all, &batch);
    lines_replace(&all, groups, 2);
    assert_true(all.any);
    ordered_merge(&all.gathered, &out);
    assert_int_equal(out.size, 4);
    assert_memory_equal(out.at, "\na\n\n", 4);
    lines_begin(&all, &batch);
    assert_false(all.any);
    lines_done(&all);
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_with_an_id_shows_it),
        cmocka_unit_test(a_document_without_an_id_or_a_bare_one_shows_none),
        cmocka_unit_test(a_raw_line_is_the_bytes_and_a_missing_text_no_line),
        cmocka_unit_test(groups_are_told_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
