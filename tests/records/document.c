/*
 * tests/records/document.c - documents read back with json-c: every type, every text, what is missing, and ids.
 */
#include <base/memory.h>
#include <float.h>
#include <json-c/json.h>
#include <math.h>
#include <records/document.h>
#include <records/linked.h>
#include <records/utf8.h>
#include <setjmp.h>
#include <sluice/text.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <support/random.h>
#include <support/recount.h>

#include <cmocka.h>

#define OWNER_FIELDS(F) F(text, owner, "Owner's n\xC3\xA4me") F(maybe_i64, born)
SL_RECORD(owner, OWNER_FIELDS);

#define THING_FIELDS(F)                                                                                      \
    F(origin, origin)                                                                                        \
    F(text, name)                                                                                            \
    F(i64, big)                                                                                              \
    F(i32, small)                                                                                            \
    F(f64, real)                                                                                             \
    F(flag, good)                                                                                            \
    F(time, when)                                                                                            \
    F(maybe_i64, perhaps)                                                                                    \
    F(link(owner), owner)                                                                                    \
    F(text, last, "a name outside that is quite a bit longer than thirty-two bytes")
SL_RECORD(thing, THING_FIELDS);

enum { TEXT_MAX = 60 };

/* ---- Things by lot ---- */

typedef struct drawn {
    thing thing;
    char name[TEXT_MAX], last[TEXT_MAX];
    struct {
        linked_head head;
        owner owner;
    } linked;
    buffer json;
} drawn;

static sl_text text_draw(dice *dice, char *at)
{
    size_t size = dice_below(dice, TEXT_MAX), kinds = 6 + dice_below(dice, 60);
    if (dice_below(dice, 6) == 0)
        return (sl_text){ 0 };
    for (size_t i = 0; i < size; i++) {
        size_t lot = dice_below(dice, kinds);
        at[i] = (char)(lot == 0   ? dice_next(dice)
                       : lot == 1 ? dice_below(dice, 0x20)
                       : lot == 2 ? '"'
                       : lot == 3 ? '\\'
                       : lot == 4 ? 0xC3
                       : lot == 5 ? 0xA9
                                  : ' ' + lot % 90);
    }
    return (sl_text){ at, size };
}

static double real_draw(dice *dice)
{
    static const double few[] = { 0,        -0.0,    0.1,          1e300,
                                  -DBL_MIN, DBL_MAX, DBL_TRUE_MIN, -1.7976931348623157e308,
                                  1.0 / 3 };
    size_t lot = dice_below(dice, 14);
    return lot < 9     ? few[lot]
           : lot == 9  ? (double)NAN
           : lot == 10 ? (double)INFINITY
                       : (double)dice_next(dice) / 1e9;
}

/* Years 1000 to 9999. */
static int64_t time_draw(dice *dice)
{
    const int64_t least = -30610224000000, most = 253402300799999;
    return least + (int64_t)(dice_next(dice) % (uint64_t)(most - least + 1));
}

static void thing_draw(dice *dice, drawn *drawn)
{
    thing *thing = &drawn->thing;
    *thing = (struct thing){ .origin = { (int64_t)dice_below(dice, 100000), time_draw(dice),
                                         (uint32_t)dice_below(dice, 2) } };
    thing->name = text_draw(dice, drawn->name);
    thing->last = text_draw(dice, drawn->last);
    thing->big = (int64_t)(dice_next(dice) >> dice_below(dice, 64)) * (dice_below(dice, 2) ? 1 : -1);
    thing->small = (int32_t)dice_next(dice);
    thing->real = real_draw(dice);
    thing->good = dice_below(dice, 2);
    thing->when = time_draw(dice);
    thing->perhaps = (sl_maybe_i64){ (int64_t)dice_next(dice), dice_below(dice, 2) };
    if (dice_below(dice, 2)) {
        drawn->linked.owner = (owner){ thing->last, { thing->big, dice_below(dice, 2) } };
        drawn->json.size = 0;
        fields_print(owner_schema(), &drawn->linked.owner, &drawn->json);
        drawn->linked.head.json = (sl_text){ drawn->json.at, drawn->json.size };
        thing->owner = &drawn->linked.owner;
    }
}

