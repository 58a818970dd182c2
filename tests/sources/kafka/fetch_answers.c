/*
 * tests/sources/kafka/fetch_answers.c - what real brokers and the mock cluster never send, or not when a test wants it: half an
 * answer, damage, old formats, throttling, batches beyond every limit. A broker of the test's own serves one partition.
 *
 * It plays one connection after another: whoever asked for Metadata is sent away afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <servers/fake_broker.h>
#include <sources/shared/hex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <support/record_batches.h>
#include <support/source_trial.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum {
    FETCH = 1,
    LIST_OFFSETS = 2,
    METADATA = 3,
    TIME_BEGIN = -2,
    OFFSET_IN_FETCH = 64,
    TIME_IN_OFFSETS = 46
};
enum { BATCHES_MOST = 400, CLIENT_AT = 8 };

typedef struct stage { /* the broker and what it has stored */
    fake_broker *broker;
    source_trial *trial;
    sl_text key; /* of all records */
    buffer log;
    size_t begins[BATCHES_MOST]; /* of batches, in the log; offsets are those of batch_add() */
    int64_t offsets[BATCHES_MOST];
    size_t count;
    int64_t end;
    int cut_fetches;  /* answers that end in the middle */
    int64_t asked[8]; /* offsets of the first fetches */
    size_t fetches;
    int throttle_ms; /* of the first answer with records */
    _Atomic int64_t throttled_ns;
    atomic_bool throttled_early; /* asked again before its time */
    int moves;                   /* fetches that are refused: another broker leads, which is the same */
} stage;

static const char *const patient[] = { "kafka.reader",
                                       "fetch",
                                       "kafka.fetch.wait.max.ms",
                                       "10",
                                       "kafka.fetch.error.backoff.ms",
                                       "10",
                                       "kafka.reconnect.backoff.ms",
                                       "10",
                                       "kafka.reconnect.backoff.max.ms",
                                       "100",
                                       "kafka.message.max.bytes",
                                       "500000",
                                       "kafka.fetch.max.bytes",
                                       "500000",
                                       "kafka.receive.message.max.bytes",
                                       "1000000",
                                       NULL };

/* ---- The log ---- */

/* Ten records "offset". */
static void batch_add(stage *stage, const written_batch *like)
{
    enum { COUNT = 10 };
    char values[COUNT][24];
    written_record records[COUNT];
    written_batch batch = *like;
    batch.base_offset = stage->end;
    memset(records, 0, sizeof records);
    for (int i = 0; i < COUNT; i++) {
        size_t size = (size_t)snprintf(values[i], sizeof values[i], "0:%lld", (long long)stage->end + i);
        records[i].time_ms = 1000;
        records[i].value = (sl_text){ values[i], size };
        records[i].key = stage->key;
    }
    stage->begins[stage->count] = stage->log.size;
    stage->offsets[stage->count++] = stage->end;
    batch_write(&stage->log, &batch, records, COUNT);
    stage->end += COUNT;
}

/* ---- The play ---- */

static void number_append(buffer *out, size_t bytes, uint64_t value)
{
    for (size_t i = bytes; i > 0; i--)
        buffer_byte(out, (char)(value >> (8 * (i - 1))));
}

static uint64_t number_at(const buffer *request, size_t at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)request->at[at + i];
    return value;
}

static size_t body_at(const buffer *request)
{
    size_t client = number_at(request, CLIENT_AT, 2);
    return CLIENT_AT + 2 + (client == 0xffff ? 0 : client);
}

static void answer_begin(buffer *out, const buffer *request)
{
    out->size = 0;
    number_append(out, 4, 0);
    buffer_append(out, request->at + 4, 4);
}

static void answer_close(buffer *out)
{
    uint32_t size = htonl((uint32_t)out->size - 4);
    memcpy(out->at, &size, sizeof size);
}

static void answer_metadata(const stage *stage, buffer *out)
{
    hex_append(out, "00000000  00000001 00000007 0009 '127.0.0.1'");
    number_append(out, 4, (uint64_t)fake_broker_port(stage->broker));
    hex_append(out, "ffff  ffff 00000007  00000001 0000 0001 't' 00  00000001"
                    " 0000 00000000 00000007 00000003 00000000 00000000 00000000  80000000 80000000");
}

static void answer_offsets(const stage *stage, const buffer *request, buffer *out)
{
    bool begin =
        (int64_t)number_at(request, request->size - 8, 8) == TIME_BEGIN; /* one partition's time ends it */
    hex_append(out, "00000000  00000001 0001 't' 00000001  00000000 0000 ffffffffffffffff");
    number_append(out, 8, begin ? 0 : (uint64_t)stage->end);
    hex_append(out, "00000003");
}

/* The batches from the one on that holds the offset. */
static sl_text records_from(const stage *stage, int64_t offset)
{
    size_t i = 0;
    while (i < stage->count && (i + 1 < stage->count ? stage->offsets[i + 1] : stage->end) <= offset)
        i++;
    size_t begin = i < stage->count ? stage->begins[i] : stage->log.size;
    return (sl_text){ stage->log.at + begin, stage->log.size - begin };
}

