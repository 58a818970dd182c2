/*
 * tests/cli/words.c - standard output and error go to a temporary file while a command runs.
 */
#include <cli/words.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MOST = 32 };

static char printed[1 << 16];

static void outputs_swap(int output, int error)
{
    fflush(stdout);
    fflush(stderr);
    dup2(output, STDOUT_FILENO);
    dup2(error, STDERR_FILENO);
}

int words_run(const command *command, const char *line)
{
    char *copy = strdup(line), *rest = copy, *words[WORDS_MOST + 1] = { 0 };
    int count = 0, output = dup(STDOUT_FILENO), error = dup(STDERR_FILENO);
    while (count < WORDS_MOST && (words[count] = strsep(&rest, " ")))
        count++;
    FILE *file = tmpfile();
    outputs_swap(fileno(file), fileno(file));
    int code = command_run(command, count, words);
    outputs_swap(output, error);
    close(output);
    close(error);
    rewind(file);
    printed[fread(printed, 1, sizeof printed - 1, file)] = '\0';
    fclose(file);
    free(copy);
    return code;
}

const char *words_printed(void)
{
    return printed;
}
