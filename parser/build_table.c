/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/build_private.h"

/* Options, tables, constraints, ALTER TABLE, indexes, views, sequences. */

struct ast_node *
build_option(struct parser *p, const char *name, struct ast_node *value, int32_t location)
{
    struct ast_option *option = NODE(AST_OPTION, ast_option, location);
    option->name = name;
    option->value = value;
    adopt(p, &option->node, value);
    return &option->node;
}

struct ast_node *
build_word_option(struct parser *p, const char *name, const char *word, int32_t location)
{
    return build_option(p, name, build_string(p, (struct token){word, location, 0}), location);
}

struct ast_node *
build_schema_option(struct parser *p, struct token schema, struct token name,
                    struct ast_node *value)
{
    struct ast_node *option = build_option(p, name.text, value, schema.location);
    ((struct ast_option *)(void *)option)->schema = schema.text;
    return option;
}

struct ast_list *
list_flag(struct parser *p, struct ast_list *list, const char *name, int is_on, int32_t location)
{
    return is_on ? list_add(p, list, build_option(p, name, NULL, location)) : list;
}

/* table carries what follows the parentheses. */
struct ast_node *
build_create_table(struct parser *p, struct ast_create_table *table, int persistence,
                   bool is_if_not_exists, struct ast_range_var *relation, struct ast_list *elements,
                   struct ast_list *inherits, int32_t location)
{
    (void)p;
    table->node.location = location;
    table->persistence = (enum ast_persistence)persistence;
    table->is_if_not_exists = is_if_not_exists;
    table->relation = relation;
    table->elements = elements;
    table->inherits = inherits;
    return &table->node;
}

struct ast_node *
build_create_partition(struct parser *p, int persistence, bool is_if_not_exists,
                       struct ast_range_var *relation, struct ast_range_var *parent,
                       int32_t location)
{
    struct ast_create_table *table = NODE(AST_CREATE_TABLE, ast_create_table, location);
    table->partition_of = parent;
    return build_create_table(p, table, persistence, is_if_not_exists, relation, NULL, NULL,
                              location);
}

struct ast_node *
build_create_table_as(struct parser *p, int persistence, bool is_if_not_exists,
                      struct ast_into *into, struct ast_node *query, bool is_with_data,
                      int32_t location)
{
    struct ast_create_table_as *node = NODE(AST_CREATE_TABLE_AS, ast_create_table_as, location);
    into->persistence = (enum ast_persistence)persistence;
    node->into = into;
    node->query = query;
    node->is_if_not_exists = is_if_not_exists;
    node->is_with_no_data = !is_with_data;
    adopt(p, &node->node, query);
    return &node->node;
}

struct ast_node *
build_table_like(struct parser *p, struct ast_range_var *relation, int options, int32_t location)
{
    struct ast_table_like *like = NODE(AST_TABLE_LIKE, ast_table_like, location);
    like->relation = relation;
    like->options = options;
    return &like->node;
}

/* COLLATE stands among the constraints in the source and moves to its own place here. */
struct ast_node *
build_column_def(struct parser *p, struct token name, struct ast_type_name *type,
                 struct token compression, struct ast_list *quals)
{
    struct ast_column_def *column = NODE(AST_COLUMN_DEF, ast_column_def, name.location);
    column->name = name.text;
    column->type = type;
    column->compression = compression.text;
    for (int32_t i = 0; i < ast_list_count(quals); i++) {
        struct ast_node *qual = quals->items[i];
        if (qual->kind != AST_COLLATE) {
            column->constraints = list_add(p, column->constraints, qual);
            continue;
        }
        if (column->collation != NULL) {
            parser_error_at(p, qual->location, "multiple COLLATE clauses not allowed");
        }
        column->collation = ((struct ast_collate *)(void *)qual)->names;
    }
    adopt(p, &column->node, &type->node);
    adopt_list(p, &column->node, column->constraints);
    return &column->node;
}

/* ---- constraints ---- */

static struct ast_constraint *
constraint_new(struct parser *p, enum ast_constraint_type type, int32_t location)
{
    struct ast_constraint *constraint = NODE(AST_CONSTRAINT, ast_constraint, location);
    constraint->type = type;
    return constraint;
}

struct ast_node *
build_constraint(struct parser *p, enum ast_constraint_type type, int32_t location)
{
    return &constraint_new(p, type, location)->node;
}

struct ast_node *
build_constraint_expr(struct parser *p, enum ast_constraint_type type, struct ast_node *expression,
                      int32_t location)
{
    struct ast_constraint *constraint = constraint_new(p, type, location);
    constraint->expression = expression;
    adopt(p, &constraint->node, expression);
    return &constraint->node;
}