/* ---- Reading back ---- */

typedef struct reading { /* fields in the order in which they stand */
    struct lh_entry *at;
    json_object *object;
} reading;

static reading read_back(const buffer *out)
{
    json_tokener *tokener = json_tokener_new();
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json_object *object = json_tokener_parse_ex(tokener, out->at, (int)out->size);
    if (json_tokener_get_error(tokener) != json_tokener_success)
        fail_msg("%.*s: %s", (int)out->size, out->at,
                 json_tokener_error_desc(json_tokener_get_error(tokener)));
    assert_int_equal(json_tokener_get_parse_end(tokener), out->size);
    json_tokener_free(tokener);
    return (reading){ json_object_get_object(object)->head, object };
}

static json_object *take(reading *reading, const char *name, json_type type)
{
    assert_non_null(reading->at);
    assert_string_equal(reading->at->k, name);
    json_object *value = (json_object *)(uintptr_t)reading->at->v;
    assert_int_equal(json_object_get_type(value), type);
    reading->at = reading->at->next;
    return value;
}

static void take_text(reading *reading, const char *name, sl_text text)
{
    char wanted[TEXT_MAX * 3 + 1], *to = wanted;
    if (text.at == NULL)
        return;
    const unsigned char *at = (const unsigned char *)text.at;
    for (size_t i = 0, length; i < text.size; i += length ? length : 1) {
        length = utf8_character(at + i, text.size - i);
        memcpy(to, length ? (const char *)at + i : "\xEF\xBF\xBD", length ? length : 3);
        to += length ? length : 3;
    }
    json_object *value = take(reading, name, json_type_string);
    assert_int_equal(json_object_get_string_len(value), to - wanted);
    assert_memory_equal(json_object_get_string(value), wanted, (size_t)(to - wanted));
}

static void take_time(reading *reading, const char *name, int64_t ms)
{
    char iso[25];
    iso_print(ms, iso);
    assert_string_equal(json_object_get_string(take(reading, name, json_type_string)), iso);
}

static void take_number(reading *reading, const char *name, int64_t value)
{
    assert_true(json_object_get_int64(take(reading, name, json_type_int)) == value);
}

static void take_fields(reading *reading, const thing *thing)
{
    take_text(reading, "name", thing->name);
    take_number(reading, "big", thing->big);
    take_number(reading, "small", thing->small);
    if (isfinite(thing->real)) {
        json_object *real = (json_object *)(uintptr_t)reading->at->v;
        assert_string_equal(reading->at->k, "real");
        assert_true(json_object_get_double(real) == thing->real);
        reading->at = reading->at->next;
    } else {
        take(reading, "real", json_type_null);
    }
    assert_int_equal(json_object_get_boolean(take(reading, "good", json_type_boolean)), thing->good);
    take_time(reading, "when", thing->when);
    if (thing->perhaps.known)
        take_number(reading, "perhaps", thing->perhaps.value);
    if (thing->owner)
        take_text(reading, "Owner's n\xC3\xA4me", thing->owner->owner);
    if (thing->owner && thing->owner->born.known)
        take_number(reading, "born", thing->owner->born.value);
    take_text(reading, "a name outside that is quite a bit longer than thirty-two bytes", thing->last);
    assert_null(reading->at);
}

static origin_name names[] = {
    { .topic = (char *)(uintptr_t) "plays", .id = (char *)(uintptr_t) "plays-0-", .id_size = 8 },
    { .topic = (char *)(uintptr_t) "plays",
      .partition = 12,
      .id = (char *)(uintptr_t) "plays-12-",
      .id_size = 9 },
};
static const origins where = { names, 2 };

