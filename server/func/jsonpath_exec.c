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
#include "server/func/jsonpath_exec.h"

#include <inttypes.h>
#include <stdio.h>

#include "server/base/utf8.h"
#include "server/types/number_text.h"
#include "server/types/numeric.h"

/* Steps and levels of values that may be at work at once. */
enum { RUN_DEPTH_MAX = 2500 };
/* Identifiers of .keyvalue(): the object's place within its base object, and the base's number. */
#define BASE_ID_STEP INT64_C(10000000000)
enum { BASE_ROOT = 0, BASE_VARIABLES = 1 };

struct base_object {
    const char *start; /* NULL: none */
    int64_t id;
};

struct run {
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

static enum path_state run_node(struct run *run, const struct jsonpath_node *node,
                                const struct path_item *item, struct path_list *found,
                                bool unwraps);
static enum path_truth run_predicate(struct run *run, const struct jsonpath_node *node,
                                     const struct path_item *item);

static bool
is_error(enum path_state state)
{
    return state == PATH_FAILED || state == PATH_ERROR;
}

/* An error that a silent run or a predicate keeps to itself. */
KY_PRINTF(3, 4)
KY_COLD static enum path_state
complain(struct run *run, enum ky_sqlstate sqlstate, const char *format, ...)
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
static struct ky_error *
error_place(struct run *run)
{
    return run->throws ? run->err : run->ignored;
}

static enum path_state
error_state(const struct run *run)
{
    return run->throws ? PATH_FAILED : PATH_ERROR;
}

static enum path_state
append(struct run *run, struct path_list *list, const struct path_item *item)
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
check_depth(struct run *run)
{
    if (run->depth < RUN_DEPTH_MAX) {
        return PATH_OK;
    }
    (void)ky_error_set(run->err, KY_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    return PATH_FAILED;
}

/* What a step gives goes to the next one, or to the result. */
static enum path_state
pass_on(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
        struct path_list *found)
{
    if (node->next != NULL) {
        return run_node(run, node->next, item, found, run->is_lax);
    }
    return found == NULL ? PATH_OK : append(run, found, item);
}

/* The same where the step is left out: node is the next one, or NULL. */
static enum path_state
pass_to(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
        struct path_list *found, bool unwraps)
{
    if (node != NULL) {
        return run_node(run, node, item, found, unwraps);
    }
    return found == NULL ? PATH_OK : append(run, found, item);
}

/* Which levels below a value are meant, and how the step there is taken. */
struct descent {
    const struct jsonpath_node *node; /* NULL: the values themselves are found */
    int32_t first;
    int32_t last;
    bool ignores_structure;
    bool unwraps;
};

static enum path_state
run_at_level(struct run *run, const struct descent *descent, const struct path_item *item,
             struct path_list *found)
{
    const bool saved = run->ignores_structure;
    run->ignores_structure |= descent->ignores_structure;
    const enum path_state state = pass_to(run, descent->node, item, found, descent->unwraps);
    run->ignores_structure = saved;
    return state;
}

static bool
is_container(const struct path_item *item)
{
    return item->kind == PATH_ITEM_ARRAY || item->kind == PATH_ITEM_OBJECT;
}

/* The children of a container and, down to the last level, theirs. */
static enum path_state
descend(struct run *run, const struct descent *descent, const struct path_item *container,
        int32_t level, struct path_list *found)
{
    struct json_cursor cursor = json_children(container->text);
    struct ky_slice key;
    struct ky_slice value;
    enum path_state state = PATH_NOT_FOUND;
    while (json_next_child(&cursor, container->kind == PATH_ITEM_OBJECT, &key, &value)) {
        const struct path_item item = path_item_of(value);
        const bool is_leaf_wanted = descent->first == JSONPATH_LEVEL_LAST &&
                                    descent->last == JSONPATH_LEVEL_LAST && !is_container(&item);
        if (level >= descent->first || is_leaf_wanted) {
            state = run_at_level(run, descent, &item, found);
            if (is_error(state) || (state == PATH_OK && found == NULL)) {
                return state;
            }
        }
        if (level < descent->last && is_container(&item)) {
            state = check_depth(run);
            if (state != PATH_OK) {
                return state;
            }
            run->depth++;
            state = descend(run, descent, &item, level + 1, found);
            run->depth--;
            if (is_error(state) || (state == PATH_OK && found == NULL)) {
                return state;
            }
        }
    }
    return state;
}

static enum path_state
descend_once(struct run *run, const struct jsonpath_node *node, const struct path_item *container,
             struct path_list *found, bool unwraps)
{
    const struct descent descent = {.node = node, .first = 1, .last = 1, .unwraps = unwraps};
    return descend(run, &descent, container, 1, found);
}

/* The step on each element of an array instead of the array. */
static enum path_state
unwrap(struct run *run, const struct jsonpath_node *node, const struct path_item *array,
       struct path_list *found)
{
    return descend_once(run, node, array, found, false);
}

/* All that a node gives; in lax mode (and if wanted) with the elements of arrays in their place. */
static enum path_state
collect(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
        bool unwraps, struct path_list *list)
{
    if (!unwraps || !run->is_lax) {
        return run_node(run, node, item, list, run->is_lax);
    }
    struct path_list whole = {0};
    enum path_state state = run_node(run, node, item, &whole, run->is_lax);
    if (is_error(state)) {
        return state;
    }
    for (size_t i = 0; i < whole.count; i++) {
        if (whole.items[i].kind == PATH_ITEM_ARRAY) {
            state = unwrap(run, NULL, &whole.items[i], list);
        } else {
            state = append(run, list, &whole.items[i]);
        }
        if (is_error(state)) {
            return state;
        }
    }
    return PATH_OK;
}

/* As collect, but an error is only an answer. */
static enum path_state
collect_quietly(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
                bool unwraps, struct path_list *list)
{
    const bool saved = run->throws;
    run->throws = false;
    const enum path_state state = collect(run, node, item, unwraps, list);
    run->throws = saved;
    return state;
}

/* ---- predicates ---- */

static enum path_truth
starts_with(struct run *run, const struct path_item *whole, const struct path_item *start)
{
    if (whole->kind != PATH_ITEM_STRING || start->kind != PATH_ITEM_STRING) {
        return PATH_UNKNOWN;
    }
    const struct ky_slice text = path_item_string(run->arena, whole);
    const struct ky_slice prefix = path_item_string(run->arena, start);
    return text.size >= prefix.size && ky_slice_equal(ky_slice(text.data, prefix.size), prefix)
               ? PATH_TRUE
               : PATH_FALSE;
}

static enum path_truth
like_regex(struct run *run, const struct jsonpath_node *node, const struct path_item *item)
{
    bool is_match;
    if (item->kind != PATH_ITEM_STRING) {
        return PATH_UNKNOWN;
    }
    if (path_regex_search(node, path_item_string(run->arena, item), &is_match, run->err) != KY_OK) {
        return PATH_TRUTH_FAILED;
    }
    return is_match ? PATH_TRUE : PATH_FALSE;
}

static enum path_truth
test_pair(struct run *run, const struct jsonpath_node *node, const struct path_item *left,
          const struct path_item *right)
{
    switch (node->kind) {
    case JSONPATH_LIKE_REGEX:
        return like_regex(run, node, left);
    case JSONPATH_STARTS_WITH:
        return starts_with(run, left, right);
    default:
        return path_items_compare(run->env, node->kind, left, right, run->options->uses_zone,
                                  run->err);
    }
}

/* True when some pair of the operands' values is. Strict mode looks at all pairs: one that cannot
 * be compared makes the whole unknown. */
static enum path_truth
test_pairs(struct run *run, const struct jsonpath_node *node, const struct path_item *item)
{
    struct path_list left = {0};
    struct path_list right = {0};
    bool is_any_unknown = false;
    bool is_any_true = false;
    enum path_state state = collect_quietly(run, node->left, item, true, &left);
    if (!is_error(state) && node->right != NULL) {
        state = collect_quietly(run, node->right, item, node->kind != JSONPATH_STARTS_WITH, &right);
    }
    if (is_error(state)) {
        return state == PATH_ERROR ? PATH_UNKNOWN : PATH_TRUTH_FAILED;
    }
    const size_t right_count = node->right == NULL ? 1 : right.count;
    for (size_t i = 0; i < left.count; i++) {
        for (size_t j = 0; j < right_count; j++) {
            const struct path_item *other = node->right == NULL ? NULL : &right.items[j];
            const enum path_truth truth = test_pair(run, node, &left.items[i], other);
            const bool is_final = run->is_lax ? truth == PATH_TRUE : truth == PATH_UNKNOWN;
            if (is_final || truth == PATH_TRUTH_FAILED) {
                return truth;
            }
            is_any_unknown |= truth == PATH_UNKNOWN;
            is_any_true |= truth == PATH_TRUE;
        }
    }
    return is_any_true ? PATH_TRUE : is_any_unknown ? PATH_UNKNOWN : PATH_FALSE;
}

static enum path_truth
test_exists(struct run *run, const struct jsonpath_node *node, const struct path_item *item)
{
    /* In strict mode an error behind the first value counts too, so all are asked for. */
    struct path_list list = {0};
    const enum path_state state =
        collect_quietly(run, node->left, item, false, run->is_lax ? NULL : &list);
    if (is_error(state)) {
        return state == PATH_ERROR ? PATH_UNKNOWN : PATH_TRUTH_FAILED;
    }
    if (!run->is_lax) {
        return list.count > 0 ? PATH_TRUE : PATH_FALSE;
    }
    return state == PATH_OK ? PATH_TRUE : PATH_FALSE;
}

static enum path_truth
test_and_or(struct run *run, const struct jsonpath_node *node, const struct path_item *item)
{
    const enum path_truth final = node->kind == JSONPATH_AND ? PATH_FALSE : PATH_TRUE;
    const enum path_truth neutral = node->kind == JSONPATH_AND ? PATH_TRUE : PATH_FALSE;
    const enum path_truth left = run_predicate(run, node->left, item);
    if (left == final || left == PATH_TRUTH_FAILED) {
        return left;
    }
    const enum path_truth right = run_predicate(run, node->right, item);
    return right == neutral ? left : right;
}

static enum path_truth
run_predicate(struct run *run, const struct jsonpath_node *node, const struct path_item *item)
{
    if (node->kind == JSONPATH_AND || node->kind == JSONPATH_OR) {
        return test_and_or(run, node, item);
    }
    if (node->kind == JSONPATH_NOT || node->kind == JSONPATH_IS_UNKNOWN) {
        const enum path_truth truth = run_predicate(run, node->left, item);
        if (truth == PATH_TRUTH_FAILED) {
            return truth;
        }
        if (node->kind == JSONPATH_IS_UNKNOWN) {
            return truth == PATH_UNKNOWN ? PATH_TRUE : PATH_FALSE;
        }
        return truth == PATH_UNKNOWN ? truth : truth == PATH_TRUE ? PATH_FALSE : PATH_TRUE;
    }
    /* Only the truth stays, so what the operands allocate can go. */
    const struct ky_arena_mark mark = ky_arena_mark(run->arena);
    const size_t item_count = run->item_count;
    const enum path_truth truth =
        node->kind == JSONPATH_EXISTS ? test_exists(run, node, item) : test_pairs(run, node, item);
    ky_arena_rewind(run->arena, mark);
    run->item_count = item_count;
    return truth;
}

/* A predicate as a value: true, false or null. */
static enum path_state
run_truth_value(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
                struct path_list *found)
{
    const enum path_truth truth = run_predicate(run, node, item);
    if (truth == PATH_TRUTH_FAILED) {
        return PATH_FAILED;
    }
    const struct path_item value = {
        .kind = truth == PATH_UNKNOWN ? PATH_ITEM_NULL : PATH_ITEM_BOOL,
        .boolean = truth == PATH_TRUE,
    };
    return pass_on(run, node, &value, found);
}

static enum path_state
run_filter(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
           struct path_list *found)
{
    const struct path_item *saved = run->current;
    run->current = item;
    const enum path_truth truth = run_predicate(run, node->left, item);
    run->current = saved;
    if (truth == PATH_TRUTH_FAILED) {
        return PATH_FAILED;
    }
    return truth == PATH_TRUE ? pass_on(run, node, item, found) : PATH_NOT_FOUND;
}

/* ---- values ---- */

static void
set_base(struct run *run, struct ky_slice text, int64_t id)
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
find_member(struct run *run, struct ky_slice object, struct ky_slice name, struct ky_slice *value)
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

static enum path_state
run_variable(struct run *run, const struct jsonpath_node *node, struct path_list *found)
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
    set_base(run, *run->options->vars, BASE_VARIABLES);
    const enum path_state state = pass_on(run, node, &value, found);
    run->base = saved;
    return state;
}

static enum path_state
run_constant(struct run *run, const struct jsonpath_node *node, struct path_list *found)
{
    struct path_item value = {.boolean = node->boolean, .text = node->text};
    value.kind = node->kind == JSONPATH_NULL     ? PATH_ITEM_NULL
                 : node->kind == JSONPATH_BOOL   ? PATH_ITEM_BOOL
                 : node->kind == JSONPATH_NUMBER ? PATH_ITEM_NUMBER
                                                 : PATH_ITEM_STRING;
    return pass_on(run, node, &value, found);
}

static enum path_state
run_root(struct run *run, const struct jsonpath_node *node, struct path_list *found)
{
    const struct base_object saved = run->base;
    set_base(run, run->root->text, BASE_ROOT);
    const enum path_state state = pass_on(run, node, run->root, found);
    run->base = saved;
    return state;
}

static enum path_state
pass_number(struct run *run, const struct jsonpath_node *node, int64_t value,
            struct path_list *found)
{
    const struct path_item item = {.kind = PATH_ITEM_NUMBER,
                                   .text = numeric_from_int64(run->arena, value)};
    return pass_on(run, node, &item, found);
}

static enum path_state
run_last(struct run *run, const struct jsonpath_node *node, struct path_list *found)
{
    if (run->array_size < 0) {
        (void)ky_error_set(run->err, KY_INTERNAL_ERROR,
                           "evaluating jsonpath LAST outside of array subscript");
        return PATH_FAILED;
    }
    return pass_number(run, node, run->array_size - 1, found);
}

/* ---- members and elements ---- */

static enum path_state
run_key(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
        struct path_list *found)
{
    struct ky_slice value;
    if (item->kind == PATH_ITEM_OBJECT && find_member(run, item->text, node->text, &value)) {
        const struct path_item member = path_item_of(value);
        return pass_on(run, node, &member, found);
    }
    if (run->ignores_structure) {
        return PATH_NOT_FOUND;
    }
    if (item->kind == PATH_ITEM_OBJECT) {
        return complain(
            run, KY_SQL_JSON_MEMBER_NOT_FOUND, "JSON object does not contain key \"%.*s\"",
            (int)ky_utf8_cut(node->text.data, node->text.size, 256), (const char *)node->text.data);
    }
    return complain(run, KY_SQL_JSON_MEMBER_NOT_FOUND,
                    "jsonpath member accessor can only be applied to an object");
}

static enum path_state
run_any_key(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
            struct path_list *found)
{
    if (item->kind == PATH_ITEM_OBJECT) {
        return descend_once(run, node->next, item, found, run->is_lax);
    }
    return run->ignores_structure
               ? PATH_NOT_FOUND
               : complain(run, KY_SQL_JSON_OBJECT_NOT_FOUND,
                          "jsonpath wildcard member accessor can only be applied to an object");
}

static enum path_state
run_any_element(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
                struct path_list *found)
{
    if (item->kind == PATH_ITEM_ARRAY) {
        return descend_once(run, node->next, item, found, run->is_lax);
    }
    if (run->is_lax) {
        return pass_on(run, node, item, found);
    }
    return run->ignores_structure
               ? PATH_NOT_FOUND
               : complain(run, KY_SQL_JSON_ARRAY_NOT_FOUND,
                          "jsonpath wildcard array accessor can only be applied to an array");
}

static enum path_state
run_any_level(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
              struct path_list *found)
{
    enum path_state state = PATH_NOT_FOUND;
    const struct descent descent = {.node = node->next,
                                    .first = node->level_first,
                                    .last = node->level_last,
                                    .ignores_structure = true,
                                    .unwraps = run->is_lax};
    if (node->level_first == 0) {
        /* A silent error at this level is forgotten over the levels below, as PostgreSQL does. */
        state = run_at_level(run, &descent, item, found);
        if (state == PATH_FAILED || (state == PATH_OK && found == NULL)) {
            return state;
        }
    }
    if (!is_container(item)) {
        return state;
    }
    return node->level_last < 1 ? PATH_NOT_FOUND : descend(run, &descent, item, 1, found);
}

/* The whole number that a subscript is. */
static enum path_state
subscript_value(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
                int64_t *index_out)
{
    struct path_list list = {0};
    struct ky_slice number;
    int64_t index;
    const enum path_state state = run_node(run, node, item, &list, run->is_lax);
    if (is_error(state)) {
        return state;
    }
    if (list.count != 1 || list.items[0].kind != PATH_ITEM_NUMBER) {
        return complain(run, KY_INVALID_SQL_JSON_SUBSCRIPT,
                        "jsonpath array subscript is not a single numeric value");
    }
    if (path_item_number(run->env, &list.items[0], &number, error_place(run)) != KY_OK) {
        return error_state(run);
    }
    number = numeric_trunc(run->arena, number, 0);
    if (numeric_to_int64(number, &index, run->ignored) != KY_OK || index < INT32_MIN ||
        index > INT32_MAX) {
        return complain(run, KY_INVALID_SQL_JSON_SUBSCRIPT,
                        "jsonpath array subscript is out of integer range");
    }
    *index_out = index;
    return PATH_OK;
}

/* The elements from..to of an array; of another value, itself. */
static enum path_state
run_elements(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
             int64_t from, int64_t to, struct path_list *found)
{
    enum path_state state = PATH_NOT_FOUND;
    struct ky_slice value;
    if (item->kind != PATH_ITEM_ARRAY) {
        return from <= 0 && to >= 0 ? pass_on(run, node, item, found) : PATH_NOT_FOUND;
    }
    struct json_cursor cursor = json_children(item->text);
    for (int64_t i = 0; i <= to && json_next_child(&cursor, false, NULL, &value); i++) {
        if (i >= from) {
            const struct path_item element = path_item_of(value);
            state = pass_on(run, node, &element, found);
            if (is_error(state) || (state == PATH_OK && found == NULL)) {
                return state;
            }
        }
    }
    return state;
}

static enum path_state
run_subscript(struct run *run, const struct jsonpath_node *node,
              const struct jsonpath_subscript *subscript, const struct path_item *item,
              struct path_list *found)
{
    int64_t from;
    int64_t to;
    enum path_state state = subscript_value(run, subscript->from, item, &from);
    if (is_error(state)) {
        return state;
    }
    to = from;
    if (subscript->to != NULL) {
        state = subscript_value(run, subscript->to, item, &to);
        if (is_error(state)) {
            return state;
        }
    }
    const int64_t size = run->array_size;
    if (!run->ignores_structure && (from < 0 || from > to || to >= size)) {
        return complain(run, KY_INVALID_SQL_JSON_SUBSCRIPT,
                        "jsonpath array subscript is out of bounds");
    }
    return run_elements(run, node, item, from, KY_MIN(to, size - 1), found);
}

static enum path_state
run_subscripts(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
               struct path_list *found)
{
    const bool is_array = item->kind == PATH_ITEM_ARRAY;
    if (!is_array && !run->is_lax) {
        return run->ignores_structure
                   ? PATH_NOT_FOUND
                   : complain(run, KY_SQL_JSON_ARRAY_NOT_FOUND,
                              "jsonpath array accessor can only be applied to an array");
    }
    const int64_t saved = run->array_size;
    const struct jsonpath_subscript *subscript = node->subscripts;
    enum path_state state = PATH_NOT_FOUND;
    const int64_t size = is_array ? (int64_t)json_count(item->text) : 1;
    for (; subscript != NULL; subscript = subscript->next) {
        run->array_size = size;
        state = run_subscript(run, node, subscript, item, found);
        if (is_error(state) || (state == PATH_OK && found == NULL)) {
            break;
        }
    }
    run->array_size = saved;
    return state;
}

/* ---- arithmetic ---- */

static enum path_state
operand_number(struct run *run, const struct jsonpath_node *node, const struct path_list *list,
               const char *side, struct ky_slice *number)
{
    if (list->count != 1 || list->items[0].kind != PATH_ITEM_NUMBER) {
        return complain(run, KY_SINGLETON_SQL_JSON_ITEM_REQUIRED,
                        "%s operand of jsonpath operator %s is not a single numeric value", side,
                        jsonpath_kind_name(node->kind));
    }
    if (path_item_number(run->env, &list->items[0], number, error_place(run)) != KY_OK) {
        return error_state(run);
    }
    return PATH_OK;
}

static enum path_state
run_binary(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
           struct path_list *found)
{
    static const numeric_binary operations[] = {
        [JSONPATH_ADD] = numeric_add,      [JSONPATH_SUBTRACT] = numeric_sub,
        [JSONPATH_MULTIPLY] = numeric_mul, [JSONPATH_DIVIDE] = numeric_div,
        [JSONPATH_MODULO] = numeric_mod,
    };
    struct path_list left = {0};
    struct path_list right = {0};
    struct ky_slice a;
    struct ky_slice b;
    struct path_item result = {.kind = PATH_ITEM_NUMBER};
    enum path_state state = collect(run, node->left, item, true, &left);
    if (!is_error(state)) {
        state = collect(run, node->right, item, true, &right);
    }
    if (!is_error(state)) {
        state = operand_number(run, node, &left, "left", &a);
    }
    if (!is_error(state)) {
        state = operand_number(run, node, &right, "right", &b);
    }
    if (is_error(state)) {
        return state;
    }
    if (operations[node->kind](run->arena, a, b, &result.text, error_place(run)) != KY_OK) {
        return error_state(run);
    }
    return pass_on(run, node, &result, found);
}

static enum path_state
run_unary(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
          struct path_list *found)
{
    struct path_list list = {0};
    enum path_state result = PATH_NOT_FOUND;
    const bool is_only_asked = found == NULL && node->next == NULL;
    enum path_state state = collect(run, node->left, item, true, &list);
    if (is_error(state)) {
        return state;
    }
    for (size_t i = 0; i < list.count; i++) {
        struct path_item value = {.kind = PATH_ITEM_NUMBER};
        if (list.items[i].kind != PATH_ITEM_NUMBER) {
            if (is_only_asked) {
                continue;
            }
            return complain(run, KY_SQL_JSON_NUMBER_NOT_FOUND,
                            "operand of unary jsonpath operator %s is not a numeric value",
                            jsonpath_kind_name(node->kind));
        }
        if (path_item_number(run->env, &list.items[i], &value.text, error_place(run)) != KY_OK) {
            return error_state(run);
        }
        if (node->kind == JSONPATH_MINUS) {
            value.text = numeric_negate(run->arena, value.text);
        }
        state = pass_on(run, node, &value, found);
        if (is_error(state) || (state == PATH_OK && found == NULL)) {
            return state;
        }
        result = state == PATH_OK ? PATH_OK : result;
    }
    return result;
}

/* ---- methods ---- */

static enum path_state
run_numeric_method(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
                   struct path_list *found)
{
    struct path_item result = {.kind = PATH_ITEM_NUMBER};
    struct ky_slice number;
    if (item->kind != PATH_ITEM_NUMBER) {
        return complain(run, KY_NON_NUMERIC_SQL_JSON_ITEM,
                        "jsonpath item method .%s() can only be applied to a numeric value",
                        jsonpath_kind_name(node->kind));
    }
    if (path_item_number(run->env, item, &number, error_place(run)) != KY_OK) {
        return error_state(run);
    }
    result.text = node->kind == JSONPATH_ABS     ? numeric_abs(run->arena, number)
                  : node->kind == JSONPATH_FLOOR ? numeric_floor(run->arena, number)
                                                 : numeric_ceil(run->arena, number);
    return pass_on(run, node, &result, found);
}

static enum path_state
run_double(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
           struct path_list *found)
{
    double value;
    if (item->kind != PATH_ITEM_NUMBER && item->kind != PATH_ITEM_STRING) {
        return complain(run, KY_NON_NUMERIC_SQL_JSON_ITEM,
                        "jsonpath item method .%s() can only be applied to a string or numeric "
                        "value",
                        jsonpath_kind_name(node->kind));
    }
    struct ky_slice text = path_item_string(run->arena, item);
    if (item->kind == PATH_ITEM_NUMBER) {
        struct ky_slice number;
        if (path_item_number(run->env, item, &number, error_place(run)) != KY_OK) {
            return error_state(run);
        }
        text = func_output(run->env, type_get(OID_NUMERIC), (struct datum){.bytes = number});
    }
    const bool is_number = number_parse_double(text, &value) == NUMBER_OK &&
                           !__builtin_isinf(value) && !__builtin_isnan(value);
    if (item->kind == PATH_ITEM_NUMBER) {
        return is_number ? pass_on(run, node, item, found)
                         : complain(run, KY_NON_NUMERIC_SQL_JSON_ITEM,
                                    "numeric argument of jsonpath item method .%s() is out of "
                                    "range for type double precision",
                                    jsonpath_kind_name(node->kind));
    }
    if (!is_number) {
        return complain(run, KY_NON_NUMERIC_SQL_JSON_ITEM,
                        "string argument of jsonpath item method .%s() is not a valid "
                        "representation of a double precision number",
                        jsonpath_kind_name(node->kind));
    }
    const struct path_item result = {.kind = PATH_ITEM_NUMBER,
                                     .text = numeric_from_double(run->arena, value, 15)};
    return pass_on(run, node, &result, found);
}

static enum path_state
run_datetime(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
             struct path_list *found)
{
    struct path_item result;
    bool is_found;
    if (item->kind != PATH_ITEM_STRING) {
        return complain(run, KY_INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
                        "jsonpath item method .%s() can only be applied to a string",
                        jsonpath_kind_name(node->kind));
    }
    const struct ky_slice text = path_item_string(run->arena, item);
    if (path_item_datetime(text, node->has_text ? &node->text : NULL, &result, &is_found,
                           error_place(run)) != KY_OK) {
        return error_state(run);
    }
    if (!is_found) {
        const enum path_state state =
            complain(run, KY_INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
                     "datetime format is not recognized: \"%.*s\"",
                     (int)ky_utf8_cut(text.data, text.size, 256), (const char *)text.data);
        if (state == PATH_FAILED) {
            (void)ky_error_hint(run->err, "Use a datetime template argument to specify the input "
                                          "data format.");
        }
        return state;
    }
    return pass_on(run, node, &result, found);
}

static enum path_state
run_size(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
         struct path_list *found)
{
    if (item->kind == PATH_ITEM_ARRAY) {
        return pass_number(run, node, (int64_t)json_count(item->text), found);
    }
    if (run->is_lax) {
        return pass_number(run, node, 1, found);
    }
    return run->ignores_structure
               ? PATH_NOT_FOUND
               : complain(run, KY_SQL_JSON_ARRAY_NOT_FOUND,
                          "jsonpath item method .%s() can only be applied to an array",
                          jsonpath_kind_name(node->kind));
}

static enum path_state
run_keyvalue(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
             struct path_list *found)
{
    struct ky_slice key;
    struct ky_slice value;
    enum path_state state = PATH_NOT_FOUND;
    if (item->kind != PATH_ITEM_OBJECT) {
        return complain(run, KY_SQL_JSON_OBJECT_NOT_FOUND,
                        "jsonpath item method .%s() can only be applied to an object",
                        jsonpath_kind_name(node->kind));
    }
    const int64_t place =
        run->base.start == NULL ? 0 : (const char *)item->text.data - run->base.start;
    const int64_t id = run->base.id * BASE_ID_STEP + place;
    struct json_cursor cursor = json_children(item->text);
    while (json_next_child(&cursor, true, &key, &value)) {
        struct ky_buffer text = {0};
        const struct base_object saved = run->base;
        ky_buffer_printf(&text, "{\"id\": %" PRId64 ", \"key\": ", id);
        ky_buffer_append_slice(&text, key);
        ky_buffer_append_cstr(&text, ", \"value\": ");
        ky_buffer_append_slice(&text, value);
        ky_buffer_append_byte(&text, '}');
        const struct path_item pair = path_item_of(func_take_buffer(run->env, &text).bytes);
        set_base(run, pair.text, run->next_base_id++);
        state = pass_on(run, node, &pair, found);
        run->base = saved;
        if (is_error(state) || (state == PATH_OK && found == NULL)) {
            break;
        }
    }
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
dispatch(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
         struct path_list *found)
{
    switch (node->kind) {
    case JSONPATH_NULL:
    case JSONPATH_BOOL:
    case JSONPATH_NUMBER:
    case JSONPATH_STRING:
        return run_constant(run, node, found);
    case JSONPATH_VARIABLE:
        return run_variable(run, node, found);
    case JSONPATH_ROOT:
        return run_root(run, node, found);
    case JSONPATH_CURRENT:
        return pass_on(run, node, run->current, found);
    case JSONPATH_LAST:
        return run_last(run, node, found);
    case JSONPATH_KEY:
        return run_key(run, node, item, found);
    case JSONPATH_ANY_KEY:
        return run_any_key(run, node, item, found);
    case JSONPATH_ANY_ELEMENT:
        return run_any_element(run, node, item, found);
    case JSONPATH_SUBSCRIPTS:
        return run_subscripts(run, node, item, found);
    case JSONPATH_ANY_LEVEL:
        return run_any_level(run, node, item, found);
    case JSONPATH_FILTER:
        return run_filter(run, node, item, found);
    case JSONPATH_ABS:
    case JSONPATH_FLOOR:
    case JSONPATH_CEILING:
        return run_numeric_method(run, node, item, found);
    case JSONPATH_SIZE:
        return run_size(run, node, item, found);
    case JSONPATH_TYPE: {
        const struct path_item name = {.kind = PATH_ITEM_STRING,
                                       .text = ky_slice_cstr(path_item_type(item))};
        return pass_on(run, node, &name, found);
    }
    case JSONPATH_DOUBLE:
        return run_double(run, node, item, found);
    case JSONPATH_DATETIME:
        return run_datetime(run, node, item, found);
    case JSONPATH_KEYVALUE:
        return run_keyvalue(run, node, item, found);
    case JSONPATH_ADD:
    case JSONPATH_SUBTRACT:
    case JSONPATH_MULTIPLY:
    case JSONPATH_DIVIDE:
    case JSONPATH_MODULO:
        return run_binary(run, node, item, found);
    case JSONPATH_PLUS:
    case JSONPATH_MINUS:
        return run_unary(run, node, item, found);
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
    return run_truth_value(run, node, item, found);
}

static enum path_state
run_node(struct run *run, const struct jsonpath_node *node, const struct path_item *item,
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
    struct run run = {
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
        return run_node(&run, path->root, &root, found, run.is_lax);
    }
    /* Strict mode: an error behind the first value counts, so all are looked for. */
    const enum path_state state = run_node(&run, path->root, &root, &all, false);
    return is_error(state) ? state : all.count > 0 ? PATH_OK : PATH_NOT_FOUND;
}
