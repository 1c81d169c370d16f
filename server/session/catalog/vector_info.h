/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/access/access.h"
#include "server/catalog/catalog.h"

/* What is known of one vector index, for the view and for /metrics. */
struct vector_info {
    const struct cat_index *index; /* borrowed from the image */
    struct vector_options options;
    struct collection_stats stats;
    struct access_vector_totals totals;
};
typedef void (*vector_info_visit)(void *arg, const struct cat_image *image,
                                  const struct vector_info *info);
struct server;
/* Each one of the image that has an engine. */
void vector_info_each(struct server *server, const struct cat_image *image, vector_info_visit visit,
                      void *arg);
