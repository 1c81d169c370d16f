/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/access/access_private.h"
#include "server/base/log.h"
#include "tests/support/mem_disk.h"

/* Counting what happens to relations: when others see it, and that a checkpoint keeps it. A few
 * tables without columns or rows stand for those of a catalog. */
enum { TABLE = 17000, TABLES = STATS_PENDING_MAX + 3, GONE = 17999 };

static struct mem_disk *disk;
static struct storage *storage;
static struct catalog *catalog;
static struct access *access_layer;
static _Atomic int done_count;

static void
on_fatal(void *arg, const struct ky_error *err)
{
    (void)arg;
    cr_assert_fail("%s", err->message);
}

static void
on_done(void *arg, ky_status status, const struct txn_result *result, const struct ky_error *err)
{
    (void)arg, (void)result, (void)err;
    cr_assert(status == KY_OK);
    atomic_fetch_add(&done_count, 1);
}

static void
commit(struct access_txn *txn)
{
    const int before = atomic_load(&done_count);
    access_commit(txn, TXN_SYNC, on_done, NULL);
    while (atomic_load(&done_count) == before) {
        (void)usleep(100);
    }
}

static void
open_all(void)
{
    struct ky_error err;
    const struct storage_options options = {.dir = "data",
                                            .io = mem_disk_io(disk),
                                            .segment_size = 262144,
                                            .chunk_size = 4096,
                                            .on_fatal = on_fatal};
    ky_error_init(&err);
    cr_assert(storage_open(&options, &storage, &err) == KY_OK, "%s", err.message);
    cr_assert(catalog_open(storage, &catalog, &err) == KY_OK, "%s", err.message);
    cr_assert(access_open(storage, catalog, 0, &access_layer, &err) == KY_OK, "%s", err.message);
}

static void
close_all(void)
{
    access_close(access_layer);
    catalog_close(catalog);
    storage_close(storage);
}

static void
make_tables(void)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};
    struct ky_error err;
    struct access_txn *txn = access_begin(access_layer, ISOLATION_READ_COMMITTED);
    txn_statement_begin(access_storage_txn(txn));
    for (int i = 0; i < TABLES; i++) {
        const struct cat_table table = {.oid = (oid_t)(TABLE + i),
                                        .name = names[i],
                                        .schema = OID_SCHEMA_PUBLIC,
                                        .kind = 'r',
                                        .persistence = 'p',
                                        .rel = (rel_id_t)(TABLE + i),
                                        .owner = OID_ROLE_POSTGRES};
        cr_assert(catalog_insert(access_storage_txn(txn), CAT_TABLE, &table, &err) == KY_OK);
    }
    txn_statement_end(access_storage_txn(txn));
    catalog_change_begin(catalog);
    commit(txn);
    catalog_change_end(catalog, storage_visible_lsn(storage) - 8);
}

static void
setup(void)
{
    ky_log_set_level(KY_LOG_ERROR);
    disk = mem_disk_new();
    open_all();
    make_tables();
}

static void
teardown(void)
{
    close_all();
    mem_disk_free(disk);
}

TestSuite(relation_stats, .init = setup, .fini = teardown);

static void
checkpoint(void)
{
    struct ky_error err;
    lsn_t lsn;
    ky_error_init(&err);
    access_stats_want_save(access_layer);
    cr_assert(storage_checkpoint(storage, &lsn, &err) == KY_OK, "%s", err.message);
}

static uint64_t
count_of(oid_t relation, enum relation_count which)
{
    struct relation_counts counts;
    access_counts_of(access_layer, relation, &counts);
    return counts.of[which];
}

static struct cat_image *
acquire(void)
{
    struct ky_error err;
    struct cat_image *image;
    struct txn *txn = txn_begin(storage, ISOLATION_READ_COMMITTED);
    txn_statement_begin(txn);
    cr_assert(catalog_acquire(catalog, txn, false, &image, &err) == KY_OK);
    txn_statement_end(txn);
    txn_rollback(txn);
    return image;
}

