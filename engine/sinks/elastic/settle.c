/*
 * sinks/elastic/settle.c - what the answer about each document of a bulk request means. A bulk request is answered with
 * 200 even when nothing of it was written; each item has a status of its own:
 *
 *     200 201                  written
 *     409                      it is there: written by an earlier attempt, or by a later batch
 *     429 and all from 500 on  overload or trouble of one shard: this item again
 *     401 403 404, and 400 about the index instead of the document: someone must act; the batch waits for that
 *     other 4xx                this document will never be taken
 */
#include <base/log.h>
#include <inttypes.h>
#include <sinks/elastic/elastic.h>
#include <sinks/elastic/reply.h>
#include <stdio.h>

enum { ID_SHOWN_MAX = 160 };

typedef enum item_fate { ITEM_DONE, ITEM_AGAIN, ITEM_REFUSED, ITEM_BLOCKED } item_fate;

static item_fate item_judge(const bulk_item *item, const reply_item *answer);
static sl_result item_settle(elastic_writer *writer, size_t i, const reply_item *answer, settled *settled,
                             failure *failure);
static void items_keep(elastic_writer *writer, size_t count, const bool *keep);
static void duplicate_note(elastic_writer *writer, size_t i);
static sl_text item_id(const elastic_writer *writer, size_t i);

sl_result bulk_settle(elastic_writer *writer, size_t count, sl_text answer, settled *settled,
                      failure *failure)
{
    if (reply_is_all_fine(answer)) {
        items_drop(writer, count);
        return SL_OK;
    }
    reply *reply = reply_parse(answer, count);
    if (reply == NULL) {
        settled->again = true;
        snprintf(settled->why, sizeof settled->why,
                 "%s (elastic.url): the answer is cut short, or none to a bulk request",
                 http_place(writer->server));
        return SL_OK;
    }
    writer->id.size = 0; /* scratch: one flag an item */
    bool *keep = (bool *)(void *)buffer_reserve(&writer->id, count);
    sl_result result = SL_OK;
    for (size_t i = 0; i < count && result == SL_OK; i++) {
        reply_item item = reply_item_at(reply, i);
        keep[i] = item_judge(&writer_items(writer)[i], &item) == ITEM_AGAIN;
        result = item_settle(writer, i, &item, settled, failure);
    }
    if (result == SL_OK)
        items_keep(writer, count, keep);
    reply_free(reply);
    return result;
}

sl_result item_refused(elastic_writer *writer, size_t i, const char *why, failure *failure)
{
    const bulk_item *item = &writer_items(writer)[i];
    if (item->action != BULK_CREATE) {
        sl_text id = item_id(writer, i);
        return fail(failure, SL_RETRY, "index %s refused the document %.*s: %s", writer->of->index,
                    (int)id.size, id.at, why);
    }
    sink_exception refused = { .origin = item->origin, .refused = true };
    snprintf(refused.detail, sizeof refused.detail, "%s", why);
    sink_note(writer->of->batch, writer->number, &refused);
    return SL_OK;
}

void items_drop(elastic_writer *writer, size_t count)
{
    items_keep(writer, count, NULL);
}

/* ---- One item ---------------------------------------------------------------------------------------------------- */

/* Errors with status 400 whose cause is the index: no document would be taken, so none is to blame. */
static bool is_about_index(const char *type)
{
    return strcmp(type, "index_closed_exception") == 0 || strcmp(type, "invalid_index_name_exception") == 0 ||
           strcmp(type, "validation_exception") == 0;
}

static item_fate item_judge(const bulk_item *item, const reply_item *answer)
{
    int status = answer->status;
    bool gone = item->action == BULK_DELETE && status == 404;
    if (status / 100 == 2 || status == 409 || gone)
        return ITEM_DONE;
    if (status / 100 != 4 || status == 429)
        return ITEM_AGAIN;
    bool blocked = status == 401 || status == 403 || status == 404 || is_about_index(answer->type);
    return blocked ? ITEM_BLOCKED : ITEM_REFUSED;
}

