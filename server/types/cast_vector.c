/* SPDX-License-Identifier: Apache-2.0 */
/* Casts among vector, halfvec, sparsevec and arrays of numbers, as in pgvector. */
#include <math.h>

#include "server/base/half.h"
#include "server/types/array.h"
#include "server/types/numeric.h"
#include "server/types/types_private.h"
#include "server/types/vector_value.h"

#define CAST_PARAMETERS                                                                         \
    const struct type_context *context KY_UNUSED, struct datum value, int32_t typmod KY_UNUSED, \
        bool is_explicit KY_UNUSED, struct datum *out, struct ky_error *err KY_UNUSED

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

/* Any of the three from dense floats, elements checked. */
static ky_status
make(const struct type *target, struct ky_arena *arena, const float *elements, uint32_t count,
     struct datum *out, struct ky_error *err)
{
    struct ky_slice bytes = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (target->oid == OID_HALFVEC) {
            KY_TRY(vector_check_half(elements[i], err));
        }
        KY_TRY(vector_check_element(target, elements[i], err));
    }
    if (target->oid == OID_VECTOR) {
        uint8_t *values = ky_arena_alloc(arena, (size_t)count * sizeof(float));
        memcpy(values, elements, (size_t)count * sizeof(float));
        bytes = ky_slice(values, (size_t)count * sizeof(float));
    } else if (target->oid == OID_HALFVEC) {
        uint8_t *values = ky_arena_alloc(arena, (size_t)count * sizeof(uint16_t));
        for (uint32_t i = 0; i < count; i++) {
            ky_store_le16(values + (size_t)i * 2, ky_half_from_float(elements[i]));
        }
        bytes = ky_slice(values, (size_t)count * sizeof(uint16_t));
    } else {
        const size_t room = KY_MIN(count, (uint32_t)SPARSEVEC_ELEMENTS_MAX) + (size_t)1;
        uint32_t *indices = ky_arena_array(arena, uint32_t, room);
        float *values = ky_arena_array(arena, float, room);
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (elements[i] != 0 && kept == SPARSEVEC_ELEMENTS_MAX) {
                return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                                    "sparsevec cannot have more than %d non-zero elements",
                                    SPARSEVEC_ELEMENTS_MAX);
            }
            if (elements[i] != 0) {
                indices[kept] = i;
                values[kept++] = elements[i];
            }
        }
        bytes = sparsevec_make(arena, count, indices, values, kept);
    }
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}

static ky_status
from_array(oid_t target_oid, const struct type_context *context, struct datum value,
           struct datum *out, struct ky_error *err)
{
    const struct type *target = type_get(target_oid);
    struct array_view view;
    array_open(value.bytes, &view);
    if (view.dimension_count > 1) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "array must be 1-D");
    }
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        if (array_next(&view, &cursor).is_null) {
            return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED, "array must not contain nulls");
        }
    }
    KY_TRY(vector_check_dimensions(target, view.count, err));
    float *elements = ky_arena_array(context->arena, float, view.count);
    cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        elements[i] = element_value(view.element, array_next(&view, &cursor));
    }
    return make(target, context->arena, elements, view.count, out, err);
}

static ky_status
array_to_vector(CAST_PARAMETERS)
{
    return from_array(OID_VECTOR, context, value, out, err);
}

static ky_status
array_to_halfvec(CAST_PARAMETERS)
{
    return from_array(OID_HALFVEC, context, value, out, err);
}

static ky_status
array_to_sparsevec(CAST_PARAMETERS)
{
    return from_array(OID_SPARSEVEC, context, value, out, err);
}

/* Dense floats of any of the three. */
static float *
elements_of(oid_t source, struct ky_arena *arena, struct ky_slice value, uint32_t *count_out)
{
    const uint32_t count = source == OID_VECTOR    ? vector_dimensions(value)
                           : source == OID_HALFVEC ? halfvec_dimensions(value)
                                                   : sparsevec_dimensions(value);
    float *elements = ky_arena_array(arena, float, (size_t)count + 1);
    for (uint32_t i = 0; source == OID_VECTOR && i < count; i++) {
        elements[i] = vector_element(value, i);
    }
    for (uint32_t i = 0; source == OID_HALFVEC && i < count; i++) {
        elements[i] = halfvec_element(value, i);
    }
    for (uint32_t i = 0; source == OID_SPARSEVEC && i < sparsevec_count(value); i++) {
        elements[sparsevec_index(value, i)] = sparsevec_element(value, i);
    }
    *count_out = count;
    return elements;
}

static ky_status
convert(oid_t source, oid_t target_oid, const struct type_context *context, struct datum value,
        struct datum *out, struct ky_error *err)
{
    const struct type *target = type_get(target_oid);
    uint32_t count = 0;
    if (source == OID_SPARSEVEC) {
        KY_TRY(vector_check_dimensions(target, sparsevec_dimensions(value.bytes), err));
    }
    const float *elements = elements_of(source, context->arena, value.bytes, &count);
    return make(target, context->arena, elements, count, out, err);
}

