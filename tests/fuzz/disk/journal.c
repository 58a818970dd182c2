/*
 * tests/fuzz/disk/journal.c - any bytes as a journal, for libFuzzer; the second byte says which batches are done. What comes back
 * is in order, behind what is done, and within the partitions that there are; a journal that was opened once opens again, and
 * says the same.
 */
#include <base/folder.h>
#include <batches/inputs.h>
#include <batches/journal.h>
#include <fuzz/disk/framed.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inputs inputs_made;

static uint64_t batches_look(journal *journal, int64_t done)
{
    size_t count;
    uint64_t sum = 0;
    batch **replays = journal_replays(journal, &count);
    for (size_t i = 0; i < count; i++) {
        size_t ranges;
        const batch_range *at = batch_ranges(replays[i], &ranges);
        sl_expect(replays[i]->id > done && replays[i]->journaled);
        sl_expect(i == 0 || replays[i - 1]->id <= replays[i]->id);
        for (size_t r = 0; r < ranges; r++) {
            sl_expect(at[r].partition < INPUTS_PARTITIONS);
            sum = sum * 31 + (uint64_t)at[r].from + (uint64_t)at[r].until;
        }
        sum = sum * 31 + (uint64_t)replays[i]->id;
    }
    for (size_t i = 0; i < count; i++)
        batch_free(replays[i]);
    free(replays);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static buffer file;
    uint64_t sums[2] = { 0 };
    if (inputs_made.settings == NULL) {
        folder_open();
        inputs_open(&inputs_made, "");
    }
    int64_t done = size ? data[0] : 0;
    framed_make(data + (size > 0), size - (size > 0), &file);
    file_make(folder_path("journal"), &file);
    for (int i = 0; i < 2; i++) {
        failure failure = { 0 };
        journal *journal = NULL;
        sl_result result = journal_open(folder_path(""), &inputs_made.intake, done, &journal, &failure);
        sl_expect((result == SL_OK) == (failure.text[0] == '\0') && (result == SL_OK) == (journal != NULL));
        if (result != SL_OK)
            return 0;
        sums[i] = batches_look(journal, done);
        journal_close(journal);
    }
    sl_expect(sums[0] == sums[1]);
    return 0;
}
