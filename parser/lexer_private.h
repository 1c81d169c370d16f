/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "server/base/error.h"

/*
 * text is the token's value: a name folded and cut, a string with its escapes done, digits as
 * written; zero-terminated, in the arena or static. size is the size in the source.
 */
struct token {
    const char *text;
    int32_t location;
    int32_t size;
};

/* One pass over a zero-terminated, valid UTF-8 text without inner zero bytes. */
struct lexer {
    struct ky_arena *arena;
    const char *text;
    const char *cursor;
    const char *end; /* the final zero byte */
    struct ky_error *err;
    int previous;          /* last token's code, to tell a vector from a subscript */
    int32_t bracket_depth; /* open [ ] */
};

enum { LEXER_END = 0, LEXER_FAILED = -1 };

/* The next token's code (TK_*), LEXER_END or LEXER_FAILED with err set. */
int lexer_next(struct lexer *lexer, struct token *token_out);

/* Raises "message at or near "..."" with the position of location; the text shown ends at end. */
void lexer_error(const struct lexer *lexer, enum ky_sqlstate sqlstate, int32_t location,
                 int32_t end, const char *message);
