/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>

#include "server/base/epoch.h"
#include "storage/mvcc/directory.h"

struct world {
    struct directory directory;
    struct relation *relation;
};

static struct world *
world_new(void)
{
    struct world *world = calloc(1, sizeof(*world));
    directory_init(&world->directory);
    world->relation = directory_get(&world->directory, 70000);
    return world;
}

static void
world_free(struct world *world)
{
    ky_epoch_drain();
    directory_deinit(&world->directory);
    free(world);
}

static bool
install(struct world *world, enum record_type type, row_id_t row, lsn_t lsn)
{
    struct install install = {
        .type = type, .row_id = row, .commit_lsn = lsn, .location = lsn + 96, .record_size = 40};
    ky_mutex_lock(&world->relation->lock);
    bool needs_fold = relation_install(world->relation, &install);
    ky_mutex_unlock(&world->relation->lock);
    return needs_fold;
}

static void
fold(struct world *world, row_id_t row, lsn_t horizon)
{
    ky_mutex_lock(&world->relation->lock);
    relation_fold(world->relation, row, horizon);
    ky_mutex_unlock(&world->relation->lock);
}

/* The commit a snapshot sees, 0 when none. */
static lsn_t
seen(const struct world *world, row_id_t row, lsn_t snapshot)
{
    struct version version;
    return relation_version_at(world->relation, row, snapshot, &version) ? version.commit_lsn : 0;
}

static struct txn *
owner(void)
{
    static char memory[64] __attribute__((aligned(64)));
    return (struct txn *)(void *)memory;
}

Test(mvcc_directory, every_snapshot_sees_its_version_until_it_is_folded)
{
    struct world *world = world_new();
    row_id_t row = relation_new_row(world->relation, owner());
    struct version version;
    struct txn *found = NULL;
    cr_expect_eq(relation_newest(world->relation, row, &version, &found), SLOT_STATE_IN_PROGRESS);
    cr_expect_eq(found, owner());
    cr_expect_eq(seen(world, row, LSN_MAX), 0);
    cr_expect_not(install(world, RECORD_INSERT, row, 1000));
    cr_expect(install(world, RECORD_UPDATE, row, 2000));
    cr_expect(install(world, RECORD_UPDATE, row, 3000));
    cr_expect(install(world, RECORD_DELETE, row, 4000));
    cr_expect_eq(seen(world, row, 1000), 0);
    cr_expect_eq(seen(world, row, 1001), 1000);
    cr_expect_eq(seen(world, row, 2001), 2000);
    cr_expect_eq(seen(world, row, 4000), 3000);
    cr_expect_eq(seen(world, row, 4001), 0);
    fold(world, row, 2500);
    cr_expect_eq(seen(world, row, 2500), 2000);
    cr_expect_eq(seen(world, row, 4000), 3000);
    fold(world, row, 3500);
    cr_expect_eq(seen(world, row, 3500), 3000);
    fold(world, row, 4001);
    cr_expect_eq(relation_newest(world->relation, row, &version, &found), SLOT_STATE_NONE);
    cr_expect_eq(atomic_load(&world->relation->live_count), 0);
    world_free(world);
}

Test(mvcc_directory, changes_of_one_commit_are_one_version)
{
    struct world *world = world_new();
    row_id_t row = relation_new_row(world->relation, owner());
    struct install change = {.type = RECORD_INSERT, .row_id = row, .commit_lsn = 1000};
    ky_mutex_lock(&world->relation->lock);
    change.location = 1096;
    cr_expect_not(relation_install(world->relation, &change));
    change.type = RECORD_UPDATE;
    change.location = 1200;
    cr_expect_not(relation_install(world->relation, &change));
    /* The same again changes nothing. */
    change.location = 1096;
    cr_expect_not(relation_install(world->relation, &change));
    ky_mutex_unlock(&world->relation->lock);
    struct version version;
    cr_assert(relation_version_at(world->relation, row, 1001, &version));
    cr_expect_eq(version.location, 1200);
    cr_expect_eq(atomic_load(&world->relation->live_count), 1);
    world_free(world);
}

Test(mvcc_directory, a_chunk_goes_when_all_its_rows_are_dead)
{
    struct world *world = world_new();
    lsn_t lsn = 1000;
    for (row_id_t i = 1; i < CHUNK_SLOTS + 10; i++) {
        row_id_t row = relation_new_row(world->relation, owner());
        cr_assert_eq(row, i);
        if (row % 2 == 0 && row < CHUNK_SLOTS) {
            relation_forget_row(world->relation, row);
        } else {
            (void)install(world, RECORD_INSERT, row, lsn);
        }
    }
    cr_expect_not_null(relation_chunk(world->relation, 1));
    for (row_id_t row = 1; row < CHUNK_SLOTS; row += 2) {
        (void)install(world, RECORD_DELETE, row, 2000);
        fold(world, row, 2001);
    }
    cr_expect_null(relation_chunk(world->relation, 1));
    cr_expect_not_null(relation_chunk(world->relation, CHUNK_SLOTS + 1));
    cr_expect_eq(seen(world, 1, 5000), 0);
    cr_expect_eq(seen(world, CHUNK_SLOTS + 1, 5000), 1000);
    world_free(world);
}

Test(mvcc_directory, relations_are_found_in_order_and_gone_when_removed)
{
    struct world *world = world_new();
    static const rel_id_t ids[] = {1, 1259, 16384, 70000, 4000000000U, UINT32_MAX};
    for (size_t i = 0; i < KY_COUNT_OF(ids); i++) {
        cr_assert_not_null(directory_get(&world->directory, ids[i]));
    }
    rel_id_t rel = 0;
    for (size_t i = 0; i < KY_COUNT_OF(ids); i++) {
        cr_assert(directory_next(&world->directory, i == 0 ? 0 : rel + 1, &rel));
        cr_expect_eq(rel, ids[i]);
    }
    directory_remove(&world->directory, 1259);
    cr_expect_null(directory_find(&world->directory, 1259));
    cr_assert(directory_next(&world->directory, 2, &rel));
    cr_expect_eq(rel, 16384);
    *directory_get_counter(&world->directory, 5) = 9;
    cr_assert(directory_next(&world->directory, 2, &rel));
    cr_expect_eq(rel, 5);
    world_free(world);
}