static struct table_upkeep
upkeep_of(oid_t oid)
{
    struct cat_image *image = acquire();
    const struct table_upkeep upkeep = access_upkeep_of(access_layer, cat_get_table(image, oid));
    cat_image_release(image);
    return upkeep;
}

/* Each table its number, twice: once committed, once rolled back. */
static void
count_all(void)
{
    for (int round = 0; round < 2; round++) {
        struct access_txn *txn = access_begin(access_layer, ISOLATION_READ_COMMITTED);
        for (int i = 0; i < TABLES; i++) {
            access_count(txn, (oid_t)(TABLE + i), COUNT_INSERTED, (uint64_t)i);
            access_count(txn, (oid_t)(TABLE + i), COUNT_SCANS, 1);
        }
        access_count(txn, GONE, COUNT_DELETED, 5);
        if (round == 0) {
            commit(txn);
        } else {
            access_rollback(txn);
        }
    }
}

static void
check_all(uint64_t times)
{
    for (int i = 0; i < TABLES; i++) {
        cr_expect_eq(count_of((oid_t)(TABLE + i), COUNT_INSERTED), times * (uint64_t)i);
        cr_expect_eq(count_of((oid_t)(TABLE + i), COUNT_SCANS), times);
        cr_expect_eq(count_of((oid_t)(TABLE + i), COUNT_UPDATED), 0);
    }
}

Test(relation_stats, others_see_what_a_transaction_counted_when_it_has_ended)
{
    struct access_txn *txn = access_begin(access_layer, ISOLATION_READ_COMMITTED);
    access_count(txn, TABLE, COUNT_UPDATED, 3);
    access_count(txn, TABLE, COUNT_UPDATED, 4);
    cr_expect_eq(count_of(TABLE, COUNT_UPDATED), 0);
    access_rollback(txn);
    cr_expect_eq(count_of(TABLE, COUNT_UPDATED), 7);
}

Test(relation_stats, more_relations_than_a_transaction_has_room_for)
{
    struct database_counts before;
    struct database_counts after;
    access_database_counts(access_layer, &before);
    count_all();
    check_all(2);
    access_database_counts(access_layer, &after);
    cr_expect_eq(after.commits - before.commits, 1);
    cr_expect_eq(after.rollbacks - before.rollbacks, 1);
    cr_expect_eq(after.relations.of[COUNT_SCANS] - before.relations.of[COUNT_SCANS],
                 2 * (uint64_t)TABLES);
    cr_expect_eq(after.relations.of[COUNT_DELETED] - before.relations.of[COUNT_DELETED], 10);
}

Test(relation_stats, a_checkpoint_keeps_them)
{
    struct database_counts before;
    struct database_counts after;
    struct cat_image *image = acquire();
    count_all();
    access_note_vacuumed(access_layer, cat_get_table(image, TABLE + 2));
    access_note_analyzed(access_layer, cat_get_table(image, TABLE + 2), 0, true);
    cat_image_release(image);
    access_database_counts(access_layer, &before);
    checkpoint();
    close_all();
    open_all();
    check_all(2);
    access_database_counts(access_layer, &after);
    cr_expect_eq(memcmp(&before, &after, sizeof(before)), 0);
    const struct table_upkeep upkeep = upkeep_of(TABLE + 2);
    cr_expect_eq(upkeep.inserted_at, 4);
    cr_expect_eq(upkeep.vacuum.count, 1);
    cr_expect_gt(upkeep.vacuum.last_us, 0);
    cr_expect_eq(upkeep.autoanalyze.count, 1);
    cr_expect_eq(upkeep.analyze.count, 0);
    /* That no catalog has is not saved. */
    cr_expect_eq(count_of(GONE, COUNT_DELETED), 0);
    count_all();
    check_all(4);
}

