/*
 * tests/batches/checkpoint.c - a job that starts again goes on as if it had never stopped: compared with one that did not,
 * after torn and damaged files, and with a clock that was set back.
 */
#include "../../jobs/listens.c"
#include <base/folder.h>
#include <base/memory.h>
#include <batches/job_run.h>
#include <batches/saved.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char first_file[] = "work/checkpoint-000000000000000001";
static const char windows[] =
    "--interval 1s --top-window 6s --top-pane 2s --top-count 3 --interest-window 5s "
    "--interest-pane 1s --interest-plays 2";

static job_run run;

static sl_result start_in(const char *folder, const char *options)
{
    char all[1024];
    snprintf(all, sizeof all, "%s --work-dir %s", options, folder_path(folder));
    return job_run_open(&run, &job, all);
}

static void start(const char *options)
{
    if (start_in("work", options) != SL_OK)
        fail_msg("%s", run.failure.text);
}

static void know_customers(void)
{
    for (int i = 0; i < 7; i++) {
        char id[8], json[64];
        snprintf(id, sizeof id, "%d", i);
        snprintf(json, sizeof json, "{\"gender\":\"%d\"}", i % 2);
        assert_true(engine_know(run.engine, "customers", id, json));
    }
}

static void play_of(int customer, int track)
{
    char line[128];
    snprintf(line, sizeof line, "7,%d,%d,\"2014-10-23 03:26:20\",0,\"72132\"", customer, track);
    job_run_send(&run, (uint32_t)customer % 4, line);
}

static void batch_run(void)
{
    if (job_run_batch(&run) != SL_OK)
        fail_msg("%s", run.failure.text);
    assert_true(job_run_adds_up(job_run_account(&run)));
}

/* The plays of batch n: some batches have none, tracks come and go. */
static void plays_send(int n)
{
    unsigned state = (unsigned)n * 2654435761u + 12345u;
    if (n % 7 == 5)
        return;
    for (int i = 0; i < n % 9 + 3; i++) {
        state = state * 1103515245u + 12345u;
        play_of((int)(state >> 8) % 8, n / 4 + (int)(state >> 16) % 5); /* customer 7 is unknown */
    }
}

/* All that the batch wrote, and its account without what depends on the time it took. */
static void note_batch(buffer *out)
{
    static const char *const outputs[] = { "documents", "top_tracks", "interests" };
    const sl_batch_info *account = job_run_account(&run);
    buffer_print(out, "batch %" PRId64 " T %" PRId64 " records %" PRId64 " missed %" PRId64 "\n",
                 account->batch_id, account->batch_time_ms, account->records, account->lookup_missed);
    for (size_t i = 0; i < 3; i++)
        buffer_print(out, "%s:\n%s", outputs[i], job_run_wrote(&run, outputs[i]));
}

/* 40 batches; a new start after each of which this is a multiple of `every`; 0: never. */
static void note_run(const char *folder, int every, buffer *out)
{
    run = (job_run){ 0 };
    assert_int_equal(start_in(folder, windows), SL_OK);
    know_customers();
    for (int n = 1; n <= 40; n++) {
        plays_send(n);
        batch_run();
        note_batch(out);
        if (every && n % every == 0) {
            job_run_close(&run);
            assert_int_equal(start_in(folder, windows), SL_OK);
            know_customers();
        }
    }
    buffer_byte(out, '\0');
    job_run_close(&run);
}

/* Windows move, lists change or not, interests come: all to the byte. */
static void a_job_that_starts_again_goes_on_as_if_it_had_not_stopped(void **state)
{
    (void)state;
    buffer undisturbed = { 0 }, disturbed = { 0 };
    note_run("never", 0, &undisturbed);
    assert_non_null(strstr(undisturbed.at, "\"rank\":3"));
    assert_non_null(strstr(undisturbed.at, "top_tracks:\ninterests:\n"));
    for (int every = 1; every <= 5; every += 2) {
        char folder[16];
        snprintf(folder, sizeof folder, "every-%d", every);
        disturbed.size = 0;
        note_run(folder, every, &disturbed);
        assert_string_equal(disturbed.at, undisturbed.at);
    }
    buffer_done(&undisturbed);
    buffer_done(&disturbed);
}

