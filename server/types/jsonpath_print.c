/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths as text, with PostgreSQL's blanks, quotes and brackets. It prints an operation that a step
 * follows without brackets where it is the operand of another: `1 + ($ * 2).a` would be read back
 * as something else. Here such an operation has its brackets always.
 */
#include <inttypes.h>

#include "server/base/json.h"
#include "server/types/jsonpath.h"
#include "server/types/types_private.h"

static const char *const names[] = {
    [JSONPATH_NULL] = "null",
    [JSONPATH_ROOT] = "$",
    [JSONPATH_CURRENT] = "@",
    [JSONPATH_LAST] = "last",
    [JSONPATH_ABS] = "abs",
    [JSONPATH_SIZE] = "size",
    [JSONPATH_TYPE] = "type",
    [JSONPATH_FLOOR] = "floor",
    [JSONPATH_DOUBLE] = "double",
    [JSONPATH_CEILING] = "ceiling",
    [JSONPATH_DATETIME] = "datetime",
    [JSONPATH_KEYVALUE] = "keyvalue",
    [JSONPATH_ADD] = "+",
    [JSONPATH_SUBTRACT] = "-",
    [JSONPATH_MULTIPLY] = "*",
    [JSONPATH_DIVIDE] = "/",
    [JSONPATH_MODULO] = "%",
    [JSONPATH_PLUS] = "+",
    [JSONPATH_MINUS] = "-",
    [JSONPATH_EQUAL] = "==",
    [JSONPATH_NOT_EQUAL] = "!=",
    [JSONPATH_LESS] = "<",
    [JSONPATH_LESS_EQUAL] = "<=",
    [JSONPATH_GREATER] = ">",
    [JSONPATH_GREATER_EQUAL] = ">=",
    [JSONPATH_STARTS_WITH] = "starts with",
    [JSONPATH_AND] = "&&",
    [JSONPATH_OR] = "||",
};

const char *
jsonpath_kind_name(enum jsonpath_kind kind)
{
    return names[kind];
}

static int
priority(const struct jsonpath_node *node)
{
    switch (node->kind) {
    case JSONPATH_OR:
        return 0;
    case JSONPATH_AND:
        return 1;
    case JSONPATH_EQUAL:
    case JSONPATH_NOT_EQUAL:
    case JSONPATH_LESS:
    case JSONPATH_LESS_EQUAL:
    case JSONPATH_GREATER:
    case JSONPATH_GREATER_EQUAL:
    case JSONPATH_STARTS_WITH:
        return 2;
    case JSONPATH_ADD:
    case JSONPATH_SUBTRACT:
        return 3;
    case JSONPATH_MULTIPLY:
    case JSONPATH_DIVIDE:
    case JSONPATH_MODULO:
        return 4;
    case JSONPATH_PLUS:
    case JSONPATH_MINUS:
        return 5;
    default: /* what needs no brackets of its own */
        return 6;
    }
}

static void print(const struct type_context *context, const struct jsonpath_node *node,
                  bool is_step, bool has_brackets, struct ky_buffer *out);

static void
print_operand(const struct type_context *context, const struct jsonpath_node *operand,
              const struct jsonpath_node *of, struct ky_buffer *out)
{
    print(context, operand, false, priority(operand) <= priority(of), out);
}

static void
print_level(int32_t level, struct ky_buffer *out)
{
    if (level == JSONPATH_LEVEL_LAST) {
        ky_buffer_append_cstr(out, "last");
    } else {
        ky_buffer_printf(out, "%" PRId32, level);
    }
}

static void
print_levels(const struct jsonpath_node *node, struct ky_buffer *out)
{
    ky_buffer_append_cstr(out, "**");
    if (node->level_first == 0 && node->level_last == JSONPATH_LEVEL_LAST) {
        return;
    }
    ky_buffer_append_byte(out, '{');
    print_level(node->level_first, out);
    if (node->level_last != node->level_first) {
        ky_buffer_append_cstr(out, " to ");
        print_level(node->level_last, out);
    }
    ky_buffer_append_byte(out, '}');
}

static void
print_subscripts(const struct type_context *context, const struct jsonpath_node *node,
                 struct ky_buffer *out)
{
    const struct jsonpath_subscript *subscript = node->subscripts;
    ky_buffer_append_byte(out, '[');
    for (; subscript != NULL; subscript = subscript->next) {
        print(context, subscript->from, false, false, out);
        if (subscript->to != NULL) {
            ky_buffer_append_cstr(out, " to ");
            print(context, subscript->to, false, false, out);
        }
        ky_buffer_append_cstr(out, subscript->next == NULL ? "" : ",");
    }
    ky_buffer_append_byte(out, ']');
}

