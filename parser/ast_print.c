/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/print_private.h"
#include "server/base/assert.h"

/* Back to SQL: names, strings, lists and the choice of printer. */

void
print_text(struct ky_buffer *out, const char *text)
{
    ky_buffer_append_cstr(out, text);
}

void
ast_print_identifier(struct ky_buffer *out, const char *name)
{
    bool is_plain = (name[0] >= 'a' && name[0] <= 'z') || name[0] == '_';
    for (const char *at = name; *at != '\0' && is_plain; at++) {
        is_plain = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_';
    }
    if (is_plain) {
        const struct keyword *keyword = keyword_find(name, strlen(name));
        is_plain = keyword == NULL || keyword->class == KEYWORD_UNRESERVED;
    }
    if (is_plain) {
        print_text(out, name);
        return;
    }
    ky_buffer_append_byte(out, '"');
    for (const char *at = name; *at != '\0'; at++) {
        if (*at == '"') {
            ky_buffer_append_byte(out, '"');
        }
        ky_buffer_append_byte(out, (uint8_t)*at);
    }
    ky_buffer_append_byte(out, '"');
}

void
ast_print_string(struct ky_buffer *out, const char *text)
{
    bool has_backslash = strchr(text, '\\') != NULL;
    print_text(out, has_backslash ? "E'" : "'");
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'' || *at == '\\') {
            ky_buffer_append_byte(out, (uint8_t)*at);
        }
        ky_buffer_append_byte(out, (uint8_t)*at);
    }
    ky_buffer_append_byte(out, '\'');
}

void
print_list(struct ky_buffer *out, const struct ast_list *list, const char *separator)
{
    for (int32_t i = 0; i < ast_list_count(list); i++) {
        if (i > 0) {
            print_text(out, separator);
        }
        print_node(out, list->items[i]);
    }
}

void
print_paren_list(struct ky_buffer *out, const char *prefix, const struct ast_list *list)
{
    if (ast_list_count(list) > 0) {
        print_text(out, prefix);
        print_text(out, "(");
        print_list(out, list, ", ");
        print_text(out, ")");
    }
}

void
print_clause(struct ky_buffer *out, const char *prefix, const struct ast_node *node)
{
    if (node != NULL) {
        print_text(out, prefix);
        print_node(out, node);
    }
}

void
print_list_clause(struct ky_buffer *out, const char *prefix, const struct ast_list *list)
{
    if (ast_list_count(list) > 0) {
        print_text(out, prefix);
        print_list(out, list, ", ");
    }
}

void
print_name_clause(struct ky_buffer *out, const char *prefix, const char *name)
{
    if (name != NULL) {
        print_text(out, prefix);
        ast_print_identifier(out, name);
    }
}

void
print_string_clause(struct ky_buffer *out, const char *prefix, const char *text)
{
    if (text != NULL) {
        print_text(out, prefix);
        ast_print_string(out, text);
    }
}

void
print_dotted(struct ky_buffer *out, const struct ast_list *names)
{
    print_list(out, names, ".");
}

void
print_if(struct ky_buffer *out, bool condition, const char *text)
{
    if (condition) {
        print_text(out, text);
    }
}

void
print_behavior(struct ky_buffer *out, enum ast_behavior behavior)
{
    print_if(out, behavior == AST_CASCADE, " CASCADE");
    print_if(out, behavior == AST_RESTRICT, " RESTRICT");
}

void
print_operator_name(struct ky_buffer *out, const char *schema, const char *name)
{
    if (schema == NULL) {
        print_text(out, name);
        return;
    }
    print_text(out, "OPERATOR(");
    ast_print_identifier(out, schema);
    print_text(out, ".");
    print_text(out, name);
    print_text(out, ")");
}

void
print_node(struct ky_buffer *out, const struct ast_node *node)
{
    if (node == NULL) {
        return;
    }
    switch (node->kind) { /* NOLINT: the rest is in the other printers */
    case AST_STRING:
        ast_print_identifier(out, ((const struct ast_string *)(const void *)node)->text);
        return;
    case AST_STAR:
        print_text(out, "*");
        return;
    case AST_NODE_LIST:
        print_dotted(out, ((const struct ast_node_list *)(const void *)node)->list);
        return;
    case AST_STATEMENT:
        print_node(out, ((const struct ast_statement *)(const void *)node)->statement);
        return;
    default:
        break;
    }
    bool is_printed = print_expression(out, node) || print_query(out, node) ||
                      print_table(out, node) || print_object(out, node);
    KY_ASSERT(is_printed);
}

void
ast_print(struct ky_buffer *buffer, const struct ast_node *node)
{
    print_node(buffer, node);
}
