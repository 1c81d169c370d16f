/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/bind/bind_private.h"

/* INSERT: columns, sources, defaults. Values go straight to their columns' types. */

struct insert_column {
    uint16_t index;
    int location;
    const struct ast_target *part; /* only a part of the column; NULL: all of it */
};

struct insert_state {
    struct cat_table *table;
    struct insert_column *columns;
    int count;
    bool is_list_given;
    enum ast_overriding overriding;
};

ky_status
coerce_assignment(struct binder *b, const struct cat_column *column, struct expr *expr,
                  struct expr **out)
{
    struct expr *made;
    KY_TRY(coerce_or_null(b, expr, column->type, column->typmod, CAST_ASSIGNMENT, -1, &made));
    if (made == NULL) {
        (void)bind_error(b, expr_location(expr), KY_DATATYPE_MISMATCH,
                         "column \"%s\" is of type %s but expression is of type %s", column->name,
                         column->type->sql_name, expr->type->sql_name);
        return ky_error_hint(b->err, "You will need to rewrite or cast the expression.");
    }
    *out = made;
    return KY_OK;
}

enum { SEEN_WHOLE = 1, SEEN_PART };

static ky_status
find_insert_columns(struct binder *b, const struct ast_list *list, struct insert_state *state)
{
    const struct cat_table *table = state->table;
    state->columns = ky_arena_array(b->arena, struct insert_column,
                                    (size_t)KY_MAX(ast_list_count(list), table->column_count) + 1);
    state->is_list_given = ast_list_count(list) > 0;
    for (uint16_t i = 0; !state->is_list_given && i < table->column_count; i++) {
        if (!table->columns[i].is_dropped) {
            state->columns[state->count++] = (struct insert_column){i, -1, NULL};
        }
    }
    uint8_t seen[ROW_COLUMNS_MAX] = {0};
    for (int32_t i = 0; i < ast_list_count(list); i++) {
        const struct ast_target *target = (const void *)ast_list_get(list, i);
        int location = target->node.location;
        const struct cat_column *column = cat_find_column(table, ky_slice_cstr(target->name));
        if (column == NULL) {
            return bind_error(b, location, KY_UNDEFINED_COLUMN,
                              "column \"%s\" of relation \"%s\" does not exist", target->name,
                              table->name);
        }
        uint16_t index = (uint16_t)(column->number - 1);
        const bool is_part = target->indirection != NULL;
        const uint8_t how = is_part ? SEEN_PART : SEEN_WHOLE;
        if (seen[index] == SEEN_WHOLE || (seen[index] == SEEN_PART && !is_part)) {
            return bind_error(b, location, KY_DUPLICATE_COLUMN,
                              "column \"%s\" specified more than once", target->name);
        }
        seen[index] = how;
        state->columns[state->count++] =
            (struct insert_column){index, location, is_part ? target : NULL};
    }
    return KY_OK;
}

static ky_status
check_source_width(struct binder *b, struct insert_state *state, int width, int extra_location)
{
    if (width > state->count) {
        return bind_error(b, extra_location, KY_SYNTAX_ERROR,
                          "INSERT has more expressions than target columns");
    }
    if (width < state->count && state->is_list_given) {
        return bind_error(b, state->columns[width].location, KY_SYNTAX_ERROR,
                          "INSERT has more target columns than expressions");
    }
    state->count = width;
    return KY_OK;
}

static bool
is_always(const struct insert_state *state, const struct cat_column *column)
{
    return column->generated != 0 ||
           (column->identity == 'a' && state->overriding == AST_OVERRIDING_NONE);
}

static ky_status
error_always(struct binder *b, const struct cat_column *column)
{
    (void)ky_error_set(b->err, KY_GENERATED_ALWAYS,
                       "cannot insert a non-DEFAULT value into column \"%s\"", column->name);
    if (column->generated != 0) {
        return ky_error_detail(b->err, "Column \"%s\" is a generated column.", column->name);
    }
    ky_error_detail(b->err, "Column \"%s\" is an identity column defined as GENERATED ALWAYS.",
                    column->name);
    return ky_error_hint(b->err, "Use OVERRIDING SYSTEM VALUE to override.");
}

static ky_status
default_or_null(struct binder *b, const struct cat_table *table, uint16_t index, struct expr **out)
{
    KY_TRY(bind_column_default(b, table, index, out));
    if (*out == NULL) {
        *out = expr_const(b, table->columns[index].type, datum_null(), -1);
    }
    return KY_OK;
}

/* The place before i that has another part of the same column; -1: there is none. */
static int
earlier_part(const struct insert_state *state, int i)
{
    for (int j = i - 1; j >= 0; j--) {
        if (state->columns[j].index == state->columns[i].index) {
            return j;
        }
    }
    return -1;
}

