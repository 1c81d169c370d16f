/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/jsonpath.h"

/* The words of a path, one after another. */
enum jsonpath_token {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_STRING,
    TOKEN_VARIABLE,
    TOKEN_INTEGER,
    TOKEN_DECIMAL,
    TOKEN_CHARACTER, /* lexer.character: one of ?%$.[]{}()|&!=<>@#,*:-+/ */
    /* operators of more than one character */
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_ANY_LEVEL,
    TOKEN_EQUAL,
    TOKEN_NOT_EQUAL,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER_EQUAL,
    /* key words, to the end; lexer.text has their spelling */
    TOKEN_KEYWORD_IS,
    TOKEN_KEYWORD_TO,
    TOKEN_KEYWORD_ABS,
    TOKEN_KEYWORD_LAX,
    TOKEN_KEYWORD_FLAG,
    TOKEN_KEYWORD_LAST,
    TOKEN_KEYWORD_NULL,
    TOKEN_KEYWORD_SIZE,
    TOKEN_KEYWORD_TRUE,
    TOKEN_KEYWORD_TYPE,
    TOKEN_KEYWORD_WITH,
    TOKEN_KEYWORD_FALSE,
    TOKEN_KEYWORD_FLOOR,
    TOKEN_KEYWORD_DOUBLE,
    TOKEN_KEYWORD_EXISTS,
    TOKEN_KEYWORD_STARTS,
    TOKEN_KEYWORD_STRICT,
    TOKEN_KEYWORD_CEILING,
    TOKEN_KEYWORD_UNKNOWN,
    TOKEN_KEYWORD_DATETIME,
    TOKEN_KEYWORD_KEYVALUE,
    TOKEN_KEYWORD_LIKE_REGEX,
};

struct jsonpath_lexer {
    struct ky_arena *arena;
    const char *place;
    const char *end;
    enum jsonpath_token token;
    char character;
    struct ky_slice text; /* decoded: a name, string, variable or number */
    struct ky_slice near; /* what a message about this token shows; empty: the end */
};

KY_MUST_CHECK ky_status jsonpath_next(struct jsonpath_lexer *lexer, struct ky_error *err);
/* 42601 `<what> at or near "<token>" of jsonpath input`. */
KY_COLD ky_status jsonpath_error_near(const struct jsonpath_lexer *lexer, const char *what,
                                      struct ky_error *err);
