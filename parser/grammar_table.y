
/* ---- tables, indexes, views, sequences ---- */

%type opt_temp {int}
%type table_elements {struct ast_list *}
%type opt_table_elements {struct ast_list *}
%type column_quals {struct ast_list *}
%type table_tail {struct ast_create_table *}
%type on_commit {int}
%type opt_tablespace {struct token}
%type opt_access_method {struct token}
%type opt_storage {struct ast_list *}
%type storage_params {struct ast_list *}
%type storage_list {struct ast_list *}
%type opt_inherits {struct ast_list *}
%type opt_partition_by {struct ast_partition_by *}
%type constraint_attrs {int}
%type opt_nulls_distinct {int}
%type opt_include {struct ast_list *}
%type fk_match {int}
%type fk_actions {struct ast_constraint *}
%type fk_action {struct ast_constraint *}
%type index_tail {struct ast_constraint *}
%type like_options {int}
%type like_option {int}
%type with_data {int}
%type create_as_target {struct ast_into *}

opt_temp(A) ::= . { A = AST_PERMANENT; }
opt_temp(A) ::= TEMPORARY. { A = AST_TEMPORARY; }
opt_temp(A) ::= TEMP. { A = AST_TEMPORARY; }
opt_temp(A) ::= LOCAL TEMPORARY. { A = AST_TEMPORARY; }
opt_temp(A) ::= LOCAL TEMP. { A = AST_TEMPORARY; }
opt_temp(A) ::= GLOBAL TEMPORARY. { A = AST_TEMPORARY; }
opt_temp(A) ::= GLOBAL TEMP. { A = AST_TEMPORARY; }
opt_temp(A) ::= UNLOGGED. { A = AST_UNLOGGED; }

create(A) ::= CREATE(B) opt_temp(C) TABLE if_not_exists(D) qualified_name(E) LPAREN opt_table_elements(F) RPAREN opt_inherits(G) table_tail(H). { A = build_create_table(p, H, C, D, E, F, G, B.location); }
create(A) ::= CREATE(B) opt_temp(C) TABLE if_not_exists(D) qualified_name(E) PARTITION OF qualified_name(F) rest. { A = build_create_partition(p, C, D, E, F, B.location); }
create_as(A) ::= CREATE(B) opt_temp(C) TABLE if_not_exists(D) create_as_target(E) AS select_stmt(F) with_data(G). { A = build_create_table_as(p, C, D, E, &F->node, G, B.location); }
create_as(A) ::= CREATE(B) opt_temp(C) TABLE if_not_exists(D) create_as_target(E) AS execute(F) with_data(G). { A = build_create_table_as(p, C, D, E, F, G, B.location); }
create_as(A) ::= CREATE(B) MATERIALIZED VIEW if_not_exists(D) create_as_target(E) AS select_stmt(F) with_data(G). { A = build_create_table_as(p, AST_PERMANENT, D, E, &F->node, G, B.location); ((struct ast_create_table_as *)A)->is_materialized_view = true; }
create_as(A) ::= CREATE(B) UNLOGGED MATERIALIZED VIEW if_not_exists(D) create_as_target(E) AS select_stmt(F) with_data(G). { A = build_create_table_as(p, AST_UNLOGGED, D, E, &F->node, G, B.location); ((struct ast_create_table_as *)A)->is_materialized_view = true; }
create(A) ::= create_as(A).
create_as_target(A) ::= qualified_name(B) opt_column_list(C) opt_access_method(D) opt_storage(E) on_commit(F) opt_tablespace(G). {
    A = build_into(p, B, AST_PERMANENT);
    A->columns = C;
    A->access_method = D.text;
    A->options = E;
    A->on_commit = (enum ast_on_commit)F;
    A->tablespace = G.text;
}
with_data(A) ::= . { A = 1; }
with_data(A) ::= WITH DATA. { A = 1; }
with_data(A) ::= WITH NO DATA. { A = 0; }

