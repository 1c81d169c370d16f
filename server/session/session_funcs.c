/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "server/base/clock.h"
#include "server/session/notify.h"
#include "server/session/rights.h"
#include "server/session/sequence.h"
#include "server/types/datetime.h"

/* Functions that act on the session: settings, sequences, signals, sleeping. */

static struct session *
session_of(const struct func_env *env)
{
    const struct catalog_env *catalog_env = env->self;
    return catalog_env->session;
}

static const char *
text_arg(const struct func_env *env, struct datum value)
{
    return ky_arena_cstr(env->types.arena, value.bytes);
}

static struct datum
text_result(const struct func_env *env, const char *text)
{
    return datum_cstr(ky_arena_strdup(env->types.arena, text));
}

static ky_status
current_setting(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
                struct ky_error *err)
{
    struct ky_buffer scratch = {0};
    const char *name = text_arg(env, args[0]);
    const char *value = session_show(session_of(env), name, &scratch);
    bool is_missing_ok = arg_count > 1 && args[1].word != 0;
    ky_status status = KY_OK;
    if (value != NULL) {
        *out = text_result(env, value);
    } else if (is_missing_ok) {
        *out = datum_null();
    } else {
        status = ky_error_set(err, KY_UNDEFINED_OBJECT,
                              "unrecognized configuration parameter \"%s\"", name);
    }
    ky_buffer_deinit(&scratch);
    return status;
}

static ky_status
set_config(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
           struct ky_error *err)
{
    struct session *session = session_of(env);
    struct ky_buffer scratch = {0};
    (void)arg_count;
    if (args[0].is_null) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED, "SET requires parameter name");
    }
    const char *name = text_arg(env, args[0]);
    bool is_local = !args[2].is_null && args[2].word != 0;
    if (args[1].is_null) {
        KY_TRY(settings_reset(&session->settings, name, err));
    } else {
        const char *text = text_arg(env, args[1]);
        KY_TRY(session_check_role_setting(session, name, text, err));
        KY_TRY(settings_set(&session->settings, name, text, is_local, false, err));
    }
    session_apply_role(session);
    const char *value = session_show(session, name, &scratch);
    *out = value == NULL ? datum_null() : text_result(env, value);
    ky_buffer_deinit(&scratch);
    return KY_OK;
}

static ky_status
pg_backend_pid(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
               struct ky_error *err)
{
    (void)args;
    (void)arg_count;
    (void)err;
    *out = datum_word(session_of(env)->pid);
    return KY_OK;
}

static ky_status
check_signal(const struct func_env *env, int64_t pid, bool is_terminate, struct ky_error *err)
{
    const struct session *session = session_of(env);
    const struct cat_image *image = ((const struct catalog_env *)env->self)->image;
    const oid_t target = server_session_role(session->server, (int32_t)pid);
    if (session->is_superuser || target == OID_NONE) {
        return KY_OK;
    }
    if (acl_is_superuser(image, target)) {
        return ky_error_set(err, KY_INSUFFICIENT_PRIVILEGE,
                            is_terminate ? "must be a superuser to terminate superuser process"
                                         : "must be a superuser to cancel superuser query");
    }
    return acl_inherits(image, session->role, target) ||
                   acl_inherits(image, session->role, OID_ROLE_SIGNAL_BACKEND)
               ? KY_OK
               : ky_error_set(err, KY_INSUFFICIENT_PRIVILEGE,
                              is_terminate
                                  ? "must be a member of the role whose process is being "
                                    "terminated or member of pg_signal_backend"
                                  : "must be a member of the role whose query is being canceled "
                                    "or member of pg_signal_backend");
}

static ky_status
signal_backend(struct func_env *env, int64_t pid, bool is_terminate, struct datum *out,
               struct ky_error *err)
{
    struct session *session = session_of(env);
    KY_TRY(check_signal(env, pid, is_terminate, err));
    bool is_found = server_signal(session->server, (int32_t)pid, is_terminate);
    if (!is_found) {
        session_notice(session, "WARNING", KY_WARNING,
                       "PID %" PRId64 " is not a PostgreSQL backend process", pid);
    }
    *out = datum_word(is_found);
    return KY_OK;
}

