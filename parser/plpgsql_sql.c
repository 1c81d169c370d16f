/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/parser_tokens.h"
#include "parser/plpgsql_private.h"

/*
 * Pieces of SQL: where they end, what of them is PL/pgSQL's (INTO), and their trees. An expression
 * is parsed as "SELECT expression", so whatever may follow a target list may be in it. Blanks take
 * the place of what is cut out: positions stay.
 */

static const char select_word[] = "SELECT ";
enum { SELECT_SIZE = sizeof(select_word) - 1 };

static ky_status
error_near(struct plpgsql_parser *p, const char *message)
{
    const struct token *token = &p->tokens[p->at].token;
    lexer_error(&p->lexer, KY_SYNTAX_ERROR, token->location, token->location + token->size,
                message);
    return KY_ERR;
}

/* ------------------------------------------------------------------ names */

int32_t
plpgsql_find(const struct plpgsql_name *names, const char *const *parts, int32_t count,
             const char **field_out)
{
    *field_out = NULL;
    const struct plpgsql_name *level = names; /* where the block's names begin, going outwards */
    while (level != NULL) {
        const struct plpgsql_name *at = level;
        for (; at != NULL && at->variable >= 0; at = at->outer) {
            if (strcmp(at->name, parts[0]) == 0 && count < 3) {
                *field_out = count == 2 ? parts[1] : NULL;
                return at->variable;
            }
        }
        if (at == NULL) {
            return -1;
        }
        if (count > 1 && at->name != NULL && strcmp(at->name, parts[0]) == 0) {
            for (const struct plpgsql_name *in = level; in != at; in = in->outer) {
                if (strcmp(in->name, parts[1]) == 0) {
                    *field_out = count == 3 ? parts[2] : NULL;
                    return in->variable;
                }
            }
        }
        level = at->outer;
    }
    return -1;
}

ky_status
plpgsql_target(struct plpgsql_parser *p, struct plpgsql_target *out)
{
    const char *parts[3];
    const struct token first = p->tokens[p->at].token;
    int32_t count = 0;
    if (!plpgsql_is_name(p, 0)) {
        return plpgsql_syntax_error(p);
    }
    do {
        KY_TRY(plpgsql_name(p, &parts[count++]));
    } while (count < 3 && plpgsql_is_char(p, 0, ".") && !plpgsql_is_char(p, 1, ".") &&
             plpgsql_take_char(p, "."));
    *out = (struct plpgsql_target){.location = first.location};
    out->variable = plpgsql_find(p->names, parts, count, &out->field);
    if (out->variable < 0) {
        return plpgsql_error(p, KY_SYNTAX_ERROR, first.location,
                             "\"%s%s%s%s%s\" is not a known variable", parts[0],
                             count > 1 ? "." : "", count > 1 ? parts[1] : "", count > 2 ? "." : "",
                             count > 2 ? parts[2] : "");
    }
    const struct plpgsql_variable *variable = &p->program->variables[out->variable];
    if (variable->is_constant) {
        return plpgsql_error(p, KY_ERROR_IN_ASSIGNMENT, first.location,
                             "variable \"%s\" is declared CONSTANT", variable->name);
    }
    return KY_OK;
}

ky_status
plpgsql_targets(struct plpgsql_parser *p, struct plpgsql_execute *execute)
{
    int32_t capacity = 0;
    if (execute->has_into) {
        p->at--;
        return error_near(p, "INTO specified more than once");
    }
    execute->has_into = true;
    execute->is_strict = plpgsql_take(p, "strict");
    do {
        if (execute->target_count == capacity) {
            capacity = capacity == 0 ? 4 : capacity * 2;
            struct plpgsql_target *more =
                ky_arena_array(p->arena, struct plpgsql_target, (size_t)capacity);
            if (execute->target_count > 0) {
                memcpy(more, execute->targets, (size_t)execute->target_count * sizeof(*more));
            }
            execute->targets = more;
        }
        KY_TRY(plpgsql_target(p, &execute->targets[execute->target_count++]));
    } while (plpgsql_take_char(p, ","));
    return KY_OK;
}

/* ------------------------------------------------------------------ trees */

static struct plpgsql_sql *
new_piece(struct plpgsql_parser *p, int32_t location)
{
    struct plpgsql_sql *piece = ky_arena_new(p->arena, struct plpgsql_sql);
    piece->location = location;
    piece->names = p->names;
    return piece;
}

