/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar, first part: tokens, precedence, names. The parts are joined in this order: head,
 * expr, query, rows, table, object, session. An action builds tree nodes and does nothing else.
 *
 * Unreserved keywords fall back to IDENT where the grammar does not want the keyword itself. A
 * default reduction would hide that it wants one, so no rule may offer a choice between shifting
 * IDENT and reducing on an unreserved keyword: UPDATE and OVER ( are spelled out for that reason.
 */
%name sql_parser
%token_prefix TK_
%token_type {struct token}
%default_type {struct ast_node *}
%extra_argument {struct parser *p}
%stack_size 6000
%include {
#include "parser/driver_private.h"
#include "server/base/assert.h"
}
%syntax_error { parser_syntax_error(p, &TOKEN); }
%stack_overflow { parser_stack_overflow(p); }
%parse_failure { p->is_failed = true; }
%token BAD SEMI.
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

%type col_name_keyword {struct token}
col_name_keyword(A) ::= BETWEEN(B). { A = B; }
col_name_keyword(A) ::= BIGINT(B). { A = B; }
col_name_keyword(A) ::= BIT(B). { A = B; }
col_name_keyword(A) ::= BOOLEAN(B). { A = B; }
col_name_keyword(A) ::= CHAR(B). { A = B; }
col_name_keyword(A) ::= CHARACTER(B). { A = B; }
col_name_keyword(A) ::= COALESCE(B). { A = B; }
col_name_keyword(A) ::= DEC(B). { A = B; }
col_name_keyword(A) ::= DECIMAL(B). { A = B; }
col_name_keyword(A) ::= EXISTS(B). { A = B; }
col_name_keyword(A) ::= EXTRACT(B). { A = B; }
col_name_keyword(A) ::= FLOAT(B). { A = B; }
col_name_keyword(A) ::= GREATEST(B). { A = B; }
col_name_keyword(A) ::= GROUPING(B). { A = B; }
col_name_keyword(A) ::= INOUT(B). { A = B; }
col_name_keyword(A) ::= INT(B). { A = B; }
col_name_keyword(A) ::= INTEGER(B). { A = B; }
col_name_keyword(A) ::= INTERVAL(B). { A = B; }
col_name_keyword(A) ::= LEAST(B). { A = B; }
col_name_keyword(A) ::= NATIONAL(B). { A = B; }
col_name_keyword(A) ::= NCHAR(B). { A = B; }
col_name_keyword(A) ::= NONE(B). { A = B; }
col_name_keyword(A) ::= NORMALIZE(B). { A = B; }
col_name_keyword(A) ::= NULLIF(B). { A = B; }
col_name_keyword(A) ::= NUMERIC(B). { A = B; }
col_name_keyword(A) ::= OUT(B). { A = B; }
col_name_keyword(A) ::= OVERLAY(B). { A = B; }
col_name_keyword(A) ::= POSITION(B). { A = B; }
col_name_keyword(A) ::= PRECISION(B). { A = B; }
col_name_keyword(A) ::= REAL(B). { A = B; }
col_name_keyword(A) ::= ROW(B). { A = B; }
col_name_keyword(A) ::= SETOF(B). { A = B; }
col_name_keyword(A) ::= SMALLINT(B). { A = B; }
col_name_keyword(A) ::= SUBSTRING(B). { A = B; }
col_name_keyword(A) ::= TIME(B). { A = B; }
col_name_keyword(A) ::= TIMESTAMP(B). { A = B; }
col_name_keyword(A) ::= TREAT(B). { A = B; }
col_name_keyword(A) ::= TRIM(B). { A = B; }
col_name_keyword(A) ::= VALUES(B). { A = B; }
col_name_keyword(A) ::= VARCHAR(B). { A = B; }
col_name_keyword(A) ::= XMLATTRIBUTES(B). { A = B; }
col_name_keyword(A) ::= XMLCONCAT(B). { A = B; }
col_name_keyword(A) ::= XMLELEMENT(B). { A = B; }
col_name_keyword(A) ::= XMLEXISTS(B). { A = B; }
col_name_keyword(A) ::= XMLFOREST(B). { A = B; }
col_name_keyword(A) ::= XMLNAMESPACES(B). { A = B; }
col_name_keyword(A) ::= XMLPARSE(B). { A = B; }
col_name_keyword(A) ::= XMLPI(B). { A = B; }
col_name_keyword(A) ::= XMLROOT(B). { A = B; }
col_name_keyword(A) ::= XMLSERIALIZE(B). { A = B; }
col_name_keyword(A) ::= XMLTABLE(B). { A = B; }
%type type_func_name_keyword {struct token}
type_func_name_keyword(A) ::= AUTHORIZATION(B). { A = B; }
type_func_name_keyword(A) ::= BINARY(B). { A = B; }
type_func_name_keyword(A) ::= COLLATION(B). { A = B; }
type_func_name_keyword(A) ::= CONCURRENTLY(B). { A = B; }
type_func_name_keyword(A) ::= CROSS(B). { A = B; }
type_func_name_keyword(A) ::= CURRENT_SCHEMA(B). { A = B; }
type_func_name_keyword(A) ::= FREEZE(B). { A = B; }
type_func_name_keyword(A) ::= FULL(B). { A = B; }
type_func_name_keyword(A) ::= ILIKE(B). { A = B; }
type_func_name_keyword(A) ::= INNER(B). { A = B; }
type_func_name_keyword(A) ::= IS(B). { A = B; }
type_func_name_keyword(A) ::= ISNULL(B). { A = B; }
type_func_name_keyword(A) ::= JOIN(B). { A = B; }
type_func_name_keyword(A) ::= LEFT(B). { A = B; }
type_func_name_keyword(A) ::= LIKE(B). { A = B; }
type_func_name_keyword(A) ::= NATURAL(B). { A = B; }
type_func_name_keyword(A) ::= NOTNULL(B). { A = B; }
type_func_name_keyword(A) ::= OUTER(B). { A = B; }
type_func_name_keyword(A) ::= OVERLAPS(B). { A = B; }
type_func_name_keyword(A) ::= RIGHT(B). { A = B; }
type_func_name_keyword(A) ::= SIMILAR(B). { A = B; }
type_func_name_keyword(A) ::= TABLESAMPLE(B). { A = B; }
type_func_name_keyword(A) ::= VERBOSE(B). { A = B; }
%type reserved_keyword {struct token}
reserved_keyword(A) ::= ALL(B). { A = B; }
reserved_keyword(A) ::= ANALYSE(B). { A = B; }
reserved_keyword(A) ::= ANALYZE(B). { A = B; }
reserved_keyword(A) ::= AND(B). { A = B; }
reserved_keyword(A) ::= ANY(B). { A = B; }
reserved_keyword(A) ::= ARRAY(B). { A = B; }
reserved_keyword(A) ::= AS(B). { A = B; }
reserved_keyword(A) ::= ASC(B). { A = B; }
reserved_keyword(A) ::= ASYMMETRIC(B). { A = B; }
reserved_keyword(A) ::= BOTH(B). { A = B; }
reserved_keyword(A) ::= CASE(B). { A = B; }
reserved_keyword(A) ::= CAST(B). { A = B; }
reserved_keyword(A) ::= CHECK(B). { A = B; }
reserved_keyword(A) ::= COLLATE(B). { A = B; }
reserved_keyword(A) ::= COLUMN(B). { A = B; }
reserved_keyword(A) ::= CONSTRAINT(B). { A = B; }
reserved_keyword(A) ::= CREATE(B). { A = B; }
reserved_keyword(A) ::= CURRENT_CATALOG(B). { A = B; }
reserved_keyword(A) ::= CURRENT_DATE(B). { A = B; }
reserved_keyword(A) ::= CURRENT_ROLE(B). { A = B; }
reserved_keyword(A) ::= CURRENT_TIME(B). { A = B; }
reserved_keyword(A) ::= CURRENT_TIMESTAMP(B). { A = B; }
reserved_keyword(A) ::= CURRENT_USER(B). { A = B; }
reserved_keyword(A) ::= DEFAULT(B). { A = B; }
reserved_keyword(A) ::= DEFERRABLE(B). { A = B; }
reserved_keyword(A) ::= DESC(B). { A = B; }
reserved_keyword(A) ::= DISTINCT(B). { A = B; }
reserved_keyword(A) ::= DO(B). { A = B; }
reserved_keyword(A) ::= ELSE(B). { A = B; }
reserved_keyword(A) ::= END(B). { A = B; }
reserved_keyword(A) ::= EXCEPT(B). { A = B; }
reserved_keyword(A) ::= FALSE(B). { A = B; }
reserved_keyword(A) ::= FETCH(B). { A = B; }
reserved_keyword(A) ::= FOR(B). { A = B; }
reserved_keyword(A) ::= FOREIGN(B). { A = B; }
reserved_keyword(A) ::= FROM(B). { A = B; }
reserved_keyword(A) ::= GRANT(B). { A = B; }
reserved_keyword(A) ::= GROUP(B). { A = B; }
reserved_keyword(A) ::= HAVING(B). { A = B; }
reserved_keyword(A) ::= IN(B). { A = B; }
reserved_keyword(A) ::= INITIALLY(B). { A = B; }
reserved_keyword(A) ::= INTERSECT(B). { A = B; }
reserved_keyword(A) ::= INTO(B). { A = B; }
reserved_keyword(A) ::= LATERAL(B). { A = B; }
reserved_keyword(A) ::= LEADING(B). { A = B; }
reserved_keyword(A) ::= LIMIT(B). { A = B; }
reserved_keyword(A) ::= LOCALTIME(B). { A = B; }
reserved_keyword(A) ::= LOCALTIMESTAMP(B). { A = B; }
reserved_keyword(A) ::= NOT(B). { A = B; }
reserved_keyword(A) ::= NULL(B). { A = B; }
reserved_keyword(A) ::= OFFSET(B). { A = B; }
reserved_keyword(A) ::= ON(B). { A = B; }
reserved_keyword(A) ::= ONLY(B). { A = B; }
reserved_keyword(A) ::= OR(B). { A = B; }
reserved_keyword(A) ::= ORDER(B). { A = B; }
reserved_keyword(A) ::= PLACING(B). { A = B; }
reserved_keyword(A) ::= PRIMARY(B). { A = B; }
reserved_keyword(A) ::= REFERENCES(B). { A = B; }
reserved_keyword(A) ::= RETURNING(B). { A = B; }
reserved_keyword(A) ::= SELECT(B). { A = B; }
reserved_keyword(A) ::= SESSION_USER(B). { A = B; }
reserved_keyword(A) ::= SOME(B). { A = B; }
reserved_keyword(A) ::= SYMMETRIC(B). { A = B; }
reserved_keyword(A) ::= TABLE(B). { A = B; }
reserved_keyword(A) ::= THEN(B). { A = B; }
reserved_keyword(A) ::= TO(B). { A = B; }
reserved_keyword(A) ::= TRAILING(B). { A = B; }
reserved_keyword(A) ::= TRUE(B). { A = B; }
reserved_keyword(A) ::= UNION(B). { A = B; }
reserved_keyword(A) ::= UNIQUE(B). { A = B; }
reserved_keyword(A) ::= USER(B). { A = B; }
reserved_keyword(A) ::= USING(B). { A = B; }
reserved_keyword(A) ::= VARIADIC(B). { A = B; }
reserved_keyword(A) ::= WHEN(B). { A = B; }
reserved_keyword(A) ::= WHERE(B). { A = B; }
reserved_keyword(A) ::= WINDOW(B). { A = B; }
reserved_keyword(A) ::= WITH(B). { A = B; }
%type bare_label_keyword {struct token}
bare_label_keyword(A) ::= ALL(B). { A = B; }
bare_label_keyword(A) ::= ANALYSE(B). { A = B; }
bare_label_keyword(A) ::= ANALYZE(B). { A = B; }
bare_label_keyword(A) ::= AND(B). { A = B; }
bare_label_keyword(A) ::= ANY(B). { A = B; }
bare_label_keyword(A) ::= ASC(B). { A = B; }
bare_label_keyword(A) ::= ASYMMETRIC(B). { A = B; }
bare_label_keyword(A) ::= AUTHORIZATION(B). { A = B; }
bare_label_keyword(A) ::= BETWEEN(B). { A = B; }
bare_label_keyword(A) ::= BIGINT(B). { A = B; }
bare_label_keyword(A) ::= BINARY(B). { A = B; }
bare_label_keyword(A) ::= BIT(B). { A = B; }
bare_label_keyword(A) ::= BOOLEAN(B). { A = B; }
bare_label_keyword(A) ::= BOTH(B). { A = B; }
bare_label_keyword(A) ::= CASE(B). { A = B; }
bare_label_keyword(A) ::= CAST(B). { A = B; }
bare_label_keyword(A) ::= CHECK(B). { A = B; }
bare_label_keyword(A) ::= COALESCE(B). { A = B; }
bare_label_keyword(A) ::= COLLATE(B). { A = B; }
bare_label_keyword(A) ::= COLLATION(B). { A = B; }
bare_label_keyword(A) ::= COLUMN(B). { A = B; }
bare_label_keyword(A) ::= CONCURRENTLY(B). { A = B; }
bare_label_keyword(A) ::= CONSTRAINT(B). { A = B; }
bare_label_keyword(A) ::= CROSS(B). { A = B; }
bare_label_keyword(A) ::= CURRENT_CATALOG(B). { A = B; }
bare_label_keyword(A) ::= CURRENT_DATE(B). { A = B; }
bare_label_keyword(A) ::= CURRENT_ROLE(B). { A = B; }
bare_label_keyword(A) ::= CURRENT_SCHEMA(B). { A = B; }
bare_label_keyword(A) ::= CURRENT_TIME(B). { A = B; }
bare_label_keyword(A) ::= CURRENT_TIMESTAMP(B). { A = B; }
bare_label_keyword(A) ::= CURRENT_USER(B). { A = B; }
bare_label_keyword(A) ::= DEC(B). { A = B; }
bare_label_keyword(A) ::= DECIMAL(B). { A = B; }
bare_label_keyword(A) ::= DEFAULT(B). { A = B; }
bare_label_keyword(A) ::= DEFERRABLE(B). { A = B; }
bare_label_keyword(A) ::= DESC(B). { A = B; }
bare_label_keyword(A) ::= DISTINCT(B). { A = B; }
bare_label_keyword(A) ::= DO(B). { A = B; }
bare_label_keyword(A) ::= ELSE(B). { A = B; }
bare_label_keyword(A) ::= END(B). { A = B; }
bare_label_keyword(A) ::= EXISTS(B). { A = B; }
bare_label_keyword(A) ::= EXTRACT(B). { A = B; }
bare_label_keyword(A) ::= FALSE(B). { A = B; }
bare_label_keyword(A) ::= FLOAT(B). { A = B; }
bare_label_keyword(A) ::= FOREIGN(B). { A = B; }
bare_label_keyword(A) ::= FREEZE(B). { A = B; }
bare_label_keyword(A) ::= FULL(B). { A = B; }
bare_label_keyword(A) ::= GREATEST(B). { A = B; }
bare_label_keyword(A) ::= GROUPING(B). { A = B; }
bare_label_keyword(A) ::= ILIKE(B). { A = B; }
bare_label_keyword(A) ::= IN(B). { A = B; }
bare_label_keyword(A) ::= INITIALLY(B). { A = B; }
bare_label_keyword(A) ::= INNER(B). { A = B; }
bare_label_keyword(A) ::= INOUT(B). { A = B; }
bare_label_keyword(A) ::= INT(B). { A = B; }
bare_label_keyword(A) ::= INTEGER(B). { A = B; }
bare_label_keyword(A) ::= INTERVAL(B). { A = B; }
bare_label_keyword(A) ::= IS(B). { A = B; }
bare_label_keyword(A) ::= JOIN(B). { A = B; }
bare_label_keyword(A) ::= LATERAL(B). { A = B; }
bare_label_keyword(A) ::= LEADING(B). { A = B; }
bare_label_keyword(A) ::= LEAST(B). { A = B; }
bare_label_keyword(A) ::= LEFT(B). { A = B; }
bare_label_keyword(A) ::= LIKE(B). { A = B; }
bare_label_keyword(A) ::= LOCALTIME(B). { A = B; }
bare_label_keyword(A) ::= LOCALTIMESTAMP(B). { A = B; }
bare_label_keyword(A) ::= NATIONAL(B). { A = B; }
bare_label_keyword(A) ::= NATURAL(B). { A = B; }
bare_label_keyword(A) ::= NCHAR(B). { A = B; }
bare_label_keyword(A) ::= NONE(B). { A = B; }
bare_label_keyword(A) ::= NORMALIZE(B). { A = B; }
bare_label_keyword(A) ::= NOT(B). { A = B; }
bare_label_keyword(A) ::= NULL(B). { A = B; }
bare_label_keyword(A) ::= NULLIF(B). { A = B; }
bare_label_keyword(A) ::= NUMERIC(B). { A = B; }
bare_label_keyword(A) ::= ONLY(B). { A = B; }
bare_label_keyword(A) ::= OR(B). { A = B; }
bare_label_keyword(A) ::= OUT(B). { A = B; }
bare_label_keyword(A) ::= OUTER(B). { A = B; }
bare_label_keyword(A) ::= OVERLAY(B). { A = B; }
bare_label_keyword(A) ::= PLACING(B). { A = B; }
bare_label_keyword(A) ::= POSITION(B). { A = B; }
bare_label_keyword(A) ::= PRIMARY(B). { A = B; }
bare_label_keyword(A) ::= REAL(B). { A = B; }
bare_label_keyword(A) ::= REFERENCES(B). { A = B; }
bare_label_keyword(A) ::= RIGHT(B). { A = B; }
bare_label_keyword(A) ::= ROW(B). { A = B; }
bare_label_keyword(A) ::= SELECT(B). { A = B; }
bare_label_keyword(A) ::= SESSION_USER(B). { A = B; }
bare_label_keyword(A) ::= SETOF(B). { A = B; }
bare_label_keyword(A) ::= SIMILAR(B). { A = B; }
bare_label_keyword(A) ::= SMALLINT(B). { A = B; }
bare_label_keyword(A) ::= SOME(B). { A = B; }
bare_label_keyword(A) ::= SUBSTRING(B). { A = B; }
bare_label_keyword(A) ::= SYMMETRIC(B). { A = B; }
bare_label_keyword(A) ::= TABLE(B). { A = B; }
bare_label_keyword(A) ::= TABLESAMPLE(B). { A = B; }
bare_label_keyword(A) ::= THEN(B). { A = B; }
bare_label_keyword(A) ::= TIME(B). { A = B; }
bare_label_keyword(A) ::= TIMESTAMP(B). { A = B; }
bare_label_keyword(A) ::= TRAILING(B). { A = B; }
bare_label_keyword(A) ::= TREAT(B). { A = B; }
bare_label_keyword(A) ::= TRIM(B). { A = B; }
bare_label_keyword(A) ::= TRUE(B). { A = B; }
bare_label_keyword(A) ::= UNIQUE(B). { A = B; }
bare_label_keyword(A) ::= USER(B). { A = B; }
bare_label_keyword(A) ::= USING(B). { A = B; }
bare_label_keyword(A) ::= VALUES(B). { A = B; }
bare_label_keyword(A) ::= VARCHAR(B). { A = B; }
bare_label_keyword(A) ::= VARIADIC(B). { A = B; }
bare_label_keyword(A) ::= VERBOSE(B). { A = B; }
bare_label_keyword(A) ::= WHEN(B). { A = B; }
bare_label_keyword(A) ::= XMLATTRIBUTES(B). { A = B; }
bare_label_keyword(A) ::= XMLCONCAT(B). { A = B; }
bare_label_keyword(A) ::= XMLELEMENT(B). { A = B; }
bare_label_keyword(A) ::= XMLEXISTS(B). { A = B; }
bare_label_keyword(A) ::= XMLFOREST(B). { A = B; }
bare_label_keyword(A) ::= XMLNAMESPACES(B). { A = B; }
bare_label_keyword(A) ::= XMLPARSE(B). { A = B; }
bare_label_keyword(A) ::= XMLPI(B). { A = B; }
bare_label_keyword(A) ::= XMLROOT(B). { A = B; }
bare_label_keyword(A) ::= XMLSERIALIZE(B). { A = B; }
bare_label_keyword(A) ::= XMLTABLE(B). { A = B; }

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
ident(A) ::= IDENT(B). { A = B; }
ident(A) ::= DOUBLE(B). { A = B; }
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
bare_label(A) ::= AT(B). { A = B; }
bare_label(A) ::= OPERATOR(B). { A = B; }
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
number(A) ::= ICONST(B). { A = build_number(p, B); }
number(A) ::= FCONST(B). { A = build_number(p, B); }
sconst_or_word(A) ::= non_reserved_word(A).
sconst_or_word(A) ::= SCONST(B). { A = B; }
opt_boolean_or_string(A) ::= TRUE(B). { A = B; }
opt_boolean_or_string(A) ::= FALSE(B). { A = B; }
opt_boolean_or_string(A) ::= ON(B). { A = B; }
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
