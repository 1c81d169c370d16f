/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/endian.h"
#include "server/base/mutex.h"
#include "server/base/random.h"
#include "storage/storage.h"
#include "tests/support/mem_disk.h"

/*
 * Compaction beside everything else, on tiny segments: writers change, insert and delete rows in
 * small and in chunked transactions, readers hold snapshots and bodies over many statements, nest
 * statements and look at newest versions, a reader of events follows. Every body says whose it is
 * and fills itself with what follows from that, so bytes that went away too early do not pass; a
 * reader under REPEATABLE READ must find every body it holds unchanged at its end.
 */
enum { ROWS = 400, WRITERS = 2, READERS = 3, REL = 30000, SEGMENT = 65536, HELD = 32 };

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                              \
        }                                                                         \
    } while (0)

static struct storage *storage;
static _Atomic bool is_over;
static _Atomic uint64_t commits;
static _Atomic uint64_t reads;
static _Atomic uint64_t followed;
static _Atomic uint64_t cut_off;

struct actor {
    struct ky_mutex lock;
    struct ky_cond cond;
    bool is_awake;
    struct lock_waiter waiter;
    struct ky_prng prng;
};

static void
actor_done(void *arg, ky_status status, const struct txn_result *result, const struct ky_error *err)
{
    (void)result;
    (void)err;
    struct actor *actor = arg;
    CHECK(status == KY_OK);
    ky_mutex_lock(&actor->lock);
    actor->is_awake = true;
    ky_cond_signal(&actor->cond);
    ky_mutex_unlock(&actor->lock);
}

static void
never_wake(struct lock_waiter *waiter)
{
    (void)waiter;
}

static void
actor_commit(struct actor *actor, struct txn *txn)
{
    txn_commit(txn, (enum txn_sync)ky_prng_below(&actor->prng, 3), actor_done, actor);
    ky_mutex_lock(&actor->lock);
    while (!actor->is_awake) {
        ky_cond_wait(&actor->cond, &actor->lock);
    }
    actor->is_awake = false;
    ky_mutex_unlock(&actor->lock);
}

static void
actor_init(struct actor *actor, uint64_t seed)
{
    memset(actor, 0, sizeof(*actor));
    ky_mutex_init(&actor->lock);
    ky_cond_init(&actor->cond);
    ky_prng_init(&actor->prng, seed);
    actor->waiter.wake = never_wake;
    actor->waiter.pid = (int)seed;
}

static void
actor_deinit(struct actor *actor)
{
    ky_cond_deinit(&actor->cond);
    ky_mutex_deinit(&actor->lock);
}

/* ------------------------------------------------------------------ bodies */

static struct ky_slice
make_body(uint8_t *space, row_id_t row, uint64_t value)
{
    size_t size = 16 + (size_t)(value % 200);
    ky_store_le64(space, row);
    ky_store_le64(space + 8, value);
    for (size_t i = 16; i < size; i++) {
        space[i] = (uint8_t)(value * 31 + i);
    }
    return ky_slice(space, size);
}

/* Row 0: it was inserted before it knew its number. */
static void
check_body(row_id_t row, struct ky_slice body)
{
    uint8_t space[256];
    CHECK(body.size >= 16);
    uint64_t said = ky_load_le64(body.data);
    CHECK(said == row || said == 0);
    uint64_t value = ky_load_le64((const uint8_t *)body.data + 8);
    CHECK(ky_slice_equal(body, make_body(space, said, value)));
}

/* ------------------------------------------------------------------ writers */

static void
change(struct actor *actor, struct txn *txn)
{
    struct ky_error err;
    struct row_ref ref;
    uint8_t space[256];
    enum lock_answer answer = LOCK_BUSY;
    row_id_t end = storage_row_id_end(storage, REL);
    row_id_t row = 1 + ky_prng_below(&actor->prng, end - 1);
    if (storage_lock_row(txn, REL, row, ROW_LOCK_UPDATE, LOCK_POLICY_NOWAIT, &actor->waiter,
                         &answer, &err) != KY_OK ||
        answer != LOCK_GRANTED) {
        return;
    }
    enum row_state state = storage_row_state(txn, REL, row, &ref);
    if (state != ROW_UNCHANGED && state != ROW_CHANGED && state != ROW_OWN) {
        return;
    }
    check_body(row, ref.body);
    struct ky_slice body = make_body(space, row, ky_prng_next(&actor->prng));
    if (ky_prng_below(&actor->prng, 40) == 0) {
        CHECK(storage_delete(txn, REL, true, row, ky_slice(space, 8), &err) == KY_OK);
    } else {
        CHECK(storage_update(txn, REL, true, row, body, &err) == KY_OK);
    }
}

