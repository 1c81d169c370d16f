/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/types/types_fixture.h"

#include <criterion/criterion.h>

void
types_start(struct types_fixture *fixture)
{
    ky_arena_init(&fixture->arena);
    type_context_init(&fixture->context, &fixture->arena);
    ky_error_init(&fixture->err);
}

void
types_done(struct types_fixture *fixture)
{
    ky_arena_deinit(&fixture->arena);
}

static const char *
failure(struct types_fixture *fixture)
{
    return ky_arena_printf(&fixture->arena, "%s %s", ky_sqlstate_code(fixture->err.sqlstate),
                           fixture->err.message);
}

const char *
types_text(struct types_fixture *fixture, oid_t oid, struct datum value)
{
    if (value.is_null) {
        return "NULL";
    }
    const struct type *type = type_get(oid);
    struct ky_buffer out = {0};
    type->output(type, &fixture->context, value, &out);
    const char *text = ky_arena_cstr(&fixture->arena, ky_buffer_slice(&out));
    ky_buffer_deinit(&out);
    return text;
}

const char *
types_round(struct types_fixture *fixture, oid_t oid, const char *text, int32_t typmod)
{
    const struct type *type = type_get(oid);
    struct datum value;
    if (type->input(type, &fixture->context, ky_slice_cstr(text), typmod, &value, &fixture->err) !=
        KY_OK) {
        return failure(fixture);
    }
    return types_text(fixture, oid, value);
}

struct datum
types_value(struct types_fixture *fixture, oid_t oid, const char *text)
{
    const struct type *type = type_get(oid);
    struct datum value = datum_null();
    ky_status status =
        type->input(type, &fixture->context, ky_slice_cstr(text), -1, &value, &fixture->err);
    cr_assert(status == KY_OK, "%s: %s", text, fixture->err.message);
    return value;
}

const char *
types_cast(struct types_fixture *fixture, oid_t source, const char *text, oid_t target)
{
    const struct cast *cast = cast_find(source, target);
    if (cast == NULL) {
        return "none";
    }
    struct datum value = types_value(fixture, source, text);
    struct datum result;
    if (cast_apply(cast, &fixture->context, value, -1, true, &result, &fixture->err) != KY_OK) {
        return failure(fixture);
    }
    return types_text(fixture, target, result);
}
