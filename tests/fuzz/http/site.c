/*
 * tests/fuzz/http/site.c - any requests to a job's pages, for libFuzzer: what libmicrohttpd hands over of them, a method, a path, a
 * Host, a token and arguments, each request a line of the input. Every request is answered once; without the token, or by the name
 * of another host, nothing is told; Spark's REST answers 200 or 404 and never anything else.
 *
 *     GET /api/v1/applications/listens/streaming/batches|localhost|s3cret|status=QUEUED
 */
#define MHD_create_response_from_buffer fuzz_response_make
#define MHD_add_response_header         fuzz_response_header
#define MHD_queue_response              fuzz_response_queue
#define MHD_destroy_response            fuzz_response_done
#define MHD_lookup_connection_value     fuzz_value
#define MHD_get_connection_values       fuzz_values
#include "../../../engine/http/site.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct MHD_Response {
    size_t size;
};

static const char *host, *token, *name, *value;
static unsigned answers, last_code;

struct MHD_Response *fuzz_response_make(size_t size, void *bytes, enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *made = memory_new(sizeof *made);
    sl_expect(mode == MHD_RESPMEM_MUST_COPY && (bytes || size == 0));
    made->size = size;
    return made;
}

enum MHD_Result fuzz_response_header(struct MHD_Response *response, const char *header, const char *text)
{
    sl_expect(response && strlen(header) > 0 && strlen(text) > 0);
    return MHD_YES;
}

enum MHD_Result fuzz_response_queue(struct MHD_Connection *connection, unsigned code,
                                    struct MHD_Response *response)
{
    (void)connection;
    (void)response;
    answers++;
    last_code = code;
    return MHD_YES;
}

void fuzz_response_done(struct MHD_Response *response)
{
    free(response);
}

const char *fuzz_value(struct MHD_Connection *connection, enum MHD_ValueKind kind, const char *wanted)
{
    (void)connection;
    if (kind == MHD_GET_ARGUMENT_KIND)
        return name && strcmp(name, wanted) == 0 ? value : strcmp(wanted, "token") == 0 ? token : NULL;
    return strcmp(wanted, "Host") == 0 ? host : NULL;
}

int fuzz_values(struct MHD_Connection *connection, enum MHD_ValueKind kind, MHD_KeyValueIterator each,
                void *argument)
{
    (void)connection;
    return name ? each(argument, kind, name, value) == MHD_YES : 0;
}

static void text_tell(void *argument, buffer *out)
{
    (void)argument;
    buffer_text(out, "{}\n");
}

static bool ready_say(void *argument, buffer *why)
{
    (void)argument;
    buffer_text(why, "\"no\"");
    return false;
}

static bool page_none(void *argument, const char *path, buffer *body, const char **type)
{
    (void)argument;
    (void)path;
    (void)body;
    (void)type;
    return false;
}

/* Parts of a line, by '|'; those that are not there are NULL. */
static void line_run(site *self, char *line)
{
    char *method = strsep(&line, " "), *path = strsep(&line, "|");
    void *state = NULL;
    size_t none = 0;
    host = strsep(&line, "|");
    token = strsep(&line, "|");
    name = strsep(&line, "=");
    value = line;
    if (path == NULL)
        return;
    answers = last_code = 0;
    sl_expect(request(self, NULL, path, method, "HTTP/1.1", NULL, &none, &state) == MHD_YES && state);
    sl_expect(request(self, NULL, path, method, "HTTP/1.1", NULL, &none, &state) == MHD_YES && answers == 1);
    bool knows = token && strcmp(token, "s3cret") == 0;
    if (name && strcmp(name, "token") == 0)
        knows = value && strcmp(value, "s3cret") == 0;
    sl_expect(self->token == NULL || knows || last_code == 401);
    if (strncmp(path, "/api/v1", 7) == 0 && strcmp(method, "GET") == 0)
        sl_expect(last_code == 200 || last_code == 404 || last_code == 401 || last_code == 403);
}

static recent *recent_made(void)
{
    static const sl_range range = { "realtime", 0, 0, 10, 12, 0 };
    static const sl_output_info output = { .name = "documents", .description = "null" };
    recent *made = recent_new("listens", 10);
    recent_listener.on_streaming_started(made, &(sl_start_info){ "listens", 1000, 2000, 2, 0, &output, 1 });
    sl_batch_info batch = { .job = "listens", .batch_id = 1, .batch_time_ms = 2000, .interval_ms = 2000 };
    batch.ranges = &range;
    batch.range_count = 1;
    recent_listener.on_batch_submitted(made, &batch);
    batch.state = SL_BATCH_COMPLETED;
    recent_listener.on_batch_completed(made, &batch);
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char secret[] = "s3cret", user[] = "me";
    static recent *kept;
    kept = kept ? kept : recent_made();
    site open = { .recent = kept, .user = user, .version = user, .home = "/", .loopback = true };
    open.calls = (site_calls){ NULL, text_tell, text_tell, text_tell, ready_say, page_none };
    site closed = open;
    closed.token = secret;
    char *text = malloc(size + 1), *rest = text, *line;
    memcpy(text, data, size);
    text[size] = '\0';
    while ((line = strsep(&rest, "\n")))
        line_run(line[0] == '!' ? &closed : &open, line[0] == '!' ? line + 1 : line);
    free(text);
    return 0;
}
