/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/type_text.h"

#include <string.h>

#include "server/types/identifier.h"

struct reader {
    const char *text; /* the whole */
    const char *at;
    const char *literal; /* the last one's start and end; NULL: there was none yet */
    const char *literal_end;
};

static bool
is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$' || (unsigned char)c >= 0x80;
}

/* Past a quoted name or literal, quotes in it doubled. */
static const char *
skip_quoted(const char *at, char quote)
{
    for (at++; *at != '\0'; at++) {
        if (*at == quote && *++at != quote) {
            break;
        }
    }
    return at;
}

/* One name, without its quotes; NULL: there is none. */
static const char *
read_name(const char *at, char *out, size_t out_size)
{
    size_t size = 0;
    if (*at == '"') {
        const char *end = skip_quoted(at, '"');
        for (at++; at + 1 < end && size + 1 < out_size; at++) {
            at += *at == '"';
            out[size++] = *at;
        }
        out[size] = '\0';
        return end;
    }
    while (is_name_char(*at) && size + 1 < out_size) {
        out[size++] = *at++;
    }
    out[size] = '\0';
    return size == 0 ? NULL : at;
}

/* schema.name, and [] behind it; NULL: no user's type is named here. */
static const struct type *
read_type(const struct cat_image *image, const char *at, const char **end_out)
{
    char schema_name[64];
    char name[64];
    at = read_name(at, schema_name, sizeof(schema_name));
    at = at == NULL || *at != '.' ? NULL : read_name(at + 1, name, sizeof(name));
    const struct cat_schema *schema =
        at == NULL ? NULL : cat_find_schema(image, ky_slice_cstr(schema_name));
    const struct type *type =
        schema == NULL ? NULL : cat_find_type(image, schema->oid, ky_slice_cstr(name));
    *end_out = at;
    return type != NULL && strncmp(at, "[]", 2) == 0 && type->array_oid != OID_NONE
               ? type_get(type->array_oid)
               : type;
}

/* To the next "::" or " AS " outside of quotes; false: there is none. */
static bool
find_cast(struct reader *reader)
{
    while (*reader->at != '\0') {
        const char *at = reader->at;
        if (*at == '\'') {
            const bool is_escape = at > reader->text && at[-1] == 'E';
            reader->literal = at - is_escape;
            reader->at = reader->literal_end = skip_quoted(at, '\'');
        } else if (*at == '"') {
            reader->at = skip_quoted(at, '"');
        } else if (strncmp(at, "::", 2) == 0) {
            reader->at += 2;
            return true;
        } else if (strncmp(at, " AS ", 4) == 0) {
            reader->at += 4;
            return true;
        } else {
            reader->at++;
        }
    }
    return false;
}

const char *
type_text_edit(struct ky_arena *arena, const struct cat_image *image, const char *text,
               type_text_visit visit, void *self)
{
    struct reader reader = {.text = text, .at = text};
    struct ky_buffer out = {0};
    const char *copied = text; /* what is before it is in out */
    if (image->type_count == 0 || text == NULL) {
        return text;
    }
    while (find_cast(&reader)) {
        const char *name_end;
        const char *name = reader.at;
        struct type_place place = {.type = read_type(image, name, &name_end)};
        struct type_edit edit = {0};
        if (place.type == NULL) {
            continue;
        }
        if (reader.literal != NULL && reader.literal_end + 2 == name) {
            place.literal = ky_slice(reader.literal, (size_t)(reader.literal_end - reader.literal));
        }
        visit(self, &place, &edit);
        if (edit.literal != NULL) {
            ky_buffer_append(&out, copied, (size_t)(reader.literal - copied));
            ky_buffer_append_cstr(&out, edit.literal);
            copied = reader.literal_end;
        }
        if (edit.name != NULL) {
            ky_buffer_append(&out, copied, (size_t)(name - copied));
            ky_buffer_append_cstr(&out, edit.name);
            copied = name_end;
        }
        reader.at = name_end;
    }
    if (copied != text) {
        ky_buffer_append_cstr(&out, copied);
        text = ky_arena_cstr(arena, ky_buffer_slice(&out));
    }
    ky_buffer_deinit(&out);
    return text;
}

bool
cat_is_type_visible(const struct cat_image *image, const struct cat_path *path,
                    const struct cat_type *type)
{
    const struct ky_slice name = ky_slice_cstr(type->name);
    const struct type *found = type_find_name(name);
    return found == NULL && cat_resolve_type(image, path, name) == type_get(type->oid);
}

struct shower {
    struct ky_arena *arena;
    const struct cat_image *image;
    const struct cat_path *path;
};

static void
show_type(void *self, const struct type_place *place, struct type_edit *edit)
{
    const struct shower *shower = self;
    const struct cat_type *type = cat_get_type(shower->image, place->type->oid);
    if (cat_is_type_visible(shower->image, shower->path, type)) {
        struct ky_buffer name = {0};
        identifier_append(ky_slice_cstr(type->name), &name);
        edit->name = ky_arena_cstr(shower->arena, ky_buffer_slice(&name));
        ky_buffer_deinit(&name);
    }
}

const char *
type_text_show(struct ky_arena *arena, const struct cat_image *image, const struct cat_path *path,
               const char *text)
{
    struct shower shower = {arena, image, path};
    return type_text_edit(arena, image, text, show_type, &shower);
}
