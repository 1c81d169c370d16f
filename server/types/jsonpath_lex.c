/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of SQL/JSON paths. A name ends at a blank, a quote or one of the special characters;
 * escapes are those of JavaScript, in names as in strings. Messages name the last piece that was
 * looked at, which for a string is its closing quote and for a name the blank behind it.
 */
#include <strings.h>

#include "server/base/utf8.h"
#include "server/types/jsonpath_private.h"
#include "server/types/types_private.h"

static const struct keyword {
    const char *text;
    enum jsonpath_token token;
    bool is_lower_case; /* in capitals it is a name */
} keywords[] = {
    {"is", TOKEN_KEYWORD_IS, false},
    {"to", TOKEN_KEYWORD_TO, false},
    {"abs", TOKEN_KEYWORD_ABS, false},
    {"lax", TOKEN_KEYWORD_LAX, false},
    {"flag", TOKEN_KEYWORD_FLAG, false},
    {"last", TOKEN_KEYWORD_LAST, false},
    {"null", TOKEN_KEYWORD_NULL, true},
    {"size", TOKEN_KEYWORD_SIZE, false},
    {"true", TOKEN_KEYWORD_TRUE, true},
    {"type", TOKEN_KEYWORD_TYPE, false},
    {"with", TOKEN_KEYWORD_WITH, false},
    {"false", TOKEN_KEYWORD_FALSE, true},
    {"floor", TOKEN_KEYWORD_FLOOR, false},
    {"double", TOKEN_KEYWORD_DOUBLE, false},
    {"exists", TOKEN_KEYWORD_EXISTS, false},
    {"starts", TOKEN_KEYWORD_STARTS, false},
    {"strict", TOKEN_KEYWORD_STRICT, false},
    {"ceiling", TOKEN_KEYWORD_CEILING, false},
    {"unknown", TOKEN_KEYWORD_UNKNOWN, false},
    {"datetime", TOKEN_KEYWORD_DATETIME, false},
    {"keyvalue", TOKEN_KEYWORD_KEYVALUE, false},
    {"like_regex", TOKEN_KEYWORD_LIKE_REGEX, false},
};

ky_status
jsonpath_error_near(const struct jsonpath_lexer *lexer, const char *what, struct ky_error *err)
{
    if (lexer->near.size == 0) {
        return ky_error_set(err, KY_SYNTAX_ERROR, "%s at end of jsonpath input", what);
    }
    const size_t size = ky_utf8_cut(lexer->near.data, lexer->near.size, KY_ERROR_NAME_SIZE);
    return ky_error_set(err, KY_SYNTAX_ERROR, "%s at or near \"%.*s\" of jsonpath input", what,
                        (int)size, (const char *)lexer->near.data);
}

