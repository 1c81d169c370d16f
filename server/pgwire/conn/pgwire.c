/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/pgwire/conn/conn_private.h"

/*
 * The front door: listeners, connections that never finish logging in, and the end. Stopping has
 * two parts: connections end as soon as nothing runs on them; what still runs after the grace is
 * cancelled.
 */

enum { LOGIN_CHECK_MS = 500, STOP_REPORT_MS = 5000 };

/* Listeners belong to the loop's thread, which runs already: it opens them while we wait. */
struct opening {
    struct pgwire *pgwire;
    struct ky_error *err;
    ky_status status;
    bool is_done;
};

/* Ends those who had their time. The oldest is in front. */
static void
check_logins(void *arg)
{
    struct pgwire *pgwire = arg;
    int64_t now_ns = ky_monotonic_ns();
    ky_mutex_lock(&pgwire->lock);
    ky_list_foreach (item, &pgwire->logins) {
        struct conn *conn = ky_list_entry(item, struct conn, login_link);
        struct ky_error reason;
        if (conn->login_deadline_ns > now_ns) {
            break;
        }
        (void)ky_error_set(&reason, KY_QUERY_CANCELED, "canceling authentication due to timeout");
        conn_terminate_locked(conn, &reason);
    }
    ky_mutex_unlock(&pgwire->lock);
}

static void
open_listeners(void *arg)
{
    struct opening *opening = arg;
    struct pgwire *pgwire = opening->pgwire;
    const struct pgwire_options *options = &pgwire->options;
    struct loop *loop = options->loops[0];
    ky_status status = listener_open_tcp(loop, options->host, options->port, conn_accept, pgwire,
                                         &pgwire->tcp, opening->err);
    if (status == KY_OK && options->socket_dir[0] != '\0') {
        status = listener_open_unix(loop, options->socket_dir, options->port, conn_accept, pgwire,
                                    &pgwire->unix_socket, opening->err);
        if (status != KY_OK) {
            listener_close(pgwire->tcp);
        }
    }
    if (status == KY_OK) {
        loop_timer_start(loop, &pgwire->login_timer, LOGIN_CHECK_MS, true, check_logins, pgwire);
    }
    ky_mutex_lock(&pgwire->lock);
    opening->status = status;
    opening->is_done = true;
    ky_cond_broadcast(&pgwire->idle);
    ky_mutex_unlock(&pgwire->lock);
}

ky_status
pgwire_start(const struct pgwire_options *options, struct pgwire **pgwire_out, struct ky_error *err)
{
    struct pgwire *pgwire = ky_calloc(1, sizeof(*pgwire));
    struct opening opening = {.pgwire = pgwire, .err = err};
    pgwire->options = *options;
    ky_mutex_init(&pgwire->lock);
    ky_cond_init(&pgwire->idle);
    ky_list_init(&pgwire->logins);
    pgwire->loops = ky_calloc((size_t)options->loop_count, sizeof(*pgwire->loops));
    for (int i = 0; i < options->loop_count; i++) {
        pgwire->loops[i].loop = options->loops[i];
        ky_arena_init(&pgwire->loops[i].arena);
    }
    loop_post(options->loops[0], open_listeners, &opening);
    ky_mutex_lock(&pgwire->lock);
    while (!opening.is_done) {
        ky_cond_wait(&pgwire->idle, &pgwire->lock);
    }
    ky_mutex_unlock(&pgwire->lock);
    if (opening.status != KY_OK) {
        pgwire_free(pgwire);
        return KY_ERR;
    }
    ky_log(INFO, "pgwire", "listening host=%s port=%d", options->host, options->port);
    *pgwire_out = pgwire;
    return KY_OK;
}

static void
close_listeners(void *arg)
{
    struct pgwire *pgwire = arg;
    listener_close(pgwire->tcp);
    listener_close(pgwire->unix_socket);
    loop_timer_stop(&pgwire->login_timer);
    ky_mutex_lock(&pgwire->lock);
    pgwire->tcp = pgwire->unix_socket = NULL;
    pgwire->connection_count--;
    if (pgwire->connection_count == 0) {
        ky_cond_broadcast(&pgwire->idle);
    }
    ky_mutex_unlock(&pgwire->lock);
}

/* True when none is left. */
static bool
wait_for_connections(struct pgwire *pgwire, int64_t wait_ms)
{
    int64_t end_ns = ky_monotonic_ns() + wait_ms * 1000000;
    ky_mutex_lock(&pgwire->lock);
    while (pgwire->connection_count > 0) {
        int64_t left_ms = (end_ns - ky_monotonic_ns()) / 1000000;
        if (left_ms <= 0) {
            break;
        }
        (void)ky_cond_wait_for(&pgwire->idle, &pgwire->lock, left_ms);
    }
    int left = pgwire->connection_count;
    ky_mutex_unlock(&pgwire->lock);
    if (left > 0) {
        ky_log(INFO, "pgwire", "waiting for statements connections=%d", left);
    }
    return left == 0;
}

void
pgwire_stop(struct pgwire *pgwire, int64_t grace_ms)
{
    struct ky_error reason;
    (void)ky_error_set(&reason, KY_ADMIN_SHUTDOWN,
                       "terminating connection due to administrator command");
    ky_mutex_lock(&pgwire->lock);
    pgwire->is_stopping = true;
    pgwire->connection_count++; /* for close_listeners */
    ky_list_foreach (item, &pgwire->logins) {
        conn_terminate_locked(ky_list_entry(item, struct conn, login_link), &reason);
    }
    ky_mutex_unlock(&pgwire->lock);
    loop_post(pgwire->options.loops[0], close_listeners, pgwire);
    server_shutdown(pgwire->options.server);
    if (wait_for_connections(pgwire, grace_ms)) {
        return;
    }
    do {
        /* Again and again: a statement may begin after the flag of the one before it was taken. */
        server_cancel_all(pgwire->options.server);
    } while (!wait_for_connections(pgwire, STOP_REPORT_MS));
}

void
pgwire_free(struct pgwire *pgwire)
{
    if (pgwire == NULL) {
        return;
    }
    for (int i = 0; i < pgwire->options.loop_count; i++) {
        ky_arena_deinit(&pgwire->loops[i].arena);
    }
    ky_free(pgwire->loops);
    ky_cond_deinit(&pgwire->idle);
    ky_mutex_deinit(&pgwire->lock);
    ky_free(pgwire);
}
