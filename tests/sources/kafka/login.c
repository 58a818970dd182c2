/*
 * tests/sources/kafka/login.c - logins before brokers that are played: old ones, and ones that do not keep to the rules. A
 * real one is in tests/system/kafka_security.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <servers/fake_broker.h>
#include <sources/kafka/login.h>
#include <sources/shared/fetch_spec.h>
#include <sources/shared/hex.h>
#include <stdlib.h>

#include <cmocka.h> /* last: its fail() is a macro */

typedef struct script {    /* what the broker says, and what it got */
    const char *greeting;  /* the answer to ApiVersions */
    const char *handshake; /* the answer to SaslHandshake; NULL: it hangs up */
    bool bare;             /* messages without headers, as before Kafka 1.0 */
    const char *step;      /* the answer to each message; NULL: it hangs up */
    buffer got;            /* the last message */
} script;

#define NEW_BROKER "0000 00000003 0011 0000 0001  0012 0000 0000  0024 0000 0001"
#define OLD_BROKER "0000 00000002 0011 0000 0000  0012 0000 0001"

static bool bare_answer(int socket, const char *text)
{
    buffer out = hex("00000000");
    hex_append(&out, text);
    uint32_t size = htonl((uint32_t)out.size - 4);
    memcpy(out.at, &size, sizeof size);
    bool sent = fake_broker_send(socket, out.at, out.size);
    buffer_done(&out);
    return sent;
}

static void play(int socket, void *argument)
{
    script *script = argument;
    buffer request = { 0 };
    bool go_on =
        fake_broker_request(socket, &request) && fake_broker_answer(socket, &request, "0023 00000000") &&
        fake_broker_request(socket, &request) && fake_broker_answer(socket, &request, script->greeting) &&
        fake_broker_request(socket, &request) && script->handshake &&
        fake_broker_answer(socket, &request, script->handshake);
    while (go_on && fake_broker_request(socket, &request)) {
        script->got.size = 0;
        buffer_append(&script->got, request.at, request.size);
        go_on = script->step && (script->bare ? bare_answer(socket, script->step)
                                              : fake_broker_answer(socket, &request, script->step));
    }
    buffer_done(&request);
}

static sl_result try(script *script, const char *mechanism, failure *failure)
{
    const char *pairs[] = { "kafka.security.protocol",
                            "sasl_plaintext",
                            "kafka.sasl.mechanisms",
                            mechanism,
                            "kafka.sasl.username",
                            "alice",
                            "kafka.sasl.password",
                            "sesame",
                            "kafka.socket.connection.setup.timeout.ms",
                            "60000",
                            NULL };
    kafka_spec *spec = fetch_spec("127.0.0.1:1", pairs);
    fake_broker *broker = fake_broker_start(play, script);
    connection *connection = connection_new(spec);
    sl_result result = connection_open(connection, "127.0.0.1", fake_broker_port(broker), failure);
    assert_int_equal(connection_is_open(connection), result == SL_OK);
    connection_free(connection);
    fake_broker_stop(broker);
    kafka_spec_free(spec);
    return result;
}