table_tail(A) ::= opt_partition_by(B) opt_access_method(C) opt_storage(D) on_commit(E) opt_tablespace(F). {
    A = NODE(AST_CREATE_TABLE, ast_create_table, -1);
    A->partition_by = B;
    A->access_method = C.text;
    A->options = D;
    A->on_commit = (enum ast_on_commit)E;
    A->tablespace = F.text;
}
opt_partition_by(A) ::= . { A = NULL; }
opt_partition_by(A) ::= PARTITION(C) BY col_id(B) LPAREN index_elements(D) RPAREN. { A = NODE(AST_PARTITION_BY, ast_partition_by, C.location); A->strategy = B.text; A->elements = D; }
opt_access_method(A) ::= . { A = (struct token){NULL, -1, 0}; }
opt_access_method(A) ::= USING col_id(B). { A = B; }
opt_storage(A) ::= . { A = NULL; }
opt_storage(A) ::= WITH storage_params(B). { A = B; }
opt_storage(A) ::= WITHOUT OIDS. { A = NULL; }
storage_params(A) ::= LPAREN storage_list(B) RPAREN. { A = B; }
storage_list(A) ::= storage_param(B). { A = list_add(p, NULL, B); }
storage_list(A) ::= storage_list(A) COMMA storage_param(B). { A = list_add(p, A, B); }
storage_param(A) ::= col_label(B). { A = build_option(p, B.text, NULL, B.location); }
storage_param(A) ::= col_label(B) EQ def_arg(C). { A = build_option(p, B.text, C, B.location); }
storage_param(A) ::= col_label(B) DOT col_label(C). { A = build_schema_option(p, B, C, NULL); }
storage_param(A) ::= col_label(B) DOT col_label(C) EQ def_arg(D). { A = build_schema_option(p, B, C, D); }
def_arg(A) ::= ident(B). { A = build_string(p, B); }
def_arg(A) ::= SCONST(B). { A = build_string(p, B); }
def_arg(A) ::= signed_number(A).
def_arg(A) ::= reserved_keyword(B). { A = build_string(p, B); }
def_arg(A) ::= type_func_name_keyword(B). { A = build_string(p, B); }
def_arg(A) ::= col_name_keyword(B). { A = build_string(p, B); }
on_commit(A) ::= . { A = AST_ON_COMMIT_NONE; }
on_commit(A) ::= ON COMMIT DROP. { A = AST_ON_COMMIT_DROP; }
on_commit(A) ::= ON COMMIT DELETE ROWS. { A = AST_ON_COMMIT_DELETE; }
on_commit(A) ::= ON COMMIT PRESERVE ROWS. { A = AST_ON_COMMIT_PRESERVE; }
opt_tablespace(A) ::= . { A = (struct token){NULL, -1, 0}; }
opt_tablespace(A) ::= TABLESPACE col_id(B). { A = B; }
opt_inherits(A) ::= . { A = NULL; }
opt_inherits(A) ::= INHERITS LPAREN qualified_name_list(B) RPAREN. { A = B; }

opt_table_elements(A) ::= . { A = NULL; }
opt_table_elements(A) ::= table_elements(A).
table_elements(A) ::= table_element(B). { A = list_add(p, NULL, B); }
table_elements(A) ::= table_elements(A) COMMA table_element(B). { A = list_add(p, A, B); }
table_element(A) ::= column_def(A).
table_element(A) ::= LIKE(B) qualified_name(C) like_options(D). { A = build_table_like(p, C, D, B.location); }
table_element(A) ::= table_constraint(A).
like_options(A) ::= . { A = 0; }
like_options(A) ::= like_options(A) INCLUDING like_option(B). { A = A | B; }
like_options(A) ::= like_options(A) EXCLUDING like_option(B). { A = A & ~B; }
like_option(A) ::= COMMENTS. { A = AST_LIKE_COMMENTS; }
like_option(A) ::= COMPRESSION. { A = AST_LIKE_COMPRESSION; }
like_option(A) ::= CONSTRAINTS. { A = AST_LIKE_CONSTRAINTS; }
like_option(A) ::= DEFAULTS. { A = AST_LIKE_DEFAULTS; }
like_option(A) ::= GENERATED. { A = AST_LIKE_GENERATED; }
like_option(A) ::= IDENTITY. { A = AST_LIKE_IDENTITY; }
like_option(A) ::= INDEXES. { A = AST_LIKE_INDEXES; }
like_option(A) ::= STATISTICS. { A = AST_LIKE_STATISTICS; }
like_option(A) ::= STORAGE. { A = AST_LIKE_STORAGE; }
like_option(A) ::= ALL. { A = AST_LIKE_ALL; }

