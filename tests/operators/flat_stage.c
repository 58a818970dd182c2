/*
 * tests/operators/flat_stage.c - stages that give any number of rows for one, or for a chunk: all of them come out, in order, however
 * many there are.
 */
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/random.h>

#include <cmocka.h>

#define WORD_FIELDS(F) F(origin, origin) F(text, word) F(i64, place) F(i64, times)
SL_RECORD(word, WORD_FIELDS);

#define CHUNK_FIELDS(F) F(origin, first) F(i64, rows) F(i64, bytes)
SL_RECORD(chunk_seen, CHUNK_FIELDS);

/* "3x" gives x three times, with its place; "!" is rejected after it gave rows. */
static void repeat(sl_task *task, const sl_message *in, sl_rows *out)
{
    char number[16] = { 0 };
    size_t digits = 0;
    while (digits < in->value.size && digits < 9 && in->value.at[digits] >= '0' &&
           in->value.at[digits] <= '9')
        digits++;
    memcpy(number, in->value.at, digits);
    sl_text text = { in->value.at + digits, in->value.size - digits };
    for (long i = 0; i < atol(number); i++) {
        word *row = sl_row(out, word);
        assert_true(row->word.at == NULL && row->place == 0 && row->times == 0);
        row->origin = in->origin;
        row->word = text;
        row->place = i;
    }
    if (text.size == 1 && *text.at == '!')
        sl_reject(task, &in->origin, "shouted", "word");
}
SL_FLAT_STAGE(repeat, sl_message, word);

static bool odd_only(sl_task *task, const word *in, word *out)
{
    (void)task;
    *out = *in;
    return in->place % 2;
}
SL_STAGE(odd_only, word, word);

static void look(sl_task *task, const sl_message *rows, size_t count, sl_rows *out)
{
    (void)task;
    chunk_seen *row = sl_row(out, chunk_seen);
    row->first = rows[0].origin;
    row->rows = (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].origin.partition, rows[0].origin.partition);
        assert_true(i == 0 || rows[i].origin.offset > rows[i - 1].origin.offset);
        row->bytes += (int64_t)rows[i].value.size;
    }
}
SL_CHUNK_STAGE(look, sl_message, chunk_seen);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" });
    sl_stream words = sl_through(lines, &repeat_stage);
    sl_to(sl_through(words, &odd_only_stage),
          &(sl_output){ .name = "odd", .to = { "memory" }, .id = SL_FIELDS(word, word, place) });
    sl_to(sl_count_by(
              words,
              &(sl_count){ .name = "words", .key = SL_FIELDS(word, word), .into = SL_FIELDS(word, times) }),
          &(sl_output){ .name = "counts", .to = { "memory" }, .id = SL_FIELDS(word, word) });
    sl_to(sl_through(lines, &look_stage),
          &(sl_output){ .name = "chunks", .to = { "memory" }, .id = SL_FIELDS(chunk_seen, first, rows) });
}

static const sl_job repeating = { .name = "repeating", .about = "gives each word often", .draw = draw };

static int64_t number_behind(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    assert_non_null(at);
    return atoll(at + strlen(name));
}

static size_t lines_of(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static void every_row_of_a_message_goes_on_however_many_there_are(void **state)
{
    (void)state;
    static const int64_t sizes[] = { 0, 1, 2, 255, 256, 257, 511, 512, 513, 5000 };
    sl_test *test = sl_test_open(&repeating, "--interval 1s");
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char line[32];
        snprintf(line, sizeof line, "%lldw", (long long)sizes[i]);
        sl_test_send(test, "lines", line);
        sl_test_batch(test);
        assert_int_equal(lines_of(sl_test_wrote(test, "odd")), sizes[i] / 2);
        if (sizes[i])
            assert_int_equal(number_behind(sl_test_wrote(test, "counts"), "\"times\":"), sizes[i]);
        else
            assert_string_equal(sl_test_wrote(test, "counts"), "");
        assert_int_equal(sl_test_account(test)->records, 1);
    }
    sl_test_close(test);
}

static void a_message_that_gave_rows_can_still_be_rejected(void **state)
{
    (void)state;
    sl_test *test = sl_test_open(&repeating, "--interval 1s");
    sl_test_send(test, "lines", "700!");
    sl_test_batch(test);
    assert_int_equal(sl_test_account(test)->dead_letters, 1);
    assert_non_null(
        strstr(sl_test_wrote(test, "dead_letters"), "\"stage\":\"repeat\",\"reason\":\"shouted\""));
    assert_int_equal(number_behind(sl_test_wrote(test, "counts"), "\"times\":"), 700);
    sl_test_close(test);
}

static void rows_of_many_messages_are_counted_on_all_workers(void **state)
{
    (void)state;
    dice dice = { 71 };
    sl_test *test = sl_test_open(&repeating, "--interval 1s --cores 3");
    for (int batch = 0; batch < 3; batch++) {
        int64_t wanted[5] = { 0 }, bytes = 0;
        for (int i = 0; i < 6000; i++) {
            char line[32];
            size_t word = dice_below(&dice, 5), times = dice_below(&dice, 9);
            int size = snprintf(line, sizeof line, "%zu%c0123456789012345", times, (int)('a' + word));
            wanted[word] += (int64_t)times;
            bytes += size;
            sl_test_send_message(
                test, "lines", (uint32_t)dice_below(&dice, 4),
                &(sl_message){ .origin = { .time_ms = -1 }, .value = { line, (size_t)size } });
        }
        sl_test_batch(test);
        const char *at = sl_test_wrote(test, "counts");
        for (size_t word = 0; word < 5; word++, at = strchr(at, '\n') + 1)
            assert_int_equal(number_behind(at, "\"times\":"), wanted[word]);
        int64_t rows = 0;
        for (at = sl_test_wrote(test, "chunks"); *at; at = strchr(at, '\n') + 1) {
            rows += number_behind(at, "\"rows\":");
            bytes -= number_behind(at, "\"bytes\":");
        }
        assert_int_equal(rows, 6000);
        assert_int_equal(bytes, 0);
    }
    sl_test_close(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_a_message_goes_on_however_many_there_are),
        cmocka_unit_test(a_message_that_gave_rows_can_still_be_rejected),
        cmocka_unit_test(rows_of_many_messages_are_counted_on_all_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
