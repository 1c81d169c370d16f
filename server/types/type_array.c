/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Array text `[2:3]={1,"a b",NULL}` and PostgreSQL's binary form. The parser walks nested braces
 * once, gathers the elements in row-major order and learns the size of each dimension from the
 * first sub-array it closes; later ones must agree.
 */
#include <ctype.h>
#include <limits.h>
#include <strings.h>

#include "server/types/array.h"
#include "server/types/number_text.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"

enum { ELEMENTS_MAX = 134217727 };

struct array_parser {
    const struct type *element;
    const struct type_context *context;
    struct ky_slice text;
    const char *p;
    const char *end;
    int32_t typmod;
    int dimension_count;                /* 0 until the first element */
    int32_t size[ARRAY_DIMENSIONS_MAX]; /* -1 until known */
    int32_t lower[ARRAY_DIMENSIONS_MAX];
    char *scratch;        /* one element without quotes and backslashes; as large as the text */
    struct datum *values; /* in the arena */
    uint32_t count;
    uint32_t capacity;
};

static KY_COLD ky_status
malformed(const struct array_parser *parser, struct ky_error *err, const char *detail)
{
    ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION, "malformed array literal: \"%.*s\"",
                 (int)utf8_cut(parser->text, 400),
                 parser->text.size == 0 ? "" : (const char *)parser->text.data);
    return ky_error_detail(err, "%s", detail);
}

static void
skip_space(struct array_parser *parser)
{
    while (parser->p < parser->end && type_is_space(*parser->p)) {
        parser->p++;
    }
}

static ky_status
too_many_dimensions(int count, struct ky_error *err)
{
    return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                        "number of array dimensions (%d) exceeds the maximum allowed (%d)", count,
                        ARRAY_DIMENSIONS_MAX);
}

static ky_status
too_large(struct ky_error *err)
{
    return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                        "array size exceeds the maximum allowed (%d)", ELEMENTS_MAX);
}

static ky_status
add_element(struct array_parser *parser, struct datum value, struct ky_error *err)
{
    if (parser->count == parser->capacity) {
        if (parser->count >= ELEMENTS_MAX) {
            return too_large(err);
        }
        uint32_t capacity = parser->capacity == 0 ? 16 : parser->capacity * 2;
        struct datum *grown =
            ky_arena_alloc(parser->context->arena, capacity * sizeof(struct datum));
        if (parser->count > 0) {
            memcpy(grown, parser->values, parser->count * sizeof(struct datum));
        }
        parser->values = grown;
        parser->capacity = capacity;
    }
    parser->values[parser->count++] = value;
    return KY_OK;
}

/* One element, quoted or not, up to the delimiter or brace behind it. */
static ky_status
parse_element(struct array_parser *parser, struct ky_error *err)
{
    char *copy = parser->scratch;
    size_t size = 0;
    size_t size_kept = 0; /* without blanks at the end, unless escaped */
    bool is_plain = true;
    bool is_quoted = *parser->p == '"';
    if (is_quoted) {
        is_plain = false;
        parser->p++;
    }
    for (;; parser->p++) {
        if (parser->p == parser->end) {
            return malformed(parser, err, "Unexpected end of input.");
        }
        char c = *parser->p;
        if (c == '\\') {
            if (++parser->p == parser->end) {
                return malformed(parser, err, "Unexpected end of input.");
            }
            is_plain = false;
            copy[size++] = *parser->p;
            size_kept = size;
        } else if (is_quoted && c == '"') {
            parser->p++;
            break;
        } else if (!is_quoted && (c == parser->element->delimiter || c == '}')) {
            break;
        } else if (!is_quoted && c == '"') {
            return malformed(parser, err, "Unexpected array element.");
        } else if (!is_quoted && c == '{') {
            return malformed(parser, err, "Unexpected \"{\" character.");
        } else {
            copy[size++] = c;
            size_kept = is_quoted || !type_is_space(c) ? size : size_kept;
        }
    }
    struct datum value = datum_null();
    if (!is_plain || size_kept != 4 || strncasecmp(copy, "null", 4) != 0) {
        KY_TRY(parser->element->input(parser->element, parser->context, ky_slice(copy, size_kept),
                                      parser->typmod, &value, err));
    }
    return add_element(parser, value, err);
}

static ky_status
close_level(struct array_parser *parser, int depth, int32_t size, struct ky_error *err)
{
    if (parser->size[depth] >= 0 && parser->size[depth] != size) {
        return malformed(parser, err,
                         "Multidimensional arrays must have sub-arrays with matching dimensions.");
    }
    parser->size[depth] = size;
    return KY_OK;
}

