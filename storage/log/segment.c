/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/log/segment.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/clock.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "storage/log/manifest.h"

/*
 * Segment header, little-endian, zero where nothing is drawn:
 *
 *    0 u32 magic "KYSG"      4 u16 major, u16 minor
 *    8 u32 compat           12 u32 ro_compat          16 u32 incompat
 *   20 u32 checksum_kind (1: CRC32C header, XXH3-64 payload)
 *   24 u8[16] system_id     40 u64 number             48 u64 first_lsn
 *   56 u64 segment_size     64 u32 epoch              72 i64 created_us
 * 4092 u32 crc32c of bytes 0..4091
 *
 * A segment is made as spare.tmp and renamed when all of it is on the device. A crash before the
 * manifest names it leaves a file that recovery removes; it can hold no frame of a commit.
 */
enum { SEGMENT_MAGIC = 0x4753594B /* "KYSG" */, SEGMENT_MAJOR = 1, CHECKSUM_KIND = 1 };

char *
segment_path(const char *dir, uint64_t number, uint64_t size)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "log/%016" PRIx64 ".seg", number * size);
    return io_path(dir, name);
}

bool
segment_parse_name(const char *name, uint64_t size, uint64_t *number_out)
{
    uint64_t first = 0;
    int used = 0;
    if (strlen(name) != 20 || sscanf(name, "%16" SCNx64 ".seg%n", &first, &used) != 1 ||
        used != 20 || first % size != 0) {
        return false;
    }
    *number_out = first / size;
    return true;
}

static struct segment *
segment_new(struct io *io, const struct segment_identity *identity, struct io_file *file)
{
    struct segment *segment = calloc(1, sizeof(*segment));
    KY_ASSERT(segment != NULL);
    segment->number = identity->number;
    segment->epoch = identity->epoch;
    segment->size = identity->size;
    segment->io = io;
    segment->file = file;
    segment->marks = calloc(identity->size / SEGMENT_INDEX_STEP + 1, sizeof(*segment->marks));
    KY_ASSERT(segment->marks != NULL);
    atomic_init(&segment->is_dropped, false);
    atomic_init(&segment->first_event, EVENT_UNKNOWN);
    atomic_init(&segment->mark_count, 0);
    atomic_init(&segment->is_indexed, false);
    return segment;
}

void
segment_free(struct segment *segment)
{
    if (segment != NULL) {
        io_unmap(segment->io, segment->bytes, segment->size);
        io_close(segment->file);
        free(segment->marks);
        free(segment);
    }
}

static void
encode_header(uint8_t *at, const struct segment_identity *identity)
{
    memset(at, 0, SEGMENT_HEADER_SIZE);
    ky_store_le32(at, SEGMENT_MAGIC);
    ky_store_le16(at + 4, SEGMENT_MAJOR);
    ky_store_le32(at + 20, CHECKSUM_KIND);
    memcpy(at + 24, identity->system_id, 16);
    ky_store_le64(at + 40, identity->number);
    ky_store_le64(at + 48, identity->number * identity->size);
    ky_store_le64(at + 56, identity->size);
    ky_store_le32(at + 64, identity->epoch);
    ky_store_le64(at + 72, (uint64_t)ky_wall_us());
    ky_store_le32(at + 4092, ky_crc32c(0, at, 4092));
}

static ky_status
fill(struct io_file *file, const struct segment_identity *identity, struct ky_error *err)
{
    KY_TRY(io_fill_zeros(file, identity->size, err));
    uint8_t header[SEGMENT_HEADER_SIZE];
    encode_header(header, identity);
    KY_TRY(io_write_bytes_at(file, 0, header, sizeof(header), err));
    return io_sync(file, err);
}

static ky_status
rename_into_place(struct io *io, const char *dir, const char *temp_path, const char *path,
                  struct ky_error *err)
{
    KY_TRY(io_rename(io, temp_path, path, err));
    char *log_dir = io_path(dir, "log");
    ky_status status = io_sync_dir(io, log_dir, err);
    free(log_dir);
    return status;
}

