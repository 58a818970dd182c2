/*
 * tests/system/secrets.c - a job that was given a password in each way there is: whatever it or a command shows or leaves anywhere is
 * searched for them. One file holds them, since a restart needs them: `command` of the work folder, which its owner alone reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <base/buffer.h>
#include <base/disk.h>
#include <base/failure.h>
#include <ftw.h>
#include <servers/fake_broker.h>
#include <servers/fake_http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <support/shell.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <system/shared/trial.h>

#include <cmocka.h> /* last: its fail() is a macro */

#define IN_REDIS_URL   "Credis-4711"
#define IN_ELASTIC_URL "Curl-5822"
#define IN_LISTEN_URL  "Clisten-6933"
#define ELASTIC        "Celastic-7044"
#define API_KEY        "Capikey-8155"
#define SASL           "Csasl-9266"
#define TOKEN          "Ctoken-1377"

static const char *const secrets[] = { IN_REDIS_URL, IN_ELASTIC_URL, IN_LISTEN_URL, ELASTIC,
                                       API_KEY,      SASL,           TOKEN };

static void assert_none(const char *where, const char *text, size_t size)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        if (memmem(text, size, secrets[i], strlen(secrets[i])))
            fail_msg("%s shows %s:\n%.*s", where, secrets[i], (int)size, text);
}

/* What a line of the shell prints on both outputs; *code: its exit code. Nothing of it is a secret. */
static char *shown(const char *line, int *code)
{
    buffer text = { 0 };
    char *both;
    assert_true(asprintf(&both, "{ %s; } 2>&1", line) > 0);
    FILE *output = popen(both, "r");
    assert_non_null(output);
    for (size_t size; (size = fread(buffer_reserve(&text, 65536), 1, 65536, output)) > 0;)
        text.size += size;
    int status = pclose(output);
    *code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    assert_none(line, text.at, text.size);
    buffer_byte(&text, '\0');
    free(both);
    return text.at;
}

/* And holds this. */
static void assert_shown(const char *line, const char *wanted)
{
    int code;
    char *text = shown(line, &code);
    if (strstr(text, wanted) == NULL)
        fail_msg("%s does not show \"%s\":\n%s", line, wanted, text);
    free(text);
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static size_t files;

static int file_look(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    buffer bytes = { 0 };
    failure failure = { 0 };
    (void)where;
    if (kind != FTW_F || !S_ISREG(status->st_mode))
        return 0;
    if (strcmp(strrchr(path, '/'), "/command") == 0) {
        assert_int_equal(status->st_mode & 0777, 0600);
        return 0;
    }
    assert_int_equal(disk_read(path, &bytes, &failure), SL_OK);
    assert_none(path, bytes.at, bytes.size);
    buffer_done(&bytes);
    files++;
    return 0;
}

static void assert_files(const trial *trial)
{
    files = 0;
    assert_int_equal(nftw(trial->folder, file_look, 16, FTW_PHYS), 0);
    assert_true(files > 10);
}

/* ---- A job that runs, stops and dies ----------------------------------------------------------------------------- */

static trial *begun(void **state)
{
    trial *trial = *state;
    if (!trial_begin(trial, NULL, "realtime", 2))
        skip();
    setenv("XDG_STATE_HOME", trial->folder, 1);
    setenv("SLUICE_KAFKA_SASL_PASSWORD", SASL, 1);
    trial_import(trial);
    redis_server_ask(trial->redis, "ACL SETUSER reader on >" IN_REDIS_URL " ~* &* +@all");
    return trial;
}

static void what_both_tell(void)
{
    static const struct {
        const char *words, *wanted;
    } asked[] = {
        { "list", "listens" },
        { "status listens", "listens" },
        { "status listens --json", "{" },
        { "batches listens", "completed" },
        { "batches listens --json", "\"batch_id\":1," },
        { "top --once", "listens" },
        { "explain listens", "[hidden]@127.0.0.1" },
        { "doctor listens", "customers (redis)" },
        { "checkpoint show listens", "batch" },
        { "dlq list listens", "" },
        { "replay listens 1 --dry-run", "batch" },
        { "flow --once --every 200ms --token " TOKEN " --redis redis://reader:" IN_REDIS_URL
          "@127.0.0.1:1 --elastic http://u:" IN_ELASTIC_URL "@127.0.0.1:1 --exporter http://u:" IN_ELASTIC_URL
          "@127.0.0.1:1 --to http://u:" IN_LISTEN_URL "@127.0.0.1:1",
          "listens" },
        { "tap listens nothing", "" },
    };
    char line[1000];
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        snprintf(line, sizeof line, "'%s' %s", build_path("sluice"), asked[i].words);
        assert_shown(line, asked[i].wanted);
    }
}

