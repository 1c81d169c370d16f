/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/crc32c.h"
#include "server/base/epoch.h"
#include "server/base/map.h"
#include "storage/checkpoint/writer.h"

/*
 * The rows of a checkpoint. First every page of the directory gets its place in the new list:
 * either where an earlier checkpoint put it, if nothing in it has changed since, or to be written.
 * Then those are written, one file for all of them. So that pages do not end up in ever more files
 * that are mostly dead, a file of which less than half still counts is written anew with them,
 * and so are the smallest ones when there would be more than CHECKPOINT_ROWS_FILES_MAX.
 *
 * Commits go on meanwhile. A page's newest change is read after the position C of the checkpoint
 * was fixed and before its slots are, so it covers every commit below C that the copy has; a commit
 * at or above C raises it to C or more, and the next checkpoint writes the page again.
 */
/* ------------------------------------------------------------------ what there is */

static void
note_page(struct checkpoint_writer *writer, rel_id_t rel, uint64_t page, lsn_t change_lsn)
{
    const struct checkpoint_page *old = checkpoint_list_page(writer->old, rel, page);
    struct checkpoint_list *list = writer->list;
    struct checkpoint_page *place =
        CHECKPOINT_ADD(list->pages, list->page_count, writer->page_capacity);
    if (old != NULL && change_lsn < old->lsn) {
        *place = *old;
    } else {
        *place = (struct checkpoint_page){.rel = rel, .page = page};
    }
}

/* Pages without a change since they were empty hold no row. */
static void
note_relation(struct checkpoint_writer *writer, rel_id_t rel)
{
    ky_epoch_enter();
    const struct relation *relation = directory_find(&writer->storage->directory, rel);
    if (relation != NULL &&
        atomic_load_explicit(&relation->drop_lsn, memory_order_acquire) >= writer->list->lsn) {
        struct checkpoint_list *list = writer->list;
        struct checkpoint_relation *place =
            CHECKPOINT_ADD(list->relations, list->relation_count, writer->relation_capacity);
        *place = (struct checkpoint_relation){
            .rel = rel,
            .next_row_id = atomic_load_explicit(&relation->next_row_id, memory_order_acquire),
            .appended_bytes = atomic_load_explicit(&relation->appended_bytes, memory_order_relaxed),
            .appended_count = atomic_load_explicit(&relation->appended_count, memory_order_relaxed),
        };
        place->next_row_id = KY_MIN(place->next_row_id, ROW_ID_MAX + 1);
        for (row_id_t first = 0; first < place->next_row_id; first += PAGE_SLOTS) {
            const struct chunk *chunk = relation_chunk(relation, first);
            lsn_t change_lsn = chunk == NULL ? 0 : chunk_change_lsn(chunk, first);
            if (change_lsn != 0) {
                note_page(writer, rel, first >> PAGE_BITS, change_lsn);
            }
        }
    }
    ky_epoch_leave();
}

static void
note_all(struct checkpoint_writer *writer)
{
    const struct directory *directory = &writer->storage->directory;
    struct checkpoint_list *list = writer->list;
    rel_id_t rel = 0;
    for (uint64_t next = 0; next <= UINT32_MAX && directory_next(directory, (rel_id_t)next, &rel);
         next = (uint64_t)rel + 1) {
        note_relation(writer, rel);
        const _Atomic uint64_t *counter = directory_find_counter(directory, rel);
        if (counter != NULL) {
            *CHECKPOINT_ADD(list->counters, list->counter_count, writer->counter_capacity) =
                (struct checkpoint_counter){
                    .id = rel, .value = atomic_load_explicit(counter, memory_order_acquire)};
        }
    }
}

/* ------------------------------------------------------------------ files to write anew */

struct rows_file {
    uint64_t serial;
    uint64_t live_size; /* of pages in the new list */
    uint64_t end;       /* of its last page in the old list */
};

static struct rows_file *
find_file(struct rows_file *files, uint32_t *count, uint64_t serial)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (files[i].serial == serial) {
            return &files[i];
        }
    }
    files[*count] = (struct rows_file){.serial = serial};
    return &files[(*count)++];
}

static int
compare_files(const void *left, const void *right)
{
    const struct rows_file *a = left;
    const struct rows_file *b = right;
    return (a->live_size > b->live_size) - (a->live_size < b->live_size);
}

static void
rewrite_file(struct checkpoint_list *list, uint64_t serial)
{
    for (uint64_t i = 0; i < list->page_count; i++) {
        if (list->pages[i].count != 0 && list->pages[i].file == serial) {
            list->pages[i] =
                (struct checkpoint_page){.rel = list->pages[i].rel, .page = list->pages[i].page};
        }
    }
}

