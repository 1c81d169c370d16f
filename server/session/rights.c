/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/rights.h"

#include "server/sql/bind/walk.h"

const char *
rights_kind_word(const struct cat_table *table)
{
    switch (table->kind) {
    case 'v':
        return "view";
    case 'm':
        return "materialized view";
    case 'S':
        return "sequence";
    default:
        return "table";
    }
}

ky_status
rights_denied(const struct cat_table *table, struct ky_error *err)
{
    return ky_error_set(err, KY_INSUFFICIENT_PRIVILEGE, "permission denied for %s %s",
                        rights_kind_word(table), table->name);
}

bool
rights_owns(const struct session *session, const struct cat_image *image, oid_t owner)
{
    return session->is_superuser || owner == session->role ||
           acl_inherits(image, session->role, owner);
}

ky_status
rights_check_table(const struct session *session, const struct cat_image *image,
                   const struct cat_table *table, acl_rights rights, bool any, struct ky_error *err)
{
    if (session->is_superuser) {
        return KY_OK;
    }
    const acl_rights has = acl_on_table(image, session->role, table, rights);
    return has == rights || (any && has != 0) ? KY_OK : rights_denied(table, err);
}

ky_status
rights_check_schema(const struct session *session, const struct cat_image *image, oid_t schema,
                    acl_rights right, struct ky_error *err)
{
    const struct cat_schema *found = cat_get_schema(image, schema);
    if (session->is_superuser || found == NULL ||
        acl_on_schema(image, session->role, found, right) == right) {
        return KY_OK;
    }
    return ky_error_set(err, KY_INSUFFICIENT_PRIVILEGE, "permission denied for schema %s",
                        found->name);
}

ky_status
rights_check_database(const struct session *session, const struct cat_image *image,
                      acl_rights right, struct ky_error *err)
{
    const struct cat_database *found = cat_find_database(image, ky_slice_cstr(session->database));
    if (session->is_superuser || found == NULL ||
        acl_on_database(image, session->role, found, right) == right) {
        return KY_OK;
    }
    return ky_error_set(err, KY_INSUFFICIENT_PRIVILEGE, "permission denied for database %s",
                        found->name);
}

/* ------------------------------------------------------------------ queries */

struct check {
    const struct cat_image *image;
    oid_t invoker; /* who runs the query: its functions, also those of views */
    struct ky_error *err;
};

/* The columns of one query's tables that its expressions read. */
struct usage {
    const struct check *check;
    const struct query *query;
    oid_t role;
    struct ky_buffer columns; /* struct used */
    bool failed;
};
struct used {
    uint16_t table;
    uint16_t column;
};

static ky_status check_query(const struct check *check, oid_t role, struct query *query);

static bool
is_change(const struct query *query)
{
    return query->kind == QUERY_INSERT || query->kind == QUERY_UPDATE ||
           query->kind == QUERY_DELETE || query->kind == QUERY_MERGE;
}

/* What is not for everybody; PUBLIC may run all others. */
static bool
is_for_superusers(const char *function)
{
    static const char *const names[] = {
        "pg_config",
        "pg_current_logfile",
        "pg_promote",
        "pg_reload_conf",
        "pg_rotate_logfile",
        "pg_stat_reset",
        "pg_stat_reset_single_table_counters",
        "pg_switch_wal",
        "pg_wal_replay_pause",
        "pg_wal_replay_resume",
    };
    for (size_t i = 0; i < KY_COUNT_OF(names); i++) {
        if (strcmp(names[i], function) == 0) {
            return true;
        }
    }
    return false;
}

static ky_status
check_function(const struct usage *usage, const struct func *func)
{
    return func == NULL || !is_for_superusers(func->name) ||
                   acl_is_superuser(usage->check->image, usage->check->invoker)
               ? KY_OK
               : ky_error_set(usage->check->err, KY_INSUFFICIENT_PRIVILEGE,
                              "permission denied for function %s", func->name);
}

