/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/autoanalyze.h"

#include <inttypes.h>

#include "server/access/relation_stats.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/metric.h"
#include "server/session/session_private.h"

/*
 * Each table is analyzed by a session of its own, which pg_stat_activity shows; it does not wait
 * for locks longer than a second, and tries again at the next look.
 */
enum { CHANGES_MIN = 50, CHANGES_SHARE = 10, TABLES_MAX = 1000 };

KY_METRIC(runs, "kyrodb_autoanalyze_total", "outcome=\"done\"", KY_COUNTER,
          "Tables analyzed without being asked to, by outcome.")
KY_METRIC(skips, "kyrodb_autoanalyze_total", "outcome=\"skipped\"", KY_COUNTER,
          "Tables analyzed without being asked to, by outcome.")
KY_METRIC(failures, "kyrodb_autoanalyze_total", "outcome=\"failed\"", KY_COUNTER,
          "Tables analyzed without being asked to, by outcome.")

struct autoanalyze {
    struct server *server;
    int64_t naptime_s;
    struct ky_mutex lock;
    struct ky_cond wake;
    bool is_stopping KY_GUARDED_BY(lock);
    struct session *session KY_GUARDED_BY(lock); /* the one that runs; NULL: none */
    struct ky_mutex wake_lock;                   /* taken by whoever wakes the session */
    struct ky_cond is_awake;
    bool is_woken KY_GUARDED_BY(wake_lock); /* it may go on */
    struct ky_thread thread;
};

/* ------------------------------------------------------------------ one table */

static void
ignore_columns(struct result_sink *sink, const struct result_column *columns, uint16_t count)
{
    (void)sink;
    (void)columns;
    (void)count;
}

static void
ignore_tag(struct result_sink *sink, const char *tag)
{
    (void)sink;
    (void)tag;
}

static void
ignore_empty(struct result_sink *sink)
{
    (void)sink;
}

static void
ignore_notice(struct result_sink *sink, const char *severity, const struct ky_error *notice)
{
    (void)sink;
    (void)severity;
    (void)notice;
}

static void
ignore_parameter(struct result_sink *sink, const char *name, const char *value)
{
    (void)sink;
    (void)name;
    (void)value;
}

static void
session_woken(void *arg)
{
    struct autoanalyze *self = arg;
    ky_mutex_lock(&self->wake_lock);
    self->is_woken = true;
    ky_cond_broadcast(&self->is_awake);
    ky_mutex_unlock(&self->wake_lock);
}

/* The statement was cancelled as well, and the session ends with it. */
static void
session_terminated(void *arg, const struct ky_error *reason)
{
    (void)arg;
    (void)reason;
}

static void
wait_for_wake(struct autoanalyze *self)
{
    ky_mutex_lock(&self->wake_lock);
    while (!self->is_woken) {
        ky_cond_wait(&self->is_awake, &self->wake_lock);
    }
    self->is_woken = false;
    ky_mutex_unlock(&self->wake_lock);
}

static ky_status
run_statement(struct autoanalyze *self, struct session *session, struct ky_slice sql,
              struct ky_error *err)
{
    struct result_sink sink = {
        .columns = ignore_columns,
        .complete = ignore_tag,
        .empty = ignore_empty,
        .notice = ignore_notice,
        .parameter = ignore_parameter,
    };
    session_run_on(session, SESSION_ON_LONG, false, ky_monotonic_ns());
    enum session_answer answer = session_simple(session, sql, &sink, err);
    while (answer == SESSION_PENDING) {
        wait_for_wake(self);
        session_run_on(session, SESSION_ON_LONG, false, ky_monotonic_ns());
        answer = session_resume(session, &sink, err);
    }
    return answer == SESSION_DONE ? KY_OK : KY_ERR;
}

/* False: it is stopping. */
static bool
set_session(struct autoanalyze *self, struct session *session)
{
    ky_mutex_lock(&self->lock);
    const bool may_run = !self->is_stopping || session == NULL;
    self->session = may_run ? session : NULL;
    ky_mutex_unlock(&self->lock);
    return may_run;
}

