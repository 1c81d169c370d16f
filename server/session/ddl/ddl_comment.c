/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_private.h"

/* COMMENT ON, and comments that go with what they are on. */

enum {
    CLASS_PG_TYPE = 1247,
    CLASS_PG_CLASS = 1259,
    CLASS_PG_AUTHID = 1260,
    CLASS_PG_DATABASE = 1262,
    CLASS_PG_CONSTRAINT = 2606,
    CLASS_PG_NAMESPACE = 2615,
    CLASS_PG_EXTENSION = 3079,
};

static ky_status
write_comment(struct ddl *ddl, oid_t class_oid, oid_t object, int32_t column, const char *text)
{
    struct cat_comment *existing = NULL;
    for (size_t i = 0; i < ddl->image->comment_count; i++) {
        struct cat_comment *comment = ddl->image->comments[i];
        if (comment->class_oid == class_oid && comment->object == object &&
            comment->column == column) {
            existing = comment;
        }
    }
    struct cat_comment made = {.row_id = existing == NULL ? 0 : existing->row_id,
                               .class_oid = class_oid,
                               .object = object,
                               .column = column,
                               .text = text};
    if (text == NULL) {
        KY_TRY(existing == NULL ? KY_OK : catalog_erase(ddl->txn, CAT_COMMENT, existing, ddl->err));
    } else {
        KY_TRY(existing == NULL ? catalog_insert(ddl->txn, CAT_COMMENT, &made, ddl->err)
                                : catalog_update(ddl->txn, CAT_COMMENT, &made, ddl->err));
    }
    return ddl_changed(ddl);
}

ky_status
ddl_drop_comments(struct ddl *ddl, oid_t object, int32_t column)
{
    for (size_t i = 0; i < ddl->image->comment_count; i++) {
        const struct cat_comment *comment = ddl->image->comments[i];
        if (comment->object == object && (column == 0 || comment->column == column)) {
            KY_TRY(catalog_erase(ddl->txn, CAT_COMMENT, comment, ddl->err));
        }
    }
    return ddl_drop_acls(ddl, object, column);
}

ky_status
ddl_erase(struct ddl *ddl, enum cat_kind kind, const void *entry)
{
    oid_t oid = OID_NONE;
    switch ((int)kind) {
    case CAT_TABLE:
        oid = ((const struct cat_table *)entry)->oid;
        break;
    case CAT_INDEX:
        oid = ((const struct cat_index *)entry)->oid;
        break;
    case CAT_CONSTRAINT:
        oid = ((const struct cat_constraint *)entry)->oid;
        break;
    case CAT_TYPE:
        oid = ((const struct cat_type *)entry)->oid;
        break;
    case CAT_SCHEMA:
        oid = ((const struct cat_schema *)entry)->oid;
        break;
    case CAT_ROLE:
        oid = ((const struct cat_role *)entry)->oid;
        break;
    case CAT_EXTENSION:
        oid = ((const struct cat_extension *)entry)->oid;
        break;
    default:
        break;
    }
    KY_TRY(oid == OID_NONE ? KY_OK : ddl_drop_comments(ddl, oid, 0));
    return catalog_erase(ddl->txn, kind, entry, ddl->err);
}

static ky_status
not_found(struct ddl *ddl, enum ky_sqlstate code, const char *kind, const char *name)
{
    return ky_error_set(ddl->err, code, "%s \"%s\" does not exist", kind, name);
}

static ky_status
check_owner(struct ddl *ddl, oid_t owner, const char *kind, const char *name)
{
    return ddl_owns(ddl, owner) ? KY_OK
                                : ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                                               "must be owner of %s %s", kind, name);
}

static ky_status
comment_column(struct ddl *ddl, const struct ast_list *names, const char *text)
{
    struct cat_table *table;
    if (names->count < 2) {
        return ky_error_set(ddl->err, KY_SYNTAX_ERROR, "column name must be qualified");
    }
    const struct ast_range_var relation = {
        .node = {.kind = AST_RANGE_VAR, .location = -1},
        .schema = names->count > 2 ? ast_list_text(names, names->count - 3) : NULL,
        .name = ast_list_text(names, names->count - 2)};
    const char *name = ast_list_text(names, names->count - 1);
    KY_TRY(ddl_find(ddl, &relation, false, &table));
    KY_TRY(check_owner(ddl, table->owner, "relation", table->name));
    const struct cat_column *column = cat_find_column(table, ky_slice_cstr(name));
    if (column == NULL) {
        return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN,
                            "column \"%s\" of relation \"%s\" does not exist", name, table->name);
    }
    return write_comment(ddl, CLASS_PG_CLASS, table->oid, column->number, text);
}

/* The names are the table's and, last, the constraint's. */
static ky_status
comment_constraint(struct ddl *ddl, const struct ast_list *names, const char *text)
{
    struct cat_table *table;
    const struct ast_range_var relation = {
        .node = {.kind = AST_RANGE_VAR, .location = -1},
        .schema = names->count > 2 ? ast_list_text(names, names->count - 3) : NULL,
        .name = ast_list_text(names, names->count - 2)};
    const char *name = ast_list_text(names, names->count - 1);
    KY_TRY(ddl_find(ddl, &relation, false, &table));
    KY_TRY(check_owner(ddl, table->owner, "relation", table->name));
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        if (strcmp(table->constraints[i]->name, name) == 0) {
            return write_comment(ddl, CLASS_PG_CONSTRAINT, table->constraints[i]->oid, 0, text);
        }
    }
    return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                        "constraint \"%s\" for table \"%s\" does not exist", name, table->name);
}

