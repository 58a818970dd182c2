/*
 * tests/places.c - where inputs and outputs are: the job's own places, what --from, --to and --topic say, and what is told of
 * names that do not exist.
 */
#include "../jobs/listens.c"
#include <base/memory.h>
#include <places.h>
#include <settings.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct trial {
    sl_plan plan;
    settings *settings;
    places places;
    failure failure;
    char *words_text;
} trial;

static uint32_t node(const trial *trial, const char *name)
{
    uint32_t i = 0;
    while (strcmp(trial->plan.nodes[i].name, name) != 0)
        i++;
    return i;
}

static sl_result find(trial *trial, const char *arguments, bool memory)
{
    char *rest = trial->words_text = memory_text(arguments), *word,
         *words[32] = { (char *)(uintptr_t) "listens" };
    int count = 1, used;
    while ((word = strsep(&rest, " ")) && count < 32)
        if (*word)
            words[count++] = word;
    assert_int_equal(settings_arguments(trial->settings, count, words, &used, &trial->failure), SL_OK);
    places_spec spec = { &trial->plan, trial->settings, "file:work/dead", memory };
    return places_find(&spec, &trial->places, &trial->failure);
}

static void assert_refused(trial *trial, const char *arguments, const char *first, const char *second)
{
    assert_int_equal(find(trial, arguments, false), SL_USAGE);
    assert_non_null(strstr(trial->failure.text, first));
    assert_non_null(strstr(trial->failure.text, second));
}

static void without_options_the_jobs_own_places_count(void **state)
{
    trial *trial = *state;
    assert_int_equal(find(trial, "", false), SL_OK);
    const input_place *lines = &trial->places.inputs[node(trial, "lines")];
    assert_string_equal(lines->kind->name, "kafka");
    assert_string_equal(lines->target, "realtime");
    assert_string_equal(trial->places.lookups[node(trial, "customers")].kind->name, "redis");
    const output_places *top = &trial->places.outputs[node(trial, "top_tracks")];
    assert_int_equal(top->count, 2);
    assert_string_equal(top->at[0].kind->name, "redis");
    assert_string_equal(top->at[0].target, "");
    assert_string_equal(top->at[1].kind->name, "elastic");
    assert_int_equal(trial->places.dead_letters.count, 1);
    assert_string_equal(trial->places.dead_letters.at[0].target, "work/dead");
}

static void a_place_that_is_given_replaces_all_of_the_jobs_own(void **state)
{
    trial *trial = *state;
    assert_int_equal(find(trial, "--to top_tracks=file:out", false), SL_OK);
    const output_places *top = &trial->places.outputs[node(trial, "top_tracks")];
    assert_int_equal(top->count, 1);
    assert_string_equal(top->at[0].kind->name, "file");
    assert_string_equal(top->at[0].target, "out");
    assert_int_equal(trial->places.outputs[node(trial, "interests")].count, 2); /* keeps its own */
}

static void several_places_of_one_name_are_all_written(void **state)
{
    trial *trial = *state;
    assert_int_equal(
        find(trial,
             "--to documents=file:a:b --to interests=null --to documents=elastic:x --to documents=console",
             false),
        SL_OK);
    const output_places *documents = &trial->places.outputs[node(trial, "documents")];
    assert_int_equal(documents->count, 3);
    assert_string_equal(documents->at[0].target, "a:b");
    assert_string_equal(documents->at[1].kind->name, "elastic");
    assert_string_equal(documents->at[1].target, "x");
    assert_string_equal(documents->at[2].kind->name, "console");
}

static void more_places_than_there_can_be_are_refused(void **state)
{
    trial *trial = *state;
    char arguments[512] = "";
    for (int i = 0; i < PLACES_MAX + 1; i++)
        strncat(arguments, " --to documents=null", sizeof arguments - strlen(arguments) - 1);
    assert_refused(trial, arguments, "documents", "8");
}

