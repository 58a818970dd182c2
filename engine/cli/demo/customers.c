/*
 * cli/demo/customers.c - made-up customers, in the form of cust.csv:
 *
 *     CustID,Name,Gender,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps
 *     0,"Nora Fields",1,"13004 Easy Cider Point","02132","06/04/2013",1,1,1,0
 *
 * Shares as in a real list: two in five are of gender 1, nine in ten active, levels fall off, zips may begin with 0.
 */
#include <base/buffer.h>
#include <base/disk.h>
#include <cli/demo/demo.h>
#include <sluice/text.h>

static void customer_print(uint64_t id, buffer *out);
static uint64_t draw(uint64_t *state);
static unsigned below(uint64_t *state, unsigned limit);
static const char *one_of(uint64_t *state, const char *const *words, size_t count);

static const char *const first_names[16] = { "Nora", "Paul", "Emma", "Hugo", "Lena", "Karl", "Ida",  "Tom",
                                             "Vera", "Otto", "Anna", "Leo",  "Mila", "Finn", "Rosa", "Max" };
static const char *const last_names[16] = { "Fields", "Winter", "Marsh", "Stone", "Rivers", "Hill",
                                            "Frost",  "Lake",   "Woods", "Ford",  "Banks",  "Moor",
                                            "Wells",  "Bloom",  "Glass", "Reed" };
static const char *const adjectives[8] = { "Easy",   "Quiet", "Golden", "Misty",
                                           "Silent", "Amber", "Rocky",  "Sunny" };
static const char *const things[8] = {
    "Cider", "Pony", "Apple", "Timber", "Cloud", "Fox", "River", "Beacon"
};
static const char *const ways[8] = { "Point", "Villa", "Bend", "Lane", "Court", "Trail", "Grove", "Avenue" };

sl_result demo_customers_write(const char *path, failure *failure)
{
    buffer text = { 0 };
    buffer_text(&text, "CustID,Name,Gender,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps\n");
    for (uint64_t id = 0; id < DEMO_CUSTOMERS; id++)
        customer_print(id, &text);
    sl_result result = disk_replace(path, text.at, text.size, failure);
    buffer_done(&text);
    return result;
}

static void customer_print(uint64_t id, buffer *out)
{
    static const unsigned char levels[10] = { 0, 0, 0, 0, 0, 0, 1, 1, 1, 2 };
    static const unsigned char campaigns[10] = { 1, 1, 1, 1, 1, 1, 4, 3, 2, 0 };
    uint64_t state = id * 2 + 1;
    buffer_print(out, "%llu,\"%s ", (unsigned long long)id, one_of(&state, first_names, 16));
    buffer_print(out, "%s\",%d,", one_of(&state, last_names, 16), below(&state, 10) < 4);
    buffer_print(out, "\"%u %s ", 10000 + below(&state, 90000), one_of(&state, adjectives, 8));
    buffer_print(out, "%s ", one_of(&state, things, 8));
    buffer_print(out, "%s\",\"%05u\",", one_of(&state, ways, 8), 1000 + below(&state, 98000));
    unsigned year = 2011 + below(&state, 3), month = 1 + below(&state, 12);
    buffer_print(out, "\"%02u/%02u/%u\",", month, 1 + below(&state, sl_days_of_month(year, month)), year);
    buffer_print(out, "%d,%d,", below(&state, 10) != 0, levels[below(&state, 10)]);
    buffer_print(out, "%d,%u\n", campaigns[below(&state, 10)], below(&state, 2));
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

static unsigned below(uint64_t *state, unsigned limit)
{
    return (unsigned)(draw(state) % limit);
}

static const char *one_of(uint64_t *state, const char *const *words, size_t count)
{
    return words[below(state, (unsigned)count)];
}
