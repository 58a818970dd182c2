/*
 * base/failure.c - failures and broken expectations. Names and passwords of URLs never stand in a text: "http://[hidden]@host".
 */
#include <base/failure.h>
#include <base/settings.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { WHOLE = 4096 }; /* a text is cut when its logins are gone: half of one might not be seen as such */

/* Logs, pages and histories show it. */
static void text_keep(failure *failure, const char *whole)
{
    buffer shown = { 0 };
    settings_hide(&shown, whole);
    buffer_byte(&shown, '\0');
    snprintf(failure->text, sizeof failure->text, "%s", shown.at);
    buffer_done(&shown);
}

sl_result fail(failure *failure, sl_result result, const char *format, ...)
{
    char whole[WHOLE];
    if (failure->result != SL_OK)
        return failure->result;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(whole, sizeof whole, format, arguments);
    va_end(arguments);
    text_keep(failure, whole);
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
