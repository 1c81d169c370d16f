/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/hnsw/graph.h"

/* For graph_release. */
void graph_drop_limbo(struct graph *graph);
