/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/after.h"

#include "server/base/assert.h"
#include "server/base/clock.h"
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

struct after_queue *
session_after_queue(struct session *session)
{
    if (session->after == NULL) {
        session->after = ky_calloc(1, sizeof(*session->after));
        ky_arena_init(&session->after->arena);
    }
    return &session->after->queue;
}

/* ------------------------------------------------------------------ actions as statements */

static void
action_free(struct after_action *action)
{
    source_deinit(&action->source);
    ky_arena_deinit(&action->arena);
    ky_free(action);
}

static void
append_table(struct ky_buffer *text, const struct cat_image *image, const struct cat_table *table)
{
    const struct cat_schema *schema = cat_get_schema(image, table->schema);
    ast_print_identifier(text, schema == NULL ? "public" : schema->name);
    ky_buffer_append_byte(text, '.');
    ast_print_identifier(text, table->name);
}

static void
append_where(struct ky_buffer *text, const struct cat_table *table, const int16_t *columns,
             uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_append_cstr(text, i == 0 ? " WHERE " : " AND ");
        ast_print_identifier(text, table->columns[columns[i] - 1].name);
        ky_buffer_printf(text, " = $%u", i + 1U);
    }
}

/* SET of an action: to $n.. (CASCADE), NULL or DEFAULT. */
static void
append_set(struct ky_buffer *text, const struct cat_constraint *constraint, char kind)
{
    const struct cat_table *table = constraint->table;
    bool is_part = (kind == 'n' || kind == 'd') && constraint->delete_column_count > 0;
    uint16_t count = is_part ? constraint->delete_column_count : constraint->column_count;
    const int16_t *columns = is_part ? constraint->delete_columns : constraint->columns;
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_append_cstr(text, i == 0 ? " SET " : ", ");
        ast_print_identifier(text, table->columns[columns[i] - 1].name);
        if (kind == 'C') {
            ky_buffer_printf(text, " = $%u", constraint->column_count + i + 1U);
        } else {
            ky_buffer_append_cstr(text, kind == 'n' || kind == 'N' ? " = NULL" : " = DEFAULT");
        }
    }
}

static void
append_action(struct ky_buffer *text, const struct cat_image *image,
              const struct cat_constraint *constraint, char kind)
{
    const struct cat_table *table = constraint->table;
    const int16_t *columns = constraint->columns;
    if (kind == 'p') {
        table = cat_get_table(image, constraint->foreign_table);
        columns = constraint->foreign_columns;
    }
    ky_buffer_append_cstr(text, kind == 's' || kind == 'p' ? "SELECT 1 FROM "
                                : kind == 'c'              ? "DELETE FROM "
                                                           : "UPDATE ");
    append_table(text, image, table);
    if (kind != 's' && kind != 'p' && kind != 'c') {
        append_set(text, constraint, kind);
    }
    append_where(text, table, columns, constraint->column_count);
    ky_buffer_append_cstr(text, kind == 's' || kind == 'p' ? " FOR KEY SHARE" : "");
}

