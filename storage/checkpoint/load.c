/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "server/base/map.h"
#include "storage/storage_private.h"

/*
 * Reading a checkpoint: its list, then the pages of rows that the list names. Nothing is believed
 * before its checksum was right, and no number before it was compared with what it may be; then it
 * is put into the directory, if there is one to fill. One page is in memory at a time.
 */
struct loader {
    struct storage *storage; /* NULL: only check */
    const struct checkpoint_source *source;
    const struct checkpoint_list *list;
    struct relation *relation; /* of the page before */
    struct io_file *file;      /* open rows file */
    uint64_t serial;           /* its number */
    uint64_t size;             /* its size */
    uint8_t *bytes;            /* owned; CHECKPOINT_PAGE_SIZE_MAX */
    struct checkpoint_versions versions;
    int percent;
};

static ky_status
missing_is_damage(struct ky_error *err, const char *path)
{
    if (err->sqlstate == KY_UNDEFINED_FILE) {
        return ky_error_set(err, KY_DATA_CORRUPTED, "checkpoint file \"%s\" is missing", path);
    }
    return KY_ERR;
}

ky_status
checkpoint_read_list(const struct checkpoint_source *source, struct checkpoint_list **list_out,
                     struct ky_error *err)
{
    char *path = io_path(source->dir, source->name);
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct checkpoint_list *list = NULL;
    char name[CHECKPOINT_NAME_SIZE];
    ky_status status = io_read_file(source->io, path, CHECKPOINT_LIST_SIZE_MAX, &bytes, &size, err);
    if (status != KY_OK) {
        status = missing_is_damage(err, path);
    } else {
        status = checkpoint_list_decode(ky_slice(bytes, size), path, &list, err);
        free(bytes);
    }
    if (status == KY_OK) {
        checkpoint_file_name(name, list->serial, "list");
        if (list->lsn != source->lsn || strcmp(name, source->name) != 0) {
            checkpoint_list_free(list);
            status = ky_error_set(err, KY_DATA_CORRUPTED,
                                  "checkpoint file \"%s\" is damaged: it is another one", path);
        } else {
            *list_out = list;
        }
    }
    free(path);
    return status;
}

static ky_status
damaged(const struct loader *loader, const struct checkpoint_page *page, const char *what,
        struct ky_error *err)
{
    char name[CHECKPOINT_NAME_SIZE];
    checkpoint_file_name(name, page->file, "rows");
    char *path = io_path(loader->source->dir, name);
    (void)ky_error_set(err, KY_DATA_CORRUPTED, "checkpoint file \"%s\" is damaged: %s", path, what);
    free(path);
    return ky_error_detail(err, "The damage is at offset %" PRIu64 ".", page->offset);
}

/* What a rows file begins with. NULL, or what is wrong with it. */
static const char *
check_header(const struct loader *loader, const uint8_t *header)
{
    if (ky_load_le64(header) != CHECKPOINT_ROWS_MAGIC) {
        return "it does not begin like a checkpoint";
    }
    if (ky_load_le32(header + 60) != ky_crc32c(0, header, 60)) {
        return "the checksum of its header does not match";
    }
    if (ky_load_le32(header + 8) != CHECKPOINT_VERSION ||
        ky_load_le64(header + 16) != loader->serial ||
        memcmp(header + 24, loader->list->system_id, sizeof(loader->list->system_id)) != 0) {
        return "it belongs to something else";
    }
    return NULL;
}

static ky_status
open_rows(struct loader *loader, const struct checkpoint_page *page, struct ky_error *err)
{
    char name[CHECKPOINT_NAME_SIZE];
    uint8_t header[CHECKPOINT_ROWS_HEADER_SIZE];
    if (loader->file != NULL && loader->serial == page->file) {
        return KY_OK;
    }
    io_close(loader->file);
    loader->file = NULL;
    loader->serial = page->file;
    checkpoint_file_name(name, page->file, "rows");
    char *path = io_path(loader->source->dir, name);
    ky_status status = io_open(loader->source->io, path, IO_READ, &loader->file, err);
    if (status != KY_OK) {
        status = missing_is_damage(err, path);
    }
    free(path);
    KY_TRY(status);
    KY_TRY(io_size(loader->file, &loader->size, err));
    if (loader->size < sizeof(header)) {
        return damaged(loader, page, "it is too short", err);
    }
    KY_TRY(io_read_at(loader->file, 0, header, sizeof(header), err));
    const char *what = check_header(loader, header);
    return what == NULL ? KY_OK : damaged(loader, page, what, err);
}

