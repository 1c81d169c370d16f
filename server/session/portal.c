/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/session/after.h"
#include "server/session/cursor.h"
#include "server/session/plpgsql/plpgsql.h"
#include "server/session/rerun.h"
#include "server/session/session_private.h"
#include "server/types/number_text.h"

/*
 * Running one statement. A portal goes through: plan (again while the catalog
 * moves between planning and locking), lock its tables, take the snapshot, pull batches.
 * Any step may have to wait; portal_run is simply called again. In READ COMMITTED a row that
 * moved on since the snapshot makes the whole statement run again, keeping its locks.
 */

/* It lies in its own arena: one block for most statements. */
struct portal *
portal_new(const char *name, int64_t now_us)
{
    struct ky_arena arena;
    ky_arena_init(&arena);
    struct portal *portal = ky_arena_new(&arena, struct portal);
    portal->name = ky_arena_strdup(&arena, name);
    portal->created_us = now_us;
    portal->arena = arena;
    return portal;
}

void
portal_init_memory(struct session *session, struct portal *portal)
{
    const int64_t limit = settings_int(&session->settings, SETTING_TEMP_FILE_LIMIT);
    ky_budget_init(&portal->budget, "work memory", 0, &session->server->memory);
    if (portal->spill.dir == NULL && session->server->options.temp_dir != NULL) {
        ky_spill_init(&portal->spill, session->server->options.temp_dir,
                      (uint64_t)settings_int(&session->settings, SETTING_WORK_MEM) * 1024,
                      limit < 0 ? UINT64_MAX : (uint64_t)limit * 1024);
    }
    portal->budget.spill = portal->spill.dir == NULL ? NULL : &portal->spill;
}

static void
portal_stop(struct session *session, struct portal *portal)
{
    if (portal->exec != NULL) {
        exec_close(portal->exec);
        portal->exec = NULL;
    }
    if (portal->has_statement) {
        portal->has_statement = false;
        if (session->txn != NULL) {
            txn_statement_end(access_storage_txn(session->txn));
        }
    }
    portal->batch = NULL;
}

/* From the first row again, with the view that it has. */
static ky_status
reopen(struct session *session, struct portal *portal, struct ky_error *err)
{
    struct txn *txn = access_storage_txn(session->txn);
    exec_close(portal->exec);
    portal->exec = NULL;
    portal->batch = NULL;
    const struct txn_view others = txn_view_set(txn, portal->view);
    const ky_status status = exec_open(&portal->context, portal->source->plan, &portal->exec, err);
    (void)txn_view_set(txn, others);
    return status;
}

ky_status
portal_rewind(struct session *session, struct portal *portal, struct ky_error *err)
{
    portal->row_count = 0;
    portal->phase = PORTAL_RUNNING;
    return reopen(session, portal, err);
}

void
portal_break(struct session *session, struct portal *portal)
{
    portal->is_broken = true;
    portal_stop(session, portal);
}

void
portal_free(struct session *session, struct portal *portal)
{
    if (portal == NULL) {
        return;
    }
    if (session->running == portal) {
        session->running = NULL;
    }
    plpgsql_end(session, portal);
    portal_stop(session, portal);
    rerun_free(portal->rerun);
    source_unbound(portal);
    cursor_free(portal);
    ky_spill_deinit(&portal->spill);
    struct prepared *prepared = portal->prepared;
    if (!portal_keep(session, portal)) {
        struct ky_arena own = portal->arena;
        ky_arena_deinit(&own);
    }
    if (prepared != NULL) {
        prepared_drop(prepared);
    }
}

void
portal_make_columns(struct portal *portal)
{
    const struct plan_source *source = portal->source;
    portal->column_count = source->column_count;
    portal->columns =
        ky_arena_array(&portal->arena, struct result_column, source->column_count + 1U);
    if (source->column_count > 0) {
        memcpy(portal->columns, source->columns, source->column_count * sizeof(*portal->columns));
    }
    for (uint16_t i = 0; i < portal->column_count; i++) {
        if (portal->result_format_count > 0) {
            portal->columns[i].format =
                portal->result_formats[portal->result_format_count == 1 ? 0 : i];
        }
    }
}

