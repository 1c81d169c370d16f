/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "server/session/copy_private.h"
#include "server/types/encoding.h"

/* COPY's options, and which of them go together. */

/* What was said, before it is judged as a whole. */
struct said {
    struct ky_slice sql; /* the text that positions count in */
    const char *delimiter, *null, *quote, *escape;
    bool has_format, has_header, has_freeze, has_encoding;
};

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
    if (option->value->kind != AST_CONST) {
        return "";
    }
    switch (constant->type) {
    case AST_CONST_BOOL:
        return constant->boolean ? "true" : "false";
    case AST_CONST_INTEGER:
        return constant->integer == 0 ? "0" : constant->integer == 1 ? "1" : "";
    default:
        return constant->text == NULL ? "" : constant->text;
    }
}

static ky_status
said_twice(const struct ast_option *option, struct ky_slice sql, struct ky_error *err)
{
    (void)ky_error_set(err, KY_SYNTAX_ERROR, "conflicting or redundant options");
    return ky_error_at(err, parser_position(sql, option->node.location));
}

static ky_status
read_format(struct copy_options *options, const char *text, struct ky_error *err)
{
    static const char *const names[] = {"text", "csv", "binary"};
    for (size_t i = 0; i < KY_COUNT_OF(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            options->format = (enum copy_format)i;
            return KY_OK;
        }
    }
    return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "COPY format \"%s\" not recognized", text);
}

static bool
read_bool(const char *text, bool *out)
{
    bool is_true =
        strcasecmp(text, "true") == 0 || strcasecmp(text, "on") == 0 || strcmp(text, "1") == 0;
    *out = is_true;
    return is_true || strcasecmp(text, "false") == 0 || strcasecmp(text, "off") == 0 ||
           strcmp(text, "0") == 0;
}

static ky_status
read_header(struct copy_options *options, const struct ast_option *option, bool is_from,
            struct ky_error *err)
{
    const char *text = option_text(option);
    bool is_on = true;
    if (option->value != NULL && strcasecmp(text, "match") == 0) {
        if (!is_from) {
            return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                "cannot use \"match\" with HEADER in COPY TO");
        }
        options->header = COPY_HEADER_MATCH;
        return KY_OK;
    }
    if (option->value != NULL && !read_bool(text, &is_on)) {
        return ky_error_set(err, KY_SYNTAX_ERROR, "header requires a Boolean value or \"match\"");
    }
    options->header = is_on ? COPY_HEADER_SKIP : COPY_HEADER_NONE;
    return KY_OK;
}

/* Data are UTF-8 here, as everywhere. */
static ky_status
read_encoding(const char *text, struct ky_error *err)
{
    const int encoding = encoding_find(ky_slice_cstr(text));
    if (encoding == ENCODING_UTF8 || encoding == ENCODING_SQL_ASCII) {
        return KY_OK;
    }
    if (encoding != ENCODING_UNKNOWN) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "conversion between %s and UTF8 is not supported",
                            encoding_name(encoding));
    }
    return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                        "argument to option \"encoding\" must be a valid encoding name");
}

/* A list of columns, or * where `is_all` is given. */
static ky_status
read_list(const struct said *said, const struct ast_option *option, const struct ast_list **list,
          bool *is_all, struct ky_error *err)
{
    if (*list != NULL || (is_all != NULL && *is_all)) {
        return said_twice(option, said->sql, err);
    }
    if (option->value != NULL && option->value->kind == AST_STAR && is_all != NULL) {
        *is_all = true;
        return KY_OK;
    }
    if (option->value == NULL || option->value->kind != AST_NODE_LIST) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "argument to option \"%s\" must be a list of column names",
                            option->name);
    }
    *list = ((const struct ast_node_list *)(const void *)option->value)->list;
    return KY_OK;
}

