/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>

#include "parser/parser.h"
#include "server/base/list.h"
#include "server/base/map.h"
#include "server/base/mutex.h"
#include "server/catalog/catalog_env.h"
#include "server/exec/after.h"
#include "server/exec/exec.h"
#include "server/session/session.h"
#include "server/session/settings.h"
#include "server/sql/bind/bind.h"
#include "server/sql/plan/plan.h"
#include "server/types/array.h"
#include "server/types/reg.h"

enum { SESSION_TAG_SIZE = 64, SESSION_TEMP_NAME_SIZE = 32 };

/* ------------------------------------------------------------------ server */

enum { OID_TABLE_EVENTS = 15900 };

struct server {
    struct server_options options;
    struct ky_mutex lock;
    struct ky_list sessions KY_GUARDED_BY(lock); /* struct session.link */
    uint32_t session_count KY_GUARDED_BY(lock);
    uint64_t session_total KY_GUARDED_BY(lock);
    int32_t next_pid KY_GUARDED_BY(lock);
    bool is_shutting_down KY_GUARDED_BY(lock);
    struct ky_budget memory;
    int64_t start_us; /* wall clock, since 1970 */
    struct ky_mutex notify_lock;
    struct ky_list listeners KY_GUARDED_BY(notify_lock); /* struct notify.link */
    uint64_t notify_size KY_GUARDED_BY(notify_lock);
    /* Sleepers of pg_sleep, woken by a cancel. */
    struct ky_mutex sleep_lock;
    struct ky_cond sleep_over;
    atomic_int limited_count; /* sessions with a time limit: without any, ticks look at none */
    struct ky_mutex listener_lock;
    void (*listener)(void *arg) KY_GUARDED_BY(listener_lock);
    void *listener_arg KY_GUARDED_BY(listener_lock);
    struct ky_mutex sequence_lock;
    struct ky_map64
        sequences KY_GUARDED_BY(sequence_lock); /* relfilenode -> struct sequence_state */
};

void session_cancel_for(struct session *session, int reason);
/* pg_cancel_backend and pg_terminate_backend. False: no such session. */
bool server_signal(struct server *server, int32_t pid, bool is_terminate);
/* Who is logged in there; OID_NONE: there is no such session. */
oid_t server_session_role(struct server *server, int32_t pid);

/* ------------------------------------------------------------------ statements */

/* A plan that was replaced while portals had it. */
struct old_plan {
    struct old_plan *next;
    struct ky_arena arena;
    struct cat_image *image; /* a reference */
};

/* What a prepared statement or one statement of a simple query is made of, and its plan. */
struct plan_source {
    struct ky_arena *arena;  /* tree, text and parameter types live here */
    struct ky_slice sql;     /* the text that positions count in */
    struct ky_slice own_sql; /* the statement's part of it */
    struct ast_node *tree;   /* NULL: empty statement */
    oid_t *param_types;      /* BIND_PARAMS_MAX is enforced by Parse */
    uint16_t param_count;
    uint16_t param_capacity;
    bool can_infer_params;
    struct bind_variables *variables; /* of a program that the statement is in; NULL: none */
    /* The plan; thrown away and made again when the catalog moved on. */
    struct ky_arena plan_arena;
    struct cat_image *image;   /* a reference; NULL: no plan */
    uint64_t settings_version; /* of the session when it was planned */
    struct query *query;
    /* CREATE TABLE AS: bound by hand, not from tree, and the images that it points into. */
    struct query *query_made;
    struct cat_image *query_images[2]; /* references, or NULL */
    bool changes_matviews;             /* REFRESH may, and nothing else */
    struct statement_plan *plan;
    uint32_t portal_count;         /* bound portals, which point into what was planned */
    struct old_plan *old_plans;    /* owned; what they may still point into */
    struct result_column *columns; /* what Describe says; formats are text here */
    uint16_t column_count;
    bool has_rows;
    bool is_internal;        /* the server's own statement: no rights are asked for */
    struct ky_error *denial; /* why the role may not run it; NULL: it may. In plan_arena */
    int64_t run_ns;          /* the last run, without waiting; 0: none, or it is a point */
    struct portal *spare;    /* owned; see portals.c */
    struct session *session; /* the spare's */
};

