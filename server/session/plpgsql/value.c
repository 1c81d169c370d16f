/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/assert.h"
#include "server/session/plpgsql/plpgsql_private.h"
#include "server/types/array.h"
#include "server/types/record.h"

/*
 * Variables. Each owns its bytes, so a loop that assigns a million times holds one value. A record
 * has the fields of what was last put into it; one of a table's row type keeps the table's.
 */

/* ------------------------------------------------------------------ values */

void
plpgsql_value_set(struct plpgsql_value *value, const struct type *type, struct datum datum)
{
    value->type = type;
    if (!datum.is_null && type->storage == TYPE_BYTES) {
        if (datum.bytes.size > value->capacity) {
            const size_t capacity = KY_MAX(datum.bytes.size, value->capacity * 2);
            void *larger = ky_malloc(capacity);
            memcpy(larger, datum.bytes.data, datum.bytes.size);
            ky_free(value->bytes);
            value->bytes = larger;
            value->capacity = capacity;
        } else if (datum.bytes.size > 0) {
            memmove(value->bytes, datum.bytes.data, datum.bytes.size);
        }
        datum.bytes.data = datum.bytes.size > 0 ? value->bytes : "";
    }
    value->datum = datum;
}

void
plpgsql_value_free(struct plpgsql_value *value)
{
    ky_free(value->bytes);
    value->bytes = NULL;
    value->capacity = 0;
    value->datum = datum_null();
}

static void
free_fields(struct plpgsql_slot *slot)
{
    for (uint16_t i = 0; i < slot->field_count; i++) {
        plpgsql_value_free(&slot->fields[i].value);
        ky_free((void *)(uintptr_t)slot->fields[i].name);
    }
    ky_free(slot->fields);
    slot->fields = NULL;
    slot->field_count = 0;
}

void
plpgsql_slot_free(struct plpgsql_slot *slot)
{
    plpgsql_value_free(&slot->value);
    free_fields(slot);
}

void
plpgsql_push(struct plpgsql_run *run, const struct type *type, struct datum datum)
{
    if (run->value_count == run->value_capacity) {
        const size_t capacity = run->value_capacity * 2;
        run->values = ky_realloc(run->values, capacity * sizeof(*run->values));
        memset(run->values + run->value_capacity, 0,
               (capacity - run->value_capacity) * sizeof(*run->values));
        run->value_capacity = capacity;
    }
    plpgsql_value_set(&run->values[run->value_count++], type, datum);
}

struct plpgsql_value *
plpgsql_pop(struct plpgsql_run *run)
{
    KY_ASSERT(run->value_count > 0);
    return &run->values[--run->value_count];
}

struct func_env
plpgsql_env(struct plpgsql_run *run)
{
    struct func_env env = {0};
    struct ky_error err;
    ky_error_init(&err);
    if (run->image == NULL && session_image(run->session, &run->image, &err) != KY_OK) {
        run->image = NULL; /* names of objects are not found then */
    }
    session_env(run->session, &env, &run->scratch, run->image);
    return env;
}

struct ky_slice
plpgsql_text_of(struct plpgsql_run *run, const struct type *type, struct datum value)
{
    struct ky_buffer text = {0};
    const struct func_env env = plpgsql_env(run);
    type->output(type, &env.types, value, &text);
    const struct ky_slice copy = ky_slice_dup(&run->scratch, ky_buffer_slice(&text));
    ky_buffer_deinit(&text);
    return copy;
}

/* ------------------------------------------------------------------ conversion */

static ky_status
cast_value(struct plpgsql_run *run, const struct func_env *env, const struct type *from,
           struct datum value, const struct type *to, int32_t typmod, struct datum *out,
           struct ky_error *err)
{
    const struct cast *cast = cast_find(from->oid, to->oid);
    if (cast != NULL && cast->context != CAST_EXPLICIT && cast->method != CAST_IN_OUT) {
        return cast_apply(cast, &env->types, value, cast_takes_typmod(cast) ? typmod : -1, false,
                          out, err);
    }
    return to->input(to, &env->types, plpgsql_text_of(run, from, value), -1, out, err);
}

ky_status
plpgsql_convert(struct plpgsql_run *run, const struct type *from, struct datum value,
                const struct type *to, int32_t typmod, struct datum *out, struct ky_error *err)
{
    const struct func_env env = plpgsql_env(run);
    if (value.is_null) {
        *out = value;
        return KY_OK;
    }
    if (from != to) {
        KY_TRY(cast_value(run, &env, from, value, to, typmod, &value, err));
    }
    if (typmod >= 0 && to->coerce != NULL) {
        KY_TRY(to->coerce(to, &env.types, value, typmod, false, &value, err));
    }
    *out = value;
    return KY_OK;
}

/* ------------------------------------------------------------------ records */

