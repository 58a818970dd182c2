/*
 * http/site.h - the job's pages for people and programs, over TCP (libmicrohttpd): read only.
 *
 *     GET /                      the page: Spark's Streaming tab, live
 *     GET /api/v1/...            Spark's REST, see rest.h
 *     GET /status /batches       what the job does; the accounts of the newest batches, oldest first ([..]; ?last=N ?after=ID)
 *     GET /settings /plan        every setting with its origin, secrets hidden; the plan
 *     GET /advice                {"stable":true,"advice":"..."}, see advice.h
 *     GET /health /ready         it lives; batches go on and both ends answer (else 503, with the reason)
 *     GET /metrics ...           pages of listeners, see sl_listener.page_path
 *
 * Threads of its own; what it tells are copies made under locks, so that no client ever holds up a batch. Nothing is changed
 * by a request. Where others than this machine can reach it, each request needs the token: "Authorization: Bearer TOKEN",
 * or ?token=TOKEN. On a loopback address the Host of a request has to be one, too, or a page elsewhere could read it by a
 * name of its own that leads here.
 */
#ifndef HTTP_SITE_H
#define HTTP_SITE_H

#include <base/failure.h>
#include <http/recent.h>

typedef struct site site;

typedef struct site_calls { /* any thread of the site */
    void *argument;
    void (*status)(void *argument, buffer *json);
    void (*settings)(void *argument, buffer *json);
    void (*plan)(void *argument, buffer *json);
    bool (*ready)(void *argument, buffer *why);
    /* A listener's page: its body and type; false: there is none at this path. */
    bool (*page)(void *argument, const char *path, buffer *body, const char **type);
} site_calls;

typedef struct site_spec {
    const char *address; /* "127.0.0.1:4040", "[::1]:4040"; port 0: any */
    const char *token;   /* NULL or "": none */
    const char *user, *version;
    const char *home; /* the file that / gives: "/page.html"; NULL: the job's page. A literal */
    recent *recent;   /* NULL: no job: / and calls.page alone */
    site_calls calls;
} site_spec;

enum { SITE_PORTS = 16 }; /* that are tried from the wished one on, as Spark does; then any free one */

/* What site_open() would refuse of these, before anything is touched. */
sl_result site_check(const char *address, const char *token, failure *failure);
/* All is copied. SL_USAGE: no address, or one that needs a token. */
sl_result site_open(const site_spec *spec, site **site, failure *failure);
const char *site_url(const site *site); /* "http://127.0.0.1:4041" */
void site_close(site *site);            /* NULL is fine */

#endif