/* From '{' to the matching '}'. */
static ky_status
parse_level(struct array_parser *parser, int depth, struct ky_error *err)
{
    if (depth == ARRAY_DIMENSIONS_MAX) {
        return too_many_dimensions(depth + 1, err);
    }
    parser->p++;
    int32_t size = 0;
    for (;;) {
        skip_space(parser);
        if (parser->p == parser->end) {
            return malformed(parser, err, "Unexpected end of input.");
        }
        if (*parser->p == '}' && size == 0 && depth == 0) {
            parser->p++;
            return close_level(parser, depth, size, err);
        }
        if (*parser->p == '{') {
            if (parser->dimension_count > 0 && depth + 1 >= parser->dimension_count) {
                return malformed(parser, err, "Unexpected \"{\" character.");
            }
            KY_TRY(parse_level(parser, depth + 1, err));
        } else if (*parser->p == '}') {
            return malformed(parser, err, "Unexpected \"}\" character.");
        } else if (*parser->p == parser->element->delimiter) {
            char detail[] = "Unexpected \"?\" character.";
            detail[12] = parser->element->delimiter;
            return malformed(parser, err, detail);
        } else {
            if (parser->dimension_count == 0) {
                parser->dimension_count = depth + 1;
            }
            if (parser->dimension_count != depth + 1) {
                return malformed(parser, err, "Unexpected array element.");
            }
            KY_TRY(parse_element(parser, err));
        }
        size++;
        skip_space(parser);
        if (parser->p == parser->end) {
            return malformed(parser, err, "Unexpected end of input.");
        }
        if (*parser->p == '}') {
            parser->p++;
            return close_level(parser, depth, size, err);
        }
        if (*parser->p != parser->element->delimiter) {
            return malformed(parser, err, "Unexpected array element.");
        }
        parser->p++;
    }
}

static bool
parse_bound(struct array_parser *parser, int32_t *out)
{
    const char *start = parser->p;
    while (parser->p < parser->end &&
           (isdigit((unsigned char)*parser->p) ||
            (parser->p == start && (*parser->p == '-' || *parser->p == '+')))) {
        parser->p++;
    }
    int64_t value;
    if (number_parse_int(ky_slice(start, (size_t)(parser->p - start)), INT32_MIN, INT32_MAX,
                         &value) != NUMBER_OK) {
        return false;
    }
    *out = (int32_t)value;
    return true;
}

/* "[1:2][0:5]=" before the braces. */
static ky_status
parse_bounds(struct array_parser *parser, int32_t *size, int *count_out, struct ky_error *err)
{
    int count = 0;
    for (skip_space(parser); parser->p < parser->end && *parser->p == '['; skip_space(parser)) {
        if (count == ARRAY_DIMENSIONS_MAX) {
            return too_many_dimensions(count + 1, err);
        }
        parser->p++;
        int32_t lower = 1;
        int32_t upper;
        if (!parse_bound(parser, &upper)) {
            return malformed(parser, err,
                             "\"[\" must introduce explicitly-specified array dimensions.");
        }
        if (parser->p < parser->end && *parser->p == ':') {
            parser->p++;
            lower = upper;
            if (!parse_bound(parser, &upper)) {
                return malformed(parser, err, "Missing array dimension value.");
            }
        }
        if (parser->p == parser->end || *parser->p != ']') {
            return malformed(parser, err, "Missing \"]\" after array dimensions.");
        }
        parser->p++;
        if (upper < lower) {
            return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR,
                                "upper bound cannot be less than lower bound");
        }
        if ((int64_t)upper - lower >= ELEMENTS_MAX || upper == INT32_MAX) {
            return too_large(err);
        }
        parser->lower[count] = lower;
        size[count++] = upper - lower + 1;
    }
    if (count > 0) {
        if (parser->p == parser->end || *parser->p != '=') {
            return malformed(parser, err, "Missing \"=\" after array dimensions.");
        }
        parser->p++;
        skip_space(parser);
    }
    *count_out = count;
    return KY_OK;
}

