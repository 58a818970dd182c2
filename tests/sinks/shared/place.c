/*
 * tests/sinks/shared/place.c - what a test of a sink needs around it.
 */
#include <setjmp.h>
#include <sinks/shared/place.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { ROWS_MAX = 32 };

static size_t plays_fill(play rows[ROWS_MAX], const char *tracks)
{
    size_t count = 0;
    for (; tracks[count]; count++)
        rows[count] = (play){ .track = { &tracks[count], 1 }, .plays = 1 };
    return count;
}

sl_result place_try(const sink_kind *kind, sink_spec spec, place *place)
{
    *place = (struct place){ .kind = kind };
    spec.schema = play_schema();
    spec.document = place->document = document_new(play_schema(), &spec.output->id, NULL);
    spec.writers = PLACE_WRITERS;
    spec.job = "test";
    spec.target = spec.target ? spec.target : "";
    return kind->open(&spec, &place->sink, &place->failure);
}

place place_open(const sink_kind *kind, sink_spec spec)
{
    place place;
    assert_int_equal(place_try(kind, spec, &place), SL_OK);
    return place;
}

void place_close(place *place)
{
    place->kind->close(place->sink);
    document_free(place->document);
}

void place_begin(place *place, int64_t time_ms)
{
    place->batch = (sink_batch){ .time_ms = time_ms, .attempt = 1, .exceptions = place->exceptions };
    assert_int_equal(place->kind->begin(place->sink, &place->batch, &place->failure), SL_OK);
}

void place_add(place *place, unsigned writer, uint64_t sequence, const char *tracks)
{
    play rows[ROWS_MAX];
    sink_rows handed = { .at = rows, .count = plays_fill(rows, tracks), .sequence = sequence };
    assert_int_equal(place->kind->rows(place->sink, writer, &handed, &place->failure), SL_OK);
}

void place_replace(place *place, const char *first, bool first_changed, const char *second,
                   bool second_changed)
{
    play rows[2][ROWS_MAX], key = { .track = { "", 0 } };
    sink_group groups[] = { { .key_row = &key, .rows = rows[0], .changed = first_changed },
                            { .key_row = &key, .rows = rows[1], .changed = second_changed } };
    groups[0].count = plays_fill(rows[0], first);
    groups[1].count = plays_fill(rows[1], second);
    assert_int_equal(place->kind->replace(place->sink, groups, 2, &place->failure), SL_OK);
}

sl_result place_end(place *place)
{
    for (unsigned writer = 0; writer < PLACE_WRITERS; writer++)
        assert_int_equal(place->kind->flush(place->sink, writer, &place->failure), SL_OK);
    return place->kind->commit(place->sink, &place->failure);
}

settings *place_csv(const sink_kind *kind)
{
    settings *made = settings_new();
    char key[40];
    failure failure = { 0 };
    snprintf(key, sizeof key, "%s.format", kind->name);
    settings_add(made, kind->name, kind->settings);
    assert_int_equal(settings_set(made, key, "csv", "test", &failure), SL_OK);
    return made;
}

const char *place_line(char track, int64_t time_ms)
{
    static char lines[8][128];
    static unsigned next;
    char *line = lines[next++ % 8];
    snprintf(line, sizeof lines[0],
             "{\"_id\":\"%c\",\"@timestamp\":\"1970-01-01T00:00:%02d.%03dZ\",\"track\":\"%c\",\"plays\":1}\n",
             track, (int)(time_ms / 1000), (int)(time_ms % 1000), track);
    return line;
}