/* Parses piece->sql; an error is moved to its place in the body. */
static ky_status
parse_piece(struct plpgsql_parser *p, struct plpgsql_sql *piece)
{
    struct ast_list statements = {0};
    ky_status status = parse_sql(p->arena, piece->sql, &statements, p->err);
    if (status == KY_OK && statements.count == 1) {
        piece->tree =
            ((const struct ast_statement *)(const void *)ast_list_get(&statements, 0))->statement;
        return KY_OK;
    }
    if (status == KY_OK) {
        return plpgsql_error(p, KY_SYNTAX_ERROR, piece->location, "syntax error");
    }
    if (p->err->position > 0) {
        const struct ky_slice text =
            ky_slice(p->lexer.text, (size_t)(p->lexer.end - p->lexer.text));
        p->err->position =
            KY_MAX(p->err->position + piece->shift, 1) + parser_position(text, piece->location) - 1;
    }
    return KY_ERR;
}

static int32_t
end_of(const struct plpgsql_parser *p, int32_t token)
{
    return p->tokens[token].token.location + p->tokens[token].token.size;
}

ky_status
plpgsql_make_expression(struct plpgsql_parser *p, int32_t from, int32_t to,
                        struct plpgsql_sql **out)
{
    const int32_t start = p->tokens[from].token.location;
    const size_t size = (size_t)(end_of(p, to - 1) - start);
    struct plpgsql_sql *piece = new_piece(p, start);
    char *text = ky_arena_alloc(p->arena, SELECT_SIZE + size + 1);
    memcpy(text, select_word, SELECT_SIZE);
    memcpy(text + SELECT_SIZE, p->lexer.text + start, size);
    text[SELECT_SIZE + size] = '\0';
    piece->sql = ky_slice(text, SELECT_SIZE + size);
    piece->shown = ky_slice(text + SELECT_SIZE, size);
    piece->shift = -SELECT_SIZE;
    *out = piece;
    return parse_piece(p, piece);
}

/* A statement from one token to the one before `to`; cut_from..cut_to become blanks. */
static ky_status
make_statement(struct plpgsql_parser *p, int32_t from, int32_t to, int32_t cut_from, int32_t cut_to,
               struct plpgsql_sql **out)
{
    const int32_t start = p->tokens[from].token.location;
    const size_t size = (size_t)(end_of(p, to - 1) - start);
    struct plpgsql_sql *piece = new_piece(p, start);
    char *text = ky_arena_cstr(p->arena, ky_slice(p->lexer.text + start, size));
    if (cut_from >= 0) {
        memset(text + cut_from - start, ' ', (size_t)(cut_to - cut_from));
    }
    piece->sql = piece->shown = ky_slice(text, size);
    piece->use = PLPGSQL_STATEMENT;
    *out = piece;
    return parse_piece(p, piece);
}

/* ------------------------------------------------------------------ where pieces end */

static bool
is_either(const struct plpgsql_parser *p, const char *until)
{
    return until != NULL && (plpgsql_is(p, 0, until) || plpgsql_is_char(p, 0, until));
}

static ky_status
missing_end(struct plpgsql_parser *p, int32_t parens, const char *until, const char *what)
{
    if (parens != 0) {
        return error_near(p, "mismatched parentheses");
    }
    char upper[16] = {0};
    for (size_t i = 0; until[i] != '\0' && i + 1 < sizeof(upper); i++) {
        upper[i] = (char)(until[i] >= 'a' && until[i] <= 'z' ? until[i] - 'a' + 'A' : until[i]);
    }
    return plpgsql_error(p, KY_SYNTAX_ERROR, p->tokens[p->at].token.location,
                         "missing \"%s\" at end of SQL %s", upper, what);
}

/* Moves on to the word that ends the piece. */
static ky_status
find_end(struct plpgsql_parser *p, const char *until, const char *or_until, const char *or_until_2,
         const char *what, int *which_out)
{
    int32_t parens = 0;
    for (;; p->at++) {
        if (parens == 0) {
            *which_out = is_either(p, until)        ? 0
                         : is_either(p, or_until)   ? 1
                         : is_either(p, or_until_2) ? 2
                                                    : -1;
            if (*which_out >= 0) {
                return KY_OK;
            }
        }
        const int code = p->tokens[p->at].code;
        if (code == TK_LPAREN || code == TK_LBRACKET) {
            parens++;
        } else if ((code == TK_RPAREN || code == TK_RBRACKET) && --parens < 0) {
            return error_near(p, "mismatched parentheses");
        } else if (code == TK_SEMI || code == LEXER_END) {
            return missing_end(p, parens, until, what);
        }
    }
}

ky_status
plpgsql_expression(struct plpgsql_parser *p, const char *until, const char *or_until,
                   const char *or_until_2, int *which_out, struct plpgsql_sql **out)
{
    int which;
    const int32_t from = p->at;
    KY_TRY(find_end(p, until, or_until, or_until_2, "expression", &which));
    if (p->at == from) {
        return error_near(p, strcmp(until, ";") == 0 || or_until != NULL ? "syntax error"
                                                                         : "missing expression");
    }
    KY_TRY(plpgsql_make_expression(p, from, p->at, out));
    p->at++;
    if (which_out != NULL) {
        *which_out = which;
    }
    return KY_OK;
}

