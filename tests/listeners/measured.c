/*
 * tests/listeners/measured.c - a batch with something of everything that metrics are made of.
 */
#include <listeners/measured.h>

static const sl_output_info outputs[] = {
    { .id = 0, .name = "documents", .description = "elastic" },
    { .id = 1, .name = "tops", .description = "redis", .error = "no answer" }
};
static const sl_range ranges[] = { { "realtime", 0, 100, 220, 220, 1795402679000 },
                                   { "real \"time\"", 1, 90, 210, 260, 0 } };
static const sl_counter counters[] = { { "bad_age", 4 } };
static const sl_step steps[] = { { "reading", 1000000 }, { "parse", 2500000 } };
static const sl_lookup_info lookups[] = {
    { .name = "customers", .rows = 238, .missed = 3, .asked = 20, .asking_ns = 5000000 }
};

sl_start_info measured_start(void)
{
    return (sl_start_info){
        .job = "my.job", .interval_ms = 2000, .workers = 2, .outputs = outputs, .output_count = 2
    };
}

sl_batch_info measured_batch(sl_batch_state state)
{
    return (sl_batch_info){ .job = "my.job",
                            .batch_id = 17,
                            .batch_time_ms = 1795402680000,
                            .interval_ms = 2000,
                            .state = state,
                            .attempt = 1,
                            .records = 240,
                            .ranges = ranges,
                            .range_count = 2,
                            .submission_time_ms = 1795402680001,
                            .processing_start_time_ms = 1795402680002,
                            .processing_end_time_ms = 1795402680500,
                            .scheduling_delay_ms = 0.5,
                            .processing_ms = 3.2,
                            .total_delay_ms = 3.7,
                            .written = 237,
                            .filtered = 1,
                            .dead_letters = 2,
                            .lookup_missed = 3,
                            .counters = counters,
                            .counter_count = 1,
                            .phases = { 500000, 2000000, 700000, 400000, 100000 },
                            .steps = steps,
                            .step_count = 2,
                            .outputs = outputs,
                            .output_count = 2,
                            .lookups = lookups,
                            .lookup_count = 1 };
}
