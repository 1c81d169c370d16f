/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/parser.h"
#include "server/sql/bind/query.h"

/*
 * Looks on while a query or an expression is bound: does it name the table, or one of its columns?
 * With a new name the syntax tree is changed, so that it means the same after the renaming. What
 * views that it reads name does not count. Expressions over a table's row are those of the watched
 * table.
 */
struct bind_watch {
    oid_t table;            /* OID_NONE: every table of the schema */
    oid_t schema;           /* with table OID_NONE */
    int16_t column;         /* number; 0: the table as such */
    const char *new_name;   /* of the column or the table; NULL: it stays */
    const char *new_schema; /* of the table; NULL: it stays */
    bool is_found;
    bool is_merged; /* the column is merged by USING or NATURAL: it cannot be renamed alone */
    struct ast_node *tree; /* of an expression: what was read */
};

/*
 * Names of a program around the query: what no column is called, or what they prefer. A value is a
 * parameter; a row has one for each field.
 */
struct bind_variable {
    const uint16_t *params;   /* numbers, from 1; types are in the context */
    const char *const *names; /* of a row's fields */
    uint16_t count;           /* 0: there is no such variable */
    bool is_row;
};
enum bind_conflict { BIND_CONFLICT_ERROR, BIND_USE_VARIABLE, BIND_USE_COLUMN };
struct bind_context;
struct bind_variables {
    enum bind_conflict conflict; /* when a column is called so, too */
    /* One to three names. Adds parameters to the context. is_only: no column is called so. */
    ky_status (*find)(struct bind_variables *self, struct bind_context *context,
                      const char *const *names, int32_t count, bool is_only,
                      struct bind_variable *out, struct ky_error *err);
};

/* Everything the binder needs to know; the session fills it in. */
struct bind_context {
    struct ky_arena *arena;
    const struct cat_image *image;
    const struct cat_path *path;
    struct func_env *env; /* for folding constants and reading literals */
    const char *sql;      /* whole text, for error positions */
    size_t sql_size;
    /* Parameters: types known so far (OID_NONE: to be inferred). Inference writes back. */
    oid_t *param_types;
    uint16_t param_count;
    uint16_t
        param_capacity; /* fixed at PARAMS_MAX by the caller's array, or 0: no parameters allowed */
    oid_t role;         /* whose rights to schemas count; OID_NONE: nobody's */
    const char *user;   /* current_user */
    const char *session_user;
    const char *database;
    bool can_infer_params;            /* extended protocol and PREPARE */
    struct bind_variables *variables; /* NULL: no program is around it */
    /* What is stored as text must mean the same under any search path and whatever columns are
     * added: in the syntax tree, relations and users' types get their schemas, literals of users'
     * types the type, and stars and NATURAL become the columns that they stand for. */
    bool writes_names;
    /* The tree is to be printed as it was written: nothing is folded, and struct expr_written says
     * what else gets lost. */
    bool keeps_written;
    struct bind_watch *watch; /* NULL: nobody looks on */
    /* The domain that the last type name was of, or NULL. */
    const struct cat_type *found_domain;
    bool changes_matviews; /* INSERT and DELETE take materialized views: REFRESH CONCURRENTLY */
};
enum { BIND_PARAMS_MAX = 65535, BIND_TABLES_MAX = 1000, BIND_DEPTH_MAX = 200 };

/* SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE (and the query in EXPLAIN, COPY, CREATE TABLE AS,
 * CREATE VIEW, DECLARE). Errors carry PostgreSQL's SQLSTATE, text, hint and position. */
KY_MUST_CHECK ky_status bind_query(struct bind_context *context, const struct ast_node *statement,
                                   struct query **query_out, struct ky_error *err);

/* A stand-alone expression over the columns of a table (NULL: none): CHECK, index expressions and
 * predicates, generated columns. Columns become EXPR_INPUT by column index. */
KY_MUST_CHECK ky_status bind_table_expression(struct bind_context *context,
                                              const struct cat_table *table, const char *sql,
                                              const struct type *wanted_type, int32_t wanted_typmod,
                                              struct expr **expr_out, struct ky_error *err);
/* A type name to OID and typmod; a domain's own OID, see found_domain. 42704. */
KY_MUST_CHECK ky_status bind_type_name(struct bind_context *context,
                                       const struct ast_type_name *name, oid_t *oid_out,
                                       int32_t *typmod_out, struct ky_error *err);
/* ------------------------------------------------------------------ rule.c */

/* Expressions that are kept with a table, when they are made, and ALTER COLUMN TYPE .. USING: what
 * such a one may not hold is refused, with its place in the statement. 0A000, 42803, 42P17, 42804
 * and what binding says. */
enum bind_rule { BIND_CHECK, BIND_INDEX_EXPRESSION, BIND_INDEX_PREDICATE, BIND_USING };
KY_MUST_CHECK ky_status bind_row_rule(struct bind_context *context, const struct cat_table *table,
                                      enum bind_rule rule, const struct ast_node *node,
                                      struct expr **expr_out, struct ky_error *err);
/* GENERATED AS: of columns that are not generated themselves, immutable, coerced as an assignment.
 */
KY_MUST_CHECK ky_status bind_generated(struct bind_context *context, const struct cat_table *table,
                                       const struct cat_column *column, const struct ast_node *node,
                                       struct expr **expr_out, struct ky_error *err);
/* A DEFAULT: coerced to the column as an assignment. */
KY_MUST_CHECK ky_status bind_default(struct bind_context *context, const struct cat_column *column,
                                     const struct ast_node *node, struct expr **expr_out,
                                     struct ky_error *err);
/* One that is kept in the catalog. */
KY_MUST_CHECK ky_status bind_default_text(struct bind_context *context,
                                          const struct cat_column *column, const char *sql,
                                          struct expr **expr_out, struct ky_error *err);

/* ------------------------------------------------------------------ the rest */

/* EXECUTE's and CALL-like arguments: coerced to a parameter type. */
KY_MUST_CHECK ky_status bind_argument(struct bind_context *context, const struct ast_node *node,
                                      oid_t type, struct expr **expr_out, struct ky_error *err);
/* A possibly qualified relation name. 42P01, 3F000 unless missing_ok (then NULL). */
KY_MUST_CHECK ky_status bind_relation(struct bind_context *context,
                                      const struct ast_range_var *name, bool is_missing_ok,
                                      struct cat_table **table_out, struct ky_error *err);
