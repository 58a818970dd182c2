/*
 * tests/servers/process.c - scripts, guards and ports of real servers.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <servers/process.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void server_process_init(server_process *process, const char *script, const char *kind)
{
    const char *temporary = getenv("TMPDIR");
    *process = (server_process){ .script = script };
    snprintf(process->folder, sizeof process->folder, "%s/sluice-%s-XXXXXX", temporary ? temporary : P_tmpdir,
             kind);
    if (mkdtemp(process->folder) == NULL)
        abort();
}

/* In a session of its own: what ends the test's process group must not end the guard. */
void server_process_guard(server_process *process)
{
    static char setsid[] = "setsid", wait[] = "-w", bash[] = "bash", text[] = "-c";
    char command[300];
    char *const arguments[] = { setsid, wait, bash, text, command, NULL };
    posix_spawn_file_actions_t actions;
    int ends[2];
    snprintf(command, sizeof command, "read -r; %s stop; rm -rf \"$RUN\"", process->script);
    if (pipe2(ends, O_CLOEXEC) != 0)
        abort();
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    if (posix_spawnp(&process->guard, setsid, &actions, NULL, arguments, environ) != 0)
        abort();
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    process->pipe = ends[1];
}

/* What it says goes to standard error, since standard output belongs to the test's report. */
int server_process_start(const server_process *process)
{
    static char command[] = "start";
    char script[100];
    char *const arguments[] = { script, command, NULL };
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    snprintf(script, sizeof script, "%s", process->script);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    int error = posix_spawn(&pid, script, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0 || waitpid(pid, &status, 0) != pid)
        abort();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

void server_process_end(server_process *process)
{
    close(process->pipe);
    waitpid(process->guard, NULL, 0);
}

static int server_pid(const server_process *process)
{
    char path[256];
    int pid = 0;
    snprintf(path, sizeof path, "%s/pid", process->folder);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%d", &pid) != 1 || pid <= 1)
        abort();
    fclose(file);
    return pid;
}

void server_process_kill(const server_process *process)
{
    int pid = server_pid(process);
    struct pollfd gone = { pidfd_open(pid, 0), POLLIN, 0 };
    if (gone.fd < 0 || kill(pid, SIGKILL) != 0 || poll(&gone, 1, -1) != 1)
        abort();
    close(gone.fd);
}

void server_process_hang(const server_process *process, bool hangs)
{
    if (kill(server_pid(process), hangs ? SIGSTOP : SIGCONT) != 0)
        abort();
}

/* Below the ports that the system gives to those who connect, which would take one before its server listens, or while it is
 * down. Drawn, since other tests look for ports at the same time. */
unsigned ports_find(unsigned more)
{
    enum { FIRST = 10240, TRIES = 200 };
    unsigned given = 32768, drawn = 0;
    FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
    if (range == NULL || fscanf(range, "%u", &given) != 1 || given < 2 * FIRST)
        given = 32768;
    if (range)
        fclose(range);
    for (int tries = 0; tries < TRIES; tries++) {
        if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
            abort();
        unsigned port = FIRST + drawn % (given - FIRST - more), free = 0;
        while (free <= more && port_is_free(port + free))
            free++;
        if (free > more)
            return port;
    }
    abort();
}

bool port_is_free(unsigned port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons((uint16_t)port) };
    int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = bind(probe, (struct sockaddr *)&address, sizeof address) == 0;
    close(probe);
    return bound;
}
