/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "server/base/log.h"
#include "server/base/random.h"
#include "tests/unit/storage/storage_fixture.h"

/*
 * Checkpoints: what is written again and what is not, parts, damage, failures of single calls and
 * of the power. A table of several pages is changed at random and remembered beside; after every
 * reopening the storage must show the same.
 */
enum { PAGES = 5, ROWS = PAGES * 4096 - 100, ROUNDS = 24 };

struct world {
    struct fixture f;
    struct ky_prng prng;
    uint32_t values[ROWS + 1]; /* by row id; 0: no row */
    uint32_t next_value;
    char part[64]; /* what save() writes */
    bool keeps_part;
};

/* A log that failed answers nobody any more; the tests open the directory again. */
static void
note_fatal(void *arg, const struct ky_error *err)
{
    (void)arg;
    (void)err;
}

static ky_status
save(void *arg, struct checkpoint_writer *writer, struct txn *pin, struct ky_error *err)
{
    struct world *world = arg;
    struct part_info info = {0};
    struct state_sink *sink = NULL;
    (void)pin;
    if (world->keeps_part && checkpoint_part_find(writer, "notes", &info)) {
        checkpoint_part_keep(writer, "notes");
        return KY_OK;
    }
    info = (struct part_info){.name = "notes", .identity = 7, .mark = 9};
    KY_TRY(checkpoint_part_begin(writer, &info, &sink, err));
    KY_TRY(sink->write(sink, ky_slice_cstr(world->part), err));
    KY_TRY(checkpoint_part_end(writer, err));
    info.name = "empty";
    KY_TRY(checkpoint_part_begin(writer, &info, &sink, err));
    return checkpoint_part_end(writer, err);
}

static void
set_derived(struct world *world)
{
    storage_set_derived(world->f.storage, &(struct storage_derived){.save = save, .arg = world});
}

static void
world_reopen(struct world *world)
{
    fixture_reopen(&world->f);
    set_derived(world);
}

static struct world *
world_new(uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));
    struct ky_error err;
    char text[16];
    ky_log_set_level(KY_LOG_ERROR);
    ky_prng_init(&world->prng, seed);
    fixture_init(&world->f, 0);
    world->f.options.on_fatal = note_fatal;
    world->f.options.arg = world;
    world_reopen(world);
    struct txn *txn = begin(&world->f);
    for (row_id_t row = 1; row <= ROWS; row++) {
        row_id_t got = 0;
        world->values[row] = ++world->next_value;
        int size = snprintf(text, sizeof(text), "%u", world->values[row]);
        cr_assert_eq(storage_insert(txn, REL_A, false, ky_slice(text, (size_t)size), &got, &err),
                     KY_OK);
        cr_assert_eq(got, row);
    }
    (void)commit(txn);
    return world;
}

static void
world_free(struct world *world)
{
    fixture_deinit(&world->f);
    free(world);
}

static void
change_row(struct world *world, struct txn *txn, row_id_t row)
{
    char text[16];
    if (world->values[row] == 0) {
        return;
    }
    if (ky_prng_below(&world->prng, 4) == 0) {
        delete (txn, REL_A, row);
        world->values[row] = 0;
        return;
    }
    world->values[row] = ++world->next_value;
    (void)snprintf(text, sizeof(text), "%u", world->values[row]);
    update(txn, REL_A, row, text);
}

/* Some changes, all in one page or anywhere. */
static void
change(struct world *world)
{
    struct txn *txn = begin(&world->f);
    uint64_t page = ky_prng_below(&world->prng, PAGES);
    bool is_local = ky_prng_below(&world->prng, 2) == 0;
    for (int i = 0; i < 20; i++) {
        row_id_t row = is_local ? page * 4096 + ky_prng_below(&world->prng, 4096)
                                : 1 + ky_prng_below(&world->prng, ROWS);
        if (row >= 1 && row <= ROWS) {
            change_row(world, txn, row);
        }
    }
    (void)commit(txn);
}

