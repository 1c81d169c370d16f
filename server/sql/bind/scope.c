/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "server/sql/bind/bind_private.h"

/*
 * Names of columns and tables. A scope is one level of query; its items are what the FROM clause
 * has brought so far. While FROM is being read, visible_from hides what the place may not see.
 */

void
scope_init(struct scope *scope, struct scope *parent, struct query *query)
{
    *scope = (struct scope){.parent = parent, .query = query};
}

struct ns_item *
scope_add_item(struct binder *b, struct scope *scope)
{
    if (scope->item_count == scope->item_capacity) {
        int capacity = scope->item_capacity == 0 ? 4 : scope->item_capacity * 2;
        struct ns_item *items = ky_arena_array(b->arena, struct ns_item, (size_t)capacity);
        if (scope->item_count > 0) {
            memcpy(items, scope->items, (size_t)scope->item_count * sizeof(*items));
        }
        scope->items = items;
        scope->item_capacity = capacity;
    }
    struct ns_item *item = &scope->items[scope->item_count++];
    *item = (struct ns_item){
        .is_table_visible = true, .are_columns_visible = true, .can_lateral = true};
    return item;
}

uint16_t
scope_add_table(struct binder *b, struct scope *scope, struct table_ref *ref)
{
    struct query *query = scope->query;
    if (query->table_count == scope->table_capacity) {
        uint16_t capacity = scope->table_capacity == 0 ? 2 : (uint16_t)(scope->table_capacity * 2);
        struct table_ref **tables = ky_arena_array(b->arena, struct table_ref *, capacity);
        if (query->table_count > 0) {
            memcpy(tables, query->tables, query->table_count * sizeof(*tables));
        }
        query->tables = tables;
        scope->table_capacity = capacity;
    }
    uint16_t index = query->table_count++;
    query->tables[index] = ref;
    struct ns_item *item = scope_add_item(b, scope);
    item->name = ref->alias;
    item->ref = ref;
    item->table = index;
    return index;
}

uint16_t
item_column_count(const struct ns_item *item)
{
    return item->ref == NULL ? item->column_count : item->ref->column_count;
}

const char *
item_column_name(const struct ns_item *item, uint16_t column)
{
    return item->ref == NULL ? item->columns[column].name : item->ref->columns[column].name;
}

/* A copy of a merged column's expression as seen levels_up queries below. */
struct expr *
raise_levels(struct binder *b, const struct expr *expr, uint16_t levels_up, int location)
{
    struct expr *copy = ky_arena_alloc(b->arena, sizeof(*copy));
    *copy = *expr;
    copy->location = location;
    if (copy->kind == EXPR_COLUMN) {
        copy->levels_up = (uint16_t)(copy->levels_up + levels_up);
    }
    if (copy->arg_count > 0) {
        copy->args = ky_arena_array(b->arena, struct expr *, copy->arg_count);
        for (uint16_t i = 0; i < copy->arg_count; i++) {
            copy->args[i] = raise_levels(b, expr->args[i], levels_up, location);
        }
    }
    return copy;
}

struct expr *
item_column(struct binder *b, const struct scope *scope, const struct ns_item *item,
            uint16_t column, uint16_t levels_up, int location)
{
    if (item->ref == NULL) {
        return raise_levels(b, item->columns[column].expr, levels_up, location);
    }
    struct expr *expr = expr_column(b, item->ref, item->table, column, levels_up, location);
    if (scope->is_input && column < EXPR_SYSTEM_FIRST) {
        expr->kind = EXPR_INPUT;
        expr->index = column;
        expr->column = 0;
    }
    return expr;
}

static uint16_t
find_system_column(const struct ns_item *item, const char *name)
{
    static const struct {
        const char *name;
        uint16_t column;
    } names[] = {
        {"ctid", EXPR_SYSTEM_CTID},          {"xmin", EXPR_SYSTEM_XMIN},
        {"xmax", EXPR_SYSTEM_XMAX},          {"cmin", EXPR_SYSTEM_CMIN},
        {"cmax", EXPR_SYSTEM_CMAX},          {"tableoid", EXPR_SYSTEM_TABLEOID},
        {"kyro_offset", EXPR_SYSTEM_OFFSET},
    };
    if (item->ref == NULL || item->ref->kind != TABLE_RELATION) {
        return 0;
    }
    for (size_t i = 0; i < KY_COUNT_OF(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            return names[i].column;
        }
    }
    return 0;
}

