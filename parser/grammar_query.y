
/* ---- queries ---- */

%type select_stmt {struct ast_select *}
%type select_with_parens {struct ast_select *}
%type select_no_parens {struct ast_select *}
%type select_clause {struct ast_select *}
%type simple_select {struct ast_select *}
%type values_clause {struct ast_select *}
%type select_limit {struct ast_select *}
%type opt_select_limit {struct ast_select *}
%type limit_clause {struct ast_select *}
%type with_clause {struct ast_with *}
%type opt_with_clause {struct ast_with *}
%type cte_list {struct ast_list *}
%type target_list {struct ast_list *}
%type opt_target_list {struct ast_list *}
%type from_clause {struct ast_list *}
%type from_list {struct ast_list *}
%type group_clause {struct ast_select *}
%type group_by_list {struct ast_list *}
%type window_clause {struct ast_list *}
%type window_list {struct ast_list *}
%type sort_clause {struct ast_list *}
%type sort_list {struct ast_list *}
%type for_locking {struct ast_list *}
%type opt_for_locking {struct ast_list *}
%type locking_items {struct ast_list *}
%type locked_rels {struct ast_list *}
%type lock_strength {int}
%type lock_wait {int}
%type set_quantifier {int}
%type opt_materialized {int}
%type into_clause {struct ast_into *}
%type into_target {struct ast_into *}
%type direction {struct ast_sort *}
%type opt_nulls {int}

select_stmt(A) ::= select_no_parens(A). [UMINUS]
select_stmt(A) ::= select_with_parens(A). [UMINUS]
select_with_parens(A) ::= LPAREN(L) select_no_parens(B) RPAREN. { A = B; A->parenthesis = L.location; }
select_with_parens(A) ::= LPAREN(L) select_with_parens(B) RPAREN. { A = B; A->parenthesis = L.location; }
select_no_parens(A) ::= simple_select(A).
select_no_parens(A) ::= select_clause(B) sort_clause(C). { A = build_select_tail(p, B, C, NULL, NULL, NULL); }
select_no_parens(A) ::= select_clause(B) opt_sort(C) for_locking(D) opt_select_limit(E). { A = build_select_tail(p, B, C, D, E, NULL); }
select_no_parens(A) ::= select_clause(B) opt_sort(C) select_limit(E) opt_for_locking(D). { A = build_select_tail(p, B, C, D, E, NULL); }
select_no_parens(A) ::= with_clause(F) select_clause(B). { A = build_select_tail(p, B, NULL, NULL, NULL, F); }
select_no_parens(A) ::= with_clause(F) select_clause(B) sort_clause(C). { A = build_select_tail(p, B, C, NULL, NULL, F); }
select_no_parens(A) ::= with_clause(F) select_clause(B) opt_sort(C) for_locking(D) opt_select_limit(E). { A = build_select_tail(p, B, C, D, E, F); }
select_no_parens(A) ::= with_clause(F) select_clause(B) opt_sort(C) select_limit(E) opt_for_locking(D). { A = build_select_tail(p, B, C, D, E, F); }
select_clause(A) ::= simple_select(A).
select_clause(A) ::= select_with_parens(A).

simple_select(A) ::= SELECT(B) opt_all opt_target_list(C) into_clause(D) from_clause(E) where_clause(F) group_clause(G) having_clause(H) window_clause(I). {
    A = build_select(p, C, D, E, F, B.location);
    build_select_grouping(p, A, G, H, I);
}
simple_select(A) ::= SELECT(B) distinct_clause(J) target_list(C) into_clause(D) from_clause(E) where_clause(F) group_clause(G) having_clause(H) window_clause(I). {
    A = build_select(p, C, D, E, F, B.location);
    build_select_grouping(p, A, G, H, I);
    A->is_distinct = true;
    A->distinct_on = J;
    adopt_list(p, &A->node, J);
}
simple_select(A) ::= values_clause(A).
simple_select(A) ::= TABLE(B) relation_expr(C). { A = build_table_select(p, C, B.location); }
simple_select(A) ::= select_clause(B) UNION(D) set_quantifier(E) select_clause(C). [UNION] { A = build_set_operation(p, AST_UNION, E, B, C, D.location); }
simple_select(A) ::= select_clause(B) INTERSECT(D) set_quantifier(E) select_clause(C). [INTERSECT] { A = build_set_operation(p, AST_INTERSECT, E, B, C, D.location); }
simple_select(A) ::= select_clause(B) EXCEPT(D) set_quantifier(E) select_clause(C). [EXCEPT] { A = build_set_operation(p, AST_EXCEPT, E, B, C, D.location); }
values_clause(A) ::= VALUES(C) LPAREN(D) expr_list(B) RPAREN. { A = NODE(AST_SELECT, ast_select, C.location); A->values = build_values(p, NULL, B, D.location); adopt_list(p, &A->node, A->values); }
values_clause(A) ::= values_clause(A) COMMA LPAREN(D) expr_list(B) RPAREN. { A->values = build_values(p, A->values, B, D.location); adopt_list(p, &A->node, A->values); }