static void a_list_that_did_not_change_is_not_written_again(void **state)
{
    (void)state;
    start("--interval 1s");
    know_customers();
    play_of(1, 50);
    batch_run();
    assert_string_not_equal(job_run_wrote(&run, "top_tracks"), "");
    job_run_close(&run);
    start("--interval 1s");
    batch_run();
    assert_string_equal(job_run_wrote(&run, "top_tracks"), "");
    play_of(2, 60); /* the other gender's list: this one is written, with all groups that a place needs */
    know_customers();
    batch_run();
    assert_non_null(strstr(job_run_wrote(&run, "top_tracks"), "\"_id\":\"0-1\""));
}

static void plays_from_before_and_after_a_start_make_an_interest_together(void **state)
{
    (void)state;
    start("--interval 1s");
    play_of(1, 50);
    play_of(1, 50);
    batch_run();
    assert_string_equal(job_run_wrote(&run, "interests"), "");
    job_run_close(&run);
    start("--interval 1s");
    play_of(1, 50);
    batch_run();
    assert_string_equal(job_run_wrote(&run, "interests"),
                        "{\"_id\":\"1-50\",\"@timestamp\":\"1970-01-01T00:00:02.000Z\",\"customer_id\":\"1\","
                        "\"track_id\":\"50\",\"plays\":3}\n");
}

static off_t size_of(const char *name)
{
    struct stat status;
    assert_int_equal(stat(folder_path(name), &status), 0);
    return status.st_size;
}

/* Whatever the last frame's remains: the state is that after batch 2, and batch 3 comes again from the journal. */
static void a_frame_torn_at_any_byte_was_never_there(void **state)
{
    (void)state;
    off_t sizes[4];
    start("--interval 1s --interest-plays 3");
    for (int n = 1; n <= 3; n++) {
        play_of(1, 50);
        batch_run();
        sizes[n] = size_of(first_file);
    }
    job_run_close(&run);
    assert_true(sizes[1] < sizes[2] && sizes[2] < sizes[3]);
    for (off_t less = 1; size_of(first_file) - less >= sizes[2]; less++) {
        assert_int_equal(truncate(folder_path(first_file), size_of(first_file) - less), 0);
        start("--interval 1s --interest-plays 3");
        play_of(1, 50);
        batch_run();
        const sl_batch_info *account = job_run_account(&run);
        assert_true(account->batch_id == 3 && account->batch_time_ms == 3000 && account->records == 1);
        assert_non_null(strstr(job_run_wrote(&run, "interests"), "\"plays\":3"));
        job_run_close(&run);
    }
    run = (job_run){ 0 };
}

static void byte_flip(const char *name, off_t at)
{
    FILE *file = fopen(folder_path(name), "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    fputc(byte ^ 1, file);
    assert_int_equal(fclose(file), 0);
}

static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 20];
    FILE *in = fopen(folder_path(from), "r"), *out = fopen(folder_path(to), "w");
    assert_non_null(in);
    assert_non_null(out);
    size_t size = fread(bytes, 1, sizeof bytes, in);
    assert_int_equal(fwrite(bytes, 1, size, out), size);
    assert_int_equal(fclose(in) | fclose(out), 0);
}

/* A play in each of four batches; where the frame of each ends. */
static void four_batches(off_t ends[5])
{
    start("--interval 1s --interest-plays 4");
    for (int n = 1; n <= 4; n++) {
        play_of(1, 50);
        batch_run();
        ends[n] = size_of(first_file);
    }
    job_run_close(&run);
}

/* What is damaged was acknowledged, and so was what follows: to cut it off would forget batches without a word. */
static void a_damaged_frame_before_others_is_refused(void **state)
{
    (void)state;
    off_t ends[5];
    char where[200], cut[40];
    four_batches(ends);
    snprintf(
        where, sizeof where,
        "checkpoint-000000000000000001 is damaged at byte %lld: batches up to 1 are whole, what batches 2 to 4 left",
        (long long)ends[1]);
    snprintf(cut, sizeof cut, "truncate -s %lld", (long long)ends[1]);
    for (off_t at = ends[1]; at < ends[2]; at += at < ends[1] + 24 ? 1 : 17) { /* of its size, too */
        byte_flip(first_file, at);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(start_in("work", "--interval 1s --interest-plays 4"), SL_FAILED);
            assert_non_null(strstr(run.failure.text, where));
            assert_non_null(strstr(run.failure.text, cut));
            assert_non_null(strstr(run.failure.text, "sluice reset"));
            job_run_close(&run);
        }
        assert_int_equal(size_of(first_file), ends[4]); /* as it was, for the one who looks at it */
        byte_flip(first_file, at);
    }
    start("--interval 1s --interest-plays 4");
    play_of(1, 50);
    batch_run();
    assert_non_null(strstr(job_run_wrote(&run, "interests"), "\"plays\":5"));
}

