/*
 * clients/http.c - libcurl, set up for servers that are spoken to all the time: one easy handle, so that the connection
 * stays open from request to request; no signals; a limit in time and in bytes for everything.
 */
#include <base/clock.h>
#include <base/faults.h>
#include <base/memory.h>
#include <clients/http.h>
#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16 }; /* the largest window; gzip's header, not zlib's */
enum { CONNECT_MS = 5000, TOTAL_MS = 60000, STOP_GRACE_MS = 3000, REPLY_BYTES_MAX = 64 << 20 };

struct http {
    CURL *curl;
    struct curl_slist *headers;
    const char *type; /* that `headers` were made for */
    char *place;      /* scheme, host and port */
    char *base;       /* and the path that all requests begin with */
    char *authorization;
    const char *setting;
    traffic_server traffic;
    int64_t total_ms;
    size_t reply_bytes_max;
    const atomic_bool *stop;
    int64_t stop_seen_ns; /* by the request under way; 0: not yet */
    z_stream *packer;     /* NULL: bodies are sent as they are */
    size_t sent_bytes;
    buffer url, body, packed;
    bool too_long, connected;
    char error[CURL_ERROR_SIZE];
};

static void library_open(void);
static sl_result url_read(http *http, const http_options *options, failure *failure);
static bool is_one_word(const char *text);
static void handle_set_up(http *http, const http_options *options);
static void packer_open(http *http);
static sl_text body_pack(http *http, sl_text body);
static void headers_make(http *http, const char *type);
static void request_set(http *http, const http_request *request);
static void exchange_count(const http *http, bool answered, int64_t took_ns);
static sl_result request_failed(http *http, const http_request *request, CURLcode code, failure *failure);

sl_result http_new(const http_options *options, http **made, failure *failure)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_open);
    http *http = memory_new(sizeof *http);
    http->setting = options->setting;
    http->total_ms = options->total_ms ? options->total_ms : TOTAL_MS;
    http->reply_bytes_max = options->reply_bytes_max ? options->reply_bytes_max : REPLY_BYTES_MAX;
    http->stop = options->stop;
    http->traffic = options->traffic;
    http->curl = curl_easy_init();
    sl_expect(http->curl != NULL);
    sl_result result = url_read(http, options, failure);
    if (result == SL_OK && options->api_key && !is_one_word(options->api_key))
        result = fail(failure, SL_USAGE, "the API key for %s holds blanks or line ends", options->setting);
    if (result != SL_OK) {
        http_free(http);
        return result;
    }
    handle_set_up(http, options);
    if (options->gzip)
        packer_open(http);
    *made = http;
    return SL_OK;
}

void http_free(http *http)
{
    if (http == NULL)
        return;
    curl_easy_cleanup(http->curl);
    curl_slist_free_all(http->headers);
    free(http->place);
    free(http->base);
    free(http->authorization);
    buffer_done(&http->url);
    buffer_done(&http->body);
    buffer_done(&http->packed);
    if (http->packer)
        deflateEnd(http->packer);
    free(http->packer);
    free(http);
}

sl_result http_send(http *http, const http_request *request, http_reply *reply, failure *failure)
{
    request_set(http, request);
    fault_point("before_http_send");
    int64_t began_ns = clock_ns(&clock_system);
    CURLcode code = curl_easy_perform(http->curl);
    exchange_count(http, code == CURLE_OK, clock_ns(&clock_system) - began_ns);
    fault_point("after_http_answer");
    if (code != CURLE_OK)
        return request_failed(http, request, code, failure);
    long status = 0, connects = 0;
    curl_off_t seconds = 0;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &seconds);
    curl_easy_getinfo(http->curl, CURLINFO_NUM_CONNECTS, &connects);
    *reply = (http_reply){ .status = (int)status, .retry_after_ms = (int64_t)seconds * 1000 };
    reply->maybe_repeated = http->connected && connects > 0;
    http->connected = true;
    reply->body = (sl_text){ http->body.at ? http->body.at : "", http->body.size };
    return SL_OK;
}

const char *http_place(const http *http)
{
    return http->place;
}

void http_path_part(buffer *path, const char *part)
{
    static const char hex[] = "0123456789ABCDEF";
    for (; *part; part++) {
        unsigned char byte = (unsigned char)*part;
        if (isalnum(byte) || strchr("-._~", byte)) {
            buffer_byte(path, (char)byte);
        } else {
            buffer_byte(path, '%');
            buffer_byte(path, hex[byte >> 4]);
            buffer_byte(path, hex[byte & 15]);
        }
    }
}

