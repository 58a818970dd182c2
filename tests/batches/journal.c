/*
 * tests/batches/journal.c - cuts come back as they were written; what was not finished is cut off, what is damaged is told; a
 * long file of finished batches starts anew.
 */
#include <base/disk.h>
#include <base/folder.h>
#include <batches/inputs.h>
#include <batches/journal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

typedef struct trial {
    inputs inputs;
    journal *journal;
    failure failure;
} trial;

/* Batch 7 has T 7000, two ranges that follow from its number. */
static batch cut_of(int64_t id)
{
    batch made = { .id = id, .time_ms = id * 1000, .interval_ms = 1000 + id, .catch_up = id % 2 };
    batch_range ranges[] = { { 0, id * 10, id * 10 + 10, id * 10 + 12 },
                             { 3, id * 5, id * 5 + 5, id * 5 + 5 } };
    buffer_append(&made.ranges, ranges, sizeof ranges);
    return made;
}

static sl_result reopen(trial *trial, int64_t done)
{
    journal_close(trial->journal);
    trial->journal = NULL;
    failure_clear(&trial->failure);
    return journal_open(folder_path(""), &trial->inputs.intake, done, &trial->journal, &trial->failure);
}

static sl_result entry_write(trial *trial, int64_t id)
{
    batch batch = cut_of(id);
    failure_clear(&trial->failure);
    sl_result result = journal_write(trial->journal, &batch, &trial->failure);
    buffer_done(&batch.ranges);
    return result;
}

static void assert_same_ranges(const batch *a, const batch *b)
{
    size_t count, wanted;
    const batch_range *left = batch_ranges(a, &count), *right = batch_ranges(b, &wanted);
    assert_int_equal(count, wanted);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(left[i].partition, right[i].partition);
        assert_true(left[i].from == right[i].from && left[i].until == right[i].until &&
                    left[i].end == right[i].end);
    }
}

/* The replays are exactly the batches from..until, whole and in order; they are freed. */
static void assert_replays(trial *trial, int64_t from, int64_t until)
{
    size_t count;
    batch **at = journal_replays(trial->journal, &count);
    assert_int_equal(count, until - from);
    for (int64_t id = from; id < until; id++) {
        const batch *read = at[id - from];
        batch wanted = cut_of(id);
        assert_true(read->id == id && read->time_ms == wanted.time_ms &&
                    read->interval_ms == wanted.interval_ms);
        assert_true(read->catch_up == wanted.catch_up && read->journaled);
        assert_same_ranges(read, &wanted);
        buffer_done(&wanted.ranges);
        batch_free(at[id - from]);
    }
    free(at);
}

static off_t journal_bytes(void)
{
    struct stat status;
    assert_int_equal(stat(folder_path("journal"), &status), 0);
    return status.st_size;
}

static void batches_come_back_as_they_were_written(void **state)
{
    trial *trial = *state;
    for (int64_t id = 1; id <= 5; id++)
        assert_int_equal(entry_write(trial, id), SL_OK);
    assert_int_equal(reopen(trial, 0), SL_OK);
    assert_replays(trial, 1, 6);
    assert_int_equal(reopen(trial, 3), SL_OK); /* 1 to 3 are in the checkpoint */
    assert_replays(trial, 4, 6);
    assert_int_equal(reopen(trial, 5), SL_OK);
    assert_replays(trial, 6, 6);
}

static void an_entry_torn_at_any_byte_is_cut_off(void **state)
{
    trial *trial = *state;
    assert_int_equal(entry_write(trial, 1), SL_OK);
    off_t whole = journal_bytes();
    assert_int_equal(entry_write(trial, 2), SL_OK);
    for (off_t size = journal_bytes() - 1; size >= whole; size--) {
        assert_int_equal(truncate(folder_path("journal"), size), 0);
        assert_int_equal(reopen(trial, 0), SL_OK);
        assert_replays(trial, 1, 2);
        assert_int_equal(journal_bytes(), whole);
        assert_int_equal(entry_write(trial, 2), SL_OK); /* it is taken anew, and found */
        assert_int_equal(reopen(trial, 0), SL_OK);
        assert_replays(trial, 1, 3);
    }
}

