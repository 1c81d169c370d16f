/* SPDX-License-Identifier: Apache-2.0 */

/* A tail that grows while it is read: a range is what one moment's entries make it. */

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdatomic.h>

#include "index/index.h"
#include "index/rmi/tail.h"
#include "server/base/arena.h"
#include "server/base/assert.h"
#include "server/base/endian.h"
#include "server/base/epoch.h"
#include "server/base/mutex.h"

Test(rmi_tail, places_lie_within_the_entries_they_were_looked_for_in)
{
    struct rmi_tail *tail = (struct rmi_tail *)ky_calloc(1, sizeof(*tail));
    enum { BEFORE = 1500, AFTER = 5000 }; /* over several segments */
    for (uint64_t i = 0; i < BEFORE; i++) {
        cr_assert(rmi_tail_push(tail, 10 * i, 1));
    }
    const uint64_t count = rmi_tail_count(tail);
    const uint64_t bound = (uint64_t)10 * AFTER;
    cr_expect_eq(rmi_tail_lower(tail, count, bound, 0), BEFORE);
    for (uint64_t i = BEFORE; i < AFTER + 10; i++) {
        cr_assert(rmi_tail_push(tail, 10 * i, 1));
    }
    cr_expect_eq(rmi_tail_lower(tail, count, bound, 0), BEFORE, "none of those of before");
    cr_expect_eq(rmi_tail_lower(tail, rmi_tail_count(tail), bound, 0), AFTER);
    cr_expect_eq(rmi_tail_lower(tail, rmi_tail_count(tail), bound, 2), AFTER + 1);
    cr_expect_eq(rmi_tail_lower(tail, 0, bound, 0), 0);
    rmi_tail_deinit(tail);
    ky_free(tail);
}

enum { RUN_ENTRIES = 1000, APPENDED = 400000 };

static struct index *index_under_test;
static _Atomic bool is_over;

static struct ky_slice
make_key(uint64_t number, uint8_t key[9])
{
    key[0] = 1;
    ky_store_be64(key + 1, number);
    return ky_slice(key, 9);
}

static void
insert(uint64_t number)
{
    uint8_t key[9];
    struct ky_error err;
    ky_error_init(&err);
    const ky_status status =
        index_insert(index_under_test, make_key(number, key), number + 1, NULL, &err);
    KY_ASSERT(status == KY_OK); /* not Criterion's: the writer's thread comes here too */
}

static void *
append(void *arg)
{
    (void)arg;
    for (uint64_t i = 0; i < APPENDED; i++) {
        insert(RUN_ENTRIES + i);
    }
    atomic_store_explicit(&is_over, true, memory_order_relaxed);
    return NULL;
}

/* Every entry that is ever there lies below the range: whatever a scan finds is not of it. */
Test(rmi_tail, a_scan_beside_appends_keeps_to_its_bounds)
{
    index_under_test = index_new(INDEX_KIND_RMI);
    for (uint64_t i = 0; i < RUN_ENTRIES; i++) {
        insert(i);
    }
    /* Twice: the first one learns what keys look like, after the second one a tail takes them. */
    index_maintain(index_under_test);
    index_maintain(index_under_test);
    uint8_t bound[9];
    struct ky_thread writer;
    ky_thread_start(&writer, "append", append, NULL);
    for (uint64_t turn = 0; !atomic_load_explicit(&is_over, memory_order_relaxed); turn++) {
        struct index_scan scan = {.index = index_under_test,
                                  .lower = make_key(RUN_ENTRIES + APPENDED, bound),
                                  .has_lower = true,
                                  .is_backward = turn % 2 == 1};
        struct index_entry entry;
        const uint32_t count = index_scan_next(&scan, &entry, 1);
        cr_assert_eq(count, 0, "%" PRIu64, ky_load_be64((const uint8_t *)entry.key.data + 1));
        index_scan_deinit(&scan);
    }
    ky_thread_join(&writer);
    index_free(index_under_test);
    ky_epoch_drain();
}
