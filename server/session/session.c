/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/session.h"

#include <inttypes.h>
#include <sched.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/metric.h"
#include "server/base/random.h"
#include "server/session/after.h"
#include "server/session/notify.h"
#include "server/session/session_private.h"
#include "server/types/datetime.h"

/*
 * A session's life, prepared statements and portals, and the drivers of the two protocols. A
 * driver runs until it is done or must wait; session_resume enters the driver again at the
 * same place, which all state below remembers.
 */

KY_METRIC(statements_total, "kyrodb_statements_total", NULL, KY_COUNTER, "Statements started.")
KY_METRIC(statement_errors, "kyrodb_statement_errors_total", NULL, KY_COUNTER,
          "Statements that ended with an error.")
KY_METRIC(statement_seconds, "kyrodb_statement_seconds", NULL, KY_HISTOGRAM,
          "Time from a statement's message to its answer.")

/* ------------------------------------------------------------------ opening */

static void
lock_woken(struct lock_waiter *waiter)
{
    struct session *session = KY_CONTAINER_OF(waiter, struct session, waiter);
    session->hooks.wake(session->hooks.arg);
}

static void
count_limits(struct session *session, bool has_limits)
{
    int change = (int)has_limits - (int)session->has_limits;
    session->has_limits = has_limits;
    (void)atomic_fetch_add_explicit(&session->server->limited_count, change, memory_order_relaxed);
}

void
session_apply_settings(struct session *session)
{
    static const enum setting limits[] = {SETTING_STATEMENT_TIMEOUT, SETTING_LOCK_TIMEOUT,
                                          SETTING_IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                                          SETTING_IDLE_SESSION_TIMEOUT};
    const struct settings *settings = &session->settings;
    if (session->applied_version == settings->version) {
        return;
    }
    session->applied_version = settings->version;
    bool has_limits = false;
    for (size_t i = 0; i < KY_COUNT_OF(limits); i++) {
        atomic_store_explicit(&session->limits[i], settings_int(settings, limits[i]),
                              memory_order_relaxed);
        has_limits = has_limits || settings_int(settings, limits[i]) > 0;
    }
    count_limits(session, has_limits);
    ky_mutex_lock(&session->text_lock);
    ky_error_name(session->application_name, settings_text(settings, SETTING_APPLICATION_NAME));
    ky_mutex_unlock(&session->text_lock);
    struct type_context *types = &session->types;
    const char *style = settings_text(settings, SETTING_DATESTYLE);
    types->date_style = style[0] == 'I' ? 0 : style[0] == 'S' ? 1 : style[0] == 'P' ? 2 : 3;
    types->date_order = strstr(style, "DMY") != NULL ? 1 : strstr(style, "YMD") != NULL ? 2 : 0;
    const char *interval = settings_text(settings, SETTING_INTERVALSTYLE);
    types->interval_style = strcmp(interval, "postgres") == 0           ? 0
                            : strcmp(interval, "postgres_verbose") == 0 ? 1
                            : strcmp(interval, "sql_standard") == 0     ? 2
                                                                        : 3;
    types->extra_float_digits = (int)settings_int(settings, SETTING_EXTRA_FLOAT_DIGITS);
    types->is_bytea_escape = strcmp(settings_text(settings, SETTING_BYTEA_OUTPUT), "escape") == 0;
    const struct timezone *zone =
        timezone_find(ky_slice_cstr(settings_text(settings, SETTING_TIMEZONE)));
    types->zone = zone != NULL ? zone : timezone_utc();
}

static ky_status
apply_start_settings(struct session *session, const char *const *pairs, struct ky_error *err)
{
    for (; pairs != NULL && pairs[0] != NULL; pairs += 2) {
        KY_TRY(settings_set(&session->settings, pairs[0], pairs[1], false, true, err));
    }
    return KY_OK;
}

static void
fixed_settings(struct session *session)
{
    struct server *server = session->server;
    struct settings *settings = &session->settings;
    char version[96];
    for (const char *const *pair = server->options.settings; pair != NULL && pair[0] != NULL;
         pair += 2) {
        int setting = setting_find(pair[0]);
        if (setting >= 0) {
            settings_force(settings, (enum setting)setting, pair[1]);
        }
    }
    (void)snprintf(version, sizeof(version), "%s (KyroDB %s)",
                   setting_info(SETTING_SERVER_VERSION)->value, server->options.version);
    settings_force(settings, SETTING_SERVER_VERSION, version);
    settings_force(settings, SETTING_IS_SUPERUSER, session->is_superuser ? "on" : "off");
    settings_force(settings, SETTING_SESSION_AUTHORIZATION, session->session_user);
    settings_force(settings, SETTING_IMPLICIT_TABLES, session->is_http ? "on" : "off");
    if (server->options.autotune != NULL) {
        settings_force(settings, SETTING_AUTOTUNE, server->options.autotune);
    }
}

static ky_status
enlist(struct server *server, struct session *session, struct ky_error *err)
{
    ky_status status = KY_OK;
    ky_mutex_lock(&server->lock);
    if (server->is_shutting_down) {
        status = ky_error_set(err, KY_CANNOT_CONNECT_NOW, "the database system is shutting down");
    } else if (server->session_count >= server->options.max_connections) {
        status = ky_error_set(err, KY_TOO_MANY_CONNECTIONS, "sorry, too many clients already");
    } else {
        server->session_count++;
        session->pid = server->next_pid++;
        ky_list_push_back(&server->sessions, &session->link);
    }
    ky_mutex_unlock(&server->lock);
    return status;
}

