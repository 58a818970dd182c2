/*
 * sinks/elastic/bulk.c - documents gathered into bulk requests, one request at a time for each writer. A request holds
 * lines of two kinds: what to do, and the document.
 *
 *     {"create":{"_id":"realtime-0-17"}}
 *     {"@timestamp":"2026-11-23T10:00:00.123Z","event_id":17,...}
 *     {"index":{"_id":"9-56","version":1795402680000,"version_type":"external"}}
 *     {"@timestamp":...}
 *     {"delete":{"_id":"0-10","version":1795402680000,"version_type":"external"}}
 *
 * Every document may be sent any number of times: "create" never writes over anything, and a version is only replaced by
 * a later one. So whatever is unknown after a reset or a timeout is simply sent again.
 */
#include <base/clock.h>
#include <base/counted.h>
#include <base/log.h>
#include <base/retry.h>
#include <inttypes.h>
#include <sinks/elastic/elastic.h>
#include <sinks/elastic/reply.h>
#include <stdio.h>

enum { ID_BYTES_MAX = 512, BYTES_MOST_LEAST = 64 * 1024, SHRINK_AFTER = 2, MS = 1000000 };

/* The tries of one bulk_send(). */
typedef struct sending {
    retry retry;
    int64_t deadline_ns, retry_after_ms; /* no deadline before the first trouble */
    size_t bytes_most;
    size_t count, bytes; /* of the request at hand */
    settled last;        /* what went wrong last */
} sending;

static sl_result item_close(elastic_writer *writer, const bulk_item *item, failure *failure);
static sl_result request_try(elastic_writer *writer, sending *sending, failure *failure);
static sl_result request_judge(elastic_writer *writer, sending *sending, const http_reply *reply,
                               failure *failure);
static bool sending_wait(elastic_writer *writer, sending *sending);

sl_result bulk_row(elastic_writer *writer, const void *row, failure *failure)
{
    elastic *elastic = writer->of;
    buffer *body = &writer->body;
    const sl_origin *origin = document_origin(elastic->document, row);
    bulk_item item = { .action = origin ? BULK_CREATE : BULK_INDEX, .size = body->size };
    writer->id.size = 0;
    document_id(elastic->document, row, &writer->id);
    if (origin) {
        item.origin = *origin;
        buffer_text(body, "{\"create\":{\"_id\":");
        json_string(body, (sl_text){ writer->id.at, writer->id.size });
        buffer_text(body, "}}\n");
    } else {
        buffer_text(body, "{\"index\":{\"_id\":");
        json_string(body, (sl_text){ writer->id.at, writer->id.size });
        buffer_print(body, ",\"version\":%" PRId64 ",\"version_type\":\"external\"}}\n",
                     elastic->batch->time_ms);
    }
    document_print(elastic->document, row, elastic->batch->time_ms, body);
    buffer_byte(body, '\n');
    return item_close(writer, &item, failure);
}

sl_result bulk_delete(elastic_writer *writer, sl_text id, failure *failure)
{
    buffer *body = &writer->body;
    bulk_item item = { .action = BULK_DELETE, .size = body->size };
    writer->id.size = 0;
    buffer_append(&writer->id, id.at, id.size);
    buffer_text(body, "{\"delete\":{\"_id\":");
    json_string(body, id);
    buffer_print(body, ",\"version\":%" PRId64 ",\"version_type\":\"external\"}}\n",
                 writer->of->batch->time_ms);
    return item_close(writer, &item, failure);
}

sl_result bulk_send(elastic_writer *writer, failure *failure)
{
    sending sending = { .retry = { .first_ms = 100, .most_ms = 10000 }, .bytes_most = SIZE_MAX };
    while (writer->items.size) {
        sending.last.again = false;
        SL_TRY(request_try(writer, &sending, failure));
        if (sending.last.again && !sending_wait(writer, &sending))
            return fail(
                failure, SL_RETRY,
                "%s for index %s could not be written: %s; tried %s, for as long as sink.timeout allows",
                counted((int64_t)writer_count(writer), "document", "documents").at, writer->of->index,
                sending.last.why, counted(sending.retry.tries, "time", "times").at);
    }
    if (sending.deadline_ns) {
        int64_t left = sending.deadline_ns - clock_ns(&clock_system);
        writer->patience_ns = left > 0 ? left : 0;
    }
    return SL_OK;
}

void bulk_drop(elastic_writer *writer)
{
    writer->body.size = writer->items.size = 0;
}

/* ---- Gathering --------------------------------------------------------------------------------------------------- */

/* The server would refuse the whole request for one id that it does not take. */
static sl_result item_close(elastic_writer *writer, const bulk_item *item, failure *failure)
{
    size_t start = item->size;
    buffer_append(&writer->items, item, sizeof *item);
    size_t last = writer_count(writer) - 1;
    writer_items(writer)[last].size = writer->body.size - start;
    if (writer->id.size == 0 || writer->id.size > ID_BYTES_MAX) {
        char why[80];
        snprintf(why, sizeof why, "its id has %zu bytes; 1 to %d are possible", writer->id.size,
                 ID_BYTES_MAX);
        SL_TRY(item_refused(writer, last, why, failure));
        writer->items.size -= sizeof *item;
        writer->body.size = start;
    }
    return writer->body.size >= writer->bytes_most ? bulk_send(writer, failure) : SL_OK;
}

/* ---- Sending ----------------------------------------------------------------------------------------------------- */

