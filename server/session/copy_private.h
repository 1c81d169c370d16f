/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/* COPY's options, of both directions. */
struct copy_options {
    bool is_csv;
    bool has_header;
    char delimiter;
    char quote, escape;
    const char *null_text;
};

enum { COPY_ROWS = 64 /* rows inserted by one run of the plan */ };

struct copy {
    struct copy_options options;
    struct ky_arena arena;     /* as long as the COPY */
    const struct type **types; /* of the columns copied */
    const char **names;
    uint16_t column_count;
    const char *table; /* for messages; NULL: a query */
    /* FROM */
    struct plan_source one, many;   /* INSERT of one row, of COPY_ROWS */
    struct ky_arena rows_arena;     /* of the rows that wait */
    struct datum *values;           /* COPY_ROWS * column_count */
    uint32_t row_count;             /* rows that wait in values */
    struct ky_buffer field;         /* scratch */
    const char *where;              /* FROM .. WHERE; NULL: all rows */
    uint64_t lines[COPY_ROWS];      /* of the rows that wait */
    bool is_single;                 /* one of them is bad: one by one */
    struct access_savepoint before; /* the run */
    struct after_mark before_mark;
    uint64_t line;
    uint64_t inserted;
    bool is_ended; /* \. was met */
    bool is_header_due;
    bool has_statement;
    struct exec *exec; /* a run that waits */
    struct exec_context context;
    struct ky_budget budget;
    uint32_t running;        /* rows of that run */
    bool is_in_order;        /* fewer than COPY_ROWS are inserted one by one: */
    uint32_t first, waiting; /* the next one, of so many */
    struct ky_buffer
        input; /* data not yet taken: the start of a line, or what came during a wait */
    size_t input_used;
    bool is_last; /* CopyDone came */
    /* TO */
    struct result_sink sink;
    struct result_sink *target;
    struct ky_buffer out;
    bool has_begun;
};

KY_MUST_CHECK ky_status copy_read_options(struct session *session, const struct ast_copy *statement,
                                          struct copy_options *options, struct ky_error *err);
