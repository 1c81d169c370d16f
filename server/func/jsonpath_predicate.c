/* SPDX-License-Identifier: Apache-2.0 */
#include "server/func/jsonpath_private.h"

/* Predicates of a path: comparisons, exists, and, or, not, and filters made of them. */

static enum path_truth run_predicate(struct path_run *run, const struct jsonpath_node *node,
                                     const struct path_item *item);

static enum path_truth
starts_with(struct path_run *run, const struct path_item *whole, const struct path_item *start)
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
like_regex(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item)
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
test_pair(struct path_run *run, const struct jsonpath_node *node, const struct path_item *left,
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
test_pairs(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item)
{
    struct path_list left = {0};
    struct path_list right = {0};
    bool is_any_unknown = false;
    bool is_any_true = false;
    enum path_state state = path_collect_quietly(run, node->left, item, true, &left);
    if (!path_is_error(state) && node->right != NULL) {
        state = path_collect_quietly(run, node->right, item, node->kind != JSONPATH_STARTS_WITH,
                                     &right);
    }
    if (path_is_error(state)) {
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
test_exists(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item)
{
    /* In strict mode an error behind the first value counts too, so all are asked for. */
    struct path_list list = {0};
    const enum path_state state =
        path_collect_quietly(run, node->left, item, false, run->is_lax ? NULL : &list);
    if (path_is_error(state)) {
        return state == PATH_ERROR ? PATH_UNKNOWN : PATH_TRUTH_FAILED;
    }
    if (!run->is_lax) {
        return list.count > 0 ? PATH_TRUE : PATH_FALSE;
    }
    return state == PATH_OK ? PATH_TRUE : PATH_FALSE;
}

static enum path_truth
test_and_or(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item)
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
run_predicate(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item)
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
enum path_state
path_run_truth_value(struct path_run *run, const struct jsonpath_node *node,
                     const struct path_item *item, struct path_list *found)
{
    const enum path_truth truth = run_predicate(run, node, item);
    if (truth == PATH_TRUTH_FAILED) {
        return PATH_FAILED;
    }
    const struct path_item value = {
        .kind = truth == PATH_UNKNOWN ? PATH_ITEM_NULL : PATH_ITEM_BOOL,
        .boolean = truth == PATH_TRUE,
    };
    return path_pass_on(run, node, &value, found);
}

enum path_state
path_run_filter(struct path_run *run, const struct jsonpath_node *node,
                const struct path_item *item, struct path_list *found)
{
    const struct path_item *saved = run->current;
    run->current = item;
    const enum path_truth truth = run_predicate(run, node->left, item);
    run->current = saved;
    if (truth == PATH_TRUTH_FAILED) {
        return PATH_FAILED;
    }
    return truth == PATH_TRUE ? path_pass_on(run, node, item, found) : PATH_NOT_FOUND;
}
