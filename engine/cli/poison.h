/*
 * cli/poison.h - the part of `sluice batches` that tells of batches which killed the process (batches/crashes.h).
 */
#ifndef CLI_POISON_H
#define CLI_POISON_H

#include <cli/place.h>

sl_result poison_tell(const place *place, bool json);
sl_result poison_release(const place *place, failure *failure); /* forgets its deaths */

#endif
