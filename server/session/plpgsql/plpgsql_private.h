/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/plpgsql.h"
#include "server/session/drive.h"
#include "server/session/plpgsql/plpgsql.h"

/* What the files of the interpreter share. */

enum {
    PLPGSQL_RUNS_MAX = 32,     /* DO inside EXECUTE inside DO .. */
    PLPGSQL_FETCH_ROWS = 50,   /* that a loop takes from its query at once */
    PLPGSQL_CHECK_EVERY = 256, /* instructions between looks at the clock */
};

/* ------------------------------------------------------------------ values */

/* A value that nothing else can change or free. */
struct plpgsql_value {
    const struct type *type; /* NULL: none yet */
    int32_t typmod;
    struct datum datum;
    void *bytes; /* owned; what a datum of bytes points to */
    size_t capacity;
};

struct plpgsql_field {
    const char *name; /* in the record's arena */
    struct plpgsql_value value;
};

struct plpgsql_slot {
    const struct plpgsql_variable *declared;
    bool is_record;
    bool is_fixed; /* a record whose fields are a table's */
    bool is_any;   /* takes the type of what is put into it */
    bool is_known; /* a record that has fields */
    struct plpgsql_value value;
    struct plpgsql_field *fields; /* owned, as are their names */
    uint16_t field_count;
    uint32_t version; /* +1 when fields have other names or types */
};

/* ------------------------------------------------------------------ pieces of SQL */

/* What a parameter of a piece stands for. */
struct plpgsql_param {
    int32_t variable;
    int32_t field; /* -1: the variable itself */
    uint32_t version;
    const struct type *type;
};

/* A piece of SQL, prepared when it is first wanted. */
struct plpgsql_piece {
    struct bind_variables variables; /* first: find() comes back to the piece by it */
    struct plpgsql_run *run;
    const struct plpgsql_sql *sql;
    struct prepared *prepared; /* owned; NULL: not yet */
    struct plpgsql_param *params;
    uint16_t param_count, param_capacity;
    const char *what; /* "assignment": for the context of errors */
};

/* ------------------------------------------------------------------ code */

enum plpgsql_code {
    OP_EVAL,          /* pushes the value of piece */
    OP_ASSIGN,        /* pops into target */
    OP_INIT,          /* pops into a variable that is declared here */
    OP_RESET,         /* a variable that is declared here starts as null */
    OP_SQL,           /* runs piece; rows go to execute's targets */
    OP_DYNAMIC,       /* pops arguments and a text; runs it likewise */
    OP_JUMP,          /* to `to`, leaving the frames above `depth` */
    OP_JUMP_IF_FALSE, /* pops */
    OP_TRY,           /* pushes a frame with the handlers of block */
    OP_LEAVE,         /* pops a frame */
    OP_CASE_NOT_FOUND,
    OP_FOR_INTEGER,  /* pops bounds (and step), pushes a frame */
    OP_NEXT_INTEGER, /* to `to` at the end */
    OP_FOR_QUERY,    /* runs piece up to its first rows, pushes a frame */
    OP_FOR_DYNAMIC,
    OP_NEXT_ROW,
    OP_FOREACH,
    OP_NEXT_ELEMENT,
    OP_RAISE,
    OP_RAISE_AGAIN,
    OP_CHECK_ASSERT,  /* pops; to `to` when it holds or asserts are off */
    OP_ASSERT_FAILED, /* pops the message, if there is one */
    OP_DIAGNOSTICS,
    OP_TRANSACTION,
    OP_RETURN,
};

struct plpgsql_op {
    enum plpgsql_code code;
    int32_t line;
    const char *what; /* as errors call the statement; NULL: initialization of variables */
    int32_t to;
    int32_t depth; /* JUMP: frames that stay */
    int32_t variable;
    struct plpgsql_piece *piece;
    const void *node;        /* the statement */
    int32_t *handler_places; /* TRY: where each handler begins */
};

enum plpgsql_frame_kind { FRAME_TRY, FRAME_ERROR, FRAME_INTEGER, FRAME_QUERY, FRAME_ARRAY };

