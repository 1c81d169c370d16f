/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "parser/print_private.h"

/* Tables, constraints, ALTER TABLE, indexes, views, sequences, collections. */

void
print_persistence(struct ky_buffer *out, enum ast_persistence persistence)
{
    print_if(out, persistence == AST_TEMPORARY, "TEMPORARY ");
    print_if(out, persistence == AST_UNLOGGED, "UNLOGGED ");
}

/* A word is printed as a string where strings and words mean the same. */
static void
print_option_value(struct ky_buffer *out, const struct ast_node *value)
{
    if (value->kind == AST_STRING) {
        ast_print_string(out, ((const struct ast_string *)(const void *)value)->text);
    } else if (value->kind == AST_NODE_LIST) {
        print_paren_list(out, "", ((const struct ast_node_list *)(const void *)value)->list);
    } else {
        print_node(out, value);
    }
}

static void
print_options(struct ky_buffer *out, const char *prefix, const struct ast_list *options,
              const char *equal)
{
    if (options == NULL) {
        return;
    }
    print_text(out, prefix);
    print_text(out, "(");
    for (int32_t i = 0; i < options->count; i++) {
        const struct ast_node *node = options->items[i];
        PRINT_AS(ast_option, option);
        print_if(out, i > 0, ", ");
        if (option->schema != NULL) {
            ast_print_identifier(out, option->schema);
            print_text(out, ".");
        }
        ast_print_identifier(out, option->name);
        if (option->value != NULL) {
            print_text(out, equal);
            print_option_value(out, option->value);
        }
    }
    print_text(out, ")");
}

void
print_storage(struct ky_buffer *out, const char *prefix, const struct ast_list *options)
{
    print_options(out, prefix, options, " = ");
}

void
print_generic_options(struct ky_buffer *out, const char *prefix, const struct ast_list *options)
{
    print_options(out, prefix, options, " ");
}

static void
print_on_commit(struct ky_buffer *out, enum ast_on_commit on_commit)
{
    static const char *const names[] = {"", " ON COMMIT PRESERVE ROWS", " ON COMMIT DELETE ROWS",
                                        " ON COMMIT DROP"};
    print_text(out, names[on_commit]);
}

static void
print_create_table(struct ky_buffer *out, const struct ast_create_table *table)
{
    print_text(out, "CREATE ");
    print_persistence(out, table->persistence);
    print_text(out, table->is_if_not_exists ? "TABLE IF NOT EXISTS " : "TABLE ");
    print_node(out, &table->relation->node);
    if (table->partition_of != NULL) {
        print_clause(out, " PARTITION OF ", &table->partition_of->node);
        print_text(out, " DEFAULT");
        return;
    }
    print_text(out, " (");
    print_list(out, table->elements, ", ");
    print_text(out, ")");
    print_paren_list(out, " INHERITS ", table->inherits);
    if (table->partition_by != NULL) {
        print_clause(out, " ", &table->partition_by->node);
    }
    print_name_clause(out, " USING ", table->access_method);
    print_storage(out, " WITH ", table->options);
    print_on_commit(out, table->on_commit);
    print_name_clause(out, " TABLESPACE ", table->tablespace);
}

static void
print_create_table_as(struct ky_buffer *out, const struct ast_create_table_as *create)
{
    const struct ast_into *into = create->into;
    print_text(out, "CREATE ");
    print_persistence(out, into->persistence);
    print_text(out, create->is_materialized_view ? "MATERIALIZED VIEW " : "TABLE ");
    print_if(out, create->is_if_not_exists, "IF NOT EXISTS ");
    print_node(out, &into->relation->node);
    print_paren_list(out, " ", into->columns);
    print_name_clause(out, " USING ", into->access_method);
    print_storage(out, " WITH ", into->options);
    print_on_commit(out, into->on_commit);
    print_name_clause(out, " TABLESPACE ", into->tablespace);
    print_clause(out, " AS ", create->query);
    print_if(out, create->is_with_no_data, " WITH NO DATA");
}

static void
print_table_like(struct ky_buffer *out, const struct ast_table_like *like)
{
    static const char *const names[] = {"COMMENTS", "COMPRESSION", "CONSTRAINTS",
                                        "DEFAULTS", "GENERATED",   "IDENTITY",
                                        "INDEXES",  "STATISTICS",  "STORAGE"};
    print_clause(out, "LIKE ", &like->relation->node);
    for (size_t i = 0; i < KY_COUNT_OF(names); i++) {
        if ((like->options & (1 << i)) != 0) {
            print_text(out, " INCLUDING ");
            print_text(out, names[i]);
        }
    }
}

