/*
 * lookups/memory.c - `memory`: knows what a test told it. Keys are few, so they are searched one after the other.
 */
#include <base/buffer.h>
#include <base/memory.h>
#include <lookups/lookup.h>
#include <records/json.h>
#include <stdlib.h>

typedef struct memory_key {
    char *key;
    sl_text *values; /* by the lookup's names; copies */
} memory_key;

typedef struct memory_lookup {
    char **names;
    size_t name_count;
    buffer keys; /* of memory_key */
} memory_lookup;

static memory_key *key_find(const memory_lookup *lookup, sl_text key);
static void key_forget(const memory_lookup *lookup, memory_key *key);
static void field_keep(void *argument, sl_text name, sl_text value);

static sl_result memory_open(const lookup_spec *spec, void **self, failure *failure)
{
    (void)failure;
    memory_lookup *made = memory_new(sizeof *made);
    made->name_count = spec->name_count;
    made->names = memory_new((spec->name_count + 1) * sizeof(char *));
    for (size_t i = 0; i < spec->name_count; i++)
        made->names[i] = memory_text(spec->names[i]);
    *self = made;
    return SL_OK;
}

static void memory_close(void *self)
{
    memory_lookup *lookup = self;
    if (lookup == NULL)
        return;
    memory_key *keys = (void *)lookup->keys.at;
    for (size_t i = 0; i < lookup->keys.size / sizeof *keys; i++) {
        key_forget(lookup, &keys[i]);
        free(keys[i].key);
    }
    for (size_t i = 0; i < lookup->name_count; i++)
        free(lookup->names[i]);
    free(lookup->names);
    buffer_done(&lookup->keys);
    free(lookup);
}

static sl_result memory_ask(void *self, const lookup_question *question, failure *failure)
{
    (void)failure;
    const memory_lookup *lookup = self;
    for (size_t i = 0; i < question->count; i++) {
        const memory_key *known = key_find(lookup, question->keys[i]);
        for (size_t j = 0; known && known->values && j < lookup->name_count; j++) {
            sl_text value = known->values[j];
            if (value.at)
                question->answers[i * lookup->name_count + j] =
                    (sl_text){ arena_copy(question->memory, value.at, value.size), value.size };
        }
    }
    return SL_OK;
}

typedef struct told {
    const memory_lookup *lookup;
    memory_key *key;
} told;

static void memory_know(void *self, const char *key, const char *json)
{
    memory_lookup *lookup = self;
    memory_key *known = key_find(lookup, (sl_text){ key, strlen(key) });
    if (known == NULL) {
        buffer_append(&lookup->keys, &(memory_key){ .key = memory_text(key) }, sizeof *known);
        known = (void *)(lookup->keys.at + lookup->keys.size - sizeof *known);
    }
    key_forget(lookup, known);
    if (json == NULL)
        return;
    known->values = memory_new((lookup->name_count + 1) * sizeof(sl_text));
    bool json_is_an_object_of_texts_and_numbers = json_fields(json, field_keep, &(told){ lookup, known });
    sl_expect(json_is_an_object_of_texts_and_numbers);
}

static memory_key *key_find(const memory_lookup *lookup, sl_text key)
{
    memory_key *keys = (void *)lookup->keys.at;
    for (size_t i = 0; i < lookup->keys.size / sizeof *keys; i++)
        if (strlen(keys[i].key) == key.size && memcmp(keys[i].key, key.at, key.size) == 0)
            return &keys[i];
    return NULL;
}

static void key_forget(const memory_lookup *lookup, memory_key *key)
{
    for (size_t i = 0; key->values && i < lookup->name_count; i++)
        free((void *)(uintptr_t)key->values[i].at);
    free(key->values);
    key->values = NULL;
}

/* A field that the job does not ask for is no mistake: a store has such, too. */
static void field_keep(void *argument, sl_text name, sl_text value)
{
    const told *told = argument;
    for (size_t i = 0; i < told->lookup->name_count; i++) {
        const char *wanted = told->lookup->names[i];
        sl_text *kept = &told->key->values[i];
        if (strlen(wanted) != name.size || memcmp(wanted, name.at, name.size) != 0)
            continue;
        char *copy = memory_new(value.size + 1);
        memcpy(copy, value.at, value.size);
        free((void *)(uintptr_t)kept->at);
        *kept = (sl_text){ copy, value.size };
    }
}

const lookup_kind lookup_memory = {
    .name = "memory",
    .about = "knows what a test told it",
    .open = memory_open,
    .close = memory_close,
    .ask = memory_ask,
    .know = memory_know,
};
