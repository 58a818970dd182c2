/*
 * tests/fuzz/http/requests.c - any requests to a job's socket, for libFuzzer: what libmicrohttpd hands over of them, which is a
 * method, a path and a body in pieces. Each is a line of the input, with the number of pieces before it. Every request is
 * answered once, with a status that fits it; only a POST to /stop stops, and not before its answer has left.
 *
 * The library's answering calls are taken by this file; reading bytes off the socket is the library's own.
 */
#define MHD_create_response_from_buffer fuzz_response_make
#define MHD_add_response_header         fuzz_response_header
#define MHD_queue_response              fuzz_response_queue
#define MHD_destroy_response            fuzz_response_done
#include "../../../engine/http/server.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct MHD_Response {
    size_t size;
    char *body;
};

static unsigned answers, stops, asked, last_code;

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
    answers = stops = asked = last_code = 0;
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

static void request_check(const char *method, const char *path)
{
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    bool tells = strcmp(path, "/status") == 0 || strcmp(path, "/batches") == 0, stop = !strcmp(path, "/stop");
    bool fits = (reads && tells) || (stop && strcmp(method, "POST") == 0);
    sl_expect(last_code == (fits ? 200u : tells || stop ? 405u : 404u));
    sl_expect(stops == (fits && stop) && asked == (fits && tells));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static server self = { .calls = { NULL, text_tell, text_tell, stop_take } };
    char *text = malloc(size + 1), *rest = text, *line;
    memcpy(text, data, size);
    text[size] = '\0';
    while ((line = strsep(&rest, "\n"))) {
        unsigned pieces = (unsigned char)line[0] % 4;
        char *method = line[0] ? line + 1 : line, *path = strchr(method, ' ');
        if (path == NULL)
            continue;
        *path++ = '\0';
        request_make(&self, method, path, pieces);
        request_check(method, path);
    }
    free(text);
    return 0;
}
