/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "parser/print_private.h"

/* Transactions, settings, prepared statements, cursors, notifications. */

/* ---- settings ---- */

/* a.b: each part is a name of its own. */
static void
print_setting_name(struct ky_buffer *out, const char *name)
{
    char part[256];
    for (;;) {
        const char *dot = strchr(name, '.');
        size_t size = dot == NULL ? strlen(name) : (size_t)(dot - name);
        size = size < sizeof(part) - 1 ? size : sizeof(part) - 1;
        memcpy(part, name, size);
        part[size] = '\0';
        ast_print_identifier(out, part);
        if (dot == NULL) {
            return;
        }
        print_text(out, ".");
        name = dot + 1;
    }
}

static void
print_modes(struct ky_buffer *out, const struct ast_list *modes)
{
    for (int32_t i = 0; i < ast_list_count(modes); i++) {
        const struct ast_option *option = (const void *)modes->items[i];
        print_text(out, i > 0 ? ", " : " ");
        if (option->value->kind == AST_STRING) {
            const char *text = ((const struct ast_string *)(void *)option->value)->text;
            bool is_snapshot = strcmp(option->name, "snapshot") == 0;
            print_text(out, is_snapshot ? "SNAPSHOT " : "ISOLATION LEVEL ");
            if (is_snapshot) {
                ast_print_string(out, text);
            } else {
                print_text(out, text);
            }
            continue;
        }
        bool is_on = ((const struct ast_const *)(void *)option->value)->boolean;
        if (strcmp(option->name, "transaction_read_only") == 0) {
            print_text(out, is_on ? "READ ONLY" : "READ WRITE");
        } else {
            print_text(out, is_on ? "DEFERRABLE" : "NOT DEFERRABLE");
        }
    }
}

/* SET TIME ZONE INTERVAL '..' is the one value that is no word, string or number. */
static void
print_interval_zone(struct ky_buffer *out, const struct ast_cast *cast)
{
    static const struct {
        int64_t mask;
        const char *text;
    } fields[] = {
        {AST_INTERVAL_HOUR, " HOUR"},
        {AST_INTERVAL_MINUTE, " MINUTE"},
        {AST_INTERVAL_SECOND, " SECOND"},
        {AST_INTERVAL_DAY, " DAY"},
        {AST_INTERVAL_MONTH, " MONTH"},
        {AST_INTERVAL_YEAR, " YEAR"},
        {AST_INTERVAL_YEAR | AST_INTERVAL_MONTH, " YEAR TO MONTH"},
        {AST_INTERVAL_DAY | AST_INTERVAL_HOUR, " DAY TO HOUR"},
        {AST_INTERVAL_DAY | AST_INTERVAL_HOUR | AST_INTERVAL_MINUTE, " DAY TO MINUTE"},
        {AST_INTERVAL_DAY | AST_INTERVAL_HOUR | AST_INTERVAL_MINUTE | AST_INTERVAL_SECOND,
         " DAY TO SECOND"},
        {AST_INTERVAL_HOUR | AST_INTERVAL_MINUTE, " HOUR TO MINUTE"},
        {AST_INTERVAL_HOUR | AST_INTERVAL_MINUTE | AST_INTERVAL_SECOND, " HOUR TO SECOND"},
        {AST_INTERVAL_MINUTE | AST_INTERVAL_SECOND, " MINUTE TO SECOND"}};
    const struct ast_list *typmods = cast->type->typmods;
    int32_t count = ast_list_count(typmods);
    int64_t mask = count > 0 ? ((const struct ast_const *)(void *)typmods->items[0])->integer : 0;
    print_text(out, "INTERVAL");
    if (count == 2 && mask == AST_INTERVAL_ALL) {
        print_clause(out, "(", typmods->items[1]);
        print_text(out, ")");
    }
    print_clause(out, " ", cast->arg);
    for (size_t i = 0; i < KY_COUNT_OF(fields); i++) {
        if (fields[i].mask == mask) {
            print_text(out, fields[i].text);
            if (count == 2) {
                print_clause(out, "(", typmods->items[1]);
                print_text(out, ")");
            }
        }
    }
}

