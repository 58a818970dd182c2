/*
 * cli/demo/tally.c - do the demo's counts add up?
 *
 *     generated = records = written + duplicates + filtered + dead letters, and written = lines in the output files
 */
#include <base/disk.h>
#include <cli/accounts.h>
#include <cli/demo/demo.h>
#include <stdio.h>
#include <stdlib.h>

static sl_result sum_take(const char *folder, account *sum, failure *failure);
static sl_result lines_count(const char *folder, int64_t *lines, failure *failure);
static int64_t text_lines(const buffer *text);

sl_result demo_tally_take(const char *generate, const char *listens, const char *documents, demo_tally *tally,
                          failure *failure)
{
    account made, read;
    SL_TRY(sum_take(generate, &made, failure));
    SL_TRY(sum_take(listens, &read, failure));
    *tally = (demo_tally){ .generated = made.written,
                           .records = read.records,
                           .written = read.written,
                           .duplicates = read.duplicates,
                           .filtered = read.filtered,
                           .dead_letters = read.dead_letters };
    return lines_count(documents, &tally->documents, failure);
}

sl_result demo_tally_print(const demo_tally *tally, failure *failure)
{
    int64_t accounted = tally->written + tally->duplicates + tally->filtered + tally->dead_letters;
    printf("  generated     %12lld\n  records read  %12lld\n", (long long)tally->generated,
           (long long)tally->records);
    printf("  written       %12lld\n  duplicates    %12lld\n", (long long)tally->written,
           (long long)tally->duplicates);
    printf("  filtered      %12lld\n  dead letters  %12lld\n", (long long)tally->filtered,
           (long long)tally->dead_letters);
    printf("  in the files  %12lld\n", (long long)tally->documents);
    if (tally->generated != tally->records)
        return fail(failure, SL_FAILED, "the counts do not add up: generated %lld, read %lld",
                    (long long)tally->generated, (long long)tally->records);
    if (tally->records != accounted)
        return fail(failure, SL_FAILED, "the counts do not add up: read %lld, accounted for %lld",
                    (long long)tally->records, (long long)accounted);
    if (tally->documents != tally->written)
        return fail(failure, SL_FAILED, "the counts do not add up: written %lld, in the files %lld",
                    (long long)tally->written, (long long)tally->documents);
    printf(
        "The counts add up: generated = records = written + duplicates + filtered + dead letters; written = in the "
        "files.\n");
    return SL_OK;
}

static sl_result sum_take(const char *folder, account *sum, failure *failure)
{
    accounts accounts = { 0 };
    sl_result result = accounts_read(folder, &accounts, failure);
    *sum = accounts_sum(&accounts);
    accounts_done(&accounts);
    return result;
}

static sl_result lines_count(const char *folder, int64_t *lines, failure *failure)
{
    char **names = NULL, path[DEMO_PATH_ROOM];
    size_t count = 0;
    buffer text = { 0 };
    sl_result result = disk_list(folder, "batch-", &names, &count, failure);
    *lines = 0;
    for (size_t i = 0; i < count; i++) {
        text.size = 0;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        if (result == SL_OK)
            result = disk_read(path, &text, failure);
        *lines += text_lines(&text);
        free(names[i]);
    }
    free(names);
    buffer_done(&text);
    return result;
}

static int64_t text_lines(const buffer *text)
{
    int64_t lines = 0;
    for (size_t i = 0; i < text->size; i++)
        lines += text->at[i] == '\n';
    return lines;
}
