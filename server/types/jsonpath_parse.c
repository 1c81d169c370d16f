/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of SQL/JSON paths, by recursive descent:
 *
 *   path       = [strict | lax] (expression | predicate)
 *   predicate  = comparison, && and ||, !, exists (..), .. is unknown, .. starts with, ..
 * like_regex expression = + - * / % over values and their steps step       = .key .* [..] .**{..}
 * ?(predicate) .method()
 *
 * What an opening parenthesis holds is known only at its end: a predicate that a step follows is a
 * value again. So parse_operand says which it read, and a predicate goes up without being combined.
 */
#include "server/base/utf8.h"
#include "server/types/jsonpath_private.h"
#include "server/types/numeric.h"
#include "server/types/types_private.h"

enum wanted { WANT_EXPRESSION, WANT_PREDICATE, WANT_EITHER };

struct parser {
    const struct type_context *context;
    struct jsonpath_lexer lexer;
    int nesting;           /* of parentheses and brackets */
    int filter_depth;      /* > 0: @ has a meaning */
    int subscript_depth;   /* > 0: last has one */
    const char *misplaced; /* what is wrong though the grammar allows it; told at the end */
};

static ky_status parse(struct parser *p, enum wanted wanted, struct jsonpath_node **out,
                       struct ky_error *err);

static ky_status
advance(struct parser *p, struct ky_error *err)
{
    return jsonpath_next(&p->lexer, err);
}

static ky_status
error_syntax(const struct parser *p, struct ky_error *err)
{
    return jsonpath_error_near(&p->lexer, "syntax error", err);
}

static ky_status
error_deep(struct ky_error *err)
{
    return ky_error_set(err, KY_STATEMENT_TOO_COMPLEX, "jsonpath is nested too deeply");
}

static bool
is_character(const struct parser *p, char c)
{
    return p->lexer.token == TOKEN_CHARACTER && p->lexer.character == c;
}

static ky_status
expect_character(struct parser *p, char c, struct ky_error *err)
{
    return is_character(p, c) ? advance(p, err) : error_syntax(p, err);
}

static ky_status
expect_token(struct parser *p, enum jsonpath_token token, struct ky_error *err)
{
    return p->lexer.token == token ? advance(p, err) : error_syntax(p, err);
}

/* Is it true, false or unknown, not yet made a value by a step? */
static bool
is_truth(const struct jsonpath_node *node)
{
    return jsonpath_is_predicate(node) && node->next == NULL;
}

static struct jsonpath_node *
node_new(struct parser *p, enum jsonpath_kind kind)
{
    struct jsonpath_node *node = ky_arena_new(p->context->arena, struct jsonpath_node);
    node->kind = kind;
    node->height = 1;
    return node;
}

static ky_status
raise_above(struct jsonpath_node *node, const struct jsonpath_node *below, struct ky_error *err)
{
    if (below != NULL && below->height >= node->height) {
        node->height = (uint16_t)(below->height + 1);
    }
    return node->height > JSONPATH_HEIGHT_MAX ? error_deep(err) : KY_OK;
}

static ky_status
node_over(struct parser *p, enum jsonpath_kind kind, struct jsonpath_node *left,
          struct jsonpath_node *right, struct jsonpath_node **out, struct ky_error *err)
{
    struct jsonpath_node *node = node_new(p, kind);
    node->left = left;
    node->right = right;
    KY_TRY(raise_above(node, left, err));
    KY_TRY(raise_above(node, right, err));
    *out = node;
    return KY_OK;
}

static ky_status
node_number(struct parser *p, struct jsonpath_node **out, struct ky_error *err)
{
    struct datum number;
    KY_TRY(numeric_type.input(&numeric_type, p->context, p->lexer.text, -1, &number, err));
    *out = node_new(p, JSONPATH_NUMBER);
    (*out)->text = number.bytes;
    return KY_OK;
}

