/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "server/session/ddl/ddl_private.h"

/*
 * CREATE TYPE .. AS ENUM and ALTER TYPE. A type's lock is that of its OID among tables: those who
 * make columns of it share it until they commit, those who drop or rename it have it alone.
 */

enum { ENUM_LABELS_MAX = UINT16_MAX, NAME_SIZE_MAX = 63 };

static ky_status
find_any_type(struct ddl *ddl, const struct ast_type_name *name, oid_t *oid_out)
{
    struct ast_type_name bare = *name;
    int32_t typmod;
    bare.node.location = -1; /* as in PostgreSQL, errors point nowhere */
    return bind_type_name(&ddl->bind, &bare, oid_out, &typmod, ddl->err);
}

static ky_status
check_type_owner(struct ddl *ddl, const struct cat_type *type, oid_t oid)
{
    if (type != NULL && ddl_owns(ddl, type->owner)) {
        return KY_OK;
    }
    return ky_error_set(ddl->err, KY_INSUFFICIENT_PRIVILEGE, "must be owner of type %s",
                        ddl_shown_type(ddl, oid));
}

ky_status
ddl_find_type(struct ddl *ddl, const struct ast_type_name *name, const struct cat_type **type_out)
{
    oid_t oid;
    KY_TRY(find_any_type(ddl, name, &oid));
    const struct cat_type *type = cat_get_type(ddl->image, oid);
    KY_TRY(check_type_owner(ddl, type, oid));
    if (type->oid != oid) {
        (void)ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "cannot alter array type %s",
                           ddl_shown_type(ddl, oid));
        return ky_error_hint(ddl->err,
                             "You can alter type %s, which will alter the array type as well.",
                             ddl_shown_type(ddl, type->oid));
    }
    *type_out = type;
    return KY_OK;
}

/* The type of a name, locked and read anew; NULL: the lock is waited for. */
ky_status
ddl_take_type(struct ddl *ddl, const struct ast_list *names, enum table_lock_mode mode,
              const struct cat_type **type_out)
{
    const struct ast_type_name name = {.node = {.kind = AST_TYPE_NAME, .location = -1},
                                       .names = (struct ast_list *)(uintptr_t)names};
    const struct cat_type *type;
    *type_out = NULL;
    KY_TRY(ddl_find_type(ddl, &name, &type));
    KY_TRY(session_lock_table(ddl->session, type->oid, mode, false, type->name, &ddl->is_pending,
                              ddl->err));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    return ddl_find_type(ddl, &name, type_out);
}

/* ------------------------------------------------------------------ names */

ky_status
ddl_check_type_name(struct ddl *ddl, oid_t schema, const char *name)
{
    const struct ky_slice key = ky_slice_cstr(name);
    if (cat_find_type(ddl->image, schema, key) == NULL) {
        return KY_OK;
    }
    (void)ky_error_set(ddl->err, KY_DUPLICATE_OBJECT, "type \"%s\" already exists", name);
    return ky_error_hint(ddl->err,
                         "A relation has an associated type of the same name, so you must use a "
                         "name that doesn't conflict with any existing type.");
}

bool
ddl_is_type_name_taken(const struct ddl *ddl, oid_t schema, const char *name)
{
    return cat_find_type(ddl->image, schema, ky_slice_cstr(name)) != NULL ||
           cat_find_table(ddl->image, schema, ky_slice_cstr(name)) != NULL;
}

/* "_mood", with more of them in front while that is taken. */
static const char *
array_name(struct ddl *ddl, oid_t schema, const char *name)
{
    const char *made = name;
    do {
        size_t size = KY_MIN(strlen(made), (size_t)NAME_SIZE_MAX - 1);
        while (size > 0 && ((unsigned char)made[size] & 0xc0) == 0x80) {
            size--;
        }
        made = ky_arena_printf(ddl->arena, "_%.*s", (int)size, made);
    } while (ddl_is_type_name_taken(ddl, schema, made));
    return made;
}

/* ------------------------------------------------------------------ labels */

