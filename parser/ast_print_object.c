/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/print_private.h"

/* DROP, COMMENT, schemas, databases, roles, privileges, extensions, maintenance. */

const char *
ast_object_type_name(enum ast_object_type type)
{
    static const char *const names[AST_OBJECT_TYPE_COUNT] = {
        [AST_OBJECT_TABLE] = "TABLE",
        [AST_OBJECT_INDEX] = "INDEX",
        [AST_OBJECT_VIEW] = "VIEW",
        [AST_OBJECT_MATERIALIZED_VIEW] = "MATERIALIZED VIEW",
        [AST_OBJECT_FOREIGN_TABLE] = "FOREIGN TABLE",
        [AST_OBJECT_SEQUENCE] = "SEQUENCE",
        [AST_OBJECT_SCHEMA] = "SCHEMA",
        [AST_OBJECT_TYPE] = "TYPE",
        [AST_OBJECT_DOMAIN] = "DOMAIN",
        [AST_OBJECT_COLUMN] = "COLUMN",
        [AST_OBJECT_CONSTRAINT] = "CONSTRAINT",
        [AST_OBJECT_DATABASE] = "DATABASE",
        [AST_OBJECT_ROLE] = "ROLE",
        [AST_OBJECT_EXTENSION] = "EXTENSION",
        [AST_OBJECT_FUNCTION] = "FUNCTION",
        [AST_OBJECT_PROCEDURE] = "PROCEDURE",
        [AST_OBJECT_ROUTINE] = "ROUTINE",
        [AST_OBJECT_AGGREGATE] = "AGGREGATE",
        [AST_OBJECT_OPERATOR] = "OPERATOR",
        [AST_OBJECT_TRIGGER] = "TRIGGER",
        [AST_OBJECT_RULE] = "RULE",
        [AST_OBJECT_POLICY] = "POLICY",
        [AST_OBJECT_COLLATION] = "COLLATION",
        [AST_OBJECT_CONVERSION] = "CONVERSION",
        [AST_OBJECT_LANGUAGE] = "LANGUAGE",
        [AST_OBJECT_TABLESPACE] = "TABLESPACE",
        [AST_OBJECT_PUBLICATION] = "PUBLICATION",
        [AST_OBJECT_SUBSCRIPTION] = "SUBSCRIPTION",
        [AST_OBJECT_STATISTICS] = "STATISTICS",
        [AST_OBJECT_SERVER] = "SERVER",
        [AST_OBJECT_FOREIGN_DATA_WRAPPER] = "FOREIGN DATA WRAPPER",
        [AST_OBJECT_EVENT_TRIGGER] = "EVENT TRIGGER",
        [AST_OBJECT_ACCESS_METHOD] = "ACCESS METHOD",
        [AST_OBJECT_TEXT_SEARCH] = "TEXT SEARCH CONFIGURATION",
        [AST_OBJECT_LARGE_OBJECT] = "LARGE OBJECT",
        [AST_OBJECT_VECTORS] = "VECTORS",
    };
    return names[type];
}

/* Triggers, rules, policies and constraints are written "name ON relation". */
static void
print_object_name(struct ky_buffer *out, enum ast_object_type type, const struct ast_node *object)
{
    bool is_on_relation = type == AST_OBJECT_TRIGGER || type == AST_OBJECT_RULE ||
                          type == AST_OBJECT_POLICY || type == AST_OBJECT_CONSTRAINT;
    if (!is_on_relation) {
        print_node(out, object);
        return;
    }
    struct ast_list relation = *((const struct ast_node_list *)(const void *)object)->list;
    relation.count--;
    print_node(out, relation.items[relation.count]);
    print_text(out, " ON ");
    print_dotted(out, &relation);
}