static ky_status
action_prepare(struct session *session, struct after_action *action,
               const struct cat_constraint *constraint, struct ky_error *err)
{
    struct after_state *after = session->after;
    const struct cat_table *parent = cat_get_table(after->image, constraint->foreign_table);
    struct plan_source *source = &action->source;
    struct ky_buffer text = {0};
    struct ast_list parsed = {0};
    const uint16_t count = constraint->column_count;
    append_action(&text, after->image, constraint, action->kind);
    source->sql = source->own_sql = ky_slice_dup(&action->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    source->param_types = ky_arena_array(&action->arena, oid_t, (size_t)count * 2);
    source->param_count = source->param_capacity =
        (uint16_t)(action->kind == 'C' ? count * 2 : count);
    for (uint16_t i = 0; i < count; i++) {
        const struct type *type = action->kind == 'p'
                                      ? constraint->table->columns[constraint->columns[i] - 1].type
                                      : parent->columns[constraint->foreign_columns[i] - 1].type;
        source->param_types[i] = source->param_types[count + i] = type->oid;
    }
    KY_TRY(parse_sql(&action->arena, source->sql, &parsed, err));
    source->tree =
        ((const struct ast_statement *)(const void *)ast_list_get(&parsed, 0))->statement;
    return source_plan(session, source, err);
}

/* The statement for an action; a kept one when it was planned with the same catalog. */
static ky_status
find_action(struct session *session, const struct cat_constraint *constraint, char kind,
            struct after_action **action_out, struct ky_error *err)
{
    struct after_state *after = session->after;
    for (struct after_action **at = &after->actions; *at != NULL; at = &(*at)->next) {
        struct after_action *action = *at;
        if (action->constraint != constraint->oid || action->kind != kind) {
            continue;
        }
        if (action->source.image == after->image &&
            action->source.settings_version == session->settings.version) {
            *action_out = action;
            return KY_OK;
        }
        *at = action->next;
        action_free(action);
        break;
    }
    struct after_action *action = ky_calloc(1, sizeof(*action));
    action->constraint = constraint->oid;
    action->kind = kind;
    ky_arena_init(&action->arena);
    source_init(&action->source, &action->arena);
    if (action_prepare(session, action, constraint, err) != KY_OK) {
        action_free(action);
        return KY_ERR;
    }
    action->next = after->actions;
    after->actions = action;
    *action_out = action;
    return KY_OK;
}

/* ------------------------------------------------------------------ running one statement */

/* Rows that refer count even when our snapshot does not see them. */
static bool
is_latest(const struct session *session, const struct after_action *action)
{
    return action->kind == 's' && session->isolation != ISOLATION_READ_COMMITTED;
}

static void
statement_close(struct session *session)
{
    struct after_state *after = session->after;
    if (after->exec != NULL) {
        exec_close(after->exec);
        after->exec = NULL;
    }
    if (after->action != NULL) {
        if (session->txn != NULL && is_latest(session, after->action)) {
            txn_latest_end(access_storage_txn(session->txn), after->own_snapshot);
        }
        after->action = NULL;
        if (session->txn != NULL) {
            txn_statement_end(access_storage_txn(session->txn));
        }
    }
}

static ky_status
statement_open(struct session *session, struct after_action *action, struct ky_error *err)
{
    struct after_state *after = session->after;
    txn_statement_begin(access_storage_txn(session->txn));
    after->action = action;
    if (is_latest(session, action)) {
        after->own_snapshot = txn_latest_begin(access_storage_txn(session->txn));
    }
    access_savepoint_set(session->txn, &after->restart_point);
    after_mark_set(&after->queue, &after->restart_mark);
    const struct datum *params = after->context.params;
    after->context = (struct exec_context){
        .access = server_access(session->server),
        .txn = session->txn,
        .arena = &after->arena,
        .budget = &after->budget,
        .work_mem = (uint64_t)settings_int(&session->settings, SETTING_WORK_MEM) * 1024,
        .temp_dir = session->server->options.temp_dir,
        .params = params,
        .param_count = action->source.param_count,
        .waiter = &session->waiter,
        .cancel = &session->cancel,
        .image = after->image,
        .after = &after->queue,
        .session = session,
    };
    session_env(session, &after->context.env, &after->arena, after->image);
    return exec_open(&after->context, action->source.plan, &after->exec, err);
}

/* Runs the open statement to its end; is_found: it gave a row. */
static enum session_answer
statement_pull(struct session *session, struct ky_error *err)
{
    struct after_state *after = session->after;
    for (;;) {
        struct batch *batch;
        after->context.quantum_end_ns = session_turn_end_ns(session);
        switch (exec_next(after->exec, &batch, err)) {
        case EXEC_BATCH:
            after->is_found = after->is_found || batch->count > 0;
            break;
        case EXEC_END:
            return SESSION_DONE;
        case EXEC_PENDING:
            if (after->context.is_yield) {
                return session_yield_turn(session);
            }
            return session_wait_for_row(session);
        case EXEC_RESTART: {
            struct after_action *action = after->action;
            statement_close(session);
            access_savepoint_rollback(session->txn, &after->restart_point, true);
            after_mark_rollback(&after->queue, &after->restart_mark);
            after->is_found = false;
            if (statement_open(session, action, err) != KY_OK) {
                return SESSION_ERROR;
            }
            break;
        }
        case EXEC_ERROR:
            if (err->context[0] == '\0') {
                (void)ky_error_context(err, "SQL statement \"%.*s\"",
                                       (int)after->action->source.sql.size,
                                       (const char *)after->action->source.sql.data);
            }
            return SESSION_ERROR;
        }
    }
}

/* A statement of this event, from its beginning or from where it waits. */
static enum session_answer
run_action(struct session *session, char kind, const struct datum *params, struct ky_error *err)
{
    struct after_state *after = session->after;
    if (after->exec == NULL) {
        struct after_action *action;
        after->is_found = false;
        after->context.params = params;
        if (find_action(session, after->constraint, kind, &action, err) != KY_OK ||
            statement_open(session, action, err) != KY_OK) {
            return SESSION_ERROR;
        }
    }
    enum session_answer answer = statement_pull(session, err);
    if (answer == SESSION_DONE) {
        statement_close(session);
    }
    return answer;
}

/* ------------------------------------------------------------------ violations */

static void
append_key(struct session *session, const struct cat_table *table, const int16_t *columns,
           uint16_t count, const struct datum *values, struct ky_buffer *out)
{
    struct type_context types = session->types;
    types.arena = &session->after->arena;
    ky_buffer_append_byte(out, '(');
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_append_cstr(out, i == 0 ? "" : ", ");
        ky_buffer_append_cstr(out, table->columns[columns[i] - 1].name);
    }
    ky_buffer_append_cstr(out, ")=(");
    for (uint16_t i = 0; i < count; i++) {
        const struct type *type = table->columns[columns[i] - 1].type;
        ky_buffer_append_cstr(out, i == 0 ? "" : ", ");
        if (values[i].is_null) {
            ky_buffer_append_cstr(out, "null");
        } else {
            type->output(type, &types, values[i], out);
        }
    }
    ky_buffer_append_byte(out, ')');
}