static ky_status
check_label(struct ddl *ddl, const char *label)
{
    if (strlen(label) <= ENUM_LABEL_SIZE_MAX) {
        return KY_OK;
    }
    (void)ky_error_set(ddl->err, KY_INVALID_NAME, "invalid enum label \"%s\"", label);
    return ky_error_detail(ddl->err, "Labels must be %d bytes or less.", ENUM_LABEL_SIZE_MAX);
}

static ky_status
check_label_count(struct ddl *ddl, uint64_t count)
{
    return count <= ENUM_LABELS_MAX
               ? KY_OK
               : ky_error_set(ddl->err, KY_PROGRAM_LIMIT_EXCEEDED,
                              "enums can have at most %d labels", ENUM_LABELS_MAX);
}

static const struct enum_label *
find_label(const struct enum_labels *labels, const char *name)
{
    return enum_labels_find(labels, ky_slice_cstr(name));
}

static ky_status
read_labels(struct ddl *ddl, const struct ast_list *names, struct cat_type *type)
{
    const uint32_t count = (uint32_t)ast_list_count(names);
    KY_TRY(check_label_count(ddl, count));
    struct enum_label *labels = ky_arena_array(ddl->arena, struct enum_label, count + 1U);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = ast_list_text(names, (int32_t)i);
        KY_TRY(check_label(ddl, name));
        labels[i] =
            (struct enum_label){ddl_new_oid(ddl), ((int64_t)i + 1) << ENUM_PLACE_BITS, name};
    }
    enum_labels_init(&type->labels, labels, count, ddl->arena);
    for (uint32_t i = 1; i < count; i++) {
        const char *name = labels[type->labels.by_name[i]].name;
        if (strcmp(labels[type->labels.by_name[i - 1]].name, name) == 0) {
            (void)ky_error_set(ddl->err, KY_UNIQUE_VIOLATION,
                               "duplicate key value violates unique constraint "
                               "\"pg_enum_typid_label_index\"");
            return ky_error_detail(ddl->err, "Key (enumtypid, enumlabel)=(%u, %s) already exists.",
                                   type->oid, name);
        }
    }
    return KY_OK;
}

ky_status
ddl_create_enum(struct ddl *ddl, const struct ast_create_enum *statement)
{
    const struct ast_range_var name = {.node = {.kind = AST_RANGE_VAR, .location = -1},
                                       .schema = ast_name_schema(statement->names),
                                       .name = ast_name_last(statement->names)};
    struct cat_type type = {.name = name.name, .owner = ddl->session->role};
    strcpy(ddl->session->tag, "CREATE TYPE");
    KY_TRY(ddl_schema_of(ddl, &name, &type.schema));
    KY_TRY(ddl_lock_name(ddl, type.schema, type.name));
    if (ddl->is_pending) {
        return KY_OK;
    }
    KY_TRY(ddl_refresh(ddl));
    if (ddl_is_type_name_taken(ddl, type.schema, type.name)) {
        return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT, "type \"%s\" already exists", type.name);
    }
    type.array_oid = ddl_new_oid(ddl);
    type.oid = ddl_new_oid(ddl);
    type.array_name = array_name(ddl, type.schema, type.name);
    KY_TRY(read_labels(ddl, statement->labels, &type));
    KY_TRY(catalog_insert(ddl->txn, CAT_TYPE, &type, ddl->err));
    return ddl_changed(ddl);
}

/* Where a label goes that is added before labels[place]. */
static ky_status
choose_word(struct ddl *ddl, const struct enum_labels *labels, uint32_t place, const char *name,
            int64_t *word_out)
{
    const int64_t step = INT64_C(1) << ENUM_PLACE_BITS;
    const int64_t before = place == 0 ? 0 : labels->labels[place - 1].word;
    const int64_t after = place == labels->count ? 0 : labels->labels[place].word;
    if (labels->count == 0 || place == labels->count) {
        *word_out = before + step;
    } else if (place == 0) {
        *word_out = after - step;
    } else {
        *word_out = before + (after - before) / 2;
        if (*word_out == before) {
            (void)ky_error_set(ddl->err, KY_PROGRAM_LIMIT_EXCEEDED,
                               "no room for label \"%s\" between \"%s\" and \"%s\"", name,
                               labels->labels[place - 1].name, labels->labels[place].name);
            return ky_error_hint(ddl->err,
                                 "Between two labels there is room for %d that are each "
                                 "added next to the last one.",
                                 ENUM_PLACE_BITS);
        }
    }
    return KY_OK;
}

