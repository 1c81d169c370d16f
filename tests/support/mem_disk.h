/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "storage/io/io.h"

/*
 * A file system in memory that can fail and crash. It remembers what was written but not synced,
 * file contents in sectors of 512 bytes and directory entries one by one, and a crash keeps any
 * part of that. Shared, guarded by its own lock. Maps are the file's memory itself: a file does
 * not grow while it is mapped.
 */
struct mem_disk;

struct mem_disk *mem_disk_new(void);
/* Every file must be closed and every map unmapped. */
void mem_disk_free(struct mem_disk *disk);
struct io *mem_disk_io(struct mem_disk *disk);

/* ------------------------------------------------------------------ faults */

enum mem_fault {
    MEM_FAULT_NONE,
    MEM_FAULT_ERROR,       /* the call fails with error and does nothing */
    MEM_FAULT_TORN,        /* a write does half of its work, then fails with error */
    MEM_FAULT_SHORT,       /* a write does half of its work and says so; other calls: nothing odd */
    MEM_FAULT_INTERRUPTED, /* EINTR once, for reads and writes; other calls: nothing odd */
    MEM_FAULT_POWER,       /* this call and all later ones fail and do nothing, until the crash */
};

/* The call number at (from 1, counted since the last mem_disk_fault) gets the fault. Reads, sizes,
 * maps, lists and closes are not counted: they change nothing that a crash could lose. */
void mem_disk_fault(struct mem_disk *disk, enum mem_fault fault, int error, uint64_t at);
/* Calls counted since the last mem_disk_fault. */
uint64_t mem_disk_calls(struct mem_disk *disk);
bool mem_disk_fault_hit(struct mem_disk *disk);
/* Bytes that files may hold together; writes and reserves above fail with ENOSPC. 0: no limit. */
void mem_disk_limit(struct mem_disk *disk, uint64_t bytes);

/* ------------------------------------------------------------------ crashes */

enum mem_crash {
    MEM_CRASH_KEEP_ALL, /* only the process died */
    MEM_CRASH_DROP_ALL, /* nothing unsynced arrived */
    MEM_CRASH_RANDOM,   /* each unsynced sector and directory entry by a coin */
};
/* Ends the power fault. Every file must be closed and every map unmapped. */
void mem_disk_crash(struct mem_disk *disk, enum mem_crash crash, uint64_t seed);

/* ------------------------------------------------------------------ looking inside */

/* The bytes of a file as they are; NULL when there is none. Valid until it changes size. */
uint8_t *mem_disk_bytes(struct mem_disk *disk, const char *path, uint64_t *size_out);
/* An independent copy with everything as if synced; nothing may be open. */
struct mem_disk *mem_disk_copy(struct mem_disk *disk);
/* Calls entry for every path of a file. */
void mem_disk_each_file(struct mem_disk *disk, void (*entry)(void *arg, const char *path),
                        void *arg);
