/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/copy_private.h"

/*
 * COPY in binary:
 *
 *     "PGCOPY\n\377\r\n\0"   flags 4   size of extension 4   extension
 *     rows: fields 2, each: size 4 (-1: null), value as the type sends it
 *     -1 in 2 bytes
 *
 * All numbers are big-endian.
 */

static const char SIGNATURE[] = "PGCOPY\n\377\r\n"; /* with its zero */

enum { HEADER_SIZE = sizeof(SIGNATURE) + 8, FLAG_OIDS = 1 << 16 };

/* ------------------------------------------------------------------ in */

/* Input that is read from its start; a row is taken only when it is whole. */
struct reader {
    const uint8_t *at, *end;
};

static bool
has(const struct reader *reader, size_t size)
{
    return (size_t)(reader->end - reader->at) >= size;
}

static ky_status
bad_header(const char *why, struct ky_error *err)
{
    return ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "invalid COPY file header (%s)", why);
}

static ky_status
take_header(struct copy *copy, struct reader *reader, bool *has_taken_out, struct ky_error *err)
{
    const size_t size = (size_t)(reader->end - reader->at);
    *has_taken_out = false;
    if (memcmp(reader->at, SIGNATURE, KY_MIN(size, sizeof(SIGNATURE))) != 0 ||
        (copy->is_last && size < sizeof(SIGNATURE))) {
        return ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "COPY file signature not recognized");
    }
    if (size < HEADER_SIZE) {
        return !copy->is_last
                   ? KY_OK
                   : bad_header(size < sizeof(SIGNATURE) + 4 ? "missing flags" : "missing length",
                                err);
    }
    const uint32_t flags = ky_load_be32(reader->at + sizeof(SIGNATURE));
    const int32_t extension = (int32_t)ky_load_be32(reader->at + sizeof(SIGNATURE) + 4);
    if ((flags & FLAG_OIDS) != 0) {
        return bad_header("WITH OIDS", err);
    }
    if (flags >> 16 != 0) {
        return ky_error_set(err, KY_BAD_COPY_FILE_FORMAT,
                            "unrecognized critical flags in COPY file header");
    }
    if (extension < 0) {
        return bad_header("missing length", err);
    }
    if (size - HEADER_SIZE < (size_t)extension) {
        return !copy->is_last ? KY_OK : bad_header("wrong length", err);
    }
    reader->at += HEADER_SIZE + extension;
    copy->is_header_due = false;
    *has_taken_out = true;
    return KY_OK;
}

static ky_status
take_value(struct session *session, struct copy *copy, uint16_t column, struct ky_slice wire,
           struct ky_error *err)
{
    const struct type *type = copy->types[column];
    struct datum value;
    session->types.arena = &copy->rows_arena;
    if (type->receive == NULL) {
        return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                            "no binary input function available for type %s", type->sql_name);
    }
    if (type->receive(type, &session->types, wire, copy->typmods[column], &value, err) != KY_OK) {
        return copy_line_context(copy, copy->names[column], ky_slice(NULL, 0), err);
    }
    copy_take_value(copy, column, wire, value);
    return KY_OK;
}

/* Is the row's last byte there? KY_OK with *is_whole_out false: more must come. */
static ky_status
find_end(struct copy *copy, struct reader reader, bool *is_whole_out, struct ky_error *err)
{
    *is_whole_out = false;
    reader.at += 2;
    for (uint16_t i = 0; i < copy->column_count; i++) {
        bool is_here = has(&reader, 4);
        int32_t size = is_here ? (int32_t)ky_load_be32(reader.at) : -1;
        if (size < -1) {
            (void)ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "invalid field size");
            return copy_line_context(copy, copy->names[i], ky_slice(NULL, 0), err);
        }
        is_here = is_here && has(&reader, 4 + (size_t)KY_MAX(size, 0));
        if (!is_here && copy->is_last) {
            (void)ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "unexpected EOF in COPY data");
            return copy_line_context(copy, copy->names[i], ky_slice(NULL, 0), err);
        }
        if (!is_here) {
            return KY_OK;
        }
        reader.at += 4 + KY_MAX(size, 0);
    }
    *is_whole_out = true;
    return KY_OK;
}