static ky_status
enter(struct parser *p, struct ky_error *err)
{
    if (p->nesting >= JSONPATH_NESTING_MAX) {
        return error_deep(err);
    }
    p->nesting++;
    return KY_OK;
}

/* What stands in parentheses; the opening one is the current token. */
static ky_status
parse_parenthesised(struct parser *p, enum wanted wanted, struct jsonpath_node **out,
                    struct ky_error *err)
{
    KY_TRY(enter(p, err));
    KY_TRY(expect_character(p, '(', err));
    KY_TRY(parse(p, wanted, out, err));
    KY_TRY(expect_character(p, ')', err));
    p->nesting--;
    return KY_OK;
}

static ky_status
parse_level(struct parser *p, int32_t *level, struct ky_error *err)
{
    if (p->lexer.token == TOKEN_KEYWORD_LAST) {
        *level = JSONPATH_LEVEL_LAST;
    } else if (p->lexer.token == TOKEN_INTEGER) {
        struct datum number;
        const struct type *int4 = type_get(OID_INT4);
        KY_TRY(int4->input(int4, p->context, p->lexer.text, -1, &number, err));
        *level = (int32_t)number.word;
    } else {
        return error_syntax(p, err);
    }
    return advance(p, err);
}

/* Behind .** */
static ky_status
parse_levels(struct parser *p, struct jsonpath_node **out, struct ky_error *err)
{
    struct jsonpath_node *node = node_new(p, JSONPATH_ANY_LEVEL);
    node->level_last = JSONPATH_LEVEL_LAST;
    *out = node;
    if (!is_character(p, '{')) {
        return KY_OK;
    }
    KY_TRY(advance(p, err));
    KY_TRY(parse_level(p, &node->level_first, err));
    node->level_last = node->level_first;
    if (p->lexer.token == TOKEN_KEYWORD_TO) {
        KY_TRY(advance(p, err));
        KY_TRY(parse_level(p, &node->level_last, err));
    }
    return expect_character(p, '}', err);
}

static bool
method_of(enum jsonpath_token token, enum jsonpath_kind *kind)
{
    static const struct {
        enum jsonpath_token token;
        enum jsonpath_kind kind;
    } methods[] = {
        {TOKEN_KEYWORD_ABS, JSONPATH_ABS},           {TOKEN_KEYWORD_SIZE, JSONPATH_SIZE},
        {TOKEN_KEYWORD_TYPE, JSONPATH_TYPE},         {TOKEN_KEYWORD_FLOOR, JSONPATH_FLOOR},
        {TOKEN_KEYWORD_DOUBLE, JSONPATH_DOUBLE},     {TOKEN_KEYWORD_CEILING, JSONPATH_CEILING},
        {TOKEN_KEYWORD_DATETIME, JSONPATH_DATETIME}, {TOKEN_KEYWORD_KEYVALUE, JSONPATH_KEYVALUE},
    };
    for (size_t i = 0; i < KY_COUNT_OF(methods); i++) {
        if (methods[i].token == token) {
            *kind = methods[i].kind;
            return true;
        }
    }
    return false;
}

/* Behind a point: a key, or a method when parentheses follow. */
static ky_status
parse_key(struct parser *p, struct jsonpath_node **out, struct ky_error *err)
{
    const enum jsonpath_token token = p->lexer.token;
    enum jsonpath_kind method;
    if (token != TOKEN_NAME && token != TOKEN_STRING && token < TOKEN_KEYWORD_IS) {
        return error_syntax(p, err);
    }
    struct jsonpath_node *node = node_new(p, JSONPATH_KEY);
    node->text = p->lexer.text;
    *out = node;
    KY_TRY(advance(p, err));
    if (!is_character(p, '(') || !method_of(token, &method)) {
        return KY_OK;
    }
    KY_TRY(advance(p, err));
    node->kind = method;
    node->text = ky_slice(NULL, 0);
    if (method == JSONPATH_DATETIME && p->lexer.token == TOKEN_STRING) {
        node->text = p->lexer.text;
        node->has_text = true;
        KY_TRY(advance(p, err));
    }
    return expect_character(p, ')', err);
}