void
portal_tag(const struct portal *portal, char tag[SESSION_TAG_SIZE])
{
    const char *word = portal->forced_tag;
    uint64_t rows = portal->rows_changed;
    if (word == NULL) {
        switch (portal->source->plan->kind) {
        case QUERY_INSERT:
            word = "INSERT 0";
            break;
        case QUERY_UPDATE:
            word = "UPDATE";
            break;
        case QUERY_DELETE:
            word = "DELETE";
            break;
        case QUERY_MERGE:
            word = "MERGE";
            break;
        case QUERY_SELECT:
        case QUERY_VALUES:
        case QUERY_SET_OPERATION:
            word = "SELECT";
            rows = portal->row_count - portal->tag_start;
            break;
        }
    }
    size_t size = strlen(word);
    KY_ASSERT(size + 1 + NUMBER_TEXT_SIZE_MAX < SESSION_TAG_SIZE);
    memcpy(tag, word, size);
    tag[size++] = ' ';
    size += number_format_uint(rows, tag + size);
    tag[size] = '\0';
}

static ky_status
check_read_only(const struct session *session, const struct statement_plan *plan,
                struct ky_error *err)
{
    if (!session->is_read_only || plan->is_read_only) {
        return KY_OK;
    }
    const char *command = plan->kind == QUERY_INSERT   ? "INSERT"
                          : plan->kind == QUERY_UPDATE ? "UPDATE"
                          : plan->kind == QUERY_DELETE ? "DELETE"
                          : plan->kind == QUERY_MERGE  ? "MERGE"
                                                       : "SELECT FOR UPDATE";
    return ky_error_set(err, KY_READ_ONLY_SQL_TRANSACTION,
                        "cannot execute %s in a read-only transaction", command);
}

/* Locks what is left to lock; then looks whether the plan still fits. */
static ky_status
portal_lock(struct session *session, struct portal *portal, bool *is_pending_out,
            struct ky_error *err)
{
    for (;;) {
        const struct statement_plan *plan = portal->source->plan;
        while (portal->locked_count < plan->table_used_count) {
            const struct cat_table *table = plan->tables[portal->locked_count];
            if (table->sysview == NULL) {
                KY_TRY(session_lock_table(session, table->oid,
                                          plan->table_modes[portal->locked_count], false,
                                          table->name, is_pending_out, err));
                if (*is_pending_out) {
                    return KY_OK;
                }
            }
            portal->locked_count++;
        }
        if (session->has_catalog_changes) {
            return KY_OK; /* its image is its own: nobody else can have changed it */
        }
        KY_TRY(source_plan(session, portal->source, err));
        if (portal->source->plan == plan) {
            return KY_OK;
        }
        KY_TRY(source_check_rights(portal->source, err));
        portal->locked_count = 0; /* planned anew; locks already held are granted at once */
    }
}

static struct exec_vector_settings
session_vector_settings(const struct session *session)
{
    const struct settings *settings = &session->settings;
    const int64_t own = settings_int(settings, SETTING_KYRO_EF_SEARCH);
    const char *ef = settings_text(settings, SETTING_HNSW_EF_SEARCH);
    return (struct exec_vector_settings){
        .ef = (uint32_t)(own > 0 ? own : settings_int(settings, SETTING_HNSW_EF_SEARCH)),
        .is_ef_set = own > 0 || strcmp(ef, setting_info(SETTING_HNSW_EF_SEARCH)->value) != 0,
        .target_recall = (float)settings->reals[SETTING_TARGET_RECALL],
        .probes = (uint32_t)settings_int(settings, SETTING_IVFFLAT_PROBES),
        .gives_nulls = settings_bool(settings, SETTING_ENABLE_SEQSCAN),
    };
}

