/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/exec_private.h"

/* Plans by hand, and a source that answers PENDING before every batch. */
struct fixture {
    struct ky_arena arena;
    struct ky_budget budget;
    struct exec_context context;
    struct statement_plan statement;
    struct ky_error err;
    bool is_suspending; /* scans answer PENDING before each batch */
    int pending_count;  /* how often the last run was suspended */
};
void fixture_init(struct fixture *f);
void fixture_deinit(struct fixture *f);

struct expr *input(struct fixture *f, uint32_t index, oid_t type);
struct expr *outer(struct fixture *f, uint32_t slot, oid_t type);
struct expr *int4(struct fixture *f, int64_t value);
struct expr *null4(struct fixture *f);
struct expr *binary(struct fixture *f, const char *name, struct expr *a, struct expr *b);
struct expr *node(struct fixture *f, enum expr_kind kind, oid_t type, struct expr **args,
                  uint16_t count);
const struct func *function(const char *name, int arg_count, oid_t first);
struct expr **exprs(struct fixture *f, int count, ...);

struct plan *plan_new(struct fixture *f, enum plan_kind kind, struct plan *left, struct plan *right,
                      uint16_t width);
/* Sets project and output from count expressions. */
void project(struct fixture *f, struct plan *plan, struct expr **list, uint16_t count);
/* generate_series(from, to) as one int4 column. */
struct plan *series(struct fixture *f, struct expr *from, struct expr *to);
/* Rows of int4; INT64_MIN is null. */
struct plan *values(struct fixture *f, const int64_t *cells, uint32_t rows, uint16_t width);

/* Runs to the end: "1 2|3 null|", rows in order; "ERROR 22012" on failure. */
const char *run(struct fixture *f, struct plan *plan);
/* The same with the rows sorted as text. */
const char *run_sorted(struct fixture *f, struct plan *plan);
/* Makes the scans of an open statement suspend. */
void suspend_sources(struct exec *exec);
