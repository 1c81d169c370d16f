/* SPDX-License-Identifier: Apache-2.0 */
#include "index/index.h"
#include "server/base/crc32c.h"
#include "server/base/epoch.h"
#include "server/base/map.h"
#include "tests/support/state_buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER_SIZE = 32, BLOCK_HEADER_SIZE = 32 };

/* Puts all checksums right, so that what stands behind them is reached. */
static void
mend(uint8_t *bytes, size_t size)
{
    if (size >= HEADER_SIZE) {
        ky_store_le32(bytes + 28, ky_crc32c(0, bytes, 28));
    }
    uint64_t number = 0;
    for (size_t at = HEADER_SIZE; size >= at + BLOCK_HEADER_SIZE; number++) {
        uint64_t payload_size =
            KY_MIN((uint64_t)ky_load_le32(bytes + at), size - at - BLOCK_HEADER_SIZE);
        ky_store_le64(bytes + at + 16,
                      ky_hash_bytes(bytes + at + BLOCK_HEADER_SIZE, payload_size, number));
        ky_store_le32(bytes + at + 28, ky_crc32c(0, bytes + at, 28));
        at += BLOCK_HEADER_SIZE + payload_size;
    }
}

/* Any bytes as a saved index. What loads is a sound tree, and saves to what loads again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ky_error err = {0};
    struct index *index = NULL;
    struct state_map *map = buffer_map_new(data, size);
    if (size % 2 == 0) {
        mend(((struct buffer_map *)map)->copy, size);
    }
    if (index_load(INDEX_KIND_BTREE, map, NULL, NULL, &index, &err) != KY_OK) {
        KY_ASSERT(err.sqlstate == KY_DATA_CORRUPTED);
        map->release(map);
        return 0;
    }
    struct buffer_sink sink;
    struct index *again = NULL;
    struct index_stats stats;
    struct index_stats again_stats;
    buffer_sink_init(&sink);
    KY_ASSERT(index_verify(index, &err) == KY_OK);
    KY_ASSERT(index_save(index, NULL, NULL, &sink.sink, &err) == KY_OK);
    KY_ASSERT(index_load(INDEX_KIND_BTREE, buffer_map_new(sink.bytes.data, sink.bytes.size), NULL,
                         NULL, &again, &err) == KY_OK);
    index_stats(index, &stats);
    index_stats(again, &again_stats);
    KY_ASSERT(stats.entries == again_stats.entries);
    ky_buffer_deinit(&sink.bytes);
    index_free(again);
    index_free(index);
    ky_epoch_drain();
    return 0;
}
