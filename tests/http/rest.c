/*
 * tests/http/rest.c - Spark's REST over batches made by hand: a client written from Spark's documentation reads every field, and
 * the layout is Jackson's to the byte.
 */
#include <http/rest.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <json-c/json.h>

static const sl_output_info outputs[] = { { .id = 0, .name = "documents", .description = "elastic:docs" },
                                          { .id = 1, .name = "tops", .description = "redis, file:out" } };
static recent *kept;
static buffer body;

static sl_batch_info batch_of(int64_t id, const sl_range *range)
{
    return (sl_batch_info){ .job = "listens",
                            .batch_id = id,
                            .batch_time_ms = 1795402680000 + 2000 * id,
                            .interval_ms = 2000,
                            .attempt = 1,
                            .ranges = range,
                            .range_count = range ? 1 : 0,
                            .submission_time_ms = 1795402680001 + 2000 * id };
}

static void tell(sl_batch_info *batch, sl_batch_state state)
{
    void (*const hooks[])(void *, const sl_batch_info *) = { recent_listener.on_batch_submitted,
                                                             recent_listener.on_batch_started,
                                                             recent_listener.on_batch_completed,
                                                             recent_listener.on_batch_failed };
    batch->state = state;
    hooks[state](kept, batch);
}

static void complete(int64_t id, const sl_range *range, int64_t records, double scheduling_ms,
                     double total_ms)
{
    sl_output_info ended[] = { outputs[0], outputs[1] };
    sl_batch_info batch = batch_of(id, range);
    tell(&batch, SL_BATCH_SUBMITTED);
    tell(&batch, SL_BATCH_STARTED);
    ended[0].start_time_ms = ended[1].start_time_ms = 1795402680100;
    ended[0].end_time_ms = 1795402680130;
    ended[1].end_time_ms = 1795402680142;
    batch.records = records;
    batch.scheduling_delay_ms = scheduling_ms;
    batch.total_delay_ms = total_ms;
    batch.outputs = ended;
    batch.output_count = 2;
    tell(&batch, SL_BATCH_COMPLETED);
}

/* Batches 1 and 2 are done, 3 failed once and is tried again, 4 waits. */
static int start(void **state)
{
    (void)state;
    static const sl_range first = { "realtime", 0, 0, 100, 100, 0 },
                          second = { "realtime", 0, 100, 400, 400, 0 },
                          third = { "realtime", 0, 400, 450, 450, 0 }, fourth = { "others", 3, 0, 70, 90, 0 };
    sl_output_info broken[] = { outputs[0], outputs[1] };
    kept = recent_new("listens", 100);
    recent_listener.on_streaming_started(
        kept, &(sl_start_info){ "listens", 1795402670893, 2000, 2, 0, outputs, 2 });
    complete(1, &first, 100, 1.9, 11.2);
    complete(2, &second, 298, 4.5, 31.4); /* two offsets were gaps */
    sl_batch_info batch = batch_of(3, &third);
    tell(&batch, SL_BATCH_SUBMITTED);
    tell(&batch, SL_BATCH_STARTED);
    broken[0].start_time_ms = 1795402687000;
    broken[0].end_time_ms = 1795402687010;
    broken[0].error = "elastic: no answer";
    batch.error = "documents: elastic: no answer";
    batch.scheduling_delay_ms = 3;
    batch.outputs = broken;
    batch.output_count = 2;
    tell(&batch, SL_BATCH_FAILED);
    batch = batch_of(4, &fourth);
    tell(&batch, SL_BATCH_SUBMITTED);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    recent_free(kept);
    buffer_done(&body);
    body = (buffer){ 0 };
    return 0;
}

static unsigned asked_with(const char *path, const char *const *statuses, size_t count)
{
    rest_query query = { path, statuses, count, "me", "0.1.0", 1795402690893 };
    body.size = 0;
    unsigned code = rest_answer(recent_lock(kept), &query, &body);
    recent_unlock(kept);
    buffer_byte(&body, '\0');
    return code;
}

static json_object *asked(const char *path)
{
    char whole[200];
    snprintf(whole, sizeof whole, "/applications/listens/streaming%s", path);
    assert_int_equal(asked_with(whole, NULL, 0), 200);
    json_object *read = json_tokener_parse(body.at);
    assert_non_null(read);
    return read;
}

