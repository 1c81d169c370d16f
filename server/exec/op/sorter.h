/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/op/store.h"
#include "server/types/row.h"

/*
 * Rows to be sorted. Keys are encoded so that their bytes order as the values do (row.h); an
 * entry holds the row's group and the first key's null mark, the next eight bytes as a number, and
 * the rest by pointer, so that most comparisons touch nothing else. Equal keys keep their input
 * order.
 */
struct sort_entry {
    uint64_t lead; /* group << 8 | null mark */
    uint64_t prefix;
    const uint8_t *rest;
    uint32_t rest_size;
    uint32_t row;
};

struct sorter {
    struct store rows;
    struct ky_arena keys;
    struct sort_entry *entries; /* on the heap */
    uint32_t count, room;
    struct key_column *columns;
    uint16_t key_count;
    struct ky_buffer scratch;
    uint64_t charged;
};

/* columns is borrowed for the sorter's life. */
void sorter_init(struct sorter *sorter, const struct type *const *types, uint32_t column_count,
                 struct key_column *columns, uint16_t key_count, struct ky_budget *budget);
/* Safe on zeroed memory. */
void sorter_deinit(struct sorter *sorter);
void sorter_clear(struct sorter *sorter);
/* Adds rows with their keys and groups, by place; a lower group comes first (NULL: all are of group
 * 0). 53200. */
KY_MUST_CHECK ky_status sorter_add(struct sorter *sorter, const struct column *const *columns,
                                   const struct column *const *keys, const uint32_t *groups,
                                   const uint16_t *selection, uint32_t count, struct ky_error *err);
void sorter_sort(struct sorter *sorter);
/* Bytes it holds, and whether some of them are in the temporary file. */
uint64_t sorter_size(const struct sorter *sorter, bool *is_spilled_out);
/* Sorted, keeps the first count rows only and frees the rest. */
KY_MUST_CHECK ky_status sorter_keep(struct sorter *sorter, uint32_t count, struct ky_error *err);
int sort_entry_compare(const struct sort_entry *a, const struct sort_entry *b);
static inline uint32_t
sort_entry_group(const struct sort_entry *entry)
{
    return (uint32_t)(entry->lead >> 8);
}
/* Encodes the keys of one row, of group 0; rest lies in scratch. */
struct sort_entry sorter_encode(struct sorter *sorter, const struct column *const *keys,
                                uint32_t place);
/* Same group and keys? */
static inline bool
sorter_is_tie(const struct sorter *sorter, uint32_t a, uint32_t b)
{
    return sort_entry_compare(&sorter->entries[a], &sorter->entries[b]) == 0;
}
