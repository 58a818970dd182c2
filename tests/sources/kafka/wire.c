/*
 * tests/sources/kafka/wire.c - the encoding, against bytes written by hand from the protocol's definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sources/kafka/wire.h>
#include <sources/shared/hex.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_written(buffer *out, const char *expected)
{
    buffer bytes = hex(expected), found = { 0 }, wanted = { 0 };
    hex_print(&found, out->at, out->size);
    hex_print(&wanted, bytes.at, bytes.size);
    assert_string_equal(found.at, wanted.at);
    buffer_done(&bytes);
    buffer_done(&found);
    buffer_done(&wanted);
    buffer_done(out);
}

static void numbers_stand_with_their_high_byte_first(void **state)
{
    (void)state;
    buffer out = { 0 };
    wire_writer writer = { &out, false };
    wire_put_i8(&writer, -2);
    wire_put_i16(&writer, 0x0102);
    wire_put_i32(&writer, -1);
    wire_put_i64(&writer, INT64_C(0x0102030405060708));
    wire_put_uuid(&writer, &(wire_uuid){ "0123456789abcdef" });
    assert_written(&out, "fe 0102 ffffffff 0102030405060708 '0123456789abcdef'");
}

static void the_old_way_has_fixed_sizes_and_no_tags(void **state)
{
    (void)state;
    buffer out = { 0 };
    wire_writer writer = { &out, false };
    wire_put_text(&writer, "abc");
    wire_put_text(&writer, "");
    wire_put_text(&writer, NULL);
    wire_put_bytes(&writer, (sl_text){ "x", 1 });
    wire_put_bytes(&writer, (sl_text){ NULL, 0 });
    wire_put_count(&writer, 7);
    wire_put_count(&writer, -1);
    wire_put_no_tags(&writer);
    assert_written(&out, "0003 'abc' 0000 ffff 00000001 'x' ffffffff 00000007 ffffffff");
}

static void the_flexible_way_has_varints_one_too_high(void **state)
{
    (void)state;
    char long_text[301];
    memset(long_text, 'z', 300);
    long_text[300] = '\0';
    buffer out = { 0 };
    wire_writer writer = { &out, true };
    wire_put_text(&writer, "abc");
    wire_put_text(&writer, "");
    wire_put_text(&writer, NULL);
    wire_put_bytes(&writer, (sl_text){ "x", 1 });
    wire_put_bytes(&writer, (sl_text){ NULL, 0 });
    wire_put_count(&writer, 126);
    wire_put_count(&writer, 127);
    wire_put_count(&writer, INT32_MAX);
    wire_put_count(&writer, -1);
    wire_put_no_tags(&writer);
    assert_written(&out, "04 'abc' 01 00 02 'x' 00 7f 8001 8080808008 00 00");
    wire_put_text(&writer, long_text);
    assert_int_equal(out.size, 302);
    assert_memory_equal(out.at, "\xad\x02zzz", 5);
    buffer_done(&out);
}

static void a_text_too_long_for_the_protocol_is_cut(void **state)
{
    (void)state;
    char text[40000];
    memset(text, 'z', sizeof text);
    text[sizeof text - 1] = '\0';
    buffer out = { 0 };
    wire_put_text(&(wire_writer){ &out, false }, text);
    assert_int_equal(out.size, 2 + 32767);
    assert_memory_equal(out.at, "\x7f\xff", 2);
    buffer_done(&out);
}

/* ---- Reading ---- */

static buffer input;

static void reader_of(wire_reader *reader, const char *text, bool flexible)
{
    buffer_done(&input);
    input = hex(text);
    char *exact =
        input.size ? realloc(input.at, input.size) : input.at; /* a byte past it is past the memory */
    input.at = exact;
    input.room = input.size;
    wire_reader_init(reader, input.at, input.size, flexible);
}

static int free_input(void **state)
{
    (void)state;
    buffer_done(&input);
    input = (buffer){ 0 };
    return 0;
}

