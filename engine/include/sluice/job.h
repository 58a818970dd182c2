/*
 * sluice/job.h - all that a job includes. A job is records, stages and a drawing, in this order; see jobs/README.md.
 *
 *     #define WORD_FIELDS(F) F(text, word) F(i64, times)
 *     SL_RECORD(word_count, WORD_FIELDS);
 *
 *     static bool take_line(sl_task *task, const sl_message *in, word_count *out)
 *     {
 *         (void)task;
 *         out->word = in->value;
 *         return in->value.size > 0;
 *     }
 *     SL_STAGE(take_line, sl_message, word_count);
 *
 *     static void draw(sl_plan *plan, const void *options)
 *     {
 *         (void)options;
 *         sl_stream lines = sl_from(plan, &(sl_input){ .name = "lines", .from = "kafka:realtime" });
 *         sl_stream counts = sl_count_by(sl_through(lines, &take_line_stage), &(sl_count){ .name = "lines_seen",
 *             .key = SL_FIELDS(word_count, word), .into = SL_FIELDS(word_count, times) });
 *         sl_to(counts, &(sl_output){ .name = "counts", .to = { "console" }, .id = SL_FIELDS(word_count, word) });
 *     }
 *
 *     const sl_job job = { .name = "count_lines", .about = "how often each line came in a batch", .draw = draw };
 *
 * Threads: stages run on several workers at once and keep nothing between calls; draw() runs once, on the main thread.
 * Memory: whatever a stage is handed is borrowed until its batch is committed.
 */
#ifndef SLUICE_JOB_H
#define SLUICE_JOB_H

#include <sluice/csv.h>
#include <sluice/log.h>
#include <sluice/print.h>
#include <sluice/text.h>
#include <sluice/types.h>

typedef struct sl_plan sl_plan; /* what a job draws */
typedef struct sl_task
    sl_task; /* one chunk of a batch on one worker; NULL is allowed where a test calls a stage */

/* ---- Records ----------------------------------------------------------------------------------------------------- */

/*
 * SL_RECORD(record, FIELDS) declares `struct record`, its typedef, and `record_schema()`, which describes it. FIELDS is a
 * macro that lists the fields: F(type, member) or F(type, member, "name outside"), in the order in which they are printed.
 * A name outside is a literal without quotes, backslashes and control characters.
 *
 *     type         member's C type      printed as
 *     text         sl_text              string; a missing one is left out
 *     i32 i64 f64  int32_t ...          number
 *     flag         bool                 true, false
 *     time         sl_time              "2026-11-23T10:00:00.123Z"
 *     maybe_i64    sl_maybe_i64         number; an unknown one is left out
 *     origin       sl_origin            never; it gives documents their id and @timestamp
 *     link(other)  const other *        the row that a lookup found, else NULL; printed as if its fields stood here
 */
typedef enum sl_kind {
    SL_KIND_text,
    SL_KIND_i32,
    SL_KIND_i64,
    SL_KIND_f64,
    SL_KIND_flag,
    SL_KIND_time,
    SL_KIND_maybe_i64,
    SL_KIND_origin,
    SL_KIND_linked
} sl_kind;

typedef struct sl_schema sl_schema;
typedef const sl_schema *sl_schema_of(void);

typedef struct sl_field {
    const char *name; /* outside: in JSON, Redis, Elasticsearch */
    size_t offset;
    sl_kind kind;
    sl_schema_of *linked; /* of a link: the other record */
} sl_field;

struct sl_schema {
    const char *name;
    size_t row_bytes;
    const sl_field *fields;
    size_t count;
    /* Prints a row's fields, each after a comma, where there is as much room as they may take; see sluice/print.h. */
    size_t (*room)(const void *row);
    char *(*print)(const void *row, char *at);
};

sl_schema_of sl_message_schema;

#define SL_RECORD(record, FIELDS)                                                                            \
    typedef struct record {                                                                                  \
        FIELDS(SL_DECLARE_)                                                                                  \
    } record;                                                                                                \
    SL_DESCRIBE_RECORD_(record, FIELDS, __attribute__((unused)) static inline)                               \
    typedef struct record record /* swallows the semicolon */

/* ---- Stages ------------------------------------------------------------------------------------------------------ */

typedef struct sl_rows {
    void *at;
    size_t count, room;
    /* Of the rows that a flat stage gives, see sluice/operations.h; else NULL. */
    const sl_schema *of;
    void (*full)(struct sl_rows *rows); /* hands them on and makes room */
    void *owner;
} sl_rows;

