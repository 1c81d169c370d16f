/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/metric.h"
#include "server/session/after.h"
#include "server/session/cursor.h"
#include "server/session/notify.h"
#include "server/session/plpgsql/plpgsql.h"
#include "server/session/session_private.h"
#include "server/types/datetime.h"

/*
 * The transaction block: BEGIN to COMMIT, savepoints, the failed state. A statement outside a
 * block runs in an implicit transaction that the caller commits (end of a simple query, Sync).
 */

KY_METRIC(commits, "kyrodb_transactions_total", "outcome=\"commit\"", KY_COUNTER,
          "Transactions ended, by outcome.")
KY_METRIC(rollbacks, "kyrodb_transactions_total", "outcome=\"rollback\"", KY_COUNTER,
          "Transactions ended, by outcome.")
KY_METRIC(commit_seconds, "kyrodb_commit_seconds", NULL, KY_HISTOGRAM,
          "Time from submitting a commit that wrote to its being durable and visible.")

static enum isolation
isolation_of(const char *level)
{
    if (strcmp(level, "serializable") == 0) {
        return ISOLATION_SERIALIZABLE;
    }
    return strcmp(level, "repeatable read") == 0 ? ISOLATION_REPEATABLE_READ
                                                 : ISOLATION_READ_COMMITTED;
}

ky_status
transaction_ensure(struct session *session, struct ky_error *err)
{
    (void)err;
    if (session->txn != NULL) {
        return KY_OK;
    }
    const int64_t now_us = session->clock_us; /* as in PostgreSQL, when the message came */
    atomic_store_explicit(&session->transaction_us, now_us, memory_order_relaxed);
    session->transaction_start_us = now_us - DATETIME_UNIX_TO_2000_US;
    if (!session->is_block) {
        session->isolation =
            isolation_of(settings_text(&session->settings, SETTING_DEFAULT_TRANSACTION_ISOLATION));
        session->is_read_only =
            settings_bool(&session->settings, SETTING_DEFAULT_TRANSACTION_READ_ONLY);
    }
    session->txn = access_begin(server_access(session->server), session->isolation);
    txn_set_pid(access_storage_txn(session->txn), session->pid);
    if (session->lock_owner != NULL) {
        txn_set_lock_owner(access_storage_txn(session->txn), session->lock_owner);
    }
    return KY_OK;
}

/* What belongs to the transaction besides its writes. */
static void
forget_transaction(struct session *session)
{
    after_forget(session);
    session->is_committing = session->is_past_holding = false;
    session->has_cursors = session->has_queried = false;
    session->savepoint_count = 0;
    session->has_catalog_changes = false;
    atomic_store_explicit(&session->transaction_us, 0, memory_order_relaxed);
}

/* Cursors that are held, or were declared before so many savepoints, stay; so does a program that
 * ends a transaction or goes back to a savepoint. */
static void
close_portals(struct session *session, size_t savepoint_count)
{
    size_t cursor = 0;
    struct portal *portal;
    while ((portal = session_next_portal(session, &cursor)) != NULL) {
        if (cursor_is_held(portal) || plpgsql_is_inside(portal) ||
            (portal->is_cursor && portal->savepoint_count < savepoint_count)) {
            continue;
        }
        session_remove_portal(session, portal);
        cursor = 0;
    }
}

void
transaction_rollback(struct session *session)
{
    ddl_build_stop(session);
    notify_abort(session);
    after_forget(session);
    close_portals(session, 0);
    if (session->txn != NULL) {
        access_rollback(session->txn);
        session->txn = NULL;
        ky_metric_add(&rollbacks, 1);
    }
    settings_rollback(&session->settings, 0);
    session_apply_role(session);
    forget_transaction(session);
    session->is_block = false;
    session->is_failed = false;
}

void
transaction_fail(struct session *session)
{
    if (!session->is_block) {
        transaction_rollback(session);
        return;
    }
    ddl_build_stop(session);
    session->is_failed = true;
    after_stop(session);
    if (session->savepoint_count == 0) {
        notify_abort(session);
        after_forget(session);
        close_portals(session, 0);
        if (session->txn != NULL) {
            access_rollback(session->txn);
            session->txn = NULL;
            ky_metric_add(&rollbacks, 1);
        }
        settings_rollback(&session->settings, 0);
        session_apply_role(session);
        session->has_catalog_changes = false;
        return;
    }
    struct session_savepoint *last = &session->savepoints[session->savepoint_count - 1];
    close_portals(session, session->savepoint_count);
    access_savepoint_rollback(session->txn, &last->access, false);
    after_mark_rollback(session_after_queue(session), &last->after);
    notify_rewind(session, &last->notify);
    settings_rollback(&session->settings, last->settings_mark);
    session_apply_role(session);
    session->has_catalog_changes = last->had_catalog_changes;
}

