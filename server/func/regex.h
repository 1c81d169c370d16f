/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "server/func/func_private.h"

/* A compiled pattern and what running it needs; the thread's, valid until its next regex_get. */
struct regex {
    pcre2_code *code;
    pcre2_match_data *match; /* its ovector: pairs of byte offsets, [0] the whole match */
    uint32_t group_count;
};

/* Flags of one call: "i", "n", "x" ... and "g", which is the caller's. */
struct regex_flags {
    uint32_t options; /* PCRE2_* */
    bool is_literal;  /* q */
    bool is_global;   /* g */
};
KY_MUST_CHECK ky_status regex_flags_parse(struct ky_slice text, struct regex_flags *flags,
                                          struct ky_error *err);
/* Compiles or finds compiled. 2201B. */
KY_MUST_CHECK ky_status regex_get(struct ky_slice pattern, const struct regex_flags *flags,
                                  struct regex *regex, struct ky_error *err);
/* Searches text from a byte offset. */
KY_MUST_CHECK ky_status regex_search(const struct regex *regex, struct ky_slice text, size_t from,
                                     bool *is_match_out, struct ky_error *err);
/* Bytes of group g of the last match; false when it took no part. */
bool regex_group(const struct regex *regex, struct ky_slice text, uint32_t group,
                 struct ky_slice *out);