struct prepared {
    struct plan_source source;
    struct ky_arena arena;
    const char *name;
    uint32_t reference_count; /* the map's, and portals' */
    int64_t created_us;
    bool is_from_sql;
};

enum portal_phase { PORTAL_NEW, PORTAL_LOCKING, PORTAL_RUNNING, PORTAL_CHECKING, PORTAL_DONE };

/* A statement being run. Row batches can stop anywhere in it. */
struct portal {
    const char *name;
    struct ky_arena arena; /* parameters, executor state */
    struct plan_source *source;
    struct prepared *prepared; /* a reference; NULL: the source is the session's simple one */
    struct datum *params;
    uint16_t param_count;
    int16_t *result_formats;
    uint16_t result_format_count;
    struct result_column *columns; /* with formats */
    uint16_t column_count;
    enum portal_phase phase;
    uint16_t locked_count; /* of plan->tables */
    struct exec_context context;
    struct exec *exec;
    struct exec *resting; /* after its end, or of the portal's life before: to be run again */
    struct txn_view view; /* what it sees, however often it is left and entered again */
    struct access_savepoint restart_point;
    struct after_mark restart_mark;
    bool has_statement;  /* txn_statement_begin without its end */
    bool is_bound;       /* counted in source->portal_count */
    struct batch *batch; /* being given out, rows from `given` on are left */
    uint32_t given;
    uint64_t row_count;  /* given out */
    uint32_t last_place; /* in its batch, of the last of them */
    struct rerun *rerun; /* owned; NULL: it does not run again once rows are given out */
    uint64_t tag_start;  /* of them before this Execute, whose tag does not count them */
    uint64_t rows_changed;
    bool wants_columns; /* simple protocol: RowDescription comes before the rows */
    struct ky_budget budget;
    struct ky_spill spill; /* of what the budget does not hold */
    bool is_cursor;        /* DECLAREd: FETCH runs it */
    bool is_with_hold;
    struct cursor *cursor;  /* owned; NULL until it is used as one. cursor.c */
    size_t savepoint_count; /* when it was declared */
    bool is_broken;         /* a FETCH of it failed */
    const char *cursor_sql;
    int64_t created_us;
    const char *forced_tag;          /* "SELECT": CREATE TABLE AS counts so */
    oid_t refreshed;                 /* a materialized view whose rows it makes */
    bool is_refresh_whole;           /* its indexes are left to build */
    struct explain_options *explain; /* EXPLAIN ANALYZE: rows are dropped, the plan is shown */
    double explain_planning_ms;
    struct plpgsql_run *program; /* owned; of DO, while it runs */
};

/* ------------------------------------------------------------------ session */

/* How far a savepoint goes in what is to be sent to channels. */
struct notify_mark {
    uint32_t send_count;
    uint32_t action_count;
};

/* ON COMMIT: 'd'rop, or delete 'r'ows. */
struct temp_action {
    oid_t table;
    char action;
};

/* A savepoint of SQL. */
struct session_savepoint {
    char name[64];
    struct access_savepoint access;
    struct after_mark after;
    struct notify_mark notify;
    size_t settings_mark;
    bool had_catalog_changes;
};

enum session_job { JOB_NONE, JOB_SIMPLE, JOB_EXECUTE, JOB_SYNC, JOB_COPY, JOB_FAILED };
enum commit_state { COMMIT_NONE, COMMIT_SUBMITTED, COMMIT_DONE, COMMIT_WAITING };
enum cancel_reason {
    CANCEL_NONE,
    CANCEL_USER,
    CANCEL_STATEMENT_TIMEOUT,
    CANCEL_LOCK_TIMEOUT,
    CANCEL_TERMINATE
};

/* What pg_stat_progress_create_index shows of a session. All relaxed: it may look in between. */
enum build_phase { BUILD_SCANNING, BUILD_INITIALIZING, BUILD_LOADING, BUILD_CALIBRATING };
struct session_progress {
    _Atomic oid_t table;
    _Atomic oid_t index; /* OID_NONE: no index is being built */
    atomic_bool is_reindex;
    _Atomic int phase;
    _Atomic int64_t done, total;
};

