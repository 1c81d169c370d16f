/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/access/relation_stats_private.h"
#include "server/base/assert.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes as the counts that a checkpoint has saved, with their checksum put right. What is taken
 * twice is twice as much. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 1);
    KY_ASSERT(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    if (size >= 2 * sizeof(uint64_t)) {
        const size_t end = size - sizeof(uint64_t);
        ky_store_le64(copy + end, ky_crc32c(0, copy, end));
    }
    struct relation_stats *stats = aligned_alloc(64, sizeof(*stats));
    KY_ASSERT(stats != NULL);
    memset(stats, 0, sizeof(*stats));
    stats_init(stats);
    if (stats_decode(stats, NULL, ky_slice(copy, size))) {
        const uint64_t commits = atomic_load(&stats->shards[0].commits);
        KY_ASSERT(stats_decode(stats, NULL, ky_slice(copy, size)));
        KY_ASSERT(atomic_load(&stats->shards[0].commits) == 2 * commits);
    }
    stats_deinit(stats);
    free(stats);
    free(copy);
    return 0;
}
