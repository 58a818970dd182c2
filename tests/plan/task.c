/*
 * tests/plan/task.c - what a stage may ask of its task, with a task and without one.
 */
#include <plan/task.h>
#include <setjmp.h>
#include <sluice/text.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MESSAGES = 100 };

/* Offsets have holes, as compaction leaves them. */
static void messages_make(sl_message *messages, char values[MESSAGES])
{
    int64_t offset = 5;
    for (size_t i = 0; i < MESSAGES; i++) {
        values[i] = (char)i;
        messages[i] =
            (sl_message){ .origin = { .offset = offset, .partition = 3 }, .value = { &values[i], 1 } };
        offset += 1 + (int64_t)(i * i % 4);
    }
}

static void a_rejected_record_is_noted_with_its_value(void **state)
{
    (void)state;
    sl_message messages[MESSAGES];
    char values[MESSAGES];
    for (size_t count = 1; count <= MESSAGES; count += 11) {
        sl_task task = { .messages = messages, .message_count = count, .stage = "parse" };
        messages_make(messages, values);
        for (size_t i = 0; i < count; i++)
            assert_false(sl_reject(&task, &messages[i].origin, "bad_line", "line"));
        const reject *rejects = (const void *)task.rejects.at;
        assert_int_equal(task.rejects.size, count * sizeof *rejects);
        for (size_t i = 0; i < count; i++) {
            assert_memory_equal(&rejects[i].origin, &messages[i].origin, sizeof(sl_origin));
            assert_string_equal(rejects[i].stage, "parse");
            assert_string_equal(rejects[i].reason, "bad_line");
            assert_string_equal(rejects[i].detail, "line");
            assert_ptr_equal(rejects[i].value.at, &values[i]);
        }
        buffer_done(&task.rejects);
    }
}

static void a_record_that_is_not_of_the_chunk_has_no_value(void **state)
{
    (void)state;
    sl_message messages[MESSAGES];
    char values[MESSAGES];
    messages_make(messages, values);
    sl_task task = { .messages = messages, .message_count = MESSAGES };
    const int64_t others[] = { 0, 4, messages[MESSAGES - 1].origin.offset + 1, INT64_MAX };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        sl_reject(&task, &(sl_origin){ .offset = others[i] }, "bad_line", "line");
    const reject *rejects = (const void *)task.rejects.at;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_null(rejects[i].value.at);
    buffer_done(&task.rejects);
}

static void a_task_tells_its_batch(void **state)
{
    (void)state;
    int options = 7;
    batch_frame frame = { .time_ms = 12000, .options = &options };
    sl_task task = { .batch = &frame };
    assert_int_equal(sl_batch_time_ms(&task), 12000);
    assert_ptr_equal(sl_options(&task), &options);
    char *one = sl_batch_memory(&task, 100), *two = sl_batch_memory(&task, 0);
    memset(one, 1, 100);
    assert_non_null(two);
    assert_int_equal((uintptr_t)one % 16, 0);
    assert_true(arena_bytes(&task.memory) > 0);
    arena_done(&task.memory);
}

static void without_a_task_nothing_is_kept(void **state)
{
    (void)state;
    assert_false(sl_reject(NULL, &(sl_origin){ 0 }, "bad_line", "line"));
    assert_int_equal(sl_batch_time_ms(NULL), 0);
    assert_null(sl_options(NULL));
    memset(sl_batch_memory(NULL, 1000), 1, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rejected_record_is_noted_with_its_value),
        cmocka_unit_test(a_record_that_is_not_of_the_chunk_has_no_value),
        cmocka_unit_test(a_task_tells_its_batch),
        cmocka_unit_test(without_a_task_nothing_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
