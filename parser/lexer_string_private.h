/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/lexer_private.h"

enum lexer_string_type {
    LEXER_STRING_PLAIN,
    LEXER_STRING_ESCAPE,
    LEXER_STRING_BIT,
    LEXER_STRING_HEX,
    LEXER_STRING_UNICODE,
    LEXER_STRING_NAME,
    LEXER_STRING_UNICODE_NAME
};

struct lexer_string {
    const char *text; /* decoded, in the arena */
    const char *end;  /* in the source, after the last quote (and UESCAPE) */
};

/*
 * Scans a quoted string or name whose token begins at start and whose first character after the
 * opening quote is body. Errors as PostgreSQL's: 42601, 22021, 22025.
 */
KY_MUST_CHECK ky_status lexer_string_scan(struct lexer *lexer, const char *start, const char *body,
                                          enum lexer_string_type type,
                                          struct lexer_string *string_out);

/* Raises 22021 if text is not UTF-8 or holds a zero byte. */
KY_MUST_CHECK ky_status lexer_check_utf8(const char *text, size_t size, struct ky_error *err);