ky_status
session_open(struct server *server, const struct session_options *options,
             struct session **session_out, struct ky_error *err)
{
    struct role_auth auth;
    if (!server_find_role(server, options->user, &auth)) {
        return ky_error_set(err, KY_INVALID_AUTHORIZATION_SPECIFICATION,
                            "role \"%s\" does not exist", options->user);
    }
    if (!auth.can_login) {
        return ky_error_set(err, KY_INVALID_AUTHORIZATION_SPECIFICATION,
                            "role \"%s\" is not permitted to log in", options->user);
    }
    KY_TRY(server_check_database(server, options->database, err));
    struct session *session = ky_calloc(1, sizeof(*session));
    session->server = server;
    ky_list_init(&session->link);
    session->hooks = options->hooks;
    session->is_http = options->is_http;
    session->is_superuser = auth.is_superuser;
    session->role = auth.oid;
    ky_error_name(session->user, options->user);
    ky_error_name(session->session_user, options->user);
    ky_error_name(session->database, options->database);
    ky_error_name(session->client_address,
                  options->client_address == NULL ? "" : options->client_address);
    session->client_port = options->client_port;
    session->started_us = ky_wall_us();
    atomic_store_explicit(&session->state_us, session->started_us, memory_order_relaxed);
    ky_random_bytes(&session->key, sizeof(session->key));
    ky_mutex_init(&session->text_lock);
    ky_arena_init(&session->arena);
    settings_init(&session->settings);
    type_context_init(&session->types, &session->arena);
    fixed_settings(session);
    source_init(&session->simple_source, &session->arena);
    source_init(&session->inner_source, &session->arena);
    session->place = SESSION_ON_SHORT;
    session->catalog_env = (struct catalog_env){.catalog = server_catalog(server),
                                                .storage = server_storage(server),
                                                .user = session->user,
                                                .session_user = session->session_user,
                                                .database = session->database,
                                                .session = session,
                                                .cancel = &session->cancel};
    session_reg_init(session);
    if (apply_start_settings(session, options->settings, err) != KY_OK ||
        enlist(server, session, err) != KY_OK) {
        session_close(session);
        return KY_ERR;
    }
    session->waiter = (struct lock_waiter){.wake = lock_woken, .pid = session->pid};
    (void)snprintf(session->who, sizeof(session->who), "process %d", session->pid);
    session->waiter.who = session->who;
    ky_list_init(&session->waiter.link);
    session_apply_settings(session);
    *session_out = session;
    return KY_OK;
}

static void
prepared_release(struct prepared *prepared)
{
    if (--prepared->reference_count > 0) {
        return;
    }
    source_deinit(&prepared->source);
    struct ky_arena arena = prepared->arena;
    ky_free(prepared);
    ky_arena_deinit(&arena);
}

void
session_close_prepared(struct session *session)
{
    size_t cursor = 0;
    struct ky_slice name;
    void *value;
    while (ky_smap_next(&session->prepared, &cursor, &name, &value)) {
        prepared_release(value);
    }
    ky_smap_deinit(&session->prepared);
    session->prepared = (struct ky_smap){0};
}

void
session_close(struct session *session)
{
    if (session == NULL) {
        return;
    }
    struct server *server = session->server;
    storage_lock_cancel(&session->waiter);
    ky_mutex_lock(&server->lock);
    if (!ky_list_is_empty(&session->link)) {
        ky_list_remove(&session->link);
        server->session_count--;
    }
    ky_mutex_unlock(&server->lock);
    KY_ASSERT(atomic_load_explicit(&session->commit_state, memory_order_acquire) != COMMIT_WAITING);
    /* acquire: pairs with commit_done, which may be between its answer and its last touch. */
    while (atomic_load_explicit(&session->callbacks, memory_order_acquire) != 0) {
        (void)sched_yield();
    }
    count_limits(session, false);
    copy_free(session->copy);
    portal_free(session, session->owned_portal);
    portal_free(session, session->simple_portal);
    session->owned_portal = session->simple_portal = NULL;
    transaction_rollback(session);
    notify_close(session);
    session_advisory_end(session);
    ddl_session_end(session);
    after_close(session);
    session_close_prepared(session);
    ky_smap_deinit(&session->portals);
    ky_map64_deinit(&session->sequences);
    cat_image_release(session->held_image);
    source_deinit(&session->simple_source);
    source_deinit(&session->inner_source);
    settings_deinit(&session->settings);
    for (int i = 0; i < SETTING_COUNT; i++) {
        ky_free(session->reported[i]);
    }
    ky_free(session->savepoints);
    ky_free(session->commit_error);
    ky_arena_deinit(&session->arena);
    ky_mutex_deinit(&session->text_lock);
    ky_free(session);
}

/* ------------------------------------------------------------------ small answers */

int32_t
session_pid(const struct session *session)
{
    return session->pid;
}

int32_t
session_key(const struct session *session)
{
    return session->key;
}

