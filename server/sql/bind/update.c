/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/* UPDATE and DELETE, and what all changes of rows share: defaults, checks, RETURNING. */

/* ---- the table that is changed ---- */

ky_status
bind_target_table(struct binder *b, struct scope *scope, const struct ast_range_var *name,
                  const char *verb)
{
    struct cat_table *table;
    KY_TRY(find_relation(b, name, false, &table));
    if (table->kind == 'v' && table->sysview == NULL) {
        (void)ky_error_set(b->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot %s view \"%s\"",
                           verb, table->name);
        return ky_error_detail(b->err, "Views are not automatically updatable.");
    }
    if (table->sysview != NULL) {
        return ky_error_set(b->err, KY_INSUFFICIENT_PRIVILEGE, "permission denied for table %s",
                            table->name);
    }
    if (table->kind != 'r' && !(table->kind == 'm' && b->context->changes_matviews)) {
        return ky_error_set(b->err, KY_WRONG_OBJECT_TYPE, "cannot change %s \"%s\"",
                            table->kind == 'S'   ? "sequence"
                            : table->kind == 'm' ? "materialized view"
                                                 : "relation",
                            table->name);
    }
    struct table_ref *ref =
        make_relation_ref(b, table, name->alias == NULL ? NULL : name->alias->name);
    scope->query->target_table = scope_add_table(b, scope, ref);
    return KY_OK;
}

/* ---- expressions kept in the catalog ---- */

void
scope_init_row(struct binder *b, struct scope *scope, enum clause clause,
               const struct cat_table *table)
{
    scope_init(scope, NULL, NULL);
    scope->is_input = true;
    scope->clause = clause;
    if (table == NULL) {
        return;
    }
    struct table_ref *ref = ky_arena_new(b->arena, struct table_ref);
    ref->alias = table->name;
    ref->column_count = table->column_count;
    ref->columns = ky_arena_array(b->arena, struct table_column, (size_t)table->column_count + 1);
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        ref->columns[i] = (struct table_column){column->is_dropped ? NULL : column->name,
                                                column->type, column->typmod, column->domain};
    }
    ref->kind = TABLE_JOIN; /* no system columns here */
    struct ns_item *item = scope_add_item(b, scope);
    item->ref = ref;
    item->name = table->name;
}

ky_status
bind_table_expr(struct binder *b, const struct cat_table *table, const char *sql,
                enum clause clause, const struct type *wanted, int32_t typmod, struct expr **out)
{
    struct ast_node *node;
    struct scope scope;
    KY_TRY(parse_expression(b->arena, ky_slice_cstr(sql), &node, b->err));
    if (b->context->watch != NULL) {
        b->context->watch->tree = node;
    }
    scope_init_row(b, &scope, clause, table);
    size_t saved = b->sql_size;
    b->sql_size = 0;
    struct expr *expr;
    ky_status status = bind_expr(b, &scope, node, &expr);
    if (status == KY_OK && wanted != NULL) {
        struct expr *made = NULL;
        status = coerce_or_null(b, expr, wanted, typmod, CAST_ASSIGNMENT, -1, &made);
        if (status == KY_OK && made == NULL) {
            status = ky_error_set(b->err, KY_DATATYPE_MISMATCH,
                                  "expression is of type %s but %s is needed", expr->type->sql_name,
                                  wanted->sql_name);
        }
        expr = made;
    } else if (status == KY_OK) {
        status = resolve_unknown(b, expr, &expr);
    }
    b->sql_size = saved;
    KY_TRY(status);
    *out = expr;
    return KY_OK;
}

/* The sequence behind an identity column. */
static ky_status
bind_identity(struct binder *b, const struct cat_table *table, const struct cat_column *column,
              struct expr **out)
{
    for (size_t i = 0; i < b->image->table_count; i++) {
        const struct cat_table *sequence = b->image->tables[i];
        if (sequence->kind != 'S' || sequence->owner_table != table->oid ||
            sequence->owner_column != column->number) {
            continue;
        }
        struct scope scope;
        scope_init(&scope, NULL, NULL);
        struct expr *name =
            expr_const(b, type_get(OID_REGCLASS), datum_word((int64_t)sequence->oid), -1);
        struct expr *next;
        KY_TRY(make_call(b, &scope, "nextval", &name, 1, -1, &next));
        return coerce_assignment(b, column, next, out);
    }
    return KY_OK;
}

