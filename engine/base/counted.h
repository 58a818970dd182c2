/*
 * base/counted.h - a number with its noun, as people read it: "1 batch", "2 batches".
 *
 *     log_info("kafka", "reading %s of %s", counted(count, "partition", "partitions").at, topic);
 */
#ifndef BASE_COUNTED_H
#define BASE_COUNTED_H

#include <sluice/types.h>

typedef struct counted_text { /* lives as long as the call that it is an argument of */
    char at[64];
} counted_text;

counted_text counted(int64_t count, const char *one, const char *many);

#endif