char
session_status(const struct session *session)
{
    return session->is_failed ? 'E' : session->is_block ? 'T' : 'I';
}

const struct type_context *
session_types(const struct session *session)
{
    return &session->types;
}

struct txn_result
session_last_result(const struct session *session)
{
    return session->last_result;
}

void
session_report(struct session *session,
               void (*emit)(void *arg, const char *name, const char *value), void *arg)
{
    for (int i = 0; i < SETTING_COUNT; i++) {
        if ((setting_info(i)->flags & SETTING_REPORT) != 0) {
            emit(arg, setting_info(i)->name, session->settings.values[i]);
            ky_free(session->reported[i]);
            session->reported[i] = ky_strdup(session->settings.values[i]);
        }
    }
    session->reported_version = session->settings.version;
}

/* ParameterStatus for every reported setting whose value the client does not know. */
static void
report_changes(struct session *session, struct result_sink *sink)
{
    if (session->reported_version == session->settings.version) {
        return;
    }
    session->reported_version = session->settings.version;
    for (int i = 0; i < SETTING_COUNT; i++) {
        const char *value = session->settings.values[i];
        if (session->reported[i] != NULL && strcmp(session->reported[i], value) != 0) {
            ky_free(session->reported[i]);
            session->reported[i] = ky_strdup(value);
            sink->parameter(sink, setting_info(i)->name, value);
        }
    }
}

void
session_notice(struct session *session, const char *severity, enum ky_sqlstate sqlstate,
               const char *format, ...)
{
    struct ky_error notice;
    char text[KY_ERROR_TEXT_SIZE];
    va_list args;
    const char *minimum = settings_text(&session->settings, SETTING_CLIENT_MIN_MESSAGES);
    bool is_notice = strcmp(severity, "NOTICE") == 0;
    if (session->sink == NULL || strcmp(minimum, "error") == 0 ||
        (is_notice && strcmp(minimum, "warning") == 0)) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    /* A notice may carry 00000, which no error can. */
    (void)ky_error_set(&notice, KY_WARNING, "%s", text);
    notice.sqlstate = sqlstate;
    session->sink->notice(session->sink, severity, &notice);
}

