/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/sql/bind/bind.h"

/*
 * Bound trees as SQL, in PostgreSQL's way of writing them: what \d, pg_get_expr and pg_get_viewdef
 * show. The trees are those of bind_context.keeps_written; bound again, the text gives an equal
 * tree.
 */
struct deparse_context {
    struct ky_arena *arena;
    const struct cat_image *image;
    const struct cat_path *path;      /* NULL: every relation is named with its schema */
    const struct type_context *types; /* how constants are shown */
};

struct deparse_style {
    bool is_pretty;    /* parentheses only where the rules below need them */
    bool is_indented;  /* CASE and the clauses of queries on lines of their own */
    int32_t wrap_size; /* a line of targets or tables is filled up to here; 0: one on a line */
};

/* An expression over the columns of a table (EXPR_INPUT). False: part of it has no text. */
KY_MUST_CHECK bool deparse_expr(const struct deparse_context *context,
                                const struct cat_table *table, struct deparse_style style,
                                const struct expr *expr, struct ky_buffer *out);
/* A view's query, without a semicolon; its columns are called as the view's. */
KY_MUST_CHECK bool deparse_query(const struct deparse_context *context,
                                 const struct cat_table *view, struct deparse_style style,
                                 struct query *query, struct ky_buffer *out);
/* Is it spelled name(..)? An index names any other expression in parentheses. */
bool deparse_is_call(const struct expr *expr);
