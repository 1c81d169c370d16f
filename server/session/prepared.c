/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/clock.h"
#include "server/session/drive.h"

/* Prepared statements: what Parse and PREPARE make. */

struct prepared *
session_find_prepared(struct session *session, const char *name, struct ky_error *err)
{
    struct prepared *prepared = ky_smap_find(&session->prepared, ky_slice_cstr(name));
    if (prepared == NULL) {
        if (name[0] == '\0') {
            (void)ky_error_set(err, KY_INVALID_SQL_STATEMENT_NAME,
                               "unnamed prepared statement does not exist");
        } else {
            (void)ky_error_set(err, KY_INVALID_SQL_STATEMENT_NAME,
                               "prepared statement \"%s\" does not exist", name);
        }
    }
    return prepared;
}

struct prepared *
prepared_new(const char *name, struct ky_slice sql, uint16_t param_capacity)
{
    struct prepared *prepared = ky_calloc(1, sizeof(*prepared));
    ky_arena_init(&prepared->arena);
    prepared->reference_count = 1;
    prepared->name = ky_arena_strdup(&prepared->arena, name);
    prepared->created_us = ky_wall_us();
    source_init(&prepared->source, &prepared->arena);
    prepared->source.sql = ky_slice_dup(&prepared->arena, sql);
    prepared->source.own_sql = prepared->source.sql;
    prepared->source.param_types = ky_arena_array(&prepared->arena, oid_t, param_capacity + 1U);
    prepared->source.param_capacity = param_capacity;
    prepared->source.can_infer_params = true;
    return prepared;
}

void
prepared_drop(struct prepared *prepared)
{
    if (--prepared->reference_count > 0) {
        return;
    }
    source_deinit(&prepared->source);
    struct ky_arena arena = prepared->arena;
    ky_free(prepared);
    ky_arena_deinit(&arena);
}

void
session_close_prepared(struct session *session)
{
    size_t cursor = 0;
    struct ky_slice name;
    void *value;
    while (ky_smap_next(&session->prepared, &cursor, &name, &value)) {
        prepared_drop(value);
    }
    ky_smap_deinit(&session->prepared);
    session->prepared = (struct ky_smap){0};
}

/* The query inside a statement that runs one; NULL: there is none. */
static struct ast_node *
query_inside(const struct ast_node *tree)
{
    struct ast_node *query = NULL;
    if (tree->kind == AST_EXPLAIN) {
        query = ((const struct ast_explain *)(const void *)tree)->statement;
    } else if (tree->kind == AST_DECLARE_CURSOR) {
        query = &((const struct ast_declare_cursor *)(const void *)tree)->query->node;
    } else if (tree->kind == AST_CREATE_TABLE_AS) {
        query = ((const struct ast_create_table_as *)(const void *)tree)->query;
    }
    return query != NULL && source_is_query(query) ? query : NULL;
}

/* EXPLAIN, DECLARE and CREATE TABLE AS have the parameters of their query. */
static ky_status
infer_params(struct session *session, struct plan_source *source, struct ky_error *err)
{
    const bool may_have_params = source->param_capacity > 0 || source->variables != NULL;
    struct ast_node *query = may_have_params ? query_inside(source->tree) : NULL;
    struct plan_source inner;
    if (query == NULL) {
        return KY_OK;
    }
    source_init(&inner, source->arena);
    inner.tree = query;
    inner.sql = source->sql;
    inner.own_sql = source->own_sql;
    inner.param_types = source->param_types; /* what is found out stays there */
    inner.param_count = source->param_count;
    inner.param_capacity = source->param_capacity;
    inner.can_infer_params = source->can_infer_params;
    inner.variables = source->variables;
    const ky_status status = source_plan(session, &inner, err);
    source->param_types = inner.param_types;
    source->param_count = inner.param_count;
    source_deinit(&inner);
    return status;
}

/* Plans it, or finds out its columns: what Describe needs. */
ky_status
prepared_analyze(struct session *session, struct plan_source *source, struct ky_error *err)
{
    if (source->tree == NULL || source->tree->kind == AST_TRANSACTION) {
        return KY_OK;
    }
    KY_TRY(transaction_ensure(session, err));
    if (!source_is_query(source->tree)) {
        KY_TRY(infer_params(session, source, err));
        return utility_describe(session, source, err);
    }
    return source_plan(session, source, err);
}

/* The highest $n in a text: the room that inference needs. The lexer's own count comes from the
 * tree; this only bounds the array, so a $9 inside a string costs nothing but room. */
static uint16_t
param_bound(struct ky_slice sql)
{
    const char *text = sql.data;
    uint32_t highest = 0;
    for (size_t i = 0; i + 1 < sql.size; i++) {
        if (text[i] != '$') {
            continue;
        }
        uint32_t number = 0;
        for (size_t j = i + 1; j < sql.size && text[j] >= '0' && text[j] <= '9' && number < 100000;
             j++) {
            number = number * 10 + (uint32_t)(text[j] - '0');
        }
        highest = KY_MAX(highest, number);
    }
    return (uint16_t)KY_MIN(highest, (uint32_t)BIND_PARAMS_MAX);
}

static ky_status
parse_prepared(struct session *session, struct prepared *prepared, struct ky_error *err)
{
    struct ast_list statements = {0};
    struct plan_source *source = &prepared->source;
    KY_TRY(parse_sql(&prepared->arena, source->sql, &statements, err));
    if (statements.count > 1) {
        return ky_error_set(err, KY_SYNTAX_ERROR,
                            "cannot insert multiple commands into a prepared statement");
    }
    if (statements.count == 1) {
        source->tree = drive_without_into(
            &prepared->arena,
            ((const struct ast_statement *)(const void *)ast_list_get(&statements, 0))->statement);
    }
    KY_TRY(drive_check_failed(session, source->tree, err));
    return prepared_analyze(session, source, err);
}

enum session_answer
session_parse(struct session *session, const char *name, struct ky_slice sql,
              const oid_t *param_types, uint16_t param_count, struct result_sink *sink,
              struct ky_error *err)
{
    drive_enter(session, sql, sink);
    struct ky_slice key = ky_slice_cstr(name);
    if (name[0] != '\0' && ky_smap_find(&session->prepared, key) != NULL) {
        (void)ky_error_set(err, KY_DUPLICATE_PREPARED_STATEMENT,
                           "prepared statement \"%s\" already exists", name);
        return session_fail(session, err);
    }
    if (name[0] == '\0') {
        session_close_statement(session, "");
    }
    struct prepared *prepared = prepared_new(name, sql, KY_MAX(param_bound(sql), param_count));
    if (param_count > 0) {
        memcpy(prepared->source.param_types, param_types, param_count * sizeof(oid_t));
    }
    prepared->source.param_count = param_count;
    for (uint16_t i = 0; i < param_count; i++) {
        if (prepared->source.param_types[i] == OID_UNKNOWN) {
            prepared->source.param_types[i] = OID_NONE;
        }
    }
    if (parse_prepared(session, prepared, err) != KY_OK) {
        prepared_drop(prepared);
        return session_fail(session, err);
    }
    struct prepared *replaced = ky_smap_put(&session->prepared, key, prepared);
    if (replaced != NULL) {
        prepared_drop(replaced);
    }
    return drive_leave(session, SESSION_DONE);
}

void
session_close_statement(struct session *session, const char *name)
{
    struct prepared *prepared = ky_smap_remove(&session->prepared, ky_slice_cstr(name));
    if (prepared != NULL) {
        prepared_drop(prepared);
    }
}