column_def(A) ::= col_id(B) typename(C) opt_compression(D) column_quals(E). { A = build_column_def(p, B, C, D, E); }
%type opt_compression {struct token}
opt_compression(A) ::= . { A = (struct token){NULL, -1, 0}; }
opt_compression(A) ::= COMPRESSION col_id(B). { A = B; }
opt_compression(A) ::= COMPRESSION DEFAULT(B). { A = B; }
column_quals(A) ::= . { A = NULL; }
column_quals(A) ::= column_quals(A) CONSTRAINT(D) col_id(B) column_constraint(C). { ((struct ast_constraint *)C)->name = B.text; C->location = D.location; A = list_add(p, A, C); }
column_quals(A) ::= column_quals(A) column_constraint(B). { A = list_add(p, A, B); }
column_quals(A) ::= column_quals(A) constraint_attr(B). { build_constraint_attr(p, A, B); }
column_quals(A) ::= column_quals(A) COLLATE(C) any_name(B). { A = list_add(p, A, build_collate(p, NULL, B, C.location)); }
column_constraint(A) ::= NOT(B) NULL. { A = build_constraint(p, AST_CONSTRAINT_NOT_NULL, B.location); }
column_constraint(A) ::= NULL(B). { A = build_constraint(p, AST_CONSTRAINT_NULL, B.location); }
column_constraint(A) ::= UNIQUE(B) opt_nulls_distinct(C) opt_storage(D) constraint_tablespace(E). { A = build_key(p, AST_CONSTRAINT_UNIQUE, NULL, NULL, D, E, B.location); ((struct ast_constraint *)A)->is_nulls_not_distinct = C; }
column_constraint(A) ::= PRIMARY(B) KEY opt_storage(D) constraint_tablespace(E). { A = build_key(p, AST_CONSTRAINT_PRIMARY_KEY, NULL, NULL, D, E, B.location); }
column_constraint(A) ::= CHECK(B) LPAREN a_expr(C) RPAREN opt_no_inherit(D). { A = build_check(p, C, D, B.location); }
column_constraint(A) ::= DEFAULT(B) b_expr(C). { A = build_constraint_expr(p, AST_CONSTRAINT_DEFAULT, C, B.location); }
column_constraint(A) ::= GENERATED(B) generated_when(C) AS IDENTITY opt_paren_sequence(D). { A = build_identity(p, C, D, B.location); }
column_constraint(A) ::= GENERATED(B) generated_when(D) AS LPAREN a_expr(C) RPAREN STORED. { A = build_generated(p, D, C, B.location); }
column_constraint(A) ::= REFERENCES(B) qualified_name(C) opt_column_list(D) fk_match(E) fk_actions(F). { A = build_foreign_key(p, NULL, C, D, E, F, B.location); }
%type generated_when {int}
%type opt_no_inherit {int}
%type opt_paren_sequence {struct ast_list *}
%type constraint_tablespace {struct token}
generated_when(A) ::= ALWAYS. { A = 1; }
generated_when(A) ::= BY DEFAULT. { A = 0; }
opt_no_inherit(A) ::= . { A = 0; }
opt_no_inherit(A) ::= NO INHERIT. { A = 1; }
constraint_tablespace(A) ::= . { A = (struct token){NULL, -1, 0}; }
constraint_tablespace(A) ::= USING INDEX TABLESPACE col_id(B). { A = B; }
opt_nulls_distinct(A) ::= . { A = 0; }
opt_nulls_distinct(A) ::= NULLS NOT DISTINCT. { A = 1; }
opt_nulls_distinct(A) ::= NULLS DISTINCT. { A = 0; }
%type constraint_attr {int}
constraint_attr(A) ::= DEFERRABLE. { A = CONSTRAINT_DEFERRABLE; }
constraint_attr(A) ::= NOT DEFERRABLE. { A = CONSTRAINT_NOT_DEFERRABLE; }
constraint_attr(A) ::= INITIALLY DEFERRED. { A = CONSTRAINT_DEFERRED; }
constraint_attr(A) ::= INITIALLY IMMEDIATE. { A = CONSTRAINT_IMMEDIATE; }

table_constraint(A) ::= CONSTRAINT(D) col_id(B) table_constraint_body(C). { ((struct ast_constraint *)C)->name = B.text; C->location = D.location; A = C; }
table_constraint(A) ::= table_constraint_body(A).
table_constraint_body(A) ::= CHECK(B) LPAREN a_expr(C) RPAREN constraint_attrs(D). { A = build_check(p, C, 0, B.location); build_attrs(p, A, D, B.location); }
table_constraint_body(A) ::= UNIQUE(B) opt_nulls_distinct(C) column_list(D) opt_include(E) opt_storage(F) constraint_tablespace(G) constraint_attrs(H). { A = build_key(p, AST_CONSTRAINT_UNIQUE, D, E, F, G, B.location); ((struct ast_constraint *)A)->is_nulls_not_distinct = C; build_attrs(p, A, H, B.location); }
table_constraint_body(A) ::= UNIQUE(B) USING INDEX col_id(C) constraint_attrs(D). { A = build_key(p, AST_CONSTRAINT_UNIQUE, NULL, NULL, NULL, (struct token){NULL, -1, 0}, B.location); ((struct ast_constraint *)A)->index_name = C.text; build_attrs(p, A, D, B.location); }
table_constraint_body(A) ::= PRIMARY(B) KEY column_list(D) opt_include(E) opt_storage(F) constraint_tablespace(G) constraint_attrs(H). { A = build_key(p, AST_CONSTRAINT_PRIMARY_KEY, D, E, F, G, B.location); build_attrs(p, A, H, B.location); }
table_constraint_body(A) ::= PRIMARY(B) KEY USING INDEX col_id(C) constraint_attrs(D). { A = build_key(p, AST_CONSTRAINT_PRIMARY_KEY, NULL, NULL, NULL, (struct token){NULL, -1, 0}, B.location); ((struct ast_constraint *)A)->index_name = C.text; build_attrs(p, A, D, B.location); }
table_constraint_body(A) ::= FOREIGN(B) KEY column_list(G) REFERENCES qualified_name(C) opt_column_list(D) fk_match(E) fk_actions(F) constraint_attrs(H). { A = build_foreign_key(p, G, C, D, E, F, B.location); build_attrs(p, A, H, B.location); }
table_constraint_body(A) ::= EXCLUDE(B) opt_access_method(C) LPAREN exclude_list(D) RPAREN opt_include(E) opt_storage(F) constraint_tablespace(G) exclude_where(H) constraint_attrs(I). {
    A = build_key(p, AST_CONSTRAINT_EXCLUDE, NULL, E, F, G, B.location);
    struct ast_constraint *exclude = (struct ast_constraint *)A;
    exclude->access_method = C.text;
    exclude->elements = D;
    exclude->where = H;
    build_attrs(p, A, I, B.location);
}
%type exclude_list {struct ast_list *}
exclude_list(A) ::= exclude_element(B). { A = list_add(p, NULL, B); }
exclude_list(A) ::= exclude_list(A) COMMA exclude_element(B). { A = list_add(p, A, B); }
exclude_element(A) ::= index_element(B) WITH any_op(C). { A = build_node_list(p, list_add(p, list_add(p, NULL, B), build_name(p, C))); }
exclude_where(A) ::= . { A = NULL; }
exclude_where(A) ::= WHERE LPAREN a_expr(B) RPAREN. { A = B; }
constraint_attrs(A) ::= . { A = 0; }
constraint_attrs(A) ::= constraint_attrs(A) constraint_attr(B). { A = A | B; }
constraint_attrs(A) ::= constraint_attrs(A) NOT VALID. { A = A | CONSTRAINT_NOT_VALID; }
constraint_attrs(A) ::= constraint_attrs(A) NO INHERIT. { A = A | CONSTRAINT_NO_INHERIT; }
opt_include(A) ::= . { A = NULL; }
opt_include(A) ::= INCLUDE column_list(B). { A = B; }
fk_match(A) ::= . { A = AST_MATCH_SIMPLE; }
fk_match(A) ::= MATCH FULL. { A = AST_MATCH_FULL; }
fk_match(A) ::= MATCH PARTIAL. { A = AST_MATCH_PARTIAL; }
fk_match(A) ::= MATCH SIMPLE. { A = AST_MATCH_SIMPLE; }
fk_actions(A) ::= . { A = NODE(AST_CONSTRAINT, ast_constraint, -1); }
fk_actions(A) ::= fk_actions(A) ON UPDATE fk_action(B). { A->on_update = B->on_update; }
fk_actions(A) ::= fk_actions(A) ON DELETE fk_action(B). { A->on_delete = B->on_update; A->on_delete_columns = B->on_delete_columns; }
fk_action(A) ::= NO ACTION. { A = build_fk_action(p, AST_FK_NO_ACTION, NULL); }
fk_action(A) ::= RESTRICT. { A = build_fk_action(p, AST_FK_RESTRICT, NULL); }
fk_action(A) ::= CASCADE. { A = build_fk_action(p, AST_FK_CASCADE, NULL); }
fk_action(A) ::= SET NULL opt_column_list(B). { A = build_fk_action(p, AST_FK_SET_NULL, B); }
fk_action(A) ::= SET DEFAULT opt_column_list(B). { A = build_fk_action(p, AST_FK_SET_DEFAULT, B); }

