/*
 * operators/look_up.c - links each row to the row that a lookup found for its key.
 *
 * A remote question costs as much as twenty records, so it is asked once per key, not per row: rows find their answer in
 * the cache; keys that are not there are gathered by each worker, and the chunk is given up. Between regions the driver
 * asks for all missing keys at once, and the chunk comes again.
 */
#include <base/memory.h>
#include <operators/look_up.h>
#include <operators/operator.h>
#include <records/document.h>
#include <records/fill.h>
#include <state/cache.h>
#include <stdio.h>
#include <stdlib.h>

enum { ASK_MAX = 4096 };

typedef struct look_up_worker {
    store_shard missing; /* keys only */
    int64_t rows, kept_rows, unknown, kept_unknown;
    int64_t bad[COUNTERS_MAX], kept_bad[COUNTERS_MAX];
    char padding[128]; /* workers write side by side */
} look_up_worker;

typedef struct look_up {
    const char *name;
    const lookup_place *place;
    sl_fields key;
    size_t key_offset, link_offset;
    const sl_schema *schema;                 /* of the linked rows */
    const char *counter_names[COUNTERS_MAX]; /* bad_<field>, by bit of linked_head.bad */
    size_t counter_count;
    cache cache;
    int64_t ttl_ns, missing_ttl_ns, now_ns;
    const sl_clock *clock;
    look_up_worker *workers;
    unsigned worker_count;
    arena answers;
    int64_t asked, found, asking_ns; /* in this attempt */
    buffer keys, json;
} look_up;

/* Any bytes are a text. */
static bool may_be_bad(const sl_field *field)
{
    return field->kind != SL_KIND_text;
}

static void name_counters(look_up *self)
{
    for (size_t i = 0; i < self->schema->count && self->counter_count < COUNTERS_MAX; i++) {
        if (!may_be_bad(&self->schema->fields[i]))
            continue;
        buffer name = { 0 };
        buffer_print(&name, "bad_%s", self->schema->fields[i].name);
        buffer_byte(&name, '\0');
        self->counter_names[self->counter_count++] = name.at;
    }
}

static sl_result look_up_open(const operator_spec *spec, void **opened, failure *failure)
{
    (void)failure;
    const sl_lookup *drawn = &spec->node->as.look_up;
    look_up *self = memory_new(sizeof *self);
    *self = (look_up){
        .name = drawn->name, .place = spec->place, .key = drawn->key, .key_offset = drawn->key.offset[0]
    };
    self->link_offset = drawn->into.offset[0];
    self->schema = schema_field_at(drawn->into.of(), self->link_offset)->linked();
    name_counters(self);
    cache_open(&self->cache, (size_t)settings_i64(spec->settings, "lookup.cache.entries"));
    self->ttl_ns = settings_ms(spec->settings, "redis.cache.ttl") * 1000000;
    self->missing_ttl_ns = settings_ms(spec->settings, "redis.cache.missing_ttl") * 1000000;
    self->clock = spec->clock;
    self->worker_count = spec->workers;
    self->workers = memory_new(spec->workers * sizeof *self->workers);
    for (unsigned i = 0; i < spec->workers; i++)
        store_open(&self->workers[i].missing, 0);
    *opened = self;
    return SL_OK;
}

static void look_up_close(void *opened)
{
    look_up *self = opened;
    for (unsigned i = 0; i < self->worker_count; i++)
        store_close(&self->workers[i].missing);
    for (size_t i = 0; i < self->counter_count; i++)
        free((void *)(uintptr_t)self->counter_names[i]);
    cache_close(&self->cache);
    arena_done(&self->answers);
    buffer_done(&self->keys);
    buffer_done(&self->json);
    free(self->workers);
    free(self);
}

static sl_result look_up_begin(void *opened, const batch_frame *batch, failure *failure)
{
    (void)failure;
    look_up *self = opened;
    self->now_ns = batch->now_ns;
    cache_trim(&self->cache, batch->now_ns);
    self->asked = self->found = self->asking_ns = 0;
    for (unsigned i = 0; i < self->worker_count; i++) {
        self->workers[i].kept_rows = self->workers[i].kept_unknown = 0;
        memset(self->workers[i].kept_bad, 0, sizeof self->workers[i].kept_bad);
    }
    return SL_OK;
}

