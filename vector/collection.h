/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/error.h"
#include "storage/api/ids.h"
#include "storage/api/state.h"

/*
 * The vectors of one column of one relation, for search. Derived state, like an index: an
 * entry may be invisible, gone, or of another version of its row; the caller's accept
 * decides, and only accepted entries count toward k.
 *
 * Threads: any number of searches without locks; inserts and removals serialise inside; one
 * build or maintenance step at a time, beside all of them (a second one waits).
 */

/* What a vector is made of, and so how its values lie in memory: dimension floats, dimension
 * IEEE halves, or dimension bits, the first one in the highest bit of the first byte, the rest of
 * the last byte zero. */
enum vector_element { VECTOR_F32, VECTOR_F16, VECTOR_BIT };
/* Hamming and Jaccard are for bits, the others for numbers. */
enum vector_metric {
    VECTOR_L2,
    VECTOR_INNER_PRODUCT,
    VECTOR_COSINE,
    VECTOR_L1,
    VECTOR_HAMMING,
    VECTOR_JACCARD
};
/* What a graph is walked by. AUTO looks at the data: whole numbers of one byte are kept as such
 * and are exact; else one byte for each dimension and the values for ranking, or the values. */
enum vector_codec { VECTOR_CODEC_AUTO, VECTOR_CODEC_VALUES, VECTOR_CODEC_BYTE, VECTOR_CODEC_SIGN };
enum {
    VECTOR_DIMENSION_MAX = 16000,
    VECTOR_BIT_DIMENSION_MAX = 64000,
    VECTOR_K_MAX = 1 << 20,
    VECTOR_M_DEFAULT = 16,
    VECTOR_EF_CONSTRUCTION_DEFAULT = 64,
    VECTOR_EF_DEFAULT = 40,
};

struct vector_options {
    enum vector_element element;
    enum vector_metric metric;
    uint32_t dimension;
    bool has_graph;           /* false: searched exactly, always */
    uint32_t m;               /* 2 to 100; 0 is the default */
    uint32_t ef_construction; /* 4 to 1000, at least 2 * m; 0 is the default or 2 * m */
    enum vector_codec codec;
};

struct collection;
struct collection *collection_new(const struct vector_options *options);
void collection_free(struct collection *collection);
/* Memory of many collections: what this one holds is noted there, and what a graph will take is
 * charged before it is built, which may be refused. Before the first insert, build or step; the
 * budget outlives the collection. */
struct ky_budget;
void collection_set_budget(struct collection *collection, struct ky_budget *budget);
const struct vector_options *collection_options(const struct collection *collection);
/* Bytes of one vector. */
size_t vector_values_size(enum vector_element element, uint32_t dimension);
/* The distance as SQL shows it: true L2; negative inner product; cosine distance (not a number for
 * a zero vector); L1; bits that differ; Jaccard. */
double vector_distance(const struct vector_options *options, const void *a, const void *b);

/* The same (row, vector) is held once; is_new_out, which may be NULL: it was not there. values is
 * copied; any alignment. 53200. The entry is found by searches from now on; a graph takes it in at
 * a later maintenance step. */
KY_MUST_CHECK ky_status collection_insert(struct collection *collection, row_id_t row_id,
                                          const void *values, bool *is_new_out,
                                          struct ky_error *err);
bool collection_remove(struct collection *collection, row_id_t row_id, const void *values);

/* ------------------------------------------------------------------ search */

struct vector_hit {
    row_id_t row_id;
    double distance; /* as vector_distance() */
};
/* Does this entry stand for a row that the searcher sees (and that passes its filter)? values is
 * the entry's vector, bit for bit: the row's visible version must hold the same. Must not wait. */
typedef bool (*vector_accept)(void *arg, row_id_t row_id, const void *values, double distance);
/* Does the searcher's filter let these rows pass, whatever their vectors are? Asked of many at once
 * and before any vector is looked at; what passes is still shown to accept. Must not wait. */
typedef void (*vector_test)(void *arg, const row_id_t *row_ids, uint32_t count, bool *passes_out);
enum { VECTOR_TEST_MAX = 64 /* rows of one call */ };

enum vector_mode {
    VECTOR_MODE_AUTO, /* by the graph when there is one and the exact search would cost more */
    VECTOR_MODE_EXACT,
    VECTOR_MODE_ANN, /* by the graph when there is one */
};

struct vector_search {
    const void *query; /* borrowed until the search ends or the cursor is closed */
    uint32_t k;        /* not looked at by a cursor */
    enum vector_mode mode;
    uint32_t ef;         /* 0: by target_recall */
    float target_recall; /* 0: VECTOR_EF_DEFAULT */
    bool has_radius;     /* only entries with distance <= radius */
    double radius;
    vector_test test;     /* NULL: there is no filter */
    vector_accept accept; /* NULL: all */
    void *arg;            /* of both */
    /* Not 0: by the graph, give up when it looks as if more rows than this would have to be tested:
     * the filter lets too little through here. Then there are no hits. Not looked at by a cursor.
     */
    uint32_t tests_max;
    const _Atomic int *is_cancelled; /* looked at now and then: then 57014. May be NULL */
    bool is_alone; /* on the caller's thread only: an exact search may start others */
};

struct vector_search_stats {
    bool is_exact;           /* how it was done: without the graph */
    bool is_widened;         /* by the graph, and then on beyond ef to fill k */
    bool is_swept;           /* by the graph first, then all that was left, exactly */
    bool is_given_up;        /* see tests_max */
    enum vector_codec codec; /* of the graph; AUTO without one */
    uint32_t ef;
    uint64_t visited;       /* distances to nodes of the graph computed by code */
    uint64_t expanded;      /* nodes whose neighbours were looked at */
    uint64_t reranked;      /* distances computed from the values themselves */
    uint64_t tested;        /* entries tested; without a filter: shown to accept */
    uint64_t passed;        /* of them passed, or accepted */
    uint64_t delta_scanned; /* entries not yet in the graph, or all of an exact search */
    uint32_t threads;       /* that did it, at most at a time; 0 is one */
};