/* ---- ALTER TABLE ---- */

%type alter_commands {struct ast_list *}
%type relation_kind {int}
alter(A) ::= ALTER(B) relation_kind(C) if_exists(D) relation_expr(E) alter_commands(F). { A = build_alter_table(p, C, D, E, F, B.location); }
relation_kind(A) ::= TABLE. { A = AST_OBJECT_TABLE; }
relation_kind(A) ::= INDEX. { A = AST_OBJECT_INDEX; }
relation_kind(A) ::= VIEW. { A = AST_OBJECT_VIEW; }
relation_kind(A) ::= MATERIALIZED VIEW. { A = AST_OBJECT_MATERIALIZED_VIEW; }
relation_kind(A) ::= FOREIGN TABLE. { A = AST_OBJECT_FOREIGN_TABLE; }
relation_kind(A) ::= SEQUENCE. { A = AST_OBJECT_SEQUENCE; }
alter_commands(A) ::= alter_command(B). { A = list_add(p, NULL, B); }
alter_commands(A) ::= alter_commands(A) COMMA alter_command(B). { A = list_add(p, A, B); }
alter(A) ::= ALTER(B) relation_kind(C) if_exists(D) relation_expr(E) RENAME TO col_id(F). { A = build_rename(p, C, D, E, NULL, F, B.location); }
alter(A) ::= ALTER(B) relation_kind(C) if_exists(D) relation_expr(E) RENAME opt_column col_id(F) TO col_id(G). { A = build_rename_sub(p, AST_OBJECT_COLUMN, C, D, E, F, G, B.location); }
alter(A) ::= ALTER(B) relation_kind(C) if_exists(D) relation_expr(E) RENAME CONSTRAINT col_id(F) TO col_id(G). { A = build_rename_sub(p, AST_OBJECT_CONSTRAINT, C, D, E, F, G, B.location); }
alter(A) ::= ALTER(B) relation_kind(C) if_exists(D) relation_expr(E) SET SCHEMA col_id(F). { A = build_set_schema(p, C, D, E, NULL, F, B.location); }
alter(A) ::= ALTER(B) relation_kind(C) if_exists(D) relation_expr(E) sequence_options(F). {
    if (C != AST_OBJECT_SEQUENCE) {
        parser_error_near(p, F->items[0]->location);
    }
    A = build_sequence(p, AST_ALTER_SEQUENCE, AST_PERMANENT, D, E, F, B.location);
}
opt_column ::= .
opt_column ::= COLUMN.