/* ---- Setting up -------------------------------------------------------------------------------------------------- */

static void library_open(void)
{
    sl_expect(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
}

static char *url_part(CURLU *url, CURLUPart part, unsigned flags)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK)
        return NULL;
    char *copy = memory_text(text);
    curl_free(text);
    return copy;
}

/* Takes name and password out of the URL before anything can print it. */
static void url_take_login(http *http, CURLU *url, const http_options *options)
{
    char *user = url_part(url, CURLUPART_USER, CURLU_URLDECODE);
    char *password = url_part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
    const char *name = options->user ? options->user : user;
    if (options->api_key == NULL && name) {
        curl_easy_setopt(http->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(http->curl, CURLOPT_USERNAME, name);
        const char *word = options->password ? options->password : password;
        curl_easy_setopt(http->curl, CURLOPT_PASSWORD, word ? word : "");
    }
    free(user);
    free(password);
    curl_url_set(url, CURLUPART_USER, NULL, 0);
    curl_url_set(url, CURLUPART_PASSWORD, NULL, 0);
}

static void url_keep(http *http, const char *scheme, CURLU *url)
{
    char *host = url_part(url, CURLUPART_HOST, 0);
    char *port = url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    char *path = url_part(url, CURLUPART_PATH, 0);
    size_t path_size = strlen(path);
    while (path_size && path[path_size - 1] == '/')
        path_size--;
    buffer text = { 0 };
    buffer_print(&text, "%s://%s:%s", scheme, host, port);
    buffer_byte(&text, '\0');
    http->place = memory_text(text.at);
    text.size--;
    buffer_append(&text, path, path_size);
    buffer_byte(&text, '\0');
    http->base = text.at;
    free(host);
    free(port);
    free(path);
}

/* The URL as given is not shown when it is wrong: nobody knows then which part of it is the password. */
static sl_result url_read(http *http, const http_options *options, failure *failure)
{
    CURLU *url = curl_url();
    sl_expect(url != NULL);
    CURLUcode code = curl_url_set(url, CURLUPART_URL, options->url, 0);
    char *scheme = code == CURLUE_OK ? url_part(url, CURLUPART_SCHEME, 0) : NULL;
    if (scheme && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        code = CURLUE_UNSUPPORTED_SCHEME;
    if (code == CURLUE_OK) {
        url_take_login(http, url, options);
        url_keep(http, scheme, url);
    } else {
        fail(failure, SL_USAGE, "%s: %s; write it like http://127.0.0.1:9200", options->setting,
             curl_url_strerror(code));
    }
    free(scheme);
    curl_url_cleanup(url);
    return code == CURLUE_OK ? SL_OK : SL_USAGE;
}

/* A line end inside a header would begin another one. */
static bool is_one_word(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text <= ' ')
            return false;
    return true;
}

static size_t reply_take(char *bytes, size_t one, size_t count, void *argument)
{
    http *http = argument;
    if (count > http->reply_bytes_max - http->body.size) {
        http->too_long = true;
        return 0;
    }
    buffer_append(&http->body, bytes, one * count);
    return count;
}

/* libcurl calls it while it moves bytes and about once a second while it waits; anything but 0 ends the request. A stop
 * lets the running batch finish: a server that is well has answered within the grace. */
static int wait_goes_on(void *argument, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    http *http = argument;
    if (http->stop == NULL || !atomic_load(http->stop))
        return 0;
    if (http->stop_seen_ns == 0)
        http->stop_seen_ns = clock_ns(&clock_system);
    return clock_ns(&clock_system) - http->stop_seen_ns > STOP_GRACE_MS * INT64_C(1000000);
}

static void handle_set_up(http *http, const http_options *options)
{
    CURL *curl = http->curl;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->error);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(options->connect_ms ? options->connect_ms : CONNECT_MS));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, reply_take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, wait_goes_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
    if (options->ca)
        curl_easy_setopt(curl, CURLOPT_CAINFO, options->ca);
    if (options->api_key) {
        buffer line = { 0 };
        buffer_print(&line, "Authorization: ApiKey %s", options->api_key);
        buffer_byte(&line, '\0');
        http->authorization = line.at;
    }
}

