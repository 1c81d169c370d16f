/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/arena.h"
#include "server/catalog/catalog.h"

/* schema="..",table="..",index="..", escaped for Prometheus' text format. In the arena. */
const char *index_labels(struct ky_arena *arena, const struct cat_image *image,
                         const struct cat_index *index);
