/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "server/base/error.h"

/**
 * Memory in an unlinked temporary file, for what a statement keeps beyond its work memory. It is
 * mapped, so that its users need not know; the kernel writes it out and takes the pages back when
 * it needs them. Space is reserved before it is mapped: a full disk is an error here, never a
 * signal later. One thread at a time. The file is made when first needed.
 */
struct ky_spill {
    const char *dir;   /* borrowed */
    uint64_t work_mem; /* what one arena or array takes from the heap before it comes here */
    uint64_t limit;    /* of the file, bytes; UINT64_MAX: none */
    int fd;            /* -1: not made */
    uint64_t file_size;
    uint64_t used; /* mapped now */
    uint64_t peak;
    struct ky_spill_region *regions; /* owned; used and free ones */
    uint32_t region_count;
    uint32_t region_capacity;
    struct ky_error *failure; /* owned; NULL: none. What was asked for came from the heap */
};

void ky_spill_init(struct ky_spill *spill, const char *dir, uint64_t work_mem, uint64_t limit);
/* Everything allocated has been freed. Safe on zeroed memory that was never initialised. */
void ky_spill_deinit(struct ky_spill *spill);
/* Page-aligned, zeroed when fresh. NULL: failed, see failure. */
void *ky_spill_alloc(struct ky_spill *spill, size_t size);
/* False: it does not come from here. */
bool ky_spill_free(struct ky_spill *spill, void *memory);
/* 53400, 53100 or 58030 once an allocation failed. */
KY_MUST_CHECK ky_status ky_spill_check(const struct ky_spill *spill, struct ky_error *err);

/* Since the start, all statements: files made and bytes put into them. */
uint64_t ky_spill_files(void);
uint64_t ky_spill_bytes(void);
