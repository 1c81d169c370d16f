
/* ---- INSERT, UPDATE, DELETE, MERGE, TRUNCATE, COPY ---- */

%type insert_rest {struct ast_insert *}
%type insert_columns {struct ast_list *}
%type on_conflict {struct ast_on_conflict *}
%type conflict_target {struct ast_on_conflict *}
%type returning {struct ast_list *}
%type set_clauses {struct ast_list *}
%type set_targets {struct ast_list *}
%type set_target {struct ast_target *}
%type overriding {int}
%type insert_target {struct ast_range_var *}
%type aliased_relation {struct ast_range_var *}

insert(A) ::= opt_with_clause(B) INSERT(C) INTO insert_target(D) insert_rest(E) on_conflict(F) returning(G). { A = build_insert(p, E, B, D, F, G, C.location); }
insert_target(A) ::= qualified_name(A).
insert_target(A) ::= qualified_name(A) AS col_id(B). { A->alias = build_alias(p, B, NULL); }
insert_rest(A) ::= select_stmt(B). { A = build_insert_rest(p, NULL, 0, B); }
insert_rest(A) ::= OVERRIDING overriding(C) VALUE select_stmt(B). { A = build_insert_rest(p, NULL, C, B); }
insert_rest(A) ::= LPAREN insert_columns(D) RPAREN select_stmt(B). { A = build_insert_rest(p, D, 0, B); }
insert_rest(A) ::= LPAREN insert_columns(D) RPAREN OVERRIDING overriding(C) VALUE select_stmt(B). { A = build_insert_rest(p, D, C, B); }
insert_rest(A) ::= DEFAULT VALUES. { A = build_insert_rest(p, NULL, 0, NULL); }
overriding(A) ::= USER. { A = AST_OVERRIDING_USER; }
overriding(A) ::= SYSTEM. { A = AST_OVERRIDING_SYSTEM; }
insert_columns(A) ::= set_target(B). { A = list_add(p, NULL, &B->node); }
insert_columns(A) ::= insert_columns(A) COMMA set_target(B). { A = list_add(p, A, &B->node); }
on_conflict(A) ::= . { A = NULL; }
on_conflict(A) ::= ON(D) CONFLICT conflict_target(B) DO NOTHING. { A = B; A->node.location = D.location; }
on_conflict(A) ::= ON(E) CONFLICT conflict_target(B) DO UPDATE SET set_clauses(C) where_clause(D). { A = B; A->node.location = E.location; A->is_update = true; A->sets = C; A->where = D; }
conflict_target(A) ::= . { A = NODE(AST_ON_CONFLICT, ast_on_conflict, -1); }
conflict_target(A) ::= LPAREN index_elements(B) RPAREN where_clause(C). { A = NODE(AST_ON_CONFLICT, ast_on_conflict, -1); A->elements = B; A->predicate = C; }
conflict_target(A) ::= ON CONSTRAINT col_id(B). { A = NODE(AST_ON_CONFLICT, ast_on_conflict, -1); A->constraint = B.text; }
returning(A) ::= . { A = NULL; }
returning(A) ::= RETURNING target_list(B). { A = B; }

%type update_body {struct ast_update *}
update(A) ::= opt_with_clause(B) UPDATE(C) relation_expr(D) SET update_body(E). { A = build_update(p, E, B, D, NULL, C.location); }
update(A) ::= opt_with_clause(B) UPDATE(C) relation_expr(D) col_id(F) SET update_body(E). { A = build_update(p, E, B, D, &F, C.location); }
update(A) ::= opt_with_clause(B) UPDATE(C) relation_expr(D) AS col_id(F) SET update_body(E). { A = build_update(p, E, B, D, &F, C.location); }
update_body(A) ::= set_clauses(E) from_clause(F) where_or_current(G) returning(H). { A = build_update_body(p, E, F, G, H); }
delete(A) ::= opt_with_clause(B) DELETE(C) FROM aliased_relation(D) delete_using(E) where_or_current(F) returning(G). { A = build_delete(p, B, D, E, F, G, C.location); }
%type delete_using {struct ast_list *}
delete_using(A) ::= . { A = NULL; }
delete_using(A) ::= USING from_list(B). { A = B; }
aliased_relation(A) ::= relation_expr(A). [UMINUS]
aliased_relation(A) ::= relation_expr(A) col_id(B). { A->alias = build_alias(p, B, NULL); }
aliased_relation(A) ::= relation_expr(A) AS col_id(B). { A->alias = build_alias(p, B, NULL); }
where_or_current(A) ::= . { A = NULL; }
where_or_current(A) ::= WHERE a_expr(B). { A = B; }
where_or_current(A) ::= WHERE CURRENT(B) OF col_id(C). { A = build_current_of(p, C, B.location); }
set_clauses(A) ::= set_clause(B). { A = list_add(p, NULL, B); }
set_clauses(A) ::= set_clauses(A) COMMA set_clause(B). { A = list_add(p, A, B); }
set_clause(A) ::= set_target(B) EQ a_expr(C). { B->expression = C; adopt(p, &B->node, C); A = &B->node; }
set_clause(A) ::= LPAREN(D) set_targets(B) RPAREN EQ a_expr(C). { A = build_multi_assign(p, B, C, D.location); }
set_targets(A) ::= set_target(B). { A = list_add(p, NULL, &B->node); }
set_targets(A) ::= set_targets(A) COMMA set_target(B). { A = list_add(p, A, &B->node); }
set_target(A) ::= col_id(B) opt_indirection(C). { A = NODE(AST_TARGET, ast_target, B.location); A->name = B.text; A->indirection = C; adopt_list(p, &A->node, C); }

