/*
 * tests/listeners/history.c - what stands in the history after crashes, repeats and a full disk.
 */
#include <base/folder.h>
#include <setjmp.h>
#include <sluice/listener.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>

extern const sl_listener listener_history;

static sl_batch_info batch_of(int64_t id, sl_batch_state state)
{
    return (sl_batch_info){
        .job = "j", .batch_id = id, .batch_time_ms = id * 1000, .state = state, .attempt = 1
    };
}

static void *opened(const char *argument)
{
    char error[256] = "";
    void *self = listener_history.open(&(sl_listener_place){ "j", folder_path(""), argument }, error);
    assert_string_equal(error, "");
    assert_non_null(self);
    return self;
}

static void completed(void *self, int64_t id)
{
    sl_batch_info batch = batch_of(id, SL_BATCH_COMPLETED);
    listener_history.on_batch_completed(self, &batch);
}

static void failed(void *self, int64_t id)
{
    sl_batch_info batch = batch_of(id, SL_BATCH_FAILED);
    listener_history.on_batch_failed(self, &batch);
}

static void recalled(void *self, int64_t id)
{
    char account[2000];
    sl_batch_info batch = batch_of(id, SL_BATCH_COMPLETED);
    assert_in_range(sl_batch_json(&batch, account, sizeof account), 1, sizeof account - 1);
    listener_history.on_batch_recalled(self, id, account);
}

/* The lines of these batches, as the engine prints accounts. */
static const char *lines_of(const sl_batch_info *batches, size_t count)
{
    static char text[10000];
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size += sl_batch_json(&batches[i], text + size, sizeof text - size - 1);
        text[size++] = '\n';
    }
    text[size] = '\0';
    return text;
}

static void a_line_is_in_the_file_when_the_hook_returns(void **state)
{
    (void)state;
    void *self = opened(NULL);
    failed(self, 1);
    completed(self, 1);
    sl_batch_info expected[] = { batch_of(1, SL_BATCH_FAILED), batch_of(1, SL_BATCH_COMPLETED) };
    assert_string_equal(folder_read("history.ndjson"), lines_of(expected, 2));
    listener_history.close(self);
}

static void batches_that_a_crash_left_out_are_recalled_and_the_others_not_written_twice(void **state)
{
    (void)state;
    void *self = opened(NULL);
    completed(self, 1);
    completed(self, 2);
    failed(self, 3);
    listener_history.close(self);
    self = opened(NULL);
    for (int64_t id = 1; id <= 4; id++)
        recalled(self, id);
    listener_history.on_batch_recalled(self, 0, NULL);
    completed(self, 5);
    sl_batch_info expected[] = { batch_of(1, SL_BATCH_COMPLETED), batch_of(2, SL_BATCH_COMPLETED),
                                 batch_of(3, SL_BATCH_FAILED),    batch_of(3, SL_BATCH_COMPLETED),
                                 batch_of(4, SL_BATCH_COMPLETED), batch_of(5, SL_BATCH_COMPLETED) };
    assert_string_equal(folder_read("history.ndjson"), lines_of(expected, 6));
    listener_history.close(self);
}

/* The power failed: the file has a batch that the checkpoint forgot, and which comes again with other records. */
static void a_batch_that_is_done_again_is_written_again(void **state)
{
    (void)state;
    void *self = opened(NULL);
    completed(self, 1);
    listener_history.close(self);
    self = opened(NULL);
    completed(self, 1);
    sl_batch_info expected[] = { batch_of(1, SL_BATCH_COMPLETED), batch_of(1, SL_BATCH_COMPLETED) };
    assert_string_equal(folder_read("history.ndjson"), lines_of(expected, 2));
    listener_history.close(self);
}

static void batches_that_the_checkpoint_lost_in_a_power_cut_are_told_no_more(void **state)
{
    (void)state;
    void *self = opened(NULL);
    for (int64_t id = 1; id <= 4; id++)
        completed(self, id);
    failed(self, 5);
    listener_history.close(self);
    self = opened(NULL);
    recalled(self, 1);
    recalled(self, 2);
    listener_history.on_batch_recalled(self, 0, NULL);
    failed(self, 3);
    completed(self, 3);
    sl_batch_info expected[] = { batch_of(1, SL_BATCH_COMPLETED), batch_of(2, SL_BATCH_COMPLETED),
                                 batch_of(3, SL_BATCH_FAILED), batch_of(3, SL_BATCH_COMPLETED) };
    assert_string_equal(folder_read("history.ndjson"), lines_of(expected, 4));
    listener_history.close(self);
}

