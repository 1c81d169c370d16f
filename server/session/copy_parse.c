/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/copy_private.h"

/* COPY FROM in text and csv: lines out of the input, fields out of a line, values out of fields. */

/* ------------------------------------------------------------------ lines */

/* A newline after an odd number of backslashes is data. */
static size_t
text_line_size(const char *text, size_t size)
{
    const char *end = memchr(text, '\n', size);
    while (end != NULL) {
        size_t slashes = 0;
        while ((size_t)(end - text) > slashes && end[-1 - (ptrdiff_t)slashes] == '\\') {
            slashes++;
        }
        if (slashes % 2 == 0) {
            return (size_t)(end - text);
        }
        end = memchr(end + 1, '\n', size - (size_t)(end + 1 - text));
    }
    return SIZE_MAX;
}

static size_t
csv_line_size(const struct copy_options *options, const char *text, size_t size,
              bool *is_quoted_out)
{
    bool is_quoted = false;
    const char quote = options->quote;
    const char escape = options->escape;
    for (size_t i = 0; i < size; i++) {
        if (is_quoted && escape != quote && text[i] == escape && i + 1 < size &&
            (text[i + 1] == quote || text[i + 1] == escape)) {
            i++;
        } else if (text[i] == quote) {
            is_quoted = !is_quoted;
        } else if (text[i] == '\n' && !is_quoted) {
            return i;
        }
    }
    *is_quoted_out = is_quoted;
    return SIZE_MAX;
}

/* ------------------------------------------------------------------ fields */

static uint8_t
unescape(const char *text, size_t size, size_t *at)
{
    char c = text[(*at)++];
    static const char names[] = "bfnrtv";
    static const char codes[] = "\b\f\n\r\t\v";
    const char *known = memchr(names, c, sizeof(names) - 1);
    if (known != NULL) {
        return (uint8_t)codes[known - names];
    }
    unsigned value = 0;
    if (c >= '0' && c <= '7') {
        value = (unsigned)(c - '0');
        for (int i = 0; i < 2 && *at < size && text[*at] >= '0' && text[*at] <= '7'; i++) {
            value = value * 8 + (unsigned)(text[(*at)++] - '0');
        }
        return (uint8_t)value;
    }
    if (c == 'x') {
        int digits = 0;
        for (; digits < 2 && *at < size; digits++) {
            char h = text[*at];
            int digit = h >= '0' && h <= '9'   ? h - '0'
                        : h >= 'a' && h <= 'f' ? h - 'a' + 10
                        : h >= 'A' && h <= 'F' ? h - 'A' + 10
                                               : -1;
            if (digit < 0) {
                break;
            }
            value = value * 16 + (unsigned)digit;
            (*at)++;
        }
        return digits == 0 ? 'x' : (uint8_t)value;
    }
    return (uint8_t)c;
}

/* Room in scratch for what the line's fields become: they point into it. */
static uint8_t *
line_room(struct copy *copy, size_t size)
{
    ky_buffer_clear(&copy->scratch);
    return ky_buffer_extend(&copy->scratch, size + 1);
}

static void
put_field(struct copy *copy, uint32_t column, struct ky_slice text, bool is_null, bool is_quoted)
{
    if (column < copy->column_count) {
        copy->fields[column] =
            (struct copy_field){.text = text, .is_null = is_null, .is_quoted = is_quoted};
    }
}

/* A line without a backslash, which most are. */
static uint32_t
split_plain(struct copy *copy, struct ky_slice line)
{
    const char *at = line.data;
    const char *end = at + line.size;
    uint32_t column = 0;
    for (;;) {
        const char *stop = memchr(at, copy->options.delimiter, (size_t)(end - at));
        struct ky_slice field = ky_slice(at, (size_t)((stop == NULL ? end : stop) - at));
        put_field(copy, column++, field, ky_slice_equal(field, copy->options.null_text), false);
        if (stop == NULL) {
            return column;
        }
        at = stop + 1;
    }
}

static uint32_t
split_text(struct copy *copy, struct ky_slice line)
{
    const char *text = line.data;
    size_t at = 0;
    uint32_t column = 0;
    if (line.size == 0 || memchr(text, '\\', line.size) == NULL) {
        return split_plain(copy, line);
    }
    uint8_t *out = line_room(copy, line.size);
    for (;; at++) {
        const size_t begin = at;
        const uint8_t *first = out;
        while (at < line.size && text[at] != copy->options.delimiter) {
            at += text[at] == '\\' && at + 1 < line.size ? 2 : 1;
        }
        const struct ky_slice raw = ky_slice(text + begin, at - begin);
        for (size_t i = begin; i < at;) {
            if (text[i] == '\\' && i + 1 < at) {
                i++;
                *out++ = unescape(text, at, &i);
            } else {
                *out++ = (uint8_t)text[i++];
            }
        }
        put_field(copy, column++, ky_slice(first, (size_t)(out - first)),
                  ky_slice_equal(raw, copy->options.null_text), false);
        if (at >= line.size) {
            return column;
        }
    }
}

