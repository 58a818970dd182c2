/*
 * tests/faults/torture.c - `listens` as a process of its own is killed again and again, at named points or at any moment, also
 * while it recovers. Meanwhile its servers, its disk and its clock get into troubles.h. In the end all that came out, in files, in
 * Redis, in a topic and, with REAL=1, in the search server, is compared with a recount from what was sent.
 *
 *     make torture KILLS=1000 SEED=7 [REAL=1]
 *
 * All is drawn from the seed: settings, what is sent, where it dies. It is printed with each kill, and the same seed does the
 * same again; the moment of a kill by time depends on the machine. Kills come in histories of a dozen, each with a folder, a
 * topic and servers' data of its own, so that HISTORY=n SEED=s repeats the n-th one alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/buffer.h>
#include <faults/troubles.h>
#include <poll.h>
#include <servers/topic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/random.h>
#include <sys/pidfd.h>
#include <system/shared/recount.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum {
    KILLS_USUAL = 8,
    KILLS_A_HISTORY = 12,
    PARTITIONS = 4,
    LIFE_MS = 5000,
    ROOM = 40,
    OPTIONS_MAX = 40,
    LISTENS_MOST = 20000
};

typedef struct place { /* where a process may die, and how often it comes there in some batches */
    const char *name;
    unsigned times;
} place;

static const place places[] = {
    { "before_journal", 6 },    { "after_journal", 6 },       { "after_documents", 6 },
    { "after_aggregates", 6 },  { "before_checkpoint", 6 },   { "before_checkpoint_sync", 5 },
    { "after_checkpoint", 6 },  { "after_commit", 6 },        { "before_sync", 60 },
    { "after_sync", 60 },       { "before_rename", 20 },      { "after_rename", 20 },
    { "before_remove", 10 },    { "after_remove", 4 },        { "before_redis_send", 20 },
    { "after_redis_send", 20 }, { "after_redis_answer", 20 }, { "after_offsets_told", 6 },
    { "before_http_send", 20 }, { "after_http_answer", 20 }, /* the last two with a search server only */
};
enum { PLACES = sizeof places / sizeof *places, HTTP_PLACES = 2 };

typedef struct settings { /* of a history */
    char interval[ROOM], rate[ROOM], cores[ROOM];
    bool back_to_back, short_windows;
    bool gzip;         /* what goes to the search server is packed */
    bool copies, once; /* documents go to a topic too; with transactions */
    char copies_place[ROOM + 20], copies_topic[ROOM];
} settings;

static const recount_windows short_windows = { 3000, 0, 500, 5, 1000, 250, 3 };

static kafka_server *kafka; /* with REAL=1, else NULL */
static search_server *search;
static uint64_t seed;
static unsigned kills_wanted, history_wanted, kills, kills_by_point, troubles_made;

/* ---- A history --------------------------------------------------------------------------------------------------- */

static settings settings_draw(dice *dice, unsigned number)
{
    static const char *const intervals[] = { "10ms", "20ms", "50ms", "100ms", "200ms" };
    settings drawn = { .back_to_back = dice_below(dice, 3) == 0, .short_windows = dice_below(dice, 2) };
    snprintf(drawn.interval, ROOM, "%s", drawn.back_to_back ? "1s" : intervals[dice_below(dice, 5)]);
    snprintf(drawn.rate, ROOM, "%zu", drawn.back_to_back ? 10 + dice_below(dice, 40) : 100000);
    snprintf(drawn.cores, ROOM, "%zu", 1 + dice_below(dice, 3));
    drawn.gzip = dice_below(dice, 2);
    drawn.copies = dice_below(dice, 2);
    drawn.once =
        drawn.copies && kafka && dice_below(dice, 2); /* the mock has no transactions worth the name */
    snprintf(drawn.copies_topic, ROOM, "copies-%u", number);
    snprintf(drawn.copies_place, sizeof drawn.copies_place, "documents=kafka:%s", drawn.copies_topic);
    return drawn;
}

static void settings_use(trial *trial, const settings *use)
{
    static const char *const usual[] = { "--conf",    "redis.timeout=500ms",
                                         "--conf",    "sink.timeout=4s",
                                         "--conf",    "kafka.socket.timeout.ms=1000",
                                         "--interval" };
    const char *all[OPTIONS_MAX] = { 0 };
    size_t count = sizeof usual / sizeof *usual;
    memcpy(all, usual, sizeof usual);
    const char *const drawn[] = { use->interval, "--max-rate-per-partition", use->rate, "--cores",
                                  use->cores };
    memcpy(all + count, drawn, sizeof drawn);
    count += sizeof drawn / sizeof *drawn;
    static const char *const windows[] = { "--top-window",    "3s",   "--top-pane",        "500ms",
                                           "--top-count",     "5",    "--interest-window", "1s",
                                           "--interest-pane", "250ms" };
    for (size_t i = 0; i < sizeof windows / sizeof *windows && use->short_windows; i++)
        all[count++] = windows[i];
    if (use->back_to_back)
        all[count++] = "--available-now";
    if (use->copies) {
        all[count++] = "--to";
        all[count++] = use->copies_place;
    }
    if (use->once)
        all[count++] = "--exactly-once";
    all[count++] = "--conf";
    all[count++] = use->gzip ? "elastic.gzip=true" : "elastic.gzip=false";
    sl_expect(count < sizeof trial->options / sizeof *trial->options);
    memcpy(trial->options, all, (count + 1) * sizeof *all);
}

