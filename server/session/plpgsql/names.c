/* SPDX-License-Identifier: Apache-2.0 */
#include "server/session/plpgsql/plpgsql_private.h"

/*
 * Variables inside SQL: the binder asks what a name means, and gets a parameter for it. A record
 * is a row of parameters, one for each field. A piece numbers them as they come up and keeps the
 * numbers when it is planned again.
 */

static const struct plpgsql_value *
value_of(const struct plpgsql_run *run, int32_t variable, int32_t field)
{
    const struct plpgsql_slot *slot = &run->slots[variable];
    return field < 0 ? &slot->value : &slot->fields[field].value;
}

static void
make_room(struct plpgsql_piece *piece, struct bind_context *context)
{
    if (piece->param_count < piece->param_capacity) {
        return;
    }
    struct ky_arena *arena = piece->prepared->source.arena;
    const uint16_t capacity = (uint16_t)KY_MAX(piece->param_capacity * 2, 8);
    struct plpgsql_param *params = ky_arena_array(arena, struct plpgsql_param, capacity);
    oid_t *types = ky_arena_array(arena, oid_t, capacity);
    for (uint16_t i = 0; i < piece->param_count; i++) {
        params[i] = piece->params[i];
        types[i] = context->param_types[i];
    }
    piece->params = params;
    piece->param_capacity = capacity;
    context->param_types = types;
    context->param_capacity = capacity;
}

/* Its number, from 1. */
static ky_status
param_of(struct plpgsql_piece *piece, struct bind_context *context, int32_t variable, int32_t field,
         uint16_t *out, struct ky_error *err)
{
    enum { PARAMS_MAX = 16000 };
    for (uint16_t i = 0; i < piece->param_count; i++) {
        if (piece->params[i].variable == variable && piece->params[i].field == field) {
            *out = (uint16_t)(i + 1);
            return KY_OK;
        }
    }
    if (piece->param_count == PARAMS_MAX) {
        return ky_error_set(err, KY_STATEMENT_TOO_COMPLEX,
                            "a statement in PL/pgSQL cannot name more than %d variables",
                            PARAMS_MAX);
    }
    make_room(piece, context);
    const struct plpgsql_value *value = value_of(piece->run, variable, field);
    piece->params[piece->param_count] = (struct plpgsql_param){
        .variable = variable,
        .field = field,
        .version = piece->run->slots[variable].version,
        .type = value->type,
    };
    context->param_types[piece->param_count] = value->type == NULL ? OID_TEXT : value->type->oid;
    context->param_count = ++piece->param_count;
    *out = piece->param_count;
    return KY_OK;
}

static ky_status
whole_record(struct plpgsql_piece *piece, struct bind_context *context, int32_t variable,
             struct bind_variable *out, struct ky_error *err)
{
    const struct plpgsql_slot *slot = &piece->run->slots[variable];
    uint16_t *params = ky_arena_array(context->arena, uint16_t, slot->field_count + 1U);
    const char **names = ky_arena_array(context->arena, const char *, slot->field_count + 1U);
    for (uint16_t i = 0; i < slot->field_count; i++) {
        KY_TRY(param_of(piece, context, variable, i, &params[i], err));
        names[i] = ky_arena_strdup(context->arena, slot->fields[i].name);
    }
    *out = (struct bind_variable){params, names, slot->field_count, true};
    return KY_OK;
}

static ky_status
one_param(struct plpgsql_piece *piece, struct bind_context *context, int32_t variable,
          int32_t field, struct bind_variable *out, struct ky_error *err)
{
    uint16_t *param = ky_arena_array(context->arena, uint16_t, 1);
    KY_TRY(param_of(piece, context, variable, field, param, err));
    *out = (struct bind_variable){.params = param, .count = 1};
    return KY_OK;
}

ky_status
plpgsql_bind_name(struct bind_variables *self, struct bind_context *context,
                  const char *const *names, int32_t count, bool is_only, struct bind_variable *out,
                  struct ky_error *err)
{
    struct plpgsql_piece *piece = (struct plpgsql_piece *)(void *)self;
    const char *field_name;
    const int32_t variable = plpgsql_find(piece->sql->names, names, count, &field_name);
    *out = (struct bind_variable){0};
    if (variable < 0) {
        return KY_OK;
    }
    const struct plpgsql_slot *slot = &piece->run->slots[variable];
    if (!slot->is_record) {
        return field_name == NULL ? one_param(piece, context, variable, -1, out, err) : KY_OK;
    }
    if (!slot->is_known && field_name == NULL) { /* as a whole it is null */
        return one_param(piece, context, variable, -1, out, err);
    }
    if (!slot->is_known) {
        (void)ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "record \"%s\" is not assigned yet", slot->declared->name);
        return ky_error_detail(
            err, "The tuple structure of a not-yet-assigned record is indeterminate.");
    }
    if (field_name == NULL) {
        return whole_record(piece, context, variable, out, err);
    }
    for (uint16_t i = 0; i < slot->field_count; i++) {
        if (strcmp(slot->fields[i].name, field_name) == 0) {
            return one_param(piece, context, variable, i, out, err);
        }
    }
    return is_only ? ky_error_set(err, KY_UNDEFINED_COLUMN, "record \"%s\" has no field \"%s\"",
                                  slot->declared->name, field_name)
                   : KY_OK;
}

bool
plpgsql_is_stale(const struct plpgsql_piece *piece)
{
    for (uint16_t i = 0; i < piece->param_count; i++) {
        const struct plpgsql_param *param = &piece->params[i];
        if (param->version != piece->run->slots[param->variable].version ||
            param->type != value_of(piece->run, param->variable, param->field)->type) {
            return true;
        }
    }
    return false;
}

void
plpgsql_fill_params(struct plpgsql_piece *piece, struct portal *portal, bool is_copied)
{
    portal->param_count = piece->param_count;
    portal->params = ky_arena_array(&portal->arena, struct datum, piece->param_count + 1U);
    for (uint16_t i = 0; i < piece->param_count; i++) {
        const struct plpgsql_param *param = &piece->params[i];
        const struct plpgsql_value *value = value_of(piece->run, param->variable, param->field);
        portal->params[i] = value->type == NULL ? datum_null() : value->datum;
        if (is_copied && value->type != NULL && value->type->storage == TYPE_BYTES &&
            !value->datum.is_null) {
            portal->params[i].bytes = ky_slice_dup(&portal->arena, value->datum.bytes);
        }
    }
}
