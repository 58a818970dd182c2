/*
 * tests/system/install.c - what `make install` lays down: a job and its test are built outside the tree, by the package file
 * alone; the shells complete what --help knows; the manual has a page for each command and job.
 */
#include "../base/folder.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { OUTPUT_ROOM = 65536, COMMAND_ROOM = 4096 };

static const char *folder;
static char output[OUTPUT_ROOM]; /* of the last command */

/* A shell's, in the folder; its exit code. */
__attribute__((format(printf, 1, 2))) static int shell(const char *format, ...)
{
    char command[COMMAND_ROOM];
    va_list arguments;
    int size = snprintf(command, sizeof command, "cd %s && exec 2>&1 && ", folder);
    va_start(arguments, format);
    vsnprintf(command + size, sizeof command - (size_t)size, format, arguments);
    va_end(arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t count = fread(output, 1, sizeof output - 1, pipe);
    output[count] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void assert_said(const char *part)
{
    if (strstr(output, part) == NULL)
        fail_msg("\"%s\" is not in:\n%s", part, output);
}

static const char job_text[] =
    "#include <sluice/job.h>\n"
    "#define WORD_FIELDS(F) F(text, word) F(i64, times)\n"
    "SL_RECORD(word, WORD_FIELDS);\n"
    "static bool take(sl_task *task, const sl_message *in, word *out)\n"
    "{\n"
    "    (void)task;\n"
    "    out->word = sl_trim(in->value);\n"
    "    return out->word.size > 0;\n"
    "}\n"
    "SL_STAGE(take, sl_message, word);\n"
    "static void draw(sl_plan *plan, const void *options)\n"
    "{\n"
    "    (void)options;\n"
    "    sl_stream lines = sl_from(plan, &(sl_input){ .name = \"lines\", .from = \"kafka:words\" });\n"
    "    sl_stream counts = sl_count_by(sl_through(lines, &take_stage), &(sl_count){ .name = \"words\",\n"
    "        .key = SL_FIELDS(word, word), .into = SL_FIELDS(word, times) });\n"
    "    sl_to(counts, &(sl_output){ .name = \"words\", .to = { \"console\" }, .id = SL_FIELDS(word, word) });\n"
    "}\n"
    "const sl_job job = { .name = \"words\", .about = \"how often each word came\", .draw = draw };\n";

/* With names that functions of the engine have. */
static const char test_text[] =
    "int fail, buffer_print, engine_run;\n"
    "#include <sluice/test.h>\n"
    "#include <string.h>\n"
    "int main(void)\n"
    "{\n"
    "    sl_test *test = sl_test_open(&job, \"\");\n"
    "    sl_test_send(test, \"lines\", \"a\");\n"
    "    sl_test_send(test, \"lines\", \"a\");\n"
    "    sl_test_batch(test);\n"
    "    bool right = strstr(sl_test_wrote(test, \"words\"), \"\\\"times\\\":2\");\n"
    "    sl_test_close(test);\n"
    "    return right ? 0 : 1;\n"
    "}\n";

#define PACKAGE "PKG_CONFIG_PATH=usr/lib/pkgconfig pkg-config --define-prefix"

static void a_job_and_its_test_are_built_outside_the_tree(void **state)
{
    (void)state;
    folder_write("words.c", job_text);
    folder_write("words_test.c", test_text);
    folder_write("words.txt", "to be\nor\nto be\n");
    int code = shell("gcc -std=c17 -O1 $(" PACKAGE " --cflags sluice) words.c $(" PACKAGE
                     " --libs sluice) -o words");
    if (code != 0)
        fail_msg("%s", output);
    assert_int_equal(shell("./words --from lines=file:words.txt --available-now --work-dir work"), 0);
    assert_said("\"word\":\"to be\",\"times\":2}");
    assert_said("\"word\":\"or\",\"times\":1}");
    code = shell("gcc -std=c17 -O1 -Wall -Wextra -Werror $(" PACKAGE
                 " --cflags sluice) words_test.c words.c $(" PACKAGE
                 " --libs sluice) -o words_test && ./words_test");
    if (code != 0)
        fail_msg("%s", output);
}

static void a_new_job_builds_and_its_test_passes(void **state)
{
    (void)state;
#define MAKE                                                                                                 \
    "env -u MAKEFLAGS -u VARIANT make -s -C mine PKG_CONFIG_PATH=$PWD/usr/lib/pkgconfig PKG_CONFIG='pkg-config --define-prefix' "
    assert_int_equal(shell("usr/bin/sluice new mine"), 0);
    assert_said("make test");
    if (shell(MAKE "CFLAGS='-O1 -Wall -Wextra -Werror' test mine") != 0)
        fail_msg("%s", output);
    assert_said("mine_test passed");
    folder_write("lines.txt", "a\nb\na\n");
    assert_int_equal(shell("mine/mine --from lines=file:lines.txt --available-now --work-dir work-mine"), 0);
    assert_said("\"line\":\"a\",\"times\":2}");
}

/* The job as README.md has it, and its test, of which c_blocks.c sees that it is the page's. */
static void the_first_job_of_the_readme_builds_and_passes_too(void **state)
{
    (void)state;
    char checkout[1000];
    assert_non_null(realpath(".", checkout));
    assert_int_equal(shell("awk '/Write this to `jobs.hot_pages.c`/ { here = 1 } here && /^```$/ { exit } "
                           "copy { print } here && /^```c/ { copy = 1 }' '%s/README.md' >hot_pages.c && "
                           "cp '%s/tests/readme/first_job.c' hot_pages_test.c",
                           checkout, checkout),
                     0);
    if (shell("gcc -std=c17 -O1 -Wall -Wextra -Werror $(" PACKAGE " --cflags sluice) hot_pages.c $(" PACKAGE
              " --libs sluice) -o hot_pages") != 0)
        fail_msg("%s", output);
    folder_write("visits.csv", "shop,/cart\nshop,/\nno site\nshop,/\n");
    assert_int_equal(shell("./hot_pages --from lines=file:visits.csv --available-now --work-dir work-pages"),
                     0);
    assert_said("\"site\":\"shop\",\"rank\":1,\"page\":\"/\",\"visits\":2}");
    assert_said("\"site\":\"shop\",\"rank\":2,\"page\":\"/cart\",\"visits\":1}");
    assert_said(" + 1 dead letter");
    if (shell("gcc -std=c17 -O1 $(" PACKAGE " --cflags sluice) hot_pages_test.c $(" PACKAGE
              " --libs sluice) -lcmocka -o hot_pages_test && ./hot_pages_test") != 0)
        fail_msg("%s", output);
}

static void the_shell_completes_commands_options_and_names(void **state)
{
    (void)state;
#define COMPLETE                                                                                             \
    "PATH=$PWD/usr/bin:$PATH bash -c '. usr/share/bash-completion/completions/sluice; "                      \
    "COMP_WORDS=(sluice \"$@\"); COMP_CWORD=$#; _sluice; echo ${COMPREPLY[@]}' - "
    assert_int_equal(shell(COMPLETE "sta"), 0);
    assert_string_equal(output, "status\n");
    assert_int_equal(shell(COMPLETE "batches --js"), 0);
    assert_string_equal(output, "--json\n");
    assert_int_equal(shell(COMPLETE "submit --inter"), 0);
    assert_string_equal(output, "--interval\n");
    assert_int_equal(shell(COMPLETE "submit hello"), 0);
    assert_string_equal(output, "hello_count\n");
    assert_int_equal(shell(COMPLETE "explain hello"), 0);
    assert_string_equal(output, "hello_count\n");
    assert_int_equal(
        shell("export XDG_STATE_HOME=$PWD/state; usr/bin/sluice submit --name wordsmith --available-now "
              "--from lines=file:words.txt hello_count && " COMPLETE "status word"),
        0);
    assert_said("wordsmith\n");
}

/* The system of completion is zsh's own; here what it would be told is printed instead. */
static const char zsh_script[] = "words=(sluice \"$@\") CURRENT=$(($# + 1))\n"
                                 "_describe() { print -rl -- ${(P)2} }\n"
                                 "compadd() { print -rl -- ${(P)@[-1]} }\n"
                                 "_files() { print files }\n"
                                 "answer() { source usr/share/zsh/site-functions/_sluice }\n"
                                 "answer\n";

static void zsh_completes_commands_options_and_names(void **state)
{
    (void)state;
    if (shell("command -v zsh") != 0)
        skip();
    folder_write("answer.zsh", zsh_script);
#define ZSH "PATH=$PWD/usr/bin:$PATH zsh -f answer.zsh "
    assert_int_equal(shell(ZSH "sta"), 0);
    assert_said("status:what a job does now");
    assert_int_equal(shell(ZSH "batches --js"), 0);
    assert_said("--json\n");
    assert_int_equal(shell(ZSH "submit lis"), 0);
    assert_said("listens\n");
    assert_said("files\n");
    assert_int_equal(shell("export XDG_STATE_HOME=$PWD/state; " ZSH "status word"), 0);
    assert_said("wordsmith\n"); /* of the test before */
}

static void fish_completes_commands_options_and_names(void **state)
{
    (void)state;
    if (shell("command -v fish") != 0)
        skip();
#define FISH                                                                                                 \
    "HOME=$PWD PATH=$PWD/usr/bin:$PATH fish --no-config -c '"                                                \
    "source usr/share/fish/vendor_completions.d/sluice.fish; complete -C \"sluice $argv[1]\"' "
    assert_int_equal(shell(FISH "sta"), 0);
    assert_said("status\twhat a job does now");
    assert_int_equal(shell(FISH "'batches --js'"), 0);
    assert_said("--json");
    assert_int_equal(shell(FISH "'submit hello'"), 0);
    assert_said("hello_count\n");
    assert_int_equal(shell("export XDG_STATE_HOME=$PWD/state; " FISH "'status word'"), 0);
    assert_said("wordsmith");
}

/* As plain text: bold is a letter, a step back, and the letter again. */
#define PAGE(name) "mandoc -T utf8 usr/share/man/man1/" name " | sed 's/.\x08//g'"

static void the_manual_has_a_page_for_each_command_and_job(void **state)
{
    (void)state;
    if (shell("command -v help2man mandoc") != 0)
        skip();
    assert_int_equal(
        shell("usr/bin/sluice --help | sed -n 's/^  sluice \\([a-z]*\\) .*/sluice-\\1/p' >pages && "
              "ls usr/lib/sluice/jobs | sed 's/_/-/g; s/^/sluice-/' >>pages && wc -l <pages"),
        0);
    assert_true(strtol(output, NULL, 10) > 15);
    assert_int_equal(shell("while read -r page; do " PAGE(
                         "$page.1") " | "
                                    "grep -q \"^ *$page - ..\" || echo $page; done <pages"),
                     0);
    assert_string_equal(output, ""); /* no page whose first line is not its name and what it is for */
    assert_int_equal(shell("mandoc -T lint -W warning usr/share/man/man1/*.1"), 0);
    assert_int_equal(shell(PAGE("sluice-submit.1")), 0);
    assert_said("--interval DURATION");
    assert_said("SLUICE_BATCH_INTERVAL");
}

/* What --explain lists is what there is to set. */
static void the_manual_tells_of_every_setting(void **state)
{
    (void)state;
    if (shell("command -v help2man mandoc") != 0)
        skip();
    assert_int_equal(shell("mandoc -T lint -W warning usr/share/man/man5/sluice-settings.5"), 0);
    assert_int_equal(
        shell("mandoc -T utf8 usr/share/man/man5/sluice-settings.5 | sed 's/.\x08//g' >settings && "
              "usr/lib/sluice/jobs/hello_count --explain | "
              "awk '$1 ~ /^[a-z]+[.][a-z_.]+$/ && NF >= 3 { print $1 }' | sort -u >keys && wc -l <keys"),
        0);
    assert_true(strtol(output, NULL, 10) > 30);
    assert_int_equal(
        shell("while read -r key; do grep -qE \"^ +$key( |$)\" settings || echo $key; done <keys"), 0);
    assert_string_equal(output, "");
    assert_int_equal(shell("grep -A3 ' batch.interval' settings"), 0);
    assert_said("Default 2s; 1ms to 1d.");
    assert_said("Option --interval DURATION; environment SLUICE_BATCH_INTERVAL");
}

/* The release, linked as it was before, so that nothing is compiled anew. */
static int install(void **state)
{
    (void)state;
    folder = folder_open();
    char command[COMMAND_ROOM];
    snprintf(
        command, sizeof command,
        "lto=$(! grep -qs gcc build/flags || grep -q -- -flto build/flags || echo lto=); env -u MAKEFLAGS -u VARIANT make -s install $lto "
        "PREFIX=/usr DESTDIR=%s >%s/log 2>&1 || { cat %s/log; exit 1; }",
        folder, folder, folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_and_its_test_are_built_outside_the_tree),
        cmocka_unit_test(a_new_job_builds_and_its_test_passes),
        cmocka_unit_test(the_first_job_of_the_readme_builds_and_passes_too),
        cmocka_unit_test(the_shell_completes_commands_options_and_names),
        cmocka_unit_test(zsh_completes_commands_options_and_names),
        cmocka_unit_test(fish_completes_commands_options_and_names),
        cmocka_unit_test(the_manual_has_a_page_for_each_command_and_job),
        cmocka_unit_test(the_manual_tells_of_every_setting),
    };
    return cmocka_run_group_tests_name("system/install", tests, install, folder_stop);
}
