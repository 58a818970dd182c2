/*
 * tests/operators/whole.c - lists against a naive copy of what was last written: which groups changed, which ids fell away,
 * through batches that fail and starts from a checkpoint.
 */
#include <operators/whole.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>
#include <sys/resource.h>

#include <cmocka.h>

#define PLACE_FIELDS(F) F(text, area) F(i64, rank) F(text, name) F(i64, times) F(time, end)
SL_RECORD(place, PLACE_FIELDS);

enum { AREAS = 4, RANKS = 4, NAMES = 1000 };

static const char *const areas[AREAS] = { "0", "1", "", "an area with a long name" };
static const sl_output output = { .id = { place_schema, 2, { offsetof(place, area), offsetof(place, rank) } },
                                  .whole = { place_schema, 1, { offsetof(place, area) } } };

/* The list of one time: by area, how many places, and each one's name and times. */
typedef struct list {
    size_t counts[AREAS];
    int names[AREAS][RANKS], times[AREAS][RANKS];
} list;

static bool same_area(const list *a, const list *b, size_t area)
{
    bool same = a->counts[area] == b->counts[area];
    for (size_t i = 0; same && i < a->counts[area]; i++)
        same = a->names[area][i] == b->names[area][i] && a->times[area][i] == b->times[area][i];
    return same;
}

static list list_draw(dice *dice, const list *last)
{
    list drawn = *last;
    for (size_t changes = dice_below(dice, 4); changes; changes--) {
        size_t area = dice_below(dice, AREAS);
        drawn.counts[area] = dice_below(dice, RANKS + 1);
        for (size_t i = 0; i < RANKS; i++) {
            drawn.names[area][i] = (int)dice_below(dice, 2);
            drawn.times[area][i] = (int)dice_below(dice, 2);
        }
    }
    return drawn;
}

static void list_add(whole *whole, const list *list, int64_t end_ms)
{
    static const char *const names[] = { "one", "another that is long enough" };
    place rows[AREAS * RANKS];
    size_t count = 0;
    for (size_t area = AREAS; area-- > 0;) /* groups in another order than that of their keys */
        for (size_t i = 0; i < list->counts[area]; i++) {
            const char *name = names[list->names[area][i]];
            rows[count++] = (place){ { areas[area], strlen(areas[area]) },
                                     (int64_t)i + 1,
                                     { name, strlen(name) },
                                     list->times[area][i],
                                     end_ms };
        }
    size_t cut = count / 2; /* in two pieces, and whatever they lie in is gone afterwards */
    whole_add(whole, end_ms, &(sl_rows){ .at = rows, .count = cut });
    whole_add(whole, end_ms, &(sl_rows){ .at = rows + cut, .count = count - cut });
    memset(rows, 0xFF, sizeof rows);
}

/* ---- Checks ---- */

static size_t area_of(const sink_group *group)
{
    const place *key = group->key_row;
    for (size_t area = 0; area < AREAS; area++)
        if (key->area.size == strlen(areas[area]) && memcmp(key->area.at, areas[area], key->area.size) == 0)
            return area;
    fail_msg("no such area");
    return 0;
}

static void check_group(const sink_group *group, const list *last, const list *next)
{
    size_t area = area_of(group),
           fallen = last->counts[area] > next->counts[area] ? last->counts[area] - next->counts[area] : 0;
    const place *rows = group->rows;
    assert_int_equal(group->count, next->counts[area]);
    assert_int_equal(group->changed, !same_area(last, next, area));
    for (size_t i = 0; i < group->count; i++) {
        assert_int_equal(rows[i].rank, i + 1);
        assert_int_equal(rows[i].times, next->times[area][i]);
        assert_int_equal(rows[i].name.at[0], next->names[area][i] ? 'a' : 'o');
    }
    assert_int_equal(group->fallen_count, fallen);
    for (size_t i = 0; i < fallen; i++) { /* ids: the ranks behind the last one */
        char id[100];
        const char *encoded = area == 3 ? "an%20area%20with%20a%20long%20name" : areas[area];
        bool found = false;
        snprintf(id, sizeof id, "%s-%zu", encoded, next->counts[area] + 1 + i);
        for (size_t f = 0; f < fallen; f++)
            found |= group->fallen[f].size == strlen(id) && memcmp(group->fallen[f].at, id, strlen(id)) == 0;
        assert_true(found);
    }
}

