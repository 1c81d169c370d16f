/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/log/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/assert.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "server/base/failpoint.h"

/*
 * MANIFEST-<generation, 16 hex>, little-endian, never changed once CURRENT names it:
 *
 *    0 u32 magic "KYMF"      4 u16 major, u16 minor
 *    8 u32 compat           12 u32 ro_compat          16 u32 incompat
 *   20 u32 total_size       24 u64 generation         32 u32 prev_crc
 *   36 u32 epoch            40 u8[16] system_id       56 u64 segment_size
 *   64 u64 durable_lsn      72 u64 next_event         80 u64 last_sum
 *   88 u64 highest_txid     96 u64 checkpoint_lsn    104 char[64] checkpoint_name
 *  168 i64 created_us      176 u32 segment_count     180 u32 file_count (minor 0: 0)
 *  184 u64 history_event   192 u64 reserved 0         (minor 0: segments begin at 184)
 *  200 segments, 32 bytes each: u64 number, u64 end_offset, u64 first_event, u32 epoch, u32 0
 *      files, 104 bytes each: char[64] name, u32 kind, u32 0, u64 size, u64 checksum, u64[2] info
 *  end u32 reserved, u32 crc32c of everything before
 *
 * Feature incompat 1: it lists files, so rows may lie outside the log.
 *
 * CURRENT is one line, "MANIFEST-<generation> <crc32c of the manifest's name and checksum>": a
 * changed digit cannot lead to the previous manifest, which is still there. It is replaced by
 * writing CURRENT.tmp, sync, rename, sync of the directory, so a crash leaves the old or the new
 * line. A manifest that no CURRENT names is overwritten by the next switch.
 */
enum {
    MANIFEST_MAGIC = 0x464D594B, /* "KYMF" */
    MANIFEST_FIXED_SIZE_0 = 184, /* minor 0 */
    MANIFEST_FIXED_SIZE = 200,
    MANIFEST_SEGMENT_SIZE = 32,
    MANIFEST_FILE_SIZE = 104,
    MANIFEST_END_SIZE = 8,
    FORMAT_MAJOR = 1,
    FORMAT_MINOR = 1,
    INCOMPAT_FILES = 1,
};

static const char FORMAT_TEXT[] =
    "KyroDB data directory, format 1.1 compat=0 ro_compat=0 incompat=0\n";
/* Made by a server that knew segments only; read as it is. */
static const char FORMAT_TEXT_0[] =
    "KyroDB data directory, format 1.0 compat=0 ro_compat=0 incompat=0\n";

void
manifest_deinit(struct manifest *manifest)
{
    free(manifest->segments);
    free(manifest->files);
    *manifest = (struct manifest){0};
}

static uint8_t *
encode_files(const struct manifest *manifest, uint8_t *at)
{
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        const struct log_file *file = &manifest->files[i];
        memcpy(at, file->name, 64);
        ky_store_le32(at + 64, (uint32_t)file->kind);
        ky_store_le64(at + 72, file->size);
        ky_store_le64(at + 80, file->checksum);
        ky_store_le64(at + 88, file->info[0]);
        ky_store_le64(at + 96, file->info[1]);
        at += MANIFEST_FILE_SIZE;
    }
    return at;
}