static void a_document_read_back_is_its_row(void **state)
{
    (void)state;
    static drawn drawn;
    buffer out = { 0 };
    dice dice = { 111 };
    document *by_origin = document_new(thing_schema(), &SL_FIELDS(thing, origin), &where);
    document *without = document_new(thing_schema(), NULL, NULL);
    for (int round = 0; round < 20000; round++) {
        thing_draw(&dice, &drawn);
        out.size = 0;
        document_print(without, &drawn.thing, 1000 + round, &out);
        reading reading = read_back(&out);
        take_time(&reading, "@timestamp", 1000 + round);
        take_fields(&reading, &drawn.thing);
        json_object_put(reading.object);

        char id[60];
        snprintf(id, sizeof id, "plays-%d-%lld", names[drawn.thing.origin.partition].partition,
                 (long long)drawn.thing.origin.offset);
        out.size = 0;
        document_print_with_id(by_origin, &drawn.thing, 1000, &out);
        reading = read_back(&out);
        assert_string_equal(json_object_get_string(take(&reading, "_id", json_type_string)), id);
        take_time(&reading, "@timestamp", drawn.thing.origin.time_ms);
        take_fields(&reading, &drawn.thing);
        json_object_put(reading.object);
    }
    document_free(by_origin);
    document_free(without);
    buffer_done(&drawn.json);
    buffer_done(&out);
}

static void timestamps_run_through_the_seconds(void **state)
{
    (void)state;
    buffer out = { 0 };
    document *document = document_new(owner_schema(), NULL, NULL);
    const owner nobody = { 0 };
    for (int64_t ms = -2500; ms < 2500; ms++) {
        char iso[25], wanted[64];
        iso_print(ms, iso);
        int size = snprintf(wanted, sizeof wanted, "{\"@timestamp\":\"%s\"}", iso);
        out.size = 0;
        document_print(document, &nobody, ms, &out);
        assert_int_equal(out.size, size);
        assert_memory_equal(out.at, wanted, out.size);
    }
    document_free(document);
    buffer_done(&out);
}

/* ---- Bare documents ---- */

static void a_bare_document_has_its_fields_only(void **state)
{
    (void)state;
    buffer out = { 0 };
    document *document = document_new(owner_schema(), &SL_FIELDS(owner, owner), NULL);
    document_make_bare(document);
    document_print(document, &(owner){ .owner = SL_TEXT("Ann"), .born = { 1990, true } }, 7, &out);
    document_print(document, &(owner){ .born = { -1, true } }, 7, &out);
    document_print_with_id(document, &(owner){ 0 }, 7, &out);
    document_print_with_id(document, &(owner){ .owner = SL_TEXT("") }, 7, &out);
    buffer_byte(&out, '\0');
    assert_string_equal(
        out.at,
        "{\"Owner's n\xC3\xA4me\":\"Ann\",\"born\":1990}{\"born\":-1}{}{\"Owner's n\xC3\xA4me\":\"\"}");
    document_free(document);
    buffer_done(&out);
}

/* ---- Ids ---- */

#define PAIR_FIELDS(F) F(text, one) F(text, two) F(i64, rank) F(maybe_i64, perhaps)
SL_RECORD(pair, PAIR_FIELDS);

static void parts_of_an_id_are_percent_encoded(void **state)
{
    (void)state;
    buffer out = { 0 };
    document *document = document_new(pair_schema(), &SL_FIELDS(pair, one, two, rank, perhaps), NULL);
    pair row = { { "a-b% c\x01\x7F", 8 }, SL_TEXT("\xC3\xA9\"\\"), -5, { 3, true } };
    document_id(document, &row, &out);
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, "a%2Db%25%20c%01\x7F-\xC3\xA9\"\\--5-3");
    document_free(document);
    buffer_done(&out);
}

static sl_text few_draw(dice *dice, char *at)
{
    size_t size = dice_below(dice, 4);
    for (size_t i = 0; i < size; i++)
        at[i] = "-%2D a"[dice_below(dice, 6)];
    return (sl_text){ at, size };
}

