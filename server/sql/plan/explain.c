/* SPDX-License-Identifier: Apache-2.0 */
#include "server/sql/plan/explain.h"

#include <stdio.h>

#include "parser/parser.h"

/*
 * EXPLAIN: one walk over the plan that tells each node's facts in PostgreSQL's words; how they are
 * laid out is explain_format's.
 */

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
        return node->scan.sample != NULL ? "Sample Scan" : "Seq Scan";
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
    case PLAN_MERGE:
        return "Merge";
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
        ky_buffer_printf(out, "%s on %s", node_type(node), node->scan.table->name);
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
    case PLAN_MERGE:
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
    case PLAN_MERGE:
        for (uint16_t i = 0; i < node->modify.merge_count; i++) {
            const struct merge_plan *merge = &node->modify.merges[i];
            walk_subplans(walk, merge->condition);
            for (uint16_t c = 0; c < node->modify.table->column_count; c++) {
                walk_subplans(walk, merge->values[c]);
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

static const char *
structured_type(const struct plan *node)
{
    const char *type = node_type(node);
    return explain_is_modify(node) ? "ModifyTable"
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
    } else if (explain_is_modify(node)) {
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
    case PLAN_MERGE:
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
    explain_tell_numbers(explain, node);
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
    explain_tell_numbers(explain, child);
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

/* Everything below a node's heading. */
static void
tell_inside(struct explain *explain, const struct plan *node)
{
    struct explain_out *out = &explain->out;
    const bool is_top = node == explain->top;
    struct subplan_walk walk = {.explain = explain, .is_init = true};
    explain_tell_output(explain, node);
    explain_tell_details(explain, node);
    explain_tell_measured(explain, node);
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
        explain_write_numbers(explain, node);
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
        explain_tell_numbers(explain, node);
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
