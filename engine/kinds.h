/*
 * kinds.h - every kind of source, lookup, sink and listener, by name. build/kinds.c is written by the Makefile from the
 * file names, so that adding a kind is adding a file. The arrays end with NULL.
 */
#ifndef KINDS_H
#define KINDS_H

#include <lookups/lookup.h>
#include <sinks/sink.h>
#include <sluice/listener.h>
#include <sources/source.h>

extern const source_kind *const source_kinds[];
extern const lookup_kind *const lookup_kinds[];
extern const sink_kind *const sink_kinds[];
extern const sl_listener *const listener_kinds[];

#endif
