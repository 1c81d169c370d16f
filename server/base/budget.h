/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/error.h"

/* A ceiling for memory that grows with data: per statement, under one for the server. */
struct ky_budget {
    const char *name;         /* for the message, "work memory" */
    _Atomic uint64_t used;    /* relaxed */
    uint64_t limit;           /* bytes; 0 is no limit */
    struct ky_budget *parent; /* charged as well; may be NULL */
};

void ky_budget_init(struct ky_budget *budget, const char *name, uint64_t limit,
                    struct ky_budget *parent);
/* 53200 when this or a parent would pass its limit; then nothing is charged. */
KY_MUST_CHECK ky_status ky_budget_charge(struct ky_budget *budget, uint64_t size,
                                         struct ky_error *err);
void ky_budget_release(struct ky_budget *budget, uint64_t size);
