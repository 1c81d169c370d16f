/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/access/access.h"

/* The k nearest of what is added: a heap with the farthest on top, heap memory. Not a number is the
 * farthest, equal distances go by row id. */
struct nearest {
    struct access_hit *list;
    uint32_t count, capacity;
};

void nearest_init(struct nearest *nearest, uint32_t capacity);
void nearest_deinit(struct nearest *nearest); /* also of zeroed memory */
void nearest_add(struct nearest *nearest, const struct access_hit *hit);
/* Nearest first; nothing may be added afterwards. */
void nearest_sort(struct nearest *nearest);