/* ------------------------------------------------------------------ commit */

/* A catalog change ends under the catalog's lock: not for this thread to take while it has one. */
static enum txn_sync
sync_of(struct session *session)
{
    const char *setting = settings_text(&session->settings, SETTING_SYNCHRONOUS_COMMIT);
    if (strcmp(setting, "off") == 0) {
        return TXN_ASYNC;
    }
    return session->is_alone && !session->has_catalog_changes ? TXN_SYNC_HERE : TXN_SYNC;
}

/* The log writer's thread, or ours inside access_commit. */
static void
commit_done(void *arg, ky_status status, const struct txn_result *result,
            const struct ky_error *err)
{
    struct session *session = arg;
    session->commit_status = status;
    if (status != KY_OK) {
        if (session->commit_error == NULL) {
            session->commit_error = ky_malloc(sizeof(*session->commit_error));
        }
        *session->commit_error = *err;
    } else {
        session->last_result = *result;
    }
    if (session->is_commit_with_catalog) {
        catalog_change_end(server_catalog(session->server), status == KY_OK ? result->lsn : 0);
    }
    /* From COMMIT_DONE on the session's thread may go on, end and close, woken by something else:
     * session_close waits until this callback is through. */
    (void)atomic_fetch_add_explicit(&session->callbacks, 1, memory_order_relaxed);
    /* acq_rel: publishes the fields above; the session's thread reads them after COMMIT_DONE. */
    int before =
        atomic_exchange_explicit(&session->commit_state, COMMIT_DONE, memory_order_acq_rel);
    if (before == COMMIT_WAITING) {
        session->hooks.wake(session->hooks.arg);
    }
    /* release: the last touch. */
    (void)atomic_fetch_sub_explicit(&session->callbacks, 1, memory_order_release);
}

static void
settle_done(void *arg)
{
    struct session *session = arg;
    atomic_store_explicit(&session->is_settling, false, memory_order_release);
    session->hooks.wake(session->hooks.arg);
    /* release: the last touch. */
    (void)atomic_fetch_sub_explicit(&session->callbacks, 1, memory_order_release);
}

bool
transaction_is_settled(struct session *session)
{
    if (session->txn == NULL) {
        return true;
    }
    if (atomic_load_explicit(&session->is_settling, memory_order_acquire)) {
        return false;
    }
    struct txn *txn = access_storage_txn(session->txn);
    if (txn_is_settled(txn)) {
        return true;
    }
    (void)atomic_fetch_add_explicit(&session->callbacks, 1, memory_order_relaxed);
    atomic_store_explicit(&session->is_settling, true, memory_order_relaxed);
    txn_settle(txn, settle_done, session);
    return false;
}

void
transaction_commit(struct session *session, bool *is_pending_out)
{
    *is_pending_out = false;
    close_portals(session, 0);
    if (session->txn == NULL) {
        session->commit_status = KY_OK;
        session->last_result = (struct txn_result){0};
        atomic_store_explicit(&session->commit_state, COMMIT_DONE, memory_order_relaxed);
        return;
    }
    enum txn_sync sync = sync_of(session);
    struct access_txn *txn = session->txn;
    session->txn = NULL;
    session->is_commit_with_catalog = session->has_catalog_changes;
    if (session->is_commit_with_catalog) {
        catalog_change_begin(server_catalog(session->server));
    }
    session->commit_start_ns = txn_has_writes(access_storage_txn(txn)) ? ky_monotonic_ns() : 0;
    atomic_store_explicit(&session->commit_state, COMMIT_SUBMITTED, memory_order_relaxed);
    access_commit(txn, sync, commit_done, session);
    int expected = COMMIT_SUBMITTED;
    *is_pending_out =
        atomic_compare_exchange_strong_explicit(&session->commit_state, &expected, COMMIT_WAITING,
                                                memory_order_acq_rel, memory_order_acquire);
}

