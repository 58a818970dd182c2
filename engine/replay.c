/*
 * replay.c - other places for a batch that is run again, and what comes out compared with what is there.
 */
#include <base/memory.h>
#include <clients/elastic.h>
#include <inttypes.h>
#include <kinds.h>
#include <replay.h>
#include <replay_lines.h>
#include <stdlib.h>
#include <string.h>

struct replay {
    places own;                    /* of the outputs, without a replay */
    char *folders[PLAN_NODES_MAX]; /* by node: where its documents go instead */
    size_t compared;               /* places */
};

static bool output_compare(const engine *self, uint32_t node, FILE *out);

/* The batch's records alone decide what it gives: no state of earlier ones, and no list that is written when it changes. */
static bool is_of_batch(const sl_plan *plan, uint32_t node)
{
    bool own = plan->nodes[node].as.output.whole.count == 0;
    for (uint32_t i = 0; i < plan->count && own; i++) {
        const sl_window *window = plan_window(&plan->nodes[i]);
        own = !plan_is_above(plan, i, node) || !plan_merges(&plan->nodes[i]) ||
              (window && window->length.ms == 0);
    }
    return own;
}

bool replay_is(const engine *self)
{
    return settings_text(self->spec.settings, "--run-again") != NULL;
}

static bool replay_writes(const engine *self)
{
    return strcmp(settings_text(self->spec.settings, "--run-again"), "write") == 0;
}

static const sink_kind *kind_find(const char *name)
{
    size_t i = 0;
    while (strcmp(sink_kinds[i]->name, name) != 0)
        i++;
    return sink_kinds[i];
}

static bool is_kind(const output_place *place, const char *name)
{
    return strcmp(place->kind->name, name) == 0;
}

/* One that can be asked, and where a repetition does no harm: ids are made once, a batch's file is replaced by itself. A file
 * that grows is not such a place. */
static bool is_harmless(const output_place *place, const sl_output *drawn)
{
    size_t size = place->target ? strlen(place->target) : 0;
    bool grows = drawn->raw.count && size && place->target[size - 1] != '/';
    return is_kind(place, "elastic") || (is_kind(place, "file") && !grows);
}

static void places_keep(output_places *places, const sl_output *drawn)
{
    size_t kept = 0;
    for (size_t p = 0; p < places->count; p++)
        if (is_harmless(&places->at[p], drawn))
            places->at[kept++] = places->at[p];
    places->count = kept;
}

static char *folder_of(const engine *self, const char *output)
{
    buffer folder = { 0 };
    buffer_print(&folder, "%s/replayed/%s/", self->spec.work_dir, output);
    buffer_byte(&folder, '\0');
    return folder.at;
}

static void output_move(engine *self, uint32_t node)
{
    output_places *places = &self->places.outputs[node];
    const plan_node *drawn = &self->plan.nodes[node];
    output_place nowhere = { .kind = kind_find("null"), .target = "", .uri = "null" };
    self->replay->folders[node] = folder_of(self, drawn->name);
    output_place files = { .kind = kind_find("file"), .target = self->replay->folders[node], .uri = "file" };
    bool own = is_of_batch(&self->plan, node);
    if (replay_writes(self) && own)
        places_keep(places, &drawn->as.output);
    else
        places->count = 0;
    if (places->count == 0)
        places->at[places->count++] = !own || replay_writes(self) ? nowhere : files;
}

sl_result replay_places(engine *self, failure *failure)
{
    if (self->spec.work_dir == NULL)
        return fail(failure, SL_USAGE, "--run-again needs a work folder");
    self->replay = memory_new(sizeof *self->replay);
    self->replay->own = self->places;
    for (uint32_t i = 0; i < self->plan.count; i++)
        if (self->plan.nodes[i].kind == PLAN_OUTPUT)
            output_move(self, i);
    self->places.dead_letters.count = 1;
    self->places.dead_letters.at[0] =
        (output_place){ .kind = kind_find("null"), .target = "", .uri = "null" };
    return SL_OK;
}

void replay_free(replay *self)
{
    if (self == NULL)
        return;
    for (size_t i = 0; i < PLAN_NODES_MAX; i++)
        free(self->folders[i]);
    free(self);
}

sl_result replay_compare(const engine *self, FILE *out)
{
    bool all_same = true;
    if (replay_writes(self))
        return SL_OK;
    for (uint32_t i = 0; i < self->plan.count; i++)
        if (self->plan.nodes[i].kind == PLAN_OUTPUT)
            all_same &= output_compare(self, i, out);
    if (all_same)
        fprintf(out, self->replay->compared ? "same\n" : "nothing was compared\n");
    return all_same ? SL_OK : SL_FAILED;
}