/* A list never names more than CHECKPOINT_ROWS_FILES_MAX files, so the old one does not either. */
static void
choose_rewrites(struct checkpoint_writer *writer)
{
    struct rows_file files[CHECKPOINT_ROWS_FILES_MAX + 1] = {0};
    uint32_t count = 0;
    for (uint64_t i = 0; writer->old != NULL && i < writer->old->page_count; i++) {
        const struct checkpoint_page *page = &writer->old->pages[i];
        struct rows_file *file = find_file(files, &count, page->file);
        file->end = KY_MAX(file->end, page->offset + page->size);
        KY_ASSERT(count <= CHECKPOINT_ROWS_FILES_MAX);
    }
    bool is_any_written = false;
    for (uint64_t i = 0; i < writer->list->page_count; i++) {
        const struct checkpoint_page *page = &writer->list->pages[i];
        if (page->count != 0) {
            find_file(files, &count, page->file)->live_size += page->size;
        } else {
            is_any_written = true;
        }
    }
    qsort(files, count, sizeof(files[0]), compare_files);
    uint32_t kept = count;
    for (uint32_t i = 0; i < count; i++) {
        bool is_mostly_dead = files[i].live_size < files[i].end / 2;
        if (files[i].live_size == 0) {
            kept--;
        } else if (is_any_written && (is_mostly_dead || kept + 1 > CHECKPOINT_ROWS_FILES_MAX)) {
            rewrite_file(writer->list, files[i].serial);
            kept--;
        }
    }
}

/* ------------------------------------------------------------------ writing */

static void
copy_page(const struct checkpoint_writer *writer, struct checkpoint_page *page,
          struct checkpoint_versions *versions)
{
    row_id_t first = page->page << PAGE_BITS;
    versions->count = 0;
    ky_epoch_enter();
    const struct relation *relation = directory_find(&writer->storage->directory, page->rel);
    const struct chunk *chunk = relation == NULL ? NULL : relation_chunk(relation, first);
    page->change_lsn = chunk == NULL ? 0 : chunk_change_lsn(chunk, first);
    for (uint32_t i = 0; chunk != NULL && i < PAGE_SLOTS; i++) {
        struct version version;
        const struct slot *slot = &chunk->slots[(first + i) & (CHUNK_SLOTS - 1)];
        if (slot_version_at(slot, writer->list->lsn, &version)) {
            versions->slots[versions->count] = (uint16_t)i;
            versions->commit_lsns[versions->count] = version.commit_lsn;
            versions->locations[versions->count] = version.location;
            versions->count++;
        }
    }
    ky_epoch_leave();
}

static ky_status
write_page(struct checkpoint_writer *writer, struct checkpoint_page *page,
           const struct checkpoint_versions *versions, struct ky_error *err)
{
    struct checkpoint_file *rows = &writer->rows;
    size_t before = rows->out.size;
    checkpoint_page_encode(page->rel, page->page, versions, &rows->out);
    page->count = versions->count;
    page->file = writer->list->serial;
    page->offset = rows->offset + before;
    page->size = rows->out.size - before;
    page->sum = ky_hash_bytes(rows->out.data + before, page->size, 0);
    page->lsn = writer->list->lsn;
    writer->written_pages++;
    return checkpoint_file_flush(writer, rows, false, err);
}

static void
write_header(struct checkpoint_writer *writer)
{
    uint8_t *header = ky_buffer_extend(&writer->rows.out, CHECKPOINT_ROWS_HEADER_SIZE);
    memset(header, 0, CHECKPOINT_ROWS_HEADER_SIZE);
    ky_store_le64(header, CHECKPOINT_ROWS_MAGIC);
    ky_store_le32(header + 8, CHECKPOINT_VERSION);
    ky_store_le32(header + 12, CHECKPOINT_ROWS_HEADER_SIZE);
    ky_store_le64(header + 16, writer->list->serial);
    memcpy(header + 24, writer->list->system_id, sizeof(writer->list->system_id));
    ky_store_le32(header + 60, ky_crc32c(0, header, 60));
}

/* Writes the pages that have no place yet, and drops those that turn out to be empty. */
static ky_status
write_pages(struct checkpoint_writer *writer, struct checkpoint_versions *versions,
            struct ky_error *err)
{
    struct checkpoint_list *list = writer->list;
    uint64_t kept = 0;
    for (uint64_t i = 0; i < list->page_count; i++) {
        struct checkpoint_page page = list->pages[i];
        if (page.count == 0) {
            copy_page(writer, &page, versions);
            if (versions->count == 0) {
                continue;
            }
            if (writer->rows.file == NULL) {
                KY_TRY(checkpoint_file_open(writer, &writer->rows, list->serial, "rows", err));
                write_header(writer);
            }
            KY_TRY(write_page(writer, &page, versions, err));
        }
        list->pages[kept++] = page;
    }
    list->page_count = kept;
    return writer->rows.file == NULL ? KY_OK : checkpoint_file_finish(writer, &writer->rows, err);
}

static void
count_live(struct checkpoint_list *list)
{
    uint64_t page = 0;
    for (uint64_t i = 0; i < list->relation_count; i++) {
        struct checkpoint_relation *relation = &list->relations[i];
        for (; page < list->page_count && list->pages[page].rel == relation->rel; page++) {
            relation->live += list->pages[page].count;
        }
    }
    KY_ASSERT(page == list->page_count);
}

ky_status
checkpoint_write_rows(struct checkpoint_writer *writer, struct ky_error *err)
{
    note_all(writer);
    choose_rewrites(writer);
    struct checkpoint_versions *versions = ky_malloc(sizeof(*versions));
    ky_status status = write_pages(writer, versions, err);
    ky_free(versions);
    if (status == KY_OK) {
        count_live(writer->list);
    }
    return status;
}
