/*
 * tests/system/csv.c - the job `listens` with outputs in CSV: what stands in files, on the console and in a topic, to the
 * byte; and what the places say that have no CSV.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/folder.h>
#include <glob.h>
#include <servers/kafka.h>
#include <servers/topic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/recount.h>
#include <support/shell.h>

#include <cmocka.h> /* last: its fail() is a macro */

static const char listens[] = "0,48,453,\"2014-10-23 03:26:20\",0,\"72132\"\n"
                              "1,48,\"a,b\",\"2014-10-23 03:26:21\",1,\"72132\"\n"
                              "2,99,7,\"2014-10-23 03:26:22\",0,\"\"\n";
static const char customers[] =
    "id,name,gender,age,zip,Address,SignDate,Status,Level,Campaign,LinkedWithApps\n"
    "48,\"Ann \"\"A\"\" Lee\",1,23,72132,\"1 Long Road, Ozark\",01/14/2013,1,1,3,0\n";
static const char columns[] =
    "@timestamp,event_id,customer_id,track_id,datetime,ismobile,listening_zip_code,name,"
    "age,gender,zip,Address,SignDate,Status,Level,Campaign,LinkedWithApps\n";

/* The lines after their times. */
static const char *const wanted[] = {
    "0,48,453,2014-10-23 03:26:20,0,72132,\"Ann \"\"A\"\" Lee\",23,1,72132,\"1 Long Road, Ozark\",01/14/2013,1,1,3,0",
    "1,48,\"a,b\",2014-10-23 03:26:21,1,72132,\"Ann \"\"A\"\" Lee\",23,1,72132,\"1 Long Road, Ozark\",01/14/2013,1,1,3,0",
    "2,99,7,2014-10-23 03:26:22,0,\"\",,,,,,,,,,",
};

/* `run` names its work folder, and the files that take what it says. */
static int listens_run(const char *run, const char *options)
{
    return shell(
        "$B/jobs/listens --name csv --available-now --from lines=file:%s --from customers=file:customers.csv "
        "--to top_tracks=null --to interests=null --work-dir %s.work %s >%s 2>%s.log",
        folder_path("listens.csv"), run, options, run, run);
}

/* The id's first part, whose last is the line's place in the file: three lines of the first file under this path. */
static void assert_line(const char **at, const char *time, int i)
{
    static const int places[] = { 0, 41, 84 };
    char line[600];
    int size = snprintf(line, sizeof line, "%s-0-%d,%s,%s\n", folder_path("listens.csv"), places[i], time,
                        wanted[i]);
    if (strncmp(*at, line, (size_t)size) != 0)
        fail_msg("got  %.300s\nwant %s", *at, line);
    *at += size;
}

static void assert_documents(const char *at, const char *time)
{
    assert_int_equal(strncmp(at, "_id,", 4), 0);
    at += 4;
    assert_int_equal(strncmp(at, columns, strlen(columns)), 0);
    at += strlen(columns);
    for (int i = 0; i < 3; i++)
        assert_line(&at, time, i);
    assert_int_equal(*at == '\0' || strcmp(at, "\n") == 0, true);
}

static void files_and_the_console_have_columns_and_quotes(void **state)
{
    (void)state;
    glob_t found;
    char options[600], pattern[300], time[25];
    folder_write("listens.csv", listens);
    folder_write("customers.csv", customers);
    snprintf(options, sizeof options,
             "--conf file.format=csv --conf console.format=csv --to documents=file:%s --to documents=console",
             folder_path("out"));
    assert_int_equal(listens_run("files", options), 0);
    snprintf(pattern, sizeof pattern, "%s/ba_realtime2/batch-*", folder_path("out"));
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    const char *name = strstr(found.gl_pathv[0], "out/ba_realtime2"), *number = strstr(name, "batch-");
    assert_string_equal(strrchr(name, '.'), ".csv");
    iso_print(strtoll(number + strlen("batch-"), NULL, 10), time);
    assert_documents(folder_read(name), time);
    globfree(&found);
    const char *said = folder_read("files");
    assert_non_null(strstr(said, "\n_id,"));
    assert_documents(strstr(said, "\n_id,") + 1, time);
}

/* Messages as "KEY=VALUE", sorted: keys end with the places 0, 41, 84 in the file. */
static void a_topic_has_a_line_a_message(void **state)
{
    (void)state;
    kafka_server *kafka = kafka_server_start(NULL);
    if (kafka == NULL)
        skip();
    char options[300];
    folder_write("listens.csv", listens);
    folder_write("customers.csv", customers);
    snprintf(options, sizeof options,
             "--conf kafka.format=csv --to documents=kafka:plays --conf kafka.bootstrap.servers=%s",
             kafka_server_address(kafka));
    assert_int_equal(listens_run("topic", options), 0);
    char *read = topic_read(kafka_server_address(kafka), "plays"), *rest = read;
    for (int i = 0; i < 3; i++) {
        char *line = strsep(&rest, "\n"), *value = strchr(line, '=') + 1;
        assert_int_equal(strncmp(line, folder_path("listens.csv"), strlen(folder_path("listens.csv"))), 0);
        assert_string_equal(value + strlen("1970-01-01T00:00:00.000Z,"), wanted[i]);
    }
    assert_string_equal(rest, "");
    free(read);
    kafka_server_stop(kafka);
}

static void places_without_lines_say_that_they_have_no_csv(void **state)
{
    (void)state;
    folder_write("listens.csv", listens);
    folder_write("customers.csv", customers);
    assert_int_equal(listens_run("elastic", "--conf elastic.format=csv"), 2);
    assert_non_null(strstr(folder_read("elastic.log"), "elastic.format"));
    assert_non_null(strstr(folder_read("elastic.log"), "\"csv\" cannot be had: it is always json"));
    assert_int_equal(listens_run("redis", "--conf redis.format=csv"), 2);
    assert_non_null(strstr(folder_read("redis.log"), "redis.format"));
    assert_false(folder_has("redis.work")); /* nothing was touched */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_the_console_have_columns_and_quotes),
        cmocka_unit_test(a_topic_has_a_line_a_message),
        cmocka_unit_test(places_without_lines_say_that_they_have_no_csv),
    };
    return cmocka_run_group_tests(tests, folder_start, folder_stop);
}
