/*
 * tests/batches/positions.c - whose a position is: of a partition that is here, that will be here, of a topic that is another
 * one now, or of nobody.
 */
#include <batches/inputs.h>
#include <batches/positions.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A topic of which this many partitions are shown. */
typedef struct topic {
    source_partition partitions[8];
    size_t count, most;
} topic;

static size_t topic_partitions(void *self, source_partition **partitions)
{
    *partitions = ((topic *)self)->partitions;
    return ((topic *)self)->count;
}

static bool topic_expect(void *self, const char *name, int32_t partition)
{
    topic *topic = self;
    assert_string_equal(name, "realtime");
    if ((size_t)partition >= topic->most)
        return false;
    topic->count = (size_t)partition + 1;
    return true;
}

static void topic_close(void *self)
{
    (void)self;
}

static const source_kind topic_kind = {
    .name = "topic", .partitions = topic_partitions, .expect = topic_expect, .close = topic_close
};

static void topic_open(inputs *inputs, topic *topic, int32_t incarnation, const char *options)
{
    inputs_open(inputs, options);
    *topic = (struct topic){ .count = 2, .most = 6 };
    for (int32_t i = 0; i < 8; i++)
        topic->partitions[i] = (source_partition){
            .topic = "realtime", .partition = i, .offset = -1, .incarnation = incarnation
        };
    intake_input *input = intake_add(&inputs->intake, &topic_kind, &inputs->spec);
    input->self = topic;
    intake_number(&inputs->intake, input);
}

static position_past past_of(const char *name, int32_t partition, int64_t until)
{
    return (position_past){ .name = { name, strlen(name) }, .partition = partition, .until = until };
}

static sl_result restore(inputs *inputs, const char *name, int32_t partition, failure *failure)
{
    position_past past = past_of(name, partition, 500);
    return position_restore(&inputs->intake, &past, failure);
}

static int64_t position_at(const inputs *inputs, const char *name, int32_t partition)
{
    int64_t number = intake_find(&inputs->intake, name, partition);
    assert_true(number >= 0);
    return inputs->intake.positions[number].next;
}

static void a_topics_later_incarnation_is_part_of_its_name_and_of_documents_ids(void **state)
{
    (void)state;
    static const struct {
        int32_t incarnation;
        const char *name, *id;
    } cases[] = { { 0, "realtime", "realtime-1-" },
                  { 1, "realtime", "realtime-1-" },
                  { 2, "realtime~2", "realtime~2-1-" },
                  { 13, "realtime~13", "realtime~13-1-" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        inputs inputs = { 0 };
        topic topic;
        topic_open(&inputs, &topic, cases[i].incarnation, "");
        const origin_name *name = &inputs.intake.origins.at[inputs.intake.origins.count - 1];
        assert_string_equal(name->topic, "realtime");
        assert_string_equal(name->name, cases[i].name);
        assert_string_equal(name->id, cases[i].id);
        assert_int_equal(name->id_size, strlen(cases[i].id));
        inputs_close(&inputs);
    }
}

static void a_partition_that_is_here_goes_on_where_it_was(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    topic topic;
    failure failure = { 0 };
    topic_open(&inputs, &topic, 2, "");
    assert_int_equal(restore(&inputs, "realtime~2", 1, &failure), SL_OK);
    assert_int_equal(position_at(&inputs, "realtime~2", 1), 500);
    assert_int_equal(position_at(&inputs, "realtime~2", 0), -1);
    inputs_close(&inputs);
}

static void a_partition_that_is_not_shown_is_waited_for_where_it_can_be(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    topic topic;
    failure failure = { 0 };
    int64_t number;
    topic_open(&inputs, &topic, 1, "");
    assert_int_equal(restore(&inputs, "realtime", 3, &failure), SL_OK);
    assert_int_equal(topic.count, 4);
    assert_int_equal(position_at(&inputs, "realtime", 3), 500);
    assert_int_equal(position_at(&inputs, "realtime", 2), -1);
    position_past cut = past_of("realtime", 5, 700);
    cut.batch_id = 9;
    assert_int_equal(position_of_cut(&inputs.intake, &cut, &number, &failure), SL_OK);
    assert_int_equal(number, intake_find(&inputs.intake, "realtime", 5));
    assert_int_equal(restore(&inputs, "realtime", 7, &failure), SL_OK); /* not there, and never was */
    assert_int_equal(intake_find(&inputs.intake, "realtime", 7), -1);
    cut = past_of("realtime", 7, 700);
    cut.batch_id = 9;
    assert_int_equal(position_of_cut(&inputs.intake, &cut, &number, &failure), SL_DATA_LOSS);
    assert_non_null(strstr(failure.text, "batch 9 with realtime partition 7"));
    inputs_close(&inputs);
}

static void assert_loss(inputs *inputs, const char *name)
{
    failure failure = { 0 };
    assert_int_equal(restore(inputs, name, 4, &failure), SL_DATA_LOSS);
    assert_non_null(strstr(failure.text, "topic \"realtime\" was deleted and made anew"));
    assert_non_null(strstr(failure.text, "partition 4 was done up to offset 500"));
    assert_non_null(strstr(failure.text, "--on-data-loss skip"));
}

static void positions_of_another_incarnation_are_data_loss(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    topic topic;
    failure failure = { 0 };
    int64_t number = 0;
    topic_open(&inputs, &topic, 2, "");
    assert_loss(&inputs, "realtime");
    assert_loss(&inputs, "realtime~3"); /* a copy of the folder that is older than the list of topics */
    position_past cut = past_of("realtime", 0, 700);
    cut.batch_id = 9;
    assert_int_equal(position_of_cut(&inputs.intake, &cut, &number, &failure), SL_DATA_LOSS);
    assert_int_equal(number, -1);
    assert_non_null(strstr(failure.text, "batch 9 was cut up to offset 700 of partition 0"));
    inputs_close(&inputs);
}

static void with_skip_the_new_topic_is_read_from_its_begin(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    topic topic;
    failure failure = { 0 };
    int64_t number = 0;
    topic_open(&inputs, &topic, 2, "--on-data-loss skip --from-offsets latest");
    assert_int_equal(restore(&inputs, "realtime", 0, &failure), SL_OK);
    position_past cut = past_of("realtime", 1, 700);
    cut.batch_id = 9;
    assert_int_equal(position_of_cut(&inputs.intake, &cut, &number, &failure), SL_OK);
    assert_int_equal(number, -1);
    for (int32_t i = 0; i < 2; i++)
        assert_int_equal(position_at(&inputs, "realtime~2", i), SOURCE_BEGIN);
    inputs_close(&inputs);
}

/* A path may look like it. */
static void what_has_no_incarnations_is_no_others_successor(void **state)
{
    (void)state;
    inputs inputs = { 0 };
    topic topic;
    failure failure = { 0 };
    topic_open(&inputs, &topic, 0, "");
    assert_int_equal(restore(&inputs, "realtime~2", 0, &failure), SL_OK);
    assert_int_equal(position_at(&inputs, "realtime", 0), -1);
    inputs_close(&inputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topics_later_incarnation_is_part_of_its_name_and_of_documents_ids),
        cmocka_unit_test(a_partition_that_is_here_goes_on_where_it_was),
        cmocka_unit_test(a_partition_that_is_not_shown_is_waited_for_where_it_can_be),
        cmocka_unit_test(positions_of_another_incarnation_are_data_loss),
        cmocka_unit_test(with_skip_the_new_topic_is_read_from_its_begin),
        cmocka_unit_test(what_has_no_incarnations_is_no_others_successor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
