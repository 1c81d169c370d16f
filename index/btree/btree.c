/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdatomic.h>

#include "index/index.h"
#include "server/base/arena.h"
#include "server/base/assert.h"

/*
 * A B+tree. A slot is 32 bytes: the key's first eight bytes as a big-endian number (most
 * comparisons end there), the next eight bytes or a pointer to the whole key when it is longer
 * than sixteen, its size, and the row id. Short keys (integers, timestamps, uuids without
 * their marker's neighbours) thus live in the node. Inner nodes hold a child's lowest entry.
 *
 * Readers share a lock, a writer has it alone; leaves are linked both ways. Deleting leaves nodes
 * as they are until they are empty (as in Graefe, "Modern B-Tree Techniques", 3.5), and an
 * emptied leaf is unlinked from its parents.
 */
enum { NODE_SLOTS = 64, TREE_HEIGHT_MAX = 16, INLINE_KEY_SIZE = 16 };

struct slot {
    uint64_t prefix;
    union {
        uint8_t rest[8];
        uint8_t *bytes; /* owned: the whole key */
    };
    uint64_t row_id;
    uint32_t size;
    uint32_t unused;
};

struct node {
    uint32_t count;
    bool is_leaf;
    struct node *next; /* leaves */
    struct node *previous;
    struct slot slots[NODE_SLOTS];
    struct node *children[]; /* inner nodes: NODE_SLOTS of them */
};

struct index {
    pthread_rwlock_t lock;
    struct node *root;
    uint32_t height; /* levels; 1: the root is a leaf */
    uint64_t entries;
    uint64_t nodes;
    uint64_t key_bytes; /* of long keys */
};

/* A key being looked for. */
struct probe {
    uint64_t prefix;
    struct ky_slice key;
    row_id_t row_id;
};

/* ------------------------------------------------------------------ slots */

static uint64_t
load_prefix(const uint8_t *key, size_t size)
{
    uint8_t padded[8] = {0};
    if (KY_LIKELY(size >= 8)) {
        return ky_load_be64(key);
    }
    memcpy(padded, key, size);
    return ky_load_be64(padded);
}

static struct probe
probe_of(struct ky_slice key, row_id_t row_id)
{
    return (struct probe){load_prefix(key.data, key.size), key, row_id};
}

/* The key's bytes; space is used for short ones. */
static struct ky_slice
slot_key(const struct slot *slot, uint8_t space[INLINE_KEY_SIZE])
{
    if (slot->size > INLINE_KEY_SIZE) {
        return ky_slice(slot->bytes, slot->size);
    }
    ky_store_be64(space, slot->prefix);
    memcpy(space + 8, slot->rest, 8);
    return ky_slice(space, slot->size);
}

static int
compare_keys(const struct slot *slot, const struct probe *probe)
{
    if (KY_LIKELY(slot->prefix != probe->prefix)) {
        return slot->prefix < probe->prefix ? -1 : 1;
    }
    uint8_t space[INLINE_KEY_SIZE];
    return ky_slice_compare(slot_key(slot, space), probe->key);
}

static int
compare_entry(const struct slot *slot, const struct probe *probe)
{
    int order = compare_keys(slot, probe);
    return order != 0 ? order : (slot->row_id > probe->row_id) - (slot->row_id < probe->row_id);
}

static void
slot_set(struct index *index, struct slot *slot, const struct probe *probe)
{
    *slot = (struct slot){
        .prefix = probe->prefix, .row_id = probe->row_id, .size = (uint32_t)probe->key.size};
    if (probe->key.size > INLINE_KEY_SIZE) {
        slot->bytes = ky_malloc(probe->key.size);
        memcpy(slot->bytes, probe->key.data, probe->key.size);
        index->key_bytes += probe->key.size;
    } else if (probe->key.size > 8) {
        memcpy(slot->rest, (const uint8_t *)probe->key.data + 8, probe->key.size - 8);
    }
}