static void a_torn_line_is_cut_off_and_its_batch_written_anew(void **state)
{
    (void)state;
    sl_batch_info expected[] = { batch_of(1, SL_BATCH_COMPLETED), batch_of(2, SL_BATCH_COMPLETED) };
    char torn[2000];
    snprintf(torn, sizeof torn, "%s{\"batch_id\":2,\"state\":\"completed\",\"re", lines_of(expected, 1));
    folder_write("history.ndjson", torn);
    void *self = opened(NULL);
    completed(self, 2);
    assert_string_equal(folder_read("history.ndjson"), lines_of(expected, 2));
    listener_history.close(self);
}

static void a_line_of_which_the_disk_has_not_all_is_cut_off(void **state)
{
    (void)state;
    sl_batch_info expected[] = { batch_of(1, SL_BATCH_COMPLETED), batch_of(2, SL_BATCH_COMPLETED) };
    FILE *file = fopen(folder_path("history.ndjson"), "w");
    assert_non_null(file);
    fputs(lines_of(expected, 1), file);
    static const char torn[] = "{\"batch_id\":2\0\0\0,\"error\":null}\n";
    assert_int_equal(fwrite(torn, sizeof torn - 1, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    void *self = opened(NULL);
    completed(self, 2);
    assert_string_equal(folder_read("history.ndjson"), lines_of(expected, 2));
    listener_history.close(self);
}

static void a_full_generation_makes_room_and_the_repeat_is_still_known(void **state)
{
    (void)state;
    sl_batch_info batches[] = { batch_of(1, SL_BATCH_COMPLETED), batch_of(2, SL_BATCH_COMPLETED) };
    char most[24];
    snprintf(most, sizeof most, "%zu", strlen(lines_of(batches, 2)));
    void *self = opened(most);
    for (int64_t id = 1; id <= 3; id++)
        completed(self, id);
    assert_string_equal(folder_read("history.1.ndjson"), lines_of(batches, 2));
    sl_batch_info third = batch_of(3, SL_BATCH_COMPLETED);
    assert_string_equal(folder_read("history.ndjson"), lines_of(&third, 1));
    listener_history.close(self);
    folder_write("history.ndjson", "");
    self = opened(most);
    recalled(self, 2);
    listener_history.on_batch_recalled(self, 0, NULL);
    listener_history.close(self);
    assert_string_equal(folder_read("history.ndjson"), "");
}

/* A limit on the size of files stands for a full disk: writing fails in the middle of a line. */
static void a_line_that_a_full_disk_refuses_is_written_later(void **state)
{
    (void)state;
    sl_batch_info batches[] = { batch_of(1, SL_BATCH_COMPLETED), batch_of(2, SL_BATCH_COMPLETED),
                                batch_of(3, SL_BATCH_COMPLETED) };
    struct rlimit before, small;
    void *self = opened(NULL);
    completed(self, 1);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = strlen(lines_of(batches, 1)) + 10;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    completed(self, 2);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_string_equal(folder_read("history.ndjson"), lines_of(batches, 1));
    completed(self, 3);
    assert_string_equal(folder_read("history.ndjson"), lines_of(batches, 3));
    listener_history.close(self);
}

static void it_refuses_what_it_cannot_do(void **state)
{
    (void)state;
    char error[256];
    sl_listener_place places[] = { { "j", NULL, NULL },
                                   { "j", "/nowhere/at/all", NULL },
                                   { "j", folder_path(""), "much" },
                                   { "j", folder_path(""), "0" } };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        error[0] = '\0';
        assert_null(listener_history.open(&places[i], error));
        assert_true(strlen(error) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_in_the_file_when_the_hook_returns, folder_start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(
            batches_that_a_crash_left_out_are_recalled_and_the_others_not_written_twice, folder_start,
            folder_stop),
        cmocka_unit_test_setup_teardown(a_batch_that_is_done_again_is_written_again, folder_start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(batches_that_the_checkpoint_lost_in_a_power_cut_are_told_no_more,
                                        folder_start, folder_stop),
        cmocka_unit_test_setup_teardown(a_torn_line_is_cut_off_and_its_batch_written_anew, folder_start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(a_line_of_which_the_disk_has_not_all_is_cut_off, folder_start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(a_full_generation_makes_room_and_the_repeat_is_still_known,
                                        folder_start, folder_stop),
        cmocka_unit_test_setup_teardown(a_line_that_a_full_disk_refuses_is_written_later, folder_start,
                                        folder_stop),
        cmocka_unit_test_setup_teardown(it_refuses_what_it_cannot_do, folder_start, folder_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
