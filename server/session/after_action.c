/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/after_private.h"

/* What a foreign key asks for in words of SQL: looking for rows, CASCADE, SET NULL, SET DEFAULT. */

void
after_action_free(struct after_action *action)
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
    source->is_internal = true;
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
        after_action_free(action);
        break;
    }
    struct after_action *action = ky_calloc(1, sizeof(*action));
    action->constraint = constraint->oid;
    action->kind = kind;
    ky_arena_init(&action->arena);
    source_init(&action->source, &action->arena);
    if (action_prepare(session, action, constraint, err) != KY_OK) {
        after_action_free(action);
        return KY_ERR;
    }
    action->next = after->actions;
    after->actions = action;
    *action_out = action;
    return KY_OK;
}

/* Rows that refer count even when our snapshot does not see them. */
static bool
is_latest(const struct session *session, const struct after_action *action)
{
    return action->kind == 's' && session->isolation != ISOLATION_READ_COMMITTED;
}

void
after_action_stop(struct session *session)
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
            after_action_stop(session);
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
enum session_answer
after_action_run(struct session *session, char kind, const struct datum *params,
                 struct ky_error *err)
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
        after_action_stop(session);
    }
    return answer;
}