opt_all ::= .
opt_all ::= ALL.
set_quantifier(A) ::= . { A = 0; }
set_quantifier(A) ::= ALL. { A = 1; }
set_quantifier(A) ::= DISTINCT. { A = 0; }
%type distinct_clause {struct ast_list *}
distinct_clause(A) ::= DISTINCT. { A = NULL; }
distinct_clause(A) ::= DISTINCT ON LPAREN expr_list(B) RPAREN. { A = B; }

opt_target_list(A) ::= . { A = NULL; }
opt_target_list(A) ::= target_list(A).
target_list(A) ::= target_el(B). { A = list_add(p, NULL, B); }
target_list(A) ::= target_list(A) COMMA target_el(B). { A = list_add(p, A, B); }
target_el(A) ::= a_expr(B) AS col_label(C). { A = build_target(p, C.text, B, B->location); }
target_el(A) ::= a_expr(B) bare_label(C). { A = build_target(p, C.text, B, B->location); }
target_el(A) ::= a_expr(B). { A = build_target(p, NULL, B, B->location); }
target_el(A) ::= STAR(B). { A = build_target(p, NULL, build_star_ref(p, B.location), B.location); }

with_clause(A) ::= WITH(B) cte_list(C). { A = NODE(AST_WITH, ast_with, B.location); A->ctes = C; adopt_list(p, &A->node, C); }
with_clause(A) ::= WITH_LA(B) cte_list(C). { A = NODE(AST_WITH, ast_with, B.location); A->ctes = C; adopt_list(p, &A->node, C); }
with_clause(A) ::= WITH(B) RECURSIVE cte_list(C). { A = NODE(AST_WITH, ast_with, B.location); A->ctes = C; A->is_recursive = true; adopt_list(p, &A->node, C); }
opt_with_clause(A) ::= . { A = NULL; }
opt_with_clause(A) ::= with_clause(A).
cte_list(A) ::= cte(B). { A = list_add(p, NULL, B); }
cte_list(A) ::= cte_list(A) COMMA cte(B). { A = list_add(p, A, B); }
cte(A) ::= col_id(B) opt_column_list(C) AS opt_materialized(D) LPAREN preparable(E) RPAREN. {
    struct ast_cte *cte = NODE(AST_CTE, ast_cte, B.location);
    cte->name = B.text;
    cte->columns = C;
    cte->materialized = (enum ast_materialized)D;
    cte->query = E;
    adopt(p, &cte->node, E);
    A = &cte->node;
}
opt_materialized(A) ::= . { A = AST_MATERIALIZED_DEFAULT; }
opt_materialized(A) ::= MATERIALIZED. { A = AST_MATERIALIZED; }
opt_materialized(A) ::= NOT MATERIALIZED. { A = AST_NOT_MATERIALIZED; }
preparable(A) ::= select_stmt(B). { A = &B->node; }
preparable(A) ::= insert(A).
preparable(A) ::= update(A).
preparable(A) ::= delete(A).
preparable(A) ::= merge(A).

