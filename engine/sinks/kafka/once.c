/*
 * sinks/kafka/once.c - transactions of a producer, and the word that goes with them.
 */
#include <base/faults.h>
#include <base/log.h>
#include <base/memory.h>
#include <inttypes.h>
#include <records/json.h>
#include <records/text_json.h>
#include <sinks/kafka/once.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORD_BYTES_MAX = 4000, WORD_END_BYTES = 20, TRIES = 5, CLOSE_MS = 3000 };

static sl_result trouble(once *once, const char *what, rd_kafka_error_t *error, failure *failure);
static sl_result words_read(once *once, int patience_ms, sink_kept *memory, failure *failure);
static void words_write(once *once, const sink_batch *batch);

char *once_name(const sink_spec *spec, const char *topic)
{
    buffer name = { 0 };
    buffer_print(&name, "sluice-%s-%s-%s", spec->job, spec->output->name, topic);
    buffer_byte(&name, '\0');
    return name.at;
}

static sl_result transactions_begin(once *once, rd_kafka_t *producer, int patience_ms, failure *failure)
{
    rd_kafka_error_t *error = rd_kafka_init_transactions(producer, patience_ms);
    return error ? trouble(once, "transactions cannot begin", error, failure) : SL_OK;
}

sl_result once_recall(once *once, rd_kafka_t *producer, int patience_ms, sink_kept *memory, failure *failure)
{
    SL_TRY(transactions_begin(once, producer, patience_ms, failure));
    return words_read(once, patience_ms, memory, failure);
}

sl_result once_start(once *once, rd_kafka_t *producer, int patience_ms, failure *failure)
{
    buffer group = { 0 };
    sink_kept last = { 0 };
    SL_TRY(transactions_begin(once, producer, patience_ms, failure));
    if (once->member == NULL) {
        kafka_group(once->spec->settings, once->spec->job, &group);
        once->member = rd_kafka_consumer_group_metadata_new(group.at);
        buffer_done(&group);
    }
    once->open = once->empty = once->doubtful = false;
    SL_TRY(words_read(once, patience_ms, &last, failure));
    once->batch_id = last.batch_id;
    once->time_ms = last.time_ms;
    sink_kept_done(&last);
    return SL_OK;
}

sl_result once_begin(once *once, rd_kafka_t *producer, const sink_batch *batch, failure *failure)
{
    once->sent = batch->id == once->batch_id && batch->time_ms == once->time_ms;
    if (once->open && !once->empty) { /* of an attempt that failed elsewhere */
        rd_kafka_error_t *error = rd_kafka_abort_transaction(producer, -1);
        once->open = false;
        if (error)
            return trouble(once, "a transaction cannot be taken back", error, failure);
    }
    if (once->sent)
        return SL_OK;
    rd_kafka_error_t *error = once->open ? NULL : rd_kafka_begin_transaction(producer);
    if (error)
        return trouble(once, "a transaction cannot begin", error, failure);
    once->open = true;
    once->empty = false;
    return SL_OK;
}

/* The library asks to call again where the answer is still to come. Takes such an error. */
static bool call_again(rd_kafka_error_t *error, int tries)
{
    if (error == NULL || !rd_kafka_error_is_retriable(error) || tries == TRIES)
        return false;
    rd_kafka_error_destroy(error);
    return true;
}

static rd_kafka_error_t *offsets_send(once *once, rd_kafka_t *producer, const sink_batch *batch,
                                      int timeout_ms)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_error_t *error = NULL;
    words_write(once, batch);
    for (size_t i = 0; i < once->word_count; i++) {
        rd_kafka_topic_partition_t *word = rd_kafka_topic_partition_list_add(list, once->topic, (int32_t)i);
        word->offset = batch->id;
        word->metadata = memory_text(once->words[i].at);
        word->metadata_size = once->words[i].size - 1;
    }
    int tries = 0;
    do
        error = rd_kafka_send_offsets_to_transaction(producer, list, once->member, timeout_ms);
    while (call_again(error, ++tries));
    rd_kafka_topic_partition_list_destroy(list);
    return error;
}