static void answer_fetch(stage *stage, const buffer *request, buffer *out)
{
    /* Version 11: replica, wait, least, most, isolation, session 4 + 4, topics, "t", partitions, index, epoch, offset. */
    size_t at = body_at(request) + 4 + 4 + 4 + 4 + 1 + 4 + 4 + 4 + 3 + 4 + 4 + 4;
    int64_t offset = (int64_t)number_at(request, at, 8);
    sl_text records = records_from(stage, offset);
    if (stage->fetches < sizeof stage->asked / sizeof *stage->asked)
        stage->asked[stage->fetches++] = offset;
    bool refused = stage->moves > 0 && records.size;
    int throttle_ms = records.size ? stage->throttle_ms : 0;
    if (stage->throttled_ns && clock_ns(&clock_system) < stage->throttled_ns)
        atomic_store(&stage->throttled_early, true);
    if (throttle_ms)
        stage->throttled_ns = clock_ns(&clock_system) + throttle_ms * INT64_C(1000000);
    stage->throttle_ms -= throttle_ms;
    stage->moves -= refused;
    if (refused)
        records.size = 0;
    number_append(out, 4, (uint64_t)throttle_ms);
    hex_append(out, "0000 00000000  00000001 0001 't' 00000001  00000000");
    number_append(out, 2, refused ? 6 : 0);
    number_append(out, 8, refused ? UINT64_MAX : (uint64_t)stage->end);
    number_append(out, 8, refused ? UINT64_MAX : (uint64_t)stage->end);
    hex_append(out, "0000000000000000 00000000 ffffffff");
    number_append(out, 4, records.size);
    buffer_append(out, records.at, records.size);
}

/* False: the connection ends here. */
static bool answer(stage *stage, int socket, const buffer *request, buffer *out)
{
    answer_begin(out, request);
    int key = fake_broker_key(request);
    if (key == METADATA && fake_broker_version(request) == 8) /* librdkafka asks, too, in another one */
        answer_metadata(stage, out);
    else if (key == LIST_OFFSETS)
        answer_offsets(stage, request, out);
    else if (key == FETCH)
        answer_fetch(stage, request, out);
    else
        return false;
    answer_close(out);
    bool cut = key == FETCH && stage->cut_fetches > 0;
    stage->cut_fetches -= cut;
    return fake_broker_send(socket, out->at, cut ? out->size * 2 / 3 : out->size) && !cut && key != METADATA;
}

static void play(int socket, void *argument)
{
    buffer request = { 0 }, out = { 0 };
    if (fake_broker_greet(socket, &request))
        while (fake_broker_request(socket, &request) && answer(argument, socket, &request, &out))
            ;
    buffer_done(&request);
    buffer_done(&out);
}

/* ---- Trials ---- */

static int make_stage(void **state)
{
    stage *stage = calloc(1, sizeof *stage);
    *state = stage;
    return 0;
}

static int end_stage(void **state)
{
    stage *stage = *state;
    source_trial_free(stage->trial);
    fake_broker_stop(stage->broker);
    buffer_done(&stage->log);
    free(stage);
    return 0;
}

static source_trial *begun(stage *stage)
{
    char address[40];
    stage->broker = fake_broker_start(play, stage);
    snprintf(address, sizeof address, "127.0.0.1:%d", fake_broker_port(stage->broker));
    stage->trial = source_trial_new(address, "t", patient);
    source_trial_start(stage->trial);
    return stage->trial;
}

static void assert_text(const failure *failure, const char *part)
{
    if (strstr(failure->text, part) == NULL)
        fail_msg("\"%s\" does not hold \"%s\"", failure->text, part);
}

static void what_arrived_before_a_connection_broke_is_kept(void **state)
{
    enum { BATCHES = 400, CUTS = 3 };
    static const char long_key[200];
    stage *stage = *state;
    stage->key = (sl_text){ long_key, sizeof long_key };
    for (int i = 0; i < BATCHES; i++)
        batch_add(stage, &(written_batch){ .packed_by = i % 10 ? WRITTEN_PLAIN : WRITTEN_SNAPPY });
    stage->cut_fetches = CUTS;
    source_trial *trial = begun(stage);
    source_trial_wait(trial, 0, 0, stage->end);
    source_trial_numbers(trial, 0, 0, stage->end);
    fake_broker_stop(stage->broker); /* its thread is through with the stage */
    stage->broker = NULL;
    assert_int_equal(stage->cut_fetches, 0);
    assert_int_equal(stage->asked[0], 0);
    assert_true(stage->asked[1] > 0); /* two segments were full */
}

static void another_leader_is_looked_for(void **state)
{
    stage *stage = *state;
    batch_add(stage, &(written_batch){ 0 });
    stage->moves = 2;
    source_trial *trial = begun(stage);
    source_trial_wait(trial, 0, 0, 10);
    source_trial_numbers(trial, 0, 0, 10);
}

