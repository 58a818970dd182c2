/*
 * clients/redis.c - connections to Redis on hiredis 0.14, which connects and parses; the rest is done here because
 *
 *  - its blocking calls write everything before they read: with large pipelines both socket buffers may fill, and neither
 *    side goes on. Here the socket does not block and poll() says what is possible, so that writing and reading interleave;
 *  - its reconnection forgets the timeout of commands. Here every connection is a new one, set up in one function;
 *  - its replies are a malloc per text. Here they are built in arenas, texts of a lookup right where they stay;
 *  - its writes may raise SIGPIPE.
 */
#include <base/buffer.h>
#include <base/clock.h>
#include <base/counted.h>
#include <base/faults.h>
#include <base/memory.h>
#include <base/traffic.h>
#include <clients/redis.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <sluice/text.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Commands that wait for their reply at most, and how many are left when more may follow: the server has work meanwhile. */
enum { WAITING_MAX = 1000, WAITING_GOAL = 500, UNSENT_MAX = 256 * 1024, ITEMS_MAX = 1 << 20 };

struct redis {
    redis_address address;
    char *where, *name;
    int64_t timeout_ms;
    redisContext *context; /* NULL: not connected */
    buffer out;            /* encoded commands, sent up to `sent` */
    size_t sent;
    size_t waiting, taken; /* replies */
    redis_taker taker;
    arena replies; /* the one that is being read */
};

static redisReplyObjectFunctions reply_functions;
static sl_result connection_open(redis *redis, failure *failure);
static sl_result connection_greet(redis *redis, failure *failure);
static void connection_drop(redis *redis);
static bool connection_is_stale(const redis *redis);
static sl_result command_ask(redis *redis, const sl_text *words, size_t count, redis_reply *reply,
                             failure *failure);
static void command_encode(buffer *out, const sl_text *words, size_t count);
static sl_result pump(redis *redis, size_t waiting_goal, failure *failure);

sl_result redis_open(const settings *settings, const char *name, redis **opened, failure *failure)
{
    redis_address address = { 0 };
    SL_TRY(redis_address_parse(settings_text(settings, "redis.url"), &address, failure));
    redis *made = memory_new(sizeof *made);
    buffer text = { 0 };
    made->address = address;
    made->timeout_ms = settings_ms(settings, "redis.timeout");
    buffer_print(&text, "sluice-%s", name);
    for (size_t i = 0; i < text.size; i++) /* the server refuses names with blanks */
        if (text.at[i] <= ' ' || text.at[i] > '~')
            text.at[i] = '_';
    buffer_byte(&text, '\0');
    made->name = memory_text(text.at);
    text.size = 0;
    address.path ? buffer_text(&text, address.path)
                 : buffer_print(&text, "%s:%d", address.host, address.port);
    buffer_byte(&text, '\0');
    made->where = text.at;
    *opened = made;
    return SL_OK;
}

void redis_close(redis *redis)
{
    if (redis == NULL)
        return;
    connection_drop(redis);
    redis_address_done(&redis->address);
    buffer_done(&redis->out);
    arena_done(&redis->replies);
    free(redis->where);
    free(redis->name);
    free(redis);
}

const char *redis_where(const redis *redis)
{
    return redis->where;
}

sl_result redis_begin(redis *redis, const redis_taker *taker, failure *failure)
{
    if (redis->context && connection_is_stale(redis))
        connection_drop(redis);
    if (redis->context == NULL)
        SL_TRY(connection_open(redis, failure));
    redis->taker = *taker;
    redis->taken = 0;
    return SL_OK;
}

sl_result redis_add(redis *redis, const sl_text *words, size_t count, failure *failure)
{
    if (redis->waiting >= WAITING_MAX || redis->out.size - redis->sent >= UNSENT_MAX)
        SL_TRY(pump(redis, WAITING_GOAL, failure));
    command_encode(&redis->out, words, count);
    redis->waiting++;
    return SL_OK;
}

sl_result redis_finish(redis *redis, failure *failure)
{
    return pump(redis, 0, failure);
}

sl_result redis_ask(redis *redis, const sl_text *words, size_t count, redis_reply *reply, failure *failure)
{
    SL_TRY(redis_begin(redis, &(redis_taker){ 0 }, failure));
    return command_ask(redis, words, count, reply, failure);
}

