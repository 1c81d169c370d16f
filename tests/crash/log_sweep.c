/* SPDX-License-Identifier: Apache-2.0 */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/assert.h"
#include "server/base/log.h"
#include "storage/log/frame.h"
#include "tests/support/log_fixture.h"
#include "tests/support/mem_disk.h"

/*
 * Everything that can go wrong with a log, in turn: each byte flipped, each cut, each call failed,
 * the power gone at each call, also in the middle of recovery. Always: what was acknowledged is
 * there, nothing is there half, and nothing crashes.
 */
static void
setup(void)
{
    ky_log_set_level(KY_LOG_ERROR);
}

TestSuite(log_sweep, .init = setup);

enum { BASE_TXNS = 24, TAIL_TXNS = 9 };

/* Until the segment maker has nothing to do, so that calls are counted from a quiet point. */
static void
wait_quiet(struct mem_disk *disk, const struct log_fixture *fixture)
{
    uint64_t calls = mem_disk_calls(disk);
    struct log_stats stats = {0};
    for (int quiet = 0; quiet < 10 || stats.segment_count < 3;) {
        struct timespec pause = {.tv_nsec = 1000 * 1000};
        nanosleep(&pause, NULL);
        uint64_t now = mem_disk_calls(disk);
        quiet = now == calls ? quiet + 1 : 0;
        calls = now;
        log_stats(fixture->log, &stats);
        if (mem_disk_fault_hit(disk) && quiet >= 10) {
            return;
        }
    }
}

/* A log of BASE_TXNS commits, two starts and a part without a commit, closed in order. */
static struct mem_disk *
clean_disk(void)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    struct ky_error err = {0};
    log_fixture_init(&fixture, mem_disk_io(disk));
    cr_assert_eq(log_fixture_open(&fixture, &err), KY_OK, "%s", err.message);
    for (uint32_t i = 1; i <= BASE_TXNS / 2; i++) {
        cr_assert(log_fixture_commit(&fixture, i));
    }
    log_fixture_close(&fixture);
    cr_assert_eq(log_fixture_open(&fixture, &err), KY_OK, "%s", err.message);
    log_fixture_orphan_chunk(&fixture, 1000);
    for (uint32_t i = BASE_TXNS / 2 + 1; i <= BASE_TXNS; i++) {
        cr_assert(log_fixture_commit(&fixture, i));
    }
    wait_quiet(disk, &fixture);
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_crash(disk, MEM_CRASH_KEEP_ALL, 0);
    return disk;
}

/* The same, and then TAIL_TXNS commits and parts that were written but whose sync failed. */
/* How many of them are in the group that was written is up to the writer: at least one. */
static struct mem_disk *
uncertain_disk(void)
{
    struct mem_disk *disk = clean_disk();
    struct log_fixture fixture;
    struct ky_error err = {0};
    log_fixture_init(&fixture, mem_disk_io(disk));
    cr_assert_eq(log_fixture_open(&fixture, &err), KY_OK, "%s", err.message);
    cr_assert(log_fixture_commit(&fixture, BASE_TXNS + 1));
    wait_quiet(disk, &fixture);
    /* The part's write and sync, then the group's write; its sync fails. */
    mem_disk_fault(disk, MEM_FAULT_ERROR, EIO, 4);
    log_fixture_orphan_chunk(&fixture, 1001);
    for (uint32_t i = BASE_TXNS + 2; i <= BASE_TXNS + 1 + TAIL_TXNS; i++) {
        log_fixture_submit(&fixture, i, false);
    }
    log_fixture_wait(&fixture);
    cr_assert_eq(fixture.fatal_count, 1);
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    mem_disk_crash(disk, MEM_CRASH_KEEP_ALL, 0);
    return disk;
}

struct result {
    ky_status status;
    enum ky_sqlstate sqlstate;
    uint32_t seen_count;
    uint32_t seen[FIXTURE_TXNS_MAX];
};

/* Opens, checks, commits one more, closes. */
static void
try_open(struct mem_disk *disk, bool writes_more, struct result *result)
{
    struct log_fixture *fixture = malloc(sizeof(*fixture));
    KY_ASSERT(fixture != NULL);
    struct ky_error err = {0};
    log_fixture_init(fixture, mem_disk_io(disk));
    result->status = log_fixture_open(fixture, &err);
    result->sqlstate = err.sqlstate;
    result->seen_count = 0;
    if (result->status == KY_OK) {
        cr_assert_str_empty(fixture->fault, "%s", fixture->fault);
        result->seen_count = fixture->seen_count;
        memcpy(result->seen, fixture->seen, sizeof(fixture->seen));
        if (writes_more) {
            cr_assert(log_fixture_commit(fixture, 2000));
        }
        log_fixture_close(fixture);
    } else {
        cr_assert(err.message[0] != '\0');
    }
    log_fixture_deinit(fixture);
    free(fixture);
}

