/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/catalog.h"

/*
 * Users' types in SQL that is kept as text (defaults, checks, index expressions, views). There they
 * are always named with their schemas, behind "::" or " AS ", and literals of them are followed by
 * the type: 'ok'::public.mood. So a new name, or which types a text needs, can be found by reading
 * it from left to right.
 */
struct type_place {
    const struct type *type; /* the enum, or its array type */
    struct ky_slice literal; /* what is cast, with its quotes; empty: no literal */
};

/* What to write instead; NULL: what is there. name is the enum's, with its schema. */
struct type_edit {
    const char *literal;
    const char *name;
};
typedef void (*type_text_visit)(void *self, const struct type_place *place, struct type_edit *edit);

/* Shows visit every place where a user's type is named; text itself when nothing was changed. */
const char *type_text_edit(struct ky_arena *arena, const struct cat_image *image, const char *text,
                           type_text_visit visit, void *self);
/* Without the schemas of types that the path finds without them: as it is shown to users. */
const char *type_text_show(struct ky_arena *arena, const struct cat_image *image,
                           const struct cat_path *path, const char *text);
/* Does an unqualified name mean the type? */
bool cat_is_type_visible(const struct cat_image *image, const struct cat_path *path,
                         const struct cat_type *type);
