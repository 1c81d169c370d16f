/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "parser/lexer_private.h"
#include "parser/parser.h"

/*
 * What the grammar's actions call: each function builds one node and links its children, keeping
 * the height of the tree. Errors are noted in the parser and stop it at the next token.
 */

struct parser {
    struct ky_arena *arena;
    struct ky_error *err;
    const struct lexer *lexer;
    struct ast_node *result;
    bool is_failed;
    struct token token; /* last one fed to the grammar */
};

struct op_name {
    const char *schema;
    const char *name;
    int32_t location;
};

enum {
    CONSTRAINT_DEFERRABLE = 1,
    CONSTRAINT_NOT_DEFERRABLE = 2,
    CONSTRAINT_DEFERRED = 4,
    CONSTRAINT_IMMEDIATE = 8,
    CONSTRAINT_NOT_VALID = 16,
    CONSTRAINT_NO_INHERIT = 32
};
enum { VIEW_OR_REPLACE = 1, VIEW_RECURSIVE = 2 };
enum {
    CURSOR_BINARY = 1,
    CURSOR_SCROLL = 2,
    CURSOR_NO_SCROLL = 4,
    CURSOR_INSENSITIVE = 8,
    CURSOR_ASENSITIVE = 16,
    CURSOR_HOLD = 32
};

void parser_error_set(struct parser *p, enum ky_sqlstate sqlstate, int32_t location,
                      const char *format, ...) KY_PRINTF(4, 5);
/* A syntax error at the word that begins at location, and one at the last token. */
void parser_error_near(struct parser *p, int32_t location);
void parser_error_here(struct parser *p, const char *message);
#define parser_error_at(p, location, ...) \
    parser_error_set((p), KY_SYNTAX_ERROR, (location), __VA_ARGS__)
void parser_hint(struct parser *p, const char *hint);
void parser_syntax_error(struct parser *p, const struct token *token);
void parser_stack_overflow(struct parser *p);

/* ---- build.c: lists, names, constants, expressions ---- */

struct ast_node *build_node(struct parser *p, enum ast_kind kind, size_t size, int32_t location);
#define NODE(kind, type, location) \
    ((struct type *)(void *)build_node(p, (kind), sizeof(struct type), (location)))

void adopt(struct parser *p, struct ast_node *node, const struct ast_node *child);
void adopt_list(struct parser *p, struct ast_node *node, const struct ast_list *list);
struct ast_list *list_add(struct parser *p, struct ast_list *list, struct ast_node *node);
struct ast_list *list_prepend(struct parser *p, struct ast_list *list, struct ast_node *node);
struct ast_list *list_join(struct parser *p, struct ast_list *list, struct ast_list *more);
struct ast_list *list4(struct parser *p, struct ast_node *a, struct ast_node *b, struct ast_node *c,
                       struct ast_node *d);
int32_t token_int(struct parser *p, struct token token);
struct token token_join(struct parser *p, struct token a, struct token b);

struct ast_node *build_bare(struct parser *p, enum ast_kind kind, int32_t location);
struct ast_node *build_name(struct parser *p, struct token token);
struct ast_node *build_string(struct parser *p, struct token token);
struct ast_node *build_node_list(struct parser *p, struct ast_list *list);
struct ast_list *wrap_names(struct parser *p, struct ast_list *names);
struct ast_list *build_dotted(struct parser *p, struct token first, struct ast_list *rest);
struct ast_range_var *build_range_var(struct parser *p, struct token first, struct ast_list *rest);
struct ast_node *build_number(struct parser *p, struct token token);
struct ast_node *build_negated_number(struct parser *p, struct ast_node *number);
struct ast_node *build_int(struct parser *p, int64_t value, int32_t location);
struct ast_node *build_string_const(struct parser *p, enum ast_const_type type, struct token token);
struct ast_node *build_bool_const(struct parser *p, bool value, int32_t location);
struct ast_node *build_null(struct parser *p, int32_t location);
struct ast_node *build_param(struct parser *p, struct token token);
struct ast_node *build_star_ref(struct parser *p, int32_t location);
struct ast_node *build_column_ref(struct parser *p, struct token first, struct ast_list *rest);
struct ast_node *build_indirection(struct parser *p, struct ast_node *arg, struct ast_list *steps,
                                   int32_t location);
