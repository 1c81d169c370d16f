/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/utility.h"

/* PREPARE, EXECUTE and DEALLOCATE. */

ky_status
utility_prepare(struct session *session, const struct portal *outer,
                const struct ast_prepare *prepare, struct ky_error *err)
{
    struct bind_context bind;
    struct func_env env;
    struct cat_image *image;
    if (ky_smap_find(&session->prepared, ky_slice_cstr(prepare->name)) != NULL) {
        return ky_error_set(err, KY_DUPLICATE_PREPARED_STATEMENT,
                            "prepared statement \"%s\" already exists", prepare->name);
    }
    /* The statement's text is parsed again so that its tree lives in the statement's own arena. */
    struct ky_buffer text = {0};
    ast_print(&text, prepare->statement);
    uint16_t type_count = (uint16_t)ast_list_count(prepare->types);
    struct prepared *prepared =
        prepared_new(prepare->name, ky_buffer_slice(&text), (uint16_t)(type_count + 256));
    ky_buffer_deinit(&text);
    prepared->is_from_sql = true;
    prepared->source.param_count = type_count;
    prepared->source.own_sql = ky_slice_dup(&prepared->arena, outer->source->own_sql);
    ky_status status = session_image(session, &image, err);
    if (status == KY_OK) {
        session_bind_context(session, &bind, &session->arena, image, &env, NULL);
        for (uint16_t i = 0; i < type_count && status == KY_OK; i++) {
            int32_t typmod;
            status = bind_type_name(&bind, (const void *)ast_list_get(prepare->types, i),
                                    &prepared->source.param_types[i], &typmod, err);
        }
        cat_image_release(image);
    }
    struct ast_list statements = {0};
    if (status == KY_OK) {
        status = parse_sql(&prepared->arena, prepared->source.sql, &statements, err);
    }
    if (status == KY_OK) {
        prepared->source.tree =
            ((const struct ast_statement *)(const void *)ast_list_get(&statements, 0))->statement;
        status = prepared_analyze(session, &prepared->source, err);
    }
    if (status != KY_OK) {
        prepared_drop(prepared);
        return KY_ERR;
    }
    (void)ky_smap_put(&session->prepared, ky_slice_cstr(prepare->name), prepared);
    strcpy(session->tag, "PREPARE");
    return KY_OK;
}

static ky_status
execute_args(struct session *session, struct portal *outer, struct portal *portal,
             const struct ast_execute *execute, struct ky_error *err)
{
    struct bind_context bind;
    struct exec_context context = {0};
    struct cat_image *image;
    uint16_t count = (uint16_t)ast_list_count(execute->args);
    const struct plan_source *source = portal->source;
    if (count != source->param_count) {
        (void)ky_error_set(err, KY_SYNTAX_ERROR,
                           "wrong number of parameters for prepared statement \"%s\"",
                           execute->name);
        return ky_error_detail(err, "Expected %u parameters but got %u.", source->param_count,
                               count);
    }
    portal->param_count = count;
    portal->params = ky_arena_array(&portal->arena, struct datum, count + 1U);
    KY_TRY(session_image(session, &image, err));
    session_bind_context(session, &bind, &portal->arena, image, &context.env, outer->source);
    context.access = server_access(session->server);
    context.txn = session->txn;
    context.arena = &portal->arena;
    context.budget = &portal->budget;
    context.cancel = &session->cancel;
    context.image = image;
    context.session = session;
    context.params = outer->params;
    context.param_count = outer->param_count;
    portal_init_memory(session, portal);
    ky_status status = KY_OK;
    for (uint16_t i = 0; i < count && status == KY_OK; i++) {
        struct expr *expr;
        status = bind_argument(&bind, ast_list_get(execute->args, i), source->param_types[i], &expr,
                               err);
        if (status == KY_OK) {
            status = exec_eval_once(&context, expr, &portal->params[i], err);
        }
    }
    cat_image_release(image);
    return status;
}

ky_status
utility_execute(struct session *session, struct portal *outer, const struct ast_execute *execute,
                struct portal **portal_out, struct ky_error *err)
{
    struct prepared *prepared = session_find_prepared(session, execute->name, err);
    if (prepared == NULL) {
        return KY_ERR;
    }
    KY_TRY(prepared_analyze(session, &prepared->source, err));
    struct portal *portal = portal_new("", session->clock_us);
    portal->prepared = prepared;
    portal->source = &prepared->source;
    prepared->reference_count++;
    portal->wants_columns = outer->wants_columns;
    portal->result_formats = outer->result_formats;
    portal->result_format_count = outer->result_format_count;
    if (execute_args(session, outer, portal, execute, err) != KY_OK) {
        portal_free(session, portal);
        return KY_ERR;
    }
    *portal_out = portal;
    return KY_OK;
}

ky_status
utility_deallocate(struct session *session, const struct ast_deallocate *deallocate,
                   struct ky_error *err)
{
    if (deallocate->name == NULL) {
        strcpy(session->tag, "DEALLOCATE ALL");
        session->drop_prepared = true;
        return KY_OK;
    }
    if (session_find_prepared(session, deallocate->name, err) == NULL) {
        return KY_ERR;
    }
    session_close_statement(session, deallocate->name);
    strcpy(session->tag, "DEALLOCATE");
    return KY_OK;
}
