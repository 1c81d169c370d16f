
/* ---- DROP, COMMENT, schemas, databases, roles, extensions, privileges ---- */

%type name_object {int}
%type single_object {int}
%type sub_object {int}
%type drop_list {struct ast_list *}
%type type_list {struct ast_list *}
%type opt_concurrent_drop {int}
drop(A) ::= DROP(B) name_object(C) if_exists(D) any_name_list(E) opt_behavior(F). { A = build_drop(p, C, D, E, F, B.location); }
drop(A) ::= DROP(B) INDEX if_exists(D) any_name_list(E) opt_behavior(F). { A = build_drop(p, AST_OBJECT_INDEX, D, E, F, B.location); }
drop(A) ::= DROP(B) INDEX CONCURRENTLY if_exists(D) any_name_list(E) opt_behavior(F). { A = build_drop(p, AST_OBJECT_INDEX, D, E, F, B.location); ((struct ast_drop *)A)->is_concurrent = true; }
drop(A) ::= DROP(B) single_object(C) if_exists(D) name_list(E) opt_behavior(F). { A = build_drop(p, C, D, wrap_names(p, E), F, B.location); }
drop(A) ::= DROP(B) TYPE if_exists(D) type_list(E) opt_behavior(F). { A = build_drop(p, AST_OBJECT_TYPE, D, E, F, B.location); }
drop(A) ::= DROP(B) DOMAIN if_exists(D) type_list(E) opt_behavior(F). { A = build_drop(p, AST_OBJECT_DOMAIN, D, E, F, B.location); }
drop(A) ::= DROP(B) sub_object(C) if_exists(D) col_id(E) ON any_name(F) opt_behavior(G). { A = build_drop(p, C, D, list_add(p, NULL, build_node_list(p, list_add(p, F, build_name(p, E)))), G, B.location); }
drop(A) ::= DROP(B) VECTORS if_exists(D) any_name_list(E) opt_behavior(F). { A = build_drop(p, AST_OBJECT_VECTORS, D, E, F, B.location); }
drop(A) ::= DROP(B) FUNCTION if_exists(D) drop_list(E) opt_behavior(F). { A = build_drop(p, AST_OBJECT_FUNCTION, D, E, F, B.location); }
drop(A) ::= DROP(B) PROCEDURE if_exists(D) drop_list(E) opt_behavior(F). { A = build_drop(p, AST_OBJECT_PROCEDURE, D, E, F, B.location); }
drop(A) ::= DROP(B) ROUTINE if_exists(D) drop_list(E) opt_behavior(F). { A = build_drop(p, AST_OBJECT_ROUTINE, D, E, F, B.location); }
drop(A) ::= DROP(B) AGGREGATE if_exists(D) drop_list(E) opt_behavior(F). { A = build_drop(p, AST_OBJECT_AGGREGATE, D, E, F, B.location); }
drop(A) ::= DROP(B) DATABASE if_exists(D) col_id(E) drop_database_options(F). { A = build_database(p, AST_DROP_DATABASE, E, D, F, B.location); }
drop(A) ::= DROP(B) ROLE if_exists(D) role_list(E). { A = build_drop_role(p, D, E, B.location); }
drop(A) ::= DROP(B) USER if_exists(D) role_list(E). { A = build_drop_role(p, D, E, B.location); }
drop(A) ::= DROP(B) GROUP if_exists(D) role_list(E). { A = build_drop_role(p, D, E, B.location); }
drop(A) ::= DROP(B) OWNED BY role_list(C) opt_behavior(D). { A = build_owned(p, C, NULL, D, B.location); }
drop(A) ::= DROP(B) CAST(C) rest. { A = build_unsupported2(p, "DROP", C.text, NULL, B.location); }
drop(A) ::= DROP(B) OPERATOR(C) rest. { A = build_unsupported2(p, "DROP", C.text, NULL, B.location); }
drop(A) ::= DROP(B) TRANSFORM(C) rest. { A = build_unsupported2(p, "DROP", C.text, NULL, B.location); }
drop(A) ::= DROP(B) USER MAPPING rest. { A = build_unsupported(p, "DROP USER MAPPING", B.location); }
%type drop_database_options {struct ast_list *}
drop_database_options(A) ::= . { A = NULL; }
drop_database_options(A) ::= opt_with LPAREN generic_options(B) RPAREN. { A = B; }
drop_list(A) ::= function_signature(B). { A = list_add(p, NULL, B); }
drop_list(A) ::= drop_list(A) COMMA function_signature(B). { A = list_add(p, A, B); }
function_signature(A) ::= any_name(B). { A = build_node_list(p, B); }
function_signature(A) ::= any_name(B) LPAREN signature_args RPAREN. { A = build_node_list(p, B); }
signature_args ::= .
signature_args ::= STAR.
signature_args ::= signature_arg_list.
signature_arg_list ::= signature_arg.
signature_arg_list ::= signature_arg_list COMMA signature_arg.
signature_arg ::= typename.
signature_arg ::= arg_mode typename.
signature_arg ::= type_function_name typename.
signature_arg ::= arg_mode type_function_name typename.
signature_arg ::= type_function_name arg_mode typename.
arg_mode ::= IN.
arg_mode ::= OUT.
arg_mode ::= INOUT.
arg_mode ::= VARIADIC.
type_list(A) ::= typename(B). { A = list_add(p, NULL, &B->node); }
type_list(A) ::= type_list(A) COMMA typename(B). { A = list_add(p, A, &B->node); }
name_object(A) ::= TABLE. { A = AST_OBJECT_TABLE; }
name_object(A) ::= SEQUENCE. { A = AST_OBJECT_SEQUENCE; }
name_object(A) ::= VIEW. { A = AST_OBJECT_VIEW; }
name_object(A) ::= MATERIALIZED VIEW. { A = AST_OBJECT_MATERIALIZED_VIEW; }
name_object(A) ::= FOREIGN TABLE. { A = AST_OBJECT_FOREIGN_TABLE; }
name_object(A) ::= COLLATION. { A = AST_OBJECT_COLLATION; }
name_object(A) ::= CONVERSION. { A = AST_OBJECT_CONVERSION; }
name_object(A) ::= STATISTICS. { A = AST_OBJECT_STATISTICS; }
name_object(A) ::= TEXT SEARCH PARSER. { A = AST_OBJECT_TEXT_SEARCH; }
name_object(A) ::= TEXT SEARCH DICTIONARY. { A = AST_OBJECT_TEXT_SEARCH; }
name_object(A) ::= TEXT SEARCH TEMPLATE. { A = AST_OBJECT_TEXT_SEARCH; }
name_object(A) ::= TEXT SEARCH CONFIGURATION. { A = AST_OBJECT_TEXT_SEARCH; }
single_object(A) ::= SCHEMA. { A = AST_OBJECT_SCHEMA; }
single_object(A) ::= EXTENSION. { A = AST_OBJECT_EXTENSION; }
single_object(A) ::= LANGUAGE. { A = AST_OBJECT_LANGUAGE; }
single_object(A) ::= PROCEDURAL LANGUAGE. { A = AST_OBJECT_LANGUAGE; }
single_object(A) ::= TABLESPACE. { A = AST_OBJECT_TABLESPACE; }
single_object(A) ::= PUBLICATION. { A = AST_OBJECT_PUBLICATION; }
single_object(A) ::= SUBSCRIPTION. { A = AST_OBJECT_SUBSCRIPTION; }
single_object(A) ::= SERVER. { A = AST_OBJECT_SERVER; }
single_object(A) ::= FOREIGN DATA WRAPPER. { A = AST_OBJECT_FOREIGN_DATA_WRAPPER; }
single_object(A) ::= EVENT TRIGGER. { A = AST_OBJECT_EVENT_TRIGGER; }
single_object(A) ::= ACCESS METHOD. { A = AST_OBJECT_ACCESS_METHOD; }
sub_object(A) ::= TRIGGER. { A = AST_OBJECT_TRIGGER; }
sub_object(A) ::= RULE. { A = AST_OBJECT_RULE; }
sub_object(A) ::= POLICY. { A = AST_OBJECT_POLICY; }

