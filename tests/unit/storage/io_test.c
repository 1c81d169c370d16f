/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/io/io.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/mem_disk.h"

static void
count_entry(void *arg, const char *name)
{
    int *count = arg;
    cr_expect_neq(name[0], '\0');
    (*count)++;
}

/* What both disks must do alike, in a directory that exists. */
static void
check_disk(struct io *io, const char *dir)
{
    struct ky_error err = {0};
    struct io_file *file = NULL;
    char *path = io_path(dir, "a");
    char *other = io_path(dir, "b");
    cr_assert_eq(io_open(io, path, IO_READ, &file, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_UNDEFINED_FILE);
    cr_assert_eq(io_open(io, path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE, &file, &err), KY_OK, "%s",
                 err.message);
    cr_assert_eq(io_fill_zeros(file, 3 * 1024 * 1024 + 5, &err), KY_OK, "%s", err.message);
    uint64_t size = 0;
    cr_assert_eq(io_size(file, &size, &err), KY_OK);
    cr_expect_eq(size, 3 * 1024 * 1024 + 5);
    const uint8_t *map = NULL;
    cr_assert_eq(io_map(file, 8192, &map, &err), KY_OK);

    /* More parts than one system call takes. */
    static char letters[2500];
    static struct iovec parts[2500];
    for (size_t i = 0; i < 2500; i++) {
        letters[i] = (char)('a' + i % 26);
        parts[i] = (struct iovec){.iov_base = &letters[i], .iov_len = i % 5 == 0 ? 0 : 1};
    }
    cr_assert_eq(io_write_at(file, 100, parts, 2500, &err), KY_OK, "%s", err.message);
    cr_assert_eq(io_sync(file, &err), KY_OK);
    cr_expect_eq(map[99], 0);
    cr_expect_eq(map[100], 'b');
    cr_expect_eq(map[100 + 1999], letters[2499]);
    cr_expect_eq(map[100 + 2000], 0);
    char back[4];
    cr_assert_eq(io_read_at(file, 100, back, 4, &err), KY_OK);
    cr_expect_arr_eq(back, "bcde", 4);
    cr_assert_eq(io_read_at(file, size - 2, back, 4, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DATA_CORRUPTED);
    io_unmap(io, map, 8192);
    io_close(file);

    cr_assert_eq(io_replace_file(io, path, other, ky_slice_cstr("text"), &err), KY_OK);
    uint8_t *text = NULL;
    size_t text_size = 0;
    cr_assert_eq(io_read_file(io, other, 4 * 1024 * 1024, &text, &text_size, &err), KY_OK);
    cr_expect_arr_eq(text, "text", 4);
    cr_expect_eq(text_size, 4);
    free(text);
    cr_expect_eq(io_read_file(io, other, 3, &text, &text_size, &err), KY_ERR);
    int count = 0;
    cr_assert_eq(io_list(io, dir, count_entry, &count, &err), KY_OK);
    cr_expect_eq(count, 1);
    cr_expect_eq(io_sync_dir(io, dir, &err), KY_OK);
    cr_expect_eq(io_unlink(io, path, &err), KY_OK);
    cr_expect_eq(io_unlink(io, other, &err), KY_OK);
    cr_expect_eq(io_make_dir(io, path, &err), KY_OK);
    cr_expect_eq(io_make_dir(io, path, &err), KY_OK);
    cr_expect_eq(io_remove_dir(io, path, &err), KY_OK);
    cr_expect_eq(io_remove_dir(io, path, &err), KY_OK);

    struct io_file *lock = NULL;
    struct io_file *second = NULL;
    cr_assert_eq(io_lock_dir(io, dir, &lock, &err), KY_OK, "%s", err.message);
    cr_assert_eq(io_lock_dir(io, dir, &second, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_OBJECT_IN_USE);
    io_close(lock);
    cr_assert_eq(io_lock_dir(io, dir, &lock, &err), KY_OK, "%s", err.message);
    io_close(lock);
    free(path);
    free(other);
}

Test(io, the_real_disk_keeps_the_rules)
{
    char dir[] = "/tmp/kyro-io-test-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    check_disk(io_disk(), dir);
    char *lock = io_path(dir, "LOCK");
    unlink(lock);
    free(lock);
    cr_expect_eq(rmdir(dir), 0);
}

Test(io, the_test_disk_keeps_the_rules)
{
    struct mem_disk *disk = mem_disk_new();
    struct ky_error err = {0};
    cr_assert_eq(io_make_dir(mem_disk_io(disk), "dir", &err), KY_OK);
    check_disk(mem_disk_io(disk), "dir");
    mem_disk_free(disk);
}

Test(io, short_and_interrupted_writes_are_completed)
{
    for (int fault = MEM_FAULT_SHORT; fault <= MEM_FAULT_INTERRUPTED; fault++) {
        struct mem_disk *disk = mem_disk_new();
        struct io *io = mem_disk_io(disk);
        struct ky_error err = {0};
        struct io_file *file = NULL;
        cr_assert_eq(io_open(io, "f", IO_WRITE | IO_CREATE, &file, &err), KY_OK);
        mem_disk_fault(disk, (enum mem_fault)fault, 0, 1);
        cr_assert_eq(io_write_bytes_at(file, 7, "0123456789", 10, &err), KY_OK);
        cr_expect_eq(mem_disk_calls(disk), 2);
        char back[10];
        cr_assert_eq(io_read_at(file, 7, back, 10, &err), KY_OK);
        cr_expect_arr_eq(back, "0123456789", 10);
        io_close(file);
        mem_disk_free(disk);
    }
}

Test(io, a_full_disk_has_its_own_error)
{
    struct mem_disk *disk = mem_disk_new();
    struct ky_error err = {0};
    struct io_file *file = NULL;
    mem_disk_limit(disk, 1000);
    cr_assert_eq(io_open(mem_disk_io(disk), "f", IO_WRITE | IO_CREATE, &file, &err), KY_OK);
    cr_expect_eq(io_fill_zeros(file, 1001, &err), KY_ERR);
    cr_expect_eq(err.sqlstate, KY_DISK_FULL);
    cr_expect_eq(err.saved_errno, ENOSPC);
    cr_expect_eq(io_fill_zeros(file, 1000, &err), KY_OK);
    io_close(file);
    mem_disk_free(disk);
}

Test(io, a_crash_drops_what_was_not_synced)
{
    struct mem_disk *disk = mem_disk_new();
    struct io *io = mem_disk_io(disk);
    struct ky_error err = {0};
    struct io_file *file = NULL;
    cr_assert_eq(io_make_dir(io, "d", &err), KY_OK);
    cr_assert_eq(io_sync_dir(io, ".", &err), KY_OK);
    cr_assert_eq(io_open(io, "d/f", IO_WRITE | IO_CREATE, &file, &err), KY_OK);
    cr_assert_eq(io_write_bytes_at(file, 0, "safe", 4, &err), KY_OK);
    cr_assert_eq(io_sync(file, &err), KY_OK);
    cr_assert_eq(io_sync_dir(io, "d", &err), KY_OK);
    cr_assert_eq(io_write_bytes_at(file, 0, "lost", 4, &err), KY_OK);
    io_close(file);
    cr_assert_eq(io_rename(io, "d/f", "d/g", &err), KY_OK);
    mem_disk_crash(disk, MEM_CRASH_DROP_ALL, 1);
    uint64_t size = 0;
    cr_expect_null(mem_disk_bytes(disk, "d/g", &size));
    uint8_t *bytes = mem_disk_bytes(disk, "d/f", &size);
    cr_assert_not_null(bytes);
    cr_expect_eq(size, 4);
    cr_expect_arr_eq(bytes, "safe", 4);
    mem_disk_free(disk);
}
