/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/condition.h"

/*
 * What a qual says of a key: a bound as it stands, with the value made the key's type, or what
 * follows from it (a LIKE pattern's first characters, the first column of a row comparison).
 */

const struct expr *
key_column(const struct expr *expr, const struct rel *rel)
{
    while (expr->kind == EXPR_CAST && expr->cast->method == CAST_RELABEL &&
           expr->type->storage == TYPE_BYTES && expr->args[0]->type->oid != OID_BPCHAR) {
        expr = expr->args[0];
    }
    return expr->kind == EXPR_COLUMN && expr->levels_up == 0 && expr->table == rel->table &&
                   expr->column < EXPR_SYSTEM_FIRST
               ? expr
               : NULL;
}

static bool
is_integer(const struct type *type)
{
    return type->oid == OID_INT2 || type->oid == OID_INT4 || type->oid == OID_INT8;
}

static bool
fits(const struct type *type, int64_t value)
{
    return type->oid == OID_INT8 ||
           (type->oid == OID_INT4 ? value >= INT32_MIN && value <= INT32_MAX
                                  : value >= INT16_MIN && value <= INT16_MAX);
}

static struct expr *
cast_to(struct planner *p, struct expr *value, const struct type *type)
{
    const struct cast *cast = cast_find(value->type->oid, type->oid);
    if (cast == NULL) {
        return NULL;
    }
    struct expr *expr = ky_arena_new(p->arena, struct expr);
    expr->kind = EXPR_CAST;
    expr->location = -1;
    expr->type = type;
    expr->typmod = -1;
    expr->cast = cast;
    expr->arg_count = 1;
    expr->args = ky_arena_array(p->arena, struct expr *, 1);
    expr->args[0] = value;
    return expr;
}

static struct expr *
compare(struct planner *p, const char *name, struct expr *left, struct expr *right)
{
    const struct operator* op =
        operator_exact(ky_slice_cstr(name), left->type->oid, right->type->oid);
    if (op == NULL) {
        return NULL;
    }
    struct expr *expr = ky_arena_new(p->arena, struct expr);
    expr->kind = EXPR_FUNC;
    expr->location = -1;
    expr->type = type_get(OID_BOOL);
    expr->typmod = -1;
    expr->func = op->function;
    expr->op = op;
    expr->arg_count = 2;
    expr->args = ky_arena_array(p->arena, struct expr *, 2);
    expr->args[0] = left;
    expr->args[1] = right;
    return expr;
}

/* A wider integer as a narrower key: null, which equals nothing, where it does not fit. */
static struct expr *
narrowed(struct planner *p, struct expr *value, const struct type *type)
{
    const int64_t most = type->oid == OID_INT2 ? INT16_MAX : INT32_MAX;
    struct expr *lower =
        compare(p, ">=", value, expr_new_const(p, value->type, datum_word(-most - 1)));
    struct expr *upper = compare(p, "<=", value, expr_new_const(p, value->type, datum_word(most)));
    struct expr *cast = cast_to(p, value, type);
    if (lower == NULL || upper == NULL || cast == NULL) {
        return NULL;
    }
    struct expr *expr = ky_arena_new(p->arena, struct expr);
    expr->kind = EXPR_CASE;
    expr->location = -1;
    expr->type = type;
    expr->typmod = -1;
    expr->arg_count = 3;
    expr->args = ky_arena_array(p->arena, struct expr *, 3);
    expr->args[0] = expr_and(p, lower, upper);
    expr->args[1] = cast;
    expr->args[2] = expr_new_const(p, type, datum_null());
    return expr;
}

static bool
is_plain_text(const struct type *type)
{
    return type->storage == TYPE_BYTES && type->category == 'S' && type->oid != OID_BPCHAR;
}

/* The value as the key's type, or NULL when it cannot be said in it. */
static struct expr *
as_key_type(struct planner *p, struct expr *value, const struct type *type, bool is_equality)
{
    if (value->type == type) {
        return value;
    }
    if (is_plain_text(type) && is_plain_text(value->type)) {
        return value;
    }
    if (!is_integer(type) || !is_integer(value->type)) {
        return NULL;
    }
    if (value->kind == EXPR_CONST) {
        if (!value->value.is_null && !fits(type, value->value.word)) {
            return is_equality ? expr_new_const(p, type, datum_null()) : NULL;
        }
        return expr_new_const(p, type, value->value);
    }
    if (type->disk_size < value->type->disk_size) {
        return is_equality ? narrowed(p, value, type) : NULL;
    }
    return cast_to(p, value, type);
}

