/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/type.h"

/* pg_cast: how one type becomes another. */
enum cast_context { CAST_IMPLICIT = 'i', CAST_ASSIGNMENT = 'a', CAST_EXPLICIT = 'e' };
enum cast_method {
    CAST_RELABEL,  /* the same bytes: text to varchar, int4 to oid */
    CAST_FUNCTION, /* fn */
    CAST_IN_OUT,   /* output as text, then input of the target */
    CAST_ARRAY,    /* element by element with the element types' cast */
};

/* is_explicit matters for the few casts that cut. NULL input never reaches it. */
typedef ky_status (*cast_function)(const struct type_context *context, struct datum value,
                                   int32_t typmod, bool is_explicit, struct datum *out,
                                   struct ky_error *err);
struct cast {
    oid_t source;
    oid_t target;
    enum cast_context context; /* the weakest context in which it may be used */
    enum cast_method method;
    cast_function fn;
    oid_t function_oid; /* pg_cast.castfunc, 0 when none */
};

/* The cast from one type to another (explicit ones included), or NULL: the caller compares
 * cast->context. Any type to and from text-like types has an IN_OUT cast as in PostgreSQL
 * (assignment to text, explicit from text). Same type: NULL. */
const struct cast *cast_find(oid_t source, oid_t target);
/* Does the cast itself need the modifier of its result (5::bit(4))? For the others the binder adds
 * type->coerce where one is given. */
bool cast_takes_typmod(const struct cast *cast);
/* Runs it. typmod is -1 but for casts that take one. */
KY_MUST_CHECK ky_status cast_apply(const struct cast *cast, const struct type_context *context,
                                   struct datum value, int32_t typmod, bool is_explicit,
                                   struct datum *out, struct ky_error *err);
const struct cast *cast_all(size_t *count_out);