/* Rows that a statement gave out and that were kept. */
struct plpgsql_rows {
    struct ky_arena arena;
    const struct type **types;
    const char **names;
    uint16_t column_count;
    bool has_columns;
    struct datum *values; /* row by row */
    uint32_t count, taken, capacity;
    uint64_t total; /* given out, kept or not */
};

/* What is open: a block with handlers, a handler, a loop. */
struct plpgsql_frame {
    enum plpgsql_frame_kind kind;
    size_t value_count; /* on the stack of values, when it was pushed */
    const struct plpgsql_op *op;
    size_t savepoint;       /* TRY */
    struct ky_error *error; /* ERROR; owned */
    int64_t at, to, step;   /* INTEGER; ARRAY: element and count */
    bool is_first;
    struct plpgsql_piece *piece; /* QUERY; owned when it is dynamic */
    bool is_dynamic;
    bool is_fetching; /* rows are being taken from the portal */
    bool is_ended;
    bool is_held;     /* what is left of the rows is in the portal's store .. */
    uint64_t held_at; /* .. from this one on */
    bool has_found;
    struct portal *portal;      /* QUERY; owned */
    struct plpgsql_rows rows;   /* QUERY */
    struct plpgsql_value array; /* ARRAY */
};

struct plpgsql_sink {
    struct result_sink sink; /* first */
    struct plpgsql_run *run;
    struct plpgsql_rows *rows; /* where rows go */
    uint32_t keep;             /* so many of them; the others are counted */
};

/* A program that runs. The session's thread. */
struct plpgsql_run {
    struct session *session;
    struct plpgsql_run *outer; /* that this one runs in */
    struct ky_arena arena;     /* tree and code */
    struct plpgsql_program program;
    struct plpgsql_op *code;
    int32_t code_count, code_capacity;
    struct plpgsql_piece **pieces; /* all of them, to be freed */
    int32_t piece_count, piece_capacity;
    struct plpgsql_slot *slots;
    int32_t at; /* the next instruction */
    struct plpgsql_frame *frames;
    size_t frame_count, frame_capacity;
    struct plpgsql_value *values; /* stack */
    size_t value_count, value_capacity;
    size_t savepoint_base;
    uint64_t row_count; /* of the last statement */
    uint32_t checked;   /* instructions since the clock was looked at */
    /* The statement that runs inside. */
    struct portal *inner;
    struct plpgsql_piece *dynamic;     /* EXECUTE's; owned */
    int32_t dynamic_at, dynamic_count; /* which of the text's statements it is */
    struct plpgsql_rows rows;
    struct ky_arena scratch; /* of one instruction */
    struct cat_image *image; /* a reference, for conversions; NULL: to be taken anew */
    struct plpgsql_sink capture;
    /* The session's, while another is inside. */
    struct result_sink *client;
    struct portal *running, *owned_portal;
    struct copy *copy;
    uint32_t left_rows;
    bool is_entered;
    bool is_ending; /* its COMMIT is under way */
};

/* ---- compile.c ---- */
KY_MUST_CHECK ky_status plpgsql_compile(struct plpgsql_run *run, struct ky_error *err);

/* ---- names.c ---- */
ky_status plpgsql_bind_name(struct bind_variables *self, struct bind_context *context,
                            const char *const *names, int32_t count, bool is_only,
                            struct bind_variable *out, struct ky_error *err);
/* Values of the piece's parameters, as they are now. */
void plpgsql_fill_params(struct plpgsql_piece *piece, struct portal *portal, bool is_copied);
/* A record that it names has other fields now: to be planned again. */
bool plpgsql_is_stale(const struct plpgsql_piece *piece);

/* ---- value.c ---- */
void plpgsql_value_set(struct plpgsql_value *value, const struct type *type, struct datum datum);
void plpgsql_value_free(struct plpgsql_value *value);
void plpgsql_slot_free(struct plpgsql_slot *slot);
void plpgsql_push(struct plpgsql_run *run, const struct type *type, struct datum datum);
/* The last value; valid until something is pushed. */
struct plpgsql_value *plpgsql_pop(struct plpgsql_run *run);
/* The type context of now, results in the scratch arena. */
struct func_env plpgsql_env(struct plpgsql_run *run);
/* As an assignment does it: by a cast that is there for assignments, else by way of text. */
KY_MUST_CHECK ky_status plpgsql_convert(struct plpgsql_run *run, const struct type *from,
                                        struct datum value, const struct type *to, int32_t typmod,
                                        struct datum *out, struct ky_error *err);
