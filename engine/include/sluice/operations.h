/*
 * sluice/operations.h - what else a job may do with a stream, beside the stages, lookups, counts and outputs of <sluice/job.h>,
 * which includes this. Each operation stands here with what it gives, when, and what its state is named by.
 *
 *     rows for rows            SL_STAGE, sl_through() (job.h)     SL_FLAT_STAGE, SL_CHUNK_STAGE, sl_union()
 *     a table beside them      sl_look_up() (job.h)
 *     rows of a key to one     sl_count_by() (job.h)     sl_reduce_by(), sl_distinct_by(), sl_count_about()
 *     the rows of a key        sl_group_by(), sl_exchange_by(); of a window: sl_rows_in()
 *     two streams              sl_join_by(): SL_PAIR, SL_COGROUP
 *     those with the most      sl_top_by() (job.h)
 *     a state of each key      sl_update_by(), sl_snapshots() (state.h)
 *     the batch's time         sl_batch_time_ms() (job.h), in any function of a job
 *     out of the job           sl_to() (job.h)
 */
#ifndef SLUICE_OPERATIONS_H
#define SLUICE_OPERATIONS_H

#include <sluice/job.h>

/* ---- Several rows out of one, and whole chunks ------------------------------------------------------------------- */

/*
 * A flat stage gives any number of rows for one: void function(sl_task *, const in_record *, sl_rows *out). Each
 * sl_row(out, out_record) is one more, zeroed; fill it before the next is taken.
 *
 *     static void take_words(sl_task *task, const sl_message *in, sl_rows *out)
 *     {
 *         (void)task;
 *         for (sl_text word, rest = in->value; next_word(&rest, &word);)
 *             sl_row(out, word_count)->word = word;
 *     }
 *     SL_FLAT_STAGE(take_words, sl_message, word_count);
 *
 * It goes into a drawing like a stage: sl_through(lines, &take_words_stage). Lookups stand before flat stages, not behind.
 */
#define SL_FLAT_STAGE(function, in_record, out_record)                                                       \
    static void function##_run_(sl_task *task_, const void *in_, size_t count_, sl_rows *out_)               \
    {                                                                                                        \
        const in_record *input_ = in_;                                                                       \
        for (size_t i_ = 0; i_ < count_; i_++)                                                               \
            _Generic(&function, void (*)(sl_task *, const in_record *, sl_rows *)                            \
                     : function)(task_, &input_[i_], out_);                                                  \
    }                                                                                                        \
    static const sl_stage function##_stage = { #function, in_record##_schema, out_record##_schema,           \
                                               function##_run_, true }

/*
 * A chunk stage sees all rows of a chunk, at most a few hundred of one partition in their order, on one worker:
 * void function(sl_task *, const in_record *rows, size_t count, sl_rows *out). It gives any number of rows, by sl_row(), also
 * none: then it is there for what it does. What it does outside may be done again, when a batch is tried again or replayed.
 */
#define SL_CHUNK_STAGE(function, in_record, out_record)                                                      \
    static void function##_run_(sl_task *task_, const void *in_, size_t count_, sl_rows *out_)               \
    {                                                                                                        \
        _Generic(&function, void (*)(sl_task *, const in_record *, size_t, sl_rows *)                        \
                 : function)(task_, in_, count_, out_);                                                      \
    }                                                                                                        \
    static const sl_stage function##_stage = { #function, in_record##_schema, out_record##_schema,           \
                                               function##_run_, true }

/* One more row, zeroed, where a flat or chunk stage gives its rows. Those before it may be gone: they went on. */
#define sl_row(out, record) ((record *)sl_row_more_(out, record##_schema(), sizeof(record)))

/* ---- Two streams as one ------------------------------------------------------------------------------------------ */

/* The rows of both streams, which are of one record. In which order those of different streams come is not said. */
sl_stream sl_union(sl_stream in, sl_stream with);

/* ---- Rows of a key to one ---------------------------------------------------------------------------------------- */