static void different_rows_have_different_ids(void **state)
{
    (void)state;
    dice dice = { 112 };
    document *document = document_new(pair_schema(), &SL_FIELDS(pair, one, two), NULL);
    for (int round = 0; round < 200000; round++) {
        char bytes[4][4];
        buffer ids[2] = { { 0 }, { 0 } };
        pair rows[2] = { { .one = few_draw(&dice, bytes[0]), .two = few_draw(&dice, bytes[1]) },
                         { .one = few_draw(&dice, bytes[2]), .two = few_draw(&dice, bytes[3]) } };
        bool same = sl_text_equal(rows[0].one, rows[1].one) && sl_text_equal(rows[0].two, rows[1].two);
        for (size_t i = 0; i < 2; i++)
            document_id(document, &rows[i], &ids[i]);
        bool same_id = ids[0].size == ids[1].size && memcmp(ids[0].at, ids[1].at, ids[0].size) == 0;
        assert_int_equal(same_id, same);
        buffer_done(&ids[0]);
        buffer_done(&ids[1]);
    }
    document_free(document);
}

/* Parts may come from a server and hold anything: the line stays JSON, and the id the same text. */
static void an_id_of_any_bytes_leaves_a_document_whole(void **state)
{
    (void)state;
    dice dice = { 113 };
    document *document = document_new(pair_schema(), &SL_FIELDS(pair, one, rank), NULL);
    buffer out = { 0 };
    for (int round = 0; round < 30000; round++) {
        char bytes[TEXT_MAX];
        pair row = { .one = text_draw(&dice, bytes), .rank = round };
        buffer id = { 0 };
        document_id(document, &row, &id);
        out.size = 0;
        document_print_with_id(document, &row, 0, &out);
        reading reading = read_back(&out);
        if (utf8_is_valid((sl_text){ id.at, id.size })) {
            json_object *value = take(&reading, "_id", json_type_string);
            assert_int_equal(json_object_get_string_len(value), id.size);
            assert_memory_equal(json_object_get_string(value), id.at, id.size);
        }
        json_object_put(reading.object);
        buffer_done(&id);
    }
    document_free(document);
    buffer_done(&out);
}

/* ---- Single fields ---- */

static void assert_field(size_t offset, const thing *row, const char *wanted)
{
    buffer out = { 0 };
    bool there = field_text(schema_field_at(thing_schema(), offset), row, &out);
    assert_int_equal(there, wanted != NULL);
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, wanted ? wanted : "");
    buffer_done(&out);
}

static void a_field_alone_is_plain_text(void **state)
{
    (void)state;
    const thing row = {
        .name = SL_TEXT("a \"b\""), .big = INT64_MIN, .small = -7, .real = 0.5, .good = true, .when = -1
    };
    assert_field(offsetof(thing, name), &row, "a \"b\"");
    assert_field(offsetof(thing, last), &row, NULL);
    assert_field(offsetof(thing, big), &row, "-9223372036854775808");
    assert_field(offsetof(thing, small), &row, "-7");
    assert_field(offsetof(thing, real), &row, "0.5");
    assert_field(offsetof(thing, good), &row, "1");
    assert_field(offsetof(thing, when), &row, "1969-12-31T23:59:59.999Z");
    assert_field(offsetof(thing, perhaps), &row, NULL);
    assert_field(offsetof(thing, owner), &row, NULL);
    assert_field(offsetof(thing, origin), &row, NULL);
    assert_null(schema_field_at(thing_schema(), 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_read_back_is_its_row),
        cmocka_unit_test(timestamps_run_through_the_seconds),
        cmocka_unit_test(a_bare_document_has_its_fields_only),
        cmocka_unit_test(parts_of_an_id_are_percent_encoded),
        cmocka_unit_test(different_rows_have_different_ids),
        cmocka_unit_test(an_id_of_any_bytes_leaves_a_document_whole),
        cmocka_unit_test(a_field_alone_is_plain_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
