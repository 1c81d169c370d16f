/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "server/session/ddl/ddl_private.h"

/*
 * CREATE and ALTER DOMAIN. A domain is kept as a user's type; columns of it have its base type and
 * name it. Whoever adds a condition reads the columns of the domain, and of those over it, under
 * locks that keep writers out.
 */

ky_status
ddl_find_domain(struct ddl *ddl, const struct ast_list *names, bool is_altering,
                const struct cat_type **type_out)
{
    const struct ast_type_name name = {.node = {.kind = AST_TYPE_NAME, .location = -1},
                                       .names = (struct ast_list *)(uintptr_t)names};
    oid_t oid;
    int32_t typmod;
    KY_TRY(bind_type_name(&ddl->bind, &name, &oid, &typmod, ddl->err));
    if (cat_get_domain(ddl->image, oid) == NULL) {
        return is_altering ? ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "%s is not a domain",
                                          ddl_shown_type(ddl, oid))
                           : ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a domain",
                                          ast_name_last(names));
    }
    return ddl_find_type(ddl, &name, type_out);
}

void
ddl_take_domain(struct ddl *ddl, struct cat_column *column)
{
    const struct cat_type *found = ddl->bind.found_domain;
    column->domain = OID_NONE;
    if (found != NULL) {
        column->type = found->domain->base;
        column->typmod = found->domain->typmod;
        column->domain = found->oid;
    }
}

/* ------------------------------------------------------------------ checks */

static struct cat_domain_check *
find_check(const struct cat_domain *domain, const char *name)
{
    for (uint16_t i = 0; i < domain->check_count; i++) {
        if (strcmp(domain->checks[i].name, name) == 0) {
            return &domain->checks[i];
        }
    }
    return NULL;
}

static const char *
check_name(struct ddl *ddl, const struct cat_type *type)
{
    const char *name = ddl_relation_name(ddl, type->name, NULL, "check");
    for (int number = 1; find_check(type->domain, name) != NULL; number++) {
        name = ddl_relation_name(ddl, type->name, NULL,
                                 ky_arena_printf(ddl->arena, "check%d", number));
    }
    return name;
}

static ky_status
add_check(struct ddl *ddl, struct cat_type *type, const struct ast_constraint *constraint)
{
    enum { CHECKS_MAX = 1000 };
    struct cat_domain *domain = type->domain;
    const struct cat_table *values = cat_domain_values(ddl->arena, domain);
    struct expr *expr;
    const char *name = constraint->name != NULL ? constraint->name : check_name(ddl, type);
    if (find_check(domain, name) != NULL) {
        return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT,
                            "constraint \"%s\" for domain \"%s\" already exists", name, type->name);
    }
    if (domain->check_count >= CHECKS_MAX) {
        return ky_error_set(ddl->err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "domains can have at most %d constraints", CHECKS_MAX);
    }
    KY_TRY(bind_row_rule(&ddl->bind, values, BIND_CHECK, constraint->expression, &expr, ddl->err));
    struct cat_domain_check *checks =
        ky_arena_array(ddl->arena, struct cat_domain_check, domain->check_count + 1U);
    if (domain->check_count > 0) {
        memcpy(checks, domain->checks, domain->check_count * sizeof(*checks));
    }
    checks[domain->check_count++] = (struct cat_domain_check){
        .oid = ddl_new_oid(ddl),
        .name = ky_arena_strdup(ddl->arena, name),
        .sql = ddl_expression_text(ddl, values, constraint->expression, type_get(OID_BOOL)),
        .is_validated = !constraint->is_not_valid};
    domain->checks = checks;
    return KY_OK;
}

/* ------------------------------------------------------------------ CREATE */

static ky_status
set_default(struct ddl *ddl, struct cat_domain *domain, const struct ast_node *node)
{
    struct expr *expr;
    domain->default_sql = NULL;
    if (node == NULL) {
        return KY_OK;
    }
    const struct cat_column *values = &cat_domain_values(ddl->arena, domain)->columns[0];
    KY_TRY(bind_default(&ddl->bind, values, node, &expr, ddl->err));
    if (expr->kind != EXPR_CONST || !expr->value.is_null) {
        domain->default_sql = ddl_default_text(ddl, values, node);
    }
    return KY_OK;
}

struct said {
    bool is_null, is_not_null, has_default;
};

