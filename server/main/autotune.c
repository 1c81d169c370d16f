/* SPDX-License-Identifier: Apache-2.0 */
#include "server/main/autotune.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/compiler.h"
#include "server/base/cpu.h"

enum { PROBE_COUNT = 9, PROBE_SIZE = 4096 };

static int
compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Median time of writing 4 KiB over itself and syncing it; -1 when the directory cannot tell. */
static int64_t
measure_sync_us(const char *data_dir)
{
    char path[4096];
    char block[PROBE_SIZE] = {0};
    int64_t times[PROBE_COUNT];
    (void)snprintf(path, sizeof(path), "%s/sync-probe.XXXXXX", data_dir);
    int file = mkstemp(path);
    if (file < 0) {
        return -1;
    }
    (void)unlink(path);
    for (int i = 0; i < PROBE_COUNT; i++) {
        int64_t begin_ns = ky_monotonic_ns();
        if (pwrite(file, block, sizeof(block), 0) != PROBE_SIZE || fdatasync(file) != 0) {
            (void)close(file);
            return -1;
        }
        times[i] = (ky_monotonic_ns() - begin_ns) / 1000;
    }
    (void)close(file);
    qsort(times, PROBE_COUNT, sizeof(times[0]), compare_times);
    return times[PROBE_COUNT / 2];
}

static uint64_t
clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

void
autotune_choose(struct autotune *tune, const char *data_dir, uint64_t memory_wanted,
                uint64_t vector_memory_wanted, int workers_wanted, uint64_t wal_trigger_wanted)
{
    uint64_t machine = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    const uint64_t mebibyte = 1024 * 1024;
    tune->memory = memory_wanted != 0 ? memory_wanted : machine / 2;
    tune->vector_memory = vector_memory_wanted != 0 ? vector_memory_wanted : machine / 2;
    tune->work_mem = clamp(tune->memory / 64, 4 * mebibyte, 1024 * mebibyte);
    tune->wal_trigger = wal_trigger_wanted;
    /* Two beyond the cores: a statement that sleeps or reads a cold row holds its worker. */
    tune->workers = workers_wanted != 0 ? workers_wanted : ky_cpu()->core_count + 2;
    tune->sync_us = measure_sync_us(data_dir);
    (void)snprintf(
        tune->text, sizeof(tune->text),
        "memory=%lluMB (%s of %lluMB) work_mem=%lluMB (memory/64) workers=%d (%s, %d "
        "cores) checkpoint after %lluMB of log; one sync measured at start: %lld us",
        (unsigned long long)(tune->memory / mebibyte), memory_wanted != 0 ? "as told" : "half",
        (unsigned long long)(machine / mebibyte), (unsigned long long)(tune->work_mem / mebibyte),
        tune->workers, workers_wanted != 0 ? "as told" : "cores + 2", ky_cpu()->core_count,
        (unsigned long long)(tune->wal_trigger / mebibyte), (long long)tune->sync_us);
}