/* What pg_stat_progress_analyze shows of a session, likewise. */
enum analyze_phase { ANALYZE_SAMPLING, ANALYZE_COMPUTING };
struct analyze_progress {
    _Atomic oid_t table; /* OID_NONE: none is being analyzed */
    _Atomic int phase;
    _Atomic int64_t done, total; /* rows */
};

/* What pg_stat_progress_copy shows of a session, likewise. */
enum copy_command { COPY_NONE, COPY_FROM, COPY_TO };
struct copy_progress {
    _Atomic int command;
    _Atomic oid_t table; /* OID_NONE: a query */
    _Atomic int64_t bytes, rows, excluded;
    _Atomic int64_t total; /* bytes of the file; 0: not known */
    atomic_bool is_file;
};

struct session {
    struct server *server; /* borrowed */
    struct ky_list link;   /* in server->sessions, guarded by server->lock */
    struct session_hooks hooks;
    int32_t pid;
    int32_t key;
    bool is_http;
    bool is_autoanalyze; /* see autoanalyze.c */
    bool is_superuser;   /* role is one */
    oid_t role;          /* of user */
    char user[64];       /* current_user; see role.c */
    oid_t session_role;
    char session_user[64];
    oid_t login_role; /* these two never change */
    char login_user[64];
    uint64_t role_version; /* of the settings that role.c has followed */
    oid_t known_role;      /* the last one that was set */
    char known_role_name[64];
    char database[64];
    char client_address[64];
    int client_port;
    int64_t started_us; /* since 1970, as all times here */
    _Atomic int64_t statement_us;
    _Atomic bool is_timed_out;      /* statement_timeout has struck: once for a statement */
    _Atomic int64_t transaction_us; /* 0: none */
    _Atomic int64_t state_us;
    _Atomic int64_t lock_wait_us; /* since when it waits for a lock; 0: it does not */
    _Atomic int activity;         /* enum session_activity */
    _Atomic int64_t limits[4]; /* ms: statement, lock, idle in transaction, idle session timeout */
    struct ky_mutex text_lock;
    char application_name[64] KY_GUARDED_BY(text_lock);
    char query[1024] KY_GUARDED_BY(text_lock); /* for pg_stat_activity */

    int64_t clock_us; /* at the last message */
    int64_t begin_ns; /* of the last message's work */
    int64_t now_ns;   /* see session_now_ns; 0: there are no visits */
    int64_t visit_ns; /* when the visit began, and the same since 1970 */
    int64_t visit_us;
    bool is_timed; /* the message is a statement */
    char who[32];
    char *reported[SETTING_COUNT]; /* what the client knows; owned */
    uint64_t reported_version;
    uint64_t applied_version;
    struct settings settings;
    struct type_context types; /* of the settings; arena is set per use */
    struct cat_path path;
    uint64_t path_image; /* number of the image that the path was resolved in */
    uint64_t path_version;
    struct catalog_env catalog_env;
    struct reg_names reg; /* names for regclass and the like */
    uint64_t random[2];   /* of random(); setseed sets it */

    /* Transaction. */
    struct access_txn *txn; /* NULL: none */
    bool is_block;          /* inside BEGIN */
    bool is_failed;         /* 25P02 until ROLLBACK */
    bool has_catalog_changes;
    bool has_queried; /* a statement has looked at the database: its isolation stays */
    bool is_read_only;
    enum isolation isolation;
    int64_t transaction_start_us; /* since 2000, for now() */
    struct session_savepoint *savepoints;
    size_t savepoint_count, savepoint_capacity;
    _Atomic int commit_state;
    ky_status commit_status;
    struct ky_error *commit_error; /* owned; NULL unless a commit failed */
    struct ky_error *held_error;   /* owned; JOB_FAILED: the answer, once it may be given */
    struct txn_result last_result;
    bool is_commit_with_catalog;
    bool is_chained; /* COMMIT AND CHAIN: a new block follows */
    int64_t commit_start_ns;

    struct ddl_build *build;          /* owned; indexes that are being built */
    struct session_progress progress; /* of them */
    struct analyze_progress analyze_progress;
    struct copy_progress copy_progress;

    bool has_temp;                 /* its schema of temporary tables was made */
    struct ky_buffer temp_actions; /* struct temp_action: ON COMMIT of its tables */
    struct after_state *after;     /* owned; NULL until something is noted */
    bool is_committing;            /* what was deferred is being looked at */
    bool is_past_holding;          /* and cursors WITH HOLD have their rows */

