/* SPDX-License-Identifier: Apache-2.0 */
#include "server/exec/op/range_frame.h"

#include <math.h>

#include "server/base/endian.h"
#include "server/types/datetime.h"
#include "server/types/numeric.h"

enum { TIMETZ_SIZE = 12 };

static const struct func *
function_of(const char *name, oid_t left, oid_t right)
{
    const struct operator* found = operator_exact(ky_slice_cstr(name), left, right);
    return found == NULL ? NULL : found->function;
}

static bool
is_integer(const struct type *type)
{
    return type->oid == OID_INT2 || type->oid == OID_INT4 || type->oid == OID_INT8;
}

static bool
is_float(const struct type *type)
{
    return type->oid == OID_FLOAT4 || type->oid == OID_FLOAT8;
}

ky_status
range_frame_open(struct range_frame *frame, const struct type *type, const struct type *offset_type,
                 struct ky_error *err)
{
    frame->type = type;
    bool is_known = is_integer(type) || is_float(type) || type->oid == OID_NUMERIC;
    if (offset_type->oid == OID_INTERVAL) {
        is_known = type->oid == OID_TIME || type->oid == OID_TIMETZ;
    }
    if (!is_known) {
        frame->plus = function_of("+", type->oid, offset_type->oid);
        frame->minus = function_of("-", type->oid, offset_type->oid);
        if (frame->plus != NULL && frame->minus != NULL) {
            frame->at_most = function_of("<=", type->oid, frame->plus->result);
            frame->at_least = function_of(">=", type->oid, frame->plus->result);
        }
        is_known = frame->at_most != NULL && frame->at_least != NULL;
    }
    if (!is_known) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "RANGE with offset PRECEDING/FOLLOWING is not supported for column "
                            "type %s and offset type %s",
                            type->sql_name, offset_type->sql_name);
    }
    return KY_OK;
}

ky_status
range_frame_check(const struct range_frame *frame, struct datum offset, struct ky_error *err)
{
    const struct type *type = frame->type;
    bool is_wrong;
    if (is_integer(type)) {
        is_wrong = offset.word < 0;
    } else if (is_float(type)) {
        is_wrong = isnan(offset.real) || offset.real < 0;
    } else if (type->oid == OID_NUMERIC) {
        is_wrong = numeric_is_nan(offset.bytes) || numeric_sign(offset.bytes) < 0;
    } else {
        const struct interval span = interval_load(offset.bytes);
        const struct interval none = {0};
        is_wrong = type->oid == OID_TIME || type->oid == OID_TIMETZ
                       ? span.time_us < 0
                       : interval_compare(span, none) < 0;
    }
    if (is_wrong) {
        return ky_error_set(err, KY_INVALID_PRECEDING_OR_FOLLOWING_SIZE,
                            "invalid preceding or following size in window function");
    }
    return KY_OK;
}

static struct range_bound
integer_bound(int64_t base, int64_t offset, bool is_minus)
{
    int64_t sum = 0;
    const bool is_over = is_minus ? __builtin_sub_overflow(base, offset, &sum)
                                  : __builtin_add_overflow(base, offset, &sum);
    return (struct range_bound){!is_over   ? BOUND_VALUE
                                : is_minus ? BOUND_BELOW_ALL
                                           : BOUND_ABOVE_ALL,
                                datum_word(sum)};
}

/* From infinity infinitely far back is everywhere. */
static struct range_bound
float_bound(double base, double offset, bool is_minus)
{
    const double sum = is_minus ? base - offset : base + offset;
    return (struct range_bound){isnan(sum) && !isnan(base) ? BOUND_ANYWHERE : BOUND_VALUE,
                                datum_real(sum)};
}

static ky_status
numeric_bound(struct ky_arena *arena, struct ky_slice base, struct ky_slice offset, bool is_minus,
              struct range_bound *out, struct ky_error *err)
{
    struct ky_slice sum;
    if (is_minus) {
        KY_TRY(numeric_sub(arena, base, offset, &sum, err));
    } else {
        KY_TRY(numeric_add(arena, base, offset, &sum, err));
    }
    out->kind = numeric_is_nan(sum) && !numeric_is_nan(base) ? BOUND_ANYWHERE : BOUND_VALUE;
    out->value = datum_bytes(sum.data, sum.size);
    return KY_OK;
}

static void
timetz_bound(struct ky_arena *arena, struct ky_slice base, int64_t span, bool is_minus,
             struct range_bound *out)
{
    uint8_t *sum = ky_arena_alloc(arena, TIMETZ_SIZE);
    memcpy(sum, base.data, TIMETZ_SIZE);
    *out = integer_bound((int64_t)ky_load_le64(sum), span, is_minus);
    ky_store_le64(sum, (uint64_t)out->value.word);
    out->value = datum_bytes(sum, TIMETZ_SIZE);
}

ky_status
range_frame_bound(const struct range_frame *frame, struct func_env *env, struct datum base,
                  struct datum offset, bool is_minus, struct range_bound *bound_out,
                  struct ky_error *err)
{
    const struct type *type = frame->type;
    if (is_integer(type)) {
        *bound_out = integer_bound(base.word, offset.word, is_minus);
        return KY_OK;
    }
    if (is_float(type)) {
        *bound_out = float_bound(base.real, offset.real, is_minus);
        return KY_OK;
    }
    if (type->oid == OID_NUMERIC) {
        return numeric_bound(env->types.arena, base.bytes, offset.bytes, is_minus, bound_out, err);
    }
    const int64_t span = interval_load(offset.bytes).time_us;
    if (type->oid == OID_TIME) {
        *bound_out = integer_bound(base.word, span, is_minus);
        return KY_OK;
    }
    if (type->oid == OID_TIMETZ) {
        timetz_bound(env->types.arena, base.bytes, span, is_minus, bound_out);
        return KY_OK;
    }
    const struct datum args[2] = {base, offset};
    bound_out->kind = BOUND_VALUE;
    return func_call(is_minus ? frame->minus : frame->plus, env, args, 2, &bound_out->value, err);
}

ky_status
range_frame_holds(const struct range_frame *frame, struct func_env *env, struct datum value,
                  const struct range_bound *bound, bool is_least, bool *holds_out,
                  struct ky_error *err)
{
    switch (bound->kind) {
    case BOUND_ANYWHERE: /* but NaN is above all */
        *holds_out =
            is_least || !(is_float(frame->type) ? isnan(value.real) : numeric_is_nan(value.bytes));
        return KY_OK;
    case BOUND_BELOW_ALL:
        *holds_out = is_least;
        return KY_OK;
    case BOUND_ABOVE_ALL:
        *holds_out = !is_least;
        return KY_OK;
    case BOUND_VALUE:
        break;
    }
    if (frame->at_most == NULL) {
        const int order = frame->type->compare(frame->type, value, bound->value);
        *holds_out = is_least ? order >= 0 : order <= 0;
        return KY_OK;
    }
    const struct datum args[2] = {value, bound->value};
    struct datum answer = datum_word(0);
    KY_TRY(func_call(is_least ? frame->at_least : frame->at_most, env, args, 2, &answer, err));
    *holds_out = answer.word != 0;
    return KY_OK;
}