static void
print_column_def(struct ky_buffer *out, const struct ast_column_def *column)
{
    ast_print_identifier(out, column->name);
    if (column->type != NULL) {
        print_clause(out, " ", &column->type->node);
    }
    print_name_clause(out, " COMPRESSION ", column->compression);
    if (column->collation != NULL) {
        print_text(out, " COLLATE ");
        print_dotted(out, column->collation);
    }
    for (int32_t i = 0; i < ast_list_count(column->constraints); i++) {
        print_clause(out, " ", column->constraints->items[i]);
    }
}

/* ---- sequences' options, also of identity columns ---- */

static void
print_sequence_option(struct ky_buffer *out, const struct ast_option *option)
{
    static const struct {
        const char *name;
        const char *text;
        const char *text_without; /* when there is no value */
    } words[] = {{"increment", "INCREMENT BY ", NULL},
                 {"minvalue", "MINVALUE ", "NO MINVALUE"},
                 {"maxvalue", "MAXVALUE ", "NO MAXVALUE"},
                 {"start", "START WITH ", NULL},
                 {"restart", "RESTART WITH ", "RESTART"},
                 {"cache", "CACHE ", NULL},
                 {"as", "AS ", NULL},
                 {"owned_by", "OWNED BY ", NULL},
                 {"sequence_name", "SEQUENCE NAME ", NULL}};
    if (strcmp(option->name, "cycle") == 0) {
        bool is_on = ((const struct ast_const *)(const void *)option->value)->boolean;
        print_text(out, is_on ? "CYCLE" : "NO CYCLE");
        return;
    }
    for (size_t i = 0; i < KY_COUNT_OF(words); i++) {
        if (strcmp(option->name, words[i].name) == 0) {
            print_text(out, option->value == NULL ? words[i].text_without : words[i].text);
            print_node(out, option->value);
        }
    }
}

static void
print_sequence_options(struct ky_buffer *out, const struct ast_list *options)
{
    for (int32_t i = 0; i < ast_list_count(options); i++) {
        print_if(out, i > 0, " ");
        print_sequence_option(out, (const struct ast_option *)(const void *)options->items[i]);
    }
}

/* ALTER COLUMN .. SET GENERATED .. SET INCREMENT .. RESTART */
static void
print_identity_changes(struct ky_buffer *out, const struct ast_list *options)
{
    for (int32_t i = 0; i < ast_list_count(options); i++) {
        const struct ast_node *node = options->items[i];
        PRINT_AS(ast_option, option);
        print_if(out, i > 0, " ");
        if (strcmp(option->name, "generated") == 0) {
            bool is_always = ((const struct ast_const *)(const void *)option->value)->boolean;
            print_text(out, is_always ? "SET GENERATED ALWAYS" : "SET GENERATED BY DEFAULT");
            continue;
        }
        print_if(out, strcmp(option->name, "restart") != 0, "SET ");
        print_sequence_option(out, option);
    }
}

/* ---- constraints ---- */

static void
print_fk_action(struct ky_buffer *out, const char *prefix, enum ast_fk_action action)
{
    static const char *const names[] = {"NO ACTION", "RESTRICT", "CASCADE", "SET NULL",
                                        "SET DEFAULT"};
    if (action != AST_FK_NO_ACTION) {
        print_text(out, prefix);
        print_text(out, names[action]);
    }
}

static void
print_foreign_key(struct ky_buffer *out, const struct ast_constraint *key)
{
    static const char *const matches[] = {"", " MATCH FULL", " MATCH PARTIAL"};
    if (key->referenced == NULL) {
        return;
    }
    print_paren_list(out, "FOREIGN KEY ", key->columns);
    print_clause(out, key->columns != NULL ? " REFERENCES " : "REFERENCES ",
                 &key->referenced->node);
    print_paren_list(out, " ", key->referenced_columns);
    print_text(out, matches[key->match]);
    print_fk_action(out, " ON UPDATE ", key->on_update);
    print_fk_action(out, " ON DELETE ", key->on_delete);
    print_paren_list(out, " ", key->on_delete_columns);
}

