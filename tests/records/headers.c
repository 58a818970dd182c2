/*
 * tests/records/headers.c - headers as bytes: what is whole, and what stages get of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <records/headers.h>
#include <sluice/text.h>
#include <stdlib.h>

#include <cmocka.h> /* last: its fail() is a macro */

static void they_are_written_as_kafka_has_them(void **state)
{
    (void)state;
    static const char wanted[] = "\x06" /* 3, zigzag */
                                 "\x0a"
                                 "trace"
                                 "\x02"
                                 "x" /* sizes 5 and 1 */
                                 "\x00"
                                 "\x00" /* both empty */
                                 "\x02"
                                 "n"
                                 "\x01"; /* -1: null */
    buffer out = { 0 };
    headers_begin(&out, 3);
    headers_add(&out, SL_TEXT("trace"), SL_TEXT("x"));
    headers_add(&out, SL_TEXT(""), SL_TEXT(""));
    headers_add(&out, SL_TEXT("n"), (sl_text){ 0 });
    assert_int_equal(out.size, sizeof wanted - 1);
    assert_memory_equal(out.at, wanted, out.size);
    assert_true(headers_are_whole(out.at, out.at + out.size));
    assert_int_equal(headers_size(out.at), out.size);
    buffer_done(&out);
}

/* Sizes that take several bytes. */
static void long_texts_come_back(void **state)
{
    (void)state;
    static char text[70000];
    memset(text, 'x', sizeof text);
    static const size_t sizes[] = { 63, 64, 127, 128, 8191, 8192, sizeof text };
    buffer out = { 0 };
    headers_begin(&out, 7);
    for (size_t i = 0; i < 7; i++)
        headers_add(&out, SL_TEXT("a"), (sl_text){ text, sizes[i] });
    sl_message message = { .headers = out.at };
    sl_text name, value;
    for (size_t i = 0; i < 7; i++) {
        assert_true(sl_header_at(&message, i, &name, &value));
        assert_int_equal(value.size, sizes[i]);
        assert_memory_equal(value.at, text, value.size);
    }
    assert_false(sl_header_at(&message, 7, &name, &value));
    assert_int_equal(sl_header(&message, SL_TEXT("a")).size, sizeof text); /* the last one of that name */
    buffer_done(&out);
}

static void a_message_without_headers_has_none(void **state)
{
    (void)state;
    sl_message message = { 0 };
    sl_text name, value;
    assert_null(sl_header(&message, SL_TEXT("a")).at);
    assert_false(sl_header_at(&message, 0, &name, &value));
}

/* Each part of the bytes, in memory of its own, so that the sanitizer sees a step beyond; and each byte changed. */
static void damaged_ones_are_seen_without_a_step_beyond(void **state)
{
    (void)state;
    buffer out = { 0 };
    headers_begin(&out, 2);
    headers_add(&out, SL_TEXT("trace"), SL_TEXT("x"));
    headers_add(&out, SL_TEXT("n"), (sl_text){ 0 });
    for (size_t size = 0; size < out.size; size++) {
        char *part = malloc(size + !size);
        memcpy(part, out.at, size);
        assert_false(headers_are_whole(part, part + size));
        free(part);
    }
    for (size_t i = 0; i < out.size; i++)
        for (int other = 0; other < 256; other++) {
            char *copy = malloc(out.size);
            memcpy(copy, out.at, out.size);
            copy[i] = (char)other;
            if (headers_are_whole(copy, copy + out.size))
                assert_int_equal(headers_size(copy), out.size);
            free(copy);
        }
    static const char *const bad[] = { "\x01", "\x02\x01\x00", "\x02\x03\x00", "\x80\x80\x80\x80\x80\x00" };
    static const size_t sizes[] = {
        1, 3, 3, 6
    }; /* a count of -1, a name that is null, a size of -2, a number without end */
    for (size_t i = 0; i < 4; i++)
        assert_false(headers_are_whole(bad[i], bad[i] + sizes[i]));
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_written_as_kafka_has_them),
        cmocka_unit_test(long_texts_come_back),
        cmocka_unit_test(a_message_without_headers_has_none),
        cmocka_unit_test(damaged_ones_are_seen_without_a_step_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
