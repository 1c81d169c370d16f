/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/*
 * SQL/JSON paths: the tree of one, read from text and printed as PostgreSQL prints it. A value of
 * type jsonpath is that printed text; server/func runs the tree.
 */
enum {
    JSONPATH_HEIGHT_MAX = 1000,      /* steps and operands below one another (54001) */
    JSONPATH_NESTING_MAX = 2000,     /* parentheses in the text (54001) */
    JSONPATH_LEVEL_LAST = INT32_MAX, /* .**{last} */
};

enum jsonpath_kind {
    /* values */
    JSONPATH_NULL,
    JSONPATH_BOOL,
    JSONPATH_NUMBER,
    JSONPATH_STRING,
    JSONPATH_VARIABLE,
    JSONPATH_ROOT,
    JSONPATH_CURRENT,
    JSONPATH_LAST,
    /* steps */
    JSONPATH_KEY,
    JSONPATH_ANY_KEY,
    JSONPATH_ANY_ELEMENT,
    JSONPATH_SUBSCRIPTS,
    JSONPATH_ANY_LEVEL,
    JSONPATH_FILTER, /* left: the predicate */
    JSONPATH_ABS,
    JSONPATH_SIZE,
    JSONPATH_TYPE,
    JSONPATH_FLOOR,
    JSONPATH_DOUBLE,
    JSONPATH_CEILING,
    JSONPATH_DATETIME, /* has_text: a template is given */
    JSONPATH_KEYVALUE,
    /* arithmetic */
    JSONPATH_ADD,
    JSONPATH_SUBTRACT,
    JSONPATH_MULTIPLY,
    JSONPATH_DIVIDE,
    JSONPATH_MODULO,
    JSONPATH_PLUS,
    JSONPATH_MINUS,
    /* predicates, to the end */
    JSONPATH_EQUAL,
    JSONPATH_NOT_EQUAL,
    JSONPATH_LESS,
    JSONPATH_LESS_EQUAL,
    JSONPATH_GREATER,
    JSONPATH_GREATER_EQUAL,
    JSONPATH_STARTS_WITH,
    JSONPATH_LIKE_REGEX, /* left: what is searched; text: the pattern */
    JSONPATH_EXISTS,
    JSONPATH_NOT,
    JSONPATH_IS_UNKNOWN,
    JSONPATH_AND,
    JSONPATH_OR,
};

/* Flags of like_regex. */
enum {
    JSONPATH_REGEX_I = 1,
    JSONPATH_REGEX_S = 2,
    JSONPATH_REGEX_M = 4,
    JSONPATH_REGEX_X = 8,
    JSONPATH_REGEX_Q = 16,
};

struct jsonpath_subscript {
    struct jsonpath_node *from;
    struct jsonpath_node *to; /* NULL: one element */
    struct jsonpath_subscript *next;
};

struct jsonpath_node {
    enum jsonpath_kind kind;
    uint16_t height; /* of the tree below, next included */
    uint8_t regex_flags;
    bool boolean;
    bool has_text;
    struct jsonpath_node *next; /* the step applied to what this gives */
    struct jsonpath_node *left; /* operands; of unary nodes only left */
    struct jsonpath_node *right;
    struct jsonpath_subscript *subscripts;
    int32_t level_first; /* of .**, counted from 0 */
    int32_t level_last;
    struct ky_slice text; /* string, name, pattern, template; of NUMBER a numeric's bytes */
};

/* Everything in the arena it was read into. */
struct jsonpath {
    bool is_strict;
    const struct jsonpath_node *root;
};

static inline bool
jsonpath_is_predicate(const struct jsonpath_node *node)
{
    return node->kind >= JSONPATH_EQUAL;
}

/* 42601 for what is no path, 22P02 for an empty one, 54001 for one nested too deep. */
KY_MUST_CHECK ky_status jsonpath_parse(const struct type_context *context, struct ky_slice text,
                                       struct jsonpath *path_out, struct ky_error *err);
void jsonpath_print(const struct type_context *context, const struct jsonpath *path,
                    struct ky_buffer *out);
/* The operator or method as messages and paths show it: "+", "double". */
const char *jsonpath_kind_name(enum jsonpath_kind kind);
