/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/log/log.h"

/* Frames as bytes: the header drawn in log.h, and the checks before a byte of it is trusted. */

enum { FRAME_MAGIC = 0x5246594B }; /* "KYFR" */

/* Seeds payload sums, so that frames of another data directory are never taken for ours. */
uint64_t frame_seed(const uint8_t system_id[16]);
uint64_t frame_payload_sum(uint64_t seed, const uint8_t *payload, size_t size);

/* What the header holds besides what struct frame shows. */
struct frame_sums {
    uint64_t prev_sum;
    uint64_t payload_sum;
};

/* Writes the 96 header bytes at place, checksum included. Reads frame->chunk_count, not chunks. */
void frame_encode_header(uint8_t *place, const struct frame *frame, struct frame_sums sums);

/**
 * Decodes the frame at the start of bytes, which ends where the frame's segment ends, and checks
 * everything but the payload sum: magic, sizes, checksum, that it says it is at lsn. XX001.
 * frame_out and sums_out borrow from bytes; sums_out may be NULL.
 */
KY_MUST_CHECK ky_status frame_decode(struct ky_slice bytes, lsn_t lsn, struct frame *frame_out,
                                     struct frame_sums *sums_out, struct ky_error *err);
/* The payload of a decoded frame: chunk references and records. */
struct ky_slice frame_payload(const struct frame *frame);
