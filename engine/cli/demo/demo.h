/*
 * cli/demo/demo.h - the parts of `sluice demo`: its customers, its view of what comes out, and whether the counts add up.
 */
#ifndef CLI_DEMO_DEMO_H
#define CLI_DEMO_DEMO_H

#include <base/failure.h>

enum { DEMO_CUSTOMERS = 5000, DEMO_PATH_ROOM = 4096 };

/* 5,000 made-up customers in the form of cust.csv; the same in every run. */
sl_result demo_customers_write(const char *path, failure *failure);

typedef struct demo_view demo_view;

/* What Redis and the output files show after each batch. `out` is the folder of the file outputs. */
sl_result demo_view_open(const char *redis_url, const char *out, demo_view **view, failure *failure);
void demo_view_close(demo_view *view); /* NULL is fine */

/* A line of the console listener; anything but a completed or failed batch shows nothing. True: a batch completed. */
bool demo_view_line(demo_view *view, const char *line);

typedef struct demo_tally {
    int64_t generated, records, written, duplicates, filtered, dead_letters;
    int64_t documents; /* lines in the output files */
} demo_tally;

/* From the histories of both jobs and the output files. */
sl_result demo_tally_take(const char *generate, const char *listens, const char *documents, demo_tally *tally,
                          failure *failure);

/* Prints the sums; SL_FAILED when they do not add up. */
sl_result demo_tally_print(const demo_tally *tally, failure *failure);

#endif
