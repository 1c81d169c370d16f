/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/drive.h"

/* A simple query: its statements one after the other, the last one's tag after the commit. */

struct ast_node *
drive_without_into(struct ky_arena *arena, struct ast_node *tree)
{
    struct ast_select *select = (void *)tree;
    if (tree == NULL || tree->kind != AST_SELECT || select->into == NULL) {
        return tree;
    }
    struct ast_create_table_as *create = ky_arena_new(arena, struct ast_create_table_as);
    *create = (struct ast_create_table_as){
        .node = {.kind = AST_CREATE_TABLE_AS, .location = tree->location},
        .into = select->into,
        .query = tree};
    select->into = NULL;
    return &create->node;
}

/* The statement's own portal, with its text for error positions. */
static void
start_simple_statement(struct session *session)
{
    const struct ast_statement *statement =
        (const void *)ast_list_get(&session->statements, session->statement_index);
    struct plan_source *source = &session->simple_source;
    source_deinit(source);
    source_init(source, &session->arena);
    source->tree = drive_without_into(&session->arena, statement->statement);
    source->sql = session->simple_sql;
    source->own_sql = ky_slice((const char *)session->simple_sql.data + statement->offset,
                               (size_t)statement->size);
    session->simple_portal = portal_new("", session->clock_us);
    session->simple_portal->source = source;
    session->simple_portal->wants_columns = true;
    session->left_rows = 0;
    session->running = NULL;
}

void
drive_simple_end(struct session *session)
{
    drive_end_statement(session);
    portal_free(session, session->simple_portal);
    session->simple_portal = NULL;
    session->statement_index++;
}

static void
send_tag(struct session *session)
{
    if (session->has_tag) {
        session->has_tag = false;
        session->sink->complete(session->sink, session->tag);
    }
}

/* Nothing of a simple query outlives it: an idle session holds no memory for it. */
static void
forget_simple(struct session *session)
{
    source_deinit(&session->simple_source);
    source_init(&session->simple_source, &session->arena);
    session->statements = (struct ast_list){0};
    session->simple_sql = ky_slice(NULL, 0);
    ky_arena_deinit(&session->arena);
    ky_arena_init(&session->arena);
}

enum session_answer
drive_simple(struct session *session, struct ky_error *err)
{
    for (;;) {
        if (drive_is_committing(session) || session->wants_commit) {
            enum step step = drive_commit(session, err);
            if (step == STEP_PENDING) {
                return SESSION_PENDING;
            }
            session->wants_commit = false;
            if (step == STEP_ERROR) {
                return session_fail(session, err);
            }
            send_tag(session);
        }
        send_tag(session);
        if (session->simple_portal == NULL) {
            if (session->statement_index == session->statements.count) {
                if (session->txn == NULL || session->is_block) {
                    forget_simple(session);
                    return drive_leave(session, SESSION_DONE);
                }
                session->wants_commit = true;
                continue;
            }
            start_simple_statement(session);
        }
        enum step step = drive_statement(session, session->simple_portal, err);
        switch (step) {
        case STEP_PENDING:
            return SESSION_PENDING;
        case STEP_COPY_IN:
            return drive_leave(session, SESSION_COPY_IN);
        case STEP_ERROR:
            return session_fail(session, err);
        case STEP_DONE:
        case STEP_COMMIT:
        case STEP_SUSPENDED:
            break;
        }
        drive_simple_end(session);
        session->has_tag = session->tag[0] != '\0';
        bool is_last = session->statement_index == session->statements.count;
        /* The last statement's tag waits for the implicit commit: nothing is acknowledged early. */
        session->wants_commit =
            step == STEP_COMMIT || (is_last && session->txn != NULL && !session->is_block);
    }
}

enum session_answer
session_simple(struct session *session, struct ky_slice sql, struct result_sink *sink,
               struct ky_error *err)
{
    KY_ASSERT(session->job == JOB_NONE);
    drive_enter(session, sql, sink);
    session->job = JOB_SIMPLE;
    ky_arena_reset(&session->arena);
    session_close_unnamed(session);
    session->simple_sql = ky_slice_dup(&session->arena, sql);
    session->statements = (struct ast_list){0};
    session->statement_index = 0;
    session->wants_commit = false;
    session->has_tag = false;
    session->tag[0] = '\0';
    if (parse_sql(&session->arena, session->simple_sql, &session->statements, err) != KY_OK) {
        return session_fail(session, err);
    }
    if (session->statements.count == 0) {
        sink->empty(sink);
    }
    return drive_simple(session, err);
}