static bool history_begin(trial *trial, unsigned number)
{
    static const char *const indices[] = { "/ba_realtime2", "/ba_top_tracks", "/ba_interest" };
    char topic[32];
    snprintf(topic, sizeof topic, kafka ? "realtime-%u" : "realtime", number);
    if (!trial_begin(trial, kafka ? kafka_server_address(kafka) : NULL, topic, PARTITIONS))
        return false;
    for (size_t i = 0; i < 3 && search; i++)
        search_server_ask(search, "DELETE", indices[i], NULL);
    trial_import(trial);
    return true;
}

/* {"_id":"realtime-0-17","@timestamp":... is the message realtime-0-17={"@timestamp":... */
static char *messages_of(const char *documents)
{
    static const char head[] = "{\"_id\":\"";
    buffer out = { 0 };
    for (const char *at = documents; *at; at += strcspn(at, "\n") + 1) {
        const char *id = at + sizeof head - 1;
        size_t id_size = strcspn(id, "\"");
        sl_expect(strncmp(at, head, sizeof head - 1) == 0 && strncmp(id + id_size, "\",", 2) == 0);
        buffer_append(&out, id, id_size);
        buffer_text(&out, "={");
        buffer_append(&out, id + id_size + 2, strcspn(id + id_size + 2, "\n") + 1);
    }
    return topic_lines_sorted(&out);
}

/* Without transactions a message may come again, as it was. */
static void repeats_drop(char *lines)
{
    char *to = lines;
    size_t last = 0;
    for (const char *at = lines; *at;) {
        size_t size = strcspn(at, "\n") + 1;
        bool again = last == size && memcmp(to - last, at, size) == 0;
        if (!again) {
            memmove(to, at, size);
            to += size;
            last = size;
        }
        at += size;
    }
    *to = '\0';
}

static void copies_check(trial *trial, const settings *use, const char *documents)
{
    char *wanted = messages_of(documents), *found = topic_read(trial->servers, use->copies_topic);
    if (!use->once)
        repeats_drop(found);
    if (strcmp(wanted, found) != 0) {
        size_t at = 0;
        while (wanted[at] && wanted[at] == found[at])
            at++;
        fail_msg("topic %s differs at byte %zu: \"%.200s\" instead of \"%.200s\"", use->copies_topic, at,
                 found + at, wanted + at);
    }
    free(wanted);
    free(found);
}

static void history_check(trial *trial, const settings *use)
{
    recount *recount = recount_assert(trial, use->short_windows ? &short_windows : &recount_usual);
    if (search) {
        recount_assert_index(search, "ba_realtime2", recount_documents(recount), false);
        recount_assert_index(search, "ba_top_tracks", recount_top_tracks(recount), true);
        recount_assert_index(search, "ba_interest", recount_interests(recount), true);
    }
    if (use->copies)
        copies_check(trial, use, recount_documents(recount));
    print_message("           %zu batches, %zu listens, as a recount says\n", recount_batches(recount),
                  trial->listens.count);
    recount_free(recount);
}

/* ---- One life of the process ------------------------------------------------------------------------------------- */

/* What this life is to die of: SLUICE_FAULT, or a number of ms after its start; 0: the fault alone. */
typedef struct death {
    char fault[80];
    int after_ms;
    const trouble *trouble; /* that there is meanwhile */
} death;

static death death_draw(dice *dice, const troubles *troubles)
{
    death drawn = { .fault = "" };
    size_t how = dice_below(dice, 8);
    const place *at = &places[dice_below(dice, search ? PLACES : PLACES - HTTP_PLACES)];
    size_t times = 1 + dice_below(dice, at->times), forget = dice_below(dice, 3) == 0;
    int after_ms = 1 + (int)dice_below(dice, how == 0 ? 60 : 600);
    if (how <= 1) /* 0: most likely while it starts and reads back */
        drawn.after_ms = after_ms;
    else
        snprintf(drawn.fault, sizeof drawn.fault, "%s:%zu%s", at->name, times, forget ? ":forget" : "");
    drawn.trouble = trouble_draw(troubles, dice, search ? 2 : 3);
    return drawn;
}

/* Has it ended within so many ms? */
static bool ended_within(const trial *trial, int64_t ms)
{
    struct pollfd end = { pidfd_open(trial->job, 0), POLLIN, 0 };
    bool ended = poll(&end, 1, ms > 0 ? (int)ms : 0) == 1;
    close(end.fd);
    return ended;
}

static void trouble_make(const trouble *trouble, troubles *troubles, dice *dice, bool before_start)
{
    if (trouble->name == NULL || trouble->before_start != before_start)
        return;
    print_message("           %s\n", trouble->name);
    trouble->make(troubles, dice);
    troubles_made++;
}

