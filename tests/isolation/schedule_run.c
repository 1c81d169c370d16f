/* SPDX-License-Identifier: Apache-2.0 */
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/isolation/schedule.h"

enum { SETTLE_TIMEOUT_MS = 3000, LOOK_MS = 1 };

/* ------------------------------------------------------------------ text */

static void put(struct side *side, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct side *side, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(side->text + side->size, TEXT_MAX - side->size, format, args);
    va_end(args);
    side->size += (size_t)size;
    if (side->size >= TEXT_MAX) {
        side->size = TEXT_MAX - 1;
    }
}

static void
put_rows(struct side *side, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++) {
        put(side, "   ");
        for (int column = 0; column < PQnfields(result); column++) {
            put(side, " %s",
                PQgetisnull(result, row, column) ? "NULL" : PQgetvalue(result, row, column));
        }
        put(side, "\n");
    }
}

static void
put_field(struct side *side, const PGresult *result, int field, const char *before)
{
    const char *value = PQresultErrorField(result, field);
    if (value != NULL) {
        put(side, "%s%s", before, value);
    }
}

static void
put_error(struct side *side, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    put_field(side, result, PG_DIAG_SEVERITY, "");
    put_field(side, result, PG_DIAG_SQLSTATE, " ");
    put_field(side, result, PG_DIAG_MESSAGE_PRIMARY, " ");
    /* Of a deadlock it names processes. */
    if (state == NULL || strcmp(state, "40P01") != 0) {
        put_field(side, result, PG_DIAG_MESSAGE_DETAIL, "\n    DETAIL: ");
        put_field(side, result, PG_DIAG_MESSAGE_HINT, "\n    HINT: ");
        put_field(side, result, PG_DIAG_CONSTRAINT_NAME, "\n    CONSTRAINT: ");
    }
    put(side, "\n");
}

static void
put_result(struct side *side, int session, const PGresult *result)
{
    put(side, "  %c: ", 'A' + session);
    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
        put(side, "%s\n", PQcmdStatus((PGresult *)(uintptr_t)result));
        return;
    case PGRES_TUPLES_OK:
        put(side, "%s\n", PQcmdStatus((PGresult *)(uintptr_t)result));
        put_rows(side, result);
        return;
    default:
        put_error(side, result);
        return;
    }
}

static void
take_notice(void *arg, const PGresult *result)
{
    struct side *side = arg;
    put(side, "  notice: ");
    put_error(side, result);
}

/* ------------------------------------------------------------------ connections */

static PGconn *
connect_to(struct side *side)
{
    PGconn *conn = PQconnectdb(side->conninfo);
    if (PQstatus(conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s: %s", side->name, PQerrorMessage(conn));
        PQfinish(conn);
        return NULL;
    }
    PQsetNoticeReceiver(conn, take_notice, side);
    return conn;
}

bool
side_open(struct side *side)
{
    side->monitor = connect_to(side);
    bool is_good = side->monitor != NULL;
    for (int i = 0; i < SESSIONS && is_good; i++) {
        side->conns[i] = connect_to(side);
        is_good = side->conns[i] != NULL;
    }
    return is_good;
}

void
side_close(struct side *side)
{
    for (int i = 0; i < SESSIONS; i++) {
        PQfinish(side->conns[i]);
        side->conns[i] = NULL;
    }
    PQfinish(side->monitor);
    side->monitor = NULL;
}

static bool
run(struct side *side, PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    const ExecStatusType status = PQresultStatus(result);
    const bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!is_good) {
        (void)fprintf(stderr, "%s: %s: %s", side->name, sql, PQerrorMessage(conn));
    }
    PQclear(result);
    return is_good;
}

/* A session that still waits is let go of: the others' ends have not woken it. */
static bool
reset_session(struct side *side, int session)
{
    PGconn **conn = &side->conns[session];
    if (side->is_busy[session] || PQstatus(*conn) != CONNECTION_OK) {
        char sql[64];
        (void)snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", PQbackendPID(*conn));
        (void)run(side, side->monitor, sql);
        PQfinish(*conn);
        *conn = connect_to(side);
        side->is_busy[session] = false;
    }
    return *conn != NULL && run(side, *conn, "ROLLBACK") && run(side, *conn, "DISCARD ALL") &&
           run(side, *conn,
               "SET enable_seqscan = off; SET enable_bitmapscan = off; "
               "SET enable_hashjoin = off; SET enable_mergejoin = off");
}

