/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

struct storage;

/* The thread that starts checkpoints: by time, and by the size of the log since the last one. */
struct checkpointer;
struct checkpointer *checkpointer_start(struct storage *storage, int64_t interval_s,
                                        uint64_t log_bytes);
/* Ends the thread; a checkpoint under way finishes. */
void checkpointer_stop(struct checkpointer *checkpointer);