%type comment_text {struct token}
utility(A) ::= COMMENT(B) ON name_object(C) any_name(D) IS comment_text(E). { A = build_comment(p, C, build_node_list(p, D), E, B.location); }
utility(A) ::= COMMENT(B) ON INDEX any_name(D) IS comment_text(E). { A = build_comment(p, AST_OBJECT_INDEX, build_node_list(p, D), E, B.location); }
utility(A) ::= COMMENT(B) ON COLUMN any_name(D) IS comment_text(E). { A = build_comment(p, AST_OBJECT_COLUMN, build_node_list(p, D), E, B.location); }
utility(A) ::= COMMENT(B) ON single_object(C) col_id(D) IS comment_text(E). { A = build_comment(p, C, build_node_list(p, list_add(p, NULL, build_name(p, D))), E, B.location); }
utility(A) ::= COMMENT(B) ON DATABASE col_id(D) IS comment_text(E). { A = build_comment(p, AST_OBJECT_DATABASE, build_node_list(p, list_add(p, NULL, build_name(p, D))), E, B.location); }
utility(A) ::= COMMENT(B) ON ROLE col_id(D) IS comment_text(E). { A = build_comment(p, AST_OBJECT_ROLE, build_node_list(p, list_add(p, NULL, build_name(p, D))), E, B.location); }
utility(A) ::= COMMENT(B) ON TYPE typename(D) IS comment_text(E). { A = build_comment(p, AST_OBJECT_TYPE, &D->node, E, B.location); }
utility(A) ::= COMMENT(B) ON DOMAIN typename(D) IS comment_text(E). { A = build_comment(p, AST_OBJECT_DOMAIN, &D->node, E, B.location); }
utility(A) ::= COMMENT(B) ON sub_object(C) col_id(D) ON any_name(F) IS comment_text(E). { A = build_comment(p, C, build_node_list(p, list_add(p, F, build_name(p, D))), E, B.location); }
utility(A) ::= COMMENT(B) ON CONSTRAINT col_id(D) ON any_name(F) IS comment_text(E). { A = build_comment(p, AST_OBJECT_CONSTRAINT, build_node_list(p, list_add(p, F, build_name(p, D))), E, B.location); }
utility(A) ::= COMMENT(B) ON FUNCTION function_signature(D) IS comment_text(E). { A = build_comment(p, AST_OBJECT_FUNCTION, D, E, B.location); }
utility(A) ::= COMMENT(B) ON PROCEDURE function_signature(D) IS comment_text(E). { A = build_comment(p, AST_OBJECT_PROCEDURE, D, E, B.location); }
utility(A) ::= COMMENT(B) ON ROUTINE function_signature(D) IS comment_text(E). { A = build_comment(p, AST_OBJECT_ROUTINE, D, E, B.location); }
utility(A) ::= COMMENT(B) ON AGGREGATE function_signature(D) IS comment_text(E). { A = build_comment(p, AST_OBJECT_AGGREGATE, D, E, B.location); }
utility(A) ::= COMMENT(B) ON CAST rest. { A = build_unsupported(p, "COMMENT", B.location); }
utility(A) ::= COMMENT(B) ON OPERATOR rest. { A = build_unsupported(p, "COMMENT", B.location); }
utility(A) ::= COMMENT(B) ON TRANSFORM rest. { A = build_unsupported(p, "COMMENT", B.location); }
utility(A) ::= COMMENT(B) ON LARGE rest. { A = build_unsupported(p, "COMMENT", B.location); }
comment_text(A) ::= SCONST(B). { A = B; }
comment_text(A) ::= NULL. { A = (struct token){NULL, -1, 0}; }

