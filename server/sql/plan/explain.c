/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/explain.h"

#include <stdio.h>

#include "parser/parser.h"
#include "server/sql/plan/explain_format.h"

/*
 * EXPLAIN: one walk over the plan that tells each node's facts in PostgreSQL's words; how they are
 * laid out is explain_format's.
 */

struct explain {
    const struct statement_plan *plan;
    const struct plan *top;
    const struct explain_options *options;
    explain_lookup lookup;
    void *arg;
    struct explain_out out;
};

static const char *
join_words(enum plan_join kind)
{
    switch (kind) {
    case PLAN_JOIN_INNER:
        return "";
    case PLAN_JOIN_LEFT:
        return "Left ";
    case PLAN_JOIN_RIGHT:
        return "Right ";
    case PLAN_JOIN_FULL:
        return "Full ";
    case PLAN_JOIN_SEMI:
        return "Semi ";
    case PLAN_JOIN_ANTI:
        return "Anti ";
    }
    return "";
}

/* Of an aggregate: a set without keys is the last. */
static bool
has_empty_set(const struct plan *node)
{
    return node->aggregate.sets[node->aggregate.set_count - 1].key_count == 0;
}

static const char *
node_type(const struct plan *node)
{
    switch (node->kind) {
    case PLAN_RESULT:
        return "Result";
    case PLAN_SEQ_SCAN:
    case PLAN_SYSVIEW_SCAN:
        return "Seq Scan";
    case PLAN_INDEX_SCAN:
    case PLAN_VECTOR_SCAN:
        return "Index Scan";
    case PLAN_BITMAP_SCAN:
        return "Bitmap Heap Scan";
    case PLAN_BITMAP_INDEX:
        return "Bitmap Index Scan";
    case PLAN_CURRENT_OF:
        return "Tid Scan";
    case PLAN_FUNCTION_SCAN:
        return "Function Scan";
    case PLAN_VALUES_SCAN:
        return "Values Scan";
    case PLAN_CTE_SCAN:
        return "CTE Scan";
    case PLAN_WORK_TABLE_SCAN:
        return "WorkTable Scan";
    case PLAN_RECURSIVE_UNION:
        return "Recursive Union";
    case PLAN_NESTED_LOOP:
        return "Nested Loop";
    case PLAN_HASH_JOIN:
        return "Hash Join";
    case PLAN_MATERIALIZE:
        return "Materialize";
    case PLAN_SORT:
    case PLAN_TOP_N:
        return "Sort";
    case PLAN_LIMIT:
        /* Without bounds it filters what a subquery gives. */
        return node->sort.limit == NULL && node->sort.offset == NULL ? "Subquery Scan" : "Limit";
    case PLAN_AGGREGATE:
        return node->aggregate.group_count == 0 ? "Aggregate"
               : has_empty_set(node)            ? "MixedAggregate"
                                                : "HashAggregate";
    case PLAN_UNIQUE:
        return node->unique.key_count > 0 ? "Unique" : "HashAggregate";
    case PLAN_APPEND:
        return "Append";
    case PLAN_SET_OPERATION:
        return "HashSetOp";
    case PLAN_PROJECT_SET:
        return "ProjectSet";
    case PLAN_WINDOW:
        return "WindowAgg";
    case PLAN_LOCK_ROWS:
        return "LockRows";
    case PLAN_INSERT:
        return "Insert";
    case PLAN_UPDATE:
        return "Update";
    case PLAN_DELETE:
        return "Delete";
    }
    return "Unknown";
}

/* A Limit that only filters or projects is no node of its own to the reader. */
static const struct plan *
shown(const struct plan *node)
{
    while (node->kind == PLAN_LIMIT && node->sort.limit == NULL && node->sort.offset == NULL &&
           node->filter == NULL) {
        node = node->left;
    }
    return node;
}