/* The column with the part that place i names set, over what earlier places made of it. */
static ky_status
bind_insert_part(struct binder *b, struct scope *scope, const struct insert_state *state, int i,
                 struct expr *earlier, const struct ast_node *node, struct expr *value,
                 struct expr **out)
{
    const struct cat_column *column = &state->table->columns[state->columns[i].index];
    if (is_always(state, column)) {
        return error_always(b, column);
    }
    if (earlier == NULL) {
        earlier = expr_const(b, column->type, datum_null(), -1);
    }
    return bind_part(b, scope, state->columns[i].part, column, earlier, node, value, out);
}

/* Several parts of a column were made into one value, in the last of their places: it moves to the
 * first, the others go. state keeps what is left; *kept_out says where its columns were. */
static void
join_parts(struct binder *b, struct insert_state *state, int **kept_out, int *count_out)
{
    int *kept = ky_arena_array(b->arena, int, (size_t)state->count + 1);
    int count = 0;
    for (int i = 0; i < state->count; i++) {
        int place = count;
        for (int j = 0; j < count; j++) {
            place = state->columns[j].index == state->columns[i].index ? j : place;
        }
        kept[place] = i;
        if (place == count) {
            state->columns[count++] = state->columns[i];
        }
    }
    state->count = count;
    *kept_out = kept;
    *count_out = count;
}

static ky_status
bind_insert_value(struct binder *b, struct scope *scope, const struct insert_state *state, int i,
                  const struct ast_node *node, struct expr **default_of_column, struct expr **out)
{
    uint16_t index = state->columns[i].index;
    const struct cat_column *column = &state->table->columns[index];
    bool is_default = node->kind == AST_DEFAULT;
    if (!is_default && is_always(state, column)) {
        return error_always(b, column);
    }
    is_default |= column->identity != 0 && state->overriding == AST_OVERRIDING_USER;
    if (is_default) {
        if (*default_of_column == NULL) {
            KY_TRY(default_or_null(b, state->table, index, default_of_column));
        }
        *out = *default_of_column;
        return KY_OK;
    }
    struct expr *expr;
    KY_TRY(bind_expr(b, scope, node, &expr));
    return coerce_assignment(b, column, expr, out);
}

static bool
is_plain_values(const struct ast_select *node)
{
    return node->values != NULL && node->order_by == NULL && node->limit == NULL &&
           node->offset == NULL && node->with == NULL;
}

/* A VALUES query whose rows are made already. */
static struct query *
make_values(struct binder *b, struct expr ***rows, uint32_t row_count, uint16_t width)
{
    struct query *query = ky_arena_new(b->arena, struct query);
    struct table_ref *ref = ky_arena_new(b->arena, struct table_ref);
    ref->kind = TABLE_VALUES;
    ref->alias = "*VALUES*";
    ref->rows = rows;
    ref->row_count = row_count;
    ref->column_count = width;
    ref->columns = ky_arena_array(b->arena, struct table_column, (size_t)width + 1);
    query->kind = QUERY_VALUES;
    query->tables = ky_arena_array(b->arena, struct table_ref *, 1);
    query->tables[0] = ref;
    query->table_count = 1;
    query->from = ky_arena_array(b->arena, struct from_item *, 1);
    query->from[0] = ky_arena_new(b->arena, struct from_item);
    query->from_count = 1;
    query->targets = ky_arena_array(b->arena, struct target, (size_t)width + 1);
    query->target_count = width;
    for (uint16_t i = 0; i < width; i++) {
        ref->columns[i] =
            (struct table_column){"column", rows[0][i]->type, rows[0][i]->typmod, OID_NONE};
        query->targets[i].expr = expr_column(b, ref, 0, i, 0, rows[0][i]->location);
        query->targets[i].name = "column";
    }
    return query;
}

