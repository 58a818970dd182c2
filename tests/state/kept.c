/*
 * tests/state/kept.c - what is written is read back by a later version of the record, or refused with both names; what is
 * damaged is never taken for whole.
 */
#include <base/memory.h>
#include <setjmp.h>
#include <state/kept.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define OLD_FIELDS(F)                                                                                        \
    F(text, name)                                                                                            \
    F(i64, plays)                                                                                            \
    F(flag, on)                                                                                              \
    F(f64, share)                                                                                            \
    F(maybe_i64, best)                                                                                       \
    F(i32, small)                                                                                            \
    F(time, since)
SL_RECORD(old, OLD_FIELDS);

/* Moved about, with new ones between. */
#define NEW_FIELDS(F)                                                                                        \
    F(i64, added)                                                                                            \
    F(time, since)                                                                                           \
    F(f64, share)                                                                                            \
    F(i64, plays)                                                                                            \
    F(text, name)                                                                                            \
    F(i32, small)                                                                                            \
    F(flag, on)                                                                                              \
    F(maybe_i64, best)                                                                                       \
    F(maybe_i64, more)
SL_RECORD(new, NEW_FIELDS);

#define WIDE_FIELDS(F)                                                                                       \
    F(text, name)                                                                                            \
    F(f64, plays)                                                                                            \
    F(flag, on)                                                                                              \
    F(f64, share)                                                                                            \
    F(maybe_i64, best)                                                                                       \
    F(i32, small)                                                                                            \
    F(time, since)
SL_RECORD(wide, WIDE_FIELDS);

#define LESS_FIELDS(F) F(text, name) F(i64, plays) F(flag, on) F(f64, share) F(i32, small) F(time, since)
SL_RECORD(less, LESS_FIELDS);

static kept_shape shape_of_old(void)
{
    kept_shape shape;
    kept_shape_of(old_schema(),
                  &(sl_update){ .into = SL_FIELDS(old, name), .sets = { "a", "b" }, .version = 3 }, &shape);
    return shape;
}

static void piece_write(buffer *out)
{
    kept_shape shape = shape_of_old();
    old row = { .plays = 7, .on = true, .share = 0.5, .best = { -9, true }, .small = -3, .since = 4000 };
    kept_begin(&shape, out);
    kept_put(&shape,
             &(kept_entry){ .key = SL_TEXT("first"), .flags = KEPT_ANEW, .last_ms = 5000, .members = 2 },
             &row, out);
    kept_put_member(0, SL_TEXT("x"), out);
    kept_put_member(1, SL_TEXT(""), out);
    kept_put(&shape, &(kept_entry){ .key = SL_TEXT("gone"), .flags = KEPT_GONE }, NULL, out);
    row = (old){ .plays = -1, .best = { 5, false } };
    kept_put(&shape, &(kept_entry){ .key = SL_TEXT(""), .last_ms = 1 }, &row, out);
}

static void a_later_record_finds_its_fields(void **state)
{
    (void)state;
    buffer out = { 0 };
    kept_shape was, now;
    kept_reader reader;
    kept_entry entry;
    failure failure = { 0 };
    unsigned set;
    sl_text member;
    piece_write(&out);
    kept_shape_of(new_schema(),
                  &(sl_update){ .into = SL_FIELDS(new, name), .sets = { "c", "b", "a" }, .version = 3 },
                  &now);
    assert_true(kept_open(&reader, (sl_text){ out.at, out.size }, &was));
    assert_int_equal(kept_shape_fits(&was, &now, "s", &failure), SL_OK);
    assert_true(kept_next(&reader, &entry));
    new row = { 0 };
    kept_fill(&was, &entry, &row);
    assert_true(sl_text_equal(entry.key, SL_TEXT("first")) && entry.flags == KEPT_ANEW &&
                entry.last_ms == 5000);
    assert_true(row.plays == 7 && row.on && row.share > 0.4 && row.share < 0.6 && row.small == -3 &&
                row.since == 4000);
    assert_true(row.best.known && row.best.value == -9 && row.added == 0 && !row.more.known &&
                row.name.at == NULL);
    assert_true(kept_member(&reader, &set, &member));
    assert_int_equal(was.set_number[set], 2);
    assert_true(sl_text_equal(member, SL_TEXT("x")));
    assert_true(kept_next(&reader, &entry)); /* passes over the other member */
    assert_true(sl_text_equal(entry.key, SL_TEXT("gone")) && entry.flags == KEPT_GONE);
    assert_false(kept_member(&reader, &set, &member));
    assert_true(kept_next(&reader, &entry));
    kept_fill(&was, &entry, &row);
    assert_true(row.plays == -1 && !row.best.known && entry.key.size == 0);
    assert_false(kept_next(&reader, &entry));
    assert_false(reader.damaged);
    buffer_done(&out);
}

static void assert_refused(const kept_shape *now, const char *because)
{
    kept_shape was = shape_of_old();
    failure failure = { 0 };
    assert_int_equal(kept_shape_fits(&was, now, "s", &failure), SL_USAGE);
    if (strstr(failure.text, because) == NULL || strstr(failure.text, "sluice reset") == NULL)
        fail_msg("<%s> does not say <%s>", failure.text, because);
}

static void what_does_not_fit_is_told_with_both_names(void **state)
{
    (void)state;
    kept_shape now = shape_of_old();
    now.version = 4;
    assert_refused(&now, "the state of \"s\" was kept by version 3 of its struct, the job has version 4");
    sl_update update = { .into = SL_FIELDS(wide, name), .sets = { "a", "b" }, .version = 3 };
    kept_shape_of(wide_schema(), &update, &now);
    assert_refused(&now, "was kept with the field \"plays\" as i64, now it is f64");
    update.into = SL_FIELDS(less, name);
    kept_shape_of(less_schema(), &update, &now);
    assert_refused(&now, "was kept with the field \"best\" (maybe_i64), which record and job no longer have");
    now = shape_of_old();
    now.sets[1] = SL_TEXT("d");
    assert_refused(&now, "was kept with the set \"b\", which the job no longer has");
    now = shape_of_old();
    now.key[0] = SL_KIND_i64;
    assert_refused(&now, "was kept by a key whose field 1 was text, now it is i64");
    now.key_count = 2;
    assert_refused(&now, "was kept by a key of 1 fields, now the key has 2");
}

/* Every part of a piece in a block of its own, whose end a sanitizer watches. */
static void a_piece_that_ends_too_early_is_damaged(void **state)
{
    (void)state;
    buffer out = { 0 };
    size_t whole = 0;
    piece_write(&out);
    for (size_t size = 0; size < out.size; size++) {
        char *cut = memory_new(size + 1);
        kept_shape was;
        kept_reader reader;
        kept_entry entry;
        size_t entries = 0;
        memcpy(cut, out.at, size);
        bool opened = kept_open(&reader, (sl_text){ cut, size }, &was);
        while (opened && kept_next(&reader, &entry))
            entries++;
        assert_true(entries < 3);
        whole += opened && !reader.damaged; /* only where an entry ends */
        free(cut);
    }
    assert_int_equal(whole, 3);
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_record_finds_its_fields),
        cmocka_unit_test(what_does_not_fit_is_told_with_both_names),
        cmocka_unit_test(a_piece_that_ends_too_early_is_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