static void
print_drop(struct ky_buffer *out, const struct ast_drop *drop)
{
    print_text(out, "DROP ");
    print_text(out, ast_object_type_name(drop->object_type));
    print_if(out, drop->is_concurrent, " CONCURRENTLY");
    print_text(out, drop->is_if_exists ? " IF EXISTS " : " ");
    for (int32_t i = 0; i < drop->objects->count; i++) {
        print_if(out, i > 0, ", ");
        print_object_name(out, drop->object_type, drop->objects->items[i]);
    }
    print_behavior(out, drop->behavior);
}

static void
print_rename(struct ky_buffer *out, const struct ast_rename *rename)
{
    bool is_part =
        rename->object_type == AST_OBJECT_COLUMN || rename->object_type == AST_OBJECT_CONSTRAINT;
    print_text(out, "ALTER ");
    print_text(out, ast_object_type_name(is_part ? rename->relation_type : rename->object_type));
    print_text(out, rename->is_if_exists ? " IF EXISTS " : " ");
    if (rename->relation != NULL) {
        print_node(out, &rename->relation->node);
    } else {
        print_dotted(out, rename->names);
    }
    print_text(out, " RENAME ");
    if (is_part) {
        print_text(out, ast_object_type_name(rename->object_type));
        print_name_clause(out, " ", rename->name);
        print_text(out, " ");
    }
    print_name_clause(out, "TO ", rename->new_name);
}

static void
print_set_schema(struct ky_buffer *out, const struct ast_set_schema *set)
{
    print_text(out, "ALTER ");
    print_text(out, ast_object_type_name(set->object_type));
    print_text(out, set->is_if_exists ? " IF EXISTS " : " ");
    if (set->relation != NULL) {
        print_node(out, &set->relation->node);
    } else {
        print_dotted(out, set->names);
    }
    print_name_clause(out, " SET SCHEMA ", set->new_schema);
}

static void
print_comment(struct ky_buffer *out, const struct ast_comment *comment)
{
    print_text(out, "COMMENT ON ");
    print_text(out, ast_object_type_name(comment->object_type));
    print_text(out, " ");
    print_object_name(out, comment->object_type, comment->object);
    print_text(out, " IS ");
    if (comment->text == NULL) {
        print_text(out, "NULL");
    } else {
        ast_print_string(out, comment->text);
    }
}

static void
print_create_schema(struct ky_buffer *out, const struct ast_create_schema *schema)
{
    print_text(out, "CREATE SCHEMA");
    print_if(out, schema->is_if_not_exists, " IF NOT EXISTS");
    print_name_clause(out, " ", schema->name);
    if (schema->owner != NULL) {
        print_clause(out, " AUTHORIZATION ", &schema->owner->node);
    }
    for (int32_t i = 0; i < ast_list_count(schema->elements); i++) {
        print_clause(out, " ", schema->elements->items[i]);
    }
}

static void
print_database(struct ky_buffer *out, const struct ast_database *database)
{
    print_text(out, database->node.kind == AST_CREATE_DATABASE  ? "CREATE"
                    : database->node.kind == AST_ALTER_DATABASE ? "ALTER"
                                                                : "DROP");
    print_text(out, database->is_if_exists ? " DATABASE IF EXISTS " : " DATABASE ");
    ast_print_identifier(out, database->name);
    if (database->node.kind == AST_DROP_DATABASE) {
        print_generic_options(out, " WITH ", database->options);
        return;
    }
    for (int32_t i = 0; i < ast_list_count(database->options); i++) {
        const struct ast_option *option = (const void *)database->options->items[i];
        bool is_limit = strcmp(option->name, "connection_limit") == 0;
        print_text(out, " ");
        print_text(out, is_limit ? "CONNECTION LIMIT" : option->name);
        print_text(out, " = ");
        if (option->value == NULL) {
            print_text(out, "DEFAULT");
        } else if (option->value->kind == AST_STRING) {
            ast_print_string(out, ((const struct ast_string *)(void *)option->value)->text);
        } else {
            print_node(out, option->value);
        }
    }
}

/* ---- roles ---- */

