/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "server/func/func_private.h"
#include "server/func/utext.h"
#include "server/types/array.h"
#include "server/types/datetime.h"
#include "server/types/numeric.h"
#include "server/types/record.h"

/*
 * hashtext and its kin, for who spreads rows over tables or names advisory locks by them: results
 * are PostgreSQL's. The mixing is Bob Jenkins' lookup3 (public domain), of little-endian words; a
 * tail of less than 12 bytes leaves the lowest byte of the third word empty. The 64-bit forms take
 * a seed; with seed 0 their lower half is the 32-bit form's result, so that there is one of each.
 */

struct mix {
    uint32_t a, b, c;
};

static uint32_t
rotate(uint32_t word, int by)
{
    return word << by | word >> (32 - by);
}

static void
mix(struct mix *m)
{
    m->a = (m->a - m->c) ^ rotate(m->c, 4);
    m->c += m->b;
    m->b = (m->b - m->a) ^ rotate(m->a, 6);
    m->a += m->c;
    m->c = (m->c - m->b) ^ rotate(m->b, 8);
    m->b += m->a;
    m->a = (m->a - m->c) ^ rotate(m->c, 16);
    m->c += m->b;
    m->b = (m->b - m->a) ^ rotate(m->a, 19);
    m->a += m->c;
    m->c = (m->c - m->b) ^ rotate(m->b, 4);
    m->b += m->a;
}

static uint64_t
finish(struct mix *m)
{
    m->c = (m->c ^ m->b) - rotate(m->b, 14);
    m->a = (m->a ^ m->c) - rotate(m->c, 11);
    m->b = (m->b ^ m->a) - rotate(m->a, 25);
    m->c = (m->c ^ m->b) - rotate(m->b, 16);
    m->a = (m->a ^ m->c) - rotate(m->c, 4);
    m->b = (m->b ^ m->a) - rotate(m->a, 14);
    m->c = (m->c ^ m->b) - rotate(m->b, 24);
    return (uint64_t)m->b << 32 | m->c;
}

static struct mix
begin(size_t size, uint64_t seed)
{
    const uint32_t start = UINT32_C(0x9e3779b9) + (uint32_t)size + 3923095;
    struct mix m = {start, start, start};
    if (seed != 0) {
        m.a += (uint32_t)(seed >> 32);
        m.b += (uint32_t)seed;
        mix(&m);
    }
    return m;
}

static uint64_t
hash_bytes(const void *data, size_t size, uint64_t seed)
{
    enum { STEP = 12 };
    const uint8_t *p = data;
    uint8_t tail[STEP] = {0};
    struct mix m = begin(size, seed);
    for (; size >= STEP; size -= STEP, p += STEP) {
        m.a += ky_load_le32(p);
        m.b += ky_load_le32(p + 4);
        m.c += ky_load_le32(p + 8);
        mix(&m);
    }
    for (size_t i = 0; i < size; i++) {
        tail[i < 8 ? i : i + 1] = p[i];
    }
    m.a += ky_load_le32(tail);
    m.b += ky_load_le32(tail + 4);
    m.c += ky_load_le32(tail + 8);
    return finish(&m);
}

static uint64_t
hash_slice(struct ky_slice bytes, uint64_t seed)
{
    return hash_bytes(bytes.data, bytes.size, seed);
}

static uint64_t
hash_word32(uint32_t word, uint64_t seed)
{
    struct mix m = begin(sizeof(word), seed);
    m.a += word;
    return finish(&m);
}

/* Equal to the hash of the same number in fewer bits. */
static uint64_t
hash_word64(int64_t word, uint64_t seed)
{
    const uint32_t high = (uint32_t)((uint64_t)word >> 32);
    return hash_word32((uint32_t)word ^ (word >= 0 ? high : ~high), seed);
}

static uint64_t
hash_real(double real, uint64_t seed)
{
    if (real == 0) {
        return seed; /* and -0 */
    }
    uint8_t bytes[8];
    uint64_t bits;
    const double plain = isnan(real) ? (double)NAN : real;
    memcpy(&bits, &plain, sizeof(bits));
    ky_store_le64(bytes, bits);
    return hash_bytes(bytes, sizeof(bytes), seed);
}

