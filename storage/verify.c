/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/log/frame.h"
#include "storage/log/manifest.h"
#include "storage/log/segment.h"
#include "storage/storage_private.h"

/*
 * Checking a closed data directory without changing it: the manifest, the checkpoint, and every
 * frame and record of every segment, and every record of every base file. Past the position that
 * the manifest knows to be durable, the log may simply end; before it, every byte must be accounted
 * for.
 */
struct verifier {
    struct io *io;
    const char *dir;
    struct manifest manifest;
    uint64_t seed;
    void (*report)(void *arg, const char *line);
    void *arg;
    uint64_t damage_count;
};

static void
report_damage(struct verifier *verifier, const struct ky_error *err)
{
    char line[KY_ERROR_TEXT_SIZE * 2];
    (void)snprintf(line, sizeof(line), "%s%s%s", err->message, err->detail[0] != '\0' ? " " : "",
                   err->detail);
    verifier->damage_count++;
    if (verifier->report != NULL) {
        verifier->report(verifier->arg, line);
    }
}

static ky_status
verify_records(const struct frame *frame, struct ky_error *err)
{
    struct ky_slice rest = frame->records;
    for (uint32_t i = 0; i < frame->record_count; i++) {
        struct record record;
        KY_TRY(record_decode(rest, true, &record, err));
        size_t size = record_size(record.body.size);
        rest = ky_slice((const uint8_t *)rest.data + size, rest.size - size);
    }
    return KY_OK;
}

static ky_status
verify_frame(const struct verifier *verifier, const struct segment *segment, uint64_t offset,
             struct frame *frame_out, struct ky_error *err)
{
    lsn_t lsn = segment->number * segment->size + offset;
    struct ky_slice bytes = ky_slice(segment->bytes + offset, segment_limit(segment) - offset);
    struct frame_sums sums;
    KY_TRY(frame_decode(bytes, lsn, frame_out, &sums, err));
    struct ky_slice payload = frame_payload(frame_out);
    if (frame_payload_sum(verifier->seed, payload.data, payload.size) != sums.payload_sum) {
        return ky_error_set(err, KY_DATA_CORRUPTED,
                            "the checksum of the frame at log position %" PRIu64 " does not match",
                            lsn);
    }
    return frame_out->flags == FRAME_COMMIT || frame_out->flags == FRAME_CHUNK
               ? verify_records(frame_out, err)
               : KY_OK;
}

static void
verify_frames(struct verifier *verifier, const struct segment *segment)
{
    uint64_t offset = SEGMENT_HEADER_SIZE;
    lsn_t start = segment->number * segment->size;
    uint64_t limit = segment_limit(segment);
    while (limit - offset >= FRAME_HEADER_SIZE) {
        struct frame frame;
        struct ky_error err;
        ky_error_init(&err);
        if (verify_frame(verifier, segment, offset, &frame, &err) != KY_OK) {
            if (start + offset < verifier->manifest.durable_lsn) {
                (void)ky_error_detail(&err, "File \"%s\", offset %" PRIu64 ".", segment->file->path,
                                      offset);
                report_damage(verifier, &err);
            }
            return;
        }
        if (frame.flags == FRAME_PAD) {
            return;
        }
        offset += frame.total_size;
    }
}

static void
verify_segment(struct verifier *verifier, const struct manifest_segment *listed)
{
    struct segment_identity identity = {
        .number = listed->number,
        .size = verifier->manifest.segment_size,
    };
    memcpy(identity.system_id, verifier->manifest.system_id, sizeof(identity.system_id));
    struct segment *segment = NULL;
    struct ky_error err;
    ky_error_init(&err);
    if (segment_open(verifier->io, verifier->dir, &identity, &segment, &err) != KY_OK) {
        report_damage(verifier, &err);
        return;
    }
    segment->end_offset = listed->end_offset;
    verify_frames(verifier, segment);
    segment_free(segment);
}

static void
report_part(void *arg, const struct ky_error *err)
{
    report_damage(arg, err);
}

static void
verify_base_file(struct verifier *verifier, const struct log_file *listed)
{
    struct base_identity identity = {.id = listed->info[0]};
    memcpy(identity.system_id, verifier->manifest.system_id, sizeof(identity.system_id));
    struct base_file *file = NULL;
    struct ky_error err;
    ky_error_init(&err);
    ky_status status = KY_OK;
    char name[64];
    base_name(name, identity.id);
    if (strcmp(name, listed->name) != 0) {
        status = ky_error_set(&err, KY_DATA_CORRUPTED,
                              "the manifest lists \"%s\", which is no name of a base file",
                              listed->name);
    }
    if (status == KY_OK) {
        status = base_file_open(verifier->io, verifier->dir, &identity, listed, &file, &err);
    }
    if (status == KY_OK) {
        status = base_file_check(file, &err);
        base_file_free(file);
    }
    if (status != KY_OK) {
        report_damage(verifier, &err);
    }
}

static void
verify_checkpoint(struct verifier *verifier)
{
    struct checkpoint_source source = {
        .io = verifier->io,
        .dir = verifier->dir,
        .name = verifier->manifest.checkpoint_name,
        .lsn = verifier->manifest.checkpoint_lsn,
    };
    struct checkpoint_list *list = NULL;
    struct ky_error err;
    ky_error_init(&err);
    if (source.name[0] == '\0') {
        return;
    }
    if (checkpoint_read_list(&source, &list, &err) != KY_OK) {
        report_damage(verifier, &err);
        return;
    }
    if (checkpoint_load(&source, list, NULL, &err) != KY_OK) {
        report_damage(verifier, &err);
    }
    checkpoint_verify_parts(&source, list, report_part, verifier);
    checkpoint_list_free(list);
}

ky_status
storage_verify(struct io *io, const char *dir, void (*report)(void *arg, const char *line),
               void *arg, uint64_t *damage_count_out, struct ky_error *err)
{
    struct verifier verifier = {.io = io != NULL ? io : io_disk(), .dir = dir, .report = report};
    verifier.arg = arg;
    struct io_file *lock = NULL;
    KY_TRY(io_lock_dir(verifier.io, dir, &lock, err));
    bool exists = false;
    uint32_t crc = 0;
    struct ky_error damage;
    ky_error_init(&damage);
    if (manifest_read(verifier.io, dir, &exists, &verifier.manifest, &crc, &damage) != KY_OK) {
        report_damage(&verifier, &damage);
    } else if (exists) {
        verifier.seed = frame_seed(verifier.manifest.system_id);
        verify_checkpoint(&verifier);
        for (uint32_t i = 0; i < verifier.manifest.segment_count; i++) {
            verify_segment(&verifier, &verifier.manifest.segments[i]);
        }
        for (uint32_t i = 0; i < verifier.manifest.file_count; i++) {
            if (verifier.manifest.files[i].kind == LOG_FILE_BASE) {
                verify_base_file(&verifier, &verifier.manifest.files[i]);
            }
        }
        manifest_deinit(&verifier.manifest);
    }
    io_close(lock);
    *damage_count_out = verifier.damage_count;
    return KY_OK;
}
