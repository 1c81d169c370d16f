/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of numbers to vector (assignment), vector to real[] (implicit), as in pgvector. */
#include "server/types/array.h"
#include "server/types/numeric.h"
#include "server/types/types_private.h"
#include "server/types/vector_value.h"

static float
element_value(const struct type *element, struct datum value)
{
    switch (element->storage) {
    case TYPE_WORD:
        return (float)value.word;
    case TYPE_FLOAT:
        return (float)value.real;
    case TYPE_BYTES:
        break;
    }
    return (float)numeric_to_double(value.bytes);
}

static ky_status
array_to_vector(const struct type_context *context, struct datum value, int32_t typmod KY_UNUSED,
                bool is_explicit KY_UNUSED, struct datum *out, struct ky_error *err)
{
    struct array_view view;
    array_open(value.bytes, &view);
    if (view.dimension_count > 1) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "array must be 1-D");
    }
    KY_TRY(vector_check_dimensions(view.count, err));
    uint8_t *values = ky_arena_alloc(context->arena, (size_t)view.count * sizeof(float));
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        struct datum element = array_next(&view, &cursor);
        if (element.is_null) {
            return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED, "array must not contain nulls");
        }
        float real = element_value(view.element, element);
        KY_TRY(vector_check_element(real, err));
        memcpy(values + (size_t)i * sizeof(float), &real, sizeof(real));
    }
    *out = datum_bytes(values, (size_t)view.count * sizeof(float));
    return KY_OK;
}

static ky_status
vector_to_array(const struct type_context *context, struct datum value, int32_t typmod KY_UNUSED,
                bool is_explicit KY_UNUSED, struct datum *out, struct ky_error *err KY_UNUSED)
{
    uint32_t count = vector_dimensions(value.bytes);
    struct datum *values = ky_arena_array(context->arena, struct datum, count);
    for (uint32_t i = 0; i < count; i++) {
        float real;
        memcpy(&real, (const uint8_t *)value.bytes.data + (size_t)i * sizeof(float), sizeof(real));
        values[i] = datum_real((double)real);
    }
    struct ky_slice bytes = array_make(context->arena, type_get(OID_FLOAT4), values, count);
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}

const struct cast vector_casts[] = {
    {OID_INT4_ARRAY, OID_VECTOR, CAST_ASSIGNMENT, CAST_FUNCTION, array_to_vector, 0},
    {OID_FLOAT4_ARRAY, OID_VECTOR, CAST_ASSIGNMENT, CAST_FUNCTION, array_to_vector, 0},
    {OID_FLOAT8_ARRAY, OID_VECTOR, CAST_ASSIGNMENT, CAST_FUNCTION, array_to_vector, 0},
    {OID_NUMERIC_ARRAY, OID_VECTOR, CAST_ASSIGNMENT, CAST_FUNCTION, array_to_vector, 0},
    {OID_VECTOR, OID_FLOAT4_ARRAY, CAST_IMPLICIT, CAST_FUNCTION, vector_to_array, 0},
};
const size_t vector_casts_count = KY_COUNT_OF(vector_casts);
