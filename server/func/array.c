/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/array.h"

#include "server/func/func_private.h"

/* Functions of arrays. An array says what its elements are; where there is none (array_append to
 * null) the call's argument types do. */

enum { ARRAY_ELEMENTS_MAX = 64 * 1024 * 1024 };

static struct datum *
elements_of(struct func_env *env, const struct array_view *view)
{
    struct datum *values = ky_arena_array(env->types.arena, struct datum, view->count + 1);
    const uint8_t *cursor = view->first;
    for (uint32_t i = 0; i < view->count; i++) {
        values[i] = array_next(view, &cursor);
    }
    return values;
}

static ky_status
same_elements(const struct array_view *a, const struct array_view *b, struct ky_error *err)
{
    if (a->element != b->element) {
        ky_error_set(err, KY_DATATYPE_MISMATCH, "cannot concatenate incompatible arrays");
        return ky_error_detail(err,
                               "Arrays with element types %s and %s are not compatible for "
                               "concatenation.",
                               a->element->sql_name, b->element->sql_name);
    }
    return KY_OK;
}

/* All subscripts, and the one behind the last, are integers. */
static ky_status
check_bounds(int dimension_count, const int32_t *size, const int32_t *lower, struct ky_error *err)
{
    for (int i = 0; i < dimension_count; i++) {
        if ((int64_t)lower[i] + size[i] > INT32_MAX) {
            return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                                "array lower bound is too large: %d", (int)lower[i]);
        }
    }
    return KY_OK;
}

static ky_status
add_element(struct func_env *env, struct datum array, struct datum value, int value_index,
            bool is_append, struct datum *out, struct ky_error *err)
{
    struct array_view view = {0};
    const struct type *element = func_arg_type(env, value_index);
    if (!array.is_null) {
        array_open(array.bytes, &view);
        element = view.element;
    }
    if (element == NULL) {
        return ky_error_set(err, KY_INDETERMINATE_DATATYPE, "could not determine input data type");
    }
    if (view.dimension_count > 1) {
        return ky_error_set(err, KY_DATA_EXCEPTION,
                            "argument must be empty or one-dimensional array");
    }
    struct datum *values = ky_arena_array(env->types.arena, struct datum, view.count + 1);
    const uint8_t *cursor = view.first;
    uint32_t place = is_append ? 0 : 1;
    for (uint32_t i = 0; i < view.count; i++) {
        values[place++] = array_next(&view, &cursor);
    }
    values[is_append ? view.count : 0] = value;
    const int32_t size = (int32_t)view.count + 1;
    const int32_t lower = view.dimension_count == 0 ? 1 : view.lower[0];
    if (!is_append && lower == INT32_MIN) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
    }
    KY_TRY(check_bounds(1, &size, &lower, err));
    struct ky_slice result = array_make_shaped(env->types.arena, element, values, 1, &size, &lower);
    *out = (struct datum){.bytes = result};
    return KY_OK;
}

SCALAR(array_append)
{
    return add_element(env, args[0], args[1], 1, true, out, err);
}

SCALAR(array_prepend)
{
    return add_element(env, args[1], args[0], 0, false, out, err);
}

SCALAR(array_cat)
{
    if (args[0].is_null || args[1].is_null) {
        *out = args[0].is_null ? args[1] : args[0];
        return KY_OK;
    }
    struct array_view a;
    struct array_view b;
    array_open(args[0].bytes, &a);
    array_open(args[1].bytes, &b);
    KY_TRY(same_elements(&a, &b, err));
    if (a.dimension_count == 0 || b.dimension_count == 0) {
        *out = a.dimension_count == 0 ? args[1] : args[0];
        return KY_OK;
    }
    /* Equal depth: along the first dimension. One less: as one element of the other. */
    const struct array_view *deep = a.dimension_count >= b.dimension_count ? &a : &b;
    const struct array_view *flat = deep == &a ? &b : &a;
    const int depth = deep->dimension_count;
    const int difference = depth - flat->dimension_count;
    bool fits = difference <= 1;
    for (int i = 1; fits && i < depth; i++) {
        fits = deep->size[i] == flat->size[i - difference];
    }
    if (!fits) {
        ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR, "cannot concatenate incompatible arrays");
        return ky_error_detail(
            err, "Arrays with differing element dimensions are not compatible for concatenation.");
    }
    int32_t size[ARRAY_DIMENSIONS_MAX];
    memcpy(size, deep->size, sizeof(size));
    size[0] += difference == 0 ? flat->size[0] : 1;
    KY_TRY(check_bounds(depth, size, deep->lower, err));
    struct datum *values = ky_arena_array(env->types.arena, struct datum, a.count + b.count);
    memcpy(values, elements_of(env, &a), a.count * sizeof(*values));
    memcpy(values + a.count, elements_of(env, &b), b.count * sizeof(*values));
    struct ky_slice result =
        array_make_shaped(env->types.arena, a.element, values, depth, size, deep->lower);
    *out = (struct datum){.bytes = result};
    return KY_OK;
}