static void assert_text(sl_text text, const char *expected)
{
    if (expected == NULL) {
        assert_null(text.at);
        return;
    }
    assert_non_null(text.at);
    assert_int_equal(text.size, strlen(expected));
    assert_memory_equal(text.at, expected, text.size);
}

static void assert_fault(const wire_reader *reader, const char *expected)
{
    buffer text = { 0 };
    assert_true(reader->bad);
    wire_explain(reader, &text);
    buffer_byte(&text, '\0');
    assert_string_equal(text.at, expected);
    buffer_done(&text);
}

static void numbers_are_read_back(void **state)
{
    (void)state;
    wire_reader reader;
    reader_of(&reader, "fe 8001 80000000 0102030405060708 ac02 ffffffff0f '0123456789abcdef'", true);
    assert_int_equal(wire_get_i8(&reader), -2);
    assert_int_equal(wire_get_i16(&reader), -32767);
    assert_int_equal(wire_get_i32(&reader), INT32_MIN);
    assert_int_equal(wire_get_i64(&reader), INT64_C(0x0102030405060708));
    assert_int_equal(wire_get_varint(&reader), 300);
    assert_int_equal(wire_get_varint(&reader), UINT32_MAX);
    wire_uuid uuid = wire_get_uuid(&reader);
    assert_memory_equal(uuid.at, "0123456789abcdef", 16);
    assert_true(wire_uuid_is(&uuid));
    assert_int_equal(wire_left(&reader), 0);
    assert_false(reader.bad);
}

static void texts_and_bytes_are_read_in_both_ways(void **state)
{
    (void)state;
    wire_reader reader;
    reader_of(&reader, "0003 'abc' 0000 ffff 00000001 'x' ffffffff", false);
    assert_text(wire_get_text(&reader), "abc");
    assert_text(wire_get_text(&reader), "");
    assert_text(wire_get_text(&reader), NULL);
    assert_text(wire_get_bytes(&reader), "x");
    assert_text(wire_get_bytes(&reader), NULL);
    assert_false(reader.bad);
    reader_of(&reader, "04 'abc' 01 00 02 'x' 00", true);
    assert_text(wire_get_text(&reader), "abc");
    assert_text(wire_get_text(&reader), "");
    assert_text(wire_get_text(&reader), NULL);
    assert_text(wire_get_bytes(&reader), "x");
    assert_text(wire_get_bytes(&reader), NULL);
    assert_false(reader.bad);
    assert_int_equal(wire_left(&reader), 0);
}

static void what_is_missing_at_the_end_is_a_fault_and_stays_one(void **state)
{
    (void)state;
    wire_reader reader;
    reader_of(&reader, "0001 0002 03", false);
    reader.part = "a partition";
    assert_int_equal(wire_get_i16(&reader), 1);
    assert_int_equal(wire_get_i32(&reader), 0);
    assert_fault(&reader, "in a partition, byte 2 of 5: the end, where more must follow (4)");
    assert_int_equal(wire_get_i8(&reader), 0);
    assert_int_equal(wire_left(&reader), 0);
    assert_text(wire_get_text(&reader), NULL);
    assert_int_equal(wire_get_count(&reader, 1), 0);
    assert_fault(&reader, "in a partition, byte 2 of 5: the end, where more must follow (4)");
}

static void a_text_is_never_longer_than_what_is_left(void **state)
{
    (void)state;
    wire_reader reader;
    reader_of(&reader, "0004 'abc'", false);
    assert_text(wire_get_text(&reader), NULL);
    assert_fault(&reader, "byte 2 of 5: a text that is longer than it can be (4)");
    reader_of(&reader, "fffe 'abc'", false);
    assert_text(wire_get_text(&reader), NULL);
    assert_fault(&reader, "byte 2 of 5: a text that is longer than it can be (-2)");
    reader_of(&reader, "ffffffff0f 'abc'", true);
    assert_text(wire_get_bytes(&reader), NULL);
    assert_true(reader.bad);
}

