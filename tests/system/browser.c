/*
 * tests/system/browser.c - the page of a running job in a real browser: Chromium without a screen draws it, in the light, in the
 * dark and as wide as a phone. Batches, charts, plan and settings have to be in what it made of the page, and its console has to
 * be silent. KEEP=1 keeps the pictures. Skipped where there is no Chromium.
 */
#include <base/folder.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>

#include <cmocka.h>

static int stop(void **state)
{
    (void)state;
    if (getenv("KEEP"))
        print_message("kept: %s\n", folder_path(""));
    else
        folder_close();
    return 0;
}

/*
 * The job runs beside the browser and ends with the script. Time in the page is virtual: it passes as soon as nothing is left to
 * do, so that a slow machine sees what a fast one does.
 */
static const char script[] =
    "$B/jobs/hello_count --from lines=rate:2000 --to counts=null --interval 300ms --work-dir work --http 127.0.0.1:0 2>log & "
    "job=$!; trap 'kill $job; wait $job' EXIT; "
    "url=$(timeout 60 tail -n +1 -F --pid=$job log 2>&1 | sed -n '/page is/{s/.*page is //p;q}'); "
    "curl -sf --retry 60 --retry-delay 1 --retry-all-errors $url/ready >ready || exit 2; "
    "browse() { name=$1; shift; HOME=$PWD timeout 120 $BROWSER --headless=new --no-sandbox --disable-gpu --no-first-run "
    "--disable-dev-shm-usage --hide-scrollbars --user-data-dir=$PWD/profile --enable-logging=stderr --v=0 "
    "--virtual-time-budget=4000 \"$@\" $url/ >$name.out 2>$name.err || exit 3; }; "
    "browse dom --dump-dom; "
    "browse light --window-size=1200,1500 --screenshot=$PWD/light.png; "
    "browse dark --window-size=1200,1500 --blink-settings=preferredColorScheme=0 --screenshot=$PWD/dark.png; "
    "browse phone --window-size=500,1500 --screenshot=$PWD/phone.png; "
    "grep -h CONSOLE *.err >console; cmp -s light.png dark.png && exit 4; rm -rf profile; exit 0";

static bool has_browser(void)
{
    if (system("command -v chromium >/dev/null 2>&1") == 0)
        return setenv("BROWSER", "chromium", 1) == 0;
    return system("command -v chromium-browser >/dev/null 2>&1") == 0 &&
           setenv("BROWSER", "chromium-browser", 1) == 0;
}

static size_t occurrences(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

/* Big-endian, behind the names of file and header. */
static unsigned picture_side(const char *name, size_t at)
{
    unsigned char bytes[24] = { 0 };
    FILE *file = fopen(folder_path(name), "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), sizeof bytes);
    fclose(file);
    assert_memory_equal(bytes + 1, "PNG", 3);
    return (unsigned)bytes[at] << 24 | (unsigned)bytes[at + 1] << 16 | (unsigned)bytes[at + 2] << 8 |
           bytes[at + 3];
}

static void the_page_draws_itself_in_a_browser(void **state)
{
    (void)state;
    if (!has_browser())
        skip();
    assert_int_equal(shell("%s", script), 0);
    assert_string_equal(folder_read("console"), "");
    const char *page = folder_read("dom.out");
    assert_non_null(strstr(page, "<h1 id=\"job\">hello_count</h1>"));
    assert_non_null(strstr(page, "class=\"good\">running</p>"));
    assert_non_null(strstr(page, "<strong>300 ms</strong>"));
    assert_non_null(strstr(page, "Advice: "));
    static const char *const charts[] = { "Input rate", "Scheduling delay", "Processing time",
                                          "Total delay" };
    for (size_t i = 0; i < sizeof charts / sizeof charts[0]; i++)
        assert_non_null(strstr(page, charts[i]));
    assert_true(occurrences(page, "aria-label=\"Total delay over time\"") == 1);
    if (strstr(page, "No charts: compiled without") == NULL)
        assert_true(occurrences(page, "<canvas") >= 4);
    assert_int_equal(occurrences(page, "class=\"histogram\""), 4);
    assert_true(occurrences(page, "<td>completed") >= 1 ||
                occurrences(page, "<td class=\"\">completed") >= 1);
    assert_true(occurrences(page, "class=\"phases\"") >= 1);
    assert_non_null(strstr(page, "<td>sink</td><td>counts</td><td>null</td>"));
    assert_non_null(strstr(page, "<svg "));
    assert_non_null(strstr(page, "through one_line"));
    assert_non_null(strstr(page, "<td>batch.interval</td>"));
    assert_null(strstr(page, "no answer"));
    assert_int_equal(picture_side("light.png", 16), 1200);
    assert_int_equal(picture_side("dark.png", 20), 1500);
    assert_int_equal(picture_side("phone.png", 16), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_page_draws_itself_in_a_browser, folder_start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
