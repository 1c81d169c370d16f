/* SPDX-License-Identifier: Apache-2.0 */

/* Upkeep: what a graph needs between searches. There is no graph yet: all of a collection is
 * searched exactly, and there is nothing to keep up. */

#include "vector/collection_private.h"

uint64_t
collection_build_size(const struct vector_options *options, uint64_t entries)
{
    return options->has_graph ? entries * vector_values_size(options->element, options->dimension)
                              : 0;
}

ky_status
collection_build(struct collection *collection, const struct vector_work *work,
                 struct ky_error *err)
{
    (void)collection;
    (void)work;
    (void)err;
    return KY_OK;
}

ky_status
collection_maintain(struct collection *collection, uint32_t entries, const struct vector_work *work,
                    bool *has_more_out, struct ky_error *err)
{
    (void)collection;
    (void)entries;
    (void)work;
    (void)err;
    *has_more_out = false;
    return KY_OK;
}