/* How often the item has a column of this name; the first goes to *column_out. */
static int
find_in_item(const struct ns_item *item, const char *name, uint16_t *column_out)
{
    int found = 0;
    uint16_t count = item_column_count(item);
    for (uint16_t i = 0; i < count; i++) {
        const char *other = item_column_name(item, i);
        if (other != NULL && other[0] == name[0] && strcmp(other, name) == 0) {
            if (found++ == 0) {
                *column_out = i;
            }
        }
    }
    if (found == 0) {
        uint16_t system = find_system_column(item, name);
        if (system != 0) {
            *column_out = system;
            return 1;
        }
    }
    return found;
}

static bool
is_item_visible(const struct scope *scope, int index)
{
    return index >= scope->visible_from;
}

static bool
is_named(const struct binder *b, const struct ns_item *item, const char *schema, const char *name)
{
    if (item->name == NULL || strcmp(item->name, name) != 0) {
        return false;
    }
    if (schema == NULL) {
        return true;
    }
    /* schema.table names a relation that has no alias. */
    if (item->ref == NULL || item->ref->table == NULL ||
        strcmp(item->ref->table->name, name) != 0) {
        return false;
    }
    const struct cat_schema *found = cat_find_schema(b->image, ky_slice_cstr(schema));
    return found != NULL && found->oid == item->ref->table->schema;
}

const struct ns_item *
scope_find_item(struct binder *b, struct scope *scope, const char *schema, const char *name,
                uint16_t *levels_up_out)
{
    uint16_t levels_up = 0;
    for (struct scope *at = scope; at != NULL; at = at->parent, levels_up++) {
        for (int i = 0; i < at->item_count; i++) {
            const struct ns_item *item = &at->items[i];
            if (is_item_visible(at, i) && item->is_table_visible &&
                is_named(b, item, schema, name)) {
                *levels_up_out = levels_up;
                return item;
            }
        }
    }
    return NULL;
}

/* ---- guesses for the hint ---- */

enum { FUZZY_DISTANCE_MAX = 3, NAME_MAX_SIZE = 64 };

