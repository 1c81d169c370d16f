/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/parser.h"

/* The printers' shared pieces. Each print_* appends to out. */

void print_text(struct ky_buffer *out, const char *text);
/* Both NULL-safe: print nothing for NULL. */
void print_node(struct ky_buffer *out, const struct ast_node *node);
void print_list(struct ky_buffer *out, const struct ast_list *list, const char *separator);
/* prefix, then "(a, b)"; nothing at all for an empty list. */
void print_paren_list(struct ky_buffer *out, const char *prefix, const struct ast_list *list);
/* prefix, then the node or name; nothing for NULL. */
void print_clause(struct ky_buffer *out, const char *prefix, const struct ast_node *node);
void print_list_clause(struct ky_buffer *out, const char *prefix, const struct ast_list *list);
void print_name_clause(struct ky_buffer *out, const char *prefix, const char *name);
void print_string_clause(struct ky_buffer *out, const char *prefix, const char *text);
void print_dotted(struct ky_buffer *out, const struct ast_list *names);
void print_if(struct ky_buffer *out, bool condition, const char *text);
void print_behavior(struct ky_buffer *out, enum ast_behavior behavior);
void print_operator_name(struct ky_buffer *out, const char *schema, const char *name);
/* In parentheses unless it cannot be torn apart by its neighbours. */
void print_operand(struct ky_buffer *out, const struct ast_node *node);
void print_direction(struct ky_buffer *out, enum ast_sort_direction direction,
                     enum ast_sort_nulls nulls);
/* (name = value, ..) with the prefix; nothing for an empty list. */
void print_storage(struct ky_buffer *out, const char *prefix, const struct ast_list *options);
/* (name value, ..) */
void print_generic_options(struct ky_buffer *out, const char *prefix,
                           const struct ast_list *options);
void print_with(struct ky_buffer *out, const struct ast_with *with);
void print_persistence(struct ky_buffer *out, enum ast_persistence persistence);

/* Each prints the kinds of its file and says whether node was one of them. */
bool print_expression(struct ky_buffer *out, const struct ast_node *node);
bool print_query(struct ky_buffer *out, const struct ast_node *node);
bool print_table(struct ky_buffer *out, const struct ast_node *node);
bool print_object(struct ky_buffer *out, const struct ast_node *node);
bool print_session(struct ky_buffer *out, const struct ast_node *node);

#define PRINT_AS(type, name) const struct type *name = (const struct type *)(const void *)node
