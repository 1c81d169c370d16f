/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/drive.h"

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/metric.h"
#include "server/session/after.h"
#include "server/session/cursor.h"

/*
 * What both protocols' drivers are made of: turns, one statement, its commit. A driver runs until
 * it is done or must wait; session_resume enters it again at the same place, which the session's
 * fields remember.
 */

KY_METRIC(statements_total, "kyrodb_statements_total", NULL, KY_COUNTER, "Statements started.")
KY_METRIC(statement_errors, "kyrodb_statement_errors_total", NULL, KY_COUNTER,
          "Statements that ended with an error.")
KY_METRIC(statement_seconds, "kyrodb_statement_seconds", NULL, KY_HISTOGRAM,
          "Time from a statement's message to its answer.")

/* ------------------------------------------------------------------ turns */

void
session_run_on(struct session *session, enum session_place place, bool is_alone, int64_t now_ns)
{
    session->place = place;
    session->is_alone = is_alone;
    session->now_ns = session->visit_ns = now_ns;
    session->visit_us = ky_wall_us();
}

int64_t
session_now_ns(const struct session *session)
{
    return session->now_ns;
}

void
drive_look_at_clock(struct session *session)
{
    if (session->now_ns == 0) {
        session->begin_ns = ky_monotonic_ns();
        session->clock_us = ky_wall_us();
    } else {
        session->begin_ns = session->now_ns;
        session->clock_us = session->visit_us + (session->now_ns - session->visit_ns) / 1000;
    }
}

enum session_need
session_need(const struct session *session)
{
    return session->need;
}

bool
session_is_cancelled(const struct session *session)
{
    /* relaxed: the flag alone matters. */
    return atomic_load_explicit(&session->cancel, memory_order_relaxed) != CANCEL_NONE;
}

int64_t
session_turn_end_ns(const struct session *session)
{
    return session->turn_start_ns + (session->place == SESSION_ON_LOOP ? (int64_t)SESSION_LOOP_NS
                                                                       : (int64_t)SESSION_SHORT_NS);
}

enum session_answer
session_yield(struct session *session, enum session_need need)
{
    session->need = need;
    if (need == SESSION_NEEDS_ROOM) {
        atomic_store_explicit(&session->wait, WAIT_CLIENT_WRITE, memory_order_relaxed);
    }
    if (need == SESSION_NEEDS_SHORT_TURN || need == SESSION_NEEDS_LONG_TURN) {
        session->hooks.wake(session->hooks.arg); /* for owners that know no turns */
    }
    return SESSION_PENDING;
}

enum session_answer
session_sink_stopped(struct session *session, struct result_sink *sink, struct ky_error *err)
{
    if (!sink->has_long_row) {
        return session_yield(session, SESSION_NEEDS_ROOM);
    }
    sink->has_long_row = false;
    (void)ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED, "out of memory");
    (void)ky_error_detail(err, "A row of a result cannot be longer than %d bytes.",
                          SESSION_ROW_OUT_MAX);
    return SESSION_ERROR;
}

enum session_answer
session_yield_turn(struct session *session)
{
    session->used_ns += ky_monotonic_ns() - session->turn_start_ns;
    return session_yield(session, session->used_ns < SESSION_SHORT_NS ? SESSION_NEEDS_SHORT_TURN
                                                                      : SESSION_NEEDS_LONG_TURN);
}

/* ------------------------------------------------------------------ entering and leaving */

static void
set_activity(struct session *session, enum session_activity activity)
{
    atomic_store_explicit(&session->activity, (int)activity, memory_order_relaxed);
    atomic_store_explicit(&session->state_us, session->clock_us, memory_order_relaxed);
}

/* Only this thread writes the text: it may read it without the lock. */
static bool
is_query(const struct session *session, const char *text, size_t size) KY_NO_THREAD_SAFETY_ANALYSIS
{
    return memcmp(session->query, text, size) == 0 && session->query[size] == '\0';
}

static void
remember_query(struct session *session, struct ky_slice sql)
{
    size_t size = KY_MIN(sql.size, sizeof(session->query) - 1);
    if (is_query(session, sql.data, size)) {
        return;
    }
    ky_mutex_lock(&session->text_lock);
    memcpy(session->query, sql.data, size);
    session->query[size] = '\0';
    ky_mutex_unlock(&session->text_lock);
}