uint32_t
manifest_encode(const struct manifest *manifest, struct ky_buffer *out)
{
    size_t start = out->size;
    size_t size = MANIFEST_FIXED_SIZE + (size_t)manifest->segment_count * MANIFEST_SEGMENT_SIZE +
                  (size_t)manifest->file_count * MANIFEST_FILE_SIZE + MANIFEST_END_SIZE;
    uint8_t *at = ky_buffer_extend(out, size);
    memset(at, 0, size);
    ky_store_le32(at, MANIFEST_MAGIC);
    ky_store_le16(at + 4, FORMAT_MAJOR);
    ky_store_le16(at + 6, FORMAT_MINOR);
    ky_store_le32(at + 16, manifest->file_count > 0 ? INCOMPAT_FILES : 0);
    ky_store_le32(at + 20, (uint32_t)size);
    ky_store_le64(at + 24, manifest->generation);
    ky_store_le32(at + 32, manifest->prev_crc);
    ky_store_le32(at + 36, manifest->epoch);
    memcpy(at + 40, manifest->system_id, 16);
    ky_store_le64(at + 56, manifest->segment_size);
    ky_store_le64(at + 64, manifest->durable_lsn);
    ky_store_le64(at + 72, manifest->next_event);
    ky_store_le64(at + 80, manifest->last_sum);
    ky_store_le64(at + 88, manifest->highest_txid);
    ky_store_le64(at + 96, manifest->checkpoint_lsn);
    memcpy(at + 104, manifest->checkpoint_name, 64);
    ky_store_le64(at + 168, (uint64_t)manifest->created_us);
    ky_store_le32(at + 176, manifest->segment_count);
    ky_store_le32(at + 180, manifest->file_count);
    ky_store_le64(at + 184, manifest->history_event);
    uint8_t *entry = at + MANIFEST_FIXED_SIZE;
    for (uint32_t i = 0; i < manifest->segment_count; i++) {
        ky_store_le64(entry, manifest->segments[i].number);
        ky_store_le64(entry + 8, manifest->segments[i].end_offset);
        ky_store_le64(entry + 16, manifest->segments[i].first_event);
        ky_store_le32(entry + 24, manifest->segments[i].epoch);
        entry += MANIFEST_SEGMENT_SIZE;
    }
    (void)encode_files(manifest, entry);
    uint32_t crc = ky_crc32c(0, out->data + start, size - 4);
    ky_store_le32(at + size - 4, crc);
    return crc;
}

static ky_status
bad(struct ky_error *err, const char *path, const char *what)
{
    return ky_error_set(err, KY_DATA_CORRUPTED, "invalid manifest \"%s\": %s", path, what);
}

static const char *
segments_fault(const struct manifest *manifest)
{
    uint64_t previous = 0;
    for (uint32_t i = 0; i < manifest->segment_count; i++) {
        const struct manifest_segment *segment = &manifest->segments[i];
        if (segment->number <= previous ||
            segment->number > UINT64_MAX / manifest->segment_size - 1) {
            return "segments out of order";
        }
        if (segment->end_offset > manifest->segment_size) {
            return "a segment ends outside itself";
        }
        previous = segment->number;
    }
    return NULL;
}

static const char *
decode_file(const uint8_t *at, struct log_file *file_out)
{
    memcpy(file_out->name, at, 64);
    uint32_t kind = ky_load_le32(at + 64);
    file_out->kind = (enum log_file_kind)kind;
    file_out->size = ky_load_le64(at + 72);
    file_out->checksum = ky_load_le64(at + 80);
    file_out->info[0] = ky_load_le64(at + 88);
    file_out->info[1] = ky_load_le64(at + 96);
    if (kind != LOG_FILE_BASE && kind != LOG_FILE_CHECKPOINT) {
        return "unknown kind of file";
    }
    /* The name becomes part of a path: it must stay inside the data directory. */
    if (file_out->name[63] != '\0' || file_out->name[0] == '\0' || file_out->name[0] == '/' ||
        strstr(file_out->name, "..") != NULL) {
        return "bad name of a file";
    }
    return NULL;
}

/* What it allocates manifest_deinit frees, also after a fault. */
static const char *
decode_files(struct manifest *manifest, const uint8_t *at)
{
    const char *fault = NULL;
    manifest->files = calloc(KY_MAX(manifest->file_count, 1U), sizeof(*manifest->files));
    KY_ASSERT(manifest->files != NULL);
    for (uint32_t i = 0; i < manifest->file_count && fault == NULL; i++) {
        fault = decode_file(at + (size_t)i * MANIFEST_FILE_SIZE, &manifest->files[i]);
    }
    return fault;
}

/* The exact size of a manifest with these counts; 0 when they are out of bounds. */
static size_t
expected_size(size_t fixed_size, uint32_t segment_count, uint32_t file_count)
{
    if (segment_count > MANIFEST_SEGMENTS_MAX || file_count > MANIFEST_FILES_MAX) {
        return 0;
    }
    return fixed_size + (size_t)segment_count * MANIFEST_SEGMENT_SIZE +
           (size_t)file_count * MANIFEST_FILE_SIZE + MANIFEST_END_SIZE;
}

