/*
 * cli/started.c - reads the file and becomes the program, in a child.
 */
#include <base/disk.h>
#include <base/memory.h>
#include <cli/json.h>
#include <cli/started.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char file_name[] = "command"; /* STARTED_FILE */

static sl_result file_read(const place *place, json_object **told, failure *failure);
static _Noreturn void program_become(json_object *told, const started_wish *wish, const char *program);
static void output_read(int from, buffer *out);

sl_result started_run(const started_wish *wish, buffer *out, int *code, failure *failure)
{
    json_object *told = NULL;
    int ends[2] = { -1, -1 }, status = 0;
    if (wish->program == NULL)
        SL_TRY(file_read(wish->place, &told, failure));
    const char *program = wish->program ? wish->program : json_words(told, "program");
    fflush(NULL);
    pid_t child = out && pipe(ends) != 0 ? -1 : fork();
    if (child == 0) {
        if (out)
            dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        program_become(told, wish, program);
    }
    if (out) {
        close(ends[1]);
        output_read(ends[0], out);
        close(ends[0]);
    }
    sl_result result = child < 0 || waitpid(child, &status, 0) != child
                           ? fail(failure, SL_FAILED, "starting %s: %s", program, strerror(errno))
                           : SL_OK;
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    if (result == SL_OK && *code == 127)
        result = fail(failure, SL_FAILED,
                      "%s is not there any more; start the job anew from where it lies now", program);
    json_object_put(told);
    return result;
}

static sl_result file_read(const place *place, json_object **told, failure *failure)
{
    char path[PLACE_PATH_ROOM];
    buffer text = { 0 };
    SL_TRY(place_path(place, file_name, path, failure));
    SL_TRY(disk_read(path, &text, failure));
    *told = text.size ? json_read(text.at, text.size) : NULL;
    buffer_done(&text);
    if (*told && *json_words(*told, "program"))
        return SL_OK;
    json_object_put(*told);
    *told = NULL;
    return fail(failure, SL_USAGE,
                "%s does not tell how %s was started: start the job once, and then ask again", path,
                place->name);
}

/* Words of the job first: the last one of an option counts. */
static _Noreturn void program_become(json_object *told, const started_wish *wish, const char *program)
{
    json_object *own = json_member(told, "words"), *environment = json_member(told, "environment");
    size_t count = own ? json_object_array_length(own) : 0, more = 0, at = 0;
    while (wish->more[more])
        more++;
    const char **words = memory_new((count + more + 2) * sizeof *words);
    words[at++] = program;
    for (size_t i = 0; i < count; i++)
        words[at++] = json_object_get_string(json_object_array_get_idx(own, i));
    for (size_t i = 0; i < more; i++)
        words[at++] = wish->more[i];
    for (size_t i = 0; environment && i < json_object_array_length(environment); i++)
        putenv(memory_text(json_object_get_string(json_object_array_get_idx(environment, i))));
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (told && chdir(json_words(told, "folder")) != 0)
        fprintf(stderr, "the folder %s is gone: %s\n", json_words(told, "folder"), strerror(errno));
    execv(program, (char *const *)(uintptr_t)words);
    _exit(127);
}

static void output_read(int from, buffer *out)
{
    enum { PIECE = 65536 };
    for (ssize_t size; (size = read(from, buffer_reserve(out, PIECE), PIECE)) > 0;)
        out->size += (size_t)size;
}
