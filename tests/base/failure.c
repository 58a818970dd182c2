/*
 * tests/base/failure.c - the first failure wins; a broken expectation ends the process with its place.
 */
#include <base/failure.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Before cmocka's macro of the same name. */
static sl_result note(failure *failure, sl_result result, const char *text)
{
    return fail(failure, result, "writing %s: %d", text, 7);
}

#include <cmocka.h>

static void the_first_failure_wins(void **state)
{
    (void)state;
    failure failure = { 0 };
    assert_int_equal(note(&failure, SL_RETRY, "a"), SL_RETRY);
    assert_int_equal(note(&failure, SL_FAILED, "b"), SL_RETRY);
    assert_int_equal(failure.result, SL_RETRY);
    assert_string_equal(failure.text, "writing a: 7");
}

static void a_cleared_failure_takes_the_next(void **state)
{
    (void)state;
    failure failure = { 0 };
    note(&failure, SL_RETRY, "a");
    failure_clear(&failure);
    assert_int_equal(failure.result, SL_OK);
    assert_string_equal(failure.text, "");
    assert_int_equal(note(&failure, SL_LIMIT, "b"), SL_LIMIT);
    assert_string_equal(failure.text, "writing b: 7");
}

static void a_long_text_is_cut_and_ends(void **state)
{
    (void)state;
    failure failure = { 0 };
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    note(&failure, SL_FAILED, text);
    assert_int_equal(strlen(failure.text), sizeof failure.text - 1);
    assert_memory_equal(failure.text, "writing xxx", 11);
}

static void logins_of_urls_are_hidden_even_where_the_text_is_cut(void **state)
{
    (void)state;
    failure failure = { 0 };
    note(&failure, SL_FAILED, "http://ann:canary@host/a");
    assert_string_equal(failure.text, "writing http://[hidden]@host/a: 7");
    failure_clear(&failure);
    char text[600];
    memset(text, 'x', sizeof text);
    strcpy(text + sizeof failure.text - 30, "redis://ann:canary-that-is-too-long@host");
    note(&failure, SL_FAILED, text);
    assert_null(strstr(failure.text, "ann"));
}

static int tries;

static sl_result count_try(sl_result result)
{
    tries++;
    return result;
}

static sl_result try_twice(sl_result first, sl_result second)
{
    SL_TRY(count_try(first));
    SL_TRY(count_try(second));
    return SL_OK;
}

static void trying_leaves_at_the_first_that_did_not_succeed(void **state)
{
    (void)state;
    tries = 0;
    assert_int_equal(try_twice(SL_OK, SL_OK), SL_OK);
    assert_int_equal(tries, 2);
    assert_int_equal(try_twice(SL_DATA_LOSS, SL_FAILED), SL_DATA_LOSS);
    assert_int_equal(tries, 3);
    assert_int_equal(try_twice(SL_OK, SL_FAILED), SL_FAILED);
}

static void every_result_has_a_sentence_of_its_own(void **state)
{
    (void)state;
    for (int a = SL_OK; a <= SL_RUNNING; a++) {
        assert_true(strlen(sl_result_text((sl_result)a)) > 3);
        for (int b = SL_OK; b < a; b++)
            assert_string_not_equal(sl_result_text((sl_result)a), sl_result_text((sl_result)b));
    }
    assert_string_equal(sl_result_text((sl_result)999), "unknown");
}

static void only_a_retry_is_retriable(void **state)
{
    (void)state;
    for (int result = SL_OK; result <= SL_RUNNING; result++)
        assert_int_equal(sl_is_retriable((sl_result)result), result == SL_RETRY);
}

/* What a child that breaks an expectation writes to its standard error; how it ended. */
static int break_expectation(char *told, size_t room)
{
    int ends[2], status = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit no_core = { 0, 0 };
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        sl_expect(tries < 0);
        _exit(0);
    }
    close(ends[1]);
    size_t size = 0;
    for (ssize_t got; size < room - 1 && (got = read(ends[0], told + size, room - 1 - size)) > 0;)
        size += (size_t)got;
    told[size] = '\0';
    close(ends[0]);
    waitpid(child, &status, 0);
    return status;
}

static void a_broken_expectation_tells_its_place_and_ends_the_process(void **state)
{
    (void)state;
    char told[4096];
    int status = break_expectation(told, sizeof told);
    assert_true(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    assert_non_null(strstr(told, "tries < 0"));
    assert_non_null(strstr(told, "failure.c:"));
    sl_expect(tries >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_failure_wins),
        cmocka_unit_test(a_cleared_failure_takes_the_next),
        cmocka_unit_test(a_long_text_is_cut_and_ends),
        cmocka_unit_test(logins_of_urls_are_hidden_even_where_the_text_is_cut),
        cmocka_unit_test(trying_leaves_at_the_first_that_did_not_succeed),
        cmocka_unit_test(every_result_has_a_sentence_of_its_own),
        cmocka_unit_test(only_a_retry_is_retriable),
        cmocka_unit_test(a_broken_expectation_tells_its_place_and_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
