/*
 * tests/lookups/file.c - tables in files: CSV and JSON, keys in any column, versions that follow one another, and a job that reads one.
 */
#include <base/folder.h>
#include <lookups/lookup.h>
#include <setjmp.h>
#include <sluice/test.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

extern const lookup_kind lookup_file;

static const char *const names[] = { "name", "age" };

static void file_write(const char *name, const char *text)
{
    char beside[300];
    snprintf(beside, sizeof beside, "%s.new", folder_path(name));
    FILE *file = fopen(beside, "w");
    fputs(text, file);
    fclose(file);
    assert_int_equal(rename(beside, folder_path(name)), 0);
}

static sl_result open_as(const char *target, bool plain, void **self, failure *failure)
{
    char path[300];
    const char *hash = strchr(target, '#');
    snprintf(path, sizeof path, "%.*s", hash ? (int)(hash - target) : (int)strlen(target), target);
    char whole[400];
    snprintf(whole, sizeof whole, "%s%s", folder_path(path), hash ? hash : "");
    lookup_spec spec = { .name = "customers", .target = whole, .prefix = "ignored:", .plain = plain };
    spec.names = names;
    spec.name_count = plain ? 1 : 2;
    return lookup_file.open(&spec, self, failure);
}

/* "name/age" of a key, "-" for what is missing. */
static const char *asked(void *self, const char *key)
{
    static char told[100];
    failure failure = { 0 };
    arena memory = { 0 };
    sl_text keys[] = { { key, strlen(key) } }, answers[2] = { 0 };
    assert_int_equal(lookup_file.ask(self, &(lookup_question){ keys, 1, answers, &memory }, &failure), SL_OK);
    snprintf(told, sizeof told, "%.*s/%.*s", answers[0].at ? (int)answers[0].size : 1,
             answers[0].at ? answers[0].at : "-", answers[1].at ? (int)answers[1].size : 1,
             answers[1].at ? answers[1].at : "-");
    arena_done(&memory);
    return told;
}

static void *opened(const char *target)
{
    void *self = NULL;
    failure failure = { 0 };
    if (open_as(target, false, &self, &failure) != SL_OK)
        fail_msg("%s", failure.text);
    return self;
}

static void a_header_names_the_columns(void **state)
{
    (void)state;
    file_write("c.csv", "id,name,zip,age\r\n9,\"Ann \"\"A\"\" B\",7,23\r\n48,,1,31\r\n\n9x,Bob,2,5");
    void *self = opened("c.csv");
    assert_string_equal(asked(self, "9"), "Ann \"A\" B/23");
    assert_string_equal(asked(self, "48"), "/31");
    assert_string_equal(asked(self, "9x"), "Bob/5");
    assert_string_equal(asked(self, "id"), "-/-");
    assert_string_equal(asked(self, ""), "-/-");
    lookup_file.close(self);
}

static void any_column_may_be_the_key_and_the_last_line_counts(void **state)
{
    (void)state;
    file_write("c.csv", "name,age,id\nAnn,1,a\nBob,2,b\nCid,3,a\n");
    void *self = opened("c.csv#id");
    assert_string_equal(asked(self, "a"), "Cid/3");
    assert_string_equal(asked(self, "b"), "Bob/2");
    lookup_file.close(self);
    file_write("c.ndjson", "{\"id\":\"a\",\"name\":\"Ann\"}\n{\"id\":7,\"age\":31,\"name\":null}\n");
    self = opened("c.ndjson");
    assert_string_equal(asked(self, "a"), "Ann/-");
    assert_string_equal(asked(self, "7"), "-/31");
    lookup_file.close(self);
    self = opened("c.ndjson#id");
    assert_string_equal(asked(self, "7"), "-/31");
    lookup_file.close(self);
}

static void a_plain_value_needs_no_name(void **state)
{
    (void)state;
    failure failure = { 0 };
    void *self = NULL;
    file_write("c.csv", "who,what\na,1\nb,0\n");
    assert_int_equal(open_as("c.csv", true, &self, &failure), SL_OK);
    assert_string_equal(asked(self, "a"), "1/-");
    lookup_file.close(self);
    assert_int_equal(open_as("c.csv#what", true, &self, &failure), SL_OK);
    assert_string_equal(asked(self, "0"), "b/-");
    lookup_file.close(self);
}

static void assert_refused(const char *text, const char *target, sl_result wanted, const char *because)
{
    failure failure = { 0 };
    void *self = NULL;
    if (text)
        file_write("c.csv", text);
    assert_int_equal(open_as(target, false, &self, &failure), wanted);
    if (strstr(failure.text, because) == NULL)
        fail_msg("<%s> does not say <%s>", failure.text, because);
}

