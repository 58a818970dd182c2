/*
 * bench/operators/loops.c - loops by hand: rows for rows, rows of a key to one, states. See loops.h.
 */
#include "loops.h"

hand *hand_open(void)
{
    hand *made = memory_new(sizeof *made);
    store_open(&made->store, sizeof(value));
    return made;
}

void hand_close(hand *hand)
{
    store_close(&hand->store);
    buffer_done(&hand->touched);
    buffer_done(&hand->ids);
    buffer_done(&hand->grouped);
    for (size_t i = 0; i < WINDOW_PANES; i++)
        buffer_done(&hand->panes[i]);
    for (size_t i = 0; i < KEPT_PANES; i++) {
        buffer_done(&hand->rows[i]);
        arena_done(&hand->texts[i]);
    }
    for (size_t i = 0; i < 16; i++)
        buffer_done(&hand->shards[i]);
    arena_done(&hand->memory);
    free(hand);
}
/* ---- Rows for rows ---- */

void loop_map(hand *hand, const input *input)
{
    for (size_t i = 0; i < input->count; i++) {
        visit *out = out_next(hand);
        *out = input->visits[i];
        out->cents *= 100;
    }
    out_end(hand);
}

void loop_filter(hand *hand, const input *input)
{
    for (size_t i = 0; i < input->count; i++)
        if (visit_is_dear(&input->visits[i]))
            *out_next(hand) = input->visits[i];
    out_end(hand);
}

void loop_flat_map(hand *hand, const input *input)
{
    for (size_t i = 0; i < input->count; i++)
        for (int64_t part = 0; part < 2; part++) {
            visit *out = out_next(hand);
            *out = input->visits[i];
            out->most = part;
        }
    out_end(hand);
}

void loop_chunk(hand *hand, const input *input)
{
    for (size_t from = 0; from < input->count; from += CHUNK_ROWS) {
        visit *sum = out_next(hand);
        *sum = input->visits[from];
        for (size_t i = from + 1; i < from + CHUNK_ROWS && i < input->count; i++)
            sum->cents += input->visits[i].cents;
    }
    out_end(hand);
}
/* ---- Rows of a key to one ---- */

void loop_count(hand *hand, const input *input)
{
    batch_add(hand, input, false);
    batch_tell(hand, ROWS);
}

void loop_sum(hand *hand, const input *input)
{
    batch_add(hand, input, false);
    batch_tell(hand, CENTS);
}

void loop_combine(hand *hand, const input *input)
{
    batch_add(hand, input, true);
    batch_tell(hand, MOST);
}

void loop_distinct(hand *hand, const input *input)
{
    batch_add(hand, input, false);
    batch_tell(hand, NOTHING);
}

void loop_sum_all(hand *hand, const input *input)
{
    visit *sum = out_next(hand);
    *sum = (visit){ 0 };
    for (size_t i = 0; i < input->count; i++)
        sum->cents += input->visits[i].cents;
    out_end(hand);
}

/* ---- Windows ---- */

/* The oldest pane is taken back, the batch becomes the newest. */
static void window_slide(hand *hand, const input *input)
{
    buffer *pane = &hand->panes[hand->round++ % WINDOW_PANES];
    const delta *old = (const delta *)(const void *)pane->at;
    for (size_t i = 0; i < pane->size / sizeof *old; i++) {
        value *value = value_of(hand, old[i].id);
        value->cents -= old[i].cents;
        value->rows -= old[i].rows;
        if (value->rows == 0)
            store_remove(&hand->store, old[i].id);
    }
    pane->size = 0;
    batch_add(hand, input, false);
    for (size_t i = 0; i < touched_count(hand); i++) {
        value *value = value_of(hand, touched_nth(hand, i));
        delta delta = { touched_nth(hand, i), value->batch_cents, value->batch_rows };
        buffer_append(pane, &delta, sizeof delta);
        value->cents += value->batch_cents;
        value->rows += value->batch_rows;
        value->batch_cents = value->batch_rows = 0;
    }
}