%type alter_column {struct ast_alter_command *}
alter_command(A) ::= ADD(B) opt_column column_def(C). { A = build_alter(p, AST_ADD_COLUMN, NULL, C, B.location); }
alter_command(A) ::= ADD(B) opt_column IF NOT EXISTS column_def(C). { A = build_alter(p, AST_ADD_COLUMN, NULL, C, B.location); ((struct ast_alter_command *)A)->is_if_exists = true; }
alter_command(A) ::= DROP(B) opt_column col_id(C) opt_behavior(D). { A = build_alter_drop(p, AST_DROP_COLUMN, 0, C, D, B.location); }
alter_command(A) ::= DROP(B) opt_column IF EXISTS col_id(C) opt_behavior(D). { A = build_alter_drop(p, AST_DROP_COLUMN, 1, C, D, B.location); }
alter_command(A) ::= ALTER opt_column col_id(B) alter_column(C). { C->name = B.text; A = &C->node; }
alter_command(A) ::= ALTER opt_column ICONST(B) SET STATISTICS signed_number(C). { A = build_alter(p, AST_SET_STATISTICS, NULL, C, B.location); ((struct ast_alter_command *)A)->number = token_int(p, B); }
alter_column(A) ::= SET(B) DEFAULT a_expr(C). { A = (struct ast_alter_command *)build_alter(p, AST_COLUMN_DEFAULT, NULL, C, B.location); }
alter_column(A) ::= DROP(B) DEFAULT. { A = (struct ast_alter_command *)build_alter(p, AST_COLUMN_DEFAULT, NULL, NULL, B.location); }
alter_column(A) ::= SET(B) NOT NULL. { A = (struct ast_alter_command *)build_alter(p, AST_SET_NOT_NULL, NULL, NULL, B.location); }
alter_column(A) ::= DROP(B) NOT NULL. { A = (struct ast_alter_command *)build_alter(p, AST_DROP_NOT_NULL, NULL, NULL, B.location); }
alter_column(A) ::= DROP(B) EXPRESSION if_exists(C). { A = (struct ast_alter_command *)build_alter(p, AST_DROP_EXPRESSION, NULL, NULL, B.location); A->is_if_exists = C; }
alter_column(A) ::= SET(B) STATISTICS signed_number(C). { A = (struct ast_alter_command *)build_alter(p, AST_SET_STATISTICS, NULL, C, B.location); }
alter_column(A) ::= SET(B) storage_params(C). { A = (struct ast_alter_command *)build_alter(p, AST_SET_COLUMN_OPTIONS, NULL, NULL, B.location); A->options = C; }
alter_column(A) ::= RESET(B) storage_params(C). { A = (struct ast_alter_command *)build_alter(p, AST_RESET_COLUMN_OPTIONS, NULL, NULL, B.location); A->options = C; }
alter_column(A) ::= SET(B) STORAGE col_id(C). { A = (struct ast_alter_command *)build_alter(p, AST_SET_STORAGE, NULL, NULL, B.location); A->text = C.text; }
alter_column(A) ::= SET(B) COMPRESSION col_id(C). { A = (struct ast_alter_command *)build_alter(p, AST_SET_COMPRESSION, NULL, NULL, B.location); A->text = C.text; }
alter_column(A) ::= SET(B) COMPRESSION DEFAULT(C). { A = (struct ast_alter_command *)build_alter(p, AST_SET_COMPRESSION, NULL, NULL, B.location); A->text = C.text; }
alter_column(A) ::= ADD(B) GENERATED generated_when(C) AS IDENTITY opt_paren_sequence(D). { A = (struct ast_alter_command *)build_alter(p, AST_ADD_IDENTITY, NULL, build_identity(p, C, D, B.location), B.location); }
alter_column(A) ::= identity_changes(B). { A = (struct ast_alter_command *)build_alter(p, AST_SET_IDENTITY, NULL, NULL, B->items[0]->location); A->options = B; }
alter_column(A) ::= DROP(B) IDENTITY if_exists(C). { A = (struct ast_alter_command *)build_alter(p, AST_DROP_IDENTITY, NULL, NULL, B.location); A->is_if_exists = C; }
alter_column(A) ::= TYPE(B) typename(C) opt_collate(D) alter_using(E). { A = build_alter_type(p, C, D, E, B.location); }
alter_column(A) ::= SET(B) DATA TYPE typename(C) opt_collate(D) alter_using(E). { A = build_alter_type(p, C, D, E, B.location); }
alter_using(A) ::= . { A = NULL; }
alter_using(A) ::= USING a_expr(B). { A = B; }
%type identity_changes {struct ast_list *}
identity_changes(A) ::= identity_change(B). { A = list_add(p, NULL, B); }
identity_changes(A) ::= identity_changes(A) identity_change(B). { A = list_add(p, A, B); }
identity_change(A) ::= RESTART(B). { A = build_option(p, "restart", NULL, B.location); }
identity_change(A) ::= RESTART(B) opt_with signed_number(C). { A = build_option(p, "restart", C, B.location); }
identity_change(A) ::= SET sequence_option(B). { A = B; }
identity_change(A) ::= SET GENERATED(B) generated_when(C). { A = build_option(p, "generated", build_bool_const(p, C, -1), B.location); }

