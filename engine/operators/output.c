/*
 * operators/output.c - hands rows to the sinks of an output, and keeps what was last written of lists that are replaced as
 * a whole.
 */
#include <base/log.h>
#include <base/memory.h>
#include <base/retry.h>
#include <base/sort.h>
#include <operators/output.h>
#include <operators/whole.h>
#include <stdlib.h>

typedef struct place {
    output_place named;
    void *sink;
    sink_batch batch;
} place;

struct output {
    sl_output drawn;
    const sl_schema *schema;
    document *document;
    place places[PLACES_MAX];
    size_t count;
    unsigned writers;
    whole *whole;              /* NULL: rows go to the sinks as they come */
    atomic_int_least64_t rows; /* that went to the sinks in this attempt */
    buffer refused;            /* of sink_exception */
    buffer present, sorted;    /* of const sink_exception * */
};

static sl_result place_open(output *self, const operator_spec *spec, size_t i, failure *failure)
{
    const output_places *places = spec->place;
    const output_place *named = &places->at[i];
    int64_t deadline_ns = clock_ns(&clock_system) + places->startup_ms * 1000000;
    sink_spec opening = {
        .output = &self->drawn,
        .schema = self->schema,
        .document = self->document,
        .origins = places->origins,
        .target = named->target,
        .settings = spec->settings,
        .job = places->job,
        .work_dir = places->work_dir,
        .writers = spec->workers,
        .first_run = places->first_run,
        .take_over = places->take_over,
        .bare = places->bare,
        .deadline_ns = deadline_ns,
        .stop = places->stop,
    };
    place *place = &self->places[i];
    place->named = *named;
    place->batch.exceptions = memory_new(spec->workers * sizeof(buffer));
    self->count = i + 1;
    retry retry = { .first_ms = 100, .most_ms = 2000 };
    for (;;) {
        sl_result result = named->kind->open(&opening, &place->sink, failure);
        if (result != SL_RETRY)
            return result;
        if (retry.tries == 0)
            log_warn(named->kind->name, "%s; trying again", failure->text);
        if (!retry_wait(&retry, deadline_ns, places->stop)) {
            failure->result = SL_UNREACHABLE;
            return SL_UNREACHABLE;
        }
        failure_clear(failure);
    }
}

/* Who failed is told beside why. */
static sl_result blamed(const place *place, sl_result result, failure *failure)
{
    if (result != SL_OK)
        failure->place = place->named.kind->name;
    return result;
}

static void output_close(void *opened)
{
    output *self = opened;
    for (size_t i = 0; i < self->count; i++) {
        if (self->places[i].sink)
            self->places[i].named.kind->close(self->places[i].sink);
        for (unsigned w = 0; w < self->writers; w++)
            buffer_done(&self->places[i].batch.exceptions[w]);
        free(self->places[i].batch.exceptions);
    }
    whole_free(self->whole);
    document_free(self->document);
    buffer_done(&self->refused);
    buffer_done(&self->present);
    buffer_done(&self->sorted);
    free(self);
}

static sl_result output_open(const operator_spec *spec, void **opened, failure *failure)
{
    const output_places *places = spec->place;
    output *self = memory_new(sizeof *self);
    self->drawn = spec->node->as.output;
    self->schema = spec->node->schema;
    self->writers = spec->workers;
    self->document = document_new(self->schema, &self->drawn.id, places->origins);
    if (places->bare)
        document_make_bare(self->document);
    if (self->drawn.whole.count)
        self->whole = whole_new(&self->drawn, self->schema, self->document);
    for (size_t i = 0; i < places->count; i++) {
        sl_result result = place_open(self, spec, i, failure);
        if (result != SL_OK) {
            output_close(self);
            return result;
        }
    }
    *opened = self;
    return SL_OK;
}

static sl_result output_begin(void *opened, const batch_frame *batch, failure *failure)
{
    output *self = opened;
    if (self->whole)
        whole_begin(self->whole);
    atomic_store(&self->rows, 0);
    for (size_t i = 0; i < self->count; i++) {
        place *place = &self->places[i];
        place->batch.id = batch->id;
        place->batch.time_ms = batch->time_ms;
        place->batch.attempt = batch->attempt;
        place->batch.reached = batch->reached;
        place->batch.reached_count = batch->reached_count;
        for (unsigned w = 0; w < self->writers; w++)
            place->batch.exceptions[w].size = 0;
        SL_TRY(blamed(place, place->named.kind->begin(place->sink, &place->batch, failure), failure));
    }
    return SL_OK;
}

