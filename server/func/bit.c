/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/aggregate.h"
#include "server/types/vector_value.h"

/* Bit strings: PostgreSQL's functions and operators, and pgvector's two distances. */

static ky_status
validate_same_size(struct ky_slice a, struct ky_slice b, const char *operation,
                   struct ky_error *err)
{
    if (bit_length(a) != bit_length(b)) {
        return ky_error_set(err, KY_STRING_DATA_LENGTH_MISMATCH,
                            "cannot %s bit strings of different sizes", operation);
    }
    return KY_OK;
}

enum logic { AND, OR, XOR };

static void
apply_logic(enum logic kind, uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        to[i] = kind == AND  ? (uint8_t)(to[i] & from[i])
                : kind == OR ? (uint8_t)(to[i] | from[i])
                             : (uint8_t)(to[i] ^ from[i]);
    }
}

static ky_status
combine(struct func_env *env, enum logic kind, struct ky_slice a, struct ky_slice b,
        struct datum *out, struct ky_error *err)
{
    static const char *const names[] = {"AND", "OR", "XOR"};
    KY_TRY(validate_same_size(a, b, names[kind], err));
    uint8_t *bits;
    struct ky_slice made = bit_new(env->types.arena, bit_length(a), &bits);
    memcpy(bits, bit_data(a), bit_bytes(bit_length(a)));
    apply_logic(kind, bits, bit_data(b), bit_bytes(bit_length(a)));
    *out = datum_bytes(made.data, made.size);
    return KY_OK;
}

SCALAR(bit_and_scalar)
{
    return combine(env, AND, args[0].bytes, args[1].bytes, out, err);
}

SCALAR(bit_or_scalar)
{
    return combine(env, OR, args[0].bytes, args[1].bytes, out, err);
}

SCALAR(bit_xor_scalar)
{
    return combine(env, XOR, args[0].bytes, args[1].bytes, out, err);
}

/* Copies count bits of from, from bit `first` on, to bit `place` of to, which is 0 there. */
static void
copy_bits(uint8_t *to, uint32_t place, const uint8_t *from, uint32_t first, uint32_t count)
{
    if (place % 8 == 0 && first % 8 == 0) {
        memcpy(to + place / 8, from + first / 8, count / 8);
        place += count / 8 * 8;
        first += count / 8 * 8;
        count %= 8;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t bit = from[(first + i) / 8] >> (7 - (first + i) % 8) & 1U;
        to[(place + i) / 8] |= (uint8_t)(bit << (7 - (place + i) % 8));
    }
}

SCALAR(bit_not)
{
    const uint32_t length = bit_length(args[0].bytes);
    uint8_t *bits;
    struct ky_slice made = bit_new(env->types.arena, length, &bits);
    for (size_t i = 0; i < bit_bytes(length); i++) {
        bits[i] = (uint8_t)~bit_data(args[0].bytes)[i];
    }
    if (length % 8 != 0) {
        bits[length / 8] &= (uint8_t)(0xFFU << (8 - length % 8));
    }
    *out = datum_bytes(made.data, made.size);
    return KY_OK;
}

/* To the left by count, to the right if it is negative; the length stays. */
static ky_status
shift(struct func_env *env, struct ky_slice a, int64_t count, struct datum *out)
{
    const uint32_t length = bit_length(a);
    uint8_t *bits;
    struct ky_slice made = bit_new(env->types.arena, length, &bits);
    if (count >= 0 && count < length) {
        copy_bits(bits, 0, bit_data(a), (uint32_t)count, length - (uint32_t)count);
    } else if (count < 0 && -count < length) {
        copy_bits(bits, (uint32_t)-count, bit_data(a), 0, length - (uint32_t)-count);
    }
    *out = datum_bytes(made.data, made.size);
    return KY_OK;
}

SCALAR(bit_shift_left)
{
    return shift(env, args[0].bytes, args[1].word, out);
}

SCALAR(bit_shift_right)
{
    return shift(env, args[0].bytes, -args[1].word, out);
}

