/*
 * bench/counts/paths.c - one hot path at a time, for callgrind to count its instructions: see run.sh.
 *
 *     paths NAME      runs that path over a fixed input; prints its name and how many records counted_part() handled
 *
 * What lies behind the engine's own interface is measured as a small job on one worker, drawn as users draw theirs, after
 * rounds in which every key became known; the cost of one step is what a job with it takes more than one without it.
 */
#include <sluice/job.h>
#define job listens_job /* this program has a job of its own */
#include "../../jobs/listens.c"
#undef job
#include "../../tests/support/record_batches.c"
#include "../shared/memory_job.h"
#include <records/segment.h>
#include <sources/kafka/record_batch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRACKS = 2000,
    CUSTOMERS = 1000,
    LISTENS = 20000,
    WARM = 4,
    CHUNK = 256,
    BATCH_LISTENS = 300,
    CHUNKS = LISTENS / CHUNK
};

typedef struct path {
    const char *name;
    void (*prepare)(void);
    size_t (*run)(void); /* how many records */
    void (*draw)(sl_plan *plan, const options *set);
} path;

static const path *wanted;
static line lines[LISTENS];
static uint64_t sum_of; /* so that nothing is optimised away */

extern const sl_job job;
size_t counted_part(void); /* its name is what callgrind is told */

/* ---- Cutting and parsing ---- */

static sl_text text_of(size_t number)
{
    return (sl_text){ lines[number].text, lines[number].size };
}

static size_t split_run(void)
{
    for (size_t i = 0; i < LISTENS; i++) {
        sl_text field[6];
        if (sl_csv_split(NULL, text_of(i), field, 6))
            give_up("a line is refused");
        sum_of += field[1].size + field[5].size;
    }
    return LISTENS;
}

static size_t parse_run(void)
{
    static sl_message messages[CHUNK];
    static play plays[CHUNK + 1];
    for (size_t chunk = 0; chunk < CHUNKS; chunk++) {
        sl_rows out = { .at = plays };
        for (size_t i = 0; i < CHUNK; i++)
            messages[i] = (sl_message){ .value = text_of(chunk * CHUNK + i) };
        parse_play_stage.run(NULL, messages, CHUNK, &out);
        sum_of += out.count + (uint64_t)plays[CHUNK - 1].event_id;
    }
    return (size_t)CHUNKS * CHUNK;
}

/* ---- Record batches ---- */

static buffer batches;
static record_scratch scratch;

static void batches_make(written_codec codec)
{
    static written_record records[BATCH_LISTENS];
    for (size_t at = 0; at + BATCH_LISTENS <= LISTENS; at += BATCH_LISTENS) {
        for (size_t i = 0; i < BATCH_LISTENS; i++)
            records[i] = (written_record){ .time_ms = 1700000000000 + (int64_t)(at + i) / 100,
                                           .value = text_of(at + i) };
        batch_write(&batches, &(written_batch){ .base_offset = (int64_t)at, .packed_by = codec }, records,
                    BATCH_LISTENS);
    }
    buffer_reserve(&batches, SEGMENT_SLACK);
    record_scratch_init(&scratch, 64 << 20);
}

static void plain_prepare(void)
{
    batches_make(WRITTEN_PLAIN);
}

static void lz4_prepare(void)
{
    batches_make(WRITTEN_LZ4);
}

static size_t batch_read(const char *at, size_t size)
{
    static sl_message messages[CHUNK];
    record_cursor cursor = { .until = INT64_MAX };
    size_t all = 0;
    failure failure = { 0 };
    for (size_t count = 1; count; all += count) {
        if (record_cursor_open(&cursor, at, size, &scratch, &failure) != SL_OK ||
            record_cursor_read(&cursor, messages, CHUNK, &count, &failure) != SL_OK)
            give_up(failure.text);
        sum_of += messages[0].value.size;
    }
    return all;
}

static size_t batches_run(void)
{
    size_t count = 0;
    for (size_t at = 0; at < batches.size;) {
        record_batch batch;
        failure failure = { 0 };
        record_batch_header(batches.at + at, batches.size - at, &batch, &failure);
        count += batch_read(batches.at + at, batches.size - at);
        at += batch.size;
    }
    return count;
}

/* ---- Jobs ---- */

static memory_job *run;

static void job_prepare(void)
{
    /* Without servers an output keeps its lines for a test to see, and sorts them, unless it is sent elsewhere. */
    static const char *const one[] = { "--cores", "1", NULL }, *const nowhere[] = { "--cores", "1", "--to",
                                                                                    "documents=null", NULL };
    if (strcmp(wanted->name, "listens") == 0)
        run = memory_job_open(one, CUSTOMERS);
    else
        run = memory_job_open_plain(strcmp(wanted->name, "counting") ? nowhere : one, CUSTOMERS);
    for (int round = 0; round < WARM; round++) {
        memory_job_send(run, lines, LISTENS);
        memory_job_batch(run, 2000);
    }
    memory_job_send(run, lines, LISTENS);
}

