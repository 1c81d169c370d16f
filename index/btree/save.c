/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A tree saved as its sorted run of entries. Little-endian, everything a multiple of 8 bytes:
 *
 *   header, 32 bytes
 *      0 u64 magic "KYIDXRUN"    8 u32 version (1)       12 u32 header_size (32)
 *     16 u32 incompat 0         20 u64 reserved 0        28 u32 crc32c of bytes 0..27
 *   blocks, each a header of 32 bytes and a payload
 *      0 u32 payload_size        4 u32 entry_count        8 u64 entries in blocks before
 *     16 u64 payload sum (XXH3-64, seeded with the number of the block)
 *     24 u32 reserved 0         28 u32 crc32c of bytes 0..27
 *   a last block without payload and entries, and nothing behind it
 *
 * Payload: entries in order, zeros up to a multiple of 8. An entry is three numbers (seven bits a
 * byte, lowest first, the high bit says that more follow) with the key's rest between them:
 *
 *   bytes shared with the key before    bytes of rest    rest    row id, minus the one before,
 *                                                                sign in bit 0
 *
 * The first entry of a block stands alone: it shares nothing, the row id before it is 0.
 *
 * Nothing is believed before its sum was right. What a sum cannot vouch for, sizes, order and row
 * ids, is checked as well, since the builder of trees relies on it.
 */

#include "index/btree/btree.h"
#include "server/base/arena.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "server/base/map.h"

#define SAVE_MAGIC 0x4E5552584449594BULL /* "KYIDXRUN" */

enum {
    SAVE_VERSION = 1,
    SAVE_HEADER_SIZE = 32,
    SAVE_BLOCK_HEADER_SIZE = 32,
    SAVE_BLOCK_SIZE = 64 * 1024, /* a block is ended above this */
    SAVE_ENTRY_SIZE_MAX = 3 + 3 + INDEX_KEY_SIZE_MAX + 10,
    SAVE_PAYLOAD_MAX = SAVE_BLOCK_SIZE + SAVE_ENTRY_SIZE_MAX + 8,
    SAVE_BATCH = 256,
    VARINT_SIZE_MAX = 10,
};

/* ------------------------------------------------------------------ writing */

struct saver {
    struct state_sink *sink;
    struct ky_buffer block; /* header and payload */
    uint32_t block_entries;
    uint64_t block_count;
    uint64_t entries; /* in blocks written */
    uint8_t last_key[INDEX_KEY_SIZE_MAX];
    size_t last_size;
    row_id_t last_row_id;
};