char
mirrored(char strategy)
{
    return (char)(6 - strategy);
}

/* A subquery that reads nothing outside runs once, whatever it calls. */
bool
value_is_known(struct expr *value, const struct tables *outer)
{
    struct tables reads = {{0}};
    tables_of_expr(value, &reads);
    return (outer == NULL ? tables_is_empty(&reads) : tables_is_subset(&reads, outer)) &&
           (!expr_is_volatile(value) ||
            (value->kind == EXPR_SUBQUERY && value->any_test == NULL && tables_is_empty(&reads)));
}

static bool
table_has_expressions(const struct cat_table *table)
{
    for (uint16_t i = 0; i < table->index_count; i++) {
        for (uint16_t k = 0; k < table->indexes[i]->key_count; k++) {
            if (table->indexes[i]->keys[k].column == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Elements that can be compared with keys: of their type, other integers, other texts. */
static bool
holds_keys(const struct type *array, const struct type *key)
{
    const struct type *element = type_get(array->element_oid);
    return element != NULL && (element == key || (is_integer(element) && is_integer(key)) ||
                               (is_plain_text(element) && is_plain_text(key)));
}

/* Operators of another type family would order differently: the value must become the key's type.
 */
static bool
read_condition(struct level *level, struct rel *rel, struct qual *qual, const struct tables *outer,
               struct condition *out)
{
    struct expr *expr = qual->expr;
    const struct expr *column;
    const bool has_expressions = table_has_expressions(rel->ref->table);
    if (expr->kind == EXPR_ARRAY_OP && !expr->is_negated && expr->op != NULL &&
        expr->op->strategy == 3) {
        column = key_column(expr->args[0], rel);
        if (column == NULL || !value_is_known(expr->args[1], outer) ||
            !holds_keys(expr->args[1]->type, column->type)) {
            return false;
        }
        *out = (struct condition){column->column, column, 'a', expr->args[1], qual, false};
        return true;
    }
    if (expr->kind == EXPR_IS_NULL && expr->is_negated) {
        column = key_column(expr->args[0], rel);
        *out = (struct condition){
            column == NULL ? NO_COLUMN : column->column, expr->args[0], 'n', NULL, qual, false};
        return column != NULL || has_expressions;
    }
    if (expr->kind != EXPR_FUNC || expr->op == NULL || expr->op->strategy == 0 ||
        expr->arg_count != 2) {
        return false;
    }
    for (int side = 0; side < 2; side++) {
        column = key_column(expr->args[side], rel);
        struct expr *value = expr->args[1 - side];
        const bool is_expression = column == NULL && has_expressions &&
                                   expr->args[side]->kind != EXPR_CONST &&
                                   expr->args[side]->kind != EXPR_PARAM;
        if (is_expression) {
            column = expr->args[side];
        }
        if (column == NULL || !value_is_known(value, outer)) {
            continue;
        }
        value = as_key_type(level->planner, value, column->type, expr->op->strategy == 3);
        if (value == NULL) {
            continue;
        }
        char strategy = side == 0 ? expr->op->strategy : mirrored(expr->op->strategy);
        *out = (struct condition){
            is_expression ? NO_COLUMN : column->column, column, strategy, value, qual, false};
        return true;
    }
    return false;
}

/* ------------------------------------------------------------------ derived conditions */

static void
derive(struct level *level, struct quals *out, struct expr *expr)
{
    if (expr != NULL) {
        struct qual *qual = qual_new(level, expr);
        qual->selectivity = expr_selectivity(level, expr);
        quals_add(level, out, qual);
    }
}

/* (a, b) > (1, 2) needs a >= 1. */
static void
derive_from_rows(struct level *level, const struct expr *expr, struct quals *out)
{
    const uint16_t count = expr->arg_count / 2;
    const bool is_less = expr->test == '<' || expr->test == 'l';
    if (is_less || expr->test == '>' || expr->test == 'g') {
        derive(level, out,
               compare(level->planner, is_less ? "<=" : ">=", expr->args[0], expr->args[count]));
    }
}

/* What a pattern begins with before anything else may stand; bytes of valid UTF-8. */
static struct ky_slice
literal_prefix(struct ky_slice pattern)
{
    size_t size = 0;
    while (size < pattern.size && strchr("%_\\", ((const char *)pattern.data)[size]) == NULL) {
        size++;
    }
    return ky_slice(pattern.data, size);
}

static struct expr *
text_constant(struct planner *p, const struct type *type, struct ky_slice bytes, int raise)
{
    uint8_t *copy = ky_arena_alloc(p->arena, bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size - 1] = (uint8_t)(copy[bytes.size - 1] + raise);
    return expr_new_const(p, type, datum_bytes(copy, bytes.size));
}

/* t LIKE 'abc%' needs 'abc' <= t < 'abd': text is ordered by its bytes. */
static void
derive_from_like(struct level *level, const struct expr *expr, struct quals *out)
{
    struct planner *p = level->planner;
    const struct expr *pattern = expr->args[1];
    if (pattern->kind != EXPR_CONST || pattern->value.is_null ||
        !is_plain_text(expr->args[0]->type)) {
        return;
    }
    struct ky_slice prefix = literal_prefix(pattern->value.bytes);
    if (prefix.size == 0) {
        return;
    }
    derive(level, out, compare(p, ">=", expr->args[0], text_constant(p, pattern->type, prefix, 0)));
    while (prefix.size > 0 && ((const uint8_t *)prefix.data)[prefix.size - 1] >= 0x7f) {
        prefix.size--; /* no ASCII character to raise: a wider range */
    }
    if (prefix.size > 0) {
        derive(level, out,
               compare(p, "<", expr->args[0], text_constant(p, pattern->type, prefix, 1)));
    }
}

/* a = 1 OR a = 2 is a = ANY (ARRAY[1, 2]). */
static void
derive_from_or(struct level *level, const struct expr *expr, const struct rel *rel,
               struct quals *out)
{
    struct planner *p = level->planner;
    const struct expr *first = expr->args[0];
    struct expr **values = ky_arena_array(p->arena, struct expr *, expr->arg_count);
    for (uint16_t i = 0; i < expr->arg_count; i++) {
        const struct expr *part = expr->args[i];
        if (part->kind != EXPR_FUNC || part->op == NULL || part->op != first->op ||
            part->op->strategy != 3 || part->arg_count != 2 ||
            key_column(part->args[0], rel) == NULL || !expr_equal(part->args[0], first->args[0]) ||
            part->args[1]->type != first->args[1]->type) {
            return;
        }
        values[i] = part->args[1];
    }
    const struct type *type = first->args[1]->type;
    if (type->array_oid == OID_NONE) {
        return;
    }
    struct expr *array = ky_arena_new(p->arena, struct expr);
    array->kind = EXPR_ARRAY;
    array->location = -1;
    array->type = type_get(type->array_oid);
    array->typmod = -1;
    array->arg_count = expr->arg_count;
    array->args = values;
    struct expr *any = ky_arena_new(p->arena, struct expr);
    any->kind = EXPR_ARRAY_OP;
    any->location = -1;
    any->type = expr->type;
    any->typmod = -1;
    any->func = first->func;
    any->op = first->op;
    any->arg_count = 2;
    any->args = ky_arena_array(p->arena, struct expr *, 2);
    any->args[0] = first->args[0];
    any->args[1] = array;
    derive(level, out, any);
}

/* What a qual that is no bound itself needs. It stays a filter. */
static struct quals
derived_quals(struct level *level, const struct rel *rel, const struct expr *expr)
{
    struct quals out = {0};
    if (expr->kind == EXPR_ROW_COMPARE) {
        derive_from_rows(level, expr, &out);
    } else if (expr->kind == EXPR_OR) {
        derive_from_or(level, expr, rel, &out);
    } else if (expr->kind == EXPR_FUNC && expr->op != NULL && strcmp(expr->op->name, "~~") == 0 &&
               expr->arg_count == 2) {
        derive_from_like(level, expr, &out);
    }
    return out;
}

uint32_t
read_conditions(struct level *level, struct rel *rel, const struct quals *quals,
                const struct tables *outer, struct condition **conditions_out)
{
    enum { DERIVED_MAX = 2 };
    struct condition *conditions = ky_arena_array(level->planner->arena, struct condition,
                                                  (size_t)quals->count * DERIVED_MAX + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < quals->count; i++) {
        if (read_condition(level, rel, quals->list[i], outer, &conditions[count])) {
            count++;
            continue;
        }
        const struct quals derived = derived_quals(level, rel, quals->list[i]->expr);
        for (uint32_t j = 0; j < derived.count; j++) {
            if (read_condition(level, rel, derived.list[j], outer, &conditions[count])) {
                conditions[count++].is_derived = true;
            }
        }
    }
    *conditions_out = conditions;
    return count;
}