static sl_result item_settle(elastic_writer *writer, size_t i, const reply_item *answer, settled *settled,
                             failure *failure)
{
    const bulk_item *item = &writer_items(writer)[i];
    char why[sizeof((sink_exception *)0)->detail];
    item_fate fate = item_judge(item, answer);
    if (fate == ITEM_DONE) {
        if (answer->status == 409 && item->action == BULK_CREATE)
            duplicate_note(writer, i);
        return SL_OK;
    }
    reply_item_why(answer, why, sizeof why);
    if (fate == ITEM_REFUSED)
        return item_refused(writer, i, why, failure);
    if (fate == ITEM_BLOCKED)
        return fail(
            failure, SL_RETRY,
            "index %s at %s takes no documents (status %d, %s): check that it exists, is open and not blocked, "
            "and that the user may write to it; nothing is lost, the batch is tried again",
            writer->of->index, http_place(writer->server), answer->status, why);
    if (!settled->again)
        snprintf(settled->why, sizeof settled->why, "%s (elastic.url) put documents off with status %d, %s",
                 http_place(writer->server), answer->status, why);
    settled->again = true;
    return SL_OK;
}

/*
 * In a batch that was never tried before nobody of ours can have written the document: the index holds documents of
 * another job, or of this one before its work folder was lost.
 */
static void duplicate_note(elastic_writer *writer, size_t i)
{
    elastic *elastic = writer->of;
    const bulk_item *item = &writer_items(writer)[i];
    sink_exception duplicate = { .origin = item->origin };
    sink_note(elastic->batch, writer->number, &duplicate);
    if (elastic->batch->attempt > 1 || item->repeated || atomic_exchange(&elastic->warned, true))
        return;
    sl_text id = item_id(writer, i);
    log_warn(
        "elastic",
        "index %s already holds the document %.*s, which this job knows nothing of: it is left as it is and "
        "counts as a duplicate, and so do others like it. That is fine when the job reads again what it has "
        "written before, after `sluice reset` or with a new work folder. If the document is of another job, or of "
        "a topic that was deleted since, this job's record is missing there: write to another index "
        "(--to %s=elastic:INDEX), or delete the index and run `sluice reset`",
        elastic->index, (int)id.size, id.at, elastic->output->name);
}

/* In quotes, as the item's first line says it; of a very long one the beginning. */
static sl_text item_id(const elastic_writer *writer, size_t i)
{
    static const char name[] = "\"_id\":";
    const char *at = writer->body.at;
    for (size_t before = 0; before < i; before++)
        at += writer_items(writer)[before].size;
    at = (const char *)memmem(at, writer_items(writer)[i].size, name, sizeof name - 1) + sizeof name - 1;
    const char *end = at + 1;
    while (*end != '"')
        end += *end == '\\' ? 2 : 1;
    size_t size = (size_t)(end + 1 - at);
    return (sl_text){ at, size < ID_SHOWN_MAX ? size : ID_SHOWN_MAX };
}

/* Of the first `count` items those marked stay (NULL: none), and all after them; bytes move together. */
static void items_keep(elastic_writer *writer, size_t count, const bool *keep)
{
    bulk_item *items = writer_items(writer);
    size_t total = writer_count(writer), kept = 0, from = 0, to = 0, i = 0;
    for (; i < count; i++) {
        size_t size = items[i].size;
        if (keep && keep[i]) {
            memmove(writer->body.at + to, writer->body.at + from, size);
            items[kept++] = items[i];
            to += size;
        }
        from += size;
    }
    if (total > count) {
        memmove(items + kept, items + count, (total - count) * sizeof *items);
        memmove(writer->body.at + to, writer->body.at + from, writer->body.size - from);
    }
    writer->items.size = (kept + total - count) * sizeof *items;
    writer->body.size -= from - to;
}
