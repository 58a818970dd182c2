/*
 * import_customers.c - fills Redis with the customers of cust.csv, a hash each: what `listens` looks up.
 *
 *     customers (file:cust.csv) -> read_customer -> customers (redis)
 *
 *     CustID,Name,Gender,Address,zip,SignDate,Status,Level,Campaign,LinkedWithApps
 *     2,"Paula Peltier",0,"10084 Easy Gate Bend","66216","01/13/2013",1,0,4,1
 *
 * The file has no age. It is drawn from the id, so that every import gives a customer the same one; --age-column NAME takes
 * it from a column instead: one of the ten, or an eleventh, the last.
 *
 * A bad row is told in the log with its place in the file, kept among the dead letters and skipped; unless --skip-bad is
 * given the import then ends with exit code 1. How far it is, the listener `progress` tells.
 */
#include <sluice/job.h>
#include <stdio.h>

#define IMPORTED_FIELDS(F)                                                                                   \
    F(origin, origin)                                                                                        \
    F(text, id)                                                                                              \
    F(text, name)                                                                                            \
    F(text, gender)                                                                                          \
    F(i64, age)                                                                                              \
    F(text, zip)                                                                                             \
    F(text, address, "Address")                                                                              \
    F(text, sign_date, "SignDate")                                                                           \
    F(text, status, "Status")                                                                                \
    F(text, level, "Level")                                                                                  \
    F(text, campaign, "Campaign")                                                                            \
    F(text, linked_with_apps, "LinkedWithApps")
SL_RECORD(imported, IMPORTED_FIELDS);

enum { COLUMNS = 10, ID_MOST = 64, SHOWN_MOST = 60 };
static const char *const column_names[COLUMNS] = { "CustID",   "Name",          "Gender", "Address",
                                                   "zip",      "SignDate",      "Status", "Level",
                                                   "Campaign", "LinkedWithApps" };

typedef struct options {
    int64_t seed;
    const char *age_column;
    bool skip_bad;
} options;

static const sl_option option_table[] = {
    SL_OPTION(options, seed, "1", "0", NULL, "ages are drawn from it and the customer's id"),
    SL_OPTION(options, age_column, NULL, NULL, NULL, "the column that holds the age, instead of drawing it"),
    SL_OPTION(options, skip_bad, "false", NULL, NULL, "bad rows are no failure"),
    { 0 },
};

/* The column of the age; COLUMNS for an eleventh; -1 when there is none. */
static int age_column_at(const options *set)
{
    if (set->age_column == NULL || set->age_column[0] == '\0')
        return -1;
    for (int i = 0; i < COLUMNS; i++)
        if (strcmp(column_names[i], set->age_column) == 0)
            return i;
    return COLUMNS;
}

static bool is_header(const options *set, const sl_text *field, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = i < COLUMNS ? column_names[i] : set->age_column;
        if (!sl_text_equal(field[i], (sl_text){ name, strlen(name) }))
            return false;
    }
    return true;
}

static uint64_t mixed(uint64_t bits) /* the end of SplitMix64 */
{
    bits = (bits ^ bits >> 30) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ bits >> 27) * 0x94d049bb133111ebu;
    return bits ^ bits >> 31;
}

/* A decade as the pipeline's importer draws it, and a year within it, from the seed and the id's bytes (FNV-1a). */
static int64_t age_drawn(int64_t seed, sl_text id)
{
    static const int decades[12] = { 10, 20, 20, 20, 20, 30, 30, 30, 40, 40, 50, 60 };
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ (unsigned char)id.at[i]) * 0x100000001b3u;
    hash = mixed(hash + (uint64_t)seed * 0x9e3779b97f4a7c15u);
    return decades[hash % 12] + (int64_t)((hash >> 32) % 10);
}

static bool refuse(sl_task *task, const sl_message *in, const char *reason, const char *detail)
{
    int size = in->value.size < SHOWN_MOST ? (int)in->value.size : SHOWN_MOST;
    sl_log_warn("import_customers", "line %.*s: %s (%s): %.*s", (int)in->key.size,
                in->key.at ? in->key.at : "", reason, detail, size, in->value.at ? in->value.at : "");
    return sl_reject(task, &in->origin, reason, detail);
}

/* NULL, or the first broken rule. */
static const char *row_fill(const options *set, const sl_text *field, imported *out, const char **detail)
{
    int age_at = age_column_at(set);
    *out = (imported){ .id = sl_trim(field[0]),
                       .name = field[1],
                       .gender = sl_trim(field[2]),
                       .address = field[3],
                       .zip = field[4],
                       .sign_date = field[5],
                       .status = sl_trim(field[6]),
                       .level = sl_trim(field[7]),
                       .campaign = sl_trim(field[8]),
                       .linked_with_apps = sl_trim(field[9]) };
    *detail = "CustID";
    if (out->id.size == 0)
        return "empty_field";
    if (out->id.size > ID_MOST)
        return "too_long";
    *detail = "age";
    out->age = age_at < 0 ? age_drawn(set->seed, out->id) : 0;
    return age_at < 0 || sl_to_i64(sl_trim(field[age_at]), &out->age) ? NULL : "bad_number";
}

/* The header stands at the file's first byte and gives no row. A file without one begins with a customer. */
static bool read_customer(sl_task *task, const sl_message *in, imported *out)
{
    const options *set = sl_options(task);
    sl_text field[COLUMNS + 1];
    const char *detail = "line";
    size_t count = age_column_at(set) == COLUMNS ? COLUMNS + 1 : COLUMNS;
    const char *fault = sl_csv_split(task, in->value, field, count);
    if (fault == NULL && in->origin.offset == 0 && is_header(set, field, count))
        return false;
    if (fault == NULL && in->origin.offset == 0 && sl_text_equal(field[0], SL_TEXT("CustID")))
        fault = "bad_header";
    if (fault == NULL)
        fault = row_fill(set, field, out, &detail);
    out->origin = in->origin;
    return fault ? refuse(task, in, fault, detail) : true;
}
SL_STAGE(read_customer, sl_message, imported);

static void draw(sl_plan *plan, const void *filled)
{
    (void)filled;
    sl_stream rows = sl_from(plan, &(sl_input){ .name = "customers", .from = "file:cust.csv" });
    sl_to(sl_through(rows, &read_customer_stage),
          &(sl_output){ .name = "customers",
                        .to = { "redis" },
                        .index = "customers",
                        .id = SL_FIELDS(imported, origin),
                        .redis = { SL_HASH, .prefix = "", .key = SL_FIELDS(imported, id) } });
}

static const char *summary(const void *filled, const sl_totals *totals)
{
    const options *set = filled;
    printf("customers imported: %lld; bad rows: %lld\n", (long long)totals->written,
           (long long)totals->rejected);
    return totals->rejected > 0 && !set->skip_bad ? "not every row went in; --skip-bad lets that pass" : NULL;
}

const sl_job job = { .name = "import_customers",
                     .about = "fills Redis with the customers of cust.csv",
                     .options = option_table,
                     .options_bytes = sizeof(options),
                     .draw = draw,
                     .bounded = true,
                     .summary = summary };