static void
write_title(const struct plan *node, struct ky_buffer *out)
{
    const char *alias = node->alias;
    switch (node->kind) {
    case PLAN_SEQ_SCAN:
    case PLAN_SYSVIEW_SCAN:
        ky_buffer_printf(out, "Seq Scan on %s", node->scan.table->name);
        break;
    case PLAN_CURRENT_OF:
        ky_buffer_printf(out, "Tid Scan on %s", node->scan.table->name);
        break;
    case PLAN_BITMAP_SCAN:
        ky_buffer_printf(out, "Bitmap Heap Scan on %s", node->scan.table->name);
        break;
    case PLAN_BITMAP_INDEX:
        ky_buffer_printf(out, "Bitmap Index Scan on %s", node->scan.index->name);
        return;
    case PLAN_INDEX_SCAN:
    case PLAN_VECTOR_SCAN:
        ky_buffer_printf(out, "Index Scan %susing %s on %s",
                         node->scan.is_backward ? "Backward " : "", node->scan.index->name,
                         node->scan.table->name);
        break;
    case PLAN_HASH_JOIN:
        ky_buffer_printf(out, "Hash %sJoin", join_words(node->join.kind));
        return;
    case PLAN_NESTED_LOOP:
        ky_buffer_printf(out, "Nested Loop%s%s", node->join.kind == PLAN_JOIN_INNER ? "" : " ",
                         join_words(node->join.kind));
        if (node->join.kind != PLAN_JOIN_INNER) {
            ky_buffer_append_cstr(out, "Join");
        }
        return;
    case PLAN_INSERT:
    case PLAN_UPDATE:
    case PLAN_DELETE:
        ky_buffer_printf(out, "%s on %s", node_type(node), node->modify.table->name);
        if (alias != NULL && strcmp(alias, node->modify.table->name) != 0) {
            ky_buffer_printf(out, " %s", alias);
        }
        return;
    default:
        ky_buffer_append_cstr(out, node_type(node));
        if (alias != NULL) {
            ky_buffer_printf(out, " on %s", alias);
        }
        return;
    }
    if (alias != NULL && strcmp(alias, node->scan.table->name) != 0) {
        ky_buffer_printf(out, " %s", alias);
    }
}

