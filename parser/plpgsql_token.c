/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>

#include "parser/lexer_string_private.h"
#include "parser/parser_tokens.h"
#include "parser/plpgsql_private.h"

/* The body as an array of SQL's tokens: PL/pgSQL has none of its own, and looks far ahead. */

static bool
is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static void
classify(const struct plpgsql_parser *p, struct plpgsql_token *token)
{
    const char first = p->lexer.text[token->token.location];
    if (!is_letter(first) && first != '"') {
        return;
    }
    const bool has_quote =
        first == '"' || (token->token.size > 2 && p->lexer.text[token->token.location + 2] == '"');
    if (token->code == TK_IDENT) {
        token->is_quoted = has_quote;
        token->is_word = !has_quote;
    } else if (first != '"' && token->code > 0) {
        token->is_word = keyword_find(token->token.text, strlen(token->token.text)) != NULL;
    }
}

ky_status
plpgsql_tokenize(struct plpgsql_parser *p, struct ky_slice text)
{
    if (text.size > PLPGSQL_TEXT_SIZE_MAX) {
        return ky_error_set(p->err, KY_STATEMENT_TOO_COMPLEX, "PL/pgSQL block is too long");
    }
    const char *copy = ky_arena_cstr(p->arena, text);
    KY_TRY(lexer_check_utf8(copy, text.size, p->err));
    p->lexer = (struct lexer){
        .arena = p->arena, .text = copy, .cursor = copy, .end = copy + text.size, .err = p->err};
    int32_t count = 0;
    int32_t capacity = 64;
    p->tokens = ky_arena_array(p->arena, struct plpgsql_token, (size_t)capacity);
    for (;;) {
        if (count == capacity) {
            struct plpgsql_token *more =
                ky_arena_array(p->arena, struct plpgsql_token, (size_t)capacity * 2);
            memcpy(more, p->tokens, (size_t)capacity * sizeof(*more));
            p->tokens = more;
            capacity *= 2;
        }
        struct plpgsql_token *token = &p->tokens[count++];
        token->code = lexer_next(&p->lexer, &token->token);
        if (token->code == LEXER_FAILED) {
            return KY_ERR;
        }
        if (token->code == LEXER_END) {
            return KY_OK;
        }
        classify(p, token);
    }
}

bool
plpgsql_is(const struct plpgsql_parser *p, int32_t ahead, const char *word)
{
    for (int32_t i = 0; i < ahead; i++) {
        if (p->tokens[p->at + i].code == LEXER_END) {
            return false;
        }
    }
    const struct plpgsql_token *token = &p->tokens[p->at + ahead];
    return token->is_word && strcmp(token->token.text, word) == 0;
}

bool
plpgsql_is_char(const struct plpgsql_parser *p, int32_t ahead, const char *text)
{
    for (int32_t i = 0; i < ahead; i++) {
        if (p->tokens[p->at + i].code == LEXER_END) {
            return false;
        }
    }
    const struct plpgsql_token *token = &p->tokens[p->at + ahead];
    const size_t size = strlen(text);
    return token->code > 0 && (size_t)token->token.size == size &&
           memcmp(p->lexer.text + token->token.location, text, size) == 0;
}

bool
plpgsql_take(struct plpgsql_parser *p, const char *word)
{
    const bool is_it = plpgsql_is(p, 0, word);
    p->at += is_it;
    return is_it;
}

bool
plpgsql_take_char(struct plpgsql_parser *p, const char *text)
{
    const bool is_it = plpgsql_is_char(p, 0, text);
    p->at += is_it;
    return is_it;
}

ky_status
plpgsql_expect(struct plpgsql_parser *p, const char *word)
{
    return plpgsql_take(p, word) ? KY_OK : plpgsql_syntax_error(p);
}

ky_status
plpgsql_expect_char(struct plpgsql_parser *p, const char *text)
{
    return plpgsql_take_char(p, text) ? KY_OK : plpgsql_syntax_error(p);
}

bool
plpgsql_is_name(const struct plpgsql_parser *p, int32_t ahead)
{
    static const char *const reserved[] = {
        "all",  "begin",   "by",     "case", "declare", "else",  "end",  "execute",
        "for",  "foreach", "from",   "if",   "in",      "into",  "loop", "not",
        "null", "or",      "strict", "then", "to",      "using", "when", "while"};
    const struct plpgsql_token *token = &p->tokens[p->at + ahead];
    if (token->is_quoted) {
        return true;
    }
    if (!token->is_word) {
        return false;
    }
    for (size_t i = 0; i < KY_COUNT_OF(reserved); i++) {
        if (strcmp(token->token.text, reserved[i]) == 0) {
            return false;
        }
    }
    return true;
}

ky_status
plpgsql_name(struct plpgsql_parser *p, const char **name_out)
{
    if (!plpgsql_is_name(p, 0)) {
        return plpgsql_syntax_error(p);
    }
    *name_out = p->tokens[p->at++].token.text;
    return KY_OK;
}

/* Tokens are asked for in order, or nearly: counting goes on from the last answer. */
int32_t
plpgsql_line(struct plpgsql_parser *p, int32_t location)
{
    if (location < p->last_line_at) {
        p->last_line_at = 0;
        p->last_line = 1;
    }
    for (; p->last_line_at < location; p->last_line_at++) {
        p->last_line += p->lexer.text[p->last_line_at] == '\n';
    }
    return p->last_line;
}

ky_status(plpgsql_syntax_error)(struct plpgsql_parser *p)
{
    const struct token *token = &p->tokens[p->at].token;
    lexer_error(&p->lexer, KY_SYNTAX_ERROR, token->location, token->location + token->size,
                "syntax error");
    return KY_ERR;
}

KY_PRINTF(3, 0)
static void
set_message(struct plpgsql_parser *p, enum ky_sqlstate sqlstate, const char *format, va_list args)
{
    char message[KY_ERROR_TEXT_SIZE];
    (void)vsnprintf(message, sizeof(message), format, args);
    (void)ky_error_set(p->err, sqlstate, "%s", message);
}

ky_status(plpgsql_error)(struct plpgsql_parser *p, enum ky_sqlstate sqlstate, int32_t location,
                         const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_message(p, sqlstate, format, args);
    va_end(args);
    p->err->position =
        parser_position(ky_slice(p->lexer.text, (size_t)(p->lexer.end - p->lexer.text)), location);
    return KY_ERR;
}

ky_status(plpgsql_error_near)(struct plpgsql_parser *p, enum ky_sqlstate sqlstate, int32_t line,
                              const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_message(p, sqlstate, format, args);
    va_end(args);
    return ky_error_context(
        p->err, "compilation of PL/pgSQL function \"inline_code_block\" near line %d", line);
}
