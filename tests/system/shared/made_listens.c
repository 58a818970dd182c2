/*
 * tests/system/shared/made_listens.c - listens made up, and sent.
 */
#include <base/memory.h>
#include <servers/topic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <system/shared/made_listens.h>
#include <time.h>

enum { LARGEST = 65536, BAD_PER_MILLE = 120 };

/* Each %d is the listen's number. */
typedef struct malformed {
    const char *form, *reason, *detail;
} malformed;

static const malformed malformed_forms[] = {
    { "%d,1,2,\"2014-10-23 03:26:20\",0,\"\xff\"", "not_utf8", "line" },
    { "%d,1,\xc0\x80,\"2014-10-23 03:26:20\",0,\"1\"", "not_utf8", "line" },
    { "%d,\xed\xa0\x80,2,\"2014-10-23 03:26:20\",0,\"1\"", "not_utf8", "line" },
    { "\"%d,1,\xfe", "not_utf8", "line" }, /* and a quote never closed: the first rule counts */
    { "%d,1\"3,2,\"2014-10-23 03:26:20\",0,\"1\"", "bad_quote", "line" },
    { "\"%d\"x,1,2,\"2014-10-23 03:26:20\",0,\"1\"", "bad_quote", "line" },
    { " \"%d\",1,2,\"2014-10-23 03:26:20\",0,\"1\"", "bad_quote", "line" },
    { "%d,1,2,\"2014-10-23 03:26:20,0,1", "bad_quote", "line" },
    { "", "field_count", "line" },
    { "\r\n", "field_count", "line" },
    { "%d,1,2,\"2014-10-23 03:26:20\",0", "field_count", "line" },
    { "%d,1,2,\"2014-10-23 03:26:20\",0,\"1\",", "field_count", "line" },
    { "x,,,y,2,12345678901234567890", "bad_number", "event_id" },
    { ",1,2,\"2014-10-23 03:26:20\",0,\"1\"", "bad_number", "event_id" },
    { "-%d,1,2,\"2014-10-23 03:26:20\",0,\"1\"", "bad_number", "event_id" },
    { "+%d,1,2,\"2014-10-23 03:26:20\",0,\"1\"", "bad_number", "event_id" },
    { "%d.0,1,2,\"2014-10-23 03:26:20\",0,\"1\"", "bad_number", "event_id" },
    { "1 %d,1,2,\"2014-10-23 03:26:20\",0,\"1\"", "bad_number", "event_id" },
    { "9223372036854775808,1,2,\"2014-10-23 03:26:20\",0,\"1\"", "bad_number", "event_id" },
    { "\xd9\xa1,1,2,\"2014-10-23 03:26:20\",0,\"1\"", "bad_number", "event_id" },
    { "%d,,2,\"2014-10-23 03:26:20\",0,\"1\"", "empty_field", "customer_id" },
    { "%d,\" \t\",2,\"2014-10-23 03:26:20\",0,\"1\"", "empty_field", "customer_id" },
    { "%d,1,,\"2014-10-23 03:26:20\",0,\"1\"", "empty_field", "track_id" },
    { "%d,12345678901234567890123456789012345678901234567890123456789012345,2,\"2014-10-23 03:26:20\",0,1",
      "too_long", "customer_id" },
    { "%d,1,12345678901234567890123456789012345678901234567890123456789012345,\"2014-10-23 03:26:20\",0,1",
      "too_long", "track_id" },
    { "%d,1,2,,0,\"1\"", "bad_datetime", "datetime" },
    { "%d,1,2,\"2014-13-01 00:00:00\",0,\"1\"", "bad_datetime", "datetime" },
    { "%d,1,2,\"2014-02-29 00:00:00\",0,\"1\"", "bad_datetime", "datetime" },
    { "%d,1,2,\"1900-02-29 00:00:00\",0,\"1\"", "bad_datetime", "datetime" },
    { "%d,1,2,\"2014-10-23T03:26:20\",0,\"1\"", "bad_datetime", "datetime" },
    { "%d,1,2,\"0000-01-01 00:00:00\",0,\"1\"", "bad_datetime", "datetime" },
    { "%d,1,2,\" 2014-10-23 03:26:20\",0,\"1\"", "bad_datetime", "datetime" },
    { "%d,1,2,\"2014-10-23 24:00:00\",0,\"1\"", "bad_datetime", "datetime" },
    { "%d,1,2,\"2014-10-23 23:59:60\",0,\"1\"", "bad_datetime", "datetime" },
    { "%d,1,2,\"2014-10-23 3:26:20\",7,\"1\"", "bad_datetime", "datetime" },
    { "%d,1,2,\"2014-10-23 03:26:20\",2,\"1\"", "bad_flag", "ismobile" },
    { "%d,1,2,\"2014-10-23 03:26:20\",,\"1\"", "bad_flag", "ismobile" },
    { "%d,1,2,\"2014-10-23 03:26:20\",01,\"12345678901234567\"", "bad_flag", "ismobile" },
    { "%d,1,2,\"2014-10-23 03:26:20\",1,\"12345678901234567\"", "too_long", "listening_zip_code" },
};

