
/* ---- statements of every kind ---- */

statement(A) ::= select_stmt(B). { A = &B->node; }
statement(A) ::= insert(A).
statement(A) ::= update(A).
statement(A) ::= delete(A).
statement(A) ::= merge(A).
statement(A) ::= truncate(A).
statement(A) ::= copy(A).
statement(A) ::= create(A).
statement(A) ::= create_schema(A).
statement(A) ::= refused(A).
statement(A) ::= alter(A).
statement(A) ::= drop(A).
statement(A) ::= utility(A).
statement(A) ::= execute(A).
statement(A) ::= transaction(B). { A = &B->node; }

/* ---- transactions ---- */

%type transaction {struct ast_transaction *}
%type transaction_modes {struct ast_list *}
%type opt_transaction_modes {struct ast_list *}
%type opt_chain {int}
%type isolation_level {struct token}
transaction(A) ::= ABORT(B) opt_transaction opt_chain(C). { A = build_transaction(p, AST_ROLLBACK, NULL, NULL, C, B.location); }
transaction(A) ::= BEGIN(B) opt_transaction opt_transaction_modes(C). { A = build_transaction(p, AST_BEGIN, NULL, C, 0, B.location); }
transaction(A) ::= START(B) TRANSACTION opt_transaction_modes(C). { A = build_transaction(p, AST_START_TRANSACTION, NULL, C, 0, B.location); }
transaction(A) ::= COMMIT(B) opt_transaction opt_chain(C). { A = build_transaction(p, AST_COMMIT, NULL, NULL, C, B.location); }
transaction(A) ::= END(B) opt_transaction opt_chain(C). { A = build_transaction(p, AST_COMMIT, NULL, NULL, C, B.location); }
transaction(A) ::= ROLLBACK(B) opt_transaction opt_chain(C). { A = build_transaction(p, AST_ROLLBACK, NULL, NULL, C, B.location); }
transaction(A) ::= SAVEPOINT(B) col_id(C). { A = build_transaction(p, AST_SAVEPOINT, C.text, NULL, 0, B.location); }
transaction(A) ::= RELEASE(B) SAVEPOINT col_id(C). { A = build_transaction(p, AST_RELEASE, C.text, NULL, 0, B.location); }
transaction(A) ::= RELEASE(B) col_id(C). { A = build_transaction(p, AST_RELEASE, C.text, NULL, 0, B.location); }
transaction(A) ::= ROLLBACK(B) opt_transaction TO SAVEPOINT col_id(C). { A = build_transaction(p, AST_ROLLBACK_TO, C.text, NULL, 0, B.location); }
transaction(A) ::= ROLLBACK(B) opt_transaction TO col_id(C). { A = build_transaction(p, AST_ROLLBACK_TO, C.text, NULL, 0, B.location); }
transaction(A) ::= PREPARE(B) TRANSACTION SCONST(C). { A = build_transaction(p, AST_PREPARE_TRANSACTION, C.text, NULL, 0, B.location); }
transaction(A) ::= COMMIT(B) PREPARED SCONST(C). { A = build_transaction(p, AST_COMMIT_PREPARED, C.text, NULL, 0, B.location); }
transaction(A) ::= ROLLBACK(B) PREPARED SCONST(C). { A = build_transaction(p, AST_ROLLBACK_PREPARED, C.text, NULL, 0, B.location); }
opt_transaction ::= .
opt_transaction ::= WORK.
opt_transaction ::= TRANSACTION.
opt_chain(A) ::= . { A = 0; }
opt_chain(A) ::= AND CHAIN. { A = 1; }
opt_chain(A) ::= AND NO CHAIN. { A = 0; }
opt_transaction_modes(A) ::= . { A = NULL; }
opt_transaction_modes(A) ::= transaction_modes(A).
transaction_modes(A) ::= transaction_mode(B). { A = list_add(p, NULL, B); }
transaction_modes(A) ::= transaction_modes(A) transaction_mode(B). { A = list_add(p, A, B); }
transaction_modes(A) ::= transaction_modes(A) COMMA transaction_mode(B). { A = list_add(p, A, B); }
transaction_mode(A) ::= ISOLATION(B) LEVEL isolation_level(C). { A = build_word_option(p, "transaction_isolation", C.text, B.location); }
transaction_mode(A) ::= READ(B) ONLY. { A = build_option(p, "transaction_read_only", build_bool_const(p, true, -1), B.location); }
transaction_mode(A) ::= READ(B) WRITE. { A = build_option(p, "transaction_read_only", build_bool_const(p, false, -1), B.location); }
transaction_mode(A) ::= DEFERRABLE(B). { A = build_option(p, "transaction_deferrable", build_bool_const(p, true, -1), B.location); }
transaction_mode(A) ::= NOT(B) DEFERRABLE. { A = build_option(p, "transaction_deferrable", build_bool_const(p, false, -1), B.location); }
isolation_level(A) ::= READ(B) UNCOMMITTED. { A = B; A.text = "read uncommitted"; }
isolation_level(A) ::= READ(B) COMMITTED. { A = B; A.text = "read committed"; }
isolation_level(A) ::= REPEATABLE(B) READ. { A = B; A.text = "repeatable read"; }
isolation_level(A) ::= SERIALIZABLE(B). { A = B; A.text = "serializable"; }

