/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/ast.h"

/* Statements other than SELECT. Included by ast.h; the common rules are there. */

enum ast_behavior { AST_BEHAVIOR_DEFAULT, AST_RESTRICT, AST_CASCADE };

enum ast_object_type {
    AST_OBJECT_TABLE,
    AST_OBJECT_INDEX,
    AST_OBJECT_VIEW,
    AST_OBJECT_MATERIALIZED_VIEW,
    AST_OBJECT_FOREIGN_TABLE,
    AST_OBJECT_SEQUENCE,
    AST_OBJECT_SCHEMA,
    AST_OBJECT_TYPE,
    AST_OBJECT_DOMAIN,
    AST_OBJECT_COLUMN,
    AST_OBJECT_CONSTRAINT,
    AST_OBJECT_DATABASE,
    AST_OBJECT_ROLE,
    AST_OBJECT_EXTENSION,
    AST_OBJECT_FUNCTION,
    AST_OBJECT_PROCEDURE,
    AST_OBJECT_ROUTINE,
    AST_OBJECT_AGGREGATE,
    AST_OBJECT_OPERATOR,
    AST_OBJECT_TRIGGER,
    AST_OBJECT_RULE,
    AST_OBJECT_POLICY,
    AST_OBJECT_COLLATION,
    AST_OBJECT_CONVERSION,
    AST_OBJECT_LANGUAGE,
    AST_OBJECT_TABLESPACE,
    AST_OBJECT_PUBLICATION,
    AST_OBJECT_SUBSCRIPTION,
    AST_OBJECT_STATISTICS,
    AST_OBJECT_SERVER,
    AST_OBJECT_FOREIGN_DATA_WRAPPER,
    AST_OBJECT_EVENT_TRIGGER,
    AST_OBJECT_ACCESS_METHOD,
    AST_OBJECT_TEXT_SEARCH,
    AST_OBJECT_LARGE_OBJECT,
    AST_OBJECT_VECTORS,
    AST_OBJECT_TYPE_COUNT
};

/* "TABLE", "MATERIALIZED VIEW" ...: as written in SQL and in command tags. */
const char *ast_object_type_name(enum ast_object_type type);

/*
 * One option: WITH (name = value), COPY's, EXPLAIN's, roles', sequences', transaction modes.
 * value: NULL (just the name), AST_STRING (a word or a string), AST_CONST (a number or bool),
 * AST_STAR, AST_NODE_LIST, AST_TYPE_NAME, AST_COLUMN_REF. name is lower case.
 */
struct ast_option {
    struct ast_node node;
    const char *schema; /* toast.autovacuum_enabled */
    const char *name;
    struct ast_node *value;
};

/* ---- rows ---- */

enum ast_overriding { AST_OVERRIDING_NONE, AST_OVERRIDING_USER, AST_OVERRIDING_SYSTEM };

struct ast_insert {
    struct ast_node node;
    struct ast_range_var *relation;
    struct ast_list *columns; /* ast_target */
    enum ast_overriding overriding;
    struct ast_select *query; /* NULL: DEFAULT VALUES */
    struct ast_on_conflict *on_conflict;
    struct ast_list *returning; /* ast_target */
    struct ast_with *with;
};

struct ast_on_conflict {
    struct ast_node node;
    bool is_update;
    struct ast_list *elements;  /* ast_index_element */
    struct ast_node *predicate; /* ON CONFLICT (a) WHERE .. */
    const char *constraint;     /* ON CONSTRAINT name */
    struct ast_list *sets;      /* ast_target, ast_multi_assign */
    struct ast_node *where;
};

struct ast_update {
    struct ast_node node;
    struct ast_range_var *relation;
    struct ast_list *sets; /* ast_target, ast_multi_assign */
    struct ast_list *from;
    struct ast_node *where; /* may be an ast_current_of */
    struct ast_list *returning;
    struct ast_with *with;
};

struct ast_delete {
    struct ast_node node;
    struct ast_range_var *relation;
    struct ast_list *using_from;
    struct ast_node *where;
    struct ast_list *returning;
    struct ast_with *with;
};

