/*
 * sinks/kafka/once.c - transactions of a producer, and the word that goes with them.
 */
#include <base/faults.h>
#include <base/memory.h>
#include <inttypes.h>
#include <records/text_json.h>
#include <sinks/kafka/once.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORD_BYTES_MAX = 4000, TRIES = 5, CLOSE_MS = 3000 };

static sl_result trouble(once *once, const char *what, rd_kafka_error_t *error, failure *failure);
static sl_result word_read(once *once, int patience_ms, failure *failure);
static void word_write(once *once, const sink_batch *batch);

char *once_name(const sink_spec *spec, const char *topic)
{
    buffer name = { 0 };
    buffer_print(&name, "sluice-%s-%s-%s", spec->job, spec->output->name, topic);
    buffer_byte(&name, '\0');
    return name.at;
}

sl_result once_start(once *once, rd_kafka_t *producer, int patience_ms, failure *failure)
{
    buffer group = { 0 };
    rd_kafka_error_t *error = rd_kafka_init_transactions(producer, patience_ms);
    if (error)
        return trouble(once, "transactions cannot begin", error, failure);
    if (once->member == NULL) {
        kafka_group(once->spec->settings, once->spec->job, &group);
        once->member = rd_kafka_consumer_group_metadata_new(group.at);
        buffer_done(&group);
    }
    once->open = once->empty = once->doubtful = false;
    return word_read(once, patience_ms, failure);
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
    rd_kafka_topic_partition_t *word = rd_kafka_topic_partition_list_add(list, once->topic, 0);
    rd_kafka_error_t *error = NULL;
    word_write(once, batch);
    word->offset = batch->id;
    word->metadata = memory_text(once->word.at);
    word->metadata_size = once->word.size;
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
    buffer_done(&once->word);
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

/* ---- The word ---- */

static sl_result word_read(once *once, int patience_ms, failure *failure)
{
    rd_kafka_t *reader = NULL;
    long long id, time_ms;
    kafka_client_spec client = { .role = KAFKA_CONSUMER,
                                 .settings = once->spec->settings,
                                 .job = once->spec->job };
    SL_TRY(kafka_client_open(&client, &reader, failure));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *word = rd_kafka_topic_partition_list_add(list, once->topic, 0);
    rd_kafka_resp_err_t error = rd_kafka_committed(reader, list, patience_ms);
    if (error || word->err)
        fail(failure, SL_RETRY, "kafka at %s does not tell what was committed last: %s",
             kafka_servers(once->spec->settings), rd_kafka_err2str(error ? error : word->err));
    once->word.size = 0;
    buffer_append(&once->word, word->metadata, word->metadata ? word->metadata_size : 0);
    buffer_byte(&once->word, '\0');
    once->batch_id = once->time_ms = 0;
    if (sscanf(once->word.at, "{\"batch_id\":%lld,\"batch_time\":%lld", &id, &time_ms) == 2) {
        once->batch_id = id;
        once->time_ms = time_ms;
    }
    rd_kafka_topic_partition_list_destroy(list);
    kafka_client_close(reader, CLOSE_MS);
    return failure->result;
}

/* With a NUL behind it. Servers take 4 KiB of metadata: of very many files the positions are left out. */
static void word_write(once *once, const sink_batch *batch)
{
    buffer *word = &once->word;
    word->size = 0;
    buffer_print(word, "{\"batch_id\":%" PRId64 ",\"batch_time\":%" PRId64, batch->id, batch->time_ms);
    size_t least = word->size;
    for (size_t i = 0; i < batch->range_count; i++) {
        const sink_range *range = &batch->ranges[i];
        buffer_text(word, i ? ",{\"topic\":" : ",\"positions\":[{\"topic\":");
        json_string(word, (sl_text){ range->topic, strlen(range->topic) });
        buffer_print(word, ",\"partition\":%" PRId32 ",\"until\":%" PRId64 "}", range->partition,
                     range->until);
    }
    buffer_text(word, batch->range_count ? "]" : "");
    if (word->size > WORD_BYTES_MAX)
        word->size = least;
    buffer_text(word, "}");
    buffer_byte(word, '\0');
    word->size--;
}