static ky_status
pg_cancel_backend(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
                  struct ky_error *err)
{
    (void)arg_count;
    return signal_backend(env, args[0].word, false, out, err);
}

static ky_status
pg_terminate_backend(struct func_env *env, const struct datum *args, int arg_count,
                     struct datum *out, struct ky_error *err)
{
    (void)arg_count;
    return signal_backend(env, args[0].word, true, out, err);
}

/* The worker is lent to others meanwhile; a cancel ends the sleep. */
static ky_status
pg_sleep(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
         struct ky_error *err)
{
    enum { SLEEP_STEP_MS = 3600 * 1000 };
    struct session *session = session_of(env);
    struct server *server = session->server;
    int64_t end_ns = ky_monotonic_ns() + (int64_t)(KY_MIN(args[0].real, 1e9) * 1e9);
    bool is_cancelled = false;
    (void)arg_count;
    atomic_store_explicit(&session->wait, WAIT_SLEEP, memory_order_relaxed);
    if (server->options.sleeping != NULL) {
        server->options.sleeping(server->options.arg, true);
    }
    ky_mutex_lock(&server->sleep_lock);
    for (;;) {
        int64_t left_ns = end_ns - ky_monotonic_ns();
        is_cancelled = session_is_cancelled(session);
        if (left_ns <= 0 || is_cancelled) {
            break;
        }
        (void)ky_cond_wait_for(&server->sleep_over, &server->sleep_lock,
                               KY_MIN((left_ns + 999999) / 1000000, (int64_t)SLEEP_STEP_MS));
    }
    ky_mutex_unlock(&server->sleep_lock);
    if (server->options.sleeping != NULL) {
        server->options.sleeping(server->options.arg, false);
    }
    atomic_store_explicit(&session->wait, WAIT_NOTHING, memory_order_relaxed);
    if (is_cancelled) {
        return ky_error_set(err, KY_QUERY_CANCELED, "canceling statement due to user request");
    }
    *out = datum_bytes("", 0);
    return KY_OK;
}

/* As long as an instant that moves by the interval, from now on the wall clock. */
static ky_status
pg_sleep_for(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
             struct ky_error *err)
{
    const int64_t now = ky_wall_us() - DATETIME_UNIX_TO_2000_US;
    int64_t end;
    KY_TRY(timestamptz_add_interval(env->types.zone, now, interval_load(args[0].bytes), &end, err));
    return pg_sleep(env, &(struct datum){.real = (double)(end - now) / 1e6}, arg_count, out, err);
}

static ky_status
pg_sleep_until(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
               struct ky_error *err)
{
    const double now = (double)(ky_wall_us() - DATETIME_UNIX_TO_2000_US);
    const double seconds = ((double)args[0].word - now) / 1e6;
    return pg_sleep(env, &(struct datum){.real = seconds}, arg_count, out, err);
}

/* The text the client sent, all statements of it. */
static ky_status
current_query(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
              struct ky_error *err)
{
    const struct session *session = session_of(env);
    (void)args;
    (void)arg_count;
    (void)err;
    const struct ky_slice sql =
        session->running != NULL ? session->running->source->sql : session->simple_sql;
    *out = (struct datum){.bytes = ky_slice_dup(env->types.arena, sql)};
    return KY_OK;
}

/* ------------------------------------------------------------------ channels */

static ky_status
pg_notify(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
          struct ky_error *err)
{
    (void)arg_count;
    const char *channel = args[0].is_null ? "" : text_arg(env, args[0]);
    const char *payload = args[1].is_null ? "" : text_arg(env, args[1]);
    *out = datum_bytes("", 0);
    return notify_send(session_of(env), channel, payload, err);
}

static ky_status
pg_notification_queue_usage(struct func_env *env, const struct datum *args, int arg_count,
                            struct datum *out, struct ky_error *err)
{
    (void)args;
    (void)arg_count;
    (void)err;
    *out = datum_real(notify_usage(session_of(env)));
    return KY_OK;
}

struct func_rows {
    const char **names;
    uint32_t count;
    uint32_t next;
};

