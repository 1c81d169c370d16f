/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/cast.h"
#include "server/types/type.h"

/* Types that have a file of their own. */
extern const struct type numeric_type;
extern const struct type date_type;
extern const struct type time_type;
extern const struct type timetz_type;
extern const struct type timestamp_type;
extern const struct type timestamptz_type;
extern const struct type interval_type;

/* Their rows of the cast table; cast.c joins all tables. */
extern const struct cast numeric_casts[];
extern const size_t numeric_casts_count;
extern const struct cast datetime_casts[];
extern const size_t datetime_casts_count;

/* 22P02 `invalid input syntax for type integer: "abc"`, text cut to fit. */
KY_COLD ky_status type_error_syntax(struct ky_error *err, const char *type_name,
                                    struct ky_slice text);
/* 22003 `value "99999" is out of range for type smallint`. */
KY_COLD ky_status type_error_range(struct ky_error *err, const char *type_name,
                                   struct ky_slice text);
/* 22P03 for a binary value of the wrong size: `incorrect binary data format`. */
KY_COLD ky_status type_error_binary(struct ky_error *err);
/* A value whose binary form has `size` bytes: 08P01 when fewer came, 22P03 when more. */
KY_MUST_CHECK ky_status type_check_wire(struct ky_slice wire, size_t size, struct ky_error *err);
/* Order-preserving bytes of a word and of a double, eight each. */
void type_key_word(struct ky_buffer *out, int64_t word);
void type_key_real(struct ky_buffer *out, double real);
/* Any bytes: 0x00 becomes 0x00 0xFF, and 0x00 0x01 ends them. */
void type_key_bytes(struct ky_buffer *out, struct ky_slice bytes);

/* registry.c: a type that type_find does not know and asks user_type.c for. */
const struct type *type_find_user(oid_t oid);
/* All but the names of an enum, and of the array of it. */
void type_init_enum(struct type *type, oid_t oid, oid_t array_oid);
void type_init_array(struct type *type, oid_t oid, oid_t element_oid);

/* The entry points of one type or family, named <family>_in, _out, _recv, _send. */
#define TYPE_IO_DECLARE(family)                                                          \
    ky_status family##_in(const struct type *type, const struct type_context *context,   \
                          struct ky_slice text, int32_t typmod, struct datum *out,       \
                          struct ky_error *err);                                         \
    void family##_out(const struct type *type, const struct type_context *context,       \
                      struct datum value, struct ky_buffer *out);                        \
    ky_status family##_recv(const struct type *type, const struct type_context *context, \
                            struct ky_slice wire, int32_t typmod, struct datum *out,     \
                            struct ky_error *err);                                       \
    void family##_send(const struct type *type, const struct type_context *context,      \
                       struct datum value, struct ky_buffer *out);
/* Its order: <family>_compare, _hash, _key. */
#define TYPE_ORDER_DECLARE(family)                                                 \
    int family##_compare(const struct type *type, struct datum a, struct datum b); \
    uint64_t family##_hash(const struct type *type, struct datum value);           \
    void family##_key(const struct type *type, struct datum value, struct ky_buffer *out);
#define TYPE_COERCE_DECLARE(family)                                                        \
    ky_status family##_coerce(const struct type *type, const struct type_context *context, \
                              struct datum value, int32_t typmod, bool is_explicit,        \
                              struct datum *out, struct ky_error *err);                    \
    ky_status family##_typmod_in(const int32_t *values, int count, int32_t *typmod_out,    \
                                 struct ky_error *err);                                    \
    void family##_typmod_out(int32_t typmod, struct ky_buffer *out);

