/*
 * cli/flow/collect.c - who is asked, and in which order. Each part has a limit of a second or two: one that hangs is told as
 * one that does not answer.
 */
#include <base/clock.h>
#include <base/disk.h>
#include <base/memory.h>
#include <cli/control.h>
#include <cli/flow/collect.h>
#include <cli/flow/jobs.h>
#include <cli/flow/servers.h>
#include <cli/place.h>
#include <stdlib.h>

struct collector {
    collector_spec spec;
    asked_job jobs[FLOW_JOBS_MAX];
    size_t job_count;
    asked_server broker, redis, elastic;
    series machine;
};

collector *collector_new(const collector_spec *spec)
{
    collector *self = memory_new(sizeof *self);
    self->spec = *spec;
    return self;
}

void collector_free(collector *self)
{
    for (size_t i = 0; i < self->job_count; i++)
        asked_job_done(&self->jobs[i]);
    asked_server_done(&self->broker);
    asked_server_done(&self->redis);
    asked_server_done(&self->elastic);
    series_done(&self->machine);
    free(self);
}

/* ---- Which jobs -------------------------------------------------------------------------------------------------- */

static asked_job *job_of(collector *self, const char *name)
{
    for (size_t i = 0; i < self->job_count; i++)
        if (strcmp(self->jobs[i].name, name) == 0)
            return &self->jobs[i];
    if (self->job_count == FLOW_JOBS_MAX)
        return NULL;
    asked_job *job = &self->jobs[self->job_count++];
    snprintf(job->name, sizeof job->name, "%s", name);
    return job;
}

/* Only while it runs: another one may take its name later. */
static bool folder_of(const char *home, const char *name, char *folder, size_t room)
{
    int size = snprintf(folder, room, "%s/%s", home, name);
    return size < (int)room && control_answers(folder);
}

static void all_find(collector *self, const char *home)
{
    char folder[PLACE_PATH_ROOM];
    char **names = NULL;
    size_t count = 0;
    failure ignored = { 0 };
    if (disk_list(home, "", &names, &count, &ignored) != SL_OK)
        count = 0;
    for (size_t i = 0; i < count; i++) {
        if (folder_of(home, names[i], folder, sizeof folder))
            job_of(self, names[i]);
        free(names[i]);
    }
    free(names);
}

static sl_result jobs_find(collector *self, const char *home, failure *failure)
{
    if (self->spec.name_count == 0)
        all_find(self, home);
    for (size_t i = 0; i < self->spec.name_count; i++) {
        place place;
        arguments words = { .settings = settings_new(), .names = { self->spec.names[i] }, .count = 1 };
        static const setting rows[] = { { NULL, "--work-dir", SETTING_TEXT, NULL, NULL, NULL, "DIR", "" },
                                        { 0 } };
        settings_add(words.settings, "Options", rows);
        sl_result result = place_find(&words, &place, failure);
        settings_free(words.settings);
        SL_TRY(result);
        job_of(self, self->spec.names[i]);
    }
    return SL_OK;
}

/* ---- A look ------------------------------------------------------------------------------------------------------ */

/* Where the jobs say that a server is. */
static const char *address_of(const collector *self, const char *given,
                              const char *(*told)(const asked_job *job))
{
    for (size_t i = 0; i < self->job_count && given == NULL; i++)
        given = told(&self->jobs[i]);
    return given;
}

static const char *redis_of(const asked_job *job)
{
    return job->redis[0] &&
                   samples_have(series_now(&job->series), "sluice_server_requests_total", "\"redis\"")
               ? job->redis
               : NULL;
}

static const char *elastic_of(const asked_job *job)
{
    return job->elastic[0] &&
                   samples_have(series_now(&job->series), "sluice_server_requests_total", "\"elastic\"")
               ? job->elastic
               : NULL;
}

static void machine_look(collector *self, int64_t now_ns, flow *flow)
{
    unsigned long long user = 0, nice = 0, system = 0, idle = 0, waits = 0, interrupts = 0, soft = 0;
    buffer text = { 0 };
    FILE *file = fopen("/proc/stat", "re");
    if (file && fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &waits,
                       &interrupts, &soft) == 7) {
        unsigned long long busy = user + nice + system + interrupts + soft;
        buffer_print(&text, "busy %llu\nall %llu\n", busy, busy + idle + waits);
        series_add(&self->machine, (sl_text){ text.at, text.size }, now_ns);
    }
    if (file)
        fclose(file);
    buffer_done(&text);
    double all = series_rise(&self->machine, "all", NULL);
    flow->cpu = all > 0 ? series_rise(&self->machine, "busy", NULL) / all : 0;
}

sl_result collector_look(collector *self, flow *flow, failure *failure)
{
    char home[PLACE_PATH_ROOM], folder[PLACE_PATH_ROOM];
    SL_TRY(place_home(home, sizeof home, failure));
    SL_TRY(jobs_find(self, home, failure));
    memset(flow, 0, sizeof *flow);
    flow->time_ms = clock_wall_ms(&clock_system);
    for (size_t i = 0; i < self->job_count; i++) {
        asked_job *job = &self->jobs[i];
        if (folder_of(home, job->name, folder, sizeof folder))
            asked_job_look(job, folder, self->spec.token, &flow->jobs[flow->job_count]);
        else
            asked_job_gone(job, &flow->jobs[flow->job_count]);
        double seconds = series_seconds(&job->series);
        flow->seconds = seconds > flow->seconds ? seconds : flow->seconds;
        flow->job_count++;
    }
    machine_look(self, clock_ns(&clock_system), flow);
    broker_look(&self->broker, self->spec.exporter, &flow->broker);
    redis_look(&self->redis, address_of(self, self->spec.redis, redis_of), &flow->redis);
    elastic_look(&self->elastic, address_of(self, self->spec.elastic, elastic_of), &flow->elastic);
    return SL_OK;
}
