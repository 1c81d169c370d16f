/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar, first part: tokens, precedence, names. The parts are joined in this order: head,
 * expr, query, rows, table, object, session. An action builds tree nodes and does nothing else.
 *
 * Unreserved keywords fall back to IDENT where the grammar does not want the keyword itself. For
 * that the tables must not be compressed (lemon -c): a default reduction would hide that a keyword
 * is expected, and "UPDATE t SET" would read SET as an alias.
 */
%name sql_parser
%token_prefix TK_
%token_type {struct token}
%default_type {struct ast_node *}
%extra_argument {struct parser *p}
%stack_size 6000
%include {
#include "parser/build_private.h"
#include "server/base/assert.h"
}
%syntax_error { parser_syntax_error(p, &TOKEN); }
%stack_overflow { parser_stack_overflow(p); }
%parse_failure { p->is_failed = true; }
%start_symbol input

%nonassoc SET.
%left UNION EXCEPT.
%left INTERSECT.
%left OR.
%left AND.
%right NOT.
%nonassoc IS ISNULL NOTNULL.
%nonassoc LT GT EQ LE GE NE.
%nonassoc BETWEEN IN LIKE ILIKE SIMILAR NOT_LA.
%nonassoc ESCAPE.
%nonassoc UNBOUNDED.
%nonassoc IDENT PARTITION RANGE ROWS GROUPS PRECEDING FOLLOWING CUBE ROLLUP.
%left OP OPERATOR.
%left PLUS MINUS.
%left STAR SLASH PERCENT.
%left CARET.
%left AT.
%left COLLATE.
%right UMINUS.
%left LBRACKET RBRACKET.
%left LPAREN RPAREN.
%left TYPECAST.
%left DOT.
%left JOIN CROSS LEFT FULL RIGHT INNER NATURAL.

