/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/ddl/ddl_private.h"

/* A column of CREATE TABLE or ADD COLUMN: its type, and what makes its values. */

int16_t
ddl_column_number(const struct new_table *made, const char *name)
{
    for (uint16_t i = 0; i < made->table.column_count; i++) {
        if (!made->columns[i].is_dropped && strcmp(made->columns[i].name, name) == 0) {
            return (int16_t)(i + 1);
        }
    }
    return 0;
}

struct cat_column *
ddl_append_column(struct ddl *ddl, struct new_table *made)
{
    if (made->table.column_count == made->capacity) {
        uint16_t capacity = (uint16_t)(made->capacity * 2 + 8);
        struct cat_column *columns = ky_arena_array(ddl->arena, struct cat_column, capacity);
        if (made->table.column_count > 0) {
            memcpy(columns, made->columns, made->table.column_count * sizeof(*columns));
        }
        made->columns = columns;
        made->capacity = capacity;
    }
    struct cat_column *column = &made->columns[made->table.column_count++];
    *column = (struct cat_column){
        .number = (int16_t)made->table.column_count, .typmod = -1, .missing = datum_null()};
    made->table.columns = made->columns;
    return column;
}

/* serial, bigserial, smallserial: an integer type with a sequence. */
static oid_t
serial_type(const struct ast_type_name *type)
{
    const char *name = ast_name_last(type->names);
    if (type->names->count != 1) {
        return OID_NONE;
    }
    if (strcmp(name, "serial") == 0 || strcmp(name, "serial4") == 0) {
        return OID_INT4;
    }
    if (strcmp(name, "bigserial") == 0 || strcmp(name, "serial8") == 0) {
        return OID_INT8;
    }
    return strcmp(name, "smallserial") == 0 || strcmp(name, "serial2") == 0 ? OID_INT2 : OID_NONE;
}

/* nextval('schema.name'::regclass): the same sequence under any search path. */
const char *
ddl_nextval_text(struct ddl *ddl, oid_t schema_oid, const char *sequence)
{
    const struct cat_schema *schema = cat_get_schema(ddl->image, schema_oid);
    return ddl_nextval_text_of(ddl, schema == NULL ? NULL : schema->name, sequence);
}

const char *
ddl_nextval_text_of(struct ddl *ddl, const char *schema, const char *sequence)
{
    struct ky_buffer name = {0};
    struct ky_buffer text = {0};
    if (schema != NULL) {
        ast_print_identifier(&name, schema);
        ky_buffer_append_byte(&name, '.');
    }
    ast_print_identifier(&name, sequence);
    ky_buffer_append_byte(&name, 0);
    ky_buffer_append_cstr(&text, "nextval(");
    ast_print_string(&text, (const char *)name.data);
    ky_buffer_append_cstr(&text, "::regclass)");
    const char *sql = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&name);
    ky_buffer_deinit(&text);
    return sql;
}

static ky_status
add_sequence(struct ddl *ddl, struct new_table *made, struct cat_column *column,
             const struct ast_list *options)
{
    KY_ASSERT(made->sequence_count < KY_COUNT_OF(made->sequences));
    struct new_sequence *sequence = &made->sequences[made->sequence_count++];
    sequence->column = column->number;
    sequence->name =
        ddl_choose_name(ddl, made->table.schema, made->table.name, column->name, "seq");
    sequence->type = column->type->oid;
    sequence->options = options;
    sequence->oid = ddl_new_oid(ddl);
    column->is_not_null = true;
    column->default_sql = ddl_nextval_text(ddl, made->table.schema, sequence->name);
    column->default_oid = ddl_new_oid(ddl);
    return KY_OK;
}

static const char *const system_columns[] = {"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"};

