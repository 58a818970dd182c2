/*
 * engine_server.c - what a running job tells to who asks from outside, and where it listens.
 */
#include <base/log.h>
#include <engine_parts.h>
#include <records/document.h>
#include <replay.h>
#include <stdlib.h>
#include <string.h>
#include <supervise.h>
#include <unistd.h>
#include <version.h>

static void json_text(buffer *json, const char *before, const char *text)
{
    buffer_text(json, before);
    json_string(json, (sl_text){ text, strlen(text) });
}

/* What waits for them, and what those that were too slow have lost. */
static void tell_listeners(engine *self, buffer *json)
{
    events_listener all[32];
    size_t count = events_listeners(self->events, all, 32);
    buffer_text(json, ",\"listeners\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_text(json, i ? ",{\"name\":" : "{\"name\":");
        json_string(json, (sl_text){ all[i].listener->name, strlen(all[i].listener->name) });
        buffer_print(json, ",\"waiting\":%zu,\"lost\":%llu}", all[i].waiting,
                     (unsigned long long)all[i].lost);
    }
    buffer_byte(json, ']');
}

static void tell_status(void *argument, buffer *json)
{
    engine *self = argument;
    char state[600];
    scheduler_totals totals = scheduler_totals_now(self->scheduler);
    buffer_text(json, "{\"job\":");
    json_string(json, (sl_text){ self->spec.name, strlen(self->spec.name) });
    buffer_print(json, ",\"pid\":%d,\"state\":", (int)getpid());
    scheduler_state(self->scheduler, state, sizeof state);
    json_string(json, (sl_text){ state, strlen(state) });
    scheduler_reason(self->scheduler, state, sizeof state);
    if (state[0]) {
        buffer_text(json, ",\"reason\":");
        json_string(json, (sl_text){ state, strlen(state) });
    }
    if (supervise_told().is)
        buffer_print(json, ",\"restarts\":%lld", (long long)supervise_told().restarts);
    buffer_byte(json, ',');
    tuned_print(self, json);
    buffer_print(json, ",\"held\":%zu,\"batches\":%lld,\"records\":%lld,\"written\":%lld",
                 generator_held(self->generator), (long long)totals.batches, (long long)totals.records,
                 (long long)totals.written);
    buffer_print(json, ",\"duplicates\":%lld,\"filtered\":%lld,\"dead_letters\":%lld",
                 (long long)totals.duplicates, (long long)totals.filtered, (long long)totals.dead_letters);
    tell_listeners(self, json);
    if (self->site) {
        buffer_text(json, ",\"http\":");
        json_string(json, (sl_text){ site_url(self->site), strlen(site_url(self->site)) });
    }
    buffer_text(json, ",\"last_batch\":");
    size_t before = json->size;
    scheduler_account(self->scheduler, json);
    buffer_text(json, json->size == before ? "null}" : "}");
}

static void tell_batches(void *argument, buffer *lines)
{
    scheduler_account(((engine *)argument)->scheduler, lines);
    buffer_byte(lines, '\n');
}

static void take_stop(void *argument)
{
    engine_stop(argument);
}

static int64_t take_tap(void *argument, const server_tap *wish, buffer *json)
{
    failure refused = { 0 };
    tap_wish wanted = { wish->stream, wish->every, wish->wake, wish->waker };
    int64_t client = tap_open(((engine *)argument)->tap, &wanted, &refused);
    if (client == 0) {
        json_text(json, "{\"error\":", refused.text);
        buffer_text(json, "}\n");
    }
    return client;
}

static size_t tell_tap(void *argument, int64_t client, char *at, size_t room)
{
    return tap_read(((engine *)argument)->tap, client, at, room);
}

static void drop_tap(void *argument, int64_t client)
{
    tap_close(((engine *)argument)->tap, client);
}

static sl_result socket_start(engine *self, failure *failure)
{
    server_calls calls = {
        self, tell_status, tell_batches, take_stop, take_tune, take_tap, tell_tap, drop_tap
    };
    buffer path = { 0 };
    buffer_print(&path, "%s/control.sock", self->spec.work_dir);
    buffer_byte(&path, '\0');
    sl_result result = server_open(path.at, &calls, &self->server, failure);
    buffer_done(&path);
    return result;
}

/* ---- The site ---------------------------------------------------------------------------------------------------- */

static void setting_tell(void *argument, const char *name, const char *value, const char *origin)
{
    buffer *json = argument, shown = { 0 };
    settings_hide(&shown, value ? value : "[hidden]");
    buffer_byte(&shown, '\0');
    json_text(json, json->at[json->size - 1] == '[' ? "{\"name\":" : ",\n{\"name\":", name);
    json_text(json, ",\"value\":", shown.at);
    json_text(json, ",\"origin\":", origin);
    buffer_byte(json, '}');
    buffer_done(&shown);
}

