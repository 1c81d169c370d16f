/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_private.h"

/*
 * CREATE VECTORS: a table with a key, a vector and what columns were named, and the index over the
 * vector. Without a dimension it waits for the first row, which gives it one.
 */

static ky_status
vectors_opclass(struct ddl *ddl, const struct ast_list *options, const char **opclass_out)
{
    static const struct {
        const char *metric, *opclass;
    } metrics[] = {{"", "vector_l2_ops"},           {"l2", "vector_l2_ops"},
                   {"ip", "vector_ip_ops"},         {"inner_product", "vector_ip_ops"},
                   {"cosine", "vector_cosine_ops"}, {"l1", "vector_l1_ops"}};
    const char *metric = ddl_option_text(ddl, ddl_option(options, "metric"));
    for (size_t i = 0; i < KY_COUNT_OF(metrics); i++) {
        if (strcmp(metrics[i].metric, metric) == 0) {
            *opclass_out = metrics[i].opclass;
            return KY_OK;
        }
    }
    (void)ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                       "invalid value for option \"metric\": \"%s\"", metric);
    return ky_error_hint(ddl->err, "Available values: l2, ip, cosine, l1.");
}

/* WITH (m = .., ef_construction = ..) as options of the index; ef is a short name for the latter.
 */
static ky_status
vectors_index_options(struct ddl *ddl, const struct ast_list *options,
                      const char *const **options_out)
{
    static const struct {
        const char *name, *option;
        int64_t low, high;
    } known[] = {{"m", "m", 2, 100},
                 {"ef_construction", "ef_construction", 4, 1000},
                 {"ef", "ef_construction", 4, 1000}};
    const int32_t count = ast_list_count(options);
    const char **texts = ky_arena_array(ddl->arena, const char *, (size_t)count + 1);
    int32_t used = 0;
    for (int32_t i = 0; i < count; i++) {
        const struct ast_option *option = (const void *)ast_list_get(options, i);
        bool is_known = strcmp(option->name, "metric") == 0;
        for (size_t k = 0; k < KY_COUNT_OF(known) && !is_known; k++) {
            if (strcmp(known[k].name, option->name) != 0) {
                continue;
            }
            const int64_t value = ddl_option_int(option, -1);
            if (value < known[k].low || value > known[k].high) {
                (void)ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                                   "value %s out of bounds for option \"%s\"",
                                   ddl_option_text(ddl, option), option->name);
                return ky_error_detail(ddl->err, "Valid values are between \"%lld\" and \"%lld\".",
                                       (long long)known[k].low, (long long)known[k].high);
            }
            texts[used++] =
                ky_arena_printf(ddl->arena, "%s=%lld", known[k].option, (long long)value);
            is_known = true;
        }
        if (!is_known) {
            return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                                "unrecognized parameter \"%s\"", option->name);
        }
    }
    *options_out = used == 0 ? NULL : texts;
    return KY_OK;
}

/* (dim INT): the index is made when the dimension is known, by what was said before. */
static const char *
kept_option(const struct cat_table *table, const char *name, const char *fallback)
{
    const size_t size = strlen(name);
    for (const char *const *option = table->options; option != NULL && *option != NULL; option++) {
        if (strncmp(*option, name, size) == 0 && (*option)[size] == '=') {
            return *option + size + 1;
        }
    }
    return fallback;
}

static ky_status
add_vector_index(struct ddl *ddl, struct cat_table *table, const char *opclass,
                 const char *const *options)
{
    struct cat_index *index = ky_arena_new(ddl->arena, struct cat_index);
    struct cat_key *key = ky_arena_new(ddl->arena, struct cat_key);
    *key = (struct cat_key){
        .column = 2, .type = type_get(OID_VECTOR), .opclass = opclass, .typmod = -1};
    *index = (struct cat_index){
        .oid = ddl_new_oid(ddl),
        .name = ddl_choose_name(ddl, table->schema, table->name, "vector", "idx"),
        .table = table,
        .method = INDEX_HNSW,
        .is_valid = true,
        .key_count = 1,
        .column_count = 1,
        .options = options,
        .keys = key};
    KY_TRY(catalog_insert(ddl->txn, CAT_INDEX, index, ddl->err));
    return access_index_create(ddl->session->txn, index, ddl->err);
}

