/*
 * clients/redis.h - a connection to Redis (hiredis): settings, log-in, and pipelines of commands. A connection belongs to
 * one thread at a time. It is made when it is first needed and again after it broke; log-in, database and name are sent
 * each time.
 *
 *     SL_TRY(redis_begin(redis, &(redis_taker){ take, self, memory }, failure));
 *     for (...)
 *         SL_TRY(redis_add(redis, words, count, failure)); // may send, and take replies of commands before
 *     SL_TRY(redis_finish(redis, failure));                // takes the rest
 *
 * SL_RETRY: the connection broke or the server cannot answer now; which of the commands were executed is unknown. The next
 * redis_begin or redis_ask connects anew. Words are bytes with a length: nothing in them is ever read as a command.
 */
#ifndef CLIENTS_REDIS_H
#define CLIENTS_REDIS_H

#include <base/arena.h>
#include <base/settings.h>

typedef struct redis redis;

/* redis.url, redis.timeout: the rows of every kind that speaks to Redis. */
extern const setting redis_settings[];

/* redis://[user:password@]host[:port][/database] or unix:///path; user and password may be percent-encoded. */
typedef struct redis_address {
    char *host, *path; /* one of them */
    char *user, *password;
    int port, database;
} redis_address;

sl_result redis_address_parse(const char *url, redis_address *address, failure *failure);
void redis_address_done(redis_address *address);

typedef enum redis_type { REDIS_NIL, REDIS_TEXT, REDIS_NUMBER, REDIS_ERROR, REDIS_LIST } redis_type;

typedef struct redis_reply {
    redis_type type;
    sl_text text; /* of a text, a status or an error */
    int64_t number;
    struct redis_reply *items; /* of a list */
    size_t count;
} redis_reply;

/* Is handed each reply, in the order of the commands; the reply is gone when it returns. */
typedef struct redis_taker {
    sl_result (*take)(void *argument, size_t command, const redis_reply *reply, failure *failure);
    void *argument;
    arena *texts; /* bytes of texts are put here and stay; NULL: they are gone with the reply */
} redis_taker;

/* Does not connect yet. `name` is shown by CLIENT LIST: "sluice-<name>". */
sl_result redis_open(const settings *settings, const char *name, redis **redis, failure *failure);
void redis_close(redis *redis);              /* NULL is fine */
const char *redis_where(const redis *redis); /* "127.0.0.1:6379", for messages */

sl_result redis_begin(redis *redis, const redis_taker *taker, failure *failure);
sl_result redis_add(redis *redis, const sl_text *words, size_t count, failure *failure);
sl_result redis_finish(redis *redis, failure *failure);

/* One command and its reply, which lives until the next call; an error reply is SL_OK and its type. */
sl_result redis_ask(redis *redis, const sl_text *words, size_t count, redis_reply *reply, failure *failure);

/* Is there a server that would answer now? */
sl_result redis_ping(redis *redis, failure *failure);

/* What an error reply means, by its first word: SL_RETRY for what passes by itself, else SL_FAILED with advice. */
sl_result redis_refused(redis *redis, const char *what, sl_text error, failure *failure);
bool redis_error_is(const redis_reply *reply, const char *prefix);

#endif