struct ast_merge {
    struct ast_node node;
    struct ast_range_var *relation;
    struct ast_node *source; /* as in FROM */
    struct ast_node *condition;
    struct ast_list *whens; /* ast_merge_when */
    struct ast_with *with;
};

enum ast_merge_action { AST_MERGE_NOTHING, AST_MERGE_INSERT, AST_MERGE_UPDATE, AST_MERGE_DELETE };

struct ast_merge_when {
    struct ast_node node;
    bool is_matched;
    enum ast_merge_action action;
    struct ast_node *condition; /* NULL: none */
    struct ast_list *sets;      /* UPDATE: ast_target, ast_multi_assign */
    struct ast_list *columns;   /* INSERT: ast_target */
    enum ast_overriding overriding;
    struct ast_list *values; /* NULL: DEFAULT VALUES */
};

struct ast_truncate {
    struct ast_node node;
    struct ast_list *relations;
    bool is_restart_identity;
    enum ast_behavior behavior;
};

/* Both option spellings end up as ast_option: format, freeze, delimiter, null, header, quote,
 * escape, force_quote, force_not_null, force_null, encoding. */
struct ast_copy {
    struct ast_node node;
    struct ast_range_var *relation; /* or query */
    struct ast_list *columns;       /* AST_STRING */
    struct ast_node *query;
    bool is_from;
    bool is_program;
    const char *file; /* NULL: STDIN or STDOUT */
    struct ast_list *options;
    struct ast_node *where;
};

/* ---- tables ---- */

struct ast_create_table {
    struct ast_node node;
    struct ast_range_var *relation;
    enum ast_persistence persistence;
    bool is_if_not_exists;
    struct ast_list *elements; /* ast_column_def, ast_constraint, ast_table_like */
    struct ast_list *inherits; /* ast_range_var */
    struct ast_partition_by *partition_by;
    struct ast_range_var *partition_of; /* refused above; its bounds are not kept */
    const char *access_method;
    struct ast_list *options;
    enum ast_on_commit on_commit;
    const char *tablespace;
};

struct ast_partition_by {
    struct ast_node node;
    const char *strategy;
    struct ast_list *elements; /* ast_index_element */
};

/* type is NULL in CREATE VIEW-like column lists and CREATE TABLE AS. */
struct ast_column_def {
    struct ast_node node;
    const char *name;
    struct ast_type_name *type;
    struct ast_list *collation;
    const char *compression;
    struct ast_list *constraints; /* ast_constraint */
};

enum ast_constraint_type {
    AST_CONSTRAINT_NULL,
    AST_CONSTRAINT_NOT_NULL,
    AST_CONSTRAINT_DEFAULT,
    AST_CONSTRAINT_IDENTITY,
    AST_CONSTRAINT_GENERATED,
    AST_CONSTRAINT_CHECK,
    AST_CONSTRAINT_PRIMARY_KEY,
    AST_CONSTRAINT_UNIQUE,
    AST_CONSTRAINT_EXCLUDE,
    AST_CONSTRAINT_FOREIGN_KEY
};

enum ast_fk_match { AST_MATCH_SIMPLE, AST_MATCH_FULL, AST_MATCH_PARTIAL };
enum ast_fk_action {
    AST_FK_NO_ACTION,
    AST_FK_RESTRICT,
    AST_FK_CASCADE,
    AST_FK_SET_NULL,
    AST_FK_SET_DEFAULT
};

struct ast_constraint {
    struct ast_node node;
    enum ast_constraint_type type;
    const char *name;
    struct ast_list *columns;    /* AST_STRING; NULL for a column's own constraint */
    struct ast_node *expression; /* CHECK, DEFAULT, GENERATED */
    bool is_always;              /* GENERATED ALWAYS, not BY DEFAULT */
    struct ast_list *sequence_options;

    struct ast_list *include; /* AST_STRING */
    bool is_nulls_not_distinct;
    struct ast_list *index_options;
    const char *index_tablespace;
    const char *index_name; /* USING INDEX name */

