/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/access/access_private.h"
#include "server/access/inverted.h"
#include "server/base/assert.h"

/* Live indexes: making, filling from rows, keys of rows. */

static const struct access_evaluator *the_evaluator; /* immutable after start */

void
access_use_evaluator(const struct access_evaluator *evaluator)
{
    the_evaluator = evaluator;
}

/* Made under kyro.default_index = auto. */
static bool
is_automatic(const struct cat_index *index)
{
    for (const char *const *option = index->options; option != NULL && *option != NULL; option++) {
        if (strcmp(*option, "auto=true") == 0) {
            return true;
        }
    }
    return false;
}

enum index_kind
runtime_tree_kind(const struct cat_index *index)
{
    return index->method == INDEX_RMI ? INDEX_KIND_RMI : INDEX_KIND_BTREE;
}

void
runtime_set_tree(struct access_index *runtime, const struct cat_index *index, struct index *tree)
{
    runtime->tree = tree;
    if (index->method == INDEX_RMI && is_automatic(index)) {
        index_judge_itself(tree);
    }
}

ky_status
runtime_new(struct access *access, const struct cat_image *image, const struct cat_index *index,
            struct access_index **out, struct ky_error *err)
{
    struct access_index *runtime = ky_calloc(1, sizeof(*runtime));
    runtime->access = access;
    runtime->oid = index->oid;
    runtime->rel = index->table->rel;
    atomic_init(&runtime->stale_count, 0);
    atomic_init(&runtime->stale_raises, 0);
    atomic_init(&runtime->references, 1);
    switch (index->method) {
    case INDEX_BTREE:
    case INDEX_HASH:
    case INDEX_RMI:
        runtime_set_tree(runtime, index, index_new(runtime_tree_kind(index)));
        break;
    case INDEX_GIN:
        runtime->is_inverted = true;
        runtime->classes = ky_calloc((size_t)index->key_count + 1, 1);
        for (uint16_t i = 0; i < index->key_count; i++) {
            runtime->classes[i] = (uint8_t)inverted_class_of(cat_key_opclass(index, i));
        }
        runtime_set_tree(runtime, index, index_new(runtime_tree_kind(index)));
        break;
    case INDEX_HNSW:
    case INDEX_IVFFLAT:
        runtime->is_vector = true;
        if (runtime_new_vectors(runtime, index, err) != KY_OK) {
            ky_free(runtime);
            return KY_ERR;
        }
        break;
    }
    if (index_is_evaluated(index) &&
        the_evaluator->open(image, index, &runtime->evaluator, err) != KY_OK) {
        runtime_free(runtime);
        return KY_ERR;
    }
    *out = runtime;
    return KY_OK;
}

void
runtime_hold(struct access_index *runtime)
{
    /* relaxed: whoever holds the registry's mutex already has it from there. */
    (void)atomic_fetch_add_explicit(&runtime->references, 1, memory_order_relaxed);
}

