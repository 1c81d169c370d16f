/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "server/session/plpgsql/plpgsql_private.h"

/* Errors and messages: RAISE, conditions, contexts, GET DIAGNOSTICS. */

void
plpgsql_add_context(struct ky_error *err, const char *format, ...)
{
    char line[KY_ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    (void)ky_error_context(err, "%s%s%s", err->context, err->context[0] == '\0' ? "" : "\n", line);
}

/* ------------------------------------------------------------------ conditions */

static bool
matches_name(const char *name, const struct ky_error *err)
{
    unsigned place = 0;
    enum ky_sqlstate found;
    const char *code = ky_error_code(err);
    if (strcmp(name, "others") == 0) {
        return err->sqlstate != KY_QUERY_CANCELED && err->sqlstate != KY_ASSERT_FAILURE;
    }
    while (ky_condition_next(name, strlen(name), &place, &found)) {
        const char *wanted = ky_sqlstate_code(found);
        if (strcmp(code, wanted) == 0 ||
            (strcmp(wanted + 2, "000") == 0 && memcmp(code, wanted, 2) == 0)) {
            return true;
        }
    }
    return false;
}

bool
plpgsql_matches(const struct plpgsql_condition *conditions, const struct ky_error *err)
{
    for (const struct plpgsql_condition *at = conditions; at != NULL; at = at->next) {
        if (at->name != NULL) {
            if (matches_name(at->name, err)) {
                return true;
            }
        } else if (strcmp(at->code, ky_error_code(err)) == 0 ||
                   (strcmp(at->code + 2, "000") == 0 &&
                    memcmp(at->code, ky_error_code(err), 2) == 0)) {
            return true;
        }
    }
    return false;
}

const struct ky_error *
plpgsql_handled(const struct plpgsql_run *run)
{
    for (size_t i = run->frame_count; i > 0; i--) {
        if (run->frames[i - 1].kind == FRAME_ERROR) {
            return run->frames[i - 1].error;
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------ RAISE */

static void
append_value(struct plpgsql_run *run, const struct plpgsql_value *value, struct ky_buffer *out)
{
    if (value->datum.is_null) {
        ky_buffer_append_cstr(out, "<NULL>");
    } else {
        const struct ky_slice text = plpgsql_text_of(run, value->type, value->datum);
        ky_buffer_append(out, text.data, text.size);
    }
}

static void
format_message(struct plpgsql_run *run, const struct plpgsql_raise *raise,
               const struct plpgsql_value *args, struct ky_buffer *out)
{
    for (const char *at = raise->format; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] == '%') {
            ky_buffer_append_byte(out, '%');
            at++;
        } else if (at[0] == '%') {
            append_value(run, args++, out);
        } else {
            ky_buffer_append_byte(out, (uint8_t)*at);
        }
    }
}

static void
set_condition(const char *name, size_t size, struct ky_error *out)
{
    unsigned place = 0;
    enum ky_sqlstate found;
    if (ky_condition_next(name, size, &place, &found)) {
        out->sqlstate = found;
    }
}

/* A condition name or five characters. */
static ky_status
set_code(struct ky_slice text, struct ky_error *out, struct ky_error *err)
{
    const char *code = text.data;
    unsigned place = 0;
    enum ky_sqlstate found;
    bool is_code = text.size == 5;
    for (size_t i = 0; i < text.size && is_code; i++) {
        is_code = (code[i] >= '0' && code[i] <= '9') || (code[i] >= 'A' && code[i] <= 'Z');
    }
    if (is_code) {
        ky_error_set_code(out, code);
        return KY_OK;
    }
    if (ky_condition_next(text.data, text.size, &place, &found)) {
        out->sqlstate = found;
        return KY_OK;
    }
    return ky_error_set(err, KY_UNDEFINED_OBJECT, "unrecognized exception condition \"%.*s\"",
                        (int)text.size, code);
}

static void
copy_text(char *field, size_t room, struct ky_slice text)
{
    struct ky_buffer cut = {0};
    ky_buffer_append(&cut, text.data, text.size);
    ky_buffer_append_byte(&cut, 0);
    if (room == KY_ERROR_NAME_SIZE) {
        ky_error_name(field, (const char *)cut.data);
    } else {
        struct ky_error scratch;
        ky_error_init(&scratch);
        (void)ky_error_detail(&scratch, "%s", (const char *)cut.data);
        memcpy(field, scratch.detail, KY_ERROR_TEXT_SIZE);
    }
    ky_buffer_deinit(&cut);
}

static ky_status
set_option(struct plpgsql_run *run, enum plpgsql_option option, const struct plpgsql_value *value,
           struct ky_error *out, struct ky_error *err)
{
    if (value->datum.is_null) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                            "RAISE statement option cannot be null");
    }
    const struct ky_slice text = plpgsql_text_of(run, value->type, value->datum);
    switch (option) {
    case PLPGSQL_OPTION_MESSAGE:
        copy_text(out->message, KY_ERROR_TEXT_SIZE, text);
        break;
    case PLPGSQL_OPTION_DETAIL:
        copy_text(out->detail, KY_ERROR_TEXT_SIZE, text);
        break;
    case PLPGSQL_OPTION_HINT:
        copy_text(out->hint, KY_ERROR_TEXT_SIZE, text);
        break;
    case PLPGSQL_OPTION_ERRCODE:
        return set_code(text, out, err);
    case PLPGSQL_OPTION_COLUMN:
        copy_text(out->column_name, KY_ERROR_NAME_SIZE, text);
        break;
    case PLPGSQL_OPTION_CONSTRAINT:
        copy_text(out->constraint_name, KY_ERROR_NAME_SIZE, text);
        break;
    case PLPGSQL_OPTION_DATATYPE:
        copy_text(out->type_name, KY_ERROR_NAME_SIZE, text);
        break;
    case PLPGSQL_OPTION_TABLE:
        copy_text(out->table_name, KY_ERROR_NAME_SIZE, text);
        break;
    case PLPGSQL_OPTION_SCHEMA:
        copy_text(out->schema_name, KY_ERROR_NAME_SIZE, text);
        break;
    case PLPGSQL_OPTION_COUNT:
        break;
    }
    return KY_OK;
}