/* ---- One output -------------------------------------------------------------------------------------------------- */

static bool is_csv(const engine *self, const sl_output *drawn)
{
    return drawn->raw.count == 0 && strcmp(settings_text(self->spec.settings, "file.format"), "csv") == 0;
}

static void path_of_file(const engine *self, const char *folder, uint32_t node, buffer *path)
{
    const sl_output *drawn = &self->plan.nodes[node].as.output;
    buffer_print(path, "%s/%s/batch-%" PRId64 ".%s", folder, drawn->index ? drawn->index : drawn->name,
                 scheduler_last(self->scheduler)->batch_time_ms, is_csv(self, drawn) ? "csv" : "ndjson");
    buffer_byte(path, '\0');
}

static sl_result file_compare(const char *path, const replay_lines *ours, replay_tally *tally,
                              failure *failure)
{
    replay_lines theirs = { 0 };
    sl_result result = replay_lines_read(path, &theirs, failure);
    replay_lines_sort(&theirs);
    if (result == SL_OK)
        replay_lines_compare(ours, &theirs, tally);
    replay_lines_done(&theirs);
    return result;
}

static sl_result index_compare(const engine *self, const char *index, const replay_lines *ours,
                               replay_tally *tally, failure *failure)
{
    http *server = NULL;
    http_options options = elastic_server(self->spec.settings);
    SL_TRY(http_new(&options, &server, failure));
    sl_result result = replay_lines_compare_index(server, index, ours, tally, failure);
    http_free(server);
    return result;
}

static void tally_print(const replay_tally *tally, FILE *out)
{
    const struct {
        int64_t count;
        const char *text;
    } all[] = { { tally->different, "different" },
                { tally->missing, "missing" },
                { tally->more, "only there" },
                { tally->newer, "written over by later batches" } };
    fprintf(out, "%" PRId64 " same", tally->same);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].count)
            fprintf(out, ", %" PRId64 " %s", all[i].count, all[i].text);
    fprintf(out, "\n%.*s", (int)tally->told.size, tally->told.at ? tally->told.at : "");
}

/* False: something differs, or could not be asked. */
static bool place_compare(const engine *self, uint32_t node, const output_place *place,
                          const replay_lines *ours, FILE *out)
{
    const plan_node *drawn = &self->plan.nodes[node];
    const char *target = place->target && *place->target ? place->target : drawn->as.output.index;
    failure failure = { 0 };
    replay_tally tally = { .batch_ms = scheduler_last(self->scheduler)->batch_time_ms };
    buffer uri = { 0 };
    settings_hide(&uri, place->uri);
    fprintf(out, "%s -> %.*s: ", drawn->name, (int)uri.size, uri.at);
    buffer_done(&uri);
    if (!is_harmless(place, &drawn->as.output)) {
        fprintf(out, "not compared: only indexes and files of a batch are\n");
        return true;
    }
    if (is_csv(self, &drawn->as.output) && !is_kind(place, "file")) {
        fprintf(out, "not compared: with file.format=csv only files are\n");
        return true;
    }
    buffer path = { 0 };
    path_of_file(self, target, node, &path);
    sl_result result = is_kind(place, "file") ? file_compare(path.at, ours, &tally, &failure)
                                              : index_compare(self, target, ours, &tally, &failure);
    self->replay->compared++;
    if (result == SL_OK)
        tally_print(&tally, out);
    else
        fprintf(out, "not compared: %s\n", failure.text);
    buffer_done(&path);
    buffer_done(&tally.told);
    return result == SL_OK && tally.different + tally.missing + tally.more == 0;
}

static bool output_compare(const engine *self, uint32_t node, FILE *out)
{
    const output_places *own = &self->replay->own.outputs[node];
    const plan_node *drawn = &self->plan.nodes[node];
    buffer path = { 0 };
    failure failure = { 0 };
    replay_lines ours = { 0 };
    bool all_same = true;
    if (!is_of_batch(&self->plan, node)) {
        fprintf(out, "%s: not compared: it depends on what was read before this batch\n", drawn->name);
        return true;
    }
    path_of_file(self, self->replay->folders[node], node, &path);
    if (replay_lines_read(path.at, &ours, &failure) != SL_OK) {
        fprintf(out, "%s: not compared: %s\n", drawn->name, failure.text);
        all_same = false;
    }
    replay_lines_sort(&ours);
    for (size_t p = 0; p < own->count && failure.result == SL_OK; p++)
        all_same &= place_compare(self, node, &own->at[p], &ours, out);
    replay_lines_done(&ours);
    buffer_done(&path);
    return all_same;
}
