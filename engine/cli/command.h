/*
 * cli/command.h - what a subcommand of `sluice` is, and how its words are read.
 *
 * One file cli/NAME.c defines `const command command_NAME`; cli/main.c lists them in the order of --help. Most commands are
 * handed their options and names ready parsed. Those that pass words on to another program (submit) read them alone.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <base/settings.h>

enum { ARGUMENT_NAMES_MOST = 4 };

typedef struct arguments {
    settings *settings; /* the values of the command's options */
    const char *names[ARGUMENT_NAMES_MOST];
    size_t count;
} arguments;

typedef struct command {
    const char *name, *form, *about; /* form: what stands behind the name: "NAME [--json]" */
    const setting *options;          /* ends with { 0 } */
    size_t names_least, names_most;
    sl_result (*run)(const arguments *arguments, failure *failure);
    int (*run_words)(int argc,
                     char **argv); /* instead of run: argv[0] is the command's name; gives the exit code */
    const char *more;              /* whole lines for `sluice help NAME`; NULL: none */
} command;

extern const command command_submit, command_list, command_status, command_stop, command_batches,
    command_tune, command_tap, command_explain, command_doctor, command_top, command_reset, command_demo,
    command_dlq, command_checkpoint, command_savepoint, command_replay, command_new, command_flow;

int command_run(const command *command, int argc, char **argv); /* argv[0] is its name; gives the exit code */
void command_help(const command *command, FILE *out);

#endif
