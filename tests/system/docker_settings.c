/*
 * tests/system/docker_settings.c - the settings of docker/ for Kafka, Redis and the search server, given to real ones: they start
 * with them, and say that they go by them. Addresses and folders are the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <servers/kafka.h>
#include <servers/search_server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { SETTINGS_MAX = 40, TEXT_ROOM = 4000, OUTPUT_ROOM = 200000 };

typedef struct settings {
    char key[SETTINGS_MAX][80], value[SETTINGS_MAX][80];
    size_t count;
} settings;

/* "key=value" or "key: value" a line; the keys that `not` names, each with a blank on either side, stay away. */
static void settings_read(settings *all, const char *path, const char * not )
{
    char line[300], wanted[90];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        assert_true(all->count < SETTINGS_MAX);
        char *key = all->key[all->count], *value = all->value[all->count];
        if (line[0] == '#' || sscanf(line, "%79[^=: \n]%*[=: ]%79[^\n]", key, value) != 2)
            continue;
        snprintf(wanted, sizeof wanted, " %s ", key);
        all->count += strstr(not, wanted) == NULL;
    }
    fclose(file);
    assert_true(all->count > 2);
}

static void words_make(const settings *all, const char *before, char words[TEXT_ROOM])
{
    size_t used = 0;
    for (size_t i = 0; i < all->count; i++)
        used +=
            (size_t)snprintf(words + used, TEXT_ROOM - used, "%s%s=%s ", before, all->key[i], all->value[i]);
    assert_true(used < TEXT_ROOM);
}

static void output_read(const char *command, char output[OUTPUT_ROOM])
{
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t size = fread(output, 1, OUTPUT_ROOM - 1, pipe);
    output[size] = '\0';
    if (pclose(pipe) != 0)
        fail_msg("%s: %s", command, output);
}

/* What dashboards and alerts ask of the exporter, it tells. */
static void exporter_assert(const kafka_server *server)
{
    static char command[500], output[OUTPUT_ROOM];
    snprintf(
        command, sizeof command,
        "metrics=$(curl -sS --noproxy '*' http://127.0.0.1:%d/metrics) && "
        "names=$(grep -ohE '(kafka|java)_[a-z_]+' docker/grafana/dashboards/kafka.json docker/prometheus/alerts.yaml) && "
        "for name in $names; do printf '%%s\\n' \"$metrics\" | grep -q \"^$name[{ ]\" || echo $name; done 2>&1",
        kafka_server_metrics_port(server));
    output_read(command, output);
    if (output[0])
        fail_msg("the exporter does not tell %s", output);
}

static void kafka_goes_by_its_settings(void **state)
{
    (void)state;
    static char words[TEXT_ROOM], command[500], output[OUTPUT_ROOM];
    settings all = { 0 };
    settings_read(&all, "docker/kafka/server.properties",
                  " controller.quorum.voters listeners advertised.listeners listener.security.protocol.map "
                  "inter.broker.listener.name log.dirs ");
    words_make(&all, "", words);
    kafka_server *server = kafka_server_start_as(&(kafka_server_options){ .extra = words, .metrics = true });
    if (server == NULL)
        skip();
    snprintf(command, sizeof command,
             "tests/servers/kafka.sh tool kafka.admin.ConfigCommand --bootstrap-server %s --describe --all "
             "--entity-type brokers --entity-name 1 2>&1",
             kafka_server_address(server));
    output_read(command, output);
    for (size_t i = 0; i < all.count; i++) {
        char wanted[200];
        snprintf(wanted, sizeof wanted, " %s=%s ", all.key[i], all.value[i]);
        if (strstr(output, wanted) == NULL)
            fail_msg("the broker does not tell%s: %s", wanted, output);
    }
    exporter_assert(server);
    kafka_server_stop(server);
}

static void the_search_server_goes_by_its_settings(void **state)
{
    (void)state;
    static char words[TEXT_ROOM];
    settings all = { 0 };
    /* xpack is Elasticsearch's alone; the type of discovery is what every search server here is given. */
    settings_read(&all, "docker/elasticsearch/elasticsearch.yml",
                  " network.host discovery.type xpack.security.enabled ");
    words_make(&all, "-E", words);
    search_server *server = search_server_start(words);
    if (server == NULL)
        skip();
    const char *told = search_server_ask(server, "GET", "/_nodes/settings?flat_settings=true", NULL);
    for (size_t i = 0; i < all.count; i++) {
        char wanted[200];
        snprintf(wanted, sizeof wanted, "\"%s\":\"%s\"", all.key[i], all.value[i]);
        if (strstr(told, wanted) == NULL)
            fail_msg("the node does not tell %s: %s", wanted, told);
    }
    search_server_stop(server);
}

static void redis_goes_by_its_settings(void **state)
{
    (void)state;
    static char output[OUTPUT_ROOM];
    if (system("command -v redis-server redis-cli >/dev/null") != 0)
        skip();
    output_read(
        "folder=$(mktemp -d) && trap 'rm -rf $folder' EXIT && exec 2>&1\n"
        "sed \"s|^dir .*|dir $folder|\" docker/redis/redis.conf | redis-server - --bind 127.0.0.1 --port 0 "
        "--unixsocket $folder/socket >$folder/log &\n"
        "timeout 60 sh -c 'until redis-cli -s '$folder/socket' ping; do sleep 0.1; done' >$folder/ping; cat $folder/log\n"
        "redis-cli -s $folder/socket set customer 1; redis-cli -s $folder/socket info\n"
        "redis-cli -s $folder/socket config get dir; redis-cli -s $folder/socket shutdown; wait; "
        "ls $folder/appendonlydir",
        output);
    assert_non_null(strstr(output, "\nmaxmemory:268435456\r"));
    assert_non_null(strstr(output, "\nmaxmemory_policy:noeviction\r"));
    assert_non_null(strstr(output, "\naof_enabled:1\r"));
    assert_non_null(strstr(output, "unknown command 'config'"));
    assert_non_null(strstr(output, "appendonly.aof.1.incr.aof"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kafka_goes_by_its_settings),
        cmocka_unit_test(the_search_server_goes_by_its_settings),
        cmocka_unit_test(redis_goes_by_its_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