static ky_status
read_option(struct copy_options *options, struct said *said, const struct ast_option *option,
            bool is_from, struct ky_error *err)
{
    const char *text = option_text(option);
    const struct {
        const char *name;
        const char **text;
        bool *is_said;
    } known[] = {
        {"format", NULL, &said->has_format},   {"header", NULL, &said->has_header},
        {"freeze", NULL, &said->has_freeze},   {"encoding", NULL, &said->has_encoding},
        {"delimiter", &said->delimiter, NULL}, {"null", &said->null, NULL},
        {"quote", &said->quote, NULL},         {"escape", &said->escape, NULL},
    };
    for (size_t i = 0; i < KY_COUNT_OF(known); i++) {
        if (strcmp(option->name, known[i].name) != 0) {
            continue;
        }
        if (known[i].text != NULL ? *known[i].text != NULL : *known[i].is_said) {
            return said_twice(option, said->sql, err);
        }
        if (known[i].text != NULL) {
            *known[i].text = text;
            return KY_OK;
        }
        *known[i].is_said = true;
        switch (i) {
        case 0:
            return read_format(options, text, err);
        case 1:
            return read_header(options, option, is_from, err);
        case 3:
            return read_encoding(text, err);
        default:
            return KY_OK;
        }
    }
    if (strcmp(option->name, "force_quote") == 0) {
        return read_list(said, option, &options->force_quote, &options->is_force_quote_all, err);
    }
    if (strcmp(option->name, "force_not_null") == 0) {
        return read_list(said, option, &options->force_not_null, NULL, err);
    }
    if (strcmp(option->name, "force_null") == 0) {
        return read_list(said, option, &options->force_null, NULL, err);
    }
    (void)ky_error_set(err, KY_SYNTAX_ERROR, "option \"%s\" not recognized", option->name);
    return ky_error_at(err, parser_position(said->sql, option->node.location));
}

static bool
has_line_end(const char *text)
{
    return strpbrk(text, "\r\n") != NULL;
}

/* What the delimiter and the null text may be. */
static ky_status
check_text(const struct copy_options *options, const struct said *said, struct ky_error *err)
{
    const bool is_csv = options->format == COPY_CSV;
    if (said->delimiter != NULL && strlen(said->delimiter) != 1) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "COPY delimiter must be a single one-byte character");
    }
    if (said->delimiter != NULL && has_line_end(said->delimiter)) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "COPY delimiter cannot be newline or carriage return");
    }
    if (said->null != NULL && has_line_end(said->null)) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                            "COPY null representation cannot use newline or carriage return");
    }
    if (!is_csv && strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", options->delimiter) != NULL) {
        return ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "COPY delimiter cannot be \"%c\"",
                            options->delimiter);
    }
    return KY_OK;
}

static ky_status
check_csv(const struct copy_options *options, const struct said *said, bool is_from,
          struct ky_error *err)
{
    const bool is_csv = options->format == COPY_CSV;
    const bool has_quotes = options->force_quote != NULL || options->is_force_quote_all;
    const struct {
        bool is_said, is_ok;
        const char *name;
    } words[] = {
        {said->quote != NULL, said->quote != NULL && strlen(said->quote) == 1, "quote"},
        {said->escape != NULL, said->escape != NULL && strlen(said->escape) == 1, "escape"},
    };
    for (size_t i = 0; i < KY_COUNT_OF(words); i++) {
        if (words[i].is_said && !is_csv) {
            return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED, "COPY %s available only in CSV mode",
                                words[i].name);
        }
        if (words[i].is_said && !words[i].is_ok) {
            return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                "COPY %s must be a single one-byte character", words[i].name);
        }
        if (is_csv && i == 0 && options->delimiter == options->quote) {
            return ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                                "COPY delimiter and quote must be different");
        }
    }
    const struct {
        bool is_said, is_for_from;
        const char *name;
    } lists[] = {
        {has_quotes, false, "quote"},
        {options->force_not_null != NULL, true, "not null"},
        {options->force_null != NULL, true, "null"},
    };
    for (size_t i = 0; i < KY_COUNT_OF(lists); i++) {
        if (lists[i].is_said && !is_csv) {
            return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                "COPY force %s available only in CSV mode", lists[i].name);
        }
        if (lists[i].is_said && lists[i].is_for_from != is_from) {
            return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                "COPY force %s only available using COPY %s", lists[i].name,
                                lists[i].is_for_from ? "FROM" : "TO");
        }
    }
    return KY_OK;
}