static void
insert(struct actor *actor, struct txn *txn)
{
    struct ky_error err;
    uint8_t space[256];
    row_id_t row = 0;
    struct ky_slice body = make_body(space, 0, ky_prng_next(&actor->prng));
    CHECK(storage_insert(txn, REL, true, body, &row, &err) == KY_OK);
}

static void *
writer_main(void *arg)
{
    struct actor actor;
    actor_init(&actor, (uint64_t)(uintptr_t)arg);
    while (!atomic_load(&is_over)) {
        struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
        txn_statement_begin(txn);
        bool is_big = ky_prng_below(&actor.prng, 20) == 0;
        for (uint64_t i = 1 + ky_prng_below(&actor.prng, is_big ? 200 : 8); i > 0; i--) {
            if (storage_live_count(storage, REL) < ROWS && ky_prng_below(&actor.prng, 4) == 0) {
                insert(&actor, txn);
            } else {
                change(&actor, txn);
            }
        }
        if (ky_prng_below(&actor.prng, 10) == 0) {
            txn_rollback(txn);
        } else {
            actor_commit(&actor, txn);
            atomic_fetch_add(&commits, 1);
        }
    }
    actor_deinit(&actor);
    return NULL;
}

/* ------------------------------------------------------------------ readers */

static void
scan(struct txn *txn)
{
    struct storage_scan scan;
    struct row_ref rows[50];
    uint64_t count = 0;
    storage_scan_init(&scan, txn, REL);
    for (uint32_t got; (got = storage_scan_next(&scan, rows, 50)) > 0; count += got) {
        for (uint32_t i = 0; i < got; i++) {
            check_body(rows[i].row_id, rows[i].body);
        }
    }
    CHECK(count == storage_count(txn, REL));
    atomic_fetch_add(&reads, count);
}

/* Bodies stay where they are, and as they are, while the snapshot is open. */
static void
hold(struct actor *actor, struct txn *txn)
{
    struct row_ref held[HELD];
    uint64_t values[HELD];
    uint32_t count = 0;
    row_id_t end = storage_row_id_end(storage, REL);
    while (count < HELD && ky_prng_below(&actor->prng, 100) != 0) {
        row_id_t row = 1 + ky_prng_below(&actor->prng, end - 1);
        if (storage_get(txn, REL, row, &held[count])) {
            values[count] = ky_load_le64((const uint8_t *)held[count].body.data + 8);
            count++;
        }
    }
    for (int i = 0; i < 3; i++) {
        scan(txn);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct row_ref again;
        check_body(held[i].row_id, held[i].body);
        CHECK(ky_load_le64((const uint8_t *)held[i].body.data + 8) == values[i]);
        CHECK(storage_get(txn, REL, held[i].row_id, &again));
        CHECK(ky_slice_equal(again.body, held[i].body));
    }
}

static void
look_at_newest(struct actor *actor, struct txn *txn)
{
    struct row_ref ref;
    row_id_t end = storage_row_id_end(storage, REL);
    for (int i = 0; i < 20; i++) {
        row_id_t row = 1 + ky_prng_below(&actor->prng, end - 1);
        enum row_state state = storage_row_state(txn, REL, row, &ref);
        if (state == ROW_UNCHANGED || state == ROW_CHANGED) {
            check_body(row, ref.body);
        }
        event_offset_t event = 0;
        if (state == ROW_UNCHANGED) {
            CHECK(storage_row_event(txn, REL, row, &event));
        }
    }
}

static void *
reader_main(void *arg)
{
    struct actor actor;
    actor_init(&actor, (uint64_t)(uintptr_t)arg);
    while (!atomic_load(&is_over)) {
        bool is_long = ky_prng_below(&actor.prng, 3) == 0;
        struct txn *txn =
            txn_begin(storage, is_long ? ISOLATION_REPEATABLE_READ : ISOLATION_READ_COMMITTED);
        txn_statement_begin(txn);
        if (is_long) {
            hold(&actor, txn);
        }
        look_at_newest(&actor, txn);
        txn_statement_begin(txn); /* nested: a newer snapshot under READ COMMITTED */
        scan(txn);
        txn_statement_end(txn);
        scan(txn);
        txn_statement_end(txn);
        txn_rollback(txn);
    }
    actor_deinit(&actor);
    return NULL;
}

