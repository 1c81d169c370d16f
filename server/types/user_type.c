/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The registry is a table of pointers, open addressed by OID, that only grows: a reader loads the
 * table and probes it without a lock, a writer holds the lock, fills a slot, and when the table is
 * half full puts a copy of twice the size in its place. Old tables, labels and names stay where
 * they are for readers that have them; all of it is a few bytes for each DDL statement.
 */
#include "server/types/user_type.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/map.h"
#include "server/base/mutex.h"
#include "server/types/identifier.h"
#include "server/types/reg.h"
#include "server/types/types_private.h"

enum { SLOTS_FIRST = 64 };

struct known_type {
    struct type type; /* the first member: a user's `struct type` of typtype e is one of these */
    struct type array;
    /* release; pairs with the acquire in enum_labels_of. */
    const struct enum_labels *_Atomic labels;
    const char *_Atomic full_name; /* with its schema */
    const struct type *base;       /* a domain's */
    const struct cast *casts;
    size_t cast_count;
    uint64_t version; /* guarded by registry.lock */
    bool is_committed;
};

struct slot_table {
    uint32_t size; /* a power of two */
    const struct type *_Atomic slots[];
};

static struct {
    pthread_once_t once;
    struct ky_mutex lock;
    struct ky_arena arena; /* of everything here; guarded by lock */
    uint32_t count;        /* of slots in use; guarded by lock */
    /* release; pairs with the acquire in type_find_user. Slots too. */
    struct slot_table *_Atomic table;
} registry = {.once = PTHREAD_ONCE_INIT};

static void
registry_init(void)
{
    ky_mutex_init(&registry.lock);
    ky_arena_init(&registry.arena);
}

const struct type *
type_find_user(oid_t oid)
{
    const struct slot_table *table = atomic_load_explicit(&registry.table, memory_order_acquire);
    if (table == NULL) {
        return NULL;
    }
    for (uint64_t at = ky_hash_u64(oid);; at++) {
        const struct type *type =
            atomic_load_explicit(&table->slots[at & (table->size - 1)], memory_order_acquire);
        if (type == NULL || type->oid == oid) {
            return type;
        }
    }
}

const struct type *
type_base(const struct type *type)
{
    return type == NULL || type->typtype != 'd'
               ? type
               : ((const struct known_type *)(const void *)type)->base;
}

/* ------------------------------------------------------------------ labels */

struct named_place {
    const char *name;
    uint32_t place;
};

static int
order_names(const void *a, const void *b)
{
    return strcmp(((const struct named_place *)a)->name, ((const struct named_place *)b)->name);
}

void
enum_labels_init(struct enum_labels *out, const struct enum_label *labels, uint32_t count,
                 struct ky_arena *arena)
{
    struct named_place *order = ky_arena_array(arena, struct named_place, count + 1U);
    uint32_t *by_name = ky_arena_array(arena, uint32_t, count + 1U);
    for (uint32_t i = 0; i < count; i++) {
        KY_ASSERT(i == 0 || labels[i - 1].word < labels[i].word);
        order[i] = (struct named_place){labels[i].name, i};
    }
    qsort(order, count, sizeof(*order), order_names);
    for (uint32_t i = 0; i < count; i++) {
        by_name[i] = order[i].place;
    }
    *out = (struct enum_labels){count, labels, by_name};
}

