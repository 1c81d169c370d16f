/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/inverted.h"
#include "server/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ky_buffer
keys_of(enum inverted_class class, struct datum value)
{
    struct ky_buffer keys = {0};
    inverted_add_keys(class, 0, value, &keys);
    inverted_seal_keys(&keys, 0);
    return keys;
}

/* Any text that jsonb takes. Its keys are those of an array that has nothing but it: arrays add
 * nothing, and where a value ends is found. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct type *type = type_get(OID_JSONB);
    struct ky_arena arena;
    struct type_context context;
    struct ky_error err;
    struct datum value;
    struct ky_buffer text = {0};
    ky_error_init(&err);
    ky_arena_init(&arena);
    type_context_init(&context, &arena);
    if (type->input(type, &context, ky_slice(data, size), -1, &value, &err) == KY_OK) {
        ky_buffer_append_byte(&text, '[');
        ky_buffer_append_slice(&text, value.bytes);
        ky_buffer_append_byte(&text, ']');
        for (enum inverted_class class = INVERTED_JSONB; class <= INVERTED_JSONB_PATH; class ++) {
            struct ky_buffer keys = keys_of(class, value);
            struct ky_buffer inside = keys_of(class, datum_bytes(text.data, text.size));
            KY_ASSERT(ky_slice_equal(ky_buffer_slice(&keys), ky_buffer_slice(&inside)));
            KY_ASSERT(keys.size <= size * INVERTED_KEY_SIZE);
            ky_buffer_deinit(&keys);
            ky_buffer_deinit(&inside);
        }
    }
    ky_buffer_deinit(&text);
    ky_arena_deinit(&arena);
    return 0;
}
