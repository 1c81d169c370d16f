/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/access/access.h"
#include "server/base/budget.h"
#include "server/catalog/catalog.h"
#include "server/sql/bind/query.h"

/*
 * One client's SQL state: transaction block, prepared statements, portals, settings. It knows
 * no socket: pgwire and http call the functions below on a worker thread (one thread at a
 * time) and receive results through a sink.
 *
 * Each call that can run SQL answers DONE, ERROR, PENDING, SUSPENDED or COPY_IN. After PENDING
 * the session calls hooks->wake once, on any thread, when session_resume should be called
 * (with the same sink). After ERROR, err is filled and the transaction is in its failed
 * state if it was in a block; the session is usable at once.
 */
struct server;
struct session;

enum session_answer {
    SESSION_DONE,
    SESSION_ERROR,
    SESSION_PENDING,
    SESSION_SUSPENDED, /* session_execute reached max_rows; the portal lives */
    SESSION_COPY_IN,   /* send data by session_copy_data, then session_copy_end */
};

/**
 * Where the next calls run. On a loop only what is short runs, up to SESSION_LOOP_NS: the rest
 * answers PENDING before it has begun. On a worker a statement runs up to SESSION_SHORT_NS, then
 * wants a turn among the long ones. A new session is on a short turn.
 */
enum session_place { SESSION_ON_LOOP, SESSION_ON_SHORT, SESSION_ON_LONG };
/* What a session that answered PENDING wants. */
enum session_need {
    SESSION_NEEDS_WAKE,       /* nothing: hooks->wake will come */
    SESSION_NEEDS_ROOM,       /* the sink said no: resume when there is room */
    SESSION_NEEDS_SHORT_TURN, /* resume on a worker; hooks->wake was called as well */
    SESSION_NEEDS_LONG_TURN,
};
enum {
    SESSION_SHORT_NS = 10 * 1000 * 1000,
    SESSION_LOOP_NS = 1000 * 1000,
    SESSION_SHORT_RUN_NS = 150 * 1000, /* a statement that took less is short */
};

struct session_hooks {
    void *arg;
    /* Schedules session_resume on a worker. Any thread, quick. */
    void (*wake)(void *arg);
    /* Ends the client's connection (pg_terminate_backend, idle timeout, shutdown). Any thread. */
    void (*terminate)(void *arg, const struct ky_error *reason);
};

struct session_options {
    const char *user;
    const char *database;
    const char *client_address; /* "127.0.0.1", "" for Unix sockets */
    int client_port;            /* -1 for Unix sockets */
    bool is_http;               /* kyro.implicit_tables on */
    /* Start-up parameters as settings: pairs, NULL at the end. Unknown ones are FATAL 42704. */
    const char *const *settings;
    struct session_hooks hooks;
};

/* ------------------------------------------------------------------ server */

struct server_options {
    struct storage *storage;
    struct catalog *catalog;
    struct access *access;
    uint64_t memory; /* --memory */
    uint32_t max_connections;
    const char *data_dir;
    const char *temp_dir; /* for sorts that spill */
    const char *version;  /* "0.1.0" */
    /* Names and current values of configuration for SHOW: pairs, NULL at the end. */
    const char *const *settings;
    /* The value of SHOW kyro.autotune. */
    const char *autotune;
    /* Around pg_sleep: the thread does nothing meanwhile. May be NULL. */
    void (*sleeping)(void *arg, bool is_asleep);
    /* Reload the configuration (pg_reload_conf); may be NULL. */
    void (*reload)(void *arg);
    void *arg;
};
/* Registers the functions and system views of all floors up to this one. Once, before catalog_open.
 */
void server_register_builtins(void);
struct server *server_new(const struct server_options *options);
void server_free(struct server *server);
/* Creates databases, the superuser and the built-in tables kyro.events in an empty catalog;
 * password may be NULL. Idempotent. */
KY_MUST_CHECK ky_status server_initialize(struct server *server, const char *password,
                                          struct ky_error *err);