/* ---- SET, RESET, SHOW, DISCARD ---- */

%type set_rest {struct ast_set *}
%type set_value {struct ast_set *}
%type set_reset {struct ast_set *}
%type reset_rest {struct ast_set *}
%type var_name {struct token}
%type var_list {struct ast_list *}
utility(A) ::= SET(B) set_rest(C). { C->node.location = B.location; A = &C->node; }
utility(A) ::= SET(B) LOCAL set_rest(C). { C->node.location = B.location; C->is_local = true; A = &C->node; }
%type session_rest {struct ast_set *}
utility(A) ::= SET(B) SESSION session_rest(C). { C->node.location = B.location; A = &C->node; }
utility(A) ::= SET(B) LOCAL SESSION session_rest(C). { C->node.location = B.location; C->is_local = true; A = &C->node; }
utility(A) ::= SET(B) SESSION set_rest(C). { C->node.location = B.location; A = &C->node; }
set_rest(A) ::= TRANSACTION transaction_modes(B). { A = build_set(p, AST_SET_TRANSACTION, NULL, B); }
set_rest(A) ::= TRANSACTION SNAPSHOT(C) SCONST(B). { A = build_set(p, AST_SET_TRANSACTION, NULL, list_add(p, NULL, build_word_option(p, "snapshot", B.text, C.location))); }
session_rest(A) ::= CHARACTERISTICS AS TRANSACTION transaction_modes(B). { A = build_set(p, AST_SET_SESSION_CHARACTERISTICS, NULL, B); }
session_rest(A) ::= AUTHORIZATION sconst_or_word(B). { A = build_set(p, AST_SET_VALUE, "session_authorization", list_add(p, NULL, build_string(p, B))); }
session_rest(A) ::= AUTHORIZATION DEFAULT. { A = build_set(p, AST_SET_DEFAULT, "session_authorization", NULL); }
set_rest(A) ::= set_value(A).
set_value(A) ::= var_name(B) TO var_list(C). { A = build_set(p, AST_SET_VALUE, B.text, C); }
set_value(A) ::= var_name(B) EQ var_list(C). { A = build_set(p, AST_SET_VALUE, B.text, C); }
set_value(A) ::= var_name(B) TO DEFAULT. { A = build_set(p, AST_SET_DEFAULT, B.text, NULL); }
set_value(A) ::= var_name(B) EQ DEFAULT. { A = build_set(p, AST_SET_DEFAULT, B.text, NULL); }
set_value(A) ::= var_name(B) FROM CURRENT. { A = build_set(p, AST_SET_FROM_CURRENT, B.text, NULL); }
set_value(A) ::= TIME ZONE zone_value(B). { A = build_set(p, B == NULL ? AST_SET_DEFAULT : AST_SET_VALUE, "timezone", B == NULL ? NULL : list_add(p, NULL, B)); }
set_value(A) ::= CATALOG SCONST(B). { A = build_set(p, AST_SET_VALUE, "catalog", list_add(p, NULL, build_string(p, B))); }
set_value(A) ::= SCHEMA SCONST(B). { A = build_set(p, AST_SET_VALUE, "search_path", list_add(p, NULL, build_string(p, B))); }
set_value(A) ::= NAMES. { A = build_set(p, AST_SET_DEFAULT, "client_encoding", NULL); }
set_value(A) ::= NAMES DEFAULT. { A = build_set(p, AST_SET_DEFAULT, "client_encoding", NULL); }
set_value(A) ::= NAMES SCONST(B). { A = build_set(p, AST_SET_VALUE, "client_encoding", list_add(p, NULL, build_string(p, B))); }
set_value(A) ::= ROLE sconst_or_word(B). { A = build_set(p, AST_SET_VALUE, "role", list_add(p, NULL, build_string(p, B))); }
var_name(A) ::= col_id(A).
var_name(A) ::= ROLE(B). { A = B; }
var_name(A) ::= var_name(B) DOT col_id(C). { A = token_join(p, B, C); }
var_list(A) ::= var_value(B). { A = list_add(p, NULL, B); }
var_list(A) ::= var_list(A) COMMA var_value(B). { A = list_add(p, A, B); }
var_value(A) ::= opt_boolean_or_string(B). { A = build_string(p, B); }
var_value(A) ::= signed_number(A).
zone_value(A) ::= SCONST(B). { A = build_string(p, B); }
zone_value(A) ::= ident(B). { A = build_string(p, B); }
zone_value(A) ::= signed_number(A).
zone_value(A) ::= INTERVAL(B) SCONST(C) opt_interval(D). { A = build_typed_literal(p, build_system_type(p, "interval", D, B.location), C); }
zone_value(A) ::= INTERVAL(B) LPAREN ICONST(D) RPAREN SCONST(C). { A = build_typed_literal(p, build_interval(p, D, B.location), C); }
zone_value(A) ::= LOCAL. { A = NULL; }
zone_value(A) ::= DEFAULT. { A = NULL; }
utility(A) ::= RESET(B) reset_rest(C). { C->node.location = B.location; A = &C->node; }
reset_rest(A) ::= var_name(B). { A = build_set(p, AST_RESET, B.text, NULL); }
reset_rest(A) ::= TIME ZONE. { A = build_set(p, AST_RESET, "timezone", NULL); }
reset_rest(A) ::= TRANSACTION ISOLATION LEVEL. { A = build_set(p, AST_RESET, "transaction_isolation", NULL); }
reset_rest(A) ::= SESSION AUTHORIZATION. { A = build_set(p, AST_RESET, "session_authorization", NULL); }
reset_rest(A) ::= ALL. { A = build_set(p, AST_RESET_ALL, NULL, NULL); }
set_reset(A) ::= SET set_value(B). { A = B; }
set_reset(A) ::= RESET reset_rest(B). { A = B; }
utility(A) ::= SHOW(B) var_name(C). { A = build_show(p, C.text, B.location); }
utility(A) ::= SHOW(B) TIME ZONE. { A = build_show(p, "timezone", B.location); }
utility(A) ::= SHOW(B) TRANSACTION ISOLATION LEVEL. { A = build_show(p, "transaction_isolation", B.location); }
utility(A) ::= SHOW(B) SESSION AUTHORIZATION. { A = build_show(p, "session_authorization", B.location); }
utility(A) ::= SHOW(B) ALL. { A = build_show(p, "all", B.location); }
utility(A) ::= SET(B) CONSTRAINTS ALL constraint_time(C). { A = build_set_constraints(p, NULL, C, B.location); }
utility(A) ::= SET(B) CONSTRAINTS qualified_name_list(D) constraint_time(C). { A = build_set_constraints(p, D, C, B.location); }
%type constraint_time {int}
constraint_time(A) ::= DEFERRED. { A = 1; }
constraint_time(A) ::= IMMEDIATE. { A = 0; }
utility(A) ::= DISCARD(B) discard_target(C). {
    struct ast_discard *discard = NODE(AST_DISCARD, ast_discard, B.location);
    discard->type = (enum ast_discard_type)C;
    A = &discard->node;
}
%type discard_target {int}
discard_target(A) ::= ALL. { A = AST_DISCARD_ALL; }
discard_target(A) ::= TEMP. { A = AST_DISCARD_TEMP; }
discard_target(A) ::= TEMPORARY. { A = AST_DISCARD_TEMP; }
discard_target(A) ::= PLANS. { A = AST_DISCARD_PLANS; }
discard_target(A) ::= SEQUENCES. { A = AST_DISCARD_SEQUENCES; }

