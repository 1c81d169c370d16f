/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/assert.h"
#include "tests/support/mem_disk_private.h"

/* The test disk's half that io.h sees: the primitives, and the faults that meet them. */

struct mem_file {
    struct io_file base;
    struct mem_disk *disk;
    struct node *node;
    bool has_lock;
};

void *
mem_check(void *memory)
{
    KY_ASSERT(memory != NULL);
    return memory;
}

/* ------------------------------------------------------------------ names */

struct name *
mem_find_name(const struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i].path, path) == 0) {
            return &names->list[i];
        }
    }
    return NULL;
}

void
mem_set_name(struct names *names, const char *path, struct node *node)
{
    struct name *name = mem_find_name(names, path);
    if (node == NULL) {
        if (name != NULL) {
            *name = names->list[--names->count];
        }
        return;
    }
    if (name == NULL) {
        if (names->count == names->capacity) {
            names->capacity = names->capacity * 2 + 16;
            names->list = mem_check(realloc(names->list, names->capacity * sizeof(*names->list)));
        }
        name = &names->list[names->count++];
        KY_ASSERT(strlen(path) < NAME_MAX_SIZE);
        memcpy(name->path, path, strlen(path) + 1);
    }
    name->node = node;
}

void
mem_apply_change(struct names *names, const struct change *change)
{
    if (change->from[0] != '\0') {
        mem_set_name(names, change->from, NULL);
    }
    mem_set_name(names, change->path, change->node);
}

static void
make_change(struct mem_disk *disk, const char *path, const char *from, struct node *node)
{
    KY_ASSERT(disk->change_count < CHANGES_MAX);
    struct change *change = &disk->changes[disk->change_count++];
    memset(change, 0, sizeof(*change));
    KY_ASSERT(strlen(path) < NAME_MAX_SIZE);
    memcpy(change->path, path, strlen(path));
    if (from != NULL) {
        KY_ASSERT(strlen(from) < NAME_MAX_SIZE);
        memcpy(change->from, from, strlen(from));
    }
    change->node = node;
    mem_apply_change(&disk->now, change);
}

static bool
is_in_dir(const char *path, const char *dir)
{
    size_t size = strlen(dir);
    return strncmp(path, dir, size) == 0 && path[size] == '/' &&
           strchr(path + size + 1, '/') == NULL;
}

bool
mem_has_parent(const struct mem_disk *disk, const char *path)
{
    char dir[NAME_MAX_SIZE];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return true; /* the root needs no making */
    }
    size_t size = (size_t)(slash - path);
    memcpy(dir, path, size);
    dir[size] = '\0';
    const struct name *name = mem_find_name(&disk->now, dir);
    return name != NULL && name->node->is_dir;
}

/* ------------------------------------------------------------------ nodes */

struct node *
mem_node_new(struct mem_disk *disk)
{
    struct node *node = mem_check(calloc(1, sizeof(*node)));
    node->next = disk->nodes;
    disk->nodes = node;
    return node;
}

void
mem_node_resize(struct node *node, uint64_t size)
{
    if (size > node->capacity) {
        KY_ASSERT(node->map_count == 0);
        uint64_t capacity = ky_align_up(size, 4096);
        node->now = mem_check(realloc(node->now, capacity));
        node->safe = mem_check(realloc(node->safe, capacity));
        node->dirty = mem_check(realloc(node->dirty, capacity / SECTOR_SIZE));
        memset(node->now + node->capacity, 0, capacity - node->capacity);
        memset(node->safe + node->capacity, 0, capacity - node->capacity);
        memset(node->dirty + node->capacity / SECTOR_SIZE, 0,
               (capacity - node->capacity) / SECTOR_SIZE);
        node->capacity = capacity;
    }
    if (size < node->size) {
        memset(node->now + size, 0, node->size - size);
        memset(node->dirty, 1, node->capacity / SECTOR_SIZE);
    }
    node->size = size;
}

void
mem_node_sync(struct node *node)
{
    if (node->capacity > 0) {
        memcpy(node->safe, node->now, node->capacity);
        memset(node->dirty, 0, node->capacity / SECTOR_SIZE);
    }
    node->safe_size = node->size;
}

/* ------------------------------------------------------------------ faults */

/* Counts a call; what goes wrong with it. Called with the lock held. */
static enum mem_fault
next_fault(struct mem_disk *disk)
{
    if (disk->is_off) {
        disk->fault_error = EIO;
        return MEM_FAULT_ERROR;
    }
    disk->calls++;
    if (disk->fault == MEM_FAULT_NONE || disk->calls != disk->fault_at) {
        return MEM_FAULT_NONE;
    }
    disk->is_hit = true;
    disk->is_off = disk->fault == MEM_FAULT_POWER;
    return disk->fault;
}

