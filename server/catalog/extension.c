/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/compiler.h"
#include "server/catalog/catalog.h"

/* The extensions that CREATE EXTENSION can name. What they bring is built in; creating one says
 * that it is wanted, for clients that look. */
static const struct cat_available_extension available[] = {
    {"uuid-ossp", "1.1", "generate universally unique identifiers (UUIDs)"},
    {"vector", CAT_VECTOR_VERSION, "vector data type and ivfflat and hnsw access methods"},
};

const struct cat_available_extension *
cat_available_extensions(size_t *count_out)
{
    *count_out = KY_COUNT_OF(available);
    return available;
}

const struct cat_available_extension *
cat_find_available(const char *name)
{
    for (size_t i = 0; i < KY_COUNT_OF(available); i++) {
        if (strcmp(available[i].name, name) == 0) {
            return &available[i];
        }
    }
    return NULL;
}
