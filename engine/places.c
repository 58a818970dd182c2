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

/* The names that a list of options may give a place. */
typedef struct known_names {
    const char *list, *flag, *example;
    const char *at[PLAN_NODES_MAX + 1];
    size_t count;
} known_names;

static sl_result item_check(const known_names *known, const char *item, failure *failure)
{
    const char *equals = strchr(item, '=');
    if (equals == NULL)
        return fail(failure, SL_USAGE, "%s %s: write it as NAME=URI, as in %s %s=%s", known->flag, item,
                    known->flag, known->count ? known->at[0] : "NAME", known->example);
    size_t n = 0;
    char *name = memory_text(item);
    name[equals - item] = '\0';
    while (n < known->count && strcmp(known->at[n], name) != 0)
        n++;
    const char *nearest = n < known->count ? NULL : nearest_word(name, known->at, known->count);
    if (n == known->count)
        fail(failure, SL_USAGE, "%s %s: the job has no \"%s\"%s%s%s", known->flag, item, name,
             nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    free(name);
    return failure->result;
}

static sl_result names_check(const settings *settings, const known_names *known, failure *failure)
{
    for (size_t i = 0; i < settings_count(settings, known->list); i++)
        SL_TRY(item_check(known, settings_item(settings, known->list, i), failure));
    return SL_OK;
}

static sl_result names_check_all(const places_spec *spec, failure *failure)
{
    known_names reads = { "input.from", "--from", "kafka:realtime", { NULL }, 0 };
    known_names writes = { "output.to", "--to", "file:out", { NULL }, 0 };
    for (uint32_t i = 0; i < spec->plan->count; i++) {
        const plan_node *node = &spec->plan->nodes[i];
        if (node->kind == PLAN_SOURCE || node->kind == PLAN_LOOK_UP)
            reads.at[reads.count++] = node->name;
        if (node->kind == PLAN_OUTPUT)
            writes.at[writes.count++] = node->name;
    }
    writes.at[writes.count++] = "dead_letters";
    SL_TRY(names_check(spec->settings, &reads, failure));
    return names_check(spec->settings, &writes, failure);
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

/* What the user gave wins, then --topic, which stands for the first input, then what the job drew: in tests memory. */
static sl_result input_find(const places_spec *spec, uint32_t i, const char *given, input_place *found,
                            failure *failure)
{
    const plan_node *node = &spec->plan->nodes[i];
    const char *topic = i == 0 && given == NULL ? settings_text(spec->settings, "input.topic") : NULL;
    const char *usual = spec->memory ? "memory" : node->as.from.from;
    found->kind = source_find(given ? given : topic ? "kafka" : usual, node->name, &found->target, failure);
    if (topic)
        found->target = topic;
    return failure->result;
}

static sl_result node_find(const places_spec *spec, uint32_t i, places *places, failure *failure)
{
    const plan_node *node = &spec->plan->nodes[i];
    const char *const in_memory[4] = { "memory" };
    size_t next = 0;
    const char *given = uri_given(spec->settings, "input.from", node->name, &next);
    if (node->kind == PLAN_SOURCE)
        return input_find(spec, i, given, &places->inputs[i], failure);
    if (node->kind == PLAN_LOOK_UP) {
        const char *usual = spec->memory ? in_memory[0] : node->as.look_up.from;
        places->lookups[i].kind =
            lookup_find(given ? given : usual, node->name, &places->lookups[i].target, failure);
    }
    if (node->kind == PLAN_OUTPUT)
        return output_find(spec->settings, node->name, spec->memory ? in_memory : node->as.output.to,
                           &places->outputs[i], failure);
    return failure->result;
}

sl_result places_find(const places_spec *spec, places *places, failure *failure)
{
    const char *const dead_usual[4] = { spec->dead };
    *places = (struct places){ 0 };
    SL_TRY(names_check_all(spec, failure));
    for (uint32_t i = 0; i < spec->plan->count; i++)
        SL_TRY(node_find(spec, i, places, failure));
    return output_find(spec->settings, "dead_letters", dead_usual, &places->dead_letters, failure);
}
