/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/sql/bind/walk.h"
#include "server/sql/deparse/deparse.h"

/* What the deparser's files share. */

/* PostgreSQL's steps to the right: of a clause, of a join, of what continues a line. */
enum { INDENT_CLAUSE = 8, INDENT_JOIN = 4, INDENT_ITEM = 4, INDENT_MAX = 40 };

/* A query that is being printed, and what its tables are called. */
struct deparse_level {
    struct deparse_level *parent;
    const struct query *query;
    const char **names; /* one per table; NULL: none */
};

struct printer {
    const struct deparse_context *context;
    struct deparse_style style;
    const struct cat_table *table; /* whose columns EXPR_INPUT are */
    struct deparse_level *level;   /* NULL: no query around */
    struct ky_buffer *out;
    int indent;
    bool is_failed;
};

static inline void
dp_put(struct printer *p, const char *text)
{
    ky_buffer_append_cstr(p->out, text);
}

/* ---- layout.c ---- */
/* Begins a line when laid out in lines: the indent moves by before, then by after; this line alone
 * by more. */
void dp_keyword(struct printer *p, const char *word, int before, int after, int more);
/* A clause of a query, as far to the right as its first word is long. */
void dp_clause(struct printer *p, const char *word, int more);
/* An item of a list that may go on the line before it; a multi-line one stands alone. */
struct list_layout {
    struct ky_buffer *outer;
    struct ky_buffer item;
    bool is_first;
    bool was_multiline;
    bool minds_lines;
};
void dp_item_begin(struct printer *p, struct list_layout *layout);
void dp_item_end(struct printer *p, struct list_layout *layout);

/* ---- expr.c ---- */
/* shows_implicit: casts that nobody wrote too, for the type is to be seen here. */
void dp_expr(struct printer *p, const struct expr *expr, bool shows_implicit);
void dp_operand(struct printer *p, const struct expr *expr, bool shows_implicit,
                const struct expr *parent);
void dp_exprs(struct printer *p, struct expr *const *exprs, uint32_t count, const char *between);
/* Every expression of operators stands in parentheses; in pretty style what is around it decides.
 */
void dp_open(struct printer *p);
void dp_close(struct printer *p);

/* ---- value.c ---- */
enum const_label { LABEL_NEVER, LABEL_WHERE_NEEDED, LABEL_ALWAYS };
void dp_const(struct printer *p, const struct expr *expr, enum const_label label);
void dp_cast(struct printer *p, const struct expr *expr);
/* Is the cast an ordinary function's, or a mere change of label? */
bool dp_is_cast_function(const struct expr *expr);

/* ---- call.c ---- */
void dp_call(struct printer *p, const struct expr *expr);
void dp_aggregate(struct printer *p, const struct expr *expr);
void dp_window(struct printer *p, const struct expr *expr);
void dp_window_spec(struct printer *p, const struct window_spec *spec);

/* ---- names.c ---- */
void dp_level_begin(struct printer *p, struct deparse_level *level, const struct query *query);
void dp_level_end(struct printer *p);
/* NULL: no system column that has a name. */
const char *dp_system_name(uint16_t column);
void dp_column(struct printer *p, const struct expr *expr);
void dp_type(struct printer *p, const struct type *type, int32_t typmod);
void dp_relation_name(struct printer *p, const struct cat_table *table);

/* ---- query.c ---- */
void dp_query(struct printer *p, struct query *query, const struct cat_table *view,
              bool names_columns);
void dp_sort_item(struct printer *p, const struct expr *expr);
void dp_sort_keys(struct printer *p, const struct sort_key *keys, uint16_t count);
void dp_values(struct printer *p, const struct table_ref *values);

/* ---- from.c ---- */
void dp_from(struct printer *p, const struct query *query);