ky_status
array_in(const struct type *type, const struct type_context *context, struct ky_slice text,
         int32_t typmod, struct datum *out, struct ky_error *err)
{
    text.data = text.size == 0 ? "" : text.data;
    struct array_parser parser = {.element = type_get(type->element_oid),
                                  .context = context,
                                  .text = text,
                                  .p = text.data,
                                  .end = (const char *)text.data + text.size,
                                  .typmod = typmod};
    for (int i = 0; i < ARRAY_DIMENSIONS_MAX; i++) {
        parser.size[i] = -1;
        parser.lower[i] = 1;
    }
    int32_t given_size[ARRAY_DIMENSIONS_MAX];
    int given_count = 0;
    if (text.size > 0) {
        KY_TRY(parse_bounds(&parser, given_size, &given_count, err));
    }
    if (parser.p == parser.end || *parser.p != '{') {
        return malformed(&parser, err,
                         given_count > 0
                             ? "Array contents must start with \"{\"."
                             : "Array value must start with \"{\" or dimension information.");
    }
    parser.scratch = ky_arena_alloc(context->arena, text.size);
    KY_TRY(parse_level(&parser, 0, err));
    skip_space(&parser);
    if (parser.p != parser.end) {
        return malformed(&parser, err, "Junk after closing right brace.");
    }
    bool is_match = given_count == 0 || given_count == parser.dimension_count;
    for (int i = 0; i < given_count && is_match; i++) {
        is_match = given_size[i] == parser.size[i];
    }
    if (!is_match) {
        return malformed(&parser, err, "Specified array dimensions do not match array contents.");
    }
    struct ky_slice bytes = array_make_shaped(context->arena, parser.element, parser.values,
                                              parser.count == 0 ? 0 : parser.dimension_count,
                                              parser.size, parser.lower);
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}

static bool
needs_quotes(struct ky_slice text, char delimiter)
{
    const char *p = text.data;
    if (text.size == 0 || (text.size == 4 && strncasecmp(p, "null", 4) == 0)) {
        return true;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (p[i] == '"' || p[i] == '\\' || p[i] == '{' || p[i] == '}' || p[i] == delimiter ||
            type_is_space(p[i])) {
            return true;
        }
    }
    return false;
}

/* Quotes what was appended since start, if it needs it. */
static void
quote_tail(struct ky_buffer *out, size_t start, char delimiter)
{
    struct ky_slice tail = ky_slice(out->data + start, out->size - start);
    if (!needs_quotes(tail, delimiter)) {
        return;
    }
    size_t extra = 2;
    const char *p = tail.data;
    for (size_t i = 0; i < tail.size; i++) {
        extra += p[i] == '"' || p[i] == '\\';
    }
    ky_buffer_extend(out, extra);
    /* Backwards, because source and target overlap. */
    uint8_t *from = out->data + start + tail.size;
    uint8_t *to = out->data + out->size;
    *--to = '"';
    while (from > out->data + start) {
        uint8_t c = *--from;
        *--to = c;
        if (c == '"' || c == '\\') {
            *--to = '\\';
        }
    }
    *--to = '"';
}

static void
output_level(const struct array_view *view, const struct type_context *context, int depth,
             const uint8_t **cursor, struct ky_buffer *out)
{
    char delimiter = view->element->delimiter;
    ky_buffer_append_byte(out, '{');
    for (int32_t i = 0; i < view->size[depth]; i++) {
        if (i > 0) {
            ky_buffer_append_byte(out, (uint8_t)delimiter);
        }
        if (depth + 1 < view->dimension_count) {
            output_level(view, context, depth + 1, cursor, out);
            continue;
        }
        struct datum value = array_next(view, cursor);
        if (value.is_null) {
            ky_buffer_append_cstr(out, "NULL");
            continue;
        }
        size_t start = out->size;
        view->element->output(view->element, context, value, out);
        quote_tail(out, start, delimiter);
    }
    ky_buffer_append_byte(out, '}');
}

void
array_out(const struct type *type KY_UNUSED, const struct type_context *context, struct datum value,
          struct ky_buffer *out)
{
    struct array_view view;
    array_open(value.bytes, &view);
    if (view.count == 0) {
        ky_buffer_append(out, "{}", 2);
        return;
    }
    bool has_bounds = false;
    for (int i = 0; i < view.dimension_count; i++) {
        has_bounds |= view.lower[i] != 1;
    }
    for (int i = 0; has_bounds && i < view.dimension_count; i++) {
        ky_buffer_printf(out, "[%d:%lld]", view.lower[i],
                         (long long)view.lower[i] + view.size[i] - 1);
    }
    if (has_bounds) {
        ky_buffer_append_byte(out, '=');
    }
    const uint8_t *cursor = view.first;
    output_level(&view, context, 0, &cursor, out);
}

/* Reads dimensions; *p moves behind them. */
static ky_status
receive_shape(const uint8_t **p, const uint8_t *end, int dimension_count, int32_t *size,
              int32_t *lower, uint32_t *count_out, struct ky_error *err)
{
    uint64_t count = dimension_count == 0 ? 0 : 1;
    for (int i = 0; i < dimension_count; i++) {
        if (end - *p < 8) {
            return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
        }
        size[i] = (int32_t)ky_load_be32(*p);
        lower[i] = (int32_t)ky_load_be32(*p + 4);
        *p += 8;
        if (size[i] < 0 || (size[i] > 0 && lower[i] > INT32_MAX - size[i])) {
            return ky_error_set(err, KY_INVALID_BINARY_REPRESENTATION, "invalid array dimensions");
        }
        count *= (uint64_t)size[i];
        if (count > ELEMENTS_MAX) {
            return too_large(err);
        }
    }
    if (count > (uint64_t)(end - *p) / 4) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    *count_out = (uint32_t)count;
    return KY_OK;
}