static void a_count_needs_room_for_its_elements(void **state)
{
    (void)state;
    wire_reader reader;
    reader_of(&reader, "00000002 'abcdef'", false);
    assert_int_equal(wire_get_count(&reader, 3), 2);
    reader_of(&reader, "00000003 'abcdef'", false);
    assert_int_equal(wire_get_count(&reader, 3), 0);
    assert_fault(&reader, "byte 4 of 10: more elements than can follow (3)");
    reader_of(&reader, "7fffffff", false);
    assert_int_equal(wire_get_count(&reader, 1), 0);
    assert_true(reader.bad);
    reader_of(&reader, "80000000", false);
    assert_int_equal(wire_get_count(&reader, 1), 0);
    assert_true(reader.bad);
    reader_of(&reader, "ffffffff", false);
    assert_int_equal(wire_get_count(&reader, 1), 0);
    assert_false(reader.bad);
}

static void a_varint_of_more_than_32_bits_is_a_fault(void **state)
{
    (void)state;
    wire_reader reader;
    reader_of(&reader, "ffffffff10", true);
    assert_int_equal(wire_get_varint(&reader), 0);
    assert_true(reader.bad);
    reader_of(&reader, "ffffffffff0f", true);
    assert_int_equal(wire_get_varint(&reader), 0);
    assert_true(reader.bad);
    reader_of(&reader, "85", true);
    assert_int_equal(wire_get_varint(&reader), 0);
    assert_true(reader.bad);
}

static void tags_are_gone_through_whatever_is_read_of_them(void **state)
{
    (void)state;
    wire_reader reader;
    const char *text = "03 00 04 00000007 02 02 'xy' 8101 00 '!'";
    uint32_t tags[4], count = 0;
    reader_of(&reader, text, true);
    wire_tags all = wire_tags_begin(&reader);
    for (uint32_t tag = 0; wire_tags_next(&reader, &all, &tag);) {
        tags[count++] = tag;
        if (tag == 0)
            assert_int_equal(wire_get_i32(&reader), 7);
    }
    assert_int_equal(count, 3);
    assert_int_equal(tags[0], 0);
    assert_int_equal(tags[1], 2);
    assert_int_equal(tags[2], 129);
    assert_int_equal(wire_get_i8(&reader), '!');
    reader_of(&reader, text, true);
    wire_skip_tags(&reader);
    assert_int_equal(wire_get_i8(&reader), '!');
    reader_of(&reader, "'!'", false);
    wire_skip_tags(&reader);
    assert_int_equal(wire_get_i8(&reader), '!');
}

static void tags_that_lie_about_their_size_are_faults(void **state)
{
    (void)state;
    wire_reader reader;
    reader_of(&reader, "01 00 05 00000007", true);
    wire_skip_tags(&reader);
    assert_fault(&reader, "byte 3 of 7: a tagged field that is longer than what follows (5)");
    reader_of(&reader, "7f 00 00 00", true);
    wire_skip_tags(&reader);
    assert_true(reader.bad);
    uint32_t tag = 0;
    reader_of(&reader, "01 00 02 00000007", true);
    wire_tags tags = wire_tags_begin(&reader);
    assert_true(wire_tags_next(&reader, &tags, &tag));
    assert_int_equal(wire_get_i32(&reader), 7); /* more than the field has */
    assert_false(wire_tags_next(&reader, &tags, &tag));
    assert_true(reader.bad);
}

static void bytes_are_skipped_and_copied(void **state)
{
    (void)state;
    wire_reader reader;
    char to[4] = "";
    reader_of(&reader, "'abcdef'", false);
    wire_skip(&reader, 2);
    assert_true(wire_get_raw(&reader, to, 3));
    assert_string_equal(to, "cde");
    assert_false(wire_get_raw(&reader, to, 2));
    assert_true(reader.bad);
    reader_of(&reader, "'abcdef'", false);
    wire_skip(&reader, 7);
    assert_true(reader.bad);
}

/* ---- From a source that gives a few bytes at a time ---- */

typedef struct drip {
    const char *at;
    size_t left, step, filled, received;
    char stage[64];
    bool broken;
} drip;

