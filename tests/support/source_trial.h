/*
 * tests/support/source_trial.h - the Kafka source as the engine uses it: opened, started, looked at, cut, read. It is read
 * the way SLUICE_KAFKA_READER says, as jobs take it.
 *
 *     source_trial *trial = source_trial_new(servers, "topic", NULL);
 *     source_trial_start(trial);
 *     source_trial_wait(trial, 0, 0, 100);                         // until offsets 0 to 99 of partition 0 are here
 *     char *text = source_trial_read(trial, 0, 0, 100, 256);       // "0:key=value 1:~=~ ..."
 *     source_trial_free(trial);
 *
 * What goes wrong ends the test.
 */
#ifndef TESTS_SUPPORT_SOURCE_TRIAL_H
#define TESTS_SUPPORT_SOURCE_TRIAL_H

#include <sources/shared/wakes.h>
#include <sources/source.h>

typedef struct source_trial {
    settings *settings;
    source_spec spec; /* may be changed before the start */
    wakes wakes;
    void *self;
    source_partition *partitions;
    size_t count;
    char topic[48];
} source_trial;

/* `pairs` of settings, then NULL; or NULL. */
source_trial *source_trial_new(const char *servers, const char *topic, const char *const *pairs);
void source_trial_free(source_trial *trial); /* closes the source; NULL is fine */

sl_result source_trial_open(source_trial *trial, failure *failure);
/* `offsets` by partition; NULL: as the spec says. */
sl_result source_trial_start_at(source_trial *trial, const int64_t *offsets, failure *failure);
void source_trial_start(source_trial *trial);

source_view source_trial_look(source_trial *trial, uint32_t i, int64_t from);
/* Until [from, until) is here; trouble that may pass is passed over. */
source_view source_trial_wait(source_trial *trial, uint32_t i, int64_t from, int64_t until);
/* Until look() fails for good; what it said. */
sl_result source_trial_trouble(source_trial *trial, uint32_t i, int64_t from, failure *failure);

/* "offset:key=value " of every message of the range, "~" for null, read `room` messages at a time. Free it. */
char *source_trial_read(source_trial *trial, uint32_t i, int64_t from, int64_t until, size_t room);
/* The same, read to its end or to a failure. */
sl_result source_trial_try(source_trial *trial, uint32_t i, int64_t from, int64_t until, buffer *out,
                           failure *failure);
/* Every message of the range is "<partition>:<offset>", as topic_fill() makes them. */
void source_trial_numbers(source_trial *trial, uint32_t i, int64_t from, int64_t until);

#endif
