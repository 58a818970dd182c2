/*
 * sources/kafka/fetch_broker.c - the thread that fetches from one broker, for the partitions that the broker leads.
 *
 * It asks for what its partitions have room for, waits, and receives each record set into the partition's chain, from the
 * socket straight to its place. Batches become visible as they arrive. Of a batch it reads the header: offsets, and whether it
 * is a marker or part of a transaction that was aborted; workers do the rest.
 *
 * A lost connection is opened again after a growing pause. Any doubt about who leads is the guide's to clear.
 */
#include <base/clock.h>
#include <base/log.h>
#include <base/memory.h>
#include <base/traffic.h>
#include <inttypes.h>
#include <sources/kafka/fetch.h>
#include <stdlib.h>

enum { NS_PER_MS = 1000000, TRIES_QUIET = 4 };
enum { PART_BYTES = 2 << 20, USUAL_PART_BYTES = 1 << 20 }; /* librdkafka's default, which nobody asked for */
enum { ANSWER_BYTES = 16 << 20, PIECE_BYTES = 16 * 1024 };
enum { LITTLE_BYTES = 64 * 1024 }; /* of a partition when the memory is full */
enum { NEARER_SECONDS = 300 };

typedef struct receipt { /* a record set on its way into a chain */
    fetch_broker *broker;
    kafka_part *part;
    fetch_place *place;
    const fetch_slice *slice;
    char *at;      /* the room, its first bytes the begin of a batch */
    size_t here;   /* bytes there */
    size_t least;  /* bytes that the batch there has, as far as known */
    int32_t epoch; /* of the last whole batch */
} receipt;

static void *broker_run(void *argument);
static sl_result slice_receive(fetch_broker *broker, const fetch_slice *slice, failure *failure);
static void slice_error(fetch_broker *broker, const fetch_slice *slice);

sl_result broker_connect(fetch_broker *broker, failure *failure)
{
    kafka_reader *reader = broker->fetcher->reader;
    if (connection_is_open(broker->connection))
        return SL_OK;
    pthread_mutex_lock(&reader->mutex);
    char *host = memory_text(broker->host);
    int port = broker->port;
    pthread_mutex_unlock(&reader->mutex);
    sl_result result = connection_open(broker->connection, host, port, failure);
    free(host);
    return result;
}

sl_result broker_start(fetch_broker *broker, failure *failure)
{
    broker->retry =
        (retry){ broker->fetcher->spec->reconnect_ms, broker->fetcher->spec->reconnect_most_ms, 0 };
    if (broker->parts == NULL)
        broker->parts = memory_new(broker->fetcher->reader->room * sizeof *broker->parts);
    if (pthread_create(&broker->thread, NULL, broker_run, broker) != 0)
        return fail(failure, SL_FAILED, "kafka: no thread to read from broker %" PRId32, broker->id);
    broker->running = true;
    return SL_OK;
}

void broker_free(fetch_broker *broker)
{
    connection_free(broker->connection);
    fetch_answer_done(&broker->answer);
    buffer_done(&broker->aborted);
    buffer_done(&broker->units);
    free(broker->parts);
    free(broker->host);
    free(broker);
}

/* ---- What to ask for ---- */

/* What a partition may always hold, however much the others do: a backlog of one starves nobody. Half of all in sum. */
static size_t part_share(const kafka_reader *reader)
{
    return reader->spec.bytes_max / (2 * reader->count);
}

static bool part_has_room(const kafka_reader *reader, const kafka_part *part)
{
    return reader->bytes < kafka_bytes_allowed(reader) || part->chain.bytes < part_share(reader);
}

static int32_t part_bytes(const fetch_broker *broker, const fetch_place *place)
{
    const kafka_reader *reader = broker->fetcher->reader;
    int32_t asked = broker->fetcher->spec->part_bytes_max;
    if (asked == USUAL_PART_BYTES)
        asked = PART_BYTES;
    if (reader->bytes >= kafka_bytes_allowed(reader)) {
        size_t share = part_share(reader);
        int32_t little = share < LITTLE_BYTES ? LITTLE_BYTES
                         : share < PART_BYTES ? (int32_t)share
                                              : PART_BYTES;
        asked = asked < little ? asked : little;
    }
    return place->bytes_least > (size_t)asked ? (int32_t)place->bytes_least : asked;
}