static ky_status
comment_index(struct ddl *ddl, const struct ast_range_var *name, const char *text)
{
    const struct cat_index *index = ddl_find_index(ddl, name);
    struct cat_table *other;
    if (index == NULL) {
        KY_TRY(ddl_find(ddl, name, false, &other));
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not an index", other->name);
    }
    KY_TRY(ddl_check_index_owner(ddl, index));
    return write_comment(ddl, CLASS_PG_CLASS, index->oid, 0, text);
}

/* Roles have no owners. */
static ky_status
check_role_rights(struct ddl *ddl, const struct cat_role *role)
{
    if (role->is_superuser && !ddl->session->is_superuser) {
        return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE, "must be superuser");
    }
    return ddl_may_create_roles(ddl) ? KY_OK
                                     : ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE,
                                                    "must have CREATEROLE privilege");
}

/* What is known by one name, without a schema. */
static ky_status
comment_global(struct ddl *ddl, enum ast_object_type type, const char *name, const char *text)
{
    const struct ky_slice key = ky_slice_cstr(name);
    if (type == AST_OBJECT_SCHEMA) {
        const struct cat_schema *schema = cat_find_schema(ddl->image, key);
        if (schema == NULL) {
            return not_found(ddl, KY_INVALID_SCHEMA_NAME, "schema", name);
        }
        KY_TRY(ddl_check_schema_owner(ddl, schema));
        return write_comment(ddl, CLASS_PG_NAMESPACE, schema->oid, 0, text);
    }
    if (type == AST_OBJECT_ROLE) {
        const struct cat_role *role = cat_find_role(ddl->image, key);
        if (role == NULL) {
            return not_found(ddl, KY_UNDEFINED_OBJECT, "role", name);
        }
        KY_TRY(check_role_rights(ddl, role));
        return write_comment(ddl, CLASS_PG_AUTHID, role->oid, 0, text);
    }
    for (size_t i = 0; type == AST_OBJECT_DATABASE && i < ddl->image->database_count; i++) {
        const struct cat_database *database = ddl->image->databases[i];
        if (strcmp(database->name, name) == 0) {
            KY_TRY(check_owner(ddl, database->owner, "database", name));
            return write_comment(ddl, CLASS_PG_DATABASE, database->oid, 0, text);
        }
    }
    for (size_t i = 0; type == AST_OBJECT_EXTENSION && i < ddl->image->extension_count; i++) {
        const struct cat_extension *extension = ddl->image->extensions[i];
        if (strcmp(extension->name, name) == 0) {
            KY_TRY(check_owner(ddl, OID_ROLE_POSTGRES, "extension", name));
            return write_comment(ddl, CLASS_PG_EXTENSION, extension->oid, 0, text);
        }
    }
    return type == AST_OBJECT_DATABASE ? not_found(ddl, KY_INVALID_CATALOG_NAME, "database", name)
                                       : not_found(ddl, KY_UNDEFINED_OBJECT, "extension", name);
}

ky_status
ddl_comment(struct ddl *ddl, const struct ast_comment *statement)
{
    struct cat_table *table;
    strcpy(ddl->session->tag, "COMMENT");
    if (statement->object_type == AST_OBJECT_TYPE || statement->object_type == AST_OBJECT_DOMAIN) {
        const struct cat_type *type;
        const struct ast_type_name *typename = (const void *)statement->object;
        KY_TRY(statement->object_type == AST_OBJECT_DOMAIN
                   ? ddl_find_domain(ddl, typename->names, false, &type)
                   : ddl_find_type(ddl, typename, &type));
        return write_comment(ddl, CLASS_PG_TYPE, type->oid, 0, statement->text);
    }
    if (statement->object->kind != AST_NODE_LIST) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "COMMENT on this kind of object is not supported yet");
    }
    const struct ast_list *names =
        ((const struct ast_node_list *)(const void *)statement->object)->list;
    const struct ast_range_var name = {.node = {.kind = AST_RANGE_VAR, .location = -1},
                                       .schema = ast_name_schema(names),
                                       .name = ast_name_last(names)};
    switch ((int)statement->object_type) {
    case AST_OBJECT_TABLE:
    case AST_OBJECT_VIEW:
    case AST_OBJECT_MATERIALIZED_VIEW:
    case AST_OBJECT_SEQUENCE:
        KY_TRY(ddl_find(ddl, &name, false, &table));
        KY_TRY(ddl_check_kind(ddl, table, statement->object_type));
        KY_TRY(ddl_check_owner(ddl, table));
        return write_comment(ddl, CLASS_PG_CLASS, table->oid, 0, statement->text);
    case AST_OBJECT_INDEX:
        return comment_index(ddl, &name, statement->text);
    case AST_OBJECT_COLUMN:
        return comment_column(ddl, names, statement->text);
    case AST_OBJECT_CONSTRAINT:
        return comment_constraint(ddl, names, statement->text);
    case AST_OBJECT_SCHEMA:
    case AST_OBJECT_ROLE:
    case AST_OBJECT_DATABASE:
    case AST_OBJECT_EXTENSION:
        return comment_global(ddl, statement->object_type, name.name, statement->text);
    default:
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "COMMENT on this kind of object is not supported yet");
    }
}