static void tell_settings(void *argument, buffer *json)
{
    engine *self = argument;
    buffer_byte(json, '[');
    settings_list(self->spec.settings, setting_tell, json);
    buffer_text(json, "]\n");
}

/* "redis", "rate:1000" */
static void place_print(buffer *place, const char *kind, const char *target)
{
    buffer_print(place, "%s%s%s", kind, *target ? ":" : "", target);
}

static void place_tell(const engine *self, uint32_t node, buffer *place)
{
    const places *places = &self->places;
    if (self->plan.nodes[node].kind == PLAN_SOURCE)
        place_print(place, places->inputs[node].kind->name, places->inputs[node].target);
    if (self->plan.nodes[node].kind == PLAN_LOOK_UP)
        place_print(place, places->lookups[node].kind->name, places->lookups[node].target);
    for (size_t p = 0; self->plan.nodes[node].kind == PLAN_OUTPUT && p < places->outputs[node].count; p++)
        buffer_print(place, "%s%s", p ? ", " : "", places->outputs[node].at[p].uri);
    buffer_byte(place, '\0');
}

/* Nodes in the order in which they were drawn; "input" is the number of the node before, or null. */
static void tell_plan(void *argument, buffer *json)
{
    const engine *self = argument;
    buffer_byte(json, '[');
    for (uint32_t i = 0; i < self->plan.count; i++) {
        const plan_node *node = &self->plan.nodes[i];
        buffer place = { 0 }, shown = { 0 };
        place_tell(self, i, &place);
        settings_hide(&shown, place.at);
        buffer_byte(&shown, '\0');
        json_text(json, i ? ",\n{\"kind\":" : "{\"kind\":", plan_kind_name(node->kind));
        json_text(json, ",\"name\":", node->name);
        json_text(json, ",\"place\":", shown.at);
        if (node->kind == PLAN_SOURCE)
            buffer_text(json, ",\"input\":null}");
        else
            buffer_print(json, ",\"input\":%u}", node->input);
        buffer_done(&place);
        buffer_done(&shown);
    }
    buffer_text(json, "]\n");
}

/* Both ends are reached when a batch came through and none waits for a server. */
static bool tell_ready(void *argument, buffer *why)
{
    engine *self = argument;
    char state[600];
    scheduler_state(self->scheduler, state, sizeof state);
    bool runs = strcmp(state, "running") == 0, has_run = scheduler_totals_now(self->scheduler).batches > 0;
    if (!runs || !has_run)
        json_text(why, "", runs ? "no batch has been completed yet" : state);
    return runs && has_run;
}

static bool tell_page(void *argument, const char *path, buffer *body, const char **type)
{
    return events_page(((engine *)argument)->events, path, body, type);
}

/* A job that ends with its input has a page only where it is asked for: most are over before anyone looks. */
static bool site_is_wanted(const engine *self)
{
    const settings *settings = self->spec.settings;
    if (self->spec.work_dir == NULL || self->spec.memory || replay_is(self))
        return false;
    if (back_to_back(self) && !settings_given(settings, "http.address"))
        return false;
    return strcmp(settings_text(settings, "http.address"), "off") != 0;
}

/* The page is no reason for a job not to run. */
static void site_start(engine *self)
{
    if (!site_is_wanted(self))
        return;
    const char *user = getenv("USER");
    site_spec spec = {
        .address = settings_text(self->spec.settings, "http.address"),
        .token = settings_text(self->spec.settings, "http.token"),
        .user = user ? user : "",
        .version = SLUICE_VERSION,
        .recent = self->recent,
        .calls = { self, tell_status, tell_settings, tell_plan, tell_ready, tell_page },
    };
    failure trouble = { 0 };
    if (site_open(&spec, &self->site, &trouble) != SL_OK)
        log_warn("http", "%s; the job runs without its pages", trouble.text);
    else
        log_info("http", "this job's page is %s", site_url(self->site));
}

sl_result site_settings_check(const engine *self, failure *failure)
{
    const settings *settings = self->spec.settings;
    if (!site_is_wanted(self))
        return SL_OK;
    return site_check(settings_text(settings, "http.address"), settings_text(settings, "http.token"),
                      failure);
}

sl_result recent_add(engine *self, failure *failure)
{
    if (!site_is_wanted(self))
        return SL_OK;
    self->recent =
        recent_new(self->spec.name, (size_t)settings_i64(self->spec.settings, "http.retained_batches"));
    return events_attach(self->events, &recent_listener, self->recent, failure);
}

sl_result servers_start(engine *self, failure *failure)
{
    if (self->spec.work_dir == NULL || self->spec.memory)
        return SL_OK;
    SL_TRY(socket_start(self, failure));
    site_start(self);
    return SL_OK;
}
