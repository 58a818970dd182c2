/*
 * tests/records/segment.c - chains of segments: what goes in comes out, limits, release, and reuse of memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <records/segment.h>
#include <sources/source.h>
#include <stdlib.h>

#include <cmocka.h> /* last: its fail() is a macro */

/* The overhead of a message: offset, time, two sizes; and everything is rounded up to 8. */
static size_t held(size_t key, size_t value)
{
    return (24 + key + value + 7) / 8 * 8;
}

static void add(segment_chain *chain, int64_t offset, const char *key, const char *value)
{
    segment_add(chain, &(sl_message){
                           .origin = { offset, offset * 10, 0 },
                           .key = { key, key ? strlen(key) : 0 },
                           .value = { value, value ? strlen(value) : 0 },
                       });
}

/* All messages of [from, until), read `room` at a time. */
static size_t read_all(const segment_chain *chain, int64_t from, int64_t until, size_t room,
                       sl_message *messages)
{
    buffer blocks = { 0 };
    size_t count = 0;
    segment_take(chain, 7, from, until, &blocks);
    const source_block *block = (const void *)blocks.at;
    for (size_t i = 0; i < blocks.size / sizeof *block; i++) {
        source_reading reading = { 0 };
        size_t got;
        while ((got = segment_read(&block[i], &reading, messages + count, room)) > 0)
            count += got;
    }
    buffer_done(&blocks);
    return count;
}

static void messages_come_out_as_they_went_in(void **state)
{
    (void)state;
    segment_chain chain = { 0 };
    sl_message out[8];
    add(&chain, 0, "key", "value");
    add(&chain, 1, NULL, "value alone");
    add(&chain, 2, "tombstone", NULL);
    add(&chain, 3, "", "");
    add(&chain, 4, NULL, NULL);
    assert_int_equal(read_all(&chain, 0, 5, 2, out), 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(out[i].origin.offset, i);
        assert_int_equal(out[i].origin.time_ms, i * 10);
        assert_int_equal(out[i].origin.partition, 7);
    }
    assert_true(sl_text_equal(out[0].key, SL_TEXT("key")));
    assert_true(sl_text_equal(out[0].value, SL_TEXT("value")));
    assert_null(out[1].key.at);
    assert_true(sl_text_equal(out[1].value, SL_TEXT("value alone")));
    assert_true(sl_text_equal(out[2].key, SL_TEXT("tombstone")));
    assert_null(out[2].value.at);
    assert_non_null(out[3].key.at);
    assert_int_equal(out[3].key.size, 0);
    assert_non_null(out[3].value.at);
    assert_int_equal(out[3].value.size, 0);
    assert_null(out[4].key.at);
    assert_null(out[4].value.at);
    segment_done(&chain);
}

static void headers_lie_behind_key_and_value(void **state)
{
    (void)state;
    static const char headers[] = "\x02\x02"
                                  "a"
                                  "\x04"
                                  "bc"; /* one; a, of 1 byte, is bc */
    segment_chain chain = { 0 };
    sl_message out[3];
    sl_message message = { .origin = { .offset = 0 }, .key = SL_TEXT("k"), .headers = headers };
    segment_add(&chain, &message);
    add(&chain, 1, NULL, "v");
    message = (sl_message){ .origin = { .offset = 2 }, .value = SL_TEXT("w"), .headers = headers };
    segment_add(&chain, &message);
    assert_int_equal(chain.bytes, held(1, sizeof headers - 1) + held(0, 1) + held(1, sizeof headers - 1));
    assert_int_equal(read_all(&chain, 0, 3, 2, out), 3);
    assert_true(sl_text_equal(sl_header(&out[0], SL_TEXT("a")), SL_TEXT("bc")));
    assert_null(out[0].value.at);
    assert_null(out[1].headers);
    assert_true(sl_text_equal(out[1].value, SL_TEXT("v")));
    assert_true(sl_text_equal(sl_header(&out[2], SL_TEXT("a")), SL_TEXT("bc")));
    assert_true(sl_text_equal(out[2].value, SL_TEXT("w")));
    assert_int_equal(read_all(&chain, 2, 3, 2, out), 1); /* walks over those before it */
    assert_true(sl_text_equal(out[0].value, SL_TEXT("w")));
    segment_done(&chain);
}

