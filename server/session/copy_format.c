/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "server/session/copy_private.h"

/* COPY's options. */

static const char *
option_text(const struct ast_option *option)
{
    if (option->value == NULL) {
        return "";
    }
    if (option->value->kind == AST_STRING) {
        return ((const struct ast_string *)(const void *)option->value)->text;
    }
    const struct ast_const *constant = (const void *)option->value;
    if (option->value->kind == AST_CONST && constant->type == AST_CONST_BOOL) {
        return constant->boolean ? "on" : "off";
    }
    return option->value->kind == AST_CONST && constant->text != NULL ? constant->text : "";
}

static ky_status
one_char(const char *name, const char *text, char *out, struct ky_error *err)
{
    if (strlen(text) != 1) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "COPY %s must be a single one-byte character", name);
    }
    *out = text[0];
    return KY_OK;
}

static ky_status
read_option(struct copy_options *options, const struct ast_option *option, struct ky_error *err)
{
    const char *text = option_text(option);
    if (strcmp(option->name, "format") == 0) {
        options->is_csv = strcasecmp(text, "csv") == 0;
        if (strcasecmp(text, "binary") == 0) {
            return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                "COPY format \"binary\" is not supported yet");
        }
        return options->is_csv || strcasecmp(text, "text") == 0
                   ? KY_OK
                   : ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                  "COPY format \"%s\" not recognized", text);
    }
    if (strcmp(option->name, "header") == 0) {
        options->has_header = strcasecmp(text, "off") != 0 && strcasecmp(text, "false") != 0;
        return KY_OK;
    }
    if (strcmp(option->name, "delimiter") == 0) {
        return one_char("delimiter", text, &options->delimiter, err);
    }
    if (strcmp(option->name, "quote") == 0) {
        return one_char("quote", text, &options->quote, err);
    }
    if (strcmp(option->name, "escape") == 0) {
        return one_char("escape", text, &options->escape, err);
    }
    if (strcmp(option->name, "null") == 0) {
        options->null_text = text;
        return KY_OK;
    }
    if (strcmp(option->name, "freeze") == 0 || strcmp(option->name, "encoding") == 0) {
        return KY_OK;
    }
    return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "COPY option \"%s\" is not supported yet",
                        option->name);
}

ky_status
copy_read_options(struct session *session, const struct ast_copy *statement,
                  struct copy_options *options, struct ky_error *err)
{
    (void)session;
    *options = (struct copy_options){0};
    for (int32_t i = 0; i < ast_list_count(statement->options); i++) {
        KY_TRY(read_option(options, (const void *)ast_list_get(statement->options, i), err));
    }
    if (options->delimiter == '\0') {
        options->delimiter = options->is_csv ? ',' : '\t';
    }
    if (options->null_text == NULL) {
        options->null_text = options->is_csv ? "" : "\\N";
    }
    if (options->quote == '\0') {
        options->quote = '"';
    }
    if (options->escape == '\0') {
        options->escape = options->quote;
    }
    if (statement->file != NULL || statement->is_program) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "COPY to or from a file of the server is not supported");
    }
    return KY_OK;
}
