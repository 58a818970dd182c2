/*
 * base/counted.c - English has two forms: one for 1 and -1, one for all others, 0 too.
 */
#include <base/counted.h>
#include <inttypes.h>
#include <stdio.h>

counted_text counted(int64_t count, const char *one, const char *many)
{
    counted_text text;
    snprintf(text.at, sizeof text.at, "%" PRId64 " %s", count, count == 1 || count == -1 ? one : many);
    return text;
}
