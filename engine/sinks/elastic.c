/*
 * sinks/elastic.c - documents in Elasticsearch or OpenSearch. A record's document is created under the id of its origin
 * and never written over; an aggregate's document carries the batch time as its version, so that an older batch never
 * replaces a newer one. Both make a repeated write harmless. A batch is done when every document was acknowledged.
 */
#include <base/memory.h>
#include <clients/elastic.h>
#include <inttypes.h>
#include <sinks/elastic/elastic.h>
#include <sinks/elastic/reply.h>
#include <stdlib.h>

static sl_result spec_check(const sink_spec *spec, const char *index, failure *failure);
static sl_result writers_open(elastic *elastic, const sink_spec *spec, failure *failure);

static void elastic_close(void *self)
{
    elastic *elastic = self;
    if (elastic == NULL)
        return;
    for (unsigned i = 0; i < elastic->writer_count; i++) {
        elastic_writer *writer = &elastic->writers[i];
        http_free(writer->server);
        buffer_done(&writer->body);
        buffer_done(&writer->items);
        buffer_done(&writer->id);
    }
    free(elastic->writers);
    free(elastic->index);
    free(elastic->bulk_path);
    free(elastic);
}

static char *bulk_path(const char *index)
{
    buffer path = { 0 };
    buffer_byte(&path, '/');
    http_path_part(&path, index);
    buffer_text(&path, "/_bulk?" REPLY_FILTER);
    buffer_byte(&path, '\0');
    return path.at;
}

static sl_result elastic_open(const sink_spec *spec, void **self, failure *failure)
{
    const char *index = spec->target && spec->target[0] ? spec->target : spec->output->index;
    SL_TRY(spec_check(spec, index, failure));
    elastic *elastic = memory_new(sizeof *elastic);
    elastic->output = spec->output;
    elastic->schema = spec->schema;
    elastic->document = spec->document;
    elastic->stop = spec->stop;
    elastic->index = memory_text(index);
    elastic->bulk_path = bulk_path(index);
    elastic->timeout_ms = settings_ms(spec->settings, "sink.timeout");
    elastic->replicas = -1;
    if (settings_given(spec->settings, "elastic.replicas"))
        elastic->replicas = settings_i64(spec->settings, "elastic.replicas");
    sl_result result = writers_open(elastic, spec, failure);
    if (result == SL_OK)
        result = index_open(elastic, elastic->writers[0].server, failure);
    if (result != SL_OK) {
        elastic_close(elastic);
        return result;
    }
    *self = elastic;
    return SL_OK;
}

static sl_result elastic_begin(void *self, const sink_batch *batch, failure *failure)
{
    (void)failure;
    elastic *elastic = self;
    elastic->batch = batch;
    for (unsigned i = 0; i < elastic->writer_count; i++) {
        bulk_drop(&elastic->writers[i]);
        elastic->writers[i].patience_ns = elastic->timeout_ms * 1000000;
    }
    return SL_OK;
}

static sl_result elastic_rows(void *self, unsigned writer, const sink_rows *rows, failure *failure)
{
    elastic *elastic = self;
    const char *row = rows->at;
    for (size_t i = 0; i < rows->count; i++, row += elastic->schema->row_bytes)
        SL_TRY(bulk_row(&elastic->writers[writer], row, failure));
    return SL_OK;
}

static sl_result elastic_flush(void *self, unsigned writer, failure *failure)
{
    elastic *elastic = self;
    return bulk_send(&elastic->writers[writer], failure);
}

static sl_result group_write(elastic_writer *writer, const sink_group *group, failure *failure)
{
    const char *row = group->rows;
    for (size_t i = 0; i < group->count; i++, row += writer->of->schema->row_bytes)
        SL_TRY(bulk_row(writer, row, failure));
    for (size_t i = 0; i < group->fallen_count; i++)
        SL_TRY(bulk_delete(writer, group->fallen[i], failure));
    return SL_OK;
}

static sl_result elastic_replace(void *self, const sink_group *groups, size_t count, failure *failure)
{
    elastic *elastic = self;
    for (size_t i = 0; i < count; i++)
        if (groups[i].changed)
            SL_TRY(group_write(&elastic->writers[0], &groups[i], failure));
    return bulk_send(&elastic->writers[0], failure);
}

