/*
 * tests/servers/redis.c - starts redis-server and waits until its log says that it is ready.
 */
#include <hiredis/hiredis.h>
#include <servers/process.h>
#include <servers/redis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTIONS_MAX = 16 };

struct redis_server {
    pid_t pid;
    char folder[64], socket[96], port[16], url[64], unix_url[128];
    const char *options[OPTIONS_MAX + 1];
    redisContext *asking;
    char *answer;
};

static bool server_run(redis_server *server);

redis_server *redis_server_start(const char *const *options)
{
    redis_server *server = calloc(1, sizeof *server);
    const char *temporary = getenv("TMPDIR");
    if (server == NULL)
        return NULL;
    snprintf(server->folder, sizeof server->folder, "%.40s/redis-XXXXXX", temporary ? temporary : P_tmpdir);
    if (mkdtemp(server->folder) == NULL) {
        perror(server->folder);
        free(server);
        return NULL;
    }
    for (size_t i = 0; options && options[i] && i < OPTIONS_MAX; i++)
        server->options[i] = options[i];
    snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->folder);
    snprintf(server->unix_url, sizeof server->unix_url, "unix://%s", server->socket);
    for (int tries = 0; tries < 5; tries++) { /* another process may take the port in between */
        snprintf(server->port, sizeof server->port, "%u", ports_find(0));
        snprintf(server->url, sizeof server->url, "redis://127.0.0.1:%s", server->port);
        if (server_run(server))
            return server;
    }
    redis_server_stop(server);
    return NULL;
}

void redis_server_stop(redis_server *server)
{
    if (server == NULL)
        return;
    redis_server_kill(server);
    unlink(server->socket);
    if (rmdir(server->folder) < 0)
        perror(server->folder);
    free(server->answer);
    free(server);
}

const char *redis_server_url(const redis_server *server)
{
    return server->url;
}

const char *redis_server_unix_url(const redis_server *server)
{
    return server->unix_url;
}

void redis_server_kill(redis_server *server)
{
    if (server->asking)
        redisFree(server->asking);
    server->asking = NULL;
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
    }
    server->pid = 0;
}

void redis_server_restart(redis_server *server)
{
    redis_server_kill(server);
    if (!server_run(server)) {
        fprintf(stderr, "redis-server does not start again\n");
        abort();
    }
}

void redis_server_hang(redis_server *server)
{
    kill(server->pid, SIGSTOP);
}

void redis_server_go_on(redis_server *server)
{
    kill(server->pid, SIGCONT);
}

static void answer_print(FILE *out, const redisReply *reply)
{
    switch (reply->type) {
    case REDIS_REPLY_INTEGER: fprintf(out, "%lld", reply->integer); break;
    case REDIS_REPLY_NIL: fputs("nil", out); break;
    case REDIS_REPLY_ARRAY:
        for (size_t i = 0; i < reply->elements; i++) {
            fputs(i ? " " : "", out);
            answer_print(out, reply->element[i]);
        }
        break;
    default: fwrite(reply->str, 1, reply->len, out);
    }
}

const char *redis_server_ask(redis_server *server, const char *command)
{
    size_t size;
    if (server->asking == NULL)
        server->asking = redisConnectUnix(server->socket);
    char *words = strdup(command), *rest = words;
    const char *word[64];
    int count = 0;
    while (count < 64 && (word[count] = strsep(&rest, " ")))
        count++;
    redisReply *reply = redisCommandArgv(server->asking, count, word, NULL);
    free(words);
    free(server->answer);
    server->answer = NULL;
    FILE *out = open_memstream(&server->answer, &size);
    reply ? answer_print(out, reply) : (void)fputs(server->asking->errstr, out);
    fclose(out);
    if (reply)
        freeReplyObject(reply);
    return server->answer;
}

static void server_exec(const redis_server *server, int output)
{
    const char *words[16 + OPTIONS_MAX] = { "redis-server",
                                            "--port",
                                            server->port,
                                            "--bind",
                                            "127.0.0.1",
                                            "--unixsocket",
                                            server->socket,
                                            "--dir",
                                            server->folder,
                                            "--save",
                                            "",
                                            "--appendonly",
                                            "no" };
    size_t count = 13;
    for (size_t i = 0; server->options[i]; i++)
        words[count++] = server->options[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    execvp(words[0], (char *const *)(void *)words);
    _exit(127);
}

/* Its log says when it is ready; the end of the log says that it could not start. */
static bool server_is_ready(int log)
{
    char line[400];
    bool ready = false;
    FILE *lines = fdopen(log, "r");
    while (!ready && fgets(line, sizeof line, lines))
        ready = strstr(line, "Ready to accept connections") || strstr(line, "ready to accept connections at");
    fclose(lines);
    return ready;
}

static bool server_run(redis_server *server)
{
    int log[2];
    if (pipe(log) < 0)
        return false;
    unlink(server->socket);
    server->pid = fork();
    if (server->pid == 0) {
        close(log[0]);
        server_exec(server, log[1]);
    }
    close(log[1]);
    if (!server_is_ready(log[0])) {
        redis_server_kill(server);
        return false;
    }
    return true;
}