/* The fault of a call that has no half: 0 or -errno. */
static int
plain_fault(struct mem_disk *disk)
{
    enum mem_fault fault = next_fault(disk);
    if (fault == MEM_FAULT_POWER) {
        return -EIO;
    }
    return fault == MEM_FAULT_ERROR || fault == MEM_FAULT_TORN ? -disk->fault_error : 0;
}

static struct mem_disk *
disk_of(struct io *io)
{
    return KY_CONTAINER_OF(io, struct mem_disk, io);
}

static struct mem_file *
file_of(struct io_file *file)
{
    return KY_CONTAINER_OF(file, struct mem_file, base);
}

/* ------------------------------------------------------------------ the table */

static int
open_node(struct mem_disk *disk, const char *path, unsigned flags, struct node **node_out)
{
    struct name *name = mem_find_name(&disk->now, path);
    if ((flags & IO_CREATE) != 0) {
        int fault = plain_fault(disk);
        if (fault != 0) {
            return fault;
        }
    } else if (disk->is_off) {
        return -EIO;
    }
    if (name == NULL) {
        if ((flags & IO_CREATE) == 0 || !mem_has_parent(disk, path)) {
            return -ENOENT;
        }
        *node_out = mem_node_new(disk);
        make_change(disk, path, NULL, *node_out);
        return 0;
    }
    if ((flags & IO_EXCLUSIVE) != 0) {
        return -EEXIST;
    }
    if (name->node->is_dir) {
        return -EISDIR;
    }
    if ((flags & IO_TRUNCATE) != 0) {
        disk->used -= name->node->size;
        mem_node_resize(name->node, 0);
    }
    *node_out = name->node;
    return 0;
}

static int
mem_open(struct io *io, const char *path, unsigned flags, struct io_file **file_out)
{
    struct mem_disk *disk = disk_of(io);
    struct node *node = NULL;
    ky_mutex_lock(&disk->lock);
    int result = open_node(disk, path, flags, &node);
    if (result == 0) {
        struct mem_file *file = mem_check(calloc(1, sizeof(*file)));
        file->base.io = io;
        file->base.path = mem_check(strdup(path));
        file->disk = disk;
        file->node = node;
        node->open_count++;
        *file_out = &file->base;
    }
    ky_mutex_unlock(&disk->lock);
    return result;
}

static int
mem_close(struct io_file *base)
{
    struct mem_file *file = file_of(base);
    ky_mutex_lock(&file->disk->lock);
    file->node->open_count--;
    if (file->has_lock) {
        file->node->is_locked = false;
    }
    ky_mutex_unlock(&file->disk->lock);
    free(base->path);
    free(file);
    return 0;
}

static int64_t
mem_size(struct io_file *base)
{
    struct mem_file *file = file_of(base);
    ky_mutex_lock(&file->disk->lock);
    int64_t size = file->disk->is_off ? -EIO : (int64_t)file->node->size;
    ky_mutex_unlock(&file->disk->lock);
    return size;
}

static int
grow(struct mem_disk *disk, struct node *node, uint64_t size)
{
    if (size <= node->size) {
        return 0;
    }
    uint64_t extra = size - node->size;
    if (disk->limit != 0 && disk->used + extra > disk->limit) {
        return -ENOSPC;
    }
    disk->used += extra;
    mem_node_resize(node, size);
    return 0;
}

static int64_t
write_parts(struct mem_file *file, uint64_t offset, const struct iovec *parts, int part_count,
            uint64_t size)
{
    struct node *node = file->node;
    uint64_t end = offset + size;
    int result = grow(file->disk, node, end);
    if (result != 0) {
        return result;
    }
    for (int i = 0; i < part_count && offset < end; i++) {
        size_t part = (size_t)KY_MIN((uint64_t)parts[i].iov_len, end - offset);
        if (part > 0) {
            memcpy(node->now + offset, parts[i].iov_base, part);
            memset(node->dirty + offset / SECTOR_SIZE, 1,
                   (offset + part - 1) / SECTOR_SIZE - offset / SECTOR_SIZE + 1);
        }
        offset += part;
    }
    return (int64_t)size;
}