typedef struct sl_stage {
    const char *name;
    sl_schema_of *in, *out;
    void (*run)(sl_task *task, const void *in, size_t count, sl_rows *out);
    bool flat; /* gives any number of rows, see sluice/operations.h */
} sl_stage;

/*
 * A stage is map and filter in one: bool function(sl_task *, const in_record *, out_record *). *out comes zeroed; fill it
 * and return true, or return false for no row. SL_STAGE makes `function_stage`: a loop over a chunk of rows into which
 * the function is inlined. A function of another signature does not compile. Names that macros bring end in _: records
 * and functions may have any other (in, row, count).
 */
#define SL_STAGE(function, in_record, out_record)                                                            \
    static void function##_run_(sl_task *task_, const void *in_, size_t count_, sl_rows *out_)               \
    {                                                                                                        \
        const in_record *input_ = in_;                                                                       \
        out_record *row_ = (out_record *)out_->at + out_->count;                                             \
        for (size_t i_ = 0; i_ < count_; i_++) {                                                             \
            *row_ = (out_record){ 0 };                                                                       \
            row_ += _Generic(&function, bool (*)(sl_task *, const in_record *, out_record *)                 \
                             : function)(task_, &input_[i_], row_);                                          \
        }                                                                                                    \
        out_->count = (size_t)(row_ - (out_record *)out_->at);                                               \
    }                                                                                                        \
    static const sl_stage function##_stage = { #function, in_record##_schema, out_record##_schema,           \
                                               function##_run_, false }

/*
 * A record that breaks a rule: counted, and written to the job's dead letters with its original bytes. `reason` is one
 * word (it becomes a metric label), `detail` says where; both are kept by pointer: literals. Always false, so that a
 * stage can return it.
 */
bool sl_reject(sl_task *task, const sl_origin *origin, const char *reason, const char *detail);

/* The value of a message's header; of several with the name the last one. .at == NULL: there is none, or it is null. */
sl_text sl_header(const sl_message *message, sl_text name);
/* Header i (0, 1, ...), in the message's order; false: it has not so many. */
bool sl_header_at(const sl_message *message, size_t i, sl_text *name, sl_text *value);

int64_t sl_batch_time_ms(const sl_task *task);
const void *sl_options(const sl_task *task); /* what draw() was handed */

/* `size` bytes that live as long as the batch, not zeroed, aligned for any type; never NULL. */
void *sl_batch_memory(sl_task *task, size_t size);

/* ---- Drawing ----------------------------------------------------------------------------------------------------- */

typedef struct sl_stream { /* a value: nobody frees it */
    sl_plan *plan;
    uint32_t node;
} sl_stream;

/* SL_FIELDS(play, gender, track_id): one to four fields of a record, checked by the compiler. */
typedef struct sl_fields {
    sl_schema_of *of;
    size_t count, offset[4];
} sl_fields;
#define SL_FIELDS(record, ...)                                                                               \
    (sl_fields)                                                                                              \
    {                                                                                                        \
        record##_schema, SL_ARG5_(__VA_ARGS__, 4, 3, 2, 1, 0),                                               \
        {                                                                                                    \
            SL_ARG5_(__VA_ARGS__, SL_AT4_, SL_AT3_, SL_AT2_, SL_AT1_, 0)(record, __VA_ARGS__)                \
        }                                                                                                    \
    }

/* A named input. `from` is its default place, a URI such as "kafka:realtime"; --from NAME=URI moves it. */
typedef struct sl_input {
    const char *name, *from;
} sl_input;
sl_stream sl_from(sl_plan *plan, const sl_input *input); /* of sl_message */

sl_stream sl_through(sl_stream in, const sl_stage *stage);

/*
 * Finds a row for each row's key and links it: the whole chunk's missing keys are asked for at once, answers are cached.
 * `prefix` stands before the key in the store. A key that nobody knows leaves the link NULL and is counted.
 *
 * The linked record's fields are found by their names outside, as texts: numbers in decimal, a flag as 1, true, 0 or false,
 * a time as "2026-11-23T10:00:00Z", with or without a fraction. What is not there leaves a text missing, a maybe_i64 unknown
 * and others zero; so does what is no such value, and it is counted as bad_<field>. Origins and links cannot be looked up.
 *
 * `plain`: the store holds one value under the key (a string of Redis), which fills the linked record's only field.
 */
