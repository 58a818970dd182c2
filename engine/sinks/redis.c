/*
 * sinks/redis.c - `redis:`: rows as sorted sets, sets or hashes (sl_output.redis). `redis:PREFIX` puts another prefix
 * before the keys than the job does.
 *
 * Fences. Keys with a prefix are written by a Lua script that looks at the hash `sluice:fence:<prefix>` first: its `job`
 * owns the keys, its `epoch` counts the incarnations of that job, `T` is the time of the last batch written. An older
 * incarnation is refused, an older batch writes nothing. The same batch may write again: values are whole, so a repeat
 * changes nothing. If the fence is gone (a failover lost it together with the keys), the next write makes it anew.
 * Keys without a prefix are not ours alone and are written plainly.
 *
 * Workers print entries (a key and what comes under it); commit sends them, in the order of the chunks, so that of two
 * rows with the same key the later one wins, whoever worked on them.
 */
#include <base/log.h>
#include <base/memory.h>
#include <clients/redis.h>
#include <inttypes.h>
#include <sinks/shared/entries.h>
#include <sinks/shared/ordered.h>
#include <sinks/sink.h>
#include <sluice/text.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEYS_PER_CALL = 500, BYTES_PER_CALL = 1024 * 1024, SHA_SIZE = 40 };

typedef struct redis_sink {
    redis *redis;
    const sl_output *output;
    entries entries;
    char *prefix, *job, *fence; /* fence NULL: written plainly */
    char epoch[24], sha[SHA_SIZE];
    ordered gathered;        /* entries: a number of words, then each word's size and bytes */
    buffer words, arguments; /* of sl_text: a call that is being put together */
    size_t keys, bytes;      /* in it */
    arena numbers;           /* their texts */
} redis_sink;

/* KEYS: the fence. ARGV: the job, "1" to take over. The owner's name when that is another job, else the new epoch. */
static const char script_open[] = "local owner = redis.call('HGET', KEYS[1], 'job')\n"
                                  "if owner and owner ~= ARGV[1] and ARGV[2] ~= '1' then return owner end\n"
                                  "redis.call('HSET', KEYS[1], 'job', ARGV[1])\n"
                                  "return redis.call('HINCRBY', KEYS[1], 'epoch', 1)\n";

/*
 * KEYS: the fence, keys. ARGV: job, epoch, T, command, "1" to write keys as a whole; then for each key a number and as many
 * arguments of the command. Lua calls with at most some thousands of arguments, so long lists are cut, between pairs.
 */
static const char script_write[] =
    "local fence = redis.call('HMGET', KEYS[1], 'job', 'epoch', 'T')\n"
    "local job, epoch, T = fence[1] or ARGV[1], fence[2] or '0', fence[3]\n"
    "if job ~= ARGV[1] or tonumber(epoch) > tonumber(ARGV[2]) then\n"
    "  return redis.error_reply('FENCED by epoch ' .. epoch .. ' of ' .. job)\n"
    "end\n"
    "if T and tonumber(T) > tonumber(ARGV[3]) then return 0 end\n"
    "local at = 6\n"
    "for i = 2, #KEYS do\n"
    "  local last = at + tonumber(ARGV[at])\n"
    "  if ARGV[5] == '1' then redis.call('DEL', KEYS[i]) end\n"
    "  for from = at + 1, last, 4000 do\n"
    "    redis.call(ARGV[4], KEYS[i], unpack(ARGV, from, math.min(from + 3999, last)))\n"
    "  end\n"
    "  at = last + 1\n"
    "end\n"
    "redis.call('HSET', KEYS[1], 'job', ARGV[1], 'epoch', ARGV[2], 'T', ARGV[3])\n"
    "return 1\n";

static const char *const shape_commands[] = { "", "ZADD", "SADD", "HSET" };

static sl_result spec_check(const sink_spec *spec, const char *prefix, failure *failure);
static sl_result fence_take(redis_sink *sink, bool take_over, failure *failure);
static sl_result script_prepare(redis_sink *sink, failure *failure);
static sl_result entries_send(redis_sink *sink, failure *failure);