ky_status
ddl_new_column(struct ddl *ddl, struct new_table *made, const char *name,
               struct cat_column **column_out)
{
    if (ddl_column_number(made, name) != 0) {
        return ky_error_set(ddl->err, KY_DUPLICATE_COLUMN, "column \"%s\" specified more than once",
                            name);
    }
    if (made->table.column_count >= ROW_COLUMNS_MAX) {
        return ky_error_set(ddl->err, KY_TOO_MANY_COLUMNS, "tables can have at most %d columns",
                            ROW_COLUMNS_MAX);
    }
    for (size_t i = 0; i < KY_COUNT_OF(system_columns); i++) {
        if (strcmp(name, system_columns[i]) == 0) {
            return ky_error_set(ddl->err, KY_DUPLICATE_COLUMN,
                                "column name \"%s\" conflicts with a system column name", name);
        }
    }
    *column_out = ddl_append_column(ddl, made);
    (*column_out)->name = ky_arena_strdup(ddl->arena, name);
    return KY_OK;
}

ky_status
ddl_set_default(struct ddl *ddl, const struct new_table *made, struct cat_column *column,
                const struct ast_node *node)
{
    struct expr *expr;
    column->default_sql = NULL;
    column->default_oid = OID_NONE;
    if (node == NULL) {
        return KY_OK;
    }
    const ky_status status = bind_default(&ddl->bind, column, node, &expr, ddl->err);
    /* It may name a sequence of the statement, which is not there yet; it is bound again then. */
    const bool is_later =
        status != KY_OK && made->sequence_count > 0 && ddl->err->sqlstate == KY_UNDEFINED_TABLE;
    if (status != KY_OK && !is_later) {
        return status;
    }
    if (is_later) {
        ky_error_init(ddl->err);
    }
    const bool is_null = !is_later && expr->kind == EXPR_CONST && expr->value.is_null;
    if (is_null && column->typmod < 0 && column->domain == OID_NONE) {
        return KY_OK;
    }
    column->default_sql =
        is_null ? ky_arena_printf(ddl->arena, "NULL::%s", ddl_type_text(ddl, column->type->oid, -1))
                : ddl_default_text(ddl, column, node);
    column->default_oid = ddl_new_oid(ddl);
    return KY_OK;
}

ky_status
ddl_check_identity(struct ddl *ddl, const struct cat_column *column)
{
    const oid_t type = column->type->oid;
    return type == OID_INT2 || type == OID_INT4 || type == OID_INT8
               ? KY_OK
               : ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                              "identity column type must be smallint, integer, or bigint");
}

ky_status
ddl_add_identity(struct ddl *ddl, struct new_table *made, struct cat_column *column,
                 const struct ast_constraint *constraint)
{
    KY_TRY(ddl_check_identity(ddl, column));
    column->identity = constraint->is_always ? 'a' : 'd';
    return add_sequence(ddl, made, column, constraint->sequence_options);
}

ky_status
ddl_set_generated(struct ddl *ddl, struct new_table *made, struct cat_column *column,
                  const struct ast_node *node)
{
    struct expr *expr;
    column->generated = 's';
    KY_TRY(bind_generated(&ddl->bind, &made->table, column, node, &expr, ddl->err));
    column->default_sql = ddl_expression_text(ddl, &made->table, node, NULL);
    column->default_oid = ddl_new_oid(ddl);
    return KY_OK;
}

/* ------------------------------------------------------------------ what a definition says */

static ky_status
refuse(struct ddl *ddl, const struct new_table *made, const struct ast_column_def *definition,
       const char *what, int location)
{
    (void)ky_error_set(ddl->err, KY_SYNTAX_ERROR, "%s for column \"%s\" of table \"%s\"", what,
                       definition->name, made->table.name);
    return location < 0 ? KY_ERR : ddl_error_at(ddl, location);
}

