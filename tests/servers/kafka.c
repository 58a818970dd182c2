/*
 * tests/servers/kafka.c - runs kafka.sh. A guard, a shell that waits at a pipe, stops the broker and removes its folder when
 * the test program closes the pipe or dies.
 */
#include <arpa/inet.h>
#include <base/memory.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <servers/kafka.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_BE_HAD = 77 };

struct kafka_server {
    char folder[200], address[64], *extra, *version;
    int port;
    bool secure, metrics;
    pid_t guard;
    int pipe; /* as long as it is open the guard waits */
};

static char *version_usual; /* what the one who runs the tests wants, "" for none */

static void environment_set(const kafka_server *server);
static unsigned port_find(void);
static int script_start(void);
static void guard_start(kafka_server *server);

kafka_server *kafka_server_start(const char *extra)
{
    return kafka_server_start_as(&(kafka_server_options){ .extra = extra });
}

kafka_server *kafka_server_start_as(const kafka_server_options *options)
{
    kafka_server *server = memory_new(sizeof *server);
    const char *temporary = getenv("TMPDIR");
    snprintf(server->folder, sizeof server->folder, "%s/sluice-kafka-XXXXXX",
             temporary ? temporary : P_tmpdir);
    if (mkdtemp(server->folder) == NULL)
        abort();
    server->port = (int)port_find();
    snprintf(server->address, sizeof server->address, "127.0.0.1:%d", server->port);
    server->extra = memory_text(options->extra ? options->extra : "");
    if (version_usual == NULL)
        version_usual = memory_text(getenv("VERSION") ? getenv("VERSION") : "");
    server->version = memory_text(options->version ? options->version : version_usual);
    server->secure = options->secure;
    server->metrics = options->metrics;
    environment_set(server);
    guard_start(server);
    int status = script_start();
    if (status == 0)
        return server;
    kafka_server_stop(server);
    if (status == CANNOT_BE_HAD)
        return NULL;
    fprintf(stderr, "kafka.sh start ended with %d\n", status);
    abort();
}

void kafka_server_stop(kafka_server *server)
{
    if (server == NULL)
        return;
    close(server->pipe);
    waitpid(server->guard, NULL, 0);
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
    return server->folder;
}

static int server_pid(const kafka_server *server)
{
    char path[256];
    int pid = 0;
    snprintf(path, sizeof path, "%s/pid", server->folder);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%d", &pid) != 1 || pid <= 1)
        abort();
    fclose(file);
    return pid;
}

/* Returns when the process is gone, and its port is free. */
void kafka_server_kill(kafka_server *server)
{
    int pid = server_pid(server);
    struct pollfd gone = { pidfd_open(pid, 0), POLLIN, 0 };
    if (gone.fd < 0 || kill(pid, SIGKILL) != 0 || poll(&gone, 1, -1) != 1)
        abort();
    close(gone.fd);
}

void kafka_server_hang(kafka_server *server, bool hangs)
{
    if (kill(server_pid(server), hangs ? SIGSTOP : SIGCONT) != 0)
        abort();
}

void kafka_server_restart(kafka_server *server)
{
    environment_set(server);
    if (script_start() != 0)
        abort();
}

/* What kafka.sh reads; another server's script may have been started since. */
static void environment_set(const kafka_server *server)
{
    setenv("PORT", strchr(server->address, ':') + 1, 1);
    setenv("RUN", server->folder, 1);
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

static bool port_is_free(unsigned port, unsigned *given)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons((uint16_t)port) };
    socklen_t size = sizeof address;
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = bind(probe, (struct sockaddr *)&address, size) == 0 &&
                 getsockname(probe, (struct sockaddr *)&address, &size) == 0;
    *given = ntohs(address.sin_port);
    close(probe);
    return bound;
}

/* The controller listens on the next port; the two after that are for the listeners with TLS, or for the exporter. */
static unsigned port_find(void)
{
    for (int tries = 0; tries < 50; tries++) {
        unsigned port = 0, other = 0;
        if (port_is_free(0, &port) && port < 65533 && port_is_free(port + 1, &other) &&
            port_is_free(port + 2, &other) && port_is_free(port + 3, &other))
            return port;
    }
    abort();
}

/* Its exit status; what it says goes to standard error, since standard output belongs to the test's report. */
static int script_start(void)
{
    static char script[] = "tests/servers/kafka.sh", command[] = "start";
    char *const arguments[] = { script, command, NULL };
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    int error = posix_spawn(&pid, script, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0 || waitpid(pid, &status, 0) != pid)
        abort();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* In a session of its own: what ends the test's process group must not end the guard. */
static void guard_start(kafka_server *server)
{
    static char words[][80] = { "setsid", "-w", "bash", "-c",
                                "read -r; tests/servers/kafka.sh stop; rm -rf \"$RUN\"" };
    char *const arguments[] = { words[0], words[1], words[2], words[3], words[4], NULL };
    posix_spawn_file_actions_t actions;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        abort();
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (posix_spawnp(&server->guard, words[0], &actions, NULL, arguments, environ) != 0)
        abort();
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    server->pipe = ends[1];
}