static bool drip_fill(wire_reader *reader, size_t least)
{
    drip *drip = reader->source_self;
    size_t here = (size_t)(reader->end - reader->at);
    if (drip->broken)
        return false;
    if (here)
        memmove(drip->stage, reader->at, here);
    while (here < least) {
        size_t more = drip->step < reader->rest ? drip->step : reader->rest;
        memcpy(drip->stage + here, drip->at, more);
        drip->at += more;
        here += more;
        reader->rest -= more;
        drip->filled += more;
    }
    reader->at = drip->stage;
    reader->end = drip->stage + here;
    return true;
}

static bool drip_receive(wire_reader *reader, char *to, size_t size)
{
    drip *drip = reader->source_self;
    if (drip->broken)
        return false;
    memcpy(to, drip->at, size);
    drip->at += size;
    reader->rest -= size;
    drip->received += size;
    return true;
}

static const wire_source drip_source = { drip_fill, drip_receive };

static void a_source_gives_what_is_not_in_memory(void **state)
{
    (void)state;
    for (size_t step = 1; step <= 40; step++) {
        buffer bytes = hex("0005 'abcde' 00000011 '0123456789abcdefg' 0007");
        drip drip = { .at = bytes.at, .step = step };
        wire_reader reader = {
            .size = bytes.size, .rest = bytes.size, .source = &drip_source, .source_self = &drip
        };
        char to[17];
        assert_text(wire_get_text(&reader), "abcde");
        size_t size = wire_get_size(&reader);
        assert_int_equal(size, 17);
        assert_true(wire_get_raw(&reader, to, 10));
        assert_memory_equal(to, "0123456789", 10);
        wire_skip(&reader, 4);
        assert_true(wire_get_raw(&reader, to, 3));
        assert_memory_equal(to, "efg", 3);
        assert_int_equal(wire_get_i16(&reader), 7);
        assert_int_equal(wire_left(&reader), 0);
        assert_int_equal(drip.filled + drip.received, bytes.size);
        assert_false(reader.bad);
        buffer_done(&bytes);
    }
}

static void a_source_that_fails_makes_the_reader_bad(void **state)
{
    (void)state;
    drip drip = { .broken = true };
    char to[4];
    wire_reader reader = { .size = 9, .rest = 9, .source = &drip_source, .source_self = &drip };
    assert_int_equal(wire_get_i32(&reader), 0);
    assert_fault(&reader, "byte 0 of 9: the connection failed (0)");
    assert_null(reader.fault);
    reader = (wire_reader){ .size = 9, .rest = 9, .source = &drip_source, .source_self = &drip };
    assert_false(wire_get_raw(&reader, to, 4));
    assert_true(reader.bad);
    reader = (wire_reader){ .size = 9, .rest = 9, .source = &drip_source, .source_self = &drip };
    wire_skip(&reader, 4);
    assert_true(reader.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_with_their_high_byte_first),
        cmocka_unit_test(the_old_way_has_fixed_sizes_and_no_tags),
        cmocka_unit_test(the_flexible_way_has_varints_one_too_high),
        cmocka_unit_test(a_text_too_long_for_the_protocol_is_cut),
        cmocka_unit_test_teardown(numbers_are_read_back, free_input),
        cmocka_unit_test_teardown(texts_and_bytes_are_read_in_both_ways, free_input),
        cmocka_unit_test_teardown(what_is_missing_at_the_end_is_a_fault_and_stays_one, free_input),
        cmocka_unit_test_teardown(a_text_is_never_longer_than_what_is_left, free_input),
        cmocka_unit_test_teardown(a_count_needs_room_for_its_elements, free_input),
        cmocka_unit_test_teardown(a_varint_of_more_than_32_bits_is_a_fault, free_input),
        cmocka_unit_test_teardown(tags_are_gone_through_whatever_is_read_of_them, free_input),
        cmocka_unit_test_teardown(tags_that_lie_about_their_size_are_faults, free_input),
        cmocka_unit_test_teardown(bytes_are_skipped_and_copied, free_input),
        cmocka_unit_test(a_source_gives_what_is_not_in_memory),
        cmocka_unit_test(a_source_that_fails_makes_the_reader_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
