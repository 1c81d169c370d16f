/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/ddl/ddl_grant.h"

#include "server/session/rights.h"

/* GRANT and REVOKE on objects. */

/* What is granted on an object or on its columns. */
struct wanted {
    acl_rights rights; /* on the object */
    bool is_all;       /* ALL: what cannot be granted is no matter */
};

struct grant {
    struct ddl *ddl;
    const struct ast_grant *statement;
    struct grant_change change; /* rights and grantor are filled in for each object */
    struct wanted whole;
};

/* An object, or a column of one, with its grants. */
struct grant_target {
    enum acl_class class;
    oid_t class_oid;
    oid_t object;
    int32_t column;
    const char *name;
    const char *relation; /* of a column */
    const char *kind;     /* "table": for errors */
    struct acl_list list;
    struct acl_list above; /* of a column: its table's, whose grant options count for it */
};

/* ------------------------------------------------------------------ words */

static const char *
object_word(enum ast_object_type type)
{
    switch ((int)type) {
    case AST_OBJECT_TABLE:
        return "relation";
    case AST_OBJECT_SEQUENCE:
        return "sequence";
    case AST_OBJECT_DATABASE:
        return "database";
    default:
        return "schema";
    }
}

static acl_rights
all_of(enum ast_object_type type)
{
    switch ((int)type) {
    case AST_OBJECT_TABLE:
        return acl_all(ACL_OF_TABLE) | acl_all(ACL_OF_SEQUENCE);
    case AST_OBJECT_SEQUENCE:
        return acl_all(ACL_OF_SEQUENCE);
    case AST_OBJECT_DATABASE:
        return acl_all(ACL_OF_DATABASE);
    default:
        return acl_all(ACL_OF_SCHEMA);
    }
}

static ky_status
invalid_right(struct ddl *ddl, acl_rights right, const char *what)
{
    return ky_error_set(ddl->err, KY_INVALID_GRANT_OPERATION, "invalid privilege type %s for %s",
                        acl_word(right), what);
}

ky_status
ddl_read_right(struct ddl *ddl, const struct ast_privilege *node, acl_rights allowed,
               const char *what, acl_rights *right_out)
{
    if (strcmp(node->name, "all") == 0) {
        *right_out = allowed;
        return KY_OK;
    }
    const acl_rights right = acl_right_named(ky_slice_cstr(node->name));
    if (right == 0) {
        return ky_error_set(ddl->err, KY_SYNTAX_ERROR, "unrecognized privilege type \"%s\"",
                            node->name);
    }
    *right_out = right;
    return (right & allowed) != 0 ? KY_OK : invalid_right(ddl, right, what);
}

/* Those without columns; those with are only checked. */
static ky_status
read_rights(struct grant *grant)
{
    const struct ast_grant *statement = grant->statement;
    const acl_rights all = all_of(statement->object_type);
    grant->whole = (struct wanted){.is_all = statement->privileges == NULL};
    if (statement->privileges == NULL) {
        grant->whole.rights = all;
    }
    for (int32_t i = 0; i < ast_list_count(statement->privileges); i++) {
        const struct ast_privilege *node = (const void *)ast_list_get(statement->privileges, i);
        acl_rights right;
        if (node->columns != NULL && statement->object_type != AST_OBJECT_TABLE) {
            return ky_error_set(grant->ddl->err, KY_INVALID_GRANT_OPERATION,
                                "column privileges are only valid for relations");
        }
        KY_TRY(ddl_read_right(
            grant->ddl, node, node->columns != NULL ? acl_all(ACL_OF_COLUMN) : all,
            node->columns != NULL ? "column" : object_word(statement->object_type), &right));
        grant->whole.rights |= node->columns != NULL ? 0 : right;
    }
    return KY_OK;
}

