/*
 * tests/sinks/shared/place.h - an output of plays, {"@timestamp","track","plays"} with the track as _id, at a sink of any
 * kind with three writers.
 */
#ifndef TESTS_SINKS_SHARED_PLACE_H
#define TESTS_SINKS_SHARED_PLACE_H

#include <sinks/sink.h>

#define PLAY_FIELDS(F) F(text, track) F(i64, plays)
SL_RECORD(play, PLAY_FIELDS);

enum { PLACE_WRITERS = 3 };

typedef struct place {
    const sink_kind *kind;
    void *sink;
    document *document;
    sink_batch batch;
    buffer exceptions[PLACE_WRITERS];
    failure failure;
} place;

/* From the spec: output, target, bare. Asserts that it opens. */
place place_open(const sink_kind *kind, sink_spec spec);
sl_result place_try(const sink_kind *kind, sink_spec spec, place *place);
void place_close(place *place);

void place_begin(place *place, int64_t time_ms);
/* Plays of the tracks named by each letter, 1 play each. */
void place_add(place *place, unsigned writer, uint64_t sequence, const char *tracks);
/* Replaces two groups by the plays of these letters. */
void place_replace(place *place, const char *first, bool first_changed, const char *second,
                   bool second_changed);
sl_result place_end(place *place); /* flush and commit; `failure` says why not */

/* Settings of a kind with "<kind>.format" as csv. Free them. */
settings *place_csv(const sink_kind *kind);

/* The document of a track at a batch time under a minute, as it must be printed. */
const char *place_line(char track, int64_t time_ms);

#endif
