/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <gmp.h>

#include "server/types/numeric.h"

/* The inside of a numeric value; only the numeric*.c files and type_numeric.c look here. */

/* In the order of numeric_compare for the special ones. */
enum numeric_form {
    NUMERIC_MINUS_INFINITY = 0,
    NUMERIC_WORD = 1, /* i64 payload */
    NUMERIC_WIDE = 2, /* i128 payload */
    NUMERIC_BIG_PLUS = 3,
    NUMERIC_BIG_MINUS = 4, /* magnitude, little-endian bytes without leading zeros */
    NUMERIC_PLUS_INFINITY = 5,
    NUMERIC_NAN = 6,
};

enum { NUMERIC_HEADER_SIZE = 3, NUMERIC_DISPLAY_SCALE_MAX = 1000, NUMERIC_SIG_DIGITS_MIN = 16 };
/* Results with exponents beyond this are refused early, as PostgreSQL does. */
enum { NUMERIC_RESULT_SCALE_MAX = 2000 };

typedef __int128 numeric_wide;
/* Never stored: BIG starts at 2^127 on both sides, so that a stored value can be negated. */
#define NUMERIC_WIDE_MIN ((numeric_wide)((unsigned __int128)1 << 127))

enum numeric_form numeric_form(struct ky_slice a);
bool numeric_is_special(struct ky_slice a);
/* True when the unscaled value fits 128 bits. a is finite. */
bool numeric_small(struct ky_slice a, numeric_wide *out);
/* A fresh integer the caller clears. a is finite. */
void numeric_big(struct ky_slice a, mpz_t out);
void numeric_wide_to_mpz(numeric_wide value, mpz_t out);

struct ky_slice numeric_special(struct ky_arena *arena, enum numeric_form form);
struct ky_slice numeric_store(struct ky_arena *arena, numeric_wide value, int scale);
struct ky_slice numeric_store_big(struct ky_arena *arena, const mpz_t value, int scale);
/* The same with PostgreSQL's limits: "value overflows numeric format". */
KY_MUST_CHECK ky_status numeric_store_checked(struct ky_arena *arena, const mpz_t value, int scale,
                                              struct ky_slice *out, struct ky_error *err);
KY_COLD ky_status numeric_overflow(struct ky_error *err);

/* 10^exponent, exponent 0..38. */
numeric_wide numeric_pow10(int exponent);
/* value *= 10^exponent, exponent >= 0. */
void numeric_mpz_scale_up(mpz_t value, int exponent);
/* quotient = n / d rounded half away from zero. quotient may be n. */
void numeric_mpz_div_round(mpz_t quotient, const mpz_t n, const mpz_t d);
/* From one scale to another; rounds half away from zero. */
void numeric_mpz_rescale(mpz_t value, int from, int to);
/* Count of decimal digits of the magnitude; 0 for zero. */
int numeric_mpz_digits(const mpz_t value);

/*
 * The leading digits in PostgreSQL's base 10000: value is about (first * 10000 + second) *
 * 10000^(weight - 1). weight and digits are 0 for zero.
 */
struct numeric_head {
    int weight;
    int first;
    int second;
    bool is_single; /* nothing follows first */
};
struct numeric_head numeric_head(const mpz_t value, int scale);

/* Decimal digits of the magnitude: no sign, no leading zeros, "" for zero. Into local when it
 * fits; otherwise the heap. numeric_digits_free takes either. */
enum { NUMERIC_DIGITS_LOCAL = 48 };
char *numeric_digits(struct ky_slice a, char local[NUMERIC_DIGITS_LOCAL], size_t *count_out);
void numeric_digits_free(char *digits, const char *local);

/* numeric_text.c */
KY_MUST_CHECK ky_status numeric_parse(struct ky_arena *arena, struct ky_slice text,
                                      struct ky_slice *out, struct ky_error *err);
void numeric_print(struct ky_slice a, struct ky_buffer *out);
KY_MUST_CHECK ky_status numeric_decode_wire(struct ky_arena *arena, struct ky_slice wire,
                                            struct ky_slice *out, struct ky_error *err);
void numeric_encode_wire(struct ky_slice a, struct ky_buffer *out);
