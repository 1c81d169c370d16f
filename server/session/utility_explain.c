/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "server/base/clock.h"
#include "server/session/utility.h"

/* EXPLAIN: options, the plan's text as rows. */

static ky_status
explain_flag(const struct ast_option *option, bool *out, struct ky_error *err)
{
    struct ky_buffer text = {0};
    *out = true;
    if (option->value == NULL) {
        return KY_OK;
    }
    ky_status status = utility_value_text(option->value, &text, err);
    ky_buffer_append_byte(&text, 0);
    const char *word = (const char *)text.data;
    if (strcasecmp(word, "off") == 0 || strcasecmp(word, "false") == 0 || strcmp(word, "0") == 0) {
        *out = false;
    } else if (strcasecmp(word, "on") != 0 && strcasecmp(word, "true") != 0 &&
               strcmp(word, "1") != 0) {
        status = ky_error_set(err, KY_SYNTAX_ERROR, "%s requires a Boolean value", option->name);
    }
    ky_buffer_deinit(&text);
    return status;
}

static ky_status
explain_format(const struct ast_option *option, char *out, struct ky_error *err)
{
    struct ky_buffer text = {0};
    if (option->value != NULL) {
        KY_TRY(utility_value_text(option->value, &text, err));
    }
    ky_buffer_append_byte(&text, 0);
    ky_status status = KY_OK;
    if (strcasecmp((const char *)text.data, "text") == 0) {
        *out = 't';
    } else if (strcasecmp((const char *)text.data, "json") == 0) {
        *out = 'j';
    } else if (strcasecmp((const char *)text.data, "xml") == 0) {
        *out = 'x';
    } else if (strcasecmp((const char *)text.data, "yaml") == 0) {
        *out = 'y';
    } else {
        status = ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                              "unrecognized value for EXPLAIN option \"format\": \"%s\"",
                              (const char *)text.data);
    }
    ky_buffer_deinit(&text);
    return status;
}

bool
utility_explain_is_json(const struct ast_explain *explain)
{
    char format = 't';
    struct ky_error err; /* told when it is run */
    for (int32_t i = 0; i < ast_list_count(explain->options); i++) {
        const struct ast_option *option = (const void *)ast_list_get(explain->options, i);
        if (strcmp(option->name, "format") == 0 && explain_format(option, &format, &err) != KY_OK) {
            return false;
        }
    }
    return format == 'j';
}

static ky_status
explain_options(const struct ast_explain *explain, struct explain_options *options,
                struct ky_error *err)
{
    bool has_summary = false;
    *options = (struct explain_options){.has_costs = true, .has_timing = true, .format = 't'};
    for (int32_t i = 0; i < ast_list_count(explain->options); i++) {
        const struct ast_option *option = (const void *)ast_list_get(explain->options, i);
        bool ignored;
        bool *flag = strcmp(option->name, "analyze") == 0    ? &options->is_analyze
                     : strcmp(option->name, "verbose") == 0  ? &options->is_verbose
                     : strcmp(option->name, "costs") == 0    ? &options->has_costs
                     : strcmp(option->name, "buffers") == 0  ? &options->has_buffers
                     : strcmp(option->name, "timing") == 0   ? &options->has_timing
                     : strcmp(option->name, "summary") == 0  ? &options->has_summary
                     : strcmp(option->name, "settings") == 0 ? &options->has_settings
                     : strcmp(option->name, "wal") == 0      ? &ignored
                                                             : NULL;
        if (strcmp(option->name, "format") == 0) {
            KY_TRY(explain_format(option, &options->format, err));
        } else if (flag == NULL) {
            return ky_error_set(err, KY_SYNTAX_ERROR, "unrecognized EXPLAIN option \"%s\"",
                                option->name);
        } else {
            KY_TRY(explain_flag(option, flag, err));
            has_summary = has_summary || flag == &options->has_summary;
        }
    }
    if (!has_summary) {
        options->has_summary = options->is_analyze;
    }
    return KY_OK;
}

