/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/op/nearest.h"
#include "server/exec/op/scan.h"
#include "server/exec/op/sweep.h"

/*
 * Rows of a table in order of distance. The filter runs inside the search, so that it costs no
 * rows.
 *
 *   source given, few rows    measure those (gather)
 *   filter of few rows        ask it about all rows, measure what passes (sweep)
 *   LIMIT known and small     one search for k
 *   else                      a cursor
 *   then, if rows are missing those without a vector, which sort last
 *
 * A query that is null has no distances: the rows come as they are.
 */
struct op_vector_scan {
    struct op op;
    struct scan_state scan; /* rows for the filter, then what is found */
    struct eval *query, *k, *k_offset, *ef, *recall, *radius;
    struct eval *key; /* of an index on an expression: what is measured; else NULL */
    enum {
        VECTOR_START,
        VECTOR_GATHER,
        VECTOR_SWEEP,
        VECTOR_HITS,
        VECTOR_STREAM,
        VECTOR_NULLS,
        VECTOR_END
    } phase;
    struct ky_slice value; /* the query, in the statement's arena */
    uint64_t left;         /* rows still wanted; UINT64_MAX: all */
    struct nearest hits;   /* what a search or a gathering found */
    uint32_t next_hit;
    uint64_t hits_charged;
    uint64_t gathered, gather_max;
    bool is_gathered; /* the source's rows were few: they are all there is */
    struct sweep sweep;
    bool is_swept; /* to the end */
    struct access_vector_scan *stream;
    struct vector_search_stats stats;
    struct storage_scan rows; /* for those without a vector */
    struct access_hit *found; /* one batch of a stream */
    uint64_t tested, passed;  /* by the filter */
    ky_status filter_status;  /* of the filter inside the search */
    struct ky_error *err;     /* the caller's, while searching */
};

/* vector_find.c */
/* Decides how the rows are found, and finds them where that is one step: sets the phase. */
KY_MUST_CHECK ky_status vector_scan_start(struct op_vector_scan *self, struct ky_error *err);
/* Takes the source's rows until they end or are too many. PENDING keeps what was gathered. The
 * source has applied the filter. */
enum exec_answer vector_scan_gather(struct op_vector_scan *self, struct ky_error *err);
/* All of the table. */
KY_MUST_CHECK ky_status vector_scan_sweep(struct op_vector_scan *self, struct ky_error *err);
/* By the index. tests_max: see struct vector_search; 0 when there is no other way, or it has had
 * its chance. */
KY_MUST_CHECK ky_status vector_scan_search(struct op_vector_scan *self, uint32_t tests_max,
                                           struct ky_error *err);
void vector_scan_drop_hits(struct op_vector_scan *self);
/* What the index holds of this row. */
KY_MUST_CHECK ky_status vector_scan_row(struct op_vector_scan *self, const struct row_ref *row,
                                        struct datum *out, struct ky_error *err);
/* Does the filter want it? False, and filter_status, on an error. */
bool vector_scan_accept(struct op_vector_scan *self, const struct row_ref *row);
/* Would an index of pgvector's hold it? Under cosine a zero vector has no distance and is in none.
 */
bool vector_scan_holds(const struct op_vector_scan *self, struct datum vector);
/* Without sequential scans only the index speaks, as pgvector has it. */
KY_MUST_CHECK ky_status vector_scan_keep_held(struct op_vector_scan *self, struct access_hit *hits,
                                              uint32_t *count, struct ky_error *err);
