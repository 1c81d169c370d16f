/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/catalog.h"

/* Domains in an image: what they are over. */

const struct cat_domain *
cat_get_domain(const struct cat_image *image, oid_t oid)
{
    const struct cat_type *type = oid == OID_NONE ? NULL : cat_get_type(image, oid);
    return type == NULL ? NULL : type->domain;
}

struct cat_table *
cat_domain_values(struct ky_arena *arena, const struct cat_domain *domain)
{
    struct cat_table *values = ky_arena_new(arena, struct cat_table);
    struct cat_column *column = ky_arena_new(arena, struct cat_column);
    *column = (struct cat_column){.name = "value",
                                  .number = 1,
                                  .type = domain->base,
                                  .typmod = domain->typmod,
                                  .missing = datum_null()};
    *values = (struct cat_table){
        .name = "", .kind = CAT_DOMAIN_VALUES, .columns = column, .column_count = 1};
    return values;
}

/* Parents were made before their domains and stay their parents: there is no circle. */
bool
cat_is_over(const struct cat_image *image, oid_t domain, oid_t parent)
{
    while (domain != OID_NONE && domain != parent) {
        const struct cat_domain *found = cat_get_domain(image, domain);
        domain = found == NULL ? OID_NONE : found->parent;
    }
    return domain != OID_NONE;
}

bool
cat_domain_is_not_null(const struct cat_image *image, const struct cat_domain *domain)
{
    while (domain != NULL && !domain->is_not_null) {
        domain = cat_get_domain(image, domain->parent);
    }
    return domain != NULL;
}
