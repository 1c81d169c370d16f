/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/* The FROM clause: tables, views, subqueries, functions and joins. */

enum { VIEW_DEPTH_MAX = 50, EVERYTHING_HIDDEN = INT32_MAX };

static ky_status bind_from_item(struct binder *b, struct scope *scope, const struct ast_node *node,
                                struct from_item **out);

static ky_status
check_alias(struct binder *b, const struct scope *scope, const char *name, int location)
{
    for (int i = 0; name != NULL && i < scope->item_count; i++) {
        const struct ns_item *item = &scope->items[i];
        if (item->is_table_visible && item->name != NULL && strcmp(item->name, name) == 0) {
            return bind_error(b, location < 0 ? -1 : location, KY_DUPLICATE_ALIAS,
                              "table name \"%s\" specified more than once", name);
        }
    }
    return KY_OK;
}

static ky_status
add_table(struct binder *b, struct scope *scope, struct table_ref *ref, struct from_item **out)
{
    if (scope->query->table_count >= BIND_TABLES_MAX) {
        return ky_error_set(b->err, KY_PROGRAM_LIMIT_EXCEEDED, "too many tables in one query");
    }
    KY_TRY(check_alias(b, scope, ref->alias, -1));
    struct from_item *item = ky_arena_new(b->arena, struct from_item);
    item->table = (int16_t)scope_add_table(b, scope, ref);
    *out = item;
    return KY_OK;
}

ky_status
apply_column_aliases(struct binder *b, struct table_ref *ref, const struct ast_alias *alias)
{
    if (alias == NULL) {
        return KY_OK;
    }
    int wanted = ast_list_count(alias->columns);
    int used = 0;
    for (uint16_t i = 0; i < ref->column_count && used < wanted; i++) {
        if (ref->columns[i].name != NULL) {
            ref->columns[i].name = ast_list_text(alias->columns, used++);
        }
    }
    if (used < wanted) {
        return bind_error(b, -1, KY_INVALID_COLUMN_REFERENCE,
                          "table \"%s\" has %d columns available but %d columns specified",
                          ref->alias, used, wanted);
    }
    return KY_OK;
}

/* ---- relations, views, CTEs ---- */

struct table_ref *
make_relation_ref(struct binder *b, struct cat_table *table, const char *alias)
{
    struct table_ref *ref = ky_arena_new(b->arena, struct table_ref);
    ref->kind = TABLE_RELATION;
    ref->alias = alias == NULL ? table->name : alias;
    ref->table = table;
    ref->column_count = table->column_count;
    ref->columns = ky_arena_alloc(b->arena, table->column_count * sizeof(struct table_column) + 1);
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        ref->columns[i] = (struct table_column){.name = column->is_dropped ? NULL : column->name,
                                                .type = column->type,
                                                .typmod = column->typmod,
                                                .domain = column->domain};
    }
    return ref;
}

static ky_status
bind_view(struct binder *b, struct table_ref *ref)
{
    const char *saved_sql = b->sql;
    size_t saved_size = b->sql_size;
    struct ast_list statements = {0};
    if (b->view_depth >= VIEW_DEPTH_MAX) {
        return ky_error_set(b->err, KY_STATEMENT_TOO_COMPLEX, "views are nested too deeply");
    }
    KY_TRY(parse_sql(b->arena, ky_slice_cstr(ref->table->view_sql), &statements, b->err));
    if (statements.count != 1) {
        return ky_error_set(b->err, KY_DATA_CORRUPTED, "view \"%s\" is not one statement",
                            ref->table->name);
    }
    const struct ast_statement *statement = (const void *)statements.items[0];
    b->sql = ref->table->view_sql;
    b->sql_size = 0;
    b->view_depth++;
    ky_status status = bind_statement(b, NULL, statement->statement, &ref->subquery);
    b->view_depth--;
    b->sql = saved_sql;
    b->sql_size = saved_size;
    if (status == KY_OK && query_width(ref->subquery) < ref->column_count) {
        ref->column_count = query_width(ref->subquery);
    }
    ref->kind = TABLE_SUBQUERY;
    return status;
}

