/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/session/after_private.h"
#include "server/session/cursor.h"

/*
 * Foreign keys, the second half. Events noted by the operators are taken one after another:
 *
 *   a row with a foreign key came: the row it refers to is looked up through the referenced index
 *     and locked KEY SHARE, so that it stays until we end;
 *   a row that may be referred to went (or got another key): NO ACTION and RESTRICT look for rows
 *     that refer to it, the other actions are ordinary statements over the referring table, whose
 *     own events come behind the rest of the list;
 *   a deferrable key that was there already: is it still?
 *
 * Everything is judged on the row as it is now, not as it was when the event was noted, so an event
 * that has become pointless costs a look and nothing else. Any step may have to wait: state is kept
 * here, and the step is taken again.
 */

enum { EVENTS_PER_LOOK = 256 };

struct after_queue *
session_after_queue(struct session *session)
{
    if (session->after == NULL) {
        session->after = ky_calloc(1, sizeof(*session->after));
        ky_arena_init(&session->after->arena);
    }
    return &session->after->queue;
}

/* ------------------------------------------------------------------ one event */

static enum session_answer
check_unique(struct session *session, struct ky_error *err)
{
    struct after_state *after = session->after;
    enum access_answer answer = ACCESS_DONE;
    if (after->constraint->index != NULL &&
        access_recheck_unique(session->txn, after->constraint->index, after->event.row_id,
                              &session->waiter, &answer, err) != KY_OK) {
        return SESSION_ERROR;
    }
    return answer == ACCESS_PENDING ? session_wait_for_row(session) : SESSION_DONE;
}

/* Finds table and constraint in the image; false when the constraint went. */
static bool
locate(struct after_state *after)
{
    const struct cat_table *table = after->table;
    if (table == NULL || table->oid != after->event.table) {
        table = cat_get_table(after->image, after->event.table);
    }
    after->table = table;
    if (after->constraint != NULL && after->constraint->oid == after->event.constraint) {
        return table != NULL;
    }
    after->constraint = NULL;
    bool is_own = after->event.kind == AFTER_CHILD || after->event.kind == AFTER_UNIQUE;
    uint16_t count = table == NULL ? 0 : is_own ? table->constraint_count : table->reference_count;
    for (uint16_t i = 0; i < count; i++) {
        struct cat_constraint *constraint = is_own ? table->constraints[i] : table->references[i];
        if (constraint->oid == after->event.constraint) {
            after->constraint = constraint;
        }
    }
    return after->constraint != NULL;
}

/* Locks the table at the other end of a foreign key. Whoever waited may find another catalog: then
 * table and constraint are those of that one, or NULL when the constraint went. */
static enum session_answer
lock_other_table(struct session *session, struct ky_error *err)
{
    struct after_state *after = session->after;
    const struct cat_constraint *constraint = after->constraint;
    const char action = after->event.kind == AFTER_DELETE   ? constraint->on_delete
                        : after->event.kind == AFTER_UPDATE ? constraint->on_update
                                                            : 'a';
    const enum table_lock_mode mode =
        action == 'a' || action == 'r' ? LOCK_ROW_SHARE : LOCK_ROW_EXCLUSIVE;
    if (after->event.kind == AFTER_UNIQUE ||
        (after->locked == constraint->oid && after->locked_mode == mode)) {
        return SESSION_DONE;
    }
    const struct cat_table *other = after->event.kind == AFTER_CHILD
                                        ? cat_get_table(after->image, constraint->foreign_table)
                                        : constraint->table;
    bool is_pending = false;
    if (session_lock_table(session, other->oid, mode, false, other->name, &is_pending, err) !=
        KY_OK) {
        return SESSION_ERROR;
    }
    if (is_pending) {
        return SESSION_PENDING;
    }
    after->locked = constraint->oid;
    after->locked_mode = mode;
    if (!session->has_catalog_changes &&
        !catalog_is_current(server_catalog(session->server), after->image)) {
        cat_image_release(after->image);
        after->image = NULL;
        after->table = NULL;
        after->constraint = NULL;
        if (session_image(session, &after->image, err) != KY_OK) {
            return SESSION_ERROR;
        }
        (void)locate(after);
    }
    return SESSION_DONE;
}