/* schemas */
%type schema_elements {struct ast_list *}
create_schema(A) ::= CREATE(B) SCHEMA if_not_exists(C) col_id(D) schema_owner(E) schema_elements(F). { A = build_schema(p, D.text, E, C, F, B.location); }
create_schema(A) ::= CREATE(B) SCHEMA if_not_exists(C) AUTHORIZATION role(E) schema_elements(F). { A = build_schema(p, NULL, E, C, F, B.location); }
%type schema_owner {struct ast_role *}
schema_owner(A) ::= . { A = NULL; }
schema_owner(A) ::= AUTHORIZATION role(B). { A = B; }
schema_elements(A) ::= . { A = NULL; }
schema_elements(A) ::= schema_elements(A) create(B). { A = list_add(p, A, B); }
schema_elements(A) ::= schema_elements(A) grant(B). { A = list_add(p, A, B); }
alter(A) ::= ALTER(B) SCHEMA col_id(C) RENAME TO col_id(D). { A = build_rename(p, AST_OBJECT_SCHEMA, 0, NULL, list_add(p, NULL, build_name(p, C)), D, B.location); }
alter(A) ::= ALTER(B) SCHEMA col_id(C) OWNER TO role(D). { A = build_set_owner(p, AST_OBJECT_SCHEMA, list_add(p, NULL, build_name(p, C)), D, B.location); }

/* databases */
%type database_options {struct ast_list *}
create(A) ::= CREATE(B) DATABASE col_id(C) opt_with database_options(D). { A = build_database(p, AST_CREATE_DATABASE, C, 0, D, B.location); }
alter(A) ::= ALTER(B) DATABASE col_id(C) opt_with alter_database_options(D). { A = build_database(p, AST_ALTER_DATABASE, C, 0, D, B.location); }
alter(A) ::= ALTER(B) DATABASE col_id(C) RENAME TO col_id(D). { A = build_rename(p, AST_OBJECT_DATABASE, 0, NULL, list_add(p, NULL, build_name(p, C)), D, B.location); }
alter(A) ::= ALTER(B) DATABASE col_id(C) OWNER TO role(D). { A = build_set_owner(p, AST_OBJECT_DATABASE, list_add(p, NULL, build_name(p, C)), D, B.location); }
alter(A) ::= ALTER(B) DATABASE col_id(C) set_reset(D). { A = build_alter_setting(p, false, NULL, false, C.text, D, B.location); }
alter(A) ::= ALTER(B) SYSTEM set_reset(D). { A = build_alter_setting(p, true, NULL, false, NULL, D, B.location); }
database_options(A) ::= . { A = NULL; }
database_options(A) ::= database_options(A) database_option(B). { A = list_add(p, A, B); }
alter_database_option(A) ::= database_option_name(B) opt_equal database_value(C). { A = build_option(p, B.text, C, B.location); }
%type database_option_name {struct token}
database_option(A) ::= OWNER(B) opt_equal database_value(C). { A = build_option(p, B.text, C, B.location); }
%type alter_database_options {struct ast_list *}
alter_database_options(A) ::= . { A = NULL; }
alter_database_options(A) ::= alter_database_options(A) alter_database_option(B). { A = list_add(p, A, B); }
database_option(A) ::= alter_database_option(A).
database_option_name(A) ::= IDENT(B). { A = B; }
database_option_name(A) ::= ENCODING(B). { A = B; }
database_option_name(A) ::= LOCATION(B). { A = B; }
database_option_name(A) ::= TABLESPACE(B). { A = B; }
database_option_name(A) ::= TEMPLATE(B). { A = B; }
database_option_name(A) ::= CONNECTION(B) LIMIT. { A = B; A.text = "connection_limit"; }
opt_equal ::= .
opt_equal ::= EQ.
database_value(A) ::= signed_number(A).
database_value(A) ::= opt_boolean_or_string(B). { A = build_string(p, B); }
database_value(A) ::= DEFAULT. { A = NULL; }

