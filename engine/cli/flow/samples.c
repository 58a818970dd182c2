/*
 * cli/flow/samples.c - a line is a name, labels in braces or none, and a number; the text is cut in place.
 */
#include <cli/flow/samples.h>
#include <stdio.h>
#include <stdlib.h>

/* The brace that ends the labels: one inside quotes is part of a value. */
static char *labels_end(char *at)
{
    bool quoted = false;
    for (; *at; at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
        else if (*at == '}' && !quoted)
            return at;
    }
    return NULL;
}

static void line_read(samples *self, char *line)
{
    char *end = line + strcspn(line, "{ \t"), *value = end, *stop;
    sample sample = { .name = line, .labels = "" };
    if (line[0] == '#' || end == line)
        return;
    if (*end == '{') {
        char *brace = labels_end(end + 1);
        if (brace == NULL)
            return;
        *brace = '\0';
        sample.labels = end + 1;
        value = brace + 1;
    } else if (*end) {
        value = end + 1;
    }
    sample.value = strtod(value, &stop);
    if (stop == value)
        return;
    *end = '\0';
    buffer_append(&self->list, &sample, sizeof sample);
    self->count++;
}

void samples_read(samples *self, sl_text text)
{
    self->text.size = self->list.size = self->count = 0;
    buffer_append(&self->text, text.at, text.size);
    buffer_byte(&self->text, '\0');
    for (char *line = self->text.at, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        line_read(self, line);
    }
}

void samples_done(samples *self)
{
    buffer_done(&self->text);
    buffer_done(&self->list);
    self->count = 0;
}

const sample *samples_at(const samples *self, size_t i)
{
    return (const sample *)(const void *)self->list.at + i;
}

static bool is_meant(const sample *sample, const char *name, const char *label)
{
    return strcmp(sample->name, name) == 0 && (label == NULL || strstr(sample->labels, label));
}

double samples_sum(const samples *self, const char *name, const char *label)
{
    double sum = 0;
    for (size_t i = 0; i < self->count; i++)
        if (is_meant(samples_at(self, i), name, label))
            sum += samples_at(self, i)->value;
    return sum;
}

double samples_most(const samples *self, const char *name, const char *label)
{
    double most = 0;
    for (size_t i = 0; i < self->count; i++)
        if (is_meant(samples_at(self, i), name, label) && samples_at(self, i)->value > most)
            most = samples_at(self, i)->value;
    return most;
}

bool samples_have(const samples *self, const char *name, const char *label)
{
    for (size_t i = 0; i < self->count; i++)
        if (is_meant(samples_at(self, i), name, label))
            return true;
    return false;
}

const char *sample_label(const sample *sample, const char *label, char *at, size_t room)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "%s=\"", label);
    const char *found = strstr(sample->labels, wanted);
    size_t size = 0;
    found = found ? found + strlen(wanted) : "";
    while (found[size] && found[size] != '"')
        size++;
    snprintf(at, room, "%.*s", (int)size, found);
    return at;
}
