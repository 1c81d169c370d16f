/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/* Queries made of queries: UNION and its kind, VALUES, WITH. */

/* ---- changing the columns of a query that is there already ---- */

bool
is_query_simple(const struct query *query)
{
    switch (query->kind) {
    case QUERY_SELECT:
        return !query->is_distinct && query->order_count == 0 && query->distinct_on_count == 0;
    case QUERY_VALUES:
        return query->order_count == 0;
    default:
        return false;
    }
}

ky_status
change_column(struct binder *b, struct query *query, uint16_t column, column_change change,
              void *self)
{
    struct target *target = &query->targets[column];
    if (query->kind == QUERY_SELECT) {
        return change(b, target->expr, self, &target->expr);
    }
    KY_ASSERT(query->kind == QUERY_VALUES);
    struct table_ref *ref = query->tables[0];
    for (uint32_t row = 0; row < ref->row_count; row++) {
        KY_TRY(change(b, ref->rows[row][column], self, &ref->rows[row][column]));
    }
    const struct expr *first = ref->rows[0][column];
    ref->columns[column].type = first->type;
    ref->columns[column].typmod = first->typmod;
    target->expr = expr_column(b, ref, 0, column, 0, target->expr->location);
    return KY_OK;
}

ky_status
bind_wrapped(struct binder *b, struct scope *parent, const struct ast_select *node,
             bool are_unknowns_kept, struct query **out)
{
    struct query *query = ky_arena_new(b->arena, struct query);
    struct scope scope;
    scope_init(&scope, parent, query);
    struct table_ref *ref = ky_arena_new(b->arena, struct table_ref);
    ref->kind = TABLE_SUBQUERY;
    ref->alias = "*SELECT*";
    KY_TRY(bind_select(b, &scope, node, are_unknowns_kept, &ref->subquery));
    query_columns(b, ref->subquery, NULL, &ref->columns, &ref->column_count);
    uint16_t table = scope_add_table(b, &scope, ref);
    query->kind = QUERY_SELECT;
    query->from = ky_arena_array(b->arena, struct from_item *, 1);
    query->from[0] = ky_arena_new(b->arena, struct from_item);
    query->from[0]->table = (int16_t)table;
    query->from_count = 1;
    query->target_count = ref->column_count;
    query->targets = ky_arena_array(b->arena, struct target, (size_t)ref->column_count + 1);
    for (uint16_t i = 0; i < ref->column_count; i++) {
        struct expr *inner = ref->subquery->targets[i].expr;
        const bool is_open =
            expr_is_unknown(inner) && (inner->kind == EXPR_CONST || inner->kind == EXPR_PARAM);
        query->targets[i].expr =
            is_open ? inner : expr_column(b, ref, table, i, 0, inner->location);
        query->targets[i].name = ref->columns[i].name;
    }
    *out = query;
    return KY_OK;
}

struct common_change {
    const struct type *type;
    const char *construct;
};

static ky_status
change_to_common(struct binder *b, struct expr *expr, void *self, struct expr **out)
{
    const struct common_change *change = self;
    return coerce_common(b, expr, change->type, change->construct, out);
}

/* ---- UNION, INTERSECT, EXCEPT ---- */

static ky_status
check_widths(struct binder *b, const struct query *left, const struct query *right,
             const char *construct)
{
    uint16_t width = query_width(right);
    if (query_width(left) != width) {
        return bind_error(b, width > 0 ? expr_location(right->targets[0].expr) : -1,
                          KY_SYNTAX_ERROR, "each %s query must have the same number of columns",
                          construct);
    }
    return KY_OK;
}

static bool
needs_change(const struct query *query, const struct type *const *types)
{
    uint16_t width = query_width(query);
    for (uint16_t i = 0; i < width; i++) {
        if (query->targets[i].expr->type != types[i]) {
            return true;
        }
    }
    return false;
}

/* To be printed: only literals that have no type yet get one. */
static ky_status
type_literals(struct binder *b, struct query *branch, const struct type *const *types,
              const char *construct)
{
    uint16_t width = query_width(branch);
    for (uint16_t i = 0; i < width; i++) {
        struct common_change change = {types[i], construct};
        if (expr_is_unknown(branch->targets[i].expr) && branch->kind != QUERY_SET_OPERATION) {
            KY_TRY(change_column(b, branch, i, change_to_common, &change));
        }
    }
    return KY_OK;
}

