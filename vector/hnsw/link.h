/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/hnsw/walk.h"

/* Makes a node part of the graph: inside the epoch, by any number of threads for different
 * nodes. */
void link_node(struct graph *graph, uint32_t node);

/**
 * The neighbours worth linking to, out of items sorted by their key to some node: the nearest, and
 * then those that are nearer to it than to any one taken before, so that links lead in all
 * directions. max at most; items and nodes_out may not overlap.
 */
uint32_t link_select(const struct graph *graph, const pool_item_t *items, uint32_t count,
                     uint32_t max, uint32_t *nodes_out);
/* Items of these nodes by their key to a node, sorted. */
void link_sort(const struct graph *graph, uint32_t node, const uint32_t *nodes, uint32_t count,
               pool_item_t *items_out);
/* Replaces a list. The list's lock is held, or nobody else writes. */
void link_write(struct graph *graph, uint32_t node, uint32_t level, const uint32_t *nodes,
                uint32_t count);
/* A link from one node to another; a full list is chosen anew. */
void link_add(struct graph *graph, uint32_t from, uint32_t level, uint32_t to);