static size_t job_run(void)
{
    memory_job_batch(run, 2000);
    return (size_t)memory_job_account(run)->records;
}

static bool no_message(sl_task *task, const sl_message *in, play *out)
{
    (void)task, (void)in, (void)out;
    return false;
}
SL_STAGE(no_message, sl_message, play);

static bool no_play(sl_task *task, const play *in, play *out)
{
    (void)task, (void)in, (void)out;
    return false;
}
SL_STAGE(no_play, play, play);

static sl_stream draw_lines(sl_plan *plan)
{
    return sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
}

static sl_stream draw_look_up(sl_stream plays)
{
    return sl_look_up(plays, &(sl_lookup){ .name = "customers",
                                           .from = "redis",
                                           .key = SL_FIELDS(play, customer_id),
                                           .into = SL_FIELDS(play, customer) });
}

static void draw_documents(sl_stream plays)
{
    sl_to(plays, &(sl_output){ .name = "documents",
                               .to = { "null" },
                               .index = "documents",
                               .id = SL_FIELDS(play, origin),
                               .keywords = SL_FIELDS(play, datetime) });
}

static void draw_reading(sl_plan *plan, const options *set)
{
    (void)set;
    draw_documents(sl_through(draw_lines(plan), &no_message_stage));
}

static void draw_parsing(sl_plan *plan, const options *set)
{
    (void)set;
    draw_documents(sl_through(sl_through(draw_lines(plan), &parse_play_stage), &no_play_stage));
}

static void draw_looking_up(sl_plan *plan, const options *set)
{
    (void)set;
    draw_documents(sl_through(draw_look_up(sl_through(draw_lines(plan), &parse_play_stage)), &no_play_stage));
}

static void draw_printing(sl_plan *plan, const options *set)
{
    (void)set;
    draw_documents(sl_through(draw_lines(plan), &parse_play_stage));
}

static void draw_printing_customers(sl_plan *plan, const options *set)
{
    (void)set;
    draw_documents(draw_look_up(sl_through(draw_lines(plan), &parse_play_stage)));
}

/* No key comes often enough to leave the count: counting alone. */
static void draw_counting(sl_plan *plan, const options *set)
{
    sl_window window = { .length = set->interest_window, .pane = set->interest_pane };
    sl_stream plays = sl_through(sl_through(draw_lines(plan), &parse_play_stage), &play_by_customer_stage);
    sl_stream counts = sl_count_by(plays, &(sl_count){ .name = "plays_by_customer",
                                                       .key = SL_FIELDS(interest, customer_id, track_id),
                                                       .into = SL_FIELDS(interest, plays),
                                                       .at_least = 1000000,
                                                       .touched_only = true,
                                                       .window = window });
    sl_to(counts, &(sl_output){ .name = "interests",
                                .to = { "null" },
                                .index = "interests",
                                .id = SL_FIELDS(interest, customer_id, track_id) });
}

static void draw_listens(sl_plan *plan, const options *set)
{
    draw(plan, set);
}

/* ---- Which ---- */

static const path paths[] = {
    { "csv_split", NULL, split_run, NULL },
    { "parse_listen", NULL, parse_run, NULL },
    { "record_batch_plain", plain_prepare, batches_run, NULL },
    { "record_batch_lz4", lz4_prepare, batches_run, NULL },
    { "reading", job_prepare, job_run, draw_reading },
    { "parsing", job_prepare, job_run, draw_parsing },
    { "looking_up", job_prepare, job_run, draw_looking_up },
    { "counting", job_prepare, job_run, draw_counting },
    { "printing", job_prepare, job_run, draw_printing },
    { "printing_customers", job_prepare, job_run, draw_printing_customers },
    { "listens", job_prepare, job_run, draw_listens },
};

__attribute__((noinline)) size_t counted_part(void)
{
    return wanted->run();
}

int main(int argc, char **argv)
{
    uint64_t state = 1;
    for (size_t i = 0; argc == 2 && i < sizeof paths / sizeof paths[0]; i++)
        if (!strcmp(paths[i].name, argv[1]))
            wanted = &paths[i];
    if (wanted == NULL) {
        fprintf(stderr, "usage: paths NAME; names are at the end of bench/counts/paths.c\n");
        return 2;
    }
    for (size_t i = 0; i < LISTENS; i++)
        line_print(&lines[i], i, zipf_next(&state, CUSTOMERS), zipf_next(&state, TRACKS), &state);
    if (wanted->prepare)
        wanted->prepare();
    printf("%s %zu\n", wanted->name, counted_part());
    return sum_of == 1;
}

static void draw_wanted(sl_plan *plan, const void *filled)
{
    wanted->draw(plan, filled);
}

const sl_job job = {
    .name = "counts",
    .about = "a part of listens, for its instructions to be counted",
    .options = option_table,
    .options_bytes = sizeof(options),
    .draw = draw_wanted,
};