static ky_status
receive_elements(const struct type *element, const struct type_context *context, int32_t typmod,
                 const uint8_t *p, const uint8_t *end, struct datum *values, uint32_t count,
                 struct ky_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        if (end - p < 4) {
            return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
        }
        int32_t size = (int32_t)ky_load_be32(p);
        p += 4;
        if (size == -1) {
            values[i] = datum_null();
            continue;
        }
        if (size < 0 || size > end - p) {
            return ky_error_set(err, KY_INVALID_BINARY_REPRESENTATION,
                                "insufficient data left in message");
        }
        KY_TRY(
            element->receive(element, context, ky_slice(p, (size_t)size), typmod, &values[i], err));
        p += size;
    }
    return p == end ? KY_OK : type_error_binary(err);
}

ky_status
array_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
           int32_t typmod, struct datum *out, struct ky_error *err)
{
    if (wire.size < 12) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "insufficient data left in message");
    }
    const uint8_t *p = wire.data;
    const uint8_t *end = p + wire.size;
    int32_t dimension_count = (int32_t)ky_load_be32(p);
    uint32_t flags = ky_load_be32(p + 4);
    oid_t element_oid = ky_load_be32(p + 8);
    p += 12;
    if (dimension_count < 0) {
        return ky_error_set(err, KY_INVALID_BINARY_REPRESENTATION,
                            "invalid number of dimensions: %d", dimension_count);
    }
    if (dimension_count > ARRAY_DIMENSIONS_MAX) {
        return too_many_dimensions(dimension_count, err);
    }
    if (flags > 1) {
        return ky_error_set(err, KY_INVALID_BINARY_REPRESENTATION, "invalid array flags");
    }
    if (element_oid != type->element_oid) {
        const struct type *found = type_find(element_oid);
        return ky_error_set(
            err, KY_DATATYPE_MISMATCH,
            "binary data has array element type %u (%s) instead of expected %u (%s)", element_oid,
            found == NULL ? "???" : found->sql_name, type->element_oid,
            type_get(type->element_oid)->sql_name);
    }
    const struct type *element = type_get(element_oid);
    int32_t size[ARRAY_DIMENSIONS_MAX];
    int32_t lower[ARRAY_DIMENSIONS_MAX];
    uint32_t count = 0;
    KY_TRY(receive_shape(&p, end, dimension_count, size, lower, &count, err));
    struct datum *values = ky_arena_array(context->arena, struct datum, count);
    KY_TRY(receive_elements(element, context, typmod, p, end, values, count, err));
    struct ky_slice bytes = array_make_shaped(context->arena, element, values,
                                              count == 0 ? 0 : dimension_count, size, lower);
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}

void
array_send(const struct type *type KY_UNUSED, const struct type_context *context,
           struct datum value, struct ky_buffer *out)
{
    struct array_view view;
    array_open(value.bytes, &view);
    const uint8_t *bytes = value.bytes.data;
    ky_buffer_append_be32(out, (uint32_t)view.dimension_count);
    ky_buffer_append_be32(out, ky_load_le32(bytes + 4));
    ky_buffer_append_be32(out, view.element->oid);
    for (int i = 0; i < view.dimension_count; i++) {
        ky_buffer_append_be32(out, (uint32_t)view.size[i]);
        ky_buffer_append_be32(out, (uint32_t)view.lower[i]);
    }
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        struct datum element = array_next(&view, &cursor);
        size_t place = out->size;
        ky_buffer_append_be32(out, UINT32_MAX);
        if (!element.is_null) {
            view.element->send(view.element, context, element, out);
            ky_store_be32(out->data + place, (uint32_t)(out->size - place - 4));
        }
    }
}

ky_status
array_coerce(const struct type *type, const struct type_context *context, struct datum value,
             int32_t typmod, bool is_explicit, struct datum *out, struct ky_error *err)
{
    const struct type *element = type_get(type->element_oid);
    if (element->coerce == NULL || typmod < 0) {
        *out = value;
        return KY_OK;
    }
    struct array_view view;
    array_open(value.bytes, &view);
    struct datum *values = ky_arena_array(context->arena, struct datum, view.count);
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; i < view.count; i++) {
        values[i] = array_next(&view, &cursor);
        if (!values[i].is_null) {
            KY_TRY(
                element->coerce(element, context, values[i], typmod, is_explicit, &values[i], err));
        }
    }
    struct ky_slice bytes = array_make_shaped(context->arena, element, values, view.dimension_count,
                                              view.size, view.lower);
    *out = datum_bytes(bytes.data, bytes.size);
    return KY_OK;
}