/* By groups of four digits without zero groups at either end, and the first group's place. */
static uint64_t
hash_numeric(struct func_env *env, struct datum value, uint64_t seed)
{
    enum { GROUP = 4 };
    struct ky_slice text = func_output(env, type_get(OID_NUMERIC), value);
    const char *p = text.data;
    if (numeric_is_nan(value.bytes) || isinf(numeric_to_double(value.bytes))) {
        return seed;
    }
    if (text.size > 0 && p[0] == '-') {
        p++;
        text.size--;
    }
    const char *point = memchr(p, '.', text.size);
    const size_t whole = point == NULL ? text.size : (size_t)(point - p);
    const size_t lead = (GROUP - whole % GROUP) % GROUP; /* zeros that fill the first group */
    uint8_t *groups = ky_arena_calloc(env->types.arena, text.size / GROUP + 3, 2);
    uint16_t group = 0;
    size_t count = 0;
    size_t place = lead;
    for (size_t i = 0; i < text.size || place % GROUP != 0; i++) {
        if (i < text.size && p[i] == '.') {
            continue;
        }
        group = (uint16_t)(group * 10 + (i < text.size ? p[i] - '0' : 0));
        if (++place % GROUP == 0) {
            ky_store_le16(groups + 2 * count++, group);
            group = 0;
        }
    }
    int64_t weight = (int64_t)((whole + lead) / GROUP) - 1;
    size_t first = 0;
    while (first < count && ky_load_le16(groups + 2 * first) == 0) {
        first++;
        weight--;
    }
    if (first == count) {
        return seed - 1;
    }
    while (ky_load_le16(groups + 2 * (count - 1)) == 0) {
        count--;
    }
    return hash_bytes(groups + 2 * first, 2 * (count - first), seed) ^ (uint64_t)weight;
}

static ky_status hash_value(struct func_env *env, const struct type *type, struct datum value,
                            uint64_t seed, uint64_t *out, struct ky_error *err);

static ky_status
hash_array(struct func_env *env, struct ky_slice array, uint64_t seed, uint64_t *out,
           struct ky_error *err)
{
    struct array_view view;
    array_open(array, &view);
    const uint8_t *cursor = view.first;
    *out = 1;
    for (uint32_t i = 0; i < view.count; i++) {
        const struct datum value = array_next(&view, &cursor);
        uint64_t hash = 0;
        if (!value.is_null) {
            KY_TRY(hash_value(env, view.element, value, seed, &hash, err));
        }
        *out = *out * 31 + hash;
    }
    return KY_OK;
}

static ky_status
hash_record(struct func_env *env, struct ky_slice record, uint64_t seed, uint64_t *out,
            struct ky_error *err)
{
    struct record_view view;
    record_open(record, &view);
    *out = 0;
    for (uint32_t i = 0; i < view.count; i++) {
        const struct record_field field = record_next(&view);
        uint64_t hash = 0;
        if (!field.value.is_null) {
            KY_TRY(hash_value(env, field.type, field.value, seed, &hash, err));
        }
        *out = *out * 31 + hash;
    }
    return KY_OK;
}

static uint64_t
hash_tid(int64_t word, uint64_t seed)
{
    const uint32_t block = (uint32_t)((uint64_t)word >> 16);
    uint8_t bytes[6];
    ky_store_le16(bytes, (uint16_t)(block >> 16));
    ky_store_le16(bytes + 2, (uint16_t)block);
    ky_store_le16(bytes + 4, (uint16_t)word);
    return hash_bytes(bytes, sizeof(bytes), seed);
}

static uint64_t
hash_timetz(struct ky_slice value, uint64_t seed)
{
    const uint8_t *bytes = value.data;
    return hash_word64((int64_t)ky_load_le64(bytes), seed) ^
           hash_word32(ky_load_le32(bytes + 8), seed);
}

static uint64_t
hash_interval(struct ky_slice value, uint64_t seed)
{
    const struct interval interval = interval_load(value);
    const __int128 days = (__int128)interval.months * 30 + interval.days;
    return hash_word64((int64_t)(days * DATETIME_US_PER_DAY + interval.time_us), seed);
}

static uint64_t
hash_oids(struct func_env *env, struct ky_slice vector, uint64_t seed)
{
    struct array_view view;
    array_open(vector, &view);
    const uint8_t *cursor = view.first;
    uint8_t *words = ky_arena_alloc(env->types.arena, (size_t)view.count * 4 + 1);
    for (uint32_t i = 0; i < view.count; i++) {
        ky_store_le32(words + (size_t)i * 4, (uint32_t)array_next(&view, &cursor).word);
    }
    return hash_bytes(words, (size_t)view.count * 4, seed);
}