static ky_status
error_missing_label(struct ddl *ddl, const char *name)
{
    return ky_error_set(ddl->err, KY_INVALID_PARAMETER_VALUE,
                        "\"%s\" is not an existing enum label", name);
}

static ky_status
error_label_exists(struct ddl *ddl, const char *name)
{
    return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT, "enum label \"%s\" already exists", name);
}

static ky_status
add_label(struct ddl *ddl, const struct ast_alter_enum *statement, const struct cat_type *type)
{
    const struct enum_labels *old = &type->labels;
    uint32_t place = old->count;
    struct enum_label added = {.name = statement->new_label};
    KY_TRY(check_label(ddl, added.name));
    if (find_label(old, added.name) != NULL) {
        if (!statement->is_if_not_exists) {
            return error_label_exists(ddl, added.name);
        }
        session_notice(ddl->session, "NOTICE", KY_DUPLICATE_OBJECT,
                       "enum label \"%s\" already exists, skipping", added.name);
        return KY_OK;
    }
    if (statement->neighbor != NULL) {
        const struct enum_label *neighbor = find_label(old, statement->neighbor);
        if (neighbor == NULL) {
            return error_missing_label(ddl, statement->neighbor);
        }
        place = (uint32_t)(neighbor - old->labels) + statement->is_after;
    }
    KY_TRY(check_label_count(ddl, old->count + UINT64_C(1)));
    KY_TRY(choose_word(ddl, old, place, added.name, &added.word));
    added.oid = ddl_new_oid(ddl);
    struct enum_label *labels = ky_arena_array(ddl->arena, struct enum_label, old->count + 1U);
    for (uint32_t i = 0; i <= old->count; i++) {
        labels[i] = i < place ? old->labels[i] : i == place ? added : old->labels[i - 1];
    }
    struct cat_type changed = *type;
    enum_labels_init(&changed.labels, labels, old->count + 1, ddl->arena);
    KY_TRY(catalog_update(ddl->txn, CAT_TYPE, &changed, ddl->err));
    return ddl_changed(ddl);
}

/* ------------------------------------------------------------------ RENAME VALUE */

struct label_edit {
    struct ddl *ddl;
    oid_t type;
    struct enum_labels old;
    struct enum_labels new;
};

static const struct enum_labels *
labels_before(void *self, oid_t type)
{
    const struct label_edit *edit = self;
    return type == edit->type ? &edit->old : NULL;
}

static const struct enum_labels *
labels_after(void *self, oid_t type)
{
    const struct label_edit *edit = self;
    return type == edit->type ? &edit->new : NULL;
}

static bool
append_no_name(void *self KY_UNUSED, oid_t reg_type KY_UNUSED, oid_t oid KY_UNUSED,
               struct ky_buffer *out KY_UNUSED)
{
    return false;
}

/* The literal read with the old labels and written with the new ones; arrays too. */
static void
rename_literal(void *self, const struct type_place *place, struct type_edit *out)
{
    struct label_edit *edit = self;
    struct ddl *ddl = edit->ddl;
    struct reg_names reg = {
        .self = edit, .append_name = append_no_name, .find_labels = labels_before};
    struct type_context types = ddl->session->types;
    struct ast_node *node;
    struct datum value;
    struct ky_error ignored;
    const struct cat_type *own = cat_get_type(ddl->image, place->type->oid);
    ky_error_init(&ignored);
    if (own->oid != edit->type || place->literal.size == 0 ||
        parse_expression(ddl->arena, place->literal, &node, &ignored) != KY_OK ||
        node->kind != AST_CONST) {
        return;
    }
    const char *text = ((const struct ast_const *)(const void *)node)->text;
    types.arena = ddl->arena;
    types.reg = &reg;
    if (place->type->input(place->type, &types, ky_slice_cstr(text), -1, &value, &ignored) !=
        KY_OK) {
        return;
    }
    struct ky_buffer renamed = {0};
    struct ky_buffer literal = {0};
    reg.find_labels = labels_after;
    place->type->output(place->type, &types, value, &renamed);
    ast_print_string(&literal, ky_arena_cstr(ddl->arena, ky_buffer_slice(&renamed)));
    out->literal = ky_arena_cstr(ddl->arena, ky_buffer_slice(&literal));
    ky_buffer_deinit(&renamed);
    ky_buffer_deinit(&literal);
}

