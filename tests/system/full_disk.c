/*
 * tests/system/full_disk.c - a job whose work folder lies on a disk that is full: it waits, says so, and goes on by itself when
 * there is room. The disk is a small one in memory, which only this process and its children see.
 */
#include <base/folder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { LINES = 150 };

static bool has_disk;
static char disk[400];

static bool disk_mount(void)
{
    return (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", disk, "tmpfs", 0, "size=2m") == 0;
}

/* To the last byte: what was written before keeps its place. */
static void disk_fill(void)
{
    static const char bytes[4096];
    char path[500];
    snprintf(path, sizeof path, "%s/filler", disk);
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(file >= 0);
    for (size_t size = sizeof bytes; size; size /= 2)
        while (write(file, bytes, size) > 0)
            ;
    assert_int_equal(errno, ENOSPC);
    close(file);
}

static void disk_empty(void)
{
    char path[500];
    snprintf(path, sizeof path, "%s/filler", disk);
    assert_int_equal(unlink(path), 0);
}

/* ---- The job: a record a batch, so that many frames are written ---- */

typedef struct running {
    pid_t pid;
    FILE *log;
} running;

static running job_start(const char *work_dir)
{
    char work[500], from[500], to[500];
    int ends[2];
    snprintf(work, sizeof work, "%s/%s", disk, work_dir);
    snprintf(from, sizeof from, "lines=file:%s", folder_path("lines"));
    snprintf(to, sizeof to, "counts=file:%s", folder_path("out"));
    const char *const words[] = { build_path("jobs/hello_count"),
                                  "--available-now",
                                  "--interval",
                                  "100ms",
                                  "--max-rate-per-partition",
                                  "10",
                                  "--work-dir",
                                  work,
                                  "--from",
                                  from,
                                  "--to",
                                  to,
                                  NULL };
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    running made = { fork(), fdopen(ends[0], "r") };
    if (made.pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        execv(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    close(ends[1]);
    return made;
}

/* Reads the log up to a line with this text. */
static bool job_says(running *job, const char *text)
{
    char line[2000];
    while (fgets(line, sizeof line, job->log))
        if (strstr(line, text))
            return true;
    return false;
}

static int job_ended(running *job)
{
    int status;
    while (fgetc(job->log) != EOF)
        ;
    fclose(job->log);
    assert_int_equal(waitpid(job->pid, &status, 0), job->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void lines_append(int count)
{
    FILE *file = fopen(folder_path("lines"), "a");
    assert_non_null(file);
    for (int i = 0; i < count; i++)
        fprintf(file, "line\n");
    assert_int_equal(fclose(file), 0);
}

/* The lines that all files of the output count together. */
static long lines_counted(void)
{
    long sum = 0;
    DIR *folder = opendir(folder_path("out/hello_count"));
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char name[300];
        snprintf(name, sizeof name, "out/hello_count/%.200s", entry->d_name);
        const char *at = entry->d_name[0] == '.' ? NULL : strstr(folder_read(name), "\"lines\":");
        sum += at ? strtol(at + strlen("\"lines\":"), NULL, 10) : 0;
    }
    if (folder)
        closedir(folder);
    return sum;
}

static void status_says(const char *text)
{
    assert_int_equal(shell("$B/sluice status --work-dir %s/work >status", disk), 0);
    assert_non_null(strstr(folder_read("status"), text));
}

/* ---- Tests ---- */

static void a_job_waits_on_a_full_disk_and_goes_on_by_itself(void **state)
{
    (void)state;
    if (!has_disk)
        skip();
    lines_append(LINES);
    running job = job_start("work");
    assert_int_equal(job_ended(&job), 0);
    disk_fill();
    lines_append(LINES);
    job = job_start("work"); /* it can begin, too */
    assert_true(job_says(&job, "the disk is full"));
    status_says("the disk is full");
    disk_empty();
    assert_int_equal(job_ended(&job), 0);
    assert_int_equal(lines_counted(), 2 * LINES);
}

static void one_that_was_killed_while_it_waited_can_start_on_the_full_disk(void **state)
{
    (void)state;
    if (!has_disk)
        skip();
    lines_append(LINES);
    running job = job_start("work");
    assert_int_equal(job_ended(&job), 0);
    lines_append(LINES);
    for (int kills = 0; kills < 3; kills++) {
        disk_fill();
        job = job_start("work");
        assert_true(job_says(&job, "the disk is full"));
        assert_int_equal(kill(job.pid, SIGKILL), 0);
        assert_int_equal(job_ended(&job), 128 + SIGKILL);
        disk_empty();
    }
    job = job_start("work");
    assert_int_equal(job_ended(&job), 0);
    assert_int_equal(lines_counted(), 2 * LINES);
}

static void a_new_job_that_cannot_begin_says_so_before_it_goes_to_the_background(void **state)
{
    (void)state;
    if (!has_disk)
        skip();
    disk_fill();
    lines_append(1);
    assert_int_equal(
        shell("$B/sluice submit --detach --available-now --work-dir %s/work --from lines=file:lines "
              "--to counts=null hello_count 2>told",
              disk),
        1);
    assert_non_null(strstr(folder_read("told"), "No space left on device; make room there"));
}

static int open_disk(void **state)
{
    (void)state;
    folder_open();
    snprintf(disk, sizeof disk, "%s", folder_path("disk"));
    setenv("XDG_STATE_HOME", folder_path("state"), 1);
    has_disk = mkdir(disk, 0700) == 0 && disk_mount();
    return 0;
}

static int close_disk(void **state)
{
    (void)state;
    if (has_disk)
        umount2(disk, MNT_DETACH);
    folder_close();
    return 0;
}

#define DISK_TEST(test) cmocka_unit_test_setup_teardown(test, open_disk, close_disk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK_TEST(a_job_waits_on_a_full_disk_and_goes_on_by_itself),
        DISK_TEST(one_that_was_killed_while_it_waited_can_start_on_the_full_disk),
        DISK_TEST(a_new_job_that_cannot_begin_says_so_before_it_goes_to_the_background),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