    const char *access_method; /* EXCLUDE USING */
    struct ast_list *elements; /* EXCLUDE: ast_node_list of (ast_index_element, AST_STRING op) */
    struct ast_node *where;

    struct ast_range_var *referenced;
    struct ast_list *referenced_columns;
    enum ast_fk_match match;
    enum ast_fk_action on_update;
    enum ast_fk_action on_delete;
    struct ast_list *on_delete_columns; /* SET NULL (a, b) */

    bool is_deferrable;
    bool is_deferred; /* INITIALLY DEFERRED */
    bool is_not_valid;
    bool is_no_inherit;
};

enum {
    AST_LIKE_COMMENTS = 1,
    AST_LIKE_COMPRESSION = 2,
    AST_LIKE_CONSTRAINTS = 4,
    AST_LIKE_DEFAULTS = 8,
    AST_LIKE_GENERATED = 16,
    AST_LIKE_IDENTITY = 32,
    AST_LIKE_INDEXES = 64,
    AST_LIKE_STATISTICS = 128,
    AST_LIKE_STORAGE = 256,
    AST_LIKE_ALL = 511
};

struct ast_table_like {
    struct ast_node node;
    struct ast_range_var *relation;
    int32_t options; /* AST_LIKE_* bits */
};

/* CREATE TABLE AS and CREATE MATERIALIZED VIEW. query is an ast_select or ast_execute. */
struct ast_create_table_as {
    struct ast_node node;
    struct ast_into *into;
    struct ast_node *query;
    bool is_if_not_exists;
    bool is_materialized_view;
    bool is_with_no_data;
};

struct ast_alter_table {
    struct ast_node node;
    enum ast_object_type object_type; /* TABLE, INDEX, VIEW, SEQUENCE .. as spelled */
    bool is_if_exists;
    struct ast_range_var *relation;
    struct ast_list *commands;
};

enum ast_alter_type {
    AST_ADD_COLUMN,      /* definition: ast_column_def */
    AST_DROP_COLUMN,     /* name, behavior */
    AST_COLUMN_DEFAULT,  /* name, definition: expression, NULL drops */
    AST_SET_NOT_NULL,    /* name */
    AST_DROP_NOT_NULL,   /* name */
    AST_COLUMN_TYPE,     /* name, definition: ast_column_def (type, collation), expression: USING */
    AST_SET_STATISTICS,  /* name or number, definition: ast_const */
    AST_SET_STORAGE,     /* name, text */
    AST_SET_COMPRESSION, /* name, text */
    AST_SET_COLUMN_OPTIONS,   /* name, options */
    AST_RESET_COLUMN_OPTIONS, /* name, options */
    AST_ADD_IDENTITY,         /* name, definition: ast_constraint */
    AST_SET_IDENTITY,         /* name, options */
    AST_DROP_IDENTITY,        /* name, is_if_exists */
    AST_DROP_EXPRESSION,      /* name, is_if_exists */
    AST_ADD_CONSTRAINT,       /* definition: ast_constraint */
    AST_DROP_CONSTRAINT,      /* name, is_if_exists, behavior */
    AST_VALIDATE_CONSTRAINT,  /* name */
    AST_ALTER_CONSTRAINT,     /* definition: ast_constraint */
    AST_RENAME_CONSTRAINT,    /* name, text: the new one; of a domain only */
    AST_CHANGE_OWNER,         /* definition: ast_role */
    AST_SET_OPTIONS,          /* options */
    AST_RESET_OPTIONS,        /* options */
    AST_SET_TABLESPACE,       /* name */
    AST_SET_ACCESS_METHOD,    /* name */
    AST_SET_LOGGED,
    AST_SET_UNLOGGED,
    AST_CLUSTER_ON, /* name */
    AST_SET_WITHOUT_CLUSTER,
    AST_SET_WITHOUT_OIDS,
    AST_ENABLE_TRIGGER,   /* name; NULL with text "all" or "user"; or text "always", "replica" */
    AST_DISABLE_TRIGGER,  /* as above */
    AST_ENABLE_RULE,      /* name, text "always", "replica" or NULL */
    AST_DISABLE_RULE,     /* name */
    AST_REPLICA_IDENTITY, /* text: "nothing", "full", "default" or "index" with name */
    AST_ROW_SECURITY,     /* text: "enable", "disable", "force", "no force" */
    AST_ADD_INHERIT,      /* relation */
    AST_DROP_INHERIT,     /* relation */
    AST_ATTACH_PARTITION, /* relation; bounds are not kept */
    AST_DETACH_PARTITION  /* relation */
};