static uint32_t
split_csv(struct copy *copy, struct ky_slice line)
{
    const struct copy_options *options = &copy->options;
    const char *text = line.data;
    size_t at = 0;
    uint32_t column = 0;
    if (line.size == 0 || memchr(text, options->quote, line.size) == NULL) {
        return split_plain(copy, line);
    }
    uint8_t *out = line_room(copy, line.size);
    for (;; at++) {
        bool was_quoted = false;
        bool is_quoted = false;
        const uint8_t *first = out;
        for (; at < line.size; at++) {
            char c = text[at];
            if (is_quoted && c == options->escape && at + 1 < line.size &&
                (text[at + 1] == options->quote || text[at + 1] == options->escape)) {
                *out++ = (uint8_t)text[++at];
            } else if (c == options->quote) {
                is_quoted = !is_quoted;
                was_quoted = true;
            } else if (!is_quoted && c == options->delimiter) {
                break;
            } else {
                *out++ = (uint8_t)c;
            }
        }
        struct ky_slice field = ky_slice(first, (size_t)(out - first));
        put_field(copy, column++, field, !was_quoted && ky_slice_equal(field, options->null_text),
                  was_quoted);
        if (at >= line.size) {
            return column;
        }
    }
}

static uint32_t
split(struct copy *copy, struct ky_slice line)
{
    return copy->options.format == COPY_CSV ? split_csv(copy, line) : split_text(copy, line);
}

/* ------------------------------------------------------------------ values */

static ky_status
take_field(struct session *session, struct copy *copy, uint16_t column, struct ky_error *err)
{
    struct copy_field *field = &copy->fields[column];
    const uint8_t force = copy->force[column];
    if (KY_UNLIKELY(force != 0)) {
        if ((force & COPY_FORCE_NOT_NULL) != 0 && field->is_null) {
            field->is_null = false;
        } else if ((force & COPY_FORCE_NULL) != 0 && field->is_quoted) {
            field->is_null = ky_slice_equal(field->text, copy->options.null_text);
        }
    }
    if (field->is_null) {
        copy_take_null(copy, column);
        return KY_OK;
    }
    const struct type *type = copy->types[column];
    struct datum value;
    if (type->input(type, &session->types, field->text, copy->typmods[column], &value, err) !=
        KY_OK) {
        return copy_line_context(copy, copy->names[column], field->text, err);
    }
    copy_take_value(copy, column, field->text, value);
    return KY_OK;
}

static ky_status
match_header(struct copy *copy, struct ky_slice line, struct ky_error *err)
{
    const uint32_t count = split(copy, line);
    if (count != copy->column_count) {
        (void)ky_error_set(err, KY_BAD_COPY_FILE_FORMAT,
                           "wrong number of fields in header line: got %u, expected %u", count,
                           copy->column_count);
        return copy_line_context(copy, NULL, line, err);
    }
    for (uint16_t i = 0; i < copy->column_count; i++) {
        const struct copy_field *field = &copy->fields[i];
        if (field->is_null) {
            (void)ky_error_set(err, KY_BAD_COPY_FILE_FORMAT,
                               "column name mismatch in header line field %u: got null value "
                               "(\"%.*s\"), expected \"%s\"",
                               i + 1U, (int)copy->options.null_text.size,
                               (const char *)copy->options.null_text.data, copy->names[i]);
            return copy_line_context(copy, NULL, line, err);
        }
        if (!ky_slice_is(field->text, copy->names[i])) {
            (void)ky_error_set(
                err, KY_BAD_COPY_FILE_FORMAT,
                "column name mismatch in header line field %u: got \"%.*s\", expected \"%s\"",
                i + 1U, (int)field->text.size, (const char *)field->text.data, copy->names[i]);
            return copy_line_context(copy, NULL, line, err);
        }
    }
    return KY_OK;
}

static ky_status
take_line(struct session *session, struct copy *copy, struct ky_slice line, struct ky_error *err)
{
    copy->line++;
    if (line.size > 0 && ((const char *)line.data)[line.size - 1] == '\r') {
        line.size--;
    }
    if (copy->is_header_due) {
        copy->is_header_due = false;
        return copy->options.header == COPY_HEADER_MATCH ? match_header(copy, line, err) : KY_OK;
    }
    if (line.size == 2 && ky_slice_is(line, "\\.")) {
        copy->is_ended = true;
        return KY_OK;
    }
    session->types.arena = &copy->rows_arena;
    const uint32_t count = copy->column_count == 0 && line.size == 0 ? 0 : split(copy, line);
    if (count > copy->column_count) {
        (void)ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "extra data after last expected column");
        return copy_line_context(copy, NULL, line, err);
    }
    for (uint16_t i = 0; i < count; i++) {
        KY_TRY(take_field(session, copy, i, err));
    }
    if (count < copy->column_count) {
        (void)ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "missing data for column \"%s\"",
                           copy->names[count]);
        return copy_line_context(copy, NULL, line, err);
    }
    copy_end_row(copy);
    return KY_OK;
}

ky_status
copy_parse_next(struct session *session, struct copy *copy, bool *has_taken_out,
                struct ky_error *err)
{
    const size_t left = copy->input.size - copy->input_used;
    bool is_quoted = false;
    *has_taken_out = false;
    if (copy->is_ended || left == 0) {
        copy->input_used = copy->input.size; /* what follows the end is not read */
        return KY_OK;
    }
    const char *text = (const char *)copy->input.data + copy->input_used;
    size_t size = copy->options.format == COPY_CSV
                      ? csv_line_size(&copy->options, text, left, &is_quoted)
                      : text_line_size(text, left);
    if (size == SIZE_MAX) {
        if (!copy->is_last) {
            return KY_OK;
        }
        size = left; /* the last line has no end */
        if (is_quoted) {
            copy->line++;
            (void)ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "unterminated CSV quoted field");
            return copy_line_context(copy, NULL, ky_slice(text, size), err);
        }
    }
    copy->input_used += KY_MIN(size + 1, left);
    *has_taken_out = true;
    return take_line(session, copy, ky_slice(text, size), err);
}