static void what_the_pages_tell(trial *trial)
{
    static const char *const paths[] = { "/",
                                         "/page.js",
                                         "/status",
                                         "/batches",
                                         "/settings",
                                         "/plan",
                                         "/advice",
                                         "/health",
                                         "/ready",
                                         "/metrics",
                                         "/nothing",
                                         "/api/v1/applications",
                                         "/api/v1/applications/listens/streaming/statistics",
                                         "/api/v1/applications/listens/streaming/receivers",
                                         "/api/v1/applications/listens/streaming/batches",
                                         "/api/v1/applications/listens/streaming/batches/1" };
    char line[1000], find[TRIAL_PATH + 100];
    int code;
    snprintf(find, sizeof find, "sed -n 's/.*page is //p' '%s'", trial->log);
    char *url = shown(find, &code);
    assert_memory_equal(url, "http://127.0.0.1:", 17);
    url[strcspn(url, "\n")] = '\0';
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        snprintf(line, sizeof line, "curl -s -i -H 'Authorization: Bearer " TOKEN "' '%s%s'", url, paths[i]);
        assert_shown(line, i == 4 ? "[hidden]@127.0.0.1" : "HTTP/1.1 ");
    }
    snprintf(line, sizeof line, "curl -s -i '%s/status'", url);
    assert_shown(line, "401");
    snprintf(line, sizeof line, "curl -s -i '%s/status?token=x" TOKEN "'", url);
    assert_shown(line, "401");
    free(url);
}

static void what_a_job_shows_and_leaves_holds_no_secret(void **state)
{
    trial *trial = begun(state);
    fake_http *index = fake_http_start();
    char redis[200], elastic[200], listen[200];
    snprintf(redis, sizeof redis, "redis.url=redis://reader:" IN_REDIS_URL "@%s",
             strstr(redis_server_url(trial->redis), "//") + 2);
    snprintf(elastic, sizeof elastic, "elastic.url=http://u:" IN_ELASTIC_URL "@%s",
             strstr(fake_http_url(index), "//") + 2);
    snprintf(listen, sizeof listen, "elastic:http://u:" IN_LISTEN_URL "@%s",
             strstr(fake_http_url(index), "//") + 2);
    trial_set(trial, "--interval", "100ms", "--http", "127.0.0.1:0", "--conf", redis, "--conf", elastic,
              "--conf", "elastic.user=u", "--conf", "elastic.password=" ELASTIC, "--conf",
              "elastic.api_key=" API_KEY, "--conf", "kafka.sasl.username=u", "--conf", "http.token=" TOKEN,
              "--listen", listen, "--log-level", "trace", NULL);
    trial_start(trial);
    trial_send(trial, 200);
    trial_wait_all(trial);
    what_both_tell();
    what_the_pages_tell(trial);
    assert_files(trial);
    redis_server_hang(trial->redis); /* it is waited for, and the log says so */
    trial_send(trial, 200);
    trial_wait_log(trial, "redis", 1);
    trial_signal(trial, SIGKILL);
    trial_ended(trial);
    redis_server_go_on(trial->redis);
    what_both_tell();
    assert_files(trial);
    fake_http_stop(index);
}

/* ---- Starts that fail -------------------------------------------------------------------------------------------- */

/* A broker that lets nobody in. */
static void refuse_all(int socket, void *unused)
{
    buffer request = { 0 };
    (void)unused;
    bool goes_on = fake_broker_greet(socket, &request);
    while (goes_on && fake_broker_request(socket, &request))
        goes_on =
            fake_broker_key(&request) == 17
                ? fake_broker_answer(socket, &request, "0000 00000001 0005'PLAIN'")
                : fake_broker_answer(socket, &request, "003a 000b'not on mine' 00000000 0000000000000000");
    buffer_done(&request);
}

static void assert_refused(trial *trial, const char *options, const char *wanted)
{
    char line[3000];
    snprintf(line, sizeof line,
             "'%s' --conf kafka.bootstrap.servers=%s --work-dir '%s/refused' %s --startup-timeout 1s "
             "--available-now --topic realtime --to documents=null --to top_tracks=null --to interests=null "
             "--from customers=memory --conf redis.timeout=1s --conf batches.failures_max=1",
             build_path("jobs/listens"), trial->servers, trial->folder, options);
    assert_shown(line, wanted);
}