static bool
has_shape(const struct plpgsql_slot *slot, uint16_t count, const char *const *names,
          const struct type *const *types)
{
    if (!slot->is_known || slot->field_count != count) {
        return false;
    }
    for (uint16_t i = 0; i < count; i++) {
        if (slot->fields[i].value.type != types[i] || strcmp(slot->fields[i].name, names[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void
set_shape(struct plpgsql_slot *slot, uint16_t count, const char *const *names,
          const struct type *const *types)
{
    if (has_shape(slot, count, names, types)) {
        return;
    }
    struct plpgsql_field *fields = ky_calloc(count + 1U, sizeof(*fields));
    for (uint16_t i = 0; i < count; i++) {
        fields[i] = (struct plpgsql_field){ky_strdup(names[i] == NULL ? "?column?" : names[i]),
                                           {.type = types[i], .typmod = -1, .datum = datum_null()}};
    }
    free_fields(slot);
    slot->fields = fields;
    slot->field_count = count;
    slot->is_known = true;
    slot->version++;
}

static ky_status
not_null(const struct plpgsql_slot *slot, struct datum value, struct ky_error *err)
{
    return value.is_null && slot->declared->is_not_null
               ? ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                              "null value cannot be assigned to variable \"%s\" declared NOT NULL",
                              slot->declared->name)
               : KY_OK;
}

/* Fields of a row into a record; without a row all are null. */
static ky_status
assign_record(struct plpgsql_run *run, struct plpgsql_slot *slot, uint16_t count,
              const char *const *names, const struct type *const *types, const struct datum *row,
              struct ky_error *err)
{
    if (!slot->is_fixed) {
        set_shape(slot, count, names, types);
    }
    for (uint16_t i = 0; i < slot->field_count; i++) {
        struct plpgsql_value *field = &slot->fields[i].value;
        struct datum value = datum_null();
        if (row != NULL && i < count) {
            KY_TRY(plpgsql_convert(run, types[i], row[i], field->type, field->typmod, &value, err));
        }
        plpgsql_value_set(field, field->type, value);
    }
    return KY_OK;
}

/* A row value. */
static ky_status
assign_composite(struct plpgsql_run *run, struct plpgsql_slot *slot, const struct type *type,
                 struct datum value, struct ky_error *err)
{
    struct record_view view;
    if (value.is_null) {
        return plpgsql_reset(run, (int32_t)(slot - run->slots), err);
    }
    if (type->oid != OID_RECORD) {
        return ky_error_set(err, KY_DATATYPE_MISMATCH,
                            "cannot assign non-composite value to a record variable");
    }
    record_open(value.bytes, &view);
    const char **names = ky_arena_array(&run->scratch, const char *, view.count + 1U);
    const struct type **types = ky_arena_array(&run->scratch, const struct type *, view.count + 1U);
    struct datum *row = ky_arena_array(&run->scratch, struct datum, view.count + 1U);
    const uint16_t count = (uint16_t)view.count;
    for (uint16_t i = 0; i < count; i++) {
        const struct record_field field = record_next(&view);
        names[i] = field.name.size == 0 ? ky_arena_printf(&run->scratch, "f%d", i + 1)
                                        : ky_arena_cstr(&run->scratch, field.name);
        types[i] = field.type;
        row[i] = field.value;
    }
    return assign_record(run, slot, count, names, types, row, err);
}

/* ------------------------------------------------------------------ assignment */

static ky_status
find_field(struct plpgsql_slot *slot, const char *name, struct plpgsql_value **out,
           struct ky_error *err)
{
    if (!slot->is_record) {
        return ky_error_set(err, KY_DATATYPE_MISMATCH,
                            "cannot assign to field \"%s\" of variable \"%s\": it is no record",
                            name, slot->declared->name);
    }
    if (!slot->is_known) {
        (void)ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "record \"%s\" is not assigned yet", slot->declared->name);
        return ky_error_detail(
            err, "The tuple structure of a not-yet-assigned record is indeterminate.");
    }
    for (uint16_t i = 0; i < slot->field_count; i++) {
        if (strcmp(slot->fields[i].name, name) == 0) {
            *out = &slot->fields[i].value;
            return KY_OK;
        }
    }
    return ky_error_set(err, KY_UNDEFINED_COLUMN, "record \"%s\" has no field \"%s\"",
                        slot->declared->name, name);
}

ky_status
plpgsql_assign_target(struct plpgsql_run *run, const struct plpgsql_target *target,
                      const struct type *type, struct datum value, struct ky_error *err)
{
    struct plpgsql_slot *slot = &run->slots[target->variable];
    struct plpgsql_value *place = &slot->value;
    if (target->field != NULL) {
        KY_TRY(find_field(slot, target->field, &place, err));
    } else if (slot->is_record) {
        return assign_composite(run, slot, type, value, err);
    }
    if (slot->is_any) {
        place->type = type;
    }
    KY_TRY(plpgsql_convert(run, type, value, place->type, place->typmod, &value, err));
    if (target->field == NULL) {
        KY_TRY(not_null(slot, value, err));
    }
    plpgsql_value_set(place, place->type, value);
    return KY_OK;
}

/* One dimension: what lies between the old end and the new element is null. */
ky_status
plpgsql_assign_element(struct plpgsql_run *run, const struct plpgsql_target *target,
                       const struct type *type, struct datum value, struct datum subscript,
                       struct ky_error *err)
{
    enum { ELEMENTS_MAX = 128 * 1024 * 1024 };
    struct plpgsql_slot *slot = &run->slots[target->variable];
    struct plpgsql_value *place = &slot->value;
    struct array_view view = {.dimension_count = 0};
    if (target->field != NULL) {
        KY_TRY(find_field(slot, target->field, &place, err));
    }
    if ((slot->is_record && target->field == NULL) || place->type->element_oid == OID_NONE) {
        return ky_error_set(err, KY_DATATYPE_MISMATCH,
                            "cannot subscript type %s because it does not support subscripting",
                            slot->is_record ? "record" : place->type->sql_name);
    }
    if (subscript.is_null) {
        return ky_error_set(err, KY_NULL_VALUE_NOT_ALLOWED,
                            "array subscript in assignment must not be null");
    }
    const struct type *element = type_get(place->type->element_oid);
    KY_TRY(plpgsql_convert(run, type, value, element, place->typmod, &value, err));
    if (!place->datum.is_null) {
        array_open(place->datum.bytes, &view);
    }
    if (view.dimension_count > 1) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "assigning to an element of an array of several dimensions is not "
                            "supported");
    }
    const bool is_empty = view.dimension_count == 0;
    const int64_t at = subscript.word;
    const int64_t first = is_empty ? at : KY_MIN(at, (int64_t)view.lower[0]);
    const int64_t last = is_empty ? at : KY_MAX(at, (int64_t)view.lower[0] + view.size[0] - 1);
    if (last - first >= ELEMENTS_MAX) {
        return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                            "array size exceeds the maximum allowed (%d)", ELEMENTS_MAX);
    }
    const int32_t size = (int32_t)(last - first + 1);
    const int32_t lower = (int32_t)first;
    struct datum *values = ky_arena_array(&run->scratch, struct datum, (size_t)size);
    for (int32_t i = 0; i < size; i++) {
        values[i] = datum_null();
    }
    const uint8_t *cursor = view.first;
    for (uint32_t i = 0; !is_empty && i < view.count; i++) {
        values[view.lower[0] - first + i] = array_next(&view, &cursor);
    }
    values[at - first] = value;
    const struct ky_slice made =
        array_make_shaped(&run->scratch, element, values, 1, &size, &lower);
    plpgsql_value_set(place, place->type, datum_bytes(made.data, made.size));
    return KY_OK;
}