sl_result redis_ping(redis *redis, failure *failure)
{
    redis_reply reply;
    SL_TRY(redis_ask(redis, &(sl_text){ "PING", 4 }, 1, &reply, failure));
    return reply.type == REDIS_ERROR ? redis_refused(redis, "PING", reply.text, failure) : SL_OK;
}

bool redis_error_is(const redis_reply *reply, const char *prefix)
{
    size_t size = strlen(prefix);
    return reply->type == REDIS_ERROR && reply->text.size >= size &&
           memcmp(reply->text.at, prefix, size) == 0 &&
           (reply->text.size == size || reply->text.at[size] == ' ');
}

sl_result redis_refused(redis *redis, const char *what, sl_text error, failure *failure)
{
    static const struct {
        const char *prefix;
        sl_result result;
        const char *advice;
    } known[] = {
        { "LOADING", SL_RETRY, "it is loading its data" },
        { "BUSY", SL_RETRY, "a script keeps it busy" },
        { "MASTERDOWN", SL_RETRY, "its master is down" },
        { "CLUSTERDOWN", SL_RETRY, "its cluster is down" },
        { "TRYAGAIN", SL_RETRY, "its cluster is being moved" },
        { "NOREPLICAS", SL_RETRY, "it wants more replicas before it writes" },
        { "MISCONF", SL_RETRY, "it cannot save its data: see its log" },
        { "READONLY", SL_RETRY, "it is a replica: redis.url must lead to the master" },
        { "OOM", SL_RETRY, "it is full: raise its maxmemory or free some" },
        { "NOAUTH", SL_FAILED, "put user and password into redis.url" },
        { "WRONGPASS", SL_FAILED, "check user and password in redis.url" },
        { "NOPERM", SL_FAILED, "let its ACL allow the command and the keys to this user" },
        { "WRONGTYPE", SL_FAILED, "another program keeps something else under such a key" },
        { "MOVED", SL_FAILED, "it is a cluster, which is not supported" },
        { "ASK", SL_FAILED, "it is a cluster, which is not supported" },
    };
    redis_reply reply = { .type = REDIS_ERROR, .text = error };
    int size = error.size > 250 ? 250 : (int)error.size;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (!redis_error_is(&reply, known[i].prefix))
            continue;
        if (redis_error_is(&reply, "READONLY")) /* after a failover the same name may lead elsewhere */
            connection_drop(redis);
        return fail(failure, known[i].result, "%s: redis at %s answers \"%.*s\": %s", what, redis->where,
                    size, error.at, known[i].advice);
    }
    return fail(failure, SL_FAILED, "%s: redis at %s answers \"%.*s\"", what, redis->where, size, error.at);
}

/* ---- The connection ---------------------------------------------------------------------------------------------- */

static sl_result connection_open(redis *redis, failure *failure)
{
    struct timeval timeout = { .tv_sec = redis->timeout_ms / 1000,
                               .tv_usec = redis->timeout_ms % 1000 * 1000 };
    const redis_address *address = &redis->address;
    redisContext *context = address->path ? redisConnectUnixWithTimeout(address->path, timeout)
                                          : redisConnectWithTimeout(address->host, address->port, timeout);
    if (context == NULL || context->err) {
        fail(failure, SL_RETRY, "redis at %s: cannot connect: %s", redis->where,
             context ? context->errstr : "out of memory");
        if (context)
            redisFree(context);
        return SL_RETRY;
    }
    if (address->host)
        redisEnableKeepAlive(context);
    fcntl(context->fd, F_SETFL, fcntl(context->fd, F_GETFL) | O_NONBLOCK);
    context->flags &= ~REDIS_BLOCK;
    context->reader->maxbuf = 0; /* keep the read buffer between replies */
    context->reader->fn = &reply_functions;
    context->reader->privdata = redis;
    redis->context = context;
    sl_result result = connection_greet(redis, failure);
    if (result != SL_OK)
        connection_drop(redis);
    return result;
}

/* A server that does not know a command repeats its words: "ERR unknown command 'AUTH', with args beginning with: ..." */
static sl_text login_hide(sl_text error, sl_text password)
{
    const char *comma = memchr(error.at, ',', error.size);
    if (password.size == 0 || memmem(error.at, error.size, password.at, password.size) == NULL)
        return error;
    return comma ? (sl_text){ error.at, (size_t)(comma - error.at) } : SL_TEXT("ERR");
}

