/*
 * tests/operators/output.c - an output and its places: what each is handed, what becomes of records that some place had
 * already or refused, and lists that are written only when they differ. The places are scripted.
 */
#include <operators/output.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>

/* Before cmocka's macro of the same name. */
static sl_result trouble(failure *failure, sl_result result)
{
    return fail(failure, result, "the server is gone");
}

#include <cmocka.h>

#define PLAY_FIELDS(F) F(origin, origin) F(text, area) F(i64, rank)
SL_RECORD(play, PLAY_FIELDS);

/* ---- A place that does as it is told ---- */

enum { WORKERS = 2 };

typedef struct scripted {
    sl_result at_open, at_begin, at_rows, at_flush, at_replace, at_commit;
    char told[400]; /* what it was called for, a letter each */
    int64_t rows, batch_id, time_ms;
    const sink_batch *batch;
    bool bare, first_run;
} scripted;

static scripted places[2];

static void tell(scripted *place, char what)
{
    size_t size = strlen(place->told);
    if (size + 1 < sizeof place->told)
        place->told[size] = what;
}

static sl_result answer(sl_result result, failure *failure)
{
    return result == SL_OK ? SL_OK : trouble(failure, result);
}

static sl_result place_open(const sink_spec *spec, void **self, failure *failure)
{
    scripted *place = &places[spec->target[0] - '0'];
    tell(place, 'o');
    place->bare = spec->bare;
    place->first_run = spec->first_run;
    assert_int_equal(spec->writers, WORKERS);
    if (place->at_open == SL_OK)
        *self = place;
    return answer(place->at_open, failure);
}

static void place_close(void *self)
{
    tell(self, 'x');
}

static sl_result place_begin(void *self, const sink_batch *batch, failure *failure)
{
    scripted *place = self;
    tell(place, 'b');
    place->batch = batch;
    place->batch_id = batch->id;
    place->time_ms = batch->time_ms;
    return answer(place->at_begin, failure);
}

static sl_result place_rows(void *self, unsigned writer, const sink_rows *rows, failure *failure)
{
    scripted *place = self;
    tell(place, (char)('0' + writer));
    place->rows += (int64_t)rows->count;
    return answer(place->at_rows, failure);
}

static sl_result place_flush(void *self, unsigned writer, failure *failure)
{
    (void)writer;
    tell(self, 'f');
    return answer(((scripted *)self)->at_flush, failure);
}

static sl_result place_replace(void *self, const sink_group *groups, size_t count, failure *failure)
{
    scripted *place = self;
    tell(place, 'r');
    for (size_t i = 0; i < count; i++)
        place->rows += (int64_t)groups[i].count;
    return answer(place->at_replace, failure);
}

static sl_result place_commit(void *self, failure *failure)
{
    tell(self, 'c');
    return answer(((scripted *)self)->at_commit, failure);
}

static const sink_kind kind = {
    .name = "scripted",
    .open = place_open,
    .close = place_close,
    .begin = place_begin,
    .rows = place_rows,
    .flush = place_flush,
    .replace = place_replace,
    .commit = place_commit,
};

/* ---- The output around them ---- */

static plan_node node;

static sl_result try_open(void **opened, failure *failure)
{
    static atomic_bool stop;
    output_places spec = { .at = { { &kind, "scripted:0", "0" }, { &kind, "scripted:1", "1" } }, .count = 2 };
    spec.first_run = true;
    spec.stop = &stop;
    return operator_output.open(&(operator_spec){ .node = &node, .workers = WORKERS, .place = &spec }, opened,
                                failure);
}

static output *open_records(void)
{
    void *opened = NULL;
    failure failure = { 0 };
    memset(places, 0, sizeof places);
    node = (plan_node){ .kind = PLAN_OUTPUT, .name = "plays", .schema = play_schema() };
    node.as.output = (sl_output){ .name = "plays", .to = { "scripted" }, .id = SL_FIELDS(play, origin) };
    assert_int_equal(try_open(&opened, &failure), SL_OK);
    return opened;
}

static output *open_list(void)
{
    void *opened = NULL;
    failure failure = { 0 };
    memset(places, 0, sizeof places);
    node = (plan_node){ .kind = PLAN_OUTPUT, .name = "list", .schema = play_schema() };
    node.as.output = (sl_output){ .name = "list",
                                  .to = { "scripted" },
                                  .id = SL_FIELDS(play, area, rank),
                                  .whole = SL_FIELDS(play, area) };
    assert_int_equal(try_open(&opened, &failure), SL_OK);
    return opened;
}