/* Behind an opening bracket. */
static ky_status
parse_subscripts(struct parser *p, struct jsonpath_node **out, struct ky_error *err)
{
    if (is_character(p, '*')) {
        *out = node_new(p, JSONPATH_ANY_ELEMENT);
        KY_TRY(advance(p, err));
        return expect_character(p, ']', err);
    }
    struct jsonpath_node *node = node_new(p, JSONPATH_SUBSCRIPTS);
    struct jsonpath_subscript **last = &node->subscripts;
    KY_TRY(enter(p, err));
    p->subscript_depth++;
    for (;;) {
        struct jsonpath_subscript *subscript =
            ky_arena_new(p->context->arena, struct jsonpath_subscript);
        KY_TRY(parse(p, WANT_EXPRESSION, &subscript->from, err));
        KY_TRY(raise_above(node, subscript->from, err));
        if (p->lexer.token == TOKEN_KEYWORD_TO) {
            KY_TRY(advance(p, err));
            KY_TRY(parse(p, WANT_EXPRESSION, &subscript->to, err));
            KY_TRY(raise_above(node, subscript->to, err));
        }
        *last = subscript;
        last = &subscript->next;
        if (!is_character(p, ',')) {
            break;
        }
        KY_TRY(advance(p, err));
    }
    p->subscript_depth--;
    p->nesting--;
    *out = node;
    return expect_character(p, ']', err);
}

static bool
is_step(const struct parser *p)
{
    return is_character(p, '.') || is_character(p, '[') || is_character(p, '?');
}

static ky_status
parse_step(struct parser *p, struct jsonpath_node **out, struct ky_error *err)
{
    const char kind = p->lexer.character;
    KY_TRY(advance(p, err));
    if (kind == '[') {
        return parse_subscripts(p, out, err);
    }
    if (kind == '?') {
        struct jsonpath_node *predicate;
        p->filter_depth++;
        KY_TRY(parse_parenthesised(p, WANT_PREDICATE, &predicate, err));
        p->filter_depth--;
        return node_over(p, JSONPATH_FILTER, predicate, NULL, out, err);
    }
    if (is_character(p, '*')) {
        *out = node_new(p, JSONPATH_ANY_KEY);
        return advance(p, err);
    }
    if (p->lexer.token == TOKEN_ANY_LEVEL) {
        KY_TRY(advance(p, err));
        return parse_levels(p, out, err);
    }
    return parse_key(p, out, err);
}

/* The steps behind a value. Each is counted as if it stood above what is there already. */
static ky_status
parse_steps(struct parser *p, struct jsonpath_node *head, struct ky_error *err)
{
    struct jsonpath_node *last = head;
    while (last->next != NULL) {
        last = last->next;
    }
    while (is_step(p)) {
        KY_TRY(parse_step(p, &last->next, err));
        last = last->next;
        head->height = (uint16_t)(KY_MAX(head->height, last->height) + 1);
        if (head->height > JSONPATH_HEIGHT_MAX) {
            return error_deep(err);
        }
    }
    return KY_OK;
}