static ky_status
error_at(struct jsonpath_lexer *lexer, const char *what, const char *from, const char *to,
         struct ky_error *err)
{
    lexer->near = ky_slice(from, (size_t)(to - from));
    return jsonpath_error_near(lexer, what, err);
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool
is_special(char c)
{
    return c != '\0' && strchr("?%$.[]{}()|&!=<>@#,*:-+/", c) != NULL;
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Part of a name or of a number's tail: nothing that ends one. */
static bool
is_other(char c)
{
    return !is_special(c) && !is_blank(c) && c != '\\' && c != '"';
}

static char
at(const struct jsonpath_lexer *lexer, size_t ahead)
{
    return ahead < (size_t)(lexer->end - lexer->place) ? lexer->place[ahead] : '\0';
}

static bool
is_at(const struct jsonpath_lexer *lexer, const char *text)
{
    const size_t size = strlen(text);
    return (size_t)(lexer->end - lexer->place) >= size && memcmp(lexer->place, text, size) == 0;
}

static int
hex_digit(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
put_character(struct ky_buffer *text, uint32_t c)
{
    if (c < 0x80) {
        ky_buffer_append_byte(text, (uint8_t)c);
    } else if (c < 0x800) {
        ky_buffer_append_byte(text, (uint8_t)(0xc0 | c >> 6));
        ky_buffer_append_byte(text, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        ky_buffer_append_byte(text, (uint8_t)(0xe0 | c >> 12));
        ky_buffer_append_byte(text, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        ky_buffer_append_byte(text, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        ky_buffer_append_byte(text, (uint8_t)(0xf0 | c >> 18));
        ky_buffer_append_byte(text, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        ky_buffer_append_byte(text, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        ky_buffer_append_byte(text, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

static ky_status
decode_character(struct ky_buffer *text, uint32_t c, struct ky_error *err)
{
    if (c == 0) {
        ky_error_set(err, KY_UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence");
        return ky_error_detail(err, "\\u0000 cannot be converted to text.");
    }
    if (c > 0x10ffff) {
        return ky_error_set(err, KY_SYNTAX_ERROR, "invalid Unicode code point");
    }
    put_character(text, c);
    return KY_OK;
}

static ky_status
error_surrogate(const char *which, struct ky_error *err)
{
    ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type jsonpath");
    return ky_error_detail(err, "Unicode %s surrogate must %sfollow a high surrogate.", which,
                           which[0] == 'h' ? "not " : "");
}

/* \uXXXX or \u{X..}, the digits from place on; moves past them. False when they are wrong. */
static bool
read_unicode(struct jsonpath_lexer *lexer, uint32_t *c)
{
    const bool is_braced = at(lexer, 0) == '{';
    const int digits_max = is_braced ? 6 : 4;
    int digits = 0;
    *c = 0;
    lexer->place += is_braced;
    while (digits < digits_max && hex_digit(at(lexer, 0)) >= 0) {
        *c = *c * 16 + (uint32_t)hex_digit(*lexer->place++);
        digits++;
    }
    if (!is_braced) {
        return digits == 4;
    }
    if (digits == 0 || at(lexer, 0) != '}') {
        return false;
    }
    lexer->place++;
    return true;
}

/* A run of \u escapes, which may hold surrogate pairs. place is at the first backslash. */
static ky_status
read_unicode_run(struct jsonpath_lexer *lexer, struct ky_buffer *text, struct ky_error *err)
{
    const char *start = lexer->place;
    uint32_t high = 0;
    while (is_at(lexer, "\\u")) {
        uint32_t c;
        lexer->place += 2;
        if (!read_unicode(lexer, &c)) {
            return error_at(lexer, "invalid unicode sequence", start, lexer->place, err);
        }
        if (c >= 0xd800 && c < 0xdc00) {
            if (high != 0) {
                return error_surrogate("high", err);
            }
            high = c;
            continue;
        }
        const bool is_low = c >= 0xdc00 && c < 0xe000;
        if (is_low != (high != 0)) {
            return error_surrogate("low", err);
        }
        if (is_low) {
            c = 0x10000 + ((high - 0xd800) << 10) + (c - 0xdc00);
            high = 0;
        }
        KY_TRY(decode_character(text, c, err));
    }
    return high != 0 ? error_surrogate("low", err) : KY_OK;
}

static ky_status
read_hex(struct jsonpath_lexer *lexer, struct ky_buffer *text, struct ky_error *err)
{
    const char *start = lexer->place;
    const int high = hex_digit(at(lexer, 2));
    const int low = high < 0 ? -1 : hex_digit(at(lexer, 3));
    if (low < 0) {
        return error_at(lexer, "invalid hex character sequence", start, start + (high < 0 ? 2 : 3),
                        err);
    }
    lexer->place += 4;
    return decode_character(text, (uint32_t)(high * 16 + low), err);
}

/* place is at a backslash. */
static ky_status
read_escape(struct jsonpath_lexer *lexer, struct ky_buffer *text, struct ky_error *err)
{
    static const char letters[] = "bfnrtv";
    static const char meanings[] = "\b\f\n\r\t\v";
    const char c = at(lexer, 1);
    if (c == 'u') {
        return read_unicode_run(lexer, text, err);
    }
    if (c == 'x') {
        return read_hex(lexer, text, err);
    }
    if (lexer->place + 1 >= lexer->end || c == '\n') {
        return error_at(lexer, "unexpected end after backslash", lexer->place, lexer->place + 1,
                        err);
    }
    const char *letter = c == '\0' ? NULL : strchr(letters, c);
    ky_buffer_append_byte(text, (uint8_t)(letter == NULL ? c : meanings[letter - letters]));
    lexer->place += 2;
    return KY_OK;
}

static void
take_text(struct jsonpath_lexer *lexer, struct ky_buffer *text)
{
    lexer->text = ky_slice_dup(lexer->arena, ky_buffer_slice(text));
    ky_buffer_deinit(text);
}

/* A name; without escapes the longest run of its characters. */
static ky_status
read_name(struct jsonpath_lexer *lexer, struct ky_error *err)
{
    struct ky_buffer text = {0};
    while (lexer->place < lexer->end && (is_other(*lexer->place) || *lexer->place == '\\')) {
        if (*lexer->place != '\\') {
            ky_buffer_append_byte(&text, (uint8_t)*lexer->place++);
        } else if (read_escape(lexer, &text, err) != KY_OK) {
            ky_buffer_deinit(&text);
            return KY_ERR;
        }
    }
    const char *blank = lexer->place;
    while (lexer->place < lexer->end && is_blank(*lexer->place)) {
        lexer->place++;
    }
    lexer->near = ky_slice(blank, (size_t)(lexer->place - blank));
    take_text(lexer, &text);
    lexer->token = TOKEN_NAME;
    for (size_t i = 0; i < KY_COUNT_OF(keywords); i++) {
        const struct keyword *keyword = &keywords[i];
        const size_t size = strlen(keyword->text);
        const char *name = lexer->text.data;
        if (lexer->text.size == size &&
            (keyword->is_lower_case ? memcmp(name, keyword->text, size) == 0
                                    : strncasecmp(name, keyword->text, size) == 0)) {
            lexer->token = keyword->token;
        }
    }
    return KY_OK;
}

/* From behind the opening quote to the closing one. */
static ky_status
read_string(struct jsonpath_lexer *lexer, enum jsonpath_token token, struct ky_error *err)
{
    struct ky_buffer text = {0};
    while (lexer->place < lexer->end && *lexer->place != '"') {
        if (*lexer->place != '\\') {
            ky_buffer_append_byte(&text, (uint8_t)*lexer->place++);
        } else if (read_escape(lexer, &text, err) != KY_OK) {
            ky_buffer_deinit(&text);
            return KY_ERR;
        }
    }
    if (lexer->place >= lexer->end) {
        ky_buffer_deinit(&text);
        return error_at(lexer, "unexpected end of quoted string", lexer->end, lexer->end, err);
    }
    lexer->near = ky_slice(lexer->place++, 1);
    take_text(lexer, &text);
    lexer->token = token;
    return KY_OK;
}

static void
skip_digits(struct jsonpath_lexer *lexer)
{
    while (is_digit(at(lexer, 0))) {
        lexer->place++;
    }
}

static ky_status
read_number(struct jsonpath_lexer *lexer, struct ky_error *err)
{
    const char *start = lexer->place;
    lexer->token = TOKEN_INTEGER;
    if (*start == '0') {
        lexer->place++; /* a digit behind it is junk */
    } else {
        skip_digits(lexer);
    }
    if (at(lexer, 0) == '.') {
        lexer->token = TOKEN_DECIMAL;
        lexer->place++;
        skip_digits(lexer);
    }
    if ((at(lexer, 0) | 0x20) == 'e') {
        const bool has_sign = at(lexer, 1) == '-' || at(lexer, 1) == '+';
        if (is_digit(at(lexer, has_sign ? 2 : 1))) {
            lexer->token = TOKEN_DECIMAL;
            lexer->place += has_sign ? 2 : 1;
            skip_digits(lexer);
        } else if (has_sign) {
            return error_at(lexer, "invalid numeric literal", start, lexer->place + 2, err);
        }
    }
    if (lexer->place < lexer->end && is_other(*lexer->place)) {
        const size_t size =
            ky_utf8_sequence_size(lexer->place, (size_t)(lexer->end - lexer->place));
        return error_at(lexer, "trailing junk after numeric literal", start,
                        lexer->place + (size == 0 ? 1 : size), err);
    }
    lexer->near = lexer->text = ky_slice(start, (size_t)(lexer->place - start));
    return KY_OK;
}

static ky_status
skip_blanks(struct jsonpath_lexer *lexer, struct ky_error *err)
{
    while (lexer->place < lexer->end) {
        if (is_blank(*lexer->place)) {
            lexer->place++;
        } else if (is_at(lexer, "/*")) {
            const size_t left = (size_t)(lexer->end - lexer->place);
            const char *close = memmem(lexer->place + 2, left - 2, "*/", 2);
            if (close == NULL) {
                return error_at(lexer, "unexpected end of comment", lexer->end, lexer->end, err);
            }
            lexer->place = close + 2;
        } else {
            break;
        }
    }
    return KY_OK;
}

static void
read_operator(struct jsonpath_lexer *lexer)
{
    static const struct {
        char text[3];
        enum jsonpath_token token;
    } operators[] = {
        {"&&", TOKEN_AND},        {"||", TOKEN_OR},
        {"**", TOKEN_ANY_LEVEL},  {"==", TOKEN_EQUAL},
        {"<>", TOKEN_NOT_EQUAL},  {"!=", TOKEN_NOT_EQUAL},
        {"<=", TOKEN_LESS_EQUAL}, {">=", TOKEN_GREATER_EQUAL},
    };
    size_t size = 1;
    lexer->token = TOKEN_CHARACTER;
    lexer->character = *lexer->place;
    for (size_t i = 0; i < KY_COUNT_OF(operators); i++) {
        if (is_at(lexer, operators[i].text)) {
            lexer->token = operators[i].token;
            size = 2;
        }
    }
    lexer->near = ky_slice(lexer->place, size);
    lexer->place += size;
}

ky_status
jsonpath_next(struct jsonpath_lexer *lexer, struct ky_error *err)
{
    KY_TRY(skip_blanks(lexer, err));
    lexer->near = ky_slice(lexer->place, 0);
    if (lexer->place >= lexer->end) {
        lexer->token = TOKEN_END;
        return KY_OK;
    }
    const char c = *lexer->place;
    if (c == '"') {
        lexer->place++;
        return read_string(lexer, TOKEN_STRING, err);
    }
    if (c == '$' && at(lexer, 1) == '"') {
        lexer->place += 2;
        return read_string(lexer, TOKEN_VARIABLE, err);
    }
    if (c == '$' && lexer->place + 1 < lexer->end && is_other(lexer->place[1])) {
        const char *start = lexer->place++;
        while (lexer->place < lexer->end && is_other(*lexer->place)) {
            lexer->place++;
        }
        lexer->near = ky_slice(start, (size_t)(lexer->place - start));
        lexer->text = ky_slice(start + 1, (size_t)(lexer->place - start) - 1);
        lexer->token = TOKEN_VARIABLE;
        return KY_OK;
    }
    if (is_digit(c) || (c == '.' && is_digit(at(lexer, 1)))) {
        return read_number(lexer, err);
    }
    if (is_special(c)) {
        read_operator(lexer);
        return KY_OK;
    }
    return read_name(lexer, err);
}
