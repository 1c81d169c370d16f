/* SPDX-License-Identifier: Apache-2.0 */
#include "index/index.h"
#include "server/base/crc32c.h"
#include "server/base/epoch.h"
#include "server/base/map.h"
#include "tests/support/state_buffer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAGE = 4096, SECTIONS = 6, SECTIONS_OFFSET = 96, SECTION_SIZE = 24 };

/* Puts all checksums right, so that what stands behind them is reached. */
static void
mend(uint8_t *bytes, size_t size)
{
    if (size < PAGE) {
        return;
    }
    for (uint32_t i = 0; i < SECTIONS; i++) {
        uint8_t *section = bytes + SECTIONS_OFFSET + (size_t)i * SECTION_SIZE;
        const uint64_t offset = ky_load_le64(section);
        const uint64_t length = ky_load_le64(section + 8);
        if (offset <= size && length <= size - offset) {
            ky_store_le64(section + 16, ky_hash_bytes(bytes + offset, length, i));
        }
    }
    ky_store_le32(bytes + PAGE - 4, ky_crc32c(0, bytes, PAGE - 4));
}

/* Whatever loads answers every key it holds, and keys it does not. */
static void
look_up(struct index *index)
{
    struct index_entry entries[64];
    struct index_scan scan = {.index = index};
    row_id_t row_ids[4];
    for (uint32_t count; (count = index_scan_next(&scan, entries, 64)) > 0;) {
        for (uint32_t i = 0; i < count; i++) {
            KY_ASSERT(index_find(index, entries[i].key, row_ids, 4) > 0);
        }
    }
    index_scan_deinit(&scan);
    (void)index_find(index, ky_slice("\1\377\377\377\377\377\377\377\377", 9), row_ids, 4);
    (void)index_find(index, ky_slice("", 0), row_ids, 4);
}

/* Any bytes as a saved learned index. What loads is sound, and saves to what loads again. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ky_error err = {0};
    struct index *index = NULL;
    struct state_map *map = buffer_map_new(data, size);
    mend(((struct buffer_map *)map)->copy, size);
    if (index_load(INDEX_KIND_RMI, map, NULL, NULL, &index, &err) != KY_OK) {
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
    look_up(index);
    KY_ASSERT(index_save(index, NULL, NULL, &sink.sink, &err) == KY_OK);
    KY_ASSERT(index_load(INDEX_KIND_RMI, buffer_map_new(sink.bytes.data, sink.bytes.size), NULL,
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
