/* SPDX-License-Identifier: Apache-2.0 */
/* real and double precision: a double in memory, 4 or 8 bytes on disk and wire. */
#include "server/types/number_text.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"

ky_status
float_in(const struct type *type, const struct type_context *context KY_UNUSED,
         struct ky_slice text, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    enum number_status status;
    double value = 0;
    if (type->disk_size == 4) {
        float narrow = 0;
        status = number_parse_float(text, &narrow);
        value = (double)narrow;
    } else {
        status = number_parse_double(text, &value);
    }
    switch (status) {
    case NUMBER_OK:
        *out = datum_real(value);
        return KY_OK;
    case NUMBER_SYNTAX:
        return type_error_syntax(err, type->sql_name, text);
    case NUMBER_RANGE:
        break;
    }
    struct ky_slice shown = type_trim(text);
    return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "\"%.*s\" is out of range for type %s",
                        (int)utf8_cut(shown, 400), (const char *)shown.data, type->sql_name);
}

void
float_out(const struct type *type, const struct type_context *context, struct datum value,
          struct ky_buffer *out)
{
    char *place = (char *)ky_buffer_extend(out, NUMBER_TEXT_SIZE_MAX);
    int extra = context->extra_float_digits;
    size_t size = type->disk_size == 4 ? number_format_float((float)value.real, extra, place)
                                       : number_format_double(value.real, extra, place);
    out->size -= NUMBER_TEXT_SIZE_MAX - size;
}

ky_status
float_recv(const struct type *type, const struct type_context *context KY_UNUSED,
           struct ky_slice wire, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    KY_TRY(type_check_wire(wire, (size_t)type->disk_size, err));
    if (wire.size == 4) {
        uint32_t bits = ky_load_be32(wire.data);
        float narrow;
        memcpy(&narrow, &bits, sizeof(narrow));
        *out = datum_real((double)narrow);
    } else {
        uint64_t bits = ky_load_be64(wire.data);
        double real;
        memcpy(&real, &bits, sizeof(real));
        *out = datum_real(real);
    }
    return KY_OK;
}

void
float_send(const struct type *type, const struct type_context *context KY_UNUSED,
           struct datum value, struct ky_buffer *out)
{
    if (type->disk_size == 4) {
        float narrow = (float)value.real;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof(bits));
        ky_buffer_append_be32(out, bits);
    } else {
        uint64_t bits;
        memcpy(&bits, &value.real, sizeof(bits));
        ky_buffer_append_be64(out, bits);
    }
}