#define DIMENSION(name, expression)                                                        \
    SCALAR(name)                                                                           \
    {                                                                                      \
        struct array_view view;                                                            \
        array_open(args[0].bytes, &view);                                                  \
        const int64_t i = args[1].word - 1;                                                \
        *out = i < 0 || i >= view.dimension_count ? datum_null() : datum_word(expression); \
        return KY_OK;                                                                      \
    }
DIMENSION(array_length, view.size[i])
DIMENSION(array_lower, view.lower[i])
DIMENSION(array_upper, view.lower[i] + view.size[i] - 1)

SCALAR(array_ndims)
{
    struct array_view view;
    array_open(args[0].bytes, &view);
    *out = view.dimension_count == 0 ? datum_null() : datum_word(view.dimension_count);
    return KY_OK;
}

SCALAR(array_dims)
{
    struct array_view view;
    array_open(args[0].bytes, &view);
    struct ky_buffer text = {0};
    for (int i = 0; i < view.dimension_count; i++) {
        ky_buffer_printf(&text, "[%d:%d]", view.lower[i], view.lower[i] + view.size[i] - 1);
    }
    *out = func_take_buffer(env, &text);
    out->is_null = view.dimension_count == 0;
    return KY_OK;
}

SCALAR(cardinality)
{
    struct array_view view;
    array_open(args[0].bytes, &view);
    *out = datum_word(view.count);
    return KY_OK;
}

static bool
is_same(const struct type *type, struct datum a, struct datum b)
{
    if (a.is_null || b.is_null) {
        return a.is_null && b.is_null;
    }
    return type->compare(type, a, b) == 0;
}

static ky_status
validate_comparable(const struct type *type, struct ky_error *err)
{
    if (type->compare == NULL) {
        return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                            "could not identify an equality operator for type %s", type->sql_name);
    }
    return KY_OK;
}

SCALAR(array_position)
{
    struct array_view view;
    *out = datum_null();
    if (args[0].is_null) {
        return KY_OK;
    }
    array_open(args[0].bytes, &view);
    KY_TRY(validate_comparable(view.element, err));
    if (view.dimension_count > 1) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "searching for elements in multidimensional arrays is not supported");
    }
    if (arg_count > 2 && args[2].is_null) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED, "initial position must not be null");
    }
    const uint8_t *cursor = view.first;
    const int64_t from = arg_count > 2 ? args[2].word : INT64_MIN;
    for (uint32_t i = 0; i < view.count; i++) {
        const int64_t position = view.lower[0] + (int64_t)i;
        struct datum value = array_next(&view, &cursor);
        if (position >= from && is_same(view.element, value, args[1])) {
            *out = datum_word(position);
            return KY_OK;
        }
    }
    return KY_OK;
}

SCALAR(array_positions)
{
    struct array_view view;
    *out = datum_null();
    if (args[0].is_null) {
        return KY_OK;
    }
    array_open(args[0].bytes, &view);
    KY_TRY(validate_comparable(view.element, err));
    if (view.dimension_count > 1) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "searching for elements in multidimensional arrays is not supported");
    }
    struct datum *found = ky_arena_array(env->types.arena, struct datum, view.count + 1);
    const uint8_t *cursor = view.first;
    uint32_t count = 0;
    for (uint32_t i = 0; i < view.count; i++) {
        if (is_same(view.element, array_next(&view, &cursor), args[1])) {
            found[count++] = datum_word(view.lower[0] + (int64_t)i);
        }
    }
    struct ky_slice result = array_make(env->types.arena, type_get(OID_INT4), found, count);
    *out = (struct datum){.bytes = result};
    return KY_OK;
}

