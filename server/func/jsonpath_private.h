/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/func/jsonpath_exec.h"

/* What the files that run a path share. */

enum { BASE_ROOT = 0, BASE_VARIABLES = 1 };

/* What .keyvalue() counts places from. */
struct base_object {
    const char *start; /* NULL: none */
    int64_t id;
};

/* One run of a path. */
struct path_run {
    struct func_env *env;
    struct ky_arena *arena;
    const struct path_options *options;
    bool is_lax;
    bool ignores_structure; /* missing members and the like are passed over */
    bool throws;            /* errors end the run; else they are PATH_ERROR */
    const struct path_item *root;
    const struct path_item *current; /* @ */
    int64_t array_size;              /* of the innermost subscripted array; -1: none */
    struct base_object base;
    int64_t next_base_id;
    int depth;
    size_t item_count;
    struct ky_error *err;
    struct ky_error *ignored; /* where errors go that nobody sees */
};

/* ---- jsonpath_exec.c ---- */

static inline bool
path_is_error(enum path_state state)
{
    return state == PATH_FAILED || state == PATH_ERROR;
}

/* An error that a silent run or a predicate keeps to itself. */
KY_PRINTF(3, 4)
KY_COLD enum path_state path_complain(struct path_run *run, enum ky_sqlstate sqlstate,
                                      const char *format, ...);
/* Where a function of the types puts its error, and what follows from it. */
struct ky_error *path_error_place(struct path_run *run);
enum path_state path_error_state(const struct path_run *run);
/* What a step gives goes to the next one, or to the result. */
enum path_state path_pass_on(struct path_run *run, const struct jsonpath_node *node,
                             const struct path_item *item, struct path_list *found);
/* A step on a value; unwraps: on the elements of an array where it needs no array. */
enum path_state path_run_node(struct path_run *run, const struct jsonpath_node *node,
                              const struct path_item *item, struct path_list *found, bool unwraps);
/* All that a node gives; in lax mode (and if wanted) with the elements of arrays in their place. */
enum path_state path_collect(struct path_run *run, const struct jsonpath_node *node,
                             const struct path_item *item, bool unwraps, struct path_list *list);
/* As path_collect, but an error is only an answer. */
enum path_state path_collect_quietly(struct path_run *run, const struct jsonpath_node *node,
                                     const struct path_item *item, bool unwraps,
                                     struct path_list *list);

bool path_is_container(const struct path_item *item);
/* Which levels below a value are meant, and how the step there is taken. */
struct descent {
    const struct jsonpath_node *node; /* NULL: the values themselves are found */
    int32_t first;
    int32_t last;
    bool ignores_structure;
    bool unwraps;
};
/* The step on the value itself. */
enum path_state path_run_at_level(struct path_run *run, const struct descent *descent,
                                  const struct path_item *item, struct path_list *found);
/* The children of a container and, down to the last level, theirs. */
enum path_state path_descend(struct path_run *run, const struct descent *descent,
                             const struct path_item *container, int32_t level,
                             struct path_list *found);
/* The children alone. */
enum path_state path_descend_once(struct path_run *run, const struct jsonpath_node *node,
                                  const struct path_item *container, struct path_list *found,
                                  bool unwraps);

/* ---- jsonpath_predicate.c ---- */

/* A predicate as a value: true, false or null. */
enum path_state path_run_truth_value(struct path_run *run, const struct jsonpath_node *node,
                                     const struct path_item *item, struct path_list *found);
enum path_state path_run_filter(struct path_run *run, const struct jsonpath_node *node,
                                const struct path_item *item, struct path_list *found);

/* ---- jsonpath_access.c ---- */

/* What is found below has its place in this text. */
void path_set_base(struct path_run *run, struct ky_slice text, int64_t id);
enum path_state path_pass_number(struct path_run *run, const struct jsonpath_node *node,
                                 int64_t value, struct path_list *found);
enum path_state path_run_variable(struct path_run *run, const struct jsonpath_node *node,
                                  struct path_list *found);
enum path_state path_run_constant(struct path_run *run, const struct jsonpath_node *node,
                                  struct path_list *found);
enum path_state path_run_root(struct path_run *run, const struct jsonpath_node *node,
                              struct path_list *found);
enum path_state path_run_last(struct path_run *run, const struct jsonpath_node *node,
                              struct path_list *found);
enum path_state path_run_key(struct path_run *run, const struct jsonpath_node *node,
                             const struct path_item *item, struct path_list *found);
enum path_state path_run_any_key(struct path_run *run, const struct jsonpath_node *node,
                                 const struct path_item *item, struct path_list *found);
enum path_state path_run_any_element(struct path_run *run, const struct jsonpath_node *node,
                                     const struct path_item *item, struct path_list *found);
enum path_state path_run_any_level(struct path_run *run, const struct jsonpath_node *node,
                                   const struct path_item *item, struct path_list *found);
enum path_state path_run_subscripts(struct path_run *run, const struct jsonpath_node *node,
                                    const struct path_item *item, struct path_list *found);

/* ---- jsonpath_method.c ---- */

enum path_state path_run_binary(struct path_run *run, const struct jsonpath_node *node,
                                const struct path_item *item, struct path_list *found);
enum path_state path_run_unary(struct path_run *run, const struct jsonpath_node *node,
                               const struct path_item *item, struct path_list *found);
enum path_state path_run_numeric_method(struct path_run *run, const struct jsonpath_node *node,
                                        const struct path_item *item, struct path_list *found);
enum path_state path_run_double(struct path_run *run, const struct jsonpath_node *node,
                                const struct path_item *item, struct path_list *found);
enum path_state path_run_datetime(struct path_run *run, const struct jsonpath_node *node,
                                  const struct path_item *item, struct path_list *found);
enum path_state path_run_size(struct path_run *run, const struct jsonpath_node *node,
                              const struct path_item *item, struct path_list *found);
enum path_state path_run_keyvalue(struct path_run *run, const struct jsonpath_node *node,
                                  const struct path_item *item, struct path_list *found);