static void
name_violation(const struct cat_image *image, const struct cat_constraint *constraint,
               struct ky_error *err)
{
    const struct cat_schema *schema = cat_get_schema(image, constraint->table->schema);
    if (schema != NULL) {
        ky_error_name(err->schema_name, schema->name);
    }
    ky_error_name(err->table_name, constraint->table->name);
    ky_error_name(err->constraint_name, constraint->name);
}

ky_status
after_child_error(struct session *session, const struct cat_image *image,
                  const struct cat_constraint *constraint, const struct datum *values,
                  struct ky_error *err)
{
    struct ky_buffer key = {0};
    bool has_null = false;
    (void)session_after_queue(session);
    for (uint16_t i = 0; i < constraint->column_count; i++) {
        has_null = has_null || values[i].is_null;
    }
    (void)ky_error_set(err, KY_FOREIGN_KEY_VIOLATION,
                       "insert or update on table \"%s\" violates foreign key constraint \"%s\"",
                       constraint->table->name, constraint->name);
    if (has_null) {
        (void)ky_error_detail(err,
                              "MATCH FULL does not allow mixing of null and nonnull key values.");
    } else {
        append_key(session, constraint->table, constraint->columns, constraint->column_count,
                   values, &key);
        const struct cat_table *parent = cat_get_table(image, constraint->foreign_table);
        (void)ky_error_detail(err, "Key %.*s is not present in table \"%s\".", (int)key.size,
                              (const char *)key.data, parent->name);
        ky_buffer_deinit(&key);
    }
    name_violation(image, constraint, err);
    return KY_ERR;
}

