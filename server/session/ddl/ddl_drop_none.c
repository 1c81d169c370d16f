/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "server/session/ddl/ddl_private.h"

/*
 * DROP of what nobody can have made here: types, functions, triggers and their like. IF EXISTS is
 * content, as in PostgreSQL, so that scripts which begin with such lines run; a name that is built
 * in cannot be dropped; any other does not exist.
 */

static const char *
kind_word(struct ddl *ddl, enum ast_object_type type)
{
    char *word = ky_arena_strdup(ddl->arena, ast_object_type_name(type));
    for (char *at = word; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    return type == AST_OBJECT_DOMAIN       ? "type"
           : type == AST_OBJECT_STATISTICS ? "statistics object"
                                           : word;
}

static ky_status
missing(struct ddl *ddl, const struct ast_drop *statement, enum ky_sqlstate sqlstate,
        const char *what)
{
    if (statement->is_if_exists) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "%s does not exist, skipping", what);
        return KY_OK;
    }
    return ky_error_set(ddl->err, sqlstate, "%s does not exist", what);
}

static ky_status
built_in(struct ddl *ddl, const char *what)
{
    return ky_error_set(ddl->err, KY_DEPENDENT_OBJECTS_STILL_EXIST,
                        "cannot drop %s because it is required by the database system", what);
}

/* Is the schema that a name begins with there? Where not, that is what is missing. */
static bool
has_schema(struct ddl *ddl, const char *schema)
{
    return schema == NULL || cat_find_schema(ddl->image, ky_slice_cstr(schema)) != NULL;
}

static ky_status
drop_type(struct ddl *ddl, const struct ast_drop *statement, const struct ast_type_name *name)
{
    struct ky_error ignored;
    oid_t oid;
    int32_t typmod;
    ky_error_init(&ignored);
    if (bind_type_name(&ddl->bind, name, &oid, &typmod, &ignored) == KY_OK) {
        if (oid >= OID_FIRST_USER) {
            return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a domain",
                                ast_name_last(name->names));
        }
        return built_in(ddl, ky_arena_printf(ddl->arena, "type %s", type_get(oid)->sql_name));
    }
    const char *schema = ast_name_schema(name->names);
    if (!has_schema(ddl, schema)) {
        return missing(ddl, statement, KY_INVALID_SCHEMA_NAME,
                       ky_arena_printf(ddl->arena, "schema \"%s\"", schema));
    }
    return missing(ddl, statement, KY_UNDEFINED_OBJECT,
                   ky_arena_printf(ddl->arena, schema == NULL ? "type \"%s%s\"" : "type \"%s.%s\"",
                                   schema == NULL ? "" : schema, ast_name_last(name->names)));
}

static ky_status
drop_function(struct ddl *ddl, const struct ast_drop *statement, const struct ast_range_var *name)
{
    const char *kind = kind_word(ddl, statement->object_type);
    size_t count;
    (void)func_candidates(ky_slice_cstr(name->name), &count);
    const char *what = ky_arena_printf(ddl->arena, "%s %s()", kind, name->name);
    if (count > 0 && (name->schema == NULL || strcmp(name->schema, "pg_catalog") == 0)) {
        return built_in(ddl, what);
    }
    return missing(ddl, statement, KY_UNDEFINED_FUNCTION, what);
}

/* DROP TRIGGER name ON relation. */
static ky_status
drop_of_relation(struct ddl *ddl, const struct ast_drop *statement, const struct ast_list *names)
{
    const struct ast_list owner = {
        .items = names->items, .count = names->count - 1, .capacity = names->count - 1};
    const struct ast_range_var relation = {.node = {.kind = AST_RANGE_VAR},
                                           .schema = ast_name_schema(&owner),
                                           .name = ast_name_last(&owner)};
    struct cat_table *table;
    KY_TRY(ddl_find(ddl, &relation, true, &table));
    if (table == NULL) {
        return missing(ddl, statement, KY_UNDEFINED_TABLE,
                       ky_arena_printf(ddl->arena, "relation \"%s\"", relation.name));
    }
    return missing(ddl, statement, KY_UNDEFINED_OBJECT,
                   ky_arena_printf(ddl->arena, "%s \"%s\" for %s \"%s\"",
                                   kind_word(ddl, statement->object_type), ast_name_last(names),
                                   statement->is_if_exists ? "relation" : "table", table->name));
}

static ky_status
drop_named(struct ddl *ddl, const struct ast_drop *statement, const struct ast_range_var *name)
{
    const char *kind = kind_word(ddl, statement->object_type);
    const bool is_relation = statement->object_type == AST_OBJECT_FOREIGN_TABLE;
    struct cat_table *table = NULL;
    if (is_relation) {
        KY_TRY(ddl_find(ddl, name, true, &table));
    }
    if (table != NULL) {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a %s", table->name,
                            kind);
    }
    return missing(ddl, statement, is_relation ? KY_UNDEFINED_TABLE : KY_UNDEFINED_OBJECT,
                   ky_arena_printf(ddl->arena, "%s \"%s\"", kind, name->name));
}

ky_status
ddl_drop_none(struct ddl *ddl, const struct ast_drop *statement, const struct ast_node *object)
{
    if (object->kind != AST_NODE_LIST) {
        return drop_type(ddl, statement, (const void *)object);
    }
    const struct ast_list *names = ((const struct ast_node_list *)(const void *)object)->list;
    const struct ast_range_var name = {.node = {.kind = AST_RANGE_VAR},
                                       .schema = ast_name_schema(names),
                                       .name = ast_name_last(names)};
    switch ((int)statement->object_type) {
    case AST_OBJECT_FUNCTION:
    case AST_OBJECT_PROCEDURE:
    case AST_OBJECT_ROUTINE:
    case AST_OBJECT_AGGREGATE:
        return drop_function(ddl, statement, &name);
    case AST_OBJECT_TRIGGER:
    case AST_OBJECT_RULE:
    case AST_OBJECT_POLICY:
        return drop_of_relation(ddl, statement, names);
    case AST_OBJECT_FOREIGN_TABLE:
    case AST_OBJECT_EVENT_TRIGGER:
    case AST_OBJECT_PUBLICATION:
    case AST_OBJECT_SUBSCRIPTION:
    case AST_OBJECT_STATISTICS:
    case AST_OBJECT_SERVER:
    case AST_OBJECT_FOREIGN_DATA_WRAPPER:
        return drop_named(ddl, statement, &name);
    default:
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED, "DROP %s is not supported",
                            ast_object_type_name(statement->object_type));
    }
}