static void byte_flip(off_t at)
{
    FILE *file = fopen(folder_path("journal"), "r+");
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    fputc(byte ^ 1, file);
    fclose(file);
}

/* Batches 1, 2, ...; returns where the entry of the second one begins. */
static off_t entries_write(trial *trial, int64_t count)
{
    off_t second = 0;
    for (int64_t id = 1; id <= count; id++) {
        assert_int_equal(entry_write(trial, id), SL_OK);
        second = id == 1 ? journal_bytes() : second;
    }
    return second;
}

/* Whatever of it: its size too, which makes it look as if it were not finished. */
static void a_damaged_entry_before_others_is_refused(void **state)
{
    trial *trial = *state;
    char where[40];
    off_t second = entries_write(trial, 3), all = journal_bytes();
    off_t third = second + (all - second) / 2;
    snprintf(where, sizeof where, "journal is damaged at byte %lld", (long long)second);
    for (off_t at = second; at < third; at++) {
        byte_flip(at);
        for (int64_t done = 0; done < 3;
             done++) { /* the entry behind it is not done: that before it may not be */
            assert_int_equal(reopen(trial, done), SL_FAILED);
            assert_non_null(strstr(trial->failure.text, where));
            assert_non_null(strstr(trial->failure.text, "sluice reset"));
            assert_non_null(strstr(trial->failure.text, "remove the file"));
        }
        assert_int_equal(journal_bytes(), all); /* as it was, for the one who looks at it */
        byte_flip(at);
    }
    assert_int_equal(reopen(trial, 0), SL_OK);
    assert_replays(trial, 1, 4);
}

static void a_damaged_entry_before_one_that_is_done_was_done(void **state)
{
    trial *trial = *state;
    off_t second = entries_write(trial, 4);
    byte_flip(second + 25);
    assert_int_equal(reopen(trial, 3), SL_OK);
    assert_replays(trial, 4, 5);
    assert_int_equal(entry_write(trial, 5), SL_OK); /* and it goes on behind all */
    assert_int_equal(reopen(trial, 3), SL_OK);
    assert_replays(trial, 4, 6);
}

/* The driver writes a batch without input when it runs: cuts of later ones stand before it. */
static void an_entry_without_input_tells_nothing_of_what_stands_before_it(void **state)
{
    trial *trial = *state;
    batch empty = { .id = 2, .time_ms = 2000, .interval_ms = 1000 };
    assert_int_equal(entry_write(trial, 1), SL_OK);
    off_t third = journal_bytes();
    assert_int_equal(entry_write(trial, 3), SL_OK);
    assert_int_equal(journal_write(trial->journal, &empty, &trial->failure), SL_OK);
    byte_flip(third + 25);
    assert_int_equal(reopen(trial, 2), SL_FAILED);
}

static void a_damaged_last_entry_was_not_finished(void **state)
{
    trial *trial = *state;
    off_t second = entries_write(trial, 2);
    byte_flip(second + 25);
    assert_int_equal(reopen(trial, 0), SL_OK);
    assert_replays(trial, 1, 2);
    assert_int_equal(journal_bytes(), second);
}

static void a_long_journal_starts_anew_once_all_of_it_is_done(void **state)
{
    trial *trial = *state;
    int64_t id = 1;
    while (journal_bytes() <= 256 * 1024)
        assert_int_equal(entry_write(trial, id++), SL_OK);
    off_t full = journal_bytes();
    journal_forget(trial->journal, id - 2);
    assert_int_equal(entry_write(trial, id++), SL_OK); /* the one before is still wanted */
    assert_true(journal_bytes() > full);
    journal_forget(trial->journal, id - 1);
    assert_int_equal(entry_write(trial, id), SL_OK);
    assert_true(journal_bytes() < 1000);
    assert_int_equal(reopen(trial, id - 1), SL_OK);
    assert_replays(trial, id, id + 1);
}