/* False while the superuser has no password: protected mode. */
bool server_has_password(struct server *server);
/* What authentication needs about a role, read fresh. False when there is no such role. */
struct role_auth {
    oid_t oid;
    bool can_login;
    bool is_superuser;
    bool is_expired;          /* its password, by VALID UNTIL */
    int32_t connection_limit; /* -1: none */
    char secret[256];         /* SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>, or "" */
};
bool server_find_role(struct server *server, const char *name, struct role_auth *out);
/* 3D000 when absent, 42501 without CONNECT, 55000. */
KY_MUST_CHECK ky_status server_check_database(struct server *server, const char *name, oid_t role,
                                              struct ky_error *err);
/* CancelRequest: compares in constant time; silently ignores a mismatch. */
void server_cancel(struct server *server, int32_t pid, int32_t key);
/* Ends every session with 57P01 once its statement is over; new ones are refused. */
void server_shutdown(struct server *server);
/* Cancels what runs, with 57P01. */
void server_cancel_all(struct server *server);
uint32_t server_session_count(struct server *server);
/* Since the server started. */
uint64_t server_session_total(struct server *server);
/* What kyro_stat_vector_index shows, in Prometheus' text format. */
void server_write_vector_metrics(struct server *server, struct ky_buffer *out);
/* What kyro_stat_index shows of the others. */
void server_write_index_metrics(struct server *server, struct ky_buffer *out);
struct storage *server_storage(struct server *server);
struct catalog *server_catalog(struct server *server);
struct access *server_access(struct server *server);
/* Timers: call about every 100 ms; enforces statement_timeout, lock_timeout, idle timeouts. */
void server_tick(struct server *server);
/* Builds "SCRAM-SHA-256$..." from a password. */
void scram_build_secret(const char *password, char secret_out[256]);

/* ------------------------------------------------------------------ results */

struct result_column {
    const char *name;
    oid_t table; /* 0 when not a plain column */
    int16_t column;
    const struct type *type;
    int32_t typmod;
    int16_t format; /* 0 text, 1 binary: what the portal asked for */
};

/**
 * Where results go; implemented by pgwire and http, called on the session's thread.
 */
struct result_sink {
    /* Before the rows of each statement that returns rows (simple protocol, http); not called by
     * session_execute. */
    void (*columns)(struct result_sink *sink, const struct result_column *columns, uint16_t count);
    /* One batch. columns describes it. False: output is backed up; the session answers PENDING,
     * SESSION_NEEDS_ROOM; or, with has_long_row set, a row does not fit into a message: nothing of
     * it went out, and the statement fails (54000). */
    bool (*rows)(struct result_sink *sink, const struct result_column *columns, uint16_t count,
                 const struct batch *batch, const struct type_context *types);
    /* CommandComplete: "INSERT 0 1". result has positions for http (may be NULL). */
    void (*complete)(struct result_sink *sink, const char *tag);
    void (*empty)(struct result_sink *sink); /* EmptyQueryResponse */
    /* COPY TO STDOUT and FROM STDIN. format 0 text or csv, 1 binary. */
    void (*copy_out)(struct result_sink *sink, uint16_t column_count, int16_t format);
    bool (*copy_data)(struct result_sink *sink, struct ky_slice data); /* false as rows() */
    void (*copy_out_end)(struct result_sink *sink);
    void (*copy_in)(struct result_sink *sink, uint16_t column_count, int16_t format);
    /* severity "NOTICE", "WARNING", "INFO". */
    void (*notice)(struct result_sink *sink, const char *severity, const struct ky_error *notice);
    void (*parameter)(struct result_sink *sink, const char *name, const char *value);
    bool has_long_row;
};

/* Bytes of a row on its way out: PostgreSQL's limit, well within a message's 31 bits of length. */
enum { SESSION_ROW_OUT_MAX = 1024 * 1024 * 1024 - 1 };

/* ------------------------------------------------------------------ session */

/* 53300, 3D000, 42704, 28000. */
KY_MUST_CHECK ky_status session_open(struct server *server, const struct session_options *options,
                                     struct session **session_out, struct ky_error *err);
