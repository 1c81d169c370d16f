/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/mvcc/directory.h"

/* Shared by directory.c (relations) and directory_rows.c (rows). */
struct relation *relation_new(rel_id_t rel);
/* With all chunks and chains, at once: nobody reads it. */
void relation_free(struct relation *relation);