%type merge_whens {struct ast_list *}
%type merge_when {struct ast_merge_when *}
%type merge_condition {struct ast_node *}
%type merge_values {struct ast_merge_when *}
merge(A) ::= opt_with_clause(B) MERGE(C) INTO aliased_relation(D) USING table_ref(E) ON a_expr(F) merge_whens(G). { A = build_merge(p, B, D, E, F, G, C.location); }
merge_whens(A) ::= merge_when(B). { A = list_add(p, NULL, &B->node); }
merge_whens(A) ::= merge_whens(A) merge_when(B). { A = list_add(p, A, &B->node); }
merge_when(A) ::= WHEN(B) MATCHED merge_condition(C) THEN UPDATE SET set_clauses(D). { A = build_merge_when(p, true, AST_MERGE_UPDATE, C, B.location); A->sets = D; adopt_list(p, &A->node, D); }
merge_when(A) ::= WHEN(B) MATCHED merge_condition(C) THEN DELETE. { A = build_merge_when(p, true, AST_MERGE_DELETE, C, B.location); }
merge_when(A) ::= WHEN(B) MATCHED merge_condition(C) THEN DO NOTHING. { A = build_merge_when(p, true, AST_MERGE_NOTHING, C, B.location); }
merge_when(A) ::= WHEN(B) NOT MATCHED merge_condition(C) THEN DO NOTHING. { A = build_merge_when(p, false, AST_MERGE_NOTHING, C, B.location); }
merge_when(A) ::= WHEN(B) NOT MATCHED merge_condition(C) THEN INSERT merge_values(D). { A = build_merge_insert(p, D, NULL, 0, C, B.location); }
merge_when(A) ::= WHEN(B) NOT MATCHED merge_condition(C) THEN INSERT OVERRIDING overriding(E) VALUE merge_values(D). { A = build_merge_insert(p, D, NULL, E, C, B.location); }
merge_when(A) ::= WHEN(B) NOT MATCHED merge_condition(C) THEN INSERT LPAREN insert_columns(F) RPAREN merge_values(D). { A = build_merge_insert(p, D, F, 0, C, B.location); }
merge_when(A) ::= WHEN(B) NOT MATCHED merge_condition(C) THEN INSERT LPAREN insert_columns(F) RPAREN OVERRIDING overriding(E) VALUE merge_values(D). { A = build_merge_insert(p, D, F, E, C, B.location); }
merge_when(A) ::= WHEN(B) NOT MATCHED merge_condition(C) THEN INSERT DEFAULT VALUES. { A = build_merge_when(p, false, AST_MERGE_INSERT, C, B.location); }
merge_condition(A) ::= . { A = NULL; }
merge_condition(A) ::= AND a_expr(B). { A = B; }
merge_values(A) ::= VALUES LPAREN expr_list(B) RPAREN. { A = build_merge_when(p, false, AST_MERGE_INSERT, NULL, -1); A->values = B; adopt_list(p, &A->node, B); }

truncate(A) ::= TRUNCATE(B) opt_table relation_expr_list(C) restart_identity(D) opt_behavior(E). {
    struct ast_truncate *truncate = NODE(AST_TRUNCATE, ast_truncate, B.location);
    truncate->relations = C;
    truncate->is_restart_identity = D;
    truncate->behavior = E;
    A = &truncate->node;
}
%type restart_identity {int}
restart_identity(A) ::= . { A = 0; }
restart_identity(A) ::= CONTINUE IDENTITY. { A = 0; }
restart_identity(A) ::= RESTART IDENTITY. { A = 1; }