ky_status
manifest_decode(struct ky_slice bytes, const char *path, struct manifest *manifest_out,
                struct ky_error *err)
{
    const uint8_t *at = bytes.data;
    if (bytes.size < MANIFEST_FIXED_SIZE_0 + MANIFEST_END_SIZE ||
        ky_load_le32(at) != MANIFEST_MAGIC) {
        return bad(err, path, "not a manifest");
    }
    if (ky_load_le32(at + bytes.size - 4) != ky_crc32c(0, at, bytes.size - 4)) {
        return bad(err, path, "checksum does not match");
    }
    if (ky_load_le16(at + 4) != FORMAT_MAJOR ||
        (ky_load_le32(at + 16) & ~(uint32_t)INCOMPAT_FILES) != 0) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "manifest \"%s\" has format %u.%u, which this server cannot read", path,
                            ky_load_le16(at + 4), ky_load_le16(at + 6));
    }
    uint32_t count = ky_load_le32(at + 176);
    uint32_t file_count = ky_load_le32(at + 180);
    size_t fixed_size = ky_load_le16(at + 6) == 0 ? MANIFEST_FIXED_SIZE_0 : MANIFEST_FIXED_SIZE;
    if (ky_load_le32(at + 20) != bytes.size ||
        bytes.size != expected_size(fixed_size, count, file_count)) {
        return bad(err, path, "bad size");
    }
    struct manifest manifest = {
        .generation = ky_load_le64(at + 24),
        .prev_crc = ky_load_le32(at + 32),
        .epoch = ky_load_le32(at + 36),
        .segment_size = ky_load_le64(at + 56),
        .durable_lsn = ky_load_le64(at + 64),
        .next_event = ky_load_le64(at + 72),
        .last_sum = ky_load_le64(at + 80),
        .highest_txid = ky_load_le64(at + 88),
        .checkpoint_lsn = ky_load_le64(at + 96),
        .created_us = (int64_t)ky_load_le64(at + 168),
        .segment_count = count,
        .file_count = file_count,
        .history_event =
            fixed_size == MANIFEST_FIXED_SIZE ? ky_load_le64(at + MANIFEST_FIXED_SIZE_0) : 0,
    };
    memcpy(manifest.system_id, at + 40, 16);
    memcpy(manifest.checkpoint_name, at + 104, 64);
    if (manifest.segment_size == 0 || manifest.segment_size % 65536 != 0 || count == 0) {
        return bad(err, path, "bad segment size");
    }
    if (manifest.checkpoint_name[63] != '\0') {
        return bad(err, path, "bad checkpoint name");
    }
    manifest.segments = calloc(count, sizeof(*manifest.segments));
    KY_ASSERT(manifest.segments != NULL);
    const uint8_t *entry = at + fixed_size;
    for (uint32_t i = 0; i < count; i++) {
        manifest.segments[i] = (struct manifest_segment){
            .number = ky_load_le64(entry),
            .end_offset = ky_load_le64(entry + 8),
            .first_event = ky_load_le64(entry + 16),
            .epoch = ky_load_le32(entry + 24),
        };
        entry += MANIFEST_SEGMENT_SIZE;
    }
    const char *fault = segments_fault(&manifest);
    const char *files_fault = decode_files(&manifest, entry);
    fault = fault != NULL ? fault : files_fault;
    if (fault != NULL) {
        manifest_deinit(&manifest);
        return bad(err, path, fault);
    }
    *manifest_out = manifest;
    return KY_OK;
}

/* ------------------------------------------------------------------ CURRENT and FORMAT */

enum { NAME_SIZE = 32, CURRENT_SIZE_MAX = 64 };

static void
manifest_name(char name[NAME_SIZE], uint64_t generation)
{
    (void)snprintf(name, NAME_SIZE, "MANIFEST-%016" PRIx64, generation);
}

static int
current_line(char line[CURRENT_SIZE_MAX], uint64_t generation, uint32_t manifest_crc)
{
    char name[NAME_SIZE];
    manifest_name(name, generation);
    uint32_t crc = ky_crc32c(0, name, strlen(name));
    crc = ky_crc32c(crc, &manifest_crc, sizeof(manifest_crc));
    return snprintf(line, CURRENT_SIZE_MAX, "%s %08" PRIx32 "\n", name, crc);
}

/* What a directory without CURRENT holds that a log has once written. */
static void
find_manifest(void *arg, const char *name)
{
    bool *is_found = arg;
    uint64_t generation = 0;
    int used = 0;
    if (sscanf(name, "MANIFEST-%16" SCNx64 "%n", &generation, &used) == 1 && generation > 1 &&
        name[used] == '\0') {
        *is_found = true;
    }
}