struct ast_node *build_subscript(struct parser *p, bool is_slice, struct ast_node *lower,
                                 struct ast_node *upper, int32_t location);
struct ast_node *build_vector(struct parser *p, struct ast_list *elements, int32_t location);
struct ast_node *build_vector_text(struct parser *p, struct token token);
struct ast_node *build_array(struct parser *p, struct ast_list *elements, int32_t location);
struct ast_node *build_row(struct parser *p, bool is_explicit, struct ast_list *elements,
                           int32_t location);

/* ---- build_expr.c ---- */

struct ast_node *build_cast(struct parser *p, struct ast_node *arg, struct ast_type_name *type,
                            int32_t location);
struct ast_node *build_typed_literal(struct parser *p, struct ast_type_name *type,
                                     struct token text);
struct ast_node *build_collate(struct parser *p, struct ast_node *arg, struct ast_list *names,
                               int32_t location);
struct ast_node *build_operator(struct parser *p, struct token op, struct ast_node *left,
                                struct ast_node *right);
struct ast_node *build_minus(struct parser *p, struct token op, struct ast_node *arg);
struct ast_node *build_qual_operator(struct parser *p, struct op_name op, struct ast_node *left,
                                     struct ast_node *right);
struct ast_node *build_bool(struct parser *p, enum ast_bool_type type, struct ast_node *left,
                            struct ast_node *right, int32_t location);
struct ast_node *build_like(struct parser *p, enum ast_like_type type, bool is_negated,
                            struct ast_node *arg, struct ast_node *pattern, struct ast_node *escape,
                            int32_t location);
struct ast_node *build_is_test(struct parser *p, enum ast_is_test_type type, bool is_negated,
                               struct ast_node *arg, int32_t location);
struct ast_node *build_distinct_from(struct parser *p, bool is_negated, struct ast_node *left,
                                     struct ast_node *right, int32_t location);
struct ast_node *build_overlaps(struct parser *p, struct ast_row *left, struct ast_row *right,
                                int32_t location);
struct ast_node *build_between(struct parser *p, bool is_negated, bool is_symmetric,
                               struct ast_node *arg, struct ast_node *low, struct ast_node *high,
                               int32_t location);
struct ast_node *build_in(struct parser *p, bool is_negated, struct ast_node *arg,
                          struct ast_in *in, int32_t location);
struct ast_node *build_any_all(struct parser *p, struct op_name op, bool is_all,
                               struct ast_node *left, struct ast_node *array,
                               struct ast_select *query);
struct ast_node *build_subquery(struct parser *p, enum ast_kind kind, struct ast_select *query,
                                int32_t location);
struct ast_node *build_grouping(struct parser *p, struct ast_list *args, int32_t location);
struct ast_node *build_case(struct parser *p, struct ast_node *arg, struct ast_list *whens,
                            struct ast_node *otherwise, int32_t location);
struct ast_node *build_when(struct parser *p, struct ast_node *condition, struct ast_node *result,
                            int32_t location);
struct ast_node *build_minmax(struct parser *p, enum ast_minmax_type type, struct ast_list *args,
                              int32_t location);
struct ast_node *build_nullif(struct parser *p, struct ast_node *left, struct ast_node *right,
                              int32_t location);
struct ast_node *build_current(struct parser *p, enum ast_current_value_type type,
                               struct token token, const struct token *precision);
struct ast_node *build_named_arg(struct parser *p, struct token name, struct ast_node *arg);
struct ast_function_call *build_call(struct parser *p, struct ast_list *names,
                                     struct ast_list *args, struct ast_list *order_by);
struct ast_node *build_aggregate(struct parser *p, struct ast_function_call *call,
                                 struct ast_node *within_group, struct ast_node *filter,
                                 struct ast_window *over);
struct ast_node *build_call_list(struct parser *p, const char *name, struct ast_list *args,
                                 int32_t location);
