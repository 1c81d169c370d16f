/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/* Text of numbers; nothing here allocates. */
enum { NUMBER_TEXT_SIZE_MAX = 32 };

enum number_status { NUMBER_OK, NUMBER_SYNTAX, NUMBER_RANGE };

/* Digits with an optional sign and blanks around, within [min, max]. */
enum number_status number_parse_int(struct ky_slice text, int64_t min, int64_t max, int64_t *out);
/* The whole text is one number: "1.5e3", "NaN", "-Infinity". As PostgreSQL's float8in and float4in.
 */
enum number_status number_parse_double(struct ky_slice text, double *out);
enum number_status number_parse_float(struct ky_slice text, float *out);
/* A float4 at the start of text, which must be followed by something (or end); its size. 0: none.
 */
size_t number_scan_float(struct ky_slice text, float *out, bool *is_overflow_out);

/* Each writes to text and returns the size, at most NUMBER_TEXT_SIZE_MAX. */
size_t number_format_int(int64_t value, char *text);
size_t number_format_uint(uint64_t value, char *text);
/* extra_digits > 0: the fewest digits that read back as the same value. */
size_t number_format_double(double value, int extra_digits, char *text);
size_t number_format_float(float value, int extra_digits, char *text);