static void a_range_gives_exactly_its_messages(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    segment_chain chain = { 0 };
    sl_message *out = calloc(COUNT, sizeof *out);
    char value[100];
    for (int i = 0; i < COUNT; i++) {
        snprintf(value, sizeof value, "%d and something to fill more than one segment with", i);
        add(&chain, i * 2, NULL, value); /* every other offset is a hole */
    }
    static const int64_t ranges[][2] = { { 0, 40000 }, { 0, 1 },        { 1, 2 },
                                         { 1, 5 },     { 5000, 35001 }, { 39998, 50000 } };
    for (size_t r = 0; r < sizeof ranges / sizeof ranges[0]; r++) {
        int64_t first = (ranges[r][0] + 1) / 2 * 2, expected = 0;
        for (int64_t offset = first; offset < ranges[r][1] && offset < COUNT * 2; offset += 2)
            expected++;
        size_t count = read_all(&chain, ranges[r][0], ranges[r][1], 1000, out);
        assert_int_equal(count, expected);
        for (size_t i = 0; i < count; i++) {
            snprintf(value, sizeof value, "%d ", (int)(first / 2 + (int64_t)i));
            assert_int_equal(out[i].origin.offset, first + 2 * (int64_t)i);
            assert_memory_equal(out[i].value.at, value, strlen(value));
        }
    }
    free(out);
    segment_done(&chain);
}

static void a_look_stops_at_records_and_bytes(void **state)
{
    (void)state;
    segment_chain chain = { 0 };
    size_t bytes;
    segment_reach(&chain, 100);
    assert_int_equal(segment_look(&chain, 100, INT64_MAX, SIZE_MAX, &bytes), 100);
    assert_int_equal(bytes, 0);
    for (int i = 0; i < 10; i++)
        add(&chain, 100 + i, NULL, "12345678");
    assert_int_equal(segment_look(&chain, 100, INT64_MAX, SIZE_MAX, &bytes), 110);
    assert_int_equal(bytes, 10 * held(0, 8));
    assert_int_equal(segment_look(&chain, 103, 4, SIZE_MAX, &bytes), 107);
    assert_int_equal(bytes, 4 * held(0, 8));
    assert_int_equal(segment_look(&chain, 100, INT64_MAX, 3 * held(0, 8), &bytes), 103);
    assert_int_equal(bytes, 3 * held(0, 8));
    assert_int_equal(segment_look(&chain, 105, INT64_MAX, 1, &bytes), 106); /* one message always fits */
    assert_int_equal(segment_look(&chain, 105, INT64_MAX, 0, &bytes), 105);
    assert_int_equal(bytes, 0);
    segment_done(&chain);
}

static void looks_over_many_segments_add_up(void **state)
{
    (void)state;
    enum { COUNT = 30000 };
    segment_chain chain = { 0 };
    for (int i = 0; i < COUNT; i++)
        add(&chain, i, "k", "a value of twenty-some bytes");
    size_t one = held(1, 28), bytes;
    for (int64_t from = 0; from < COUNT; from += 1234) {
        for (int64_t most = 1; most < COUNT; most = most * 7 + 3) {
            int64_t until = from + most < COUNT ? from + most : COUNT;
            assert_int_equal(segment_look(&chain, from, most, SIZE_MAX, &bytes), until);
            assert_int_equal(bytes, (size_t)(until - from) * one);
            assert_int_equal(segment_look(&chain, from, INT64_MAX, (size_t)most * one, &bytes), until);
            assert_int_equal(segment_look_records(&chain, from, most, SIZE_MAX, &bytes), until);
        }
    }
    segment_done(&chain);
}

