/*
 * state/kept.h - keyed structs as bytes in the checkpoint, with the description by which a later version of the job finds
 * its fields. A piece tells what a batch changed, or everything; reading the pieces in order gives the state.
 *
 *     piece   "SLK1" | shape size: varint | shape | entry | entry | ...
 *     shape   version: 8 bytes | key fields: 1 byte, a kind each | fields: varint, kind and name each | sets: varint, a name each
 *     entry   key size: varint, key bytes | flags: 1 byte | unless the key is gone:
 *             newest T: 8 bytes | the fields' values | new members of sets: varint | set: 1 byte, size: varint, bytes | ...
 */
#ifndef STATE_KEPT_H
#define STATE_KEPT_H

#include <base/buffer.h>
#include <base/failure.h>
#include <sluice/job.h>

enum { KEPT_FIELDS_MAX = 64 };

typedef struct kept_field {
    sl_text name;
    sl_kind kind;
    size_t offset; /* in the job's record; of a shape that was read: see kept_shape_fits() */
} kept_field;

typedef struct kept_shape {
    int64_t version;
    size_t key_count, field_count, set_count;
    sl_kind key[4];
    kept_field fields[KEPT_FIELDS_MAX];
    sl_text sets[SL_SETS_MAX];
    unsigned set_number[SL_SETS_MAX]; /* the job's, of a shape that was read */
} kept_shape;

/* Of what the job drew; it was checked. */
void kept_shape_of(const sl_schema *state, const sl_update *update, kept_shape *shape);
/* Finds for each field and set of `was` where the job has it now. A piece that does not fit is USAGE, with both names. */
sl_result kept_shape_fits(kept_shape *was, const kept_shape *now, const char *name, failure *failure);

size_t kept_kind_size(sl_kind kind); /* of a field in memory; 0: it cannot be kept */

enum { KEPT_ANEW = 1, KEPT_GONE = 2 }; /* flags: what was known before is forgotten; nothing is known now */

typedef struct kept_entry {
    sl_text key;
    unsigned flags;
    int64_t last_ms;
    const char *values;
    uint64_t members; /* that follow: kept_member() reads them */
} kept_entry;

void kept_begin(const kept_shape *shape, buffer *out);
/* `state` is a row of the job's record. Members follow by kept_put_member(), as many as were said; none of a key that is gone. */
void kept_put(const kept_shape *shape, const kept_entry *entry, const void *state, buffer *out);
void kept_put_member(unsigned set, sl_text member, buffer *out);

typedef struct kept_reader {
    const char *at, *end;
    bool damaged;
    size_t values_bytes;
    uint64_t members; /* of the last entry that were not read yet */
} kept_reader;

bool kept_is(sl_text bytes); /* does a piece of this form begin here? */
/* The texts of the shape lie in the bytes. False: damaged. */
bool kept_open(kept_reader *reader, sl_text bytes, kept_shape *shape);
bool kept_next(kept_reader *reader, kept_entry *entry); /* false at the end, or damaged */
bool kept_member(kept_reader *reader, unsigned *set, sl_text *member);
/* Puts the values of an entry into a row, by a shape that kept_shape_fits() has been asked of. */
void kept_fill(const kept_shape *was, const kept_entry *entry, void *row);

#endif