/* Sends as it lives, until it has died by itself or by SIGKILL. True: it was killed; false: all was read before. */
static bool life(troubles *troubles, const settings *use, const death *death, dice *dice)
{
    trial *trial = troubles->trial;
    int64_t born_ms = trial_now_ms(), most_ms = death->after_ms ? death->after_ms
                                                : search        ? 3 * LIFE_MS
                                                                : LIFE_MS;
    if (use->back_to_back)
        trial_send(trial, 100 + dice_below(dice, 400));
    trial->fault = death->fault[0] ? death->fault : NULL;
    trial->disk_fault = trial->clock_fault = NULL;
    trouble_make(death->trouble, troubles, dice, true);
    trial_start(trial);
    trouble_make(death->trouble, troubles, dice, false);
    for (bool sends = !use->back_to_back; sends && !ended_within(trial, 5 + (int)dice_below(dice, 30));) {
        if (trial->listens.count < LISTENS_MOST)
            trial_send(trial, 10 + dice_below(dice, 60));
        sends = trial_now_ms() - born_ms < most_ms;
    }
    bool by_itself = ended_within(trial, most_ms - (trial_now_ms() - born_ms));
    if (!by_itself)
        trial_signal(trial, SIGKILL);
    int status = trial_ended(trial);
    if (status != 128 + SIGKILL && !(status == 0 && use->back_to_back))
        fail_msg("it ended with %d instead of by a kill: see %s", status, trial->log);
    if (death->fault[0] && by_itself && status)
        print_message("           died at %s\n", death->fault);
    else
        print_message("           %s after %lld ms%s%s\n", status ? "killed" : "ended",
                      (long long)(trial_now_ms() - born_ms), death->fault[0] ? ", did not come to " : "",
                      death->fault);
    kills_by_point += death->fault[0] && by_itself && status;
    return status != 0;
}

static void history_run(trial *trial, unsigned number)
{
    dice dice = { seed * 1000003 + number };
    settings use = settings_draw(&dice, number);
    if (!history_begin(trial, number))
        skip();
    troubles troubles = { .trial = trial, .kafka = kafka, .search = search };
    settings_use(trial, &use);
    troubles_begin(&troubles);
    print_message("history %u: SEED=%llu, %s%s, %s records/s and partition, %s, %s windows%s\n", number,
                  (unsigned long long)seed, use.back_to_back ? "back to back, T by " : "every ", use.interval,
                  use.rate, use.cores, use.short_windows ? "short" : "usual",
                  use.once     ? ", copies in transactions"
                  : use.copies ? ", copies"
                               : "");
    for (unsigned i = 0; i < KILLS_A_HISTORY && kills < kills_wanted; i++) {
        death death = death_draw(&dice, &troubles);
        print_message("  kill %3u: %s\n", kills + 1, death.fault[0] ? death.fault : "by time");
        kills += life(&troubles, &use, &death, &dice);
    }
    trial->fault = trial->disk_fault = trial->clock_fault = NULL;
    trial_send(trial, 200);
    if (use.back_to_back) {
        trial_start(trial);
        assert_int_equal(trial_ended(trial), 0);
    } else {
        trial_start(trial);
        trial_wait_all(trial);
        trial_stop(trial);
    }
    history_check(trial, &use);
    troubles_end(&troubles);
}

static void killed_anywhere_it_loses_nothing_and_doubles_nothing(void **state)
{
    int64_t begin_ms = trial_now_ms();
    for (unsigned number = 1; kills < kills_wanted; number++) {
        trial *trial = *state;
        if (history_wanted && number != history_wanted) {
            if (number > history_wanted)
                break;
            continue;
        }
        history_run(trial, number);
        trial_end(trial);
        memset(trial, 0, sizeof *trial);
    }
    print_message("SEED=%llu: %u kills, %u of them at named points, %u troubles, %lld s\n",
                  (unsigned long long)seed, kills, kills_by_point, troubles_made,
                  (long long)(trial_now_ms() - begin_ms) / 1000);
}

/* ---- Setting up -------------------------------------------------------------------------------------------------- */

static uint64_t number_of(const char *name, uint64_t usual)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : usual;
}

static int servers_start(void **state)
{
    *state = NULL;
    seed = number_of("SEED", 1);
    kills_wanted = (unsigned)number_of("KILLS", KILLS_USUAL);
    history_wanted = (unsigned)number_of("HISTORY", 0);
    if (number_of("REAL", 0) == 0)
        return 0;
    setenv("PARTITIONS", "4", 1);
    kafka = kafka_server_start(NULL);
    search = search_server_start(NULL);
    return kafka && search ? 0 : -1;
}

static int servers_stop(void **state)
{
    (void)state;
    search_server_stop(search);
    kafka_server_stop(kafka);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_anywhere_it_loses_nothing_and_doubles_nothing, trial_make,
                                        trial_free),
    };
    return cmocka_run_group_tests_name("faults/torture", tests, servers_start, servers_stop);
}