sl_result once_commit(once *once, rd_kafka_t *producer, const sink_batch *batch, bool any, failure *failure)
{
    int timeout_ms = (int)settings_ms(once->spec->settings, "sink.timeout");
    once->empty = !once->sent && !any; /* it stays open, for the next batch */
    if (once->sent || !any)
        return SL_OK;
    rd_kafka_error_t *error = offsets_send(once, producer, batch, timeout_ms);
    if (error)
        return trouble(once, "the batch's position was not taken into the transaction", error, failure);
    fault_point("before_transaction");
    int tries = 0;
    do
        error = rd_kafka_commit_transaction(producer, timeout_ms);
    while (call_again(error, ++tries));
    once->open = false;
    if (error)
        return trouble(once, "the transaction was not committed", error, failure);
    once->batch_id = batch->id;
    once->time_ms = batch->time_ms;
    once->sent = true;
    fault_point("after_transaction");
    return SL_OK;
}

void once_done(once *once)
{
    if (once->member)
        rd_kafka_consumer_group_metadata_destroy(once->member);
    for (size_t i = 0; i < WORDS_MAX; i++)
        buffer_done(&once->words[i]);
    *once = (struct once){ 0 };
}

/* Whoever begins under the same name later fences this one: that is for good. All else is found out by a new producer. */
static sl_result trouble(once *once, const char *what, rd_kafka_error_t *error, failure *failure)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    bool fenced = code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH ||
                  code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
    once->doubtful = true;
    fail(failure, fenced ? SL_FAILED : SL_RETRY, "kafka topic \"%s\" at %s: %s: %s%s", once->topic,
         kafka_servers(once->spec->settings), what, rd_kafka_error_string(error),
         fenced ? "; another process of this job's name writes there" : "");
    rd_kafka_error_destroy(error);
    return failure->result;
}

/* ---- The words: written ---- */

static void word_begin(once *once, const sink_batch *batch)
{
    buffer *word = &once->words[once->word_count++];
    word->size = 0;
    buffer_print(word, "{\"batch_id\":%" PRId64 ",\"batch_time\":%" PRId64, batch->id, batch->time_ms);
}

static void words_end(once *once)
{
    for (size_t i = 0; i < once->word_count; i++) {
        buffer_print(&once->words[i], ",\"words\":%zu}", once->word_count);
        buffer_byte(&once->words[i], '\0');
    }
}

static void position_print(const origin_reach *reach, buffer *out)
{
    buffer name = { 0 };
    buffer_print(&name, "%s-%" PRId32, reach->topic, reach->partition);
    buffer_byte(out, ',');
    json_string(out, (sl_text){ name.at, name.size });
    buffer_print(out, ":\"%" PRId64 "%s%s\"", reach->until, reach->note ? " " : "",
                 reach->note ? reach->note : "");
    buffer_done(&name);
}

/* False: there are more of them than the words may hold. */
static bool positions_write(once *once, const sink_batch *batch)
{
    size_t words_max = once->partitions < WORDS_MAX ? (size_t)once->partitions : WORDS_MAX;
    buffer position = { 0 };
    bool fit = true;
    for (size_t i = 0; i < batch->reached_count && fit; i++) {
        position.size = 0;
        position_print(&batch->reached[i], &position);
        bool full = once->words[once->word_count - 1].size + position.size > WORD_BYTES_MAX - WORD_END_BYTES;
        if (full && once->word_count < words_max)
            word_begin(once, batch);
        else if (full)
            fit = false;
        if (fit)
            buffer_append(&once->words[once->word_count - 1], position.at, position.size);
    }
    buffer_done(&position);
    return fit;
}

static void words_write(once *once, const sink_batch *batch)
{
    once->word_count = 0;
    word_begin(once, batch);
    if (positions_write(once, batch)) {
        words_end(once);
        return;
    }
    if (!once->crowded)
        log_warn("kafka",
                 "topic %s: its %d partitions cannot hold how far %zu inputs are read: the work folder "
                 "alone knows",
                 once->topic, once->partitions, batch->reached_count);
    once->crowded = true;
    once->word_count = 0;
    word_begin(once, batch);
    buffer_text(&once->words[0], "}");
    buffer_byte(&once->words[0], '\0');
}