alter_command(A) ::= ADD(B) table_constraint(C). { A = build_alter(p, AST_ADD_CONSTRAINT, NULL, C, B.location); }
alter_command(A) ::= DROP(B) CONSTRAINT col_id(C) opt_behavior(D). { A = build_alter_drop(p, AST_DROP_CONSTRAINT, 0, C, D, B.location); }
alter_command(A) ::= DROP(B) CONSTRAINT IF EXISTS col_id(C) opt_behavior(D). { A = build_alter_drop(p, AST_DROP_CONSTRAINT, 1, C, D, B.location); }
alter_command(A) ::= VALIDATE(B) CONSTRAINT col_id(C). { A = build_alter(p, AST_VALIDATE_CONSTRAINT, C.text, NULL, B.location); }
alter_command(A) ::= ALTER(B) CONSTRAINT col_id(C) constraint_attrs(D). { A = build_alter_constraint(p, C, D, B.location); }
alter_command(A) ::= OWNER(B) TO role(C). { A = build_alter(p, AST_CHANGE_OWNER, NULL, &C->node, B.location); }
alter_command(A) ::= SET(B) storage_params(C). { A = build_alter(p, AST_SET_OPTIONS, NULL, NULL, B.location); ((struct ast_alter_command *)A)->options = C; }
alter_command(A) ::= RESET(B) storage_params(C). { A = build_alter(p, AST_RESET_OPTIONS, NULL, NULL, B.location); ((struct ast_alter_command *)A)->options = C; }
alter_command(A) ::= SET(B) TABLESPACE col_id(C). { A = build_alter(p, AST_SET_TABLESPACE, C.text, NULL, B.location); }
alter_command(A) ::= SET(B) ACCESS METHOD col_id(C). { A = build_alter(p, AST_SET_ACCESS_METHOD, C.text, NULL, B.location); }
alter_command(A) ::= SET(B) LOGGED. { A = build_alter(p, AST_SET_LOGGED, NULL, NULL, B.location); }
alter_command(A) ::= SET(B) UNLOGGED. { A = build_alter(p, AST_SET_UNLOGGED, NULL, NULL, B.location); }
alter_command(A) ::= CLUSTER(B) ON col_id(C). { A = build_alter(p, AST_CLUSTER_ON, C.text, NULL, B.location); }
alter_command(A) ::= SET(B) WITHOUT CLUSTER. { A = build_alter(p, AST_SET_WITHOUT_CLUSTER, NULL, NULL, B.location); }
alter_command(A) ::= SET(B) WITHOUT OIDS. { A = build_alter(p, AST_SET_WITHOUT_OIDS, NULL, NULL, B.location); }
alter_command(A) ::= ENABLE(B) TRIGGER trigger_name(C). { A = build_alter_text(p, AST_ENABLE_TRIGGER, C, NULL, B.location); }
alter_command(A) ::= ENABLE(B) ALWAYS TRIGGER col_id(C). { A = build_alter_text(p, AST_ENABLE_TRIGGER, C, "always", B.location); }
alter_command(A) ::= ENABLE(B) REPLICA TRIGGER col_id(C). { A = build_alter_text(p, AST_ENABLE_TRIGGER, C, "replica", B.location); }
alter_command(A) ::= DISABLE(B) TRIGGER trigger_name(C). { A = build_alter_text(p, AST_DISABLE_TRIGGER, C, NULL, B.location); }
%type trigger_name {struct token}
trigger_name(A) ::= col_id(A).
trigger_name(A) ::= ALL(B). { A = B; A.size = -1; }
trigger_name(A) ::= USER(B). { A = B; A.size = -1; }
alter_command(A) ::= ENABLE(B) RULE col_id(C). { A = build_alter_text(p, AST_ENABLE_RULE, C, NULL, B.location); }
alter_command(A) ::= ENABLE(B) ALWAYS RULE col_id(C). { A = build_alter_text(p, AST_ENABLE_RULE, C, "always", B.location); }
alter_command(A) ::= ENABLE(B) REPLICA RULE col_id(C). { A = build_alter_text(p, AST_ENABLE_RULE, C, "replica", B.location); }
alter_command(A) ::= DISABLE(B) RULE col_id(C). { A = build_alter_text(p, AST_DISABLE_RULE, C, NULL, B.location); }
alter_command(A) ::= REPLICA(B) IDENTITY NOTHING(C). { A = build_alter_text(p, AST_REPLICA_IDENTITY, (struct token){NULL, -1, 0}, C.text, B.location); }
alter_command(A) ::= REPLICA(B) IDENTITY FULL(C). { A = build_alter_text(p, AST_REPLICA_IDENTITY, (struct token){NULL, -1, 0}, C.text, B.location); }
alter_command(A) ::= REPLICA(B) IDENTITY DEFAULT(C). { A = build_alter_text(p, AST_REPLICA_IDENTITY, (struct token){NULL, -1, 0}, C.text, B.location); }
alter_command(A) ::= REPLICA(B) IDENTITY USING INDEX col_id(C). { A = build_alter_text(p, AST_REPLICA_IDENTITY, C, "index", B.location); }
alter_command(A) ::= ENABLE(B) ROW LEVEL SECURITY. { A = build_alter_text(p, AST_ROW_SECURITY, (struct token){NULL, -1, 0}, B.text, B.location); }
alter_command(A) ::= DISABLE(B) ROW LEVEL SECURITY. { A = build_alter_text(p, AST_ROW_SECURITY, (struct token){NULL, -1, 0}, B.text, B.location); }
alter_command(A) ::= FORCE(B) ROW LEVEL SECURITY. { A = build_alter_text(p, AST_ROW_SECURITY, (struct token){NULL, -1, 0}, B.text, B.location); }
alter_command(A) ::= NO(B) FORCE ROW LEVEL SECURITY. { A = build_alter_text(p, AST_ROW_SECURITY, (struct token){NULL, -1, 0}, "no force", B.location); }
alter_command(A) ::= INHERIT(B) qualified_name(C). { A = build_alter_relation(p, AST_ADD_INHERIT, C, B.location); }
alter_command(A) ::= NO(B) INHERIT qualified_name(C). { A = build_alter_relation(p, AST_DROP_INHERIT, C, B.location); }
alter_command(A) ::= ATTACH(B) PARTITION qualified_name(C) partition_bound. { A = build_alter_relation(p, AST_ATTACH_PARTITION, C, B.location); }
alter_command(A) ::= DETACH(B) PARTITION qualified_name(C) detach_how. { A = build_alter_relation(p, AST_DETACH_PARTITION, C, B.location); }
partition_bound ::= .
partition_bound ::= DEFAULT.
partition_bound ::= FOR VALUES rest.
detach_how ::= .
detach_how ::= CONCURRENTLY.
detach_how ::= FINALIZE.