/*
 * The rows of each key become one row of the same record: of the batch, of a window, or (`.length = SL_EVER`) of all batches.
 * Without a key all rows are one. The easy case is a sum; its row has the key, the sums and the window's times, nothing else.
 *
 *     sl_reduce_by(sales, &(sl_reduce){ .name = "turnover", .key = SL_FIELDS(sale, shop), .sum = SL_FIELDS(sale, items, cents),
 *                                       .window = { .length = { 3600000 }, .end = SL_FIELDS(sale, until) } });
 *
 * Any other way of joining is a function, void add(record *into, const record *from), made known by SL_COMBINE:
 *
 *     static void larger(sale *into, const sale *from)
 *     {
 *         into->cents = into->cents > from->cents ? into->cents : from->cents;
 *     }
 *     SL_COMBINE(larger, sale);        ...  .add = &larger_combine
 *
 * The first row of a key is taken as it is, each further one is added. Key fields are empty in both rows. It has to be all the same how rows
 * are grouped, (a + b) + c = a + (b + c); they come in the order of their partitions, also with many workers. The record has
 * no texts, origins or links but those in the key.
 *
 * A window forgets pane by pane. `remove` takes back what a pane brought, into = into - from; sums of whole numbers do it by
 * themselves. Without it, and for fractions, whose sums would drift, the panes that stay are added up anew when one leaves:
 * exact, but that batch costs as much as the window has keys in panes.
 *
 * Rows go out as those of a count do: all keys of the window in every report, or those of the batch (touched_only). Without
 * key, even_if_empty gives a row of zeros where there was nothing. `name` is that of the state, for ever.
 */
typedef struct sl_combine {
    const char *name;
    sl_schema_of *of;
    void (*run)(void *into, const void *from);
} sl_combine;

#define SL_COMBINE(function, record)                                                                         \
    static void function##_run_(void *into_, const void *from_)                                              \
    {                                                                                                        \
        _Generic(&function, void (*)(record *, const record *) : function)(into_, from_);                    \
    }                                                                                                        \
    static const sl_combine function##_combine = { #function, record##_schema, function##_run_ }

typedef struct sl_reduce {
    const char *name;
    sl_fields key, sum; /* up to four fields each; sum: i64, i32, f64 */
    const sl_combine *add, *remove;
    sl_window window;
    bool touched_only, even_if_empty;
} sl_reduce;
sl_stream sl_reduce_by(sl_stream in, const sl_reduce *reduce);

/* ---- Each key once ----------------------------------------------------------------------------------------------- */

/*
 * A row for each different key, whose other fields are empty: of the batch, or in every report of a window. For ever
 * (`.length = SL_EVER`): each key once, in the batch that brought it first. Exact: the keys are the state.
 */
typedef struct sl_distinct {
    const char *name;
    sl_fields key;
    sl_window window;
} sl_distinct;
sl_stream sl_distinct_by(sl_stream in, const sl_distinct *distinct);

/*
 * About how many different values `of` had, for each key or in all: where keeping them all is too dear. Each key, and each pane in
 * which it came, takes 2^bits bytes, however many values there are. bits is 4 to 16; 0 means 12. The answer is off by
 * 1.04 / sqrt(2^bits) as a rule (standard error; 12: 1.6 %), and a few hundred are told nearly exactly.
 *
 * HyperLogLog with 64-bit hashes (P. Flajolet et al., "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm", 2007), its
 * sum corrected as by O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm 6.
 */
typedef struct sl_about {
    const char *name;
    sl_fields key, of, into; /* of: the fields by which rows differ; into: one i64 field */
    int bits;
    sl_window window;
} sl_about;
sl_stream sl_count_about(sl_stream in, const sl_about *about);

/* ---- Rows of a key together -------------------------------------------------------------------------------------- */

/*
 * Hands all rows of a key to `each`, a chunk stage (SL_CHUNK_STAGE), which may give any number of rows: those of the batch, or those of a
 * window in every report. They come in the order of batches, partitions and offsets, all at once: a key with many
 * rows wants memory for them. What can be joined row by row is better a sl_reduce_by(). In windows the record has no
 * origin and no link; its texts are kept.
 */
typedef struct sl_group {
    const char *name;
    sl_fields key;
    sl_window window; /* without start and end */
    const sl_stage *each;
} sl_group;
sl_stream sl_group_by(sl_stream in, const sl_group *group);

/* The batch's rows as they are, those of a key on one worker: what follows runs there. It has no state. */
sl_stream sl_exchange_by(sl_stream in, const sl_fields *key);

/* The rows of a window as they are, all of them in every report: what follows sees them as if they were the batch's. */
sl_stream sl_rows_in(sl_stream in, const char *name, const sl_window *window);

/* ---- Rows of two streams together -------------------------------------------------------------------------------- */

