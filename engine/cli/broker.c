/*
 * cli/broker.c - `sluice broker`: librdkafka's mock cluster as a process of its own.
 *
 * Signals are blocked before the cluster starts its threads, so that all of them leave SIGINT and SIGTERM to the one
 * that waits for them.
 */
#include <base/disk.h>
#include <base/settings.h>
#include <cli/broker.h>
#include <cli/command.h>
#include <clients/kafka_mock.h>
#include <signal.h>
#include <sluice/text.h>
#include <stdio.h>

enum { PARTITIONS = 4 };

static const setting *broker_options(void);
static sl_result broker_serve(const settings *settings, failure *failure);
static void broker_help(const settings *settings);

int broker_run(int argc, char **argv)
{
    failure failure = { 0 };
    int used = 0;
    settings *settings = settings_new();
    settings_add(settings, "Options", broker_options());
    bool help = settings_help_asked(argc, argv);
    sl_result result = help ? SL_OK : settings_arguments(settings, argc, argv, &used, &failure);
    if (result == SL_OK && !help && used < argc)
        result = fail(&failure, SL_USAGE, "\"%s\" is no option", argv[used]);
    if (help)
        broker_help(settings);
    else if (result == SL_OK)
        result = broker_serve(settings, &failure);
    settings_free(settings);
    if (result != SL_OK)
        fprintf(stderr, "sluice broker: %s\n", failure.text);
    return exit_code(result);
}

/* "NAME" or "NAME:PARTITIONS". */
static sl_result topic_make(kafka_mock *mock, const char *text, failure *failure)
{
    char name[250];
    const char *colon = strchr(text, ':');
    size_t size = colon ? (size_t)(colon - text) : strlen(text);
    int64_t partitions = PARTITIONS;
    if (size == 0 || size >= sizeof name)
        return fail(failure, SL_USAGE, "--topic %s: a topic's name has 1 to 249 bytes", text);
    if (colon && (!sl_to_i64((sl_text){ colon + 1, strlen(colon + 1) }, &partitions) || partitions < 1 ||
                  partitions > 10000))
        return fail(failure, SL_USAGE, "--topic %s: the number of partitions is 1 to 10000", text);
    memcpy(name, text, size);
    name[size] = '\0';
    return kafka_mock_topic(mock, name, (int)partitions, failure);
}

static sl_result port_write(const char *path, const char *servers, failure *failure)
{
    /* Of several brokers the first: it tells clients of the others. */
    const char *port = strchr(servers, ':') + 1;
    size_t size = strcspn(port, ",");
    char line[16];
    int length = snprintf(line, sizeof line, "%.*s\n", (int)size, port);
    return disk_replace(path, line, (size_t)length, failure);
}

static sl_result broker_open(kafka_mock *mock, const settings *settings, failure *failure)
{
    const char *path = settings_text(settings, "--port-file");
    for (size_t i = 0; i < settings_count(settings, "--topic"); i++)
        SL_TRY(topic_make(mock, settings_item(settings, "--topic", i), failure));
    printf("listening on %s\n", kafka_mock_servers(mock));
    fflush(stdout);
    return path ? port_write(path, kafka_mock_servers(mock), failure) : SL_OK;
}

static sl_result broker_serve(const settings *settings, failure *failure)
{
    sigset_t signals;
    int caught;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    kafka_mock *mock = NULL;
    sl_result result = kafka_mock_open((int)settings_i64(settings, "--brokers"), &mock, failure);
    if (result == SL_OK)
        result = broker_open(mock, settings, failure);
    if (result == SL_OK)
        sigwait(&signals, &caught);
    kafka_mock_close(mock);
    return result;
}

static void broker_help(const settings *settings)
{
    puts(
        "sluice broker [options]\n\n"
        "A Kafka broker on 127.0.0.1 that keeps the newest 5 MiB of each partition in memory, until SIGINT or\n"
        "SIGTERM. Topics that are not named appear when they are first used.\n");
    settings_help(settings, stdout);
}

static const setting options[] = {
    { NULL, "--port-file", SETTING_TEXT, NULL, NULL, NULL, "FILE",
      "where to write the port once it listens" },
    { NULL, "--topic", SETTING_LIST, NULL, NULL, NULL, "NAME[:PARTITIONS]",
      "a topic to make (4 partitions)" },
    { NULL, "--brokers", SETTING_I64, "1", "1", "100", "N", "how many brokers" },
    { NULL, "--help", SETTING_FLAG, NULL, NULL, NULL, NULL, "prints this" },
    { 0 },
};

static const setting *broker_options(void)
{
    return options;
}