struct ast_node *build_call2(struct parser *p, const char *name, struct ast_node *first,
                             struct ast_node *second, int32_t location);
struct ast_node *build_plain_call(struct parser *p, struct token name, struct ast_list *args);
struct ast_node *build_substring_for(struct parser *p, struct ast_node *text,
                                     struct ast_node *count, int32_t location);
struct ast_type_name *build_type(struct parser *p, struct ast_list *names,
                                 struct ast_list *typmods);
struct ast_type_name *build_system_type(struct parser *p, const char *name,
                                        struct ast_list *typmods, int32_t location);
struct ast_type_name *build_float(struct parser *p, struct token precision, int32_t location);
struct ast_type_name *build_interval(struct parser *p, struct token precision, int32_t location);
struct ast_list *build_interval_second(struct parser *p, struct ast_list *second, int32_t fields);
struct ast_list *build_int_list(struct parser *p, int64_t value);
struct ast_list *build_typmods(struct parser *p, struct ast_list *args);
struct token build_character_name(int32_t location, int is_varying);

/* ---- build_query.c ---- */

struct ast_select *build_select(struct parser *p, struct ast_list *targets, struct ast_into *into,
                                struct ast_list *from, struct ast_node *where, int32_t location);
void build_select_grouping(struct parser *p, struct ast_select *select, struct ast_select *group,
                           struct ast_node *having, struct ast_list *windows);
struct ast_select *build_select_tail(struct parser *p, struct ast_select *select,
                                     struct ast_list *order_by, struct ast_list *locking,
                                     struct ast_select *limit, struct ast_with *with);
struct ast_select *build_table_select(struct parser *p, struct ast_range_var *relation,
                                      int32_t location);
struct ast_select *build_set_operation(struct parser *p, enum ast_set_operation operation,
                                       bool is_all, struct ast_select *left,
                                       struct ast_select *right, int32_t location);
struct ast_list *build_values(struct parser *p, struct ast_list *rows, struct ast_list *row,
                              int32_t location);
struct ast_select *build_limit(struct parser *p, struct ast_node *limit, bool is_with_ties);
struct ast_node *build_target(struct parser *p, const char *name, struct ast_node *expression,
                              int32_t location);
struct ast_into *build_into(struct parser *p, struct ast_range_var *relation, int persistence);
struct ast_node *build_grouping_set(struct parser *p, enum ast_grouping_set_type type,
                                    struct ast_list *items, int32_t location);
struct ast_node *build_sort(struct parser *p, struct ast_node *expression, struct ast_sort *sort,
                            int nulls);
struct ast_node *build_tablesample(struct parser *p, struct ast_range_var *relation,
                                   struct ast_list *method, struct ast_list *args,
                                   struct ast_node *repeatable, int32_t location);
struct ast_node *build_func_columns(struct parser *p, struct ast_range_function *function,
                                    struct ast_range_function *alias);
struct ast_range_function *build_func_alias(struct parser *p, const struct token *name,
                                            struct ast_list *columns);
struct ast_node *build_range_subquery(struct parser *p, bool is_lateral, struct ast_select *query,
                                      struct ast_alias *alias);
struct ast_node *build_join(struct parser *p, int type, bool is_natural, struct ast_node *left,
                            struct ast_node *right, struct ast_join *qual, int32_t location);
struct ast_alias *build_alias(struct parser *p, struct token name, struct ast_list *columns);
struct ast_range_function *build_range_function(struct parser *p, struct ast_list *functions,
                                                bool has_ordinality, int32_t location);
struct ast_node *build_function_item(struct parser *p, struct ast_node *call,
                                     struct ast_list *columns);
struct ast_node *build_plain_column(struct parser *p, struct token name, struct ast_type_name *type,
                                    struct ast_list *collation);
struct ast_window *build_window(struct parser *p, struct ast_list *partition_by,
                                struct ast_list *order_by, struct ast_window *frame);
struct ast_window *build_frame(struct parser *p, struct ast_window *start, struct ast_window *end);
struct ast_insert *build_insert_rest(struct parser *p, struct ast_list *columns, int overriding,
                                     struct ast_select *query);
