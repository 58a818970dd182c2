/*
 * doctor.c - one question to each server that the places of a job name, with the job's own settings.
 */
#include <base/counted.h>
#include <clients/elastic.h>
#include <clients/http.h>
#include <clients/kafka.h>
#include <clients/redis.h>
#include <doctor.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

typedef struct look { /* at one place */
    const engine *engine;
    const char *name, *kind, *target;
    bool is_read; /* what is read has to be there; a topic that is written may be made */
    FILE *out;
} look;

typedef sl_result look_kind(const look *look, buffer *found, failure *failure);

typedef struct visited { /* servers that were asked already: one question each is enough */
    bool redis, elastic;
} visited;

static sl_result kafka_look(const look *look, buffer *found, failure *failure);
static sl_result redis_look(const look *look, buffer *found, failure *failure);
static sl_result elastic_look(const look *look, buffer *found, failure *failure);
static sl_result file_look(const look *look, buffer *found, failure *failure);

static sl_result look_run(const look *look, look_kind *at)
{
    buffer found = { 0 };
    failure failure = { 0 };
    sl_result result = at(look, &found, &failure);
    buffer_byte(&found, '\0');
    fprintf(look->out, "%-5s %s (%s): %s\n", result == SL_OK ? "ok" : "BAD", look->name, look->kind,
            result == SL_OK ? found.at : failure.text);
    buffer_done(&found);
    return result == SL_OK ? SL_OK : SL_UNREACHABLE;
}

static sl_result place_look(const look *look, visited *visited)
{
    if (strcmp(look->kind, "kafka") == 0)
        return look_run(look, kafka_look);
    if (strcmp(look->kind, "redis") == 0 && !visited->redis) {
        visited->redis = true;
        return look_run(look, redis_look);
    }
    if (strcmp(look->kind, "elastic") == 0 && !visited->elastic) {
        visited->elastic = true;
        return look_run(look, elastic_look);
    }
    if (strcmp(look->kind, "file") == 0 && look->is_read)
        return look_run(look, file_look);
    return SL_OK;
}

static sl_result outputs_look(const engine *self, const char *name, const output_places *places, FILE *out,
                              visited *visited)
{
    sl_result worst = SL_OK;
    for (size_t p = 0; p < places->count; p++) {
        look look = { self, name, places->at[p].kind->name, places->at[p].target, false, out };
        sl_result result = place_look(&look, visited);
        worst = result == SL_OK ? worst : result;
    }
    return worst;
}

sl_result doctor_look(const engine *self, FILE *out)
{
    const places *places = &self->places;
    visited visited = { 0 };
    sl_result worst = SL_OK, result = SL_OK;
    for (uint32_t i = 0; i < self->plan.count; i++) {
        const plan_node *node = &self->plan.nodes[i];
        look look = { self, node->name, "", "", true, out };
        if (node->kind == PLAN_SOURCE) {
            look.kind = places->inputs[i].kind->name;
            look.target = *places->inputs[i].target ? places->inputs[i].target : node->as.from.from;
            result = place_look(&look, &visited);
        } else if (node->kind == PLAN_LOOK_UP) {
            look.kind = places->lookups[i].kind->name;
            look.target = places->lookups[i].target;
            result = place_look(&look, &visited);
        } else if (node->kind == PLAN_OUTPUT) {
            result = outputs_look(self, node->name, &places->outputs[i], out, &visited);
        } else {
            continue;
        }
        worst = result == SL_OK ? worst : result;
    }
    result = outputs_look(self, "dead_letters", &places->dead_letters, out, &visited);
    return result == SL_OK ? worst : result;
}

/* ---- Servers ----------------------------------------------------------------------------------------------------- */

/* A list or a pattern of topics is asked for as a whole when the job starts; here that a broker answers is what counts. */
static bool is_one_topic(const char *target)
{
    return *target != '\0' && *target != '^' && strpbrk(target, ",*?/ ") == NULL;
}

static sl_result kafka_look(const look *look, buffer *found, failure *failure)
{
    const settings *settings = look->engine->spec.settings;
    kafka_client_spec spec = { .role = KAFKA_PLANNER, .settings = settings, .job = look->engine->spec.name };
    const char *topic = strncmp(look->target, "kafka:", 6) == 0 ? look->target + 6 : look->target;
    rd_kafka_t *client = NULL;
    int32_t count = 0;
    SL_TRY(kafka_client_open(&spec, &client, failure));
    bool answers = kafka_answers(client, PATIENCE_MS);
    sl_result result = SL_OK;
    if (!answers)
        result =
            fail(failure, SL_UNREACHABLE,
                 "no broker answers at %s within 5 s; is it running, and is kafka.bootstrap.servers right?",
                 kafka_servers(settings));
    else if (is_one_topic(topic) && look->is_read)
        result = kafka_topic_count(client, topic, PATIENCE_MS, &count, failure);
    kafka_client_close(client, PATIENCE_MS);
    if (result != SL_OK)
        return result;
    buffer_print(found, "%s answers", kafka_servers(settings));
    if (count)
        buffer_print(found, "; topic %s has %s", topic, counted(count, "partition", "partitions").at);
    return SL_OK;
}

static sl_result redis_look(const look *look, buffer *found, failure *failure)
{
    redis *redis = NULL;
    SL_TRY(redis_open(look->engine->spec.settings, look->engine->spec.name, &redis, failure));
    sl_result result = redis_ping(redis, failure);
    if (result == SL_OK)
        buffer_print(found, "%s answers", redis_where(redis));
    redis_close(redis);
    return result;
}

static sl_result elastic_look(const look *look, buffer *found, failure *failure)
{
    http_options options = elastic_server(look->engine->spec.settings);
    options.total_ms = PATIENCE_MS;
    http_request request = { .method = "GET", .path = "/" };
    http_reply reply = { 0 };
    http *server = NULL;
    SL_TRY(http_new(&options, &server, failure));
    sl_result result = http_send(server, &request, &reply, failure);
    if (result == SL_OK && (reply.status == 401 || reply.status == 403))
        result = fail(
            failure, SL_FAILED,
            "%s does not let us in (status %d): check elastic.user and elastic.password or elastic.api_key",
            http_place(server), reply.status);
    else if (result == SL_OK && reply.status != 200)
        result = fail(failure, SL_UNREACHABLE, "%s answers with status %d: is elastic.url right?",
                      http_place(server), reply.status);
    else if (result == SL_OK)
        buffer_print(found, "%s answers", http_place(server));
    http_free(server);
    return result;
}

static sl_result file_look(const look *look, buffer *found, failure *failure)
{
    const char *path = strncmp(look->target, "file:", 5) == 0 ? look->target + 5 : look->target;
    if (strpbrk(path, "*?[") == NULL && access(path, R_OK) != 0)
        return fail(failure, SL_UNREACHABLE,
                    "%s cannot be read: is the path right, and may this user read it?", path);
    buffer_print(found, "%s%s", path,
                 strpbrk(path, "*?[") ? " is a pattern: what matches is read" : " can be read");
    return SL_OK;
}
