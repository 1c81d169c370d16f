/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/explain.h"

#include <stdio.h>

#include "server/base/json.h"

/* EXPLAIN in PostgreSQL's text and JSON forms. */

struct explain {
    const struct statement_plan *plan;
    const struct explain_options *options;
    explain_lookup lookup;
    void *arg;
    struct ky_buffer *out;
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
        return node->aggregate.group_count > 0 ? "HashAggregate" : "Aggregate";
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

/* ------------------------------------------------------------------ text */

static void
indent(struct ky_buffer *out, int depth)
{
    for (int i = 0; i < depth; i++) {
        ky_buffer_append_byte(out, ' ');
    }
}

static void
write_line(struct explain *explain, int depth, const char *label, const struct plan *node,
           const struct expr *expr)
{
    if (expr == NULL) {
        return;
    }
    ky_buffer_append_byte(explain->out, '\n');
    indent(explain->out, depth);
    ky_buffer_printf(explain->out, "%s: ", label);
    plan_print_expr(node, expr, explain->out);
}

static void
write_keys(struct explain *explain, int depth, const char *label, const struct plan *node,
           const struct sort_key *keys, uint16_t count)
{
    if (count == 0) {
        return;
    }
    ky_buffer_append_byte(explain->out, '\n');
    indent(explain->out, depth);
    ky_buffer_printf(explain->out, "%s: ", label);
    for (uint16_t i = 0; i < count; i++) {
        ky_buffer_append_cstr(explain->out, i == 0 ? "" : ", ");
        plan_print_expr(node, keys[i].expr, explain->out);
        ky_buffer_append_cstr(explain->out, keys[i].is_descending ? " DESC" : "");
        if (keys[i].is_nulls_first != keys[i].is_descending) {
            ky_buffer_append_cstr(explain->out,
                                  keys[i].is_nulls_first ? " NULLS FIRST" : " NULLS LAST");
        }
    }
}

static void
write_distance(struct explain *explain, int depth, const struct plan *node)
{
    ky_buffer_append_byte(explain->out, '\n');
    indent(explain->out, depth);
    ky_buffer_append_cstr(explain->out, "Order By: (");
    if (node->scan.vector_expr != NULL) {
        ky_buffer_append_byte(explain->out, '(');
        plan_print_expr(node, node->scan.vector_expr, explain->out);
        ky_buffer_append_byte(explain->out, ')');
    } else {
        ky_buffer_append_cstr(explain->out,
                              node->scan.table->columns[node->scan.vector_column].name);
    }
    ky_buffer_printf(explain->out, " %s ", cat_distance_operator(node->scan.distance));
    plan_print_expr(node, node->scan.vector_query, explain->out);
    ky_buffer_append_byte(explain->out, ')');
}

/* Both sides are named with their tables, as if above the join. */
static void
write_hash_condition(struct explain *explain, int depth, const struct plan *node)
{
    const struct plan left = {.kind = PLAN_HASH_JOIN, .left = node->left, .right = node->right};
    const struct plan right = {.kind = PLAN_HASH_JOIN, .left = node->right, .right = node->left};
    const bool is_list = node->join.key_count > 1;
    if (node->join.key_count == 0) {
        return;
    }
    ky_buffer_append_byte(explain->out, '\n');
    indent(explain->out, depth);
    ky_buffer_append_cstr(explain->out, is_list ? "Hash Cond: (" : "Hash Cond: ");
    for (uint16_t i = 0; i < node->join.key_count; i++) {
        ky_buffer_append_cstr(explain->out, i == 0 ? "(" : " AND (");
        plan_print_expr(&left, node->join.left_keys[i], explain->out);
        ky_buffer_append_cstr(explain->out, " = ");
        plan_print_expr(&right, node->join.right_keys[i], explain->out);
        ky_buffer_append_byte(explain->out, ')');
    }
    ky_buffer_append_cstr(explain->out, is_list ? ")" : "");
}

static void
write_details(struct explain *explain, int depth, const struct plan *node)
{
    switch (node->kind) {
    case PLAN_INDEX_SCAN:
        write_line(explain, depth, "Index Cond", node, node->scan.index_condition);
        if (node->scan.index->method == INDEX_RMI) {
            ky_buffer_append_byte(explain->out, '\n');
            indent(explain->out, depth);
            ky_buffer_append_cstr(explain->out, "Index Method: rmi");
        }
        break;
    case PLAN_VECTOR_SCAN:
        write_distance(explain, depth, node);
        break;
    case PLAN_HASH_JOIN:
        write_hash_condition(explain, depth, node);
        write_line(explain, depth, "Join Filter", node, node->join.condition);
        break;
    case PLAN_NESTED_LOOP:
        write_line(explain, depth, "Join Filter", node, node->join.condition);
        break;
    case PLAN_SORT:
    case PLAN_TOP_N:
        write_keys(explain, depth, "Sort Key", node, node->sort.keys, node->sort.key_count);
        break;
    case PLAN_AGGREGATE:
        for (uint16_t i = 0; i < node->aggregate.group_count; i++) {
            if (i == 0) {
                ky_buffer_append_byte(explain->out, '\n');
                indent(explain->out, depth);
            }
            ky_buffer_append_cstr(explain->out, i == 0 ? "Group Key: " : ", ");
            const struct plan above = {.kind = PLAN_LIMIT, .left = node->left};
            plan_print_expr(&above, node->aggregate.groups[i], explain->out);
        }
        break;
    default:
        break;
    }
    if (node->filter != NULL) {
        bool is_one_time = node->kind == PLAN_RESULT;
        write_line(explain, depth, is_one_time ? "One-Time Filter" : "Filter", node, node->filter);
    }
    if (node->remark != NULL) {
        ky_buffer_append_byte(explain->out, '\n');
        indent(explain->out, depth);
        ky_buffer_printf(explain->out, "Vector Index: not used, %s", node->remark);
    }
}

static void
write_numbers(struct explain *explain, const struct plan *node)
{
    const struct explain_options *options = explain->options;
    if (options->has_costs) {
        ky_buffer_printf(explain->out, "  (cost=%.2f..%.2f rows=%.0f width=%d)", node->startup_cost,
                         node->total_cost, node->rows, node->width);
    }
    if (!options->is_analyze) {
        return;
    }
    const struct explain_actual *actual = explain->lookup(explain->arg, node);
    if (actual == NULL || actual->loops == 0) {
        ky_buffer_append_cstr(explain->out, " (never executed)");
        return;
    }
    double loops = (double)actual->loops;
    if (options->has_timing) {
        ky_buffer_printf(explain->out, " (actual time=%.3f..%.3f rows=%.0f loops=%.0f)",
                         actual->startup_ms / loops, actual->total_ms / loops,
                         (double)actual->rows / loops, loops);
    } else {
        ky_buffer_printf(explain->out, " (actual rows=%.0f loops=%.0f)",
                         (double)actual->rows / loops, loops);
    }
}

static void
write_measured(struct explain *explain, int depth, const struct plan *node)
{
    const struct explain_actual *actual =
        explain->options->is_analyze ? explain->lookup(explain->arg, node) : NULL;
    if (actual == NULL || actual->loops == 0) {
        return;
    }
    if (node->filter != NULL && actual->removed > 0) {
        ky_buffer_append_byte(explain->out, '\n');
        indent(explain->out, depth);
        ky_buffer_printf(explain->out, "Rows Removed by Filter: %llu",
                         (unsigned long long)(actual->removed / actual->loops));
    }
    if (actual->note[0] != '\0') {
        ky_buffer_append_byte(explain->out, '\n');
        indent(explain->out, depth);
        ky_buffer_append_cstr(explain->out, actual->note);
    }
}

static void write_node(struct explain *explain, const struct plan *node, int depth, bool is_first);

static void
write_subplan(struct explain *explain, const struct expr *expr, int depth, bool is_init)
{
    if (expr == NULL) {
        return;
    }
    for (uint16_t i = 0; expr->args != NULL && i < expr->arg_count; i++) {
        write_subplan(explain, expr->args[i], depth, is_init);
    }
    if (expr->kind != EXPR_SUBQUERY || expr->plan == NULL || plan_is_init(expr) != is_init) {
        return;
    }
    ky_buffer_append_byte(explain->out, '\n');
    indent(explain->out, depth);
    if (is_init) {
        ky_buffer_printf(explain->out, "InitPlan %u (returns $%u)", expr->index, expr->index - 1);
    } else {
        ky_buffer_printf(explain->out, "SubPlan %u", expr->index);
    }
    write_node(explain, expr->plan, depth + 2, false);
}

/* The plans of subqueries in the node's expressions: those that run once stand first. */
static void
write_subplans(struct explain *explain, const struct plan *node, int depth, bool is_init)
{
    write_subplan(explain, node->filter, depth, is_init);
    for (uint16_t i = 0; node->project != NULL && i < node->output_count; i++) {
        write_subplan(explain, node->project[i], depth, is_init);
    }
    switch (node->kind) {
    case PLAN_INDEX_SCAN:
        write_subplan(explain, node->scan.index_condition, depth, is_init);
        break;
    case PLAN_HASH_JOIN:
    case PLAN_NESTED_LOOP:
        write_subplan(explain, node->join.condition, depth, is_init);
        break;
    case PLAN_SORT:
    case PLAN_TOP_N:
    case PLAN_LIMIT:
        write_subplan(explain, node->sort.limit, depth, is_init);
        write_subplan(explain, node->sort.offset, depth, is_init);
        break;
    case PLAN_AGGREGATE:
        for (uint16_t i = 0; i < node->aggregate.call_count; i++) {
            for (uint16_t a = 0; a < node->aggregate.calls[i].arg_count; a++) {
                write_subplan(explain, node->aggregate.calls[i].args[a], depth, is_init);
            }
        }
        break;
    default:
        break;
    }
}

static void
write_children(struct explain *explain, const struct plan *node, int depth)
{
    if (node->kind == PLAN_APPEND) {
        for (uint16_t i = 0; i < node->append.child_count; i++) {
            write_node(explain, node->append.children[i], depth, false);
        }
        return;
    }
    if (node->left != NULL) {
        write_node(explain, node->left, depth, false);
    }
    if (node->right != NULL && node->kind == PLAN_HASH_JOIN) {
        /* PostgreSQL shows the hash table as a node of its own. */
        const struct plan *right = node->right;
        ky_buffer_append_byte(explain->out, '\n');
        indent(explain->out, depth);
        ky_buffer_append_cstr(explain->out, "->  Hash");
        if (explain->options->has_costs) {
            ky_buffer_printf(explain->out, "  (cost=%.2f..%.2f rows=%.0f width=%d)",
                             right->total_cost, right->total_cost, right->rows, right->width);
        }
        write_node(explain, right, depth + 6, false);
    } else if (node->right != NULL) {
        write_node(explain, node->right, depth, false);
    }
}

/* PostgreSQL's layout: children are six columns further in, under "->  ". */
static void
write_node(struct explain *explain, const struct plan *node, int depth, bool is_first)
{
    node = shown(node);
    if (node->kind == PLAN_TOP_N && node->sort.limit != NULL) {
        /* What one node does here is two in PostgreSQL's words. */
        if (!is_first) {
            ky_buffer_append_byte(explain->out, '\n');
            indent(explain->out, depth);
            ky_buffer_append_cstr(explain->out, "->  ");
        }
        ky_buffer_append_cstr(explain->out, "Limit");
        write_numbers(explain, node);
        depth += is_first ? 2 : 6;
        is_first = false;
    }
    if (!is_first) {
        ky_buffer_append_byte(explain->out, '\n');
        indent(explain->out, depth);
        ky_buffer_append_cstr(explain->out, "->  ");
    }
    write_title(node, explain->out);
    write_numbers(explain, node);
    int inside = is_first ? depth + 2 : depth + 6;
    write_details(explain, inside, node);
    write_measured(explain, inside, node);
    write_subplans(explain, node, inside, true);
    write_children(explain, node, inside);
    write_subplans(explain, node, inside, false);
}

/* ------------------------------------------------------------------ JSON */

static void
json_text(struct ky_buffer *out, const char *name, const char *text)
{
    ky_buffer_printf(out, ",\n\"%s\": ", name);
    json_write_string(out, ky_slice_cstr(text));
}

static void
json_expr(struct ky_buffer *out, const char *name, const struct plan *node, const struct expr *expr)
{
    struct ky_buffer text = {0};
    if (expr == NULL) {
        return;
    }
    plan_print_expr(node, expr, &text);
    ky_buffer_printf(out, ",\n\"%s\": ", name);
    json_write_string(out, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
}

static void json_node(struct explain *explain, const struct plan *node);

static void
json_children(struct explain *explain, const struct plan *node)
{
    struct ky_buffer *out = explain->out;
    bool is_append = node->kind == PLAN_APPEND;
    if (!is_append && node->left == NULL) {
        return;
    }
    ky_buffer_append_cstr(out, ",\n\"Plans\": [\n");
    for (uint16_t i = 0; is_append && i < node->append.child_count; i++) {
        ky_buffer_append_cstr(out, i == 0 ? "" : ",\n");
        json_node(explain, node->append.children[i]);
    }
    if (!is_append) {
        json_node(explain, node->left);
    }
    if (node->right != NULL) {
        ky_buffer_append_cstr(out, ",\n");
        json_node(explain, node->right);
    }
    ky_buffer_append_cstr(out, "]");
}

static void
json_node(struct explain *explain, const struct plan *node)
{
    struct ky_buffer *out = explain->out;
    node = shown(node);
    ky_buffer_append_cstr(out, "{\n\"Node Type\": ");
    const char *type =
        node->kind == PLAN_INSERT || node->kind == PLAN_UPDATE || node->kind == PLAN_DELETE
            ? "ModifyTable"
        : node->kind == PLAN_AGGREGATE || (node->kind == PLAN_UNIQUE && node->unique.key_count == 0)
            ? "Aggregate"
            : node_type(node);
    json_write_string(out, ky_slice_cstr(type));
    if (node->kind == PLAN_INSERT || node->kind == PLAN_UPDATE || node->kind == PLAN_DELETE) {
        json_text(out, "Operation", node_type(node));
        json_text(out, "Relation Name", node->modify.table->name);
    }
    ky_buffer_append_cstr(out, ",\n\"Parallel Aware\": false,\n\"Async Capable\": false");
    if (node->kind == PLAN_HASH_JOIN || node->kind == PLAN_NESTED_LOOP) {
        json_text(out, "Join Type",
                  node->join.kind == PLAN_JOIN_INNER  ? "Inner"
                  : node->join.kind == PLAN_JOIN_LEFT ? "Left"
                  : node->join.kind == PLAN_JOIN_FULL ? "Full"
                  : node->join.kind == PLAN_JOIN_SEMI ? "Semi"
                  : node->join.kind == PLAN_JOIN_ANTI ? "Anti"
                                                      : "Right");
    }
    if (node->kind == PLAN_INDEX_SCAN || node->kind == PLAN_VECTOR_SCAN) {
        json_text(out, "Scan Direction", node->scan.is_backward ? "Backward" : "Forward");
        json_text(out, "Index Name", node->scan.index->name);
    }
    if (node->kind == PLAN_SEQ_SCAN || node->kind == PLAN_INDEX_SCAN ||
        node->kind == PLAN_SYSVIEW_SCAN || node->kind == PLAN_VECTOR_SCAN) {
        json_text(out, "Relation Name", node->scan.table->name);
    }
    if (node->alias != NULL) {
        json_text(out, "Alias", node->alias);
    }
    if (explain->options->has_costs) {
        ky_buffer_printf(out,
                         ",\n\"Startup Cost\": %.2f,\n\"Total Cost\": %.2f,\n\"Plan Rows\": %.0f,\n"
                         "\"Plan Width\": %d",
                         node->startup_cost, node->total_cost, node->rows, node->width);
    }
    const struct explain_actual *actual =
        explain->options->is_analyze ? explain->lookup(explain->arg, node) : NULL;
    if (actual != NULL && actual->loops > 0) {
        ky_buffer_printf(
            out,
            ",\n\"Actual Startup Time\": %.3f,\n\"Actual Total Time\": %.3f,\n"
            "\"Actual Rows\": %llu,\n\"Actual Loops\": %llu",
            actual->startup_ms / (double)actual->loops, actual->total_ms / (double)actual->loops,
            (unsigned long long)(actual->rows / actual->loops), (unsigned long long)actual->loops);
    }
    if (node->kind == PLAN_INDEX_SCAN) {
        json_expr(out, "Index Cond", node, node->scan.index_condition);
        if (node->scan.index->method == INDEX_RMI) {
            ky_buffer_append_cstr(out, ",\n\"Index Method\": \"rmi\"");
        }
    }
    json_expr(out, "Filter", node, node->filter);
    json_children(explain, node);
    ky_buffer_append_cstr(out, "\n}");
}

void
plan_explain(const struct statement_plan *plan, const struct explain_options *options,
             explain_lookup lookup, void *arg, struct ky_buffer *out)
{
    struct explain explain = {
        .plan = plan, .options = options, .lookup = lookup, .arg = arg, .out = out};
    if (options->format == 'j') {
        ky_buffer_append_cstr(out, "[\n{\n\"Plan\": ");
        json_node(&explain, plan->root);
        ky_buffer_append_cstr(out, "\n}\n]");
        return;
    }
    write_node(&explain, plan->root, 0, true);
    for (uint16_t i = 0; i < plan->cte_count; i++) {
        if (plan->ctes[i] == NULL) {
            continue;
        }
        ky_buffer_printf(out, "\n  CTE %u", i + 1U);
        write_node(&explain, plan->ctes[i], 4, false);
    }
}
