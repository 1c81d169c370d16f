/* SPDX-License-Identifier: Apache-2.0 */
#include "server/access/inverted.h"
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/session/after.h"
#include "server/session/cursor.h"
#include "server/session/rerun.h"
#include "server/session/session_private.h"
#include "server/types/datetime.h"
#include "server/types/number_text.h"

/*
 * Planning and running one statement. A portal goes through: plan (again while the catalog
 * moves between planning and locking), lock its tables, take the snapshot, pull batches.
 * Any step may have to wait; portal_run is simply called again. In READ COMMITTED a row that
 * moved on since the snapshot makes the whole statement run again, keeping its locks.
 */

/* ------------------------------------------------------------------ what a statement sees */

static void
resolve_path(struct session *session, const struct cat_image *image)
{
    struct cat_path *path = &session->path;
    const char *text = settings_text(&session->settings, SETTING_SEARCH_PATH);
    bool has_catalog = false;
    path->count = 0;
    path->creation = OID_NONE;
    oid_t listed[KY_COUNT_OF(path->schemas)];
    uint16_t listed_count = 0;
    while (*text != '\0') {
        text += strspn(text, ", ");
        char name[64];
        size_t size = 0;
        bool is_quoted = *text == '"';
        text += is_quoted;
        while (*text != '\0' && (is_quoted ? *text != '"' : *text != ',' && *text != ' ')) {
            if (size + 1 < sizeof(name)) {
                name[size++] = *text;
            }
            text++;
        }
        text += is_quoted && *text == '"';
        name[size] = '\0';
        const char *wanted = strcmp(name, "$user") == 0 ? session->user : name;
        const struct cat_schema *schema = cat_find_schema(image, ky_slice_cstr(wanted));
        if (schema != NULL && listed_count < KY_COUNT_OF(listed) - 2) {
            has_catalog = has_catalog || schema->oid == OID_SCHEMA_PG_CATALOG;
            if (path->creation == OID_NONE) {
                path->creation = schema->oid;
            }
            listed[listed_count++] = schema->oid;
        }
    }
    char temp_name[SESSION_TEMP_NAME_SIZE];
    session_temp_name(session, temp_name);
    const struct cat_schema *temp = cat_find_schema(image, ky_slice_cstr(temp_name));
    if (temp != NULL) {
        path->schemas[path->count++] = temp->oid;
    }
    if (!has_catalog) {
        path->schemas[path->count++] = OID_SCHEMA_PG_CATALOG;
    }
    memcpy(path->schemas + path->count, listed, listed_count * sizeof(listed[0]));
    path->count = (uint16_t)(path->count + listed_count);
}

ky_status
session_image(struct session *session, struct cat_image **image_out, struct ky_error *err)
{
    KY_TRY(transaction_ensure(session, err));
    KY_TRY(catalog_acquire(server_catalog(session->server), access_storage_txn(session->txn),
                           session->has_catalog_changes, image_out, err));
    if (session->path_image != (*image_out)->number ||
        session->path_version != session->settings.version) {
        resolve_path(session, *image_out);
        session->path_image = (*image_out)->number;
        session->path_version = session->settings.version;
    }
    return KY_OK;
}

void
session_env(struct session *session, struct func_env *env, struct ky_arena *arena,
            const struct cat_image *image)
{
    env->types = session->types;
    env->types.arena = arena;
    env->types.now_us = session->transaction_start_us;
    env->transaction_start_us = session->transaction_start_us;
    env->statement_start_us = atomic_load_explicit(&session->statement_us, memory_order_relaxed) -
                              DATETIME_UNIX_TO_2000_US;
    session->catalog_env.image = image;
    session->catalog_env.path = &session->path;
    session->catalog_env.txn = session->txn == NULL ? NULL : access_storage_txn(session->txn);
    env->self = &session->catalog_env;
    env->random = session->random;
    env->types.reg = &session->reg;
}

void
session_bind_context(struct session *session, struct bind_context *context, struct ky_arena *arena,
                     const struct cat_image *image, struct func_env *env,
                     const struct plan_source *source)
{
    session_env(session, env, arena, image);
    *context = (struct bind_context){
        .arena = arena,
        .image = image,
        .path = &session->path,
        .env = env,
        .sql = source == NULL ? NULL : source->sql.data,
        .sql_size = source == NULL ? 0 : source->sql.size,
        .user = session->user,
        .session_user = session->session_user,
        .database = session->database,
    };
    if (source != NULL) {
        context->param_types = source->param_types;
        context->param_count = source->param_count;
        context->param_capacity = source->param_capacity;
        context->can_infer_params = source->can_infer_params;
    }
}

/* ------------------------------------------------------------------ planning */

bool
source_is_query(const struct ast_node *tree)
{
    return tree->kind == AST_SELECT || tree->kind == AST_INSERT || tree->kind == AST_UPDATE ||
           tree->kind == AST_DELETE;
}

void
source_init(struct plan_source *source, struct ky_arena *arena)
{
    *source = (struct plan_source){.arena = arena};
    ky_arena_init(&source->plan_arena);
}

static void
forget_old_plans(struct plan_source *source)
{
    while (source->old_plans != NULL) {
        struct old_plan *old = source->old_plans;
        source->old_plans = old->next;
        cat_image_release(old->image);
        ky_arena_deinit(&old->arena);
        ky_free(old);
    }
}

/* Portals that were bound before may be half way through the plan, or show its columns. */
static void
keep_old_plan(struct plan_source *source)
{
    struct old_plan *old = ky_malloc(sizeof(*old));
    *old = (struct old_plan){source->old_plans, source->plan_arena, source->image};
    source->old_plans = old;
    source->image = NULL;
    ky_arena_init(&source->plan_arena);
}

