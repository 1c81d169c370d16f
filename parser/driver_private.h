/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/build_private.h"

/* The lexer with one token of look-ahead, cut into statements. */
struct token_stream {
    struct lexer lexer;
    struct token ahead;
    int ahead_code;
    bool has_ahead;
    bool is_script; /* semicolons end statements */
    bool is_at_semicolon;
    int32_t paren_depth;
    int32_t last_end; /* offset after the last token of the statement */
};

int token_stream_next(struct token_stream *stream, struct token *token_out);

/*
 * Feeds one statement (mode 0), expression or type (TK_MODE_*) to the grammar. The parser object
 * lives on this function's stack. p has the result or is_failed.
 */
void grammar_run(struct parser *p, struct token_stream *stream, int mode);
