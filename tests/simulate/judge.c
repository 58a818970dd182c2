/*
 * tests/simulate/judge.c - one history: draws a topic, troubles and deaths from a seed, lets lives follow each other until one is
 * through, cuts the power a last time, and then looks at what is safe:
 *
 *   - the history tells each batch once, with times that grow (a batch without input that had not run is forgotten by a crash); their ranges lie behind each other from the first record of
 *     each partition to its last; the accounts balance;
 *   - each good record is one document in the index and one line in the file of its batch; each bad one is one dead letter;
 *   - the newest list of top tracks in the files is the one in the index and in Redis;
 *   - files, Redis and indices are, to the byte, those of an undisturbed run over the same cuts: a world in which nothing goes
 *     wrong, and whose journal holds all batches of the history.
 */
#include <base/buffer.h>
#include <batches/frames.h>
#include <inttypes.h>
#include <simulate/world.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIVES_MOST = 200, BATCHES_MAX = 1500, PATHS_MAX = 3000, FOLDERS = 2 };

typedef struct told_range {
    int64_t from, until, end; /* until 0: none of this partition */
} told_range;

typedef struct told_batch {
    int64_t id, time_ms, interval_ms, records, written, duplicates, filtered, dead_letters;
    bool catch_up;
    told_range ranges[TOPIC_PARTITIONS];
} told_batch;

static told_batch batches[BATCHES_MAX];
static size_t batch_count;

static const char *const folders[FOLDERS] = { "simulated/out", "simulated/kept/dead" };

/* ---- Drawing ----------------------------------------------------------------------------------------------------- */

static void topic_draw(uint64_t seed)
{
    dice dice = { seed + 17 };
    for (size_t p = 0; p < TOPIC_PARTITIONS; p++) {
        topic_partition *topic = &the_world->topic[p];
        int64_t offset = 0;
        topic->count = dice_below(&dice, 4) ? 5 + dice_below(&dice, 50) : 0;
        for (size_t i = 0; i < topic->count; i++, offset++) {
            topic_record *record = &topic->at[i];
            if (dice_below(&dice, 10) == 0)
                offset += 1 + (int64_t)dice_below(&dice, 5); /* compacted, or a control record */
            record->offset = offset;
            record->time_ms = 1400000000000 + (int64_t)dice_below(&dice, 100000);
            record->good = dice_below(&dice, 12) > 0;
            snprintf(record->value, VALUE_ROOM,
                     record->good ? "%zu,c%zu,t%zu,\"2014-10-23 03:26:20\",0,\"7\"" : "%zu,c%zu,t%zu", i,
                     dice_below(&dice, 10), dice_below(&dice, 4));
        }
    }
}

static unsigned rate_draw(size_t least, size_t most)
{
    dice *dice = &the_world->dice;
    return dice_below(dice, 3) == 0 ? 0 : (unsigned)(least + dice_below(dice, most - least));
}

static void troubles_draw(void)
{
    the_world->trouble = (trouble){ .disk_short = rate_draw(5, 200),
                                    .disk_full = rate_draw(60, 1000),
                                    .sync_fails = rate_draw(200, 2000),
                                    .network = rate_draw(4, 60),
                                    .cut_meanwhile = rate_draw(2, 40) };
    the_world->over_ms = the_world->now_ns / 1000000 + 5000 + (int64_t)dice_below(&the_world->dice, 40000);
}

/* ---- Lives ------------------------------------------------------------------------------------------------------- */

static int life_start(const life_spec *spec)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0)
        life_run(spec);
    if (waitpid(pid, &status, 0) != pid)
        abort();
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    world_tell("life %u ended by signal %d", the_world->life, WTERMSIG(status));
    return -1;
}

/* A life may give up where a sync had failed, or where it could not even start: the disk was full, a server away. */
static bool is_excused(void)
{
    const world *world = the_world;
    bool starting = strncmp(world->told, "starting", 8) == 0;
    char unreachable[16];
    snprintf(unreachable, sizeof unreachable, "(result %d)", SL_UNREACHABLE);
    return world->sync_failed || (starting && (world->was_full || strstr(world->told, unreachable)));
}

static void death_draw(bool dies)
{
    dice *dice = &the_world->dice;
    the_world->dies_at = the_world->dies_at_sync = 0;
    if (dies && dice_below(dice, 3) == 0)
        the_world->dies_at_sync = 1 + (unsigned)dice_below(dice, 40);
    else if (dies)
        the_world->dies_at = 1 + (unsigned)dice_below(dice, dice_below(dice, 2) ? 80 : 900);
}