%fallback IDENT
    ABORT ABSOLUTE ACCESS ACTION ADD ADMIN AFTER AGGREGATE ALSO ALTER ALWAYS ASENSITIVE
    ASSERTION ASSIGNMENT AT ATOMIC ATTACH ATTRIBUTE BACKWARD BEFORE BEGIN BREADTH BY CACHE
    CALL CALLED CASCADE CASCADED CATALOG CHAIN CHARACTERISTICS CHECKPOINT CLASS CLOSE CLUSTER
    COLUMNS COMMENT COMMENTS COMMIT COMMITTED COMPRESSION CONFIGURATION CONFLICT CONNECTION
    CONSTRAINTS CONTENT CONTINUE CONVERSION COPY COST CSV CUBE CURRENT CURSOR CYCLE DATA
    DATABASE DAY DEALLOCATE DECLARE DEFAULTS DEFERRED DEFINER DELETE DELIMITER DELIMITERS
    DEPENDS DEPTH DETACH DICTIONARY DISABLE DISCARD DOCUMENT DOMAIN DROP EACH ENABLE ENCODING
    ENCRYPTED ENUM ESCAPE EVENT EXCLUDE EXCLUDING EXCLUSIVE EXECUTE EXPLAIN EXPRESSION
    EXTENSION EXTERNAL FAMILY FILTER FINALIZE FIRST FOLLOWING FORCE FORWARD FUNCTION
    FUNCTIONS GENERATED GLOBAL GRANTED GROUPS HANDLER HEADER HOLD HOUR IDENTITY IF IMMEDIATE
    IMMUTABLE IMPLICIT IMPORT INCLUDE INCLUDING INCREMENT INDEX INDEXES INHERIT INHERITS
    INLINE INPUT INSENSITIVE INSERT INSTEAD INVOKER ISOLATION KEY LABEL LANGUAGE LARGE LAST
    LEAKPROOF LEVEL LISTEN LOAD LOCAL LOCATION LOCK LOCKED LOGGED MAPPING MATCH MATCHED
    MATERIALIZED MAXVALUE MERGE METHOD MINUTE MINVALUE MODE MONTH MOVE NAME NAMES NEW NEXT
    NFC NFD NFKC NFKD NO NORMALIZED NOTHING NOTIFY NOWAIT NULLS OBJECT OF OFF OIDS OLD
    OPERATOR OPTION OPTIONS ORDINALITY OTHERS OVER OVERRIDING OWNED OWNER PARALLEL PARAMETER
    PARSER PARTIAL PARTITION PASSING PASSWORD PLANS POLICY PRECEDING PREPARE PREPARED
    PRESERVE PRIOR PRIVILEGES PROCEDURAL PROCEDURE PROCEDURES PROGRAM PUBLICATION QUOTE RANGE
    READ REASSIGN RECHECK RECURSIVE REF REFERENCING REFRESH REINDEX RELATIVE RELEASE RENAME
    REPEATABLE REPLACE REPLICA RESET RESTART RESTRICT RETURN RETURNS REVOKE ROLE ROLLBACK
    ROLLUP ROUTINE ROUTINES ROWS RULE SAVEPOINT SCHEMA SCHEMAS SCROLL SEARCH SECOND SECURITY
    SEQUENCE SEQUENCES SERIALIZABLE SERVER SESSION SET SETS SHARE SHOW SIMPLE SKIP SNAPSHOT
    SQL STABLE STANDALONE START STATEMENT STATISTICS STDIN STDOUT STORAGE STORED STRICT STRIP
    SUBSCRIPTION SUPPORT SYSID SYSTEM TABLES TABLESPACE TEMP TEMPLATE TEMPORARY TEXT TIES
    TRANSACTION TRANSFORM TRIGGER TRUNCATE TRUSTED TYPE TYPES UESCAPE UNBOUNDED UNCOMMITTED
    UNENCRYPTED UNKNOWN UNLISTEN UNLOGGED UNTIL UPDATE VACUUM VALID VALIDATE VALIDATOR VALUE
    VARYING VERSION VIEW VIEWS VOLATILE WHITESPACE WITHIN WITHOUT WORK WRAPPER WRITE XML YEAR
    YES ZONE DIM VECTORS.
%wildcard ANY_TOKEN.

%token_class col_name_keyword
    BETWEEN | BIGINT | BIT | BOOLEAN | CHAR | CHARACTER | COALESCE | DEC | DECIMAL | EXISTS |
    EXTRACT | FLOAT | GREATEST | GROUPING | INOUT | INT | INTEGER | INTERVAL | LEAST |
    NATIONAL | NCHAR | NONE | NORMALIZE | NULLIF | NUMERIC | OUT | OVERLAY | POSITION |
    PRECISION | REAL | ROW | SETOF | SMALLINT | SUBSTRING | TIME | TIMESTAMP | TREAT | TRIM |
    VALUES | VARCHAR | XMLATTRIBUTES | XMLCONCAT | XMLELEMENT | XMLEXISTS | XMLFOREST |
    XMLNAMESPACES | XMLPARSE | XMLPI | XMLROOT | XMLSERIALIZE | XMLTABLE.
%token_class type_func_name_keyword
    AUTHORIZATION | BINARY | COLLATION | CONCURRENTLY | CROSS | CURRENT_SCHEMA | FREEZE |
    FULL | ILIKE | INNER | IS | ISNULL | JOIN | LEFT | LIKE | NATURAL | NOTNULL | OUTER |
    OVERLAPS | RIGHT | SIMILAR | TABLESAMPLE | VERBOSE.
