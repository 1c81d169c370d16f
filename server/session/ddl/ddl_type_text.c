/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "server/session/ddl/ddl_private.h"

/* New names of types and labels in what is kept as text: defaults, views, checks, indexes. */

struct editor {
    struct ddl *ddl;
    type_text_visit visit;
    void *self;
    bool is_changed;
};

static const char *
edited(struct editor *editor, const char *text)
{
    const char *made =
        type_text_edit(editor->ddl->arena, editor->ddl->image, text, editor->visit, editor->self);
    editor->is_changed = editor->is_changed || made != text;
    return made;
}

static ky_status
edit_index(struct editor *editor, const struct cat_index *index)
{
    struct ddl *ddl = editor->ddl;
    struct cat_index *changed = ky_arena_new(ddl->arena, struct cat_index);
    struct cat_key *keys = ky_arena_array(ddl->arena, struct cat_key, index->column_count + 1U);
    memcpy(changed, index, sizeof(*changed));
    memcpy(keys, index->keys, index->column_count * sizeof(*keys));
    editor->is_changed = false;
    for (uint16_t k = 0; k < index->column_count; k++) {
        keys[k].expression_sql = edited(editor, keys[k].expression_sql);
    }
    changed->keys = keys;
    changed->predicate_sql = edited(editor, index->predicate_sql);
    return editor->is_changed ? catalog_update(ddl->txn, CAT_INDEX, changed, ddl->err) : KY_OK;
}

static ky_status
edit_table(struct editor *editor, const struct cat_table *table)
{
    struct ddl *ddl = editor->ddl;
    struct cat_table changed = *table;
    changed.columns = ky_arena_array(ddl->arena, struct cat_column, table->column_count + 1U);
    memcpy(changed.columns, table->columns, table->column_count * sizeof(struct cat_column));
    editor->is_changed = false;
    for (uint16_t i = 0; i < table->column_count; i++) {
        changed.columns[i].default_sql = edited(editor, table->columns[i].default_sql);
    }
    changed.view_sql = edited(editor, table->view_sql);
    if (editor->is_changed) {
        KY_TRY(catalog_update(ddl->txn, CAT_TABLE, &changed, ddl->err));
    }
    for (uint16_t i = 0; i < table->constraint_count; i++) {
        struct cat_constraint check = *table->constraints[i];
        editor->is_changed = false;
        check.check_sql = edited(editor, check.check_sql);
        if (editor->is_changed) {
            KY_TRY(catalog_update(ddl->txn, CAT_CONSTRAINT, &check, ddl->err));
        }
    }
    for (uint16_t i = 0; i < table->index_count; i++) {
        KY_TRY(edit_index(editor, table->indexes[i]));
    }
    return KY_OK;
}

ky_status
ddl_edit_texts(struct ddl *ddl, type_text_visit visit, void *self)
{
    struct editor editor = {.ddl = ddl, .visit = visit, .self = self};
    for (size_t i = 0; i < ddl->image->table_count; i++) {
        if (ddl->image->tables[i]->sysview == NULL) {
            KY_TRY(edit_table(&editor, ddl->image->tables[i]));
        }
    }
    return KY_OK;
}

struct name_edit {
    struct ddl *ddl;
    const struct cat_type *type; /* NULL: all of the schema */
    oid_t schema;
    const char *new_schema;
    const char *new_name;
};

static void
rename_type(void *self, const struct type_place *place, struct type_edit *edit)
{
    const struct name_edit *renaming = self;
    const struct cat_image *image = renaming->ddl->image;
    const struct cat_type *type = cat_get_type(image, place->type->oid);
    const bool is_meant = renaming->type != NULL ? type->oid == renaming->type->oid
                                                 : type->schema == renaming->schema;
    const struct cat_schema *schema = cat_get_schema(image, type->schema);
    if (!is_meant || schema == NULL) {
        return;
    }
    struct ky_buffer name = {0};
    ast_print_identifier(&name, renaming->new_schema != NULL ? renaming->new_schema : schema->name);
    ky_buffer_append_byte(&name, '.');
    ast_print_identifier(&name, renaming->new_name != NULL ? renaming->new_name : type->name);
    edit->name = ky_arena_cstr(renaming->ddl->arena, ky_buffer_slice(&name));
    ky_buffer_deinit(&name);
}

ky_status
ddl_rename_in_texts(struct ddl *ddl, const struct cat_type *type, oid_t schema,
                    const char *new_schema, const char *new_name)
{
    struct name_edit renaming = {ddl, type, schema, new_schema, new_name};
    return ddl_edit_texts(ddl, rename_type, &renaming);
}
