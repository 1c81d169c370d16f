/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/bind/bind.h"

#include <string.h>

#include "server/catalog/acl.h"
#include "server/sql/bind/bind_private.h"

/* The front door: what others call, and what begins and ends every call. */

void
binder_init(struct binder *b, struct bind_context *context, struct ky_error *err)
{
    *b = (struct binder){
        .context = context,
        .arena = context->arena,
        .image = context->image,
        .err = err,
        .sql = context->sql,
        .sql_size = context->sql == NULL ? 0 : context->sql_size,
        .type_bool = type_get(OID_BOOL),
        .type_unknown = type_get(OID_UNKNOWN),
    };
}

ky_status
binder_finish(struct binder *b)
{
    const struct bind_context *context = b->context;
    for (struct unknown_param *at = b->unknown_params; at != NULL; at = at->next) {
        oid_t known = context->param_types[at->expr->index - 1];
        if (known == OID_NONE || known == OID_UNKNOWN) {
            return bind_error(b, -1, KY_INDETERMINATE_DATATYPE,
                              "could not determine data type of parameter $%u", at->expr->index);
        }
        if (expr_is_unknown(at->expr)) {
            at->expr->type = type_get(known);
        }
    }
    for (uint16_t i = 0; i < context->param_count; i++) {
        if (context->param_types[i] == OID_NONE || context->param_types[i] == OID_UNKNOWN) {
            return ky_error_set(b->err, KY_INDETERMINATE_DATATYPE,
                                "could not determine data type of parameter $%d", i + 1);
        }
    }
    return KY_OK;
}

/* The session's own schema of temporary tables, which its path begins with. */
static const struct cat_schema *
temp_schema(struct binder *b)
{
    const struct cat_schema *first = b->context->path->count == 0
                                         ? NULL
                                         : cat_get_schema(b->image, b->context->path->schemas[0]);
    return first != NULL && strncmp(first->name, "pg_temp_", 8) == 0 ? first : NULL;
}

/* What a view names was looked up when it was made. */
static ky_status
check_schema_usage(const struct binder *b, const struct cat_schema *schema)
{
    const oid_t role = b->context->role;
    return role == OID_NONE || b->view_depth > 0 ||
                   acl_on_schema(b->image, role, schema, ACL_USAGE) != 0
               ? KY_OK
               : ky_error_set(b->err, KY_INSUFFICIENT_PRIVILEGE, "permission denied for schema %s",
                              schema->name);
}

ky_status
find_relation(struct binder *b, const struct ast_range_var *name, bool is_missing_ok,
              struct cat_table **out)
{
    int location = name->node.location;
    if (name->catalog != NULL && b->context->database != NULL &&
        strcmp(name->catalog, b->context->database) != 0) {
        return bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                          "cross-database references are not implemented: \"%s.%s.%s\"",
                          name->catalog, name->schema, name->name);
    }
    struct ky_slice key = ky_slice_cstr(name->name);
    *out = NULL;
    if (name->schema == NULL) {
        *out = cat_resolve_table(b->image, b->context->path, key);
    } else {
        const struct cat_schema *schema = cat_find_schema(b->image, ky_slice_cstr(name->schema));
        if (strcmp(name->schema, "pg_temp") == 0) {
            schema = temp_schema(b);
        } else if (schema != NULL) {
            KY_TRY(check_schema_usage(b, schema));
        }
        if (schema != NULL) {
            *out = cat_find_table(b->image, schema->oid, key);
        }
    }
    if (*out != NULL || is_missing_ok) {
        return KY_OK;
    }
    if (name->schema != NULL) {
        return bind_error(b, location, KY_UNDEFINED_TABLE, "relation \"%s.%s\" does not exist",
                          name->schema, name->name);
    }
    return bind_error(b, location, KY_UNDEFINED_TABLE, "relation \"%s\" does not exist",
                      name->name);
}

ky_status
bind_statement(struct binder *b, struct scope *parent, const struct ast_node *node,
               struct query **out)
{
    switch (node->kind) {
    case AST_SELECT:
        return bind_select(b, parent, (const void *)node, false, out);
    case AST_INSERT:
        return bind_insert(b, parent, (const void *)node, out);
    case AST_UPDATE:
        return bind_update(b, parent, (const void *)node, out);
    case AST_DELETE:
        return bind_delete(b, parent, (const void *)node, out);
    case AST_MERGE:
        return bind_merge(b, parent, (const void *)node, out);
    default:
        return bind_error(b, node->location, KY_SYNTAX_ERROR,
                          "only SELECT, VALUES, INSERT, UPDATE and DELETE can be here");
    }
}

ky_status
bind_query(struct bind_context *context, const struct ast_node *statement, struct query **query_out,
           struct ky_error *err)
{
    struct binder b;
    struct query *query;
    binder_init(&b, context, err);
    KY_TRY(bind_statement(&b, NULL, statement, &query));
    KY_TRY(binder_finish(&b));
    *query_out = query;
    return KY_OK;
}

ky_status
bind_table_expression(struct bind_context *context, const struct cat_table *table, const char *sql,
                      const struct type *wanted_type, int32_t wanted_typmod, struct expr **expr_out,
                      struct ky_error *err)
{
    struct binder b;
    binder_init(&b, context, err);
    KY_TRY(bind_table_expr(&b, table, sql, CLAUSE_CHECK, wanted_type, wanted_typmod, expr_out));
    return binder_finish(&b);
}

ky_status
bind_argument(struct bind_context *context, const struct ast_node *node, oid_t type,
              struct expr **expr_out, struct ky_error *err)
{
    struct binder b;
    struct scope scope;
    struct expr *expr;
    binder_init(&b, context, err);
    scope_init(&scope, NULL, NULL);
    scope.clause = CLAUSE_EXECUTE;
    KY_TRY(bind_expr(&b, &scope, node, &expr));
    struct expr *made;
    const struct type *wanted = type_base(type_get(type));
    KY_TRY(coerce_or_null(&b, expr, wanted, -1, CAST_ASSIGNMENT, -1, &made));
    if (made == NULL) {
        (void)bind_error(&b, expr_location(expr), KY_DATATYPE_MISMATCH,
                         "parameter cannot be coerced from type %s to the expected type %s",
                         expr->type->sql_name, wanted->sql_name);
        return ky_error_hint(err, "You will need to rewrite or cast the expression.");
    }
    *expr_out = made;
    return binder_finish(&b);
}

ky_status
bind_relation(struct bind_context *context, const struct ast_range_var *name, bool is_missing_ok,
              struct cat_table **table_out, struct ky_error *err)
{
    struct binder b;
    binder_init(&b, context, err);
    b.sql_size = 0; /* utility statements do not say where, in PostgreSQL neither */
    if (!is_missing_ok && name->schema != NULL && strcmp(name->schema, "pg_temp") != 0 &&
        cat_find_schema(context->image, ky_slice_cstr(name->schema)) == NULL) {
        return ky_error_set(err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist",
                            name->schema);
    }
    return find_relation(&b, name, is_missing_ok, table_out);
}