ky_status
transaction_finish(struct session *session, struct ky_error *err)
{
    KY_ASSERT(atomic_load_explicit(&session->commit_state, memory_order_acquire) == COMMIT_DONE);
    atomic_store_explicit(&session->commit_state, COMMIT_NONE, memory_order_relaxed);
    session->is_block = false;
    session->is_failed = false;
    if (session->commit_status != KY_OK) {
        *err = *session->commit_error;
        notify_abort(session);
        settings_rollback(&session->settings, 0);
        session_apply_role(session);
        forget_transaction(session);
        ky_metric_add(&rollbacks, 1);
        return KY_ERR;
    }
    if (session->last_result.lsn != 0) {
        ky_metric_observe_ns(&commit_seconds, ky_monotonic_ns() - session->commit_start_ns);
    }
    settings_commit(&session->settings);
    session_apply_role(session);
    notify_commit(session);
    forget_transaction(session);
    ky_metric_add(&commits, 1);
    return KY_OK;
}

/* ------------------------------------------------------------------ statements */

static const char *
option_text(const struct ast_option *option)
{
    return option->value != NULL && option->value->kind == AST_STRING
               ? ((const struct ast_string *)(const void *)option->value)->text
               : "";
}

static bool
option_bool(const struct ast_option *option)
{
    return option->value == NULL || option->value->kind != AST_CONST ||
           ((const struct ast_const *)(const void *)option->value)->boolean;
}

static ky_status
check_new_isolation(const struct session *session, struct ky_error *err)
{
    if (session->has_queried) {
        return ky_error_set(err, KY_ACTIVE_SQL_TRANSACTION,
                            "SET TRANSACTION ISOLATION LEVEL must be called before any query");
    }
    if (session->savepoint_count > 0) {
        return ky_error_set(
            err, KY_ACTIVE_SQL_TRANSACTION,
            "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction");
    }
    return KY_OK;
}

/* Outside a block the next statement would begin one by the settings. */
static ky_status
begin_as_set(struct session *session, struct ky_error *err)
{
    if (session->is_block || session->program_depth == 0) {
        return KY_OK;
    }
    session->is_block = true;
    const ky_status status = transaction_ensure(session, err);
    session->is_block = false;
    return status;
}

ky_status
transaction_modes(struct session *session, const struct ast_list *modes, bool is_session_default,
                  struct ky_error *err)
{
    for (int32_t i = 0; i < ast_list_count(modes); i++) {
        const struct ast_option *option = (const void *)ast_list_get(modes, i);
        bool is_isolation = strcmp(option->name, "transaction_isolation") == 0;
        bool is_read_only = strcmp(option->name, "transaction_read_only") == 0;
        if (is_session_default) {
            char name[64];
            (void)snprintf(name, sizeof(name), "default_%s", option->name);
            KY_TRY(settings_set(&session->settings, name,
                                is_isolation ? option_text(option)
                                             : (option_bool(option) ? "on" : "off"),
                                false, false, err));
        } else if (is_isolation) {
            const enum isolation wanted = isolation_of(option_text(option));
            if (wanted == session->isolation) {
                continue;
            }
            KY_TRY(check_new_isolation(session, err));
            session->isolation = wanted;
            if (session->txn != NULL) {
                access_rollback(session->txn);
                session->txn = NULL;
                KY_TRY(begin_as_set(session, err));
            }
        } else if (is_read_only) {
            session->is_read_only = option_bool(option);
        }
    }
    return KY_OK;
}

static ky_status
find_savepoint(struct session *session, const char *name, size_t *index_out, struct ky_error *err)
{
    for (size_t i = session->savepoint_count; i > 0; i--) {
        if (strcmp(session->savepoints[i - 1].name, name) == 0) {
            *index_out = i - 1;
            return KY_OK;
        }
    }
    return ky_error_set(err, KY_INVALID_SAVEPOINT_SPECIFICATION, "savepoint \"%s\" does not exist",
                        name);
}

static ky_status
add_savepoint(struct session *session, const char *name, struct ky_error *err)
{
    KY_TRY(transaction_ensure(session, err));
    if (session->savepoint_count == session->savepoint_capacity) {
        session->savepoint_capacity = KY_MAX(session->savepoint_capacity * 2, (size_t)4);
        session->savepoints = ky_realloc(session->savepoints, session->savepoint_capacity *
                                                                  sizeof(*session->savepoints));
    }
    struct session_savepoint *savepoint = &session->savepoints[session->savepoint_count++];
    ky_error_name(savepoint->name, name);
    access_savepoint_set(session->txn, &savepoint->access);
    after_mark_set(session_after_queue(session), &savepoint->after);
    notify_mark(session, &savepoint->notify);
    savepoint->settings_mark = settings_mark(&session->settings);
    savepoint->had_catalog_changes = session->has_catalog_changes;
    return KY_OK;
}

