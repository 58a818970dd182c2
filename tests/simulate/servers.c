/*
 * tests/simulate/servers.c - Redis and a search server, as far as `listens` speaks to them, and the network before them. The
 * linker puts these functions in place of those that would send something (clients/redis.h, clients/http.h); the sinks and the
 * lookup above are the real ones. What the Lua scripts do is done here in C, as their comments say it (sinks/redis.c).
 *
 * A request may be lost, or its answer after it was carried out; a server may be away for a while, or answer with an error or
 * with half of what it should; of a bulk request single items may be put off.
 */
#include <base/buffer.h>
#include <base/memory.h>
#include <clients/http.h>
#include <clients/redis.h>
#include <inttypes.h>
#include <simulate/world.h>
#include <sluice/text.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_ROOM = 64, TEXT_ROOM = 700, ENTRIES_MAX = 2000, FENCES_MAX = 8, WORDS_MAX = 4000, SHA_SIZE = 40 };

typedef struct entry { /* of a sorted set */
    char key[KEY_ROOM], member[KEY_ROOM], score[KEY_ROOM];
} entry;

typedef struct fence {
    char key[KEY_ROOM], job[KEY_ROOM];
    int64_t epoch, time_ms; /* 0: none yet */
} fence;

typedef struct stored { /* in an index */
    char index[KEY_ROOM], id[KEY_ROOM], text[TEXT_ROOM];
    int64_t version;
    bool deleted;
} stored;

struct simulated_servers {
    entry entries[ENTRIES_MAX];
    fence fences[FENCES_MAX];
    stored stored[ENTRIES_MAX];
    size_t entry_count, fence_count, stored_count;
    unsigned away; /* requests that nobody answers from now on */
};

void servers_begin(void)
{
    the_world->servers = world_take(sizeof *the_world->servers);
}

/* ---- The network ------------------------------------------------------------------------------------------------- */

typedef enum journey { ARRIVES, IS_LOST, ANSWER_IS_LOST, IS_REFUSED } journey;

static journey journey_draw(const char *what, const char *where, size_t size)
{
    simulated_servers *servers = the_world->servers;
    if (world_meanwhile)
        world_meanwhile();
    if (world_step(what, where, size)) {
        if (dice_below(&the_world->dice, 2))
            world_die();
        return ANSWER_IS_LOST; /* and the life with it: see journey_end() */
    }
    if (servers->away) {
        servers->away--;
        return IS_LOST;
    }
    if (!world_draws(the_world->trouble.network))
        return ARRIVES;
    size_t how = dice_below(&the_world->dice, 8);
    if (how == 0)
        servers->away = 1 + (unsigned)dice_below(&the_world->dice, 20);
    return how <= 2 ? IS_LOST : how <= 5 ? ANSWER_IS_LOST : IS_REFUSED;
}

/* The request was carried out. */
static void journey_end(void)
{
    if (the_world->dies_at && the_world->steps >= the_world->dies_at)
        world_die();
}

/* ---- Redis ------------------------------------------------------------------------------------------------------- */

static sl_result redis_lost(failure *failure)
{
    return fail(failure, SL_RETRY, "the simulated redis does not answer");
}

static void text_take(char room[KEY_ROOM], sl_text text)
{
    if (text.size >= KEY_ROOM)
        abort();
    memcpy(room, text.at, text.size);
    room[text.size] = '\0';
}

static int64_t number_of(sl_text text)
{
    char room[KEY_ROOM];
    text_take(room, text);
    return strtoll(room, NULL, 10);
}

static fence *fence_of(sl_text key, bool make)
{
    simulated_servers *servers = the_world->servers;
    char name[KEY_ROOM];
    text_take(name, key);
    for (size_t i = 0; i < servers->fence_count; i++)
        if (strcmp(servers->fences[i].key, name) == 0)
            return &servers->fences[i];
    if (!make)
        return NULL;
    fence *made = &servers->fences[servers->fence_count++];
    memcpy(made->key, name, KEY_ROOM);
    return made;
}

static void key_delete(const char *key)
{
    simulated_servers *servers = the_world->servers;
    size_t kept = 0;
    for (size_t i = 0; i < servers->entry_count; i++)
        if (strcmp(servers->entries[i].key, key) != 0)
            servers->entries[kept++] = servers->entries[i];
    servers->entry_count = kept;
}

static void member_add(const char *key, sl_text score, sl_text member)
{
    simulated_servers *servers = the_world->servers;
    char name[KEY_ROOM];
    size_t i = 0;
    text_take(name, member);
    while (i < servers->entry_count &&
           (strcmp(servers->entries[i].key, key) != 0 || strcmp(servers->entries[i].member, name) != 0))
        i++;
    if (i == ENTRIES_MAX)
        abort();
    servers->entry_count += i == servers->entry_count;
    snprintf(servers->entries[i].key, KEY_ROOM, "%s", key);
    memcpy(servers->entries[i].member, name, KEY_ROOM);
    text_take(servers->entries[i].score, score);
}