static void
slot_clear(struct index *index, struct slot *slot)
{
    if (slot->size > INLINE_KEY_SIZE) {
        index->key_bytes -= slot->size;
        ky_free(slot->bytes);
    }
}

/* A copy with bytes of its own: an inner node's. */
static struct slot
slot_copy(struct index *index, const struct slot *slot)
{
    struct slot copy = *slot;
    if (slot->size > INLINE_KEY_SIZE) {
        copy.bytes = ky_malloc(slot->size);
        memcpy(copy.bytes, slot->bytes, slot->size);
        index->key_bytes += slot->size;
    }
    return copy;
}

/* ------------------------------------------------------------------ nodes */

static struct node *
node_new(struct index *index, bool is_leaf)
{
    size_t size = sizeof(struct node) + (is_leaf ? 0 : NODE_SLOTS * sizeof(struct node *));
    struct node *node = ky_malloc(size);
    node->count = 0;
    node->is_leaf = is_leaf;
    node->next = node->previous = NULL;
    index->nodes++;
    return node;
}

static void
node_free(struct index *index, struct node *node)
{
    for (uint32_t i = 0; i < node->count; i++) {
        if (!node->is_leaf) {
            node_free(index, node->children[i]);
        }
        slot_clear(index, &node->slots[i]);
    }
    index->nodes--;
    ky_free(node);
}

