/*
 * tests/system/paused.c - a server is away while a job runs: `sluice status` and `sluice list` say which, since when, and how many
 * batches wait, and the job goes on by itself when it is back.
 */
#include <base/folder.h>
#include <json-c/json.h>
#include <servers/redis.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <unistd.h>

#include <cmocka.h>

static redis_server *redis;

static int start(void **state)
{
    redis = redis_server_start(NULL);
    return folder_start_home(state);
}

static int stop(void **state)
{
    (void)state;
    redis_server_stop(redis);
    folder_close();
    return 0;
}

/* In the folder; gives what it prints, until the next call. */
static const char *printed(const char *words)
{
    assert_int_equal(shell("(%s) >printed 2>&1", words), 0);
    return folder_read("printed");
}

/* Reads the job's log until the text comes. */
static void log_says(FILE *log, const char *text)
{
    char line[2000];
    while (fgets(line, sizeof line, log))
        if (strstr(line, text))
            return;
    fail_msg("the log does not say \"%s\"", text);
}

/* `sluice status --json` until `name` is there, or is gone; each asking waits for the job's answer. */
static json_object *status_with(const char *name, bool wanted)
{
    for (int tries = 0; tries < 2000; tries++) {
        json_object *status = json_tokener_parse(printed("$B/sluice status plays --json")), *value;
        if (json_object_object_get_ex(status, name, &value) == wanted)
            return status;
        json_object_put(status);
    }
    fail_msg("the status never %s \"%s\"", wanted ? "had" : "lost", name);
    return NULL;
}

static const char *text_in(json_object *status, const char *name)
{
    json_object *value;
    assert_true(json_object_object_get_ex(status, name, &value));
    return json_object_get_string(value);
}

static void a_job_says_whom_it_waits_for_and_goes_on(void **state)
{
    (void)state;
    if (redis == NULL)
        skip();
    FILE *job = shell_reads(
        "exec $B/sluice submit --name plays --interval 50ms --conf batches.held_max=2 "
        "--conf redis.url=%s --conf redis.cache.ttl=0s --conf redis.cache.missing_ttl=0s "
        "--from lines=file:in.csv --to documents=file:out --to interests=null --to top_tracks=redis listens 2>&1",
        redis_server_url(redis));
    folder_write("in.csv", "0,9,56,\"2014-10-23 03:26:20\",0,\"72132\"\n");
    log_says(job, "plays runs");
    redis_server_kill(redis);
    printed("echo '1,9,56,\"2014-10-23 03:26:20\",0,\"72132\"' >>in.csv");
    json_object *status = status_with("reason", true);
    assert_non_null(strstr(text_in(status, "reason"), "redis at "));
    json_object_put(status);
    const char *said = "";
    for (int tries = 0; tries < 2000 && strstr(said, "3 batches held") == NULL; tries++)
        said = printed("$B/sluice list"); /* two wait, one is tried: no more are cut */
    assert_non_null(strstr(said, "paused: redis since "));
    assert_non_null(strstr(said, ", 3 batches held\n"));
    assert_non_null(strstr(said, "plays                    paused "));
    redis_server_restart(redis);
    json_object_put(status_with("reason", false));
    assert_non_null(strstr(printed("$B/sluice list"), "plays                    running "));
    assert_non_null(strstr(printed("$B/sluice stop plays"), "has stopped"));
    pclose(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_says_whom_it_waits_for_and_goes_on),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
