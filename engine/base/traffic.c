/*
 * base/traffic.c - sums of the process.
 */
#include <base/traffic.h>
#include <stdatomic.h>

static struct {
    atomic_int_least64_t requests, answers, bytes_out, bytes_in, records, latency_ns, blocked_ns;
} sums[TRAFFIC_SERVERS];

static void sum_add(atomic_int_least64_t *sum, int64_t amount)
{
    if (amount)
        atomic_fetch_add_explicit(sum, amount, memory_order_relaxed);
}

void traffic_add(traffic_server server, const traffic *amount)
{
    if (server == TRAFFIC_NONE)
        return;
    sum_add(&sums[server].requests, amount->requests);
    sum_add(&sums[server].answers, amount->answers);
    sum_add(&sums[server].bytes_out, amount->bytes_out);
    sum_add(&sums[server].bytes_in, amount->bytes_in);
    sum_add(&sums[server].records, amount->records);
    sum_add(&sums[server].latency_ns, amount->latency_ns);
    sum_add(&sums[server].blocked_ns, amount->blocked_ns);
}

traffic traffic_of(traffic_server server)
{
    return (traffic){
        .requests = atomic_load(&sums[server].requests),
        .answers = atomic_load(&sums[server].answers),
        .bytes_out = atomic_load(&sums[server].bytes_out),
        .bytes_in = atomic_load(&sums[server].bytes_in),
        .records = atomic_load(&sums[server].records),
        .latency_ns = atomic_load(&sums[server].latency_ns),
        .blocked_ns = atomic_load(&sums[server].blocked_ns),
    };
}