struct ast_node *
build_check(struct parser *p, struct ast_node *expression, bool is_no_inherit, int32_t location)
{
    struct ast_node *check = build_constraint_expr(p, AST_CONSTRAINT_CHECK, expression, location);
    ((struct ast_constraint *)(void *)check)->is_no_inherit = is_no_inherit;
    return check;
}

struct ast_node *
build_key(struct parser *p, enum ast_constraint_type type, struct ast_list *columns,
          struct ast_list *include, struct ast_list *options, struct token tablespace,
          int32_t location)
{
    struct ast_constraint *key = constraint_new(p, type, location);
    key->columns = columns;
    key->include = include;
    key->index_options = options;
    key->index_tablespace = tablespace.text;
    return &key->node;
}

struct ast_node *
build_identity(struct parser *p, bool is_always, struct ast_list *options, int32_t location)
{
    struct ast_constraint *identity = constraint_new(p, AST_CONSTRAINT_IDENTITY, location);
    identity->is_always = is_always;
    identity->sequence_options = options;
    return &identity->node;
}

struct ast_node *
build_generated(struct parser *p, bool is_always, struct ast_node *expression, int32_t location)
{
    if (!is_always) {
        parser_error_at(p, location, "for a generated column, GENERATED ALWAYS must be specified");
    }
    struct ast_node *node =
        build_constraint_expr(p, AST_CONSTRAINT_GENERATED, expression, location);
    ((struct ast_constraint *)(void *)node)->is_always = true;
    return node;
}

/* actions carries ON UPDATE and ON DELETE. */
struct ast_node *
build_foreign_key(struct parser *p, struct ast_list *columns, struct ast_range_var *referenced,
                  struct ast_list *referenced_columns, int match, struct ast_constraint *actions,
                  int32_t location)
{
    (void)p;
    actions->type = AST_CONSTRAINT_FOREIGN_KEY;
    actions->node.location = location;
    actions->columns = columns;
    actions->referenced = referenced;
    actions->referenced_columns = referenced_columns;
    actions->match = (enum ast_fk_match)match;
    return &actions->node;
}

struct ast_constraint *
build_fk_action(struct parser *p, enum ast_fk_action action, struct ast_list *columns)
{
    struct ast_constraint *constraint = NODE(AST_CONSTRAINT, ast_constraint, -1);
    constraint->on_update = action;
    constraint->on_delete_columns = columns;
    return constraint;
}

void
build_attrs(struct parser *p, struct ast_node *constraint, int attrs, int32_t location)
{
    struct ast_constraint *node = (struct ast_constraint *)(void *)constraint;
    if ((attrs & CONSTRAINT_DEFERRABLE) != 0 && (attrs & CONSTRAINT_NOT_DEFERRABLE) != 0) {
        parser_error_at(p, location, "conflicting constraint properties");
    }
    if ((attrs & CONSTRAINT_DEFERRED) != 0 && (attrs & CONSTRAINT_NOT_DEFERRABLE) != 0) {
        parser_error_at(p, location, "constraint declared INITIALLY DEFERRED must be DEFERRABLE");
    }
    node->is_deferrable = (attrs & (CONSTRAINT_DEFERRABLE | CONSTRAINT_DEFERRED)) != 0;
    node->is_deferred = (attrs & CONSTRAINT_DEFERRED) != 0;
    node->is_not_valid = (attrs & CONSTRAINT_NOT_VALID) != 0;
    node->is_no_inherit = (attrs & CONSTRAINT_NO_INHERIT) != 0;
}

/* An attribute of a column's last constraint. */
void
build_constraint_attr(struct parser *p, struct ast_list *constraints, int attr)
{
    struct ast_constraint *last = NULL;
    if (constraints != NULL && constraints->items[constraints->count - 1]->kind == AST_CONSTRAINT) {
        last = (struct ast_constraint *)(void *)constraints->items[constraints->count - 1];
    }
    bool can_defer = last != NULL && (last->type == AST_CONSTRAINT_PRIMARY_KEY ||
                                      last->type == AST_CONSTRAINT_UNIQUE ||
                                      last->type == AST_CONSTRAINT_FOREIGN_KEY);
    if (!can_defer) {
        static const char *const names[] = {"DEFERRABLE", "NOT DEFERRABLE", "INITIALLY DEFERRED",
                                            "INITIALLY IMMEDIATE"};
        int which = attr == CONSTRAINT_DEFERRABLE       ? 0
                    : attr == CONSTRAINT_NOT_DEFERRABLE ? 1
                    : attr == CONSTRAINT_DEFERRED       ? 2
                                                        : 3;
        parser_error_at(p, last == NULL ? -1 : last->node.location, "misplaced %s clause",
                        names[which]);
        return;
    }
    if (attr == CONSTRAINT_DEFERRABLE || attr == CONSTRAINT_DEFERRED) {
        last->is_deferrable = true;
    }
    if (attr == CONSTRAINT_DEFERRED) {
        last->is_deferred = true;
    }
}

