/*
 * tests/fuzz/text/records.c - any bytes as a CSV line and as a JSON object that a record is read from, for libFuzzer. A message gives
 * a row or one dead letter with a reason and a detail, the same each time; whole numbers of a row are in the range of their
 * kind, and its texts are valid UTF-8.
 */
#include <plan/task.h>
#include <records/utf8.h>
#include <sluice/records.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SAMPLE_FIELDS(F)                                                                                     \
    F(origin, origin)                                                                                        \
    F(text, word) F(i32, small) F(i64, big) F(f64, share) F(flag, is) F(time, at) F(maybe_i64, perhaps)
SL_RECORD(sample, SAMPLE_FIELDS);

typedef bool reads(sl_task *task, const sl_message *in, const sl_schema *schema, void *row);

static bool read_once(reads *read, const sl_message *message, sl_task *task, sample *row)
{
    task->rejects.size = 0;
    arena_reset(&task->memory);
    *row = (sample){ 0 };
    bool taken = read(task, message, sample_schema(), row);
    const reject *rejected = (const void *)task->rejects.at;
    sl_expect(task->rejects.size == (taken ? 0 : sizeof *rejected));
    sl_expect(taken || (rejected->reason[0] && rejected->detail[0]));
    sl_expect(taken || utf8_is_valid((sl_text){ rejected->detail, strlen(rejected->detail) }));
    sl_expect(!taken || row->word.at == NULL || utf8_is_valid(row->word));
    sl_expect(!taken || row->is == 0 || row->is == 1);
    return taken;
}

static void read_try(reads *read, const uint8_t *data, size_t size)
{
    static struct sl_task task;
    sample first, second;
    char *copy = malloc(size + 64); /* vector code may look so far past a message */
    memcpy(copy, data, size);
    memset(copy + size, 0, 64);
    sl_message message = { .origin = { 5, 6, 7 }, .value = { copy, size } };
    bool taken = read_once(read, &message, &task, &first);
    int32_t small = first.small;
    int64_t big = first.big, at = first.at;
    sl_expect(read_once(read, &message, &task, &second) == taken);
    sl_expect(!taken || (small == second.small && big == second.big && at == second.at));
    sl_expect(!taken || second.origin.offset == 5);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_try(sl_csv_read, data, size);
    read_try(sl_json_read, data, size);
    return 0;
}