static ky_status
refuse(struct ddl *ddl, enum ky_sqlstate code, const char *what, int location)
{
    (void)ky_error_set(ddl->err, code, "%s", what);
    return ddl_error_at(ddl, location);
}

static ky_status
apply(struct ddl *ddl, struct cat_type *type, const struct ast_constraint *constraint,
      struct said *said)
{
    static const char nullability[] = "conflicting NULL/NOT NULL constraints";
    const int location = constraint->node.location;
    switch (constraint->type) {
    case AST_CONSTRAINT_DEFAULT:
        if (said->has_default) {
            return refuse(ddl, KY_SYNTAX_ERROR, "multiple default expressions", -1);
        }
        said->has_default = true;
        return set_default(ddl, type->domain, constraint->expression);
    case AST_CONSTRAINT_NOT_NULL:
        said->is_not_null = type->domain->is_not_null = true;
        return said->is_null ? refuse(ddl, KY_SYNTAX_ERROR, nullability, -1) : KY_OK;
    case AST_CONSTRAINT_NULL:
        said->is_null = true;
        return said->is_not_null ? refuse(ddl, KY_SYNTAX_ERROR, nullability, -1) : KY_OK;
    case AST_CONSTRAINT_CHECK:
        return add_check(ddl, type, constraint);
    case AST_CONSTRAINT_UNIQUE:
        return refuse(ddl, KY_SYNTAX_ERROR, "unique constraints not possible for domains", -1);
    case AST_CONSTRAINT_PRIMARY_KEY:
        return refuse(ddl, KY_SYNTAX_ERROR, "primary key constraints not possible for domains", -1);
    case AST_CONSTRAINT_EXCLUDE:
        return refuse(ddl, KY_SYNTAX_ERROR, "exclusion constraints not possible for domains", -1);
    case AST_CONSTRAINT_FOREIGN_KEY:
        return refuse(ddl, KY_SYNTAX_ERROR, "foreign key constraints not possible for domains", -1);
    case AST_CONSTRAINT_IDENTITY:
    case AST_CONSTRAINT_GENERATED:
        break;
    }
    return refuse(ddl, KY_SYNTAX_ERROR, "syntax error: a domain is not generated", location);
}

static ky_status
read_base(struct ddl *ddl, const struct ast_create_domain *statement, struct cat_domain *domain)
{
    oid_t oid;
    KY_TRY(bind_type_name(&ddl->bind, statement->type, &oid, &domain->typmod, ddl->err));
    const struct cat_type *parent = ddl->bind.found_domain;
    const struct type *type = type_get(oid);
    if (type->typtype == 'p') {
        (void)ky_error_set(ddl->err, KY_DATATYPE_MISMATCH,
                           "\"%s\" is not a valid base type for a domain", type->name);
        return ddl_error_at(ddl, statement->type->node.location);
    }
    domain->base = parent != NULL ? parent->domain->base : type;
    domain->base_oid = domain->base->oid;
    if (parent != NULL) {
        domain->parent = parent->oid;
        domain->default_sql = parent->domain->default_sql;
    }
    if (statement->collation != NULL && domain->base->collation == OID_NONE) {
        return ky_error_set(ddl->err, KY_DATATYPE_MISMATCH,
                            "collations are not supported by type %s", domain->base->sql_name);
    }
    return ddl_hold_types(ddl, &type, 1);
}

ky_status
ddl_create_domain(struct ddl *ddl, const struct ast_create_domain *statement)
{
    const struct ast_range_var name = {.node = {.kind = AST_RANGE_VAR, .location = -1},
                                       .schema = ast_name_schema(statement->names),
                                       .name = ast_name_last(statement->names)};
    struct cat_domain domain = {.typmod = -1};
    struct cat_type type = {.name = name.name, .owner = ddl->session->role, .domain = &domain};
    struct said said = {false, false, false};
    strcpy(ddl->session->tag, "CREATE DOMAIN");
    KY_TRY(ddl_schema_of(ddl, &name, &type.schema));
    KY_TRY(ddl_lock_name(ddl, type.schema, type.name));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    if (ddl_is_type_name_taken(ddl, type.schema, type.name)) {
        return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT, "type \"%s\" already exists", type.name);
    }
    KY_TRY(read_base(ddl, statement, &domain));
    for (int32_t i = 0; i < ast_list_count(statement->constraints); i++) {
        KY_TRY(apply(ddl, &type, (const void *)ast_list_get(statement->constraints, i), &said));
    }
    type.oid = ddl_new_oid(ddl);
    KY_TRY(catalog_insert(ddl->txn, CAT_TYPE, &type, ddl->err));
    return ddl_changed(ddl);
}

