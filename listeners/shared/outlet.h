/*
 * listeners/shared/outlet.h - bytes to a server that takes metrics, over UDP or TCP, which may be gone: nothing is waited for
 * beyond a second, what could not be sent is dropped and counted, and a server that refused is left alone for a while.
 */
#ifndef LISTENERS_OUTLET_H
#define LISTENERS_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct outlet outlet;

/* where: "host:port", or "host" with the usual port. NULL with a reason in `error` (256 bytes): it is no such place. */
outlet *outlet_new(const char *listener, const char *where, const char *usual_port, bool udp, char *error);
void outlet_free(outlet *outlet); /* NULL is fine; says in the log what was dropped */

/* One datagram, or bytes of a stream. `now_ms`: batches' time, by which a server that refused is tried again after 5 s. */
bool outlet_send(outlet *outlet, const char *bytes, size_t size, int64_t now_ms);

#endif