static sl_result connection_greet(redis *redis, failure *failure)
{
    const redis_address *address = &redis->address;
    redis_reply reply;
    redis->taker = (redis_taker){ 0 };
    if (address->password) {
        const char *user = address->user ? address->user : "";
        sl_text words[3] = { SL_TEXT("AUTH") };
        size_t count = 1;
        if (*user)
            words[count++] = (sl_text){ user, strlen(user) };
        words[count++] = (sl_text){ address->password, strlen(address->password) };
        SL_TRY(command_ask(redis, words, count, &reply, failure));
        if (reply.type == REDIS_ERROR)
            return redis_refused(redis, "logging in", login_hide(reply.text, words[count - 1]), failure);
    }
    if (address->database) {
        char number[16];
        int size = snprintf(number, sizeof number, "%d", address->database);
        sl_text words[] = { SL_TEXT("SELECT"), { number, (size_t)size } };
        SL_TRY(command_ask(redis, words, 2, &reply, failure));
        if (reply.type == REDIS_ERROR)
            return redis_refused(redis, "choosing the database of redis.url", reply.text, failure);
    }
    /* An old server or a strict ACL may refuse the name: it is only for people's eyes. */
    sl_text words[] = { SL_TEXT("CLIENT"), SL_TEXT("SETNAME"), { redis->name, strlen(redis->name) } };
    return command_ask(redis, words, 3, &reply, failure);
}

static void connection_drop(redis *redis)
{
    if (redis->context)
        redisFree(redis->context);
    redis->context = NULL;
    redis->out.size = redis->sent = redis->waiting = 0;
    arena_reset(&redis->replies);
}

/* A pipeline that was given up, or a server that closed the connection while nobody looked. */
static bool connection_is_stale(const redis *redis)
{
    struct pollfd poll_one = { .fd = redis->context->fd, .events = POLLIN };
    return redis->waiting > 0 || poll(&poll_one, 1, 0) != 0;
}

static sl_result connection_lost(redis *redis, const char *what, const char *reason, failure *failure)
{
    sl_result result = fail(failure, SL_RETRY, "redis at %s: %s with %s not answered: %s", redis->where, what,
                            counted((int64_t)redis->waiting, "command", "commands").at, reason);
    connection_drop(redis);
    return result;
}

/* ---- Commands and replies ---------------------------------------------------------------------------------------- */

static void length_encode(buffer *out, char mark, size_t number)
{
    char digits[24], *at = digits + sizeof digits;
    *--at = '\n';
    *--at = '\r';
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    *--at = mark;
    buffer_append(out, at, (size_t)(digits + sizeof digits - at));
}

static void command_encode(buffer *out, const sl_text *words, size_t count)
{
    length_encode(out, '*', count);
    for (size_t i = 0; i < count; i++) {
        length_encode(out, '$', words[i].size);
        buffer_append(out, words[i].at, words[i].size);
        buffer_append(out, "\r\n", 2);
    }
}

/* The taker of command_ask: there is none, and the reply stays in `replies` until the next one is read. */
static sl_result command_ask(redis *redis, const sl_text *words, size_t count, redis_reply *reply,
                             failure *failure)
{
    redis->taker = (redis_taker){ .argument = reply };
    SL_TRY(redis_add(redis, words, count, failure));
    return pump(redis, 0, failure);
}

static sl_result send_some(redis *redis, failure *failure)
{
    size_t size = redis->out.size - redis->sent;
    ssize_t sent = size ? send(redis->context->fd, redis->out.at + redis->sent, size, MSG_NOSIGNAL) : 0;
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return connection_lost(redis, "writing failed", strerror(errno), failure);
    redis->sent += sent > 0 ? (size_t)sent : 0;
    if (redis->sent == redis->out.size)
        redis->out.size = redis->sent = 0;
    return SL_OK;
}

static sl_result replies_take(redis *redis, failure *failure)
{
    redisReader *reader = redis->context->reader;
    while (redis->waiting > 0) {
        void *read = NULL;
        if (reader->ridx == -1) /* no reply is half read */
            arena_reset(&redis->replies);
        if (redisReaderGetReply(reader, &read) != REDIS_OK)
            return connection_lost(redis, "a reply cannot be read", reader->errstr, failure);
        if (read == NULL)
            return SL_OK;
        redis->waiting--;
        if (redis->taker.take == NULL)
            *(redis_reply *)redis->taker.argument = *(redis_reply *)read;
        else
            SL_TRY(redis->taker.take(redis->taker.argument, redis->taken, read, failure));
        redis->taken++;
    }
    return SL_OK;
}

