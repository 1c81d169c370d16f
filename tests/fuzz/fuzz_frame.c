/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/crc32c.h"
#include "storage/log/frame.h"
#include "storage/log/manifest.h"
#include "storage/log/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
decode_records(struct ky_slice records)
{
    struct record record;
    struct ky_error err = {0};
    while (record_decode(records, records.size % 16 == 0, &record, &err) == KY_OK) {
        size_t used = record_size(record.body.size);
        KY_ASSERT(used <= records.size);
        records = ky_slice((const uint8_t *)records.data + used, records.size - used);
    }
}

/* Any bytes as a frame, as records and as a manifest. The header's checksum is put right, so that
 * what stands behind it is reached; a frame that decodes must encode to the same header. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ky_error err = {0};
    struct manifest manifest = {0};
    if (manifest_decode(ky_slice(data, size), "fuzz", &manifest, &err) == KY_OK) {
        manifest_deinit(&manifest);
    }
    decode_records(ky_slice(data, size));
    uint8_t *copy = malloc(size + 8); /* aligned, as in a segment */
    KY_ASSERT(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    struct frame frame;
    struct frame_sums sums;
    uint8_t again[FRAME_HEADER_SIZE];
    lsn_t lsn = 0;
    if (size >= FRAME_HEADER_SIZE) {
        ky_store_le32(copy + 92, ky_crc32c(0, copy, 92));
        lsn = ky_load_le64(copy + 16);
    }
    if (frame_decode(ky_slice(copy, size), lsn, &frame, &sums, &err) == KY_OK) {
        KY_ASSERT(frame_payload(&frame).size <= size - FRAME_HEADER_SIZE);
        decode_records(frame.records);
        frame_encode_header(again, &frame, sums);
        KY_ASSERT(memcmp(again, copy, FRAME_HEADER_SIZE) == 0);
    }
    free(copy);
    return 0;
}
