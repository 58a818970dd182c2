/*
 * tests/system/pipeline.c - the whole pipeline, each part a process of its own:
 *
 *     generate -> tracks_live.csv -> ship -> Kafka -> listens, event_targets, profiles, unique_tracks, access_stats
 *                                                      -> Redis, files, the search server
 *
 * ship, event_targets and profiles are killed in the middle of a batch and started again, and the file is rotated meanwhile. Everything that
 * comes out is compared with a recount of what stands in the topic, and that with the file: plain loops, nothing of the engine.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/buffer.h>
#include <base/failure.h>
#include <base/memory.h>
#include <fcntl.h>
#include <glob.h>
#include <hiredis/hiredis.h>
#include <json-c/json.h>
#include <librdkafka/rdkafka.h>
#include <regex.h>
#include <servers/search_server.h>
#include <signal.h>
#include <stdlib.h>
#include <support/shell.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system/shared/recount.h>
#include <unistd.h>

#include <cmocka.h> /* last: its fail() is a macro */

enum { LISTENS = 3000, PARTITIONS = 3, CUSTOMERS = MADE_CUSTOMERS, TRACKS = 30, WORDS_MAX = 40, TOP = 10 };

typedef struct record { /* of the topic */
    char *value;
    bool good, has_document;
    int customer, track, mobile;
    long long event;
} record;

typedef struct pipeline {
    trial *trial;
    redisContext *redis;
    record *records[PARTITIONS];
    size_t counts[PARTITIONS];
    size_t good, bad;
    int64_t plays[CUSTOMERS][TRACKS];
    char *genders[CUSTOMERS];
} pipeline;

static search_server *search; /* NULL: it cannot be had */

static int search_start(void **state)
{
    (void)state;
    search = search_server_start(NULL);
    return 0;
}

static int search_stop(void **state)
{
    (void)state;
    search_server_stop(search);
    return 0;
}

/* ---- Processes --------------------------------------------------------------------------------------------------- */

/* A job with all that every job is told; `more`: its own words. */
typedef struct command {
    const char *name, *more[16];
} command;

static void command_words(const trial *trial, const command *command, const char *last, buffer *texts,
                          const char **words)
{
    size_t at[8], count = 0, used = 0;
    at[count++] = texts->size;
    buffer_print(texts, "%s%c", build_path("jobs"), '\0');
    texts->size--; /* the program's own name follows the folder's */
    texts->size -= texts->at[texts->size - 1] == '\0';
    buffer_print(texts, "/%s%c", command->name, '\0');
    at[count++] = texts->size;
    buffer_print(texts, "kafka.bootstrap.servers=%s%c", trial->servers, '\0');
    at[count++] = texts->size;
    buffer_print(texts, "redis.url=%s%c", redis_server_url(trial->redis), '\0');
    at[count++] = texts->size;
    buffer_print(texts, "elastic.url=%s%c", search ? search_server_url(search) : "http://127.0.0.1:1", '\0');
    at[count++] = texts->size;
    buffer_print(texts, "%s/work-%s%c", trial->folder, command->name, '\0');
    words[used++] = texts->at + at[0];
    for (size_t i = 1; i < 4; i++) {
        words[used++] = "--conf";
        words[used++] = texts->at + at[i];
    }
    words[used++] = "--work-dir";
    words[used++] = texts->at + at[4];
    for (size_t i = 0; command->more[i]; i++)
        words[used++] = command->more[i];
    words[used++] = last;
    words[used] = NULL;
}

/* To its end; it must end well. */
static void run(trial *trial, const command *command, const char *last)
{
    const char *words[WORDS_MAX];
    buffer texts = { 0 };
    buffer_reserve(&texts, 4096); /* it stays where it is */
    command_words(trial, command, last, &texts, words);
    int status = trial_run(trial, words);
    if (status != 0)
        print_message("%s: see KEEP=1 %s\n", command->name, trial->log);
    assert_int_equal(status, 0);
    buffer_done(&texts);
}

