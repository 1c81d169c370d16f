/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/plpgsql.h"

#include "parser/parser_tokens.h"
#include "parser/plpgsql_private.h"

/*
 * Blocks: labels, declarations, bodies, handlers. By recursive descent over SQL's own tokens; SQL
 * statements and expressions are cut out by the words that end them, and parsed.
 */

void *
plpgsql_node(struct plpgsql_parser *p, enum plpgsql_kind kind, size_t size)
{
    struct plpgsql_statement *node = ky_arena_calloc(p->arena, 1, size);
    node->kind = kind;
    node->location = p->tokens[p->at].token.location;
    node->line = plpgsql_line(p, node->location);
    return node;
}

/* ------------------------------------------------------------------ names */

static void
push_name(struct plpgsql_parser *p, const char *name, int32_t variable, bool is_loop)
{
    struct plpgsql_name *added = ky_arena_new(p->arena, struct plpgsql_name);
    *added = (struct plpgsql_name){p->names, name, variable, is_loop};
    p->names = added;
}

void
plpgsql_push_label(struct plpgsql_parser *p, const char *label, bool is_loop)
{
    push_name(p, label, -1, is_loop);
}

int32_t
plpgsql_add_variable(struct plpgsql_parser *p, const struct plpgsql_variable *variable)
{
    struct plpgsql_program *program = p->program;
    if (program->variable_count == p->variable_capacity) {
        p->variable_capacity = KY_MAX(p->variable_capacity * 2, 8);
        struct plpgsql_variable *more =
            ky_arena_array(p->arena, struct plpgsql_variable, (size_t)p->variable_capacity);
        if (program->variable_count > 0) {
            memcpy(more, program->variables, (size_t)program->variable_count * sizeof(*more));
        }
        program->variables = more;
    }
    program->variables[program->variable_count] = *variable;
    push_name(p, variable->name, program->variable_count, false);
    return program->variable_count++;
}

static int32_t
add_special(struct plpgsql_parser *p, const char *name, enum plpgsql_variable_kind kind,
            bool is_constant)
{
    return plpgsql_add_variable(
        p, &(struct plpgsql_variable){.name = name, .kind = kind, .is_constant = is_constant});
}

