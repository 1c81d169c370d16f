/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/lexer_private.h"
#include "parser/plpgsql.h"

/* What the files of the PL/pgSQL parser share. */

struct plpgsql_token {
    struct token token;
    int code;
    bool is_word;   /* a name or keyword without quotes */
    bool is_quoted; /* a name in quotes */
};

struct plpgsql_parser {
    struct ky_arena *arena;
    struct ky_error *err;
    struct lexer lexer;
    struct plpgsql_token *tokens; /* ends with one of code LEXER_END */
    int32_t at;                   /* the next */
    int32_t depth;
    const struct plpgsql_name *names;
    struct plpgsql_program *program;
    int32_t variable_capacity;
    int32_t last_line_at, last_line; /* of plpgsql_line */
};

/* ---- plpgsql_token.c ---- */
KY_MUST_CHECK ky_status plpgsql_tokenize(struct plpgsql_parser *p, struct ky_slice text);
static inline const struct plpgsql_token *
plpgsql_peek(const struct plpgsql_parser *p)
{
    return &p->tokens[p->at];
}
/* Is the token n places ahead this word, or this character? */
bool plpgsql_is(const struct plpgsql_parser *p, int32_t ahead, const char *word);
bool plpgsql_is_char(const struct plpgsql_parser *p, int32_t ahead, const char *text);
/* Takes it if it is. */
bool plpgsql_take(struct plpgsql_parser *p, const char *word);
bool plpgsql_take_char(struct plpgsql_parser *p, const char *text);
KY_MUST_CHECK ky_status plpgsql_expect(struct plpgsql_parser *p, const char *word);
KY_MUST_CHECK ky_status plpgsql_expect_char(struct plpgsql_parser *p, const char *text);
/* Not one of PL/pgSQL's reserved words. */
bool plpgsql_is_name(const struct plpgsql_parser *p, int32_t ahead);
KY_MUST_CHECK ky_status plpgsql_name(struct plpgsql_parser *p, const char **name_out);
int32_t plpgsql_line(struct plpgsql_parser *p, int32_t location);
KY_COLD ky_status plpgsql_syntax_error(struct plpgsql_parser *p);
#define plpgsql_syntax_error(p) ky_error_raised((plpgsql_syntax_error)(p))
KY_COLD ky_status plpgsql_error(struct plpgsql_parser *p, enum ky_sqlstate sqlstate,
                                int32_t location, const char *format, ...) KY_PRINTF(4, 5);
#define plpgsql_error(...) ky_error_raised((plpgsql_error)(__VA_ARGS__))
/* "compilation of PL/pgSQL function .. near line 3" in place of a position. */
KY_COLD ky_status plpgsql_error_near(struct plpgsql_parser *p, enum ky_sqlstate sqlstate,
                                     int32_t line, const char *format, ...) KY_PRINTF(4, 5);
#define plpgsql_error_near(...) ky_error_raised((plpgsql_error_near)(__VA_ARGS__))

/* ---- plpgsql_sql.c: pieces of SQL ---- */

/* Up to the word or character, which is taken: one of two, *which_out says (0, 1). */
KY_MUST_CHECK ky_status plpgsql_expression(struct plpgsql_parser *p, const char *until,
                                           const char *or_until, const char *or_until_2,
                                           int *which_out, struct plpgsql_sql **out);
/* From the token of that number up to the one before p->at. */
KY_MUST_CHECK ky_status plpgsql_make_expression(struct plpgsql_parser *p, int32_t from, int32_t to,
                                                struct plpgsql_sql **out);
/* A whole statement and its semicolon; INTO is cut out. */
KY_MUST_CHECK ky_status plpgsql_sql_statement(struct plpgsql_parser *p,
                                              struct plpgsql_statement **out);
/* PERFORM's query: "SELECT" in place of the word. */
KY_MUST_CHECK ky_status plpgsql_perform(struct plpgsql_parser *p, struct plpgsql_statement **out);
KY_MUST_CHECK ky_status plpgsql_query_until_loop(struct plpgsql_parser *p,
                                                 struct plpgsql_sql **out);
KY_MUST_CHECK ky_status plpgsql_assignment(struct plpgsql_parser *p,
                                           struct plpgsql_statement **out);
/* Is `x[1].y :=` next? */
bool plpgsql_is_assignment(const struct plpgsql_parser *p);
/* x, r.f: without a subscript. */
KY_MUST_CHECK ky_status plpgsql_target(struct plpgsql_parser *p, struct plpgsql_target *out);
/* a, b, c after INTO: a record alone, or scalars. */
KY_MUST_CHECK ky_status plpgsql_targets(struct plpgsql_parser *p, struct plpgsql_execute *execute);

/* ---- plpgsql_statement.c ---- */
KY_MUST_CHECK ky_status plpgsql_statement(struct plpgsql_parser *p, struct plpgsql_statement **out);
/* Statements up to, and without, one of the words that end them. */
KY_MUST_CHECK ky_status plpgsql_body(struct plpgsql_parser *p, struct plpgsql_body *out);
void *plpgsql_node(struct plpgsql_parser *p, enum plpgsql_kind kind, size_t size);
#define PLPGSQL_NODE(p, kind, type) ((struct type *)plpgsql_node((p), (kind), sizeof(struct type)))
/* ---- plpgsql_raise.c ---- */
KY_MUST_CHECK ky_status plpgsql_read_raise(struct plpgsql_parser *p,
                                           struct plpgsql_statement **out);
KY_MUST_CHECK ky_status plpgsql_get_diagnostics(struct plpgsql_parser *p,
                                                struct plpgsql_statement **out);
KY_MUST_CHECK ky_status plpgsql_sqlstate(struct plpgsql_parser *p, char code[6]);

/* ---- plpgsql.c: blocks ---- */
KY_MUST_CHECK ky_status plpgsql_block(struct plpgsql_parser *p, const char *label,
                                      struct plpgsql_statement **out);
void plpgsql_push_label(struct plpgsql_parser *p, const char *label, bool is_loop);
int32_t plpgsql_add_variable(struct plpgsql_parser *p, const struct plpgsql_variable *variable);
KY_MUST_CHECK ky_status plpgsql_end_label(struct plpgsql_parser *p, const char *label);
