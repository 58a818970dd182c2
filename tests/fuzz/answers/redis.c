/*
 * tests/fuzz/answers/redis.c - any bytes as Redis' answers, for libFuzzer. The first byte says how many are waited for, the second
 * in what portions they arrive, and whether texts are to stay. Every answer handed over is read to its end.
 */
#include "../../../engine/clients/redis.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t taken, sum;

static void reply_look(const redis_reply *reply, unsigned depth)
{
    sl_expect(depth < 10 && reply->type <= REDIS_LIST);
    for (size_t i = 0; i < reply->text.size; i++)
        sum += (unsigned char)reply->text.at[i];
    sl_expect(reply->count == 0 || reply->type == REDIS_LIST);
    for (size_t i = 0; i < reply->count; i++)
        reply_look(&reply->items[i], depth + 1);
}

static sl_result reply_judge(void *argument, size_t command, const redis_reply *reply, failure *failure)
{
    sl_expect(command == taken++);
    reply_look(reply, 0);
    return reply->type == REDIS_ERROR ? redis_refused(argument, "fuzz", reply->text, failure) : SL_OK;
}

static redis *redis_make(void)
{
    redis *made = memory_new(sizeof *made);
    made->where = memory_text("fuzz");
    made->name = memory_text("fuzz");
    made->context = redisConnectFd(-1);
    made->context->reader->maxbuf = 0;
    made->context->reader->fn = &reply_functions;
    made->context->reader->privdata = made;
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    failure failure = { 0 };
    arena texts = { 0 };
    if (size < 2)
        return 0;
    redis *redis = redis_make();
    size_t portion = 1 + data[1] / 2;
    redis->waiting = 1 + data[0] % 8;
    redis->taker = (redis_taker){ reply_judge, redis, data[1] & 1 ? &texts : NULL };
    taken = 0;
    for (size_t at = 2; at < size && failure.result == SL_OK && redis->context; at += portion) {
        size_t left = size - at;
        redisReaderFeed(redis->context->reader, (const char *)data + at, left < portion ? left : portion);
        sl_result result = replies_take(redis, &failure);
        sl_expect(result == failure.result && (result == SL_OK || failure.text[0]));
    }
    if (redis->context)
        redisFree(redis->context);
    redis->context = NULL;
    redis_close(redis);
    arena_done(&texts);
    return 0;
}