static void
check_rows(struct world *world)
{
    struct txn *txn = begin(&world->f);
    char text[16];
    uint64_t live = 0;
    for (row_id_t row = 1; row <= ROWS; row++) {
        struct row_ref ref;
        bool is_found = storage_get(txn, REL_A, row, &ref);
        cr_assert_eq(is_found, world->values[row] != 0, "row %" PRIu64, row);
        if (is_found) {
            int size = snprintf(text, sizeof(text), "%u", world->values[row]);
            cr_assert(ky_slice_equal(ref.body, ky_slice(text, (size_t)size)));
            live++;
        }
    }
    cr_assert_eq(storage_live_count(world->f.storage, REL_A), live);
    txn_rollback(txn);
}

static lsn_t
checkpoint(struct world *world)
{
    struct ky_error err;
    lsn_t lsn = 0;
    ky_error_init(&err);
    cr_assert_eq(storage_checkpoint(world->f.storage, &lsn, &err), KY_OK, "%s", err.message);
    return lsn;
}

struct files {
    struct mem_disk *disk;
    uint32_t rows;
    uint32_t parts;
    uint32_t lists;
    uint64_t newest_size; /* of the rows file with the greatest serial */
    char newest[256];
    char list[256];
    char part[256];
};

static void
note_file(void *arg, const char *path)
{
    struct files *files = arg;
    if (strstr(path, "/ckpt/") == NULL) {
        return;
    }
    if (strstr(path, ".rows") != NULL) {
        files->rows++;
        if (strcmp(path, files->newest) > 0) {
            (void)snprintf(files->newest, sizeof(files->newest), "%s", path);
        }
    } else if (strstr(path, ".part") != NULL) {
        files->parts++;
        (void)snprintf(files->part, sizeof(files->part), "%s", path);
    } else {
        files->lists++;
        (void)snprintf(files->list, sizeof(files->list), "%s", path);
    }
}

static struct files
list_files(struct world *world)
{
    struct files files = {.disk = world->f.disk};
    mem_disk_each_file(world->f.disk, note_file, &files);
    if (files.rows > 0) {
        (void)mem_disk_bytes(world->f.disk, files.newest, &files.newest_size);
    }
    return files;
}

Test(checkpoint, writes_only_the_pages_that_changed)
{
    struct world *world = world_new(1);
    (void)checkpoint(world);
    struct files before = list_files(world);
    cr_expect_eq(before.rows, 1);
    cr_expect_eq(before.lists, 1);
    cr_expect_lt(before.newest_size, ROWS * 5, "a row takes a few bytes");
    struct txn *txn = begin(&world->f);
    world->values[5000] = 1;
    update(txn, REL_A, 5000, "1");
    (void)commit(txn);
    (void)checkpoint(world);
    struct files after = list_files(world);
    cr_expect_eq(after.rows, 2);
    cr_expect_eq(after.lists, 1);
    cr_expect_lt(after.newest_size, before.newest_size / 3, "one page of five");
    for (int i = 0; i < 2; i++) {
        world_reopen(world);
        check_rows(world);
        (void)checkpoint(world);
        struct files again = list_files(world);
        cr_expect_eq(again.rows, 2, "nothing changed, nothing is written");
    }
    world_free(world);
}

Test(checkpoint, stays_right_and_small_over_many_rounds)
{
    struct world *world = world_new(2);
    for (int round = 0; round < ROUNDS; round++) {
        change(world);
        lsn_t lsn = checkpoint(world);
        cr_expect_eq(lsn, storage_visible_lsn(world->f.storage));
        struct files files = list_files(world);
        cr_assert_leq(files.rows, 8);
        cr_assert_eq(files.lists, 1);
        cr_assert_eq(files.parts, 2);
        if (round % 3 == 0) {
            change(world); /* for the log to say */
        }
        if (round % 5 == 0) {
            world_reopen(world);
            check_rows(world);
        }
    }
    /* Without rows there are no pages. */
    struct txn *txn = begin(&world->f);
    for (row_id_t row = 1; row <= ROWS; row++) {
        if (world->values[row] != 0) {
            delete (txn, REL_A, row);
            world->values[row] = 0;
        }
    }
    (void)commit(txn);
    (void)checkpoint(world);
    cr_expect_eq(list_files(world).rows, 0);
    world_reopen(world);
    check_rows(world);
    world_free(world);
}

