/*
 * tests/system/kafka_anew.c - a topic of a real broker that is deleted and made anew, under a job that runs or does not, by
 * either reader. The new topic holds more than the old one did: by its offsets nobody could tell.
 */
#include <base/folder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <support/shell.h>

#include <servers/kafka.h>
#include <servers/topic.h>
#include <stdlib.h>
#include <support/source_trial.h>

#include <cmocka.h> /* last: its fail() is a macro */

static kafka_server *server; /* NULL: it cannot be had */
static const char *const readers[] = { "fetch", "librdkafka" };
static const char *reader;
static char topic[48];

static int server_start(void **state)
{
    (void)state;
    server = kafka_server_start("file.delete.delay.ms=100");
    return 0;
}

static int server_stop(void **state)
{
    (void)state;
    kafka_server_stop(server);
    return 0;
}

static void plays_send(int32_t partition, size_t count)
{
    topic_message messages[100] = { 0 };
    assert_true(count <= 100);
    for (size_t i = 0; i < count; i++)
        messages[i] =
            (topic_message){ .partition = partition, .value = "0,9,56,\"2014-10-23 03:26:20\",0,\"72132\"" };
    topic_send(kafka_server_address(server), topic, messages, count);
}

/* In the folder; what it prints goes to "printed", its log to "log". */
static int run(const char *words)
{
    return shell("(%s) >printed 2>log", words);
}

static int job_run(const char *before, const char *options)
{
    char line[1000];
    snprintf(
        line, sizeof line,
        "%s $B/jobs/listens --name anew --work-dir work --available-now --conf kafka.bootstrap.servers=%s "
        "--conf kafka.reader=%s --topic %s --from customers=memory --to documents=file:out --to interests=null "
        "--to top_tracks=null %s",
        before, kafka_server_address(server), reader, topic, options);
    return run(line);
}

/* How often `text` stands in all documents, or dead letters. */
static int found_in(const char *folder, const char *text)
{
    char line[300];
    snprintf(line, sizeof line, "cat %s/*.ndjson | grep -oF '%s' | wc -l", folder, text);
    assert_int_equal(run(line), 0);
    return atoi(folder_read("printed"));
}

static int document_count(const char *incarnation, int offset)
{
    char id[100];
    snprintf(id, sizeof id, "\"_id\":\"%s%s-0-%d\"", topic, incarnation, offset);
    return found_in("out/ba_realtime2", id);
}

static void assert_logged(const char *text)
{
    if (strstr(folder_read("log"), text) == NULL)
        fail_msg("\"%s\" is not in: %s", text, folder_read("log"));
}

static void topic_begin(const char *name)
{
    snprintf(topic, sizeof topic, "%s-%s", name, reader);
    topic_make(kafka_server_address(server), topic, 2, NULL);
}

static void topic_renew(void)
{
    topic_delete(kafka_server_address(server), topic);
    topic_make(kafka_server_address(server), topic, 2, NULL);
}

/* Ten records are done, five more were cut in batch 2; the new topic has forty. */
static void topic_lose(void)
{
    topic_begin("lost");
    plays_send(0, 10);
    assert_int_equal(job_run("", ""), 0);
    plays_send(0, 5);
    assert_int_not_equal(job_run("SLUICE_FAULT=before_checkpoint:1", ""), 0);
    topic_renew();
    plays_send(0, 40);
    topic_fill(kafka_server_address(server), topic, 1, 0, 1); /* no play */
}

static void while_the_job_was_down(void)
{
    char text[200];
    topic_lose();
    for (int i = 0; i < 2; i++) { /* it stays so */
        assert_int_equal(job_run("", ""), 5);
        snprintf(text, sizeof text, "topic \"%s\" was deleted and made anew", topic);
        assert_logged(text);
        assert_logged("partition 0 was done up to offset 10");
        assert_logged("--on-data-loss skip");
    }
    assert_int_equal(job_run("", "--on-data-loss skip --from-offsets latest"), 0);
    assert_logged("batch 2 was cut up to offset 15");
    for (int i = 0; i < 45; i++) {
        assert_int_equal(document_count("", i), i < 10);
        assert_int_equal(document_count("~2", i), i < 40);
    }
    snprintf(text, sizeof text, "work/dead/%s.dead", topic);
    assert_int_equal(found_in(text, "~2\",\"partition\":1,\"offset\":0,"), 1);
    plays_send(0, 5);
    assert_int_equal(job_run("", ""), 0); /* what was lost is lost once */
    assert_int_equal(document_count("~2", 44), 1);
}

