/*
 * tests/batches/account.c - the line of a batch's account: the example of the contract to the byte, and any other account
 * field by field, read back by json-c.
 */
#include <base/buffer.h>
#include <sluice/listener.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <json-c/json.h>

/* jobs.md, section 7. */
static const char of_the_contract[] =
    "{\"job\":\"listens\",\"batch_id\":17,\"batch_time\":1795402680000,\"interval_ms\":2000,\"state\":\"completed\",\"attempt\":1,"
    "\"catch_up\":false,\"records\":240,\"ranges\":[{\"topic\":\"realtime\",\"partition\":0,\"from\":100,\"until\":220,\"end\":220,"
    "\"lag\":0},{\"topic\":\"realtime\",\"partition\":1,\"from\":90,\"until\":210,\"end\":260,\"lag\":50,\"time\":1795402679000}],"
    "\"scheduling_delay_ms\":0.1,\"processing_ms\":3.2,\"total_delay_ms\":3.3,\"written\":238,\"duplicates\":0,\"filtered\":0,"
    "\"dead_letters\":2,\"lookup_missed\":1,\"bad_age\":0,\"error\":null}";

static sl_range ranges[] = { { "realtime", 0, 100, 220, 220, 0 },
                             { "realtime", 1, 90, 210, 260, 1795402679000 } };
static sl_counter counters[] = { { "bad_age", 0 }, { "bad_zip", 7 } };

static sl_batch_info of_batch_17(void)
{
    sl_batch_info batch = {
        .job = "listens", .batch_id = 17, .batch_time_ms = 1795402680000, .interval_ms = 2000
    };
    batch.state = SL_BATCH_COMPLETED;
    batch.attempt = 1;
    batch.records = 240;
    batch.ranges = ranges;
    batch.range_count = 2;
    batch.scheduling_delay_ms = 0.1;
    batch.processing_ms = 3.2;
    batch.total_delay_ms = 3.3;
    batch.written = 238;
    batch.dead_letters = 2;
    batch.lookup_missed = 1;
    batch.counters = counters;
    batch.counter_count = 1;
    return batch;
}

static void the_example_of_the_contract_comes_out_to_the_byte(void **state)
{
    (void)state;
    char line[2048];
    sl_batch_info batch = of_batch_17();
    assert_int_equal(sl_batch_json(&batch, line, sizeof line), strlen(of_the_contract));
    assert_string_equal(line, of_the_contract);
}

static json_object *read_back(const sl_batch_info *batch)
{
    char line[4096];
    assert_in_range(sl_batch_json(batch, line, sizeof line), 1, sizeof line - 1);
    assert_null(strchr(line, '\n'));
    json_object *read = json_tokener_parse(line);
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
    assert_int_equal(json_object_get_type(field), json_type_string);
    return json_object_get_string(field);
}

static void every_field_can_be_read_back(void **state)
{
    (void)state;
    sl_batch_info batch = of_batch_17();
    batch.job = "a \"job\"\n";
    batch.state = SL_BATCH_FAILED;
    batch.attempt = 3;
    batch.catch_up = true;
    batch.duplicates = 11;
    batch.filtered = 12;
    batch.counter_count = 2;
    batch.error = "writing \\ to \"there\"\t\x01: no";
    batch.written = INT64_MAX;
    batch.states = (const sl_state_info[]){ { "by \"name\"", 3, 4096 }, { "empty", 0, INT64_MAX } };
    batch.state_count = 2;
    json_object *read = read_back(&batch);
    assert_string_equal(text(read, "job"), batch.job);
    assert_string_equal(text(read, "state"), "failed");
    assert_string_equal(text(read, "error"), batch.error);
    assert_int_equal(number(read, "batch_id"), 17);
    assert_int_equal(number(read, "batch_time"), 1795402680000);
    assert_int_equal(number(read, "attempt"), 3);
    assert_int_equal(number(read, "written"), INT64_MAX);
    assert_int_equal(number(read, "duplicates"), 11);
    assert_int_equal(number(read, "filtered"), 12);
    assert_int_equal(number(read, "bad_zip"), 7);
    assert_true(json_object_get_boolean(json_object_object_get(read, "catch_up")));
    json_object *states = json_object_object_get(read, "states");
    assert_int_equal(json_object_array_length(states), 2);
    assert_string_equal(text(json_object_array_get_idx(states, 0), "name"), "by \"name\"");
    assert_int_equal(number(json_object_array_get_idx(states, 0), "keys"), 3);
    assert_int_equal(number(json_object_array_get_idx(states, 0), "bytes"), 4096);
    assert_int_equal(number(json_object_array_get_idx(states, 1), "bytes"), INT64_MAX);
    json_object_put(read);
}

