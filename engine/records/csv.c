/*
 * records/csv.c - the general CSV cutter behind <sluice/csv.h>: any length, doubled quotes, exact reasons.
 */
#include <records/utf8.h>
#include <sluice/csv.h>
#include <sluice/job.h>

enum { LINE_BYTES_MAX = 64 * 1024 };

typedef struct cutter {
    const char *at, *end;
    sl_task *task;
} cutter;

/* A quoted field with doubled quotes inside, written out with single ones. */
static sl_text field_unquoted(cutter *cutter, const char *from, const char *until)
{
    char *copy = sl_batch_memory(cutter->task, (size_t)(until - from)), *to = copy;
    while (from < until) {
        from += *from == '"';
        *to++ = *from++;
    }
    return (sl_text){ copy, (size_t)(to - copy) };
}

/* Moves behind the field; false when a quote stands where none may. */
static bool field_cut_quoted(cutter *cutter, sl_text *field)
{
    const char *from = ++cutter->at;
    bool doubled = false;
    for (;; cutter->at += 2, doubled = true) {
        cutter->at = memchr(cutter->at, '"', (size_t)(cutter->end - cutter->at));
        if (cutter->at == NULL)
            return false;
        if (cutter->at + 1 == cutter->end || cutter->at[1] != '"')
            break;
    }
    *field =
        doubled ? field_unquoted(cutter, from, cutter->at) : (sl_text){ from, (size_t)(cutter->at - from) };
    cutter->at++;
    return cutter->at == cutter->end || *cutter->at == ',';
}

static bool field_cut_plain(cutter *cutter, sl_text *field)
{
    const char *from = cutter->at;
    while (cutter->at < cutter->end && *cutter->at != ',')
        if (*cutter->at++ == '"')
            return false;
    *field = (sl_text){ from, (size_t)(cutter->at - from) };
    return true;
}

static sl_text line_without_end(sl_text line)
{
    line.size -= line.size && line.at[line.size - 1] == '\n';
    line.size -= line.size && line.at[line.size - 1] == '\r';
    return line;
}

const char *sl_csv_split_slowly(sl_task *task, sl_text line, sl_text *field, size_t count)
{
    if (line.at == NULL)
        return "null_value";
    if (line.size > LINE_BYTES_MAX)
        return "too_large";
    if (!utf8_is_valid(line))
        return "not_utf8";
    line = line_without_end(line);
    cutter cutter = { line.at, line.at + line.size, task };
    size_t found = 0;
    for (bool more = true; more; found++) {
        sl_text one;
        bool quoted = cutter.at < cutter.end && *cutter.at == '"';
        if (!(quoted ? field_cut_quoted(&cutter, &one) : field_cut_plain(&cutter, &one)))
            return "bad_quote";
        if (found < count)
            field[found] = one;
        more = cutter.at < cutter.end;
        cutter.at += more;
    }
    return found == count ? NULL : "field_count";
}
