/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/parser_tokens.h"
#include "parser/plpgsql_private.h"

/* Statements: the first word says which; what is none of PL/pgSQL's own is SQL. */

typedef ky_status (*read_statement)(struct plpgsql_parser *p, struct plpgsql_statement **out);

/* ------------------------------------------------------------------ conditions */

static ky_status
read_if(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    struct plpgsql_if *node = PLPGSQL_NODE(p, PLPGSQL_IF, plpgsql_if);
    struct plpgsql_branch **next = &node->branches;
    p->at++;
    do {
        struct plpgsql_branch *branch = ky_arena_new(p->arena, struct plpgsql_branch);
        KY_TRY(plpgsql_expression(p, "then", NULL, NULL, NULL, &branch->condition));
        KY_TRY(plpgsql_body(p, &branch->body));
        *next = branch;
        next = &branch->next;
    } while (plpgsql_take(p, "elsif") || plpgsql_take(p, "elseif"));
    if (plpgsql_take(p, "else")) {
        node->has_else = true;
        KY_TRY(plpgsql_body(p, &node->otherwise));
    }
    KY_TRY(plpgsql_expect(p, "end"));
    KY_TRY(plpgsql_expect(p, "if"));
    *out = &node->node;
    return plpgsql_expect_char(p, ";");
}

