/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "parser/lexer_string_private.h"
#include "parser/parser.h"

/*
 * Strings in two passes: find the end, then decode into arena memory. Decoding never makes a
 * string longer. Two strings with a line break between them are one string.
 */

static int32_t
offset_of(const struct lexer *lexer, const char *at)
{
    return (int32_t)(at - lexer->text);
}

static ky_status
fail(const struct lexer *lexer, enum ky_sqlstate sqlstate, const char *start, const char *end,
     const char *message)
{
    lexer_error(lexer, sqlstate, offset_of(lexer, start), offset_of(lexer, end), message);
    return KY_ERR;
}

/* After a closing quote: the first character of the string's next part, or NULL. */
static const char *
continuation(const char *at)
{
    bool has_newline = false;
    for (;;) {
        if (*at == '\n' || *at == '\r') {
            has_newline = true;
            at++;
        } else if (*at == ' ' || *at == '\t' || *at == '\f') {
            at++;
        } else if (at[0] == '-' && at[1] == '-') {
            while (*at != '\0' && *at != '\n' && *at != '\r') {
                at++;
            }
        } else {
            return has_newline && *at == '\'' ? at + 1 : NULL;
        }
    }
}

/* The closing quote of the last part, or NULL. *is_plain_out: nothing to decode. */
static const char *
string_end(const char *at, char quote, bool has_escapes, bool *is_plain_out)
{
    *is_plain_out = true;
    for (;; at++) {
        if (*at == '\0') {
            return NULL;
        }
        if (*at == '\\' && has_escapes) {
            *is_plain_out = false;
            at++;
            if (*at == '\0') {
                return NULL;
            }
        } else if (*at == quote) {
            if (at[1] == quote) {
                *is_plain_out = false;
                at++;
                continue;
            }
            const char *next = quote == '\'' ? continuation(at + 1) : NULL;
            if (next == NULL) {
                return at;
            }
            *is_plain_out = false;
            at = next - 1;
        }
    }
}

