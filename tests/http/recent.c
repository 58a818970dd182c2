/*
 * tests/http/recent.c - as many completed batches as were promised, those at work beside them, and bounded texts.
 */
#include <http/recent.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void tell(recent *recent, int64_t id, sl_batch_state state, size_t range_count)
{
    static sl_range ranges[200];
    for (size_t i = 0; i < 200; i++)
        ranges[i] = (sl_range){ "realtime", (int32_t)i, 0, 10, 10, 0 };
    sl_batch_info batch = { .job = "j", .batch_id = id, .batch_time_ms = id * 1000, .state = state };
    batch.ranges = ranges;
    batch.range_count = range_count;
    batch.records = state == SL_BATCH_COMPLETED ? 7 : 0;
    recent_listener.on_batch_submitted(recent, &batch);
}

static void the_newest_completed_ones_are_kept_and_all_that_wait(void **state)
{
    (void)state;
    recent *recent = recent_new("j", 3);
    for (int64_t id = 4000; id < 4010; id++) { /* ids go on over restarts */
        tell(recent, id, SL_BATCH_SUBMITTED, 1);
        tell(recent, id, SL_BATCH_COMPLETED, 1);
    }
    tell(recent, 4010, SL_BATCH_STARTED, 2);
    tell(recent, 4011, SL_BATCH_SUBMITTED, 1);
    const recent_view *view = recent_lock(recent);
    assert_int_equal(view->count, 5);
    assert_int_equal(view->batches[0]->id, 4007);
    assert_int_equal(view->batches[4]->id, 4011);
    assert_int_equal(view->retained, 3);
    assert_int_equal(view->completed, 10);
    assert_int_equal(view->processed, 70);
    assert_int_equal(view->received, 70 + 20 + 10);
    assert_int_equal(view->batches[3]->records, 20);
    assert_int_equal(view->batches[2]->records, 7);
    recent_unlock(recent);
    recent_free(recent);
    recent_free(NULL);
}

static void a_batch_of_many_ranges_keeps_the_first_of_them(void **state)
{
    (void)state;
    recent *recent = recent_new("j", 3);
    tell(recent, 1, SL_BATCH_COMPLETED, 200);
    const recent_view *view = recent_lock(recent);
    size_t ranges = 0;
    char *line = strndup(view->batches[0]->account.at, view->batches[0]->account.size);
    for (const char *at = line; (at = strstr(at, "\"partition\":")); at++)
        ranges++;
    assert_int_equal(ranges, RECENT_RANGES_MAX);
    assert_int_equal(view->batches[0]->topic_records[0], 2000);
    free(line);
    recent_unlock(recent);
    recent_free(recent);
}

static void topics_beyond_those_told_apart_share_the_last_place(void **state)
{
    (void)state;
    recent *recent = recent_new("j", 3);
    char names[12][8];
    sl_range ranges[12];
    for (int i = 0; i < 12; i++) {
        names[i][0] = (char)('a' + i);
        names[i][1] = '\0';
        ranges[i] = (sl_range){ names[i], 0, 0, 5, 5, 0 };
    }
    sl_batch_info batch = { .job = "j", .batch_id = 1, .ranges = ranges, .range_count = 12 };
    recent_listener.on_batch_submitted(recent, &batch);
    memset(names, 'x', sizeof names);
    const recent_view *view = recent_lock(recent);
    assert_int_equal(view->topic_count, RECENT_TOPICS_MAX);
    assert_string_equal(view->topics[1], "b");
    assert_int_equal(view->batches[0]->topic_records[0], 5);
    assert_int_equal(view->batches[0]->topic_records[RECENT_TOPICS_MAX - 1], 25);
    recent_unlock(recent);
    recent_free(recent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_completed_ones_are_kept_and_all_that_wait),
        cmocka_unit_test(a_batch_of_many_ranges_keeps_the_first_of_them),
        cmocka_unit_test(topics_beyond_those_told_apart_share_the_last_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
