/*
 * tests/fuzz/text/csv.c - any bytes as a CSV record, for libFuzzer. The first byte says how many fields are wanted. What the
 * engine cuts, by bit masks or slowly, is compared with a cutter that goes byte by byte, as the contract reads.
 */
#include <base/failure.h>
#include <plan/task.h>
#include <sluice/csv.h>
#include <sluice/text.h>
#include <stdlib.h>

enum { FIELDS_MOST = 8, LINE_MOST = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct plain_field {
    char *at;
    size_t size;
} plain_field;

/* One code point; 0: these bytes are none. */
static size_t character_size(const uint8_t *at, size_t left)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
    if (size <= 1 || size > left)
        return size == 1;
    uint32_t code = at[0] & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        code = code << 6 | (at[i] & 63);
    }
    return code < least[size] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0 : size;
}

static bool is_utf8(const uint8_t *at, size_t size)
{
    for (size_t i = 0, step; i < size; i += step)
        if ((step = character_size(at + i, size - i)) == 0)
            return false;
    return true;
}

/* One field from `at` on into `field`; where it ends, or SIZE_MAX for a quote in the wrong place. */
static size_t field_cut(const uint8_t *line, size_t size, size_t at, plain_field *field)
{
    bool quoted = at < size && line[at] == '"', open = quoted;
    field->size = 0;
    for (at += quoted; at < size && (open || line[at] != ','); at++) {
        bool quote = line[at] == '"';
        if (quote && open && at + 1 < size && line[at + 1] == '"')
            at++;
        else if (quote && open && (at + 1 == size || line[at + 1] == ',')) {
            open = false;
            continue;
        } else if (quote)
            return SIZE_MAX;
        field->at[field->size++] = (char)line[at];
    }
    return open ? SIZE_MAX : at;
}

static const char *plain_split(const uint8_t *line, size_t size, plain_field *fields, size_t count)
{
    static char spare[LINE_MOST + 1];
    size_t found = 0, at = 0;
    if (size > LINE_MOST)
        return "too_large";
    if (!is_utf8(line, size))
        return "not_utf8";
    size -= size && line[size - 1] == '\n';
    size -= size && line[size - 1] == '\r';
    for (bool more = true; more; found++) {
        plain_field other = { spare, 0 };
        at = field_cut(line, size, at, found < count ? &fields[found] : &other);
        if (at == SIZE_MAX)
            return "bad_quote";
        more = at < size;
        at += more;
    }
    return found == count ? NULL : "field_count";
}

static void compare(sl_task *task, const char *line, size_t size, size_t count)
{
    static char bytes[FIELDS_MOST][LINE_MOST + 1];
    plain_field plain[FIELDS_MOST];
    sl_text fields[FIELDS_MOST], slow[FIELDS_MOST];
    for (size_t i = 0; i < count; i++)
        plain[i].at = bytes[i];
    const char *wanted = plain_split((const uint8_t *)line, size, plain, count);
    const char *fault = sl_csv_split(task, (sl_text){ line, size }, fields, count);
    const char *slow_fault = sl_csv_split_slowly(task, (sl_text){ line, size }, slow, count);
    sl_expect((fault == NULL) == (wanted == NULL) && (fault == NULL || strcmp(fault, wanted) == 0));
    sl_expect((slow_fault == NULL) == (wanted == NULL) &&
              (slow_fault == NULL || strcmp(slow_fault, wanted) == 0));
    for (size_t i = 0; i < count && wanted == NULL; i++) {
        sl_text expected = { plain[i].at, plain[i].size };
        sl_expect(sl_text_equal(fields[i], expected) && sl_text_equal(slow[i], expected));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sl_task task;
    if (size == 0)
        return 0;
    char *line = malloc(size); /* of exactly this size: nothing behind it may be read */
    memcpy(line, data + 1, size - 1);
    compare(&task, line, size - 1, 1 + data[0] % FIELDS_MOST);
    int64_t number = 0;
    sl_to_i64((sl_text){ line, size - 1 }, &number);
    sl_is_datetime((sl_text){ line, size - 1 });
    free(line);
    arena_reset(&task.memory);
    return 0;
}
