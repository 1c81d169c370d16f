/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/after.h"

/* What the files of foreign keys share: a run's state. */

enum { AFTER_COLUMNS_MAX = 32 };

/* An action's statement, planned once and kept while the catalog stays. */
struct after_action {
    struct after_action *next;
    oid_t constraint;
    char kind; /* s: look for referring rows, p: for the referenced row, else an action's letter;
                  upper case: ON UPDATE */
    struct ky_arena arena;
    struct plan_source source;
};

struct after_state {
    struct after_queue queue;
    struct after_action *actions;
    /* A run. */
    bool is_running;
    bool has_event;           /* event and body are taken from the list, not done */
    struct ky_buffer *events; /* the list being run */
    size_t next;
    struct cat_image *image; /* a reference */
    struct after_event event;
    struct ky_slice body; /* in arena */
    const struct cat_table *table;
    const struct cat_constraint *constraint;
    oid_t locked; /* constraint whose other table is locked, in this run */
    enum table_lock_mode locked_mode;
    row_id_t awaited; /* the referenced row that the check of a child waits for */
    bool is_second;   /* the action is done, now look whether rows still refer */
    struct ky_arena arena;
    struct exec *exec;
    struct exec_context context;
    struct access_savepoint restart_point;
    struct after_mark restart_mark;
    struct after_action *action;
    lsn_t own_snapshot; /* of the transaction, while the action looks at what is committed now */
    bool is_found;
    struct ky_budget budget;
};

/* ------------------------------------------------------------------ after_action.c */

void after_action_free(struct after_action *action);
/* Runs a statement of the event, from its beginning or from where it waits; is_found: it gave a
 * row. */
enum session_answer after_action_run(struct session *session, char kind, const struct datum *params,
                                     struct ky_error *err);
/* Ends the statement that runs, if any. */
void after_action_stop(struct session *session);

/* ------------------------------------------------------------------ after_foreign.c */

/* The row that a row refers to is there, and stays. */
enum session_answer after_check_child(struct session *session, struct ky_error *err);
/* A row that may be referred to went, or got another key: nothing refers to it, or what the foreign
 * key asks for is done. */
enum session_answer after_run_parent(struct session *session, bool is_update, struct ky_error *err);
