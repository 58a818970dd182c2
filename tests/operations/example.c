/*
 * tests/operations/example.c - lines in, rows out; see example.h.
 */
#include "example.h"
#include <base/buffer.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void example_out(sl_stream in, sl_fields id)
{
    sl_to(in, &(sl_output){ .name = "out", .to = { "memory" }, .id = id });
}

sl_test *example_open_with(example_draw *draw, const char *options)
{
    static sl_job job;
    char words[400];
    job = (sl_job){ .name = "example", .about = "one operation", .draw = draw };
    snprintf(words, sizeof words, "--interval 1s %s", options);
    return sl_test_open(&job, words);
}

sl_test *example_open(example_draw *draw)
{
    return example_open_with(draw, "");
}

void example_send(sl_test *test, const char *input, const char *lines)
{
    char copy[2000], *rest = copy, *line;
    snprintf(copy, sizeof copy, "%s", lines);
    while ((line = strsep(&rest, " ")))
        if (*line)
            sl_test_send(test, input, line);
}

/* {"_id":"..","@timestamp":"..","a":"x","b":2} as a=x b=2 */
static const char *document_print(const char *at, buffer *out)
{
    int field = 0;
    for (at++; at[-1] != '}'; at++, field++) {
        const char *name = at + 1, *name_end = strchr(name, '"'), *value = name_end + 2;
        bool text = *value == '"';
        const char *end = text ? strchr(++value, '"') : value + strcspn(value, ",}");
        if (field >= 2)
            buffer_print(out, "%s%.*s=%.*s", field > 2 ? " " : "", (int)(name_end - name), name,
                         (int)(end - value), value);
        at = text ? end + 1 : end;
    }
    return at + 1;
}

void example_batch(sl_test *test, const char *lines, const char *wanted)
{
    buffer out = { 0 };
    example_send(test, "sales", lines);
    sl_test_batch(test);
    for (const char *at = sl_test_wrote(test, "out"); *at;) {
        buffer_text(&out, out.size ? " | " : "");
        at = document_print(at, &out);
    }
    buffer_byte(&out, '\0');
    assert_string_equal(out.at, wanted);
    buffer_done(&out);
}
