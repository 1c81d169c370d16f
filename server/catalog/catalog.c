/* SPDX-License-Identifier: Apache-2.0 */
#include "server/catalog/catalog.h"

#include <stdatomic.h>

#include "server/base/assert.h"
#include "server/base/mutex.h"
#include "server/catalog/image.h"
#include "server/catalog/store.h"

/*
 * The cached image serves every statement until the catalog changes. A change is announced
 * before its commit is submitted (catalog_change_begin) and again when it is visible
 * (catalog_change_end): in between, nobody can know whether a snapshot includes it, so the
 * cache is bypassed; afterwards an image is good if it was taken at or after the change.
 */
struct catalog {
    struct storage *storage;
    struct ky_mutex lock;
    struct cat_image *cached KY_GUARDED_BY(lock); /* one reference is ours; may be NULL */
    lsn_t changed_lsn KY_GUARDED_BY(lock);        /* commit of the last change */
    uint32_t changes_in_flight KY_GUARDED_BY(lock);
    /* The cached one while it is known to be current, else NULL. Written with the lock held. */
    struct cat_image *_Atomic current;
    _Atomic oid_t next_oid; /* relaxed: only uniqueness matters */
};

static ky_status
fresh_image(struct catalog *catalog, struct cat_image **image_out, struct ky_error *err)
{
    struct txn *txn = txn_begin(catalog->storage, ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    ky_status status = image_build(txn, true, image_out, err);
    txn_statement_end(txn);
    txn_rollback(txn);
    return status;
}

/* Every OID in use is below what this finds: objects, and relfilenodes of TRUNCATE and rewrites. */
static oid_t
highest_oid(const struct cat_image *image)
{
    oid_t highest = OID_FIRST_USER;
    for (size_t i = 0; i < image->table_count; i++) {
        const struct cat_table *table = image->tables[i];
        highest = KY_MAX(highest, KY_MAX(table->oid, KY_MAX(table->rel, table->row_type)));
        for (uint16_t j = 0; j < table->column_count; j++) {
            highest = KY_MAX(highest, table->columns[j].default_oid);
        }
        for (uint16_t j = 0; j < table->index_count; j++) {
            highest = KY_MAX(highest, table->indexes[j]->oid);
        }
        for (uint16_t j = 0; j < table->constraint_count; j++) {
            highest = KY_MAX(highest, table->constraints[j]->oid);
        }
    }
    for (size_t i = 0; i < image->schema_count; i++) {
        highest = KY_MAX(highest, image->schemas[i]->oid);
    }
    for (size_t i = 0; i < image->type_count; i++) {
        const struct cat_type *type = image->types[i];
        highest = KY_MAX(highest, KY_MAX(type->oid, type->array_oid));
        for (uint32_t j = 0; j < type->labels.count; j++) {
            highest = KY_MAX(highest, type->labels.labels[j].oid);
        }
        for (uint16_t j = 0; type->domain != NULL && j < type->domain->check_count; j++) {
            highest = KY_MAX(highest, type->domain->checks[j].oid);
        }
    }
    for (size_t i = 0; i < image->role_count; i++) {
        highest = KY_MAX(highest, image->roles[i]->oid);
    }
    for (size_t i = 0; i < image->database_count; i++) {
        highest = KY_MAX(highest, image->databases[i]->oid);
    }
    for (size_t i = 0; i < image->extension_count; i++) {
        highest = KY_MAX(highest, image->extensions[i]->oid);
    }
    return highest;
}

ky_status
catalog_open(struct storage *storage, struct catalog **catalog_out, struct ky_error *err)
{
    struct catalog *catalog = ky_calloc(1, sizeof(*catalog));
    catalog->storage = storage;
    if (fresh_image(catalog, &catalog->cached, err) != KY_OK) {
        ky_free(catalog);
        return KY_ERR;
    }
    ky_mutex_init(&catalog->lock);
    atomic_init(&catalog->current, catalog->cached);
    /* A dropped relation's number must not come back while the log still names it: leave room for
     * what may have been used and dropped since the highest one that is left. */
    oid_t highest = KY_MAX(highest_oid(catalog->cached),
                           (oid_t)storage_counter_get(storage, CATALOG_OID_COUNTER));
    atomic_init(&catalog->next_oid, highest + 1);
    *catalog_out = catalog;
    return KY_OK;
}

void
catalog_close(struct catalog *catalog)
{
    if (catalog == NULL) {
        return;
    }
    cat_image_release(catalog->cached);
    ky_mutex_deinit(&catalog->lock);
    ky_free(catalog);
}

oid_t
catalog_new_oid(struct catalog *catalog)
{
    return atomic_fetch_add_explicit(&catalog->next_oid, 1, memory_order_relaxed);
}

oid_t
catalog_last_oid(struct catalog *catalog)
{
    return atomic_load_explicit(&catalog->next_oid, memory_order_relaxed) - 1;
}

static void
find_current(struct catalog *catalog) KY_REQUIRES(catalog->lock)
{
    const bool is_current =
        catalog->changes_in_flight == 0 && catalog->cached->lsn > catalog->changed_lsn;
    /* release: pairs with catalog_is_current. */
    atomic_store_explicit(&catalog->current, is_current ? catalog->cached : NULL,
                          memory_order_release);
}

void
catalog_change_begin(struct catalog *catalog)
{
    ky_mutex_lock(&catalog->lock);
    catalog->changes_in_flight++;
    find_current(catalog);
    ky_mutex_unlock(&catalog->lock);
}

void
catalog_change_end(struct catalog *catalog, lsn_t lsn)
{
    ky_mutex_lock(&catalog->lock);
    KY_ASSERT(catalog->changes_in_flight > 0);
    catalog->changes_in_flight--;
    catalog->changed_lsn = KY_MAX(catalog->changed_lsn, lsn);
    find_current(catalog);
    ky_mutex_unlock(&catalog->lock);
}

/* The cached image if it is known to be current, with a reference for the caller. */
static struct cat_image *
cached_image(struct catalog *catalog)
{
    ky_mutex_lock(&catalog->lock);
    struct cat_image *image = atomic_load_explicit(&catalog->current, memory_order_relaxed);
    if (image != NULL) {
        cat_image_retain(image);
    }
    ky_mutex_unlock(&catalog->lock);
    return image;
}

/* Offers a fresh image to the cache; it is kept when nothing newer is there. */
static void
offer_image(struct catalog *catalog, struct cat_image *image)
{
    struct cat_image *replaced = NULL;
    ky_mutex_lock(&catalog->lock);
    if (image->lsn > catalog->cached->lsn) {
        replaced = catalog->cached;
        catalog->cached = image;
        cat_image_retain(image);
        find_current(catalog);
    }
    ky_mutex_unlock(&catalog->lock);
    cat_image_release(replaced);
}

bool
catalog_is_current(const struct catalog *catalog, const struct cat_image *image)
{
    return atomic_load_explicit(&catalog->current, memory_order_acquire) == image;
}

ky_status
catalog_acquire(struct catalog *catalog, struct txn *txn, bool has_own_changes,
                struct cat_image **image_out, struct ky_error *err)
{
    if (has_own_changes) {
        const lsn_t before = txn_latest_begin(txn);
        ky_status status = image_build(txn, false, image_out, err);
        txn_latest_end(txn, before);
        return status;
    }
    struct cat_image *image = cached_image(catalog);
    if (image == NULL) {
        /* As in PostgreSQL, names are resolved by the newest catalog, whatever the isolation level.
         */
        KY_TRY(fresh_image(catalog, &image, err));
        offer_image(catalog, image);
    }
    *image_out = image;
    return KY_OK;
}

/* ------------------------------------------------------------------ changing */

static row_id_t
object_row_id(const void *object)
{
    row_id_t row_id;
    memcpy(&row_id, object, sizeof(row_id)); /* the first member of every object */
    return row_id;
}

ky_status
catalog_insert(struct txn *txn, enum cat_kind kind, const void *object, struct ky_error *err)
{
    struct ky_buffer row = {0};
    row_id_t row_id;
    store_encode(kind, object, &row);
    ky_status status =
        storage_insert(txn, store_relation(kind), false, ky_buffer_slice(&row), &row_id, err);
    ky_buffer_deinit(&row);
    return status;
}

static ky_status
lock_object(struct txn *txn, enum cat_kind kind, row_id_t row_id, struct ky_error *err)
{
    struct lock_waiter nobody = {0};
    enum lock_answer answer;
    struct row_ref newest;
    KY_ASSERT(row_id != ROW_ID_NONE);
    if (storage_row_state(txn, store_relation(kind), row_id, &newest) == ROW_OWN) {
        return KY_OK;
    }
    KY_TRY(storage_lock_row(txn, store_relation(kind), row_id, ROW_LOCK_UPDATE, LOCK_POLICY_NOWAIT,
                            &nobody, &answer, err));
    enum row_state state = storage_row_state(txn, store_relation(kind), row_id, &newest);
    if (answer != LOCK_GRANTED || state == ROW_CHANGED || state == ROW_GONE) {
        return ky_error_set(err, KY_SERIALIZATION_FAILURE,
                            "could not change the catalog: object was concurrently updated");
    }
    return KY_OK;
}

ky_status
catalog_update(struct txn *txn, enum cat_kind kind, const void *object, struct ky_error *err)
{
    row_id_t row_id = object_row_id(object);
    KY_TRY(lock_object(txn, kind, row_id, err));
    struct ky_buffer row = {0};
    store_encode(kind, object, &row);
    ky_status status =
        storage_update(txn, store_relation(kind), false, row_id, ky_buffer_slice(&row), err);
    ky_buffer_deinit(&row);
    return status;
}

ky_status
catalog_erase(struct txn *txn, enum cat_kind kind, const void *object, struct ky_error *err)
{
    row_id_t row_id = object_row_id(object);
    KY_TRY(lock_object(txn, kind, row_id, err));
    return storage_delete(txn, store_relation(kind), false, row_id, ky_slice(NULL, 0), err);
}