static void
print_role(struct ky_buffer *out, const struct ast_role *role)
{
    static const char *const names[] = {"", "public", "CURRENT_ROLE", "CURRENT_USER",
                                        "SESSION_USER"};
    if (role->type == AST_ROLE_NAME) {
        ast_print_identifier(out, role->name);
    } else {
        print_text(out, names[role->type]);
    }
}

static void
print_role_option(struct ky_buffer *out, const struct ast_option *option)
{
    static const struct {
        const char *name;
        const char *text;
    } words[] = {{"connection_limit", "CONNECTION LIMIT "},
                 {"in_role", "IN ROLE "},
                 {"role", "ROLE "},
                 {"admin", "ADMIN "},
                 {"sysid", "SYSID "}};
    const struct ast_node *value = option->value;
    if (value->kind == AST_STRING) {
        bool is_password = strcmp(option->name, "password") == 0;
        print_text(out, is_password ? "PASSWORD " : "VALID UNTIL ");
        ast_print_string(out, ((const struct ast_string *)(const void *)value)->text);
        return;
    }
    for (size_t i = 0; i < KY_COUNT_OF(words); i++) {
        if (strcmp(option->name, words[i].name) != 0) {
            continue;
        }
        print_text(out, words[i].text);
        if (value->kind == AST_NODE_LIST) {
            print_list(out, ((const struct ast_node_list *)(const void *)value)->list, ", ");
        } else {
            print_node(out, value);
        }
        return;
    }
    const struct ast_const *constant = (const void *)value;
    if (constant->type == AST_CONST_NULL) {
        print_text(out, "PASSWORD NULL");
        return;
    }
    print_if(out, !constant->boolean, "no");
    print_text(out, option->name);
}

static void
print_role_options(struct ky_buffer *out, const struct ast_list *options)
{
    for (int32_t i = 0; i < ast_list_count(options); i++) {
        print_text(out, " ");
        print_role_option(out, (const struct ast_option *)(const void *)options->items[i]);
    }
}

static void
print_alter_role(struct ky_buffer *out, const struct ast_alter_role *alter)
{
    if (alter->is_add || alter->is_drop) {
        const struct ast_option *option = (const void *)alter->options->items[0];
        const struct ast_node_list *members = (const void *)option->value;
        print_clause(out, "ALTER GROUP ", &alter->role->node);
        print_text(out, alter->is_add ? " ADD USER " : " DROP USER ");
        print_list(out, members->list, ", ");
        return;
    }
    print_clause(out, "ALTER ROLE ", &alter->role->node);
    print_role_options(out, alter->options);
}

static void
print_alter_setting(struct ky_buffer *out, const struct ast_alter_setting *alter)
{
    print_text(out, "ALTER ");
    if (alter->is_system) {
        print_text(out, "SYSTEM");
    } else if (alter->role == NULL && !alter->is_all_roles) {
        print_name_clause(out, "DATABASE ", alter->database);
    } else {
        print_text(out, "ROLE ");
        print_if(out, alter->is_all_roles, "ALL");
        if (alter->role != NULL) {
            print_node(out, &alter->role->node);
        }
        print_name_clause(out, " IN DATABASE ", alter->database);
    }
    print_clause(out, " ", &alter->set->node);
}

/* ---- privileges ---- */

static void
print_grant_tail(struct ky_buffer *out, bool is_grant, const struct ast_list *grantees,
                 const struct ast_role *grantor, const char *option, enum ast_behavior behavior)
{
    print_list_clause(out, is_grant ? " TO " : " FROM ", grantees);
    print_text(out, option);
    if (grantor != NULL) {
        print_clause(out, " GRANTED BY ", &grantor->node);
    }
    print_behavior(out, behavior);
}

static const char *
plural_name(enum ast_object_type type)
{
    return type == AST_OBJECT_TABLE       ? "TABLES"
           : type == AST_OBJECT_SEQUENCE  ? "SEQUENCES"
           : type == AST_OBJECT_TYPE      ? "TYPES"
           : type == AST_OBJECT_SCHEMA    ? "SCHEMAS"
           : type == AST_OBJECT_FUNCTION  ? "FUNCTIONS"
           : type == AST_OBJECT_PROCEDURE ? "PROCEDURES"
                                          : "ROUTINES";
}

