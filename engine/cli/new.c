/*
 * cli/new.c - `sluice new NAME`: a folder with a job of one's own, its test and a Makefile, which build against the installed
 * library (pkg-config sluice) and pass. It begins as a small job that does something; the manual is sluice/job.h.
 */
#include <base/buffer.h>
#include <base/disk.h>
#include <cli/command.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MOST = 48 };

static const char job_template[] =
    "/*\n"
    " * @NAME@.c - how often each line came in the last minute.\n"
    " *\n"
    " *   lines -> take_line -> count (line) in a minute -> console\n"
    " */\n"
    "#include <sluice/job.h>\n"
    "\n"
    "#define SEEN_FIELDS(F) F(text, line) F(i64, times)\n"
    "SL_RECORD(seen, SEEN_FIELDS);\n"
    "\n"
    "/* Empty lines are filtered; what breaks a rule would be rejected: return sl_reject(task, &in->origin, \"too_long\", \"line\"). */\n"
    "static bool take_line(sl_task *task, const sl_message *in, seen *out)\n"
    "{\n"
    "    (void)task;\n"
    "    out->line = sl_trim(in->value);\n"
    "    return out->line.size > 0;\n"
    "}\n"
    "SL_STAGE(take_line, sl_message, seen);\n"
    "\n"
    "static void draw(sl_plan *plan, const void *options)\n"
    "{\n"
    "    (void)options;\n"
    "    sl_stream lines = sl_from(plan, &(sl_input){ .name = \"lines\", .from = \"kafka:realtime\" });\n"
    "    sl_stream counts = sl_count_by(sl_through(lines, &take_line_stage),\n"
    "                                   &(sl_count){ .name = \"lines_in_a_minute\",\n"
    "                                                .key = SL_FIELDS(seen, line),\n"
    "                                                .into = SL_FIELDS(seen, times),\n"
    "                                                .window = { .length = { 60000 } },\n"
    "                                                .touched_only = true });\n"
    "    sl_to(counts, &(sl_output){ .name = \"counts\",\n"
    "                                .to = { \"console\" },\n"
    "                                .index = \"@NAME@\",\n"
    "                                .id = SL_FIELDS(seen, line) });\n"
    "}\n"
    "\n"
    "const sl_job job = { .name = \"@NAME@\", .about = \"how often each line came in the last minute\", .draw = draw };\n";

static const char test_template[] =
    "/*\n"
    " * @NAME@_test.c - the job on memory and a manual clock: what goes in, and what must come out, batch by batch.\n"
    " */\n"
    "#include <sluice/test.h>\n"
    "#include <stdio.h>\n"
    "#include <string.h>\n"
    "\n"
    "static int failed;\n"
    "\n"
    "static void expect(const char *wrote, const char *wanted)\n"
    "{\n"
    "    if (strcmp(wrote, wanted) == 0)\n"
    "        return;\n"
    "    fprintf(stderr, \"it wrote   %s\\ninstead of %s\\n\", wrote, wanted);\n"
    "    failed = 1;\n"
    "}\n"
    "\n"
    "int main(void)\n"
    "{\n"
    "    sl_test *test = sl_test_open(&job, \"--interval 1s\");\n"
    "    sl_test_send(test, \"lines\", \"hello\");\n"
    "    sl_test_send(test, \"lines\", \"\");\n"
    "    sl_test_batch(test);\n"
    "    expect(sl_test_wrote(test, \"counts\"),\n"
    "           \"{\\\"_id\\\":\\\"hello\\\",\\\"@timestamp\\\":\\\"1970-01-01T00:00:01.000Z\\\",\\\"line\\\":\\\"hello\\\",\\\"times\\\":1}\\n\");\n"
    "    sl_test_send(test, \"lines\", \"hello\");\n"
    "    sl_test_batch(test);\n"
    "    expect(sl_test_wrote(test, \"counts\"),\n"
    "           \"{\\\"_id\\\":\\\"hello\\\",\\\"@timestamp\\\":\\\"1970-01-01T00:00:02.000Z\\\",\\\"line\\\":\\\"hello\\\",\\\"times\\\":2}\\n\");\n"
    "    sl_test_pass(test, 60000); /* a minute later only new lines count */\n"
    "    sl_test_send(test, \"lines\", \"hello\");\n"
    "    sl_test_batch(test);\n"
    "    expect(sl_test_wrote(test, \"counts\"),\n"
    "           \"{\\\"_id\\\":\\\"hello\\\",\\\"@timestamp\\\":\\\"1970-01-01T00:01:03.000Z\\\",\\\"line\\\":\\\"hello\\\",\\\"times\\\":1}\\n\");\n"
    "    sl_test_close(test);\n"
    "    if (!failed)\n"
    "        printf(\"@NAME@_test passed\\n\");\n"
    "    return failed;\n"
    "}\n";