static bool lives_run(void)
{
    world *world = the_world;
    dice *dice = &world->dice;
    size_t kills = dice_below(dice, 12);
    for (world->life = 1; world->life < LIVES_MOST; world->life++) {
        world->steps = 0;
        world->sync_failed = world->was_full = false;
        death_draw(world->life <= kills);
        int end = life_start(&(life_spec){ 0 });
        if (world->verbose)
            fprintf(stderr, "  life %u: %d, %u steps %s\n", world->life, end, world->steps, world->told);
        if (end == LIFE_DONE && !world->was_full)
            return true;
        if (end == LIFE_DONE) { /* the history's last lines may come from the checkpoint, at the next start */
            memset(&world->trouble, 0, sizeof world->trouble);
            world->full_for = 0;
        }
        if (end != LIFE_DONE && end != LIFE_KILLED && end != LIFE_STOPPED &&
            (end != LIFE_FAILED || !is_excused())) {
            world_tell("life %u ended with %d", world->life, end);
            return false;
        }
        world->told[0] = '\0';
        if (dice_below(dice, 2)) {
            if (world->verbose)
                fprintf(stderr, "  power cut\n");
            disk_power_cut();
        }
    }
    world_tell("%d lives did not come to an end", LIVES_MOST);
    return false;
}

/* ---- What the history tells -------------------------------------------------------------------------------------- */

static int64_t number_in(const char *line, const char *name)
{
    char wanted[40];
    snprintf(wanted, sizeof wanted, "\"%s\":", name);
    const char *at = strstr(line, wanted);
    return at ? strtoll(at + strlen(wanted), NULL, 10) : -1;
}

static void batch_read(const char *line)
{
    told_batch batch = { number_in(line, "batch_id"),
                         number_in(line, "batch_time"),
                         number_in(line, "interval_ms"),
                         number_in(line, "records"),
                         number_in(line, "written"),
                         number_in(line, "duplicates"),
                         number_in(line, "filtered"),
                         number_in(line, "dead_letters"),
                         false,
                         { { 0 } } };
    batch.catch_up = strstr(line, "\"catch_up\":true") != NULL;
    for (const char *at = line; (at = strstr(at, "\"partition\":")); at++) {
        int64_t partition = number_in(at, "partition");
        if (partition >= 0 && partition < TOPIC_PARTITIONS)
            batch.ranges[partition] =
                (told_range){ number_in(at, "from"), number_in(at, "until"), number_in(at, "end") };
    }
    if (batch_count < BATCHES_MAX)
        batches[batch_count++] = batch;
}

static void history_read(void)
{
    static const char *const paths[] = { "simulated/kept/history.1.ndjson", "simulated/kept/history.ndjson" };
    batch_count = 0;
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        const char *at = disk_file_text(paths[i], &size);
        for (const char *end; at && (end = strchr(at, '\n')); at = end + 1) {
            char *line = strndup(at, (size_t)(end - at));
            if (strstr(line, "\"state\":\"completed\""))
                batch_read(line);
            free(line);
        }
    }
}

static bool batches_check(void)
{
    int64_t next[TOPIC_PARTITIONS] = { 0 };
    for (size_t i = 0; i < batch_count; i++) {
        const told_batch *batch = &batches[i], *before = i ? batch - 1 : NULL;
        long long id = (long long)batch->id;
        bool follows = before && batch->id > before->id && (batch->id == before->id + 1 || batch->catch_up);
        if (before && !follows)
            return world_tell("the history tells batch %lld after batch %lld", id, (long long)before->id),
                   false;
        if (before && batch->time_ms <= before->time_ms)
            return world_tell("batch %lld has no later time than the one before", id), false;
        if (batch->records != batch->written + batch->duplicates + batch->filtered + batch->dead_letters)
            return world_tell("the account of batch %lld does not balance", id), false;
        for (size_t p = 0; p < TOPIC_PARTITIONS; p++) {
            const told_range *range = &batch->ranges[p];
            if (range->until && (range->from != next[p] || range->until <= range->from))
                return world_tell("batch %lld takes [%lld, %lld) of partition %zu, which was read up to %lld",
                                  id, (long long)range->from, (long long)range->until, p, (long long)next[p]),
                       false;
            next[p] = range->until ? range->until : next[p];
        }
    }
    for (size_t p = 0; p < TOPIC_PARTITIONS; p++) {
        const topic_partition *topic = &the_world->topic[p];
        int64_t end = topic->count ? topic->at[topic->count - 1].offset + 1 : 0;
        if (next[p] != end)
            return world_tell("partition %zu was read up to %lld of %lld", p, (long long)next[p],
                              (long long)end),
                   false;
    }
    return true;
}

