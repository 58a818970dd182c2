/*
 * clients/http.h - requests to an HTTP server over one connection that stays open. One `http` belongs to one thread at a
 * time; a sink has one per writer.
 *
 *     http_options options = { .url = "http://127.0.0.1:9200", .setting = "elastic.url", .total_ms = 60000 };
 *     SL_TRY(http_new(&options, &server, failure));
 *     http_request request = { .method = "POST", .path = "/tracks/_bulk", .type = "application/x-ndjson", .body = body };
 *     SL_TRY(http_send(server, &request, &reply, failure));
 *     if (reply.status == 200) ...
 *
 * Any answer of the server is SL_OK, whatever its status; SL_RETRY means that nobody knows whether the request was
 * carried out. Servers are reached directly, without a proxy; redirects are answers like any other. Name and password in
 * the URL are used to log in and appear in no message.
 */
#ifndef CLIENTS_HTTP_H
#define CLIENTS_HTTP_H

#include <base/buffer.h>
#include <base/failure.h>
#include <base/traffic.h>
#include <stdatomic.h>

typedef struct http http;

/* Texts are borrowed for http_new() alone, except `setting`. NULL and 0: none, or the usual. */
typedef struct http_options {
    const char *url;              /* "https://name:password@host:9200/prefix" */
    const char *setting;          /* where the user gave the url: "elastic.url"; a literal, for messages */
    const char *user, *password;  /* win over those in the url */
    const char *api_key;          /* wins over both: "Authorization: ApiKey ..." */
    const char *ca;               /* PEM file of the authorities to trust, instead of the system's */
    bool gzip;                    /* bodies are packed, and answers may be */
    int64_t connect_ms, total_ms; /* 5 s; 60 s */
    size_t reply_bytes_max;       /* 64 MiB */
    traffic_server traffic;       /* what is counted as; none */
    const atomic_bool *stop;      /* when it is true a request has 3 s for its answer, then SL_RETRY */
} http_options;

typedef struct http_request {
    const char *method; /* "GET", "HEAD", "PUT", "POST" */
    const char *path;   /* "/index/_bulk?timeout=1m", escaped; begins with a slash */
    const char *type;   /* of the body: "application/json"; a literal */
    sl_text body;       /* borrowed until http_send returns; not copied, unless packed */
    int64_t total_ms;   /* 0: as in the options */
} http_request;

typedef struct http_reply {
    int status;
    sl_text body;           /* lives until the next request */
    int64_t retry_after_ms; /* what the server asked for; 0: nothing */
    bool maybe_repeated;    /* the kept connection was gone: the request may have been sent on it as well */
} http_reply;

/* SL_USAGE: the url or the key is none. Nothing is sent yet. *made is untouched on failure. */
sl_result http_new(const http_options *options, http **made, failure *failure);
void http_free(http *http); /* NULL is fine */

/*
 * SL_RETRY: not reached, reset, timed out, or an answer that is cut short or too long; the text names server and setting.
 * SL_FAILED: the server's certificate or the CA file is not to be trusted.
 */
sl_result http_send(http *http, const http_request *request, http_reply *reply, failure *failure);

/* "http://127.0.0.1:9200", without name and password, for messages; lives as long as the http. */
const char *http_place(const http *http);

/* Adds one part of a path: bytes with a meaning in URLs are percent-encoded. No slash is put before it. */
void http_path_part(buffer *path, const char *part);

#endif