static void
expect_prefix(const struct result *result, const char *what, uint64_t at)
{
    for (uint32_t i = 0; i < result->seen_count; i++) {
        cr_assert_eq(result->seen[i], i + 1, "%s at %" PRIu64, what, at);
    }
}

/* ------------------------------------------------------------------ bytes */

struct flip {
    struct mem_disk *disk;
    uint32_t full_count;
    bool is_clean;
    uint64_t flips;
    uint64_t detected;
};

static bool
is_worth_flipping(const char *path, uint64_t offset, uint64_t used)
{
    if (strstr(path, ".seg") == NULL) {
        return strstr(path, "LOCK") == NULL;
    }
    bool is_first = strstr(path, "0000000000010000.seg") != NULL;
    if (!is_first) {
        return offset % 1021 == 3;
    }
    return offset < 128 || offset >= 4088 ? offset < used + 200 || offset % 1021 == 3
                                          : offset % 97 == 5;
}

static void
flip_file(void *arg, const char *path)
{
    struct flip *flip = arg;
    uint64_t size = 0;
    struct result *result = malloc(sizeof(*result));
    KY_ASSERT(result != NULL);
    const uint8_t *original = mem_disk_bytes(flip->disk, path, &size);
    uint64_t used = size;
    while (used > 0 && original[used - 1] == 0) {
        used--;
    }
    for (uint64_t offset = 0; offset < size; offset++) {
        if (!is_worth_flipping(path, offset, used)) {
            continue;
        }
        struct mem_disk *copy = mem_disk_copy(flip->disk);
        uint64_t copy_size = 0;
        uint8_t *bytes = mem_disk_bytes(copy, path, &copy_size);
        bytes[offset] ^= (uint8_t)(1u << (offset % 8));
        try_open(copy, false, result);
        expect_prefix(result, path, offset);
        flip->flips++;
        if (result->status != KY_OK) {
            flip->detected++;
            cr_assert(result->sqlstate == KY_DATA_CORRUPTED ||
                          result->sqlstate == KY_FEATURE_NOT_SUPPORTED,
                      "%s at %" PRIu64, path, offset);
        } else if (flip->is_clean) {
            cr_assert_eq(result->seen_count, flip->full_count, "%s at %" PRIu64, path, offset);
        } else {
            /* The frames of the last group vouch for the commit before them. */
            cr_assert_geq(result->seen_count, BASE_TXNS + 1, "%s at %" PRIu64, path, offset);
        }
        mem_disk_free(copy);
    }
    free(result);
}

Test(log_sweep, every_flipped_byte_of_a_closed_log_is_detected_or_harmless, .timeout = 300)
{
    struct flip flip = {.disk = clean_disk(), .full_count = BASE_TXNS, .is_clean = true};
    mem_disk_each_file(flip.disk, flip_file, &flip);
    cr_assert_gt(flip.detected, 1000);
    cr_assert_gt(flip.flips, flip.detected);
    mem_disk_free(flip.disk);
}

Test(log_sweep, every_flipped_byte_of_a_crashed_log_costs_only_the_unproven_tail, .timeout = 300)
{
    struct flip flip = {.disk = uncertain_disk(), .full_count = 0, .is_clean = false};
    mem_disk_each_file(flip.disk, flip_file, &flip);
    cr_assert_gt(flip.detected, 1000);
    mem_disk_free(flip.disk);
}

static const char FIRST_SEGMENT[] = "data/log/0000000000010000.seg";

