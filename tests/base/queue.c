/*
 * tests/base/queue.c - pointers handed from thread to thread, in order, none lost.
 */
#include <base/queue.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <support/random.h>

#include <cmocka.h>

static void *item(size_t number)
{
    return (void *)(uintptr_t)(number + 1);
}

/* Any order of puts and takes, against two counters: what was put first comes first. */
static void items_come_in_order_while_the_ring_widens(void **state)
{
    (void)state;
    queue queue;
    dice dice = { 11 };
    size_t put = 0, taken = 0;
    queue_init(&queue, 3, false);
    for (int i = 0; i < 20000; i++) {
        if (put == taken || dice_below(&dice, 100) < 52)
            assert_true(queue_put(&queue, item(put++)));
        else
            assert_ptr_equal(queue_take(&queue), item(taken++));
        assert_int_equal(queue_count(&queue), put - taken);
    }
    assert_true(put - taken > 3);
    while (taken < put)
        assert_ptr_equal(queue_take(&queue), item(taken++));
    queue_done(&queue);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    queue queue;
    queue_init(&queue, 2, true);
    assert_true(queue_put(&queue, item(0)));
    assert_true(queue_put(&queue, item(1)));
    assert_false(queue_put(&queue, item(2)));
    assert_ptr_equal(queue_take(&queue), item(0));
    assert_true(queue_put(&queue, item(3)));
    assert_ptr_equal(queue_take(&queue), item(1));
    assert_ptr_equal(queue_take(&queue), item(3));
    queue_done(&queue);
}

static void a_closed_queue_gives_what_it_has_and_then_nothing(void **state)
{
    (void)state;
    queue queue;
    queue_init(&queue, 4, false);
    queue_put(&queue, item(0));
    queue_close(&queue);
    assert_false(queue_put(&queue, item(1)));
    assert_ptr_equal(queue_take(&queue), item(0));
    assert_null(queue_take(&queue));
    assert_null(queue_take(&queue));
    queue_done(&queue);
}

enum { TAKERS = 3, PUTTERS = 2, EACH = 5000 };

typedef struct sum {
    queue *queue;
    size_t items, total, from;
} sum;

static void *take_all(void *argument)
{
    sum *sum = argument;
    for (void *taken; (taken = queue_take(sum->queue)); sum->items++)
        sum->total += (size_t)(uintptr_t)taken;
    return NULL;
}

static void *put_some(void *argument)
{
    sum *sum = argument;
    for (size_t i = 0; i < EACH; i++)
        sum->items += queue_put(sum->queue, item(sum->from + i));
    return NULL;
}

static void several_threads_lose_nothing_and_end_when_it_closes(void **state)
{
    (void)state;
    queue queue;
    pthread_t threads[TAKERS + PUTTERS];
    sum sums[TAKERS + PUTTERS] = { 0 };
    size_t items = 0, total = 0, all = (size_t)PUTTERS * EACH;
    queue_init(&queue, 2, false);
    for (size_t i = 0; i < TAKERS + PUTTERS; i++) {
        sums[i] = (sum){ .queue = &queue, .from = i < TAKERS ? 0 : (i - TAKERS) * EACH };
        assert_int_equal(pthread_create(&threads[i], NULL, i < TAKERS ? take_all : put_some, &sums[i]), 0);
    }
    for (size_t i = TAKERS; i < TAKERS + PUTTERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(sums[i].items, EACH);
    }
    queue_close(&queue);
    for (size_t i = 0; i < TAKERS; i++) {
        pthread_join(threads[i], NULL);
        items += sums[i].items;
        total += sums[i].total;
    }
    assert_int_equal(items, all);
    assert_int_equal(total, all * (all + 1) / 2);
    queue_done(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_order_while_the_ring_widens),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(a_closed_queue_gives_what_it_has_and_then_nothing),
        cmocka_unit_test(several_threads_lose_nothing_and_end_when_it_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