static ky_status
parse_value(struct parser *p, struct jsonpath_node **out, struct ky_error *err)
{
    enum jsonpath_kind kind;
    const char c = p->lexer.token == TOKEN_CHARACTER ? p->lexer.character : '\0';
    switch (p->lexer.token) {
    case TOKEN_STRING:
        kind = JSONPATH_STRING;
        break;
    case TOKEN_VARIABLE:
        kind = JSONPATH_VARIABLE;
        break;
    case TOKEN_KEYWORD_NULL:
        kind = JSONPATH_NULL;
        break;
    case TOKEN_KEYWORD_TRUE:
    case TOKEN_KEYWORD_FALSE:
        kind = JSONPATH_BOOL;
        break;
    case TOKEN_KEYWORD_LAST:
        kind = JSONPATH_LAST;
        break;
    case TOKEN_INTEGER:
    case TOKEN_DECIMAL:
        KY_TRY(node_number(p, out, err));
        return advance(p, err);
    default:
        if (c != '$' && c != '@') {
            return error_syntax(p, err);
        }
        kind = c == '$' ? JSONPATH_ROOT : JSONPATH_CURRENT;
    }
    if (kind == JSONPATH_CURRENT && p->filter_depth == 0 && p->misplaced == NULL) {
        p->misplaced = "@ is not allowed in root expressions";
    }
    if (kind == JSONPATH_LAST && p->subscript_depth == 0 && p->misplaced == NULL) {
        p->misplaced = "LAST is allowed only in array subscripts";
    }
    *out = node_new(p, kind);
    (*out)->boolean = p->lexer.token == TOKEN_KEYWORD_TRUE;
    if (kind == JSONPATH_STRING || kind == JSONPATH_VARIABLE) {
        (*out)->text = p->lexer.text;
    }
    return advance(p, err);
}

/* A value and its steps, or (may_be_predicate) a predicate in parentheses. */
static ky_status
parse_operand(struct parser *p, bool may_be_predicate, struct jsonpath_node **out,
              struct ky_error *err)
{
    if (!is_character(p, '(')) {
        KY_TRY(parse_value(p, out, err));
        return parse_steps(p, *out, err);
    }
    KY_TRY(parse_parenthesised(p, WANT_EITHER, out, err));
    if (is_step(p)) {
        return parse_steps(p, *out, err);
    }
    return is_truth(*out) && !may_be_predicate ? error_syntax(p, err) : KY_OK;
}

static ky_status
parse_signed(struct parser *p, bool may_be_predicate, struct jsonpath_node **out,
             struct ky_error *err)
{
    const bool is_minus = is_character(p, '-');
    if (!is_minus && !is_character(p, '+')) {
        return parse_operand(p, may_be_predicate, out, err);
    }
    struct jsonpath_node *operand;
    KY_TRY(enter(p, err));
    KY_TRY(advance(p, err));
    KY_TRY(parse_signed(p, false, &operand, err));
    p->nesting--;
    if (operand->kind != JSONPATH_NUMBER || operand->next != NULL) {
        return node_over(p, is_minus ? JSONPATH_MINUS : JSONPATH_PLUS, operand, NULL, out, err);
    }
    if (is_minus) {
        operand->text = numeric_negate(p->context->arena, operand->text);
    }
    *out = operand;
    return KY_OK;
}

static ky_status
parse_product(struct parser *p, bool may_be_predicate, struct jsonpath_node **out,
              struct ky_error *err)
{
    KY_TRY(parse_signed(p, may_be_predicate, out, err));
    while (!is_truth(*out) &&
           (is_character(p, '*') || is_character(p, '/') || is_character(p, '%'))) {
        const char c = p->lexer.character;
        struct jsonpath_node *right;
        KY_TRY(advance(p, err));
        KY_TRY(parse_signed(p, false, &right, err));
        KY_TRY(node_over(p,
                         c == '*'   ? JSONPATH_MULTIPLY
                         : c == '/' ? JSONPATH_DIVIDE
                                    : JSONPATH_MODULO,
                         *out, right, out, err));
    }
    return KY_OK;
}

static ky_status
parse_sum(struct parser *p, bool may_be_predicate, struct jsonpath_node **out, struct ky_error *err)
{
    KY_TRY(parse_product(p, may_be_predicate, out, err));
    while (!is_truth(*out) && (is_character(p, '+') || is_character(p, '-'))) {
        const char c = p->lexer.character;
        struct jsonpath_node *right;
        KY_TRY(advance(p, err));
        KY_TRY(parse_product(p, false, &right, err));
        KY_TRY(node_over(p, c == '+' ? JSONPATH_ADD : JSONPATH_SUBTRACT, *out, right, out, err));
    }
    return KY_OK;
}