static enum session_answer
run_event(struct session *session, struct ky_error *err)
{
    struct after_state *after = session->after;
    switch ((enum after_kind)after->event.kind) {
    case AFTER_CHILD:
        return after_check_child(session, err);
    case AFTER_DELETE:
        return after_run_parent(session, false, err);
    case AFTER_UPDATE:
        return after_run_parent(session, true, err);
    case AFTER_UNIQUE:
        return check_unique(session, err);
    }
    KY_UNREACHABLE();
}

static ky_status
run_begin(struct session *session, struct ky_error *err)
{
    struct after_state *after = session->after;
    KY_TRY(session_image(session, &after->image, err));
    ky_budget_init(&after->budget, "work memory", 0, &session->server->memory);
    txn_statement_begin(access_storage_txn(session->txn));
    after->is_running = true;
    after->has_event = false;
    after->next = 0;
    after->table = NULL;
    after->constraint = NULL;
    after->locked = OID_NONE;
    after->events = &after->queue.events;
    return KY_OK;
}

static void
run_end(struct session *session)
{
    struct after_state *after = session->after;
    if (!after->is_running) {
        return;
    }
    after_action_stop(session);
    after->is_running = false;
    if (session->txn != NULL) {
        txn_statement_end(access_storage_txn(session->txn));
    }
    cat_image_release(after->image);
    after->image = NULL;
    ky_arena_reset(&after->arena);
}

/* Takes the next event of the list; false at its end. */
static bool
take_event(struct after_state *after)
{
    struct ky_slice body;
    if (!after_next(after->events, &after->next, &after->event, &body)) {
        return false;
    }
    ky_arena_reset(&after->arena);
    after->body = ky_slice_dup(&after->arena, body); /* the list may move */
    after->is_second = false;
    after->awaited = ROW_ID_NONE;
    after->has_event = true;
    return true;
}

static enum session_answer
run_list(struct session *session, struct ky_error *err)
{
    struct after_state *after = session->after;
    for (uint32_t count = 1;; count++) {
        if (!after->has_event && !take_event(after)) {
            return SESSION_DONE;
        }
        if (locate(after)) {
            enum session_answer answer = lock_other_table(session, err);
            if (answer == SESSION_DONE && after->constraint != NULL) {
                answer = run_event(session, err);
            }
            if (answer != SESSION_DONE) {
                return answer;
            }
        }
        after->has_event = false;
        if (count % EVENTS_PER_LOOK == 0) {
            if (atomic_load_explicit(&session->cancel, memory_order_relaxed) != 0) {
                (void)ky_error_set(err, KY_QUERY_CANCELED,
                                   "canceling statement due to user request");
                return SESSION_ERROR;
            }
            if (ky_monotonic_ns() > session_turn_end_ns(session)) {
                return session_yield_turn(session);
            }
        }
    }
}

enum session_answer
after_run(struct session *session, bool is_commit, struct ky_error *err)
{
    struct after_state *after = session->after;
    if (after == NULL || session->txn == NULL ||
        (after->queue.events.size == 0 && (!is_commit || after->queue.deferred.size == 0))) {
        return SESSION_DONE;
    }
    if (session->place == SESSION_ON_LOOP) {
        return session_yield(session, SESSION_NEEDS_SHORT_TURN);
    }
    if (!after->is_running && run_begin(session, err) != KY_OK) {
        return SESSION_ERROR;
    }
    for (;;) {
        enum session_answer answer = run_list(session, err);
        if (answer != SESSION_DONE) {
            return answer;
        }
        after->events->size = 0;
        after->next = 0;
        if (after->events == &after->queue.events && is_commit) {
            after->events = &after->queue.deferred;
        } else {
            run_end(session);
            return SESSION_DONE;
        }
    }
}

void
after_stop(struct session *session)
{
    if (session->after != NULL) {
        run_end(session);
        session->after->queue.events.size = 0;
    }
}

void
after_forget(struct session *session)
{
    if (session->after != NULL) {
        run_end(session);
        after_deinit(&session->after->queue);
    }
}