Test(log_sweep, a_tail_of_zeros_from_any_byte_keeps_the_frames_before_it, .timeout = 300)
{
    struct mem_disk *disk = uncertain_disk();
    struct result *result = malloc(sizeof(*result));
    uint64_t size = 0;
    const uint8_t *original = mem_disk_bytes(disk, FIRST_SEGMENT, &size);
    uint64_t used = size;
    while (original[used - 1] == 0) {
        used--;
    }
    uint32_t previous = 0;
    uint32_t opened = 0;
    for (uint64_t cut = 4096; cut <= used; cut++) {
        struct mem_disk *copy = mem_disk_copy(disk);
        uint8_t *bytes = mem_disk_bytes(copy, FIRST_SEGMENT, &size);
        memset(bytes + cut, 0, size - cut);
        try_open(copy, cut % 16 == 0, result);
        expect_prefix(result, "cut", cut);
        if (result->status == KY_OK) {
            cr_assert_geq(result->seen_count, previous);
            cr_assert_geq(result->seen_count, BASE_TXNS);
            previous = result->seen_count;
            opened++;
        } else {
            cr_assert_eq(result->sqlstate, KY_DATA_CORRUPTED);
            cr_assert_eq(opened, 0, "a later cut was judged worse than an earlier one");
        }
        mem_disk_free(copy);
    }
    cr_expect_geq(previous, BASE_TXNS + 2);
    free(result);
    mem_disk_free(disk);
}

Test(log_sweep, a_file_cut_short_is_refused, .timeout = 300)
{
    struct mem_disk *disk = clean_disk();
    struct result *result = malloc(sizeof(*result));
    for (uint64_t cut = 0; cut < FIXTURE_SEGMENT_SIZE; cut += 487) {
        struct mem_disk *copy = mem_disk_copy(disk);
        struct io_file *file = NULL;
        struct ky_error err = {0};
        cr_assert_eq(io_open(mem_disk_io(copy), FIRST_SEGMENT, IO_WRITE, &file, &err), KY_OK);
        cr_assert_eq(io_truncate(file, cut, &err), KY_OK);
        io_close(file);
        try_open(copy, false, result);
        cr_assert_eq(result->status, KY_ERR);
        cr_assert_eq(result->sqlstate, KY_DATA_CORRUPTED);
        mem_disk_free(copy);
    }
    free(result);
    mem_disk_free(disk);
}

static void
remove_file(void *arg, const char *path)
{
    struct mem_disk *disk = arg;
    if (strstr(path, "LOCK") != NULL) {
        return;
    }
    struct result *result = malloc(sizeof(*result));
    struct mem_disk *copy = mem_disk_copy(disk);
    struct ky_error err = {0};
    cr_assert_eq(io_unlink(mem_disk_io(copy), path, &err), KY_OK);
    try_open(copy, false, result);
    if (result->status == KY_OK) {
        cr_assert_eq(result->seen_count, BASE_TXNS, "%s", path);
    } else {
        cr_assert_eq(result->sqlstate, KY_DATA_CORRUPTED, "%s", path);
    }
    mem_disk_free(copy);
    free(result);
}

Test(log_sweep, a_lost_file_is_noticed)
{
    struct mem_disk *disk = clean_disk();
    mem_disk_each_file(disk, remove_file, disk);
    mem_disk_free(disk);
}

/* ------------------------------------------------------------------ calls */

/* Opens and commits, some together, through two segments; goes as far as the disk lets it. */
static void
run_workload(struct log_fixture *fixture)
{
    struct ky_error err = {0};
    if (log_fixture_open(fixture, &err) != KY_OK) {
        return;
    }
    uint32_t number = 1;
    for (uint32_t round = 0; round < 24 && fixture->fatal_count == 0; round++) {
        for (uint32_t i = 0; i < 1 + round % 6; i++) {
            log_fixture_submit(fixture, number++, round % 5 == 4);
            if (fixture->fatal_count != 0) {
                break;
            }
        }
        log_fixture_wait(fixture);
    }
    log_fixture_close(fixture);
}