ky_status
bind_column_default(struct binder *b, const struct cat_table *table, uint16_t column,
                    struct expr **out)
{
    const struct cat_column *found = &table->columns[column];
    const struct cat_domain *domain = cat_get_domain(b->image, found->domain);
    const char *sql = found->default_sql != NULL               ? found->default_sql
                      : domain != NULL && found->identity == 0 ? domain->default_sql
                                                               : NULL;
    *out = NULL;
    if (found->generated != 0) {
        return KY_OK;
    }
    if (sql != NULL) {
        return bind_table_expr(b, NULL, sql, CLAUSE_DEFAULT, found->type, found->typmod, out);
    }
    return found->identity != 0 ? bind_identity(b, table, found, out) : KY_OK;
}

static bool
is_written_column(const struct query *query, const struct cat_column *column)
{
    if (query->kind != QUERY_UPDATE || column->generated != 0) {
        return true;
    }
    for (uint16_t i = 0; i < query->assignment_count; i++) {
        if (query->assignments[i].column == column->number - 1) {
            return true;
        }
    }
    return false;
}

/* First of all, as what is assigned is made the domain's before the row is looked at. */
static ky_status
bind_domain_rules(struct binder *b, struct query *query, const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        struct expr *rule = NULL;
        if (column->domain == OID_NONE || column->is_dropped || !is_written_column(query, column)) {
            continue;
        }
        KY_TRY(bind_domain_rule(b, column, &rule));
        if (rule == NULL) {
            continue;
        }
        const size_t capacity = (size_t)table->constraint_count + table->column_count;
        if (query->checks == NULL) {
            query->checks = ky_arena_array(b->arena, struct expr *, capacity);
            query->check_names = ky_arena_array(b->arena, const char *, capacity);
        }
        query->checks[query->check_count] = rule;
        query->check_names[query->check_count++] = column->name;
    }
    return KY_OK;
}

ky_status
bind_row_rules(struct binder *b, struct query *query, const struct cat_table *table)
{
    KY_TRY(bind_domain_rules(b, query, table));
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        const struct cat_constraint *constraint = table->constraints[i];
        if (constraint->kind != CONSTRAINT_CHECK) {
            continue;
        }
        if (query->checks == NULL) {
            query->checks = ky_arena_array(b->arena, struct expr *, table->constraint_count);
            query->check_names = ky_arena_array(b->arena, const char *, table->constraint_count);
        }
        KY_TRY(bind_table_expr(b, table, constraint->check_sql, CLAUSE_CHECK, b->type_bool, -1,
                               &query->checks[query->check_count]));
        query->check_names[query->check_count++] = constraint->name;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        if (column->generated == 0 || column->is_dropped || column->default_sql == NULL) {
            continue;
        }
        if (query->generated == NULL) {
            query->generated = ky_arena_array(b->arena, struct expr *, table->column_count);
        }
        KY_TRY(bind_table_expr(b, table, column->default_sql, CLAUSE_CHECK, column->type,
                               column->typmod, &query->generated[i]));
    }
    return KY_OK;
}

/* ---- SET ---- */

/* The column, and the assignment to it: the next free one, or that to another of its parts. */
static ky_status
find_assigned(struct binder *b, const struct query *query, const struct ast_target *target,
              uint16_t *column_out, uint16_t *place_out)
{
    const struct cat_table *table = query->tables[query->target_table]->table;
    int location = target->node.location;
    const struct cat_column *column = cat_find_column(table, ky_slice_cstr(target->name));
    if (column == NULL) {
        return bind_error(b, location, KY_UNDEFINED_COLUMN,
                          "column \"%s\" of relation \"%s\" does not exist", target->name,
                          table->name);
    }
    *column_out = (uint16_t)(column->number - 1);
    *place_out = query->assignment_count;
    for (uint16_t i = 0; i < query->assignment_count; i++) {
        if (query->assignments[i].column != *column_out) {
            continue;
        }
        *place_out = i;
        if (target->indirection == NULL || !query->assignments[i].is_part) {
            return bind_error(b, -1, KY_SYNTAX_ERROR, "multiple assignments to same column \"%s\"",
                              target->name);
        }
    }
    return KY_OK;
}

