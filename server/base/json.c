/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Recursive descent over the bytes, with the depth counted. The same code checks and builds:
 * without an arena it makes no values and leaves escapes undecoded, which is what the json type
 * wants
 * ("\u0000" and lone surrogates are legal JSON text, though no text value can hold them).
 * Messages and details are PostgreSQL's, because people search for them.
 */

#include "server/base/json.h"

#include <stdio.h>

#include "server/base/assert.h"
#include "server/base/utf8.h"

enum { JSON_CONTEXT_SIZE_MAX = 50, JSON_TOKEN_SIZE_MAX = 100 };

struct json_reader {
    const char *start;
    const char *next;
    const char *end;
    struct ky_arena *arena; /* NULL: check only */
    struct ky_error *err;
    int depth;
};

static ky_status read_value(struct json_reader *reader, const char *expected,
                            struct json_value **value_out);

/* "JSON data, line 2: ...": what stands in the line up to the end of the bad token. */
static void
add_context(struct json_reader *reader, const char *token_end)
{
    const char *line_start = reader->start;
    int line = 1;
    for (const char *p = reader->start; p < token_end; p++) {
        if (*p == '\n') {
            line++;
            line_start = p + 1;
        }
    }
    const char *from = line_start;
    if (token_end - from > JSON_CONTEXT_SIZE_MAX) {
        from = token_end - JSON_CONTEXT_SIZE_MAX;
        while (from < token_end && ((uint8_t)*from & 0xc0) == 0x80) {
            from++;
        }
    }
    const char *tail =
        token_end < reader->end && *token_end != '\n' && *token_end != '\r' ? "..." : "";
    (void)ky_error_context(reader->err, "JSON data, line %d: %s%.*s%s", line,
                           from > line_start ? "..." : "", (int)(token_end - from), from, tail);
}

static ky_status
fail(struct json_reader *reader, const char *token_end, const char *detail)
{
    (void)ky_error_set(reader->err, KY_INVALID_TEXT_REPRESENTATION,
                       "invalid input syntax for type json");
    (void)ky_error_detail(reader->err, "%s", detail);
    add_context(reader, token_end);
    return KY_ERR;
}

static bool
is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           ((uint8_t)c & 0x80) != 0;
}

static const char *
skip_word(const char *p, const char *end)
{
    while (p < end && is_word_byte(*p)) {
        p++;
    }
    return p;
}

static const char *
skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    return p;
}

/* The end of the number at p, or of what it would have been. */
static const char *
number_end(const char *p, const char *end, bool *is_valid_out)
{
    p += p < end && *p == '-';
    const char *digits = p;
    p = p < end && *p == '0' ? p + 1 : skip_digits(p, end);
    *is_valid_out = p > digits;
    if (p < end && *p == '.') {
        digits = p + 1;
        p = skip_digits(digits, end);
        *is_valid_out = *is_valid_out && p > digits;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        p += p < end && (*p == '+' || *p == '-');
        digits = p;
        p = skip_digits(digits, end);
        *is_valid_out = *is_valid_out && p > digits;
    }
    *is_valid_out = *is_valid_out && (p == end || !is_word_byte(*p));
    return skip_word(p, end);
}

/* The end of the token at p: a number, a word, or one character. */
static const char *
token_end_at(const struct json_reader *reader, const char *p)
{
    bool is_valid;
    if (p < reader->end && (*p == '-' || (*p >= '0' && *p <= '9'))) {
        return number_end(p, reader->end, &is_valid);
    }
    const char *end = skip_word(p, reader->end);
    return end == p && p < reader->end ? p + 1 : end;
}

/* Every character valid UTF-8? Error texts must not carry what the client cannot read. */
static size_t
valid_prefix_size(const char *text, size_t size)
{
    size_t valid = 0;
    while (valid < size) {
        size_t step = ky_utf8_sequence_size(text + valid, size - valid);
        if (step == 0) {
            break;
        }
        valid += step;
    }
    return valid;
}