/* How many items from the first on make up one request; at least one. */
static size_t request_share(const elastic_writer *writer, size_t bytes_most, size_t *bytes)
{
    size_t count = 1, total = writer_count(writer);
    *bytes = writer_items(writer)[0].size;
    if (writer->body.size <= bytes_most) {
        *bytes = writer->body.size;
        return total;
    }
    while (count < total && *bytes + writer_items(writer)[count].size <= bytes_most)
        *bytes += writer_items(writer)[count++].size;
    return count;
}

static int64_t request_limit_ms(const elastic_writer *writer, const sending *sending)
{
    int64_t limit = writer->of->timeout_ms;
    if (sending->deadline_ns) {
        int64_t left = (sending->deadline_ns - clock_ns(&clock_system)) / MS;
        limit = left < 1 ? 1 : left;
    }
    return limit;
}

static void items_mark_repeated(elastic_writer *writer, size_t count)
{
    if (count > writer_count(writer))
        count = writer_count(writer);
    for (size_t i = 0; i < count; i++)
        writer_items(writer)[i].repeated = true;
}

/* Sends the first items once. Afterwards they are fewer, or sending->last says why not, or requests become smaller. */
static sl_result request_try(elastic_writer *writer, sending *sending, failure *failure)
{
    sending->count = request_share(writer, sending->bytes_most, &sending->bytes);
    http_request request = { .method = "POST",
                             .path = writer->of->bulk_path,
                             .type = "application/x-ndjson",
                             .body = { writer->body.at, sending->bytes },
                             .total_ms = request_limit_ms(writer, sending) };
    http_reply reply = { 0 };
    struct failure lost = { 0 };
    sending->retry_after_ms = 0;
    if (http_send(writer->server, &request, &reply, &lost) != SL_OK) {
        sending->last.again = true;
        snprintf(sending->last.why, sizeof sending->last.why, "%.*s", (int)sizeof sending->last.why - 1,
                 lost.text);
    } else {
        if (reply.maybe_repeated)
            items_mark_repeated(writer, sending->count);
        SL_TRY(request_judge(writer, sending, &reply, failure));
    }
    if (sending->last.again)
        items_mark_repeated(writer, sending->count);
    return SL_OK;
}

/* 413: half as much, from now on for this writer; a single document over the limit can never be written. */
static sl_result request_shrink(elastic_writer *writer, sending *sending, failure *failure)
{
    size_t bytes = sending->bytes;
    if (sending->count == 1) {
        char why[160];
        snprintf(why, sizeof why,
                 "too large: %zu bytes are more than the server takes in one request (its setting "
                 "http.max_content_length)",
                 bytes);
        SL_TRY(item_refused(writer, 0, why, failure));
        items_drop(writer, 1);
        return SL_OK;
    }
    sending->bytes_most = bytes / 2;
    size_t most = bytes / 2 < BYTES_MOST_LEAST ? BYTES_MOST_LEAST : bytes / 2;
    if (most < writer->bytes_most) {
        log_warn("elastic",
                 "%s refuses requests of %zu bytes: writer %u sends at most %zu at once from now on; lower "
                 "elastic.bulk.bytes",
                 http_place(writer->server), bytes, writer->number, most);
        writer->bytes_most = most;
    }
    return SL_OK;
}

static sl_result request_judge(elastic_writer *writer, sending *sending, const http_reply *reply,
                               failure *failure)
{
    char why[200];
    int status = reply->status;
    if (status == 200)
        return bulk_settle(writer, sending->count, reply->body, &sending->last, failure);
    if (status == 413)
        return request_shrink(writer, sending, failure);
    reply_why(reply->body, why, sizeof why);
    if (status == 429 || status == 408 || status / 100 == 5) {
        sending->last.again = true;
        sending->retry_after_ms = reply->retry_after_ms;
        snprintf(sending->last.why, sizeof sending->last.why, "%s (elastic.url) answered with status %d, %s",
                 http_place(writer->server), status, why);
        /* Servers may count a request's bytes against a limit that it alone is over. */
        if (status == 429 && sending->count > 1 && sending->retry.tries >= SHRINK_AFTER)
            sending->bytes_most = sending->bytes / 2;
        return SL_OK;
    }
    if (status == 401 || status == 403)
        return fail(
            failure, SL_RETRY,
            "%s (elastic.url) does not let us write to index %s (status %d, %s): check "
            "elastic.user and elastic.password or elastic.api_key; nothing is lost, the batch is tried again",
            http_place(writer->server), writer->of->index, status, why);
    if (status / 100 == 3 || status == 404)
        return fail(failure, SL_RETRY,
                    "%s (elastic.url) answered a bulk request with status %d, %s: is that the "
                    "search server?",
                    http_place(writer->server), status, why);
    return fail(failure, SL_FAILED,
                "%s (elastic.url) refused a bulk request of %s for index %s (status "
                "%d, %s): please report this as a bug",
                http_place(writer->server), counted((int64_t)sending->count, "document", "documents").at,
                writer->of->index, status, why);
}

/* The time that a trouble takes counts against sink.timeout, the time that a healthy server takes does not. */
static bool sending_wait(elastic_writer *writer, sending *sending)
{
    if (sending->deadline_ns == 0)
        sending->deadline_ns = clock_ns(&clock_system) + writer->patience_ns;
    log_debug("elastic", "%s: %s; trying again", writer->of->index, sending->last.why);
    if (sending->retry_after_ms == 0)
        return retry_wait(&sending->retry, sending->deadline_ns, writer->of->stop);
    sending->retry.tries++;
    /* Half of it at least: so never before the time that the server asked for. */
    retry asked = { .first_ms = sending->retry_after_ms * 2, .most_ms = sending->retry_after_ms * 2 };
    return retry_wait(&asked, sending->deadline_ns, writer->of->stop);
}