/* EVAL script_open 1 fence job take_over */
static redis_reply fence_open(const sl_text *words)
{
    fence *fence = fence_of(words[3], true);
    text_take(fence->job, words[4]);
    return (redis_reply){ .type = REDIS_NUMBER, .number = ++fence->epoch };
}

/* EVALSHA sha n fence key ... job epoch T ZADD whole, then for each key a number and as many arguments */
static redis_reply fenced_write(const sl_text *words)
{
    size_t keys = (size_t)number_of(words[2]) - 1;
    const sl_text *key = words + 4, *argument = key + keys, *at = argument + 5;
    fence *fence = fence_of(words[3], true);
    int64_t epoch = number_of(argument[1]), time_ms = number_of(argument[2]);
    if (fence->epoch > epoch)
        return (redis_reply){ .type = REDIS_ERROR, .text = SL_TEXT("FENCED by the simulation") };
    if (fence->time_ms > time_ms)
        return (redis_reply){ .type = REDIS_NUMBER };
    for (size_t i = 0; i < keys; i++) {
        char name[KEY_ROOM];
        size_t count = (size_t)number_of(*at++);
        text_take(name, key[i]);
        if (*argument[4].at == '1')
            key_delete(name);
        for (size_t k = 0; k + 1 < count; k += 2)
            member_add(name, at[k], at[k + 1]);
        at += count;
    }
    fence->epoch = epoch;
    fence->time_ms = time_ms;
    return (redis_reply){ .type = REDIS_NUMBER, .number = 1 };
}

/* HMGET key field ...: customers c0 to c7 are known, c6 without a gender; all else is not. */
static redis_reply customer_tell(const sl_text *words, size_t count)
{
    static redis_reply items[32];
    static char texts[32][16];
    int number = words[1].size == 2 ? words[1].at[1] - '0' : 9;
    for (size_t i = 2; i < count; i++) {
        bool gender = sl_text_equal(words[i], SL_TEXT("gender")),
             age = sl_text_equal(words[i], SL_TEXT("age"));
        bool there = number < 8 && !(gender && number == 6);
        int size = gender ? snprintf(texts[i], 16, "%d", number % 2)
                   : age  ? snprintf(texts[i], 16, "%d", 20 + number)
                          : snprintf(texts[i], 16, "of-c%d", number);
        items[i - 2] = (redis_reply){ .type = there ? REDIS_TEXT : REDIS_NIL };
        items[i - 2].text = (sl_text){ texts[i], there ? (size_t)size : 0 };
    }
    return (redis_reply){ .type = REDIS_LIST, .items = items, .count = count - 2 };
}

static redis_reply command_run(const sl_text *words, size_t count)
{
    static const char sha[SHA_SIZE + 1] = "0123456789012345678901234567890123456789";
    if (sl_text_equal(words[0], SL_TEXT("HMGET")))
        return customer_tell(words, count);
    if (sl_text_equal(words[0], SL_TEXT("PING")))
        return (redis_reply){ .type = REDIS_TEXT, .text = SL_TEXT("PONG") };
    if (sl_text_equal(words[0], SL_TEXT("EVALSHA")))
        return world_draws(the_world->trouble.network)
                   ? (redis_reply){ .type = REDIS_ERROR, .text = SL_TEXT("NOSCRIPT gone") }
                   : fenced_write(words);
    if (!sl_text_equal(words[0], SL_TEXT("EVAL")))
        abort();
    if (sl_text_equal(words[2], SL_TEXT("0")))
        return (redis_reply){ .type = REDIS_TEXT, .text = { sha, SHA_SIZE } };
    return memmem(words[1].at, words[1].size, "HINCRBY", 7) ? fence_open(words) : fenced_write(words);
}

sl_result __wrap_redis_begin(redis *redis, const redis_taker *taker, failure *failure);
sl_result __wrap_redis_add(redis *redis, const sl_text *words, size_t count, failure *failure);
sl_result __wrap_redis_finish(redis *redis, failure *failure);
sl_result __wrap_redis_ask(redis *redis, const sl_text *words, size_t count, redis_reply *reply,
                           failure *failure);
sl_result __wrap_redis_ping(redis *redis, failure *failure);