const struct enum_label *
enum_labels_find(const struct enum_labels *labels, struct ky_slice name)
{
    uint32_t low = 0;
    uint32_t high = labels->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct enum_label *label = &labels->labels[labels->by_name[middle]];
        const int order = ky_slice_compare(ky_slice_cstr(label->name), name);
        if (order == 0) {
            return label;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const struct enum_label *
enum_labels_find_word(const struct enum_labels *labels, int64_t word)
{
    uint32_t low = 0;
    uint32_t high = labels->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct enum_label *label = &labels->labels[middle];
        if (label->word == word) {
            return label;
        }
        if (label->word < word) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const struct enum_label *
enum_labels_find_oid(const struct enum_labels *labels, oid_t oid)
{
    for (uint32_t i = 0; i < labels->count; i++) {
        if (labels->labels[i].oid == oid) {
            return &labels->labels[i];
        }
    }
    return NULL;
}

static const struct enum_labels *
known_labels(const struct type *type)
{
    const struct known_type *known = (const struct known_type *)(const void *)type;
    KY_ASSERT(type->typtype == 'e');
    return atomic_load_explicit(&known->labels, memory_order_acquire);
}

const struct enum_labels *
enum_labels_of(const struct type *type, const struct type_context *context)
{
    const struct reg_names *reg = context->reg;
    const struct enum_labels *own =
        reg == NULL || reg->find_labels == NULL ? NULL : reg->find_labels(reg->self, type->oid);
    return own != NULL ? own : known_labels(type);
}

ky_status
enum_check_use(const struct type *type, const struct type_context *context,
               const struct enum_label *label, struct ky_error *err)
{
    const struct enum_labels *known = known_labels(type);
    if (enum_labels_of(type, context) == known || enum_labels_find_oid(known, label->oid) != NULL) {
        return KY_OK;
    }
    (void)ky_error_set(err, KY_UNSAFE_NEW_ENUM_VALUE_USAGE,
                       "unsafe use of new value \"%s\" of enum type %s", label->name,
                       type->sql_name);
    return ky_error_hint(err, "New enum values must be committed before they can be used.");
}

/* ------------------------------------------------------------------ casts */

static struct cast *
add_cast(struct cast *to, oid_t source, oid_t target, enum cast_context context,
         enum cast_method method)
{
    *to = (struct cast){.source = source, .target = target, .context = context, .method = method};
    return to + 1;
}

/* What PostgreSQL derives without a row in pg_cast: text in and out, the arrays of it too. */
static void
derive_casts(struct known_type *known)
{
    enum { CASTS_OF_A_TEXT = 6, CASTS_OF_UNKNOWN = 2 };
    size_t count;
    const struct type *const *types = type_all(&count);
    const oid_t self = known->type.oid;
    const oid_t array = known->array.oid;
    struct cast *casts =
        ky_arena_array(&registry.arena, struct cast, count * CASTS_OF_A_TEXT + CASTS_OF_UNKNOWN);
    struct cast *end = casts;
    end = add_cast(end, OID_UNKNOWN, self, CAST_IMPLICIT, CAST_IN_OUT);
    end = add_cast(end, OID_UNKNOWN, array, CAST_IMPLICIT, CAST_IN_OUT);
    for (size_t i = 0; i < count; i++) {
        const struct type *text = types[i];
        if (text->category != 'S' || text->typtype == 'p') {
            continue;
        }
        end = add_cast(end, self, text->oid, CAST_ASSIGNMENT, CAST_IN_OUT);
        end = add_cast(end, text->oid, self, CAST_EXPLICIT, CAST_IN_OUT);
        end = add_cast(end, array, text->oid, CAST_ASSIGNMENT, CAST_IN_OUT);
        end = add_cast(end, text->oid, array, CAST_EXPLICIT, CAST_IN_OUT);
        if (text->array_oid != OID_NONE) {
            end = add_cast(end, array, text->array_oid, CAST_ASSIGNMENT, CAST_ARRAY);
            end = add_cast(end, text->array_oid, array, CAST_EXPLICIT, CAST_ARRAY);
        }
    }
    known->casts = casts;
    known->cast_count = (size_t)(end - casts);
}

/* The enum that a type is, or is the array of. */
static const struct known_type *
known_of(oid_t oid)
{
    const struct type *type = type_find_user(oid);
    if (type != NULL && type->typtype != 'e' && type->typtype != 'd') {
        type = type_find_user(type->element_oid);
    }
    return (const struct known_type *)(const void *)type;
}

const struct cast *
user_type_cast(oid_t source, oid_t target)
{
    const struct known_type *known = known_of(source >= OID_FIRST_USER ? source : target);
    for (size_t i = 0; known != NULL && i < known->cast_count; i++) {
        if (known->casts[i].source == source && known->casts[i].target == target) {
            return &known->casts[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ putting */

static void
put_slot(struct slot_table *table, const struct type *type)
{
    uint64_t at = ky_hash_u64(type->oid);
    while (atomic_load_explicit(&table->slots[at & (table->size - 1)], memory_order_relaxed) !=
           NULL) {
        at++;
    }
    atomic_store_explicit(&table->slots[at & (table->size - 1)], type, memory_order_release);
}

static void
add_slot(const struct type *type)
{
    struct slot_table *table = atomic_load_explicit(&registry.table, memory_order_relaxed);
    if (table == NULL || registry.count >= table->size / 2) {
        const uint32_t size = table == NULL ? SLOTS_FIRST : table->size * 2;
        struct slot_table *grown = ky_arena_calloc(
            &registry.arena, 1, sizeof(*grown) + size * sizeof(const struct type *));
        grown->size = size;
        for (uint32_t i = 0; table != NULL && i < table->size; i++) {
            const struct type *old = atomic_load_explicit(&table->slots[i], memory_order_relaxed);
            if (old != NULL) {
                put_slot(grown, old);
            }
        }
        put_slot(grown, type);
        atomic_store_explicit(&registry.table, grown, memory_order_release);
    } else {
        put_slot(table, type);
    }
    registry.count++;
}

static const char *
quoted(const char *schema, const char *name, const char *end)
{
    struct ky_buffer text = {0};
    if (schema != NULL) {
        identifier_append(ky_slice_cstr(schema), &text);
        ky_buffer_append_byte(&text, '.');
    }
    identifier_append(ky_slice_cstr(name), &text);
    ky_buffer_append_cstr(&text, end);
    const char *copy = ky_arena_cstr(&registry.arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}

static void
set_names(struct known_type *known, const struct user_type *type)
{
    const char *full_name = quoted(type->schema, type->name, "");
    const bool is_enum = type->base == NULL;
    if (known->full_name != NULL && strcmp(known->full_name, full_name) == 0 &&
        (!is_enum || strcmp(known->array.name, type->array_name) == 0)) {
        return;
    }
    known->type.name = ky_arena_strdup(&registry.arena, type->name);
    known->type.sql_name = quoted(NULL, type->name, "");
    if (is_enum) {
        known->array.name = ky_arena_strdup(&registry.arena, type->array_name);
        known->array.sql_name = quoted(NULL, type->name, "[]");
    }
    known->full_name = full_name;
}

static bool
are_labels_equal(const struct enum_labels *a, const struct enum_labels *b)
{
    bool is_equal = a->count == b->count;
    for (uint32_t i = 0; i < a->count && is_equal; i++) {
        is_equal = a->labels[i].oid == b->labels[i].oid && a->labels[i].word == b->labels[i].word &&
                   strcmp(a->labels[i].name, b->labels[i].name) == 0;
    }
    return is_equal;
}

static void
set_labels(struct known_type *known, const struct enum_labels *wanted)
{
    const struct enum_labels *old = atomic_load_explicit(&known->labels, memory_order_relaxed);
    if (old != NULL && are_labels_equal(old, wanted)) {
        return;
    }
    struct enum_label *labels = ky_arena_array(&registry.arena, struct enum_label, wanted->count);
    struct enum_labels *copy = ky_arena_new(&registry.arena, struct enum_labels);
    for (uint32_t i = 0; i < wanted->count; i++) {
        labels[i] = wanted->labels[i];
        labels[i].name = ky_arena_strdup(&registry.arena, wanted->labels[i].name);
    }
    enum_labels_init(copy, labels, wanted->count, &registry.arena);
    atomic_store_explicit(&known->labels, copy, memory_order_release);
}

static struct known_type *
new_type(const struct user_type *type)
{
    struct known_type *known = ky_arena_new(&registry.arena, struct known_type);
    if (type->base != NULL) {
        memcpy(&known->type, type->base, sizeof(known->type));
        known->base = type->base;
        known->type.oid = type->oid;
        known->type.typtype = 'd';
        known->type.is_preferred = false;
        known->type.array_oid = known->type.element_oid = OID_NONE;
        known->type.typmod_in = NULL;
        return known;
    }
    type_init_enum(&known->type, type->oid, type->array_oid);
    type_init_array(&known->array, type->array_oid, type->oid);
    derive_casts(known);
    return known;
}

void
user_type_put(const struct user_type *type, uint64_t version, bool is_committed)
{
    pthread_once(&registry.once, registry_init);
    ky_mutex_lock(&registry.lock);
    const struct type *found = type_find_user(type->oid);
    struct known_type *known = found == NULL ? new_type(type) : (void *)(uintptr_t)found;
    const bool is_newer =
        is_committed ? !known->is_committed || version >= known->version : !known->is_committed;
    if (is_newer) {
        set_names(known, type);
        set_labels(known, &type->labels);
        known->is_committed = is_committed;
        known->version = version;
    }
    if (found == NULL) {
        add_slot(&known->type);
        if (type->base == NULL) {
            add_slot(&known->array);
        }
    }
    ky_mutex_unlock(&registry.lock);
}

void
type_format_full(oid_t oid, int32_t typmod, struct ky_buffer *out)
{
    const struct known_type *known = oid < OID_FIRST_USER ? NULL : known_of(oid);
    if (known == NULL) {
        type_format(oid, typmod, out);
        return;
    }
    ky_buffer_append_cstr(out, known->full_name);
    ky_buffer_append_cstr(out, oid == known->array.oid ? "[]" : "");
}
