/*
 * tests/main.c - a job program as a shell sees it: exit codes and what it prints. The program is engine/main.c itself, with
 * a job of one line, in children of this one.
 */
int job_main(int argc, char **argv);
#define main job_main
#include "../engine/main.c"
#undef main

#include <base/folder.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { WORDS_MAX = 32 };

#define LINE_FIELDS(F) F(origin, origin) F(text, line)
SL_RECORD(line, LINE_FIELDS);

static bool take_line(sl_task *task, const sl_message *in, line *out)
{
    if (in->value.size == 0)
        return sl_reject(task, &in->origin, "empty", "line");
    *out = (line){ in->origin, in->value };
    return true;
}
SL_STAGE(take_line, sl_message, line);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
    sl_to(sl_through(lines, &take_line_stage),
          &(sl_output){
              .name = "copies", .to = { "console" }, .index = "copies", .id = SL_FIELDS(line, origin) });
}

typedef struct copy_options {
    int64_t copies;
} copy_options;

static const char *no_records(const void *options, const sl_totals *totals)
{
    return totals->records || ((const copy_options *)options)->copies < 2 ? NULL
                                                                          : "there was nothing to copy";
}

static const sl_option option_table[] = { SL_OPTION(copy_options, copies, "1", "1", "9", "how many copies"),
                                          { 0 } };

const sl_job job = { .name = "copy",
                     .about = "copies lines",
                     .options = option_table,
                     .options_bytes = sizeof(copy_options),
                     .draw = draw,
                     .summary = no_records };

/* ---- A child ---- */

static char printed[1 << 16]; /* by the last child: standard output and standard error */

typedef struct child {
    pid_t pid;
    FILE *output;
} child;

/* "%s" in the options is the temporary folder. */
static child child_start(const char *options)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    child made = { .pid = fork() };
    assert_true(made.pid >= 0);
    if (made.pid > 0) {
        close(ends[1]);
        made.output = fdopen(ends[0], "r");
        printed[0] = '\0';
        return made;
    }
    buffer text = { 0 };
    for (const char *at = options; *at; at++) {
        if (!strncmp(at, "%s", 2))
            buffer_text(&text, folder_path(""));
        else if (at == options || strncmp(at - 1, "%s", 2) != 0)
            buffer_byte(&text, *at);
    }
    buffer_byte(&text, '\0');
    char *rest = text.at, *word, *words[WORDS_MAX] = { (char *)(uintptr_t) "copy" };
    int count = 1;
    while ((word = strsep(&rest, " ")) && count < WORDS_MAX - 1)
        if (*word)
            words[count++] = word;
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    int code = job_main(count, words);
    fflush(NULL);
    _exit(code);
}

/* Reads until what was printed has the text; NULL: to the end. */
static bool child_prints(child *child, const char *text)
{
    size_t size = strlen(printed);
    while (fgets(printed + size, (int)(sizeof printed - size), child->output)) {
        size += strlen(printed + size);
        if (text && strstr(printed, text))
            return true;
    }
    return false;
}

static int child_end(child *child)
{
    int status;
    child_prints(child, NULL);
    fclose(child->output);
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_to_end(const char *options)
{
    child child = child_start(options);
    return child_end(&child);
}

static void assert_ends(const char *options, int code, const char *text)
{
    int ended = run_to_end(options);
    if (ended != code || strstr(printed, text) == NULL)
        fail_msg("%s: ended with %d, expected %d and \"%s\" in:\n%s", options, ended, code, text, printed);
}

/* ---- Tests ---- */

static void help_version_and_explain_end_well(void **state)
{
    (void)state;
    assert_ends("--version", 0, "copy, sluice " SLUICE_VERSION);
    assert_ends("--help", 0, "usage: copy [options]");
    assert_non_null(strstr(printed, "--max-rate-per-partition"));
    assert_non_null(strstr(printed, "--copies"));
    assert_non_null(strstr(printed, "copies"));
    assert_ends("--explain --to copies=file:%s/out", 0, "lines <- kafka:realtime");
    assert_non_null(strstr(printed, "copies -> file:"));
    assert_non_null(strstr(printed, "batch.interval"));
    assert_false(folder_has("out")); /* nothing was touched */
    assert_false(folder_has("state"));
}

static void help_is_given_whatever_else_is_wrong(void **state)
{
    (void)state;
    static const char *const options[] = { "--interval 1 --copies 10 --help",
                                           "--bogus --help",
                                           "--bogus 7 --help",
                                           "--help --bogus",
                                           "word --help",
                                           "--properties-file /nowhere --help",
                                           "--name --help" };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        assert_ends(options[i], 0, "usage: copy [options]");
        assert_null(strstr(printed, "ERROR"));
    }
    assert_ends("-- --help", 2, "\"--help\" is no option");
}

