/*
 * clients/redis_address.c - redis.url taken apart. A failure never shows the value: it may hold a password.
 */
#include <base/memory.h>
#include <clients/redis.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_USUAL = 6379 };

static bool server_parse(const char *at, redis_address *address);

sl_result redis_address_parse(const char *url, redis_address *address, failure *failure)
{
    *address = (redis_address){ .port = PORT_USUAL };
    if (url == NULL)
        return fail(failure, SL_USAGE, "redis.url is not set");
    if (strncmp(url, "rediss://", 9) == 0)
        return fail(
            failure, SL_USAGE,
            "redis.url: rediss:// asks for TLS, which this version of hiredis has not; put a tunnel (stunnel, "
            "haproxy) before the server and use redis:// or unix://");
    if (strncmp(url, "unix:///", 8) == 0 && url[8]) {
        address->path = memory_text(url + 7);
        return SL_OK;
    }
    if (strncmp(url, "redis://", 8) == 0 && server_parse(url + 8, address))
        return SL_OK;
    redis_address_done(address);
    return fail(
        failure, SL_USAGE,
        "redis.url is neither redis://[user:password@]host[:port][/database] nor unix:///path/to.sock");
}

void redis_address_done(redis_address *address)
{
    free(address->host);
    free(address->path);
    free(address->user);
    free(address->password);
    *address = (redis_address){ 0 };
}

static int hex_digit(char digit)
{
    const char *digits = "0123456789abcdef";
    const char *found = digit ? strchr(digits, digit >= 'A' && digit <= 'F' ? digit + 32 : digit) : NULL;
    return found ? (int)(found - digits) : -1;
}

static char *part_decode(const char *at, size_t size)
{
    char *text = memory_new(size + 1), *to = text;
    for (size_t i = 0; i < size; i++) {
        bool coded = at[i] == '%' && i + 2 < size && hex_digit(at[i + 1]) >= 0 && hex_digit(at[i + 2]) >= 0;
        *to++ = coded ? (char)(hex_digit(at[i + 1]) * 16 + hex_digit(at[i + 2])) : at[i];
        i += coded ? 2 : 0;
    }
    return text;
}

static char *part_copy(const char *at, size_t size)
{
    char *text = memory_new(size + 1);
    memcpy(text, at, size);
    return text;
}

static bool number_parse(const char *at, size_t size, int most, int *number)
{
    int value = 0;
    for (size_t i = 0; i < size; i++) {
        if (at[i] < '0' || at[i] > '9' || value > most)
            return false;
        value = value * 10 + (at[i] - '0');
    }
    *number = value;
    return size > 0 && value <= most;
}

static void login_parse(const char *at, size_t size, redis_address *address)
{
    const char *colon = memchr(at, ':', size);
    size_t user = colon ? (size_t)(colon - at) : size;
    if (colon == NULL) /* as redis-cli reads it: a password alone */
        address->password = part_decode(at, size);
    else
        address->password = part_decode(colon + 1, size - user - 1);
    if (colon && user)
        address->user = part_decode(at, user);
}

static bool host_parse(const char *at, size_t size, redis_address *address)
{
    const char *bracket = at[0] == '[' ? memchr(at, ']', size) : NULL; /* [::1]:6379 */
    const char *from = bracket ? bracket : at;
    const char *colon = memchr(from, ':', size - (size_t)(from - at));
    size_t host = colon ? (size_t)(colon - at) : size;
    if (colon && !number_parse(colon + 1, size - host - 1, 65535, &address->port))
        return false;
    if (bracket && (host != (size_t)(bracket - at) + 1 || host < 3))
        return false;
    address->host = bracket ? part_copy(at + 1, host - 2) : part_copy(at, host);
    return host > 0;
}

static bool server_parse(const char *at, redis_address *address)
{
    size_t size = strcspn(at, "/"), login = size;
    while (login > 0 && at[login - 1] != '@') /* the last one: a password may hold it */
        login--;
    if (login)
        login_parse(at, login - 1, address);
    if (!host_parse(at + login, size - login, address))
        return false;
    const char *rest = at + size;
    return rest[0] == '\0' || rest[1] == '\0' ||
           number_parse(rest + 1, strlen(rest + 1), 65535, &address->database);
}