/* Batches without input are not synced: a power cut may leave the last of them, and take the first. */
static void batches_without_input_that_a_power_cut_took_are_no_damage(void **state)
{
    (void)state;
    off_t ends[5];
    start("--interval 1s --interest-plays 4");
    play_of(1, 50);
    for (int n = 1; n <= 4; n++) {
        batch_run();
        ends[n] = size_of(first_file);
    }
    job_run_close(&run);
    byte_flip(first_file, ends[1] + 30);
    start("--interval 1s --interest-plays 4");
    assert_int_equal(size_of(first_file), ends[1]);
    play_of(1, 50);
    batch_run();
    assert_int_equal(job_run_account(&run)->batch_id, 2);
    job_run_close(&run);
    run = (job_run){ 0 };
}

/* The way out that the refusal names: what the journal holds runs as it ran. */
static void a_damaged_file_that_was_cut_goes_on_before_the_damage(void **state)
{
    (void)state;
    off_t ends[5];
    four_batches(ends);
    byte_flip(first_file, ends[1] + 30);
    assert_int_equal(truncate(folder_path(first_file), ends[1]), 0);
    start("--interval 1s --interest-plays 4");
    for (int n = 2; n <= 4; n++) {
        play_of(1, 50); /* the source has them still */
        batch_run();
        assert_int_equal(job_run_account(&run)->batch_id, n);
        assert_int_equal(job_run_account(&run)->batch_time_ms, n * 1000);
    }
    assert_non_null(strstr(job_run_wrote(&run, "interests"), "\"plays\":4"));
}

/* As after a change of files: one after batch 1, the next begun after batch 3. The newest is damaged at its start. */
static void a_damaged_newest_file_is_set_aside_and_the_older_one_used(void **state)
{
    (void)state;
    start("--interval 1s --interest-plays 3");
    play_of(1, 50);
    batch_run();
    copy_file(first_file, "older");
    play_of(1, 50);
    batch_run();
    play_of(1, 50);
    batch_run();
    job_run_close(&run);
    assert_int_equal(rename(folder_path(first_file), folder_path("work/checkpoint-000000000000000003")), 0);
    assert_int_equal(rename(folder_path("older"), folder_path(first_file)), 0);
    byte_flip("work/checkpoint-000000000000000003", 30);
    start("--interval 1s --interest-plays 3");
    assert_true(folder_has("work/damaged-checkpoint-000000000000000003"));
    assert_false(folder_has("work/checkpoint-000000000000000003"));
    for (int n = 2; n <= 3; n++) { /* as journaled, at the positions of the older file */
        play_of(1, 50);
        batch_run();
        assert_int_equal(job_run_account(&run)->batch_id, n);
        assert_int_equal(job_run_account(&run)->batch_time_ms, n * 1000);
    }
    assert_non_null(strstr(job_run_wrote(&run, "interests"), "\"plays\":3"));
}

/* The journal lost what the older file does not hold: to go on would leave out a record without a word. */
static void records_between_checkpoint_and_journal_are_data_loss(void **state)
{
    (void)state;
    static char journal[4096];
    off_t after[4] = { 0 };
    start("--interval 1s");
    for (int n = 1; n <= 3; n++) {
        play_of(1, 50);
        batch_run();
        after[n] = size_of("work/journal");
        if (n == 1)
            copy_file(first_file, "older");
    }
    job_run_close(&run);
    copy_file("older", first_file);
    FILE *file = fopen(folder_path("work/journal"), "r+");
    assert_non_null(file);
    assert_int_equal(fread(journal, 1, sizeof journal, file), after[3]);
    assert_int_equal(fseek(file, after[1], SEEK_SET), 0);
    assert_int_equal(fwrite(journal + after[2], 1, (size_t)(after[3] - after[2]), file), after[3] - after[2]);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(truncate(folder_path("work/journal"), after[1] + after[3] - after[2]), 0);
    assert_int_equal(start_in("work", "--interval 1s"), SL_DATA_LOSS);
    assert_non_null(strstr(run.failure.text, "lines partition 1 was read up to 1"));
    assert_non_null(strstr(run.failure.text, "batch 3 begins at 2"));
}

