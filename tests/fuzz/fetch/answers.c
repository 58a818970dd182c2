/*
 * tests/fuzz/fetch/answers.c - any bytes as answers of a broker, for libFuzzer.
 *
 * The first byte says what is being answered, the second in which version, the third how many bytes arrive at a time. Each
 * answer is read twice, from memory of exactly its size and as it would come from a connection. Both must say the same, and
 * nothing may be larger than the answer lets it be.
 */
#include <sources/kafka/codec.h>
#include <sources/kafka/login.h>
#include <sources/kafka/scram.h>
#include <stdlib.h>

enum { PARTS = 4, HEAD_BYTES = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct drip { /* a connection that gives `step` bytes at a time */
    const char *at;
    size_t step;
    char stage[WIRE_STAGE_BYTES];
} drip;

typedef struct input {
    uint8_t kind, version;
    const char *bytes;
    size_t size;
    wire_reader *reader;
    uint64_t seen; /* of all that was read, so that two readings can be compared */
} input;

static const protocol_topic topics[] = {
    { "ab", { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } } },
    { "c", { { 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 } } },
};
static const char *const names[] = { "ab", "c" };
static arena memory;
static buffer login_bytes;

/* ---- What was read ---- */

static void see(input *input, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        input->seen = (input->seen ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001b3);
}

static void see_number(input *input, int64_t number)
{
    see(input, &number, sizeof number);
}

static void see_text(input *input, const char *text)
{
    if (text)
        see(input, text, strlen(text) + 1);
}

/* ---- Answers ---- */

static void read_versions(input *input)
{
    connection_versions versions;
    see_number(input, connection_versions_read(input->reader, &versions));
    for (int i = 0; i < CONNECTION_KEYS; i++) {
        const connection_range *range = &versions.of[i];
        sl_expect(!range->known || (range->least >= 0 && range->least <= range->most));
        see_number(input, range->known ? range->least * 65536 + range->most : -1);
    }
}

static void read_metadata(input *input, int16_t version)
{
    metadata metadata;
    arena_reset(&memory);
    metadata_read(&(codec_answer){ input->reader, version }, &(metadata_ask){ names, 2 }, &memory, &metadata);
    sl_expect(arena_bytes(&memory) < (1 << 20) + 64 * input->size);
    sl_expect(metadata.topic_count == 2 && metadata.broker_count <= input->size / 10);
    for (size_t i = 0; i < metadata.broker_count && !input->reader->bad; i++) {
        sl_expect(metadata.brokers[i].host != NULL);
        see_number(input, metadata.brokers[i].id);
        see_number(input, metadata.brokers[i].port);
        see_text(input, metadata.brokers[i].host);
        see_text(input, metadata.brokers[i].rack);
    }
    for (size_t i = 0; i < 2; i++) {
        const metadata_topic *topic = &metadata.topics[i];
        sl_expect(strcmp(topic->name, names[i]) == 0 && topic->count <= input->size / 15);
        see(input, &topic->id, sizeof topic->id);
        see_number(input, topic->error);
        for (size_t j = 0; j < topic->count; j++) {
            see_number(input, topic->partitions[j].index);
            see_number(input, topic->partitions[j].error);
            see_number(input, topic->partitions[j].leader);
            see_number(input, topic->partitions[j].leader_epoch);
        }
    }
}

static void read_offsets(input *input, int16_t version)
{
    offsets_part parts[PARTS];
    offsets_list list = { parts, PARTS, true, 0 };
    for (int i = 0; i < PARTS; i++)
        parts[i] = (offsets_part){ .topic = &topics[i / 3], .partition = i % 3 };
    offsets_read(&(codec_answer){ input->reader, version }, &list);
    for (int i = 0; i < PARTS; i++) {
        sl_expect(parts[i].topic == &topics[i / 3] && parts[i].partition == i % 3);
        see_number(input, parts[i].error);
        see_number(input, parts[i].offset);
        see_number(input, parts[i].offset_epoch);
    }
}

static void see_slice(input *input, const fetch_slice *slice)
{
    sl_expect(slice->bytes <= input->size && slice->aborted_count <= input->size / 16);
    see_number(input, slice->error);
    see_number(input, slice->high_watermark);
    see_number(input, slice->last_stable);
    see_number(input, slice->log_start);
    see_number(input, slice->preferred_replica);
    see_number(input, slice->diverging_epoch);
    see_number(input, slice->diverging_offset);
    see_number(input, slice->leader);
    see_number(input, slice->leader_epoch);
    if (slice->aborted_count)
        see(input, slice->aborted, slice->aborted_count * sizeof *slice->aborted);
}

