/*
 * base/failure.c - failures and broken expectations.
 */
#include <base/failure.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

sl_result fail(failure *failure, sl_result result, const char *format, ...)
{
    if (failure->result != SL_OK)
        return failure->result;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(failure->text, sizeof failure->text, format, arguments);
    va_end(arguments);
    return failure->result = result;
}

void failure_clear(failure *failure)
{
    failure->result = SL_OK;
    failure->text[0] = '\0';
    failure->place = NULL;
}

int exit_code(sl_result result)
{
    switch (result) {
    case SL_OK: return 0;
    case SL_USAGE: return 2;
    case SL_UNREACHABLE: return 3;
    case SL_REPEATED: return 4;
    case SL_DATA_LOSS: return 5;
    case SL_RUNNING: return 6;
    case SL_RETRY:
    case SL_LIMIT:
    case SL_FAILED: break;
    }
    return 1;
}

const char *sl_result_text(sl_result result)
{
    static const char *const texts[] = {
#define RESULT_TEXT(code, text) text,
        SL_RESULTS(RESULT_TEXT)
#undef RESULT_TEXT
    };
    return (size_t)result < sizeof texts / sizeof texts[0] ? texts[result] : "unknown";
}

_Noreturn void expectation_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "sluice: bug: %s does not hold at %s:%d; please report it\n", condition, file, line);
    abort();
}
