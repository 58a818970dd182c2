/*
 * tests/sources/shared/fetch_spec.h - what our own reader makes of settings, as tests give them.
 */
#ifndef SOURCES_SHARED_FETCH_SPEC_H
#define SOURCES_SHARED_FETCH_SPEC_H

#include <servers/topic.h>
#include <sources/kafka/spec.h>

/* `pairs`: key, value, ..., NULL. */
static inline settings *fetch_settings(const char *servers, const char *const *pairs)
{
    settings *settings = topic_settings(servers);
    failure failure = { 0 };
    for (; pairs && *pairs; pairs += 2)
        sl_expect(settings_set(settings, pairs[0], pairs[1], "test", &failure) == SL_OK);
    return settings;
}

static inline sl_result fetch_spec_try(const char *servers, const char *const *pairs, kafka_spec **spec,
                                       buffer *why, failure *failure)
{
    settings *settings = fetch_settings(servers, pairs);
    kafka_client_spec client = {
        .role = KAFKA_CONSUMER, .settings = settings, .job = "trial", .bytes_max = 1 << 27
    };
    sl_result result = kafka_spec_new(&client, spec, why, failure);
    settings_free(settings);
    return result;
}

/* It has to work. */
static inline kafka_spec *fetch_spec(const char *servers, const char *const *pairs)
{
    kafka_spec *spec = NULL;
    buffer why = { 0 };
    failure failure = { 0 };
    sl_expect(fetch_spec_try(servers, pairs, &spec, &why, &failure) == SL_OK && spec != NULL);
    buffer_done(&why);
    return spec;
}

#endif