/* Who is asked for the partition: its leader, or whom that one named. Under the lock. */
static int32_t place_broker(const fetch_place *place, int64_t now_ns)
{
    return place->nearer >= 0 && now_ns < place->nearer_until_ns ? place->nearer : place->leader;
}

/* Fills broker->parts; *until_ns: when to look again. Under the lock. */
static size_t parts_gather(fetch_broker *broker, int64_t now_ns, int64_t *until_ns)
{
    fetcher *fetcher = broker->fetcher;
    kafka_reader *reader = fetcher->reader;
    size_t count = 0;
    if (broker->rest_until_ns > now_ns) {
        *until_ns = broker->rest_until_ns;
        return 0;
    }
    for (size_t i = 0; i < fetcher->count; i++) {
        uint32_t p = (uint32_t)((i + broker->turn) % fetcher->count);
        fetch_place *place = &fetcher->places[p];
        const kafka_part *part = &reader->parts[p];
        bool over = part->trouble.result != SL_OK && !sl_is_retriable(part->trouble.result);
        if (place_broker(place, now_ns) != broker->id || place->asked || over ||
            part->chain.next >= part->stop || !part_has_room(reader, part))
            continue;
        if (place->rest_until_ns > now_ns) {
            *until_ns = place->rest_until_ns < *until_ns ? place->rest_until_ns : *until_ns;
            continue;
        }
        place->asked = true;
        broker->parts[count++] =
            (fetch_part){ &fetcher->topic,   (int32_t)p,       place->leader_epoch,
                          place->last_epoch, part->chain.next, part_bytes(broker, place) };
    }
    broker->turn++;
    return count;
}

static void parts_answered(fetch_broker *broker, size_t count)
{
    kafka_reader *reader = broker->fetcher->reader;
    bool moved = false;
    int64_t now_ns = clock_ns(&clock_system);
    pthread_mutex_lock(&reader->mutex);
    for (size_t i = 0; i < count; i++) {
        fetch_place *place = &broker->fetcher->places[broker->parts[i].partition];
        place->asked = false;
        moved = moved || place_broker(place, now_ns) != broker->id;
    }
    if (moved)
        pthread_cond_broadcast(&reader->changed); /* another broker's thread waits for it */
    pthread_mutex_unlock(&reader->mutex);
}

/* Waits until there is something to ask for; 0 at the end. */
static size_t parts_await(fetch_broker *broker, int32_t *bytes_max)
{
    kafka_reader *reader = broker->fetcher->reader;
    size_t count = 0;
    pthread_mutex_lock(&reader->mutex);
    while (!reader->stopping) {
        int64_t until_ns = INT64_MAX;
        count = parts_gather(broker, clock_ns(&clock_system), &until_ns);
        if (count)
            break;
        clock_wait(&clock_system, &reader->changed, &reader->mutex, until_ns);
    }
    size_t allowed = kafka_bytes_allowed(reader);
    size_t room = reader->bytes < allowed ? allowed - reader->bytes : 0;
    if (reader->stopping)
        count = 0;
    pthread_mutex_unlock(&reader->mutex);
    int32_t most = broker->fetcher->spec->fetch_bytes_max;
    if (most > ANSWER_BYTES)
        most = ANSWER_BYTES;
    *bytes_max = room < PART_BYTES ? PART_BYTES : room < (size_t)most ? (int32_t)room : most;
    return count;
}

/* ---- One request ---- */

static sl_result slices_receive(fetch_broker *broker, failure *failure)
{
    fetch_slice slice;
    for (;;) {
        SL_TRY(fetch_next(&broker->answer, &slice, failure));
        if (slice.part == NULL)
            return SL_OK;
        if (slice.error || slice.diverging_epoch >= 0)
            slice_error(broker, &slice);
        else
            SL_TRY(slice_receive(broker, &slice, failure));
    }
}

static sl_result broker_fetch(fetch_broker *broker, const fetch_ask *ask, failure *failure)
{
    kafka_reader *reader = broker->fetcher->reader;
    SL_TRY(broker_connect(broker, failure));
    SL_TRY(fetch_send(broker->connection, ask, failure));
    SL_TRY(fetch_begin(broker->connection, ask, &broker->answer, failure));
    SL_TRY(slices_receive(broker, failure));
    traffic_add(TRAFFIC_KAFKA_IN, &(traffic){ .requests = 1, .answers = 1 });
    SL_TRY(broker_ask_lost(broker, failure));
    if (broker->answer.error)
        return fail(failure, SL_RETRY, "kafka at %s: fetching: %s", connection_name(broker->connection),
                    protocol_error_text(broker->answer.error));
    if (broker->answer.throttle_ms > 0) {
        pthread_mutex_lock(&reader->mutex);
        broker->rest_until_ns = clock_ns(&clock_system) + broker->answer.throttle_ms * INT64_C(1000000);
        pthread_mutex_unlock(&reader->mutex);
    }
    return SL_OK;
}