ky_status
plpgsql_query_until_loop(struct plpgsql_parser *p, struct plpgsql_sql **out)
{
    int which;
    const int32_t from = p->at;
    KY_TRY(find_end(p, "loop", NULL, NULL, "statement", &which));
    if (p->at == from) {
        return error_near(p, "missing SQL statement");
    }
    KY_TRY(make_statement(p, from, p->at, -1, -1, out));
    p->at++;
    return KY_OK;
}

/* ------------------------------------------------------------------ statements */

ky_status
plpgsql_sql_statement(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    struct plpgsql_execute *execute = PLPGSQL_NODE(p, PLPGSQL_EXECUTE_SQL, plpgsql_execute);
    const int32_t from = p->at;
    int32_t parens = 0;
    int32_t cut_from = -1;
    int32_t cut_to = -1;
    for (;;) {
        const int code = p->tokens[p->at].code;
        if (code == LEXER_END) {
            return error_near(p, "unexpected end of function definition");
        }
        if (code == TK_SEMI && parens <= 0) {
            break;
        }
        if (code == TK_INTO && p->at > from && !plpgsql_is(p, -1, "insert") &&
            !plpgsql_is(p, -1, "merge")) {
            cut_from = p->tokens[p->at++].token.location;
            KY_TRY(plpgsql_targets(p, execute));
            cut_to = end_of(p, p->at - 1);
            continue;
        }
        parens += (code == TK_LPAREN) - (code == TK_RPAREN);
        p->at++;
    }
    KY_TRY(make_statement(p, from, p->at, cut_from, cut_to, &execute->sql));
    p->at++;
    *out = &execute->node;
    return KY_OK;
}

ky_status
plpgsql_perform(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    struct plpgsql_execute *execute = PLPGSQL_NODE(p, PLPGSQL_PERFORM, plpgsql_execute);
    int which;
    p->at++;
    const int32_t from = p->at;
    KY_TRY(find_end(p, ";", NULL, NULL, "statement", &which));
    if (p->at == from) {
        return error_near(p, "missing SQL statement");
    }
    KY_TRY(plpgsql_make_expression(p, from, p->at, &execute->sql));
    execute->sql->shown = execute->sql->sql;
    execute->sql->shift = 0;
    execute->sql->use = PLPGSQL_STATEMENT;
    p->at++;
    *out = &execute->node;
    return KY_OK;
}

/* The number of the token after `x[1].y`; -1: that is not what is there. */
static int32_t
target_end(const struct plpgsql_parser *p)
{
    int32_t at = p->at;
    if (!plpgsql_is_name(p, 0)) {
        return -1;
    }
    for (at++;; at++) {
        const int code = p->tokens[at].code;
        if (code == TK_DOT && (p->tokens[at + 1].is_word || p->tokens[at + 1].is_quoted)) {
            at++;
        } else if (code == TK_LBRACKET) {
            int32_t depth = 1;
            while (depth > 0) {
                const int inner = p->tokens[++at].code;
                if (inner == LEXER_END || inner == TK_SEMI) {
                    return -1;
                }
                depth += (inner == TK_LBRACKET) - (inner == TK_RBRACKET);
            }
        } else {
            return at;
        }
    }
}

bool
plpgsql_is_assignment(const struct plpgsql_parser *p)
{
    const int32_t end = target_end(p);
    return end >= 0 && (p->tokens[end].code == TK_COLON_EQUALS || p->tokens[end].code == TK_EQ);
}

ky_status
plpgsql_assignment(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    struct plpgsql_assign *assign = PLPGSQL_NODE(p, PLPGSQL_ASSIGN, plpgsql_assign);
    const int32_t start = p->tokens[p->at].token.location;
    KY_TRY(plpgsql_target(p, &assign->target));
    if (plpgsql_take_char(p, "[")) {
        KY_TRY(plpgsql_expression(p, "]", NULL, NULL, NULL, &assign->target.subscript));
    }
    if (p->tokens[p->at].code != TK_COLON_EQUALS && p->tokens[p->at].code != TK_EQ) {
        return plpgsql_error(p, KY_FEATURE_NOT_SUPPORTED, start,
                             "assigning to more than one subscript or field is not supported");
    }
    p->at++;
    const int32_t value_at = p->tokens[p->at].token.location;
    KY_TRY(plpgsql_expression(p, ";", NULL, NULL, NULL, &assign->value));
    struct plpgsql_sql *value = assign->value;
    value->use = PLPGSQL_ASSIGNMENT;
    value->shown = ky_slice(p->lexer.text + start, (size_t)(value_at - start) + value->shown.size);
    value->shift += (int32_t)parser_position(value->shown, value_at - start) - 1;
    value->location = start;
    *out = &assign->node;
    return KY_OK;
}
