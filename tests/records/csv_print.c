/*
 * tests/records/csv_print.c - rows as CSV lines: each kind of field by hand, and texts by lot through a reader of RFC 4180.
 */
#include <math.h>
#include <records/csv_print.h>
#include <records/linked.h>
#include <setjmp.h>
#include <sluice/text.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <support/random.h>

#include <cmocka.h>

#define OWNER_FIELDS(F) F(text, owner, "Owner, first") F(maybe_i64, born)
SL_RECORD(owner, OWNER_FIELDS);

#define THING_FIELDS(F)                                                                                      \
    F(origin, origin)                                                                                        \
    F(text, name)                                                                                            \
    F(i64, big)                                                                                              \
    F(i32, small)                                                                                            \
    F(f64, real)                                                                                             \
    F(flag, good)                                                                                            \
    F(time, when)                                                                                            \
    F(link(owner), owner)                                                                                    \
    F(maybe_i64, perhaps)
SL_RECORD(thing, THING_FIELDS);

#define WORDS_FIELDS(F) F(text, first) F(text, second) F(text, third)
SL_RECORD(words, WORDS_FIELDS);

enum { FIELDS = 3, TEXT_MAX = 12, ROUNDS = 20000, NEW_YEAR_MS = 0 };

static char topic[] = "a-b", id[] = "a-b-7-";
static origin_name names[] = { { .topic = topic, .id = id, .id_size = 6 } };
static const origins known = { names, 1 };

static void assert_printed(const thing *row, sl_fields fields, bool with_id, const char *wanted)
{
    buffer out = { 0 };
    document *document = document_new(thing_schema(), &fields, &known);
    csv_print(&(csv_columns){ thing_schema(), document, with_id }, row, 61001, &out);
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, wanted);
    buffer_done(&out);
    document_free(document);
}

static void each_kind_of_field_has_its_form(void **state)
{
    (void)state;
    owner ann = { SL_TEXT("Ann"), { 1970, true } };
    thing row = { .origin = { 12, NEW_YEAR_MS + 5, 0 },
                  .name = SL_TEXT("x"),
                  .big = INT64_MIN,
                  .small = -7,
                  .real = 0.5,
                  .good = true,
                  .when = 1500,
                  .owner = &ann,
                  .perhaps = { 0, true } };
    assert_printed(&row, SL_FIELDS(thing, origin), true,
                   "a-b-7-12,1970-01-01T00:00:00.005Z,x,-9223372036854775808,-7,0.5,true,"
                   "1970-01-01T00:00:01.500Z,Ann,1970,0");
    assert_printed(&row, SL_FIELDS(thing, name, small), true,
                   "x--7,1970-01-01T00:01:01.001Z,x,-9223372036854775808,-7,0.5,true,"
                   "1970-01-01T00:00:01.500Z,Ann,1970,0");
}

static void what_is_missing_is_an_empty_field_and_an_empty_text_has_quotes(void **state)
{
    (void)state;
    thing row = { .origin = { 12, 5, 0 }, .real = (double)NAN };
    assert_printed(&row, SL_FIELDS(thing, origin), false,
                   "1970-01-01T00:00:00.005Z,,0,0,,false,1970-01-01T00:00:00.000Z,,,");
    row.name = SL_TEXT("");
    assert_printed(&row, (sl_fields){ 0 }, true,
                   "1970-01-01T00:01:01.001Z,\"\",0,0,,false,1970-01-01T00:00:00.000Z,,,");
}

static void an_id_is_quoted_like_any_text(void **state)
{
    (void)state;
    thing row = { .name = SL_TEXT("a,\"b\"") };
    assert_printed(&row, SL_FIELDS(thing, name), true,
                   "\"a,\"\"b\"\"\",1970-01-01T00:01:01.001Z,\"a,\"\"b\"\"\",0,0,0,false,"
                   "1970-01-01T00:00:00.000Z,,,");
}

static void the_header_names_the_columns(void **state)
{
    (void)state;
    buffer out = { 0 };
    document *document = document_new(thing_schema(), &SL_FIELDS(thing, origin), &known);
    csv_print_header(&(csv_columns){ thing_schema(), document, true }, &out);
    buffer_byte(&out, '|');
    csv_print_header(&(csv_columns){ thing_schema(), document, false }, &out);
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, "_id,@timestamp,name,big,small,real,good,when,\"Owner, first\",born,perhaps|"
                                "@timestamp,name,big,small,real,good,when,\"Owner, first\",born,perhaps");
    buffer_done(&out);
    document_free(document);
}

/* ---- Texts by lot ---- */

/* One field of RFC 4180; *at moves behind it and its comma. False: it was empty without quotes. */
static bool field_read(const char **at, char *to, size_t *size)
{
    const char *in = *at;
    bool quoted = *in == '"';
    *size = 0;
    for (in += quoted; quoted ? in[0] != '"' || in[1] == '"' : *in != ',' && *in != '\0'; in++) {
        if (!quoted)
            assert_null(strchr("\"\r\n", *in));
        in += quoted && *in == '"';
        to[(*size)++] = *in;
    }
    in += quoted;
    assert_true(*in == ',' || *in == '\0');
    *at = in + (*in == ',');
    return quoted || *size;
}

static sl_text text_draw(dice *dice, char *at)
{
    static const char letters[] = ",,\"\"\r\n  a";
    size_t size = dice_below(dice, TEXT_MAX);
    for (size_t i = 0; i < size; i++)
        at[i] = letters[dice_below(dice, sizeof letters - 1)];
    return dice_below(dice, 5) ? (sl_text){ at, size } : (sl_text){ 0 };
}

static void any_text_is_read_back_as_it_was(void **state)
{
    (void)state;
    dice dice = { 4180 };
    buffer out = { 0 };
    document *document = document_new(words_schema(), NULL, NULL);
    csv_columns columns = { words_schema(), document, true };
    for (int round = 0; round < ROUNDS; round++) {
        char drawn[FIELDS][TEXT_MAX], back[4 * TEXT_MAX];
        sl_text texts[FIELDS];
        for (int i = 0; i < FIELDS; i++)
            texts[i] = text_draw(&dice, drawn[i]);
        out.size = 0;
        csv_print(&columns, &(words){ texts[0], texts[1], texts[2] }, 0, &out);
        buffer_byte(&out, '\0');
        const char *at = out.at + strlen("1970-01-01T00:00:00.000Z,");
        for (int i = 0; i < FIELDS; i++) {
            size_t size;
            assert_int_equal(field_read(&at, back, &size), texts[i].at != NULL);
            assert_int_equal(size, texts[i].size);
            assert_memory_equal(back, size ? texts[i].at : "", size);
        }
        assert_ptr_equal(at, out.at + out.size - 1);
    }
    buffer_done(&out);
    document_free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_field_has_its_form),
        cmocka_unit_test(what_is_missing_is_an_empty_field_and_an_empty_text_has_quotes),
        cmocka_unit_test(an_id_is_quoted_like_any_text),
        cmocka_unit_test(the_header_names_the_columns),
        cmocka_unit_test(any_text_is_read_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
