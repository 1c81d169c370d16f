/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "parser/build_private.h"

/* Lists, names and constants. A node's depth is one more than that of its deepest child. */

struct ast_node *
build_node(struct parser *p, enum ast_kind kind, size_t size, int32_t location)
{
    struct ast_node *node = ky_arena_calloc(p->arena, 1, size);
    node->kind = kind;
    node->location = location;
    node->depth = 1;
    return node;
}

static void
set_depth(struct parser *p, struct ast_node *node, int32_t child_depth)
{
    if (child_depth < node->depth) {
        return;
    }
    node->depth = child_depth + 1;
    if (node->depth > AST_DEPTH_MAX) {
        parser_stack_overflow(p);
    }
}

void
adopt(struct parser *p, struct ast_node *node, const struct ast_node *child)
{
    if (child != NULL) {
        set_depth(p, node, child->depth);
    }
}

void
adopt_list(struct parser *p, struct ast_node *node, const struct ast_list *list)
{
    if (list != NULL) {
        set_depth(p, node, list->depth);
    }
}

struct ast_list *
list_add(struct parser *p, struct ast_list *list, struct ast_node *node)
{
    if (list == NULL) {
        list = ky_arena_new(p->arena, struct ast_list);
    }
    if (list->count == list->capacity) {
        int32_t capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        struct ast_node **items =
            ky_arena_alloc(p->arena, (size_t)capacity * sizeof(struct ast_node *));
        if (list->count > 0) {
            memcpy(items, list->items, (size_t)list->count * sizeof(struct ast_node *));
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = node;
    if (node->depth > list->depth) {
        list->depth = node->depth;
    }
    return list;
}

struct ast_list *
list_prepend(struct parser *p, struct ast_list *list, struct ast_node *node)
{
    list = list_add(p, list, node);
    memmove(list->items + 1, list->items, (size_t)(list->count - 1) * sizeof(struct ast_node *));
    list->items[0] = node;
    return list;
}

struct ast_list *
list_join(struct parser *p, struct ast_list *list, struct ast_list *more)
{
    for (int32_t i = 0; i < ast_list_count(more); i++) {
        list = list_add(p, list, more->items[i]);
    }
    return list;
}

struct ast_list *
list4(struct parser *p, struct ast_node *a, struct ast_node *b, struct ast_node *c,
      struct ast_node *d)
{
    struct ast_list *list = list_add(p, list_add(p, list_add(p, NULL, a), b), c);
    return d == NULL ? list : list_add(p, list, d);
}

/* An ICONST fits int32: the lexer gives FCONST otherwise. */
int32_t
token_int(struct parser *p, struct token token)
{
    (void)p;
    return (int32_t)strtol(token.text, NULL, 10);
}

struct token
token_join(struct parser *p, struct token a, struct token b)
{
    const char *text = ky_arena_printf(p->arena, "%s.%s", a.text, b.text);
    return (struct token){text, a.location, a.size};
}

struct ast_node *
build_bare(struct parser *p, enum ast_kind kind, int32_t location)
{
    return build_node(p, kind, sizeof(struct ast_node), location);
}

struct ast_node *
build_string(struct parser *p, struct token token)
{
    struct ast_string *string = NODE(AST_STRING, ast_string, token.location);
    string->text = token.text;
    return &string->node;
}

struct ast_node *
build_name(struct parser *p, struct token token)
{
    return build_string(p, token);
}

struct ast_node *
build_node_list(struct parser *p, struct ast_list *list)
{
    struct ast_node_list *node = NODE(AST_NODE_LIST, ast_node_list, list->items[0]->location);
    node->list = list;
    adopt_list(p, &node->node, list);
    return &node->node;
}

struct ast_list *
wrap_names(struct parser *p, struct ast_list *names)
{
    for (int32_t i = 0; i < names->count; i++) {
        names->items[i] = build_node_list(p, list_add(p, NULL, names->items[i]));
    }
    return names;
}

/* first.rest where only names may stand. */
struct ast_list *
build_dotted(struct parser *p, struct token first, struct ast_list *rest)
{
    struct ast_list *names = list_add(p, NULL, build_name(p, first));
    for (int32_t i = 0; i < ast_list_count(rest); i++) {
        struct ast_node *item = rest->items[i];
        if (item->kind != AST_STRING) {
            parser_error_here(p, "syntax error");
        }
        names = list_add(p, names, item);
    }
    return names;
}

static const char *
dotted_text(struct parser *p, const struct ast_list *names)
{
    const char *text = ast_list_text(names, 0);
    for (int32_t i = 1; i < names->count; i++) {
        text = ky_arena_printf(p->arena, "%s.%s", text, ast_list_text(names, i));
    }
    return text;
}

struct ast_range_var *
build_range_var(struct parser *p, struct token first, struct ast_list *rest)
{
    struct ast_range_var *relation = NODE(AST_RANGE_VAR, ast_range_var, first.location);
    relation->name = first.text;
    if (rest == NULL) {
        return relation;
    }
    struct ast_list *names = build_dotted(p, first, rest);
    if (p->is_failed) {
        return relation;
    }
    if (names->count > 3) {
        parser_error_at(p, first.location, "improper qualified name (too many dotted names): %s",
                        dotted_text(p, names));
        return relation;
    }
    relation->name = ast_list_text(names, names->count - 1);
    relation->schema = ast_list_text(names, names->count - 2);
    relation->catalog = names->count == 3 ? ast_list_text(names, 0) : NULL;
    return relation;
}

/* Digits that fit int64 become an integer, everything else keeps its text. */
struct ast_node *
build_number(struct parser *p, struct token token)
{
    struct ast_const *number = NODE(AST_CONST, ast_const, token.location);
    uint64_t value = 0;
    const char *at = token.text;
    while (*at >= '0' && *at <= '9' && value <= (uint64_t)INT64_MAX / 10) {
        value = value * 10 + (uint64_t)(*at++ - '0');
    }
    if (*at == '\0' && value <= (uint64_t)INT64_MAX) {
        number->type = AST_CONST_INTEGER;
        number->integer = (int64_t)value;
    } else {
        number->type = AST_CONST_NUMERIC;
        number->text = token.text;
    }
    return &number->node;
}

/* Of a number that nobody else points to. */
struct ast_node *
build_negated_number(struct parser *p, struct ast_node *number)
{
    struct ast_const *constant = (struct ast_const *)(void *)number;
    if (constant->type == AST_CONST_INTEGER && constant->integer == INT64_MIN) {
        constant->type = AST_CONST_NUMERIC;
        constant->text = "9223372036854775808";
    } else if (constant->type == AST_CONST_INTEGER) {
        constant->integer = -constant->integer;
    } else if (constant->text[0] == '-') {
        constant->text++;
    } else if (strcmp(constant->text, "9223372036854775808") == 0) {
        constant->type = AST_CONST_INTEGER;
        constant->integer = INT64_MIN;
        constant->text = NULL;
    } else {
        constant->text = ky_arena_printf(p->arena, "-%s", constant->text);
    }
    return number;
}

struct ast_node *
build_int(struct parser *p, int64_t value, int32_t location)
{
    struct ast_const *number = NODE(AST_CONST, ast_const, location);
    number->type = AST_CONST_INTEGER;
    number->integer = value;
    return &number->node;
}

struct ast_node *
build_string_const(struct parser *p, enum ast_const_type type, struct token token)
{
    struct ast_const *constant = NODE(AST_CONST, ast_const, token.location);
    constant->type = type;
    constant->text = token.text;
    return &constant->node;
}

struct ast_node *
build_bool_const(struct parser *p, bool value, int32_t location)
{
    struct ast_const *constant = NODE(AST_CONST, ast_const, location);
    constant->type = AST_CONST_BOOL;
    constant->boolean = value;
    return &constant->node;
}

struct ast_node *
build_null(struct parser *p, int32_t location)
{
    struct ast_const *constant = NODE(AST_CONST, ast_const, location);
    constant->type = AST_CONST_NULL;
    return &constant->node;
}

struct ast_node *
build_param(struct parser *p, struct token token)
{
    struct ast_param *param = NODE(AST_PARAM, ast_param, token.location);
    int64_t number = 0;
    for (const char *at = token.text; *at != '\0' && number <= INT32_MAX; at++) {
        number = number * 10 + (*at - '0');
    }
    param->number = number > INT32_MAX ? INT32_MAX : (int32_t)number;
    return &param->node;
}

struct ast_node *
build_star_ref(struct parser *p, int32_t location)
{
    struct ast_column_ref *ref = NODE(AST_COLUMN_REF, ast_column_ref, location);
    ref->names = list_add(p, NULL, build_bare(p, AST_STAR, location));
    return &ref->node;
}

/* A star may only be the last step. */
static void
check_steps(struct parser *p, const struct ast_list *steps)
{
    for (int32_t i = 0; i + 1 < ast_list_count(steps); i++) {
        if (steps->items[i]->kind == AST_STAR) {
            parser_error_here(p, "improper use of \"*\"");
        }
    }
}

/* The dotted part belongs to the reference; from the first subscript on it is indirection. */
struct ast_node *
build_column_ref(struct parser *p, struct token first, struct ast_list *rest)
{
    struct ast_column_ref *ref = NODE(AST_COLUMN_REF, ast_column_ref, first.location);
    ref->names = list_add(p, NULL, build_name(p, first));
    check_steps(p, rest);
    int32_t i = 0;
    while (i < ast_list_count(rest) && rest->items[i]->kind != AST_SUBSCRIPT) {
        ref->names = list_add(p, ref->names, rest->items[i++]);
    }
    struct ast_list *steps = NULL;
    while (i < ast_list_count(rest)) {
        steps = list_add(p, steps, rest->items[i++]);
    }
    return build_indirection(p, &ref->node, steps, first.location);
}

struct ast_node *
build_indirection(struct parser *p, struct ast_node *arg, struct ast_list *steps, int32_t location)
{
    if (steps == NULL) {
        return arg;
    }
    check_steps(p, steps);
    struct ast_indirection *node = NODE(AST_INDIRECTION, ast_indirection, location);
    node->arg = arg;
    node->steps = steps;
    adopt(p, &node->node, arg);
    adopt_list(p, &node->node, steps);
    return &node->node;
}

struct ast_node *
build_subscript(struct parser *p, bool is_slice, struct ast_node *lower, struct ast_node *upper,
                int32_t location)
{
    struct ast_subscript *node = NODE(AST_SUBSCRIPT, ast_subscript, location);
    node->is_slice = is_slice;
    node->lower = lower;
    node->upper = upper;
    adopt(p, &node->node, lower);
    adopt(p, &node->node, upper);
    return &node->node;
}

/* A number with at most a sign in front, as text; NULL for anything else. */
static const char *
plain_number(struct parser *p, const struct ast_node *node)
{
    const char *sign = "";
    if (node->kind == AST_OPERATOR) {
        const struct ast_operator *op = (const struct ast_operator *)(const void *)node;
        if (op->left != NULL || op->schema != NULL ||
            (strcmp(op->name, "-") != 0 && strcmp(op->name, "+") != 0)) {
            return NULL;
        }
        sign = op->name;
        node = op->right;
    }
    if (node->kind != AST_CONST) {
        return NULL;
    }
    const struct ast_const *number = (const struct ast_const *)(const void *)node;
    const bool is_signed = number->type == AST_CONST_INTEGER
                               ? number->integer < 0
                               : number->type == AST_CONST_NUMERIC && number->text[0] == '-';
    if (is_signed && sign[0] != '\0') {
        return NULL; /* - -1: an expression */
    }
    if (number->type == AST_CONST_INTEGER) {
        return ky_arena_printf(p->arena, "%s%lld", sign, (long long)number->integer);
    }
    if (number->type == AST_CONST_NUMERIC) {
        return ky_arena_printf(p->arena, "%s%s", sign, number->text);
    }
    return NULL;
}

struct ast_node *
build_vector(struct parser *p, struct ast_list *elements, int32_t location)
{
    struct ast_vector *vector = NODE(AST_VECTOR, ast_vector, location);
    vector->count = ast_list_count(elements);
    size_t size = 3;
    const char **texts = ky_arena_alloc(p->arena, (size_t)vector->count * sizeof(const char *) + 1);
    bool is_plain = true;
    for (int32_t i = 0; i < vector->count && is_plain; i++) {
        texts[i] = plain_number(p, elements->items[i]);
        is_plain = texts[i] != NULL;
        size += is_plain ? strlen(texts[i]) + 1 : 0;
    }
    vector->elements = elements;
    adopt_list(p, &vector->node, elements);
    if (!is_plain) {
        return &vector->node;
    }
    char *text = ky_arena_alloc(p->arena, size);
    char *at = text;
    *at++ = '[';
    for (int32_t i = 0; i < vector->count; i++) {
        size_t item_size = strlen(texts[i]);
        if (i > 0) {
            *at++ = ',';
        }
        memcpy(at, texts[i], item_size);
        at += item_size;
    }
    memcpy(at, "]", 2);
    vector->text = text;
    return &vector->node;
}

/* The lexer has seen that the text holds nothing but numbers. */
struct ast_node *
build_vector_text(struct parser *p, struct token token)
{
    struct ast_vector *vector = NODE(AST_VECTOR, ast_vector, token.location);
    vector->text = token.text;
    vector->count = 1;
    for (const char *at = token.text; *at != '\0'; at++) {
        vector->count += *at == ',';
    }
    return &vector->node;
}

/* Inside ARRAY[..] a bracket is a nested array, not a vector. */
struct ast_node *
build_array(struct parser *p, struct ast_list *elements, int32_t location)
{
    struct ast_array *array = NODE(AST_ARRAY, ast_array, location);
    for (int32_t i = 0; i < ast_list_count(elements); i++) {
        if (elements->items[i]->kind == AST_VECTOR) {
            const struct ast_vector *inner = (const void *)elements->items[i];
            elements->items[i] = build_array(p, inner->elements, inner->node.location);
        }
    }
    array->elements = elements;
    adopt_list(p, &array->node, elements);
    return &array->node;
}

struct ast_node *
build_row(struct parser *p, bool is_explicit, struct ast_list *elements, int32_t location)
{
    struct ast_row *row = NODE(AST_ROW, ast_row, location);
    row->is_explicit = is_explicit;
    row->elements = elements;
    adopt_list(p, &row->node, elements);
    return &row->node;
}
