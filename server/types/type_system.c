/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What system catalogs are made of: oid, the reg types, xid, cid, xid8, pg_lsn, tid. A tid is a
 * word: block number above, offset in the low 16 bits.
 */
#include <inttypes.h>

#include "server/types/number_text.h"
#include "server/types/reg.h"
#include "server/types/types_private.h"
#include "server/types/utf8.h"

/* Negative numbers are taken modulo 2^32, as strtoul does. */
ky_status
oid_in(const struct type *type, const struct type_context *context KY_UNUSED, struct ky_slice text,
       int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    int64_t value;
    switch (number_parse_int(text, INT32_MIN, UINT32_MAX, &value)) {
    case NUMBER_OK:
        *out = datum_word((int64_t)(uint32_t)value);
        return KY_OK;
    case NUMBER_SYNTAX:
        return type_error_syntax(err, type->sql_name, text);
    case NUMBER_RANGE:
        break;
    }
    return type_error_range(err, type->sql_name, text);
}

static void
append_uint(struct ky_buffer *out, uint64_t value)
{
    char *place = (char *)ky_buffer_extend(out, NUMBER_TEXT_SIZE_MAX);
    out->size -= NUMBER_TEXT_SIZE_MAX - number_format_uint(value, place);
}

void
oid_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
        struct datum value, struct ky_buffer *out)
{
    append_uint(out, (uint32_t)value.word);
}

ky_status
oid_recv(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct ky_slice wire, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    KY_TRY(type_check_wire(wire, 4, err));
    *out = datum_word((int64_t)ky_load_be32(wire.data));
    return KY_OK;
}

void
oid_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_be32(out, (uint32_t)value.word);
}

ky_status
reg_error_missing(struct ky_error *err, oid_t reg_type, struct ky_slice name)
{
    int size = (int)utf8_cut(name, 400);
    const char *text = name.size == 0 ? "" : name.data;
    switch (reg_type) {
    case OID_REGCLASS:
        return ky_error_set(err, KY_UNDEFINED_TABLE, "relation \"%.*s\" does not exist", size,
                            text);
    case OID_REGTYPE:
        return ky_error_set(err, KY_UNDEFINED_OBJECT, "type \"%.*s\" does not exist", size, text);
    case OID_REGROLE:
        return ky_error_set(err, KY_UNDEFINED_OBJECT, "role \"%.*s\" does not exist", size, text);
    case OID_REGNAMESPACE:
        return ky_error_set(err, KY_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", size,
                            text);
    case OID_REGPROC:
    case OID_REGPROCEDURE:
        return ky_error_set(err, KY_UNDEFINED_FUNCTION, "function \"%.*s\" does not exist", size,
                            text);
    case OID_REGOPER:
    case OID_REGOPERATOR:
        return ky_error_set(err, KY_UNDEFINED_FUNCTION, "operator does not exist: %.*s", size,
                            text);
    case OID_REGCONFIG:
        return ky_error_set(err, KY_UNDEFINED_OBJECT,
                            "text search configuration \"%.*s\" does not exist", size, text);
    case OID_REGDICTIONARY:
        return ky_error_set(err, KY_UNDEFINED_OBJECT,
                            "text search dictionary \"%.*s\" does not exist", size, text);
    default:
        return ky_error_set(err, KY_UNDEFINED_OBJECT,
                            "collation \"%.*s\" for encoding \"UTF8\" does not exist", size, text);
    }
}

/* A built-in type by its SQL or catalog name, [] for its array. Enough without a catalog. */
static const struct type *
find_type_text(struct ky_slice text)
{
    const char *p = text.data;
    bool is_array = text.size > 2 && memcmp(p + text.size - 2, "[]", 2) == 0;
    if (is_array) {
        text.size -= 2;
    }
    if (text.size > 11 && memcmp(p, "pg_catalog.", 11) == 0) {
        text = ky_slice(p + 11, text.size - 11);
    }
    const struct type *found = type_find_name(text);
    size_t count;
    const struct type *const *all = type_all(&count);
    for (size_t i = 0; i < count && found == NULL; i++) {
        found = ky_slice_is(text, all[i]->sql_name) ? all[i] : NULL;
    }
    return found != NULL && is_array ? type_find(found->array_oid) : found;
}

ky_status
reg_in(const struct type *type, const struct type_context *context, struct ky_slice text,
       int32_t typmod, struct datum *out, struct ky_error *err)
{
    const char *p = text.data;
    if (ky_slice_is(text, "-")) {
        *out = datum_word(0);
        return KY_OK;
    }
    size_t digits = 0;
    while (digits < text.size && p[digits] >= '0' && p[digits] <= '9') {
        digits++;
    }
    if (digits > 0 && digits == text.size) {
        return oid_in(type_get(OID_OID), context, text, typmod, out, err);
    }
    if (type->oid == OID_REGTYPE) {
        const struct type *found = find_type_text(type_trim(text));
        if (found != NULL) {
            *out = datum_word((int64_t)found->oid);
            return KY_OK;
        }
    }
    if (context->reg == NULL) {
        return reg_error_missing(err, type->oid, text);
    }
    oid_t oid;
    KY_TRY(context->reg->find_oid(context->reg->self, type->oid, text, &oid, err));
    *out = datum_word((int64_t)oid);
    return KY_OK;
}

void
reg_out(const struct type *type, const struct type_context *context, struct datum value,
        struct ky_buffer *out)
{
    oid_t oid = (oid_t)value.word;
    if (oid == 0) {
        ky_buffer_append_byte(out, '-');
    } else if (context->reg != NULL &&
               context->reg->append_name(context->reg->self, type->oid, oid, out)) {
        return;
    } else if (type->oid == OID_REGTYPE && oid < OID_FIRST_USER && type_find(oid) != NULL) {
        const char *name = type_get(oid)->sql_name;
        ky_buffer_append(out, name, strlen(name));
    } else {
        append_uint(out, oid);
    }
}