static int
edit_distance(const char *a, const char *b)
{
    size_t a_size = strnlen(a, NAME_MAX_SIZE);
    size_t b_size = strnlen(b, NAME_MAX_SIZE);
    int row[NAME_MAX_SIZE + 1];
    for (size_t j = 0; j <= b_size; j++) {
        row[j] = (int)j;
    }
    for (size_t i = 1; i <= a_size; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_size; j++) {
            int above = row[j];
            int best = KY_MIN(row[j - 1], above) + 1;
            row[j] = KY_MIN(best, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_size];
}

struct guess {
    int distance;
    const struct ns_item *first, *second, *exact;
    const char *first_name, *second_name;
};

static void
guess_column(struct guess *guess, int penalty, const struct ns_item *item, const char *actual,
             const char *wanted)
{
    if (penalty > guess->distance) {
        return;
    }
    int distance = edit_distance(actual, wanted);
    if (distance > (int)strlen(wanted) / 2) {
        return;
    }
    distance += penalty;
    if (distance < guess->distance) {
        guess->distance = distance;
        guess->first = item;
        guess->first_name = actual;
        guess->second = NULL;
    } else if (distance == guess->distance) {
        if (guess->second != NULL) {
            guess->first = guess->second = NULL;
            guess->distance = distance - 1;
        } else if (guess->first != NULL) {
            guess->second = item;
            guess->second_name = actual;
        } else if (distance <= FUZZY_DISTANCE_MAX) {
            guess->first = item;
            guess->first_name = actual;
        }
    }
}

static KY_COLD ky_status
error_missing_column(struct binder *b, struct scope *scope, const char *table, const char *name,
                     int location)
{
    if (table != NULL) {
        (void)bind_error(b, location, KY_UNDEFINED_COLUMN, "column %s.%s does not exist", table,
                         name);
    } else {
        (void)bind_error(b, location, KY_UNDEFINED_COLUMN, "column \"%s\" does not exist", name);
    }
    struct guess guess = {.distance = FUZZY_DISTANCE_MAX + 1};
    for (struct scope *at = scope; at != NULL; at = at->parent) {
        for (int i = 0; i < at->item_count; i++) {
            const struct ns_item *item = &at->items[i];
            if (item->ref == NULL) {
                continue;
            }
            int penalty = 0;
            if (table != NULL && item->name != NULL) {
                penalty = edit_distance(item->name, table);
                penalty = KY_MIN(penalty, FUZZY_DISTANCE_MAX + 1);
            }
            for (uint16_t c = 0; c < item->ref->column_count; c++) {
                const char *actual = item->ref->columns[c].name;
                if (actual != NULL && strcmp(actual, name) == 0 && table == NULL) {
                    guess.exact = item;
                } else if (actual != NULL) {
                    guess_column(&guess, penalty, item, actual, name);
                }
            }
        }
    }
    if (guess.exact != NULL && guess.exact->name != NULL) {
        return ky_error_hint(b->err,
                             "There is a column named \"%s\" in table \"%s\", but it cannot be "
                             "referenced from this part of the query.",
                             name, guess.exact->name);
    }
    if (guess.second != NULL && guess.first->name != NULL && guess.second->name != NULL) {
        return ky_error_hint(
            b->err, "Perhaps you meant to reference the column \"%s.%s\" or the column \"%s.%s\".",
            guess.first->name, guess.first_name, guess.second->name, guess.second_name);
    }
    if (guess.first != NULL && guess.first->name != NULL) {
        return ky_error_hint(b->err, "Perhaps you meant to reference the column \"%s.%s\".",
                             guess.first->name, guess.first_name);
    }
    return KY_ERR;
}

ky_status
error_missing_table(struct binder *b, struct scope *scope, const char *name, int location)
{
    for (struct scope *at = scope; at != NULL; at = at->parent) {
        for (int i = 0; i < at->item_count; i++) {
            const struct ns_item *item = &at->items[i];
            if (item->name != NULL && strcmp(item->name, name) == 0) {
                (void)bind_error(b, location, KY_UNDEFINED_TABLE,
                                 "invalid reference to FROM-clause entry for table \"%s\"", name);
                return ky_error_hint(b->err,
                                     "There is an entry for table \"%s\", but it cannot be "
                                     "referenced from this part of the query.",
                                     name);
            }
            if (item->ref != NULL && item->ref->table != NULL && item->name != NULL &&
                strcmp(item->ref->table->name, name) == 0 && is_item_visible(at, i)) {
                (void)bind_error(b, location, KY_UNDEFINED_TABLE,
                                 "invalid reference to FROM-clause entry for table \"%s\"", name);
                return ky_error_hint(
                    b->err, "Perhaps you meant to reference the table alias \"%s\".", item->name);
            }
        }
    }
    return bind_error(b, location, KY_UNDEFINED_TABLE, "missing FROM-clause entry for table \"%s\"",
                      name);
}

/* ---- column references ---- */

static ky_status
check_lateral(struct binder *b, const struct ns_item *item, int location)
{
    if (item->can_lateral) {
        return KY_OK;
    }
    (void)bind_error(b, location, KY_INVALID_COLUMN_REFERENCE,
                     "invalid reference to FROM-clause entry for table \"%s\"",
                     item->name == NULL ? "" : item->name);
    return ky_error_detail(
        b->err, "The combining JOIN type must be INNER or LEFT for a LATERAL reference.");
}

static ky_status
check_system_column(struct binder *b, const struct scope *scope, uint16_t column, const char *name,
                    int location)
{
    if (scope->clause == CLAUSE_MERGE_WHEN && column >= EXPR_SYSTEM_FIRST &&
        column != EXPR_SYSTEM_TABLEOID) {
        return bind_error(b, location, KY_INVALID_COLUMN_REFERENCE,
                          "cannot use system column \"%s\" in MERGE WHEN condition", name);
    }
    return KY_OK;
}

ky_status
scope_find_column(struct binder *b, struct scope *scope, const char *name, int location,
                  struct expr **out)
{
    *out = NULL;
    uint16_t levels_up = 0;
    for (struct scope *at = scope; at != NULL && *out == NULL; at = at->parent, levels_up++) {
        for (int i = 0; i < at->item_count; i++) {
            const struct ns_item *item = &at->items[i];
            uint16_t column = 0;
            int found = is_item_visible(at, i) && item->are_columns_visible
                            ? find_in_item(item, name, &column)
                            : 0;
            if (found == 0) {
                continue;
            }
            if (found > 1 || *out != NULL) {
                return bind_error(b, location, KY_AMBIGUOUS_COLUMN,
                                  "column reference \"%s\" is ambiguous", name);
            }
            KY_TRY(check_lateral(b, item, location));
            KY_TRY(check_system_column(b, scope, column, name, location));
            *out = item_column(b, at, item, column, levels_up, location);
        }
        if (*out == NULL && at->distance != NULL && levels_up == 0 &&
            (strcmp(name, "dist") == 0 || strcmp(name, "distance") == 0)) {
            *out = at->distance;
        }
    }
    return KY_OK;
}

static ky_status
find_qualified_column(struct binder *b, struct scope *scope, const char *schema, const char *table,
                      const char *name, int location, struct expr **out)
{
    uint16_t levels_up;
    const struct ns_item *item = scope_find_item(b, scope, schema, table, &levels_up);
    if (item == NULL) {
        return error_missing_table(b, scope, table, location);
    }
    KY_TRY(check_lateral(b, item, location));
    uint16_t column = 0;
    int found = find_in_item(item, name, &column);
    if (found == 0) {
        return error_missing_column(b, scope, table, name, location);
    }
    if (found > 1) {
        return bind_error(b, location, KY_AMBIGUOUS_COLUMN, "column reference \"%s\" is ambiguous",
                          name);
    }
    KY_TRY(check_system_column(b, scope, column, name, location));
    struct scope *at = scope;
    for (uint16_t i = 0; i < levels_up; i++) {
        at = at->parent;
    }
    *out = item_column(b, at, item, column, levels_up, location);
    return KY_OK;
}

ky_status
item_whole_row(struct binder *b, const struct scope *scope, const struct ns_item *item,
               uint16_t levels_up, int location, struct expr **out)
{
    if (item->ref != NULL && item->ref->kind == TABLE_RELATION && !scope->is_input) {
        *out = expr_column(b, item->ref, item->table, EXPR_SYSTEM_WHOLE_ROW, levels_up, location);
        return KY_OK;
    }
    uint16_t count = item_column_count(item);
    struct expr *row = expr_new(b, EXPR_ROW, type_get(OID_RECORD), location);
    row->args = ky_arena_array(b->arena, struct expr *, count);
    const char **names = ky_arena_array(b->arena, const char *, (size_t)count + 1);
    row->field_names = names;
    for (uint16_t i = 0; i < count; i++) {
        if (item_column_name(item, i) != NULL) {
            names[row->arg_count] = item_column_name(item, i);
            row->args[row->arg_count++] = item_column(b, scope, item, i, levels_up, location);
        }
    }
    /* A function's one column is the row: SELECT x FROM generate_series(1, 3) x. */
    if (row->arg_count == 1 && item->ref != NULL && item->ref->kind == TABLE_FUNCTION) {
        *out = row->args[0];
        return KY_OK;
    }
    *out = row;
    return KY_OK;
}

static ky_status
resolve_column_ref(struct binder *b, struct scope *scope, const struct ast_column_ref *node,
                   struct expr **out)
{
    const struct ast_list *names = node->names;
    int location = node->node.location;
    if (ast_list_get(names, names->count - 1)->kind == AST_STAR) {
        if (names->count == 1) {
            return bind_error(b, location, KY_SYNTAX_ERROR,
                              "row expansion via \"*\" is not "
                              "supported here");
        }
        uint16_t levels_up;
        const char *table = ast_list_text(names, names->count - 2);
        const char *schema = names->count > 2 ? ast_list_text(names, names->count - 3) : NULL;
        const struct ns_item *item = scope_find_item(b, scope, schema, table, &levels_up);
        if (item == NULL) {
            return error_missing_table(b, scope, table, location);
        }
        return item_whole_row(b, scope, item, levels_up, location, out);
    }
    const char *name = ast_name_last(names);
    if (scope->clause == CLAUSE_DEFAULT) {
        return bind_error(b, location, KY_FEATURE_NOT_SUPPORTED,
                          "cannot use column reference in DEFAULT expression");
    }
    switch (names->count) {
    case 1: {
        KY_TRY(scope_find_column(b, scope, name, location, out));
        if (*out != NULL) {
            return KY_OK;
        }
        uint16_t levels_up;
        const struct ns_item *item = scope_find_item(b, scope, NULL, name, &levels_up);
        if (item != NULL) {
            return item_whole_row(b, scope, item, levels_up, location, out);
        }
        return error_missing_column(b, scope, NULL, name, location);
    }
    case 2:
        return find_qualified_column(b, scope, NULL, ast_list_text(names, 0), name, location, out);
    case 3:
        return find_qualified_column(b, scope, ast_list_text(names, 0), ast_list_text(names, 1),
                                     name, location, out);
    case 4:
        return find_qualified_column(b, scope, ast_list_text(names, 1), ast_list_text(names, 2),
                                     name, location, out);
    default:
        return bind_error(b, location, KY_SYNTAX_ERROR,
                          "improper qualified name (too many dotted names)");
    }
}

ky_status
bind_variable(struct binder *b, const struct ast_list *names, bool is_only, int location,
              struct expr **out)
{
    struct bind_context *context = b->context;
    const char *parts[3];
    int32_t count = names->count;
    *out = NULL;
    if (ast_list_get(names, count - 1)->kind == AST_STAR) {
        count--;
    }
    if (context->variables == NULL || count < 1 || count > 3) {
        return KY_OK;
    }
    for (int32_t i = 0; i < count; i++) {
        parts[i] = ast_list_text(names, i);
    }
    struct bind_variable found = {0};
    if (context->variables->find(context->variables, context, parts, count, is_only, &found,
                                 b->err) != KY_OK) {
        return b->err->sqlstate == KY_UNDEFINED_COLUMN ? bind_error_at(b, location) : KY_ERR;
    }
    if (found.count == 0 && !found.is_row) {
        return KY_OK;
    }
    struct expr *row = expr_new(b, EXPR_ROW, type_get(OID_RECORD), location);
    row->args = ky_arena_array(b->arena, struct expr *, found.count + 1U);
    row->arg_count = found.count;
    row->field_names = found.names;
    for (uint16_t i = 0; i < found.count; i++) {
        row->args[i] =
            expr_new(b, EXPR_PARAM, type_get(context->param_types[found.params[i] - 1]), location);
        row->args[i]->index = found.params[i];
    }
    *out = found.is_row ? row : row->args[0];
    return KY_OK;
}

/* A column, or a variable of the program around the query, or neither. */
static ky_status
resolve_with_variables(struct binder *b, struct scope *scope, const struct ast_column_ref *node,
                       struct expr **out)
{
    const struct bind_variables *variables = b->context->variables;
    struct expr *variable = NULL;
    const int location = node->node.location;
    if (variables->conflict == BIND_USE_VARIABLE) {
        KY_TRY(bind_variable(b, node->names, false, location, &variable));
        *out = variable;
        if (variable != NULL) {
            return KY_OK;
        }
    }
    const ky_status status = resolve_column_ref(b, scope, node, out);
    if (status != KY_OK && b->err->sqlstate != KY_UNDEFINED_COLUMN &&
        b->err->sqlstate != KY_UNDEFINED_TABLE) {
        return KY_ERR;
    }
    if (variables->conflict == BIND_USE_COLUMN && status == KY_OK) {
        return KY_OK;
    }
    const struct ky_error unknown = *b->err;
    ky_error_init(b->err);
    KY_TRY(bind_variable(b, node->names, status != KY_OK, location, &variable));
    if (variable == NULL) {
        *b->err = unknown;
        return status;
    }
    *out = status == KY_OK ? *out : variable;
    if (status == KY_OK) {
        char name[3 * KY_ERROR_NAME_SIZE] = "";
        for (int32_t i = 0; i < KY_MIN(node->names->count, 3); i++) {
            const size_t size = strlen(name);
            (void)snprintf(name + size, sizeof(name) - size, "%s%s", i == 0 ? "" : ".",
                           ast_list_text(node->names, i));
        }
        (void)bind_error(b, location, KY_AMBIGUOUS_COLUMN, "column reference \"%s\" is ambiguous",
                         name);
        return ky_error_detail(b->err,
                               "It could refer to either a PL/pgSQL variable or a table column.");
    }
    return KY_OK;
}

ky_status
bind_column_ref(struct binder *b, struct scope *scope, const struct ast_column_ref *node,
                struct expr **out)
{
    if (b->context->variables != NULL) {
        KY_TRY(resolve_with_variables(b, scope, node, out));
    } else {
        KY_TRY(resolve_column_ref(b, scope, node, out));
    }
    if (b->context->watch != NULL) {
        watch_column(b, scope, node, *out);
    }
    return KY_OK;
}