static void a_table_that_cannot_be_read_says_where(void **state)
{
    (void)state;
    assert_refused("id,name\n1,a\n2\n", "c.csv", SL_FAILED, "c.csv, line 3: field_count");
    assert_refused("id,name\n1,a\n", "c.csv#key", SL_FAILED, "line 1: the header has no column");
    assert_refused("{\"id\":1}\n{\"a\":2}\n", "c.csv#id", SL_FAILED,
                   "line 2: it has no field of the key's name");
    assert_refused("{\"id\":1}\n{\"id\":[2]}\n", "c.csv", SL_FAILED, "line 2: it is no JSON object");
    assert_refused(NULL, "absent", SL_RETRY, "there is no file");
}

static void a_new_version_is_read_when_it_is_there(void **state)
{
    (void)state;
    file_write("c.csv", "id,name,age\n1,a,1\n");
    void *self = opened("c.csv#id");
    assert_string_equal(asked(self, "1"), "a/1");
    file_write("c.csv", "age,id,name\n2,1,b\n3,2,c\n");
    assert_string_equal(asked(self, "1"), "b/2");
    assert_string_equal(asked(self, "2"), "c/3");
    file_write("c.csv", "id,name,age\n1\n"); /* no table: the one before goes on */
    assert_string_equal(asked(self, "1"), "b/2");
    remove(folder_path("c.csv"));
    assert_string_equal(asked(self, "2"), "c/3");
    file_write("c.csv", "id,name\n2,d\n");
    assert_string_equal(asked(self, "1"), "-/-");
    assert_string_equal(asked(self, "2"), "d/-");
    lookup_file.close(self);
}

/* ---- A job ---- */

#define OWNER_FIELDS(F) F(text, name) F(i64, age)
SL_RECORD(owner, OWNER_FIELDS);
#define VISIT_FIELDS(F) F(text, id) F(link(owner), owner)
SL_RECORD(visit, VISIT_FIELDS);

static bool take(sl_task *task, const sl_message *in, visit *out)
{
    (void)task;
    out->id = in->value;
    return true;
}
SL_STAGE(take, sl_message, visit);

static void draw(sl_plan *plan, const void *options)
{
    (void)options;
    sl_stream visits =
        sl_through(sl_from(plan, &(sl_input){ .name = "lines", .from = "memory" }), &take_stage);
    visits = sl_look_up(visits, &(sl_lookup){ .name = "owners",
                                              .from = "file:owners.csv",
                                              .key = SL_FIELDS(visit, id),
                                              .into = SL_FIELDS(visit, owner) });
    sl_to(visits, &(sl_output){ .name = "out", .to = { "memory" }, .id = SL_FIELDS(visit, id) });
}

static const sl_job visits_job = { .name = "visits", .about = "who came", .draw = draw };

static const char *visited(sl_test *test, const char *id)
{
    static char fields[100];
    sl_test_send(test, "lines", id);
    sl_test_batch(test);
    const char *at = strstr(sl_test_wrote(test, "out"), "\"id\"");
    snprintf(fields, sizeof fields, "%s", at);
    return fields;
}

static void a_change_is_seen_when_the_cache_lets_go(void **state)
{
    (void)state;
    char options[400];
    file_write("owners.csv", "id,name,age\n9,Ann,23\n");
    snprintf(options, sizeof options, "--interval 1s --from owners=file:%s", folder_path("owners.csv"));
    sl_test *test = sl_test_open(&visits_job, options);
    assert_string_equal(visited(test, "9"), "\"id\":\"9\",\"name\":\"Ann\",\"age\":23}\n");
    file_write("owners.csv", "id,name,age\n9,Ann Bee,24\n");
    assert_string_equal(visited(test, "9"), "\"id\":\"9\",\"name\":\"Ann\",\"age\":23}\n");
    sl_test_pass(test, 60000);
    assert_string_equal(visited(test, "9"), "\"id\":\"9\",\"name\":\"Ann Bee\",\"age\":24}\n");
    sl_test_close(test);
}

#define FOLDER_TEST(function) cmocka_unit_test_setup_teardown(function, folder_start, folder_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_header_names_the_columns),
        FOLDER_TEST(any_column_may_be_the_key_and_the_last_line_counts),
        FOLDER_TEST(a_plain_value_needs_no_name),
        FOLDER_TEST(a_table_that_cannot_be_read_says_where),
        FOLDER_TEST(a_new_version_is_read_when_it_is_there),
        FOLDER_TEST(a_change_is_seen_when_the_cache_lets_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
