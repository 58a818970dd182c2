/*
 * bench/limits/redis.c - how many customers Redis gives: one HMGET of ten fields after another, and in pipelines of different
 * depth, with plain hiredis; then as the engine's lookup asks.
 *
 *     redis [redis://127.0.0.1:port]       without one, a server of its own is started
 */
#include "../../tests/servers/redis.c"
#include "../../tests/servers/process.c"
#include "../shared/measure.h"
#include <clients/redis.h>
#include <lookups/lookup.h>

enum { CUSTOMERS = 5000, FIELDS = 10, ROUNDS = 3, DEPTH_MOST = 10000 };

static const char *const words_of_hmget[FIELDS + 2] = { "HMGET",  "",      "name",     "age",
                                                        "gender", "zip",   "Address",  "SignDate",
                                                        "Status", "Level", "Campaign", "LinkedWithApps" };

static redisContext *connect_to(const char *url)
{
    char host[64];
    int port;
    if (sscanf(url, "redis://%63[^:]:%d", host, &port) != 2)
        give_up("the address is redis://HOST:PORT");
    redisContext *made = redisConnect(host, port);
    if (made == NULL || made->err)
        give_up(made ? made->errstr : "no connection");
    made->reader->maxbuf = 0;
    return made;
}

static void answers_take(redisContext *redis, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *reply = NULL;
        if (redisGetReply(redis, &reply) != REDIS_OK)
            give_up(redis->errstr);
        freeReplyObject(reply);
    }
}

static void customers_put(redisContext *redis)
{
    for (unsigned i = 0; i < CUSTOMERS; i++)
        redisAppendCommand(
            redis,
            "HSET %u name Customer%%20Number%u age %u gender %u zip %05u Address %uEasyGateBend "
            "SignDate 01/13/2013 Status 1 Level %u Campaign 4 LinkedWithApps 1",
            i, i, 10 + i % 60, i & 1, i * 13 % 100000, 10000 + i, i % 3);
    answers_take(redis, CUSTOMERS);
}

static void ask(redisContext *redis, uint64_t *state)
{
    char key[16];
    const char *words[FIELDS + 2];
    size_t sizes[FIELDS + 2];
    memcpy(words, words_of_hmget, sizeof words);
    snprintf(key, sizeof key, "%u", (unsigned)(random_next(state) % CUSTOMERS));
    words[1] = key;
    for (int i = 0; i < FIELDS + 2; i++)
        sizes[i] = strlen(words[i]);
    redisAppendCommandArgv(redis, FIELDS + 2, words, sizes);
}

static void figures_print(const char *what, size_t depth, const double *rates, double cpu_us)
{
    printf("%-28s %6zu at once  %9.0f a second (%.0f to %.0f)  %6.2f us of client CPU each\n", what, depth,
           rates[ROUNDS / 2], rates[0], rates[ROUNDS - 1], cpu_us);
}

static void depth_measure(redisContext *redis, size_t depth)
{
    size_t count = depth == 1 ? 5000 : depth == 10 ? 30000 : 100000;
    double rates[ROUNDS], cpus[ROUNDS];
    uint64_t state = 1;
    for (int round = 0; round < ROUNDS; round++) {
        double begin = wall_s(), cpu = thread_s();
        for (size_t done = 0; done < count; done += depth) {
            for (size_t i = 0; i < depth; i++)
                ask(redis, &state);
            answers_take(redis, depth);
        }
        rates[round] = (double)count / (wall_s() - begin);
        cpus[round] = (thread_s() - cpu) * 1e6 / (double)count;
    }
    sort_values(rates, ROUNDS);
    figures_print("hiredis, HMGET of 10 fields", depth, rates, median(cpus, ROUNDS));
}

/* ---- As the engine asks ---- */

static void lookup_measure(const char *url, size_t depth)
{
    extern const lookup_kind lookup_redis;
    const char *names[FIELDS];
    settings *settings = settings_new();
    failure failure = { 0 };
    char key_texts[4096][8];
    sl_text keys[4096];
    void *lookup;
    settings_add(settings, "Redis", redis_settings);
    memcpy(names, words_of_hmget + 2, sizeof names);
    lookup_spec spec = { .name = "customers",
                         .target = "",
                         .prefix = "",
                         .names = names,
                         .name_count = FIELDS,
                         .settings = settings,
                         .job = "bench" };
    if (settings_set(settings, "redis.url", url, "bench", &failure) != SL_OK ||
        lookup_redis.open(&spec, &lookup, &failure) != SL_OK)
        give_up(failure.text);
    sl_text *answers = calloc(depth * FIELDS, sizeof *answers);
    double rates[ROUNDS], cpus[ROUNDS];
    uint64_t state = 1;
    for (int round = 0; round < ROUNDS; round++) {
        arena memory = { 0 };
        double wall = 0, cpu = 0;
        size_t count = 0;
        for (; count < 100000; count += depth) {
            for (size_t i = 0; i < depth; i++)
                keys[i] =
                    (sl_text){ key_texts[i], (size_t)snprintf(key_texts[i], sizeof key_texts[i], "%u",
                                                              (unsigned)(random_next(&state) % CUSTOMERS)) };
            double begin = wall_s(), cpu_begin = thread_s();
            if (lookup_redis.ask(lookup, &(lookup_question){ keys, depth, answers, &memory }, &failure) !=
                SL_OK)
                give_up(failure.text);
            wall += wall_s() - begin;
            cpu += thread_s() - cpu_begin;
            arena_reset(&memory);
        }
        rates[round] = (double)count / wall;
        cpus[round] = cpu * 1e6 / (double)count;
        arena_done(&memory);
    }
    sort_values(rates, ROUNDS);
    figures_print("the engine's lookup, the same", depth, rates, median(cpus, ROUNDS));
    lookup_redis.close(lookup);
    settings_free(settings);
    free(answers);
}

int main(int argc, char **argv)
{
    redis_server *server = argc > 1 ? NULL : redis_server_start(NULL);
    const char *url = argc > 1 ? argv[1] : server ? redis_server_url(server) : NULL;
    if (url == NULL) {
        printf("redis: there is no redis-server here\n");
        return 0;
    }
    redisContext *redis = connect_to(url);
    customers_put(redis);
    for (size_t depth = 1; depth <= DEPTH_MOST; depth *= 10)
        depth_measure(redis, depth);
    lookup_measure(url, 1000);
    redisFree(redis);
    redis_server_stop(server);
    return 0;
}