/* ---- Each record ------------------------------------------------------------------------------------------------- */

static const told_batch *batch_of(size_t p, int64_t offset)
{
    for (size_t i = 0; i < batch_count; i++)
        if (batches[i].ranges[p].until && batches[i].ranges[p].from <= offset &&
            offset < batches[i].ranges[p].until)
            return &batches[i];
    return NULL;
}

static size_t times_in(const char *text, const char *wanted)
{
    size_t times = 0;
    for (const char *at = text; at && (at = strstr(at, wanted)); at++)
        times++;
    return times;
}

/* It stands once in the file of its batch. */
static bool is_in_file(const char *folder, const told_batch *batch, const char *mark)
{
    char path[160];
    size_t size;
    snprintf(path, sizeof path, "%s/batch-%" PRId64 ".ndjson", folder, batch->time_ms);
    return times_in(disk_file_text(path, &size), mark) == 1;
}

static bool record_check(size_t p, const topic_record *record)
{
    char id[40], mark[80];
    long long offset = (long long)record->offset;
    const told_batch *batch = batch_of(p, record->offset);
    snprintf(id, sizeof id, "lines-%zu-%lld", p, offset);
    if (record->good)
        snprintf(mark, sizeof mark, "{\"_id\":\"%s\",", id);
    else
        snprintf(mark, sizeof mark, "\"partition\":%zu,\"offset\":%lld,", p, offset);
    const char *folder = record->good ? "simulated/out/ba_realtime2" : "simulated/kept/dead/lines.dead";
    if (batch == NULL || !is_in_file(folder, batch, mark))
        return world_tell("the record %s is not once in %s, in the file of its batch", id, folder), false;
    if (record->good != (servers_document("ba_realtime2", id) != NULL))
        return world_tell("the document %s is %s the index", id, record->good ? "not in" : "in"), false;
    return true;
}

static size_t lines_below(const char *folder)
{
    size_t lines = 0, size;
    const char *path;
    for (size_t i = 0; (path = disk_file_below(folder, i)); i++)
        if (strrchr(path, '/')[1] != '.')
            lines += times_in(disk_file_text(path, &size), "\n");
    return lines;
}

static bool records_check(void)
{
    size_t good = 0, all = 0;
    for (size_t p = 0; p < TOPIC_PARTITIONS; p++)
        for (size_t i = 0; i < the_world->topic[p].count; i++, all++) {
            const topic_record *record = &the_world->topic[p].at[i];
            good += record->good;
            if (!record_check(p, record))
                return false;
        }
    size_t in_files = lines_below("simulated/out/ba_realtime2"), dead = lines_below("simulated/kept/dead");
    size_t in_index = servers_documents("ba_realtime2");
    if (in_files != good || dead != all - good || in_index != good)
        return world_tell(
                   "of %zu good records %zu are in files, %zu in the index; of %zu bad ones %zu are dead letters",
                   good, in_files, in_index, all - good, dead),
               false;
    return true;
}

/* ---- The top tracks: the newest file is the truth ---------------------------------------------------------------- */

static const char *newest_top(void)
{
    const char *path, *newest = NULL;
    int64_t newest_ms = -1;
    for (size_t i = 0; (path = disk_file_below("simulated/out/ba_top_tracks", i)); i++) {
        const char *time = strstr(path, "/batch-");
        int64_t time_ms = time ? strtoll(time + 7, NULL, 10) : -1;
        newest = time_ms > newest_ms ? path : newest;
        newest_ms = time_ms > newest_ms ? time_ms : newest_ms;
    }
    return newest;
}

static bool tops_check(void)
{
    size_t size, lines = 0, in_index = servers_documents("ba_top_tracks");
    const char *path = newest_top(), *text = path ? disk_file_text(path, &size) : "";
    size_t in_redis = times_in(servers_print(), "redis top_tracks:");
    for (const char *at = text, *end; (end = strchr(at, '\n')); at = end + 1, lines++) {
        char id[40];
        if (sscanf(at, "{\"_id\":\"%39[^\"]", id) != 1 || servers_document("ba_top_tracks", id) == NULL)
            return world_tell("%s is in the newest list, %s, and not in the index", id, path), false;
    }
    if (lines != in_index || lines != in_redis)
        return world_tell("the newest list has %zu tracks, the index %zu, Redis %zu", lines, in_index,
                          in_redis),
               false;
    return true;
}