/* A connection that was lost is opened again at once, which is worth no line; that it cannot be is. */
static void broker_failed(fetch_broker *broker, const failure *why)
{
    kafka_reader *reader = broker->fetcher->reader;
    connection_close(broker->connection);
    int64_t rest_ns = retry_next_ms(&broker->retry) * NS_PER_MS;
    int64_t now_ns = clock_ns(&clock_system);
    pthread_mutex_lock(&reader->mutex);
    broker->rest_until_ns = now_ns + rest_ns;
    broker->fetcher->stale = true;
    for (size_t i = 0; i < broker->fetcher->count; i++)
        if (broker->fetcher->places[i].nearer == broker->id)
            broker->fetcher->places[i].nearer = -1; /* back to the leader */
    pthread_cond_broadcast(&reader->changed);
    bool stopping = reader->stopping, lost = reader->reach.since_ns != 0;
    pthread_mutex_unlock(&reader->mutex);
    bool alone = broker->retry.tries > TRIES_QUIET && !lost && !stopping; /* the other brokers answer */
    if (alone && outage_goes_on(&broker->outage, why->text, now_ns))
        log_warn("kafka", "%s; partitions that this broker leads are waited for", why->text);
    else if (!stopping)
        log_debug("kafka", "%s", why->text);
}

static void broker_answered(fetch_broker *broker)
{
    int64_t lasted_ns;
    char span[32];
    broker->retry.tries = 0;
    if (outage_ends(&broker->outage, clock_ns(&clock_system), &lasted_ns))
        log_info("kafka", "broker %s is back after %s", connection_name(broker->connection),
                 clock_span(lasted_ns, span));
}

static void *broker_run(void *argument)
{
    fetch_broker *broker = argument;
    kafka_reader *reader = broker->fetcher->reader;
    fetch_ask ask = { .parts = broker->parts,
                      .wait_ms = broker->fetcher->wait_ms,
                      .bytes_min = broker->fetcher->bytes_min };
    while ((ask.count = parts_await(broker, &ask.bytes_max)) > 0) {
        failure failure = { 0 };
        if (broker_fetch(broker, &ask, &failure) == SL_OK)
            broker_answered(broker);
        else
            broker_failed(broker, &failure);
        parts_answered(broker, ask.count);
        if (reader->spec.wake)
            reader->spec.wake(reader->spec.wake_argument);
    }
    return NULL;
}

/* ---- Receiving ---- */

/* Whether the batch is part of a transaction that was aborted. Markers end transactions, in order. */
static bool batch_is_aborted(fetch_broker *broker, const record_batch *batch, const char *at)
{
    fetch_aborted *aborted = (fetch_aborted *)(void *)broker->aborted.at;
    size_t count = broker->aborted.size / sizeof *aborted;
    if (!batch->is_transactional || count == 0)
        return false;
    record_marker marker = RECORD_MARKER_NONE;
    failure unread = { 0 }; /* a damaged marker ends nothing; the batches behind it stay hidden */
    for (size_t i = 0; i < count; i++) {
        if (aborted[i].producer != batch->producer_id || aborted[i].first_offset > batch->base_offset)
            continue;
        if (batch->is_control && record_batch_marker(at, batch->size, &marker, &unread) == SL_OK &&
            marker == RECORD_MARKER_ABORT)
            aborted[i].producer = -1;
        return true;
    }
    return false;
}

/* What the reader cannot do anything about: told by the next look(). Under the lock. */
static void part_stops(receipt *receipt, sl_result result, const char *why)
{
    kafka_reader *reader = receipt->broker->fetcher->reader;
    failure_clear(&receipt->part->trouble);
    fail(&receipt->part->trouble, result, "kafka topic \"%s\" partition %" PRId32 ": %s", reader->topic,
         receipt->slice->part->partition, why);
}

