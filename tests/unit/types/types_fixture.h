/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/types/cast.h"
#include "server/types/type.h"

/* An arena and a context for one test; types_done frees them. */
struct types_fixture {
    struct ky_arena arena;
    struct type_context context;
    struct ky_error err;
};
void types_start(struct types_fixture *fixture);
void types_done(struct types_fixture *fixture);

/* Text in and out again: the output's text, or "SQLSTATE message" on failure. In the arena. */
const char *types_round(struct types_fixture *fixture, oid_t oid, const char *text, int32_t typmod);
/* The value of a text; fails the test when it has none. */
struct datum types_value(struct types_fixture *fixture, oid_t oid, const char *text);
const char *types_text(struct types_fixture *fixture, oid_t oid, struct datum value);
/* A cast's result as text, "none" when there is no cast, "SQLSTATE message" on failure. */
const char *types_cast(struct types_fixture *fixture, oid_t source, const char *text, oid_t target);
