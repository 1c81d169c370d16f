/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "server/session/cursor.h"
#include "server/session/notify.h"
#include "server/session/utility.h"

/* SET, SHOW and DISCARD. */

ky_status
utility_value_text(const struct ast_node *value, struct ky_buffer *out, struct ky_error *err)
{
    const struct ast_const *constant = (const void *)value;
    switch ((int)value->kind) {
    case AST_STRING:
        ky_buffer_append_cstr(out, ((const struct ast_string *)(const void *)value)->text);
        return KY_OK;
    case AST_CONST:
        if (constant->type == AST_CONST_INTEGER) {
            ky_buffer_printf(out, "%lld", (long long)constant->integer);
        } else if (constant->type == AST_CONST_BOOL) {
            ky_buffer_append_cstr(out, constant->boolean ? "on" : "off");
        } else if (constant->text != NULL) {
            ky_buffer_append_cstr(out, constant->text);
        }
        return KY_OK;
    case AST_CAST: {
        /* SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE */
        const struct ast_cast *cast = (const void *)value;
        return utility_value_text(cast->arg, out, err);
    }
    default:
        return ky_error_set(err, KY_SYNTAX_ERROR, "SET takes constants only");
    }
}

static bool
takes_list(const char *name)
{
    return strcmp(name, "search_path") == 0;
}

ky_status
utility_set_text(const struct ast_set *set, struct ky_buffer *text, struct ky_error *err)
{
    int32_t count = ast_list_count(set->values);
    bool is_list = takes_list(set->name);
    for (int32_t i = 0; i < count; i++) {
        struct ky_buffer one = {0};
        ky_buffer_append_cstr(text, i == 0 ? "" : ", ");
        ky_status status = utility_value_text(ast_list_get(set->values, i), &one, err);
        if (status == KY_OK && is_list) {
            ky_buffer_append_byte(&one, 0);
            ast_print_identifier(text, (const char *)one.data);
        } else if (status == KY_OK) {
            ky_buffer_append_slice(text, ky_buffer_slice(&one));
        }
        ky_buffer_deinit(&one);
        KY_TRY(status);
    }
    ky_buffer_append_byte(text, 0);
    return KY_OK;
}

static ky_status
set_values(struct session *session, const struct ast_set *set, struct ky_buffer *text,
           struct ky_error *err)
{
    KY_TRY(utility_set_text(set, text, err));
    const char *value = (const char *)text->data;
    const bool is_block = session->is_block || session->program_depth > 0;
    bool is_local = set->is_local && is_block;
    KY_TRY(session_check_role_setting(session, set->name, value, err));
    if (set->is_local && !is_block) {
        session_notice(session, "WARNING", KY_NO_ACTIVE_SQL_TRANSACTION,
                       "SET LOCAL can only be used in transaction blocks");
    }
    KY_TRY(
        settings_set(&session->settings, set->name, value, is_local || set->is_local, false, err));
    return strcasecmp(set->name, "session_authorization") != 0
               ? KY_OK
               : settings_set(&session->settings, "role", "none", is_local || set->is_local, false,
                              err);
}

static ky_status
set_transaction_setting(struct session *session, const char *name, const char *value,
                        struct ky_error *err)
{
    struct ast_const flag = {
        .node.kind = AST_CONST, .type = AST_CONST_BOOL, .boolean = strcmp(value, "on") == 0};
    struct ast_string level = {.node.kind = AST_STRING, .text = value};
    bool is_level = strcmp(name, "transaction_isolation") == 0;
    struct ast_option option = {
        .node.kind = AST_OPTION, .name = name, .value = is_level ? &level.node : &flag.node};
    struct ast_node *items[] = {&option.node};
    struct ast_list modes = {.items = items, .count = 1};
    return transaction_modes(session, &modes, false, err);
}