/* ---- EXPLAIN, PREPARE, cursors, notifications ---- */

%type opt_types {struct ast_list *}
%type opt_analyze {int}
%type opt_verbose {int}
utility(A) ::= EXPLAIN(B) explainable(C). { A = build_explain(p, NULL, C, B.location); }
utility(A) ::= EXPLAIN(B) analyze_keyword(D) opt_verbose(E) explainable(C). { A = build_explain(p, list_flag(p, list_flag(p, NULL, "analyze", 1, D.location), "verbose", E, D.location), C, B.location); }
utility(A) ::= EXPLAIN(B) VERBOSE(D) explainable(C). { A = build_explain(p, list_flag(p, NULL, "verbose", 1, D.location), C, B.location); }
utility(A) ::= EXPLAIN(B) LPAREN explain_options(D) RPAREN explainable(C). { A = build_explain(p, D, C, B.location); }
%type analyze_keyword {struct token}
%type explain_options {struct ast_list *}
analyze_keyword(A) ::= ANALYZE(B). { A = B; A.text = "analyze"; }
analyze_keyword(A) ::= ANALYSE(B). { A = B; A.text = "analyze"; }
opt_verbose(A) ::= . { A = 0; }
opt_verbose(A) ::= VERBOSE. { A = 1; }
explain_options(A) ::= explain_option(B). { A = list_add(p, NULL, B); }
explain_options(A) ::= explain_options(A) COMMA explain_option(B). { A = list_add(p, A, B); }
explain_option(A) ::= explain_name(B) explain_value(C). { A = build_option(p, B.text, C, B.location); }
%type explain_name {struct token}
explain_name(A) ::= non_reserved_word(A).
explain_name(A) ::= analyze_keyword(A).
explain_value(A) ::= . { A = NULL; }
explain_value(A) ::= opt_boolean_or_string(B). { A = build_string(p, B); }
explain_value(A) ::= signed_number(A).
explainable(A) ::= preparable(A).
explainable(A) ::= create_as(A).
explainable(A) ::= refresh(A).
explainable(A) ::= execute(A).
explainable(A) ::= declare(A).
utility(A) ::= PREPARE(B) col_id(C) opt_types(D) AS preparable(E). {
    struct ast_prepare *prepare = NODE(AST_PREPARE, ast_prepare, B.location);
    prepare->name = C.text;
    prepare->types = D;
    prepare->statement = E;
    A = &prepare->node;
}
opt_types(A) ::= . { A = NULL; }
opt_types(A) ::= LPAREN type_list(B) RPAREN. { A = B; }
execute(A) ::= EXECUTE(B) col_id(C). { A = build_execute(p, C, NULL, B.location); }
execute(A) ::= EXECUTE(B) col_id(C) LPAREN expr_list(D) RPAREN. { A = build_execute(p, C, D, B.location); }
utility(A) ::= DEALLOCATE(B) opt_prepare col_id(C). { A = build_deallocate(p, C.text, B.location); }
utility(A) ::= DEALLOCATE(B) opt_prepare ALL. { A = build_deallocate(p, NULL, B.location); }
opt_prepare ::= .
opt_prepare ::= PREPARE.