ky_status
ddl_read_grantees(struct ddl *ddl, const struct ast_list *nodes, struct grant_change *change)
{
    const int32_t count = ast_list_count(nodes);
    change->grantees = ky_arena_array(ddl->arena, oid_t, (size_t)count + 1);
    for (int32_t i = 0; i < count; i++) {
        const struct ast_role *node = (const void *)ast_list_get(nodes, i);
        struct cat_role *role = NULL;
        if (node->type != AST_ROLE_PUBLIC) {
            KY_TRY(ddl_named_role(ddl, node, &role));
        } else if (change->is_grant && change->is_option) {
            return ky_error_set(ddl->err, KY_INVALID_GRANT_OPERATION,
                                "grant options can only be granted to roles");
        }
        change->grantees[change->grantee_count++] = role == NULL ? ACL_PUBLIC : role->oid;
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ targets */

static void
target_table(const struct ddl *ddl, const struct cat_table *table, struct grant_target *target)
{
    *target = (struct grant_target){.class = table->kind == 'S' ? ACL_OF_SEQUENCE : ACL_OF_TABLE,
                                    .class_oid = CLASS_PG_CLASS,
                                    .object = table->oid,
                                    .name = table->name,
                                    .kind = rights_kind_word(table)};
    acl_of_table(ddl->image, table, &target->list);
}

static void
target_column(const struct ddl *ddl, const struct cat_table *table, int16_t column,
              struct grant_target *target)
{
    *target = (struct grant_target){.class = ACL_OF_COLUMN,
                                    .class_oid = CLASS_PG_CLASS,
                                    .object = table->oid,
                                    .column = column,
                                    .name = table->columns[column - 1].name,
                                    .relation = table->name,
                                    .kind = "column"};
    acl_of_column(ddl->image, table, column, &target->list);
    acl_of_table(ddl->image, table, &target->above);
}

static ky_status
target_schema(struct ddl *ddl, const char *name, struct grant_target *target)
{
    const struct cat_schema *schema = cat_find_schema(ddl->image, ky_slice_cstr(name));
    if (schema == NULL) {
        return ky_error_set(ddl->err, KY_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", name);
    }
    *target = (struct grant_target){.class = ACL_OF_SCHEMA,
                                    .class_oid = CLASS_PG_NAMESPACE,
                                    .object = schema->oid,
                                    .name = schema->name,
                                    .kind = "schema"};
    acl_of_schema(ddl->image, schema, &target->list);
    return KY_OK;
}

static ky_status
target_database(struct ddl *ddl, const char *name, struct grant_target *target)
{
    const struct cat_database *database = cat_find_database(ddl->image, ky_slice_cstr(name));
    if (database == NULL) {
        return ky_error_set(ddl->err, KY_INVALID_CATALOG_NAME, "database \"%s\" does not exist",
                            name);
    }
    *target = (struct grant_target){.class = ACL_OF_DATABASE,
                                    .class_oid = CLASS_PG_DATABASE,
                                    .object = database->oid,
                                    .name = database->name,
                                    .kind = "database"};
    acl_of_database(ddl->image, database, &target->list);
    return KY_OK;
}

/* ------------------------------------------------------------------ who grants */

static acl_rights
options_at(const struct grant_target *target, oid_t role)
{
    return acl_own_options(role, &target->list) | acl_own_options(role, &target->above);
}

/* A role that the current one acts as, with most of the grant options wanted; the owner has all. */
static oid_t
best_grantor(const struct ddl *ddl, const struct grant_target *target, acl_rights wanted,
             acl_rights *options_out)
{
    const struct acl_list *lists[] = {&target->list, &target->above};
    oid_t best = ddl->session->role;
    acl_rights most = options_at(target, best) & wanted;
    if (ddl_owns(ddl, target->list.owner)) {
        *options_out = wanted;
        return target->list.owner;
    }
    for (size_t l = 0; l < KY_COUNT_OF(lists); l++) {
        for (size_t i = 0; i < lists[l]->count && most != wanted; i++) {
            const oid_t role = lists[l]->items[i].grantee;
            const acl_rights options = role == ACL_PUBLIC ? 0 : options_at(target, role) & wanted;
            if (__builtin_popcount(options) > __builtin_popcount(most) &&
                acl_inherits(ddl->image, ddl->session->role, role)) {
                best = role;
                most = options;
            }
        }
    }
    *options_out = most;
    return best;
}

static void
warn(struct ddl *ddl, const struct grant_target *target, bool is_grant, const char *how)
{
    const enum ky_sqlstate code = is_grant ? KY_PRIVILEGE_NOT_GRANTED : KY_PRIVILEGE_NOT_REVOKED;
    const char *verb = is_grant ? "were granted" : "could be revoked";
    if (target->relation != NULL) {
        session_notice(ddl->session, "WARNING", code,
                       "%s privileges %s for column \"%s\" of relation \"%s\"", how, verb,
                       target->name, target->relation);
    } else {
        session_notice(ddl->session, "WARNING", code, "%s privileges %s for \"%s\"", how, verb,
                       target->name);
    }
}

/* What of the rights the role can grant here; 42501 for one that has nothing to do with it. */
static ky_status
choose_rights(struct grant *grant, const struct grant_target *target, struct wanted wanted,
              acl_rights *rights_out)
{
    struct ddl *ddl = grant->ddl;
    acl_rights options;
    grant->change.grantor = best_grantor(ddl, target, wanted.rights, &options);
    const oid_t role = ddl->session->role;
    const acl_rights all = acl_all(target->class);
    if (options == 0 && acl_has(ddl->image, role, &target->list, all) == 0 &&
        acl_has(ddl->image, role, &target->above, all) == 0) {
        return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE, "permission denied for %s %s",
                            target->relation != NULL ? "relation" : target->kind,
                            target->relation != NULL ? target->relation : target->name);
    }
    *rights_out = wanted.rights & options;
    if (*rights_out == 0) {
        warn(ddl, target, grant->change.is_grant, "no");
    } else if (!wanted.is_all && *rights_out != wanted.rights) {
        warn(ddl, target, grant->change.is_grant, "not all");
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ writing */

ky_status
ddl_write_acl(struct ddl *ddl, oid_t class_oid, oid_t object, int32_t column,
              const struct grant_items *items)
{
    const struct cat_acl *stored = cat_find_acl(ddl->image, class_oid, object, column);
    const struct cat_acl made = {.row_id = stored == NULL ? 0 : stored->row_id,
                                 .class_oid = class_oid,
                                 .object = object,
                                 .column = column,
                                 .items = items->items,
                                 .count = items->count};
    if (column != 0 && items->count == 0) { /* as if there had never been some */
        return stored == NULL ? KY_OK : catalog_erase(ddl->txn, CAT_ACL, stored, ddl->err);
    }
    return stored == NULL ? catalog_insert(ddl->txn, CAT_ACL, &made, ddl->err)
                          : catalog_update(ddl->txn, CAT_ACL, &made, ddl->err);
}

static ky_status
grant_on(struct grant *grant, const struct grant_target *target, struct wanted wanted)
{
    struct ddl *ddl = grant->ddl;
    struct grant_items items;
    if (wanted.rights == 0) {
        return KY_OK;
    }
    KY_TRY(choose_rights(grant, target, wanted, &grant->change.rights));
    if (grant->change.rights == 0) {
        return KY_OK;
    }
    grant_items_copy(&items, target->list.items, target->list.count, ddl->arena);
    KY_TRY(grant_items_change(&items, &grant->change, target->list.owner, ddl->err));
    KY_TRY(ddl_write_acl(ddl, target->class_oid, target->object, target->column, &items));
    return ddl_changed(ddl);
}

/* ------------------------------------------------------------------ tables and their columns */

static ky_status
grant_columns(struct grant *grant, const struct cat_table *table, const struct ast_privilege *node)
{
    struct ddl *ddl = grant->ddl;
    struct wanted wanted = {.is_all = strcmp(node->name, "all") == 0};
    KY_TRY(ddl_read_right(ddl, node, acl_all(ACL_OF_COLUMN), "column", &wanted.rights));
    for (int32_t i = 0; i < ast_list_count(node->columns); i++) {
        const char *name = ast_list_text(node->columns, i);
        const struct cat_column *column = cat_find_column(table, ky_slice_cstr(name));
        struct grant_target target;
        if (column == NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN,
                                "column \"%s\" of relation \"%s\" does not exist", name,
                                table->name);
        }
        target_column(ddl, table, column->number, &target);
        KY_TRY(grant_on(grant, &target, wanted));
        KY_TRY(ddl_refresh(ddl)); /* the next one may be the same column */
        table = cat_get_table(ddl->image, table->oid);
    }
    return KY_OK;
}

/* What is revoked from a table is revoked from its columns. */
static ky_status
revoke_columns(struct grant *grant, const struct cat_table *table, acl_rights rights)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        struct grant_target target;
        target_column(grant->ddl, table, (int16_t)(i + 1), &target);
        if (target.list.count > 0) {
            const struct wanted wanted = {.rights = rights & acl_all(ACL_OF_COLUMN),
                                          .is_all = true};
            KY_TRY(grant_on(grant, &target, wanted));
        }
    }
    return KY_OK;
}

/* The rights that the statement means on this kind of relation. */
static ky_status
fit_rights(struct grant *grant, const struct cat_table *table, struct wanted *wanted)
{
    const acl_rights possible = acl_all(table->kind == 'S' ? ACL_OF_SEQUENCE : ACL_OF_TABLE);
    *wanted = grant->whole;
    if (wanted->is_all || (wanted->rights & ~possible) == 0) {
        wanted->rights &= possible;
        return KY_OK;
    }
    if (table->kind != 'S') {
        return invalid_right(grant->ddl, ACL_USAGE, "table");
    }
    session_notice(grant->ddl->session, "WARNING", KY_INVALID_GRANT_OPERATION,
                   "sequence \"%s\" only supports USAGE, SELECT, and UPDATE privileges",
                   table->name);
    wanted->rights &= possible;
    return KY_OK;
}

static ky_status
grant_table(struct grant *grant, const struct cat_table *table)
{
    struct ddl *ddl = grant->ddl;
    struct grant_target target;
    struct wanted wanted;
    KY_TRY(fit_rights(grant, table, &wanted));
    target_table(ddl, table, &target);
    KY_TRY(grant_on(grant, &target, wanted));
    if (!grant->change.is_grant && wanted.rights != 0) {
        KY_TRY(revoke_columns(grant, table, wanted.rights));
    }
    for (int32_t i = 0; i < ast_list_count(grant->statement->privileges); i++) {
        const struct ast_privilege *node =
            (const void *)ast_list_get(grant->statement->privileges, i);
        if (node->columns != NULL) {
            KY_TRY(grant_columns(grant, table, node));
        }
    }
    return KY_OK;
}

static ky_status
grant_named_table(struct grant *grant, const struct ast_range_var *name)
{
    struct ddl *ddl = grant->ddl;
    struct cat_table *table;
    if (ddl_find_index(ddl, name) != NULL) {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is an index", name->name);
    }
    KY_TRY(bind_relation(&ddl->bind, name, false, &table, ddl->err));
    if (grant->statement->object_type == AST_OBJECT_SEQUENCE && table->kind != 'S') {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a sequence",
                            table->name);
    }
    return grant_table(grant, table);
}

