/*
 * clients/documents.c - one bulk request for what was added since the begin.
 */
#include <base/buffer.h>
#include <base/log.h>
#include <base/memory.h>
#include <clients/documents.h>
#include <clients/http.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { AGAIN_MS = 5000, CONNECT_MS = 1000, ANSWER_MS = 5000 };

struct documents {
    http *server;
    buffer bulk, head; /* head: what stands in each document before its metric */
    char host[256], *path, index[32];
    int64_t now_ms, again_ms;
    unsigned long long dropped;
    bool told;
};

sl_result documents_new(const documents_spec *spec, documents **made, failure *failure)
{
    documents *self = memory_new(sizeof *self);
    http_options options = {
        .url = spec->url, .setting = spec->setting, .connect_ms = CONNECT_MS, .total_ms = ANSWER_MS
    };
    self->path = memory_text(spec->path);
    sl_result result = http_new(&options, &self->server, failure);
    if (result == SL_OK && gethostname(self->host, sizeof self->host - 1) != 0)
        result = fail(failure, SL_FAILED, "this machine has no name: %s", strerror(errno));
    if (result == SL_OK)
        *made = self;
    else
        documents_free(self);
    return result;
}

void documents_free(documents *self)
{
    if (self == NULL)
        return;
    if (self->dropped)
        log_warn("elastic", "metrics could not be sent to %s %llu times", http_place(self->server),
                 self->dropped);
    http_free(self->server);
    buffer_done(&self->bulk);
    buffer_done(&self->head);
    free(self->path);
    free(self);
}

unsigned long long documents_dropped(const documents *self)
{
    return self->dropped;
}

static void text_add(buffer *out, const char *text)
{
    buffer_byte(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            buffer_byte(out, '\\');
        buffer_byte(out, (unsigned char)*text < 0x20 ? ' ' : *text);
    }
    buffer_byte(out, '"');
}

void documents_begin(documents *self, int64_t now_ms)
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm parts;
    char day[24];
    gmtime_r(&seconds, &parts);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
    strftime(self->index, sizeof self->index, "kafka_mon-%Y.%m.%d", &parts);
    self->now_ms = now_ms;
    self->bulk.size = self->head.size = 0;
    buffer_print(&self->head, "{\"@timestamp\":\"%s.%03dZ\",\"@version\":\"1\",\"host\":", day,
                 (int)(now_ms % 1000));
    text_add(&self->head, self->host);
    buffer_text(&self->head, ",\"path\":");
    text_add(&self->head, self->path);
    buffer_text(&self->head, ",\"type\":\"jmx\",\"metric_path\":");
}

void documents_add(documents *self, const char *metric_path, double value)
{
    buffer_print(&self->bulk, "{\"create\":{\"_index\":\"%s\"}}\n", self->index);
    buffer_append(&self->bulk, self->head.at, self->head.size);
    text_add(&self->bulk, metric_path);
    buffer_print(&self->bulk, ",\"metric_value_number\":%.15g}\n", value);
}

static bool bulk_send(documents *self, char *why, size_t room)
{
    failure failure = { 0 };
    http_reply reply;
    http_request request = { .method = "POST",
                             .path = "/_bulk?filter_path=errors",
                             .type = "application/x-ndjson" };
    request.body = (sl_text){ self->bulk.at, self->bulk.size };
    if (http_send(self->server, &request, &reply, &failure) != SL_OK)
        snprintf(why, room, "%.250s", failure.text);
    else if (reply.status != 200)
        snprintf(why, room, "%.150s answers %d", http_place(self->server), reply.status);
    else if (memmem(reply.body.at, reply.body.size, "\"errors\":true", 13))
        snprintf(why, room, "%.150s refuses documents of metrics", http_place(self->server));
    else
        return true;
    return false;
}

bool documents_send(documents *self)
{
    char why[256] = "";
    bool tries = self->now_ms >= self->again_ms;
    if (self->bulk.size == 0)
        return true;
    if (tries && bulk_send(self, why, sizeof why)) {
        if (self->told)
            log_info("elastic", "%s takes metrics again", http_place(self->server));
        self->told = false;
        return true;
    }
    self->dropped++;
    if (!tries)
        return false;
    self->again_ms = self->now_ms + AGAIN_MS;
    if (!self->told)
        log_warn("elastic", "%s; it goes on without", why);
    self->told = true;
    return false;
}
