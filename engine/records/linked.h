/*
 * records/linked.h - the row that a link points to is made by the engine and has a head before it, in which its part of a
 * JSON document lies ready: `,"name":"Ann","age":23` is printed once and copied into every document that shows it.
 */
#ifndef RECORDS_LINKED_H
#define RECORDS_LINKED_H

#include <sluice/job.h>

typedef struct linked_head {
    sl_text json; /* begins with a comma unless it is empty */
    uint32_t bad; /* how many of its fields held no number though they should */
    uint32_t padding;
} linked_head;

static inline const linked_head *linked_head_of(const void *row)
{
    return (const linked_head *)row - 1;
}

#endif
