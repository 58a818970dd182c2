/*
 * tests/support/raw_fetch.c - a connection of its own for each request: it is for tests that look at bytes, not at speed.
 */
#include <arpa/inet.h>
#include <base/failure.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <support/raw_fetch.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { FETCH = 1, VERSION = 4, WAIT_MS = 500, BYTES_MAX = 8 << 20, PATIENCE_S = 20 };

static void number_write(buffer *out, unsigned bytes, int64_t value)
{
    for (; bytes; bytes--)
        buffer_byte(out, (char)((uint64_t)value >> 8 * (bytes - 1)));
}

static void name_write(buffer *out, const char *name)
{
    number_write(out, 2, (int64_t)strlen(name));
    buffer_text(out, name);
}

static int64_t number_read(sl_text *from, unsigned bytes)
{
    uint64_t value = bytes < 8 && from->size && from->at[0] < 0 ? UINT64_MAX : 0;
    sl_expect(from->size >= bytes);
    for (; bytes; bytes--, from->at++, from->size--)
        value = value << 8 | (unsigned char)*from->at;
    return (int64_t)value;
}

static void pass_over(sl_text *from, int64_t bytes)
{
    sl_expect(bytes >= 0 && (size_t)bytes <= from->size);
    from->at += bytes;
    from->size -= (size_t)bytes;
}

static int connection_open(const char *server)
{
    const char *colon = strchr(server, ':');
    sl_expect(colon != NULL);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10)) };
    struct timeval patience = { .tv_sec = PATIENCE_S };
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sl_expect(connect(connection, (struct sockaddr *)&address, sizeof address) == 0);
    return connection;
}

static void receive(int connection, buffer *out, size_t size)
{
    char *at = buffer_reserve(out, size);
    sl_expect(recv(connection, at, size, MSG_WAITALL) == (ssize_t)size);
    out->size += size;
}

static void request_send(int connection, const char *topic, int32_t partition, int64_t offset)
{
    buffer request = { 0 };
    number_write(&request, 4,
                 (int64_t)(2 + 2 + 4 + 2 + 4 + 4 + 4 + 4 + 1 + 4 + 2 + strlen(topic) + 4 + 4 + 8 + 4));
    number_write(&request, 2, FETCH);
    number_write(&request, 2, VERSION);
    number_write(&request, 4, 77); /* correlation */
    name_write(&request, "");      /* client */
    number_write(&request, 4, -1); /* no replica */
    number_write(&request, 4, WAIT_MS);
    number_write(&request, 4, 1); /* byte at least */
    number_write(&request, 4, BYTES_MAX);
    number_write(&request, 1, 0); /* read uncommitted */
    number_write(&request, 4, 1);
    name_write(&request, topic);
    number_write(&request, 4, 1);
    number_write(&request, 4, partition);
    number_write(&request, 8, offset);
    number_write(&request, 4, BYTES_MAX);
    sl_expect(send(connection, request.at, request.size, MSG_NOSIGNAL) == (ssize_t)request.size);
    buffer_done(&request);
}

int raw_fetch(const char *server, const char *topic, int32_t partition, int64_t offset, buffer *out)
{
    int connection = connection_open(server);
    buffer response = { 0 };
    request_send(connection, topic, partition, offset);
    receive(connection, &response, 4);
    sl_text rest = { response.at, 4 };
    size_t size = (size_t)number_read(&rest, 4);
    response.size = 0;
    receive(connection, &response, size);
    close(connection);

    rest = (sl_text){ response.at, response.size };
    sl_expect(number_read(&rest, 4) == 77);
    number_read(&rest, 4); /* throttle time */
    sl_expect(number_read(&rest, 4) == 1);
    pass_over(&rest, number_read(&rest, 2)); /* topic */
    sl_expect(number_read(&rest, 4) == 1);
    number_read(&rest, 4); /* partition */
    int error = (int)number_read(&rest, 2);
    number_read(&rest, 8); /* high watermark */
    number_read(&rest, 8); /* last stable offset */
    int64_t aborted = number_read(&rest, 4);
    pass_over(&rest, aborted > 0 ? aborted * 16 : 0);
    int64_t bytes = number_read(&rest, 4);
    out->size = 0;
    if (bytes > 0) {
        sl_expect((size_t)bytes <= rest.size);
        buffer_append(out, rest.at, (size_t)bytes);
    }
    buffer_done(&response);
    return error;
}
