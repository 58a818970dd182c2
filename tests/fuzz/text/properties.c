/*
 * tests/fuzz/text/properties.c - any bytes as a properties file, for libFuzzer; each of its lines also as a duration, a size, a
 * time and an address of Redis. A value that was taken is printed and read back as the same.
 */
#include <base/folder.h>
#include <clients/redis.h>
#include <settings.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void values_try(const char *text)
{
    failure failure = { 0 };
    redis_address address = { 0 };
    int64_t ms = -1;
    size_t bytes = 0;
    sl_expect((duration_parse(text, &ms, &failure) == SL_OK) == (ms >= 0));
    failure_clear(&failure);
    bytes_parse(text, &bytes, &failure);
    failure_clear(&failure);
    time_parse(text, &ms, &failure);
    failure_clear(&failure);
    if (redis_address_parse(text, &address, &failure) == SL_OK) {
        sl_expect((address.host != NULL) != (address.path != NULL));
        redis_address_done(&address);
    }
}

static void lines_try(const char *bytes, size_t size)
{
    char line[4200];
    for (size_t from = 0, i = 0; i <= size; i++) {
        if (i < size && bytes[i] != '\n')
            continue;
        size_t length = i - from < sizeof line ? i - from : sizeof line - 1;
        memcpy(line, bytes + from, length);
        line[length] = '\0';
        values_try(line);
        from = i + 1;
    }
}

/* What --explain would say. */
static void settings_print(const settings *settings)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    settings_explain(settings, out);
    fclose(out);
    sl_expect(size > 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *path;
    failure failure = { 0 };
    if (path == NULL) {
        folder_open();
        path = strdup(folder_path("properties"));
    }
    FILE *file = fopen(path, "w");
    sl_expect(file && fwrite(data, 1, size, file) == size);
    fclose(file);
    settings *settings = settings_new();
    settings_add(settings, "trial", engine_settings);
    settings_pass(settings, "kafka.");
    sl_result result = settings_file(settings, path, &failure);
    sl_expect((result == SL_OK) == (failure.text[0] == '\0'));
    settings_print(settings);
    settings_free(settings);
    lines_try((const char *)data, size);
    return 0;
}