static inline void window_tell(hand *hand, told told)
{
    for (uint32_t id = 0; id < hand->store.used; id++) {
        if (!store_holds(&hand->store, id))
            continue;
        const value *value = value_of(hand, id);
        key_out(hand, id)->cents = told == ROWS ? value->rows : value->cents;
    }
    out_end(hand);
}

void loop_count_window(hand *hand, const input *input)
{
    window_slide(hand, input);
    window_tell(hand, ROWS);
}

void loop_sum_window(hand *hand, const input *input)
{
    window_slide(hand, input);
    window_tell(hand, CENTS);
}

static bool comes_before(const hand *hand, uint32_t a, uint32_t b)
{
    const value *left = value_of(hand, a), *right = value_of(hand, b);
    if (left->rows != right->rows)
        return left->rows > right->rows;
    return sl_text_compare(key_first_text(store_key(&hand->store, a)),
                           key_first_text(store_key(&hand->store, b))) < 0;
}

void loop_top(hand *hand, const input *input)
{
    uint32_t best[TOP + 1];
    size_t count = 0;
    window_slide(hand, input);
    for (uint32_t id = 0; id < hand->store.used; id++) {
        if (!store_holds(&hand->store, id) || (count == TOP && !comes_before(hand, id, best[TOP - 1])))
            continue;
        size_t at = count < TOP ? count++ : TOP - 1;
        for (; at && comes_before(hand, id, best[at - 1]); at--)
            best[at] = best[at - 1];
        best[at] = id;
    }
    for (size_t i = 0; i < count; i++) {
        visit *out = key_out(hand, best[i]);
        out->cents = value_of(hand, best[i])->rows;
        out->rank = (int64_t)i + 1;
    }
    out_end(hand);
}

/* ---- For ever ---- */

void loop_distinct_ever(hand *hand, const input *input)
{
    uint32_t ids[VECTOR];
    for (size_t from = 0; from < input->count; from += VECTOR) {
        size_t count = input->count - from < VECTOR ? input->count - from : VECTOR;
        ids_of(hand, input->visits + from, count, ids);
        for (size_t i = 0; i < count; i++)
            if (value_of(hand, ids[i])->rows++ == 0)
                *out_next(hand) = (visit){ .user = input->visits[from + i].user };
    }
    out_end(hand);
}

void loop_update(hand *hand, const input *input)
{
    uint32_t ids[VECTOR];
    hand->touched.size = 0;
    for (size_t from = 0; from < input->count; from += VECTOR) {
        size_t count = input->count - from < VECTOR ? input->count - from : VECTOR;
        ids_of(hand, input->visits + from, count, ids);
        for (size_t i = 0; i < count; i++) {
            value *value = value_of(hand, ids[i]);
            visit state = { .cents = value->cents, .most = value->most };
            visit_state(&state, input->visits[from + i].cents);
            value->cents = state.cents;
            value->most = state.most;
            if (value->batch_rows++ == 0)
                buffer_append(&hand->touched, &ids[i], sizeof ids[i]);
        }
    }
    for (size_t i = 0; i < touched_count(hand); i++) {
        value *value = value_of(hand, touched_nth(hand, i));
        visit *out = key_out(hand, touched_nth(hand, i));
        out->cents = value->cents;
        out->most = value->most;
        value->batch_rows = 0;
    }
    out_end(hand);
}

void loop_about(hand *hand, const input *input)
{
    static uint8_t registers[1 << 12];
    memset(registers, 0, sizeof registers);
    for (size_t i = 0; i < input->count; i++) {
        row_key key = key_of(&input->visits[i], &hand->memory);
        sl_text bytes = key_bytes(&key);
        uint64_t hash = hash_bytes(bytes.at, bytes.size), rest = hash << 12;
        uint8_t rank = (uint8_t)(rest ? __builtin_clzll(rest) + 1 : 53), *chosen = &registers[hash >> 52];
        *chosen = *chosen > rank ? *chosen : rank;
    }
    for (size_t i = 0; i < sizeof registers; i++)
        taken_sum += registers[i];
}