static bool
is_given_twice(const struct plpgsql_raise *raise, enum plpgsql_option option)
{
    int count = 0;
    for (const struct plpgsql_raise_option *at = raise->options; at != NULL; at = at->next) {
        count += at->option == option;
    }
    const bool has_code = raise->condition != NULL || raise->code[0] != '\0';
    return count + (option == PLPGSQL_OPTION_MESSAGE && raise->format != NULL) +
               (option == PLPGSQL_OPTION_ERRCODE && has_code) >
           1;
}

static void
notice(struct plpgsql_run *run, enum plpgsql_level level, const struct ky_error *message)
{
    static const char *const levels[] = {"DEBUG", "LOG", "INFO", "NOTICE", "WARNING"};
    static const char *const order[] = {"debug5", "debug4", "debug3",  "debug2", "debug1",
                                        "log",    "notice", "warning", "error"};
    static const size_t ranks[] = {4, 5, 99, 6, 7};
    const char *minimum = settings_text(&run->session->settings, SETTING_CLIENT_MIN_MESSAGES);
    size_t wanted = 0;
    while (wanted < KY_COUNT_OF(order) && strcmp(order[wanted], minimum) != 0) {
        wanted++;
    }
    if (run->client != NULL && ranks[level] >= wanted) {
        run->client->notice(run->client, levels[level], message);
    }
}