/* An old server, or one that was told to, knows no AUTH, and says with which words it was called. */
static void a_server_that_repeats_a_password_is_not_repeated(void **state)
{
    trial *trial = begun(state);
    redis_server *deaf =
        redis_server_start((const char *const[]){ "--rename-command", "AUTH", "LOGIN", NULL });
    assert_non_null(strstr(redis_server_ask(deaf, "AUTH u " IN_REDIS_URL), IN_REDIS_URL));
    char options[300];
    snprintf(options, sizeof options, "--from customers=redis --conf redis.url=redis://u:" IN_REDIS_URL "@%s",
             strstr(redis_server_url(deaf), "//") + 2);
    assert_refused(trial, options, "logging in: redis at 127.0.0.1");
    redis_server_stop(deaf);
}

static void what_is_refused_is_told_without_secrets(void **state)
{
    trial *trial = begun(state);
    fake_http *closed = fake_http_start();
    fake_broker *broker = fake_broker_start(refuse_all, NULL);
    fake_http_usual(closed, &(fake_answer){ .status = 401, .body = "{\"error\":\"no\"}" });
    char wrong_redis[200], wrong_elastic[300], wrong_kafka[300];
    snprintf(wrong_redis, sizeof wrong_redis,
             "--from customers=redis --conf redis.url=redis://default:" IN_REDIS_URL "@%s",
             strstr(redis_server_url(trial->redis), "//") + 2);
    redis_server_ask(trial->redis, "ACL SETUSER default >another resetpass >another");
    snprintf(wrong_elastic, sizeof wrong_elastic,
             "--to documents=elastic --conf elastic.password=" ELASTIC
             " --conf elastic.user=u --conf elastic.url=http://u:" IN_ELASTIC_URL "@%s",
             strstr(fake_http_url(closed), "//") + 2);
    snprintf(
        wrong_kafka, sizeof wrong_kafka,
        "--conf kafka.bootstrap.servers=127.0.0.1:%d --conf kafka.security.protocol=sasl_plaintext "
        "--conf kafka.sasl.mechanisms=PLAIN --conf kafka.sasl.username=u --conf kafka.sasl.password=" SASL
        " --conf kafka.debug=all --log-level trace",
        fake_broker_port(broker));
    const char *const cases[][2] = {
        { wrong_redis, "check user and password in redis.url" },
        { "--from customers=redis --conf redis.url=redis://u:" IN_REDIS_URL "@127.0.0.1:1",
          "redis at 127.0.0.1:1: cannot connect" },
        { "--from customers=redis --conf redis.url=redis//u:" IN_REDIS_URL "@127.0.0.1:1",
          "redis.url is neither" },
        { wrong_elastic, "elastic.api_key" },
        { "--to documents=elastic --conf elastic.api_key=" API_KEY
          " --conf elastic.url=http://u:" IN_ELASTIC_URL "@127.0.0.1:1",
          "127.0.0.1:1" },
        { "--to documents=elastic --conf elastic.url=http//u:" IN_ELASTIC_URL "@h", "elastic.url" },
        { wrong_kafka, "login of \"u\"" },
        { "--to dokuments=elastic:http://u:" IN_ELASTIC_URL "@h/x", "did you mean \"documents\"?" },
        { "--to documents=elastik:http://u:" IN_ELASTIC_URL "@h/x", "did you mean \"elastic\"?" },
        { "--from customers=redis://u:" IN_REDIS_URL "@127.0.0.1:1", "" },
        { "--from lines=redis://u:" IN_REDIS_URL "@127.0.0.1:1", "there is no kind of place" },
        { "--listen elastic:ftp://u:" IN_LISTEN_URL "@h", "listener elastic" },
        { "--listen elastik:http://u:" IN_LISTEN_URL "@h", "did you mean elastic?" },
        { "--listen statsd:udp://u:" IN_LISTEN_URL "@h", "listener statsd" },
        { "--elastic-password=" ELASTIC, "--elastic-password" },
        { "--conf elastic.pasword=" ELASTIC, "elastic.password" },
        { "--conf http.tokn=" TOKEN, "http.token" },
        { "--conf redis.url:redis://u:" IN_REDIS_URL "@h", "--conf" },
        { "--http http://u:" TOKEN "@127.0.0.1:4040", "expected an IP address" },
        { "--http 0.0.0.0:0 --conf http.token= --conf elastic.api_key=" API_KEY, "set http.token" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_refused(trial, cases[i][0], cases[i][1]);
    assert_files(trial);
    fake_broker_stop(broker);
    fake_http_stop(closed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_job_shows_and_leaves_holds_no_secret, trial_make, trial_free),
        cmocka_unit_test_setup_teardown(a_server_that_repeats_a_password_is_not_repeated, trial_make,
                                        trial_free),
        cmocka_unit_test_setup_teardown(what_is_refused_is_told_without_secrets, trial_make, trial_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