/* array_remove, array_replace */
static ky_status
edit(struct func_env *env, const struct datum *args, bool is_remove, struct datum *out,
     struct ky_error *err)
{
    struct array_view view;
    *out = datum_null();
    if (args[0].is_null) {
        return KY_OK;
    }
    array_open(args[0].bytes, &view);
    KY_TRY(validate_comparable(view.element, err));
    if (is_remove && view.dimension_count > 1) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "removing elements from multidimensional arrays is not supported");
    }
    struct datum *values = ky_arena_array(env->types.arena, struct datum, view.count + 1);
    const uint8_t *cursor = view.first;
    uint32_t count = 0;
    for (uint32_t i = 0; i < view.count; i++) {
        struct datum value = array_next(&view, &cursor);
        const bool is_hit = is_same(view.element, value, args[1]);
        if (!is_hit || !is_remove) {
            values[count++] = is_hit ? args[2] : value;
        }
    }
    if (is_remove && view.dimension_count == 1) {
        view.size[0] = (int32_t)count;
    }
    struct ky_slice result = count == 0
                                 ? array_make(env->types.arena, view.element, values, 0)
                                 : array_make_shaped(env->types.arena, view.element, values,
                                                     view.dimension_count, view.size, view.lower);
    *out = (struct datum){.bytes = result};
    return KY_OK;
}

SCALAR(array_remove)
{
    return edit(env, args, true, out, err);
}

SCALAR(array_replace)
{
    return edit(env, args, false, out, err);
}

SCALAR(array_fill)
{
    const struct type *element = func_arg_type(env, 0);
    if (args[1].is_null || (arg_count > 2 && args[2].is_null)) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                            "dimension array or low bound array cannot be null");
    }
    if (element == NULL) {
        return ky_error_set(err, KY_DATATYPE_MISMATCH, "could not determine data type of input");
    }
    struct array_view sizes;
    struct array_view lowers = {0};
    array_open(args[1].bytes, &sizes);
    if (arg_count > 2) {
        array_open(args[2].bytes, &lowers);
    }
    if (sizes.count > ARRAY_DIMENSIONS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "number of array dimensions (%u) exceeds the maximum allowed (%d)",
                            sizes.count, (int)ARRAY_DIMENSIONS_MAX);
    }
    if (arg_count > 2 && lowers.count != sizes.count) {
        ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR, "wrong number of array subscripts");
        return ky_error_detail(err, "Low bound array has different size than dimensions array.");
    }
    int32_t size[ARRAY_DIMENSIONS_MAX];
    int32_t lower[ARRAY_DIMENSIONS_MAX];
    const uint8_t *cursor = sizes.first;
    const uint8_t *lower_cursor = lowers.first;
    int64_t count = sizes.count == 0 ? 0 : 1;
    for (uint32_t i = 0; i < sizes.count; i++) {
        struct datum extent = array_next(&sizes, &cursor);
        struct datum bound = arg_count > 2 ? array_next(&lowers, &lower_cursor) : datum_word(1);
        if (extent.is_null || bound.is_null) {
            return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED, "dimension values cannot be null");
        }
        if (extent.word < 0 || count * extent.word > ARRAY_ELEMENTS_MAX) {
            return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                                "array size exceeds the maximum allowed (%d)",
                                (int)ARRAY_ELEMENTS_MAX);
        }
        count *= extent.word;
        size[i] = (int32_t)extent.word;
        lower[i] = (int32_t)bound.word;
    }
    const size_t value_size = args[0].is_null                  ? 1
                              : element->storage == TYPE_BYTES ? args[0].bytes.size + 4
                                                               : sizeof(int32_t);
    if (value_size > func_size_max(env) / (size_t)KY_MAX(count, 1)) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "array size exceeds the maximum allowed (%d)",
                            (int)FUNC_VALUE_SIZE_MAX);
    }
    struct datum *values = ky_arena_array(env->types.arena, struct datum, (size_t)count + 1);
    for (int64_t i = 0; i < count; i++) {
        values[i] = args[0];
    }
    KY_TRY(count == 0 ? KY_OK : check_bounds((int)sizes.count, size, lower, err));
    struct ky_slice result = count == 0 ? array_make(env->types.arena, element, values, 0)
                                        : array_make_shaped(env->types.arena, element, values,
                                                            (int)sizes.count, size, lower);
    *out = (struct datum){.bytes = result};
    return KY_OK;
}

SCALAR(trim_array)
{
    struct array_view view;
    array_open(args[0].bytes, &view);
    const int64_t length = view.dimension_count == 0 ? 0 : view.size[0];
    if (args[1].word < 0 || args[1].word > length) {
        return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR,
                            "number of elements to trim must be between 0 and %d", (int)length);
    }
    const uint32_t keep = (uint32_t)(length - args[1].word);
    const uint32_t row = length == 0 ? 0 : view.count / (uint32_t)length;
    struct datum *values = elements_of(env, &view);
    if (view.dimension_count > 0) {
        view.size[0] = (int32_t)keep;
    }
    struct ky_slice result = keep * row == 0
                                 ? array_make(env->types.arena, view.element, values, 0)
                                 : array_make_shaped(env->types.arena, view.element, values,
                                                     view.dimension_count, view.size, view.lower);
    *out = (struct datum){.bytes = result};
    return KY_OK;
}

