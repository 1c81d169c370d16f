/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text, varchar, bpchar, name and all that are plain text underneath. A typmod is the length in
 * characters plus 4, as in PostgreSQL. char(n) values are stored padded and compared without the
 * padding. Text orders by its bytes (the "C" collation).
 */
#include "server/base/map.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"

enum { TYPMOD_HEADER = 4, LENGTH_MAX = 10485760, NAME_SIZE_MAX = 63 };

ky_status
text_in(const struct type *type KY_UNUSED, const struct type_context *context, struct ky_slice text,
        int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    KY_TRY(utf8_validate(text, err));
    struct ky_slice copy = ky_slice_dup(context->arena, text);
    *out = datum_bytes(copy.data, copy.size);
    return KY_OK;
}

void
text_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_slice(out, value.bytes);
}

ky_status
text_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
          int32_t typmod, struct datum *out, struct ky_error *err)
{
    return text_in(type, context, wire, typmod, out, err);
}

void
text_send(const struct type *type, const struct type_context *context, struct datum value,
          struct ky_buffer *out)
{
    text_out(type, context, value, out);
}

static bool
is_blank(struct ky_slice text)
{
    return type_trim_end(text).size == 0;
}

ky_status
varchar_coerce(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
               struct datum value, int32_t typmod, bool is_explicit, struct datum *out,
               struct ky_error *err)
{
    size_t length = (size_t)(typmod - TYPMOD_HEADER);
    if (typmod >= TYPMOD_HEADER && value.bytes.size > length) {
        size_t size = utf8_prefix_size(value.bytes, length);
        const char *p = value.bytes.data;
        if (!is_explicit && !is_blank(ky_slice(p + size, value.bytes.size - size))) {
            return ky_error_set(err, KY_STRING_DATA_RIGHT_TRUNCATION,
                                "value too long for type character varying(%zu)", length);
        }
        value.bytes.size = size;
    }
    *out = value;
    return KY_OK;
}

ky_status
varchar_in(const struct type *type, const struct type_context *context, struct ky_slice text,
           int32_t typmod, struct datum *out, struct ky_error *err)
{
    struct datum value;
    KY_TRY(text_in(type, context, text, typmod, &value, err));
    return varchar_coerce(type, context, value, typmod, false, out, err);
}

void
varchar_out(const struct type *type, const struct type_context *context, struct datum value,
            struct ky_buffer *out)
{
    text_out(type, context, value, out);
}

ky_status
varchar_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
             int32_t typmod, struct datum *out, struct ky_error *err)
{
    return varchar_in(type, context, wire, typmod, out, err);
}

void
varchar_send(const struct type *type, const struct type_context *context, struct datum value,
             struct ky_buffer *out)
{
    text_out(type, context, value, out);
}

ky_status
bpchar_coerce(const struct type *type KY_UNUSED, const struct type_context *context,
              struct datum value, int32_t typmod, bool is_explicit, struct datum *out,
              struct ky_error *err)
{
    if (typmod < TYPMOD_HEADER) {
        *out = value;
        return KY_OK;
    }
    size_t length = (size_t)(typmod - TYPMOD_HEADER);
    size_t count = utf8_count(value.bytes);
    const char *p = value.bytes.data;
    if (count > length) {
        size_t size = utf8_prefix_size(value.bytes, length);
        if (!is_explicit && !is_blank(ky_slice(p + size, value.bytes.size - size))) {
            return ky_error_set(err, KY_STRING_DATA_RIGHT_TRUNCATION,
                                "value too long for type character(%zu)", length);
        }
        value.bytes.size = size;
    } else if (count < length) {
        if (length > LENGTH_MAX) { /* no column has it: bpcharin called by hand */
            return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
        }
        size_t padding = length - count;
        char *padded = ky_arena_alloc(context->arena, value.bytes.size + padding);
        if (value.bytes.size > 0) {
            memcpy(padded, p, value.bytes.size);
        }
        memset(padded + value.bytes.size, ' ', padding);
        value.bytes = ky_slice(padded, value.bytes.size + padding);
    }
    *out = value;
    return KY_OK;
}