static void offsets_that_bring_nothing_can_be_reached(void **state)
{
    (void)state;
    segment_chain chain = { 0 };
    size_t bytes;
    add(&chain, 10, NULL, "x");
    segment_reach(&chain, 12); /* a control record at 11 */
    segment_reach(&chain, 5);
    assert_int_equal(segment_look(&chain, 0, INT64_MAX, SIZE_MAX, &bytes), 12);
    assert_int_equal(segment_look(&chain, 11, INT64_MAX, SIZE_MAX, &bytes), 12);
    assert_int_equal(bytes, 0);
    sl_message out[2];
    assert_int_equal(read_all(&chain, 11, 12, 2, out), 0);
    segment_done(&chain);
}

static void records_are_counted_where_offsets_are_bytes(void **state)
{
    (void)state;
    segment_chain chain = { 0 };
    size_t bytes;
    static const int64_t starts[] = { 0, 17, 40, 41, 99 };
    for (size_t i = 0; i < 5; i++)
        add(&chain, starts[i], NULL, "line");
    segment_reach(&chain, 120);
    assert_int_equal(segment_look_records(&chain, 0, 3, SIZE_MAX, &bytes), 41);
    assert_int_equal(segment_look_records(&chain, 17, 1, SIZE_MAX, &bytes), 40);
    assert_int_equal(segment_look_records(&chain, 0, 5, SIZE_MAX, &bytes), 120);
    assert_int_equal(segment_look_records(&chain, 0, 100, SIZE_MAX, &bytes), 120);
    segment_done(&chain);
}

static void repeated_offsets_are_dropped(void **state)
{
    (void)state;
    segment_chain chain = { 0 };
    sl_message out[4];
    segment_reach(&chain, 5);
    add(&chain, 4, NULL, "too early");
    add(&chain, 5, NULL, "first");
    add(&chain, 5, NULL, "again");
    add(&chain, 6, NULL, "second");
    assert_int_equal(read_all(&chain, 0, 100, 4, out), 2);
    assert_true(sl_text_equal(out[0].value, SL_TEXT("first")));
    assert_true(sl_text_equal(out[1].value, SL_TEXT("second")));
    segment_done(&chain);
}

static void a_message_larger_than_a_segment_has_its_own(void **state)
{
    (void)state;
    segment_chain chain = { 0 };
    segment_spare spare = { 0 };
    chain.spare = &spare;
    size_t size = SEGMENT_BYTES * 3 + 17;
    char *large = malloc(size + 1);
    memset(large, 'L', size);
    large[size] = '\0';
    add(&chain, 0, NULL, "before");
    add(&chain, 1, "key", large);
    add(&chain, 2, NULL, "after");
    sl_message out[4];
    assert_int_equal(read_all(&chain, 0, 3, 4, out), 3);
    assert_int_equal(out[1].value.size, size);
    assert_memory_equal(out[1].value.at, large, size);
    assert_true(sl_text_equal(out[2].value, SL_TEXT("after")));
    segment_release(&chain, 3);
    assert_int_equal(chain.bytes, 0);
    free(large);
    segment_done(&chain);
}

/* A large segment does not serve small messages: the first large one would take them all. */
static void released_memory_of_large_messages_is_used_again_by_large_ones(void **state)
{
    (void)state;
    segment_spare spare = { 0 };
    segment_chain chain = { .spare = &spare };
    size_t size = SEGMENT_BYTES * 3;
    char *large = calloc(1, size + 1);
    memset(large, 'L', size);
    sl_message out[2];
    add(&chain, 0, NULL, large);
    assert_int_equal(read_all(&chain, 0, 1, 1, out), 1);
    const char *place = out[0].value.at;
    segment_release(&chain, 1);
    assert_non_null(spare.large);
    assert_null(spare.usual);
    add(&chain, 1, NULL, "small");
    add(&chain, 2, NULL, large);
    assert_int_equal(read_all(&chain, 1, 3, 2, out), 2);
    assert_ptr_equal(out[1].value.at, place);
    assert_true(sl_text_equal(out[0].value, SL_TEXT("small")));
    free(large);
    segment_done(&chain);
}

