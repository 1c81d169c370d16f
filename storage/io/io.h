/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "server/base/error.h"
#include "server/base/slice.h"

/*
 * All file access of storage. A file system is a table of primitives (struct io_ops) that
 * answer 0 or a count, or -errno, like system calls: writes may be short, calls may be
 * interrupted. The functions below loop, and turn a failure into an error with the path in it:
 * 53100 disk full, 58P01 no such file, 58P02 exists, 55006 locked, otherwise 58030.
 *
 * Threads: any. Writes to one range of one file from two threads are the caller's bug.
 */
struct io;
struct io_file;

enum {
    IO_READ = 0,      /* read only */
    IO_WRITE = 1,     /* read and write */
    IO_CREATE = 2,    /* make it if it is missing */
    IO_TRUNCATE = 4,  /* drop what it holds */
    IO_EXCLUSIVE = 8, /* with IO_CREATE: it must not exist */
};

typedef void (*io_list_entry)(void *arg, const char *name);

struct io_ops {
    int (*open)(struct io *io, const char *path, unsigned flags, struct io_file **file_out);
    int (*close)(struct io_file *file);
    int64_t (*size)(struct io_file *file);
    int64_t (*write_at)(struct io_file *file, uint64_t offset, const struct iovec *parts,
                        int part_count);
    int64_t (*read_at)(struct io_file *file, uint64_t offset, void *out, size_t size);
    int (*reserve)(struct io_file *file,
                   uint64_t size); /* blocks for size bytes; may be -EOPNOTSUPP */
    int (*truncate)(struct io_file *file, uint64_t size);
    int (*sync)(struct io_file *file); /* data and what is needed to find it */
    /* Has written bytes go to the device and waits for it; proves nothing. May be -EOPNOTSUPP. */
    int (*write_out)(struct io_file *file, uint64_t offset, uint64_t size);
    int (*map)(struct io_file *file, size_t size,
               const uint8_t **bytes_out); /* shared, read only */
    void (*unmap)(struct io *io, const uint8_t *bytes, size_t size);
    int (*lock)(struct io_file *file); /* exclusive until close; -EAGAIN when held elsewhere */
    int (*rename)(struct io *io, const char *from, const char *to); /* replaces */
    int (*unlink)(struct io *io, const char *path);
    int (*make_dir)(struct io *io, const char *path);
    int (*remove_dir)(struct io *io, const char *path);
    int (*sync_dir)(struct io *io, const char *path);
    int (*list)(struct io *io, const char *path, io_list_entry entry, void *arg);
};

/* The head of an implementation's own structs. */
struct io {
    const struct io_ops *ops;
};

struct io_file {
    struct io *io;
    char *path; /* owned; for messages */
};

/* The machine's file system; never freed. */
struct io *io_disk(void);

KY_MUST_CHECK ky_status io_open(struct io *io, const char *path, unsigned flags,
                                struct io_file **file_out, struct ky_error *err);
/* Ignores a failure: whoever needs to know has synced. NULL is allowed. */
void io_close(struct io_file *file);
KY_MUST_CHECK ky_status io_size(struct io_file *file, uint64_t *size_out, struct ky_error *err);

/* Writes all parts one after the other at offset; part_count of any size. On failure any of the
 * bytes may have been written. */
KY_MUST_CHECK ky_status io_write_at(struct io_file *file, uint64_t offset,
                                    const struct iovec *parts, size_t part_count,
                                    struct ky_error *err);
KY_MUST_CHECK ky_status io_write_bytes_at(struct io_file *file, uint64_t offset, const void *data,
                                          size_t size, struct ky_error *err);
/* The same a piece at a time, each of which is with the device before the next is written: for
 * large files, whose dirty pages a sync of another file would have to wait for. Durable after
 * io_sync. */
KY_MUST_CHECK ky_status io_write_paced(struct io_file *file, uint64_t offset, const void *data,
                                       size_t size, struct ky_error *err);
/* Reads exactly size bytes; a file that ends before is XX001. */
KY_MUST_CHECK ky_status io_read_at(struct io_file *file, uint64_t offset, void *out, size_t size,
                                   struct ky_error *err);
/* Makes the file size bytes of really written zeros, so that later writes change no metadata;
 * paced. */
KY_MUST_CHECK ky_status io_fill_zeros(struct io_file *file, uint64_t size, struct ky_error *err);
KY_MUST_CHECK ky_status io_truncate(struct io_file *file, uint64_t size, struct ky_error *err);
/* fdatasync. After a failure nothing written to the file since the last success is known. */
KY_MUST_CHECK ky_status io_sync(struct io_file *file, struct ky_error *err);

/* Maps the first size bytes; later writes through the file show in the map. */
KY_MUST_CHECK ky_status io_map(struct io_file *file, size_t size, const uint8_t **bytes_out,
                               struct ky_error *err);
void io_unmap(struct io *io, const uint8_t *bytes, size_t size);

KY_MUST_CHECK ky_status io_rename(struct io *io, const char *from, const char *to,
                                  struct ky_error *err);
/* A missing file is not an error. */
KY_MUST_CHECK ky_status io_unlink(struct io *io, const char *path, struct ky_error *err);
/* An existing directory is not an error. */
KY_MUST_CHECK ky_status io_make_dir(struct io *io, const char *path, struct ky_error *err);
/* Must be empty; a missing one is not an error. */
KY_MUST_CHECK ky_status io_remove_dir(struct io *io, const char *path, struct ky_error *err);
/* Makes creations, renames and removals in the directory durable. */
KY_MUST_CHECK ky_status io_sync_dir(struct io *io, const char *path, struct ky_error *err);
/* Calls entry for each name but . and ..; entry must not change the directory. */
KY_MUST_CHECK ky_status io_list(struct io *io, const char *path, io_list_entry entry, void *arg,
                                struct ky_error *err);

/* Whole small files. bytes_out is malloc'd and the caller's; a file above size_max is XX001. */
KY_MUST_CHECK ky_status io_read_file(struct io *io, const char *path, size_t size_max,
                                     uint8_t **bytes_out, size_t *size_out, struct ky_error *err);
/* Writes temp_path, syncs it, renames it to path. The caller syncs the directory. */
KY_MUST_CHECK ky_status io_replace_file(struct io *io, const char *temp_path, const char *path,
                                        struct ky_slice bytes, struct ky_error *err);

/**
 * Takes dir/LOCK for this process, making dir and the file if they are missing, and writes pid and
 * host into it. 55006 when another process (or another open in this one) has it. Close to release.
 */
KY_MUST_CHECK ky_status io_lock_dir(struct io *io, const char *dir, struct io_file **lock_out,
                                    struct ky_error *err);

/* dir + "/" + name, malloc'd. */
char *io_path(const char *dir, const char *name);