Test(relation_stats, forgotten_are_those_that_no_catalog_has)
{
    struct cat_image *image = acquire();
    count_all();
    access_stats_sweep(access_layer, image);
    cr_expect_eq(count_of(GONE, COUNT_DELETED), 0);
    check_all(2);
    access_stats_reset(access_layer, image, TABLE + 1);
    cr_expect_eq(count_of(TABLE + 1, COUNT_INSERTED), 0);
    cr_expect_eq(count_of(TABLE + 2, COUNT_INSERTED), 4);
    access_stats_reset(access_layer, image, OID_NONE);
    check_all(0);
    cat_image_release(image);
}

Test(relation_stats, compaction_counts_for_all_tables_unless_it_was_vacuum)
{
    struct ky_error err;
    struct compact_result result;
    struct cat_image *image = acquire();
    ky_error_init(&err);
    count_all();
    cr_expect_eq(upkeep_of(TABLE + 2).inserted_at, 0);
    cr_expect_eq(upkeep_of(TABLE + 3).inserted_at, 0);
    cr_assert(storage_compact(storage, COMPACT_FULL, NULL, &result, &err) == KY_OK);
    access_note_vacuumed(access_layer, cat_get_table(image, TABLE + 2));
    cat_image_release(image);
    const struct table_upkeep vacuumed = upkeep_of(TABLE + 2);
    const struct table_upkeep other = upkeep_of(TABLE + 3);
    cr_expect_eq(vacuumed.vacuum.count, 1);
    cr_expect_eq(vacuumed.autovacuum.count, 0);
    cr_expect_eq(vacuumed.inserted_at, 4);
    cr_expect_eq(other.vacuum.count, 0);
    cr_expect_eq(other.autovacuum.count, 1);
    cr_expect_gt(other.autovacuum.last_us, 0);
    cr_expect_eq(other.inserted_at, 6);
}

/* ------------------------------------------------------------------ damage */

static char part_path[256];

static void
find_part(void *arg, const char *path)
{
    (void)arg;
    if (strstr(path, ".part") != NULL) {
        (void)snprintf(part_path, sizeof(part_path), "%s", path);
    }
}

Test(relation_stats, a_damaged_part_is_counting_from_zero)
{
    uint64_t size = 0;
    count_all();
    checkpoint();
    close_all();
    mem_disk_each_file(disk, find_part, NULL);
    (void)mem_disk_bytes(disk, part_path, &size);
    cr_assert_gt(size, TABLES * 8 * sizeof(uint64_t));
    /* All of the header and of the checksum, some of what is between. */
    for (uint64_t i = 0; i < size; i += i < 256 || i + 16 >= size ? 1 : 13) {
        uint8_t *bytes = mem_disk_bytes(disk, part_path, &size);
        bytes[i] ^= 0x10;
        open_all();
        check_all(0);
        close_all();
        bytes = mem_disk_bytes(disk, part_path, &size);
        bytes[i] ^= 0x10;
    }
    open_all();
    check_all(2);
}

Test(relation_stats, what_was_damaged_is_saved_again)
{
    uint64_t size = 0;
    count_all();
    checkpoint();
    close_all();
    mem_disk_each_file(disk, find_part, NULL);
    mem_disk_bytes(disk, part_path, &size)[size / 2] ^= 1;
    open_all();
    count_all();
    checkpoint();
    close_all();
    open_all();
    check_all(2);
}

Test(relation_stats, a_checkpoint_that_failed_is_made_up_for)
{
    struct ky_error err;
    lsn_t lsn;
    uint64_t times = 2;
    count_all();
    mem_disk_fault(disk, MEM_FAULT_NONE, 0, 0);
    checkpoint();
    /* The last calls switch the log's manifest: what fails there is the log's. */
    const uint64_t calls = mem_disk_calls(disk) - 16;
    for (uint64_t at = 1; at < calls; at++) {
        count_all();
        times += 2;
        ky_error_init(&err);
        mem_disk_fault(disk, MEM_FAULT_ERROR, EIO, at);
        access_stats_want_save(access_layer);
        cr_assert(storage_checkpoint(storage, &lsn, &err) == KY_ERR || !mem_disk_fault_hit(disk));
        mem_disk_fault(disk, MEM_FAULT_NONE, 0, 0);
        checkpoint();
        close_all();
        open_all();
        check_all(times);
    }
}
