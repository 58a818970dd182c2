/*
 * tests/readme/c_blocks.c - each C block of a README stands, letter by letter, in a file that is compiled and tested. So what
 * a newcomer copies compiles, runs, and does what the page says. Change both together.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const sources[] = { "tests/readme/*.c", "jobs/*.c", "jobs/records/*.h", "tests/jobs/*.c" };
static const char *const pages[] = { "README.md", "*/README.md", "*/*/README.md", "*/*/*/README.md" };

static char *file_read(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s: cannot be read", path);
    char *text = NULL;
    size_t room = 0;
    if (getdelim(&text, &room, '\0', file) < 0)
        fail_msg("%s: is empty", path);
    fclose(file);
    return text;
}

static glob_t files_of(const char *const *patterns, size_t count)
{
    glob_t found = { 0 };
    for (size_t i = 0; i < count; i++)
        glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &found);
    return found;
}

static bool stands_in(const char *block, const glob_t *files)
{
    bool found = false;
    for (size_t i = 0; i < files->gl_pathc && !found; i++) {
        char *text = file_read(files->gl_pathv[i]);
        found = strstr(text, block) != NULL;
        free(text);
    }
    return found;
}

/* How many blocks the page has. */
static int blocks_compare(const char *page, const glob_t *files)
{
    static const char opening[] = "\n```c\n", closing[] = "```\n";
    char *text = file_read(page), *end = text;
    int count = 0;
    for (char *at; (at = strstr(end, opening)); count++) {
        at += sizeof opening - 1;
        end = strstr(at, closing);
        assert_non_null(end);
        *end++ = '\0';
        if (!stands_in(at, files))
            fail_msg("%s: C block %d stands in no file that is compiled and tested", page, count + 1);
    }
    free(text);
    return count;
}

static void what_the_pages_show_is_compiled_and_tested(void **state)
{
    (void)state;
    glob_t files = files_of(sources, sizeof sources / sizeof *sources);
    glob_t found = files_of(pages, sizeof pages / sizeof *pages);
    int count = 0;
    for (size_t i = 0; i < found.gl_pathc; i++)
        count += blocks_compare(found.gl_pathv[i], &files);
    assert_in_range(count, 6, 99);
    globfree(&found);
    globfree(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_pages_show_is_compiled_and_tested),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