static void assert_refused(script *script, const char *mechanism, const char *text)
{
    failure failure = { 0 };
    assert_int_equal(try(script, mechanism, &failure), SL_RETRY);
    if (strstr(failure.text, text) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", failure.text, text);
    buffer_done(&script->got);
}

static void plain_is_a_name_and_a_password(void **state)
{
    (void)state;
    script script = { .greeting = NEW_BROKER,
                      .handshake = "0000 00000001 0005'PLAIN'",
                      .step = "0000 ffff 00000000 0000000000000000" };
    failure failure = { 0 };
    if (try(&script, "PLAIN", &failure) != SL_OK)
        fail_msg("%s", failure.text);
    size_t size = sizeof "\0alice\0sesame" - 1;
    assert_true(script.got.size > size + 4);
    assert_memory_equal(script.got.at + script.got.size - size, "\0alice\0sesame", size);
    buffer_done(&script.got);
}

static void before_kafka_1_0_messages_are_bare(void **state)
{
    (void)state;
    script script = {
        .greeting = OLD_BROKER, .handshake = "0000 00000001 0005'PLAIN'", .bare = true, .step = ""
    };
    failure failure = { 0 };
    if (try(&script, "PLAIN", &failure) != SL_OK)
        fail_msg("%s", failure.text);
    assert_int_equal(script.got.size, sizeof "\0alice\0sesame" - 1);
    assert_memory_equal(script.got.at, "\0alice\0sesame", script.got.size);
    buffer_done(&script.got);
}

static void an_old_broker_that_hangs_up_refuses_the_password(void **state)
{
    (void)state;
    script script = { .greeting = OLD_BROKER, .handshake = "0000 00000001 0005'PLAIN'", .bare = true };
    assert_refused(&script, "PLAIN", "are kafka.sasl.username and kafka.sasl.password right?");
}

static void mechanisms_that_the_broker_has_instead_are_told(void **state)
{
    (void)state;
    script script = { .greeting = NEW_BROKER, .handshake = "0021 00000002 0006'GSSAPI' 0005'PLAIN'" };
    assert_refused(&script, "SCRAM-SHA-256", "the broker offers GSSAPI, PLAIN (kafka.sasl.mechanisms)");
}

static void the_brokers_own_words_are_told(void **state)
{
    (void)state;
    script script = { .greeting = NEW_BROKER,
                      .handshake = "0000 00000001 0005'PLAIN'",
                      .step = "003a 000b'not on mine' 00000000 0000000000000000" };
    assert_refused(&script, "PLAIN", "login of \"alice\" by PLAIN: not on mine; see kafka.sasl.username");
    script.step = "003a ffff 00000000 0000000000000000";
    assert_refused(&script, "PLAIN", "SASL Authentication failed");
}

static void a_server_that_answers_scram_with_another_nonce_gets_no_proof(void **state)
{
    (void)state;
    script script = { .greeting = NEW_BROKER,
                      .handshake = "0000 00000001 000d'SCRAM-SHA-256'",
                      .step = "0000 ffff 0000001a'r=abcd,s=c2FsdA==,i=4096  ' 0000000000000000" };
    assert_refused(&script, "SCRAM-SHA-256",
                   "login of \"alice\" by SCRAM-SHA-256: the server answers with another nonce");
}

static void a_server_that_skips_its_proof_is_not_believed(void **state)
{
    (void)state;
    script script = { .greeting = NEW_BROKER,
                      .handshake = "0000 00000001 000d'SCRAM-SHA-256'",
                      .step = "0000 ffff 00000000 0000000000000000" };
    assert_refused(&script, "SCRAM-SHA-256", "the server answers with another nonce");
}

static void nonsense_in_place_of_a_login_is_told(void **state)
{
    (void)state;
    script script = { .greeting = NEW_BROKER, .handshake = "0000 7fffffff" };
    assert_refused(&script, "PLAIN",
                   "in the mechanisms, byte 10 of 10: more elements than can follow (2147483647)");
    script.handshake = "0000 00000001 0005'PLAIN'";
    script.step = "0000 ffff 7fffffff";
    assert_refused(&script, "PLAIN",
                   "in the answer to a login, byte 12 of 12: a text that is longer than it can be");
    script.greeting = OLD_BROKER;
    script.bare = true;
    script.step = NULL;
    script.handshake = NULL;
    assert_refused(&script, "PLAIN", "the broker closed the connection");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_is_a_name_and_a_password),
        cmocka_unit_test(before_kafka_1_0_messages_are_bare),
        cmocka_unit_test(an_old_broker_that_hangs_up_refuses_the_password),
        cmocka_unit_test(mechanisms_that_the_broker_has_instead_are_told),
        cmocka_unit_test(the_brokers_own_words_are_told),
        cmocka_unit_test(a_server_that_answers_scram_with_another_nonce_gets_no_proof),
        cmocka_unit_test(a_server_that_skips_its_proof_is_not_believed),
        cmocka_unit_test(nonsense_in_place_of_a_login_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