/* Fault number at in a workload from an empty disk, then a crash and a restart. */
static bool
run_fault(enum mem_fault fault, int error, uint64_t at, enum mem_crash crash)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture *fixture = malloc(sizeof(*fixture));
    KY_ASSERT(fixture != NULL);
    log_fixture_init(fixture, mem_disk_io(disk));
    mem_disk_fault(disk, fault, error, at);
    run_workload(fixture);
    bool is_hit = mem_disk_fault_hit(disk);
    if (fault == MEM_FAULT_SHORT || fault == MEM_FAULT_INTERRUPTED) {
        cr_assert_eq(fixture->fatal_count, 0);
    }
    mem_disk_crash(disk, crash, at * 7919 + (uint64_t)crash);

    struct ky_error err = {0};
    for (int round = 0; round < 2; round++) {
        cr_assert_eq(log_fixture_open(fixture, &err), KY_OK, "fault %d/%d at %" PRIu64 ": %s",
                     fault, error, at, err.message);
        cr_assert_str_empty(fixture->fault, "fault %d at %" PRIu64 ": %s", fault, at,
                            fixture->fault);
        for (uint32_t i = 1; i < 400; i++) {
            /* An asynchronous commit may be lost; the last fifth of the rounds has them. */
            if (fixture->is_acked[i] && crash == MEM_CRASH_KEEP_ALL) {
                cr_assert(log_fixture_has(fixture, i), "fault %d at %" PRIu64 " lost %u", fault, at,
                          i);
            }
            if (fixture->is_refused[i]) {
                cr_assert_not(log_fixture_has(fixture, i));
            }
        }
        log_fixture_close(fixture);
    }
    log_fixture_deinit(fixture);
    free(fixture);
    mem_disk_free(disk);
    return is_hit;
}

static void
sweep_fault(enum mem_fault fault, int error, enum mem_crash crash)
{
    uint64_t at = 1;
    for (; at < 2000; at++) {
        if (!run_fault(fault, error, at, crash)) {
            break;
        }
    }
    cr_assert_gt(at, 60);
    cr_assert_lt(at, 2000);
}

Test(log_sweep, an_error_at_any_call_is_never_answered_with_success, .timeout = 300)
{
    sweep_fault(MEM_FAULT_ERROR, EIO, MEM_CRASH_KEEP_ALL);
}

Test(log_sweep, a_torn_write_at_any_call_loses_nothing_acknowledged, .timeout = 300)
{
    sweep_fault(MEM_FAULT_TORN, EIO, MEM_CRASH_KEEP_ALL);
}

Test(log_sweep, a_full_disk_at_any_call_loses_nothing_acknowledged, .timeout = 300)
{
    sweep_fault(MEM_FAULT_ERROR, ENOSPC, MEM_CRASH_KEEP_ALL);
}

Test(log_sweep, short_writes_go_unnoticed, .timeout = 300)
{
    sweep_fault(MEM_FAULT_SHORT, 0, MEM_CRASH_KEEP_ALL);
}

Test(log_sweep, interrupted_calls_go_unnoticed, .timeout = 300)
{
    sweep_fault(MEM_FAULT_INTERRUPTED, 0, MEM_CRASH_KEEP_ALL);
}

/* ------------------------------------------------------------------ power */

/* KYRO_SWEEP_SEED=n varies which unsynced parts arrive. */
static uint64_t
seed_base(void)
{
    const char *text = getenv("KYRO_SWEEP_SEED");
    return text == NULL ? 0 : strtoull(text, NULL, 10) * 1000003;
}

/* Synchronous commits only: each of them must be there whatever the device did. */
static bool
run_power(uint64_t at, enum mem_crash crash)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture *fixture = malloc(sizeof(*fixture));
    KY_ASSERT(fixture != NULL);
    struct ky_error err = {0};
    log_fixture_init(fixture, mem_disk_io(disk));
    bool is_hit = false;
    uint32_t number = 1;
    for (int life = 0; life < 3; life++) {
        mem_disk_fault(disk, MEM_FAULT_POWER, EIO, at);
        if (log_fixture_open(fixture, &err) == KY_OK) {
            cr_assert_str_empty(fixture->fault, "power at %" PRIu64 ": %s", at, fixture->fault);
            for (uint32_t i = 1; i < number; i++) {
                cr_assert(!fixture->is_acked[i] || log_fixture_has(fixture, i),
                          "power at %" PRIu64 " life %d lost %u", at, life, i);
            }
            for (uint32_t i = 0; i < 40 && fixture->fatal_count == 0; i++) {
                log_fixture_submit(fixture, number++, false);
                if (i % 4 == 3) {
                    log_fixture_wait(fixture);
                }
            }
            log_fixture_wait(fixture);
            log_fixture_close(fixture);
        } else {
            cr_assert(mem_disk_fault_hit(disk), "power at %" PRIu64 " life %d: %s", at, life,
                      err.message);
        }
        is_hit = is_hit || mem_disk_fault_hit(disk);
        mem_disk_crash(disk, crash, at * 31 + (uint64_t)life + seed_base());
    }
    cr_assert_eq(log_fixture_open(fixture, &err), KY_OK, "power at %" PRIu64 ": %s", at,
                 err.message);
    cr_assert_str_empty(fixture->fault, "power at %" PRIu64 ": %s", at, fixture->fault);
    for (uint32_t i = 1; i < number; i++) {
        cr_assert(!fixture->is_acked[i] || log_fixture_has(fixture, i),
                  "power at %" PRIu64 " lost %u", at, i);
    }
    log_fixture_close(fixture);
    log_fixture_deinit(fixture);
    free(fixture);
    mem_disk_free(disk);
    return is_hit;
}

