/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/parser.h"

#include <stdarg.h>
#include <stdio.h>

#include "parser/build_private.h"
#include "parser/driver_private.h"
#include "parser/lexer_string_private.h"
#include "parser/parser_tokens.h"

/*
 * Between lexer and grammar. The grammar sees one token at a time and one statement per run; three
 * words mean different things by what follows, so the driver looks one token further: NOT before
 * BETWEEN, IN, LIKE, ILIKE, SIMILAR; NULLS before FIRST, LAST; WITH before TIME, ORDINALITY.
 */

enum { ERROR_TEXT_SHOWN_MAX = 400 };

int
parser_position(struct ky_slice text, int32_t location)
{
    if (location < 0) {
        return 0;
    }
    const unsigned char *bytes = text.data;
    int position = 1;
    for (size_t i = 0; i < (size_t)location && i < text.size; i++) {
        position += (bytes[i] & 0xc0) != 0x80;
    }
    return position;
}

static int
lexer_position(const struct lexer *lexer, int32_t location)
{
    return parser_position(ky_slice(lexer->text, (size_t)(lexer->end - lexer->text)), location);
}

void
lexer_error(const struct lexer *lexer, enum ky_sqlstate sqlstate, int32_t location, int32_t end,
            const char *message)
{
    const char *start = lexer->text + location;
    if (*start == '\0') {
        ky_error_set(lexer->err, sqlstate, "%s at end of input", message);
    } else {
        int32_t size = end - location;
        if (size > ERROR_TEXT_SHOWN_MAX) {
            size = ERROR_TEXT_SHOWN_MAX;
            while (((unsigned char)start[size] & 0xc0) == 0x80) {
                size--;
            }
        }
        ky_error_set(lexer->err, sqlstate, "%s at or near \"%.*s\"", message, (int)size, start);
    }
    lexer->err->position = lexer_position(lexer, location);
}

/* ---- errors from the grammar: the first one counts ---- */