ky_status
ddl_create_vectors(struct ddl *ddl, const struct ast_create_vectors *statement)
{
    struct new_table *made = ky_arena_new(ddl->arena, struct new_table);
    const char *opclass;
    bool is_done;
    strcpy(ddl->session->tag, "CREATE VECTORS");
    if (statement->dimension > VECTOR_DIMENSION_MAX) {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                            "dimensions for type vector cannot exceed %d", VECTOR_DIMENSION_MAX);
    }
    const char *const *options = NULL;
    KY_TRY(vectors_opclass(ddl, statement->options, &opclass));
    KY_TRY(vectors_index_options(ddl, statement->options, &options));
    KY_TRY(ddl_begin_table(ddl, statement->relation, AST_PERMANENT, statement->is_if_not_exists,
                           made, &is_done));
    if (ddl->is_pending || is_done) {
        return KY_OK;
    }
    struct cat_column *key = ddl_append_column(ddl, made);
    key->name = "key";
    key->type = type_get(OID_INT8);
    key->is_not_null = true;
    struct cat_column *vector = ddl_append_column(ddl, made);
    vector->name = "vector";
    vector->type = type_get(OID_VECTOR);
    vector->typmod = statement->dimension > 0 ? statement->dimension : -1;
    made->table.is_vectors = true;
    if (statement->dimension == 0) {
        const char **kept = ky_arena_array(ddl->arena, const char *, 5);
        size_t count = 0;
        kept[count++] = ky_arena_printf(ddl->arena, "opclass=%s", opclass);
        for (size_t i = 0; options != NULL && options[i] != NULL && count < 4; i++) {
            kept[count++] = options[i];
        }
        made->table.options = kept;
    }
    for (int32_t i = 0; i < ast_list_count(statement->columns); i++) {
        const struct ast_column_def *definition = (const void *)ast_list_get(statement->columns, i);
        KY_TRY(ddl_add_column(ddl, made, definition));
        KY_TRY(ddl_add_column_rules(ddl, made, definition));
    }
    struct new_key *primary = &made->keys[made->key_count++];
    *primary = (struct new_key){
        .name = ddl_choose_name(ddl, made->table.schema, made->table.name, NULL, "pkey"),
        .columns = {1},
        .column_count = 1,
        .is_primary = true};
    KY_TRY(ddl_write_table(ddl, made));
    if (statement->dimension > 0) {
        KY_TRY(add_vector_index(ddl, &made->table, opclass, options));
        return ddl_changed(ddl);
    }
    return KY_OK;
}

ky_status
ddl_vectors_dimension(struct session *session, const struct cat_table *table, uint32_t dimension,
                      bool *is_pending_out, struct ky_error *err)
{
    struct ddl ddl = {.session = session,
                      .arena = &session->arena,
                      .catalog = server_catalog(session->server),
                      .txn = access_storage_txn(session->txn),
                      .err = err};
    KY_TRY(ddl_lock(&ddl, table, LOCK_ACCESS_EXCLUSIVE));
    *is_pending_out = ddl.is_pending;
    if (ddl.is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(&ddl));
    const struct cat_table *current = cat_get_table(ddl.image, table->oid);
    ky_status status = KY_OK;
    if (current != NULL && current->columns[1].typmod == -1) {
        struct cat_table changed = *current;
        changed.columns = ky_arena_array(ddl.arena, struct cat_column, current->column_count);
        memcpy(changed.columns, current->columns, current->column_count * sizeof(*changed.columns));
        changed.columns[1].typmod = (int32_t)dimension;
        status = catalog_update(ddl.txn, CAT_TABLE, &changed, err);
        if (status == KY_OK) {
            status =
                add_vector_index(&ddl, &changed, kept_option(current, "opclass", "vector_l2_ops"),
                                 current->options == NULL ? NULL : current->options + 1);
        }
        if (status == KY_OK) {
            status = ddl_changed(&ddl);
        }
    }
    ddl_deinit(&ddl);
    return status;
}
