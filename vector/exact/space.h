/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vector/exact/exact.h"

/*
 * What an exact search goes through: places that are numbered, looked at in runs, by several
 * threads at once if they are many. A place may be dead.
 */
struct exact_space {
    uint64_t place_count;
    uint32_t run_places; /* in one stay in the epoch */
    size_t place_size;   /* about how many bytes a thread reads of one */
    void *places;        /* begin's */
    /* One thread's work: begin makes what run and consider are given, end frees it. */
    void *(*begin)(void *places, struct exact_search *exact);
    /* Considers what lives in places first to end - 1. Enters the epoch itself, as consider does.
     */
    void (*run)(void *work, struct exact_search *exact, uint64_t first, uint64_t end);
    /* One place, whatever its rank was before. */
    void (*consider)(void *work, struct exact_search *exact, uint64_t place);
    void (*end)(void *work);
};

/**
 * All of a space. Several threads only if there is no filter: each of them drafts the places with
 * the best ranks, and the caller's thread shows those to accept. 57014.
 */
KY_MUST_CHECK ky_status exact_search_space(struct exact_search *exact,
                                           const struct exact_space *space, struct ky_error *err);
