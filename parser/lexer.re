/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/lexer_private.h"
#include "parser/lexer_string_private.h"
#include "parser/parser.h"
#include "parser/parser_tokens.h"

/*
 * Tokens by PostgreSQL 15's rules. re2c decides what kind of token begins at the cursor; strings,
 * quoted names, comments and operators, whose ends are context, are scanned by hand from there.
 */

enum { OPERATOR_SIZE_MAX = 63, IDENTIFIER_FOLD_SIZE = 64 };

static int32_t
offset_of(const struct lexer *lexer, const char *at)
{
    return (int32_t)(at - lexer->text);
}

static int
finish(struct lexer *lexer, struct token *token, int code, const char *start, const char *end,
       const char *text)
{
    token->text = text;
    token->location = offset_of(lexer, start);
    token->size = (int32_t)(end - start);
    lexer->cursor = end;
    lexer->previous = code;
    return code;
}

static int
fail(struct lexer *lexer, const char *start, const char *end, const char *message)
{
    lexer_error(lexer, KY_SYNTAX_ERROR, offset_of(lexer, start), offset_of(lexer, end), message);
    return LEXER_FAILED;
}

static const char *
copy(struct lexer *lexer, const char *start, const char *end)
{
    return ky_arena_cstr(lexer->arena, ky_slice(start, (size_t)(end - start)));
}

