/*
 * tests/batches/frames.c - a frame is whole, or it is not there: torn at every byte and with every bit flipped.
 */
#include <batches/frames.h>
#include <sluice/text.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void add(buffer *file, const char *payload)
{
    size_t start;
    frame_begin(file, &start);
    buffer_text(file, payload);
    frame_end(file, start);
}

static bool next_is(const buffer *file, size_t size, size_t *at, const char *payload)
{
    sl_text read;
    return frame_read((sl_text){ file->at, size }, at, &read) && read.size == strlen(payload) &&
           memcmp(read.at, payload, read.size) == 0;
}

static void frames_are_read_one_after_another(void **state)
{
    (void)state;
    buffer file = { 0 };
    size_t at = 0;
    sl_text none;
    add(&file, "first");
    add(&file, "");
    add(&file, "third");
    assert_true(next_is(&file, file.size, &at, "first"));
    assert_true(next_is(&file, file.size, &at, ""));
    assert_true(next_is(&file, file.size, &at, "third"));
    assert_int_equal(at, file.size);
    assert_false(frame_read((sl_text){ file.at, file.size }, &at, &none));
    assert_int_equal(at, file.size);
    buffer_done(&file);
}

static void a_frame_torn_at_any_byte_is_not_there(void **state)
{
    (void)state;
    buffer file = { 0 };
    add(&file, "first");
    size_t whole = file.size;
    add(&file, "the second one");
    for (size_t size = whole; size < file.size; size++) {
        char *torn = malloc(size); /* exactly so long, so that the sanitizer sees a read behind it */
        memcpy(torn, file.at, size);
        buffer copy = { torn, size, size };
        size_t at = 0;
        sl_text none;
        assert_true(next_is(&copy, size, &at, "first"));
        assert_false(frame_read((sl_text){ torn, size }, &at, &none));
        assert_int_equal(at, whole);
        free(torn);
    }
    buffer_done(&file);
}

static void a_frame_with_any_bit_flipped_is_not_there(void **state)
{
    (void)state;
    buffer file = { 0 };
    add(&file, "some bytes that matter");
    for (size_t bit = 0; bit < file.size * 8; bit++) {
        size_t at = 0;
        sl_text read;
        file.at[bit / 8] = (char)(file.at[bit / 8] ^ 1 << bit % 8);
        assert_false(frame_read((sl_text){ file.at, file.size }, &at, &read));
        assert_int_equal(at, 0);
        file.at[bit / 8] = (char)(file.at[bit / 8] ^ 1 << bit % 8);
    }
    buffer_done(&file);
}

static void what_is_damaged_is_told_from_what_is_torn_by_the_whole_frame_behind_it(void **state)
{
    (void)state;
    static const char *const payloads[] = { "first", "the second one", "SLF1 is no frame by itself", "last" };
    buffer file = { 0 };
    size_t starts[5];
    for (size_t i = 0; i < 4; i++) {
        starts[i] = file.size;
        add(&file, payloads[i]);
    }
    starts[4] = file.size;
    sl_text all = { file.at, file.size };
    for (size_t from = 0; from <= file.size; from++) {
        size_t wanted = 0;
        while (starts[wanted] < from)
            wanted++;
        assert_int_equal(frame_find(all, from), starts[wanted]);
    }
    for (size_t at = starts[1]; at < starts[4]; at++) {
        size_t hit = at < starts[2] ? 1 : at < starts[3] ? 2 : 3;
        file.at[at] ^= 1;
        assert_int_equal(frame_find(all, starts[hit]), starts[hit + 1]);
        file.at[at] ^= 1;
    }
    for (size_t size = starts[3]; size < starts[4]; size++)
        assert_int_equal(frame_find((sl_text){ file.at, size }, starts[3]), size);
    buffer_done(&file);
}

