/*
 * tests/system/kafka_security.c - TLS and logins of our own connections before a real broker: what works, and what is said
 * when something does not fit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/clock.h>
#include <librdkafka/rdkafka.h>
#include <servers/kafka.h>
#include <sources/kafka/protocol.h>
#include <sources/shared/fetch_spec.h>
#include <sources/shared/wakes.h>
#include <sources/source.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* last: its fail() is a macro */

extern const source_kind source_kafka;

enum { PAIRS = 12, LIFETIME_MS = 2500, VALUES = 300, VALUE_BYTES = 5000 };

typedef struct listener {
    const char *host;
    int offset; /* of its port */
} listener;

static const listener plain = { "127.0.0.1", 0 }, with_login = { "127.0.0.1", 2 },
                      mutual = { "localhost", 3 };

typedef struct trial { /* settings are added in pairs; %s in a value is the folder with the certificates */
    const char *pairs[2 * PAIRS + 1];
    char values[PAIRS][300];
    size_t count;
    kafka_spec *spec;
    connection *connection;
    failure failure;
    arena arena;
    metadata metadata;
} trial;

static kafka_server *server; /* NULL: it cannot be had */

static void bulk_send(void)
{
    static char value[VALUE_BYTES + 1];
    topic_message messages[VALUES];
    for (int i = 0; i < VALUE_BYTES; i++)
        value[i] = (char)('a' + i % 23);
    for (int i = 0; i < VALUES; i++)
        messages[i] = (topic_message){ .partition = 0, .value = value };
    topic_send(kafka_server_address(server), "bulk", messages, VALUES);
}

static int server_start(void **state)
{
    (void)state;
    char extra[100];
    setenv("PARTITIONS", "1", 1);
    snprintf(extra, sizeof extra, "listener.name.login.connections.max.reauth.ms=%d", LIFETIME_MS);
    server = kafka_server_start_as(&(kafka_server_options){ .extra = extra, .secure = true });
    if (server)
        bulk_send();
    return 0;
}

static int server_stop(void **state)
{
    (void)state;
    kafka_server_stop(server);
    return 0;
}

static int trial_new(void **state)
{
    *state = calloc(1, sizeof(trial));
    return 0;
}

static int trial_free(void **state)
{
    trial *trial = *state;
    connection_free(trial->connection);
    kafka_spec_free(trial->spec);
    arena_done(&trial->arena);
    free(trial);
    return 0;
}

static void set(trial *trial, const char *key, const char *value)
{
    char *at = trial->values[trial->count];
    size_t size = strcspn(value, "@"), room = sizeof trial->values[0];
    if (value[size] == '@')
        snprintf(at, room, "%s/tls/%s", server ? kafka_server_folder(server) : "", value + 1);
    else
        snprintf(at, room, "%s", value);
    trial->pairs[2 * trial->count] = key;
    trial->pairs[2 * trial->count + 1] = at;
    trial->count++;
    sl_expect(trial->count < PAIRS);
}

static sl_result spec_of(trial *trial)
{
    buffer why = { 0 };
    if (server == NULL)
        skip();
    sl_result result =
        fetch_spec_try(kafka_server_address(server), trial->pairs, &trial->spec, &why, &trial->failure);
    assert_true(result != SL_OK || trial->spec != NULL);
    buffer_done(&why);
    return result;
}

static sl_result open_at(trial *trial, listener listener)
{
    set(trial, "kafka.socket.connection.setup.timeout.ms", "60000");
    set(trial, "kafka.socket.timeout.ms", "60000");
    if (spec_of(trial) != SL_OK)
        fail_msg("%s", trial->failure.text);
    trial->connection = connection_new(trial->spec);
    return connection_open(trial->connection, listener.host, kafka_server_port(server) + listener.offset,
                           &trial->failure);
}

static sl_result ask(trial *trial)
{
    static const char *const names[] = { "bulk" };
    return metadata_get(trial->connection, &(metadata_ask){ names, 1 }, &trial->arena, &trial->metadata,
                        &trial->failure);
}

