/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/utf8.h"
#include "server/func/jsonpath_private.h"
#include "server/types/numeric.h"

/* Steps of a path that lead to a value: the root, variables, constants, members, elements. */

void
path_set_base(struct path_run *run, struct ky_slice text, int64_t id)
{
    const char kind = json_first(text);
    run->base.start = kind == '{' || kind == '[' ? text.data : NULL;
    run->base.id = id;
}

static bool
is_key(struct ky_arena *arena, struct ky_slice raw, struct ky_slice name)
{
    /* An escape is never shorter than what it means. */
    if (raw.size < name.size + 2) {
        return false;
    }
    if (memchr(raw.data, '\\', raw.size) == NULL) {
        return raw.size == name.size + 2 &&
               (name.size == 0 || memcmp((const char *)raw.data + 1, name.data, name.size) == 0);
    }
    return ky_slice_equal(json_decode(arena, raw), name);
}

static bool
find_member(struct path_run *run, struct ky_slice object, struct ky_slice name,
            struct ky_slice *value)
{
    struct json_cursor cursor = json_children(object);
    struct ky_slice key;
    while (json_next_child(&cursor, true, &key, value)) {
        if (is_key(run->arena, key, name)) {
            return true;
        }
    }
    return false;
}

enum path_state
path_run_variable(struct path_run *run, const struct jsonpath_node *node, struct path_list *found)
{
    const struct base_object saved = run->base;
    struct ky_slice text;
    if (run->options->vars == NULL || !find_member(run, *run->options->vars, node->text, &text)) {
        (void)ky_error_set(
            run->err, KY_UNDEFINED_OBJECT, "could not find jsonpath variable \"%.*s\"",
            (int)ky_utf8_cut(node->text.data, node->text.size, 256), (const char *)node->text.data);
        return PATH_FAILED;
    }
    const struct path_item value = path_item_of(text);
    path_set_base(run, *run->options->vars, BASE_VARIABLES);
    const enum path_state state = path_pass_on(run, node, &value, found);
    run->base = saved;
    return state;
}

enum path_state
path_run_constant(struct path_run *run, const struct jsonpath_node *node, struct path_list *found)
{
    struct path_item value = {.boolean = node->boolean, .text = node->text};
    value.kind = node->kind == JSONPATH_NULL     ? PATH_ITEM_NULL
                 : node->kind == JSONPATH_BOOL   ? PATH_ITEM_BOOL
                 : node->kind == JSONPATH_NUMBER ? PATH_ITEM_NUMBER
                                                 : PATH_ITEM_STRING;
    return path_pass_on(run, node, &value, found);
}

enum path_state
path_run_root(struct path_run *run, const struct jsonpath_node *node, struct path_list *found)
{
    const struct base_object saved = run->base;
    path_set_base(run, run->root->text, BASE_ROOT);
    const enum path_state state = path_pass_on(run, node, run->root, found);
    run->base = saved;
    return state;
}

enum path_state
path_pass_number(struct path_run *run, const struct jsonpath_node *node, int64_t value,
                 struct path_list *found)
{
    const struct path_item item = {.kind = PATH_ITEM_NUMBER,
                                   .text = numeric_from_int64(run->arena, value)};
    return path_pass_on(run, node, &item, found);
}

enum path_state
path_run_last(struct path_run *run, const struct jsonpath_node *node, struct path_list *found)
{
    if (run->array_size < 0) {
        (void)ky_error_set(run->err, KY_INTERNAL_ERROR,
                           "evaluating jsonpath LAST outside of array subscript");
        return PATH_FAILED;
    }
    return path_pass_number(run, node, run->array_size - 1, found);
}

enum path_state
path_run_key(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item,
             struct path_list *found)
{
    struct ky_slice value;
    if (item->kind == PATH_ITEM_OBJECT && find_member(run, item->text, node->text, &value)) {
        const struct path_item member = path_item_of(value);
        return path_pass_on(run, node, &member, found);
    }
    if (run->ignores_structure) {
        return PATH_NOT_FOUND;
    }
    if (item->kind == PATH_ITEM_OBJECT) {
        return path_complain(
            run, KY_SQL_JSON_MEMBER_NOT_FOUND, "JSON object does not contain key \"%.*s\"",
            (int)ky_utf8_cut(node->text.data, node->text.size, 256), (const char *)node->text.data);
    }
    return path_complain(run, KY_SQL_JSON_MEMBER_NOT_FOUND,
                         "jsonpath member accessor can only be applied to an object");
}

enum path_state
path_run_any_key(struct path_run *run, const struct jsonpath_node *node,
                 const struct path_item *item, struct path_list *found)
{
    if (item->kind == PATH_ITEM_OBJECT) {
        return path_descend_once(run, node->next, item, found, run->is_lax);
    }
    return run->ignores_structure
               ? PATH_NOT_FOUND
               : path_complain(
                     run, KY_SQL_JSON_OBJECT_NOT_FOUND,
                     "jsonpath wildcard member accessor can only be applied to an object");
}