ky_status
plpgsql_reset(struct plpgsql_run *run, int32_t variable, struct ky_error *err)
{
    struct plpgsql_slot *slot = &run->slots[variable];
    if (slot->is_record && !slot->is_fixed) {
        free_fields(slot);
        slot->version += slot->is_known;
        slot->is_known = false;
        return KY_OK;
    }
    for (uint16_t i = 0; i < slot->field_count; i++) {
        plpgsql_value_set(&slot->fields[i].value, slot->fields[i].value.type, datum_null());
    }
    slot->value.datum = datum_null();
    (void)err;
    return KY_OK;
}

ky_status
plpgsql_assign_row(struct plpgsql_run *run, const struct plpgsql_target *targets, int32_t count,
                   const struct plpgsql_rows *rows, const struct datum *row, struct ky_error *err)
{
    struct plpgsql_slot *slot = &run->slots[targets[0].variable];
    if (slot->is_record && targets[0].field == NULL) {
        if (count > 1) {
            return ky_error_set(err, KY_SYNTAX_ERROR,
                                "record variable cannot be part of multiple-item INTO list");
        }
        /* A single column of row type is the record itself. */
        if (row != NULL && rows->column_count == 1 && rows->types[0]->oid == OID_RECORD) {
            return assign_composite(run, slot, rows->types[0], row[0], err);
        }
        return assign_record(run, slot, rows->column_count, rows->names, rows->types, row, err);
    }
    for (int32_t i = 0; i < count; i++) {
        const bool is_there = row != NULL && i < rows->column_count;
        KY_TRY(plpgsql_assign_target(run, &targets[i],
                                     is_there ? rows->types[i] : type_get(OID_TEXT),
                                     is_there ? row[i] : datum_null(), err));
    }
    return KY_OK;
}

void
plpgsql_set_found(struct plpgsql_run *run, bool is_found)
{
    run->slots[run->program.found].value.datum = datum_word(is_found);
}
