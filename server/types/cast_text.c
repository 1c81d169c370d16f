/* SPDX-License-Identifier: Apache-2.0 */
/* Casts among text-like types, from "char" and bool to them, from text to regclass, and out of
 * jsonb. */
#include "server/base/json.h"
#include "server/types/numeric.h"
#include "server/types/reg.h"
#include "server/types/types_private.h"

#define CAST_PARAMETERS                                                                         \
    const struct type_context *context KY_UNUSED, struct datum value, int32_t typmod KY_UNUSED, \
        bool is_explicit KY_UNUSED, struct datum *out, struct ky_error *err KY_UNUSED

static ky_status
char_to_text(CAST_PARAMETERS)
{
    struct ky_buffer text = {0};
    char_out(NULL, context, value, &text);
    *out = type_take_buffer(context->arena, &text);
    return KY_OK;
}

static ky_status
text_to_char(CAST_PARAMETERS)
{
    return char_in(NULL, context, value.bytes, -1, out, err);
}

static ky_status
text_to_name(CAST_PARAMETERS)
{
    struct ky_slice name = type_name_cut(value.bytes);
    *out = datum_bytes(name.data, name.size);
    return KY_OK;
}

static ky_status
bpchar_to_text(CAST_PARAMETERS)
{
    struct ky_slice text = type_trim_end(value.bytes);
    *out = datum_bytes(text.data, text.size);
    return KY_OK;
}

static ky_status
bpchar_to_name(CAST_PARAMETERS)
{
    struct ky_slice name = type_trim_end(type_name_cut(value.bytes));
    *out = datum_bytes(name.data, name.size);
    return KY_OK;
}

static ky_status
bool_to_text(CAST_PARAMETERS)
{
    *out = datum_cstr(value.word != 0 ? "true" : "false");
    return KY_OK;
}

static ky_status
text_to_regclass(CAST_PARAMETERS)
{
    oid_t oid;
    if (context->reg == NULL) {
        return reg_error_missing(err, OID_REGCLASS, value.bytes);
    }
    /* A name, be it of digits. */
    KY_TRY(context->reg->find_oid(context->reg->self, OID_REGCLASS, value.bytes, &oid, err));
    *out = datum_word((int64_t)oid);
    return KY_OK;
}

/* The scalar of the kind that a jsonb must be to become target_name. */
static ky_status
jsonb_scalar(const struct type_context *context, struct datum value, bool wants_bool,
             const char *target_name, struct json_value **out, struct ky_error *err)
{
    static const char *const KIND_NAMES[] = {
        [JSON_NULL] = "null",      [JSON_FALSE] = "boolean", [JSON_TRUE] = "boolean",
        [JSON_NUMBER] = "numeric", [JSON_STRING] = "string", [JSON_ARRAY] = "array",
        [JSON_OBJECT] = "object"};
    struct json_value *root;
    KY_TRY(json_parse(context->arena, value.bytes, &root, err));
    bool is_bool = root->kind == JSON_FALSE || root->kind == JSON_TRUE;
    if (wants_bool ? !is_bool : root->kind != JSON_NUMBER) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "cannot cast jsonb %s to type %s",
                            KIND_NAMES[root->kind], target_name);
    }
    *out = root;
    return KY_OK;
}

static ky_status
jsonb_to_bool(CAST_PARAMETERS)
{
    struct json_value *scalar = NULL;
    KY_TRY(jsonb_scalar(context, value, true, "boolean", &scalar, err));
    *out = datum_word(scalar->kind == JSON_TRUE);
    return KY_OK;
}

static ky_status
jsonb_number(const struct type_context *context, struct datum value, const char *target_name,
             struct datum *out, struct ky_error *err)
{
    struct json_value *scalar = NULL;
    KY_TRY(jsonb_scalar(context, value, false, target_name, &scalar, err));
    return numeric_type.input(&numeric_type, context, scalar->text, -1, out, err);
}

static ky_status
jsonb_to_numeric(CAST_PARAMETERS)
{
    return jsonb_number(context, value, "numeric", out, err);
}

/* Through numeric and its own casts. */
static ky_status
jsonb_to(oid_t target, const struct type_context *context, struct datum value, struct datum *out,
         struct ky_error *err)
{
    struct datum number;
    KY_TRY(jsonb_number(context, value, type_get(target)->sql_name, &number, err));
    return cast_apply(cast_find(OID_NUMERIC, target), context, number, -1, true, out, err);
}

static ky_status
jsonb_to_int2(CAST_PARAMETERS)
{
    return jsonb_to(OID_INT2, context, value, out, err);
}

static ky_status
jsonb_to_int4(CAST_PARAMETERS)
{
    return jsonb_to(OID_INT4, context, value, out, err);
}