static void a_range_tells_its_lag(void **state)
{
    (void)state;
    sl_batch_info batch = of_batch_17();
    json_object *read = read_back(&batch), *list = json_object_object_get(read, "ranges");
    assert_int_equal(json_object_array_length(list), 2);
    for (size_t i = 0; i < 2; i++) {
        json_object *range = json_object_array_get_idx(list, i);
        assert_string_equal(text(range, "topic"), ranges[i].topic);
        assert_int_equal(number(range, "partition"), ranges[i].partition);
        assert_int_equal(number(range, "from"), ranges[i].from);
        assert_int_equal(number(range, "until"), ranges[i].until);
        assert_int_equal(number(range, "end"), ranges[i].end);
        assert_int_equal(number(range, "lag"), ranges[i].end - ranges[i].until);
    }
    json_object_put(read);
}

static void a_batch_without_input_has_an_empty_list_of_ranges(void **state)
{
    (void)state;
    sl_batch_info batch = of_batch_17();
    batch.range_count = 0;
    json_object *read = read_back(&batch);
    assert_int_equal(json_object_array_length(json_object_object_get(read, "ranges")), 0);
    json_object_put(read);
}

/* 1.2346 ms in parts that each would round down: what is printed sums up to what the whole rounds to. */
static void the_phases_sum_up_to_the_total_delay_as_printed(void **state)
{
    (void)state;
    static const char *const names[] = { "waiting", "work", "merge", "sinks", "commit" };
    const sl_step steps[] = { { "reading", 1999 }, { "parse", 5000000 } };
    sl_batch_info batch = of_batch_17();
    batch.phases = (sl_phases){ 400, 1230400, 1400, 1400, 1000 };
    batch.total_delay_ms = 1.2346;
    batch.steps = steps;
    batch.step_count = 2;
    batch.workers = 2;
    batch.slowest_worker = 1;
    batch.slowest_worker_ns = 3000000;
    batch.slowest_topic = "realtime";
    batch.slowest_partition = 1;
    batch.slowest_partition_ns = 2500000;
    json_object *read = read_back(&batch), *phases = json_object_object_get(read, "phases_us");
    int64_t sum = 0;
    for (size_t i = 0; i < 5; i++)
        sum += number(phases, names[i]);
    assert_int_equal(sum, 1235);
    assert_int_equal(number(phases, "waiting"), 0);
    assert_int_equal(number(phases, "work"), 1231);
    assert_int_equal(number(json_object_object_get(read, "steps_us"), "parse"), 5000);
    assert_int_equal(number(json_object_object_get(read, "slowest_worker"), "worker"), 1);
    assert_int_equal(number(json_object_object_get(read, "slowest_worker"), "us"), 3000);
    assert_string_equal(text(json_object_object_get(read, "slowest_partition"), "topic"), "realtime");
    assert_int_equal(number(json_object_object_get(read, "slowest_partition"), "us"), 2500);
    json_object_put(read);
}

static void states_have_the_names_of_the_contract(void **state)
{
    (void)state;
    assert_string_equal(sl_batch_state_name(SL_BATCH_SUBMITTED), "submitted");
    assert_string_equal(sl_batch_state_name(SL_BATCH_STARTED), "started");
    assert_string_equal(sl_batch_state_name(SL_BATCH_COMPLETED), "completed");
    assert_string_equal(sl_batch_state_name(SL_BATCH_FAILED), "failed");
}

static void a_room_of_any_size_is_never_overrun(void **state)
{
    (void)state;
    sl_batch_info batch = of_batch_17();
    size_t whole = strlen(of_the_contract);
    for (size_t room = 0; room <= whole + 1; room++) {
        char *at = malloc(room + 1); /* the byte behind must stay; the sanitizer watches the rest */
        at[room] = '#';
        assert_int_equal(sl_batch_json(&batch, room ? at : NULL, room), whole);
        assert_int_equal(at[room], '#');
        if (room) {
            assert_int_equal(strlen(at), room - 1 < whole ? room - 1 : whole);
            assert_memory_equal(at, of_the_contract, strlen(at));
        }
        free(at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_contract_comes_out_to_the_byte),
        cmocka_unit_test(every_field_can_be_read_back),
        cmocka_unit_test(a_range_tells_its_lag),
        cmocka_unit_test(a_batch_without_input_has_an_empty_list_of_ranges),
        cmocka_unit_test(the_phases_sum_up_to_the_total_delay_as_printed),
        cmocka_unit_test(states_have_the_names_of_the_contract),
        cmocka_unit_test(a_room_of_any_size_is_never_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