static char *
utf8_append(char *out, uint32_t code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | (code >> 6));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | (code >> 12));
        *out++ = (char)(0x80 | ((code >> 6) & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | (code >> 18));
        *out++ = (char)(0x80 | ((code >> 12) & 0x3f));
        *out++ = (char)(0x80 | ((code >> 6) & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Up to count hex digits at *at; how many were there. */
static int
read_hex(const char **at, int count, uint32_t *value_out)
{
    int seen = 0;
    *value_out = 0;
    while (seen < count && hex_digit(**at) >= 0) {
        *value_out = *value_out * 16 + (uint32_t)hex_digit(**at);
        (*at)++;
        seen++;
    }
    return seen;
}

struct decoder {
    struct lexer *lexer;
    char *out;
    uint32_t surrogate; /* first half of a pair, 0: none */
    bool has_raw_bytes; /* \x or \ooo: the result may not be UTF-8 */
};

/* One code point of \u, \U or U&; joins surrogate pairs. */
static ky_status
decode_code_point(struct decoder *decoder, uint32_t code, const char *start, const char *end)
{
    bool is_low = code >= 0xdc00 && code <= 0xdfff;
    bool is_high = code >= 0xd800 && code <= 0xdbff;
    if (is_low != (decoder->surrogate != 0)) {
        return fail(decoder->lexer, KY_SYNTAX_ERROR, start, end, "invalid Unicode surrogate pair");
    }
    if (is_high) {
        decoder->surrogate = code;
        return KY_OK;
    }
    if (is_low) {
        code = 0x10000 + ((decoder->surrogate - 0xd800) << 10) + (code - 0xdc00);
        decoder->surrogate = 0;
    }
    if (code == 0 || code > 0x10ffff) {
        return fail(decoder->lexer, KY_SYNTAX_ERROR, start, end, "invalid Unicode escape value");
    }
    decoder->out = utf8_append(decoder->out, code);
    return KY_OK;
}

/* *at is after the backslash of E'..'. */
static ky_status
decode_escape(struct decoder *decoder, const char **at)
{
    const char *start = *at - 1;
    char c = *(*at)++;
    uint32_t value = 0;
    if (c == 'u' || c == 'U') {
        int wanted = c == 'u' ? 4 : 8;
        if (read_hex(at, wanted, &value) != wanted) {
            (void)fail(decoder->lexer, KY_INVALID_ESCAPE_SEQUENCE, start, *at,
                       "invalid Unicode escape");
            ky_error_set(decoder->lexer->err, KY_INVALID_ESCAPE_SEQUENCE, "invalid Unicode escape");
            decoder->lexer->err->position = parser_position(ky_slice_cstr(decoder->lexer->text),
                                                            offset_of(decoder->lexer, start));
            return ky_error_hint(decoder->lexer->err,
                                 "Unicode escapes must be \\uXXXX or \\UXXXXXXXX.");
        }
        return decode_code_point(decoder, value, start, *at);
    }
    if (decoder->surrogate != 0) {
        return fail(decoder->lexer, KY_SYNTAX_ERROR, start, *at, "invalid Unicode surrogate pair");
    }
    if (c == 'x' && hex_digit(**at) >= 0) {
        (void)read_hex(at, 2, &value);
        *decoder->out++ = (char)value;
        decoder->has_raw_bytes = true;
        return KY_OK;
    }
    if (c >= '0' && c <= '7') {
        value = (uint32_t)(c - '0');
        for (int i = 0; i < 2 && **at >= '0' && **at <= '7'; i++) {
            value = value * 8 + (uint32_t)(*(*at)++ - '0');
        }
        *decoder->out++ = (char)(value & 0xff);
        decoder->has_raw_bytes = true;
        return KY_OK;
    }
    static const char letters[] = "bfnrt";
    static const char controls[] = "\b\f\n\r\t";
    const char *letter = strchr(letters, c);
    *decoder->out++ = letter != NULL && c != '\0' ? controls[letter - letters] : c;
    return KY_OK;
}

/* body up to end, the closing quote, as the quoting rules say. */
static ky_status
decode(struct lexer *lexer, const char *start, const char *body, const char *end, char quote,
       bool has_escapes, char *out, char **out_end)
{
    struct decoder decoder = {.lexer = lexer, .out = out};
    const char *at = body;
    while (at < end) {
        if (*at == '\\' && has_escapes) {
            at++;
            KY_TRY(decode_escape(&decoder, &at));
            continue;
        }
        if (decoder.surrogate != 0) {
            return fail(lexer, KY_SYNTAX_ERROR, at, at + 1, "invalid Unicode surrogate pair");
        }
        if (*at == quote && at[1] != quote) {
            at = continuation(at + 1);
            continue;
        }
        at += *at == quote;
        *decoder.out++ = *at++;
    }
    if (decoder.surrogate != 0) {
        return fail(lexer, KY_SYNTAX_ERROR, end, end + 1, "invalid Unicode surrogate pair");
    }
    if (decoder.has_raw_bytes) {
        (void)start;
        KY_TRY(lexer_check_utf8(out, (size_t)(decoder.out - out), lexer->err));
    }
    *out_end = decoder.out;
    return KY_OK;
}

/* U&: \XXXX and \+XXXXXX with the escape character given. In place: the text only shrinks. */
static ky_status
decode_unicode(struct lexer *lexer, const char *start, const char *end, char *text, char escape)
{
    struct decoder decoder = {.lexer = lexer, .out = text};
    const char *at = text;
    while (*at != '\0') {
        if (*at != escape || at[1] == escape) {
            if (decoder.surrogate != 0) {
                return fail(lexer, KY_SYNTAX_ERROR, start, end, "invalid Unicode surrogate pair");
            }
            at += *at == escape;
            *decoder.out++ = *at++;
            continue;
        }
        int32_t escape_offset = (int32_t)(at - text);
        at++;
        int wanted = *at == '+' ? 6 : 4;
        at += *at == '+';
        uint32_t value;
        if (read_hex(&at, wanted, &value) != wanted) {
            ky_error_set(lexer->err, KY_SYNTAX_ERROR, "invalid Unicode escape");
            lexer->err->position = parser_position(ky_slice_cstr(lexer->text),
                                                   offset_of(lexer, start) + 3 + escape_offset);
            return ky_error_hint(lexer->err, "Unicode escapes must be \\XXXX or \\+XXXXXX.");
        }
        KY_TRY(decode_code_point(&decoder, value, start, end));
    }
    if (decoder.surrogate != 0) {
        return fail(lexer, KY_SYNTAX_ERROR, start, end, "invalid Unicode surrogate pair");
    }
    *decoder.out = '\0';
    return KY_OK;
}

/* Looks for UESCAPE 'c' after a U& string; *end moves past it. */
static ky_status
read_uescape(struct lexer *lexer, const char **end, char *escape_out)
{
    *escape_out = '\\';
    struct lexer ahead = *lexer;
    ahead.cursor = *end;
    struct token token;
    int code = lexer_next(&ahead, &token);
    if (code <= 0 || strcmp(token.text, "uescape") != 0 || token.size != 7) {
        return KY_OK;
    }
    code = lexer_next(&ahead, &token);
    if (code == LEXER_FAILED) {
        return KY_ERR;
    }
    const char *start = lexer->text + token.location;
    if (*start != '\'') {
        return fail(lexer, KY_SYNTAX_ERROR, start, start + token.size,
                    "UESCAPE must be followed by a simple string literal");
    }
    char c = token.text[0];
    if (c == '\0' || token.text[1] != '\0' || hex_digit(c) >= 0 || c == '+' || c == '\'' ||
        c == '"' || strchr(" \t\n\r\f\v", c) != NULL) {
        return fail(lexer, KY_SYNTAX_ERROR, start, start + token.size,
                    "invalid Unicode escape character");
    }
    *escape_out = c;
    *end = ahead.cursor;
    return KY_OK;
}

static void
cut_name(char *text, size_t size)
{
    if (size > PARSER_NAME_SIZE_MAX) {
        size = PARSER_NAME_SIZE_MAX;
        while (((unsigned char)text[size] & 0xc0) == 0x80) {
            size--;
        }
        text[size] = '\0';
    }
}

static const char *
unterminated_message(enum lexer_string_type type)
{
    switch (type) {
    case LEXER_STRING_PLAIN:
    case LEXER_STRING_ESCAPE:
    case LEXER_STRING_UNICODE:
        return "unterminated quoted string";
    case LEXER_STRING_BIT:
        return "unterminated bit string literal";
    case LEXER_STRING_HEX:
        return "unterminated hexadecimal string literal";
    case LEXER_STRING_NAME:
    case LEXER_STRING_UNICODE_NAME:
        return "unterminated quoted identifier";
    }
    return "";
}

ky_status
lexer_string_scan(struct lexer *lexer, const char *start, const char *body,
                  enum lexer_string_type type, struct lexer_string *string_out)
{
    bool is_name = type == LEXER_STRING_NAME || type == LEXER_STRING_UNICODE_NAME;
    char quote = is_name ? '"' : '\'';
    bool has_escapes = type == LEXER_STRING_ESCAPE;
    bool is_plain;
    const char *end = string_end(body, quote, has_escapes, &is_plain);
    if (end == NULL) {
        return fail(lexer, KY_SYNTAX_ERROR, start, lexer->end, unterminated_message(type));
    }
    size_t size = (size_t)(end - body);
    char *text = ky_arena_alloc(lexer->arena, size + 1);
    char *text_end = text + size;
    if (is_plain) {
        memcpy(text, body, size);
    } else {
        KY_TRY(decode(lexer, start, body, end, quote, has_escapes, text, &text_end));
    }
    *text_end = '\0';
    end++;
    if (is_name && text_end == text) {
        return fail(lexer, KY_SYNTAX_ERROR, start, end, "zero-length delimited identifier");
    }
    if (type == LEXER_STRING_UNICODE || type == LEXER_STRING_UNICODE_NAME) {
        const char *string_end_at = end;
        char escape;
        KY_TRY(read_uescape(lexer, &end, &escape));
        KY_TRY(decode_unicode(lexer, start, string_end_at, text, escape));
        text_end = text + strlen(text);
    }
    if (is_name) {
        cut_name(text, (size_t)(text_end - text));
    }
    string_out->text = text;
    string_out->end = end;
    return KY_OK;
}

/* ---- UTF-8 ---- */

/* Size of the character at text, 0 if it is broken. */
static size_t
utf8_size(const unsigned char *text, size_t size)
{
    unsigned char first = text[0];
    size_t wanted = first < 0x80                    ? 1
                    : first >= 0xc2 && first < 0xe0 ? 2
                    : first >= 0xe0 && first < 0xf0 ? 3
                    : first >= 0xf0 && first < 0xf5 ? 4
                                                    : 0;
    if (wanted == 0 || wanted > size) {
        return 0;
    }
    for (size_t i = 1; i < wanted; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (first == 0xe0 && text[1] < 0xa0) || (first == 0xf0 && text[1] < 0x90);
    bool is_beyond = (first == 0xed && text[1] > 0x9f) || (first == 0xf4 && text[1] > 0x8f);
    return is_overlong || is_beyond ? 0 : wanted;
}

ky_status
lexer_check_utf8(const char *text, size_t size, struct ky_error *err)
{
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + size;
    while (at < end) {
        if (*at != 0 && *at < 0x80) {
            at++;
            continue;
        }
        size_t step = *at == 0 ? 0 : utf8_size(at, (size_t)(end - at));
        if (step == 0) {
            char bytes[32];
            size_t shown = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : *at < 0xf8 ? 4 : 1;
            int used = 0;
            for (size_t i = 0; i < shown && at + i < end; i++) {
                used += snprintf(bytes + used, sizeof(bytes) - (size_t)used, "%s0x%02x",
                                 i == 0 ? "" : " ", at[i]);
            }
            return ky_error_set(err, KY_CHARACTER_NOT_IN_REPERTOIRE,
                                "invalid byte sequence for encoding \"UTF8\": %s", bytes);
        }
        at += step;
    }
    return KY_OK;
}