static int64_t
mem_write_at(struct io_file *base, uint64_t offset, const struct iovec *parts, int part_count)
{
    struct mem_file *file = file_of(base);
    uint64_t size = 0;
    for (int i = 0; i < part_count; i++) {
        size += parts[i].iov_len;
    }
    ky_mutex_lock(&file->disk->lock);
    enum mem_fault fault = next_fault(file->disk);
    int64_t result = 0;
    if (fault == MEM_FAULT_ERROR) {
        result = -file->disk->fault_error;
    } else if (fault == MEM_FAULT_POWER) {
        /* The power goes while the device works: some of it may arrive. */
        (void)write_parts(file, offset, parts, part_count, size / 2);
        result = -EIO;
    } else if (fault == MEM_FAULT_TORN) {
        (void)write_parts(file, offset, parts, part_count, size / 2);
        result = -file->disk->fault_error;
    } else if (fault == MEM_FAULT_INTERRUPTED) {
        result = -EINTR;
    } else {
        uint64_t part = fault == MEM_FAULT_SHORT ? (size + 1) / 2 : size;
        result = write_parts(file, offset, parts, part_count, part);
    }
    ky_mutex_unlock(&file->disk->lock);
    return result;
}

static int64_t
mem_read_at(struct io_file *base, uint64_t offset, void *out, size_t size)
{
    struct mem_file *file = file_of(base);
    ky_mutex_lock(&file->disk->lock);
    int64_t result = -EIO;
    if (!file->disk->is_off) {
        uint64_t left = offset < file->node->size ? file->node->size - offset : 0;
        size = (size_t)KY_MIN((uint64_t)size, left);
        if (size > 0) {
            memcpy(out, file->node->now + offset, size);
        }
        result = (int64_t)size;
    }
    ky_mutex_unlock(&file->disk->lock);
    return result;
}

static int
mem_reserve(struct io_file *base, uint64_t size)
{
    struct mem_file *file = file_of(base);
    ky_mutex_lock(&file->disk->lock);
    int result = plain_fault(file->disk);
    if (result == 0) {
        result = grow(file->disk, file->node, size);
    }
    ky_mutex_unlock(&file->disk->lock);
    return result;
}

static int
mem_truncate(struct io_file *base, uint64_t size)
{
    struct mem_file *file = file_of(base);
    ky_mutex_lock(&file->disk->lock);
    int result = plain_fault(file->disk);
    if (result == 0 && size < file->node->size) {
        file->disk->used -= file->node->size - size;
        mem_node_resize(file->node, size);
    } else if (result == 0) {
        result = grow(file->disk, file->node, size);
    }
    ky_mutex_unlock(&file->disk->lock);
    return result;
}

static int
mem_sync(struct io_file *base)
{
    struct mem_file *file = file_of(base);
    ky_mutex_lock(&file->disk->lock);
    int result = plain_fault(file->disk);
    if (result == 0) {
        mem_node_sync(file->node);
    }
    ky_mutex_unlock(&file->disk->lock);
    return result;
}

static int
mem_write_out(struct io_file *base, uint64_t offset, uint64_t size)
{
    struct mem_file *file = file_of(base);
    (void)offset;
    (void)size;
    ky_mutex_lock(&file->disk->lock);
    int result = plain_fault(file->disk);
    ky_mutex_unlock(&file->disk->lock);
    return result;
}

static int
mem_map(struct io_file *base, size_t size, const uint8_t **bytes_out)
{
    struct mem_file *file = file_of(base);
    (void)size;
    ky_mutex_lock(&file->disk->lock);
    int result = file->disk->is_off ? -EIO : 0;
    if (result == 0) {
        file->node->map_count++;
        *bytes_out = file->node->now;
    }
    ky_mutex_unlock(&file->disk->lock);
    return result;
}

static void
mem_unmap(struct io *io, const uint8_t *bytes, size_t size)
{
    struct mem_disk *disk = disk_of(io);
    (void)size;
    ky_mutex_lock(&disk->lock);
    for (struct node *node = disk->nodes; node != NULL; node = node->next) {
        if (node->now == bytes && node->map_count > 0) {
            node->map_count--;
        }
    }
    ky_mutex_unlock(&disk->lock);
}

static int
mem_lock(struct io_file *base)
{
    struct mem_file *file = file_of(base);
    ky_mutex_lock(&file->disk->lock);
    int result = file->node->is_locked ? -EAGAIN : 0;
    if (result == 0) {
        file->node->is_locked = file->has_lock = true;
    }
    ky_mutex_unlock(&file->disk->lock);
    return result;
}