static bool
collect(struct expr *expr, int level, void *self)
{
    struct usage *usage = self;
    if ((expr->kind == EXPR_FUNC || expr->kind == EXPR_SET) && level == 0 &&
        check_function(usage, expr->func) != KY_OK) {
        usage->failed = true;
        return true;
    }
    if (expr->kind == EXPR_COLUMN && expr->levels_up == level) {
        const struct used used = {expr->table, expr->column};
        ky_buffer_append(&usage->columns, &used, sizeof(used));
    }
    if (level == 0 && expr->subquery != NULL &&
        check_query(usage->check, usage->role, expr->subquery) != KY_OK) {
        usage->failed = true;
    }
    return usage->failed || expr_walk_children(expr, level, collect, self);
}

static bool
has_any_column(const struct check *check, oid_t role, const struct cat_table *table,
               acl_rights right)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].is_dropped &&
            acl_on_column(check->image, role, table, (int16_t)(i + 1), right) == right) {
            return true;
        }
    }
    return false;
}

static bool
has_every_column(const struct check *check, oid_t role, const struct cat_table *table,
                 acl_rights right)
{
    for (uint16_t i = 0; i < table->column_count; i++) {
        if (!table->columns[i].is_dropped &&
            acl_on_column(check->image, role, table, (int16_t)(i + 1), right) != right) {
            return false;
        }
    }
    return true;
}

static bool
may_read(const struct check *check, oid_t role, const struct cat_table *table, uint16_t column)
{
    if (column == EXPR_SYSTEM_ROW_ID) {
        return true; /* how a change finds its rows */
    }
    if (column == EXPR_SYSTEM_WHOLE_ROW) {
        return has_every_column(check, role, table, ACL_SELECT);
    }
    return column < table->column_count &&
           acl_on_column(check->image, role, table, (int16_t)(column + 1), ACL_SELECT) != 0;
}

/* SELECT on what is read of the table. A table that is read without any of its columns, as count(*)
 * does, needs it on one of them. */
static ky_status
check_reading(const struct usage *usage, uint16_t index, const struct cat_table *table)
{
    const struct used *used = (const void *)usage->columns.data;
    const size_t count = usage->columns.size / sizeof(*used);
    bool is_read = false;
    if (acl_on_table(usage->check->image, usage->role, table, ACL_SELECT) != 0) {
        return KY_OK;
    }
    for (size_t i = 0; i < count; i++) {
        if (used[i].table == index) {
            is_read = is_read || used[i].column != EXPR_SYSTEM_ROW_ID;
            if (!may_read(usage->check, usage->role, table, used[i].column)) {
                return rights_denied(table, usage->check->err);
            }
        }
    }
    const bool is_changed = is_change(usage->query) && index == usage->query->target_table;
    return is_read || is_changed || has_any_column(usage->check, usage->role, table, ACL_SELECT)
               ? KY_OK
               : rights_denied(table, usage->check->err);
}

static ky_status
check_column(const struct usage *usage, const struct cat_table *table, uint16_t column,
             acl_rights right)
{
    return acl_on_column(usage->check->image, usage->role, table, (int16_t)(column + 1), right) != 0
               ? KY_OK
               : rights_denied(table, usage->check->err);
}

static ky_status
check_assignments(const struct usage *usage, const struct cat_table *table,
                  const struct assignment *assignments, uint16_t count, acl_rights right)
{
    for (uint16_t i = 0; i < count; i++) {
        KY_TRY(check_column(usage, table, assignments[i].column, right));
    }
    return KY_OK;
}

static ky_status
check_deleting(const struct usage *usage, const struct cat_table *table)
{
    return acl_on_table(usage->check->image, usage->role, table, ACL_DELETE) != 0
               ? KY_OK
               : rights_denied(table, usage->check->err);
}

static ky_status
check_merge(const struct usage *usage, const struct cat_table *table)
{
    for (uint16_t i = 0; i < usage->query->merge_action_count; i++) {
        const struct merge_action *action = &usage->query->merge_actions[i];
        KY_TRY(action->kind == MERGE_DELETE ? check_deleting(usage, table) : KY_OK);
        KY_TRY(check_assignments(usage, table, action->assignments, action->assignment_count,
                                 action->kind == MERGE_INSERT ? ACL_INSERT : ACL_UPDATE));
    }
    return KY_OK;
}

