/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/clock.h"
#include "server/base/epoch.h"
#include "storage/compact/compact_private.h"

/*
 * How much of each base file is alive: counted by looking at every slot of the directory, 16 bytes
 * a row, so that commits have nothing to keep count of. Chunk by chunk, each inside one epoch.
 */
struct base_file *
compact_next_file(const struct base_set *set, uint64_t id)
{
    struct base_file *file = base_set_from(set, id);
    while (file != NULL && atomic_load_explicit(&file->is_dropped, memory_order_acquire)) {
        file = base_set_from(set, file->id + 1);
    }
    return file;
}

struct count {
    const struct base_set *set;
    uint64_t last_id;
    struct base_file *last;
};

static void
count_location(void *arg, lsn_t location)
{
    struct count *count = arg;
    if (!location_is_base(location)) {
        return;
    }
    uint64_t id = location_base_id(location);
    if (id != count->last_id || count->last == NULL) {
        count->last_id = id;
        count->last = base_set_find(count->set, id);
    }
    if (count->last != NULL) {
        count->last->live_count++;
    }
}

/* A relation whose drop is visible has no rows that must move. */
static void
count_relation(struct storage *storage, rel_id_t rel, lsn_t visible, struct count *count)
{
    const struct location_visit visit = {.visit = count_location, .arg = count, .visible = visible};
    bool is_more = true;
    for (size_t chunk = 0; is_more; chunk++) {
        ky_epoch_enter();
        const struct relation *relation = directory_find(&storage->directory, rel);
        is_more = relation != NULL &&
                  atomic_load_explicit(&relation->drop_lsn, memory_order_acquire) >= visible &&
                  relation_each_location(relation, chunk, &visit);
        ky_epoch_leave();
    }
}

void
compact_survey(struct compactor *compactor)
{
    struct storage *storage = compactor->storage;
    struct base_set *set = &storage->base;
    compactor->surveyed_lsn = log_visible_lsn(storage->log);
    compactor->surveyed_ns = ky_monotonic_ns();
    for (struct base_file *f = base_set_from(set, 0); f != NULL;
         f = base_set_from(set, f->id + 1)) {
        f->live_count = 0;
    }
    if (base_set_from(set, 0) != NULL) {
        struct count count = {.set = set};
        rel_id_t rel = 0;
        for (uint64_t next = 0;
             next <= UINT32_MAX && directory_next(&storage->directory, (rel_id_t)next, &rel);
             next = (uint64_t)rel + 1) {
            count_relation(storage, rel, compactor->surveyed_lsn, &count);
        }
    }
    uint64_t rows = 0;
    uint64_t dead = 0;
    for (struct base_file *f = compact_next_file(set, 0); f != NULL;
         f = compact_next_file(set, f->id + 1)) {
        rows += f->record_count;
        dead += f->record_count - KY_MIN(f->live_count, f->record_count);
    }
    atomic_store_explicit(&compactor->base_rows, rows, memory_order_relaxed);
    atomic_store_explicit(&compactor->base_dead, dead, memory_order_relaxed);
}

static bool
is_dead_enough(const struct base_file *file, enum compact_depth depth)
{
    uint64_t dead = file->record_count - KY_MIN(file->live_count, file->record_count);
    return depth == COMPACT_FULL ? dead > 0 : dead * 2 > file->record_count;
}

static bool
is_small(const struct storage *storage, const struct base_file *file)
{
    return file->size < storage->options.segment_size;
}

void
compact_choose_files(struct job *job, enum compact_depth depth)
{
    const struct storage *storage = job->storage;
    const struct base_set *set = &storage->base;
    uint32_t small = 0;
    for (struct base_file *f = compact_next_file(set, 0); f != NULL;
         f = compact_next_file(set, f->id + 1)) {
        small += is_small(storage, f) && !is_dead_enough(f, depth);
    }
    /* Many small files become one: reads do not mind, but the manifest and the survey do. */
    bool is_merging = small >= SMALL_FILES_MAX;
    for (struct base_file *f = compact_next_file(set, 0);
         f != NULL && job->file_count < JOB_FILES_MAX; f = compact_next_file(set, f->id + 1)) {
        if (is_dead_enough(f, depth) || (is_merging && is_small(storage, f))) {
            job->files[job->file_count++] = f;
        }
    }
}
