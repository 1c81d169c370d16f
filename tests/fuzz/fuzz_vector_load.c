/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "server/base/epoch.h"
#include "tests/support/state_buffer.h"
#include "vector/collection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Puts all checksums right, so that what stands behind them is reached. */
static void
mend(uint8_t *bytes, size_t size)
{
    enum { HEADER_SIZE = 8 };
    uint32_t number = 0;
    for (size_t at = 0; size - at >= HEADER_SIZE; number++) {
        uint8_t encoded[4];
        size_t block = KY_MIN((size_t)ky_load_le32(bytes + at), size - at - HEADER_SIZE);
        ky_store_le32(encoded, number);
        uint32_t sum = ky_crc32c(ky_crc32c(0, encoded, 4), bytes + at + HEADER_SIZE, block);
        ky_store_le32(bytes + at + 4, sum);
        at += HEADER_SIZE + block;
    }
}

/* Any bytes as a saved collection. What loads can be searched, changed and saved. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vector_options options = {
        .dimension = 3, .m = 2, .ef_construction = 8, .has_graph = true};
    static const float query[3] = {1, 2, 3};
    struct ky_error err = {0};
    struct collection *collection = NULL;
    struct state_map *map = buffer_map_new(data, size);
    mend(((struct buffer_map *)map)->copy, size);
    if (collection_load(&options, map, NULL, NULL, &collection, &err) != KY_OK) {
        KY_ASSERT(err.sqlstate == KY_DATA_CORRUPTED || err.sqlstate == KY_OUT_OF_MEMORY);
        map->release(map);
        return 0;
    }
    struct vector_hit hits[16];
    uint32_t count = 0;
    struct vector_search search = {.query = query, .k = 16, .mode = VECTOR_MODE_ANN};
    KY_ASSERT(collection_search(collection, &search, hits, &count, NULL, &err) == KY_OK);
    const struct vector_work work = {.threads = 1};
    bool has_more = false;
    for (row_id_t i = 1; i <= 40; i++) {
        const float values[3] = {(float)i, 0, 1};
        KY_ASSERT(collection_insert(collection, i, values, NULL, &err) == KY_OK);
    }
    KY_ASSERT(collection_maintain(collection, 100, &work, &has_more, &err) == KY_OK);
    struct buffer_sink sink;
    buffer_sink_init(&sink);
    KY_ASSERT(collection_save(collection, NULL, NULL, &sink.sink, &err) == KY_OK);
    ky_buffer_deinit(&sink.bytes);
    collection_free(collection);
    ky_epoch_drain();
    return 0;
}
