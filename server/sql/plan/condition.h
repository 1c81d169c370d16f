/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/sql/plan/plan_private.h"

/* A qual as a condition on one column of rel, or on an expression over it. */
struct condition {
    uint16_t column;         /* NO_COLUMN: expression */
    const struct expr *side; /* what is compared */
    char strategy;           /* 1..5; 'a': = ANY; 'n': IS NOT NULL */
    struct expr *value;
    struct qual *qual;
    bool is_derived; /* it follows from a qual that stays a filter */
};

enum { NO_COLUMN = UINT16_MAX };

/* The column of rel under casts that keep the bytes (varchar as text), or NULL. */
const struct expr *key_column(const struct expr *expr, const struct rel *rel);
/* The same for every row of rel, and there before it is scanned. */
bool value_is_known(struct expr *value, const struct tables *outer);
/* < and > change places, = stays. */
char mirrored(char strategy);
/* What the quals say of rel's keys; outer: tables whose values are there before it is scanned, or
 * NULL. Arena of the planner. */
uint32_t read_conditions(struct level *level, struct rel *rel, const struct quals *quals,
                         const struct tables *outer, struct condition **conditions_out);