static void
print_grant(struct ky_buffer *out, const struct ast_grant *grant)
{
    print_text(out, grant->is_grant ? "GRANT " : "REVOKE ");
    print_if(out, grant->is_option && !grant->is_grant, "GRANT OPTION FOR ");
    if (grant->privileges == NULL) {
        print_text(out, "ALL");
    } else {
        print_list(out, grant->privileges, ", ");
    }
    print_text(out, " ON ");
    if (grant->objects == NULL) { /* of ALTER DEFAULT PRIVILEGES */
        print_text(out, plural_name(grant->object_type));
    } else if (grant->is_all_in_schema) {
        print_text(out, "ALL ");
        print_text(out, plural_name(grant->object_type));
        print_text(out, " IN SCHEMA");
    } else {
        print_if(out, grant->object_type == AST_OBJECT_SERVER, "FOREIGN ");
        print_text(out, ast_object_type_name(grant->object_type));
    }
    if (grant->objects != NULL) {
        print_list_clause(out, " ", grant->objects);
    }
    print_grant_tail(out, grant->is_grant, grant->grantees, grant->grantor,
                     grant->is_option && grant->is_grant ? " WITH GRANT OPTION" : "",
                     grant->behavior);
}

static void
print_privilege(struct ky_buffer *out, const struct ast_privilege *privilege)
{
    bool is_word = strcmp(privilege->name, "select") == 0 ||
                   strcmp(privilege->name, "references") == 0 ||
                   strcmp(privilege->name, "create") == 0 || strcmp(privilege->name, "all") == 0;
    if (is_word) {
        print_text(out, privilege->name);
    } else {
        ast_print_identifier(out, privilege->name);
    }
    print_paren_list(out, " ", privilege->columns);
}

static void
print_grant_role(struct ky_buffer *out, const struct ast_grant_role *grant)
{
    print_text(out, grant->is_grant ? "GRANT " : "REVOKE ");
    print_if(out, grant->is_option && !grant->is_grant, "ADMIN OPTION FOR ");
    print_list(out, grant->roles, ", ");
    print_grant_tail(out, grant->is_grant, grant->grantees, grant->grantor,
                     grant->is_option && grant->is_grant ? " WITH ADMIN OPTION" : "",
                     grant->behavior);
}

/* ---- extensions and enumerations ---- */

static void
print_create_extension(struct ky_buffer *out, const struct ast_create_extension *extension)
{
    print_text(out, extension->is_if_not_exists ? "CREATE EXTENSION IF NOT EXISTS "
                                                : "CREATE EXTENSION ");
    ast_print_identifier(out, extension->name);
    for (int32_t i = 0; i < ast_list_count(extension->options); i++) {
        const struct ast_option *option = (const void *)extension->options->items[i];
        if (option->value == NULL) {
            print_text(out, " CASCADE");
            continue;
        }
        const char *text = ((const struct ast_string *)(void *)option->value)->text;
        if (strcmp(option->name, "schema") == 0) {
            print_name_clause(out, " SCHEMA ", text);
        } else {
            print_string_clause(out, " VERSION ", text);
        }
    }
}

static void
print_create_enum(struct ky_buffer *out, const struct ast_create_enum *type)
{
    print_text(out, "CREATE TYPE ");
    print_dotted(out, type->names);
    print_text(out, " AS ENUM (");
    for (int32_t i = 0; i < ast_list_count(type->labels); i++) {
        print_if(out, i > 0, ", ");
        ast_print_string(out, ast_list_text(type->labels, i));
    }
    print_text(out, ")");
}