/* Generation 1 without CURRENT is a directory whose making was interrupted: nothing is lost. */
static ky_status
check_nothing_lost(struct io *io, const char *dir, struct ky_error *err)
{
    bool is_found = false;
    struct ky_error listing = {0};
    if (io_list(io, dir, find_manifest, &is_found, &listing) != KY_OK) {
        if (listing.sqlstate == KY_UNDEFINED_FILE) {
            return KY_OK;
        }
        *err = listing;
        return KY_ERR;
    }
    if (is_found) {
        return ky_error_set(err, KY_DATA_CORRUPTED,
                            "data directory \"%s\" has manifests but no file CURRENT", dir);
    }
    return KY_OK;
}

static ky_status
check_format(struct io *io, const char *dir, struct ky_error *err)
{
    char *path = io_path(dir, "FORMAT");
    uint8_t *text = NULL;
    size_t size = 0;
    ky_status status = io_read_file(io, path, 4096, &text, &size, err);
    if (status == KY_OK && !ky_slice_is(ky_slice(text, size), FORMAT_TEXT) &&
        !ky_slice_is(ky_slice(text, size), FORMAT_TEXT_0)) {
        status = ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                              "file \"%s\" names a format that this server cannot read", path);
        (void)ky_error_detail(err, "Expected: %.*s.", (int)sizeof(FORMAT_TEXT) - 2, FORMAT_TEXT);
    } else if (status != KY_OK && err->sqlstate == KY_UNDEFINED_FILE) {
        status = ky_error_set(err, KY_DATA_CORRUPTED, "file \"%s\" is missing", path);
    }
    free(text);
    free(path);
    return status;
}

/* Reads the line of CURRENT; the generation it names. Its check comes with the manifest. */
static ky_status
read_current(struct io *io, const char *path, char line_out[CURRENT_SIZE_MAX],
             uint64_t *generation_out, struct ky_error *err)
{
    uint8_t *text = NULL;
    size_t size = 0;
    KY_TRY(io_read_file(io, path, CURRENT_SIZE_MAX - 1, &text, &size, err));
    memset(line_out, 0, CURRENT_SIZE_MAX);
    memcpy(line_out, text, size);
    free(text);
    if (sscanf(line_out, "MANIFEST-%16" SCNx64 " ", generation_out) != 1) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "file \"%s\" names no manifest", path);
    }
    return KY_OK;
}

static ky_status
read_named(struct io *io, const char *dir, const char *current_path, const char *line,
           uint64_t generation, struct manifest *manifest_out, uint32_t *crc_out,
           struct ky_error *err)
{
    char name[NAME_SIZE];
    manifest_name(name, generation);
    char *path = io_path(dir, name);
    uint8_t *bytes = NULL;
    size_t size = 0;
    size_t size_max = expected_size(MANIFEST_FIXED_SIZE, MANIFEST_SEGMENTS_MAX, MANIFEST_FILES_MAX);
    ky_status status = io_read_file(io, path, size_max, &bytes, &size, err);
    if (status != KY_OK && err->sqlstate == KY_UNDEFINED_FILE) {
        status = ky_error_set(err, KY_DATA_CORRUPTED,
                              "file \"%s\" names \"%s\", which does not exist", current_path, path);
    }
    if (status == KY_OK) {
        status = manifest_decode(ky_slice(bytes, size), path, manifest_out, err);
    }
    if (status == KY_OK) {
        char expected[CURRENT_SIZE_MAX] = {0};
        *crc_out = ky_load_le32(bytes + size - 4);
        (void)current_line(expected, generation, *crc_out);
        if (manifest_out->generation != generation ||
            memcmp(expected, line, CURRENT_SIZE_MAX) != 0) {
            manifest_deinit(manifest_out);
            status = ky_error_set(err, KY_DATA_CORRUPTED,
                                  "file \"%s\" does not match manifest \"%s\"", current_path, path);
        }
    }
    free(bytes);
    free(path);
    return status;
}

ky_status
manifest_read(struct io *io, const char *dir, bool *exists_out, struct manifest *manifest_out,
              uint32_t *crc_out, struct ky_error *err)
{
    char *path = io_path(dir, "CURRENT");
    char line[CURRENT_SIZE_MAX];
    uint64_t generation = 0;
    ky_status status = read_current(io, path, line, &generation, err);
    bool exists = true;
    if (status != KY_OK && err->sqlstate == KY_UNDEFINED_FILE) {
        exists = false;
        status = check_nothing_lost(io, dir, err);
    } else if (status == KY_OK) {
        status = check_format(io, dir, err);
        if (status == KY_OK) {
            status = read_named(io, dir, path, line, generation, manifest_out, crc_out, err);
        }
    }
    free(path);
    if (status == KY_OK) {
        *exists_out = exists;
    }
    return status;
}