static ky_status
check_not_always(struct binder *b, const struct cat_column *column)
{
    if (column->generated == 0 && column->identity != 'a') {
        return KY_OK;
    }
    (void)ky_error_set(b->err, KY_GENERATED_ALWAYS, "column \"%s\" can only be updated to DEFAULT",
                       column->name);
    return column->generated != 0
               ? ky_error_detail(b->err, "Column \"%s\" is a generated column.", column->name)
               : ky_error_detail(b->err,
                                 "Column \"%s\" is an identity column defined as GENERATED ALWAYS.",
                                 column->name);
}

/* One column from a written expression, or from expr when that is bound already. */
static ky_status
assign(struct binder *b, struct scope *scope, const struct ast_target *target,
       const struct ast_node *node, struct expr *expr)
{
    struct query *query = scope->query;
    const struct cat_table *table = query->tables[query->target_table]->table;
    uint16_t index;
    uint16_t place;
    KY_TRY(find_assigned(b, query, target, &index, &place));
    const struct cat_column *column = &table->columns[index];
    if (target->indirection != NULL) {
        struct expr *base = query->assignments[place].expr;
        if (place == query->assignment_count) {
            base = expr_column(b, query->tables[query->target_table], query->target_table, index, 0,
                               target->node.location);
        }
        enum clause saved = scope->clause;
        KY_TRY(check_not_always(b, column));
        scope->clause = CLAUSE_UPDATE;
        ky_status status = bind_part(b, scope, target, column, base, node, expr, &expr);
        scope->clause = saved;
        KY_TRY(status);
    } else if (expr == NULL && node->kind == AST_DEFAULT) {
        KY_TRY(bind_column_default(b, table, index, &expr));
        if (expr == NULL) {
            expr = expr_const(b, column->type, datum_null(), -1);
        }
    } else {
        KY_TRY(check_not_always(b, column));
        if (expr == NULL) {
            KY_TRY(bind_expr_in(b, scope, CLAUSE_UPDATE, node, &expr));
        }
        KY_TRY(coerce_assignment(b, column, expr, &expr));
    }
    query->assignments[place].column = index;
    query->assignments[place].is_part = target->indirection != NULL;
    query->assignments[place].expr = expr;
    query->assignment_count = KY_MAX(query->assignment_count, (uint16_t)(place + 1));
    return KY_OK;
}

/* SET (a, b) = (SELECT x, y ..): each column takes its own column of the subquery. */
static ky_status
bind_part_of_subquery(struct binder *b, struct scope *scope, const struct ast_subquery *node,
                      int part, int count, struct expr **out)
{
    enum clause saved = scope->clause;
    scope->clause = CLAUSE_UPDATE;
    struct query *query;
    ky_status status = bind_wrapped(b, scope, node->query, false, &query);
    scope->clause = saved;
    KY_TRY(status);
    if (query->target_count != count) {
        return bind_error(b, node->node.location, KY_SYNTAX_ERROR,
                          "number of columns does not match number of values");
    }
    query->targets[0] = query->targets[part];
    query->target_count = 1;
    struct expr *expr =
        expr_new(b, EXPR_SUBQUERY, query->targets[0].expr->type, node->node.location);
    expr->subquery_kind = SUBQUERY_SCALAR;
    expr->typmod = query->targets[0].expr->typmod;
    expr->subquery = query;
    *out = expr;
    return KY_OK;
}

static ky_status
bind_multi_assign(struct binder *b, struct scope *scope, const struct ast_multi_assign *node)
{
    int count = ast_list_count(node->targets);
    const struct ast_row *row = (const void *)node->source;
    if (node->source->kind != AST_ROW && node->source->kind != AST_SUBQUERY) {
        if (count != 1) {
            return bind_error(b, node->source->location, KY_FEATURE_NOT_SUPPORTED,
                              "source for a multiple-column UPDATE item must be a sub-SELECT or "
                              "ROW() expression");
        }
        return assign(b, scope, (const void *)ast_list_get(node->targets, 0), node->source, NULL);
    }
    if (node->source->kind == AST_ROW && ast_list_count(row->elements) != count) {
        return bind_error(b, node->source->location, KY_SYNTAX_ERROR,
                          "number of columns does not match number of values");
    }
    for (int i = 0; i < count; i++) {
        const struct ast_target *target = (const void *)ast_list_get(node->targets, i);
        if (node->source->kind == AST_ROW) {
            KY_TRY(assign(b, scope, target, ast_list_get(row->elements, i), NULL));
            continue;
        }
        struct expr *part;
        KY_TRY(bind_part_of_subquery(b, scope, (const void *)node->source, i, count, &part));
        KY_TRY(assign(b, scope, target, node->source, part));
    }
    return KY_OK;
}