/* Of the records of each partition a part is taken in two steps, and the rest is left. */
static void read_fetch(input *input, int16_t version)
{
    fetch_part parts[PARTS];
    bool seen[PARTS] = { false };
    fetch_ask ask = { parts, PARTS, 0, 1, 1 };
    static fetch_answer answer;
    fetch_slice slice;
    failure failure = { 0 };
    size_t all = 0;
    for (int i = 0; i < PARTS; i++)
        parts[i] = (fetch_part){ &topics[i / 3], i % 3, -1, -1, 0, 1 };
    fetch_read(&(codec_answer){ input->reader, version }, &ask, &answer);
    see_number(input, answer.throttle_ms);
    see_number(input, answer.error);
    while (!input->reader->bad && fetch_next(&answer, &slice, &failure) == SL_OK && slice.part) {
        sl_expect(!seen[slice.part - parts]);
        seen[slice.part - parts] = true;
        all += slice.bytes;
        see_slice(input, &slice);
        size_t taken = slice.bytes - slice.bytes / 5;
        char *to = malloc(taken + 1);
        if (fetch_records(&answer, to, taken / 3, &failure) == SL_OK &&
            fetch_records(&answer, to + taken / 3, taken - taken / 3, &failure) == SL_OK)
            see(input, to, taken);
        free(to);
    }
    sl_expect(all <= input->size);
    sl_expect(input->reader->bad || failure.result == SL_OK);
}

static void read_login(input *input)
{
    if (input->kind == 4) {
        login_handshake handshake;
        login_handshake_read(input->reader, &handshake);
        see_number(input, handshake.error);
        see_text(input, handshake.mechanisms);
        return;
    }
    login_step step;
    login_step_read(input->reader, input->version, &step, &login_bytes);
    sl_expect(step.bytes.size <= input->size);
    see_number(input, step.error);
    see_text(input, step.message);
    if (step.bytes.size)
        see(input, step.bytes.at, step.bytes.size);
    see_number(input, step.lifetime_ms);
}

/* ---- SCRAM: texts of the server ---- */

/* A challenge that is right costs thousands of digests: its iterations are cut down until they are too few. */
static void read_scram(const char *bytes, size_t size, bool first)
{
    scram scram = { .mechanism = "SCRAM-SHA-256", .password = "p", .digest = 32 };
    failure failure = { 0 };
    buffer out = { 0 };
    char *text = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] =
            i > 4 && bytes[i] >= '0' && bytes[i] <= '9' && memchr(text + i - 5, 'i', 2) ? ',' : bytes[i];
    scram_first(&scram, "u", "abc", &out, &failure);
    if (first)
        sl_expect(scram_answer(&scram, (sl_text){ text, size }, &out, &failure) == SL_FAILED);
    else
        scram_check(&scram, (sl_text){ text, size }, &failure);
    free(text);
    buffer_done(&out);
    scram_done(&scram);
}

/* ---- Readers ---- */

static bool drip_fill(wire_reader *reader, size_t least)
{
    drip *drip = reader->source_self;
    size_t here = (size_t)(reader->end - reader->at);
    if (here)
        memmove(drip->stage, reader->at, here);
    while (here < least) {
        size_t more = drip->step < reader->rest ? drip->step : reader->rest;
        more = more < sizeof drip->stage - here ? more : sizeof drip->stage - here;
        sl_expect(more > 0);
        memcpy(drip->stage + here, drip->at, more);
        drip->at += more;
        here += more;
        reader->rest -= more;
    }
    reader->at = drip->stage;
    reader->end = drip->stage + here;
    return true;
}

static bool drip_receive(wire_reader *reader, char *to, size_t size)
{
    drip *drip = reader->source_self;
    sl_expect(size <= reader->rest && reader->at == reader->end);
    memcpy(to, drip->at, size);
    drip->at += size;
    reader->rest -= size;
    return true;
}

/* How far it came, and what it saw. */
static uint64_t read_as(input input, wire_reader *reader)
{
    static const int16_t least[] = { 0, 1, 2, 4, 0, 0 }, count[] = { 2, 12, 6, 10, 1, 3 };
    static const int16_t flexible[] = { 1, 9, 6, 12, INT16_MAX, 2 };
    int16_t version = (int16_t)(least[input.kind] + input.version % count[input.kind]);
    reader->flexible = version >= flexible[input.kind];
    input.reader = reader;
    input.version = (uint8_t)version;
    switch (input.kind) {
    case 0: read_versions(&input); break;
    case 1: read_metadata(&input, version); break;
    case 2: read_offsets(&input, version); break;
    case 3: read_fetch(&input, version); break;
    default: read_login(&input); break;
    }
    sl_expect(wire_left(reader) <= input.size);
    sl_expect(reader->bad == (reader->fault != NULL) && reader->fault_at <= input.size);
    see_number(&input, reader->bad ? (int64_t)reader->fault_at : -1);
    return input.seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const wire_source source = { drip_fill, drip_receive };
    static drip drip;
    if (size < HEAD_BYTES)
        return 0;
    input input = { .kind = data[0] % 8, .version = data[1], .size = size - HEAD_BYTES };
    char *exact = malloc(input.size + 1);
    if (input.size)
        memcpy(exact, data + HEAD_BYTES, input.size);
    exact = realloc(exact, input.size ? input.size : 1);
    input.bytes = exact;
    if (input.kind >= 6) {
        read_scram(exact, input.size, input.kind == 6);
    } else {
        wire_reader whole,
            dripping = { .size = input.size, .rest = input.size, .source = &source, .source_self = &drip };
        wire_reader_init(&whole, exact, input.size, false);
        drip.at = exact;
        drip.step = 1 + data[2];
        sl_expect(read_as(input, &whole) == read_as(input, &dripping));
    }
    free(exact);
    return 0;
}
