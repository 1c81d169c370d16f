/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/checkpoint/list.h"
#include "storage/log/manifest.h"

/* Making a data directory out of files of another one; for the files of this folder. */

/* One file to copy: opened at the source, so that it may be unlinked there meanwhile. */
struct copy_item {
    char name[64];        /* inside both directories */
    struct io_file *file; /* owned */
    uint64_t copy_size;   /* bytes to copy */
    uint64_t total_size;  /* zeros behind them up to this */
};

struct copy_list {
    struct io *io;
    struct copy_item *items; /* owned */
    size_t count;
    size_t capacity;
    uint64_t copied_bytes;
};

void copy_list_deinit(struct copy_list *list);
/* Opens dir/name. copy_size UINT64_MAX: all of it. XX001 when it is missing or shorter. */
KY_MUST_CHECK ky_status copy_list_add(struct copy_list *list, const char *dir, const char *name,
                                      uint64_t copy_size, uint64_t total_size,
                                      struct ky_error *err);
/* The list of a checkpoint and every file that it names. */
KY_MUST_CHECK ky_status copy_list_add_checkpoint(struct copy_list *list, const char *dir,
                                                 const char *name,
                                                 const struct checkpoint_list *checkpoint,
                                                 struct ky_error *err);
/* The segment files of a manifest whose numbers are in [first, end). */
KY_MUST_CHECK ky_status copy_list_add_segments(struct copy_list *list, const char *dir,
                                               const struct manifest *manifest, uint64_t first,
                                               uint64_t end, struct ky_error *err);
/* Files besides segments and checkpoints that a manifest lists. */
KY_MUST_CHECK ky_status copy_list_add_files(struct copy_list *list, const char *dir,
                                            const struct manifest *manifest, struct ky_error *err);
/**
 * Copies everything to target, which must be missing or empty, syncs, and ends with the manifest:
 * before that the target is no data directory. 42P06 when something is in target.
 */
KY_MUST_CHECK ky_status copy_list_run(struct copy_list *list, const char *target,
                                      const struct manifest *manifest, struct ky_error *err);