static void
print_index_parts(struct ky_buffer *out, const struct ast_constraint *key)
{
    print_if(out, key->is_nulls_not_distinct, " NULLS NOT DISTINCT");
    print_paren_list(out, " ", key->columns);
    print_name_clause(out, " USING INDEX ", key->index_name);
    print_paren_list(out, " INCLUDE ", key->include);
    print_storage(out, " WITH ", key->index_options);
    print_name_clause(out, " USING INDEX TABLESPACE ", key->index_tablespace);
}

static void
print_exclude(struct ky_buffer *out, const struct ast_constraint *exclude)
{
    print_text(out, "EXCLUDE");
    print_name_clause(out, " USING ", exclude->access_method);
    print_text(out, " (");
    for (int32_t i = 0; i < ast_list_count(exclude->elements); i++) {
        const struct ast_node_list *pair = (const void *)exclude->elements->items[i];
        print_if(out, i > 0, ", ");
        print_node(out, pair->list->items[0]);
        print_text(out, " WITH ");
        print_text(out, ast_list_text(pair->list, 1));
    }
    print_text(out, ")");
    print_index_parts(out, exclude);
    if (exclude->where != NULL) {
        print_clause(out, " WHERE (", exclude->where);
        print_text(out, ")");
    }
}

static void
print_constraint_attrs(struct ky_buffer *out, const struct ast_constraint *constraint)
{
    print_if(out, constraint->is_deferrable, " DEFERRABLE");
    print_if(out, constraint->is_deferred, " INITIALLY DEFERRED");
    print_if(out, constraint->is_not_valid, " NOT VALID");
    print_if(out, constraint->is_no_inherit, " NO INHERIT");
}

static void
print_constraint(struct ky_buffer *out, const struct ast_constraint *constraint)
{
    print_name_clause(out, "CONSTRAINT ", constraint->name);
    print_if(out, constraint->name != NULL, " ");
    switch (constraint->type) {
    case AST_CONSTRAINT_NULL:
        print_text(out, "NULL");
        break;
    case AST_CONSTRAINT_NOT_NULL:
        print_text(out, "NOT NULL");
        break;
    case AST_CONSTRAINT_DEFAULT:
        print_text(out, "DEFAULT ");
        print_operand(out, constraint->expression);
        break;
    case AST_CONSTRAINT_IDENTITY:
        print_text(out, constraint->is_always ? "GENERATED ALWAYS AS IDENTITY"
                                              : "GENERATED BY DEFAULT AS IDENTITY");
        if (constraint->sequence_options != NULL) {
            print_text(out, " (");
            print_sequence_options(out, constraint->sequence_options);
            print_text(out, ")");
        }
        break;
    case AST_CONSTRAINT_GENERATED:
        print_clause(out, "GENERATED ALWAYS AS (", constraint->expression);
        print_text(out, ") STORED");
        break;
    case AST_CONSTRAINT_CHECK:
        print_clause(out, "CHECK (", constraint->expression);
        print_text(out, ")");
        break;
    case AST_CONSTRAINT_PRIMARY_KEY:
        print_text(out, "PRIMARY KEY");
        print_index_parts(out, constraint);
        break;
    case AST_CONSTRAINT_UNIQUE:
        print_text(out, "UNIQUE");
        print_index_parts(out, constraint);
        break;
    case AST_CONSTRAINT_EXCLUDE:
        print_exclude(out, constraint);
        break;
    case AST_CONSTRAINT_FOREIGN_KEY:
        print_foreign_key(out, constraint);
        break;
    }
    print_constraint_attrs(out, constraint);
}

/* ---- ALTER TABLE ---- */