static void output_rows(void *opened, sl_task *task, const sl_rows *in, sl_rows *out)
{
    output *self = opened;
    sink_rows rows = { in->at, in->count, task->sequence };
    (void)out;
    if (self->whole) {
        whole_add(self->whole, task->report_ms, in);
        return;
    }
    if (in->count)
        atomic_fetch_add_explicit(&self->rows, (int64_t)in->count, memory_order_relaxed);
    for (size_t i = 0; i < self->count && in->count; i++)
        if (blamed(
                &self->places[i],
                self->places[i].named.kind->rows(self->places[i].sink, task->worker, &rows, &task->failure),
                &task->failure) != SL_OK)
            return;
}

void output_flush(output *self, sl_task *task)
{
    for (size_t i = 0; i < self->count; i++)
        if (blamed(&self->places[i],
                   self->places[i].named.kind->flush(self->places[i].sink, task->worker, &task->failure),
                   &task->failure) != SL_OK)
            return;
}

bool output_will_write(output *self)
{
    const sink_group *groups;
    size_t count;
    return self->whole ? whole_close(self->whole, &groups, &count) : atomic_load(&self->rows) > 0;
}

sl_result output_replace(output *self, failure *failure)
{
    const sink_group *groups;
    size_t count;
    if (self->whole == NULL || !whole_close(self->whole, &groups, &count))
        return SL_OK;
    for (size_t i = 0; i < self->count; i++)
        SL_TRY(blamed(&self->places[i],
                      self->places[i].named.kind->replace(self->places[i].sink, groups, count, failure),
                      failure));
    return SL_OK;
}

sl_result output_commit(output *self, failure *failure)
{
    for (size_t i = 0; i < self->count; i++)
        SL_TRY(blamed(&self->places[i], self->places[i].named.kind->commit(self->places[i].sink, failure),
                      failure));
    return SL_OK;
}

void output_settle(output *self)
{
    if (self->whole)
        whole_settle(self->whole);
}

bool output_of_records(const output *self)
{
    return self->drawn.id.count &&
           schema_field_at(self->schema, self->drawn.id.offset[0])->kind == SL_KIND_origin;
}

static int exception_order(const void *a, const void *b, const void *unused)
{
    (void)unused;
    return origin_compare(&((const sink_exception *)a)->origin, &((const sink_exception *)b)->origin);
}

static size_t exceptions_sort(output *self)
{
    self->sorted.size = 0;
    for (size_t i = 0; i < self->count; i++) {
        for (unsigned w = 0; w < self->writers; w++) {
            const buffer *noted = &self->places[i].batch.exceptions[w];
            const sink_exception *at = (const sink_exception *)(const void *)noted->at;
            for (size_t n = 0; n < noted->size / sizeof *at; n++) {
                const sink_exception *one = at + n;
                buffer_append(&self->sorted, &one, sizeof one);
            }
        }
    }
    size_t count = self->sorted.size / sizeof(void *);
    sort_pointers((void **)(void *)self->sorted.at, count, exception_order, NULL);
    return count;
}

output_fate output_find_fate(output *self)
{
    output_fate fate = { .rows = atomic_load(&self->rows) };
    size_t count = exceptions_sort(self);
    const sink_exception *const *at = (const sink_exception *const *)(const void *)self->sorted.at;
    self->refused.size = self->present.size = 0;
    for (size_t from = 0, until; from < count; from = until) {
        const sink_exception *refused = NULL;
        for (until = from; until < count && exception_order(at[from], at[until], NULL) == 0; until++)
            refused = at[until]->refused ? at[until] : refused;
        if (refused)
            buffer_append(&self->refused, refused, sizeof *refused);
        else if (until - from == self->count)
            buffer_append(&self->present, &at[from], sizeof at[from]);
    }
    fate.refused = (const sink_exception *)(const void *)self->refused.at;
    fate.refused_count = self->refused.size / sizeof(sink_exception);
    fate.present = (const sink_exception *const *)(const void *)self->present.at;
    fate.present_count = self->present.size / sizeof *fate.present;
    return fate;
}

const char *output_wrote(output *self, size_t i)
{
    if (i >= self->count || self->places[i].named.kind->wrote == NULL)
        return NULL;
    return self->places[i].named.kind->wrote(self->places[i].sink);
}

static void output_save(void *opened, bool all, buffer *out)
{
    output *self = opened;
    if (self->whole)
        whole_save(self->whole, all, out);
}

static sl_result output_load(void *opened, sl_text saved, failure *failure)
{
    output *self = opened;
    return self->whole ? whole_load(self->whole, saved, failure) : SL_OK;
}

const operator_kind operator_output = {
    .name = "output",
    .open = output_open,
    .close = output_close,
    .begin = output_begin,
    .rows = output_rows,
    .save = output_save,
    .load = output_load,
};
