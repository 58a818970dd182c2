/*
 * sinks/elastic/index.c - the start: is the server there, does it let us in, is the index there. A missing index is made
 * with a mapping from the record's schema, so that what dashboards sort and sum by does not depend on the first document.
 * An index that exists is left as it is.
 */
#include <base/log.h>
#include <inttypes.h>
#include <sinks/elastic/elastic.h>
#include <sinks/elastic/reply.h>

enum { ASK_MS = 30000 };

#define TEXT_MAPPING                                                                                         \
    "{\"type\":\"text\",\"fields\":{\"keyword\":{\"type\":\"keyword\",\"ignore_above\":256}}}"

static sl_result server_ask(const elastic *elastic, http *server, const http_request *request,
                            http_reply *reply, failure *failure);
static sl_result index_make(const elastic *elastic, http *server, const char *path, failure *failure);
static void mapping_print(const elastic *elastic, buffer *out);

sl_result index_open(const elastic *elastic, http *server, failure *failure)
{
    http_reply reply = { 0 };
    http_request health = { .method = "GET",
                            .path = "/_cluster/health?filter_path=status",
                            .total_ms = ASK_MS };
    SL_TRY(server_ask(elastic, server, &health, &reply, failure));
    /* 403: this user may not see the cluster's health, which is no reason not to write. */
    if (reply.status != 200 && reply.status != 403)
        return fail(failure, SL_RETRY,
                    "%s (elastic.url) answered %s with status %d: is that the search server?",
                    http_place(server), health.path, reply.status);
    buffer path = { 0 };
    buffer_byte(&path, '/');
    http_path_part(&path, elastic->index);
    buffer_byte(&path, '\0');
    http_request look = { .method = "HEAD", .path = path.at, .total_ms = ASK_MS };
    sl_result result = server_ask(elastic, server, &look, &reply, failure);
    if (result == SL_OK && reply.status == 403)
        result = fail(
            failure, SL_FAILED,
            "%s (elastic.url) does not let us see index %s (status 403): give the user of elastic.user or "
            "elastic.api_key the right to create and write it",
            http_place(server), elastic->index);
    else if (result == SL_OK && reply.status == 404)
        result = index_make(elastic, server, path.at, failure);
    else if (result == SL_OK && reply.status != 200)
        result = fail(failure, SL_RETRY, "%s (elastic.url) answered whether index %s exists with status %d",
                      http_place(server), elastic->index, reply.status);
    buffer_done(&path);
    return result;
}

/* What goes for every question: a bad login is final, an overloaded server is not. */
static sl_result server_ask(const elastic *elastic, http *server, const http_request *request,
                            http_reply *reply, failure *failure)
{
    char why[200];
    SL_TRY(http_send(server, request, reply, failure));
    if (reply->status == 401)
        return fail(failure, SL_FAILED,
                    "%s (elastic.url) does not know this user or key (status 401): check elastic.user and "
                    "elastic.password, or elastic.api_key",
                    http_place(server));
    if (reply->status == 429 || reply->status == 408 || reply->status / 100 == 5) {
        reply_why(reply->body, why, sizeof why);
        return fail(failure, SL_RETRY, "%s (elastic.url) is not ready for index %s: status %d, %s",
                    http_place(server), elastic->index, reply->status, why);
    }
    return SL_OK;
}

static sl_result index_make(const elastic *elastic, http *server, const char *path, failure *failure)
{
    http_reply reply = { 0 };
    buffer body = { 0 };
    mapping_print(elastic, &body);
    http_request make = { .method = "PUT",
                          .path = path,
                          .type = "application/json",
                          .body = { body.at, body.size },
                          .total_ms = ASK_MS };
    sl_result result = server_ask(elastic, server, &make, &reply, failure);
    buffer_done(&body);
    SL_TRY(result);
    if (reply.status / 100 == 2) {
        log_info("elastic", "made index %s at %s", elastic->index, http_place(server));
        return SL_OK;
    }
    char why[300];
    reply_why(reply.body, why, sizeof why);
    if (strncmp(why, "resource_already_exists_exception", strlen("resource_already_exists_exception")) == 0)
        return SL_OK;
    const char *advice = reply.status == 403
                             ? ": give the user of elastic.user or elastic.api_key the right to, or "
                               "make the index beforehand"
                             : "";
    return fail(failure, SL_FAILED, "%s (elastic.url) does not make index %s (status %d, %s)%s",
                http_place(server), elastic->index, reply.status, why, advice);
}

/* ---- The mapping ------------------------------------------------------------------------------------------------- */

static bool is_keyword(const elastic *elastic, const sl_schema *schema, const sl_field *field)
{
    const sl_fields *keywords = &elastic->output->keywords;
    if (keywords->count == 0 || keywords->of() != schema)
        return false;
    for (size_t i = 0; i < keywords->count; i++)
        if (keywords->offset[i] == field->offset)
            return true;
    return false;
}

static const char *field_mapping(const elastic *elastic, const sl_schema *schema, const sl_field *field)
{
    switch (field->kind) {
    case SL_KIND_text: return is_keyword(elastic, schema, field) ? "{\"type\":\"keyword\"}" : TEXT_MAPPING;
    case SL_KIND_i32:
    case SL_KIND_i64:
    case SL_KIND_maybe_i64: return "{\"type\":\"long\"}";
    case SL_KIND_f64: return "{\"type\":\"double\"}";
    case SL_KIND_flag: return "{\"type\":\"boolean\"}";
    case SL_KIND_time: return "{\"type\":\"date\"}";
    default: return NULL;
    }
}

static void schema_mapping(const elastic *elastic, const sl_schema *schema, buffer *out)
{
    for (size_t i = 0; i < schema->count; i++) {
        const sl_field *field = &schema->fields[i];
        const char *mapping = field_mapping(elastic, schema, field);
        if (field->kind == SL_KIND_linked)
            schema_mapping(elastic, field->linked(), out);
        if (mapping == NULL)
            continue;
        buffer_byte(out, ',');
        json_string(out, (sl_text){ field->name, strlen(field->name) });
        buffer_byte(out, ':');
        buffer_text(out, mapping);
    }
}

static void mapping_print(const elastic *elastic, buffer *out)
{
    buffer_byte(out, '{');
    if (elastic->replicas >= 0)
        buffer_print(out, "\"settings\":{\"number_of_replicas\":%" PRId64 "},", elastic->replicas);
    buffer_text(out, "\"mappings\":{\"properties\":{\"@timestamp\":{\"type\":\"date\"}");
    schema_mapping(elastic, elastic->schema, out);
    buffer_text(out, "}}}");
}