static void a_topic_is_short_for_the_first_input_in_kafka(void **state)
{
    trial *trial = *state;
    assert_int_equal(find(trial, "--topic other", true), SL_OK);
    assert_string_equal(trial->places.inputs[node(trial, "lines")].kind->name, "kafka");
    assert_string_equal(trial->places.inputs[node(trial, "lines")].target, "other");
}

static void an_input_that_is_given_wins_over_the_topic(void **state)
{
    trial *trial = *state;
    assert_int_equal(find(trial, "--topic other --from lines=file:in.csv", false), SL_OK);
    assert_string_equal(trial->places.inputs[node(trial, "lines")].kind->name, "file");
}

static void in_tests_all_is_in_memory_but_what_is_named(void **state)
{
    trial *trial = *state;
    assert_int_equal(find(trial, "--to documents=file:out", true), SL_OK);
    assert_string_equal(trial->places.inputs[node(trial, "lines")].kind->name, "memory");
    assert_string_equal(trial->places.lookups[node(trial, "customers")].kind->name, "memory");
    assert_string_equal(trial->places.outputs[node(trial, "documents")].at[0].kind->name, "file");
    assert_string_equal(trial->places.outputs[node(trial, "interests")].at[0].kind->name, "memory");
}

static void dead_letters_may_go_elsewhere(void **state)
{
    trial *trial = *state;
    assert_int_equal(find(trial, "--to dead_letters=kafka --to dead_letters=null", false), SL_OK);
    assert_int_equal(trial->places.dead_letters.count, 2);
    assert_string_equal(trial->places.dead_letters.at[0].kind->name, "kafka");
}

static void a_name_that_the_job_does_not_have_tells_the_nearest(void **state)
{
    assert_refused(*state, "--to document=null", "no \"document\"", "did you mean \"documents\"?");
}

static void an_output_is_no_input(void **state)
{
    assert_refused(*state, "--from documents=file:x", "--from", "no \"documents\"");
}

static void a_kind_that_is_not_there_tells_the_nearest(void **state)
{
    assert_refused(*state, "--to documents=elastc:x", "no kind of place \"elastc\"",
                   "did you mean \"elastic\"?");
}

/* "elasticsearch" begins like "elastic". */
static void a_kind_is_a_whole_word(void **state)
{
    assert_refused(*state, "--to documents=elasticsearch", "no kind of place \"elasticsearch\"", "documents");
}

static void a_place_without_a_name_shows_how_it_is_written(void **state)
{
    assert_refused(*state, "--to file:out", "NAME=URI", "--to documents=file:out");
}

static int open_trial(void **state)
{
    trial *trial = calloc(1, sizeof *trial);
    options options = { 0 };
    trial->settings = settings_for(&job);
    settings_fill(trial->settings, &job, &options);
    *state = trial;
    return plan_draw(&trial->plan, &job, &options) == SL_OK ? 0 : -1;
}

static int close_trial(void **state)
{
    trial *trial = *state;
    settings_free(trial->settings);
    free(trial->words_text);
    free(trial);
    return 0;
}

#define PLACES_TEST(test) cmocka_unit_test_setup_teardown(test, open_trial, close_trial)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACES_TEST(without_options_the_jobs_own_places_count),
        PLACES_TEST(a_place_that_is_given_replaces_all_of_the_jobs_own),
        PLACES_TEST(several_places_of_one_name_are_all_written),
        PLACES_TEST(more_places_than_there_can_be_are_refused),
        PLACES_TEST(a_topic_is_short_for_the_first_input_in_kafka),
        PLACES_TEST(an_input_that_is_given_wins_over_the_topic),
        PLACES_TEST(in_tests_all_is_in_memory_but_what_is_named),
        PLACES_TEST(dead_letters_may_go_elsewhere),
        PLACES_TEST(a_name_that_the_job_does_not_have_tells_the_nearest),
        PLACES_TEST(an_output_is_no_input),
        PLACES_TEST(a_kind_that_is_not_there_tells_the_nearest),
        PLACES_TEST(a_kind_is_a_whole_word),
        PLACES_TEST(a_place_without_a_name_shows_how_it_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
