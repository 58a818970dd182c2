/*
 * cli/main.c - the `sluice` command: finds the subcommand and runs it.
 *
 *     sluice list                     a subcommand
 *     sluice help stop, sluice stop --help
 */
#include <cli/broker.h>
#include <cli/command.h>
#include <string.h>
#include <version.h>

enum { COMMANDS = 19 };
static const command *const commands[COMMANDS];

static const command *command_find(const char *name);
static int command_unknown(const char *name);
static int help_run(int argc, char **argv);
static void overview_print(FILE *out);

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (argc < 2) {
        overview_print(stderr);
        return exit_code(SL_USAGE);
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help_run(argc - 1, argv + 1);
    if (name[0] == '-' && settings_help_asked(argc, argv))
        return help_run(1, argv);
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("sluice %s\n", SLUICE_VERSION);
        return 0;
    }
    const command *command = command_find(name);
    return command ? command_run(command, argc - 1, argv + 1) : command_unknown(name);
}

static const command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static int command_unknown(const char *name)
{
    const char *names[COMMANDS + 1] = { "help" };
    for (size_t i = 0; i < COMMANDS; i++)
        names[i + 1] = commands[i]->name;
    const char *nearest = nearest_word(name, names, COMMANDS + 1);
    fprintf(stderr, "sluice: there is no command \"%s\"", name);
    if (nearest)
        fprintf(stderr, "; did you mean \"%s\"?\n", nearest);
    else
        fprintf(stderr, "; `sluice --help` lists them\n");
    return exit_code(SL_USAGE);
}

static int help_run(int argc, char **argv)
{
    if (argc < 2) {
        overview_print(stdout);
        return 0;
    }
    const command *command = command_find(argv[1]);
    if (command == NULL)
        return command_unknown(argv[1]);
    if (command->run_words) {
        char *words[] = { argv[1], (char[]){ "--help" }, NULL };
        return command->run_words(2, words);
    }
    command_help(command, stdout);
    return 0;
}

static void overview_print(FILE *out)
{
    fprintf(out, "sluice: streams of records in small batches\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  sluice %-11s %s\n", commands[i]->name, commands[i]->about);
    fprintf(out, "\n`sluice help COMMAND` tells more; `sluice --version` tells the version.\n"
                 "Exit codes: 0 ended as asked, 1 failed, 2 bad usage, 3 a server could not be reached,\n"
                 "4 too many failed batches, 5 data loss refused, 6 already running.\n");
}

static const command command_broker = { .name = "broker",
                                        .form = "[options]",
                                        .about = "a Kafka broker in memory, for trying things out",
                                        .run_words = broker_run };

static const command *const commands[COMMANDS] = {
    &command_submit, &command_list,    &command_top,        &command_status,    &command_stop,
    &command_tune,   &command_batches, &command_flow,       &command_tap,       &command_explain,
    &command_doctor, &command_dlq,     &command_checkpoint, &command_savepoint, &command_replay,
    &command_reset,  &command_new,     &command_broker,     &command_demo,
};