ky_status
reg_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
         int32_t typmod, struct datum *out, struct ky_error *err)
{
    return oid_recv(type, context, wire, typmod, out, err);
}

void
reg_send(const struct type *type, const struct type_context *context, struct datum value,
         struct ky_buffer *out)
{
    oid_send(type, context, value, out);
}

ky_status
xid8_in(const struct type *type, const struct type_context *context KY_UNUSED, struct ky_slice text,
        int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    struct ky_slice digits = type_trim(text);
    const char *p = digits.data;
    uint64_t value = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return type_error_syntax(err, type->sql_name, text);
        }
        uint64_t digit = (uint64_t)(p[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return type_error_range(err, type->sql_name, text);
        }
        value = value * 10 + digit;
    }
    if (digits.size == 0) {
        return type_error_syntax(err, type->sql_name, text);
    }
    *out = datum_word((int64_t)value);
    return KY_OK;
}

void
xid8_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct datum value, struct ky_buffer *out)
{
    append_uint(out, (uint64_t)value.word);
}

ky_status
xid8_recv(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
          struct ky_slice wire, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    KY_TRY(type_check_wire(wire, 8, err));
    *out = datum_word((int64_t)ky_load_be64(wire.data));
    return KY_OK;
}

void
xid8_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
          struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_be64(out, (uint64_t)value.word);
}

/* One to eight hexadecimal digits; the place after them, or NULL. */
static const char *
parse_hex32(const char *p, const char *end, uint32_t *out)
{
    const char *start = p;
    uint32_t value = 0;
    for (; p < end && p - start < 9; p++) {
        char c = *p;
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if ((c | 32) >= 'a' && (c | 32) <= 'f') {
            digit = (uint32_t)((c | 32) - 'a' + 10);
        } else {
            break;
        }
        value = value << 4 | digit;
    }
    *out = value;
    return p == start || p - start > 8 ? NULL : p;
}

ky_status
lsn_in(const struct type *type, const struct type_context *context KY_UNUSED, struct ky_slice text,
       int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    const char *p = text.data;
    const char *end = p + text.size;
    uint32_t high = 0;
    uint32_t low = 0;
    p = text.size == 0 ? NULL : parse_hex32(p, end, &high);
    if (p == NULL || p == end || *p != '/') {
        return type_error_syntax(err, type->sql_name, text);
    }
    p = parse_hex32(p + 1, end, &low);
    if (p != end) {
        return type_error_syntax(err, type->sql_name, text);
    }
    *out = datum_word((int64_t)((uint64_t)high << 32 | low));
    return KY_OK;
}

void
lsn_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
        struct datum value, struct ky_buffer *out)
{
    uint64_t lsn = (uint64_t)value.word;
    ky_buffer_printf(out, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
}

ky_status
lsn_recv(const struct type *type, const struct type_context *context, struct ky_slice wire,
         int32_t typmod, struct datum *out, struct ky_error *err)
{
    return xid8_recv(type, context, wire, typmod, out, err);
}

void
lsn_send(const struct type *type, const struct type_context *context, struct datum value,
         struct ky_buffer *out)
{
    xid8_send(type, context, value, out);
}

ky_status
tid_in(const struct type *type, const struct type_context *context KY_UNUSED, struct ky_slice text,
       int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    struct ky_slice all = type_trim(text);
    const char *p = all.data;
    const char *comma = all.size < 2 ? NULL : memchr(p, ',', all.size);
    int64_t block;
    int64_t offset;
    if (comma == NULL || p[0] != '(' || p[all.size - 1] != ')' ||
        number_parse_int(ky_slice(p + 1, (size_t)(comma - p - 1)), INT32_MIN, UINT32_MAX, &block) !=
            NUMBER_OK ||
        number_parse_int(ky_slice(comma + 1, (size_t)(p + all.size - 1 - comma - 1)), 0, UINT16_MAX,
                         &offset) != NUMBER_OK) {
        return type_error_syntax(err, type->sql_name, text);
    }
    *out = datum_word((int64_t)((uint64_t)(uint32_t)block << 16 | (uint64_t)offset));
    return KY_OK;
}

void
tid_out(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
        struct datum value, struct ky_buffer *out)
{
    ky_buffer_printf(out, "(%" PRIu32 ",%u)", (uint32_t)((uint64_t)value.word >> 16),
                     (unsigned)(value.word & 0xFFFF));
}

ky_status
tid_recv(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct ky_slice wire, int32_t typmod KY_UNUSED, struct datum *out, struct ky_error *err)
{
    KY_TRY(type_check_wire(wire, 6, err));
    const uint8_t *p = wire.data;
    *out = datum_word((int64_t)((uint64_t)ky_load_be32(p) << 16 | ky_load_be16(p + 4)));
    return KY_OK;
}

void
tid_send(const struct type *type KY_UNUSED, const struct type_context *context KY_UNUSED,
         struct datum value, struct ky_buffer *out)
{
    ky_buffer_append_be32(out, (uint32_t)((uint64_t)value.word >> 16));
    ky_buffer_append_be16(out, (uint16_t)value.word);
}

/* Types whose words are equal exactly when their values are: integers and object numbers. */
static bool
is_number_word(const struct type *type)
{
    return type->oid == OID_INT2 || type->oid == OID_INT4 || type->oid == OID_INT8 ||
           type->oid == OID_OID || strncmp(type->name, "reg", 3) == 0;
}

bool
types_hash_alike(const struct type *a, const struct type *b)
{
    return a == b || (a->storage == b->storage && is_number_word(a) && is_number_word(b));
}
