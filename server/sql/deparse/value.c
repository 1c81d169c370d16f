/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/sql/deparse/deparse_private.h"

/* Constants and casts. */

/* A number that reads back as itself, with its type; one with a sign would be a constant and an
 * operator. */
static bool
is_plain_number(const struct type *type, const char *text)
{
    const bool is_digit = text[0] >= '0' && text[0] <= '9';
    return is_digit && (type->oid == OID_INT4 ||
                        (type->oid == OID_NUMERIC && strcspn(text, ".eE") != strlen(text)));
}

/* As standard_conforming_strings has it: only a quote is doubled. */
static void
put_literal(struct printer *p, const char *text)
{
    dp_put(p, "'");
    for (const char *at = text; *at != '\0'; at++) {
        dp_put(p, *at == '\'' ? "'" : "");
        ky_buffer_append_byte(p->out, (uint8_t)*at);
    }
    dp_put(p, "'");
}

/* A relation's name as it is found under any search path. */
static bool
print_full_relation(struct printer *p, const struct expr *expr, struct ky_buffer *text)
{
    const struct cat_table *table =
        cat_get_table(p->context->image, (oid_t)(uint64_t)expr->value.word);
    if (p->context->path != NULL || expr->type->oid != OID_REGCLASS || table == NULL) {
        return false;
    }
    struct ky_buffer *saved = p->out;
    p->out = text;
    dp_relation_name(p, table);
    p->out = saved;
    return true;
}

void
dp_const(struct printer *p, const struct expr *expr, enum const_label label)
{
    const struct type *type = expr->type;
    bool is_labelled = label != LABEL_NEVER;
    if (expr->value.is_null) {
        dp_put(p, "NULL");
    } else if (type->oid == OID_BOOL) {
        dp_put(p, expr->value.word != 0 ? "true" : "false");
        is_labelled = label == LABEL_ALWAYS;
    } else {
        struct ky_buffer buffer = {0};
        if (!print_full_relation(p, expr, &buffer)) {
            type->output(type, p->context->types, expr->value, &buffer);
        }
        const char *text = ky_arena_cstr(p->context->arena, ky_buffer_slice(&buffer));
        ky_buffer_deinit(&buffer);
        if (is_plain_number(type, text)) {
            dp_put(p, text);
            is_labelled = label == LABEL_ALWAYS;
        } else {
            put_literal(p, text);
        }
    }
    if (is_labelled && (type->oid != OID_UNKNOWN || label == LABEL_ALWAYS)) {
        dp_put(p, "::");
        dp_type(p, type, expr->typmod);
    }
}

bool
dp_is_cast_function(const struct expr *expr)
{
    if (expr->kind == EXPR_COERCE) {
        return expr->type->category != 'A';
    }
    /* Integers of several sizes lie alike here; PostgreSQL has a function for them. */
    return expr->cast->method == CAST_FUNCTION || expr->cast->function_oid != OID_NONE;
}

/* x::type, or x alone for a cast that is not to be seen. */
void
dp_cast(struct printer *p, const struct expr *expr)
{
    const struct expr *arg = expr->args[0];
    if (arg->kind == EXPR_CONST && arg->type == expr->type && arg->typmod < 0 &&
        arg->written == NULL) {
        dp_const(p, arg, LABEL_NEVER); /* a literal and its length: one label is enough */
    } else {
        dp_open(p);
        dp_operand(p, arg, false, expr);
        dp_close(p);
    }
    dp_put(p, "::");
    dp_type(p, expr->type, expr->typmod);
}