typedef struct sl_lookup {
    const char *name, *from, *prefix; /* --from NAME=URI moves it too */
    sl_fields key, into;              /* one text field; one link */
    bool plain;
} sl_lookup;
sl_stream sl_look_up(sl_stream in, const sl_lookup *lookup);

/*
 * A window in batch time. At batch time T it holds exactly the batches t with
 *     (ceil(T / pane) - length / pane) * pane < t <= T
 * Zero length: the batch alone. `slide`: how often it reports; zero: every batch. `pane`: how finely it forgets; zero: the
 * smallest whole number of seconds that divides the length and gives at most 1,800 panes. start (exclusive) and end are
 * filled in the rows when given.
 */
typedef struct sl_window {
    sl_duration length, slide, pane;
    sl_fields start, end;
} sl_window;

/* Counts rows by key. `name` is the name of its state, for ever: the checkpoint finds the counts by it. */
typedef struct sl_count {
    const char *name;
    sl_fields key, into; /* up to four fields of any kind but origin and link; one i64 field */
    sl_window window;
    int64_t at_least;  /* rows of fewer are not passed on */
    bool touched_only; /* pass on only the keys that this batch brought */
} sl_count;
sl_stream sl_count_by(sl_stream in, const sl_count *count);

/*
 * The `count` rows with the most of `most` for each `per`, or of all; equal ones in ascending order of `then`, which should
 * tell them apart. It follows what keeps rows by key (sl_count_by, sl_reduce_by, sl_distinct_by, sl_count_about, sl_update_by) and
 * reads all its keys, whatever goes out of that to others.
 */
typedef struct sl_top {
    sl_fields per, most, then,
        rank; /* a text or none; i64, i32, f64 or time; a text or none; an i64 or none: 1, 2, ... */
    int64_t count;
} sl_top;
sl_stream sl_top_by(sl_stream in, const sl_top *top);

/*
 * A named output. `to` lists its default places; --to NAME=URI replaces them. What makes a repeated write harmless:
 *   id      the document's id. An origin gives <topic>-<partition>-<offset>, written create-only; other fields are joined
 *           by '-', and the newest batch wins.
 *   whole   the rows of a batch replace all older rows with the same values here, and are written only when they changed.
 *   redis   the shape that the rows take in Redis; without a score field a sorted set's score is the batch time.
 * Documents start with "@timestamp": the record's time when the id is an origin, else the batch time.
 */
typedef enum sl_shape { SL_NO_SHAPE, SL_SORTED_SET, SL_SET, SL_HASH } sl_shape;

typedef struct sl_redis_shape {
    sl_shape shape;
    const char *prefix; /* stands before the key; without key fields it is the key */
    sl_fields key, member, score;
    bool key_inside; /* of a hash: the key's fields stand in it too */
} sl_redis_shape;

typedef struct sl_output {
    const char *name, *to[4];
    const char
        *index; /* in Elasticsearch; the folder of the file sink; the default topic of the Kafka sink */
    sl_fields id, whole;
    sl_fields keywords; /* text fields that Elasticsearch is to map as keyword, not as text with .keyword */
    sl_fields raw;      /* one text field: the row is written as these bytes instead of as a JSON document */
    sl_redis_shape redis;
} sl_output;
void sl_to(sl_stream in, const sl_output *output); /* any number per stream */

/* ---- The job ----------------------------------------------------------------------------------------------------- */

typedef enum sl_option_kind {
    SL_OPTION_I64,
    SL_OPTION_F64,
    SL_OPTION_FLAG,
    SL_OPTION_TEXT,
    SL_OPTION_DURATION
} sl_option_kind;

/* One option of the job: member top_window of its options struct is --top-window. Texts as a user would write them. */
typedef struct sl_option {
    const char *name;
    size_t offset;
    sl_option_kind kind;
    const char *usual, *least, *most, *help; /* usual NULL: zero, and shown as "none" */
} sl_option;
#define SL_OPTION(options, member, ...)                                                                      \
    {                                                                                                        \
#member, offsetof(options, member),                                                                  \
            _Generic(((options *)0)->member,                                                                 \
                int64_t: SL_OPTION_I64,                                                                      \
                double: SL_OPTION_F64,                                                                       \
                bool: SL_OPTION_FLAG,                                                                        \
                const char *: SL_OPTION_TEXT,                                                                \
                sl_duration: SL_OPTION_DURATION),                                                            \
            __VA_ARGS__       \
    }