static sl_result words_send(const sl_text *words, size_t count, redis_reply *reply, failure *failure)
{
    journey journey = journey_draw("redis", count > 3 ? "EVAL" : "PING", count);
    if (journey == IS_LOST)
        return redis_lost(failure);
    if (journey == IS_REFUSED)
        *reply = (redis_reply){ .type = REDIS_ERROR, .text = SL_TEXT("LOADING Redis is loading") };
    else
        *reply = command_run(words, count);
    journey_end();
    return journey == ANSWER_IS_LOST ? redis_lost(failure) : SL_OK;
}

sl_result __wrap_redis_ask(redis *redis, const sl_text *words, size_t count, redis_reply *reply,
                           failure *failure)
{
    (void)redis;
    return words_send(words, count, reply, failure);
}

sl_result __wrap_redis_ping(redis *redis, failure *failure)
{
    redis_reply reply = { 0 };
    SL_TRY(words_send(&SL_TEXT("PING"), 1, &reply, failure));
    return reply.type == REDIS_ERROR ? redis_refused(redis, "PING", reply.text, failure) : SL_OK;
}

static redis_taker pipeline;
static size_t piped;
static bool pipeline_breaks;

sl_result __wrap_redis_begin(redis *redis, const redis_taker *taker, failure *failure)
{
    (void)redis;
    pipeline = *taker;
    piped = 0;
    journey journey = journey_draw("redis", "pipeline", 0);
    pipeline_breaks = journey != ARRIVES;
    return journey == IS_LOST ? redis_lost(failure) : SL_OK;
}

sl_result __wrap_redis_add(redis *redis, const sl_text *words, size_t count, failure *failure)
{
    (void)redis;
    redis_reply reply = command_run(words, count);
    if (pipeline_breaks && dice_below(&the_world->dice, 3) == 0)
        return redis_lost(failure);
    for (size_t i = 0; i < reply.count && pipeline.texts; i++)
        if (reply.items[i].type == REDIS_TEXT)
            reply.items[i].text.at =
                arena_copy(pipeline.texts, reply.items[i].text.at, reply.items[i].text.size);
    return pipeline.take(pipeline.argument, piped++, &reply, failure);
}

sl_result __wrap_redis_finish(redis *redis, failure *failure)
{
    (void)redis;
    journey_end();
    return pipeline_breaks ? redis_lost(failure) : SL_OK;
}

/* ---- The search server ------------------------------------------------------------------------------------------- */

struct http {
    buffer body;
    bool broke;
};

sl_result __wrap_http_new(const http_options *options, http **made, failure *failure);
void __wrap_http_free(http *http);
const char *__wrap_http_place(const http *http);
sl_result __wrap_http_send(http *http, const http_request *request, http_reply *reply, failure *failure);

sl_result __wrap_http_new(const http_options *options, http **made, failure *failure)
{
    (void)options, (void)failure;
    *made = memory_new(sizeof **made);
    return SL_OK;
}

void __wrap_http_free(http *http)
{
    if (http)
        buffer_done(&http->body);
    free(http);
}

const char *__wrap_http_place(const http *http)
{
    (void)http;
    return "http://simulated";
}

static stored *stored_of(const char *index, const char *id)
{
    simulated_servers *servers = the_world->servers;
    for (size_t i = 0; i < servers->stored_count; i++)
        if (strcmp(servers->stored[i].id, id) == 0 && strcmp(servers->stored[i].index, index) == 0)
            return &servers->stored[i];
    return NULL;
}

static void stored_put(const char *index, const char *id, int64_t version, const char *text, size_t size)
{
    simulated_servers *servers = the_world->servers;
    stored *stored = stored_of(index, id);
    if (servers->stored_count == ENTRIES_MAX || size >= TEXT_ROOM)
        abort();
    if (stored == NULL)
        stored = &servers->stored[servers->stored_count++];
    snprintf(stored->index, KEY_ROOM, "%s", index);
    snprintf(stored->id, KEY_ROOM, "%s", id);
    stored->version = version;
    stored->deleted = text == NULL;
    memcpy(stored->text, text ? text : "", size);
    stored->text[size] = '\0';
}

/* An action and, but for deletions, the document; *at moves behind. The status. */
static int item_run(const char *index, const char **at, const char *end, char action[16])
{
    char id[KEY_ROOM] = "";
    long long version = 0;
    const char *line = *at, *next = memchr(line, '\n', (size_t)(end - line));
    if (sscanf(line, "{\"%15[a-z]\":{\"_id\":\"%63[^\"]\",\"version\":%lld", action, id, &version) < 2)
        return 400;
    bool deletes = strcmp(action, "delete") == 0, creates = strcmp(action, "create") == 0;
    const char *text = next + 1, *text_end = deletes ? text : memchr(text, '\n', (size_t)(end - text));
    *at = deletes ? text : text_end + 1;
    const stored *there = stored_of(index, id);
    if (world_draws(the_world->trouble.network * 4))
        return dice_below(&the_world->dice, 2) ? 429 : 503;
    if (there && (creates ? !there->deleted : there->version >= version))
        return 409;
    int status = there && !there->deleted ? 200 : deletes ? 404 : 201;
    stored_put(index, id, creates ? 1 : version, deletes ? NULL : text, (size_t)(text_end - text));
    return status;
}

