/*
 * tests/sinks/elastic/fixture.c - opening the sink, rows, and reading what was sent.
 */
#include <base/memory.h>
#include <inttypes.h>
#include <sinks/elastic/fixture.h>
#include <stdio.h>
#include <stdlib.h>

static const char fine[] = "{\"took\":1,\"errors\":false,\"items\":[]}";

int fixture_start(void **state)
{
    fixture *fixture = memory_new(sizeof *fixture);
    fixture->server = fake_http_start();
    fixture->topic = (origin_name){ .topic = "realtime", .id = "realtime-0-", .id_size = 11 };
    fixture->origins = (origins){ &fixture->topic, 1 };
    fixture->settings = settings_new();
    settings_add(fixture->settings, "Elasticsearch", sink_elastic.settings);
    fixture_set(fixture, "elastic.url", fake_http_url(fixture->server));
    *state = fixture;
    return 0;
}

int fixture_stop(void **state)
{
    fixture *fixture = *state;
    sink_elastic.close(fixture->sink);
    document_free(fixture->document);
    settings_free(fixture->settings);
    fake_http_stop(fixture->server);
    for (unsigned i = 0; i < WRITERS; i++)
        buffer_done(&fixture->exceptions[i]);
    free(fixture);
    return 0;
}

void fixture_set(fixture *fixture, const char *key, const char *value)
{
    sl_expect(settings_set(fixture->settings, key, value, "test", &fixture->failure) == SL_OK);
}

sl_result fixture_try_open(fixture *fixture, const sl_output *output)
{
    const sl_schema *schema = output->id.of();
    document_free(fixture->document);
    fixture->document = document_new(schema, &output->id, &fixture->origins);
    const char *target = fixture->spec.target;
    fixture->spec = (sink_spec){ .output = output,
                                 .schema = schema,
                                 .document = fixture->document,
                                 .origins = &fixture->origins,
                                 .target = target ? target : "",
                                 .settings = fixture->settings,
                                 .job = "listens",
                                 .writers = WRITERS,
                                 .first_run = true,
                                 .stop = &fixture->stop };
    failure_clear(&fixture->failure);
    return sink_elastic.open(&fixture->spec, &fixture->sink, &fixture->failure);
}

void fixture_open(fixture *fixture, const sl_output *output)
{
    sl_expect(fixture_try_open(fixture, output) == SL_OK);
    fake_http_usual(fixture->server, &(fake_answer){ .body = fine });
    fixture_begin(fixture, 1);
}

void fixture_begin(fixture *fixture, int attempt)
{
    fixture->batch =
        (sink_batch){ .id = 1, .time_ms = T_MS, .attempt = attempt, .exceptions = fixture->exceptions };
    for (unsigned i = 0; i < WRITERS; i++)
        fixture->exceptions[i].size = 0;
    failure_clear(&fixture->failure);
    sl_expect(sink_elastic.begin(fixture->sink, &fixture->batch, &fixture->failure) == SL_OK);
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

play play_at(int64_t offset)
{
    return (play){ .origin = { .offset = offset, .time_ms = T_MS - 1000 + offset },
                   .event_id = offset + 100,
                   .track_id = SL_TEXT("453"),
                   .datetime = SL_TEXT("2014-10-23 03:26:20"),
                   .ismobile = 1 };
}

sl_result fixture_write_plays(fixture *fixture, unsigned writer, int64_t from, int64_t until)
{
    for (int64_t offset = from; offset < until; offset++) {
        play row = play_at(offset);
        sink_rows rows = { .at = &row, .count = 1 };
        SL_TRY(sink_elastic.rows(fixture->sink, writer, &rows, &fixture->failure));
    }
    return sink_elastic.flush(fixture->sink, writer, &fixture->failure);
}

sl_result fixture_write_rank(fixture *fixture, const char *gender, int64_t number)
{
    rank row = { .gender = { gender, strlen(gender) }, .rank = number, .share = 0.5, .since = T_MS };
    sink_rows rows = { .at = &row, .count = 1 };
    SL_TRY(sink_elastic.rows(fixture->sink, 0, &rows, &fixture->failure));
    return sink_elastic.flush(fixture->sink, 0, &fixture->failure);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static const fake_request *bulk_request(fixture *fixture, size_t i)
{
    const fake_request *request = NULL;
    for (size_t at = 0; (request = fake_http_request(fixture->server, at)) != NULL; at++)
        if (strstr(request->path, "/_bulk") && i-- == 0)
            return request;
    return NULL;
}

const char *fixture_bulk(fixture *fixture, size_t i)
{
    const fake_request *request = bulk_request(fixture, i);
    return request ? request->body : "";
}

size_t fixture_bulks(fixture *fixture)
{
    size_t count = 0;
    while (bulk_request(fixture, count))
        count++;
    return count;
}

const char *offsets_in(const char *bulk)
{
    static char text[1024];
    static const char action[] = "{\"create\":{\"_id\":\"realtime-0-";
    size_t used = 0;
    text[0] = '\0';
    while ((bulk = strstr(bulk, action)) != NULL) {
        bulk += sizeof action - 1;
        int size =
            snprintf(text + used, sizeof text - used, "%s%ld", used ? " " : "", strtol(bulk, NULL, 10));
        sl_expect(size > 0 && (size_t)size < sizeof text - used);
        used += (size_t)size;
    }
    return text;
}

const sink_exception *fixture_exceptions(fixture *fixture, unsigned writer, size_t *count)
{
    *count = fixture->exceptions[writer].size / sizeof(sink_exception);
    return (const sink_exception *)(const void *)fixture->exceptions[writer].at;
}

bool says(const fixture *fixture, const char *text)
{
    bool found = strstr(fixture->failure.text, text) != NULL;
    if (!found)
        fprintf(stderr, "\"%s\" does not say \"%s\"\n", fixture->failure.text, text);
    return found;
}

const char *answer_of(const char *action, const int *statuses, size_t count)
{
    static buffer text;
    text.size = 0;
    buffer_text(&text, "{\"took\":3,\"errors\":true,\"items\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_print(&text, "%s{\"%s\":{\"status\":%d", i ? "," : "", action, statuses[i]);
        if (statuses[i] > 299 && statuses[i] != 404)
            buffer_print(&text, ",\"error\":{\"type\":\"type_%d\",\"reason\":\"reason \\\"%d\\\"\"}",
                         statuses[i], statuses[i]);
        buffer_text(&text, "}}");
    }
    buffer_text(&text, "]}");
    buffer_byte(&text, '\0');
    return text.at;
}

const sl_output plays_output = { .name = "documents",
                                 .to = { "elastic" },
                                 .index = "ba_realtime2",
                                 .id = { play_schema, 1, { offsetof(play, origin) } },
                                 .keywords = { play_schema, 1, { offsetof(play, datetime) } } };
const sl_output ranks_output = { .name = "top_tracks",
                                 .to = { "elastic" },
                                 .index = "ba_top_tracks",
                                 .id = { rank_schema, 2, { offsetof(rank, gender), offsetof(rank, rank) } },
                                 .whole = { rank_schema, 1, { offsetof(rank, gender) } } };
