/* SPDX-License-Identifier: Apache-2.0 */
/* Types that stand for others and have no values of their own; and void, whose value is nothing. */
#include "server/types/types_private.h"

ky_status
pseudo_in(const struct type *type, const struct type_context *context KY_UNUSED,
          struct ky_slice text KY_UNUSED, int32_t typmod KY_UNUSED, struct datum *out KY_UNUSED,
          struct ky_error *err)
{
    return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "cannot accept a value of type %s",
                        type->name);
}

void
pseudo_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
           struct datum value KY_UNUSED, struct ky_buffer *out KY_UNUSED)
{
}

ky_status
pseudo_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
            int32_t typmod, struct datum *out, struct ky_error *err)
{
    return pseudo_in(type, context, wire, typmod, out, err);
}

void
pseudo_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
            struct datum value KY_UNUSED, struct ky_buffer *out KY_UNUSED)
{
}

ky_status
void_in(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
        struct ky_slice text KY_UNUSED, int32_t typmod KY_UNUSED, struct datum *out,
        struct ky_error *err KY_UNUSED)
{
    *out = datum_bytes("", 0);
    return KY_OK;
}

void
void_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct datum value KY_UNUSED, struct ky_buffer *out KY_UNUSED)
{
}

ky_status
void_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
          int32_t typmod, struct datum *out, struct ky_error *err)
{
    return void_in(type, context, wire, typmod, out, err);
}

void
void_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
          struct datum value KY_UNUSED, struct ky_buffer *out KY_UNUSED)
{
}
