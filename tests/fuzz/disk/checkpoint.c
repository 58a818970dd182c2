/*
 * tests/fuzz/disk/checkpoint.c - any bytes as the newest checkpoint of `listens`, for libFuzzer: read, and its state loaded into the
 * job's counts and lists. Whatever stands there, it is taken or refused with a sentence.
 */
#include "../../../jobs/listens.c"
#include <base/folder.h>
#include <batches/job_run.h>
#include <engine_parts.h>
#include <fuzz/disk/framed.h>
#include <unistd.h>

enum { RUNS_OF_A_JOB = 300 }; /* its state grows */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static job_run run;

static void job_renew(void)
{
    static unsigned runs;
    if (runs++ % RUNS_OF_A_JOB)
        return;
    if (runs == 1)
        folder_open();
    else
        job_run_close(&run);
    sl_expect(
        job_run_open(&run, &job,
                     "--cores 1 --top-window 8s --top-pane 1s --interest-window 4s --interest-pane 1s") ==
        SL_OK);
}

/* Damaged ones are set aside: the next input has a folder without them. */
static void file_forget(const char *name)
{
    char damaged[100];
    snprintf(damaged, sizeof damaged, "damaged-%s", name);
    unlink(folder_path(name));
    unlink(folder_path(damaged));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static buffer file;
    char name[CHECKPOINT_NAME_ROOM];
    failure failure = { 0 };
    checkpoint *opened = NULL;
    job_renew();
    checkpoint_name(7, name);
    framed_make(data, size, &file);
    file_make(folder_path(name), &file);
    sl_result result =
        checkpoint_open(folder_path(""), &run.engine->plan, &run.engine->intake, &opened, &failure);
    if (result == SL_OK) {
        checkpoint_head head = checkpoint_last(opened);
        sl_expect(head.newest.id >= head.batch_id && head.newest.time_ms >= head.time_ms);
        result = checkpoint_load(opened, run.engine->executor, &failure);
    }
    sl_expect((result == SL_OK) == (failure.text[0] == '\0'));
    checkpoint_close(opened);
    file_forget(name);
    return 0;
}
