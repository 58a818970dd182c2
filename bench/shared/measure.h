/*
 * bench/shared/measure.h - what every benchmark needs: clocks, medians, GOAL lines, made-up listens, child processes.
 */
#ifndef SHARED_MEASURE_H
#define SHARED_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* ---- Clocks, in seconds ---- */

double wall_s(void);
double process_s(void); /* CPU time of this process, all its threads */
double thread_s(void);
double process_s_of(pid_t pid); /* of another process; negative when it is gone */

/* ---- Figures ---- */

double median(double *values, size_t count); /* sorts them */
void sort_values(double *values, size_t count);
double quantile(const double *sorted, size_t count, double share); /* 0.99 */

typedef enum goal_sense { GOAL_LEAST, GOAL_MOST } goal_sense;

/* GOAL <name> <value> <unit> goal <bound> met|missed */
void goal(const char *name, double value, const char *unit, goal_sense sense, double bound);

/* ---- Input: listens by Zipf's law, the same for the same seed ---- */

uint64_t random_next(uint64_t *state);
unsigned zipf_next(uint64_t *state,
                   unsigned count); /* 0 .. count-1, the r-th with a weight of about 1 / (r + 1) */

enum { LINE_ROOM = 64 };

typedef struct line {
    char text[LINE_ROOM];
    unsigned size;
} line;

/* `number,customer,track,"datetime",ismobile,"zip"`; the rest is drawn. */
void line_print(line *line, uint64_t number, unsigned customer, unsigned track, uint64_t *state);
/* The fields of a customer as JSON. */
void customer_print(unsigned number, char *json, size_t room);

/* ---- Child processes ---- */

typedef struct child_figures {
    double wall_s, cpu_s, rss_mb;
} child_figures;

pid_t child_start(const char *const *words); /* killed when this process ends */
FILE *child_start_heard(const char *const *words,
                        pid_t *child);             /* the same; its standard output, to be closed */
child_figures child_run(const char *const *words); /* to its end; ends this process when it failed */
/* A folder of its own for a job, and its end. */
void work_dir_new(char *path, size_t room);
void work_dir_remove(const char *path);

_Noreturn void give_up(const char *why);

#endif
