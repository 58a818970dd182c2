/*
 * replay_lines.c - reading, sorting, comparing. Documents are compared as texts: the same row is printed in the same way each time.
 */
#include <base/disk.h>
#include <base/memory.h>
#include <replay_lines.h>
#include <stdlib.h>
#include <string.h>

enum { TOLD_MOST = 10 };

static int text_order(sl_text a, sl_text b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.at, b.at, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

sl_result replay_lines_read(const char *path, replay_lines *lines, failure *failure)
{
    size_t room = 0;
    SL_TRY(disk_read(path, &lines->text, failure));
    const char *at = lines->text.at, *end;
    for (size_t left = lines->text.size; left && (end = memchr(at, '\n', left)) != NULL; at = end + 1) {
        if (lines->count == room)
            lines->at = memory_resize(lines->at, (room = room ? room * 2 : 256) * sizeof *lines->at);
        lines->at[lines->count++] = (sl_text){ at, (size_t)(end - at) };
        left -= (size_t)(end - at) + 1;
    }
    return SL_OK;
}

void replay_lines_done(replay_lines *lines)
{
    buffer_done(&lines->text);
    free(lines->at);
}

/* {"_id":"...", */
sl_text replay_line_id(sl_text line)
{
    static const char begin[] = "{\"_id\":\"";
    size_t size = sizeof begin - 1, end = size;
    if (line.size < size || memcmp(line.at, begin, size) != 0)
        return (sl_text){ 0 };
    while (end < line.size && line.at[end] != '"')
        end += line.at[end] == '\\' ? 2 : 1;
    return end < line.size ? (sl_text){ line.at + size, end - size } : (sl_text){ 0 };
}

static sl_text line_key(sl_text line)
{
    sl_text id = replay_line_id(line);
    return id.size ? id : line;
}

static int line_order(const void *left, const void *right)
{
    const sl_text *a = left, *b = right;
    int order = text_order(line_key(*a), line_key(*b));
    return order ? order : text_order(*a, *b);
}

void replay_lines_sort(replay_lines *lines)
{
    if (lines->count)
        qsort(lines->at, lines->count, sizeof *lines->at, line_order);
}

void replay_lines_compare(const replay_lines *ours, const replay_lines *theirs, replay_tally *tally)
{
    size_t o = 0, t = 0;
    sl_text none = { 0 };
    while (o < ours->count || t < theirs->count) {
        int order = o == ours->count     ? 1
                    : t == theirs->count ? -1
                                         : text_order(line_key(ours->at[o]), line_key(theirs->at[t]));
        if (order == 0 && text_order(ours->at[o], theirs->at[t]) == 0)
            tally->same++;
        else if (order == 0)
            replay_note(tally, DIFFERS, ours->at[o], theirs->at[t]);
        else if (order < 0)
            replay_note(tally, MISSES, ours->at[o], none);
        else
            replay_note(tally, IS_MORE, none, theirs->at[t]);
        o += order <= 0;
        t += order >= 0;
    }
}

void replay_note(replay_tally *tally, difference how, sl_text ours, sl_text theirs)
{
    static const char *const words[] = { "differs", "is missing", "is only there" };
    int64_t *counts[] = { &tally->different, &tally->missing, &tally->more };
    int64_t before = tally->different + tally->missing + tally->more;
    sl_text key = line_key(ours.size ? ours : theirs);
    *counts[how] += 1;
    if (before == TOLD_MOST)
        buffer_text(&tally->told, "  and others\n");
    if (before >= TOLD_MOST)
        return;
    buffer_print(&tally->told, "  %.*s %s\n", (int)key.size, key.at, words[how]);
    if (how == DIFFERS)
        buffer_print(&tally->told, "    there  %.*s\n    now    %.*s\n", (int)theirs.size, theirs.at,
                     (int)ours.size, ours.at);
}