struct ast_alter_command {
    struct ast_node node;
    enum ast_alter_type type;
    const char *name;
    const char *text;
    int32_t number;    /* column number where a name may be one, else 0 */
    bool is_if_exists; /* or IF NOT EXISTS, of ADD COLUMN */
    struct ast_node *definition;
    struct ast_node *expression;
    struct ast_list *options;
    struct ast_range_var *relation;
    enum ast_behavior behavior;
};

/* object_type COLUMN, CONSTRAINT: relation, relation_type and name. Table-like: relation. Others:
 * names. */
struct ast_rename {
    struct ast_node node;
    enum ast_object_type object_type;
    enum ast_object_type relation_type;
    bool is_if_exists;
    struct ast_range_var *relation;
    struct ast_list *names;
    const char *name;
    const char *new_name;
    enum ast_behavior behavior;
};

/* ALTER .. SET SCHEMA: relation for table-likes, names for others. */
struct ast_set_schema {
    struct ast_node node;
    enum ast_object_type object_type;
    bool is_if_exists;
    struct ast_range_var *relation;
    struct ast_list *names;
    const char *new_schema;
};

/* ALTER .. OWNER TO for what is not table-like (those are AST_CHANGE_OWNER). */
struct ast_set_owner {
    struct ast_node node;
    enum ast_object_type object_type;
    struct ast_list *names;
    struct ast_role *owner;
};

struct ast_create_index {
    struct ast_node node;
    const char *name; /* NULL: chosen by the server */
    struct ast_range_var *relation;
    const char *access_method; /* NULL: the default */
    struct ast_list *elements; /* ast_index_element */
    struct ast_list *include;  /* ast_index_element */
    struct ast_list *options;
    const char *tablespace;
    struct ast_node *where;
    bool is_unique;
    bool is_concurrent;
    bool is_if_not_exists;
    bool is_nulls_not_distinct;
};

struct ast_index_element {
    struct ast_node node;
    const char *name; /* column, or expression is set */
    struct ast_node *expression;
    struct ast_list *collation;
    struct ast_list *opclass;
    struct ast_list *opclass_options;
    enum ast_sort_direction direction;
    enum ast_sort_nulls nulls;
};

/*
 * objects: ast_node_list of AST_STRING for dotted names; ast_type_name for types and domains;
 * triggers, rules, policies: the relation's dotted name followed by their own; functions: the name
 * (signature text is not kept).
 */
struct ast_drop {
    struct ast_node node;
    enum ast_object_type object_type;
    struct ast_list *objects;
    bool is_if_exists;
    bool is_concurrent;
    enum ast_behavior behavior;
};

enum ast_check_option { AST_NO_CHECK_OPTION, AST_LOCAL_CHECK_OPTION, AST_CASCADED_CHECK_OPTION };

struct ast_create_view {
    struct ast_node node;
    struct ast_range_var *relation;
    struct ast_list *columns; /* AST_STRING */
    struct ast_select *query;
    struct ast_list *options;
    bool is_or_replace;
    bool is_recursive;
    enum ast_persistence persistence;
    enum ast_check_option check_option;
};

struct ast_refresh {
    struct ast_node node;
    struct ast_range_var *relation;
    bool is_concurrent;
    bool is_with_no_data;
};

