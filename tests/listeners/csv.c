/*
 * tests/listeners/csv.c - the files of Spark's CsvSink: names, heads, a line for each batch.
 */
#include "../../listeners/csv.c"
#include <base/folder.h>
#include <listeners/measured.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *gauge_read(const char *folder, const char *gauge)
{
    char path[300];
    snprintf(path, sizeof path, "%s/my.job.driver.my.job.StreamingMetrics.streaming.%s.csv", folder, gauge);
    return folder_read(path);
}

static void each_gauge_has_its_file_and_each_batch_a_line(void **state)
{
    (void)state;
    char error[256] = "";
    void *self =
        listener_csv.open(&(sl_listener_place){ .job = "my.job", .argument = folder_path("out") }, error);
    assert_non_null(self);
    for (int i = 0; i < 2; i++) {
        sl_batch_info batch = measured_batch(SL_BATCH_SUBMITTED);
        listener_csv.on_batch_submitted(self, &batch);
        if (i == 1)
            listener_csv.on_batch_submitted(self, &batch); /* one more waits */
        batch = measured_batch(SL_BATCH_COMPLETED);
        batch.processing_end_time_ms += 2000 * i;
        listener_csv.on_batch_started(self, &batch);
        listener_csv.on_batch_completed(self, &batch);
    }
    listener_csv.close(self);
    assert_string_equal(gauge_read("out", "totalProcessedRecords"),
                        "t,value\n1795402680,240\n1795402682,480\n");
    assert_string_equal(gauge_read("out", "lastCompletedBatch_totalDelay"),
                        "t,value\n1795402680,3\n1795402682,3\n");
    assert_string_equal(gauge_read("out", "waitingBatches"), "t,value\n1795402680,0\n1795402682,1\n");
    assert_string_equal(gauge_read("out", "runningBatches"), "t,value\n1795402680,0\n1795402682,0\n");
    assert_string_equal(gauge_read("out", "receivers"), "t,value\n1795402680,0\n1795402682,0\n");
}

static void without_an_argument_it_is_a_folder_in_the_work_folder(void **state)
{
    (void)state;
    char error[256] = "";
    sl_batch_info batch = measured_batch(SL_BATCH_COMPLETED);
    for (int start = 0; start < 2; start++) { /* it goes on in the files that are there */
        void *self =
            listener_csv.open(&(sl_listener_place){ .job = "my.job", .work_dir = folder_path("") }, error);
        assert_non_null(self);
        listener_csv.on_batch_completed(self, &batch);
        listener_csv.close(self);
    }
    assert_string_equal(gauge_read("csv", "totalCompletedBatches"), "t,value\n1795402680,1\n1795402680,1\n");
}

static void a_folder_that_cannot_be_made_refuses_the_start(void **state)
{
    (void)state;
    char error[256] = "";
    assert_null(
        listener_csv.open(&(sl_listener_place){ .job = "j", .argument = folder_path("no/where") }, error));
    assert_non_null(strstr(error, "no/where"));
    assert_null(listener_csv.open(&(sl_listener_place){ .job = "j" }, error));
    assert_non_null(strstr(error, "csv:DIR"));
}

#define CSV_TEST(test) cmocka_unit_test_setup_teardown(test, folder_start, folder_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CSV_TEST(each_gauge_has_its_file_and_each_batch_a_line),
        CSV_TEST(without_an_argument_it_is_a_folder_in_the_work_folder),
        CSV_TEST(a_folder_that_cannot_be_made_refuses_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
