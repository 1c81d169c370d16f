/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "server/base/buffer.h"
#include "server/base/error.h"

/*
 * JSON (RFC 8259) reader and writer. The reader builds a tree in an arena; limits:
 * nesting JSON_DEPTH_MAX (54001), input size is the caller's to bound. Duplicate keys: last wins
 * in json_get. Numbers keep their text so that bigints survive. Invalid text is 22P02.
 */
enum { JSON_DEPTH_MAX = 256 };
enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_value {
    enum json_kind kind;
    struct ky_slice text;     /* NUMBER: as written; STRING: decoded UTF-8 */
    struct ky_slice key;      /* decoded key when this is a member of an object */
    struct json_value *first; /* ARRAY, OBJECT: children in order */
    struct json_value *next;
    size_t count;
};

KY_MUST_CHECK ky_status json_parse(struct ky_arena *arena, struct ky_slice text,
                                   struct json_value **value_out, struct ky_error *err);
/* Checks without building; for the json type's input. */
KY_MUST_CHECK ky_status json_validate(struct ky_slice text, struct ky_error *err);
/* Member of an object, or NULL. */
const struct json_value *json_get(const struct json_value *object, const char *key);

/* Appends a quoted, escaped string. */
void json_write_string(struct ky_buffer *out, struct ky_slice text);
/* Appends a value as compact JSON. */
void json_write_value(struct ky_buffer *out, const struct json_value *value);