static void
source_forget(struct plan_source *source)
{
    portal_forget_spare(source);
    if (source->portal_count > 0 && source->plan != NULL) {
        keep_old_plan(source);
    }
    cat_image_release(source->image);
    source->image = NULL;
    source->plan = NULL;
    source->query = NULL;
    ky_arena_reset(&source->plan_arena);
}

void
source_deinit(struct plan_source *source)
{
    KY_ASSERT(source->portal_count == 0);
    source_forget(source);
    forget_old_plans(source);
    ky_arena_deinit(&source->plan_arena);
}

void
source_bound(struct portal *portal)
{
    portal->is_bound = true;
    portal->source->portal_count++;
}

static void
source_unbound(struct portal *portal)
{
    if (portal->is_bound && --portal->source->portal_count == 0) {
        forget_old_plans(portal->source);
    }
}

static void
source_columns(struct plan_source *source)
{
    const struct statement_plan *plan = source->plan;
    uint16_t count = 0;
    for (uint16_t i = 0; i < plan->target_count; i++) {
        count = (uint16_t)(count + !plan->targets[i].is_hidden);
    }
    source->columns = ky_arena_array(&source->plan_arena, struct result_column, count + 1U);
    source->column_count = 0;
    for (uint16_t i = 0; i < plan->target_count; i++) {
        const struct target *target = &plan->targets[i];
        if (!target->is_hidden) {
            source->columns[source->column_count++] = (struct result_column){
                .name = target->name,
                .table = target->origin_table,
                .column = target->origin_column,
                .type = target->expr->type,
                .typmod = target->expr->typmod,
            };
        }
    }
    source->has_rows = plan->kind == QUERY_SELECT || plan->kind == QUERY_VALUES ||
                       plan->kind == QUERY_SET_OPERATION || source->query->has_returning;
}

static void
plan_settings(struct session *session, struct plan_context *context)
{
    const struct settings *settings = &session->settings;
    context->is_seqscan_enabled = settings_bool(settings, SETTING_ENABLE_SEQSCAN);
    context->is_indexscan_enabled = settings_bool(settings, SETTING_ENABLE_INDEXSCAN);
    context->is_bitmapscan_enabled = settings_bool(settings, SETTING_ENABLE_BITMAPSCAN);
    context->is_hashjoin_enabled = settings_bool(settings, SETTING_ENABLE_HASHJOIN);
    context->is_nestloop_enabled = settings_bool(settings, SETTING_ENABLE_NESTLOOP);
    context->is_sort_enabled = settings_bool(settings, SETTING_ENABLE_SORT);
}

static double
match_rows(void *arg, const struct cat_index *index, uint16_t key, enum gin_strategy strategy,
           struct datum value)
{
    const struct inverted_condition condition = {.key = key, .strategy = strategy, .value = value};
    return access_inverted_rows(arg, index, &condition);
}

static ky_status
source_bind_and_plan(struct session *session, struct plan_source *source, struct cat_image *image,
                     struct ky_error *err)
{
    struct bind_context bind;
    struct func_env env;
    session_bind_context(session, &bind, &source->plan_arena, image, &env, source);
    if (source->query_made == NULL) {
        KY_TRY(bind_query(&bind, source->tree, &source->query, err));
        source->param_count = bind.param_count;
    } else {
        source->query = source->query_made;
    }
    struct plan_context context = {.arena = &source->plan_arena,
                                   .image = image,
                                   .storage = server_storage(session->server),
                                   .env = &env,
                                   .match_rows = match_rows,
                                   .match_arg = server_access(session->server)};
    plan_settings(session, &context);
    KY_TRY(plan_query(&context, source->query, &source->plan, err));
    source_columns(source);
    return KY_OK;
}

/* Nothing that the plan depends on has changed, found out without taking the catalog's lock. */
static bool
is_plan_good(const struct session *session, const struct plan_source *source)
{
    const uint64_t settings = session->settings.version;
    return source->plan != NULL && !session->has_catalog_changes &&
           source->settings_version == settings && session->path_version == settings &&
           session->path_image == source->image->number &&
           catalog_is_current(server_catalog(session->server), source->image);
}

ky_status
source_plan(struct session *session, struct plan_source *source, struct ky_error *err)
{
    struct cat_image *image;
    KY_TRY(transaction_ensure(session, err));
    if (KY_LIKELY(is_plan_good(session, source))) {
        return KY_OK;
    }
    KY_TRY(session_image(session, &image, err));
    if (source->plan != NULL && source->image == image &&
        source->settings_version == session->settings.version) {
        cat_image_release(image);
        return KY_OK;
    }
    if (source->query_made == NULL) {
        source_forget(source);
    }
    cat_image_release(source->image);
    source->image = image;
    source->settings_version = session->settings.version;
    if (source_bind_and_plan(session, source, image, err) != KY_OK) {
        source->plan = NULL;
        return KY_ERR;
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ portals */

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
    bool is_change =
        plan->kind == QUERY_INSERT || plan->kind == QUERY_UPDATE || plan->kind == QUERY_DELETE;
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
    return !plan->may_wait &&
           (source->run_ns > 0 ? source->run_ns < SESSION_SHORT_RUN_NS
                               : plan->root->total_cost < SHORT_COST && !plan->has_subplans);
}

enum session_answer
portal_start(struct session *session, struct portal *portal, struct result_sink *sink,
             struct ky_error *err)
{
    if (portal->phase == PORTAL_NEW) {
        portal_init_memory(session, portal);
        if (source_plan(session, portal->source, err) != KY_OK ||
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
