/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/session/ddl/ddl_private.h"
#include "server/session/sequence.h"

/* CREATE SEQUENCE, ALTER SEQUENCE, and the options that identity columns share with them. */

enum { SEQ_START, SEQ_INCREMENT, SEQ_MINIMUM, SEQ_MAXIMUM, SEQ_CACHE, SEQ_CYCLE };

static bool
has_value(const struct ast_option *option)
{
    return option != NULL && option->value != NULL;
}

static ky_status
check_range(struct ddl *ddl, const char *name, int64_t value, oid_t type)
{
    bool fits = type == OID_INT2   ? value >= INT16_MIN && value <= INT16_MAX
                : type == OID_INT4 ? value >= INT32_MIN && value <= INT32_MAX
                                   : true;
    return fits ? KY_OK
                : ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                               "%s (%" PRId64 ") is out of range for sequence data type %s", name,
                               value, type_get(type)->sql_name);
}

ky_status
ddl_sequence_options(struct ddl *ddl, const struct ast_list *options, oid_t type,
                     const int64_t *old, int64_t out[6])
{
    const int64_t type_max = type == OID_INT2   ? INT16_MAX
                             : type == OID_INT4 ? INT32_MAX
                                                : INT64_MAX;
    const struct ast_option *minimum = ddl_option(options, "minvalue");
    const struct ast_option *maximum = ddl_option(options, "maxvalue");
    const struct ast_option *start = ddl_option(options, "start");
    out[SEQ_INCREMENT] =
        ddl_option_int(ddl_option(options, "increment"), old != NULL ? old[SEQ_INCREMENT] : 1);
    if (out[SEQ_INCREMENT] == 0) {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE, "INCREMENT must not be zero");
    }
    const bool is_up = out[SEQ_INCREMENT] > 0;
    out[SEQ_MAXIMUM] = has_value(maximum)               ? ddl_option_int(maximum, 0)
                       : old != NULL && maximum == NULL ? old[SEQ_MAXIMUM]
                       : is_up                          ? type_max
                                                        : -1;
    out[SEQ_MINIMUM] = has_value(minimum)               ? ddl_option_int(minimum, 0)
                       : old != NULL && minimum == NULL ? old[SEQ_MINIMUM]
                       : is_up                          ? 1
                                                        : -type_max - 1;
    KY_TRY(check_range(ddl, "MAXVALUE", out[SEQ_MAXIMUM], type));
    KY_TRY(check_range(ddl, "MINVALUE", out[SEQ_MINIMUM], type));
    if (out[SEQ_MINIMUM] >= out[SEQ_MAXIMUM]) {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                            "MINVALUE (%" PRId64 ") must be less than MAXVALUE (%" PRId64 ")",
                            out[SEQ_MINIMUM], out[SEQ_MAXIMUM]);
    }
    out[SEQ_START] = has_value(start) ? ddl_option_int(start, 0)
                     : old != NULL    ? old[SEQ_START]
                     : is_up          ? out[SEQ_MINIMUM]
                                      : out[SEQ_MAXIMUM];
    if (out[SEQ_START] < out[SEQ_MINIMUM]) {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                            "START value (%" PRId64 ") cannot be less than MINVALUE (%" PRId64 ")",
                            out[SEQ_START], out[SEQ_MINIMUM]);
    }
    if (out[SEQ_START] > out[SEQ_MAXIMUM]) {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                            "START value (%" PRId64 ") cannot be greater than MAXVALUE (%" PRId64
                            ")",
                            out[SEQ_START], out[SEQ_MAXIMUM]);
    }
    out[SEQ_CACHE] = ddl_option_int(ddl_option(options, "cache"), old != NULL ? old[SEQ_CACHE] : 1);
    if (out[SEQ_CACHE] <= 0) {
        return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                            "CACHE (%" PRId64 ") must be greater than zero", out[SEQ_CACHE]);
    }
    out[SEQ_CYCLE] = ddl_option_int(ddl_option(options, "cycle"), old != NULL ? old[SEQ_CYCLE] : 0);
    return KY_OK;
}

