/*
 * tests/servers/search_server.c - runs search-server.sh. A guard, a shell that waits at a pipe, stops the server and removes
 * its folder when the test program closes the pipe or dies.
 */
#include <arpa/inet.h>
#include <base/memory.h>
#include <clients/http.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <servers/search_server.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CANNOT_BE_HAD = 77, TRANSPORT = 100 };

struct search_server {
    char folder[200], url[64], *extra;
    unsigned port;
    pid_t guard;
    int pipe; /* as long as it is open the guard waits */
    http *client;
    buffer answer;
};

static void environment_set(const search_server *server);
static bool port_is_free(unsigned port, unsigned *given);
static int script_run(search_server *server, const char *command);
static void guard_start(search_server *server);

static unsigned port_find(void)
{
    for (int tries = 0; tries < 50; tries++) {
        unsigned port = 0, transport = 0;
        if (port_is_free(0, &port) && port + TRANSPORT < 65536 && port_is_free(port + TRANSPORT, &transport))
            return port;
    }
    abort();
}

search_server *search_server_start(const char *extra)
{
    search_server *server = memory_new(sizeof *server);
    failure failure = { 0 };
    const char *temporary = getenv("TMPDIR");
    snprintf(server->folder, sizeof server->folder, "%s/sluice-search-XXXXXX",
             temporary ? temporary : P_tmpdir);
    if (mkdtemp(server->folder) == NULL)
        abort();
    server->port = port_find();
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u", server->port);
    server->extra = memory_text(extra ? extra : "");
    environment_set(server);
    guard_start(server);
    http_options options = { .url = server->url, .setting = "the test's server" };
    if (http_new(&options, &server->client, &failure) != SL_OK)
        abort();
    int status = script_run(server, "start");
    if (status == 0)
        return server;
    search_server_stop(server);
    if (status == CANNOT_BE_HAD)
        return NULL;
    fprintf(stderr, "search-server.sh start ended with %d\n", status);
    abort();
}

void search_server_stop(search_server *server)
{
    if (server == NULL)
        return;
    close(server->pipe);
    waitpid(server->guard, NULL, 0);
    http_free(server->client);
    buffer_done(&server->answer);
    free(server->extra);
    free(server);
}

const char *search_server_url(const search_server *server)
{
    return server->url;
}

static int server_pid(const search_server *server)
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
void search_server_kill(search_server *server)
{
    int pid = server_pid(server);
    struct pollfd gone = { pidfd_open(pid, 0), POLLIN, 0 };
    if (gone.fd < 0 || kill(pid, SIGKILL) != 0 || poll(&gone, 1, -1) != 1)
        abort();
    close(gone.fd);
}

void search_server_hang(search_server *server, bool hangs)
{
    if (kill(server_pid(server), hangs ? SIGSTOP : SIGCONT) != 0)
        abort();
}

void search_server_restart(search_server *server)
{
    environment_set(server);
    if (script_run(server, "start") != 0)
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

/* ---- Processes --------------------------------------------------------------------------------------------------- */

/* What search-server.sh reads; another server's script may have been started since. */
static void environment_set(const search_server *server)
{
    char port[16];
    snprintf(port, sizeof port, "%u", server->port);
    setenv("PORT", port, 1);
    setenv("RUN", server->folder, 1);
    setenv("EXTRA", server->extra, 1);
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

/* Its exit status; what it says goes to standard error, since standard output belongs to the test's report. */
static int script_run(search_server *server, const char *command)
{
    (void)server;
    char *const arguments[] = { "tests/servers/search-server.sh", (char *)(size_t)command, NULL };
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    int error = posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0 || waitpid(pid, &status, 0) != pid)
        abort();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* In a session of its own: what ends the test's process group must not end the guard. */
static void guard_start(search_server *server)
{
    char *const arguments[] = {
        "setsid", "-w", "bash", "-c", "read -r; tests/servers/search-server.sh stop; rm -rf \"$RUN\"", NULL
    };
    posix_spawn_file_actions_t actions;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        abort();
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (posix_spawnp(&server->guard, arguments[0], &actions, NULL, arguments, environ) != 0)
        abort();
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    server->pipe = ends[1];
}