static ky_status
check_together(const struct copy_options *options, const struct said *said, bool is_from,
               struct ky_error *err)
{
    const struct ky_slice null_text = options->null_text;
    if (options->format == COPY_BINARY) {
        if (said->delimiter != NULL || said->null != NULL) {
            return ky_error_set(err, KY_SYNTAX_ERROR, "cannot specify %s in BINARY mode",
                                said->delimiter != NULL ? "DELIMITER" : "NULL");
        }
        if (options->header != COPY_HEADER_NONE) {
            return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                                "cannot specify HEADER in BINARY mode");
        }
    } else {
        KY_TRY(check_text(options, said, err));
    }
    KY_TRY(check_csv(options, said, is_from, err));
    if (options->format != COPY_BINARY && null_text.size > 0 &&
        memchr(null_text.data, options->delimiter, null_text.size) != NULL) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "COPY delimiter must not appear in the NULL specification");
    }
    if (options->format == COPY_CSV && null_text.size > 0 &&
        memchr(null_text.data, options->quote, null_text.size) != NULL) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "CSV quote character must not appear in the NULL specification");
    }
    return KY_OK;
}

ky_status
copy_read_options(const struct ast_copy *statement, struct ky_slice sql,
                  struct copy_options *options, struct ky_error *err)
{
    struct said said = {.sql = sql};
    *options = (struct copy_options){0};
    for (int32_t i = 0; i < ast_list_count(statement->options); i++) {
        KY_TRY(read_option(options, &said, (const void *)ast_list_get(statement->options, i),
                           statement->is_from, err));
    }
    const bool is_csv = options->format == COPY_CSV;
    options->delimiter = said.delimiter != NULL ? said.delimiter[0] : is_csv ? ',' : '\t';
    options->null_text = ky_slice_cstr(said.null != NULL ? said.null : is_csv ? "" : "\\N");
    options->quote = said.quote != NULL ? said.quote[0] : '"';
    options->escape = said.escape != NULL ? said.escape[0] : options->quote;
    KY_TRY(check_together(options, &said, statement->is_from, err));
    if (statement->is_program) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "COPY to or from a program is not supported");
    }
    return KY_OK;
}

static ky_status
force(struct copy *copy, const struct ast_list *names, uint8_t bit, const char *option,
      const struct cat_table *table, struct ky_error *err)
{
    for (int32_t i = 0; i < ast_list_count(names); i++) {
        const char *name = ast_list_text(names, i);
        uint16_t column = 0;
        while (column < copy->column_count && strcmp(copy->names[column], name) != 0) {
            column++;
        }
        if (column < copy->column_count) {
            copy->force[column] |= bit;
        } else if (table != NULL && cat_find_column(table, ky_slice_cstr(name)) == NULL) {
            return ky_error_set(err, KY_UNDEFINED_COLUMN,
                                "column \"%s\" of relation \"%s\" does not exist", name,
                                table->name);
        } else if (table == NULL) {
            return ky_error_set(err, KY_UNDEFINED_COLUMN, "column \"%s\" does not exist", name);
        } else {
            return ky_error_set(err, KY_INVALID_COLUMN_REFERENCE,
                                "%s column \"%s\" not referenced by COPY", option, name);
        }
    }
    return KY_OK;
}

ky_status
copy_force_columns(struct copy *copy, const struct cat_table *table, struct ky_error *err)
{
    const struct copy_options *options = &copy->options;
    copy->force = ky_arena_calloc(&copy->arena, (size_t)copy->column_count + 1, 1);
    if (options->is_force_quote_all) {
        memset(copy->force, COPY_FORCE_QUOTE, copy->column_count);
    }
    KY_TRY(force(copy, options->force_quote, COPY_FORCE_QUOTE, "FORCE_QUOTE", table, err));
    KY_TRY(force(copy, options->force_not_null, COPY_FORCE_NOT_NULL, "FORCE_NOT_NULL", table, err));
    return force(copy, options->force_null, COPY_FORCE_NULL, "FORCE_NULL", table, err);
}
