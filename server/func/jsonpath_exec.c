/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a SQL/JSON path, as PostgreSQL does. A step gets one value, makes some of it and gives
 * each to the step behind it; what the last step gives is found. Without a list to put it in the
 * first value ends the search.
 *
 * In lax mode a step that needs the members of an object takes an array apart first, one that
 * needs an array takes a value for an array of it, and what is missing is passed over. In strict
 * mode all these are errors. Predicates keep the errors of their operands and become unknown, and
 * a silent run keeps all but those that no path may have: an unknown variable, a comparison that
 * needs a time zone.
 *
 * Reference: ISO/IEC 19075-6, and the order of evaluation of PostgreSQL 15.
 */
#include <stdio.h>

#include "server/func/jsonpath_private.h"

/* Steps and levels of values that may be at work at once. */
enum { RUN_DEPTH_MAX = 2500 };

/* An error that a silent run or a predicate keeps to itself. */
enum path_state
path_complain(struct path_run *run, enum ky_sqlstate sqlstate, const char *format, ...)
{
    if (!run->throws) {
        return PATH_ERROR;
    }
    char message[KY_ERROR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    (void)ky_error_set(run->err, sqlstate, "%s", message);
    return PATH_FAILED;
}

/* Where a function of the types puts its error, and what follows from it. */
struct ky_error *
path_error_place(struct path_run *run)
{
    return run->throws ? run->err : run->ignored;
}

enum path_state
path_error_state(const struct path_run *run)
{
    return run->throws ? PATH_FAILED : PATH_ERROR;
}

static enum path_state
append(struct path_run *run, struct path_list *list, const struct path_item *item)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 4 : 2 * list->capacity;
        struct path_item *items = ky_arena_alloc(run->arena, capacity * sizeof(struct path_item));
        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof(*items));
        }
        list->items = items;
        list->capacity = capacity;
    }
    if (++run->item_count > PATH_ITEMS_MAX) {
        (void)ky_error_set(run->err, KY_PROGRAM_LIMIT_EXCEEDED, "jsonpath gives more than %d items",
                           PATH_ITEMS_MAX);
        return PATH_FAILED;
    }
    list->items[list->count++] = *item;
    return PATH_OK;
}