into_clause(A) ::= . { A = NULL; }
into_clause(A) ::= INTO into_target(B). { A = B; }
into_target(A) ::= opt_temp_into(C) qualified_name(B). { A = build_into(p, B, C); }
%type opt_temp_into {int}
opt_temp_into(A) ::= . { A = AST_PERMANENT; }
opt_temp_into(A) ::= TABLE. { A = AST_PERMANENT; }
opt_temp_into(A) ::= TEMPORARY opt_table. { A = AST_TEMPORARY; }
opt_temp_into(A) ::= TEMP opt_table. { A = AST_TEMPORARY; }
opt_temp_into(A) ::= LOCAL TEMPORARY opt_table. { A = AST_TEMPORARY; }
opt_temp_into(A) ::= LOCAL TEMP opt_table. { A = AST_TEMPORARY; }
opt_temp_into(A) ::= GLOBAL TEMPORARY opt_table. { A = AST_TEMPORARY; }
opt_temp_into(A) ::= GLOBAL TEMP opt_table. { A = AST_TEMPORARY; }
opt_temp_into(A) ::= UNLOGGED opt_table. { A = AST_UNLOGGED; }
opt_table ::= .
opt_table ::= TABLE.

where_clause(A) ::= . { A = NULL; }
where_clause(A) ::= WHERE a_expr(B). { A = B; }
having_clause(A) ::= . { A = NULL; }
having_clause(A) ::= HAVING a_expr(B). { A = B; }
group_clause(A) ::= . { A = NULL; }
group_clause(A) ::= GROUP BY set_quantifier_group(B) group_by_list(C). { A = NODE(AST_SELECT, ast_select, -1); A->group_by = C; A->is_group_by_distinct = B; }
%type set_quantifier_group {int}
set_quantifier_group(A) ::= . { A = 0; }
set_quantifier_group(A) ::= ALL. { A = 0; }
set_quantifier_group(A) ::= DISTINCT. { A = 1; }
group_by_list(A) ::= group_by_item(B). { A = list_add(p, NULL, B); }
group_by_list(A) ::= group_by_list(A) COMMA group_by_item(B). { A = list_add(p, A, B); }
group_by_item(A) ::= a_expr(A).
group_by_item(A) ::= LPAREN(B) RPAREN. { A = build_grouping_set(p, AST_GROUPING_EMPTY, NULL, B.location); }
group_by_item(A) ::= CUBE(B) LPAREN expr_list(C) RPAREN. { A = build_grouping_set(p, AST_GROUPING_CUBE, C, B.location); }
group_by_item(A) ::= ROLLUP(B) LPAREN expr_list(C) RPAREN. { A = build_grouping_set(p, AST_GROUPING_ROLLUP, C, B.location); }
group_by_item(A) ::= GROUPING(B) SETS LPAREN group_by_list(C) RPAREN. { A = build_grouping_set(p, AST_GROUPING_SETS, C, B.location); }

opt_sort(A) ::= . { A = NULL; }
opt_sort(A) ::= sort_clause(A).
sort_clause(A) ::= ORDER BY sort_list(B). { A = B; }
sort_list(A) ::= sort_item(B). { A = list_add(p, NULL, B); }
sort_list(A) ::= sort_list(A) COMMA sort_item(B). { A = list_add(p, A, B); }
sort_item(A) ::= a_expr(B) direction(C) opt_nulls(D). { A = build_sort(p, B, C, D); }
direction(A) ::= . { A = NODE(AST_SORT, ast_sort, -1); }
direction(A) ::= ASC. { A = NODE(AST_SORT, ast_sort, -1); A->direction = AST_SORT_ASC; }
direction(A) ::= DESC. { A = NODE(AST_SORT, ast_sort, -1); A->direction = AST_SORT_DESC; }
direction(A) ::= USING qual_all_op(B). { A = NODE(AST_SORT, ast_sort, -1); A->direction = AST_SORT_USING; A->operator_schema = B.schema; A->operator_name = B.name; }
%type qual_all_op {struct op_name}
qual_all_op(A) ::= any_op(B). { A = (struct op_name){NULL, B.text, B.location}; }
qual_all_op(A) ::= OPERATOR LPAREN any_operator(B) RPAREN. { A = B; }
opt_nulls(A) ::= . { A = AST_NULLS_DEFAULT; }
opt_nulls(A) ::= NULLS_LA FIRST. { A = AST_NULLS_FIRST; }
opt_nulls(A) ::= NULLS_LA LAST. { A = AST_NULLS_LAST; }

