/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A learned index in a file. Little-endian; the header fills a page, sections begin at pages.
 *
 *   header, 4096 bytes
 *      0 u64 magic "KYIDXRMI"     8 u32 version (2)       12 u32 header_size (4096)
 *     16 u32 incompat 0          20 u32 key_size         24 u32 prefix_size
 *     28 u32 errors: p50, p99, greatest, 0 (a byte each)
 *     32 u64 entries             40 u64 rests_size
 *     48 u32 blocks              52 u32 leaves           56 u32 separators   60 u32 reserved 0
 *     64 prefix (32 bytes)
 *     96 sections, 24 bytes each: u64 offset, u64 size, u64 sum (XXH3-64, seeded with its number)
 *        0 blocks  1 leaves  2 separators  3 rests  4 places of rests  5 odd entries
 *    240 zeros                 4092 u32 crc32c of bytes 0..4091
 *
 * Blocks, leaves and separators lie there as in memory; the odd entries as a saved B+tree. The
 * root is made anew. What is loaded is believed when every sum is right and every invariant that a
 * search relies on holds: verify.h walks all of it, and relies on no sum. Row words change while
 * the index is used, so the sections are copied and the file is not needed afterwards.
 */

#include "index/rmi/gather.h"
#include "index/rmi/rebuild.h"
#include "index/rmi/rmi.h"
#include "index/rmi/verify.h"
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "server/base/failpoint.h"
#include "server/base/map.h"

#define SAVE_MAGIC 0x494D525844494B59ULL /* "YKIDXRMI", read from the low byte */

enum {
    SAVE_VERSION = 2,
    SAVE_PAGE_SIZE = 4096,
    SAVE_SECTIONS = 6,
    SAVE_SECTIONS_OFFSET = 96,
    SAVE_SECTION_SIZE = 24,
    SAVE_CRC_OFFSET = SAVE_PAGE_SIZE - 4,
    SAVE_BATCH = 256,
    BLOCKS = 0, /* their section */
    LOAD_PART_SIZE = 64 * 1024,
};

_Static_assert(SAVE_SECTIONS_OFFSET + SAVE_SECTIONS * SAVE_SECTION_SIZE == 240, "drawn above");
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "sections are written as they lie in memory"
#endif

/* ---- writing */

static void
gather_kept(struct rmi *rmi, index_keep keep, void *arg, struct rmi_gather *gather)
{
    struct index_entry entries[SAVE_BATCH];
    struct index_scan scan = {0};
    rmi_gather_init(gather, NULL);
    for (uint32_t count; (count = rmi_scan_next(rmi, &scan, entries, SAVE_BATCH)) > 0;) {
        for (uint32_t i = 0; i < count; i++) {
            if (keep == NULL || keep(arg, entries[i].key, entries[i].row_id)) {
                rmi_gather_add(gather, entries[i].key, entries[i].row_id);
            }
        }
    }
    ky_buffer_deinit(&scan.keys);
    ky_buffer_deinit(&scan.last_key);
}

/* Collects what a tree writes. */
struct memory_sink {
    struct state_sink sink;
    struct ky_buffer bytes;
};

static ky_status
memory_write(struct state_sink *sink, struct ky_slice bytes, struct ky_error *err)
{
    (void)err;
    ky_buffer_append_slice(&((struct memory_sink *)(void *)sink)->bytes, bytes);
    return KY_OK;
}

static void
make_header(const struct rmi_run *run, const struct ky_slice *sections, uint8_t *header)
{
    memset(header, 0, SAVE_PAGE_SIZE);
    ky_store_le64(header, SAVE_MAGIC);
    ky_store_le32(header + 8, SAVE_VERSION);
    ky_store_le32(header + 12, SAVE_PAGE_SIZE);
    ky_store_le32(header + 20, run->shape.key_size);
    ky_store_le32(header + 24, run->shape.prefix_size);
    header[28] = (uint8_t)run->spill_p50;
    header[29] = (uint8_t)run->spill_p99;
    header[30] = (uint8_t)run->spill_max;
    ky_store_le64(header + 32, run->entry_count);
    ky_store_le64(header + 40, run->rests_size);
    ky_store_le32(header + 48, run->block_count);
    ky_store_le32(header + 52, run->leaf_count);
    ky_store_le32(header + 56, run->separators_count);
    memcpy(header + 64, run->shape.prefix, RMI_PREFIX_MAX);
    uint64_t offset = SAVE_PAGE_SIZE;
    for (uint32_t i = 0; i < SAVE_SECTIONS; i++) {
        uint8_t *place = header + SAVE_SECTIONS_OFFSET + (size_t)i * SAVE_SECTION_SIZE;
        ky_store_le64(place, offset);
        ky_store_le64(place + 8, sections[i].size);
        ky_store_le64(place + 16, ky_hash_bytes(sections[i].data, sections[i].size, i));
        offset += ky_align_up(sections[i].size, SAVE_PAGE_SIZE);
    }
    ky_store_le32(header + SAVE_CRC_OFFSET, ky_crc32c(0, header, SAVE_CRC_OFFSET));
}

