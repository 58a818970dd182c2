/*
 * tests/readme/pages.c - pages that name files: links lead somewhere, and `plan/window.c` is a file. Files move, and the
 * page that tells a newcomer where to look is the last to hear of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const pages[] = {
    "README.md",       "engine/README.md",    "engine/batches/README.md", "engine/package/README.md",
    "jobs/README.md",  "listeners/README.md", "tests/README.md",          "bench/README.md",
    "docker/README.md"
};
enum { PAGES = sizeof pages / sizeof pages[0], PATH_ROOM = 1024 };

static int missing; /* files that a page names, and that are not there */

/* Inlined, gcc 12 takes what getdelim() allocated for the local variable that points to it. */
__attribute__((noinline)) static char *page_read(const char *path)
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

static void missing_note(const char *page, const char *name, size_t size)
{
    print_error("%s: %.*s is not there\n", page, (int)size, name);
    missing++;
}

/* Is it there, seen from the page's folder or from one of those that pages leave out? */
static bool file_is_there(const char *page, const char *name, size_t size)
{
    const char *slash = strrchr(page, '/');
    char at[PATH_ROOM];
    snprintf(at, sizeof at, "%.*s/%.*s", slash ? (int)(slash - page) : 1, slash ? page : ".", (int)size,
             name);
    bool found = access(at, F_OK) == 0;
    static const char *const folders[] = { ".", "engine", "engine/include" };
    for (size_t i = 0; i < 3 && !found; i++) {
        snprintf(at, sizeof at, "%s/%.*s", folders[i], (int)size, name);
        found = access(at, F_OK) == 0;
    }
    return found;
}

/* "](path)" or "](path#heading)". */
static int links_follow(const char *page, const char *text)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, "](")); count++) {
        at += 2;
        size_t size = strcspn(at, ")#");
        if (size && strncmp(at, "http", 4) != 0 && !file_is_there(page, at, size))
            missing_note(page, at, size);
    }
    return count;
}

static bool is_source(const char *name, size_t size)
{
    return size > 2 && memchr(name, '/', size) && name[size - 2] == '.' && strchr("ch", name[size - 1]) &&
           strcspn(name, "* <N") >= size;
}

/* `folder/file.c`. Placeholders such as `jobs/NAME.c` are none, nor is what the reader of README.md writes himself. */
static int names_follow(const char *page, const char *text)
{
    int count = 0;
    for (const char *at = text; (at = strchr(at, '`'));) {
        at++;
        size_t size = strcspn(at, "`\n");
        if (is_source(at, size) && memmem(at, size, "hot_pages", 9) == NULL) {
            count++;
            if (!file_is_there(page, at, size))
                missing_note(page, at, size);
        }
    }
    return count;
}

static void links_lead_to_files(void **state)
{
    (void)state;
    int count = 0;
    missing = 0;
    for (size_t i = 0; i < PAGES; i++) {
        char *text = page_read(pages[i]);
        count += links_follow(pages[i], text);
        free(text);
    }
    assert_int_equal(missing, 0);
    assert_in_range(count, 20, 1000);
}

static void names_of_files_are_those_of_files(void **state)
{
    (void)state;
    int count = 0;
    missing = 0;
    for (size_t i = 0; i < PAGES; i++) {
        char *text = page_read(pages[i]);
        count += names_follow(pages[i], text);
        free(text);
    }
    assert_int_equal(missing, 0);
    assert_in_range(count, 40, 1000);
}

/* ---- The table of operations ---- */

static const char *const example_files[] = { "rows", "keys", "joins", "windows", "states" };
enum { EXAMPLE_FILES = sizeof example_files / sizeof example_files[0] };

/* The table of jobs/README.md alone, ended by a NUL. */
static char *table_read(void)
{
    char *page = page_read("jobs/README.md");
    const char *from = strstr(page, "| Spark | Sluice |");
    assert_non_null(from);
    char *table = strndup(from, (size_t)(strstr(from, "\n\n") - from));
    free(page);
    return table;
}

static void each_line_of_the_table_has_an_example(void **state)
{
    (void)state;
    char *table = table_read(), *rest = table, *line;
    size_t lines = 0;
    strsep(&rest, "\n"), strsep(&rest, "\n");
    for (; (line = strsep(&rest, "\n")); lines++)
        if (strstr(line, "](../tests/") == NULL)
            fail_msg("no example: %s", line);
    assert_in_range(lines, 40, 100);
    free(table);
}

/* Each link to operations/ names a test of that file, and each test there stands in the table. */
static void examples_and_table_name_the_same(void **state)
{
    (void)state;
    char *table = table_read(), path[PATH_ROOM], wanted[PATH_ROOM];
    size_t named = 0, tests = 0;
    for (const char *at = table; (at = strstr(at, "](../tests/operations/")); at++)
        named++;
    for (size_t f = 0; f < EXAMPLE_FILES; f++) {
        snprintf(path, sizeof path, "tests/operations/%s.c", example_files[f]);
        char *file = page_read(path);
        const char *mark = "cmocka_unit_test(";
        for (const char *at = file; (at = strstr(at, mark)); tests++) {
            at += strlen(mark);
            snprintf(wanted, sizeof wanted, "[%.*s](../%s)", (int)strcspn(at, ")"), at, path);
            if (strstr(table, wanted) == NULL)
                fail_msg("jobs/README.md: the table has no %s", wanted);
        }
        free(file);
    }
    assert_int_equal(named, tests); /* so the table names nothing that is not there */
    free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_of_the_table_has_an_example),
        cmocka_unit_test(examples_and_table_name_the_same),
        cmocka_unit_test(links_lead_to_files),
        cmocka_unit_test(names_of_files_are_those_of_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
