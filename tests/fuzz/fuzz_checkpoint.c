/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "storage/checkpoint/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes as a page: what decodes must encode to what decodes to the same. */
static void
try_page(const uint8_t *data, size_t size)
{
    struct checkpoint_versions *versions = ky_malloc(2 * sizeof(*versions));
    struct checkpoint_page entry = {0};
    if (size >= CHECKPOINT_PAGE_HEADER_SIZE) {
        entry.rel = ky_load_le32(data);
        entry.count = ky_load_le32(data + 4);
        entry.page = ky_load_le64(data + 8);
    }
    if (checkpoint_page_decode(ky_slice(data, size), &entry, LSN_MAX, &versions[0]) == NULL) {
        struct ky_buffer again = {0};
        checkpoint_page_encode(entry.rel, entry.page, &versions[0], &again);
        KY_ASSERT(checkpoint_page_decode(ky_buffer_slice(&again), &entry, LSN_MAX, &versions[1]) ==
                  NULL);
        KY_ASSERT(versions[0].count == versions[1].count);
        for (uint32_t i = 0; i < versions[0].count; i++) {
            KY_ASSERT(versions[0].slots[i] == versions[1].slots[i]);
            KY_ASSERT(versions[0].commit_lsns[i] == versions[1].commit_lsns[i]);
            KY_ASSERT(versions[0].locations[i] == versions[1].locations[i]);
        }
        ky_buffer_deinit(&again);
    }
    ky_free(versions);
}

/* Any bytes as a checkpoint's list, with its checksum put right, and as a page of rows. A list that
 * decodes encodes to the same bytes but for what is reserved. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ky_error err = {0};
    struct checkpoint_list *list = NULL;
    uint8_t *copy = malloc(size + 1);
    KY_ASSERT(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    if (size >= 8) {
        ky_store_le32(copy + size - 4, ky_crc32c(0, copy, size - 4));
    }
    if (checkpoint_list_decode(ky_slice(copy, size), "fuzz", &list, &err) == KY_OK) {
        struct ky_buffer again = {0};
        checkpoint_list_encode(list, &again);
        KY_ASSERT(again.size == size);
        (void)checkpoint_list_page(list, 1, 1);
        (void)checkpoint_list_part(list, "index-1");
        ky_buffer_deinit(&again);
        checkpoint_list_free(list);
    }
    free(copy);
    try_page(data, size);
    return 0;
}