opt_select_limit(A) ::= . { A = NULL; }
opt_select_limit(A) ::= select_limit(A).
select_limit(A) ::= limit_clause(A) offset_clause(B). { A->offset = B; }
select_limit(A) ::= offset_clause(B) limit_clause(C). { A = C; A->offset = B; }
select_limit(A) ::= limit_clause(A).
select_limit(A) ::= offset_clause(B). { A = NODE(AST_SELECT, ast_select, -1); A->offset = B; }
limit_clause(A) ::= LIMIT a_expr(B). { A = build_limit(p, B, false); }
limit_clause(A) ::= LIMIT ALL(B). { A = build_limit(p, build_null(p, B.location), false); }
limit_clause(A) ::= LIMIT(C) a_expr COMMA a_expr. { A = build_limit(p, NULL, false); parser_error_at(p, C.location, "LIMIT #,# syntax is not supported"); parser_hint(p, "Use separate LIMIT and OFFSET clauses."); }
limit_clause(A) ::= LIMIT(C) ALL COMMA a_expr. { A = build_limit(p, NULL, false); parser_error_at(p, C.location, "LIMIT #,# syntax is not supported"); parser_hint(p, "Use separate LIMIT and OFFSET clauses."); }
limit_clause(A) ::= FETCH FIRST fetch_value(B) ROW ONLY. { A = build_limit(p, B, false); }
limit_clause(A) ::= FETCH FIRST fetch_value(B) ROWS ONLY. { A = build_limit(p, B, false); }
limit_clause(A) ::= FETCH NEXT fetch_value(B) ROW ONLY. { A = build_limit(p, B, false); }
limit_clause(A) ::= FETCH NEXT fetch_value(B) ROWS ONLY. { A = build_limit(p, B, false); }
limit_clause(A) ::= FETCH FIRST fetch_value(B) ROW WITH TIES. { A = build_limit(p, B, true); }
limit_clause(A) ::= FETCH FIRST fetch_value(B) ROWS WITH TIES. { A = build_limit(p, B, true); }
limit_clause(A) ::= FETCH NEXT fetch_value(B) ROW WITH TIES. { A = build_limit(p, B, true); }
limit_clause(A) ::= FETCH NEXT fetch_value(B) ROWS WITH TIES. { A = build_limit(p, B, true); }
limit_clause(A) ::= FETCH FIRST(B) ROW ONLY. { A = build_limit(p, build_int(p, 1, B.location), false); }
limit_clause(A) ::= FETCH FIRST(B) ROWS ONLY. { A = build_limit(p, build_int(p, 1, B.location), false); }
limit_clause(A) ::= FETCH NEXT(B) ROW ONLY. { A = build_limit(p, build_int(p, 1, B.location), false); }
limit_clause(A) ::= FETCH NEXT(B) ROWS ONLY. { A = build_limit(p, build_int(p, 1, B.location), false); }
limit_clause(A) ::= FETCH FIRST(B) ROW WITH TIES. { A = build_limit(p, build_int(p, 1, B.location), true); }
limit_clause(A) ::= FETCH FIRST(B) ROWS WITH TIES. { A = build_limit(p, build_int(p, 1, B.location), true); }
limit_clause(A) ::= FETCH NEXT(B) ROW WITH TIES. { A = build_limit(p, build_int(p, 1, B.location), true); }
limit_clause(A) ::= FETCH NEXT(B) ROWS WITH TIES. { A = build_limit(p, build_int(p, 1, B.location), true); }
offset_clause(A) ::= OFFSET a_expr(B). { A = B; }
offset_clause(A) ::= OFFSET fetch_value(B) ROW. { A = B; }
offset_clause(A) ::= OFFSET fetch_value(B) ROWS. { A = B; }
fetch_value(A) ::= c_expr(A).
fetch_value(A) ::= PLUS number(B). { A = B; }
fetch_value(A) ::= MINUS number(B). { A = build_negated_number(p, B); }