static int64_t number(json_object *of, const char *name)
{
    json_object *field;
    assert_true(json_object_object_get_ex(of, name, &field));
    assert_int_equal(json_object_get_type(field), json_type_int);
    return json_object_get_int64(field);
}

static const char *text(json_object *of, const char *name)
{
    json_object *field;
    assert_true(json_object_object_get_ex(of, name, &field));
    return json_object_get_string(field);
}

/* The names, in their order; those in brackets are absent where they are not known. */
static void assert_fields(json_object *of, const char *names)
{
    char found[1000] = "";
    json_object_object_foreach(of, name, value)
    {
        (void)value;
        strcat(found, name);
        strcat(found, " ");
    }
    assert_string_equal(found, names);
}

static void a_batch_is_laid_out_as_spark_does(void **state)
{
    (void)state;
    assert_int_equal(asked_with("/applications/listens/streaming/batches/1795402682000", NULL, 0), 200);
    assert_string_equal(body.at, "{\n"
                                 "  \"batchId\" : 1795402682000,\n"
                                 "  \"batchTime\" : \"2026-11-23T02:58:02.000GMT\",\n"
                                 "  \"status\" : \"COMPLETED\",\n"
                                 "  \"batchDuration\" : 2000,\n"
                                 "  \"inputSize\" : 100,\n"
                                 "  \"schedulingDelay\" : 1,\n"
                                 "  \"processingTime\" : 10,\n"
                                 "  \"totalDelay\" : 11,\n"
                                 "  \"numActiveOutputOps\" : 0,\n"
                                 "  \"numCompletedOutputOps\" : 2,\n"
                                 "  \"numFailedOutputOps\" : 0,\n"
                                 "  \"numTotalOutputOps\" : 2\n"
                                 "}");
}

static void statistics_are_over_what_is_retained(void **state)
{
    (void)state;
    json_object *read = asked("/statistics");
    assert_fields(read,
                  "startTime batchDuration numReceivers numActiveReceivers numInactiveReceivers "
                  "numTotalCompletedBatches numRetainedCompletedBatches numActiveBatches numProcessedRecords "
                  "numReceivedRecords avgInputRate avgSchedulingDelay avgProcessingTime avgTotalDelay ");
    assert_string_equal(text(read, "startTime"), "2026-11-23T02:57:50.893GMT");
    assert_int_equal(number(read, "numTotalCompletedBatches"), 2);
    assert_int_equal(number(read, "numActiveBatches"), 2);
    assert_int_equal(number(read, "numProcessedRecords"), 398);
    assert_int_equal(number(read, "numReceivedRecords"), 100 + 298 + 50 + 70);
    assert_true(json_object_get_double(json_object_object_get(read, "avgInputRate")) ==
                (50 + 149 + 25 + 35) / 4.0);
    assert_int_equal(number(read, "avgSchedulingDelay"), (1 + 4 + 3) / 3);
    assert_int_equal(number(read, "avgProcessingTime"), (10 + 27) / 2);
    assert_int_equal(number(read, "avgTotalDelay"), (11 + 31) / 2);
    json_object_put(read);
}

static void what_is_not_known_yet_is_absent(void **state)
{
    (void)state;
    recent *fresh = recent_new("fresh", 10), *before = kept;
    kept = fresh;
    assert_int_equal(asked_with("/applications/fresh/streaming/statistics", NULL, 0), 200);
    assert_null(strstr(body.at, "avg"));
    assert_null(strstr(body.at, "null"));
    assert_int_equal(asked_with("/applications/fresh/streaming/batches", NULL, 0), 200);
    assert_string_equal(body.at, "[ ]");
    recent_free(fresh);
    kept = before;
    json_object *waiting = asked("/batches/1795402688000");
    assert_fields(waiting, "batchId batchTime status batchDuration inputSize numActiveOutputOps "
                           "numCompletedOutputOps numFailedOutputOps numTotalOutputOps ");
    assert_string_equal(text(waiting, "status"), "QUEUED");
    assert_int_equal(number(waiting, "numActiveOutputOps"), 2); /* Spark's are those that have no end yet */
    json_object_put(waiting);
}