/* ---- ALTER ---- */

struct ast_node *
build_alter_table(struct parser *p, int object_type, bool is_if_exists,
                  struct ast_range_var *relation, struct ast_list *commands, int32_t location)
{
    struct ast_alter_table *node = NODE(AST_ALTER_TABLE, ast_alter_table, location);
    node->object_type = (enum ast_object_type)object_type;
    node->is_if_exists = is_if_exists;
    node->relation = relation;
    node->commands = commands;
    return &node->node;
}

static struct ast_alter_command *
alter_new(struct parser *p, enum ast_alter_type type, int32_t location)
{
    struct ast_alter_command *command = NODE(AST_ALTER_COMMAND, ast_alter_command, location);
    command->type = type;
    return command;
}

struct ast_node *
build_alter(struct parser *p, enum ast_alter_type type, const char *name,
            struct ast_node *definition, int32_t location)
{
    struct ast_alter_command *command = alter_new(p, type, location);
    command->name = name;
    command->definition = definition;
    adopt(p, &command->node, definition);
    return &command->node;
}

struct ast_node *
build_alter_drop(struct parser *p, enum ast_alter_type type, bool is_if_exists, struct token name,
                 enum ast_behavior behavior, int32_t location)
{
    struct ast_alter_command *command = alter_new(p, type, location);
    command->is_if_exists = is_if_exists;
    command->name = name.text;
    command->behavior = behavior;
    return &command->node;
}

struct ast_alter_command *
build_alter_type(struct parser *p, struct ast_type_name *type, struct ast_list *collation,
                 struct ast_node *using, int32_t location)
{
    struct ast_alter_command *command = alter_new(p, AST_COLUMN_TYPE, location);
    struct ast_column_def *column = NODE(AST_COLUMN_DEF, ast_column_def, location);
    column->type = type;
    column->collation = collation;
    adopt(p, &column->node, &type->node);
    command->definition = &column->node;
    command->expression = using;
    adopt(p, &command->node, &column->node);
    adopt(p, &command->node, using);
    return command;
}

struct ast_node *
build_alter_constraint(struct parser *p, struct token name, int attrs, int32_t location)
{
    struct ast_constraint *constraint =
        constraint_new(p, AST_CONSTRAINT_FOREIGN_KEY, name.location);
    constraint->name = name.text;
    build_attrs(p, &constraint->node, attrs, location);
    return build_alter(p, AST_ALTER_CONSTRAINT, NULL, &constraint->node, location);
}

/* A name of size -1 is the keyword ALL or USER. */
struct ast_node *
build_alter_text(struct parser *p, enum ast_alter_type type, struct token name, const char *text,
                 int32_t location)
{
    struct ast_alter_command *command = alter_new(p, type, location);
    command->name = name.size < 0 ? NULL : name.text;
    command->text = name.size < 0 ? name.text : text;
    return &command->node;
}

struct ast_node *
build_alter_relation(struct parser *p, enum ast_alter_type type, struct ast_range_var *relation,
                     int32_t location)
{
    struct ast_alter_command *command = alter_new(p, type, location);
    command->relation = relation;
    return &command->node;
}

struct ast_node *
build_rename(struct parser *p, int object_type, bool is_if_exists, struct ast_range_var *relation,
             struct ast_list *names, struct token new_name, int32_t location)
{
    struct ast_rename *node = NODE(AST_RENAME, ast_rename, location);
    node->object_type = (enum ast_object_type)object_type;
    node->is_if_exists = is_if_exists;
    node->relation = relation;
    node->names = names;
    node->new_name = new_name.text;
    return &node->node;
}

struct ast_node *
build_rename_sub(struct parser *p, enum ast_object_type object_type, int relation_type,
                 bool is_if_exists, struct ast_range_var *relation, struct token name,
                 struct token new_name, int32_t location)
{
    struct ast_node *node =
        build_rename(p, (int)object_type, is_if_exists, relation, NULL, new_name, location);
    struct ast_rename *rename = (struct ast_rename *)(void *)node;
    rename->relation_type = (enum ast_object_type)relation_type;
    rename->name = name.text;
    return node;
}

