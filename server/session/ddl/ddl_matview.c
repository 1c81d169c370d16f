/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/session/after.h"
#include "server/session/cursor.h"
#include "server/session/ddl/ddl_private.h"
#include "server/sql/bind/walk.h"

/*
 * REFRESH MATERIALIZED VIEW. The rows go into a fresh relation, without indexes; when all are in,
 * the indexes are built over them. The old relation goes at commit, so that a refresh that does not
 * get so far leaves what there was. CONCURRENTLY takes out and puts in the rows that differ, by one
 * statement: others read the old content until it is committed.
 */

/* ------------------------------------------------------------------ CONCURRENTLY */

/* The index that says which old row a new one may be: unique, over columns, of all rows. */
static const struct cat_index *
identity_index(const struct cat_table *view)
{
    for (uint16_t i = 0; i < view->index_count; i++) {
        const struct cat_index *index = view->indexes[i];
        bool is_usable = index->is_unique && index->is_valid && !index->is_deferrable &&
                         index->predicate_sql == NULL;
        for (uint16_t k = 0; k < index->key_count; k++) {
            is_usable = is_usable && index->keys[k].column > 0;
        }
        if (is_usable) {
            return index;
        }
    }
    return NULL;
}

static void
put_columns(struct ky_buffer *text, const struct cat_table *view, const char *alias)
{
    for (uint16_t i = 0; i < view->column_count; i++) {
        ky_buffer_append_cstr(text, i == 0 ? "" : ", ");
        ky_buffer_append_cstr(text, alias);
        ast_print_identifier(text, view->columns[i].name);
    }
}

static void
put_keys(struct ky_buffer *text, const struct cat_table *view, const struct cat_index *index,
         const char *left, const char *right)
{
    for (uint16_t i = 0; i < index->key_count; i++) {
        const char *name = view->columns[index->keys[i].column - 1].name;
        ky_buffer_append_cstr(text, i == 0 ? "" : right == NULL ? ", " : " AND ");
        ky_buffer_append_cstr(text, left);
        ast_print_identifier(text, name);
        if (right != NULL) {
            ky_buffer_append_cstr(text, " OPERATOR(pg_catalog.=) ");
            ky_buffer_append_cstr(text, right);
            ast_print_identifier(text, name);
        }
    }
}

/* new_row and old_row are the same row; of new rows alike the first one is. */
static void
put_match(struct ky_buffer *text, const struct cat_table *view, const struct cat_index *index)
{
    ky_buffer_append_cstr(text, "new_row.\"?place?\" = 1 AND ");
    put_keys(text, view, index, "new_row.", "old_row.");
    ky_buffer_append_cstr(text, " AND pg_catalog.record_image_eq(ROW(");
    put_columns(text, view, "new_row.");
    ky_buffer_append_cstr(text, "), ROW(");
    put_columns(text, view, "old_row.");
    ky_buffer_append_cstr(text, "))");
}

/*
 * WITH query (a, ..) AS MATERIALIZED (view's), new_rows AS (numbered among those of one key),
 *      gone AS (DELETE of old rows that are not among the new ones)
 * INSERT INTO view SELECT new rows that are not among the old ones
 *
 * A second row of a key is never an old one, so that it meets the index.
 */