static bool
comparison_of(const struct parser *p, enum jsonpath_kind *kind)
{
    switch (p->lexer.token) {
    case TOKEN_EQUAL:
        *kind = JSONPATH_EQUAL;
        return true;
    case TOKEN_NOT_EQUAL:
        *kind = JSONPATH_NOT_EQUAL;
        return true;
    case TOKEN_LESS_EQUAL:
        *kind = JSONPATH_LESS_EQUAL;
        return true;
    case TOKEN_GREATER_EQUAL:
        *kind = JSONPATH_GREATER_EQUAL;
        return true;
    default:
        *kind = is_character(p, '<') ? JSONPATH_LESS : JSONPATH_GREATER;
        return is_character(p, '<') || is_character(p, '>');
    }
}

static ky_status
parse_starts_with(struct parser *p, struct jsonpath_node *left, struct jsonpath_node **out,
                  struct ky_error *err)
{
    struct jsonpath_node *right;
    KY_TRY(advance(p, err));
    KY_TRY(expect_token(p, TOKEN_KEYWORD_WITH, err));
    if (p->lexer.token != TOKEN_STRING && p->lexer.token != TOKEN_VARIABLE) {
        return error_syntax(p, err);
    }
    KY_TRY(parse_value(p, &right, err));
    return node_over(p, JSONPATH_STARTS_WITH, left, right, out, err);
}

static ky_status
regex_flags(struct ky_slice text, uint8_t *flags, struct ky_error *err)
{
    static const char letters[] = "ismxq";
    const char *p = text.data;
    for (size_t i = 0; i < text.size; i++) {
        const char *letter = p[i] == '\0' ? NULL : strchr(letters, p[i]);
        if (letter == NULL) {
            const size_t size = ky_utf8_sequence_size(p + i, text.size - i);
            ky_error_set(err, KY_SYNTAX_ERROR, "invalid input syntax for type jsonpath");
            return ky_error_detail(err,
                                   "Unrecognized flag character \"%.*s\" in LIKE_REGEX predicate.",
                                   (int)size, p + i);
        }
        *flags |= (uint8_t)(1 << (letter - letters));
    }
    if ((*flags & (JSONPATH_REGEX_X | JSONPATH_REGEX_Q)) == JSONPATH_REGEX_X) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "XQuery \"x\" flag (expanded regular expressions) is not implemented");
    }
    return KY_OK;
}

static ky_status
parse_like_regex(struct parser *p, struct jsonpath_node *left, struct jsonpath_node **out,
                 struct ky_error *err)
{
    KY_TRY(node_over(p, JSONPATH_LIKE_REGEX, left, NULL, out, err));
    KY_TRY(advance(p, err));
    (*out)->text = p->lexer.text;
    KY_TRY(expect_token(p, TOKEN_STRING, err));
    if (p->lexer.token != TOKEN_KEYWORD_FLAG) {
        return KY_OK;
    }
    KY_TRY(advance(p, err));
    if (p->lexer.token != TOKEN_STRING) {
        return error_syntax(p, err);
    }
    KY_TRY(regex_flags(p->lexer.text, &(*out)->regex_flags, err));
    return advance(p, err);
}

static ky_status
parse_not(struct parser *p, struct jsonpath_node **out, struct ky_error *err)
{
    struct jsonpath_node *predicate;
    KY_TRY(advance(p, err));
    if (p->lexer.token == TOKEN_KEYWORD_EXISTS) {
        struct jsonpath_node *value;
        KY_TRY(advance(p, err));
        KY_TRY(parse_parenthesised(p, WANT_EXPRESSION, &value, err));
        KY_TRY(node_over(p, JSONPATH_EXISTS, value, NULL, &predicate, err));
    } else {
        KY_TRY(parse_parenthesised(p, WANT_PREDICATE, &predicate, err));
    }
    return node_over(p, JSONPATH_NOT, predicate, NULL, out, err);
}