/* roles */
%type role {struct ast_role *}
%type role_list {struct ast_list *}
%type role_options {struct ast_list *}
role(A) ::= non_reserved_word(B). { A = build_role(p, B); }
role(A) ::= CURRENT_ROLE(B). { A = NODE(AST_ROLE, ast_role, B.location); A->type = AST_ROLE_CURRENT_ROLE; }
role(A) ::= CURRENT_USER(B). { A = NODE(AST_ROLE, ast_role, B.location); A->type = AST_ROLE_CURRENT_USER; }
role(A) ::= SESSION_USER(B). { A = NODE(AST_ROLE, ast_role, B.location); A->type = AST_ROLE_SESSION_USER; }
role_list(A) ::= role(B). { A = list_add(p, NULL, &B->node); }
role_list(A) ::= role_list(A) COMMA role(B). { A = list_add(p, A, &B->node); }
create(A) ::= CREATE(B) ROLE(E) non_reserved_word(C) opt_with role_options(D). { A = build_create_role(p, E, C, D, B.location); }
create(A) ::= CREATE(B) USER(E) non_reserved_word(C) opt_with role_options(D). { A = build_create_role(p, E, C, D, B.location); }
create(A) ::= CREATE(B) GROUP(E) non_reserved_word(C) opt_with role_options(D). { A = build_create_role(p, E, C, D, B.location); }
alter(A) ::= ALTER(B) ROLE role(C) opt_with alter_role_options(D). { A = build_alter_role(p, C, 0, D, B.location); }
alter(A) ::= ALTER(B) USER role(C) opt_with alter_role_options(D). { A = build_alter_role(p, C, 0, D, B.location); }
alter(A) ::= ALTER(B) GROUP role(C) ADD(E) USER(F) role_list(D). { A = build_alter_role(p, C, E.text[0], list_add(p, NULL, build_option(p, "role", build_node_list(p, D), F.location)), B.location); }
alter(A) ::= ALTER(B) GROUP role(C) DROP(E) USER(F) role_list(D). { A = build_alter_role(p, C, E.text[0], list_add(p, NULL, build_option(p, "role", build_node_list(p, D), F.location)), B.location); }
alter(A) ::= ALTER(B) ROLE role(C) set_reset(D). { A = build_alter_setting(p, false, C, false, NULL, D, B.location); }
alter(A) ::= ALTER(B) USER role(C) set_reset(D). { A = build_alter_setting(p, false, C, false, NULL, D, B.location); }
alter(A) ::= ALTER(B) ROLE role(C) IN DATABASE col_id(E) set_reset(D). { A = build_alter_setting(p, false, C, false, E.text, D, B.location); }
alter(A) ::= ALTER(B) USER role(C) IN DATABASE col_id(E) set_reset(D). { A = build_alter_setting(p, false, C, false, E.text, D, B.location); }
alter(A) ::= ALTER(B) ROLE ALL set_reset(D). { A = build_alter_setting(p, false, NULL, true, NULL, D, B.location); }
alter(A) ::= ALTER(B) USER ALL set_reset(D). { A = build_alter_setting(p, false, NULL, true, NULL, D, B.location); }
alter(A) ::= ALTER(B) ROLE ALL IN DATABASE col_id(E) set_reset(D). { A = build_alter_setting(p, false, NULL, true, E.text, D, B.location); }
alter(A) ::= ALTER(B) USER ALL IN DATABASE col_id(E) set_reset(D). { A = build_alter_setting(p, false, NULL, true, E.text, D, B.location); }
alter(A) ::= ALTER(B) ROLE role(C) RENAME TO non_reserved_word(D). { A = build_rename_role(p, C, D, B.location); }
alter(A) ::= ALTER(B) USER role(C) RENAME TO non_reserved_word(D). { A = build_rename_role(p, C, D, B.location); }
alter(A) ::= ALTER(B) GROUP role(C) RENAME TO non_reserved_word(D). { A = build_rename_role(p, C, D, B.location); }
%type alter_role_options {struct ast_list *}
alter_role_options(A) ::= . { A = NULL; }
alter_role_options(A) ::= alter_role_options(A) alter_role_option(B). { A = list_add(p, A, B); }
role_options(A) ::= . { A = NULL; }
role_options(A) ::= role_options(A) role_option(B). { A = list_add(p, A, B); }
alter_role_option(A) ::= PASSWORD(B) SCONST(C). { A = build_option(p, "password", build_string(p, C), B.location); }
alter_role_option(A) ::= PASSWORD(B) NULL(C). { A = build_option(p, "password", build_null(p, C.location), B.location); }
alter_role_option(A) ::= ENCRYPTED(B) PASSWORD SCONST(C). { A = build_option(p, "password", build_string(p, C), B.location); }
alter_role_option(A) ::= INHERIT(B). { A = build_option(p, "inherit", build_bool_const(p, true, -1), B.location); }
alter_role_option(A) ::= CONNECTION(B) LIMIT signed_number(C). { A = build_option(p, "connection_limit", C, B.location); }
alter_role_option(A) ::= VALID(B) UNTIL SCONST(C). { A = build_option(p, "valid_until", build_string(p, C), B.location); }
alter_role_option(A) ::= USER(B) role_list(C). { A = build_option(p, "role", build_node_list(p, C), B.location); }
role_option(A) ::= alter_role_option(A).
role_option(A) ::= ROLE(B) role_list(C). { A = build_option(p, "role", build_node_list(p, C), B.location); }
role_option(A) ::= ADMIN(B) role_list(C). { A = build_option(p, "admin", build_node_list(p, C), B.location); }
role_option(A) ::= IN(B) ROLE role_list(C). { A = build_option(p, "in_role", build_node_list(p, C), B.location); }
role_option(A) ::= IN(B) GROUP role_list(C). { A = build_option(p, "in_role", build_node_list(p, C), B.location); }
role_option(A) ::= SYSID(B) ICONST(C). { A = build_option(p, "sysid", build_number(p, C), B.location); }
alter_role_option(A) ::= IDENT(B). { A = build_role_flag(p, B); }