static void a_wrong_option_is_2_and_tells_the_nearest(void **state)
{
    (void)state;
    assert_ends("--intervall 1s", 2, "--interval");
    assert_ends("--interval 1", 2, "--interval");
    assert_ends("--copies 10", 2, "--copies");
    assert_ends("--conf batch.intervall=1s", 2, "batch.interval");
    assert_ends("word", 2, "\"word\" is no option");
    assert_ends("--to copie=null", 2, "did you mean \"copies\"?");
    assert_ends("--to copies=nul", 2, "did you mean \"null\"?");
    assert_ends("--from-offsets newest --work-dir %s/w", 2, "--from-offsets newest");
    assert_ends("--listen histori --work-dir %s/w", 2, "history");
}

static void a_wrong_variable_is_2(void **state)
{
    (void)state;
    setenv("SLUICE_BATCH_INTERVAL", "never", 1);
    assert_ends("--work-dir %s/w", 2, "SLUICE_BATCH_INTERVAL");
    unsetenv("SLUICE_BATCH_INTERVAL");
}

static void a_server_that_is_not_there_in_time_is_3(void **state)
{
    (void)state;
    /* A port that nobody else gets while this holds it, and nobody listens on. */
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    char options[256];
    int held = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(held, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(held, (struct sockaddr *)&address, &size), 0);
    snprintf(options, sizeof options,
             "--startup-timeout 1s --work-dir %%s/unreachable --conf kafka.bootstrap.servers=127.0.0.1:%d",
             ntohs(address.sin_port));
    assert_ends(options, 3, "127.0.0.1");
    close(held);
}

static void an_input_file_that_is_not_there_in_time_is_3(void **state)
{
    (void)state;
    assert_ends("--startup-timeout 200ms --work-dir %s/absent --from lines=file:%s/none --available-now", 3,
                "/none");
}

static void a_bounded_run_ends_with_0(void **state)
{
    (void)state;
    folder_write("in", "one\n\ntwo\n");
    assert_ends("--available-now --work-dir %s/bounded --from lines=file:%s/in --to copies=file:%s/out", 0,
                "ended after 1 batch: 3 records = 2 written + 0 duplicates + 0 filtered + 1 dead letter\n");
}

static void a_job_that_finds_fault_with_the_whole_ends_with_1(void **state)
{
    (void)state;
    folder_write("empty", "");
    assert_ends(
        "--copies 2 --available-now --work-dir %s/nothing --from lines=file:%s/empty --to copies=null", 1,
        "there was nothing to copy");
}

static void too_many_failed_batches_are_4(void **state)
{
    (void)state;
    folder_write("in", "one\n");
    setenv("SLUICE_DISK_FAULT", "rename:ENOSPC:/copies/", 1);
    assert_ends(
        "--available-now --max-batch-failures 2 --work-dir %s/full --from lines=file:%s/in --to copies=file:%s/full-out",
        4, "batch 1 failed 2 times");
    unsetenv("SLUICE_DISK_FAULT");
}

/* A file that begins anew is rotation; but what a journaled batch is to read again must be there. */
static void an_input_that_was_cut_short_before_its_batch_was_done_is_5(void **state)
{
    (void)state;
    static const char options[] =
        "--available-now --max-batch-failures 2 --work-dir %s/loss --from lines=file:%s/shrinks --to copies=file:%s/loss-out";
    folder_write("shrinks", "one\ntwo\nthree\n");
    setenv("SLUICE_DISK_FAULT", "rename:ENOSPC:/copies/", 1);
    assert_ends(options, 4, "batch 1 failed 2 times");
    unsetenv("SLUICE_DISK_FAULT");
    folder_write("shrinks", "one\n");
    assert_ends(options, 5, "/shrinks");
}

