/*
 * tests/docker/service_settings.c - reads properties and flat YAML, which is all that docker/ has for servers.
 */
#include "service_settings.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void service_settings_read(service_settings *all, const char *path, const char * not )
{
    char line[300], wanted[90];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        assert_true(all->count < SERVICE_SETTINGS_MAX);
        char *key = all->key[all->count], *value = all->value[all->count];
        if (line[0] == '#' || sscanf(line, "%79[^=: \n]%*[=: ]%79[^\n]", key, value) != 2)
            continue;
        snprintf(wanted, sizeof wanted, " %s ", key);
        all->count += strstr(not, wanted) == NULL;
    }
    fclose(file);
    assert_true(all->count > 2);
}

const char *service_settings_words(const service_settings *all, const char *before)
{
    static char words[SERVICE_SETTINGS_MAX * 200];
    size_t used = 0;
    for (size_t i = 0; i < all->count; i++)
        used += (size_t)snprintf(words + used, sizeof words - used, "%s%s=%s ", before, all->key[i],
                                 all->value[i]);
    assert_true(used < sizeof words);
    return words;
}