static sl_result elastic_commit(void *self, failure *failure)
{
    (void)self, (void)failure; /* what is acknowledged is there */
    return SL_OK;
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

/* The servers' own rules; a name with a comma or a star would even mean several indices. */
static bool is_index_name(const char *name)
{
    if (strchr("-_+", name[0]) || strlen(name) > 255 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (; *name; name++)
        if ((unsigned char)*name <= ' ' || (*name >= 'A' && *name <= 'Z') || strchr("\\/*?\"<>|,#:", *name))
            return false;
    return true;
}

static sl_result spec_check(const sink_spec *spec, const char *index, failure *failure)
{
    const char *name = spec->output->name;
    if (index == NULL || index[0] == '\0')
        return fail(failure, SL_USAGE, "output %s has no index of its own; write --to %s=elastic:INDEX", name,
                    name);
    if (!is_index_name(index))
        return fail(
            failure, SL_USAGE,
            "output %s: \"%s\" is no name of an index: lower case, none of \\ / * ? \" < > | , # : or blanks, "
            "and not beginning with - _ +",
            name, index);
    if (spec->bare || spec->output->raw.count || !document_has_id(spec->document))
        return fail(
            failure, SL_USAGE,
            "output %s cannot go to elastic: its documents have no id, so a repeated batch would write them "
            "twice; send it to a file: or kafka: place",
            name);
    return SL_OK;
}

static sl_result writers_open(elastic *elastic, const sink_spec *spec, failure *failure)
{
    const settings *settings = spec->settings;
    http_options options = elastic_server(settings);
    options.gzip = settings_flag(settings, "elastic.gzip");
    options.total_ms = elastic->timeout_ms;
    options.traffic = TRAFFIC_ELASTIC;
    options.stop = spec->stop;
    size_t bytes = settings_bytes(settings, "elastic.bulk.bytes");
    options.reply_bytes_max =
        16 * bytes + (16 << 20); /* small documents that are all refused, each with its reason */
    elastic->writer_count = spec->writers ? spec->writers : 1;
    elastic->writers = memory_new(elastic->writer_count * sizeof *elastic->writers);
    for (unsigned i = 0; i < elastic->writer_count; i++) {
        elastic_writer *writer = &elastic->writers[i];
        *writer = (elastic_writer){ .of = elastic, .number = i, .bytes_most = bytes };
        SL_TRY(http_new(&options, &writer->server, failure));
    }
    return SL_OK;
}

/* ---- The kind ---------------------------------------------------------------------------------------------------- */

static const setting elastic_settings[] = {
    { "elastic.url", NULL, SETTING_TEXT, "http://127.0.0.1:9200", NULL, NULL, "URL",
      "where Elasticsearch or OpenSearch answers" },
    { "elastic.user", NULL, SETTING_TEXT, NULL, NULL, NULL, "NAME", "log in with this name" },
    { "elastic.password", NULL, SETTING_TEXT, NULL, NULL, NULL, "TEXT", "and this password" },
    { "elastic.api_key", NULL, SETTING_TEXT, NULL, NULL, NULL, "KEY", "log in with this API key instead" },
    { "elastic.ca", NULL, SETTING_TEXT, NULL, NULL, NULL, "FILE",
      "certificates (PEM) of the authorities that the server's is checked against" },
    { "elastic.gzip", NULL, SETTING_FLAG, "false", NULL, NULL, NULL,
      "packs requests: less to send, more to compute" },
    { "elastic.bulk.bytes", NULL, SETTING_SIZE, "5mb", "1kb", "1gb", "SIZE",
      "how much one bulk request gathers" },
    { "elastic.replicas", NULL, SETTING_I64, NULL, "0", "100", "N",
      "replicas of an index that is made; none given: as the server has it" },
    { "elastic.format", NULL, SETTING_CHOICE, "json", "json", NULL, "FORMAT",
      "documents are JSON; CSV goes to file, kafka and console" },
    { "sink.timeout", NULL, SETTING_DURATION, "60s", "1ms", "1d", "DURATION",
      "how long a sink deals with a server's troubles itself before the batch fails and is tried again" },
    { 0 }
};

const sink_kind sink_elastic = {
    .name = "elastic",
    .about = "documents in Elasticsearch or OpenSearch",
    .settings = elastic_settings,
    .open = elastic_open,
    .close = elastic_close,
    .begin = elastic_begin,
    .rows = elastic_rows,
    .flush = elastic_flush,
    .replace = elastic_replace,
    .commit = elastic_commit,
};
