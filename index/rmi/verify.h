/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "index/rmi/run.h"

/*
 * The walk over a run's leaves and blocks that proves what searches rely on. It may stop between
 * leaves and go on later: a run that is being loaded is verified while it is copied, as far as its
 * blocks are there. Private to index/rmi.
 *
 * Nothing that the walk reads is trusted: every index and size is checked before it is used.
 */
struct rmi_walk {
    const struct rmi_run *run;
    const char *ahead;     /* what will be read soon: fetched, as many bytes as blocks have */
    uint64_t strange_bits; /* that no row word may have */
    uint64_t unused_bits;  /* that no code may have, as keys are shorter */
    uint32_t leaf;         /* the next one */
    uint32_t full_blocks;  /* in a row, up to where the walk is */
    uint64_t last_code;    /* of the last entry */
    uint64_t last_row_id;
    uint64_t row_max[RMI_BLOCK_SLOTS]; /* the greatest row ids, of slots with each place */
    bool has_last;
    bool has_twin;  /* the last entry says so */
    uint32_t twins; /* any bit: there are entries with equal codes */
    uint64_t entries;
    uint64_t dead;
    const char *fault; /* static text: what is wrong; NULL: nothing yet */
    uint64_t fault_at; /* its leaf or block */
};

/* leaves, separators and counts of the run are there. */
void rmi_walk_init(struct rmi_walk *walk, const struct rmi_run *run, uint64_t strange_bits);
/* Verifies the leaves that end at or before block_end. False: there is a fault. */
static inline bool
rmi_walk_to(struct rmi_walk *walk, uint32_t block_end)
{
    return rmi_kernel()->verify(walk, block_end);
}
/* After the last leaf: end, counts, root and rests. XX002 for that, or for the fault before. */
KY_MUST_CHECK ky_status rmi_walk_finish(struct rmi_walk *walk, struct ky_error *err);

static inline row_id_t
rmi_walk_row_max(const struct rmi_walk *walk)
{
    row_id_t row_max = 0;
    for (uint32_t i = 0; i < RMI_BLOCK_SLOTS; i++) {
        row_max = KY_MAX(row_max, walk->row_max[i]);
    }
    return row_max;
}

/* For the kernels: what is wrong with the leaf but for its blocks; NULL: nothing. */
const char *rmi_walk_leaf_fault(const struct rmi_run *run, uint32_t leaf);

/* Faults of one block, a bit for each slot. */
struct rmi_block_faults {
    uint32_t after_pad, pad_code, order, twin, row_order, code_size, word;
};
/* The first of them; NULL: none. */
const char *rmi_block_fault(const struct rmi_block_faults *faults);
