/*
 * sluice/test.h - a job run on memory ends and a manual clock. It returns text, so that any test frame can compare it.
 *
 *     sl_test *test = sl_test_open(&job, "--interval 1s --interest-plays 2");
 *     sl_test_known(test, "customers", "9", "{\"name\":\"Ann\",\"gender\":\"1\"}");
 *     sl_test_send(test, "lines", "0,9,56,\"2014-10-23 03:26:20\",0,\"72132\"");
 *     sl_test_batch(test);
 *     assert_string_equal(sl_test_wrote(test, "interests"), "");
 *     sl_test_close(test);
 *
 * The clock starts at 0; the first batch of a 1 s interval has T = 1000. Inputs, lookups and outputs are in memory
 * whatever the job names, except outputs that the arguments name with --to. Nothing sleeps. A mistake in the use of this
 * interface (an unknown output, a job that cannot be drawn) ends the process with a message. One thread at a time.
 */
#ifndef SLUICE_TEST_H
#define SLUICE_TEST_H

#include <sluice/job.h>
#include <sluice/listener.h>

typedef struct sl_test sl_test;

sl_test *sl_test_open(const sl_job *job, const char *arguments); /* as on the command line, cut at blanks */
void sl_test_close(sl_test *test);                               /* NULL is fine */

/* What a lookup finds for a key, as a JSON object of strings; NULL: nothing any more. Seen once the cache lets go. */
void sl_test_known(sl_test *test, const char *lookup, const char *key, const char *json);

void sl_test_send(sl_test *test, const char *input,
                  const char *value); /* NULL: a tombstone; no time: takes T */
void sl_test_send_message(sl_test *test, const char *input, uint32_t partition, const sl_message *message);
/* A header of all that is sent from now on, beside those given before; name NULL: none of them any more. */
void sl_test_header(sl_test *test, const char *name, const char *value);

void sl_test_batch(sl_test *test);            /* one interval passes, and its batch runs */
void sl_test_pass(sl_test *test, int64_t ms); /* time passes without batches: an outage */

/* The last batch's documents of an output, a line each, in order of _id; "" when it wrote nothing. */
const char *sl_test_wrote(sl_test *test, const char *output);
const sl_batch_info *sl_test_account(sl_test *test); /* of the last batch */

#endif
