/*
 * tests/servers/fake_broker.h - a port on loopback where a function of the test plays the broker: what real ones never do
 * can be done there. It gets one connection after another, on a thread of its own, and returns when it is through with it.
 *
 *     static void play(int socket, void *argument)
 *     {
 *         buffer request = { 0 };
 *         while (fake_broker_request(socket, &request))
 *             fake_broker_answer(socket, &request, "0000 00000000");
 *         buffer_done(&request);
 *     }
 */
#ifndef SERVERS_FAKE_BROKER_H
#define SERVERS_FAKE_BROKER_H

#include <base/buffer.h>
#include <stdbool.h>

typedef struct fake_broker fake_broker;

fake_broker *fake_broker_start(void (*play)(int socket, void *argument), void *argument);
void fake_broker_stop(fake_broker *broker); /* cuts the connection that is being played; NULL is fine */
int fake_broker_port(const fake_broker *broker);

/* For plays. The next request without its size; false: the client went. */
bool fake_broker_request(int socket, buffer *request);
int fake_broker_key(const buffer *request); /* which API it asks: 18 is ApiVersions */
int fake_broker_version(const buffer *request);
/* `body` as in sources/shared/hex.h, behind the request's number; false: the client went. */
bool fake_broker_answer(int socket, const buffer *request, const char *body);
bool fake_broker_send(int socket, const void *bytes, size_t size); /* as they are */
void fake_broker_wait(int socket);                                 /* until the client goes */

/* Answers ApiVersions: Fetch 4 to 11, ListOffsets 2 to 5, Metadata 1 to 8, SaslHandshake 0 to 1, SaslAuthenticate 0. */
bool fake_broker_greet(int socket, buffer *request);

#endif
