/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/utility.h"

#include "server/base/assert.h"
#include "server/session/notify.h"
#include "server/session/plpgsql/plpgsql.h"
#include "server/session/rights.h"

/*
 * Statements that are not plans. Each handler either finishes, or takes what it must wait for
 * first and is called again from its beginning.
 */

/* ------------------------------------------------------------------ results without a plan */

void
utility_emit(struct session *session, struct result_sink *sink, const struct result_column *columns,
             uint16_t column_count, const struct datum *values, uint32_t row_count)
{
    const struct type **types =
        ky_arena_array(&session->arena, const struct type *, column_count + 1U);
    for (uint16_t i = 0; i < column_count; i++) {
        types[i] = columns[i].type;
    }
    struct batch batch;
    for (uint32_t first = 0; first < row_count; first += BATCH_SIZE_MAX) {
        uint32_t count = KY_MIN(row_count - first, (uint32_t)BATCH_SIZE_MAX);
        batch_init(&batch, types, column_count, count, &session->arena);
        batch.count = count;
        for (uint32_t row = 0; row < count; row++) {
            for (uint16_t i = 0; i < column_count; i++) {
                column_set(&batch.columns[i], row,
                           values[(size_t)(first + row) * column_count + i]);
            }
        }
        session->types.arena = &session->arena;
        /* These results are small: a full sink only means that it holds them a little longer. */
        (void)sink->rows(sink, columns, column_count, &batch, &session->types);
    }
}

/* Describe's columns, made of text. */
static void
describe_columns(struct plan_source *source, const char *const *names, uint16_t count)
{
    source->columns = ky_arena_array(&source->plan_arena, struct result_column, count);
    source->column_count = count;
    source->has_rows = true;
    for (uint16_t i = 0; i < count; i++) {
        source->columns[i] =
            (struct result_column){.name = names[i], .type = type_get(OID_TEXT), .typmod = -1};
    }
}

void
utility_send_columns(struct portal *portal, struct result_sink *sink)
{
    portal_make_columns(portal);
    if (portal->wants_columns) {
        sink->columns(sink, portal->columns, portal->column_count);
    }
}

static const char *
show_label(const char *name)
{
    int setting = setting_find(name);
    return setting >= 0 ? setting_info(setting)->name : name;
}

ky_status
utility_describe(struct session *session, struct plan_source *source, struct ky_error *err)
{
    static const char *const show_all[] = {"name", "setting", "description"};
    static const char *const query_plan[] = {"QUERY PLAN"};
    const struct ast_node *tree = source->tree;
    source->has_rows = false;
    source->column_count = 0;
    switch ((int)tree->kind) {
    case AST_SHOW: {
        const char *name = show_label(((const struct ast_show *)(const void *)tree)->name);
        bool is_all = strcmp(name, "all") == 0;
        describe_columns(source, is_all ? show_all : &name, is_all ? 3 : 1);
        break;
    }
    case AST_EXPLAIN:
        describe_columns(source, query_plan, 1);
        if (utility_explain_is_json((const void *)tree)) {
            source->columns[0].type = type_get(OID_JSON);
        }
        break;
    case AST_EXECUTE: {
        const struct ast_execute *execute = (const void *)tree;
        struct prepared *prepared = session_find_prepared(session, execute->name, err);
        if (prepared == NULL || prepared_analyze(session, &prepared->source, err) != KY_OK) {
            return KY_ERR;
        }
        source->columns = prepared->source.columns;
        source->column_count = prepared->source.column_count;
        source->has_rows = prepared->source.has_rows;
        break;
    }
    case AST_FETCH: {
        const struct ast_fetch *fetch = (const void *)tree;
        const struct portal *cursor = session_find_portal(session, fetch->cursor);
        if (cursor != NULL && !fetch->is_move) {
            source->columns = cursor->source->columns;
            source->column_count = cursor->source->column_count;
            source->has_rows = true;
        }
        break;
    }
    default:
        break;
    }
    return KY_OK;
}

struct portal *
utility_inner_portal(struct session *session, struct portal *outer, const struct ast_node *tree)
{
    struct plan_source *source = &session->inner_source;
    source_deinit(source);
    source_init(source, &outer->arena);
    source->tree = (struct ast_node *)(uintptr_t)tree;
    source->sql = outer->source->sql;
    source->own_sql = outer->source->own_sql;
    source->param_types = outer->source->param_types;
    source->param_count = outer->source->param_count;
    source->param_capacity = outer->source->param_capacity;
    source->variables = outer->source->variables;
    struct portal *portal = portal_new("", session->clock_us);
    portal->source = source;
    portal->params = outer->params;
    portal->param_count = outer->param_count;
    return portal;
}

/* ------------------------------------------------------------------ the rest */

/* Any of them is enough for the mode. */
static acl_rights
lock_rights(enum table_lock_mode mode)
{
    const acl_rights changes = ACL_UPDATE | ACL_DELETE | ACL_TRUNCATE;
    return mode == LOCK_ACCESS_SHARE    ? changes | ACL_SELECT
           : mode <= LOCK_ROW_EXCLUSIVE ? changes | ACL_INSERT
                                        : changes;
}

