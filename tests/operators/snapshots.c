/*
 * tests/operators/snapshots.c - all keys of all that keeps rows by key, in the batches that pass a multiple of the time asked for.
 */
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORD_FIELDS(F) F(text, word) F(i64, times)
SL_RECORD(word, WORD_FIELDS);

static bool take(sl_task *task, const sl_message *in, word *out)
{
    (void)task;
    out->word = in->value;
    return true;
}
SL_STAGE(take, sl_message, word);

static bool count_word(sl_task *task, const word *in, word *state, sl_key *key)
{
    (void)task, (void)in;
    state->times++;
    key->remove = state->times == 3;
    return false;
}
SL_UPDATE(count_word, word, word);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream words =
        sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_stage);
    sl_stream states = sl_update_by(
        words, &count_word_update,
        &(sl_update){ .name = "words", .key = SL_FIELDS(word, word), .into = SL_FIELDS(word, word) });
    sl_stream counts = sl_count_by(words, &(sl_count){ .name = "counts",
                                                       .key = SL_FIELDS(word, word),
                                                       .into = SL_FIELDS(word, times),
                                                       .window = { .length = { 10000 }, .pane = { 1000 } } });
    sl_to(states, &(sl_output){ .name = "told", .to = { "memory" }, .id = SL_FIELDS(word, word) });
    sl_to(sl_snapshots(states, (sl_duration){ 3000 }),
          &(sl_output){ .name = "every_3s", .to = { "memory" }, .id = SL_FIELDS(word, word) });
    sl_to(sl_snapshots(states, (sl_duration){ 0 }),
          &(sl_output){ .name = "every_batch", .to = { "memory" }, .id = SL_FIELDS(word, word) });
    sl_to(sl_snapshots(counts, (sl_duration){ 4000 }),
          &(sl_output){ .name = "of_count", .to = { "memory" }, .id = SL_FIELDS(word, word) });
}

/* A word's first letter, and how often it came: once for each row. */
static void longer(word *into, const word *from)
{
    into->times = into->times > from->times ? into->times : from->times;
}
SL_COMBINE(longer, word);

static bool weigh(sl_task *task, const word *in, word *out)
{
    (void)task;
    *out = (word){ { in->word.at, 1 }, (int64_t)in->word.size };
    return true;
}
SL_STAGE(weigh, word, word);

static void show(sl_stream of, const char *name, int64_t every_ms)
{
    sl_to(sl_snapshots(of, (sl_duration){ every_ms }),
          &(sl_output){ .name = name, .to = { "memory" }, .id = SL_FIELDS(word, word) });
}

static void draw_aggregates(sl_plan *plan, const void *options)
{
    (void)options;
    sl_window window = { .length = { 3000 }, .pane = { 1000 }, .slide = { 1000000 } };
    sl_stream words =
        sl_through(sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_stage),
                   &weigh_stage);
    show(sl_reduce_by(words, &(sl_reduce){ .name = "longest",
                                           .key = SL_FIELDS(word, word),
                                           .add = &longer_combine,
                                           .window = window }),
         "of_longest", 2000);
    show(sl_reduce_by(words, &(sl_reduce){ .name = "letters",
                                           .key = SL_FIELDS(word, word),
                                           .sum = SL_FIELDS(word, times),
                                           .window = { .length = SL_EVER },
                                           .touched_only = true }),
         "of_letters", 2000);
    show(sl_distinct_by(words, &(sl_distinct){ .name = "known",
                                               .key = SL_FIELDS(word, word),
                                               .window = { .length = SL_EVER } }),
         "of_known", 0);
    show(sl_count_about(words, &(sl_about){ .name = "sizes",
                                            .key = SL_FIELDS(word, word),
                                            .of = SL_FIELDS(word, times),
                                            .into = SL_FIELDS(word, times) }),
         "of_sizes", 0);
}

static const sl_job aggregates_job = { .name = "letters", .about = "weighs words", .draw = draw_aggregates };

static const sl_job words_job = { .name = "words", .about = "counts words", .draw = draw };

static const char *line(const char *word, int second, int times)
{
    static char lines[8][160];
    static size_t next;
    char *at = lines[next++ % 8];
    snprintf(at, sizeof lines[0],
             "{\"_id\":\"%s\",\"@timestamp\":\"1970-01-01T00:00:%02d.000Z\",\"word\":\"%s\",\"times\":%d}\n",
             word, second, word, times);
    return at;
}