static struct cte_name *
find_cte(struct scope *scope, const char *name, uint16_t *levels_up_out)
{
    uint16_t levels_up = 0;
    for (struct scope *at = scope; at != NULL; at = at->parent, levels_up++) {
        for (struct cte_name *cte = at->ctes; cte != NULL; cte = cte->next) {
            if (strcmp(cte->cte->name, name) == 0) {
                *levels_up_out = levels_up;
                return cte;
            }
        }
    }
    return NULL;
}

static ky_status
bind_cte_ref(struct binder *b, struct cte_name *name, uint16_t levels_up,
             const struct ast_range_var *node, struct table_ref **out)
{
    struct cte *cte = name->cte;
    if (name->is_pending && name->is_union) {
        return bind_error(b, node->node.location, KY_INVALID_RECURSION,
                          "recursive reference to query \"%s\" must not appear within its "
                          "non-recursive term",
                          cte->name);
    }
    if (name->is_pending) {
        return bind_error(b, name->location, KY_INVALID_RECURSION,
                          "recursive query \"%s\" does not have the form non-recursive-term UNION "
                          "[ALL] recursive-term",
                          cte->name);
    }
    if (cte->column_count == 0 && cte->query->kind != QUERY_SELECT) {
        return bind_error(b, node->node.location, KY_FEATURE_NOT_SUPPORTED,
                          "WITH query \"%s\" does not have a RETURNING clause", cte->name);
    }
    cte->is_recursive |= name->is_open;
    cte->is_materialized |= name->is_open;
    cte->reference_count++;
    struct table_ref *ref = ky_arena_new(b->arena, struct table_ref);
    ref->kind = TABLE_CTE;
    ref->alias = node->alias == NULL ? cte->name : node->alias->name;
    ref->cte = cte;
    ref->cte_levels_up = levels_up;
    ref->column_count = cte->column_count;
    ref->columns = ky_arena_array(b->arena, struct table_column, (size_t)cte->column_count + 1);
    if (cte->column_count > 0) {
        memcpy(ref->columns, cte->columns, cte->column_count * sizeof(*ref->columns));
    }
    *out = ref;
    return KY_OK;
}

/* The error is there; a WITH item that stands further on explains it. */
static ky_status
hint_later_cte(struct binder *b, struct scope *scope, const char *name)
{
    for (struct scope *at = scope; at != NULL; at = at->parent) {
        for (int32_t i = 0; at->with != NULL && i < ast_list_count(at->with->ctes); i++) {
            const struct ast_cte *cte = (const void *)ast_list_get(at->with->ctes, i);
            if (strcmp(cte->name, name) == 0) {
                ky_error_detail(b->err,
                                "There is a WITH item named \"%s\", but it cannot be referenced "
                                "from this part of the query.",
                                name);
                return ky_error_hint(b->err, "Use WITH RECURSIVE, or re-order the WITH items to "
                                             "remove forward references.");
            }
        }
    }
    return KY_ERR;
}

static void
write_schema(const struct binder *b, const struct ast_range_var *node,
             const struct cat_table *table)
{
    const struct cat_schema *schema = cat_get_schema(b->image, table->schema);
    if (b->context->writes_names && node->schema == NULL && schema != NULL) {
        ((struct ast_range_var *)(uintptr_t)node)->schema = schema->name;
    }
}

static ky_status bind_sequence(struct binder *b, struct scope *scope,
                               const struct cat_table *sequence, const struct ast_range_var *node,
                               struct from_item **out);

static ky_status
bind_range_var(struct binder *b, struct scope *scope, const struct ast_range_var *node,
               struct from_item **out)
{
    struct table_ref *ref;
    uint16_t levels_up;
    struct cte_name *cte = node->schema == NULL ? find_cte(scope, node->name, &levels_up) : NULL;
    if (cte != NULL) {
        KY_TRY(bind_cte_ref(b, cte, levels_up, node, &ref));
    } else {
        struct cat_table *table;
        if (find_relation(b, node, false, &table) != KY_OK) {
            return node->schema == NULL ? hint_later_cte(b, scope, node->name) : KY_ERR;
        }
        write_schema(b, node, table);
        watch_relation(b, node, table);
        if (table->kind == 'S') {
            return bind_sequence(b, scope, table, node, out);
        }
        ref = make_relation_ref(b, table, node->alias == NULL ? NULL : node->alias->name);
        if (table->kind == 'v' && table->sysview == NULL) {
            KY_TRY(bind_view(b, ref));
        }
    }
    KY_TRY(apply_column_aliases(b, ref, node->alias));
    ref->written = &node->node;
    return add_table(b, scope, ref, out);
}