static sl_result begin(output *output, int64_t id)
{
    failure failure = { 0 };
    batch_frame frame = { .id = id, .time_ms = id * 1000, .attempt = 1 };
    return operator_output.begin(output, &frame, &failure);
}

static sl_result add(output *output, unsigned worker, const play *rows, size_t count)
{
    sl_task task = { .worker = worker, .report_ms = 1000 };
    sl_rows in = { .at = (void *)(uintptr_t)rows, .count = count, .room = count }, none = { 0 };
    operator_output.rows(output, &task, &in, &none);
    assert_int_equal(none.count, 0);
    return task.failure.result;
}

static void assert_told(const char *first, const char *second)
{
    assert_string_equal(places[0].told, first);
    assert_string_equal(places[1].told, second);
    places[0].told[0] = places[1].told[0] = '\0';
    memset(places[0].told, 0, sizeof places[0].told);
    memset(places[1].told, 0, sizeof places[1].told);
}

static void every_place_is_handed_every_row(void **state)
{
    (void)state;
    output *output = open_records();
    static const play rows[3];
    failure failure = { 0 };
    sl_task task = { .worker = 1 };
    assert_true(places[0].first_run && places[1].first_run);
    assert_true(output_of_records(output));
    assert_int_equal(begin(output, 7), SL_OK);
    assert_false(output_will_write(output));
    assert_int_equal(add(output, 0, rows, 0), SL_OK);
    assert_int_equal(add(output, 1, rows, 3), SL_OK);
    assert_int_equal(add(output, 0, rows, 2), SL_OK);
    assert_true(output_will_write(output));
    output_flush(output, &task);
    assert_int_equal(output_replace(output, &failure), SL_OK);
    assert_int_equal(output_commit(output, &failure), SL_OK);
    assert_int_equal(places[0].rows, 5);
    assert_int_equal(places[1].rows, 5);
    assert_int_equal(places[1].batch_id, 7);
    assert_int_equal(places[1].time_ms, 7000);
    assert_null(output_wrote(output, 0));
    assert_null(output_wrote(output, 2));
    operator_output.close(output);
    assert_told("ob10fcx", "ob10fcx");
}

static void trouble_of_one_place_is_trouble_of_the_output(void **state)
{
    (void)state;
    output *output = open_records();
    static const play rows[1];
    failure failure = { 0 };
    sl_task task = { 0 };
    places[0].at_begin = SL_RETRY;
    assert_int_equal(begin(output, 1), SL_RETRY);
    places[0] = (scripted){ .at_rows = SL_RETRY };
    assert_int_equal(begin(output, 1), SL_OK);
    assert_int_equal(add(output, 0, rows, 1), SL_RETRY);
    places[0] = (scripted){ .at_flush = SL_FAILED };
    output_flush(output, &task);
    assert_int_equal(task.failure.result, SL_FAILED);
    assert_string_equal(task.failure.text, "the server is gone");
    places[0] = (scripted){ .at_commit = SL_RETRY };
    assert_int_equal(output_commit(output, &failure), SL_RETRY);
    operator_output.close(output);
}

static void a_place_that_cannot_be_opened_ends_the_start(void **state)
{
    (void)state;
    void *opened = NULL;
    failure failure = { 0 };
    operator_output.close(open_records());
    memset(places, 0, sizeof places);
    places[1].at_open = SL_USAGE;
    assert_int_equal(try_open(&opened, &failure), SL_USAGE);
    assert_null(opened);
    assert_told("ox", "o"); /* what was open is closed */
    failure_clear(&failure);
    places[1].at_open = SL_RETRY; /* for no time at all */
    assert_int_equal(try_open(&opened, &failure), SL_UNREACHABLE);
    assert_string_equal(failure.text, "the server is gone");
}

/* ---- What becomes of records ---- */

enum { RECORDS = 60 };

/* By record: bit 0, 1: had by that place; bit 2, 3: refused by it. */
static void fates_draw(dice *dice, unsigned fates[RECORDS])
{
    for (size_t i = 0; i < RECORDS; i++) {
        fates[i] = 0;
        for (unsigned p = 0; p < 2; p++)
            fates[i] |= dice_below(dice, 3) == 0 ? 1u << p : dice_below(dice, 6) == 0 ? 4u << p : 0;
    }
}

static void note(dice *dice, unsigned place, size_t record, bool refused)
{
    sink_exception exception = {
        .origin = { .offset = (int64_t)(record / 3), .partition = (uint32_t)(record % 3) }, .refused = refused
    };
    snprintf(exception.detail, sizeof exception.detail, "no %zu", record);
    sink_note(places[place].batch, (unsigned)dice_below(dice, WORKERS), &exception);
}

