/* SPDX-License-Identifier: Apache-2.0 */
/* int2vector and oidvector: arrays with lower bound 0, written as "1 2 3". */
#include "server/types/array.h"
#include "server/types/types_private.h"

static struct datum
make_vector(const struct type_context *context, const struct type *element,
            const struct datum *values, uint32_t count)
{
    int32_t size = (int32_t)count;
    int32_t lower = 0;
    struct ky_slice bytes = array_make_shaped(context->arena, element, values, 1, &size, &lower);
    return datum_bytes(bytes.data, bytes.size);
}

ky_status
intvector_in(const struct type *type, const struct type_context *context, struct ky_slice text,
             int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    const struct type *element = type_get(type->element_oid);
    /* Numbers are a digit and a blank at least. */
    struct datum *values = ky_arena_array(context->arena, struct datum, text.size / 2 + 1);
    uint32_t count = 0;
    const char *p = text.size == 0 ? "" : text.data;
    const char *end = p + text.size;
    while (p < end) {
        if (type_is_space(*p)) {
            p++;
            continue;
        }
        const char *start = p;
        while (p < end && !type_is_space(*p)) {
            p++;
        }
        KY_TRY(element->input(element, context, ky_slice(start, (size_t)(p - start)), -1,
                              &values[count++], err));
    }
    *out = make_vector(context, element, values, count);
    return KY_OK;
}

void
intvector_out(const struct type *type KY_UNUSED, const struct type_context *context,
              struct datum value, struct ky_buffer *out)
{
    struct array_view view;
    array_open(value.bytes, &view);
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        if (i > 0) {
            ky_buffer_append_byte(out, ' ');
        }
        view.element->output(view.element, context, array_next(&view, &cursor), out);
    }
}

ky_status
intvector_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
               int32_t typmod, struct datum *out, struct ky_error *err)
{
    struct datum value;
    KY_TRY(array_recv(type, context, wire, typmod, &value, err));
    struct array_view view;
    array_open(value.bytes, &view);
    bool has_nulls = ky_load_le32((const uint8_t *)value.bytes.data + 4) != 0;
    if (view.dimension_count > 1 || has_nulls || (view.count > 0 && view.lower[0] != 0)) {
        return ky_error_set(err, KY_INVALID_BINARY_REPRESENTATION, "invalid %s data", type->name);
    }
    struct datum *values = ky_arena_array(context->arena, struct datum, view.count);
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        values[i] = array_next(&view, &cursor);
    }
    *out = make_vector(context, view.element, values, view.count);
    return KY_OK;
}

void
intvector_send(const struct type *type, const struct type_context *context, struct datum value,
               struct ky_buffer *out)
{
    array_send(type, context, value, out);
}