void
session_cancel_error(struct session *session, struct ky_error *err)
{
    /* relaxed: only the reason itself matters. */
    int reason = atomic_exchange_explicit(&session->cancel, CANCEL_NONE, memory_order_relaxed);
    switch (reason) {
    case CANCEL_NONE:
        break; /* taken before: err says it */
    case CANCEL_STATEMENT_TIMEOUT:
        (void)ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to statement timeout");
        break;
    case CANCEL_LOCK_TIMEOUT:
        (void)ky_error_set(err, KY_LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout");
        break;
    case CANCEL_TERMINATE:
        (void)ky_error_set(err, KY_ADMIN_SHUTDOWN,
                           "terminating connection due to administrator command");
        break;
    default:
        (void)ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to user request");
        break;
    }
}

ky_status
session_lock_table(struct session *session, oid_t table, enum table_lock_mode mode, bool is_nowait,
                   const char *name, bool *is_pending_out, struct ky_error *err)
{
    enum lock_answer answer;
    *is_pending_out = false;
    KY_TRY(storage_lock_table(access_storage_txn(session->txn), table, mode,
                              is_nowait ? LOCK_POLICY_NOWAIT : LOCK_POLICY_WAIT, &session->waiter,
                              &answer, err));
    if (answer == LOCK_BUSY) {
        return ky_error_set(err, KY_LOCK_NOT_AVAILABLE, "could not obtain lock on relation \"%s\"",
                            name);
    }
    if (answer == LOCK_PENDING) {
        *is_pending_out = true;
        atomic_store_explicit(&session->wait, WAIT_RELATION, memory_order_relaxed);
        atomic_store_explicit(&session->lock_wait_us, ky_wall_us(), memory_order_relaxed);
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ turns */

void
session_run_on(struct session *session, enum session_place place)
{
    session->place = place;
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

static void
remember_query(struct session *session, struct ky_slice sql)
{
    size_t size = KY_MIN(sql.size, sizeof(session->query) - 1);
    ky_mutex_lock(&session->text_lock);
    memcpy(session->query, sql.data, size);
    session->query[size] = '\0';
    ky_mutex_unlock(&session->text_lock);
}

/* Something begins that may run SQL. */
static void
enter(struct session *session, struct ky_slice sql, struct result_sink *sink)
{
    session->sink = sink;
    session->clock_us = ky_wall_us();
    session->begin_ns = session->turn_start_ns = ky_monotonic_ns();
    session->used_ns = 0;
    session->need = SESSION_NEEDS_WAKE;
    atomic_store_explicit(&session->statement_us, session->clock_us, memory_order_relaxed);
    atomic_store_explicit(&session->lock_wait_us, 0, memory_order_relaxed);
    atomic_store_explicit(&session->wait, WAIT_NOTHING, memory_order_relaxed);
    atomic_store_explicit(&session->cancel, CANCEL_NONE, memory_order_relaxed);
    set_activity(session, ACTIVITY_ACTIVE);
    if (sql.data != NULL) {
        remember_query(session, sql);
        ky_metric_add(&statements_total, 1);
    }
}

/* The driver has an answer; PENDING leaves everything as it is. */
static enum session_answer
leave(struct session *session, enum session_answer answer)
{
    if (answer == SESSION_PENDING) {
        return answer;
    }
    session_apply_settings(session);
    if (session->sink != NULL) {
        report_changes(session, session->sink);
    }
    session->sink = NULL;
    if (answer != SESSION_COPY_IN) {
        session->job = JOB_NONE;
        ky_metric_observe_ns(&statement_seconds, ky_monotonic_ns() - session->begin_ns);
        set_activity(session, session->is_failed                          ? ACTIVITY_FAILED
                              : session->is_block || session->txn != NULL ? ACTIVITY_IN_TRANSACTION
                                                                          : ACTIVITY_IDLE);
    }
    return answer;
}

enum session_answer
session_fail(struct session *session, struct ky_error *err)
{
    if (err->sqlstate == KY_QUERY_CANCELED) {
        session_cancel_error(session, err);
    }
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
    session->is_fetching = false;
    session->has_tag = false;
    transaction_fail(session);
    return leave(session, SESSION_ERROR);
}

/* A commit was begun and its outcome is not known yet. */
static bool
is_waiting_for_commit(const struct session *session)
{
    return session->is_committing ||
           atomic_load_explicit(&session->commit_state, memory_order_acquire) != COMMIT_NONE;
}

static bool
is_commit_done(const struct session *session)
{
    return atomic_load_explicit(&session->commit_state, memory_order_acquire) == COMMIT_DONE;
}

/* In a failed block only what ends it, or goes back in it, may run. */
static ky_status
check_failed(const struct session *session, const struct ast_node *tree, struct ky_error *err)
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

enum step { STEP_DONE, STEP_PENDING, STEP_COMMIT, STEP_SUSPENDED, STEP_COPY_IN, STEP_ERROR };

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
    struct result_sink *sink =
        session->copy != NULL ? copy_out_sink(session, session->sink) : session->sink;
    enum session_answer answer = portal_run(session, portal, session->left_rows, sink, err);
    if (answer == SESSION_DONE && portal->explain != NULL) {
        utility_explain_analyze(session, portal);
    } else if (answer == SESSION_DONE && session->copy != NULL) {
        copy_out_end(session, portal->row_count);
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

/* One statement of either protocol, from its portal; called again after PENDING. */
static enum step
run_statement(struct session *session, struct portal *portal, struct ky_error *err)
{
    const struct ast_node *tree = portal->source->tree;
    if (session->running != NULL) {
        return run_query(session, err);
    }
    if (check_failed(session, tree, err) != KY_OK ||
        (tree->kind != AST_TRANSACTION && transaction_ensure(session, err) != KY_OK)) {
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
        return STEP_COPY_IN;
    }
    KY_UNREACHABLE();
}

/* Submits a commit, or takes the outcome of one that was submitted. */
static enum step
run_commit(struct session *session, struct ky_error *err)
{
    bool is_pending = false;
    if (atomic_load_explicit(&session->commit_state, memory_order_acquire) == COMMIT_NONE) {
        if (!session->is_committing && ddl_temp_commit(session, err) != KY_OK) {
            return STEP_ERROR;
        }
        session->is_committing = true;
        enum session_answer answer = after_run(session, true, err);
        if (answer != SESSION_DONE) {
            return answer == SESSION_PENDING ? STEP_PENDING : STEP_ERROR;
        }
        session->is_committing = false;
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

/* What a statement leaves behind for its own end. */
static void
end_statement(struct session *session)
{
    portal_free(session, session->owned_portal);
    session->owned_portal = NULL;
    session->running = NULL;
    if (session->drop_prepared) {
        session->drop_prepared = false;
        session_close_prepared(session);
    }
}

/* ------------------------------------------------------------------ simple query */

/* SELECT .. INTO t is CREATE TABLE t AS SELECT. */
static struct ast_node *
without_into(struct ky_arena *arena, struct ast_node *tree)
{
    struct ast_select *select = (void *)tree;
    if (tree == NULL || tree->kind != AST_SELECT || select->into == NULL) {
        return tree;
    }
    struct ast_create_table_as *create = ky_arena_new(arena, struct ast_create_table_as);
    *create = (struct ast_create_table_as){
        .node = {.kind = AST_CREATE_TABLE_AS, .location = tree->location},
        .into = select->into,
        .query = tree};
    select->into = NULL;
    return &create->node;
}

/* The statement's own portal, with its text for error positions. */
static void
start_simple_statement(struct session *session)
{
    const struct ast_statement *statement =
        (const void *)ast_list_get(&session->statements, session->statement_index);
    struct plan_source *source = &session->simple_source;
    source_deinit(source);
    source_init(source, &session->arena);
    source->tree = without_into(&session->arena, statement->statement);
    source->sql = session->simple_sql;
    source->own_sql = ky_slice((const char *)session->simple_sql.data + statement->offset,
                               (size_t)statement->size);
    session->simple_portal = portal_new("");
    session->simple_portal->source = source;
    session->simple_portal->wants_columns = true;
    session->left_rows = 0;
    session->running = NULL;
}

static void
end_simple_statement(struct session *session)
{
    end_statement(session);
    portal_free(session, session->simple_portal);
    session->simple_portal = NULL;
    session->statement_index++;
}

static void
send_tag(struct session *session)
{
    if (session->has_tag) {
        session->has_tag = false;
        session->sink->complete(session->sink, session->tag);
    }
}

/* Nothing of a simple query outlives it: an idle session holds no memory for it. */
static void
forget_simple(struct session *session)
{
    source_deinit(&session->simple_source);
    source_init(&session->simple_source, &session->arena);
    session->statements = (struct ast_list){0};
    session->simple_sql = ky_slice(NULL, 0);
    ky_arena_deinit(&session->arena);
    ky_arena_init(&session->arena);
}

static enum session_answer
drive_simple(struct session *session, struct ky_error *err)
{
    for (;;) {
        if (is_waiting_for_commit(session) || session->wants_commit) {
            enum step step = run_commit(session, err);
            if (step == STEP_PENDING) {
                return SESSION_PENDING;
            }
            session->wants_commit = false;
            if (step == STEP_ERROR) {
                return session_fail(session, err);
            }
            send_tag(session);
        }
        send_tag(session);
        if (session->simple_portal == NULL) {
            if (session->statement_index == session->statements.count) {
                if (session->txn == NULL || session->is_block) {
                    forget_simple(session);
                    return leave(session, SESSION_DONE);
                }
                session->wants_commit = true;
                continue;
            }
            start_simple_statement(session);
        }
        enum step step = run_statement(session, session->simple_portal, err);
        switch (step) {
        case STEP_PENDING:
            return SESSION_PENDING;
        case STEP_COPY_IN:
            return leave(session, SESSION_COPY_IN);
        case STEP_ERROR:
            return session_fail(session, err);
        case STEP_DONE:
        case STEP_COMMIT:
        case STEP_SUSPENDED:
            break;
        }
        end_simple_statement(session);
        session->has_tag = session->tag[0] != '\0';
        bool is_last = session->statement_index == session->statements.count;
        /* The last statement's tag waits for the implicit commit: nothing is acknowledged early. */
        session->wants_commit =
            step == STEP_COMMIT || (is_last && session->txn != NULL && !session->is_block);
    }
}

enum session_answer
session_simple(struct session *session, struct ky_slice sql, struct result_sink *sink,
               struct ky_error *err)
{
    KY_ASSERT(session->job == JOB_NONE);
    enter(session, sql, sink);
    session->job = JOB_SIMPLE;
    ky_arena_reset(&session->arena);
    session_close_unnamed(session);
    session->simple_sql = ky_slice_dup(&session->arena, sql);
    session->statements = (struct ast_list){0};
    session->statement_index = 0;
    session->wants_commit = false;
    session->has_tag = false;
    session->tag[0] = '\0';
    if (parse_sql(&session->arena, session->simple_sql, &session->statements, err) != KY_OK) {
        return session_fail(session, err);
    }
    if (session->statements.count == 0) {
        sink->empty(sink);
    }
    return drive_simple(session, err);
}

/* ------------------------------------------------------------------ extended query */

static struct prepared *
find_prepared(struct session *session, const char *name, struct ky_error *err)
{
    struct prepared *prepared = ky_smap_find(&session->prepared, ky_slice_cstr(name));
    if (prepared == NULL) {
        if (name[0] == '\0') {
            (void)ky_error_set(err, KY_INVALID_SQL_STATEMENT_NAME,
                               "unnamed prepared statement does not exist");
        } else {
            (void)ky_error_set(err, KY_INVALID_SQL_STATEMENT_NAME,
                               "prepared statement \"%s\" does not exist", name);
        }
    }
    return prepared;
}

struct prepared *
session_find_prepared(struct session *session, const char *name, struct ky_error *err)
{
    return find_prepared(session, name, err);
}

struct prepared *
prepared_new(const char *name, struct ky_slice sql, uint16_t param_capacity)
{
    struct prepared *prepared = ky_calloc(1, sizeof(*prepared));
    ky_arena_init(&prepared->arena);
    prepared->reference_count = 1;
    prepared->name = ky_arena_strdup(&prepared->arena, name);
    prepared->created_us = ky_wall_us();
    source_init(&prepared->source, &prepared->arena);
    prepared->source.sql = ky_slice_dup(&prepared->arena, sql);
    prepared->source.own_sql = prepared->source.sql;
    prepared->source.param_types = ky_arena_array(&prepared->arena, oid_t, param_capacity + 1U);
    prepared->source.param_capacity = param_capacity;
    prepared->source.can_infer_params = true;
    return prepared;
}

void
prepared_drop(struct prepared *prepared)
{
    prepared_release(prepared);
}

/* Plans it, or finds out its columns: what Describe needs. */
ky_status
prepared_analyze(struct session *session, struct plan_source *source, struct ky_error *err)
{
    if (source->tree == NULL || source->tree->kind == AST_TRANSACTION) {
        return KY_OK;
    }
    KY_TRY(transaction_ensure(session, err));
    if (!source_is_query(source->tree)) {
        return utility_describe(session, source, err);
    }
    return source_plan(session, source, err);
}

/* The highest $n in a text: the room that inference needs. The lexer's own count comes from the
 * tree; this only bounds the array, so a $9 inside a string costs nothing but room. */
static uint16_t
param_bound(struct ky_slice sql)
{
    const char *text = sql.data;
    uint32_t highest = 0;
    for (size_t i = 0; i + 1 < sql.size; i++) {
        if (text[i] != '$') {
            continue;
        }
        uint32_t number = 0;
        for (size_t j = i + 1; j < sql.size && text[j] >= '0' && text[j] <= '9' && number < 100000;
             j++) {
            number = number * 10 + (uint32_t)(text[j] - '0');
        }
        highest = KY_MAX(highest, number);
    }
    return (uint16_t)KY_MIN(highest, (uint32_t)BIND_PARAMS_MAX);
}

static ky_status
parse_prepared(struct session *session, struct prepared *prepared, struct ky_error *err)
{
    struct ast_list statements = {0};
    struct plan_source *source = &prepared->source;
    KY_TRY(parse_sql(&prepared->arena, source->sql, &statements, err));
    if (statements.count > 1) {
        return ky_error_set(err, KY_SYNTAX_ERROR,
                            "cannot insert multiple commands into a prepared statement");
    }
    if (statements.count == 1) {
        source->tree = without_into(
            &prepared->arena,
            ((const struct ast_statement *)(const void *)ast_list_get(&statements, 0))->statement);
    }
    KY_TRY(check_failed(session, source->tree, err));
    return prepared_analyze(session, source, err);
}

enum session_answer
session_parse(struct session *session, const char *name, struct ky_slice sql,
              const oid_t *param_types, uint16_t param_count, struct result_sink *sink,
              struct ky_error *err)
{
    enter(session, sql, sink);
    struct ky_slice key = ky_slice_cstr(name);
    if (name[0] != '\0' && ky_smap_find(&session->prepared, key) != NULL) {
        (void)ky_error_set(err, KY_DUPLICATE_PREPARED_STATEMENT,
                           "prepared statement \"%s\" already exists", name);
        return session_fail(session, err);
    }
    if (name[0] == '\0') {
        session_close_statement(session, "");
    }
    struct prepared *prepared = prepared_new(name, sql, KY_MAX(param_bound(sql), param_count));
    if (param_count > 0) {
        memcpy(prepared->source.param_types, param_types, param_count * sizeof(oid_t));
    }
    prepared->source.param_count = param_count;
    for (uint16_t i = 0; i < param_count; i++) {
        if (prepared->source.param_types[i] == OID_UNKNOWN) {
            prepared->source.param_types[i] = OID_NONE;
        }
    }
    if (parse_prepared(session, prepared, err) != KY_OK) {
        prepared_release(prepared);
        return session_fail(session, err);
    }
    struct prepared *replaced = ky_smap_put(&session->prepared, key, prepared);
    if (replaced != NULL) {
        prepared_release(replaced);
    }
    return leave(session, SESSION_DONE);
}

static ky_status
read_param(struct session *session, struct portal *portal, const struct session_bind *bind,
           uint16_t index, struct ky_error *err)
{
    const struct type *type = type_find(portal->source->param_types[index]);
    struct ky_slice text = bind->params[index];
    int16_t format = bind->param_format_count == 0   ? 0
                     : bind->param_format_count == 1 ? bind->param_formats[0]
                                                     : bind->param_formats[index];
    struct datum *out = &portal->params[index];
    if (type == NULL) {
        return ky_error_set(err, KY_INDETERMINATE_DATATYPE,
                            "could not determine data type of parameter $%d", index + 1);
    }
    if (text.data == NULL) {
        *out = datum_null();
        return KY_OK;
    }
    struct func_env env;
    session_env(session, &env, &portal->arena, session->bind_image);
    text = ky_slice_dup(&portal->arena, text);
    if (format == 0) {
        return type->input(type, &env.types, text, -1, out, err);
    }
    if (format != 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "unsupported format code: %d", format);
    }
    if (type->receive == NULL) {
        return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                            "no binary input function available for type %s", type->sql_name);
    }
    return type->receive(type, &env.types, text, -1, out, err);
}

static ky_status
bind_params(struct session *session, struct portal *portal, const struct session_bind *bind,
            struct ky_error *err)
{
    uint16_t wanted = portal->source->param_count;
    if (bind->param_format_count > 1 && bind->param_format_count != bind->param_count) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION,
                            "bind message has %u parameter formats but %u parameters",
                            bind->param_format_count, bind->param_count);
    }
    if (bind->param_count != wanted) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION,
                            "bind message supplies %u parameters, but prepared statement \"%s\" "
                            "requires %u",
                            bind->param_count, bind->statement, wanted);
    }
    portal->param_count = wanted;
    portal->params = ky_arena_array(&portal->arena, struct datum, wanted + 1U);
    for (uint16_t i = 0; i < wanted; i++) {
        if (read_param(session, portal, bind, i, err) != KY_OK) {
            if (err->context[0] == '\0') {
                if (portal->name[0] == '\0') {
                    (void)ky_error_context(err, "unnamed portal parameter $%d", i + 1);
                } else {
                    (void)ky_error_context(err, "portal \"%s\" parameter $%d", portal->name, i + 1);
                }
            }
            return KY_ERR;
        }
    }
    return KY_OK;
}

static ky_status
bind_portal(struct session *session, struct portal *portal, const struct session_bind *bind,
            struct ky_error *err)
{
    struct plan_source *source = portal->source;
    KY_TRY(check_failed(session, source->tree, err));
    KY_TRY(prepared_analyze(session, source, err));
    session->bind_image = source->image;
    KY_TRY(bind_params(session, portal, bind, err));
    if (bind->result_format_count > 1 && bind->result_format_count != source->column_count) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION,
                            "bind message has %u result formats but query has %u columns",
                            bind->result_format_count, source->column_count);
    }
    portal->result_format_count = bind->result_format_count;
    portal->result_formats =
        ky_arena_array(&portal->arena, int16_t, bind->result_format_count + 1U);
    for (uint16_t i = 0; i < bind->result_format_count; i++) {
        if (bind->result_formats[i] != 0 && bind->result_formats[i] != 1) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "unsupported format code: %d",
                                bind->result_formats[i]);
        }
        portal->result_formats[i] = bind->result_formats[i];
    }
    portal_make_columns(portal);
    return KY_OK;
}