static void
fill_page(struct loader *loader, const struct checkpoint_page *page)
{
    row_id_t first = page->page << PAGE_BITS;
    struct relation *relation = loader->relation;
    if (relation == NULL || relation->id != page->rel) {
        relation = loader->relation = directory_get(&loader->storage->directory, page->rel);
    }
    ky_mutex_lock(&relation->lock);
    relation_load_page(relation, first, page->change_lsn);
    for (uint32_t i = 0; i < loader->versions.count; i++) {
        relation_load_slot(relation, first + loader->versions.slots[i],
                           loader->versions.commit_lsns[i], loader->versions.locations[i]);
    }
    ky_mutex_unlock(&relation->lock);
}

static ky_status
load_page(struct loader *loader, const struct checkpoint_page *page, struct ky_error *err)
{
    KY_TRY(open_rows(loader, page, err));
    if (page->offset > loader->size || page->size > loader->size - page->offset) {
        return damaged(loader, page, "it ends early", err);
    }
    KY_TRY(io_read_at(loader->file, page->offset, loader->bytes, page->size, err));
    if (ky_hash_bytes(loader->bytes, page->size, 0) != page->sum) {
        return damaged(loader, page, "the checksum of a page does not match", err);
    }
    const char *what = checkpoint_page_decode(ky_slice(loader->bytes, page->size), page,
                                              loader->list->lsn, &loader->versions);
    if (what != NULL) {
        return damaged(loader, page, what, err);
    }
    if (loader->storage != NULL) {
        fill_page(loader, page);
    }
    return KY_OK;
}

/* Loading the checkpoint is the first half of starting. */
static void
report(struct loader *loader, uint64_t page)
{
    int percent = (int)(page * 50 / loader->list->page_count);
    if (loader->storage != NULL && loader->storage->options.on_progress != NULL &&
        percent > loader->percent) {
        loader->percent = percent;
        loader->storage->options.on_progress(loader->storage->options.arg, percent);
    }
}

/* Counters, and the numbers of relations. */
static void
fill_numbers(struct storage *storage, const struct checkpoint_list *list)
{
    atomic_store_explicit(&storage->next_txid, list->highest_txid + 1, memory_order_relaxed);
    for (uint64_t i = 0; i < list->relation_count; i++) {
        const struct checkpoint_relation *from = &list->relations[i];
        struct relation *relation = directory_get(&storage->directory, from->rel);
        atomic_store_explicit(&relation->next_row_id, from->next_row_id, memory_order_release);
        atomic_store_explicit(&relation->live_count, from->live, memory_order_relaxed);
        atomic_store_explicit(&relation->appended_bytes, from->appended_bytes,
                              memory_order_relaxed);
        atomic_store_explicit(&relation->appended_count, from->appended_count,
                              memory_order_relaxed);
    }
    for (uint64_t i = 0; i < list->counter_count; i++) {
        atomic_store_explicit(directory_get_counter(&storage->directory, list->counters[i].id),
                              list->counters[i].value, memory_order_release);
    }
}

ky_status
checkpoint_load(const struct checkpoint_source *source, const struct checkpoint_list *list,
                struct storage *storage, struct ky_error *err)
{
    struct loader *loader = ky_calloc(1, sizeof(*loader));
    loader->storage = storage;
    loader->source = source;
    loader->list = list;
    loader->bytes = ky_malloc(CHECKPOINT_PAGE_SIZE_MAX);
    ky_status status = KY_OK;
    for (uint64_t i = 0; i < list->page_count && status == KY_OK; i++) {
        status = load_page(loader, &list->pages[i], err);
        report(loader, i);
    }
    if (status == KY_OK && storage != NULL) {
        fill_numbers(storage, list);
    }
    io_close(loader->file);
    ky_free(loader->bytes);
    ky_free(loader);
    return status;
}
