/*
 * engine_parts.h - what the files engine*.c share: order, ends (sources, lookups, outputs), what is told and changed from outside.
 */
#ifndef ENGINE_PARTS_H
#define ENGINE_PARTS_H

#include <engine.h>
#include <http/server.h>
#include <http/site.h>
#include <places.h>
#include <work_dir.h>

typedef struct replay replay; /* replay.h */

typedef struct start_policy { /* --from-offsets */
    source_start start;
    int64_t ms;   /* of SOURCE_TIMESTAMP */
    buffer named; /* of origin_reach: partitions by name; empty: all as `start` says */
} start_policy;

struct engine {
    engine_spec spec;
    void *options;
    sl_plan plan;
    places places;
    char *dead; /* default place of dead letters */
    work_dir *work_dir;
    start_policy start;
    intake intake;
    intake_input *sources[PLAN_NODES_MAX];
    lookup_place lookups[PLAN_NODES_MAX];
    output_places outputs[PLAN_NODES_MAX];
    output_places dead_places;
    dead_letters *dead_letters;
    tap *tap;
    replay *replay; /* NULL: without --run-again */
    executor *executor;
    crashes *crashes;   /* NULL: no work folder */
    sink_kept recalled; /* of the only place, where it knows more than the work folder may */
    checkpoint *checkpoint;
    buffer last; /* account of the last run's last batch, or empty */
    checkpoint_head head;
    journal *journal;
    batch **replays; /* the generator's, once there is one */
    size_t replay_count;
    events *events;
    _Atomic(generator *) generator; /* sources wake it as soon as it is there */
    scheduler *scheduler;
    server *server;
    recent *recent; /* NULL: no pages */
    site *site;
    int64_t deadline_ns; /* of what is being opened */
    struct {             /* what holds now: the settings, until somebody changes it */
        atomic_int_least64_t interval_ms, rate, cores;
    } tuned;
    atomic_bool stop;
};

/* engine_recall.c: before the sources are opened, and when checkpoint and journal were read. */
sl_result recall_read(engine *engine, failure *failure);
void recall_take(engine *engine);
/* Opens what waits for a server, until the start-up timeout. */
typedef sl_result opening(engine *engine, uint32_t node, failure *failure);
sl_result open_patiently(engine *engine, opening *open, uint32_t node, failure *failure);
/* engine_start.c: what --from-offsets says; and whether all that it names is there. */
sl_result start_read(const settings *settings, start_policy *policy, failure *failure);
sl_result start_check(const engine *engine, failure *failure);
void start_done(start_policy *policy);
/* Opens the sources, then numbers their partitions. */
sl_result sources_open(engine *engine, failure *failure);
/* Every partition from its position on. */
sl_result sources_start(engine *engine, failure *failure);
/* Lookups, outputs, dead letters, and the executor on top of them. */
sl_result ends_open(engine *engine, failure *failure);
/* Before anything is touched. */
sl_result site_settings_check(const engine *engine, failure *failure);
/* The newest batches are kept for the pages, if there are to be any. */
sl_result recent_add(engine *engine, failure *failure);
/* The socket in the work folder, where the command asks, and the pages. */
sl_result servers_start(engine *engine, failure *failure);
bool back_to_back(const engine *engine); /* available-now, or a job that ends with its input */
/* engine_tune.c */
unsigned workers_wanted(const engine *engine); /* by the settings */
unsigned workers_most(const engine *engine);   /* that it may be told to use */
void tuned_begin(engine *engine);
void tuned_print(engine *engine, buffer *json); /* "interval_ms":2000,... */
bool take_tune(void *engine, const server_tune *wish, buffer *json);
pulse pulse_of(engine *engine); /* a new one: is the work folder still ours? */

#endif