/* WHEN a, b of CASE x becomes ("case value" IN (a, b)), where the variable holds x. */
static ky_status
case_condition(struct plpgsql_parser *p, struct plpgsql_sql *list)
{
    struct ky_buffer text = {0};
    ky_buffer_append_cstr(&text, "SELECT \"__case__\" IN (");
    ky_buffer_append(&text, list->shown.data, list->shown.size);
    ky_buffer_append_byte(&text, ')');
    list->sql = ky_slice_dup(p->arena, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    list->shown = list->sql;
    list->shift = 0;
    struct ast_list statements;
    KY_TRY(parse_sql(p->arena, list->sql, &statements, p->err));
    list->tree =
        ((const struct ast_statement *)(const void *)ast_list_get(&statements, 0))->statement;
    return KY_OK;
}

static ky_status
read_case(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    struct plpgsql_case *node = PLPGSQL_NODE(p, PLPGSQL_CASE, plpgsql_case);
    struct plpgsql_branch **next = &node->branches;
    const struct plpgsql_name *outer = p->names;
    p->at++;
    if (!plpgsql_is(p, 0, "when")) {
        KY_TRY(plpgsql_expression(p, "when", NULL, NULL, NULL, &node->value));
        p->at--;
        plpgsql_push_label(p, NULL, false);
        node->variable = plpgsql_add_variable(
            p, &(struct plpgsql_variable){.name = "__case__", .kind = PLPGSQL_CASE_VALUE});
    }
    while (plpgsql_take(p, "when")) {
        struct plpgsql_branch *branch = ky_arena_new(p->arena, struct plpgsql_branch);
        KY_TRY(plpgsql_expression(p, "then", NULL, NULL, NULL, &branch->condition));
        if (node->value != NULL) {
            KY_TRY(case_condition(p, branch->condition));
        }
        KY_TRY(plpgsql_body(p, &branch->body));
        *next = branch;
        next = &branch->next;
    }
    if (plpgsql_take(p, "else")) {
        node->has_else = true;
        KY_TRY(plpgsql_body(p, &node->otherwise));
    }
    p->names = outer;
    KY_TRY(plpgsql_expect(p, "end"));
    KY_TRY(plpgsql_expect(p, "case"));
    *out = &node->node;
    return plpgsql_expect_char(p, ";");
}

/* ------------------------------------------------------------------ loops */

static ky_status
loop_body(struct plpgsql_parser *p, struct plpgsql_loop *loop)
{
    KY_TRY(plpgsql_body(p, &loop->body));
    KY_TRY(plpgsql_expect(p, "end"));
    KY_TRY(plpgsql_expect(p, "loop"));
    KY_TRY(plpgsql_end_label(p, loop->label));
    return plpgsql_expect_char(p, ";");
}

static ky_status
read_args(struct plpgsql_parser *p, int which, const char *until, struct plpgsql_execute *execute)
{
    int32_t capacity = 0;
    while (which == 0) {
        if (execute->arg_count == capacity) {
            capacity = KY_MAX(capacity * 2, 4);
            struct plpgsql_sql **more =
                ky_arena_array(p->arena, struct plpgsql_sql *, (size_t)capacity);
            if (execute->arg_count > 0) {
                memcpy(more, execute->args, (size_t)execute->arg_count * sizeof(*more));
            }
            execute->args = more;
        }
        KY_TRY(plpgsql_expression(p, ",", until, "into", &which,
                                  &execute->args[execute->arg_count++]));
    }
    if (which == 2) {
        p->at--;
    }
    return KY_OK;
}

/* Is there a .. before LOOP? Then its number. */
static int32_t
find_dots(const struct plpgsql_parser *p)
{
    int32_t parens = 0;
    for (int32_t at = p->at;; at++) {
        const struct plpgsql_token *token = &p->tokens[at];
        if (token->code == LEXER_END || token->code == TK_SEMI ||
            (parens == 0 && token->is_word && strcmp(token->token.text, "loop") == 0)) {
            return -1;
        }
        if (token->code == TK_BAD && parens == 0 && strcmp(token->token.text, "..") == 0) {
            return at;
        }
        parens += (token->code == TK_LPAREN || token->code == TK_LBRACKET) -
                  (token->code == TK_RPAREN || token->code == TK_RBRACKET);
    }
}

static ky_status
for_integer(struct plpgsql_parser *p, struct plpgsql_loop *loop, const char *name, int32_t dots)
{
    int which;
    loop->node.kind = PLPGSQL_FOR_INTEGER;
    if (name == NULL) {
        return plpgsql_error(p, KY_SYNTAX_ERROR, loop->node.location,
                             "integer FOR loop must have only one target variable");
    }
    if (dots == p->at) {
        return plpgsql_syntax_error(p);
    }
    KY_TRY(plpgsql_make_expression(p, p->at, dots, &loop->from));
    p->at = dots + 1;
    KY_TRY(plpgsql_expression(p, "loop", "by", NULL, &which, &loop->to));
    if (which == 1) {
        KY_TRY(plpgsql_expression(p, "loop", NULL, NULL, NULL, &loop->step));
    }
    loop->counter =
        plpgsql_add_variable(p, &(struct plpgsql_variable){.name = name, .kind = PLPGSQL_COUNTER});
    return loop_body(p, loop);
}

static ky_status
for_query(struct plpgsql_parser *p, struct plpgsql_loop *loop)
{
    int which = 1;
    loop->node.kind = PLPGSQL_FOR_QUERY;
    if (plpgsql_is_name(p, 0) && (plpgsql_is(p, 1, "loop") || plpgsql_is_char(p, 1, "("))) {
        return plpgsql_error(p, KY_FEATURE_NOT_SUPPORTED, p->tokens[p->at].token.location,
                             "FOR over a cursor is not supported in PL/pgSQL");
    }
    if (!plpgsql_take(p, "execute")) {
        KY_TRY(plpgsql_query_until_loop(p, &loop->query.sql));
    } else {
        loop->is_dynamic = true;
        KY_TRY(plpgsql_expression(p, "using", "loop", NULL, &which, &loop->query.sql));
        KY_TRY(read_args(p, which, "loop", &loop->query));
    }
    return loop_body(p, loop);
}

static ky_status
read_for(struct plpgsql_parser *p, struct plpgsql_loop *loop)
{
    const char *name = NULL;
    const struct plpgsql_name *label = p->names;
    p->at++;
    const int32_t target_at = p->at;
    if (plpgsql_is_name(p, 0) && plpgsql_is(p, 1, "in")) {
        name = p->tokens[p->at].token.text;
        p->at++;
    } else {
        KY_TRY(plpgsql_targets(p, &loop->query));
    }
    KY_TRY(plpgsql_expect(p, "in"));
    const bool is_execute = plpgsql_is(p, 0, "execute");
    loop->is_reverse = !is_execute && plpgsql_take(p, "reverse");
    const int32_t dots = is_execute ? -1 : find_dots(p);
    if (dots >= 0) {
        return for_integer(p, loop, name, dots);
    }
    if (loop->is_reverse) {
        return plpgsql_error(p, KY_SYNTAX_ERROR, p->tokens[p->at - 1].token.location,
                             "cannot specify REVERSE in query FOR loop");
    }
    if (name != NULL) {
        const int32_t query_at = p->at;
        const char *parts[1] = {name};
        const char *field;
        p->at = target_at;
        if (plpgsql_find(label, parts, 1, &field) < 0) {
            return plpgsql_error(p, KY_SYNTAX_ERROR, p->tokens[p->at].token.location,
                                 "loop variable of loop over rows must be a record variable or "
                                 "list of scalar variables");
        }
        KY_TRY(plpgsql_targets(p, &loop->query));
        p->at = query_at;
    }
    return for_query(p, loop);
}

static ky_status
read_foreach(struct plpgsql_parser *p, struct plpgsql_loop *loop)
{
    loop->node.kind = PLPGSQL_FOREACH;
    p->at++;
    KY_TRY(plpgsql_target(p, &loop->target));
    if (plpgsql_is(p, 0, "slice")) {
        return plpgsql_error(p, KY_FEATURE_NOT_SUPPORTED, p->tokens[p->at].token.location,
                             "FOREACH .. SLICE is not supported in PL/pgSQL");
    }
    KY_TRY(plpgsql_expect(p, "in"));
    KY_TRY(plpgsql_expect(p, "array"));
    KY_TRY(plpgsql_expression(p, "loop", NULL, NULL, NULL, &loop->array));
    return loop_body(p, loop);
}

static ky_status
read_loop(struct plpgsql_parser *p, const char *label, struct plpgsql_statement **out)
{
    struct plpgsql_loop *loop = PLPGSQL_NODE(p, PLPGSQL_LOOP, plpgsql_loop);
    const struct plpgsql_name *outer = p->names;
    loop->label = label;
    plpgsql_push_label(p, label, true);
    loop->name = p->names;
    *out = &loop->node;
    if (plpgsql_take(p, "loop")) {
        KY_TRY(loop_body(p, loop));
    } else if (plpgsql_take(p, "while")) {
        loop->node.kind = PLPGSQL_WHILE;
        KY_TRY(plpgsql_expression(p, "loop", NULL, NULL, NULL, &loop->condition));
        KY_TRY(loop_body(p, loop));
    } else if (plpgsql_is(p, 0, "for")) {
        KY_TRY(read_for(p, loop));
    } else {
        KY_TRY(read_foreach(p, loop));
    }
    p->names = outer;
    return KY_OK;
}

/* The block or loop that EXIT or CONTINUE is about. */
static ky_status
exit_place(struct plpgsql_parser *p, struct plpgsql_exit *node)
{
    const char *word = node->is_continue ? "CONTINUE" : "EXIT";
    if (!plpgsql_is_name(p, 0)) {
        for (node->at = p->names; node->at != NULL && !node->at->is_loop;) {
            node->at = node->at->outer;
        }
        if (node->at == NULL && node->is_continue) {
            return plpgsql_error(p, KY_SYNTAX_ERROR, node->node.location,
                                 "CONTINUE cannot be used outside a loop");
        }
        return node->at != NULL ? KY_OK
                                : plpgsql_error(p, KY_SYNTAX_ERROR, node->node.location,
                                                "%s cannot be used outside a loop, unless it has a "
                                                "label",
                                                word);
    }
    const struct token label = p->tokens[p->at++].token;
    for (node->at = p->names; node->at != NULL; node->at = node->at->outer) {
        if (node->at->variable < 0 && node->at->name != NULL && node->at->outer != NULL &&
            strcmp(node->at->name, label.text) == 0) {
            break;
        }
    }
    if (node->at == NULL) {
        return plpgsql_error(
            p, KY_SYNTAX_ERROR, label.location,
            "there is no label \"%s\" attached to any block or loop enclosing this "
            "statement",
            label.text);
    }
    if (node->is_continue && !node->at->is_loop) {
        return plpgsql_error(p, KY_SYNTAX_ERROR, label.location,
                             "block label \"%s\" cannot be used in CONTINUE", label.text);
    }
    return KY_OK;
}

static ky_status
read_exit(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    struct plpgsql_exit *node = PLPGSQL_NODE(p, PLPGSQL_EXIT, plpgsql_exit);
    node->is_continue = plpgsql_is(p, 0, "continue");
    p->at++;
    KY_TRY(exit_place(p, node));
    *out = &node->node;
    if (plpgsql_take(p, "when")) {
        return plpgsql_expression(p, ";", NULL, NULL, NULL, &node->condition);
    }
    return plpgsql_expect_char(p, ";");
}

/* ------------------------------------------------------------------ the rest */

static ky_status
read_execute(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    struct plpgsql_execute *node = PLPGSQL_NODE(p, PLPGSQL_EXECUTE, plpgsql_execute);
    int which;
    p->at++;
    KY_TRY(plpgsql_expression(p, ";", "using", "into", &which, &node->sql));
    while (which != 0) {
        if (which == 2) {
            KY_TRY(plpgsql_targets(p, node));
        } else if (node->arg_count > 0) {
            p->at--;
            return plpgsql_syntax_error(p);
        } else {
            KY_TRY(read_args(p, 0, ";", node));
            p->at -= plpgsql_is_char(p, -1, ";");
        }
        if (plpgsql_take_char(p, ";")) {
            break;
        }
        which = plpgsql_take(p, "using") ? 1 : plpgsql_take(p, "into") ? 2 : 0;
        if (which == 0) {
            return plpgsql_syntax_error(p);
        }
    }
    *out = &node->node;
    return KY_OK;
}

static ky_status
read_return(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    struct plpgsql_statement *node = PLPGSQL_NODE(p, PLPGSQL_RETURN, plpgsql_statement);
    p->at++;
    *out = node;
    if (plpgsql_is(p, 0, "next") || plpgsql_is(p, 0, "query")) {
        return plpgsql_error(p, KY_DATATYPE_MISMATCH, node->location,
                             "cannot use RETURN %s in a non-SETOF function",
                             plpgsql_is(p, 0, "next") ? "NEXT" : "QUERY");
    }
    if (!plpgsql_take_char(p, ";")) {
        return plpgsql_error(p, KY_DATATYPE_MISMATCH, p->tokens[p->at].token.location,
                             "RETURN cannot have a parameter in function returning void");
    }
    return KY_OK;
}

static ky_status
read_assert(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    struct plpgsql_assert *node = PLPGSQL_NODE(p, PLPGSQL_ASSERT, plpgsql_assert);
    int which;
    p->at++;
    KY_TRY(plpgsql_expression(p, ";", ",", NULL, &which, &node->condition));
    *out = &node->node;
    return which == 0 ? KY_OK : plpgsql_expression(p, ";", NULL, NULL, NULL, &node->message);
}

static ky_status
read_null(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    *out = PLPGSQL_NODE(p, PLPGSQL_NULL, plpgsql_statement);
    p->at++;
    return plpgsql_expect_char(p, ";");
}

static ky_status
read_end(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    const bool is_commit = plpgsql_is(p, 0, "commit");
    struct plpgsql_end *node =
        PLPGSQL_NODE(p, is_commit ? PLPGSQL_COMMIT : PLPGSQL_ROLLBACK, plpgsql_end);
    p->at++;
    if (plpgsql_take(p, "and")) {
        node->is_chain = !plpgsql_take(p, "no");
        KY_TRY(plpgsql_expect(p, "chain"));
    }
    *out = &node->node;
    return plpgsql_expect_char(p, ";");
}

static ky_status
refuse(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    (void)out;
    char name[16] = {0};
    const struct token *token = &p->tokens[p->at].token;
    for (size_t i = 0; token->text[i] != '\0' && i + 1 < sizeof(name); i++) {
        name[i] = (char)(token->text[i] - 'a' + 'A');
    }
    return plpgsql_error(p, KY_FEATURE_NOT_SUPPORTED, token->location,
                         "%s is not supported in PL/pgSQL", name);
}

static ky_status
labelled(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    const char *label = NULL;
    if (plpgsql_take_char(p, "<<")) {
        KY_TRY(plpgsql_name(p, &label));
        KY_TRY(plpgsql_expect_char(p, ">>"));
    }
    if (plpgsql_is(p, 0, "declare") || plpgsql_is(p, 0, "begin")) {
        KY_TRY(plpgsql_block(p, label, out));
        return plpgsql_expect_char(p, ";");
    }
    if (plpgsql_is(p, 0, "loop") || plpgsql_is(p, 0, "while") || plpgsql_is(p, 0, "for") ||
        plpgsql_is(p, 0, "foreach")) {
        return read_loop(p, label, out);
    }
    return plpgsql_syntax_error(p);
}

static const struct {
    const char *word;
    bool is_always; /* whatever follows; else a word that SQL or a variable may begin with, too */
    read_statement read;
} statements[] = {
    {"if", true, read_if},
    {"case", true, read_case},
    {"loop", true, labelled},
    {"while", true, labelled},
    {"for", true, labelled},
    {"foreach", true, labelled},
    {"declare", true, labelled},
    {"begin", true, labelled},
    {"execute", true, read_execute},
    {"null", true, read_null},
    {"exit", false, read_exit},
    {"continue", false, read_exit},
    {"return", false, read_return},
    {"raise", false, plpgsql_read_raise},
    {"assert", false, read_assert},
    {"perform", false, plpgsql_perform},
    {"commit", false, read_end},
    {"rollback", false, read_end},
    {"get", false, plpgsql_get_diagnostics},
    {"open", false, refuse},
    {"fetch", false, refuse},
    {"move", false, refuse},
    {"close", false, refuse},
};

/* What is not PL/pgSQL's must begin like SQL: a keyword, or a parenthesis. */
static ky_status
read_sql(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    const struct plpgsql_token *token = plpgsql_peek(p);
    const bool is_keyword =
        token->is_word && keyword_find(token->token.text, strlen(token->token.text)) != NULL;
    if ((!is_keyword && token->code != TK_LPAREN) || (token->is_word && !plpgsql_is_name(p, 0))) {
        return plpgsql_syntax_error(p);
    }
    return plpgsql_sql_statement(p, out);
}

ky_status
plpgsql_statement(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    if (plpgsql_is_char(p, 0, "<<")) {
        return labelled(p, out);
    }
    if (plpgsql_is_assignment(p)) {
        return plpgsql_assignment(p, out);
    }
    for (size_t i = 0; i < KY_COUNT_OF(statements); i++) {
        if (plpgsql_is(p, 0, statements[i].word)) {
            return statements[i].read(p, out);
        }
    }
    return read_sql(p, out);
}

static bool
is_body_end(const struct plpgsql_parser *p)
{
    return plpgsql_is(p, 0, "end") || plpgsql_is(p, 0, "elsif") || plpgsql_is(p, 0, "elseif") ||
           plpgsql_is(p, 0, "else") || plpgsql_is(p, 0, "when") ||
           (plpgsql_is(p, 0, "exception") && !plpgsql_is_assignment(p)) ||
           p->tokens[p->at].code == LEXER_END;
}

ky_status
plpgsql_body(struct plpgsql_parser *p, struct plpgsql_body *out)
{
    struct plpgsql_statement **next = &out->first;
    if (++p->depth > PLPGSQL_DEPTH_MAX) {
        (void)ky_error_set(p->err, KY_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        return ky_error_hint(p->err, "The block is nested too deeply; simplify it.");
    }
    while (!is_body_end(p)) {
        KY_TRY(plpgsql_statement(p, next));
        next = &(*next)->next;
    }
    p->depth--;
    return KY_OK;
}
