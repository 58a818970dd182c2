/*
 * bench/limits/disk.c - what it takes until bytes are safe: appended, written over in a file that is there, or as a new file
 * that takes the place of an old one. The journal's entry and the checkpoint's frame are appends.
 *
 *     disk [folder, default build]
 */
#include "../shared/measure.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 300, RING_BYTES = 1 << 20, LARGEST = 1 << 20 };

static char bytes[LARGEST];
static char path[512], beside[520], folder_path[400];
static double took_us[MOST];

static void must(bool done)
{
    if (!done)
        give_up(strerror(errno));
}

static void figures_print(const char *what, size_t size, size_t count)
{
    sort_values(took_us, count);
    printf("%7zu B  %-40s p50 %7.0f us   p99 %7.0f   worst %7.0f\n", size, what,
           quantile(took_us, count, 0.5), quantile(took_us, count, 0.99), took_us[count - 1]);
}

static void append_measure(size_t size, size_t count, int (*sync)(int), const char *what)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
    must(file >= 0);
    for (size_t i = 0; i < count; i++) {
        double begin = wall_s();
        must(write(file, bytes, size) == (ssize_t)size && sync(file) == 0);
        took_us[i] = (wall_s() - begin) * 1e6;
    }
    close(file);
    figures_print(what, size, count);
}

static int no_sync(int file)
{
    (void)file;
    return 0;
}

/* The file has its length and its blocks: only data has to go out. */
static void overwrite_measure(size_t size, size_t count)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    must(file >= 0);
    for (size_t at = 0; at < RING_BYTES; at += LARGEST)
        must(write(file, bytes, LARGEST) == LARGEST);
    must(fsync(file) == 0);
    for (size_t i = 0; i < count; i++) {
        double begin = wall_s();
        must(pwrite(file, bytes, size, (off_t)(i * size % RING_BYTES)) == (ssize_t)size &&
             fdatasync(file) == 0);
        took_us[i] = (wall_s() - begin) * 1e6;
    }
    close(file);
    figures_print("written over, fdatasync", size, count);
}

/* As disk_replace() does it. */
static void replace_measure(size_t size, size_t count)
{
    int folder = open(folder_path, O_RDONLY | O_DIRECTORY);
    must(folder >= 0);
    for (size_t i = 0; i < count; i++) {
        double begin = wall_s();
        int file = open(beside, O_RDWR | O_CREAT | O_TRUNC, 0600);
        must(file >= 0 && write(file, bytes, size) == (ssize_t)size && fsync(file) == 0 && close(file) == 0);
        must(rename(beside, path) == 0 && fsync(folder) == 0);
        took_us[i] = (wall_s() - begin) * 1e6;
    }
    close(folder);
    figures_print("new file, fsync, rename, fsync of folder", size, count);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = { 256, 4096, 65536, LARGEST };
    uint64_t state = 1;
    for (size_t i = 0; i < LARGEST; i += sizeof state) {
        uint64_t word = random_next(&state);
        memcpy(bytes + i, &word, sizeof word);
    }
    snprintf(folder_path, sizeof folder_path, "%s", argc > 1 ? argv[1] : "build");
    snprintf(path, sizeof path, "%s/bench-disk", folder_path);
    snprintf(beside, sizeof beside, "%s.new", path);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t count = sizes[i] < 65536 ? 200 : 40;
        append_measure(sizes[i], count, no_sync, "appended, not synced");
        append_measure(sizes[i], count, fdatasync, "appended, fdatasync");
        if (i == 0)
            append_measure(sizes[i], count, fsync, "appended, fsync");
        overwrite_measure(sizes[i], count);
        replace_measure(sizes[i], count);
    }
    unlink(path);
    return 0;
}
