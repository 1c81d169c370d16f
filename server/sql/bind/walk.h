/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/sql/bind/query.h"

/* Looking through bound trees; for the binder and the planner. */

/*
 * Called for an expression; true stops the walk. level: how many queries lie between the place
 * where the walk began and this expression. The visitor descends by calling expr_walk_children.
 */
typedef bool (*expr_visitor)(struct expr *expr, int level, void *self);

/* Visits the children of an expression, bound subqueries included (one level deeper). */
bool expr_walk_children(struct expr *expr, int level, expr_visitor visit, void *self);
/* Visits every expression of a query. level is that of the query's own expressions. */
bool query_walk(struct query *query, int level, expr_visitor visit, void *self);

/* The same computation, locations apart. Volatile calls are equal when they are written the same.
 */
bool expr_equal(const struct expr *a, const struct expr *b);

/* The same rows, found the same way; false where it cannot tell (WITH, VALUES, changes, locks).
 * NULL equals NULL. */
bool query_equal(const struct query *a, const struct query *b);

bool expr_has_aggregate(struct expr *expr); /* of this level; or GROUPING */
bool expr_has_window(struct expr *expr);
bool expr_has_set(struct expr *expr);
bool expr_has_column(struct expr *expr); /* of this level */
bool expr_has_input(struct expr *expr);  /* a column of the row it is over */
bool expr_is_volatile(struct expr *expr);
/* Does it call what is not immutable, in a cast as well (a date's text is its DateStyle's)? */
bool expr_is_mutable(struct expr *expr);