/* First slot that is not before the probe. */
static uint32_t
lower_slot(const struct node *node, const struct probe *probe)
{
    uint32_t low = 0;
    uint32_t high = node->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (compare_entry(&node->slots[middle], probe) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The child that may hold the probe: the last one that does not begin after it. */
static uint32_t
child_slot(const struct node *node, const struct probe *probe)
{
    uint32_t at = lower_slot(node, probe);
    if (at < node->count && compare_entry(&node->slots[at], probe) == 0) {
        return at;
    }
    return at == 0 ? 0 : at - 1;
}

/* Way from the root to a leaf. */
struct path {
    struct node *nodes[TREE_HEIGHT_MAX];
    uint32_t places[TREE_HEIGHT_MAX];
    uint32_t depth; /* of the leaf */
};

static void
descend(const struct index *index, const struct probe *probe, struct path *path)
{
    struct node *node = index->root;
    path->depth = 0;
    while (!node->is_leaf) {
        uint32_t at = child_slot(node, probe);
        path->nodes[path->depth] = node;
        path->places[path->depth] = at;
        path->depth++;
        KY_ASSERT(path->depth < TREE_HEIGHT_MAX);
        node = node->children[at];
    }
    path->nodes[path->depth] = node;
    path->places[path->depth] = lower_slot(node, probe);
}

static const struct node *
find_leaf(const struct index *index, const struct probe *probe, uint32_t *at_out)
{
    const struct node *node = index->root;
    while (!node->is_leaf) {
        node = node->children[child_slot(node, probe)];
    }
    *at_out = lower_slot(node, probe);
    return node;
}

/* ------------------------------------------------------------------ life */

struct index *
index_new(enum index_kind kind)
{
    struct index *index = ky_calloc(1, sizeof(*index));
    KY_ASSERT(kind == INDEX_KIND_BTREE);
    KY_ASSERT(pthread_rwlock_init(&index->lock, NULL) == 0);
    index->root = node_new(index, true);
    index->height = 1;
    return index;
}

void
index_free(struct index *index)
{
    if (index == NULL) {
        return;
    }
    node_free(index, index->root);
    (void)pthread_rwlock_destroy(&index->lock);
    ky_free(index);
}

static void
read_lock(struct index *index)
{
    KY_ASSERT(pthread_rwlock_rdlock(&index->lock) == 0);
}

static void
write_lock(struct index *index)
{
    KY_ASSERT(pthread_rwlock_wrlock(&index->lock) == 0);
}

static void
unlock(struct index *index)
{
    KY_ASSERT(pthread_rwlock_unlock(&index->lock) == 0);
}

/* ------------------------------------------------------------------ inserting */

static void
make_room(struct node *node, uint32_t at)
{
    memmove(&node->slots[at + 1], &node->slots[at], (node->count - at) * sizeof(struct slot));
    if (!node->is_leaf) {
        memmove(&node->children[at + 1], &node->children[at],
                (node->count - at) * sizeof(struct node *));
    }
    node->count++;
}

/* Moves the upper part of a full node to a new one on its right. Ascending inserts leave the left
 * one full. */
static struct node *
split(struct index *index, struct node *node, bool is_append)
{
    struct node *right = node_new(index, node->is_leaf);
    uint32_t keep = is_append ? NODE_SLOTS - 1 : NODE_SLOTS / 2;
    right->count = node->count - keep;
    memcpy(right->slots, &node->slots[keep], right->count * sizeof(struct slot));
    if (!node->is_leaf) {
        memcpy(right->children, &node->children[keep], right->count * sizeof(struct node *));
    } else {
        right->next = node->next;
        right->previous = node;
        if (node->next != NULL) {
            node->next->previous = right;
        }
        node->next = right;
    }
    node->count = keep;
    return right;
}

static void
grow_root(struct index *index, struct node *right)
{
    struct node *root = node_new(index, false);
    root->count = 2;
    root->children[0] = index->root;
    root->children[1] = right;
    root->slots[0] = slot_copy(index, &index->root->slots[0]);
    root->slots[1] = slot_copy(index, &right->slots[0]);
    index->root = root;
    index->height++;
}

/* Splits every full node on the way, from the root down, so that the leaf has room and each
 * parent has room for its child's other half. */
static void
split_full(struct index *index, const struct probe *probe)
{
    if (index->root->count == NODE_SLOTS) {
        bool is_append = compare_entry(&index->root->slots[NODE_SLOTS - 1], probe) < 0;
        grow_root(index, split(index, index->root, is_append));
    }
    struct node *node = index->root;
    while (!node->is_leaf) {
        uint32_t at = child_slot(node, probe);
        struct node *child = node->children[at];
        if (child->count == NODE_SLOTS) {
            bool is_append = compare_entry(&child->slots[NODE_SLOTS - 1], probe) < 0;
            struct node *right = split(index, child, is_append);
            make_room(node, at + 1);
            node->slots[at + 1] = slot_copy(index, &right->slots[0]);
            node->children[at + 1] = right;
            child = compare_entry(&right->slots[0], probe) <= 0 ? right : child;
        }
        node = child;
    }
}

/* Under the writer's lock. False when the entry is there. */
static bool
insert_locked(struct index *index, const struct probe *probe)
{
    struct path path;
    descend(index, probe, &path);
    struct node *leaf = path.nodes[path.depth];
    uint32_t at = path.places[path.depth];
    if (at < leaf->count && compare_entry(&leaf->slots[at], probe) == 0) {
        return false;
    }
    if (leaf->count == NODE_SLOTS) {
        split_full(index, probe);
        descend(index, probe, &path);
        leaf = path.nodes[path.depth];
        at = path.places[path.depth];
    }
    make_room(leaf, at);
    slot_set(index, &leaf->slots[at], probe);
    index->entries++;
    return true;
}

static ky_status
check_key(struct ky_slice key, struct ky_error *err)
{
    if (key.size <= INDEX_KEY_SIZE_MAX) {
        return KY_OK;
    }
    return ky_error_set(err, KY_PROGRAM_LIMIT_EXCEEDED,
                        "index row size %zu exceeds btree version 4 maximum %d", key.size,
                        INDEX_KEY_SIZE_MAX);
}

ky_status
index_insert(struct index *index, struct ky_slice key, row_id_t row_id, bool *is_new_out,
             struct ky_error *err)
{
    KY_TRY(check_key(key, err));
    struct probe probe = probe_of(key, row_id);
    write_lock(index);
    bool is_new = insert_locked(index, &probe);
    unlock(index);
    if (is_new_out != NULL) {
        *is_new_out = is_new;
    }
    return KY_OK;
}

ky_status
index_insert_unique(struct index *index, struct ky_slice key, row_id_t row_id, index_judge judge,
                    void *arg, enum index_verdict *verdict_out, row_id_t *existing_out,
                    bool *is_new_out, struct ky_error *err)
{
    KY_TRY(check_key(key, err));
    struct probe probe = probe_of(key, row_id);
    struct probe first = probe_of(key, 0);
    enum index_verdict verdict = INDEX_IGNORE;
    uint32_t at;
    write_lock(index);
    const struct node *leaf = find_leaf(index, &first, &at);
    while (leaf != NULL && verdict == INDEX_IGNORE) {
        if (at == leaf->count) {
            leaf = leaf->next;
            at = 0;
            continue;
        }
        const struct slot *slot = &leaf->slots[at];
        if (compare_keys(slot, &probe) != 0) {
            break;
        }
        if (slot->row_id != row_id) {
            verdict = judge(arg, slot->row_id);
            *existing_out = slot->row_id;
        }
        at++;
    }
    bool is_new = verdict == INDEX_IGNORE && insert_locked(index, &probe);
    unlock(index);
    if (is_new_out != NULL) {
        *is_new_out = is_new;
    }
    *verdict_out = verdict;
    return KY_OK;
}

/* ------------------------------------------------------------------ removing */

static void
close_gap(struct node *node, uint32_t at)
{
    node->count--;
    memmove(&node->slots[at], &node->slots[at + 1], (node->count - at) * sizeof(struct slot));
    if (!node->is_leaf) {
        memmove(&node->children[at], &node->children[at + 1],
                (node->count - at) * sizeof(struct node *));
    }
}

/* An empty leaf goes, and every inner node that is left empty by that. */
static void
unlink_empty(struct index *index, const struct path *path)
{
    struct node *node = path->nodes[path->depth];
    for (uint32_t level = path->depth; level > 0 && node->count == 0; level--) {
        struct node *parent = path->nodes[level - 1];
        uint32_t at = path->places[level - 1];
        if (node->is_leaf) {
            if (node->previous != NULL) {
                node->previous->next = node->next;
            }
            if (node->next != NULL) {
                node->next->previous = node->previous;
            }
        }
        slot_clear(index, &parent->slots[at]);
        close_gap(parent, at);
        index->nodes--;
        ky_free(node);
        node = parent;
    }
    if (node == index->root && !node->is_leaf && node->count == 0) {
        index->nodes--;
        ky_free(node);
        index->root = node_new(index, true);
        index->height = 1;
    }
}

bool
index_remove(struct index *index, struct ky_slice key, row_id_t row_id)
{
    struct probe probe = probe_of(key, row_id);
    struct path path;
    write_lock(index);
    descend(index, &probe, &path);
    struct node *leaf = path.nodes[path.depth];
    uint32_t at = path.places[path.depth];
    bool is_found = at < leaf->count && compare_entry(&leaf->slots[at], &probe) == 0;
    if (is_found) {
        slot_clear(index, &leaf->slots[at]);
        close_gap(leaf, at);
        index->entries--;
        unlink_empty(index, &path);
    }
    unlock(index);
    return is_found;
}

/* ------------------------------------------------------------------ building */

ky_status
index_build(struct index *index, index_source next, void *arg, struct ky_error *err)
{
    struct index_entry entry;
    write_lock(index);
    ky_status status = KY_OK;
    /* Sorted input: every insert is at the right edge, and splits leave full nodes behind. */
    while (status == KY_OK && next(arg, &entry)) {
        status = check_key(entry.key, err);
        if (status == KY_OK) {
            struct probe probe = probe_of(entry.key, entry.row_id);
            (void)insert_locked(index, &probe);
        }
    }
    unlock(index);
    return status;
}

/* ------------------------------------------------------------------ reading */

uint32_t
index_find(struct index *index, struct ky_slice key, row_id_t *row_ids, uint32_t max)
{
    struct probe probe = probe_of(key, 0);
    uint32_t count = 0;
    uint32_t at;
    read_lock(index);
    const struct node *leaf = find_leaf(index, &probe, &at);
    while (leaf != NULL) {
        if (at == leaf->count) {
            leaf = leaf->next;
            at = 0;
            continue;
        }
        if (compare_keys(&leaf->slots[at], &probe) != 0) {
            break;
        }
        if (count < max) {
            row_ids[count] = leaf->slots[at].row_id;
        }
        count++;
        if (count > max) {
            break; /* more than asked for: how many more does not matter */
        }
        at++;
    }
    unlock(index);
    return count;
}

/* Is key before (-1), inside (0) or after (1) a bound that counts as a prefix? */
static int
compare_bound(struct ky_slice key, struct ky_slice bound)
{
    size_t shared = KY_MIN(key.size, bound.size);
    int order = shared == 0 ? 0 : memcmp(key.data, bound.data, shared);
    if (order != 0) {
        return order;
    }
    return key.size < bound.size ? -1 : 0;
}

static bool
is_above_lower(const struct index_scan *scan, struct ky_slice key)
{
    if (!scan->has_lower) {
        return true;
    }
    int order = compare_bound(key, scan->lower);
    return scan->is_lower_exclusive ? order > 0 : order >= 0;
}

static bool
is_below_upper(const struct index_scan *scan, struct ky_slice key)
{
    if (!scan->has_upper) {
        return true;
    }
    int order = compare_bound(key, scan->upper);
    return scan->is_upper_exclusive ? order < 0 : order <= 0;
}

static void
give(struct index_scan *scan, struct index_entry *entry, const struct slot *slot)
{
    uint8_t space[INLINE_KEY_SIZE];
    struct ky_slice key = slot_key(slot, space);
    /* Offsets first, pointers at the end: the buffer may move while it grows. */
    entry->key = ky_slice((const void *)(uintptr_t)scan->keys.size, key.size);
    entry->row_id = slot->row_id;
    ky_buffer_append_slice(&scan->keys, key);
}

static void
finish_batch(struct index_scan *scan, struct index_entry *entries, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        entries[i].key.data = scan->keys.data + (uintptr_t)entries[i].key.data;
    }
    if (count > 0) {
        ky_buffer_clear(&scan->last_key);
        ky_buffer_append_slice(&scan->last_key, entries[count - 1].key);
        scan->last_row_id = entries[count - 1].row_id;
    }
}

static uint32_t
scan_forward(struct index_scan *scan, struct index_entry *entries, uint32_t max)
{
    struct probe probe = scan->is_started
                             ? probe_of(ky_buffer_slice(&scan->last_key), scan->last_row_id + 1)
                             : probe_of(scan->has_lower ? scan->lower : ky_slice(NULL, 0), 0);
    uint32_t count = 0;
    uint32_t at;
    const struct node *leaf = find_leaf(scan->index, &probe, &at);
    while (leaf != NULL && count < max) {
        if (at == leaf->count) {
            leaf = leaf->next;
            at = 0;
            continue;
        }
        uint8_t space[INLINE_KEY_SIZE];
        const struct slot *slot = &leaf->slots[at];
        struct ky_slice key = slot_key(slot, space);
        if (!is_below_upper(scan, key)) {
            scan->is_done = true;
            break;
        }
        if (is_above_lower(scan, key)) {
            give(scan, &entries[count++], slot);
        }
        at++;
    }
    return count;
}

/* Where a backward walk begins: the place after the last entry that may count. */
static const struct node *
backward_start(const struct index_scan *scan, uint32_t *end_out)
{
    const struct node *node = scan->index->root;
    if (scan->is_started) {
        struct probe probe = probe_of(ky_buffer_slice(&scan->last_key), scan->last_row_id);
        return find_leaf(scan->index, &probe, end_out);
    }
    while (!node->is_leaf) {
        uint32_t at = node->count - 1;
        uint8_t space[INLINE_KEY_SIZE];
        while (at > 0 && scan->has_upper &&
               compare_bound(slot_key(&node->slots[at], space), scan->upper) > 0) {
            at--;
        }
        node = node->children[at];
    }
    *end_out = node->count;
    return node;
}

static uint32_t
scan_backward(struct index_scan *scan, struct index_entry *entries, uint32_t max)
{
    uint32_t count = 0;
    uint32_t end;
    const struct node *leaf = backward_start(scan, &end);
    while (leaf != NULL && count < max) {
        if (end == 0) {
            leaf = leaf->previous;
            end = leaf == NULL ? 0 : leaf->count;
            continue;
        }
        uint8_t space[INLINE_KEY_SIZE];
        const struct slot *slot = &leaf->slots[end - 1];
        struct ky_slice key = slot_key(slot, space);
        if (!is_above_lower(scan, key)) {
            scan->is_done = true;
            break;
        }
        if (is_below_upper(scan, key)) {
            give(scan, &entries[count++], slot);
        }
        end--;
    }
    return count;
}

uint32_t
index_scan_next(struct index_scan *scan, struct index_entry *entries, uint32_t max)
{
    if (scan->is_done) {
        return 0;
    }
    ky_buffer_clear(&scan->keys);
    read_lock(scan->index);
    uint32_t count =
        scan->is_backward ? scan_backward(scan, entries, max) : scan_forward(scan, entries, max);
    unlock(scan->index);
    scan->is_started = true;
    finish_batch(scan, entries, count);
    if (count == 0) {
        scan->is_done = true;
    }
    return count;
}

void
index_scan_deinit(struct index_scan *scan)
{
    ky_buffer_deinit(&scan->keys);
    ky_buffer_deinit(&scan->last_key);
}

/* ------------------------------------------------------------------ looking at it */

void
index_stats(struct index *index, struct index_stats *stats_out)
{
    read_lock(index);
    *stats_out = (struct index_stats){
        .entries = index->entries,
        .bytes = index->nodes * sizeof(struct node) + index->key_bytes,
        .height = index->height,
        .nodes = index->nodes,
    };
    unlock(index);
}

static ky_status
verify_node(const struct node *node, uint32_t level, uint32_t height, uint64_t *entries,
            struct ky_error *err)
{
    uint8_t space[INLINE_KEY_SIZE];
    if (node->is_leaf != (level == height)) {
        return ky_error_set(err, KY_INDEX_CORRUPTED, "index has leaves at different depths");
    }
    for (uint32_t i = 0; i < node->count; i++) {
        if (i > 0) {
            struct probe after = probe_of(slot_key(&node->slots[i], space), node->slots[i].row_id);
            if (compare_entry(&node->slots[i - 1], &after) >= 0) {
                return ky_error_set(err, KY_INDEX_CORRUPTED, "index entries are out of order");
            }
        }
        if (!node->is_leaf) {
            KY_TRY(verify_node(node->children[i], level + 1, height, entries, err));
        }
    }
    *entries += node->is_leaf ? node->count : 0;
    return KY_OK;
}

ky_status
index_verify(struct index *index, struct ky_error *err)
{
    uint64_t entries = 0;
    read_lock(index);
    ky_status status = verify_node(index->root, 1, index->height, &entries, err);
    if (status == KY_OK && entries != index->entries) {
        status = ky_error_set(err, KY_INDEX_CORRUPTED, "index counts %llu entries and holds %llu",
                              (unsigned long long)index->entries, (unsigned long long)entries);
    }
    unlock(index);
    return status;
}