/* What the commands on one column say after its name. */
static bool
print_alter_column(struct ky_buffer *out, const struct ast_alter_command *command)
{
    switch (command->type) {
    case AST_COLUMN_DEFAULT:
        print_text(out, command->definition == NULL ? "DROP DEFAULT" : "SET DEFAULT ");
        print_node(out, command->definition);
        return true;
    case AST_SET_NOT_NULL:
        print_text(out, "SET NOT NULL");
        return true;
    case AST_DROP_NOT_NULL:
        print_text(out, "DROP NOT NULL");
        return true;
    case AST_COLUMN_TYPE: {
        const struct ast_column_def *column = (const void *)command->definition;
        print_clause(out, "TYPE ", &column->type->node);
        if (column->collation != NULL) {
            print_text(out, " COLLATE ");
            print_dotted(out, column->collation);
        }
        print_clause(out, " USING ", command->expression);
        return true;
    }
    case AST_SET_STATISTICS:
        print_clause(out, "SET STATISTICS ", command->definition);
        return true;
    case AST_SET_STORAGE:
        print_name_clause(out, "SET STORAGE ", command->text);
        return true;
    case AST_SET_COMPRESSION:
        print_name_clause(out, "SET COMPRESSION ", command->text);
        return true;
    case AST_SET_COLUMN_OPTIONS:
        print_storage(out, "SET ", command->options);
        return true;
    case AST_RESET_COLUMN_OPTIONS:
        print_storage(out, "RESET ", command->options);
        return true;
    case AST_ADD_IDENTITY:
        print_clause(out, "ADD ", command->definition);
        return true;
    case AST_SET_IDENTITY:
        print_identity_changes(out, command->options);
        return true;
    case AST_DROP_IDENTITY:
        print_text(out, command->is_if_exists ? "DROP IDENTITY IF EXISTS" : "DROP IDENTITY");
        return true;
    case AST_DROP_EXPRESSION:
        print_text(out, command->is_if_exists ? "DROP EXPRESSION IF EXISTS" : "DROP EXPRESSION");
        return true;
    default:
        return false;
    }
}

static bool
is_column_command(enum ast_alter_type type)
{
    return type >= AST_COLUMN_DEFAULT && type <= AST_DROP_EXPRESSION;
}

/* Commands that are words, a name and nothing else. */
static bool
print_alter_named(struct ky_buffer *out, const struct ast_alter_command *command)
{
    static const struct {
        enum ast_alter_type type;
        const char *text;
    } words[] = {{AST_VALIDATE_CONSTRAINT, "VALIDATE CONSTRAINT "},
                 {AST_SET_TABLESPACE, "SET TABLESPACE "},
                 {AST_SET_ACCESS_METHOD, "SET ACCESS METHOD "},
                 {AST_SET_LOGGED, "SET LOGGED"},
                 {AST_SET_UNLOGGED, "SET UNLOGGED"},
                 {AST_CLUSTER_ON, "CLUSTER ON "},
                 {AST_SET_WITHOUT_CLUSTER, "SET WITHOUT CLUSTER"},
                 {AST_SET_WITHOUT_OIDS, "SET WITHOUT OIDS"}};
    for (size_t i = 0; i < KY_COUNT_OF(words); i++) {
        if (words[i].type == command->type) {
            print_text(out, words[i].text);
            print_name_clause(out, "", command->name);
            return true;
        }
    }
    return false;
}

static bool
print_alter_relation(struct ky_buffer *out, const struct ast_alter_command *command)
{
    static const struct {
        enum ast_alter_type type;
        const char *text;
    } words[] = {{AST_ADD_INHERIT, "INHERIT "},
                 {AST_DROP_INHERIT, "NO INHERIT "},
                 {AST_ATTACH_PARTITION, "ATTACH PARTITION "},
                 {AST_DETACH_PARTITION, "DETACH PARTITION "}};
    for (size_t i = 0; i < KY_COUNT_OF(words); i++) {
        if (words[i].type == command->type) {
            print_clause(out, words[i].text, &command->relation->node);
            return true;
        }
    }
    return false;
}

/* ENABLE [ALWAYS|REPLICA] TRIGGER name|ALL|USER and the same for rules. */
static void
print_alter_trigger(struct ky_buffer *out, const struct ast_alter_command *command,
                    const char *verb, const char *object)
{
    print_text(out, verb);
    if (command->name != NULL && command->text != NULL) {
        print_text(out, command->text);
        print_text(out, " ");
    }
    print_text(out, object);
    if (command->name != NULL) {
        ast_print_identifier(out, command->name);
    } else {
        print_text(out, command->text);
    }
}