static ky_status
sequence_type(struct ddl *ddl, const struct ast_list *options, oid_t fallback, oid_t *type_out)
{
    const struct ast_option *as = ddl_option(options, "as");
    int32_t typmod;
    *type_out = fallback;
    if (as == NULL) {
        return KY_OK;
    }
    KY_TRY(bind_type_name(&ddl->bind, (const void *)as->value, type_out, &typmod, ddl->err));
    return *type_out == OID_INT2 || *type_out == OID_INT4 || *type_out == OID_INT8
               ? KY_OK
               : ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                              "sequence type must be smallint, integer, or bigint");
}

/* OWNED BY table.column, or NONE. */
static ky_status
set_owner(struct ddl *ddl, const struct ast_list *options, struct cat_table *sequence)
{
    const struct ast_option *owned = ddl_option(options, "owned_by");
    if (owned == NULL) {
        return KY_OK;
    }
    const struct ast_list *names = ((const struct ast_node_list *)(const void *)owned->value)->list;
    if (names->count == 1) {
        if (strcmp(ast_list_text(names, 0), "none") != 0) {
            (void)ky_error_set(ddl->err, KY_SYNTAX_ERROR, "invalid OWNED BY option");
            return ky_error_hint(ddl->err, "Specify OWNED BY table.column or OWNED BY NONE.");
        }
        sequence->owner_table = OID_NONE;
        sequence->owner_column = 0;
        return KY_OK;
    }
    const struct ast_range_var name = {
        .node = {.kind = AST_RANGE_VAR, .location = -1},
        .schema = names->count > 2 ? ast_list_text(names, names->count - 3) : NULL,
        .name = ast_list_text(names, names->count - 2)};
    struct cat_table *table;
    KY_TRY(bind_relation(&ddl->bind, &name, false, &table, ddl->err));
    if (table->kind == 'S') {
        (void)ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE,
                           "sequence cannot be owned by relation \"%s\"", table->name);
        return ky_error_detail(ddl->err, "This operation is not supported for sequences.");
    }
    const char *column_name = ast_list_text(names, names->count - 1);
    const struct cat_column *column = cat_find_column(table, ky_slice_cstr(column_name));
    if (table->schema != sequence->schema) {
        return ky_error_set(ddl->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                            "sequence must be in same schema as table it is linked to");
    }
    if (table->owner != sequence->owner) {
        return ky_error_set(ddl->err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                            "sequence must have same owner as table it is linked to");
    }
    if (column == NULL) {
        return ky_error_set(ddl->err, KY_UNDEFINED_COLUMN,
                            "column \"%s\" of relation \"%s\" does not exist", column_name,
                            table->name);
    }
    sequence->owner_table = table->oid;
    sequence->owner_column = column->number;
    return KY_OK;
}

ky_status
ddl_create_sequence(struct ddl *ddl, const struct ast_sequence *statement)
{
    oid_t schema;
    struct cat_table *existing = NULL;
    oid_t type;
    strcpy(ddl->session->tag, "CREATE SEQUENCE");
    KY_TRY(ddl_fresh_relation(ddl, statement->relation, &schema, &existing));
    if (ddl->is_pending) {
        return KY_OK;
    }
    if (existing != NULL) {
        if (statement->is_if) {
            session_notice(ddl->session, "NOTICE", KY_DUPLICATE_TABLE,
                           "relation \"%s\" already exists, skipping", existing->name);
            return KY_OK;
        }
        return ky_error_set(ddl->err, KY_DUPLICATE_TABLE, "relation \"%s\" already exists",
                            statement->relation->name);
    }
    KY_TRY(sequence_type(ddl, statement->options, OID_INT8, &type));
    oid_t oid = ddl_new_oid(ddl);
    struct cat_table sequence = {.oid = oid,
                                 .name = statement->relation->name,
                                 .schema = schema,
                                 .kind = 'S',
                                 .persistence = 'p',
                                 .rel = oid,
                                 .owner = ddl->session->role,
                                 .sequence_type = type};
    KY_TRY(ddl_sequence_options(ddl, statement->options, type, NULL, sequence.sequence));
    KY_TRY(set_owner(ddl, statement->options, &sequence));
    KY_TRY(catalog_insert(ddl->txn, CAT_TABLE, &sequence, ddl->err));
    KY_TRY(ddl_apply_default_acl(ddl, &sequence));
    return ddl_changed(ddl);
}

