/* SPDX-License-Identifier: Apache-2.0 */

/* Any bytes: parsing and checking agree, and what is written reads back as the same writing. */

#include "server/base/assert.h"
#include "server/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ky_arena arena;
    struct ky_error err;
    struct json_value *value = NULL;
    ky_arena_init(&arena);
    ky_status checked = json_validate(ky_slice(data, size), &err);
    if (json_parse(&arena, ky_slice(data, size), &value, &err) == KY_OK) {
        KY_ASSERT(checked == KY_OK);
        struct ky_buffer first = {0};
        struct ky_buffer second = {0};
        json_write_value(&first, value);
        ky_status again = json_parse(&arena, ky_buffer_slice(&first), &value, &err);
        KY_ASSERT(again == KY_OK);
        json_write_value(&second, value);
        KY_ASSERT(ky_slice_equal(ky_buffer_slice(&first), ky_buffer_slice(&second)));
        ky_buffer_deinit(&first);
        ky_buffer_deinit(&second);
    }
    ky_arena_deinit(&arena);
    return 0;
}