static void batches_come_newest_first_and_by_status(void **state)
{
    (void)state;
    static const char *const wanted[] = { "QUEUED", "PROCESSING", "COMPLETED", "COMPLETED" };
    json_object *read = asked("/batches");
    assert_int_equal(json_object_array_length(read), 4);
    for (size_t i = 0; i < 4; i++) {
        json_object *batch = json_object_array_get_idx(read, i);
        assert_string_equal(text(batch, "status"), wanted[i]);
        assert_int_equal(number(batch, "batchId"), 1795402688000 - 2000 * (int64_t)i);
    }
    json_object *failed = json_object_array_get_idx(read, 1);
    assert_int_equal(number(failed, "numFailedOutputOps"), 1);
    assert_int_equal(number(failed, "numActiveOutputOps"), 1);
    assert_string_equal(text(failed, "firstFailureReason"), "documents: elastic: no answer");
    json_object_put(read);
    const char *two[] = { "QUEUED", "COMPLETED" }, *one[] = { "PROCESSING" };
    asked_with("/applications/listens/streaming/batches", two, 2);
    read = json_tokener_parse(body.at);
    assert_int_equal(json_object_array_length(read), 3);
    json_object_put(read);
    asked_with("/applications/listens/streaming/batches", one, 1);
    read = json_tokener_parse(body.at);
    assert_int_equal(json_object_array_length(read), 1);
    json_object_put(read);
}

/* Spark reads them whatever their case, and refuses others. */
static void a_status_is_a_word_of_three(void **state)
{
    (void)state;
    const char *small[] = { "completed", "Queued" }, *wrong[] = { "COMPLETED", "DONE" };
    asked_with("/applications/listens/streaming/batches", small, 2);
    json_object *read = json_tokener_parse(body.at);
    assert_int_equal(json_object_array_length(read), 3);
    json_object_put(read);
    assert_int_equal(asked_with("/applications/listens/streaming/batches", wrong, 2), 404);
    assert_string_equal(body.at, "Illegal type='DONE'. Supported type values: COMPLETED, QUEUED, PROCESSING");
}

static void operations_are_the_outputs(void **state)
{
    (void)state;
    json_object *read = asked("/batches/1795402682000/operations");
    assert_int_equal(json_object_array_length(read), 2);
    json_object *second = json_object_array_get_idx(read, 1);
    assert_fields(second, "outputOpId name description startTime endTime duration jobIds ");
    assert_string_equal(text(second, "description"), "redis, file:out");
    assert_string_equal(text(second, "endTime"), "2026-11-23T02:58:00.142GMT");
    assert_int_equal(number(second, "duration"), 42);
    json_object_put(read);
    read = asked("/batches/1795402686000/operations/0");
    assert_string_equal(text(read, "failureReason"), "elastic: no answer");
    json_object_put(read);
    read = asked("/batches/1795402688000/operations/1");
    assert_fields(read, "outputOpId name description jobIds ");
    json_object_put(read);
}

/* Batch 4 is at work: its first output is written, the second is about to be. */
static void outputs_of_a_batch_at_work_are_told_as_they_go(void **state)
{
    (void)state;
    sl_batch_info batch = batch_of(4, NULL);
    sl_output_info written = outputs[0], waits = outputs[1];
    tell(&batch, SL_BATCH_STARTED);
    written.batch_time_ms = waits.batch_time_ms = batch.batch_time_ms;
    written.start_time_ms = waits.start_time_ms = 1795402688100;
    recent_listener.on_output_started(kept, &written);
    recent_listener.on_output_started(kept, &waits);
    written.end_time_ms = 1795402688107;
    recent_listener.on_output_completed(kept, &written);
    json_object *read = asked("/batches/1795402688000/operations");
    json_object *first = json_object_array_get_idx(read, 0), *second = json_object_array_get_idx(read, 1);
    assert_fields(first, "outputOpId name description startTime endTime duration jobIds ");
    assert_int_equal(number(first, "duration"), 7);
    assert_fields(second, "outputOpId name description startTime jobIds ");
    assert_string_equal(text(second, "startTime"), "2026-11-23T02:58:08.100GMT");
    json_object_put(read);
    read = asked("/batches/1795402688000");
    assert_int_equal(number(read, "numActiveOutputOps"), 1);
    assert_int_equal(number(read, "numCompletedOutputOps"), 1);
    json_object_put(read);
    tell(&batch, SL_BATCH_STARTED); /* another attempt begins with all of them */
    read = asked("/batches/1795402688000");
    assert_int_equal(number(read, "numActiveOutputOps"), 2);
    json_object_put(read);
}

