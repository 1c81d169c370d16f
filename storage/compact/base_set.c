/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/compact/base_set.h"

#include <inttypes.h>
#include <stdlib.h>

#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/endian.h"
#include "server/base/log.h"

enum { TABLE_CAPACITY_MIN = 64 };

void
base_set_init(struct base_set *set)
{
    atomic_init(&set->table, NULL);
    set->next_id = 1;
}

static struct base_table *
get_table(const struct base_set *set)
{
    return atomic_load_explicit(&set->table, memory_order_acquire);
}

static struct base_file *
slot_of(const struct base_table *table, uint64_t id)
{
    if (table == NULL || id < table->first || id - table->first >= table->capacity) {
        return NULL;
    }
    return atomic_load_explicit(&table->slots[id - table->first], memory_order_acquire);
}

void
base_set_deinit(struct base_set *set)
{
    struct base_table *table = get_table(set);
    for (uint64_t i = 0; table != NULL && i < table->capacity; i++) {
        base_file_free(atomic_load_explicit(&table->slots[i], memory_order_relaxed));
    }
    while (table != NULL) {
        struct base_table *previous = table->previous;
        ky_free(table);
        table = previous;
    }
}

/* A table that begins with the oldest file there is and has room behind id. */
static struct base_table *
grow(struct base_set *set, uint64_t id)
{
    struct base_table *old = get_table(set);
    const struct base_file *oldest = base_set_from(set, 0);
    uint64_t first = oldest == NULL ? id : KY_MIN(oldest->id, id);
    uint64_t capacity = KY_MAX((id - first + 1) * 2, (uint64_t)TABLE_CAPACITY_MIN);
    struct base_table *table =
        ky_calloc(1, sizeof(*table) + (size_t)capacity * sizeof(table->slots[0]));
    table->first = first;
    table->capacity = capacity;
    table->previous = old;
    for (uint64_t i = 0; i < capacity; i++) {
        atomic_init(&table->slots[i], slot_of(old, first + i));
    }
    atomic_store_explicit(&set->table, table, memory_order_release);
    return table;
}

void
base_set_add(struct base_set *set, struct base_file *file)
{
    struct base_table *table = get_table(set);
    if (table == NULL || file->id < table->first || file->id - table->first >= table->capacity) {
        table = grow(set, file->id);
    }
    atomic_store_explicit(&table->slots[file->id - table->first], file, memory_order_release);
    set->next_id = KY_MAX(set->next_id, file->id + 1);
}

void
base_set_remove(struct base_set *set, struct base_file *file)
{
    struct base_table *table = get_table(set);
    KY_ASSERT(slot_of(table, file->id) == file);
    atomic_store_explicit(&table->slots[file->id - table->first], NULL, memory_order_release);
}

struct base_file *
base_set_find(const struct base_set *set, uint64_t id)
{
    return slot_of(get_table(set), id);
}

struct base_file *
base_set_from(const struct base_set *set, uint64_t id)
{
    const struct base_table *table = get_table(set);
    if (table == NULL) {
        return NULL;
    }
    for (uint64_t i = id < table->first ? 0 : id - table->first; i < table->capacity; i++) {
        struct base_file *file = atomic_load_explicit(&table->slots[i], memory_order_acquire);
        if (file != NULL) {
            return file;
        }
    }
    return NULL;
}

bool
base_set_has(const struct base_set *set, lsn_t location)
{
    const struct base_file *file = base_set_find(set, location_base_id(location));
    uint64_t offset = location_base_offset(location);
    return file != NULL && offset % 8 == 0 && offset >= BASE_HEADER_SIZE + BASE_BLOCK_HEADER_SIZE &&
           offset + RECORD_HEADER_SIZE <= file->index_offset;
}

const uint8_t *
base_set_span_at(const struct base_set *set, lsn_t location, struct log_span *span_out)
{
    const struct base_file *file = base_set_find(set, location_base_id(location));
    uint64_t offset = location_base_offset(location);
    if (file == NULL || offset >= file->index_offset) {
        return NULL;
    }
    *span_out = (struct log_span){location - offset, file->index_offset, file->bytes};
    return file->bytes + offset;
}

const uint8_t *
base_set_at(const struct base_set *set, lsn_t location)
{
    struct log_span span;
    return base_set_span_at(set, location, &span);
}

bool
base_set_event(const struct base_set *set, lsn_t location, event_offset_t *offset_out)
{
    const uint8_t *at = base_set_at(set, location);
    KY_ASSERT(at != NULL);
    if ((at[1] & RECORD_IS_EVENT) == 0) {
        return false;
    }
    *offset_out = ky_load_le64(at + record_size(ky_load_le32(at + 16)));
    return true;
}

/* ------------------------------------------------------------------ at start */

ky_status
base_set_open(struct base_set *set, struct io *io, const char *dir,
              const struct log_manifest_info *manifest, struct ky_error *err)
{
    struct base_identity identity;
    memcpy(identity.system_id, manifest->system_id, sizeof(identity.system_id));
    for (uint32_t i = 0; i < manifest->file_count; i++) {
        const struct log_file *listed = &manifest->files[i];
        if (listed->kind != LOG_FILE_BASE) {
            continue;
        }
        char name[64];
        identity.id = listed->info[0];
        base_name(name, identity.id);
        if (identity.id == 0 || identity.id > BASE_ID_MAX || strcmp(name, listed->name) != 0 ||
            base_set_find(set, identity.id) != NULL) {
            return ky_error_set(err, KY_DATA_CORRUPTED,
                                "the manifest lists \"%s\", which is no name of a base file",
                                listed->name);
        }
        struct base_file *file = NULL;
        KY_TRY(base_file_open(io, dir, &identity, listed, &file, err));
        base_set_add(set, file);
    }
    return KY_OK;
}

struct stray_list {
    const struct base_set *set;
    char **names; /* owned */
    size_t count;
};

static void
note_stray(void *arg, const char *name)
{
    struct stray_list *list = arg;
    uint64_t id = 0;
    if (base_parse_name(name, &id) && base_set_find(list->set, id) == NULL) {
        list->names = ky_realloc((void *)list->names, (list->count + 1) * sizeof(char *));
        list->names[list->count++] = ky_strdup(name);
    }
}

void
base_set_remove_strays(const struct base_set *set, struct io *io, const char *dir)
{
    struct ky_error err;
    ky_error_init(&err);
    struct stray_list list = {.set = set};
    char *base_dir = io_path(dir, "base");
    ky_status status = io_list(io, base_dir, note_stray, &list, &err);
    bool is_missing = status != KY_OK && err.sqlstate == KY_UNDEFINED_FILE;
    for (size_t i = 0; i < list.count; i++) {
        char *path = io_path(base_dir, list.names[i]);
        if (status == KY_OK) {
            status = io_unlink(io, path, &err);
            ky_log(INFO, "compact", "unlisted base file removed file=%s", path);
        }
        free(path);
        ky_free(list.names[i]);
    }
    if (status != KY_OK && !is_missing) {
        ky_log(WARN, "compact", "stray base files not removed error=\"%s\"", err.message);
    }
    ky_free((void *)list.names);
    free(base_dir);
}