static void bulk_run(const char *index, sl_text body, buffer *answer)
{
    bool errors = false;
    buffer items = { 0 };
    for (const char *at = body.at, *end = body.at + body.size; at < end;) {
        char action[16] = "create";
        int status = item_run(index, &at, end, action);
        if (status == 400)
            abort();
        errors |= status >= 400 && status != 404;
        buffer_print(
            &items, "%s{\"%s\":{\"status\":%d%s}}", items.size ? "," : "", action, status,
            status == 409   ? ",\"error\":{\"type\":\"version_conflict_engine_exception\",\"reason\":\"r\"}"
            : status >= 429 ? ",\"error\":{\"type\":\"es_rejected_execution_exception\",\"reason\":\"r\"}"
                            : "");
    }
    buffer_print(answer, "{\"errors\":%s,\"items\":[", errors ? "true" : "false");
    buffer_append(answer, items.at, items.size);
    buffer_text(answer, "]}");
    buffer_done(&items);
}

static void request_run(const http_request *request, http_reply *reply, buffer *answer)
{
    char index[KEY_ROOM] = "";
    reply->status = 200;
    sscanf(request->path, "/%63[^/?]", index);
    if (strstr(request->path, "/_bulk"))
        bulk_run(index, request->body, answer);
    else if (strcmp(request->method, "HEAD") == 0)
        reply->status = stored_of(index, "-") ? 200 : 404;
    else if (strcmp(request->method, "PUT") == 0)
        stored_put(index, "-", 1, NULL, 0); /* deleted, yet known */
}

sl_result __wrap_http_send(http *http, const http_request *request, http_reply *reply, failure *failure)
{
    journey journey = journey_draw("http", request->path, request->body.size);
    *reply = (http_reply){ .maybe_repeated = http->broke };
    http->broke = journey != ARRIVES;
    http->body.size = 0;
    if (journey == IS_LOST)
        return fail(failure, SL_RETRY, "the simulated search server is not reached");
    if (journey == IS_REFUSED && dice_below(&the_world->dice, 2)) {
        reply->status = dice_below(&the_world->dice, 2) ? 429 : 503;
    } else {
        request_run(request, reply, &http->body);
        journey_end();
        if (journey == ANSWER_IS_LOST)
            return fail(failure, SL_RETRY, "the simulated search server broke the connection");
        if (journey == IS_REFUSED && http->body.size) /* half of the answer */
            http->body.size = dice_below(&the_world->dice, http->body.size);
    }
    reply->body = (sl_text){ http->body.at ? http->body.at : "", http->body.size };
    return SL_OK;
}

/* ---- For the judge ----------------------------------------------------------------------------------------------- */

static int line_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *servers_print(void)
{
    const simulated_servers *servers = the_world->servers;
    size_t count = 0, size = 1;
    char **lines = world_take((servers->entry_count + servers->stored_count + 1) * sizeof *lines);
    for (size_t i = 0; i < servers->entry_count; i++) {
        const entry *entry = &servers->entries[i];
        lines[count] = world_take(4 * KEY_ROOM);
        size += (size_t)snprintf(lines[count++], 4 * KEY_ROOM, "redis %s %s %s\n", entry->key, entry->member,
                                 entry->score);
    }
    for (size_t i = 0; i < servers->stored_count; i++) {
        const stored *stored = &servers->stored[i];
        if (stored->deleted)
            continue;
        lines[count] = world_take(TEXT_ROOM + 4 * KEY_ROOM);
        size += (size_t)snprintf(lines[count++], TEXT_ROOM + 4 * KEY_ROOM, "%s/%s version %" PRId64 " %s\n",
                                 stored->index, stored->id, stored->version, stored->text);
    }
    if (count)
        qsort(lines, count, sizeof *lines, line_order);
    char *all = world_take(size), *at = all;
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, lines[i]);
    return all;
}

const char *servers_document(const char *index, const char *id)
{
    const stored *stored = stored_of(index, id);
    return stored && !stored->deleted ? stored->text : NULL;
}

size_t servers_documents(const char *index)
{
    const simulated_servers *servers = the_world->servers;
    size_t count = 0;
    for (size_t i = 0; i < servers->stored_count; i++)
        count += !servers->stored[i].deleted && strcmp(servers->stored[i].index, index) == 0;
    return count;
}
