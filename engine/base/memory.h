/*
 * base/memory.h - memory of the engine: allocations that cannot fail, and large ranges straight from the kernel.
 * Fresh pages are dear on a virtual machine, so ranges ask for huge pages and are kept for reuse by their owners.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Zeroed; never NULL: a process without memory for its own structures ends with a message. */
void *memory_new(size_t bytes);
void *memory_resize(void *at, size_t bytes); /* like realloc; the new part is not zeroed */
char *memory_text(const char *text);         /* a copy; NULL stays NULL */

/* Zeroed pages, page-aligned. Growing moves page tables, not bytes; the new part is zeroed. */
void *range_new(size_t bytes);
/* Its pages come now, all at once. For a table that is read before it is written: a page that is read first comes twice, and the
 * second time every core is interrupted. */
void range_touch(void *at, size_t bytes);
void *range_grow(void *at, size_t old_bytes, size_t bytes);
void range_free(void *at, size_t bytes); /* NULL is fine */

#endif
