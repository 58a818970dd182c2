/*
 * tests/servers/search_server.c - runs search-server.sh.
 */
#include <base/memory.h>
#include <clients/http.h>
#include <servers/process.h>
#include <servers/search_server.h>
#include <stdio.h>
#include <stdlib.h>

enum { TRANSPORT = 100 }; /* its second port is so much higher */

struct search_server {
    server_process process;
    char url[64], *extra;
    unsigned port;
    http *client;
    buffer answer;
};

static void environment_set(const search_server *server);

static unsigned port_find(void)
{
    for (int tries = 0; tries < 50; tries++) {
        unsigned port = ports_find(0);
        if (port_is_free(port + TRANSPORT))
            return port;
    }
    abort();
}

/* NULL: it did not start, *status says how. */
static search_server *server_try(const char *extra, int *status)
{
    search_server *server = memory_new(sizeof *server);
    failure failure = { 0 };
    server_process_init(&server->process, "tests/servers/search-server.sh", "search");
    server->port = port_find();
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u", server->port);
    server->extra = memory_text(extra ? extra : "");
    environment_set(server);
    server_process_guard(&server->process);
    http_options options = { .url = server->url, .setting = "the test's server" };
    if (http_new(&options, &server->client, &failure) != SL_OK)
        abort();
    *status = server_process_start(&server->process);
    if (*status == 0)
        return server;
    search_server_stop(server);
    return NULL;
}

search_server *search_server_start(const char *extra)
{
    int status;
    for (int tries = 0; tries < SERVER_TRIES; tries++) {
        search_server *server = server_try(extra, &status);
        if (server || status == SERVER_CANNOT_BE_HAD)
            return server;
        fprintf(stderr, "search-server.sh start ended with %d\n", status);
    }
    abort();
}

void search_server_stop(search_server *server)
{
    if (server == NULL)
        return;
    server_process_end(&server->process);
    http_free(server->client);
    buffer_done(&server->answer);
    free(server->extra);
    free(server);
}

const char *search_server_url(const search_server *server)
{
    return server->url;
}

void search_server_kill(search_server *server)
{
    server_process_kill(&server->process);
}

void search_server_hang(search_server *server, bool hangs)
{
    server_process_hang(&server->process, hangs);
}

void search_server_restart(search_server *server)
{
    environment_set(server);
    if (server_process_start(&server->process) != 0)
        abort();
}

const char *search_server_ask(search_server *server, const char *method, const char *path, const char *body)
{
    failure failure = { 0 };
    http_reply reply = { 0 };
    http_request request = { .method = method, .path = path };
    if (body) {
        request.type = "application/json";
        request.body = (sl_text){ body, strlen(body) };
    }
    server->answer.size = 0;
    if (http_send(server->client, &request, &reply, &failure) != SL_OK)
        buffer_text(&server->answer, failure.text);
    else
        buffer_append(&server->answer, reply.body.at, reply.body.size);
    buffer_byte(&server->answer, '\0');
    return server->answer.at;
}

long search_server_documents(search_server *server, const char *index)
{
    char path[300];
    snprintf(path, sizeof path, "/%s/_refresh", index);
    search_server_ask(server, "POST", path, "");
    snprintf(path, sizeof path, "/%s/_count?filter_path=count", index);
    const char *count = strstr(search_server_ask(server, "GET", path, NULL), "\"count\":");
    return count ? strtol(count + strlen("\"count\":"), NULL, 10) : -1;
}

/* What search-server.sh reads; another server's script may have been started since. */
static void environment_set(const search_server *server)
{
    char port[16];
    snprintf(port, sizeof port, "%u", server->port);
    setenv("PORT", port, 1);
    setenv("RUN", server->process.folder, 1);
    setenv("EXTRA", server->extra, 1);
}
