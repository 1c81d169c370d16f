/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/buffer.h"
#include "server/base/error.h"
#include "storage/checkpoint/format.h"
#include "storage/io/io.h"

/* What a list file says. Private to storage. */
struct checkpoint_list {
    uint64_t serial;
    uint64_t next_serial; /* above every serial of a file that it names */
    lsn_t lsn;
    event_offset_t next_event;
    txid_t highest_txid;
    int64_t created_us;
    uint8_t system_id[16];
    struct checkpoint_relation *relations; /* owned, as are the following */
    uint64_t relation_count;
    struct checkpoint_counter *counters;
    uint64_t counter_count;
    struct checkpoint_page *pages;
    uint64_t page_count;
    struct checkpoint_part *parts;
    uint64_t part_count;
};

void checkpoint_list_free(struct checkpoint_list *list);
/* NULL when the list has no such page, no such part. list may be NULL. */
const struct checkpoint_page *checkpoint_list_page(const struct checkpoint_list *list, rel_id_t rel,
                                                   uint64_t page);
const struct checkpoint_part *checkpoint_list_part(const struct checkpoint_list *list,
                                                   const char *name);

void checkpoint_list_encode(const struct checkpoint_list *list, struct ky_buffer *out);
/* Checks everything that can be checked without the other files. XX001, 0A000 for another version;
 * path is for messages. */
KY_MUST_CHECK ky_status checkpoint_list_decode(struct ky_slice bytes, const char *path,
                                               struct checkpoint_list **list_out,
                                               struct ky_error *err);

/* "ckpt/<serial>.<kind>" into a buffer of CHECKPOINT_NAME_SIZE. */
void checkpoint_file_name(char name[CHECKPOINT_NAME_SIZE], uint64_t serial, const char *kind);

/* One page's rows. */
struct checkpoint_versions {
    uint32_t count;
    uint16_t slots[4096];
    lsn_t commit_lsns[4096];
    lsn_t locations[4096];
};
void checkpoint_page_encode(rel_id_t rel, uint64_t page, const struct checkpoint_versions *versions,
                            struct ky_buffer *out);
/* bytes are those of entry, whose sum was right. NULL, or what is wrong with them. lsn: of the
 * checkpoint: every commit and place in the log is below it. */
const char *checkpoint_page_decode(struct ky_slice bytes, const struct checkpoint_page *entry,
                                   lsn_t lsn, struct checkpoint_versions *versions_out);