%token_class reserved_keyword
    ALL | ANALYSE | ANALYZE | AND | ANY | ARRAY | AS | ASC | ASYMMETRIC | BOTH | CASE | CAST
    | CHECK | COLLATE | COLUMN | CONSTRAINT | CREATE | CURRENT_CATALOG | CURRENT_DATE |
    CURRENT_ROLE | CURRENT_TIME | CURRENT_TIMESTAMP | CURRENT_USER | DEFAULT | DEFERRABLE |
    DESC | DISTINCT | DO | ELSE | END | EXCEPT | FALSE | FETCH | FOR | FOREIGN | FROM | GRANT
    | GROUP | HAVING | IN | INITIALLY | INTERSECT | INTO | LATERAL | LEADING | LIMIT |
    LOCALTIME | LOCALTIMESTAMP | NOT | NULL | OFFSET | ON | ONLY | OR | ORDER | PLACING |
    PRIMARY | REFERENCES | RETURNING | SELECT | SESSION_USER | SOME | SYMMETRIC | TABLE |
    THEN | TO | TRAILING | TRUE | UNION | UNIQUE | USER | USING | VARIADIC | WHEN | WHERE |
    WINDOW | WITH.
%token_class bare_label_keyword
    ALL | ANALYSE | ANALYZE | AND | ANY | ASC | ASYMMETRIC | AUTHORIZATION | BETWEEN | BIGINT
    | BINARY | BIT | BOOLEAN | BOTH | CASE | CAST | CHECK | COALESCE | COLLATE | COLLATION |
    COLUMN | CONCURRENTLY | CONSTRAINT | CROSS | CURRENT_CATALOG | CURRENT_DATE |
    CURRENT_ROLE | CURRENT_SCHEMA | CURRENT_TIME | CURRENT_TIMESTAMP | CURRENT_USER | DEC |
    DECIMAL | DEFAULT | DEFERRABLE | DESC | DISTINCT | DO | ELSE | END | EXISTS | EXTRACT |
    FALSE | FLOAT | FOREIGN | FREEZE | FULL | GREATEST | GROUPING | ILIKE | IN | INITIALLY |
    INNER | INOUT | INT | INTEGER | INTERVAL | IS | JOIN | LATERAL | LEADING | LEAST | LEFT |
    LIKE | LOCALTIME | LOCALTIMESTAMP | NATIONAL | NATURAL | NCHAR | NONE | NORMALIZE | NOT |
    NULL | NULLIF | NUMERIC | ONLY | OR | OUT | OUTER | OVERLAY | PLACING | POSITION |
    PRIMARY | REAL | REFERENCES | RIGHT | ROW | SELECT | SESSION_USER | SETOF | SIMILAR |
    SMALLINT | SOME | SUBSTRING | SYMMETRIC | TABLE | TABLESAMPLE | THEN | TIME | TIMESTAMP |
    TRAILING | TREAT | TRIM | TRUE | UNIQUE | USER | USING | VALUES | VARCHAR | VARIADIC |
    VERBOSE | WHEN | XMLATTRIBUTES | XMLCONCAT | XMLELEMENT | XMLEXISTS | XMLFOREST |
    XMLNAMESPACES | XMLPARSE | XMLPI | XMLROOT | XMLSERIALIZE | XMLTABLE.

input ::= statement(B). { p->result = B; }
input ::= MODE_EXPRESSION a_expr(B). { p->result = B; }
input ::= MODE_TYPE typename(B). { p->result = &B->node; }

/* ---- names ---- */

%type ident {struct token}
%type col_id {struct token}
%type type_function_name {struct token}
%type non_reserved_word {struct token}
%type col_label {struct token}
%type bare_label {struct token}
%type attr_name {struct token}
ident(A) ::= IDENT|DOUBLE(B). { A = B; }
col_id(A) ::= ident(A).
col_id(A) ::= col_name_keyword(B). { A = B; }
type_function_name(A) ::= ident(A).
type_function_name(A) ::= type_func_name_keyword(B). { A = B; }
non_reserved_word(A) ::= ident(A).
non_reserved_word(A) ::= col_name_keyword(B). { A = B; }
non_reserved_word(A) ::= type_func_name_keyword(B). { A = B; }
col_label(A) ::= ident(A).
col_label(A) ::= col_name_keyword(B). { A = B; }
col_label(A) ::= type_func_name_keyword(B). { A = B; }
col_label(A) ::= reserved_keyword(B). { A = B; }
bare_label(A) ::= ident(A).
bare_label(A) ::= bare_label_keyword(B). { A = B; }
attr_name(A) ::= col_label(A).

