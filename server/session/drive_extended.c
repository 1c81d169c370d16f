/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/clock.h"
#include "server/session/drive.h"

/* The extended protocol: Bind, Describe, Execute, Close and Sync, with portals by name. */

static ky_status
read_param(struct session *session, struct portal *portal, const struct session_bind *bind,
           uint16_t index, struct ky_error *err)
{
    const struct type *type = type_base(type_find(portal->source->param_types[index]));
    struct ky_slice text = bind->params[index];
    int16_t format = bind->param_format_count == 0   ? 0
                     : bind->param_format_count == 1 ? bind->param_formats[0]
                                                     : bind->param_formats[index];
    struct datum *out = &portal->params[index];
    if (type == NULL) {
        return ky_error_set(err, KY_INDETERMINATE_DATATYPE,
                            "could not determine data type of parameter $%d", index + 1);
    }
    if (text.data == NULL) {
        *out = datum_null();
        return KY_OK;
    }
    struct func_env env;
    session_env(session, &env, &portal->arena, session->bind_image);
    text = ky_slice_dup(&portal->arena, text);
    if (format == 0) {
        return type->input(type, &env.types, text, -1, out, err);
    }
    if (format != 1) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "unsupported format code: %d", format);
    }
    if (type->receive == NULL) {
        return ky_error_set(err, KY_UNDEFINED_FUNCTION,
                            "no binary input function available for type %s", type->sql_name);
    }
    const ky_status status = type->receive(type, &env.types, text, -1, out, err);
    if (status != KY_OK && type_is_error_binary(err)) {
        return ky_error_set(err, KY_INVALID_BINARY_REPRESENTATION,
                            "incorrect binary data format in bind parameter %d", index + 1);
    }
    return status;
}

static ky_status
bind_params(struct session *session, struct portal *portal, const struct session_bind *bind,
            struct ky_error *err)
{
    uint16_t wanted = portal->source->param_count;
    if (bind->param_format_count > 1 && bind->param_format_count != bind->param_count) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION,
                            "bind message has %u parameter formats but %u parameters",
                            bind->param_format_count, bind->param_count);
    }
    if (bind->param_count != wanted) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION,
                            "bind message supplies %u parameters, but prepared statement \"%s\" "
                            "requires %u",
                            bind->param_count, bind->statement, wanted);
    }
    portal->param_count = wanted;
    portal->params = ky_arena_array(&portal->arena, struct datum, wanted + 1U);
    for (uint16_t i = 0; i < wanted; i++) {
        if (read_param(session, portal, bind, i, err) != KY_OK) {
            if (err->context[0] == '\0') {
                if (portal->name[0] == '\0') {
                    (void)ky_error_context(err, "unnamed portal parameter $%d", i + 1);
                } else {
                    (void)ky_error_context(err, "portal \"%s\" parameter $%d", portal->name, i + 1);
                }
            }
            return KY_ERR;
        }
    }
    return KY_OK;
}

static ky_status
bind_portal(struct session *session, struct portal *portal, const struct session_bind *bind,
            struct ky_error *err)
{
    struct plan_source *source = portal->source;
    session->bind_image = source->image;
    KY_TRY(bind_params(session, portal, bind, err));
    if (bind->result_format_count > 1 && bind->result_format_count != source->column_count) {
        return ky_error_set(err, KY_PROTOCOL_VIOLATION,
                            "bind message has %u result formats but query has %u columns",
                            bind->result_format_count, source->column_count);
    }
    portal->result_format_count = bind->result_format_count;
    portal->result_formats =
        ky_arena_array(&portal->arena, int16_t, bind->result_format_count + 1U);
    for (uint16_t i = 0; i < bind->result_format_count; i++) {
        if (bind->result_formats[i] != 0 && bind->result_formats[i] != 1) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "unsupported format code: %d",
                                bind->result_formats[i]);
        }
        portal->result_formats[i] = bind->result_formats[i];
    }
    portal_make_columns(portal);
    return KY_OK;
}

enum session_answer
session_bind(struct session *session, const struct session_bind *bind, struct result_sink *sink,
             struct ky_error *err)
{
    drive_enter(session, ky_slice(NULL, 0), sink);
    struct prepared *prepared = session_find_prepared(session, bind->statement, err);
    if (prepared == NULL) {
        return session_fail(session, err);
    }
    if (bind->portal[0] != '\0' && session_find_portal(session, bind->portal) != NULL) {
        (void)ky_error_set(err, KY_DUPLICATE_CURSOR, "cursor \"%s\" already exists", bind->portal);
        return session_fail(session, err);
    }
    if (drive_check_failed(session, prepared->source.tree, err) != KY_OK ||
        prepared_analyze(session, &prepared->source, err) != KY_OK) {
        return session_fail(session, err);
    }
    session_close_portal(session, bind->portal);
    struct portal *portal = session_new_portal(session, prepared, bind->portal);
    if (bind_portal(session, portal, bind, err) != KY_OK) {
        portal_free(session, portal);
        return session_fail(session, err);
    }
    source_bound(portal);
    session_add_portal(session, portal);
    return drive_leave(session, SESSION_DONE);
}