static void
sweep_power(enum mem_crash crash)
{
    uint64_t at = 1;
    while (at < 2000 && run_power(at, crash)) {
        at++;
    }
    cr_assert_gt(at, 40);
    cr_assert_lt(at, 2000);
}

Test(log_sweep, power_lost_at_any_call_with_all_written, .timeout = 300)
{
    sweep_power(MEM_CRASH_KEEP_ALL);
}

Test(log_sweep, power_lost_at_any_call_with_nothing_unsynced, .timeout = 300)
{
    sweep_power(MEM_CRASH_DROP_ALL);
}

Test(log_sweep, power_lost_at_any_call_with_any_part_of_it, .timeout = 300)
{
    sweep_power(MEM_CRASH_RANDOM);
}

/* ------------------------------------------------------------------ recovery */

static void
sweep_recovery(struct mem_disk *disk, uint32_t count_min)
{
    struct result *expected = malloc(sizeof(*expected));
    struct result *result = malloc(sizeof(*result));
    struct mem_disk *reference = mem_disk_copy(disk);
    try_open(reference, false, expected);
    mem_disk_free(reference);
    cr_assert_eq(expected->status, KY_OK);
    cr_assert_geq(expected->seen_count, count_min);

    uint64_t at = 1;
    bool is_hit = true;
    for (; is_hit && at < 500; at++) {
        for (int crash = MEM_CRASH_KEEP_ALL; crash <= MEM_CRASH_RANDOM; crash++) {
            struct mem_disk *copy = mem_disk_copy(disk);
            for (uint64_t life = 0; life < 3; life++) {
                struct log_fixture *fixture = malloc(sizeof(*fixture));
                struct ky_error err = {0};
                log_fixture_init(fixture, mem_disk_io(copy));
                mem_disk_fault(copy, MEM_FAULT_POWER, EIO, at + life);
                if (log_fixture_open(fixture, &err) == KY_OK) {
                    wait_quiet(copy, fixture);
                    log_fixture_close(fixture);
                }
                is_hit = life == 0 ? mem_disk_fault_hit(copy) : is_hit;
                log_fixture_deinit(fixture);
                free(fixture);
                mem_disk_crash(copy, (enum mem_crash)crash, at * 131 + life);
            }
            try_open(copy, true, result);
            cr_assert_eq(result->status, KY_OK, "killed at %" PRIu64 ", crash %d", at, crash);
            cr_assert_eq(result->seen_count, expected->seen_count, "killed at %" PRIu64, at);
            cr_assert_arr_eq(result->seen, expected->seen,
                             expected->seen_count * sizeof(expected->seen[0]));
            mem_disk_free(copy);
        }
    }
    cr_assert_gt(at, 8);
    free(result);
    free(expected);
    mem_disk_free(disk);
}

Test(log_sweep, recovery_killed_at_any_call_gives_the_same_state, .timeout = 300)
{
    sweep_recovery(uncertain_disk(), BASE_TXNS + 2);
}

/* ------------------------------------------------------------------ a tail over two segments */

/* Writes frames behind the log's back, as a group that was never synced: parts and their commits,
 * parts without, into the next segment. */
struct forger {
    struct mem_disk *disk;
    uint64_t number; /* of the segment */
    uint64_t offset;
    lsn_t durable_lsn;
    uint64_t seed;
    uint64_t last_sum;
    event_offset_t next_event;
};

static void
forge_frame(struct forger *forger, uint8_t *bytes, struct frame frame)
{
    char path[64];
    snprintf(path, sizeof(path), "data/log/%016" PRIx64 ".seg",
             forger->number * FIXTURE_SEGMENT_SIZE);
    uint64_t size = 0;
    uint8_t *segment = mem_disk_bytes(forger->disk, path, &size);
    cr_assert_not_null(segment, "%s", path);
    frame.lsn = forger->number * FIXTURE_SEGMENT_SIZE + forger->offset;
    frame.epoch = 1;
    frame.durable_lsn = forger->durable_lsn;
    frame.first_event = forger->next_event;
    struct frame_sums sums = {.prev_sum = forger->last_sum,
                              .payload_sum =
                                  frame_payload_sum(forger->seed, bytes + FRAME_HEADER_SIZE,
                                                    frame.total_size - FRAME_HEADER_SIZE)};
    frame_encode_header(bytes, &frame, sums);
    memcpy(segment + forger->offset, bytes, frame.total_size);
    forger->offset += frame.total_size;
    if (frame.flags != FRAME_PAD) {
        forger->last_sum = sums.payload_sum;
    }
    forger->next_event += frame.flags == FRAME_COMMIT ? frame.event_count : 0;
}

