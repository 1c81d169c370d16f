/* SPDX-License-Identifier: Apache-2.0 */
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/endian.h"
#include "storage/storage_private.h"

/* The writing half of storage.h: each call makes one record of the write set, but for counters,
 * whose frames go to the log at once and belong to no transaction. */

ky_status
storage_insert(struct txn *txn, rel_id_t rel, bool is_event, struct ky_slice body,
               row_id_t *row_id_out, struct ky_error *err)
{
    struct record record = {
        .type = RECORD_INSERT,
        .flags = is_event ? RECORD_IS_EVENT : 0,
        .rel = rel,
        .body = body,
    };
    KY_TRY(write_set_add(txn, &record, err));
    *row_id_out = txn->writes[txn->write_count - 1].row_id;
    return KY_OK;
}

ky_status
storage_update(struct txn *txn, rel_id_t rel, bool is_event, row_id_t row_id, struct ky_slice body,
               struct ky_error *err)
{
    KY_ASSERT(row_id != ROW_ID_NONE);
    struct record record = {
        .type = RECORD_UPDATE,
        .flags = is_event ? RECORD_IS_EVENT : 0,
        .rel = rel,
        .row_id = row_id,
        .body = body,
    };
    return write_set_add(txn, &record, err);
}

ky_status
storage_delete(struct txn *txn, rel_id_t rel, bool is_event, row_id_t row_id,
               struct ky_slice identity, struct ky_error *err)
{
    KY_ASSERT(row_id != ROW_ID_NONE);
    struct record record = {
        .type = RECORD_DELETE,
        .flags = is_event ? RECORD_IS_EVENT : 0,
        .rel = rel,
        .row_id = row_id,
        .body = identity,
    };
    return write_set_add(txn, &record, err);
}

ky_status
storage_drop(struct txn *txn, rel_id_t rel, struct ky_error *err)
{
    struct record record = {.type = RECORD_DROP, .rel = rel};
    return write_set_add(txn, &record, err);
}

/* ------------------------------------------------------------------ counters */

void
txn_set_making_room(struct txn *txn, bool is_making_room)
{
    txn->is_making_room = is_making_room;
}

enum { COUNTER_RECORD_SIZE = 40 };

struct counter_frame {
    struct log_entry entry;
    struct txn *txn;
    uint8_t frame[FRAME_HEADER_SIZE + COUNTER_RECORD_SIZE];
};

static void
counter_install(struct log_entry *entry)
{
    (void)entry;
}

static void
counter_done(struct log_entry *entry, ky_status status, const struct ky_error *err)
{
    struct counter_frame *counter = KY_CONTAINER_OF(entry, struct counter_frame, entry);
    KY_ASSERT(status == KY_OK);
    (void)err;
    struct txn *txn = counter->txn;
    ky_free(counter);
    txn_flight_done(txn);
}

uint64_t
storage_counter_get(const struct storage *storage, rel_id_t counter)
{
    _Atomic uint64_t *place = directory_find_counter(&storage->directory, counter);
    return place == NULL ? 0 : atomic_load_explicit(place, memory_order_acquire);
}

static void
submit_counter(struct txn *txn, enum record_type type, rel_id_t counter, uint64_t value)
{
    struct counter_frame *frame = ky_calloc(1, sizeof(*frame));
    uint8_t bytes[sizeof(value)];
    ky_store_le64(bytes, value);
    struct record record = {
        .type = type,
        .rel = counter,
        .frame_back = FRAME_HEADER_SIZE,
        .body = ky_slice(bytes, sizeof(bytes)),
    };
    KY_ASSERT(record_size(sizeof(bytes)) == COUNTER_RECORD_SIZE);
    record_encode(frame->frame + FRAME_HEADER_SIZE, &record);
    frame->txn = txn;
    frame->entry = (struct log_entry){
        .frame = frame->frame,
        .size = sizeof(frame->frame),
        .flags = FRAME_COMMIT,
        .record_count = 1,
        .txid = txn_assign_id(txn),
        .install = counter_install,
        .done = counter_done,
    };
    txn_flight_add(txn);
    log_submit(txn->storage->log, &frame->entry);
}

static ky_status
check_counter_space(const struct txn *txn, struct ky_error *err)
{
    if (!log_has_space(txn->storage->log) && !txn->is_making_room) {
        return ky_error_set(err, KY_DISK_FULL, "could not extend log: No space left on device");
    }
    return KY_OK;
}

ky_status
storage_counter_raise(struct txn *txn, rel_id_t counter, uint64_t value, struct ky_error *err)
{
    KY_TRY(check_counter_space(txn, err));
    _Atomic uint64_t *place = directory_get_counter(&txn->storage->directory, counter);
    uint64_t old = atomic_load_explicit(place, memory_order_acquire);
    if (old >= value) {
        return KY_OK;
    }
    /* The frame goes first: whoever sees the new mark and commits is after it in the log. */
    submit_counter(txn, RECORD_COUNTER, counter, value);
    while (old < value && !atomic_compare_exchange_weak_explicit(
                              place, &old, value, memory_order_acq_rel, memory_order_acquire)) {
    }
    return KY_OK;
}

ky_status
storage_counter_set(struct txn *txn, rel_id_t counter, uint64_t value, struct ky_error *err)
{
    KY_TRY(check_counter_space(txn, err));
    _Atomic uint64_t *place = directory_get_counter(&txn->storage->directory, counter);
    if (atomic_load_explicit(place, memory_order_acquire) != value) {
        submit_counter(txn, RECORD_COUNTER_SET, counter, value);
        atomic_store_explicit(place, value, memory_order_release);
    }
    return KY_OK;
}
