/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/base/mutex.h"
#include "tests/support/mem_disk.h"

/*
 * A node is a file's contents: what reads see (now) and what the device has for certain (safe),
 * with one dirty bit for each sector that differs in time. Names are a log of directory changes:
 * the current table, the durable table, and the changes between them in order, each with its
 * directory. A crash applies some of the changes to the durable table, which becomes the current.
 */
enum { SECTOR_SIZE = 512, NAME_MAX_SIZE = 256, CHANGES_MAX = 4096 };

struct node {
    uint8_t *now;
    uint8_t *safe;
    uint8_t *dirty; /* one byte for each sector */
    uint64_t size;
    uint64_t safe_size;
    uint64_t capacity;
    bool is_dir;
    bool is_locked;
    int map_count;
    int open_count;
    struct node *next; /* all nodes */
};

struct name {
    char path[NAME_MAX_SIZE];
    struct node *node;
};

struct names {
    struct name *list;
    size_t count;
    size_t capacity;
};

/* add: path gets node (from vanishes when it is a rename); otherwise path vanishes. */
struct change {
    char path[NAME_MAX_SIZE];
    char from[NAME_MAX_SIZE];
    struct node *node; /* NULL: path vanishes */
};

struct mem_disk {
    struct io io;
    struct ky_mutex lock;
    struct node *nodes;
    struct names now;
    struct names safe;
    struct change *changes;
    size_t change_count;
    uint64_t used;
    uint64_t limit;
    enum mem_fault fault;
    int fault_error;
    uint64_t fault_at;
    uint64_t calls;
    bool is_hit;
    bool is_off;
};

/* Memory or the end of the test. */
void *mem_check(void *memory);
extern const struct io_ops MEM_DISK_OPS;

/* All of these: with the disk's lock held. */
struct name *mem_find_name(const struct names *names, const char *path);
/* node NULL: the name vanishes. */
void mem_set_name(struct names *names, const char *path, struct node *node);
void mem_apply_change(struct names *names, const struct change *change);
bool mem_has_parent(const struct mem_disk *disk, const char *path);
struct node *mem_node_new(struct mem_disk *disk);
void mem_node_resize(struct node *node, uint64_t size);
/* What is written now is safe from now on. */
void mem_node_sync(struct node *node);