enum session_answer
session_describe_statement(struct session *session, const char *name,
                           struct session_description *out, struct ky_error *err)
{
    drive_enter(session, ky_slice(NULL, 0), NULL);
    struct prepared *prepared = session_find_prepared(session, name, err);
    if (prepared == NULL ||
        drive_check_failed(session, prepared->source.has_rows ? NULL : prepared->source.tree,
                           err) != KY_OK ||
        prepared_analyze(session, &prepared->source, err) != KY_OK) {
        return session_fail(session, err);
    }
    const struct plan_source *source = &prepared->source;
    *out = (struct session_description){.param_types = source->param_types,
                                        .param_count = source->param_count,
                                        .columns = source->columns,
                                        .column_count = source->column_count,
                                        .has_rows = source->has_rows};
    return drive_leave(session, SESSION_DONE);
}

enum session_answer
session_describe_portal(struct session *session, const char *name, struct session_description *out,
                        struct ky_error *err)
{
    drive_enter(session, ky_slice(NULL, 0), NULL);
    struct portal *portal = session_find_portal(session, name);
    if (portal == NULL) {
        (void)ky_error_set(err, KY_INVALID_CURSOR_NAME, "portal \"%s\" does not exist", name);
        return session_fail(session, err);
    }
    if (portal->columns == NULL) { /* a cursor that nothing was fetched from */
        if (prepared_analyze(session, portal->source, err) != KY_OK) {
            return session_fail(session, err);
        }
        portal_make_columns(portal);
    }
    *out = (struct session_description){.columns = portal->columns,
                                        .column_count = portal->column_count,
                                        .has_rows = portal->source->has_rows};
    return drive_leave(session, SESSION_DONE);
}

enum session_answer
drive_execute(struct session *session, struct ky_error *err)
{
    struct portal *portal = session->executing;
    enum step step = STEP_COMMIT;
    if (!drive_is_committing(session)) {
        step = drive_statement(session, portal, err);
    }
    if (step == STEP_COMMIT) {
        session->executing = NULL; /* the commit closes all portals */
        step = drive_commit(session, err);
    }
    switch (step) {
    case STEP_PENDING:
        return SESSION_PENDING;
    case STEP_COPY_IN:
        return drive_leave(session, SESSION_COPY_IN);
    case STEP_ERROR:
        return session_fail(session, err);
    case STEP_SUSPENDED:
        session->running = NULL;
        return drive_leave(session, SESSION_SUSPENDED);
    case STEP_DONE:
    case STEP_COMMIT:
        break;
    }
    session->executing = NULL;
    session->sink->complete(session->sink, session->tag);
    drive_end_statement(session);
    return drive_leave(session, SESSION_DONE);
}

enum session_answer
session_execute(struct session *session, const char *name, uint32_t max_rows,
                struct result_sink *sink, struct ky_error *err)
{
    struct portal *portal = session_find_portal(session, name);
    drive_enter(session, portal == NULL ? ky_slice(NULL, 0) : portal->source->own_sql, sink);
    if (portal == NULL) {
        (void)ky_error_set(err, KY_INVALID_CURSOR_NAME, "portal \"%s\" does not exist", name);
        return session_fail(session, err);
    }
    if (portal->source->tree == NULL) {
        sink->empty(sink);
        return drive_leave(session, SESSION_DONE);
    }
    session->job = JOB_EXECUTE;
    session->executing = portal;
    portal->tag_start = portal->row_count;
    session->left_rows = max_rows;
    session->tag[0] = '\0';
    session->running = NULL;
    if (portal->phase == PORTAL_NEW) {
        ky_arena_reset(&session->arena);
    }
    return drive_execute(session, err);
}

void
session_close_portal(struct session *session, const char *name)
{
    struct portal *portal = session_find_portal(session, name);
    if (portal != NULL) {
        session_remove_portal(session, portal);
    }
}

void
session_close_unnamed(struct session *session)
{
    session_close_portal(session, "");
    session_close_statement(session, "");
}

enum session_answer
drive_sync(struct session *session, struct ky_error *err)
{
    enum step step = drive_commit(session, err);
    if (step == STEP_PENDING) {
        return SESSION_PENDING;
    }
    return step == STEP_ERROR ? session_fail(session, err) : drive_leave(session, SESSION_DONE);
}

enum session_answer
session_sync(struct session *session, struct result_sink *sink, struct ky_error *err)
{
    session->sink = sink;
    drive_look_at_clock(session);
    session->job = JOB_SYNC;
    if (session->is_block || (session->txn == NULL && session->commit_state == COMMIT_NONE)) {
        return drive_leave(session, SESSION_DONE);
    }
    return drive_sync(session, err);
}
