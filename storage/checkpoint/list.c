/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/checkpoint/list.h"

#include <inttypes.h>
#include <stdio.h>

#include "server/base/arena.h"
#include "server/base/crc32c.h"
#include "server/base/endian.h"
#include "storage/mvcc/directory.h"

/* The list file: bytes to structs and back, with every number checked. Drawn in format.h. */

void
checkpoint_list_free(struct checkpoint_list *list)
{
    if (list == NULL) {
        return;
    }
    ky_free(list->relations);
    ky_free(list->counters);
    ky_free(list->pages);
    ky_free(list->parts);
    ky_free(list);
}

static int
compare_pages(const struct checkpoint_page *entry, rel_id_t rel, uint64_t page)
{
    if (entry->rel != rel) {
        return entry->rel < rel ? -1 : 1;
    }
    return (entry->page > page) - (entry->page < page);
}

const struct checkpoint_page *
checkpoint_list_page(const struct checkpoint_list *list, rel_id_t rel, uint64_t page)
{
    uint64_t low = 0;
    uint64_t high = list == NULL ? 0 : list->page_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int order = compare_pages(&list->pages[middle], rel, page);
        if (order == 0) {
            return &list->pages[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

const struct checkpoint_part *
checkpoint_list_part(const struct checkpoint_list *list, const char *name)
{
    for (uint64_t i = 0; list != NULL && i < list->part_count; i++) {
        if (strcmp(list->parts[i].name, name) == 0) {
            return &list->parts[i];
        }
    }
    return NULL;
}

void
checkpoint_file_name(char name[CHECKPOINT_NAME_SIZE], uint64_t serial, const char *kind)
{
    (void)snprintf(name, CHECKPOINT_NAME_SIZE, CHECKPOINT_DIR "/%016" PRIx64 ".%s", serial, kind);
}

/* ------------------------------------------------------------------ encoding */

static void
append_array(struct ky_buffer *out, const void *items, uint64_t count, size_t size)
{
    if (count > 0) {
        ky_buffer_append(out, items, count * size);
    }
}

void
checkpoint_list_encode(const struct checkpoint_list *list, struct ky_buffer *out)
{
    size_t start = out->size;
    uint8_t *header = ky_buffer_extend(out, CHECKPOINT_LIST_HEADER_SIZE);
    memset(header, 0, CHECKPOINT_LIST_HEADER_SIZE);
    ky_store_le64(header, CHECKPOINT_LIST_MAGIC);
    ky_store_le32(header + 8, CHECKPOINT_VERSION);
    ky_store_le32(header + 12, CHECKPOINT_LIST_HEADER_SIZE);
    ky_store_le64(header + 24, list->serial);
    ky_store_le64(header + 32, list->next_serial);
    ky_store_le64(header + 40, list->lsn);
    ky_store_le64(header + 48, list->next_event);
    ky_store_le64(header + 56, list->highest_txid);
    ky_store_le64(header + 64, (uint64_t)list->created_us);
    memcpy(header + 72, list->system_id, sizeof(list->system_id));
    ky_store_le64(header + 88, list->relation_count);
    ky_store_le64(header + 96, list->counter_count);
    ky_store_le64(header + 104, list->page_count);
    ky_store_le64(header + 112, list->part_count);
    append_array(out, list->relations, list->relation_count, sizeof(*list->relations));
    append_array(out, list->counters, list->counter_count, sizeof(*list->counters));
    append_array(out, list->pages, list->page_count, sizeof(*list->pages));
    append_array(out, list->parts, list->part_count, sizeof(*list->parts));
    ky_store_le32(ky_buffer_extend(out, 4), 0);
    uint32_t crc = ky_crc32c(0, out->data + start, out->size - start);
    ky_store_le32(ky_buffer_extend(out, 4), crc);
}

/* ------------------------------------------------------------------ decoding */

struct decoder {
    const uint8_t *bytes;
    size_t size;
    size_t offset;
    const char *damage;
};

/* A copy of the next count items; NULL when they do not fit, or there are none. */
static void *
take_array(struct decoder *decoder, uint64_t count, size_t size)
{
    if (count > (decoder->size - decoder->offset) / size) {
        decoder->damage = "its counts do not fit its size";
        return NULL;
    }
    if (count == 0) {
        return NULL;
    }
    void *items = ky_malloc(count * size);
    memcpy(items, decoder->bytes + decoder->offset, count * size);
    decoder->offset += count * size;
    return items;
}

static void
take_arrays(struct decoder *decoder, struct checkpoint_list *list)
{
    list->relations = take_array(decoder, list->relation_count, sizeof(*list->relations));
    if (decoder->damage == NULL) {
        list->counters = take_array(decoder, list->counter_count, sizeof(*list->counters));
    }
    if (decoder->damage == NULL) {
        list->pages = take_array(decoder, list->page_count, sizeof(*list->pages));
    }
    if (decoder->damage == NULL) {
        list->parts = take_array(decoder, list->part_count, sizeof(*list->parts));
    }
    if (decoder->damage == NULL && decoder->offset != decoder->size) {
        decoder->damage = "its counts do not fit its size";
    }
}

static const char *
check_relations(const struct checkpoint_list *list)
{
    for (uint64_t i = 0; i < list->relation_count; i++) {
        const struct checkpoint_relation *relation = &list->relations[i];
        if ((i > 0 && relation->rel <= relation[-1].rel) || relation->next_row_id == 0 ||
            relation->next_row_id > ROW_ID_MAX + 1 || relation->live >= relation->next_row_id) {
            return "a relation is malformed";
        }
    }
    for (uint64_t i = 1; i < list->counter_count; i++) {
        if (list->counters[i].id <= list->counters[i - 1].id) {
            return "its counters are not in order";
        }
    }
    return NULL;
}

static const char *
check_pages(const struct checkpoint_list *list)
{
    uint64_t relation = 0;
    uint64_t live = 0;
    for (uint64_t i = 0; i < list->page_count; i++) {
        const struct checkpoint_page *page = &list->pages[i];
        if (i > 0 && compare_pages(page - 1, page->rel, page->page) >= 0) {
            return "its pages are not in order";
        }
        while (relation < list->relation_count && list->relations[relation].rel < page->rel) {
            if (list->relations[relation++].live != live) {
                return "a relation's count of rows does not match its pages";
            }
            live = 0;
        }
        if (relation == list->relation_count || list->relations[relation].rel != page->rel ||
            page->page > (list->relations[relation].next_row_id - 1) >> PAGE_BITS ||
            page->count == 0 || page->count > PAGE_SLOTS || page->file >= list->next_serial ||
            page->offset < CHECKPOINT_ROWS_HEADER_SIZE || page->offset % 8 != 0 ||
            page->offset > INT64_MAX || page->size > CHECKPOINT_PAGE_SIZE_MAX ||
            page->size < CHECKPOINT_PAGE_HEADER_SIZE || page->size % 8 != 0 ||
            page->lsn > list->lsn) {
            return "a page is malformed";
        }
        live += page->count;
    }
    for (; relation < list->relation_count; relation++) {
        if (list->relations[relation].live != live) {
            return "a relation's count of rows does not match its pages";
        }
        live = 0;
    }
    return NULL;
}

static const char *
check_files(const struct checkpoint_list *list)
{
    uint64_t serials[CHECKPOINT_ROWS_FILES_MAX];
    uint32_t count = 0;
    for (uint64_t i = 0; i < list->page_count; i++) {
        uint32_t at = 0;
        while (at < count && serials[at] != list->pages[i].file) {
            at++;
        }
        if (at == CHECKPOINT_ROWS_FILES_MAX) {
            return "it names too many files";
        }
        if (at == count) {
            serials[count++] = list->pages[i].file;
        }
    }
    return NULL;
}

static const char *
check_parts(const struct checkpoint_list *list)
{
    for (uint64_t i = 0; i < list->part_count; i++) {
        const struct checkpoint_part *part = &list->parts[i];
        if (part->name[0] == '\0' || part->name[CHECKPOINT_NAME_SIZE - 1] != '\0' ||
            (i > 0 && strcmp(part[-1].name, part->name) >= 0) || part->lsn > list->lsn ||
            part->file >= list->next_serial || part->size > INT64_MAX) {
            return "a part is malformed";
        }
    }
    return NULL;
}

static const char *
decode_list(struct ky_slice bytes, struct checkpoint_list *list)
{
    const uint8_t *header = bytes.data;
    struct decoder decoder = {header, bytes.size - 8, CHECKPOINT_LIST_HEADER_SIZE, NULL};
    list->serial = ky_load_le64(header + 24);
    list->next_serial = ky_load_le64(header + 32);
    list->lsn = ky_load_le64(header + 40);
    list->next_event = ky_load_le64(header + 48);
    list->highest_txid = ky_load_le64(header + 56);
    list->created_us = (int64_t)ky_load_le64(header + 64);
    memcpy(list->system_id, header + 72, sizeof(list->system_id));
    list->relation_count = ky_load_le64(header + 88);
    list->counter_count = ky_load_le64(header + 96);
    list->page_count = ky_load_le64(header + 104);
    list->part_count = ky_load_le64(header + 112);
    if (list->serial >= list->next_serial || list->highest_txid >= UINT64_MAX / 2) {
        return "its header is malformed";
    }
    take_arrays(&decoder, list);
    const char *damage = decoder.damage;
    damage = damage != NULL ? damage : check_relations(list);
    damage = damage != NULL ? damage : check_pages(list);
    damage = damage != NULL ? damage : check_files(list);
    return damage != NULL ? damage : check_parts(list);
}

ky_status
checkpoint_list_decode(struct ky_slice bytes, const char *path, struct checkpoint_list **list_out,
                       struct ky_error *err)
{
    const uint8_t *data = bytes.data;
    const char *damage = NULL;
    if (bytes.size < CHECKPOINT_LIST_HEADER_SIZE + 8) {
        damage = "it is too short";
    } else if (ky_load_le64(data) != CHECKPOINT_LIST_MAGIC) {
        damage = "it does not begin like a checkpoint";
    } else if (ky_load_le32(data + bytes.size - 4) != ky_crc32c(0, data, bytes.size - 4)) {
        damage = "its checksum does not match";
    } else if (ky_load_le32(data + 8) != CHECKPOINT_VERSION || ky_load_le32(data + 16) != 0 ||
               ky_load_le32(data + 12) != CHECKPOINT_LIST_HEADER_SIZE) {
        return ky_error_set(err, KY_FEATURE_NOT_SUPPORTED,
                            "checkpoint file \"%s\" has version %" PRIu32
                            ", this server reads version %d",
                            path, ky_load_le32(data + 8), CHECKPOINT_VERSION);
    }
    struct checkpoint_list *list = ky_calloc(1, sizeof(*list));
    damage = damage != NULL ? damage : decode_list(bytes, list);
    if (damage != NULL) {
        checkpoint_list_free(list);
        return ky_error_set(err, KY_DATA_CORRUPTED, "checkpoint file \"%s\" is damaged: %s", path,
                            damage);
    }
    *list_out = list;
    return KY_OK;
}