    /* Waiting and cancelling. */
    enum session_place place;
    bool is_alone; /* see session_run_on */
    enum session_need need;
    int64_t turn_start_ns; /* when this turn of the statement began */
    int64_t used_ns;       /* by its earlier turns */
    atomic_int callbacks;  /* of commits and settling, that still touch the session */
    _Atomic int wait;      /* enum session_wait */
    struct notify *notify; /* owned; NULL until it first hears of channels */
    atomic_bool has_notices;
    bool has_limits;
    atomic_bool is_settling; /* txn_settle's callback is to come */
    struct lock_waiter waiter;
    struct txn *lock_owner;         /* holds the session's advisory locks; NULL: never had any */
    struct advisory_held *advisory; /* owned */
    size_t advisory_count, advisory_capacity;
    struct advisory_lock advisory_wait; /* what an advisory lock wait is for */
    _Atomic int cancel;                 /* enum cancel_reason */

    /* What runs. */
    enum session_job job;
    struct ky_arena arena;      /* of the current simple query or utility statement */
    struct ast_list statements; /* JOB_SIMPLE */
    struct ky_slice simple_sql;
    int32_t statement_index;
    bool is_statement_started;
    char tag[SESSION_TAG_SIZE]; /* waits for the commit before it is sent */
    bool has_tag;
    bool wants_commit; /* before the next statement of a simple query, or its end */
    struct plan_source simple_source;
    struct portal *running; /* JOB_EXECUTE, JOB_SIMPLE; owned by portals or simple_portal */
    struct portal *simple_portal;
    struct portal *executing;      /* JOB_EXECUTE */
    struct portal *owned_portal;   /* made by a utility statement; freed when the statement ends */
    struct portal *explain_portal; /* where EXPLAIN ANALYZE's rows go; borrowed */
    struct plan_source inner_source; /* of EXPLAIN, COPY TO, CREATE TABLE AS */
    bool drop_prepared;              /* DEALLOCATE ALL, DISCARD ALL: when the statement ends */
    bool has_cursors;                /* DECLAREd in this transaction */
    struct portal *fetch_portal;     /* borrowed; of a FETCH whose columns were sent */
    bool is_fetching;                /* and it is known which rows */
    uint64_t fetch_start;            /* the cursor's row count before this FETCH */
    struct cat_image *bind_image;    /* borrowed, during Bind */
    uint32_t max_rows;
    uint32_t left_rows;        /* of max_rows, when an Execute waits */
    struct result_sink *sink;  /* during a call */
    struct copy *copy;         /* owned */
    enum session_job copy_job; /* what JOB_COPY returns to */
    bool is_copy_ending;
    struct plpgsql_run *program; /* the innermost that runs; NULL: none does */
    uint32_t program_depth;      /* DO blocks that run, inside each other */

    struct ky_smap prepared;   /* name -> struct prepared */
    struct portal *unnamed;    /* owned; see portals.c */
    uint32_t spare_count;      /* of its prepared statements */
    struct ky_smap portals;    /* name -> struct portal: the others */
    struct ky_map64 sequences; /* sequence oid -> last value, for currval */
    int64_t last_value;
    bool has_last_value;
    oid_t last_sequence;
    struct result_column *description; /* of the last Describe */
};

/* What an active session waits for, besides commits; for pg_stat_activity. */
enum session_wait {
    WAIT_NOTHING,
    WAIT_RELATION,
    WAIT_ROW,
    WAIT_ADVISORY,
    WAIT_SLEEP,
    WAIT_CLIENT_WRITE,
    WAIT_BUILD
};
enum session_activity { ACTIVITY_IDLE, ACTIVITY_ACTIVE, ACTIVITY_IN_TRANSACTION, ACTIVITY_FAILED };

/* ------------------------------------------------------------------ session.c */

/* reg.c: lets regclass, regtype ... find names through the catalog. */
void session_reg_init(struct session *session);
void session_funcs_register(void);
void session_advisory_register(void);
/* pg_advisory_unlock_all. */
void session_advisory_release(struct session *session);
void session_advisory_end(struct session *session);
void session_views_register(void);
struct sysview_context;
struct sysview_rows;
/* A view that has a row, or none, for each session: add under the server's lock. */
void session_views_each(const struct sysview_context *context, struct sysview_rows *rows,
                        void (*add)(struct sysview_rows *rows, struct session *session));