bool
side_reset(struct side *side, const struct schedule *schedule)
{
    for (int i = 0; i < SESSIONS; i++) {
        if (!reset_session(side, i)) {
            return false;
        }
    }
    if (!run(side, side->monitor, "SET client_min_messages = warning") ||
        !run(side, side->monitor, "DROP TABLE IF EXISTS e, d, c, p, u, s, n1 CASCADE")) {
        return false;
    }
    for (int i = 0; i < schedule->setup_count; i++) {
        if (!run(side, side->monitor, schedule->setup[i])) {
            return false;
        }
    }
    side->size = 0;
    return true;
}

/* ------------------------------------------------------------------ steps */

void
side_send(struct side *side, const struct step *step)
{
    PGconn *conn = side->conns[step->session];
    side->size = 0;
    side->text[0] = '\0';
    side->is_busy[step->session] = true;
    (void)snprintf(side->copies[step->session], SQL_MAX, "%s", step->sql);
    const int is_sent = step->is_extended
                            ? PQsendQueryParams(conn, step->sql, 0, NULL, NULL, NULL, NULL, 0)
                            : PQsendQuery(conn, step->sql);
    if (!is_sent) {
        put(side, "  %c: not sent: %s", 'A' + step->session, PQerrorMessage(conn));
        side->is_busy[step->session] = false;
    }
}

/* Sends the lines of a COPY, which its comment holds. */
static void
send_copy(struct side *side, int session)
{
    PGconn *conn = side->conns[session];
    const char *data = strstr(side->copies[session], "/*DATA ");
    char line[SQL_MAX];
    for (data = data == NULL ? "" : data + strlen("/*DATA "); strchr(data, ';') != NULL;) {
        const size_t size = strcspn(data, ";");
        (void)snprintf(line, sizeof(line), "%.*s\n", (int)size, data);
        (void)PQputCopyData(conn, line, (int)strlen(line));
        data += size + 1;
    }
    (void)PQputCopyEnd(conn, NULL);
    (void)PQflush(conn);
}

/* Takes what has come. True when the session became idle. */
static bool
take_answers(struct side *side, int session, char *answers, size_t *size)
{
    PGconn *conn = side->conns[session];
    (void)PQconsumeInput(conn);
    const size_t start = side->size;
    bool is_done = false;
    while (!is_done && !PQisBusy(conn)) {
        PGresult *result = PQgetResult(conn);
        if (result == NULL) {
            is_done = true;
        } else if (PQresultStatus(result) == PGRES_COPY_IN) {
            PQclear(result);
            send_copy(side, session);
            (void)PQconsumeInput(conn);
        } else {
            put_result(side, session, result);
            PQclear(result);
        }
    }
    /* Kept by session: the order in which sessions answer says nothing. */
    const size_t added = side->size - start;
    if (*size + added < TEXT_MAX) {
        memcpy(answers + *size, side->text + start, added);
        *size += added;
    }
    side->size = start;
    return is_done;
}