/* extensions and enumerations */
create(A) ::= CREATE(B) EXTENSION if_not_exists(C) col_id(D) opt_with extension_options(E). {
    struct ast_create_extension *extension = NODE(AST_CREATE_EXTENSION, ast_create_extension, B.location);
    extension->name = D.text;
    extension->is_if_not_exists = C;
    extension->options = E;
    A = &extension->node;
}
%type extension_options {struct ast_list *}
extension_options(A) ::= . { A = NULL; }
extension_options(A) ::= extension_options(A) SCHEMA(C) col_id(B). { A = list_add(p, A, build_word_option(p, "schema", B.text, C.location)); }
extension_options(A) ::= extension_options(A) VERSION(C) sconst_or_word(B). { A = list_add(p, A, build_word_option(p, "version", B.text, C.location)); }
extension_options(A) ::= extension_options(A) CASCADE(C). { A = list_add(p, A, build_option(p, "cascade", NULL, C.location)); }
create(A) ::= CREATE(B) TYPE any_name(C) AS ENUM LPAREN opt_enum_labels(D) RPAREN. {
    struct ast_create_enum *type = NODE(AST_CREATE_ENUM, ast_create_enum, B.location);
    type->names = C;
    type->labels = D;
    A = &type->node;
}
%type opt_enum_labels {struct ast_list *}
%type enum_labels {struct ast_list *}
opt_enum_labels(A) ::= . { A = NULL; }
opt_enum_labels(A) ::= enum_labels(A).
enum_labels(A) ::= SCONST(B). { A = list_add(p, NULL, build_string(p, B)); }
enum_labels(A) ::= enum_labels(A) COMMA SCONST(B). { A = list_add(p, A, build_string(p, B)); }
alter(A) ::= ALTER(B) TYPE any_name(C) ADD VALUE if_not_exists(D) SCONST(E). { A = build_alter_enum(p, C, D, E.text, NULL, 0, B.location); }
alter(A) ::= ALTER(B) TYPE any_name(C) ADD VALUE if_not_exists(D) SCONST(E) BEFORE SCONST(F). { A = build_alter_enum(p, C, D, E.text, F.text, 0, B.location); }
alter(A) ::= ALTER(B) TYPE any_name(C) ADD VALUE if_not_exists(D) SCONST(E) AFTER SCONST(F). { A = build_alter_enum(p, C, D, E.text, F.text, 1, B.location); }
alter(A) ::= ALTER(B) TYPE any_name(C) RENAME VALUE SCONST(D) TO SCONST(E). { A = build_alter_enum(p, C, 0, E.text, NULL, 0, B.location); ((struct ast_alter_enum *)A)->old_label = D.text; }
alter(A) ::= ALTER(B) TYPE any_name(C) RENAME TO col_id(D). { A = build_rename(p, AST_OBJECT_TYPE, 0, NULL, C, D, B.location); }
alter(A) ::= ALTER(B) TYPE any_name(C) SET SCHEMA col_id(D). { A = build_set_schema(p, AST_OBJECT_TYPE, 0, NULL, C, D, B.location); }
alter(A) ::= ALTER(B) TYPE any_name(C) OWNER TO role(D). { A = build_set_owner(p, AST_OBJECT_TYPE, C, D, B.location); }
create(A) ::= CREATE(B) DOMAIN any_name(C) opt_as typename(D) column_quals(E). { A = build_create_domain(p, C, D, E, B.location); }
alter(A) ::= ALTER(B) DOMAIN any_name(C) domain_command(D). { A = build_alter_domain(p, C, D, B.location); }
%type domain_command {struct ast_node *}
domain_command(A) ::= SET(B) DEFAULT a_expr(C). { A = build_alter(p, AST_COLUMN_DEFAULT, NULL, C, B.location); }
domain_command(A) ::= DROP(B) DEFAULT. { A = build_alter(p, AST_COLUMN_DEFAULT, NULL, NULL, B.location); }
domain_command(A) ::= SET(B) NOT NULL. { A = build_alter(p, AST_SET_NOT_NULL, NULL, NULL, B.location); }
domain_command(A) ::= DROP(B) NOT NULL. { A = build_alter(p, AST_DROP_NOT_NULL, NULL, NULL, B.location); }
domain_command(A) ::= ADD(B) table_constraint(C). { A = build_alter(p, AST_ADD_CONSTRAINT, NULL, C, B.location); }
domain_command(A) ::= DROP(B) CONSTRAINT col_id(C) opt_behavior(D). { A = build_alter_drop(p, AST_DROP_CONSTRAINT, 0, C, D, B.location); }
domain_command(A) ::= DROP(B) CONSTRAINT IF EXISTS col_id(C) opt_behavior(D). { A = build_alter_drop(p, AST_DROP_CONSTRAINT, 1, C, D, B.location); }
domain_command(A) ::= VALIDATE(B) CONSTRAINT col_id(C). { A = build_alter(p, AST_VALIDATE_CONSTRAINT, C.text, NULL, B.location); }
domain_command(A) ::= RENAME(B) CONSTRAINT col_id(C) TO col_id(D). { A = build_alter_text(p, AST_RENAME_CONSTRAINT, C, D.text, B.location); }
alter(A) ::= ALTER(B) DOMAIN any_name(C) RENAME TO col_id(D). { A = build_rename(p, AST_OBJECT_DOMAIN, 0, NULL, C, D, B.location); }
alter(A) ::= ALTER(B) DOMAIN any_name(C) SET SCHEMA col_id(D). { A = build_set_schema(p, AST_OBJECT_DOMAIN, 0, NULL, C, D, B.location); }
alter(A) ::= ALTER(B) DOMAIN any_name(C) OWNER TO role(D). { A = build_set_owner(p, AST_OBJECT_DOMAIN, C, D, B.location); }