static ky_status
run_lock(struct session *session, const struct portal *outer, const struct ast_lock_table *lock,
         bool *is_pending_out, struct ky_error *err)
{
    struct bind_context bind;
    struct func_env env;
    struct cat_image *image;
    if (!session->is_block && session->program_depth == 0) {
        return ky_error_set(err, KY_NO_ACTIVE_SQL_TRANSACTION,
                            "LOCK TABLE can only be used in transaction blocks");
    }
    KY_TRY(session_image(session, &image, err));
    session_bind_context(session, &bind, &session->arena, image, &env, outer->source);
    bind.role = session_limited_role(session);
    ky_status status = KY_OK;
    for (int32_t i = 0; i < ast_list_count(lock->relations) && status == KY_OK; i++) {
        struct cat_table *table;
        status = bind_relation(&bind, (const void *)ast_list_get(lock->relations, i), false, &table,
                               err);
        if (status == KY_OK && (table->kind == 'm' || table->kind == 'S')) {
            (void)ky_error_set(err, KY_WRONG_OBJECT_TYPE, "cannot lock relation \"%s\"",
                               table->name);
            status = ky_error_detail(err, "This operation is not supported for %s.",
                                     table->kind == 'm' ? "materialized views" : "sequences");
        } else if (status == KY_OK) {
            status = rights_check_table(session, image, table,
                                        lock_rights((enum table_lock_mode)lock->mode), true, err);
        }
        if (status == KY_OK && table->sysview == NULL) {
            status = session_lock_table(session, table->oid, (enum table_lock_mode)lock->mode,
                                        lock->is_nowait, table->name, is_pending_out, err);
        }
        if (status == KY_OK && *is_pending_out) {
            break;
        }
    }
    cat_image_release(image);
    strcpy(session->tag, "LOCK TABLE");
    return status;
}

static ky_status
run_copy(struct session *session, struct portal *outer, const struct ast_copy *copy,
         struct result_sink *sink, enum utility_answer *answer_out, struct ky_error *err)
{
    bool is_pending = false;
    if (copy->is_from) {
        if (session->is_read_only) {
            return ky_error_set(err, KY_READ_ONLY_SQL_TRANSACTION,
                                "cannot execute COPY FROM in a read-only transaction");
        }
        KY_TRY(copy_in_begin(session, copy, outer->source->sql, sink, &is_pending, err));
        *answer_out = is_pending ? UTILITY_PENDING : UTILITY_COPY_IN;
        return KY_OK;
    }
    struct portal *portal = utility_inner_portal(session, outer, NULL);
    if (copy_out_begin(session, copy, portal->source, err) != KY_OK) {
        portal_free(session, portal);
        return KY_ERR;
    }
    session->running = portal;
    session->owned_portal = portal;
    *answer_out = UTILITY_PORTAL;
    return KY_OK;
}

/* Notifications reach listeners of a later version; until then LISTEN would only pretend. */
static ky_status
run_notify(struct session *session, const struct ast_notify *notify, struct ky_error *err)
{
    switch (notify->type) {
    case AST_NOTIFY_UNLISTEN:
        strcpy(session->tag, "UNLISTEN");
        notify_unlisten(session, notify->channel);
        return KY_OK;
    case AST_NOTIFY_NOTIFY:
        strcpy(session->tag, "NOTIFY");
        return notify_send(session, notify->channel, notify->payload == NULL ? "" : notify->payload,
                           err);
    case AST_NOTIFY_LISTEN:
        strcpy(session->tag, "LISTEN");
        return notify_listen(session, notify->channel, err);
    }
    KY_UNREACHABLE();
}

static ky_status
run_checkpoint(struct session *session, struct ky_error *err)
{
    lsn_t lsn;
    struct cat_image *image;
    KY_TRY(session_image(session, &image, err));
    const bool may = rights_owns(session, image, OID_ROLE_CHECKPOINT);
    cat_image_release(image);
    if (!may) {
        return ky_error_set(
            err, KY_INSUFFICIENT_PRIVILEGE,
            "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT");
    }
    strcpy(session->tag, "CHECKPOINT");
    return background_checkpoint(server_storage(session->server), &lsn, err);
}

ky_status
utility_change_catalog(struct session *session, const struct portal *outer, bool *is_pending_out,
                       struct ky_error *err)
{
    session->has_queried = true;
    /* Whatever the isolation, it is the newest catalog that is changed, and all rows are checked.
     */
    txn_statement_begin(access_storage_txn(session->txn));
    const lsn_t before = txn_latest_begin(access_storage_txn(session->txn));
    ky_status status =
        ddl_run(session, outer->source->tree, outer->source->sql, is_pending_out, err);
    txn_latest_end(access_storage_txn(session->txn), before);
    txn_statement_end(access_storage_txn(session->txn));
    txn_command_increment(access_storage_txn(session->txn));
    return status;
}

