/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/ast.h"
#include "server/base/arena.h"
#include "server/base/buffer.h"
#include "server/base/error.h"
#include "server/base/slice.h"

/*
 * Limits, each answered with SQLSTATE 54001 and never with a crash. Floors above may recurse over a
 * tree: no path from a statement to a leaf is longer than AST_DEPTH_MAX. Chains of AND and of OR
 * are flat lists and do not count.
 */
enum {
    PARSER_NAME_SIZE_MAX = 63,     /* identifiers are cut here, at a character's edge */
    PARSER_STACK_MAX = 6000,       /* open parentheses and the like */
    AST_DEPTH_MAX = 2000,          /* height of a tree */
    PARSER_TEXT_SIZE_MAX = 1 << 30 /* bytes in one parse_* call */
};

/**
 * Splits text into statements: items of *statements_out are struct ast_statement. Text without a
 * statement (blank, comments, lone semicolons) gives a list with count 0.
 *
 * Everything is in arena, nothing points into text. err: 42601 and friends with the position
 * PostgreSQL would give (1-based character), 22021 for NUL bytes or broken UTF-8.
 */
KY_MUST_CHECK ky_status parse_sql(struct ky_arena *arena, struct ky_slice text,
                                  struct ast_list *statements_out, struct ky_error *err);

/* One expression and nothing after it: stored defaults, CHECK and index expressions. */
KY_MUST_CHECK ky_status parse_expression(struct ky_arena *arena, struct ky_slice text,
                                         struct ast_node **expression_out, struct ky_error *err);

/* One type name, as in CAST(x AS ...) and 'numeric(10,2)'::regtype. */
KY_MUST_CHECK ky_status parse_type_name(struct ky_arena *arena, struct ky_slice text,
                                        struct ast_type_name **type_out, struct ky_error *err);

/**
 * Appends SQL that parses to the same tree, apart from locations. Works for statements,
 * expressions, type names and clauses. Operands that are themselves operations get parentheses, so
 * the text shows how the parser grouped them. Recurses no deeper than the tree is high.
 */
void ast_print(struct ky_buffer *buffer, const struct ast_node *node);

/* Appends name, quoted if the lexer would not give it back unquoted (as quote_ident does). */
void ast_print_identifier(struct ky_buffer *buffer, const char *name);

/* Appends 'text' with quotes doubled, E'' where there is a backslash. */
void ast_print_string(struct ky_buffer *buffer, const char *text);

/* 1-based character position of a byte offset in text; 0 when location is negative. */
int parser_position(struct ky_slice text, int32_t location);

/* As pg_get_keywords().catcode. */
enum keyword_class {
    KEYWORD_UNRESERVED = 'U',
    KEYWORD_COL_NAME = 'C',
    KEYWORD_TYPE_FUNC_NAME = 'T',
    KEYWORD_RESERVED = 'R'
};

struct keyword {
    const char *name;
    enum keyword_class class;
    bool is_bare_label; /* may be a column label without AS */
    int token;          /* the grammar's number for it; of no use outside parser/ */
};

/* All keywords, sorted by name. */
extern const struct keyword keyword_table[];
extern const int keyword_count;

/* name in lower case; NULL if it is not a keyword. */
const struct keyword *keyword_find(const char *name, size_t size);
