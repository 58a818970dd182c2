/*
 * replay_index.c - what an index holds: asked for by ids, read from the text of the answer, since documents are compared as texts,
 * and an index keeps one as it came.
 */
#include <replay_lines.h>
#include <stdlib.h>
#include <string.h>

enum { IDS_MOST = 500 };

typedef struct entry { /* of an answer to _mget */
    sl_text source;    /* empty: the index has no such document */
    int64_t version;
} entry;

/* The object that begins at `at`: up to the matching brace. */
static sl_text object_at(const char *at, const char *end)
{
    int depth = 0;
    bool quoted = false;
    for (const char *byte = at; byte < end; byte++) {
        if (*byte == '\\' && quoted)
            byte++;
        else if (*byte == '"')
            quoted = !quoted;
        else if (!quoted)
            depth += (*byte == '{') - (*byte == '}');
        if (depth == 0)
            return (sl_text){ at, (size_t)(byte - at) + 1 };
    }
    return (sl_text){ 0 };
}

/* Answers come in the order of the question: *from is where the last one ended. */
static entry entry_next(sl_text answer, size_t *from, sl_text id)
{
    static const char source[] = "\"_source\":", version[] = "\"_version\":";
    buffer wanted = { 0 };
    entry found = { 0 };
    buffer_print(&wanted, "\"_id\":\"%.*s\"", (int)id.size, id.at);
    const char *end = answer.at + answer.size,
               *at = memmem(answer.at + *from, answer.size - *from, wanted.at, wanted.size);
    const char *rest = at ? at + wanted.size : end;
    const char *next = memmem(rest, (size_t)(end - rest), "\"_id\":\"", 7);
    const char *until = next ? next : end; /* a document has its own "_id" nowhere */
    const char *body = memmem(rest, (size_t)(until - rest), source, sizeof source - 1);
    const char *number = memmem(rest, (size_t)(until - rest), version, sizeof version - 1);
    buffer_done(&wanted);
    if (number)
        found.version = strtoll(number + sizeof version - 1, NULL, 10);
    if (body)
        found.source = object_at(body + sizeof source - 1, end);
    *from = (size_t)(rest - answer.at);
    return found;
}

/* The line without its id: "{" and what follows the id's comma. */
static bool is_source(sl_text line, sl_text source)
{
    sl_text id = replay_line_id(line);
    const char *rest = id.at + id.size + 2; /* quote and comma */
    size_t size = (size_t)(line.at + line.size - rest);
    return source.size == size + 1 && memcmp(source.at + 1, rest, size) == 0;
}

static void ids_print(buffer *body, const replay_lines *some)
{
    buffer_text(body, "{\"ids\":[");
    for (size_t i = 0; i < some->count; i++) {
        sl_text id = replay_line_id(some->at[i]);
        buffer_print(body, "%s\"%.*s\"", i ? "," : "", (int)id.size, id.at);
    }
    buffer_text(body, "]}");
}

static void some_compare(sl_text answer, const replay_lines *some, replay_tally *tally)
{
    size_t from = 0;
    sl_text none = { 0 };
    for (size_t i = 0; i < some->count; i++) {
        entry entry = entry_next(answer, &from, replay_line_id(some->at[i]));
        if (entry.source.size == 0)
            replay_note(tally, MISSES, some->at[i], none);
        else if (entry.version > tally->batch_ms)
            tally->newer++;
        else if (is_source(some->at[i], entry.source))
            tally->same++;
        else
            replay_note(tally, DIFFERS, some->at[i], entry.source);
    }
}

static sl_result some_ask(http *server, const char *path, const replay_lines *some, http_reply *reply,
                          failure *failure)
{
    buffer body = { 0 };
    ids_print(&body, some);
    http_request request = { "POST", path, "application/json", { body.at, body.size }, 0 };
    sl_result result = http_send(server, &request, reply, failure);
    if (result == SL_OK && reply->status != 200)
        result = fail(failure, SL_FAILED, "%s answers with status %d to %s", http_place(server),
                      reply->status, path);
    buffer_done(&body);
    return result;
}

sl_result replay_lines_compare_index(http *server, const char *index, const replay_lines *ours,
                                     replay_tally *tally, failure *failure)
{
    buffer path = { 0 };
    sl_result result = SL_OK;
    buffer_byte(&path, '/');
    http_path_part(&path, index);
    buffer_text(&path, "/_mget");
    buffer_byte(&path, '\0');
    for (size_t from = 0; from < ours->count && result == SL_OK; from += IDS_MOST) {
        size_t count = ours->count - from < IDS_MOST ? ours->count - from : IDS_MOST;
        replay_lines some = { .at = ours->at + from, .count = count };
        http_reply reply = { 0 };
        result = some_ask(server, path.at, &some, &reply, failure);
        if (result == SL_OK)
            some_compare(reply.body, &some, tally);
    }
    buffer_done(&path);
    return result;
}