static void
print_set_values(struct ky_buffer *out, const struct ast_list *values)
{
    for (int32_t i = 0; i < ast_list_count(values); i++) {
        const struct ast_node *value = values->items[i];
        print_if(out, i > 0, ", ");
        if (value->kind == AST_STRING) {
            ast_print_string(out, ((const struct ast_string *)(const void *)value)->text);
        } else {
            print_node(out, value);
        }
    }
}

static void
print_set(struct ky_buffer *out, const struct ast_set *set)
{
    print_text(out, set->type == AST_RESET || set->type == AST_RESET_ALL ? "RESET " : "SET ");
    print_if(out, set->is_local, "LOCAL ");
    switch (set->type) {
    case AST_SET_VALUE:
        if (set->values->items[0]->kind == AST_CAST) {
            print_text(out, "TIME ZONE ");
            print_interval_zone(out, (const struct ast_cast *)(void *)set->values->items[0]);
            return;
        }
        print_setting_name(out, set->name);
        print_text(out, " TO ");
        print_set_values(out, set->values);
        return;
    case AST_SET_DEFAULT:
        print_setting_name(out, set->name);
        print_text(out, " TO DEFAULT");
        return;
    case AST_SET_FROM_CURRENT:
        print_setting_name(out, set->name);
        print_text(out, " FROM CURRENT");
        return;
    case AST_SET_TRANSACTION:
        print_text(out, "TRANSACTION");
        print_modes(out, set->values);
        return;
    case AST_SET_SESSION_CHARACTERISTICS:
        print_text(out, "SESSION CHARACTERISTICS AS TRANSACTION");
        print_modes(out, set->values);
        return;
    case AST_RESET:
        print_setting_name(out, set->name);
        return;
    case AST_RESET_ALL:
        print_text(out, "ALL");
        return;
    }
}

/* ---- session ---- */

static void
print_transaction(struct ky_buffer *out, const struct ast_transaction *node)
{
    static const char *const words[] = {"BEGIN",
                                        "START TRANSACTION",
                                        "COMMIT",
                                        "ROLLBACK",
                                        "SAVEPOINT ",
                                        "RELEASE SAVEPOINT ",
                                        "ROLLBACK TO SAVEPOINT ",
                                        "PREPARE TRANSACTION ",
                                        "COMMIT PREPARED ",
                                        "ROLLBACK PREPARED "};
    print_text(out, words[node->type]);
    if (node->type >= AST_PREPARE_TRANSACTION) {
        ast_print_string(out, node->name);
    } else if (node->name != NULL) {
        ast_print_identifier(out, node->name);
    }
    print_modes(out, node->modes);
    print_if(out, node->is_chain, " AND CHAIN");
}

static void
print_show(struct ky_buffer *out, const struct ast_show *show)
{
    print_text(out, "SHOW ");
    if (strcmp(show->name, "all") == 0) {
        print_text(out, "ALL");
    } else {
        print_setting_name(out, show->name);
    }
}

static void
print_declare(struct ky_buffer *out, const struct ast_declare_cursor *cursor)
{
    print_name_clause(out, "DECLARE ", cursor->name);
    print_if(out, cursor->is_binary, " BINARY");
    print_if(out, cursor->is_asensitive, " ASENSITIVE");
    print_if(out, cursor->is_insensitive, " INSENSITIVE");
    print_if(out, cursor->is_scroll, " SCROLL");
    print_if(out, cursor->is_no_scroll, " NO SCROLL");
    print_text(out, " CURSOR ");
    print_if(out, cursor->is_with_hold, "WITH HOLD ");
    print_clause(out, "FOR ", &cursor->query->node);
}

static void
print_fetch(struct ky_buffer *out, const struct ast_fetch *fetch)
{
    static const char *const words[] = {"FORWARD", "BACKWARD", "ABSOLUTE", "RELATIVE"};
    print_text(out, fetch->is_move ? "MOVE " : "FETCH ");
    print_text(out, words[fetch->direction]);
    if (fetch->count == AST_FETCH_ALL) {
        print_text(out, " ALL");
    } else {
        ky_buffer_printf(out, " %" PRId64, fetch->count);
    }
    print_name_clause(out, " FROM ", fetch->cursor);
}

