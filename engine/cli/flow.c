/*
 * cli/flow.c - `sluice flow`: shipper -> Kafka -> engine -> Redis / Elasticsearch in one view, and one sentence that names the
 * bottleneck. In the terminal, as a page (--http), into Elasticsearch (--to).
 */
#include <base/clock.h>
#include <base/memory.h>
#include <cli/command.h>
#include <cli/flow/collect.h>
#include <cli/flow/view.h>
#include <clients/documents.h>
#include <errno.h>
#include <http/site.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <version.h>

enum { FIRST_MS = 1000 }; /* two looks so far apart are worth a first view */

typedef struct showing {
    const settings *settings;
    collector *collector;
    documents *documents; /* NULL: none wanted */
    site *site;           /* NULL: none wanted */
    pthread_mutex_t mutex;
    buffer json; /* for the page: guarded by it */
    bool terminal;
} showing;

static void document_add(void *argument, const char *path, double value)
{
    documents_add(argument, path, value);
}

static void show(showing *self, const flow *flow)
{
    bottleneck found;
    buffer text = { 0 };
    bool json = settings_flag(self->settings, "--json");
    bottleneck_find(flow, &found);
    pthread_mutex_lock(&self->mutex);
    self->json.size = 0;
    flow_json(flow, &found, &self->json);
    if (json)
        buffer_append(&text, self->json.at, self->json.size);
    pthread_mutex_unlock(&self->mutex);
    if (!json && self->terminal)
        buffer_text(&text, "\033[H\033[J"); /* in place */
    if (!json)
        flow_text(flow, &found, &text);
    if (self->documents) {
        documents_begin(self->documents, flow->time_ms);
        flow_metrics(flow, document_add, self->documents);
        documents_send(self->documents);
    }
    fwrite(text.at, 1, text.size, stdout);
    if (!json && !self->terminal)
        putchar('\n');
    fflush(stdout);
    buffer_done(&text);
}

/* False: the user wants no more. */
static bool pause_for(int64_t ms)
{
    sigset_t stops;
    struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    int number;
    do
        number = sigtimedwait(&stops, NULL, &wait);
    while (number < 0 && errno == EINTR);
    return number < 0;
}

/* The first look gives no rates: the second follows soon. */
static sl_result looks(showing *self, failure *failure)
{
    flow *flow = memory_new(sizeof *flow);
    int64_t every_ms = settings_ms(self->settings, "--every");
    bool once = settings_flag(self->settings, "--once");
    sl_result result = collector_look(self->collector, flow, failure);
    bool goes_on = result == SL_OK && pause_for(every_ms < FIRST_MS || once ? every_ms : FIRST_MS);
    while (goes_on) {
        result = collector_look(self->collector, flow, failure);
        if (result == SL_OK)
            show(self, flow);
        goes_on = result == SL_OK && !once && pause_for(every_ms);
    }
    free(flow);
    return result;
}

/* ---- The page ---------------------------------------------------------------------------------------------------- */

static bool page_tell(void *argument, const char *path, buffer *body, const char **type)
{
    showing *self = argument;
    if (strcmp(path, "/flow") != 0)
        return false;
    *type = "application/json";
    pthread_mutex_lock(&self->mutex);
    if (self->json.size)
        buffer_append(body, self->json.at, self->json.size);
    else
        buffer_text(body, "{\"jobs\":[],\"sentence\":\"looking ...\"}\n");
    pthread_mutex_unlock(&self->mutex);
    return true;
}

static sl_result page_open(showing *self, failure *failure)
{
    const char *address = settings_text(self->settings, "--http");
    if (address == NULL)
        return SL_OK;
    site_spec spec = { .address = address,
                       .token = settings_text(self->settings, "--token"),
                       .user = "",
                       .version = SLUICE_VERSION,
                       .home = "/flow.html",
                       .calls = { .argument = self, .page = page_tell } };
    SL_TRY(site_open(&spec, &self->site, failure));
    fprintf(stderr, "the flow's page is %s\n", site_url(self->site));
    return SL_OK;
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

static sl_result documents_open(showing *self, failure *failure)
{
    documents_spec spec = { settings_text(self->settings, "--to"), "--to", "sluice flow" };
    return spec.url ? documents_new(&spec, &self->documents, failure) : SL_OK;
}

static sl_result flow_run(const arguments *arguments, failure *failure)
{
    const settings *settings = arguments->settings;
    collector_spec spec = { .names = arguments->names,
                            .name_count = arguments->count,
                            .exporter = settings_text(settings, "--exporter"),
                            .redis = settings_text(settings, "--redis"),
                            .elastic = settings_text(settings, "--elastic"),
                            .token = settings_text(settings, "--token") };
    showing self = { .settings = settings, .terminal = isatty(STDOUT_FILENO) };
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGINT);
    sigaddset(&stops, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    pthread_mutex_init(&self.mutex, NULL);
    self.collector = collector_new(&spec);
    sl_result result = documents_open(&self, failure);
    if (result == SL_OK)
        result = page_open(&self, failure);
    if (result == SL_OK)
        result = looks(&self, failure);
    site_close(self.site);
    documents_free(self.documents);
    collector_free(self.collector);
    buffer_done(&self.json);
    pthread_mutex_destroy(&self.mutex);
    return result;
}

static const setting flow_options[] = {
    { NULL, "--every", SETTING_DURATION, "2s", "100ms", "1h", "DURATION", "how often all are asked" },
    { NULL, "--once", SETTING_FLAG, NULL, NULL, NULL, NULL, "one view, and the end" },
    { NULL, "--json", SETTING_FLAG, NULL, NULL, NULL, NULL, "a line of JSON instead of each view" },
    { NULL, "--http", SETTING_TEXT, NULL, NULL, NULL, "ADDRESS:PORT",
      "also a page there, as 127.0.0.1:4050" },
    { NULL, "--to", SETTING_TEXT, NULL, NULL, NULL, "URL",
      "also documents in that Elasticsearch, in kafka_mon-YYYY.MM.DD" },
    { NULL, "--exporter", SETTING_TEXT, NULL, NULL, NULL, "URL",
      "where the broker's JMX exporter answers, as http://127.0.0.1:7071" },
    { NULL, "--redis", SETTING_TEXT, NULL, NULL, NULL, "URL", "Redis, where the jobs' settings do not say" },
    { NULL, "--elastic", SETTING_TEXT, NULL, NULL, NULL, "URL",
      "Elasticsearch, where the jobs' settings do not say" },
    { NULL, "--token", SETTING_TEXT, NULL, NULL, NULL, "TOKEN",
      "of the jobs' pages (http.token), and of this one" },
    { 0 },
};

const command command_flow = {
    .name = "flow",
    .form = "[NAME ...] [--once] [--json] [--http ADDRESS:PORT] [--to URL] [--exporter URL]",
    .about = "shipper, Kafka, engine, Redis, Elasticsearch: where the flow is stuck",
    .options = flow_options,
    .names_most = ARGUMENT_NAMES_MOST,
    .run = flow_run
};
