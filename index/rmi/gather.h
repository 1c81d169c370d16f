/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "index/rmi/run.h"

/*
 * Sorted entries on their way into a run. The keys decide its shape: most have one size and begin
 * alike. What does not fit is odd and goes into a tree of its own. Private to index/rmi.
 */
struct rmi_keys {
    struct ky_buffer bytes; /* one after another */
    uint64_t *ends;         /* owned: offset after each */
    uint64_t *rows;         /* owned pages, of capacity */
    uint64_t count;
    uint64_t capacity;
};

struct rmi_gather {
    struct rmi_shape shape;
    bool has_shape;  /* exact: fitting keys are kept as codes */
    bool is_direct;  /* and they are a marker byte and a code */
    uint64_t *codes; /* owned pages; count of them used */
    uint64_t codes_capacity;
    struct rmi_keys all; /* without a shape: every key; with one: rows only */
    struct rmi_keys odd;
    uint64_t odd_next;   /* of rmi_gather_next_odd */
    const char *refusal; /* after rmi_gather_finish: why no run should be made; NULL: it should */
};

/* shape: exact, when it is known already; NULL otherwise. */
void rmi_gather_init(struct rmi_gather *gather, const struct rmi_shape *shape);
void rmi_gather_deinit(struct rmi_gather *gather);
/* In index order. The same entry again is left out. */
static inline void rmi_gather_add(struct rmi_gather *gather, struct ky_slice key, row_id_t row_id);
/* A key of the known shape. */
static inline void rmi_gather_add_code(struct rmi_gather *gather, uint64_t code, row_id_t row_id);
/* Decides; then input and the odd entries may be used, or with a refusal all of them as odd. */
void rmi_gather_finish(struct rmi_gather *gather);
struct rmi_input rmi_gather_input(const struct rmi_gather *gather);
/* An index_source of the odd entries. */
bool rmi_gather_next_odd(void *gather, struct index_entry *entry_out);

void rmi_gather_grow(struct rmi_gather *gather);
void rmi_gather_add_any(struct rmi_gather *gather, struct ky_slice key, row_id_t row_id);

static inline void
rmi_gather_add_code(struct rmi_gather *gather, uint64_t code, row_id_t row_id)
{
    if (KY_UNLIKELY(gather->all.count == gather->all.capacity)) {
        rmi_gather_grow(gather);
    }
    gather->codes[gather->all.count] = code;
    gather->all.rows[gather->all.count++] = row_id;
}

static inline void
rmi_gather_add(struct rmi_gather *gather, struct ky_slice key, row_id_t row_id)
{
    enum { DIRECT_SIZE = 1 + RMI_CODE_SIZE };
    const uint8_t *bytes = (const uint8_t *)key.data;
    if (KY_UNLIKELY(!gather->is_direct || key.size != DIRECT_SIZE ||
                    *bytes != gather->shape.prefix[0])) {
        rmi_gather_add_any(gather, key, row_id);
        return;
    }
    const uint64_t code = ky_load_be64(bytes + 1);
    const uint64_t count = gather->all.count;
    if (KY_LIKELY(count == 0 || gather->codes[count - 1] != code ||
                  gather->all.rows[count - 1] != row_id)) {
        rmi_gather_add_code(gather, code, row_id);
    }
}
