/*
 * base/failure.h - why a call did not succeed. The text lives in the context that failed and says what, where and, where
 * that helps, what to do: "redis lookup of 812 keys at 127.0.0.1:6379: connection refused". The first failure wins.
 *
 *     if (write(...) < 0)
 *         return fail(failure, SL_RETRY, "writing %s: %s", path, strerror(errno));
 *
 * A function logs or returns a failure, never both.
 */
#ifndef BASE_FAILURE_H
#define BASE_FAILURE_H

#include <sluice/types.h>

typedef struct failure {
    sl_result result; /* SL_OK: nothing failed; a zeroed struct is ready */
    char text[500];
    const char *place; /* the kind of the lookup or sink that failed, "redis"; NULL: none of them did */
} failure;

/* Notes the failure unless one is noted already; returns the result that is noted then. */
__attribute__((format(printf, 3, 4))) sl_result fail(failure *failure, sl_result result, const char *format,
                                                     ...);

void failure_clear(failure *failure);

/* Of a program that ends so; users and supervisors rely on it: see jobs/README.md. */
int exit_code(sl_result result);

/* Leaves the calling function when `call` did not succeed. The only macro that hides a return. */
#define SL_TRY(call)                                                                                         \
    do {                                                                                                     \
        sl_result tried_ = (call);                                                                           \
        if (tried_ != SL_OK)                                                                                 \
            return tried_;                                                                                   \
    } while (0)

/* A rule that only a bug can break; always on, never in a loop over rows. */
#define sl_expect(condition) ((condition) ? (void)0 : expectation_failed(#condition, __FILE__, __LINE__))
_Noreturn void expectation_failed(const char *condition, const char *file, int line);

#endif