/* A good listen: number, customer, track, datetime, mobile, zip. Plain forms take no quote and no comma. */
static const char *const plain_forms[] = {
    "%lld,%s,%s,\"%s\",%d,\"%s\"",
    "\"%lld\",\"%s\",\"%s\",\"%s\",\"%d\",\"%s\"\r\n",
    "\t%lld , %s ,%s\t,%s, %d ,%s\n",
    "000%lld,\" %s\",\"%s \t\",%s,\"%d \",%s\r",
};

static const char *const special_customers[] = { "a-b",
                                                 "50%",
                                                 "x y",
                                                 "\xc3\xa9\xe2\x98\x83",
                                                 "nobody",
                                                 "no-one",
                                                 "with-no-gender",
                                                 "with-a-bad-age",
                                                 "with-no-zip",
                                                 "a-text" };
static const char *const special_tracks[] = { "T-1", "5%", "10", "9", "long player", "\xf0\x9d\x84\x9e" };
static const char *const datetimes[] = { "2014-10-23 03:26:20", "2016-02-29 23:59:59", "0001-01-01 00:00:00",
                                         "9999-12-31 12:00:00" };

#define COUNT(array) (sizeof(array) / sizeof *(array))

static unsigned draw(made_listens *all, unsigned below)
{
    all->seed ^= all->seed << 13;
    all->seed ^= all->seed >> 7;
    all->seed ^= all->seed << 17;
    return (unsigned)(all->seed >> 20) % below;
}

void made_listens_begin(made_listens *all, int32_t partitions)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    /* Not long ago: brokers delete what is old, and refuse what is to come. */
    *all =
        (made_listens){ .partitions = partitions, .seed = 20141023, .start_ms = now.tv_sec * 1000 - 600000 };
}

void made_listens_done(made_listens *all)
{
    for (size_t i = 0; i < all->count; i++) {
        made_listen *listen = &all->at[i];
        free(listen->value), free(listen->customer), free(listen->track);
        free(listen->datetime), free(listen->zip);
    }
    free(all->at);
    *all = (made_listens){ 0 };
}

static made_listen *listen_add(made_listens *all)
{
    all->at = memory_resize(all->at, (all->count + 1) * sizeof *all->at);
    made_listen *listen = &all->at[all->count];
    *listen = (made_listen){ .partition = (int32_t)draw(all, (unsigned)all->partitions) };
    listen->offset = all->ends[listen->partition]++;
    listen->time_ms = all->start_ms + (int64_t)all->count * 7;
    all->count++;
    return listen;
}