static void redis_sink_close(void *self)
{
    redis_sink *sink = self;
    if (sink == NULL)
        return;
    redis_close(sink->redis);
    ordered_done(&sink->gathered);
    buffer_done(&sink->words);
    buffer_done(&sink->arguments);
    arena_done(&sink->numbers);
    free(sink->prefix);
    free(sink->fence);
    free(sink->job);
    free(sink);
}

static sl_result redis_sink_open(const sink_spec *spec, void **self, failure *failure)
{
    const char *named = spec->output->redis.prefix ? spec->output->redis.prefix : "";
    const char *prefix = *spec->target ? spec->target : named;
    SL_TRY(spec_check(spec, prefix, failure));
    redis_sink *made = memory_new(sizeof *made);
    made->output = spec->output;
    made->prefix = memory_text(prefix);
    made->entries = (entries){ .output = spec->output, .schema = spec->schema, .prefix = made->prefix };
    made->job = memory_text(spec->job);
    ordered_init(&made->gathered, spec->writers);
    sl_result result = redis_open(spec->settings, spec->job, &made->redis, failure);
    if (result == SL_OK && *prefix) {
        buffer fence = { 0 };
        size_t size = strlen(prefix);
        buffer_print(&fence, "sluice:fence:%.*s", (int)(size - (prefix[size - 1] == ':')), prefix);
        buffer_byte(&fence, '\0');
        made->fence = fence.at;
        result = fence_take(made, spec->take_over, failure);
    } else if (result == SL_OK) {
        result = redis_ping(made->redis, failure);
    }
    if (result == SL_OK)
        *self = made;
    else
        redis_sink_close(made);
    return result;
}

static sl_result redis_sink_begin(void *self, const sink_batch *batch, failure *failure)
{
    (void)failure;
    redis_sink *sink = self;
    snprintf(sink->entries.time, sizeof sink->entries.time, "%" PRId64, batch->time_ms);
    ordered_reset(&sink->gathered);
    return SL_OK;
}

static sl_result redis_sink_rows(void *self, unsigned writer, const sink_rows *rows, failure *failure)
{
    (void)failure;
    redis_sink *sink = self;
    buffer *out = ordered_begin(&sink->gathered, writer, rows->sequence);
    for (size_t i = 0; i < rows->count; i++)
        entries_row(&sink->entries, (const char *)rows->at + i * sink->entries.schema->row_bytes, out);
    return SL_OK;
}

static sl_result redis_sink_flush(void *self, unsigned writer, failure *failure)
{
    (void)self, (void)writer, (void)failure;
    return SL_OK;
}

static sl_result redis_sink_replace(void *self, const sink_group *groups, size_t count, failure *failure)
{
    (void)failure;
    redis_sink *sink = self;
    buffer *out = ordered_begin(&sink->gathered, 0, 0);
    for (size_t i = 0; i < count; i++)
        if (groups[i].changed)
            entries_group(&sink->entries, &groups[i], out);
    return SL_OK;
}

