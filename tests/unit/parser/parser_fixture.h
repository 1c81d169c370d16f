/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "parser/parser.h"

/* One text parsed; printed is the tree as SQL, a zero-terminated string, when it succeeded. */
struct parsed {
    struct ky_arena arena;
    struct ky_error err;
    struct ast_list statements;
    struct ast_node *expression;
    struct ky_buffer printed;
    ky_status status;
};

static inline void
parsed_print(struct parsed *parsed, const struct ast_node *node)
{
    ast_print(&parsed->printed, node);
    ky_buffer_append_byte(&parsed->printed, 0);
}

static inline const char *
parsed_text(const struct parsed *parsed)
{
    return parsed->printed.data == NULL ? "" : (const char *)parsed->printed.data;
}

static inline struct parsed *
parsed_new(void)
{
    struct parsed *parsed = ky_calloc(1, sizeof(*parsed));
    ky_arena_init(&parsed->arena);
    ky_error_init(&parsed->err);
    return parsed;
}

static inline void
parsed_free(struct parsed *parsed)
{
    ky_buffer_deinit(&parsed->printed);
    ky_arena_deinit(&parsed->arena);
    ky_free(parsed);
}

/* Prints the first statement. */
static inline struct parsed *
parsed_sql(const char *sql)
{
    struct parsed *parsed = parsed_new();
    parsed->status =
        parse_sql(&parsed->arena, ky_slice_cstr(sql), &parsed->statements, &parsed->err);
    if (parsed->status == KY_OK && parsed->statements.count > 0) {
        parsed_print(parsed, parsed->statements.items[0]);
    }
    return parsed;
}

static inline struct parsed *
parsed_expression(const char *sql)
{
    struct parsed *parsed = parsed_new();
    parsed->status =
        parse_expression(&parsed->arena, ky_slice_cstr(sql), &parsed->expression, &parsed->err);
    if (parsed->status == KY_OK) {
        parsed_print(parsed, parsed->expression);
    }
    return parsed;
}

static inline void
expect_expression(const char *sql, const char *printed)
{
    struct parsed *parsed = parsed_expression(sql);
    cr_expect_str_eq(parsed->err.message, "", "%s: %s", sql, parsed->err.message);
    cr_expect_str_eq(parsed_text(parsed), printed, "%s gives %s", sql, parsed_text(parsed));
    parsed_free(parsed);
}

static inline void
expect_error(const char *sql, const char *sqlstate, const char *message, int position)
{
    struct parsed *parsed = parsed_sql(sql);
    cr_expect_eq(parsed->status, KY_ERR, "%s", sql);
    cr_expect_str_eq(ky_sqlstate_code(parsed->err.sqlstate), sqlstate, "%s", sql);
    cr_expect_str_eq(parsed->err.message, message, "%s", sql);
    cr_expect_eq(parsed->err.position, position, "%s: at %d", sql, parsed->err.position);
    parsed_free(parsed);
}

/* Calls check with each line of a file beside the tests; how many lines there were. */
static inline int
for_each_line(const char *name, void (*check)(char *line))
{
    char path[1024];
    char line[8192];
    snprintf(path, sizeof(path), "%s/%s", PARSER_TEST_DIR, name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s", path);
    int count = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        check(line);
        count++;
    }
    fclose(file);
    return count;
}