/* privileges */
%type privileges {struct ast_list *}
%type privilege_list {struct ast_list *}
%type grant_target {struct ast_grant *}
%type opt_grant_option {int}
%type granted_by {struct ast_role *}
grant(A) ::= GRANT(B) privileges(C) ON grant_target(D) TO grantees(E) opt_grant_option(F) granted_by(G). { A = build_grant(p, D, true, C, E, F, G, AST_BEHAVIOR_DEFAULT, B.location); }
utility(A) ::= grant(A).
utility(A) ::= REVOKE(B) privileges(C) ON grant_target(D) FROM grantees(E) granted_by(G) opt_behavior(F). { A = build_grant(p, D, false, C, E, 0, G, F, B.location); }
utility(A) ::= REVOKE(B) GRANT OPTION FOR privileges(C) ON grant_target(D) FROM grantees(E) granted_by(G) opt_behavior(F). { A = build_grant(p, D, false, C, E, 1, G, F, B.location); }
utility(A) ::= GRANT(B) privilege_list(C) TO grantees(D) opt_admin_option(E) granted_by(F). { A = build_grant_role(p, true, C, D, E, F, AST_BEHAVIOR_DEFAULT, B.location); }
utility(A) ::= REVOKE(B) privilege_list(C) FROM grantees(D) granted_by(F) opt_behavior(G). { A = build_grant_role(p, false, C, D, 0, F, G, B.location); }
utility(A) ::= REVOKE(B) ADMIN OPTION FOR privilege_list(C) FROM grantees(D) granted_by(F) opt_behavior(G). { A = build_grant_role(p, false, C, D, 1, F, G, B.location); }
alter(A) ::= ALTER(B) DEFAULT PRIVILEGES default_options(C) default_grant(D). { A = build_default_grant(p, C, D, B.location); }
%type default_options {struct ast_default_privileges *}
%type default_target {struct ast_grant *}
default_options(A) ::= . { A = build_default_privileges(p, NULL, NULL, NULL); }
default_options(A) ::= default_options(B) FOR ROLE role_list(C). { A = build_default_privileges(p, B, C, NULL); }
default_options(A) ::= default_options(B) FOR USER role_list(C). { A = build_default_privileges(p, B, C, NULL); }
default_options(A) ::= default_options(B) IN SCHEMA name_list(C). { A = build_default_privileges(p, B, NULL, C); }
default_grant(A) ::= GRANT(B) privileges(C) ON default_target(D) TO grantees(E) opt_grant_option(F). { A = build_grant(p, D, true, C, E, F, NULL, AST_BEHAVIOR_DEFAULT, B.location); }
default_grant(A) ::= REVOKE(B) privileges(C) ON default_target(D) FROM grantees(E) opt_behavior(F). { A = build_grant(p, D, false, C, E, 0, NULL, F, B.location); }
default_grant(A) ::= REVOKE(B) GRANT OPTION FOR privileges(C) ON default_target(D) FROM grantees(E) opt_behavior(F). { A = build_grant(p, D, false, C, E, 1, NULL, F, B.location); }
default_target(A) ::= TABLES. { A = build_grant_target(p, AST_OBJECT_TABLE, NULL, 0); }
default_target(A) ::= SEQUENCES. { A = build_grant_target(p, AST_OBJECT_SEQUENCE, NULL, 0); }
default_target(A) ::= FUNCTIONS. { A = build_grant_target(p, AST_OBJECT_FUNCTION, NULL, 0); }
default_target(A) ::= ROUTINES. { A = build_grant_target(p, AST_OBJECT_FUNCTION, NULL, 0); }
default_target(A) ::= TYPES. { A = build_grant_target(p, AST_OBJECT_TYPE, NULL, 0); }
default_target(A) ::= SCHEMAS. { A = build_grant_target(p, AST_OBJECT_SCHEMA, NULL, 0); }
%type grantees {struct ast_list *}
%type opt_admin_option {int}
grantees(A) ::= grantee(B). { A = list_add(p, NULL, B); }
grantees(A) ::= grantees(A) COMMA grantee(B). { A = list_add(p, A, B); }
grantee(A) ::= role(B). { A = &B->node; }
grantee(A) ::= GROUP role(B). { A = &B->node; }
opt_grant_option(A) ::= . { A = 0; }
opt_grant_option(A) ::= WITH GRANT OPTION. { A = 1; }
opt_admin_option(A) ::= . { A = 0; }
opt_admin_option(A) ::= WITH ADMIN OPTION. { A = 1; }
granted_by(A) ::= . { A = NULL; }
granted_by(A) ::= GRANTED BY role(B). { A = B; }
privileges(A) ::= privilege_list(A).
privileges(A) ::= ALL. { A = NULL; }
privileges(A) ::= ALL PRIVILEGES. { A = NULL; }
privileges(A) ::= ALL(C) column_list(B). { A = list_add(p, NULL, build_privilege(p, C, B)); }
privileges(A) ::= ALL(C) PRIVILEGES column_list(B). { A = list_add(p, NULL, build_privilege(p, C, B)); }
privilege_list(A) ::= privilege(B). { A = list_add(p, NULL, B); }
privilege_list(A) ::= privilege_list(A) COMMA privilege(B). { A = list_add(p, A, B); }
privilege(A) ::= SELECT(B) opt_column_list(C). { A = build_privilege(p, B, C); }
privilege(A) ::= REFERENCES(B) opt_column_list(C). { A = build_privilege(p, B, C); }
privilege(A) ::= CREATE(B) opt_column_list(C). { A = build_privilege(p, B, C); }
privilege(A) ::= col_id(B) opt_column_list(C). { A = build_privilege(p, B, C); }
grant_target(A) ::= qualified_name_list(B). { A = build_grant_target(p, AST_OBJECT_TABLE, B, 0); }
grant_target(A) ::= TABLE qualified_name_list(B). { A = build_grant_target(p, AST_OBJECT_TABLE, B, 0); }
grant_target(A) ::= SEQUENCE qualified_name_list(B). { A = build_grant_target(p, AST_OBJECT_SEQUENCE, B, 0); }
grant_target(A) ::= DATABASE name_list(B). { A = build_grant_target(p, AST_OBJECT_DATABASE, wrap_names(p, B), 0); }
grant_target(A) ::= SCHEMA name_list(B). { A = build_grant_target(p, AST_OBJECT_SCHEMA, wrap_names(p, B), 0); }
grant_target(A) ::= LANGUAGE name_list(B). { A = build_grant_target(p, AST_OBJECT_LANGUAGE, wrap_names(p, B), 0); }
grant_target(A) ::= TABLESPACE name_list(B). { A = build_grant_target(p, AST_OBJECT_TABLESPACE, wrap_names(p, B), 0); }
grant_target(A) ::= FOREIGN SERVER name_list(B). { A = build_grant_target(p, AST_OBJECT_SERVER, wrap_names(p, B), 0); }
grant_target(A) ::= TYPE any_name_list(B). { A = build_grant_target(p, AST_OBJECT_TYPE, B, 0); }
grant_target(A) ::= DOMAIN any_name_list(B). { A = build_grant_target(p, AST_OBJECT_DOMAIN, B, 0); }
grant_target(A) ::= FUNCTION drop_list(B). { A = build_grant_target(p, AST_OBJECT_FUNCTION, B, 0); }
grant_target(A) ::= PROCEDURE drop_list(B). { A = build_grant_target(p, AST_OBJECT_PROCEDURE, B, 0); }
grant_target(A) ::= ROUTINE drop_list(B). { A = build_grant_target(p, AST_OBJECT_ROUTINE, B, 0); }
grant_target(A) ::= ALL TABLES IN SCHEMA name_list(B). { A = build_grant_target(p, AST_OBJECT_TABLE, wrap_names(p, B), 1); }
grant_target(A) ::= ALL SEQUENCES IN SCHEMA name_list(B). { A = build_grant_target(p, AST_OBJECT_SEQUENCE, wrap_names(p, B), 1); }
grant_target(A) ::= ALL FUNCTIONS IN SCHEMA name_list(B). { A = build_grant_target(p, AST_OBJECT_FUNCTION, wrap_names(p, B), 1); }
grant_target(A) ::= ALL PROCEDURES IN SCHEMA name_list(B). { A = build_grant_target(p, AST_OBJECT_PROCEDURE, wrap_names(p, B), 1); }
grant_target(A) ::= ALL ROUTINES IN SCHEMA name_list(B). { A = build_grant_target(p, AST_OBJECT_ROUTINE, wrap_names(p, B), 1); }

