/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/views/views.h"
#include "server/catalog/views/views_private.h"

/* Every catalog and view of PostgreSQL 15 that nobody fills: it is there, with its columns, and has
 * no rows. Queries of tools that join it find nothing rather than fail. */

static ky_status
view_is_empty(const struct sysview_context *context, struct sysview_rows *rows,
              struct ky_error *err)
{
    (void)context;
    (void)rows;
    (void)err;
    return KY_OK;
}

enum { PG_CATALOG = OID_SCHEMA_PG_CATALOG, INFORMATION = OID_SCHEMA_INFORMATION };

#undef VIEW
#define C(name_, type_) {#name_, type_},
#define VIEW(id_, oid_, schema_, name_, kind_, fill_, columns_)      \
    static const struct sysview_column id_##_columns[] = {columns_}; \
    static const struct sysview rest_##id_ = {                       \
        .oid = (oid_),                                               \
        .schema = (schema_),                                         \
        .name = (name_),                                             \
        .kind = (kind_),                                             \
        .columns = id_##_columns,                                    \
        .column_count = KY_COUNT_OF(id_##_columns),                  \
        .fill = fill_,                                               \
    };
#include "server/catalog/views/catalogs.def"
#include "server/catalog/views/function_catalogs.def"
#include "server/catalog/views/information_schema.def"
#include "server/catalog/views/system_views.def"
#undef VIEW
#define VIEW(id_, oid_, schema_, name_, kind_, fill_, columns_) &rest_##id_,

void
catalog_views_register_rest(void)
{
    static const struct sysview *const views[] = {
#include "server/catalog/views/catalogs.def"
#include "server/catalog/views/function_catalogs.def"
#include "server/catalog/views/information_schema.def"
#include "server/catalog/views/system_views.def"
    };
    size_t count;
    const struct sysview *const *known = sysview_all(&count);
    for (size_t i = 0; i < KY_COUNT_OF(views); i++) {
        bool is_known = false;
        for (size_t k = 0; k < count; k++) {
            is_known = is_known || known[k]->oid == views[i]->oid ||
                       (known[k]->schema == views[i]->schema &&
                        strcmp(known[k]->name, views[i]->name) == 0);
        }
        if (!is_known) {
            sysview_register(&views[i], 1);
        }
    }
}