/* Sorts what is there into units; bytes of whole batches, which come first. */
static size_t units_find(receipt *receipt, record_batch_state *state, failure *failure)
{
    fetch_broker *broker = receipt->broker;
    int64_t next = receipt->part->chain.next; /* only this thread moves it on */
    size_t at = 0;
    broker->units.size = 0;
    for (;;) {
        record_batch batch = { 0 };
        char *place = receipt->at + at;
        *state = record_batch_header(place, receipt->here - at, &batch, failure);
        receipt->least = batch.size;
        if (*state != RECORD_BATCH_WHOLE)
            return at;
        if (batch.last_offset < next) { /* known already */
            receipt->here -= batch.size;
            memmove(place, place + batch.size, receipt->here - at);
            continue;
        }
        segment_unit unit = { batch.base_offset, batch.last_offset, batch.size };
        receipt->epoch = batch.leader_epoch;
        if (batch_is_aborted(broker, &batch, place) || batch.is_control)
            fetch_unit_skip(place);
        buffer_append(&broker->units, &unit, sizeof unit);
        next = batch.last_offset + 1;
        at += batch.size;
    }
}

/* Makes the whole batches that are there visible; false: what follows cannot be read. */
static bool units_add(receipt *receipt)
{
    fetch_broker *broker = receipt->broker;
    kafka_reader *reader = broker->fetcher->reader;
    record_batch_state state;
    failure failure = { 0 };
    size_t whole = units_find(receipt, &state, &failure);
    pthread_mutex_lock(&reader->mutex);
    size_t before = receipt->part->chain.bytes;
    segment_received(&receipt->part->chain, (const segment_unit *)(const void *)broker->units.at,
                     broker->units.size / sizeof(segment_unit));
    reader->bytes += receipt->part->chain.bytes - before;
    receipt->at += whole;
    receipt->here -= whole;
    receipt->place->last_epoch = receipt->epoch;
    if (state == RECORD_BATCH_DAMAGED)
        part_stops(receipt, SL_FAILED, failure.text);
    size_t most = (size_t)broker->fetcher->spec->answer_bytes_max;
    bool too_large = state == RECORD_BATCH_CUT_OFF && receipt->least > most;
    if (too_large)
        part_stops(receipt, SL_FAILED,
                   "a record batch is larger than kafka.receive.message.max.bytes; give it more");
    if (state == RECORD_BATCH_OLD)
        part_stops(receipt, SL_FAILED,
                   "its records are in a format of Kafka before 0.11, which is not read here; set "
                   "kafka.reader=librdkafka");
    pthread_mutex_unlock(&reader->mutex);
    return state == RECORD_BATCH_CUT_OFF && !too_large;
}

static sl_result set_receive(receipt *receipt, failure *failure)
{
    fetch_broker *broker = receipt->broker;
    kafka_reader *reader = broker->fetcher->reader;
    size_t left = receipt->slice->bytes, room;
    bool go_on = true;
    while (left && go_on) {
        size_t piece = left < PIECE_BYTES ? left : PIECE_BYTES;
        size_t least = receipt->least > receipt->here + left ? receipt->here + left : receipt->least;
        if (least < receipt->here + piece)
            least = receipt->here + piece;
        pthread_mutex_lock(&reader->mutex);
        receipt->at = segment_room(&receipt->part->chain, least, receipt->here, &room);
        pthread_mutex_unlock(&reader->mutex);
        size_t size = room - receipt->here < left ? room - receipt->here : left;
        sl_result result = fetch_records(&broker->answer, receipt->at + receipt->here, size, failure);
        left -= size;
        receipt->here += result == SL_OK ? size : 0;
        go_on = units_add(receipt) && result == SL_OK;
        SL_TRY(result);
    }
    return SL_OK;
}

/* The leader keeps back what a replica in our rack has as well. Under the lock. */
static void place_nearer(fetch_broker *broker, fetch_place *place, int32_t replica)
{
    fetcher *fetcher = broker->fetcher;
    const fetch_broker *known = fetcher->brokers;
    while (known && known->id != replica)
        known = known->next;
    if (known == NULL)
        fetcher->stale = true;
    if (known == NULL || broker->id != place->leader || replica == place->leader)
        return;
    place->nearer = replica;
    place->nearer_until_ns = clock_ns(&clock_system) + NEARER_SECONDS * INT64_C(1000000000);
}