opt_for_locking(A) ::= . { A = NULL; }
opt_for_locking(A) ::= for_locking(A).
for_locking(A) ::= locking_items(A).
for_locking(A) ::= FOR READ ONLY. { A = NULL; }
locking_items(A) ::= locking_item(B). { A = list_add(p, NULL, B); }
locking_items(A) ::= locking_items(A) locking_item(B). { A = list_add(p, A, B); }
locking_item(A) ::= FOR(E) lock_strength(B) locked_rels(C) lock_wait(D). {
    struct ast_locking *locking = NODE(AST_LOCKING, ast_locking, E.location);
    locking->strength = (enum ast_lock_strength)B;
    locking->relations = C;
    locking->wait = (enum ast_lock_wait)D;
    A = &locking->node;
}
lock_strength(A) ::= UPDATE. { A = AST_FOR_UPDATE; }
lock_strength(A) ::= NO KEY UPDATE. { A = AST_FOR_NO_KEY_UPDATE; }
lock_strength(A) ::= SHARE. { A = AST_FOR_SHARE; }
lock_strength(A) ::= KEY SHARE. { A = AST_FOR_KEY_SHARE; }
locked_rels(A) ::= . { A = NULL; }
locked_rels(A) ::= OF qualified_name_list(B). { A = B; }
lock_wait(A) ::= . { A = AST_LOCK_WAIT; }
lock_wait(A) ::= NOWAIT. { A = AST_LOCK_NOWAIT; }
lock_wait(A) ::= SKIP LOCKED. { A = AST_LOCK_SKIP; }

/* ---- FROM ---- */

%type relation_expr {struct ast_range_var *}
%type relation_expr_list {struct ast_list *}
%type alias {struct ast_alias *}
%type opt_alias {struct ast_alias *}
%type func_table {struct ast_range_function *}
%type rows_from_list {struct ast_list *}
%type table_func_columns {struct ast_list *}
%type opt_ordinality {int}
%type join_type {int}
%type join_qual {struct ast_join *}

from_clause(A) ::= . { A = NULL; }
from_clause(A) ::= FROM from_list(B). { A = B; }
from_list(A) ::= table_ref(B). { A = list_add(p, NULL, B); }
from_list(A) ::= from_list(A) COMMA table_ref(B). { A = list_add(p, A, B); }
table_ref(A) ::= relation_expr(B) opt_alias(C). { B->alias = C; A = &B->node; }
table_ref(A) ::= relation_expr(B) opt_alias(C) TABLESAMPLE(D) func_name(E) LPAREN expr_list(F) RPAREN opt_repeatable(G). { B->alias = C; A = build_tablesample(p, B, E, F, G, D.location); }
opt_repeatable(A) ::= . { A = NULL; }
opt_repeatable(A) ::= REPEATABLE LPAREN a_expr(B) RPAREN. { A = B; }
table_ref(A) ::= func_table(B). { A = &B->node; }
table_ref(A) ::= func_table(B) alias(C). { B->alias = C; A = &B->node; }
table_ref(A) ::= func_table(B) func_columns(C). { A = build_func_columns(p, B, C); }
table_ref(A) ::= LATERAL func_table(B). { B->is_lateral = true; A = &B->node; }
table_ref(A) ::= LATERAL func_table(B) alias(C). { B->is_lateral = true; B->alias = C; A = &B->node; }
table_ref(A) ::= LATERAL func_table(B) func_columns(C). { B->is_lateral = true; A = build_func_columns(p, B, C); }
%type func_columns {struct ast_range_function *}
func_columns(A) ::= AS LPAREN table_func_columns(B) RPAREN. { A = build_func_alias(p, NULL, B); }
func_columns(A) ::= AS col_id(C) LPAREN table_func_columns(B) RPAREN. { A = build_func_alias(p, &C, B); }
func_columns(A) ::= col_id(C) LPAREN table_func_columns(B) RPAREN. { A = build_func_alias(p, &C, B); }
table_ref(A) ::= select_with_parens(B) opt_alias(C). { A = build_range_subquery(p, false, B, C); }
table_ref(A) ::= LATERAL select_with_parens(B) opt_alias(C). { A = build_range_subquery(p, true, B, C); }
table_ref(A) ::= joined_table(A).
table_ref(A) ::= LPAREN joined_table(B) RPAREN alias(C). { ((struct ast_join *)B)->alias = C; A = B; }