ky_status
segment_create(struct io *io, const char *dir, const struct segment_identity *identity,
               struct segment **segment_out, struct ky_error *err)
{
    char *temp_path = io_path(dir, "log/spare.tmp");
    char *path = segment_path(dir, identity->number, identity->size);
    struct io_file *file = NULL;
    ky_status status = io_open(io, temp_path, IO_WRITE | IO_CREATE | IO_TRUNCATE, &file, err);
    if (status == KY_OK) {
        status = fill(file, identity, err);
        io_close(file);
    }
    if (status == KY_OK) {
        status = rename_into_place(io, dir, temp_path, path, err);
    }
    if (status == KY_OK) {
        status = segment_open(io, dir, identity, segment_out, err);
    }
    if (status != KY_OK) {
        struct ky_error ignored = {0};
        ky_status removed = io_unlink(io, temp_path, &ignored);
        removed = io_unlink(io, path, &ignored);
        (void)removed;
    }
    free(temp_path);
    free(path);
    return status;
}

static const char *
header_fault(const uint8_t *at, const struct segment_identity *identity)
{
    if (ky_load_le32(at) != SEGMENT_MAGIC) {
        return "not a log segment";
    }
    if (ky_load_le32(at + 4092) != ky_crc32c(0, at, 4092)) {
        return "header checksum does not match";
    }
    if (ky_load_le16(at + 4) != SEGMENT_MAJOR || ky_load_le32(at + 16) != 0 ||
        ky_load_le32(at + 20) != CHECKSUM_KIND) {
        return "written by a later format";
    }
    if (memcmp(at + 24, identity->system_id, 16) != 0) {
        return "it belongs to another data directory";
    }
    if (ky_load_le64(at + 40) != identity->number ||
        ky_load_le64(at + 48) != identity->number * identity->size ||
        ky_load_le64(at + 56) != identity->size) {
        return "it belongs to another position";
    }
    return NULL;
}

ky_status
segment_open(struct io *io, const char *dir, const struct segment_identity *identity,
             struct segment **segment_out, struct ky_error *err)
{
    char *path = segment_path(dir, identity->number, identity->size);
    struct io_file *file = NULL;
    ky_status status = io_open(io, path, IO_WRITE, &file, err);
    if (status != KY_OK && err->sqlstate == KY_UNDEFINED_FILE) {
        status =
            ky_error_set(err, KY_DATA_CORRUPTED, "log segment \"%s\" is missing, position %" PRIu64,
                         path, identity->number * identity->size);
    }
    free(path);
    KY_TRY(status);
    struct segment *segment = segment_new(io, identity, file);
    if (io_map(file, segment->size, &segment->bytes, err) != KY_OK) {
        segment_free(segment);
        return KY_ERR;
    }
    const char *fault = header_fault(segment->bytes, identity);
    if (fault != NULL) {
        (void)ky_error_set(err, KY_DATA_CORRUPTED,
                           "invalid log segment \"%s\", offset 0, position %" PRIu64 ": %s",
                           file->path, identity->number * identity->size, fault);
        segment_free(segment);
        return KY_ERR;
    }
    segment->epoch = ky_load_le32(segment->bytes + 64);
    *segment_out = segment;
    return KY_OK;
}

bool
segment_is_zero(const struct segment *segment, uint64_t offset)
{
    const uint8_t *at = segment->bytes + offset;
    size_t size = segment->size - offset;
    /* A run of bytes is zero when the first one is and each equals the one before it. */
    return size == 0 || (at[0] == 0 && memcmp(at, at + 1, size - 1) == 0);
}

void
segment_index_add(struct segment *segment, uint64_t offset, event_offset_t first_event)
{
    uint32_t count = atomic_load_explicit(&segment->mark_count, memory_order_relaxed);
    if (count > 0 && offset - segment->marks[count - 1].offset < SEGMENT_INDEX_STEP) {
        return;
    }
    KY_ASSERT(count <= segment->size / SEGMENT_INDEX_STEP);
    segment->marks[count] = (struct event_mark){.first_event = first_event, .offset = offset};
    atomic_store_explicit(&segment->mark_count, count + 1, memory_order_release);
}

uint64_t
segment_index_find(const struct segment *segment, event_offset_t event)
{
    uint32_t low = 0;
    uint32_t high = atomic_load_explicit(&segment->mark_count, memory_order_acquire);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (segment->marks[middle].first_event <= event) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low == 0 ? SEGMENT_HEADER_SIZE : segment->marks[low - 1].offset;
}
