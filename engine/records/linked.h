/*
 * records/linked.h - the row that a link points to is made by the engine and has a head before it, in which its part of a
 * JSON document lies ready: `,"name":"Ann","age":23` is printed once and copied into every document that shows it.
 */
#ifndef RECORDS_LINKED_H
#define RECORDS_LINKED_H

#include <sluice/job.h>

typedef sl_linked_ linked_head;

#endif
