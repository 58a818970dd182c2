/*
 * sluice/state.h - what a job remembers of each key: a struct that a function changes row by row (Spark: updateStateByKey,
 * mapWithState). Included by job.h.
 *
 *     #define TALLY_FIELDS(F) F(text, customer_id) F(i64, plays) F(i64, tracks) F(time, since)
 *     SL_RECORD(tally, TALLY_FIELDS);
 *     enum { TRACKS };
 *
 *     static bool tally_play(sl_task *task, const play *in, tally *state, sl_key *key)
 *     {
 *         if (key->timing_out)
 *             return false;
 *         if (key->is_new)
 *             state->since = sl_batch_time_ms(task);
 *         state->plays++;
 *         state->tracks += sl_set_add(key, TRACKS, in->track_id);
 *         return true;
 *     }
 *     SL_UPDATE(tally_play, play, tally);
 *
 *     sl_stream tallies = sl_update_by(plays, &tally_play_update, &(sl_update){ .name = "tallies",
 *         .key = SL_FIELDS(play, customer_id), .into = SL_FIELDS(tally, customer_id),
 *         .sets = { "tracks" }, .timeout = { 3600000 } });
 *
 * The state is a record. Its key fields are filled in before each call. Its other fields are of fixed size (i32, i64, f64,
 * flag, time, maybe_i64), zero when a key is new, and kept in memory and in the checkpoint, which costs what a batch changed.
 *
 * Order: the function is called once for each row, rows of a key in the order of (partition, offset) within a batch, batches
 * in theirs; never twice for one row, whatever is tried again. So a result depends on nothing else. Keys are shared out by
 * their hash: a worker calls for some of them, one after another, while others call for theirs.
 *
 * Later versions of the job find the state by its name and the fields by theirs. Fields and sets may be added (zero, empty at
 * first) and moved. One that is gone or of another kind, another key, another `version`: the start is refused with both names,
 * until the old form is back or `sluice reset` has forgotten all.
 */
#ifndef SLUICE_STATE_H
#define SLUICE_STATE_H

#include <sluice/job.h>

enum { SL_SETS_MAX = 4 };

/* A key in a call of the function. */
typedef struct sl_key {
    bool is_new; /* nothing is known of it: the first row ever, after its removal, or after its timeout */
    bool
        timing_out; /* the last call: no row came for so long, `in` is NULL, the state goes whatever the call does */
    bool remove;     /* set it, and the state goes after this call; false before each */
    int64_t last_ms; /* T of the newest batch so far that brought a row of it; 0 when it is new */
    void *inside_;   /* the engine's own; NULL where a test calls the function */
} sl_key;

/*
 * Each key may have up to four sets of texts, by their number in sl_update.sets. True: the member was not in this key's set,
 * and is now, until the key goes. The text is copied. Without an engine, as in a test that calls the function: true.
 */
bool sl_set_add(sl_key *key, unsigned set, sl_text member);

/*
 * SL_UPDATE(function, in_record, state_record) makes `function_update` of
 *     bool function(sl_task *, const in_record *in, state_record *state, sl_key *key)
 * Return true to have the key told: see sl_tell. Texts of `in` are gone after the batch; a key field that the function
 * changes is filled in anew. sl_reject() is for stages: here it is a mistake that ends the process.
 */
typedef struct sl_updater {
    const char *name;
    sl_schema_of *in, *state;
    bool (*call)(sl_task *task, const void *in, void *state, sl_key *key);
} sl_updater;
#define SL_UPDATE(function, in_record, state_record)                                                         \
    static bool function##_call_(sl_task *task_, const void *in_, void *state_, sl_key *key_)                \
    {                                                                                                        \
        return _Generic(&function, bool (*)(sl_task *, const in_record *, state_record *, sl_key *)          \
                        : function)(task_, in_, state_, key_);                                               \
    }                                                                                                        \
    static const sl_updater function##_update = { #function, in_record##_schema, state_record##_schema,      \
                                                  function##_call_ }

typedef enum sl_tell {
    SL_TELL_KEYS, /* one row for each key that a batch told of: its state after its last call in the batch that was told */
    SL_TELL_CALLS /* one row for each call that returned true: the state right after it */
} sl_tell;

/*
 * `timeout`: a key of which no batch t with T - timeout < t <= T brought a row times out at T, before rows of T are looked at.
 * So it does not matter how often batches run: a key that comes back after so long is new. 0: never.
 */
typedef struct sl_update {
    const char *name; /* of its state, for ever: the checkpoint finds it by this */
    sl_fields key;    /* of the rows: up to four fields of any kind but origin and link */
    sl_fields into;   /* the same number of fields of the state, of the same kinds, in the same order */
    const char *sets[SL_SETS_MAX];
    int64_t version; /* raise it when old fields get another meaning: the old state is refused then */
    sl_duration timeout;
    sl_tell tell;
} sl_update;
sl_stream sl_update_by(sl_stream in, const sl_updater *updater, const sl_update *update);

/*
 * All keys of an sl_update_by(), sl_count_by(), sl_reduce_by(), sl_distinct_by() or sl_count_about() with what is known of them, in the
 * first batch with T >= E for each multiple E of `every`; 0: in each batch (Spark: stateSnapshots). One row a key, of the record that the
 * stream has, whatever that tells by itself.
 */
sl_stream sl_snapshots(sl_stream of, sl_duration every);

#endif