/* form is `Expected ":", but found "%s".` split before and after the token. */
static ky_status
fail_token(struct json_reader *reader, const char *before, const char *after)
{
    if (reader->next == reader->end) {
        return fail(reader, reader->end, "The input string ended unexpectedly.");
    }
    const char *end = token_end_at(reader, reader->next);
    size_t size = valid_prefix_size(reader->next, (size_t)(end - reader->next));
    size = ky_utf8_cut(reader->next, size, JSON_TOKEN_SIZE_MAX);
    char detail[JSON_TOKEN_SIZE_MAX * 2];
    (void)snprintf(detail, sizeof(detail), "%s\"%.*s\"%s", before, (int)size, reader->next, after);
    return fail(reader, reader->next + size, detail);
}

/* Does the reader stand at a number or word that is none? */
static bool
is_invalid_token(const struct json_reader *reader)
{
    const char *p = reader->next;
    bool is_valid = true;
    if (p < reader->end && (*p == '-' || (*p >= '0' && *p <= '9'))) {
        (void)number_end(p, reader->end, &is_valid);
    } else if (p < reader->end && is_word_byte(*p)) {
        const struct ky_slice word = ky_slice(p, (size_t)(skip_word(p, reader->end) - p));
        is_valid =
            ky_slice_is(word, "null") || ky_slice_is(word, "true") || ky_slice_is(word, "false");
    } else if (p < reader->end) {
        is_valid = strchr("{}[]:,\"", *p) != NULL;
    }
    return !is_valid;
}

static ky_status
fail_expected(struct json_reader *reader, const char *expected)
{
    if (is_invalid_token(reader)) {
        return fail_token(reader, "Token ", " is invalid.");
    }
    char before[64];
    (void)snprintf(before, sizeof(before), "Expected %s, but found ", expected);
    return fail_token(reader, before, ".");
}

static ky_status
fail_invalid_token(struct json_reader *reader)
{
    return fail_token(reader, "Token ", " is invalid.");
}

static void
skip_space(struct json_reader *reader)
{
    while (reader->next < reader->end && (*reader->next == ' ' || *reader->next == '\t' ||
                                          *reader->next == '\n' || *reader->next == '\r')) {
        reader->next++;
    }
}

static bool
next_is(const struct json_reader *reader, char c)
{
    return reader->next < reader->end && *reader->next == c;
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

/* Four hexadecimal digits at p, which have been checked. */
static unsigned
hex_value(const char *p)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        value = value * 16 + (unsigned)hex_digit(p[i]);
    }
    return value;
}

/* Checks one escape; next stands on the backslash and is left behind the escape. */
static ky_status
check_escape(struct json_reader *reader)
{
    const char *p = reader->next + 1;
    if (p == reader->end) {
        reader->next = reader->end;
        return fail_invalid_token(reader);
    }
    if (*p != 'u') {
        if (*p == '\0' || strchr("\"\\/bfnrt", *p) == NULL) {
            size_t size = ky_utf8_sequence_size(p, (size_t)(reader->end - p));
            char detail[64];
            (void)snprintf(detail, sizeof(detail), "Escape sequence \"\\%.*s\" is invalid.",
                           (int)size, p);
            return fail(reader, p + size, detail);
        }
        reader->next = p + 1;
        return KY_OK;
    }
    p++;
    for (int i = 0; i < 4; i++, p++) {
        if (p == reader->end || hex_digit(*p) < 0) {
            return fail(reader, p, "\"\\u\" must be followed by four hexadecimal digits.");
        }
    }
    reader->next = p;
    return KY_OK;
}

/* Finds the closing quote; next stands behind the opening one and is left behind the closing one.
 */