static void a_loose_frame_is_read_and_proves_nothing_of_those_before_it(void **state)
{
    (void)state;
    buffer file = { 0 };
    size_t at = 0, second;
    sl_text payload;
    add(&file, "synced");
    second = file.size;
    add(&file, "loose");
    frame_loosen(&file, second);
    for (size_t i = 0; i < 2; i++)
        assert_true(frame_read((sl_text){ file.at, file.size }, &at, &payload));
    assert_true(payload.size == 5 && at == file.size);
    assert_int_equal(frame_find((sl_text){ file.at, file.size }, 1), second);
    assert_true(frame_is_behind((sl_text){ file.at, file.size }, 0));
    assert_false(frame_is_behind((sl_text){ file.at, file.size }, 1));
    add(&file, "synced, and so is what stands before it");
    assert_true(frame_is_behind((sl_text){ file.at, file.size }, 1));
    buffer_done(&file);
}

static void the_greatest_id_and_time_are_found_whatever_is_damaged(void **state)
{
    (void)state;
    buffer file = { 0 };
    size_t start, damaged = 0;
    for (int64_t id = 1; id <= 9; id++) {
        damaged = id == 4 ? file.size : damaged;
        frame_begin(&file, &start);
        put_i64(&file, id);
        put_i64(&file, 1000 * (10 - id));
        frame_end(&file, start);
    }
    sl_text all = { file.at, file.size };
    batch_mark mark = { 3, 9500 };
    frames_mark(all, 0, &mark);
    assert_true(mark.id == 9 && mark.time_ms == 9500);
    file.at[damaged + 10] ^= 1;
    mark = (batch_mark){ 0 };
    frames_mark(all, damaged, &mark);
    assert_true(mark.id == 9 && mark.time_ms == 5000);
    mark = (batch_mark){ 0 };
    frames_mark((sl_text){ file.at, file.size - 1 }, 1, &mark);
    assert_true(mark.id == 8 && mark.time_ms == 8000);
    buffer_done(&file);
}

/* A part of the file that the system never wrote. */
static void zeros_are_no_frame(void **state)
{
    (void)state;
    char zeros[4096] = { 0 };
    size_t at = 0;
    sl_text none;
    assert_false(frame_read((sl_text){ zeros, sizeof zeros }, &at, &none));
    assert_int_equal(at, 0);
}

static void values_come_back_in_order(void **state)
{
    (void)state;
    buffer out = { 0 };
    put_i64(&out, INT64_MIN);
    put_text(&out, SL_TEXT("a\0b"));
    put_text(&out, SL_TEXT(""));
    put_i64(&out, 42);
    frame_reader reader = { out.at, out.at + out.size, false };
    assert_int_equal(get_i64(&reader), INT64_MIN);
    assert_true(sl_text_equal(get_text(&reader), SL_TEXT("a\0b")));
    assert_true(sl_text_equal(get_text(&reader), SL_TEXT("")));
    assert_int_equal(get_i64(&reader), 42);
    assert_false(reader.damaged);
    assert_int_equal(get_i64(&reader), 0); /* behind the end */
    assert_true(reader.damaged);
    buffer_done(&out);
}

static void a_text_longer_than_its_frame_is_damage(void **state)
{
    (void)state;
    const int64_t sizes[] = { 4, INT64_MAX, -1, INT64_MIN };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        buffer out = { 0 };
        put_i64(&out, sizes[i]);
        buffer_text(&out, "abc");
        frame_reader reader = { out.at, out.at + out.size, false };
        assert_int_equal(get_text(&reader).size, 0);
        assert_true(reader.damaged);
        assert_int_equal(get_text(&reader).size, 0);
        buffer_done(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_read_one_after_another),
        cmocka_unit_test(a_frame_torn_at_any_byte_is_not_there),
        cmocka_unit_test(a_frame_with_any_bit_flipped_is_not_there),
        cmocka_unit_test(what_is_damaged_is_told_from_what_is_torn_by_the_whole_frame_behind_it),
        cmocka_unit_test(a_loose_frame_is_read_and_proves_nothing_of_those_before_it),
        cmocka_unit_test(the_greatest_id_and_time_are_found_whatever_is_damaged),
        cmocka_unit_test(zeros_are_no_frame),
        cmocka_unit_test(values_come_back_in_order),
        cmocka_unit_test(a_text_longer_than_its_frame_is_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