struct ast_node *
build_rename_role(struct parser *p, struct ast_role *role, struct token new_name, int32_t location)
{
    if (role->type != AST_ROLE_NAME) {
        parser_error_set(p, KY_RESERVED_NAME, role->node.location,
                         "%s cannot be used as a role name here",
                         role->type == AST_ROLE_CURRENT_ROLE   ? "CURRENT_ROLE"
                         : role->type == AST_ROLE_CURRENT_USER ? "CURRENT_USER"
                         : role->type == AST_ROLE_SESSION_USER ? "SESSION_USER"
                                                               : "PUBLIC");
        return &role->node;
    }
    struct token name = {role->name, role->node.location, 0};
    return build_rename(p, AST_OBJECT_ROLE, false, NULL, list_add(p, NULL, build_name(p, name)),
                        new_name, location);
}

struct ast_node *
build_set_schema(struct parser *p, int object_type, bool is_if_exists,
                 struct ast_range_var *relation, struct ast_list *names, struct token new_schema,
                 int32_t location)
{
    struct ast_set_schema *node = NODE(AST_SET_SCHEMA, ast_set_schema, location);
    node->object_type = (enum ast_object_type)object_type;
    node->is_if_exists = is_if_exists;
    node->relation = relation;
    node->names = names;
    node->new_schema = new_schema.text;
    return &node->node;
}

struct ast_node *
build_set_owner(struct parser *p, enum ast_object_type object_type, struct ast_list *names,
                struct ast_role *owner, int32_t location)
{
    struct ast_set_owner *node = NODE(AST_SET_OWNER, ast_set_owner, location);
    node->object_type = object_type;
    node->names = names;
    node->owner = owner;
    return &node->node;
}

/* ---- indexes, views, sequences, collections ---- */

struct ast_node *
build_index_expression(struct parser *p, struct ast_index_element *element,
                       struct ast_node *expression)
{
    element->node.location = expression->location;
    element->expression = expression;
    adopt(p, &element->node, expression);
    return &element->node;
}

struct ast_index_element *
build_index_options(struct parser *p, struct ast_list *collation, struct ast_list *opclass,
                    struct ast_list *options, struct ast_sort *direction, int nulls)
{
    struct ast_index_element *element = NODE(AST_INDEX_ELEMENT, ast_index_element, -1);
    element->collation = collation;
    element->opclass = opclass;
    element->opclass_options = options;
    element->direction = direction->direction;
    element->nulls = (enum ast_sort_nulls)nulls;
    if (direction->direction == AST_SORT_USING) {
        parser_error_near(p, direction->node.location);
    }
    return element;
}

struct ast_node *
build_view(struct parser *p, int persistence, struct ast_range_var *relation,
           struct ast_list *columns, struct ast_list *options, struct ast_select *query,
           int check_option, int flags, int32_t location)
{
    struct ast_create_view *view = NODE(AST_CREATE_VIEW, ast_create_view, location);
    view->persistence = (enum ast_persistence)persistence;
    view->relation = relation;
    view->columns = columns;
    view->options = options;
    view->query = query;
    view->check_option = (enum ast_check_option)check_option;
    view->is_or_replace = (flags & VIEW_OR_REPLACE) != 0;
    view->is_recursive = (flags & VIEW_RECURSIVE) != 0;
    adopt(p, &view->node, &query->node);
    return &view->node;
}

struct ast_node *
build_sequence(struct parser *p, enum ast_kind kind, int persistence, bool is_if,
               struct ast_range_var *relation, struct ast_list *options, int32_t location)
{
    struct ast_sequence *sequence = NODE(kind, ast_sequence, location);
    sequence->persistence = (enum ast_persistence)persistence;
    sequence->is_if = is_if;
    sequence->relation = relation;
    sequence->options = options;
    return &sequence->node;
}

/* A dimension without text is (dim INT). */
struct ast_node *
build_create_vectors(struct parser *p, bool is_if_not_exists, struct ast_range_var *relation,
                     struct token dimension, struct ast_list *columns, struct ast_list *options,
                     int32_t location)
{
    struct ast_create_vectors *node = NODE(AST_CREATE_VECTORS, ast_create_vectors, location);
    node->relation = relation;
    node->is_if_not_exists = is_if_not_exists;
    node->dimension = dimension.text == NULL ? 0 : token_int(p, dimension);
    node->columns = columns;
    node->options = options;
    if (dimension.text != NULL && node->dimension < 1) {
        parser_error_set(p, KY_INVALID_PARAMETER_VALUE, dimension.location,
                         "dimensions for a vector collection must be at least 1");
    }
    for (int32_t i = 0; i < ast_list_count(columns); i++) {
        if (columns->items[i]->kind == AST_TABLE_LIKE) {
            parser_error_near(p, columns->items[i]->location);
        }
    }
    return &node->node;
}
