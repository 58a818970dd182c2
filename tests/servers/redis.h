/*
 * tests/servers/redis.h - a redis-server of a test's own, in a temporary folder, without persistence. It answers on a free
 * port and on a unix socket, and dies with the test program.
 */
#ifndef SERVERS_REDIS_H
#define SERVERS_REDIS_H

#include <stdbool.h>

typedef struct redis_server redis_server;

/* Options as on its command line, "--requirepass", "x", NULL; NULL: none. NULL when there is no redis-server. */
redis_server *redis_server_start(const char *const *options);
void redis_server_stop(redis_server *server); /* NULL is fine */

const char *redis_server_url(const redis_server *server);      /* redis://127.0.0.1:port */
const char *redis_server_unix_url(const redis_server *server); /* unix:///... */

void redis_server_kill(redis_server *server);    /* SIGKILL: all data is lost */
void redis_server_restart(redis_server *server); /* at the same addresses */
void redis_server_hang(redis_server *server);    /* connections are taken, nothing is answered */
void redis_server_go_on(redis_server *server);

/*
 * One command, words between blanks, on a connection of its own. The answer as text, lists with blanks between their items,
 * "nil" for nothing, errors as they come; it lives until the next call.
 */
const char *redis_server_ask(redis_server *server, const char *command);

#endif