void
after_close(struct session *session)
{
    struct after_state *after = session->after;
    if (after == NULL) {
        return;
    }
    after_forget(session);
    while (after->actions != NULL) {
        struct after_action *action = after->actions;
        after->actions = action->next;
        after_action_free(action);
    }
    ky_arena_deinit(&after->arena);
    ky_free(after);
    session->after = NULL;
}

/* ------------------------------------------------------------------ SET CONSTRAINTS, DDL */

enum session_answer
after_run_due(struct session *session, struct ky_error *err)
{
    struct after_state *after = session->after;
    if (after == NULL || session->txn == NULL) {
        return SESSION_DONE;
    }
    if (!after->is_running) {
        struct cat_image *image;
        struct ky_buffer left = {0};
        struct ky_slice body;
        if (session_image(session, &image, err) != KY_OK) {
            return SESSION_ERROR;
        }
        after->image = image;
        after->table = NULL;
        after->constraint = NULL;
        for (size_t offset = 0;
             after_next(&after->queue.deferred, &offset, &after->event, &body);) {
            bool is_due = locate(after) && !after_is_deferred(&after->queue, after->constraint);
            if (is_due) {
                after_append(&after->queue.events, &after->event, body);
            }
            /* Going back to a savepoint may undo what makes the check pass: it is made again. */
            if (!is_due || session->savepoint_count > 0) {
                after_append(&left, &after->event, body);
            }
        }
        cat_image_release(image);
        after->image = NULL;
        ky_buffer_deinit(&after->queue.deferred);
        after->queue.deferred = left;
    }
    return after_run(session, false, err);
}

static ky_status
find_constraints(struct session *session, const struct ast_range_var *name,
                 const struct cat_image *image, bool is_deferred, struct ky_error *err)
{
    bool is_found = false;
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        bool is_in_path = false;
        for (uint16_t p = 0; p < session->path.count; p++) {
            is_in_path = is_in_path || session->path.schemas[p] == table->schema;
        }
        if (name->schema != NULL) {
            const struct cat_schema *schema = cat_get_schema(image, table->schema);
            is_in_path = schema != NULL && strcmp(schema->name, name->schema) == 0;
        }
        for (uint16_t c = 0; is_in_path && c < table->constraint_count; c++) {
            const struct cat_constraint *constraint = table->constraints[c];
            if (strcmp(constraint->name, name->name) != 0) {
                continue;
            }
            if (is_deferred && !constraint->is_deferrable) {
                return ky_error_set(err, KY_WRONG_OBJECT_TYPE,
                                    "constraint \"%s\" is not deferrable", name->name);
            }
            is_found = true;
            after_mode_set(session_after_queue(session), constraint->oid, is_deferred);
        }
    }
    return is_found ? KY_OK
                    : ky_error_set(err, KY_UNDEFINED_OBJECT, "constraint \"%s\" does not exist",
                                   name->name);
}

ky_status
after_set_constraints(struct session *session, const struct ast_set_constraints *statement,
                      const struct cat_image *image, struct ky_error *err)
{
    if (session->after != NULL && session->after->is_running) {
        return KY_OK; /* called again after a wait */
    }
    if (!session->is_block && session->program_depth == 0) {
        session_notice(session, "WARNING", KY_NO_ACTIVE_SQL_TRANSACTION,
                       "SET CONSTRAINTS can only be used in transaction blocks");
        return KY_OK;
    }
    if (statement->constraints == NULL) {
        after_mode_set(session_after_queue(session), OID_NONE, statement->is_deferred);
    }
    for (int32_t i = 0; i < ast_list_count(statement->constraints); i++) {
        KY_TRY(find_constraints(session, (const void *)ast_list_get(statement->constraints, i),
                                image, statement->is_deferred, err));
    }
    return KY_OK;
}

ky_status
after_check_table(const struct session *session, const struct cat_table *table, const char *command,
                  struct ky_error *err)
{
    const struct after_state *after = session->after;
    struct after_event event;
    struct ky_slice body;
    KY_TRY(cursor_check_table(session, table, command, err));
    for (size_t offset = 0;
         after != NULL && after_next(&after->queue.deferred, &offset, &event, &body);) {
        if (event.table == table->oid) {
            return ky_error_set(err, KY_OBJECT_IN_USE,
                                "cannot %s \"%s\" because it has pending trigger events", command,
                                table->name);
        }
    }
    return KY_OK;
}
