/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "storage/log/frame.h"
#include "storage/log/manifest.h"
#include "storage/log/segment.h"
#include "storage/storage_private.h"

/*
 * Ending a log on purpose: at a position, because what follows is damaged or not wanted any more.
 * The frames up to there are checked. Then a manifest is switched to that ends the segment there,
 * does not list the later ones, and lists a fresh segment behind every position that was ever
 * given, so that no position means two things. Being killed before the switch changes nothing.
 */
struct walk {
    struct io *io;
    const char *dir;
    struct manifest *manifest;
    const struct storage_cut *cut;
    uint64_t seed;
    /* The end of the last frame that stays. */
    lsn_t lsn;
    uint32_t segment; /* index of the segment it is in */
    uint64_t offset;  /* in that segment */
    event_offset_t next_event;
    uint64_t last_sum;
    bool is_cut; /* a frame is to go */
};

static struct segment_identity
identity_of(const struct manifest *manifest, uint64_t number)
{
    struct segment_identity identity = {.number = number, .size = manifest->segment_size};
    memcpy(identity.system_id, manifest->system_id, sizeof(identity.system_id));
    return identity;
}

static bool
is_kept(const struct walk *walk, const struct frame *frame)
{
    const struct storage_cut *cut = walk->cut;
    if (cut->lsn != 0 && frame->lsn + frame->total_size > cut->lsn) {
        return false;
    }
    return cut->time_us == 0 || frame->flags != FRAME_COMMIT || frame->commit_time <= cut->time_us;
}

/* Damage is not passed over silently: whoever wants to end the log there says so. */
static ky_status
damaged(const struct walk *walk, lsn_t lsn, struct ky_error *err)
{
    char message[KY_ERROR_TEXT_SIZE];
    memcpy(message, err->message, sizeof(message));
    (void)ky_error_set(err, KY_DATA_CORRUPTED,
                       "the log is damaged at position %" PRIu64 ", before where it shall end",
                       lsn);
    (void)ky_error_detail(err, "%s", message);
    (void)walk;
    return ky_error_hint(err, "To end it there: --truncate-at %" PRIu64 ".", lsn);
}

/* Walks the frames of one segment. Stops at the cut, and at the end of what was written. */
static ky_status
walk_segment(struct walk *walk, uint32_t index, const struct segment *segment, struct ky_error *err)
{
    uint64_t offset = SEGMENT_HEADER_SIZE;
    uint64_t limit = segment_limit(segment);
    while (!walk->is_cut && limit - offset >= FRAME_HEADER_SIZE) {
        lsn_t lsn = segment->number * segment->size + offset;
        struct frame frame;
        struct frame_sums sums;
        ky_status status = frame_decode(ky_slice(segment->bytes + offset, limit - offset), lsn,
                                        &frame, &sums, err);
        if (status == KY_OK) {
            struct ky_slice payload = frame_payload(&frame);
            if (frame_payload_sum(walk->seed, payload.data, payload.size) != sums.payload_sum) {
                status = ky_error_set(err, KY_DATA_CORRUPTED,
                                      "the checksum of the frame does not match");
            }
        }
        if (status != KY_OK) {
            bool is_wanted =
                lsn < walk->manifest->durable_lsn && (walk->cut->lsn == 0 || lsn < walk->cut->lsn);
            return is_wanted ? damaged(walk, lsn, err) : KY_OK;
        }
        if (frame.flags == FRAME_PAD) {
            return KY_OK;
        }
        if (!is_kept(walk, &frame)) {
            walk->is_cut = true;
            return KY_OK;
        }
        offset += frame.total_size;
        walk->lsn = lsn + frame.total_size;
        walk->segment = index;
        walk->offset = offset;
        walk->next_event =
            frame.first_event + (frame.flags == FRAME_COMMIT ? frame.event_count : 0);
        walk->last_sum = sums.payload_sum;
    }
    return KY_OK;
}

/* From the segment before the checkpoint's on: what is older is not read by recovery either. */
static ky_status
walk_log(struct walk *walk, uint32_t first, struct ky_error *err)
{
    for (uint32_t i = first; i < walk->manifest->segment_count && !walk->is_cut; i++) {
        struct segment_identity identity =
            identity_of(walk->manifest, walk->manifest->segments[i].number);
        struct segment *segment = NULL;
        if (walk->cut->lsn != 0 && identity.number * identity.size >= walk->cut->lsn) {
            break;
        }
        KY_TRY(segment_open(walk->io, walk->dir, &identity, &segment, err));
        segment->end_offset = walk->manifest->segments[i].end_offset;
        ky_status status = walk_segment(walk, i, segment, err);
        segment_free(segment);
        KY_TRY(status);
    }
    return KY_OK;
}

