/*
 * tests/servers/bad_proxy.h - a port on loopback before a server on another one. It passes on what both sides say, and while it
 * is told to misbehave, some answers come as half of what they were, as something else, or not at all; then it hangs up.
 *
 * A Kafka broker tells clients where it is: answers that name the server's port name the proxy's instead.
 */
#ifndef SERVERS_BAD_PROXY_H
#define SERVERS_BAD_PROXY_H

#include <stdint.h>

typedef struct bad_proxy bad_proxy;

bad_proxy *bad_proxy_start(int port);  /* of the server, on 127.0.0.1 */
void bad_proxy_stop(bad_proxy *proxy); /* cuts what is connected; NULL is fine */
int bad_proxy_port(const bad_proxy *proxy);

/* From now on one of so many answers, drawn from the seed; 0: none any more. */
void bad_proxy_misbehave(bad_proxy *proxy, unsigned one_of, uint64_t seed);
unsigned bad_proxy_misdeeds(bad_proxy *proxy); /* so far */

#endif
