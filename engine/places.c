/*
 * places.c - "NAME=URI" options and URIs: "kind:target", or the bare kind.
 */
#include <base/memory.h>
#include <places.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS_MAX = 64 };

static bool kind_is(const char *name, const char *uri, const char **target)
{
    size_t size = strlen(name);
    if (strncmp(uri, name, size) != 0 || (uri[size] != ':' && uri[size] != '\0'))
        return false;
    *target = uri[size] ? uri + size + 1 : uri + size;
    return true;
}

static sl_result kind_unknown(const char *what, const char *uri, const char *const *names, size_t count,
                              failure *failure)
{
    char word[64];
    size_t size = strcspn(uri, ":");
    size = size < sizeof word ? size : sizeof word - 1;
    memcpy(word, uri, size);
    word[size] = '\0';
    const char *nearest = nearest_word(word, names, count);
    return fail(failure, SL_USAGE, "%s: there is no kind of place \"%s\"%s%s%s", what, word,
                nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

/* source_find(), lookup_find(), sink_find(): the kind that a URI begins with, and what follows; NULL with a failure. */
#define DEFINE_FIND(room)                                                                                    \
    static const room##_kind *room##_find(const char *uri, const char *what, const char **target,            \
                                          failure *failure)                                                  \
    {                                                                                                        \
        const char *names[KINDS_MAX];                                                                        \
        size_t count = 0;                                                                                    \
        for (; room##_kinds[count] && count < KINDS_MAX; count++) {                                          \
            names[count] = room##_kinds[count]->name;                                                        \
            if (kind_is(names[count], uri, target))                                                          \
                return room##_kinds[count];                                                                  \
        }                                                                                                    \
        kind_unknown(what, uri, names, count, failure);                                                      \
        return NULL;                                                                                         \
    }
DEFINE_FIND(source)
DEFINE_FIND(lookup)
DEFINE_FIND(sink)

/* The URI of the i-th option of this list that gives `name` a place; NULL: there are no more. */
static const char *uri_given(const settings *settings, const char *list, const char *name, size_t *i)
{
    size_t size = strlen(name), count = settings_count(settings, list);
    for (; *i < count; (*i)++) {
        const char *item = settings_item(settings, list, *i);
        if (strncmp(item, name, size) == 0 && item[size] == '=')
            return settings_item(settings, list, (*i)++) + size + 1;
    }
    return NULL;
}

static sl_result names_check(const settings *settings, const char *list, const char *flag,
                             const char *const *names, size_t count, failure *failure)
{
    for (size_t i = 0; i < settings_count(settings, list); i++) {
        const char *item = settings_item(settings, list, i), *equals = strchr(item, '=');
        if (equals == NULL)
            return fail(failure, SL_USAGE, "%s %s: write it as NAME=URI, as in %s %s=%s", flag, item, flag,
                        count ? names[0] : "NAME", !strcmp(flag, "--to") ? "file:out" : "kafka:realtime");
        size_t size = (size_t)(equals - item), n = 0;
        char *name = memory_text(item);
        name[size] = '\0';
        while (n < count && strcmp(names[n], name) != 0)
            n++;
        const char *nearest = n < count ? NULL : nearest_word(name, names, count);
        if (n == count)
            fail(failure, SL_USAGE, "%s %s: the job has no \"%s\"%s%s%s", flag, item, name,
                 nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
        free(name);
        SL_TRY(failure->result);
    }
    return SL_OK;
}

static sl_result names_check_all(const sl_plan *plan, const settings *settings, failure *failure)
{
    const char *reads[PLAN_NODES_MAX], *writes[PLAN_NODES_MAX + 1];
    size_t read_count = 0, write_count = 0;
    for (uint32_t i = 0; i < plan->count; i++) {
        const plan_node *node = &plan->nodes[i];
        if (node->kind == PLAN_SOURCE || node->kind == PLAN_LOOK_UP)
            reads[read_count++] = node->name;
        if (node->kind == PLAN_OUTPUT)
            writes[write_count++] = node->name;
    }
    writes[write_count++] = "dead_letters";
    SL_TRY(names_check(settings, "input.from", "--from", reads, read_count, failure));
    return names_check(settings, "output.to", "--to", writes, write_count, failure);
}

static sl_result output_find(const settings *settings, const char *name, const char *const *usual,
                             output_places *found, failure *failure)
{
    size_t given = 0;
    const char *uri = uri_given(settings, "output.to", name, &given);
    bool own = uri == NULL;
    for (size_t i = 0; (uri = own ? (i < 4 ? usual[i] : NULL) : uri) != NULL; i++) {
        if (found->count == PLACES_MAX)
            return fail(failure, SL_USAGE, "--to: \"%s\" has more than %d places", name, PLACES_MAX);
        output_place *place = &found->at[found->count++];
        place->uri = uri;
        place->kind = sink_find(uri, name, &place->target, failure);
        SL_TRY(failure->result);
        if (!own)
            uri = uri_given(settings, "output.to", name, &given);
    }
    return SL_OK;
}

/* --topic stands for the first input. */
static const char *topic_given(const sl_plan *plan, uint32_t i, const settings *settings)
{
    return i == 0 && plan->nodes[i].kind == PLAN_SOURCE ? settings_text(settings, "input.topic") : NULL;
}

/* What the user gave wins, then --topic, then what the job drew: in tests memory. */
static sl_result input_find(const char *name, const char *given, const char *topic, const char *usual,
                            input_place *found, failure *failure)
{
    const char *uri = given ? given : topic ? "kafka" : usual;
    found->kind = source_find(uri, name, &found->target, failure);
    if (given == NULL && topic)
        found->target = topic;
    return failure->result;
}

static sl_result node_find(const sl_plan *plan, uint32_t i, const settings *settings, bool memory,
                           places *places, failure *failure)
{
    const plan_node *node = &plan->nodes[i];
    const char *const in_memory[4] = { "memory" };
    size_t next = 0;
    const char *given = uri_given(settings, "input.from", node->name, &next);
    if (node->kind == PLAN_SOURCE)
        return input_find(node->name, given, topic_given(plan, i, settings),
                          memory ? in_memory[0] : node->as.from.from, &places->inputs[i], failure);
    if (node->kind == PLAN_LOOK_UP)
        places->lookups[i].kind = lookup_find(given    ? given
                                              : memory ? in_memory[0]
                                                       : node->as.look_up.from,
                                              node->name, &places->lookups[i].target, failure);
    if (node->kind == PLAN_OUTPUT)
        return output_find(settings, node->name, memory ? in_memory : node->as.output.to, &places->outputs[i],
                           failure);
    return failure->result;
}

sl_result places_find(const sl_plan *plan, const settings *settings, bool memory, const char *dead,
                      places *places, failure *failure)
{
    const char *const dead_usual[4] = { dead };
    *places = (struct places){ 0 };
    SL_TRY(names_check_all(plan, settings, failure));
    for (uint32_t i = 0; i < plan->count; i++)
        SL_TRY(node_find(plan, i, settings, memory, places, failure));
    return output_find(settings, "dead_letters", dead_usual, &places->dead_letters, failure);
}