static ky_status
run_ddl(struct session *session, const struct portal *outer, bool *is_pending_out,
        struct ky_error *err)
{
    if (session->is_read_only) {
        return ky_error_set(err, KY_READ_ONLY_SQL_TRANSACTION,
                            "cannot execute this command in a read-only transaction");
    }
    return utility_change_catalog(session, outer, is_pending_out, err);
}

static ky_status
run_transaction(struct session *session, const struct ast_transaction *statement,
                enum utility_answer *answer_out, struct ky_error *err)
{
    bool wants_commit;
    bool is_rollback =
        statement->type == AST_ROLLBACK || (statement->type == AST_COMMIT && session->is_failed);
    /* Its answer closes what the client was told meanwhile ("UPDATE 0"): as an error's does. */
    if (is_rollback && KY_UNLIKELY(!transaction_is_settled(session))) {
        *answer_out = UTILITY_PENDING;
        return KY_OK;
    }
    KY_TRY(transaction_statement(session, statement, &wants_commit, err));
    *answer_out = wants_commit ? UTILITY_COMMIT : UTILITY_DONE;
    return KY_OK;
}

ky_status
utility_run(struct session *session, struct portal *portal, struct result_sink *sink,
            enum utility_answer *answer_out, struct ky_error *err)
{
    const struct ast_node *tree = portal->source->tree;
    bool is_pending = false;
    *answer_out = UTILITY_DONE;
    if (tree->kind == AST_TRANSACTION) {
        return run_transaction(session, (const void *)tree, answer_out, err);
    }
    if (ddl_handles(tree->kind)) {
        KY_TRY(run_ddl(session, portal, &is_pending, err));
        *answer_out = is_pending ? UTILITY_PENDING : UTILITY_DONE;
        return KY_OK;
    }
    if (portal->source->column_count == 0) {
        KY_TRY(utility_describe(session, portal->source, err));
    }
    switch ((int)tree->kind) {
    case AST_SET:
        return utility_set(session, (const void *)tree, err);
    case AST_SHOW:
        return utility_show(session, portal, (const void *)tree, sink, err);
    case AST_DISCARD:
        return utility_discard(session, (const void *)tree, err);
    case AST_EXPLAIN:
        return utility_explain(session, portal, (const void *)tree, sink, answer_out, err);
    case AST_PREPARE:
        return utility_prepare(session, portal, (const void *)tree, err);
    case AST_EXECUTE:
        KY_TRY(utility_execute(session, portal, (const void *)tree, &session->running, err));
        session->owned_portal = session->running;
        *answer_out = UTILITY_PORTAL;
        return KY_OK;
    case AST_DEALLOCATE:
        return utility_deallocate(session, (const void *)tree, err);
    case AST_DECLARE_CURSOR:
        return cursor_declare(session, portal, (const void *)tree, answer_out, err);
    case AST_FETCH:
        return cursor_fetch(session, portal, (const void *)tree, sink, answer_out, err);
    case AST_CLOSE:
        return cursor_close(session, (const void *)tree, err);
    case AST_LOCK_TABLE:
        KY_TRY(run_lock(session, portal, (const void *)tree, &is_pending, err));
        *answer_out = is_pending ? UTILITY_PENDING : UTILITY_DONE;
        return KY_OK;
    case AST_COPY:
        return run_copy(session, portal, (const void *)tree, sink, answer_out, err);
    case AST_CREATE_TABLE_AS:
        return utility_create_table_as(session, portal, (const void *)tree, answer_out, err);
    case AST_REFRESH:
        return utility_refresh(session, portal, (const void *)tree, answer_out, err);
    case AST_CHECKPOINT:
        return run_checkpoint(session, err);
    case AST_ANALYZE:
        KY_TRY(maintenance_run(session, portal, (const void *)tree, &is_pending, err));
        *answer_out = is_pending ? UTILITY_PENDING : UTILITY_DONE;
        return KY_OK;
    case AST_NOTIFY:
        return run_notify(session, (const void *)tree, err);
    case AST_DO:
        KY_TRY(plpgsql_do(session, portal, (const void *)tree, &is_pending, err));
        *answer_out = is_pending ? UTILITY_PENDING : UTILITY_DONE;
        return KY_OK;
    case AST_CALL:
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "CALL is not supported");
    case AST_UNSUPPORTED:
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "%s is not supported",
                            ((const struct ast_unsupported *)(const void *)tree)->command);
    default:
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "this statement is not supported");
    }
}

/* ------------------------------------------------------------------ implicit tables */

ky_status
implicit_table(struct session *session, const struct ast_node *statement, bool *is_pending_out,
               struct ky_error *err)
{
    bool was_made;
    *is_pending_out = false;
    if (statement->kind != AST_INSERT ||
        !settings_bool(&session->settings, SETTING_IMPLICIT_TABLES)) {
        return KY_OK;
    }
    KY_TRY(ddl_implicit_table(session, (const void *)statement, &was_made, is_pending_out, err));
    if (was_made) {
        txn_command_increment(access_storage_txn(session->txn));
    }
    return KY_OK;
}
