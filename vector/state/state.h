/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/collection_private.h"

/*
 * A saved collection: the stream of
 *
 *     header
 *     with a graph: center (floats, bytes that are not exact), codes, values (unless exact), errors
 * of codes (where they bound distances), links, levels, places of upper lists, upper lists, free
 * nodes, calibration (if any) rows of nodes, {u64 row id, u32 node}, ended by row id 0 entries that
 * are in no graph, {u64 row id, values}, ended by row id 0
 *
 * little-endian, as in memory on all machines this runs on. The version changes with any of it.
 * Version 2 differs in the calibration, which is left out: it is measured again.
 */
#define STATE_MAGIC 0x31544345564F524BULL

enum { STATE_VERSION = 3, STATE_VERSION_2 = 2, CALIBRATION_2_SIZE = 196 };

struct state_header {
    uint64_t magic;
    uint32_t version;
    uint32_t element, metric, dimension, m, ef_construction;
    uint32_t has_graph;
    uint32_t form; /* of the codec; this and what follows: 0 without a graph */
    uint32_t is_exact, has_extra, zero, has_center;
    float step, norm_squared_max;
    uint32_t node_count, free_count;
    uint64_t entry, upper_used;
    uint32_t has_calibration;
    uint32_t reserved;
};
_Static_assert(sizeof(struct state_header) == 96, "the saved header has no padding");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "saved arrays are little-endian");

struct state_row {
    uint64_t row_id;
    uint32_t node;
    uint32_t reserved;
};
