/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/parser.h"
#include "server/sql/plan/explain.h"

/* What EXPLAIN tells below a node's heading: its output, its conditions and keys. */

static void
tell_expr(struct explain *explain, const char *label, const struct plan *node,
          const struct expr *expr)
{
    struct ky_buffer text = {0};
    if (expr == NULL) {
        return;
    }
    plan_print_expr(node, expr, &text);
    explain_text(&explain->out, label, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
}

/* Prints item i of a list. */
typedef void (*print_item)(const struct plan *node, const void *items, uint32_t i,
                           struct ky_buffer *out);

struct item_texts {
    struct ky_buffer text;
    struct ky_slice *slices;
};

static struct item_texts
texts_new(const struct plan *node, print_item print, const void *items, uint32_t count)
{
    struct item_texts texts = {.slices = ky_calloc((size_t)count + 1, sizeof(struct ky_slice))};
    size_t *ends = ky_calloc((size_t)count + 1, sizeof(*ends));
    for (uint32_t i = 0; i < count; i++) {
        print(node, items, i, &texts.text);
        ends[i] = texts.text.size;
    }
    for (uint32_t i = 0; i < count; i++) {
        const size_t start = i == 0 ? 0 : ends[i - 1];
        texts.slices[i] = ky_slice(texts.text.data + start, ends[i] - start);
    }
    ky_free(ends);
    return texts;
}

static void
texts_free(struct item_texts *texts)
{
    ky_free(texts->slices);
    ky_buffer_deinit(&texts->text);
}

static void
tell_list(struct explain *explain, const char *label, const struct plan *node, print_item print,
          const void *items, uint32_t count)
{
    if (count == 0) {
        return;
    }
    struct item_texts texts = texts_new(node, print, items, count);
    explain_list(&explain->out, label, texts.slices, count);
    texts_free(&texts);
}

static void
print_sort_key(const struct plan *node, const void *items, uint32_t i, struct ky_buffer *out)
{
    const struct sort_key *key = (const struct sort_key *)items + i;
    plan_print_expr(node, key->expr, out);
    ky_buffer_append_cstr(out, key->is_descending ? " DESC" : "");
    if (key->is_nulls_first != key->is_descending) {
        ky_buffer_append_cstr(out, key->is_nulls_first ? " NULLS FIRST" : " NULLS LAST");
    }
}

static void
print_group_key(const struct plan *node, const void *items, uint32_t i, struct ky_buffer *out)
{
    const struct plan above = {.kind = PLAN_LIMIT, .left = node->left};
    plan_print_expr(&above, ((struct expr *const *)items)[i], out);
}

static void
print_set_key(const struct plan *node, const void *items, uint32_t i, struct ky_buffer *out)
{
    const struct agg_set *set = items;
    print_group_key(node, node->aggregate.groups, set->keys[i], out);
}

/* A line for each set; in the structured forms a group for each. */
static void
tell_groups(struct explain *explain, const struct plan *node)
{
    struct explain_out *out = &explain->out;
    const struct agg_set *first = node->aggregate.sets;
    if (!node->aggregate.has_sets) {
        tell_list(explain, "Group Key", node, print_set_key, first,
                  (uint32_t)(first->key_count - first->dependent_count));
        return;
    }
    explain_open(out, "Grouping-Sets", "Grouping Sets", false);
    for (uint32_t i = 0; i < node->aggregate.set_count; i++) {
        const struct agg_set *set = &first[i];
        const uint32_t count = (uint32_t)(set->key_count - set->dependent_count);
        const bool is_hashed = count > 0;
        struct item_texts texts = texts_new(node, print_set_key, set, count);
        if (explain_is_text(out) && count == 0) {
            explain_line(out);
            ky_buffer_append_cstr(out->to, "Group Key: ()");
        } else if (explain_is_text(out)) {
            explain_list(out, "Hash Key", texts.slices, count);
        }
        explain_open(out, "Grouping-Set", NULL, true);
        explain_open(out, is_hashed ? "Hash-Keys" : "Group-Keys",
                     is_hashed ? "Hash Keys" : "Group Keys", false);
        explain_nested_list(out, is_hashed ? "Hash-Key" : "Group-Key", texts.slices, count);
        explain_close(out, is_hashed ? "Hash-Keys" : "Group-Keys", false);
        explain_close(out, "Grouping-Set", true);
        texts_free(&texts);
    }
    explain_close(out, "Grouping-Sets", false);
}

static void
print_output_column(const struct plan *node, const void *items, uint32_t i, struct ky_buffer *out)
{
    (void)items;
    plan_print_output(node, i, out);
}

static void
tell_distance(struct explain *explain, const struct plan *node)
{
    struct ky_buffer text = {0};
    ky_buffer_append_byte(&text, '(');
    if (node->scan.vector_expr != NULL) {
        ky_buffer_append_byte(&text, '(');
        plan_print_expr(node, node->scan.vector_expr, &text);
        ky_buffer_append_byte(&text, ')');
    } else {
        ky_buffer_append_cstr(&text, node->scan.table->columns[node->scan.vector_column].name);
    }
    ky_buffer_printf(&text, " %s ", cat_distance_operator(node->scan.distance));
    plan_print_expr(node, node->scan.vector_query, &text);
    ky_buffer_append_byte(&text, ')');
    explain_text(&explain->out, "Order By", ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
}

/* Both sides are named with their tables, as if above the join. */
static void
tell_hash_condition(struct explain *explain, const struct plan *node)
{
    const struct plan left = {.kind = PLAN_HASH_JOIN, .left = node->left, .right = node->right};
    const struct plan right = {.kind = PLAN_HASH_JOIN, .left = node->right, .right = node->left};
    const bool is_list = node->join.key_count > 1;
    struct ky_buffer text = {0};
    if (node->join.key_count == 0) {
        return;
    }
    ky_buffer_append_cstr(&text, is_list ? "(" : "");
    for (uint16_t i = 0; i < node->join.key_count; i++) {
        ky_buffer_append_cstr(&text, i == 0 ? "(" : " AND (");
        plan_print_expr(&left, node->join.left_keys[i], &text);
        ky_buffer_append_cstr(&text, " = ");
        plan_print_expr(&right, node->join.right_keys[i], &text);
        ky_buffer_append_byte(&text, ')');
    }
    ky_buffer_append_cstr(&text, is_list ? ")" : "");
    explain_text(&explain->out, "Hash Cond", ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
}

static void
tell_sample(struct explain *explain, const struct plan *node)
{
    const struct table_sample *sample = node->scan.sample;
    const char *method = sample != NULL && sample->is_by_block ? "system" : "bernoulli";
    struct ky_buffer text = {0};
    if (sample == NULL) {
        return;
    }
    plan_print_expr(node, sample->percent, &text);
    if (explain_is_text(&explain->out)) {
        explain_line(&explain->out);
        ky_buffer_printf(explain->out.to, "Sampling: %s (", method);
        ky_buffer_append_slice(explain->out.to, ky_buffer_slice(&text));
        ky_buffer_append_byte(explain->out.to, ')');
        if (sample->repeatable != NULL) {
            ky_buffer_append_cstr(explain->out.to, " REPEATABLE (");
            plan_print_expr(node, sample->repeatable, explain->out.to);
            ky_buffer_append_byte(explain->out.to, ')');
        }
    } else {
        const struct ky_slice percent = ky_buffer_slice(&text);
        explain_cstr(&explain->out, "Sampling Method", method);
        explain_list(&explain->out, "Sampling Parameters", &percent, 1);
        tell_expr(explain, "Repeatable Seed", node, sample->repeatable);
    }
    ky_buffer_deinit(&text);
}

void
explain_tell_details(struct explain *explain, const struct plan *node)
{
    switch (node->kind) {
    case PLAN_SEQ_SCAN:
        tell_sample(explain, node);
        break;
    case PLAN_INDEX_SCAN:
        tell_expr(explain, "Index Cond", node, node->scan.index_condition);
        if (node->scan.index->method == INDEX_RMI) {
            explain_cstr(&explain->out, "Index Method", "rmi");
        }
        break;
    case PLAN_BITMAP_SCAN:
        tell_expr(explain, "Recheck Cond", node, node->scan.index_condition);
        tell_expr(explain, "Filter", node, node->scan.rest);
        return;
    case PLAN_BITMAP_INDEX:
        tell_expr(explain, "Index Cond", node, node->scan.index_condition);
        return;
    case PLAN_CURRENT_OF: {
        struct ky_buffer text = {0};
        ky_buffer_append_cstr(&text, "CURRENT OF ");
        ast_print_identifier(&text, node->scan.cursor);
        explain_text(&explain->out, "TID Cond", ky_buffer_slice(&text));
        ky_buffer_deinit(&text);
        break;
    }
    case PLAN_VECTOR_SCAN:
        tell_distance(explain, node);
        break;
    case PLAN_HASH_JOIN:
        tell_hash_condition(explain, node);
        tell_expr(explain, "Join Filter", node, node->join.condition);
        break;
    case PLAN_NESTED_LOOP:
        tell_expr(explain, "Join Filter", node, node->join.condition);
        break;
    case PLAN_SORT:
    case PLAN_TOP_N:
        tell_list(explain, "Sort Key", node, print_sort_key, node->sort.keys, node->sort.key_count);
        break;
    case PLAN_AGGREGATE:
        tell_groups(explain, node);
        break;
    default:
        break;
    }
    tell_expr(explain, node->kind == PLAN_RESULT ? "One-Time Filter" : "Filter", node,
              node->filter);
    if (node->remark != NULL && explain_is_text(&explain->out)) {
        explain_line(&explain->out);
        ky_buffer_printf(explain->out.to, "Vector Index: not used, %s", node->remark);
    } else if (node->remark != NULL) {
        explain_cstr(&explain->out, "Vector Index Not Used", node->remark);
    }
}

bool
explain_is_modify(const struct plan *node)
{
    return node->kind == PLAN_INSERT || node->kind == PLAN_UPDATE || node->kind == PLAN_DELETE ||
           node->kind == PLAN_MERGE;
}

void
explain_tell_output(struct explain *explain, const struct plan *node)
{
    const bool has_none =
        node->kind == PLAN_APPEND || (explain_is_modify(node) && !node->modify.has_returning);
    if (explain->options->is_verbose && !has_none) {
        tell_list(explain, "Output", node, print_output_column, NULL, node->output_count);
    }
}