%type cursor_options {int}
%type opt_hold {int}
utility(A) ::= declare(A).
declare(A) ::= DECLARE(B) col_id(C) cursor_options(D) CURSOR opt_hold(E) FOR select_stmt(F). { A = build_declare(p, C, D | E, F, B.location); }
cursor_options(A) ::= . { A = 0; }
cursor_options(A) ::= cursor_options(A) NO SCROLL. { A = A | CURSOR_NO_SCROLL; }
cursor_options(A) ::= cursor_options(A) SCROLL. { A = A | CURSOR_SCROLL; }
cursor_options(A) ::= cursor_options(A) BINARY. { A = A | CURSOR_BINARY; }
cursor_options(A) ::= cursor_options(A) ASENSITIVE. { A = A | CURSOR_ASENSITIVE; }
cursor_options(A) ::= cursor_options(A) INSENSITIVE. { A = A | CURSOR_INSENSITIVE; }
opt_hold(A) ::= . { A = 0; }
opt_hold(A) ::= WITH HOLD. { A = CURSOR_HOLD; }
opt_hold(A) ::= WITHOUT HOLD. { A = 0; }
%type fetch_args {struct ast_fetch *}
%type fetch_count {int64_t}
utility(A) ::= FETCH(B) fetch_args(C). { C->node.location = B.location; A = &C->node; }
utility(A) ::= MOVE(B) fetch_args(C). { C->node.location = B.location; C->is_move = true; A = &C->node; }
fetch_args(A) ::= col_id(B). { A = build_fetch(p, AST_FETCH_FORWARD, 1, B); }
fetch_args(A) ::= from_in col_id(B). { A = build_fetch(p, AST_FETCH_FORWARD, 1, B); }
fetch_args(A) ::= NEXT opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_FORWARD, 1, B); }
fetch_args(A) ::= PRIOR opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_BACKWARD, 1, B); }
fetch_args(A) ::= FIRST opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_ABSOLUTE, 1, B); }
fetch_args(A) ::= LAST opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_ABSOLUTE, -1, B); }
fetch_args(A) ::= ABSOLUTE fetch_count(C) opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_ABSOLUTE, C, B); }
fetch_args(A) ::= RELATIVE fetch_count(C) opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_RELATIVE, C, B); }
fetch_args(A) ::= fetch_count(C) opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_FORWARD, C, B); }
fetch_args(A) ::= ALL opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_FORWARD, AST_FETCH_ALL, B); }
fetch_args(A) ::= FORWARD opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_FORWARD, 1, B); }
fetch_args(A) ::= FORWARD fetch_count(C) opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_FORWARD, C, B); }
fetch_args(A) ::= FORWARD ALL opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_FORWARD, AST_FETCH_ALL, B); }
fetch_args(A) ::= BACKWARD opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_BACKWARD, 1, B); }
fetch_args(A) ::= BACKWARD fetch_count(C) opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_BACKWARD, C, B); }
fetch_args(A) ::= BACKWARD ALL opt_from_in col_id(B). { A = build_fetch(p, AST_FETCH_BACKWARD, AST_FETCH_ALL, B); }
fetch_count(A) ::= ICONST(B). { A = token_int(p, B); }
fetch_count(A) ::= PLUS ICONST(B). { A = token_int(p, B); }
fetch_count(A) ::= MINUS ICONST(B). { A = -token_int(p, B); }
from_in ::= FROM.
from_in ::= IN.
opt_from_in ::= .
opt_from_in ::= from_in.
utility(A) ::= CLOSE(B) col_id(C). { A = build_close(p, C.text, B.location); }
utility(A) ::= CLOSE(B) ALL. { A = build_close(p, NULL, B.location); }
utility(A) ::= LISTEN(B) col_id(C). { A = build_notify(p, AST_NOTIFY_LISTEN, C.text, NULL, B.location); }
utility(A) ::= UNLISTEN(B) col_id(C). { A = build_notify(p, AST_NOTIFY_UNLISTEN, C.text, NULL, B.location); }
utility(A) ::= UNLISTEN(B) STAR. { A = build_notify(p, AST_NOTIFY_UNLISTEN, NULL, NULL, B.location); }
utility(A) ::= NOTIFY(B) col_id(C). { A = build_notify(p, AST_NOTIFY_NOTIFY, C.text, NULL, B.location); }
utility(A) ::= NOTIFY(B) col_id(C) COMMA SCONST(D). { A = build_notify(p, AST_NOTIFY_NOTIFY, C.text, D.text, B.location); }
utility(A) ::= LOCK(B) opt_table relation_expr_list(C) opt_lock_mode(D) opt_nowait(E). {
    struct ast_lock_table *lock = NODE(AST_LOCK_TABLE, ast_lock_table, B.location);
    lock->relations = C;
    lock->mode = (enum ast_lock_mode)D;
    lock->is_nowait = E;
    A = &lock->node;
}
%type opt_lock_mode {int}
%type opt_nowait {int}
opt_lock_mode(A) ::= . { A = AST_ACCESS_EXCLUSIVE; }
opt_lock_mode(A) ::= IN lock_mode(B) MODE. { A = B; }
%type lock_mode {int}
lock_mode(A) ::= ACCESS SHARE. { A = AST_ACCESS_SHARE; }
lock_mode(A) ::= ROW SHARE. { A = AST_ROW_SHARE; }
lock_mode(A) ::= ROW EXCLUSIVE. { A = AST_ROW_EXCLUSIVE; }
lock_mode(A) ::= SHARE UPDATE EXCLUSIVE. { A = AST_SHARE_UPDATE_EXCLUSIVE; }
lock_mode(A) ::= SHARE. { A = AST_SHARE; }
lock_mode(A) ::= SHARE ROW EXCLUSIVE. { A = AST_SHARE_ROW_EXCLUSIVE; }
lock_mode(A) ::= EXCLUSIVE. { A = AST_EXCLUSIVE; }
lock_mode(A) ::= ACCESS EXCLUSIVE. { A = AST_ACCESS_EXCLUSIVE; }
opt_nowait(A) ::= . { A = 0; }
opt_nowait(A) ::= NOWAIT. { A = 1; }
utility(A) ::= DO(B) SCONST(C). { A = build_do(p, C, (struct token){NULL, -1, 0}, B.location); }
utility(A) ::= DO(B) SCONST(C) LANGUAGE sconst_or_word(D). { A = build_do(p, C, D, B.location); }
utility(A) ::= DO(B) LANGUAGE sconst_or_word(D) SCONST(C). { A = build_do(p, C, D, B.location); }
utility(A) ::= CALL(B) func_application(C). {
    struct ast_call *call = NODE(AST_CALL, ast_call, B.location);
    call->call = C;
    A = &call->node;
}

