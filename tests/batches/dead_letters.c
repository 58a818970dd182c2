/*
 * tests/batches/dead_letters.c - rejected records as JSON to the byte of the contract, whatever their bytes are, and each
 * of them once.
 */
#include "../../jobs/listens.c"
#include <base/folder.h>
#include <batches/job_run.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <json-c/json.h>

static const char good[] = "0,48,453,\"2014-10-23 03:26:20\",0,\"72132\"";

static job_run run;

static void start(const char *options)
{
    run = (job_run){ 0 };
    if (job_run_open(&run, &job, options) != SL_OK)
        fail_msg("%s", run.failure.text);
}

static void batch_run(void)
{
    if (job_run_batch(&run) != SL_OK)
        fail_msg("%s", run.failure.text);
    assert_true(job_run_adds_up(job_run_account(&run)));
}

static void a_dead_letter_has_the_fields_of_the_contract(void **state)
{
    (void)state;
    start("--interval 1s");
    job_run_send_text(&run, 2, SL_TEXT("only \"one\" field"), 1234);
    batch_run();
    assert_string_equal(
        job_run_wrote(&run, "dead_letters"),
        "{\"topic\":\"lines\",\"partition\":2,\"offset\":0,\"timestamp\":1234,\"job\":\"listens\","
        "\"stage\":\"parse_play\",\"reason\":\"bad_quote\",\"detail\":\"line\",\"value\":\"only \\\"one\\\" field\"}\n");
    job_run_close(&run);
}

static void a_record_without_a_time_takes_the_batch_time(void **state)
{
    (void)state;
    start("--interval 1s");
    job_run_send(&run, 0, "");
    batch_run();
    const char *wrote = job_run_wrote(&run, "dead_letters");
    assert_non_null(strstr(wrote, "\"timestamp\":1000,"));
    assert_non_null(strstr(wrote, "\"reason\":\"field_count\""));
    assert_non_null(strstr(wrote, "\"value\":\"\"}\n"));
    job_run_close(&run);
}

static void a_tombstone_has_no_value(void **state)
{
    (void)state;
    start("--interval 1s");
    job_run_send(&run, 0, NULL);
    batch_run();
    const char *wrote = job_run_wrote(&run, "dead_letters");
    assert_non_null(strstr(wrote, "\"reason\":\"null_value\""));
    assert_null(strstr(wrote, "\"value\":\""));
    assert_null(strstr(wrote, "value_base64"));
    job_run_close(&run);
}

/* RFC 4648, section 10, with a byte in front that is no UTF-8. */
static void bytes_that_are_no_text_are_base64(void **state)
{
    (void)state;
    static const struct {
        sl_text bytes;
        const char *base64;
    } cases[] = {
        { { "\xff", 1 }, "/w==" },         { { "\xff\0", 2 }, "/wA=" },
        { { "\xff\xfe\xfd", 3 }, "//79" }, { { "\xffoobar", 6 }, "/29vYmFy" },
        { { "\xed\xa0\x80", 3 }, "7aCA" }, /* a surrogate is no character */
    };
    start("--interval 1s");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        job_run_send_text(&run, 0, cases[i].bytes, 5);
    batch_run();
    const char *wrote = job_run_wrote(&run, "dead_letters");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char wanted[256];
        snprintf(
            wanted, sizeof wanted,
            "\"offset\":%zu,\"timestamp\":5,\"job\":\"listens\",\"stage\":\"parse_play\",\"reason\":\"not_utf8\","
            "\"detail\":\"line\",\"value_base64\":\"%s\"}\n",
            i, cases[i].base64);
        assert_non_null(strstr(wrote, wanted));
    }
    job_run_close(&run);
}

static json_object *letter_of(const char *bytes, size_t size)
{
    start("--interval 1s");
    job_run_send_text(&run, 0, (sl_text){ bytes, size }, 5);
    batch_run();
    json_object *letter = json_tokener_parse(job_run_wrote(&run, "dead_letters"));
    assert_non_null(letter);
    job_run_close(&run);
    return letter;
}

static void a_long_value_is_cut_between_characters(void **state)
{
    (void)state;
    enum { MOST = 256 * 1024, SIZE = MOST + 1000 };
    for (size_t shift = 0; shift < 4; shift++) {
        char *value = malloc(SIZE);
        memset(value, 'x', SIZE);
        for (size_t i = MOST - 40 + shift; i + 4 <= MOST + 40; i += 4)
            memcpy(value + i, "\xf0\x9f\x8e\xb5", 4); /* a note, over the edge */
        json_object *letter = letter_of(value, SIZE);
        const char *kept = json_object_get_string(json_object_object_get(letter, "value"));
        size_t size = strlen(kept), wanted = shift ? MOST - 4 + shift : MOST;
        assert_int_equal(size, wanted);
        assert_memory_equal(kept, value, size);
        assert_int_equal(json_object_get_int(json_object_object_get(letter, "value_bytes")), SIZE);
        assert_true(json_object_get_boolean(json_object_object_get(letter, "value_cut")));
        json_object_put(letter);
        free(value);
    }
}