static struct ky_slice
without_blanks(struct ky_slice text)
{
    while (text.size > 0 && ((const char *)text.data)[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

static ky_status
hash_value(struct func_env *env, const struct type *type, struct datum value, uint64_t seed,
           uint64_t *out, struct ky_error *err)
{
    switch (type->oid) {
    case OID_INT8:
    case OID_TIME:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
    case OID_PG_LSN:
    case OID_XID8:
        *out = hash_word64(value.word, seed);
        return KY_OK;
    case OID_CHAR:
        *out = hash_word32((uint32_t)(int8_t)value.word, seed);
        return KY_OK;
    case OID_TID:
        *out = hash_tid(value.word, seed);
        return KY_OK;
    case OID_FLOAT4:
    case OID_FLOAT8:
        *out = hash_real(value.real, seed);
        return KY_OK;
    case OID_BPCHAR:
        *out = hash_slice(without_blanks(value.bytes), seed);
        return KY_OK;
    case OID_TEXT:
    case OID_VARCHAR:
    case OID_NAME:
    case OID_BYTEA:
    case OID_UUID:
        *out = hash_slice(value.bytes, seed);
        return KY_OK;
    case OID_NUMERIC:
        *out = hash_numeric(env, value, seed);
        return KY_OK;
    case OID_TIMETZ:
        *out = hash_timetz(value.bytes, seed);
        return KY_OK;
    case OID_INTERVAL:
        *out = hash_interval(value.bytes, seed);
        return KY_OK;
    case OID_OIDVECTOR:
        *out = hash_oids(env, value.bytes, seed);
        return KY_OK;
    case OID_RECORD:
        return hash_record(env, value.bytes, seed, out, err);
    default:
        break;
    }
    if (type->category == 'A' && type->storage == TYPE_BYTES) {
        return hash_array(env, value.bytes, seed, out, err);
    }
    if (type->storage == TYPE_WORD && type->typlen <= 4) {
        *out = hash_word32((uint32_t)value.word, seed);
        return KY_OK;
    }
    return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                        "could not identify a hash function for type %s", type->sql_name);
}

/* A type that lies under another's function, as varchar under hashtext, hashes alike. */
SCALAR(hash32)
{
    const struct type *type = func_arg_type(env, 0);
    uint64_t hash;
    KY_ASSERT(type != NULL);
    KY_TRY(hash_value(env, type, args[0], 0, &hash, err));
    *out = datum_word((int32_t)(uint32_t)hash);
    return KY_OK;
}

SCALAR(hash64)
{
    const struct type *type = func_arg_type(env, 0);
    uint64_t hash;
    KY_ASSERT(type != NULL);
    KY_TRY(hash_value(env, type, args[0], (uint64_t)args[1].word, &hash, err));
    *out = datum_word((int64_t)hash);
    return KY_OK;
}

#define HASH(oid, name, extended_oid, extended_name, type)                           \
    FUNC(oid, name, OID_INT4, 'i', true, ARGS(type), .scalar = hash32),              \
        FUNC(extended_oid, extended_name, OID_INT8, 'i', true, ARGS(type, OID_INT8), \
             .scalar = hash64)

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    HASH(449, "hashint2", 441, "hashint2extended", OID_INT2),
    HASH(450, "hashint4", 425, "hashint4extended", OID_INT4),
    HASH(949, "hashint8", 442, "hashint8extended", OID_INT8),
    HASH(453, "hashoid", 445, "hashoidextended", OID_OID),
    HASH(454, "hashchar", 446, "hashcharextended", OID_CHAR),
    HASH(451, "hashfloat4", 443, "hashfloat4extended", OID_FLOAT4),
    HASH(452, "hashfloat8", 444, "hashfloat8extended", OID_FLOAT8),
    HASH(400, "hashtext", 448, "hashtextextended", OID_TEXT),
    HASH(455, "hashname", 447, "hashnameextended", OID_NAME),
    HASH(1080, "hashbpchar", 972, "hashbpcharextended", OID_BPCHAR),
    HASH(2963, "uuid_hash", 3412, "uuid_hash_extended", OID_UUID),
    HASH(432, "hash_numeric", 780, "hash_numeric_extended", OID_NUMERIC),
    HASH(1688, "time_hash", 3409, "time_hash_extended", OID_TIME),
    HASH(1696, "timetz_hash", 3410, "timetz_hash_extended", OID_TIMETZ),
    HASH(2039, "timestamp_hash", 3411, "timestamp_hash_extended", OID_TIMESTAMP),
    HASH(1697, "interval_hash", 3418, "interval_hash_extended", OID_INTERVAL),
    HASH(3252, "pg_lsn_hash", 3413, "pg_lsn_hash_extended", OID_PG_LSN),
    HASH(2233, "hashtid", 2234, "hashtidextended", OID_TID),
    HASH(457, "hashoidvector", 776, "hashoidvectorextended", OID_OIDVECTOR),
    HASH(626, "hash_array", 782, "hash_array_extended", OID_ANYARRAY),
    HASH(6192, "hash_record", 6193, "hash_record_extended", OID_RECORD),
};

const struct func_table func_table_hash = {funcs, KY_COUNT_OF(funcs), NULL, 0};