/* ---- what only has to be refused by name ---- */

refused(A) ::= CREATE(B) refused_object(C) rest. { A = build_unsupported2(p, "CREATE", C.text, NULL, B.location); }
refused(A) ::= CREATE(B) OR REPLACE refused_object(C) rest. { A = build_unsupported2(p, "CREATE", C.text, NULL, B.location); }
refused(A) ::= CREATE(B) TYPE any_name. { A = build_unsupported(p, "CREATE TYPE", B.location); }
refused(A) ::= CREATE(B) TYPE any_name LPAREN rest. { A = build_unsupported(p, "CREATE TYPE", B.location); }
refused(A) ::= CREATE(B) TYPE any_name AS LPAREN rest. { A = build_unsupported(p, "CREATE TYPE", B.location); }
refused(A) ::= CREATE(B) TYPE any_name AS RANGE rest. { A = build_unsupported(p, "CREATE TYPE", B.location); }
refused(A) ::= CREATE(B) USER MAPPING rest. { A = build_unsupported(p, "CREATE USER MAPPING", B.location); }
%type refused_object {struct token}
refused_object(A) ::= FUNCTION(B). { A = B; }
refused_object(A) ::= PROCEDURE(B). { A = B; }
refused_object(A) ::= AGGREGATE(B). { A = B; }
refused_object(A) ::= TRIGGER(B). { A = B; }
refused_object(A) ::= RULE(B). { A = B; }
refused_object(A) ::= LANGUAGE(B). { A = B; }
refused_object(A) ::= CAST(B). { A = B; }
refused_object(A) ::= OPERATOR(B). { A = B; }
refused_object(A) ::= COLLATION(B). { A = B; }
refused_object(A) ::= CONVERSION(B). { A = B; }
refused_object(A) ::= POLICY(B). { A = B; }
refused_object(A) ::= PUBLICATION(B). { A = B; }
refused_object(A) ::= SUBSCRIPTION(B). { A = B; }
refused_object(A) ::= STATISTICS(B). { A = B; }
refused_object(A) ::= SERVER(B). { A = B; }
refused_object(A) ::= TRANSFORM(B). { A = B; }
refused_object(A) ::= TABLESPACE(B). { A = B; }
refused_object(A) ::= TRUSTED(B). { A = B; }
refused_object(A) ::= DEFAULT(B). { A = B; }
refused_object(A) ::= PROCEDURAL(B). { A = B; }
refused_object(A) ::= CONSTRAINT(B) TRIGGER. { A = B; A.text = "trigger"; }
refused_object(A) ::= FOREIGN(B) TABLE. { A = B; A.text = "foreign table"; }
refused_object(A) ::= FOREIGN(B) DATA WRAPPER. { A = B; A.text = "foreign data wrapper"; }
refused_object(A) ::= EVENT(B) TRIGGER. { A = B; A.text = "event trigger"; }
refused_object(A) ::= ACCESS(B) METHOD. { A = B; A.text = "access method"; }
refused_object(A) ::= TEXT(B) SEARCH. { A = B; A.text = "text search"; }
alter(A) ::= ALTER(B) refused_alter(C) rest. { A = build_unsupported2(p, "ALTER", C.text, NULL, B.location); }
%type refused_alter {struct token}
refused_alter(A) ::= FUNCTION(B). { A = B; }
refused_alter(A) ::= PROCEDURE(B). { A = B; }
refused_alter(A) ::= ROUTINE(B). { A = B; }
refused_alter(A) ::= AGGREGATE(B). { A = B; }
refused_alter(A) ::= TRIGGER(B). { A = B; }
refused_alter(A) ::= RULE(B). { A = B; }
refused_alter(A) ::= LANGUAGE(B). { A = B; }
refused_alter(A) ::= OPERATOR(B). { A = B; }
refused_alter(A) ::= COLLATION(B). { A = B; }
refused_alter(A) ::= CONVERSION(B). { A = B; }
refused_alter(A) ::= POLICY(B). { A = B; }
refused_alter(A) ::= PUBLICATION(B). { A = B; }
refused_alter(A) ::= SUBSCRIPTION(B). { A = B; }
refused_alter(A) ::= STATISTICS(B). { A = B; }
refused_alter(A) ::= SERVER(B). { A = B; }
refused_alter(A) ::= TABLESPACE(B). { A = B; }
refused_alter(A) ::= EXTENSION(B). { A = B; }
refused_alter(A) ::= LARGE(B) OBJECT. { A = B; A.text = "large object"; }
refused_alter(A) ::= EVENT(B) TRIGGER. { A = B; A.text = "event trigger"; }
refused_alter(A) ::= FOREIGN(B) DATA WRAPPER. { A = B; A.text = "foreign data wrapper"; }
refused_alter(A) ::= TEXT(B) SEARCH. { A = B; A.text = "text search"; }
refused_alter(A) ::= USER(B) MAPPING. { A = B; A.text = "user mapping"; }
utility(A) ::= SECURITY(B) LABEL rest. { A = build_unsupported(p, "SECURITY LABEL", B.location); }
utility(A) ::= IMPORT(B) FOREIGN SCHEMA rest. { A = build_unsupported(p, "IMPORT FOREIGN SCHEMA", B.location); }
utility(A) ::= REASSIGN(B) OWNED BY role_list(C) TO role(D). { A = build_owned(p, C, D, AST_BEHAVIOR_DEFAULT, B.location); }
utility(A) ::= LOAD(B) SCONST. { A = build_unsupported(p, "LOAD", B.location); }