static bool
is_declared_here(const struct plpgsql_parser *p, const char *name)
{
    for (const struct plpgsql_name *at = p->names; at->variable >= 0; at = at->outer) {
        if (strcmp(at->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ declarations */

/* x%TYPE, t.c%TYPE, t%ROWTYPE: *is_it_out says whether one of these is there. */
static ky_status
copied_type(struct plpgsql_parser *p, struct plpgsql_variable *variable, bool *is_it_out)
{
    int32_t at = p->at;
    const char *parts[3];
    int32_t count = 0;
    *is_it_out = false;
    while (count < 3 && (p->tokens[at].is_word || p->tokens[at].is_quoted)) {
        parts[count++] = p->tokens[at++].token.text;
        if (p->tokens[at].code != TK_DOT) {
            break;
        }
        at++;
    }
    if (count == 0 || p->tokens[at].code != TK_PERCENT || !p->tokens[at + 1].is_word) {
        return KY_OK;
    }
    const int32_t location = p->tokens[p->at].token.location;
    const char *word = p->tokens[at + 1].token.text;
    if (strcmp(word, "rowtype") == 0 && count < 3) {
        variable->kind = PLPGSQL_ROW_OF;
        variable->names[0] = count == 2 ? parts[0] : NULL;
        variable->names[1] = parts[count - 1];
    } else if (strcmp(word, "type") == 0) {
        const char *field;
        variable->kind = PLPGSQL_TYPE_OF;
        variable->type_position =
            parser_position(ky_slice(p->lexer.text, (size_t)(p->lexer.end - p->lexer.text)),
                            p->tokens[at].token.location);
        variable->like = plpgsql_find(p->names, parts, count, &field);
        variable->names[0] = count == 3 ? parts[0] : NULL;
        if (variable->like >= 0 && field != NULL) {
            return plpgsql_error(p, KY_FEATURE_NOT_SUPPORTED, location,
                                 "%%TYPE of a record's field is not supported");
        }
        if (variable->like < 0 && count == 1) {
            p->at = at;
            return plpgsql_syntax_error(p);
        }
        variable->names[1] = count > 1 ? parts[count - 2] : NULL;
        variable->names[2] = parts[count - 1];
    } else {
        return KY_OK;
    }
    p->at = at + 2;
    if (plpgsql_take_char(p, "[")) {
        variable->is_array = true;
        KY_TRY(plpgsql_expect_char(p, "]"));
    }
    *is_it_out = true;
    return KY_OK;
}

static ky_status
written_type(struct plpgsql_parser *p, struct plpgsql_variable *variable)
{
    const int32_t from = p->at;
    int32_t parens = 0;
    for (;; p->at++) {
        const struct plpgsql_token *token = &p->tokens[p->at];
        if (token->code == LEXER_END) {
            return plpgsql_syntax_error(p);
        }
        if (parens == 0 &&
            (token->code == TK_SEMI || token->code == TK_COLON_EQUALS || token->code == TK_EQ ||
             token->code == TK_COLLATE || plpgsql_is(p, 0, "default") || plpgsql_is(p, 0, "not"))) {
            break;
        }
        parens += (token->code == TK_LPAREN) - (token->code == TK_RPAREN);
    }
    const int32_t start = p->tokens[from].token.location;
    if (p->at == from) {
        return plpgsql_error(p, KY_SYNTAX_ERROR, start, "missing data type declaration");
    }
    if (p->at == from + 1 && plpgsql_is(p, -1, "record")) {
        variable->kind = PLPGSQL_RECORD;
        return KY_OK;
    }
    const struct token *last = &p->tokens[p->at - 1].token;
    const struct ky_slice text =
        ky_slice(p->lexer.text + start, (size_t)(last->location + last->size - start));
    variable->type_position =
        parser_position(ky_slice(p->lexer.text, (size_t)(p->lexer.end - p->lexer.text)), start);
    const ky_status status = parse_type_name(p->arena, text, &variable->type, p->err);
    if (status != KY_OK && p->err->position > 0) {
        p->err->position += variable->type_position - 1;
    }
    return status;
}

static ky_status
declaration(struct plpgsql_parser *p)
{
    struct plpgsql_variable variable = {.like = -1, .location = p->tokens[p->at].token.location};
    bool is_copied = false;
    KY_TRY(plpgsql_name(p, &variable.name));
    variable.line = plpgsql_line(p, variable.location);
    if (p->program->variable_count >= PLPGSQL_VARIABLES_MAX) {
        return plpgsql_error(p, KY_STATEMENT_TOO_COMPLEX, variable.location,
                             "a block cannot have more than %d variables", PLPGSQL_VARIABLES_MAX);
    }
    if (is_declared_here(p, variable.name)) {
        p->at--;
        const struct token *token = &p->tokens[p->at].token;
        lexer_error(&p->lexer, KY_SYNTAX_ERROR, token->location, token->location + token->size,
                    "duplicate declaration");
        return KY_ERR;
    }
    if (plpgsql_is(p, 0, "alias") || plpgsql_is(p, 0, "cursor") || plpgsql_is(p, 0, "scroll") ||
        (plpgsql_is(p, 0, "no") && plpgsql_is(p, 1, "scroll"))) {
        return plpgsql_error(p, KY_FEATURE_NOT_SUPPORTED, p->tokens[p->at].token.location,
                             "%s is not supported in PL/pgSQL",
                             plpgsql_is(p, 0, "alias") ? "ALIAS" : "CURSOR");
    }
    variable.is_constant = plpgsql_take(p, "constant");
    KY_TRY(copied_type(p, &variable, &is_copied));
    if (!is_copied) {
        KY_TRY(written_type(p, &variable));
    }
    if (plpgsql_is(p, 0, "collate")) {
        return plpgsql_error(p, KY_FEATURE_NOT_SUPPORTED, p->tokens[p->at].token.location,
                             "COLLATE is not supported in PL/pgSQL");
    }
    if (plpgsql_take(p, "not")) {
        KY_TRY(plpgsql_expect(p, "null"));
        variable.is_not_null = true;
    }
    if (plpgsql_take(p, "default") || plpgsql_take_char(p, ":=") || plpgsql_take_char(p, "=")) {
        KY_TRY(plpgsql_expression(p, ";", NULL, NULL, NULL, &variable.value));
    } else {
        KY_TRY(plpgsql_expect_char(p, ";"));
        if (variable.is_not_null) {
            return plpgsql_error(p, KY_NULL_VALUE_NOT_ALLOWED, variable.location,
                                 "variable \"%s\" must have a default value, since it's declared "
                                 "NOT NULL",
                                 variable.name);
        }
    }
    (void)plpgsql_add_variable(p, &variable);
    return KY_OK;
}

/* ------------------------------------------------------------------ handlers */

static ky_status
conditions(struct plpgsql_parser *p, struct plpgsql_condition **out)
{
    struct plpgsql_condition **next = out;
    do {
        struct plpgsql_condition *condition = ky_arena_new(p->arena, struct plpgsql_condition);
        condition->line = plpgsql_line(p, p->tokens[p->at].token.location);
        if (plpgsql_is(p, 0, "sqlstate")) {
            KY_TRY(plpgsql_sqlstate(p, condition->code));
        } else {
            KY_TRY(plpgsql_name(p, &condition->name));
        }
        *next = condition;
        next = &condition->next;
    } while (plpgsql_take(p, "or"));
    return KY_OK;
}

static ky_status
handlers(struct plpgsql_parser *p, struct plpgsql_block *block)
{
    struct plpgsql_handler **next = &block->handlers;
    block->has_handlers = true;
    block->sqlstate = add_special(p, "sqlstate", PLPGSQL_SQLSTATE, true);
    block->sqlerrm = add_special(p, "sqlerrm", PLPGSQL_SQLERRM, true);
    if (!plpgsql_is(p, 0, "when")) {
        return plpgsql_syntax_error(p);
    }
    while (plpgsql_take(p, "when")) {
        struct plpgsql_handler *handler = ky_arena_new(p->arena, struct plpgsql_handler);
        KY_TRY(conditions(p, &handler->conditions));
        KY_TRY(plpgsql_expect(p, "then"));
        KY_TRY(plpgsql_body(p, &handler->body));
        *next = handler;
        next = &handler->next;
    }
    return KY_OK;
}

/* ------------------------------------------------------------------ blocks */

ky_status
plpgsql_end_label(struct plpgsql_parser *p, const char *label)
{
    if (!plpgsql_is_name(p, 0)) {
        return KY_OK;
    }
    const struct token *token = &p->tokens[p->at].token;
    if (label == NULL) {
        return plpgsql_error(p, KY_SYNTAX_ERROR, token->location,
                             "end label \"%s\" specified for unlabeled block", token->text);
    }
    if (strcmp(label, token->text) != 0) {
        return plpgsql_error(p, KY_SYNTAX_ERROR, token->location,
                             "end label \"%s\" differs from block's label \"%s\"", token->text,
                             label);
    }
    p->at++;
    return KY_OK;
}

static void
list_variables(struct plpgsql_parser *p, struct plpgsql_block *block, int32_t first)
{
    const int32_t count = p->program->variable_count - first;
    block->variables = ky_arena_array(p->arena, int32_t, (size_t)count + 1);
    block->variable_count = count;
    for (int32_t i = 0; i < count; i++) {
        block->variables[i] = first + i;
    }
}

ky_status
plpgsql_block(struct plpgsql_parser *p, const char *label, struct plpgsql_statement **out)
{
    const struct plpgsql_name *outer = p->names;
    struct plpgsql_block *block = PLPGSQL_NODE(p, PLPGSQL_BLOCK, plpgsql_block);
    const int32_t first = p->program->variable_count;
    block->label = label;
    plpgsql_push_label(p, label, false);
    block->name = p->names;
    if (plpgsql_take(p, "declare")) {
        while (plpgsql_take(p, "declare") || !plpgsql_is(p, 0, "begin")) {
            if (plpgsql_is(p, 0, "begin")) {
                break;
            }
            KY_TRY(declaration(p));
        }
    }
    list_variables(p, block, first);
    if (!plpgsql_is(p, 0, "begin")) {
        return plpgsql_syntax_error(p);
    }
    block->node.location = p->tokens[p->at].token.location;
    block->node.line = plpgsql_line(p, block->node.location);
    p->at++;
    KY_TRY(plpgsql_body(p, &block->body));
    if (plpgsql_take(p, "exception")) {
        KY_TRY(handlers(p, block));
    }
    KY_TRY(plpgsql_expect(p, "end"));
    KY_TRY(plpgsql_end_label(p, label));
    p->names = outer;
    *out = &block->node;
    return KY_OK;
}

/* #variable_conflict use_column, before the block. */
static ky_status
options(struct plpgsql_parser *p)
{
    static const char *const words[] = {"error", "use_variable", "use_column"};
    while (plpgsql_is_char(p, 0, "#")) {
        if (!plpgsql_is(p, 1, "variable_conflict")) {
            return plpgsql_error(p, KY_FEATURE_NOT_SUPPORTED, p->tokens[p->at].token.location,
                                 "PL/pgSQL options other than variable_conflict are not supported");
        }
        p->at += 2;
        size_t i = 0;
        while (i < KY_COUNT_OF(words) && !plpgsql_is(p, 0, words[i])) {
            i++;
        }
        if (i == KY_COUNT_OF(words)) {
            return plpgsql_syntax_error(p);
        }
        p->program->conflict = (enum plpgsql_conflict)i;
        p->at++;
    }
    return KY_OK;
}

ky_status
parse_plpgsql(struct ky_arena *arena, struct ky_slice text, struct plpgsql_program *program_out,
              struct ky_error *err)
{
    struct plpgsql_program program = {0};
    struct plpgsql_parser parser = {
        .arena = arena, .err = err, .program = &program, .last_line = 1};
    struct plpgsql_parser *p = &parser;
    struct plpgsql_statement *block;
    const char *label = NULL;
    KY_TRY(plpgsql_tokenize(p, text));
    plpgsql_push_label(p, "inline_code_block", false);
    program.found = add_special(p, "found", PLPGSQL_FOUND, false);
    KY_TRY(options(p));
    if (plpgsql_take_char(p, "<<")) {
        KY_TRY(plpgsql_name(p, &label));
        KY_TRY(plpgsql_expect_char(p, ">>"));
    }
    if (!plpgsql_is(p, 0, "declare") && !plpgsql_is(p, 0, "begin")) {
        return plpgsql_syntax_error(p);
    }
    KY_TRY(plpgsql_block(p, label, &block));
    (void)plpgsql_take_char(p, ";");
    if (p->tokens[p->at].code != LEXER_END) {
        return plpgsql_syntax_error(p);
    }
    program.block = (struct plpgsql_block *)(void *)block;
    *program_out = program;
    return KY_OK;
}
