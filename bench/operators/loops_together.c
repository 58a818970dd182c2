/*
 * bench/operators/loops_together.c - loops by hand: rows of a key together, rows of a window, a table. See loops.h.
 */
#include "loops.h"

/* ---- Rows together ---- */

void loop_exchange(hand *hand, const input *input)
{
    for (size_t s = 0; s < 16; s++)
        hand->shards[s].size = 0;
    for (size_t i = 0; i < input->count; i++) {
        row_key key = key_of(&input->visits[i], &hand->memory);
        buffer_append(&hand->shards[key_hash(key) % 16], &input->visits[i], sizeof(visit));
    }
    for (size_t s = 0; s < 16; s++) {
        size_t count = hand->shards[s].size / sizeof(visit);
        for (size_t from = 0; from < count; from += CHUNK_ROWS)
            visits_take(hand->shards[s].at + from * sizeof(visit),
                        count - from < CHUNK_ROWS ? count - from : CHUNK_ROWS);
    }
}

/* Which key each row has, and how many rows each key has. */
static void rows_count(hand *hand, const visit *rows, size_t all)
{
    hand->ids.size = hand->touched.size = 0;
    uint32_t *ids = (uint32_t *)(void *)buffer_reserve(&hand->ids, all * sizeof *ids);
    for (size_t from = 0; from < all; from += VECTOR) {
        size_t count = all - from < VECTOR ? all - from : VECTOR;
        ids_of(hand, rows + from, count, ids + from);
        for (size_t i = from; i < from + count; i++)
            if (value_of(hand, ids[i])->rows++ == 0)
                buffer_append(&hand->touched, &ids[i], sizeof ids[i]);
    }
}

/* The rows of each key one behind the other. */
static const visit *rows_place(hand *hand, const visit *rows, size_t all)
{
    uint32_t place = 0;
    const uint32_t *ids = (const uint32_t *)(const void *)hand->ids.at;
    hand->grouped.size = 0;
    visit *grouped = (visit *)(void *)buffer_reserve(&hand->grouped, all * sizeof *grouped);
    for (size_t i = 0; i < touched_count(hand); i++) {
        value *value = value_of(hand, touched_nth(hand, i));
        value->first_row = place;
        value->filled = 0;
        place += (uint32_t)value->rows;
    }
    for (size_t i = 0; i < all; i++) {
        value *value = value_of(hand, ids[i]);
        grouped[value->first_row + value->filled++] = rows[i];
    }
    return grouped;
}

void loop_group(hand *hand, const input *input)
{
    rows_count(hand, input->visits, input->count);
    const visit *grouped = rows_place(hand, input->visits, input->count);
    for (size_t i = 0; i < touched_count(hand); i++) {
        const value *value = value_of(hand, touched_nth(hand, i));
        *out_next(hand) = visit_of_group(grouped + value->first_row, (size_t)value->rows);
    }
    out_end(hand);
    store_clear(&hand->store);
}

void loop_join(hand *hand, const input *input)
{
    uint32_t ids[VECTOR];
    rows_count(hand, input->rights, input->users);
    const visit *rights = rows_place(hand, input->rights, input->users);
    for (size_t from = 0; from < input->count; from += VECTOR) {
        size_t count = input->count - from < VECTOR ? input->count - from : VECTOR;
        ids_of(hand, input->visits + from, count, ids);
        for (size_t i = 0; i < count; i++) {
            const value *value = value_of(hand, ids[i]);
            for (int64_t r = 0; r < value->rows; r++) {
                visit *out = out_next(hand);
                *out = input->visits[from + i];
                out->most = rights[value->first_row + r].cents;
            }
        }
    }
    out_end(hand);
    store_clear(&hand->store);
}

void loop_rows(hand *hand, const input *input)
{
    size_t newest = hand->round++ % KEPT_PANES;
    hand->rows[newest].size = 0;
    arena_reset(&hand->texts[newest]);
    for (size_t i = 0; i < input->count; i++) {
        visit row = input->visits[i];
        row.user.at = arena_copy(&hand->texts[newest], row.user.at, row.user.size);
        buffer_append(&hand->rows[newest], &row, sizeof row);
    }
    for (size_t p = 0; p < KEPT_PANES; p++) {
        size_t count = hand->rows[p].size / sizeof(visit);
        for (size_t from = 0; from < count; from += CHUNK_ROWS)
            visits_take(hand->rows[p].at + from * sizeof(visit),
                        count - from < CHUNK_ROWS ? count - from : CHUNK_ROWS);
    }
}

/* ---- A table ---- */

/* Users are numbers; each is as old as its number says. */
static person *person_new(hand *hand, sl_text user)
{
    person *made = arena_take(&hand->memory, sizeof *made);
    *made = (person){ .name = user };
    sl_to_i64(user, &made->age);
    return made;
}

void loop_look_up(hand *hand, const input *input)
{
    guest out[CHUNK_ROWS];
    for (size_t from = 0; from < input->count; from += VECTOR) {
        visit rows[VECTOR];
        uint32_t ids[VECTOR];
        size_t count = input->count - from < VECTOR ? input->count - from : VECTOR;
        for (size_t i = 0; i < count; i++)
            rows[i].user = input->guests[from + i].user;
        ids_of(hand, rows, count, ids);
        for (size_t i = 0; i < count; i++) {
            const person **known = store_value(&hand->store, ids[i]);
            if (*known == NULL)
                *known = person_new(hand, rows[i].user);
            out[from % CHUNK_ROWS + i] = (guest){ rows[i].user, *known };
        }
        if ((from + count) % CHUNK_ROWS == 0 || from + count == input->count)
            guests_take(out, from % CHUNK_ROWS + count);
    }
}