static ky_status
rename_label(struct ddl *ddl, const struct ast_alter_enum *statement, const struct cat_type *type)
{
    const struct enum_labels *old = &type->labels;
    KY_TRY(check_label(ddl, statement->new_label));
    const struct enum_label *found = find_label(old, statement->old_label);
    if (found == NULL) {
        return error_missing_label(ddl, statement->old_label);
    }
    if (find_label(old, statement->new_label) != NULL) {
        return error_label_exists(ddl, statement->new_label);
    }
    struct enum_label *labels = ky_arena_array(ddl->arena, struct enum_label, old->count);
    memcpy(labels, old->labels, old->count * sizeof(*labels));
    labels[found - old->labels].name = statement->new_label;
    struct cat_type changed = *type;
    enum_labels_init(&changed.labels, labels, old->count, ddl->arena);
    struct label_edit edit = {
        .ddl = ddl, .type = type->oid, .old = type->labels, .new = changed.labels};
    KY_TRY(ddl_edit_texts(ddl, rename_literal, &edit));
    KY_TRY(catalog_update(ddl->txn, CAT_TYPE, &changed, ddl->err));
    return ddl_changed(ddl);
}

ky_status
ddl_alter_enum(struct ddl *ddl, const struct ast_alter_enum *statement)
{
    const struct cat_type *type;
    strcpy(ddl->session->tag, "ALTER TYPE");
    const bool is_renaming = statement->old_label != NULL;
    const struct ast_type_name name = {.node = {.kind = AST_TYPE_NAME, .location = -1},
                                       .names = statement->names};
    oid_t oid;
    KY_TRY(find_any_type(ddl, &name, &oid));
    if (type_get(oid)->typtype != 'e') { /* a domain neither */
        return ky_error_set(ddl->err, KY_WRONG_OBJECT_TYPE, "%s is not an enum",
                            ddl_shown_type(ddl, oid));
    }
    KY_TRY(ddl_take_type(ddl, statement->names,
                         is_renaming ? LOCK_ACCESS_EXCLUSIVE : LOCK_SHARE_UPDATE_EXCLUSIVE, &type));
    if (type == NULL) {
        return KY_OK;
    }
    return is_renaming ? rename_label(ddl, statement, type) : add_label(ddl, statement, type);
}

/* ------------------------------------------------------------------ names, schema, owner */

/* ALTER DOMAIN takes domains only; ALTER TYPE takes any. */
static ky_status
check_alters(struct ddl *ddl, enum ast_object_type object, const struct ast_list *names)
{
    const struct cat_type *type;
    (void)snprintf(ddl->session->tag, SESSION_TAG_SIZE, "ALTER %s", ast_object_type_name(object));
    return object == AST_OBJECT_DOMAIN ? ddl_find_domain(ddl, names, true, &type) : KY_OK;
}

ky_status
ddl_type_rename(struct ddl *ddl, const struct ast_rename *statement)
{
    const struct cat_type *type;
    KY_TRY(check_alters(ddl, statement->object_type, statement->names));
    KY_TRY(ddl_take_type(ddl, statement->names, LOCK_ACCESS_EXCLUSIVE, &type));
    if (type == NULL) {
        return KY_OK;
    }
    KY_TRY(ddl_lock_name(ddl, type->schema, statement->new_name));
    if (ddl->is_pending) {
        return KY_OK;
    }
    if (ddl_is_type_name_taken(ddl, type->schema, statement->new_name)) {
        return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT, "type \"%s\" already exists",
                            statement->new_name);
    }
    struct cat_type changed = *type;
    changed.name = statement->new_name;
    if (type->domain == NULL) {
        changed.array_name = array_name(ddl, type->schema, statement->new_name);
    }
    KY_TRY(ddl_rename_in_texts(ddl, type, OID_NONE, NULL, statement->new_name));
    KY_TRY(catalog_update(ddl->txn, CAT_TYPE, &changed, ddl->err));
    return ddl_changed(ddl);
}