enum path_state
path_run_any_element(struct path_run *run, const struct jsonpath_node *node,
                     const struct path_item *item, struct path_list *found)
{
    if (item->kind == PATH_ITEM_ARRAY) {
        return path_descend_once(run, node->next, item, found, run->is_lax);
    }
    if (run->is_lax) {
        return path_pass_on(run, node, item, found);
    }
    return run->ignores_structure
               ? PATH_NOT_FOUND
               : path_complain(run, KY_SQL_JSON_ARRAY_NOT_FOUND,
                               "jsonpath wildcard array accessor can only be applied to an array");
}

enum path_state
path_run_any_level(struct path_run *run, const struct jsonpath_node *node,
                   const struct path_item *item, struct path_list *found)
{
    enum path_state state = PATH_NOT_FOUND;
    const struct descent descent = {.node = node->next,
                                    .first = node->level_first,
                                    .last = node->level_last,
                                    .ignores_structure = true,
                                    .unwraps = run->is_lax};
    if (node->level_first == 0) {
        /* A silent error at this level is forgotten over the levels below, as PostgreSQL does. */
        state = path_run_at_level(run, &descent, item, found);
        if (state == PATH_FAILED || (state == PATH_OK && found == NULL)) {
            return state;
        }
    }
    if (!path_is_container(item)) {
        return state;
    }
    return node->level_last < 1 ? PATH_NOT_FOUND : path_descend(run, &descent, item, 1, found);
}

/* The whole number that a subscript is. */
static enum path_state
subscript_value(struct path_run *run, const struct jsonpath_node *node,
                const struct path_item *item, int64_t *index_out)
{
    struct path_list list = {0};
    struct ky_slice number;
    int64_t index;
    const enum path_state state = path_run_node(run, node, item, &list, run->is_lax);
    if (path_is_error(state)) {
        return state;
    }
    if (list.count != 1 || list.items[0].kind != PATH_ITEM_NUMBER) {
        return path_complain(run, KY_INVALID_SQL_JSON_SUBSCRIPT,
                             "jsonpath array subscript is not a single numeric value");
    }
    if (path_item_number(run->env, &list.items[0], &number, path_error_place(run)) != KY_OK) {
        return path_error_state(run);
    }
    number = numeric_trunc(run->arena, number, 0);
    if (numeric_to_int64(number, &index, run->ignored) != KY_OK || index < INT32_MIN ||
        index > INT32_MAX) {
        return path_complain(run, KY_INVALID_SQL_JSON_SUBSCRIPT,
                             "jsonpath array subscript is out of integer range");
    }
    *index_out = index;
    return PATH_OK;
}

/* The elements from..to of an array; of another value, itself. */
static enum path_state
run_elements(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item,
             int64_t from, int64_t to, struct path_list *found)
{
    enum path_state state = PATH_NOT_FOUND;
    struct ky_slice value;
    if (item->kind != PATH_ITEM_ARRAY) {
        return from <= 0 && to >= 0 ? path_pass_on(run, node, item, found) : PATH_NOT_FOUND;
    }
    struct json_cursor cursor = json_children(item->text);
    for (int64_t i = 0; i <= to && json_next_child(&cursor, false, NULL, &value); i++) {
        if (i >= from) {
            const struct path_item element = path_item_of(value);
            state = path_pass_on(run, node, &element, found);
            if (path_is_error(state) || (state == PATH_OK && found == NULL)) {
                return state;
            }
        }
    }
    return state;
}

static enum path_state
run_subscript(struct path_run *run, const struct jsonpath_node *node,
              const struct jsonpath_subscript *subscript, const struct path_item *item,
              struct path_list *found)
{
    int64_t from;
    int64_t to;
    enum path_state state = subscript_value(run, subscript->from, item, &from);
    if (path_is_error(state)) {
        return state;
    }
    to = from;
    if (subscript->to != NULL) {
        state = subscript_value(run, subscript->to, item, &to);
        if (path_is_error(state)) {
            return state;
        }
    }
    const int64_t size = run->array_size;
    if (!run->ignores_structure && (from < 0 || from > to || to >= size)) {
        return path_complain(run, KY_INVALID_SQL_JSON_SUBSCRIPT,
                             "jsonpath array subscript is out of bounds");
    }
    return run_elements(run, node, item, from, KY_MIN(to, size - 1), found);
}

enum path_state
path_run_subscripts(struct path_run *run, const struct jsonpath_node *node,
                    const struct path_item *item, struct path_list *found)
{
    const bool is_array = item->kind == PATH_ITEM_ARRAY;
    if (!is_array && !run->is_lax) {
        return run->ignores_structure
                   ? PATH_NOT_FOUND
                   : path_complain(run, KY_SQL_JSON_ARRAY_NOT_FOUND,
                                   "jsonpath array accessor can only be applied to an array");
    }
    const int64_t saved = run->array_size;
    const struct jsonpath_subscript *subscript = node->subscripts;
    enum path_state state = PATH_NOT_FOUND;
    const int64_t size = is_array ? (int64_t)json_count(item->text) : 1;
    for (; subscript != NULL; subscript = subscript->next) {
        run->array_size = size;
        state = run_subscript(run, node, subscript, item, found);
        if (path_is_error(state) || (state == PATH_OK && found == NULL)) {
            break;
        }
    }
    run->array_size = saved;
    return state;
}