enum session_answer
session_bind(struct session *session, const struct session_bind *bind, struct result_sink *sink,
             struct ky_error *err)
{
    enter(session, ky_slice(NULL, 0), sink);
    struct prepared *prepared = find_prepared(session, bind->statement, err);
    if (prepared == NULL) {
        return session_fail(session, err);
    }
    struct ky_slice key = ky_slice_cstr(bind->portal);
    struct portal *existing = ky_smap_find(&session->portals, key);
    if (existing != NULL && bind->portal[0] != '\0') {
        (void)ky_error_set(err, KY_DUPLICATE_CURSOR, "cursor \"%s\" already exists", bind->portal);
        return session_fail(session, err);
    }
    session_close_portal(session, bind->portal);
    struct portal *portal = portal_new(bind->portal);
    portal->prepared = prepared;
    portal->source = &prepared->source;
    prepared->reference_count++;
    if (bind_portal(session, portal, bind, err) != KY_OK) {
        portal_free(session, portal);
        return session_fail(session, err);
    }
    (void)ky_smap_put(&session->portals, key, portal);
    return leave(session, SESSION_DONE);
}

enum session_answer
session_describe_statement(struct session *session, const char *name,
                           struct session_description *out, struct ky_error *err)
{
    enter(session, ky_slice(NULL, 0), NULL);
    struct prepared *prepared = find_prepared(session, name, err);
    if (prepared == NULL ||
        check_failed(session, prepared->source.has_rows ? NULL : prepared->source.tree, err) !=
            KY_OK ||
        prepared_analyze(session, &prepared->source, err) != KY_OK) {
        return session_fail(session, err);
    }
    const struct plan_source *source = &prepared->source;
    *out = (struct session_description){.param_types = source->param_types,
                                        .param_count = source->param_count,
                                        .columns = source->columns,
                                        .column_count = source->column_count,
                                        .has_rows = source->has_rows};
    return leave(session, SESSION_DONE);
}

