
/* ---- expressions ---- */

%type expr_list {struct ast_list *}
%type opt_expr_list {struct ast_list *}
%type indirection {struct ast_list *}
%type opt_indirection {struct ast_list *}
%type func_arg_list {struct ast_list *}
%type math_op {struct token}
%type subquery_op {struct op_name}
%type qual_op {struct op_name}
%type any_all {int}
%type in_expr {struct ast_in *}
%type when_list {struct ast_list *}
%type row {struct ast_row *}
%type extract_arg {struct token}
%type trim_list {struct ast_list *}
%type opt_sort {struct ast_list *}

a_expr(A) ::= c_expr(A).
a_expr(A) ::= a_expr(B) TYPECAST(C) typename(D). { A = build_cast(p, B, D, C.location); }
a_expr(A) ::= a_expr(B) COLLATE(C) any_name(D). { A = build_collate(p, B, D, C.location); }
a_expr(A) ::= a_expr(B) AT(C) TIME ZONE a_expr(D). [AT] { A = build_call2(p, "timezone", D, B, C.location); }
a_expr(A) ::= PLUS(C) a_expr(D). [UMINUS] { A = build_operator(p, C, NULL, D); }
a_expr(A) ::= MINUS(C) a_expr(D). [UMINUS] { A = build_minus(p, C, D); }
a_expr(A) ::= a_expr(B) PLUS(C) a_expr(D). [PLUS] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) MINUS(C) a_expr(D). [PLUS] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) STAR(C) a_expr(D). [STAR] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) SLASH(C) a_expr(D). [STAR] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) PERCENT(C) a_expr(D). [STAR] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) CARET(C) a_expr(D). [CARET] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) LT(C) a_expr(D). [LT] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) GT(C) a_expr(D). [LT] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) EQ(C) a_expr(D). [LT] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) LE(C) a_expr(D). [LT] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) GE(C) a_expr(D). [LT] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) NE(C) a_expr(D). [LT] { A = build_operator(p, C, B, D); }
a_expr(A) ::= a_expr(B) qual_op(C) a_expr(D). [OP] { A = build_qual_operator(p, C, B, D); }
a_expr(A) ::= qual_op(C) a_expr(D). [OP] { A = build_qual_operator(p, C, NULL, D); }
a_expr(A) ::= a_expr(B) AND(C) a_expr(D). { A = build_bool(p, AST_AND, B, D, C.location); }
a_expr(A) ::= a_expr(B) OR(C) a_expr(D). { A = build_bool(p, AST_OR, B, D, C.location); }
a_expr(A) ::= NOT(C) a_expr(D). { A = build_bool(p, AST_NOT, NULL, D, C.location); }
a_expr(A) ::= NOT_LA(C) a_expr(D). [NOT] { A = build_bool(p, AST_NOT, NULL, D, C.location); }

a_expr(A) ::= a_expr(B) LIKE(C) a_expr(D). [LIKE] { A = build_like(p, AST_LIKE_LIKE, 0, B, D, NULL, C.location); }
a_expr(A) ::= a_expr(B) LIKE(C) a_expr(D) ESCAPE a_expr(E). [LIKE] { A = build_like(p, AST_LIKE_LIKE, 0, B, D, E, C.location); }
a_expr(A) ::= a_expr(B) NOT_LA(C) LIKE a_expr(D). [NOT_LA] { A = build_like(p, AST_LIKE_LIKE, 1, B, D, NULL, C.location); }
a_expr(A) ::= a_expr(B) NOT_LA(C) LIKE a_expr(D) ESCAPE a_expr(E). [NOT_LA] { A = build_like(p, AST_LIKE_LIKE, 1, B, D, E, C.location); }
a_expr(A) ::= a_expr(B) ILIKE(C) a_expr(D). [ILIKE] { A = build_like(p, AST_LIKE_ILIKE, 0, B, D, NULL, C.location); }
a_expr(A) ::= a_expr(B) ILIKE(C) a_expr(D) ESCAPE a_expr(E). [ILIKE] { A = build_like(p, AST_LIKE_ILIKE, 0, B, D, E, C.location); }
a_expr(A) ::= a_expr(B) NOT_LA(C) ILIKE a_expr(D). [NOT_LA] { A = build_like(p, AST_LIKE_ILIKE, 1, B, D, NULL, C.location); }
a_expr(A) ::= a_expr(B) NOT_LA(C) ILIKE a_expr(D) ESCAPE a_expr(E). [NOT_LA] { A = build_like(p, AST_LIKE_ILIKE, 1, B, D, E, C.location); }
a_expr(A) ::= a_expr(B) SIMILAR(C) TO a_expr(D). [SIMILAR] { A = build_like(p, AST_LIKE_SIMILAR, 0, B, D, NULL, C.location); }
a_expr(A) ::= a_expr(B) SIMILAR(C) TO a_expr(D) ESCAPE a_expr(E). [SIMILAR] { A = build_like(p, AST_LIKE_SIMILAR, 0, B, D, E, C.location); }
a_expr(A) ::= a_expr(B) NOT_LA(C) SIMILAR TO a_expr(D). [NOT_LA] { A = build_like(p, AST_LIKE_SIMILAR, 1, B, D, NULL, C.location); }
a_expr(A) ::= a_expr(B) NOT_LA(C) SIMILAR TO a_expr(D) ESCAPE a_expr(E). [NOT_LA] { A = build_like(p, AST_LIKE_SIMILAR, 1, B, D, E, C.location); }

