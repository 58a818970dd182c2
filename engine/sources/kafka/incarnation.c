/*
 * sources/kafka/incarnation.c - reading and adding to the list of known topics. An id that was met before keeps its number: a
 * job that was sent to a wrong cluster once finds its own topic again.
 */
#include <base/disk.h>
#include <base/log.h>
#include <inttypes.h>
#include <sluice/text.h>
#include <sources/kafka/incarnation.h>
#include <stdlib.h>

typedef struct line {
    sl_text topic, id;
    int32_t incarnation;
} line;

static sl_result file_read(const char *path, buffer *bytes, failure *failure);
static bool line_parse(const char **at, line *line);
static sl_result line_add(const char *path, buffer *bytes, const line *line, failure *failure);

/* wanted->incarnation stays 0 when it is not there; *last: of the topic's newest line. */
static sl_result lines_search(const char *path, const buffer *bytes, line *wanted, int32_t *last,
                              failure *failure)
{
    line line;
    for (const char *at = bytes->at; *at;) {
        if (!line_parse(&at, &line))
            return fail(
                failure, SL_FAILED,
                "%s, which says what topic is which, is damaged: put back a copy of the work folder, or remove "
                "the file; then a topic that was made anew since the last run is not noticed",
                path);
        if (!sl_text_equal(line.topic, wanted->topic))
            continue;
        *last = line.incarnation;
        if (sl_text_equal(line.id, wanted->id))
            wanted->incarnation = *last;
    }
    return SL_OK;
}

static sl_result line_find(const char *path, line *wanted, failure *failure)
{
    buffer bytes = { 0 };
    int32_t last = 0;
    sl_result result = file_read(path, &bytes, failure);
    if (result == SL_OK)
        result = lines_search(path, &bytes, wanted, &last, failure);
    if (result == SL_OK && wanted->incarnation == 0 && wanted->id.size == 0) {
        wanted->incarnation = last ? last : 1;
    } else if (result == SL_OK && wanted->incarnation == 0) {
        wanted->incarnation = last + 1;
        result = line_add(path, &bytes, wanted, failure);
    }
    buffer_done(&bytes);
    return result;
}

sl_result incarnation_find(const incarnation_ask *ask, int32_t *incarnation, failure *failure)
{
    char id[INCARNATION_ID_ROOM] = "";
    buffer path = { 0 };
    *incarnation = 1;
    if (ask->work_dir == NULL)
        return SL_OK;
    if (wire_uuid_is(ask->id))
        incarnation_id(ask->id, id);
    line wanted = { { ask->topic, strlen(ask->topic) }, { id, strlen(id) }, 0 };
    buffer_print(&path, "%s/topics", ask->work_dir);
    buffer_byte(&path, '\0');
    sl_result result = line_find(path.at, &wanted, failure);
    *incarnation = wanted.incarnation;
    buffer_done(&path);
    return result;
}

void incarnation_id(const wire_uuid *id, char text[INCARNATION_ID_ROOM])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned gathered = 0, bits = 0;
    for (size_t i = 0; i < sizeof id->at; i++) {
        gathered = gathered << 8 | id->at[i];
        for (bits += 8; bits >= 6; bits -= 6)
            *text++ = digits[gathered >> (bits - 6) & 63];
    }
    *text++ = digits[gathered << (6 - bits) & 63];
    *text = '\0';
}

/* What an earlier process wrote may be in the system's memory only. */
static sl_result file_read(const char *path, buffer *bytes, failure *failure)
{
    disk_file *file = NULL;
    SL_TRY(disk_read_back(path, bytes, failure));
    bool is_new = bytes->size == 0;
    buffer_byte(bytes, '\0');
    if (is_new)
        return SL_OK;
    SL_TRY(disk_open(path, &file, failure));
    sl_result result = disk_settle(file, failure);
    disk_close(file);
    return result;
}

/* "realtime 2 Y2x1c3Rlci1pZC0xMjM0NQ" */
static bool line_parse(const char **at, line *line)
{
    size_t size = strcspn(*at, "\n"), name = strcspn(*at, " ");
    if ((*at)[size] == '\0' || name == 0 || name >= size)
        return false;
    char *behind;
    line->topic = (sl_text){ *at, name };
    line->incarnation = (int32_t)strtol(*at + name, &behind, 10);
    if (line->incarnation < 1 || *behind != ' ')
        return false;
    line->id = (sl_text){ behind + 1, (size_t)(*at + size - behind - 1) };
    *at += size + 1;
    return true;
}

static sl_result line_add(const char *path, buffer *bytes, const line *line, failure *failure)
{
    bytes->size--; /* the NUL */
    buffer_print(bytes, "%.*s %" PRId32 " %.*s\n", (int)line->topic.size, line->topic.at, line->incarnation,
                 (int)line->id.size, line->id.at);
    if (line->incarnation > 1)
        log_warn("kafka",
                 "topic %.*s was deleted and made anew, with id %.*s: it is number %" PRId32
                 " of its name, and so ids of its documents begin with %.*s~%" PRId32,
                 (int)line->topic.size, line->topic.at, (int)line->id.size, line->id.at, line->incarnation,
                 (int)line->topic.size, line->topic.at, line->incarnation);
    return disk_replace(path, bytes->at, bytes->size, failure);
}