/*
 * Options: increment, minvalue, maxvalue, start, restart, cache (AST_CONST or NULL = "NO ..."),
 * cycle (AST_CONST bool), as (AST_TYPE_NAME), owned_by (AST_NODE_LIST), sequence_name.
 */
struct ast_sequence {
    struct ast_node node; /* AST_CREATE_SEQUENCE or AST_ALTER_SEQUENCE */
    struct ast_range_var *relation;
    enum ast_persistence persistence;
    bool is_if; /* NOT EXISTS of CREATE, EXISTS of ALTER */
    struct ast_list *options;
};

/* ---- other objects ---- */

struct ast_create_schema {
    struct ast_node node;
    const char *name; /* NULL: the owner's */
    struct ast_role *owner;
    bool is_if_not_exists;
    struct ast_list *elements; /* statements inside */
};

struct ast_database {
    struct ast_node node; /* AST_CREATE_DATABASE, AST_ALTER_DATABASE or AST_DROP_DATABASE */
    const char *name;
    bool is_if_exists;
    struct ast_list *options;
};

enum ast_role_type {
    AST_ROLE_NAME,
    AST_ROLE_PUBLIC,
    AST_ROLE_CURRENT_ROLE,
    AST_ROLE_CURRENT_USER,
    AST_ROLE_SESSION_USER
};

struct ast_role {
    struct ast_node node;
    enum ast_role_type type;
    const char *name; /* when type is AST_ROLE_NAME */
};

/*
 * CREATE ROLE/USER/GROUP. Options: password (AST_STRING, or AST_CONST null), superuser, createdb,
 * createrole, inherit, login, replication, bypassrls (AST_CONST bool), connection_limit,
 * valid_until, in_role, role, admin (AST_NODE_LIST of ast_role), sysid.
 */
struct ast_create_role {
    struct ast_node node;
    const char *name;
    bool is_user; /* CREATE USER: may log in unless told otherwise */
    struct ast_list *options;
};

/* ALTER ROLE r options; ALTER GROUP g ADD|DROP USER: option "role" and is_add or is_drop. */
struct ast_alter_role {
    struct ast_node node;
    struct ast_role *role;
    bool is_add;
    bool is_drop;
    struct ast_list *options;
};

/* ALTER ROLE|DATABASE|SYSTEM .. SET x = y / RESET x. */
struct ast_alter_setting {
    struct ast_node node;
    bool is_system;
    struct ast_role *role; /* NULL with is_all_roles, or of a database alone */
    bool is_all_roles;
    const char *database;
    struct ast_set *set;
};

struct ast_drop_role {
    struct ast_node node;
    bool is_if_exists;
    struct ast_list *roles;
};

/* COMMENT ON and, with is_security_label, nothing else yet. names as in ast_drop's objects. */
struct ast_comment {
    struct ast_node node;
    enum ast_object_type object_type;
    struct ast_node *object;
    const char *text; /* NULL: IS NULL */
};

struct ast_create_extension {
    struct ast_node node;
    const char *name;
    bool is_if_not_exists;
    struct ast_list *options; /* schema, version, cascade */
};

struct ast_create_enum {
    struct ast_node node;
    struct ast_list *names;
    struct ast_list *labels; /* AST_STRING */
};

struct ast_create_domain {
    struct ast_node node;
    struct ast_list *names;
    struct ast_type_name *type;
    struct ast_list *collation;
    struct ast_list *constraints; /* as a column's */
};

struct ast_alter_domain {
    struct ast_node node;
    struct ast_list *names;
    struct ast_alter_command *command;
};

/* ADD VALUE new_label [BEFORE|AFTER neighbor], or RENAME VALUE old_label TO new_label. */
struct ast_alter_enum {
    struct ast_node node;
    struct ast_list *names;
    const char *old_label;
    const char *new_label;
    const char *neighbor;
    bool is_after;
    bool is_if_not_exists;
};