static void what_is_not_released_stays(void **state)
{
    (void)state;
    enum { COUNT = 10000 };
    segment_chain chain = { 0 };
    sl_message *out = calloc(COUNT, sizeof *out);
    for (int i = 0; i < COUNT; i++)
        add(&chain, i, NULL, "a value that is a little longer than a pointer would be");
    size_t before = chain.bytes;
    for (int64_t until = 0; until < COUNT; until += 999) {
        segment_release(&chain, until);
        assert_int_equal(read_all(&chain, until, COUNT, 512, out), COUNT - until);
        assert_int_equal(out[0].origin.offset, until);
    }
    assert_true(chain.bytes < before);
    segment_release(&chain, COUNT);
    assert_int_equal(chain.bytes, 0);
    assert_null(chain.first);
    assert_null(chain.last);
    assert_int_equal(chain.next, COUNT);
    free(out);
    segment_done(&chain);
}

static void released_memory_is_used_again(void **state)
{
    (void)state;
    segment_spare spare = { 0 };
    segment_chain chains[2] = { { .spare = &spare }, { .spare = &spare } };
    sl_message out;
    add(&chains[0], 0, NULL, "first");
    assert_int_equal(read_all(&chains[0], 0, 1, 1, &out), 1);
    const char *place = out.value.at;
    segment_release(&chains[0], 1);
    assert_non_null(spare.usual);
    add(&chains[1], 50, NULL, "other"); /* the other chain, the same memory */
    assert_null(spare.usual);
    assert_int_equal(read_all(&chains[1], 50, 51, 1, &out), 1);
    assert_ptr_equal(out.value.at, place);
    assert_true(sl_text_equal(out.value, SL_TEXT("other")));
    segment_done(&chains[0]);
    segment_done(&chains[1]);
}

static void bytes_behind_any_message_can_be_read(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    segment_chain chain = { 0 };
    sl_message *out = calloc(COUNT, sizeof *out);
    char value[200];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < COUNT; i++) { /* all fillings of a segment's last bytes */
        value[i % 199] = '\0';
        add(&chain, i, NULL, value);
        value[i % 199] = 'v';
    }
    size_t count = read_all(&chain, 0, COUNT, 100, out);
    unsigned sum = 0;
    assert_int_equal(count, COUNT);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < SEGMENT_SLACK; k++)
            sum +=
                (unsigned char)out[i].value.at[out[i].value.size + k]; /* would fault on an unmapped page */
    assert_true(sum > 0);
    free(out);
    segment_done(&chain);
}

/* Units of a source's own form: first and last offset, then some bytes. */
typedef struct unit_header {
    int64_t first, last;
    size_t bytes;
} unit_header;

static segment_unit form(const char *at)
{
    unit_header header;
    memcpy(&header, at, sizeof header);
    return (segment_unit){ header.first, header.last, header.bytes };
}

/* Receives a unit in two pieces, the way a socket brings them. */
static void receive(segment_chain *chain, int64_t first, int64_t last, size_t bytes)
{
    unit_header header = { first, last, bytes };
    size_t room;
    char *at = segment_room(chain, 8, 0, &room);
    assert_true(room >= 8);
    memcpy(at, &header, 8);
    at = segment_room(chain, bytes, 8, &room);
    assert_true(room >= bytes);
    memcpy(at + 8, (const char *)&header + 8, sizeof header - 8);
    memset(at + sizeof header, 'u', bytes - sizeof header);
    segment_received(chain, &(segment_unit){ first, last, bytes }, 1);
}

/* The units of the blocks of [from, until), and the bytes in all. */
static size_t units_of(const segment_chain *chain, int64_t from, int64_t until, size_t *bytes)
{
    buffer blocks = { 0 };
    size_t count = 0;
    *bytes = 0;
    segment_take(chain, 0, from, until, &blocks);
    for (size_t i = 0; i < blocks.size / sizeof(source_block); i++) {
        const source_block *block = (const source_block *)(const void *)blocks.at + i;
        *bytes += block->size;
        for (size_t at = 0; at < block->size; count++)
            at += form((const char *)block->data + at).bytes;
    }
    buffer_done(&blocks);
    return count;
}