static bool check(whole *whole, const list *last, const list *next)
{
    const sink_group *groups = NULL;
    size_t count = 0, wanted = 0;
    bool differs = false, seen[AREAS] = { false };
    for (size_t area = 0; area < AREAS; area++) {
        differs |= !same_area(last, next, area);
        wanted += last->counts[area] || next->counts[area];
    }
    assert_int_equal(whole_close(whole, &groups, &count), differs);
    if (!differs)
        return false;
    assert_int_equal(count, wanted);
    for (size_t i = 0; i < count; i++) {
        check_group(&groups[i], last, next);
        assert_false(seen[area_of(&groups[i])]);
        seen[area_of(&groups[i])] = true;
    }
    return true;
}

static whole *opened(document **document)
{
    *document = document_new(place_schema(), &output.id, NULL);
    return whole_new(&output, place_schema(), *document);
}

static whole *load(whole *old, const document *document, const buffer *saved)
{
    failure failure = { 0 };
    whole_free(old);
    whole *made = whole_new(&output, place_schema(), document);
    assert_int_equal(whole_load(made, (sl_text){ saved->at, saved->size }, &failure), SL_OK);
    return made;
}

static void lists_differ_from_what_was_last_written(void **state)
{
    (void)state;
    dice dice = { 131 };
    document *document;
    whole *whole = opened(&document);
    list last = { 0 };
    buffer saved = { 0 };
    size_t changes = 0;
    for (int64_t batch = 1; batch <= 20000; batch++) {
        list next = list_draw(&dice, &last);
        whole_begin(whole);
        if (dice_below(&dice, 4) == 0) { /* an earlier report of the same batch: the later one counts */
            list earlier = list_draw(&dice, &last);
            list_add(whole, &earlier, batch * 100 - 50);
        }
        list_add(whole, &next, batch * 100);
        changes += check(whole, &last, &next);
        if (dice_below(&dice, 3) == 0)
            continue; /* the batch failed: nothing was written */
        whole_save(whole, false, &saved);
        whole_settle(whole);
        last = next;
        if (dice_below(&dice, 10) == 0)
            whole = load(whole, document, &saved);
        if (dice_below(&dice, 10) == 0) {
            saved.size = 0;
            whole_save(whole, true, &saved);
        }
    }
    assert_true(changes > 5000);
    whole_free(whole);
    document_free(document);
    buffer_done(&saved);
}

static void without_a_report_nothing_differs(void **state)
{
    (void)state;
    document *document;
    whole *whole = opened(&document);
    const sink_group *groups;
    size_t count;
    buffer saved = { 0 };
    list one = { .counts = { 1 } }, none = { .counts = { 0 } };
    whole_begin(whole);
    list_add(whole, &one, 100);
    assert_true(check(whole, &none, &one));
    whole_settle(whole);
    whole_begin(whole);
    assert_false(whole_close(whole, &groups, &count));
    whole_save(whole, false, &saved);
    assert_int_equal(saved.size, 0);
    whole_settle(whole); /* and what was last written stays */
    whole_begin(whole);
    list_add(whole, &one, 300);
    assert_false(check(whole, &one, &one));
    whole_begin(whole);
    list_add(whole, &none, 400);
    assert_true(check(whole, &one, &none));
    whole_free(whole);
    whole_free(NULL);
    document_free(document);
    buffer_done(&saved);
}

/* Rows of two groups whose names are too long for a short key, one after the other in turn. */
static void rows_alternate(whole *whole, int64_t end_ms)
{
    static const char *const names[] = { "a name that is much longer than a key",
                                         "a name that is no shorter" };
    static place rows[20000];
    size_t count = sizeof rows / sizeof rows[0];
    for (size_t i = 0; i < count; i++)
        rows[i] = (place){ .area = { names[i % 2], strlen(names[i % 2]) }, .rank = (int64_t)i / 2 + 1 };
    whole_begin(whole);
    whole_add(whole, end_ms, &(sl_rows){ .at = rows, .count = count, .room = count });
}

