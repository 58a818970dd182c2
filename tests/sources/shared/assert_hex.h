/*
 * tests/sources/shared/assert_hex.h - what was written, compared with bytes written by hand (hex.h). For cmocka tests.
 */
#ifndef SOURCES_SHARED_ASSERT_HEX_H
#define SOURCES_SHARED_ASSERT_HEX_H

#include <setjmp.h>
#include <sources/shared/hex.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Empties `out`. */
static inline void assert_hex(buffer *out, const char *expected)
{
    buffer bytes = hex(expected), found = { 0 }, wanted = { 0 };
    hex_print(&found, out->at, out->size);
    hex_print(&wanted, bytes.at, bytes.size);
    assert_string_equal(found.at, wanted.at);
    buffer_done(&bytes);
    buffer_done(&found);
    buffer_done(&wanted);
    buffer_done(out);
}

/* Of exactly as many bytes as there are, so that a sanitizer sees any beyond; `memory` is to be freed. */
static inline char *hex_exact(const char *text, size_t *size)
{
    buffer bytes = hex(text);
    char *memory = malloc(bytes.size ? bytes.size : 1);
    if (bytes.size)
        memcpy(memory, bytes.at, bytes.size);
    *size = bytes.size;
    buffer_done(&bytes);
    return memory;
}

#endif