KY_MUST_CHECK ky_status plpgsql_assign_target(struct plpgsql_run *run,
                                              const struct plpgsql_target *target,
                                              const struct type *type, struct datum value,
                                              struct ky_error *err);
KY_MUST_CHECK ky_status plpgsql_assign_element(struct plpgsql_run *run,
                                               const struct plpgsql_target *target,
                                               const struct type *type, struct datum value,
                                               struct datum subscript, struct ky_error *err);
/* Null, or the record without its fields. */
KY_MUST_CHECK ky_status plpgsql_reset(struct plpgsql_run *run, int32_t variable,
                                      struct ky_error *err);
/* A row (NULL: there is none, so all null) into one record or a list of scalars. */
KY_MUST_CHECK ky_status plpgsql_assign_row(struct plpgsql_run *run,
                                           const struct plpgsql_target *targets, int32_t count,
                                           const struct plpgsql_rows *rows, const struct datum *row,
                                           struct ky_error *err);
void plpgsql_set_found(struct plpgsql_run *run, bool is_found);
/* As text, in the scratch arena. */
struct ky_slice plpgsql_text_of(struct plpgsql_run *run, const struct type *type,
                                struct datum value);

/* ---- statement.c ---- */
/* Runs the piece (its first call begins it); rows go to run->rows, up to keep of them. */
enum step plpgsql_run_piece(struct plpgsql_run *run, struct plpgsql_piece *piece, uint32_t keep,
                            struct ky_error *err);
/* The error is about the piece: adds its text to it, and is KY_ERR. */
ky_status plpgsql_show_piece(const struct plpgsql_piece *piece, struct ky_error *err);
enum step plpgsql_eval(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err);
enum step plpgsql_sql(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err);
enum step plpgsql_dynamic(struct plpgsql_run *run, const struct plpgsql_op *op,
                          struct ky_error *err);
/* Opens the loop's query. */
enum step plpgsql_for_query(struct plpgsql_run *run, const struct plpgsql_op *op,
                            struct ky_error *err);
/* The next row into the loop's targets; *is_end_out: there is none. */
enum step plpgsql_next_row(struct plpgsql_run *run, struct plpgsql_frame *frame, bool *is_end_out,
                           struct ky_error *err);
void plpgsql_forget_image(struct plpgsql_run *run);
/* Gives up what runs inside. */
void plpgsql_stop_inner(struct plpgsql_run *run);
void plpgsql_piece_free(struct plpgsql_piece *piece);
void plpgsql_rows_deinit(struct plpgsql_rows *rows);
void plpgsql_sink_init(struct plpgsql_run *run);
struct plpgsql_piece *plpgsql_piece_new(struct plpgsql_run *run, const struct plpgsql_sql *sql,
                                        const char *what);

/* ---- transaction.c ---- */
enum step plpgsql_end_transaction(struct plpgsql_run *run, const struct plpgsql_op *op,
                                  struct ky_error *err);

/* ---- raise.c ---- */
KY_MUST_CHECK ky_status plpgsql_raise(struct plpgsql_run *run, const struct plpgsql_op *op,
                                      struct ky_error *err);
KY_MUST_CHECK ky_status plpgsql_diagnostics(struct plpgsql_run *run, const struct plpgsql_op *op,
                                            struct ky_error *err);
bool plpgsql_matches(const struct plpgsql_condition *conditions, const struct ky_error *err);
/* Adds a line to the context: what was inside comes first. */
void plpgsql_add_context(struct ky_error *err, const char *format, ...) KY_PRINTF(2, 3);
/* The error of the innermost handler that runs; NULL: none does. */
const struct ky_error *plpgsql_handled(const struct plpgsql_run *run);

/* ---- run.c ---- */
struct plpgsql_frame *plpgsql_push_frame(struct plpgsql_run *run, enum plpgsql_frame_kind kind,
                                         const struct plpgsql_op *op);
void plpgsql_line_context(const struct plpgsql_op *op, struct ky_error *err);
