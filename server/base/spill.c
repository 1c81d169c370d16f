/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/metric.h"

/*
 * The file is a row of regions, each mapped by itself. A freed region gives its blocks back to the
 * file system and its place is used again. A region that has been filled (another one is asked
 * for) is sent on its way to the disk and unmapped from the process's view of it, so that it does
 * not count as resident; touching it maps it again.
 */
KY_METRIC(metric_files, "kyrodb_temp_files_total", NULL, KY_COUNTER,
          "Temporary files made by statements that went beyond work_mem.")
KY_METRIC(metric_bytes, "kyrodb_temp_bytes_total", NULL, KY_COUNTER, "Bytes of temporary files.")

enum { SPILL_PAGE = 4096 };

struct ky_spill_region {
    void *memory; /* NULL: free */
    uint64_t offset;
    uint64_t size;
};

void
ky_spill_init(struct ky_spill *spill, const char *dir, uint64_t work_mem, uint64_t limit)
{
    *spill = (struct ky_spill){.dir = dir, .work_mem = work_mem, .limit = limit, .fd = -1};
}

void
ky_spill_deinit(struct ky_spill *spill)
{
    if (spill->dir == NULL) {
        return;
    }
    for (uint32_t i = 0; i < spill->region_count; i++) {
        if (spill->regions[i].memory != NULL) {
            (void)munmap(spill->regions[i].memory, spill->regions[i].size);
        }
    }
    if (spill->fd >= 0) {
        (void)close(spill->fd);
    }
    ky_free(spill->regions);
    ky_free(spill->failure);
    *spill = (struct ky_spill){.fd = -1};
}

/* What failed is told at the next check; the caller takes the heap meanwhile. */
static struct ky_error *
failure_new(struct ky_spill *spill)
{
    spill->failure = ky_malloc(sizeof(*spill->failure));
    ky_error_init(spill->failure);
    return spill->failure;
}

static void *
fail(struct ky_spill *spill, int error)
{
    if (spill->failure != NULL) {
        return NULL;
    }
    (void)ky_error_set_errno(failure_new(spill),
                             error == ENOSPC || error == EDQUOT ? KY_DISK_FULL : KY_IO_ERROR, error,
                             "could not write to temporary file");
    return NULL;
}

static bool
make_file(struct ky_spill *spill)
{
    spill->fd = open(spill->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (spill->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        char path[4096];
        (void)snprintf(path, sizeof(path), "%s/spill-XXXXXX", spill->dir);
        spill->fd = mkostemp(path, O_CLOEXEC);
        if (spill->fd >= 0) {
            (void)unlink(path);
        }
    }
    if (spill->fd >= 0) {
        ky_metric_add(&metric_files, 1);
    }
    return spill->fd >= 0;
}

/* A free place that fits well enough, or one at the file's end. */
static struct ky_spill_region *
take_region(struct ky_spill *spill, uint64_t size)
{
    for (uint32_t i = 0; i < spill->region_count; i++) {
        struct ky_spill_region *region = &spill->regions[i];
        if (region->memory == NULL && region->size == size) {
            return region;
        }
    }
    if (spill->region_count == spill->region_capacity) {
        spill->region_capacity = KY_MAX(16, spill->region_capacity * 2);
        spill->regions =
            ky_realloc(spill->regions, spill->region_capacity * sizeof(*spill->regions));
    }
    struct ky_spill_region *region = &spill->regions[spill->region_count++];
    *region = (struct ky_spill_region){.offset = spill->file_size, .size = size};
    spill->file_size += size;
    return region;
}

/* The region made last is full by now. */
static void
send_away(struct ky_spill *spill)
{
    for (uint32_t i = spill->region_count; i > 0; i--) {
        const struct ky_spill_region *region = &spill->regions[i - 1];
        if (region->memory != NULL) {
            (void)sync_file_range(spill->fd, (off64_t)region->offset, (off64_t)region->size,
                                  SYNC_FILE_RANGE_WRITE);
            (void)madvise(region->memory, region->size, MADV_DONTNEED);
            return;
        }
    }
}

void *
ky_spill_alloc(struct ky_spill *spill, size_t wanted)
{
    const uint64_t size = ky_align_up(wanted, SPILL_PAGE);
    if (spill->failure != NULL) {
        return NULL;
    }
    if (size > spill->limit - KY_MIN(spill->used, spill->limit)) {
        (void)ky_error_set(failure_new(spill), KY_CONFIGURATION_LIMIT_EXCEEDED,
                           "temporary file size exceeds temp_file_limit (%" PRIu64 "kB)",
                           spill->limit / 1024);
        return NULL;
    }
    if (spill->fd < 0 && !make_file(spill)) {
        return fail(spill, errno);
    }
    send_away(spill);
    struct ky_spill_region *region = take_region(spill, size);
    const int error = posix_fallocate(spill->fd, (off_t)region->offset, (off_t)size);
    if (error != 0) {
        return fail(spill, error);
    }
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, spill->fd, (off_t)region->offset);
    if (memory == MAP_FAILED) {
        return fail(spill, errno);
    }
    region->memory = memory;
    spill->used += size;
    spill->peak = KY_MAX(spill->peak, spill->used);
    ky_metric_add(&metric_bytes, (int64_t)size);
    return memory;
}

bool
ky_spill_free(struct ky_spill *spill, void *memory)
{
    for (uint32_t i = spill->region_count; i > 0; i--) {
        struct ky_spill_region *region = &spill->regions[i - 1];
        if (memory != NULL && region->memory == memory) {
            (void)munmap(memory, region->size);
            /* Best effort: the place is used again either way. */
            (void)fallocate(spill->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                            (off_t)region->offset, (off_t)region->size);
            region->memory = NULL;
            spill->used -= region->size;
            return true;
        }
    }
    return false;
}

ky_status
ky_spill_check(const struct ky_spill *spill, struct ky_error *err)
{
    if (spill->failure != NULL) {
        *err = *spill->failure;
        return KY_ERR;
    }
    return KY_OK;
}

uint64_t
ky_spill_files(void)
{
    return (uint64_t)atomic_load_explicit(&metric_files.value, memory_order_relaxed);
}

uint64_t
ky_spill_bytes(void)
{
    return (uint64_t)atomic_load_explicit(&metric_bytes.value, memory_order_relaxed);
}