static ky_status
change_branch(struct binder *b, struct scope *scope, const struct ast_select *node,
              struct query **branch, const struct type *const *types, const char *construct)
{
    if (!needs_change(*branch, types)) {
        return KY_OK;
    }
    if (is_written(b)) {
        return type_literals(b, *branch, types, construct);
    }
    if (!is_query_simple(*branch)) {
        KY_TRY(bind_wrapped(b, scope, node, false, branch));
    }
    uint16_t width = query_width(*branch);
    for (uint16_t i = 0; i < width; i++) {
        struct common_change change = {types[i], construct};
        if ((*branch)->targets[i].expr->type != types[i]) {
            KY_TRY(change_column(b, *branch, i, change_to_common, &change));
        }
    }
    return KY_OK;
}

/* The columns that the non-recursive part gives are what the recursive part sees. */
static void
open_recursive(struct binder *b, struct cte_name *name, const struct query *left,
               const struct ast_list *aliases)
{
    query_columns(b, left, aliases, &name->cte->columns, &name->cte->column_count);
    for (uint16_t i = 0; i < name->cte->column_count; i++) {
        name->cte->columns[i].domain = OID_NONE;
        if (name->cte->columns[i].type->oid == OID_UNKNOWN) {
            name->cte->columns[i].type = type_get(OID_TEXT);
        }
    }
    name->is_pending = false;
    name->is_open = true;
}

static ky_status
choose_types(struct binder *b, const struct scope *scope, const struct query *left,
             const struct query *right, const char *construct, const struct type **types)
{
    uint16_t width = query_width(left);
    const struct cte *cte = scope->recursive == NULL ? NULL : scope->recursive->cte;
    for (uint16_t i = 0; i < width; i++) {
        struct expr *both[2] = {left->targets[i].expr, right->targets[i].expr};
        KY_TRY(common_type(b, both, 2, construct, &types[i]));
        if (cte != NULL && cte->is_recursive && types[i] != cte->columns[i].type) {
            (void)bind_error(b, expr_location(both[0]), KY_DATATYPE_MISMATCH,
                             "recursive query \"%s\" column %d has type %s in non-recursive term "
                             "but type %s overall",
                             cte->name, i + 1, cte->columns[i].type->sql_name, types[i]->sql_name);
            return ky_error_hint(b->err,
                                 "Cast the output of the non-recursive term to the correct type.");
        }
        if (scope->query->set_operation != SET_UNION || !scope->query->is_all) {
            if (types[i]->compare == NULL) {
                return bind_error(b, expr_location(both[0]), KY_UNDEFINED_FUNCTION,
                                  "could not identify an equality operator for type %s",
                                  types[i]->sql_name);
            }
        }
    }
    return KY_OK;
}

ky_status
bind_set_operation(struct binder *b, struct scope *scope, const struct ast_select *node)
{
    static const char *const names[] = {
        [AST_UNION] = "UNION", [AST_INTERSECT] = "INTERSECT", [AST_EXCEPT] = "EXCEPT"};
    static const enum set_operation operations[] = {
        [AST_UNION] = SET_UNION, [AST_INTERSECT] = SET_INTERSECT, [AST_EXCEPT] = SET_EXCEPT};
    struct query *query = scope->query;
    const char *construct = names[node->operation];
    query->set_operation = operations[node->operation];
    query->is_all = node->is_all;
    struct cte_name *recursive = node->operation == AST_UNION ? scope->recursive : NULL;
    KY_TRY(bind_select(b, scope, node->left, true, &query->left));
    if (recursive != NULL) {
        open_recursive(b, recursive, query->left, NULL);
        for (uint16_t i = 0; i < recursive->cte->column_count; i++) {
            if (recursive->aliases != NULL && i < recursive->aliases->count) {
                recursive->cte->columns[i].name = ast_list_text(recursive->aliases, i);
            }
        }
    }
    KY_TRY(bind_select(b, scope, node->right, true, &query->right));
    KY_TRY(check_widths(b, query->left, query->right, construct));
    uint16_t width = query_width(query->left);
    const struct type **types = ky_arena_array(b->arena, const struct type *, (size_t)width + 1);
    KY_TRY(choose_types(b, scope, query->left, query->right, construct, types));
    KY_TRY(change_branch(b, scope, node->left, &query->left, types, construct));
    KY_TRY(change_branch(b, scope, node->right, &query->right, types, construct));
    query->target_count = width;
    query->targets = ky_arena_array(b->arena, struct target, (size_t)width + 1);
    for (uint16_t i = 0; i < width; i++) {
        struct expr *both[2] = {query->left->targets[i].expr, query->right->targets[i].expr};
        struct expr *column = expr_new(b, EXPR_COLUMN, types[i], expr_location(both[0]));
        column->column = i;
        column->typmod = common_typmod(both, 2, types[i]);
        query->targets[i].expr = column;
        query->targets[i].name = query->left->targets[i].name;
    }
    KY_TRY(bind_order_and_limit(b, scope, node));
    return node->locking == NULL ? KY_OK : bind_locking(b, scope, node);
}