a_expr(A) ::= a_expr(B) IS(C) NULL. [IS] { A = build_is_test(p, AST_IS_NULL, 0, B, C.location); }
a_expr(A) ::= a_expr(B) ISNULL(C). [IS] { A = build_is_test(p, AST_IS_NULL, 0, B, C.location); }
a_expr(A) ::= a_expr(B) IS(C) NOT NULL. [IS] { A = build_is_test(p, AST_IS_NULL, 1, B, C.location); }
a_expr(A) ::= a_expr(B) NOTNULL(C). [IS] { A = build_is_test(p, AST_IS_NULL, 1, B, C.location); }
a_expr(A) ::= a_expr(B) IS(C) TRUE. [IS] { A = build_is_test(p, AST_IS_TRUE, 0, B, C.location); }
a_expr(A) ::= a_expr(B) IS(C) NOT TRUE. [IS] { A = build_is_test(p, AST_IS_TRUE, 1, B, C.location); }
a_expr(A) ::= a_expr(B) IS(C) FALSE. [IS] { A = build_is_test(p, AST_IS_FALSE, 0, B, C.location); }
a_expr(A) ::= a_expr(B) IS(C) NOT FALSE. [IS] { A = build_is_test(p, AST_IS_FALSE, 1, B, C.location); }
a_expr(A) ::= a_expr(B) IS(C) UNKNOWN. [IS] { A = build_is_test(p, AST_IS_UNKNOWN, 0, B, C.location); }
a_expr(A) ::= a_expr(B) IS(C) NOT UNKNOWN. [IS] { A = build_is_test(p, AST_IS_UNKNOWN, 1, B, C.location); }
a_expr(A) ::= a_expr(B) IS(C) DISTINCT FROM a_expr(D). [IS] { A = build_distinct_from(p, 0, B, D, C.location); }
a_expr(A) ::= a_expr(B) IS(C) NOT DISTINCT FROM a_expr(D). [IS] { A = build_distinct_from(p, 1, B, D, C.location); }
a_expr(A) ::= row(B) OVERLAPS(C) row(D). { A = build_overlaps(p, B, D, C.location); }
a_expr(A) ::= a_expr(B) BETWEEN(C) opt_asymmetric b_expr(D) AND a_expr(E). [BETWEEN] { A = build_between(p, 0, 0, B, D, E, C.location); }
a_expr(A) ::= a_expr(B) NOT_LA(C) BETWEEN opt_asymmetric b_expr(D) AND a_expr(E). [NOT_LA] { A = build_between(p, 1, 0, B, D, E, C.location); }
a_expr(A) ::= a_expr(B) BETWEEN(C) SYMMETRIC b_expr(D) AND a_expr(E). [BETWEEN] { A = build_between(p, 0, 1, B, D, E, C.location); }
a_expr(A) ::= a_expr(B) NOT_LA(C) BETWEEN SYMMETRIC b_expr(D) AND a_expr(E). [NOT_LA] { A = build_between(p, 1, 1, B, D, E, C.location); }
a_expr(A) ::= a_expr(B) IN(C) in_expr(D). { A = build_in(p, 0, B, D, C.location); }
a_expr(A) ::= a_expr(B) NOT_LA(C) IN in_expr(D). [NOT_LA] { A = build_in(p, 1, B, D, C.location); }
a_expr(A) ::= a_expr(B) subquery_op(C) any_all(D) select_with_parens(E). [OP] { A = build_any_all(p, C, D, B, NULL, E); }
a_expr(A) ::= a_expr(B) subquery_op(C) any_all(D) LPAREN a_expr(E) RPAREN. [OP] { A = build_any_all(p, C, D, B, E, NULL); }
a_expr(A) ::= DEFAULT(B). { A = build_bare(p, AST_DEFAULT, B.location); }

in_expr(A) ::= select_with_parens(B). { A = NODE(AST_IN, ast_in, B->node.location); A->query = B; }
in_expr(A) ::= LPAREN(C) expr_list(B) RPAREN. { A = NODE(AST_IN, ast_in, C.location); A->list = B; }
any_all(A) ::= ANY. { A = 0; }
any_all(A) ::= SOME. { A = 0; }
any_all(A) ::= ALL. { A = 1; }
opt_asymmetric ::= .
opt_asymmetric ::= ASYMMETRIC.