/* `fault`: where it is to be killed, or NULL. */
static pid_t start(trial *trial, const command *command, const char *fault)
{
    const char *words[WORDS_MAX];
    buffer texts = { 0 };
    buffer_reserve(&texts, 4096);
    command_words(trial, command, NULL, &texts, words);
    fflush(NULL);
    pid_t pid = fork();
    sl_expect(pid >= 0);
    if (pid == 0) {
        int log = open(trial->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
        if (fault)
            setenv("SLUICE_FAULT", fault, 1);
        execv(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    buffer_done(&texts);
    return pid;
}

static int ended(pid_t pid)
{
    int status;
    sl_expect(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void stop(pid_t pid)
{
    kill(pid, SIGTERM);
    ended(pid); /* what it has not done, the next run does */
}

/* ---- What stands in the topic ------------------------------------------------------------------------------------ */

static void record_parse(pipeline *all, const regex_t *form, record *record)
{
    record->good = regexec(form, record->value, 0, NULL, 0) == 0;
    *(record->good ? &all->good : &all->bad) += 1;
    if (!record->good)
        return;
    assert_int_equal(sscanf(record->value, "%lld,%d,%d,\"%*[^\"]\",%d", &record->event, &record->customer,
                            &record->track, &record->mobile),
                     4);
    assert_in_range(record->customer, 0, CUSTOMERS - 1);
    assert_in_range(record->track, 0, TRACKS - 1);
    all->plays[record->customer][record->track]++;
}

static void record_add(pipeline *all, const regex_t *form, const rd_kafka_message_t *message)
{
    size_t i = all->counts[message->partition]++;
    assert_int_equal(message->offset, i);
    assert_null(message->key);
    record **records = &all->records[message->partition];
    *records = memory_resize(*records, (i + 1) * sizeof **records);
    (*records)[i] = (record){ .value = memory_new(message->len + 1) };
    memcpy((*records)[i].value, message->payload, message->len);
    record_parse(all, form, &(*records)[i]);
}

static void topic_take(pipeline *all)
{
    regex_t form;
    char text[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", all->trial->servers, text, sizeof text);
    rd_kafka_conf_set(conf, "group.id", "recount", text, sizeof text);
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", text, sizeof text);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    assert_non_null(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int32_t i = 0; i < PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(list, "realtime", i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(client, list);
    assert_int_equal(
        regcomp(&form,
                "^[0-9]+,[0-9]{1,64},[0-9]{1,64},\"2014-1[0-2]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]\","
                "[01],\"[0-9]{5}\"$",
                REG_EXTENDED | REG_NOSUB),
        0);
    for (int ends = 0; ends < PARTITIONS;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 60000);
        assert_non_null(message);
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            ends++;
        else if (!message->err)
            record_add(all, &form, message);
        rd_kafka_message_destroy(message);
    }
    regfree(&form);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

/* ---- The recount ------------------------------------------------------------------------------------------------- */

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void text_take(const char *path, buffer *out)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    for (size_t got = 1; got; out->size += got)
        got = fread(buffer_reserve(out, 65536), 1, 65536, file);
    fclose(file);
}

/* Every line of the files came, some of them twice; nothing else did. */
static void shipped_assert(pipeline *all)
{
    char path[TRIAL_PATH];
    buffer lines = { 0 };
    size_t sent = 0, count = 0;
    snprintf(path, sizeof path, "%s/tracks_live.csv.1", all->trial->folder);
    text_take(path, &lines);
    snprintf(path, sizeof path, "%s/tracks_live.csv", all->trial->folder);
    text_take(path, &lines);
    buffer_byte(&lines, '\0');
    for (size_t p = 0; p < PARTITIONS; p++)
        count += all->counts[p];
    char **values = memory_new((count + 1) * sizeof *values), *rest = lines.at;
    count = 0;
    for (size_t p = 0; p < PARTITIONS; p++)
        for (size_t i = 0; i < all->counts[p]; i++)
            values[count++] = all->records[p][i].value;
    qsort(values, count, sizeof *values, text_compare);
    size_t distinct = count > 0;
    for (size_t i = 1; i < count; i++)
        distinct += strcmp(values[i], values[i - 1]) != 0;
    for (char *line; (line = strsep(&rest, "\n")) && (*line || rest); sent++)
        assert_non_null(bsearch(&line, values, count, sizeof *values, text_compare));
    assert_int_equal(sent, LISTENS);
    assert_int_equal(distinct, LISTENS); /* each line has a number of its own */
    free(values);
    buffer_done(&lines);
}

static bool flagged(int customer)
{
    return customer % 3 == 0;
}

static int64_t number_in(json_object *object, const char *name)
{
    json_object *number;
    assert_true(json_object_object_get_ex(object, name, &number));
    return json_object_get_int64(number);
}

static const char *text_in(json_object *object, const char *name)
{
    json_object *text;
    return json_object_object_get_ex(object, name, &text) ? json_object_get_string(text) : NULL;
}

static void document_assert(pipeline *all, const char *line, bool has_event)
{
    int partition;
    long long offset;
    char text[40];
    json_object *document = json_tokener_parse(line);
    assert_non_null(document);
    assert_int_equal(sscanf(text_in(document, "_id"), "realtime-%d-%lld", &partition, &offset), 2);
    assert_true(partition < PARTITIONS && (size_t)offset < all->counts[partition]);
    record *record = &all->records[partition][offset];
    assert_true(record->good && !record->has_document);
    record->has_document = true;
    assert_int_equal(number_in(document, "event_id"), record->event);
    assert_int_equal(number_in(document, "ismobile"), record->mobile);
    snprintf(text, sizeof text, "%d", record->customer);
    assert_string_equal(text_in(document, "customer_id"), text);
    snprintf(text, sizeof text, "%d", record->track);
    assert_string_equal(text_in(document, "track_id"), text);
    const char *gender = text_in(document, "gender");
    assert_string_equal(gender ? gender : "",
                        all->genders[record->customer] ? all->genders[record->customer] : "");
    if (has_event)
        assert_int_equal(number_in(document, "SendEvent"), flagged(record->customer));
    else
        assert_null(text_in(document, "SendEvent"));
    json_object_put(document);
}

/* Every good record has its document, once, in the files and in the index. */
static void documents_assert(pipeline *all, const char *job, const char *index)
{
    char pattern[TRIAL_PATH];
    glob_t found = { 0 };
    buffer lines = { 0 };
    size_t documents = 0;
    snprintf(pattern, sizeof pattern, "%s/out-%s/%s/batch-*.ndjson", all->trial->folder, job, index);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        text_take(found.gl_pathv[i], &lines);
    globfree(&found);
    buffer_byte(&lines, '\0');
    if (search)
        recount_assert_index(search, index, lines.at, false);
    char *rest = lines.at;
    for (char *line; (line = strsep(&rest, "\n")) && *line; documents++)
        document_assert(all, line, strcmp(job, "event_targets") == 0);
    assert_int_equal(documents, all->good);
    for (size_t p = 0; p < PARTITIONS; p++)
        for (size_t i = 0; i < all->counts[p]; i++)
            all->records[p][i].has_document = false;
    buffer_done(&lines);
}

static void letters_assert(pipeline *all, const char *job)
{
    char pattern[TRIAL_PATH];
    glob_t found = { 0 };
    buffer lines = { 0 };
    size_t letters = 0;
    snprintf(pattern, sizeof pattern, "%s/work-%s/dead/realtime.dead/batch-*.ndjson", all->trial->folder,
             job);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        text_take(found.gl_pathv[i], &lines);
    globfree(&found);
    for (size_t i = 0; i < lines.size; i++)
        letters += lines.at[i] == '\n';
    assert_int_equal(letters, all->bad);
    buffer_done(&lines);
}

static void members_assert(pipeline *all, const char *key, const char *expected)
{
    redisReply *reply = redisCommand(all->redis, "SORT %s", key);
    buffer members = { 0 };
    for (size_t i = 0; i < reply->elements; i++)
        buffer_print(&members, "%s ", reply->element[i]->str);
    buffer_byte(&members, '\0');
    assert_string_equal(members.at, expected);
    buffer_done(&members);
    freeReplyObject(reply);
}

static void event_users_assert(pipeline *all)
{
    buffer expected = { 0 };
    for (int customer = 0; customer < CUSTOMERS; customer++) {
        int64_t plays = 0;
        for (int track = 0; track < TRACKS; track++)
            plays += all->plays[customer][track];
        if (plays && flagged(customer))
            buffer_print(&expected, "%d ", customer);
    }
    buffer_byte(&expected, '\0');
    assert_true(expected.size > 1);
    members_assert(all, "1_day_event_users", expected.at);
    buffer_done(&expected);
}

static void interests_assert(pipeline *all)
{
    for (int customer = 0; customer < CUSTOMERS; customer++) {
        char key[40];
        buffer expected = { 0 };
        for (int track = 0; track < TRACKS; track++)
            if (all->plays[customer][track] >= 3)
                buffer_print(&expected, "%d ", track);
        buffer_byte(&expected, '\0');
        snprintf(key, sizeof key, "interest:%d", customer);
        members_assert(all, key, expected.at);
        buffer_done(&expected);
    }
}

/* Of all windows so far, which follow one another without a gap: the sums of two of their fields. */
static void windows_sum(const pipeline *all, int64_t *plays, int64_t *mobile)
{
    char pattern[TRIAL_PATH];
    glob_t found = { 0 };
    buffer lines = { 0 };
    *plays = *mobile = 0;
    snprintf(pattern, sizeof pattern, "%s/out-access/ba_access_stats/batch-*.ndjson", all->trial->folder);
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            text_take(found.gl_pathv[i], &lines);
    globfree(&found);
    buffer_byte(&lines, '\0');
    char *rest = lines.at;
    for (char *line; (line = strsep(&rest, "\n")) && *line;) {
        json_object *window = json_tokener_parse(line);
        *plays += number_in(window, "plays");
        *mobile += number_in(window, "mobile_plays");
        json_object_put(window);
    }
    buffer_done(&lines);
}

/* A window is told when the clock has passed its end: then every play stands in one of them. */
static void access_stats_assert(pipeline *all)
{
    int64_t plays = 0, mobile = 0, mobile_expected = 0, until_ms = trial_now_ms() + 60000;
    for (size_t p = 0; p < PARTITIONS; p++)
        for (size_t i = 0; i < all->counts[p]; i++)
            mobile_expected += all->records[p][i].good && all->records[p][i].mobile;
    while (plays < (int64_t)all->good && trial_now_ms() < until_ms) {
        windows_sum(all, &plays, &mobile);
        usleep(20000);
    }
    assert_int_equal(plays, all->good);
    assert_int_equal(mobile, mobile_expected);
}

/* The tracks that were played, or played on a mobile. */
static void unique_tracks_assert(pipeline *all, bool mobile)
{
    bool played[TRACKS] = { false };
    buffer expected = { 0 };
    for (size_t p = 0; p < PARTITIONS; p++)
        for (size_t i = 0; i < all->counts[p]; i++) {
            const record *record = &all->records[p][i];
            if (record->good && (record->mobile || !mobile))
                played[record->track] = true;
        }
    for (int track = 0; track < TRACKS; track++)
        if (played[track])
            buffer_print(&expected, "%d ", track);
    buffer_byte(&expected, '\0');
    assert_true(expected.size > 1);
    members_assert(all, mobile ? "unique_tracks:mobile" : "unique_tracks", expected.at);
    buffer_done(&expected);
}

/* Plays of each customer, those on a mobile, and how many tracks they were. */
static void profiles_assert(pipeline *all)
{
    int64_t mobile[CUSTOMERS] = { 0 };
    for (size_t p = 0; p < PARTITIONS; p++)
        for (size_t i = 0; i < all->counts[p]; i++)
            if (all->records[p][i].good)
                mobile[all->records[p][i].customer] += all->records[p][i].mobile;
    for (int customer = 0; customer < CUSTOMERS; customer++) {
        int64_t plays = 0, tracks = 0;
        char expected[100] = "", got[100] = "";
        for (int track = 0; track < TRACKS; track++) {
            plays += all->plays[customer][track];
            tracks += all->plays[customer][track] > 0;
        }
        if (plays)
            snprintf(expected, sizeof expected, "%lld %lld %lld", (long long)plays,
                     (long long)mobile[customer], (long long)tracks);
        redisReply *reply =
            redisCommand(all->redis, "HMGET profile:%d plays mobile_plays unique_tracks", customer);
        assert_int_equal(reply->elements, 3);
        if (reply->element[0]->str)
            snprintf(got, sizeof got, "%s %s %s", reply->element[0]->str, reply->element[1]->str,
                     reply->element[2]->str);
        assert_string_equal(got, expected);
        freeReplyObject(reply);
    }
}

/* The next of the list: most plays, then the least name by bytes; -1: none is left. */
static int track_next(const int64_t *plays, const bool *told)
{
    int next = -1;
    for (int track = 0; track < TRACKS; track++) {
        char name[12], best[12];
        if (told[track] || plays[track] == 0)
            continue;
        snprintf(name, sizeof name, "%d", track);
        snprintf(best, sizeof best, "%d", next);
        if (next < 0 || plays[track] > plays[next] || (plays[track] == plays[next] && strcmp(name, best) < 0))
            next = track;
    }
    return next;
}

static void top_tracks_assert(pipeline *all, const char *gender)
{
    int64_t plays[TRACKS] = { 0 };
    bool told[TRACKS] = { false };
    for (int customer = 0; customer < CUSTOMERS; customer++)
        for (int track = 0; track < TRACKS; track++)
            if (all->genders[customer] && strcmp(all->genders[customer], gender) == 0)
                plays[track] += all->plays[customer][track];
    redisReply *size = redisCommand(all->redis, "ZCARD top_tracks:%s", gender);
    long long count = 0;
    for (int next; count < TOP && (next = track_next(plays, told)) >= 0; count++) {
        redisReply *score = redisCommand(all->redis, "ZSCORE top_tracks:%s %d", gender, next);
        assert_int_equal(score->type, REDIS_REPLY_STRING);
        assert_int_equal(atoll(score->str), plays[next]);
        told[next] = true;
        freeReplyObject(score);
    }
    assert_true(count > 0);
    assert_int_equal(size->integer, count);
    freeReplyObject(size);
}

static void customers_take(pipeline *all)
{
    for (int customer = 0; customer < CUSTOMERS; customer++) {
        redisReply *gender = redisCommand(all->redis, "HGET %d gender", customer);
        if (gender->type == REDIS_REPLY_STRING)
            all->genders[customer] = memory_text(gender->str);
        freeReplyObject(gender);
    }
}

/* ---- The test ---------------------------------------------------------------------------------------------------- */

static void predictions_set(pipeline *all)
{
    for (int customer = 0; customer < CUSTOMERS; customer++) {
        static const char *const flags[] = { "1", "0", "none" };
        if (customer % 4 || flagged(customer)) /* some have none */
            freeReplyObject(redisCommand(all->redis, "SET pred_event:%d %s", customer, flags[customer % 3]));
    }
}

static void pipeline_free(pipeline *all)
{
    for (size_t p = 0; p < PARTITIONS; p++) {
        for (size_t i = 0; i < all->counts[p]; i++)
            free(all->records[p][i].value);
        free(all->records[p]);
    }
    for (size_t i = 0; i < CUSTOMERS; i++)
        free(all->genders[i]);
    redisFree(all->redis);
    free(all);
}

static void what_comes_out_of_every_job_equals_a_recount(void **state)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", PARTITIONS))
        skip();
    trial_import(trial);
    pipeline *all = memory_new(sizeof *all);
    all->trial = trial;
    all->redis = redisConnect("127.0.0.1", atoi(strrchr(redis_server_url(trial->redis), ':') + 1));
    predictions_set(all);

    char live[TRIAL_PATH], old[TRIAL_PATH + 8], from[TRIAL_PATH + 16], made[TRIAL_PATH + 16],
        documents[2][TRIAL_PATH + 40];
    snprintf(live, sizeof live, "%s/tracks_live.csv", trial->folder);
    snprintf(old, sizeof old, "%s.1", live);
    snprintf(from, sizeof from, "lines=file:%s", live);
    snprintf(made, sizeof made, "listens=file:%s", live);
    snprintf(documents[0], sizeof documents[0], "documents=file:%s/out-listens", trial->folder);
    snprintf(documents[1], sizeof documents[1], "documents=file:%s/out-event_targets", trial->folder);
    const char *index = search ? "documents=elastic" : "documents=null";
    command generate = { "generate",
                         { "--customers", "40", "--tracks", "30", "--bad", "0.03", "--rate", "2000",
                           "--available-now", "--to", made, "--count", "1500" } };
    command ship = { "ship", { "--from", from } };
    command listens = { "listens",
                        { "--interval", "250ms", "--to", documents[0], "--to", index, "--to",
                          "top_tracks=redis", "--to", "interests=redis", "--conf", "elastic.replicas=0" } };
    command targets = { "event_targets",
                        { "--interval", "250ms", "--to", documents[1], "--to", index, "--conf",
                          "elastic.replicas=0" } };

    command profiles = { "profiles", { "--interval", "250ms", "--to", "profiles=redis" } };
    char windows[TRIAL_PATH + 40];
    snprintf(windows, sizeof windows, "windows=file:%s/out-access", trial->folder);
    command access = { "access_stats",
                       { "--interval", "250ms", "--window", "1s", "--slide", "1s", "--pane", "1s", "--to",
                         windows, "--to", "latest=redis" } };
    command tracks = { "unique_tracks", { "--interval", "250ms", "--to", "totals=null" } };

    close(open(live, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    pid_t shipping = start(trial, &ship, "after_documents:3"), listening = start(trial, &listens, NULL);
    pid_t targeting = start(trial, &targets, "before_checkpoint:4");
    pid_t profiling = start(trial, &profiles, "after_commit:3"), gathering = start(trial, &tracks, NULL);
    pid_t measuring = start(trial, &access, NULL);
    run(trial, &generate, NULL);
    assert_int_equal(ended(shipping), 128 + SIGKILL);
    assert_int_equal(ended(targeting), 128 + SIGKILL);
    assert_int_equal(ended(profiling), 128 + SIGKILL);
    assert_int_equal(rename(live, old), 0);
    generate.more[12] = "3000"; /* it goes on where it stopped, in a new file */
    run(trial, &generate, NULL);
    shipping = start(trial, &ship, NULL);
    targeting = start(trial, &targets, NULL);
    profiling = start(trial, &profiles, NULL);
    stop(shipping);
    run(trial, &ship, "--available-now");
    stop(listening);
    stop(targeting);
    stop(profiling);
    stop(gathering);
    run(trial, &profiles, "--available-now");
    run(trial, &tracks, "--available-now");
    run(trial, &listens, "--available-now");
    run(trial, &targets, "--available-now");

    customers_take(all);
    topic_take(all);
    shipped_assert(all);
    assert_true(all->bad > 0 && all->good > all->bad);
    documents_assert(all, "listens", "ba_realtime2");
    documents_assert(all, "event_targets", "ba_realtime3");
    letters_assert(all, "listens");
    letters_assert(all, "event_targets");
    event_users_assert(all);
    profiles_assert(all);
    access_stats_assert(all);
    stop(measuring);
    unique_tracks_assert(all, false);
    unique_tracks_assert(all, true);
    interests_assert(all);
    top_tracks_assert(all, "0");
    top_tracks_assert(all, "1");
    pipeline_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_comes_out_of_every_job_equals_a_recount, trial_make, trial_free),
    };
    return cmocka_run_group_tests(tests, search_start, search_stop);
}
