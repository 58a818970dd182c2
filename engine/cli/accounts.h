/*
 * cli/accounts.h - the accounts of a job's batches, read from the history in its work folder.
 *
 *     accounts accounts = { 0 };
 *     SL_TRY(accounts_read(place.folder, &accounts, failure));
 *     for (size_t i = 0; i < accounts.count; i++)
 *         account_parse(accounts.lines[i], &account);
 *     accounts_done(&accounts);
 */
#ifndef CLI_ACCOUNTS_H
#define CLI_ACCOUNTS_H

#include <base/buffer.h>
#include <base/failure.h>

typedef struct accounts { /* a zeroed one is ready */
    buffer text;
    sl_text *lines; /* each batch once, its last attempt, oldest first; without line ends */
    size_t count;
} accounts;

typedef struct account {
    int64_t batch_id, batch_time_ms, records, written, duplicates, filtered, dead_letters, lookup_missed;
    double scheduling_delay_ms, processing_ms, total_delay_ms;
    int64_t attempt;
    char state[16], error[200];
} account;

/* Both generations of the history. No history is no accounts; a torn last line is left out. */
sl_result accounts_read(const char *folder, accounts *accounts, failure *failure);
/* And those that the checkpoint alone has, since the process died before its listeners were through. */
sl_result accounts_read_all(const char *folder, accounts *accounts, failure *failure);
void accounts_done(accounts *accounts);

/* False when the line is no account. */
bool account_parse(sl_text line, account *account);

/* The completed batches added up: only the sums are filled. */
account accounts_sum(const accounts *accounts);

#endif