Test(checkpoint, saves_what_a_commit_after_its_position_changed_next_time)
{
    struct world *world = world_new(3);
    (void)checkpoint(world);
    /* A page changed and saved, then changed again: the second change is in no rows file yet. */
    for (int i = 0; i < 3; i++) {
        struct txn *txn = begin(&world->f);
        world->values[9000] = ++world->next_value;
        char text[16];
        (void)snprintf(text, sizeof(text), "%u", world->values[9000]);
        update(txn, REL_A, 9000, text);
        (void)commit(txn);
        (void)checkpoint(world);
    }
    world_reopen(world);
    check_rows(world);
    world_free(world);
}

/* The text of a part, or "-". */
static const char *
part_text(struct world *world, const char *name, struct part_info *info_out)
{
    static char text[64];
    struct state_map *map = NULL;
    struct ky_error err;
    ky_error_init(&err);
    if (storage_part_open(world->f.storage, name, info_out, &map, &err) != KY_OK) {
        cr_expect_eq(err.sqlstate, KY_DATA_CORRUPTED);
        return "damaged";
    }
    if (map == NULL) {
        return "-";
    }
    (void)snprintf(text, sizeof(text), "%.*s", (int)map->bytes.size, (const char *)map->bytes.data);
    map->release(map);
    return text;
}

Test(checkpoint, keeps_and_replaces_parts)
{
    struct world *world = world_new(4);
    struct part_info info;
    cr_expect_str_eq(part_text(world, "notes", &info), "-");
    (void)snprintf(world->part, sizeof(world->part), "first");
    lsn_t first = checkpoint(world);
    cr_expect_str_eq(part_text(world, "notes", &info), "first");
    cr_expect_eq(info.lsn, first);
    cr_expect_eq(info.identity, 7);
    cr_expect_eq(info.mark, 9);
    cr_expect_str_eq(part_text(world, "empty", &info), "");
    world->keeps_part = true;
    (void)snprintf(world->part, sizeof(world->part), "second");
    change(world);
    (void)checkpoint(world);
    world_reopen(world);
    cr_expect_str_eq(part_text(world, "notes", &info), "first");
    cr_expect_eq(info.lsn, first, "kept as the state that it was saved from");
    cr_expect_str_eq(part_text(world, "empty", &info), "-", "not kept, so gone");
    world->keeps_part = false;
    change(world);
    lsn_t second = checkpoint(world);
    cr_expect_str_eq(part_text(world, "notes", &info), "second");
    cr_expect_eq(info.lsn, second);
    /* Nobody saves parts: those that there are stay. */
    storage_set_derived(world->f.storage, NULL);
    change(world);
    (void)checkpoint(world);
    cr_expect_str_eq(part_text(world, "notes", &info), "second");
    world_free(world);
}

