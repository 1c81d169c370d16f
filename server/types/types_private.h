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
/* Order-preserving bytes of a word and of a double, eight each. */
void type_key_word(struct ky_buffer *out, int64_t word);
void type_key_real(struct ky_buffer *out, double real);
/* Any bytes: 0x00 becomes 0x00 0xFF, and 0x00 0x01 ends them. */
void type_key_bytes(struct ky_buffer *out, struct ky_slice bytes);
