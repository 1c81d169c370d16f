/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/* COPY: the options, and what its files share. */

enum copy_format { COPY_TEXT, COPY_CSV, COPY_BINARY };
enum copy_header { COPY_HEADER_NONE, COPY_HEADER_SKIP, COPY_HEADER_MATCH };

/* Of both directions. */
struct copy_options {
    enum copy_format format;
    enum copy_header header;
    char delimiter;
    char quote, escape;
    struct ky_slice null_text;
    /* Columns by name (AST_STRING); NULL: none. */
    const struct ast_list *force_quote, *force_not_null, *force_null;
    bool is_force_quote_all;
};

enum {
    COPY_ROWS = BATCH_SIZE_MAX, /* rows inserted by one run of the plan, */
    COPY_BYTES = 1 << 20,       /* fewer when they are long */
    COPY_ROW_MAX = 64 << 20     /* of input for one row; none so long could be stored */
};

/* A field of a line, escapes taken out. */
struct copy_field {
    struct ky_slice text;
    bool is_null;
    bool is_quoted;
};

struct copy {
    struct copy_options options;
    struct ky_arena arena;     /* as long as the COPY */
    const struct type **types; /* of the columns copied */
    int32_t *typmods;
    const char **names;
    uint8_t *force; /* by column: bits below */
    uint16_t column_count;
    const char *table; /* for messages; NULL: a query */
    oid_t table_oid;
    struct copy_file *file;         /* NULL: the client */
    uint64_t file_size;             /* FROM; 0: not known */
    struct copy_progress *progress; /* the session's, once it is the session's copy */
    struct ky_buffer scratch;
    /* FROM */
    const char *where;         /* FROM .. WHERE; NULL: all rows */
    struct plan_source insert; /* INSERT of the rows given to it */
    struct batch rows;         /* that wait to be inserted; room for COPY_ROWS */
    struct ky_arena rows_arena;
    size_t rows_bytes;
    uint64_t lines[COPY_ROWS]; /* of these rows */
    struct copy_field *fields; /* of the line in work; column_count of them */
    uint64_t line;
    bool is_header_due;
    bool is_ended;          /* \. or the trailer was met */
    struct ky_buffer input; /* not yet taken: the start of a line, or what came during a wait */
    size_t input_used;
    bool is_last; /* CopyDone came */
    /* FROM: inserting them */
    struct exec *exec; /* a run that waits */
    struct exec_context context;
    struct ky_budget budget;
    struct access_savepoint before; /* the run */
    struct after_mark before_mark;
    struct batch given; /* to the run: all rows, or one of them */
    bool is_single;     /* one of them is bad: they go in one by one, so that it can be named */
    uint16_t place;     /* of that one */
    uint64_t inserted;
    bool has_statement;
    /* TO */
    struct result_sink sink;
    struct result_sink *target;
    struct ky_buffer out;
    bool has_begun;
};

/* In copy->force. */
enum { COPY_FORCE_QUOTE = 1, COPY_FORCE_NOT_NULL = 2, COPY_FORCE_NULL = 4 };

/* ------------------------------------------------------------------ copy_options.c */

/* sql: the text that positions count in. */
KY_MUST_CHECK ky_status copy_read_options(const struct ast_copy *statement, struct ky_slice sql,
                                          struct copy_options *options, struct ky_error *err);
/* Fills copy->force from the options' lists; names are set. */
KY_MUST_CHECK ky_status copy_force_columns(struct copy *copy, const struct cat_table *table,
                                           struct ky_error *err);

/* ------------------------------------------------------------------ copy_file.c */

/* Opens the statement's file for the copy. 42501, 42602, 42809, 58P01, 53000, 53100, 58030; 0A000
 * over HTTP. */
/* May the role use the file that the statement names, if it names one? 42501, 0A000. */
KY_MUST_CHECK ky_status copy_file_allow(const struct session *session,
                                        const struct cat_image *image,
                                        const struct ast_copy *statement, struct ky_error *err);
KY_MUST_CHECK ky_status copy_file_open(const struct session *session, struct copy *copy,
                                       const struct ast_copy *statement, struct ky_error *err);
void copy_file_close(struct copy *copy);
/* TO: what takes the place of the client's sink. */
struct result_sink *copy_file_sink(struct copy *copy);

/* ------------------------------------------------------------------ copy_progress.c */

/* The copy has become the session's. */
void copy_progress_begin(struct session *session, struct copy *copy, enum copy_command command);
void copy_progress_add(struct copy *copy, uint64_t bytes, uint64_t rows, uint64_t excluded);
void copy_progress_end(struct copy *copy);

/* ------------------------------------------------------------------ copy_in.c */

/* "COPY t, line 2", with the column and its text as far as they are known. */
ky_status copy_line_context(const struct copy *copy, const char *column, struct ky_slice text,
                            struct ky_error *err);
/* Puts a value into the row in work. Bytes inside `text` are copied. */
void copy_take_value(struct copy *copy, uint16_t column, struct ky_slice text, struct datum value);
void copy_take_null(struct copy *copy, uint16_t column);
/* The row in work is whole. */
void copy_end_row(struct copy *copy);

/* ------------------------------------------------------------------ copy_parse.c, copy_binary.c */

/* Takes one line or binary row out of `input`, or a part of the binary header.
 * *has_taken_out false: there is no whole one. */
KY_MUST_CHECK ky_status copy_parse_next(struct session *session, struct copy *copy,
                                        bool *has_taken_out, struct ky_error *err);
KY_MUST_CHECK ky_status copy_binary_next(struct session *session, struct copy *copy,
                                         bool *has_taken_out, struct ky_error *err);
void copy_binary_begin(struct ky_buffer *out);
void copy_binary_row(struct copy *copy, const struct batch *batch, uint32_t place, uint16_t count,
                     const struct type_context *types);
