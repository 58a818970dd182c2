/*
 * tests/fuzz/answers/elastic.c - any bytes as the search server's answer to a bulk request, for libFuzzer. The first byte says of
 * how many items that was, the second what they were. What stays to be sent again is a part of what was sent, in its order.
 */
#include <base/memory.h>
#include <sinks/elastic/elastic.h>
#include <sinks/elastic/reply.h>
#include <stdio.h>
#include <stdlib.h>

enum { ITEMS_MOST = 12 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static elastic of;
static elastic_writer writer;
static sink_batch batch;
static buffer exceptions;
static sl_output output = { .name = "documents" };

static void writer_open(void)
{
    failure failure = { 0 };
    http_options options = { .url = "http://127.0.0.1:9200", .setting = "elastic.url" };
    batch.exceptions = &exceptions;
    of = (elastic){ .output = &output, .batch = &batch };
    of.index = memory_text("fuzz");
    writer.of = &of;
    sl_expect(http_new(&options, &writer.server, &failure) == SL_OK);
}

/* Item i is told by its number, and larger than the one before. */
static void items_make(size_t count, unsigned kinds)
{
    static const char *const names[] = { "create", "index", "delete" };
    bulk_drop(&writer);
    exceptions.size = 0;
    for (size_t i = 0; i < count; i++) {
        bulk_item item = { .action = (bulk_action)((kinds >> (i % 4 * 2) & 3) % 3),
                           .size = writer.body.size };
        item.origin.offset = (int64_t)i;
        item.repeated = kinds & 1;
        buffer_print(&writer.body, "{\"%s\":{\"_id\":\"%zu\"}}\n%*s\n", names[item.action], i, (int)i, "");
        item.size = writer.body.size - item.size;
        buffer_append(&writer.items, &item, sizeof item);
    }
}

static void check_kept(size_t count)
{
    size_t bytes = 0, next = 0;
    sl_expect(writer_count(&writer) <= count);
    for (size_t i = 0; i < writer_count(&writer); i++) {
        const bulk_item *item = &writer_items(&writer)[i];
        char wanted[32];
        int size = snprintf(wanted, sizeof wanted, "{\"_id\":\"%lld\"}", (long long)item->origin.offset);
        sl_expect(item->origin.offset >= (int64_t)next);
        sl_expect(memmem(writer.body.at + bytes, item->size, wanted, (size_t)size) != NULL);
        next = (size_t)item->origin.offset + 1;
        bytes += item->size;
    }
    sl_expect(bytes == writer.body.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    failure failure = { 0 };
    settled settled = { .again = false };
    char why[200];
    if (size < 2)
        return 0;
    if (writer.server == NULL)
        writer_open();
    char *answer = malloc(size); /* of exactly this size */
    sl_text body = { memcpy(answer, data + 2, size - 2), size - 2 };
    size_t count = 1 + data[0] % ITEMS_MOST;
    items_make(count, data[1]);
    sl_result result = bulk_settle(&writer, count, body, &settled, &failure);
    sl_expect(result == failure.result);
    if (result == SL_OK) {
        check_kept(count);
        sl_expect(settled.again == (writer.items.size > 0));
        sl_expect(!settled.again || settled.why[0]);
    }
    reply_why(body, why, sizeof why);
    sl_expect(strlen(why) > 0);
    free(answer);
    return 0;
}