ky_status
utility_set(struct session *session, const struct ast_set *set, struct ky_error *err)
{
    struct ky_buffer text = {0};
    ky_status status = KY_OK;
    strcpy(session->tag, set->type == AST_RESET || set->type == AST_RESET_ALL ? "RESET" : "SET");
    switch (set->type) {
    case AST_SET_VALUE:
        status = set_values(session, set, &text, err);
        if (status == KY_OK && strncmp(set->name, "transaction_", 12) == 0) {
            status = set_transaction_setting(
                session, set->name, session->settings.values[setting_find(set->name)], err);
        }
        break;
    case AST_SET_DEFAULT:
    case AST_RESET:
        status = settings_reset(&session->settings, set->name, err);
        if (status == KY_OK && strcasecmp(set->name, "session_authorization") == 0) {
            status = settings_reset(&session->settings, "role", err);
        }
        break;
    case AST_SET_FROM_CURRENT:
        status = ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "SET FROM CURRENT is not supported");
        break;
    case AST_SET_TRANSACTION:
        if (!session->is_block && session->program_depth == 0) {
            session_notice(session, "WARNING", KY_NO_ACTIVE_SQL_TRANSACTION,
                           "SET TRANSACTION can only be used in transaction blocks");
        }
        status = transaction_modes(session, set->values, false, err);
        break;
    case AST_SET_SESSION_CHARACTERISTICS:
        status = transaction_modes(session, set->values, true, err);
        break;
    case AST_RESET_ALL:
        settings_reset_all(&session->settings);
        break;
    }
    ky_buffer_deinit(&text);
    session_apply_settings(session);
    return status;
}

const char *
session_show(struct session *session, const char *name, struct ky_buffer *scratch)
{
    static const char *const levels[] = {"read committed", "repeatable read", "serializable"};
    if (strcasecmp(name, "transaction_isolation") == 0) {
        return levels[session->isolation];
    }
    if (strcasecmp(name, "transaction_read_only") == 0) {
        return session->is_read_only ? "on" : "off";
    }
    return settings_show(&session->settings, name, scratch);
}

static ky_status
show_all(struct session *session, struct portal *portal, struct result_sink *sink)
{
    struct datum *values = ky_arena_array(&session->arena, struct datum, SETTING_COUNT * 3);
    uint32_t count = 0;
    for (int i = 0; i < SETTING_COUNT; i++) {
        struct ky_buffer scratch = {0};
        if ((setting_info(i)->flags & SETTING_HIDDEN) == 0) {
            const char *value = session_show(session, setting_info(i)->name, &scratch);
            values[count * 3] = datum_cstr(setting_info(i)->name);
            values[count * 3 + 1] = datum_cstr(ky_arena_strdup(&session->arena, value));
            values[count * 3 + 2] = datum_cstr(setting_info(i)->text);
            count++;
        }
        ky_buffer_deinit(&scratch);
    }
    utility_emit(session, sink, portal->columns, 3, values, count);
    return KY_OK;
}

ky_status
utility_show(struct session *session, struct portal *portal, const struct ast_show *show,
             struct result_sink *sink, struct ky_error *err)
{
    struct ky_buffer scratch = {0};
    strcpy(session->tag, "SHOW");
    if (strcmp(show->name, "all") == 0) {
        utility_send_columns(portal, sink);
        return show_all(session, portal, sink);
    }
    const char *value = session_show(session, show->name, &scratch);
    if (value == NULL) {
        ky_buffer_deinit(&scratch);
        return ky_error_set(err, KY_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%s\"",
                            show->name);
    }
    struct datum row = datum_cstr(ky_arena_strdup(&session->arena, value));
    ky_buffer_deinit(&scratch);
    utility_send_columns(portal, sink);
    utility_emit(session, sink, portal->columns, 1, &row, 1);
    return KY_OK;
}

ky_status
utility_discard(struct session *session, const struct ast_discard *discard, struct ky_error *err)
{
    switch (discard->type) {
    case AST_DISCARD_ALL:
        if (session->is_block || session->program_depth > 0) {
            return ky_error_set(err, KY_ACTIVE_SQL_TRANSACTION, "DISCARD ALL cannot %s",
                                session->is_block ? "run inside a transaction block"
                                                  : "be executed from a function");
        }
        strcpy(session->tag, "DISCARD ALL");
        cursor_close_all(session);
        settings_reset_all(&session->settings);
        KY_TRY(settings_reset(&session->settings, "session_authorization", err));
        KY_TRY(settings_reset(&session->settings, "role", err));
        session_apply_settings(session);
        session_advisory_release(session);
        notify_unlisten(session, NULL);
        session->drop_prepared = true; /* once the statement itself is done with */
        ky_map64_clear(&session->sequences);
        session->has_last_value = false;
        ddl_session_end(session);
        break;
    case AST_DISCARD_PLANS:
        strcpy(session->tag, "DISCARD PLANS");
        break;
    case AST_DISCARD_SEQUENCES:
        strcpy(session->tag, "DISCARD SEQUENCES");
        ky_map64_clear(&session->sequences);
        session->has_last_value = false;
        break;
    case AST_DISCARD_TEMP:
        strcpy(session->tag, "DISCARD TEMP");
        ddl_session_end(session);
        break;
    }
    return KY_OK;
}
