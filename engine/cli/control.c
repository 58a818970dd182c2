/*
 * cli/control.c - one curl request over a unix socket.
 */
#include <cli/control.h>
#include <cli/json.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECT_MS = 2000, ANSWER_MS = 10000, BODY_MOST = 256 << 20 };

typedef struct
    socket_path { /* by way of the open folder: the system allows a socket's path some 107 bytes only */
    char at[64];
    int folder;
} socket_path;

static sl_result request(const char *folder, const char *path, bool is_post, buffer *body, failure *failure);
static void request_describe(CURL *curl, const char *path, buffer *body, char *reason);
static bool socket_path_open(const char *folder, socket_path *path);
static size_t body_take(char *bytes, size_t size, size_t count, void *taken);
static sl_result refusal(const char *folder, const char *path, long status, const buffer *body,
                         failure *failure);

bool control_answers(const char *folder)
{
    socket_path path;
    if (!socket_path_open(folder, &path))
        return false;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path.at);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = probe >= 0 && (connect(probe, (const struct sockaddr *)&address, sizeof address) == 0 ||
                                  errno == EAGAIN);
    if (probe >= 0)
        close(probe);
    close(path.folder);
    return answers;
}

sl_result control_get(const char *folder, const char *path, buffer *body, failure *failure)
{
    return request(folder, path, false, body, failure);
}

sl_result control_post(const char *folder, const char *path, buffer *body, failure *failure)
{
    return request(folder, path, true, body, failure);
}

static sl_result request(const char *folder, const char *path, bool is_post, buffer *body, failure *failure)
{
    char url[128], reason[CURL_ERROR_SIZE] = "";
    socket_path where;
    if (!socket_path_open(folder, &where))
        return fail(failure, SL_UNREACHABLE, "opening the work folder %s: %s", folder, strerror(errno));
    snprintf(url, sizeof url, "http://job%s", path);
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        close(where.folder);
        return fail(failure, SL_FAILED, "asking the job in %s: curl cannot be started", folder);
    }
    request_describe(curl, where.at, body, reason);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    if (is_post)
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, "");
    CURLcode code = curl_easy_perform(curl);
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    close(where.folder);
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT)
        return fail(failure, SL_UNREACHABLE, "the job in %s does not answer: %s", folder, reason);
    if (code != CURLE_OK)
        return fail(failure, SL_FAILED, "asking the job in %s for %s: %s", folder, path,
                    reason[0] ? reason : curl_easy_strerror(code));
    return status == 200 ? SL_OK : refusal(folder, path, status, body, failure);
}

/* Why, in the job's own words, if it has some: what it was asked for cannot be, and nothing was done. */
static sl_result refusal(const char *folder, const char *path, long status, const buffer *body,
                         failure *failure)
{
    json_object *answer = json_read(body->at, body->size);
    const char *why = json_words(answer, "error");
    if (status == 400 && *why)
        fail(failure, SL_USAGE, "%s", why);
    else
        fail(failure, SL_FAILED, "the job in %s answers %ld to %s%s%s", folder, status, path,
             *why ? ": " : "", why);
    json_object_put(answer);
    return failure->result;
}

static void request_describe(CURL *curl, const char *path, buffer *body, char *reason)
{
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, path);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
}

static bool socket_path_open(const char *folder, socket_path *path)
{
    path->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (path->folder < 0)
        return false;
    snprintf(path->at, sizeof path->at, "/proc/self/fd/%d/control.sock", path->folder);
    return true;
}

static size_t body_take(char *bytes, size_t size, size_t count, void *taken)
{
    buffer *body = taken;
    if (body->size + size * count > BODY_MOST)
        return 0;
    buffer_append(body, bytes, size * count);
    return size * count;
}
