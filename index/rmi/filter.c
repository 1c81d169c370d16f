/* SPDX-License-Identifier: Apache-2.0 */

#include "index/rmi/filter.h"

#include "index/rmi/run.h"
#include "server/base/arena.h"

enum { WORD_KEYS = 6, BITS_MIN = 6, BITS_MAX = 26 /* 512 MiB */ };

struct rmi_filter *
rmi_filter_new(uint64_t capacity)
{
    uint32_t bits = BITS_MIN;
    while (bits < BITS_MAX && (uint64_t)WORD_KEYS << bits < capacity) {
        bits++;
    }
    struct rmi_filter *filter = (struct rmi_filter *)ky_calloc(1, sizeof(*filter));
    filter->word_count = (uint64_t)1 << bits;
    filter->shift = 64 - bits;
    filter->words = (_Atomic uint64_t *)rmi_pages_new(filter->word_count * sizeof(uint64_t));
    return filter;
}

void
rmi_filter_free(struct rmi_filter *filter)
{
    if (filter != NULL) {
        rmi_pages_free(filter->words, filter->word_count * sizeof(uint64_t));
        ky_free(filter);
    }
}
