/*
 * sources/kafka/incarnation.h - the how-manieth topic of its name is it? A topic that is deleted and made anew has another
 * id; its offsets begin anew, and what is kept of the old one means other records.
 *
 * The work folder's file `topics` holds a line for each id that the job has met: "realtime 2 Y2x1c3Rlci1pZC0xMjM0NQ". It is
 * no part of the checkpoint, for it has to be there before the first cut is journaled and after `sluice reset`; journal and
 * checkpoint hold the number with each partition's name, and so fit together whatever becomes of them.
 */
#ifndef SOURCES_KAFKA_INCARNATION_H
#define SOURCES_KAFKA_INCARNATION_H

#include <base/failure.h>
#include <sources/kafka/wire.h>

enum { INCARNATION_ID_ROOM = 24 };

typedef struct incarnation_ask {
    const char *work_dir; /* NULL: nothing is kept */
    const char *topic;
    const wire_uuid *id; /* none: the broker does not tell it, and the last one that is known counts */
} incarnation_ask;

/* A new one is on the disk when this returns. */
sl_result incarnation_find(const incarnation_ask *ask, int32_t *incarnation, failure *failure);

void incarnation_id(const wire_uuid *id, char text[INCARNATION_ID_ROOM]); /* as Kafka's own tools print it */

#endif
