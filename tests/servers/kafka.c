/*
 * tests/servers/kafka.c - runs kafka.sh.
 */
#include <base/memory.h>
#include <servers/kafka.h>
#include <servers/process.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The controller listens on the next port; the two after that are for the listeners with TLS, or for the exporter. */
enum { PORTS_BEHIND = 3 };

struct kafka_server {
    server_process process;
    char address[64], *extra, *version;
    int port;
    bool secure, metrics;
};

static char *version_usual; /* what the one who runs the tests wants, "" for none */

static void environment_set(const kafka_server *server);

kafka_server *kafka_server_start(const char *extra)
{
    return kafka_server_start_as(&(kafka_server_options){ .extra = extra });
}

/* NULL: it did not start, *status says how. */
static kafka_server *server_try(const kafka_server_options *options, int *status)
{
    kafka_server *server = memory_new(sizeof *server);
    server_process_init(&server->process, "tests/servers/kafka.sh", "kafka");
    server->port = (int)ports_find(PORTS_BEHIND);
    snprintf(server->address, sizeof server->address, "127.0.0.1:%d", server->port);
    server->extra = memory_text(options->extra ? options->extra : "");
    server->version = memory_text(options->version ? options->version : version_usual);
    server->secure = options->secure;
    server->metrics = options->metrics;
    environment_set(server);
    server_process_guard(&server->process);
    *status = server_process_start(&server->process);
    if (*status == 0)
        return server;
    kafka_server_stop(server);
    return NULL;
}

kafka_server *kafka_server_start_as(const kafka_server_options *options)
{
    int status;
    if (version_usual == NULL)
        version_usual = memory_text(getenv("VERSION") ? getenv("VERSION") : "");
    for (int tries = 0; tries < SERVER_TRIES; tries++) {
        kafka_server *server = server_try(options, &status);
        if (server || status == SERVER_CANNOT_BE_HAD)
            return server;
        fprintf(stderr, "kafka.sh start ended with %d\n", status);
    }
    abort();
}

void kafka_server_stop(kafka_server *server)
{
    if (server == NULL)
        return;
    server_process_end(&server->process);
    free(server->extra);
    free(server->version);
    free(server);
}

const char *kafka_server_address(const kafka_server *server)
{
    return server->address;
}

int kafka_server_port(const kafka_server *server)
{
    return server->port;
}

int kafka_server_metrics_port(const kafka_server *server)
{
    return server->port + 2;
}

const char *kafka_server_folder(const kafka_server *server)
{
    return server->process.folder;
}

void kafka_server_kill(kafka_server *server)
{
    server_process_kill(&server->process);
}

void kafka_server_hang(kafka_server *server, bool hangs)
{
    server_process_hang(&server->process, hangs);
}

void kafka_server_restart(kafka_server *server)
{
    environment_set(server);
    if (server_process_start(&server->process) != 0)
        abort();
}

/* What kafka.sh reads; another server's script may have been started since. */
static void environment_set(const kafka_server *server)
{
    setenv("PORT", strchr(server->address, ':') + 1, 1);
    setenv("RUN", server->process.folder, 1);
    setenv("EXTRA", server->extra, 1);
    setenv("SECURE", server->secure ? "1" : "", 1);
    char metrics_port[16] = "";
    if (server->metrics)
        snprintf(metrics_port, sizeof metrics_port, "%d", kafka_server_metrics_port(server));
    setenv("METRICS_PORT", metrics_port, 1);
    if (server->version[0])
        setenv("VERSION", server->version, 1);
    else
        unsetenv("VERSION");
}
