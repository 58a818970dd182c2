/*
 * tests/listeners/measured.h - a batch with something of everything that metrics are made of.
 */
#ifndef TESTS_LISTENERS_MEASURED_H
#define TESTS_LISTENERS_MEASURED_H

#include <sluice/listener.h>

sl_start_info measured_start(void);
/* Batch 17: 240 records read, 237 of them written; 3.2 ms of processing; partition 1 lags by 50. */
sl_batch_info measured_batch(sl_batch_state state);

#endif