static long
now_ms(void)
{
    struct timespec time;
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* How many of the busy sessions wait for a lock, as the server tells. */
static int
count_waiting(struct side *side)
{
    char sql[512];
    size_t size =
        (size_t)snprintf(sql, sizeof(sql),
                         "SELECT count(*) FROM pg_stat_activity WHERE "
                         "wait_event_type = 'Lock' AND cardinality(pg_blocking_pids(pid)) "
                         "> 0 AND pid IN (0");
    for (int i = 0; i < SESSIONS; i++) {
        if (side->is_busy[i]) {
            size += (size_t)snprintf(sql + size, sizeof(sql) - size, ", %d",
                                     PQbackendPID(side->conns[i]));
        }
    }
    (void)snprintf(sql + size, sizeof(sql) - size, ")");
    PGresult *result = PQexec(side->monitor, sql);
    const int count =
        PQresultStatus(result) == PGRES_TUPLES_OK ? atoi(PQgetvalue(result, 0, 0)) : -1;
    PQclear(result);
    return count;
}

/* Which tables the sessions have locked, and how. */
static void
put_locks(struct side *side)
{
    for (int i = 0; i < SESSIONS; i++) {
        char sql[256];
        (void)snprintf(
            sql, sizeof(sql),
            "SELECT string_agg(DISTINCT relname || ' ' || mode, ', ' ORDER BY "
            "relname || ' ' || mode) FROM pg_locks l JOIN pg_class r ON relation = "
            "r.oid WHERE granted AND locktype = 'relation' AND l.pid = %d AND length(relname) = 1",
            PQbackendPID(side->conns[i]));
        PGresult *result = PQexec(side->monitor, sql);
        if (PQresultStatus(result) != PGRES_TUPLES_OK) {
            put_error(side, result);
        } else if (!PQgetisnull(result, 0, 0)) {
            put(side, "  %c: has locked %s\n", 'A' + i, PQgetvalue(result, 0, 0));
        }
        PQclear(result);
    }
}

static int
count_busy(const struct side *side)
{
    int count = 0;
    for (int i = 0; i < SESSIONS; i++) {
        count += side->is_busy[i];
    }
    return count;
}

static bool
wait_for_input(struct side *side)
{
    struct pollfd fds[SESSIONS];
    nfds_t count = 0;
    for (int i = 0; i < SESSIONS; i++) {
        if (side->is_busy[i]) {
            fds[count++] = (struct pollfd){.fd = PQsocket(side->conns[i]), .events = POLLIN};
        }
    }
    return poll(fds, count, LOOK_MS) > 0;
}

bool
side_settle(struct side *side)
{
    static char answers[SESSIONS][TEXT_MAX];
    size_t sizes[SESSIONS] = {0};
    const long start = now_ms();
    long quiet_since = 0;
    bool is_stuck = false;
    while (count_busy(side) > 0) {
        bool has_news = false;
        for (int i = 0; i < SESSIONS; i++) {
            if (side->is_busy[i] && take_answers(side, i, answers[i], &sizes[i])) {
                side->is_busy[i] = false;
                has_news = true;
            }
        }
        const int busy = count_busy(side);
        if (busy == 0) {
            break;
        }
        if (has_news || wait_for_input(side) || count_waiting(side) != busy) {
            quiet_since = 0;
        } else if (quiet_since == 0) {
            quiet_since = now_ms();
        } else if (now_ms() - quiet_since >= side->settle_ms) {
            break;
        }
        if (now_ms() - start > SETTLE_TIMEOUT_MS) {
            is_stuck = true;
            break;
        }
    }
    for (int i = 0; i < SESSIONS; i++) {
        answers[i][sizes[i]] = '\0';
        put(side, "%s", answers[i]);
        if (side->is_busy[i]) {
            put(side, "  %c: %s\n", 'A' + i, is_stuck ? "neither done nor waiting" : "waits");
        }
    }
    if (side->has_locks) {
        put_locks(side);
    }
    return !is_stuck;
}

void
side_read_all(struct side *side)
{
    side->size = 0;
    side->text[0] = '\0';
    for (int i = 0; final_queries[i] != NULL; i++) {
        PGresult *result = PQexec(side->monitor, final_queries[i]);
        put(side, "  %s\n", final_queries[i]);
        if (PQresultStatus(result) == PGRES_TUPLES_OK) {
            put_rows(side, result);
        } else {
            put_error(side, result);
        }
        PQclear(result);
    }
}

/* ------------------------------------------------------------------ both */

static bool
is_joining(const char *sql)
{
    return strstr(sql, " FROM c WHERE") != NULL || strstr(sql, "USING") != NULL ||
           strstr(sql, "JOIN") != NULL || strstr(sql, "(SELECT") != NULL;
}

static enum outcome
compare(struct pair *pair, int step, bool has_joins)
{
    if (pair->is_verbose) {
        (void)printf("%s", pair->peer.text);
        if (strcmp(pair->ours.text, pair->peer.text) != 0) {
            (void)printf("  -- but\n%s", pair->ours.text);
        }
    }
    if (strcmp(pair->ours.text, pair->peer.text) == 0) {
        return OUTCOME_SAME;
    }
    pair->differing_step = step;
    if (strstr(pair->ours.text, "40P01") != NULL || strstr(pair->peer.text, "40P01") != NULL) {
        return OUTCOME_DEADLOCK;
    }
    /* Two that create the same: PostgreSQL's catalogs say so, here the second finds it there. */
    const bool is_catalog_race = strstr(pair->peer.text, "CONSTRAINT: pg_") != NULL;
    return has_joins || is_catalog_race ? OUTCOME_KNOWN : OUTCOME_DIFFERS;
}

static enum outcome
run_step(struct pair *pair, const struct schedule *schedule, int index, bool *waiting_joins)
{
    const struct step *step = &schedule->steps[index];
    if (pair->is_verbose) {
        (void)printf("%c%s %s\n", 'A' + step->session, step->is_extended ? "!" : "", step->sql);
        (void)fflush(stdout);
    }
    side_send(&pair->ours, step);
    side_send(&pair->peer, step);
    const bool is_peer_settled = side_settle(&pair->peer);
    (void)side_settle(&pair->ours);
    if (!is_peer_settled) {
        return OUTCOME_BROKEN;
    }
    if (pair->peer.is_busy[step->session] && strncmp(step->sql, "PREPARE", 7) == 0) {
        return OUTCOME_KNOWN; /* for a table: here it does not lock any */
    }
    /* A join that waited reads other rows here (decisions/0002). */
    bool has_joins = false;
    for (int i = 0; i < SESSIONS; i++) {
        has_joins |= waiting_joins[i];
    }
    const enum outcome outcome = compare(pair, index, has_joins);
    for (int i = 0; i < SESSIONS; i++) {
        waiting_joins[i] = pair->peer.is_busy[i] &&
                           (waiting_joins[i] || (i == step->session && is_joining(step->sql)));
    }
    return outcome;
}

/* An idle session, or -1. */
static int
pick_session(const struct pair *pair, struct gen *gen)
{
    const int first = (int)gen_pick(gen, SESSIONS);
    for (int i = 0; i < SESSIONS; i++) {
        const int session = (first + i) % SESSIONS;
        if (!pair->peer.is_busy[session]) {
            return session;
        }
    }
    return -1;
}

static bool
make_step(const struct pair *pair, struct schedule *schedule, struct gen *gen)
{
    struct step *step = &schedule->steps[schedule->count];
    const int session = pick_session(pair, gen);
    if (session < 0) {
        return false;
    }
    for (int i = 0; i < SESSIONS; i++) {
        gen->views[i].state = PQtransactionStatus(pair->peer.conns[i]);
    }
    step->session = session;
    gen_step(gen, step);
    schedule->count++;
    return true;
}

/* Ends all blocks, one after the other, as far as they are still open. */
static enum outcome
end_all(struct pair *pair, struct schedule *schedule, bool *waiting_joins)
{
    static struct schedule last;
    for (int round = 0; round < SESSIONS; round++) {
        for (int i = 0; i < SESSIONS; i++) {
            if (pair->peer.is_busy[i] || pair->ours.is_busy[i]) {
                continue;
            }
            for (int end = 0; end < 2; end++) {
                last.steps[0] = (struct step){.session = i};
                (void)snprintf(last.steps[0].sql, SQL_MAX, "%s",
                               end == 0 ? "COMMIT" : "SELECT pg_advisory_unlock_all()");
                if (round > 0 && end == 0 &&
                    PQtransactionStatus(pair->peer.conns[i]) == PQTRANS_IDLE) {
                    continue;
                }
                const enum outcome outcome = run_step(pair, &last, 0, waiting_joins);
                if (outcome != OUTCOME_SAME) {
                    pair->differing_step = schedule->count;
                    return outcome;
                }
            }
        }
        if (count_busy(&pair->peer) == 0) {
            break;
        }
    }
    side_read_all(&pair->ours);
    side_read_all(&pair->peer);
    return compare(pair, schedule->count, false);
}

enum outcome
pair_run(struct pair *pair, struct schedule *schedule, struct gen *gen, int steps)
{
    bool waiting_joins[SESSIONS] = {false};
    if (!side_reset(&pair->ours, schedule) || !side_reset(&pair->peer, schedule)) {
        return OUTCOME_BROKEN;
    }
    if (gen != NULL) {
        schedule->count = 0;
    }
    for (int i = 0; gen != NULL ? i < steps : i < schedule->count; i++) {
        if (gen != NULL && !make_step(pair, schedule, gen)) {
            break;
        }
        /* In a shortened schedule a session may wait where it did not. */
        const int session = schedule->steps[i].session;
        if (pair->peer.is_busy[session] || pair->ours.is_busy[session]) {
            continue;
        }
        const enum outcome outcome = run_step(pair, schedule, i, waiting_joins);
        if (outcome != OUTCOME_SAME) {
            return outcome;
        }
    }
    return end_all(pair, schedule, waiting_joins);
}