/* The catalog as last committed; a reference. */
KY_MUST_CHECK ky_status server_current_image(struct server *server, struct cat_image **image_out,
                                             struct ky_error *err);

/* ------------------------------------------------------------------ maintenance.c */

/* Views of compaction. */
void maintenance_register(void);
/* VACUUM and ANALYZE. *is_pending_out: nothing was done yet, call again. */
KY_MUST_CHECK ky_status maintenance_run(struct session *session, struct portal *outer,
                                        const struct ast_analyze *statement, bool *is_pending_out,
                                        struct ky_error *err);
/* Is the option there, and on? */
bool maintenance_has(const struct ast_analyze *statement, const char *name);
void session_catalog_register(void);
/* copy_progress.c: pg_stat_progress_copy. */
void copy_progress_register(void);
/* ddl_analyze_progress.c: pg_stat_progress_analyze. */
void ddl_analyze_register(void);
/* ddl_build.c: pg_stat_progress_create_index. */
void ddl_build_register(void);
/* Ends what a statement that failed had begun. */
void ddl_build_stop(struct session *session);
/* pg_get_indexdef's text. */
void session_index_definition(struct session *session, const struct cat_image *image,
                              struct ky_arena *arena, const struct cat_index *index,
                              struct ky_buffer *text);
void session_reg_register(void);
void session_vector_register(void);
/* Makes type_context and timeouts follow the settings. */
void session_apply_settings(struct session *session);
struct prepared *session_find_prepared(struct session *session, const char *name,
                                       struct ky_error *err);
/* Room for param_capacity parameter types; one reference. */
struct prepared *prepared_new(const char *name, struct ky_slice sql, uint16_t param_capacity);
void prepared_drop(struct prepared *prepared);
KY_MUST_CHECK ky_status prepared_analyze(struct session *session, struct plan_source *source,
                                         struct ky_error *err);
/* DEALLOCATE ALL. */
void session_close_prepared(struct session *session);
void session_close_unnamed(struct session *session);

/* ------------------------------------------------------------------ transaction.c */

/* Begins one if there is none. */
KY_MUST_CHECK ky_status transaction_ensure(struct session *session, struct ky_error *err);
/* After an error: rolls back to the last savepoint or wholly, marks a block failed. */
void transaction_fail(struct session *session);
void transaction_rollback(struct session *session);
/* False: rows may not be shown yet, because they follow from a commit that is not durable; answer
 * PENDING, the wake is on its way. */
bool transaction_is_settled(struct session *session);
/* Submits the commit; *is_pending_out: wait for the wake, then call transaction_finish. */
void transaction_commit(struct session *session, bool *is_pending_out);
/* Savepoints without a name, for the blocks of a program. Set: *index_out is its place among all.
 * Rollback: it goes, too. */
KY_MUST_CHECK ky_status transaction_mark(struct session *session, size_t *index_out,
                                         struct ky_error *err);
void transaction_mark_rollback(struct session *session, size_t index);
void transaction_mark_release(struct session *session, size_t index);
/* The commit's outcome, once commit_state is COMMIT_DONE. */
KY_MUST_CHECK ky_status transaction_finish(struct session *session, struct ky_error *err);
/* BEGIN, COMMIT, SAVEPOINT ...; *wants_commit_out: the caller commits, then sends the tag. */
KY_MUST_CHECK ky_status transaction_statement(struct session *session,
                                              const struct ast_transaction *statement,
                                              bool *wants_commit_out, struct ky_error *err);
/* SET TRANSACTION and BEGIN's modes. */
KY_MUST_CHECK ky_status transaction_modes(struct session *session, const struct ast_list *modes,
                                          bool is_session_default, struct ky_error *err);

/* ------------------------------------------------------------------ portal.c */

/* Image and path of now. The image is the caller's to release. */
KY_MUST_CHECK ky_status session_image(struct session *session, struct cat_image **image_out,
                                      struct ky_error *err);
void session_bind_context(struct session *session, struct bind_context *context,
                          struct ky_arena *arena, const struct cat_image *image,
                          struct func_env *env, const struct plan_source *source);
