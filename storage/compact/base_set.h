/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/compact/base_file.h"

/*
 * The base files in force, by id: slots[id - first]. A table is changed by filling and emptying
 * slots; when it is full another replaces it, and the old one stays until the set is freed, for
 * readers that still look at it. Changed by one thread at a time; read by anyone.
 *
 * A file that is taken out may be freed once no reader can hold a location in it or a body of it
 * (storage/compact/retire.c).
 */
struct base_table {
    uint64_t first;
    uint64_t capacity;
    struct base_table *previous; /* owned */
    struct base_file *_Atomic slots[];
};

struct base_set {
    struct base_table *_Atomic table; /* release when replaced; acquire by readers */
    uint64_t next_id;                 /* the compactor's; ids are never given twice */
};

void base_set_init(struct base_set *set);
/* Frees the files in it, too. */
void base_set_deinit(struct base_set *set);
/* Takes ownership. */
void base_set_add(struct base_set *set, struct base_file *file);
/* Gives ownership back. */
void base_set_remove(struct base_set *set, struct base_file *file);
/* NULL when there is none. */
struct base_file *base_set_find(const struct base_set *set, uint64_t id);
/* The file with the lowest id of at least this; NULL at the end. */
struct base_file *base_set_from(const struct base_set *set, uint64_t id);
/* The bytes of a record; NULL when the location is in no file. */
const uint8_t *base_set_at(const struct base_set *set, lsn_t location);
/* The same, and the locations of the whole file. */
const uint8_t *base_set_span_at(const struct base_set *set, lsn_t location,
                                struct log_span *span_out);
/* The event offset of the record at a location; false when it is no event. */
bool base_set_event(const struct base_set *set, lsn_t location, event_offset_t *offset_out);
/* May a version that somebody claims be there? Only bounds and alignment: no byte is read. */
bool base_set_has(const struct base_set *set, lsn_t location);
/* Opens every base file that the manifest lists. XX001 when one is missing or damaged. */
KY_MUST_CHECK ky_status base_set_open(struct base_set *set, struct io *io, const char *dir,
                                      const struct log_manifest_info *manifest,
                                      struct ky_error *err);
/* Removes files of base/ that are not in the set. What cannot be removed is tried again later. */
void base_set_remove_strays(const struct base_set *set, struct io *io, const char *dir);