enum session_answer
session_describe_portal(struct session *session, const char *name, struct session_description *out,
                        struct ky_error *err)
{
    enter(session, ky_slice(NULL, 0), NULL);
    struct portal *portal = ky_smap_find(&session->portals, ky_slice_cstr(name));
    if (portal == NULL) {
        (void)ky_error_set(err, KY_INVALID_CURSOR_NAME, "portal \"%s\" does not exist", name);
        return session_fail(session, err);
    }
    if (portal->columns == NULL) { /* a cursor that nothing was fetched from */
        if (prepared_analyze(session, portal->source, err) != KY_OK) {
            return session_fail(session, err);
        }
        portal_make_columns(portal);
    }
    *out = (struct session_description){.columns = portal->columns,
                                        .column_count = portal->column_count,
                                        .has_rows = portal->source->has_rows};
    return leave(session, SESSION_DONE);
}

static enum session_answer
drive_execute(struct session *session, struct ky_error *err)
{
    struct portal *portal = session->executing;
    enum step step = STEP_COMMIT;
    if (!is_waiting_for_commit(session)) {
        step = run_statement(session, portal, err);
    }
    if (step == STEP_COMMIT) {
        session->executing = NULL; /* the commit closes all portals */
        step = run_commit(session, err);
    }
    switch (step) {
    case STEP_PENDING:
        return SESSION_PENDING;
    case STEP_COPY_IN:
        return leave(session, SESSION_COPY_IN);
    case STEP_ERROR:
        return session_fail(session, err);
    case STEP_SUSPENDED:
        session->running = NULL;
        return leave(session, SESSION_SUSPENDED);
    case STEP_DONE:
    case STEP_COMMIT:
        break;
    }
    session->executing = NULL;
    session->sink->complete(session->sink, session->tag);
    end_statement(session);
    return leave(session, SESSION_DONE);
}