static ky_status
write_sections(const struct rmi_run *run, struct ky_slice odd, struct state_sink *sink,
               struct ky_error *err)
{
    static const uint8_t zeros[SAVE_PAGE_SIZE];
    const struct ky_slice sections[SAVE_SECTIONS] = {
        ky_slice(run->blocks, (size_t)run->block_count * sizeof(struct rmi_block)),
        ky_slice(run->leaves, ((size_t)run->leaf_count + 1) * sizeof(struct rmi_leaf)),
        ky_slice(run->separators, (size_t)run->separators_count * sizeof(struct rmi_separators)),
        ky_slice(run->rests, run->rests_size),
        ky_slice(run->rest_places,
                 run->rest_places == NULL ? 0 : rmi_slot_end(run) * sizeof(uint32_t)),
        odd,
    };
    uint8_t *header = (uint8_t *)ky_malloc(SAVE_PAGE_SIZE);
    make_header(run, sections, header);
    ky_status status = sink->write(sink, ky_slice(header, SAVE_PAGE_SIZE), err);
    ky_free(header);
    for (uint32_t i = 0; i < SAVE_SECTIONS && status == KY_OK; i++) {
        const size_t padding = ky_align_up(sections[i].size, SAVE_PAGE_SIZE) - sections[i].size;
        if (sections[i].size > 0) {
            status = sink->write(sink, sections[i], err);
        }
        failpoint("rmi-saving");
        if (status == KY_OK && padding > 0) {
            status = sink->write(sink, ky_slice(zeros, padding), err);
        }
    }
    return status;
}

ky_status
rmi_save(struct rmi *rmi, index_keep keep, void *arg, struct state_sink *sink, struct ky_error *err)
{
    struct rmi_gather gather;
    struct rmi_run *run = NULL;
    struct rmi_delta *odd = NULL;
    const char *reason = NULL;
    gather_kept(rmi, keep, arg, &gather);
    rmi_make(&gather, &run, &odd, &reason);
    rmi_gather_deinit(&gather);
    struct memory_sink memory = {.sink = {memory_write}};
    ky_status status = odd == NULL ? KY_OK : btree_save(&odd->tree, NULL, NULL, &memory.sink, err);
    if (status == KY_OK) {
        status = write_sections(run, ky_buffer_slice(&memory.bytes), sink, err);
    }
    ky_buffer_deinit(&memory.bytes);
    rmi_delta_free(odd);
    rmi_run_free(run);
    return status;
}

/* ---- loading */

struct loader {
    const uint8_t *bytes;
    size_t size;
    struct ky_slice sections[SAVE_SECTIONS];
    uint64_t sums[SAVE_SECTIONS];
    const char *damage; /* NULL: none found */
};

static bool
damaged(struct loader *loader, const char *what)
{
    loader->damage = what;
    return false;
}