static ky_status
grant_all_in_schema(struct grant *grant, const char *name)
{
    struct ddl *ddl = grant->ddl;
    struct grant_target target;
    KY_TRY(target_schema(ddl, name, &target));
    const bool is_sequence = grant->statement->object_type == AST_OBJECT_SEQUENCE;
    const struct cat_image *image = ddl->image;
    for (size_t i = 0; i < image->table_count; i++) {
        if (image->tables[i]->schema == target.object &&
            (image->tables[i]->kind == 'S') == is_sequence) {
            KY_TRY(grant_table(grant, image->tables[i]));
        }
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ the statement */

static ky_status
grant_object(struct grant *grant, const struct ast_node *object)
{
    const struct ast_grant *statement = grant->statement;
    struct grant_target target;
    if (!statement->is_all_in_schema && (statement->object_type == AST_OBJECT_TABLE ||
                                         statement->object_type == AST_OBJECT_SEQUENCE)) {
        return grant_named_table(grant, (const void *)object);
    }
    const char *name = ast_name_last(((const struct ast_node_list *)(const void *)object)->list);
    if (statement->is_all_in_schema) {
        return grant_all_in_schema(grant, name);
    }
    KY_TRY(statement->object_type == AST_OBJECT_SCHEMA
               ? target_schema(grant->ddl, name, &target)
               : target_database(grant->ddl, name, &target));
    return grant_on(grant, &target, grant->whole);
}

static bool
is_enforced(const struct ast_grant *statement)
{
    return statement->object_type == AST_OBJECT_TABLE ||
           statement->object_type == AST_OBJECT_SEQUENCE ||
           statement->object_type == AST_OBJECT_SCHEMA ||
           statement->object_type == AST_OBJECT_DATABASE;
}

ky_status
ddl_grant(struct ddl *ddl, const struct ast_grant *statement)
{
    struct grant grant = {.ddl = ddl,
                          .statement = statement,
                          .change = {.is_grant = statement->is_grant,
                                     .is_option = statement->is_option,
                                     .is_cascade = statement->behavior == AST_CASCADE}};
    struct cat_role *grantor;
    strcpy(ddl->session->tag, statement->is_grant ? "GRANT" : "REVOKE");
    if (statement->grantor != NULL) {
        KY_TRY(ddl_named_role(ddl, statement->grantor, &grantor));
        if (grantor->oid != ddl->session->role) {
            return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED, "grantor must be current user");
        }
    }
    KY_TRY(ddl_read_grantees(ddl, statement->grantees, &grant.change));
    if (!is_enforced(statement)) {
        session_notice(ddl->session, "WARNING", KY_WARNING,
                       "privileges on objects of this kind are not enforced yet");
        return KY_OK;
    }
    KY_TRY(read_rights(&grant));
    KY_TRY(ddl_lock_grants(ddl));
    if (ddl->is_pending) {
        return KY_OK;
    }
    for (int32_t i = 0; i < ast_list_count(statement->objects); i++) {
        KY_TRY(ddl_refresh(ddl));
        KY_TRY(grant_object(&grant, ast_list_get(statement->objects, i)));
    }
    return KY_OK;
}

ky_status
ddl_lock_grants(struct ddl *ddl)
{
    return ddl_lock_name(ddl, OID_NONE, "grants and memberships");
}

/* ------------------------------------------------------------------ with the object */

ky_status
ddl_drop_acls(struct ddl *ddl, oid_t object, int32_t column)
{
    for (size_t i = 0; i < ddl->image->acl_count; i++) {
        const struct cat_acl *acl = ddl->image->acls[i];
        if (acl->object == object && (column == 0 || acl->column == column)) {
            KY_TRY(catalog_erase(ddl->txn, CAT_ACL, acl, ddl->err));
        }
    }
    return KY_OK;
}

ky_status
ddl_change_acl_owner(struct ddl *ddl, oid_t object, oid_t old_owner, oid_t new_owner)
{
    for (size_t i = 0; i < ddl->image->acl_count; i++) {
        const struct cat_acl *acl = ddl->image->acls[i];
        struct grant_items items;
        if (acl->object != object) {
            continue;
        }
        grant_items_copy(&items, acl->items, acl->count, ddl->arena);
        grant_items_replace(&items, old_owner, new_owner);
        KY_TRY(ddl_write_acl(ddl, acl->class_oid, acl->object, acl->column, &items));
    }
    return KY_OK;
}