static ky_status
check_string(struct json_reader *reader, bool *has_escape_out)
{
    *has_escape_out = false;
    while (reader->next < reader->end) {
        uint8_t c = (uint8_t)*reader->next;
        if (c == '"') {
            reader->next++;
            return KY_OK;
        }
        if (c == '\\') {
            *has_escape_out = true;
            KY_TRY(check_escape(reader));
        } else if (c < 0x20) {
            char detail[64];
            (void)snprintf(detail, sizeof(detail), "Character with value 0x%02x must be escaped.",
                           c);
            return fail(reader, reader->next, detail);
        } else if (c < 0x80) {
            reader->next++;
        } else {
            size_t size = ky_utf8_sequence_size(reader->next, (size_t)(reader->end - reader->next));
            if (size == 0) {
                return fail(reader, reader->next, "The string is not valid UTF-8.");
            }
            reader->next += size;
        }
    }
    return fail(reader, reader->end, "The input string ended unexpectedly.");
}

static char *
put_code_point(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
        return out;
    }
    if (code < 0x800) {
        *out++ = (char)(0xc0 | (code >> 6));
    } else {
        if (code < 0x10000) {
            *out++ = (char)(0xe0 | (code >> 12));
        } else {
            *out++ = (char)(0xf0 | (code >> 18));
            *out++ = (char)(0x80 | ((code >> 12) & 0x3f));
        }
        *out++ = (char)(0x80 | ((code >> 6) & 0x3f));
    }
    *out++ = (char)(0x80 | (code & 0x3f));
    return out;
}