static void each_topic_is_a_stream_without_a_receiver(void **state)
{
    (void)state;
    json_object *read = asked("/receivers"), *one = asked("/receivers/1");
    assert_int_equal(json_object_array_length(read), 2);
    json_object *first = json_object_array_get_idx(read, 0),
                *rates = json_object_object_get(first, "eventRates");
    assert_fields(first, "streamId streamName avgEventRate eventRates ");
    assert_string_equal(text(first, "streamName"), "realtime");
    assert_int_equal(json_object_array_length(rates), 4);
    json_object *pair = json_object_array_get_idx(rates, 1);
    assert_int_equal(json_object_get_int64(json_object_array_get_idx(pair, 0)), 1795402684000);
    assert_true(json_object_get_double(json_object_array_get_idx(pair, 1)) == 150);
    assert_string_equal(text(one, "streamName"), "others");
    json_object_put(read);
    json_object_put(one);
}

static void assert_missing(const char *path, const char *wanted)
{
    assert_int_equal(asked_with(path, NULL, 0), 404);
    assert_string_equal(body.at, wanted);
}

static void what_is_not_there_is_told_in_sparks_words(void **state)
{
    (void)state;
    assert_missing("/applications/listens/streaming/batches/17", "unknown batch: 17");
    assert_missing("/applications/listens/streaming/batches/1795402682000/operations/2",
                   "unknown output operation: 2");
    assert_missing("/applications/listens/streaming/receivers/2", "unknown receiver: 2");
    assert_missing("/applications/other", "unknown app: other");
    assert_missing("/applications/other/streaming/statistics", "no such app: other");
    static const char *const nowhere[] = {
        "",
        "/nothing",
        "/applications/listens/jobs",
        "/applications/listens/streaming",
        "/applications/listens/streaming/batches/",
        "/applications/listens/streaming/batches/x1",
        "/applications/listens/streaming/batches/99999999999999999999",
        "/applications/listens/streaming/batches/1795402682000/operations/",
        "/applications/listens/streaming/batches/1795402682000/operationsx",
        "/applications/listens/streaming/receiversx",
        "/applications/listens/streaming/receivers/"
    };
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++)
        assert_missing(nowhere[i], "HTTP 404 Not Found");
}

static void the_application_has_its_name_as_its_id(void **state)
{
    (void)state;
    assert_int_equal(asked_with("/applications", NULL, 0), 200);
    json_object *list = json_tokener_parse(body.at), *one = json_object_array_get_idx(list, 0);
    assert_fields(one, "id name attempts ");
    assert_string_equal(text(one, "id"), "listens");
    json_object *attempt = json_object_array_get_idx(json_object_object_get(one, "attempts"), 0);
    assert_fields(attempt,
                  "startTime endTime lastUpdated duration sparkUser completed appSparkVersion startTimeEpoch "
                  "endTimeEpoch lastUpdatedEpoch ");
    assert_int_equal(number(attempt, "duration"), 20000);
    assert_string_equal(text(attempt, "endTime"), "1969-12-31T23:59:59.999GMT");
    json_object_put(list);
    assert_int_equal(asked_with("/applications/listens", NULL, 0), 200);
    assert_ptr_equal(
        strstr(body.at, "{\n  \"id\" : \"listens\",\n  \"name\" : \"listens\",\n  \"attempts\" : [ {\n"),
        body.at);
}

#define REST_TEST(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REST_TEST(a_batch_is_laid_out_as_spark_does),
        REST_TEST(statistics_are_over_what_is_retained),
        REST_TEST(what_is_not_known_yet_is_absent),
        REST_TEST(batches_come_newest_first_and_by_status),
        REST_TEST(a_status_is_a_word_of_three),
        REST_TEST(operations_are_the_outputs),
        REST_TEST(outputs_of_a_batch_at_work_are_told_as_they_go),
        REST_TEST(each_topic_is_a_stream_without_a_receiver),
        REST_TEST(what_is_not_there_is_told_in_sparks_words),
        REST_TEST(the_application_has_its_name_as_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