static void a_unit_is_taken_whole_wherever_the_range_cuts_it(void **state)
{
    (void)state;
    segment_chain chain = { .form = form };
    size_t bytes;
    for (int64_t i = 0; i < 100; i++)
        receive(&chain, i * 10, i * 10 + 8, 10000); /* offset 9 of each ten is a gap */
    assert_int_equal(chain.next, 999);
    assert_int_equal(segment_look(&chain, 5, 20, SIZE_MAX, &bytes), 25);
    assert_int_equal(bytes, 30000);
    assert_int_equal(units_of(&chain, 5, 25, &bytes), 3);
    assert_int_equal(bytes, 30000);
    assert_int_equal(units_of(&chain, 25, 30, &bytes), 1);
    assert_int_equal(units_of(&chain, 29, 30, &bytes), 0);
    assert_int_equal(segment_look(&chain, 25, INT64_MAX, 20000, &bytes), 40);
    assert_int_equal(segment_look(&chain, 0, INT64_MAX, SIZE_MAX, &bytes), 999);
    assert_int_equal(bytes, 1000000);
    assert_int_equal(units_of(&chain, 0, 999, &bytes), 100);
    segment_release(&chain, 995);
    assert_int_equal(units_of(&chain, 990, 999, &bytes), 1);
    segment_release(&chain, 999);
    assert_int_equal(chain.bytes, 0);
    segment_done(&chain);
}

static void what_is_being_received_outlives_a_release(void **state)
{
    (void)state;
    segment_chain chain = { .form = form };
    size_t room, bytes;
    receive(&chain, 0, 9, 1000);
    char *at = segment_room(&chain, 1000, 0, &room);
    segment_release(&chain, 10);
    unit_header header = { 10, 19, 1000 };
    memcpy(at, &header, sizeof header);
    segment_received(&chain, &(segment_unit){ 10, 19, 1000 }, 1);
    assert_int_equal(units_of(&chain, 10, 20, &bytes), 1);
    segment_release(&chain, 20);
    assert_null(chain.first);
    segment_done(&chain);
}

static void a_unit_larger_than_a_segment_is_received_whole(void **state)
{
    (void)state;
    segment_chain chain = { .form = form };
    size_t bytes;
    receive(&chain, 0, 9, 200000);
    receive(&chain, 10, 19, 3 * SEGMENT_BYTES);
    receive(&chain, 20, 29, 200000);
    assert_int_equal(units_of(&chain, 0, 30, &bytes), 3);
    assert_int_equal(bytes, 400000 + 3 * SEGMENT_BYTES);
    segment_done(&chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_as_they_went_in),
        cmocka_unit_test(headers_lie_behind_key_and_value),
        cmocka_unit_test(a_range_gives_exactly_its_messages),
        cmocka_unit_test(a_look_stops_at_records_and_bytes),
        cmocka_unit_test(looks_over_many_segments_add_up),
        cmocka_unit_test(offsets_that_bring_nothing_can_be_reached),
        cmocka_unit_test(records_are_counted_where_offsets_are_bytes),
        cmocka_unit_test(repeated_offsets_are_dropped),
        cmocka_unit_test(a_message_larger_than_a_segment_has_its_own),
        cmocka_unit_test(what_is_not_released_stays),
        cmocka_unit_test(released_memory_is_used_again),
        cmocka_unit_test(released_memory_of_large_messages_is_used_again_by_large_ones),
        cmocka_unit_test(a_unit_is_taken_whole_wherever_the_range_cuts_it),
        cmocka_unit_test(what_is_being_received_outlives_a_release),
        cmocka_unit_test(a_unit_larger_than_a_segment_is_received_whole),
        cmocka_unit_test(bytes_behind_any_message_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
