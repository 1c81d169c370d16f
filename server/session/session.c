/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/session.h"

#include <sched.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/random.h"
#include "server/session/after.h"
#include "server/session/cursor.h"
#include "server/session/drive.h"
#include "server/session/notify.h"
#include "server/session/session_private.h"
#include "server/types/datetime.h"

/* A session's life and what it answers about itself. */

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
    session_apply_role(session);
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
        KY_TRY(session_check_role_setting(session, pairs[0], pairs[1], err));
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

/* CONNECTION LIMIT, which is not for superusers. */
static bool
is_role_full(struct server *server, const struct session *session, const struct role_auth *auth)
    KY_REQUIRES(server->lock)
{
    int64_t count = 0;
    if (auth->is_superuser || auth->connection_limit < 0) {
        return false;
    }
    ky_list_foreach (item, &server->sessions) {
        count += ky_list_entry(item, struct session, link)->login_role == session->login_role;
    }
    return count >= auth->connection_limit;
}

static ky_status
enlist(struct server *server, struct session *session, const struct role_auth *auth,
       struct ky_error *err)
{
    ky_status status = KY_OK;
    ky_mutex_lock(&server->lock);
    if (server->is_shutting_down) {
        status = ky_error_set(err, KY_CANNOT_CONNECT_NOW, "the database system is shutting down");
    } else if (is_role_full(server, session, auth)) {
        status = ky_error_set(err, KY_TOO_MANY_CONNECTIONS, "too many connections for role \"%s\"",
                              session->login_user);
    } else if (server->session_count >= server->options.max_connections) {
        status = ky_error_set(err, KY_TOO_MANY_CONNECTIONS, "sorry, too many clients already");
    } else {
        server->session_count++;
        server->session_total++;
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
    KY_TRY(server_check_database(server, options->database, auth.oid, err));
    struct session *session = ky_calloc(1, sizeof(*session));
    session->server = server;
    ky_list_init(&session->link);
    session->hooks = options->hooks;
    session->is_http = options->is_http;
    session->is_superuser = auth.is_superuser;
    session->role = session->session_role = session->login_role = auth.oid;
    ky_error_name(session->user, options->user);
    ky_error_name(session->session_user, options->user);
    ky_error_name(session->login_user, options->user);
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
    if ((!session->is_http && session_apply_role_settings(session, err) != KY_OK) ||
        apply_start_settings(session, options->settings, err) != KY_OK ||
        enlist(server, session, &auth, err) != KY_OK) {
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
    cursor_close_all(session);
    notify_close(session);
    session_advisory_end(session);
    ddl_session_end(session);
    after_close(session);
    session_close_prepared(session);
    ky_smap_deinit(&session->portals);
    ky_map64_deinit(&session->sequences);
    source_deinit(&session->simple_source);
    source_deinit(&session->inner_source);
    settings_deinit(&session->settings);
    for (int i = 0; i < SETTING_COUNT; i++) {
        ky_free(session->reported[i]);
    }
    ky_free(session->savepoints);
    ky_free(session->commit_error);
    ky_free(session->held_error);
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

void
session_report_changes(struct session *session, struct result_sink *sink)
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

KY_PRINTF(5, 0)
static void
send_notice(struct session *session, const char *severity, enum ky_sqlstate sqlstate,
            const char *detail, const char *format, va_list args)
{
    struct ky_error notice;
    char text[KY_ERROR_TEXT_SIZE];
    const char *minimum = settings_text(&session->settings, SETTING_CLIENT_MIN_MESSAGES);
    bool is_notice = strcmp(severity, "NOTICE") == 0;
    if (session->sink == NULL || strcmp(minimum, "error") == 0 ||
        (is_notice && strcmp(minimum, "warning") == 0)) {
        return;
    }
    (void)vsnprintf(text, sizeof(text), format, args);
    /* A notice may carry 00000, which no error can. */
    (void)ky_error_set(&notice, KY_WARNING, "%s", text);
    if (detail != NULL) {
        (void)ky_error_detail(&notice, "%s", detail);
    }
    notice.sqlstate = sqlstate;
    session->sink->notice(session->sink, severity, &notice);
}

void
session_notice(struct session *session, const char *severity, enum ky_sqlstate sqlstate,
               const char *format, ...)
{
    va_list args;
    va_start(args, format);
    send_notice(session, severity, sqlstate, NULL, format, args);
    va_end(args);
}

void
session_notice_detail(struct session *session, const char *severity, enum ky_sqlstate sqlstate,
                      const char *detail, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    send_notice(session, severity, sqlstate, detail, format, args);
    va_end(args);
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

enum session_answer
session_wait_for_row(struct session *session)
{
    const int wait = storage_waits_for_advisory(&session->waiter) ? WAIT_ADVISORY : WAIT_ROW;
    atomic_store_explicit(&session->wait, wait, memory_order_relaxed);
    atomic_store_explicit(&session->lock_wait_us, ky_wall_us(), memory_order_relaxed);
    return SESSION_PENDING;
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