/* Without boolean operators, for places where AND, NOT or IN mean something else. */
b_expr(A) ::= c_expr(A).
b_expr(A) ::= b_expr(B) TYPECAST(C) typename(D). { A = build_cast(p, B, D, C.location); }
b_expr(A) ::= PLUS(C) b_expr(D). [UMINUS] { A = build_operator(p, C, NULL, D); }
b_expr(A) ::= MINUS(C) b_expr(D). [UMINUS] { A = build_minus(p, C, D); }
b_expr(A) ::= b_expr(B) PLUS(C) b_expr(D). [PLUS] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) MINUS(C) b_expr(D). [PLUS] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) STAR(C) b_expr(D). [STAR] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) SLASH(C) b_expr(D). [STAR] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) PERCENT(C) b_expr(D). [STAR] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) CARET(C) b_expr(D). [CARET] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) LT(C) b_expr(D). [LT] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) GT(C) b_expr(D). [LT] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) EQ(C) b_expr(D). [LT] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) LE(C) b_expr(D). [LT] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) GE(C) b_expr(D). [LT] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) NE(C) b_expr(D). [LT] { A = build_operator(p, C, B, D); }
b_expr(A) ::= b_expr(B) qual_op(C) b_expr(D). [OP] { A = build_qual_operator(p, C, B, D); }
b_expr(A) ::= qual_op(C) b_expr(D). [OP] { A = build_qual_operator(p, C, NULL, D); }
b_expr(A) ::= b_expr(B) IS(C) DISTINCT FROM b_expr(D). [IS] { A = build_distinct_from(p, 0, B, D, C.location); }
b_expr(A) ::= b_expr(B) IS(C) NOT DISTINCT FROM b_expr(D). [IS] { A = build_distinct_from(p, 1, B, D, C.location); }

c_expr(A) ::= columnref(A).
c_expr(A) ::= const_expr(A).
c_expr(A) ::= PARAM(B) opt_indirection(C). { A = build_indirection(p, build_param(p, B), C, B.location); }
c_expr(A) ::= LPAREN(B) a_expr(C) RPAREN opt_indirection(D). { A = build_indirection(p, C, D, B.location); }
c_expr(A) ::= case_expr(A).
c_expr(A) ::= func_expr(A).
c_expr(A) ::= select_with_parens(B). [UMINUS] { A = build_subquery(p, AST_SUBQUERY, B, B->parenthesis); }
c_expr(A) ::= select_with_parens(B) indirection(C). { A = build_indirection(p, build_subquery(p, AST_SUBQUERY, B, B->parenthesis), C, B->parenthesis); }
c_expr(A) ::= EXISTS(B) select_with_parens(C). { A = build_subquery(p, AST_EXISTS, C, B.location); }
c_expr(A) ::= ARRAY(B) select_with_parens(C). { A = build_subquery(p, AST_ARRAY_QUERY, C, B.location); }
c_expr(A) ::= ARRAY(B) LBRACKET opt_expr_list(C) RBRACKET. { A = build_array(p, C, B.location); }
c_expr(A) ::= explicit_row(A).
c_expr(A) ::= implicit_row(A).
c_expr(A) ::= GROUPING(B) LPAREN expr_list(C) RPAREN. { A = build_grouping(p, C, B.location); }
c_expr(A) ::= LBRACKET(B) opt_expr_list(C) RBRACKET. { A = build_vector(p, C, B.location); }
c_expr(A) ::= VECTOR_TEXT(B). { A = build_vector_text(p, B); }

explicit_row(A) ::= ROW(B) LPAREN opt_expr_list(C) RPAREN. { A = build_row(p, true, C, B.location); }
implicit_row(A) ::= LPAREN(B) expr_list(C) COMMA a_expr(D) RPAREN. { A = build_row(p, false, list_add(p, C, D), B.location); }
row(A) ::= explicit_row(B). { A = (struct ast_row *)B; }
row(A) ::= implicit_row(B). { A = (struct ast_row *)B; }

expr_list(A) ::= a_expr(B). { A = list_add(p, NULL, B); }
expr_list(A) ::= expr_list(A) COMMA a_expr(B). { A = list_add(p, A, B); }
opt_expr_list(A) ::= . { A = NULL; }
opt_expr_list(A) ::= expr_list(A).

