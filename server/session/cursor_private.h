/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/exec/op/store.h"
#include "server/session/cursor.h"

/* A cursor's insides, for cursor*.c. */

struct cursor {
    bool is_scroll; /* said so: rows are kept whatever they cost */
    bool is_scrollable;
    bool keeps_rows; /* scrollable, and it has those from the first on */
    bool is_binary;
    bool has_all; /* no more rows are to be read */
    bool is_held; /* and the transaction is over */
    struct store rows;
    bool has_store;
    /* Rows before the place, that of the current one included; the place is behind the last row
     * when is_after. */
    uint64_t position;
    bool is_after;
    uint64_t dropped; /* with has_all: rows that were given out before and are not in the store */
    /* Tables that its rows are rows of: kept rows have their ids in columns after their own. */
    struct exec_origin *origins;
    uint16_t origin_count;
    struct ky_arena scratch; /* of one batch that is being kept */
    /* A FETCH that waits. */
    uint64_t target;    /* rows that must have been read */
    uint64_t next_row;  /* to be given out */
    uint64_t left_rows; /* of them */
};

struct cursor *cursor_new(struct portal *portal);
/* Notes where the rows come from, once the portal runs. cursor_current.c */
void cursor_note_origins(struct portal *portal);
/* The batch that is being given out, with the ids of its rows. Valid until the next call. */
struct batch cursor_with_ids(struct portal *portal, const struct batch *batch, uint16_t count);
/* Reads on until `target` rows are in the store or no more come. */
enum session_answer cursor_read_rows(struct session *session, struct portal *portal,
                                     uint64_t target, struct ky_error *err);