/* Back to where it was set; it stays. */
static void
rollback_to_index(struct session *session, size_t index)
{
    struct session_savepoint *savepoint = &session->savepoints[index];
    close_portals(session, index + 1);
    access_savepoint_rollback(session->txn, &savepoint->access, false);
    after_mark_rollback(session_after_queue(session), &savepoint->after);
    notify_rewind(session, &savepoint->notify);
    settings_rollback(&session->settings, savepoint->settings_mark);
    session_apply_role(session);
    session->has_catalog_changes = savepoint->had_catalog_changes;
    session->savepoint_count = index + 1;
}

static ky_status
rollback_to(struct session *session, const char *name, struct ky_error *err)
{
    size_t index;
    KY_TRY(find_savepoint(session, name, &index, err));
    rollback_to_index(session, index);
    session->is_failed = false;
    return KY_OK;
}

ky_status
transaction_mark(struct session *session, size_t *index_out, struct ky_error *err)
{
    *index_out = session->savepoint_count;
    return add_savepoint(session, "", err);
}

void
transaction_mark_rollback(struct session *session, size_t index)
{
    ddl_build_stop(session);
    after_stop(session);
    rollback_to_index(session, index);
    session->savepoint_count = index;
}

void
transaction_mark_release(struct session *session, size_t index)
{
    session->savepoint_count = index;
    cursor_release(session, index);
}

static ky_status
need_block(struct session *session, const char *command, struct ky_error *err)
{
    return session->is_block ? KY_OK
                             : ky_error_set(err, KY_NO_ACTIVE_SQL_TRANSACTION,
                                            "%s can only be used in transaction blocks", command);
}

static ky_status
begin_block(struct session *session, const struct ast_transaction *statement, struct ky_error *err)
{
    strcpy(session->tag, statement->type == AST_START_TRANSACTION ? "START TRANSACTION" : "BEGIN");
    if (session->is_block) {
        session_notice(session, "WARNING", KY_ACTIVE_SQL_TRANSACTION,
                       "there is already a transaction in progress");
        return transaction_modes(session, statement->modes, false, err);
    }
    KY_TRY(transaction_ensure(session, err));
    session->is_block = true;
    return transaction_modes(session, statement->modes, false, err);
}

ky_status
transaction_statement(struct session *session, const struct ast_transaction *statement,
                      bool *wants_commit_out, struct ky_error *err)
{
    size_t index;
    *wants_commit_out = false;
    switch (statement->type) {
    case AST_BEGIN:
    case AST_START_TRANSACTION:
        return begin_block(session, statement, err);
    case AST_COMMIT:
        if (!session->is_block) {
            session_notice(session, "WARNING", KY_NO_ACTIVE_SQL_TRANSACTION,
                           "there is no transaction in progress");
        }
        if (session->is_failed) {
            strcpy(session->tag, "ROLLBACK");
            transaction_rollback(session);
        } else {
            strcpy(session->tag, "COMMIT");
            *wants_commit_out = true;
        }
        break;
    case AST_ROLLBACK:
        strcpy(session->tag, "ROLLBACK");
        if (!session->is_block) {
            session_notice(session, "WARNING", KY_NO_ACTIVE_SQL_TRANSACTION,
                           "there is no transaction in progress");
        }
        transaction_rollback(session);
        break;
    case AST_SAVEPOINT:
        strcpy(session->tag, "SAVEPOINT");
        KY_TRY(need_block(session, "SAVEPOINT", err));
        return add_savepoint(session, statement->name, err);
    case AST_RELEASE:
        strcpy(session->tag, "RELEASE");
        KY_TRY(need_block(session, "RELEASE SAVEPOINT", err));
        KY_TRY(find_savepoint(session, statement->name, &index, err));
        session->savepoint_count = index;
        cursor_release(session, index);
        return KY_OK;
    case AST_ROLLBACK_TO:
        strcpy(session->tag, "ROLLBACK");
        KY_TRY(need_block(session, "ROLLBACK TO SAVEPOINT", err));
        return rollback_to(session, statement->name, err);
    case AST_PREPARE_TRANSACTION:
        (void)ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "prepared transactions are disabled");
        return ky_error_hint(err, "Set max_prepared_transactions to a nonzero value.");
    case AST_COMMIT_PREPARED:
    case AST_ROLLBACK_PREPARED:
        return ky_error_set(err, KY_UNDEFINED_OBJECT,
                            "prepared transaction with identifier \"%s\" does not exist",
                            statement->name);
    }
    if (statement->is_chain && !*wants_commit_out) {
        session->is_block = true;
    }
    session->is_chained = statement->is_chain;
    return KY_OK;
}