static ky_status
jsonb_to_int8(CAST_PARAMETERS)
{
    return jsonb_to(OID_INT8, context, value, out, err);
}

static ky_status
jsonb_to_float4(CAST_PARAMETERS)
{
    return jsonb_to(OID_FLOAT4, context, value, out, err);
}

static ky_status
jsonb_to_float8(CAST_PARAMETERS)
{
    return jsonb_to(OID_FLOAT8, context, value, out, err);
}

#define FN(source, target, context, fn, oid)                  \
    {                                                         \
        (source), (target), (context), CAST_FUNCTION, fn, oid \
    }
#define RELABEL(source, target, context, oid)                  \
    {                                                          \
        (source), (target), (context), CAST_RELABEL, NULL, oid \
    }
#define IN_OUT(source, target, context)                     \
    {                                                       \
        (source), (target), (context), CAST_IN_OUT, NULL, 0 \
    }

const struct cast text_casts[] = {
    FN(OID_BOOL, OID_TEXT, CAST_ASSIGNMENT, bool_to_text, 2971),
    FN(OID_BOOL, OID_BPCHAR, CAST_ASSIGNMENT, bool_to_text, 2971),
    FN(OID_BOOL, OID_VARCHAR, CAST_ASSIGNMENT, bool_to_text, 2971),
    FN(OID_CHAR, OID_TEXT, CAST_IMPLICIT, char_to_text, 946),
    FN(OID_CHAR, OID_BPCHAR, CAST_ASSIGNMENT, char_to_text, 860),
    FN(OID_CHAR, OID_VARCHAR, CAST_ASSIGNMENT, char_to_text, 946),
    RELABEL(OID_NAME, OID_TEXT, CAST_IMPLICIT, 406),
    RELABEL(OID_NAME, OID_BPCHAR, CAST_ASSIGNMENT, 408),
    RELABEL(OID_NAME, OID_VARCHAR, CAST_ASSIGNMENT, 1401),
    FN(OID_TEXT, OID_CHAR, CAST_ASSIGNMENT, text_to_char, 944),
    FN(OID_TEXT, OID_NAME, CAST_IMPLICIT, text_to_name, 407),
    RELABEL(OID_TEXT, OID_BPCHAR, CAST_IMPLICIT, 0),
    RELABEL(OID_TEXT, OID_VARCHAR, CAST_IMPLICIT, 0),
    FN(OID_TEXT, OID_REGCLASS, CAST_IMPLICIT, text_to_regclass, 1079),
    FN(OID_BPCHAR, OID_CHAR, CAST_ASSIGNMENT, text_to_char, 944),
    FN(OID_BPCHAR, OID_NAME, CAST_IMPLICIT, bpchar_to_name, 409),
    FN(OID_BPCHAR, OID_TEXT, CAST_IMPLICIT, bpchar_to_text, 401),
    FN(OID_BPCHAR, OID_VARCHAR, CAST_IMPLICIT, bpchar_to_text, 401),
    FN(OID_VARCHAR, OID_CHAR, CAST_ASSIGNMENT, text_to_char, 944),
    FN(OID_VARCHAR, OID_NAME, CAST_IMPLICIT, text_to_name, 1400),
    RELABEL(OID_VARCHAR, OID_TEXT, CAST_IMPLICIT, 0),
    RELABEL(OID_VARCHAR, OID_BPCHAR, CAST_IMPLICIT, 0),
    FN(OID_VARCHAR, OID_REGCLASS, CAST_IMPLICIT, text_to_regclass, 1079),
    RELABEL(OID_PG_NODE_TREE, OID_TEXT, CAST_IMPLICIT, 0),
    IN_OUT(OID_JSON, OID_JSONB, CAST_ASSIGNMENT),
    IN_OUT(OID_JSONB, OID_JSON, CAST_ASSIGNMENT),
    FN(OID_JSONB, OID_BOOL, CAST_EXPLICIT, jsonb_to_bool, 3556),
    FN(OID_JSONB, OID_NUMERIC, CAST_EXPLICIT, jsonb_to_numeric, 3449),
    FN(OID_JSONB, OID_INT2, CAST_EXPLICIT, jsonb_to_int2, 3450),
    FN(OID_JSONB, OID_INT4, CAST_EXPLICIT, jsonb_to_int4, 3451),
    FN(OID_JSONB, OID_INT8, CAST_EXPLICIT, jsonb_to_int8, 3452),
    FN(OID_JSONB, OID_FLOAT4, CAST_EXPLICIT, jsonb_to_float4, 3453),
    FN(OID_JSONB, OID_FLOAT8, CAST_EXPLICIT, jsonb_to_float8, 2580),
};
const size_t text_casts_count = KY_COUNT_OF(text_casts);
