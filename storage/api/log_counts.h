/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* What the logs of this process have done, for pg_stat_wal. */
struct log_counts {
    uint64_t frames;
    uint64_t bytes; /* of frames */
    uint64_t writes;
    uint64_t syncs;
    uint64_t sync_ns;
};