void session_env(struct session *session, struct func_env *env, struct ky_arena *arena,
                 const struct cat_image *image);
void source_init(struct plan_source *source, struct ky_arena *arena);
void source_deinit(struct plan_source *source);
/* Binds and plans unless the plan is still good. */
KY_MUST_CHECK ky_status source_plan(struct session *session, struct plan_source *source,
                                    struct ky_error *err);
/* 42501 when the role may not run what was planned. */
KY_MUST_CHECK ky_status source_check_rights(const struct plan_source *source, struct ky_error *err);
/* role.c: may the setting, if it is role or session_authorization, have the value? 42501, 22023. */
KY_MUST_CHECK ky_status session_check_role_setting(struct session *session, const char *name,
                                                   const char *value, struct ky_error *err);
/* At the start: what ALTER ROLE and ALTER DATABASE .. SET say. */
KY_MUST_CHECK ky_status session_apply_role_settings(struct session *session, struct ky_error *err);
/* Acts as the settings say. */
void session_apply_role(struct session *session);
/* The role whose rights count; OID_NONE: a superuser's. */
static inline oid_t
session_limited_role(const struct session *session)
{
    return session->is_superuser ? OID_NONE : session->role;
}
/* The portal points into its source's plan from now on, until it is freed. */
void source_bound(struct portal *portal);
void source_unbound(struct portal *portal);
/* True for SELECT, VALUES, INSERT, UPDATE, DELETE: what the planner takes. */
bool source_is_query(const struct ast_node *tree);
/* now_us: since 1970. */
struct portal *portal_new(const char *name, int64_t now_us);
/* Its work memory, and where it goes on when that is used up. Once, before anything is charged. */
void portal_init_memory(struct session *session, struct portal *portal);
void portal_free(struct session *session, struct portal *portal);
/* Plans, locks its tables and takes its snapshot, once; wants_columns: tells the sink of them.
 * DONE, PENDING or ERROR. */
enum session_answer portal_start(struct session *session, struct portal *portal,
                                 struct result_sink *sink, struct ky_error *err);
/* Starts it if need be. Goes on until max_rows, the end, or something to wait for. On the end *tag
 * is filled. */
enum session_answer portal_run(struct session *session, struct portal *portal, uint32_t max_rows,
                               struct result_sink *sink, struct ky_error *err);
/* Its plan, which it has, inserts, updates or deletes. */
bool portal_changes_rows(const struct portal *portal);
/* Of one that only reads and whose statement has not ended: back before the first row, with the
 * view that it has. */
KY_MUST_CHECK ky_status portal_rewind(struct session *session, struct portal *portal,
                                      struct ky_error *err);
/* It failed: nothing runs it again. */
void portal_break(struct session *session, struct portal *portal);
void portal_tag(const struct portal *portal, char tag[SESSION_TAG_SIZE]);
void portal_make_columns(struct portal *portal);

/* ------------------------------------------------------------------ portals.c */

/* A session's portals by name. NULL: there is none. */
struct portal *session_find_portal(const struct session *session, const char *name);
/* Owns it from now on; its name is free. */
void session_add_portal(struct session *session, struct portal *portal);
void session_remove_portal(struct session *session, struct portal *portal);
/* A new one for Bind, which has not its plan changed by anything before source_bound. */
struct portal *session_new_portal(struct session *session, struct prepared *prepared,
                                  const char *name);
/* Keeps a portal that is no longer wanted for the next Bind. False: it has to be freed. */
bool portal_keep(struct session *session, struct portal *portal);
void portal_forget_spare(struct plan_source *source);
/* All of them in any order, from *place = 0 on. When one was removed, the walk starts anew. */
struct portal *session_next_portal(const struct session *session, size_t *place);

/* ------------------------------------------------------------------ after.c (see after.h) */

/* Where statements note what they leave to be looked at. */
struct after_queue *session_after_queue(struct session *session);

/* ------------------------------------------------------------------ utility.c */

enum utility_answer {
    UTILITY_DONE,    /* session->tag is filled */
    UTILITY_PENDING, /* waits; call again with the same statement */
    UTILITY_COMMIT,  /* commit, then send session->tag */
    UTILITY_PORTAL,  /* run session->running, whose tag counts */
    UTILITY_COPY_IN, /* session->copy waits for data */
};
/* Columns of a utility statement that returns rows (EXPLAIN, SHOW, EXECUTE, FETCH); has_rows false:
 * none. */
