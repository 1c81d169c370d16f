/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/json.h"
#include "server/func/func_private.h"

/* A row as an object; separator stands between its members. */
KY_MUST_CHECK ky_status json_append_record(struct func_env *env, struct ky_slice record,
                                           const char *separator, struct ky_buffer *out,
                                           struct ky_error *err);

/* Appends a SQL value as JSON: numbers and booleans bare, json as it is, arrays as arrays, rows as
 * objects, the rest as strings. as_key: always a string, null refused. type NULL: text. */
KY_MUST_CHECK ky_status json_append_datum(struct func_env *env, const struct type *type,
                                          struct datum value, bool as_key, struct ky_buffer *out,
                                          struct ky_error *err);
/* Any JSON text as jsonb keeps it: normalised. */
KY_MUST_CHECK ky_status json_normalise(struct func_env *env, struct ky_slice text,
                                       struct datum *out, struct ky_error *err);

/*
 * A reader of JSON text that is known to be valid (what the types' input has let in): values are
 * slices of the text, so nothing is built and json keeps its spelling.
 */
struct json_cursor {
    const char *place;
    const char *end;
};

/* The value at the start of text, without blanks around it. */
struct ky_slice json_trim(struct ky_slice text);
/* '{', '[', '"', 'n', 't', 'f' or '0' for numbers. */
char json_first(struct ky_slice value);
/* Members of an object or elements of an array: open, then next until false. key is raw, with its
 * quotes; it may be NULL for arrays. */
struct json_cursor json_children(struct ky_slice container);
bool json_next_child(struct json_cursor *cursor, bool is_object, struct ky_slice *key,
                     struct ky_slice *value);
/* What a raw string says. */
struct ky_slice json_decode(struct ky_arena *arena, struct ky_slice raw);
/* Member (the last of that name) or element (negative: from the end); false when there is none. */
bool json_member(struct ky_arena *arena, struct ky_slice object, struct ky_slice key,
                 struct ky_slice *value);
bool json_element(struct ky_slice array, int64_t index, struct ky_slice *value);
/* A step of a path as the place in an array that it names; false: it is no number of 32 bits. */
bool json_parse_index(struct ky_slice step, int64_t *index_out);
size_t json_count(struct ky_slice container);
/* The value as ->> gives it: strings decoded, JSON null is null. */
struct datum json_as_text(struct ky_arena *arena, struct ky_slice value);
