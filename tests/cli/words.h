/*
 * tests/cli/words.h - a subcommand run as from the command line, and what it printed.
 */
#ifndef TESTS_CLI_WORDS_H
#define TESTS_CLI_WORDS_H

#include <cli/command.h>

/* "batches --last 2": cut at blanks; the first word is the command's name. Gives the exit code. */
int words_run(const command *command, const char *line);
const char *words_printed(
    void); /* by the last words_run(), standard output and error as they came; until the next */

#endif