ky_status
ddl_type_set_schema(struct ddl *ddl, const struct ast_set_schema *statement)
{
    const struct cat_type *type;
    KY_TRY(check_alters(ddl, statement->object_type, statement->names));
    KY_TRY(ddl_take_type(ddl, statement->names, LOCK_ACCESS_EXCLUSIVE, &type));
    if (type == NULL) {
        return KY_OK;
    }
    const struct ast_range_var target = {.schema = statement->new_schema, .name = type->name};
    struct cat_type changed = *type;
    KY_TRY(ddl_schema_of(ddl, &target, &changed.schema));
    if (changed.schema == type->schema) {
        return KY_OK;
    }
    KY_TRY(ddl_lock_name(ddl, changed.schema, type->name));
    if (ddl->is_pending) {
        return KY_OK;
    }
    if (ddl_is_type_name_taken(ddl, changed.schema, type->name)) {
        return ky_error_set(ddl->err, KY_DUPLICATE_OBJECT,
                            "type \"%s\" already exists in schema \"%s\"", type->name,
                            statement->new_schema);
    }
    if (type->domain == NULL) {
        changed.array_name = array_name(ddl, changed.schema, type->name);
    }
    KY_TRY(ddl_rename_in_texts(ddl, type, OID_NONE, statement->new_schema, NULL));
    KY_TRY(catalog_update(ddl->txn, CAT_TYPE, &changed, ddl->err));
    return ddl_changed(ddl);
}

ky_status
ddl_type_set_owner(struct ddl *ddl, const struct ast_set_owner *statement)
{
    const struct cat_type *type;
    struct cat_role *role;
    KY_TRY(check_alters(ddl, statement->object_type, statement->names));
    KY_TRY(ddl_take_type(ddl, statement->names, LOCK_SHARE_UPDATE_EXCLUSIVE, &type));
    if (type == NULL) {
        return KY_OK;
    }
    KY_TRY(ddl_named_role(ddl, statement->owner, &role));
    struct cat_type changed = *type;
    changed.owner = role->oid;
    KY_TRY(catalog_update(ddl->txn, CAT_TYPE, &changed, ddl->err));
    return ddl_changed(ddl);
}

/* ------------------------------------------------------------------ types in use */

ky_status
ddl_hold_types(struct ddl *ddl, const struct type *const *types, uint16_t count)
{
    struct cat_image *image = NULL;
    for (uint16_t i = 0; i < count; i++) {
        if (types[i] == NULL || !type_is_user(types[i])) {
            continue;
        }
        const struct cat_type *type = cat_get_type(ddl->image, types[i]->oid);
        bool is_pending = false;
        /* Without waiting: something may have been changed already. */
        if (type != NULL) {
            KY_TRY(session_lock_table(ddl->session, type->oid, LOCK_ACCESS_SHARE, true, type->name,
                                      &is_pending, ddl->err));
        }
        if (image == NULL) {
            KY_TRY(ddl_refresh(ddl)); /* it may have gone before the lock was there */
            image = ddl->image;
        }
        if (cat_get_type(image, types[i]->oid) == NULL) {
            return ky_error_set(ddl->err, KY_UNDEFINED_OBJECT, "type \"%s\" does not exist",
                                types[i]->sql_name);
        }
    }
    return KY_OK;
}

ky_status
ddl_hold_column_types(struct ddl *ddl, const struct cat_table *table)
{
    const struct type **types =
        ky_arena_array(ddl->arena, const struct type *, table->column_count + 1U);
    for (uint16_t i = 0; i < table->column_count; i++) {
        const struct cat_column *column = &table->columns[i];
        types[i] = column->is_dropped ? NULL : type_find(cat_column_type(column));
    }
    return ddl_hold_types(ddl, types, table->column_count);
}
