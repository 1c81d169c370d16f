/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/func.h"

#include <pthread.h>
#include <stdlib.h>

#include "server/func/func_private.h"
#include "server/types/array.h"
#include "server/types/numeric.h"

/*
 * The registry: every file of functions has static tables of rows; here they become four sorted
 * arrays of pointers (functions and operators, by name and by OID), made at first use and again by
 * func_register. After the start nothing changes them, so readers need no lock.
 */

#define TABLE_POINTER(name) &func_table_##name,
static const struct func_table *const tables[] = {FUNC_TABLES(TABLE_POINTER)};
#undef TABLE_POINTER

static struct {
    const struct func **by_name;
    const struct func **by_oid;
    size_t func_count;
    const struct operator** operators_by_name;
    const struct operator** operators_by_oid;
    size_t operator_count;
} registry;

static pthread_once_t registry_once = PTHREAD_ONCE_INIT;

static int
order_of(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int
func_order_by_name(const void *a, const void *b)
{
    const struct func *left = *(const struct func *const *)a;
    const struct func *right = *(const struct func *const *)b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : order_of(left->oid, right->oid);
}

static int
func_order_by_oid(const void *a, const void *b)
{
    return order_of((*(const struct func *const *)a)->oid, (*(const struct func *const *)b)->oid);
}

static int
operator_order_by_name(const void *a, const void *b)
{
    const struct operator* left = *(const struct operator* const *) a;
    const struct operator* right = *(const struct operator* const *) b;
    int order = strcmp(left->name, right->name);
    return order != 0 ? order : order_of(left->oid, right->oid);
}

static int
operator_order_by_oid(const void *a, const void *b)
{
    return order_of((*(const struct operator* const *)a)->oid,
                    (*(const struct operator* const *)b)->oid);
}

static void
registry_sort(void)
{
    size_t size = registry.func_count * sizeof(*registry.by_name);
    qsort(registry.by_name, registry.func_count, sizeof(*registry.by_name), func_order_by_name);
    memcpy(registry.by_oid, registry.by_name, size);
    qsort(registry.by_oid, registry.func_count, sizeof(*registry.by_oid), func_order_by_oid);
    for (size_t i = 1; i < registry.func_count; i++) {
        KY_ASSERT(registry.by_oid[i - 1]->oid != registry.by_oid[i]->oid);
    }
}

static const struct func *
find_by_oid(oid_t oid)
{
    size_t low = 0;
    size_t high = registry.func_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (registry.by_oid[middle]->oid < oid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_found = low < registry.func_count && registry.by_oid[low]->oid == oid;
    return is_found ? registry.by_oid[low] : NULL;
}

static void
registry_make(void)
{
    size_t func_count = 0;
    size_t operator_count = 0;
    for (size_t t = 0; t < KY_COUNT_OF(tables); t++) {
        func_count += tables[t]->func_count;
        operator_count += tables[t]->operator_count;
    }
    registry.by_name = ky_malloc(func_count * sizeof(*registry.by_name));
    registry.by_oid = ky_malloc(func_count * sizeof(*registry.by_oid));
    registry.operators_by_name = ky_malloc(operator_count * sizeof(*registry.operators_by_name));
    registry.operators_by_oid = ky_malloc(operator_count * sizeof(*registry.operators_by_oid));
    for (size_t t = 0; t < KY_COUNT_OF(tables); t++) {
        for (size_t i = 0; i < tables[t]->func_count; i++) {
            registry.by_name[registry.func_count++] = &tables[t]->funcs[i];
        }
    }
    registry_sort();
    for (size_t t = 0; t < KY_COUNT_OF(tables); t++) {
        for (size_t i = 0; i < tables[t]->operator_count; i++) {
            struct operator_row *row = &tables[t]->operators[i];
            row->operator.function = find_by_oid(row->function);
            KY_ASSERT(row->operator.function != NULL);
            registry.operators_by_name[registry.operator_count++] = &row->operator;
        }
    }
    qsort(registry.operators_by_name, registry.operator_count, sizeof(*registry.operators_by_name),
          operator_order_by_name);
    memcpy(registry.operators_by_oid, registry.operators_by_name,
           registry.operator_count * sizeof(*registry.operators_by_oid));
    qsort(registry.operators_by_oid, registry.operator_count, sizeof(*registry.operators_by_oid),
          operator_order_by_oid);
}

void
func_register(const struct func *funcs, size_t count)
{
    pthread_once(&registry_once, registry_make);
    size_t size = (registry.func_count + count) * sizeof(*registry.by_name);
    registry.by_name = ky_realloc(registry.by_name, size);
    registry.by_oid = ky_realloc(registry.by_oid, size);
    for (size_t i = 0; i < count; i++) {
        registry.by_name[registry.func_count++] = &funcs[i];
    }
    registry_sort();
}

const struct func *const *
func_candidates(struct ky_slice name, size_t *count_out)
{
    pthread_once(&registry_once, registry_make);
    size_t low = 0;
    size_t high = registry.func_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ky_slice_compare(ky_slice_cstr(registry.by_name[middle]->name), name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t end = low;
    while (end < registry.func_count && ky_slice_is(name, registry.by_name[end]->name)) {
        end++;
    }
    *count_out = end - low;
    return registry.by_name + low;
}

const struct type *
func_set_type(const struct func_set *set, int column, const struct type *first_arg)
{
    const struct type *type = type_find(set->column_types[column]);
    if (type == NULL || type->oid != OID_ANYELEMENT || first_arg == NULL) {
        return type;
    }
    return first_arg->category == 'A' ? type_find(first_arg->element_oid) : first_arg;
}

const struct func *
func_find(oid_t oid)
{
    pthread_once(&registry_once, registry_make);
    return find_by_oid(oid);
}

const struct func *const *
func_all(size_t *count_out)
{
    pthread_once(&registry_once, registry_make);
    *count_out = registry.func_count;
    return registry.by_oid;
}

const struct operator* const * operator_candidates(struct ky_slice name, size_t *count_out)
{
    pthread_once(&registry_once, registry_make);
    size_t low = 0;
    size_t high = registry.operator_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ky_slice_compare(ky_slice_cstr(registry.operators_by_name[middle]->name), name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    size_t end = low;
    while (end < registry.operator_count &&
           ky_slice_is(name, registry.operators_by_name[end]->name)) {
        end++;
    }
    *count_out = end - low;
    return registry.operators_by_name + low;
}

const struct operator* operator_find(oid_t oid)
{
    pthread_once(&registry_once, registry_make);
    size_t low = 0;
    size_t high = registry.operator_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (registry.operators_by_oid[middle]->oid < oid) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool is_found = low < registry.operator_count && registry.operators_by_oid[low]->oid == oid;
    return is_found ? registry.operators_by_oid[low] : NULL;
}

/* Enums have their operators in common. */
static bool
is_enum(oid_t oid)
{
    const struct type *type = oid < OID_FIRST_USER ? NULL : type_find(oid);
    return type != NULL && type->typtype == 'e';
}

const struct operator* operator_exact(struct ky_slice name, oid_t left, oid_t right)
{
    size_t count;
    if (left == right && is_enum(left)) {
        left = right = OID_ANYENUM;
    }
    const struct operator* const * candidates = operator_candidates(name, &count);
    for (size_t i = 0; i < count; i++) {
        if (candidates[i]->left == left && candidates[i]->right == right) {
            return candidates[i];
        }
    }
    return NULL;
}

const struct operator* const * operator_all(size_t *count_out)
{
    pthread_once(&registry_once, registry_make);
    *count_out = registry.operator_count;
    return registry.operators_by_oid;
}

ky_status
func_call(const struct func *func, struct func_env *env, const struct datum *args, int arg_count,
          struct datum *out, struct ky_error *err)
{
    if (func->is_strict) {
        for (int i = 0; i < arg_count; i++) {
            if (args[i].is_null) {
                *out = datum_null();
                return KY_OK;
            }
        }
    }
    KY_ASSERT(func->scalar != NULL);
    return func->scalar(env, args, arg_count, out, err);
}

ky_status
func_check_size(const struct func_env *env, size_t size, struct ky_error *err)
{
    return KY_LIKELY(size <= func_size_max(env))
               ? KY_OK
               : ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
}

ky_status
func_check_cancel(const struct func_env *env, struct ky_error *err)
{
    const bool is_cancelled =
        env->cancel != NULL && atomic_load_explicit(env->cancel, memory_order_relaxed) != 0;
    return KY_LIKELY(!is_cancelled)
               ? KY_OK
               : ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to user request");
}

struct datum
func_take_buffer(struct func_env *env, struct ky_buffer *buffer)
{
    struct ky_slice copy = ky_slice_dup(env->types.arena, ky_buffer_slice(buffer));
    ky_buffer_deinit(buffer);
    return (struct datum){.bytes = copy};
}

struct ky_slice
func_output(struct func_env *env, const struct type *type, struct datum value)
{
    struct ky_buffer buffer = {0};
    type->output(type, &env->types, value, &buffer);
    return func_take_buffer(env, &buffer).bytes;
}

const struct type *
func_array_type(struct ky_slice array)
{
    struct array_view view;
    array_open(array, &view);
    return type_get(view.element->array_oid);
}

/* In two halves: called once per result, never per row. */
struct ky_slice
func_numeric_from_int128(struct ky_arena *arena, __int128 value)
{
    if (value >= INT64_MIN && value <= INT64_MAX) {
        return numeric_from_int64(arena, (int64_t)value);
    }
    struct ky_error err;
    struct ky_slice high =
        numeric_from_int64(arena, (int64_t)(value / INT64_C(1000000000000000000)));
    struct ky_slice low =
        numeric_from_int64(arena, (int64_t)(value % INT64_C(1000000000000000000)));
    struct ky_slice unit = numeric_from_int64(arena, INT64_C(1000000000000000000));
    struct ky_slice product;
    struct ky_slice sum;
    ky_status status = numeric_mul(arena, high, unit, &product, &err);
    KY_ASSERT(status == KY_OK);
    status = numeric_add(arena, product, low, &sum, &err);
    KY_ASSERT(status == KY_OK);
    return sum;
}
