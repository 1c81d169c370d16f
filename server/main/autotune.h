/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* What follows from one knob, --memory, and from what was measured at start. */
struct autotune {
    uint64_t memory;        /* bytes for queries and caches */
    uint64_t vector_memory; /* bytes of vector indexes above which no graph is built */
    uint64_t work_mem;      /* bytes for one sort or hash before it spills */
    uint64_t wal_trigger;   /* bytes of log that start a checkpoint */
    int workers;
    int64_t sync_us; /* median of a small write and fdatasync in the data directory */
    char text[512];  /* SHOW kyro.autotune: what and why */
};
void autotune_choose(struct autotune *tune, const char *data_dir, uint64_t memory_wanted,
                     uint64_t vector_memory_wanted, int workers_wanted,
                     uint64_t wal_trigger_wanted);
