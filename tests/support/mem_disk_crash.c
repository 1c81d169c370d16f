/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "server/base/assert.h"
#include "server/base/random.h"
#include "tests/support/mem_disk_private.h"

/* The test disk's half that tests see: ordering faults, crashing, looking inside. */

struct mem_disk *
mem_disk_new(void)
{
    struct mem_disk *disk = mem_check(calloc(1, sizeof(*disk)));
    disk->io.ops = &MEM_DISK_OPS;
    disk->changes = mem_check(calloc(CHANGES_MAX, sizeof(*disk->changes)));
    ky_mutex_init(&disk->lock);
    return disk;
}

void
mem_disk_free(struct mem_disk *disk)
{
    while (disk->nodes != NULL) {
        struct node *node = disk->nodes;
        disk->nodes = node->next;
        KY_ASSERT(node->open_count == 0);
        KY_ASSERT(node->map_count == 0);
        free(node->now);
        free(node->safe);
        free(node->dirty);
        free(node);
    }
    free(disk->now.list);
    free(disk->safe.list);
    free(disk->changes);
    ky_mutex_deinit(&disk->lock);
    free(disk);
}

struct io *
mem_disk_io(struct mem_disk *disk)
{
    return &disk->io;
}

void
mem_disk_fault(struct mem_disk *disk, enum mem_fault fault, int error, uint64_t at)
{
    ky_mutex_lock(&disk->lock);
    disk->fault = fault;
    disk->fault_error = error;
    disk->fault_at = at;
    disk->calls = 0;
    disk->is_hit = false;
    ky_mutex_unlock(&disk->lock);
}

uint64_t
mem_disk_calls(struct mem_disk *disk)
{
    ky_mutex_lock(&disk->lock);
    uint64_t calls = disk->calls;
    ky_mutex_unlock(&disk->lock);
    return calls;
}

bool
mem_disk_fault_hit(struct mem_disk *disk)
{
    ky_mutex_lock(&disk->lock);
    bool is_hit = disk->is_hit;
    ky_mutex_unlock(&disk->lock);
    return is_hit;
}

void
mem_disk_limit(struct mem_disk *disk, uint64_t bytes)
{
    ky_mutex_lock(&disk->lock);
    disk->limit = bytes;
    ky_mutex_unlock(&disk->lock);
}

static void
crash_node(struct node *node, enum mem_crash crash, struct ky_prng *prng)
{
    KY_ASSERT(node->open_count == 0);
    KY_ASSERT(node->map_count == 0);
    bool has_size =
        crash == MEM_CRASH_KEEP_ALL || (crash == MEM_CRASH_RANDOM && ky_prng_below(prng, 2) == 0);
    for (uint64_t i = 0; i < node->capacity / SECTOR_SIZE; i++) {
        bool is_kept = crash == MEM_CRASH_KEEP_ALL ||
                       (crash == MEM_CRASH_RANDOM && ky_prng_below(prng, 2) == 0);
        if (node->dirty[i] != 0 && !is_kept) {
            memcpy(node->now + i * SECTOR_SIZE, node->safe + i * SECTOR_SIZE, SECTOR_SIZE);
        }
    }
    node->size = has_size ? node->size : node->safe_size;
    if (node->capacity > node->size) {
        memset(node->now + node->size, 0, node->capacity - node->size);
    }
    mem_node_sync(node);
}

/* An entry whose directory did not survive is gone as well. */
static void
drop_orphans(struct mem_disk *disk)
{
    for (size_t i = 0; i < disk->now.count; i++) {
        if (!mem_has_parent(disk, disk->now.list[i].path)) {
            disk->now.list[i] = disk->now.list[--disk->now.count];
            i = (size_t)-1;
        }
    }
}

static void
copy_names(struct names *to, const struct names *from)
{
    free(to->list);
    *to = (struct names){0};
    for (size_t i = 0; i < from->count; i++) {
        mem_set_name(to, from->list[i].path, from->list[i].node);
    }
}

void
mem_disk_crash(struct mem_disk *disk, enum mem_crash crash, uint64_t seed)
{
    struct ky_prng prng;
    ky_prng_init(&prng, seed);
    ky_mutex_lock(&disk->lock);
    for (struct node *node = disk->nodes; node != NULL; node = node->next) {
        crash_node(node, crash, &prng);
        node->is_locked = false;
    }
    for (size_t i = 0; i < disk->change_count; i++) {
        if (crash == MEM_CRASH_KEEP_ALL ||
            (crash == MEM_CRASH_RANDOM && ky_prng_below(&prng, 2) == 0)) {
            mem_apply_change(&disk->safe, &disk->changes[i]);
        }
    }
    disk->change_count = 0;
    copy_names(&disk->now, &disk->safe);
    drop_orphans(disk);
    copy_names(&disk->safe, &disk->now);
    disk->used = 0;
    for (size_t i = 0; i < disk->now.count; i++) {
        disk->used += disk->now.list[i].node->size;
    }
    disk->is_off = disk->is_hit = false;
    disk->fault = MEM_FAULT_NONE;
    ky_mutex_unlock(&disk->lock);
}

uint8_t *
mem_disk_bytes(struct mem_disk *disk, const char *path, uint64_t *size_out)
{
    ky_mutex_lock(&disk->lock);
    const struct name *name = mem_find_name(&disk->now, path);
    uint8_t *bytes = NULL;
    if (name != NULL && !name->node->is_dir) {
        bytes = name->node->now;
        *size_out = name->node->size;
    }
    ky_mutex_unlock(&disk->lock);
    return bytes;
}

struct mem_disk *
mem_disk_copy(struct mem_disk *disk)
{
    struct mem_disk *copy = mem_disk_new();
    ky_mutex_lock(&disk->lock);
    for (size_t i = 0; i < disk->now.count; i++) {
        const struct node *from = disk->now.list[i].node;
        struct node *to = mem_node_new(copy);
        to->is_dir = from->is_dir;
        mem_node_resize(to, from->size);
        if (from->size > 0) {
            memcpy(to->now, from->now, from->size);
        }
        mem_node_sync(to);
        copy->used += to->size;
        mem_set_name(&copy->now, disk->now.list[i].path, to);
    }
    ky_mutex_unlock(&disk->lock);
    copy_names(&copy->safe, &copy->now);
    return copy;
}

void
mem_disk_each_file(struct mem_disk *disk, void (*entry)(void *arg, const char *path), void *arg)
{
    struct names list = {0};
    ky_mutex_lock(&disk->lock);
    copy_names(&list, &disk->now);
    ky_mutex_unlock(&disk->lock);
    for (size_t i = 0; i < list.count; i++) {
        if (!list.list[i].node->is_dir) {
            entry(arg, list.list[i].path);
        }
    }
    free(list.list);
}