static void
print_like_regex(const struct type_context *context, const struct jsonpath_node *node,
                 struct ky_buffer *out)
{
    static const char letters[] = "ismxq";
    print_operand(context, node->left, node, out);
    ky_buffer_append_cstr(out, " like_regex ");
    json_write_string(out, node->text);
    if (node->regex_flags == 0) {
        return;
    }
    ky_buffer_append_cstr(out, " flag \"");
    for (int i = 0; letters[i] != '\0'; i++) {
        if ((node->regex_flags & 1 << i) != 0) {
            ky_buffer_append_byte(out, (uint8_t)letters[i]);
        }
    }
    ky_buffer_append_byte(out, '"');
}

static void
print_between(const struct type_context *context, const char *before,
              const struct jsonpath_node *node, const char *after, struct ky_buffer *out)
{
    ky_buffer_append_cstr(out, before);
    print(context, node, false, false, out);
    ky_buffer_append_cstr(out, after);
}

/* The node alone, without brackets and what follows it. */
static void
print_node(const struct type_context *context, const struct jsonpath_node *node, bool is_step,
           struct ky_buffer *out)
{
    switch (node->kind) {
    case JSONPATH_NULL:
    case JSONPATH_ROOT:
    case JSONPATH_CURRENT:
    case JSONPATH_LAST:
        ky_buffer_append_cstr(out, names[node->kind]);
        break;
    case JSONPATH_BOOL:
        ky_buffer_append_cstr(out, node->boolean ? "true" : "false");
        break;
    case JSONPATH_NUMBER:
        numeric_type.output(&numeric_type, context, (struct datum){.bytes = node->text}, out);
        break;
    case JSONPATH_VARIABLE:
        ky_buffer_append_byte(out, '$');
        json_write_string(out, node->text);
        break;
    case JSONPATH_KEY:
        ky_buffer_append_cstr(out, is_step ? "." : "");
        json_write_string(out, node->text);
        break;
    case JSONPATH_STRING:
        json_write_string(out, node->text);
        break;
    case JSONPATH_ANY_KEY:
        ky_buffer_append_cstr(out, is_step ? ".*" : "*");
        break;
    case JSONPATH_ANY_ELEMENT:
        ky_buffer_append_cstr(out, "[*]");
        break;
    case JSONPATH_SUBSCRIPTS:
        print_subscripts(context, node, out);
        break;
    case JSONPATH_ANY_LEVEL:
        ky_buffer_append_cstr(out, is_step ? "." : "");
        print_levels(node, out);
        break;
    case JSONPATH_FILTER:
        print_between(context, "?(", node->left, ")", out);
        break;
    case JSONPATH_ABS:
    case JSONPATH_SIZE:
    case JSONPATH_TYPE:
    case JSONPATH_FLOOR:
    case JSONPATH_DOUBLE:
    case JSONPATH_CEILING:
    case JSONPATH_DATETIME:
    case JSONPATH_KEYVALUE:
        ky_buffer_printf(out, ".%s(", names[node->kind]);
        if (node->has_text) {
            json_write_string(out, node->text);
        }
        ky_buffer_append_byte(out, ')');
        break;
    case JSONPATH_PLUS:
    case JSONPATH_MINUS:
        ky_buffer_append_cstr(out, names[node->kind]);
        print_operand(context, node->left, node, out);
        break;
    case JSONPATH_LIKE_REGEX:
        print_like_regex(context, node, out);
        break;
    case JSONPATH_EXISTS:
        print_between(context, "exists (", node->left, ")", out);
        break;
    case JSONPATH_NOT:
        print_between(context, "!(", node->left, ")", out);
        break;
    case JSONPATH_IS_UNKNOWN:
        print_between(context, "(", node->left, ") is unknown", out);
        break;
    default:
        print_operand(context, node->left, node, out);
        ky_buffer_printf(out, " %s ", names[node->kind]);
        print_operand(context, node->right, node, out);
        break;
    }
}

static bool
takes_brackets(const struct jsonpath_node *node)
{
    return priority(node) < 6 || node->kind == JSONPATH_LIKE_REGEX;
}

static void
print(const struct type_context *context, const struct jsonpath_node *node, bool is_step,
      bool has_brackets, struct ky_buffer *out)
{
    for (; node != NULL; node = node->next, is_step = true) {
        const bool is_value = node->kind == JSONPATH_NUMBER || node->kind >= JSONPATH_ADD;
        const bool is_bracketed =
            (has_brackets && !is_step && takes_brackets(node)) || (node->next != NULL && is_value);
        ky_buffer_append_cstr(out, is_bracketed ? "(" : "");
        print_node(context, node, is_step, out);
        ky_buffer_append_cstr(out, is_bracketed ? ")" : "");
    }
}

void
jsonpath_print(const struct type_context *context, const struct jsonpath *path,
               struct ky_buffer *out)
{
    ky_buffer_append_cstr(out, path->is_strict ? "strict " : "");
    print(context, path->root, false, true, out);
}
