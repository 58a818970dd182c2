/*
 * tests/sinks/elastic/fixture.h - the Elasticsearch sink before a scripted server: two records, rows of them, and a batch.
 */
#ifndef SINKS_ELASTIC_FIXTURE_H
#define SINKS_ELASTIC_FIXTURE_H

#include <servers/fake_http.h>
#include <sinks/sink.h>
#include <sluice/job.h>

extern const sink_kind sink_elastic;

#define PLAYER_FIELDS(F) F(text, name) F(maybe_i64, age)
SL_RECORD(player, PLAYER_FIELDS);

/* A record's document: its id comes from its origin. */
#define PLAY_FIELDS(F)                                                                                       \
    F(origin, origin)                                                                                        \
    F(i64, event_id) F(text, track_id) F(text, datetime) F(i32, ismobile, "mobile") F(link(player), player)
SL_RECORD(play, PLAY_FIELDS);

/* An aggregate's. */
#define RANK_FIELDS(F) F(text, gender) F(i64, rank) F(f64, share) F(flag, is_new) F(time, since)
SL_RECORD(rank, RANK_FIELDS);

enum { WRITERS = 2, T = 1795402680 };
#define T_MS ((int64_t)T * 1000)

extern const sl_output plays_output, ranks_output;

typedef struct fixture {
    fake_http *server;
    settings *settings;
    origin_name topic;
    origins origins;
    document *document;
    sink_spec spec;
    buffer exceptions[WRITERS];
    sink_batch batch;
    atomic_bool stop;
    void *sink; /* open, in the middle of a batch */
    failure failure;
} fixture;

int fixture_start(void **state);
int fixture_stop(void **state);

void fixture_set(fixture *fixture, const char *key, const char *value);
sl_result fixture_try_open(fixture *fixture, const sl_output *output);
/* Opens before a server that has the index; what it was asked for that does not count in fixture_bulk(). */
void fixture_open(fixture *fixture, const sl_output *output);
void fixture_begin(fixture *fixture, int attempt);

play play_at(int64_t offset); /* of topic realtime, partition 0 */
/* Plays of these offsets, written by a writer and flushed. */
sl_result fixture_write_plays(fixture *fixture, unsigned writer, int64_t from, int64_t until);
sl_result fixture_write_rank(fixture *fixture, const char *gender, int64_t rank);

/* The body of the i-th bulk request; "" when there were fewer. */
const char *fixture_bulk(fixture *fixture, size_t i);
size_t fixture_bulks(fixture *fixture);
/* The offsets that a bulk request creates, as "0 1 2"; lives until the next call. */
const char *offsets_in(const char *bulk);
const sink_exception *fixture_exceptions(fixture *fixture, unsigned writer, size_t *count);
bool says(const fixture *fixture, const char *text); /* the failure does */

/* A bulk answer about items of these statuses; one over 299 has an error. Lives until the next call. */
const char *answer_of(const char *action, const int *statuses, size_t count);
#define ANSWER(action, ...)                                                                                  \
    answer_of(action, (const int[]){ __VA_ARGS__ }, sizeof(const int[]){ __VA_ARGS__ } / sizeof(int))

#endif
