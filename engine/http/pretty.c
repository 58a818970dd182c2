/*
 * http/pretty.c - objects have a line for each member, arrays one line for all that stands directly in them.
 */
#include <base/clock.h>
#include <base/failure.h>
#include <http/pretty.h>
#include <inttypes.h>
#include <math.h>
#include <records/document.h>
#include <stdio.h>
#include <stdlib.h>

static void indent(pretty *self)
{
    buffer_print(self->out, "\n%*s", (int)(2 * self->objects), "");
}

/* What stands before a value. */
static void value_begin(pretty *self, const char *name)
{
    bool first = !self->filled[self->depth];
    self->filled[self->depth] = true;
    if (name) {
        buffer_text(self->out, first ? "" : ",");
        indent(self);
        json_string(self->out, (sl_text){ name, strlen(name) });
        buffer_text(self->out, " : ");
    } else if (self->depth) {
        buffer_text(self->out, first ? "" : ", ");
    }
}

static void container_open(pretty *self)
{
    sl_expect(self->depth + 1 < PRETTY_DEPTH_MAX);
    self->filled[++self->depth] = false;
}

void pretty_object(pretty *self, const char *name)
{
    value_begin(self, name);
    buffer_byte(self->out, '{');
    container_open(self);
    self->objects++;
}

void pretty_object_end(pretty *self)
{
    bool filled = self->filled[self->depth--];
    self->objects--;
    if (filled)
        indent(self);
    buffer_text(self->out, filled ? "}" : " }");
}

void pretty_array(pretty *self, const char *name)
{
    value_begin(self, name);
    buffer_text(self->out, "[ ");
    container_open(self);
}

void pretty_array_end(pretty *self)
{
    buffer_text(self->out, self->filled[self->depth--] ? " ]" : "]");
}

void pretty_text(pretty *self, const char *name, const char *value)
{
    value_begin(self, name);
    json_string(self->out, (sl_text){ value, strlen(value) });
}

void pretty_number(pretty *self, const char *name, int64_t value)
{
    value_begin(self, name);
    buffer_print(self->out, "%" PRId64, value);
}

/* Digits of "0.00025" that count: 2. */
static int significant(const char *digits)
{
    int count = 0;
    for (const char *at = digits + strcspn(digits, "123456789"); *at; at++)
        count += *at != '.';
    return count;
}

/* The shortest digits that mean the same number, and always a point. */
void pretty_real(pretty *self, const char *name, double value)
{
    char digits[40];
    value_begin(self, name);
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    bool small = value != 0 && fabs(value) < 1e-3;
    if (small && strchr(digits, 'e') == NULL) /* Java has an exponent there */
        snprintf(digits, sizeof digits, "%.*e", significant(digits) - 1, value);
    else if (!small && fabs(value) < 1e7 && strchr(digits, 'e')) /* and none here */
        snprintf(digits, sizeof digits, "%.1f", value);
    char *exponent = strchr(digits, 'e');
    if (exponent) /* "1.5E7" */
        buffer_print(self->out, "%.*s%sE%d", (int)(exponent - digits), digits,
                     memchr(digits, '.', (size_t)(exponent - digits)) ? "" : ".0",
                     (int)strtol(exponent + 1, NULL, 10));
    else
        buffer_print(self->out, "%s%s", digits, strchr(digits, '.') ? "" : ".0");
}

void pretty_flag(pretty *self, const char *name, bool value)
{
    value_begin(self, name);
    buffer_text(self->out, value ? "true" : "false");
}

void pretty_date(pretty *self, const char *name, int64_t ms)
{
    char time[25];
    value_begin(self, name);
    clock_iso(ms, time);
    buffer_print(self->out, "\"%.23sGMT\"", time);
}