joined_table(A) ::= LPAREN joined_table(B) RPAREN. { A = B; }
joined_table(A) ::= table_ref(B) CROSS(E) JOIN table_ref(C). { A = build_join(p, AST_JOIN_CROSS, false, B, C, NULL, E.location); }
joined_table(A) ::= table_ref(B) join_type(D) JOIN(E) table_ref(C) join_qual(F). { A = build_join(p, D, false, B, C, F, E.location); }
joined_table(A) ::= table_ref(B) JOIN(E) table_ref(C) join_qual(F). { A = build_join(p, AST_JOIN_INNER, false, B, C, F, E.location); }
joined_table(A) ::= table_ref(B) NATURAL(E) join_type(D) JOIN table_ref(C). { A = build_join(p, D, true, B, C, NULL, E.location); }
joined_table(A) ::= table_ref(B) NATURAL(E) JOIN table_ref(C). { A = build_join(p, AST_JOIN_INNER, true, B, C, NULL, E.location); }
join_type(A) ::= FULL opt_outer. { A = AST_JOIN_FULL; }
join_type(A) ::= LEFT opt_outer. { A = AST_JOIN_LEFT; }
join_type(A) ::= RIGHT opt_outer. { A = AST_JOIN_RIGHT; }
join_type(A) ::= INNER. { A = AST_JOIN_INNER; }
opt_outer ::= .
opt_outer ::= OUTER.
join_qual(A) ::= USING LPAREN name_list(B) RPAREN. { A = NODE(AST_JOIN, ast_join, -1); A->using_columns = B; }
join_qual(A) ::= USING LPAREN name_list(B) RPAREN AS col_id(C). { A = NODE(AST_JOIN, ast_join, -1); A->using_columns = B; A->using_alias = build_alias(p, C, NULL); }
join_qual(A) ::= ON a_expr(B). { A = NODE(AST_JOIN, ast_join, -1); A->condition = B; }

alias(A) ::= AS col_id(B) LPAREN name_list(C) RPAREN. { A = build_alias(p, B, C); }
alias(A) ::= AS col_id(B). { A = build_alias(p, B, NULL); }
alias(A) ::= col_id(B) LPAREN name_list(C) RPAREN. { A = build_alias(p, B, C); }
alias(A) ::= col_id(B). { A = build_alias(p, B, NULL); }
opt_alias(A) ::= . { A = NULL; }
opt_alias(A) ::= alias(A).

relation_expr(A) ::= qualified_name(A).
relation_expr(A) ::= qualified_name(A) STAR.
relation_expr(A) ::= ONLY qualified_name(B). { A = B; A->is_only = true; }
relation_expr(A) ::= ONLY LPAREN qualified_name(B) RPAREN. { A = B; A->is_only = true; }
relation_expr_list(A) ::= relation_expr(B). { A = list_add(p, NULL, &B->node); }
relation_expr_list(A) ::= relation_expr_list(A) COMMA relation_expr(B). { A = list_add(p, A, &B->node); }

func_table(A) ::= func_windowless(B) opt_ordinality(C). { A = build_range_function(p, list_add(p, NULL, build_function_item(p, B, NULL)), C, B->location); }
func_table(A) ::= ROWS(D) FROM LPAREN rows_from_list(B) RPAREN opt_ordinality(C). { A = build_range_function(p, B, C, D.location); A->is_rows_from = true; }
rows_from_list(A) ::= rows_from_item(B). { A = list_add(p, NULL, B); }
rows_from_list(A) ::= rows_from_list(A) COMMA rows_from_item(B). { A = list_add(p, A, B); }
rows_from_item(A) ::= func_windowless(B). { A = build_function_item(p, B, NULL); }
rows_from_item(A) ::= func_windowless(B) AS LPAREN table_func_columns(C) RPAREN. { A = build_function_item(p, B, C); }
opt_ordinality(A) ::= . { A = 0; }
opt_ordinality(A) ::= WITH_LA ORDINALITY. { A = 1; }
table_func_columns(A) ::= table_func_column(B). { A = list_add(p, NULL, B); }
table_func_columns(A) ::= table_func_columns(A) COMMA table_func_column(B). { A = list_add(p, A, B); }
table_func_column(A) ::= col_id(B) typename(C) opt_collate(D). { A = build_plain_column(p, B, C, D); }
%type opt_collate {struct ast_list *}
opt_collate(A) ::= . { A = NULL; }
opt_collate(A) ::= COLLATE any_name(B). { A = B; }

