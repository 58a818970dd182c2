/*
 * bench/operators/operations.h - each operation twice: as the engine does it, and as a loop that was written by hand for this one job. Both get
 * the same rows and hand theirs to the same function, which adds up what it sees: the sums must be equal.
 */
#ifndef OPERATORS_OPERATIONS_H
#define OPERATORS_OPERATIONS_H

#include <operators/operator.h>

#define VISIT_FIELDS(F) F(text, user) F(i64, cents) F(i64, most) F(i64, rank)
SL_RECORD(visit, VISIT_FIELDS);

#define PERSON_FIELDS(F) F(text, name) F(i64, age)
SL_RECORD(person, PERSON_FIELDS);

/* What a lookup links. */
#define GUEST_FIELDS(F) F(text, user) F(link(person), person)
SL_RECORD(guest, GUEST_FIELDS);

typedef struct input {
    visit *visits, *rights; /* rights: one for each user, for joins */
    guest *guests;
    size_t count, users;
    char (*names)[12];
} input;

void input_make(input *input, size_t count, size_t users, bool evenly); /* else by Zipf's law */
void input_done(input *input);

typedef struct hand hand; /* what a loop keeps from batch to batch */

typedef struct operation {
    const char *name;
    void (*draw)(sl_plan *plan, const void *options);
    const operator_kind *kind, *behind; /* behind: of the node after it, a top */
    uint32_t node;                      /* its number in the drawing */
    void (*loop)(hand *hand, const input *input);
    int64_t panes; /* of its window: rounds until it is full */
    bool joins, links;
    bool estimates; /* the loop stops before the formula: sums differ */
} operation;

extern const operation operations[];
extern const size_t operation_count;

/* Where rows end. Never inlined: the engine does not know who takes its rows either. */
void visits_take(const void *rows, size_t count);
void guests_take(const void *rows, size_t count);
extern uint64_t taken_sum, taken_rows;

/* ---- trial.c: the engine's part ---- */

typedef struct trial trial;
trial *trial_open(const operation *of, const input *input);
void trial_close(trial *trial);
void trial_batch(trial *trial, const input *input, int64_t pass_ms);

/* ---- The loops ---- */

hand *hand_open(void);
void hand_close(hand *hand);

void loop_map(hand *hand, const input *input);
void loop_filter(hand *hand, const input *input);
void loop_flat_map(hand *hand, const input *input);
void loop_chunk(hand *hand, const input *input);
void loop_exchange(hand *hand, const input *input);
void loop_count(hand *hand, const input *input);
void loop_count_window(hand *hand, const input *input);
void loop_sum(hand *hand, const input *input);
void loop_sum_window(hand *hand, const input *input);
void loop_sum_all(hand *hand, const input *input);
void loop_combine(hand *hand, const input *input);
void loop_distinct(hand *hand, const input *input);
void loop_distinct_ever(hand *hand, const input *input);
void loop_about(hand *hand, const input *input);
void loop_top(hand *hand, const input *input);
void loop_group(hand *hand, const input *input);
void loop_rows(hand *hand, const input *input);
void loop_join(hand *hand, const input *input);
void loop_update(hand *hand, const input *input);
void loop_look_up(hand *hand, const input *input);

/* What both do with a row, or with the rows of a key. */
static inline bool visit_is_dear(const visit *in)
{
    return in->cents % 2 == 0;
}

static inline void visit_state(visit *state, int64_t cents)
{
    state->cents += cents;
    state->most = cents > state->most ? cents : state->most;
}

static inline visit visit_of_group(const visit *rows, size_t count)
{
    return (visit){ rows[0].user, rows[count - 1].cents, (int64_t)count, 0 };
}

enum { WINDOW_PANES = 60, TOP = 10, KEPT_PANES = 4 };

#endif