/* Pages that are touched for the first time tell of memory that was taken. */
static long pages_touched(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

static void comparing_long_names_takes_no_memory(void **state)
{
    (void)state;
    document *document;
    whole *whole = opened(&document);
    const sink_group *groups;
    size_t count;
    for (int64_t batch = 1; batch <= 3; batch++) { /* grows to what it needs */
        rows_alternate(whole, batch * 100);
        whole_close(whole, &groups, &count);
        whole_settle(whole);
    }
    rows_alternate(whole, 400);
    long before = pages_touched();
    assert_false(whole_close(whole, &groups, &count));
    assert_true(pages_touched() - before < 1000);
    assert_int_equal(count, 2);
    for (size_t g = 0; g < 2; g++) {
        assert_int_equal(groups[g].count, 10000);
        assert_int_equal(groups[g].fallen_count, 0);
        for (size_t i = 0; i < 10000; i++)
            assert_int_equal(((const place *)groups[g].rows)[i].rank, i + 1);
    }
    whole_free(whole);
    document_free(document);
}

/* One group with ids that do not say the rank: the names from `from` on, in an order that `step` shuffles. */
static void names_add(whole *whole, int64_t end_ms, int from, int step)
{
    static char names[NAMES][32];
    static place rows[NAMES];
    for (int i = 0; i < NAMES; i++) {
        int size = snprintf(names[i], sizeof names[i], "name %d", from + i * step % NAMES);
        rows[i] = (place){ SL_TEXT("0"), i + 1, { names[i], (size_t)size }, 1, end_ms };
    }
    whole_begin(whole);
    whole_add(whole, end_ms, &(sl_rows){ .at = rows, .count = NAMES });
}

static void ids_that_change_places_do_not_fall_away(void **state)
{
    (void)state;
    sl_output by_name = output;
    by_name.id = (sl_fields){ place_schema, 1, { offsetof(place, name) } };
    document *document = document_new(place_schema(), &by_name.id, NULL);
    whole *whole = whole_new(&by_name, place_schema(), document);
    const sink_group *groups;
    size_t count;
    names_add(whole, 100, 0, 1);
    assert_true(whole_close(whole, &groups, &count));
    whole_settle(whole);
    names_add(whole, 200, 0, 7); /* the same names in another order */
    assert_true(whole_close(whole, &groups, &count));
    assert_int_equal(groups[0].fallen_count, 0);
    whole_settle(whole);
    names_add(whole, 300, 3, 11); /* 0, 1 and 2 are gone */
    assert_true(whole_close(whole, &groups, &count));
    assert_int_equal(groups[0].fallen_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(groups[0].fallen[i].size, strlen("name%200"));
        assert_true(groups[0].fallen[i].at[7] >= '0' && groups[0].fallen[i].at[7] <= '2');
    }
    whole_free(whole);
    document_free(document);
}

static void a_damaged_list_is_refused(void **state)
{
    (void)state;
    document *document;
    whole *whole = opened(&document);
    list one = { .counts = { 2, 0, 1, 3 } }, none = { .counts = { 0 } };
    buffer saved = { 0 };
    whole_begin(whole);
    list_add(whole, &one, 100);
    assert_true(check(whole, &none, &one));
    whole_save(whole, false, &saved);
    whole_free(whole);
    for (size_t size = 1; size < saved.size; size++) {
        failure failure = { 0 };
        char *cut = malloc(size);
        memcpy(cut, saved.at, size);
        whole = whole_new(&output, place_schema(), document);
        assert_int_equal(whole_load(whole, (sl_text){ cut, size }, &failure), SL_FAILED);
        whole_free(whole);
        free(cut);
    }
    document_free(document);
    buffer_done(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_differ_from_what_was_last_written),
        cmocka_unit_test(without_a_report_nothing_differs),
        cmocka_unit_test(comparing_long_names_takes_no_memory),
        cmocka_unit_test(ids_that_change_places_do_not_fall_away),
        cmocka_unit_test(a_damaged_list_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