/* Is every element of part in whole? any: is some? Nulls are in nothing. */
static ky_status
includes(struct ky_slice whole, struct ky_slice part, bool is_any, bool *out, struct ky_error *err)
{
    struct array_view a;
    struct array_view b;
    array_open(whole, &a);
    array_open(part, &b);
    if (a.element != b.element) {
        return ky_error_set(err, KY_DATATYPE_MISMATCH,
                            "cannot compare arrays of different element types");
    }
    KY_TRY(validate_comparable(a.element, err));
    const uint8_t *part_cursor = b.first;
    *out = !is_any;
    for (uint32_t i = 0; i < b.count; i++) {
        struct datum wanted = array_next(&b, &part_cursor);
        const uint8_t *cursor = a.first;
        bool is_found = false;
        for (uint32_t j = 0; j < a.count && !is_found && !wanted.is_null; j++) {
            struct datum value = array_next(&a, &cursor);
            is_found = !value.is_null && a.element->compare(a.element, value, wanted) == 0;
        }
        if (is_found == is_any) {
            *out = is_any;
            return KY_OK;
        }
    }
    return KY_OK;
}

SCALAR(array_contains)
{
    bool result;
    KY_TRY(includes(args[0].bytes, args[1].bytes, false, &result, err));
    *out = datum_word(result);
    return KY_OK;
}

SCALAR(array_contained)
{
    bool result;
    KY_TRY(includes(args[1].bytes, args[0].bytes, false, &result, err));
    *out = datum_word(result);
    return KY_OK;
}

SCALAR(array_overlap)
{
    bool result;
    KY_TRY(includes(args[0].bytes, args[1].bytes, true, &result, err));
    *out = datum_word(result);
    return KY_OK;
}

SCALAR(array_to_string)
{
    struct array_view view;
    *out = datum_null();
    if (args[0].is_null || args[1].is_null) {
        return KY_OK;
    }
    array_open(args[0].bytes, &view);
    struct ky_buffer text = {0};
    const uint8_t *cursor = view.first;
    bool is_first = true;
    for (uint32_t i = 0; i < view.count; i++) {
        struct datum value = array_next(&view, &cursor);
        const bool has_null_text = arg_count > 2 && !args[2].is_null;
        if (value.is_null && !has_null_text) {
            continue;
        }
        if (!is_first) {
            ky_buffer_append_slice(&text, args[1].bytes);
        }
        is_first = false;
        if (value.is_null) {
            ky_buffer_append_slice(&text, args[2].bytes);
        } else {
            view.element->output(view.element, &env->types, value, &text);
        }
        if (func_check_size(env, text.size, err) != KY_OK || func_check_cancel(env, err) != KY_OK) {
            ky_buffer_deinit(&text);
            return KY_ERR;
        }
    }
    *out = func_take_buffer(env, &text);
    return KY_OK;
}

