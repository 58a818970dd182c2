/*
 * batches/catch_up.h - the plan to catch up, after a start or an outage that left more unread than a batch takes: how much, how
 * fast, how long; and what became of it. Numbers of batches in, lines for the log out.
 *
 *     120000 unread; 5000 a second are read and 1000 come: caught up in about 30.0 s, after 15 batches of 10000
 *     caught up: 160000 in 31.0 s and 16 batches; planned were 30.0 s
 *
 * Counted are offsets: records of a topic, bytes of a file. The limits that hold (rate.max_per_partition, back-pressure, memory.input) say how large a batch is. A plan that turns out wrong
 * by half is made anew.
 */
#ifndef BATCHES_CATCH_UP_H
#define BATCHES_CATCH_UP_H

#include <sluice/listener.h>

enum { CATCH_UP_TEXT = 240 };

typedef struct catch_up {
    int watched; /* batches that may yet find out that much is unread */
    bool goes_on;
    int64_t began_ms, began_lag;
    int64_t offsets, batches; /* since then */
    int64_t planned_ms;       /* when it should be done; 0: there is no plan */
    int64_t told_ms;
} catch_up;

void catch_up_begin(catch_up *self); /* at the start, and after an outage */
/* A batch is completed. True: there is a line. */
bool catch_up_batch(catch_up *self, const sl_batch_info *batch, char text[CATCH_UP_TEXT]);

#endif
