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

void definition_funcs_register(void);
void size_funcs_register(void);
void server_funcs_register(void);
void privilege_funcs_register(void);
void object_funcs_register(void);
void index_property_register(void);
void proc_views_register(void);
void depend_views_register(void);