static ky_status
parent_error(struct session *session, const struct datum *values, struct ky_error *err)
{
    struct after_state *after = session->after;
    const struct cat_constraint *constraint = after->constraint;
    struct ky_buffer key = {0};
    append_key(session, after->table, constraint->foreign_columns, constraint->column_count, values,
               &key);
    (void)ky_error_set(err, KY_FOREIGN_KEY_VIOLATION,
                       "update or delete on table \"%s\" violates foreign key constraint \"%s\" on "
                       "table \"%s\"",
                       after->table->name, constraint->name, constraint->table->name);
    (void)ky_error_detail(err, "Key %.*s is still referenced from table \"%s\".", (int)key.size,
                          (const char *)key.data, constraint->table->name);
    ky_buffer_deinit(&key);
    name_violation(after->image, constraint, err);
    return KY_ERR;
}

/* ------------------------------------------------------------------ one event */

static bool
is_integer(const struct type *type)
{
    return type->oid == OID_INT2 || type->oid == OID_INT4 || type->oid == OID_INT8;
}

static bool
is_text(const struct type *type)
{
    return type->oid == OID_TEXT || type->oid == OID_VARCHAR;
}

bool
after_index_keys(const struct cat_constraint *constraint, const struct datum *values,
                 struct datum *keys)
{
    const struct cat_index *index = constraint->index;
    for (uint16_t k = 0; index != NULL && k < index->key_count; k++) {
        for (uint16_t i = 0; i < constraint->column_count; i++) {
            if (constraint->foreign_columns[i] == index->keys[k].column) {
                const struct type *from =
                    constraint->table->columns[constraint->columns[i] - 1].type;
                const struct type *to = index->keys[k].type;
                if (from != to && !(is_integer(from) && is_integer(to)) &&
                    !(is_text(from) && is_text(to))) {
                    return false;
                }
                keys[k] = values[i];
                /* A wider integer than the key can hold is in no row. */
                if (to->oid != OID_INT8 && is_integer(to) &&
                    values[i].word !=
                        (to->oid == OID_INT2 ? (int16_t)values[i].word : (int32_t)values[i].word)) {
                    return false;
                }
            }
        }
    }
    return index != NULL;
}

enum { KEY_COLUMNS_MAX = 32 };

static enum session_answer
check_child(struct session *session, struct ky_error *err)
{
    struct after_state *after = session->after;
    const struct cat_constraint *constraint = after->constraint;
    struct row_ref row;
    struct datum *values = ky_arena_array(&after->arena, struct datum, constraint->column_count);
    struct datum keys[KEY_COLUMNS_MAX];
    enum access_answer answer = ACCESS_DONE;
    uint16_t nulls = 0;
    if (storage_row_state(access_storage_txn(session->txn), after->table->rel, after->event.row_id,
                          &row) != ROW_OWN) {
        return SESSION_DONE; /* it went again */
    }
    for (uint16_t i = 0; i < constraint->column_count; i++) {
        values[i] =
            row_get(&after->table->layout, row.body, (uint16_t)(constraint->columns[i] - 1));
        nulls = (uint16_t)(nulls + values[i].is_null);
    }
    if (nulls == constraint->column_count || (nulls > 0 && constraint->match != 'f')) {
        return SESSION_DONE;
    }
    if (nulls > 0) {
        (void)after_child_error(session, after->image, constraint, values, err);
        return SESSION_ERROR;
    }
    if (!after_index_keys(constraint, values, keys)) {
        enum session_answer ran = run_action(session, 'p', values, err);
        if (ran != SESSION_DONE) {
            return ran;
        }
        answer = after->is_found ? ACCESS_DONE : ACCESS_SKIPPED;
    } else if (access_share_key(session->txn, constraint->index, keys, &after->awaited,
                                &session->waiter, &answer, err) != KY_OK) {
        return SESSION_ERROR;
    }
    if (answer == ACCESS_PENDING) {
        return session_wait_for_row(session);
    }
    if (answer == ACCESS_SKIPPED) {
        (void)after_child_error(session, after->image, constraint, values, err);
        return SESSION_ERROR;
    }
    return SESSION_DONE;
}