%type attrs {struct ast_list *}
%type any_name {struct ast_list *}
%type any_name_list {struct ast_list *}
%type name_list {struct ast_list *}
%type opt_column_list {struct ast_list *}
%type column_list {struct ast_list *}
%type func_name {struct ast_list *}
%type qualified_name {struct ast_range_var *}
%type qualified_name_list {struct ast_list *}
attrs(A) ::= DOT attr_name(B). { A = list_add(p, NULL, build_name(p, B)); }
attrs(A) ::= attrs(A) DOT attr_name(B). { A = list_add(p, A, build_name(p, B)); }
any_name(A) ::= col_id(B). { A = list_add(p, NULL, build_name(p, B)); }
any_name(A) ::= col_id(B) attrs(C). { A = list_prepend(p, C, build_name(p, B)); }
any_name_list(A) ::= any_name(B). { A = list_add(p, NULL, build_node_list(p, B)); }
any_name_list(A) ::= any_name_list(A) COMMA any_name(B). { A = list_add(p, A, build_node_list(p, B)); }
name_list(A) ::= col_id(B). { A = list_add(p, NULL, build_name(p, B)); }
name_list(A) ::= name_list(A) COMMA col_id(B). { A = list_add(p, A, build_name(p, B)); }
column_list(A) ::= LPAREN name_list(B) RPAREN. { A = B; }
opt_column_list(A) ::= . { A = NULL; }
opt_column_list(A) ::= column_list(A).
func_name(A) ::= type_function_name(B). { A = list_add(p, NULL, build_name(p, B)); }
func_name(A) ::= col_id(B) indirection(C). { A = build_dotted(p, B, C); }
qualified_name(A) ::= col_id(B). { A = build_range_var(p, B, NULL); }
qualified_name(A) ::= col_id(B) indirection(C). { A = build_range_var(p, B, C); }
qualified_name_list(A) ::= qualified_name(B). { A = list_add(p, NULL, &B->node); }
qualified_name_list(A) ::= qualified_name_list(A) COMMA qualified_name(B). { A = list_add(p, A, &B->node); }

%type signed_number {struct ast_node *}
%type opt_boolean_or_string {struct token}
%type sconst_or_word {struct token}
%type opt_behavior {enum ast_behavior}
%type if_exists {int}
%type if_not_exists {int}
%type opt_concurrently {int}
signed_number(A) ::= number(A).
signed_number(A) ::= PLUS number(B). { A = B; }
signed_number(A) ::= MINUS number(B). { A = build_negated_number(p, B); }
number(A) ::= ICONST|FCONST(B). { A = build_number(p, B); }
sconst_or_word(A) ::= non_reserved_word(A).
sconst_or_word(A) ::= SCONST(B). { A = B; }
opt_boolean_or_string(A) ::= TRUE|FALSE|ON(B). { A = B; }
opt_boolean_or_string(A) ::= sconst_or_word(A).
opt_behavior(A) ::= . { A = AST_BEHAVIOR_DEFAULT; }
opt_behavior(A) ::= CASCADE. { A = AST_CASCADE; }
opt_behavior(A) ::= RESTRICT. { A = AST_RESTRICT; }
if_exists(A) ::= . { A = 0; }
if_exists(A) ::= IF EXISTS. { A = 1; }
if_not_exists(A) ::= . { A = 0; }
if_not_exists(A) ::= IF NOT EXISTS. { A = 1; }
opt_concurrently(A) ::= . { A = 0; }
opt_concurrently(A) ::= CONCURRENTLY. { A = 1; }

/* Whatever stands to the end of a statement that is refused anyway. */
rest ::= .
rest ::= rest ANY_TOKEN.