ky_status
bind_assignments(struct binder *b, struct scope *scope, const struct ast_list *sets)
{
    struct query *query = scope->query;
    int count = 0;
    for (int32_t i = 0; i < ast_list_count(sets); i++) {
        const struct ast_node *node = ast_list_get(sets, i);
        const struct ast_multi_assign *multi = (const void *)node;
        count += node->kind == AST_MULTI_ASSIGN ? ast_list_count(multi->targets) : 1;
    }
    query->assignments = ky_arena_array(b->arena, struct assignment, (size_t)count + 1);
    query->assignment_count = 0;
    for (int32_t i = 0; i < ast_list_count(sets); i++) {
        const struct ast_node *node = ast_list_get(sets, i);
        if (node->kind == AST_MULTI_ASSIGN) {
            KY_TRY(bind_multi_assign(b, scope, (const void *)node));
            continue;
        }
        const struct ast_target *target = (const void *)node;
        KY_TRY(assign(b, scope, target, target->expression, NULL));
    }
    return KY_OK;
}

/* ---- statements ---- */

ky_status
bind_returning(struct binder *b, struct scope *scope, const struct ast_list *list)
{
    struct query *query = scope->query;
    if (ast_list_count(list) == 0) {
        return KY_OK;
    }
    query->has_returning = true;
    return bind_targets(b, scope, list, CLAUSE_RETURNING, &query->returning,
                        &query->returning_count);
}

/* The changed table is the first item of from; what FROM or USING names follows. */
static ky_status
bind_changed_from(struct binder *b, struct scope *scope, const struct ast_list *list)
{
    struct query *query = scope->query;
    KY_TRY(bind_from(b, scope, list));
    struct from_item **from =
        ky_arena_array(b->arena, struct from_item *, (size_t)query->from_count + 1);
    from[0] = ky_arena_new(b->arena, struct from_item);
    from[0]->table = (int16_t)query->target_table;
    for (uint16_t i = 0; i < query->from_count; i++) {
        from[i + 1] = query->from[i];
    }
    query->from = from;
    query->from_count++;
    return KY_OK;
}

static ky_status
bind_which_rows(struct binder *b, struct scope *scope, const struct ast_node *where)
{
    if (where == NULL) {
        return KY_OK;
    }
    if (where->kind == AST_CURRENT_OF) {
        const struct ast_current_of *current = (const void *)where;
        scope->query->current_of = ky_arena_strdup(b->arena, current->cursor);
        return KY_OK;
    }
    return bind_condition(b, scope, CLAUSE_WHERE, "WHERE", where, &scope->query->where);
}

ky_status
bind_update(struct binder *b, struct scope *parent, const struct ast_update *node,
            struct query **out)
{
    struct query *query = ky_arena_new(b->arena, struct query);
    struct scope scope;
    scope_init(&scope, parent, query);
    query->kind = QUERY_UPDATE;
    if (node->with != NULL) {
        KY_TRY(bind_with(b, &scope, node->with));
    }
    KY_TRY(bind_target_table(b, &scope, node->relation, "update"));
    KY_TRY(bind_changed_from(b, &scope, node->from));
    KY_TRY(bind_which_rows(b, &scope, node->where));
    KY_TRY(bind_returning(b, &scope, node->returning));
    KY_TRY(bind_assignments(b, &scope, node->sets));
    KY_TRY(bind_row_rules(b, query, query->tables[query->target_table]->table));
    *out = query;
    return KY_OK;
}

ky_status
bind_delete(struct binder *b, struct scope *parent, const struct ast_delete *node,
            struct query **out)
{
    struct query *query = ky_arena_new(b->arena, struct query);
    struct scope scope;
    scope_init(&scope, parent, query);
    query->kind = QUERY_DELETE;
    if (node->with != NULL) {
        KY_TRY(bind_with(b, &scope, node->with));
    }
    KY_TRY(bind_target_table(b, &scope, node->relation, "delete from"));
    KY_TRY(bind_changed_from(b, &scope, node->using_from));
    KY_TRY(bind_which_rows(b, &scope, node->where));
    KY_TRY(bind_returning(b, &scope, node->returning));
    *out = query;
    return KY_OK;
}