/* How many of the thresholds, which are sorted, the value has reached. */
SCALAR(width_bucket)
{
    struct array_view view;
    array_open(args[1].bytes, &view);
    if (view.dimension_count > 1) {
        return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR,
                            "thresholds must be one-dimensional array");
    }
    const struct datum *values = elements_of(env, &view);
    for (uint32_t i = 0; i < view.count; i++) {
        if (values[i].is_null) {
            return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                                "thresholds array must not contain NULLs");
        }
    }
    if (view.count > 0 && view.element->compare == NULL) {
        return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                            "could not identify a comparison function for type %s",
                            view.element->sql_name);
    }
    uint32_t low = 0;
    uint32_t high = view.count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (view.element->compare(view.element, args[0], values[middle]) < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *out = datum_word(low);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(3218, "width_bucket", OID_INT4, 'i', true, ARGS(OID_ANYCOMPATIBLE, OID_ANYCOMPATIBLEARRAY),
         .scalar = width_bucket),
    FUNC(378, "array_append", OID_ANYCOMPATIBLEARRAY, 'i', false,
         ARGS(OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLE), .scalar = array_append),
    FUNC(379, "array_prepend", OID_ANYCOMPATIBLEARRAY, 'i', false,
         ARGS(OID_ANYCOMPATIBLE, OID_ANYCOMPATIBLEARRAY), .scalar = array_prepend),
    FUNC(383, "array_cat", OID_ANYCOMPATIBLEARRAY, 'i', false,
         ARGS(OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLEARRAY), .scalar = array_cat),
    FUNC(2176, "array_length", OID_INT4, 'i', true, ARGS(OID_ANYARRAY, OID_INT4),
         .scalar = array_length),
    FUNC(2091, "array_lower", OID_INT4, 'i', true, ARGS(OID_ANYARRAY, OID_INT4),
         .scalar = array_lower),
    FUNC(2092, "array_upper", OID_INT4, 'i', true, ARGS(OID_ANYARRAY, OID_INT4),
         .scalar = array_upper),
    FUNC(748, "array_ndims", OID_INT4, 'i', true, ARGS(OID_ANYARRAY), .scalar = array_ndims),
    FUNC(747, "array_dims", OID_TEXT, 'i', true, ARGS(OID_ANYARRAY), .scalar = array_dims),
    FUNC(3179, "cardinality", OID_INT4, 'i', true, ARGS(OID_ANYARRAY), .scalar = cardinality),
    FUNC(3277, "array_position", OID_INT4, 'i', false,
         ARGS(OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLE), .scalar = array_position),
    FUNC(3278, "array_position", OID_INT4, 'i', false,
         ARGS(OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLE, OID_INT4), .scalar = array_position),
    FUNC(3279, "array_positions", OID_INT4_ARRAY, 'i', false,
         ARGS(OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLE), .scalar = array_positions),
    FUNC(3167, "array_remove", OID_ANYCOMPATIBLEARRAY, 'i', false,
         ARGS(OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLE), .scalar = array_remove),
    FUNC(3168, "array_replace", OID_ANYCOMPATIBLEARRAY, 'i', false,
         ARGS(OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLE, OID_ANYCOMPATIBLE),
         .scalar = array_replace),
    FUNC(1193, "array_fill", OID_ANYARRAY, 'i', false, ARGS(OID_ANYELEMENT, OID_INT4_ARRAY),
         .scalar = array_fill, .can_grow = true),
    FUNC(1286, "array_fill", OID_ANYARRAY, 'i', false,
         ARGS(OID_ANYELEMENT, OID_INT4_ARRAY, OID_INT4_ARRAY), .scalar = array_fill,
         .can_grow = true),
    FUNC(6172, "trim_array", OID_ANYARRAY, 'i', true, ARGS(OID_ANYARRAY, OID_INT4),
         .scalar = trim_array),
    FUNC(2748, "arraycontains", OID_BOOL, 'i', true, ARGS(OID_ANYARRAY, OID_ANYARRAY),
         .scalar = array_contains),
    FUNC(2749, "arraycontained", OID_BOOL, 'i', true, ARGS(OID_ANYARRAY, OID_ANYARRAY),
         .scalar = array_contained),
    FUNC(2747, "arrayoverlap", OID_BOOL, 'i', true, ARGS(OID_ANYARRAY, OID_ANYARRAY),
         .scalar = array_overlap),
    FUNC(395, "array_to_string", OID_TEXT, 's', true, ARGS(OID_ANYARRAY, OID_TEXT),
         .scalar = array_to_string, .can_grow = true),
    FUNC(384, "array_to_string", OID_TEXT, 's', false, ARGS(OID_ANYARRAY, OID_TEXT, OID_TEXT),
         .scalar = array_to_string, .can_grow = true),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(349, "||", OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLE, OID_ANYCOMPATIBLEARRAY, 378, 0,
             0, 0, false),
    OPERATOR(374, "||", OID_ANYCOMPATIBLE, OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLEARRAY, 379, 0,
             0, 0, false),
    OPERATOR(375, "||", OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLEARRAY, OID_ANYCOMPATIBLEARRAY, 383,
             0, 0, 0, false),
    OPERATOR(2750, "&&", OID_ANYARRAY, OID_ANYARRAY, OID_BOOL, 2747, 2750, 0, 0, false),
    OPERATOR(2751, "@>", OID_ANYARRAY, OID_ANYARRAY, OID_BOOL, 2748, 2752, 0, 0, false),
    OPERATOR(2752, "<@", OID_ANYARRAY, OID_ANYARRAY, OID_BOOL, 2749, 2751, 0, 0, false),
};

const struct func_table func_table_array = {funcs, KY_COUNT_OF(funcs), operators,
                                            KY_COUNT_OF(operators)};
