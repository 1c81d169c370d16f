/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assigning to an element or a slice of an array. An array of one dimension grows to hold what is
 * assigned outside it, with nulls in between; one of several dimensions has its shape for good.
 */
#include "server/base/assert.h"
#include "server/types/array.h"

enum { ASSIGNED_ELEMENTS_MAX = 16 * 1024 * 1024 };

/* The array that is to be, and the box within it that is assigned. */
struct shape {
    int dimension_count;
    int32_t size[ARRAY_DIMENSIONS_MAX];
    int32_t lower[ARRAY_DIMENSIONS_MAX];
    int32_t from[ARRAY_DIMENSIONS_MAX]; /* of the box, counted as the array counts */
    int32_t to[ARRAY_DIMENSIONS_MAX];
};

static ky_status
error_subscript(const char *message, struct ky_error *err)
{
    return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR, "%s", message);
}

/* Where nothing is yet, the box is all there will be. */
static ky_status
shape_new(const struct array_bound *bounds, int count, struct shape *shape, struct ky_error *err)
{
    for (int i = 0; i < count; i++) {
        if (!bounds[i].has_lower || !bounds[i].has_upper) {
            error_subscript("array slice subscript must provide both boundaries", err);
            return ky_error_detail(err, "When assigning to a slice of an empty array value, slice "
                                        "boundaries must be fully specified.");
        }
        shape->from[i] = shape->lower[i] = bounds[i].lower;
        shape->to[i] = bounds[i].upper;
    }
    shape->dimension_count = count;
    return KY_OK;
}

static ky_status
shape_of_existing(const struct array_view *view, const struct array_bound *bounds, int count,
                  bool is_slice, struct shape *shape, struct ky_error *err)
{
    const bool may_grow = view->dimension_count == 1;
    if (is_slice ? count > view->dimension_count : count != view->dimension_count) {
        return error_subscript("wrong number of array subscripts", err);
    }
    shape->dimension_count = view->dimension_count;
    for (int i = 0; i < view->dimension_count; i++) {
        const int32_t last = view->lower[i] + view->size[i] - 1;
        const bool is_given = i < count;
        shape->lower[i] = view->lower[i];
        shape->size[i] = view->size[i];
        shape->from[i] = is_given && bounds[i].has_lower ? bounds[i].lower : view->lower[i];
        shape->to[i] = is_given && bounds[i].has_upper ? bounds[i].upper : last;
        if (shape->from[i] > shape->to[i] && is_given) {
            return error_subscript("upper bound cannot be less than lower bound", err);
        }
        if (!may_grow && (shape->from[i] < view->lower[i] || shape->to[i] > last)) {
            return error_subscript("array subscript out of range", err);
        }
        shape->lower[i] = KY_MIN(shape->lower[i], shape->from[i]);
    }
    return KY_OK;
}

/* How many elements the shape and its box have. */
static ky_status
measure(struct shape *shape, const struct array_view *view, uint64_t *count_out, uint64_t *box_out,
        struct ky_error *err)
{
    *count_out = 1;
    *box_out = 1;
    for (int i = 0; i < shape->dimension_count; i++) {
        int64_t last = shape->to[i];
        if (view->dimension_count > 0) {
            last = KY_MAX(last, (int64_t)view->lower[i] + view->size[i] - 1);
        }
        const int64_t size = last - shape->lower[i] + 1;
        if (size < 0 || size > ASSIGNED_ELEMENTS_MAX ||
            *count_out * (uint64_t)size > ASSIGNED_ELEMENTS_MAX) {
            return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                                "array size exceeds the maximum allowed (%d)",
                                ASSIGNED_ELEMENTS_MAX);
        }
        if (last == INT32_MAX) {
            return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                                "array lower bound is too large: %d", (int)shape->lower[i]);
        }
        shape->size[i] = (int32_t)size;
        *count_out *= (uint64_t)size;
        *box_out *= (uint64_t)((int64_t)shape->to[i] - shape->from[i] + 1);
    }
    return KY_OK;
}

/* The place in the shape of element `index` of a box that starts at from. */
static uint64_t
place_of(const struct shape *shape, const int32_t *from, const int32_t *size, uint64_t index)
{
    uint64_t place = 0;
    uint64_t step = 1;
    for (int i = shape->dimension_count - 1; i >= 0; i--) {
        const uint64_t within = index % (uint64_t)size[i];
        index /= (uint64_t)size[i];
        place += ((uint64_t)((int64_t)from[i] - shape->lower[i]) + within) * step;
        step *= (uint64_t)shape->size[i];
    }
    return place;
}

static ky_status
fill(struct ky_arena *arena, const struct type *element, const struct shape *shape,
     const struct array_view *view, const struct datum *box, uint64_t count, uint64_t box_count,
     struct datum *out)
{
    struct datum *values = ky_arena_array(arena, struct datum, count);
    int32_t box_size[ARRAY_DIMENSIONS_MAX];
    for (uint64_t i = 0; i < count; i++) {
        values[i] = datum_null();
    }
    const uint8_t *cursor = view->first;
    for (uint32_t i = 0; i < view->count; i++) {
        values[place_of(shape, view->lower, view->size, i)] = array_next(view, &cursor);
    }
    for (int i = 0; i < shape->dimension_count; i++) {
        box_size[i] = shape->to[i] - shape->from[i] + 1;
    }
    for (uint64_t i = 0; i < box_count; i++) {
        values[place_of(shape, shape->from, box_size, i)] = box[i];
    }
    *out = (struct datum){.bytes = array_make_shaped(arena, element, values, shape->dimension_count,
                                                     shape->size, shape->lower)};
    return KY_OK;
}

ky_status
array_assign(struct ky_arena *arena, const struct type *type, struct datum array,
             struct datum value, const struct array_bound *bounds, int count, bool is_slice,
             struct datum *out, struct ky_error *err)
{
    const struct type *element = type_get(type->element_oid);
    struct array_view view = {.element = element};
    struct array_view source;
    struct shape shape = {0};
    struct datum *box = &value;
    uint64_t total;
    uint64_t box_count;
    KY_ASSERT(count > 0 && count <= ARRAY_DIMENSIONS_MAX);
    if (!array.is_null) {
        array_open(array.bytes, &view);
    }
    if (is_slice && value.is_null) {
        *out = array.is_null ? (struct datum){.bytes = array_make(arena, element, NULL, 0)} : array;
        return KY_OK;
    }
    KY_TRY(view.dimension_count == 0
               ? shape_new(bounds, count, &shape, err)
               : shape_of_existing(&view, bounds, count, is_slice, &shape, err));
    KY_TRY(measure(&shape, &view, &total, &box_count, err));
    if (total == 0) {
        *out = (struct datum){.bytes = array_make(arena, element, NULL, 0)};
        return KY_OK;
    }
    if (is_slice) {
        array_open(value.bytes, &source);
        if (source.count < box_count) {
            return error_subscript("source array too small", err);
        }
        const uint8_t *cursor = source.first;
        box = ky_arena_array(arena, struct datum, box_count);
        for (uint64_t i = 0; i < box_count; i++) {
            box[i] = array_next(&source, &cursor);
        }
    }
    return fill(arena, element, &shape, &view, box, total, box_count, out);
}