/* A checkpoint above the cut goes, if the log can do without it. */
static ky_status
drop_newer_checkpoint(const struct walk *walk, struct ky_error *err)
{
    struct manifest *manifest = walk->manifest;
    bool is_newer = walk->lsn < manifest->checkpoint_lsn;
    if (!is_newer) {
        return KY_OK;
    }
    bool is_whole = manifest->segment_count > 0 && manifest->segments[0].number == 1;
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        is_whole = is_whole && manifest->files[i].kind != LOG_FILE_BASE;
    }
    if (!is_whole) {
        (void)ky_error_set(err, KY_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "the log cannot end at position %" PRIu64
                           ": the checkpoint was written at %" PRIu64,
                           walk->lsn, manifest->checkpoint_lsn);
        return ky_error_hint(err, "Restore a backup made before that position.");
    }
    manifest->checkpoint_lsn = 0;
    memset(manifest->checkpoint_name, 0, sizeof(manifest->checkpoint_name));
    return KY_OK;
}

static uint64_t
highest_number(const struct manifest *manifest)
{
    uint64_t highest = 0;
    for (uint32_t i = 0; i < manifest->segment_count; i++) {
        highest = KY_MAX(highest, manifest->segments[i].number);
    }
    return highest;
}

static ky_status
install_cut(const struct walk *walk, uint64_t fresh, struct ky_error *err)
{
    struct manifest *manifest = walk->manifest;
    uint32_t crc = 0;
    bool is_unknown = false;
    manifest->segments[walk->segment].end_offset = walk->offset;
    manifest->segments[walk->segment + 1] = (struct manifest_segment){
        .number = fresh,
        .first_event = EVENT_UNKNOWN,
        .epoch = manifest->epoch,
    };
    manifest->segment_count = walk->segment + 2;
    manifest->durable_lsn = walk->lsn;
    manifest->next_event = walk->next_event;
    manifest->last_sum = walk->last_sum;
    manifest->generation++;
    manifest->created_us = ky_wall_us();
    return manifest_install(walk->io, walk->dir, manifest, &crc, &is_unknown, err);
}

static uint32_t
first_segment(const struct manifest *manifest, const struct storage_cut *cut)
{
    lsn_t from = manifest->checkpoint_lsn;
    if (cut->lsn != 0) {
        from = KY_MIN(from, cut->lsn);
    }
    uint32_t first = 0;
    while (first + 1 < manifest->segment_count &&
           manifest->segments[first + 1].number <= from / manifest->segment_size) {
        first++;
    }
    /* The one before as well: the frame that ends at a position may be in it. */
    return first > 0 && cut->time_us == 0 ? first - 1 : cut->time_us != 0 ? 0 : first;
}

static ky_status
truncate_locked(struct io *io, const char *dir, const struct storage_cut *cut, lsn_t *lsn_out,
                struct ky_error *err)
{
    struct manifest manifest = {0};
    bool exists = false;
    uint32_t crc = 0;
    KY_TRY(manifest_read(io, dir, &exists, &manifest, &crc, err));
    if (!exists) {
        return ky_error_set(err, KY_UNDEFINED_FILE, "\"%s\" is not a data directory", dir);
    }
    struct walk walk = {.io = io, .dir = dir, .manifest = &manifest, .cut = cut};
    walk.seed = frame_seed(manifest.system_id);
    manifest.prev_crc = crc;
    /* Room for the fresh one. */
    manifest.segments = ky_realloc(manifest.segments, ((size_t)manifest.segment_count + 1) *
                                                          sizeof(*manifest.segments));
    ky_status status = walk_log(&walk, first_segment(&manifest, cut), err);
    if (status == KY_OK && walk.lsn == 0) {
        status = ky_error_set(err, KY_INVALID_PARAMETER_VALUE,
                              "nothing was committed before where the log shall end");
    }
    if (status == KY_OK) {
        status = drop_newer_checkpoint(&walk, err);
    }
    if (status == KY_OK) {
        struct segment_identity identity = identity_of(&manifest, highest_number(&manifest) + 1);
        identity.epoch = manifest.epoch;
        struct segment *fresh = NULL;
        status = segment_create(io, dir, &identity, &fresh, err);
        if (status == KY_OK) {
            segment_free(fresh);
            status = install_cut(&walk, identity.number, err);
        }
    }
    if (status == KY_OK) {
        ky_log(WARN, "storage", "log ended on purpose lsn=%" PRIu64 " next_event=%" PRIu64,
               walk.lsn, walk.next_event);
        *lsn_out = walk.lsn;
    }
    manifest_deinit(&manifest);
    return status;
}

ky_status
storage_truncate(struct io *io, const char *dir, const struct storage_cut *cut, lsn_t *lsn_out,
                 struct ky_error *err)
{
    struct io_file *lock = NULL;
    KY_ASSERT(cut->lsn != 0 || cut->time_us != 0);
    io = io != NULL ? io : io_disk();
    KY_TRY(io_lock_dir(io, dir, &lock, err));
    ky_status status = truncate_locked(io, dir, cut, lsn_out, err);
    io_close(lock);
    return status;
}