static void a_value_of_exactly_the_limit_is_whole(void **state)
{
    (void)state;
    enum { MOST = 256 * 1024 };
    char *value = malloc(MOST);
    memset(value, 'x', MOST);
    json_object *letter = letter_of(value, MOST);
    assert_int_equal(strlen(json_object_get_string(json_object_object_get(letter, "value"))), MOST);
    assert_null(json_object_object_get(letter, "value_cut"));
    assert_null(json_object_object_get(letter, "value_bytes"));
    json_object_put(letter);
    free(value);
}

static void long_bytes_are_cut_too(void **state)
{
    (void)state;
    enum { MOST = 256 * 1024, SIZE = MOST * 2 };
    char *value = malloc(SIZE);
    memset(value, 0x80, SIZE); /* nothing but middles of characters */
    json_object *letter = letter_of(value, SIZE);
    assert_in_range(strlen(json_object_get_string(json_object_object_get(letter, "value_base64"))),
                    (MOST - 4) / 3 * 4, (MOST + 2) / 3 * 4);
    assert_int_equal(json_object_get_int(json_object_object_get(letter, "value_bytes")), SIZE);
    json_object_put(letter);
    free(value);
}

static void good_records_pass_between_bad_ones(void **state)
{
    (void)state;
    start("--interval 1s");
    for (int i = 0; i < 50; i++)
        for (uint32_t partition = 0; partition < 4; partition++)
            job_run_send(&run, 3 - partition, i % 3 ? "bad" : good);
    batch_run();
    assert_int_equal(job_run_account(&run)->dead_letters, 33 * 4);
    assert_int_equal(job_run_account(&run)->written, 17 * 4);
    job_run_close(&run);
}

/* The default place, and the name of the folder. */
static void they_lie_in_the_work_folder_in_order_of_partition_and_offset(void **state)
{
    char options[512];
    folder_start_home(state);
    snprintf(options, sizeof options, "--interval 1s --work-dir %s", folder_path("work"));
    start(options);
    for (int i = 0; i < 30; i++)
        for (uint32_t partition = 0; partition < 4; partition++)
            job_run_send(&run, 3 - partition, "bad");
    batch_run();
    job_run_send(&run, 0, good);
    batch_run();
    job_run_close(&run);
    const char *wrote = folder_read("work/dead/lines.dead/batch-1000.ndjson"), *at = wrote;
    for (int partition = 0; partition < 4; partition++) {
        for (int offset = 0; offset < 30; offset++) {
            char wanted[128];
            snprintf(wanted, sizeof wanted, "{\"topic\":\"lines\",\"partition\":%d,\"offset\":%d,", partition,
                     offset);
            assert_memory_equal(at, wanted, strlen(wanted));
            at = strchr(at, '\n') + 1;
        }
    }
    assert_int_equal(*at, '\0');
    assert_false(folder_has("work/dead/lines.dead/batch-2000.ndjson"));
    folder_close();
}

/* Until this text stands among the dead letters: a file that appears is told of by the system. */
static void letter_await(const char *text)
{
    enum { TRIES = 2000, TRY_MS = 10 };
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never;
    clock_condition(&never);
    pthread_mutex_lock(&mutex);
    bool found = false;
    for (int i = 0; i < TRIES && !found; i++) {
        batch_run();
        found = strstr(job_run_wrote(&run, "dead_letters"), text);
        if (!found)
            clock_wait(&clock_system, &never, &mutex, clock_ns(&clock_system) + TRY_MS * INT64_C(1000000));
    }
    pthread_mutex_unlock(&mutex);
    pthread_cond_destroy(&never);
    assert_true(found);
}

/* Each file has a name of its own for its dead letters. */
static void a_file_that_appears_meanwhile_has_its_dead_letters_too(void **state)
{
    (void)state;
    char options[512];
    folder_open();
    folder_write("a.csv", "bad in a\n");
    snprintf(options, sizeof options, "--interval 1s --from-offsets earliest --from lines=file:%s",
             folder_path("*.csv"));
    start(options);
    letter_await("bad in a");
    folder_write("b.csv", "bad in b\n");
    letter_await("bad in b");
    job_run_close(&run);
    folder_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dead_letter_has_the_fields_of_the_contract),
        cmocka_unit_test(a_record_without_a_time_takes_the_batch_time),
        cmocka_unit_test(a_tombstone_has_no_value),
        cmocka_unit_test(bytes_that_are_no_text_are_base64),
        cmocka_unit_test(a_long_value_is_cut_between_characters),
        cmocka_unit_test(a_value_of_exactly_the_limit_is_whole),
        cmocka_unit_test(long_bytes_are_cut_too),
        cmocka_unit_test(good_records_pass_between_bad_ones),
        cmocka_unit_test(a_file_that_appears_meanwhile_has_its_dead_letters_too),
        cmocka_unit_test(they_lie_in_the_work_folder_in_order_of_partition_and_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