static void assert_works(trial *trial, listener listener)
{
    if (open_at(trial, listener) != SL_OK || ask(trial) != SL_OK)
        fail_msg("%s", trial->failure.text);
    assert_int_equal(trial->metadata.topics[0].error, 0);
    assert_int_equal(trial->metadata.brokers[0].port, kafka_server_port(server) + listener.offset);
}

static void assert_text(const trial *trial, const char *part)
{
    if (strstr(trial->failure.text, part) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", trial->failure.text, part);
}

/* It does not open, or the first question fails. */
static void assert_refused(trial *trial, listener listener, const char *part)
{
    sl_result result = open_at(trial, listener);
    if (result == SL_OK)
        result = ask(trial);
    assert_int_equal(result, SL_RETRY);
    assert_text(trial, connection_name(trial->connection));
    assert_text(trial, part);
    assert_false(connection_is_open(trial->connection));
}

static void set_login(trial *trial, const char *mechanism)
{
    set(trial, "kafka.security.protocol", "sasl_ssl");
    set(trial, "kafka.ssl.ca.location", "@ca.pem");
    set(trial, "kafka.sasl.mechanisms", mechanism);
    set(trial, "kafka.sasl.username", "alice");
    set(trial, "kafka.sasl.password", "sesame");
}

static void set_mutual(trial *trial)
{
    set(trial, "kafka.security.protocol", "ssl");
    set(trial, "kafka.ssl.ca.location", "@ca.pem");
    set(trial, "kafka.ssl.certificate.location", "@client.pem");
    set(trial, "kafka.ssl.key.location", "@client.key");
    set(trial, "kafka.ssl.key.password", "sesame");
}

/* ---- Logins ---- */

static void a_login_by_plain_works(void **state)
{
    set_login(*state, "PLAIN");
    assert_works(*state, with_login);
}

static void a_login_by_scram_sha_256_works(void **state)
{
    set_login(*state, "SCRAM-SHA-256");
    assert_works(*state, with_login);
}

static void a_login_by_scram_sha_512_works(void **state)
{
    set_login(*state, "SCRAM-SHA-512");
    assert_works(*state, with_login);
}

static void a_wrong_password_is_told_by_plain(void **state)
{
    set_login(*state, "PLAIN");
    set(*state, "kafka.sasl.password", "wrong");
    assert_refused(*state, with_login, "login of \"alice\" by PLAIN: Authentication failed");
    assert_text(*state, "see kafka.sasl.username, kafka.sasl.password and kafka.sasl.mechanisms");
}

static void a_wrong_password_is_told_by_scram(void **state)
{
    set_login(*state, "SCRAM-SHA-512");
    set(*state, "kafka.sasl.password", "wrong");
    assert_refused(*state, with_login, "login of \"alice\" by SCRAM-SHA-512: Authentication failed");
    assert_text(*state, "kafka.sasl.password");
}

static void a_user_whom_nobody_knows_is_told(void **state)
{
    set_login(*state, "SCRAM-SHA-256");
    set(*state, "kafka.sasl.username", "bob");
    assert_refused(*state, with_login, "login of \"bob\" by SCRAM-SHA-256: ");
}

static void a_connection_without_login_is_told_what_may_be_wrong(void **state)
{
    set(*state, "kafka.security.protocol", "ssl");
    set(*state, "kafka.ssl.ca.location", "@ca.pem");
    assert_refused(*state, with_login, "is kafka.security.protocol right for this port?");
}

static void a_login_where_none_is_wanted_is_told(void **state)
{
    set_mutual(*state);
    set(*state, "kafka.security.protocol", "sasl_ssl");
    set(*state, "kafka.sasl.mechanisms", "PLAIN");
    set(*state, "kafka.sasl.username", "alice");
    set(*state, "kafka.sasl.password", "sesame");
    assert_refused(*state, mutual, "no login is wanted at this port; is kafka.security.protocol right?");
}

/* The broker ends a connection whose login is older than LIFETIME_MS. Each question waits for a while itself. */
static void a_login_is_made_anew_before_it_expires(void **state)
{
    trial *trial = *state;
    set_login(trial, "SCRAM-SHA-256");
    assert_works(trial, with_login);
    protocol_topic topic = { "bulk", trial->metadata.topics[0].id };
    fetch_part part = { &topic, 0, -1, -1, VALUES, 1000 };
    fetch_ask at_end = { &part, 1, 200, 1, 1000 };
    fetch_answer answer = { 0 };
    fetch_slice slice = { 0 };
    int64_t start_ns = clock_ns(&clock_system);
    while (clock_ns(&clock_system) - start_ns < INT64_C(2500000) * LIFETIME_MS) {
        if (fetch_send(trial->connection, &at_end, &trial->failure) != SL_OK ||
            fetch_begin(trial->connection, &at_end, &answer, &trial->failure) != SL_OK)
            fail_msg("%s", trial->failure.text);
        do
            assert_int_equal(fetch_next(&answer, &slice, &trial->failure), SL_OK);
        while (slice.part);
    }
    fetch_answer_done(&answer);
}

/* ---- Certificates ---- */

static void a_client_with_a_certificate_is_let_in(void **state)
{
    set_mutual(*state);
    assert_works(*state, mutual);
}

static char *file_text(const char *name)
{
    char path[300], *text = calloc(1, 10000);
    snprintf(path, sizeof path, "%s/tls/%s", server ? kafka_server_folder(server) : "", name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return text;
    sl_expect(fread(text, 1, 9999, file) > 0);
    fclose(file);
    return text;
}

static void certificates_may_stand_in_the_settings_themselves(void **state)
{
    trial *trial = *state;
    char *ca = file_text("ca.pem"), *certificate = file_text("client.pem"), *key = file_text("client.key");
    const char *pairs[] = { "kafka.security.protocol",
                            "ssl",
                            "kafka.ssl.ca.pem",
                            ca,
                            "kafka.ssl.certificate.pem",
                            certificate,
                            "kafka.ssl.key.pem",
                            key,
                            "kafka.ssl.key.password",
                            "sesame",
                            "kafka.socket.connection.setup.timeout.ms",
                            "60000",
                            NULL };
    if (server) {
        trial->spec = fetch_spec(kafka_server_address(server), pairs);
        trial->connection = connection_new(trial->spec);
        if (connection_open(trial->connection, mutual.host, kafka_server_port(server) + mutual.offset,
                            &trial->failure) != SL_OK ||
            ask(trial) != SL_OK)
            fail_msg("%s", trial->failure.text);
    }
    free(ca);
    free(certificate);
    free(key);
    if (server == NULL)
        skip();
}

static void a_client_without_a_certificate_is_told_to_have_one(void **state)
{
    set(*state, "kafka.security.protocol", "ssl");
    set(*state, "kafka.ssl.ca.location", "@ca.pem");
    assert_refused(*state, mutual, "kafka.ssl.certificate.location");
}

static void a_broker_of_another_ca_is_not_believed(void **state)
{
    set_login(*state, "PLAIN");
    set(*state, "kafka.ssl.ca.location", "@stranger.pem");
    assert_refused(*state, with_login, "the broker's certificate does not verify (");
    assert_text(*state, "kafka.ssl.ca.location");
}

static void a_broker_under_another_name_is_not_believed(void **state)
{
    set_login(*state, "PLAIN");
    assert_refused(*state, (listener){ "localhost", 2 },
                   "the broker's certificate is made out to another name");
    assert_text(*state, "kafka.ssl.endpoint.identification.algorithm");
}

static void a_broker_under_another_address_is_not_believed(void **state)
{
    set_mutual(*state);
    assert_refused(*state, (listener){ "127.0.0.1", 3 },
                   "the broker's certificate is made out to another name");
}

static void names_are_not_looked_at_when_told_so(void **state)
{
    set_login(*state, "PLAIN");
    set(*state, "kafka.ssl.endpoint.identification.algorithm", "none");
    assert_works(*state, (listener){ "localhost", 2 });
}

static void certificates_are_not_looked_at_when_told_so(void **state)
{
    set_login(*state, "SCRAM-SHA-512");
    set(*state, "kafka.ssl.ca.location", "@stranger.pem");
    set(*state, "kafka.enable.ssl.certificate.verification", "false");
    assert_works(*state, (listener){ "localhost", 2 });
}

static void tls_at_a_plain_port_is_told(void **state)
{
    set(*state, "kafka.security.protocol", "ssl");
    set(*state, "kafka.ssl.ca.location", "@ca.pem");
    assert_refused(*state, plain, "is kafka.security.protocol right");
}

static void plain_words_at_a_port_with_tls_are_told(void **state)
{
    assert_refused(*state, with_login, "is kafka.security.protocol right");
}

static void files_that_cannot_be_read_are_told_at_once(void **state)
{
    trial *trial = *state;
    set_mutual(trial);
    set(trial, "kafka.ssl.certificate.location", "@nowhere.pem");
    assert_int_equal(spec_of(trial), SL_USAGE);
    assert_text(trial, "kafka.ssl.certificate.location=");
    assert_text(trial, "No such file or directory");
}

static void a_wrong_password_of_a_key_is_told_at_once(void **state)
{
    trial *trial = *state;
    set_mutual(trial);
    set(trial, "kafka.ssl.key.password", "wrong");
    assert_int_equal(spec_of(trial), SL_USAGE);
    assert_text(trial, "kafka.ssl.key.location=");
}

static void a_key_of_another_certificate_is_told_at_once(void **state)
{
    trial *trial = *state;
    set_mutual(trial);
    set(trial, "kafka.ssl.key.location", "@login.key");
    assert_int_equal(spec_of(trial), SL_USAGE);
    assert_text(trial, "kafka.ssl.key.location");
}

/* ---- Bytes ---- */

/* All that one answer brings of the topic "bulk". */
static void bulk_fetch(trial *trial, buffer *out)
{
    protocol_topic topic = { "bulk", trial->metadata.topics[0].id };
    fetch_part part = { &topic, 0, -1, -1, 0, 8 << 20 };
    fetch_ask ask = { &part, 1, 1000, VALUES * VALUE_BYTES / 4, 8 << 20 };
    fetch_answer answer = { 0 };
    fetch_slice slice;
    out->size = 0;
    if (fetch_send(trial->connection, &ask, &trial->failure) != SL_OK ||
        fetch_begin(trial->connection, &ask, &answer, &trial->failure) != SL_OK ||
        fetch_next(&answer, &slice, &trial->failure) != SL_OK || slice.part == NULL)
        fail_msg("%s", trial->failure.text);
    assert_int_equal(slice.error, 0);
    assert_int_equal(fetch_records(&answer, buffer_reserve(out, slice.bytes), slice.bytes, &trial->failure),
                     SL_OK);
    out->size = slice.bytes;
    assert_int_equal(fetch_next(&answer, &slice, &trial->failure), SL_OK);
    assert_null(slice.part);
    fetch_answer_done(&answer);
}

static void the_same_bytes_come_with_tls_and_without(void **state)
{
    trial *secret = *state, *open;
    void *other = NULL;
    buffer expected = { 0 }, found = { 0 };
    set_login(secret, "SCRAM-SHA-256");
    assert_works(secret, with_login);
    trial_new(&other);
    open = other;
    assert_works(open, plain);
    bulk_fetch(open, &expected);
    assert_true(expected.size > 1 << 20); /* nothing is compressed */
    for (int i = 0; i < 3; i++) {
        bulk_fetch(secret, &found);
        assert_int_equal(found.size, expected.size);
        assert_memory_equal(found.at, expected.at, expected.size);
    }
    trial_free(&other);
    buffer_done(&expected);
    buffer_done(&found);
}

/* ---- The source ---- */

/* Everything of "bulk", once it has arrived. */
static size_t messages_read(void *self, wakes *wakes)
{
    source_view view = { 0 };
    failure failure = { 0 };
    for (;;) {
        unsigned seen = wakes_count(wakes);
        if (source_kafka.look(self, &(source_wish){ 0, 0, INT64_MAX, SIZE_MAX }, &view, &failure) != SL_OK)
            fail_msg("%s", failure.text);
        if (view.until >= VALUES)
            break;
        assert_true(wakes_wait(wakes, seen));
    }
    assert_true(view.finished);
    buffer blocks = { 0 };
    arena arena = { 0 };
    size_t all = 0;
    source_kafka.take(self, 0, 0, VALUES, &blocks);
    const source_block *block = (const void *)blocks.at;
    for (size_t i = 0; i < blocks.size / sizeof *block; i++) {
        source_reading reading = { .memory = &arena };
        sl_message got[100];
        source_messages read = { got, 100, 1 };
        while (read.count) {
            assert_int_equal(source_kafka.read(self, &block[i], &reading, &read, &failure), SL_OK);
            for (size_t m = 0; m < read.count; m++)
                assert_int_equal(got[m].value.size, VALUE_BYTES);
            all += read.count;
        }
    }
    buffer_done(&blocks);
    arena_done(&arena);
    return all;
}

static void assert_source_reads(const char *reader, const char *mechanism)
{
    char servers[40];
    trial *trial = calloc(1, sizeof *trial);
    wakes wakes;
    void *self = NULL;
    source_partition *partitions;
    failure failure = { 0 };
    set_login(trial, mechanism);
    set(trial, "kafka.reader", reader);
    snprintf(servers, sizeof servers, "127.0.0.1:%d", kafka_server_port(server) + with_login.offset);
    settings *settings = fetch_settings(servers, trial->pairs);
    wakes_init(&wakes);
    source_spec spec = { .name = "lines",
                         .target = "bulk",
                         .settings = settings,
                         .job = "trial",
                         .available_now = true,
                         .workers = 1,
                         .bytes_max = 64 << 20,
                         .wake = wakes_add,
                         .wake_argument = &wakes };
    if (source_kafka.open(&spec, &self, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    assert_int_equal(source_kafka.partitions(self, &partitions), 1);
    if (source_kafka.start(self, partitions, 1, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    assert_int_equal(messages_read(self, &wakes), VALUES);
    source_kafka.close(self);
    settings_free(settings);
    free(trial);
}

static void the_source_reads_with_tls_and_login_in_both_ways(void **state)
{
    (void)state;
    if (server == NULL)
        skip();
    assert_source_reads("fetch", "PLAIN");
    assert_source_reads("fetch", "SCRAM-SHA-512");
    assert_source_reads("librdkafka", "PLAIN"); /* its SCRAM before 2.6.1 fails with brokers of today */
}

#define WITH_TRIAL(test) cmocka_unit_test_setup_teardown(test, trial_new, trial_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TRIAL(a_login_by_plain_works),
        WITH_TRIAL(a_login_by_scram_sha_256_works),
        WITH_TRIAL(a_login_by_scram_sha_512_works),
        WITH_TRIAL(a_wrong_password_is_told_by_plain),
        WITH_TRIAL(a_wrong_password_is_told_by_scram),
        WITH_TRIAL(a_user_whom_nobody_knows_is_told),
        WITH_TRIAL(a_connection_without_login_is_told_what_may_be_wrong),
        WITH_TRIAL(a_login_where_none_is_wanted_is_told),
        WITH_TRIAL(a_login_is_made_anew_before_it_expires),
        WITH_TRIAL(a_client_with_a_certificate_is_let_in),
        WITH_TRIAL(certificates_may_stand_in_the_settings_themselves),
        WITH_TRIAL(a_client_without_a_certificate_is_told_to_have_one),
        WITH_TRIAL(a_broker_of_another_ca_is_not_believed),
        WITH_TRIAL(a_broker_under_another_name_is_not_believed),
        WITH_TRIAL(a_broker_under_another_address_is_not_believed),
        WITH_TRIAL(names_are_not_looked_at_when_told_so),
        WITH_TRIAL(certificates_are_not_looked_at_when_told_so),
        WITH_TRIAL(tls_at_a_plain_port_is_told),
        WITH_TRIAL(plain_words_at_a_port_with_tls_are_told),
        WITH_TRIAL(files_that_cannot_be_read_are_told_at_once),
        WITH_TRIAL(a_wrong_password_of_a_key_is_told_at_once),
        WITH_TRIAL(a_key_of_another_certificate_is_told_at_once),
        WITH_TRIAL(the_same_bytes_come_with_tls_and_without),
        cmocka_unit_test(the_source_reads_with_tls_and_login_in_both_ways),
    };
    return cmocka_run_group_tests(tests, server_start, server_stop);
}