static ky_status
concat(struct func_env *env, struct ky_slice a, struct ky_slice b, struct datum *out,
       struct ky_error *err)
{
    if (bit_length(a) > BIT_LENGTH_MAX - bit_length(b)) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "bit string length exceeds the maximum allowed (%d)",
                            (int)BIT_LENGTH_MAX);
    }
    uint8_t *bits;
    struct ky_slice made = bit_new(env->types.arena, bit_length(a) + bit_length(b), &bits);
    copy_bits(bits, 0, bit_data(a), 0, bit_length(a));
    copy_bits(bits, bit_length(a), bit_data(b), 0, bit_length(b));
    *out = datum_bytes(made.data, made.size);
    return KY_OK;
}

SCALAR(bit_concat)
{
    return concat(env, args[0].bytes, args[1].bytes, out, err);
}

/* count < 0: to the end. */
static ky_status
substring(struct func_env *env, struct ky_slice a, int64_t start, int64_t count, bool has_count,
          struct datum *out, struct ky_error *err)
{
    const int64_t length = bit_length(a);
    if (has_count && count < 0) {
        return ky_error_set(err, KY_SUBSTRING_ERROR, "negative substring length not allowed");
    }
    const int64_t end = has_count ? KY_MIN(start + count, length + 1) : length + 1;
    const int64_t first = KY_MAX(start, (int64_t)1);
    uint8_t *bits;
    const uint32_t kept = end > first ? (uint32_t)(end - first) : 0;
    struct ky_slice made = bit_new(env->types.arena, kept, &bits);
    if (kept > 0) {
        copy_bits(bits, 0, bit_data(a), (uint32_t)(first - 1), kept);
    }
    *out = datum_bytes(made.data, made.size);
    return KY_OK;
}

SCALAR(bit_substring)
{
    return substring(env, args[0].bytes, args[1].word, args[2].word, true, out, err);
}

SCALAR(bit_substring_to_end)
{
    return substring(env, args[0].bytes, args[1].word, 0, false, out, err);
}

/* overlay(a placing b from start for count) */
static ky_status
overlay(struct func_env *env, const struct datum *args, int64_t count, struct datum *out,
        struct ky_error *err)
{
    struct datum head;
    struct datum tail;
    if (args[2].word <= 0) {
        return ky_error_set(err, KY_SUBSTRING_ERROR, "negative substring length not allowed");
    }
    if (args[2].word + count > INT32_MAX || args[2].word + count < INT32_MIN) {
        return ky_error_set(err, KY_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
    }
    KY_TRY(substring(env, args[0].bytes, 1, args[2].word - 1, true, &head, err));
    KY_TRY(substring(env, args[0].bytes, args[2].word + count, 0, false, &tail, err));
    KY_TRY(concat(env, head.bytes, args[1].bytes, &head, err));
    return concat(env, head.bytes, tail.bytes, out, err);
}

SCALAR(bit_overlay)
{
    return overlay(env, args, args[3].word, out, err);
}

SCALAR(bit_overlay_whole)
{
    return overlay(env, args, bit_length(args[1].bytes), out, err);
}

SCALAR(bit_string_length)
{
    *out = datum_word(bit_length(args[0].bytes));
    return KY_OK;
}

SCALAR(bit_octet_length)
{
    *out = datum_word((int64_t)bit_bytes(bit_length(args[0].bytes)));
    return KY_OK;
}

static int64_t
count_ones(const uint8_t *bits, size_t size)
{
    int64_t count = 0;
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        count += __builtin_popcountll(ky_load_le64(bits + i));
    }
    for (; i < size; i++) {
        count += __builtin_popcount(bits[i]);
    }
    return count;
}

SCALAR(bit_count)
{
    *out = datum_word(count_ones(bit_data(args[0].bytes), bit_bytes(bit_length(args[0].bytes))));
    return KY_OK;
}

static uint32_t
bit_at(struct ky_slice value, uint32_t place)
{
    return bit_data(value)[place / 8] >> (7 - place % 8) & 1U;
}

/* Where the second string first lies in the first; 0: nowhere. */
SCALAR(bit_position)
{
    const struct ky_slice in = args[0].bytes;
    const struct ky_slice what = args[1].bytes;
    const uint32_t wanted = bit_length(what);
    *out = datum_word(bit_length(in) == 0 || wanted > bit_length(in) ? 0 : wanted == 0);
    for (uint32_t at = 0; out->word == 0 && wanted > 0 && at + wanted <= bit_length(in); at++) {
        uint32_t same = 0;
        while (same < wanted && bit_at(in, at + same) == bit_at(what, same)) {
            same++;
        }
        out->word = same == wanted ? (int64_t)at + 1 : 0;
    }
    return KY_OK;
}

