/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/storage_private.h"

/* A checkpoint being written; for the files of this folder. The checkpoint's thread only. */

/* One file being written from front to back, paced: the last sync finds little to do, and the log's
 * own syncs do not wait behind it. */
struct checkpoint_file {
    struct io_file *file; /* NULL: none open */
    struct ky_buffer out; /* not yet written */
    uint64_t offset;      /* of the file, where out goes */
};

struct checkpoint_writer {
    struct storage *storage;
    struct txn *pin;
    struct checkpoint_list *old;  /* in force; NULL: none */
    struct checkpoint_list *list; /* owned; being made */
    uint64_t page_capacity;
    uint64_t relation_capacity;
    uint64_t counter_capacity;
    uint64_t part_capacity;
    struct checkpoint_file rows;
    struct checkpoint_file part;
    struct state_sink part_sink;
    uint64_t part_sum;
    uint64_t written_bytes;
    uint64_t written_pages;
};

KY_MUST_CHECK ky_status checkpoint_file_open(struct checkpoint_writer *writer,
                                             struct checkpoint_file *file, uint64_t serial,
                                             const char *kind, struct ky_error *err);
/* Writes what has gathered in out when it is a block, or is_all. */
KY_MUST_CHECK ky_status checkpoint_file_flush(struct checkpoint_writer *writer,
                                              struct checkpoint_file *file, bool is_all,
                                              struct ky_error *err);
/* Writes the rest, syncs and closes. */
KY_MUST_CHECK ky_status checkpoint_file_finish(struct checkpoint_writer *writer,
                                               struct checkpoint_file *file, struct ky_error *err);
/* Closes and forgets; after a failure. */
void checkpoint_file_abandon(struct checkpoint_file *file);

/* rows.c: relations, counters and pages of the new list; writes the pages that changed. */
KY_MUST_CHECK ky_status checkpoint_write_rows(struct checkpoint_writer *writer,
                                              struct ky_error *err);
/* part.c: parts of the new list. */
KY_MUST_CHECK ky_status checkpoint_write_parts(struct checkpoint_writer *writer,
                                               struct ky_error *err);

/* A place for one more item at the end of a growing array. */
#define CHECKPOINT_ADD(array, count, capacity)                                                 \
    ((count) == (capacity)                                                                     \
         ? ((capacity) = KY_MAX((capacity)*2, (uint64_t)16),                                   \
            (array) = ky_realloc((array), (capacity) * sizeof(*(array))), &(array)[(count)++]) \
         : &(array)[(count)++])
