/*
 * tests/docker/service_settings.h - the settings that docker/ gives to a service, for tests that give them to a real one.
 */
#ifndef TESTS_DOCKER_SERVICE_SETTINGS_H
#define TESTS_DOCKER_SERVICE_SETTINGS_H

#include <stddef.h>

enum { SERVICE_SETTINGS_MAX = 40 };

typedef struct service_settings {
    char key[SERVICE_SETTINGS_MAX][80], value[SERVICE_SETTINGS_MAX][80];
    size_t count;
} service_settings;

/* "key=value" or "key: value" a line; the keys that `not` names, each with a blank on either side, stay away. */
void service_settings_read(service_settings *all, const char *path, const char * not );
/* "key=value " for each, with `before` in front of it; until the next call. */
const char *service_settings_words(const service_settings *all, const char *before);

#endif
