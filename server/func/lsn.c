/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "server/func/func_private.h"
#include "server/types/numeric.h"

/* Places in the log: their distance, and moving them. A place is an unsigned word, so distances are
 * numeric. */

static struct ky_slice
to_numeric(struct func_env *env, uint64_t place)
{
    return func_numeric_from_int128(env->types.arena, (__int128)place);
}

SCALAR(lsn_minus_lsn)
{
    const __int128 distance = (__int128)(uint64_t)args[0].word - (__int128)(uint64_t)args[1].word;
    *out = (struct datum){.bytes = func_numeric_from_int128(env->types.arena, distance)};
    return KY_OK;
}

/* A numeric, rounded, as a place. */
static ky_status
to_place(struct func_env *env, struct ky_slice value, struct datum *out, struct ky_error *err)
{
    struct ky_arena *arena = env->types.arena;
    const struct ky_slice whole = numeric_round(arena, value, 0);
    const struct ky_slice half = numeric_from_int64(arena, INT64_C(1) << 32);
    struct ky_slice high;
    struct ky_slice low;
    int64_t words[2];
    if (numeric_sign(whole) < 0 || numeric_compare(whole, to_numeric(env, UINT64_MAX)) > 0) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "pg_lsn out of range");
    }
    KY_TRY(numeric_mod(arena, whole, half, &low, err));
    KY_TRY(numeric_sub(arena, whole, low, &high, err));
    KY_TRY(numeric_div(arena, high, half, &high, err));
    KY_TRY(numeric_to_int64(high, &words[0], err));
    KY_TRY(numeric_to_int64(low, &words[1], err));
    *out = datum_word((int64_t)((uint64_t)words[0] << 32 | (uint64_t)words[1]));
    return KY_OK;
}

static ky_status
refuse_strange(struct ky_slice value, const char *doing, struct ky_error *err)
{
    if (numeric_is_nan(value)) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "cannot %s pg_lsn", doing);
    }
    return KY_OK;
}

SCALAR(numeric_to_lsn)
{
    KY_TRY(refuse_strange(args[0].bytes, "convert NaN to", err));
    if (__builtin_isinf(numeric_to_double(args[0].bytes))) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "cannot convert infinity to pg_lsn");
    }
    return to_place(env, args[0].bytes, out, err);
}

SCALAR(lsn_plus)
{
    struct ky_slice sum;
    KY_TRY(refuse_strange(args[1].bytes, "add NaN to", err));
    KY_TRY(numeric_add(env->types.arena, to_numeric(env, (uint64_t)args[0].word), args[1].bytes,
                       &sum, err));
    return numeric_to_lsn(env, &(struct datum){.bytes = sum}, 1, out, err);
}

SCALAR(plus_lsn)
{
    const struct datum swapped[2] = {args[1], args[0]};
    return lsn_plus(env, swapped, 2, out, err);
}

SCALAR(lsn_minus)
{
    struct ky_slice difference;
    KY_TRY(refuse_strange(args[1].bytes, "subtract NaN from", err));
    KY_TRY(numeric_sub(env->types.arena, to_numeric(env, (uint64_t)args[0].word), args[1].bytes,
                       &difference, err));
    return numeric_to_lsn(env, &(struct datum){.bytes = difference}, 1, out, err);
}

/* Where PostgreSQL would keep a place: files of 16 MB on timeline 1, 256 to a 4 GB. A place between
 * two files belongs to the first. */
enum { WAL_FILE_SIZE = 16 * 1024 * 1024, WAL_FILES_EACH = 256, WAL_NAME_SIZE = 32 };

static struct datum
file_of(struct func_env *env, uint64_t place)
{
    const uint64_t file = (place - 1) / WAL_FILE_SIZE;
    char *name = ky_arena_alloc(env->types.arena, WAL_NAME_SIZE);
    const int size = snprintf(name, WAL_NAME_SIZE, "%08X%08X%08X", 1U,
                              (uint32_t)(file / WAL_FILES_EACH), (uint32_t)(file % WAL_FILES_EACH));
    return datum_bytes(name, (size_t)size);
}