/* Runs on: worker. */
static void count_bad(look_up *self, look_up_worker *worker, uint32_t bad)
{
    for (size_t i = 0; i < self->counter_count; i++)
        worker->bad[i] += bad >> i & 1;
}

static void link_row(look_up *self, look_up_worker *worker, char *row, const cache_entry *entry)
{
    const void *linked = entry->head ? entry->head + 1 : NULL;
    memcpy(row + self->link_offset, &linked, sizeof linked);
    cache_bring(entry);
    if (linked == NULL)
        worker->unknown++;
    else if (entry->bad)
        count_bad(self, worker, entry->bad);
}

static void look_up_rows(void *opened, sl_task *task, const sl_rows *in, sl_rows *out)
{
    look_up *self = opened;
    look_up_worker *worker = &self->workers[task->worker];
    size_t row_bytes = self->key.of()->row_bytes;
    row_key keys[CHUNK_ROWS];
    uint64_t hashes[CHUNK_ROWS];
    uint32_t ids[CHUNK_ROWS];
    worker->rows = (int64_t)in->count;
    worker->unknown = 0;
    memset(worker->bad, 0, sizeof worker->bad);
    for (size_t i = 0; i < in->count; i++) {
        const char *row = (const char *)in->at + i * row_bytes;
        if (!key_of_texts((const sl_text *)(const void *)(row + self->key_offset), 1, &keys[i]))
            keys[i] = key_of_row(&self->key, row, &task->memory);
        hashes[i] = key_hash(keys[i]);
        store_ask(&self->cache.keys, hashes[i]);
    }
    for (size_t i = 0; i < in->count; i++) {
        ids[i] = store_near(&self->cache.keys, hashes[i]);
        __builtin_prefetch(store_key(&self->cache.keys, ids[i] == STORE_NONE ? 0 : ids[i]));
    }
    for (size_t i = 0; i < in->count; i++) {
        const cache_entry *entry = cache_find_near(&self->cache, ids[i], keys[i], hashes[i], self->now_ns);
        if (entry) {
            link_row(self, worker, (char *)in->at + i * row_bytes, entry);
        } else {
            task->missing = true;
            if (store_find(&worker->missing, keys[i], hashes[i]) == STORE_NONE)
                store_add(&worker->missing, keys[i], hashes[i]);
        }
    }
    *out = *in; /* the same rows, now linked */
}

static void look_up_kept(void *opened, unsigned number)
{
    look_up *self = opened;
    look_up_worker *worker = &self->workers[number];
    worker->kept_rows += worker->rows;
    worker->kept_unknown += worker->unknown;
    for (size_t i = 0; i < self->counter_count; i++)
        worker->kept_bad[i] += worker->bad[i];
}

/* `texts`: where the next text goes. Returns the field's bit when the answer is no value of its kind. */
static uint32_t fill_field(const sl_field *field, sl_text answer, char *row, char **texts, uint32_t bit)
{
    if (answer.at == NULL)
        return 0;
    if (field->kind == SL_KIND_text) {
        memcpy(*texts, answer.at, answer.size);
        answer.at = *texts;
        *texts += answer.size;
    }
    return field_fill(field, answer, row) ? 0 : bit;
}

/* Returns the bits of the fields whose answers are no values of their kinds. */
static uint32_t fill_row(const sl_schema *schema, const sl_text *answers, char *row)
{
    char *texts = row + schema->row_bytes;
    uint32_t bad = 0, bit = 1;
    for (size_t i = 0; i < schema->count; i++) {
        bad |= fill_field(&schema->fields[i], answers[i], row, &texts, bit);
        bit <<= may_be_bad(&schema->fields[i]);
    }
    return bad;
}

/* One block: head, row, texts, JSON. NULL when there is no answer at all. */
static linked_head *make_linked(look_up *self, const sl_text *answers)
{
    const sl_schema *schema = self->schema;
    size_t texts = 0, json = schema->count * 32;
    bool any = false;
    for (size_t i = 0; i < schema->count; i++) {
        texts += answers[i].size;
        json += strlen(schema->fields[i].name);
        any |= answers[i].at != NULL;
    }
    if (!any)
        return NULL;
    size_t before_json = sizeof(linked_head) + schema->row_bytes + texts;
    linked_head *head = memory_new(before_json + json + 6 * texts);
    head->bad = fill_row(schema, answers, (char *)(head + 1));
    self->json.size = 0;
    fields_print(self->schema, head + 1, &self->json);
    sl_expect(self->json.size <= json + 6 * texts);
    head->json = (sl_text){ (char *)head + before_json, self->json.size };
    memcpy((char *)head + before_json, self->json.at, self->json.size);
    return head;
}