void
drive_enter(struct session *session, struct ky_slice sql, struct result_sink *sink)
{
    session->sink = sink;
    drive_look_at_clock(session);
    session->turn_start_ns = session->begin_ns;
    session->is_timed = sql.data != NULL;
    session->used_ns = 0;
    session->need = SESSION_NEEDS_WAKE;
    atomic_store_explicit(&session->statement_us, session->clock_us, memory_order_relaxed);
    atomic_store_explicit(&session->lock_wait_us, 0, memory_order_relaxed);
    atomic_store_explicit(&session->wait, WAIT_NOTHING, memory_order_relaxed);
    atomic_store_explicit(&session->cancel, CANCEL_NONE, memory_order_relaxed);
    atomic_store_explicit(&session->is_timed_out, false, memory_order_relaxed);
    set_activity(session, ACTIVITY_ACTIVE);
    if (sql.data != NULL) {
        remember_query(session, sql);
        ky_metric_add(&statements_total, 1);
    }
}

enum session_answer
drive_leave(struct session *session, enum session_answer answer)
{
    if (answer == SESSION_PENDING) {
        return answer;
    }
    session_apply_settings(session);
    if (session->sink != NULL) {
        session_report_changes(session, session->sink);
    }
    session->sink = NULL;
    if (answer != SESSION_COPY_IN) {
        session->job = JOB_NONE;
        if (session->is_timed) {
            session->is_timed = false;
            const int64_t end_ns = ky_monotonic_ns();
            ky_metric_observe_ns(&statement_seconds, end_ns - session->begin_ns);
            session->now_ns = session->now_ns == 0 ? 0 : end_ns;
        }
        set_activity(session, session->is_failed                          ? ACTIVITY_FAILED
                              : session->is_block || session->txn != NULL ? ACTIVITY_IN_TRANSACTION
                                                                          : ACTIVITY_IDLE);
    }
    return answer;
}

/* Everything that was under way ends. */
static void
end_all(struct session *session)
{
    ky_metric_add(&statement_errors, 1);
    storage_lock_cancel(&session->waiter);
    after_stop(session);
    if (session->is_committing) {
        transaction_rollback(session); /* what was deferred failed: the block ends */
    }
    copy_free(session->copy);
    session->copy = NULL;
    portal_free(session, session->owned_portal);
    session->owned_portal = NULL;
    portal_free(session, session->simple_portal);
    session->simple_portal = NULL;
    session->running = NULL;
    session->executing = NULL;
    if (session->fetch_portal != NULL) {
        portal_break(session, session->fetch_portal);
        session->fetch_portal = NULL;
    }
    session->is_fetching = false;
    session->has_tag = false;
    transaction_fail(session);
}

/* An error tells of rows too ("already exists"), so it waits as they do until what the transaction
 * has looked at is durable. Being cancelled tells of nothing. */
static bool
may_show_error(struct session *session, const struct ky_error *err)
{
    return session->job == JOB_NONE || err->sqlstate == KY_QUERY_CANCELED ||
           err->sqlstate == KY_ADMIN_SHUTDOWN || transaction_is_settled(session);
}

enum session_answer
session_fail(struct session *session, struct ky_error *err)
{
    if (err->sqlstate == KY_QUERY_CANCELED) {
        session_cancel_error(session, err);
    }
    bool may_show = may_show_error(session, err);
    end_all(session);
    if (KY_LIKELY(may_show)) {
        return drive_leave(session, SESSION_ERROR);
    }
    if (session->held_error == NULL) {
        session->held_error = ky_malloc(sizeof(*session->held_error));
    }
    *session->held_error = *err;
    session->job = JOB_FAILED;
    return SESSION_PENDING;
}

static enum session_answer
show_held_error(struct session *session, struct ky_error *err)
{
    /* acquire: pairs with settle_done. */
    if (atomic_load_explicit(&session->is_settling, memory_order_acquire)) {
        return SESSION_PENDING;
    }
    *err = *session->held_error;
    return drive_leave(session, SESSION_ERROR);
}

static bool
is_ending(const struct session *session)
{
    return session->is_committing ||
           atomic_load_explicit(&session->commit_state, memory_order_acquire) != COMMIT_NONE;
}

bool
drive_is_committing(const struct session *session)
{
    return session->program == NULL && is_ending(session); /* else the program goes on with it */
}