static ky_status
portal_open(struct session *session, struct portal *portal, struct ky_error *err)
{
    struct exec_context *context = &portal->context;
    txn_statement_begin(access_storage_txn(session->txn));
    session->has_queried = portal->has_statement = true;
    access_savepoint_set(session->txn, &portal->restart_point);
    struct after_queue *after =
        portal->source->plan->is_read_only ? NULL : session_after_queue(session);
    if (after != NULL) {
        after_mark_set(after, &portal->restart_mark);
    }
    portal->view = txn_view_get(access_storage_txn(session->txn));
    *context = (struct exec_context){
        .access = server_access(session->server),
        .txn = session->txn,
        .arena = &portal->arena,
        .budget = &portal->budget,
        .work_mem = (uint64_t)settings_int(&session->settings, SETTING_WORK_MEM) * 1024,
        .temp_dir = session->server->options.temp_dir,
        .params = portal->params,
        .param_count = portal->param_count,
        .waiter = &session->waiter,
        .cancel = &session->cancel,
        .image = portal->source->image,
        .after = after,
        .session = session,
        .role = session_limited_role(session),
        .current_row = cursor_current_row,
        .is_instrumented = portal->explain != NULL,
        .vector = session_vector_settings(session),
    };
    session_env(session, &context->env, &portal->arena, portal->source->image);
    if (portal->resting != NULL && exec_plan(portal->resting) == portal->source->plan) {
        portal->exec = portal->resting;
        portal->resting = NULL;
        exec_again(portal->exec);
        return KY_OK;
    }
    portal->resting = NULL; /* of another plan */
    KY_TRY(exec_open(context, portal->source->plan, &portal->exec, err));
    if (KY_UNLIKELY(exec_may_restart(portal->exec)) && portal->rerun == NULL) {
        portal->rerun = rerun_new(&portal->budget);
    }
    return KY_OK;
}

bool
portal_changes_rows(const struct portal *portal)
{
    const struct statement_plan *plan = portal->source->plan;
    bool is_change = plan->kind == QUERY_INSERT || plan->kind == QUERY_UPDATE ||
                     plan->kind == QUERY_DELETE || plan->kind == QUERY_MERGE;
    for (uint16_t i = 0; i < plan->cte_count; i++) {
        const struct plan *cte = plan->ctes[i];
        is_change =
            is_change || (cte != NULL && (cte->kind == PLAN_INSERT || cte->kind == PLAN_UPDATE ||
                                          cte->kind == PLAN_DELETE));
    }
    return is_change;
}

/* Everything the statement did goes; its locks stay, so that it gets further this time. */
static ky_status
restart_change(struct session *session, struct portal *portal, struct ky_error *err)
{
    if (portal->row_count > 0) { /* its changes are known outside */
        return ky_error_set(err, KY_SERIALIZATION_FAILURE,
                            "could not serialize access due to concurrent update");
    }
    portal_stop(session, portal);
    access_savepoint_rollback(session->txn, &portal->restart_point, true);
    if (portal->context.after != NULL) {
        after_mark_rollback(portal->context.after, &portal->restart_mark);
    }
    return portal_open(session, portal, err);
}

/* One that only locks did nothing that others could not see, while other statements of the
 * transaction may have changed rows since it began: those stay, and stay unseen. It goes on with a
 * later snapshot, for rows that it saw in its first one. */