static sl_result ask_some(look_up *self, const row_key *keys, size_t count, failure *failure)
{
    size_t names = self->schema->count;
    arena_reset(&self->answers);
    sl_text *texts = arena_take(&self->answers, count * sizeof *texts);
    sl_text *answers = arena_take(&self->answers, count * names * sizeof *answers);
    memset(answers, 0, count * names * sizeof *answers);
    for (size_t i = 0; i < count; i++)
        texts[i] = key_first_text(&keys[i]);
    lookup_question question = { texts, count, answers, &self->answers };
    int64_t began_ns = clock_ns(self->clock);
    failure->place = self->place->kind->name; /* should it fail */
    SL_TRY(self->place->kind->ask(self->place->self, &question, failure));
    failure->place = NULL;
    int64_t now_ns = clock_ns(self->clock);
    self->asking_ns += now_ns - began_ns;
    self->asked += (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        linked_head *head = make_linked(self, answers + i * names);
        self->found += head != NULL;
        int64_t ttl_ns = head ? self->ttl_ns : self->missing_ttl_ns;
        /* Up to an eighth earlier, so that keys asked together do not all grow old together; but never before this attempt ends. */
        int64_t until_ns = now_ns + ttl_ns - (int64_t)(key_hash(keys[i]) % (uint64_t)(ttl_ns / 8 + 1));
        cache_put(&self->cache, keys[i], head, until_ns > self->now_ns ? until_ns : self->now_ns + 1);
    }
    return SL_OK;
}

static void gather_missing(look_up *self)
{
    self->keys.size = 0;
    for (unsigned w = 0; w < self->worker_count; w++) {
        const store_shard *missing = &self->workers[w].missing;
        for (uint32_t id = 0; id < missing->used; id++) {
            row_key key = *store_key(missing, id);
            bool asked_before = false; /* by a worker before this one */
            for (unsigned before = 0; before < w; before++)
                asked_before |= store_find(&self->workers[before].missing, key, key_hash(key)) != STORE_NONE;
            if (!asked_before)
                buffer_append(&self->keys, &key, sizeof key);
        }
    }
}

static sl_result look_up_resolve(void *opened, failure *failure)
{
    look_up *self = opened;
    gather_missing(self);
    size_t count = self->keys.size / sizeof(row_key);
    for (size_t from = 0; from < count; from += ASK_MAX) {
        size_t some = count - from < ASK_MAX ? count - from : ASK_MAX;
        SL_TRY(ask_some(self, (const row_key *)(const void *)self->keys.at + from, some, failure));
    }
    for (unsigned w = 0; w < self->worker_count; w++) {
        if (self->workers[w].missing.live) {
            store_close(&self->workers[w].missing);
            store_open(&self->workers[w].missing, 0);
        }
    }
    return SL_OK;
}

static void look_up_account(void *opened, operator_account *account)
{
    look_up *self = opened;
    sl_lookup_info lookup = { .name = self->name, .asked = self->asked, .found = self->found };
    lookup.asking_ns = self->asking_ns;
    for (unsigned w = 0; w < self->worker_count; w++) {
        lookup.rows += self->workers[w].kept_rows;
        lookup.missed += self->workers[w].kept_unknown;
    }
    account->lookup_missed += lookup.missed;
    if (account->lookup_count < LOOKUPS_MAX)
        account->lookups[account->lookup_count++] = lookup;
    for (size_t i = 0; i < self->counter_count && account->counter_count < COUNTERS_MAX; i++) {
        sl_counter counter = { self->counter_names[i], 0 };
        for (unsigned w = 0; w < self->worker_count; w++)
            counter.value += self->workers[w].kept_bad[i];
        account->counters[account->counter_count++] = counter;
    }
}

const operator_kind operator_look_up = {
    .name = "look up",
    .open = look_up_open,
    .close = look_up_close,
    .begin = look_up_begin,
    .rows = look_up_rows,
    .kept = look_up_kept,
    .resolve = look_up_resolve,
    .account = look_up_account,
};
