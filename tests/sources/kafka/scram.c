/*
 * tests/sources/kafka/scram.c - SCRAM against the exchange in RFC 7677, one made by another implementation, and servers
 * that do not play by the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sources/kafka/scram.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: its fail() is a macro */

#define CHALLENGE(nonce, salt, iterations) "r=" nonce ",s=" salt ",i=" iterations

static sl_text text_of(const char *text)
{
    return (sl_text){ text, strlen(text) };
}

static void assert_out(buffer *out, const char *expected)
{
    buffer_byte(out, '\0');
    assert_string_equal(out->at, expected);
    out->size = 0;
}

static void the_exchange_in_rfc_7677_comes_out(void **state)
{
    (void)state;
    scram scram = { .mechanism = "SCRAM-SHA-256", .password = "pencil" };
    failure failure = { 0 };
    buffer out = { 0 };
    assert_int_equal(scram_first(&scram, "user", "rOprNGfwEbeRWgbNEkqO", &out, &failure), SL_OK);
    assert_out(&out, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    assert_int_equal(scram_answer(&scram,
                                  text_of(CHALLENGE("rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
                                                    "W22ZaJ0SNY7soEsUEjb6gQ==", "4096")),
                                  &out, &failure),
                     SL_OK);
    assert_out(&out, "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                     "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    assert_int_equal(scram_check(&scram, text_of("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), &failure),
                     SL_OK);
    scram_done(&scram);
    buffer_done(&out);
}

/* Computed with Python's hashlib and hmac. */
static void sha_512_comes_out_as_elsewhere(void **state)
{
    (void)state;
    scram scram = { .mechanism = "SCRAM-SHA-512", .password = "p\xc3\xa4ssw,rd=" };
    failure failure = { 0 };
    buffer out = { 0 };
    assert_int_equal(scram_first(&scram, "a,b=c", "fyko+d2lbbFgONRv9qkxdawL", &out, &failure), SL_OK);
    assert_out(&out, "n,,n=a=2Cb=3Dc,r=fyko+d2lbbFgONRv9qkxdawL");
    assert_int_equal(scram_answer(&scram,
                                  text_of(CHALLENGE("fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
                                                    "QSXCR+Q6sek8bf92", "8192")),
                                  &out, &failure),
                     SL_OK);
    assert_out(
        &out,
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=nPCCFFfDkYrMif7HXZObgs4BqZspRfKIqarwkqEl/sfCvc8YrY1jqz+QxepzxpUEFEKOQam2YAjVbt3hT9fydw==");
    assert_int_equal(
        scram_check(
            &scram,
            text_of(
                "v=OTRyf90tb7MVYpQFRWw4ChlWWb4/Sq0OgPv6NXArhwBTFF1ydR4JA9bvZLWBhmwJZ8/aZ8lDUdVqDXGTItqEwQ=="),
            &failure),
        SL_OK);
    scram_done(&scram);
    buffer_done(&out);
}

static void every_login_has_a_nonce_of_its_own(void **state)
{
    (void)state;
    scram one = { .mechanism = "SCRAM-SHA-256" }, other = { .mechanism = "SCRAM-SHA-256" };
    failure failure = { 0 };
    buffer out = { 0 };
    assert_int_equal(scram_first(&one, "u", NULL, &out, &failure), SL_OK);
    assert_int_equal(scram_first(&other, "u", NULL, &out, &failure), SL_OK);
    assert_int_equal(one.nonce.size, 32);
    assert_int_equal(other.nonce.size, 32);
    assert_memory_not_equal(one.nonce.at, other.nonce.at, 32);
    assert_null(memchr(one.nonce.at, ',', 32));
    scram_done(&one);
    scram_done(&other);
    buffer_done(&out);
}

/* What becomes of a challenge, after a first message with the nonce "abc". */
static void assert_refused(const char *challenge, const char *why)
{
    scram scram = { .mechanism = "SCRAM-SHA-256", .password = "p" };
    failure failure = { 0 };
    buffer out = { 0 };
    assert_int_equal(scram_first(&scram, "u", "abc", &out, &failure), SL_OK);
    out.size = 0;
    assert_int_equal(scram_answer(&scram, text_of(challenge), &out, &failure), SL_FAILED);
    if (strstr(failure.text, why) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", failure.text, why);
    assert_int_equal(out.size, 0);
    scram_done(&scram);
    buffer_done(&out);
}

static void a_server_that_breaks_the_rules_gets_no_proof(void **state)
{
    (void)state;
    assert_refused(CHALLENGE("abc", "c2FsdA==", "4096"), "another nonce"); /* it added nothing */
    assert_refused(CHALLENGE("xbcdef", "c2FsdA==", "4096"), "another nonce");
    assert_refused(CHALLENGE("ab", "c2FsdA==", "4096"), "another nonce");
    assert_refused("s=c2FsdA==,i=4096", "another nonce");
    assert_refused("", "another nonce");
    assert_refused(CHALLENGE("abcd", "", "4096"), "no salt");
    assert_refused(CHALLENGE("abcd", "c2F", "4096"), "no salt");
    assert_refused(CHALLENGE("abcd", "c2F sdA=", "4096"), "no salt");
    assert_refused("r=abcd,i=4096", "no salt");
    assert_refused(CHALLENGE("abcd", "c2FsdA==", "4095"), "4095 iterations");
    assert_refused(CHALLENGE("abcd", "c2FsdA==", "1000001"), "1000001 iterations");
    assert_refused(CHALLENGE("abcd", "c2FsdA==", "99999999999"), "iterations");
    assert_refused(CHALLENGE("abcd", "c2FsdA==", "-5000"), "iterations");
    assert_refused(CHALLENGE("abcd", "c2FsdA==", ""), "iterations");
    assert_refused("r=abcd,s=c2FsdA==", "iterations");
    assert_refused("m=new," CHALLENGE("abcd", "c2FsdA==", "4096"), "extension");
    assert_refused("e=unknown-user", "refuses the login (unknown-user)");
}

static void a_salt_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char challenge[2000], salt[1400];
    memset(salt, 'A', sizeof salt);
    salt[sizeof salt - 1] = '\0';
    salt[1024] = '\0';
    snprintf(challenge, sizeof challenge, "r=abcd,s=%s,i=4096", salt);
    assert_refused(challenge, "no salt");
}

static void a_server_without_the_password_is_not_believed(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", /* one bit */
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A==", /* too short */
        "v=",
        "v=!",
        "",
        "w=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    };
    scram scram = { .mechanism = "SCRAM-SHA-256", .password = "pencil" };
    failure failure = { 0 };
    buffer out = { 0 };
    scram_first(&scram, "user", "rOprNGfwEbeRWgbNEkqO", &out, &failure);
    scram_answer(&scram,
                 text_of(CHALLENGE("rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
                                   "W22ZaJ0SNY7soEsUEjb6gQ==", "4096")),
                 &out, &failure);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        failure_clear(&failure);
        assert_int_equal(scram_check(&scram, text_of(wrong[i]), &failure), SL_FAILED);
        assert_non_null(strstr(failure.text, "does not know the password"));
    }
    failure_clear(&failure);
    assert_int_equal(scram_check(&scram, text_of("e=invalid-proof"), &failure), SL_FAILED);
    assert_non_null(strstr(failure.text, "refuses the login (invalid-proof)"));
    scram_done(&scram);
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exchange_in_rfc_7677_comes_out),
        cmocka_unit_test(sha_512_comes_out_as_elsewhere),
        cmocka_unit_test(every_login_has_a_nonce_of_its_own),
        cmocka_unit_test(a_server_that_breaks_the_rules_gets_no_proof),
        cmocka_unit_test(a_salt_that_is_too_long_is_refused),
        cmocka_unit_test(a_server_without_the_password_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