KY_MUST_CHECK ky_status utility_describe(struct session *session, struct plan_source *source,
                                         struct ky_error *err);
KY_MUST_CHECK ky_status utility_run(struct session *session, struct portal *portal,
                                    struct result_sink *sink, enum utility_answer *answer_out,
                                    struct ky_error *err);
/* The end of EXPLAIN ANALYZE: the plan with what was measured. */
void utility_explain_analyze(struct session *session, struct portal *portal);
/* After the portal's last row: the rest of a REFRESH, and the tag. To be called again when pending.
 */
KY_MUST_CHECK ky_status utility_refresh_end(struct session *session, const struct portal *portal,
                                            bool *is_pending_out, struct ky_error *err);
/* An INSERT that may first have to make its table (kyro.implicit_tables, CREATE VECTORS (dim INT)).
 */
KY_MUST_CHECK ky_status implicit_table(struct session *session, const struct ast_node *statement,
                                       bool *is_pending_out, struct ky_error *err);
/* background.c: as storage_compact and storage_checkpoint, on a thread that gives way to others. */
KY_MUST_CHECK ky_status background_compact(struct storage *storage, enum compact_depth depth,
                                           const _Atomic int *cancel,
                                           struct compact_result *result_out, struct ky_error *err);
KY_MUST_CHECK ky_status background_checkpoint(struct storage *storage, lsn_t *lsn_out,
                                              struct ky_error *err);
/* Runs the portal's statement through ddl_run. *is_pending_out: nothing was changed yet, call
 * again. */
KY_MUST_CHECK ky_status utility_change_catalog(struct session *session, const struct portal *outer,
                                               bool *is_pending_out, struct ky_error *err);
/* SHOW's value; NULL when unknown. */
const char *session_show(struct session *session, const char *name, struct ky_buffer *scratch);
/* One text row or column through the sink. */
void utility_emit(struct session *session, struct result_sink *sink,
                  const struct result_column *columns, uint16_t column_count,
                  const struct datum *values, uint32_t row_count);
void session_notice(struct session *session, const char *severity, enum ky_sqlstate sqlstate,
                    const char *format, ...) KY_PRINTF(4, 5);
/* The same with a detail. */
void session_notice_detail(struct session *session, const char *severity, enum ky_sqlstate sqlstate,
                           const char *detail, const char *format, ...) KY_PRINTF(5, 6);
/* Notes that the session waits for a row or an advisory lock from now on: PENDING. */
enum session_answer session_wait_for_row(struct session *session);
/* Table lock with the session's waiter. *is_pending_out: come back after the wake. */
KY_MUST_CHECK ky_status session_lock_table(struct session *session, oid_t table,
                                           enum table_lock_mode mode, bool is_nowait,
                                           const char *name, bool *is_pending_out,
                                           struct ky_error *err);
/* Turns 57014 into what the cancel reason says, and clears the reason. */
void session_cancel_error(struct session *session, struct ky_error *err);
/* When the turn is over: for exec's quantum. */
int64_t session_turn_end_ns(const struct session *session);
/* The turn is over, or may not run here: the answer is PENDING, and the need is set. */
enum session_answer session_yield(struct session *session, enum session_need need);
/* Why rows() answered false: the sink is full, or a row was too long (54000). */
enum session_answer session_sink_stopped(struct session *session, struct result_sink *sink,
                                         struct ky_error *err);
/* After a yield of the executor. */
enum session_answer session_yield_turn(struct session *session);
enum session_answer session_fail(struct session *session, struct ky_error *err);

/* ------------------------------------------------------------------ ddl/ */

/**
 * CREATE, ALTER, DROP, TRUNCATE, COMMENT, GRANT ... Runs inside session->txn. Takes all its locks
 * first, through session_lock_table; *is_pending_out: nothing was changed yet, call again.
 * Fills session->tag. Sets session->has_catalog_changes. Uses session->arena.
 */
KY_MUST_CHECK ky_status ddl_run(struct session *session, const struct ast_node *statement,
                                struct ky_slice sql, bool *is_pending_out, struct ky_error *err);
