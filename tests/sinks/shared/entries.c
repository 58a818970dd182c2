/*
 * tests/sinks/shared/entries.c - rows as what a Redis command takes. Entries are shown as words between bars.
 */
#include <setjmp.h>
#include <sinks/shared/entries.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define PERSON_FIELDS(F) F(text, name) F(maybe_i64, age)
SL_RECORD(person, PERSON_FIELDS);
#define PLAY_FIELDS(F)                                                                                       \
    F(origin, origin) F(text, customer) F(text, track) F(maybe_i64, plays) F(link(person), person)
SL_RECORD(play, PLAY_FIELDS);

static void assert_entries(const buffer *out, const char *wanted)
{
    buffer shown = { 0 };
    const char *at = out->at;
    while (at < out->at + out->size) {
        for (uint32_t words = entries_count(&at); words > 0; words--) {
            sl_text word = entries_word(&at);
            buffer_append(&shown, word.at, word.size);
            buffer_byte(&shown, '|');
        }
        buffer_byte(&shown, '\n');
    }
    buffer_byte(&shown, '\0');
    assert_string_equal(shown.at, wanted);
    buffer_done(&shown);
}

static entries of(const sl_output *output)
{
    return (entries){ .output = output, .schema = play_schema(), .prefix = "p:", .time = "1000" };
}

static void a_key_is_the_prefix_and_its_fields(void **state)
{
    (void)state;
    sl_output output = { .redis = { .shape = SL_SET,
                                    .key = SL_FIELDS(play, customer, track),
                                    .member = SL_FIELDS(play, track) } };
    entries entries = of(&output);
    buffer out = { 0 };
    entries_row(&entries, &(play){ .customer = SL_TEXT("9"), .track = SL_TEXT("56") }, &out);
    entries_row(&entries, &(play){ .customer = SL_TEXT(""), .track = SL_TEXT("a b") }, &out);
    entries_row(&entries, &(play){ .customer = SL_TEXT("9") }, &out); /* no key, no entry */
    assert_entries(&out, "p:9-56|56|\np:-a b|a b|\n");
    buffer_done(&out);
}

static void a_score_is_a_field_or_the_batch_time(void **state)
{
    (void)state;
    sl_output output = { .redis = { .shape = SL_SORTED_SET,
                                    .key = SL_FIELDS(play, customer),
                                    .member = SL_FIELDS(play, track) } };
    entries entries = of(&output);
    buffer out = { 0 };
    play row = { .customer = SL_TEXT("9"), .track = SL_TEXT("56"), .plays = { 7, true } };
    entries_row(&entries, &row, &out);
    output.redis.score = SL_FIELDS(play, plays);
    entries_row(&entries, &row, &out);
    row.plays.known = false; /* no score, no entry */
    entries_row(&entries, &row, &out);
    assert_entries(&out, "p:9|1000|56|\np:9|7|56|\n");
    buffer_done(&out);
}

static void a_hash_shows_links_and_leaves_out_what_is_missing(void **state)
{
    (void)state;
    sl_output output = { .redis = { .shape = SL_HASH, .key = SL_FIELDS(play, customer) } };
    entries entries = of(&output);
    buffer out = { 0 };
    person ann = { .name = SL_TEXT("Ann"), .age = { 23, true } }, nobody = { .age = { 1, false } };
    entries_row(&entries, &(play){ .customer = SL_TEXT("9"), .plays = { 0, true }, .person = &ann }, &out);
    entries_row(&entries, &(play){ .customer = SL_TEXT("9"), .track = SL_TEXT("") }, &out);
    entries_row(&entries, &(play){ .customer = SL_TEXT("9"), .person = &nobody }, &out); /* nothing in it */
    assert_entries(&out, "p:9|plays|0|name|Ann|age|23|\np:9|track||\n");
    out.size = 0;
    output.redis.key_inside = true;
    entries_row(&entries, &(play){ .customer = SL_TEXT("9"), .plays = { 0, true } }, &out);
    assert_entries(&out, "p:9|customer|9|plays|0|\n");
    buffer_done(&out);
}

static void a_group_is_one_entry_even_when_it_is_empty(void **state)
{
    (void)state;
    sl_output output = { .redis = { .shape = SL_SORTED_SET,
                                    .key = SL_FIELDS(play, customer),
                                    .member = SL_FIELDS(play, track) } };
    entries entries = of(&output);
    buffer out = { 0 };
    play key = { .customer = SL_TEXT("0") }, keyless = { 0 };
    play rows[] = { { .track = SL_TEXT("a") }, { .plays = { 1, true } }, { .track = SL_TEXT("b") } };
    entries_group(&entries, &(sink_group){ .key_row = &key, .rows = rows, .count = 3 }, &out);
    entries_group(&entries, &(sink_group){ .key_row = &key }, &out);
    entries_group(&entries, &(sink_group){ .key_row = &keyless, .rows = rows, .count = 3 }, &out);
    assert_entries(&out, "p:0|1000|a|1000|b|\np:0|\n");
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_the_prefix_and_its_fields),
        cmocka_unit_test(a_score_is_a_field_or_the_batch_time),
        cmocka_unit_test(a_hash_shows_links_and_leaves_out_what_is_missing),
        cmocka_unit_test(a_group_is_one_entry_even_when_it_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