/* ---- VALUES ---- */

ky_status
bind_values(struct binder *b, struct scope *scope, const struct ast_select *node)
{
    struct query *query = scope->query;
    struct table_ref *ref = ky_arena_new(b->arena, struct table_ref);
    ref->kind = TABLE_VALUES;
    ref->alias = "*VALUES*";
    ref->row_count = (uint32_t)ast_list_count(node->values);
    ref->rows = ky_arena_array(b->arena, struct expr **, ref->row_count);
    const struct ast_row *first = (const void *)ast_list_get(node->values, 0);
    int width = ast_list_count(first->elements);
    if (width > ROW_COLUMNS_MAX + 64) {
        return ky_error_set(b->err, KY_TOO_MANY_COLUMNS, "target lists can have at most %d entries",
                            ROW_COLUMNS_MAX + 64);
    }
    scope->clause = CLAUSE_VALUES;
    for (uint32_t r = 0; r < ref->row_count; r++) {
        const struct ast_row *row = (const void *)ast_list_get(node->values, (int32_t)r);
        if (ast_list_count(row->elements) != width) {
            int location = ast_list_count(row->elements) > 0 ? row->elements->items[0]->location
                                                             : row->node.location;
            return bind_error(b, location, KY_SYNTAX_ERROR,
                              "VALUES lists must all be the same length");
        }
        ref->rows[r] = ky_arena_array(b->arena, struct expr *, (size_t)width + 1);
        for (int i = 0; i < width; i++) {
            KY_TRY(bind_expr(b, scope, ast_list_get(row->elements, i), &ref->rows[r][i]));
        }
    }
    scope->clause = CLAUSE_TARGET;
    struct expr **column = ky_arena_array(b->arena, struct expr *, ref->row_count);
    ref->column_count = (uint16_t)width;
    ref->columns = ky_arena_array(b->arena, struct table_column, (size_t)width + 1);
    for (int i = 0; i < width; i++) {
        const struct type *type;
        bool is_unknown = true;
        for (uint32_t r = 0; r < ref->row_count; r++) {
            column[r] = ref->rows[r][i];
            is_unknown &= expr_is_unknown(column[r]);
        }
        KY_TRY(common_type(b, column, (int)ref->row_count, "VALUES", &type));
        if (is_unknown && scope->are_unknowns_kept) {
            type = b->type_unknown;
        }
        for (uint32_t r = 0; r < ref->row_count; r++) {
            KY_TRY(coerce_common(b, column[r], type, "VALUES", &ref->rows[r][i]));
            column[r] = ref->rows[r][i];
        }
        ref->columns[i].name = ky_arena_printf(b->arena, "column%d", i + 1);
        ref->columns[i].type = type;
        ref->columns[i].typmod = common_typmod(column, (int)ref->row_count, type);
    }
    uint16_t table = scope_add_table(b, scope, ref);
    query->from = ky_arena_array(b->arena, struct from_item *, 1);
    query->from[0] = ky_arena_new(b->arena, struct from_item);
    query->from[0]->table = (int16_t)table;
    query->from_count = 1;
    query->target_count = (uint16_t)width;
    query->targets = ky_arena_array(b->arena, struct target, (size_t)width + 1);
    for (uint16_t i = 0; i < width; i++) {
        query->targets[i].expr = expr_column(b, ref, table, i, 0, expr_location(ref->rows[0][i]));
        query->targets[i].name = ref->columns[i].name;
    }
    return bind_order_and_limit(b, scope, node);
}