static void a_record_has_one_fate_over_all_places(void **state)
{
    (void)state;
    output *output = open_records();
    dice dice = { 141 };
    unsigned fates[RECORDS];
    for (int64_t batch = 1; batch <= 500; batch++) {
        int64_t duplicates = 0;
        size_t refused = 0;
        assert_int_equal(begin(output, batch), SL_OK);
        fates_draw(&dice, fates);
        for (size_t i = 0; i < RECORDS; i++) {
            size_t record = (i * 37 + (size_t)batch) % RECORDS; /* in any order */
            for (unsigned p = 0; p < 2; p++)
                if (fates[record] & (5u << p))
                    note(&dice, p, record, fates[record] & (4u << p));
            refused += fates[record] > 3;
            duplicates += fates[record] == 3;
        }
        output_fate fate = output_find_fate(output);
        assert_int_equal(fate.present_count, duplicates);
        assert_int_equal(fate.refused_count, refused);
        for (size_t i = 0; i < fate.refused_count; i++) {
            size_t record = (size_t)fate.refused[i].origin.offset * 3 + fate.refused[i].origin.partition;
            char detail[20];
            snprintf(detail, sizeof detail, "no %zu", record);
            assert_true(fates[record] > 3);
            assert_true(fate.refused[i].refused);
            assert_string_equal(fate.refused[i].detail, detail);
            fates[record] = 0; /* each once */
        }
    }
    operator_output.close(output);
}

/* ---- Lists ---- */

static sl_result list_batch(output *output, int64_t id, int64_t rank, bool reported)
{
    failure failure = { 0 };
    play row = { .area = { "a", 1 }, .rank = rank };
    assert_int_equal(begin(output, id), SL_OK);
    if (reported)
        add(output, 0, &row, rank > 0);
    sl_result result = output_replace(output, &failure);
    return result == SL_OK ? output_commit(output, &failure) : result;
}

static void a_list_is_replaced_only_when_it_differs(void **state)
{
    (void)state;
    output *output = open_list();
    assert_false(output_of_records(output));
    assert_told("o", "o");
    assert_int_equal(list_batch(output, 1, 1, true), SL_OK);
    output_settle(output);
    assert_told("brc", "brc");
    assert_int_equal(list_batch(output, 2, 1, true), SL_OK);
    output_settle(output);
    assert_told("bc", "bc");
    assert_int_equal(list_batch(output, 3, 1, false), SL_OK);
    output_settle(output);
    assert_told("bc", "bc");
    assert_int_equal(list_batch(output, 4, 0, true), SL_OK); /* emptied */
    output_settle(output);
    assert_told("brc", "brc");
    assert_int_equal(list_batch(output, 5, 0, true), SL_OK);
    assert_told("bc", "bc");
    operator_output.close(output);
}

static void a_list_that_was_not_written_differs_again(void **state)
{
    (void)state;
    output *output = open_list();
    places[1].at_replace = SL_RETRY;
    assert_int_equal(list_batch(output, 1, 1, true), SL_RETRY);
    places[1].at_replace = SL_OK;
    assert_told("obr", "obr");
    assert_int_equal(list_batch(output, 1, 1, true), SL_OK);
    assert_told("brc", "brc");
    operator_output.close(output);
}

static void a_list_is_known_after_a_start_from_the_checkpoint(void **state)
{
    (void)state;
    output *output = open_list();
    buffer saved = { 0 };
    failure failure = { 0 };
    assert_int_equal(list_batch(output, 1, 1, true), SL_OK);
    operator_output.save(output, false, &saved);
    output_settle(output);
    operator_output.close(output);
    output = open_list();
    assert_int_equal(operator_output.load(output, (sl_text){ saved.at, saved.size }, &failure), SL_OK);
    assert_told("o", "o");
    assert_int_equal(list_batch(output, 2, 1, true), SL_OK);
    assert_told("bc", "bc");
    operator_output.close(output);
    buffer_done(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_place_is_handed_every_row),
        cmocka_unit_test(trouble_of_one_place_is_trouble_of_the_output),
        cmocka_unit_test(a_place_that_cannot_be_opened_ends_the_start),
        cmocka_unit_test(a_record_has_one_fate_over_all_places),
        cmocka_unit_test(a_list_is_replaced_only_when_it_differs),
        cmocka_unit_test(a_list_that_was_not_written_differs_again),
        cmocka_unit_test(a_list_is_known_after_a_start_from_the_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