static void
print_notify(struct ky_buffer *out, const struct ast_notify *notify)
{
    static const char *const words[] = {"NOTIFY ", "LISTEN ", "UNLISTEN "};
    print_text(out, words[notify->type]);
    print_if(out, notify->channel == NULL, "*");
    print_name_clause(out, "", notify->channel);
    print_string_clause(out, ", ", notify->payload);
}

static void
print_lock_table(struct ky_buffer *out, const struct ast_lock_table *lock)
{
    static const char *const modes[] = {
        "",      "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",   "SHARE UPDATE EXCLUSIVE",
        "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"};
    print_list_clause(out, "LOCK TABLE ", lock->relations);
    print_text(out, " IN ");
    print_text(out, modes[lock->mode]);
    print_text(out, " MODE");
    print_if(out, lock->is_nowait, " NOWAIT");
}

bool
print_session(struct ky_buffer *out, const struct ast_node *node)
{
    switch (node->kind) {
    case AST_TRANSACTION: {
        PRINT_AS(ast_transaction, transaction);
        print_transaction(out, transaction);
        return true;
    }
    case AST_SET: {
        PRINT_AS(ast_set, set);
        print_set(out, set);
        return true;
    }
    case AST_SHOW: {
        PRINT_AS(ast_show, show);
        print_show(out, show);
        return true;
    }
    case AST_SET_CONSTRAINTS: {
        PRINT_AS(ast_set_constraints, set);
        print_text(out, "SET CONSTRAINTS ");
        print_if(out, set->constraints == NULL, "ALL");
        print_list(out, set->constraints, ", ");
        print_text(out, set->is_deferred ? " DEFERRED" : " IMMEDIATE");
        return true;
    }
    case AST_DISCARD: {
        PRINT_AS(ast_discard, discard);
        static const char *const names[] = {"ALL", "PLANS", "SEQUENCES", "TEMP"};
        print_text(out, "DISCARD ");
        print_text(out, names[discard->type]);
        return true;
    }
    case AST_EXPLAIN: {
        PRINT_AS(ast_explain, explain);
        print_generic_options(out, "EXPLAIN ", explain->options);
        print_clause(out, explain->options == NULL ? "EXPLAIN " : " ", explain->statement);
        return true;
    }
    case AST_PREPARE: {
        PRINT_AS(ast_prepare, prepare);
        print_name_clause(out, "PREPARE ", prepare->name);
        print_paren_list(out, " ", prepare->types);
        print_clause(out, " AS ", prepare->statement);
        return true;
    }
    case AST_EXECUTE: {
        PRINT_AS(ast_execute, execute);
        print_name_clause(out, "EXECUTE ", execute->name);
        print_paren_list(out, " ", execute->args);
        return true;
    }
    case AST_DEALLOCATE: {
        PRINT_AS(ast_deallocate, deallocate);
        print_text(out, deallocate->name == NULL ? "DEALLOCATE ALL" : "DEALLOCATE ");
        print_name_clause(out, "", deallocate->name);
        return true;
    }
    case AST_DECLARE_CURSOR: {
        PRINT_AS(ast_declare_cursor, cursor);
        print_declare(out, cursor);
        return true;
    }
    case AST_FETCH: {
        PRINT_AS(ast_fetch, fetch);
        print_fetch(out, fetch);
        return true;
    }
    case AST_CLOSE: {
        PRINT_AS(ast_close, close);
        print_text(out, close->cursor == NULL ? "CLOSE ALL" : "CLOSE ");
        print_name_clause(out, "", close->cursor);
        return true;
    }
    case AST_NOTIFY: {
        PRINT_AS(ast_notify, notify);
        print_notify(out, notify);
        return true;
    }
    case AST_LOCK_TABLE: {
        PRINT_AS(ast_lock_table, lock);
        print_lock_table(out, lock);
        return true;
    }
    case AST_DO: {
        PRINT_AS(ast_do, node_do);
        print_string_clause(out, "DO ", node_do->body);
        print_string_clause(out, " LANGUAGE ", node_do->language);
        return true;
    }
    case AST_CALL: {
        PRINT_AS(ast_call, call);
        print_clause(out, "CALL ", &call->call->node);
        return true;
    }
    case AST_UNSUPPORTED: {
        PRINT_AS(ast_unsupported, unsupported);
        print_text(out, unsupported->text);
        return true;
    }
    default:
        return false;
    }
}