/* ------------------------------------------------------------------ rows there are */

typedef ky_status (*visit_column)(struct ddl *ddl, const struct cat_table *table,
                                  const struct cat_column *column, const void *arg);

/* Columns of the domain and of those over it. */
static ky_status
each_column(struct ddl *ddl, oid_t domain, visit_column visit, const void *arg)
{
    for (size_t i = 0; i < ddl->image->table_count && !ddl->is_pending; i++) {
        const struct cat_table *table = ddl->image->tables[i];
        for (uint16_t k = 0; cat_keeps_rows(table) && k < table->column_count; k++) {
            const struct cat_column *column = &table->columns[k];
            if (!column->is_dropped && !ddl->is_pending &&
                cat_is_over(ddl->image, column->domain, domain)) {
                KY_TRY(visit(ddl, table, column, arg));
            }
        }
    }
    return KY_OK;
}

static ky_status
lock_column(struct ddl *ddl, const struct cat_table *table, const struct cat_column *column,
            const void *arg)
{
    (void)column;
    (void)arg;
    return ddl_lock(ddl, table, LOCK_SHARE);
}

/* A value for which the condition (of "value") is true; unpopulated views have none. */
static ky_status
has_value(struct ddl *ddl, const struct cat_table *table, const struct cat_column *column,
          const char *condition, bool *has_out)
{
    struct ky_buffer name = {0};
    struct datum one;
    *has_out = false;
    if (table->kind == 'm' && !table->is_populated) {
        return KY_OK;
    }
    ast_print_identifier(&name, column->name);
    const char *sql = ky_arena_printf(
        ddl->arena, "SELECT 1 FROM (SELECT %s AS value FROM %s) AS v WHERE %s LIMIT 1",
        ky_arena_cstr(ddl->arena, ky_buffer_slice(&name)), ddl_qualified_name(ddl, table),
        condition);
    ky_buffer_deinit(&name);
    return ddl_first_row(ddl, sql, &one, 1, has_out);
}

static ky_status
name_column(struct ddl *ddl, const struct cat_table *table, const struct cat_column *column)
{
    const struct cat_schema *schema = cat_get_schema(ddl->image, table->schema);
    ky_error_name(ddl->err->schema_name, schema == NULL ? "" : schema->name);
    ky_error_name(ddl->err->table_name, table->name);
    ky_error_name(ddl->err->column_name, column->name);
    return KY_ERR;
}

static ky_status
find_null(struct ddl *ddl, const struct cat_table *table, const struct cat_column *column,
          const void *arg)
{
    bool has_null;
    (void)arg;
    KY_TRY(has_value(ddl, table, column, "value IS NULL", &has_null));
    if (!has_null) {
        return KY_OK;
    }
    (void)ky_error_set(ddl->err, KY_NOT_NULL_VIOLATION,
                       "column \"%s\" of table \"%s\" contains null values", column->name,
                       table->name);
    return name_column(ddl, table, column);
}

static ky_status
find_violation(struct ddl *ddl, const struct cat_table *table, const struct cat_column *column,
               const void *arg)
{
    const struct cat_domain_check *check = arg;
    bool has_violation;
    KY_TRY(has_value(ddl, table, column, ky_arena_printf(ddl->arena, "NOT (%s)", check->sql),
                     &has_violation));
    if (!has_violation) {
        return KY_OK;
    }
    (void)ky_error_set(ddl->err, KY_CHECK_VIOLATION,
                       "column \"%s\" of table \"%s\" contains values that violate the new "
                       "constraint",
                       column->name, table->name);
    return name_column(ddl, table, column);
}

/* ------------------------------------------------------------------ ALTER */

static ky_status
no_constraint(struct ddl *ddl, const struct cat_type *type, const char *name)
{
    return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT,
                        "constraint \"%s\" of domain \"%s\" does not exist", name, type->name);
}