/* Ids that were given once are not given to other records, whatever the job forgets. */
static void after_resets(void)
{
    char line[200];
    assert_int_equal(run("$B/sluice dlq retry anew --work-dir work"), 0);
    snprintf(line, sizeof line, "$B/sluice reset anew --work-dir work --yes --to-offsets %s:0=43", topic);
    assert_int_equal(run(line), 0);
    assert_int_equal(job_run("", ""), 0);
    snprintf(line, sizeof line, "work/dead/%s.dead", topic);
    assert_int_equal(found_in(line, "~2\",\"partition\":1,\"offset\":0,"), 2);
    assert_int_equal(document_count("~2", 42), 1);
    assert_int_equal(document_count("~2", 43), 2);
    assert_int_equal(run("$B/sluice reset anew --work-dir work --yes"), 0);
    assert_int_equal(job_run("", ""), 0);
    assert_int_equal(document_count("~2", 0), 2);
    assert_int_equal(document_count("", 0), 1);
    topic_renew();
    plays_send(0, 1);
    assert_int_equal(run("$B/sluice reset anew --work-dir work --yes"), 0);
    assert_int_equal(job_run("", ""), 0);
    assert_int_equal(document_count("~3", 0), 1);
}

static void a_new_topic_is_told_from_the_old_one_at_the_next_start(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    for (size_t i = 0; i < 2; i++) {
        reader = readers[i];
        folder_open();
        while_the_job_was_down();
        after_resets();
        folder_close();
    }
}

/* Nothing was checkpointed yet: the journal alone tells. */
static void a_first_batch_that_was_not_done_does_not_run_over_the_new_topic(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    reader = readers[0];
    folder_open();
    topic_begin("first");
    plays_send(0, 5);
    assert_int_not_equal(job_run("SLUICE_FAULT=after_journal:1", ""), 0);
    topic_renew();
    plays_send(0, 20);
    assert_int_equal(job_run("", ""), 5);
    assert_logged("batch 1 was cut up to offset 5 of partition 0");
    assert_int_equal(job_run("", "--on-data-loss skip"), 0);
    assert_int_equal(document_count("", 0), 0);
    assert_int_equal(document_count("~2", 0), 1);
    assert_int_equal(document_count("~2", 19), 1);
    folder_close();
}

static void a_new_topic_is_data_loss_while_the_job_reads_the_old_one(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    for (size_t i = 0; i < 2; i++) {
        const char *pairs[] = { "kafka.reader",
                                readers[i],
                                "kafka.topic.metadata.refresh.interval.ms",
                                "100",
                                "kafka.fetch.wait.max.ms",
                                "50",
                                NULL };
        failure failure = { 0 };
        reader = readers[i];
        topic_begin("read");
        topic_fill(kafka_server_address(server), topic, 0, 0, 10);
        source_trial *trial = source_trial_new(kafka_server_address(server), topic, pairs);
        source_trial_start(trial);
        source_trial_wait(trial, 0, 0, 10);
        topic_renew();
        topic_fill(kafka_server_address(server), topic, 0, 0, 50);
        assert_int_equal(source_trial_trouble(trial, 0, 0, &failure), SL_DATA_LOSS);
        assert_non_null(strstr(failure.text, topic));
        source_trial_free(trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_topic_is_told_from_the_old_one_at_the_next_start),
        cmocka_unit_test(a_first_batch_that_was_not_done_does_not_run_over_the_new_topic),
        cmocka_unit_test(a_new_topic_is_data_loss_while_the_job_reads_the_old_one),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