static void file_append(const char *name, const char *line)
{
    FILE *file = fopen(folder_path(name), "a");
    assert_non_null(file);
    assert_true(fprintf(file, "%s\n", line) > 0);
    assert_int_equal(fclose(file), 0);
}

/* The first batch was cut and not done: its records are read again, though more has come since. */
static void a_start_from_latest_begins_where_the_first_journaled_batch_does(void **state)
{
    (void)state;
    char options[1024];
    snprintf(options, sizeof options,
             "--interval 1s --from-offsets latest --from lines=file:%s --max-batch-failures 1",
             folder_path("in"));
    file_append("in", "before the job");
    start(options);
    file_append("in", "while it ran");
    assert_true(disk_break("write:ENOSPC:.dead/"));
    assert_int_equal(job_run_batch(&run), SL_REPEATED);
    disk_break(NULL);
    job_run_close(&run);
    file_append("in", "while it was down");
    start(options);
    batch_run();
    assert_int_equal(job_run_account(&run)->batch_id, 1);
    assert_int_equal(job_run_account(&run)->records, 1);
    batch_run();
    assert_int_equal(job_run_account(&run)->records, 1);
    job_run_close(&run);
    assert_non_null(strstr(folder_read("work/dead/in.dead/batch-1000.ndjson"), "\"value\":\"while it ran\""));
    assert_non_null(
        strstr(folder_read("work/dead/in.dead/batch-3000.ndjson"), "\"value\":\"while it was down\""));
}

static void without_any_whole_file_the_job_does_not_start(void **state)
{
    (void)state;
    start("--interval 1s");
    play_of(1, 50);
    batch_run();
    job_run_close(&run);
    byte_flip(first_file, 30);
    assert_int_equal(start_in("work", "--interval 1s"), SL_FAILED);
    assert_non_null(strstr(run.failure.text, "no checkpoint in"));
    assert_non_null(strstr(run.failure.text, "sluice reset"));
    assert_true(folder_has("work/damaged-checkpoint-000000000000000001"));
    job_run_close(&run);
    /* Nor at the next try: only a reset lets it. */
    assert_int_equal(start_in("work", "--interval 1s"), SL_FAILED);
}

static void another_length_or_pane_of_a_window_is_refused(void **state)
{
    (void)state;
    start("--interval 1s --interest-window 10s --interest-pane 2s");
    play_of(1, 50);
    batch_run();
    job_run_close(&run);
    assert_int_equal(start_in("work", "--interval 1s --interest-window 20s --interest-pane 2s"), SL_USAGE);
    assert_non_null(strstr(run.failure.text, "plays_by_customer"));
    assert_non_null(strstr(run.failure.text, "10000ms"));
    assert_non_null(strstr(run.failure.text, "20000ms"));
    assert_non_null(strstr(run.failure.text, "sluice reset"));
    job_run_close(&run);
    assert_int_equal(start_in("work", "--interval 1s --interest-window 10s --interest-pane 1s"), SL_USAGE);
    assert_non_null(strstr(run.failure.text, "2000ms"));
    job_run_close(&run);
    assert_int_equal(start_in("work", "--interval 1s --interest-window 10s --interest-pane 2s"), SL_OK);
}