/* Sends everything and takes replies until at most `goal` are waited for. Without any progress in time it gives up. */
static sl_result pump_to(redis *redis, size_t goal, failure *failure)
{
    fault_point("before_redis_send");
    SL_TRY(send_some(redis, failure));
    fault_point("after_redis_send");
    while (redis->waiting > goal || redis->out.size > redis->sent) {
        bool unsent = redis->out.size > redis->sent;
        struct pollfd ready = { .fd = redis->context->fd,
                                .events = (short)(POLLIN | (unsent ? POLLOUT : 0)) };
        int count = poll(&ready, 1, (int)redis->timeout_ms);
        if (count == 0)
            return connection_lost(redis, "no answer within redis.timeout", "is the server overloaded?",
                                   failure);
        if (count < 0 && errno != EINTR)
            return connection_lost(redis, "waiting failed", strerror(errno), failure);
        if (count < 0)
            continue;
        if (ready.revents & POLLOUT)
            SL_TRY(send_some(redis, failure));
        if (!(ready.revents & ~POLLOUT))
            continue;
        if (redisBufferRead(redis->context) != REDIS_OK)
            return connection_lost(redis, "reading failed", redis->context->errstr, failure);
        SL_TRY(replies_take(redis, failure));
    }
    fault_point("after_redis_answer");
    return SL_OK;
}

/* Counted as one exchange, however many commands it was. */
static sl_result pump(redis *redis, size_t goal, failure *failure)
{
    int64_t began_ns = clock_ns(&clock_system), bytes = (int64_t)(redis->out.size - redis->sent);
    sl_result result = pump_to(redis, goal, failure);
    int64_t took_ns = clock_ns(&clock_system) - began_ns;
    traffic amount = { .requests = 1,
                       .answers = result == SL_OK,
                       .bytes_out = bytes,
                       .latency_ns = result == SL_OK ? took_ns : 0,
                       .blocked_ns = took_ns };
    traffic_add(TRAFFIC_REDIS, &amount);
    return result;
}

/* A list's items lie in one array, made with the list; a reply on its own gets a place of its own. */
static redis_reply *reply_place(const redisReadTask *task)
{
    redis *redis = task->privdata;
    redis_reply *reply = task->parent ? &((redis_reply *)task->parent->obj)->items[task->idx]
                                      : arena_take(&redis->replies, sizeof *reply);
    *reply = (redis_reply){ 0 };
    return reply;
}

static void *reply_text(const redisReadTask *task, char *text, size_t size)
{
    redis *redis = task->privdata;
    bool error = task->type == REDIS_REPLY_ERROR;
    arena *place = redis->taker.texts && !error ? redis->taker.texts : &redis->replies;
    redis_reply *reply = reply_place(task);
    reply->type = error ? REDIS_ERROR : REDIS_TEXT;
    reply->text = (sl_text){ arena_copy(place, text, size), size };
    return reply;
}

static void *reply_list(const redisReadTask *task, int count)
{
    redis *redis = task->privdata;
    if (count < 0 || count > ITEMS_MAX)
        return NULL;
    redis_reply *reply = reply_place(task);
    reply->type = REDIS_LIST;
    reply->count = (size_t)count;
    reply->items = arena_take(&redis->replies, (reply->count + 1) * sizeof *reply);
    return reply;
}

static void *reply_number(const redisReadTask *task, long long number)
{
    redis_reply *reply = reply_place(task);
    reply->type = REDIS_NUMBER;
    reply->number = number;
    return reply;
}

static void *reply_nil(const redisReadTask *task)
{
    return reply_place(task);
}

static void reply_forget(void *reply)
{
    (void)reply; /* arenas are given back as a whole */
}

static redisReplyObjectFunctions reply_functions = { reply_text, reply_list, reply_number, reply_nil,
                                                     reply_forget };

const setting redis_settings[] = {
    { "redis.url", NULL, SETTING_TEXT, "redis://127.0.0.1:6379", NULL, NULL, "URL",
      "where Redis answers: redis://[user:password@]host[:port][/database] or unix:///path" },
    { "redis.format", NULL, SETTING_CHOICE, "own", "own", NULL, "FORMAT",
      "keys, members and hashes, as the job gives them; CSV goes to file, kafka and console" },
    { "redis.timeout", NULL, SETTING_DURATION, "5s", "1ms", "10min", "DURATION",
      "how long to wait for a connection and for an answer of Redis" },
    { 0 },
};
