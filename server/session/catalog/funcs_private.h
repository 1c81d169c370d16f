/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/session/session_private.h"

/* What the files of catalog functions share. */

static inline const struct catalog_env *
funcs_env(const struct func_env *env)
{
    return env->self;
}

static inline struct session *
funcs_session(const struct func_env *env)
{
    return funcs_env(env)->session;
}

/* NULL text is a null value; it is copied. */
static inline struct datum
funcs_text(const struct func_env *env, const char *text)
{
    return text == NULL ? datum_null() : datum_cstr(ky_arena_strdup(env->types.arena, text));
}

#define FUNCTION(name_)                                                                   \
    static ky_status name_(struct func_env *env, const struct datum *args, int arg_count, \
                           struct datum *out, struct ky_error *err)
#define UNUSED_ARGS() ((void)env, (void)args, (void)arg_count, (void)err)
#define ARGS(...) ((const oid_t[]){__VA_ARGS__})
#define FUNC(oid_, name_, result_, count_, args_, strict_, volatility_, fn_)                       \
    {                                                                                              \
        .oid = (oid_), .name = (name_), .result = (result_), .arg_count = (count_),                \
        .args = (args_), .is_strict = (strict_), .volatility = (volatility_), .kind = FUNC_SCALAR, \
        .scalar = (fn_)                                                                            \
    }

/* Rows made all at once, for set functions: open adds them, next is funcs_rows_next. */
struct funcs_rows {
    struct ky_arena *arena;
    int width;
    size_t count, capacity, next;
    struct datum *values;
};
struct funcs_rows *funcs_rows_new(struct ky_arena *arena, int width);
/* A row of nulls to fill in. */
struct datum *funcs_rows_add(struct funcs_rows *rows);
ky_status funcs_rows_next(struct func_env *env, struct func_rows *rows, struct datum *values,
                          bool *has_row_out, struct ky_error *err);

/* The head of an open, which adds to `rows`. */
#define ROWS(name_, width_)                                                               \
    static ky_status name_##_fill(struct func_env *env, const struct datum *args,         \
                                  struct funcs_rows *rows, struct ky_error *err);         \
    static ky_status name_(struct func_env *env, const struct datum *args, int arg_count, \
                           struct func_rows **rows_out, struct ky_error *err)             \
    {                                                                                     \
        struct funcs_rows *rows = funcs_rows_new(env->types.arena, (width_));             \
        (void)arg_count;                                                                  \
        *rows_out = (struct func_rows *)(void *)rows;                                     \
        return name_##_fill(env, args, rows, err);                                        \
    }                                                                                     \
    static ky_status name_##_fill(struct func_env *env, const struct datum *args,         \
                                  struct funcs_rows *rows, struct ky_error *err)
#define UNUSED_ROWS() ((void)env, (void)args, (void)err)

/* A set function's row in a table of functions, its columns as `set` has them. */
#define RECORDS_FUNC(oid_, name_, result_, count_, args_, strict_, volatility_, set_, one_)        \
    {                                                                                              \
        .oid = (oid_), .name = (name_), .result = (result_), .arg_count = (count_),                \
        .args = (args_), .is_strict = (strict_), .volatility = (volatility_), .kind = FUNC_SCALAR, \
        .is_set = true, .is_one_row = (one_), .set = (set_)                                        \
    }
#define SET_FUNC(...) RECORDS_FUNC(__VA_ARGS__, false)
#define ONE_ROW_FUNC(...) RECORDS_FUNC(__VA_ARGS__, true)

void definition_funcs_register(void);
void size_funcs_register(void);
void server_funcs_register(void);
void privilege_funcs_register(void);
void object_funcs_register(void);
void index_property_register(void);
void proc_views_register(void);
void depend_views_register(void);
void control_funcs_register(void);
void describe_funcs_register(void);
void extension_funcs_register(void);
void sequence_funcs_register(void);
void zone_funcs_register(void);