static ky_status
compose(struct plpgsql_run *run, const struct plpgsql_raise *raise, struct ky_error *message,
        struct ky_error *err)
{
    int32_t option_count = 0;
    for (const struct plpgsql_raise_option *at = raise->options; at != NULL; at = at->next) {
        option_count++;
    }
    const struct plpgsql_value *args =
        run->values + run->value_count - raise->arg_count - option_count;
    message->sqlstate = KY_SUCCESSFUL_COMPLETION;
    if (raise->level >= PLPGSQL_WARNING) {
        message->sqlstate = raise->level == PLPGSQL_WARNING ? KY_WARNING : KY_RAISE_EXCEPTION;
    }
    if (raise->code[0] != '\0') {
        ky_error_set_code(message, raise->code);
    } else if (raise->condition != NULL) {
        set_condition(raise->condition, strlen(raise->condition), message);
    }
    if (raise->format != NULL) {
        struct ky_buffer text = {0};
        format_message(run, raise, args, &text);
        copy_text(message->message, KY_ERROR_TEXT_SIZE, ky_buffer_slice(&text));
        ky_buffer_deinit(&text);
    }
    args += raise->arg_count;
    for (const struct plpgsql_raise_option *at = raise->options; at != NULL; at = at->next) {
        static const char *const words[] = {"MESSAGE",    "DETAIL",   "HINT",  "ERRCODE", "COLUMN",
                                            "CONSTRAINT", "DATATYPE", "TABLE", "SCHEMA"};
        if (is_given_twice(raise, at->option)) {
            return ky_error_set(err, KY_SYNTAX_ERROR, "RAISE option already specified: %s",
                                words[at->option]);
        }
        KY_TRY(set_option(run, at->option, args++, message, err));
    }
    run->value_count -= (size_t)(raise->arg_count + option_count);
    if (message->message[0] == '\0' && raise->format == NULL) {
        (void)snprintf(message->message, sizeof(message->message), "%s",
                       raise->condition != NULL ? raise->condition : ky_error_code(message));
    }
    return KY_OK;
}

ky_status
plpgsql_raise(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    const struct plpgsql_raise *raise = op->node;
    struct ky_error message;
    ky_error_init(&message);
    KY_TRY(compose(run, raise, &message, err));
    if (raise->level == PLPGSQL_EXCEPTION) {
        *err = message;
        return KY_ERR;
    }
    plpgsql_line_context(op, &message);
    notice(run, raise->level, &message);
    return KY_OK;
}

/* ------------------------------------------------------------------ GET DIAGNOSTICS */

static const char *
diagnostic_text(const struct ky_error *error, enum plpgsql_diagnostic what)
{
    switch (what) {
    case PLPGSQL_RETURNED_SQLSTATE:
        return ky_error_code(error);
    case PLPGSQL_MESSAGE_TEXT:
        return error->message;
    case PLPGSQL_EXCEPTION_DETAIL:
        return error->detail;
    case PLPGSQL_EXCEPTION_HINT:
        return error->hint;
    case PLPGSQL_EXCEPTION_CONTEXT:
        return error->context;
    case PLPGSQL_COLUMN_NAME:
        return error->column_name;
    case PLPGSQL_CONSTRAINT_NAME:
        return error->constraint_name;
    case PLPGSQL_DATATYPE_NAME:
        return error->type_name;
    case PLPGSQL_TABLE_NAME:
        return error->table_name;
    case PLPGSQL_SCHEMA_NAME:
        return error->schema_name;
    case PLPGSQL_ROW_COUNT:
    case PLPGSQL_CONTEXT:
        break;
    }
    return "";
}

ky_status
plpgsql_diagnostics(struct plpgsql_run *run, const struct plpgsql_op *op, struct ky_error *err)
{
    const struct plpgsql_diagnostics *node = op->node;
    const struct ky_error *handled = plpgsql_handled(run);
    if (node->is_stacked && handled == NULL) {
        return ky_error_set(err, KY_STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER,
                            "GET STACKED DIAGNOSTICS cannot be used outside an exception handler");
    }
    for (const struct plpgsql_item *item = node->items; item != NULL; item = item->next) {
        struct ky_error context;
        ky_error_init(&context);
        plpgsql_line_context(op, &context);
        const char *text = item->what == PLPGSQL_CONTEXT ? context.context
                           : handled != NULL             ? diagnostic_text(handled, item->what)
                                                         : "";
        const bool is_count = item->what == PLPGSQL_ROW_COUNT;
        KY_TRY(plpgsql_assign_target(
            run, &item->target, type_get(is_count ? OID_INT8 : OID_TEXT),
            is_count ? datum_word((int64_t)run->row_count) : datum_cstr(text), err));
    }
    return KY_OK;
}