/* The sizes of bodies alone: heads are small beside them. */
static void exchange_count(const http *http, bool answered, int64_t took_ns)
{
    traffic amount = { .requests = 1,
                       .answers = answered,
                       .bytes_out = (int64_t)http->sent_bytes,
                       .bytes_in = (int64_t)http->body.size,
                       .latency_ns = answered ? took_ns : 0,
                       .blocked_ns = took_ns };
    traffic_add(http->traffic, &amount);
}

/* ---- Packing ----------------------------------------------------------------------------------------------------- */

/* The fastest level: documents shrink to a quarter or less at any. */
static void packer_open(http *http)
{
    http->packer = memory_new(sizeof *http->packer);
    sl_expect(deflateInit2(http->packer, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) ==
              Z_OK);
    curl_easy_setopt(http->curl, CURLOPT_ACCEPT_ENCODING, "gzip");
}

static sl_text body_pack(http *http, sl_text body)
{
    z_stream *packer = http->packer;
    size_t room = deflateBound(packer, body.size);
    sl_expect(body.size < UINT32_MAX && room < UINT32_MAX);
    http->packed.size = 0;
    char *at = buffer_reserve(&http->packed, room);
    packer->next_in = (Bytef *)(uintptr_t)body.at;
    packer->avail_in = (uInt)body.size;
    packer->next_out = (Bytef *)at;
    packer->avail_out = (uInt)room;
    sl_expect(deflate(packer, Z_FINISH) == Z_STREAM_END);
    size_t size = room - packer->avail_out;
    deflateReset(packer);
    return (sl_text){ at, size };
}

/* ---- One request ------------------------------------------------------------------------------------------------- */

static void headers_make(http *http, const char *type)
{
    curl_slist_free_all(http->headers);
    http->type = type;
    /* Without this libcurl asks for leave before it sends a large body, and waits a second for the answer. */
    http->headers = curl_slist_append(NULL, "Expect:");
    if (http->authorization)
        http->headers = curl_slist_append(http->headers, http->authorization);
    if (http->packer && type)
        http->headers = curl_slist_append(http->headers, "Content-Encoding: gzip");
    if (type) {
        char line[128];
        snprintf(line, sizeof line, "Content-Type: %s", type);
        http->headers = curl_slist_append(http->headers, line);
    }
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, http->headers);
}

static void request_set(http *http, const http_request *request)
{
    CURL *curl = http->curl;
    if (http->headers == NULL || http->type != request->type)
        headers_make(http, request->type);
    http->url.size = http->body.size = 0;
    http->too_long = false;
    http->stop_seen_ns = 0;
    http->error[0] = '\0';
    buffer_text(&http->url, http->base);
    buffer_text(&http->url, request->path);
    buffer_byte(&http->url, '\0');
    curl_easy_setopt(curl, CURLOPT_URL, http->url.at);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                     (long)(request->total_ms ? request->total_ms : http->total_ms));
    bool head = strcmp(request->method, "HEAD") == 0;
    curl_easy_setopt(curl, CURLOPT_NOBODY, head ? 1L : 0L);
    http->sent_bytes = 0;
    if (request->body.at) {
        sl_text body = http->packer && request->type ? body_pack(http, request->body) : request->body;
        http->sent_bytes = body.size;
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    } else if (!head) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, head ? NULL : request->method);
}

static bool is_about_trust(CURLcode code)
{
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_ISSUER_ERROR;
}

static sl_result request_failed(http *http, const http_request *request, CURLcode code, failure *failure)
{
    const char *what = http->error[0] ? http->error : curl_easy_strerror(code);
    char long_text[80];
    long os_error = 0;
    curl_easy_getinfo(http->curl, CURLINFO_OS_ERRNO, &os_error);
    if (code == CURLE_COULDNT_CONNECT && os_error) {
        what = strerror((int)os_error); /* libcurl only says that it could not */
    } else if (http->too_long) {
        snprintf(long_text, sizeof long_text, "the answer is longer than %zu bytes", http->reply_bytes_max);
        what = long_text;
    } else if (code == CURLE_ABORTED_BY_CALLBACK) {
        what = "given up, since the job is stopping";
    }
    int path = (int)strcspn(request->path, "?");
    return fail(failure, is_about_trust(code) ? SL_FAILED : SL_RETRY, "%s (%s): %s %.*s: %s", http->place,
                http->setting, request->method, path, request->path, what);
}