/* What one run has done. `next`: the offset behind the last record that it, or a run before it, has read of the first partition. */
typedef struct sl_totals {
    int64_t records, written, rejected, next;
} sl_totals;

struct sl_listener; /* <sluice/listener.h> */

typedef struct sl_job {
    const char *name, *about;
    const sl_option *options; /* ends with { 0 } */
    size_t options_bytes;
    void (*draw)(sl_plan *plan, const void *options); /* no side effects: --help and --explain draw too */
    const char *interval;                             /* its usual batch interval; NULL: "2s" */
    bool bounded;                                     /* ends when its input ends, as with --available-now */
    /* Once, after the last batch: NULL, or why the job as a whole failed (exit code 1). May print a summary. */
    const char *(*summary)(const void *options, const sl_totals *totals);
    /* Its own listeners, which are always told; NULL-ended. --listen NAME:ARG gives one of them an argument. */
    const struct sl_listener *const *listeners;
} sl_job;

extern const sl_job job; /* every program defines it; engine/main.c starts it */

/* ---- Behind the macros ------------------------------------------------------------------------------------------- */

#define sl_link(record)        const record *
#define SL_KIND_link(record)   SL_KIND_linked, .linked = record##_schema
#define SL_DECLARE_(type, ...) sl_##type SL_ARG1_(__VA_ARGS__, );
/* record_schema(), `linkage` before it; self_ is so that FIELDS need not name the record. */
#define SL_DESCRIBE_RECORD_(record, FIELDS, linkage)                                                         \
    __attribute__((unused)) static size_t record##_room_(const void *of_)                                    \
    {                                                                                                        \
        const record *row_ = of_;                                                                            \
        return FIELDS(SL_ROOM_) 0;                                                                           \
    }                                                                                                        \
    __attribute__((unused)) static char *record##_print_(const void *of_, char *at_)                         \
    {                                                                                                        \
        const record *row_ = of_;                                                                            \
        FIELDS(SL_PRINT_)                                                                                    \
        return at_;                                                                                          \
    }                                                                                                        \
    linkage const sl_schema *record##_schema(void)                                                           \
    {                                                                                                        \
        typedef record self_;                                                                                \
        static const sl_field fields_[] = { FIELDS(SL_DESCRIBE_) };                                          \
        static const sl_schema schema_ = { #record,        sizeof(self_),                                    \
                                           fields_,        sizeof fields_ / sizeof fields_[0],               \
                                           record##_room_, record##_print_ };                                \
        return &schema_;                                                                                     \
    }
#define SL_DESCRIBE_(type, ...)                                                                              \
    { .name = SL_ARG2_(__VA_ARGS__, SL_QUOTE_(SL_ARG1_(__VA_ARGS__, )), ),                                   \
      .offset = offsetof(self_, SL_ARG1_(__VA_ARGS__, )),                                                    \
      .kind = SL_KIND_##type },
#define SL_NAME_(...) ",\"" SL_ARG2_(__VA_ARGS__, SL_QUOTE_(SL_ARG1_(__VA_ARGS__, )), ) "\":\""
#define SL_ROOM_(type, ...)                                                                                  \
    sl_room_##type(sizeof(SL_NAME_(__VA_ARGS__)) - 1, &row_->SL_ARG1_(__VA_ARGS__, )) +
#define SL_PRINT_(type, ...)                                                                                 \
    at_ = sl_print_##type(at_, SL_NAME_(__VA_ARGS__), sizeof(SL_NAME_(__VA_ARGS__)) - 1,                     \
                          &row_->SL_ARG1_(__VA_ARGS__, ));
#define SL_QUOTE_(a)                 SL_QUOTED_(a)
#define SL_QUOTED_(a)                #a
#define SL_ARG1_(a, ...)             a
#define SL_ARG2_(a, b, ...)          b
#define SL_ARG5_(a, b, c, d, e, ...) e
#define SL_AT1_(r, a)                offsetof(r, a)
#define SL_AT2_(r, a, b)             offsetof(r, a), offsetof(r, b)
#define SL_AT3_(r, a, b, c)          SL_AT2_(r, a, b), offsetof(r, c)
#define SL_AT4_(r, a, b, c, d)       SL_AT3_(r, a, b, c), offsetof(r, d)

#include <sluice/operations.h>
#include <sluice/records.h>
#include <sluice/state.h>

#endif