static ky_status
restart_locking(struct session *session, struct portal *portal, struct ky_error *err)
{
    struct txn *txn = access_storage_txn(session->txn);
    struct exec_context *context = &portal->context;
    if (portal->rerun != NULL) {
        rerun_begin(portal->rerun);
    } else if (portal->row_count > 0) { /* nobody knows which rows these were */
        return ky_error_set(err, KY_SERIALIZATION_FAILURE,
                            "could not serialize access due to concurrent update");
    }
    if (!context->is_again) {
        context->is_again = true;
        context->first_view = portal->view;
    }
    /* The statement has not ended: what it saw first stays readable. */
    txn_statement_begin(txn);
    portal->view.snapshot = txn_view_get(txn).snapshot;
    txn_statement_end(txn);
    return reopen(session, portal, err);
}

static ky_status
portal_restart(struct session *session, struct portal *portal, struct ky_error *err)
{
    return portal_changes_rows(portal) ? restart_change(session, portal, err)
                                       : restart_locking(session, portal, err);
}

/* Gives out rows of the current batch; false when the sink is full. */
static bool
portal_give(struct session *session, struct portal *portal, uint32_t max_rows, uint32_t *left,
            struct result_sink *sink)
{
    struct batch *batch = portal->batch;
    uint32_t count = batch->count - portal->given;
    if (max_rows != 0 && count > *left) {
        count = *left;
    }
    *left -= max_rows != 0 ? count : 0;
    struct batch part = *batch;
    uint16_t places[BATCH_SIZE_MAX];
    if (portal->given != 0 || count != batch->count) {
        for (uint32_t i = 0; i < count; i++) {
            places[i] = (uint16_t)batch_place(batch, portal->given + i);
        }
        part.selection = places;
        part.count = count;
    }
    portal->given += count;
    portal->row_count += count;
    if (count > 0) {
        portal->last_place = batch_place(batch, portal->given - 1);
    }
    if (portal->given == batch->count) {
        portal->batch = NULL;
    }
    if (portal->explain != NULL || !portal->source->has_rows) {
        return true;
    }
    session->types.arena = &portal->arena;
    return sink->rows(sink, portal->columns, portal->column_count, &part, &session->types);
}

/* The next batch, seen as the statement saw the database at its start. */
static enum exec_answer
portal_next(struct session *session, struct portal *portal, struct batch **batch_out,
            struct ky_error *err)
{
    struct txn *txn = access_storage_txn(session->txn);
    const struct txn_view others = txn_view_set(txn, portal->view);
    const enum exec_answer answer = exec_next(portal->exec, batch_out, err);
    (void)txn_view_set(txn, others);
    return answer;
}

static ky_status
take_batch(struct portal *portal, struct batch *batch, struct ky_error *err)
{
    if (portal->rerun != NULL) {
        KY_TRY(rerun_take(portal->rerun, portal->exec, &batch, err));
    }
    portal->batch = batch;
    portal->given = 0;
    return KY_OK;
}

static enum session_answer
portal_pull(struct session *session, struct portal *portal, uint32_t max_rows,
            struct result_sink *sink, struct ky_error *err)
{
    uint32_t left = max_rows;
    for (;;) {
        if (portal->batch != NULL) {
            if (KY_UNLIKELY(!transaction_is_settled(session))) {
                session->left_rows = left;
                return SESSION_PENDING;
            }
            if (max_rows != 0 && left == 0) {
                return SESSION_SUSPENDED;
            }
            if (!portal_give(session, portal, max_rows, &left, sink)) {
                session->left_rows = left;
                return session_sink_stopped(session, sink, err);
            }
            continue;
        }
        if (max_rows != 0 && left == 0) {
            return SESSION_SUSPENDED;
        }
        struct batch *batch;
        /* What is short is over before its time could be. */
        portal->context.quantum_end_ns =
            portal->source->plan->is_point ? 0 : session_turn_end_ns(session);
        portal->context.wanted = left;
        switch (portal_next(session, portal, &batch, err)) {
        case EXEC_BATCH:
            if (take_batch(portal, batch, err) != KY_OK) {
                return SESSION_ERROR;
            }
            break;
        case EXEC_END:
            portal->rows_changed = exec_rows_changed(portal->exec);
            portal->phase = PORTAL_CHECKING;
            return SESSION_DONE;
        case EXEC_PENDING:
            session->left_rows = left;
            if (portal->context.is_yield) {
                return session_yield_turn(session); /* is_yield stays: its answer to the resume */
            }
            return session_wait_for_row(session);
        case EXEC_RESTART:
            if (portal_restart(session, portal, err) != KY_OK) {
                return SESSION_ERROR;
            }
            break;
        case EXEC_ERROR:
            return SESSION_ERROR;
        }
    }
}