static void
print_alter_command(struct ky_buffer *out, const struct ast_alter_command *command)
{
    /* A domain's default and NOT NULL have no name before them. */
    const bool is_of_domain = command->name == NULL && command->type != AST_SET_STATISTICS;
    if (is_column_command(command->type) && !is_of_domain) {
        print_text(out, "ALTER COLUMN ");
        if (command->name != NULL) {
            ast_print_identifier(out, command->name);
        } else {
            ky_buffer_printf(out, "%" PRId32, command->number);
        }
        print_text(out, " ");
    }
    if (print_alter_column(out, command) || print_alter_named(out, command) ||
        print_alter_relation(out, command)) {
        return;
    }
    switch (command->type) {
    case AST_RENAME_CONSTRAINT:
        print_name_clause(out, "RENAME CONSTRAINT ", command->name);
        print_name_clause(out, " TO ", command->text);
        break;
    case AST_ADD_COLUMN:
        print_text(out, command->is_if_exists ? "ADD COLUMN IF NOT EXISTS " : "ADD COLUMN ");
        print_node(out, command->definition);
        return;
    case AST_DROP_COLUMN:
    case AST_DROP_CONSTRAINT:
        print_text(out, command->type == AST_DROP_COLUMN ? "DROP COLUMN " : "DROP CONSTRAINT ");
        print_if(out, command->is_if_exists, "IF EXISTS ");
        ast_print_identifier(out, command->name);
        print_behavior(out, command->behavior);
        return;
    case AST_ADD_CONSTRAINT:
        print_clause(out, "ADD ", command->definition);
        return;
    case AST_ALTER_CONSTRAINT: {
        const struct ast_constraint *constraint = (const void *)command->definition;
        print_name_clause(out, "ALTER CONSTRAINT ", constraint->name);
        print_constraint_attrs(out, constraint);
        return;
    }
    case AST_CHANGE_OWNER:
        print_clause(out, "OWNER TO ", command->definition);
        return;
    case AST_SET_OPTIONS:
        print_storage(out, "SET ", command->options);
        return;
    case AST_RESET_OPTIONS:
        print_storage(out, "RESET ", command->options);
        return;
    case AST_ENABLE_TRIGGER:
        print_alter_trigger(out, command, "ENABLE ", "TRIGGER ");
        return;
    case AST_DISABLE_TRIGGER:
        print_alter_trigger(out, command, "DISABLE ", "TRIGGER ");
        return;
    case AST_ENABLE_RULE:
        print_alter_trigger(out, command, "ENABLE ", "RULE ");
        return;
    case AST_DISABLE_RULE:
        print_alter_trigger(out, command, "DISABLE ", "RULE ");
        return;
    case AST_REPLICA_IDENTITY:
        print_text(out, "REPLICA IDENTITY ");
        print_text(out, command->name == NULL ? command->text : "USING INDEX ");
        print_name_clause(out, "", command->name);
        return;
    case AST_ROW_SECURITY:
        print_text(out, command->text);
        print_text(out, " ROW LEVEL SECURITY");
        return;
    default:
        return;
    }
}

static void
print_alter_table(struct ky_buffer *out, const struct ast_alter_table *alter)
{
    print_text(out, "ALTER ");
    print_text(out, ast_object_type_name(alter->object_type));
    print_text(out, alter->is_if_exists ? " IF EXISTS " : " ");
    print_node(out, &alter->relation->node);
    print_list_clause(out, " ", alter->commands);
}

/* ---- indexes, views, sequences, collections ---- */

static void
print_index_element(struct ky_buffer *out, const struct ast_index_element *element)
{
    if (element->name != NULL) {
        ast_print_identifier(out, element->name);
    } else {
        print_text(out, "(");
        print_node(out, element->expression);
        print_text(out, ")");
    }
    if (element->collation != NULL) {
        print_text(out, " COLLATE ");
        print_dotted(out, element->collation);
    }
    if (element->opclass != NULL) {
        print_text(out, " ");
        print_dotted(out, element->opclass);
        print_storage(out, " ", element->opclass_options);
    }
    print_direction(out, element->direction, element->nulls);
}