static ky_status
channels_open(struct func_env *env, const struct datum *args, int arg_count,
              struct func_rows **rows_out, struct ky_error *err)
{
    struct func_rows *rows = ky_arena_new(env->types.arena, struct func_rows);
    (void)args;
    (void)arg_count;
    (void)err;
    rows->names = notify_channels(session_of(env), env->types.arena, &rows->count);
    *rows_out = rows;
    return KY_OK;
}

static ky_status
channels_next(struct func_env *env, struct func_rows *rows, struct datum *values, bool *has_row_out,
              struct ky_error *err)
{
    (void)env;
    (void)err;
    *has_row_out = rows->next < rows->count;
    if (*has_row_out) {
        values[0] = datum_cstr(rows->names[rows->next++]);
    }
    return KY_OK;
}

static const struct func_set channels_set = {channels_open, channels_next, 1,
                                             (const char *const[]){"pg_listening_channels"},
                                             (const oid_t[]){OID_TEXT}};

static ky_status
pg_postmaster_start_time(struct func_env *env, const struct datum *args, int arg_count,
                         struct datum *out, struct ky_error *err)
{
    (void)args;
    (void)arg_count;
    (void)err;
    *out = datum_word(session_of(env)->server->start_us - DATETIME_UNIX_TO_2000_US);
    return KY_OK;
}

/* ------------------------------------------------------------------ sequences */

static ky_status
find_sequence(const struct func_env *env, int64_t oid, const struct cat_table **out,
              struct ky_error *err)
{
    const struct catalog_env *catalog_env = env->self;
    const struct cat_table *table = cat_get_table(catalog_env->image, (oid_t)oid);
    if (table == NULL) {
        return ky_error_set(err, KY_UNDEFINED_TABLE, "relation with OID %" PRId64 " does not exist",
                            oid);
    }
    if (table->kind != 'S') {
        return ky_error_set(err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a sequence", table->name);
    }
    *out = table;
    return KY_OK;
}

/* Any of the rights. An identity column's sequence comes with INSERT on its table. */
static ky_status
check_sequence(const struct func_env *env, const struct cat_table *sequence, acl_rights rights,
               struct ky_error *err)
{
    const struct catalog_env *catalog_env = env->self;
    const struct session *session = session_of(env);
    const struct cat_image *image = catalog_env->image;
    const struct cat_table *table = cat_get_table(image, sequence->owner_table);
    if (session->is_superuser) {
        return KY_OK;
    }
    if (table != NULL && sequence->owner_column > 0 &&
        table->columns[sequence->owner_column - 1].identity != 0 && (rights & ACL_USAGE) != 0 &&
        acl_on_table(image, session->role, table, ACL_INSERT) != 0) {
        return KY_OK;
    }
    return rights_check_table(session, image, sequence, rights, true, err);
}

static ky_status
nextval(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
        struct ky_error *err)
{
    const struct cat_table *sequence;
    struct session *session = session_of(env);
    int64_t value;
    (void)arg_count;
    KY_TRY(find_sequence(env, args[0].word, &sequence, err));
    KY_TRY(check_sequence(env, sequence, ACL_USAGE | ACL_UPDATE, err));
    if (session->is_read_only) {
        return ky_error_set(err, KY_READ_ONLY_SQL_TRANSACTION,
                            "cannot execute nextval() in a read-only transaction");
    }
    KY_TRY(sequence_next(session, sequence, &value, err));
    *out = datum_word(value);
    return KY_OK;
}

static ky_status
currval(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
        struct ky_error *err)
{
    const struct cat_table *sequence;
    (void)arg_count;
    KY_TRY(find_sequence(env, args[0].word, &sequence, err));
    KY_TRY(check_sequence(env, sequence, ACL_SELECT | ACL_USAGE, err));
    const uint64_t *value = ky_map64_find(&session_of(env)->sequences, sequence->oid);
    if (value == NULL) {
        return ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                            "currval of sequence \"%s\" is not yet defined in this session",
                            sequence->name);
    }
    *out = datum_word((int64_t)*value);
    return KY_OK;
}

static ky_status
lastval(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
        struct ky_error *err)
{
    const struct session *session = session_of(env);
    (void)args;
    (void)arg_count;
    if (!session->has_last_value) {
        return ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                            "lastval is not yet defined in this session");
    }
    *out = datum_word(session->last_value);
    return KY_OK;
}

