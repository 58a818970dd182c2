/*
 * bench/limits/csv.c - what it takes to cut listens into fields: looking at every byte, cutting, and the whole stage that the
 * job has, from the second-level cache and from memory that no cache holds.
 */
#include "../../jobs/records/play.h"
#include "../shared/measure.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5, NEAR = 8000, FAR = 1500000, TIMES_NEAR = 40 };

static uint64_t sum_of; /* so that nothing is optimised away */

typedef struct lines {
    sl_text *at;
    char *bytes;
    size_t count, size;
} lines;

static lines lines_make(size_t count)
{
    lines made = { malloc(count * sizeof *made.at), malloc(count * LINE_ROOM + 64), count, 0 };
    uint64_t state = 1;
    for (size_t i = 0; i < count; i++) {
        line line;
        unsigned customer = zipf_next(&state, 5000), track = zipf_next(&state, 100000);
        line_print(&line, i, customer, track, &state);
        memcpy(made.bytes + made.size, line.text, line.size);
        made.at[i] = (sl_text){ made.bytes + made.size, line.size };
        made.size += line.size;
    }
    return made;
}

static void commas_look(const lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        sl_csv_masks_ masks = sl_csv_scan_(lines->at[i]);
        sum_of += masks.comma ^ masks.quote ^ masks.high;
    }
}

static void bytes_walk(const lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        for (size_t k = 0; k < lines->at[i].size; k++)
            sum_of += lines->at[i].at[k] == ',';
}

static void comma_find(const lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        const char *at = lines->at[i].at, *end = at + lines->at[i].size;
        while ((at = memchr(at, ',', (size_t)(end - at)))) {
            at++;
            sum_of++;
        }
    }
}

static void fields_cut(const lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        sl_text field[6];
        if (sl_csv_split(NULL, lines->at[i], field, 6))
            give_up("a line is refused");
        sum_of += field[1].size + field[5].size;
    }
}

static void plays_parse(const lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        sl_message message = { .origin = { .offset = (int64_t)i }, .value = lines->at[i] };
        play play = { 0 };
        if (!parse_play(NULL, &message, &play))
            give_up("a line is refused");
        sum_of += (uint64_t)play.event_id + play.track_id.size;
    }
}

static double ns_of(void (*way)(const lines *), const lines *lines, int times)
{
    double took[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        double begin = thread_s();
        for (int i = 0; i < times; i++)
            way(lines);
        took[round] = (thread_s() - begin) * 1e9 / times / (double)lines->count;
    }
    return median(took, ROUNDS);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*way)(const lines *);
    } ways[] = { { "byte by byte, in a plain loop", bytes_walk },
                 { "memchr() from comma to comma", comma_find },
                 { "masks of commas and quotes", commas_look },
                 { "sl_csv_split() into six fields", fields_cut },
                 { "parse_play(): all rules of a listen", plays_parse } };
    lines near = lines_make(NEAR), far = lines_make(FAR);
    double size = (double)far.size / (double)far.count;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        double near_ns = ns_of(ways[i].way, &near, TIMES_NEAR), far_ns = ns_of(ways[i].way, &far, 1);
        printf("%-38s %6.1f ns a line from cache  %6.1f from memory  %6.2f GB/s\n", ways[i].name, near_ns,
               far_ns, size / far_ns);
    }
    return sum_of == 1;
}