static void a_full_disk_leaves_the_journal_as_it_was(void **state)
{
    trial *trial = *state;
    assert_int_equal(entry_write(trial, 1), SL_OK);
    off_t before = journal_bytes();
    assert_true(disk_break("write:ENOSPC:journal"));
    assert_int_equal(entry_write(trial, 2), SL_RETRY);
    assert_non_null(strstr(trial->failure.text, "journal"));
    disk_break(NULL);
    assert_int_equal(journal_bytes(), before);
    assert_int_equal(entry_write(trial, 2), SL_OK);
    assert_int_equal(reopen(trial, 0), SL_OK);
    assert_replays(trial, 1, 3);
}

static void what_was_written_survives_a_power_cut(void **state)
{
    trial *trial = *state;
    assert_int_equal(entry_write(trial, 1), SL_OK);
    assert_int_equal(entry_write(trial, 2), SL_OK);
    disk_forget();
    assert_int_equal(reopen(trial, 0), SL_OK);
    assert_replays(trial, 1, 3);
}

static void a_failed_sync_is_no_written_batch(void **state)
{
    trial *trial = *state;
    assert_int_equal(entry_write(trial, 1), SL_OK);
    assert_true(disk_break("sync:EIO:journal"));
    assert_int_equal(entry_write(trial, 2), SL_FAILED);
    disk_break(NULL);
    assert_int_equal(entry_write(trial, 2),
                     SL_FAILED); /* nobody knows what the disk holds: not before a new start */
}

static void a_partition_that_is_gone_is_data_loss(void **state)
{
    trial *trial = *state;
    assert_int_equal(entry_write(trial, 1), SL_OK);
    trial->inputs.intake.origins.count = 3; /* partition 3 went */
    assert_int_equal(reopen(trial, 0), SL_DATA_LOSS);
    assert_non_null(strstr(trial->failure.text, "batch 1 with lines partition 3"));
    assert_int_equal(reopen(trial, 1), SL_OK); /* of no use any more */
    trial->inputs.intake.origins.count = INPUTS_PARTITIONS;
}

static int open_trial(void **state)
{
    trial *trial = calloc(1, sizeof *trial);
    folder_open();
    inputs_open(&trial->inputs, "");
    *state = trial;
    return reopen(trial, 0) == SL_OK ? 0 : -1;
}

static int close_trial(void **state)
{
    trial *trial = *state;
    disk_break(NULL);
    journal_close(trial->journal);
    inputs_close(&trial->inputs);
    free(trial);
    folder_close();
    return 0;
}

#define JOURNAL_TEST(test) cmocka_unit_test_setup_teardown(test, open_trial, close_trial)

static void a_batch_that_is_left_for_a_new_folder_is_its_only_one(void **state)
{
    trial *trial = *state;
    batch left = cut_of(7);
    assert_int_equal(entry_write(trial, 5), SL_OK);
    assert_int_equal(journal_leave(folder_path(""), &left, &trial->inputs.intake.origins, &trial->failure),
                     SL_OK);
    assert_int_equal(reopen(trial, 0), SL_OK);
    assert_replays(trial, 7, 8);
    buffer_done(&left.ranges);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(batches_come_back_as_they_were_written),
        JOURNAL_TEST(an_entry_torn_at_any_byte_is_cut_off),
        JOURNAL_TEST(a_damaged_entry_before_others_is_refused),
        JOURNAL_TEST(a_damaged_entry_before_one_that_is_done_was_done),
        JOURNAL_TEST(an_entry_without_input_tells_nothing_of_what_stands_before_it),
        JOURNAL_TEST(a_damaged_last_entry_was_not_finished),
        JOURNAL_TEST(a_long_journal_starts_anew_once_all_of_it_is_done),
        JOURNAL_TEST(a_full_disk_leaves_the_journal_as_it_was),
        JOURNAL_TEST(what_was_written_survives_a_power_cut),
        JOURNAL_TEST(a_failed_sync_is_no_written_batch),
        JOURNAL_TEST(a_partition_that_is_gone_is_data_loss),
        JOURNAL_TEST(a_batch_that_is_left_for_a_new_folder_is_its_only_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