/* The arbiter of ON CONFLICT is read. */
static ky_status
check_arbiter(const struct usage *usage, const struct cat_table *table)
{
    const struct cat_index *index = usage->query->conflict_index;
    for (uint16_t i = 0; index != NULL && i < index->key_count; i++) {
        if (index->keys[i].column > 0) {
            KY_TRY(check_column(usage, table, (uint16_t)(index->keys[i].column - 1), ACL_SELECT));
        }
    }
    return KY_OK;
}

static ky_status
check_change(const struct usage *usage)
{
    const struct query *query = usage->query;
    const struct cat_table *table = query->tables[query->target_table]->table;
    switch (query->kind) {
    case QUERY_INSERT:
        for (uint16_t i = 0; i < query->insert_column_count; i++) {
            KY_TRY(check_column(usage, table, query->insert_columns[i], ACL_INSERT));
        }
        if (query->insert_column_count == 0 &&
            !has_any_column(usage->check, usage->role, table, ACL_INSERT)) {
            return rights_denied(table, usage->check->err);
        }
        KY_TRY(check_arbiter(usage, table));
        return check_assignments(usage, table, query->assignments, query->assignment_count,
                                 ACL_UPDATE);
    case QUERY_UPDATE:
        return check_assignments(usage, table, query->assignments, query->assignment_count,
                                 ACL_UPDATE);
    case QUERY_DELETE:
        return check_deleting(usage, table);
    case QUERY_MERGE:
        return check_merge(usage, table);
    case QUERY_SELECT:
    case QUERY_VALUES:
    case QUERY_SET_OPERATION:
        break;
    }
    return KY_OK;
}

static ky_status
check_locking(const struct usage *usage, const struct table_ref *ref)
{
    return !(ref->has_lock || ref->is_view_locked) ||
                   has_any_column(usage->check, usage->role, ref->table, ACL_UPDATE)
               ? KY_OK
               : rights_denied(ref->table, usage->check->err);
}

static ky_status
check_tables(const struct usage *usage)
{
    for (uint16_t i = 0; i < usage->query->table_count; i++) {
        const struct table_ref *ref = usage->query->tables[i];
        if (ref->table != NULL && (ref->kind == TABLE_RELATION || ref->kind == TABLE_SUBQUERY)) {
            KY_TRY(check_reading(usage, i, ref->table));
            KY_TRY(check_locking(usage, ref));
            if (ref->vector_query != NULL && !may_read(usage->check, usage->role, ref->table,
                                                       ref->vector_query->vector_column)) {
                return rights_denied(ref->table, usage->check->err);
            }
        }
        if (ref->kind == TABLE_SUBQUERY) {
            const oid_t role = ref->table != NULL ? ref->table->owner : usage->role;
            KY_TRY(check_query(usage->check, role, ref->subquery));
        }
    }
    return KY_OK;
}

static ky_status
check_parts(const struct check *check, oid_t role, const struct query *query)
{
    for (uint16_t i = 0; i < query->cte_count; i++) {
        const struct cte *cte = query->ctes[i];
        if (cte->reference_count > 0 || is_change(cte->query)) { /* else it is never run */
            KY_TRY(check_query(check, role, cte->query));
        }
    }
    KY_TRY(query->left == NULL ? KY_OK : check_query(check, role, query->left));
    KY_TRY(query->right == NULL ? KY_OK : check_query(check, role, query->right));
    return query->source == NULL ? KY_OK : check_query(check, role, query->source);
}

static ky_status
check_query(const struct check *check, oid_t role, struct query *query)
{
    struct usage usage = {.check = check, .query = query, .role = role};
    (void)query_walk(query, 0, collect, &usage);
    ky_status status = usage.failed ? KY_ERR : check_tables(&usage);
    if (status == KY_OK && is_change(query)) {
        status = check_change(&usage);
    }
    ky_buffer_deinit(&usage.columns);
    KY_TRY(status);
    return check_parts(check, role, query);
}

ky_status
rights_check_query(const struct cat_image *image, oid_t role, struct query *query,
                   struct ky_error *err)
{
    const struct check check = {image, role, err};
    return check_query(&check, role, query);
}
