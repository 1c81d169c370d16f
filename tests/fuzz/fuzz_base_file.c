/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/crc32c.h"
#include "storage/compact/base_file.h"
#include "storage/log/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record that decodes encodes to the same bytes. */
static void
decode_records(struct ky_slice rest)
{
    struct base_record record;
    struct ky_error err = {0};
    size_t used = 0;
    while (base_record_decode(rest, true, &record, &used, &err) == KY_OK) {
        KY_ASSERT(used <= rest.size);
        KY_ASSERT(used == base_record_size(&record));
        uint8_t *again = malloc(used);
        KY_ASSERT(again != NULL);
        base_record_encode(again, &record);
        KY_ASSERT(memcmp(again, rest.data, RECORD_HEADER_SIZE + record.body.size) == 0);
        free(again);
        rest = ky_slice((const uint8_t *)rest.data + used, rest.size - used);
    }
}

/* The checksums that stand in front of other checks are put right. */
static void
mend(uint8_t *bytes, size_t size, const struct base_identity *identity)
{
    uint64_t seed = frame_seed(identity->system_id);
    uint64_t index_offset = ky_load_le64(bytes + 56);
    if (index_offset <= size) {
        ky_store_le64(bytes + 72,
                      frame_payload_sum(seed, bytes + index_offset, size - index_offset));
    }
    memcpy(bytes + 24, identity->system_id, 16);
    ky_store_le64(bytes + 40, identity->id);
    ky_store_le64(bytes + 48, size);
    ky_store_le32(bytes + 4092, ky_crc32c(0, bytes, 4092));
}

/* Any bytes as a base file, first as they are, then with its header's and index's sums put right.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct base_identity identity = {.system_id = "base file fuzz", .id = 7};
    struct ky_error err = {0};
    uint8_t *copy = malloc(size + 8); /* aligned, as a map is */
    KY_ASSERT(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    for (int round = 0; round < 2; round++) {
        struct base_file file = {0};
        if (base_file_decode(&file, ky_slice(copy, size), &identity, "fuzz", &err) == KY_OK) {
            (void)!base_file_check(&file, &err);
            for (uint32_t i = 0; i < file.block_count; i++) {
                struct base_block block = base_file_block(&file, i);
                decode_records(
                    ky_slice(copy + block.offset + BASE_BLOCK_HEADER_SIZE, block.payload_size));
            }
        }
        if (size >= BASE_HEADER_SIZE) {
            mend(copy, size, &identity);
        }
    }
    decode_records(ky_slice(copy, size));
    free(copy);
    return 0;
}