/* The k nearest accepted entries, nearest first, ties by row id: always min(k, accepted) of them,
 * whatever the mode; the mode decides how near they are. stats_out may be NULL. */
KY_MUST_CHECK ky_status collection_search(struct collection *collection,
                                          const struct vector_search *search,
                                          struct vector_hit *hits, uint32_t *count_out,
                                          struct vector_search_stats *stats_out,
                                          struct ky_error *err);

/**
 * The same as a stream: all accepted entries that were there at open, each once, nearest first. An
 * exact cursor keeps that order strictly; by the graph, one that is found late comes late. Holds
 * nothing that waits between calls, and keeps memory of the size of what it has seen. One thread.
 */
struct vector_cursor;
KY_MUST_CHECK ky_status vector_cursor_open(struct collection *collection,
                                           const struct vector_search *search,
                                           struct vector_cursor **cursor_out, struct ky_error *err);
/* Up to max hits; *count_out is 0 at the end only. */
KY_MUST_CHECK ky_status vector_cursor_next(struct vector_cursor *cursor, struct vector_hit *hits,
                                           uint32_t max, uint32_t *count_out, struct ky_error *err);
void vector_cursor_stats(const struct vector_cursor *cursor, struct vector_search_stats *stats_out);
void vector_cursor_close(struct vector_cursor *cursor);

/* ------------------------------------------------------------------ graph */

enum vector_phase { VECTOR_PHASE_LOAD, VECTOR_PHASE_LINK, VECTOR_PHASE_CALIBRATE };
struct vector_work {
    void (*progress)(void *arg, enum vector_phase phase, uint64_t done, uint64_t total);
    void *arg;                       /* progress may be NULL */
    const _Atomic int *is_cancelled; /* then 57014 and nothing has changed. May be NULL */
    uint32_t threads;                /* 0: as many as there are cores */
};
/* A new graph of all entries, calibrated; the old one, if any, serves until it is ready. Inserts
 * and removals go on. Does nothing for a collection without a graph, or with a few hundred entries:
 * these are searched exactly. 53200: also when the budget refuses it, before anything is done;
 * 57014. */
KY_MUST_CHECK ky_status collection_build(struct collection *collection,
                                         const struct vector_work *work, struct ky_error *err);
/* Bytes that a graph of this many entries takes: what the budget has to admit. */
uint64_t collection_build_size(const struct vector_options *options, uint64_t entries);

/**
 * One bounded step of upkeep (at most about `entries` entries linked): takes new entries into the
 * graph, repairs around removed ones, measures recall, and builds anew when the graph has grown
 * too much or there is none yet for many entries. *has_more_out: there is more to do now. To be
 * called from a thread of low priority, again and again, paced by the caller.
 */
KY_MUST_CHECK ky_status collection_maintain(struct collection *collection, uint32_t entries,
                                            const struct vector_work *work, bool *has_more_out,
                                            struct ky_error *err);

/* ------------------------------------------------------------------ recall */

/* Mean share of the k true nearest that a search with this ef finds, measured on queries made
 * from the collection's own vectors; ef 0: what target_recall gives. Costs exact searches. */
KY_MUST_CHECK ky_status collection_recall(struct collection *collection, uint32_t k, uint32_t ef,
                                          float target_recall, uint32_t queries, double *recall_out,
                                          struct ky_error *err);

struct collection_stats {
    uint64_t entries; /* (row, vector) pairs */
    uint64_t bytes;
    uint64_t searches;
    bool has_graph; /* one is built */
    bool is_building;
    enum vector_codec codec; /* what the graph was built with, not AUTO */
    bool is_codec_exact;     /* its codes are the values */
    uint64_t nodes;          /* different vectors in the graph, dead ones included */
    uint64_t dead_nodes;     /* without rows: walked through, never found */
    uint64_t delta_entries;  /* not in the graph yet */
    uint64_t links;          /* at the lowest level */
    uint32_t level_max;
    uint64_t unreachable_repaired; /* found by audits and attached again */
    uint64_t builds;
    uint64_t builds_refused; /* by the budget */
    uint32_t recall_samples; /* searches that were compared with exact ones */
    double recall_estimate;  /* of them, weighted toward the recent; 0 without samples */
    uint32_t calibration_ef[4];
    float calibration_recall[4]; /* what these ef gave for k = 10; 0 when not calibrated */
};
void collection_stats(struct collection *collection, struct collection_stats *stats_out);

/* ------------------------------------------------------------------ saved state */

/* Is this entry to be part of what is saved? */
typedef bool (*vector_keep)(void *arg, row_id_t row_id, const void *values);
/* Writes vectors and graph. Runs beside searches, inserts and removals; an entry that comes or
 * goes meanwhile is in or not. keep may be NULL: all. */
KY_MUST_CHECK ky_status collection_save(struct collection *collection, vector_keep keep, void *arg,
                                        struct state_sink *sink, struct ky_error *err);
/* What was saved, of it what keep accepts (NULL: all), checked through before it is believed: XX001
 * when anything is wrong or it was made with other options. Takes the map on success. */
KY_MUST_CHECK ky_status collection_load(const struct vector_options *options, struct state_map *map,
                                        vector_keep keep, void *arg,
                                        struct collection **collection_out, struct ky_error *err);