/* Decodes the \u escape at p (and its second half); returns where the text goes on, or NULL. */
static const char *
decode_unicode(struct json_reader *reader, const char *p, const char *end, char **out)
{
    unsigned code = hex_value(p + 2);
    const char *after = p + 6;
    if (code == 0) {
        (void)ky_error_set(reader->err, KY_UNTRANSLATABLE_CHARACTER,
                           "unsupported Unicode escape sequence");
        (void)ky_error_detail(reader->err, "\\u0000 cannot be converted to text.");
        add_context(reader, after);
        return NULL;
    }
    if (code >= 0xdc00 && code <= 0xdfff) {
        (void)fail(reader, after, "Unicode low surrogate must follow a high surrogate.");
        return NULL;
    }
    if (code >= 0xd800 && code <= 0xdbff) {
        unsigned low =
            end - after >= 6 && after[0] == '\\' && after[1] == 'u' ? hex_value(after + 2) : 0;
        if (low >= 0xd800 && low <= 0xdbff) {
            (void)fail(reader, after + 6,
                       "Unicode high surrogate must not follow a high surrogate.");
            return NULL;
        }
        if (low < 0xdc00 || low > 0xdfff) {
            (void)fail(reader, after, "Unicode low surrogate must follow a high surrogate.");
            return NULL;
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        after += 6;
    }
    *out = put_code_point(*out, code);
    return after;
}

static char
simple_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* Decoded text is never longer than its escapes. */
static ky_status
decode_string(struct json_reader *reader, const char *p, const char *end, struct ky_slice *text_out)
{
    char *text = (char *)ky_arena_alloc(reader->arena, (size_t)(end - p));
    char *out = text;
    while (p < end) {
        if (*p != '\\') {
            *out++ = *p++;
        } else if (p[1] == 'u') {
            p = decode_unicode(reader, p, end, &out);
            if (p == NULL) {
                return KY_ERR;
            }
        } else {
            *out++ = simple_escape(p[1]);
            p += 2;
        }
    }
    *text_out = ky_slice(text, (size_t)(out - text));
    return KY_OK;
}

static ky_status
read_string(struct json_reader *reader, struct ky_slice *text_out)
{
    const char *text = ++reader->next;
    bool has_escape = false;
    KY_TRY(check_string(reader, &has_escape));
    const char *end = reader->next - 1;
    if (reader->arena == NULL) {
        return KY_OK;
    }
    if (has_escape) {
        return decode_string(reader, text, end, text_out);
    }
    *text_out = ky_slice_dup(reader->arena, ky_slice(text, (size_t)(end - text)));
    return KY_OK;
}

static ky_status
read_number(struct json_reader *reader, struct ky_slice *text_out)
{
    bool is_valid;
    const char *end = number_end(reader->next, reader->end, &is_valid);
    if (!is_valid) {
        return fail_invalid_token(reader);
    }
    struct ky_slice text = ky_slice(reader->next, (size_t)(end - reader->next));
    reader->next = end;
    if (reader->arena != NULL) {
        *text_out = ky_slice_dup(reader->arena, text);
    }
    return KY_OK;
}

static ky_status
read_word(struct json_reader *reader, enum json_kind *kind_out)
{
    const char *end = token_end_at(reader, reader->next);
    struct ky_slice word = ky_slice(reader->next, (size_t)(end - reader->next));
    if (ky_slice_is(word, "null")) {
        *kind_out = JSON_NULL;
    } else if (ky_slice_is(word, "true")) {
        *kind_out = JSON_TRUE;
    } else if (ky_slice_is(word, "false")) {
        *kind_out = JSON_FALSE;
    } else {
        return fail_invalid_token(reader);
    }
    reader->next = end;
    return KY_OK;
}

static ky_status
enter(struct json_reader *reader)
{
    if (++reader->depth > JSON_DEPTH_MAX) {
        return ky_error_set(reader->err, KY_STATEMENT_TOO_COMPLEX,
                            "JSON value is nested deeper than %d levels", JSON_DEPTH_MAX);
    }
    reader->next++;
    skip_space(reader);
    return KY_OK;
}

/* One member or element with what separates it from the next; *is_last_out after the closing one.
 */
static ky_status
read_child(struct json_reader *reader, bool is_object, const char *expected,
           struct json_value **child_out)
{
    struct ky_slice key = {NULL, 0};
    if (is_object) {
        skip_space(reader);
        if (!next_is(reader, '"')) {
            return fail_expected(reader, expected);
        }
        KY_TRY(read_string(reader, &key));
        skip_space(reader);
        if (!next_is(reader, ':')) {
            return fail_expected(reader, "\":\"");
        }
        reader->next++;
        expected = "JSON value";
    }
    KY_TRY(read_value(reader, expected, child_out));
    if (*child_out != NULL) {
        (*child_out)->key = key;
    }
    skip_space(reader);
    return KY_OK;
}

static ky_status
read_children(struct json_reader *reader, bool is_object, struct json_value *parent)
{
    char close = is_object ? '}' : ']';
    const char *first_expected = is_object ? "string or \"}\"" : "array element or \"]\"";
    const char *next_expected = is_object ? "\",\" or \"}\"" : "\",\" or \"]\"";
    KY_TRY(enter(reader));
    struct json_value **place = parent != NULL ? &parent->first : NULL;
    for (bool is_first = true; !next_is(reader, close) || !is_first; is_first = false) {
        struct json_value *child = NULL;
        const char *later = is_object ? "string" : "JSON value";
        KY_TRY(read_child(reader, is_object, is_first ? first_expected : later, &child));
        if (parent != NULL) {
            *place = child;
            place = &child->next;
            parent->count++;
        }
        if (next_is(reader, close)) {
            break;
        }
        if (!next_is(reader, ',')) {
            return fail_expected(reader, next_expected);
        }
        reader->next++;
    }
    reader->next++;
    reader->depth--;
    return KY_OK;
}

static ky_status
read_value(struct json_reader *reader, const char *expected, struct json_value **value_out)
{
    skip_space(reader);
    if (reader->next == reader->end) {
        return fail_expected(reader, expected);
    }
    struct json_value *value = NULL;
    if (reader->arena != NULL) {
        value = ky_arena_new(reader->arena, struct json_value);
    }
    enum json_kind kind = JSON_NULL;
    struct ky_slice text = {NULL, 0};
    char c = *reader->next;
    if (c == '{' || c == '[') {
        kind = c == '{' ? JSON_OBJECT : JSON_ARRAY;
        KY_TRY(read_children(reader, c == '{', value));
    } else if (c == '"') {
        kind = JSON_STRING;
        KY_TRY(read_string(reader, &text));
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        kind = JSON_NUMBER;
        KY_TRY(read_number(reader, &text));
    } else if (c == '}' || c == ']' || c == ',' || c == ':') {
        return fail_expected(reader, expected);
    } else {
        KY_TRY(read_word(reader, &kind));
    }
    if (value != NULL) {
        value->kind = kind;
        value->text = text;
        *value_out = value;
    }
    return KY_OK;
}

static ky_status
read_all(struct ky_arena *arena, struct ky_slice text, struct json_value **value_out,
         struct ky_error *err)
{
    const char *start = text.size > 0 ? (const char *)text.data : "";
    struct json_reader reader = {start, start, start + text.size, arena, err, 0};
    KY_TRY(read_value(&reader, "JSON value", value_out));
    skip_space(&reader);
    if (reader.next < reader.end) {
        return fail_expected(&reader, "end of input");
    }
    return KY_OK;
}

ky_status
json_parse(struct ky_arena *arena, struct ky_slice text, struct json_value **value_out,
           struct ky_error *err)
{
    KY_ASSERT(arena != NULL);
    struct json_value *value = NULL;
    KY_TRY(read_all(arena, text, &value, err));
    *value_out = value;
    return KY_OK;
}

ky_status
json_validate(struct ky_slice text, struct ky_error *err)
{
    struct json_value *none = NULL;
    return read_all(NULL, text, &none, err);
}

const struct json_value *
json_get(const struct json_value *object, const char *key)
{
    const struct json_value *found = NULL;
    if (object == NULL || object->kind != JSON_OBJECT) {
        return NULL;
    }
    for (const struct json_value *child = object->first; child != NULL; child = child->next) {
        if (ky_slice_is(child->key, key)) {
            found = child;
        }
    }
    return found;
}

static void
write_escaped(struct ky_buffer *out, uint8_t c)
{
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (c < sizeof(letters) && letters[c] != '\0') {
        ky_buffer_append_byte(out, '\\');
        ky_buffer_append_byte(out, (uint8_t)letters[c]);
    } else {
        ky_buffer_printf(out, "\\u%04x", c);
    }
}

void
json_write_string(struct ky_buffer *out, struct ky_slice text)
{
    const char *p = text.size > 0 ? (const char *)text.data : "";
    const char *end = p + text.size;
    ky_buffer_append_byte(out, '"');
    while (p < end) {
        const char *run = p;
        size_t step = 0;
        while (p < end && (uint8_t)*p >= 0x20 && *p != '"' && *p != '\\' &&
               (step = ky_utf8_sequence_size(p, (size_t)(end - p))) > 0) {
            p += step;
        }
        ky_buffer_append(out, run, (size_t)(p - run));
        if (p == end) {
            break;
        }
        if (((uint8_t)*p & 0x80) != 0) {
            ky_buffer_append_cstr(out, "\xef\xbf\xbd"); /* U+FFFD for a byte that is no UTF-8 */
        } else {
            write_escaped(out, (uint8_t)*p);
        }
        p++;
    }
    ky_buffer_append_byte(out, '"');
}

static void
write_value(struct ky_buffer *out, const struct json_value *value, int depth)
{
    switch (value->kind) {
    case JSON_NULL:
        ky_buffer_append_cstr(out, "null");
        break;
    case JSON_FALSE:
        ky_buffer_append_cstr(out, "false");
        break;
    case JSON_TRUE:
        ky_buffer_append_cstr(out, "true");
        break;
    case JSON_NUMBER:
        ky_buffer_append_slice(out, value->text);
        break;
    case JSON_STRING:
        json_write_string(out, value->text);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        KY_ASSERT(depth < JSON_DEPTH_MAX);
        ky_buffer_append_byte(out, value->kind == JSON_ARRAY ? '[' : '{');
        for (const struct json_value *child = value->first; child != NULL; child = child->next) {
            if (child != value->first) {
                ky_buffer_append_byte(out, ',');
            }
            if (value->kind == JSON_OBJECT) {
                json_write_string(out, child->key);
                ky_buffer_append_byte(out, ':');
            }
            write_value(out, child, depth + 1);
        }
        ky_buffer_append_byte(out, value->kind == JSON_ARRAY ? ']' : '}');
        break;
    }
}

void
json_write_value(struct ky_buffer *out, const struct json_value *value)
{
    write_value(out, value, 0);
}