enum session_answer
session_execute(struct session *session, const char *name, uint32_t max_rows,
                struct result_sink *sink, struct ky_error *err)
{
    struct portal *portal = ky_smap_find(&session->portals, ky_slice_cstr(name));
    enter(session, portal == NULL ? ky_slice(NULL, 0) : portal->source->own_sql, sink);
    if (portal == NULL) {
        (void)ky_error_set(err, KY_INVALID_CURSOR_NAME, "portal \"%s\" does not exist", name);
        return session_fail(session, err);
    }
    if (portal->source->tree == NULL) {
        sink->empty(sink);
        return leave(session, SESSION_DONE);
    }
    session->job = JOB_EXECUTE;
    session->executing = portal;
    portal->tag_start = portal->row_count;
    session->left_rows = max_rows;
    session->tag[0] = '\0';
    session->running = NULL;
    if (portal->phase == PORTAL_NEW) {
        ky_arena_reset(&session->arena);
    }
    return drive_execute(session, err);
}

void
session_close_statement(struct session *session, const char *name)
{
    struct prepared *prepared = ky_smap_remove(&session->prepared, ky_slice_cstr(name));
    if (prepared != NULL) {
        prepared_release(prepared);
    }
}

void
session_close_portal(struct session *session, const char *name)
{
    portal_free(session, ky_smap_remove(&session->portals, ky_slice_cstr(name)));
}