static const char makefile_template[] =
    "# @NAME@: make builds the job, make test its test, against the installed library. When pkg-config does not find it, say where:\n"
    "#     make PKG_CONFIG_PATH=$HOME/sluice/lib/pkgconfig\n"
    "PKG_CONFIG ?= pkg-config\n"
    "CFLAGS     ?= -O2 -g -Wall -Wextra\n"
    "export PKG_CONFIG_PATH\n"
    "\n"
    "libs = $$($(PKG_CONFIG) --libs sluice)\n"
    "\n"
    "@NAME@: @NAME@.o\n"
    "\t$(CC) $(LDFLAGS) $^ $(libs) -o $@\n"
    "\n"
    "@NAME@_test: @NAME@_test.o @NAME@.o\n"
    "\t$(CC) $(LDFLAGS) $^ $(libs) -o $@\n"
    "\n"
    "%.o: %.c\n"
    "\t$(CC) -std=c17 $(CFLAGS) $$($(PKG_CONFIG) --cflags sluice) -c $< -o $@\n"
    "\n"
    ".PHONY: test clean\n"
    "test: @NAME@_test\n"
    "\t./@NAME@_test\n"
    "\n"
    "clean:\n"
    "\trm -f @NAME@ @NAME@_test *.o\n";

/* A name that a C file, a make target and a job can have. The Makefile has two targets of its own. */
static bool is_name(const char *name)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyz", all[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    if (strcmp(name, "test") == 0 || strcmp(name, "clean") == 0)
        return false;
    return strchr(first, *name) && *name && strspn(name, all) == strlen(name) && strlen(name) <= NAME_MOST;
}

static sl_result file_write(const char *name, const char *end, const char *text, failure *failure)
{
    static const char mark[] = "@NAME@";
    char path[2 * NAME_MOST + 32];
    buffer out = { 0 };
    for (const char *at; (at = strstr(text, mark)); text = at + sizeof mark - 1) {
        buffer_append(&out, text, (size_t)(at - text));
        buffer_text(&out, name);
    }
    buffer_text(&out, text);
    snprintf(path, sizeof path, "%s/%s%s", name, *end == 'M' ? "" : name, end);
    sl_result result = disk_replace(path, out.at, out.size, failure);
    buffer_done(&out);
    return result;
}

static sl_result new_run(const arguments *arguments, failure *failure)
{
    const char *name = arguments->names[0];
    if (!is_name(name))
        return fail(
            failure, SL_USAGE,
            "\"%s\" cannot name a job: take a lower-case letter, then letters, digits and _, at most %d, "
            "and not test or clean",
            name, NAME_MOST);
    if (access(name, F_OK) == 0)
        return fail(failure, SL_USAGE, "%s is here already: take another name, or another folder", name);
    SL_TRY(disk_folder(name, failure));
    SL_TRY(file_write(name, ".c", job_template, failure));
    SL_TRY(file_write(name, "_test.c", test_template, failure));
    SL_TRY(file_write(name, "Makefile", makefile_template, failure));
    printf("%s/ has %s.c, %s_test.c and a Makefile. Go on with: cd %s && make test && make\n", name, name,
           name, name);
    return SL_OK;
}

const command command_new = { .name = "new",
                              .form = "NAME",
                              .about = "a folder with a job of your own, its test and a Makefile",
                              .options = (const setting[]){ { 0 } },
                              .names_least = 1,
                              .names_most = 1,
                              .run = new_run };