/* 10 s window of 1 s panes: the play of T 1000 is in it up to T 10,999. */
static void another_interval_keeps_windows_exact(void **state)
{
    (void)state;
    start("--interval 1s --interest-window 10s --interest-pane 1s --interest-plays 2");
    play_of(1, 50);
    batch_run();
    job_run_close(&run);
    start("--interval 3s --interest-window 10s --interest-pane 1s --interest-plays 2");
    play_of(1, 50);
    assert_int_equal(job_run_batch_at(&run, 9500), SL_OK);
    assert_int_equal(job_run_account(&run)->batch_time_ms, 9000);
    assert_non_null(strstr(job_run_wrote(&run, "interests"), "\"plays\":2"));
    play_of(1, 50);
    assert_int_equal(job_run_batch_at(&run, 12000), SL_OK); /* the first has left */
    assert_non_null(strstr(job_run_wrote(&run, "interests"), "\"plays\":2"));
    play_of(1, 50);
    assert_int_equal(job_run_batch_at(&run, 24000), SL_OK);
    assert_string_equal(job_run_wrote(&run, "interests"), "");
}

static void batch_times_go_on_though_the_clock_was_set_back(void **state)
{
    (void)state;
    start("--interval 1s");
    play_of(1, 50);
    assert_int_equal(job_run_batch_at(&run, 3600000), SL_OK);
    assert_int_equal(job_run_batch_at(&run, 3601000), SL_OK); /* an empty one counts as well */
    job_run_close(&run);
    start("--interval 1s");
    assert_int_equal(job_run_batch_at(&run, 5000), SL_OK);
    const sl_batch_info *account = job_run_account(&run);
    assert_true(account->batch_id == 3 && account->batch_time_ms == 3602000 && account->catch_up);
    assert_int_equal(job_run_batch_at(&run, 6000), SL_OK);
    assert_int_equal(job_run_account(&run)->batch_time_ms, 3603000);
    assert_false(job_run_account(&run)->catch_up);
}

static void offsets_go_on_where_they_ended(void **state)
{
    (void)state;
    start("--interval 1s");
    play_of(1, 50);
    play_of(1, 50);
    play_of(2, 50);
    batch_run();
    job_run_close(&run);
    start("--interval 1s");
    play_of(1, 51);
    batch_run();
    const sl_batch_info *account = job_run_account(&run);
    assert_int_equal(account->range_count, 1);
    assert_true(account->ranges[0].partition == 1 && account->ranges[0].from == 2 &&
                account->ranges[0].until == 3);
    assert_non_null(strstr(job_run_wrote(&run, "documents"), "\"_id\":\"lines-1-2\""));
}

/* What the newest checkpoint says of a partition; -1: nothing. */
static int64_t saved_next(int64_t partition)
{
    saved saved = { 0 };
    failure failure = { 0 };
    int64_t next = -1;
    assert_int_equal(saved_newest(folder_path("work"), &saved, &failure), SL_OK);
    const saved_position *at = (const saved_position *)(const void *)saved.positions.at;
    for (size_t i = 0; i < saved.positions.size / sizeof *at; i++)
        if (at[i].partition == partition && sl_text_equal(at[i].topic, (sl_text){ "lines", 5 }))
            next = at[i].next;
    saved_done(&saved);
    return next;
}

static void partitions_that_are_added_meanwhile_are_part_of_everything(void **state)
{
    (void)state;
    start("--interval 1s");
    play_of(1, 50);
    batch_run();
    job_run_send(&run, 6, "7,1,50,\"2014-10-23 03:26:20\",0,\"72132\"");
    job_run_send(&run, 6, "no listen");
    batch_run();
    const sl_batch_info *account = job_run_account(&run);
    assert_int_equal(account->range_count, 1);
    assert_true(account->ranges[0].partition == 6 && account->ranges[0].from == 0 &&
                account->ranges[0].until == 2);
    assert_int_equal(account->dead_letters, 1);
    assert_non_null(strstr(job_run_wrote(&run, "documents"), "\"_id\":\"lines-6-0\""));
    assert_int_equal(saved_next(6), 2);
    assert_int_equal(saved_next(1), 1);
    assert_int_equal(saved_next(5),
                     -1); /* nothing was read of it: the next start begins with its first record */
}

/* ---- The change of files, with accounts that are long ---- */

static size_t files_count(char newest[64])
{
    char **names;
    size_t count;
    failure failure = { 0 };
    assert_int_equal(disk_list(folder_path("many"), "checkpoint-", &names, &count, &failure), SL_OK);
    for (size_t i = 0; i < count; i++) {
        snprintf(newest, 64, "%s", names[i]);
        free(names[i]);
    }
    free(names);
    return count;
}

