/*
 * sluice/operations.h - what else a job may do with a stream, beside the stages, lookups, counts and outputs of <sluice/job.h>,
 * which includes this. Each operation stands here with what it gives, when, and what its state is named by.
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
