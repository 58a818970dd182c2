/*
 * lookups/lookup.h - the contract of a lookup kind: where the rows that a job links are found.
 *
 * One file lookups/NAME.c defines `const lookup_kind lookup_NAME`, and "NAME:target" is a place for --from. The cache, the
 * retries and the choice of keys are the engine's; a kind only answers a list of distinct keys.
 */
#ifndef LOOKUPS_LOOKUP_H
#define LOOKUPS_LOOKUP_H

#include <base/arena.h>
#include <base/settings.h>
#include <sluice/job.h>

typedef struct lookup_spec {
    const char *name;         /* as drawn: "customers" */
    const char *target;       /* what stood after "redis:"; "" when nothing */
    const char *prefix;       /* stands before each key; "" when none */
    const char *const *names; /* the fields to find, by their names outside */
    size_t name_count;
    bool plain; /* one value under a key, not fields: it is the answer to the only name */
    const settings *settings;
    const char *job;
} lookup_spec;

/* Some keys, each once, and where the fields that are found for them go. */
typedef struct lookup_question {
    const sl_text *keys;
    size_t count;
    sl_text *answers; /* count x name_count, key by key; all missing at first */
    arena *memory;    /* where the bytes of what is found live */
} lookup_question;

typedef struct lookup_kind {
    const char *name, *about;
    const setting *settings; /* ends with { 0 }; NULL: none */

    /* Connects. SL_RETRY: called again, with back-off, until the start-up timeout. *self is untouched on failure. */
    sl_result (*open)(const lookup_spec *spec, void **self, failure *failure);
    void (*close)(void *self); /* NULL is fine */

    /* Runs on: driver. Fills the answers that are found. A key without any is unknown. SL_RETRY: the same call comes again,
     * so reconnect then. */
    sl_result (*ask)(void *self, const lookup_question *question, failure *failure);

    /* Tests: what a key answers from now on, as a JSON object of strings or NULL. NULL where a kind cannot. */
    void (*know)(void *self, const char *key, const char *json);
} lookup_kind;

#endif
