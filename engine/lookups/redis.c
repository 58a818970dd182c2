/*
 * lookups/redis.c - `redis:`: a hash per key, asked for by HMGET of the fields that the job's record lists, or a string per
 * key, asked for by GET; all in one pipeline. Answers are read straight into the memory of the caller. A key without any of the
 * fields, or one of another type, is unknown. `redis:PREFIX` puts another prefix before the keys than the job does.
 */
#include <base/buffer.h>
#include <base/counted.h>
#include <base/memory.h>
#include <clients/redis.h>
#include <lookups/lookup.h>
#include <sluice/text.h>
#include <stdlib.h>

typedef struct redis_lookup {
    redis *redis;
    char *name, **fields;
    size_t field_count, prefix_size;
    bool plain;
    buffer key;     /* begins with the prefix */
    sl_text *words; /* HMGET, the key, the fields; GET, the key */
    size_t word_count;
    sl_text *answers; /* of the running ask() */
} redis_lookup;

static sl_result answer_take(void *argument, size_t command, const redis_reply *reply, failure *failure);

static void redis_lookup_close(void *self)
{
    redis_lookup *lookup = self;
    if (lookup == NULL)
        return;
    redis_close(lookup->redis);
    for (size_t i = 0; i < lookup->field_count; i++)
        free(lookup->fields[i]);
    free(lookup->fields);
    free(lookup->words);
    free(lookup->name);
    buffer_done(&lookup->key);
    free(lookup);
}

static sl_result redis_lookup_open(const lookup_spec *spec, void **self, failure *failure)
{
    redis_lookup *made = memory_new(sizeof *made);
    const char *prefix = spec->target && *spec->target ? spec->target : spec->prefix;
    made->name = memory_text(spec->name);
    made->field_count = spec->name_count;
    made->fields = memory_new((spec->name_count + 1) * sizeof(char *));
    made->words = memory_new((spec->name_count + 2) * sizeof(sl_text));
    made->plain = spec->plain;
    made->words[0] = spec->plain ? SL_TEXT("GET") : SL_TEXT("HMGET");
    made->word_count = spec->plain ? 2 : spec->name_count + 2;
    for (size_t i = 0; i < spec->name_count; i++) {
        made->fields[i] = memory_text(spec->names[i]);
        made->words[i + 2] = (sl_text){ made->fields[i], strlen(made->fields[i]) };
    }
    buffer_text(&made->key, prefix ? prefix : "");
    made->prefix_size = made->key.size;
    sl_result result = redis_open(spec->settings, spec->job, &made->redis, failure);
    if (result == SL_OK)
        result = redis_ping(made->redis, failure);
    if (result == SL_OK)
        *self = made;
    else
        redis_lookup_close(made);
    return result;
}

static sl_result redis_lookup_ask(void *self, const lookup_question *question, failure *failure)
{
    redis_lookup *lookup = self;
    redis_taker taker = { .take = answer_take, .argument = lookup, .texts = question->memory };
    size_t room = question->count * lookup->field_count * sizeof *question->answers;
    lookup->answers = question->answers;
    memset(question->answers, 0, room); /* what a broken try left */
    SL_TRY(redis_begin(lookup->redis, &taker, failure));
    for (size_t i = 0; i < question->count; i++) {
        lookup->key.size = lookup->prefix_size;
        buffer_append(&lookup->key, question->keys[i].at, question->keys[i].size);
        lookup->words[1] = (sl_text){ lookup->key.at, lookup->key.size };
        SL_TRY(redis_add(lookup->redis, lookup->words, lookup->word_count, failure));
    }
    return redis_finish(lookup->redis, failure);
}

static sl_result answer_take(void *argument, size_t command, const redis_reply *reply, failure *failure)
{
    redis_lookup *lookup = argument;
    sl_text *answers = &lookup->answers[command * lookup->field_count];
    if (redis_error_is(reply, "WRONGTYPE"))
        return SL_OK;
    if (reply->type == REDIS_ERROR) {
        char what[200];
        snprintf(what, sizeof what, "lookup '%s'", lookup->name);
        return redis_refused(lookup->redis, what, reply->text, failure);
    }
    if (lookup->plain) {
        if (reply->type == REDIS_TEXT)
            answers[0] = reply->text;
        return SL_OK;
    }
    if (reply->type != REDIS_LIST || reply->count != lookup->field_count)
        return fail(failure, SL_FAILED, "lookup '%s': redis at %s answers HMGET with something else than %s",
                    lookup->name, redis_where(lookup->redis),
                    counted((int64_t)lookup->field_count, "field", "fields").at);
    for (size_t i = 0; i < reply->count; i++)
        if (reply->items[i].type == REDIS_TEXT)
            answers[i] = reply->items[i].text;
    return SL_OK;
}

const lookup_kind lookup_redis = {
    .name = "redis",
    .about = "a hash or a string per key; redis:PREFIX puts another prefix before the keys",
    .settings = redis_settings,
    .open = redis_lookup_open,
    .close = redis_lookup_close,
    .ask = redis_lookup_ask,
};