struct ast_node *build_insert(struct parser *p, struct ast_insert *insert, struct ast_with *with,
                              struct ast_range_var *relation, struct ast_on_conflict *on_conflict,
                              struct ast_list *returning, int32_t location);
struct ast_update *build_update_body(struct parser *p, struct ast_list *sets, struct ast_list *from,
                                     struct ast_node *where, struct ast_list *returning);
struct ast_node *build_update(struct parser *p, struct ast_update *update, struct ast_with *with,
                              struct ast_range_var *relation, const struct token *alias,
                              int32_t location);
struct ast_node *build_delete(struct parser *p, struct ast_with *with,
                              struct ast_range_var *relation, struct ast_list *using_from,
                              struct ast_node *where, struct ast_list *returning, int32_t location);
struct ast_node *build_merge(struct parser *p, struct ast_with *with,
                             struct ast_range_var *relation, struct ast_node *source,
                             struct ast_node *condition, struct ast_list *whens, int32_t location);
struct ast_merge_when *build_merge_when(struct parser *p, bool is_matched,
                                        enum ast_merge_action action, struct ast_node *condition,
                                        int32_t location);
/* when carries the values from their rule. */
struct ast_merge_when *build_merge_insert(struct parser *p, struct ast_merge_when *when,
                                          struct ast_list *columns, int overriding,
                                          struct ast_node *condition, int32_t location);
struct ast_node *build_current_of(struct parser *p, struct token cursor, int32_t location);
struct ast_node *build_multi_assign(struct parser *p, struct ast_list *targets,
                                    struct ast_node *source, int32_t location);

/* ---- build_table.c ---- */

struct ast_node *build_option(struct parser *p, const char *name, struct ast_node *value,
                              int32_t location);
struct ast_node *build_word_option(struct parser *p, const char *name, const char *word,
                                   int32_t location);
struct ast_node *build_schema_option(struct parser *p, struct token schema, struct token name,
                                     struct ast_node *value);
struct ast_list *list_flag(struct parser *p, struct ast_list *list, const char *name, int is_on,
                           int32_t location);
struct ast_node *build_create_table(struct parser *p, struct ast_create_table *table,
                                    int persistence, bool is_if_not_exists,
                                    struct ast_range_var *relation, struct ast_list *elements,
                                    struct ast_list *inherits, int32_t location);
struct ast_node *build_create_partition(struct parser *p, int persistence, bool is_if_not_exists,
                                        struct ast_range_var *relation,
                                        struct ast_range_var *parent, int32_t location);
struct ast_node *build_create_table_as(struct parser *p, int persistence, bool is_if_not_exists,
                                       struct ast_into *into, struct ast_node *query,
                                       bool is_with_data, int32_t location);
struct ast_node *build_table_like(struct parser *p, struct ast_range_var *relation, int options,
                                  int32_t location);
struct ast_node *build_column_def(struct parser *p, struct token name, struct ast_type_name *type,
                                  struct token compression, struct ast_list *quals);
struct ast_node *build_constraint(struct parser *p, enum ast_constraint_type type,
                                  int32_t location);
struct ast_node *build_constraint_expr(struct parser *p, enum ast_constraint_type type,
                                       struct ast_node *expression, int32_t location);
struct ast_node *build_check(struct parser *p, struct ast_node *expression, bool is_no_inherit,
                             int32_t location);
struct ast_node *build_key(struct parser *p, enum ast_constraint_type type,
                           struct ast_list *columns, struct ast_list *include,
                           struct ast_list *options, struct token tablespace, int32_t location);
struct ast_node *build_identity(struct parser *p, bool is_always, struct ast_list *options,
                                int32_t location);
struct ast_node *build_generated(struct parser *p, bool is_always, struct ast_node *expression,
                                 int32_t location);
struct ast_node *build_foreign_key(struct parser *p, struct ast_list *columns,
                                   struct ast_range_var *referenced,
                                   struct ast_list *referenced_columns, int match,
                                   struct ast_constraint *actions, int32_t location);
struct ast_constraint *build_fk_action(struct parser *p, enum ast_fk_action action,
                                       struct ast_list *columns);
