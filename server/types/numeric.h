/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/*
 * numeric: PostgreSQL's decimal with display scale, NaN and infinities. Values are bytes in
 * the encoding described in numeric.c: a word and a scale when 18 digits are enough, 128 bits
 * for 38, a GMP integer above. All results follow PostgreSQL's scale rules digit for digit.
 * Errors: 22003 overflow, 22012 division by zero.
 */
enum { NUMERIC_PRECISION_MAX = 1000, NUMERIC_DIGITS_MAX = 131072, NUMERIC_SCALE_MAX = 16383 };

typedef ky_status (*numeric_binary)(struct ky_arena *arena, struct ky_slice a, struct ky_slice b,
                                    struct ky_slice *out, struct ky_error *err);
KY_MUST_CHECK ky_status numeric_add(struct ky_arena *arena, struct ky_slice a, struct ky_slice b,
                                    struct ky_slice *out, struct ky_error *err);
KY_MUST_CHECK ky_status numeric_sub(struct ky_arena *arena, struct ky_slice a, struct ky_slice b,
                                    struct ky_slice *out, struct ky_error *err);
KY_MUST_CHECK ky_status numeric_mul(struct ky_arena *arena, struct ky_slice a, struct ky_slice b,
                                    struct ky_slice *out, struct ky_error *err);
KY_MUST_CHECK ky_status numeric_div(struct ky_arena *arena, struct ky_slice a, struct ky_slice b,
                                    struct ky_slice *out, struct ky_error *err);
KY_MUST_CHECK ky_status numeric_mod(struct ky_arena *arena, struct ky_slice a, struct ky_slice b,
                                    struct ky_slice *out, struct ky_error *err);
KY_MUST_CHECK ky_status numeric_power(struct ky_arena *arena, struct ky_slice a, struct ky_slice b,
                                      struct ky_slice *out, struct ky_error *err);
KY_MUST_CHECK ky_status numeric_sqrt(struct ky_arena *arena, struct ky_slice a,
                                     struct ky_slice *out, struct ky_error *err);
KY_MUST_CHECK ky_status numeric_exp(struct ky_arena *arena, struct ky_slice a, struct ky_slice *out,
                                    struct ky_error *err);
KY_MUST_CHECK ky_status numeric_ln(struct ky_arena *arena, struct ky_slice a, struct ky_slice *out,
                                   struct ky_error *err);
struct ky_slice numeric_negate(struct ky_arena *arena, struct ky_slice a);
struct ky_slice numeric_abs(struct ky_arena *arena, struct ky_slice a);
int numeric_sign(struct ky_slice a); /* -1, 0, 1; NaN: 1 */
bool numeric_is_nan(struct ky_slice a);
int numeric_compare(struct ky_slice a, struct ky_slice b); /* NaN equals NaN and is largest */
int numeric_scale(struct ky_slice a);                      /* display scale */
/* scale may be negative. round half away from zero; trunc towards zero. */
struct ky_slice numeric_round(struct ky_arena *arena, struct ky_slice a, int scale);
struct ky_slice numeric_trunc(struct ky_arena *arena, struct ky_slice a, int scale);
struct ky_slice numeric_ceil(struct ky_arena *arena, struct ky_slice a);
struct ky_slice numeric_floor(struct ky_arena *arena, struct ky_slice a);
struct ky_slice numeric_from_int64(struct ky_arena *arena, int64_t value);
/* PostgreSQL's float8 to numeric: 15 significant digits; float4: 6. */
struct ky_slice numeric_from_double(struct ky_arena *arena, double value, int digits);
double numeric_to_double(struct ky_slice a);
/* Rounds half away from zero. 22003 "bigint out of range" with the type's name. */
KY_MUST_CHECK ky_status numeric_to_int64(struct ky_slice a, int64_t *out, struct ky_error *err);

/* Running sum that does not lose scale: for sum(int8), sum(numeric), avg, variance. */
struct numeric_sum;
struct numeric_sum *numeric_sum_new(struct ky_arena *arena);
void numeric_sum_add(struct numeric_sum *sum, struct ky_slice value);
void numeric_sum_add_int64(struct numeric_sum *sum, int64_t value);
struct ky_slice numeric_sum_result(struct ky_arena *arena, const struct numeric_sum *sum);
