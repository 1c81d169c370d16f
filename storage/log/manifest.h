/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "storage/io/io.h"
#include "storage/log/log.h"

/*
 * The manifest says which files are the data: every segment that may hold a frame, where the log
 * ended for certain when it was written, the checkpoint, and the files that rows or the checkpoint
 * lie in (struct log_file). CURRENT names the one that counts.
 */
enum { MANIFEST_SEGMENTS_MAX = 1 << 20, MANIFEST_FILES_MAX = 1 << 20 };
#define EVENT_UNKNOWN UINT64_MAX

struct manifest_segment {
    uint64_t number;            /* covers [number * segment_size, (number + 1) * segment_size) */
    uint64_t end_offset;        /* exact end when the log left it early; 0: not fixed */
    event_offset_t first_event; /* of its first frame on; EVENT_UNKNOWN before one is written */
    uint32_t epoch;             /* of its header */
};

struct manifest {
    uint64_t generation;
    uint32_t prev_crc; /* checksum that ends the manifest before this one; 0 for the first */
    uint8_t system_id[16];
    uint64_t segment_size;
    uint32_t epoch;
    /* What was synced when this was written: end of the log, next event, sum of the last frame. */
    lsn_t durable_lsn;
    event_offset_t next_event;
    uint64_t last_sum;
    txid_t highest_txid;
    lsn_t checkpoint_lsn;
    char checkpoint_name[64];
    int64_t created_us;
    event_offset_t
        history_event; /* events below can no longer be read, though frames may be left */
    struct manifest_segment *segments; /* owned; ascending numbers */
    uint32_t segment_count;
    struct log_file *files; /* owned; in the order they were added */
    uint32_t file_count;
};

void manifest_deinit(struct manifest *manifest);

/* Appends the file's bytes to out; returns the checksum that ends them. */
uint32_t manifest_encode(const struct manifest *manifest, struct ky_buffer *out);
/* Checks everything. XX001, or 0A000 for a later format. path is for messages. */
KY_MUST_CHECK ky_status manifest_decode(struct ky_slice bytes, const char *path,
                                        struct manifest *manifest_out, struct ky_error *err);

/* The manifest that CURRENT names, with FORMAT checked. *exists_out is false for a directory in
 * which no log has been made; one that has lost its CURRENT is XX001. crc_out: its checksum. */
KY_MUST_CHECK ky_status manifest_read(struct io *io, const char *dir, bool *exists_out,
                                      struct manifest *manifest_out, uint32_t *crc_out,
                                      struct ky_error *err);
/**
 * Writes MANIFEST-<generation>, syncs, and switches CURRENT to it; then removes manifests more than
 * one generation older. The files it names must be durable already.
 *
 * On failure *is_unknown_out says whether it may have taken effect or a sync failed: then the log
 * cannot go on. False (a full disk before the switch): nothing has changed.
 */
KY_MUST_CHECK ky_status manifest_install(struct io *io, const char *dir,
                                         const struct manifest *manifest, uint32_t *crc_out,
                                         bool *is_unknown_out, struct ky_error *err);
/* log.c. A copy (the caller's to deinit) of the manifest as it would be written now, and no other
 * is installed before the release: what it lists is there. Not for long. */
struct log;
void log_manifest_hold(struct log *log, struct manifest *manifest_out);
void log_manifest_release(struct log *log);
/* FORMAT, for a new directory. */
KY_MUST_CHECK ky_status manifest_write_format(struct io *io, const char *dir, struct ky_error *err);
