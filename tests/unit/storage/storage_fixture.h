/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <criterion/criterion.h>
#include <stdio.h>

#include "server/base/mutex.h"
#include "storage/storage.h"
#include "tests/support/mem_disk.h"

/* A storage on a disk in memory, and words for what a session does. */
enum { REL_A = 20000, REL_B = 20001, COUNTER_A = 20002 };

struct fixture {
    struct mem_disk *disk;
    struct storage *storage;
    struct storage_options options;
};

static inline void
fixture_open(struct fixture *fixture)
{
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(storage_open(&fixture->options, &fixture->storage, &err), KY_OK, "%s / %s",
                 err.message, err.detail);
}

static inline void
fixture_init(struct fixture *fixture, uint64_t chunk_size)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->disk = mem_disk_new();
    fixture->options = (struct storage_options){
        .dir = "data",
        .io = mem_disk_io(fixture->disk),
        .segment_size = 1024 * 1024,
        .chunk_size = chunk_size,
    };
    fixture_open(fixture);
}

static inline void
fixture_reopen(struct fixture *fixture)
{
    storage_close(fixture->storage);
    fixture_open(fixture);
}

static inline void
fixture_deinit(struct fixture *fixture)
{
    storage_close(fixture->storage);
    mem_disk_free(fixture->disk);
}

struct commit_wait {
    struct ky_mutex lock;
    struct ky_cond cond;
    bool is_done;
    ky_status status;
    struct txn_result result;
};

static inline void
commit_wait_done(void *arg, ky_status status, const struct txn_result *result,
                 const struct ky_error *err)
{
    (void)err;
    struct commit_wait *wait = arg;
    ky_mutex_lock(&wait->lock);
    wait->is_done = true;
    wait->status = status;
    wait->result = *result;
    ky_cond_signal(&wait->cond);
    ky_mutex_unlock(&wait->lock);
}

static inline struct txn_result
commit(struct txn *txn)
{
    struct commit_wait wait = {.status = KY_ERR};
    ky_mutex_init(&wait.lock);
    ky_cond_init(&wait.cond);
    txn_commit(txn, TXN_SYNC, commit_wait_done, &wait);
    ky_mutex_lock(&wait.lock);
    while (!wait.is_done) {
        ky_cond_wait(&wait.cond, &wait.lock);
    }
    ky_mutex_unlock(&wait.lock);
    ky_cond_deinit(&wait.cond);
    ky_mutex_deinit(&wait.lock);
    cr_assert_eq(wait.status, KY_OK);
    return wait.result;
}

static inline struct txn *
begin(struct fixture *fixture)
{
    struct txn *txn = txn_begin(fixture->storage, ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    return txn;
}

static inline row_id_t
insert(struct txn *txn, rel_id_t rel, const char *text)
{
    struct ky_error err;
    row_id_t row_id = 0;
    ky_error_init(&err);
    cr_assert_eq(storage_insert(txn, rel, true, ky_slice_cstr(text), &row_id, &err), KY_OK, "%s",
                 err.message);
    return row_id;
}

static inline void
update(struct txn *txn, rel_id_t rel, row_id_t row_id, const char *text)
{
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(storage_update(txn, rel, true, row_id, ky_slice_cstr(text), &err), KY_OK);
}

static inline void delete (struct txn *txn, rel_id_t rel, row_id_t row_id)
{
    struct ky_error err;
    ky_error_init(&err);
    cr_assert_eq(storage_delete(txn, rel, true, row_id, ky_slice_cstr("id"), &err), KY_OK);
}

/* What txn sees of a row now: its text in a static buffer, or "-". */
static inline const char *
get(struct txn *txn, rel_id_t rel, row_id_t row_id)
{
    static char text[256];
    struct row_ref row;
    if (!storage_get(txn, rel, row_id, &row)) {
        return "-";
    }
    (void)snprintf(text, sizeof(text), "%.*s", (int)row.body.size, (const char *)row.body.data);
    return text;
}

/* All rows as "a,b,c". */
static inline const char *
scan_all(struct txn *txn, rel_id_t rel)
{
    static char text[4096];
    struct storage_scan scan;
    struct row_ref rows[3];
    size_t size = 0;
    text[0] = '\0';
    storage_scan_init(&scan, txn, rel);
    for (uint32_t count; (count = storage_scan_next(&scan, rows, 3)) > 0;) {
        for (uint32_t i = 0; i < count; i++) {
            size +=
                (size_t)snprintf(text + size, sizeof(text) - size, "%s%.*s", size == 0 ? "" : ",",
                                 (int)rows[i].body.size, (const char *)rows[i].body.data);
        }
    }
    return text;
}

static inline row_id_t
insert_committed(struct fixture *fixture, rel_id_t rel, const char *text)
{
    struct txn *txn = begin(fixture);
    row_id_t row_id = insert(txn, rel, text);
    (void)commit(txn);
    return row_id;
}