/* GRANT and REVOKE on objects. privileges NULL: ALL. */
struct ast_grant {
    struct ast_node node;
    bool is_grant;
    bool is_option;              /* WITH GRANT OPTION, or REVOKE GRANT OPTION FOR */
    struct ast_list *privileges; /* ast_privilege */
    enum ast_object_type object_type;
    bool is_all_in_schema; /* ON ALL TABLES IN SCHEMA: objects are schemas */
    struct ast_list
        *objects; /* ast_range_var for tables and sequences, else ast_node_list of names */
    struct ast_list *grantees; /* ast_role */
    struct ast_role *grantor;
    enum ast_behavior behavior;
};

struct ast_privilege {
    struct ast_node node;
    const char *name; /* lower case; "all" with columns */
    struct ast_list *columns;
};

struct ast_grant_role {
    struct ast_node node;
    bool is_grant;
    bool is_option;         /* WITH ADMIN OPTION, ADMIN OPTION FOR */
    struct ast_list *roles; /* AST_STRING */
    struct ast_list *grantees;
    struct ast_role *grantor;
    enum ast_behavior behavior;
};

/* ALTER DEFAULT PRIVILEGES. The grant has no objects; its type is what they are of. */
struct ast_default_privileges {
    struct ast_node node;
    struct ast_list *roles;   /* ast_role; NULL: the current one */
    struct ast_list *schemas; /* AST_STRING; NULL: all */
    struct ast_grant *grant;
};

/* DROP OWNED BY roles, REASSIGN OWNED BY roles TO new_owner. */
struct ast_owned {
    struct ast_node node;
    struct ast_list *roles;
    struct ast_role *new_owner; /* NULL: DROP */
    enum ast_behavior behavior;
};

/* ANALYZE and VACUUM. Options have PostgreSQL's names: full, freeze, verbose, analyze ... */
struct ast_analyze {
    struct ast_node node;
    bool is_vacuum;
    struct ast_list *options;
    struct ast_list *relations; /* ast_vacuum_relation; NULL: all */
};

struct ast_vacuum_relation {
    struct ast_node node;
    struct ast_range_var *relation;
    struct ast_list *columns;
};

struct ast_reindex {
    struct ast_node node;
    const char *target; /* "index", "table", "schema", "database", "system" */
    bool is_concurrent;
    struct ast_range_var *relation;
    const char *name;
    struct ast_list *options;
};

struct ast_cluster {
    struct ast_node node;
    bool is_verbose;
    struct ast_range_var *relation; /* NULL: all */
    const char *index;
};

/*
 * CREATE VECTORS name (dim N, column type ..) WITH (..). dimension is 0 for (dim INT): the first
 * row's.
 */
struct ast_create_vectors {
    struct ast_node node;
    struct ast_range_var *relation;
    bool is_if_not_exists;
    int32_t dimension;
    struct ast_list *columns; /* ast_column_def */
    struct ast_list *options;
};

/* ---- session ---- */

enum ast_transaction_type {
    AST_BEGIN,
    AST_START_TRANSACTION,
    AST_COMMIT,
    AST_ROLLBACK,
    AST_SAVEPOINT,
    AST_RELEASE,
    AST_ROLLBACK_TO,
    AST_PREPARE_TRANSACTION,
    AST_COMMIT_PREPARED,
    AST_ROLLBACK_PREPARED
};

/*
 * modes: transaction_isolation (AST_STRING "read committed" ..), transaction_read_only and
 * transaction_deferrable (AST_CONST bool).
 */
struct ast_transaction {
    struct ast_node node;
    enum ast_transaction_type type;
    bool is_chain;
    const char *name; /* savepoint, or the prepared transaction's */
    struct ast_list *modes;
};

enum ast_set_type {
    AST_SET_VALUE,
    AST_SET_DEFAULT,
    AST_SET_FROM_CURRENT, /* ALTER .. SET x FROM CURRENT */
    AST_SET_TRANSACTION, /* values: modes as in ast_transaction; SNAPSHOT gives option "snapshot" */
    AST_SET_SESSION_CHARACTERISTICS,
    AST_RESET,
    AST_RESET_ALL
};