void
parser_error_set(struct parser *p, enum ky_sqlstate sqlstate, int32_t location, const char *format,
                 ...)
{
    if (p->is_failed) {
        return;
    }
    p->is_failed = true;
    char message[KY_ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    ky_error_set(p->err, sqlstate, "%s", message);
    p->err->position = lexer_position(p->lexer, location);
}

void
parser_error_near(struct parser *p, int32_t location)
{
    if (!p->is_failed) {
        p->is_failed = true;
        const char *start = p->lexer->text + location;
        int32_t size = 1;
        while ((start[size] >= 'a' && start[size] <= 'z') ||
               (start[size] >= 'A' && start[size] <= 'Z') || start[size] == '_') {
            size++;
        }
        lexer_error(p->lexer, KY_SYNTAX_ERROR, location, location + size, "syntax error");
    }
}

void
parser_error_here(struct parser *p, const char *message)
{
    if (!p->is_failed) {
        p->is_failed = true;
        lexer_error(p->lexer, KY_SYNTAX_ERROR, p->token.location, p->token.location + p->token.size,
                    message);
    }
}

void
parser_hint(struct parser *p, const char *hint)
{
    ky_error_hint(p->err, "%s", hint);
}

void
parser_syntax_error(struct parser *p, const struct token *token)
{
    if (!p->is_failed) {
        p->is_failed = true;
        lexer_error(p->lexer, KY_SYNTAX_ERROR, token->location, token->location + token->size,
                    "syntax error");
    }
}

void
parser_stack_overflow(struct parser *p)
{
    if (!p->is_failed) {
        parser_error_set(p, KY_STATEMENT_TOO_COMPLEX, -1, "stack depth limit exceeded");
        ky_error_hint(p->err, "The statement is nested too deeply; simplify it.");
    }
}

/* ---- tokens ---- */

static int
read_token(struct token_stream *stream, struct token *token)
{
    if (stream->has_ahead) {
        stream->has_ahead = false;
        *token = stream->ahead;
        return stream->ahead_code;
    }
    return lexer_next(&stream->lexer, token);
}

static int
peek_code(struct token_stream *stream)
{
    if (!stream->has_ahead) {
        stream->ahead_code = lexer_next(&stream->lexer, &stream->ahead);
        stream->has_ahead = true;
    }
    return stream->ahead_code;
}

static int
combine(struct token_stream *stream, int code)
{
    if (code == TK_NOT) {
        int next = peek_code(stream);
        bool is_test = next == TK_BETWEEN || next == TK_IN || next == TK_LIKE || next == TK_ILIKE ||
                       next == TK_SIMILAR;
        return is_test ? TK_NOT_LA : code;
    }
    if (code == TK_NULLS) {
        int next = peek_code(stream);
        return next == TK_FIRST || next == TK_LAST ? TK_NULLS_LA : code;
    }
    if (code == TK_WITH) {
        int next = peek_code(stream);
        return next == TK_TIME || next == TK_ORDINALITY ? TK_WITH_LA : code;
    }
    return code;
}

/* A semicolon outside parentheses ends the grammar's input. */
int
token_stream_next(struct token_stream *stream, struct token *token_out)
{
    int code = read_token(stream, token_out);
    switch (code) {
    case TK_NOT:
    case TK_NULLS:
    case TK_WITH:
        code = combine(stream, code);
        break;
    case TK_LPAREN:
        stream->paren_depth++;
        break;
    case TK_RPAREN:
        stream->paren_depth--;
        break;
    case TK_SEMI:
        if (stream->is_script && stream->paren_depth <= 0) {
            stream->is_at_semicolon = true;
            return LEXER_END;
        }
        break;
    default:
        break;
    }
    if (code > 0) {
        stream->last_end = token_out->location + token_out->size;
    }
    return code;
}

/* ---- front door ---- */

static ky_status
stream_init(struct token_stream *stream, struct ky_arena *arena, struct ky_slice text,
            bool is_script, struct ky_error *err)
{
    if (text.size > PARSER_TEXT_SIZE_MAX) {
        return ky_error_set(err, KY_STATEMENT_TOO_COMPLEX, "statement text is too long");
    }
    const char *copy = ky_arena_cstr(arena, text);
    KY_TRY(lexer_check_utf8(copy, text.size, err));
    *stream = (struct token_stream){.lexer = {.arena = arena,
                                              .text = copy,
                                              .cursor = copy,
                                              .end = copy + text.size,
                                              .err = err},
                                    .is_script = is_script};
    return KY_OK;
}

static ky_status
run(struct token_stream *stream, int mode, struct ast_node **result_out)
{
    struct parser p = {
        .arena = stream->lexer.arena, .err = stream->lexer.err, .lexer = &stream->lexer};
    stream->paren_depth = 0;
    stream->is_at_semicolon = false;
    grammar_run(&p, stream, mode);
    if (p.is_failed) {
        return KY_ERR;
    }
    *result_out = p.result;
    return KY_OK;
}

static void
keep_text(const struct lexer *lexer, const struct ast_statement *statement)
{
    if (statement->statement->kind == AST_UNSUPPORTED) {
        struct ast_unsupported *node = (struct ast_unsupported *)(void *)statement->statement;
        node->text = ky_arena_cstr(
            lexer->arena, ky_slice(lexer->text + statement->offset, (size_t)statement->size));
    }
}

ky_status
parse_sql(struct ky_arena *arena, struct ky_slice text, struct ast_list *statements_out,
          struct ky_error *err)
{
    struct token_stream stream;
    KY_TRY(stream_init(&stream, arena, text, true, err));
    struct parser list_owner = {.arena = arena, .err = err, .lexer = &stream.lexer};
    struct ast_list *list = ky_arena_new(arena, struct ast_list);
    for (;;) {
        int code = peek_code(&stream);
        if (code == LEXER_FAILED) {
            return KY_ERR;
        }
        if (code == LEXER_END) {
            break;
        }
        if (code == TK_SEMI) {
            stream.has_ahead = false;
            continue;
        }
        struct ast_statement *statement = (struct ast_statement *)(void *)build_node(
            &list_owner, AST_STATEMENT, sizeof(*statement), stream.ahead.location);
        statement->offset = stream.ahead.location;
        KY_TRY(run(&stream, 0, &statement->statement));
        statement->size = stream.last_end - statement->offset;
        keep_text(&stream.lexer, statement);
        list_add(&list_owner, list, &statement->node);
        if (!stream.is_at_semicolon) {
            break;
        }
    }
    *statements_out = *list;
    return KY_OK;
}

ky_status
parse_expression(struct ky_arena *arena, struct ky_slice text, struct ast_node **expression_out,
                 struct ky_error *err)
{
    struct token_stream stream;
    KY_TRY(stream_init(&stream, arena, text, false, err));
    return run(&stream, TK_MODE_EXPRESSION, expression_out);
}

ky_status
parse_type_name(struct ky_arena *arena, struct ky_slice text, struct ast_type_name **type_out,
                struct ky_error *err)
{
    struct token_stream stream;
    struct ast_node *node;
    KY_TRY(stream_init(&stream, arena, text, false, err));
    KY_TRY(run(&stream, TK_MODE_TYPE, &node));
    *type_out = (struct ast_type_name *)(void *)node;
    return KY_OK;
}
