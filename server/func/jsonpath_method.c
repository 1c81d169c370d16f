/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/utf8.h"
#include "server/func/jsonpath_private.h"
#include "server/types/number_text.h"
#include "server/types/numeric.h"

/* Steps of a path that compute: arithmetic, and methods such as .double() and .keyvalue(). */

/* Identifiers of .keyvalue(): the object's place within its base object, and the base's number. */
#define BASE_ID_STEP INT64_C(10000000000)

static enum path_state
operand_number(struct path_run *run, const struct jsonpath_node *node, const struct path_list *list,
               const char *side, struct ky_slice *number)
{
    if (list->count != 1 || list->items[0].kind != PATH_ITEM_NUMBER) {
        return path_complain(run, KY_SINGLETON_SQL_JSON_ITEM_REQUIRED,
                             "%s operand of jsonpath operator %s is not a single numeric value",
                             side, jsonpath_kind_name(node->kind));
    }
    if (path_item_number(run->env, &list->items[0], number, path_error_place(run)) != KY_OK) {
        return path_error_state(run);
    }
    return PATH_OK;
}

enum path_state
path_run_binary(struct path_run *run, const struct jsonpath_node *node,
                const struct path_item *item, struct path_list *found)
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
    enum path_state state = path_collect(run, node->left, item, true, &left);
    if (!path_is_error(state)) {
        state = path_collect(run, node->right, item, true, &right);
    }
    if (!path_is_error(state)) {
        state = operand_number(run, node, &left, "left", &a);
    }
    if (!path_is_error(state)) {
        state = operand_number(run, node, &right, "right", &b);
    }
    if (path_is_error(state)) {
        return state;
    }
    if (operations[node->kind](run->arena, a, b, &result.text, path_error_place(run)) != KY_OK) {
        return path_error_state(run);
    }
    return path_pass_on(run, node, &result, found);
}

enum path_state
path_run_unary(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item,
               struct path_list *found)
{
    struct path_list list = {0};
    enum path_state result = PATH_NOT_FOUND;
    const bool is_only_asked = found == NULL && node->next == NULL;
    enum path_state state = path_collect(run, node->left, item, true, &list);
    if (path_is_error(state)) {
        return state;
    }
    for (size_t i = 0; i < list.count; i++) {
        struct path_item value = {.kind = PATH_ITEM_NUMBER};
        if (list.items[i].kind != PATH_ITEM_NUMBER) {
            if (is_only_asked) {
                continue;
            }
            return path_complain(run, KY_SQL_JSON_NUMBER_NOT_FOUND,
                                 "operand of unary jsonpath operator %s is not a numeric value",
                                 jsonpath_kind_name(node->kind));
        }
        if (path_item_number(run->env, &list.items[i], &value.text, path_error_place(run)) !=
            KY_OK) {
            return path_error_state(run);
        }
        if (node->kind == JSONPATH_MINUS) {
            value.text = numeric_negate(run->arena, value.text);
        }
        state = path_pass_on(run, node, &value, found);
        if (path_is_error(state) || (state == PATH_OK && found == NULL)) {
            return state;
        }
        result = state == PATH_OK ? PATH_OK : result;
    }
    return result;
}

enum path_state
path_run_numeric_method(struct path_run *run, const struct jsonpath_node *node,
                        const struct path_item *item, struct path_list *found)
{
    struct path_item result = {.kind = PATH_ITEM_NUMBER};
    struct ky_slice number;
    if (item->kind != PATH_ITEM_NUMBER) {
        return path_complain(run, KY_NON_NUMERIC_SQL_JSON_ITEM,
                             "jsonpath item method .%s() can only be applied to a numeric value",
                             jsonpath_kind_name(node->kind));
    }
    if (path_item_number(run->env, item, &number, path_error_place(run)) != KY_OK) {
        return path_error_state(run);
    }
    result.text = node->kind == JSONPATH_ABS     ? numeric_abs(run->arena, number)
                  : node->kind == JSONPATH_FLOOR ? numeric_floor(run->arena, number)
                                                 : numeric_ceil(run->arena, number);
    return path_pass_on(run, node, &result, found);
}

