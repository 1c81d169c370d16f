/* SPDX-License-Identifier: Apache-2.0 */
#include "parser/parser_tokens.h"
#include "parser/plpgsql_private.h"

/* RAISE and GET DIAGNOSTICS: statements that are mostly lists of words. */

ky_status
plpgsql_sqlstate(struct plpgsql_parser *p, char code[6])
{
    p->at++;
    const struct plpgsql_token *token = plpgsql_peek(p);
    if (token->code != TK_SCONST) {
        return plpgsql_syntax_error(p);
    }
    if (strlen(token->token.text) != 5 ||
        strspn(token->token.text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 5) {
        lexer_error(&p->lexer, KY_SYNTAX_ERROR, token->token.location,
                    token->token.location + token->token.size, "invalid SQLSTATE code");
        return KY_ERR;
    }
    memcpy(code, token->token.text, 6);
    p->at++;
    return KY_OK;
}

static ky_status
raise_options(struct plpgsql_parser *p, struct plpgsql_raise *raise)
{
    static const char *const words[PLPGSQL_OPTION_COUNT] = {"message",  "detail", "hint",
                                                            "errcode",  "column", "constraint",
                                                            "datatype", "table",  "schema"};
    struct plpgsql_raise_option **next = &raise->options;
    int which = 0;
    while (which == 0) {
        struct plpgsql_raise_option *option = ky_arena_new(p->arena, struct plpgsql_raise_option);
        int word = 0;
        while (word < PLPGSQL_OPTION_COUNT && !plpgsql_is(p, 0, words[word])) {
            word++;
        }
        if (word == PLPGSQL_OPTION_COUNT) {
            const struct token *token = &plpgsql_peek(p)->token;
            lexer_error(&p->lexer, KY_SYNTAX_ERROR, token->location, token->location + token->size,
                        "unrecognized RAISE statement option");
            return KY_ERR;
        }
        p->at++;
        option->option = (enum plpgsql_option)word;
        if (!plpgsql_take_char(p, "=") && !plpgsql_take_char(p, ":=")) {
            return plpgsql_syntax_error(p);
        }
        KY_TRY(plpgsql_expression(p, ",", ";", NULL, &which, &option->value));
        *next = option;
        next = &option->next;
    }
    return KY_OK;
}

static int32_t
placeholders(const char *format)
{
    int32_t count = 0;
    for (; *format != '\0'; format++) {
        if (format[0] == '%') {
            count += format[1] != '%';
            format += format[1] == '%';
        }
    }
    return count;
}

/* 'format', a, b */
static ky_status
raise_format(struct plpgsql_parser *p, struct plpgsql_raise *raise, int *which_out)
{
    int32_t capacity = 0;
    raise->format = plpgsql_peek(p)->token.text;
    p->at++;
    int which = plpgsql_take_char(p, ",")   ? 0
                : plpgsql_take(p, "using")  ? 1
                : plpgsql_take_char(p, ";") ? 2
                                            : -1;
    if (which < 0) {
        return plpgsql_syntax_error(p);
    }
    while (which == 0) {
        if (raise->arg_count == capacity) {
            capacity = KY_MAX(capacity * 2, 4);
            struct plpgsql_sql **more =
                ky_arena_array(p->arena, struct plpgsql_sql *, (size_t)capacity);
            if (raise->arg_count > 0) {
                memcpy(more, raise->args, (size_t)raise->arg_count * sizeof(*more));
            }
            raise->args = more;
        }
        KY_TRY(plpgsql_expression(p, ",", "using", ";", &which, &raise->args[raise->arg_count++]));
    }
    *which_out = which;
    const int32_t wanted = placeholders(raise->format);
    if (wanted != raise->arg_count) {
        return plpgsql_error_near(p, KY_SYNTAX_ERROR, raise->node.line,
                                  "too %s parameters specified for RAISE",
                                  wanted < raise->arg_count ? "many" : "few");
    }
    return KY_OK;
}

ky_status
plpgsql_read_raise(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    static const char *const levels[] = {"debug", "log", "info", "notice", "warning", "exception"};
    struct plpgsql_raise *raise = PLPGSQL_NODE(p, PLPGSQL_RAISE, plpgsql_raise);
    int which = 2;
    *out = &raise->node;
    raise->level = PLPGSQL_EXCEPTION;
    p->at++;
    if (plpgsql_take_char(p, ";")) {
        raise->is_again = true;
        return KY_OK;
    }
    for (size_t i = 0; i < KY_COUNT_OF(levels); i++) {
        if (plpgsql_take(p, levels[i])) {
            raise->level = (enum plpgsql_level)i;
            break;
        }
    }
    if (plpgsql_peek(p)->code == TK_SCONST) {
        KY_TRY(raise_format(p, raise, &which));
    } else if (plpgsql_take_char(p, ";")) {
        p->at--;
        return plpgsql_syntax_error(p);
    } else {
        if (plpgsql_is(p, 0, "sqlstate")) {
            KY_TRY(plpgsql_sqlstate(p, raise->code));
        } else if (!plpgsql_is(p, 0, "using")) {
            KY_TRY(plpgsql_name(p, &raise->condition));
        }
        which = plpgsql_take(p, "using") ? 1 : plpgsql_take_char(p, ";") ? 2 : -1;
        if (which < 0) {
            return plpgsql_syntax_error(p);
        }
    }
    return which == 1 ? raise_options(p, raise) : KY_OK;
}

ky_status
plpgsql_get_diagnostics(struct plpgsql_parser *p, struct plpgsql_statement **out)
{
    static const struct {
        const char *word;
        bool is_stacked;
    } words[] = {
        {"row_count", false},           {"pg_context", false},         {"returned_sqlstate", true},
        {"message_text", true},         {"pg_exception_detail", true}, {"pg_exception_hint", true},
        {"pg_exception_context", true}, {"column_name", true},         {"constraint_name", true},
        {"pg_datatype_name", true},     {"table_name", true},          {"schema_name", true}};
    struct plpgsql_diagnostics *node = PLPGSQL_NODE(p, PLPGSQL_DIAGNOSTICS, plpgsql_diagnostics);
    struct plpgsql_item **next = &node->items;
    *out = &node->node;
    p->at++;
    node->is_stacked = plpgsql_take(p, "stacked");
    (void)(node->is_stacked || plpgsql_take(p, "current"));
    KY_TRY(plpgsql_expect(p, "diagnostics"));
    do {
        struct plpgsql_item *item = ky_arena_new(p->arena, struct plpgsql_item);
        size_t word = 0;
        KY_TRY(plpgsql_target(p, &item->target));
        if (!plpgsql_take_char(p, "=") && !plpgsql_take_char(p, ":=")) {
            return plpgsql_syntax_error(p);
        }
        while (word < KY_COUNT_OF(words) && !plpgsql_is(p, 0, words[word].word)) {
            word++;
        }
        if (word == KY_COUNT_OF(words)) {
            const struct token *token = &plpgsql_peek(p)->token;
            lexer_error(&p->lexer, KY_SYNTAX_ERROR, token->location, token->location + token->size,
                        "unrecognized GET DIAGNOSTICS item");
            return KY_ERR;
        }
        if (words[word].is_stacked != node->is_stacked) {
            char name[32] = {0};
            for (size_t i = 0; words[word].word[i] != '\0'; i++) {
                const char c = words[word].word[i];
                name[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
            }
            return plpgsql_error(p, KY_SYNTAX_ERROR, node->node.location,
                                 "diagnostics item %s is not allowed in GET %s DIAGNOSTICS", name,
                                 node->is_stacked ? "STACKED" : "CURRENT");
        }
        item->what = (enum plpgsql_diagnostic)word;
        p->at++;
        *next = item;
        next = &item->next;
    } while (plpgsql_take_char(p, ","));
    return plpgsql_expect_char(p, ";");
}
