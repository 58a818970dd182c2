/*
 * tests/servers/search_server.h - a search server of a test's own (search-server.sh), on a free port and in a temporary
 * folder. It ends with the test program, however that ends.
 */
#ifndef SERVERS_SEARCH_SERVER_H
#define SERVERS_SEARCH_SERVER_H

#include <stdbool.h>

typedef struct search_server search_server;

/* `extra`: node settings, "-Ekey=value -Ekey=value", or NULL. NULL when it cannot be had here: the test skips. */
search_server *search_server_start(const char *extra);
void search_server_stop(search_server *server); /* NULL is fine */

const char *search_server_url(const search_server *server);

void search_server_kill(search_server *server);             /* SIGKILL */
void search_server_hang(search_server *server, bool hangs); /* SIGSTOP, SIGCONT */
void search_server_restart(search_server *server); /* at its address, with its data, unless it runs */

/* The body of the answer, whatever its status; `body` NULL: none. It lives until the next call. */
const char *search_server_ask(search_server *server, const char *method, const char *path, const char *body);
long search_server_documents(search_server *server,
                             const char *index); /* after a refresh; -1: no such index */

#endif