static void
print_create_domain(struct ky_buffer *out, const struct ast_create_domain *domain)
{
    print_text(out, "CREATE DOMAIN ");
    print_dotted(out, domain->names);
    print_clause(out, " AS ", &domain->type->node);
    if (domain->collation != NULL) {
        print_text(out, " COLLATE ");
        print_dotted(out, domain->collation);
    }
    for (int32_t i = 0; i < ast_list_count(domain->constraints); i++) {
        print_clause(out, " ", domain->constraints->items[i]);
    }
}

static void
print_alter_domain(struct ky_buffer *out, const struct ast_alter_domain *alter)
{
    print_text(out, "ALTER DOMAIN ");
    print_dotted(out, alter->names);
    print_clause(out, " ", &alter->command->node);
}

static void
print_alter_enum(struct ky_buffer *out, const struct ast_alter_enum *alter)
{
    print_text(out, "ALTER TYPE ");
    print_dotted(out, alter->names);
    if (alter->old_label != NULL) {
        print_string_clause(out, " RENAME VALUE ", alter->old_label);
        print_string_clause(out, " TO ", alter->new_label);
        return;
    }
    print_text(out, alter->is_if_not_exists ? " ADD VALUE IF NOT EXISTS " : " ADD VALUE ");
    ast_print_string(out, alter->new_label);
    print_string_clause(out, alter->is_after ? " AFTER " : " BEFORE ", alter->neighbor);
}

/* ---- maintenance ---- */

static bool
print_maintenance(struct ky_buffer *out, const struct ast_node *node)
{
    switch (node->kind) {
    case AST_ANALYZE: {
        PRINT_AS(ast_analyze, analyze);
        print_text(out, analyze->is_vacuum ? "VACUUM" : "ANALYZE");
        print_generic_options(out, " ", analyze->options);
        print_list_clause(out, " ", analyze->relations);
        return true;
    }
    case AST_VACUUM_RELATION: {
        PRINT_AS(ast_vacuum_relation, relation);
        print_node(out, &relation->relation->node);
        print_paren_list(out, " ", relation->columns);
        return true;
    }
    case AST_REINDEX: {
        PRINT_AS(ast_reindex, reindex);
        print_text(out, "REINDEX ");
        print_generic_options(out, "", reindex->options);
        print_text(out, " ");
        print_text(out, reindex->target);
        print_text(out, reindex->is_concurrent ? " CONCURRENTLY " : " ");
        print_name_clause(out, "", reindex->name);
        if (reindex->relation != NULL) {
            print_node(out, &reindex->relation->node);
        }
        return true;
    }
    case AST_CLUSTER: {
        PRINT_AS(ast_cluster, cluster);
        print_text(out, cluster->is_verbose ? "CLUSTER VERBOSE" : "CLUSTER");
        if (cluster->relation != NULL) {
            print_clause(out, " ", &cluster->relation->node);
        }
        print_name_clause(out, " USING ", cluster->index);
        return true;
    }
    case AST_CHECKPOINT:
        print_text(out, "CHECKPOINT");
        return true;
    case AST_REFRESH: {
        PRINT_AS(ast_refresh, refresh);
        print_text(out, "REFRESH MATERIALIZED VIEW ");
        print_if(out, refresh->is_concurrent, "CONCURRENTLY ");
        print_node(out, &refresh->relation->node);
        print_if(out, refresh->is_with_no_data, " WITH NO DATA");
        return true;
    }
    default:
        return print_session(out, node);
    }
}