/* ---- indexes ---- */

%type index_elements {struct ast_list *}
%type index_options {struct ast_index_element *}
%type opt_index_include {struct ast_list *}
create(A) ::= CREATE(B) opt_unique(C) INDEX opt_concurrently(D) opt_index_name(E) ON relation_expr(F) opt_access_method(G) LPAREN index_elements(H) RPAREN opt_index_include(I) opt_nulls_distinct(J) opt_storage(K) opt_tablespace(L) where_clause(M). {
    struct ast_create_index *index = NODE(AST_CREATE_INDEX, ast_create_index, B.location);
    index->is_unique = C;
    index->is_concurrent = D;
    index->name = E.text;
    index->is_if_not_exists = E.size < 0;
    index->relation = F;
    index->access_method = G.text;
    index->elements = H;
    index->include = I;
    index->is_nulls_not_distinct = J;
    index->options = K;
    index->tablespace = L.text;
    index->where = M;
    A = &index->node;
}
%type opt_unique {int}
%type opt_index_name {struct token}
opt_unique(A) ::= . { A = 0; }
opt_unique(A) ::= UNIQUE. { A = 1; }
opt_index_name(A) ::= . { A = (struct token){NULL, -1, 0}; }
opt_index_name(A) ::= col_id(A).
opt_index_name(A) ::= IF NOT EXISTS col_id(B). { A = B; A.size = -1; }
index_elements(A) ::= index_element(B). { A = list_add(p, NULL, B); }
index_elements(A) ::= index_elements(A) COMMA index_element(B). { A = list_add(p, A, B); }
index_element(A) ::= col_id(B) index_options(C). { C->name = B.text; C->node.location = B.location; A = &C->node; }
index_element(A) ::= func_windowless(B) index_options(C). { A = build_index_expression(p, C, B); }
index_element(A) ::= LPAREN a_expr(B) RPAREN index_options(C). { A = build_index_expression(p, C, B); }
index_options(A) ::= opt_collate(B) direction(D) opt_nulls(E). { A = build_index_options(p, B, NULL, NULL, D, E); }
index_options(A) ::= opt_collate(B) any_name(C) direction(D) opt_nulls(E). { A = build_index_options(p, B, C, NULL, D, E); }
index_options(A) ::= opt_collate(B) any_name(C) storage_params(F) direction(D) opt_nulls(E). { A = build_index_options(p, B, C, F, D, E); }
opt_index_include(A) ::= . { A = NULL; }
opt_index_include(A) ::= INCLUDE LPAREN index_elements(B) RPAREN. { A = B; }

/* ---- views and sequences ---- */