/* Everything below the end that was told and is not here was asked for. */
static sl_result slice_receive(fetch_broker *broker, const fetch_slice *slice, failure *failure)
{
    fetcher *fetcher = broker->fetcher;
    kafka_reader *reader = fetcher->reader;
    uint32_t p = (uint32_t)slice->part->partition;
    receipt receipt = { .broker = broker,
                        .part = &reader->parts[p],
                        .place = &fetcher->places[p],
                        .slice = slice,
                        .epoch = slice->part->last_epoch };
    broker->aborted.size = 0;
    buffer_append(&broker->aborted, slice->aborted, slice->aborted_count * sizeof *slice->aborted);
    int64_t before = receipt.part->chain.next;
    traffic_add(TRAFFIC_KAFKA_IN, &(traffic){ .bytes_in = (int64_t)slice->bytes });
    sl_result result = set_receive(&receipt, failure);
    pthread_mutex_lock(&reader->mutex);
    int64_t end =
        fetcher->spec->read_committed && slice->last_stable >= 0 ? slice->last_stable : slice->high_watermark;
    if (receipt.part->end < end)
        receipt.part->end = end;
    bool too_large = slice->bytes && receipt.part->chain.next == before;
    receipt.place->bytes_least = too_large ? receipt.least : 0;
    if (sl_is_retriable(receipt.part->trouble.result))
        failure_clear(&receipt.part->trouble);
    if (slice->preferred_replica >= 0)
        place_nearer(broker, receipt.place, slice->preferred_replica);
    pthread_mutex_unlock(&reader->mutex);
    return result;
}

/* ---- What a broker says instead of records ---- */

typedef enum error_kind { ERROR_ASK_GUIDE, ERROR_DATA_LOSS, ERROR_TELL } error_kind;

static error_kind error_kind_of(int16_t error)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: return ERROR_DATA_LOSS;
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_UNKNOWN:
    case PROTOCOL_UNKNOWN_TOPIC_ID:
    case PROTOCOL_INCONSISTENT_TOPIC_ID: return ERROR_ASK_GUIDE;
    default: return ERROR_TELL;
    }
}

static void slice_error(fetch_broker *broker, const fetch_slice *slice)
{
    fetcher *fetcher = broker->fetcher;
    kafka_reader *reader = fetcher->reader;
    kafka_part *part = &reader->parts[slice->part->partition];
    fetch_place *place = &fetcher->places[slice->part->partition];
    error_kind kind = slice->error ? error_kind_of(slice->error) : ERROR_DATA_LOSS;
    pthread_mutex_lock(&reader->mutex);
    if (place->nearer == broker->id) {
        place->nearer = -1;
        kind = ERROR_ASK_GUIDE; /* a replica may lag behind; the leader has the last word */
    }
    place->rest_until_ns = clock_ns(&clock_system) + fetcher->spec->backoff_ms * INT64_C(1000000);
    fetcher->stale = true;
    if (kind != ERROR_ASK_GUIDE)
        failure_clear(&part->trouble);
    if (kind == ERROR_DATA_LOSS && slice->error && (loss_is_skipped(reader) || growth_is_unread(part)))
        part->lost = true;
    else if (kind == ERROR_DATA_LOSS && slice->error)
        fail(&part->trouble, SL_DATA_LOSS,
             "kafka topic \"%s\" partition %" PRId32 " has nothing at offset %" PRId64
             " any more: retention took it, or the topic was made anew (%s)%s",
             reader->topic, slice->part->partition, part->chain.next, protocol_error_text(slice->error),
             loss_advice(reader));
    else if (kind == ERROR_DATA_LOSS)
        fail(&part->trouble, loss_kind(reader),
             "kafka topic \"%s\" partition %" PRId32 " was truncated at offset %" PRId64
             " when another broker took over; the job has read up to %" PRId64 " already%s",
             reader->topic, slice->part->partition, slice->diverging_offset, part->chain.next,
             loss_advice(reader));
    else if (kind == ERROR_TELL)
        fail(&part->trouble, SL_RETRY, "kafka topic \"%s\" partition %" PRId32 " at %s: %s", reader->topic,
             slice->part->partition, connection_name(broker->connection), protocol_error_text(slice->error));
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
    log_debug("kafka", "topic \"%s\" partition %" PRId32 " at %s: %s", reader->topic, slice->part->partition,
              connection_name(broker->connection), protocol_error_text(slice->error));
}