static ky_status
bind_insert_values(struct binder *b, struct scope *parent, const struct ast_select *node,
                   struct insert_state *state, struct query **out)
{
    struct scope scope;
    struct query unused = {.kind = QUERY_VALUES};
    scope_init(&scope, parent, &unused);
    scope.clause = CLAUSE_VALUES;
    uint32_t row_count = (uint32_t)ast_list_count(node->values);
    struct expr ***rows = ky_arena_array(b->arena, struct expr **, row_count);
    const struct ast_row *first = (const void *)ast_list_get(node->values, 0);
    int width = ast_list_count(first->elements);
    int extra = width > state->count ? ast_list_get(first->elements, state->count)->location : -1;
    KY_TRY(check_source_width(b, state, width, extra));
    struct expr **defaults = ky_arena_array(b->arena, struct expr *, (size_t)width + 1);
    for (uint32_t r = 0; r < row_count; r++) {
        const struct ast_row *row = (const void *)ast_list_get(node->values, (int32_t)r);
        if (ast_list_count(row->elements) != width) {
            int location = ast_list_count(row->elements) > 0 ? row->elements->items[0]->location
                                                             : row->node.location;
            return bind_error(b, location, KY_SYNTAX_ERROR,
                              "VALUES lists must all be the same length");
        }
        rows[r] = ky_arena_array(b->arena, struct expr *, (size_t)width + 1);
        for (int i = 0; i < width; i++) {
            const struct ast_node *value = ast_list_get(row->elements, i);
            const int earlier = earlier_part(state, i);
            if (state->columns[i].part != NULL) {
                KY_TRY(bind_insert_part(b, &scope, state, i, earlier < 0 ? NULL : rows[r][earlier],
                                        value, NULL, &rows[r][i]));
                continue;
            }
            KY_TRY(bind_insert_value(b, &scope, state, i, value, &defaults[i], &rows[r][i]));
        }
    }
    int *kept;
    join_parts(b, state, &kept, &width);
    for (uint32_t r = 0; r < row_count; r++) {
        for (int i = 0; i < width; i++) {
            rows[r][i] = rows[r][kept[i]];
        }
    }
    *out = make_values(b, rows, row_count, (uint16_t)width);
    return KY_OK;
}

struct insert_change {
    const struct cat_table *table;
    uint16_t index;
    bool is_default;
};

static ky_status
change_to_column(struct binder *b, struct expr *expr, void *self, struct expr **out)
{
    const struct insert_change *change = self;
    if (change->is_default) {
        return default_or_null(b, change->table, change->index, out);
    }
    return coerce_assignment(b, &change->table->columns[change->index], expr, out);
}

/* The parts of columns that a SELECT gives. */
static ky_status
bind_selected_parts(struct binder *b, struct scope *scope, struct insert_state *state,
                    struct query *source)
{
    int *kept;
    int width;
    for (int i = 0; i < state->count; i++) {
        if (state->columns[i].part != NULL) {
            const int earlier = earlier_part(state, i);
            struct expr *value = source->targets[i].expr;
            KY_TRY(bind_insert_part(b, scope, state, i,
                                    earlier < 0 ? NULL : source->targets[earlier].expr, NULL, value,
                                    &source->targets[i].expr));
        }
    }
    join_parts(b, state, &kept, &width);
    for (int i = 0; i < width; i++) {
        source->targets[i] = source->targets[kept[i]];
    }
    source->target_count = (uint16_t)width;
    return KY_OK;
}

static ky_status
bind_insert_select(struct binder *b, struct scope *scope, const struct ast_select *node,
                   struct insert_state *state, struct query **out)
{
    struct query *source;
    KY_TRY(bind_select(b, scope, node, true, &source));
    int width = query_width(source);
    int extra = width > state->count ? expr_location(source->targets[state->count].expr) : -1;
    KY_TRY(check_source_width(b, state, width, extra));
    bool is_wrapped = is_query_simple(source);
    const bool is_plain = node->operation == AST_SET_NONE && !node->is_distinct;
    bool has_parts = false;
    for (int i = 0; i < width; i++) {
        has_parts |= state->columns[i].part != NULL;
    }
    if (has_parts) {
        KY_TRY(bind_wrapped(b, scope, node, is_plain, &source));
        is_wrapped = true;
    }
    for (int i = 0; i < width; i++) {
        if (state->columns[i].part != NULL) {
            continue;
        }
        uint16_t index = state->columns[i].index;
        const struct cat_column *column = &state->table->columns[index];
        const struct expr *expr = source->targets[i].expr;
        if (is_always(state, column)) {
            return error_always(b, column);
        }
        struct insert_change change = {
            state->table, index, column->identity != 0 && state->overriding == AST_OVERRIDING_USER};
        bool is_fitting =
            expr->type == column->type && (column->typmod < 0 || column->typmod == expr->typmod);
        if (is_fitting && !change.is_default) {
            continue;
        }
        if (!is_wrapped) {
            KY_TRY(bind_wrapped(b, scope, node, is_plain, &source));
            is_wrapped = true;
        }
        KY_TRY(change_column(b, source, (uint16_t)i, change_to_column, &change));
    }
    if (has_parts) {
        KY_TRY(bind_selected_parts(b, scope, state, source));
    }
    *out = source;
    return KY_OK;
}