static bool
is_commit_done(const struct session *session)
{
    return atomic_load_explicit(&session->commit_state, memory_order_acquire) == COMMIT_DONE;
}

ky_status
drive_check_failed(const struct session *session, const struct ast_node *tree, struct ky_error *err)
{
    if (!session->is_failed) {
        return KY_OK;
    }
    if (tree != NULL && tree->kind == AST_TRANSACTION) {
        enum ast_transaction_type type = ((const struct ast_transaction *)(const void *)tree)->type;
        if (type == AST_COMMIT || type == AST_ROLLBACK || type == AST_ROLLBACK_TO) {
            return KY_OK;
        }
    }
    return ky_error_set(err, KY_IN_FAILED_SQL_TRANSACTION,
                        "current transaction is aborted, commands ignored until end of "
                        "transaction block");
}

/* ------------------------------------------------------------------ running one statement */

static enum step
step_of(enum session_answer answer)
{
    switch (answer) {
    case SESSION_DONE:
        return STEP_DONE;
    case SESSION_PENDING:
        return STEP_PENDING;
    case SESSION_SUSPENDED:
        return STEP_SUSPENDED;
    case SESSION_COPY_IN:
        return STEP_COPY_IN;
    case SESSION_ERROR:
        return STEP_ERROR;
    }
    KY_UNREACHABLE();
}

/* Runs session->running, a query's portal, and fills session->tag at its end. */
static enum step
run_query(struct session *session, struct ky_error *err)
{
    struct portal *portal = session->running;
    if (session->copy != NULL && copy_is_file(session->copy) && session->place < SESSION_ON_LONG) {
        return step_of(session_yield(session, SESSION_NEEDS_LONG_TURN));
    }
    struct result_sink *sink =
        session->copy != NULL ? copy_out_sink(session, session->sink) : session->sink;
    enum session_answer answer = portal_run(session, portal, session->left_rows, sink, err);
    if (answer == SESSION_DONE && portal->explain != NULL) {
        utility_explain_analyze(session, portal);
    } else if (session->copy != NULL && copy_file_check(session->copy, err) != KY_OK) {
        return STEP_ERROR;
    } else if (answer == SESSION_DONE && session->copy != NULL) {
        return copy_out_end(session, portal->row_count, err) == KY_OK ? STEP_DONE : STEP_ERROR;
    } else if (answer == SESSION_DONE && portal->refreshed != OID_NONE) {
        bool is_pending = false;
        if (utility_refresh_end(session, portal, &is_pending, err) != KY_OK) {
            return STEP_ERROR;
        }
        return is_pending ? STEP_PENDING : STEP_DONE;
    } else if (answer == SESSION_DONE) {
        portal_tag(portal, session->tag);
    }
    return step_of(answer);
}

/* Utility statements that fill indexes, read tables or the like are long from the start; the
 * smallest may run on a loop. False: the session has yielded. */
static bool
may_run_here(struct session *session, const struct ast_node *tree)
{
    enum session_place wanted = SESSION_ON_SHORT;
    switch (tree->kind) {
    case AST_TRANSACTION:
    case AST_SET:
    case AST_SHOW:
    case AST_DEALLOCATE:
    case AST_CLOSE:
        return true;
    case AST_CREATE_INDEX:
    case AST_CREATE_TABLE_AS:
    case AST_COPY:
    case AST_ALTER_TABLE:
    case AST_ANALYZE: /* and VACUUM */
    case AST_REINDEX:
    case AST_CLUSTER:
    case AST_REFRESH:
    case AST_CHECKPOINT:
        wanted = SESSION_ON_LONG;
        break;
    default:
        break;
    }
    if (session->place >= wanted || session->is_http) {
        return true;
    }
    (void)session_yield(session, wanted == SESSION_ON_LONG ? SESSION_NEEDS_LONG_TURN
                                                           : SESSION_NEEDS_SHORT_TURN);
    return false;
}