static void
forge(struct forger *forger, uint32_t number, bool is_chunk, lsn_t *lsn)
{
    struct frame frame = {0};
    uint8_t *bytes = log_fixture_frame(number, is_chunk, *lsn, &frame);
    if (FIXTURE_SEGMENT_SIZE - forger->offset < frame.total_size) {
        uint8_t pad[FRAME_HEADER_SIZE] = {0};
        if (FIXTURE_SEGMENT_SIZE - forger->offset >= FRAME_HEADER_SIZE) {
            forge_frame(forger, pad,
                        (struct frame){.flags = FRAME_PAD, .total_size = FRAME_HEADER_SIZE});
        }
        forger->number++;
        forger->offset = 4096;
    }
    *lsn = forger->number * FIXTURE_SEGMENT_SIZE + forger->offset;
    forge_frame(forger, bytes, frame);
    free(bytes);
}

enum { FORGED_TXNS = 160 };

static struct mem_disk *
forged_disk(void)
{
    struct mem_disk *disk = mem_disk_new();
    struct log_fixture fixture;
    struct ky_error err = {0};
    log_fixture_init(&fixture, mem_disk_io(disk));
    cr_assert_eq(log_fixture_open(&fixture, &err), KY_OK, "%s", err.message);
    wait_quiet(disk, &fixture);
    log_fixture_close(&fixture);
    log_fixture_deinit(&fixture);
    struct forger forger = {.disk = disk,
                            .number = 1,
                            .offset = 4096,
                            .durable_lsn = FIXTURE_SEGMENT_SIZE + 4096,
                            .seed = frame_seed((const uint8_t *)"fixture-system-i")};
    for (uint32_t number = 1; number <= FORGED_TXNS; number++) {
        lsn_t lsn = 0;
        if (number % 10 == 3) {
            forge(&forger, 1000 + number, true, &lsn); /* its commit never came */
        }
        if (number % 7 == 0) {
            forge(&forger, number, true, &lsn);
        }
        forge(&forger, number, false, &lsn);
    }
    cr_assert_eq(forger.number, 2);
    mem_disk_crash(disk, MEM_CRASH_KEEP_ALL, 0);
    return disk;
}

Test(log_sweep, parts_and_commits_of_an_uncertain_tail_move_together)
{
    struct mem_disk *disk = forged_disk();
    struct result *result = malloc(sizeof(*result));
    for (int round = 0; round < 3; round++) {
        try_open(disk, round == 1, result);
        cr_assert_eq(result->status, KY_OK);
        cr_assert_eq(result->seen_count, FORGED_TXNS + (round == 2 ? 1 : 0));
    }
    free(result);
    mem_disk_free(disk);
}

Test(log_sweep, recovery_of_a_long_tail_killed_at_any_call_gives_the_same_state, .timeout = 300)
{
    sweep_recovery(forged_disk(), FORGED_TXNS);
}

/* A sector lost from the middle of an unsynced group looks like a torn tail, not like damage. */
Test(log_sweep, a_hole_in_an_unsynced_group_is_a_torn_tail, .timeout = 300)
{
    struct mem_disk *disk = forged_disk();
    struct result *result = malloc(sizeof(*result));
    for (uint64_t hole = 4096; hole < FIXTURE_SEGMENT_SIZE; hole += 512) {
        struct mem_disk *copy = mem_disk_copy(disk);
        uint64_t size = 0;
        memset(mem_disk_bytes(copy, FIRST_SEGMENT, &size) + hole, 0, 512);
        try_open(copy, true, result);
        cr_assert_eq(result->status, KY_OK);
        cr_assert_lt(result->seen_count, FORGED_TXNS);
        expect_prefix(result, "hole", hole);
        mem_disk_free(copy);
    }
    free(result);
    mem_disk_free(disk);
}
