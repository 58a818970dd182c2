/*
 * tests/system/docker_settings.c - the settings of docker/ for Kafka and Redis, given to real ones: they start with them, and say
 * that they go by them. Addresses and folders are the test's own. Those of the search server: dashboards.c, which has one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <docker/service_settings.h>
#include <librdkafka/rdkafka.h>
#include <servers/kafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { OUTPUT_ROOM = 200000, PATIENCE_MS = 60000 };

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

static rd_kafka_t *client_of(const kafka_server *server)
{
    char text[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(
        rd_kafka_conf_set(conf, "bootstrap.servers", kafka_server_address(server), text, sizeof text),
        RD_KAFKA_CONF_OK);
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
}

/* What the broker says that it goes by. */
static rd_kafka_event_t *settings_told(rd_kafka_t *client)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_ConfigResource_t *broker = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, "1");
    rd_kafka_DescribeConfigs(client, &broker, 1, NULL, queue);
    rd_kafka_event_t *told = rd_kafka_queue_poll(queue, PATIENCE_MS);
    assert_non_null(told);
    assert_int_equal(rd_kafka_event_error(told), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_ConfigResource_destroy(broker);
    rd_kafka_queue_destroy(queue);
    return told;
}

static const char *value_told(rd_kafka_event_t *told, const char *key)
{
    size_t count;
    const rd_kafka_ConfigResource_t **broker =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(told), &count);
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(*broker, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), key) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    return NULL;
}

static void kafka_goes_by_its_settings(void **state)
{
    (void)state;
    service_settings all = { 0 };
    service_settings_read(&all, "docker/kafka/server.properties",
                          " controller.quorum.voters listeners advertised.listeners "
                          "listener.security.protocol.map inter.broker.listener.name log.dirs ");
    kafka_server *server = kafka_server_start_as(
        &(kafka_server_options){ .extra = service_settings_words(&all, ""), .metrics = true });
    if (server == NULL)
        skip();
    rd_kafka_t *client = client_of(server);
    rd_kafka_event_t *told = settings_told(client);
    for (size_t i = 0; i < all.count; i++) {
        const char *value = value_told(told, all.key[i]);
        if (value == NULL || strcmp(value, all.value[i]) != 0)
            fail_msg("%s: the broker tells %s, not %s", all.key[i], value ? value : "nothing", all.value[i]);
    }
    rd_kafka_event_destroy(told);
    rd_kafka_destroy(client);
    exporter_assert(server);
    kafka_server_stop(server);
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
        cmocka_unit_test(redis_goes_by_its_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