%type copy_from {int}
%type copy_program {int}
%type copy_file {struct token}
%type copy_options {struct ast_list *}
%type copy_old_options {struct ast_list *}
%type generic_options {struct ast_list *}
%type generic_args {struct ast_list *}
copy(A) ::= COPY(H) opt_binary(B) qualified_name(C) opt_column_list(D) copy_from(E) copy_program(F) copy_file(G) copy_delimiter(K) opt_with copy_options(I) where_clause(J). {
    struct ast_copy *copy = NODE(AST_COPY, ast_copy, H.location);
    copy->relation = C;
    copy->columns = D;
    copy->is_from = E;
    copy->is_program = F;
    copy->file = G.text;
    copy->options = list_join(p, list_join(p, B, K), I);
    copy->where = J;
    A = &copy->node;
}
copy(A) ::= COPY(H) LPAREN preparable(C) RPAREN TO copy_program(F) copy_file(G) opt_with copy_options(I). {
    struct ast_copy *copy = NODE(AST_COPY, ast_copy, H.location);
    copy->query = C;
    copy->is_program = F;
    copy->file = G.text;
    copy->options = I;
    A = &copy->node;
}
%type opt_binary {struct ast_list *}
opt_binary(A) ::= . { A = NULL; }
opt_binary(A) ::= BINARY(B). { A = list_add(p, NULL, build_word_option(p, "format", "binary", B.location)); }
copy_from(A) ::= FROM. { A = 1; }
copy_from(A) ::= TO. { A = 0; }
copy_program(A) ::= . { A = 0; }
copy_program(A) ::= PROGRAM. { A = 1; }
copy_file(A) ::= SCONST(B). { A = B; }
copy_file(A) ::= STDIN(B). { A = (struct token){NULL, B.location, 0}; }
copy_file(A) ::= STDOUT(B). { A = (struct token){NULL, B.location, 0}; }
opt_with ::= .
opt_with ::= WITH.
opt_with ::= WITH_LA.
%type copy_delimiter {struct ast_list *}
copy_delimiter(A) ::= . { A = NULL; }
copy_delimiter(A) ::= opt_using DELIMITERS(C) SCONST(B). { A = list_add(p, NULL, build_word_option(p, "delimiter", B.text, C.location)); }
opt_using ::= .
opt_using ::= USING.
copy_options(A) ::= copy_old_options(A).
copy_options(A) ::= LPAREN generic_options(B) RPAREN. { A = B; }
copy_old_options(A) ::= . { A = NULL; }
copy_old_options(A) ::= copy_old_options(A) copy_old_option(B). { A = list_add(p, A, B); }
copy_old_option(A) ::= BINARY(B). { A = build_word_option(p, "format", "binary", B.location); }
copy_old_option(A) ::= FREEZE(B). { A = build_option(p, "freeze", NULL, B.location); }
copy_old_option(A) ::= DELIMITER(B) opt_as SCONST(C). { A = build_word_option(p, "delimiter", C.text, B.location); }
copy_old_option(A) ::= NULL(B) opt_as SCONST(C). { A = build_word_option(p, "null", C.text, B.location); }
copy_old_option(A) ::= CSV(B). { A = build_word_option(p, "format", "csv", B.location); }
copy_old_option(A) ::= HEADER(B). { A = build_option(p, "header", NULL, B.location); }
copy_old_option(A) ::= QUOTE(B) opt_as SCONST(C). { A = build_word_option(p, "quote", C.text, B.location); }
copy_old_option(A) ::= ESCAPE(B) opt_as SCONST(C). { A = build_word_option(p, "escape", C.text, B.location); }
copy_old_option(A) ::= FORCE(B) QUOTE name_list(C). { A = build_option(p, "force_quote", build_node_list(p, C), B.location); }
copy_old_option(A) ::= FORCE(B) QUOTE STAR(C). { A = build_option(p, "force_quote", build_bare(p, AST_STAR, C.location), B.location); }
copy_old_option(A) ::= FORCE(B) NOT NULL name_list(C). { A = build_option(p, "force_not_null", build_node_list(p, C), B.location); }
copy_old_option(A) ::= FORCE(B) NULL name_list(C). { A = build_option(p, "force_null", build_node_list(p, C), B.location); }
copy_old_option(A) ::= ENCODING(B) SCONST(C). { A = build_word_option(p, "encoding", C.text, B.location); }
opt_as ::= .
opt_as ::= AS.

/* (name value, ...) of COPY, EXPLAIN, VACUUM and others. */
generic_options(A) ::= generic_option(B). { A = list_add(p, NULL, B); }
generic_options(A) ::= generic_options(A) COMMA generic_option(B). { A = list_add(p, A, B); }
generic_option(A) ::= option_name(B) generic_value(C). { A = build_option(p, B.text, C, B.location); }
%type option_name {struct token}
option_name(A) ::= col_label(A).
generic_value(A) ::= . { A = NULL; }
generic_value(A) ::= opt_boolean_or_string(B). { A = build_string(p, B); }
generic_value(A) ::= signed_number(A).
generic_value(A) ::= STAR(B). { A = build_bare(p, AST_STAR, B.location); }
generic_value(A) ::= LPAREN generic_args(B) RPAREN. { A = build_node_list(p, B); }
generic_args(A) ::= opt_boolean_or_string(B). { A = list_add(p, NULL, build_string(p, B)); }
generic_args(A) ::= generic_args(A) COMMA opt_boolean_or_string(B). { A = list_add(p, A, build_string(p, B)); }
