/*
 * tests/lookups/memory.c - what a test tells is what is found.
 */
#include <lookups/lookup.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

extern const lookup_kind lookup_memory;

static const char *const names[] = { "name", "age" };

static void *opened(void)
{
    void *self = NULL;
    failure failure = { 0 };
    lookup_spec spec = {
        .name = "customers", .target = "", .prefix = "cust:", .names = names, .name_count = 2
    };
    assert_int_equal(lookup_memory.open(&spec, &self, &failure), SL_OK);
    return self;
}

static void assert_text(sl_text text, const char *wanted)
{
    assert_non_null(text.at);
    assert_int_equal(text.size, strlen(wanted));
    assert_memory_equal(text.at, wanted, text.size);
}

static void keys_are_answered_in_their_order(void **state)
{
    (void)state;
    void *self = opened();
    failure failure = { 0 };
    arena memory = { 0 };
    sl_text keys[] = { SL_TEXT("9"), SL_TEXT("99"), SL_TEXT("48") };
    sl_text answers[6] = { 0 };
    lookup_memory.know(self, "48", "{\"name\":\"Bob\",\"age\":31,\"zip\":\"1\"}");
    lookup_memory.know(self, "9", "{\"name\":\"\"}");
    assert_int_equal(lookup_memory.ask(self, &(lookup_question){ keys, 3, answers, &memory }, &failure),
                     SL_OK);
    lookup_memory.close(self); /* answers live in `memory` */
    assert_text(answers[0], "");
    assert_null(answers[1].at);
    assert_null(answers[2].at);
    assert_null(answers[3].at);
    assert_text(answers[4], "Bob");
    assert_text(answers[5], "31");
    arena_done(&memory);
}

static void what_is_told_later_counts(void **state)
{
    (void)state;
    void *self = opened();
    failure failure = { 0 };
    arena memory = { 0 };
    sl_text key = SL_TEXT("9"), answers[2] = { 0 };
    lookup_memory.know(self, "9", "{\"name\":\"Ann\",\"age\":\"23\"}");
    lookup_memory.know(self, "9", "{\"age\":\"24\"}");
    assert_int_equal(lookup_memory.ask(self, &(lookup_question){ &key, 1, answers, &memory }, &failure),
                     SL_OK);
    assert_null(answers[0].at);
    assert_text(answers[1], "24");
    lookup_memory.know(self, "9", NULL);
    answers[1] = (sl_text){ 0 };
    assert_int_equal(lookup_memory.ask(self, &(lookup_question){ &key, 1, answers, &memory }, &failure),
                     SL_OK);
    assert_null(answers[1].at);
    lookup_memory.close(self);
    arena_done(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_answered_in_their_order),
        cmocka_unit_test(what_is_told_later_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