static char *repeated(char byte, size_t count, const char *before, const char *after)
{
    char *text = memory_new(strlen(before) + count + strlen(after) + 1), *at = stpcpy(text, before);
    memset(at, byte, count);
    stpcpy(at + count, after);
    return text;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static void fill_malformed(made_listens *all, made_listen *listen)
{
    char text[400];
    const malformed *one = &malformed_forms[draw(all, COUNT(malformed_forms))];
    listen->reason = one->reason, listen->detail = one->detail;
    snprintf(text, sizeof text, one->form, (int)all->count);
    listen->value = memory_text(text);
}

static void fill_good(made_listens *all, made_listen *listen)
{
    char text[600];
    unsigned form = draw(all, COUNT(plain_forms) + 1);
    listen->event_id = draw(all, 100) == 0 ? INT64_MAX : (int64_t)all->count;
    listen->mobile = (int)draw(all, 2);
    listen->datetime = memory_text(datetimes[draw(all, COUNT(datetimes))]);
    /* Few are played often. */
    snprintf(text, sizeof text, "%u", draw(all, 1 + draw(all, MADE_CUSTOMERS + 5)));
    listen->customer =
        memory_text(draw(all, 8) ? text : special_customers[draw(all, COUNT(special_customers))]);
    snprintf(text, sizeof text, "%u", 20 + draw(all, 1 + draw(all, 30)));
    listen->track = memory_text(draw(all, 8) ? text : special_tracks[draw(all, COUNT(special_tracks))]);
    if (form == COUNT(plain_forms)) { /* a comma and quotes within, and a backslash, which is only itself */
        listen->zip = memory_text("a,\"b\"\\");
        snprintf(text, sizeof text, "%lld,\"%s\",\"%s\",\"%s\",%d,\"a,\"\"b\"\"\\\"",
                 (long long)listen->event_id, listen->customer, listen->track, listen->datetime,
                 listen->mobile);
    } else {
        static const char *const zips[] = { "72132", "", "1234567890123456", " 9\t" };
        listen->zip = memory_text(zips[draw(all, COUNT(zips))]);
        snprintf(text, sizeof text, plain_forms[form], (long long)listen->event_id, listen->customer,
                 listen->track, listen->datetime, listen->mobile, listen->zip);
    }
    listen->value = memory_text(text);
}

#pragma GCC diagnostic pop

/* The largest line that is good is 64 KiB; blanks around the number do not count otherwise. */
static void fill_largest(made_listen *listen, size_t size)
{
    static const char rest[] = "1,2,3,2014-10-23 03:26:20,1,large\n";
    listen->value = repeated(' ', size - (sizeof rest - 1), "", rest);
    if (size > LARGEST) {
        listen->reason = "too_large", listen->detail = "line";
        return;
    }
    listen->event_id = 1, listen->mobile = 1;
    listen->customer = memory_text("2"), listen->track = memory_text("3");
    listen->datetime = memory_text("2014-10-23 03:26:20"), listen->zip = memory_text("large");
}

void made_listens_add(made_listens *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        made_listen *listen = listen_add(all);
        bool rare = all->count % 1000 < 5;
        switch (rare ? all->count % 1000 : 5) {
        case 0: fill_largest(listen, LARGEST); break;
        case 1: fill_largest(listen, LARGEST + 1); break;
        case 2: /* longer than a dead letter's value may be */
            listen->reason = "too_large", listen->detail = "line";
            listen->value = repeated('x', 300000, "\xe2\x98\x83", "");
            break;
        case 3:
            listen->reason = "too_large", listen->detail = "line";
            listen->value = repeated('\xff', 300000, "", "");
            break;
        case 4: listen->reason = "null_value", listen->detail = "line"; break;
        default: draw(all, 1000) < BAD_PER_MILLE ? fill_malformed(all, listen) : fill_good(all, listen);
        }
    }
}

size_t made_listens_read(made_listens *all, const char *path)
{
    char line[200], customer[80], track[80], datetime[40], zip[40];
    size_t count = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    for (; fgets(line, sizeof line, file); count++) {
        made_listen *listen = listen_add(all);
        long long event_id;
        sl_expect(sscanf(line, "%lld,%79[^,],%79[^,],\"%39[^\"]\",%d,\"%39[^\"]\"", &event_id, customer,
                         track, datetime, &listen->mobile, zip) == 6);
        listen->value = memory_text(line);
        listen->event_id = event_id;
        listen->customer = memory_text(customer), listen->track = memory_text(track);
        listen->datetime = memory_text(datetime), listen->zip = memory_text(zip);
    }
    fclose(file);
    return count;
}

void made_listens_send(made_listens *all, const char *servers, const char *topic)
{
    topic_message *messages = memory_new((all->count - all->sent + 1) * sizeof *messages);
    for (size_t i = all->sent; i < all->count; i++) {
        const made_listen *listen = &all->at[i];
        messages[i - all->sent] = (topic_message){ listen->partition, NULL, listen->value, listen->time_ms };
    }
    topic_send(servers, topic, messages, all->count - all->sent);
    all->sent = all->count;
    free(messages);
}

void made_customers_write(const char *path)
{
    FILE *file = fopen(path, "w");
    sl_expect(file != NULL);
    fputs("CustID,Name,Gender,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps\n", file);
    for (int i = 0; i < MADE_CUSTOMERS; i++)
        fprintf(
            file,
            "%d,\"Name %d, \"\"the %dth\"\"\",%d,\"%d Main \xc3\x9f\\Street\",\"%05d\",\"11/02/2012\",1,%d,%d,0\n",
            i, i, i, i % 7 == 0, i * 10, i * 37, i % 3, i % 5);
    for (size_t i = 0; i < COUNT(special_customers); i++)
        if (special_customers[i][0] != 'n')
            fprintf(file, "%s,Special,%s,Road,\"00000\",\"01/01/2013\",0,1,2,1\n", special_customers[i],
                    i % 2 ? "1" : "x-%");
    fclose(file);
}