/* What contradicts itself or is said twice. 42601. */
static ky_status
check_definition(struct ddl *ddl, const struct new_table *made,
                 const struct ast_column_def *definition, bool is_serial)
{
    static const char nullability[] = "conflicting NULL/NOT NULL declarations";
    bool has_default = false;
    bool has_identity = false;
    bool has_generated = false;
    bool is_null = false;
    bool is_not_null = false;
    for (int32_t i = 0; i < ast_list_count(definition->constraints); i++) {
        const struct ast_constraint *constraint =
            (const void *)ast_list_get(definition->constraints, i);
        const char *what = NULL;
        switch ((int)constraint->type) {
        case AST_CONSTRAINT_NULL:
            is_null = true;
            break;
        case AST_CONSTRAINT_NOT_NULL:
            is_not_null = true;
            break;
        case AST_CONSTRAINT_DEFAULT:
            what = has_default ? "multiple default values specified" : NULL;
            has_default = true;
            break;
        case AST_CONSTRAINT_IDENTITY:
            what = has_identity ? "multiple identity specifications" : NULL;
            has_identity = is_not_null = true;
            break;
        case AST_CONSTRAINT_GENERATED:
            what = has_generated ? "multiple generation clauses specified" : NULL;
            has_generated = true;
            break;
        default:
            continue;
        }
        what = what != NULL                    ? what
               : is_null && is_not_null        ? nullability
               : has_default && has_identity   ? "both default and identity specified"
               : has_default && has_generated  ? "both default and generation expression specified"
               : has_identity && has_generated ? "both identity and generation expression specified"
                                               : NULL;
        if (what != NULL) {
            return refuse(ddl, made, definition, what, constraint->node.location);
        }
    }
    if (is_serial && (has_default || is_null)) {
        return refuse(ddl, made, definition,
                      has_default ? "multiple default values specified" : nullability, -1);
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ columns */

static ky_status
add_column_constraints(struct ddl *ddl, struct new_table *made,
                       const struct ast_column_def *definition, int16_t number, bool are_rules)
{
    for (int32_t i = 0; i < ast_list_count(definition->constraints); i++) {
        const struct ast_constraint *constraint =
            (const void *)ast_list_get(definition->constraints, i);
        const bool is_rule = constraint->type == AST_CONSTRAINT_CHECK ||
                             constraint->type == AST_CONSTRAINT_GENERATED;
        if (is_rule == are_rules) {
            KY_TRY(ddl_add_constraint(ddl, made, constraint, number));
        }
    }
    return KY_OK;
}

ky_status
ddl_add_column(struct ddl *ddl, struct new_table *made, const struct ast_column_def *definition)
{
    oid_t serial = serial_type(definition->type);
    struct cat_column *column;
    KY_TRY(check_definition(ddl, made, definition, serial != OID_NONE));
    KY_TRY(ddl_new_column(ddl, made, definition->name, &column));
    oid_t type = serial;
    if (serial == OID_NONE) {
        KY_TRY(bind_type_name(&ddl->bind, definition->type, &type, &column->typmod, ddl->err));
    }
    column->type = type_find(type);
    if (serial == OID_NONE) {
        ddl_take_domain(ddl, column);
    }
    if (column->type == NULL || column->type->typtype == 'p') {
        return ky_error_set(ddl->err, KY_INVALID_TABLE_DEFINITION,
                            "column \"%s\" has pseudo-type %s", column->name,
                            column->type == NULL ? "unknown" : column->type->sql_name);
    }
    if (definition->collation != NULL && column->type->collation == OID_NONE) {
        return ky_error_set(ddl->err, KY_DATATYPE_MISMATCH,
                            "collations are not supported by type %s", column->type->sql_name);
    }
    if (serial != OID_NONE) {
        KY_TRY(add_sequence(ddl, made, column, NULL));
    }
    return add_column_constraints(ddl, made, definition, column->number, false);
}

ky_status
ddl_add_column_rules(struct ddl *ddl, struct new_table *made,
                     const struct ast_column_def *definition)
{
    return add_column_constraints(ddl, made, definition, ddl_column_number(made, definition->name),
                                  true);
}
