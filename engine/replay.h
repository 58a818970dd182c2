/*
 * replay.h - a batch once more, for `sluice replay`: --run-again compare|write runs the journaled batch of a work folder that holds
 * nothing else, and ends. Nobody outside is told of it: no listeners, no pages, no offsets.
 *
 *     compare   every output goes to files in the work folder; then what its own places hold is compared with them
 *     write     outputs that come from the batch alone go to their own places once more, where that does no harm
 *
 * What a window or another state gives depends on all that was read before: such outputs are written nowhere.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <engine_parts.h>

bool replay_is(const engine *engine);
/* After the places were found: others in their place. */
sl_result replay_places(engine *engine, failure *failure);
void replay_free(replay *replay); /* NULL is fine */
/* After the run: lines for each output, and "same" or that nothing was compared. SL_FAILED: something differs; told already. */
sl_result replay_compare(const engine *engine, FILE *out);

#endif