/* Folds ASCII only, as PostgreSQL does for UTF-8, then cuts to PARSER_NAME_SIZE_MAX bytes. */
static int
identifier(struct lexer *lexer, struct token *token, const char *start, const char *end)
{
    char folded[IDENTIFIER_FOLD_SIZE];
    size_t size = (size_t)(end - start);
    if (size > PARSER_NAME_SIZE_MAX) {
        size = PARSER_NAME_SIZE_MAX;
        while (((unsigned char)start[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    for (size_t i = 0; i < size; i++) {
        char c = start[i];
        folded[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    const struct keyword *keyword = keyword_find(folded, size);
    if (keyword != NULL) {
        return finish(lexer, token, keyword->token, start, end, keyword->name);
    }
    const char *text = ky_arena_cstr(lexer->arena, ky_slice(folded, size));
    return finish(lexer, token, TK_IDENT, start, end, text);
}

/* Comments nest. */
static const char *
comment_end(const char *at)
{
    int depth = 1;
    while (depth > 0) {
        if (at[0] == '\0') {
            return NULL;
        }
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at += 2;
        } else if (at[0] == '*' && at[1] == '/') {
            depth--;
            at += 2;
        } else {
            at++;
        }
    }
    return at;
}

static bool
is_operator_char(char c)
{
    return c != '\0' && strchr("~!@#^&|`?+-*/%<>=", c) != NULL;
}

/*
 * The longest run of operator characters, ended by a comment. An operator of several characters
 * may end in + or - only if it holds one that SQL's own operators do not.
 */
static size_t
operator_size(const char *start)
{
    size_t size = 0;
    bool has_special = false;
    while (is_operator_char(start[size])) {
        bool is_comment = (start[size] == '/' && start[size + 1] == '*') ||
                          (start[size] == '-' && start[size + 1] == '-');
        if (is_comment && size > 0) {
            break;
        }
        has_special = has_special || strchr("~!@#^&|`?%", start[size]) != NULL;
        size++;
    }
    while (size > 1 && !has_special && (start[size - 1] == '+' || start[size - 1] == '-')) {
        size--;
    }
    return size;
}

static int
operator_code(const char *start, size_t size)
{
    if (size == 2) {
        static const struct {
            char text[3];
            int code;
        } pairs[] = {{"=>", TK_EQUALS_GREATER}, {">=", TK_GE}, {"<=", TK_LE},
                     {"<>", TK_NE},             {"!=", TK_NE}};
        for (size_t i = 0; i < KY_COUNT_OF(pairs); i++) {
            if (memcmp(start, pairs[i].text, 2) == 0) {
                return pairs[i].code;
            }
        }
    }
    if (size != 1) {
        return TK_OP;
    }
    switch (start[0]) {
    case '+':
        return TK_PLUS;
    case '-':
        return TK_MINUS;
    case '*':
        return TK_STAR;
    case '/':
        return TK_SLASH;
    case '%':
        return TK_PERCENT;
    case '^':
        return TK_CARET;
    case '<':
        return TK_LT;
    case '>':
        return TK_GT;
    case '=':
        return TK_EQ;
    default:
        return TK_OP;
    }
}

static int
operator_token(struct lexer *lexer, struct token *token, const char *start)
{
    size_t size = operator_size(start);
    const char *end = start + size;
    if (size > OPERATOR_SIZE_MAX) {
        return fail(lexer, start, end, "operator too long");
    }
    int code = operator_code(start, size);
    const char *text = code == TK_NE ? "<>" : copy(lexer, start, end);
    return finish(lexer, token, code, start, end, text);
}

/* Where a number with an optional sign ends; NULL if there is none. */
static const char *
number_end(const char *at)
{
    if (*at == '-' || *at == '+') {
        at++;
    }
    int digits = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        digits++;
    }
    if (*at == '.') {
        for (at++; *at >= '0' && *at <= '9'; at++) {
            digits++;
        }
    }
    if (digits == 0) {
        return NULL;
    }
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '-' || at[1] == '+' ? 2 : 1;
        if (*at < '0' || *at > '9') {
            return NULL;
        }
        while (*at >= '0' && *at <= '9') {
            at++;
        }
    }
    return at;
}

static const char *
skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r' || *at == '\f') {
        at++;
    }
    return at;
}

/*
 * A bracket that cannot be a subscript and holds numbers only is one token: a search by vector
 * brings thousands of them. Everything else is left to the grammar.
 */
static const char *
vector_end(const struct lexer *lexer, const char *start)
{
    switch (lexer->previous) {
    case TK_COMMA:
    case TK_LPAREN:
    case TK_OP:
    case TK_EQ:
    case TK_LT:
    case TK_GT:
        break;
    default:
        return NULL;
    }
    if (lexer->bracket_depth > 0) {
        return NULL;
    }
    const char *at = start;
    do {
        at = number_end(skip_blanks(at + 1));
        if (at == NULL) {
            return NULL;
        }
        at = skip_blanks(at);
    } while (*at == ',');
    return *at == ']' ? at + 1 : NULL;
}

static int
bracket_token(struct lexer *lexer, struct token *token, const char *start)
{
    const char *end = vector_end(lexer, start);
    if (end == NULL) {
        lexer->bracket_depth++;
        return finish(lexer, token, TK_LBRACKET, start, start + 1, "[");
    }
    char *text = ky_arena_alloc(lexer->arena, (size_t)(end - start) + 1);
    char *out = text;
    for (const char *at = start; at < end; at++) {
        if (*at != ' ' && *at != '\t' && *at != '\n' && *at != '\r' && *at != '\f') {
            *out++ = *at;
        }
    }
    *out = '\0';
    return finish(lexer, token, TK_VECTOR_TEXT, start, end, text);
}

static int
string_token(struct lexer *lexer, struct token *token, int code, const char *start,
             const char *body, enum lexer_string_type type)
{
    struct lexer_string string;
    if (lexer_string_scan(lexer, start, body, type, &string) != KY_OK) {
        return LEXER_FAILED;
    }
    return finish(lexer, token, code, start, string.end, string.text);
}

static int
dollar_token(struct lexer *lexer, struct token *token, const char *start, const char *body)
{
    size_t tag_size = (size_t)(body - start);
    for (const char *at = body; (at = strchr(at, '$')) != NULL; at++) {
        if (strncmp(at, start, tag_size) == 0) {
            return finish(lexer, token, TK_SCONST, start, at + tag_size, copy(lexer, body, at));
        }
    }
    return fail(lexer, start, lexer->end, "unterminated dollar-quoted string");
}

/* An integer that does not fit int32 is a number like 1.5. */
static int
integer_token(struct lexer *lexer, struct token *token, const char *start, const char *end)
{
    int64_t value = 0;
    for (const char *at = start; at < end && value <= INT32_MAX; at++) {
        value = value * 10 + (*at - '0');
    }
    int code = value > INT32_MAX ? TK_FCONST : TK_ICONST;
    return finish(lexer, token, code, start, end, copy(lexer, start, end));
}

int
lexer_next(struct lexer *lexer, struct token *token_out)
{
    const char *YYMARKER;
    const char *start;
    const char *YYCURSOR = lexer->cursor;
    for (;;) {
        start = YYCURSOR;
        /*!re2c
        re2c:define:YYCTYPE = "unsigned char";
        re2c:yyfill:enable = 0;
        re2c:yych:conversion = 1;

        space = [ \t\n\r\f];
        letter = [A-Za-z_\x80-\xff];
        digit = [0-9];
        integer = digit+;
        decimal = digit* "." digit+ | digit+ "." digit*;
        real = (integer | decimal) [Ee] [-+]? digit+;
        tag = letter (letter | digit)*;

        "\x00" { return finish(lexer, token_out, LEXER_END, start, start, ""); }
        space+ { continue; }
        "--" [^\n\r\x00]* { continue; }
        "/*" {
            const char *end = comment_end(YYCURSOR);
            if (end == NULL) {
                return fail(lexer, start, lexer->end, "unterminated /* comment");
            }
            YYCURSOR = end;
            continue;
        }
        letter (letter | digit | "$")* { return identifier(lexer, token_out, start, YYCURSOR); }
        "'" { return string_token(lexer, token_out, TK_SCONST, start, YYCURSOR, LEXER_STRING_PLAIN); }
        [eE] "'" { return string_token(lexer, token_out, TK_SCONST, start, YYCURSOR, LEXER_STRING_ESCAPE); }
        [bB] "'" { return string_token(lexer, token_out, TK_BCONST, start, YYCURSOR, LEXER_STRING_BIT); }
        [xX] "'" { return string_token(lexer, token_out, TK_XCONST, start, YYCURSOR, LEXER_STRING_HEX); }
        [nN] "'" { return finish(lexer, token_out, TK_NCHAR, start, start + 1, "nchar"); }
        [uU] "&'" { return string_token(lexer, token_out, TK_SCONST, start, YYCURSOR, LEXER_STRING_UNICODE); }
        "\"" { return string_token(lexer, token_out, TK_IDENT, start, YYCURSOR, LEXER_STRING_NAME); }
        [uU] "&\"" { return string_token(lexer, token_out, TK_IDENT, start, YYCURSOR, LEXER_STRING_UNICODE_NAME); }
        "$" tag? "$" { return dollar_token(lexer, token_out, start, YYCURSOR); }
        "$" digit+ { return finish(lexer, token_out, TK_PARAM, start, YYCURSOR, copy(lexer, start + 1, YYCURSOR)); }
        "$" digit+ letter (letter | digit | "$")* { return fail(lexer, start, YYCURSOR, "trailing junk after parameter"); }
        integer { return integer_token(lexer, token_out, start, YYCURSOR); }
        integer ".." { return integer_token(lexer, token_out, start, YYCURSOR - 2); }
        decimal | real { return finish(lexer, token_out, TK_FCONST, start, YYCURSOR, copy(lexer, start, YYCURSOR)); }
        (integer | decimal) [Ee] [-+] | (integer | decimal | real) letter (letter | digit | "$")* { return fail(lexer, start, YYCURSOR, "trailing junk after numeric literal"); }
        "::" { return finish(lexer, token_out, TK_TYPECAST, start, YYCURSOR, "::"); }
        ":=" { return finish(lexer, token_out, TK_COLON_EQUALS, start, YYCURSOR, ":="); }
        ":" { return finish(lexer, token_out, TK_COLON, start, YYCURSOR, ":"); }
        "," { return finish(lexer, token_out, TK_COMMA, start, YYCURSOR, ","); }
        "(" { return finish(lexer, token_out, TK_LPAREN, start, YYCURSOR, "("); }
        ")" { return finish(lexer, token_out, TK_RPAREN, start, YYCURSOR, ")"); }
        ";" { return finish(lexer, token_out, TK_SEMI, start, YYCURSOR, ";"); }
        ".." { return finish(lexer, token_out, TK_BAD, start, YYCURSOR, ".."); } /* PL/pgSQL's */
        "." { return finish(lexer, token_out, TK_DOT, start, YYCURSOR, "."); }
        "[" { return bracket_token(lexer, token_out, start); }
        "]" {
            lexer->bracket_depth -= lexer->bracket_depth > 0;
            return finish(lexer, token_out, TK_RBRACKET, start, YYCURSOR, "]");
        }
        [~!@#^&|`?+\-*/%<>=] { return operator_token(lexer, token_out, start); }
        * { return finish(lexer, token_out, TK_BAD, start, YYCURSOR, copy(lexer, start, YYCURSOR)); }
        */
    }
}
