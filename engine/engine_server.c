/*
 * engine_server.c - what a running job tells to who asks from outside, and where it listens.
 */
#include <engine_parts.h>
#include <records/document.h>
#include <string.h>
#include <supervise.h>
#include <unistd.h>

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
    buffer_print(json, ",\"interval_ms\":%lld,\"batches\":%lld,\"records\":%lld,\"written\":%lld",
                 (long long)settings_ms(self->spec.settings, "batch.interval"), (long long)totals.batches,
                 (long long)totals.records, (long long)totals.written);
    buffer_print(json, ",\"duplicates\":%lld,\"filtered\":%lld,\"dead_letters\":%lld",
                 (long long)totals.duplicates, (long long)totals.filtered, (long long)totals.dead_letters);
    tell_listeners(self, json);
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

sl_result servers_start(engine *self, failure *failure)
{
    server_calls calls = { self, tell_status, tell_batches, take_stop };
    if (self->spec.work_dir == NULL || self->spec.memory)
        return SL_OK;
    buffer path = { 0 };
    buffer_print(&path, "%s/control.sock", self->spec.work_dir);
    buffer_byte(&path, '\0');
    sl_result result = server_open(path.at, &calls, &self->server, failure);
    buffer_done(&path);
    return result;
}