static ky_status
setval(struct func_env *env, const struct datum *args, int arg_count, struct datum *out,
       struct ky_error *err)
{
    const struct cat_table *sequence;
    KY_TRY(find_sequence(env, args[0].word, &sequence, err));
    KY_TRY(check_sequence(env, sequence, ACL_UPDATE, err));
    if (session_of(env)->is_read_only) {
        return ky_error_set(err, KY_READ_ONLY_SQL_TRANSACTION,
                            "cannot execute setval() in a read-only transaction");
    }
    KY_TRY(sequence_set(session_of(env), sequence, args[1].word, arg_count < 3 || args[2].word != 0,
                        err));
    *out = datum_word(args[1].word);
    return KY_OK;
}

/* ------------------------------------------------------------------ the table */

#define ARGS(...) ((const oid_t[]){__VA_ARGS__})
#define FUNC(oid_, name_, result_, count_, args_, strict_, volatility_, fn_)                       \
    {                                                                                              \
        .oid = (oid_), .name = (name_), .result = (result_), .arg_count = (count_),                \
        .args = (args_), .is_strict = (strict_), .volatility = (volatility_), .kind = FUNC_SCALAR, \
        .scalar = (fn_)                                                                            \
    }

static const struct func session_funcs[] = {
    FUNC(2077, "current_setting", OID_TEXT, 1, ARGS(OID_TEXT), true, 's', current_setting),
    FUNC(3294, "current_setting", OID_TEXT, 2, ARGS(OID_TEXT, OID_BOOL), true, 's',
         current_setting),
    FUNC(2078, "set_config", OID_TEXT, 3, ARGS(OID_TEXT, OID_TEXT, OID_BOOL), false, 'v',
         set_config),
    FUNC(2026, "pg_backend_pid", OID_INT4, 0, NULL, true, 's', pg_backend_pid),
    FUNC(2171, "pg_cancel_backend", OID_BOOL, 1, ARGS(OID_INT4), true, 'v', pg_cancel_backend),
    FUNC(2096, "pg_terminate_backend", OID_BOOL, 1, ARGS(OID_INT4), true, 'v',
         pg_terminate_backend),
    FUNC(2626, "pg_sleep", OID_VOID, 1, ARGS(OID_FLOAT8), true, 'v', pg_sleep),
    FUNC(3935, "pg_sleep_for", OID_VOID, 1, ARGS(OID_INTERVAL), true, 'v', pg_sleep_for),
    FUNC(3936, "pg_sleep_until", OID_VOID, 1, ARGS(OID_TIMESTAMPTZ), true, 'v', pg_sleep_until),
    FUNC(817, "current_query", OID_TEXT, 0, NULL, false, 'v', current_query),
    FUNC(3036, "pg_notify", OID_VOID, 2, ARGS(OID_TEXT, OID_TEXT), false, 'v', pg_notify),
    FUNC(3296, "pg_notification_queue_usage", OID_FLOAT8, 0, NULL, true, 'v',
         pg_notification_queue_usage),
    {.oid = 3035,
     .name = "pg_listening_channels",
     .result = OID_TEXT,
     .is_strict = true,
     .volatility = 's',
     .kind = FUNC_SCALAR,
     .is_set = true,
     .set = &channels_set},
    FUNC(2560, "pg_postmaster_start_time", OID_TIMESTAMPTZ, 0, NULL, true, 's',
         pg_postmaster_start_time),
    FUNC(1574, "nextval", OID_INT8, 1, ARGS(OID_REGCLASS), true, 'v', nextval),
    FUNC(1575, "currval", OID_INT8, 1, ARGS(OID_REGCLASS), true, 'v', currval),
    FUNC(2559, "lastval", OID_INT8, 0, NULL, true, 'v', lastval),
    FUNC(1576, "setval", OID_INT8, 2, ARGS(OID_REGCLASS, OID_INT8), true, 'v', setval),
    FUNC(1765, "setval", OID_INT8, 3, ARGS(OID_REGCLASS, OID_INT8, OID_BOOL), true, 'v', setval),
};

void
session_funcs_register(void)
{
    func_register(session_funcs, KY_COUNT_OF(session_funcs));
}
