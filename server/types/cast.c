/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding and running casts. The rows of pg_cast come from the files that know the types. What
 * PostgreSQL derives without a row is derived here once, at the first look-up: text in and out of
 * every type, and arrays whose elements have a cast.
 */
#include "server/types/cast.h"

#include <pthread.h>

#include "server/base/assert.h"
#include "server/base/map.h"
#include "server/types/array.h"
#include "server/types/types_private.h"
#include "server/types/user_type.h"

static pthread_once_t built_once = PTHREAD_ONCE_INIT;
static struct ky_map64 casts_by_pair; /* immutable once built */
static struct cast *listed_casts;     /* the rows of pg_cast */
static size_t listed_count;

static uint64_t
pair_of(oid_t source, oid_t target)
{
    return (uint64_t)source << 32 | target;
}

static const struct cast *
find_built(oid_t source, oid_t target)
{
    uint64_t *found = ky_map64_find(&casts_by_pair, pair_of(source, target));
    return found == NULL ? NULL : (const struct cast *)(uintptr_t)*found;
}

static void
put(const struct cast *cast)
{
    *ky_map64_put(&casts_by_pair, pair_of(cast->source, cast->target), NULL) =
        (uint64_t)(uintptr_t)cast;
}

static void
list_all(void)
{
    const struct {
        const struct cast *casts;
        size_t count;
    } tables[] = {{word_casts, word_casts_count},       {text_casts, text_casts_count},
                  {numeric_casts, numeric_casts_count}, {datetime_casts, datetime_casts_count},
                  {bit_casts, bit_casts_count},         {vector_casts, vector_casts_count}};
    size_t total = 0;
    for (size_t i = 0; i < KY_COUNT_OF(tables); i++) {
        total += tables[i].count;
    }
    listed_casts = ky_calloc(total, sizeof(struct cast));
    for (size_t i = 0; i < KY_COUNT_OF(tables); i++) {
        for (size_t j = 0; j < tables[i].count; j++) {
            const struct cast *cast = &tables[i].casts[j];
            if (cast->source == cast->target || find_built(cast->source, cast->target) != NULL) {
                continue; /* a type to itself is a matter of its modifier */
            }
            if (type_find(cast->source) == NULL || type_find(cast->target) == NULL) {
                continue;
            }
            listed_casts[listed_count] = *cast;
            put(&listed_casts[listed_count++]);
        }
    }
}

static void
derive(oid_t source, oid_t target, enum cast_context context, enum cast_method method)
{
    struct cast *cast = ky_calloc(1, sizeof(*cast));
    *cast = (struct cast){.source = source, .target = target, .context = context, .method = method};
    put(cast);
}

static bool
has_values(const struct type *type)
{
    return type->typtype != 'p' || type->oid == OID_RECORD || type->oid == OID_RECORD_ARRAY;
}

static bool
is_array(const struct type *type)
{
    return type->category == 'A' && type->name[0] == '_';
}

static void
derive_text_casts(const struct type *const *types, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            const struct type *source = types[i];
            const struct type *target = types[j];
            if (i == j || find_built(source->oid, target->oid) != NULL || !has_values(target)) {
                continue;
            }
            if (source->oid == OID_UNKNOWN) {
                derive(source->oid, target->oid, CAST_IMPLICIT, CAST_IN_OUT);
            } else if (has_values(source) && target->category == 'S') {
                derive(source->oid, target->oid, CAST_ASSIGNMENT, CAST_IN_OUT);
            } else if (has_values(source) && source->category == 'S' &&
                       target->oid != OID_UNKNOWN) {
                derive(source->oid, target->oid, CAST_EXPLICIT, CAST_IN_OUT);
            }
        }
    }
}

static void
derive_array_casts(const struct type *const *types, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            const bool is_vector =
                types[i]->oid == OID_INT2VECTOR || types[i]->oid == OID_OIDVECTOR;
            if (i == j || !(is_array(types[i]) || is_vector) || !is_array(types[j]) ||
                find_built(types[i]->oid, types[j]->oid) != NULL) {
                continue;
            }
            const struct cast *element = find_built(types[i]->element_oid, types[j]->element_oid);
            if (element != NULL) {
                derive(types[i]->oid, types[j]->oid, element->context, CAST_ARRAY);
            }
        }
    }
}

static void
build(void)
{
    size_t count;
    const struct type *const *types = type_all(&count);
    list_all();
    derive_text_casts(types, count);
    derive(OID_INT2VECTOR, OID_INT2_ARRAY, CAST_IMPLICIT, CAST_RELABEL);
    derive(OID_OIDVECTOR, OID_OID_ARRAY, CAST_IMPLICIT, CAST_RELABEL);
    derive_array_casts(types, count);
}

const struct cast *
cast_find(oid_t source, oid_t target)
{
    if (source >= OID_FIRST_USER || target >= OID_FIRST_USER) {
        return user_type_cast(source, target);
    }
    pthread_once(&built_once, build);
    return find_built(source, target);
}

const struct cast *
cast_all(size_t *count_out)
{
    pthread_once(&built_once, build);
    *count_out = listed_count;
    return listed_casts;
}

static ky_status
cast_in_out(const struct cast *cast, const struct type_context *context, struct datum value,
            struct datum *out, struct ky_error *err)
{
    const struct type *source = type_get(cast->source);
    const struct type *target = type_get(cast->target);
    struct ky_buffer text = {0};
    source->output(source, context, value, &text);
    const struct ky_slice written = text.size == 0 ? ky_slice_cstr("") : ky_buffer_slice(&text);
    ky_status status = target->input(target, context, written, -1, out, err);
    ky_buffer_deinit(&text);
    return status;
}

static ky_status
cast_array(const struct cast *cast, const struct type_context *context, struct datum value,
           int32_t typmod, bool is_explicit, struct datum *out, struct ky_error *err)
{
    const struct type *target = type_get(type_get(cast->target)->element_oid);
    struct array_view view;
    array_open(value.bytes, &view);
    const struct cast *element = cast_find(view.element->oid, target->oid);
    KY_ASSERT(element != NULL);
    struct datum *values = ky_arena_array(context->arena, struct datum, view.count);
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        values[i] = array_next(&view, &cursor);
        if (!values[i].is_null) {
            KY_TRY(cast_apply(element, context, values[i], typmod, is_explicit, &values[i], err));
        }
    }
    struct ky_slice bytes = array_make_shaped(context->arena, target, values, view.dimension_count,
                                              view.size, view.lower);
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}

bool
cast_takes_typmod(const struct cast *cast)
{
    return cast->method == CAST_FUNCTION && cast->target == OID_BIT;
}

ky_status
cast_apply(const struct cast *cast, const struct type_context *context, struct datum value,
           int32_t typmod, bool is_explicit, struct datum *out, struct ky_error *err)
{
    if (value.is_null) {
        *out = value;
        return KY_OK;
    }
    switch (cast->method) {
    case CAST_RELABEL:
        *out = value;
        return KY_OK;
    case CAST_FUNCTION:
        return cast->fn(context, value, typmod, is_explicit, out, err);
    case CAST_IN_OUT:
        return cast_in_out(cast, context, value, out, err);
    case CAST_ARRAY:
        return cast_array(cast, context, value, typmod, is_explicit, out, err);
    }
    return ky_error_set(err, KY_INTERNAL_ERROR, "unknown cast method %d", (int)cast->method);
}
