/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/io/io.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/assert.h"

/*
 * The half of file access that is the same on every file system: loops over short and
 * interrupted calls, and errors with names. The primitives below it are a table so that a test
 * disk can fail any of them; therefore nothing here calls the operating system for files.
 */
enum {
    PACED_SIZE = 256 * 1024, /* a write of the log waits for one at most */
    ZERO_CHUNK_SIZE = 1024 * 1024,
    PARTS_MAX = 1024,
    RETRY_MAX = 1000
};

static ky_status
fail(struct ky_error *err, int negative, const char *verb, const char *path)
{
    int number = -negative;
    enum ky_sqlstate state = KY_IO_ERROR;
    if (number == ENOSPC || number == EDQUOT) {
        state = KY_DISK_FULL;
    } else if (number == ENOENT) {
        state = KY_UNDEFINED_FILE;
    } else if (number == EEXIST) {
        state = KY_DUPLICATE_FILE;
    }
    return ky_error_set_errno(err, state, number, "could not %s file \"%s\"", verb, path);
}

ky_status
io_open(struct io *io, const char *path, unsigned flags, struct io_file **file_out,
        struct ky_error *err)
{
    struct io_file *file = NULL;
    int result = io->ops->open(io, path, flags, &file);
    if (result < 0) {
        return fail(err, result, (flags & IO_CREATE) != 0 ? "create" : "open", path);
    }
    *file_out = file;
    return KY_OK;
}

void
io_close(struct io_file *file)
{
    if (file != NULL) {
        (void)file->io->ops->close(file);
    }
}

ky_status
io_size(struct io_file *file, uint64_t *size_out, struct ky_error *err)
{
    int64_t size = file->io->ops->size(file);
    if (size < 0) {
        return fail(err, (int)size, "stat", file->path);
    }
    *size_out = (uint64_t)size;
    return KY_OK;
}

/* One primitive write that is retried while it is interrupted. */
static int64_t
write_some(struct io_file *file, uint64_t offset, const struct iovec *parts, int part_count)
{
    for (int tries = 0; tries < RETRY_MAX; tries++) {
        int64_t written = file->io->ops->write_at(file, offset, parts, part_count);
        if (written != -EINTR) {
            return written == 0 ? -EIO : written;
        }
    }
    return -EINTR;
}

ky_status
io_write_at(struct io_file *file, uint64_t offset, const struct iovec *parts, size_t part_count,
            struct ky_error *err)
{
    struct iovec window[PARTS_MAX];
    size_t next = 0; /* part that the window starts with */
    size_t skip = 0; /* bytes of it that are written */
    while (next < part_count) {
        int count = 0;
        for (size_t i = next; i < part_count && count < PARTS_MAX; i++) {
            window[count++] = parts[i];
        }
        window[0].iov_base = (char *)window[0].iov_base + skip;
        window[0].iov_len -= skip;
        if (window[0].iov_len == 0) {
            next++;
            skip = 0;
            continue;
        }
        int64_t written = write_some(file, offset, window, count);
        if (written < 0) {
            return fail(err, (int)written, "write", file->path);
        }
        offset += (uint64_t)written;
        size_t left = (size_t)written;
        while (left > 0) {
            size_t rest = parts[next].iov_len - skip;
            if (left < rest) {
                skip += left;
                break;
            }
            left -= rest;
            next++;
            skip = 0;
        }
    }
    return KY_OK;
}

ky_status
io_write_bytes_at(struct io_file *file, uint64_t offset, const void *data, size_t size,
                  struct ky_error *err)
{
    /* iovec is not const; a write does not change what it points to. */
    union {
        const void *from;
        void *to;
    } cast = {.from = data};
    struct iovec part = {.iov_base = cast.to, .iov_len = size};
    return io_write_at(file, offset, &part, 1, err);
}

ky_status
io_write_paced(struct io_file *file, uint64_t offset, const void *data, size_t size,
               struct ky_error *err)
{
    const uint8_t *from = data;
    while (size > 0) {
        const size_t piece = KY_MIN(size, (size_t)PACED_SIZE);
        KY_TRY(io_write_bytes_at(file, offset, from, piece, err));
        int result = file->io->ops->write_out(file, offset, piece);
        if (result < 0 && result != -EOPNOTSUPP && result != -ENOSYS && result != -EINVAL &&
            result != -EINTR) {
            return fail(err, result, "write", file->path);
        }
        from += piece;
        offset += piece;
        size -= piece;
    }
    return KY_OK;
}