ky_status
ddl_restart_sequence(struct ddl *ddl, struct cat_table *sequence, const int64_t *value)
{
    /* Under a new counter, so that a rollback goes back to the old one. */
    sequence->rel = ddl_new_oid(ddl);
    return value == NULL ? KY_OK : sequence_set(ddl->session, sequence, *value, false, ddl->err);
}

ky_status
ddl_change_sequence(struct ddl *ddl, const struct cat_table *sequence,
                    const struct ast_list *options)
{
    struct cat_table changed = *sequence;
    const struct ast_option *restart = ddl_option(options, "restart");
    int64_t old[6];
    memcpy(old, sequence->sequence, sizeof(old));
    KY_TRY(sequence_type(ddl, options, sequence->sequence_type, &changed.sequence_type));
    if (changed.sequence_type != sequence->sequence_type) {
        /* Limits that were the old type's become the new one's. */
        int64_t was[6];
        KY_TRY(ddl_sequence_options(ddl, NULL, sequence->sequence_type, NULL, was));
        int64_t now[6];
        KY_TRY(ddl_sequence_options(ddl, NULL, changed.sequence_type, NULL, now));
        old[SEQ_MAXIMUM] =
            old[SEQ_MAXIMUM] == was[SEQ_MAXIMUM] ? now[SEQ_MAXIMUM] : old[SEQ_MAXIMUM];
        old[SEQ_MINIMUM] =
            old[SEQ_MINIMUM] == was[SEQ_MINIMUM] ? now[SEQ_MINIMUM] : old[SEQ_MINIMUM];
    }
    KY_TRY(ddl_sequence_options(ddl, options, changed.sequence_type, old, changed.sequence));
    KY_TRY(set_owner(ddl, options, &changed));
    if (restart != NULL) {
        int64_t value = ddl_option_int(restart, changed.sequence[SEQ_START]);
        if (value < changed.sequence[SEQ_MINIMUM] || value > changed.sequence[SEQ_MAXIMUM]) {
            bool is_low = value < changed.sequence[SEQ_MINIMUM];
            return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                                is_low ? "RESTART value (%" PRId64
                                         ") cannot be less than MINVALUE (%" PRId64 ")"
                                       : "RESTART value (%" PRId64
                                         ") cannot be greater than MAXVALUE (%" PRId64 ")",
                                value, changed.sequence[is_low ? SEQ_MINIMUM : SEQ_MAXIMUM]);
        }
        KY_TRY(ddl_restart_sequence(ddl, &changed, &value));
    }
    KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
    return ddl_changed(ddl);
}

ky_status
ddl_alter_sequence(struct ddl *ddl, const struct ast_sequence *statement)
{
    struct cat_table *sequence;
    strcpy(ddl->session->tag, "ALTER SEQUENCE");
    KY_TRY(ddl_find(ddl, statement->relation, statement->is_if, &sequence));
    if (sequence == NULL) {
        session_notice(ddl->session, "NOTICE", KY_SUCCESSFUL_COMPLETION,
                       "relation \"%s\" does not exist, skipping", statement->relation->name);
        return KY_OK;
    }
    if (sequence->kind != 'S') {
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "\"%s\" is not a sequence",
                            sequence->name);
    }
    KY_TRY(ddl_check_owner(ddl, sequence));
    KY_TRY(ddl_lock(ddl, sequence, LOCK_SHARE_ROW_EXCLUSIVE));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    sequence = cat_get_table(ddl->image, sequence->oid);
    return sequence == NULL
               ? ky_error_set(ddl->err, KY_UNDEFINED_TABLE, "relation \"%s\" does not exist",
                              statement->relation->name)
               : ddl_change_sequence(ddl, sequence, statement->options);
}
