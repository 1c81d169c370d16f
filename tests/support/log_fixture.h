/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "server/base/mutex.h"
#include "storage/log/log.h"

/*
 * A log under test. Transactions are numbered; what one writes follows from its number, so that
 * whatever is read back can be checked: some have events, some are large, some send CHUNK frames
 * ahead. The fixture remembers which were acknowledged.
 */
enum { FIXTURE_TXNS_MAX = 4096, FIXTURE_SEGMENT_SIZE = 64 * 1024 };

struct log_fixture {
    struct io *io;
    const char *dir;
    uint64_t segment_size;
    bool is_sync_off;
    lsn_t from; /* where apply begins */
    struct log *log;
    struct ky_mutex lock;
    struct ky_cond changed;
    uint32_t waiting;
    uint32_t fatal_count;
    bool is_acked[FIXTURE_TXNS_MAX];
    bool is_refused[FIXTURE_TXNS_MAX];
    /* By apply, at the last open. */
    uint32_t seen[FIXTURE_TXNS_MAX]; /* transaction numbers in log order */
    uint32_t seen_count;
    lsn_t seen_lsn[FIXTURE_TXNS_MAX];
    event_offset_t next_event;
    char fault[640];               /* first thing found wrong; "" when all is well */
    struct fixture_entry *entries; /* all ever submitted; freed by deinit */
};

void log_fixture_init(struct log_fixture *fixture, struct io *io);
void log_fixture_deinit(struct log_fixture *fixture);
KY_MUST_CHECK ky_status log_fixture_open(struct log_fixture *fixture, struct ky_error *err);
void log_fixture_close(struct log_fixture *fixture);
/* Submits transaction number (from 1) and does not wait. */
void log_fixture_submit(struct log_fixture *fixture, uint32_t number, bool is_async);
/* Waits until everything submitted is answered, or the log has failed. */
void log_fixture_wait(struct log_fixture *fixture);
/* Submits and waits. True when it was acknowledged. */
bool log_fixture_commit(struct log_fixture *fixture, uint32_t number);
/* Sends one CHUNK frame of a transaction that never commits. */
void log_fixture_orphan_chunk(struct log_fixture *fixture, uint32_t number);
/* Was the transaction found by the last open? */
bool log_fixture_has(const struct log_fixture *fixture, uint32_t number);
/* The bytes of a frame of a transaction, malloc'd, with room for the header, and what its header
 * must say besides its place: the CHUNK frame, or the COMMIT frame that refers to one at chunk_lsn.
 */
uint8_t *log_fixture_frame(uint32_t number, bool is_chunk, lsn_t chunk_lsn,
                           struct frame *frame_out);