/* One comparison, or whatever else AND and OR combine; an expression unless that is not wanted. */
static ky_status
parse_term(struct parser *p, enum wanted wanted, struct jsonpath_node **out, struct ky_error *err)
{
    enum jsonpath_kind kind;
    if (is_character(p, '!')) {
        return parse_not(p, out, err);
    }
    if (p->lexer.token == TOKEN_KEYWORD_EXISTS) {
        struct jsonpath_node *value;
        KY_TRY(advance(p, err));
        KY_TRY(parse_parenthesised(p, WANT_EXPRESSION, &value, err));
        return node_over(p, JSONPATH_EXISTS, value, NULL, out, err);
    }
    const bool is_parenthesised = is_character(p, '(');
    KY_TRY(parse_sum(p, true, out, err));
    if (is_truth(*out)) {
        if (!is_parenthesised || p->lexer.token != TOKEN_KEYWORD_IS) {
            return KY_OK;
        }
        KY_TRY(advance(p, err));
        KY_TRY(expect_token(p, TOKEN_KEYWORD_UNKNOWN, err));
        return node_over(p, JSONPATH_IS_UNKNOWN, *out, NULL, out, err);
    }
    if (comparison_of(p, &kind)) {
        struct jsonpath_node *right;
        KY_TRY(advance(p, err));
        KY_TRY(parse_sum(p, false, &right, err));
        return node_over(p, kind, *out, right, out, err);
    }
    if (p->lexer.token == TOKEN_KEYWORD_STARTS) {
        return parse_starts_with(p, *out, out, err);
    }
    if (p->lexer.token == TOKEN_KEYWORD_LIKE_REGEX) {
        return parse_like_regex(p, *out, out, err);
    }
    return wanted == WANT_PREDICATE ? error_syntax(p, err) : KY_OK;
}

static ky_status
parse_and(struct parser *p, enum wanted wanted, struct jsonpath_node **out, struct ky_error *err)
{
    KY_TRY(parse_term(p, wanted, out, err));
    while (is_truth(*out) && p->lexer.token == TOKEN_AND) {
        struct jsonpath_node *right;
        KY_TRY(advance(p, err));
        KY_TRY(parse_term(p, WANT_PREDICATE, &right, err));
        KY_TRY(node_over(p, JSONPATH_AND, *out, right, out, err));
    }
    return KY_OK;
}

static ky_status
parse(struct parser *p, enum wanted wanted, struct jsonpath_node **out, struct ky_error *err)
{
    if (wanted == WANT_EXPRESSION) {
        return parse_sum(p, false, out, err);
    }
    KY_TRY(parse_and(p, wanted, out, err));
    while (is_truth(*out) && p->lexer.token == TOKEN_OR) {
        struct jsonpath_node *right;
        KY_TRY(advance(p, err));
        KY_TRY(parse_and(p, WANT_PREDICATE, &right, err));
        KY_TRY(node_over(p, JSONPATH_OR, *out, right, out, err));
    }
    return KY_OK;
}

ky_status
jsonpath_parse(const struct type_context *context, struct ky_slice text, struct jsonpath *path_out,
               struct ky_error *err)
{
    struct parser p = {.context = context};
    struct jsonpath_node *root;
    p.lexer = (struct jsonpath_lexer){
        .arena = context->arena, .place = text.data, .end = (const char *)text.data + text.size};
    KY_TRY(advance(&p, err));
    if (p.lexer.token == TOKEN_END) {
        return type_error_syntax(err, "jsonpath", text);
    }
    const bool is_strict = p.lexer.token == TOKEN_KEYWORD_STRICT;
    if (is_strict || p.lexer.token == TOKEN_KEYWORD_LAX) {
        KY_TRY(advance(&p, err));
    }
    KY_TRY(parse(&p, WANT_EITHER, &root, err));
    if (p.lexer.token != TOKEN_END) {
        return error_syntax(&p, err);
    }
    if (p.misplaced != NULL) {
        return ky_error_set(err, KY_SYNTAX_ERROR, "%s", p.misplaced);
    }
    *path_out = (struct jsonpath){is_strict, root};
    return KY_OK;
}