static sl_result redis_sink_commit(void *self, failure *failure)
{
    redis_sink *sink = self;
    sl_result result = entries_send(sink, failure);
    ordered_shrink(&sink->gathered);
    return result;
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

static sl_result spec_check(const sink_spec *spec, const char *prefix, failure *failure)
{
    const sl_output *output = spec->output;
    const sl_redis_shape *redis = &output->redis;
    if (redis->shape == SL_NO_SHAPE)
        return fail(failure, SL_USAGE, "output '%s' cannot go to redis: the job names no shape for it",
                    output->name);
    if (strncmp(spec->target, "//", 2) == 0)
        return fail(failure, SL_USAGE,
                    "output '%s': \"redis:\" is followed by a prefix of keys; the server is redis.url",
                    output->name);
    if (redis->shape != SL_HASH && redis->member.count == 0)
        return fail(failure, SL_USAGE, "output '%s': a set in redis needs a member", output->name);
    if (*prefix == '\0' && redis->key.count == 0)
        return fail(failure, SL_USAGE, "output '%s': redis needs a prefix or a key", output->name);
    if (*prefix == '\0' && output->whole.count)
        return fail(failure, SL_USAGE, "output '%s' replaces whole keys in redis: it needs a prefix",
                    output->name);
    return SL_OK;
}

static sl_text text_of(const char *text)
{
    return (sl_text){ text, strlen(text) };
}

static sl_result fence_take(redis_sink *sink, bool take_over, failure *failure)
{
    redis_reply reply;
    sl_text words[] = { SL_TEXT("EVAL"),      text_of(script_open), SL_TEXT("1"),
                        text_of(sink->fence), text_of(sink->job),   text_of(take_over ? "1" : "0") };
    SL_TRY(redis_ask(sink->redis, words, sizeof words / sizeof words[0], &reply, failure));
    if (reply.type == REDIS_ERROR)
        return redis_refused(sink->redis, sink->fence, reply.text, failure);
    if (reply.type == REDIS_TEXT)
        return fail(
            failure, SL_USAGE,
            "output '%s': the keys %s... in redis at %s belong to job '%.*s' (%s): write to another prefix, or "
            "give --take-over",
            sink->output->name, sink->prefix, redis_where(sink->redis), (int)reply.text.size, reply.text.at,
            sink->fence);
    snprintf(sink->epoch, sizeof sink->epoch, "%" PRId64, reply.number);
    return script_prepare(sink, failure);
}

/* Asks the server for the script's name, so that one of its users may do with the rights to EVAL and EVALSHA. */
static sl_result script_prepare(redis_sink *sink, failure *failure)
{
    redis_reply reply;
    sl_text words[] = { SL_TEXT("EVAL"), SL_TEXT("return redis.sha1hex(ARGV[1])"), SL_TEXT("0"),
                        text_of(script_write) };
    SL_TRY(redis_ask(sink->redis, words, 4, &reply, failure));
    if (reply.type == REDIS_ERROR)
        return redis_refused(sink->redis, sink->fence, reply.text, failure);
    if (reply.type != REDIS_TEXT || reply.text.size != SHA_SIZE)
        return fail(failure, SL_FAILED, "redis at %s answers no SHA-1 of a script", redis_where(sink->redis));
    memcpy(sink->sha, reply.text.at, SHA_SIZE);
    return SL_OK;
}

/* ---- Sending. Runs on: driver. ----------------------------------------------------------------------------------- */

static void word_push(buffer *words, sl_text word)
{
    buffer_append(words, &word, sizeof word);
}

static sl_text number_text(redis_sink *sink, size_t number)
{
    char *text = arena_take(&sink->numbers, 24);
    return (sl_text){ text, (size_t)snprintf(text, 24, "%zu", number) };
}

static sl_result call_refused(redis_sink *sink, const redis_reply *reply, failure *failure)
{
    if (redis_error_is(reply, "FENCED"))
        return fail(
            failure, SL_FAILED,
            "output '%s': another incarnation of this job, or another job, took over %s in redis at %s; this one "
            "is epoch %s of '%s' (%.*s)",
            sink->output->name, sink->fence, redis_where(sink->redis), sink->epoch, sink->job,
            (int)reply->text.size, reply->text.at);
    char what[200];
    snprintf(what, sizeof what, "output '%s'", sink->output->name);
    return redis_refused(sink->redis, what, reply->text, failure);
}

/* A call is a repeat without harm, so a connection that broke under it is made anew once. */
static sl_result call_ask(redis_sink *sink, redis_reply *reply, failure *failure)
{
    const sl_text *words = (const void *)sink->words.at;
    size_t count = sink->words.size / sizeof *words;
    struct failure first = { 0 };
    if (redis_ask(sink->redis, words, count, reply, &first) == SL_OK)
        return SL_OK;
    return redis_ask(sink->redis, words, count, reply, failure);
}

/* words: EVALSHA, the script, the number of keys, the fence, the keys; then come the arguments. */
static sl_result call_send(redis_sink *sink, failure *failure)
{
    redis_reply reply;
    if (sink->keys == 0)
        return SL_OK;
    sl_text *number = (void *)(sink->words.at + 2 * sizeof(sl_text));
    *number = number_text(sink, sink->keys + 1);
    buffer_append(&sink->words, sink->arguments.at, sink->arguments.size);
    SL_TRY(call_ask(sink, &reply, failure));
    if (redis_error_is(&reply, "NOSCRIPT")) {
        sl_text *words = (void *)sink->words.at;
        words[0] = SL_TEXT("EVAL");
        words[1] = text_of(script_write);
        SL_TRY(call_ask(sink, &reply, failure));
    }
    if (reply.type == REDIS_ERROR)
        return call_refused(sink, &reply, failure);
    if (reply.number == 0)
        log_warn("redis", "output '%s': batch %s is older than what %s has seen: not written",
                 sink->output->name, sink->entries.time, sink->fence);
    return SL_OK;
}

static void call_begin(redis_sink *sink)
{
    sink->words.size = sink->arguments.size = sink->keys = sink->bytes = 0;
    arena_reset(&sink->numbers);
    word_push(&sink->words, SL_TEXT("EVALSHA"));
    word_push(&sink->words, (sl_text){ sink->sha, SHA_SIZE });
    word_push(&sink->words, SL_TEXT("0")); /* the number of keys, known later */
    word_push(&sink->words, text_of(sink->fence));
    word_push(&sink->arguments, text_of(sink->job));
    word_push(&sink->arguments, text_of(sink->epoch));
    word_push(&sink->arguments, text_of(sink->entries.time));
    word_push(&sink->arguments, text_of(shape_commands[sink->output->redis.shape]));
    word_push(&sink->arguments, text_of(sink->output->whole.count ? "1" : "0"));
}

static sl_result fenced_add(redis_sink *sink, const char **at, failure *failure)
{
    const char *start = *at;
    uint32_t words = entries_count(at);
    word_push(&sink->words, entries_word(at));
    word_push(&sink->arguments, number_text(sink, words - 1));
    for (uint32_t i = 1; i < words; i++)
        word_push(&sink->arguments, entries_word(at));
    sink->keys++;
    sink->bytes += (size_t)(*at - start);
    if (sink->keys < KEYS_PER_CALL && sink->bytes < BYTES_PER_CALL)
        return SL_OK;
    SL_TRY(call_send(sink, failure));
    call_begin(sink);
    return SL_OK;
}

static sl_result plain_add(redis_sink *sink, const char **at, failure *failure)
{
    uint32_t words = entries_count(at);
    sink->words.size = 0;
    word_push(&sink->words, text_of(shape_commands[sink->output->redis.shape]));
    for (uint32_t i = 0; i < words; i++)
        word_push(&sink->words, entries_word(at));
    return redis_add(sink->redis, (const void *)sink->words.at, words + 1, failure);
}

static sl_result plain_take(void *argument, size_t command, const redis_reply *reply, failure *failure)
{
    (void)command;
    return reply->type == REDIS_ERROR ? call_refused(argument, reply, failure) : SL_OK;
}

static sl_result entries_send(redis_sink *sink, failure *failure)
{
    size_t count;
    const ordered_piece *pieces = ordered_pieces(&sink->gathered, &count);
    if (count == 0)
        return SL_OK;
    if (sink->fence)
        call_begin(sink);
    else
        SL_TRY(redis_begin(sink->redis, &(redis_taker){ .take = plain_take, .argument = sink }, failure));
    for (size_t i = 0; i < count; i++) {
        sl_text bytes = ordered_bytes(&sink->gathered, &pieces[i]);
        for (const char *at = bytes.at; at < bytes.at + bytes.size;)
            SL_TRY(sink->fence ? fenced_add(sink, &at, failure) : plain_add(sink, &at, failure));
    }
    return sink->fence ? call_send(sink, failure) : redis_finish(sink->redis, failure);
}

const sink_kind sink_redis = {
    .name = "redis",
    .about = "sorted sets, sets or hashes; redis:PREFIX puts another prefix before the keys",
    .settings = redis_settings,
    .open = redis_sink_open,
    .close = redis_sink_close,
    .begin = redis_sink_begin,
    .rows = redis_sink_rows,
    .flush = redis_sink_flush,
    .replace = redis_sink_replace,
    .commit = redis_sink_commit,
};