/* ---- maintenance ---- */

%type vacuum_relations {struct ast_list *}
%type opt_vacuum_relations {struct ast_list *}
utility(A) ::= VACUUM(B) opt_full(C) opt_freeze(D) opt_verbose(E) opt_analyze(F) opt_vacuum_relations(G). {
    struct ast_list *options = list_flag(p, NULL, "full", C, B.location);
    options = list_flag(p, options, "freeze", D, B.location);
    options = list_flag(p, options, "verbose", E, B.location);
    A = build_analyze(p, true, list_flag(p, options, "analyze", F, B.location), G, B.location);
}
utility(A) ::= VACUUM(B) LPAREN explain_options(C) RPAREN opt_vacuum_relations(D). { A = build_analyze(p, true, C, D, B.location); }
utility(A) ::= analyze_keyword(B) opt_verbose(C) opt_vacuum_relations(D). { A = build_analyze(p, false, list_flag(p, NULL, "verbose", C, B.location), D, B.location); }
utility(A) ::= analyze_keyword(B) LPAREN explain_options(C) RPAREN opt_vacuum_relations(D). { A = build_analyze(p, false, C, D, B.location); }
%type opt_full {int}
%type opt_freeze {int}
opt_full(A) ::= . { A = 0; }
opt_full(A) ::= FULL. { A = 1; }
opt_freeze(A) ::= . { A = 0; }
opt_freeze(A) ::= FREEZE. { A = 1; }
opt_analyze(A) ::= . { A = 0; }
opt_analyze(A) ::= analyze_keyword. { A = 1; }
opt_vacuum_relations(A) ::= . { A = NULL; }
opt_vacuum_relations(A) ::= vacuum_relations(A).
vacuum_relations(A) ::= vacuum_relation(B). { A = list_add(p, NULL, B); }
vacuum_relations(A) ::= vacuum_relations(A) COMMA vacuum_relation(B). { A = list_add(p, A, B); }
vacuum_relation(A) ::= qualified_name(B) opt_column_list(C). {
    struct ast_vacuum_relation *relation = NODE(AST_VACUUM_RELATION, ast_vacuum_relation, B->node.location);
    relation->relation = B;
    relation->columns = C;
    A = &relation->node;
}
%type reindex_options {struct ast_list *}
utility(A) ::= REINDEX(B) reindex_options(C) INDEX(D) opt_concurrently(E) qualified_name(F). { A = build_reindex(p, C, D, E, F, NULL, B.location); }
utility(A) ::= REINDEX(B) reindex_options(C) TABLE(D) opt_concurrently(E) qualified_name(F). { A = build_reindex(p, C, D, E, F, NULL, B.location); }
utility(A) ::= REINDEX(B) reindex_options(C) SCHEMA(D) opt_concurrently(E) col_id(F). { A = build_reindex(p, C, D, E, NULL, F.text, B.location); }
utility(A) ::= REINDEX(B) reindex_options(C) DATABASE(D) opt_concurrently(E) col_id(F). { A = build_reindex(p, C, D, E, NULL, F.text, B.location); }
utility(A) ::= REINDEX(B) reindex_options(C) SYSTEM(D) opt_concurrently(E) col_id(F). { A = build_reindex(p, C, D, E, NULL, F.text, B.location); }
reindex_options(A) ::= . { A = NULL; }
reindex_options(A) ::= LPAREN explain_options(B) RPAREN. { A = B; }
utility(A) ::= CHECKPOINT(B). { A = build_bare(p, AST_CHECKPOINT, B.location); }
utility(A) ::= CLUSTER(B) opt_verbose(C). { A = build_cluster(p, C, NULL, NULL, B.location); }
utility(A) ::= CLUSTER(B) opt_verbose(C) qualified_name(D). { A = build_cluster(p, C, D, NULL, B.location); }
utility(A) ::= CLUSTER(B) opt_verbose(C) qualified_name(D) USING col_id(E). { A = build_cluster(p, C, D, E.text, B.location); }
utility(A) ::= CLUSTER(B) opt_verbose(C) col_id(E) ON qualified_name(D). { A = build_cluster(p, C, D, E.text, B.location); }

%code {
void
grammar_run(struct parser *p, struct token_stream *stream, int mode)
{
    yyParser engine;
    struct token token = {"", 0, 0};
    sql_parserInit(&engine);
    if (mode != 0) {
        sql_parser(&engine, mode, token, p);
    }
    int code;
    do {
        code = token_stream_next(stream, &token);
        if (code == LEXER_FAILED) {
            p->is_failed = true;
            break;
        }
        p->token = token;
        sql_parser(&engine, code, token, p);
    } while (code != LEXER_END && !p->is_failed);
    sql_parserFinalize(&engine);
}
}