void build_attrs(struct parser *p, struct ast_node *constraint, int attrs, int32_t location);
void build_constraint_attr(struct parser *p, struct ast_list *constraints, int attr);
struct ast_node *build_alter_table(struct parser *p, int object_type, bool is_if_exists,
                                   struct ast_range_var *relation, struct ast_list *commands,
                                   int32_t location);
struct ast_node *build_alter(struct parser *p, enum ast_alter_type type, const char *name,
                             struct ast_node *definition, int32_t location);
struct ast_node *build_alter_drop(struct parser *p, enum ast_alter_type type, bool is_if_exists,
                                  struct token name, enum ast_behavior behavior, int32_t location);
struct ast_alter_command *build_alter_type(struct parser *p, struct ast_type_name *type,
                                           struct ast_list *collation, struct ast_node *using,
                                           int32_t location);
struct ast_node *build_alter_constraint(struct parser *p, struct token name, int attrs,
                                        int32_t location);
struct ast_node *build_alter_text(struct parser *p, enum ast_alter_type type, struct token name,
                                  const char *text, int32_t location);
struct ast_node *build_alter_relation(struct parser *p, enum ast_alter_type type,
                                      struct ast_range_var *relation, int32_t location);
struct ast_node *build_rename(struct parser *p, int object_type, bool is_if_exists,
                              struct ast_range_var *relation, struct ast_list *names,
                              struct token new_name, int32_t location);
struct ast_node *build_rename_sub(struct parser *p, enum ast_object_type object_type,
                                  int relation_type, bool is_if_exists,
                                  struct ast_range_var *relation, struct token name,
                                  struct token new_name, int32_t location);
struct ast_node *build_rename_role(struct parser *p, struct ast_role *role, struct token new_name,
                                   int32_t location);
struct ast_node *build_set_schema(struct parser *p, int object_type, bool is_if_exists,
                                  struct ast_range_var *relation, struct ast_list *names,
                                  struct token new_schema, int32_t location);
struct ast_node *build_set_owner(struct parser *p, enum ast_object_type object_type,
                                 struct ast_list *names, struct ast_role *owner, int32_t location);
struct ast_node *build_index_expression(struct parser *p, struct ast_index_element *element,
                                        struct ast_node *expression);
struct ast_index_element *build_index_options(struct parser *p, struct ast_list *collation,
                                              struct ast_list *opclass, struct ast_list *options,
                                              struct ast_sort *direction, int nulls);
struct ast_node *build_view(struct parser *p, int persistence, struct ast_range_var *relation,
                            struct ast_list *columns, struct ast_list *options,
                            struct ast_select *query, int check_option, int flags,
                            int32_t location);
struct ast_node *build_sequence(struct parser *p, enum ast_kind kind, int persistence, bool is_if,
                                struct ast_range_var *relation, struct ast_list *options,
                                int32_t location);
struct ast_node *build_create_vectors(struct parser *p, bool is_if_not_exists,
                                      struct ast_range_var *relation, struct token dimension,
                                      struct ast_list *columns, struct ast_list *options,
                                      int32_t location);

/* ---- build_object.c ---- */

struct ast_node *build_drop(struct parser *p, int object_type, bool is_if_exists,
                            struct ast_list *objects, enum ast_behavior behavior, int32_t location);
struct ast_node *build_database(struct parser *p, enum ast_kind kind, struct token name,
                                bool is_if_exists, struct ast_list *options, int32_t location);
struct ast_node *build_drop_role(struct parser *p, bool is_if_exists, struct ast_list *roles,
                                 int32_t location);
struct ast_node *build_unsupported(struct parser *p, const char *command, int32_t location);
struct ast_node *build_unsupported2(struct parser *p, const char *verb, const char *object,
                                    const char *more, int32_t location);
struct ast_node *build_comment(struct parser *p, int object_type, struct ast_node *object,
                               struct token text, int32_t location);
struct ast_node *build_schema(struct parser *p, const char *name, struct ast_role *owner,
                              bool is_if_not_exists, struct ast_list *elements, int32_t location);