columnref(A) ::= col_id(B). { A = build_column_ref(p, B, NULL); }
columnref(A) ::= col_id(B) indirection(C). { A = build_column_ref(p, B, C); }
indirection_el(A) ::= DOT attr_name(B). { A = build_name(p, B); }
indirection_el(A) ::= DOT STAR(B). { A = build_bare(p, AST_STAR, B.location); }
indirection_el(A) ::= LBRACKET(B) a_expr(C) RBRACKET. { A = build_subscript(p, false, NULL, C, B.location); }
indirection_el(A) ::= LBRACKET(B) opt_slice_bound(C) COLON opt_slice_bound(D) RBRACKET. { A = build_subscript(p, true, C, D, B.location); }
opt_slice_bound(A) ::= . { A = NULL; }
opt_slice_bound(A) ::= a_expr(A).
indirection(A) ::= indirection_el(B). { A = list_add(p, NULL, B); }
indirection(A) ::= indirection(A) indirection_el(B). { A = list_add(p, A, B); }
opt_indirection(A) ::= . { A = NULL; }
opt_indirection(A) ::= opt_indirection(A) indirection_el(B). { A = list_add(p, A, B); }

math_op(A) ::= PLUS(B). { A = B; }
math_op(A) ::= MINUS(B). { A = B; }
math_op(A) ::= STAR(B). { A = B; }
math_op(A) ::= SLASH(B). { A = B; }
math_op(A) ::= PERCENT(B). { A = B; }
math_op(A) ::= CARET(B). { A = B; }
math_op(A) ::= LT(B). { A = B; }
math_op(A) ::= GT(B). { A = B; }
math_op(A) ::= EQ(B). { A = B; }
math_op(A) ::= LE(B). { A = B; }
math_op(A) ::= GE(B). { A = B; }
math_op(A) ::= NE(B). { A = B; }
any_op(A) ::= OP(B). { A = B; }
any_op(A) ::= math_op(B). { A = B; }
%type any_op {struct token}
%type any_operator {struct op_name}
any_operator(A) ::= any_op(B). { A = (struct op_name){NULL, B.text, B.location}; }
any_operator(A) ::= col_id(C) DOT any_operator(B). { A = (struct op_name){C.text, B.name, C.location}; }
qual_op(A) ::= OP(B). { A = (struct op_name){NULL, B.text, B.location}; }
qual_op(A) ::= OPERATOR(C) LPAREN any_operator(B) RPAREN. { A = B; A.location = C.location; }
subquery_op(A) ::= any_op(B). { A = (struct op_name){NULL, B.text, B.location}; }
subquery_op(A) ::= OPERATOR(C) LPAREN any_operator(B) RPAREN. { A = B; A.location = C.location; }
subquery_op(A) ::= LIKE(B). { A = (struct op_name){NULL, "~~", B.location}; }
subquery_op(A) ::= NOT_LA(B) LIKE. { A = (struct op_name){NULL, "!~~", B.location}; }
subquery_op(A) ::= ILIKE(B). { A = (struct op_name){NULL, "~~*", B.location}; }
subquery_op(A) ::= NOT_LA(B) ILIKE. { A = (struct op_name){NULL, "!~~*", B.location}; }

/* ---- constants ---- */

const_expr(A) ::= number(A).
const_expr(A) ::= SCONST(B). { A = build_string_const(p, AST_CONST_STRING, B); }
const_expr(A) ::= BCONST(B). { A = build_string_const(p, AST_CONST_BIT, B); }
const_expr(A) ::= XCONST(B). { A = build_string_const(p, AST_CONST_HEX_BIT, B); }
const_expr(A) ::= TRUE(B). { A = build_bool_const(p, true, B.location); }
const_expr(A) ::= FALSE(B). { A = build_bool_const(p, false, B.location); }
const_expr(A) ::= NULL(B). { A = build_null(p, B.location); }
const_expr(A) ::= func_name(B) SCONST(C). { A = build_typed_literal(p, build_type(p, B, NULL), C); }
const_expr(A) ::= func_name(B) LPAREN func_arg_list(C) opt_sort(D) RPAREN SCONST(E). {
    if (D != NULL) {
        parser_error_at(p, D->items[0]->location, "type modifier cannot have ORDER BY");
    }
    A = build_typed_literal(p, build_type(p, B, build_typmods(p, C)), E);
}
const_expr(A) ::= const_typename(B) SCONST(C). { A = build_typed_literal(p, B, C); }
const_expr(A) ::= INTERVAL(B) SCONST(C) opt_interval(D). { A = build_typed_literal(p, build_system_type(p, "interval", D, B.location), C); }
const_expr(A) ::= INTERVAL(B) LPAREN ICONST(D) RPAREN SCONST(C). { A = build_typed_literal(p, build_interval(p, D, B.location), C); }

/* ---- types ---- */