enum path_state
path_run_double(struct path_run *run, const struct jsonpath_node *node,
                const struct path_item *item, struct path_list *found)
{
    double value;
    if (item->kind != PATH_ITEM_NUMBER && item->kind != PATH_ITEM_STRING) {
        return path_complain(
            run, KY_NON_NUMERIC_SQL_JSON_ITEM,
            "jsonpath item method .%s() can only be applied to a string or numeric "
            "value",
            jsonpath_kind_name(node->kind));
    }
    struct ky_slice text = path_item_string(run->arena, item);
    if (item->kind == PATH_ITEM_NUMBER) {
        struct ky_slice number;
        if (path_item_number(run->env, item, &number, path_error_place(run)) != KY_OK) {
            return path_error_state(run);
        }
        text = func_output(run->env, type_get(OID_NUMERIC), (struct datum){.bytes = number});
    }
    const bool is_number = number_parse_double(text, &value) == NUMBER_OK &&
                           !__builtin_isinf(value) && !__builtin_isnan(value);
    if (item->kind == PATH_ITEM_NUMBER) {
        return is_number ? path_pass_on(run, node, item, found)
                         : path_complain(run, KY_NON_NUMERIC_SQL_JSON_ITEM,
                                         "numeric argument of jsonpath item method .%s() is out of "
                                         "range for type double precision",
                                         jsonpath_kind_name(node->kind));
    }
    if (!is_number) {
        return path_complain(run, KY_NON_NUMERIC_SQL_JSON_ITEM,
                             "string argument of jsonpath item method .%s() is not a valid "
                             "representation of a double precision number",
                             jsonpath_kind_name(node->kind));
    }
    const struct path_item result = {.kind = PATH_ITEM_NUMBER,
                                     .text = numeric_from_double(run->arena, value, 15)};
    return path_pass_on(run, node, &result, found);
}

enum path_state
path_run_datetime(struct path_run *run, const struct jsonpath_node *node,
                  const struct path_item *item, struct path_list *found)
{
    struct path_item result;
    bool is_found;
    if (item->kind != PATH_ITEM_STRING) {
        return path_complain(run, KY_INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
                             "jsonpath item method .%s() can only be applied to a string",
                             jsonpath_kind_name(node->kind));
    }
    const struct ky_slice text = path_item_string(run->arena, item);
    if (path_item_datetime(text, node->has_text ? &node->text : NULL, &result, &is_found,
                           path_error_place(run)) != KY_OK) {
        return path_error_state(run);
    }
    if (!is_found) {
        const enum path_state state =
            path_complain(run, KY_INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
                          "datetime format is not recognized: \"%.*s\"",
                          (int)ky_utf8_cut(text.data, text.size, 256), (const char *)text.data);
        if (state == PATH_FAILED) {
            (void)ky_error_hint(run->err, "Use a datetime template argument to specify the input "
                                          "data format.");
        }
        return state;
    }
    return path_pass_on(run, node, &result, found);
}

enum path_state
path_run_size(struct path_run *run, const struct jsonpath_node *node, const struct path_item *item,
              struct path_list *found)
{
    if (item->kind == PATH_ITEM_ARRAY) {
        return path_pass_number(run, node, (int64_t)json_count(item->text), found);
    }
    if (run->is_lax) {
        return path_pass_number(run, node, 1, found);
    }
    return run->ignores_structure
               ? PATH_NOT_FOUND
               : path_complain(run, KY_SQL_JSON_ARRAY_NOT_FOUND,
                               "jsonpath item method .%s() can only be applied to an array",
                               jsonpath_kind_name(node->kind));
}

enum path_state
path_run_keyvalue(struct path_run *run, const struct jsonpath_node *node,
                  const struct path_item *item, struct path_list *found)
{
    struct ky_slice key;
    struct ky_slice value;
    enum path_state state = PATH_NOT_FOUND;
    if (item->kind != PATH_ITEM_OBJECT) {
        return path_complain(run, KY_SQL_JSON_OBJECT_NOT_FOUND,
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
        path_set_base(run, pair.text, run->next_base_id++);
        state = path_pass_on(run, node, &pair, found);
        run->base = saved;
        if (path_is_error(state) || (state == PATH_OK && found == NULL)) {
            break;
        }
    }
    return state;
}