struct ast_node *build_alter_setting(struct parser *p, bool is_system, struct ast_role *role,
                                     bool is_all_roles, const char *database, struct ast_set *set,
                                     int32_t location);
struct ast_role *build_role(struct parser *p, struct token name);
struct ast_node *build_create_role(struct parser *p, struct token word, struct token name,
                                   struct ast_list *options, int32_t location);
struct ast_node *build_alter_role(struct parser *p, struct ast_role *role, char how,
                                  struct ast_list *options, int32_t location);
struct ast_node *build_role_flag(struct parser *p, struct token word);
struct ast_node *build_alter_enum(struct parser *p, struct ast_list *names, bool is_if_not_exists,
                                  const char *label, const char *neighbor, bool is_after,
                                  int32_t location);
struct ast_node *build_create_domain(struct parser *p, struct ast_list *names,
                                     struct ast_type_name *type, struct ast_list *quals,
                                     int32_t location);
struct ast_node *build_alter_domain(struct parser *p, struct ast_list *names,
                                    struct ast_node *command, int32_t location);
struct ast_node *build_grant(struct parser *p, struct ast_grant *grant, bool is_grant,
                             struct ast_list *privileges, struct ast_list *grantees, bool is_option,
                             struct ast_role *grantor, enum ast_behavior behavior,
                             int32_t location);
struct ast_grant *build_grant_target(struct parser *p, enum ast_object_type object_type,
                                     struct ast_list *objects, bool is_all_in_schema);
struct ast_default_privileges *build_default_privileges(struct parser *p,
                                                        struct ast_default_privileges *node,
                                                        struct ast_list *roles,
                                                        struct ast_list *schemas);
struct ast_node *build_default_grant(struct parser *p, struct ast_default_privileges *node,
                                     struct ast_node *grant, int32_t location);
struct ast_node *build_owned(struct parser *p, struct ast_list *roles, struct ast_role *new_owner,
                             enum ast_behavior behavior, int32_t location);
struct ast_node *build_privilege(struct parser *p, struct token name, struct ast_list *columns);
struct ast_node *build_grant_role(struct parser *p, bool is_grant, struct ast_list *privileges,
                                  struct ast_list *grantees, bool is_option,
                                  struct ast_role *grantor, enum ast_behavior behavior,
                                  int32_t location);
struct ast_transaction *build_transaction(struct parser *p, enum ast_transaction_type type,
                                          const char *name, struct ast_list *modes, bool is_chain,
                                          int32_t location);
struct ast_set *build_set(struct parser *p, enum ast_set_type type, const char *name,
                          struct ast_list *values);
struct ast_node *build_show(struct parser *p, const char *name, int32_t location);
struct ast_node *build_set_constraints(struct parser *p, struct ast_list *constraints,
                                       bool is_deferred, int32_t location);
struct ast_node *build_explain(struct parser *p, struct ast_list *options,
                               struct ast_node *statement, int32_t location);
struct ast_node *build_execute(struct parser *p, struct token name, struct ast_list *args,
                               int32_t location);
struct ast_node *build_deallocate(struct parser *p, const char *name, int32_t location);
struct ast_node *build_declare(struct parser *p, struct token name, int options,
                               struct ast_select *query, int32_t location);
struct ast_fetch *build_fetch(struct parser *p, enum ast_fetch_direction direction, int64_t count,
                              struct token cursor);
struct ast_node *build_close(struct parser *p, const char *cursor, int32_t location);
struct ast_node *build_notify(struct parser *p, enum ast_notify_type type, const char *channel,
                              const char *payload, int32_t location);
struct ast_node *build_do(struct parser *p, struct token body, struct token language,
                          int32_t location);
struct ast_node *build_analyze(struct parser *p, bool is_vacuum, struct ast_list *options,
                               struct ast_list *relations, int32_t location);
struct ast_node *build_reindex(struct parser *p, struct ast_list *options, struct token target,
                               bool is_concurrent, struct ast_range_var *relation, const char *name,
                               int32_t location);
struct ast_node *build_cluster(struct parser *p, bool is_verbose, struct ast_range_var *relation,
                               const char *index, int32_t location);