%type typename {struct ast_type_name *}
%type simple_typename {struct ast_type_name *}
%type const_typename {struct ast_type_name *}
%type generic_type {struct ast_type_name *}
%type numeric_type {struct ast_type_name *}
%type bit_type {struct ast_type_name *}
%type character_type {struct ast_type_name *}
%type datetime_type {struct ast_type_name *}
%type character_name {struct token}
%type opt_type_modifiers {struct ast_list *}
%type opt_array_bounds {int}
%type opt_interval {struct ast_list *}
%type interval_second {struct ast_list *}
%type opt_varying {int}
%type opt_timezone {int}
%type opt_float_precision {struct token}
typename(A) ::= simple_typename(A) opt_array_bounds(B). { A->array_dimensions = B; }
typename(A) ::= SETOF simple_typename(B) opt_array_bounds(C). { A = B; A->array_dimensions = C; A->is_setof = true; }
typename(A) ::= simple_typename(A) ARRAY LBRACKET ICONST RBRACKET. { A->array_dimensions = 1; }
typename(A) ::= simple_typename(A) ARRAY. { A->array_dimensions = 1; }
typename(A) ::= SETOF simple_typename(B) ARRAY LBRACKET ICONST RBRACKET. { A = B; A->array_dimensions = 1; A->is_setof = true; }
typename(A) ::= SETOF simple_typename(B) ARRAY. { A = B; A->array_dimensions = 1; A->is_setof = true; }
opt_array_bounds(A) ::= . { A = 0; }
opt_array_bounds(A) ::= opt_array_bounds(A) LBRACKET RBRACKET. { A = A + 1; }
opt_array_bounds(A) ::= opt_array_bounds(A) LBRACKET ICONST RBRACKET. { A = A + 1; }
simple_typename(A) ::= generic_type(A).
simple_typename(A) ::= numeric_type(A).
simple_typename(A) ::= bit_type(A).
simple_typename(A) ::= character_type(A).
simple_typename(A) ::= datetime_type(A).
simple_typename(A) ::= INTERVAL(B) opt_interval(C). { A = build_system_type(p, "interval", C, B.location); }
simple_typename(A) ::= INTERVAL(B) LPAREN ICONST(C) RPAREN. { A = build_interval(p, C, B.location); }
const_typename(A) ::= numeric_type(A).
const_typename(A) ::= bit_type(A).
const_typename(A) ::= character_type(A).
const_typename(A) ::= datetime_type(A).
generic_type(A) ::= type_function_name(B) opt_type_modifiers(C). { A = build_type(p, list_add(p, NULL, build_name(p, B)), C); }
generic_type(A) ::= type_function_name(B) attrs(D) opt_type_modifiers(C). { A = build_type(p, list_prepend(p, D, build_name(p, B)), C); }
opt_type_modifiers(A) ::= . { A = NULL; }
opt_type_modifiers(A) ::= LPAREN expr_list(B) RPAREN. { A = B; }
numeric_type(A) ::= INT(B). { A = build_system_type(p, "int4", NULL, B.location); }
numeric_type(A) ::= INTEGER(B). { A = build_system_type(p, "int4", NULL, B.location); }
numeric_type(A) ::= SMALLINT(B). { A = build_system_type(p, "int2", NULL, B.location); }
numeric_type(A) ::= BIGINT(B). { A = build_system_type(p, "int8", NULL, B.location); }
numeric_type(A) ::= REAL(B). { A = build_system_type(p, "float4", NULL, B.location); }
numeric_type(A) ::= FLOAT(B) opt_float_precision(C). { A = build_float(p, C, B.location); }
numeric_type(A) ::= DOUBLE(B) PRECISION. { A = build_system_type(p, "float8", NULL, B.location); }
numeric_type(A) ::= DECIMAL(B) opt_type_modifiers(C). { A = build_system_type(p, "numeric", C, B.location); }
numeric_type(A) ::= DEC(B) opt_type_modifiers(C). { A = build_system_type(p, "numeric", C, B.location); }
numeric_type(A) ::= NUMERIC(B) opt_type_modifiers(C). { A = build_system_type(p, "numeric", C, B.location); }
numeric_type(A) ::= BOOLEAN(B). { A = build_system_type(p, "bool", NULL, B.location); }
opt_float_precision(A) ::= . { A = (struct token){NULL, -1, 0}; }
opt_float_precision(A) ::= LPAREN ICONST(B) RPAREN. { A = B; }
bit_type(A) ::= BIT(B) opt_varying(C) LPAREN expr_list(D) RPAREN. { A = build_system_type(p, C ? "varbit" : "bit", D, B.location); }
bit_type(A) ::= BIT(B) opt_varying(C). { A = build_system_type(p, C ? "varbit" : "bit", C ? NULL : build_int_list(p, 1), B.location); }
character_type(A) ::= character_name(B) LPAREN ICONST(C) RPAREN. { A = build_system_type(p, B.text, list_add(p, NULL, build_number(p, C)), B.location); }
character_type(A) ::= character_name(B). { A = build_system_type(p, B.text, B.size ? NULL : build_int_list(p, 1), B.location); }
character_name(A) ::= CHARACTER(B) opt_varying(C). { A = build_character_name(B.location, C); }
character_name(A) ::= CHAR(B) opt_varying(C). { A = build_character_name(B.location, C); }
character_name(A) ::= NCHAR(B) opt_varying(C). { A = build_character_name(B.location, C); }
character_name(A) ::= VARCHAR(B). { A = build_character_name(B.location, 1); }
character_name(A) ::= NATIONAL(B) CHARACTER opt_varying(C). { A = build_character_name(B.location, C); }
character_name(A) ::= NATIONAL(B) CHAR opt_varying(C). { A = build_character_name(B.location, C); }
opt_varying(A) ::= . { A = 0; }
opt_varying(A) ::= VARYING. { A = 1; }
datetime_type(A) ::= TIMESTAMP(B) opt_timezone(C). { A = build_system_type(p, C ? "timestamptz" : "timestamp", NULL, B.location); }
datetime_type(A) ::= TIMESTAMP(B) LPAREN ICONST(D) RPAREN opt_timezone(C). { A = build_system_type(p, C ? "timestamptz" : "timestamp", list_add(p, NULL, build_number(p, D)), B.location); }
datetime_type(A) ::= TIME(B) opt_timezone(C). { A = build_system_type(p, C ? "timetz" : "time", NULL, B.location); }
datetime_type(A) ::= TIME(B) LPAREN ICONST(D) RPAREN opt_timezone(C). { A = build_system_type(p, C ? "timetz" : "time", list_add(p, NULL, build_number(p, D)), B.location); }
opt_timezone(A) ::= . { A = 0; }
opt_timezone(A) ::= WITH_LA TIME ZONE. { A = 1; }
opt_timezone(A) ::= WITHOUT TIME ZONE. { A = 0; }
opt_interval(A) ::= . { A = NULL; }
opt_interval(A) ::= YEAR. { A = build_int_list(p, AST_INTERVAL_YEAR); }
opt_interval(A) ::= MONTH. { A = build_int_list(p, AST_INTERVAL_MONTH); }
opt_interval(A) ::= DAY. { A = build_int_list(p, AST_INTERVAL_DAY); }
opt_interval(A) ::= HOUR. { A = build_int_list(p, AST_INTERVAL_HOUR); }
opt_interval(A) ::= MINUTE. { A = build_int_list(p, AST_INTERVAL_MINUTE); }
opt_interval(A) ::= interval_second(A).
opt_interval(A) ::= YEAR TO MONTH. { A = build_int_list(p, AST_INTERVAL_YEAR | AST_INTERVAL_MONTH); }
opt_interval(A) ::= DAY TO HOUR. { A = build_int_list(p, AST_INTERVAL_DAY | AST_INTERVAL_HOUR); }
opt_interval(A) ::= DAY TO MINUTE. { A = build_int_list(p, AST_INTERVAL_DAY | AST_INTERVAL_HOUR | AST_INTERVAL_MINUTE); }
opt_interval(A) ::= DAY TO interval_second(B). { A = build_interval_second(p, B, AST_INTERVAL_DAY | AST_INTERVAL_HOUR | AST_INTERVAL_MINUTE); }
opt_interval(A) ::= HOUR TO MINUTE. { A = build_int_list(p, AST_INTERVAL_HOUR | AST_INTERVAL_MINUTE); }
opt_interval(A) ::= HOUR TO interval_second(B). { A = build_interval_second(p, B, AST_INTERVAL_HOUR | AST_INTERVAL_MINUTE); }
opt_interval(A) ::= MINUTE TO interval_second(B). { A = build_interval_second(p, B, AST_INTERVAL_MINUTE); }
interval_second(A) ::= SECOND. { A = build_int_list(p, AST_INTERVAL_SECOND); }
interval_second(A) ::= SECOND LPAREN ICONST(B) RPAREN. { A = list_add(p, build_int_list(p, AST_INTERVAL_SECOND), build_number(p, B)); }