static void
ignore_line(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

static uint64_t
count_damage(struct world *world)
{
    struct ky_error err;
    uint64_t count = 0;
    cr_assert_eq(
        storage_verify(world->f.options.io, world->f.options.dir, ignore_line, NULL, &count, &err),
        KY_OK);
    return count;
}

/* Flips single bits of a file of a closed directory: verify must find each. */
static void
flip_bytes(struct world *world, const char *path, uint64_t step)
{
    uint64_t size = 0;
    uint8_t *bytes = mem_disk_bytes(world->f.disk, path, &size);
    cr_assert_not_null(bytes);
    for (uint64_t at = 0; at < size; at += step) {
        bytes[at] ^= (uint8_t)(1U << at % 8);
        cr_assert_geq(count_damage(world), 1, "%s, byte %" PRIu64, path, at);
        bytes[at] ^= (uint8_t)(1U << at % 8);
    }
}

Test(checkpoint, every_changed_byte_is_found)
{
    struct world *world = world_new(5);
    (void)snprintf(world->part, sizeof(world->part), "part");
    (void)checkpoint(world);
    change(world);
    world->keeps_part = true;
    (void)checkpoint(world);
    storage_close(world->f.storage);
    cr_assert_eq(count_damage(world), 0);
    struct files files = list_files(world);
    flip_bytes(world, files.list, 1);
    flip_bytes(world, files.part, 1);
    flip_bytes(world, files.newest, 211);
    /* With the whole log still there, a damaged list costs time and nothing else. */
    uint64_t size = 0;
    mem_disk_bytes(world->f.disk, files.list, &size)[size / 2] ^= 1;
    fixture_open(&world->f);
    check_rows(world);
    world_free(world);
}

/* One disk call of a checkpoint fails in each way in turn. Nothing may be lost, whether the server
 * goes on or has to be started again. */
static void
fail_calls(enum mem_fault fault, int error)
{
    struct world *world = world_new(6);
    (void)checkpoint(world);
    bool is_hit = true;
    for (uint64_t at = 1; is_hit; at++) {
        struct ky_error err;
        lsn_t lsn = 0;
        cr_assert_lt(at, 1000);
        change(world);
        mem_disk_fault(world->f.disk, fault, error, at);
        ky_status status = storage_checkpoint(world->f.storage, &lsn, &err);
        is_hit = mem_disk_fault_hit(world->f.disk);
        mem_disk_fault(world->f.disk, MEM_FAULT_NONE, 0, 0);
        bool is_harmless = fault == MEM_FAULT_SHORT || fault == MEM_FAULT_INTERRUPTED;
        cr_assert(status == KY_OK || (is_hit && !is_harmless), "call %" PRIu64, at);
        if (status != KY_OK && at % 2 == 0) {
            /* Another attempt, of which nothing is asked: the log may have failed. */
            (void)!storage_checkpoint(world->f.storage, &lsn, &err);
        }
        /* A call that failed without the checkpoint was the segment maker's: the log has failed, or
         * is about to, and answers nobody. */
        if (status != KY_OK || (is_hit && !is_harmless) || at % 3 == 0) {
            world_reopen(world);
            check_rows(world);
        }
    }
    world_free(world);
}

Test(checkpoint, an_io_error_at_any_call_loses_nothing)
{
    fail_calls(MEM_FAULT_ERROR, 5);
}

Test(checkpoint, a_full_disk_at_any_call_loses_nothing)
{
    fail_calls(MEM_FAULT_ERROR, 28);
}

Test(checkpoint, a_torn_write_at_any_call_loses_nothing)
{
    fail_calls(MEM_FAULT_TORN, 28);
}

Test(checkpoint, short_and_interrupted_calls_are_finished)
{
    fail_calls(MEM_FAULT_SHORT, 0);
    fail_calls(MEM_FAULT_INTERRUPTED, 0);
}

/* The power fails at each disk call of a checkpoint in turn, and any part of what was not synced
 * arrives. */
Test(checkpoint, power_loss_at_any_call_loses_nothing)
{
    struct world *world = world_new(7);
    bool is_hit = true;
    (void)snprintf(world->part, sizeof(world->part), "part");
    for (uint64_t at = 1; is_hit; at++) {
        struct ky_error err;
        struct part_info info;
        lsn_t lsn = 0;
        cr_assert_lt(at, 1000);
        change(world);
        mem_disk_fault(world->f.disk, MEM_FAULT_POWER, 5, at);
        ky_status status = storage_checkpoint(world->f.storage, &lsn, &err);
        is_hit = mem_disk_fault_hit(world->f.disk);
        cr_assert(status == KY_OK || is_hit);
        storage_close(world->f.storage);
        mem_disk_crash(world->f.disk, (enum mem_crash)(at % 3), ky_prng_next(&world->prng));
        mem_disk_fault(world->f.disk, MEM_FAULT_NONE, 0, 0);
        fixture_open(&world->f);
        set_derived(world);
        check_rows(world);
        const char *text = part_text(world, "notes", &info);
        cr_assert(strcmp(text, "part") == 0 || strcmp(text, "-") == 0, "%s", text);
    }
    world_free(world);
}