static const char *
difference_statement(struct ddl *ddl, const struct cat_table *view, const struct cat_index *index)
{
    const char *name = ddl_qualified_name(ddl, view);
    struct ky_buffer text = {0};
    ky_buffer_append_cstr(&text, "WITH query (");
    put_columns(&text, view, "");
    ky_buffer_printf(&text, ") AS MATERIALIZED (%s), new_rows AS MATERIALIZED (SELECT ",
                     view->view_sql);
    put_columns(&text, view, "");
    ky_buffer_append_cstr(&text, ", pg_catalog.row_number() OVER (PARTITION BY ");
    put_keys(&text, view, index, "", NULL);
    ky_buffer_printf(&text,
                     ") AS \"?place?\" FROM query), gone AS (DELETE FROM %s AS old_row WHERE NOT "
                     "EXISTS (SELECT FROM new_rows AS new_row WHERE ",
                     name);
    put_match(&text, view, index);
    ky_buffer_printf(&text, ")) INSERT INTO %s SELECT ", name);
    put_columns(&text, view, "");
    ky_buffer_printf(&text,
                     " FROM new_rows AS new_row WHERE NOT EXISTS (SELECT FROM %s AS old_row WHERE ",
                     name);
    put_match(&text, view, index);
    ky_buffer_append_cstr(&text, ")");
    const char *sql = ky_arena_cstr(ddl->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return sql;
}

static ky_status
check_concurrent(struct ddl *ddl, const struct ast_refresh *statement, const struct cat_table *view)
{
    if (!statement->is_concurrent) {
        return KY_OK;
    }
    if (!view->is_populated) {
        return ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                            "CONCURRENTLY cannot be used when the materialized view is not "
                            "populated");
    }
    if (statement->is_with_no_data) {
        return ky_error_set(ddl->err, KY_SYNTAX_ERROR,
                            "CONCURRENTLY and WITH NO DATA options cannot be used together");
    }
    if (identity_index(view) == NULL) {
        (void)ky_error_set(ddl->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "cannot refresh materialized view \"%s\" concurrently",
                           ddl_qualified_name(ddl, view));
        return ky_error_hint(ddl->err, "Create a unique index with no WHERE clause on one or more "
                                       "columns of the materialized view.");
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ the whole */

static ky_status lock_sources(struct ddl *ddl, const struct query *query);

struct source_walk {
    struct ddl *ddl;
    ky_status status;
};

static bool
visit_source(struct expr *expr, int level, void *self)
{
    struct source_walk *walk = self;
    if (expr->subquery != NULL && walk->status == KY_OK) {
        walk->status = lock_sources(walk->ddl, expr->subquery);
    }
    return expr_walk_children(expr, level, visit_source, self);
}

/* What the query reads stays as it was bound until the rows are read. */
static ky_status
lock_sources(struct ddl *ddl, const struct query *query)
{
    struct source_walk walk = {ddl, KY_OK};
    if (query == NULL) {
        return KY_OK;
    }
    for (uint16_t i = 0; i < query->table_count && !ddl->is_pending; i++) {
        const struct table_ref *ref = query->tables[i];
        if (ref->kind == TABLE_RELATION && ref->table != NULL && ref->table->sysview == NULL) {
            KY_TRY(ddl_lock(ddl, ref->table, LOCK_ACCESS_SHARE));
        } else if (ref->kind == TABLE_SUBQUERY) {
            KY_TRY(lock_sources(ddl, ref->subquery));
        }
    }
    for (uint16_t i = 0; i < query->cte_count && !ddl->is_pending; i++) {
        KY_TRY(lock_sources(ddl, query->ctes[i]->query));
    }
    if (!ddl->is_pending) {
        KY_TRY(lock_sources(ddl, query->left));
        KY_TRY(lock_sources(ddl, query->right));
        (void)query_walk((struct query *)(uintptr_t)query, 0, visit_source, &walk);
    }
    return walk.status;
}

static ky_status
find_view(struct ddl *ddl, const struct ast_refresh *statement, struct cat_table **view_out)
{
    KY_TRY(ddl_find(ddl, statement->relation, false, view_out));
    if (!cat_keeps_rows(*view_out)) {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                            "\"%s\" is not a table or materialized view", (*view_out)->name);
    }
    KY_TRY(ddl_check_owner(ddl, *view_out));
    return (*view_out)->kind == 'm'
               ? KY_OK
               : ky_error_set(ddl->err, KY_FEATURE_NOT_SUPPORTED,
                              "\"%s\" is not a materialized view", (*view_out)->name);
}

/* The view, locked and read anew. */
static ky_status
take_view(struct ddl *ddl, const struct ast_refresh *statement, struct cat_table **view_out)
{
    KY_TRY(find_view(ddl, statement, view_out));
    KY_TRY(ddl_lock(ddl, *view_out,
                    statement->is_concurrent ? LOCK_EXCLUSIVE : LOCK_ACCESS_EXCLUSIVE));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    KY_TRY(find_view(ddl, statement, view_out));
    KY_TRY(check_concurrent(ddl, statement, *view_out));
    return after_check_table(ddl->session, *view_out, "REFRESH MATERIALIZED VIEW", ddl->err);
}

static ky_status
empty_view(struct ddl *ddl, const struct cat_table *view)
{
    struct cat_table changed = *view;
    changed.is_populated = false;
    KY_TRY(ddl_truncate_table(ddl, &changed));
    return ddl_changed(ddl);
}

/* A fresh relation; its indexes stay behind until the rows are in. */
static ky_status
renew_view(struct ddl *ddl, const struct cat_table *view)
{
    struct cat_table changed = *view;
    changed.is_populated = true;
    changed.rel = ddl_new_oid(ddl);
    KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
    KY_TRY(storage_drop(ddl->txn, view->rel, ddl->err));
    KY_TRY(ddl_changed(ddl));
    return ddl_refresh(ddl);
}

static ky_status
refresh_whole(struct ddl *ddl, const struct cat_table *view, struct plan_source *source,
              struct query **query_out)
{
    struct query *selected = NULL;
    ddl->bind.arena = &source->plan_arena;
    KY_TRY(ddl_bind_text(ddl, view->view_sql, &selected));
    KY_TRY(lock_sources(ddl, selected));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    struct cat_image *bound_in = ddl->image;
    ddl->bind.arena = &source->plan_arena;
    KY_TRY(ddl_bind_text(ddl, view->view_sql, &selected));
    KY_TRY(renew_view(ddl, view));
    struct cat_table *bare = ky_arena_new(&source->plan_arena, struct cat_table);
    *bare = *cat_get_table(ddl->image, view->oid);
    bare->index_count = 0;
    ddl_hold_images(source, bound_in, ddl->image);
    *query_out = ddl_insert_into(&source->plan_arena, bare, selected);
    return KY_OK;
}

ky_status
ddl_refresh_begin(struct session *session, const struct ast_refresh *statement,
                  struct plan_source *source, struct ddl_refreshing *out, struct ky_error *err)
{
    struct ddl ddl;
    struct cat_table *view = NULL;
    *out = (struct ddl_refreshing){0};
    ddl_init(&ddl, session, source->sql, err);
    strcpy(session->tag, "REFRESH MATERIALIZED VIEW");
    txn_statement_begin(ddl.txn);
    const lsn_t before = txn_latest_begin(ddl.txn);
    ky_status status = ddl_refresh(&ddl);
    if (status == KY_OK) {
        status = take_view(&ddl, statement, &view);
    }
    if (status == KY_OK && !ddl.is_pending) {
        out->view = view->oid;
        if (statement->is_concurrent) {
            out->sql = difference_statement(&ddl, view, identity_index(view));
        } else if (statement->is_with_no_data) {
            status = empty_view(&ddl, view);
        } else {
            status = refresh_whole(&ddl, view, source, &out->query);
        }
    }
    txn_latest_end(ddl.txn, before);
    txn_statement_end(ddl.txn);
    out->is_pending = ddl.is_pending;
    ddl_deinit(&ddl);
    return status;
}

static ky_status
rebuild_indexes(struct ddl *ddl, oid_t oid)
{
    KY_TRY(ddl_refresh(ddl));
    struct cat_table *view = cat_get_table(ddl->image, oid);
    for (uint16_t i = 0; i < view->index_count; i++) {
        KY_TRY(ddl_rebuild_index(ddl, view->indexes[i], view));
    }
    ddl_build_start(ddl);
    return ddl_changed(ddl);
}

ky_status
ddl_refresh_end(struct session *session, oid_t view, bool *is_pending_out, struct ky_error *err)
{
    struct ddl ddl;
    ky_status status;
    ddl_init(&ddl, session, ky_slice_cstr(""), err);
    if (ddl_build_is_under_way(&ddl)) {
        status = ddl_build_finish(&ddl);
    } else {
        txn_statement_begin(ddl.txn);
        const lsn_t before = txn_latest_begin(ddl.txn);
        status = rebuild_indexes(&ddl, view);
        txn_latest_end(ddl.txn, before);
        txn_statement_end(ddl.txn);
        txn_command_increment(ddl.txn);
    }
    *is_pending_out = ddl.is_pending;
    ddl_deinit(&ddl);
    return status;
}