static void
analyze(struct autoanalyze *self, struct ky_slice name)
{
    static const char *const settings[] = {"application_name", "autoanalyze", "lock_timeout", "1s",
                                           NULL};
    const struct session_options options = {
        .user = "postgres",
        .database = "postgres",
        .client_address = "",
        .client_port = -1,
        .settings = settings,
        .hooks = {.arg = self, .wake = session_woken, .terminate = session_terminated},
    };
    struct session *session = NULL;
    struct ky_error err;
    struct ky_buffer sql = {0};
    const int64_t begin_ns = ky_monotonic_ns();
    ky_error_init(&err);
    ky_buffer_printf(&sql, "ANALYZE %.*s", (int)name.size, (const char *)name.data);
    ky_status status = session_open(self->server, &options, &session, &err);
    if (status == KY_OK) {
        session->is_autoanalyze = true;
        status = set_session(self, session)
                     ? run_statement(self, session, ky_buffer_slice(&sql), &err)
                     : ky_error_set(&err, KY_QUERY_CANCELED, "stopping");
        (void)set_session(self, NULL);
        session_close(session);
    }
    if (status == KY_OK) {
        ky_metric_add(&runs, 1);
        ky_log(INFO, "autoanalyze", "table analyzed table=%.*s took_ms=%" PRId64, (int)name.size,
               (const char *)name.data, (ky_monotonic_ns() - begin_ns) / 1000000);
    } else if (err.sqlstate == KY_LOCK_NOT_AVAILABLE) {
        ky_metric_add(&skips, 1);
        ky_log(INFO, "autoanalyze", "skipping analyze of table=%.*s, lock not available",
               (int)name.size, (const char *)name.data);
    } else if (err.sqlstate != KY_QUERY_CANCELED && err.sqlstate != KY_UNDEFINED_TABLE) {
        ky_metric_add(&failures, 1);
        ky_log(WARN, "autoanalyze", "table not analyzed table=%.*s error=\"%s\"", (int)name.size,
               (const char *)name.data, err.message);
    }
    ky_buffer_deinit(&sql);
}

/* ------------------------------------------------------------------ looking */

static bool
is_due(struct server *server, const struct cat_table *table)
{
    if (!cat_keeps_rows(table) || table->persistence == 't' || table->row_id == 0) {
        return false;
    }
    const uint64_t live = storage_live_count(server_storage(server), table->rel);
    return access_changes_since_analyze(server_access(server), table) >
           CHANGES_MIN + live / CHANGES_SHARE;
}

static void
put_quoted(struct ky_buffer *out, const char *name)
{
    ky_buffer_append_byte(out, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"') {
            ky_buffer_append_byte(out, '"');
        }
        ky_buffer_append_byte(out, (uint8_t)*name);
    }
    ky_buffer_append_byte(out, '"');
}

/* Names of the tables that are due, one after another. */
static void
look(struct autoanalyze *self, struct ky_buffer *names, struct ky_slice *parts, uint32_t *count_out)
{
    struct cat_image *image;
    struct ky_error err;
    size_t sizes[TABLES_MAX];
    ky_error_init(&err);
    *count_out = 0;
    if (server_current_image(self->server, &image, &err) != KY_OK) {
        return;
    }
    access_stats_sweep(server_access(self->server), image);
    for (size_t i = 0; i < image->table_count && *count_out < TABLES_MAX; i++) {
        const struct cat_table *table = image->tables[i];
        const struct cat_schema *schema = cat_get_schema(image, table->schema);
        if (schema != NULL && is_due(self->server, table)) {
            const size_t before = names->size;
            put_quoted(names, schema->name);
            ky_buffer_append_byte(names, '.');
            put_quoted(names, table->name);
            sizes[(*count_out)++] = names->size - before;
        }
    }
    cat_image_release(image);
    const uint8_t *at = names->data;
    for (uint32_t i = 0; i < *count_out; i++) {
        parts[i] = ky_slice(at, sizes[i]);
        at += sizes[i];
    }
}

static bool
is_stopping(struct autoanalyze *self)
{
    ky_mutex_lock(&self->lock);
    const bool answer = self->is_stopping;
    ky_mutex_unlock(&self->lock);
    return answer;
}

static void *
run(void *arg)
{
    struct autoanalyze *self = arg;
    struct ky_slice *parts = ky_calloc(TABLES_MAX, sizeof(*parts));
    ky_thread_set_background();
    while (!is_stopping(self)) {
        ky_mutex_lock(&self->lock);
        if (!self->is_stopping) {
            (void)ky_cond_wait_for(&self->wake, &self->lock, self->naptime_s * 1000);
        }
        ky_mutex_unlock(&self->lock);
        struct ky_buffer names = {0};
        uint32_t count = 0;
        look(self, &names, parts, &count);
        for (uint32_t i = 0; i < count && !is_stopping(self); i++) {
            analyze(self, parts[i]);
        }
        ky_buffer_deinit(&names);
    }
    ky_free(parts);
    return NULL;
}

struct autoanalyze *
autoanalyze_start(struct server *server, int64_t naptime_s)
{
    struct autoanalyze *self = ky_calloc(1, sizeof(*self));
    self->server = server;
    self->naptime_s = naptime_s;
    ky_mutex_init(&self->lock);
    ky_cond_init(&self->wake);
    ky_mutex_init(&self->wake_lock);
    ky_cond_init(&self->is_awake);
    ky_thread_start(&self->thread, "autoanalyze", run, self);
    return self;
}

void
autoanalyze_stop(struct autoanalyze *self)
{
    if (self == NULL) {
        return;
    }
    ky_mutex_lock(&self->lock);
    self->is_stopping = true;
    if (self->session != NULL) {
        session_cancel(self->session);
    }
    ky_cond_broadcast(&self->wake);
    ky_mutex_unlock(&self->lock);
    ky_thread_join(&self->thread);
    ky_cond_deinit(&self->is_awake);
    ky_mutex_deinit(&self->wake_lock);
    ky_cond_deinit(&self->wake);
    ky_mutex_deinit(&self->lock);
    ky_free(self);
}