static bool
are_zeros(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static bool
check_sum(struct loader *loader, uint32_t section, uint64_t sum)
{
    return sum == loader->sums[section] ||
           damaged(loader, "the checksum of a section does not match");
}

static bool
read_sections(struct loader *loader)
{
    const uint8_t *header = loader->bytes;
    if (loader->size < SAVE_PAGE_SIZE || ky_load_le64(header) != SAVE_MAGIC) {
        return damaged(loader, "it does not begin like one");
    }
    if (ky_load_le32(header + SAVE_CRC_OFFSET) != ky_crc32c(0, header, SAVE_CRC_OFFSET)) {
        return damaged(loader, "the checksum of its header does not match");
    }
    if (ky_load_le32(header + 8) != SAVE_VERSION || ky_load_le32(header + 12) != SAVE_PAGE_SIZE ||
        ky_load_le32(header + 16) != 0) {
        return damaged(loader, "it has another version");
    }
    uint64_t offset = SAVE_PAGE_SIZE;
    for (uint32_t i = 0; i < SAVE_SECTIONS; i++) {
        const uint8_t *place = header + SAVE_SECTIONS_OFFSET + (size_t)i * SAVE_SECTION_SIZE;
        const uint64_t size = ky_load_le64(place + 8);
        if (ky_load_le64(place) != offset || size > loader->size - offset) {
            return damaged(loader, "a section lies outside of it");
        }
        loader->sections[i] = ky_slice(loader->bytes + offset, size);
        const uint64_t padding = ky_align_up(size, SAVE_PAGE_SIZE) - size;
        if (padding > loader->size - offset - size ||
            !are_zeros(loader->bytes + offset + size, padding)) {
            return damaged(loader, "a section is not padded");
        }
        loader->sums[i] = ky_load_le64(place + 16);
        /* The blocks' sum is made while they are copied. */
        if (i != BLOCKS &&
            !check_sum(loader, i, ky_hash_bytes(loader->sections[i].data, size, i))) {
            return false;
        }
        offset += size + padding;
    }
    return offset == loader->size || damaged(loader, "something follows its end");
}

static bool
read_shape(struct loader *loader, struct rmi_shape *shape)
{
    const uint8_t *header = loader->bytes;
    const uint32_t key_size = ky_load_le32(header + 20);
    const uint32_t prefix_size = ky_load_le32(header + 24);
    if (prefix_size > RMI_PREFIX_MAX || (key_size != 0 && key_size < prefix_size) ||
        (key_size > INDEX_KEY_SIZE_MAX && key_size != rmi_no_shape.key_size)) {
        return damaged(loader, "its keys have an impossible shape");
    }
    *shape =
        (struct rmi_shape){.key_size = (uint16_t)key_size, .prefix_size = (uint16_t)prefix_size};
    memcpy(shape->prefix, header + 64, RMI_PREFIX_MAX);
    shape->is_exact = key_size == rmi_no_shape.key_size ||
                      (key_size != 0 && key_size - prefix_size <= RMI_CODE_SIZE);
    return true;
}

static bool
read_counts(struct loader *loader, struct rmi_run *run)
{
    const uint8_t *header = loader->bytes;
    run->entry_count = ky_load_le64(header + 32);
    run->rests_size = ky_load_le64(header + 40);
    run->block_count = ky_load_le32(header + 48);
    run->leaf_count = ky_load_le32(header + 52);
    run->separators_count = ky_load_le32(header + 56);
    run->spill_p50 = header[28];
    run->spill_p99 = header[29];
    run->spill_max = header[30];
    const bool is_fixed = run->shape.key_size != 0;
    const uint64_t slots = run->block_count == 0 ? 0 : rmi_slot_end(run);
    const uint64_t fixed_size = run->shape.is_exact ? 0 : slots * rmi_rest_size(&run->shape);
    const uint64_t places_size = is_fixed ? 0 : slots * sizeof(uint32_t);
    if (run->block_count == 0 ||
        loader->sections[0].size != (size_t)run->block_count * sizeof(struct rmi_block) ||
        loader->sections[1].size != ((size_t)run->leaf_count + 1) * sizeof(struct rmi_leaf) ||
        loader->sections[2].size != (size_t)run->separators_count * sizeof(struct rmi_separators) ||
        loader->sections[3].size != run->rests_size ||
        (is_fixed && run->rests_size != fixed_size) || loader->sections[4].size != places_size ||
        run->rests_size > UINT32_MAX + fixed_size) {
        return damaged(loader, "its counts do not match its sections");
    }
    return true;
}

static void *
copy_pages(struct ky_slice section, size_t extra)
{
    void *pages = rmi_pages_new(section.size + extra);
    if (section.size > 0) {
        memcpy(pages, section.data, section.size);
    }
    return pages;
}

/* Copies the blocks, makes their sum and verifies them, each part while it is in the cache. */
static bool
load_blocks(struct loader *loader, struct rmi_run *run)
{
    const struct ky_slice section = loader->sections[BLOCKS];
    const uint8_t *from = (const uint8_t *)section.data;
    uint8_t *to = (uint8_t *)(void *)run->blocks;
    struct ky_hash *hash = ky_hash_new(BLOCKS);
    struct rmi_walk walk;
    /* Row words that only a run in use has are strange in a file. */
    rmi_walk_init(&walk, run, ~(RMI_ROW_MASK | RMI_ROW_IS_PAD | RMI_ROW_HAS_TWIN));
    for (size_t offset = 0; offset < section.size;) {
        const size_t size = KY_MIN((size_t)LOAD_PART_SIZE, section.size - offset);
        ky_hash_add(hash, from + offset, size);
        memcpy(to + offset, from + offset, size);
        offset += size;
        walk.ahead = (const char *)from + offset;
        (void)rmi_walk_to(&walk, (uint32_t)(offset / sizeof(struct rmi_block)));
    }
    run->last_code = walk.last_code;
    run->has_twins = walk.twins != 0;
    run->row_max = rmi_walk_row_max(&walk);
    struct ky_error err;
    ky_error_init(&err);
    return check_sum(loader, BLOCKS, ky_hash_finish(hash)) &&
           (rmi_walk_finish(&walk, &err) == KY_OK ||
            damaged(loader, "its entries are not where its model says"));
}

/* NULL when anything is wrong; then damage says what. */
static struct rmi_run *
load_run(struct loader *loader)
{
    struct rmi_run *run = (struct rmi_run *)ky_calloc(1, sizeof(*run));
    if (!read_shape(loader, &run->shape) || !read_counts(loader, run)) {
        ky_free(run);
        return NULL;
    }
    const struct ky_slice *sections = loader->sections;
    run->blocks =
        (struct rmi_block *)rmi_pages_new(sections[BLOCKS].size + sizeof(struct rmi_block));
    run->leaves = (struct rmi_leaf *)ky_malloc(sections[1].size);
    memcpy(run->leaves, sections[1].data, sections[1].size);
    run->separators =
        (struct rmi_separators *)copy_pages(sections[2], sizeof(struct rmi_separators));
    run->rests = run->shape.is_exact ? NULL : (uint8_t *)copy_pages(sections[3], 1);
    if (run->shape.key_size == 0) {
        run->rest_places = (uint32_t *)copy_pages(sections[4], sizeof(uint32_t));
    }
    rmi_run_index(run);
    if (!load_blocks(loader, run)) {
        rmi_run_free(run);
        return NULL;
    }
    rmi_run_choose_search(run);
    for (uint32_t i = 0; i < run->leaf_count; i++) {
        run->model_leaves += run->leaves[i].kind == RMI_LEAF_MODEL;
        run->packed_leaves += run->leaves[i].kind == RMI_LEAF_PACKED;
        run->single_leaves += run->leaves[i].kind == RMI_LEAF_SINGLE;
    }
    return run;
}

static void
drop_unwanted(struct rmi_run *run, index_keep keep, void *arg)
{
    struct ky_buffer key = {0};
    for (uint64_t slot = 0; slot < rmi_slot_end(run); slot++) {
        const uint64_t word = rmi_slot_word(run, slot);
        if ((word & RMI_ROW_IS_PAD) != 0) {
            continue;
        }
        ky_buffer_clear(&key);
        rmi_slot_append_key(run, slot, &key);
        if (!keep(arg, ky_buffer_slice(&key), word & RMI_ROW_MASK)) {
            rmi_slot_mark(run, slot, RMI_ROW_IS_DEAD);
            atomic_fetch_add_explicit(&run->dead_count, 1, memory_order_relaxed);
        }
    }
    ky_buffer_deinit(&key);
}

/* An odd key must not be one that lookups seek in the run only. */
static ky_status
check_odd(const struct rmi_run *run, struct rmi_delta *odd, struct ky_error *err)
{
    struct index_entry entries[SAVE_BATCH];
    struct index_scan scan = {0};
    ky_status status = KY_OK;
    for (uint32_t count; status == KY_OK &&
                         (count = btree_scan_next(&odd->tree, &scan, entries, SAVE_BATCH)) > 0;) {
        for (uint32_t i = 0; i < count && status == KY_OK; i++) {
            odd->row_max = KY_MAX(odd->row_max, entries[i].row_id);
            if (rmi_shape_fits(&run->shape, entries[i].key)) {
                status = ky_error_set(err, KY_DATA_CORRUPTED,
                                      "saved index is damaged: a key is in the wrong section");
            }
        }
    }
    ky_buffer_deinit(&scan.keys);
    ky_buffer_deinit(&scan.last_key);
    return status;
}

ky_status
rmi_load(struct rmi *rmi, struct ky_slice bytes, index_keep keep, void *arg, struct ky_error *err)
{
    struct loader loader = {.bytes = (const uint8_t *)bytes.data, .size = bytes.size};
    struct rmi_run *run = read_sections(&loader) ? load_run(&loader) : NULL;
    if (run == NULL) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "saved index is damaged: %s", loader.damage);
    }
    struct rmi_delta *odd = NULL;
    if (loader.sections[5].size > 0) {
        odd = rmi_delta_new(&rmi_no_shape);
        ky_status status = btree_load(&odd->tree, loader.sections[5], keep, arg, err);
        if (status == KY_OK) {
            status = check_odd(run, odd, err);
        }
        if (status != KY_OK) {
            rmi_delta_free(odd);
            rmi_run_free(run);
            return KY_ERR;
        }
    }
    if (keep != NULL) {
        drop_unwanted(run, keep, arg);
    }
    rmi_adopt(rmi, run, odd, "loaded");
    return KY_OK;
}