void
runtime_free(struct access_index *runtime)
{
    /* acq_rel: what others did with it happens before it goes. */
    if (runtime == NULL ||
        atomic_fetch_sub_explicit(&runtime->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    index_free(runtime->tree);
    ky_free(runtime->classes);
    collection_free(runtime->vectors);
    if (runtime->evaluator != NULL) {
        the_evaluator->close(runtime->evaluator);
    }
    ky_free(runtime);
}

/* ------------------------------------------------------------------ keys */

static void
key_columns_of(const struct cat_index *index, struct key_column *columns)
{
    for (uint16_t i = 0; i < index->key_count; i++) {
        columns[i] = (struct key_column){.type = index->keys[i].type,
                                         .is_descending = index->keys[i].is_descending,
                                         .is_nulls_first = index->keys[i].is_nulls_first};
    }
}

enum { KEY_COLUMNS_MAX = 32 };

void
access_encode_key(const struct cat_index *index, const struct datum *values, uint32_t count,
                  struct ky_buffer *out)
{
    struct key_column columns[KEY_COLUMNS_MAX];
    KY_ASSERT(count <= index->key_count);
    key_columns_of(index, columns);
    key_encode(columns, count, values, out);
}

/* From the key columns' values. */
static void
keys_to_bytes(const struct access_index *runtime, const struct cat_index *index,
              const struct datum *keys, struct ky_buffer *out, struct key_info *info)
{
    *info = (struct key_info){.has_entry = true};
    if (runtime->is_vector) {
        info->has_entry = runtime_vector_key(runtime, keys[0], out);
        return;
    }
    if (runtime->is_inverted) {
        const size_t start = out->size;
        inverted_row_keys(runtime, index, keys, out);
        info->has_entry = out->size > start;
        return;
    }
    for (uint16_t i = 0; i < index->key_count; i++) {
        info->has_null = info->has_null || keys[i].is_null;
    }
    access_encode_key(index, keys, index->key_count, out);
}

static ky_status
evaluated_key(const struct access_index *runtime, const struct cat_index *index,
              const struct datum *values, struct ky_buffer *out, struct key_info *info,
              struct ky_error *err)
{
    struct datum keys[KEY_COLUMNS_MAX];
    struct ky_arena arena;
    bool has_entry = false;
    ky_arena_init(&arena);
    ky_status status =
        the_evaluator->keys(runtime->evaluator, values, &arena, keys, &has_entry, err);
    *info = (struct key_info){0};
    if (status == KY_OK && has_entry) {
        keys_to_bytes(runtime, index, keys, out, info);
    }
    ky_arena_deinit(&arena);
    return status;
}

ky_status
runtime_values_key(const struct access_index *runtime, const struct cat_index *index,
                   const struct datum *values, struct ky_buffer *out, struct key_info *info_out,
                   struct ky_error *err)
{
    struct datum keys[KEY_COLUMNS_MAX];
    if (KY_UNLIKELY(runtime->evaluator != NULL)) {
        return evaluated_key(runtime, index, values, out, info_out, err);
    }
    for (uint16_t i = 0; i < index->key_count; i++) {
        keys[i] = values[index->keys[i].column - 1];
    }
    keys_to_bytes(runtime, index, keys, out, info_out);
    return KY_OK;
}

ky_status
runtime_try_row_key(const struct access_index *runtime, const struct cat_index *index,
                    struct ky_slice row, struct ky_buffer *out, struct key_info *info_out,
                    struct ky_error *err)
{
    const struct row_layout *layout = &index->table->layout;
    const uint16_t column_count = index->table->column_count;
    struct datum keys[KEY_COLUMNS_MAX];
    if (KY_UNLIKELY(runtime->evaluator != NULL)) {
        struct datum *values = ky_calloc((size_t)column_count + 1, sizeof(*values));
        for (uint16_t i = 0; i < column_count; i++) {
            if (the_evaluator->reads(runtime->evaluator, i)) {
                values[i] = row_get(layout, row, i);
            }
        }
        ky_status status = evaluated_key(runtime, index, values, out, info_out, err);
        ky_free(values);
        return status;
    }
    for (uint16_t i = 0; i < index->key_count; i++) {
        keys[i] = row_get(layout, row, (uint16_t)(index->keys[i].column - 1));
    }
    keys_to_bytes(runtime, index, keys, out, info_out);
    return KY_OK;
}

bool
runtime_row_key(const struct access_index *runtime, const struct cat_index *index,
                struct ky_slice row, struct ky_buffer *out)
{
    struct key_info info;
    struct ky_error err;
    ky_error_init(&err);
    return runtime_try_row_key(runtime, index, row, out, &info, &err) == KY_OK && info.has_entry;
}

bool
access_row_key(struct access *access, const struct cat_index *index, struct ky_slice row,
               struct ky_buffer *out)
{
    return runtime_row_key(access_runtime(access, index), index, row, out);
}

bool
runtime_is_touched(const struct access_index *runtime, const struct cat_index *index,
                   const bool *is_changed)
{
    if (KY_UNLIKELY(runtime->evaluator != NULL)) {
        for (uint16_t i = 0; i < index->table->column_count; i++) {
            if (is_changed[i] && the_evaluator->reads(runtime->evaluator, i)) {
                return true;
            }
        }
        return false;
    }
    for (uint16_t i = 0; i < index->key_count; i++) {
        if (is_changed[index->keys[i].column - 1]) {
            return true;
        }
    }
    return false;
}

/* "a", or the expression. */
static void
append_key_name(const struct cat_index *index, uint16_t key, struct ky_buffer *out)
{
    const struct cat_key *part = &index->keys[key];
    ky_buffer_append_cstr(out, part->column != 0 ? index->table->columns[part->column - 1].name
                                                 : part->expression_sql);
}

ky_status
access_duplicate_error(const struct access_index *runtime, const struct cat_index *index,
                       const struct datum *values, bool is_building, struct ky_error *err)
{
    struct ky_arena arena;
    struct ky_buffer names = {0};
    struct ky_buffer texts = {0};
    struct type_context context;
    struct datum keys[KEY_COLUMNS_MAX];
    bool has_entry = true;
    ky_arena_init(&arena);
    type_context_init(&context, &arena);
    for (uint16_t i = 0; runtime->evaluator == NULL && i < index->key_count; i++) {
        keys[i] = values[index->keys[i].column - 1];
    }
    if (runtime->evaluator != NULL &&
        the_evaluator->keys(runtime->evaluator, values, &arena, keys, &has_entry, err) != KY_OK) {
        ky_arena_deinit(&arena);
        return KY_ERR;
    }
    for (uint16_t i = 0; has_entry && i < index->key_count; i++) {
        const struct type *type = index->keys[i].type;
        ky_buffer_append_cstr(&names, i == 0 ? "" : ", ");
        append_key_name(index, i, &names);
        ky_buffer_append_cstr(&texts, i == 0 ? "" : ", ");
        if (keys[i].is_null) {
            ky_buffer_append_cstr(&texts, "null");
        } else {
            type->output(type, &context, keys[i], &texts);
        }
    }
    if (is_building) {
        (void)ky_error_set(err, KY_UNIQUE_VIOLATION, "could not create unique index \"%s\"",
                           index->name);
    } else {
        (void)ky_error_set(err, KY_UNIQUE_VIOLATION,
                           "duplicate key value violates unique constraint \"%s\"", index->name);
    }
    (void)ky_error_detail(err, "Key (%.*s)=(%.*s) %s.", (int)names.size, (const char *)names.data,
                          (int)texts.size, (const char *)texts.data,
                          is_building ? "is duplicated" : "already exists");
    ky_error_name(err->schema_name,
                  index->table->schema == OID_SCHEMA_PUBLIC ? "public" : err->schema_name);
    ky_error_name(err->table_name, index->table->name);
    ky_error_name(err->constraint_name, index->name);
    ky_buffer_deinit(&names);
    ky_buffer_deinit(&texts);
    ky_arena_deinit(&arena);
    return KY_ERR;
}

ky_status
access_deferrable_error(const struct cat_index *index, struct ky_error *err)
{
    ky_error_name(err->schema_name,
                  index->table->schema == OID_SCHEMA_PUBLIC ? "public" : err->schema_name);
    (void)ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                       "ON CONFLICT does not support deferrable unique constraints/exclusion "
                       "constraints as arbiters");
    ky_error_name(err->table_name, index->table->name);
    ky_error_name(err->constraint_name, index->name);
    return KY_ERR;
}

/* ------------------------------------------------------------------ filling */

/* Keys lie one after another in `bytes`; an entry names its place, and has the first bytes of its
 * key so that most comparisons touch nothing else. */
struct build_entry {
    uint64_t prefix; /* of the key without its first byte */
    size_t offset;
    row_id_t row_id;
    uint32_t key_size;
    uint8_t mark; /* the first byte: is the first value null? */
    bool has_null;
};

struct build {
    struct ky_buffer bytes;
    struct build_entry *entries;
    size_t count;
    size_t capacity;
    size_t next; /* of the source */
};

static int
compare_entries(const void *left, const void *right, void *arg)
{
    const struct build_entry *a = left;
    const struct build_entry *b = right;
    const struct build *build = arg;
    if (a->mark != b->mark) {
        return a->mark < b->mark ? -1 : 1;
    }
    if (a->prefix != b->prefix) {
        return a->prefix < b->prefix ? -1 : 1;
    }
    int order = 0;
    if (a->key_size != b->key_size || a->key_size > 1 + sizeof(a->prefix)) {
        order = ky_slice_compare(ky_slice(build->bytes.data + a->offset, a->key_size),
                                 ky_slice(build->bytes.data + b->offset, b->key_size));
    }
    return order != 0 ? order : (a->row_id > b->row_id) - (a->row_id < b->row_id);
}

static bool
next_built(void *arg, struct index_entry *entry_out)
{
    struct build *build = arg;
    if (build->next == build->count) {
        return false;
    }
    const struct build_entry *entry = &build->entries[build->next++];
    entry_out->key = ky_slice(build->bytes.data + entry->offset, entry->key_size);
    entry_out->row_id = entry->row_id;
    return true;
}

/* Rows usually come in key order: then there is nothing to sort. */
static void
sort_build(struct build *build)
{
    for (size_t i = 1; i < build->count; i++) {
        if (compare_entries(&build->entries[i - 1], &build->entries[i], build) > 0) {
            qsort_r(build->entries, build->count, sizeof(*build->entries), compare_entries, build);
            return;
        }
    }
}

static ky_status
check_unique(const struct build *build, const struct access_index *runtime,
             const struct cat_index *index, struct txn *txn, struct ky_error *err)
{
    for (size_t i = 1; i < build->count; i++) {
        const struct build_entry *a = &build->entries[i - 1];
        const struct build_entry *b = &build->entries[i];
        if ((b->has_null && !index->is_nulls_not_distinct) || a->key_size != b->key_size ||
            memcmp(build->bytes.data + a->offset, build->bytes.data + b->offset, a->key_size) !=
                0) {
            continue;
        }
        struct row_ref row;
        if (!storage_get(txn, index->table->rel, b->row_id, &row)) {
            continue;
        }
        struct ky_arena arena;
        ky_arena_init(&arena);
        const struct cat_table *table = index->table;
        struct datum *values = ky_arena_array(&arena, struct datum, table->column_count);
        for (uint16_t j = 0; j < table->column_count; j++) {
            values[j] = row_get(&table->layout, row.body, j);
        }
        ky_status status = access_duplicate_error(runtime, index, values, true, err);
        ky_arena_deinit(&arena);
        return status;
    }
    return KY_OK;
}

static void
build_add(struct build *build, size_t offset, bool has_null, row_id_t row_id)
{
    if (build->count == build->capacity) {
        build->capacity = KY_MAX(build->capacity * 2, (size_t)1024);
        build->entries = ky_realloc(build->entries, build->capacity * sizeof(*build->entries));
    }
    const uint8_t *key = build->bytes.data + offset;
    const size_t size = build->bytes.size - offset;
    build->entries[build->count++] =
        (struct build_entry){.prefix = size < 1 ? 0 : ky_slice_prefix(ky_slice(key + 1, size - 1)),
                             .offset = offset,
                             .row_id = row_id,
                             .key_size = (uint32_t)size,
                             .mark = size < 1 ? 0 : key[0],
                             .has_null = has_null};
}

static ky_status
fill_tree(struct access_index *runtime, const struct cat_index *index, struct txn *txn,
          struct ky_error *err)
{
    struct storage_scan scan;
    struct row_ref rows[256];
    struct build build = {0};
    storage_scan_init(&scan, txn, index->table->rel);
    ky_status status = KY_OK;
    for (uint32_t count; status == KY_OK && (count = storage_scan_next(&scan, rows, 256)) > 0;) {
        for (uint32_t i = 0; i < count && status == KY_OK; i++) {
            size_t offset = build.bytes.size;
            struct key_info info;
            status = runtime_try_row_key(runtime, index, rows[i].body, &build.bytes, &info, err);
            if (status == KY_OK && info.has_entry) {
                build_add(&build, offset, info.has_null, rows[i].row_id);
            }
        }
    }
    sort_build(&build);
    if (status == KY_OK && index->is_unique) {
        status = check_unique(&build, runtime, index, txn, err);
    }
    if (status == KY_OK) {
        status = index_build(runtime->tree, next_built, &build, err);
    }
    ky_buffer_deinit(&build.bytes);
    ky_free(build.entries);
    return status;
}

ky_status
runtime_fill(struct access_index *runtime, const struct cat_index *index, struct txn *txn,
             struct ky_error *err)
{
    return runtime->is_vector     ? runtime_fill_vectors(runtime, index, txn, err)
           : runtime->is_inverted ? inverted_fill(runtime, index, txn, err)
                                  : fill_tree(runtime, index, txn, err);
}