/* ---- windows ---- */

%type window_specification {struct ast_window *}
%type frame_clause {struct ast_window *}
%type frame_extent {struct ast_window *}
%type frame_bound {struct ast_window *}
%type frame_exclusion {int}

window_clause(A) ::= . { A = NULL; }
window_clause(A) ::= WINDOW window_list(B). { A = B; }
window_list(A) ::= window_definition(B). { A = list_add(p, NULL, B); }
window_list(A) ::= window_list(A) COMMA window_definition(B). { A = list_add(p, A, B); }
window_definition(A) ::= col_id(B) AS window_specification(C). { C->name = B.text; A = &C->node; }
window_specification(A) ::= LPAREN(B) window_body(C) RPAREN. { A = C; A->node.location = B.location; }
window_specification(A) ::= LPAREN(B) col_id(D) window_body(C) RPAREN. { A = C; A->node.location = B.location; A->reference = D.text; }
%type window_body {struct ast_window *}
%type frame {struct ast_window *}
window_body(A) ::= . { A = build_window(p, NULL, NULL, NULL); }
window_body(A) ::= frame(A).
window_body(A) ::= sort_clause(C) frame_clause(D). { A = build_window(p, NULL, C, D); }
window_body(A) ::= PARTITION BY expr_list(B) opt_sort(C) frame_clause(D). { A = build_window(p, B, C, D); }
frame_clause(A) ::= . { A = NULL; }
frame_clause(A) ::= frame(A).
frame(A) ::= RANGE frame_extent(B) frame_exclusion(C). { A = B; A->frame_mode = AST_FRAME_RANGE; A->exclusion = (enum ast_frame_exclusion)C; }
frame(A) ::= ROWS frame_extent(B) frame_exclusion(C). { A = B; A->frame_mode = AST_FRAME_ROWS; A->exclusion = (enum ast_frame_exclusion)C; }
frame(A) ::= GROUPS frame_extent(B) frame_exclusion(C). { A = B; A->frame_mode = AST_FRAME_GROUPS; A->exclusion = (enum ast_frame_exclusion)C; }
frame_extent(A) ::= frame_bound(B). { A = build_frame(p, B, NULL); }
frame_extent(A) ::= BETWEEN frame_bound(B) AND frame_bound(C). { A = build_frame(p, B, C); }
frame_bound(A) ::= UNBOUNDED(B) PRECEDING. { A = NODE(AST_WINDOW, ast_window, B.location); A->start = AST_UNBOUNDED_PRECEDING; }
frame_bound(A) ::= UNBOUNDED(B) FOLLOWING. { A = NODE(AST_WINDOW, ast_window, B.location); A->start = AST_UNBOUNDED_FOLLOWING; }
frame_bound(A) ::= CURRENT(B) ROW. { A = NODE(AST_WINDOW, ast_window, B.location); A->start = AST_CURRENT_ROW; }
frame_bound(A) ::= a_expr(B) PRECEDING. { A = NODE(AST_WINDOW, ast_window, B->location); A->start = AST_PRECEDING; A->start_offset = B; }
frame_bound(A) ::= a_expr(B) FOLLOWING. { A = NODE(AST_WINDOW, ast_window, B->location); A->start = AST_FOLLOWING; A->start_offset = B; }
frame_exclusion(A) ::= . { A = AST_EXCLUDE_NONE; }
frame_exclusion(A) ::= EXCLUDE CURRENT ROW. { A = AST_EXCLUDE_CURRENT_ROW; }
frame_exclusion(A) ::= EXCLUDE GROUP. { A = AST_EXCLUDE_GROUP; }
frame_exclusion(A) ::= EXCLUDE TIES. { A = AST_EXCLUDE_TIES; }
frame_exclusion(A) ::= EXCLUDE NO OTHERS. { A = AST_EXCLUDE_NONE; }