static void *
follower_main(void *arg)
{
    (void)arg;
    struct ky_error err;
    ky_error_init(&err);
    event_offset_t next = storage_earliest_event(storage);
    struct event_reader *reader = event_reader_open(storage, next);
    while (!atomic_load(&is_over)) {
        struct event event;
        enum event_answer answer = EVENT_END;
        CHECK(event_reader_next(reader, &event, &answer, &err) == KY_OK);
        if (answer == EVENT_GONE) {
            CHECK(next < storage_earliest_event(storage));
            event_reader_close(reader);
            next = storage_earliest_event(storage);
            reader = event_reader_open(storage, next);
            atomic_fetch_add(&cut_off, 1);
        } else if (answer == EVENT_READY) {
            CHECK(event.offset == next);
            if (event.kind != EVENT_DELETE) {
                check_body(event.row_id, event.body);
            }
            next++;
            atomic_fetch_add(&followed, 1);
        }
    }
    event_reader_close(reader);
    return NULL;
}

/* ------------------------------------------------------------------ the whole */

static uint64_t
compact_all_the_while(int64_t until_ns)
{
    uint64_t dropped = 0;
    for (int i = 0; ky_monotonic_ns() < until_ns; i++) {
        struct ky_error err;
        ky_error_init(&err);
        struct compact_result result;
        struct storage_retention retention = {.bytes = (uint64_t)(i % 3) * SEGMENT,
                                              .reader_bytes = (uint64_t)(i % 2) * SEGMENT};
        storage_set_retention(storage, &retention);
        CHECK(storage_compact(storage, i % 4 == 0 ? COMPACT_FULL : COMPACT_LOG, NULL, &result,
                              &err) == KY_OK);
        (void)storage_relation_bytes(storage, REL);
        struct compact_stats stats;
        storage_compact_stats(storage, &stats);
        dropped += result.segments_dropped;
    }
    return dropped;
}

static void
check_once_more(void)
{
    struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    scan(txn);
    txn_statement_end(txn);
    txn_rollback(txn);
}

int
main(int argc, char **argv)
{
    int64_t seconds = argc > 1 ? strtoll(argv[1], NULL, 10) : 3;
    struct mem_disk *disk = mem_disk_new();
    struct storage_options options = {
        .dir = "data", .io = mem_disk_io(disk), .segment_size = SEGMENT, .chunk_size = 4096};
    struct ky_error err;
    ky_error_init(&err);
    CHECK(storage_open(&options, &storage, &err) == KY_OK);
    struct actor actor;
    actor_init(&actor, 100);
    struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
    for (int i = 0; i < ROWS; i++) {
        insert(&actor, txn);
    }
    actor_commit(&actor, txn);
    struct ky_thread threads[WRITERS + READERS + 1];
    for (size_t i = 0; i < WRITERS + READERS; i++) {
        ky_thread_start(&threads[i], "stress", i < WRITERS ? writer_main : reader_main,
                        (void *)(uintptr_t)(i + 1));
    }
    ky_thread_start(&threads[WRITERS + READERS], "follower", follower_main, NULL);
    uint64_t dropped = compact_all_the_while(ky_monotonic_ns() + seconds * 1000000000);
    atomic_store(&is_over, true);
    for (size_t i = 0; i < KY_COUNT_OF(threads); i++) {
        ky_thread_join(&threads[i]);
    }
    CHECK(dropped > 0);
    check_once_more();
    storage_close(storage);
    CHECK(storage_open(&options, &storage, &err) == KY_OK);
    check_once_more();
    storage_close(storage);
    (void)printf("commits=%" PRIu64 " reads=%" PRIu64 " dropped=%" PRIu64 " events=%" PRIu64
                 " cut_off=%" PRIu64 "\n",
                 atomic_load(&commits), atomic_load(&reads), dropped, atomic_load(&followed),
                 atomic_load(&cut_off));
    actor_deinit(&actor);
    mem_disk_free(disk);
    return 0;
}
