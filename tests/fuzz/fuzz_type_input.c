/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte picks a type, the second text or binary, the rest is the value. What is accepted
 * must print, and what is printed must be accepted and print the same again.
 */
#include <ctype.h>

#include "server/base/assert.h"
#include "server/types/type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ky_buffer
print(const struct type *type, const struct type_context *context, struct datum value)
{
    struct ky_buffer text = {0};
    type->output(type, context, value, &text);
    return text;
}

/* PostgreSQL too prints times at the edge that it does not read: '1:00c42'::timetz, or the binary
 * interval of INT64_MIN microseconds. */
static bool
is_time(const struct type *type)
{
    const struct type *inner = type->category == 'A' ? type_get(type->element_oid) : type;
    return inner->category == 'D' || inner->category == 'T';
}

/* 100 hours and more from Greenwich, as POSIX zones may be: printed 06:00:00-101, which reads as
 * 1:01; PostgreSQL's do not come back either. */
static bool
has_far_zone(const struct type *type, const struct ky_buffer *text)
{
    bool is_timetz = type->oid == OID_TIMETZ || type->element_oid == OID_TIMETZ;
    for (size_t i = 0; is_timetz && i + 3 < text->size; i++) {
        const uint8_t *at = text->data + i;
        if ((at[0] == '-' || at[0] == '+') && isdigit(at[1]) && isdigit(at[2]) && isdigit(at[3])) {
            return true;
        }
    }
    return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count;
    const struct type *const *all = type_all(&count);
    if (size < 2) {
        return 0;
    }
    const struct type *type = all[data[0] % count];
    struct ky_arena arena;
    ky_arena_init(&arena);
    struct type_context context;
    type_context_init(&context, &arena);
    struct ky_error err = {0};
    struct datum value;
    struct ky_slice input = ky_slice(data + 2, size - 2);
    ky_status status = data[1] % 2 == 0 ? type->input(type, &context, input, -1, &value, &err)
                                        : type->receive(type, &context, input, -1, &value, &err);
    if (status == KY_OK) {
        struct ky_buffer first = print(type, &context, value);
        struct datum again;
        status = type->input(type, &context, ky_buffer_slice(&first), -1, &again, &err);
        if ((status != KY_OK && is_time(type)) || has_far_zone(type, &first)) {
            ky_buffer_deinit(&first);
            ky_arena_deinit(&arena);
            return 0;
        }
        KY_ASSERT(status == KY_OK);
        struct ky_buffer second = print(type, &context, again);
        KY_ASSERT(ky_slice_equal(ky_buffer_slice(&first), ky_buffer_slice(&second)));
        if (type->compare != NULL) {
            KY_ASSERT(type->compare(type, value, again) == 0);
            KY_ASSERT(type->hash(type, value) == type->hash(type, again));
        }
        struct ky_buffer wire = {0};
        type->send(type, &context, value, &wire);
        status = type->receive(type, &context, ky_buffer_slice(&wire), -1, &again, &err);
        KY_ASSERT(status == KY_OK);
        ky_buffer_deinit(&wire);
        ky_buffer_deinit(&first);
        ky_buffer_deinit(&second);
    } else {
        KY_ASSERT(err.sqlstate != KY_SUCCESSFUL_COMPLETION);
        KY_ASSERT(err.message[0] != '\0');
    }
    ky_arena_deinit(&arena);
    return 0;
}