static size_t
put_varint(uint8_t *place, uint64_t value)
{
    size_t size = 0;
    while (value >= 0x80) {
        place[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    place[size++] = (uint8_t)value;
    return size;
}

static void
begin_block(struct saver *saver)
{
    ky_buffer_clear(&saver->block);
    (void)ky_buffer_extend(&saver->block, SAVE_BLOCK_HEADER_SIZE);
    saver->block_entries = 0;
    saver->last_size = 0;
    saver->last_row_id = 0;
}

/* Also writes the last block, which is empty. */
static ky_status
end_block(struct saver *saver, struct ky_error *err)
{
    size_t size = saver->block.size;
    size_t padding = ky_align_up(size, 8) - size;
    memset(ky_buffer_extend(&saver->block, padding), 0, padding);
    uint8_t *header = saver->block.data;
    size_t payload_size = saver->block.size - SAVE_BLOCK_HEADER_SIZE;
    ky_store_le32(header, (uint32_t)payload_size);
    ky_store_le32(header + 4, saver->block_entries);
    ky_store_le64(header + 8, saver->entries);
    ky_store_le64(header + 16,
                  ky_hash_bytes(header + SAVE_BLOCK_HEADER_SIZE, payload_size, saver->block_count));
    ky_store_le32(header + 24, 0);
    ky_store_le32(header + 28, ky_crc32c(0, header, 28));
    KY_TRY(saver->sink->write(saver->sink, ky_buffer_slice(&saver->block), err));
    saver->entries += saver->block_entries;
    saver->block_count++;
    begin_block(saver);
    return KY_OK;
}

static ky_status
save_entry(struct saver *saver, struct ky_slice key, row_id_t row_id, struct ky_error *err)
{
    const uint8_t *bytes = (const uint8_t *)key.data;
    size_t limit = KY_MIN(key.size, saver->last_size);
    size_t shared = 0;
    while (shared < limit && bytes[shared] == saver->last_key[shared]) {
        shared++;
    }
    uint8_t *place = ky_buffer_extend(&saver->block, SAVE_ENTRY_SIZE_MAX);
    uint8_t *at = place;
    at += put_varint(at, shared);
    at += put_varint(at, key.size - shared);
    if (key.size > shared) {
        memcpy(at, bytes + shared, key.size - shared);
        memcpy(saver->last_key + shared, bytes + shared, key.size - shared);
    }
    at += key.size - shared;
    bool is_below = row_id < saver->last_row_id;
    uint64_t distance = is_below ? saver->last_row_id - row_id : row_id - saver->last_row_id;
    at += put_varint(at, distance << 1 | (uint64_t)is_below);
    saver->block.size -= SAVE_ENTRY_SIZE_MAX - (size_t)(at - place);
    saver->last_size = key.size;
    saver->last_row_id = row_id;
    saver->block_entries++;
    return saver->block.size >= SAVE_BLOCK_SIZE ? end_block(saver, err) : KY_OK;
}

static ky_status
save_entries(struct saver *saver, struct btree *tree, index_keep keep, void *arg,
             struct ky_error *err)
{
    struct index_entry entries[SAVE_BATCH];
    struct index_scan scan = {0};
    ky_status status = KY_OK;
    for (uint32_t count;
         status == KY_OK && (count = btree_scan_next(tree, &scan, entries, SAVE_BATCH)) > 0;) {
        for (uint32_t i = 0; i < count && status == KY_OK; i++) {
            if (keep == NULL || keep(arg, entries[i].key, entries[i].row_id)) {
                status = save_entry(saver, entries[i].key, entries[i].row_id, err);
            }
        }
    }
    ky_buffer_deinit(&scan.keys);
    ky_buffer_deinit(&scan.last_key);
    return status;
}

ky_status
btree_save(struct btree *tree, index_keep keep, void *arg, struct state_sink *sink,
           struct ky_error *err)
{
    uint8_t header[SAVE_HEADER_SIZE] = {0};
    ky_store_le64(header, SAVE_MAGIC);
    ky_store_le32(header + 8, SAVE_VERSION);
    ky_store_le32(header + 12, SAVE_HEADER_SIZE);
    ky_store_le32(header + 28, ky_crc32c(0, header, 28));
    KY_TRY(sink->write(sink, ky_slice(header, sizeof(header)), err));
    struct saver *saver = (struct saver *)ky_calloc(1, sizeof(*saver));
    saver->sink = sink;
    begin_block(saver);
    ky_status status = save_entries(saver, tree, keep, arg, err);
    if (status == KY_OK && saver->block_entries > 0) {
        status = end_block(saver, err);
    }
    if (status == KY_OK) {
        status = end_block(saver, err);
    }
    ky_buffer_deinit(&saver->block);
    ky_free(saver);
    return status;
}

/* ------------------------------------------------------------------ loading */

struct loader {
    const uint8_t *bytes;
    size_t size;
    size_t offset; /* of the next block */
    uint64_t block_count;
    uint64_t entries;  /* in blocks before the one being read */
    const uint8_t *at; /* in its payload */
    const uint8_t *end;
    uint32_t left; /* of its entries */
    uint8_t key[INDEX_KEY_SIZE_MAX];
    size_t key_size;
    row_id_t row_id;       /* of the entry before in the block */
    row_id_t order_row_id; /* of the entry before */
    bool has_entry;
    bool is_done;
    index_keep keep;
    void *arg;
    const char *damage; /* NULL: none found */
};

static bool
damaged(struct loader *loader, const char *what)
{
    loader->damage = what;
    return false;
}

static bool
read_header(struct loader *loader)
{
    if (loader->size < SAVE_HEADER_SIZE || ky_load_le64(loader->bytes) != SAVE_MAGIC) {
        return damaged(loader, "it does not begin like one");
    }
    if (ky_load_le32(loader->bytes + 28) != ky_crc32c(0, loader->bytes, 28)) {
        return damaged(loader, "the checksum of its header does not match");
    }
    if (ky_load_le32(loader->bytes + 8) != SAVE_VERSION ||
        ky_load_le32(loader->bytes + 12) != SAVE_HEADER_SIZE ||
        ky_load_le32(loader->bytes + 16) != 0) {
        return damaged(loader, "it has another version");
    }
    loader->offset = SAVE_HEADER_SIZE;
    return true;
}

/* Goes to the next block. False at the end, and at damage. */
static bool
next_block(struct loader *loader)
{
    const uint8_t *header = loader->bytes + loader->offset;
    if (loader->size - loader->offset < SAVE_BLOCK_HEADER_SIZE) {
        return damaged(loader, "it ends early");
    }
    if (ky_load_le32(header + 28) != ky_crc32c(0, header, 28)) {
        return damaged(loader, "the checksum of a block header does not match");
    }
    uint32_t payload_size = ky_load_le32(header);
    uint32_t count = ky_load_le32(header + 4);
    loader->offset += SAVE_BLOCK_HEADER_SIZE;
    if (payload_size > SAVE_PAYLOAD_MAX || payload_size % 8 != 0 || count > payload_size ||
        (count == 0) != (payload_size == 0) || payload_size > loader->size - loader->offset ||
        ky_load_le64(header + 8) != loader->entries) {
        return damaged(loader, "a block has an impossible size");
    }
    loader->at = loader->bytes + loader->offset;
    if (ky_load_le64(header + 16) != ky_hash_bytes(loader->at, payload_size, loader->block_count)) {
        return damaged(loader, "the checksum of a block does not match");
    }
    if (count == 0) {
        loader->is_done = true;
        return loader->offset == loader->size ? false
                                              : damaged(loader, "something follows its end");
    }
    loader->end = loader->at + payload_size;
    loader->offset += payload_size;
    loader->left = count;
    loader->entries += count;
    loader->block_count++;
    loader->row_id = 0;
    return true;
}

static bool
get_varint(struct loader *loader, uint64_t *value_out)
{
    if (KY_LIKELY(loader->at < loader->end && *loader->at < 0x80)) {
        *value_out = *loader->at++;
        return true;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_SIZE_MAX && loader->at < loader->end; i++) {
        uint8_t byte = *loader->at++;
        value |= (uint64_t)(byte & 0x7F) << (i * 7);
        if (byte < 0x80) {
            *value_out = value;
            return i < VARINT_SIZE_MAX - 1 || byte <= 1;
        }
    }
    return false;
}

/* The rest of the new key against the rest of the one before: their beginnings are equal. */
static int
compare_rests(const struct loader *loader, size_t shared, uint64_t rest)
{
    size_t before = loader->key_size - shared;
    size_t common = KY_MIN(before, (size_t)rest);
    int order = common == 0 ? 0 : memcmp(loader->at, loader->key + shared, common);
    return order != 0 ? order : (rest > before) - (rest < before);
}

static bool
read_entry(struct loader *loader, bool is_first)
{
    uint64_t shared = 0;
    uint64_t rest = 0;
    uint64_t distance = 0;
    if (!get_varint(loader, &shared) || !get_varint(loader, &rest) ||
        shared > (is_first ? 0 : loader->key_size) || rest > INDEX_KEY_SIZE_MAX - shared ||
        rest > (uint64_t)(loader->end - loader->at)) {
        return damaged(loader, "a key is malformed");
    }
    int order = loader->has_entry ? compare_rests(loader, shared, rest) : 1;
    if (rest > 0) {
        memcpy(loader->key + shared, loader->at, rest);
    }
    loader->at += rest;
    loader->key_size = shared + rest;
    if (!get_varint(loader, &distance)) {
        return damaged(loader, "a row number is malformed");
    }
    /* Wraps around when it is wrong, and is found too great then. */
    loader->row_id =
        (distance & 1) != 0 ? loader->row_id - (distance >> 1) : loader->row_id + (distance >> 1);
    if (loader->row_id > ROW_ID_MAX) {
        return damaged(loader, "a row number is out of range");
    }
    if (order < 0 || (order == 0 && loader->row_id <= loader->order_row_id)) {
        return damaged(loader, "its entries are not in order");
    }
    loader->order_row_id = loader->row_id;
    loader->has_entry = true;
    return true;
}

static bool
next_saved(void *arg, struct index_entry *entry_out)
{
    struct loader *loader = (struct loader *)arg;
    for (;;) {
        bool is_first = loader->left == 0;
        if (is_first && (loader->damage != NULL || loader->is_done || !next_block(loader))) {
            return false;
        }
        if (!read_entry(loader, is_first)) {
            loader->left = 0;
            return false;
        }
        loader->left--;
        if (loader->left == 0 && loader->end - loader->at >= 8) {
            return damaged(loader, "a block holds more than its entries");
        }
        entry_out->key = ky_slice(loader->key, loader->key_size);
        entry_out->row_id = loader->row_id;
        if (loader->keep == NULL || loader->keep(loader->arg, entry_out->key, entry_out->row_id)) {
            return true;
        }
    }
}

ky_status
btree_load(struct btree *tree, struct ky_slice bytes, index_keep keep, void *arg,
           struct ky_error *err)
{
    struct loader *loader = (struct loader *)ky_calloc(1, sizeof(*loader));
    loader->bytes = (const uint8_t *)bytes.data;
    loader->size = bytes.size;
    loader->keep = keep;
    loader->arg = arg;
    ky_status status = KY_OK;
    if (read_header(loader)) {
        status = btree_build(tree, next_saved, loader, err);
    }
    if (status == KY_OK && loader->damage != NULL) {
        btree_clear(tree);
        status = ky_error_set(err, KY_DATA_CORRUPTED, "saved index is damaged: %s", loader->damage);
    }
    ky_free(loader);
    return status;
}