/* ---- CASE and calls ---- */

case_expr(A) ::= CASE(B) opt_case_arg(C) when_list(D) opt_case_else(E) END. { A = build_case(p, C, D, E, B.location); }
opt_case_arg(A) ::= . { A = NULL; }
opt_case_arg(A) ::= a_expr(A).
opt_case_else(A) ::= . { A = NULL; }
opt_case_else(A) ::= ELSE a_expr(B). { A = B; }
when_list(A) ::= when_clause(B). { A = list_add(p, NULL, B); }
when_list(A) ::= when_list(A) when_clause(B). { A = list_add(p, A, B); }
when_clause(A) ::= WHEN(B) a_expr(C) THEN a_expr(D). { A = build_when(p, C, D, B.location); }

%type func_application {struct ast_function_call *}
%type over_clause {struct ast_window *}
func_expr(A) ::= func_application(B) within_group(C) filter_clause(D) over_clause(E). { A = build_aggregate(p, B, C, D, E); }
func_expr(A) ::= func_common(A).
func_windowless(A) ::= func_application(B). { A = &B->node; }
func_windowless(A) ::= func_common(A).
func_application(A) ::= func_name(B) LPAREN RPAREN. { A = build_call(p, B, NULL, NULL); }
func_application(A) ::= func_name(B) LPAREN func_arg_list(C) opt_sort(D) RPAREN. { A = build_call(p, B, C, D); }
func_application(A) ::= func_name(B) LPAREN VARIADIC func_arg(C) opt_sort(D) RPAREN. { A = build_call(p, B, list_add(p, NULL, C), D); A->is_variadic = true; }
func_application(A) ::= func_name(B) LPAREN func_arg_list(E) COMMA VARIADIC func_arg(C) opt_sort(D) RPAREN. { A = build_call(p, B, list_add(p, E, C), D); A->is_variadic = true; }
func_application(A) ::= func_name(B) LPAREN ALL func_arg_list(C) opt_sort(D) RPAREN. { A = build_call(p, B, C, D); }
func_application(A) ::= func_name(B) LPAREN DISTINCT func_arg_list(C) opt_sort(D) RPAREN. { A = build_call(p, B, C, D); A->is_distinct = true; }
func_application(A) ::= func_name(B) LPAREN STAR RPAREN. { A = build_call(p, B, NULL, NULL); A->is_star = true; }
func_arg_list(A) ::= func_arg(B). { A = list_add(p, NULL, B); }
func_arg_list(A) ::= func_arg_list(A) COMMA func_arg(B). { A = list_add(p, A, B); }
func_arg(A) ::= a_expr(A).
func_arg(A) ::= type_function_name(B) COLON_EQUALS a_expr(C). { A = build_named_arg(p, B, C); }
func_arg(A) ::= type_function_name(B) EQUALS_GREATER a_expr(C). { A = build_named_arg(p, B, C); }
within_group(A) ::= . { A = NULL; }
within_group(A) ::= WITHIN(C) GROUP LPAREN sort_clause(B) RPAREN. { A = build_node_list(p, B); A->location = C.location; }
filter_clause(A) ::= . { A = NULL; }
filter_clause(A) ::= FILTER LPAREN WHERE a_expr(B) RPAREN. { A = B; }
over_clause(A) ::= . { A = NULL; }
over_clause(A) ::= OVER window_specification(B). { A = B; }
over_clause(A) ::= OVER col_id(B). { A = NODE(AST_WINDOW, ast_window, B.location); A->reference = B.text; A->is_reference_only = true; }