static ky_status
bind_source(struct binder *b, struct scope *scope, const struct ast_insert *node,
            struct insert_state *state)
{
    struct query *query = scope->query;
    if (node->query == NULL) {
        struct expr ***rows = ky_arena_array(b->arena, struct expr **, 1);
        state->count = 0;
        query->source = make_values(b, rows, 1, 0);
        return KY_OK;
    }
    if (is_plain_values(node->query)) {
        return bind_insert_values(b, scope, node->query, state, &query->source);
    }
    return bind_insert_select(b, scope, node->query, state, &query->source);
}

ky_status
bind_insert(struct binder *b, struct scope *parent, const struct ast_insert *node,
            struct query **out)
{
    struct query *query = ky_arena_new(b->arena, struct query);
    struct scope scope;
    scope_init(&scope, parent, query);
    query->kind = QUERY_INSERT;
    if (node->with != NULL) {
        KY_TRY(bind_with(b, &scope, node->with));
    }
    KY_TRY(bind_target_table(b, &scope, node->relation, "insert into"));
    struct cat_table *table = query->tables[query->target_table]->table;
    struct insert_state state = {.table = table, .overriding = node->overriding};
    KY_TRY(find_insert_columns(b, node->columns, &state));
    scope.visible_from = INT32_MAX;
    KY_TRY(bind_source(b, &scope, node, &state));
    scope.visible_from = 0;
    query->insert_columns = ky_arena_array(b->arena, uint16_t, (size_t)state.count + 1);
    query->insert_column_count = (uint16_t)state.count;
    uint8_t given[ROW_COLUMNS_MAX] = {0};
    for (int i = 0; i < state.count; i++) {
        query->insert_columns[i] = state.columns[i].index;
        given[state.columns[i].index] = 1;
    }
    query->defaults = ky_arena_array(b->arena, struct expr *, (size_t)table->column_count + 1);
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!given[i] && !table->columns[i].is_dropped) {
            KY_TRY(bind_column_default(b, table, i, &query->defaults[i]));
        }
    }
    KY_TRY(bind_row_rules(b, query, table));
    if (node->on_conflict != NULL) {
        KY_TRY(bind_on_conflict(b, &scope, node->on_conflict));
    }
    KY_TRY(bind_returning(b, &scope, node->returning));
    *out = query;
    return KY_OK;
}

static ky_status
bind_merge_values(struct binder *b, struct scope *scope, const struct ast_list *values,
                  struct insert_state *state, struct expr ***out)
{
    int width = ast_list_count(values);
    const int extra = width > state->count ? ast_list_get(values, state->count)->location : -1;
    KY_TRY(check_source_width(b, state, width, extra));
    struct expr **exprs = ky_arena_array(b->arena, struct expr *, (size_t)width + 1);
    for (int i = 0; i < width; i++) {
        const struct ast_node *value = ast_list_get(values, i);
        const int earlier = earlier_part(state, i);
        struct expr *column_default = NULL;
        if (state->columns[i].part != NULL) {
            KY_TRY(bind_insert_part(b, scope, state, i, earlier < 0 ? NULL : exprs[earlier], value,
                                    NULL, &exprs[i]));
        } else {
            KY_TRY(bind_insert_value(b, scope, state, i, value, &column_default, &exprs[i]));
        }
    }
    int *kept;
    join_parts(b, state, &kept, &width);
    for (int i = 0; i < width; i++) {
        exprs[i] = exprs[kept[i]];
    }
    *out = exprs;
    return KY_OK;
}

ky_status
bind_merge_insert(struct binder *b, struct scope *scope, const struct ast_merge_when *node,
                  struct merge_action *action)
{
    struct cat_table *table = scope->query->tables[scope->query->target_table]->table;
    struct insert_state state = {.table = table, .overriding = node->overriding};
    struct expr **exprs = NULL;
    KY_TRY(find_insert_columns(b, node->columns, &state));
    if (node->values == NULL) {
        state.count = 0;
    } else {
        const enum clause saved = scope->clause;
        scope->clause = CLAUSE_VALUES;
        const ky_status status = bind_merge_values(b, scope, node->values, &state, &exprs);
        scope->clause = saved;
        KY_TRY(status);
    }
    uint8_t given[ROW_COLUMNS_MAX] = {0};
    action->assignments = ky_arena_array(b->arena, struct assignment, table->column_count + 1U);
    for (int i = 0; i < state.count; i++) {
        action->assignments[action->assignment_count++] =
            (struct assignment){.column = state.columns[i].index, .expr = exprs[i]};
        given[state.columns[i].index] = 1;
    }
    for (uint16_t i = 0; i < table->column_count; i++) {
        struct expr *expr = NULL;
        if (!given[i] && !table->columns[i].is_dropped) {
            KY_TRY(bind_column_default(b, table, i, &expr));
        }
        if (expr != NULL) {
            action->assignments[action->assignment_count++] =
                (struct assignment){.column = i, .expr = expr};
        }
    }
    return KY_OK;
}
