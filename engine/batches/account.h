/*
 * batches/account.h - a batch's account as its line of JSON, without a line end.
 */
#ifndef BATCHES_ACCOUNT_H
#define BATCHES_ACCOUNT_H

#include <base/buffer.h>
#include <sluice/listener.h>

void account_print(const sl_batch_info *batch, buffer *out); /* appends; sl_batch_json() for listeners */

#endif