static void assert_state(sl_test *test, const char *name, int64_t keys)
{
    const sl_batch_info *batch = sl_test_account(test);
    for (size_t i = 0; i < batch->state_count; i++)
        if (strcmp(batch->states[i].name, name) == 0) {
            assert_int_equal(batch->states[i].keys, keys);
            assert_in_range(batch->states[i].bytes, 1, 1 << 20);
            return;
        }
    fail_msg("no state %s in the account", name);
}

static void keys_are_shown_when_their_time_comes(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&words_job, "--interval 1s");
    char both[400];
    sl_test_send(test, "lines", "a");
    sl_test_send(test, "lines", "b");
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "told"), "");
    assert_string_equal(sl_test_wrote(test, "every_3s"), "");
    snprintf(both, sizeof both, "%s%s", line("a", 1, 1), line("b", 1, 1));
    assert_string_equal(sl_test_wrote(test, "every_batch"), both);
    sl_test_send(test, "lines", "a");
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "every_3s"), "");
    sl_test_batch(test); /* nothing came: keys are shown all the same */
    snprintf(both, sizeof both, "%s%s", line("a", 3, 2), line("b", 3, 1));
    assert_string_equal(sl_test_wrote(test, "every_3s"), both);
    assert_string_equal(sl_test_wrote(test, "of_count"), "");
    sl_test_send(test, "lines", "a"); /* the third: it goes */
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "every_batch"), line("b", 4, 1));
    snprintf(both, sizeof both, "%s%s", line("a", 4, 3), line("b", 4, 1));
    assert_string_equal(sl_test_wrote(test, "of_count"), both);
    assert_state(test, "words", 1);
    assert_state(test, "counts", 2);
    sl_test_pass(test, 10000); /* several multiples have passed: once */
    sl_test_batch(test);
    assert_string_equal(sl_test_wrote(test, "every_3s"), line("b", 15, 1));
    assert_string_equal(sl_test_wrote(test, "of_count"), "");
    assert_state(test, "counts", 0);
    sl_test_close(test);
}

static void send(sl_test *test, const char *const *words)
{
    for (; *words; words++)
        sl_test_send(test, "lines", *words);
    sl_test_batch(test);
}

static void assert_shown(sl_test *test, const char *name, const char *const *lines)
{
    char all[800] = "";
    for (; *lines; lines++)
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s", *lines);
    assert_string_equal(sl_test_wrote(test, name), all);
}

/* Whatever else goes out: the windows report in a quarter of an hour, keys are told once or when they are touched. */
static void reduces_and_distincts_show_their_keys_too(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&aggregates_job, "--interval 1s");
    send(test, (const char *const[]){ "alpha", "ax", "bb", NULL });
    assert_shown(test, "of_longest", (const char *const[]){ NULL });
    assert_shown(test, "of_known", (const char *const[]){ line("a", 1, 0), line("b", 1, 0), NULL });
    assert_shown(test, "of_sizes", (const char *const[]){ line("a", 1, 2), line("b", 1, 1), NULL });
    send(test, (const char *const[]){ "ab", NULL });
    assert_shown(test, "of_longest", (const char *const[]){ line("a", 2, 5), line("b", 2, 2), NULL });
    assert_shown(test, "of_letters", (const char *const[]){ line("a", 2, 9), line("b", 2, 2), NULL });
    assert_shown(test, "of_known", (const char *const[]){ line("a", 2, 0), line("b", 2, 0), NULL });
    assert_shown(test, "of_sizes", (const char *const[]){ line("a", 2, 1), NULL });
    assert_state(test, "longest", 2);
    assert_state(test, "known", 2);
    send(test, (const char *const[]){ NULL });
    send(test, (const char *const[]){ NULL }); /* 4 s: the first second has left */
    assert_shown(test, "of_longest", (const char *const[]){ line("a", 4, 2), NULL });
    assert_shown(test, "of_letters", (const char *const[]){ line("a", 4, 9), line("b", 4, 2), NULL });
    assert_state(test, "longest", 1);
    assert_state(test, "letters", 2);
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reduces_and_distincts_show_their_keys_too),
        cmocka_unit_test(keys_are_shown_when_their_time_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
