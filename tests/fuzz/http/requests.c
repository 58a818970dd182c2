/*
 * tests/fuzz/http/requests.c - any requests to a job's socket, for libFuzzer: what libmicrohttpd hands over of them, which is a
 * method, a path with its query, and a body in pieces. Each is a line of the input, with the number of pieces before it.
 * Every request is answered once, with a status that fits it; only a POST to /stop stops, and not before its answer has
 * left; a POST to /tune hands over numbers that a job takes, or none.
 *
 * The library's answering calls and its look into the query are taken by this file, and so is the stream of /tap; reading
 * bytes off the socket is the library's own.
 */
#define MHD_create_response_from_buffer fuzz_response_make
#define MHD_add_response_header         fuzz_response_header
#define MHD_queue_response              fuzz_response_queue
#define MHD_destroy_response            fuzz_response_done
#define MHD_lookup_connection_value     fuzz_query_value
#define stream_answer                   fuzz_stream_answer
#include "../../../engine/http/server.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct MHD_Response {
    size_t size;
    char *body;
};

static unsigned answers, stops, asked, tunes, taps, last_code;
/* Of the running request: name=value, each with a zero byte behind it. */
static char *query, *query_end;

struct MHD_Response *fuzz_response_make(size_t size, void *bytes, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *made = memory_new(sizeof *made);
    sl_expect(mode == MHD_RESPMEM_MUST_COPY && size > 0);
    made->size = size;
    made->body = memory_new(size);
    memcpy(made->body, bytes, size);
    return made;
}

enum MHD_Result fuzz_response_header(struct MHD_Response *response, const char *name, const char *value)
{
    sl_expect(response && strcmp(name, "Content-Type") == 0 && strlen(value) > 0);
    return MHD_YES;
}

enum MHD_Result fuzz_response_queue(struct MHD_Connection *connection, unsigned code,
                                    struct MHD_Response *response)
{
    (void)connection;
    sl_expect(response->body[response->size - 1] == '\n' || response->body[response->size - 1] == '}');
    answers++;
    last_code = code;
    return MHD_YES;
}

void fuzz_response_done(struct MHD_Response *response)
{
    free(response->body);
    free(response);
}

/* Without the decoding that the library does. */
const char *fuzz_query_value(struct MHD_Connection *connection, enum MHD_ValueKind kind, const char *name)
{
    (void)connection;
    sl_expect(kind == MHD_GET_ARGUMENT_KIND);
    size_t size = strlen(name);
    for (char *at = query; at && at < query_end; at += strlen(at) + 1)
        if (strncmp(at, name, size) == 0 && at[size] == '=')
            return at + size + 1;
    return NULL;
}

enum MHD_Result fuzz_stream_answer(stream *self, struct MHD_Connection *connection)
{
    (void)self;
    (void)connection;
    taps++;
    answers++;
    last_code = MHD_HTTP_OK;
    return MHD_YES;
}

static bool tune_take(void *argument, const server_tune *wish, buffer *out)
{
    const int64_t numbers[] = { wish->interval_ms, wish->rate, wish->cores };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sl_expect(numbers[i] == -1 || numbers[i] == INT64_MAX ||
                  (numbers[i] >= 0 && numbers[i] < 1000000000000000000));
    (void)argument;
    tunes++;
    buffer_text(out, "{}\n");
    return wish->rate % 2 == 0;
}

static void text_tell(void *argument, buffer *out)
{
    (void)argument;
    asked++;
    buffer_text(out, "{}\n");
}

static void stop_take(void *argument)
{
    (void)argument;
    stops++;
}

/* As libmicrohttpd calls: at the head, for each piece, at the end, and when all is over. */
static void request_make(server *self, const char *method, const char *path, unsigned pieces)
{
    void *state = NULL;
    size_t none = 0, some;
    answers = stops = asked = tunes = taps = last_code = 0;
    sl_expect(request(self, NULL, path, method, "HTTP/1.1", NULL, &none, &state) == MHD_YES && state);
    for (; pieces; pieces--) {
        some = pieces;
        sl_expect(request(self, NULL, path, method, "HTTP/1.1", "piece", &some, &state) == MHD_YES);
        sl_expect(some == 0 && answers == 0);
    }
    sl_expect(request(self, NULL, path, method, "HTTP/1.1", NULL, &none, &state) == MHD_YES);
    sl_expect(answers == 1 && stops == 0);
    request_over(self, NULL, &state, MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

static bool is(const char *text, const char *other)
{
    return strcmp(text, other) == 0;
}

static void request_check(const char *method, const char *path)
{
    bool reads = is(method, "GET") || is(method, "HEAD"), posts = is(method, "POST");
    bool tells = is(path, "/status") || is(path, "/batches"), stop = is(path, "/stop"),
         tune = is(path, "/tune");
    bool tap = is(path, "/tap") && is(method, "GET");
    bool fits = tap || (reads && tells) || (posts && (stop || tune));
    if (fits && tune)
        sl_expect(last_code == 200 || last_code == 400);
    else
        sl_expect(last_code == (fits ? 200u : tells || stop || tune ? 405u : 404u));
    sl_expect(stops == (fits && stop) && asked == (fits && tells) && tunes == (fits && tune) && taps == tap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static server self = {
        .calls = { .status = text_tell, .batches = text_tell, .stop = stop_take, .tune = tune_take }
    };
    char *text = malloc(size + 1), *rest = text, *line;
    memcpy(text, data, size);
    text[size] = '\0';
    while ((line = strsep(&rest, "\n"))) {
        unsigned pieces = (unsigned char)line[0] % 4;
        char *method = line[0] ? line + 1 : line, *path = strchr(method, ' ');
        if (path == NULL)
            continue;
        *path++ = '\0';
        query = query_end = strchr(path, '?');
        if (query) {
            query_end += strlen(query);
            *query++ = '\0';
            for (char *at = query; (at = strchr(at, '&'));)
                *at++ = '\0';
        }
        request_make(&self, method, path, pieces);
        request_check(method, path);
    }
    free(text);
    return 0;
}
