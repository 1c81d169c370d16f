/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/parser.h"

/*
 * A PL/pgSQL block as it was written: text in, tree out. Names of variables are resolved, as they
 * are all declared in the text; types, tables and columns are not looked up. The pieces of SQL in
 * it are parsed by the SQL parser.
 */
enum {
    PLPGSQL_TEXT_SIZE_MAX = 16 * 1024 * 1024,
    PLPGSQL_VARIABLES_MAX = 10000,
    PLPGSQL_DEPTH_MAX = 200, /* blocks and control structures inside each other */
};

/* What names mean at one place, innermost first. */
struct plpgsql_name {
    const struct plpgsql_name *outer;
    const char *name; /* NULL: a block without a label begins here */
    int32_t variable; /* number; -1: a block or loop begins here, name is its label */
    bool is_loop;
};

/* A piece of SQL: an expression ("SELECT " was put before it), or a statement. */
struct plpgsql_sql {
    struct ky_slice sql;   /* what was parsed, and positions count in */
    struct ky_slice shown; /* how errors show it */
    int32_t shift;         /* from positions in sql to those in shown */
    int32_t location;      /* of shown, in the body */
    struct ast_node *tree;
    const struct plpgsql_name *names;
    enum { PLPGSQL_EXPRESSION, PLPGSQL_ASSIGNMENT, PLPGSQL_STATEMENT } use;
};

/* Where a value goes. */
struct plpgsql_target {
    int32_t variable;
    const char *field;             /* of a record; NULL: the whole variable */
    struct plpgsql_sql *subscript; /* of an array's element; NULL: all of it */
    int32_t location;
};

enum plpgsql_variable_kind {
    PLPGSQL_SCALAR, /* or of the row type of a table: type tells */
    PLPGSQL_RECORD,
    PLPGSQL_ROW_OF,  /* names%ROWTYPE */
    PLPGSQL_TYPE_OF, /* names%TYPE: of a column, or of variable `like` */
    PLPGSQL_FOUND,   /* the special ones */
    PLPGSQL_SQLSTATE,
    PLPGSQL_SQLERRM,
    PLPGSQL_COUNTER,    /* of FOR i IN 1..2 */
    PLPGSQL_CASE_VALUE, /* of CASE x */
};

struct plpgsql_variable {
    const char *name;
    enum plpgsql_variable_kind kind;
    struct ast_type_name *type; /* SCALAR */
    const char *names[3];       /* ROW_OF, TYPE_OF: schema (or NULL), table, column */
    int32_t like;               /* TYPE_OF: a variable; -1: names */
    bool is_array;              /* of what is named */
    bool is_constant;
    bool is_not_null;
    struct plpgsql_sql *value; /* NULL: starts as null */
    int32_t line, location;
    int32_t type_position; /* in characters, from 1; TYPE_OF: of its % */
};

enum plpgsql_kind {
    PLPGSQL_BLOCK,
    PLPGSQL_NULL,
    PLPGSQL_ASSIGN,
    PLPGSQL_EXECUTE_SQL,
    PLPGSQL_PERFORM,
    PLPGSQL_EXECUTE,
    PLPGSQL_IF,
    PLPGSQL_CASE,
    PLPGSQL_LOOP,
    PLPGSQL_WHILE,
    PLPGSQL_FOR_INTEGER,
    PLPGSQL_FOR_QUERY,
    PLPGSQL_FOREACH,
    PLPGSQL_EXIT,
    PLPGSQL_RETURN,
    PLPGSQL_RAISE,
    PLPGSQL_ASSERT,
    PLPGSQL_DIAGNOSTICS,
    PLPGSQL_COMMIT,
    PLPGSQL_ROLLBACK,
};

struct plpgsql_statement {
    struct plpgsql_statement *next;
    enum plpgsql_kind kind;
    int32_t line, location;
};

struct plpgsql_body {
    struct plpgsql_statement *first;
};

/* WHEN division_by_zero OR SQLSTATE '22003' THEN: conditions as name, or as code. */
struct plpgsql_condition {
    struct plpgsql_condition *next;
    const char *name; /* NULL: code */
    char code[6];
    int32_t line;
};
struct plpgsql_handler {
    struct plpgsql_handler *next;
    struct plpgsql_condition *conditions;
    struct plpgsql_body body;
};

struct plpgsql_block {
    struct plpgsql_statement node;
    const char *label;
    const struct plpgsql_name *name; /* what EXIT calls it */
    int32_t *variables;              /* declared here, in order */
    int32_t variable_count;
    struct plpgsql_body body;
    bool has_handlers;
    struct plpgsql_handler *handlers;
    int32_t sqlstate, sqlerrm; /* variables of its handlers */
};

struct plpgsql_assign {
    struct plpgsql_statement node;
    struct plpgsql_target target;
    struct plpgsql_sql *value;
};

/* EXECUTE_SQL, PERFORM, EXECUTE: with a place for rows, or without. */
struct plpgsql_execute {
    struct plpgsql_statement node;
    struct plpgsql_sql *sql; /* EXECUTE: the expression that makes the statement */
    struct plpgsql_target *targets;
    int32_t target_count;
    bool has_into;
    bool is_strict;
    struct plpgsql_sql **args; /* USING */
    int32_t arg_count;
};