enum step
drive_statement(struct session *session, struct portal *portal, struct ky_error *err)
{
    const struct ast_node *tree = portal->source->tree;
    if (session->running != NULL) {
        return run_query(session, err);
    }
    if (session->copy != NULL && copy_is_from_file(session->copy)) {
        return step_of(copy_file_run(session, err));
    }
    if (drive_check_failed(session, tree, err) != KY_OK ||
        (tree->kind != AST_TRANSACTION && !is_ending(session) &&
         transaction_ensure(session, err) != KY_OK)) {
        return STEP_ERROR;
    }
    if (source_is_query(tree)) {
        bool is_pending = false;
        if (implicit_table(session, tree, &is_pending, err) != KY_OK) {
            return STEP_ERROR;
        }
        if (is_pending) {
            return STEP_PENDING;
        }
        session->running = portal;
        return run_query(session, err);
    }
    enum utility_answer answer;
    if (!may_run_here(session, tree)) {
        return STEP_PENDING;
    }
    if (utility_run(session, portal, session->sink, &answer, err) != KY_OK) {
        return STEP_ERROR;
    }
    switch (answer) {
    case UTILITY_DONE:
        return STEP_DONE;
    case UTILITY_PENDING:
        return STEP_PENDING;
    case UTILITY_COMMIT:
        return STEP_COMMIT;
    case UTILITY_PORTAL:
        return run_query(session, err);
    case UTILITY_COPY_IN:
        return copy_is_from_file(session->copy) ? step_of(copy_file_run(session, err))
                                                : STEP_COPY_IN;
    }
    KY_UNREACHABLE();
}

enum step
drive_commit(struct session *session, struct ky_error *err)
{
    bool is_pending = false;
    if (atomic_load_explicit(&session->commit_state, memory_order_acquire) == COMMIT_NONE) {
        session->is_committing = true;
        enum session_answer answer = SESSION_DONE;
        if (!session->is_past_holding) {
            answer = cursor_hold(session, err);
            if (answer == SESSION_DONE && ddl_temp_commit(session, err) != KY_OK) {
                return STEP_ERROR;
            }
            session->is_past_holding = answer == SESSION_DONE;
        }
        if (answer == SESSION_DONE) {
            answer = after_run(session, true, err);
        }
        if (answer != SESSION_DONE) {
            return answer == SESSION_PENDING ? STEP_PENDING : STEP_ERROR;
        }
        session->is_committing = session->is_past_holding = false;
        transaction_commit(session, &is_pending);
    }
    if (is_pending || !is_commit_done(session)) {
        return STEP_PENDING;
    }
    if (transaction_finish(session, err) != KY_OK) {
        return STEP_ERROR;
    }
    if (session->is_chained) {
        session->is_chained = false;
        session->is_block = true;
    }
    return STEP_DONE;
}

void
drive_end_statement(struct session *session)
{
    portal_free(session, session->owned_portal);
    session->owned_portal = NULL;
    session->running = NULL;
    if (session->drop_prepared) {
        session->drop_prepared = false;
        session_close_prepared(session);
    }
}

/* ------------------------------------------------------------------ going on */

enum session_answer
session_resume(struct session *session, struct result_sink *sink, struct ky_error *err)
{
    uint64_t row_count = 0;
    session->sink = sink;
    session->need = SESSION_NEEDS_WAKE;
    session->turn_start_ns = ky_monotonic_ns();
    atomic_store_explicit(&session->lock_wait_us, 0, memory_order_relaxed);
    atomic_store_explicit(&session->wait, WAIT_NOTHING, memory_order_relaxed);
    if (session->job == JOB_FAILED) {
        return show_held_error(session, err);
    }
    /* A commit under way cannot be cancelled: its outcome is what counts. */
    /* A program may catch it. */
    if (atomic_load_explicit(&session->commit_state, memory_order_acquire) == COMMIT_NONE &&
        session->program_depth == 0 &&
        atomic_load_explicit(&session->cancel, memory_order_relaxed) != CANCEL_NONE) {
        session_cancel_error(session, err);
        return session_fail(session, err);
    }
    switch (session->job) {
    case JOB_SIMPLE:
        return drive_simple(session, err);
    case JOB_EXECUTE:
        return drive_execute(session, err);
    case JOB_SYNC:
        return drive_sync(session, err);
    case JOB_COPY: {
        enum session_answer answer = copy_in_resume(session, &row_count, err);
        return drive_copy_answer(session, answer, session->is_copy_ending, row_count, err);
    }
    case JOB_FAILED:
    case JOB_NONE:
        return SESSION_DONE; /* a wake that came late */
    }
    KY_UNREACHABLE();
}