SCALAR(file_name)
{
    *out = file_of(env, (uint64_t)args[0].word);
    return KY_OK;
}

struct file_row {
    uint64_t place;
    bool is_done;
};

static ky_status
offset_open(struct func_env *env, const struct datum *args, int arg_count KY_UNUSED,
            struct func_rows **rows_out, struct ky_error *err KY_UNUSED)
{
    struct file_row *row = ky_arena_new(env->types.arena, struct file_row);
    row->place = (uint64_t)args[0].word;
    *rows_out = (struct func_rows *)(void *)row;
    return KY_OK;
}

static ky_status
offset_next(struct func_env *env, struct func_rows *rows, struct datum *values, bool *has_row_out,
            struct ky_error *err KY_UNUSED)
{
    struct file_row *row = (struct file_row *)(void *)rows;
    *has_row_out = !row->is_done;
    if (!row->is_done) {
        row->is_done = true;
        values[0] = file_of(env, row->place);
        values[1] = datum_word((int64_t)(row->place % WAL_FILE_SIZE));
    }
    return KY_OK;
}

static const struct func_set offset_set = {offset_open, offset_next, 2,
                                           (const char *const[]){"file_name", "file_offset"},
                                           (const oid_t[]){OID_TEXT, OID_INT4}};

/* Facts as in pg_proc. */
static const struct func funcs[] = {
    FUNC(3237, "pg_lsn_mi", OID_NUMERIC, 'i', true, ARGS(OID_PG_LSN, OID_PG_LSN),
         .scalar = lsn_minus_lsn),
    FUNC(3165, "pg_wal_lsn_diff", OID_NUMERIC, 'i', true, ARGS(OID_PG_LSN, OID_PG_LSN),
         .scalar = lsn_minus_lsn),
    FUNC(5022, "pg_lsn_pli", OID_PG_LSN, 'i', true, ARGS(OID_PG_LSN, OID_NUMERIC),
         .scalar = lsn_plus),
    FUNC(5023, "numeric_pl_pg_lsn", OID_PG_LSN, 'i', true, ARGS(OID_NUMERIC, OID_PG_LSN),
         .scalar = plus_lsn),
    FUNC(5024, "pg_lsn_mii", OID_PG_LSN, 'i', true, ARGS(OID_PG_LSN, OID_NUMERIC),
         .scalar = lsn_minus),
    FUNC(2851, "pg_walfile_name", OID_TEXT, 'i', true, ARGS(OID_PG_LSN), .scalar = file_name),
    FUNC(2850, "pg_walfile_name_offset", OID_RECORD, 'i', true, ARGS(OID_PG_LSN), .is_set = true,
         .is_one_row = true, .set = &offset_set),
    FUNC(6103, "pg_lsn", OID_PG_LSN, 'i', true, ARGS(OID_NUMERIC), .scalar = numeric_to_lsn),
};

/* Facts as in pg_operator. */
static struct operator_row operators[] = {
    OPERATOR(3228, "-", OID_PG_LSN, OID_PG_LSN, OID_NUMERIC, 3237, 0, 0, 0, false),
    OPERATOR(5025, "+", OID_PG_LSN, OID_NUMERIC, OID_PG_LSN, 5022, 5026, 0, 0, false),
    OPERATOR(5026, "+", OID_NUMERIC, OID_PG_LSN, OID_PG_LSN, 5023, 5025, 0, 0, false),
    OPERATOR(5027, "-", OID_PG_LSN, OID_NUMERIC, OID_PG_LSN, 5024, 0, 0, 0, false),
};

const struct func_table func_table_lsn = {funcs, KY_COUNT_OF(funcs), operators,
                                          KY_COUNT_OF(operators)};