/* The explained text, a row for each line; the structured forms are one row. */
static void
emit_explained(struct session *session, struct portal *portal, struct result_sink *sink,
               const struct ky_buffer *text, bool is_one_row)
{
    const char *line = (const char *)text->data;
    const char *end = line + text->size;
    size_t capacity = 1;
    for (size_t i = 0; i < text->size; i++) {
        capacity += text->data[i] == '\n';
    }
    struct datum *rows = ky_arena_array(&session->arena, struct datum, capacity);
    uint32_t count = 0;
    if (is_one_row) {
        rows[count++] = datum_bytes(text->data, text->size);
    }
    while (!is_one_row && line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t size = next == NULL ? (size_t)(end - line) : (size_t)(next - line);
        rows[count++] = datum_bytes(line, size);
        line += size + 1;
    }
    utility_emit(session, sink, portal->columns, 1, rows, count);
}

void
utility_explain_analyze(struct session *session, struct portal *portal)
{
    struct ky_buffer text = {0};
    struct portal *outer = session->explain_portal;
    const struct explain_times times = {
        .planning_ms = portal->explain_planning_ms,
        .execution_ms =
            (double)(ky_monotonic_ns() - session->begin_ns) / 1e6 - portal->explain_planning_ms,
    };
    plan_explain(portal->source->plan, portal->explain, exec_actual, portal->exec, &times, &text);
    emit_explained(session, outer, session->sink, &text, portal->explain->format != 't');
    ky_buffer_deinit(&text);
    strcpy(session->tag, "EXPLAIN");
}

static void
emit_no_plan(struct session *session, struct portal *outer, struct result_sink *sink, char format)
{
    struct ky_buffer text = {0};
    ky_buffer_append_cstr(&text, format == 'j' ? "[\n  \"Utility statements have no plan "
                                                 "structure\"\n]"
                                               : "Utility statements have no plan structure");
    utility_send_columns(outer, sink);
    emit_explained(session, outer, sink, &text, format != 't');
    ky_buffer_deinit(&text);
    strcpy(session->tag, "EXPLAIN");
}

/* The query of CREATE TABLE AS and CREATE MATERIALIZED VIEW: their plan is its plan. */
static const struct ast_node *
made_by(const struct ast_node *tree)
{
    const struct ast_create_table_as *create = (const void *)tree;
    return tree->kind == AST_CREATE_TABLE_AS && source_is_query(create->query) ? create->query
                                                                               : NULL;
}

ky_status
utility_explain(struct session *session, struct portal *outer, const struct ast_explain *explain,
                struct result_sink *sink, enum utility_answer *answer_out, struct ky_error *err)
{
    struct explain_options *options = ky_arena_new(&session->arena, struct explain_options);
    struct portal *portal;
    KY_TRY(explain_options(explain, options, err));
    if (explain->statement->kind == AST_REFRESH) {
        emit_no_plan(session, outer, sink, options->format);
        return KY_OK;
    }
    if (explain->statement->kind == AST_EXECUTE) {
        KY_TRY(utility_execute(session, outer, (const void *)explain->statement, &portal, err));
    } else if (source_is_query(explain->statement)) {
        portal = utility_inner_portal(session, outer, explain->statement);
    } else if (made_by(explain->statement) != NULL && !options->is_analyze) {
        portal = utility_inner_portal(session, outer, made_by(explain->statement));
    } else {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "EXPLAIN of this statement is not supported");
    }
    int64_t begin_ns = ky_monotonic_ns();
    if (source_plan(session, portal->source, err) != KY_OK ||
        source_check_rights(portal->source, err) != KY_OK) {
        portal_free(session, portal);
        return KY_ERR;
    }
    const struct explain_times times = {.planning_ms = (double)(ky_monotonic_ns() - begin_ns) / 1e6,
                                        .execution_ms = -1};
    utility_send_columns(outer, sink);
    if (options->is_analyze) {
        portal->explain = options;
        portal->explain_planning_ms = times.planning_ms;
        session->explain_portal = outer;
        session->running = portal;
        session->owned_portal = portal;
        *answer_out = UTILITY_PORTAL;
        return KY_OK;
    }
    struct ky_buffer text = {0};
    plan_explain(portal->source->plan, options, NULL, NULL, &times, &text);
    emit_explained(session, outer, sink, &text, options->format != 't');
    ky_buffer_deinit(&text);
    portal_free(session, portal);
    strcpy(session->tag, "EXPLAIN");
    return KY_OK;
}
