/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/func/func.h"

/*
 * A small language for tests: "name(type:text, type:text)" or "type:text op type:text" answers the
 * text of the result, "NULL", or "SQLSTATE: message".
 */
struct func_fixture {
    struct ky_arena arena;
    struct func_env env;
};

void func_fixture_open(struct func_fixture *fixture);
void func_fixture_close(struct func_fixture *fixture);
/* args: pairs of type name and text, NULL text for null. */
const char *fixture_call(struct func_fixture *fixture, const char *name, int arg_count,
                         const char *const *args);
const char *fixture_operator(struct func_fixture *fixture, const char *name, const char *left_type,
                             const char *left, const char *right_type, const char *right);
/* An aggregate of one argument over values; a set function's rows joined by spaces. */
const char *fixture_aggregate(struct func_fixture *fixture, const char *name, const char *type,
                              int count, const char *const *values, bool by_column);
const char *fixture_rows(struct func_fixture *fixture, const char *name, int arg_count,
                         const char *const *args);

#define CALL(name, ...)                                                             \
    fixture_call(&fixture, name,                                                    \
                 (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *) / 2), \
                 (const char *[]){__VA_ARGS__})
#define ROWS(name, ...)                                                             \
    fixture_rows(&fixture, name,                                                    \
                 (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *) / 2), \
                 (const char *[]){__VA_ARGS__})
#define OPER(left_type, left, name, right_type, right) \
    fixture_operator(&fixture, name, left_type, left, right_type, right)
#define AGG(name, type, ...)                                                         \
    fixture_aggregate(&fixture, name, type,                                          \
                      (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), \
                      (const char *[]){__VA_ARGS__}, false)
#define AGG_COLUMN(name, type, ...)                                                  \
    fixture_aggregate(&fixture, name, type,                                          \
                      (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), \
                      (const char *[]){__VA_ARGS__}, true)
