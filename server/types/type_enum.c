/* SPDX-License-Identifier: Apache-2.0 */
/* Enums: a label as text and on the wire, its place in the order in memory (user_type.h). */
#include <inttypes.h>

#include "server/types/reg.h"
#include "server/types/types_private.h"
#include "server/types/user_type.h"
#include "server/types/utf8.h"

enum { ERROR_SHOWN_SIZE_MAX = 400 };

static KY_COLD ky_status
error_label(const struct type *type, const struct type_context *context, struct ky_slice text,
            struct ky_error *err)
{
    struct ky_buffer name = {0};
    const struct reg_names *reg = context->reg;
    if (reg == NULL || !reg->append_name(reg->self, OID_REGTYPE, type->oid, &name)) {
        ky_buffer_append_cstr(&name, type->sql_name);
    }
    (void)ky_error_set(err, KY_INVALID_TEXT_REPRESENTATION,
                       "invalid input value for enum %.*s: \"%.*s\"", (int)name.size,
                       (const char *)name.data, (int)utf8_cut(text, ERROR_SHOWN_SIZE_MAX),
                       text.size == 0 ? "" : (const char *)text.data);
    ky_buffer_deinit(&name);
    return KY_ERR;
}

ky_status
enum_in(const struct type *type, const struct type_context *context, struct ky_slice text,
        int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    const struct enum_label *label = enum_labels_find(enum_labels_of(type, context), text);
    if (label == NULL) {
        return error_label(type, context, text, err);
    }
    KY_TRY(enum_check_use(type, context, label, err));
    *out = datum_word(label->word);
    return KY_OK;
}

/* A word without a label cannot be stored; its number is shown all the same. */
void
enum_out(const struct type *type, const struct type_context *context, struct datum value,
         struct ky_buffer *out)
{
    const struct enum_label *label =
        enum_labels_find_word(enum_labels_of(type, context), value.word);
    if (label == NULL) {
        ky_buffer_printf(out, "%" PRId64, value.word);
        return;
    }
    ky_buffer_append_cstr(out, label->name);
}

ky_status
enum_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
          int32_t typmod, struct datum *out, struct ky_error *err)
{
    return enum_in(type, context, wire, typmod, out, err);
}

void
enum_send(const struct type *type, const struct type_context *context, struct datum value,
          struct ky_buffer *out)
{
    enum_out(type, context, value, out);
}