static enum path_state
check_depth(struct path_run *run)
{
    if (run->depth < RUN_DEPTH_MAX) {
        return PATH_OK;
    }
    (void)ky_error_set(run->err, KY_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    return PATH_FAILED;
}

/* What a step gives goes to the next one, or to the result. */
enum path_state
path_pass_on(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item,
             struct path_list *found)
{
    if (node->next != NULL) {
        return path_run_node(run, node->next, item, found, run->is_lax);
    }
    return found == NULL ? PATH_OK : append(run, found, item);
}

/* The same where the step is left out: node is the next one, or NULL. */
static enum path_state
pass_to(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item,
        struct path_list *found, bool unwraps)
{
    if (node != NULL) {
        return path_run_node(run, node, item, found, unwraps);
    }
    return found == NULL ? PATH_OK : append(run, found, item);
}

enum path_state
path_run_at_level(struct path_run *run, const struct descent *descent, const struct path_item *item,
                  struct path_list *found)
{
    const bool saved = run->ignores_structure;
    run->ignores_structure |= descent->ignores_structure;
    const enum path_state state = pass_to(run, descent->node, item, found, descent->unwraps);
    run->ignores_structure = saved;
    return state;
}

bool
path_is_container(const struct path_item *item)
{
    return item->kind == PATH_ITEM_ARRAY || item->kind == PATH_ITEM_OBJECT;
}

/* The children of a container and, down to the last level, theirs. */
enum path_state
path_descend(struct path_run *run, const struct descent *descent, const struct path_item *container,
             int32_t level, struct path_list *found)
{
    struct json_cursor cursor = json_children(container->text);
    struct ky_slice key;
    struct ky_slice value;
    enum path_state state = PATH_NOT_FOUND;
    while (json_next_child(&cursor, container->kind == PATH_ITEM_OBJECT, &key, &value)) {
        const struct path_item item = path_item_of(value);
        const bool is_leaf_wanted = descent->first == JSONPATH_LEVEL_LAST &&
                                    descent->last == JSONPATH_LEVEL_LAST &&
                                    !path_is_container(&item);
        if (level >= descent->first || is_leaf_wanted) {
            state = path_run_at_level(run, descent, &item, found);
            if (path_is_error(state) || (state == PATH_OK && found == NULL)) {
                return state;
            }
        }
        if (level < descent->last && path_is_container(&item)) {
            state = check_depth(run);
            if (state != PATH_OK) {
                return state;
            }
            run->depth++;
            state = path_descend(run, descent, &item, level + 1, found);
            run->depth--;
            if (path_is_error(state) || (state == PATH_OK && found == NULL)) {
                return state;
            }
        }
    }
    return state;
}

enum path_state
path_descend_once(struct path_run *run, const struct jsonpath_node *node,
                  const struct path_item *container, struct path_list *found, bool unwraps)
{
    const struct descent descent = {.node = node, .first = 1, .last = 1, .unwraps = unwraps};
    return path_descend(run, &descent, container, 1, found);
}

/* The step on each element of an array instead of the array. */
static enum path_state
unwrap(struct path_run *run, const struct jsonpath_node *node, const struct path_item *array,
       struct path_list *found)
{
    return path_descend_once(run, node, array, found, false);
}

/* All that a node gives; in lax mode (and if wanted) with the elements of arrays in their place. */
enum path_state
path_collect(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item,
             bool unwraps, struct path_list *list)
{
    if (!unwraps || !run->is_lax) {
        return path_run_node(run, node, item, list, run->is_lax);
    }
    struct path_list whole = {0};
    enum path_state state = path_run_node(run, node, item, &whole, run->is_lax);
    if (path_is_error(state)) {
        return state;
    }
    for (size_t i = 0; i < whole.count; i++) {
        if (whole.items[i].kind == PATH_ITEM_ARRAY) {
            state = unwrap(run, NULL, &whole.items[i], list);
        } else {
            state = append(run, list, &whole.items[i]);
        }
        if (path_is_error(state)) {
            return state;
        }
    }
    return PATH_OK;
}

/* As path_collect, but an error is only an answer. */
enum path_state
path_collect_quietly(struct path_run *run, const struct jsonpath_node *node,
                     const struct path_item *item, bool unwraps, struct path_list *list)
{
    const bool saved = run->throws;
    run->throws = false;
    const enum path_state state = path_collect(run, node, item, unwraps, list);
    run->throws = saved;
    return state;
}

/* ---- one node ---- */

/* Steps that in lax mode take the elements of an array in its place. */
static bool
takes_elements(enum jsonpath_kind kind)
{
    return kind == JSONPATH_KEY || kind == JSONPATH_ANY_KEY || kind == JSONPATH_FILTER ||
           kind == JSONPATH_ABS || kind == JSONPATH_FLOOR || kind == JSONPATH_CEILING ||
           kind == JSONPATH_DOUBLE || kind == JSONPATH_DATETIME || kind == JSONPATH_KEYVALUE;
}

static enum path_state
dispatch(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item,
         struct path_list *found)
{
    switch (node->kind) {
    case JSONPATH_NULL:
    case JSONPATH_BOOL:
    case JSONPATH_NUMBER:
    case JSONPATH_STRING:
        return path_run_constant(run, node, found);
    case JSONPATH_VARIABLE:
        return path_run_variable(run, node, found);
    case JSONPATH_ROOT:
        return path_run_root(run, node, found);
    case JSONPATH_CURRENT:
        return path_pass_on(run, node, run->current, found);
    case JSONPATH_LAST:
        return path_run_last(run, node, found);
    case JSONPATH_KEY:
        return path_run_key(run, node, item, found);
    case JSONPATH_ANY_KEY:
        return path_run_any_key(run, node, item, found);
    case JSONPATH_ANY_ELEMENT:
        return path_run_any_element(run, node, item, found);
    case JSONPATH_SUBSCRIPTS:
        return path_run_subscripts(run, node, item, found);
    case JSONPATH_ANY_LEVEL:
        return path_run_any_level(run, node, item, found);
    case JSONPATH_FILTER:
        return path_run_filter(run, node, item, found);
    case JSONPATH_ABS:
    case JSONPATH_FLOOR:
    case JSONPATH_CEILING:
        return path_run_numeric_method(run, node, item, found);
    case JSONPATH_SIZE:
        return path_run_size(run, node, item, found);
    case JSONPATH_TYPE: {
        const struct path_item name = {.kind = PATH_ITEM_STRING,
                                       .text = ky_slice_cstr(path_item_type(item))};
        return path_pass_on(run, node, &name, found);
    }
    case JSONPATH_DOUBLE:
        return path_run_double(run, node, item, found);
    case JSONPATH_DATETIME:
        return path_run_datetime(run, node, item, found);
    case JSONPATH_KEYVALUE:
        return path_run_keyvalue(run, node, item, found);
    case JSONPATH_ADD:
    case JSONPATH_SUBTRACT:
    case JSONPATH_MULTIPLY:
    case JSONPATH_DIVIDE:
    case JSONPATH_MODULO:
        return path_run_binary(run, node, item, found);
    case JSONPATH_PLUS:
    case JSONPATH_MINUS:
        return path_run_unary(run, node, item, found);
    case JSONPATH_EQUAL:
    case JSONPATH_NOT_EQUAL:
    case JSONPATH_LESS:
    case JSONPATH_LESS_EQUAL:
    case JSONPATH_GREATER:
    case JSONPATH_GREATER_EQUAL:
    case JSONPATH_STARTS_WITH:
    case JSONPATH_LIKE_REGEX:
    case JSONPATH_EXISTS:
    case JSONPATH_NOT:
    case JSONPATH_IS_UNKNOWN:
    case JSONPATH_AND:
    case JSONPATH_OR:
        break;
    }
    return path_run_truth_value(run, node, item, found);
}

enum path_state
path_run_node(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item,
              struct path_list *found, bool unwraps)
{
    if (check_depth(run) != PATH_OK) {
        return PATH_FAILED;
    }
    run->depth++;
    const enum path_state state =
        unwraps && item->kind == PATH_ITEM_ARRAY && takes_elements(node->kind)
            ? unwrap(run, node, item, found)
            : dispatch(run, node, item, found);
    run->depth--;
    return state;
}

enum path_state
path_run(struct func_env *env, const struct jsonpath *path, struct ky_slice json,
         const struct path_options *options, struct path_list *found, struct ky_error *err)
{
    if (options->vars != NULL && json_first(*options->vars) != '{') {
        (void)ky_error_set(err, KY_INVALID_PARAMETER_VALUE, "\"vars\" argument is not an object");
        (void)ky_error_detail(err, "Jsonpath parameters should be encoded as key-value pairs of "
                                   "\"vars\" object.");
        return PATH_FAILED;
    }
    const struct path_item root = path_item_of(json);
    struct ky_error ignored;
    struct path_list all = {0};
    struct path_run run = {
        .env = env,
        .arena = env->types.arena,
        .options = options,
        .is_lax = !path->is_strict,
        .ignores_structure = !path->is_strict,
        .throws = !options->is_silent,
        .root = &root,
        .current = &root,
        .array_size = -1,
        .next_base_id = options->vars == NULL ? BASE_VARIABLES : BASE_VARIABLES + 1,
        .err = err,
        .ignored = &ignored,
    };
    if (run.is_lax || found != NULL) {
        return path_run_node(&run, path->root, &root, found, run.is_lax);
    }
    /* Strict mode: an error behind the first value counts, so all are looked for. */
    const enum path_state state = path_run_node(&run, path->root, &root, &all, false);
    return path_is_error(state) ? state : all.count > 0 ? PATH_OK : PATH_NOT_FOUND;
}