/* ---- subqueries and functions ---- */

static ky_status
bind_range_subquery(struct binder *b, struct scope *scope, const struct ast_range_subquery *node,
                    struct from_item **out)
{
    if (node->alias == NULL) {
        bool is_values = node->query->values != NULL;
        (void)bind_error(b, node->node.location, KY_SYNTAX_ERROR,
                         is_values ? "VALUES in FROM must have an alias"
                                   : "subquery in FROM must have an alias");
        return ky_error_hint(b->err, is_values ? "For example, FROM (VALUES ...) [AS] foo."
                                               : "For example, FROM (SELECT ...) [AS] foo.");
    }
    struct table_ref *ref = ky_arena_new(b->arena, struct table_ref);
    ref->kind = TABLE_SUBQUERY;
    ref->alias = node->alias->name;
    ref->written = &node->node;
    ref->is_lateral = node->is_lateral;
    int saved = scope->visible_from;
    scope->visible_from = node->is_lateral ? 0 : EVERYTHING_HIDDEN;
    ky_status status = bind_select(b, scope, node->query, false, &ref->subquery);
    scope->visible_from = saved;
    KY_TRY(status);
    query_columns(b, ref->subquery, NULL, &ref->columns, &ref->column_count);
    KY_TRY(apply_column_aliases(b, ref, node->alias));
    return add_table(b, scope, ref, out);
}

struct function_columns {
    struct table_column *columns;
    int count;
    int capacity;
};

static void
add_column(struct binder *b, struct function_columns *list, const char *name,
           const struct type *type, int32_t typmod)
{
    if (list->count == list->capacity) {
        int capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        struct table_column *columns =
            ky_arena_array(b->arena, struct table_column, (size_t)capacity);
        if (list->count > 0) {
            memcpy(columns, list->columns, (size_t)list->count * sizeof(*columns));
        }
        list->columns = columns;
        list->capacity = capacity;
    }
    list->columns[list->count++] = (struct table_column){name, type, typmod, OID_NONE};
}

