/*
 * tests/system/shared/made_listens.h - listens made up from a fixed seed, good ones in every form that the contract allows
 * and malformed ones of every kind, and what must become of each: known when it is made, not found out by parsing.
 */
#ifndef TESTS_SYSTEM_SHARED_MADE_LISTENS_H
#define TESTS_SYSTEM_SHARED_MADE_LISTENS_H

#include <stddef.h>
#include <stdint.h>

enum { MADE_PARTITIONS_MAX = 64 };

typedef struct made_listen {
    int32_t partition;
    int64_t offset, time_ms;
    char *value;                 /* NULL: a tombstone */
    const char *reason, *detail; /* of a malformed one; NULL: it is good, and this is what it says: */
    int64_t event_id;
    char *customer, *track, *datetime, *zip;
    int mobile;
} made_listen;

typedef struct made_listens {
    made_listen *at;
    size_t count, sent;
    int32_t partitions;
    int64_t ends[MADE_PARTITIONS_MAX]; /* what was made for each partition */
    int64_t start_ms;
    uint64_t seed;
} made_listens;

void made_listens_begin(made_listens *all, int32_t partitions);
void made_listens_done(made_listens *all);

void made_listens_add(made_listens *all, size_t count);
/* Lines of the real data, which are all good. The number of them, 0 when the file is not there. */
size_t made_listens_read(made_listens *all, const char *path);

/* What was not sent yet. */
void made_listens_send(made_listens *all, const char *servers, const char *topic);

/* Customers for all numbers up to some: a CSV file as import_customers reads it. */
enum { MADE_CUSTOMERS = 40 };
void made_customers_write(const char *path);

#endif