/*
 * Pairs of rows that have the same key, of the batch or of a window in every report. SL_PAIR makes a row of two: bool function(
 * sl_task *, const left *, const right *, out *), like a stage. What has no partner is dropped (SL_INNER), or comes with NULL in the
 * partner's place: SL_LEFT keeps all rows of the left stream, SL_RIGHT those of the right one, SL_FULL both.
 *
 * SL_COGROUP sees all rows of a key instead, and gives any number by sl_row(): void function(sl_task *, const left *lefts,
 * size_t, const right *rights, size_t, sl_rows *out). The kind of the join is all the same to it.
 *
 *     sl_join_by(orders, payments, &(sl_join){ .name = "paid", .left = SL_FIELDS(order, id), .right = SL_FIELDS(payment, order_id),
 *                                              .pair = &pay_pair, .kind = SL_LEFT, .window = { .length = { 60000 } } });
 *
 * The fields of both keys are of the same kinds, in order. In windows the records have no origin and no link. A table that Redis or a file
 * holds is better a sl_look_up().
 */
typedef enum sl_join_kind { SL_INNER, SL_LEFT, SL_RIGHT, SL_FULL } sl_join_kind;

typedef struct sl_joined { /* all rows of a key */
    sl_join_kind kind;
    const void *left, *right;
    size_t lefts, rights;
} sl_joined;

typedef struct sl_pair {
    const char *name;
    sl_schema_of *left, *right, *out;
    void (*run)(sl_task *task, const sl_joined *joined, sl_rows *out);
} sl_pair;

typedef struct sl_join {
    const char *name;
    sl_fields left, right; /* the keys */
    const sl_pair *pair;
    sl_join_kind kind;
    sl_window window; /* of both streams; without start and end */
} sl_join;
sl_stream sl_join_by(sl_stream left, sl_stream right, const sl_join *join);

#define SL_PAIR(function, left_record, right_record, out_record)                                             \
    static void function##_one_(sl_task *task_, const left_record *left_, const right_record *right_,        \
                                sl_rows *out_)                                                               \
    {                                                                                                        \
        out_record *row_ = sl_row(out_, out_record);                                                         \
        out_->count -= !_Generic(                                                                            \
            &function, bool (*)(sl_task *, const left_record *, const right_record *, out_record *)          \
            : function)(task_, left_, right_, row_);                                                         \
    }                                                                                                        \
    static void function##_run_(sl_task *task_, const sl_joined *all_, sl_rows *out_)                        \
    {                                                                                                        \
        const left_record *left_ = all_->left;                                                               \
        const right_record *right_ = all_->right;                                                            \
        bool lefts_ = all_->kind == SL_LEFT || all_->kind == SL_FULL;                                        \
        bool rights_ = all_->kind == SL_RIGHT || all_->kind == SL_FULL;                                      \
        for (size_t l_ = 0; l_ < all_->lefts; l_++)                                                          \
            for (size_t r_ = 0; r_ < all_->rights; r_++)                                                     \
                function##_one_(task_, &left_[l_], &right_[r_], out_);                                       \
        for (size_t l_ = 0; lefts_ && all_->rights == 0 && l_ < all_->lefts; l_++)                           \
            function##_one_(task_, &left_[l_], NULL, out_);                                                  \
        for (size_t r_ = 0; rights_ && all_->lefts == 0 && r_ < all_->rights; r_++)                          \
            function##_one_(task_, NULL, &right_[r_], out_);                                                 \
    }                                                                                                        \
    static const sl_pair function##_pair = { #function, left_record##_schema, right_record##_schema,         \
                                             out_record##_schema, function##_run_ }

#define SL_COGROUP(function, left_record, right_record, out_record)                                          \
    static void function##_run_(sl_task *task_, const sl_joined *all_, sl_rows *out_)                        \
    {                                                                                                        \
        _Generic(&function,                                                                                  \
                 void (*)(sl_task *, const left_record *, size_t, const right_record *, size_t, sl_rows *)   \
                 : function)(task_, all_->left, all_->lefts, all_->right, all_->rights, out_);               \
    }                                                                                                        \
    static const sl_pair function##_pair = { #function, left_record##_schema, right_record##_schema,         \
                                             out_record##_schema, function##_run_ }

/* ---- Behind the macros ------------------------------------------------------------------------------------------- */

void sl_rows_full_(sl_rows *rows,
                   const sl_schema *of); /* makes room, or ends the process: a mistake in the job */

static inline void *sl_row_more_(sl_rows *out, const sl_schema *of, size_t bytes)
{
    if (__builtin_expect(out->count == out->room || (out->of && out->of != of), 0))
        sl_rows_full_(out, of);
    return __builtin_memset((char *)out->at + out->count++ * bytes, 0, bytes);
}

#endif