/*
 * SET and RESET. name is lower case, dots kept. SET TIME ZONE is name "timezone", SET NAMES
 * "client_encoding", SET ROLE "role", SET SESSION AUTHORIZATION "session_authorization", SET SCHEMA
 * "search_path". values: AST_STRING (words and strings alike), AST_CONST (numbers, negative ones
 * too), AST_CAST (SET TIME ZONE INTERVAL ..).
 */
struct ast_set {
    struct ast_node node;
    enum ast_set_type type;
    bool is_local;
    const char *name;
    struct ast_list *values;
};

struct ast_show {
    struct ast_node node;
    const char *name; /* "all" for SHOW ALL */
};

struct ast_set_constraints {
    struct ast_node node;
    struct ast_list *constraints; /* ast_range_var; NULL: ALL */
    bool is_deferred;
};

enum ast_discard_type {
    AST_DISCARD_ALL,
    AST_DISCARD_PLANS,
    AST_DISCARD_SEQUENCES,
    AST_DISCARD_TEMP
};

struct ast_discard {
    struct ast_node node;
    enum ast_discard_type type;
};

struct ast_explain {
    struct ast_node node;
    struct ast_list *options; /* ast_option: analyze, verbose, format ... */
    struct ast_node *statement;
};

struct ast_prepare {
    struct ast_node node;
    const char *name;
    struct ast_list *types; /* ast_type_name */
    struct ast_node *statement;
};

struct ast_execute {
    struct ast_node node;
    const char *name;
    struct ast_list *args;
};

struct ast_deallocate {
    struct ast_node node;
    const char *name; /* NULL: ALL */
};

struct ast_declare_cursor {
    struct ast_node node;
    const char *name;
    bool is_binary;
    bool is_scroll;
    bool is_no_scroll;
    bool is_insensitive;
    bool is_asensitive;
    bool is_with_hold;
    struct ast_select *query;
};

enum ast_fetch_direction {
    AST_FETCH_FORWARD,
    AST_FETCH_BACKWARD,
    AST_FETCH_ABSOLUTE,
    AST_FETCH_RELATIVE
};

/* FETCH ALL is FORWARD with AST_FETCH_ALL; NEXT is FORWARD 1; FIRST is ABSOLUTE 1. */
#define AST_FETCH_ALL INT64_MAX
struct ast_fetch {
    struct ast_node node;
    bool is_move;
    enum ast_fetch_direction direction;
    int64_t count;
    const char *cursor;
};

struct ast_close {
    struct ast_node node;
    const char *cursor; /* NULL: ALL */
};

enum ast_notify_type { AST_NOTIFY_NOTIFY, AST_NOTIFY_LISTEN, AST_NOTIFY_UNLISTEN };

struct ast_notify {
    struct ast_node node;
    enum ast_notify_type type;
    const char *channel; /* NULL: UNLISTEN * */
    const char *payload;
};

/* In PostgreSQL's order: LOCK TABLE's modes. */
enum ast_lock_mode {
    AST_ACCESS_SHARE = 1,
    AST_ROW_SHARE,
    AST_ROW_EXCLUSIVE,
    AST_SHARE_UPDATE_EXCLUSIVE,
    AST_SHARE,
    AST_SHARE_ROW_EXCLUSIVE,
    AST_EXCLUSIVE,
    AST_ACCESS_EXCLUSIVE
};

struct ast_lock_table {
    struct ast_node node;
    struct ast_list *relations;
    enum ast_lock_mode mode;
    bool is_nowait;
};

struct ast_do {
    struct ast_node node;
    const char *language; /* NULL: none was named */
    const char *body;
    int32_t body_offset; /* in the text that was parsed; -1: it was not written as it is */
};

struct ast_call {
    struct ast_node node;
    struct ast_function_call *call;
};

/*
 * A statement PostgreSQL has and the server refuses with 0A000. command is its command tag:
 * "CREATE FUNCTION", "CREATE TRIGGER", "MERGE". text is the whole statement as written.
 */
struct ast_unsupported {
    struct ast_node node;
    const char *command;
    const char *text;
};