%type check_option {int}
create(A) ::= CREATE(B) opt_temp(C) VIEW qualified_name(D) opt_column_list(E) view_options(F) AS select_stmt(G) check_option(H). { A = build_view(p, C, D, E, F, G, H, 0, B.location); }
create(A) ::= CREATE(B) OR REPLACE opt_temp(C) VIEW qualified_name(D) opt_column_list(E) view_options(F) AS select_stmt(G) check_option(H). { A = build_view(p, C, D, E, F, G, H, VIEW_OR_REPLACE, B.location); }
create(A) ::= CREATE(B) opt_temp(C) RECURSIVE VIEW qualified_name(D) column_list(E) view_options(F) AS select_stmt(G) check_option(H). { A = build_view(p, C, D, E, F, G, H, VIEW_RECURSIVE, B.location); }
create(A) ::= CREATE(B) OR REPLACE opt_temp(C) RECURSIVE VIEW qualified_name(D) column_list(E) view_options(F) AS select_stmt(G) check_option(H). { A = build_view(p, C, D, E, F, G, H, VIEW_OR_REPLACE | VIEW_RECURSIVE, B.location); }
%type view_options {struct ast_list *}
view_options(A) ::= . { A = NULL; }
view_options(A) ::= WITH storage_params(B). { A = B; }
check_option(A) ::= . { A = AST_NO_CHECK_OPTION; }
check_option(A) ::= WITH CHECK OPTION. { A = AST_CASCADED_CHECK_OPTION; }
check_option(A) ::= WITH CASCADED CHECK OPTION. { A = AST_CASCADED_CHECK_OPTION; }
check_option(A) ::= WITH LOCAL CHECK OPTION. { A = AST_LOCAL_CHECK_OPTION; }
utility(A) ::= refresh(A).
refresh(A) ::= REFRESH(B) MATERIALIZED VIEW opt_concurrently(C) qualified_name(D) with_data(E). {
    struct ast_refresh *refresh = NODE(AST_REFRESH, ast_refresh, B.location);
    refresh->relation = D;
    refresh->is_concurrent = C;
    refresh->is_with_no_data = !E;
    A = &refresh->node;
}

%type sequence_options {struct ast_list *}
%type opt_sequence_options {struct ast_list *}
create(A) ::= CREATE(B) opt_temp(C) SEQUENCE if_not_exists(D) qualified_name(E) opt_sequence_options(F). { A = build_sequence(p, AST_CREATE_SEQUENCE, C, D, E, F, B.location); }
opt_paren_sequence(A) ::= . { A = NULL; }
opt_paren_sequence(A) ::= LPAREN sequence_options(B) RPAREN. { A = B; }
opt_sequence_options(A) ::= . { A = NULL; }
opt_sequence_options(A) ::= sequence_options(A).
sequence_options(A) ::= sequence_option(B). { A = list_add(p, NULL, B); }
sequence_options(A) ::= sequence_options(A) sequence_option(B). { A = list_add(p, A, B); }
sequence_option(A) ::= AS(B) simple_typename(C). { A = build_option(p, "as", &C->node, B.location); }
sequence_option(A) ::= CACHE(B) signed_number(C). { A = build_option(p, "cache", C, B.location); }
sequence_option(A) ::= CYCLE(B). { A = build_option(p, "cycle", build_bool_const(p, true, -1), B.location); }
sequence_option(A) ::= NO(B) CYCLE. { A = build_option(p, "cycle", build_bool_const(p, false, -1), B.location); }
sequence_option(A) ::= INCREMENT(B) opt_by signed_number(C). { A = build_option(p, "increment", C, B.location); }
sequence_option(A) ::= MAXVALUE(B) signed_number(C). { A = build_option(p, "maxvalue", C, B.location); }
sequence_option(A) ::= MINVALUE(B) signed_number(C). { A = build_option(p, "minvalue", C, B.location); }
sequence_option(A) ::= NO(B) MAXVALUE. { A = build_option(p, "maxvalue", NULL, B.location); }
sequence_option(A) ::= NO(B) MINVALUE. { A = build_option(p, "minvalue", NULL, B.location); }
sequence_option(A) ::= OWNED(B) BY any_name(C). { A = build_option(p, "owned_by", build_node_list(p, C), B.location); }
sequence_option(A) ::= SEQUENCE(B) NAME any_name(C). { A = build_option(p, "sequence_name", build_node_list(p, C), B.location); }
sequence_option(A) ::= START(B) opt_with signed_number(C). { A = build_option(p, "start", C, B.location); }
sequence_option(A) ::= RESTART(B). { A = build_option(p, "restart", NULL, B.location); }
sequence_option(A) ::= RESTART(B) opt_with signed_number(C). { A = build_option(p, "restart", C, B.location); }
opt_by ::= .
opt_by ::= BY.

/* ---- vector collections ---- */

%type vectors_dimension {struct token}
create(A) ::= CREATE(B) VECTORS if_not_exists(C) qualified_name(D) LPAREN vectors_dimension(E) RPAREN opt_storage(F). { A = build_create_vectors(p, C, D, E, NULL, F, B.location); }
create(A) ::= CREATE(B) VECTORS if_not_exists(C) qualified_name(D) LPAREN vectors_dimension(E) COMMA table_elements(G) RPAREN opt_storage(F). { A = build_create_vectors(p, C, D, E, G, F, B.location); }
vectors_dimension(A) ::= ICONST(B). { A = B; }
vectors_dimension(A) ::= DIM ICONST(B). { A = B; }
vectors_dimension(A) ::= DIM EQ ICONST(B). { A = B; }
vectors_dimension(A) ::= DIM INT(B). { A = B; A.text = NULL; }
vectors_dimension(A) ::= DIM INTEGER(B). { A = B; A.text = NULL; }
