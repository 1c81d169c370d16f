/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/utility.h"

/* Cursors of SQL: DECLARE, FETCH, MOVE, CLOSE. */

ky_status
cursor_declare(struct session *session, struct portal *outer,
               const struct ast_declare_cursor *declare, struct ky_error *err)
{
    if (!session->is_block && !declare->is_with_hold) {
        return ky_error_set(err, KY_NO_ACTIVE_SQL_TRANSACTION,
                            "DECLARE CURSOR can only be used in transaction blocks");
    }
    if (declare->is_with_hold) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "DECLARE CURSOR WITH HOLD is not supported yet");
    }
    struct ky_slice key = ky_slice_cstr(declare->name);
    if (ky_smap_find(&session->portals, key) != NULL) {
        return ky_error_set(err, KY_DUPLICATE_CURSOR, "cursor \"%s\" already exists",
                            declare->name);
    }
    struct ky_buffer text = {0};
    ast_print(&text, &declare->query->node);
    struct prepared *prepared = prepared_new("", ky_buffer_slice(&text), outer->param_count);
    ky_buffer_deinit(&text);
    struct plan_source *source = &prepared->source;
    if (outer->param_count > 0) {
        memcpy(source->param_types, outer->source->param_types, outer->param_count * sizeof(oid_t));
    }
    source->param_count = outer->param_count;
    struct ast_list statements = {0};
    ky_status status = parse_sql(&prepared->arena, source->sql, &statements, err);
    if (status == KY_OK) {
        source->tree =
            ((const struct ast_statement *)(const void *)ast_list_get(&statements, 0))->statement;
        status = prepared_analyze(session, source, err);
    }
    if (status != KY_OK) {
        prepared_drop(prepared);
        return KY_ERR;
    }
    struct portal *portal = portal_new(declare->name);
    portal->prepared = prepared; /* the portal's only reference */
    portal->source = source;
    portal->is_cursor = true;
    portal->cursor_sql = ky_arena_cstr(&portal->arena, outer->source->own_sql);
    portal->param_count = outer->param_count;
    portal->params = ky_arena_array(&portal->arena, struct datum, outer->param_count + 1U);
    for (uint16_t i = 0; i < outer->param_count; i++) {
        portal->params[i] = outer->params[i];
        if (!outer->params[i].is_null && type_get(source->param_types[i])->storage == TYPE_BYTES) {
            portal->params[i].bytes = ky_slice_dup(&portal->arena, outer->params[i].bytes);
        }
    }
    (void)ky_smap_put(&session->portals, key, portal);
    strcpy(session->tag, "DECLARE CURSOR");
    return KY_OK;
}

/* Where MOVE's rows go. */
static bool
null_rows(struct result_sink *sink, const struct result_column *columns, uint16_t count,
          const struct batch *batch, const struct type_context *types)
{
    (void)sink;
    (void)columns;
    (void)count;
    (void)batch;
    (void)types;
    return true;
}

/* FETCH FORWARD n: the cursor's portal runs for n rows with the fetching portal's formats. */
ky_status
cursor_fetch(struct session *session, struct portal *outer, const struct ast_fetch *fetch,
             struct result_sink *sink, enum utility_answer *answer_out, struct ky_error *err)
{
    struct portal *cursor = ky_smap_find(&session->portals, ky_slice_cstr(fetch->cursor));
    if (cursor == NULL) {
        return ky_error_set(err, KY_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist",
                            fetch->cursor);
    }
    bool is_forward = fetch->direction == AST_FETCH_FORWARD ||
                      (fetch->direction == AST_FETCH_RELATIVE && fetch->count > 0);
    if (!is_forward || fetch->count <= 0) {
        (void)ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "cursor can only scan forward");
        return ky_error_hint(err, "Declare it with SCROLL option to enable backward scan.");
    }
    if (!session->is_fetching) {
        session->is_fetching = true;
        session->fetch_start = cursor->row_count;
        session->left_rows = fetch->count >= UINT32_MAX ? 0 : (uint32_t)fetch->count;
        cursor->columns = NULL;
        cursor->result_formats = outer->result_formats;
        cursor->result_format_count = outer->result_format_count;
        KY_TRY(source_plan(session, cursor->source, err));
        portal_make_columns(cursor);
        if (outer->wants_columns && !fetch->is_move) {
            sink->columns(sink, cursor->columns, cursor->column_count);
        }
    }
    struct result_sink nowhere = {.rows = null_rows};
    struct result_sink *target = fetch->is_move ? &nowhere : sink;
    enum session_answer answer = portal_run(session, cursor, session->left_rows, target, err);
    if (answer == SESSION_PENDING) {
        *answer_out = UTILITY_PENDING;
        return KY_OK;
    }
    session->is_fetching = false;
    if (answer == SESSION_ERROR) {
        return KY_ERR;
    }
    (void)snprintf(session->tag, sizeof(session->tag), "%s %llu", fetch->is_move ? "MOVE" : "FETCH",
                   (unsigned long long)(cursor->row_count - session->fetch_start));
    return KY_OK;
}

ky_status
cursor_close(struct session *session, const struct ast_close *close, struct ky_error *err)
{
    if (close->cursor == NULL) {
        size_t cursor = 0;
        struct ky_slice name;
        void *value;
        strcpy(session->tag, "CLOSE CURSOR ALL");
        while (ky_smap_next(&session->portals, &cursor, &name, &value)) {
            struct portal *portal = value;
            if (portal->is_cursor) {
                (void)ky_smap_remove(&session->portals, name);
                portal_free(session, portal);
                cursor = 0;
            }
        }
        return KY_OK;
    }
    if (ky_smap_find(&session->portals, ky_slice_cstr(close->cursor)) == NULL) {
        return ky_error_set(err, KY_INVALID_CURSOR_NAME, "cursor \"%s\" does not exist",
                            close->cursor);
    }
    session_close_portal(session, close->cursor);
    strcpy(session->tag, "CLOSE CURSOR");
    return KY_OK;
}
