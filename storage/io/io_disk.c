/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/assert.h"
#include "storage/io/io.h"
#include "storage/io/map_guard.h"

/* The machine's file system: each primitive is one system call, and errno with a minus sign. */
struct disk_file {
    struct io_file base;
    int fd;
};

static int
disk_open(struct io *io, const char *path, unsigned flags, struct io_file **file_out)
{
    int mode = O_CLOEXEC | ((flags & IO_WRITE) != 0 ? O_RDWR : O_RDONLY);
    mode |= (flags & IO_CREATE) != 0 ? O_CREAT : 0;
    mode |= (flags & IO_TRUNCATE) != 0 ? O_TRUNC : 0;
    mode |= (flags & IO_EXCLUSIVE) != 0 ? O_EXCL : 0;
    int fd = -1;
    do {
        fd = open(path, mode, 0600);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        return -errno;
    }
    struct disk_file *file = calloc(1, sizeof(*file));
    KY_ASSERT(file != NULL);
    file->base.io = io;
    file->base.path = strdup(path);
    KY_ASSERT(file->base.path != NULL);
    file->fd = fd;
    *file_out = &file->base;
    return 0;
}

static struct disk_file *
disk_of(struct io_file *file)
{
    return KY_CONTAINER_OF(file, struct disk_file, base);
}

static int
disk_close(struct io_file *file)
{
    struct disk_file *disk = disk_of(file);
    int result = close(disk->fd) < 0 ? -errno : 0;
    free(file->path);
    free(disk);
    return result;
}

static int64_t
disk_size(struct io_file *file)
{
    struct stat info;
    return fstat(disk_of(file)->fd, &info) < 0 ? -errno : (int64_t)info.st_size;
}

static int64_t
disk_write_at(struct io_file *file, uint64_t offset, const struct iovec *parts, int part_count)
{
    ssize_t written = pwritev(disk_of(file)->fd, parts, part_count, (off_t)offset);
    return written < 0 ? -errno : (int64_t)written;
}

static int64_t
disk_read_at(struct io_file *file, uint64_t offset, void *out, size_t size)
{
    ssize_t got = pread(disk_of(file)->fd, out, size, (off_t)offset);
    return got < 0 ? -errno : (int64_t)got;
}

static int
disk_reserve(struct io_file *file, uint64_t size)
{
    return fallocate(disk_of(file)->fd, 0, 0, (off_t)size) < 0 ? -errno : 0;
}

static int
disk_truncate(struct io_file *file, uint64_t size)
{
    return ftruncate(disk_of(file)->fd, (off_t)size) < 0 ? -errno : 0;
}

static int
disk_sync(struct io_file *file)
{
    return fdatasync(disk_of(file)->fd) < 0 ? -errno : 0;
}

static int
disk_write_out(struct io_file *file, uint64_t offset, uint64_t size)
{
    int result = sync_file_range(disk_of(file)->fd, (off_t)offset, (off_t)size,
                                 SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                     SYNC_FILE_RANGE_WAIT_AFTER);
    return result < 0 ? -errno : 0;
}

static int
disk_map(struct io_file *file, size_t size, const uint8_t **bytes_out)
{
    void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, disk_of(file)->fd, 0);
    if (bytes == MAP_FAILED) {
        return -errno;
    }
    map_guard_add(bytes, size, file->path);
    *bytes_out = bytes;
    return 0;
}

static void
disk_unmap(struct io *io, const uint8_t *bytes, size_t size)
{
    (void)io;
    union {
        const uint8_t *from;
        void *to;
    } cast = {.from = bytes};
    map_guard_remove(bytes);
    (void)munmap(cast.to, size);
}

static int
disk_lock(struct io_file *file)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(disk_of(file)->fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static int
disk_rename(struct io *io, const char *from, const char *to)
{
    (void)io;
    return rename(from, to) < 0 ? -errno : 0;
}

static int
disk_unlink(struct io *io, const char *path)
{
    (void)io;
    return unlink(path) < 0 ? -errno : 0;
}

static int
disk_make_dir(struct io *io, const char *path)
{
    (void)io;
    return mkdir(path, 0700) < 0 ? -errno : 0;
}

static int
disk_remove_dir(struct io *io, const char *path)
{
    (void)io;
    return rmdir(path) < 0 ? -errno : 0;
}

static int
disk_sync_dir(struct io *io, const char *path)
{
    (void)io;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int result = fsync(fd) < 0 ? -errno : 0;
    (void)close(fd);
    return result;
}

static int
disk_list(struct io *io, const char *path, io_list_entry entry, void *arg)
{
    (void)io;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        return -errno;
    }
    for (;;) {
        errno = 0;
        struct dirent *item = readdir(dir); /* one DIR is read by one thread only */
        if (item == NULL) {
            break;
        }
        if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0) {
            entry(arg, item->d_name);
        }
    }
    int result = -errno;
    (void)closedir(dir);
    return result;
}

struct io *
io_disk(void)
{
    static const struct io_ops OPS = {
        .open = disk_open,
        .close = disk_close,
        .size = disk_size,
        .write_at = disk_write_at,
        .read_at = disk_read_at,
        .reserve = disk_reserve,
        .truncate = disk_truncate,
        .sync = disk_sync,
        .write_out = disk_write_out,
        .map = disk_map,
        .unmap = disk_unmap,
        .lock = disk_lock,
        .rename = disk_rename,
        .unlink = disk_unlink,
        .make_dir = disk_make_dir,
        .remove_dir = disk_remove_dir,
        .sync_dir = disk_sync_dir,
        .list = disk_list,
    };
    static struct io disk = {.ops = &OPS};
    return &disk;
}