ky_status
bpchar_in(const struct type *type, const struct type_context *context, struct ky_slice text,
          int32_t typmod, struct datum *out, struct ky_error *err)
{
    struct datum value;
    KY_TRY(text_in(type, context, text, typmod, &value, err));
    return bpchar_coerce(type, context, value, typmod, false, out, err);
}

void
bpchar_out(const struct type *type, const struct type_context *context, struct datum value,
           struct ky_buffer *out)
{
    text_out(type, context, value, out);
}

ky_status
bpchar_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
            int32_t typmod, struct datum *out, struct ky_error *err)
{
    return bpchar_in(type, context, wire, typmod, out, err);
}

void
bpchar_send(const struct type *type, const struct type_context *context, struct datum value,
            struct ky_buffer *out)
{
    text_out(type, context, value, out);
}

int
bpchar_compare(const struct type *type KY_UNUSED, struct datum a, struct datum b)
{
    return ky_slice_compare(type_trim_end(a.bytes), type_trim_end(b.bytes));
}

uint64_t
bpchar_hash(const struct type *type KY_UNUSED, struct datum value)
{
    struct ky_slice trimmed = type_trim_end(value.bytes);
    return ky_hash_bytes(trimmed.data, trimmed.size, 0);
}

void
bpchar_key(const struct type *type KY_UNUSED, struct datum value, struct ky_buffer *out)
{
    type_key_bytes(out, type_trim_end(value.bytes));
}

ky_status
name_in(const struct type *type KY_UNUSED, const struct type_context *context, struct ky_slice text,
        int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    KY_TRY(utf8_validate(text, err));
    struct ky_slice copy = ky_slice_dup(context->arena, type_name_cut(text));
    *out = datum_bytes(copy.data, copy.size);
    return KY_OK;
}

void
name_out(const struct type *type, const struct type_context *context, struct datum value,
         struct ky_buffer *out)
{
    text_out(type, context, value, out);
}

ky_status
name_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
          int32_t typmod, struct datum *out, struct ky_error *err)
{
    if (wire.size > NAME_SIZE_MAX) {
        ky_error_set(err, KY_NAME_TOO_LONG, "identifier too long");
        return ky_error_detail(err, "Identifier must be less than %d characters.",
                               NAME_SIZE_MAX + 1);
    }
    return name_in(type, context, wire, typmod, out, err);
}

void
name_send(const struct type *type, const struct type_context *context, struct datum value,
          struct ky_buffer *out)
{
    text_out(type, context, value, out);
}

static ky_status
length_typmod(const char *name, const int32_t *values, int count, int32_t *typmod_out,
              struct ky_error *err)
{
    if (count != 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "invalid type modifier");
    }
    if (values[0] < 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "length for type %s must be at least 1", name);
    }
    if (values[0] > LENGTH_MAX) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "length for type %s cannot exceed %d",
                            name, LENGTH_MAX);
    }
    *typmod_out = values[0] + TYPMOD_HEADER;
    return KY_OK;
}

ky_status
varchar_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return length_typmod("varchar", values, count, typmod_out, err);
}

ky_status
bpchar_typmod_in(const int32_t *values, int count, int32_t *typmod_out, struct ky_error *err)
{
    return length_typmod("char", values, count, typmod_out, err);
}

void
varchar_typmod_out(int32_t typmod, struct ky_buffer *out)
{
    if (typmod > TYPMOD_HEADER) {
        ky_buffer_printf(out, "(%d)", typmod - TYPMOD_HEADER);
    }
}

void
bpchar_typmod_out(int32_t typmod, struct ky_buffer *out)
{
    varchar_typmod_out(typmod, out);
}