static void a_broker_is_left_alone_as_long_as_it_wants(void **state)
{
    stage *stage = *state;
    batch_add(stage, &(written_batch){ 0 });
    stage->throttle_ms = 500;
    source_trial *trial = begun(stage);
    source_trial_wait(trial, 0, 0, 10);
    while (clock_ns(&clock_system) < stage->throttled_ns)
        wakes_wait(&trial->wakes, wakes_count(&trial->wakes)); /* the next answer, which has no records */
    assert_false(atomic_load(&stage->throttled_early));
    source_trial_numbers(trial, 0, 0, 10);
}

static void damage_is_told_with_topic_partition_and_offset(void **state)
{
    stage *stage = *state;
    for (int i = 0; i < 3; i++)
        batch_add(stage, &(written_batch){ .packed_by = WRITTEN_ZSTD });
    stage->log.at[stage->begins[2] - 1] ^= 1; /* of the batch from 10 on */
    source_trial *trial = begun(stage);
    source_trial_wait(trial, 0, 0, 30);
    source_trial_numbers(trial, 0, 0, 10);
    source_trial_numbers(trial, 0, 20, 30);
    buffer out = { 0 };
    failure failure = { 0 };
    assert_int_equal(source_trial_try(trial, 0, 0, 30, &out, &failure), SL_FAILED);
    assert_text(&failure,
                "kafka topic \"t\" partition 0: record batch at offset 10 is damaged: its checksum is");
    buffer_done(&out);
}

static void a_header_that_cannot_be_ends_the_partition(void **state)
{
    enum { MAGIC_AT = 16 };
    stage *stage = *state;
    for (int i = 0; i < 2; i++)
        batch_add(stage, &(written_batch){ 0 });
    stage->log.at[stage->begins[1] + MAGIC_AT] = 3;
    source_trial *trial = begun(stage);
    failure failure = { 0 };
    assert_int_equal(source_trial_trouble(trial, 0, 0, &failure), SL_FAILED);
    assert_text(&failure, "kafka topic \"t\" partition 0: record batch at offset 10 is damaged");
    assert_text(&failure, "message format");
}

static void messages_of_before_0_11_are_refused_with_advice(void **state)
{
    /* Offset 10, 26 bytes: checksum, format 1, no attributes, a time, no key, "abcd". */
    stage *stage = *state;
    batch_add(stage, &(written_batch){ 0 });
    stage->begins[stage->count] = stage->log.size;
    stage->offsets[stage->count++] = stage->end++;
    hex_append(&stage->log,
               "000000000000000a 0000001a 01020304 01 00 00000000000003e8 ffffffff 00000004 'abcd'");
    source_trial *trial = begun(stage);
    failure failure = { 0 };
    assert_int_equal(source_trial_trouble(trial, 0, 0, &failure), SL_FAILED);
    assert_text(&failure, "kafka topic \"t\" partition 0: ");
    assert_text(&failure, "before 0.11");
    assert_text(&failure, "kafka.reader=librdkafka");
}

static void a_batch_beyond_every_limit_names_the_setting(void **state)
{
    enum { LENGTH_AT = 8 };
    stage *stage = *state;
    batch_add(stage, &(written_batch){ 0 });
    batch_add(stage, &(written_batch){ 0 });
    uint32_t length = htonl(50000000);
    memcpy(stage->log.at + stage->begins[1] + LENGTH_AT, &length, sizeof length);
    source_trial *trial = begun(stage);
    failure failure = { 0 };
    assert_int_equal(source_trial_trouble(trial, 0, 0, &failure), SL_FAILED);
    assert_text(&failure, "kafka.receive.message.max.bytes");
    assert_text(&failure, "partition 0");
}

static void a_range_may_begin_and_end_in_the_middle_of_batches(void **state)
{
    stage *stage = *state;
    for (int i = 0; i < 12; i++)
        batch_add(stage, &(written_batch){ .packed_by = (written_codec)(i % WRITTEN_CODECS) });
    source_trial *trial = begun(stage);
    source_trial_wait(trial, 0, 0, 120);
    for (int64_t from = 0; from < 120; from += 7)
        for (int64_t until = from + 1; until <= 120; until += 13)
            for (size_t room = 1; room <= 64; room *= 8) {
                char *read = source_trial_read(trial, 0, from, until, room);
                buffer expected = { 0 };
                for (int64_t offset = from; offset < until; offset++)
                    buffer_print(&expected, "%lld:~=0:%lld ", (long long)offset, (long long)offset);
                buffer_byte(&expected, '\0');
                assert_string_equal(read, expected.at);
                buffer_done(&expected);
                free(read);
            }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_stage, end_stage)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_arrived_before_a_connection_broke_is_kept),
        TEST(another_leader_is_looked_for),
        TEST(a_broker_is_left_alone_as_long_as_it_wants),
        TEST(damage_is_told_with_topic_partition_and_offset),
        TEST(a_header_that_cannot_be_ends_the_partition),
        TEST(messages_of_before_0_11_are_refused_with_advice),
        TEST(a_batch_beyond_every_limit_names_the_setting),
        TEST(a_range_may_begin_and_end_in_the_middle_of_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
