/*
 * tests/servers/fake_http.h - an HTTP server on loopback that answers as it is told, and remembers what it was asked.
 * Answers are given in the order in which they were added, then the usual one.
 *
 *     fake_http *server = fake_http_start();
 *     fake_http_add(server, &(fake_answer){ .status = 429 });
 *     ...
 *     assert_string_equal(fake_http_request(server, 0)->body, "...");
 */
#ifndef SERVERS_FAKE_HTTP_H
#define SERVERS_FAKE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

typedef struct fake_http fake_http;

typedef struct fake_answer {
    int status;          /* 0: 200 */
    const char *body;    /* NULL: empty; copied */
    const char *headers; /* more of them, each ended by "\r\n"; a literal */
    size_t sent_bytes;   /* of the body, then the connection ends; 0: all */
    bool reset;          /* the connection is reset instead of an answer */
    bool silent;         /* nothing comes, and the connection stays open */
} fake_answer;

typedef struct fake_request {
    char *head, *method, *path, *body; /* head: the header lines as they came */
    size_t body_bytes;
    unsigned connection; /* 0, 1, ... in the order in which they were made */
} fake_request;

fake_http *fake_http_start(void);
void fake_http_stop(fake_http *server); /* NULL is fine */
const char *fake_http_url(const fake_http *server);

void fake_http_add(fake_http *server, const fake_answer *answer);
void fake_http_usual(fake_http *server, const fake_answer *answer);

/* What was asked so far. Requests are remembered before they are answered, and live as long as the server. */
size_t fake_http_count(fake_http *server);
const fake_request *fake_http_request(fake_http *server, size_t i); /* NULL when there were fewer */

#endif