/* Rolls back what is open. Not while another thread is inside. */
void session_close(struct session *session);
/* A visit begins, now (monotonic). is_alone: nobody else waits for this thread, so it may wait for
 * a short sync. */
void session_run_on(struct session *session, enum session_place place, bool is_alone,
                    int64_t now_ns);
/* The time as the session knows it: when the visit began, or its last statement ended. */
int64_t session_now_ns(const struct session *session);
enum session_need session_need(const struct session *session);
int32_t session_pid(const struct session *session);
int32_t session_key(const struct session *session);
/* 'I' idle, 'T' in a block, 'E' in a failed block. */
char session_status(const struct session *session);
const struct type_context *session_types(const struct session *session);
/* Calls emit for every setting that is reported as ParameterStatus. */
void session_report(struct session *session,
                    void (*emit)(void *arg, const char *name, const char *value), void *arg);
/* Messages of NOTIFY for this session, oldest first; none inside a transaction block. To be called
 * before each ReadyForQuery, and when the session was woken while idle. */
typedef void (*session_notice_emit)(void *arg, int32_t pid, const char *channel,
                                    const char *payload);
void session_take_notices(struct session *session, session_notice_emit emit, void *arg);
bool session_has_notices(const struct session *session);
/* Sets the cancel flag: 57014 at the next check; wakes it if it waits. Any thread. */
void session_cancel(struct session *session);
/* For whoever waits for COPY data: session_copy_data raises it, with no data as well. */
bool session_is_cancelled(const struct session *session);

/* Simple query: any number of statements, one implicit transaction. */
enum session_answer session_simple(struct session *session, struct ky_slice sql,
                                   struct result_sink *sink, struct ky_error *err);
/* Extended query. Names "" are the unnamed statement and portal. Slices are copied. */
enum session_answer session_parse(struct session *session, const char *name, struct ky_slice sql,
                                  const oid_t *param_types, uint16_t param_count,
                                  struct result_sink *sink, struct ky_error *err);
struct session_bind {
    const char *portal;
    const char *statement;
    const int16_t *param_formats;
    uint16_t param_format_count; /* 0, 1 or param_count */
    const struct ky_slice *params;
    uint16_t param_count; /* data NULL: null */
    const int16_t *result_formats;
    uint16_t result_format_count;
};
enum session_answer session_bind(struct session *session, const struct session_bind *bind,
                                 struct result_sink *sink, struct ky_error *err);
/* columns_out NULL with count 0: NoData. Valid until the next call. */
struct session_description {
    const oid_t *param_types;
    uint16_t param_count;
    const struct result_column *columns;
    uint16_t column_count;
    bool has_rows;
};
enum session_answer session_describe_statement(struct session *session, const char *name,
                                               struct session_description *out,
                                               struct ky_error *err);
enum session_answer session_describe_portal(struct session *session, const char *name,
                                            struct session_description *out, struct ky_error *err);
/* max_rows 0: all. */
enum session_answer session_execute(struct session *session, const char *portal, uint32_t max_rows,
                                    struct result_sink *sink, struct ky_error *err);
/* Closing what does not exist is no error. */
void session_close_statement(struct session *session, const char *name);
void session_close_portal(struct session *session, const char *name);
/* Ends the implicit transaction: commits what ran since the last Sync (rolls back after an error).
 */
enum session_answer session_sync(struct session *session, struct result_sink *sink,
                                 struct ky_error *err);
/* Goes on after PENDING. */
enum session_answer session_resume(struct session *session, struct result_sink *sink,
                                   struct ky_error *err);
/* COPY FROM STDIN. data: any split of the stream. After an error the rest is to be thrown away. */
enum session_answer session_copy_data(struct session *session, struct ky_slice data,
                                      struct result_sink *sink, struct ky_error *err);
/* failure: CopyFail's text, or NULL for CopyDone. */
enum session_answer session_copy_end(struct session *session, const char *failure,
                                     struct result_sink *sink, struct ky_error *err);
/* Position and events of the last committed transaction, for http's "offset". */
struct txn_result session_last_result(const struct session *session);
