/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/catalog/catalog.h"

/*
 * Keys of indexes that have expressions or a predicate. access knows no expressions: the executor
 * fills this in, once, before anything is opened.
 */
struct access_evaluator {
    /* Reads and compiles what the index says. image is for names; nothing of it is kept. */
    ky_status (*open)(const struct cat_image *image, const struct cat_index *index,
                      void **state_out, struct ky_error *err);
    void (*close)(void *state);
    /* The key columns' values of a row (one value per table column; those that reads() denies may
     * be anything). *has_entry_out false: the predicate is not true. Bytes in arena or in values.
     * Any thread. */
    ky_status (*keys)(void *state, const struct datum *values, struct ky_arena *arena,
                      struct datum *keys_out, bool *has_entry_out, struct ky_error *err);
    /* Does it look at the column (0-based)? */
    bool (*reads)(const void *state, uint16_t column);
};
void access_use_evaluator(const struct access_evaluator *evaluator);

static inline bool
index_is_evaluated(const struct cat_index *index)
{
    for (uint16_t i = 0; i < index->key_count; i++) {
        if (index->keys[i].column == 0) {
            return true;
        }
    }
    return index->predicate_sql != NULL;
}