#define CONVERT(name, source, target)                             \
    static ky_status name(CAST_PARAMETERS)                        \
    {                                                             \
        return convert(source, target, context, value, out, err); \
    }
CONVERT(vector_to_halfvec, OID_VECTOR, OID_HALFVEC)
CONVERT(vector_to_sparsevec, OID_VECTOR, OID_SPARSEVEC)
CONVERT(halfvec_to_vector, OID_HALFVEC, OID_VECTOR)
CONVERT(halfvec_to_sparsevec, OID_HALFVEC, OID_SPARSEVEC)
CONVERT(sparsevec_to_vector, OID_SPARSEVEC, OID_VECTOR)
CONVERT(sparsevec_to_halfvec, OID_SPARSEVEC, OID_HALFVEC)

static ky_status
to_array(oid_t source, const struct type_context *context, struct datum value, struct datum *out)
{
    uint32_t count = 0;
    const float *elements = elements_of(source, context->arena, value.bytes, &count);
    struct datum *values = ky_arena_array(context->arena, struct datum, count);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = datum_real((double)elements[i]);
    }
    struct ky_slice bytes = array_make(context->arena, type_get(OID_FLOAT4), values, count);
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}

static ky_status
vector_to_array(CAST_PARAMETERS)
{
    return to_array(OID_VECTOR, context, value, out);
}

static ky_status
halfvec_to_array(CAST_PARAMETERS)
{
    return to_array(OID_HALFVEC, context, value, out);
}

#define FN(source, target, context, fn, oid)                  \
    {                                                         \
        (source), (target), (context), CAST_FUNCTION, fn, oid \
    }
const struct cast vector_casts[] = {
    FN(OID_VECTOR, OID_FLOAT4_ARRAY, CAST_IMPLICIT, vector_to_array, 15164),
    FN(OID_INT4_ARRAY, OID_VECTOR, CAST_ASSIGNMENT, array_to_vector, 15160),
    FN(OID_FLOAT4_ARRAY, OID_VECTOR, CAST_ASSIGNMENT, array_to_vector, 15161),
    FN(OID_FLOAT8_ARRAY, OID_VECTOR, CAST_ASSIGNMENT, array_to_vector, 15162),
    FN(OID_NUMERIC_ARRAY, OID_VECTOR, CAST_ASSIGNMENT, array_to_vector, 15163),
    FN(OID_VECTOR, OID_HALFVEC, CAST_IMPLICIT, vector_to_halfvec, 15224),
    FN(OID_HALFVEC, OID_VECTOR, CAST_ASSIGNMENT, halfvec_to_vector, 15225),
    FN(OID_HALFVEC, OID_FLOAT4_ARRAY, CAST_ASSIGNMENT, halfvec_to_array, 15230),
    FN(OID_INT4_ARRAY, OID_HALFVEC, CAST_ASSIGNMENT, array_to_halfvec, 15226),
    FN(OID_FLOAT4_ARRAY, OID_HALFVEC, CAST_ASSIGNMENT, array_to_halfvec, 15227),
    FN(OID_FLOAT8_ARRAY, OID_HALFVEC, CAST_ASSIGNMENT, array_to_halfvec, 15228),
    FN(OID_NUMERIC_ARRAY, OID_HALFVEC, CAST_ASSIGNMENT, array_to_halfvec, 15229),
    FN(OID_VECTOR, OID_SPARSEVEC, CAST_IMPLICIT, vector_to_sparsevec, 15274),
    FN(OID_SPARSEVEC, OID_VECTOR, CAST_ASSIGNMENT, sparsevec_to_vector, 15275),
    FN(OID_HALFVEC, OID_SPARSEVEC, CAST_IMPLICIT, halfvec_to_sparsevec, 15276),
    FN(OID_SPARSEVEC, OID_HALFVEC, CAST_ASSIGNMENT, sparsevec_to_halfvec, 15277),
    FN(OID_INT4_ARRAY, OID_SPARSEVEC, CAST_ASSIGNMENT, array_to_sparsevec, 15278),
    FN(OID_FLOAT4_ARRAY, OID_SPARSEVEC, CAST_ASSIGNMENT, array_to_sparsevec, 15279),
    FN(OID_FLOAT8_ARRAY, OID_SPARSEVEC, CAST_ASSIGNMENT, array_to_sparsevec, 15280),
    FN(OID_NUMERIC_ARRAY, OID_SPARSEVEC, CAST_ASSIGNMENT, array_to_sparsevec, 15281),
};
const size_t vector_casts_count = KY_COUNT_OF(vector_casts);