/* NO ACTION: another row may have the key by now. */
static enum session_answer
find_successor(struct session *session, const struct datum *values, bool *is_found_out,
               struct ky_error *err)
{
    struct after_state *after = session->after;
    const struct cat_constraint *constraint = after->constraint;
    struct datum keys[KEY_COLUMNS_MAX];
    enum access_answer answer = ACCESS_SKIPPED;
    for (uint16_t k = 0; constraint->index != NULL && k < constraint->index->key_count; k++) {
        for (uint16_t i = 0; i < constraint->column_count; i++) {
            if (constraint->foreign_columns[i] == constraint->index->keys[k].column) {
                keys[k] = values[i];
            }
        }
    }
    if (constraint->index != NULL &&
        access_share_key(session->txn, constraint->index, keys, &after->awaited, &session->waiter,
                         &answer, err) != KY_OK) {
        return SESSION_ERROR;
    }
    *is_found_out = answer == ACCESS_DONE;
    return answer == ACCESS_PENDING ? session_wait_for_row(session) : SESSION_DONE;
}

/* is_hidden: the action has changed every row it saw, what is left is beyond the snapshot. */
static enum session_answer
look_for_children(struct session *session, const struct datum *values, bool is_hidden,
                  struct ky_error *err)
{
    enum session_answer answer = run_action(session, 's', values, err);
    if (answer == SESSION_DONE && session->after->is_found) {
        if (is_hidden) {
            (void)ky_error_set(err, KY_SERIALIZATION_FAILURE,
                               "could not serialize access due to concurrent update");
        } else {
            (void)parent_error(session, values, err);
        }
        return SESSION_ERROR;
    }
    return answer;
}

static enum session_answer
run_parent(struct session *session, bool is_update, struct ky_error *err)
{
    struct after_state *after = session->after;
    const struct cat_constraint *constraint = after->constraint;
    const uint16_t count = constraint->column_count;
    const char letter = is_update ? constraint->on_update : constraint->on_delete;
    struct datum *values = ky_arena_array(&after->arena, struct datum, (size_t)count * 2);
    for (uint16_t i = 0; i < count; i++) {
        const uint16_t column = (uint16_t)(constraint->foreign_columns[i] - 1);
        values[i] = row_get(&after->table->layout, after->body, column);
        if (values[i].is_null) {
            return SESSION_DONE; /* nothing can refer to it */
        }
    }
    if (letter == 'a' || letter == 'r' || after->is_second) {
        bool is_found = false;
        if (letter != 'r' && !after->is_second && after->exec == NULL) {
            enum session_answer answer = find_successor(session, values, &is_found, err);
            if (answer != SESSION_DONE || is_found) {
                return answer;
            }
        }
        return look_for_children(session, values, after->is_second && letter != 'd', err);
    }
    if (letter == 'c' && is_update) {
        struct row_ref row;
        if (storage_row_state(access_storage_txn(session->txn), after->table->rel,
                              after->event.row_id, &row) != ROW_OWN) {
            return SESSION_DONE; /* deleted since; that has an event of its own */
        }
        for (uint16_t i = 0; i < count; i++) {
            values[count + i] = row_get(&after->table->layout, row.body,
                                        (uint16_t)(constraint->foreign_columns[i] - 1));
        }
    }
    enum session_answer answer =
        run_action(session, is_update ? (char)(letter - 'a' + 'A') : letter, values, err);
    if (answer == SESSION_DONE &&
        (letter == 'd' || session->isolation != ISOLATION_READ_COMMITTED)) {
        /* Rows that have the default already were not changed, and may refer to nothing. Rows that
         * the snapshot does not see were not changed either. */
        after->is_second = true;
        txn_command_increment(access_storage_txn(session->txn));
        return run_parent(session, is_update, err);
    }
    return answer;
}

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
        return check_child(session, err);
    case AFTER_DELETE:
        return run_parent(session, false, err);
    case AFTER_UPDATE:
        return run_parent(session, true, err);
    case AFTER_UNIQUE:
        return check_unique(session, err);
    }
    KY_UNREACHABLE();
}

/* ------------------------------------------------------------------ a run */

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
    statement_close(session);
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
        action_free(action);
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
    if (!session->is_block) {
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
