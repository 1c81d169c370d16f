/* SPDX-License-Identifier: Apache-2.0 */
/* A jsonpath is its text as PostgreSQL prints it; reading that gives the same path. */
#include "server/types/jsonpath.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"

enum { JSONPATH_VERSION = 1 };

ky_status
jsonpath_in(const struct type *type KY_UNUSED, const struct type_context *context,
            struct ky_slice text, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    struct jsonpath path;
    struct ky_buffer printed = {0};
    KY_TRY(utf8_validate(text, err));
    KY_TRY(jsonpath_parse(context, text, &path, err));
    jsonpath_print(context, &path, &printed);
    *out = type_take_buffer(context->arena, &printed);
    return KY_OK;
}

void
jsonpath_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
             struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_slice(out, value.bytes);
}

ky_status
jsonpath_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
              int32_t typmod, struct datum *out, struct ky_error *err)
{
    const uint8_t *p = wire.data;
    if (wire.size == 0) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION, "no data left in message");
    }
    if (p[0] != JSONPATH_VERSION) {
        return ky_error_set(err, KY_INTERNAL_ERROR, "unsupported jsonpath version number: %d",
                            p[0]);
    }
    return jsonpath_in(type, context, ky_slice(p + 1, wire.size - 1), typmod, out, err);
}

void
jsonpath_send(const struct type *type, const struct type_context *context, struct datum value,
              struct ky_buffer *out)
{
    ky_buffer_append_byte(out, JSONPATH_VERSION);
    jsonpath_out(type, context, value, out);
}