/* ------------------------------------------------------------------ details */

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
tell_details(struct explain *explain, const struct plan *node)
{
    switch (node->kind) {
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

/* ------------------------------------------------------------------ what was measured */

static const struct explain_actual *
measured(const struct explain *explain, const struct plan *node)
{
    const struct explain_actual *actual =
        explain->options->is_analyze ? explain->lookup(explain->arg, node) : NULL;
    return actual != NULL && actual->loops > 0 ? actual : NULL;
}

static void
write_numbers(struct explain *explain, const struct plan *node)
{
    const struct explain_options *options = explain->options;
    struct ky_buffer *out = explain->out.to;
    if (options->has_costs) {
        ky_buffer_printf(out, "  (cost=%.2f..%.2f rows=%.0f width=%d)", node->startup_cost,
                         node->total_cost, node->rows, node->width);
    }
    if (!options->is_analyze) {
        return;
    }
    const struct explain_actual *actual = measured(explain, node);
    if (actual == NULL) {
        ky_buffer_append_cstr(out, " (never executed)");
        return;
    }
    double loops = (double)actual->loops;
    if (options->has_timing) {
        ky_buffer_printf(out, " (actual time=%.3f..%.3f rows=%.0f loops=%.0f)",
                         actual->startup_ms / loops, actual->total_ms / loops,
                         (double)actual->rows / loops, loops);
    } else {
        ky_buffer_printf(out, " (actual rows=%.0f loops=%.0f)", (double)actual->rows / loops,
                         loops);
    }
}

/* The same as properties. A node that never ran has zeros. */
static void
tell_numbers(struct explain *explain, const struct plan *node)
{
    static const struct explain_actual none;
    const struct explain_options *options = explain->options;
    struct explain_out *out = &explain->out;
    if (options->has_costs) {
        explain_real(out, "Startup Cost", "", 2, node->startup_cost);
        explain_real(out, "Total Cost", "", 2, node->total_cost);
        explain_real(out, "Plan Rows", "", 0, node->rows);
        explain_integer(out, "Plan Width", "", (uint64_t)KY_MAX(node->width, 0));
    }
    if (!options->is_analyze) {
        return;
    }
    const struct explain_actual *actual = measured(explain, node);
    double loops = actual == NULL ? 1.0 : (double)actual->loops;
    actual = actual == NULL ? &none : actual;
    if (options->has_timing) {
        explain_real(out, "Actual Startup Time", "", 3, actual->startup_ms / loops);
        explain_real(out, "Actual Total Time", "", 3, actual->total_ms / loops);
    }
    explain_real(out, "Actual Rows", "", 0, (double)actual->rows / loops);
    explain_integer(out, "Actual Loops", "", actual->loops);
}

/* An operator's note, "Sort Method: quicksort  Memory: 25kB", as a property for each part; a part
 * without a colon is words of the form name=value. */
static void
tell_note(struct explain *explain, const char *note)
{
    while (*note != '\0') {
        const char *end = strstr(note, "  ");
        size_t size = end == NULL ? strlen(note) : (size_t)(end - note);
        const char *mark = memmem(note, size, ": ", 2);
        size_t mark_size = 2;
        char label[64];
        if (mark == NULL) {
            const char *word_end = memchr(note, ' ', size);
            size = word_end == NULL ? size : (size_t)(word_end - note);
            mark = memchr(note, '=', size);
            mark_size = 1;
        }
        if (mark != NULL) {
            size_t label_size = (size_t)(mark - note);
            struct ky_slice value = {(const uint8_t *)mark + mark_size,
                                     size - label_size - mark_size};
            (void)snprintf(label, sizeof(label), "%.*s", (int)KY_MIN(label_size, sizeof(label) - 1),
                           note);
            explain_text(&explain->out, label, value);
        }
        note += size;
        note += strspn(note, " ");
    }
}

static void
tell_measured(struct explain *explain, const struct plan *node)
{
    const struct explain_actual *actual = measured(explain, node);
    if (actual == NULL) {
        return;
    }
    if (node->filter != NULL && (actual->removed > 0 || !explain_is_text(&explain->out))) {
        const bool is_recheck = node->kind == PLAN_BITMAP_SCAN && node->scan.rest == NULL;
        explain_integer(&explain->out,
                        is_recheck ? "Rows Removed by Index Recheck" : "Rows Removed by Filter", "",
                        actual->removed / actual->loops);
    }
    if (actual->note[0] == '\0') {
        return;
    }
    if (explain_is_text(&explain->out)) {
        explain_line(&explain->out);
        ky_buffer_append_cstr(explain->out.to, actual->note);
    } else {
        tell_note(explain, actual->note);
    }
}

/* ------------------------------------------------------------------ subqueries */

/* relationship and name: of a child in the structured forms; name also heads it in text. */
static void tell_node(struct explain *explain, const struct plan *node, const char *relationship,
                      const char *name);

/* A child in a group of its own; in text under its heading. */
static void
tell_subplan(struct explain *explain, const struct plan *plan, const char *relationship,
             const char *name)
{
    struct explain_out *out = &explain->out;
    if (!explain_is_text(out)) {
        tell_node(explain, plan, relationship, name);
        return;
    }
    explain_line(out);
    ky_buffer_append_cstr(out->to, name);
    out->depth += 2;
    tell_node(explain, plan, relationship, NULL);
    out->depth -= 2;
}

/* What walks over the subqueries of an expression: those that run once, or the others. */
struct subplan_walk {
    struct explain *explain;
    bool is_init;
    bool is_count; /* only counts */
    uint32_t count;
};

static void
walk_subplans(struct subplan_walk *walk, const struct expr *expr)
{
    char name[64];
    if (expr == NULL) {
        return;
    }
    for (uint16_t i = 0; expr->args != NULL && i < expr->arg_count; i++) {
        walk_subplans(walk, expr->args[i]);
    }
    if (expr->kind != EXPR_SUBQUERY || expr->plan == NULL || plan_is_init(expr) != walk->is_init) {
        return;
    }
    walk->count++;
    if (walk->is_count) {
        return;
    }
    if (walk->is_init) {
        (void)snprintf(name, sizeof(name), "InitPlan %u (returns $%u)", expr->index,
                       expr->index - 1);
    } else {
        (void)snprintf(name, sizeof(name), "SubPlan %u", expr->index);
    }
    tell_subplan(walk->explain, expr->plan, walk->is_init ? "InitPlan" : "SubPlan", name);
}

/* The subqueries in all of a node's expressions. */
static void
walk_node_subplans(struct subplan_walk *walk, const struct plan *node)
{
    walk_subplans(walk, node->filter);
    for (uint16_t i = 0; node->project != NULL && i < node->output_count; i++) {
        walk_subplans(walk, node->project[i]);
    }
    switch (node->kind) {
    case PLAN_INDEX_SCAN:
        walk_subplans(walk, node->scan.index_condition);
        break;
    case PLAN_VECTOR_SCAN:
        walk_subplans(walk, node->scan.vector_query);
        break;
    case PLAN_HASH_JOIN:
    case PLAN_NESTED_LOOP:
        walk_subplans(walk, node->join.condition);
        break;
    case PLAN_SORT:
    case PLAN_TOP_N:
    case PLAN_LIMIT:
        walk_subplans(walk, node->sort.limit);
        walk_subplans(walk, node->sort.offset);
        break;
    case PLAN_AGGREGATE:
        for (uint16_t i = 0; i < node->aggregate.call_count; i++) {
            for (uint16_t a = 0; a < node->aggregate.calls[i].arg_count; a++) {
                walk_subplans(walk, node->aggregate.calls[i].args[a]);
            }
        }
        break;
    default:
        break;
    }
}

static uint32_t
subplan_count(const struct plan *node)
{
    struct subplan_walk walk = {.is_count = true, .is_init = true};
    walk_node_subplans(&walk, node);
    walk.is_init = false;
    walk_node_subplans(&walk, node);
    return walk.count;
}

/* ------------------------------------------------------------------ nodes */

static bool
is_modify(const struct plan *node)
{
    return node->kind == PLAN_INSERT || node->kind == PLAN_UPDATE || node->kind == PLAN_DELETE;
}

static const char *
structured_type(const struct plan *node)
{
    const char *type = node_type(node);
    return is_modify(node) ? "ModifyTable"
           : strcmp(type, "HashAggregate") == 0 || strcmp(type, "MixedAggregate") == 0 ? "Aggregate"
           : node->kind == PLAN_SET_OPERATION                                          ? "SetOp"
                                                                                       : type;
}

/* What every node has after its type. */
static void
tell_kind(struct explain *explain, const char *relationship, const char *name)
{
    struct explain_out *out = &explain->out;
    if (relationship != NULL) {
        explain_cstr(out, "Parent Relationship", relationship);
    }
    if (name != NULL) {
        explain_cstr(out, "Subplan Name", name);
    }
    explain_bool(out, "Parallel Aware", false);
    explain_bool(out, "Async Capable", false);
}

static void
tell_table(struct explain *explain, const struct plan *node, const struct cat_table *table)
{
    explain_cstr(&explain->out, "Relation Name", table->name);
    explain_cstr(&explain->out, "Alias", node->alias != NULL ? node->alias : table->name);
}

/* The properties that the text form has in its heading. */
static void
tell_heading(struct explain *explain, const struct plan *node, const char *relationship,
             const char *name)
{
    static const char *const join_types[] = {
        [PLAN_JOIN_INNER] = "Inner", [PLAN_JOIN_LEFT] = "Left", [PLAN_JOIN_RIGHT] = "Right",
        [PLAN_JOIN_FULL] = "Full",   [PLAN_JOIN_SEMI] = "Semi", [PLAN_JOIN_ANTI] = "Anti",
    };
    struct explain_out *out = &explain->out;
    const char *type = structured_type(node);
    explain_cstr(out, "Node Type", type);
    if (strcmp(type, "Aggregate") == 0) {
        explain_cstr(out, "Strategy",
                     strcmp(node_type(node), "HashAggregate") == 0    ? "Hashed"
                     : strcmp(node_type(node), "MixedAggregate") == 0 ? "Mixed"
                                                                      : "Plain");
        explain_cstr(out, "Partial Mode", "Simple");
    } else if (node->kind == PLAN_SET_OPERATION) {
        explain_cstr(out, "Strategy", "Hashed");
    } else if (is_modify(node)) {
        explain_cstr(out, "Operation", node_type(node));
    }
    tell_kind(explain, relationship, name);
    switch (node->kind) {
    case PLAN_INDEX_SCAN:
    case PLAN_VECTOR_SCAN:
        explain_cstr(out, "Scan Direction", node->scan.is_backward ? "Backward" : "Forward");
        explain_cstr(out, "Index Name", node->scan.index->name);
        tell_table(explain, node, node->scan.table);
        break;
    case PLAN_BITMAP_INDEX:
        explain_cstr(out, "Index Name", node->scan.index->name);
        break;
    case PLAN_SEQ_SCAN:
    case PLAN_BITMAP_SCAN:
    case PLAN_CURRENT_OF:
    case PLAN_SYSVIEW_SCAN:
        tell_table(explain, node, node->scan.table);
        break;
    case PLAN_INSERT:
    case PLAN_UPDATE:
    case PLAN_DELETE:
        tell_table(explain, node, node->modify.table);
        break;
    case PLAN_NESTED_LOOP:
    case PLAN_HASH_JOIN:
        explain_cstr(out, "Join Type", join_types[node->join.kind]);
        break;
    default:
        if (node->alias != NULL) {
            explain_cstr(out, node->kind == PLAN_CTE_SCAN ? "CTE Name" : "Alias", node->alias);
        }
        break;
    }
    tell_numbers(explain, node);
}

/* What PostgreSQL shows as a node of its own above a child: the Hash of a hash join. */
static void
tell_hash(struct explain *explain, const struct plan *child)
{
    struct explain_out *out = &explain->out;
    const struct explain_options *options = explain->options;
    if (explain_is_text(out)) {
        explain_line(out);
        ky_buffer_append_cstr(out->to, "->  Hash");
        if (options->has_costs) {
            ky_buffer_printf(out->to, "  (cost=%.2f..%.2f rows=%.0f width=%d)", child->total_cost,
                             child->total_cost, child->rows, child->width);
        }
        out->depth += 6;
        tell_node(explain, child, "Outer", NULL);
        out->depth -= 6;
        return;
    }
    explain_open(out, "Plan", NULL, true);
    explain_cstr(out, "Node Type", "Hash");
    tell_kind(explain, "Inner", NULL);
    tell_numbers(explain, child);
    explain_open(out, "Plans", "Plans", false);
    tell_node(explain, child, "Outer", NULL);
    explain_close(out, "Plans", false);
    explain_close(out, "Plan", true);
}

static void
tell_children(struct explain *explain, const struct plan *node)
{
    if (node->kind == PLAN_APPEND) {
        for (uint16_t i = 0; i < node->append.child_count; i++) {
            tell_node(explain, node->append.children[i], "Member", NULL);
        }
        return;
    }
    if (node->left != NULL) {
        tell_node(explain, node->left, "Outer", NULL);
    }
    if (node->right != NULL && node->kind == PLAN_HASH_JOIN) {
        tell_hash(explain, node->right);
    } else if (node->right != NULL) {
        tell_node(explain, node->right, "Inner", NULL);
    }
}

/* The subqueries of WITH, once, below the top. */
static void
tell_ctes(struct explain *explain)
{
    char name[80];
    const struct statement_plan *plan = explain->plan;
    for (uint16_t i = 0; i < plan->cte_count; i++) {
        if (plan->ctes[i] != NULL) {
            (void)snprintf(name, sizeof(name), "CTE %.63s", plan->cte_names[i]);
            tell_subplan(explain, plan->ctes[i], "InitPlan", name);
        }
    }
}

static bool
has_ctes(const struct statement_plan *plan)
{
    for (uint16_t i = 0; i < plan->cte_count; i++) {
        if (plan->ctes[i] != NULL) {
            return true;
        }
    }
    return false;
}

static void
tell_output(struct explain *explain, const struct plan *node)
{
    const bool has_none =
        node->kind == PLAN_APPEND || (is_modify(node) && !node->modify.has_returning);
    if (explain->options->is_verbose && !has_none) {
        tell_list(explain, "Output", node, print_output_column, NULL, node->output_count);
    }
}

/* Everything below a node's heading. */
static void
tell_inside(struct explain *explain, const struct plan *node)
{
    struct explain_out *out = &explain->out;
    const bool is_top = node == explain->top;
    struct subplan_walk walk = {.explain = explain, .is_init = true};
    tell_output(explain, node);
    tell_details(explain, node);
    tell_measured(explain, node);
    const bool has_children = node->left != NULL || node->kind == PLAN_APPEND ||
                              subplan_count(node) > 0 || (is_top && has_ctes(explain->plan));
    if (!has_children) {
        return;
    }
    explain_open(out, "Plans", "Plans", false);
    if (is_top) {
        tell_ctes(explain);
    }
    walk_node_subplans(&walk, node);
    tell_children(explain, node);
    walk.is_init = false;
    walk_node_subplans(&walk, node);
    explain_close(out, "Plans", false);
}

/* PostgreSQL's layout of text: children are six columns further in, under "->  ". */
static void
write_node(struct explain *explain, const struct plan *node)
{
    struct explain_out *out = &explain->out;
    const int depth = out->depth;
    const bool is_split = node->kind == PLAN_TOP_N && node->sort.limit != NULL;
    for (int part = is_split ? 0 : 1; part < 2; part++) {
        /* What one node does here, limit and sort, is two in PostgreSQL's words. */
        const bool is_first = out->to->size == 0;
        if (!is_first) {
            explain_line(out);
            ky_buffer_append_cstr(out->to, "->  ");
        }
        if (part == 0) {
            ky_buffer_append_cstr(out->to, "Limit");
        } else {
            write_title(node, out->to);
        }
        write_numbers(explain, node);
        out->depth += is_first ? 2 : 6;
    }
    tell_inside(explain, node);
    out->depth = depth;
}

static void
tell_node(struct explain *explain, const struct plan *node, const char *relationship,
          const char *name)
{
    struct explain_out *out = &explain->out;
    const char *label = relationship == NULL ? "Plan" : NULL;
    node = shown(node);
    const bool is_split = node->kind == PLAN_TOP_N && node->sort.limit != NULL;
    if (explain_is_text(out)) {
        write_node(explain, node);
        return;
    }
    explain_open(out, "Plan", label, true);
    if (is_split) {
        explain_cstr(out, "Node Type", "Limit");
        tell_kind(explain, relationship, name);
        tell_numbers(explain, node);
        explain_open(out, "Plans", "Plans", false);
        explain_open(out, "Plan", NULL, true);
        relationship = "Outer";
        name = NULL;
    }
    tell_heading(explain, node, relationship, name);
    tell_inside(explain, node);
    if (is_split) {
        explain_close(out, "Plan", true);
        explain_close(out, "Plans", false);
    }
    explain_close(out, "Plan", true);
}

/* ------------------------------------------------------------------ the statement */

static void
tell_time(struct explain_out *out, const char *label, double ms)
{
    if (ms >= 0) {
        explain_real(out, label, "ms", 3, ms);
    }
}

void
plan_explain(const struct statement_plan *plan, const struct explain_options *options,
             explain_lookup lookup, void *arg, const struct explain_times *times,
             struct ky_buffer *text)
{
    struct explain explain = {.plan = plan,
                              .top = shown(plan->root),
                              .options = options,
                              .lookup = lookup,
                              .arg = arg,
                              .out = {.to = text, .format = options->format}};
    struct explain_out *out = &explain.out;
    explain_begin(out);
    explain_open(out, "Query", NULL, true);
    tell_node(&explain, plan->root, NULL, NULL);
    if (times != NULL && options->has_summary) {
        tell_time(out, "Planning Time", times->planning_ms);
    }
    if (options->is_analyze && !explain_is_text(out)) {
        explain_open(out, "Triggers", "Triggers", false); /* there are none */
        explain_close(out, "Triggers", false);
    }
    if (times != NULL && options->has_summary) {
        tell_time(out, "Execution Time", times->execution_ms);
    }
    explain_close(out, "Query", true);
    explain_end(out);
}