static ky_status
validate_place(struct ky_slice value, int64_t place, struct ky_error *err)
{
    if (place < 0 || place >= bit_length(value)) {
        return ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR,
                            "bit index %lld out of valid range (0..%lld)", (long long)place,
                            (long long)bit_length(value) - 1);
    }
    return KY_OK;
}

SCALAR(get_bit)
{
    KY_TRY(validate_place(args[0].bytes, args[1].word, err));
    *out = datum_word(bit_at(args[0].bytes, (uint32_t)args[1].word));
    return KY_OK;
}

SCALAR(set_bit)
{
    const struct ky_slice from = args[0].bytes;
    const uint32_t place = (uint32_t)args[1].word;
    KY_TRY(validate_place(from, args[1].word, err));
    if (args[2].word != 0 && args[2].word != 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "new bit must be 0 or 1");
    }
    uint8_t *bits;
    struct ky_slice made = bit_new(env->types.arena, bit_length(from), &bits);
    memcpy(bits, bit_data(from), bit_bytes(bit_length(from)));
    const uint8_t mask = (uint8_t)(0x80U >> (place % 8));
    bits[place / 8] = args[2].word != 0 ? bits[place / 8] | mask : bits[place / 8] & (uint8_t)~mask;
    *out = datum_bytes(made.data, made.size);
    return KY_OK;
}

SCALAR(bit_cmp)
{
    *out = datum_word(compare_as(OID_BIT, args[0], args[1]));
    return KY_OK;
}

/* ------------------------------------------------------------------ distances */

static ky_status
validate_same_length(struct ky_slice a, struct ky_slice b, struct ky_error *err)
{
    if (bit_length(a) != bit_length(b)) {
        return ky_error_set(err, KY_DATA_EXCEPTION, "different bit lengths %u and %u",
                            bit_length(a), bit_length(b));
    }
    return KY_OK;
}

SCALAR(hamming_distance)
{
    const struct ky_slice a = args[0].bytes;
    const struct ky_slice b = args[1].bytes;
    int64_t count = 0;
    KY_TRY(validate_same_length(a, b, err));
    const size_t size = bit_bytes(bit_length(a));
    size_t i = 0;
    for (; i + 8 <= size; i += 8) {
        count +=
            __builtin_popcountll(ky_load_le64(bit_data(a) + i) ^ ky_load_le64(bit_data(b) + i));
    }
    for (; i < size; i++) {
        count += __builtin_popcount((uint32_t)(bit_data(a)[i] ^ bit_data(b)[i]));
    }
    *out = datum_real((double)count);
    return KY_OK;
}

/* 1 - ones in both / ones in either; 1 when the two have none in common. */
SCALAR(jaccard_distance)
{
    const struct ky_slice a = args[0].bytes;
    const struct ky_slice b = args[1].bytes;
    int64_t both = 0;
    KY_TRY(validate_same_length(a, b, err));
    const size_t size = bit_bytes(bit_length(a));
    for (size_t i = 0; i < size; i++) {
        both += __builtin_popcount((uint32_t)(bit_data(a)[i] & bit_data(b)[i]));
    }
    const int64_t either = count_ones(bit_data(a), size) + count_ones(bit_data(b), size) - both;
    *out = datum_real(both == 0 ? 1.0 : 1.0 - (double)both / (double)either);
    return KY_OK;
}

/* ------------------------------------------------------------------ aggregates */

struct bit_state {
    struct held_bytes held;
    bool is_begun;
};

static ky_status
aggregate(struct func_env *env, struct bit_state *total, enum logic kind, struct ky_slice value,
          struct ky_error *err)
{
    static const char *const names[] = {"AND", "OR", "XOR"};
    if (!total->is_begun) {
        held_bytes_set(&total->held, env->types.arena, value);
        total->is_begun = true;
        return KY_OK;
    }
    const struct ky_slice held = {total->held.data, total->held.size};
    KY_TRY(validate_same_size(held, value, names[kind], err));
    apply_logic(kind, total->held.data + BIT_HEADER_SIZE, bit_data(value),
                bit_bytes(bit_length(value)));
    return KY_OK;
}