struct plpgsql_branch {
    struct plpgsql_branch *next;
    struct plpgsql_sql *condition;
    struct plpgsql_body body;
};
struct plpgsql_if {
    struct plpgsql_statement node;
    struct plpgsql_branch *branches;
    bool has_else;
    struct plpgsql_body otherwise;
};

/* CASE x WHEN a, b: x goes into a variable, and the conditions are "variable IN (a, b)". */
struct plpgsql_case {
    struct plpgsql_statement node;
    struct plpgsql_branch *branches;
    bool has_else;
    struct plpgsql_body otherwise;
    struct plpgsql_sql *value; /* NULL: conditions are as they were written */
    int32_t variable;
};

struct plpgsql_loop {
    struct plpgsql_statement node;
    const char *label;
    const struct plpgsql_name *name; /* what EXIT calls it */
    struct plpgsql_body body;
    struct plpgsql_sql *condition;        /* WHILE */
    struct plpgsql_sql *from, *to, *step; /* FOR_INTEGER */
    bool is_reverse;
    int32_t counter;              /* FOR_INTEGER: variable */
    struct plpgsql_execute query; /* FOR_QUERY */
    bool is_dynamic;              /* FOR_QUERY: IN EXECUTE */
    struct plpgsql_sql *array;    /* FOREACH */
    struct plpgsql_target target; /* FOREACH */
};

struct plpgsql_exit {
    struct plpgsql_statement node;
    bool is_continue;
    const struct plpgsql_name *at; /* the block or loop */
    struct plpgsql_sql *condition; /* NULL: always */
};

enum plpgsql_level {
    PLPGSQL_DEBUG,
    PLPGSQL_LOG,
    PLPGSQL_INFO,
    PLPGSQL_NOTICE,
    PLPGSQL_WARNING,
    PLPGSQL_EXCEPTION
};
enum plpgsql_option {
    PLPGSQL_OPTION_MESSAGE,
    PLPGSQL_OPTION_DETAIL,
    PLPGSQL_OPTION_HINT,
    PLPGSQL_OPTION_ERRCODE,
    PLPGSQL_OPTION_COLUMN,
    PLPGSQL_OPTION_CONSTRAINT,
    PLPGSQL_OPTION_DATATYPE,
    PLPGSQL_OPTION_TABLE,
    PLPGSQL_OPTION_SCHEMA,
    PLPGSQL_OPTION_COUNT
};
struct plpgsql_raise_option {
    struct plpgsql_raise_option *next;
    enum plpgsql_option option;
    struct plpgsql_sql *value;
};
struct plpgsql_raise {
    struct plpgsql_statement node;
    enum plpgsql_level level;
    bool is_again;         /* RAISE alone */
    const char *condition; /* name; NULL: none was given */
    char code[6];          /* of SQLSTATE '..'; "" */
    const char *format;    /* NULL: none */
    struct plpgsql_sql **args;
    int32_t arg_count;
    struct plpgsql_raise_option *options;
};

struct plpgsql_assert {
    struct plpgsql_statement node;
    struct plpgsql_sql *condition, *message;
};

enum plpgsql_diagnostic {
    PLPGSQL_ROW_COUNT,
    PLPGSQL_CONTEXT,
    PLPGSQL_RETURNED_SQLSTATE,
    PLPGSQL_MESSAGE_TEXT,
    PLPGSQL_EXCEPTION_DETAIL,
    PLPGSQL_EXCEPTION_HINT,
    PLPGSQL_EXCEPTION_CONTEXT,
    PLPGSQL_COLUMN_NAME,
    PLPGSQL_CONSTRAINT_NAME,
    PLPGSQL_DATATYPE_NAME,
    PLPGSQL_TABLE_NAME,
    PLPGSQL_SCHEMA_NAME,
};
struct plpgsql_item {
    struct plpgsql_item *next;
    enum plpgsql_diagnostic what;
    struct plpgsql_target target;
};
struct plpgsql_diagnostics {
    struct plpgsql_statement node;
    bool is_stacked;
    struct plpgsql_item *items;
};

struct plpgsql_end {
    struct plpgsql_statement node;
    bool is_chain;
};

/* How a column and a variable of the same name are told apart. */
enum plpgsql_conflict { PLPGSQL_CONFLICT_ERROR, PLPGSQL_USE_VARIABLE, PLPGSQL_USE_COLUMN };

struct plpgsql_program {
    struct plpgsql_block *block;
    struct plpgsql_variable *variables;
    int32_t variable_count;
    int32_t found; /* variable */
    enum plpgsql_conflict conflict;
};

/**
 * Everything is in arena. err: 42601 and friends with the position in text, 0A000 for what is not
 * supported, 54001 for what is too deep.
 */
KY_MUST_CHECK ky_status parse_plpgsql(struct ky_arena *arena, struct ky_slice text,
                                      struct plpgsql_program *program_out, struct ky_error *err);

/* What x, x.y or x.y.z (count names) means among these; -1: no variable. *field_out: of a record,
 * or NULL. */
int32_t plpgsql_find(const struct plpgsql_name *names, const char *const *parts, int32_t count,
                     const char **field_out);