ky_status
manifest_write_format(struct io *io, const char *dir, struct ky_error *err)
{
    char *temp_path = io_path(dir, "FORMAT.tmp");
    char *path = io_path(dir, "FORMAT");
    ky_status status =
        io_replace_file(io, temp_path, path, ky_slice(FORMAT_TEXT, sizeof(FORMAT_TEXT) - 1), err);
    free(temp_path);
    free(path);
    return status;
}

/* ------------------------------------------------------------------ the switch */

/* The manifest's own bytes, durable under its final name. */
static ky_status
write_manifest(struct io *io, const char *dir, const struct manifest *manifest, uint32_t *crc_out,
               struct ky_error *err)
{
    char name[NAME_SIZE];
    manifest_name(name, manifest->generation);
    char *path = io_path(dir, name);
    struct ky_buffer bytes = {0};
    *crc_out = manifest_encode(manifest, &bytes);
    struct io_file *file = NULL;
    ky_status status = io_open(io, path, IO_WRITE | IO_CREATE | IO_TRUNCATE, &file, err);
    if (status == KY_OK) {
        status = io_write_bytes_at(file, 0, bytes.data, bytes.size, err);
        if (status == KY_OK) {
            status = io_sync(file, err);
        }
        io_close(file);
    }
    if (status == KY_OK) {
        status = io_sync_dir(io, dir, err);
    }
    if (status != KY_OK) {
        struct ky_error ignored = {0};
        ky_status removed = io_unlink(io, path, &ignored);
        (void)removed;
    }
    ky_buffer_deinit(&bytes);
    free(path);
    return status;
}

static void
remove_manifest(struct io *io, const char *dir, uint64_t generation)
{
    char name[NAME_SIZE];
    manifest_name(name, generation);
    char *path = io_path(dir, name);
    struct ky_error ignored = {0};
    /* Left behind it costs a few hundred bytes; no reader looks at it. */
    ky_status removed = io_unlink(io, path, &ignored);
    (void)removed;
    free(path);
}

ky_status
manifest_install(struct io *io, const char *dir, const struct manifest *manifest, uint32_t *crc_out,
                 bool *is_unknown_out, struct ky_error *err)
{
    uint32_t crc = 0;
    *is_unknown_out = false;
    if (write_manifest(io, dir, manifest, &crc, err) != KY_OK) {
        *is_unknown_out = err->sqlstate != KY_DISK_FULL;
        return KY_ERR;
    }
    failpoint("manifest-written");
    char line[CURRENT_SIZE_MAX];
    int size = current_line(line, manifest->generation, crc);
    char *temp_path = io_path(dir, "CURRENT.tmp");
    char *path = io_path(dir, "CURRENT");
    ky_status status = io_replace_file(io, temp_path, path, ky_slice(line, (size_t)size), err);
    if (status != KY_OK) {
        *is_unknown_out = err->sqlstate != KY_DISK_FULL;
    } else {
        status = io_sync_dir(io, dir, err);
        *is_unknown_out = status != KY_OK;
    }
    free(temp_path);
    free(path);
    KY_TRY(status);
    failpoint("manifest-switched");
    if (manifest->generation > 2) {
        remove_manifest(io, dir, manifest->generation - 2);
    }
    *crc_out = crc;
    return KY_OK;
}

ky_status
log_read_manifest(struct io *io, const char *dir, struct log_manifest_info *info_out,
                  struct ky_error *err)
{
    struct manifest manifest = {0};
    uint32_t crc = 0;
    bool exists = false;
    KY_TRY(manifest_read(io, dir, &exists, &manifest, &crc, err));
    *info_out = (struct log_manifest_info){.exists = exists};
    if (exists) {
        info_out->checkpoint_lsn = manifest.checkpoint_lsn;
        memcpy(info_out->checkpoint_name, manifest.checkpoint_name, 64);
        memcpy(info_out->system_id, manifest.system_id, 16);
        info_out->segment_size = manifest.segment_size;
        info_out->files = manifest.files;
        info_out->file_count = manifest.file_count;
        manifest.files = NULL;
        manifest_deinit(&manifest);
    }
    return KY_OK;
}

void
log_manifest_info_deinit(struct log_manifest_info *info)
{
    free(info->files);
    *info = (struct log_manifest_info){0};
}