ky_status
io_read_at(struct io_file *file, uint64_t offset, void *out, size_t size, struct ky_error *err)
{
    uint8_t *to = out;
    int tries = 0;
    while (size > 0) {
        int64_t got = file->io->ops->read_at(file, offset, to, size);
        if (got == -EINTR && tries++ < RETRY_MAX) {
            continue;
        }
        if (got < 0) {
            return fail(err, (int)got, "read", file->path);
        }
        if (got == 0) {
            return ky_error_set(err, KY_DATA_CORRUPTED,
                                "file \"%s\" ends at offset %llu, %zu bytes too early", file->path,
                                (unsigned long long)offset, size);
        }
        to += got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return KY_OK;
}

ky_status
io_fill_zeros(struct io_file *file, uint64_t size, struct ky_error *err)
{
    int result = file->io->ops->reserve(file, size);
    for (int tries = 0; result == -EINTR && tries < RETRY_MAX; tries++) {
        result = file->io->ops->reserve(file, size);
    }
    if (result < 0 && result != -EOPNOTSUPP && result != -ENOSYS && result != -EINVAL) {
        return fail(err, result, "extend", file->path);
    }
    size_t chunk_size = (size_t)KY_MIN(size, (uint64_t)ZERO_CHUNK_SIZE);
    uint8_t *zeros = calloc(1, chunk_size + 1);
    KY_ASSERT(zeros != NULL);
    ky_status status = KY_OK;
    for (uint64_t offset = 0; offset < size && status == KY_OK; offset += chunk_size) {
        size_t part = (size_t)KY_MIN(size - offset, (uint64_t)chunk_size);
        status = io_write_paced(file, offset, zeros, part, err);
    }
    free(zeros);
    return status;
}

ky_status
io_truncate(struct io_file *file, uint64_t size, struct ky_error *err)
{
    int result = file->io->ops->truncate(file, size);
    return result < 0 ? fail(err, result, "truncate", file->path) : KY_OK;
}

ky_status
io_sync(struct io_file *file, struct ky_error *err)
{
    /* Not repeated, not even after EINTR: a failed sync may have dropped the dirty pages. */
    int result = file->io->ops->sync(file);
    return result < 0 ? fail(err, result, "sync", file->path) : KY_OK;
}

ky_status
io_map(struct io_file *file, size_t size, const uint8_t **bytes_out, struct ky_error *err)
{
    uint64_t file_size = 0;
    KY_TRY(io_size(file, &file_size, err));
    if (file_size < size) {
        return ky_error_set(err, KY_DATA_CORRUPTED,
                            "file \"%s\" has %llu bytes where %zu are expected", file->path,
                            (unsigned long long)file_size, size);
    }
    int result = file->io->ops->map(file, size, bytes_out);
    return result < 0 ? fail(err, result, "map", file->path) : KY_OK;
}

void
io_unmap(struct io *io, const uint8_t *bytes, size_t size)
{
    if (bytes != NULL) {
        io->ops->unmap(io, bytes, size);
    }
}

ky_status
io_rename(struct io *io, const char *from, const char *to, struct ky_error *err)
{
    int result = io->ops->rename(io, from, to);
    return result < 0 ? fail(err, result, "rename", from) : KY_OK;
}

ky_status
io_unlink(struct io *io, const char *path, struct ky_error *err)
{
    int result = io->ops->unlink(io, path);
    return result < 0 && result != -ENOENT ? fail(err, result, "remove", path) : KY_OK;
}

static ky_status
fail_dir(struct ky_error *err, int negative, const char *verb, const char *path)
{
    enum ky_sqlstate state =
        negative == -ENOSPC || negative == -EDQUOT ? KY_DISK_FULL : KY_IO_ERROR;
    state = negative == -ENOENT ? KY_UNDEFINED_FILE : state;
    return ky_error_set_errno(err, state, -negative, "could not %s directory \"%s\"", verb, path);
}

ky_status
io_make_dir(struct io *io, const char *path, struct ky_error *err)
{
    int result = io->ops->make_dir(io, path);
    return result < 0 && result != -EEXIST ? fail_dir(err, result, "create", path) : KY_OK;
}

ky_status
io_remove_dir(struct io *io, const char *path, struct ky_error *err)
{
    int result = io->ops->remove_dir(io, path);
    return result < 0 && result != -ENOENT ? fail_dir(err, result, "remove", path) : KY_OK;
}

ky_status
io_sync_dir(struct io *io, const char *path, struct ky_error *err)
{
    int result = io->ops->sync_dir(io, path);
    return result < 0 ? fail_dir(err, result, "sync", path) : KY_OK;
}

ky_status
io_list(struct io *io, const char *path, io_list_entry entry, void *arg, struct ky_error *err)
{
    int result = io->ops->list(io, path, entry, arg);
    return result < 0 ? fail_dir(err, result, "list", path) : KY_OK;
}

ky_status
io_read_file(struct io *io, const char *path, size_t size_max, uint8_t **bytes_out,
             size_t *size_out, struct ky_error *err)
{
    struct io_file *file = NULL;
    KY_TRY(io_open(io, path, IO_READ, &file, err));
    uint64_t size = 0;
    uint8_t *bytes = NULL;
    ky_status status = io_size(file, &size, err);
    if (status == KY_OK && size > size_max) {
        status = ky_error_set(err, KY_DATA_CORRUPTED, "file \"%s\" is too large (%llu bytes)", path,
                              (unsigned long long)size);
    }
    if (status == KY_OK) {
        bytes = malloc((size_t)size + 1);
        KY_ASSERT(bytes != NULL);
        status = io_read_at(file, 0, bytes, (size_t)size, err);
    }
    io_close(file);
    if (status != KY_OK) {
        free(bytes);
        return KY_ERR;
    }
    bytes[size] = 0;
    *bytes_out = bytes;
    *size_out = (size_t)size;
    return KY_OK;
}

ky_status
io_replace_file(struct io *io, const char *temp_path, const char *path, struct ky_slice bytes,
                struct ky_error *err)
{
    struct io_file *file = NULL;
    KY_TRY(io_open(io, temp_path, IO_WRITE | IO_CREATE | IO_TRUNCATE, &file, err));
    ky_status status = io_write_bytes_at(file, 0, bytes.data, bytes.size, err);
    if (status == KY_OK) {
        status = io_sync(file, err);
    }
    io_close(file);
    KY_TRY(status);
    return io_rename(io, temp_path, path, err);
}

ky_status
io_lock_dir(struct io *io, const char *dir, struct io_file **lock_out, struct ky_error *err)
{
    KY_TRY(io_make_dir(io, dir, err));
    char *path = io_path(dir, "LOCK");
    struct io_file *file = NULL;
    ky_status status = io_open(io, path, IO_WRITE | IO_CREATE, &file, err);
    free(path);
    KY_TRY(status);
    int result = io->ops->lock(file);
    if (result < 0) {
        status = result == -EAGAIN || result == -EACCES
                     ? ky_error_set(err, KY_OBJECT_IN_USE,
                                    "data directory \"%s\" is in use by another server", dir)
                     : fail(err, result, "lock", file->path);
        io_close(file);
        return status;
    }
    /* The text is for people; the lock itself is what counts, so a failure here is none. */
    char host[HOST_NAME_MAX + 1] = "";
    (void)gethostname(host, sizeof(host) - 1);
    char text[HOST_NAME_MAX + 64];
    int size = snprintf(text, sizeof(text), "pid=%ld host=%s\n", (long)getpid(), host);
    struct ky_error ignored = {0};
    if (io_truncate(file, 0, &ignored) == KY_OK) {
        status = io_write_bytes_at(file, 0, text, (size_t)size, &ignored);
    }
    (void)status;
    *lock_out = file;
    return KY_OK;
}

char *
io_path(const char *dir, const char *name)
{
    size_t dir_size = strlen(dir);
    size_t name_size = strlen(name);
    char *path = malloc(dir_size + name_size + 2);
    KY_ASSERT(path != NULL);
    memcpy(path, dir, dir_size);
    path[dir_size] = '/';
    memcpy(path + dir_size + 1, name, name_size + 1);
    return path;
}
