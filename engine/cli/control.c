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

typedef struct request {
    const char *path;
    bool is_post;
    buffer *body;
    control_take *take; /* of an answer without end; NULL: the whole is gathered in `body` */
    void *argument;
    CURL *curl;
    bool enough; /* take() said so */
} request;

static sl_result request_send(const char *folder, request *request, failure *failure);
static void request_describe(request *request, const char *socket, char *reason);
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
    return request_send(folder, &(request){ .path = path, .body = body }, failure);
}

sl_result control_post(const char *folder, const char *path, buffer *body, failure *failure)
{
    return request_send(folder, &(request){ .path = path, .is_post = true, .body = body }, failure);
}

sl_result control_follow(const char *folder, const char *path, control_take *take, void *argument,
                         failure *failure)
{
    buffer refused = { 0 };
    sl_result result =
        request_send(folder, &(request){ path, false, &refused, take, argument, NULL, false }, failure);
    buffer_done(&refused);
    return result;
}

static sl_result request_send(const char *folder, request *request, failure *failure)
{
    char reason[CURL_ERROR_SIZE] = "";
    socket_path where;
    if (!socket_path_open(folder, &where))
        return fail(failure, SL_UNREACHABLE, "opening the work folder %s: %s", folder, strerror(errno));
    request->curl = curl_easy_init();
    if (request->curl == NULL) {
        close(where.folder);
        return fail(failure, SL_FAILED, "asking the job in %s: curl cannot be started", folder);
    }
    request_describe(request, where.at, reason);
    CURLcode code = curl_easy_perform(request->curl);
    long status = 0;
    curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(request->curl);
    close(where.folder);
    if (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT)
        return fail(failure, SL_UNREACHABLE, "the job in %s does not answer: %s", folder, reason);
    if (code != CURLE_OK && !request->enough)
        return fail(failure, SL_FAILED, "asking the job in %s for %s: %s", folder, request->path,
                    reason[0] ? reason : curl_easy_strerror(code));
    return status == 200 ? SL_OK : refusal(folder, request->path, status, request->body, failure);
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

static void request_describe(request *request, const char *socket, char *reason)
{
    CURL *curl = request->curl;
    buffer url = { 0 };
    buffer_print(&url, "http://job%s", request->path);
    buffer_byte(&url, '\0');
    curl_easy_setopt(curl, CURLOPT_URL, url.at); /* it keeps a copy */
    buffer_done(&url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    if (request->take == NULL)
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, request);
    if (request->is_post)
        curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, "");
}

static bool socket_path_open(const char *folder, socket_path *path)
{
    path->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (path->folder < 0)
        return false;
    snprintf(path->at, sizeof path->at, "/proc/self/fd/%d/control.sock", path->folder);
    return true;
}

/* A refusal is gathered in any case: it has an end. */
static size_t body_take(char *bytes, size_t size, size_t count, void *taken)
{
    request *request = taken;
    long status = 0;
    if (request->take)
        curl_easy_getinfo(request->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
        request->enough = !request->take(request->argument, bytes, size * count);
        return request->enough ? 0 : size * count;
    }
    if (request->body->size + size * count > BODY_MOST)
        return 0;
    buffer_append(request->body, bytes, size * count);
    return size * count;
}