bool ddl_handles(enum ast_kind kind);
/* "pg_temp_17", the schema of the session's temporary tables, there or not. */
void session_temp_name(const struct session *session, char name[SESSION_TEMP_NAME_SIZE]);
/* Drops the session's temporary tables. */
void ddl_session_end(struct session *session);
/* ON COMMIT DROP and DELETE ROWS, inside the transaction that commits. */
KY_MUST_CHECK ky_status ddl_temp_commit(struct session *session, struct ky_error *err);
/* The first INSERT into a vectors table made with (dim INT) fixes its dimension. */
KY_MUST_CHECK ky_status ddl_vectors_dimension(struct session *session,
                                              const struct cat_table *table, uint32_t dimension,
                                              bool *is_pending_out, struct ky_error *err);
/* CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW: makes the table, then *query_out is the
 * INSERT to run. source: has the types of parameters. */
KY_MUST_CHECK ky_status ddl_create_table_as(struct session *session,
                                            const struct ast_create_table_as *statement,
                                            struct plan_source *source, struct ky_arena *arena,
                                            struct query **query_out, bool *is_done_out,
                                            bool *is_pending_out, struct ky_error *err);
/* What is left to do of a REFRESH MATERIALIZED VIEW. */
struct ddl_refreshing {
    oid_t view;
    struct query *query; /* the INSERT to run, then ddl_refresh_end; it points into the source */
    const char *sql;     /* CONCURRENTLY: the statement to run */
    bool is_pending;     /* nothing was changed yet, call again */
};
/* Neither query nor sql: all is done. */
KY_MUST_CHECK ky_status ddl_refresh_begin(struct session *session,
                                          const struct ast_refresh *statement,
                                          struct plan_source *source, struct ddl_refreshing *out,
                                          struct ky_error *err);
/* After the rows are in: its indexes. To be called again when pending. */
KY_MUST_CHECK ky_status ddl_refresh_end(struct session *session, oid_t view, bool *is_pending_out,
                                        struct ky_error *err);
/* kyro.implicit_tables: makes the table an INSERT into an unknown name wants, if its rows are
 * (integer, text) or (integer, [floats]). *was_made_out false: not that form. */
KY_MUST_CHECK ky_status ddl_implicit_table(struct session *session, const struct ast_insert *insert,
                                           bool *was_made_out, bool *is_pending_out,
                                           struct ky_error *err);

/* ------------------------------------------------------------------ copy */

struct copy;
/* COPY FROM: ready for data. */
KY_MUST_CHECK ky_status copy_in_begin(struct session *session, const struct ast_copy *statement,
                                      struct ky_slice sql, struct result_sink *sink,
                                      bool *is_pending_out, struct ky_error *err);
/* Answers as session_copy_data. */
enum session_answer copy_in_data(struct session *session, struct ky_slice data,
                                 struct ky_error *err);
/* End of data: *row_count_out rows went in. */
enum session_answer copy_in_end(struct session *session, uint64_t *row_count_out,
                                struct ky_error *err);
/* Goes on after PENDING inside copy_in_data or copy_in_end. */
enum session_answer copy_in_resume(struct session *session, uint64_t *row_count_out,
                                   struct ky_error *err);
void copy_free(struct copy *copy);
bool copy_is_file(const struct copy *copy);
bool copy_is_from_file(const struct copy *copy);
/* COPY FROM a file: all of it, then the tag; frees session->copy. Entered again after PENDING. */
enum session_answer copy_file_run(struct session *session, struct ky_error *err);
/* COPY TO a file: has all that was written so far got there? 53100, 58030 .. */
KY_MUST_CHECK ky_status copy_file_check(const struct copy *copy, struct ky_error *err);
/* COPY TO: a sink that turns batches into lines and passes them to `target`. The portal of
 * the query runs with it. */
KY_MUST_CHECK ky_status copy_out_begin(struct session *session, const struct ast_copy *statement,
                                       struct plan_source *source, struct ky_error *err);
struct result_sink *copy_out_sink(struct session *session, struct result_sink *target);
/* All rows went out: the end of the stream; frees session->copy and fills session->tag. As
 * copy_file_check. */
KY_MUST_CHECK ky_status copy_out_end(struct session *session, uint64_t row_count,
                                     struct ky_error *err);
