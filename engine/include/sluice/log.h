/*
 * sluice/log.h - lines in the job's log, for jobs and listeners. The log is standard error, or <work-dir>/log where the
 * job runs in the background.
 *
 *     sl_log_warn("import_customers", "line %.*s: %s", (int)in->key.size, in->key.at, reason);
 *
 * For what an operator is to read: nothing for each record that is as it should be. `part` names who speaks. Line ends and
 * control bytes are escaped, so that input cannot forge a line; a line that repeats the one before is counted. Any thread.
 */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

#include <sluice/types.h>

__attribute__((format(printf, 2, 3))) void sl_log_info(const char *part, const char *format, ...);
__attribute__((format(printf, 2, 3))) void sl_log_warn(const char *part, const char *format, ...);

/*
 * The status: a line at the foot of the terminal, changed in place, above which the log's lines are written. "" takes it
 * away. False, and nothing is shown, where the log does not go to a terminal, where a console output shares it, or where
 * --log-level wants less than info.
 */
bool sl_log_status(const char *text);

/* Called by what prints to standard output itself, if only to a terminal: no status is drawn between its lines. */
void sl_log_share_terminal(void);

#endif