static bool
is_defined_twice(const struct func_shape *shape, const char *name)
{
    for (uint16_t i = 0; i < shape->count; i++) {
        if (strcmp(shape->names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* The columns that a column definition list gives a call. */
static ky_status
add_defined_columns(struct binder *b, struct function_columns *list,
                    const struct ast_list *definitions, struct expr *call)
{
    const size_t count = (size_t)ast_list_count(definitions);
    const char **names = ky_arena_array(b->arena, const char *, count);
    const struct type **types = ky_arena_array(b->arena, const struct type *, count);
    int32_t *typmods = ky_arena_array(b->arena, int32_t, count);
    struct func_shape *shape = ky_arena_new(b->arena, struct func_shape);
    *shape = (struct func_shape){0, names, types, typmods};
    for (size_t i = 0; i < count; i++) {
        const struct ast_column_def *definition =
            (const void *)ast_list_get(definitions, (int32_t)i);
        const char *name = definition->name;
        KY_TRY(bind_type(b, definition->type, &types[i], &typmods[i]));
        if (b->context->found_domain != NULL) {
            return bind_error(b, definition->type->node.location, KY_FEATURE_NOT_SUPPORTED,
                              "columns of domains are not supported in a column definition list");
        }
        if (is_defined_twice(shape, name)) {
            return bind_error(b, -1, KY_DUPLICATE_COLUMN,
                              "column name \"%s\" specified more than once", name);
        }
        if (types[i]->typtype == 'p' && types[i]->oid != OID_RECORD) {
            return bind_error(b, -1, KY_INVALID_TABLE_DEFINITION,
                              "column \"%s\" has pseudo-type %s", name, types[i]->sql_name);
        }
        names[shape->count++] = name;
        add_column(b, list, name, types[i], typmods[i]);
    }
    call->kind = EXPR_SET;
    call->shape = shape;
    return KY_OK;
}

static ky_status
add_function(struct binder *b, struct scope *scope, struct table_ref *ref,
             struct function_columns *list, const struct ast_node *call,
             const struct ast_list *definitions, const char *only_alias)
{
    int saved = scope->visible_from;
    struct expr *expr;
    scope->visible_from = 0;
    ky_status status = bind_expr_in(b, scope, CLAUSE_FROM_FUNCTION, call, &expr);
    scope->visible_from = saved;
    KY_TRY(status);
    KY_TRY(resolve_unknown(b, expr, &expr));
    ref->functions[ref->function_count++] = expr;
    const char *label = column_label(call);
    if (ref->alias == NULL) {
        ref->alias = label;
    }
    const char **names;
    const struct type **types;
    int count = composite_fields(expr, &names, &types, b->arena);
    if (definitions != NULL) {
        const bool is_open = expr->func != NULL && expr->func->set != NULL &&
                             expr->func->set->column_count == 0 &&
                             (expr->kind == EXPR_FUNC || expr->kind == EXPR_SET);
        if (!is_open) {
            return bind_error(b, call->location, KY_SYNTAX_ERROR,
                              "a column definition list is only allowed for functions returning "
                              "\"record\"");
        }
        return add_defined_columns(b, list, definitions, expr);
    }
    for (int i = 0; i < count; i++) {
        add_column(b, list, names[i], types[i], -1);
    }
    if (count == 0) {
        if (expr->type->oid == OID_RECORD) {
            return bind_error(b, call->location, KY_SYNTAX_ERROR,
                              "a column definition list is required for functions returning "
                              "\"record\"");
        }
        add_column(b, list, only_alias == NULL ? label : only_alias, expr->type, expr->typmod);
    }
    return KY_OK;
}

static bool
is_unnest(const struct ast_node *node)
{
    if (node->kind != AST_FUNCTION_CALL) {
        return false;
    }
    const struct ast_function_call *call = (const void *)node;
    return ast_list_count(call->args) > 1 && strcmp(ast_name_last(call->names), "unnest") == 0;
}

/* Where a column definition list may stand. */
static ky_status
check_definitions(struct binder *b, const struct ast_range_function *node)
{
    if (node->columns == NULL) {
        return KY_OK;
    }
    const struct ast_function_item *first = (const void *)ast_list_get(node->functions, 0);
    const int location = node->node.location;
    if (ast_list_count(node->functions) > 1) {
        (void)bind_error(b, location, KY_SYNTAX_ERROR,
                         "ROWS FROM() with multiple functions cannot have a column definition "
                         "list");
        return ky_error_hint(b->err, "Put a separate column definition list for each function "
                                     "inside ROWS FROM().");
    }
    if (is_unnest(first->call)) {
        (void)bind_error(b, location, KY_SYNTAX_ERROR,
                         "UNNEST() with multiple arguments cannot have a column definition list");
        return ky_error_hint(b->err, "Use separate UNNEST() calls inside ROWS FROM(), and attach a "
                                     "column definition list to each one.");
    }
    if (node->has_ordinality) {
        (void)bind_error(b, location, KY_SYNTAX_ERROR,
                         "WITH ORDINALITY cannot be used with a column definition list");
        return ky_error_hint(b->err, "Put the column definition list inside ROWS FROM().");
    }
    return KY_OK;
}

static ky_status
bind_range_function(struct binder *b, struct scope *scope, const struct ast_range_function *node,
                    struct from_item **out)
{
    struct function_columns list = {0};
    struct table_ref *ref = ky_arena_new(b->arena, struct table_ref);
    ref->kind = TABLE_FUNCTION;
    ref->written = &node->node;
    ref->is_lateral = true;
    ref->alias = node->alias == NULL ? NULL : node->alias->name;
    ref->has_ordinality = node->has_ordinality;
    int capacity = 0;
    int count = ast_list_count(node->functions);
    KY_TRY(check_definitions(b, node));
    for (int i = 0; i < count; i++) {
        const struct ast_function_item *item = (const void *)ast_list_get(node->functions, i);
        capacity += is_unnest(item->call)
                        ? ((const struct ast_function_call *)(const void *)item->call)->args->count
                        : 1;
    }
    ref->functions = ky_arena_array(b->arena, struct expr *, (size_t)capacity);
    for (int i = 0; i < count; i++) {
        const struct ast_function_item *item = (const void *)ast_list_get(node->functions, i);
        const struct ast_list *definitions = item->columns != NULL ? item->columns : node->columns;
        if (!is_unnest(item->call)) {
            KY_TRY(add_function(b, scope, ref, &list, item->call, definitions,
                                count == 1 ? ref->alias : NULL));
            continue;
        }
        /* unnest(a, b) is one unnest for each. */
        const struct ast_function_call *call = (const void *)item->call;
        for (int32_t a = 0; a < call->args->count; a++) {
            struct ast_list one = {.items = &call->args->items[a], .count = 1, .capacity = 1};
            struct ast_function_call part = *call;
            part.args = &one;
            KY_TRY(add_function(b, scope, ref, &list, &part.node, NULL, NULL));
        }
    }
    if (ref->has_ordinality) {
        add_column(b, &list, "ordinality", type_get(OID_INT8), -1);
    }
    ref->columns = list.columns;
    ref->column_count = (uint16_t)list.count;
    KY_TRY(apply_column_aliases(b, ref, node->alias));
    return add_table(b, scope, ref, out);
}

/* A sequence in FROM is one row that says where it stands: a call of kyro_sequence_state. */
static ky_status
bind_sequence(struct binder *b, struct scope *scope, const struct cat_table *sequence,
              const struct ast_range_var *node, struct from_item **out)
{
    static const char function[] = "kyro_sequence_state";
    struct function_columns list = {0};
    int location = node->node.location;
    struct ast_string name = {.node = {.kind = AST_STRING, .location = location}, .text = function};
    struct ast_const oid = {.node = {.kind = AST_CONST, .location = location},
                            .type = AST_CONST_INTEGER,
                            .integer = sequence->oid};
    struct ast_node *name_item = &name.node;
    struct ast_node *oid_item = &oid.node;
    struct ast_list names = {.items = &name_item, .count = 1, .capacity = 1};
    struct ast_list args = {.items = &oid_item, .count = 1, .capacity = 1};
    const struct ast_function_call call = {
        .node = {.kind = AST_FUNCTION_CALL, .location = location}, .names = &names, .args = &args};
    struct table_ref *ref = ky_arena_new(b->arena, struct table_ref);
    ref->kind = TABLE_FUNCTION;
    ref->alias = node->alias == NULL ? sequence->name : node->alias->name;
    ref->functions = ky_arena_array(b->arena, struct expr *, 1);
    KY_TRY(add_function(b, scope, ref, &list, &call.node, NULL, NULL));
    ref->columns = list.columns;
    ref->column_count = (uint16_t)list.count;
    KY_TRY(apply_column_aliases(b, ref, node->alias));
    return add_table(b, scope, ref, out);
}

/* ---- joins ---- */

struct column_list {
    struct ns_column *columns;
    uint16_t count;
};

static struct column_list
visible_columns(struct binder *b, struct scope *scope, int from, int to)
{
    uint32_t capacity = 0;
    for (int i = from; i < to; i++) {
        capacity += item_column_count(&scope->items[i]);
    }
    struct column_list list = {ky_arena_array(b->arena, struct ns_column, capacity + 1), 0};
    for (int i = from; i < to; i++) {
        const struct ns_item *item = &scope->items[i];
        for (uint16_t c = 0; item->are_columns_visible && c < item_column_count(item); c++) {
            const char *name = item_column_name(item, c);
            if (name != NULL) {
                list.columns[list.count++] =
                    (struct ns_column){name, item_column(b, scope, item, c, 0, -1)};
            }
        }
    }
    return list;
}

static ky_status
find_using(struct binder *b, const struct column_list *list, const char *name, const char *side,
           int location, uint16_t *column_out)
{
    int found = 0;
    for (uint16_t i = 0; i < list->count; i++) {
        if (strcmp(list->columns[i].name, name) == 0) {
            *column_out = i;
            found++;
        }
    }
    if (found > 1) {
        return bind_error(b, location, KY_AMBIGUOUS_COLUMN,
                          "common column name \"%s\" appears more than once in %s table", name,
                          side);
    }
    if (found == 0) {
        return bind_error(b, location, KY_UNDEFINED_COLUMN,
                          "column \"%s\" specified in USING clause does not exist in %s table",
                          name, side);
    }
    return KY_OK;
}

static const struct ast_list *
natural_columns(struct binder *b, const struct column_list *left, const struct column_list *right)
{
    struct ast_list *names = ky_arena_new(b->arena, struct ast_list);
    names->items = ky_arena_array(b->arena, struct ast_node *, (size_t)left->count + 1);
    for (uint16_t l = 0; l < left->count; l++) {
        for (uint16_t r = 0; r < right->count; r++) {
            if (strcmp(left->columns[l].name, right->columns[r].name) == 0) {
                struct ast_string *name = ky_arena_new(b->arena, struct ast_string);
                *name = (struct ast_string){{.kind = AST_STRING, .location = -1},
                                            left->columns[l].name};
                names->items[names->count++] = &name->node;
                break;
            }
        }
    }
    return names;
}

static ky_status
merge_column(struct binder *b, enum join_kind kind, struct expr *left, struct expr *right,
             struct expr **out)
{
    struct expr *both[2] = {left, right};
    const struct type *type;
    KY_TRY(common_type(b, both, 2, "JOIN/USING", &type));
    if (kind != JOIN_FULL) {
        return coerce_common(b, both[kind == JOIN_RIGHT], type, "JOIN/USING", out);
    }
    KY_TRY(coerce_common(b, left, type, "JOIN/USING", &left));
    KY_TRY(coerce_common(b, right, type, "JOIN/USING", &right));
    *out = expr_with_args(b, EXPR_COALESCE, type, -1, 2, left, right);
    (*out)->typmod = common_typmod(both, 2, type);
    return KY_OK;
}

/* NATURAL means the columns of today: they are written in its place. */
static void
write_using(struct binder *b, const struct ast_join *node, const struct ast_list *names)
{
    struct ast_join *join = (struct ast_join *)(uintptr_t)node;
    if (!b->context->writes_names || !node->is_natural) {
        return;
    }
    join->is_natural = false;
    if (names->count > 0) {
        join->using_columns = (struct ast_list *)(uintptr_t)names;
    } else if (join->type == AST_JOIN_INNER) {
        join->type = AST_JOIN_CROSS;
    } else {
        struct ast_const *always = ky_arena_new(b->arena, struct ast_const);
        *always = (struct ast_const){
            .node = {.kind = AST_CONST, .location = -1}, .type = AST_CONST_BOOL, .boolean = true};
        join->condition = &always->node;
    }
}

/* USING and NATURAL: the condition, and one name where there were two. */
static ky_status
bind_using(struct binder *b, struct scope *scope, const struct ast_join *node, int start,
           int middle, struct from_item *join, struct column_list *merged)
{
    struct column_list left = visible_columns(b, scope, start, middle);
    struct column_list right = visible_columns(b, scope, middle, scope->item_count);
    const struct ast_list *names =
        node->is_natural ? natural_columns(b, &left, &right) : node->using_columns;
    int count = ast_list_count(names);
    join->using_columns = names;
    write_using(b, node, names);
    merged->columns =
        ky_arena_array(b->arena, struct ns_column, (size_t)left.count + right.count + 1);
    merged->count = 0;
    struct expr *all = expr_new(b, EXPR_AND, b->type_bool, node->node.location);
    all->args = ky_arena_array(b->arena, struct expr *, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        const char *name = ast_list_text(names, i);
        int location = ast_list_get(names, i)->location;
        const int nowhere = -1; /* PostgreSQL gives these errors no position */
        uint16_t l = 0;
        uint16_t r = 0;
        for (int earlier = 0; earlier < i; earlier++) {
            if (strcmp(ast_list_text(names, earlier), name) == 0) {
                return bind_error(b, location, KY_DUPLICATE_COLUMN,
                                  "column name \"%s\" appears more than once in USING clause",
                                  name);
            }
        }
        KY_TRY(find_using(b, &left, name, "left", nowhere, &l));
        KY_TRY(find_using(b, &right, name, "right", nowhere, &r));
        watch_merge(b, scope, left.columns[l].expr);
        watch_merge(b, scope, right.columns[r].expr);
        KY_TRY(make_operator(b, NULL, "=", left.columns[l].expr, right.columns[r].expr, location,
                             &all->args[all->arg_count]));
        all->arg_count++;
        struct ns_column *column = &merged->columns[merged->count++];
        column->name = name;
        KY_TRY(merge_column(b, join->kind, left.columns[l].expr, right.columns[r].expr,
                            &column->expr));
        if (is_written(b) && column->expr->kind != EXPR_COLUMN) {
            expr_written_of(b, column->expr)->name = name;
        }
        left.columns[l].expr = NULL;
        right.columns[r].expr = NULL;
    }
    join->on = all->arg_count == 0 ? NULL : all->arg_count == 1 ? all->args[0] : all;
    const struct column_list *sides[] = {&left, &right};
    for (int side = 0; side < 2; side++) {
        for (uint16_t i = 0; i < sides[side]->count; i++) {
            if (sides[side]->columns[i].expr != NULL) {
                merged->columns[merged->count++] = sides[side]->columns[i];
            }
        }
    }
    return KY_OK;
}

/* The names a join gives: its alias hides its tables, USING hides their columns. */
static ky_status
name_join(struct binder *b, struct scope *scope, const struct ast_join *node, int start,
          struct column_list columns)
{
    const struct ast_alias *alias = node->alias;
    int wanted = alias == NULL ? 0 : ast_list_count(alias->columns);
    if (wanted > columns.count) {
        return bind_error(b, alias->node.location, KY_INVALID_COLUMN_REFERENCE,
                          "join expression \"%s\" has %d columns available but %d columns "
                          "specified",
                          alias->name, columns.count, wanted);
    }
    for (int i = 0; i < wanted; i++) {
        columns.columns[i].name = ast_list_text(alias->columns, i);
    }
    for (uint16_t i = 0; alias != NULL && is_written(b) && i < columns.count; i++) {
        struct ns_column *column = &columns.columns[i];
        column->expr = raise_levels(b, column->expr, 0, -1);
        struct expr_written *written = expr_written_of(b, column->expr);
        written->name = column->name;
        written->qualifier = alias->name;
    }
    for (int i = start; i < scope->item_count; i++) {
        scope->items[i].are_columns_visible = false;
        scope->items[i].is_table_visible &= alias == NULL;
    }
    const char *name = alias == NULL ? NULL : alias->name;
    KY_TRY(check_alias(b, scope, name, node->node.location));
    struct ns_item *item = scope_add_item(b, scope);
    item->name = name;
    item->columns = columns.columns;
    item->column_count = columns.count;
    item->is_table_visible = name != NULL;
    if (node->using_alias != NULL) {
        KY_TRY(check_alias(b, scope, node->using_alias->name, node->node.location));
        struct ns_item *merged = scope_add_item(b, scope);
        merged->name = node->using_alias->name;
        merged->columns = columns.columns;
        merged->column_count = (uint16_t)ast_list_count(node->using_columns);
        merged->are_columns_visible = false;
        merged->is_table_visible = alias == NULL;
    }
    return KY_OK;
}

static ky_status
bind_join(struct binder *b, struct scope *scope, const struct ast_join *node,
          struct from_item **out)
{
    static const enum join_kind kinds[] = {[AST_JOIN_INNER] = JOIN_INNER,
                                           [AST_JOIN_LEFT] = JOIN_LEFT,
                                           [AST_JOIN_RIGHT] = JOIN_RIGHT,
                                           [AST_JOIN_FULL] = JOIN_FULL,
                                           [AST_JOIN_CROSS] = JOIN_CROSS};
    struct from_item *join = ky_arena_new(b->arena, struct from_item);
    join->written = node;
    join->table = -1;
    join->kind = kinds[node->type];
    int start = scope->item_count;
    KY_TRY(bind_from_item(b, scope, node->left, &join->left));
    int middle = scope->item_count;
    bool is_lateral_forbidden = join->kind == JOIN_RIGHT || join->kind == JOIN_FULL;
    for (int i = start; is_lateral_forbidden && i < middle; i++) {
        scope->items[i].can_lateral = false;
    }
    KY_TRY(bind_from_item(b, scope, node->right, &join->right));
    for (int i = start; i < middle; i++) {
        scope->items[i].can_lateral = true;
    }
    bool is_merging = node->is_natural || ast_list_count(node->using_columns) > 0;
    struct column_list columns = {NULL, 0};
    if (is_merging) {
        KY_TRY(bind_using(b, scope, node, start, middle, join, &columns));
    } else if (node->condition != NULL) {
        int saved = scope->visible_from;
        scope->visible_from = start;
        ky_status status =
            bind_condition(b, scope, CLAUSE_ON, "JOIN/ON", node->condition, &join->on);
        scope->visible_from = saved;
        KY_TRY(status);
    }
    if (node->alias != NULL && !is_merging) {
        columns = visible_columns(b, scope, start, scope->item_count);
    }
    if (node->alias != NULL || is_merging) {
        KY_TRY(name_join(b, scope, node, start, columns));
    }
    *out = join;
    return KY_OK;
}

/* ---- TABLESAMPLE ---- */

static ky_status
bind_sample_arg(struct binder *b, struct scope *scope, const struct ast_node *node, oid_t type,
                const char *construct, struct expr **out)
{
    const int saved = scope->visible_from;
    struct expr *expr;
    scope->visible_from = 0;
    const ky_status status = bind_expr_in(b, scope, CLAUSE_FROM_FUNCTION, node, &expr);
    scope->visible_from = saved;
    KY_TRY(status);
    return coerce_specific(b, expr, type_get(type), construct, out);
}

static ky_status
bind_sample(struct binder *b, struct scope *scope, const struct ast_tablesample *node,
            struct table_sample *sample)
{
    const char *method = ast_name_last(node->method);
    const int location = node->method->items[0]->location;
    const char *schema = node->method->count > 1 ? ast_list_text(node->method, 0) : "pg_catalog";
    sample->is_by_block = strcmp(method, "system") == 0;
    if (strcmp(schema, "pg_catalog") != 0) {
        return bind_error(b, location, KY_UNDEFINED_OBJECT,
                          "tablesample method %s.%s does not exist", schema, method);
    }
    if (!sample->is_by_block && strcmp(method, "bernoulli") != 0) {
        return bind_error(b, location, KY_UNDEFINED_OBJECT, "tablesample method %s does not exist",
                          method);
    }
    if (ast_list_count(node->args) != 1) {
        return bind_error(b, location, KY_INVALID_TABLESAMPLE_ARGUMENT,
                          "tablesample method %s requires 1 argument, not %d", method,
                          ast_list_count(node->args));
    }
    KY_TRY(bind_sample_arg(b, scope, ast_list_get(node->args, 0), OID_FLOAT4, "TABLESAMPLE",
                           &sample->percent));
    return node->repeatable == NULL ? KY_OK
                                    : bind_sample_arg(b, scope, node->repeatable, OID_FLOAT8,
                                                      "REPEATABLE", &sample->repeatable);
}

static ky_status
bind_tablesample(struct binder *b, struct scope *scope, const struct ast_tablesample *node,
                 struct from_item **out)
{
    struct query *query = scope->query;
    struct table_sample *sample = ky_arena_new(b->arena, struct table_sample);
    const uint16_t count = query->table_count;
    KY_TRY(bind_sample(b, scope, node, sample));
    KY_TRY(bind_range_var(b, scope, (const void *)node->relation, out));
    struct table_ref *ref = query->table_count > count ? query->tables[count] : NULL;
    if (ref == NULL || ref->kind != TABLE_RELATION || ref->table->sysview != NULL) {
        return bind_error(
            b, node->relation->location, KY_FEATURE_NOT_SUPPORTED,
            "TABLESAMPLE clause can only be applied to tables and materialized views");
    }
    ref->sample = sample;
    return KY_OK;
}

static ky_status
bind_from_item(struct binder *b, struct scope *scope, const struct ast_node *node,
               struct from_item **out)
{
    switch (node->kind) {
    case AST_RANGE_VAR:
        return bind_range_var(b, scope, (const void *)node, out);
    case AST_RANGE_SUBQUERY:
        return bind_range_subquery(b, scope, (const void *)node, out);
    case AST_RANGE_FUNCTION:
        return bind_range_function(b, scope, (const void *)node, out);
    case AST_JOIN:
        return bind_join(b, scope, (const void *)node, out);
    case AST_TABLESAMPLE:
        return bind_tablesample(b, scope, (const void *)node, out);
    default:
        return bind_error(b, node->location, KY_SYNTAX_ERROR, "a table was expected here");
    }
}

ky_status
bind_from(struct binder *b, struct scope *scope, const struct ast_list *from)
{
    int count = ast_list_count(from);
    struct query *query = scope->query;
    if (count == 0) {
        return KY_OK;
    }
    enum clause saved = scope->clause;
    scope->clause = CLAUSE_NONE;
    query->from = ky_arena_array(b->arena, struct from_item *, (size_t)count);
    for (int i = 0; i < count; i++) {
        KY_TRY(bind_from_item(b, scope, ast_list_get(from, i), &query->from[i]));
        query->from_count++;
    }
    scope->clause = saved;
    return KY_OK;
}
