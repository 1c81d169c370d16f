/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>

#include "server/base/error.h"
#include "server/base/spill.h"

/* A ceiling for memory that grows with data: per statement, under one for the server. */
struct ky_budget {
    const char *name;         /* for the message, "work memory" */
    _Atomic uint64_t used;    /* relaxed */
    uint64_t limit;           /* bytes; 0 is no limit */
    struct ky_budget *parent; /* charged as well; may be NULL */
    struct ky_spill *spill;   /* for what goes beyond work memory; NULL: fail instead */
};

void ky_budget_init(struct ky_budget *budget, const char *name, uint64_t limit,
                    struct ky_budget *parent);
/* 53200 when this or a parent would pass its limit; then nothing is charged. */
KY_MUST_CHECK ky_status ky_budget_charge(struct ky_budget *budget, uint64_t size,
                                         struct ky_error *err);
/* Charges what is held already, whatever the limits are. */
void ky_budget_note(struct ky_budget *budget, uint64_t size);
void ky_budget_release(struct ky_budget *budget, uint64_t size);

/* An array that grows: in the temporary file once it is larger than work memory. What is larger
 * than that is not charged: see ky_budget_charged_size. */
void *ky_budget_resize(struct ky_budget *budget, void *memory, size_t old_size, size_t size);
void ky_budget_free(struct ky_budget *budget, void *memory);
/* What an array of this size counts for; 0 in the temporary file. budget may be NULL. */
uint64_t ky_budget_charged_size(const struct ky_budget *budget, uint64_t size);
/* 53400 and the like when the temporary file could not grow. budget may be NULL. */
KY_MUST_CHECK ky_status ky_budget_check(const struct ky_budget *budget, struct ky_error *err);