static void
print_create_index(struct ky_buffer *out, const struct ast_create_index *index)
{
    print_text(out, index->is_unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
    print_if(out, index->is_concurrent, "CONCURRENTLY ");
    print_if(out, index->is_if_not_exists, "IF NOT EXISTS ");
    print_name_clause(out, "", index->name);
    print_clause(out, index->name != NULL ? " ON " : "ON ", &index->relation->node);
    print_name_clause(out, " USING ", index->access_method);
    print_paren_list(out, " ", index->elements);
    print_paren_list(out, " INCLUDE ", index->include);
    print_if(out, index->is_nulls_not_distinct, " NULLS NOT DISTINCT");
    print_storage(out, " WITH ", index->options);
    print_name_clause(out, " TABLESPACE ", index->tablespace);
    print_clause(out, " WHERE ", index->where);
}

static void
print_create_view(struct ky_buffer *out, const struct ast_create_view *view)
{
    static const char *const checks[] = {"", " WITH LOCAL CHECK OPTION",
                                         " WITH CASCADED CHECK OPTION"};
    print_text(out, view->is_or_replace ? "CREATE OR REPLACE " : "CREATE ");
    print_persistence(out, view->persistence);
    print_if(out, view->is_recursive, "RECURSIVE ");
    print_clause(out, "VIEW ", &view->relation->node);
    print_paren_list(out, " ", view->columns);
    print_storage(out, " WITH ", view->options);
    print_clause(out, " AS ", &view->query->node);
    print_text(out, checks[view->check_option]);
}

static void
print_sequence(struct ky_buffer *out, const struct ast_sequence *sequence)
{
    bool is_create = sequence->node.kind == AST_CREATE_SEQUENCE;
    print_text(out, is_create ? "CREATE " : "ALTER ");
    print_persistence(out, sequence->persistence);
    print_text(out, "SEQUENCE ");
    print_if(out, sequence->is_if, is_create ? "IF NOT EXISTS " : "IF EXISTS ");
    print_node(out, &sequence->relation->node);
    print_if(out, sequence->options != NULL, " ");
    print_sequence_options(out, sequence->options);
}

static void
print_create_vectors(struct ky_buffer *out, const struct ast_create_vectors *vectors)
{
    print_text(out, "CREATE VECTORS ");
    print_if(out, vectors->is_if_not_exists, "IF NOT EXISTS ");
    print_node(out, &vectors->relation->node);
    if (vectors->dimension == 0) {
        print_text(out, " (dim INT");
    } else {
        ky_buffer_printf(out, " (dim %" PRId32, vectors->dimension);
    }
    print_list_clause(out, ", ", vectors->columns);
    print_text(out, ")");
    print_storage(out, " WITH ", vectors->options);
}

bool
print_table(struct ky_buffer *out, const struct ast_node *node)
{
    switch (node->kind) {
    case AST_CREATE_TABLE: {
        PRINT_AS(ast_create_table, table);
        print_create_table(out, table);
        return true;
    }
    case AST_COLUMN_DEF: {
        PRINT_AS(ast_column_def, column);
        print_column_def(out, column);
        return true;
    }
    case AST_CONSTRAINT: {
        PRINT_AS(ast_constraint, constraint);
        print_constraint(out, constraint);
        return true;
    }
    case AST_TABLE_LIKE: {
        PRINT_AS(ast_table_like, like);
        print_table_like(out, like);
        return true;
    }
    case AST_PARTITION_BY: {
        PRINT_AS(ast_partition_by, partition);
        print_name_clause(out, "PARTITION BY ", partition->strategy);
        print_paren_list(out, " ", partition->elements);
        return true;
    }
    case AST_CREATE_TABLE_AS: {
        PRINT_AS(ast_create_table_as, create);
        print_create_table_as(out, create);
        return true;
    }
    case AST_ALTER_TABLE: {
        PRINT_AS(ast_alter_table, alter);
        print_alter_table(out, alter);
        return true;
    }
    case AST_ALTER_COMMAND: {
        PRINT_AS(ast_alter_command, command);
        print_alter_command(out, command);
        return true;
    }
    case AST_CREATE_INDEX: {
        PRINT_AS(ast_create_index, index);
        print_create_index(out, index);
        return true;
    }
    case AST_INDEX_ELEMENT: {
        PRINT_AS(ast_index_element, element);
        print_index_element(out, element);
        return true;
    }
    case AST_CREATE_VIEW: {
        PRINT_AS(ast_create_view, view);
        print_create_view(out, view);
        return true;
    }
    case AST_CREATE_SEQUENCE:
    case AST_ALTER_SEQUENCE: {
        PRINT_AS(ast_sequence, sequence);
        print_sequence(out, sequence);
        return true;
    }
    case AST_CREATE_VECTORS: {
        PRINT_AS(ast_create_vectors, vectors);
        print_create_vectors(out, vectors);
        return true;
    }
    default:
        return false;
    }
}