void
session_close_unnamed(struct session *session)
{
    session_close_portal(session, "");
    session_close_statement(session, "");
}

static enum session_answer
drive_sync(struct session *session, struct ky_error *err)
{
    enum step step = run_commit(session, err);
    if (step == STEP_PENDING) {
        return SESSION_PENDING;
    }
    return step == STEP_ERROR ? session_fail(session, err) : leave(session, SESSION_DONE);
}

enum session_answer
session_sync(struct session *session, struct result_sink *sink, struct ky_error *err)
{
    session->sink = sink;
    session->clock_us = ky_wall_us();
    if (session->begin_ns == 0) {
        session->begin_ns = ky_monotonic_ns();
    }
    session->job = JOB_SYNC;
    if (session->is_block || (session->txn == NULL && session->commit_state == COMMIT_NONE)) {
        return leave(session, SESSION_DONE);
    }
    return drive_sync(session, err);
}

/* ------------------------------------------------------------------ COPY */

/* The statement's work is done: its tag, and for a simple query what follows. */
static enum session_answer
copy_ended(struct session *session, uint64_t row_count, struct ky_error *err)
{
    (void)snprintf(session->tag, sizeof(session->tag), "COPY %" PRIu64, row_count);
    copy_free(session->copy);
    session->copy = NULL;
    if (session->copy_job == JOB_EXECUTE) {
        session->running = NULL;
        session->sink->complete(session->sink, session->tag);
        return leave(session, SESSION_DONE);
    }
    session->job = JOB_SIMPLE;
    end_simple_statement(session);
    session->has_tag = true;
    session->wants_commit = session->statement_index == session->statements.count &&
                            session->txn != NULL && !session->is_block;
    return drive_simple(session, err);
}

static enum session_answer
copy_answer(struct session *session, enum session_answer answer, bool is_end, uint64_t row_count,
            struct ky_error *err)
{
    if (answer == SESSION_ERROR) {
        return session_fail(session, err);
    }
    if (answer == SESSION_DONE && is_end) {
        return copy_ended(session, row_count, err);
    }
    return answer == SESSION_DONE ? leave(session, SESSION_COPY_IN) : answer;
}

enum session_answer
session_copy_data(struct session *session, struct ky_slice data, struct result_sink *sink,
                  struct ky_error *err)
{
    session->sink = sink;
    if (session->copy == NULL) {
        return SESSION_DONE; /* after an error: thrown away */
    }
    if (session->job != JOB_COPY) {
        session->copy_job = session->job;
        session->job = JOB_COPY;
    }
    session->is_copy_ending = false;
    if (atomic_load_explicit(&session->cancel, memory_order_relaxed) != CANCEL_NONE) {
        session_cancel_error(session, err);
        return session_fail(session, err);
    }
    return copy_answer(session, copy_in_data(session, data, err), false, 0, err);
}

enum session_answer
session_copy_end(struct session *session, const char *failure, struct result_sink *sink,
                 struct ky_error *err)
{
    uint64_t row_count = 0;
    session->sink = sink;
    if (session->copy == NULL) {
        return SESSION_DONE;
    }
    if (session->job != JOB_COPY) {
        session->copy_job = session->job;
        session->job = JOB_COPY;
    }
    if (failure != NULL) {
        (void)ky_error_set(err, KY_QUERY_CANCELED, "COPY from stdin failed: %s", failure);
        ky_metric_add(&statement_errors, 1);
        struct ky_error kept = *err;
        atomic_store_explicit(&session->cancel, CANCEL_NONE, memory_order_relaxed);
        (void)session_fail(session, err);
        *err = kept;
        return SESSION_ERROR;
    }
    session->is_copy_ending = true;
    enum session_answer answer = copy_in_end(session, &row_count, err);
    return copy_answer(session, answer, true, row_count, err);
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
    /* A commit under way cannot be cancelled: its outcome is what counts. */
    if (atomic_load_explicit(&session->commit_state, memory_order_acquire) == COMMIT_NONE &&
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
        return copy_answer(session, answer, session->is_copy_ending, row_count, err);
    }
    case JOB_NONE:
        return SESSION_DONE; /* a wake that came late */
    }
    KY_UNREACHABLE();
}
