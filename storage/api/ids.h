/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * The names storage gives to things; all that index, vector and the upper floors
 * see of it besides bytes.
 */

/* Byte position in the history of the log: 8-byte aligned, never reused. 0 is "none". */
typedef uint64_t lsn_t;
/* Numbers a row of one relation for life: kept by updates, compaction, restart. From 1. */
typedef uint64_t row_id_t;
/* A relation's storage (pg_class.relfilenode). Below REL_FIRST_USER: system catalogs. */
typedef uint32_t rel_id_t;
/* Dense number of a row change or appended event, given in commit order, from 0. */
typedef uint64_t event_offset_t;
/* Names a transaction while it lives and in the log; grows, never reused. From 1. */
typedef uint64_t txid_t;

enum { REL_FIRST_USER = 16384 };
#define LSN_MAX UINT64_MAX
#define ROW_ID_NONE ((row_id_t)0)
/* A row id must fit ctid's 32 + 16 bits. */
#define ROW_ID_MAX (((row_id_t)1 << 48) - 1)
