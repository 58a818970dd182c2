/*
 * tests/faults/troubles.h - what befalls a job's servers, its disk and its clock while it lives: servers are killed, stand
 * still for longer than anybody waits for them, or answer nonsense; the disk is full for a while; the clock is set.
 */
#ifndef TESTS_FAULTS_TROUBLES_H
#define TESTS_FAULTS_TROUBLES_H

#include <servers/bad_proxy.h>
#include <servers/kafka.h>
#include <servers/search_server.h>
#include <support/random.h>
#include <system/shared/trial.h>

enum { TROUBLE_PATIENCE_MS = 1000 }; /* what the job's clients are to wait for a server, at most */

typedef struct troubles { /* of a history */
    trial *trial;
    kafka_server *kafka;   /* NULL: the trial's mock */
    search_server *search; /* NULL: there is none */
    bad_proxy *before_redis, *before_kafka, *before_search;
    char elastic[64], fault[80]; /* what the trial points to */
} troubles;

typedef struct trouble {
    const char *name; /* for the report; NULL: there is none */
    void (*make)(troubles *troubles, dice *dice);
    bool real, before_start; /* real: only with real servers */
} trouble;

/* Sets proxies before the servers, of which the job knows only them. */
void troubles_begin(troubles *troubles);
void troubles_end(troubles *troubles);

const trouble *trouble_draw(const troubles *troubles, dice *dice, unsigned one_of);

#endif