bool
print_object(struct ky_buffer *out, const struct ast_node *node)
{
    switch (node->kind) {
    case AST_DROP: {
        PRINT_AS(ast_drop, drop);
        print_drop(out, drop);
        return true;
    }
    case AST_RENAME: {
        PRINT_AS(ast_rename, rename);
        print_rename(out, rename);
        return true;
    }
    case AST_SET_SCHEMA: {
        PRINT_AS(ast_set_schema, set);
        print_set_schema(out, set);
        return true;
    }
    case AST_SET_OWNER: {
        PRINT_AS(ast_set_owner, set);
        print_text(out, "ALTER ");
        print_text(out, ast_object_type_name(set->object_type));
        print_text(out, " ");
        print_dotted(out, set->names);
        print_clause(out, " OWNER TO ", &set->owner->node);
        return true;
    }
    case AST_COMMENT: {
        PRINT_AS(ast_comment, comment);
        print_comment(out, comment);
        return true;
    }
    case AST_CREATE_SCHEMA: {
        PRINT_AS(ast_create_schema, schema);
        print_create_schema(out, schema);
        return true;
    }
    case AST_CREATE_DATABASE:
    case AST_ALTER_DATABASE:
    case AST_DROP_DATABASE: {
        PRINT_AS(ast_database, database);
        print_database(out, database);
        return true;
    }
    case AST_ROLE: {
        PRINT_AS(ast_role, role);
        print_role(out, role);
        return true;
    }
    case AST_CREATE_ROLE: {
        PRINT_AS(ast_create_role, role);
        print_name_clause(out, role->is_user ? "CREATE USER " : "CREATE ROLE ", role->name);
        print_role_options(out, role->options);
        return true;
    }
    case AST_ALTER_ROLE: {
        PRINT_AS(ast_alter_role, alter);
        print_alter_role(out, alter);
        return true;
    }
    case AST_ALTER_SETTING: {
        PRINT_AS(ast_alter_setting, alter);
        print_alter_setting(out, alter);
        return true;
    }
    case AST_DROP_ROLE: {
        PRINT_AS(ast_drop_role, drop);
        print_list_clause(out, drop->is_if_exists ? "DROP ROLE IF EXISTS " : "DROP ROLE ",
                          drop->roles);
        return true;
    }
    case AST_GRANT: {
        PRINT_AS(ast_grant, grant);
        print_grant(out, grant);
        return true;
    }
    case AST_PRIVILEGE: {
        PRINT_AS(ast_privilege, privilege);
        print_privilege(out, privilege);
        return true;
    }
    case AST_GRANT_ROLE: {
        PRINT_AS(ast_grant_role, grant);
        print_grant_role(out, grant);
        return true;
    }
    case AST_DEFAULT_PRIVILEGES: {
        PRINT_AS(ast_default_privileges, privileges);
        print_text(out, "ALTER DEFAULT PRIVILEGES ");
        if (privileges->roles != NULL) {
            print_list_clause(out, "FOR ROLE ", privileges->roles);
            print_text(out, " ");
        }
        if (privileges->schemas != NULL) {
            print_list_clause(out, "IN SCHEMA ", privileges->schemas);
            print_text(out, " ");
        }
        print_grant(out, privileges->grant);
        return true;
    }
    case AST_OWNED: {
        PRINT_AS(ast_owned, owned);
        print_list_clause(out, owned->new_owner == NULL ? "DROP OWNED BY " : "REASSIGN OWNED BY ",
                          owned->roles);
        if (owned->new_owner != NULL) {
            print_clause(out, " TO ", &owned->new_owner->node);
        }
        print_behavior(out, owned->behavior);
        return true;
    }
    case AST_CREATE_EXTENSION: {
        PRINT_AS(ast_create_extension, extension);
        print_create_extension(out, extension);
        return true;
    }
    case AST_CREATE_ENUM: {
        PRINT_AS(ast_create_enum, type);
        print_create_enum(out, type);
        return true;
    }
    case AST_CREATE_DOMAIN: {
        PRINT_AS(ast_create_domain, domain);
        print_create_domain(out, domain);
        return true;
    }
    case AST_ALTER_DOMAIN: {
        PRINT_AS(ast_alter_domain, alter);
        print_alter_domain(out, alter);
        return true;
    }
    case AST_ALTER_ENUM: {
        PRINT_AS(ast_alter_enum, alter);
        print_alter_enum(out, alter);
        return true;
    }
    default:
        return print_maintenance(out, node);
    }
}