/* ---- The words: read ---- */

typedef struct word_reading {
    sink_kept memory;
    int64_t words;
} word_reading;

static bool text_is(sl_text text, const char *expected)
{
    return sl_text_equal(text, (sl_text){ expected, strlen(expected) });
}

static char *text_own(const char *at, size_t size)
{
    char *copy = memory_new(size + 1);
    memcpy(copy, at, size);
    return copy;
}

/* "TOPIC-PARTITION" and "UNTIL NOTE" */
static void position_read(sink_kept *memory, sl_text name, sl_text value)
{
    const char *dash = memrchr(name.at, '-', name.size);
    const char *blank = memchr(value.at, ' ', value.size);
    size_t size = blank ? (size_t)(blank - value.at) : value.size;
    int64_t partition, until;
    if (dash == NULL ||
        !sl_to_i64((sl_text){ dash + 1, (size_t)(name.at + name.size - dash) - 1 }, &partition) ||
        partition > INT32_MAX || !sl_to_i64((sl_text){ value.at, size }, &until))
        return;
    origin_reach reach = { text_own(name.at, (size_t)(dash - name.at)), (int32_t)partition, until, NULL };
    if (blank)
        reach.note = text_own(blank + 1, value.size - size - 1);
    buffer_append(&memory->reached, &reach, sizeof reach);
}

static void field_read(void *argument, sl_text name, sl_text value)
{
    word_reading *reading = argument;
    if (text_is(name, "batch_id"))
        sl_to_i64(value, &reading->memory.batch_id);
    else if (text_is(name, "batch_time"))
        sl_to_i64(value, &reading->memory.time_ms);
    else if (text_is(name, "words"))
        sl_to_i64(value, &reading->words);
    else
        position_read(&reading->memory, name, value);
}

/* words: how many there are to be, and were found. Those of an older batch are what a later one did not need. */
static void word_take(const rd_kafka_topic_partition_t *word, int64_t words[2], sink_kept *memory)
{
    word_reading reading = { 0 };
    buffer text = { 0 };
    buffer_append(&text, word->metadata, word->metadata ? word->metadata_size : 0);
    buffer_byte(&text, '\0');
    bool read = json_fields(text.at, field_read, &reading);
    buffer_done(&text);
    bool first = word->partition == 0, same = reading.memory.batch_id == memory->batch_id;
    if (read && (first || (same && word->partition < words[0]))) {
        memory->batch_id = reading.memory.batch_id;
        memory->time_ms = reading.memory.time_ms;
        words[0] = first ? reading.words : words[0];
        words[1]++;
        buffer_append(&memory->reached, reading.memory.reached.at, reading.memory.reached.size);
        buffer_done(&reading.memory.reached);
    }
    sink_kept_done(&reading.memory);
}

static sl_result words_read(once *once, int patience_ms, sink_kept *memory, failure *failure)
{
    rd_kafka_t *reader = NULL;
    int64_t words[2] = { 0 };
    kafka_client_spec client = { .role = KAFKA_CONSUMER,
                                 .settings = once->spec->settings,
                                 .job = once->spec->job };
    SL_TRY(kafka_client_open(&client, &reader, failure));
    int32_t count = once->partitions < WORDS_MAX ? once->partitions : WORDS_MAX;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int32_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, once->topic, i);
    rd_kafka_resp_err_t error = rd_kafka_committed(reader, list, patience_ms);
    for (int32_t i = 0; i < count && error == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        error = list->elems[i].err;
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR)
            word_take(&list->elems[i], words, memory);
    }
    memory->whole = words[0] > 0 && words[1] == words[0];
    if (error)
        fail(failure, SL_RETRY, "kafka at %s does not tell what was committed last: %s",
             kafka_servers(once->spec->settings), rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(list);
    kafka_client_close(reader, CLOSE_MS);
    return failure->result;
}