static checkpoint *checkpoint_at(const sl_plan *plan, intake *intake, executor *executor)
{
    failure failure = { 0 };
    checkpoint *opened = NULL;
    assert_int_equal(checkpoint_open(folder_path("many"), plan, intake, &opened, &failure), SL_OK);
    assert_int_equal(checkpoint_load(opened, executor, &failure), SL_OK);
    return opened;
}

/* Frames of 12 MB: after six, 64 MB of changes are more than twice the whole, and the next file begins. Two are kept. */
static void changes_that_outweigh_the_whole_begin_the_next_file(void **state)
{
    (void)state;
    enum { ACCOUNT = 12 << 20 };
    sl_plan *plan = memory_new(sizeof *plan); /* of no nodes */
    intake intake = { 0 };
    failure failure = { 0 };
    executor_spec spec = { .plan = plan, .intake = &intake, .workers = 1 };
    executor *executor = NULL;
    char newest[64], *account = memory_new(ACCOUNT + 1);
    memset(account, 'a', ACCOUNT);
    assert_int_equal(disk_folder(folder_path("many"), &failure), SL_OK);
    assert_int_equal(executor_open(&spec, &executor, &failure), SL_OK);
    checkpoint *checkpoint = checkpoint_at(plan, &intake, executor);
    assert_int_equal(checkpoint_last(checkpoint).batch_id, 0);
    for (int64_t id = 1; id <= 20; id++) {
        batch batch = { .id = id, .time_ms = id * 1000, .interval_ms = 1000 };
        const char *told = id == 1 ? "short" : account;
        assert_int_equal(checkpoint_write(checkpoint, &batch, told, false, &failure), SL_OK);
        size_t count = files_count(newest);
        assert_int_equal(count, id < 8 ? 1 : 2); /* 6 x 12 MB are more than 64 MB */
    }
    checkpoint_close(checkpoint);
    assert_string_equal(newest, "checkpoint-000000000000000015");
    checkpoint = checkpoint_at(plan, &intake, executor);
    checkpoint_head head = checkpoint_last(checkpoint);
    assert_true(head.batch_id == 20 && head.time_ms == 20000 && head.interval_ms == 1000);
    checkpoint_close(checkpoint);
    executor_close(executor);
    free(account);
    free(plan);
}

static int open_folder(void **state)
{
    run = (job_run){ 0 };
    return folder_start_home(state);
}

static int close_all(void **state)
{
    (void)state;
    disk_break(NULL);
    job_run_close(&run);
    folder_close();
    return 0;
}

#define CHECKPOINT_TEST(test) cmocka_unit_test_setup_teardown(test, open_folder, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECKPOINT_TEST(a_job_that_starts_again_goes_on_as_if_it_had_not_stopped),
        CHECKPOINT_TEST(a_list_that_did_not_change_is_not_written_again),
        CHECKPOINT_TEST(plays_from_before_and_after_a_start_make_an_interest_together),
        CHECKPOINT_TEST(a_frame_torn_at_any_byte_was_never_there),
        CHECKPOINT_TEST(a_damaged_frame_before_others_is_refused),
        CHECKPOINT_TEST(batches_without_input_that_a_power_cut_took_are_no_damage),
        CHECKPOINT_TEST(a_damaged_file_that_was_cut_goes_on_before_the_damage),
        CHECKPOINT_TEST(a_damaged_newest_file_is_set_aside_and_the_older_one_used),
        CHECKPOINT_TEST(records_between_checkpoint_and_journal_are_data_loss),
        CHECKPOINT_TEST(a_start_from_latest_begins_where_the_first_journaled_batch_does),
        CHECKPOINT_TEST(without_any_whole_file_the_job_does_not_start),
        CHECKPOINT_TEST(another_length_or_pane_of_a_window_is_refused),
        CHECKPOINT_TEST(another_interval_keeps_windows_exact),
        CHECKPOINT_TEST(batch_times_go_on_though_the_clock_was_set_back),
        CHECKPOINT_TEST(offsets_go_on_where_they_ended),
        CHECKPOINT_TEST(partitions_that_are_added_meanwhile_are_part_of_everything),
        CHECKPOINT_TEST(changes_that_outweigh_the_whole_begin_the_next_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