AGGREGATE_ADD(bit_and_add)
{
    return aggregate(env, state, AND, args[0].bytes, err);
}

AGGREGATE_ADD(bit_or_add)
{
    return aggregate(env, state, OR, args[0].bytes, err);
}

AGGREGATE_ADD(bit_xor_add)
{
    return aggregate(env, state, XOR, args[0].bytes, err);
}

AGGREGATE_FINISH(bit_finish)
{
    const struct bit_state *total = state;
    *out = datum_null();
    if (total->is_begun) {
        struct ky_slice copy =
            ky_slice_dup(env->types.arena, ky_slice(total->held.data, total->held.size));
        *out = datum_bytes(copy.data, copy.size);
    }
    return KY_OK;
}

#define BIT_AGGREGATE(name)                     \
    static const struct func_aggregate name = { \
        .state_size = sizeof(struct bit_state), \
        .add = name##_add,                      \
        .finish = bit_finish,                   \
        .skips_nulls = true,                    \
    };
BIT_AGGREGATE(bit_and)
BIT_AGGREGATE(bit_or)
BIT_AGGREGATE(bit_xor)

SCALAR(bytea_bit_count)
{
    *out = datum_word(count_ones(args[0].bytes.data, args[0].bytes.size));
    return KY_OK;
}

/* Bits of a bytea are counted from the lowest of its first byte. */
static ky_status
check_bit(struct ky_slice bytes, int64_t bit, struct ky_error *err)
{
    const int64_t count = (int64_t)bytes.size * 8;
    return bit >= 0 && bit < count ? KY_OK
                                   : ky_error_set(err, KY_ARRAY_SUBSCRIPT_ERROR,
                                                  "index %lld out of valid range, 0..%lld",
                                                  (long long)bit, (long long)count - 1);
}

SCALAR(bytea_get_bit)
{
    const int64_t bit = args[1].word;
    KY_TRY(check_bit(args[0].bytes, bit, err));
    *out = datum_word(((const uint8_t *)args[0].bytes.data)[bit / 8] >> (bit % 8) & 1);
    return KY_OK;
}