static ky_status
drop_check(struct ddl *ddl, struct cat_type *type, const struct ast_alter_command *command)
{
    struct cat_domain *domain = type->domain;
    struct cat_domain_check *found = find_check(domain, command->name);
    if (found == NULL && command->is_if_exists) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "constraint \"%s\" of domain \"%s\" does not exist, skipping", command->name,
                       type->name);
        return KY_OK;
    }
    if (found == NULL) {
        return no_constraint(ddl, type, command->name);
    }
    KY_TRY(ddl_drop_comments(ddl, found->oid, 0));
    const size_t place = (size_t)(found - domain->checks);
    memmove(found, found + 1, (domain->check_count - place - 1) * sizeof(*found));
    domain->check_count--;
    return KY_OK;
}

static ky_status
rename_check(struct ddl *ddl, struct cat_type *type, const struct ast_alter_command *command)
{
    struct cat_domain_check *found = find_check(type->domain, command->name);
    if (found == NULL) {
        return no_constraint(ddl, type, command->name);
    }
    if (find_check(type->domain, command->text) != NULL) {
        return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT,
                            "constraint \"%s\" for domain \"%s\" already exists", command->text,
                            type->name);
    }
    found->name = command->text;
    return KY_OK;
}

static ky_status
add_constraint(struct ddl *ddl, struct cat_type *type, const struct ast_alter_command *command)
{
    const struct ast_constraint *constraint = (const void *)command->definition;
    struct said said = {false, false, false};
    KY_TRY(apply(ddl, type, constraint, &said));
    const struct cat_domain_check *check = &type->domain->checks[type->domain->check_count - 1];
    return check->is_validated ? each_column(ddl, type->oid, find_violation, check) : KY_OK;
}

static ky_status
validate_check(struct ddl *ddl, struct cat_type *type, const char *name)
{
    struct cat_domain_check *found = find_check(type->domain, name);
    if (found == NULL) {
        return no_constraint(ddl, type, name);
    }
    found->is_validated = true;
    return each_column(ddl, type->oid, find_violation, found);
}

static ky_status
run_command(struct ddl *ddl, struct cat_type *type, const struct ast_alter_command *command)
{
    switch ((int)command->type) {
    case AST_COLUMN_DEFAULT:
        return set_default(ddl, type->domain, command->definition);
    case AST_SET_NOT_NULL:
        type->domain->is_not_null = true;
        return each_column(ddl, type->oid, find_null, NULL);
    case AST_DROP_NOT_NULL:
        type->domain->is_not_null = false;
        return KY_OK;
    case AST_ADD_CONSTRAINT:
        return add_constraint(ddl, type, command);
    case AST_DROP_CONSTRAINT:
        return drop_check(ddl, type, command);
    case AST_VALIDATE_CONSTRAINT:
        return validate_check(ddl, type, command->name);
    default:
        return rename_check(ddl, type, command);
    }
}

static bool
reads_rows(enum ast_alter_type command)
{
    return command == AST_SET_NOT_NULL || command == AST_ADD_CONSTRAINT ||
           command == AST_VALIDATE_CONSTRAINT;
}

ky_status
ddl_alter_domain(struct ddl *ddl, const struct ast_alter_domain *statement)
{
    const struct cat_type *found;
    strcpy(ddl->session->tag, "ALTER DOMAIN");
    KY_TRY(ddl_find_domain(ddl, statement->names, true, &found));
    KY_TRY(ddl_take_type(ddl, statement->names, LOCK_ACCESS_EXCLUSIVE, &found));
    if (found != NULL && reads_rows(statement->command->type)) {
        KY_TRY(each_column(ddl, found->oid, lock_column, NULL));
    }
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    KY_TRY(ddl_find_domain(ddl, statement->names, true, &found));
    struct cat_type type = *found;
    struct cat_domain domain = *found->domain;
    struct cat_domain_check *checks =
        ky_arena_array(ddl->arena, struct cat_domain_check, domain.check_count + 1U);
    if (domain.check_count > 0) {
        memcpy(checks, domain.checks, domain.check_count * sizeof(*checks));
    }
    domain.checks = checks;
    type.domain = &domain;
    KY_TRY(run_command(ddl, &type, statement->command));
    KY_TRY(catalog_update(ddl->txn, CAT_TYPE, &type, ddl->err));
    return ddl_changed(ddl);
}