/* ---- WITH ---- */

static ky_status
check_cte_columns(struct binder *b, const struct ast_cte *node, const struct cte *cte)
{
    int wanted = ast_list_count(node->columns);
    if (wanted > cte->column_count) {
        return bind_error(b, node->node.location, KY_INVALID_COLUMN_REFERENCE,
                          "WITH query \"%s\" has %d columns available but %d columns specified",
                          cte->name, cte->column_count, wanted);
    }
    return KY_OK;
}

static ky_status
bind_cte_body(struct binder *b, struct scope *scope, const struct ast_cte *node,
              struct cte_name *name, bool is_recursive)
{
    struct cte *cte = name->cte;
    const struct ast_select *select = (const void *)node->query;
    if (node->query->kind != AST_SELECT || !is_recursive || select->operation != AST_UNION) {
        return bind_statement(b, scope, node->query, &cte->query);
    }
    /* As bind_select does it, with the name known to the second half. */
    struct query *query = ky_arena_new(b->arena, struct query);
    struct scope inner;
    scope_init(&inner, scope, query);
    inner.recursive = name;
    query->kind = QUERY_SET_OPERATION;
    cte->query = query;
    if (select->with != NULL) {
        KY_TRY(bind_with(b, &inner, select->with));
    }
    return bind_set_operation(b, &inner, select);
}

ky_status
bind_with(struct binder *b, struct scope *scope, const struct ast_with *with)
{
    struct query *query = scope->query;
    scope->with = with->is_recursive ? NULL : with;
    query->with = with;
    int count = ast_list_count(with->ctes);
    query->ctes = ky_arena_array(b->arena, struct cte *, (size_t)count + 1);
    for (int i = 0; i < count; i++) {
        const struct ast_cte *node = (const void *)ast_list_get(with->ctes, i);
        for (int earlier = 0; earlier < i; earlier++) {
            if (strcmp(query->ctes[earlier]->name, node->name) == 0) {
                return bind_error(b, node->node.location, KY_DUPLICATE_ALIAS,
                                  "WITH query name \"%s\" specified more than once", node->name);
            }
        }
        struct cte *cte = ky_arena_new(b->arena, struct cte);
        cte->name = node->name;
        cte->written = node;
        struct cte_name *name = ky_arena_new(b->arena, struct cte_name);
        *name = (struct cte_name){.cte = cte, .next = scope->ctes, .aliases = node->columns};
        const struct ast_select *select = (const void *)node->query;
        name->location = node->node.location;
        name->is_union = node->query->kind == AST_SELECT && select->operation == AST_UNION;
        name->is_pending = with->is_recursive;
        if (with->is_recursive) {
            scope->ctes = name;
        }
        bool is_modifying = node->query->kind != AST_SELECT;
        if (node->query->kind == AST_MERGE) {
            return bind_error(b, node->node.location, KY_FEATURE_NOT_SUPPORTED,
                              "MERGE not supported in WITH query");
        }
        if (is_modifying && scope->parent != NULL) {
            return bind_error(b, node->node.location, KY_FEATURE_NOT_SUPPORTED,
                              "WITH clause containing a data-modifying statement must be at the "
                              "top level");
        }
        KY_TRY(bind_cte_body(b, scope, node, name, with->is_recursive));
        name->is_pending = false;
        name->is_open = false;
        cte->is_materialized |= node->materialized == AST_MATERIALIZED || is_modifying;
        cte->is_not_materialized = node->materialized == AST_NOT_MATERIALIZED;
        query_columns(b, cte->query, node->columns, &cte->columns, &cte->column_count);
        KY_TRY(check_cte_columns(b, node, cte));
        scope->ctes = name;
        query->ctes[query->cte_count++] = cte;
    }
    scope->with = NULL;
    return KY_OK;
}