SCALAR(bytea_set_bit)
{
    const int64_t bit = args[1].word;
    KY_TRY(check_bit(args[0].bytes, bit, err));
    if (args[2].word != 0 && args[2].word != 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "new bit must be 0 or 1");
    }
    uint8_t *bytes = ky_arena_alloc(env->types.arena, args[0].bytes.size);
    memcpy(bytes, args[0].bytes.data, args[0].bytes.size);
    bytes[bit / 8] = (uint8_t)((bytes[bit / 8] & ~(1 << bit % 8)) | (int)args[2].word << bit % 8);
    *out = datum_bytes(bytes, args[0].bytes.size);
    return KY_OK;
}

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(6163, "bit_count", OID_INT8, 'i', true, ARGS(OID_BYTEA), .scalar = bytea_bit_count),
    FUNC(723, "get_bit", OID_INT4, 'i', true, ARGS(OID_BYTEA, OID_INT8), .scalar = bytea_get_bit),
    FUNC(724, "set_bit", OID_BYTEA, 'i', true, ARGS(OID_BYTEA, OID_INT8, OID_INT4),
         .scalar = bytea_set_bit),
    FUNC(1596, "bitcmp", OID_INT4, 'i', true, ARGS(OID_BIT, OID_BIT), .scalar = bit_cmp),
    FUNC(1672, "varbitcmp", OID_INT4, 'i', true, ARGS(OID_VARBIT, OID_VARBIT), .scalar = bit_cmp),
    FUNC(1673, "bitand", OID_BIT, 'i', true, ARGS(OID_BIT, OID_BIT), .scalar = bit_and_scalar),
    FUNC(1674, "bitor", OID_BIT, 'i', true, ARGS(OID_BIT, OID_BIT), .scalar = bit_or_scalar),
    FUNC(1675, "bitxor", OID_BIT, 'i', true, ARGS(OID_BIT, OID_BIT), .scalar = bit_xor_scalar),
    FUNC(1676, "bitnot", OID_BIT, 'i', true, ARGS(OID_BIT), .scalar = bit_not),
    FUNC(1677, "bitshiftleft", OID_BIT, 'i', true, ARGS(OID_BIT, OID_INT4),
         .scalar = bit_shift_left),
    FUNC(1678, "bitshiftright", OID_BIT, 'i', true, ARGS(OID_BIT, OID_INT4),
         .scalar = bit_shift_right),
    FUNC(1679, "bitcat", OID_VARBIT, 'i', true, ARGS(OID_VARBIT, OID_VARBIT), .scalar = bit_concat),
    FUNC(1680, "substring", OID_BIT, 'i', true, ARGS(OID_BIT, OID_INT4, OID_INT4),
         .scalar = bit_substring),
    FUNC(1699, "substring", OID_BIT, 'i', true, ARGS(OID_BIT, OID_INT4),
         .scalar = bit_substring_to_end),
    FUNC(1681, "length", OID_INT4, 'i', true, ARGS(OID_BIT), .scalar = bit_string_length),
    FUNC(1682, "octet_length", OID_INT4, 'i', true, ARGS(OID_BIT), .scalar = bit_octet_length),
    FUNC(1812, "bit_length", OID_INT4, 'i', true, ARGS(OID_BIT), .scalar = bit_string_length),
    FUNC(6162, "bit_count", OID_INT8, 'i', true, ARGS(OID_BIT), .scalar = bit_count),
    FUNC(1698, "position", OID_INT4, 'i', true, ARGS(OID_BIT, OID_BIT), .scalar = bit_position),
    FUNC(3030, "overlay", OID_BIT, 'i', true, ARGS(OID_BIT, OID_BIT, OID_INT4, OID_INT4),
         .scalar = bit_overlay),
    FUNC(3031, "overlay", OID_BIT, 'i', true, ARGS(OID_BIT, OID_BIT, OID_INT4),
         .scalar = bit_overlay_whole),
    FUNC(3032, "get_bit", OID_INT4, 'i', true, ARGS(OID_BIT, OID_INT4), .scalar = get_bit),
    FUNC(3033, "set_bit", OID_BIT, 'i', true, ARGS(OID_BIT, OID_INT4, OID_INT4), .scalar = set_bit),
    AGGREGATE(2242, "bit_and", OID_BIT, 'i', false, ARGS(OID_BIT), .aggregate = &bit_and),
    AGGREGATE(2243, "bit_or", OID_BIT, 'i', false, ARGS(OID_BIT), .aggregate = &bit_or),
    AGGREGATE(6167, "bit_xor", OID_BIT, 'i', false, ARGS(OID_BIT), .aggregate = &bit_xor),
    FUNC(15140, "hamming_distance", OID_FLOAT8, 'i', true, ARGS(OID_BIT, OID_BIT),
         .scalar = hamming_distance),
    FUNC(15141, "jaccard_distance", OID_FLOAT8, 'i', true, ARGS(OID_BIT, OID_BIT),
         .scalar = jaccard_distance),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(1791, "&", OID_BIT, OID_BIT, OID_BIT, 1673, 1791, 0, 0, false),
    OPERATOR(1792, "|", OID_BIT, OID_BIT, OID_BIT, 1674, 1792, 0, 0, false),
    OPERATOR(1793, "#", OID_BIT, OID_BIT, OID_BIT, 1675, 1793, 0, 0, false),
    OPERATOR(1794, "~", OID_NONE, OID_BIT, OID_BIT, 1676, 0, 0, 0, false),
    OPERATOR(1795, "<<", OID_BIT, OID_INT4, OID_BIT, 1677, 0, 0, 0, false),
    OPERATOR(1796, ">>", OID_BIT, OID_INT4, OID_BIT, 1678, 0, 0, 0, false),
    OPERATOR(1797, "||", OID_VARBIT, OID_VARBIT, OID_VARBIT, 1679, 0, 0, 0, false),
    OPERATOR(15158, "<~>", OID_BIT, OID_BIT, OID_FLOAT8, 15140, 15158, 0, 0, false),
    OPERATOR(15159, "<%>", OID_BIT, OID_BIT, OID_FLOAT8, 15141, 15159, 0, 0, false),
};

const struct func_table func_table_bit = {funcs, KY_COUNT_OF(funcs), operators,
                                          KY_COUNT_OF(operators)};
