/*
 * cli/command.c - what subcommands share: reading their words, their help, their exit codes.
 */
#include <cli/command.h>

typedef struct words { /* of the command line, behind the subcommand */
    int argc;
    char **argv;
} words;

static sl_result words_read(const command *command, words words, arguments *arguments, failure *failure);

static const setting common_options[2] = {
    { NULL, "--help", SETTING_FLAG, NULL, NULL, NULL, NULL, "prints this" },
    { 0 },
};

int command_run(const command *command, int argc, char **argv)
{
    if (command->run_words)
        return command->run_words(argc, argv);
    if (settings_help_asked(argc, argv)) {
        command_help(command, stdout);
        return 0;
    }
    failure failure = { 0 };
    arguments arguments = { .settings = settings_new() };
    sl_result result = words_read(command, (words){ argc, argv }, &arguments, &failure);
    if (result == SL_OK)
        result = command->run(&arguments, &failure);
    fflush(stdout);
    if (failure.text[0] != '\0')
        fprintf(stderr, "sluice %s: %s\n", command->name, failure.text);
    settings_free(arguments.settings);
    return exit_code(result);
}

void command_help(const command *command, FILE *out)
{
    fprintf(out, "sluice %s %s\n\n%s\n", command->name, command->form, command->about);
    if (command->more)
        fprintf(out, "\n%s", command->more);
    if (command->options == NULL)
        return;
    settings *options = settings_new();
    settings_add(options, "Options", command->options);
    fputc('\n', out);
    settings_help(options, out);
    settings_free(options);
}

/* Options and names in any order. */
static sl_result words_read(const command *command, words words, arguments *arguments, failure *failure)
{
    settings_add(arguments->settings, "Options", command->options);
    settings_add(arguments->settings, "Always", common_options);
    int used = 0;
    for (int at = 0; at < words.argc; at += used) {
        SL_TRY(settings_arguments(arguments->settings, words.argc - at, words.argv + at, &used, failure));
        if (at + used >= words.argc)
            break;
        if (arguments->count == command->names_most)
            return fail(failure, SL_USAGE, "\"%s\" is one word too many; the form is: sluice %s %s",
                        words.argv[at + used], command->name, command->form);
        arguments->names[arguments->count++] = words.argv[at + used];
    }
    if (arguments->count < command->names_least)
        return fail(failure, SL_USAGE, "a name is missing; the form is: sluice %s %s", command->name,
                    command->form);
    return SL_OK;
}