/* The first runs until SIGTERM, which ends it with 0. */
static void a_second_start_is_6_and_the_first_ends_with_0_when_it_is_told_to(void **state)
{
    (void)state;
    static const char options[] =
        "--interval 20ms --work-dir %s/twice --from lines=file:%s/in --to copies=null";
    char pid[32];
    static char first_printed[sizeof printed];
    folder_write("in", "one\n");
    child first = child_start(options);
    assert_true(child_prints(&first, "copy runs"));
    memcpy(first_printed, printed, sizeof printed);
    snprintf(pid, sizeof pid, "process %d;", (int)first.pid);
    assert_ends(options, 6, pid);
    memcpy(printed, first_printed, sizeof printed);
    assert_int_equal(kill(first.pid, SIGTERM), 0);
    assert_int_equal(child_end(&first), 0);
    assert_non_null(strstr(printed, "stopping after the running batch"));
    assert_non_null(strstr(printed, "ended after"));
}

static void a_stop_while_a_server_is_waited_for_ends_it_soon(void **state)
{
    (void)state;
    child waiting = child_start("--startup-timeout 100s --work-dir %s/waits --from lines=file:%s/never");
    assert_true(child_prints(&waiting, "trying again"));
    assert_int_equal(kill(waiting.pid, SIGTERM), 0);
    assert_int_equal(child_end(&waiting), 0);
    assert_non_null(strstr(printed, "stopped before it had started"));
}

/* In between two attempts, too; the batch waits for the next start. */
static void a_stop_while_a_batch_waits_for_another_try_ends_it_with_0(void **state)
{
    (void)state;
    static const char options[] =
        "--available-now --work-dir %s/again --from lines=file:%s/in --to copies=file:%s/again-out";
    folder_write("in", "one\ntwo\n");
    setenv("SLUICE_DISK_FAULT", "rename:ENOSPC:/copies/", 1);
    child child = child_start(options);
    assert_true(child_prints(&child, "attempt 1 failed"));
    assert_int_equal(kill(child.pid, SIGTERM), 0);
    assert_int_equal(child_end(&child), 0);
    unsetenv("SLUICE_DISK_FAULT");
    assert_ends(options, 0, "2 records = 2 written");
}

static void without_a_home_a_folder_must_be_named(void **state)
{
    (void)state;
    char *state_home = strdup(getenv("XDG_STATE_HOME")),
         *home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    assert_ends("", 2, "--work-dir");
    setenv("XDG_STATE_HOME", state_home, 1);
    if (home)
        setenv("HOME", home, 1);
    free(state_home);
    free(home);
}

static void detached_it_tells_where_its_log_is(void **state)
{
    (void)state;
    folder_write("in", "one\n");
    assert_ends("--detach --available-now --work-dir %s/detached --from lines=file:%s/in --to copies=null", 0,
                "its log: ");
    assert_non_null(strstr(printed, "copy runs as process "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help_version_and_explain_end_well),
        cmocka_unit_test(help_is_given_whatever_else_is_wrong),
        cmocka_unit_test(a_wrong_option_is_2_and_tells_the_nearest),
        cmocka_unit_test(a_wrong_variable_is_2),
        cmocka_unit_test(a_server_that_is_not_there_in_time_is_3),
        cmocka_unit_test(an_input_file_that_is_not_there_in_time_is_3),
        cmocka_unit_test(a_bounded_run_ends_with_0),
        cmocka_unit_test(a_job_that_finds_fault_with_the_whole_ends_with_1),
        cmocka_unit_test(too_many_failed_batches_are_4),
        cmocka_unit_test(an_input_that_was_cut_short_before_its_batch_was_done_is_5),
        cmocka_unit_test(a_second_start_is_6_and_the_first_ends_with_0_when_it_is_told_to),
        cmocka_unit_test(a_stop_while_a_server_is_waited_for_ends_it_soon),
        cmocka_unit_test(a_stop_while_a_batch_waits_for_another_try_ends_it_with_0),
        cmocka_unit_test(without_a_home_a_folder_must_be_named),
        cmocka_unit_test(detached_it_tells_where_its_log_is),
    };
    return cmocka_run_group_tests(tests, folder_start_home, folder_stop);
}