static int
mem_rename(struct io *io, const char *from, const char *to)
{
    struct mem_disk *disk = disk_of(io);
    ky_mutex_lock(&disk->lock);
    int result = plain_fault(disk);
    const struct name *name = mem_find_name(&disk->now, from);
    if (result == 0 && name == NULL) {
        result = -ENOENT;
    }
    if (result == 0) {
        make_change(disk, to, from, name->node);
        /* What is in a directory moves with it. */
        for (size_t i = 0; i < disk->now.count; i++) {
            size_t size = strlen(from);
            char path[NAME_MAX_SIZE];
            memcpy(path, disk->now.list[i].path, NAME_MAX_SIZE);
            if (strncmp(path, from, size) == 0 && path[size] == '/') {
                char moved[NAME_MAX_SIZE] = "";
                KY_ASSERT(strlen(to) + strlen(path + size) < NAME_MAX_SIZE);
                memcpy(moved, to, strlen(to));
                memcpy(moved + strlen(to), path + size, strlen(path + size));
                struct node *node = disk->now.list[i].node;
                mem_set_name(&disk->now, path, NULL);
                mem_set_name(&disk->now, moved, node);
                i = (size_t)-1;
                for (size_t j = 0; j < disk->safe.count; j++) {
                    if (strcmp(disk->safe.list[j].path, path) == 0) {
                        mem_set_name(&disk->safe, moved, disk->safe.list[j].node);
                        break;
                    }
                }
            }
        }
    }
    ky_mutex_unlock(&disk->lock);
    return result;
}

static int
remove_path(struct mem_disk *disk, const char *path, bool is_dir)
{
    int result = plain_fault(disk);
    if (result != 0) {
        return result;
    }
    const struct name *name = mem_find_name(&disk->now, path);
    if (name == NULL) {
        return -ENOENT;
    }
    if (name->node->is_dir != is_dir) {
        return is_dir ? -ENOTDIR : -EISDIR;
    }
    for (size_t i = 0; is_dir && i < disk->now.count; i++) {
        if (is_in_dir(disk->now.list[i].path, path)) {
            return -ENOTEMPTY;
        }
    }
    disk->used -= name->node->size;
    make_change(disk, path, NULL, NULL);
    return 0;
}

static int
mem_unlink(struct io *io, const char *path)
{
    struct mem_disk *disk = disk_of(io);
    ky_mutex_lock(&disk->lock);
    int result = remove_path(disk, path, false);
    ky_mutex_unlock(&disk->lock);
    return result;
}

static int
mem_remove_dir(struct io *io, const char *path)
{
    struct mem_disk *disk = disk_of(io);
    ky_mutex_lock(&disk->lock);
    int result = remove_path(disk, path, true);
    ky_mutex_unlock(&disk->lock);
    return result;
}

static int
mem_make_dir(struct io *io, const char *path)
{
    struct mem_disk *disk = disk_of(io);
    ky_mutex_lock(&disk->lock);
    int result = plain_fault(disk);
    if (result == 0 && mem_find_name(&disk->now, path) != NULL) {
        result = -EEXIST;
    }
    if (result == 0) {
        struct node *node = mem_node_new(disk);
        node->is_dir = true;
        make_change(disk, path, NULL, node);
    }
    ky_mutex_unlock(&disk->lock);
    return result;
}

static bool
is_change_in(const struct change *change, const char *dir)
{
    bool is_root = strcmp(dir, ".") == 0;
    return is_root ? strchr(change->path, '/') == NULL : is_in_dir(change->path, dir);
}

static int
mem_sync_dir(struct io *io, const char *path)
{
    struct mem_disk *disk = disk_of(io);
    ky_mutex_lock(&disk->lock);
    int result = plain_fault(disk);
    size_t kept = 0;
    for (size_t i = 0; result == 0 && i < disk->change_count; i++) {
        if (is_change_in(&disk->changes[i], path)) {
            mem_apply_change(&disk->safe, &disk->changes[i]);
        } else {
            disk->changes[kept++] = disk->changes[i];
        }
    }
    disk->change_count = result == 0 ? kept : disk->change_count;
    ky_mutex_unlock(&disk->lock);
    return result;
}

static int
mem_list(struct io *io, const char *path, io_list_entry entry, void *arg)
{
    struct mem_disk *disk = disk_of(io);
    ky_mutex_lock(&disk->lock);
    const struct name *dir = mem_find_name(&disk->now, path);
    int result = disk->is_off ? -EIO : dir == NULL ? -ENOENT : 0;
    for (size_t i = 0; result == 0 && i < disk->now.count; i++) {
        if (is_in_dir(disk->now.list[i].path, path)) {
            entry(arg, disk->now.list[i].path + strlen(path) + 1);
        }
    }
    ky_mutex_unlock(&disk->lock);
    return result;
}

const struct io_ops MEM_DISK_OPS = {
    .open = mem_open,
    .close = mem_close,
    .size = mem_size,
    .write_at = mem_write_at,
    .read_at = mem_read_at,
    .reserve = mem_reserve,
    .truncate = mem_truncate,
    .sync = mem_sync,
    .write_out = mem_write_out,
    .map = mem_map,
    .unmap = mem_unmap,
    .lock = mem_lock,
    .rename = mem_rename,
    .unlink = mem_unlink,
    .make_dir = mem_make_dir,
    .remove_dir = mem_remove_dir,
    .sync_dir = mem_sync_dir,
    .list = mem_list,
};