static ky_status
take_row(struct session *session, struct copy *copy, struct reader *reader, bool *has_taken_out,
         struct ky_error *err)
{
    *has_taken_out = false;
    if (!has(reader, 2)) {
        return KY_OK; /* of the end's two bytes one may be missing */
    }
    const int16_t count = (int16_t)ky_load_be16(reader->at);
    if (count == -1) {
        reader->at += 2;
        copy->is_ended = true;
        *has_taken_out = true;
        return KY_OK;
    }
    copy->line++;
    if (count != (int16_t)copy->column_count) {
        (void)ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "row field count is %d, expected %u",
                           count, copy->column_count);
        return copy_line_context(copy, NULL, ky_slice(NULL, 0), err);
    }
    KY_TRY(find_end(copy, *reader, has_taken_out, err));
    if (!*has_taken_out) {
        copy->line--;
        return KY_OK;
    }
    reader->at += 2;
    for (uint16_t i = 0; i < copy->column_count; i++) {
        const int32_t size = (int32_t)ky_load_be32(reader->at);
        reader->at += 4;
        if (size < 0) {
            copy_take_null(copy, i);
        } else {
            KY_TRY(take_value(session, copy, i, ky_slice(reader->at, (size_t)size), err));
            reader->at += size;
        }
    }
    copy_end_row(copy);
    return KY_OK;
}

ky_status
copy_binary_next(struct session *session, struct copy *copy, bool *has_taken_out,
                 struct ky_error *err)
{
    static const uint8_t nothing[1];
    const uint8_t *input = copy->input.data == NULL ? nothing : copy->input.data;
    const uint8_t *first = input + copy->input_used;
    struct reader reader = {first, input + copy->input.size};
    ky_status status = KY_OK;
    *has_taken_out = false;
    if (copy->is_ended) {
        if (reader.at < reader.end) {
            copy->line++;
            (void)ky_error_set(err, KY_BAD_COPY_FILE_FORMAT, "received copy data after EOF marker");
            return copy_line_context(copy, NULL, ky_slice(NULL, 0), err);
        }
        return KY_OK;
    }
    if (copy->is_header_due) {
        status = copy->input.size == 0 && !copy->is_last
                     ? KY_OK
                     : take_header(copy, &reader, has_taken_out, err);
    } else {
        status = take_row(session, copy, &reader, has_taken_out, err);
    }
    copy->input_used += (size_t)(reader.at - first);
    return status;
}

/* ------------------------------------------------------------------ out */

void
copy_binary_begin(struct ky_buffer *out)
{
    ky_buffer_append(out, SIGNATURE, sizeof(SIGNATURE));
    ky_buffer_append_be32(out, 0);
    ky_buffer_append_be32(out, 0);
}

void
copy_binary_row(struct copy *copy, const struct batch *batch, uint32_t place, uint16_t count,
                const struct type_context *types)
{
    struct ky_buffer *out = &copy->out;
    ky_buffer_append_be16(out, count);
    for (uint16_t i = 0; i < count; i++) {
        const struct type *type = batch->columns[i].type;
        const struct datum value = column_get(&batch->columns[i], place);
        if (value.is_null) {
            ky_buffer_append_be32(out, UINT32_MAX);
            continue;
        }
        const size_t mark = out->size;
        (void)ky_buffer_extend(out, 4);
        if (type->send != NULL) {
            type->send(type, types, value, out);
        } else {
            type->output(type, types, value, out);
        }
        ky_store_be32(out->data + mark, (uint32_t)(out->size - mark - 4));
    }
}