TYPE_IO_DECLARE(bool)
TYPE_IO_DECLARE(char)
TYPE_IO_DECLARE(int) /* int2, int4, int8: by disk_size */
TYPE_IO_DECLARE(oid) /* oid, xid, cid */
TYPE_IO_DECLARE(reg) /* regclass, regtype ...: a name through reg.h */
TYPE_IO_DECLARE(xid8)
TYPE_IO_DECLARE(lsn)
TYPE_IO_DECLARE(tid)
TYPE_IO_DECLARE(float) /* float4, float8: by disk_size */
TYPE_IO_DECLARE(text)  /* text and whatever is plain text */
TYPE_IO_DECLARE(varchar)
TYPE_IO_DECLARE(bpchar)
TYPE_IO_DECLARE(name)
TYPE_IO_DECLARE(bytea)
TYPE_IO_DECLARE(uuid)
TYPE_IO_DECLARE(json)
TYPE_IO_DECLARE(jsonb)
TYPE_IO_DECLARE(jsonpath)
TYPE_IO_DECLARE(array)
TYPE_IO_DECLARE(intvector) /* int2vector, oidvector */
TYPE_IO_DECLARE(vector)    /* vector, halfvec */
TYPE_IO_DECLARE(sparsevec)
TYPE_IO_DECLARE(bit) /* bit, varbit */
TYPE_IO_DECLARE(record)
TYPE_IO_DECLARE(enum)
TYPE_IO_DECLARE(pseudo)
TYPE_IO_DECLARE(void)

TYPE_ORDER_DECLARE(word)     /* signed */
TYPE_ORDER_DECLARE(unsigned) /* pg_lsn, xid8 */
TYPE_ORDER_DECLARE(real)
TYPE_ORDER_DECLARE(bytes)
TYPE_ORDER_DECLARE(bpchar)
TYPE_ORDER_DECLARE(uuid)
TYPE_ORDER_DECLARE(jsonb)
TYPE_ORDER_DECLARE(array)
TYPE_ORDER_DECLARE(vector)
TYPE_ORDER_DECLARE(sparsevec)
TYPE_ORDER_DECLARE(bit)
TYPE_ORDER_DECLARE(record)

TYPE_COERCE_DECLARE(varchar)
TYPE_COERCE_DECLARE(bpchar)
TYPE_COERCE_DECLARE(vector)
TYPE_COERCE_DECLARE(bit)
TYPE_COERCE_DECLARE(sparsevec)
TYPE_COERCE_DECLARE(varbit)
ky_status halfvec_typmod_in(const int32_t *values, int count, int32_t *typmod_out,
                            struct ky_error *err);
/* Element by element with the element type's coerce. */
ky_status array_coerce(const struct type *type, const struct type_context *context,
                       struct datum value, int32_t typmod, bool is_explicit, struct datum *out,
                       struct ky_error *err);

/* What a word type's bytes on disk extend to: oid and its kin are unsigned. */
static inline bool
type_is_signed(const struct type *type)
{
    return type->compare != NULL && (type->oid == OID_INT2 || type->oid == OID_INT4 ||
                                     type->oid == OID_DATE || type->oid == OID_INT8);
}

static inline bool
type_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Without the blanks around it. */
struct ky_slice type_trim(struct ky_slice text);
/* Without the blanks behind it: how bpchar compares. */
struct ky_slice type_trim_end(struct ky_slice text);
/* At most NAMEDATALEN - 1 bytes, cut between characters. */
struct ky_slice type_name_cut(struct ky_slice text);
/* The bytes a buffer gathered, in the arena; frees the buffer. */
struct datum type_take_buffer(struct ky_arena *arena, struct ky_buffer *buffer);
/* Normalised text of any JSON text, for casts to jsonb. */
ky_status jsonb_from_text(const struct type_context *context, struct ky_slice text,
                          struct datum *out, struct ky_error *err);

extern const struct cast word_casts[];
extern const size_t word_casts_count;
extern const struct cast text_casts[];
extern const size_t text_casts_count;
extern const struct cast vector_casts[];
extern const size_t vector_casts_count;
extern const struct cast bit_casts[];
extern const size_t bit_casts_count;

/* What pgvector asks of its three types: elements are finite, dimensions within bounds and as the
 * modifier says, floats small enough for halves. */
ky_status vector_check_element(const struct type *type, float value, struct ky_error *err);
ky_status vector_check_dimensions(const struct type *type, int64_t dimensions,
                                  struct ky_error *err);
ky_status vector_check_expected(int32_t typmod, uint32_t dimensions, struct ky_error *err);
ky_status vector_check_half(float value, struct ky_error *err);