func_common(A) ::= COLLATION(B) FOR LPAREN a_expr(C) RPAREN. { A = build_call2(p, "pg_collation_for", C, NULL, B.location); }
func_common(A) ::= CURRENT_DATE(B). { A = build_current(p, AST_CURRENT_DATE, B, NULL); }
func_common(A) ::= CURRENT_TIME(B). { A = build_current(p, AST_CURRENT_TIME, B, NULL); }
func_common(A) ::= CURRENT_TIME(B) LPAREN ICONST(C) RPAREN. { A = build_current(p, AST_CURRENT_TIME, B, &C); }
func_common(A) ::= CURRENT_TIMESTAMP(B). { A = build_current(p, AST_CURRENT_TIMESTAMP, B, NULL); }
func_common(A) ::= CURRENT_TIMESTAMP(B) LPAREN ICONST(C) RPAREN. { A = build_current(p, AST_CURRENT_TIMESTAMP, B, &C); }
func_common(A) ::= LOCALTIME(B). { A = build_current(p, AST_LOCALTIME, B, NULL); }
func_common(A) ::= LOCALTIME(B) LPAREN ICONST(C) RPAREN. { A = build_current(p, AST_LOCALTIME, B, &C); }
func_common(A) ::= LOCALTIMESTAMP(B). { A = build_current(p, AST_LOCALTIMESTAMP, B, NULL); }
func_common(A) ::= LOCALTIMESTAMP(B) LPAREN ICONST(C) RPAREN. { A = build_current(p, AST_LOCALTIMESTAMP, B, &C); }
func_common(A) ::= CURRENT_ROLE(B). { A = build_current(p, AST_CURRENT_ROLE, B, NULL); }
func_common(A) ::= CURRENT_USER(B). { A = build_current(p, AST_CURRENT_USER, B, NULL); }
func_common(A) ::= SESSION_USER(B). { A = build_current(p, AST_SESSION_USER, B, NULL); }
func_common(A) ::= USER(B). { A = build_current(p, AST_USER, B, NULL); }
func_common(A) ::= CURRENT_CATALOG(B). { A = build_current(p, AST_CURRENT_CATALOG, B, NULL); }
func_common(A) ::= CURRENT_SCHEMA(B). { A = build_current(p, AST_CURRENT_SCHEMA, B, NULL); }
func_common(A) ::= CAST(B) LPAREN a_expr(C) AS typename(D) RPAREN. { A = build_cast(p, C, D, B.location); }
func_common(A) ::= EXTRACT(B) LPAREN extract_arg(C) FROM a_expr(D) RPAREN. { A = build_call2(p, "extract", build_string_const(p, AST_CONST_STRING, C), D, B.location); }
extract_arg(A) ::= IDENT(B). { A = B; }
extract_arg(A) ::= SCONST(B). { A = B; }
extract_arg(A) ::= YEAR(B). { A = B; }
extract_arg(A) ::= MONTH(B). { A = B; }
extract_arg(A) ::= DAY(B). { A = B; }
extract_arg(A) ::= HOUR(B). { A = B; }
extract_arg(A) ::= MINUTE(B). { A = B; }
extract_arg(A) ::= SECOND(B). { A = B; }
func_common(A) ::= OVERLAY(B) LPAREN a_expr(C) PLACING a_expr(D) FROM a_expr(E) FOR a_expr(F) RPAREN. { A = build_call_list(p, "overlay", list4(p, C, D, E, F), B.location); }
func_common(A) ::= OVERLAY(B) LPAREN a_expr(C) PLACING a_expr(D) FROM a_expr(E) RPAREN. { A = build_call_list(p, "overlay", list4(p, C, D, E, NULL), B.location); }
func_common(A) ::= OVERLAY(B) LPAREN func_arg_list(C) RPAREN. { A = build_plain_call(p, B, C); }
func_common(A) ::= OVERLAY(B) LPAREN RPAREN. { A = build_plain_call(p, B, NULL); }
func_common(A) ::= POSITION(B) LPAREN b_expr(C) IN b_expr(D) RPAREN. { A = build_call2(p, "position", D, C, B.location); }
func_common(A) ::= SUBSTRING(B) LPAREN a_expr(C) FROM a_expr(D) FOR a_expr(E) RPAREN. { A = build_call_list(p, "substring", list4(p, C, D, E, NULL), B.location); }
func_common(A) ::= SUBSTRING(B) LPAREN a_expr(C) FOR a_expr(E) FROM a_expr(D) RPAREN. { A = build_call_list(p, "substring", list4(p, C, D, E, NULL), B.location); }
func_common(A) ::= SUBSTRING(B) LPAREN a_expr(C) FROM a_expr(D) RPAREN. { A = build_call2(p, "substring", C, D, B.location); }
func_common(A) ::= SUBSTRING(B) LPAREN a_expr(C) FOR a_expr(E) RPAREN. { A = build_substring_for(p, C, E, B.location); }
func_common(A) ::= SUBSTRING(B) LPAREN a_expr(C) SIMILAR a_expr(D) ESCAPE a_expr(E) RPAREN. { A = build_call_list(p, "substring", list4(p, C, D, E, NULL), B.location); }
func_common(A) ::= SUBSTRING(B) LPAREN func_arg_list(C) RPAREN. { A = build_plain_call(p, B, C); }
func_common(A) ::= SUBSTRING(B) LPAREN RPAREN. { A = build_plain_call(p, B, NULL); }
func_common(A) ::= TRIM(B) LPAREN BOTH trim_list(C) RPAREN. { A = build_call_list(p, "btrim", C, B.location); }
func_common(A) ::= TRIM(B) LPAREN LEADING trim_list(C) RPAREN. { A = build_call_list(p, "ltrim", C, B.location); }
func_common(A) ::= TRIM(B) LPAREN TRAILING trim_list(C) RPAREN. { A = build_call_list(p, "rtrim", C, B.location); }
func_common(A) ::= TRIM(B) LPAREN trim_list(C) RPAREN. { A = build_call_list(p, "btrim", C, B.location); }
trim_list(A) ::= a_expr(B) FROM expr_list(C). { A = list_add(p, C, B); }
trim_list(A) ::= FROM expr_list(B). { A = B; }
trim_list(A) ::= expr_list(A).
func_common(A) ::= NORMALIZE(B) LPAREN a_expr(C) RPAREN. { A = build_call2(p, "normalize", C, NULL, B.location); }
func_common(A) ::= NULLIF(B) LPAREN a_expr(C) COMMA a_expr(D) RPAREN. { A = build_nullif(p, C, D, B.location); }
func_common(A) ::= COALESCE(B) LPAREN expr_list(C) RPAREN. { A = build_minmax(p, AST_COALESCE, C, B.location); }
func_common(A) ::= GREATEST(B) LPAREN expr_list(C) RPAREN. { A = build_minmax(p, AST_GREATEST, C, B.location); }
func_common(A) ::= LEAST(B) LPAREN expr_list(C) RPAREN. { A = build_minmax(p, AST_LEAST, C, B.location); }