/* What is no point is taken for short when it was the last time, or when it is new and looks cheap.
 * If it is not, it goes to a worker when its turn ends. */
static bool
may_run_here(const struct session *session, const struct plan_source *source)
{
    enum { SHORT_COST = 100 }; /* of the planner: some 200 us */
    const struct statement_plan *plan = source->plan;
    if (session->place != SESSION_ON_LOOP || plan->is_point) {
        return true;
    }
    return !plan->may_wait && (source->run_ns > 0 ? source->run_ns < SESSION_SHORT_RUN_NS
                                                  : plan->root->total_cost < SHORT_COST &&
                                                        !plan->has_subplans && !plan->may_be_long);
}

enum session_answer
portal_start(struct session *session, struct portal *portal, struct result_sink *sink,
             struct ky_error *err)
{
    if (portal->phase == PORTAL_NEW) {
        portal_init_memory(session, portal);
        if (source_plan(session, portal->source, err) != KY_OK ||
            source_check_rights(portal->source, err) != KY_OK ||
            check_read_only(session, portal->source->plan, err) != KY_OK) {
            return SESSION_ERROR;
        }
        if (!may_run_here(session, portal->source)) {
            return session_yield(session, SESSION_NEEDS_SHORT_TURN);
        }
        portal->phase = PORTAL_LOCKING;
    }
    if (portal->phase == PORTAL_LOCKING) {
        bool is_pending = false;
        if (portal_lock(session, portal, &is_pending, err) != KY_OK) {
            return SESSION_ERROR;
        }
        if (is_pending) {
            return SESSION_PENDING;
        }
        portal->phase = PORTAL_RUNNING;
        if (portal->columns == NULL) {
            portal_make_columns(portal);
        }
        if (portal->wants_columns && portal->source->has_rows && portal->explain == NULL) {
            sink->columns(sink, portal->columns, portal->column_count);
        }
        if (portal_open(session, portal, err) != KY_OK) {
            return SESSION_ERROR;
        }
    }
    return SESSION_DONE;
}

enum session_answer
portal_run(struct session *session, struct portal *portal, uint32_t max_rows,
           struct result_sink *sink, struct ky_error *err)
{
    if (portal->phase < PORTAL_RUNNING) {
        const enum session_answer started = portal_start(session, portal, sink, err);
        if (started != SESSION_DONE) {
            return started;
        }
    }
    if (portal->phase == PORTAL_DONE) {
        return SESSION_DONE;
    }
    enum session_answer answer = SESSION_DONE;
    if (portal->phase == PORTAL_RUNNING) {
        answer = portal_pull(session, portal, max_rows, sink, err);
    }
    if (answer == SESSION_DONE && portal->context.after != NULL) {
        answer = after_run(session, false, err);
    }
    portal->phase = answer == SESSION_DONE ? PORTAL_DONE : portal->phase;
    if (answer == SESSION_DONE && !portal->source->plan->is_point) {
        portal->source->run_ns = session->used_ns + ky_monotonic_ns() - session->turn_start_ns;
    }
    if (answer == SESSION_DONE && portal->explain == NULL && !cursor_may_rewind(portal)) {
        if (portal->prepared != NULL && portal->name[0] == '\0' && exec_rest(portal->exec)) {
            portal->resting = portal->exec;
            portal->exec = NULL;
        }
        portal_stop(session, portal);
    }
    return answer;
}
