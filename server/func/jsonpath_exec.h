/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/func/json_text.h"
#include "server/types/jsonpath.h"

/* What paths work on: values inside a jsonb, which are slices of its text, and values that the
 * path itself made. */
enum path_item_kind {
    PATH_ITEM_NULL,
    PATH_ITEM_BOOL,
    PATH_ITEM_NUMBER,
    PATH_ITEM_STRING,
    PATH_ITEM_DATETIME,
    PATH_ITEM_ARRAY,
    PATH_ITEM_OBJECT,
};

struct path_item {
    enum path_item_kind kind;
    bool boolean;
    bool is_raw;          /* text is JSON; else the bytes of a numeric, the decoded string */
    oid_t type;           /* of DATETIME: date, time, timetz, timestamp, timestamptz */
    int32_t zone_offset;  /* of timetz and timestamptz: seconds east, as it was written */
    int64_t moment;       /* of DATETIME: the type's word; of timetz the time of day there */
    struct ky_slice text; /* borrowed, or in the run's arena */
};

struct path_list {
    struct path_item *items; /* in the run's arena */
    size_t count;
    size_t capacity;
};

enum { PATH_ITEMS_MAX = 16 * 1024 * 1024 };

struct path_item path_item_of(struct ky_slice json);
/* Appends the value as jsonb keeps it. */
void path_item_print(struct func_env *env, const struct path_item *item, struct ky_buffer *out);
/* What .type() gives. */
const char *path_item_type(const struct path_item *item);
/* The bytes of a numeric. */
KY_MUST_CHECK ky_status path_item_number(struct func_env *env, const struct path_item *item,
                                         struct ky_slice *number_out, struct ky_error *err);
struct ky_slice path_item_string(struct ky_arena *arena, const struct path_item *item);
/* True, false, or neither when two values cannot be compared. */
enum path_truth { PATH_FALSE, PATH_TRUE, PATH_UNKNOWN, PATH_TRUTH_FAILED /* err is set */ };
enum path_truth path_items_compare(struct func_env *env, enum jsonpath_kind comparison,
                                   const struct path_item *a, const struct path_item *b,
                                   bool uses_zone, struct ky_error *err);
/* .datetime(): template NULL tries the ISO forms; *is_found_out says whether one fitted. */
KY_MUST_CHECK ky_status path_item_datetime(struct ky_slice text, const struct ky_slice *template,
                                           struct path_item *item, bool *is_found_out,
                                           struct ky_error *err);

/* How a path is run. */
struct path_options {
    const struct ky_slice *vars; /* a jsonb object; NULL: there are none */
    bool is_silent;              /* errors of the path give no result instead */
    bool uses_zone;              /* the session's zone may be used in comparisons */
};

enum path_state {
    PATH_FAILED, /* err is set */
    PATH_ERROR,  /* an error that the options, or a predicate, keep silent */
    PATH_NOT_FOUND,
    PATH_OK,
};

/* Runs a path on a value. found NULL: only whether there is anything is asked. */
enum path_state path_run(struct func_env *env, const struct jsonpath *path, struct ky_slice json,
                         const struct path_options *options, struct path_list *found,
                         struct ky_error *err);
/* The tree of a path and the check of its regular expressions; the thread's, valid until its next
 * path_get. */
KY_MUST_CHECK ky_status path_get(struct func_env *env, struct ky_slice text, struct jsonpath *out,
                                 struct ky_error *err);
/* 2201B; the flags are like_regex's. */
KY_MUST_CHECK ky_status path_regex_search(const struct jsonpath_node *node, struct ky_slice text,
                                          bool *is_match_out, struct ky_error *err);