/* ---- An undisturbed run over the same cuts ----------------------------------------------------------------------- */

static int path_order(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Interests have no order among themselves: it follows from where the keys lie in memory. */
static void lines_print(const char *text, bool sorted, buffer *out)
{
    buffer lines = { 0 };
    char *copy = strdup(text), *rest = copy, *line;
    while ((line = strsep(&rest, "\n")))
        buffer_append(&lines, &line, sizeof line);
    size_t count = lines.size / sizeof line;
    if (sorted)
        qsort(lines.at, count, sizeof line, path_order);
    for (size_t i = 0; i < count; i++)
        buffer_print(out, "%s\n", ((char **)(void *)lines.at)[i]);
    buffer_done(&lines);
    free(copy);
}

/* All that came out, as one text. */
static void outcome_print(buffer *out)
{
    static const char *paths[PATHS_MAX];
    size_t count = 0, size;
    for (size_t f = 0; f < FOLDERS; f++) {
        const char *path;
        for (size_t i = 0; (path = disk_file_below(folders[f], i)) && count < PATHS_MAX; i++)
            if (strrchr(path, '/')[1] != '.')
                paths[count++] = path;
    }
    if (count)
        qsort(paths, count, sizeof *paths, path_order);
    for (size_t i = 0; i < count; i++) {
        const char *text = disk_file_text(paths[i], &size);
        buffer_print(out, "%s:\n", paths[i]);
        lines_print(text, strstr(paths[i], "/ba_interest/"), out);
    }
    buffer_text(out, servers_print());
    buffer_byte(out, '\0');
}

static void journal_make(void)
{
    buffer file = { 0 };
    for (size_t i = 0; i < batch_count; i++) {
        const told_batch *batch = &batches[i];
        size_t start;
        int64_t count = 0;
        for (size_t p = 0; p < TOPIC_PARTITIONS; p++)
            count += batch->ranges[p].until > 0;
        frame_begin(&file, &start);
        put_i64(&file, batch->id);
        put_i64(&file, batch->time_ms);
        put_i64(&file, batch->interval_ms);
        put_i64(&file, 0);
        put_i64(&file, count);
        for (size_t p = 0; p < TOPIC_PARTITIONS; p++) {
            if (batch->ranges[p].until == 0)
                continue;
            put_text(&file, (sl_text){ "lines", 5 });
            put_i64(&file, (int64_t)p);
            put_i64(&file, batch->ranges[p].from);
            put_i64(&file, batch->ranges[p].until);
            put_i64(&file, batch->ranges[p].end);
        }
        frame_end(&file, start);
    }
    disk_put("simulated/kept", NULL, 0);
    disk_put("simulated/kept/journal", file.at ? file.at : "", file.size);
    buffer_done(&file);
}

static bool outcomes_compare(const char *found, const char *wanted)
{
    while (*found && *wanted) {
        size_t size = strcspn(found, "\n"), other = strcspn(wanted, "\n");
        if (size != other || memcmp(found, wanted, size) != 0)
            break;
        found += size + (found[size] != '\0');
        wanted += other + (wanted[other] != '\0');
    }
    if (*found == *wanted && *found == '\0')
        return true;
    world_tell("other than in an undisturbed run:\n    found:  %.700s\n    wanted: %.700s",
               *found ? found : "nothing", *wanted ? wanted : "nothing");
    return false;
}

static bool reference_compare(uint64_t seed)
{
    buffer found = { 0 }, wanted = { 0 };
    outcome_print(&found);
    uint64_t trace = the_world->trace;
    world_begin(seed);
    topic_draw(seed);
    journal_make();
    int end = life_start(&(life_spec){ .reference = true, .batches = batch_count });
    bool same = end == LIFE_DONE;
    if (same) {
        outcome_print(&wanted);
        same = outcomes_compare(found.at, wanted.at);
    } else {
        world_tell("the undisturbed run ended with %d", end);
    }
    the_world->trace = trace;
    buffer_done(&found);
    buffer_done(&wanted);
    return same;
}

bool history_run(uint64_t seed)
{
    world_begin(seed);
    topic_draw(seed);
    troubles_draw();
    if (!lives_run())
        return false;
    disk_power_cut();
    history_read();
    return batches_check() && records_check() && tops_check() && reference_compare(seed);
}
